package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// Info says what a download met with. Sizes are in bytes.
type Info struct {
	URL          string // where the bytes came from; no credentials
	ETag         string // as sent, quotes included; "" if none, or if the file is so new that it proves nothing
	LastModified string // as sent; "" likewise
	Size         int64  // of the whole file
	NotModified  bool   // Get: the condition held, there is no body
	Requests     int    // that it took

	base *base
}

// Condition makes a Get conditional: with what an earlier Info said, a server
// may answer that nothing changed.
type Condition struct {
	ETag, LastModified string
	// URL is where they come from; no other place is asked in this way, and it is
	// asked first. "": any place.
	URL string
	// SHA256, in hex, is of the file that they are about. Of a repomd.xml that a
	// metalink describes it has to be known.
	SHA256 string
}

// NoLimit as limit accepts a file of any size.
const NoLimit = -1

// progressStep is how many new bytes make a download start counting its
// retries anew: a large file over a bad line may need more than one pause, but
// must get on.
const progressStep = 1 << 20

// leastPiece is how much a server that answers with less than the range it was
// asked for has to send to be asked for the next piece at once. Less counts as
// a failure, or a hostile server could have one request a byte.
const leastPiece = 64 << 10

// Download brings the file at a raw location to sink. xmlBase is the
// package's xml:base, or "". limit is the most bytes that are accepted.
//
// The error of a failed download names each URL that was asked and what was
// wrong; *LocalError, *StatusError and the context's error are found in it
// with errors.As and errors.Is, and NotFound, Mismatch and Temporary judge it.
// After an error sink holds what may be continued later.
func (s *Source) Download(ctx context.Context, xmlBase, location string, sink Sink, limit int64) (Info, error) {
	places, err := s.places(xmlBase, location)
	if err != nil {
		return Info{}, err
	}
	d := &download{
		s: s, sink: sink, limit: limit, size: max(limit, 0),
		xmlBase: xmlBase, location: location, places: places, most: placesPerFile,
	}
	return d.run(ctx)
}

// Get returns a small file: repomd.xml, a signature, a key. Where cond is set
// and the server says that the file is unchanged, Info.NotModified is true and
// there are no bytes.
//
// Where a metalink describes repodata/repomd.xml, only what it describes is
// returned: from a mirror that has the present one, or else the newest of the
// earlier ones that it knows. Mirrors that have another one are left out.
func (s *Source) Get(ctx context.Context, location string, limit int64, cond Condition) ([]byte, Info, error) {
	var versions []version
	if location == repomdLocation {
		versions = s.described(ctx)
	}
	places, err := s.places("", location)
	if err != nil {
		return nil, Info{}, err
	}
	for _, p := range places { // to know which of them cond is about
		if err := p.resolve("", location); err != nil {
			return nil, Info{}, err
		}
	}
	if len(versions) > 0 {
		return s.getRepomd(ctx, places, versions, limit, cond)
	}
	return s.get(ctx, places, limit, cond)
}

// GetURL is Get for a file that has a URL (or an absolute path) of its own,
// such as a key. Credentials are sent only if it is on a base URL's host.
func (s *Source) GetURL(ctx context.Context, rawURL string, limit int64, cond Condition) ([]byte, Info, error) {
	b, err := parseBase(rawURL, "", "")
	if err != nil {
		return nil, Info{}, err
	}
	if b.url != nil && b.auth == "" {
		b.auth = s.authFor(b.url)
	}
	b.health.patience = s.patience
	return s.get(ctx, []*place{{target: b.itself()}}, limit, cond)
}

// From is the same source, asking only the server that info came from: what
// belongs together (repomd.xml and its signature) has to come from one place.
// What it has now is returned, whatever a metalink says.
func (s *Source) From(info Info) *Source {
	if info.base == nil {
		return s
	}
	return &Source{
		client: s.client, opts: s.opts, http: s.http, patience: s.patience, counters: s.counters, pool: s.pool,
		throttle: s.throttle,
		bases:    []*base{info.base}, others: map[string]*base{},
	}
}

func (s *Source) get(ctx context.Context, places []*place, limit int64, cond Condition) ([]byte, Info, error) {
	var sink memory
	d := &download{s: s, sink: &sink, limit: limit, cond: cond, places: places, most: placesPerFile}
	info, err := d.run(ctx)
	if err != nil {
		return nil, info, err
	}
	return sink.data, info, nil
}

