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
		h.put(hotFile{requested: strings.Repeat("/", i), content: c})
		require.LessOrEqual(t, len(h.files), hotFiles)
		require.EqualValues(t, 100*len(h.files), h.bytes)
	}
}

// TestChecksums: metadata is asked once for a file that stays as it is, and the
// ETag from before counts as well.
func TestChecksums(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("that a file has not changed is known on Linux only")
	}
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "r", "p"), 0o755))
	file := filepath.Join(root, "r", "p", "a.rpm")
	require.NoError(t, os.WriteFile(file, []byte("content"), 0o644))
	known, asked := "", 0
	s, err := New(Options{Root: root, Checksum: func(id string, p PackageFile) string {
		asked++
		assert.Equal(t, "r", id)
		assert.Equal(t, "p/a.rpm", p.Location)
		assert.EqualValues(t, len("content"), p.Size)
		return known
	}})
	require.NoError(t, err)
	defer s.Close() //nolint:errcheck // only read from
	ask := func(headers ...string) (int, string) {
		r := httptest.NewRequest("GET", "/r/p/a.rpm", nil)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, r)
		return rec.Code, rec.Header().Get("ETag")
	}
	_, before := ask()
	require.NotEmpty(t, before)
	known = "abcdef"
	_, etag := ask()
	assert.Equal(t, `"abcdef"`, etag)
	for _, tag := range []string{etag, before} {
		code, _ := ask("If-None-Match", tag)
		assert.Equal(t, 304, code, tag)
		code, _ = ask("If-Range", tag, "Range", "bytes=1-2")
		assert.Equal(t, 206, code, tag)
	}
	code, _ := ask("If-Range", `""`, "Range", "bytes=1-2")
	assert.Equal(t, 200, code)
	assert.Equal(t, 2, asked)
}
