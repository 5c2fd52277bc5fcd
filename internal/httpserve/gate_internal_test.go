package httpserve

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConnectionsFor(t *testing.T) {
	for files, want := range map[uint64]int{0: 16, 64: 16, 256: 78, 1024: 462, 65536: 10_000, 1 << 63: 10_000} {
		assert.Equal(t, want, connectionsFor(files), files)
	}
}

// few serves one file with room for so many connections.
func few(t *testing.T, o Options) (s *Server, addr string) {
	t.Helper()
	o.Root = t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(o.Root, "r"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(o.Root, "r", "a.rpm"), []byte("package"), 0o644))
	o.DrainTimeout = time.Second
	s, err := New(o)
	require.NoError(t, err)
	s.gate.look = 20 * time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-ended)
		assert.NoError(t, s.Close())
		assert.Empty(t, s.gate.conns)
		assert.Empty(t, s.gate.slots)
	})
	return s, l.Addr().String()
}

// dial opens a connection and sends something on it.
func dial(t *testing.T, addr, send string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(c, send)
	require.NoError(t, err)
	return c
}

func answered(t *testing.T, c net.Conn) {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	assert.Equal(t, "package", string(b))
}

const aRequest = "GET /r/a.rpm HTTP/1.1\r\nHost: h\r\n\r\n"

// One connection too many waits until another one ends.
func TestOneConnectionTooMany(t *testing.T) {
	s, addr := few(t, Options{MaxConnections: 2})
	s.gate.quiet = 1 << 30
	one, two := dial(t, addr, aRequest), dial(t, addr, aRequest)
	answered(t, one)
	answered(t, two)
	three := dial(t, addr, aRequest)
	require.NoError(t, three.SetReadDeadline(time.Now().Add(200*time.Millisecond)))
	_, err := three.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "there are two already")
	require.NoError(t, two.Close())
	require.NoError(t, three.SetReadDeadline(time.Now().Add(10*time.Second)))
	answered(t, three)
}

// A connection between two requests makes room for another one; one with a
// request under way does not.
func TestQuietConnectionsMakeRoom(t *testing.T) {
	s, addr := few(t, Options{MaxConnections: 1})
	quiet := dial(t, addr, aRequest)
	answered(t, quiet)
	answered(t, dial(t, addr, aRequest))
	_, err := quiet.Read(make([]byte, 1))
	assert.ErrorIs(t, err, io.EOF)

	// Nothing is sent to one that takes nothing, and yet it is not quiet.
	require.NoError(t, os.WriteFile(filepath.Join(s.options.Root, "r", "big.rpm"), make([]byte, 64<<20), 0o644))
	busy := dial(t, addr, "GET /r/big.rpm HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	require.Eventually(t, func() bool { return len(s.gate.slots) == 1 }, 5*time.Second, time.Millisecond)
	waits := dial(t, addr, aRequest)
	require.NoError(t, waits.SetReadDeadline(time.Now().Add(500*time.Millisecond)))
	_, err = waits.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	n, err := io.Copy(io.Discard, busy)
	require.NoError(t, err)
	assert.Greater(t, n, int64(64<<20))
	require.NoError(t, waits.SetReadDeadline(time.Now().Add(10*time.Second)))
	answered(t, waits)
}

// Clients that never finish their header do not keep others out.
func TestSlowHeaders(t *testing.T) {
	_, addr := few(t, Options{MaxConnections: 8, HeaderTimeout: 300 * time.Millisecond})
	for i := range 20 {
		c := dial(t, addr, fmt.Sprintf("GET /%d HTTP/1.1\r\nHost: h\r\nX-", i))
		go func() { // a byte now and then
			for range 50 {
				time.Sleep(20 * time.Millisecond)
				if _, err := c.Write([]byte("x")); err != nil {
					return
				}
			}
		}()
	}
	start := time.Now()
	answered(t, dial(t, addr, aRequest))
	assert.Less(t, time.Since(start), 5*time.Second)
}

// Stopping does not wait for who waits for a place.
func TestStopWhileConnectionsWait(t *testing.T) {
	s, addr := few(t, Options{MaxConnections: 1})
	s.gate.quiet = 1 << 30
	answered(t, dial(t, addr, aRequest+"")) // stays open
	_ = dial(t, addr, aRequest)
	require.Eventually(t, func() bool {
		s.gate.mu.Lock()
		defer s.gate.mu.Unlock()
		return s.gate.waiting == 1
	}, 5*time.Second, time.Millisecond)
}

// However many look, a look closes a twentieth of all and one.
func TestGateClosesFewAtATime(t *testing.T) {
	t.Parallel()
	g, now := newGate(40), time.Now()
	assert.Equal(t, 1, g.most(1, now))
	assert.Equal(t, 2, g.most(40, now.Add(g.look/4)))
	assert.Zero(t, g.most(40, now.Add(g.look/2)))
	assert.Equal(t, 3, g.most(40, now.Add(g.look)))
	assert.Zero(t, g.most(0, now.Add(2*g.look)))
	assert.Equal(t, 1, newGate(16).most(40, now))
}
