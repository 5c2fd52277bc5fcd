package fetch_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/fetch"
)

// A server at an address of each kind, at one port.
func TestIPResolve(t *testing.T) {
	four := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("4")) }))
	defer four.Close()
	port := four.URL[strings.LastIndexByte(four.URL, ':'):]
	listener, err := net.Listen("tcp6", "[::1]"+port)
	if err != nil {
		t.Skipf("no IPv6 here: %v", err)
	}
	six := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("6")) }))
	require.NoError(t, six.Listener.Close())
	six.Listener = listener
	six.Start()
	defer six.Close()

	client := fetch.NewClient()
	defer client.Close()
	get := func(host, kind string) (string, error) {
		o := quick()
		o.IPResolve, o.Retries = kind, -1
		s, err := client.Source([]string{"http://" + host + port}, o)
		require.NoError(t, err)
		data, _, err := s.Get(t.Context(), "x", 10, fetch.Condition{})
		return string(data), err
	}
	for _, c := range [][2]string{{"localhost", "4"}, {"127.0.0.1", "4"}, {"[::1]", "6"}} {
		for _, kind := range []string{c[1], ""} {
			data, err := get(c[0], kind)
			require.NoError(t, err)
			if kind != "" {
				assert.Equal(t, kind, data)
			}
		}
	}
	_, err = get("127.0.0.1", "6")
	assert.False(t, fetch.Temporary(err))
	require.ErrorContains(t, err, "127.0.0.1 has no IPv6 address, and ip_resolve is 6")
	_, err = get("[::1]", "4")
	require.ErrorContains(t, err, "::1 has no IPv4 address, and ip_resolve is 4")
	_, err = fetch.New([]string{"http://h/"}, fetch.Options{IPResolve: "5"})
	require.EqualError(t, err, `address kind "5": there are 4 and 6`)
}

func TestUserAgent(t *testing.T) {
	up := upstream(t)
	o := quick()
	_, err := download(t, source(t, o, up.URL), &sink{})
	require.NoError(t, err)
	o.UserAgent = "fleet/1 (mirror)"
	_, err = download(t, source(t, o, up.URL), &sink{})
	require.NoError(t, err)
	requests := up.Requests("**")
	assert.Equal(t, fetch.DefaultUserAgent, requests[0].Header.Get("User-Agent"))
	assert.Equal(t, "fleet/1 (mirror)", requests[1].Header.Get("User-Agent"))
}
