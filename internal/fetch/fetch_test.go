package fetch_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
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

// quick has the waits of a test.
func quick() fetch.Options {
	return fetch.Options{
		Timeout: 300 * time.Millisecond, Retries: 3,
		RetryWait: time.Millisecond, MaxWait: 20 * time.Millisecond,
	}
}

func source(t *testing.T, o fetch.Options, bases ...string) *fetch.Source {
	t.Helper()
	s, err := fetch.New(bases, o)
	require.NoError(t, err)
	return s
}

// sink is a fetch.Sink that knows what it wants.
type sink struct {
	want     []byte
	got      []byte
	restarts int
	finished int
	fail     error // of Write
}

func (s *sink) Write(p []byte) (int, error) {
	if s.fail != nil {
		return 0, s.fail
	}
	s.got = append(s.got, p...)
	return len(p), nil
}
func (s *sink) Offset() int64 { return int64(len(s.got)) }
func (s *sink) Restart() error {
	s.restarts++
	s.got = nil
	return nil
}

func (s *sink) Finish() error {
	s.finished++
	if !bytes.Equal(s.got, s.want) {
		return errors.New("checksum is wrong")
	}
	return nil
}

const file = "Packages/a.rpm"

var content = testrepo.Bytes("a", 300_000)

func upstream(t *testing.T) *testrepo.Upstream {
	t.Helper()
	return testrepo.Files(t, testrepo.Options{}, map[string][]byte{file: content})
}

func download(t *testing.T, s *fetch.Source, k *sink) (fetch.Info, error) {
	t.Helper()
	if k.want == nil {
		k.want = content
	}
	return s.Download(t.Context(), "", file, k, int64(len(k.want)))
}

func TestDownload(t *testing.T) {
	up := upstream(t)
	s := source(t, quick(), up.URL+"/")
	k := &sink{}
	info, err := download(t, s, k)
	require.NoError(t, err)
	assert.Equal(t, content, k.got)
	assert.Equal(t, 1, k.finished)
	assert.Equal(t, up.URL+"/"+file, info.URL)
	assert.Equal(t, int64(len(content)), info.Size)
	assert.NotEmpty(t, info.ETag)
	assert.NotEmpty(t, info.LastModified)
	assert.Equal(t, 1, info.Requests)
	assert.Equal(t, fetch.Stats{Requests: 1, Bytes: int64(len(content))}, s.Stats())

	req := up.Requests("**")[0]
	assert.Equal(t, "gorepo", req.Header.Get("User-Agent"))
	assert.Equal(t, "identity", req.Header.Get("Accept-Encoding"))
	assert.Empty(t, req.Range)
}

