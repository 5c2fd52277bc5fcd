package httpserve

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sys/unix"
)

const (
	hotPath   = "/r/repodata/repomd.xml"
	hotAsk    = "GET " + hotPath + " HTTP/1.1\r\nHost: h\r\n\r\n"
	otherAsk  = "GET /r/a.rpm HTTP/1.1\r\nHost: h\r\n\r\n"
	patiently = 10 * time.Second
)

// A looped is a server with one file in memory, of which it is known where its
// connections wait.
type looped struct {
	t     *testing.T
	s     *Server
	f     *front
	addr  string
	stop  func() // and wait until it has
	large string // the file in memory
}

func serveLooped(t *testing.T, o Options) *looped {
	t.Helper()
	large := strings.Repeat("<data type=\"primary\"/>\n", 2500)
	o.Root = t.TempDir()
	file := filepath.Join(o.Root, filepath.FromSlash(hotPath))
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(large), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(o.Root, "r", "a.rpm"), []byte("package"), 0o644))
	if o.DrainTimeout == 0 {
		o.DrainTimeout = time.Second
	}
	s, err := New(o)
	require.NoError(t, err)
	s.gate.look = 20 * time.Millisecond
	// As if it had been there for long.
	is, ok := identify(file)
	require.True(t, ok)
	c := &content{mediaType: mediaType(file), cache: cacheRevalidate}
	c.setData([]byte(large))
	c.prepare()
	s.hot.put(hotFile{requested: hotPath, segments: strings.Split(hotPath[1:], "/"), path: file, is: is, content: c})

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	others := newHandover(l.Addr())
	f := newFront(ctx, s, others)
	hs := s.httpServer()
	accepting, ended := make(chan error, 1), make(chan error, 1)
	pl := s.patient(l)
	go func() { accepting <- f.serve(pl) }()
	go func() { ended <- hs.Serve(others) }()
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		assert.NoError(t, pl.Close())
		assert.ErrorIs(t, <-accepting, net.ErrClosed)
		assert.NoError(t, s.drain(f, hs))
		assert.ErrorIs(t, <-ended, http.ErrServerClosed)
		cancel()
		assert.NoError(t, s.Close())
		assert.Empty(t, s.gate.conns)
		assert.Empty(t, s.gate.slots)
		assert.Zero(t, s.metrics.conns.open.Load())
		assert.Zero(t, s.metrics.inFlight())
	}
	t.Cleanup(stop)
	return &looped{t, s, f, l.Addr().String(), stop, large}
}

// A talk is a client's end of a connection.
type talk struct {
	t  *testing.T
	c  net.Conn
	in *bufio.Reader
}

func (l *looped) dial(send string) talk {
	c := dial(l.t, l.addr, send)
	return talk{l.t, c, bufio.NewReader(c)}
}

func (k talk) send(text string) {
	k.t.Helper()
	_, err := io.WriteString(k.c, text)
	require.NoError(k.t, err)
}

func (k talk) answer() (int, string) {
	k.t.Helper()
	res, err := http.ReadResponse(k.in, nil)
	require.NoError(k.t, err)
	data, err := io.ReadAll(res.Body)
	require.NoError(k.t, err)
	return res.StatusCode, string(data)
}

func (k talk) ends() {
	k.t.Helper()
	_, err := k.in.ReadByte()
	require.ErrorIs(k.t, err, io.EOF)
}

// where waits until so many connections wait in loops and in goroutines.
func (l *looped) where(loops, goroutines int) {
	l.t.Helper()
	inLoops, inGoroutines := 0, 0
	if !assert.Eventually(l.t, func() bool {
		inLoops = 0
		for _, o := range l.f.loops {
			inLoops += int(o.waiting.Load())
		}
		l.f.mu.Lock()
		defer l.f.mu.Unlock()
		inGoroutines = len(l.f.conns)
		return inLoops == loops && inGoroutines == goroutines
	}, patiently, time.Millisecond) {
		l.t.Logf("%d in loops, %d in goroutines", inLoops, inGoroutines)
	}
}

