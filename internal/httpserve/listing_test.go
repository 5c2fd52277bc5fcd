package httpserve_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/httpserve"
)

// links gives the names that a listing links to, resolved as a browser would.
func links(t *testing.T, page, base string) []string {
	t.Helper()
	from, err := url.Parse(base)
	require.NoError(t, err)
	var found []string
	for _, m := range regexp.MustCompile(`<tr><td><a href="([^"]*)">`).FindAllStringSubmatch(page, -1) {
		to, err := from.Parse(strings.NewReplacer("&amp;", "&", "&#39;", "'", "&#34;", `"`, "&lt;", "<", "&gt;", ">").Replace(m[1]))
		require.NoError(t, err, m[1])
		found = append(found, to.EscapedPath())
	}
	return found
}

func TestListingShowsWhatIsServed(t *testing.T) {
	root := trap(t)
	for i, n := range []string{`<script>alert(1)<`, `"onmouseover="x`, "a&b'c.rpm", "a b+c~d^e%2B.rpm", "é.rpm", "latin\xe9", "javascript:alert(1)", "#x", "q?a=b", "..rpm"} {
		write(t, strings.Repeat("x", i+1), root, "r", "odd", n)
	}
	write(t, "x", root, "r", "odd", `back\slash`)
	write(t, "x", root, "-", "own")
	write(t, "x", root, "r", "odd", "dir", "f")
	addr := start(t, httpserve.Options{Root: root})

	seen := map[string]bool{}
	todo := []string{"/"}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		if seen[at] {
			continue
		}
		seen[at] = true
		res := get(t, addr, at)
		require.Equal(t, 200, res.StatusCode, at)
		text := body(t, res)
		assert.NotContains(t, text, secret, at)
		if !strings.HasSuffix(at, "/") {
			continue
		}
		assert.NotContains(t, text, "<script", at)
		assert.NotContains(t, text, ".hidden", at)
		assert.Contains(t, res.Header.Get("Content-Security-Policy"), "default-src 'none'", at)
		todo = append(todo, links(t, text, at)...)
	}
	for path, want := range map[string]bool{
		"/r/odd/%3Cscript%3Ealert%281%29%3C": true, "/r/odd/dir/": true, "/r/odd/latin%E9": true, "/r/odd/q%3Fa=b": true,
		"/r/.treeinfo": true, "/linked/repodata/": true, "/r/inner/": true, "/r/a.rpm": true, "/top.rpm": true, "/fine/": true,
		"/-/": false, "/self/": false, "/state/": false, "/stray": false, "/disk": false, "/r/out": false, "/r/absdir/": false, "/top-link": false,
	} {
		assert.Equal(t, want, seen[path], path)
	}
}

func TestListingPage(t *testing.T) {
	root := t.TempDir()
	write(t, strings.Repeat("x", 1_234_567), root, "el 9", "x", "big.rpm")
	write(t, "", root, "el 9", "x", "empty")
	write(t, "x", root, "el 9", "x", "Dir", "f")
	write(t, "x", root, "r", "repodata", "repomd.xml")
	addr := start(t, httpserve.Options{Root: root})
	res := get(t, addr, "/el%209/x/", "Accept: text/html,application/xhtml+xml,*/*")
	page := body(t, res)
	assert.Equal(t, "text/html; charset=utf-8", res.Header.Get("Content-Type"))
	assert.Contains(t, page, "<title>Index of /el 9/x/</title>")
	assert.Contains(t, page, `<a href="../../">/</a><a href="../">el 9</a>/<span aria-current="page">x</span>/`)
	assert.Contains(t, page, `<span title="1,234,567 bytes">1.2 MiB</span>`)
	assert.Contains(t, page, `<span title="0 bytes">0 B</span>`)
	assert.Contains(t, page, `<time datetime="2024-05-06T07:08:09Z">2024-05-06 07:08</time>`)
	assert.Contains(t, page, "3 entries, 1.2 MiB")
	assert.NotRegexp(t, `(?i)<script|(src|href)="(https?:)?//`, page, "nothing from elsewhere")
	assert.Contains(t, body(t, get(t, addr, "/r/")), `<a href="../r.repo">r.repo</a>`)
	assert.NotContains(t, page, ".repo")

	head := raw(t, addr, "HEAD", "/el%209/x/")
	assert.Equal(t, 200, head.StatusCode)
	assert.Equal(t, res.Header.Get("Content-Type"), head.Header.Get("Content-Type"))
}

