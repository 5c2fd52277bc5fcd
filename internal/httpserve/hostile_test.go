package httpserve_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/httpserve"
)

// TestTraversal tries every way of writing ".." with every way of writing "/",
// from every kind of place to every secret.
func TestTraversal(t *testing.T) {
	dots := []string{
		"..", "%2e%2e", "%2E%2E", ".%2e", "%2e.", "%252e%252e", "%25252e%25252e", "..%00", "%00..", "..;", "..;x=1", "..%20", "%20..", "..%09", "...", "....",
		"%c0%ae%c0%ae", "%e0%80%ae%e0%80%ae", "%f0%80%80%ae%f0%80%80%ae", "\xc0\xae\xc0\xae", "%u002e%u002e", "\u2024\u2024", "\u2025", "\uff0e\uff0e", "%ef%bc%8e%ef%bc%8e", "..%c2%a0",
		".%0d.", "..%0a", "..%3f", "..%23", "..?", "%2e%2e%2f..",
	}
	slashes := []string{
		"/", "%2f", "%2F", "//", "/./", "/%2e/", "%252f", "\\", "%5c", "%5C", "%255c", "%c0%af", "%e0%80%af", "\xc0\xaf", "%c1%9c", "\u2215", "\u2044", "\uff0f", "\uff3c", "%u2215", ";/", "%00/", "/%00", "%2f%5c",
	}
	starts := []string{"", "/r/Packages", "/r/Packages/a.rpm", "/linked", "/-/keys", "http://mirror.example/r"}
	secrets := []string{"secret", "rootsecret/x", ".gorepo/r/state.json", "root/.gorepo/r/state.json", "r/.staging/repomd.xml", ".hidden", "etc/passwd"}
	addr := start(t, httpserve.Options{Root: trap(t)})
	conn, in := dialForMany(t, addr)
	tried := 0
	try := func(target string) {
		// What is no HTTP at all ends the connection.
		_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", target)
		require.NoError(t, err, target)
		a, err := readAnswer(in, "GET")
		require.NoError(t, err, target)
		if a.status != 400 && a.status != 404 || strings.Contains(a.body, secret) || strings.Contains(a.body, "root:") {
			assert.Fail(t, "an answer", "GET %q: %d %s", target, a.status, a.body)
		}
		if says(a.header.Get("Connection"), "close") {
			conn.Close()
			conn, in = dialForMany(t, addr)
		}
		tried++
	}
	for i, d := range dots {
		for j, s := range slashes {
			for k, from := range starts {
				// All that leads up, and by turns all that it could lead to.
				up := strings.Repeat(s+d, 1+(i+j+k)%4)
				target := from + up + s + strings.ReplaceAll(secrets[(i+j+k)%len(secrets)], "/", s)
				if target[0] != '/' && target[0] != 'h' {
					target = "/" + target
				}
				if strings.Contains(target, "?") { // the path ends there
					target = strings.ReplaceAll(target, "?", "%3f")
				}
				try(target)
			}
		}
	}
	for _, name := range []string{
		".gorepo", ".GOREPO", ".Gorepo", ".gorepo.", ".gorepo%20", ".gorepo::$DATA", ".gorepo%00", "%2egorepo", "%252egorepo", "\uff0egorepo", ".%67orepo", "./.gorepo", ".//.gorepo",
		"state", "self", "self/.gorepo", "above/root/.gorepo", "r/gorepo", "r/up/.gorepo", "linked/.gorepo", "GOREPO~1", "-/.gorepo", ".gorepo/.",
	} {
		for _, rest := range []string{"", "/", "/r", "/r/", "/r/state.json", "/r/upstream/repomd.xml", "/r/../r/state.json", "%2fr%2fstate.json"} {
			if name != "self" || strings.Contains(rest, "r/") || strings.Contains(rest, "f") {
				try("/" + name + rest)
			}
		}
	}
	for _, name := range []string{".repodata-gorepo/repomd.xml", ".repodata-gorepo/", ".repodata/x", ".gorepo.lock", ".gorepo-1.tmp", ".git/config", ".htpasswd", ".TREEINFO", ".treeinfo.bak", ".treeinfo/..", ".Discinfo", "..treeinfo", ".%74reeinf\u043e"} {
		try("/r/" + name)
		try("/r/" + strings.ReplaceAll(name, ".", "%2e"))
	}
	conn.Close()
	t.Logf("%d targets", tried)
}

func dialForMany(t testing.TB, addr string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	return conn, bufio.NewReader(conn)
}

