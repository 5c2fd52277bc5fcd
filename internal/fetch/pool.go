package fetch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// DefaultPerMirror is how many downloads at a time one of several mirrors
// serves, as in dnf.
const DefaultPerMirror = 3

// Mirrors says how the base URLs of a source are used.
type Mirrors struct {
	// PerMirror is how many downloads at a time one mirror serves. 0:
	// DefaultPerMirror where there are several, any number where there is one.
	PerMirror int
	// Warn is told, in one line, of a base URL that is left out and of a list that
	// is not used; Note of a mirror that a list names and that is left out, which
	// is nothing out of the ordinary. They may be called from many goroutines; nil:
	// nobody listens.
	Warn, Note func(text string)
}

func (m Mirrors) warn(text string) {
	if m.Warn != nil {
		m.Warn(text)
	}
}

func (m Mirrors) note(text string) {
	if m.Note != nil {
		m.Note(text)
	}
}

const (
	// spreadAtFirst mirrors at least are used from the beginning, those that the
	// list prefers; one more is tried with every exploreEvery downloads, for
	// it may be better.
	spreadAtFirst = 4
	exploreEvery  = 16
	// maxStrikes is how often a mirror that delivers may fail where another one
	// does not.
	maxStrikes = 3
	// leastMeasured is how many bytes a transfer needs for its rate to mean
	// something.
	leastMeasured = 1 << 10
	// leastTime is below what times of files are not told apart.
	leastTime = time.Millisecond
	// farSlower is how much slower than the best mirror one has to be for a
	// transfer to be given up.
	farSlower = 8
)

// pool spreads the downloads of one source over its mirrors.
type pool struct {
	opts    Options
	slowFor time.Duration // how long a transfer may lag behind

	mu      sync.Mutex
	limit   int // downloads at a time of one mirror; 0: any number
	changed chan struct{}
	bases   []*base // in order of preference
	spread  int     // how many of them are in use, of those that are not left out
	picks   int
}

// standing is what a pool knows of one base; its mutex guards it.
type standing struct {
	busy      int // downloads under way
	latency   time.Duration
	rate      float64 // bytes a second of one transfer; 0: not known
	measured  bool
	delivered bool // a file, in this run
	failures  int  // in a row, where another mirror had the file
	wrong     int  // files that it has not, or not right, and another has
	out       bool // left out for the rest of the run
	stale     bool // left out, because it does not have what it should
}

func newPool(o Options) *pool {
	return &pool{
		opts: o, limit: o.Mirrors.PerMirror, changed: make(chan struct{}),
		slowFor: min(5*time.Second, max(o.Timeout/6, 50*time.Millisecond)),
	}
}

// begin sets the mirrors, before any is asked for a file.
func (p *pool) begin(bases []*base) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bases = bases
	for i, b := range bases {
		b.order = i
	}
	if p.limit == 0 && len(bases) > 1 {
		p.limit = DefaultPerMirror
	}
	p.spread = spreadAtFirst
	if p.limit > 0 {
		p.spread = max(p.spread, 2*((p.opts.MaxConns+p.limit-1)/p.limit))
	}
}

// take waits for a mirror that has room, and chooses the one that will have a
// file of some size soonest. The caller gives it back.
func (p *pool) take(ctx context.Context, from []*place, size int64) (*place, error) {
	for {
		now := time.Now()
		p.mu.Lock()
		chosen, held := p.choose(from, size, now)
		if chosen != nil && held == 0 {
			chosen.base.busy++
			p.picks++
			if p.picks%exploreEvery == 0 {
				p.spread++
			}
			p.mu.Unlock()
			return chosen, nil
		}
		changed := p.changed
		p.mu.Unlock()
		if chosen != nil { // all want to be left alone
			if err := pause(ctx, held); err != nil {
				return nil, fmt.Errorf("%s: %w", chosen.shown, err)
			}
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("%s: %w", from[0].shown, ctx.Err())
		}
	}
}

func (p *pool) give(b *base) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b.busy--
	close(p.changed)
	p.changed = make(chan struct{})
}

// choose picks one of places: nil if none has room now. One that wants to be
// left alone, for held, is picked only if all do.
func (p *pool) choose(places []*place, size int64, now time.Time) (chosen *place, held time.Duration) {
	best := p.best(size)
	last := p.lastInUse()
	var least time.Duration
	outer, heldOnly := false, true
	for _, c := range places {
		b := c.base
		wait := b.health.held(now)
		heldOnly = heldOnly && wait > 0
		if p.limit > 0 && b.busy >= p.limit {
			continue
		}
		cost := about(b.estimate(size, best)) * time.Duration((b.busy+1)<<min(b.failures, 10))
		isOuter := b.order > last || b.out
		switch {
		case chosen == nil,
			wait < held, wait == held && outer && !isOuter,
			wait == held && outer == isOuter && cost < least:
			chosen, least, outer, held = c, cost, isOuter, wait
		}
	}
	if held > 0 && !heldOnly {
		return nil, 0 // one that may be asked is busy just now
	}
	return chosen, held
}

