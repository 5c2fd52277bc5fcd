package httpserve_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
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

// write puts a file into a tree, with a date of its own so that nothing
// depends on when the test runs.
func write(t testing.TB, data string, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(t, os.WriteFile(name, []byte(data), 0o644))
	date := time.Date(2024, 5, 6, 7, 8, 9, 123456789, time.UTC)
	require.NoError(t, os.Chtimes(name, date, date))
	return name
}

// A lockedBuffer takes the log of a server while a test reads it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start serves o on loopback until the test ends, and checks then that
// stopping was clean.
func start(t testing.TB, o httpserve.Options) (addr string) {
	t.Helper()
	return startOn(t, o, "tcp", "127.0.0.1:0")
}

// startOn is start on another kind of address.
func startOn(t testing.TB, o httpserve.Options, network, address string) (addr string) {
	t.Helper()
	if o.DrainTimeout == 0 {
		o.DrainTimeout = 2 * time.Second
	}
	s, err := httpserve.New(o)
	require.NoError(t, err)
	l, err := net.Listen(network, address)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-ended)
		assert.NoError(t, s.Close())
	})
	return l.Addr().String()
}

// raw sends bytes as they are and reads one answer. net/http's client would
// tidy the path first.
func raw(t testing.TB, addr, method, target string, headers ...string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: mirror.example\r\nConnection: close\r\n%s\r\n",
		method, target, strings.Join(append(headers, ""), "\r\n"))
	require.NoError(t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	require.NoError(t, err, "%s %s", method, target)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err, "%s %s", method, target)
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res
}

func get(t testing.TB, addr, target string, headers ...string) *http.Response {
	t.Helper()
	return raw(t, addr, http.MethodGet, target, headers...)
}

func body(t testing.TB, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(b)
}

func TestDrainLetsADownloadFinish(t *testing.T) {
	root := t.TempDir()
	size := 32 << 20
	write(t, strings.Repeat("x", size), root, "r", "big.rpm")
	s, err := httpserve.New(httpserve.Options{Root: root, DrainTimeout: 20 * time.Second})
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.Close()) }()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()

	res, err := http.Get("http://" + l.Addr().String() + "/r/big.rpm")
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	cancel()
	assert.Eventually(t, func() bool {
		c, err := net.Dial("tcp", l.Addr().String())
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	}, 5*time.Second, 10*time.Millisecond, "new connections are still taken")
	n, err := io.Copy(io.Discard, res.Body)
	require.NoError(t, err)
	assert.EqualValues(t, size, n)
	assert.NoError(t, <-ended)
}

func TestDrainCutsWhatTakesTooLong(t *testing.T) {
	root := t.TempDir()
	write(t, strings.Repeat("x", 32<<20), root, "r", "big.rpm")
	var log, access lockedBuffer
	s, err := httpserve.New(httpserve.Options{
		Root: root, DrainTimeout: 50 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(&log, nil)), AccessLog: &access,
	})
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.Close()) }()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()

	paths := []string{"/r/big.rpm", "/r/big.rpm?by=net/http"}
	var bodies []io.ReadCloser
	for _, path := range paths {
		res, err := http.Get("http://" + l.Addr().String() + path)
		require.NoError(t, err)
		defer func() { _ = res.Body.Close() }()
		bodies = append(bodies, res.Body)
	}
	cancel()
	assert.NoError(t, <-ended)
	for i, path := range paths {
		assert.Contains(t, access.String(), path+" HTTP", "by then it is in the log")
		_, err = io.Copy(io.Discard, bodies[i])
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	}
	assert.Contains(t, log.String(), "downloads were still running")
}

// A reader sees one generation or the other: the file that was opened is the
// one that is sent, with the ETag and the length of its own.
func TestOneGenerationInOneAnswer(t *testing.T) {
	root := t.TempDir()
	live, next := filepath.Join(root, "r", "repodata"), filepath.Join(root, "r", ".next")
	generation := func(n int) string { return strings.Repeat(fmt.Sprintf("<g%d>", n%10), 500+n%7*1000) }
	write(t, generation(0), live, "repomd.xml")
	write(t, generation(0)+generation(0), live, "primary.xml")
	addr := start(t, httpserve.Options{Root: root})

	ctx, cancel := context.WithCancel(context.Background())
	var readers sync.WaitGroup
	for _, name := range []string{"repomd.xml", "primary.xml", "repomd.xml"} {
		readers.Go(func() {
			etags := map[string]string{}
			for ctx.Err() == nil {
				res, err := http.Get("http://" + addr + "/r/repodata/" + name)
				if !assert.NoError(t, err) {
					return
				}
				b, err := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if !assert.NoError(t, err) || !assert.Equal(t, http.StatusOK, res.StatusCode) {
					return
				}
				mark := string(b[:4])
				assert.Equal(t, len(b), strings.Count(string(b), mark)*4, "two generations in one answer")
				if name == "repomd.xml" {
					etag := res.Header.Get("ETag")
					if known := etags[etag]; known != "" {
						assert.Equal(t, known, string(b), "one ETag for two contents")
					}
					etags[etag] = string(b)
				}
			}
		})
	}
	for n := 1; n <= 200; n++ {
		write(t, generation(n), next, "repomd.xml")
		write(t, generation(n)+generation(n), next, "primary.xml")
		require.NoError(t, exchange(next, live))
		require.NoError(t, os.RemoveAll(next)) // harder than a publish, which keeps it
	}
	cancel()
	readers.Wait()
}

// exchangeRaw sends a whole request as it is.
func exchangeRaw(t testing.TB, addr, request string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(conn, request)
	require.NoError(t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	res.Body = io.NopCloser(bytes.NewReader(b))
	return res
}

// A body that is announced and never sent holds a connection no longer than a
// header would.
func TestUnsentBodyIsNotWaitedFor(t *testing.T) {
	root := t.TempDir()
	write(t, "x", root, "r", "a.rpm")
	var log lockedBuffer
	addr := start(t, httpserve.Options{Root: root, HeaderTimeout: 200 * time.Millisecond, AccessLog: &log})
	for _, request := range []string{
		"POST /r/a.rpm HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n",
		"GET /r/a.rpm HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET /r/a.rpm HTTP/1.1\r\nHost:",
	} {
		conn, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
		_, err = io.WriteString(conn, request)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, conn)
		assert.NotErrorIs(t, err, os.ErrDeadlineExceeded, "%q: the connection stays open", request)
		_ = conn.Close()
	}
}

// Requests sent ahead on one connection are answered in order.
func TestPipelining(t *testing.T) {
	root := t.TempDir()
	want := ""
	requests := ""
	for i := range 20 {
		data := fmt.Sprintf("file %d", i)
		write(t, data, root, "r", fmt.Sprint(i))
		requests += fmt.Sprintf("GET /r/%d HTTP/1.1\r\nHost: h\r\n\r\n", i)
		want += data
	}
	addr := start(t, httpserve.Options{Root: root})
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, requests)
	require.NoError(t, err)
	in, got := bufio.NewReader(conn), ""
	for range 20 {
		res, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		got += body(t, res)
	}
	assert.Equal(t, want, got)
}
