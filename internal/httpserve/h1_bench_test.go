package httpserve

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkFront counts what one answer of a hot file costs, the client's part of
// it nearly nothing.
func BenchmarkFront(b *testing.B) {
	root := b.TempDir()
	file := filepath.Join(root, "r", "repodata", "repomd.xml")
	require.NoError(b, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(b, os.WriteFile(file, []byte(strings.Repeat("x", 3000)), 0o644))
	time.Sleep(settled + 100*time.Millisecond)
	s, err := New(Options{Root: root})
	require.NoError(b, err)
	defer s.Close() //nolint:errcheck // only read from
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(b, err)
	request := []byte("GET /r/repodata/repomd.xml HTTP/1.1\r\nHost: bench\r\nUser-Agent: libdnf\r\nAccept: */*\r\n\r\n")
	buf := make([]byte, 64<<10)
	exchange := func() (n int) {
		_, err := c.Write(request)
		require.NoError(b, err)
		n, err = io.ReadAtLeast(c, buf, 3000)
		require.NoError(b, err)
		return n
	}
	size := exchange()
	b.ReportAllocs()
	for b.Loop() {
		if n := exchange(); n != size {
			b.Fatalf("%d bytes, then %d", size, n)
		}
	}
	require.NoError(b, c.Close())
	stop()
	require.NoError(b, <-done)
}
