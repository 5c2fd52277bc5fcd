package httpserve_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/httpserve"
	"gorepo/internal/testrepo/peer"
)

func TestFileHeaders(t *testing.T) {
	const sum = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	const forever, week = "public, max-age=31536000, immutable", "public, max-age=604800, immutable"
	root := t.TempDir()
	for _, c := range []struct{ path, mediaType, cache, etag string }{
		{"repodata/repomd.xml", "application/xml", "no-cache", ""},
		{"repodata/repomd.xml.asc", "application/pgp-signature", "no-cache", ""},
		{"repodata/repomd.xml.key", "application/pgp-keys", "no-cache", ""},
		{"repodata/primary.xml.gz", "application/gzip", "no-cache", ""},
		{"repodata/" + sum + "-primary.xml.gz", "application/gzip", forever, `"` + sum + `"`},
		{"repodata/" + sum + "-primary.xml.zst", "application/zstd", forever, `"` + sum + `"`},
		{"repodata/" + sum + "-comps.xml", "application/xml", forever, `"` + sum + `"`},
		{"repodata/" + sum + "-primary.sqlite.bz2", "application/x-bzip2", forever, `"` + sum + `"`},
		{"repodata/" + sum + "-modules.yaml", "application/yaml", forever, `"` + sum + `"`},
		{"repodata/" + sum + "-primary.xml.zck", "application/zchunk", forever, `"` + sum + `"`},
		{"repodata/" + sum + "-other.xml.xz", "application/x-xz", forever, `"` + sum + `"`},
		{"repodata/" + sum + "-primary.sqlite", "application/vnd.sqlite3", forever, `"` + sum + `"`},
		{"repodata/" + sum[:40] + "-primary.xml.gz", "application/gzip", forever, `"` + sum[:40] + `"`},
		{"repodata/" + sum[:63] + "-primary.xml.gz", "application/gzip", "no-cache", ""},
		{"repodata/" + strings.ToUpper(sum) + "-primary.xml.gz", "application/gzip", "no-cache", ""},
		{"Packages/" + sum + "-x.gz", "application/gzip", "no-cache", ""},
		{"Packages/a-1-1.noarch.rpm", "application/x-rpm", week, ""},
		{"drpms/a-1_2-1.noarch.drpm", "application/x-rpm", week, ""},
		{"images/boot.iso", "application/x-iso9660-image", "no-cache", ""},
		{"local.repo", "text/plain; charset=utf-8", "no-cache", ""},
		{".treeinfo", "text/plain; charset=utf-8", "no-cache", ""},
		{"RPM-GPG-KEY-test", "application/pgp-keys", "no-cache", ""},
		{"LICENSE", "application/octet-stream", "no-cache", ""},
		{"repoview/index.html", "text/html; charset=utf-8", "no-cache", ""},
	} {
		write(t, "test", root, "r", c.path)
		addr := start(t, httpserve.Options{Root: root})
		for _, method := range []string{"GET", "HEAD"} {
			res := raw(t, addr, method, "/r/"+c.path, "Accept-Encoding: gzip")
			require.Equal(t, 200, res.StatusCode, c.path)
			assert.Equal(t, c.mediaType, res.Header.Get("Content-Type"), c.path)
			assert.Equal(t, c.cache, res.Header.Get("Cache-Control"), c.path)
			assert.Equal(t, mtime, res.Header.Get("Last-Modified"), c.path)
			assert.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"), c.path)
			assert.Empty(t, res.Header.Get("Content-Encoding"), c.path)
			assert.EqualValues(t, 4, res.ContentLength, c.path)
			assert.Regexp(t, `^"[!#-~]+"$`, res.Header.Get("ETag"), "%s: strong", c.path)
			if c.etag != "" {
				assert.Equal(t, c.etag, res.Header.Get("ETag"), c.path)
			}
			runs := strings.Contains(c.mediaType, "html") || c.mediaType == "application/xml"
			assert.Equal(t, runs, res.Header.Get("Content-Security-Policy") == "sandbox", c.path)
		}
	}
}

