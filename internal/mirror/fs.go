package mirror

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// fsOps are the steps of a publication on which its promises rest. Tests
// replace them to watch their order and to make them fail.
type fsOps struct {
	// exchange swaps two directories in one atomic step; errors.ErrUnsupported
	// where that is not to be had.
	exchange func(a, b string) error
	syncFile func(path string) error
	syncDir  func(dir string) error
	// syncFS brings to disk the whole file system that dir is on.
	syncFS func(dir string) error
}

var systemFS = fsOps{
	exchange: exchange,
	syncFile: syncFile,
	syncDir:  syncDir,
	syncFS:   syncFS,
}

// writeFileAtomic replaces the file at path by data, or leaves it as it is.
// The caller holds a lock: the temporary name is fixed, so that what a crash
// leaves is overwritten and does not add up.
func writeFileAtomic(path string, data []byte) (err error) {
	tmp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp")
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(tmp) //nolint:errcheck // the first error is the one to tell
		}
	}()
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// linkOrCopy makes dst, which must not exist, a hard link to src, and where the
// file system has none a copy with the same time.
func linkOrCopy(src, dst string) error {
	err := os.Link(src, dst)
	if err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return copyFile(src, dst)
}

// copyFile copies src to dst, which must not exist, with its mtime.
func copyFile(src, dst string) error {
	made := false
	mtime, err := copyContent(src, func() (*os.File, error) {
		f, err := os.OpenFile(dst, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
		made = err == nil
		return f, err
	})
	if err == nil {
		err = os.Chtimes(dst, time.Time{}, mtime)
	}
	if err != nil && made {
		os.Remove(dst) //nolint:errcheck // the first error is the one to tell
	}
	return err
}

// copyContent copies src into the file that create makes, and returns the
// mtime of src.
func copyContent(src string, create func() (*os.File, error)) (time.Time, error) {
	in, err := os.Open(src)
	if err != nil {
		return time.Time{}, err
	}
	defer in.Close() //nolint:errcheck // only read
	fi, err := in.Stat()
	if err != nil {
		return time.Time{}, err
	}
	out, err := create()
	if err != nil {
		return time.Time{}, err
	}
	_, err = io.Copy(out, in)
	return fi.ModTime(), errors.Join(err, out.Close())
}

// absent reports whether an error means that nothing is at a path: it, or a
// directory of it, is not there, or a file is where a directory should be.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
