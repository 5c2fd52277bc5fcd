package httpserve

import (
	"sync"
	"time"
)

const (
	// saidEvery is how often the same is logged that each request of a fleet meets.
	saidEvery = time.Minute
	maxSaid   = 1000
)

// often holds back what was just logged. Its zero value is ready.
type often struct {
	mu   sync.Mutex
	said map[string]*saying
}

type saying struct {
	at   time.Time
	more int // held back since
}

// due reports whether something is to be said now, and how many times it was held
// back since the last time.
func (o *often) due(what string, now time.Time) (more int, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.said[what]
	switch {
	case s == nil:
		if o.said == nil || len(o.said) >= maxSaid {
			o.said = map[string]*saying{}
		}
		o.said[what] = &saying{at: now}
		return 0, true
	case now.Sub(s.at) < saidEvery:
		s.more++
		return 0, false
	}
	more = s.more
	s.at, s.more = now, 0
	return more, true
}
