// Package report tells people and programs what a run does. It knows nothing
// of the work itself: whoever works calls a Progress.
//
// The rules, the same for every verb:
//
//   - stdout carries what was asked for (lists, URLs, JSON) and nothing else;
//     stderr carries talk.
//   - A failure is one line on stderr, always. A warning too, unless quiet.
//   - What went well is said on a terminal and, elsewhere, only when verbose:
//     a nightly run that is well prints nothing.
//   - On a terminal a line at the bottom shows how far the whole is, while it
//     goes on, and one line above it each download; failures appear above them.
//   - Of failures that have one cause the first twenty of a repository are said,
//     and then how many more there were; all of them when verbose.
//   - What a server says is a log: a failure says that it is one, and lines begin
//     with the time, but for those on a terminal. In systemd's journal, which has
//     the time and the program's name itself, lines begin with their priority
//     instead (sd-daemon(3)), whatever the verb.
//   - With JSON all of it is objects on stdout, one a line (docs/json.md), and
//     stderr stays empty but for the error that ends the run.
package report

import (
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/vbauerster/mpb/v8/cwriter"
)

// Progress is told what a run does. Its methods may be called from many
// goroutines.
type Progress interface {
	// Plan adds work to do: so many packages of a repository, so many bytes. 0
	// bytes: their number says nothing about the work.
	Plan(repo string, packages int, bytes int64)
	// Bytes says that so many bytes more have come. Negative: that many that
	// came before were in vain.
	Bytes(repo string, n int64)
	// Done ends one package (or another file), named by its location.
	Done(repo, location string, err error)
	// Note says something in passing, shown when verbose.
	Note(repo, text string)
	// Warn says what is odd and may need somebody's attention.
	Warn(repo, text string)
	// Summary ends a repository.
	Summary(s Summary)
}

// Outcomes of a repository.
const (
	Complete  = "complete"
	Partial   = "partial"
	Failed    = "failed"
	Untrusted = "untrusted"
	Unchanged = "unchanged" // complete, and there was nothing to do
	Skipped   = "skipped"   // nothing was done, and that is allowed
)

// A Summary is what a verb did with one repository.
type Summary struct {
	Verb     string // sync, createrepo, mergerepo
	Repo     string
	Outcome  string
	Packages int   // all that there are now
	Bytes    int64 // their size
	Added    int
	Updated  int
	Removed  int
	Failures int
	Read     int   // packages whose files were read (createrepo)
	Reused   int   // packages whose entries were there already (createrepo)
	Fetched  int64 // bytes that came over the network
	// Waiting packages are no longer listed, and deleted when nothing names them.
	Waiting  int
	Duration time.Duration
	// Err says why nothing was done, where Outcome is Failed.
	Err error
	// Told is set where one line says it for several repositories.
	Told bool
}

// Discard is the Progress that says nothing.
var Discard Progress = discard{}

type discard struct{}

func (discard) Plan(string, int, int64)    {}
func (discard) Bytes(string, int64)        {}
func (discard) Done(string, string, error) {}
func (discard) Note(string, string)        {}
func (discard) Warn(string, string)        {}
func (discard) Summary(Summary)            {}

// Options say how to talk.
type Options struct {
	Stdout, Stderr io.Writer
	Quiet          bool // failures only
	Verbose        bool
	JSON           bool
	NoProgress     bool // no live lines, even on a terminal
	Summaries      bool // a line on stdout for every repository
	Server         bool // what is said is the log of a server
	Journal        bool // Stderr is systemd's journal
	// Now is time.Now where nil.
	Now func() time.Time
}

// A Printer is the Progress that prints. Close it before the program ends.
type Printer struct {
	opts     Options
	stdout   *checked // opts.Stdout
	terminal bool
	now      func() time.Time

	mu        sync.Mutex // one line at a time, and the fields below
	live      *live
	total     total
	downloads []*Download // the oldest first
	failures  map[string]*failures
	told      time.Time // when an event last told of the progress
}

// New makes a Printer.
func New(o Options) *Printer {
	out := &checked{w: o.Stdout}
	o.Stdout = out
	p := &Printer{opts: o, stdout: out, now: o.Now, terminal: IsTerminal(o.Stderr), failures: map[string]*failures{}}
	if p.now == nil {
		p.now = time.Now
	}
	return p
}

// Lost is the first error of stdout, where what was asked for did not all get
// there: its disk is full, say.
func (p *Printer) Lost() error {
	p.stdout.mu.Lock()
	defer p.stdout.mu.Unlock()
	return p.stdout.err
}

