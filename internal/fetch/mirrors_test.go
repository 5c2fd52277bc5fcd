package fetch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"gorepo/internal/fetch"
	"gorepo/internal/testrepo"
)

// said collects warnings.
type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) warn(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, text)
}

// one checks that there is one line, with these words in it.
func (s *said) one(t *testing.T, words ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Len(t, s.lines, 1, s.lines)
	for _, w := range words {
		assert.Contains(t, s.lines[0], w)
	}
	assert.NotContains(t, s.lines[0], "\n")
}

// mirrored is a source of what a list names.
func mirrored(t *testing.T, o fetch.Options, list fetch.List, bases ...string) (*fetch.Source, *said, error) {
	t.Helper()
	var w said
	o.Mirrors.Warn, o.Mirrors.Note = w.warn, w.warn
	s, err := fetch.NewClient().Mirrored(context.Background(), list, bases, o)
	return s, &w, err
}

func writeFile(t *testing.T, data []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "list")
	require.NoError(t, os.WriteFile(name, data, 0o644))
	return name
}

// files are a hundred, each of n bytes.
func files(n int) map[string][]byte {
	m := map[string][]byte{}
	for i := range 100 {
		name := fmt.Sprintf("Packages/%02d.rpm", i)
		m[name] = testrepo.Bytes(name, n)
	}
	return m
}

// bring downloads all of m, eight at a time.
func bring(t *testing.T, s *fetch.Source, m map[string][]byte) {
	t.Helper()
	var grp errgroup.Group
	grp.SetLimit(8)
	for name, data := range m {
		grp.Go(func() error {
			k := &sink{want: data}
			_, err := s.Download(context.Background(), "", name, k, int64(len(data)))
			if err == nil && !bytes.Equal(k.got, data) {
				err = errors.New("wrong bytes")
			}
			return err
		})
	}
	require.NoError(t, grp.Wait())
}

// gauge counts how many requests a server has at the same time.
type gauge struct {
	mu        sync.Mutex
	now, most int
}

func (g *gauge) fault(d time.Duration) testrepo.Fault {
	return func(x *testrepo.Exchange) {
		g.mu.Lock()
		g.now++
		g.most = max(g.most, g.now)
		g.mu.Unlock()
		time.Sleep(d)
		g.mu.Lock()
		g.now-- // before the client can know that it is done
		g.mu.Unlock()
		x.Serve()
	}
}

// Mirrors share the work, and none has more than its share at a time.
func TestMirrorsShare(t *testing.T) {
	m := files(2000)
	for _, limit := range []int{0, 1, 2} {
		var urls []string
		var ups []*testrepo.Upstream
		gauges := make([]gauge, 4)
		for i := range gauges {
			up := testrepo.Files(t, testrepo.Options{}, m)
			up.On("**", gauges[i].fault(20*time.Millisecond))
			ups, urls = append(ups, up), append(urls, up.URL)
		}
		o := quick()
		o.Timeout = 10 * time.Second
		o.Mirrors.PerMirror = limit
		bring(t, source(t, o, urls...), m)
		for i, up := range ups {
			n := len(up.Requests("**"))
			assert.Greater(t, n, 8, "limit %d: mirror %d of %d requests", limit, i, n)
			most := limit
			if most == 0 {
				most = fetch.DefaultPerMirror
			}
			assert.LessOrEqual(t, gauges[i].most, most)
		}
	}
	// A single one may have all, unless a limit is asked for.
	for limit, want := range map[int]int{0: 8, 2: 2} {
		up := testrepo.Files(t, testrepo.Options{}, m)
		var g gauge
		up.On("**", g.fault(20*time.Millisecond))
		o := quick()
		o.Timeout = 10 * time.Second
		o.Mirrors.PerMirror = limit
		bring(t, source(t, o, up.URL), m)
		assert.Equal(t, want, g.most)
	}
}

// The faster a mirror, the more it is asked.
func TestMirrorsRanked(t *testing.T) {
	m := files(20000)
	slow, fast := testrepo.Files(t, testrepo.Options{}, m), testrepo.Files(t, testrepo.Options{}, m)
	slow.On("**", testrepo.Delay(120*time.Millisecond))
	fast.On("**", testrepo.Delay(10*time.Millisecond))
	o := quick()
	o.Timeout = 10 * time.Second
	bring(t, source(t, o, slow.URL, fast.URL), m)
	assert.Greater(t, len(fast.Requests("**")), 2*len(slow.Requests("**")))
}

