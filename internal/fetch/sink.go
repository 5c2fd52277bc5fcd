package fetch

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// A Sink is where the bytes of one download go, in order, from one goroutine.
//
// Errors of Write and Restart, and those of Finish that come from the
// operating system, are taken as trouble on this side: the download ends. Any
// other error of Finish says that the bytes are wrong. An error that has a
// method Mismatch() bool decides for itself, that of Write too.
type Sink interface {
	// Write takes the next bytes.
	Write(p []byte) (int, error)
	// Offset is the number of bytes that are here: the next request asks for
	// what comes after them.
	Offset() int64
	// Restart forgets all bytes.
	Restart() error
	// Finish is called when the server has no more: nil accepts the bytes.
	Finish() error
}

// isMismatch tells a Finish error about wrong bytes from one about trouble
// here.
func isMismatch(err error) bool {
	var m interface{ Mismatch() bool }
	if errors.As(err, &m) {
		return m.Mismatch()
	}
	var (
		pathErr *fs.PathError
		linkErr *os.LinkError
		callErr *os.SyscallError
		errno   syscall.Errno
	)
	return !errors.As(err, &pathErr) && !errors.As(err, &linkErr) &&
		!errors.As(err, &callErr) && !errors.As(err, &errno)
}

// memory is the Sink of Get: nothing is known about the bytes but their
// limit.
type memory struct{ data []byte }

func (m *memory) Write(p []byte) (int, error) {
	m.data = append(m.data, p...)
	return len(p), nil
}

func (m *memory) Offset() int64 { return int64(len(m.data)) }

func (m *memory) Restart() error {
	m.data = m.data[:0]
	return nil
}

func (m *memory) Finish() error { return nil }
