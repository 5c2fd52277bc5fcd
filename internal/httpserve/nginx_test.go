package httpserve_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/httpserve"
	"gorepo/internal/testrepo/peer"
)

// startNginx serves root as a mirror's administrator would have it served,
// until the test ends.
func startNginx(t testing.TB, root string) (addr string) {
	t.Helper()
	nginx := peer.Need(t, "nginx")
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr = l.Addr().String()
	require.NoError(t, l.Close())
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n" // temporary directories are their owner's only
	}
	temp := ""
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temp += fmt.Sprintf("%s_temp_path %s;\n", kind, filepath.Join(dir, kind))
	}
	conf := write(t, fmt.Sprintf(`%sdaemon off; worker_processes auto; pid %s/pid; error_log %s/error.log;
events { worker_connections 1024; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; %s
server { listen %s; root %s; autoindex on; location ~ /\. { return 404; } } }
`, user, dir, dir, temp, addr, root), dir, "nginx.conf")
	cmd := exec.Command(nginx, "-c", conf, "-e", filepath.Join(dir, "error.log"))
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		assert.NoError(t, cmd.Process.Signal(os.Interrupt))
		_ = cmd.Wait() // stopped by a signal, which is what was asked
	})
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, 5*time.Second, 20*time.Millisecond, "nginx does not answer")
	return addr
}

const mtime = "Mon, 06 May 2024 07:08:09 GMT" // what write gives files

