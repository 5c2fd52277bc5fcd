package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// refresh is how often the live lines are drawn.
const refresh = 200 * time.Millisecond

// A live is the lines at the bottom of a terminal. They are drawn again and
// again, and lines that stay are written above them. Each change is one write,
// and nothing is erased that is not drawn over at once, so nothing flickers.
type live struct {
	out  io.Writer
	size func() (width, height int)
	draw func(width, height int) []string

	mu    sync.Mutex
	drawn []string // what stands above the cursor
	over  bool

	stopped, ended chan struct{}
}

// startLive draws what draw returns: at most height lines, of ASCII, of at most
// width columns.
func startLive(out io.Writer, size func() (width, height int), draw func(width, height int) []string) *live {
	l := &live{out: out, size: size, draw: draw, stopped: make(chan struct{}), ended: make(chan struct{})}
	go l.loop()
	return l
}

func (l *live) loop() {
	defer close(l.ended)
	tick := time.NewTicker(refresh)
	defer tick.Stop()
	for {
		select {
		case <-l.stopped:
			return
		case <-tick.C:
			l.redraw()
		}
	}
}

func (l *live) redraw() {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	l.back(&b)
	l.lines(&b)
	_, _ = io.WriteString(l.out, b.String()) // a terminal that is gone is told nothing
}

// back moves the cursor to where the live lines begin. Where the terminal has
// become narrower meanwhile, it has broken them into several rows.
func (l *live) back(b *strings.Builder) {
	width, _ := l.size()
	rows := 0
	for _, line := range l.drawn {
		rows += max(1, (len(line)+width-1)/max(width, 1))
	}
	if rows > 0 {
		fmt.Fprintf(b, "\r\x1b[%dA", rows)
	}
}

// lines draws them anew, over what is there.
func (l *live) lines(b *strings.Builder) {
	was := len(l.drawn) > 0
	l.drawn = nil
	// The last column stays free, since a terminal may go on to the next row
	// there, and the last row has the cursor.
	if width, height := l.size(); !l.over && width > 1 && height > 1 {
		l.drawn = l.draw(width-1, height-1)
	}
	for _, line := range l.drawn {
		b.WriteString(line + "\x1b[K\n")
	}
	if was {
		b.WriteString("\x1b[J")
	}
}

// write puts a line, with its end, above the live ones: on to, which is the same
// terminal or none.
func (l *live) write(to io.Writer, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	l.back(&b)
	if len(l.drawn) > 0 {
		b.WriteString("\x1b[J")
	}
	l.drawn = nil
	if to == l.out {
		b.WriteString(line)
	} else {
		_, _ = io.WriteString(l.out, b.String())
		b.Reset()
		_, _ = io.WriteString(to, line)
	}
	l.lines(&b)
	_, _ = io.WriteString(l.out, b.String())
}

// stop takes the lines away. What is written later stands where they stood.
func (l *live) stop() {
	close(l.stopped)
	<-l.ended
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	var b strings.Builder
	l.back(&b)
	l.lines(&b)
	_, _ = io.WriteString(l.out, b.String())
}