// Two repomd.xml of one size and one time are not one to a cache.
func TestETagOfRepomdIsItsContent(t *testing.T) {
	root := t.TempDir()
	name := write(t, "one", root, "r", "repodata", "repomd.xml")
	addr := start(t, httpserve.Options{Root: root})
	etag := func() string { return get(t, addr, "/r/repodata/repomd.xml").Header.Get("ETag") }
	one := etag()
	assert.Equal(t, `"7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"`, one)

	st, err := os.Stat(name)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, []byte("two"), 0o644)) // the same inode
	require.NoError(t, os.Chtimes(name, st.ModTime(), st.ModTime()))
	two := etag()
	assert.NotEqual(t, one, two)
	assert.Equal(t, 200, get(t, addr, "/r/repodata/repomd.xml", "If-None-Match: "+one).StatusCode)
	assert.Equal(t, 304, get(t, addr, "/r/repodata/repomd.xml", "If-None-Match: "+two).StatusCode)

	// Going back to an older generation is a change too.
	older := st.ModTime().Add(-time.Hour)
	require.NoError(t, os.Chtimes(name, older, older))
	assert.Equal(t, 200, get(t, addr, "/r/repodata/repomd.xml", "If-Modified-Since: "+mtime).StatusCode)

	// One too large to be read whole still has a strong ETag.
	write(t, strings.Repeat("x", 1<<20), root, "r", "repodata", "repomd.xml")
	large := etag()
	assert.Regexp(t, `^"100000-[0-9a-f]+-[0-9a-f]+"$`, large)
}

// The inode tells apart what size and time do not.
func TestETagOfFiles(t *testing.T) {
	root := t.TempDir()
	write(t, "one", root, "r", "a.rpm")
	write(t, "two", root, "r", "b.rpm")
	addr := start(t, httpserve.Options{Root: root})
	a, b := get(t, addr, "/r/a.rpm").Header.Get("ETag"), get(t, addr, "/r/b.rpm").Header.Get("ETag")
	assert.NotEqual(t, a, b)
	assert.Equal(t, a, get(t, addr, "/r/a.rpm").Header.Get("ETag"))
}

func TestMethods(t *testing.T) {
	root := t.TempDir()
	write(t, "x", root, "r", "a.rpm")
	addr := start(t, httpserve.Options{Root: root})
	for _, m := range []string{"POST", "PUT", "DELETE", "PATCH", "PROPFIND", "TRACE", "BREW"} {
		res := raw(t, addr, m, "/r/a.rpm", "Content-Length: 0")
		assert.Equal(t, 405, res.StatusCode, m)
		assert.Equal(t, "GET, HEAD, OPTIONS", res.Header.Get("Allow"), m)
	}
	res := raw(t, addr, "OPTIONS", "/r/a.rpm")
	assert.Equal(t, 204, res.StatusCode)
	assert.Equal(t, "GET, HEAD, OPTIONS", res.Header.Get("Allow"))
	assert.Equal(t, 204, raw(t, addr, "OPTIONS", "*").StatusCode)
	assert.Equal(t, 200, raw(t, addr, "GET", "/r/a.rpm", "Content-Length: 0").StatusCode)
}

// The zchunk of EL8 (1.1) finds parts with the regular expression
// "\r\n--%s\r\ncontent-type:.*\r\ncontent-range: ...\r\n\r": so the order of
// headers and the line end before the first boundary are part of the protocol.
func TestMultipartIsWhatZchunkReads(t *testing.T) {
	root := t.TempDir()
	write(t, "0123456789", root, "r", "a.zck")
	addr := start(t, httpserve.Options{Root: root})
	res := get(t, addr, "/r/a.zck", "Range: bytes=0-1,4-5")
	require.Equal(t, http.StatusPartialContent, res.StatusCode)
	_, b, ok := strings.Cut(res.Header.Get("Content-Type"), "multipart/byteranges; boundary=")
	require.True(t, ok)
	text := body(t, res)
	assert.Equal(t, "\r\n--"+b+"\r\nContent-Type: application/zchunk\r\nContent-Range: bytes 0-1/10\r\n\r\n01"+
		"\r\n--"+b+"\r\nContent-Type: application/zchunk\r\nContent-Range: bytes 4-5/10\r\n\r\n45"+
		"\r\n--"+b+"--\r\n", text)
	assert.EqualValues(t, len(text), res.ContentLength)
}

