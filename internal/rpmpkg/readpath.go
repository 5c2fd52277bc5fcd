package rpmpkg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// pauses are waited before a file that changed is read again: together longer
// than a copy of a small package takes, and no upload of a large one is worth
// waiting for.
var pauses = [...]time.Duration{50 * time.Millisecond, 200 * time.Millisecond, 800 * time.Millisecond}

// ReadPath reads the package at path, once from its start to its end. Where it
// changes meanwhile it is read again, a few times and only when it has come to
// rest; after that the error wraps ErrChanged. Errors of the format do not name
// the file.
func ReadPath(ctx context.Context, path, checksumType string) (*File, error) {
	return readPath(ctx, path, checksumType, func(*Preamble, *Package, os.FileInfo) (Checksum, bool) { return Checksum{}, false })
}

func readPath(ctx context.Context, path, checksumType string, known knownChecksum) (*File, error) {
	f, err := openAndRead(ctx, path, checksumType, known)
	for _, pause := range pauses {
		if !errors.Is(err, ErrChanged) {
			break
		}
		rests, waitErr := comesToRest(ctx, path, pause)
		if waitErr != nil {
			return nil, waitErr
		}
		if rests {
			f, err = openAndRead(ctx, path, checksumType, known)
		}
	}
	return f, err
}

func openAndRead(ctx context.Context, path, checksumType string, known knownChecksum) (*File, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	return readFile(ctx, f, path, checksumType, known)
}

// Open opens a package's file. It does not wait for a writer, should a pipe have
// taken the file's place.
func Open(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// comesToRest reports whether the file at path is the same after a pause.
func comesToRest(ctx context.Context, path string, pause time.Duration) (bool, error) {
	before, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	if err := wait(ctx, pause); err != nil {
		return false, err
	}
	after, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	return unchanged(before, after), nil
}

// tick is how long two changes of a file may be apart and yet give it the same
// mtime: file systems take it from a clock that moves every few milliseconds.
const tick = 20 * time.Millisecond

// recent is how long ago a file may have been written to last by somebody who
// has it open and has not finished. Later than that, an open file is no sign of
// work under way.
const recent = time.Minute

// settled is what f is, once nobody writes it and a change from now on would
// give it another mtime.
func settled(ctx context.Context, f *os.File) (os.FileInfo, error) {
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	age := time.Since(fi.ModTime())
	// An mtime in the future was set by somebody, who need not do so again.
	if age >= 0 && age < tick {
		if err := wait(ctx, tick); err != nil {
			return nil, err
		}
		if now, err := f.Stat(); err != nil || !unchanged(fi, now) {
			return nil, errors.Join(errChanged(), err)
		}
	}
	// What is written slowly has the mtime of the last write's beginning. Asked
	// last: whoever opens the file from now on changes its mtime.
	if age < recent && isOpenForWriting(f) {
		return nil, errChanged()
	}
	return fi, nil
}

func errChanged() error { return fmt.Errorf("%w: run again when it is complete", ErrChanged) }

func unchanged(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
