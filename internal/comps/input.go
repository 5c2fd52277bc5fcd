package comps

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// limited reads no more than left bytes, and no more than maxRun of them
// without a '<' or '>' in between: the decoder takes many times the size of a
// tag to hold its attributes. It keeps the error that reading ended with,
// other than io.EOF, because the decoder makes another of it.
type limited struct {
	r    io.Reader
	size int64 // the most
	left int64
	run  int // bytes since the last '<' or '>'
	err  error
}

func (l *limited) Read(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	if l.left <= 0 {
		// One byte more decides whether the input ends here.
		var one [1]byte
		n, err := io.ReadFull(l.r, one[:])
		if n == 0 && errors.Is(err, io.EOF) {
			return 0, io.EOF
		}
		if n == 0 {
			l.err = err
		} else {
			l.err = fmt.Errorf("larger than %d bytes", l.size)
		}
		return 0, l.err
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	if i := bytes.LastIndexAny(p[:n], "<>"); i >= 0 {
		l.run = n - i
	} else if l.run += n; l.run > maxRun {
		l.err = fmt.Errorf("more than %d bytes of one tag or text", maxRun)
		return 0, l.err
	}
	if err != nil && !errors.Is(err, io.EOF) {
		l.err = err
	}
	return n, err
}

// charset reads the encodings that are a part of Unicode's first page.
// Anything else but UTF-8, which does not come here, is an error.
func charset(name string, in io.Reader) (io.Reader, error) {
	switch strings.ToLower(name) {
	case "us-ascii", "ascii", "utf8":
		return in, nil
	case "iso-8859-1", "latin1", "latin-1":
		return &latin1{in: in}, nil
	}
	return nil, errors.New("only UTF-8 and ISO-8859-1 can be read")
}

// latin1 makes UTF-8 of ISO-8859-1.
type latin1 struct {
	in  io.Reader
	buf [2 << 10]byte
}

func (l *latin1) Read(p []byte) (int, error) {
	if len(p) < utf8.UTFMax {
		return 0, io.ErrShortBuffer
	}
	n, err := l.in.Read(l.buf[:min(len(l.buf), len(p)/2)])
	out := p[:0]
	for _, c := range l.buf[:n] {
		out = utf8.AppendRune(out, rune(c))
	}
	return len(out), err
}
