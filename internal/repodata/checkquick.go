package repodata

import (
	"bytes"
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
func quickCheck(b []byte) bool {
	q := quickChecker{b: b}
	for {
		if !q.tag() {
			return false
		}
		if q.depth == 0 {
			return q.pos == len(b) && (!q.unicode || validUnicode(b))
		}
		if !q.text('<') {
			return false
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
	for q.pos < len(q.b) {
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
	return false
}

var quickEntities = []string{"&amp;", "&lt;", "&gt;", "&quot;"}

func (q *quickChecker) entity() bool {
	for _, e := range quickEntities {
		if q.literal(e) {
			return true
		}
	}
	return false
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

// tag passes over the tag that begins here.
func (q *quickChecker) tag() bool {
	if q.depth > 0 && q.literal("</") {
		name := q.open[q.depth-1]
		q.depth--
		return q.literal(string(name)) && q.literal(">")
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
