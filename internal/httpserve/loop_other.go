//go:build !linux

package httpserve

import (
	"sync/atomic"
	"time"
)

// Elsewhere each connection waits in a goroutine of its own.
type loop struct{ waiting atomic.Int32 }

func loopsOf(*front) []*loop { return nil }

func (*loop) adopt(*tcpConn, time.Duration) bool { return false }

func (*loop) isStuck(time.Time) bool { return true }

func (*loop) stop() {}
