//go:build linux

package httpserve_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/httpserve"
	"gorepo/internal/testrepo/peer"
)

// serveEnv makes the test binary a server of the directory that it names, so
// that strace can look at one.
const serveEnv = "GOREPO_TEST_SERVE"

func TestMain(m *testing.M) {
	if root := os.Getenv(serveEnv); root != "" {
		if err := serveUntilEOF(root); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func serveUntilEOF(root string) error {
	o := httpserve.Options{Root: root}
	if os.Getenv(serveEnv+"_LOG") != "" {
		o.AccessLog = os.Stderr
	}
	s, err := httpserve.New(o)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	fmt.Println(l.Addr())
	return s.Serve(ctx, l)
}

// startChild runs the test binary as a server, under the command of prefix.
func startChild(t testing.TB, root string, prefix ...string) (addr string, stop func()) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	args := append(prefix, self)
	cmd := exec.Command(args[0], args[1:]...)
	// Under the race detector a process sleeps for a second before it ends.
	cmd.Env = append(os.Environ(), serveEnv+"="+root, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	stop = func() {
		_ = in.Close()
		assert.NoError(t, cmd.Wait())
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line), stop
}

// The kernel copies packages from file to socket; with an access log too, and
// for the ranges of a multipart answer.
func TestSendfileIsUsed(t *testing.T) {
	strace := peer.Need(t, "strace")
	if err := exec.Command(strace, "-o", "/dev/null", "true").Run(); err != nil {
		peer.Missing(t, "ptrace", "allow strace to trace its children (CAP_SYS_PTRACE in a container)")
	}
	const size = 10 << 20
	root := t.TempDir()
	write(t, strings.Repeat("x", size), root, "r", "big.rpm")
	for _, c := range []struct {
		name, rng, log string
		want           int
	}{
		{"plain", "", "", size},
		{"access log", "", "1", size},
		{"range", "bytes=1000000-8999999", "", 8_000_000},
		{"ranges", "bytes=0-3999999,5000000-8999999", "", 8_000_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(serveEnv+"_LOG", c.log)
			trace := filepath.Join(t.TempDir(), "trace")
			addr, stop := startChild(t, root, strace, "-f", "-e", "trace=sendfile", "-o", trace)
			req, err := http.NewRequest(http.MethodGet, "http://"+addr+"/r/big.rpm", nil)
			require.NoError(t, err)
			if c.rng != "" {
				req.Header.Set("Range", c.rng)
			}
			res, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			n, err := io.Copy(io.Discard, res.Body)
			require.NoError(t, err)
			assert.GreaterOrEqual(t, n, int64(c.want))
			assert.NoError(t, res.Body.Close())
			stop()
			calls, err := os.ReadFile(trace)
			require.NoError(t, err)
			sum := 0
			for _, m := range regexp.MustCompile(`(?m)sendfile.* = (\d+)$`).FindAllSubmatch(calls, -1) {
				sent, err := strconv.Atoi(string(m[1]))
				require.NoError(t, err)
				sum += sent
			}
			// The first 512 bytes of an answer go out with its header.
			assert.GreaterOrEqual(t, sum, c.want-512, "%s", calls)
		})
	}
}

// pattern is data in which no part is like another.
func pattern(size int) string {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b) // never fails
	return string(b)
}

// dialSlow connects with a receive buffer of its own, in bytes, and asks for a
// file.
func dialSlow(t *testing.T, network, addr, target string, buffer int) net.Conn {
	t.Helper()
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		if e := c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, buffer) }); e != nil {
			return e
		}
		return err
	}}
	conn, err := d.Dial(network, addr)
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", target)
	require.NoError(t, err)
	return conn
}

// A reader that is slower than the stall limit allows for the whole file, or
// even for one filling of the kernel's buffers, gets all of it.
func TestSlowReaderIsServed(t *testing.T) {
	t.Parallel()
	const size, stall = 48 << 20, 800 * time.Millisecond
	root := t.TempDir()
	data := pattern(size)
	write(t, data, root, "r", "big.rpm")
	want := sha256.Sum256([]byte(data))
	addr := start(t, httpserve.Options{Root: root, StallTimeout: stall})
	for name, c := range map[string]struct {
		buffer int
		fast   int64 // bytes read at full speed first, which makes the kernel's buffers large
	}{
		"slow from the first byte": {buffer: 32 << 10},
		"slow after a while":       {buffer: 128 << 10, fast: size / 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dialSlow(t, "tcp", addr, "/r/big.rpm", c.buffer)
			defer func() { _ = conn.Close() }()
			res, err := http.ReadResponse(bufio.NewReaderSize(conn, 4096), nil)
			require.NoError(t, err)
			sum := sha256.New()
			_, err = io.CopyN(sum, res.Body, c.fast)
			require.NoError(t, err)
			for began := time.Now(); time.Since(began) < 4*stall; time.Sleep(40 * time.Millisecond) {
				_, err = io.CopyN(sum, res.Body, 8<<10) // some 200 KB/s
				require.NoError(t, err)
			}
			_, err = io.Copy(sum, res.Body)
			require.NoError(t, err)
			assert.Equal(t, want[:], sum.Sum(nil), "the bytes are not those of the file")
		})
	}
}

