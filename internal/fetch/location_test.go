package fetch_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/fetch"
	"gorepo/internal/testrepo"
	"gorepo/internal/testrepo/peer"
)

// oddNames are all names that packages really have, or could.
var oddNames = []string{
	"a+b~c^d e%2B.rpm",
	"Packages/g/gcc-c++-8.5.0-4.el8.x86_64.rpm",
	"modular-1.0-1.module_el9+1+abcd1234.noarch.rpm",
	"100%.rpm", "hash#mark?query=1&x.rpm", "semi;colon:at@comma,.rpm",
	"smørrebrød-ü-日本.rpm", "brackets[1]{2}(3)'\"`|\\.rpm", "=$!*.rpm", "a//b.rpm",
}

func TestURL(t *testing.T) {
	for _, c := range []struct{ base, xmlBase, location, want string }{
		{"http://h/r", "", "p/a.rpm", "http://h/r/p/a.rpm"},
		{"http://h/r/", "", "/p/a.rpm", "http://h/r/p/a.rpm"},
		{"http://h", "", "a.rpm", "http://h/a.rpm"},
		{"https://h:8443/r", "", "a b+c.rpm", "https://h:8443/r/a%20b%2Bc.rpm"},
		{"http://h/a%20b/r%2B", "", "c%2B.rpm", "http://h/a%20b/r%2B/c%252B.rpm"},
		{"http://h/a b", "", "c", "http://h/a%20b/c"},
		{"http://h/r?token=secret", "", "a.rpm", "http://h/r/a.rpm"},
		{"http://u:p@h/r#frag", "", "a.rpm", "http://h/r/a.rpm"},
		{"http://h/x/os", "", "../pool/a.rpm", "http://h/x/pool/a.rpm"},
		{"http://h/x/os", "", "./a/./b/../c.rpm", "http://h/x/os/a/c.rpm"},
		{"http://h/x", "", "../../../a.rpm", "http://h/a.rpm"},
		{"http://h/x", "", "a//b.rpm", "http://h/x/a//b.rpm"},
		{"http://h/x", "", "http://evil/a.rpm", "http://h/x/http%3A//evil/a.rpm"},
		{"http://h/x", "http://o/y/", "a.rpm", "http://o/y/a.rpm"},
		{"http://h/x", "http://o/y", "a.rpm", "http://o/y/a.rpm"},
		{"http://h/x", "http://u:p@o/y?t=1", "a.rpm", "http://o/y/a.rpm"},
		{"http://h/x/os", "../other", "a.rpm", "http://h/x/other/a.rpm"},
		{"http://h/x/os/", "sub/", "a.rpm", "http://h/x/os/sub/a.rpm"},
		{"http://h/x/os", "/abs", "a.rpm", "http://h/abs/a.rpm"},
		{"file:///srv/a%20b", "", "c%2B+.rpm", "/srv/a b/c%2B+.rpm"},
		{"file://localhost/srv", "", "a.rpm", "/srv/a.rpm"},
		{"/srv/x/", "", "p/a.rpm", "/srv/x/p/a.rpm"},
		{"/srv/x", "sub", "a.rpm", "/srv/x/sub/a.rpm"},
		{"/srv/x", "file:///srv/y", "a.rpm", "/srv/y/a.rpm"},
		{"/srv/x", "/srv/y", "a.rpm", "/srv/y/a.rpm"},
		{"/srv/x", "http://o/y", "a.rpm", "http://o/y/a.rpm"},
		// What cannot be asked for has no URL.
		{"http://h/x", "", "", ""},
		{"http://h/x", "", "//", ""},
		{"http://h/x", "", "..", ""},
		{"http://h/x", "", "a\x00b", ""},
		{"http://h/x", "file:///etc", "passwd", ""},
		{"http://h/x", "media://1#2", "a.rpm", ""},
		{"http://h/x", "http://[bad", "a.rpm", ""},
		{"/srv/x", "", "../a.rpm", ""},
		{"/srv/x", "..", "a.rpm", ""},
	} {
		s := source(t, quick(), c.base)
		assert.Equal(t, c.want, s.URL(c.xmlBase, c.location), "%s, xml:base %q, %q", c.base, c.xmlBase, c.location)
	}
}

func TestBadBase(t *testing.T) {
	for raw, want := range map[string]string{
		"ftp://h/x":                   "ftp://h/x: needs http, https, file or an absolute path",
		"repo/os":                     "repo/os: needs http, https, file or an absolute path",
		"http:///x":                   "http:///x: has no host",
		"file://host/x":               "host/x: a file URL needs an absolute path (file:///path)",
		"http://u:pa ss@h:port/x":     "http://h:port/x: is not a valid URL",
		"http://u:sec/ret@h:99999x/y": "http://h:99999x/y: is not a valid URL",
		"ftp://u:secret@h/x?token=1":  "ftp://h/x: needs http, https, file or an absolute path",
	} {
		_, err := fetch.New([]string{raw}, quick())
		require.Error(t, err, raw)
		assert.True(t, strings.HasSuffix(err.Error(), want), "%s: %v", raw, err)
		assert.NotContains(t, err.Error(), "sec")
	}
	_, err := fetch.New(nil, quick())
	require.EqualError(t, err, "no base URL")
}

