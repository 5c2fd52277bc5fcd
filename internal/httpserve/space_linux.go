package httpserve

import "syscall"

// space tells how large the file system of a directory is, and what of it may
// still be used by others than root, in bytes.
func space(dir string) (size, available uint64, ok bool) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil || st.Bsize <= 0 {
		return 0, 0, false
	}
	return st.Blocks * uint64(st.Bsize), st.Bavail * uint64(st.Bsize), true
}
