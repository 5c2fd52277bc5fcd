package fetch

import (
	"context"
	"sync"
	"time"
)

// A throttle limits what all downloads that share it receive together. A nil
// throttle limits nothing.
type throttle struct {
	rate float64 // bytes a second

	mu   sync.Mutex
	next time.Time // when all that was received so far is paid for
}

// newThrottle is nil for a rate of 0.
func newThrottle(rate int64) *throttle {
	if rate <= 0 {
		return nil
	}
	return &throttle{rate: float64(rate)}
}

// The pieces in which a throttled download reads: small enough that bytes come
// steadily, about ten times a second.
const (
	leastThrottled = 512
	piecesASecond  = 10
)

// piece is the part of buf to read at a time.
func (t *throttle) piece(buf []byte) []byte {
	if t == nil {
		return buf
	}
	return buf[:min(len(buf), max(leastThrottled, int(t.rate/piecesASecond)))]
}

// wait returns when n bytes that were received are within the rate. Time in
// which nothing came is not made up for.
func (t *throttle) wait(ctx context.Context, n int) error {
	if t == nil || n <= 0 {
		return nil
	}
	t.mu.Lock()
	now := time.Now()
	if t.next.Before(now) {
		t.next = now
	}
	t.next = t.next.Add(time.Duration(float64(n) / t.rate * float64(time.Second)))
	until := t.next.Sub(now)
	t.mu.Unlock()
	return pause(ctx, until)
}
