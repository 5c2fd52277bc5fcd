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
type Condition struct{ ETag, LastModified string }

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
	targets, err := s.targets(xmlBase, location)
	if err != nil {
		return Info{}, err
	}
	return s.run(ctx, targets, sink, limit, Condition{})
}

// Get returns a small file: repomd.xml, a signature, a key. Where cond is set
// and the server says that the file is unchanged, Info.NotModified is true and
// there are no bytes.
func (s *Source) Get(ctx context.Context, location string, limit int64, cond Condition) ([]byte, Info, error) {
	targets, err := s.targets("", location)
	if err != nil {
		return nil, Info{}, err
	}
	return s.get(ctx, targets, limit, cond)
}

// GetURL is Get for a file that has a URL (or an absolute path) of its own,
// such as a key. Credentials are sent only if it is on a base URL's host.
func (s *Source) GetURL(ctx context.Context, rawURL string, limit int64, cond Condition) ([]byte, Info, error) {
	b, err := parseBase(rawURL, "", "")
	if err != nil {
		return nil, Info{}, err
	}
	t := target{base: b, shown: b.dir, name: b.dir}
	if b.url != nil {
		if b.auth == "" {
			b.auth = s.authFor(b.url)
		}
		t = target{base: b, url: b.url, auth: b.auth, shown: shown(b.url)}
	}
	b.health.patience = s.patience
	return s.get(ctx, []target{t}, limit, cond)
}

// From is the same source, asking only the server that info came from: what
// belongs together (repomd.xml and its signature) has to come from one place.
func (s *Source) From(info Info) *Source {
	if info.base == nil {
		return s
	}
	return &Source{
		client: s.client, opts: s.opts, http: s.http, patience: s.patience, counters: s.counters,
		bases: []*base{info.base}, others: map[string]*base{},
	}
}

func (s *Source) get(ctx context.Context, targets []target, limit int64, cond Condition) ([]byte, Info, error) {
	var sink memory
	info, err := s.run(ctx, targets, &sink, limit, cond)
	if err != nil {
		return nil, info, err
	}
	return sink.data, info, nil
}

// download is one file on its way from any of several places.
type download struct {
	s        *Source
	sink     Sink
	limit    int64
	cond     Condition
	info     Info
	requests int
}

// place is what one download knows about one target.
type place struct {
	target
	etag       string // strong ETag of what sink holds; "" unknown
	total      int64  // size of the whole, as a 206 said; 0 unknown
	noRange    bool   // ranges of this server are not to be trusted
	mismatches int
	answered   bool // to the last request, with anything but a 5xx
	given      bool // up: no use asking again
	err        error
}

func (s *Source) run(ctx context.Context, targets []target, sink Sink, limit int64, cond Condition) (Info, error) {
	d := &download{s: s, sink: sink, limit: limit, cond: cond}
	places := make([]*place, len(targets))
	for i, t := range targets {
		places[i] = &place{target: t}
	}
	mark := sink.Offset()
	for round := 1; ; round++ {
		done, err := d.round(ctx, places)
		if done || err != nil {
			d.info.Requests = d.requests
			return d.info, err
		}
		if offset := sink.Offset(); offset >= mark+progressStep {
			mark, round = offset, 1
		}
		if round > s.opts.Retries || !slices.ContainsFunc(places, func(p *place) bool { return !p.given }) {
			return Info{Requests: d.requests}, summary(places)
		}
		if err := pause(ctx, s.opts.backoff(round)); err != nil {
			return Info{Requests: d.requests}, fmt.Errorf("%s: %w", places[0].shown, err)
		}
	}
}

// round asks each place once. An error ends the download; done means that the
// file is here. What a place answered otherwise is left in it.
func (d *download) round(ctx context.Context, places []*place) (done bool, err error) {
	open := make([]*place, 0, len(places))
	for _, p := range places {
		if !p.given {
			open = append(open, p)
		}
	}
	now := time.Now()
	slices.SortStableFunc(open, func(a, b *place) int { // who wants to be left alone comes last
		return int(a.base.health.held(now)/time.Second) - int(b.base.health.held(now)/time.Second)
	})
	for _, p := range open {
		if p.err == nil && p.base.health.down(time.Now()) { // who has begun has the full patience
			p.given = true
			p.err = &Error{p.shown, ErrDown}
			continue
		}
		if err := pause(ctx, p.base.health.held(time.Now())); err != nil {
			return false, fmt.Errorf("%s: %w", p.shown, err)
		}
		p.answered = false
		err := d.try(ctx, p)
		if p.answered || errors.Is(err, fs.ErrNotExist) {
			p.base.health.ok()
		} else if err != nil && ctx.Err() == nil {
			p.base.health.failed(time.Now())
		}
		switch {
		case err == nil:
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
	}
	return false, nil
}

// learn keeps what a failure says about a place and about its server.
func (d *download) learn(p *place, err error) {
	var status *StatusError
	errors.As(err, &status)
	if status != nil && status.RetryAfter > 0 {
		p.base.health.hold(time.Now().Add(min(status.RetryAfter, d.s.opts.MaxWait)))
	}
	if Mismatch(err) {
		p.mismatches++
		p.given = p.mismatches > 1
		return
	}
	p.given = !Temporary(err)
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
func (d *download) finish(resumed, html bool) error {
	err := d.sink.Finish()
	switch {
	case err == nil:
		return nil
	case isMismatch(err):
		return &wrongContent{err: err, resumed: resumed, html: html}
	}
	return &LocalError{err}
}

func summary(places []*place) error {
	if len(places) == 1 {
		return places[0].err
	}
	all := &allFailed{}
	for _, p := range places {
		if p.err != nil {
			all.errs = append(all.errs, p.err)
		}
	}
	return all
}
