package httpserve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// A front answers the plain requests for files that nearly all of a mirror's
// traffic consists of, on connections of its own: a GET or HEAD of HTTP/1.1, in
// the one form that clients send. The first request of a connection that is
// anything else (a page, a directory, a body, an older version, a header that is
// not quite well formed) makes the connection net/http's, from that request on
// and for good. Until then one of the loops waits for its next request, if there
// are any and that is for what is in memory, or else a goroutine of its own.
//
// It is here because clients ask a mirror for repomd.xml all day: without what a
// general server has to be ready for, an answer costs less than half.
type front struct {
	server  *Server
	options Options
	log     *slog.Logger
	ctx     context.Context // of all requests; ends when the rest is cut
	others  *handover

	draining atomic.Bool
	mu       sync.Mutex
	conns    map[*tcpConn]struct{} // of goroutines
	running  sync.WaitGroup
	loops    []*loop // where there are such
}

func newFront(ctx context.Context, s *Server, others *handover) *front {
	f := &front{server: s, options: s.options, log: s.log, ctx: ctx, others: others, conns: map[*tcpConn]struct{}{}}
	if _, ok := others.addr.(*net.TCPAddr); ok {
		f.loops = loopsOf(f)
	}
	return f
}

// serve answers on l until it is closed.
func (f *front) serve(l net.Listener) error {
	var pause time.Duration
	for {
		c, err := l.Accept()
		if err != nil {
			if !temporary(err) {
				return err
			}
			// No descriptors left, or the like: as net/http, wait until some are.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			f.log.Warn("cannot accept a connection, trying again", "error", err, "in", pause)
			time.Sleep(pause)
			continue
		}
		pause = 0
		f.start(c)
	}
}

func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

func (f *front) start(c net.Conn) {
	tcp, ok := c.(*tcpConn)
	if !ok {
		f.others.give(c)
		return
	}
	if !f.await(tcp, f.options.HeaderTimeout) {
		f.resume(tcp, nil, nil, true)
	}
}

// await has the loop with the fewest connections wait for the next request of c.
func (f *front) await(c *tcpConn, within time.Duration) bool {
	if len(f.loops) == 0 || f.draining.Load() {
		return false
	}
	var best *loop
	now := time.Now()
	for _, l := range f.loops {
		if !l.isStuck(now) && (best == nil || l.waiting.Load() < best.waiting.Load()) {
			best = l
		}
	}
	return best != nil && best.adopt(c, within)
}

// resume has a goroutine go on with a connection, of which some bytes were read
// and others, of an answer, are still to be written. Without more, nothing follows.
func (f *front) resume(c *tcpConn, begun, unwritten []byte, more bool) {
	begun = bytes.Clone(begun) // it is in a loop's buffer
	f.mu.Lock()
	f.conns[c] = struct{}{}
	f.running.Add(1)
	f.mu.Unlock()
	go func() {
		defer f.running.Done()
		defer func() {
			f.mu.Lock()
			delete(f.conns, c)
			f.mu.Unlock()
		}()
		defer func() {
			if p := recover(); p != nil {
				f.mistake(p, "client", c.peer)
				_ = c.Close() // nothing can follow
			}
		}()
		newH1Conn(f, c, begun).run(unwritten, more)
	}()
}

// mistake logs a panic. As in net/http, one ends its connection, not the server.
func (f *front) mistake(p any, about ...any) {
	if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
		f.log.Error("panic", append(about, "error", fmt.Sprint(p), "stack", string(debug.Stack()))...)
	}
}

// drain ends connections without a request and waits until ctx ends for the
// answers under way. It reports whether all of them came to their end.
func (f *front) drain(ctx context.Context) bool {
	f.draining.Store(true)
	for _, l := range f.loops {
		l.stop()
	}
	f.each(func(c *tcpConn) { _ = c.SetReadDeadline(time.Unix(1, 0)) }) // one that is gone needs none
	done := make(chan struct{})
	go func() { f.running.Wait(); close(done) }()
	select {
	case <-done:
		return true
	case <-ctx.Done():
	}
	f.each(func(c *tcpConn) { _ = c.Close() })
	<-done
	return false
}

func (f *front) each(do func(*tcpConn)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		do(c)
	}
}

// A handover is the listener through which net/http gets the connections that
// are not the front's.
type handover struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	addr   net.Addr
}

func newHandover(addr net.Addr) *handover {
	return &handover{conns: make(chan net.Conn), closed: make(chan struct{}), addr: addr}
}

func (h *handover) give(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.closed:
		_ = c.Close() // stopping; the client tries again elsewhere
	}
}

func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

func (h *handover) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

func (h *handover) Addr() net.Addr { return h.addr }

// A begunConn has had its first bytes read already.
type begunConn struct {
	*tcpConn
	begun []byte
}

func (c *begunConn) Read(p []byte) (int, error) {
	if len(c.begun) > 0 {
		n := copy(p, c.begun)
		c.begun = c.begun[n:]
		return n, nil
	}
	return c.tcpConn.Read(p)
}

