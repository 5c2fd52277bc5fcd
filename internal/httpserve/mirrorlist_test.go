package httpserve_test

import (
	"crypto/md5"  //nolint:gosec // what old clients compare
	"crypto/sha1" //nolint:gosec // likewise
	"crypto/sha256"
	"crypto/sha512"
	"encoding/xml"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/httpserve"
	"gorepo/internal/mirror"
)

// A metalink is read here as clients do: without regard to prefixes.
type metalink struct {
	Version string `xml:"version,attr"`
	File    struct {
		Name string `xml:"name,attr"`
		repomd
		Alternates []repomd `xml:"alternates>alternate"`
		URLs       []struct {
			Protocol   string `xml:"protocol,attr"`
			Type       string `xml:"type,attr"`
			Preference int    `xml:"preference,attr"`
			URL        string `xml:",chardata"`
		} `xml:"resources>url"`
	} `xml:"files>file"`
}

type repomd struct {
	Timestamp int64 `xml:"timestamp"`
	Size      int64 `xml:"size"`
	Hashes    []struct {
		Type string `xml:"type,attr"`
		Hex  string `xml:",chardata"`
	} `xml:"verification>hash"`
}

func (r repomd) hashes() map[string]string {
	all := map[string]string{}
	for _, h := range r.Hashes {
		all[h.Type] = h.Hex
	}
	return all
}

func getMetalink(t testing.TB, addr, target string) (m metalink, res *http.Response) {
	t.Helper()
	res = get(t, addr, target)
	require.Equal(t, http.StatusOK, res.StatusCode)
	text := body(t, res)
	require.NoError(t, xml.Unmarshal([]byte(text), &m), text)
	assert.Equal(t, "3.0", m.Version)
	assert.Equal(t, "repomd.xml", m.File.Name)
	return m, res
}

func (m metalink) urls() (all []string) {
	last := 101
	for _, u := range m.File.URLs {
		all = append(all, u.URL)
		if u.Preference >= last || u.Protocol != u.Type || !strings.HasPrefix(u.URL, u.Protocol+"://") {
			all = append(all, fmt.Sprintf("wrong: %+v", u))
		}
		last = u.Preference
	}
	return all
}

func TestMirrorlist(t *testing.T) {
	root := t.TempDir()
	for _, id := range []string{"a", "b", "c:1", "own"} {
		write(t, smallRepomd, root, id, "repodata", "repomd.xml")
	}
	write(t, "mine", root, "own", "mirrorlist")
	write(t, "no metadata", root, "empty", "x")
	all := []string{"https://one.example/el", "http://mirror.example", "http://three.example:8080/x&y"}
	addr := start(t, httpserve.Options{
		Root:    root,
		Mirrors: func() []string { return all },
		Repos: func() []httpserve.RepoInfo {
			return []httpserve.RepoInfo{{ID: "a", Mirrors: all[:1]}, {ID: "b"}}
		},
	})
	list := func(id string) string {
		res := get(t, addr, "/"+id+"/mirrorlist")
		assert.Equal(t, "text/plain; charset=utf-8", res.Header.Get("Content-Type"))
		assert.Equal(t, "no-cache", res.Header.Get("Cache-Control"))
		return body(t, res)
	}
	assert.Equal(t, "https://one.example/el/a/\n", list("a"), "its own")
	assert.Equal(t, "http://mirror.example/b/\n", list("b"), "none: as the request saw it")
	assert.Equal(t, "http://mirror.example/c:1/\nhttps://one.example/el/c:1/\nhttp://three.example:8080/x&y/c:1/\n", list("c:1"),
		"the one that was asked first, the others in their order")
	assert.Equal(t, "mine", body(t, get(t, addr, "/own/mirrorlist")), "a real file")
	m, res := getMetalink(t, addr, "/c:1/metalink")
	assert.Equal(t, "application/metalink+xml", res.Header.Get("Content-Type"))
	assert.Equal(t, []string{
		"http://mirror.example/c:1/repodata/repomd.xml", "https://one.example/el/c:1/repodata/repomd.xml", "http://three.example:8080/x&y/c:1/repodata/repomd.xml",
	}, m.urls())

	for _, target := range []string{"/empty/mirrorlist", "/empty/metalink", "/none/metalink", "/a/mirrorlist/", "/a/x/metalink", "/metalink", "/a/metalink.meta4"} {
		assert.Equal(t, http.StatusNotFound, get(t, addr, target).StatusCode, target)
	}

	// A client's configuration has the metalink where there are others.
	assert.Contains(t, body(t, get(t, addr, "/a.repo")), "\nbaseurl=http://mirror.example/a/\nmetalink=http://mirror.example/a/metalink\nenabled=1\n")
	assert.NotContains(t, body(t, get(t, addr, "/b.repo")), "metalink")
	assert.Contains(t, body(t, get(t, addr, "/c:1.repo")), "\nmetalink=http://mirror.example/c:1/metalink\n")
}

func TestMirrorlistOfAPublicURL(t *testing.T) {
	root := t.TempDir()
	write(t, smallRepomd, root, "a", "repodata", "repomd.xml")
	addr := start(t, httpserve.Options{Root: root, PublicURL: "https://public.example/el/"})
	assert.Equal(t, "https://public.example/el/a/\n", body(t, get(t, addr, "/a/mirrorlist")))
}