// Each fault once; the download gets there all the same, by so many requests
// and no more bytes than needed.
func TestFaultsOvercome(t *testing.T) {
	half := int64(len(content) / 2)
	for name, c := range map[string]struct {
		faults   []testrepo.Fault // of the first requests
		requests int
		restarts int
		resumed  bool // the last request asks for a range
	}{
		"503":                  {[]testrepo.Fault{testrepo.Status(503)}, 2, 0, false},
		"429 with Retry-After": {[]testrepo.Fault{testrepo.Status(429, "Retry-After", "1")}, 2, 0, false},
		"408, 500":             {[]testrepo.Fault{testrepo.Status(408), testrepo.Status(500)}, 3, 0, false},
		"reset":                {[]testrepo.Fault{testrepo.Reset(), testrepo.Reset()}, 3, 0, false},
		"no answer":            {[]testrepo.Fault{testrepo.StallHeader()}, 2, 0, false},
		"truncated":            {[]testrepo.Fault{testrepo.Truncate(half)}, 2, 0, true},
		"truncated twice":      {[]testrepo.Fault{testrepo.Truncate(half), testrepo.Truncate(1000)}, 3, 0, true},
		"stalled":              {[]testrepo.Fault{testrepo.Stall(half)}, 2, 0, true},
		"corrupt":              {[]testrepo.Fault{testrepo.Corrupt(half)}, 2, 1, false},
		"captive portal":       {[]testrepo.Fault{testrepo.HTML()}, 2, 1, false},
		"ranges unknown":       {[]testrepo.Fault{testrepo.Truncate(half), testrepo.IgnoreRange()}, 2, 1, true},
		"another range":        {[]testrepo.Fault{testrepo.Truncate(half), testrepo.ShiftRange(-10)}, 3, 1, false},
		"false range":          {[]testrepo.Fault{testrepo.Truncate(half), testrepo.FalseRange()}, 3, 1, false},
		"416":                  {[]testrepo.Fault{testrepo.Truncate(half), testrepo.Status(416)}, 3, 1, false},
		"range in pieces":      {[]testrepo.Fault{testrepo.Truncate(half), testrepo.PieceRange(100_000), testrepo.PieceRange(5)}, 4, 0, true},
		"range without total":  {[]testrepo.Fault{testrepo.Truncate(half), testrepo.Status(206, "Content-Range", "nonsense")}, 3, 1, false},
		"too much, announced":  {[]testrepo.Fault{testrepo.Content("text/plain", make([]byte, len(content)+1))}, 2, 1, false},
		"too much, streamed":   {[]testrepo.Fault{testrepo.Chunked(1)}, 2, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up := upstream(t)
			for _, f := range c.faults {
				up.On(file, f).Times(1)
			}
			k := &sink{}
			info, err := download(t, source(t, quick(), up.URL), k)
			require.NoError(t, err)
			assert.Equal(t, content, k.got)
			reqs := up.Requests("**")
			assert.Len(t, reqs, c.requests)
			assert.Equal(t, c.requests, info.Requests)
			assert.Equal(t, c.restarts, k.restarts, "restarts")
			assert.Equal(t, c.resumed, reqs[len(reqs)-1].Range != "", "resumed")
		})
	}
}

func TestResume(t *testing.T) {
	t.Run("what an earlier run left", func(t *testing.T) {
		up := upstream(t)
		k := &sink{got: bytes.Clone(content[:100_000])}
		info, err := download(t, source(t, quick(), up.URL), k)
		require.NoError(t, err)
		assert.Equal(t, "bytes=100000-", up.Requests("**")[0].Range)
		assert.Empty(t, up.Requests("**")[0].Header.Get("If-Range"), "nothing is known of its revision")
		assert.Equal(t, int64(200_000), up.Bytes())
		assert.Equal(t, int64(300_000), info.Size)
	})
	t.Run("within one run, with If-Range", func(t *testing.T) {
		up := upstream(t)
		up.On(file, testrepo.Truncate(150_000)).Times(1)
		k := &sink{}
		_, err := download(t, source(t, quick(), up.URL), k)
		require.NoError(t, err)
		reqs := up.Requests("**")
		assert.Equal(t, "bytes=150000-", reqs[1].Range)
		assert.Regexp(t, `^"[0-9a-f]+"$`, reqs[1].Header.Get("If-Range"))
		assert.Equal(t, int64(300_000), up.Bytes())
	})
	t.Run("changed in between", func(t *testing.T) {
		up := upstream(t)
		next := testrepo.Bytes("b", 300_000)
		up.On(file, testrepo.Truncate(150_000)).Times(1)
		up.On(file, testrepo.Then(func() { up.Put(file, next) })).Times(1)
		k := &sink{want: next}
		_, err := download(t, source(t, quick(), up.URL), k)
		require.NoError(t, err)
		assert.Equal(t, 1, k.restarts, "If-Range made it a whole file")
		assert.Len(t, up.Requests("**"), 2)
	})
	t.Run("changed in between, without ETag", func(t *testing.T) {
		up := testrepo.Files(t, testrepo.Options{NoETag: true}, map[string][]byte{file: content})
		next := testrepo.Bytes("b", 300_000)
		up.On(file, testrepo.Truncate(150_000)).Times(1)
		up.On(file, testrepo.Then(func() { up.Put(file, next) })).Times(1)
		k := &sink{want: next}
		_, err := download(t, source(t, quick(), up.URL), k)
		require.NoError(t, err, "the checksum is the judge")
		assert.Equal(t, next, k.got)
		assert.Len(t, up.Requests("**"), 3)
	})
	t.Run("wrong bytes left", func(t *testing.T) {
		up := upstream(t)
		k := &sink{got: make([]byte, 1000)}
		_, err := download(t, source(t, quick(), up.URL), k)
		require.NoError(t, err)
		assert.Equal(t, content, k.got)
		reqs := up.Requests("**")
		require.Len(t, reqs, 2)
		assert.Empty(t, reqs[1].Range)
	})
	t.Run("all bytes left", func(t *testing.T) {
		up := upstream(t)
		k := &sink{got: bytes.Clone(content)}
		info, err := download(t, source(t, quick(), up.URL), k)
		require.NoError(t, err)
		assert.Empty(t, up.Requests("**"))
		assert.Equal(t, 0, info.Requests)
		assert.Equal(t, 1, k.finished)
	})
	t.Run("as many bytes left, but wrong", func(t *testing.T) {
		up := upstream(t)
		k := &sink{got: make([]byte, len(content))}
		_, err := download(t, source(t, quick(), up.URL), k)
		require.NoError(t, err)
		assert.Len(t, up.Requests("**"), 1)
	})
	t.Run("more bytes left than there are", func(t *testing.T) {
		up := upstream(t)
		k := &sink{got: make([]byte, len(content)+1)}
		_, err := download(t, source(t, quick(), up.URL), k)
		require.NoError(t, err)
		assert.Len(t, up.Requests("**"), 1)
	})
	t.Run("from another server", func(t *testing.T) {
		a, b := upstream(t), upstream(t)
		a.On(file, testrepo.Truncate(150_000))
		k := &sink{}
		info, err := download(t, source(t, quick(), a.URL, b.URL), k)
		require.NoError(t, err)
		assert.Equal(t, b.URL+"/"+file, info.URL)
		assert.Equal(t, "bytes=150000-", b.Requests("**")[0].Range)
		assert.Empty(t, b.Requests("**")[0].Header.Get("If-Range"), "an ETag is one server's own")
	})
}

