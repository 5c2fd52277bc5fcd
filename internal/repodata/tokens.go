package repodata

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"
)

type tokenKind uint8

const (
	textToken tokenKind = iota
	startTag
	endTag
	emptyTag // a start tag that is its own end: <a/>
)

// token is a piece of XML. Its slices are parts of the input.
type token struct {
	kind  tokenKind
	name  []byte // of a tag, with its prefix
	attrs []byte // of a start tag, raw
	text  []byte // raw, or literal where cdata is set
	cdata bool
}

// tokens reads one element that is in memory as a whole, and checks that it is
// well formed: every tag closed by its own name, every attribute quoted.
type tokens struct {
	b     []byte
	pos   int
	names []byte // the open elements' names, one after another
	ends  []int  // where each of them ends in names
}

// maxDepth is far beyond the five levels that metadata has.
const maxDepth = 64

func (t *tokens) depth() int { return len(t.ends) }

// next returns the next tag or text, and io.EOF at the end of the input, if
// every element is closed there. Comments are passed over; processing
// instructions, which nobody writes there, are refused.
func (t *tokens) next() (token, error) {
	for t.pos < len(t.b) {
		rest := t.b[t.pos:]
		if rest[0] != '<' {
			n := bytes.IndexByte(rest, '<')
			if n < 0 {
				n = len(rest)
			}
			t.pos += n
			return token{kind: textToken, text: rest[:n]}, nil
		}
		switch {
		case bytes.HasPrefix(rest, []byte("<!--")):
			if err := t.comment(); err != nil {
				return token{}, err
			}
		case bytes.HasPrefix(rest, []byte("<?")):
			return token{}, fmt.Errorf("%w: %.20q inside an element", errMalformed, rest)
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			text, err := t.until("<![CDATA[", "]]>")
			return token{kind: textToken, text: text, cdata: true}, err
		case bytes.HasPrefix(rest, []byte("</")):
			return t.closing(rest)
		default:
			return t.opening(rest)
		}
	}
	if t.depth() > 0 {
		return token{}, fmt.Errorf("%w: <%s> is not closed", errMalformed, t.innermost())
	}
	return token{}, io.EOF
}

// comment consumes one.
func (t *tokens) comment() error {
	text, err := t.until("<!--", "-->")
	if err != nil {
		return err
	}
	if bytes.Contains(append(text[:len(text):len(text)], '-'), []byte("--")) {
		return fmt.Errorf("%w: -- in a comment", errMalformed)
	}
	return checkText(text)
}

// until consumes what is between prefix, which is at the current position, and
// suffix, and both of them.
func (t *tokens) until(prefix, suffix string) ([]byte, error) {
	rest := t.b[t.pos+len(prefix):]
	n := bytes.Index(rest, []byte(suffix))
	if n < 0 {
		return nil, fmt.Errorf("%w: %s without %s", errMalformed, prefix, suffix)
	}
	t.pos += len(prefix) + n + len(suffix)
	return rest[:n], nil
}

func (t *tokens) innermost() []byte {
	start := 0
	if n := len(t.ends); n > 1 {
		start = t.ends[n-2]
	}
	return t.names[start:]
}

func (t *tokens) closing(rest []byte) (token, error) {
	n := bytes.IndexByte(rest, '>')
	if n < 0 {
		return token{}, fmt.Errorf("%w: a tag is not closed", errMalformed)
	}
	name := bytes.TrimRight(rest[2:n], " \t\r\n")
	if t.depth() == 0 || !bytes.Equal(name, t.innermost()) {
		return token{}, fmt.Errorf("%w: </%.40s> closes nothing", errMalformed, name)
	}
	t.pos += n + 1
	t.names = t.names[:len(t.names)-len(name)]
	t.ends = t.ends[:len(t.ends)-1]
	return token{kind: endTag, name: name}, nil
}