// A real zchunk client fetches the chunks that it lacks, many ranges in one
// request.
func TestZchunkClient(t *testing.T) {
	zckdl, zck := peer.Need(t, "zckdl"), peer.Need(t, "zck")
	root, dir := t.TempDir(), t.TempDir()
	var older, newer strings.Builder
	for i := range 30000 {
		line := fmt.Sprintf("<package>%d %x</package>\n", i, i*i*7919)
		older.WriteString(line)
		if i%1000 == 0 {
			line = "<package>changed</package>\n"
		}
		newer.WriteString(line)
	}
	run := func(program string, args ...string) string {
		cmd := exec.Command(program, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", program, out)
		return string(out)
	}
	write(t, older.String(), dir, "older.xml")
	write(t, newer.String(), dir, "primary.xml")
	run(zck, "-s", "<package>", "-o", "older.zck", "older.xml")
	require.NoError(t, os.Mkdir(filepath.Join(root, "r"), 0o755))
	run(zck, "-s", "<package>", "-o", filepath.Join(root, "r", "primary.xml.zck"), "primary.xml")
	want, err := os.ReadFile(filepath.Join(root, "r", "primary.xml.zck"))
	require.NoError(t, err)

	var log lockedBuffer
	addr := start(t, httpserve.Options{Root: root, AccessLog: &log})
	out := run(zckdl, "-s", "older.zck", "http://"+addr+"/r/primary.xml.zck")
	got, err := os.ReadFile(filepath.Join(dir, "primary.xml.zck"))
	require.NoError(t, err)
	assert.Equal(t, want, got, out)
	assert.Contains(t, log.String(), `"GET /r/primary.xml.zck HTTP/1.1" 206 `)
}

func TestAccessLog(t *testing.T) {
	root := t.TempDir()
	write(t, strings.Repeat("x", 100_000), root, "r", "a b.rpm")
	var log lockedBuffer
	addr := start(t, httpserve.Options{Root: root, AccessLog: &log})
	logged := 0
	ask := func(method, target string, headers ...string) {
		raw(t, addr, method, target, headers...)
		logged++ // after the answer
		require.Eventually(t, func() bool { return strings.Count(log.String(), "\n") == logged }, 5*time.Second, time.Millisecond)
	}
	ask("GET", "/r/a%20b.rpm", "User-Agent: libdnf (AlmaLinux 9)", "Referer: http://x/")
	ask("GET", "/r/none", "User-Agent: \"\\\xff")
	ask("HEAD", "/r/a%20b.rpm")
	ask("GET", "/r/a%20b.rpm", "Range: bytes=0-9")
	ask("OPTIONS", "/")
	ask("HEAD", "/r/none")
	ask("HEAD", "/r/none?by=net/http")
	lines := strings.Split(log.String(), "\n")
	date := `127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] `
	for i, want := range []string{
		`"GET /r/a%20b.rpm HTTP/1.1" 200 100000 "http://x/" "libdnf \(AlmaLinux 9\)"`,
		`"GET /r/none HTTP/1.1" 404 14 "-" "\\x22\\x5C\\xFF"`,
		`"HEAD /r/a%20b.rpm HTTP/1.1" 200 0 "-" "-"`,
		`"GET /r/a%20b.rpm HTTP/1.1" 206 10 "-" "-"`,
		`"OPTIONS / HTTP/1.1" 204 0 "-" "-"`,
		`"HEAD /r/none HTTP/1.1" 404 0 "-" "-"`,
		`"HEAD /r/none\?by=net/http HTTP/1.1" 404 0 "-" "-"`,
	} {
		assert.Regexp(t, "^"+date+want+"$", lines[i])
	}
}
