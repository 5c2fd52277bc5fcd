package reposync

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/rpmpkg"
)

// memorySink is a download that began in an earlier run.
type memorySink struct{ offset int64 }

func (m *memorySink) Write(p []byte) (int, error) {
	m.offset += int64(len(p))
	return len(p), nil
}
func (m *memorySink) Offset() int64  { return m.offset }
func (m *memorySink) Restart() error { m.offset = 0; return nil }
func (m *memorySink) Finish() error  { return nil }

type countedProgress struct{ bytes, least int64 }

func (c *countedProgress) Planned(int, int64) {}
func (c *countedProgress) Received(n int64) {
	c.bytes += n
	c.least = min(c.least, c.bytes)
}
func (c *countedProgress) Done(rpmpkg.Ref, bool) {}

// Bytes of an earlier run that turn out to be wrong were never counted, and are
// not taken away.
func TestProgressOfRestart(t *testing.T) {
	var progress countedProgress
	sink := &countingSink{Sink: &memorySink{offset: 1000}, progress: &progress}
	write := func(n int) {
		_, err := sink.Write(make([]byte, n))
		require.NoError(t, err)
	}
	write(10)
	require.NoError(t, sink.Restart())
	write(1010)
	require.NoError(t, sink.Restart())
	require.NoError(t, sink.Restart())
	write(1010)
	assert.EqualValues(t, 1010, progress.bytes)
	assert.Zero(t, progress.least)
	assert.EqualValues(t, 2030, sink.received.Load(), "what came is what came")
}
