package httpserve

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// A stallListener gives connections that end when their client takes nothing
// for a while, and not before: a download over a slow line may take all night.
type stallListener struct {
	net.Listener
	limit time.Duration
}

func (l stallListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	w := patience{limit: l.limit, conn: c}
	if tcp, ok := c.(*net.TCPConn); ok {
		return &tcpConn{TCPConn: tcp, patience: w}, nil
	}
	return &plainConn{Conn: c, patience: w}, nil
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
}

func (c *plainConn) Write(b []byte) (int, error) { return c.patience.write(b) }

// A tcpConn keeps the ReadFrom of its TCP connection, which is sendfile.
type tcpConn struct {
	*net.TCPConn
	patience patience
}

func (c *tcpConn) Write(b []byte) (int, error) { return c.patience.write(b) }

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