// checked remembers its first error.
type checked struct {
	w   io.Writer
	mu  sync.Mutex
	err error
}

func (c *checked) Write(data []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, err := c.w.Write(data)
	if c.err == nil {
		c.err = err
	}
	return n, err
}

// IsTerminal says whether w is a terminal on which lines can be moved. One that
// reports no size is none: nothing would be seen there.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || !cwriter.IsTerminal(int(f.Fd())) {
		return false
	}
	width, height := sizeOf(f)
	return width > 0 && height > 0
}

// sizeOf is a terminal's, in characters; 0 where it does not say.
func sizeOf(f *os.File) (width, height int) {
	width, height, err := cwriter.GetSize(int(f.Fd()))
	if err != nil {
		return 0, 0
	}
	return width, height
}

// Close ends the live lines. What is printed later is printed plainly.
func (p *Printer) Close() {
	p.endAllFailures()
	p.mu.Lock()
	l := p.live
	p.live = nil
	p.mu.Unlock()
	if l != nil {
		l.stop()
	}
}

// Plan implements Progress.
func (p *Printer) Plan(repo string, packages int, bytes int64) {
	p.event(event{Event: "plan", Repo: repo, Packages: &packages, Bytes: &bytes})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total.plan(packages, bytes)
	p.startLive()
}

// startLive shows the live lines, where they are wanted. The caller holds the
// lock.
func (p *Printer) startLive() {
	if runtime.GOOS == "windows" { // its consoles need not know escape sequences
		return
	}
	if p.live != nil || !p.terminal || p.opts.NoProgress || p.opts.Quiet || p.opts.JSON {
		return
	}
	terminal := p.opts.Stderr.(*os.File) //nolint:forcetypeassert // IsTerminal has seen it
	p.live = startLive(terminal, func() (width, height int) { return sizeOf(terminal) }, func(width, height int) []string {
		return p.statistics().lines(width, height)
	})
}

// statistics is what the live lines show. It takes the lock: they are drawn by a
// goroutine of their own.
func (p *Printer) statistics() statistics {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.total.statistics(p.now())
	for _, d := range p.downloads {
		s.downloads = append(s.downloads, d.state)
	}
	return s
}

// progressEvery is how long it takes at least from one event that tells of the
// progress to the next.
const progressEvery = time.Second

// progress tells of the whole, with JSON and now and then.
func (p *Printer) progress() {
	if !p.opts.JSON {
		return
	}
	p.mu.Lock()
	now := p.now()
	if p.told.IsZero() {
		p.told = now
	}
	s := p.total.statistics(now)
	due := now.Sub(p.told) >= progressEvery
	if due {
		p.told = now
	}
	p.mu.Unlock()
	if due {
		p.event(event{Event: "progress", Packages: &s.packages, Bytes: &s.size, progressFields: &progressFields{Done: s.done, Received: s.have, Rate: int64(s.rate)}})
	}
}

// Start says that a verb begins with a repository.
func (p *Printer) Start(verb, repo string) {
	p.event(event{Event: "start", Repo: repo, Verb: verb})
}

// Bytes implements Progress.
func (p *Printer) Bytes(_ string, n int64) {
	p.mu.Lock()
	p.total.bytes(n)
	p.mu.Unlock()
	p.progress()
}

// Done implements Progress.
func (p *Printer) Done(repo, location string, err error) {
	p.mu.Lock()
	p.total.done()
	p.mu.Unlock()
	p.progress()
	if err != nil {
		p.event(event{Event: "failure", Repo: repo, Location: location, Error: err.Error()})
		p.say(kindFailed, repo, location+": "+err.Error())
		return
	}
	p.event(event{Event: "package", Repo: repo, Location: location})
	if p.opts.Verbose {
		p.say(kindTalk, repo, location)
	}
}

// Note implements Progress.
func (p *Printer) Note(repo, text string) {
	if p.opts.Verbose {
		p.event(event{Event: "note", Repo: repo, Text: text})
		p.say(kindTalk, repo, text)
	}
}

// Info says what whoever sits in front of a terminal wants to know, and a log
// does not.
func (p *Printer) Info(repo, text string) {
	if p.opts.Verbose || p.terminal && !p.opts.Quiet {
		p.event(event{Event: "note", Repo: repo, Text: text})
		p.say(kindTalk, repo, text)
	}
}

