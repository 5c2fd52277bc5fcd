package catalog

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestWaitForTheFirstLook: that there is nothing is known after a look only.
func TestWaitForTheFirstLook(t *testing.T) {
	s := NewShelf(ShelfOptions{})
	r := &shelved{}
	s.repos["a"] = r
	wait := func() time.Duration {
		start := time.Now()
		s.Wait(t.Context(), "a", 100*time.Millisecond)
		return time.Since(start)
	}
	assert.GreaterOrEqual(t, wait(), 100*time.Millisecond)
	r.looked = true
	assert.Less(t, wait(), 100*time.Millisecond)
}
