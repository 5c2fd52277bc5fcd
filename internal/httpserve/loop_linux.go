package httpserve

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A loop waits for requests on many connections and answers those for files that
// are kept in memory, one after the other. All others, and whatever else may make
// a connection wait, are for a goroutine: a loop hands the connection over.
//
// It asks the system itself what has come (epoll), as nginx does. Of goroutines that
// each wait for their own connection, those that can go on share few threads in
// turns, and under load the last one's client waits several times longer.
type loop struct {
	exchange
	out     loopWriter
	epoll   int
	wake    int // an eventfd that rouses it
	buf     []byte
	seen    map[string]*hotFile // what has not changed since the last that came
	busy    atomic.Int64        // when what is being looked at had come, Unix nanoseconds; 0: nothing is
	waiting atomic.Int32        // connections

	mu    sync.Mutex
	ended bool
	conns map[int32]*loopConn
}

// A loopConn is a connection of a loop.
type loopConn struct {
	fd     int
	peer   net.Addr
	from   string // the peer, as requests have it
	open   *connMetrics
	moved  time.Time // something came
	within time.Duration
}

// stuck is how long a loop may take for what has come to it. One that takes longer
// waits for a disk, and gets no more connections.
const stuck = 200 * time.Millisecond

// loopsOf makes the loops of a front: as many as threads can run.
func loopsOf(f *front) []*loop {
	var list []*loop
	for range runtime.GOMAXPROCS(0) {
		l, err := newLoop(f)
		if err != nil {
			f.log.Warn("connections wait in goroutines only, which costs more", "error", err)
			break
		}
		list = append(list, l)
	}
	return list
}

func newLoop(f *front) (*loop, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(epoll) // it was never used
		return nil, os.NewSyscallError("eventfd", err)
	}
	l := &loop{epoll: epoll, wake: wake, buf: make([]byte, maxHead), conns: map[int32]*loopConn{}, seen: map[string]*hotFile{}}
	l.exchange = newExchange(f, &l.out, "", nil)
	if err := l.watch(wake); err != nil {
		l.close()
		return nil, err
	}
	f.running.Add(1)
	go func() {
		defer f.running.Done()
		l.run()
	}()
	return l, nil
}

func (l *loop) watch(fd int) error {
	err := unix.EpollCtl(l.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
	return os.NewSyscallError("epoll_ctl", err)
}

func (l *loop) close() {
	_ = unix.Close(l.wake) // neither holds anything that could be lost
	_ = unix.Close(l.epoll)
}

// adopt takes a connection to wait for its next request, which is to come within
// a time. It is false if the connection stays where it is.
func (l *loop) adopt(c *tcpConn, within time.Duration) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	fd := -1
	if err := raw.Control(func(from uintptr) {
		fd, err = unix.FcntlInt(from, unix.F_DUPFD_CLOEXEC, 0)
	}); err != nil || fd < 0 {
		return false
	}
	lc := &loopConn{fd: fd, peer: c.peer, from: c.peer.String(), open: c.open, moved: time.Now(), within: within}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended || !c.activity.end() {
		_ = unix.Close(fd) // c has it still
		return false
	}
	l.gate().forget(&c.activity)
	_ = c.TCPConn.Close() // the connection itself stays open
	l.conns[int32(fd)] = lc
	if err := l.watch(fd); err != nil {
		l.end(lc)
		return true
	}
	l.waiting.Store(int32(len(l.conns)))
	if len(l.conns) == 1 {
		l.rouse() // to count the time
	}
	return true
}

// rouse has the loop look around.
func (l *loop) rouse() { _, _ = unix.Write(l.wake, []byte{7: 1}) } // full: it will

func (l *loop) gate() *gate { return l.front.server.gate }

// isStuck reports whether connections had better go elsewhere.
func (l *loop) isStuck(now time.Time) bool {
	since := l.busy.Load()
	return since != 0 && now.UnixNano()-since > int64(stuck)
}

// stop has the loop end once it has answered what has come.
func (l *loop) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.rouse()
	}
}

// run answers until the front stops.
func (l *loop) run() {
	// A thread that sleeps in the system between requests, not in the scheduler,
	// is woken at once when something comes.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	events := make([]unix.EpollEvent, 128)
	look := l.gate().look
	for next := time.Now().Add(look); ; {
		wait := int(look.Milliseconds())
		switch {
		case l.front.draining.Load():
			wait = 0
		case l.waiting.Load() == 0:
			wait = -1
		}
		n, err := unix.EpollWait(l.epoll, events, wait)
		broken := err != nil && !errors.Is(err, unix.EINTR)
		if broken {
			l.front.log.Error("connections cannot be waited for", "error", os.NewSyscallError("epoll_wait", err))
		}
		now := time.Now()
		l.busy.Store(now.UnixNano())
		for _, e := range events[:max(n, 0)] {
			if int(e.Fd) == l.wake {
				_, _ = unix.Read(l.wake, make([]byte, 8)) // it has done what it is for
			} else if c := l.of(e.Fd); c != nil {
				c.moved = now
				l.attend(c)
			}
		}
		l.busy.Store(0)
		clear(l.seen)
		switch {
		case broken || wait == 0 && n == 0:
			l.endAll()
			return
		case now.After(next):
			l.sweep(now)
			next = now.Add(look)
		}
	}
}

