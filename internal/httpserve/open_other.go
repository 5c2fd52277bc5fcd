//go:build !unix

package httpserve

import (
	"io/fs"
	"os"
)

func openIn(root *os.Root, name string) (*os.File, error) { return root.Open(name) }

func inode(fs.FileInfo) uint64 { return 0 }
