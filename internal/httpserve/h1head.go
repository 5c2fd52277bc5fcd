package httpserve

import (
	"bytes"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// maxFields bounds the header fields of a request that the front answers.
const maxFields = 48

// A head is the request that a connection is about, with room for its header's
// values.
type head struct {
	values [maxFields]string
	url    url.URL
	close  bool // the client asks for the connection's end
}

// parse reads a request's head, which ends with an empty line, into r. It is
// false for whatever is not the front's: the request is then not looked at any
// further, whatever it is, and r has half of it.
func (h *head) parse(b []byte, r *http.Request) bool {
	// The one copy: all that r has are parts of it.
	text := string(b[:len(b)-2])
	line, fields, ok := strings.Cut(text, "\r\n")
	if !ok {
		return false
	}
	method, rest, ok := strings.Cut(line, " ")
	if !ok || (method != http.MethodGet && method != http.MethodHead) {
		return false
	}
	target, ok := strings.CutSuffix(rest, " HTTP/1.1")
	if !ok || !isFileTarget(target) || !h.parseURL(target) {
		return false
	}
	r.Method, r.RequestURI, r.URL = method, target, &h.url
	return h.parseFields(fields, r)
}

// isFileTarget reports whether it is the target of a request for a file, of
// printable ASCII.
func isFileTarget(target string) bool {
	if len(target) < 2 || target[0] != '/' || target[1] == '/' || target[len(target)-1] == '/' ||
		strings.HasPrefix(target, "/"+ownPrefix) {
		return false
	}
	for i := range len(target) {
		if c := target[i]; c <= ' ' || c >= 0x7f || c == '#' || c == '?' {
			return false
		}
	}
	return true
}

func (h *head) parseURL(target string) bool {
	if isPlainPath(target) {
		h.url = url.URL{Path: target}
		return true
	}
	u, err := url.ParseRequestURI(target)
	if err != nil || u.Path == "" || u.Path[len(u.Path)-1] == '/' {
		return false
	}
	h.url = *u
	return true
}

// plainBytes are those of a path that net/url writes as they are. With others in it, a
// URL also has the path as it was sent.
var plainBytes = func() (is [256]bool) {
	for c := range 256 {
		is[c] = '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || strings.ContainsRune("-_.~$&+,/:;=@", rune(c))
	}
	return is
}()

func isPlainPath(s string) bool {
	for i := range len(s) {
		if !plainBytes[s[i]] {
			return false
		}
	}
	return true
}

// parseFields reads header fields, each with its CRLF.
func (h *head) parseFields(fields string, r *http.Request) bool {
	clear(r.Header)
	r.Host, h.close = "", false
	hosts := 0
	for n := 0; fields != ""; n++ {
		line, rest, ok := strings.Cut(fields, "\r\n")
		if !ok || n == maxFields {
			return false
		}
		fields = rest
		name, value, ok := strings.Cut(line, ":")
		if !ok || !isToken(name) {
			return false
		}
		value = strings.Trim(value, " \t")
		if !isFieldValue(value) {
			return false
		}
		switch name = canonical(name); name {
		case "Host":
			hosts++
			r.Host = value
			continue
		case "Connection":
			switch {
			case strings.EqualFold(value, "close"):
				h.close = true
			case !strings.EqualFold(value, "keep-alive"):
				return false
			}
		case "Content-Length", "Transfer-Encoding", "Expect", "Upgrade", "Trailer":
			return false
		}
		h.values[n] = value
		if former, ok := r.Header[name]; ok {
			r.Header[name] = append(slices.Clip(former), value)
		} else {
			r.Header[name] = h.values[n : n+1 : n+1]
		}
	}
	return hosts == 1 && validHost(r.Host)
}

// tokenBytes are what a header's name may consist of (RFC 9110, section 5.6.2).
var tokenBytes = func() (is [256]bool) {
	for c := range 256 {
		is[c] = c > ' ' && c < 0x7f && !strings.ContainsRune(`"(),/:;<=>?@[\]{}`, rune(c))
	}
	return is
}()

func isToken(s string) bool {
	for i := range len(s) {
		if !tokenBytes[s[i]] {
			return false
		}
	}
	return s != ""
}

func isFieldValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < ' ' && c != '\t') || c == 0x7f {
			return false
		}
	}
	return true
}

// requestFields are the names that clients send, as they are written.
var requestFields = func() map[string]string {
	m := map[string]string{}
	for _, name := range []string{
		"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection", "Range", "If-Range", "If-None-Match", "If-Modified-Since",
		"If-Match", "If-Unmodified-Since", "Cache-Control", "Pragma", "Referer", "Authorization", "Cookie", "Accept-Language",
		"X-Forwarded-For", "Te", "Content-Length", "Transfer-Encoding", "Expect", "Upgrade", "Trailer",
	} {
		m[name], m[strings.ToLower(name)] = name, name
	}
	return m
}()

func canonical(name string) string {
	if known, ok := requestFields[name]; ok {
		return known
	}
	return textproto.CanonicalMIMEHeaderKey(name)
}

var (
	closeValue = []string{"close"}
	zeroValue  = []string{"0"}
)

// declared is the Content-Length of an answer, -1 where it has none.
func declared(h http.Header) int64 {
	v := h["Content-Length"]
	if len(v) != 1 {
		return -1
	}
	n, err := strconv.ParseInt(v[0], 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// answerFields come first in an answer, in this order; what else there is
// follows by name.
var answerFields = []string{
	"Content-Type", "Content-Length", "Content-Range", "Last-Modified", "Etag", "Cache-Control", "Accept-Ranges",
	"X-Content-Type-Options", "Content-Security-Policy", "Connection",
}

// appendHead writes an answer's status line and header.
func appendHead(b []byte, status int, h http.Header) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, http.StatusText(status)...)
	b = append(b, "\r\nDate: "...)
	b = append(b, now()...)
	b = append(b, "\r\n"...)
	written := 0
	for _, name := range answerFields {
		if v, ok := h[name]; ok {
			written++
			b = appendField(b, name, v)
		}
	}
	if written < len(h) {
		var names []string
		for name := range h {
			if !slices.Contains(answerFields, name) {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		for _, name := range names {
			b = appendField(b, name, h[name])
		}
	}
	return append(b, "\r\n"...)
}

func appendField(b []byte, name string, values []string) []byte {
	if name == "Etag" {
		name = "ETag"
	}
	for _, v := range values {
		b = append(b, name...)
		b = append(b, ": "...)
		start := len(b)
		b = append(b, v...)
		// What would end the line is not ours to send.
		if bytes.ContainsAny(b[start:], "\r\n") {
			for i := start; i < len(b); i++ {
				if b[i] == '\r' || b[i] == '\n' {
					b[i] = ' '
				}
			}
		}
		b = append(b, "\r\n"...)
	}
	return b
}

// A second is the time as Date has it, made once a second.
type second struct {
	unix int64
	text string
}

var lastSecond atomic.Pointer[second]

func now() string {
	t := time.Now()
	if s := lastSecond.Load(); s != nil && s.unix == t.Unix() {
		return s.text
	}
	s := &second{unix: t.Unix(), text: t.UTC().Format(http.TimeFormat)}
	lastSecond.Store(s)
	return s.text
}