// about makes times the same that differ by chance.
func about(d time.Duration) time.Duration {
	step := leastTime
	for d >= 2*step {
		step *= 2
	}
	return step
}

// best is the least time that a mirror which has been measured takes.
func (p *pool) best(size int64) time.Duration {
	least := time.Duration(-1)
	for _, b := range p.bases {
		if b.measured && !b.out {
			if e := b.estimate(size, 0); least < 0 || e < least {
				least = e
			}
		}
	}
	return max(least, 0)
}

// lastInUse is the place in the list of the last mirror that is used when
// nothing is wrong.
func (p *pool) lastInUse() int {
	n := p.spread
	for _, b := range p.bases {
		if b.out {
			continue
		}
		if n--; n <= 0 {
			return b.order
		}
	}
	return len(p.bases)
}

// estimate is how long a file takes; one that has not been tried is thought to
// be as good as the best.
func (b *base) estimate(size int64, best time.Duration) time.Duration {
	switch {
	case !b.measured:
		return best
	case b.rate > 0 && size > 0:
		return b.latency + time.Duration(float64(size)/b.rate*float64(time.Second))
	}
	return b.latency
}

// delivered notes that b brought a file: n bytes, the first after latency, all
// after total.
func (p *pool) delivered(b *base, n int64, latency, total time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b.delivered, b.failures = true, 0
	if b.measured {
		latency = (3*b.latency + latency) / 4
	}
	b.latency, b.measured = latency, true
	if n >= leastMeasured && total > 0 {
		rate := float64(n) / total.Seconds()
		if b.rate > 0 {
			rate = (3*b.rate + rate) / 4
		}
		b.rate = rate
	}
}

// lags reports whether a transfer is so slow that another mirror would have
// brought the file long since: n of size bytes (negative: unknown) in d.
func (p *pool) lags(b *base, n, size int64, d time.Duration) bool {
	if d < p.slowFor {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var best float64
	for _, other := range p.bases {
		if other != b && !other.out {
			best = max(best, other.rate)
		}
	}
	own := float64(n) / d.Seconds()
	return own*farSlower < best && (size < 0 || float64(size-n) > own*p.slowFor.Seconds())
}

// usable are the bases that were not left out; there always is one.
func (p *pool) usable(bases []*base) []*base {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.ContainsFunc(bases, func(b *base) bool { return b.out }) {
		return bases
	}
	var rest []*base
	for _, b := range bases {
		if !b.out {
			rest = append(rest, b)
		}
	}
	if len(rest) == 0 {
		return bases
	}
	return rest
}

// blame decides about a mirror that failed with a file that another mirror had.
// One that has not delivered anything yet is left out at once, as is one that
// lags, and one that has not the metadata that repomd.xml names; others are
// when they have failed some times.
func (p *pool) blame(c *place, location string) {
	b := c.base
	wrong := Mismatch(c.err) || NotFound(c.err)
	p.mu.Lock()
	if b.out {
		p.mu.Unlock()
		return
	}
	if wrong {
		b.wrong++
	} else {
		b.failures++
	}
	b.stale = wrong && strings.HasPrefix(location, "repodata/")
	b.out = b.stale || slow(c.err) || !b.delivered && b.health.held(time.Now()) == 0 ||
		b.wrong >= maxStrikes || b.failures >= maxStrikes
	out := b.out
	p.mu.Unlock()
	if out {
		text := fmt.Sprintf("mirror %s is left out of this run: %v", b, c.err)
		if b.listed {
			p.opts.Mirrors.note(text)
		} else {
			p.opts.Mirrors.warn(text)
		}
	}
}

// reject leaves b out of the run for what its files say, and reports whether
// that leaves another mirror to ask.
func (p *pool) reject(b *base, why error) (another bool) {
	p.mu.Lock()
	another = slices.ContainsFunc(p.bases, func(other *base) bool { return other != b && !other.out })
	tell := another && !b.out
	b.out = b.out || another
	p.mu.Unlock()
	if tell {
		p.opts.Mirrors.warn(fmt.Sprintf("mirror %s is left out of this run: %v", b, why))
	}
	return another
}

// forgiveStale has mirrors that were left out for what they have used again.
func (p *pool) forgiveStale() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.bases {
		b.out, b.stale = b.out && !b.stale, false
	}
}
