package httpserve

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestManyRanges: what a request for thousands of ranges is answered with is not held
// in memory while its client takes its time.
func TestManyRanges(t *testing.T) {
	ranges := make([]byteRange, 10_000)
	for i := range ranges {
		ranges[i] = byteRange{int64(i), 1}
	}
	var m multipart
	made := testing.AllocsPerRun(5, func() { m = newMultipart(ranges, 1<<20, "application/x-rpm") })
	assert.Less(t, made, 20.0, "for the boundary, and one range")
	size := len(m.tail)
	for _, r := range ranges {
		size += len(m.appendHead(nil, r)) + 1
	}
	assert.EqualValues(t, size, m.length)
}
