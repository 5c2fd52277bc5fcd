package fetch_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/fetch"
	"gorepo/internal/testrepo"
)

// listen serves connections in f until the test ends.
func listen(t *testing.T, f func(net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close() //nolint:errcheck // a test's end of it
				f(conn)
			})
		}
	})
	return l.Addr().String()
}

// socks is a SOCKS5 proxy (RFC 1928, 1929) that knows one user. Every name is
// 127.0.0.1. seen is told what is asked for.
func socks(t *testing.T, user, password string, seen func(string)) string {
	return listen(t, func(conn net.Conn) {
		if err := serveSocks(conn, user, password, seen); err != nil && !errors.Is(err, io.EOF) {
			seen(err.Error())
		}
	})
}

func serveSocks(conn net.Conn, user, password string, seen func(string)) error {
	read := func(n int) []byte {
		b := make([]byte, n)
		_, _ = io.ReadFull(conn, b)
		return b
	}
	head := read(2)
	methods := string(read(int(head[1])))
	if !strings.Contains(methods, "\x02") {
		seen("no login")
		_, err := conn.Write([]byte{5, 0xff})
		return err
	}
	if _, err := conn.Write([]byte{5, 2}); err != nil {
		return err
	}
	got := string(read(int(read(2)[1])))
	got += ":" + string(read(int(read(1)[0])))
	if got != user+":"+password {
		seen("wrong login")
		_, err := conn.Write([]byte{1, 1})
		return err
	}
	if _, err := conn.Write([]byte{1, 0}); err != nil {
		return err
	}
	request := read(4)
	host := ""
	switch request[3] {
	case 1:
		host = net.IP(read(4)).String()
	case 3:
		host = string(read(int(read(1)[0])))
	}
	port := binary.BigEndian.Uint16(read(2))
	seen(host)
	there, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		_, err := conn.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0})
		return err
	}
	defer there.Close() //nolint:errcheck // a test's end of it
	if _, err := conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0}); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(there, conn)
		_ = there.Close()
	}()
	_, _ = io.Copy(conn, there) // either side may hang up first
	return nil
}

func TestSOCKS(t *testing.T) {
	files := map[string][]byte{file: content}
	var mu sync.Mutex
	var seen []string
	addr := socks(t, "u", "p@", func(what string) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, what)
	})
	for _, up := range []*testrepo.Upstream{testrepo.Files(t, testrepo.Options{}, files), testrepo.Files(t, testrepo.Options{TLS: true}, files)} {
		o := quick()
		at := strings.Replace(up.URL, "127.0.0.1", "example.com", 1) // what httptest's certificate is for
		if strings.HasPrefix(at, "https") {
			o.TLS.CAFile = up.CAFile(t)
		}
		for _, proxy := range []string{"socks5://u:p%40@" + addr, "socks5h://" + addr} {
			o.Proxy = proxy
			if !strings.Contains(proxy, "@") {
				o.ProxyUsername, o.ProxyPassword = "u", "p@"
			}
			_, err := download(t, source(t, o, at), &sink{})
			require.NoError(t, err)
		}
		o.ProxyUsername, o.ProxyPassword, o.Retries = "u", "hunter2", -1
		_, err := download(t, source(t, o, at), &sink{})
		require.ErrorContains(t, err, "proxy socks5h://"+addr+": ")
		assert.NotContains(t, err.Error(), "hunter2")

		o.ProxyUsername, o.ProxyPassword = "u", "p@"
		up.Close()
		_, err = download(t, source(t, o, at), &sink{})
		require.ErrorContains(t, err, "proxy socks5h://"+addr+": ")
		assert.True(t, fetch.Temporary(err))
	}
	mu.Lock()
	defer mu.Unlock()
	assert.ElementsMatch(t, []string{ // each from a goroutine of its own
		"example.com", "example.com", "wrong login", "example.com",
		"example.com", "example.com", "wrong login", "example.com",
	}, seen, "names are looked up by the proxy")
}

// A proxy that accepts connections and never says a word is a timeout, and so is
// one that stops in the middle.
func TestProxyStalls(t *testing.T) {
	for name, says := range map[string]string{"nothing": "", "half": "HTTP/1.1 200 Conn"} {
		addr := listen(t, func(conn net.Conn) {
			if says != "" { // once it was asked something
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = io.WriteString(conn, says)
			}
			_, _ = io.Copy(io.Discard, conn) // until the other side hangs up
		})
		for _, proxy := range []string{"http://", "https://", "socks5://"} {
			for _, base := range []string{"http://upstream.invalid/", "https://upstream.invalid/"} {
				o := quick()
				o.Proxy, o.Timeout, o.Retries = proxy+addr, 100*time.Millisecond, -1
				if proxy == "socks5://" && says != "" {
					continue // that is not SOCKS
				}
				if proxy == "https://" && says != "" {
					continue // nor TLS
				}
				_, err := download(t, source(t, o, base), &sink{})
				var timeout *fetch.TimeoutError
				require.ErrorAs(t, err, &timeout, "%s, %s, %s", name, proxy, base)
				assert.True(t, fetch.Temporary(err))
			}
		}
	}
}

// What is no proxy at all, and an answer that does not end, are errors.
func TestProxyNonsense(t *testing.T) {
	for says, want := range map[string]string{
		"SSH-2.0-OpenSSH_9.2\r\n":                              "no usable answer to CONNECT",
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20):  "no usable answer to CONNECT",
		"HTTP/1.1 200 OK\r\n\r\nand more":                      "sent more than an answer to CONNECT",
		"HTTP/1.1 302 Found\r\nLocation: http://evil/\r\n\r\n": "it does not connect: HTTP status 302 (Found)",
	} {
		addr := listen(t, func(conn net.Conn) {
			buf := make([]byte, 4096)
			_, _ = conn.Read(buf)
			_, _ = io.WriteString(conn, says)
		})
		o := quick()
		o.Proxy, o.Retries = "http://"+addr, -1
		_, err := download(t, source(t, o, "https://upstream.invalid/"), &sink{})
		require.ErrorContains(t, err, "proxy http://"+addr+": "+want)
	}
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	o := quick()
	o.Proxy, o.Retries = server.URL, -1
	_, err := download(t, source(t, o, "https://upstream.invalid/"), &sink{})
	require.ErrorContains(t, err, "HTTP status 404")
	assert.False(t, fetch.NotFound(err), "it says nothing of the file")
	o.Proxy = strings.Replace(server.URL, "http:", "https:", 1)
	_, err = download(t, source(t, o, "https://upstream.invalid/"), &sink{})
	require.ErrorContains(t, err, "answers in plain HTTP: https is not for this port")
}
