package httpserve_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/httpserve"
)

// dialRaw connects and sends bytes as they are, in pieces of at most n bytes.
func dialRaw(t testing.TB, addr, request string, n int) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	for len(request) > 0 {
		k := min(n, len(request))
		_, err := io.WriteString(c, request[:k])
		require.NoError(t, err)
		request = request[k:]
	}
	return c, bufio.NewReader(c)
}

func nextAnswer(t testing.TB, in *bufio.Reader, method string) (*http.Response, string) {
	t.Helper()
	res, err := http.ReadResponse(in, &http.Request{Method: method})
	require.NoError(t, err)
	data, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(data)
}

// TestOneConnection mixes what the front answers with what net/http does, on one
// connection, pipelined and in pieces: every answer comes, in order.
func TestOneConnection(t *testing.T) {
	root := t.TempDir()
	large := strings.Repeat("0123456789abcdef", 4<<10)
	write(t, large, root, "r", "large.rpm")
	write(t, "small", root, "r", "small.rpm")
	write(t, "<repomd/>", root, "r", "repodata", "repomd.xml")
	addr := start(t, httpserve.Options{Root: root})
	get := func(target, more string) string {
		return "GET " + target + " HTTP/1.1\r\nHost: x\r\n" + more + "\r\n"
	}
	plain := get("/r/small.rpm", "") + get("/r/repodata/repomd.xml", "User-Agent: dnf\r\n") + get("/r/large.rpm", "Range: bytes=0-9,20-29\r\n") +
		"HEAD /r/large.rpm HTTP/1.1\r\nHost: x\r\n\r\n" + get("/r/none.rpm", "") + get("/r", "") + get("/r/large.rpm", "")
	other := get("/r/", "Accept: application/json\r\n") + get("/r/small.rpm", "") + get("/r/large.rpm", "") +
		"POST /r/small.rpm HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
	for _, pieces := range []int{1 << 20, 7, 1} {
		t.Run(fmt.Sprint(pieces), func(t *testing.T) {
			_, in := dialRaw(t, addr, plain+other, pieces)
			for _, want := range []struct {
				method string
				status int
				body   string
			}{
				{"GET", 200, "small"},
				{"GET", 200, "<repomd/>"},
				{"GET", 206, "0123456789"},
				{"HEAD", 200, ""},
				{"GET", 404, "404"},
				{"GET", 301, "301"},
				{"GET", 200, large},
				{"GET", 200, "small.rpm"},
				{"GET", 200, "small"},
				{"GET", 200, large},
				{"POST", 405, "405"},
			} {
				res, body := nextAnswer(t, in, want.method)
				assert.Equal(t, want.status, res.StatusCode, "%+v", want)
				assert.Contains(t, body, want.body)
				assert.NotEmpty(t, res.Header.Get("Date"))
			}
			_, err := in.ReadByte()
			assert.Equal(t, io.EOF, err, "behind a body nothing is answered")
		})
	}
}

// TestHotFileChanges: whatever way a small file changes, the next request is
// answered with what is there.
func TestHotFileChanges(t *testing.T) {
	root := t.TempDir()
	file := write(t, "generation 0", root, "r", "repodata", "repomd.xml")
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(file, old, old))
	time.Sleep(3200 * time.Millisecond) // until a change of the ctime is sure to show
	addr := start(t, httpserve.Options{Root: root})
	read := func() string {
		res := raw(t, addr, "GET", "/r/repodata/repomd.xml")
		return body(t, res)
	}
	require.Equal(t, "generation 0", read())
	require.Equal(t, "generation 0", read())

	t.Run("written in place, same size and time", func(t *testing.T) {
		require.NoError(t, os.WriteFile(file, []byte("generation 1"), 0o644))
		require.NoError(t, os.Chtimes(file, old, old))
		assert.Equal(t, "generation 1", read())
	})
	t.Run("renamed over", func(t *testing.T) {
		next := write(t, "generation 2", root, "r", "next")
		require.NoError(t, os.Chtimes(next, old, old))
		require.NoError(t, os.Rename(next, file))
		assert.Equal(t, "generation 2", read())
	})
	t.Run("directory replaced", func(t *testing.T) {
		write(t, "generation 3", root, "r", ".new", "repomd.xml")
		require.NoError(t, os.Rename(filepath.Join(root, "r", "repodata"), filepath.Join(root, "r", ".old")))
		require.NoError(t, os.Rename(filepath.Join(root, "r", ".new"), filepath.Join(root, "r", "repodata")))
		assert.Equal(t, "generation 3", read())
	})
	t.Run("gone", func(t *testing.T) {
		require.NoError(t, os.RemoveAll(filepath.Join(root, "r", "repodata")))
		assert.Contains(t, read(), "404")
	})
}

// TestDrainFront: idle connections end at once, a download comes to its end.
func TestDrainFront(t *testing.T) {
	root := t.TempDir()
	size := 32 << 20
	write(t, strings.Repeat("x", size), root, "r", "large.rpm")
	server, err := httpserve.New(httpserve.Options{Root: root, DrainTimeout: 20 * time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { server.Close() })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, l) }()
	addr := l.Addr().String()

	_, idle := dialRaw(t, addr, "GET /r/none HTTP/1.1\r\nHost: x\r\n\r\n", 1<<20)
	nextAnswer(t, idle, "GET")
	_, half := dialRaw(t, addr, "GET /r/large.rpm HTTP/1.1\r\n", 1<<20)
	_, download := dialRaw(t, addr, "GET /r/large.rpm HTTP/1.1\r\nHost: x\r\n\r\n", 1<<20)
	_, err = download.Peek(1)
	require.NoError(t, err)
	stop()
	_, err = idle.ReadByte()
	assert.Equal(t, io.EOF, err)
	_, err = half.ReadByte()
	assert.Equal(t, io.EOF, err)
	_, data := nextAnswer(t, download, "GET")
	assert.Len(t, data, size)
	require.NoError(t, <-done)
	_, err = net.Dial("tcp", addr)
	assert.Error(t, err)
}
