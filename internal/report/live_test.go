package report

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A screen is a terminal that breaks lines anew when it is resized, as most do.
type screen struct {
	mu            sync.Mutex
	width, height int
	lines         []string // all that was ever shown, the last at the bottom
	row           int      // of the cursor, which is at its beginning but while a line is written
	column        int
	writes        int
	lost          bool // the cursor was not moved to the beginning of a line
}

func newScreen(width, height int) *screen {
	return &screen{width: width, height: height, lines: []string{""}}
}

func (s *screen) size() (width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.width, s.height
}

func (s *screen) resize(width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.width, s.height = width, height
}

func (s *screen) rows(line string) int { return max(1, (len(line)+s.width-1)/s.width) }

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	text := string(p)
	for text != "" {
		switch {
		case text[0] == '\r':
			s.column, text = 0, text[1:]
		case text[0] == '\n':
			s.row, s.column, text = s.row+1, 0, text[1:]
			if s.row == len(s.lines) {
				s.lines = append(s.lines, "")
			}
		case strings.HasPrefix(text, "\x1b["):
			end := strings.IndexAny(text, "AJK")
			switch text[end] {
			case 'A':
				n, err := strconv.Atoi(text[2:end])
				if err != nil {
					return 0, err
				}
				for n > 0 && s.row > 0 {
					s.row--
					n -= s.rows(s.lines[s.row])
				}
				s.lost = s.lost || n != 0 // within a line, or above the first
			case 'K':
				s.lines[s.row] = s.lines[s.row][:min(s.column, len(s.lines[s.row]))]
			case 'J':
				s.lines[s.row] = s.lines[s.row][:min(s.column, len(s.lines[s.row]))]
				s.lines = s.lines[:s.row+1]
			}
			text = text[end+1:]
		default:
			line := s.lines[s.row]
			s.lines[s.row] = line[:min(s.column, len(line))] + text[:1]
			if s.column+1 < len(line) {
				s.lines[s.row] += line[s.column+1:]
			}
			s.column, text = s.column+1, text[1:]
		}
	}
	return len(p), nil
}

func (s *screen) text() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.lines...)
}

// someDownloads are n of them, of which a quarter has come.
func someDownloads(n int) statistics {
	s := statistics{packages: 100, done: 25, size: 4000, have: 1000}
	for i := range n {
		s.downloads = append(s.downloads, transfer{name: fmt.Sprintf("base: Packages/a/name%d-1.0-1.noarch.rpm", i), size: 1_000_000, have: 250_000})
	}
	return s
}

// Lines that stay are above those that do not, of which nothing is left in the
// end, whatever happens to the terminal meanwhile.
func TestLive(t *testing.T) {
	t.Parallel()
	s := newScreen(60, 10)
	var mu sync.Mutex
	now := someDownloads(3)
	l := startLive(s, s.size, func(width, height int) []string {
		mu.Lock()
		defer mu.Unlock()
		lines := now.lines(width, height)
		assert.LessOrEqual(t, len(lines), height)
		for _, line := range lines {
			assert.LessOrEqual(t, len(line), width)
		}
		return lines
	})
	set := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		now = someDownloads(n)
	}
	want := []string{}
	say := func(text string) {
		l.write(s, text+"\n")
		want = append(want, text)
	}
	say("first")
	require.Equal(t, []string{
		"first",
		"  base: Packages/a/name0-1.0-1.noarch.rpm      25%   1.0 MB",
		"  base: Packages/a/name1-1.0-1.noarch.rpm      25%   1.0 MB",
		"  base: Packages/a/name2-1.0-1.noarch.rpm      25%   1.0 MB",
		"[=====                  ] 25/100 packages  1.0 kB of 4.0 kB", "",
	}, append(s.text()[:1:1], trimmed(s.text()[1:])...))

	set(1) // fewer lines: nothing of the others is left
	l.redraw()
	assert.Len(t, s.text(), 1+2+1)
	set(50) // more than there is room for
	l.redraw()
	text := s.text()
	assert.Len(t, text, 1+9+1)
	assert.Equal(t, "  and 43 more", text[8])
	for i, size := range [][2]int{{30, 10}, {200, 50}, {12, 4}, {1, 1}, {80, 3}, {80, 2}, {80, 24}} {
		s.resize(size[0], size[1])
		say(fmt.Sprint("resized ", i))
		l.redraw()
		set(i)
	}
	before := s.writes
	l.redraw()
	assert.Equal(t, before+1, s.writes, "one write each time: nothing flickers")
	require.Eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.writes > before+2
	}, 10*time.Second, 10*time.Millisecond, "it draws by itself")
	l.stop()
	say("last")
	l.redraw()
	assert.Equal(t, append(want, ""), s.text())
	assert.False(t, s.lost)
}

func trimmed(lines []string) (list []string) {
	for _, line := range lines {
		list = append(list, strings.TrimRight(line, " "))
	}
	return list
}

func TestTransferLine(t *testing.T) {
	t.Parallel()
	d := transfer{name: "epel: Packages/z/zlib-1.2-3.x86_64.rpm", size: 2_000_000, have: 500_000}
	assert.Equal(t, "  epel: Packages/z/zlib-1.2-3.x86_64.rpm   25%   2.0 MB", d.line(55))
	assert.Equal(t, "  epel: Packages/z/zlib-1.   25%   2.0 MB", d.line(41))
	assert.Equal(t, "  epel: Pa", d.line(10))
	assert.Empty(t, d.line(0))
	d.size, d.name = -1, "epel: primary.xml\u65e5"
	assert.Equal(t, "  epel: primary.xml?                 500 kB", d.line(43))
	assert.Equal(t, "reading metadata", statistics{downloads: []transfer{d}}.line(80))
	d.have = -5
	assert.NotContains(t, d.line(60), "-")
}