func (t *tokens) opening(rest []byte) (token, error) {
	n := 1
	for n < len(rest) && !isSpace(rest[n]) && rest[n] != '>' && rest[n] != '/' {
		if rest[n] == '<' {
			break
		}
		n++
	}
	name := rest[1:n]
	if len(name) == 0 || n == len(rest) || rest[n] == '<' {
		return token{}, fmt.Errorf("%w: %.20q is no tag", errMalformed, rest)
	}
	end, err := tagEnd(rest, n)
	if err != nil {
		return token{}, err
	}
	t.pos += end + 1
	attrs := rest[n:end]
	if bytes.HasSuffix(attrs, []byte("/")) {
		return token{kind: emptyTag, name: name, attrs: attrs[:len(attrs)-1]}, nil
	}
	if t.depth() == maxDepth {
		return token{}, fmt.Errorf("%w: elements are nested too deeply", errMalformed)
	}
	t.names = append(t.names, name...)
	t.ends = append(t.ends, len(t.names))
	return token{kind: startTag, name: name, attrs: attrs}, nil
}

// tagEnd finds the > that ends a tag: not one inside quotes.
func tagEnd(tag []byte, from int) (int, error) {
	var quote byte
	for i := from; i < len(tag); i++ {
		switch c := tag[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i, nil
		case c == '<':
			return 0, fmt.Errorf("%w: a tag is not closed", errMalformed)
		}
	}
	return 0, fmt.Errorf("%w: a tag is not closed", errMalformed)
}

// maxAttributes is far beyond the five that an element of metadata has.
const maxAttributes = 64

// eachAttribute calls f with every attribute's name and raw value.
func (t token) eachAttribute(f func(name, raw []byte)) error {
	rest := t.attrs
	for n := 0; ; n++ {
		rest = bytes.TrimLeft(rest, " \t\r\n")
		if len(rest) == 0 {
			return nil
		}
		if n == maxAttributes {
			return fmt.Errorf("%w: <%.40s> has more than %d attributes", errMalformed, t.name, maxAttributes)
		}
		name, after, found := bytes.Cut(rest, []byte("="))
		name = bytes.TrimRight(name, " \t\r\n")
		after = bytes.TrimLeft(after, " \t\r\n")
		if !found || len(name) == 0 || len(after) == 0 || after[0] != '"' && after[0] != '\'' {
			return fmt.Errorf("%w: %.40q is no attribute", errMalformed, rest)
		}
		n := bytes.IndexByte(after[1:], after[0])
		if n < 0 {
			return fmt.Errorf("%w: %.40q is no attribute", errMalformed, rest)
		}
		value := after[1 : n+1]
		rest = after[n+2:]
		if bytes.IndexByte(value, '<') >= 0 || len(rest) > 0 && !isSpace(rest[0]) {
			return fmt.Errorf("%w: %.40q is no attribute", errMalformed, after)
		}
		f(name, value)
	}
}

// values calls f with every attribute's name and value, and returns the first
// error.
func (t token) values(f func(name []byte, value string) error) error {
	var first error
	err := t.eachAttribute(func(name, raw []byte) {
		value, err := unescape(raw)
		if err == nil {
			err = f(name, value)
		}
		if first == nil {
			first = err
		}
	})
	if err != nil {
		return err
	}
	return first
}

// attribute returns the value of one attribute, "" where it is not there.
func (t token) attribute(name string) (found string, err error) {
	err = t.values(func(n []byte, value string) error {
		if string(n) == name {
			found = value
		}
		return nil
	})
	return found, err
}

// local returns a tag's name without its namespace prefix.
func (t token) local() string {
	if i := bytes.IndexByte(t.name, ':'); i >= 0 {
		return string(t.name[i+1:])
	}
	return string(t.name)
}

// maxText bounds the text of the elements that are read, in bytes: names,
// checksums, numbers.
const maxText = 4096

// elementText returns the text up to the end tag of the element whose start
// tag was read last. Elements inside are an error.
func (t *tokens) elementText() (string, error) {
	var text []byte
	for {
		k, err := t.next()
		switch {
		case errors.Is(err, io.EOF):
			return "", fmt.Errorf("%w: text outside of any element", errMalformed)
		case err != nil:
			return "", err
		case k.kind == endTag:
			return string(text), nil
		case k.kind != textToken:
			return "", fmt.Errorf("%w: <%.40s> where text should be", errMalformed, k.name)
		case len(text)+len(k.text) > maxText:
			return "", fmt.Errorf("%w: a text is longer than %d bytes", errMalformed, maxText)
		case k.cdata:
			text = append(text, k.text...)
		default:
			s, err := unescape(k.text)
			if err != nil {
				return "", err
			}
			text = append(text, s...)
		}
	}
}

// check reads the whole element. It is for bytes that are about to be written
// as they are: what it accepts can stand in a file of ours.
func (t *tokens) check() error {
	for {
		k, err := t.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := k.check(); err != nil {
			return err
		}
	}
}