// One of several mirrors is bad: all comes, and one line says which it is.
func TestBadMirror(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*testrepo.Upstream)
		words []string
	}{
		"dead":     {func(up *testrepo.Upstream) { up.Close() }, []string{"connection refused"}},
		"silent":   {func(up *testrepo.Upstream) { up.On("**", testrepo.StallHeader()) }, []string{"no answer"}},
		"slow":     {func(up *testrepo.Upstream) { up.On("**", testrepo.Drip(200, 5*time.Millisecond)) }, []string{"too slow"}},
		"lying":    {func(up *testrepo.Upstream) { up.On("**", testrepo.Corrupt(7)) }, []string{"checksum"}},
		"portal":   {func(up *testrepo.Upstream) { up.On("**", testrepo.HTML()) }, []string{"HTML"}},
		"empty":    {func(up *testrepo.Upstream) { up.On("**", testrepo.Status(http.StatusNotFound)) }, []string{"404"}},
		"resets":   {func(up *testrepo.Upstream) { up.On("**", testrepo.Reset()) }, []string{"reset"}},
		"breaks":   {func(up *testrepo.Upstream) { up.On("**", testrepo.Status(http.StatusBadGateway)).After(10) }, []string{"502"}},
		"in parts": {func(up *testrepo.Upstream) { up.On("**", testrepo.Status(http.StatusNotFound)).After(10) }, []string{"404"}},
		"cuts":     {func(up *testrepo.Upstream) { up.On("**", testrepo.Truncate(100)).After(5) }, []string{"unexpected EOF"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := files(40000)
			bad, good1, good2 := testrepo.Files(t, testrepo.Options{}, m), testrepo.Files(t, testrepo.Options{}, m), testrepo.Files(t, testrepo.Options{}, m)
			c.spoil(bad)
			for _, up := range []*testrepo.Upstream{good1, good2} { // busy, so that the bad one has its turns
				up.On("**", testrepo.Delay(10*time.Millisecond))
			}
			var w said
			o := quick()
			o.Timeout = 2 * time.Second // a busy machine is not a slow mirror
			o.Mirrors.Warn = w.warn
			s := source(t, o, bad.URL, good1.URL, good2.URL)
			bring(t, s, m)
			w.one(t, append(c.words, "mirror "+bad.URL+" is left out of this run")...)
			seen := len(bad.Requests("**"))
			bring(t, s, m)
			assert.Len(t, bad.Requests("**"), seen, "it is not asked any more")
		})
	}
}

// What no mirror has costs nobody's standing.
func TestMissingEverywhere(t *testing.T) {
	m := files(100)
	var ups []*testrepo.Upstream
	var urls []string
	for range 20 {
		up := testrepo.Files(t, testrepo.Options{}, m)
		ups, urls = append(ups, up), append(urls, up.URL)
	}
	var w said
	o := quick()
	o.Mirrors.Warn = w.warn
	s := source(t, o, urls...)
	for range 10 {
		_, err := s.Download(context.Background(), "", "Packages/none.rpm", &sink{}, 100)
		require.Error(t, err)
		assert.True(t, fetch.NotFound(err))
		assert.Less(t, len(err.Error()), 400, "not all mirrors are named")
		assert.Contains(t, err.Error(), "more mirrors failed")
	}
	assert.Empty(t, w.lines)
	total := 0
	for _, up := range ups {
		total += len(up.Requests("**"))
	}
	assert.LessOrEqual(t, total, 100, "ten mirrors are asked for a file, not all")
	bring(t, s, m)
}