const (
	// headSize is what a request's head takes, as a rule, and maxHead up to where
	// the front reads one, in bytes.
	headSize = 4 << 10
	maxHead  = 16 << 10
	// deadlineSlack is how much earlier than it should a deadline may come: a new
	// one for each request would cost more than its reading.
	deadlineSlack = time.Second
	// lingerPause and lingerMost are how long a connection that is to end is read from
	// when nothing comes, and in all.
	lingerPause = 2 * time.Second
	lingerMost  = 10 * time.Second
)

// An exchange is what answers one request after the other.
type exchange struct {
	front   *front
	head    head
	request *http.Request
	w       h1Writer
}

func newExchange(f *front, to sink, peer string, local net.Addr) exchange {
	ctx := f.ctx
	if local != nil {
		ctx = context.WithValue(ctx, http.LocalAddrContextKey, local)
	}
	return exchange{
		front: f,
		request: (&http.Request{
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody, RemoteAddr: peer, Header: make(http.Header, 8),
		}).WithContext(ctx),
		w: h1Writer{to: to, header: make(http.Header, 12)},
	}
}

// An h1Conn is a connection of the front, with what its requests use again.
type h1Conn struct {
	exchange
	conn  *tcpConn
	buf   []byte // buf[:n] was read and not yet used
	n     int
	until time.Time // the read deadline that is set
}

// newH1Conn makes one of which some bytes were read.
func newH1Conn(f *front, c *tcpConn, begun []byte) *h1Conn {
	h := &h1Conn{exchange: newExchange(f, c, c.RemoteAddr().String(), c.LocalAddr()), conn: c}
	h.buf = make([]byte, headSize)
	if len(begun) > headSize {
		h.buf = make([]byte, maxHead)
	}
	h.n = copy(h.buf, begun)
	return h
}

// run answers requests until the connection ends, becomes net/http's or a loop
// waits for the next one. What is unwritten comes before all else.
func (h *h1Conn) run(unwritten []byte, more bool) {
	if len(unwritten) > 0 {
		if _, err := h.conn.Write(unwritten); err != nil {
			h.front.server.metrics.broke(h.request, err)
			more = false
		}
	}
	if !more {
		h.hangUp()
		return
	}
	timeout := h.front.options.HeaderTimeout
	for answered := len(unwritten) > 0; ; answered = true {
		size, ok := h.readHead(timeout)
		if !ok && answered && h.front.draining.Load() {
			h.hangUp()
			return
		}
		if !ok {
			_ = h.conn.Close() // nothing is under way
			return
		}
		if size == 0 || !h.head.parse(h.buf[:size], h.request) {
			h.giveAway()
			return
		}
		h.n = copy(h.buf, h.buf[size:h.n])
		if !h.answer(nil) {
			h.hangUp()
			return
		}
		timeout = h.front.options.IdleTimeout
		if h.n == 0 && h.front.server.kept(h.request) != nil && h.front.await(h.conn, timeout) {
			return
		}
	}
}

// hangUp ends the connection after an answer. The system throws away what the client
// has not yet got of it when a connection is closed on which there is something to
// read: what comes behind the last request is read too, for a while.
func (h *h1Conn) hangUp() {
	defer func() { _ = h.conn.Close() }() // what came to its end has been written
	if h.w.err != nil || h.n == 0 && !hasUnread(h.conn) || h.conn.CloseWrite() != nil {
		return
	}
	for end := time.Now().Add(lingerMost); time.Now().Before(end); {
		if h.conn.SetReadDeadline(time.Now().Add(lingerPause)) != nil {
			return
		}
		if _, err := h.conn.Read(h.buf); err != nil {
			return
		}
	}
}

// hasUnread reports whether the client may have sent what was not read yet.
func hasUnread(c *tcpConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	is := false
	err = raw.Control(func(fd uintptr) { is = unread(fd) })
	return is && err == nil
}

// readHead reads until a whole head is in the buffer, and returns its size: 0
// for one that is too large. ok is false when there will be none. The client
// has timeout to begin, and HeaderTimeout from there.
func (h *h1Conn) readHead(timeout time.Duration) (size int, ok bool) {
	for searched, begun := 0, false; ; {
		if i := bytes.Index(h.buf[searched:h.n], endOfHead); i >= 0 {
			return searched + i + len(endOfHead), true
		}
		if endsInLineFeeds(h.buf[searched:h.n]) {
			return 0, true
		}
		searched = max(h.n-len(endOfHead)+1, 0)
		if h.n == len(h.buf) && !h.grow() {
			return 0, true
		}
		if !begun && h.n > 0 {
			begun, timeout, h.until = true, h.front.options.HeaderTimeout, time.Time{}
		}
		if !h.patient(timeout, begun) {
			return 0, false
		}
		n, err := h.conn.Read(h.buf[h.n:])
		h.n += n
		if err != nil {
			return 0, false
		}
	}
}

var endOfHead = []byte("\r\n\r\n")

// endsInLineFeeds finds the end of a head whose lines end without a carriage
// return. net/http takes it; the front would wait for ever.
func endsInLineFeeds(b []byte) bool {
	return bytes.Contains(b, []byte("\n\n")) || bytes.Contains(b, []byte("\n\r\n"))
}

