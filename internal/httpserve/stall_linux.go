package httpserve

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// unacknowledged gives how many written bytes the other side has not
// acknowledged, or -1.
func unacknowledged(c net.Conn) int {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return -1
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return -1
	}
	pending := -1
	err = raw.Control(func(fd uintptr) {
		if n, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ); err == nil {
			pending = n
		}
	})
	if err != nil {
		return -1
	}
	return pending
}