// A reader that takes nothing is cut, on TCP and on a Unix socket, and holds
// nothing any more.
func TestStalledReaderIsCut(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, pattern(16<<20), root, "r", "big.rpm")
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			const stall = 400 * time.Millisecond
			s, err := httpserve.New(httpserve.Options{Root: root, StallTimeout: stall, DrainTimeout: 10 * time.Second})
			require.NoError(t, err)
			defer func() { assert.NoError(t, s.Close()) }()
			at := "127.0.0.1:0"
			if network == "unix" {
				at = filepath.Join(t.TempDir(), "s")
			}
			l, err := net.Listen(network, at)
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- s.Serve(ctx, l) }()

			began := time.Now()
			conn := dialSlow(t, network, l.Addr().String(), "/r/big.rpm", 32<<10)
			defer func() { _ = conn.Close() }()
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			cancel() // draining waits for the one download, until it is cut
			assert.NoError(t, <-ended)
			assert.GreaterOrEqual(t, time.Since(began), stall)
			assert.Less(t, time.Since(began), 8*time.Second, "the drain ended it")
			_, err = io.Copy(io.Discard, res.Body)
			assert.Error(t, err, "all of the file came after all")
		})
	}
}

// A FIFO has no bytes for anybody, and must not make a request wait for some.
func TestFIFOIsNotServed(t *testing.T) {
	root := t.TempDir()
	write(t, "x", root, "r", "a.rpm")
	require.NoError(t, syscall.Mkfifo(filepath.Join(root, "r", "fifo"), 0o644))
	require.NoError(t, syscall.Mkfifo(filepath.Join(root, "fifo"), 0o644))
	addr := start(t, httpserve.Options{Root: root})
	assert.Equal(t, 404, get(t, addr, "/r/fifo").StatusCode)
	assert.Equal(t, 404, get(t, addr, "/fifo").StatusCode)
	assert.NotContains(t, body(t, get(t, addr, "/r/")), "fifo")
	assert.NotContains(t, body(t, get(t, addr, "/")), "fifo")
}

func TestUnreadableIs403(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	root := t.TempDir()
	require.NoError(t, os.Chmod(write(t, "x", root, "r", "a.rpm"), 0))
	addr := start(t, httpserve.Options{Root: root})
	assert.Equal(t, 403, get(t, addr, "/r/a.rpm").StatusCode)
}

// A directory that was replaced, or a link that was turned, is seen.
func TestReplacedRepository(t *testing.T) {
	root, disk := t.TempDir(), t.TempDir()
	addr := start(t, httpserve.Options{Root: root})
	read := func(target string) string { return body(t, get(t, addr, target)) }
	assert.Equal(t, 404, get(t, addr, "/r/f").StatusCode)
	write(t, "one", root, "r", "f")
	assert.Equal(t, "one", read("/r/f"))
	require.NoError(t, os.Rename(filepath.Join(root, "r"), filepath.Join(root, ".old")))
	write(t, "two", root, "r", "f")
	assert.Equal(t, "two", read("/r/f"))

	write(t, "disk 1", disk, "1", "f")
	write(t, "disk 2", disk, "2", "f")
	require.NoError(t, os.Symlink(filepath.Join(disk, "1"), filepath.Join(root, "link")))
	assert.Equal(t, "disk 1", read("/link/f"))
	require.NoError(t, os.Remove(filepath.Join(root, "link")))
	require.NoError(t, os.Symlink(filepath.Join(disk, "2"), filepath.Join(root, "link")))
	assert.Equal(t, "disk 2", read("/link/f"))
	require.NoError(t, os.Remove(filepath.Join(root, "link")))
	assert.Equal(t, 404, get(t, addr, "/link/f").StatusCode)
}

func TestNoDescriptorsLeak(t *testing.T) {
	root := trap(t)
	addr, stop := startChild(t, root)
	defer stop()
	pid := childOf(t, os.Getpid())
	count := func() int {
		fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		require.NoError(t, err)
		return len(fds)
	}
	round := func() {
		for _, target := range []string{
			"/", "/r/", "/r/Packages/a.rpm", "/r/repodata/repomd.xml", "/linked/repodata/repomd.xml", "/state/", "/self/", "/r/out",
			"/none", "/r", "/r.repo", "/top.rpm", "/r/Packages/a.rpm/", "/r/x%2By", "/disk/", "/r/.hidden",
		} {
			get(t, addr, target)
			get(t, addr, target, "Range: bytes=0-1,3-3", `If-None-Match: "x"`)
		}
	}
	round()
	assert.Eventually(t, func() bool { return count() < 20 }, 5*time.Second, 10*time.Millisecond)
	before := count()
	for range 20 {
		round()
	}
	assert.Eventually(t, func() bool { return count() <= before }, 5*time.Second, 10*time.Millisecond,
		"%d descriptors before, %d after", before, count())
}

// childOf gives the newest process that pid has started.
func childOf(t *testing.T, pid int) int {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	require.NoError(t, err)
	child := 0
	for _, name := range tasks {
		list, err := os.ReadFile(name)
		if err != nil {
			continue // a thread that has ended
		}
		for field := range strings.FieldsSeq(string(list)) {
			n, err := strconv.Atoi(field)
			require.NoError(t, err)
			child = max(child, n)
		}
	}
	require.NotZero(t, child)
	return child
}
