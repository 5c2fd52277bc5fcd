package testrepo

import (
	"crypto/tls"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Exchange is one request on its way through a Fault.
type Exchange struct {
	W    http.ResponseWriter
	R    *http.Request
	Path string // below the repository

	u *Upstream
}

// A Fault answers a request in place of the good server, or changes what that
// one (Exchange.Serve) sends.
type Fault func(*Exchange)

// Rule is a fault and when it happens.
type Rule struct {
	u     *Upstream
	glob  string
	fault Fault
	skip  int
	left  int // -1: no end
}

// On has a fault happen to every request whose path matches glob (** matches
// any number of path elements). The first rule that applies counts.
func (u *Upstream) On(glob string, f Fault) *Rule {
	u.mu.Lock()
	defer u.mu.Unlock()
	r := &Rule{u: u, glob: glob, fault: f, left: -1}
	u.rules = append(u.rules, r)
	return r
}

// After lets the first n matching requests pass.
func (r *Rule) After(n int) *Rule {
	r.u.mu.Lock()
	defer r.u.mu.Unlock()
	r.skip = n
	return r
}

// Times ends the rule after n faults.
func (r *Rule) Times(n int) *Rule {
	r.u.mu.Lock()
	defer r.u.mu.Unlock()
	r.left = n
	return r
}

// Repair drops all rules.
func (u *Upstream) Repair() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.rules = nil
}

// note puts a request on the list and finds the fault for it, nil for none.
func (u *Upstream) note(x *Exchange, name string) Fault {
	u.mu.Lock()
	defer u.mu.Unlock()
	q := &Request{
		Method: x.R.Method, Path: name, Raw: x.R.RequestURI,
		Range: x.R.Header.Get("Range"), Header: x.R.Header.Clone(),
	}
	u.requests = append(u.requests, q)
	x.W = &recorder{ResponseWriter: x.W, u: u, request: q}
	for _, r := range u.rules {
		if r.left == 0 || !match(r.glob, name) {
			continue
		}
		if r.skip > 0 {
			r.skip--
			continue
		}
		if r.left > 0 {
			r.left--
		}
		return r.fault
	}
	return nil
}

// Status answers with a status; header holds pairs, such as "Retry-After",
// "1".
func Status(code int, header ...string) Fault {
	return func(x *Exchange) {
		for i := 0; i+1 < len(header); i += 2 {
			x.W.Header().Set(header[i], header[i+1])
		}
		http.Error(x.W, "status "+strconv.Itoa(code), code)
	}
}

// Redirect sends the client to a URL, or to the same path below it where it
// ends with a slash.
func Redirect(url string, code int) Fault {
	return func(x *Exchange) {
		to := url
		if strings.HasSuffix(to, "/") {
			to += strings.TrimPrefix(x.R.URL.EscapedPath(), "/")
		}
		http.Redirect(x.W, x.R, to, code)
	}
}

// HTML is a captive portal: every file is a web page.
func HTML() Fault {
	return Content("text/html; charset=utf-8", []byte("<!DOCTYPE html><html><body>Please log in.</body></html>"))
}

// Content answers with other bytes, ranges and all.
func Content(contentType string, data []byte) Fault {
	return func(x *Exchange) {
		x.W.Header().Set("Content-Type", contentType)
		x.W.Header().Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = x.W.Write(data)
	}
}

// Reset cuts the connection before any answer.
func Reset() Fault {
	return func(x *Exchange) {
		conn, _, err := http.NewResponseController(x.W).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		reset(conn)
	}
}

// reset closes a connection so that the peer sees "connection reset".
func reset(conn net.Conn) {
	raw := conn
	if t, ok := conn.(*tls.Conn); ok {
		raw = t.NetConn()
	}
	if t, ok := raw.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = raw.Close()
}