// placesPerFile is how many mirrors are asked for a file, in each round and for
// answers that say it is not there: a list may have hundreds, and what is not at
// some of them is at none.
const placesPerFile = 10

// download is one file on its way from any of several places.
type download struct {
	s        *Source
	sink     Sink
	limit    int64
	size     int64 // bytes that are expected; 0: not known
	cond     Condition
	info     Info
	requests int

	xmlBase, location string
	places            []*place
	most              int // of them that are asked in one round
	pass              int // the round, from 1
	refusals          int // places that have not got the file, or not right

	current progress
	timeout time.Duration

	// condFirst has the place that cond is about asked before all others. Without a
	// metalink nobody says that it is up to date: it may have stopped to follow
	// upstream, and would say for ever that nothing has changed.
	condFirst bool

	fallback bool // there is something that does where no place has the file
	lenient  bool // nobody is blamed
}

// progress is how the present transfer gets on.
type progress struct {
	base      *base
	began     time.Time
	got, size int64 // size is negative if unknown
}

// place is what one download knows about one target.
type place struct {
	target
	pass       int    // in which it was asked last; 0: never
	etag       string // strong ETag of what sink holds; "" unknown
	total      int64  // size of the whole, as a 206 said; 0 unknown
	noRange    bool   // ranges of this server are not to be trusted
	mismatches int
	answered   bool // to the last request, with anything but a 5xx
	given      bool // up: no use asking again
	latency    time.Duration
	err        error
}

// resolve makes the target of a place of which only the base is known.
func (p *place) resolve(xmlBase, location string) (err error) {
	if p.shown == "" {
		p.target, err = p.base.at(xmlBase, location)
	}
	return err
}

func (d *download) run(ctx context.Context) (Info, error) {
	mark := d.sink.Offset()
	for round := 1; ; round++ {
		done, err := d.round(ctx)
		if done || err != nil {
			d.info.Requests = d.requests
			return d.info, err
		}
		if offset := d.sink.Offset(); offset >= mark+progressStep {
			mark, round = offset, 1
		}
		open := slices.ContainsFunc(d.places, func(p *place) bool { return !p.given })
		wait := d.s.opts.backoff(round)
		over := round > d.s.opts.Retries || !open || d.refusals >= d.most || d.fallback
		early, err := d.offline(over)
		switch {
		case err != nil:
			return Info{Requests: d.requests}, err
		case over && !early:
			return Info{Requests: d.requests}, summary(d.places)
		case over:
			wait = min(wait, silentPause)
		}
		if err := pause(ctx, wait); err != nil {
			return Info{Requests: d.requests}, fmt.Errorf("%s: %w", d.places[0].shown, err)
		}
	}
}

// round asks each place once, up to d.most of them. An error ends the download;
// done means that the file is here. What a place answered otherwise is left in
// it.
func (d *download) round(ctx context.Context) (done bool, err error) {
	d.pass++
	for range d.most {
		open := d.open()
		if len(open) == 0 {
			return false, nil
		}
		p, err := d.s.pool.take(ctx, open, d.size)
		if err != nil {
			return false, err
		}
		done, err = d.ask(ctx, p)
		d.s.pool.give(p.base)
		if done || err != nil {
			return done, err
		}
	}
	return false, nil
}

// open are the places to be asked next, of those that were not asked in this
// round: with condFirst the one that the condition is about, or those that were
// asked least.
func (d *download) open() []*place {
	var open []*place
	for _, p := range d.places {
		switch {
		case p.given || p.pass == d.pass:
			continue
		case d.condFirst && p.pass == 0 && p.shown != "" && p.shown == d.cond.URL:
			return []*place{p}
		case len(open) > 0 && p.pass > open[0].pass:
			continue
		case len(open) > 0 && p.pass < open[0].pass:
			open = open[:0]
		}
		open = append(open, p)
	}
	return open
}

