package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// talk runs the same small job with the given options.
func talk(o Options) (stdout, stderr string) {
	var out, errs bytes.Buffer
	o.Stdout, o.Stderr, o.Now = &out, &errs, func() time.Time { return noon }
	p := New(o)
	p.Plan("epel", 2, 300)
	p.Bytes("epel", 100)
	p.Done("epel", "a.rpm", nil)
	p.Done("epel", "b.rpm", errors.New("404 not found"))
	p.Note("epel", "a detail")
	p.Warn("", "x.repo:1: odd")
	p.Info("", "good morning")
	p.Fail("base", errors.New("first\nsecond"))
	p.Summary(Summary{Verb: "sync", Repo: "epel", Outcome: Partial, Packages: 2, Bytes: 300, Added: 1, Failures: 1, Fetched: 100, Duration: 1500 * time.Millisecond})
	p.Summary(Summary{Verb: "sync", Repo: "base", Outcome: Failed, Err: errors.New("no route")})
	p.Close()
	p.Error(errors.New("the end"))
	return out.String(), errs.String()
}

func TestTalk(t *testing.T) {
	const failures = `gorepo: epel: b.rpm: 404 not found
gorepo: base: first
gorepo: base: second
gorepo: base: no route
gorepo: the end
`
	stdout, stderr := talk(Options{Quiet: true})
	assert.Empty(t, stdout)
	assert.Equal(t, failures, stderr)

	stdout, stderr = talk(Options{})
	assert.Empty(t, stdout)
	assert.Equal(t, strings.Replace(failures, "gorepo: base: first", "gorepo: warning: x.repo:1: odd\ngorepo: base: first", 1), stderr)

	stdout, stderr = talk(Options{Verbose: true})
	assert.Empty(t, stdout)
	assert.Equal(t, `gorepo: epel: a.rpm
gorepo: epel: b.rpm: 404 not found
gorepo: epel: a detail
gorepo: warning: x.repo:1: odd
gorepo: good morning
gorepo: base: first
gorepo: base: second
gorepo: epel: sync partial: 1 added, 1 failed; 100 B fetched; 2 packages of 300 B in all; 1.5s
gorepo: base: no route
gorepo: the end
`, stderr)
}

func TestJSON(t *testing.T) {
	stdout, stderr := talk(Options{JSON: true})
	assert.Equal(t, "gorepo: the end\n", stderr)
	assert.Equal(t, `{"event":"plan","time":"2026-11-01T12:00:00Z","repo":"epel","packages":2,"bytes":300}
{"event":"package","time":"2026-11-01T12:00:00Z","repo":"epel","location":"a.rpm"}
{"event":"failure","time":"2026-11-01T12:00:00Z","repo":"epel","location":"b.rpm","error":"404 not found"}
{"event":"warning","time":"2026-11-01T12:00:00Z","text":"x.repo:1: odd"}
{"event":"failure","time":"2026-11-01T12:00:00Z","repo":"base","error":"first"}
{"event":"failure","time":"2026-11-01T12:00:00Z","repo":"base","error":"second"}
{"event":"summary","time":"2026-11-01T12:00:00Z","repo":"epel","packages":2,"bytes":300,"verb":"sync","outcome":"partial","added":1,"updated":0,"removed":0,"failures":1,"read":0,"reused":0,"fetched":100,"seconds":1.5}
{"event":"summary","time":"2026-11-01T12:00:00Z","repo":"base","error":"no route","packages":0,"bytes":0,"verb":"sync","outcome":"failed","added":0,"updated":0,"removed":0,"failures":0,"read":0,"reused":0,"fetched":0,"seconds":0}
{"event":"error","time":"2026-11-01T12:00:00Z","error":"the end"}
`, stdout)
}

// TestManyAtOnce holds lines together that many goroutines print.
func TestManyAtOnce(t *testing.T) {
	var out bytes.Buffer
	p := New(Options{Stdout: &out, Stderr: &bytes.Buffer{}, JSON: true})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			repo := fmt.Sprint("r", i)
			p.Plan(repo, 100, 100)
			for j := range 100 {
				p.Bytes(repo, 1)
				p.Done(repo, fmt.Sprint(j), nil)
			}
		})
	}
	wg.Wait()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	assert.Len(t, lines, 808)
	for _, line := range lines {
		require.True(t, json.Valid([]byte(line)), line)
	}
	s := p.statistics()
	assert.Equal(t, 800, s.done)
	assert.Equal(t, int64(800), s.have)
}

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"plain ü日":      "plain ü日",
		"a\nb\tc":       "a b c",
		"\x1b[2Jx\r\a":  "\ufffd[2Jx\ufffd\ufffd",
		"a\u202egpj.b":  "a\ufffdgpj.b",
		"\u0085\u2028x": "\ufffd\ufffdx",
	} {
		assert.Equal(t, want, clean(text))
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 1550: "1.6 kB", 9949: "9.9 kB", 9950: "10 kB", 12345: "12 kB", 999499: "999 kB",
		999500: "1.0 MB", 4_700_000_000: "4.7 GB", -2000: "-2.0 kB", 1<<63 - 1: "9.2 EB",
	} {
		assert.Equal(t, want, Size(n), n)
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -999: "-999"} {
		assert.Equal(t, want, Count(n))
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0ms", 350 * time.Millisecond: "350ms", 1500 * time.Millisecond: "1.5s", 42 * time.Second: "42s", 61 * time.Second: "1m01s",
		2*time.Hour + 3*time.Minute: "2h03m", 49 * time.Hour: "2d01h",
	} {
		assert.Equal(t, want, Duration(d))
	}
}

