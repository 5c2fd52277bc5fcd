//go:build unix

package fetch

import "syscall"

const nonblock = syscall.O_NONBLOCK
