package mirror

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"gorepo/internal/rpmpkg"
)

// tmpfs mounts a file system of that many bytes, where the test may.
func tmpfs(t *testing.T, dir string, size int) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	err := unix.Mount("gorepo-test", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=755", size))
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
}

// A full disk: the published generation stays as it is, and the staging goes.
func TestDiskFull(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "disk")
	tmpfs(t, dir, 1<<20)
	m, err := Open(dir)
	require.NoError(t, err)
	r, err := m.Repo("base", RepoOptions{})
	require.NoError(t, err)
	unlock, err := r.Lock(t.Context(), 0)
	require.NoError(t, err)
	bring(t, r, "a.rpm", strings.Repeat("a", 100_000))
	publish(t, systemFS, r.Dir(), PublishOptions{}, map[string]string{"repomd.xml": "1", hashed("p"): "1"})
	require.NoError(t, r.SaveState(State{Dropped: []string{"old.rpm"}}))
	before := tree(t, r.Dir())

	s, err := NewStaging(r.Dir())
	require.NoError(t, err)
	err = s.Write(hashed("q"), make([]byte, 2<<20))
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.Contains(t, err.Error(), hashed("q"))
	// The disk is full to the last page now.
	require.ErrorIs(t, s.Write("repomd.xml", make([]byte, 8192)), syscall.ENOSPC)
	err = r.SaveState(State{Dropped: []string{strings.Repeat("x", 10_000)}})
	require.ErrorIs(t, err, syscall.ENOSPC)
	p, err := r.Partial(t.Context(), ref("b.rpm", strings.Repeat("b", 100_000)))
	require.NoError(t, err)
	_, err = io.WriteString(p, strings.Repeat("b", 100_000))
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.Contains(t, err.Error(), sha(strings.Repeat("b", 100_000)).Hex, "the error names the file")
	rest := p.Offset()
	require.NoError(t, p.Keep())
	require.NoError(t, s.Discard())
	assert.Equal(t, before, tree(t, r.Dir()))
	state, warning := r.State()
	require.NoError(t, warning)
	assert.Equal(t, []string{"old.rpm"}, state.Dropped)

	// With room again, all goes on.
	p, err = r.Partial(t.Context(), ref("b.rpm", strings.Repeat("b", 100_000)))
	require.NoError(t, err)
	assert.Equal(t, rest, p.Offset())
	_, err = io.WriteString(p, strings.Repeat("b", 100_000-int(rest)))
	require.NoError(t, err)
	require.NoError(t, p.Finish())
	require.NoError(t, p.Place())
	publish(t, systemFS, r.Dir(), PublishOptions{Keep: []string{hashed("p")}}, map[string]string{"repomd.xml": "2"})
	require.NoError(t, unlock())
	require.NoError(t, r.Close())
}

// ROOT/ID on a file system of its own: packages and metadata cross over.
func TestOtherFileSystem(t *testing.T) {
	root := t.TempDir()
	tmpfs(t, filepath.Join(root, "base"), 1<<20)
	r := repoAt(t, root)
	unlock, err := r.Lock(t.Context(), 0)
	require.NoError(t, err)
	bring(t, r, "Packages/a.rpm", "hello")
	assert.Equal(t, []string{"a.rpm"}, names(t, filepath.Join(r.Dir(), "Packages")))
	p, ok, err := r.Stat("Packages/a.rpm")
	require.NoError(t, err)
	assert.True(t, ok && p.Is(ref("", "hello")))

	// Not enough room there: nothing half is left, and the bytes stay.
	big := strings.Repeat("b", 2<<20)
	d, err := r.Partial(t.Context(), ref("Packages/b.rpm", big))
	require.NoError(t, err)
	_, err = io.WriteString(d, big)
	require.NoError(t, err)
	require.NoError(t, d.Finish())
	err = d.Place()
	require.ErrorIs(t, err, syscall.ENOSPC)
	oneLine(t, err, "Packages/b.rpm")
	require.NoError(t, d.Keep())
	assert.Equal(t, []string{"a.rpm"}, names(t, filepath.Join(r.Dir(), "Packages")))
	assert.Equal(t, []string{"sha256-" + sha(big).Hex}, names(t, r.statePath(partialDir)))

	s, err := NewStaging(r.Dir())
	require.NoError(t, err)
	source := filepath.Join(root, "comps.xml")
	write(t, source, "comps")
	require.NoError(t, s.Link(source, "comps.xml"), "a copy")
	require.NoError(t, s.Write("repomd.xml", []byte("1")))
	_, err = s.Publish(t.Context(), PublishOptions{})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"comps.xml": "comps", "repomd.xml": "1"}, tree(t, filepath.Join(r.Dir(), "repodata")))
	require.NoError(t, unlock())
	require.NoError(t, r.Close())
}

