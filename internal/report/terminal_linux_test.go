package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A terminal is a pseudo terminal whose output is collected.
type terminal struct {
	tty    *os.File
	master *os.File
	mu     sync.Mutex
	seen   bytes.Buffer
	ended  chan struct{}
}

func newTerminal(t *testing.T, columns, rows uint16) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	fd := int(master.Fd())
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows}))
	term := &terminal{tty: tty, master: master, ended: make(chan struct{})}
	go func() {
		defer close(term.ended)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			term.mu.Lock()
			term.seen.Write(buf[:n])
			term.mu.Unlock()
			if err != nil { // EIO, when the last one has closed the other side
				return
			}
		}
	}()
	return term
}

func (term *terminal) text() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.seen.String()
}

func (term *terminal) close(t *testing.T) string {
	require.NoError(t, term.tty.Close())
	<-term.ended
	require.NoError(t, term.master.Close())
	return term.text()
}

func TestTerminal(t *testing.T) {
	term := newTerminal(t, 100, 24)
	require.True(t, IsTerminal(term.tty))
	var out bytes.Buffer
	p := New(Options{Stdout: &out, Stderr: term.tty})
	p.Info("", "good morning")
	p.Plan("epel", 4, 1000)
	p.Bytes("epel", 500)
	p.Done("epel", "a.rpm", nil)
	require.Eventually(t, func() bool {
		return bytes.Contains([]byte(term.text()), []byte("[============            ] 1/4 packages  500 B of 1.0 kB"))
	}, 10*time.Second, 20*time.Millisecond, "the live line")
	p.Done("epel", "b.rpm", errors.New("404 not found"))
	p.Summary(Summary{Verb: "sync", Repo: "epel", Outcome: Partial, Packages: 4, Added: 3, Failures: 1})
	p.Close()
	p.Close()
	p.Error(errors.New("the end"))
	text := term.close(t)
	assert.Empty(t, out.String())
	for _, line := range []string{
		"gorepo: good morning\r\n", "gorepo: epel: b.rpm: 404 not found\r\n",
		"gorepo: epel: sync partial: 3 added, 1 failed; 4 packages in all; 0ms\r\n",
	} {
		assert.Contains(t, text, line)
	}
	assert.NotContains(t, text, "a.rpm")
	assert.True(t, bytes.HasSuffix([]byte(text), []byte("\x1b[1A\x1b[Jgorepo: the end\r\n")), "the live line is erased: %q", text)
}

func TestTerminalWithoutProgress(t *testing.T) {
	for name, o := range map[string]Options{
		"--no-progress": {NoProgress: true}, "--quiet": {Quiet: true}, "--json": {JSON: true},
	} {
		term := newTerminal(t, 80, 24)
		o.Stdout, o.Stderr = io.Discard, term.tty
		p := New(o)
		p.Plan("epel", 4, 1000)
		assert.Nil(t, p.live, name)
		p.Close()
		assert.Empty(t, term.close(t), name)
	}
}

// TestTerminalWithoutSize: nothing would be seen of a live line, nor of what
// is printed above it.
func TestTerminalWithoutSize(t *testing.T) {
	term := newTerminal(t, 0, 0)
	assert.False(t, IsTerminal(term.tty))
	p := New(Options{Stdout: io.Discard, Stderr: term.tty})
	p.Plan("epel", 1, 1)
	p.Fail("epel", errors.New("seen"))
	p.Close()
	assert.Equal(t, "gorepo: epel: seen\r\n", term.close(t))
}