// TestLikeNginx sends the same to gorepo and to nginx. Where they differ, why
// says on what ground, and both are held to what is written here.
func TestLikeNginx(t *testing.T) {
	root := t.TempDir()
	data := strings.Repeat("0123456789", 5000) // more than a small file
	write(t, data, root, "r", "a.rpm")
	write(t, "0123456789", root, "r", "small.txt")
	write(t, "", root, "r", "empty.rpm")
	write(t, "x", root, "r", "a+b~c^d e.rpm")
	write(t, "y", root, "r", "é.rpm")
	nginx := startNginx(t, root)
	ours := start(t, httpserve.Options{Root: root})

	const same = 0
	for _, c := range []struct {
		method, target string
		headers        []string // {etag} is the file's, as each server has it
		want           int
		nginx          int // same: as want
		why            string
	}{
		{method: "GET", target: "/r/a.rpm", want: 200},
		{method: "HEAD", target: "/r/a.rpm", want: 200},
		{method: "GET", target: "/r/empty.rpm", want: 200},
		{method: "GET", target: "/r/none.rpm", want: 404},
		{method: "HEAD", target: "/r/none.rpm", want: 404},
		{method: "GET", target: "/r/a%2Bb~c%5Ed%20e.rpm", want: 200},
		{method: "GET", target: "/r/a+b~c^d%20e.rpm", want: 200},
		{method: "GET", target: "/r/a+b~c^d e.rpm", want: 400},
		{method: "GET", target: "/r/é.rpm", want: 200},
		{method: "GET", target: "/r/%C3%A9.rpm", want: 200},
		{method: "GET", target: "//r///a.rpm", want: 200},
		{method: "GET", target: "/r/./a.rpm", want: 200},
		{method: "GET", target: "/r/a.rpm/", want: 404},
		{method: "GET", target: "/r/%00", want: 400},
		{method: "GET", target: "/r/%zz", want: 400},
		{method: "GET", target: "/../x", want: 400},
		{method: "GET", target: "/r/../r/a.rpm", want: 400, nginx: 200, why: "no client sends .. that has not been led there"},
		{method: "GET", target: "/r", want: 301},
		{method: "GET", target: "/r/", want: 200},
		{method: "POST", target: "/r/a.rpm", want: 405},
		{method: "PUT", target: "/r/a.rpm", want: 405},
		{method: "DELETE", target: "/r/a.rpm", want: 405},
		{method: "OPTIONS", target: "/r/a.rpm", want: 204, nginx: 405, why: "OPTIONS says what is allowed"},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Accept-Encoding: gzip, br, zstd"}, want: 200},

		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=0-0"}, want: 206},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=10-19"}, want: 206},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=0-"}, want: 206},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=20000-"}, want: 206},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=-5"}, want: 206},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=-500000"}, want: 206},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=49999-60000"}, want: 206},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: Bytes=0-1"}, want: 206},
		{method: "HEAD", target: "/r/a.rpm", headers: []string{"Range: bytes=0-9"}, want: 206},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=0-9,20-29"}, want: 206},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes= 0-9 , 20-29 , -10"}, want: 206},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=20000-49999,0-19999"}, want: 206},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=0-9,60000-70000"}, want: 206},
		{method: "GET", target: "/r/small.txt", headers: []string{"Range: bytes=0-1,4-5"}, want: 206},
		{method: "HEAD", target: "/r/a.rpm", headers: []string{"Range: bytes=0-9,20-29"}, want: 206},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=0-,0-,0-"}, want: 200},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=50000-"}, want: 416},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=60000-,70000-"}, want: 416},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=9-0"}, want: 416},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=a-b"}, want: 416},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=-"}, want: 416},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=-0"}, want: 416},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=1"}, want: 416},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=--5"}, want: 416},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes="}, want: 200},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=99999999999999999999-"}, want: 416},
		{
			method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=0-99999999999999999999"}, want: 206, nginx: 416,
			why: "a last byte beyond the end means the end, however far beyond",
		},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=0-1,,4-5"}, want: 206, nginx: 416, why: "RFC 9110, 5.6.1"},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: lines=1-2"}, want: 200},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: 0-5"}, want: 200},
		{method: "GET", target: "/r/empty.rpm", headers: []string{"Range: bytes=0-"}, want: 200},

		{method: "GET", target: "/r/a.rpm", headers: []string{"If-None-Match: {etag}"}, want: 304},
		{method: "HEAD", target: "/r/a.rpm", headers: []string{"If-None-Match: {etag}"}, want: 304},
		{method: "GET", target: "/r/a.rpm", headers: []string{"If-None-Match: W/{etag}"}, want: 304},
		{method: "GET", target: "/r/a.rpm", headers: []string{`If-None-Match: "other", {etag}`}, want: 304},
		{method: "GET", target: "/r/a.rpm", headers: []string{"If-None-Match: *"}, want: 304},
		{method: "GET", target: "/r/a.rpm", headers: []string{`If-None-Match: "other"`}, want: 200},
		{method: "GET", target: "/r/a.rpm", headers: []string{`If-None-Match: "other"`, "If-Modified-Since: " + mtime}, want: 200},
		{
			method: "GET", target: "/r/a.rpm", headers: []string{"If-None-Match: {etag}", "If-Modified-Since: Mon, 01 Jan 2001 00:00:00 GMT"}, want: 304,
			nginx: 200, why: "If-None-Match goes before If-Modified-Since (RFC 9110, 13.1.3)",
		},
		{method: "GET", target: "/r/a.rpm", headers: []string{"If-Modified-Since: " + mtime}, want: 304},
		{method: "GET", target: "/r/a.rpm", headers: []string{"If-Modified-Since: Mon, 01 Jan 2001 00:00:00 GMT"}, want: 200},
		{
			method: "GET", target: "/r/a.rpm", headers: []string{"If-Modified-Since: Mon, 05 May 2025 00:00:00 GMT"}, want: 304, nginx: 200,
			why: "a package never changes; for what may change we are as exact as nginx",
		},
		{method: "GET", target: "/r/small.txt", headers: []string{"If-Modified-Since: Mon, 05 May 2025 00:00:00 GMT"}, want: 200},
		{method: "GET", target: "/r/a.rpm", headers: []string{"If-Modified-Since: yesterday"}, want: 200},
		{method: "GET", target: "/r/a.rpm", headers: []string{"If-Match: {etag}"}, want: 200},
		{method: "GET", target: "/r/a.rpm", headers: []string{`If-Match: "other"`}, want: 412},
		{method: "GET", target: "/r/a.rpm", headers: []string{"If-Match: W/{etag}"}, want: 412},
		{method: "GET", target: "/r/a.rpm", headers: []string{"If-Match: *"}, want: 200},
		{method: "GET", target: "/r/a.rpm", headers: []string{"If-Unmodified-Since: " + mtime}, want: 200},
		{method: "GET", target: "/r/a.rpm", headers: []string{"If-Unmodified-Since: Mon, 01 Jan 2001 00:00:00 GMT"}, want: 412},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=5-9", "If-Range: {etag}"}, want: 206},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=5-9", `If-Range: "other"`}, want: 200},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=5-9", "If-Range: W/{etag}"}, want: 200},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=5-9", "If-Range: " + mtime}, want: 206},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=5-9", "If-Range: Mon, 05 May 2025 00:00:00 GMT"}, want: 200},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=60000-", `If-Range: "other"`}, want: 200},
		{method: "GET", target: "/r/a.rpm", headers: []string{"Range: bytes=60000-", "If-None-Match: {etag}"}, want: 304},
	} {
		name := fmt.Sprintf("%s %s %q", c.method, c.target, c.headers)
		our, their := ask(t, ours, c.method, c.target, c.headers), ask(t, nginx, c.method, c.target, c.headers)
		if c.nginx == same {
			c.nginx = c.want
		} else {
			require.NotEmpty(t, c.why, name)
		}
		assert.Equal(t, c.want, our.StatusCode, "gorepo: %s", name)
		assert.Equal(t, c.nginx, their.StatusCode, "nginx: %s", name)
		if our.StatusCode != their.StatusCode || our.StatusCode == 301 || strings.HasSuffix(c.target, "/") {
			continue
		}
		for _, h := range []string{"Content-Range", "Accept-Ranges", "Content-Encoding", "Last-Modified"} {
			switch {
			case h == "Last-Modified" && our.StatusCode >= 300: // not of an error, in either
			case h == "Accept-Ranges" && our.StatusCode != 200: // we say it with 206 too
			default:
				assert.Equal(t, their.Header.Get(h), our.Header.Get(h), "%s: %s", name, h)
			}
		}
		if our.StatusCode < 300 {
			assert.Equal(t, normal(t, their), normal(t, our), "%s: body", name)
		}
	}
}

