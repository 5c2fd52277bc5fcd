package httpserve

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// An accessLog writes one line a request in the combined format of Apache and
// nginx.
type accessLog struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *accessLog) write(r *http.Request, rec *recorder) {
	client, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		client = "-" // a Unix socket has no address
	}
	line := fmt.Sprintf("%s - - [%s] \"%s %s %s\" %d %d \"%s\" \"%s\"\n",
		client, rec.start.Format("02/Jan/2006:15:04:05 -0700"),
		logged(r.Method), logged(r.RequestURI), r.Proto, rec.status, rec.bytes,
		orDash(r.Referer()), orDash(r.UserAgent()))
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = io.WriteString(l.w, line) // a full log disk must not stop downloads
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return logged(s)
}

// logged writes what a client sent so that it stays one field of one line:
// quotes, backslashes and bytes outside printable ASCII as \xHH, like nginx.
func logged(s string) string {
	if strings.IndexFunc(s, unprintable) < 0 {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if unprintable(rune(s[i])) {
			fmt.Fprintf(&b, `\x%02X`, s[i])
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }

// A recorder remembers what was answered. It passes ReadFrom on: without it
// there would be no sendfile.
type recorder struct {
	http.ResponseWriter
	start  time.Time
	first  time.Duration // until the header was written
	status int
	bytes  int64
}

// recorders are used again: each request takes one.
var recorders = sync.Pool{New: func() any { return new(recorder) }}

func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 {
		rec.status, rec.first = status, time.Since(rec.start)
	}
	rec.ResponseWriter.WriteHeader(status)
}

func (rec *recorder) Write(p []byte) (int, error) {
	rec.implicitOK()
	n, err := rec.ResponseWriter.Write(p)
	rec.bytes += int64(n)
	return n, err
}

func (rec *recorder) ReadFrom(src io.Reader) (int64, error) {
	rec.implicitOK()
	n, err := io.Copy(rec.ResponseWriter, src)
	rec.bytes += n
	return n, err
}

func (rec *recorder) implicitOK() {
	if rec.status == 0 {
		rec.status, rec.first = http.StatusOK, time.Since(rec.start)
	}
}

// Unwrap lets http.ResponseController reach the connection.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }
