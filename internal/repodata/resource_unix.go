//go:build unix

package repodata

import (
	"errors"
	"syscall"
)

func isResourceError(err error) bool {
	for _, e := range []syscall.Errno{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.ESTALE,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
