package httpserve

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A gate lets so many connections be open at a time. One too many is not
// refused but waits, in the system's queue, for its turn; and while one waits,
// connections that nothing has happened on for a while are closed.
type gate struct {
	slots chan struct{}
	look  time.Duration // how often quiet connections are looked for
	quiet int           // at so many looks nothing may have happened

	waited atomic.Uint64 // connections for which there was no place at once

	mu      sync.Mutex
	conns   map[*activity]net.Conn
	waiting int
	looked  time.Time // since when closed counts
	closed  int       // quiet connections
}

func newGate(connections int) *gate {
	return &gate{
		slots: make(chan struct{}, connections), conns: map[*activity]net.Conn{},
		look: time.Second, quiet: 5,
	}
}

// enter takes a place for a connection. It waits for one until done is closed,
// and reports whether it has got it.
func (g *gate) enter(done <-chan struct{}) bool {
	select {
	case g.slots <- struct{}{}:
		return true
	default:
	}
	g.waited.Add(1)
	g.mu.Lock()
	if g.waiting++; g.waiting == 1 {
		go g.makeRoom()
	}
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		g.waiting--
		g.mu.Unlock()
	}()
	select {
	case g.slots <- struct{}{}:
		return true
	case <-done:
		return false
	}
}

func (g *gate) add(a *activity, c net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a.gate, g.conns[a] = g, c
}

// forget looks at a connection no more; it keeps its place.
func (g *gate) forget(a *activity) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, a)
}

// free gives a place back.
func (g *gate) free() { <-g.slots }

// crowded reports whether a connection waits for a place.
func (g *gate) crowded() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waiting > 0
}

// patience is for how long nothing may happen on a connection while others wait.
func (g *gate) patience() time.Duration { return time.Duration(g.quiet) * g.look }

// most is how many of n quiet connections may be closed now. Whoever looks, of all
// loops, it is no more than a twentieth of all places and one in the time of a look: who
// waits may be a single client.
func (g *gate) most(n int, now time.Time) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Sub(g.looked) >= g.look {
		g.looked, g.closed = now, 0
	}
	n = max(0, min(n, cap(g.slots)/20+1-g.closed))
	g.closed += n
	return n
}

// makeRoom closes quiet connections for as long as somebody waits.
func (g *gate) makeRoom() {
	for {
		time.Sleep(g.look)
		g.mu.Lock()
		if g.waiting == 0 {
			g.mu.Unlock()
			return
		}
		quiet := g.quietest()
		g.mu.Unlock()
		for _, c := range quiet[:g.most(len(quiet), time.Now())] {
			_ = c.Close() // clients know that this may happen between requests
		}
	}
}

// quietest are connections on which nothing has happened for long enough, no more
// than can be closed.
func (g *gate) quietest() []net.Conn {
	var list []net.Conn
	for a, c := range g.conns {
		moved := a.moved.Load()
		if !a.reading.Load() || a.writing.Load() > 0 || moved != a.seen {
			a.seen, a.looks = moved, 0
			continue
		}
		if a.looks++; a.looks >= g.quiet && len(list) <= cap(g.slots)/20 {
			list = append(list, c)
		}
	}
	return list
}

// An activity tells whether anything happens on a connection.
type activity struct {
	gate    *gate
	reading atomic.Bool
	writing atomic.Int32
	moved   atomic.Uint32 // reads and writes that came to an end
	left    atomic.Bool

	seen  uint32 // moved at the last look, and at how many it was the same
	looks int
}

func (a *activity) read(c net.Conn, p []byte) (int, error) {
	a.reading.Store(true)
	n, err := c.Read(p)
	a.reading.Store(false)
	a.moved.Add(1)
	return n, err
}

func (a *activity) beginWrite() { a.writing.Add(1) }

func (a *activity) endWrite() {
	a.moved.Add(1)
	a.writing.Add(-1)
}

// end reports, once, that the connection is to end, or is another one's: whoever
// asks first does what there is to do.
func (a *activity) end() bool { return a.left.CompareAndSwap(false, true) }

// close closes a connection and gives its place back, once.
func (a *activity) close(c io.Closer, open *connMetrics) error {
	first := a.end()
	err := c.Close()
	if first {
		open.closed()
		if a.gate != nil {
			a.gate.forget(a)
			a.gate.free()
		}
	}
	return err
}