// patient sets the deadline for the next read; once a head has begun, it stays.
func (h *h1Conn) patient(timeout time.Duration, begun bool) bool {
	now := time.Now()
	left := h.until.Sub(now)
	if h.until.IsZero() || !begun && (left < timeout-deadlineSlack || left > timeout) {
		h.until = now.Add(timeout)
		if h.conn.SetReadDeadline(h.until) != nil {
			return false
		}
	}
	// Only now: drain sets deadlines after it has said so.
	return !h.front.draining.Load()
}

func (h *h1Conn) grow() bool {
	if len(h.buf) >= maxHead {
		return false
	}
	larger := make([]byte, 2*len(h.buf))
	copy(larger, h.buf)
	h.buf = larger
	return true
}

func (h *h1Conn) giveAway() {
	if h.conn.SetReadDeadline(time.Time{}) != nil {
		_ = h.conn.Close()
		return
	}
	h.front.others.give(&begunConn{tcpConn: h.conn, begun: bytes.Clone(h.buf[:h.n])})
}

// answer answers one request, with k if that is what it asks for, and reports
// whether another may follow.
func (h *exchange) answer(k *hotFile) (more bool) {
	defer func() {
		if p := recover(); p != nil {
			more = false
			h.front.mistake(p, "path", h.request.URL.Path)
		}
	}()
	h.w.begin(h.request.Method == http.MethodHead, h.head.close || h.front.draining.Load())
	h.front.server.serveHTTP(&h.w, h.request, k)
	return h.w.finish()
}

// A sink is where answers go.
type sink interface {
	io.Writer
	io.ReaderFrom
}

// An h1Writer writes one answer after the other to a connection. What has no
// Content-Length ends with the connection.
type h1Writer struct {
	to       sink
	header   http.Header
	out      *[outSize]byte // header and small bodies, written at once
	n        int
	headOnly bool
	close    bool // after this answer
	begun    bool // the header is in out, or written
	noBody   bool
	left     int64 // bytes of the body that are to come; -1: nobody knows
	err      error
}

// outSize has room for a header and a small file, in bytes.
const outSize = smallFile + 2<<10

var outBuffers = sync.Pool{New: func() any { return new([outSize]byte) }}

func (w *h1Writer) begin(headOnly, closeAfter bool) {
	clear(w.header)
	*w = h1Writer{to: w.to, header: w.header, headOnly: headOnly, close: closeAfter}
}

// Header implements http.ResponseWriter.
func (w *h1Writer) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *h1Writer) WriteHeader(status int) {
	if w.begun {
		return
	}
	w.begun = true
	w.noBody = w.headOnly || status == http.StatusNotModified || status == http.StatusNoContent
	w.left = declared(w.header)
	if w.noBody {
		w.left = 0
	} else if w.left < 0 {
		w.close = true
	}
	if w.close {
		w.header["Connection"] = closeValue
	}
	w.out = outBuffers.Get().(*[outSize]byte)
	head := appendHead(w.out[:0], status, w.header)
	if len(head) > len(w.out) {
		w.write(head)
		return
	}
	w.n = len(head)
}

// Write implements io.Writer.
func (w *h1Writer) Write(p []byte) (int, error) {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	if w.noBody {
		return len(p), nil
	}
	if !w.take(int64(len(p))) {
		return 0, http.ErrContentLength
	}
	if w.out == nil {
		w.out = outBuffers.Get().(*[outSize]byte)
	}
	if w.n+len(p) > len(w.out) {
		w.flush()
		w.write(p)
		return len(p), w.err
	}
	w.n += copy(w.out[w.n:], p)
	return len(p), w.err
}

// ReadFrom implements io.ReaderFrom: of a part of a file it is sendfile.
func (w *h1Writer) ReadFrom(src io.Reader) (int64, error) {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	part, ok := src.(*io.LimitedReader)
	if w.noBody || !ok || !w.take(part.N) {
		return io.Copy(writeOnly{w}, src)
	}
	whole := part.N
	w.flush()
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.to.ReadFrom(part)
	w.err = err
	if n < whole {
		w.close = true
	}
	return n, err
}

// take counts n bytes of the body, unless they are more than were announced.
func (w *h1Writer) take(n int64) bool {
	if w.left < 0 {
		return true
	}
	if n > w.left {
		return false
	}
	w.left -= n
	return true
}

// flush writes what is gathered. A long download does not keep the buffer.
func (w *h1Writer) flush() {
	if w.out == nil {
		return
	}
	if w.n > 0 {
		w.write(w.out[:w.n])
		w.n = 0
	}
	outBuffers.Put(w.out)
	w.out = nil
}

func (w *h1Writer) write(p []byte) {
	if w.err == nil {
		_, w.err = w.to.Write(p)
	}
}

// finish sends what is left and reports whether the connection can go on.
func (w *h1Writer) finish() bool {
	if !w.begun {
		w.header["Content-Length"] = zeroValue
		w.WriteHeader(http.StatusOK)
	}
	w.flush()
	return w.err == nil && !w.close && w.left <= 0
}

var _ interface {
	http.ResponseWriter
	io.ReaderFrom
} = (*h1Writer)(nil)