// A file that is cut again and again arrives, because it gets on, though there
// are more cuts than retries.
func TestProgressRenewsRetries(t *testing.T) {
	big := testrepo.Bytes("big", 12<<20)
	up := testrepo.Files(t, testrepo.Options{}, map[string][]byte{file: big})
	up.On(file, testrepo.Truncate(1<<20+1))
	o := quick()
	o.Retries = 1
	o.Timeout = time.Minute // there is no pause, but on a busy machine
	k := &sink{want: big}
	_, err := download(t, source(t, o, up.URL), k)
	require.NoError(t, err)
	assert.Equal(t, int64(len(big)), up.Bytes())
	assert.Len(t, up.Requests("**"), 12)
}

func TestGet(t *testing.T) {
	up := testrepo.New(t, testrepo.Options{})
	s := source(t, quick(), up.URL)
	const name = "repodata/repomd.xml"
	data, info, err := s.Get(t.Context(), name, 1<<20, fetch.Condition{})
	require.NoError(t, err)
	assert.Equal(t, up.File(name), data)
	assert.Equal(t, int64(len(data)), info.Size)

	cond := fetch.Condition{ETag: info.ETag, LastModified: info.LastModified}
	data, again, err := s.Get(t.Context(), name, 1<<20, cond)
	require.NoError(t, err)
	assert.True(t, again.NotModified)
	assert.Empty(t, data)
	assert.Equal(t, info.ETag, again.ETag)

	_, again, err = s.Get(t.Context(), name, 1<<20, fetch.Condition{LastModified: info.LastModified})
	require.NoError(t, err)
	assert.True(t, again.NotModified)

	up.Render()
	data, again, err = s.Get(t.Context(), name, 1<<20, cond)
	require.NoError(t, err)
	assert.False(t, again.NotModified)
	assert.Equal(t, up.File(name), data)

	_, _, err = s.Get(t.Context(), name, 10, fetch.Condition{})
	var tooLarge *fetch.TooLargeError
	require.ErrorAs(t, err, &tooLarge)

	up.On(name, testrepo.Truncate(20)).Times(1)
	data, _, err = s.Get(t.Context(), name, 1<<20, fetch.Condition{})
	require.NoError(t, err)
	assert.Equal(t, up.File(name), data)
}