func TestSummaryText(t *testing.T) {
	assert.Equal(t, "sync complete: nothing changed; 1 package in all; 5ms",
		Summary{Verb: "sync", Outcome: Complete, Packages: 1, Duration: 5 * time.Millisecond}.text())
	assert.Equal(t, "sync complete: 1,000 added, 2 updated, 3 removed; 1,200 packages of 1.0 kB in all; 5.0s",
		Summary{Verb: "sync", Outcome: Complete, Packages: 1200, Bytes: 1000, Added: 1000, Updated: 2, Removed: 3, Duration: 5 * time.Second}.text())
	assert.Equal(t, "createrepo complete: 3 read, 1,197 used again; 1,200 packages in all; 2.0s",
		Summary{Verb: "createrepo", Outcome: Complete, Packages: 1200, Read: 3, Reused: 1197, Duration: 2 * time.Second}.text())
	assert.Equal(t, "createrepo unchanged: nothing changed; 1,200 packages in all; 2.0s",
		Summary{Verb: "createrepo", Outcome: Unchanged, Packages: 1200, Reused: 1200, Duration: 2 * time.Second}.text())
}

func TestLine(t *testing.T) {
	s := statistics{packages: 1200, done: 300, size: 4_000_000_000, have: 1_000_000_000, rate: 50_000_000}
	assert.Equal(t, "[======                  ] 300/1,200 packages  1.0 GB of 4.0 GB  50 MB/s  1m00s left", s.line(100))
	assert.Equal(t, "300/1,200 packages  1.0 GB of 4.0 GB  50 MB/s  1m00s left", s.line(60))
	assert.Equal(t, "[==        ] 300/1,200 packages  1.0 GB of 4.0 GB  50 MB/s  1m00s left", s.line(70))
	assert.Equal(t, "300/1,200 packages", s.line(18))
	assert.Empty(t, s.line(0))
	assert.Equal(t, "[============            ] 5/10 packages", statistics{packages: 10, done: 5}.line(80))
	assert.Equal(t, "[                        ] 0/0 packages", statistics{}.line(80))
	assert.Contains(t, statistics{packages: 1, size: 10, have: 50, rate: 2}.line(80), "[========================]", "more than planned")
}

func TestRate(t *testing.T) {
	var r rate
	at := func(s float64) time.Time { return noon.Add(time.Duration(s * float64(time.Second))) }
	assert.Zero(t, r.update(at(0), 0))
	assert.InDelta(t, 100, r.update(at(1), 100), 0.1)
	for i := 2; i <= 30; i++ {
		r.update(at(float64(i)), int64(i)*100)
	}
	assert.InDelta(t, 100, r.update(at(30), 3000), 0.1)
	for i := 31; i <= 45; i++ { // it stalls: the old speed is forgotten
		r.update(at(float64(i)), 3000)
	}
	assert.Zero(t, r.update(at(45), 3000))
	assert.Zero(t, r.update(at(46), 1000), "an attempt in vain is no negative speed")
	assert.LessOrEqual(t, len(r.samples), 22)
}

func TestDiscard(t *testing.T) {
	Discard.Plan("a", 1, 1)
	Discard.Bytes("a", 1)
	Discard.Done("a", "b", nil)
	Discard.Note("a", "b")
	Discard.Warn("a", "b")
	Discard.Summary(Summary{})
}

// TestWhereLinesGo: a server's lines are a log, with the time, and say what kind they
// are of; the journal has time and name itself, and wants the priority.
func TestWhereLinesGo(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 8e6, time.FixedZone("", 3600))
	for name, c := range map[string]struct {
		opts Options
		want string
	}{
		"verb":           {Options{}, "gorepo: a: warning: odd\ngorepo: a: wrong\ngorepo: serving\ngorepo: a: trouble\ngorepo: a: p: gone\ngorepo: the end\n"},
		"verb, journal":  {Options{Journal: true}, "<4>a: warning: odd\n<3>a: wrong\n<6>serving\n<3>a: trouble\n<3>a: p: gone\n<3>the end\n"},
		"server, quiet":  {Options{Server: true, Quiet: true, Journal: true}, "<3>a: error: wrong\n<3>a: error: trouble\n<3>a: error: p: gone\n<3>error: the end\n"},
		"server, a file": {Options{Server: true}, strings.NewReplacer("NOW", "2026-03-04T04:06:07Z gorepo: ").Replace("NOWa: warning: odd\nNOWa: error: wrong\nNOWserving\nNOWa: error: trouble\nNOWa: error: p: gone\nNOWerror: the end\n")},
	} {
		var stderr bytes.Buffer
		c.opts.Stdout, c.opts.Stderr, c.opts.Now = io.Discard, &stderr, func() time.Time { return at }
		p := New(c.opts)
		p.Warn("a", "odd")
		p.Fail("a", errors.New("wrong"))
		p.Announce("serving")
		p.Trouble("a", "trouble")
		p.Done("a", "p", errors.New("gone"))
		p.Error(errors.New("the end"))
		assert.Equal(t, c.want, stderr.String(), name)
	}
	for _, text := range []string{"repository dir: mkdir x: denied", "dir: mkdir x: denied", "open dir: mkdir x: denied", "mkdir x: denied"} {
		var stderr bytes.Buffer
		New(Options{Stderr: &stderr}).Warn("dir", text)
		assert.Equal(t, "gorepo: dir: warning: mkdir x: denied\n", stderr.String(), "the name is there already")
	}
	var stdout, stderr bytes.Buffer
	p := New(Options{Stdout: &stdout, Stderr: &stderr, JSON: true, Server: true})
	p.Trouble("a", "trouble")
	assert.Contains(t, stdout.String(), `"event":"failure"`)
	assert.Contains(t, stdout.String(), `"error":"trouble"`)
	assert.Empty(t, stderr.String())
}