// A list, from wherever it is.
func TestLists(t *testing.T) {
	up := upstream(t)
	up.Put("repodata/repomd.xml", []byte("<repomd/>"))
	text := testrepo.Mirrorlist("ftp://127.0.0.1/x", up.URL, "rsync://127.0.0.1/x")
	metalink := testrepo.Metalink(testrepo.Version{Repomd: []byte("<repomd/>")}, nil, "rsync://127.0.0.1/x", up.URL)
	lists := testrepo.Files(t, testrepo.Options{}, map[string][]byte{"list": text, "metalink": metalink, "vars": []byte("http://$host\n$bad://x\n")})
	expand := func(s string) (string, error) {
		if strings.Contains(s, "$bad") {
			return "", errors.New("no such variable")
		}
		return strings.ReplaceAll(s, "$host", strings.TrimPrefix(up.URL, "http://")), nil
	}
	for _, l := range []fetch.List{
		{URL: lists.URL + "/list"},
		{URL: lists.URL + "/metalink", Metalink: true},
		{URL: lists.URL + "/vars", Expand: expand},
		{URL: writeFile(t, text)},
		{URL: "file://" + writeFile(t, metalink), Metalink: true},
	} {
		s, w, err := mirrored(t, quick(), l)
		require.NoError(t, err, l.URL)
		_, err = download(t, s, &sink{})
		require.NoError(t, err, l.URL)
		assert.Empty(t, w.lines)
		data, info, err := s.Get(context.Background(), "repodata/repomd.xml", 100, fetch.Condition{})
		require.NoError(t, err, l.URL)
		assert.Equal(t, "<repomd/>", string(data))
		assert.Equal(t, up.URL+"/repodata/repomd.xml", info.URL)
	}
}

func TestNoList(t *testing.T) {
	up := upstream(t)
	lists := testrepo.Files(t, testrepo.Options{Username: "u", Password: "p"}, map[string][]byte{
		"page": []byte("<!DOCTYPE html><html></html>"), "empty": nil, "ftp": []byte("ftp://a/x\n"), "local": []byte("/etc\nfile:///etc\n"),
		"good": testrepo.Mirrorlist(up.URL), "bad.xml": []byte("<metalink>"), "huge": bytes.Repeat([]byte("# nothing\n"), 500000),
	})
	at := strings.Replace(lists.URL, "http://", "http://u:p@", 1) + "/"
	for _, c := range []struct {
		list fetch.List
		want string
	}{
		{fetch.List{URL: at + "page?token=secret"}, "/page: is an HTML page, not a mirrorlist"},
		{fetch.List{URL: at + "page", Metalink: true}, "/page: is an HTML page, not a metalink"},
		{fetch.List{URL: at + "empty"}, "/empty: names no mirror"},
		{fetch.List{URL: at + "ftp"}, "/ftp: has no mirror with http or https"},
		{fetch.List{URL: at + "local"}, "/local: names directories of this machine"},
		{fetch.List{URL: at + "bad.xml", Metalink: true}, "/bad.xml: is not a metalink"},
		{fetch.List{URL: at + "huge"}, "expected at most 4194304"},
		{fetch.List{URL: at + "none"}, "/none: HTTP status 404 (Not Found)"},
		{fetch.List{URL: lists.URL + "/good"}, "/good: HTTP status 401 (Unauthorized)"},
		{fetch.List{URL: "/nowhere/list"}, "/nowhere/list: file does not exist"},
	} {
		l, want := c.list, c.want
		_, _, err := mirrored(t, quick(), l)
		var listErr *fetch.ListError
		require.ErrorAs(t, err, &listErr, l.URL)
		assert.Contains(t, err.Error(), want)
		assert.NotContains(t, err.Error(), "u:p")
		assert.NotContains(t, err.Error(), "secret")

		// With a baseurl besides it goes on, and says so.
		s, w, err := mirrored(t, quick(), l, up.URL)
		require.NoError(t, err)
		w.one(t, want, "only baseurl is used")
		_, err = download(t, s, &sink{})
		require.NoError(t, err)
	}
}