// A repodata that is a mount point cannot be renamed: its files are.
func TestMountedRepodata(t *testing.T) {
	dir := t.TempDir()
	tmpfs(t, filepath.Join(dir, "repodata"), 1<<20)
	publish(t, systemFS, dir, PublishOptions{}, map[string]string{"repomd.xml": "1", hashed("a"): "1"})
	p := publish(t, systemFS, dir, PublishOptions{Keep: []string{hashed("a")}}, map[string]string{"repomd.xml": "2", hashed("b"): "2"})
	assert.True(t, p.InPlace)
	assert.Equal(t, map[string]string{"repomd.xml": "2", hashed("a"): "1", hashed("b"): "2"}, tree(t, filepath.Join(dir, "repodata")))
	publish(t, systemFS, dir, PublishOptions{Keep: []string{hashed("b")}}, map[string]string{"repomd.xml": "3"})
	assert.Equal(t, map[string]string{"repomd.xml": "3", hashed("b"): "2"}, tree(t, filepath.Join(dir, "repodata")))
}

// A web server of another user reads what is published: modes are those of the
// umask, and not of a temporary file.
func TestModes(t *testing.T) {
	for _, umask := range []int{0o022, 0o027, 0o002} {
		t.Run(fmt.Sprintf("%03o", umask), func(t *testing.T) {
			old := syscall.Umask(umask)
			defer syscall.Umask(old)
			root := filepath.Join(t.TempDir(), "root")
			r := repoAt(t, root)
			unlock, err := r.Lock(t.Context(), 0)
			require.NoError(t, err)
			bring(t, r, "Packages/a.rpm", "a")
			r.rename = otherFileSystem
			bring(t, r, "Packages/b.rpm", "b")
			source := filepath.Join(root, "secret")
			require.NoError(t, os.WriteFile(source, nil, 0o600))
			for _, fsys := range []fsOps{quick(), quick(), without(quick())} {
				s, err := newStaging(r.Dir(), fsys)
				require.NoError(t, err)
				require.NoError(t, s.Write("repomd.xml", nil))
				require.NoError(t, copyFile(source, s.Path("copied.xml")))
				_, err = s.Publish(t.Context(), PublishOptions{})
				require.NoError(t, err)
			}
			require.NoError(t, os.Remove(source))
			require.NoError(t, r.SaveState(State{}))
			stage := stage(t, r)
			require.NoError(t, stage.Write("repomd.xml", nil))
			require.NoError(t, stage.Commit())
			err = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
				require.NoError(t, err)
				fi, err := d.Info()
				require.NoError(t, err)
				want := os.FileMode(0o644)
				if d.IsDir() {
					want = 0o755
				}
				assert.Equal(t, want&^os.FileMode(umask), fi.Mode().Perm(), path)
				return nil
			})
			require.NoError(t, err)
			require.NoError(t, unlock())
			require.NoError(t, r.Close())
		})
	}
}

// A pipe at a location must not make anybody wait.
func TestPipeInTree(t *testing.T) {
	r := newRepo(t)
	require.NoError(t, unix.Mkfifo(filepath.Join(r.Dir(), "a.rpm"), 0o644))
	_, ok, err := r.Stat("a.rpm")
	require.NoError(t, err)
	assert.False(t, ok)
	_, err = sumOf(t.Context(), mustRoot(t, r), "a.rpm", "sha256")
	require.NoError(t, err)
	for p, err := range r.Packages(t.Context()) {
		t.Fatal("a pipe is no package", p, err)
	}
	require.NoError(t, r.Remove("a.rpm"))
	assert.Empty(t, names(t, r.Dir()))

	require.NoError(t, os.MkdirAll(r.statePath(partialDir), 0o755))
	require.NoError(t, unix.Mkfifo(r.statePath(partialDir, "pipe"), 0o644))
	_, err = r.CleanPartial(func(rpmpkg.Checksum) bool { return true }, 0)
	require.NoError(t, err)
	assert.Empty(t, names(t, r.statePath(partialDir)))

	// And in repodata it is the user's own.
	write(t, filepath.Join(r.Dir(), "repodata", "repomd.xml"), "1")
	require.NoError(t, unix.Mkfifo(filepath.Join(r.Dir(), "repodata", "pipe"), 0o644))
	publish(t, quick(), r.Dir(), PublishOptions{}, map[string]string{"repomd.xml": "2"})
	assert.Equal(t, []string{"pipe", "repomd.xml"}, names(t, filepath.Join(r.Dir(), "repodata")))
}

func mustRoot(t *testing.T, r *Repo) *os.Root {
	t.Helper()
	root, err := r.Root()
	require.NoError(t, err)
	return root
}

// The errors that mean "no exchange here" are told from those that are errors.
func TestExchangeErrors(t *testing.T) {
	dir := t.TempDir()
	err := exchange(filepath.Join(dir, "a"), filepath.Join(dir, "b"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NotErrorIs(t, err, errors.ErrUnsupported)

	require.NoError(t, os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755))
	err = exchange(filepath.Join(dir, "a"), filepath.Join(dir, "a", "b")) // EINVAL
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorIs(t, err, unix.EINVAL)

	tmpfs(t, filepath.Join(dir, "m"), 1<<20)
	err = exchange(filepath.Join(dir, "a"), filepath.Join(dir, "m"))
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.Error(t, syncFS(filepath.Join(dir, "missing")))
}
