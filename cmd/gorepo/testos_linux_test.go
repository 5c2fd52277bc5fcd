package main

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// atime is when a file was last read, in seconds, where the file system keeps
// that: one mounted relatime does so for a file that was written later than
// read.
func atime(t *testing.T, file string) int64 {
	t.Helper()
	var st syscall.Stat_t
	require.NoError(t, syscall.Stat(file, &st))
	return st.Atim.Sec
}
