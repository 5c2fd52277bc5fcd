package repodata

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxElement bounds one package's element, in bytes. The largest real ones, of
// packages with several hundred thousand files, take some tens of MiB.
const maxElement = 128 << 20

// errMalformed is wrapped by all that is wrong with XML that was read.
var errMalformed = errors.New("malformed XML")

// A Splitter cuts primary, filelists or other into the elements of its
// packages, without looking into them.
type Splitter struct {
	r       io.Reader
	buf     []byte
	pos     int  // start of what is not yet consumed
	atEOF   bool // r has no more
	root    string
	opening string // what elements begin with, up to their name
	closing string // their end tag

	// checks has each element looked through the quick way, which finds its end
	// too; fit is then what came of it for the last one.
	checks, fit bool
}

// splitBuffer holds several elements, as a rule, in bytes.
const splitBuffer = 128 << 10

// NewSplitter reads r up to its root element's start tag. kind is "primary",
// "filelists" or "other".
func NewSplitter(r io.Reader, kind Kind) (*Splitter, error) {
	return newSplitter(r, kind.root(), "package")
}

// newSplitter is NewSplitter for elements of that name below that root.
func newSplitter(r io.Reader, rootName, element string) (*Splitter, error) {
	s := &Splitter{r: r, buf: make([]byte, 0, splitBuffer), opening: "<" + element, closing: "</" + element + ">"}
	if err := s.prolog(); err != nil {
		return nil, err
	}
	tag, err := s.startTag()
	if err != nil {
		return nil, err
	}
	root := &tokens{b: tag}
	t, err := root.next()
	if err != nil {
		return nil, err
	}
	if string(t.name) != rootName {
		return nil, fmt.Errorf("%w: the root element is <%s>, not <%s>", errMalformed, t.name, rootName)
	}
	s.root = string(t.name)
	s.consume(len(tag))
	if t.kind == emptyTag {
		// No packages at all: only the end may follow.
		s.root = ""
	}
	return s, nil
}

// Next returns the next package's element, from <package to </package>, valid
// until the next call. It returns io.EOF after the root element's end tag, and
// an error for a file that ends before that.
func (s *Splitter) Next() ([]byte, error) {
	if s.root == "" {
		return nil, s.epilog()
	}
	if err := s.skipMisc(); err != nil {
		return nil, err
	}
	if s.has("</") {
		return nil, s.end()
	}
	if !s.has(s.opening) {
		return nil, s.unexpected("a " + s.opening + "> element")
	}
	if n := s.quickEnd(); n > 0 {
		s.pos += n
		return s.buf[s.pos-n : s.pos], nil
	}
	tag, err := s.startTag()
	if err != nil {
		return nil, err
	}
	n := len(tag)
	if !bytes.HasSuffix(tag, []byte("/>")) {
		if n, err = s.elementEnd(n); err != nil {
			return nil, err
		}
	}
	element := s.buf[s.pos : s.pos+n]
	s.pos += n
	return element, nil
}

// quickEnd is the length of an element that is in the buffer as a whole and fit to
// be copied, or 0.
func (s *Splitter) quickEnd() int {
	s.fit = false
	if !s.checks {
		return 0
	}
	n := quickElement(s.buf[s.pos:])
	// A longer name may begin as theirs does.
	if s.fit = n > 0 && bytes.HasSuffix(s.buf[s.pos:s.pos+n], []byte(s.closing)); !s.fit {
		return 0
	}
	return n
}

// end consumes the root's end tag and all behind it.
func (s *Splitter) end() error {
	n, err := s.find(0, ">")
	if err != nil {
		return err
	}
	name := bytes.TrimRight(s.buf[s.pos+2:s.pos+n], " \t\r\n")
	if string(name) != s.root {
		return fmt.Errorf("%w: </%s> where </%s> should be", errMalformed, name, s.root)
	}
	s.consume(n + 1)
	s.root = ""
	return s.epilog()
}

func (s *Splitter) epilog() error {
	if err := s.skipMisc(); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if s.pos < len(s.buf) {
		return s.unexpected("the end of the file")
	}
	return io.EOF
}

// prolog consumes the byte order mark and the XML declaration.
func (s *Splitter) prolog() error {
	s.need(3)
	if s.has("\xef\xbb\xbf") {
		s.consume(3)
	}
	s.need(5)
	if s.has("<?xml") {
		n, err := s.find(0, "?>")
		if err != nil {
			return err
		}
		if err := checkEncoding(s.buf[s.pos : s.pos+n]); err != nil {
			return err
		}
	}
	return s.skipMisc()
}

// checkEncoding refuses a declaration of anything but UTF-8 and its subset.
func checkEncoding(declaration []byte) error {
	_, after, found := bytes.Cut(declaration, []byte("encoding"))
	if !found {
		return nil
	}
	encoding := bytes.ToLower(bytes.Trim(after, " =\t\r\n"))
	for _, quoted := range []string{`"utf-8"`, `'utf-8'`, `"utf8"`, `"us-ascii"`} {
		if bytes.HasPrefix(encoding, []byte(quoted)) {
			return nil
		}
	}
	return fmt.Errorf("%w: the encoding is not UTF-8", errMalformed)
}

