package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/fetch"
	"gorepo/internal/testrepo"
)

func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		fault    testrepo.Fault
		requests int
		message  string
		judge    func(error) bool
	}{
		"404":      {testrepo.Status(404), 1, "HTTP status 404 (Not Found)", fetch.NotFound},
		"410":      {testrepo.Status(410), 1, "HTTP status 410 (Gone)", fetch.NotFound},
		"403":      {testrepo.Status(403), 1, "HTTP status 403 (Forbidden)", nil},
		"401":      {testrepo.Status(401), 1, "HTTP status 401 (Unauthorized)", nil},
		"304":      {testrepo.Status(304), 1, "HTTP status 304 (Not Modified)", nil},
		"204":      {testrepo.Status(204), 1, "HTTP status 204 (No Content)", nil},
		"299":      {testrepo.Status(299), 1, "HTTP status 299", nil},
		"503":      {testrepo.Status(503), 4, "HTTP status 503 (Service Unavailable)", fetch.Temporary},
		"reset":    {testrepo.Reset(), 4, "connection reset by peer", fetch.Temporary},
		"stall":    {testrepo.Stall(0), 4, "no answer or no progress for 300ms", fetch.Temporary},
		"corrupt":  {testrepo.Corrupt(5), 2, "checksum is wrong", fetch.Mismatch},
		"portal":   {testrepo.HTML(), 2, "checksum is wrong (the answer is an HTML page", fetch.Mismatch},
		"too much": {testrepo.Chunked(1), 2, "has more than the expected 300000 bytes", fetch.Mismatch},
		"loop":     {testrepo.Redirect("/"+file, 302), 11, "stopped after 10 redirects", nil},
		"to file":  {testrepo.Redirect("file:///etc/passwd", 302), 1, "redirect to file:///etc/passwd refused", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up := upstream(t)
			up.On(file, c.fault)
			k := &sink{}
			_, err := download(t, source(t, quick(), up.URL), k)
			require.Error(t, err)
			assert.True(t, strings.HasPrefix(err.Error(), up.URL+"/"+file+": "), err.Error())
			assert.Contains(t, err.Error(), c.message)
			assert.NotContains(t, err.Error(), "\n")
			assert.Len(t, up.Requests("**"), c.requests)
			for what, judge := range map[string]func(error) bool{
				"NotFound": fetch.NotFound, "Temporary": fetch.Temporary, "Mismatch": fetch.Mismatch,
			} {
				want := c.judge != nil && fmt.Sprintf("%p", judge) == fmt.Sprintf("%p", c.judge)
				assert.Equal(t, want, judge(err), what)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	up := upstream(t)
	up.Close()
	_, err := download(t, source(t, quick(), up.URL), &sink{})
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	assert.True(t, fetch.Temporary(err))
}

// A server that has gone for good costs the patience of one download, not that
// of each.
func TestDown(t *testing.T) {
	up := upstream(t)
	s := source(t, quick(), up.URL)
	_, err := download(t, s, &sink{})
	require.NoError(t, err)
	up.Close()
	var last error
	for range 20 {
		_, last = download(t, s, &sink{})
		require.Error(t, last)
	}
	require.ErrorIs(t, last, fetch.ErrDown)
	assert.Less(t, s.Stats().Requests, int64(30))
}

func TestFailover(t *testing.T) {
	for name, fault := range map[string]testrepo.Fault{
		"404": testrepo.Status(404), "403": testrepo.Status(403), "503": testrepo.Status(503),
		"reset": testrepo.Reset(), "stall": testrepo.StallHeader(), "corrupt": testrepo.Corrupt(0),
		"portal": testrepo.HTML(), "loop": testrepo.Redirect("/"+file, 301),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := upstream(t), upstream(t)
			a.On(file, fault)
			k := &sink{}
			info, err := download(t, source(t, quick(), a.URL, b.URL), k)
			require.NoError(t, err)
			assert.Equal(t, content, k.got)
			assert.Equal(t, b.URL+"/"+file, info.URL)
			assert.Len(t, b.Requests("**"), 1)
		})
	}
	t.Run("all fail", func(t *testing.T) {
		a, b := upstream(t), upstream(t)
		a.Delete(file)
		b.On(file, testrepo.Status(403))
		_, err := download(t, source(t, quick(), a.URL, b.URL), &sink{})
		require.EqualError(t, err, a.URL+"/"+file+": HTTP status 404 (Not Found); "+
			b.URL+"/"+file+": HTTP status 403 (Forbidden)")
		assert.False(t, fetch.NotFound(err), "one does not say so")
		b.Delete(file)
		b.Repair()
		_, err = download(t, source(t, quick(), a.URL, b.URL), &sink{})
		assert.True(t, fetch.NotFound(err))
	})
	t.Run("who asks for patience is asked last", func(t *testing.T) {
		a, b := upstream(t), upstream(t)
		a.On(file, testrepo.Status(503, "Retry-After", "60"))
		o := quick()
		o.MaxWait = 5 * time.Second
		s := source(t, o, a.URL, b.URL)
		for range 3 {
			_, err := download(t, s, &sink{})
			require.NoError(t, err)
		}
		assert.Len(t, a.Requests("**"), 1)
		assert.Len(t, b.Requests("**"), 3)
	})
}

