package httpserve

import (
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFirstSegment(t *testing.T) {
	for path, want := range map[string]string{
		"": "", "/": "", "//": "", "/r": "r", "/r/": "r", "//r//x": "r", "/r/repodata/repomd.xml": "r", "/-/metrics": "-", "*": "*",
	} {
		assert.Equal(t, want, firstSegment(path), path)
	}
}

func TestCodes(t *testing.T) {
	for status, want := range map[int]int{200: 0, codes[len(codes)-1]: len(codes) - 1, 299: len(codes), 0: len(codes), -1: len(codes), 1 << 40: len(codes)} {
		m := newMetrics()
		m.done("/x", &recorder{status: status})
		assert.EqualValues(t, 1, m.other.codes[want].Load(), status)
	}
}

func TestHistogramBuckets(t *testing.T) {
	var h histogram
	h.observe(0)
	h.observe(limits[0])
	h.observe(limits[0] + 1)
	h.observe(limits[len(limits)-1])
	h.observe(limits[len(limits)-1] + 1)
	assert.EqualValues(t, 2, h.buckets[0].Load())
	assert.EqualValues(t, 1, h.buckets[1].Load())
	assert.EqualValues(t, 1, h.buckets[len(limits)-1].Load())
	assert.EqualValues(t, 1, h.buckets[len(limits)].Load())
	assert.EqualValues(t, 3*limits[0]+1+2*limits[len(limits)-1]+1-limits[0], h.sum.Load())
	for i := 1; i < len(limits); i++ {
		assert.Less(t, limits[i-1], limits[i])
	}
}

// Repositories come and go while requests are counted; nothing is lost or counted
// twice.
func TestCountsWhileRepositoriesChange(t *testing.T) {
	m := newMetrics()
	m.know([]string{"a"})
	const each, workers = 2000, 4
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				m.begun.Add(1)
				m.done("/a/x.rpm", &recorder{status: 200, bytes: 3})
			}
		})
	}
	for i := range 100 {
		m.know([]string{string(rune('b' + i%20)), "a"})
	}
	wg.Wait()
	assert.EqualValues(t, each*workers, m.of("a").codes[0].Load())
	assert.EqualValues(t, 3*each*workers, m.of("a").bytes.Load())
	assert.Zero(t, m.inFlight())
	assert.Zero(t, m.other.codes[0].Load())
	assert.Len(t, *m.repos.Load(), 21)
}

// What is counted of a request costs no allocation: the recorder is used again,
// and the counters were found before.
func TestCountingAllocatesNothing(t *testing.T) {
	m := newMetrics()
	m.know([]string{"r"})
	rec := &recorder{status: 200, bytes: 3000, first: time.Millisecond}
	assert.Zero(t, testing.AllocsPerRun(100, func() { m.done("/r/repodata/repomd.xml", rec) }))
}

func BenchmarkCount(b *testing.B) {
	s, err := New(Options{Root: b.TempDir()})
	require.NoError(b, err)
	ids := make([]string, 300)
	for i := range ids {
		ids[i] = "repository-" + string(rune('a'+i%26)) + string(rune('a'+i/26))
	}
	s.metrics.know(ids)
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/"+ids[7]+"/repodata/repomd.xml", nil)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			rec := recorders.Get().(*recorder)
			*rec = recorder{ResponseWriter: w, start: time.Now()}
			s.metrics.begun.Add(1)
			rec.status, rec.first = 200, time.Since(rec.start)
			s.answered(r, rec)
		}
	})
}
