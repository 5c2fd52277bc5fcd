//go:build !unix

package httpserve

import (
	"io/fs"
	"os"
)

func openIn(root *os.Root, name string) (*os.File, error) { return root.Open(name) }

func inode(fs.FileInfo) uint64 { return 0 }

// openFiles is a guess: there is no limit to ask for.
func openFiles() uint64 { return 1 << 14 }

// unread is said not to be known.
func unread(uintptr) bool { return true }