func TestListingOrder(t *testing.T) {
	root := t.TempDir()
	for i, n := range []string{"b", "C", "a"} {
		name := write(t, strings.Repeat("x", 10-i), root, "r", n)
		date := time.Date(2020+i*i%3, 1, 1, 0, 0, 0, 0, time.UTC)
		require.NoError(t, os.Chtimes(name, date, date))
	}
	write(t, "x", root, "r", "z-dir", "f")
	addr := start(t, httpserve.Options{Root: root})
	for query, want := range map[string]string{
		"":         "z-dir/ C a b",
		"?C=N&O=D": "z-dir/ b a C",
		"?C=N;O=D": "z-dir/ b a C",
		"?C=S":     "z-dir/ a C b",
		"?C=S&O=D": "z-dir/ b C a",
		"?C=M":     "z-dir/ b C a",
		"?C=M&O=D": "z-dir/ a C b",
		"?C=X&O=Y": "z-dir/ C a b",
	} {
		page := body(t, get(t, addr, "/r/"+query))
		var got []string
		for _, l := range links(t, page, "/r/")[1:] {
			got = append(got, strings.TrimPrefix(l, "/r/"))
		}
		assert.Equal(t, want, strings.Join(got, " "), query)
	}
}

func TestListingAsJSON(t *testing.T) {
	root := t.TempDir()
	write(t, "12345", root, "r", "é<&.rpm")
	write(t, "x", root, "r", "d", "f")
	require.NoError(t, os.Mkdir(filepath.Join(root, "none"), 0o755))
	addr := start(t, httpserve.Options{Root: root})
	res := get(t, addr, "/r/", "Accept: application/json")
	assert.Equal(t, "application/json", res.Header.Get("Content-Type"))
	assert.Equal(t, "Accept", res.Header.Get("Vary"))
	var entries []map[string]any
	require.NoError(t, json.Unmarshal([]byte(body(t, res)), &entries))
	require.Len(t, entries, 2)
	assert.Equal(t, "d", entries[0]["name"])
	assert.Equal(t, "directory", entries[0]["type"])
	assert.NotContains(t, entries[0], "size")
	assert.Equal(t, map[string]any{"name": "é<&.rpm", "type": "file", "size": 5.0, "mtime": "2024-05-06T07:08:09Z"}, entries[1])
	assert.JSONEq(t, "[]", body(t, get(t, addr, "/none/", "Accept: application/json")))
	browser := get(t, addr, "/r/", "Accept: text/html, application/json")
	assert.Equal(t, "text/html; charset=utf-8", browser.Header.Get("Content-Type"))
}

// The first bytes of a large directory arrive before the last are made.
func TestLargeListing(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dir := filepath.Join(root, "r", "Packages")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	const n = 10_000
	for i := range n {
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("package-%05d-1.0-1.el9.x86_64.rpm", i)), nil, 0o644))
	}
	addr := start(t, httpserve.Options{Root: root})
	began := time.Now()
	res, err := http.Get("http://" + addr + "/r/Packages/")
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	assert.Equal(t, []string{"chunked"}, res.TransferEncoding)
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	t.Logf("%d entries, %d bytes in %s", n, len(b), time.Since(began))
	found := links(t, string(b), "/r/Packages/")
	assert.Len(t, found, n+1)
	assert.True(t, slices.IsSorted(found[1:]))
}
