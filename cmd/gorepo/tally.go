package main

import (
	"sync"

	"gorepo/internal/report"
)

// tally sums up what became of several repositories.
type tally struct {
	mu                     sync.Mutex
	total, failed, lacking int
	untrusted              bool
	incomplete             bool // the configuration could not all be used
}

func (t *tally) add(s report.Summary) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total++
	switch {
	case s.Err != nil:
		t.failed++
	case s.Outcome == report.Partial, s.Outcome == report.Untrusted:
		t.lacking++
	}
	t.untrusted = t.untrusted || s.Outcome == report.Untrusted
}

// status is the exit status that follows. All has been said already.
func (t *tally) status() error {
	switch {
	case t.untrusted:
		return &statusError{status: statusUntrusted}
	case t.failed > 0 && t.failed == t.total:
		return &statusError{status: statusFailed}
	case t.failed > 0, t.lacking > 0, t.incomplete:
		return &statusError{status: statusPartial}
	}
	return nil
}
