//go:build unix

package mirror

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openFlags keep the opening of a pipe that lies in the tree from waiting.
const openFlags = os.O_RDONLY | unix.O_NONBLOCK

// renameInto renames the file src to base in the directory dir of root. The
// directory is used by descriptor: os.Root renames only within one root, and a
// path could be led elsewhere in between.
func renameInto(root *os.Root, src, dir, base string) error {
	d, err := root.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // only read
	if err := unix.Renameat(unix.AT_FDCWD, src, int(d.Fd()), base); err != nil {
		return &os.LinkError{Op: "rename", Old: src, New: dir + "/" + base, Err: err}
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // nothing was written through f
	return f.Sync()
}

func syncDir(dir string) error { return syncFile(dir) }

// flockUnsupported reports whether a directory cannot be locked because of the
// file system: NFS locks only what is open for writing.
func flockUnsupported(err error) bool {
	for _, no := range []unix.Errno{unix.EBADF, unix.EISDIR, unix.EINVAL, unix.ENOTSUP, unix.ENOSYS, unix.ENOLCK} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

// hasOtherNames reports whether a file has more than one name.
func hasOtherNames(fi fs.FileInfo) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && st.Nlink > 1
}

// ourOwn reports whether a file belongs to root or to who runs this.
func ourOwn(fi fs.FileInfo) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && (st.Uid == 0 || int(st.Uid) == os.Geteuid())
}
