package httpserve

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestHotFiles: what is kept is what has been the same for a while, and no more
// than fits.
func TestHotFiles(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("nothing is kept in memory but on Linux")
	}
	root := t.TempDir()
	dir := filepath.Join(root, "r", "repodata")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	file := filepath.Join(dir, "repomd.xml")
	require.NoError(t, os.WriteFile(file, []byte("<repomd/>"), 0o644))
	s, err := New(Options{Root: root})
	require.NoError(t, err)
	defer s.Close() //nolint:errcheck // only read from
	ask := func() string {
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, httptest.NewRequest("GET", "/r/repodata/repomd.xml", nil))
		return rec.Body.String()
	}
	require.Equal(t, "<repomd/>", ask())
	assert.Empty(t, s.hot.files, "it may change once more without another time")
	time.Sleep(settled + 100*time.Millisecond)
	require.Equal(t, "<repomd/>", ask())
	require.Len(t, s.hot.files, 1)
	kept := s.hot.files["/r/repodata/repomd.xml"].content
	// Other spellings of the path, of which there is no end, are not kept.
	for _, spelling := range []string{"//r/repodata/repomd.xml", "/r/./repodata//repomd.xml", "/r/" + strings.Repeat("/", 1000) + "repodata/repomd.xml", "/./r/repodata/repomd.xml"} {
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, &http.Request{Method: "GET", URL: &url.URL{Path: spelling}, Header: http.Header{}, RequestURI: spelling})
		require.Equal(t, "<repomd/>", rec.Body.String(), spelling)
	}
	require.Len(t, s.hot.files, 1)
	require.Equal(t, "<repomd/>", ask())
	assert.Same(t, kept, s.hot.files["/r/repodata/repomd.xml"].content)
	require.NoError(t, os.Remove(file))
	assert.Contains(t, ask(), "404")
	assert.Empty(t, s.hot.files)
	assert.Zero(t, s.hot.bytes)

	var h hotCache
	for i := range 2 * hotFiles {
		c := &content{}
		c.setData([]byte(strings.Repeat("x", 100)))
		h.put(strings.Repeat("/", i), hotFile{content: c})
		require.LessOrEqual(t, len(h.files), hotFiles)
		require.EqualValues(t, 100*len(h.files), h.bytes)
	}
}