// Announce says what has to be known wherever a run was started from, cron and
// systemd included: that it serves, and where.
func (p *Printer) Announce(text string) {
	if !p.opts.Quiet {
		p.event(event{Event: "note", Text: text})
		p.say(kindTalk, "", text)
	}
}

// Warn implements Progress.
func (p *Printer) Warn(repo, text string) {
	p.event(event{Event: "warning", Repo: repo, Text: text})
	if !p.opts.Quiet {
		p.say(kindOdd, repo, text)
	}
}

// Fail reports a failure of a repository, or of anything in it that did not come.
// An error of several lines makes as many.
func (p *Printer) Fail(repo string, err error) {
	for _, line := range strings.Split(err.Error(), "\n") {
		p.event(event{Event: "failure", Repo: repo, Error: line})
		p.sayFailure(repo, line)
	}
}

// Trouble reports what went wrong while a server goes on. There is no end to sum
// failures up at, so each is said.
func (p *Printer) Trouble(repo, text string) {
	p.event(event{Event: "failure", Repo: repo, Error: text})
	p.say(kindFailed, repo, text)
}

// Error reports what ends the run. It is said on stderr with JSON too.
func (p *Printer) Error(err error) {
	for _, line := range strings.Split(err.Error(), "\n") {
		p.event(event{Event: "error", Error: line})
		p.write(p.line(kindFailed, "", line))
	}
}

// Summary implements Progress.
func (p *Printer) Summary(s Summary) {
	p.endFailures(s.Repo)
	p.event(summaryEvent(s))
	if s.Err != nil && s.Told {
		return
	}
	if s.Err != nil {
		p.say(kindFailed, s.Repo, s.Err.Error())
	}
	switch {
	case p.opts.JSON:
	case p.opts.Summaries:
		p.Print(s.Repo + ": " + s.short())
	case s.Err == nil && (p.opts.Verbose || p.terminal && !p.opts.Quiet):
		p.say(kindTalk, s.Repo, s.text())
	}
}

// Conclude says how the whole run went, where that is looked for: on a terminal,
// with verbose or with summaries.
func (p *Printer) Conclude(text string) {
	if p.opts.Summaries && !p.opts.JSON {
		p.Print(text)
		return
	}
	p.Info("", text)
}

// Print prints one line of what was asked for on stdout.
func (p *Printer) Print(text string) { p.writeTo(p.opts.Stdout, clean(text)+"\n") }

// A kind is what a line is about.
type kind int

const (
	kindTalk kind = iota
	kindOdd
	kindFailed
)

// priorities are those of sd-daemon(3).
var priorities = [...]string{kindTalk: "<6>", kindOdd: "<4>", kindFailed: "<3>"}

// say prints one line of talk.
func (p *Printer) say(k kind, repo, text string) {
	if p.opts.JSON {
		return
	}
	p.write(p.line(k, repo, text))
}

func (p *Printer) line(k kind, repo, text string) string {
	var b strings.Builder
	switch {
	case p.opts.Journal:
		b.WriteString(priorities[k])
	case p.opts.Server && !p.terminal:
		b.WriteString(p.now().UTC().Format(time.RFC3339) + " gorepo: ")
	default:
		b.WriteString("gorepo: ")
	}
	if repo != "" {
		b.WriteString(clean(repo) + ": ")
		text = withoutName(repo, text)
	}
	switch {
	case k == kindOdd:
		b.WriteString("warning: ")
	case k == kindFailed && p.opts.Server:
		b.WriteString("error: ")
	}
	b.WriteString(clean(text) + "\n")
	return b.String()
}

// withoutName is what is said of a repository or a directory without its name, which
// stands in front already: errors of libraries begin with it.
func withoutName(repo, text string) string {
	text = strings.TrimPrefix(text, "repository "+repo+": ")
	for _, call := range []string{"", "open ", "stat ", "lstat ", "read "} {
		if rest, ok := strings.CutPrefix(text, call+repo+": "); ok {
			return rest
		}
	}
	return text
}

func (p *Printer) write(line string) { p.writeTo(p.opts.Stderr, line) }

func (p *Printer) writeTo(to io.Writer, line string) {
	p.mu.Lock()
	l := p.live
	if l == nil {
		_, _ = io.WriteString(to, line) // see Lost
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	l.write(to, line)
}

// clean makes one line of a text that may come from a network: nothing in it
// moves the cursor or ends the line.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r), r == '\u2028', r == '\u2029', '\u202a' <= r && r <= '\u202e', '\u2066' <= r && r <= '\u2069':
			return '\ufffd'
		}
		return r
	}, text)
}
