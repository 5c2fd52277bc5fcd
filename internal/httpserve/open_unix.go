//go:build unix

package httpserve

import (
	"io/fs"
	"os"
	"syscall"
)

// openIn opens for reading without waiting: a FIFO in the tree must not hold a
// request for ever. It also spares regular files the system calls with which
// the runtime tries to make them pollable.
func openIn(root *os.Root, name string) (*os.File, error) {
	return root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// inode tells files of one size and time apart.
func inode(fi fs.FileInfo) uint64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Ino)
	}
	return 0
}

// openFiles is how many files this process may have open.
func openFiles() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return uint64(limit.Cur)
}

// unread reports whether something that has come on a connection was not read yet.
func unread(fd uintptr) bool {
	n, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return n > 0 && err == nil
}