// What is on its way, and what becomes of the whole when some of it does not
// come or was there before.
func TestDownloads(t *testing.T) {
	t.Parallel()
	p := New(Options{Stdout: io.Discard, Stderr: io.Discard})
	p.Plan("base", 3, 3000)
	a := p.Begin("base", "a", 1000, 400, true)
	b := p.Begin("base", "b", 2000, 0, true)
	m := p.Begin("base", "primary.xml.gz", 5000, 0, false)
	a.Received(600)
	b.Received(100)
	m.Received(5000)
	s := p.statistics()
	assert.Equal(t, []transfer{{"base: a", 1000, 1000}, {"base: b", 2000, 100}, {"base: primary.xml.gz", 5000, 5000}}, s.downloads)
	assert.EqualValues(t, 2600, s.size)
	assert.EqualValues(t, 700, s.have, "metadata was not planned")
	for _, d := range []*Download{m, b, a, a} {
		d.End()
	}
	s = p.statistics()
	assert.Empty(t, s.downloads)
	assert.Equal(t, s.size, s.have)
}

// One cause that repeats thousands of times is not said thousands of times.
func TestManyFailures(t *testing.T) {
	t.Parallel()
	talk := func(o Options) []string {
		var out strings.Builder
		o.Stdout, o.Stderr = &out, &out
		p := New(o)
		for i := range 3000 {
			p.Fail("base", fmt.Errorf("http://h/%d.rpm: 404 Not Found", i))
		}
		for i := range 5 {
			p.Fail("base", fmt.Errorf("%d.rpm: odd in %c ways", i, 'a'+i))
		}
		for i := range 30 {
			p.Fail("", fmt.Errorf("conf:%d: odd", i))
			p.Fail("epel", fmt.Errorf("%d: sha256 is %x, the metadata says %x", i, 1e9+i, 2e9+i))
		}
		p.Summary(Summary{Repo: "base", Verb: "sync", Outcome: Partial})
		p.Close()
		return strings.Split(strings.TrimSpace(out.String()), "\n")
	}
	lines := talk(Options{})
	assert.Len(t, lines, 20+5+1+30+20+1)
	assert.Contains(t, lines, "gorepo: base: http://h/19.rpm: 404 Not Found")
	assert.NotContains(t, lines, "gorepo: base: http://h/20.rpm: 404 Not Found")
	assert.Contains(t, lines, "gorepo: base: and 2,980 more failures: 3,000 times in all 404 Not Found")
	assert.Contains(t, lines, "gorepo: epel: and 10 more failures: 30 times in all sha256 is ..., the metadata says ...")
	assert.Len(t, talk(Options{Verbose: true}), 3000+5+60+1)
	assert.Len(t, talk(Options{JSON: true}), 3000+5+60+1, "programs are told of each")
	assert.Len(t, talk(Options{Quiet: true}), 77)
}

func TestSummaries(t *testing.T) {
	t.Parallel()
	var out, errs strings.Builder
	p := New(Options{Stdout: &out, Stderr: &errs, Quiet: true, Summaries: true})
	p.Summary(Summary{Verb: "sync", Repo: "epel", Outcome: Complete, Packages: 12345, Bytes: 21e9, Added: 17, Removed: 3, Waiting: 2, Fetched: 48e6, Duration: 9400 * time.Millisecond})
	p.Summary(Summary{Verb: "sync", Repo: "base", Outcome: Partial, Packages: 1, Failures: 1000, Duration: time.Second})
	p.Summary(Summary{Verb: "sync", Repo: "gone", Outcome: Failed, Err: errors.New("no route"), Duration: time.Second})
	p.Conclude("1 of 3")
	p.Close()
	assert.Equal(t, `epel: complete, 17 added, 0 updated, 3 removed (2 to go), 48 MB fetched, 12,345 packages of 21 GB, 9.4s
base: partial, 0 added, 0 updated, 0 removed, 1,000 failed, 0 B fetched, 1 package of 0 B, 1.0s
gone: failed, nothing changed, 1.0s
1 of 3
`, out.String())
	assert.Equal(t, "gorepo: gone: no route\n", errs.String())
}

// Programs are told how far the whole is, but not with every byte.
func TestProgressEvents(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	now := noon
	p := New(Options{Stdout: &out, Stderr: io.Discard, JSON: true, Now: func() time.Time { return now }})
	p.Start("sync", "base")
	p.Plan("base", 2, 1000)
	d := p.Begin("base", "a", 1000, 0, true)
	for range 50 {
		d.Received(10)
		now = now.Add(100 * time.Millisecond)
	}
	p.Done("base", "a", nil)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	assert.Len(t, lines, 2+5+1)
	assert.JSONEq(t, `{"event":"start","time":"2026-11-01T12:00:00Z","repo":"base","verb":"sync"}`, lines[0])
	assert.JSONEq(t, `{"event":"progress","time":"2026-11-01T12:00:01Z","packages":2,"bytes":1000,"done":0,"received":110,"rate":100}`, lines[2])
}
