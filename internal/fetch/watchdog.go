package fetch

import (
	"context"
	"errors"
	"io"
	"time"
)

var errStalled = errors.New("stalled")

// A watchdog ends a request that makes no progress. Only the time spent
// waiting for the server counts: start and pause enclose it.
type watchdog struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	timeout time.Duration

	minRate int64 // bytes a second; 0 for none
	bytes   int64 // and time in the present window
	waited  time.Duration
}

func watch(parent context.Context, timeout time.Duration, minRate int64) *watchdog {
	ctx, cancel := context.WithCancelCause(parent)
	return &watchdog{
		ctx: ctx, cancel: cancel, timeout: timeout, minRate: minRate,
		timer: time.AfterFunc(timeout, func() { cancel(errStalled) }),
	}
}

func (w *watchdog) start() { w.timer.Reset(w.timeout) }
func (w *watchdog) pause() { w.timer.Stop() }

func (w *watchdog) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// read is one Read under guard.
func (w *watchdog) read(r io.Reader, p []byte) (int, error) {
	w.start()
	before := time.Now()
	n, err := r.Read(p)
	w.pause()
	if w.minRate <= 0 || err != nil {
		return n, err
	}
	w.bytes += int64(n)
	w.waited += time.Since(before)
	if w.waited >= w.timeout {
		if float64(w.bytes) < float64(w.minRate)*w.waited.Seconds() {
			return n, &TimeoutError{After: w.timeout, Slow: true}
		}
		w.bytes, w.waited = 0, 0
	}
	return n, nil
}

// explain names the watchdog where it was the cause of err.
func (w *watchdog) explain(err error) error {
	var local *LocalError
	if err != nil && !errors.As(err, &local) && context.Cause(w.ctx) == errStalled { //nolint:errorlint // our own value
		return &TimeoutError{After: w.timeout}
	}
	return err
}
