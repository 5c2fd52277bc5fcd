package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// A live is the line at the bottom of a terminal.
type live struct {
	out      io.Writer
	progress *mpb.Progress
	bar      *mpb.Bar
}

const barWidth = 24

// startLive draws a line from what stats returns, several times a second.
func startLive(out io.Writer, stats func() statistics) *live {
	l := &live{out: out, progress: mpb.New(mpb.WithOutput(out), mpb.WithRefreshRate(200*time.Millisecond))}
	draw := func(w io.Writer, s decor.Statistics) error {
		_, err := io.WriteString(w, stats().line(s.AvailableWidth))
		return err
	}
	l.bar = l.progress.MustAdd(0, mpb.BarFillerFunc(draw))
	return l
}

// write puts a line above the live one.
func (l *live) write(line string) {
	if _, err := io.WriteString(l.progress, line); err != nil {
		_, _ = io.WriteString(l.out, line) // stopped meanwhile
	}
}

// stop takes the line away.
func (l *live) stop() {
	l.bar.Abort(true)
	l.progress.Wait()
}

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

// statistics are what a line shows at one moment.
type statistics struct {
	packages, done int
	size, have     int64
	rate           float64 // bytes a second
}

// line is at most width columns wide.
func (s statistics) line(width int) string {
	part := 0.0
	text := fmt.Sprintf("%s/%s packages", Count(s.done), Count(s.packages))
	switch {
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
	if len(text)+barWidth+3 <= width {
		full := int(part * barWidth)
		text = "[" + strings.Repeat("=", full) + strings.Repeat(" ", barWidth-full) + "] " + text
	}
	if len(text) > width {
		text = text[:max(width, 0)]
	}
	return text
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
