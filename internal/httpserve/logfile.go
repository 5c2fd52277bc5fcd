package httpserve

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

const (
	// logBuffer is what is gathered before it is written ahead of its time, and
	// maxLogBuffer what may wait for a disk that does not come along, bytes.
	logBuffer    = 64 << 10
	maxLogBuffer = 4 << 20
	logInterval  = time.Second
)

// A LogFile is where an access log goes. Lines are written many at once, each
// second and when it is closed: a mirror under load writes thousands a second.
// Requests never wait for the disk.
type LogFile struct {
	name string // empty: w is not a file of ours
	log  *slog.Logger
	wake chan struct{}
	done chan struct{}
	idle chan struct{} // closed when the goroutine has ended

	writing sync.Mutex // for who writes
	w       io.Writer
	failing bool
	closed  bool
	free    []byte // a buffer that is not in use

	mu     sync.Mutex // for what follows
	buf    []byte
	lost   int // lines
	direct bool
}

// OpenLog opens a file to append to. What goes wrong later is log's.
func OpenLog(name string, log *slog.Logger) (*LogFile, error) {
	f, err := openAppend(name)
	if err != nil {
		return nil, err
	}
	l := NewLog(f, log)
	l.name = name
	return l, nil
}

// NewLog is a log to anything else, which Close leaves open.
func NewLog(w io.Writer, log *slog.Logger) *LogFile {
	l := &LogFile{w: w, log: log, wake: make(chan struct{}, 1), done: make(chan struct{}), idle: make(chan struct{})}
	go l.run()
	return l
}

func openAppend(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
}

// Write takes whole lines. It never fails: what does not come to disk is told
// to the logger.
func (l *LogFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	if len(l.buf)+len(p) > maxLogBuffer {
		l.lost++
		l.mu.Unlock()
		return len(p), nil
	}
	l.buf = append(l.buf, p...)
	full, direct := len(l.buf) >= logBuffer, l.direct
	l.mu.Unlock()
	switch {
	case direct:
		l.Flush()
	case full:
		select {
		case l.wake <- struct{}{}:
		default: // it is awake
		}
	}
	return len(p), nil
}

func (l *LogFile) run() {
	defer close(l.idle)
	tick := time.NewTicker(logInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-l.wake:
		case <-l.done:
			return
		}
		l.Flush()
	}
}

// Flush writes what has been gathered.
func (l *LogFile) Flush() {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.flush()
}

func (l *LogFile) flush() {
	l.mu.Lock()
	data, lost := l.buf, l.lost
	l.buf, l.lost = l.free[:0], 0
	l.mu.Unlock()
	if lost > 0 {
		l.log.Error("the access log's disk is too slow: lines are lost", "lines", lost)
	}
	if len(data) > 0 && !l.closed { // else somebody was cut when the server ended
		_, err := l.w.Write(data)
		if err != nil && !l.failing {
			l.log.Error("the access log cannot be written: lines are lost", "error", err)
		}
		l.failing = err != nil
	}
	if l.free = data; cap(data) > 2*logBuffer {
		l.free = nil
	}
}

// Reopen goes on in a file of the same name, after the old one was renamed. If
// there cannot be one, the log stays where it is.
func (l *LogFile) Reopen() error {
	if l.name == "" {
		return nil
	}
	f, err := openAppend(l.name)
	if err != nil {
		return fmt.Errorf("access log: %w", err)
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	l.flush()
	old := l.w
	l.w, l.failing = f, false
	if c, ok := old.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Direct writes every line at once from now on, so that nothing is lost when
// the process is killed.
func (l *LogFile) Direct() {
	l.mu.Lock()
	l.direct = true
	l.mu.Unlock()
	l.Flush()
}

// Close writes what is left and closes the file.
func (l *LogFile) Close() error {
	close(l.done)
	<-l.idle
	l.writing.Lock()
	defer l.writing.Unlock()
	l.flush()
	l.closed = true
	if f, ok := l.w.(io.Closer); ok && l.name != "" {
		return f.Close()
	}
	return nil
}
