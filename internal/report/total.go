package report

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A total adds up a run over all repositories.
type total struct {
	packages, packagesDone int
	size, have             int64
	rate                   rate
}

func (t *total) plan(packages int, bytes int64) {
	t.packages += packages
	t.size += bytes
}

func (t *total) bytes(n int64) { t.have += n }
func (t *total) done()         { t.packagesDone++ }

func (t *total) statistics(now time.Time) statistics {
	s := statistics{packages: t.packages, done: t.packagesDone, size: t.size, have: t.have}
	s.rate = t.rate.update(now, t.have)
	return s
}

// statistics are what the live lines show at one moment.
type statistics struct {
	packages, done int
	size, have     int64
	rate           float64 // bytes a second
	downloads      []transfer
}

// A transfer is one file on its way.
type transfer struct {
	name       string
	size, have int64 // size < 0: not known
}

// lines are one for each download, and below them one for the whole. Those that
// have no room are counted.
func (s statistics) lines(width, height int) []string {
	var list []string
	shown := s.downloads
	if room := height - 1; len(shown) > room {
		shown = shown[:max(0, room-1)]
	}
	for _, d := range shown {
		list = append(list, d.line(width))
	}
	if more := len(s.downloads) - len(shown); more > 0 && height > 1 {
		list = append(list, cut(fmt.Sprintf("  and %s more", Count(more)), width))
	}
	return append(list, s.line(width))
}

// line is at most width columns wide.
func (t transfer) line(width int) string {
	size, part := "", ""
	if t.size >= 0 {
		size = Size(t.size)
	}
	if t.size > 0 && t.have > 0 {
		part = fmt.Sprintf("%d%%", max(0, min(100, 100*t.have/t.size)))
	} else if t.have > 0 {
		size = Size(t.have)
	}
	right := fmt.Sprintf("  %4s  %7s", part, size)
	name := "  " + ascii(t.name)
	room := width - len(right)
	if room < 20 { // a name says more than a number
		return cut(name, width)
	}
	return cut(name, room) + strings.Repeat(" ", max(0, room-len(name))) + right
}

func cut(text string, width int) string {
	return text[:max(0, min(len(text), width))]
}

// ascii makes every character one column wide.
func ascii(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
}

const (
	barWidth = 24
	leastBar = 8 // less says nothing
)

// line is the whole in at most width columns.
func (s statistics) line(width int) string {
	part := 0.0
	text := fmt.Sprintf("%s/%s packages", Count(s.done), Count(s.packages))
	switch {
	case s.packages == 0 && len(s.downloads) > 0:
		return cut("reading metadata", width)
	case s.size > 0:
		part = float64(s.have) / float64(s.size)
		text += fmt.Sprintf("  %s of %s", Size(s.have), Size(s.size))
		if s.rate >= 1 {
			text += fmt.Sprintf("  %s/s", Size(int64(s.rate)))
			if left := float64(s.size-s.have) / s.rate; left >= 1 && left < 1e6 {
				text += "  " + Duration(time.Duration(left*float64(time.Second)).Round(time.Second)) + " left"
			}
		}
	case s.packages > 0:
		part = float64(s.done) / float64(s.packages)
	}
	part = max(0, min(part, 1))
	if bar := min(barWidth, width-len(text)-len("[] ")); bar >= leastBar {
		full := int(part * float64(bar))
		text = "[" + strings.Repeat("=", full) + strings.Repeat(" ", bar-full) + "] " + text
	}
	return cut(text, width)
}

// A Download is one file on its way, as a Printer shows it.
type Download struct {
	p       *Printer
	state   transfer
	counted bool // its bytes are among those that were planned
}

// Begin shows that a file of a repository is on its way, of which so many bytes
// are here already; a size below 0 is not known. End ends it. counted says that
// its bytes are part of a Plan.
func (p *Printer) Begin(repo, name string, size, have int64, counted bool) *Download {
	d := &Download{p: p, counted: counted, state: transfer{name: repo + ": " + name, size: size, have: have}}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.downloads = append(p.downloads, d)
	if counted {
		p.total.size -= have // nobody waits for it
	}
	p.startLive()
	return d
}

// Received says that so many bytes more have come; see Progress.Bytes.
func (d *Download) Received(n int64) {
	d.p.mu.Lock()
	d.state.have += n
	if d.counted {
		d.p.total.bytes(n)
	}
	d.p.mu.Unlock()
	d.p.progress()
}

// End takes the file from those that are on their way.
func (d *Download) End() {
	d.p.mu.Lock()
	defer d.p.mu.Unlock()
	if i := slices.Index(d.p.downloads, d); i >= 0 {
		d.p.downloads = slices.Delete(d.p.downloads, i, i+1)
		if d.counted {
			d.p.total.size -= max(0, d.state.size-d.state.have) // it does not come
		}
	}
}

// A rate is bytes a second over the last few seconds: long enough to be calm,
// short enough to follow.
type rate struct {
	samples []sample // the oldest first, at least sampleEvery apart
}

type sample struct {
	at   time.Time
	have int64
}

const (
	rateWindow  = 10 * time.Second
	sampleEvery = 500 * time.Millisecond
)

func (r *rate) update(now time.Time, have int64) float64 {
	if n := len(r.samples); n == 0 || now.Sub(r.samples[n-1].at) >= sampleEvery {
		r.samples = append(r.samples, sample{now, have})
	}
	for len(r.samples) > 1 && now.Sub(r.samples[1].at) >= rateWindow {
		r.samples = r.samples[1:]
	}
	first := r.samples[0]
	elapsed := now.Sub(first.at).Seconds()
	if elapsed <= 0 {
		return 0
	}
	return max(0, float64(have-first.have)/elapsed)
}
