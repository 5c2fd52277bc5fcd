package httpserve

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
)

// A byteRange is a part of a file, in bytes from its start.
type byteRange struct{ start, length int64 }

func (r byteRange) contentRange(size int64) string {
	return string(r.appendContentRange(nil, size))
}

func (r byteRange) appendContentRange(b []byte, size int64) []byte {
	b = strconv.AppendInt(append(b, "bytes "...), r.start, 10)
	b = strconv.AppendInt(append(b, '-'), r.start+r.length-1, 10)
	return strconv.AppendInt(append(b, '/'), size, 10)
}

// errUnsatisfiable asks for a 416: no part of the file was asked for, or
// nothing that can be understood.
var errUnsatisfiable = errors.New("range not satisfiable")

// requestedRanges gives the parts of a file that a request wants; none means
// all of it.
func (c *content) requestedRanges(h http.Header) ([]byteRange, error) {
	v := h.Get("Range")
	if v == "" || !c.rangeApplies(h) {
		return nil, nil
	}
	return parseRanges(v, c.size)
}

// parseRanges reads a Range header. A unit other than bytes is ignored, and so
// is a request for more bytes than the file has: overlapping ranges are how a
// small request makes a large answer.
func parseRanges(v string, size int64) ([]byteRange, error) {
	unit, set, ok := strings.Cut(v, "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return nil, nil
	}
	var ranges []byteRange
	var sum int64
	asked := false
	for spec := range strings.SplitSeq(set, ",") {
		spec = strings.Trim(spec, " \t")
		if spec == "" {
			continue // RFC 9110, 5.6.1: empty list elements are to be accepted
		}
		asked = true
		r, err := parseRange(spec, size)
		if err != nil {
			return nil, err
		}
		if r.length == 0 {
			continue
		}
		ranges = append(ranges, r)
		sum += r.length
		if sum > size {
			return nil, nil
		}
	}
	if len(ranges) == 0 && asked && size > 0 {
		return nil, errUnsatisfiable
	}
	return ranges, nil // none of an empty file: it is all there is to send
}

// parseRange reads first-last, first- or -suffix. A length of 0 means that no
// byte of it exists.
func parseRange(spec string, size int64) (byteRange, error) {
	first, last, ok := strings.Cut(spec, "-")
	if !ok {
		return byteRange{}, errUnsatisfiable
	}
	first, last = strings.TrimRight(first, " \t"), strings.TrimLeft(last, " \t")
	if first == "" {
		n, ok := parseOffset(last)
		if !ok {
			return byteRange{}, errUnsatisfiable
		}
		n = min(n, size)
		return byteRange{start: size - n, length: n}, nil
	}
	start, ok := parseOffset(first)
	if !ok {
		return byteRange{}, errUnsatisfiable
	}
	end := int64(math.MaxInt64)
	if last != "" {
		if end, ok = parseOffset(last); !ok || end < start {
			return byteRange{}, errUnsatisfiable
		}
	}
	if start >= size {
		return byteRange{}, nil
	}
	return byteRange{start: start, length: min(end, size-1) - start + 1}, nil
}

// parseOffset reads digits; a number beyond 63 bits is the largest one.
func parseOffset(s string) (int64, bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return math.MaxInt64, true
	}
	return n, err == nil
}

// A multipart is the frame around several ranges. It makes what goes before each of
// them when that is sent: a request can ask for some thousand.
type multipart struct {
	boundary    string
	contentType string
	size        int64 // of the file, bytes
	tail        string
	length      int64 // of the whole body, bytes
}

func newMultipart(ranges []byteRange, size int64, contentType string) multipart {
	m := multipart{boundary: fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64()), contentType: contentType, size: size}
	m.tail = "\r\n--" + m.boundary + "--\r\n"
	m.length = int64(len(m.tail))
	var head []byte
	for _, r := range ranges {
		head = m.appendHead(head[:0], r)
		m.length += int64(len(head)) + r.length
	}
	return m
}

// appendHead adds what goes before a range.
func (m *multipart) appendHead(b []byte, r byteRange) []byte {
	b = append(append(b, "\r\n--"...), m.boundary...)
	b = append(append(b, "\r\nContent-Type: "...), m.contentType...)
	b = append(b, "\r\nContent-Range: "...)
	b = r.appendContentRange(b, m.size)
	return append(b, "\r\n\r\n"...)
}