// The username and password of a repository are for its mirrors as well, those
// in a list's own URL for that alone.
func TestListCredentials(t *testing.T) {
	up := testrepo.Files(t, testrepo.Options{}, map[string][]byte{file: content})
	tls := testrepo.Files(t, testrepo.Options{TLS: true}, map[string][]byte{"list": testrepo.Mirrorlist(up.URL)})
	list := testrepo.Files(t, testrepo.Options{}, map[string][]byte{"list": testrepo.Mirrorlist(up.URL)})
	o := quick()
	o.Username, o.Password, o.TLS.CAFile = "u", "p", tls.CAFile(t)
	auth := func(l string, o fetch.Options) (atList, atMirror bool) {
		up.Forget()
		s, _, err := mirrored(t, o, fetch.List{URL: l})
		require.NoError(t, err)
		_, err = download(t, s, &sink{})
		require.NoError(t, err)
		requests := slices.Concat(list.Requests("list"), tls.Requests("list"))
		last := requests[len(requests)-1]
		list.Forget()
		tls.Forget()
		return last.Header.Get("Authorization") != "", up.Requests("**")[0].Header.Get("Authorization") != ""
	}
	atList, atMirror := auth(list.URL+"/list", o)
	assert.True(t, atList)
	assert.True(t, atMirror)
	atList, atMirror = auth(tls.URL+"/list", o)
	assert.True(t, atList)
	assert.False(t, atMirror, "not in clear what was given for a list by https")
	o.Username, o.Password = "", ""
	atList, atMirror = auth(strings.Replace(list.URL, "//", "//x:y@", 1)+"/list", o)
	assert.True(t, atList)
	assert.False(t, atMirror)
}

// A site is a metalink and mirrors of one repomd.xml each.
func metalinkSite(t *testing.T, present, earlier string, has ...string) (list fetch.List, ups []*testrepo.Upstream) {
	t.Helper()
	var urls []string
	for _, repomd := range has {
		up := testrepo.Files(t, testrepo.Options{}, map[string][]byte{"repodata/repomd.xml": []byte(repomd), file: content})
		ups, urls = append(ups, up), append(urls, up.URL)
	}
	var before []testrepo.Version
	for i, text := range strings.Fields(earlier) {
		before = append(before, testrepo.Version{Repomd: []byte(text), Timestamp: int64(i)})
	}
	return fetch.List{URL: writeFile(t, testrepo.Metalink(testrepo.Version{Repomd: []byte(present)}, before, urls...)), Metalink: true}, ups
}

// A metalink decides which mirror is current.
func TestMetalinkDecides(t *testing.T) {
	for name, c := range map[string]struct {
		has   []string
		want  string
		asked int   // mirrors
		out   []int // mirrors that are left out
	}{
		"all are current":        {[]string{"new", "new", "new"}, "new", 1, nil},
		"the first is stale":     {[]string{"stale", "new", "new"}, "new", 2, []int{0}},
		"one has an earlier one": {[]string{"old2", "stale", "new", "new"}, "new", 3, []int{0, 1}},
		"the newest of earlier":  {[]string{"old1", "old2", "stale", "old2", "old2"}, "old2", 4, []int{0, 2}},
		"all have an earlier":    {[]string{"old2", "old2", "old2", "old2", "old2"}, "old2", 3, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, ups := metalinkSite(t, "new", "old1 old2", c.has...)
			s, w, err := mirrored(t, quick(), list)
			require.NoError(t, err)
			data, info, err := s.Get(context.Background(), "repodata/repomd.xml", 100, fetch.Condition{})
			require.NoError(t, err)
			assert.Equal(t, c.want, string(data))
			asked := 0
			for i, up := range ups {
				asked += len(up.Requests("**"))
				if up.URL+"/repodata/repomd.xml" == info.URL {
					assert.Equal(t, c.want, c.has[i])
				}
			}
			assert.Equal(t, c.asked, asked)
			require.Len(t, w.lines, len(c.out), w.lines)
			for i, n := range c.out {
				assert.Contains(t, strings.Join(w.lines, "\n"), "mirror "+ups[n].URL+" is left out of this run", i)
			}
			for range 20 {
				_, err = download(t, s, &sink{})
				require.NoError(t, err)
			}
			for _, n := range c.out {
				assert.Empty(t, ups[n].Requests(file))
			}
			// What belongs to it comes from the same mirror.
			_, same, err := s.From(info).Get(context.Background(), "repodata/repomd.xml", 100, fetch.Condition{})
			require.NoError(t, err)
			assert.Equal(t, info.URL, same.URL)
		})
	}
	t.Run("none", func(t *testing.T) {
		list, ups := metalinkSite(t, "new", "old1", "stale", "lie", "", "<html>", "stale")
		s, w, err := mirrored(t, quick(), list)
		require.NoError(t, err)
		_, _, err = s.Get(context.Background(), "repodata/repomd.xml", 100, fetch.Condition{})
		require.Error(t, err)
		assert.True(t, fetch.Mismatch(err))
		assert.Contains(t, err.Error(), "no mirror has the repomd.xml that the metalink "+list.URL+" describes")
		assert.Contains(t, err.Error(), ups[0].URL)
		assert.NotContains(t, err.Error(), "\n")
		assert.Empty(t, w.lines)
	})
}

