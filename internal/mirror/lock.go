package mirror

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

const (
	// lockRetry is how often a lock that another holds is tried again.
	lockRetry = 100 * time.Millisecond
	// waitQuietly is how long a wait for it is not worth a word.
	waitQuietly = 2 * time.Second
)

// LockedError tells that another process, or another part of this one, changes
// a repository or directory.
type LockedError struct {
	Name string // what is locked, for the message
	PID  int    // who holds it; 0 when not known
	// Since is when that one took it; zero when not known.
	Since time.Time
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("%s: %s is changing it: wait until it ends, or give a longer lock timeout", e.Name, e.Holder())
}

// Holder names who holds the lock.
func (e *LockedError) Holder() string {
	if e.PID == 0 {
		return "another gorepo"
	}
	return fmt.Sprintf("another gorepo (process %d, since %s)", e.PID, e.Since.Local().Format(time.DateTime))
}

// Lock takes the repository for changes, and makes its directories. A negative
// timeout waits for ever, 0 tries once; when it ends the error is a
// *LockedError. A lock ends with its process, however that dies.
//
// The repository's own directory is locked too, so that a createrepo of it as
// a plain directory (LockDir) waits.
func (r *Repo) Lock(ctx context.Context, timeout time.Duration) (unlock func() error, err error) {
	if err := r.create(); err != nil {
		return nil, err
	}
	name := "repository " + r.id
	start := time.Now()
	path := r.statePath("lock")
	unlockFile, err := lock(ctx, timeout, name, path, tryFile, r.waiting)
	if err != nil {
		return nil, err
	}
	// For the message of whoever finds it locked; nothing depends on it.
	_ = os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), fileMode)
	if timeout > 0 {
		timeout = max(0, timeout-time.Since(start))
	}
	unlockDir, err := lockDir(ctx, timeout, name, r.dir, tryDir, r.waiting)
	if err != nil {
		return nil, errors.Join(err, unlockFile())
	}
	return func() error { return errors.Join(unlockDir(), unlockFile()) }, nil
}

// LockDir takes a plain directory for changes; timeout and errors are those of
// Repo.Lock. The lock is on the directory itself and leaves nothing behind.
// Where directories cannot be locked (NFS), it is on a file .gorepo.lock in it.
func LockDir(ctx context.Context, dir string, timeout time.Duration) (unlock func() error, err error) {
	return lockDir(ctx, timeout, dir, dir, tryDir, nil)
}

// A try takes the lock at path if nobody has it.
type try func(path string) (unlock func() error, ok bool, err error)

func tryFile(path string) (func() error, bool, error) {
	return tryFlock(flock.New(path, flock.SetFlag(os.O_RDWR|os.O_CREATE), flock.SetPermissions(fileMode)))
}

func tryDir(path string) (func() error, bool, error) {
	return tryFlock(flock.New(path, flock.SetFlag(os.O_RDONLY)))
}

func tryFlock(f *flock.Flock) (func() error, bool, error) {
	for {
		ok, err := f.TryLock()
		if err != nil || !ok {
			return nil, false, err
		}
		// Whoever deletes .gorepo leaves us the lock of a file that nobody else
		// will find: take the one that is there now.
		held, err := f.Stat()
		if err == nil {
			if there, err := os.Stat(f.Path()); err == nil && os.SameFile(held, there) {
				return f.Unlock, true, nil
			}
		}
		if err := f.Unlock(); err != nil {
			return nil, false, err
		}
	}
}

func lockDir(ctx context.Context, timeout time.Duration, name, dir string, tryDir try, waiting func(*LockedError)) (func() error, error) {
	unlock, err := lock(ctx, timeout, name, dir, tryDir, waiting)
	var locked *LockedError
	if err == nil || ctx.Err() != nil || errors.As(err, &locked) || !flockUnsupported(err) {
		return unlock, err
	}
	if fi, statErr := os.Stat(dir); statErr != nil || !fi.IsDir() {
		return nil, err
	}
	return lock(ctx, timeout, name, filepath.Join(dir, ".gorepo.lock"), tryFile, waiting)
}

// lock takes the lock at path. waiting, which may be nil, is told once of a wait
// that is not over soon.
func lock(ctx context.Context, timeout time.Duration, name, path string, try try, waiting func(*LockedError)) (func() error, error) {
	start := time.Now()
	var expired <-chan time.Time
	if timeout >= 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		expired = timer.C
	}
	retry := time.NewTicker(lockRetry)
	defer retry.Stop()
	for {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("%s: waiting for its lock: %w", name, err)
		}
		unlock, ok, err := try(path)
		if err != nil {
			return nil, fmt.Errorf("%s: lock: %w", name, err)
		}
		if ok {
			return unlock, nil
		}
		if timeout == 0 {
			return nil, holder(name, path)
		}
		if waiting != nil && time.Since(start) >= waitQuietly {
			waiting(holder(name, path))
			waiting = nil
		}
		select {
		case <-ctx.Done():
		case <-expired:
			timeout = 0 // one last try
		case <-retry.C:
		}
	}
}

// holder tells who has the lock at path, as far as the file says: its holder
// writes it.
func holder(name, path string) *LockedError {
	e := &LockedError{Name: name}
	data, err := os.ReadFile(path)
	if err != nil {
		return e
	}
	fi, err := os.Stat(path)
	if pid, pidErr := strconv.Atoi(strings.TrimSpace(string(data))); pidErr == nil && err == nil && pid > 0 {
		e.PID, e.Since = pid, fi.ModTime()
	}
	return e
}