// The query of a base URL is a token: every request has it, no message shows
// it.
func TestQueryOfBase(t *testing.T) {
	up := testrepo.Files(t, testrepo.Options{}, map[string][]byte{"r/a b.rpm": content})
	s := source(t, quick(), up.URL+"/r?token=s3cret&x=%2B")
	_, err := s.Download(t.Context(), "", "a b.rpm", &sink{want: content}, int64(len(content)))
	require.NoError(t, err)
	assert.Equal(t, "/r/a%20b.rpm?token=s3cret&x=%2B", up.Requests("**")[0].Raw)
	_, _, err = s.Get(t.Context(), "nothing", 10, fetch.Condition{})
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "s3cret")
	_, err = s.Download(t.Context(), "sub/", "nothing", &sink{}, 10)
	require.Error(t, err)
	reqs := up.Requests("**")
	assert.Equal(t, "/r/sub/nothing?token=s3cret&x=%2B", reqs[len(reqs)-1].Raw)
	assert.NotContains(t, err.Error(), "s3cret")
}

func TestOddNamesFromNginx(t *testing.T) {
	nginx := peer.Need(t, "nginx")
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree", "re+po s")
	for _, name := range oddNames {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(tree, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(tree, name), []byte("it is "+name), 0o644))
	}
	require.NoError(t, os.WriteFile(filepath.Join(tree, "big"), content, 0o644))
	hourAgo := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(filepath.Join(tree, "big"), hourAgo, hourAgo))
	url := startNginx(t, nginx, dir)

	s := source(t, quick(), url+"/re+po%20s")
	for _, name := range oddNames {
		want := []byte("it is " + name)
		k := &sink{want: want}
		_, err := s.Download(t.Context(), "", name, k, int64(len(want)))
		require.NoError(t, err, name)
		assert.Equal(t, string(want), string(k.got))
	}

	// nginx's own way with ranges and conditions.
	k := &sink{want: content, got: content[:1000:1000]}
	info, err := s.Download(t.Context(), "", "big", k, int64(len(content)))
	require.NoError(t, err)
	assert.Equal(t, 1, info.Requests)
	assert.Zero(t, k.restarts)
	_, again, err := s.Get(t.Context(), "big", 1<<20, fetch.Condition{ETag: info.ETag, LastModified: info.LastModified})
	require.NoError(t, err)
	assert.True(t, again.NotModified)

	requireNewsWithinASecond(t, s, filepath.Join(tree, "big"), "big")
}

// requireNewsWithinASecond writes a file twice within a second, with the same
// size: to nginx, and by Last-Modified, they are the same.
func requireNewsWithinASecond(t *testing.T, s *fetch.Source, path, location string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte("one"), 0o644))
	at := time.Now().Add(time.Minute) // however long this takes
	require.NoError(t, os.Chtimes(path, at, at))
	_, info, err := s.Get(t.Context(), location, 1<<20, fetch.Condition{})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte("two"), 0o644))
	require.NoError(t, os.Chtimes(path, at, at))
	data, info, err := s.Get(t.Context(), location, 1<<20, fetch.Condition{ETag: info.ETag, LastModified: info.LastModified})
	require.NoError(t, err)
	assert.False(t, info.NotModified)
	assert.Equal(t, "two", string(data))
}

// startNginx serves dir/tree on loopback until the test ends.
func startNginx(t *testing.T, nginx, dir string) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	// Workers of an nginx that root starts become another user.
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		require.NoError(t, os.Chmod(d, 0o755))
	}
	conf := filepath.Join(dir, "nginx.conf")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil, `
daemon off; pid %[1]s/pid; error_log %[1]s/error.log; worker_processes 1;
events { worker_connections 64; }
http { access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f;
 uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
 server { listen %[2]s; root %[1]s/tree; merge_slashes on; } }
`, dir, addr), 0o644))
	cmd := exec.Command(nginx, "-p", dir, "-c", conf, "-e", filepath.Join(dir, "error.log"))
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
	return "http://" + addr
}

// FuzzEscape: what we ask for is what a server reads, whatever the name.
func FuzzEscape(f *testing.F) {
	for _, name := range oddNames {
		f.Add(name)
	}
	f.Add("\xff\x80 latin1 \xe9.rpm")
	f.Add("%zz/%00/..a/...")
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.URL.Path }))
	f.Cleanup(server.Close)
	s, err := fetch.New([]string{server.URL + "/base?q=1"}, fetch.Options{Retries: -1})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, name string) {
		decoded, err := url.PathUnescape(fetch.Escape(name))
		require.NoError(t, err)
		require.Equal(t, name, decoded)
		if strings.Contains(name, "\x00") || strings.Trim(name, "/") == "" || hasDots(name) {
			return // refused, or resolved
		}
		got = ""
		_, _, err = s.Get(t.Context(), name, 10, fetch.Condition{})
		require.NoError(t, err)
		require.Equal(t, "/base/"+strings.TrimLeft(name, "/"), got)
	})
}

func hasDots(name string) bool {
	for _, e := range strings.Split(name, "/") {
		if e == "." || e == ".." {
			return true
		}
	}
	return false
}