// skipMisc consumes white space, comments and processing instructions.
func (s *Splitter) skipMisc() error {
	for {
		for s.pos < len(s.buf) && isSpace(s.buf[s.pos]) {
			s.pos++
		}
		if s.pos == len(s.buf) {
			if !s.fill() {
				return s.cutShort()
			}
			continue
		}
		s.need(4)
		var end string
		switch {
		case s.has("<!--"):
			end = "-->"
		case s.has("<?"):
			end = "?>"
		default:
			return nil
		}
		n, err := s.find(2, end)
		if err != nil {
			return err
		}
		s.consume(n + len(end))
	}
}

// startTag returns the start tag at the current position, which stays where it
// is.
func (s *Splitter) startTag() ([]byte, error) {
	s.need(1)
	if !s.has("<") {
		return nil, s.unexpected("an element")
	}
	for n := 1; ; n++ {
		i, err := s.findAny(n, `>"'`)
		if err != nil {
			return nil, err
		}
		quote := s.buf[s.pos+i]
		if quote == '>' {
			return s.buf[s.pos : s.pos+i+1], nil
		}
		if n, err = s.find(i+1, string(quote)); err != nil {
			return nil, err
		}
	}
}

// elementEnd returns the length of the element at the current position, whose
// start tag has the given length.
func (s *Splitter) elementEnd(from int) (int, error) {
	end := -1 // of the first closing tag behind from
	for {
		if end < from {
			var err error
			if end, err = s.find(from, s.closing); err != nil {
				return 0, err
			}
		}
		// Comments and CDATA sections, which no tool writes but anybody may,
		// can hold what looks like the end.
		i := bytes.Index(s.buf[s.pos+from:s.pos+end], []byte("<!"))
		if i < 0 {
			return end + len(s.closing), nil
		}
		terminator := "-->"
		if bytes.HasPrefix(s.buf[s.pos+from+i:], []byte("<![CDATA[")) {
			terminator = "]]>"
		}
		n, err := s.find(from+i+2, terminator)
		if err != nil {
			return 0, err
		}
		from = n + len(terminator)
	}
}

func (s *Splitter) has(prefix string) bool {
	s.need(len(prefix))
	return bytes.HasPrefix(s.buf[s.pos:], []byte(prefix))
}

func (s *Splitter) consume(n int) { s.pos += n }

// need makes n bytes available if there are as many.
func (s *Splitter) need(n int) {
	for len(s.buf)-s.pos < n && s.fill() {
	}
}

// find returns where what begins, relative to the current position and not
// before from.
func (s *Splitter) find(from int, what string) (int, error) {
	return s.search(from, len(what), func(b []byte) int { return bytes.Index(b, []byte(what)) })
}

func (s *Splitter) findAny(from int, chars string) (int, error) {
	return s.search(from, 1, func(b []byte) int { return bytes.IndexAny(b, chars) })
}

func (s *Splitter) search(from, width int, index func([]byte) int) (int, error) {
	for {
		if have := len(s.buf) - s.pos; have > from {
			if i := index(s.buf[s.pos+from:]); i >= 0 {
				return from + i, nil
			}
			from = max(from, have-width+1)
		}
		if len(s.buf)-s.pos > maxElement {
			return 0, fmt.Errorf("%w: an element is larger than %d bytes", errMalformed, maxElement)
		}
		if !s.fill() {
			return 0, s.cutShort()
		}
	}
}

// fill reads more, after moving what is not consumed to the front. It reports
// false at the end.
func (s *Splitter) fill() bool {
	if s.atEOF {
		return false
	}
	if s.pos > 0 {
		n := copy(s.buf, s.buf[s.pos:])
		s.buf, s.pos = s.buf[:n], 0
	}
	if len(s.buf) == cap(s.buf) {
		// One more than the bound, so that what exceeds it is seen.
		grown := make([]byte, len(s.buf), min(2*cap(s.buf), maxElement+64<<10))
		copy(grown, s.buf)
		s.buf = grown
	}
	for range 100 { // a reader may return nothing now and then
		n, err := s.r.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf = s.buf[:len(s.buf)+n]
		if err != nil {
			s.atEOF = true
			if !errors.Is(err, io.EOF) {
				s.r = failedReader{err}
			}
		}
		if n > 0 {
			return true
		}
		if err != nil {
			return false
		}
	}
	s.atEOF = true
	s.r = failedReader{io.ErrNoProgress}
	return false
}

// failedReader keeps a read error for when the rest of the buffer is used up.
type failedReader struct{ err error }

func (f failedReader) Read([]byte) (int, error) { return 0, f.err }

func (s *Splitter) cutShort() error {
	if f, ok := s.r.(failedReader); ok {
		return f.err
	}
	return fmt.Errorf("%w: it is cut short: %w", errMalformed, io.ErrUnexpectedEOF)
}

func (s *Splitter) unexpected(wanted string) error {
	s.need(20)
	found := s.buf[s.pos:min(len(s.buf), s.pos+20)]
	return fmt.Errorf("%w: %q where %s should be", errMalformed, found, wanted)
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }
