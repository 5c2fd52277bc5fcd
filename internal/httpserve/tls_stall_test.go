package httpserve_test

import (
	"bytes"
	"context"
	"crypto/tls"
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
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"gorepo/internal/httpserve"
	"gorepo/internal/testrepo"
)

// secure serves one large file by TLS.
func secure(t testing.TB, o httpserve.Options) (ca *testrepo.CA, addr string) {
	t.Helper()
	o.Root = t.TempDir()
	write(t, strings.Repeat("x", 8<<20), o.Root, "r", "big.rpm")
	ca = testrepo.NewCA(t)
	cert, key := testrepo.WriteCert(t, ca.Issue(t, true, nil))
	addr, _ = serveTLS(t, o, httpserve.TLSFiles{Cert: cert, Key: key})
	return ca, addr
}

// An h2Client speaks HTTP/2 by hand.
type h2Client struct {
	t    testing.TB
	conn *tls.Conn
	*http2.Framer
}

func newH2Client(t testing.TB, ca *testrepo.CA, addr string) *h2Client {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: ca.Pool(), NextProtos: []string{"h2"}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = io.WriteString(c, http2.ClientPreface)
	require.NoError(t, err)
	h := &h2Client{t: t, conn: c, Framer: http2.NewFramer(c, c)}
	require.NoError(t, h.WriteSettings())
	return h
}

func (h *h2Client) get(stream uint32, path string) {
	h.t.Helper()
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "h"}, {":path", path}} {
		require.NoError(h.t, enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}))
	}
	require.NoError(h.t, h.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true}))
}

// A stream whose client opens no window is given up, though the connection
// lives and answers pings; another stream on it is not.
func TestStreamThatTakesNothing(t *testing.T) {
	var log lockedBuffer
	ca, addr := secure(t, httpserve.Options{
		StallTimeout: 400 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	h := newH2Client(t, ca, addr)
	h.get(1, "/r/big.rpm")
	start, got := time.Now(), 0
	stop := make(chan struct{})
	var pings sync.WaitGroup
	pings.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			if h.WritePing(false, [8]byte{1}) != nil {
				return
			}
		}
	})
	for {
		f, err := h.ReadFrame()
		require.NoError(t, err)
		if data, ok := f.(*http2.DataFrame); ok {
			got += len(data.Data())
		}
		if reset, ok := f.(*http2.RSTStreamFrame); ok {
			assert.EqualValues(t, 1, reset.StreamID)
			break
		}
	}
	close(stop)
	pings.Wait()
	assert.Equal(t, 65535, got, "the window that there is")

	// One that the client gives up itself is nothing to write home about either.
	h.get(3, "/r/big.rpm")
	require.NoError(t, h.WriteRSTStream(3, http2.ErrCodeCancel))
	h.get(5, "/r/big.rpm")
	require.NoError(t, h.conn.Close())
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "took nothing any more") }, 5*time.Second, 5*time.Millisecond, log.String())
	time.Sleep(50 * time.Millisecond)
	assert.NotContains(t, log.String(), "level=ERROR")
	assert.Less(t, time.Since(start), 5*time.Second)
	assert.Greater(t, time.Since(start), 300*time.Millisecond)
}

// A stream that takes a little now and then takes as long as it wants.
func TestStreamThatIsSlow(t *testing.T) {
	ca, addr := secure(t, httpserve.Options{StallTimeout: 400 * time.Millisecond})
	h := newH2Client(t, ca, addr)
	h.get(1, "/r/big.rpm")
	start, got := time.Now(), 0
	for time.Since(start) < 2*time.Second {
		f, err := h.ReadFrame()
		require.NoError(t, err)
		switch f := f.(type) {
		case *http2.DataFrame:
			if got += len(f.Data()); got%65535 > 0 {
				continue
			}
			time.Sleep(150 * time.Millisecond)
			require.NoError(t, h.WriteWindowUpdate(0, 65535))
			require.NoError(t, h.WriteWindowUpdate(1, 65535))
		case *http2.RSTStreamFrame:
			require.Fail(t, "cut")
		}
	}
	assert.Greater(t, got, 5*65535)
}

// Who does not finish a handshake, or a header, or takes nothing, is cut.
func TestTLSConnectionsThatStall(t *testing.T) {
	ca, addr := secure(t, httpserve.Options{HeaderTimeout: 300 * time.Millisecond, StallTimeout: 300 * time.Millisecond, IdleTimeout: 600 * time.Millisecond})
	closed := func(c net.Conn) {
		t.Helper()
		require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
		_, err := io.Copy(io.Discard, c)
		assert.NotErrorIs(t, err, os.ErrDeadlineExceeded)
	}
	silent, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer func() { _ = silent.Close() }()
	closed(silent)

	h1, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: ca.Pool(), NextProtos: []string{"http/1.1"}})
	require.NoError(t, err)
	defer func() { _ = h1.Close() }()
	_, err = io.WriteString(h1, "GET /r/big.rpm HTTP/1.1\r\nHost:")
	require.NoError(t, err)
	closed(h1)

	lazy, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: ca.Pool(), NextProtos: []string{"http/1.1"}})
	require.NoError(t, err)
	defer func() { _ = lazy.Close() }()
	_, err = io.WriteString(lazy, "GET /r/big.rpm HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	require.NoError(t, err)
	time.Sleep(1500 * time.Millisecond)
	n, err := io.Copy(io.Discard, lazy)
	assert.Error(t, err)
	assert.Less(t, n, int64(8<<20))

	h := newH2Client(t, ca, addr) // the beginning of a header, and no more
	require.NoError(t, h.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82}, EndStream: true}))
	closed(h.conn)
}

// A download by TLS, by either version of HTTP, or on a Unix socket comes to its
// end though the server is told to stop.
func TestDrainEverywhere(t *testing.T) {
	const size = 8 << 20
	root := t.TempDir()
	write(t, strings.Repeat("x", size), root, "r", "big.rpm")
	ca := testrepo.NewCA(t)
	cert, key := testrepo.WriteCert(t, ca.Issue(t, true, nil))
	certs, err := httpserve.NewTLS(httpserve.TLSFiles{Cert: cert, Key: key}, nil)
	require.NoError(t, err)
	for _, kind := range []string{"h2", "http/1.1", "unix"} {
		t.Run(strings.ReplaceAll(kind, "/", " "), func(t *testing.T) {
			s, err := httpserve.New(httpserve.Options{Root: root, DrainTimeout: 20 * time.Second})
			require.NoError(t, err)
			defer func() { assert.NoError(t, s.Close()) }()
			network, addr := "tcp", "127.0.0.1:0"
			if kind == "unix" {
				network, addr = "unix", filepath.Join(t.TempDir(), "sock")
			}
			l, err := net.Listen(network, addr)
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			ended := make(chan error, 1)
			url, client := "https://"+l.Addr().String(), tlsClient(t, ca)
			if kind == "unix" {
				url = "http://h"
				client.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", addr) }
				go func() { ended <- s.Serve(ctx, l) }()
			} else {
				client.Transport.(*http.Transport).ForceAttemptHTTP2 = kind == "h2"
				go func() { ended <- s.ServeTLS(ctx, l, certs) }()
			}
			res, err := client.Get(url + "/r/big.rpm")
			require.NoError(t, err)
			defer func() { _ = res.Body.Close() }()
			assert.Equal(t, kind == "h2", res.ProtoMajor == 2)
			cancel()
			require.Eventually(t, func() bool {
				c, err := net.Dial(l.Addr().Network(), l.Addr().String())
				if err == nil {
					_ = c.Close()
				}
				return err != nil
			}, 5*time.Second, 10*time.Millisecond)
			n, err := io.Copy(io.Discard, res.Body)
			require.NoError(t, err)
			assert.EqualValues(t, size, n)
			client.CloseIdleConnections()
			assert.NoError(t, <-ended)
		})
	}
}
