package catalog

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// TestSearchTime: a search for which there is no time finds less, and says so,
// wherever it is just then.
func TestSearchTime(t *testing.T) {
	root := t.TempDir()
	var list []*testrepo.Package
	for i := range maxRanked {
		p := testrepo.Fake(fmt.Sprintf("n%d-1-1.noarch", i), 10)
		p.Summary = "some common words"
		list = append(list, p)
	}
	testrepo.Render(testrepo.Options{}, list...).WriteTo(t, filepath.Join(root, "a"))
	made, err := Make(t.Context(), Options{Root: root}, "a", MakeOptions{})
	require.NoError(t, err)
	c, err := Open(made.Path)
	require.NoError(t, err)
	defer c.Close() //nolint:errcheck // only read
	defer func(was time.Duration) { searchTime = was }(searchTime)
	late := 0
	for i := range 200 {
		searchTime = time.Duration(i) * 20 * time.Microsecond
		hits, err := c.Search(t.Context(), "common words", 0, 1000)
		require.NoError(t, err, searchTime)
		if hits.More {
			late++
		} else {
			require.Equal(t, maxRanked, hits.Total)
		}
	}
	assert.Positive(t, late)
}
