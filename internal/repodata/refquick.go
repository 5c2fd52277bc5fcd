package repodata

import (
	"bytes"

	"gorepo/internal/rpmpkg"
)

// quickRef is ParseRef of an element in the form that createrepo_c and gorepo
// write, to the letter and with nothing in its values that has to be resolved.
// ok is false for any other, of which it says nothing.
func quickRef(element []byte) (ref rpmpkg.Ref, ok bool) {
	q := quick{rest: element, ok: true}
	q.literal("<package type=\"rpm\">\n  <name>")
	ref.Name = string(q.until("</name>\n  <arch>"))
	ref.Arch = string(q.until("</arch>\n  <version epoch=\""))
	ref.Epoch = string(q.until("\" ver=\""))
	ref.Version = string(q.until("\" rel=\""))
	ref.Release = string(q.until("\"/>\n  <checksum type=\""))
	kind := q.until("\" pkgid=\"YES\">")
	digits := q.until("</checksum>\n  <summary>")
	for _, next := range []string{
		"</summary>\n  <description>", "</description>\n  <packager>", "</packager>\n  <url>", "</url>\n  <time file=\"",
	} {
		q.pass(next)
	}
	ref.FileTime = q.number("\" build=\"")
	ref.BuildTime = q.number("\"/>\n  <size package=\"")
	ref.Size = q.number("\" installed=\"")
	q.number("\" archive=\"")
	q.number("\"/>\n  <location ")
	if bytes.HasPrefix(q.rest, []byte("xml:base=")) {
		q.literal("xml:base=\"")
		ref.Base = string(q.until("\" "))
	}
	q.literal("href=\"")
	ref.Location = string(q.until("\"/>\n  <format>"))
	// Nothing else may follow, another location, say.
	const end = "</format>\n</package>"
	if !q.ok || bytes.Index(q.rest, []byte("</format>")) != len(q.rest)-len(end) || !bytes.HasSuffix(q.rest, []byte(end)) {
		return ref, false
	}
	var err error
	ref.Checksum, err = rpmpkg.ParseChecksum(string(kind), string(digits))
	return ref, err == nil && checkRef(ref) == nil
}

// quick reads text of a known form.
type quick struct {
	rest []byte
	ok   bool // so far
}

func (q *quick) literal(s string) {
	if q.ok = q.ok && len(q.rest) >= len(s) && string(q.rest[:len(s)]) == s; q.ok {
		q.rest = q.rest[len(s):]
	}
}

// pass reads up to a markup that is known, past text that holds no other.
func (q *quick) pass(next string) []byte {
	if !q.ok {
		return nil
	}
	i := bytes.IndexByte(q.rest, next[0])
	if q.ok = i >= 0; !q.ok {
		return nil
	}
	text := q.rest[:i]
	q.rest = q.rest[i:]
	q.literal(next)
	return text
}

// until returns the text up to a markup that is known. It must be ASCII and
// stand for itself.
func (q *quick) until(next string) []byte {
	text := q.pass(next)
	for _, c := range text {
		if c < ' ' || c > '~' || c == '&' || c == '<' || c == '"' {
			q.ok = false
		}
	}
	return text
}

func (q *quick) number(next string) int64 {
	text := q.until(next)
	if len(text) == 0 || len(text) > 18 {
		q.ok = false
		return 0
	}
	var n int64
	for _, c := range text {
		if c < '0' || c > '9' {
			q.ok = false
			return 0
		}
		n = 10*n + int64(c-'0')
	}
	return n
}
