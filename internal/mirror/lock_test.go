package mirror

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func repoAt(t *testing.T, root string) *Repo {
	t.Helper()
	m, err := Open(root)
	require.NoError(t, err)
	r, err := m.Repo("base", RepoOptions{})
	require.NoError(t, err)
	return r
}

func TestLock(t *testing.T) {
	root := t.TempDir()
	r := repoAt(t, root)
	unlock, err := r.Lock(t.Context(), 0)
	require.NoError(t, err)
	assert.DirExists(t, filepath.Join(root, "base"))

	// Nobody else, and not we either.
	_, err = repoAt(t, root).Lock(t.Context(), 0)
	var locked *LockedError
	require.ErrorAs(t, err, &locked)
	assert.Equal(t, os.Getpid(), locked.PID)
	oneLine(t, err, "repository base", fmt.Sprint(os.Getpid()), "lock timeout")
	start := time.Now()
	_, err = r.Lock(t.Context(), 250*time.Millisecond)
	require.ErrorAs(t, err, &locked)
	assert.GreaterOrEqual(t, time.Since(start), 250*time.Millisecond)

	// Neither as a plain directory.
	_, err = LockDir(t.Context(), r.Dir(), 0)
	require.ErrorAs(t, err, &locked)
	oneLine(t, err, r.Dir())

	// Another repository is another lock.
	m, err := Open(root)
	require.NoError(t, err)
	other, err := m.Repo("other", RepoOptions{})
	require.NoError(t, err)
	unlockOther, err := other.Lock(t.Context(), 0)
	require.NoError(t, err)
	require.NoError(t, unlockOther())

	require.NoError(t, unlock())
	unlock, err = r.Lock(t.Context(), 0)
	require.NoError(t, err)
	require.NoError(t, unlock())
	assert.Equal(t, []string{".gorepo", "base", "other"}, names(t, root))
	assert.Empty(t, names(t, r.Dir()), "the lock of the directory leaves nothing in it")
}

func TestLockWaits(t *testing.T) {
	r := repoAt(t, t.TempDir())
	for _, timeout := range []time.Duration{-1, time.Minute} {
		unlock, err := r.Lock(t.Context(), 0)
		require.NoError(t, err)
		time.AfterFunc(150*time.Millisecond, func() { assert.NoError(t, unlock()) })
		unlock2, err := r.Lock(t.Context(), timeout)
		require.NoError(t, err)
		require.NoError(t, unlock2())
	}
}

func TestLockCanceled(t *testing.T) {
	r := repoAt(t, t.TempDir())
	_, err := r.Lock(canceled(t), 0)
	require.ErrorIs(t, err, context.Canceled)
	unlock, err := r.Lock(t.Context(), 0)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = r.Lock(ctx, -1)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, unlock())
}

// A repository whose directory is locked as a plain one is not left half locked.
func TestLockNeedsBoth(t *testing.T) {
	r := repoAt(t, t.TempDir())
	require.NoError(t, r.create())
	unlockDir, err := LockDir(t.Context(), r.Dir(), 0)
	require.NoError(t, err)
	_, err = r.Lock(t.Context(), 0)
	var locked *LockedError
	require.ErrorAs(t, err, &locked)
	start := time.Now()
	_, err = r.Lock(t.Context(), 250*time.Millisecond)
	require.ErrorAs(t, err, &locked)
	assert.GreaterOrEqual(t, time.Since(start), 240*time.Millisecond, "what is left of the time is for the second lock")
	require.NoError(t, unlockDir())
	unlock, err := r.Lock(t.Context(), 0)
	require.NoError(t, err)
	require.NoError(t, unlock())
}

// Whoever deletes .gorepo takes the lock file from under its holder; the next
// one then locks the new file, not the one that is gone.
func TestLockFileDeleted(t *testing.T) {
	r := repoAt(t, t.TempDir())
	unlock, err := r.Lock(t.Context(), 0)
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(r.statePath("lock")))
	// The directory's lock still protects the repository.
	_, err = r.Lock(t.Context(), 0)
	var locked *LockedError
	require.ErrorAs(t, err, &locked)
	require.NoError(t, unlock())

	// The lock of a file that was replaced after it had been opened is of no use.
	path := r.statePath("lock")
	f := flock.New(path)
	ok, err := f.TryLock()
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, os.Remove(path))
	write(t, path, "")
	unlock, ok, err = tryFlock(f)
	require.NoError(t, err)
	require.True(t, ok)
	_, ok, err = tryFile(path)
	require.NoError(t, err)
	assert.False(t, ok, "the one that is there now is locked")
	require.NoError(t, unlock())
}

func TestLockDir(t *testing.T) {
	dir := t.TempDir()
	unlock, err := LockDir(t.Context(), dir, 0)
	require.NoError(t, err)
	_, err = LockDir(t.Context(), dir, 0)
	var locked *LockedError
	require.ErrorAs(t, err, &locked)
	require.NoError(t, unlock())
	assert.Empty(t, names(t, dir))

	_, err = LockDir(t.Context(), filepath.Join(dir, "missing"), 0)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// NFS refuses to lock what is open for reading only.
func TestLockDirOnNFS(t *testing.T) {
	dir := t.TempDir()
	refuse := func(string) (func() error, bool, error) { return nil, false, syscall.EBADF }
	unlock, err := lockDir(t.Context(), 0, "x", dir, refuse, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{".gorepo.lock"}, names(t, dir))
	_, err = lockDir(t.Context(), 0, "x", dir, refuse, nil)
	var locked *LockedError
	require.ErrorAs(t, err, &locked)
	require.NoError(t, unlock())

	broken := func(string) (func() error, bool, error) { return nil, false, syscall.EACCES }
	_, err = lockDir(t.Context(), 0, "x", dir, broken, nil)
	require.ErrorIs(t, err, syscall.EACCES)
}

func init() {
	children["lock"] = func(args []string) error {
		m, err := Open(args[0])
		if err != nil {
			return err
		}
		r, err := m.Repo("base", RepoOptions{})
		if err != nil {
			return err
		}
		if _, err := r.Lock(context.Background(), 0); err != nil {
			return err
		}
		fmt.Println("locked")
		time.Sleep(time.Hour)
		return nil
	}
}

// A lock ends with its process, however that dies.
func TestLockEndsWithProcess(t *testing.T) {
	root := t.TempDir()
	cmd := child(t, "lock", root)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "locked", strings.TrimSpace(line))

	r := repoAt(t, root)
	_, err = r.Lock(t.Context(), 0)
	var locked *LockedError
	require.ErrorAs(t, err, &locked)
	assert.Equal(t, cmd.Process.Pid, locked.PID)
	assert.WithinDuration(t, time.Now(), locked.Since, time.Minute)
	oneLine(t, err, fmt.Sprintf("another gorepo (process %d, since %s)", locked.PID, locked.Since.Local().Format("2006-01-02 15:04:05")))

	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	unlock, err := r.Lock(t.Context(), 0)
	require.NoError(t, err)
	require.NoError(t, unlock())
}