// Truncate sends n bytes of the body and then closes the connection.
func Truncate(n int64) Fault {
	return through(func(x *Exchange, w http.ResponseWriter, sent int64, p []byte) (int, error) {
		if sent+int64(len(p)) < n {
			return w.Write(p)
		}
		_, _ = w.Write(p[:max(n-sent, 0)])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
}

// Corrupt changes the nth byte (from 0) of a body.
func Corrupt(n int64) Fault {
	return through(func(_ *Exchange, w http.ResponseWriter, sent int64, p []byte) (int, error) {
		if i := n - sent; 0 <= i && i < int64(len(p)) {
			p = append([]byte(nil), p...)
			p[i] ^= 0xff
		}
		return w.Write(p)
	})
}

// Stall sends n bytes of the body and then nothing more, without closing.
func Stall(n int64) Fault {
	return through(func(x *Exchange, w http.ResponseWriter, sent int64, p []byte) (int, error) {
		if sent+int64(len(p)) <= n {
			return w.Write(p)
		}
		_, _ = w.Write(p[:max(n-sent, 0)])
		_ = http.NewResponseController(w).Flush()
		x.wait(time.Hour)
		panic(http.ErrAbortHandler)
	})
}

// StallHeader never answers.
func StallHeader() Fault {
	return func(x *Exchange) {
		x.wait(time.Hour)
		panic(http.ErrAbortHandler)
	}
}

// Drip sends the body in pieces of n bytes with a pause before each.
func Drip(n int, every time.Duration) Fault {
	return through(func(x *Exchange, w http.ResponseWriter, _ int64, p []byte) (int, error) {
		for i := 0; i < len(p); i += n {
			if !x.wait(every) {
				panic(http.ErrAbortHandler)
			}
			if _, err := w.Write(p[i:min(i+n, len(p))]); err != nil {
				return i, err
			}
			_ = http.NewResponseController(w).Flush()
		}
		return len(p), nil
	})
}

// Delay answers well, but late.
func Delay(d time.Duration) Fault {
	return func(x *Exchange) {
		if x.wait(d) {
			x.Serve()
		}
	}
}

// Then runs f, such as a Replace and Render, and then answers well: what
// changes in the middle of a run.
func Then(f func()) Fault {
	return func(x *Exchange) {
		f()
		x.Serve()
	}
}

// IgnoreRange has a server that knows no ranges.
func IgnoreRange() Fault {
	return func(x *Exchange) {
		x.R.Header.Del("Range")
		x.Serve()
	}
}

// ShiftRange answers a Range request with a range that begins by bytes later
// (earlier for a negative number), and says so.
func ShiftRange(by int64) Fault {
	return func(x *Exchange) {
		if start, ok := rangeStart(x.R); ok {
			x.R.Header.Set("Range", "bytes="+strconv.FormatInt(max(start+by, 0), 10)+"-")
		}
		x.Serve()
	}
}

// FalseRange answers a Range request with the right headers and other bytes:
// those of another revision of the file, say.
func FalseRange() Fault {
	return func(x *Exchange) {
		if _, ok := rangeStart(x.R); !ok {
			x.Serve()
			return
		}
		through(func(_ *Exchange, w http.ResponseWriter, _ int64, p []byte) (int, error) {
			q := make([]byte, len(p))
			for i := range p {
				q[i] = p[i] ^ 0x55
			}
			return w.Write(q)
		})(x)
	}
}

// PieceRange answers a Range request with no more than n bytes of it, as some
// caches do.
func PieceRange(n int64) Fault {
	return func(x *Exchange) {
		if start, ok := rangeStart(x.R); ok {
			x.R.Header.Set("Range", "bytes="+strconv.FormatInt(start, 10)+"-"+strconv.FormatInt(start+n-1, 10))
		}
		x.Serve()
	}
}

// Chunked sends the body without announcing its length, with extra bytes at
// its end.
func Chunked(extra int) Fault {
	return func(x *Exchange) {
		f := x.u.file(x.Path)
		if f == nil {
			http.NotFound(x.W, x.R)
			return
		}
		x.W.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(x.W).Flush()
		_, _ = x.W.Write(f.data)
		_, _ = x.W.Write(make([]byte, extra))
	}
}

func rangeStart(r *http.Request) (int64, bool) {
	s, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes=")
	if !ok {
		return 0, false
	}
	start, err := strconv.ParseInt(strings.TrimSuffix(s, "-"), 10, 64)
	return start, err == nil
}

// wait pauses; false if the client or the test has gone meanwhile.
func (x *Exchange) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-x.R.Context().Done():
	case <-x.u.done:
	}
	return false
}

// through serves well but passes the body to write, together with how much of
// it came before.
func through(write func(x *Exchange, w http.ResponseWriter, sent int64, p []byte) (int, error)) Fault {
	return func(x *Exchange) {
		w := x.W
		x.W = &throughWriter{ResponseWriter: w, write: func(sent int64, p []byte) (int, error) {
			return write(x, w, sent, p)
		}}
		x.Serve()
	}
}

type throughWriter struct {
	http.ResponseWriter
	sent  int64
	write func(sent int64, p []byte) (int, error)
}

func (t *throughWriter) Write(p []byte) (int, error) {
	n, err := t.write(t.sent, p)
	t.sent += int64(n)
	return n, err
}
