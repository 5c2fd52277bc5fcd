package updateinfo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// recorder keeps what the decoder has read until it is taken. Of a single tag or
// text it reads no more than maxTag bytes: the decoder takes many times the size
// of a tag to hold its attributes.
type recorder struct {
	r      io.Reader
	held   []byte
	start  int64 // where held begins in the file
	run    int   // bytes since the last '<' or '>'
	failed error // what reading ended with, other than io.EOF
}

func (r *recorder) Read(p []byte) (int, error) {
	if r.failed != nil {
		return 0, r.failed
	}
	n, err := r.r.Read(p)
	if i := bytes.LastIndexAny(p[:n], "<>"); i >= 0 {
		r.run = n - i
	} else if r.run += n; r.run > maxTag {
		r.failed = fmt.Errorf("more than %d bytes of one tag or text", maxTag)
		return 0, r.failed
	}
	r.held = append(r.held, p[:n]...)
	if err != nil && !errors.Is(err, io.EOF) {
		r.failed = err
	}
	return n, err
}

// take returns what is held up to a place of the file, and forgets it. It is
// good until the next Read.
func (r *recorder) take(to int64) []byte {
	n := max(0, min(to-r.start, int64(len(r.held))))
	taken := r.held[:n]
	r.held = r.held[n:]
	r.start += n
	return taken
}