// Who may not read a repository is not told of its mirrors either.
func TestMirrorlistIsGuarded(t *testing.T) {
	root := t.TempDir()
	write(t, smallRepomd, root, "a", "repodata", "repomd.xml")
	access := &httpserve.Access{Repos: map[string]httpserve.Rule{"a": {Nobody: true}}}
	addr := start(t, httpserve.Options{Root: root, Access: func() *httpserve.Access { return access }})
	for _, target := range []string{"/a/mirrorlist", "/a/metalink"} {
		assert.Equal(t, http.StatusForbidden, get(t, addr, target).StatusCode)
	}
}

// What a metalink says is true of the repomd.xml that is served, whenever it is
// asked.
func TestMetalinkIsOfWhatIsPublished(t *testing.T) {
	root := t.TempDir()
	write(t, strings.Replace(smallRepomd, "<size>", "<timestamp>1700000000</timestamp><size>", 1), root, "a", "repodata", "repomd.xml")
	addr := start(t, httpserve.Options{Root: root})
	check := func() *http.Response {
		data := body(t, get(t, addr, "/a/repodata/repomd.xml"))
		m, res := getMetalink(t, addr, "/a/metalink")
		assert.EqualValues(t, len(data), m.File.Size)
		assert.Equal(t, map[string]string{
			"md5":    fmt.Sprintf("%x", md5.Sum([]byte(data))),  //nolint:gosec // see above
			"sha1":   fmt.Sprintf("%x", sha1.Sum([]byte(data))), //nolint:gosec // see above
			"sha256": fmt.Sprintf("%x", sha256.Sum256([]byte(data))),
			"sha512": fmt.Sprintf("%x", sha512.Sum512([]byte(data))),
		}, m.File.hashes())
		assert.Empty(t, m.File.Alternates)
		return res
	}
	res := check()
	m, _ := getMetalink(t, addr, "/a/metalink")
	assert.EqualValues(t, 1_700_000_000, m.File.Timestamp, "the newest record's, as yum compares it")
	etag := res.Header.Get("ETag")
	assert.Equal(t, http.StatusNotModified, get(t, addr, "/a/metalink", "If-None-Match: "+etag).StatusCode)
	head := raw(t, addr, http.MethodHead, "/a/metalink")
	assert.Equal(t, etag, head.Header.Get("ETag"))
	assert.Equal(t, res.Header.Get("Content-Length"), head.Header.Get("Content-Length"))

	write(t, strings.Replace(smallRepomd, "<size>", "<timestamp>1700000001</timestamp><size>", 1), root, "a", "repodata", "repomd.xml")
	res = check()
	assert.NotEqual(t, etag, res.Header.Get("ETag"))
	assert.Equal(t, http.StatusOK, get(t, addr, "/a/metalink", "If-None-Match: "+etag).StatusCode)

	// One without a timestamp, or that is no repomd.xml at all: the file's own time.
	write(t, "<what", root, "a", "repodata", "repomd.xml")
	check()
	m, _ = getMetalink(t, addr, "/a/metalink")
	assert.EqualValues(t, time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC).Unix(), m.File.Timestamp)
}

// For two days after a publication a mirror that still has the generation before
// is as good.
func TestMetalinkKnowsTheGenerationBefore(t *testing.T) {
	root := t.TempDir()
	m, err := mirror.Open(root)
	require.NoError(t, err)
	repo, err := m.Repo("a", mirror.RepoOptions{})
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(root, ".gorepo", "a"), 0o755))
	generation := func(n int) (text, primary string) {
		primary = strings.Repeat(fmt.Sprint(n), 64)
		return strings.Replace(smallRepomd, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", primary, 1), primary
	}
	sum := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
	before := ""
	publish := func(n int, at time.Time) string {
		text, primary := generation(n)
		p := mirror.Publication{Time: at, Repomd: sum(text), Primary: primary, Before: before}
		if before != "" {
			p.Was = &mirror.WasRepomd{Timestamp: 77}
		}
		require.NoError(t, repo.AppendHistory(p))
		write(t, text, root, "a", "repodata", "repomd.xml")
		before = primary
		return text
	}
	addr := start(t, httpserve.Options{Root: root})
	alternates := func() []repomd {
		m, _ := getMetalink(t, addr, "/a/metalink")
		return m.File.Alternates
	}
	now := time.Now()
	first := publish(1, now.Add(-5*time.Hour))
	assert.Empty(t, alternates())
	publish(2, now.Add(-time.Hour))
	list := alternates()
	require.Len(t, list, 1)
	assert.Equal(t, map[string]string{"sha256": sum(first)}, list[0].hashes())
	assert.EqualValues(t, len(first), list[0].Size)
	assert.EqualValues(t, 77, list[0].Timestamp)

	publish(3, now.Add(-49*time.Hour))
	assert.Empty(t, alternates(), "the others have had time")
	publish(4, now)
	assert.Len(t, alternates(), 1)

	// Somebody else has published: what was before is not known.
	text, _ := generation(5)
	write(t, text, root, "a", "repodata", "repomd.xml")
	assert.Empty(t, alternates())
}