// ask is raw with each server's own ETag put in.
func ask(t *testing.T, addr, method, target string, headers []string) *http.Response {
	t.Helper()
	etag := ""
	if strings.Contains(strings.Join(headers, ""), "{etag}") {
		etag = raw(t, addr, "HEAD", target).Header.Get("ETag")
		require.NotEmpty(t, etag)
	}
	var filled []string
	for _, h := range headers {
		filled = append(filled, strings.ReplaceAll(h, "{etag}", etag))
	}
	return raw(t, addr, method, target, filled...)
}

// normal is a body without what has to differ: the boundary, and the type that
// each server knows for a name. The lengths of those are taken out too.
func normal(t *testing.T, res *http.Response) string {
	t.Helper()
	text := body(t, res)
	kind := res.Header.Get("Content-Type")
	if _, boundary, ok := strings.Cut(kind, "multipart/byteranges; boundary="); ok {
		text = strings.ReplaceAll(text, boundary, "BOUNDARY")
		lines := strings.Split(text, "\r\n")
		for i, l := range lines {
			if strings.HasPrefix(l, "Content-Type: ") {
				lines[i] = "Content-Type: TYPE"
			}
		}
		return strings.Join(lines, "\r\n")
	}
	return fmt.Sprintf("%d bytes announced\n%s", res.ContentLength, text)
}
