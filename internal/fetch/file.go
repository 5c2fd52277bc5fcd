package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// fileError is a failure to read a local source. Its being here says that the
// Sink is not at fault.
type fileError struct{ err error }

func (e *fileError) Error() string { return e.err.Error() }
func (e *fileError) Unwrap() error { return e.err }

// ctxReader stops a copy when ctx ends.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// file brings a file from a directory to the sink. A condition is not looked at:
// createrepo_c --set-timestamp-to-revision gives other content the same time and
// often the same size, and reading costs nothing here.
func (d *download) file(ctx context.Context, p *place, offset int64) error {
	f, err := p.open()
	if err != nil {
		return &fileError{cause(err)}
	}
	defer f.Close() //nolint:errcheck // read only
	p.answered = true
	st, err := f.Stat()
	switch {
	case err != nil:
		return &fileError{cause(err)}
	case !st.Mode().IsRegular():
		return &fileError{errors.New("is not a regular file")}
	}
	if d.limit >= 0 && st.Size() > d.limit {
		return &wrongContent{err: &TooLargeError{Limit: d.limit, Size: st.Size()}, resumed: offset > 0}
	}
	if offset > st.Size() {
		return &rangeError{"is shorter than what is here"}
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return &fileError{cause(err)}
	}
	// A file system that hangs cannot be interrupted from here: no watchdog.
	w := watch(ctx, time.Hour, 0)
	defer w.stop()
	n, err := d.copy(w, ctxReader{ctx, f}, -1, offset)
	if err != nil {
		var local *LocalError
		switch {
		case errors.As(err, &local):
			return err
		case Mismatch(err):
			return &wrongContent{err: err, resumed: offset > 0}
		}
		return &fileError{cause(err)}
	}
	d.note(p, offset+n)
	return d.finish(offset > 0, "")
}

// OpenLocal opens the file at a location in a base that is a directory of this
// machine; nil if none has it. It is closed by the caller.
func (s *Source) OpenLocal(xmlBase, location string) *os.File {
	places, err := s.places(xmlBase, location)
	if err != nil {
		return nil
	}
	for _, p := range places {
		if p.resolve(xmlBase, location) != nil || p.url != nil {
			continue
		}
		if f, err := p.open(); err == nil {
			return f
		}
	}
	return nil
}

// open opens a file below a directory without leaving it, or the file of an
// absolute path that the user has given.
func (p *place) open() (*os.File, error) {
	if p.dir == "" {
		return openRegular(os.OpenFile, p.name)
	}
	root, err := os.OpenRoot(p.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // read only
	return openRegular(root.OpenFile, p.name)
}

// openRegular opens without waiting for the other end of a named pipe.
func openRegular(open func(string, int, fs.FileMode) (*os.File, error), name string) (*os.File, error) {
	return open(name, os.O_RDONLY|nonblock, 0)
}

// cause takes the operation and path off an error that is shown with its path
// anyway.
func cause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		if errors.Is(pathErr.Err, fs.ErrNotExist) {
			return fmt.Errorf("%w", fs.ErrNotExist)
		}
		return pathErr.Err
	}
	return err
}