func TestRetryAfterIsHonouredAndBounded(t *testing.T) {
	up := upstream(t)
	up.On(file, testrepo.Status(429, "Retry-After", "3600")).Times(1)
	o := quick()
	o.MaxWait = 200 * time.Millisecond
	start := time.Now()
	_, err := download(t, source(t, o, up.URL), &sink{})
	require.NoError(t, err)
	assert.GreaterOrEqual(t, time.Since(start), 200*time.Millisecond)
	assert.Less(t, time.Since(start), 3*time.Second)
}

// A full disk is not the server's fault.
func TestLocalError(t *testing.T) {
	a, b := upstream(t), upstream(t)
	full := &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	_, err := download(t, source(t, quick(), a.URL, b.URL), &sink{fail: full})
	var local *fetch.LocalError
	require.ErrorAs(t, err, &local)
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.False(t, fetch.Temporary(err))
	assert.False(t, fetch.NotFound(err))
	assert.Len(t, a.Requests("**"), 1)
	assert.Empty(t, b.Requests("**"))
}

// tooMuch is a Sink that finds wrong content while it is written.
type tooMuch struct{ sink }

type mismatch struct{ error }

func (mismatch) Mismatch() bool { return true }

func (s *tooMuch) Write([]byte) (int, error) { return 0, mismatch{errors.New("too much")} }

func TestMismatchWhileWriting(t *testing.T) {
	up := upstream(t)
	_, err := source(t, quick(), up.URL).Download(t.Context(), "", file, &tooMuch{}, fetch.NoLimit)
	assert.True(t, fetch.Mismatch(err))
	assert.Len(t, up.Requests("**"), 2)
}

func TestCancel(t *testing.T) {
	for name, fault := range map[string]testrepo.Fault{
		"while it waits for an answer": testrepo.StallHeader(),
		"while it transfers":           testrepo.Stall(1000),
		"while it waits to retry":      testrepo.Status(503, "Retry-After", "600"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up := upstream(t)
			up.On(file, fault)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(100*time.Millisecond, cancel)
			o := quick()
			o.Timeout, o.MaxWait = time.Minute, time.Minute
			start := time.Now()
			k := &sink{want: content}
			_, err := source(t, o, up.URL).Download(ctx, "", file, k, int64(len(content)))
			require.ErrorIs(t, err, context.Canceled)
			assert.Less(t, time.Since(start), 10*time.Second)
			if name == "while it transfers" {
				assert.Equal(t, content[:1000], k.got, "what came is kept")
			}
		})
	}
}

func TestMinRate(t *testing.T) {
	up := upstream(t)
	up.On(file, testrepo.Drip(100, 20*time.Millisecond))
	o := quick()
	o.MinRate, o.Retries = 100_000, -1
	_, err := download(t, source(t, o, up.URL), &sink{})
	var timeout *fetch.TimeoutError
	require.ErrorAs(t, err, &timeout)
	assert.True(t, timeout.Slow)

	// Without a least rate a slow server is no failure.
	up.Repair()
	up.On(file, testrepo.Drip(50_000, 100*time.Millisecond))
	_, err = download(t, source(t, quick(), up.URL), &sink{})
	require.NoError(t, err)
}

func TestUnavailable(t *testing.T) {
	for name, c := range map[string]struct {
		fault testrepo.Fault
		want  bool
	}{
		"404": {testrepo.Status(404), true}, "403": {testrepo.Status(403), true}, "503": {testrepo.Status(503), true},
		"reset": {testrepo.Reset(), true}, "stall": {testrepo.StallHeader(), true},
		"304": {testrepo.Status(304), false}, "corrupt": {testrepo.Corrupt(5), false}, "portal": {testrepo.HTML(), false},
		"to file": {testrepo.Redirect("file:///etc/passwd", 302), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := upstream(t), upstream(t)
			a.On(file, c.fault)
			b.On(file, testrepo.Status(404))
			_, err := download(t, source(t, quick(), a.URL), &sink{})
			assert.Equal(t, c.want, fetch.Unavailable(err), err)
			_, err = download(t, source(t, quick(), a.URL, b.URL), &sink{})
			assert.Equal(t, c.want, fetch.Unavailable(err), "one of two: %v", err)
		})
	}
	_, err := download(t, source(t, quick(), "http://host.invalid/"), &sink{})
	assert.True(t, fetch.Unavailable(err), err)
	_, err = download(t, source(t, quick(), t.TempDir()), &sink{})
	assert.True(t, fetch.Unavailable(err), err)
	_, err = download(t, source(t, quick(), upstream(t).URL), &sink{fail: syscall.ENOSPC})
	require.Error(t, err)
	assert.False(t, fetch.Unavailable(err), err)
	assert.False(t, fetch.Unavailable(nil))
	tls := testrepo.New(t, testrepo.Options{TLS: true})
	_, err = download(t, source(t, quick(), tls.URL), &sink{})
	require.Error(t, err)
	assert.False(t, fetch.Unavailable(err), err)
}
