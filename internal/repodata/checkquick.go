package repodata

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// fitToCopy reports what is wrong with an element of others that is about to be
// written as it is.
func fitToCopy(element []byte) error {
	if quickCheck(element) {
		return nil
	}
	return (&tokens{b: element}).check()
}

// quickCheck is tokens.check of an element in the form that programs write: no
// comments or CDATA, one space before an attribute, double quotes, > written as
// &gt;. true says that it is fit to be copied, false says nothing.
func quickCheck(b []byte) bool { return len(b) > 0 && quickElement(b) == len(b) }

// quickElement is the length of the element that b begins with, if that is whole
// and quickCheck is true of it, or 0.
func quickElement(b []byte) int {
	q := quickChecker{b: b}
	for {
		if !q.tag() {
			return 0
		}
		if q.depth == 0 {
			if q.unicode && !validUnicode(b[:q.pos]) {
				return 0
			}
			return q.pos
		}
		if !q.text('<') {
			return 0
		}
	}
}

// validUnicode is what checkText asks of bytes beyond ASCII.
func validUnicode(b []byte) bool {
	return utf8.Valid(b) && !bytes.Contains(b, []byte("\ufffe")) && !bytes.Contains(b, []byte("\uffff"))
}

type quickChecker struct {
	b       []byte
	pos     int
	open    [8][]byte // names of the elements that are open
	depth   int
	unicode bool // not all was ASCII
}

// What a byte is in text, and in the value of an attribute.
const (
	byteOdd = iota
	bytePlain
	byteBeyondASCII
	byteName // a letter or digit, which is plain too
)

var byteClass = func() (class [256]uint8) {
	for c := range class {
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9':
			class[c] = byteName
		case c >= utf8.RuneSelf:
			class[c] = byteBeyondASCII
		case c >= ' ' && c != '<' && c != '>' && c != '&' && c != '"' || c == '\n' || c == '\t':
			class[c] = bytePlain
		}
	}
	return class
}()

// text passes over what stands before end.
func (q *quickChecker) text(end byte) bool {
	for {
		q.plain()
		if q.pos >= len(q.b) {
			return false
		}
		c := q.b[q.pos]
		switch byteClass[c] {
		case byteBeyondASCII:
			q.unicode = true
		case byteOdd:
			switch {
			case c == end:
				return true
			case c == '&':
				if !q.entity() {
					return false
				}
				continue
			case c != '"': // which is plain in text
				return false
			}
		}
		q.pos++
	}
}

// plain passes over plain ASCII, eight bytes at a time.
func (q *quickChecker) plain() {
	const (
		each = 0x0101010101010101
		high = 0x80 * each
	)
	for len(q.b)-q.pos >= 8 {
		x := binary.LittleEndian.Uint64(q.b[q.pos:])
		angle := (x | 2*each) ^ '>'*each // zero where a byte is < or >, which differ in one bit
		quote := (x | 4*each) ^ '&'*each // likewise " or &
		// The high bit of a byte that is not plain ASCII; above the lowest such byte,
		// of others too.
		odd := (x | (x-' '*each)&^x | (angle-each)&^angle | (quote-each)&^quote) & high
		if odd != 0 {
			q.pos += bits.TrailingZeros64(odd) / 8
			return
		}
		q.pos += 8
	}
}

// maxEntity is far beyond the length of a character reference.
const maxEntity = 12

func (q *quickChecker) entity() bool {
	rest := q.b[q.pos+1 : min(len(q.b), q.pos+maxEntity)]
	n := bytes.IndexByte(rest, ';')
	if n < 0 {
		return false
	}
	if _, err := entity(string(rest[:n])); err != nil {
		return false
	}
	q.pos += n + 2
	return true
}

func (q *quickChecker) literal(s string) bool {
	if len(q.b)-q.pos < len(s) || string(q.b[q.pos:q.pos+len(s)]) != s {
		return false
	}
	q.pos += len(s)
	return true
}

// name passes over a name, which may have one prefix.
func (q *quickChecker) name(prefix string) ([]byte, bool) {
	start := q.pos
	q.literal(prefix)
	first := q.pos
	for q.pos < len(q.b) && (byteClass[q.b[q.pos]] == byteName || q.b[q.pos] == '-' && q.pos > first) {
		q.pos++
	}
	if q.pos == first || q.b[first] <= '9' {
		return nil, false
	}
	return q.b[start:q.pos], true
}

var fileTag = []byte("file")

// tag passes over the tag that begins here.
func (q *quickChecker) tag() bool {
	if q.depth > 0 && q.literal("</") {
		name := q.open[q.depth-1]
		q.depth--
		return q.literal(string(name)) && q.literal(">")
	}
	if q.depth == 1 && q.literal("<file>") { // which most tags are
		q.open[1], q.depth = fileTag, 2
		return true
	}
	if !q.literal("<") {
		return false
	}
	name, ok := q.name("rpm:")
	if !ok {
		return false
	}
	var seen [8][]byte
	for n := 0; q.literal(" "); n++ {
		attribute, ok := q.name("xml:")
		if !ok || n == len(seen) || !q.literal(`="`) {
			return false
		}
		for _, s := range seen[:n] {
			if bytes.Equal(s, attribute) {
				return false
			}
		}
		seen[n] = attribute
		if !q.value() {
			return false
		}
	}
	if q.literal("/>") {
		return true
	}
	if q.depth == len(q.open) || !q.literal(">") {
		return false
	}
	if q.depth > 0 && bytes.Equal(name, q.open[0]) { // where would the first one end?
		return false
	}
	q.open[q.depth] = name
	q.depth++
	return true
}

// value passes over the value of an attribute and the quote behind it.
func (q *quickChecker) value() bool {
	start := q.pos
	if !q.text('"') {
		return false
	}
	ok := bytes.IndexByte(q.b[start:q.pos], '\n') < 0 && bytes.IndexByte(q.b[start:q.pos], '\t') < 0
	q.pos++
	return ok
}
