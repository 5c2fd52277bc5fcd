package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"gorepo/internal/report"
)

// tally sums up what became of several repositories.
type tally struct {
	mu                     sync.Mutex
	total, failed, lacking int
	untrusted              bool
	incomplete             bool     // the configuration could not all be used
	short                  []string // what is not complete, and how
}

func (t *tally) add(s report.Summary) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total++
	switch {
	case s.Err != nil:
		t.failed++
		t.short = append(t.short, s.Repo+" "+s.Outcome)
	case s.Outcome == report.Skipped:
		t.short = append(t.short, s.Repo+" "+s.Outcome)
	case s.Outcome == report.Partial, s.Outcome == report.Untrusted:
		t.lacking++
		how := s.Outcome
		if s.Failures > 0 {
			how = fmt.Sprintf("%s, %s failed", how, report.Count(s.Failures))
		}
		t.short = append(t.short, s.Repo+" "+how)
	}
	t.untrusted = t.untrusted || s.Outcome == report.Untrusted
}

// conclusion is how all went, where some did not go well and there are several.
func (t *tally) conclusion() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.short) == 0 || t.total == 1 {
		return ""
	}
	slices.Sort(t.short)
	return fmt.Sprintf("%s of %s repositories are complete; not so: %s", report.Count(t.total-len(t.short)), report.Count(t.total), strings.Join(t.short, "; "))
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