// A mirror that had repomd.xml last time is asked whether it has another one now,
// unless the metalink knows that there is one.
func TestMetalinkCondition(t *testing.T) {
	const sha256OfNew = "11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437"
	list, ups := metalinkSite(t, "new", "", "new", "new", "new")
	s, _, err := mirrored(t, quick(), list)
	require.NoError(t, err)
	at := ups[2].URL + "/repodata/repomd.xml"
	_, info, err := s.From(fetch.Info{}).Get(context.Background(), "repodata/repomd.xml", 100, fetch.Condition{URL: at, ETag: `"x"`})
	require.NoError(t, err)
	for _, c := range []struct {
		cond        fetch.Condition
		conditional bool
	}{
		{fetch.Condition{URL: at, ETag: etagOf(t, ups[2]), SHA256: sha256OfNew}, true},
		{fetch.Condition{URL: at, ETag: etagOf(t, ups[2]), SHA256: strings.Repeat("0", 64)}, false},
		{fetch.Condition{URL: at, ETag: etagOf(t, ups[2])}, false},
		{fetch.Condition{URL: "http://elsewhere/", ETag: etagOf(t, ups[0]), SHA256: sha256OfNew}, false},
	} {
		for _, up := range ups {
			up.Forget()
		}
		_, info, err = s.Get(context.Background(), "repodata/repomd.xml", 100, c.cond)
		require.NoError(t, err)
		assert.Equal(t, c.conditional, info.NotModified)
		if c.conditional {
			assert.Equal(t, at, info.URL)
		}
		total := 0
		for _, up := range ups {
			total += len(up.Requests("**"))
		}
		assert.Equal(t, 1, total)
	}
}

func etagOf(t *testing.T, up *testrepo.Upstream) string {
	t.Helper()
	resp, err := http.Get(up.URL + "/repodata/repomd.xml")
	require.NoError(t, err)
	defer resp.Body.Close() //nolint:errcheck // read only
	return resp.Header.Get("ETag")
}

// Who asks for repomd.xml again because upstream has moved on sees the metalink
// as it is now, and mirrors that were ahead of it are used again.
func TestMetalinkMovesOn(t *testing.T) {
	list, ups := metalinkSite(t, "old", "", "new", "old")
	s, w, err := mirrored(t, quick(), list)
	require.NoError(t, err)
	data, _, err := s.Get(context.Background(), "repodata/repomd.xml", 100, fetch.Condition{})
	require.NoError(t, err)
	assert.Equal(t, "old", string(data))
	w.one(t, ups[0].URL)
	require.NoError(t, os.WriteFile(list.URL, testrepo.Metalink(testrepo.Version{Repomd: []byte("new")}, nil, ups[0].URL, ups[1].URL), 0o644))
	data, info, err := s.Get(context.Background(), "repodata/repomd.xml", 100, fetch.Condition{})
	require.NoError(t, err)
	assert.Equal(t, "new", string(data))
	assert.Equal(t, ups[0].URL+"/repodata/repomd.xml", info.URL)
}

func TestFastestFirst(t *testing.T) {
	slow, fast, dead := upstream(t), upstream(t), upstream(t)
	for _, up := range []*testrepo.Upstream{slow, fast, dead} {
		up.Put("repodata/repomd.xml", []byte("x"))
	}
	slow.On("repodata/**", testrepo.Delay(100*time.Millisecond))
	dead.Close()
	dir := t.TempDir()
	s := source(t, quick(), dead.URL, slow.URL, fast.URL, dir)
	s.FastestFirst(context.Background())
	assert.Equal(t, filepath.Join(dir, file), s.URL("", file))
	s = source(t, quick(), dead.URL, slow.URL, fast.URL)
	s.FastestFirst(context.Background())
	assert.Equal(t, fast.URL+"/"+file, s.URL("", file))
	_, err := download(t, s, &sink{})
	require.NoError(t, err)
	assert.Len(t, fast.Requests(file), 1)
}
