package mirror

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// exchange swaps two directories with RENAME_EXCHANGE.
func exchange(a, b string) error {
	err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
	if err == nil {
		return nil
	}
	for _, missing := range []error{
		unix.EINVAL, unix.ENOSYS, unix.ENOTSUP, // the kernel or the file system has no exchange
		unix.EXDEV, unix.EBUSY, // a directory of overlayfs's lower layer, a mount point
	} {
		if errors.Is(err, missing) {
			return fmt.Errorf("exchange %s and %s: %w (%w)", a, b, errors.ErrUnsupported, err)
		}
	}
	return &os.LinkError{Op: "exchange", Old: a, New: b, Err: err}
}

func syncFS(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return &os.PathError{Op: "syncfs", Path: dir, Err: err}
	}
	return nil
}

// startWriteback asks the system to begin bringing what was written to f to
// disk, without waiting: what is on its way by the time of syncFS is not waited
// for then. It proves nothing, so a failure is nothing to tell.
func startWriteback(f *os.File) {
	_ = unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WRITE)
}

// linkOpen gives an open file another name: the file that was read, whatever lies
// under its name by now.
func linkOpen(f *os.File, name string) error {
	return unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", f.Fd()), unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW)
}

// cloneFile makes dst share all blocks of src, which btrfs, XFS and others can.
func cloneFile(dst, src *os.File) error { return unix.IoctlFileClone(int(dst.Fd()), int(src.Fd())) }