// A connection waits in a loop for as long as it asks for what is in memory, and
// comes back to it.
func TestLoopAndGoroutine(t *testing.T) {
	t.Parallel()
	l := serveLooped(t, Options{})
	k := l.dial("")
	l.where(1, 0)
	for range 100 {
		k.send(hotAsk)
		status, data := k.answer()
		require.Equal(t, 200, status)
		require.Equal(t, l.large, data)
		l.where(1, 0)
		k.send(otherAsk)
		status, data = k.answer()
		require.Equal(t, 200, status)
		require.Equal(t, "package", data)
		l.where(0, 1)
	}
	k.send(hotAsk)
	k.answer()
	l.where(1, 0)
	assert.Equal(t, int64(1), l.s.metrics.conns.open.Load())
	assert.Len(t, l.s.gate.slots, 1)
	require.NoError(t, k.c.Close())
	l.where(0, 0)
	assert.Eventually(t, func() bool { return len(l.s.gate.slots) == 0 }, patiently, time.Millisecond)
}

// Of requests sent at once, each is answered in its turn, whoever answers it, though
// the client takes nothing for a while.
func TestLoopPipelined(t *testing.T) {
	t.Parallel()
	l := serveLooped(t, Options{})
	const times = 150 // several MiB of answers, more than a connection holds
	ask := strings.Repeat(hotAsk+hotAsk+"HEAD "+hotPath+" HTTP/1.1\r\nHost: h\r\n\r\n"+otherAsk, times/4)
	for _, pieces := range []int{len(ask), 4000, 33} {
		k := l.dial("")
		go func() {
			for rest := ask; rest != ""; {
				n := min(pieces, len(rest))
				_, _ = io.WriteString(k.c, rest[:n]) // what does not come is missed below
				rest = rest[n:]
			}
			_, _ = io.WriteString(k.c, "GET "+hotPath+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		}()
		time.Sleep(50 * time.Millisecond)
		for range times / 4 {
			for _, want := range []string{l.large, l.large, "", "package"} {
				res, err := http.ReadResponse(k.in, &http.Request{Method: map[bool]string{true: "HEAD", false: "GET"}[want == ""]})
				require.NoError(t, err)
				data, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				require.Equal(t, want, string(data))
			}
		}
		status, data := k.answer()
		require.Equal(t, 200, status)
		require.Equal(t, l.large, data)
		k.ends()
	}
}

// A client that takes nothing is cut, and one that takes a little is not.
func TestLoopSlowReader(t *testing.T) {
	t.Parallel()
	l := serveLooped(t, Options{StallTimeout: 400 * time.Millisecond})
	const times = 300
	ask := strings.Repeat(hotAsk, times)
	stalled, slow := l.dial(""), l.dial("")
	go func() { _, _ = io.WriteString(stalled.c, ask) }() // it is cut meanwhile
	slow.send(ask)
	l.where(0, 2)
	for i := range times {
		if i%10 == 0 {
			time.Sleep(50 * time.Millisecond)
		}
		_, data := slow.answer()
		require.Equal(t, l.large, data)
	}
	l.where(1, 0)
	assert.Equal(t, uint64(1), l.s.metrics.cut[cutStalled].Load())
	n, _ := io.Copy(io.Discard, stalled.in)
	assert.Less(t, n, int64(times*len(l.large)))
}

// Connections that nothing comes on end, sooner when others wait for a place.
func TestLoopTimeouts(t *testing.T) {
	t.Parallel()
	t.Run("before the first request", func(t *testing.T) {
		l := serveLooped(t, Options{HeaderTimeout: 200 * time.Millisecond})
		k := l.dial("")
		l.where(1, 0)
		k.ends()
	})
	t.Run("between two", func(t *testing.T) {
		l := serveLooped(t, Options{HeaderTimeout: 200 * time.Millisecond, IdleTimeout: 600 * time.Millisecond})
		k := l.dial(hotAsk)
		k.answer()
		since := time.Now()
		k.ends()
		assert.GreaterOrEqual(t, time.Since(since), 500*time.Millisecond)
	})
	t.Run("crowded", func(t *testing.T) {
		l := serveLooped(t, Options{MaxConnections: 2})
		first, second := l.dial(hotAsk), l.dial(hotAsk)
		first.answer()
		second.answer()
		l.where(2, 0)
		third := l.dial(hotAsk)
		status, _ := third.answer()
		assert.Equal(t, 200, status)
		assert.LessOrEqual(t, len(l.s.gate.slots), 2)
	})
}

// A server that stops answers what has come, and ends the rest at once.
func TestLoopStops(t *testing.T) {
	t.Parallel()
	l := serveLooped(t, Options{DrainTimeout: patiently})
	var idle []talk
	for range 50 {
		k := l.dial(hotAsk)
		k.answer()
		idle = append(idle, k)
	}
	l.where(50, 0)
	start := time.Now()
	l.stop()
	assert.Less(t, time.Since(start), patiently/2)
	for _, k := range idle {
		k.ends()
	}
	l.where(0, 0)
	for _, o := range l.f.loops {
		assert.True(t, o.ended)
	}
}

// What a client may not read it does not read from memory either.
func TestLoopAccess(t *testing.T) {
	t.Parallel()
	users, err := readUsers(t, "a:"+hashed(t, "right", bcrypt.MinCost)+"\n")
	require.NoError(t, err)
	for name, row := range map[string]struct {
		rule   Rule
		header string
		status int
	}{
		"open":              {Rule{}, "", 200},
		"of another net":    {Rule{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, "", 403},
		"of this net":       {Rule{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, "", 200},
		"without a login":   {Rule{Users: []string{"*"}}, "", 401},
		"with a false one":  {Rule{Users: []string{"*"}}, "Authorization: Basic YTpi\r\n", 401},
		"with the right":    {Rule{Users: []string{"*"}}, "Authorization: Basic YTpyaWdodA==\r\n", 200},
		"a login not asked": {Rule{}, "Authorization: Basic YTpi\r\n", 200},
	} {
		t.Run(name, func(t *testing.T) {
			a := &Access{Repos: map[string]Rule{"r": row.rule}, Users: func() *Users { return users }}
			l := serveLooped(t, Options{Access: func() *Access { return a }})
			k := l.dial(strings.Replace(hotAsk, "\r\n\r\n", "\r\n"+row.header+"\r\n", 1))
			status, _ := k.answer()
			assert.Equal(t, row.status, status)
		})
	}
}

// A loop that waits for a disk keeps nobody waiting but those that it has.
func TestLoopStuck(t *testing.T) {
	t.Parallel()
	l := serveLooped(t, Options{})
	var had []talk
	for range l.f.loops { // one each
		k := l.dial("")
		had = append(had, k)
		l.where(len(had), 0)
	}
	for _, o := range l.f.loops {
		o.mu.Lock() // stands for the disk
	}
	goOn := sync.OnceFunc(func() {
		for _, o := range l.f.loops {
			o.mu.Unlock()
		}
	})
	defer goOn() // however this ends
	for _, k := range had {
		k.send(hotAsk)
	}
	for _, o := range l.f.loops {
		require.Eventually(t, func() bool { return o.isStuck(time.Now()) }, patiently, time.Millisecond)
	}
	other := l.dial(hotAsk)
	for range 3 {
		status, _ := other.answer()
		assert.Equal(t, 200, status)
		other.send(hotAsk)
	}
	l.where(len(had), 1)
	goOn()
	for _, k := range had {
		status, _ := k.answer()
		assert.Equal(t, 200, status)
	}
}

// All that a connection leaves behind is its count.
func TestLoopLeavesNothing(t *testing.T) {
	t.Parallel()
	l := serveLooped(t, Options{})
	for i := range 300 {
		k := l.dial(hotAsk)
		if i%3 > 0 {
			k.answer()
		}
		if i%3 > 1 {
			k.send(fmt.Sprintf("GET /r/a.rpm?%d HTTP/1.1\r\nHost: h\r\n\r\n", i))
			k.answer()
		}
		require.NoError(t, k.c.Close()) // with or without an answer in its way
	}
	l.where(0, 0)
	assert.Eventually(t, func() bool { return l.s.metrics.conns.open.Load() == 0 && len(l.s.gate.slots) == 0 }, patiently, time.Millisecond)
	for _, o := range l.f.loops {
		o.mu.Lock()
		assert.Empty(t, o.conns)
		o.mu.Unlock()
	}
}

// A client that has reset its connection is still who it was: the system does not
// know it any more when its last request is handed over.
func TestLoopResetByClient(t *testing.T) {
	t.Parallel()
	var seen sync.Map
	a := &Access{TrustUnix: true}
	l := serveLooped(t, Options{Access: func() *Access { return a }, Pages: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen.Store(peerAddr(r.RemoteAddr).String(), true)
	})})
	for i := range 500 {
		k := l.dial("")
		require.NoError(t, k.c.(*net.TCPConn).SetLinger(0))
		k.send([]string{otherAsk, "GET /-/x HTTP/1.1\r\nHost: h\r\n\r\n", hotAsk + otherAsk}[i%3])
		require.NoError(t, k.c.Close())
	}
	k := l.dial(hotAsk)
	status, _ := k.answer()
	assert.Equal(t, 200, status)
	require.NoError(t, k.c.Close())
	l.where(0, 0)
	seen.Range(func(peer, _ any) bool { return assert.Equal(t, "127.0.0.1", peer) })
}

// What a client sends behind its last request, or while the server stops, costs it
// nothing of the answer that it is about to get.
func TestLoopHangsUpLast(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]string{"from memory": hotAsk, "from a file": "GET /r/large.rpm HTTP/1.1\r\nHost: h\r\n\r\n"} {
		for _, stops := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, stops: %v", name, stops), func(t *testing.T) {
				t.Parallel()
				l := serveLooped(t, Options{DrainTimeout: patiently})
				want := strings.Repeat(l.large, 200)
				require.NoError(t, os.WriteFile(filepath.Join(l.s.options.Root, "r", "large.rpm"), []byte(want), 0o644))
				if ask == hotAsk {
					want = l.large
				}
				k := l.dial("")
				require.NoError(t, k.c.(*net.TCPConn).SetReadBuffer(256<<10))
				if stops {
					k.send(ask)
				} else {
					k.send(strings.Replace(ask, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1) + strings.Repeat(ask, 1000))
				}
				time.Sleep(50 * time.Millisecond)
				stopped := make(chan struct{})
				go func() {
					defer close(stopped)
					if stops {
						l.stop()
					}
				}()
				time.Sleep(50 * time.Millisecond)
				if stops && ask != hotAsk { // else the connection is gone
					k.send(strings.Repeat(ask, 1000))
				}
				time.Sleep(50 * time.Millisecond)
				status, data := k.answer()
				assert.Equal(t, 200, status)
				assert.Equal(t, len(want), len(data))
				require.NoError(t, k.c.Close())
				<-stopped
			})
		}
	}
}

