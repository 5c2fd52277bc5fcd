package fetch

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// backoff is the pause before round n (1 is the first repetition): doubling,
// bounded, and with up to half of it left to chance, so that workers that
// failed together do not come back together.
func (o Options) backoff(n int) time.Duration {
	d := o.RetryWait
	for i := 1; i < n && d < o.MaxWait; i++ {
		d *= 2
	}
	d = min(d, o.MaxWait)
	return d - time.Duration(rand.Int64N(int64(d)/2+1)) //nolint:gosec // jitter is no secret
}

// patience is about how long the retries of one download last.
func patience(o Options) time.Duration {
	var sum, d time.Duration
	for i := range o.Retries {
		d = o.RetryWait << min(i, 30)
		sum += min(d, o.MaxWait)
	}
	return sum
}

// pause waits for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// retryAfter reads the header of that name: seconds or a date. 0: none.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if seconds, err := strconv.ParseInt(v, 10, 32); err == nil {
		return max(time.Duration(seconds)*time.Second, 0)
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// health is what all downloads from one base have learned about it together.
type health struct {
	patience time.Duration

	mu        sync.Mutex
	heldUntil time.Time // Retry-After: leave it alone
	failures  int       // since it last answered
	since     time.Time // of the first of them
	last      time.Time // of the last of them
}

// A base is down after this many failures in a row that lasted for patience;
// after probeEvery one more download may try.
const (
	downFailures = 8
	probeEvery   = 15 * time.Second
)

// ok notes an answer, of whatever kind: somebody is there.
func (h *health) ok() {
	h.mu.Lock()
	h.failures = 0
	h.mu.Unlock()
}

func (h *health) failed(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failures == 0 {
		h.since = now
	}
	h.failures++
	h.last = now
}

// down reports whether asking is pointless for now. When it has been so for
// probeEvery it says no to one caller, who finds out.
func (h *health) down(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failures < downFailures || h.last.Sub(h.since) < h.patience {
		return false
	}
	if now.Sub(h.last) >= probeEvery {
		h.last = now
		return false
	}
	return true
}

func (h *health) hold(until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if until.After(h.heldUntil) {
		h.heldUntil = until
	}
}

// held is how long the server wants to be left alone from now on.
func (h *health) held(now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return max(h.heldUntil.Sub(now), 0)
}
