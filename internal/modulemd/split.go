package modulemd

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// document is the text of one YAML document. line is where it begins in the
// file, counted from 1; 0 where it has not begun. err says why there is no text to read.
type document struct {
	text []byte
	line int
	err  error
}

// splitter cuts a stream into documents where lines begin with "---" or "...".
// YAML allows such a line nowhere inside of a document, so that a document
// with a syntax error ends where it should, and the next can be read. The YAML
// decoder itself gives up the whole stream at the first error.
type splitter struct {
	r    *bufio.Reader
	line int    // of the line to read next
	long []byte // a line longer than r's buffer
	held []byte
	doc  document
	done bool
}

func newSplitter(r io.Reader) *splitter {
	return &splitter{r: bufio.NewReaderSize(r, 64<<10), line: 1}
}

// next gives the next document that has content, io.EOF at the end, or what
// reading failed with. The text is good until the next call.
func (s *splitter) next() (document, error) {
	s.doc = document{text: s.doc.text[:0]}
	if s.held != nil { // the "---" that ended the last one
		s.doc.line = s.line - 1
		s.add(s.held)
		s.held = nil
	}
	for !s.done {
		line, err := s.readLine()
		if err != nil {
			return document{}, err
		}
		begun := s.doc.line > 0
		switch {
		case isMarker(line, "..."):
			if begun {
				return s.doc, nil
			}
		case isMarker(line, "---") && begun:
			s.held = bytes.Clone(line)
			return s.doc, nil
		case begun:
			s.add(line)
		case !isPreface(line):
			s.doc.line = s.line - 1
			s.add(line)
		}
	}
	if s.doc.line == 0 {
		return document{}, io.EOF
	}
	return s.doc, nil
}

// add takes a line into the document, as far as there is room. What is too
// long is read on and forgotten, up to where it ends.
func (s *splitter) add(line []byte) {
	switch {
	case s.doc.err != nil:
	case len(s.doc.text)+len(line) > maxDocument:
		s.doc.text = s.doc.text[:0]
		s.doc.err = fmt.Errorf("longer than %d bytes", maxDocument)
	default:
		s.doc.text = append(s.doc.text, line...)
	}
}

// readLine reads one line with its end, the last one perhaps without. Of a
// line that no document has room for only the beginning is given, which is
// still too long. The line is good until the next call.
func (s *splitter) readLine() ([]byte, error) {
	line, err := s.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		s.long = append(s.long[:0], line...)
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = s.r.ReadSlice('\n')
			if len(s.long) <= maxDocument {
				s.long = append(s.long, line...)
			}
		}
		line = s.long
	}
	if errors.Is(err, io.EOF) {
		s.done = true
	} else if err != nil {
		return nil, err
	}
	if s.line == 1 {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	s.line++
	return line, nil
}

// isMarker says whether a line is one of the two marks between documents. Text
// may follow a mark after a blank.
func isMarker(line []byte, mark string) bool {
	if !bytes.HasPrefix(line, []byte(mark)) {
		return false
	}
	return len(line) == len(mark) || bytes.IndexByte([]byte(" \t\r\n"), line[len(mark)]) >= 0
}

// isPreface says whether a line that stands before a document is a comment, a
// directive or blank. They are left out: no directive matters to modules, and
// one that is wrong would spoil the document after it.
func isPreface(line []byte) bool {
	line = bytes.TrimSpace(line)
	if bytes.IndexByte(line, '\r') >= 0 {
		return false // several lines for YAML
	}
	return len(line) == 0 || line[0] == '#' || line[0] == '%'
}
