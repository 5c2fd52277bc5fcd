package fetch_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"gorepo/internal/fetch"
	"gorepo/internal/testrepo"
)

// All downloads of a source together stay below the rate, and waiting for one's
// turn is no slowness of the server's.
func TestThrottle(t *testing.T) {
	const rate = 400_000 // each waits 0.4 s between two pieces
	up := upstream(t)    // 300,000 bytes
	o := quick()
	o.Throttle, o.Timeout, o.MinRate = rate, 250*time.Millisecond, rate/2
	s := source(t, o, up.URL)
	start := time.Now()
	var grp errgroup.Group
	for range 4 {
		grp.Go(func() error {
			_, err := s.Download(t.Context(), "", file, &sink{want: content}, int64(len(content)))
			return err
		})
	}
	require.NoError(t, grp.Wait())
	took := time.Since(start).Seconds()
	want := 4 * float64(len(content)) / rate
	assert.GreaterOrEqual(t, took, want*0.95)
	assert.Less(t, took, want*2)
	assert.Zero(t, s.Stats().Retries)

	// What comes from the same server by another name is the same source; another
	// source has its own rate.
	info, err := s.Download(t.Context(), "", file, &sink{want: content}, int64(len(content)))
	require.NoError(t, err)
	start = time.Now()
	_, err = s.From(info).Download(t.Context(), "", file, &sink{want: content}, int64(len(content)))
	require.NoError(t, err)
	assert.GreaterOrEqual(t, time.Since(start).Seconds(), float64(len(content))/rate*0.9)

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	o.Throttle, o.MinRate = 1000, 0
	start = time.Now()
	_, err = source(t, o, up.URL).Download(ctx, "", file, &sink{want: content}, int64(len(content)))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Less(t, time.Since(start), 5*time.Second)
}

// A server that is too slow by itself is found out, throttled or not.
func TestThrottledSlowServer(t *testing.T) {
	up := upstream(t)
	up.On(file, testrepo.Drip(100, 10*time.Millisecond))
	o := quick()
	o.Throttle, o.MinRate, o.Timeout, o.Retries = 10<<20, 1<<20, time.Second, -1
	_, err := download(t, source(t, o, up.URL), &sink{})
	var slow *fetch.TimeoutError
	require.ErrorAs(t, err, &slow)
	assert.True(t, slow.Slow)
}

// A timeout of never waits longer than the default's stand-in.
func TestTimeoutNever(t *testing.T) {
	up := upstream(t)
	up.On(file, testrepo.Delay(100*time.Millisecond))
	o := quick()
	o.Timeout, o.Retries = -1, -1
	_, err := download(t, source(t, o, up.URL), &sink{})
	require.NoError(t, err)
}
