//go:build !linux

package rpmpkg

import "os"

func isOpenForWriting(*os.File) bool { return false }
