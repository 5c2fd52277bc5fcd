package httpserve

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// metrics counts what the server does. All that happens for each request is a few
// atomic additions: where they go is found by one look into a map that is never
// changed. What is shown of it, and how, is in exposition.go.
type metrics struct {
	begun     atomic.Uint64
	conns     connMetrics
	firstByte [len(kinds)]histogram
	cut       [len(cuts)]atomic.Uint64

	other traffic // of what belongs to no repository
	mu    sync.Mutex
	repos atomic.Pointer[map[string]*traffic]
}

// connMetrics counts connections.
type connMetrics struct {
	open, accepted atomic.Int64
}

// A traffic is what was answered for one repository.
type traffic struct {
	codes [len(codes) + 1]atomic.Uint64 // the last is any other
	bytes atomic.Uint64                 // of bodies
}

// codes are the statuses that are counted by themselves.
var codes = [...]int{200, 204, 206, 301, 302, 303, 304, 400, 401, 403, 404, 405, 412, 416, 429, 500, 503}

// codeIndex finds the place of a status in codes, or the one behind the last.
var codeIndex = func() (index [600]uint8) {
	for i := range index {
		index[i] = uint8(len(codes))
	}
	for i, code := range codes {
		index[code] = uint8(i) //nolint:gosec // there are a few
	}
	return index
}()

// kinds are what answers are told apart by, as to how soon they come.
var kinds = [...]string{"file", "page"}

// A cut is why an answer ended before its end.
type cut int

const (
	cutByClient cut = iota // it hung up
	cutStalled             // it took nothing any more
	cutByError             // this side failed
)

var cuts = [...]string{"client", "stalled", "error"}

// limits are the upper bounds of histogram's buckets.
var limits = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	1 * time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	1 * time.Second, 2500 * time.Millisecond, 10 * time.Second,
}

// A histogram counts durations.
type histogram struct {
	buckets [len(limits) + 1]atomic.Uint64
	sum     atomic.Int64 // nanoseconds
}

func (h *histogram) observe(d time.Duration) {
	i := 0
	for i < len(limits) && d > limits[i] {
		i++
	}
	h.buckets[i].Add(1)
	h.sum.Add(int64(d))
}

func newMetrics() *metrics {
	m := new(metrics)
	m.repos.Store(&map[string]*traffic{})
	return m
}

// know makes room for repositories. What was counted of others stays.
func (m *metrics) know(ids []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	was := *m.repos.Load()
	now := make(map[string]*traffic, len(ids))
	for id, t := range was {
		now[id] = t
	}
	for _, id := range ids {
		if now[id] == nil {
			now[id] = new(traffic)
		}
	}
	if len(now) > len(was) {
		m.repos.Store(&now)
	}
}

// of gives what a repository's requests are counted in; nil where there is none.
func (m *metrics) of(id string) *traffic { return (*m.repos.Load())[id] }

// done counts an answer that has come to its end.
func (m *metrics) done(path string, rec *recorder) {
	first := firstSegment(path)
	t := m.of(first)
	if t == nil {
		t = &m.other
	}
	code := len(codes)
	if uint(rec.status) < uint(len(codeIndex)) {
		code = int(codeIndex[rec.status])
	}
	t.codes[code].Add(1)
	if rec.bytes > 0 {
		t.bytes.Add(uint64(rec.bytes))
	}
	if rec.status != 0 {
		kind := 0
		if first == "" || first == ownPrefix {
			kind = 1
		}
		m.firstByte[kind].observe(rec.first)
	}
}

// inFlight is how many requests have begun and not yet been counted.
func (m *metrics) inFlight() uint64 {
	done := m.other.answers()
	for _, t := range *m.repos.Load() {
		done += t.answers()
	}
	return m.begun.Load() - done // begun is the later look: it never is the smaller one
}

func (t *traffic) answers() (n uint64) {
	for i := range t.codes {
		n += t.codes[i].Load()
	}
	return n
}

// firstSegment is what a path begins with: a repository's id, as a rule.
func firstSegment(path string) string {
	for path != "" && path[0] == '/' {
		path = path[1:]
	}
	if i := strings.IndexByte(path, '/'); i >= 0 {
		path = path[:i]
	}
	return path
}

// broke counts an answer that did not come to its end.
func (m *metrics) broke(r *http.Request, err error) {
	c := cutByError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		c = cutStalled
	case hungUp(err) || errors.Is(r.Context().Err(), context.Canceled):
		c = cutByClient
	}
	m.cut[c].Add(1)
}

func (c *connMetrics) opened() *connMetrics {
	c.accepted.Add(1)
	c.open.Add(1)
	return c
}

func (c *connMetrics) closed() {
	if c != nil {
		c.open.Add(-1)
	}
}