// TestLinksThatTurn has what a request may be served exchanged for links to
// secrets and back, while it is asked for.
func TestLinksThatTurn(t *testing.T) {
	root := trap(t)
	dir := filepath.Dir(root)
	require.NoError(t, os.Mkdir(filepath.Join(root, "r", "turns"), 0o755))
	places := []struct{ name, good, evil string }{
		// Good is a directory or file of its own, or, with an arrow, a link.
		{"dir", "dir", ".gorepo"},
		{"link", "-> " + filepath.Join(dir, "disk"), ".gorepo"},
		{"file.repo", "file", ".gorepo/r/state.json"},
		{"top", "file", "../secret"},
		{"r/turns/dir", "dir", "../../.gorepo"},
		{"r/turns/link", "-> ../Packages", "../../../rootsecret"},
		{"r/turns/file", "file", "../../../secret"},
		{"r/turns/abs", "file", filepath.Join(dir, "secret")},
	}
	var targets []string
	for _, p := range places {
		live, other := filepath.Join(root, p.name), filepath.Join(root, ".turn"+strings.ReplaceAll(p.name, "/", "-"))
		require.NoError(t, os.Symlink(p.evil, other))
		targets = append(targets, "/"+p.name)
		switch target, link := strings.CutPrefix(p.good, "-> "); {
		case link:
			require.NoError(t, os.Symlink(target, live))
		case p.good == "dir":
			write(t, "public", live, "x")
			write(t, "public", live, "r", "state.json")
		default:
			write(t, "public", live)
		}
	}
	for _, name := range []string{"dir", "link", "r/turns/dir", "r/turns/link"} {
		for _, below := range []string{"/", "/x", "/secret", "/r/", "/r/state.json", "/r/upstream/repomd.xml", "/repodata/repomd.xml", "/a.rpm"} {
			targets = append(targets, "/"+name+below)
		}
	}
	addr := start(t, httpserve.Options{Root: root})
	stop := make(chan struct{})
	var turning, asking sync.WaitGroup
	turning.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			p := places[i%len(places)]
			if err := exchange(filepath.Join(root, ".turn"+strings.ReplaceAll(p.name, "/", "-")), filepath.Join(root, p.name)); !assert.NoError(t, err) {
				return
			}
		}
	})
	served, began := make([]int, 4), time.Now()
	for reader := range served {
		asking.Go(func() {
			conn, in := dialForMany(t, addr)
			defer conn.Close()
			for i := 0; time.Since(began) < time.Second; i++ {
				target := targets[(i*7+reader)%len(targets)]
				_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", target)
				a, err := readAnswer(in, "GET")
				if !assert.NoError(t, err, target) || !assert.NotContains(t, a.body, secret, target) || !assert.NotContains(t, a.body, "upstream", target) || !assert.Less(t, a.status, 500, target) {
					return
				}
				if a.status == 200 {
					served[reader]++
				}
			}
		})
	}
	asking.Wait()
	close(stop)
	turning.Wait()
	assert.NotContains(t, served, 0, "nothing was ever there")
}

// FuzzRequest sends any bytes to a server that is live. Whatever they are, it
// answers in HTTP or not at all, gives no secret and goes on.
func FuzzRequest(f *testing.F) {
	root := trap(f)
	conformTree(f, root)
	var log lockedBuffer
	addr := start(f, httpserve.Options{
		Root: root, Logger: slog.New(slog.NewTextHandler(&log, nil)), HeaderTimeout: 2 * time.Second,
		Repos: func() []httpserve.RepoInfo { return []httpserve.RepoInfo{{ID: "r", Keys: []byte("KEY")}} },
	})
	for _, r := range conformRows() {
		if len(r.send) < 4000 {
			f.Add([]byte(r.send))
		}
	}
	for _, target := range []string{"/r/out", "/state/r/state.json", "/r/..%2f..%2fsecret", "/self/self/.gorepo/", "/r.repo", "/-/keys/r.asc", "/gorepo.repo", "/linked/out"} {
		f.Add([]byte(request("GET " + target)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		conn, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer conn.Close()
		require.NoError(t, conn.(*net.TCPConn).SetLinger(0)) // thousands a second would use up the ports
		require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			_, _ = conn.Write(data)
			_ = conn.(*net.TCPConn).CloseWrite() // refused by a connection that has ended
		}()
		got, err := io.ReadAll(conn)
		whole := err == nil
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("%q: the connection stays open after %q", data, got)
		}
		conn.Close()
		<-sent
		if strings.Contains(string(got), secret) {
			t.Fatalf("%q gives a secret", data)
		}
		checkAnswers(t, data, string(got), whole)
		if said := log.String(); strings.Contains(said, "panic") {
			t.Fatalf("%q: %s", data, said)
		}
	})
}

// checkAnswers takes what came over a connection apart. Only the last answer may
// be cut short, and only if the connection was.
func checkAnswers(t *testing.T, data []byte, got string, whole bool) {
	t.Helper()
	for rest := got; rest != ""; {
		in := bufio.NewReaderSize(strings.NewReader(rest), 1<<20)
		a, err := readAnswer(in, "HEAD") // the header alone
		if err != nil {
			if whole {
				t.Fatalf("%q is answered %q: %v", data, got, err)
			}
			return
		}
		left, err := io.ReadAll(in)
		require.NoError(t, err)
		if rest = string(left); rest == "" || strings.HasPrefix(rest, "HTTP/1.") {
			continue // to a HEAD, or without a body
		}
		in = bufio.NewReaderSize(strings.NewReader(rest), 1<<20)
		if _, err := readBody(in, a, "GET"); err != nil {
			if whole {
				t.Fatalf("%q is answered %q: %v", data, got, err)
			}
			return
		}
		if a.status >= 500 && a.status != 501 && a.status != 505 {
			t.Fatalf("%q is answered %q", data, got)
		}
		left, err = io.ReadAll(in)
		require.NoError(t, err)
		if len(left) == len(rest) && len(left) > 0 {
			t.Fatalf("%q is answered %q: what is %q?", data, got, left)
		}
		rest = string(left)
	}
}
