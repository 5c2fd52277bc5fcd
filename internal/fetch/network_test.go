package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNetwork(t *testing.T) {
	var n network
	refused := errors.New("refused")
	began := time.Now().Add(-time.Minute)
	for i := range silentFailures {
		assert.False(t, n.silent())
		assert.False(t, n.verdict(time.Second))
		n.failed(fmt.Sprintf("h%d", i), began, refused)
	}
	assert.True(t, n.silent())
	assert.False(t, n.verdict(time.Hour), "a short silence is not the end")
	probe, err := n.refused("h0")
	assert.False(t, probe)
	require.NoError(t, err, "before the verdict everybody is asked")
	assert.True(t, n.verdict(time.Second))
	_, err = n.refused("h0")
	assert.Equal(t, refused, err)
	for range maxProbes {
		probe, err = n.refused("new")
		assert.True(t, probe)
		require.NoError(t, err)
	}
	_, err = n.refused("new")
	assert.Equal(t, ErrNetwork, err)

	n.heard()
	assert.False(t, n.silent())
	assert.False(t, n.verdict(0))
	_, err = n.refused("h0")
	require.NoError(t, err)
	// What began before somebody answered says less.
	for range silentFailures {
		n.failed("h0", began, refused)
	}
	assert.True(t, n.silent())
	assert.False(t, n.verdict(time.Second))
}

// Nobody answers: who would give up early waits for the verdict, and then nobody
// is asked any more. One that answers after all is not held back by it.
func TestNetworkDown(t *testing.T) {
	good := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("x")) }))
	defer good.Close()
	o := Options{Retries: 3, RetryWait: 5 * time.Millisecond, MaxWait: 10 * time.Millisecond}
	c := NewClient()
	get := func(url string) error {
		s, err := c.Source([]string{url}, o)
		require.NoError(t, err)
		_, _, err = s.Get(context.Background(), "x", 10, Condition{})
		return err
	}
	dead := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close() //nolint:errcheck // that is what it is for
		return "http://" + l.Addr().String() + "/"
	}
	assert.True(t, c.Silent())
	hosts := []string{dead(), dead(), dead()}
	err := get(hosts[0])
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrNetwork, "one download on its own")
	require.ErrorIs(t, get(hosts[1]), ErrNetwork)
	requests := c.Stats().Requests
	for _, h := range hosts[:2] {
		err := get(h)
		require.ErrorIs(t, err, ErrNetwork)
		require.ErrorIs(t, err, ErrDown)
		assert.True(t, Unreachable(err))
		assert.Contains(t, err.Error(), h+"x: dial tcp")
	}
	assert.Equal(t, requests, c.Stats().Requests)
	require.ErrorIs(t, get(hosts[2]), ErrNetwork)
	assert.Equal(t, requests+1, c.Stats().Requests, "a server that was not asked yet gets one try")
	require.NoError(t, get(good.URL))
	assert.False(t, c.Silent())
	require.NotErrorIs(t, get(hosts[0]), ErrNetwork, "others answer")
}

// A host that is not reached is known to all sources of a client.
func TestHostDown(t *testing.T) {
	good := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("x")) }))
	defer good.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	c := NewClient()
	get := func(url string) error {
		s, err := c.Source([]string{url}, Options{Retries: 3, RetryWait: 5 * time.Millisecond, MaxWait: 10 * time.Millisecond})
		require.NoError(t, err)
		_, _, err = s.Get(context.Background(), "x", 10, Condition{})
		return err
	}
	var last error
	for i := range 10 {
		last = get(fmt.Sprintf("http://%s/repository%d", l.Addr(), i))
		require.Error(t, last)
		require.NoError(t, get(good.URL))
	}
	require.ErrorIs(t, last, ErrDown)
	require.NotErrorIs(t, last, ErrNetwork)
	assert.Less(t, c.Stats().Requests, int64(10+5*4))
}
