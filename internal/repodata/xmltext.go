package repodata

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// escapes holds what a byte becomes in text and in attribute values; what
// libxml2 writes, so that files can be compared byte by byte. An empty string
// stands for the byte itself.
type escapes [128]string

var textEscapes = escapes{'&': "&amp;", '<': "&lt;", '>': "&gt;", '\r': "&#13;"}

var attributeEscapes = escapes{
	'&': "&amp;", '<': "&lt;", '>': "&gt;", '"': "&quot;",
	'\t': "&#9;", '\n': "&#10;", '\r': "&#13;",
}

// drop marks the bytes that XML 1.0 has no way to write.
const drop = "\x00"

func init() {
	for c := range byte(0x20) {
		if c != '\t' && c != '\n' && c != '\r' {
			textEscapes[c], attributeEscapes[c] = drop, drop
		}
	}
}

// appendEscaped appends s, which is what an rpm header holds: bytes. Those that
// are not UTF-8 are read as Latin-1, as createrepo_c reads them, and
// characters that XML cannot hold are left out. dropped says that there were
// such.
func appendEscaped[S string | []byte](b []byte, s S, table *escapes) (_ []byte, dropped bool) {
	ascii := true
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf {
			ascii = false
			break
		}
		e := table[c]
		if e == "" {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		if e == drop {
			dropped = true
			continue
		}
		b = append(b, e...)
	}
	if ascii {
		return append(b, s[start:]...), dropped
	}
	b, more := appendEscapedUnicode(b, string(s[start:]), string(s), table)
	return b, dropped || more
}

// plainText reports whether XML text holds s as it stands, byte for byte.
func plainText(s []byte) bool {
	for _, c := range s {
		if !isPlain[c] {
			return false
		}
	}
	return true
}

var isPlain = func() (plain [256]bool) {
	for c := range utf8.RuneSelf {
		plain[c] = c >= ' ' && c != '&' && c != '<' && c != '>' || c == '\t' || c == '\n'
	}
	return plain
}()

// appendEscapedUnicode appends rest, the part of whole that is still to be
// written.
func appendEscapedUnicode(b []byte, rest, whole string, table *escapes) (_ []byte, dropped bool) {
	if !utf8.ValidString(whole) {
		rest = latin1(rest)
	}
	for _, r := range rest {
		switch {
		case r < utf8.RuneSelf && table[r] == drop, r == 0xfffe, r == 0xffff:
			dropped = true
		case r < utf8.RuneSelf && table[r] != "":
			b = append(b, table[r]...)
		case r >= utf8.RuneSelf && table == &attributeEscapes:
			// libxml2 writes characters of text as they are, but not those of
			// attributes.
			b = append(b, "&#x"...)
			b = append(b, strings.ToUpper(strconv.FormatInt(int64(r), 16))...)
			b = append(b, ';')
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return b, dropped
}

// latin1 reads s as ISO 8859-1, without its bytes from 0x80 to 0xbf
// (createrepo_c's xml_dump.c, cr_latin1_to_utf8).
func latin1(s string) string {
	var out strings.Builder
	for i := range len(s) {
		if c := s[i]; c < 0x80 || c >= 0xc0 {
			out.WriteRune(rune(c))
		}
	}
	return out.String()
}
