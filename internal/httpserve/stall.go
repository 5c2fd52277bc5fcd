package httpserve

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// A stallListener gives connections that end when their client takes nothing
// for a while, and not before: a download over a slow line may take all night.
type stallListener struct {
	net.Listener
	limit time.Duration
	conns *connMetrics
	gate  *gate // nil: any number of connections

	once sync.Once
	done chan struct{}
}

func (s *Server) patient(l net.Listener) *stallListener {
	return &stallListener{Listener: l, limit: s.options.StallTimeout, conns: &s.metrics.conns, gate: s.gate, done: make(chan struct{})}
}

func (l *stallListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if l.gate != nil && !l.gate.enter(l.done) {
		_ = c.Close() // it was not answered yet
		return nil, net.ErrClosed
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		return newTCPConn(tcp, tcp.RemoteAddr(), l.limit, l.conns.opened(), l.gate), nil
	}
	p := &plainConn{Conn: c, patience: patience{limit: l.limit, conn: c}, open: l.conns.opened()}
	admit(l.gate, &p.activity, p)
	return p, nil
}

func newTCPConn(c *net.TCPConn, peer net.Addr, limit time.Duration, open *connMetrics, g *gate) *tcpConn {
	t := &tcpConn{TCPConn: c, peer: peer, patience: patience{limit: limit, conn: c}, open: open}
	admit(g, &t.activity, t)
	return t
}

func admit(g *gate, a *activity, c net.Conn) {
	if g != nil {
		g.add(a, c)
	}
}

func (l *stallListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

// looks is how often within the limit progress is looked for.
const looks = 4

// A patience watches a connection's writes. The kernel wakes a writer only
// when a good part of its buffer is free again, which on a slow line may take
// longer than the limit; but a write that is tried anew succeeds as soon as
// anything is free, so it is tried several times within the limit.
type patience struct {
	limit time.Duration
	conn  net.Conn
	last  time.Time // of the last progress
}

func (p *patience) begin() error {
	p.last = time.Now()
	return p.conn.SetWriteDeadline(p.last.Add(p.limit / looks))
}

// goOn decides after a write that ended with err and had written n bytes
// whether to try again.
func (p *patience) goOn(n int64, err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	now := time.Now()
	if n > 0 {
		p.last = now
	}
	if now.Sub(p.last) >= p.limit {
		return false
	}
	return p.conn.SetWriteDeadline(now.Add(p.limit/looks)) == nil
}

func (p *patience) write(b []byte) (int, error) {
	if err := p.begin(); err != nil {
		return 0, err
	}
	written := 0
	for {
		n, err := p.conn.Write(b[written:])
		written += n
		if err == nil || !p.goOn(int64(n), err) {
			return written, err
		}
	}
}

// A plainConn is a connection without sendfile, such as a Unix socket.
type plainConn struct {
	net.Conn
	patience patience
	activity activity
	open     *connMetrics
}

func (c *plainConn) Read(b []byte) (int, error) { return c.activity.read(c.Conn, b) }

func (c *plainConn) Write(b []byte) (int, error) {
	c.activity.beginWrite()
	defer c.activity.endWrite()
	return c.patience.write(b)
}

func (c *plainConn) Close() error { return c.activity.close(c.Conn, c.open) }

// A tcpConn keeps the ReadFrom of its TCP connection, which is sendfile.
type tcpConn struct {
	*net.TCPConn
	peer     net.Addr
	patience patience
	activity activity
	open     *connMetrics
}

// RemoteAddr is what it was when the connection came: the system forgets it when
// the client resets the connection, whose requests may still be there to read.
func (c *tcpConn) RemoteAddr() net.Addr { return c.peer }

func (c *tcpConn) Read(b []byte) (int, error) { return c.activity.read(c.TCPConn, b) }

func (c *tcpConn) Write(b []byte) (int, error) {
	c.activity.beginWrite()
	defer c.activity.endWrite()
	return c.patience.write(b)
}

func (c *tcpConn) Close() error { return c.activity.close(c.TCPConn, c.open) }

// ReadFrom sends part of a file. Other sources are copied: after a write that
// was cut short nobody could tell how much of them had been read.
func (c *tcpConn) ReadFrom(src io.Reader) (int64, error) {
	part, ok := src.(*io.LimitedReader)
	if !ok {
		return io.Copy(writeOnly{c}, src)
	}
	f, ok := part.R.(*os.File)
	if !ok {
		return io.Copy(writeOnly{c}, src)
	}
	start, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return io.Copy(writeOnly{c}, src) // a pipe
	}
	return c.sendFile(f, start, part)
}

func (c *tcpConn) sendFile(f *os.File, start int64, part *io.LimitedReader) (int64, error) {
	c.activity.beginWrite()
	defer c.activity.endWrite()
	if err := c.patience.begin(); err != nil {
		return 0, err
	}
	whole := part.N
	var sent int64
	for {
		n, err := c.TCPConn.ReadFrom(part)
		sent += n
		if err == nil || !c.patience.goOn(n, err) {
			return sent, err
		}
		// Where there is no sendfile, more may have been read than sent.
		part.N = whole - sent
		if _, err := f.Seek(start+sent, io.SeekStart); err != nil {
			return sent, err
		}
	}
}

// writeOnly hides ReadFrom from io.Copy.
type writeOnly struct{ io.Writer }