func (l *loop) of(fd int32) *loopConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conns[fd]
}

// attend reads what has come on a connection.
func (l *loop) attend(c *loopConn) {
	defer func() {
		if p := recover(); p != nil {
			l.front.mistake(p, "client", c.from)
			if l.of(int32(c.fd)) == c {
				l.remove(c)
			}
		}
	}()
	l.read(c)
}

// read answers the requests that have come on a connection.
func (l *loop) read(c *loopConn) {
	n, err := syscall.Read(c.fd, l.buf)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return
	}
	if n <= 0 {
		l.remove(c)
		return
	}
	l.request.RemoteAddr = c.from
	for b := l.buf[:n]; len(b) > 0; {
		i := bytes.Index(b, endOfHead)
		if i < 0 || !l.head.parse(b[:i+len(endOfHead)], l.request) {
			l.handOver(c, b, nil, true)
			return
		}
		kept := l.kept()
		if kept == nil {
			l.handOver(c, b, nil, true)
			return
		}
		b = b[i+len(endOfHead):]
		l.out.fd = c.fd
		more := l.answer(kept)
		switch rest := l.out.taken(); {
		case len(rest) > 0:
			l.handOver(c, b, rest, more)
			return
		case !more && (len(b) > 0 || unread(uintptr(c.fd))):
			l.handOver(c, b, nil, false) // which takes its time to end it
			return
		case !more:
			l.remove(c)
			return
		}
	}
	c.within = l.front.options.IdleTimeout
}

// kept is what is kept in memory for the request. The system is asked once whether a file
// is still the same for all who have asked for it by the time it is asked.
func (l *loop) kept() *hotFile {
	if k, ok := l.seen[l.request.URL.Path]; ok && quick(l.request) {
		return k
	}
	k := l.front.server.kept(l.request)
	if k != nil {
		l.seen[k.requested] = k
	}
	return k
}

// handOver gives a connection to a goroutine, with what was read and not yet
// answered, and with what is to be written first. Without more, it then ends.
func (l *loop) handOver(c *loopConn, begun, unwritten []byte, more bool) {
	l.mu.Lock()
	l.forget(c)
	l.mu.Unlock()
	f := os.NewFile(uintptr(c.fd), "") // of which the connection gets a copy
	_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_DEL, c.fd, nil)
	conn, err := net.FileConn(f)
	_ = f.Close() // of the copy nothing is lost
	tcp, ok := conn.(*net.TCPConn)
	if err != nil || !ok {
		l.front.log.Warn("a connection is lost", "client", c.from, "error", err)
		l.leave(c)
		return
	}
	s := l.front.server
	l.front.resume(newTCPConn(tcp, c.peer, s.options.StallTimeout, c.open, s.gate), begun, unwritten, more)
}

func (l *loop) remove(c *loopConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(c)
}

// forget waits for a connection no more; mu is held.
func (l *loop) forget(c *loopConn) {
	delete(l.conns, int32(c.fd))
	l.waiting.Store(int32(len(l.conns)))
}

// end closes a connection; mu is held.
func (l *loop) end(c *loopConn) {
	l.forget(c)
	_ = unix.Close(c.fd) // what was written is the system's
	l.leave(c)
}

// leave counts a connection as gone.
func (l *loop) leave(c *loopConn) {
	c.open.closed()
	l.gate().free()
}

// sweep ends connections that nothing came on for too long; while others wait for
// a place, for a short while.
func (l *loop) sweep(now time.Time) {
	crowded := l.gate().crowded()
	l.mu.Lock()
	defer l.mu.Unlock()
	var quiet []*loopConn
	for _, c := range l.conns {
		switch idle := now.Sub(c.moved); {
		case idle >= c.within:
			l.end(c)
		case crowded && idle >= l.gate().patience():
			quiet = append(quiet, c)
		}
	}
	slices.SortFunc(quiet, func(a, b *loopConn) int { return a.moved.Compare(b.moved) })
	for _, c := range quiet[:l.gate().most(len(quiet), now)] {
		l.end(c)
	}
}

func (l *loop) endAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	for _, c := range l.conns {
		l.end(c)
	}
	l.close()
}

// A loopWriter writes to a connection as much as it takes, and keeps the rest.
type loopWriter struct {
	fd   int
	rest []byte
}

// taken gives the rest, which is then no more there.
func (w *loopWriter) taken() []byte {
	rest := w.rest
	w.rest = nil
	return rest
}

// Write implements io.Writer.
func (w *loopWriter) Write(p []byte) (int, error) {
	written := 0
	for len(w.rest) == 0 && written < len(p) {
		n, err := syscall.Write(w.fd, p[written:])
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return written, os.NewSyscallError("write", err)
		}
		written += max(n, 0)
	}
	w.rest = append(w.rest, p[written:]...)
	return len(p), nil
}

// ReadFrom implements io.ReaderFrom.
func (w *loopWriter) ReadFrom(src io.Reader) (int64, error) { return io.Copy(writeOnly{w}, src) }
