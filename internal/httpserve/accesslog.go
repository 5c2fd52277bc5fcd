package httpserve

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// An accessLog writes one line a request, in the combined format of Apache and
// nginx or as a JSON object.
type accessLog struct {
	mu   sync.Mutex
	w    io.Writer
	json bool
}

// A logLine is a line in JSON; docs/serve.md is its specification.
type logLine struct {
	Time      string  `json:"time"`
	Client    string  `json:"client,omitempty"`
	User      string  `json:"user,omitempty"`
	Cert      string  `json:"cert,omitempty"`
	Method    string  `json:"method"`
	Host      string  `json:"host"`
	Path      string  `json:"path"`
	Proto     string  `json:"proto"`
	TLS       string  `json:"tls,omitempty"`
	Status    int     `json:"status"`
	Bytes     int64   `json:"bytes"`
	Duration  float64 `json:"duration"`
	Repo      string  `json:"repo,omitempty"`
	Referer   string  `json:"referer,omitempty"`
	UserAgent string  `json:"user_agent,omitempty"`
	Range     string  `json:"range,omitempty"`
}

// lines are buffers to put a line together in.
var lines = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// write writes the line of a request. c is nil where nobody asked who it is.
func (l *accessLog) write(r *http.Request, rec *recorder, c *client) {
	line := lines.Get().(*bytes.Buffer)
	defer lines.Put(line)
	line.Reset()
	if l.json {
		writeLogJSON(line, r, rec, c)
	} else {
		writeCombined(line, r, rec, c)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.w.Write(line.Bytes()) // a full log disk must not stop downloads
}

// loggedAddr is where a request comes from, "" for a Unix socket.
func loggedAddr(r *http.Request, c *client) string {
	if c != nil {
		if c.addr.IsValid() {
			return c.addr.String()
		}
		return ""
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return host
}

func writeCombined(b *bytes.Buffer, r *http.Request, rec *recorder, c *client) {
	user := ""
	if c != nil {
		user = strings.ReplaceAll(logged(c.user()), " ", `\x20`)
	}
	b.WriteString(cmp.Or(loggedAddr(r, c), "-"))
	b.WriteString(" - ")
	b.WriteString(cmp.Or(user, "-"))
	b.WriteString(" [")
	b.Write(rec.start.AppendFormat(b.AvailableBuffer(), "02/Jan/2006:15:04:05 -0700"))
	b.WriteString(`] "`)
	b.WriteString(logged(r.Method))
	b.WriteByte(' ')
	b.WriteString(logged(r.RequestURI))
	b.WriteByte(' ')
	b.WriteString(r.Proto)
	b.WriteString(`" `)
	b.Write(strconv.AppendInt(b.AvailableBuffer(), int64(rec.status), 10))
	b.WriteByte(' ')
	b.Write(strconv.AppendInt(b.AvailableBuffer(), rec.bytes, 10))
	b.WriteString(` "`)
	b.WriteString(orDash(r.Referer()))
	b.WriteString(`" "`)
	b.WriteString(orDash(r.UserAgent()))
	b.WriteString("\"\n")
}

func writeLogJSON(b *bytes.Buffer, r *http.Request, rec *recorder, c *client) {
	line := logLine{
		Time:   rec.start.UTC().Format("2006-01-02T15:04:05.000Z"),
		Client: loggedAddr(r, c), Method: r.Method, Host: r.Host, Path: r.RequestURI, Proto: r.Proto,
		Status: rec.status, Bytes: rec.bytes, Duration: time.Since(rec.start).Round(time.Microsecond).Seconds(),
		Repo: repoOf(r.URL.Path), Referer: r.Referer(), UserAgent: r.UserAgent(), Range: r.Header.Get("Range"),
	}
	if c != nil {
		line.User = c.user()
		if c.cert != nil {
			line.Cert = c.cert.Subject.CommonName
		}
	}
	if r.TLS != nil {
		line.TLS = tls.VersionName(r.TLS.Version)
	}
	out := json.NewEncoder(b)
	out.SetEscapeHTML(false)
	_ = out.Encode(line) // strings and numbers: never fails
}

// repoOf is the repository that a path is about, as far as the path tells.
func repoOf(path string) string {
	first, rest, below := strings.Cut(strings.TrimLeft(path, "/"), "/")
	switch {
	case !below:
		id, ok := strings.CutSuffix(first, ".repo")
		if !ok || id == allRepos {
			return ""
		}
		first = id
	case first == ownPrefix:
		rest = strings.TrimPrefix(rest, "api/v1/")
		kind, name, _ := strings.Cut(rest, "/")
		first, _, _ = strings.Cut(name, "/")
		switch kind {
		case "keys":
			first = strings.TrimSuffix(first, ".asc")
		case "repos":
		default:
			return ""
		}
	}
	if !repoID.MatchString(first) {
		return ""
	}
	return first
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

	headOnly bool // what is written of a body is not sent
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
	rec.sent(int64(n))
	return n, err
}

func (rec *recorder) ReadFrom(src io.Reader) (int64, error) {
	rec.implicitOK()
	n, err := io.Copy(rec.ResponseWriter, src)
	rec.sent(n)
	return n, err
}

func (rec *recorder) sent(n int64) {
	if !rec.headOnly {
		rec.bytes += n
	}
}

func (rec *recorder) implicitOK() {
	if rec.status == 0 {
		rec.status, rec.first = http.StatusOK, time.Since(rec.start)
	}
}

// Unwrap lets http.ResponseController reach the connection.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }
