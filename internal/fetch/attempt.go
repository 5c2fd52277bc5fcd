package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// bufferSize is how much is collected before it goes to a sink: enough that
// neither TLS records (16 KiB) nor system calls show in a profile.
const bufferSize = 512 << 10

var buffers = sync.Pool{New: func() any {
	b := make([]byte, bufferSize)
	return &b
}}

// pieceError says that a server sent a part, whole, of the range it was asked
// for.
type pieceError struct{ end, total int64 }

func (e *pieceError) Error() string {
	return fmt.Sprintf("answer ends after byte %d of %d", e.end, e.total)
}

// once makes one request to p and brings what it answers to the sink. The
// error has no URL.
func (d *download) once(ctx context.Context, p *place) error {
	offset := d.sink.Offset()
	if offset > 0 && (p.noRange || d.limit >= 0 && offset > d.limit) {
		if err := d.restart(p); err != nil {
			return err
		}
		offset = 0
	}
	if offset > 0 && offset == d.limit {
		// All of it came in an earlier run, which had no time to verify it.
		d.note(p, offset)
		return d.finish(true, "")
	}
	d.count()
	if p.url == nil {
		return d.file(ctx, p, offset)
	}
	w := watch(ctx, d.timeout, d.s.opts.MinRate)
	defer w.stop()
	err := d.http(w, p, offset)
	return w.explain(err)
}

// count counts a request.
func (d *download) count() {
	d.requests++
	for _, c := range []*counters{d.s.counters, &d.s.client.counters} {
		c.requests.Add(1)
		if d.requests > 1 {
			c.retries.Add(1)
		}
	}
}

func (d *download) http(w *watchdog, p *place, offset int64) error {
	req := d.request(w.ctx, p, offset)
	w.start()
	began := time.Now()
	resp, err := d.s.http.Do(req)
	w.pause()
	p.latency = time.Since(began)
	if err != nil {
		return withoutURL(err)
	}
	d.s.client.network.heard()
	defer resp.Body.Close() //nolint:errcheck // read only

	switch {
	case resp.StatusCode == http.StatusOK:
		if offset > 0 { // no ranges here, or the file has changed
			if err := d.restart(p); err != nil {
				return err
			}
			offset = 0
		}
	case resp.StatusCode == http.StatusPartialContent && offset > 0:
	case resp.StatusCode == http.StatusNotModified && d.conditional(p):
		d.note(p, 0)
		d.info.NotModified = true
		d.headers(resp.Header)
		p.answered = true
		return nil
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && offset > 0:
		return &rangeError{"the server does not have the rest"}
	default:
		p.answered = resp.StatusCode < 500
		d.drain(w, resp.Body)
		return &StatusError{
			URL: p.shown, Code: resp.StatusCode,
			RetryAfter: retryAfter(resp.Header, time.Now()), Hint: loginHint(resp),
		}
	}
	return d.body(w, p, resp, offset)
}

func (d *download) request(ctx context.Context, p *place, offset int64) *http.Request {
	req := (&http.Request{
		Method: http.MethodGet, URL: p.url, Host: p.url.Host, Header: make(http.Header, 8),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	h := req.Header
	h.Set("User-Agent", d.s.opts.UserAgent)
	h.Set("Accept", "*/*")
	h.Set("Accept-Encoding", "identity")
	if p.auth != "" {
		h.Set("Authorization", p.auth)
	}
	if p.mismatches > 0 { // perhaps a cache between us and the server holds the wrong one
		h.Set("Cache-Control", "no-cache")
		h.Set("Pragma", "no-cache")
	}
	if offset > 0 {
		h.Set("Range", "bytes="+strconv.FormatInt(offset, 10)+"-")
		if p.etag != "" {
			h.Set("If-Range", p.etag)
		}
	}
	if d.conditional(p) && d.cond.ETag != "" {
		h.Set("If-None-Match", d.cond.ETag)
	}
	if d.conditional(p) && d.cond.LastModified != "" {
		h.Set("If-Modified-Since", d.cond.LastModified)
	}
	return req
}

// conditional reports whether p is asked only for what has changed.
func (d *download) conditional(p *place) bool {
	return (d.cond.ETag != "" || d.cond.LastModified != "") && (d.cond.URL == "" || d.cond.URL == p.shown)
}

// body brings the body of a 200 or 206 to the sink and lets it judge. offset
// is where it starts in the file.
func (d *download) body(w *watchdog, p *place, resp *http.Response, offset int64) error {
	end := int64(-1) // of the file, where known
	if resp.ContentLength >= 0 {
		end = offset + resp.ContentLength
	}
	last := end // of this answer
	if resp.StatusCode == http.StatusPartialContent {
		r, err := d.checkRange(p, resp, offset)
		if err != nil {
			return err
		}
		last, end = r.end+1, r.total
	}
	hint := hintOf(resp.Header)
	if _, unjudged := d.sink.(*memory); unjudged && encodingHint(resp.Header) != "" {
		return &encodedError{encodingHint(resp.Header)}
	}
	if d.limit >= 0 && end > d.limit {
		return &wrongContent{&TooLargeError{Limit: d.limit, Size: end}, offset > 0, hint}
	}
	if etag := strong(resp.Header.Get("ETag")); offset == 0 || etag != "" {
		p.etag = etag
	}
	p.total = max(end, 0)

	d.current = progress{base: p.base, began: time.Now(), size: -1}
	if last >= 0 {
		d.current.size = last - offset
	}
	n, err := d.copy(w, resp.Body, last-offset, offset)
	d.current = progress{}
	p.answered = p.answered || n > 0 || err == nil
	switch {
	case Mismatch(err):
		return &wrongContent{err, offset > 0, hint}
	case err != nil:
		return err
	}
	offset += n
	switch {
	case last >= 0 && offset < last:
		return io.ErrUnexpectedEOF
	case end >= 0 && offset < end:
		return &pieceError{offset, end}
	}
	d.note(p, offset)
	d.headers(resp.Header)
	return d.finish(offset > n, hint)
}

// note keeps in Info where the file came from.
func (d *download) note(p *place, size int64) {
	d.info = Info{URL: p.shown, Size: size, base: p.base}
}

func (d *download) headers(h http.Header) {
	d.info.ETag, d.info.LastModified = h.Get("ETag"), h.Get("Last-Modified")
	modified, err := http.ParseTime(d.info.LastModified)
	if err != nil {
		return
	}
	if now, err := http.ParseTime(h.Get("Date")); err == nil && !settled(modified, now) {
		d.info.ETag, d.info.LastModified = "", ""
	}
}

// settled reports whether a file that was modified at a time, in whole seconds,
// can be told from its next version by that time. What is written again in the
// same second has the same Last-Modified and, where servers make it of time and
// size as nginx does, often the same ETag: whoever got the first version would
// not be told of the second.
func settled(modified, now time.Time) bool { return now.Sub(modified) >= 2*time.Second }

// copy moves body to the sink until its end, counting. announced is how many
// bytes there should be, negative if unknown; the file may not grow beyond the
// limit.
func (d *download) copy(w *watchdog, body io.Reader, announced, offset int64) (written int64, err error) {
	bp := buffers.Get().(*[]byte)
	defer buffers.Put(bp)
	buf := *bp
	for {
		n, readErr := d.fill(w, body, buf)
		switch {
		case d.limit >= 0 && offset+written+int64(n) > d.limit:
			return written, &TooLargeError{Limit: d.limit}
		case announced >= 0 && written+int64(n) > announced:
			return written, &rangeError{"the answer is longer than the range it names"}
		}
		if n > 0 {
			m, err := d.sink.Write(buf[:n])
			written += int64(m)
			if err == nil && m < n {
				err = io.ErrShortWrite
			}
			if err != nil {
				return written, writeError(err)
			}
		}
		if readErr == io.EOF { //nolint:errorlint // io.Reader's contract
			return written, nil
		}
		if readErr != nil {
			return written, readErr
		}
	}
}

// writeError judges what a Sink's Write returned: the disk's fault, unless it
// says that it is the content's.
func writeError(err error) error {
	if Mismatch(err) {
		return err
	}
	return &LocalError{err}
}

// fill reads until buf is full or there is an error, io.EOF at the end.
func (d *download) fill(w *watchdog, body io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = w.read(body, d.s.throttle.piece(buf[n:]))
		n += m
		if c := &d.current; c.base != nil {
			if c.got += int64(m); m > 0 {
				d.s.client.network.heard()
			}
			if err == nil && d.s.throttle == nil && d.s.pool.lags(c.base, c.got, c.size, time.Since(c.began)) {
				err = &TimeoutError{After: d.s.pool.slowFor, Slow: true}
			}
		}
		if wait := d.s.throttle.wait(w.ctx, m); err == nil {
			err = wait
		}
	}
	d.s.counters.bytes.Add(int64(n))
	d.s.client.counters.bytes.Add(int64(n))
	return n, err
}

// drain reads the little that comes with an error status, so that the
// connection can be used again.
func (d *download) drain(w *watchdog, body io.Reader) {
	var scrap [4 << 10]byte
	for range 8 {
		if _, err := w.read(body, scrap[:]); err != nil {
			return
		}
	}
}

// contentRange is what a 206 says to be: bytes start to end, both included, of
// total; total is -1 where the server does not say.
type contentRange struct{ start, end, total int64 }

// checkRange makes sure that a 206 is what was asked for.
func (d *download) checkRange(p *place, resp *http.Response, offset int64) (contentRange, error) {
	raw := resp.Header.Get("Content-Range")
	r, ok := parseContentRange(raw)
	etag := strong(resp.Header.Get("ETag"))
	switch {
	case !ok:
		return r, &rangeError{fmt.Sprintf("answered with the range %q", raw)}
	case r.start != offset:
		return r, &rangeError{fmt.Sprintf("asked for bytes from %d, answered with the range %q", offset, raw)}
	case resp.ContentLength >= 0 && resp.ContentLength != r.end-r.start+1:
		return r, &rangeError{fmt.Sprintf("the range %q came with %d bytes", raw, resp.ContentLength)}
	case p.total > 0 && r.total >= 0 && r.total != p.total, p.etag != "" && etag != "" && etag != p.etag:
		return r, &rangeError{"the file changed on the server"}
	}
	return r, nil
}

func parseContentRange(s string) (r contentRange, ok bool) {
	unit, rest, ok := strings.Cut(strings.TrimSpace(s), " ")
	if !ok || !strings.EqualFold(unit, "bytes") {
		return r, false
	}
	span, total, ok := strings.Cut(strings.TrimSpace(rest), "/")
	if !ok {
		return r, false
	}
	start, end, ok := strings.Cut(span, "-")
	if !ok {
		return r, false
	}
	var errs [3]error
	r.start, errs[0] = number(start)
	r.end, errs[1] = number(end)
	if r.total = -1; total != "*" {
		r.total, errs[2] = number(total)
	}
	ok = errors.Join(errs[:]...) == nil && r.end >= r.start && (r.total < 0 || r.end < r.total)
	return r, ok
}

// number reads digits only: no sign, no space.
func number(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err //nolint:gosec // 63 bits
}

// strong gives an ETag that If-Range may carry, "" for a weak one.
func strong(etag string) string {
	if strings.HasPrefix(etag, `"`) && strings.HasSuffix(etag, `"`) && len(etag) > 1 {
		return etag
	}
	return ""
}

// hintOf says what an answer's header says about it that would explain wrong
// content.
func hintOf(h http.Header) string {
	t, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err == nil && (t == "text/html" || t == "application/xhtml+xml") {
		return "the answer is an HTML page: a login page or proxy in between?"
	}
	return encodingHint(h)
}

// encodingHint tells of an answer that was compressed on its way, although that
// was not asked for. Some servers say so of files that are compressed themselves.
func encodingHint(h http.Header) string {
	switch encoding := h.Get("Content-Encoding"); encoding {
	case "", "identity":
		return ""
	default:
		return fmt.Sprintf("the answer is compressed, with Content-Encoding: %.20q, which was not asked for: a proxy in between?", encoding)
	}
}