// ask asks one place for the file.
func (d *download) ask(ctx context.Context, p *place) (done bool, err error) {
	p.pass = d.pass
	if err := p.resolve(d.xmlBase, d.location); err != nil {
		p.given, p.err = true, err
		return false, nil
	}
	d.timeout = d.s.opts.Timeout
	if p.url != nil {
		probe, err := d.s.client.network.refused(p.url.Host)
		if err != nil {
			p.given, p.err = true, &networkError{&Error{p.shown, err}}
			return false, nil
		}
		if probe {
			d.timeout = min(d.timeout, probeTimeout)
		}
	}
	if p.err == nil && d.down(p) && !d.s.client.network.silent() { // who has begun has the full patience
		p.given = true
		p.err = &Error{p.shown, ErrDown}
		return false, nil
	}
	p.answered, p.latency = false, 0
	before, start := d.sink.Offset(), time.Now()
	err = d.try(ctx, p)
	if p.answered || errors.Is(err, fs.ErrNotExist) {
		p.base.health.ok()
	} else if err != nil && ctx.Err() == nil {
		p.base.health.failed(time.Now())
	}
	if ctx.Err() == nil {
		d.met(p, start, err)
	}
	switch {
	case err == nil:
		p.err = nil // what was wrong in an earlier round
		d.s.pool.delivered(p.base, d.sink.Offset()-before, p.latency, time.Since(start))
		d.blame()
		return true, nil
	case ctx.Err() != nil:
		return false, fmt.Errorf("%s: %w", p.shown, ctx.Err())
	}
	p.err = &Error{p.shown, err}
	var local *LocalError
	if errors.As(err, &local) {
		return false, p.err
	}
	d.learn(p, err)
	return false, nil
}

// down reports whether p has not answered for so long that asking is pointless,
// this repository or another one of the same host.
func (d *download) down(p *place) bool {
	now := time.Now()
	return p.base.health.down(now) || p.url != nil && d.s.client.network.of(p.url.Host, d.s.patience).down(now)
}

// blame holds it against the places that failed in this round that another one
// had the file.
func (d *download) blame() {
	for _, p := range d.places {
		if !d.lenient && p.err != nil && p.pass == d.pass {
			d.s.pool.blame(p, d.location)
		}
	}
}

// learn keeps what a failure says about a place and about its server.
func (d *download) learn(p *place, err error) {
	var status *StatusError
	errors.As(err, &status)
	if status != nil && status.RetryAfter > 0 {
		p.base.health.hold(time.Now().Add(min(status.RetryAfter, d.s.opts.MaxWait)))
	}
	var stale *staleError
	if Mismatch(err) {
		p.mismatches++
		p.given = p.mismatches > 1 || errors.As(err, &stale)
	} else {
		p.given = !Temporary(err)
	}
	if p.given {
		d.refusals++
	}
}

// try asks one place, again at once where the first answer shows that what is
// here cannot be continued from it, or where it sends a file in pieces.
func (d *download) try(ctx context.Context, p *place) error {
	for {
		before := d.sink.Offset()
		err := d.once(ctx, p)
		var (
			badRange *rangeError
			content  *wrongContent
			piece    *pieceError
		)
		switch {
		case errors.As(err, &piece) && d.sink.Offset()-before >= leastPiece:
			continue
		case errors.As(err, &badRange):
		case errors.As(err, &content):
			if !content.resumed || p.noRange {
				if failed := d.restart(p); failed != nil {
					return failed
				}
				return err
			}
		default:
			return err
		}
		if p.noRange {
			return err
		}
		if err := d.restart(p); err != nil {
			return err
		}
		p.noRange = true
	}
}

// restart makes the sink forget its bytes; from now on nothing is known of
// them.
func (d *download) restart(p *place) error {
	p.etag, p.total = "", 0
	if err := d.sink.Restart(); err != nil {
		return &LocalError{err}
	}
	return nil
}

// finish lets the sink judge what came.
func (d *download) finish(resumed bool, hint string) error {
	err := d.sink.Finish()
	switch {
	case err == nil:
		return nil
	case isMismatch(err):
		return &wrongContent{err: err, resumed: resumed, hint: hint}
	}
	return &LocalError{err}
}

func summary(places []*place) error {
	all := &allFailed{}
	for _, p := range places {
		if p.err != nil {
			all.errs = append(all.errs, p.err)
		}
	}
	if len(all.errs) == 1 {
		return all.errs[0]
	}
	return all
}