// A signature has to come from where the signed file came from.
func TestFrom(t *testing.T) {
	a := testrepo.Files(t, testrepo.Options{}, map[string][]byte{"asc": []byte("a")})
	b := testrepo.Files(t, testrepo.Options{}, map[string][]byte{"md": []byte("b"), "asc": []byte("b")})
	s := source(t, quick(), a.URL, b.URL)
	_, info, err := s.Get(t.Context(), "md", 10, fetch.Condition{})
	require.NoError(t, err)
	data, _, err := s.From(info).Get(t.Context(), "asc", 10, fetch.Condition{})
	require.NoError(t, err)
	assert.Equal(t, "b", string(data))
}

func TestGetURL(t *testing.T) {
	up := testrepo.Files(t, testrepo.Options{Username: "u", Password: "p"}, map[string][]byte{"keys/RPM-GPG-KEY": []byte("key")})
	other := testrepo.Files(t, testrepo.Options{}, map[string][]byte{"k": []byte("other")})
	o := quick()
	o.Username, o.Password = "u", "p"
	s := source(t, o, up.URL+"/repo")
	data, _, err := s.GetURL(t.Context(), up.URL+"/keys/RPM-GPG-KEY?x=1", 100, fetch.Condition{})
	require.NoError(t, err)
	assert.Equal(t, "key", string(data))
	assert.Equal(t, "/keys/RPM-GPG-KEY?x=1", up.Requests("**")[0].Raw)

	data, _, err = s.GetURL(t.Context(), other.URL+"/k", 100, fetch.Condition{})
	require.NoError(t, err)
	assert.Equal(t, "other", string(data))
	assert.Empty(t, other.Requests("**")[0].Header.Get("Authorization"))

	key := filepath.Join(t.TempDir(), "key file")
	require.NoError(t, os.WriteFile(key, []byte("local"), 0o600))
	for _, u := range []string{key, "file://" + strings.ReplaceAll(key, " ", "%20")} {
		data, _, err = s.GetURL(t.Context(), u, 100, fetch.Condition{})
		require.NoError(t, err)
		assert.Equal(t, "local", string(data))
	}
}

// Sources of one client share connections, and its counters sum up.
func TestClientShares(t *testing.T) {
	up := upstream(t)
	c := fetch.NewClient()
	defer c.Close()
	var conns sync.Map
	up.On("**", func(x *testrepo.Exchange) {
		conns.Store(x.R.RemoteAddr, true)
		x.Serve()
	})
	for range 5 {
		s, err := c.Source([]string{up.URL}, quick())
		require.NoError(t, err)
		_, err = download(t, s, &sink{})
		require.NoError(t, err)
	}
	n := 0
	conns.Range(func(any, any) bool { n++; return true })
	assert.Equal(t, 1, n, "connections")
	assert.Equal(t, fetch.Stats{Requests: 5, Bytes: 5 * int64(len(content))}, c.Stats())
}

func TestManyAtOnce(t *testing.T) {
	files := map[string][]byte{}
	for i := range 200 {
		files[fmt.Sprintf("p%d.rpm", i)] = testrepo.Bytes(fmt.Sprint(i), 5000+i)
	}
	up := testrepo.Files(t, testrepo.Options{}, files)
	up.On("**", testrepo.Truncate(2000)).After(20).Times(20)
	up.On("**", testrepo.Reset()).After(50).Times(10)
	up.On("**", testrepo.Status(http.StatusBadGateway)).After(90).Times(10)
	o := quick()
	o.Retries, o.RetryWait, o.MaxWait = 40, 20*time.Millisecond, 50*time.Millisecond // more than there are faults
	s := source(t, o, up.URL)
	var g errgroup.Group
	g.SetLimit(8)
	for name, want := range files {
		g.Go(func() error {
			k := &sink{want: want}
			_, err := s.Download(t.Context(), "", name, k, int64(len(want)))
			return err
		})
	}
	require.NoError(t, g.Wait())
	assert.Positive(t, s.Stats().Retries)
}