// Loops that look at the same time close no more connections than one.
func TestLoopsSweepTogether(t *testing.T) {
	t.Parallel()
	s, err := New(Options{Root: t.TempDir(), MaxConnections: 40})
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.Close()) }()
	s.gate.waiting = 1
	now := time.Now()
	left := 0
	for range 4 { // which nothing runs
		l := &loop{exchange: exchange{front: &front{server: s}}, conns: map[int32]*loopConn{}}
		for range 10 {
			fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC) // stands for a connection
			require.NoError(t, err)
			require.True(t, s.gate.enter(nil))
			l.conns[int32(fd)] = &loopConn{fd: fd, open: s.metrics.conns.opened(), moved: now.Add(-time.Minute), within: time.Hour}
		}
		l.sweep(now)
		left += len(l.conns)
		defer func() {
			for _, c := range l.conns {
				l.remove(c)
			}
		}()
	}
	assert.Equal(t, 37, left)
	assert.Len(t, s.gate.slots, 37)
}

// A mistake of the server's own ends the connection that it came to light on, and
// nothing else.
func TestLoopMistake(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	l := serveLooped(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	other := l.dial(hotAsk)
	other.answer()

	// In a goroutine: a connection of which nobody knows whose it is.
	k := l.dial("")
	l.where(2, 0)
	for _, o := range l.f.loops {
		o.mu.Lock()
		for _, c := range o.conns {
			if c.from == k.c.LocalAddr().String() {
				c.peer = nil
			}
		}
		o.mu.Unlock()
	}
	k.send(otherAsk)
	k.ends()
	l.where(1, 0)

	// In a loop: one without a request to read into.
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(fds[1]) //nolint:errcheck // a test's
	l.s.gate.slots <- struct{}{}
	c := &loopConn{fd: fds[0], open: l.s.metrics.conns.opened(), from: "192.0.2.1:1"}
	o := &loop{exchange: exchange{front: l.f}, buf: make([]byte, 10), conns: map[int32]*loopConn{int32(fds[0]): c}}
	_, err = unix.Write(fds[1], []byte("x"))
	require.NoError(t, err)
	o.attend(c)
	assert.Empty(t, o.conns)
	n, err := unix.Read(fds[1], make([]byte, 1))
	assert.Zero(t, n, "%v", err)

	other.send(hotAsk)
	status, _ := other.answer()
	assert.Equal(t, 200, status)
	l.stop()
	assert.Equal(t, 2, strings.Count(log.String(), "msg=panic"), log.String())
}
