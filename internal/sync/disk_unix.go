//go:build unix

package reposync

import (
	"errors"
	"syscall"
)

// diskTrouble tells errors that every further write will meet.
func diskTrouble(err error) bool {
	for _, e := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