func (t token) check() error {
	if t.kind == textToken {
		if t.cdata {
			return checkText(t.text)
		}
		if bytes.Contains(t.text, []byte("]]>")) {
			return fmt.Errorf("%w: ]]> in text", errMalformed)
		}
		return checkEscaped(t.text)
	}
	if t.kind == endTag {
		return nil // as its start tag
	}
	if err := checkName(t.name, "rpm"); err != nil {
		return err
	}
	var room [8][]byte
	seen := room[:0]
	var first error
	err := t.eachAttribute(func(name, raw []byte) {
		err := checkEscaped(raw)
		if err == nil && slices.ContainsFunc(seen, func(s []byte) bool { return bytes.Equal(s, name) }) {
			err = fmt.Errorf("%w: attribute %.40q twice", errMalformed, name)
		}
		if err == nil {
			err = checkName(name, "xml")
		}
		if seen = append(seen, name); first == nil {
			first = err
		}
	})
	if err != nil {
		return err
	}
	return first
}

// checkEscaped reports whether unescape would resolve raw.
func checkEscaped(raw []byte) error {
	if bytes.IndexByte(raw, '&') < 0 {
		return checkText(raw)
	}
	_, err := unescape(raw)
	return err
}

// checkName refuses what is no name, and namespace prefixes other than the one
// that is declared in the files that we write. Names of metadata are ASCII.
func checkName(name []byte, allowed string) error {
	prefix, local, found := bytes.Cut(name, []byte(":"))
	if found && string(prefix) != allowed {
		return fmt.Errorf("%w: unknown namespace prefix in %.40q", errMalformed, name)
	}
	if !found {
		local = name
	}
	for i, c := range local {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_'
		if !letter && (i == 0 || c != '-' && c != '.' && (c < '0' || c > '9')) {
			return fmt.Errorf("%w: %.40q is no name", errMalformed, name)
		}
	}
	if len(local) == 0 {
		return fmt.Errorf("%w: %.40q is no name", errMalformed, name)
	}
	return nil
}

// checkText accepts UTF-8 without the characters that XML does not have.
func checkText(b []byte) error {
	var all byte
	for _, c := range b {
		if c < 0x20 && c != '\t' && c != '\n' && c != '\r' {
			return fmt.Errorf("%w: a control character", errMalformed)
		}
		all |= c
	}
	if all < utf8.RuneSelf {
		return nil // ASCII
	}
	if !utf8.Valid(b) || bytes.Contains(b, []byte("\ufffe")) || bytes.Contains(b, []byte("\uffff")) {
		return fmt.Errorf("%w: not UTF-8, or not characters", errMalformed)
	}
	return nil
}

// unescape resolves the entities and character references in text or in an
// attribute's value.
func unescape(raw []byte) (string, error) {
	if err := checkText(raw); err != nil {
		return "", err
	}
	if bytes.IndexByte(raw, '&') < 0 {
		return string(raw), nil
	}
	out := make([]byte, 0, len(raw))
	for {
		i := bytes.IndexByte(raw, '&')
		if i < 0 {
			return string(append(out, raw...)), nil
		}
		out = append(out, raw[:i]...)
		raw = raw[i+1:]
		n := bytes.IndexByte(raw, ';')
		if n < 0 {
			return "", fmt.Errorf("%w: & without ;", errMalformed)
		}
		r, err := entity(string(raw[:n]))
		if err != nil {
			return "", err
		}
		out = utf8.AppendRune(out, r)
		raw = raw[n+1:]
	}
}

func entity(name string) (rune, error) {
	switch name {
	case "amp":
		return '&', nil
	case "lt":
		return '<', nil
	case "gt":
		return '>', nil
	case "quot":
		return '"', nil
	case "apos":
		return '\'', nil
	}
	if len(name) > 1 && name[0] == '#' {
		digits, base := name[1:], 10
		if digits[0] == 'x' {
			digits, base = digits[1:], 16
		}
		n, err := strconv.ParseUint(digits, base, 32)
		if err == nil && isXMLChar(rune(n)) {
			return rune(n), nil
		}
	}
	return 0, fmt.Errorf("%w: &%.20s; is not known", errMalformed, name)
}

func isXMLChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' ||
		r >= 0x20 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000 && r <= 0x10ffff
}
