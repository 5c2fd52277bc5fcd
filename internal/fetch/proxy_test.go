package fetch_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"gorepo/internal/fetch"
	"gorepo/internal/testrepo"
)

// through makes a source whose files come through a proxy. A plain upstream gets
// a name that does not exist, so that nothing can go past the proxy.
func through(t *testing.T, o fetch.Options, up *testrepo.Upstream) *fetch.Source {
	t.Helper()
	at := up.URL
	if strings.HasPrefix(at, "http:") {
		at = strings.Replace(at, "127.0.0.1", "upstream.invalid", 1)
	}
	return source(t, o, at)
}

func logins(p *testrepo.Proxy) (list []string) {
	for _, r := range p.Requests() {
		list = append(list, r.Login)
	}
	return list
}

func TestProxyLogins(t *testing.T) {
	files := map[string][]byte{file: content}
	for _, tls := range []bool{false, true} {
		up := testrepo.Files(t, testrepo.Options{TLS: tls}, files)
		for name, c := range map[string]struct {
			ways   []string
			method string
			want   []string // logins of two downloads over one connection each
		}{
			"basic, said so":   {[]string{"basic"}, "basic", []string{"Basic", "Basic"}},
			"basic":            {[]string{"basic"}, "any", []string{"", "Basic", "Basic"}},
			"md5":              {[]string{"md5"}, "", []string{"", "Digest", "Digest"}},
			"sha256":           {[]string{"sha256"}, "digest", []string{"", "Digest", "Digest"}},
			"all":              {[]string{"basic", "ntlm", "md5", "sha256"}, "any", []string{"", "Digest", "Digest"}},
			"all, basic only":  {[]string{"md5", "basic"}, "basic", []string{"Basic", "Basic"}},
			"all, digest only": {[]string{"basic", "md5"}, "digest", []string{"", "Digest", "Digest"}},
		} {
			t.Run(name+map[bool]string{true: ", CONNECT"}[tls], func(t *testing.T) {
				p := testrepo.NewProxy(t, testrepo.ProxyOptions{Username: "pu", Password: "p@s, \"s", Ways: c.ways})
				o := quick()
				o.Proxy, o.ProxyAuth, o.ProxyUsername, o.ProxyPassword = p.URL, c.method, "pu", "p@s, \"s"
				if tls {
					o.TLS.CAFile = up.CAFile(t)
				}
				up.Forget()
				s := through(t, o, up)
				for range 2 {
					_, err := download(t, s, &sink{})
					require.NoError(t, err)
				}
				want := c.want
				if tls { // a tunnel stays open
					want = want[:len(want)-1]
				} else {
					p.OnlyThrough(t, up)
				}
				assert.Equal(t, want, logins(p))
				for _, r := range up.Requests("**") {
					assert.Empty(t, r.Header.Get("Proxy-Authorization"))
				}

				// In the URL, percent-encoded.
				o.ProxyUsername, o.ProxyPassword = "", ""
				o.Proxy = strings.Replace(p.URL, "://", "://pu:"+url.QueryEscape("p@s,")+"%20%22s@", 1)
				_, err := download(t, through(t, o, up), &sink{})
				require.NoError(t, err)
			})
		}
	}
}

// Many at a time, with a proxy that wants its counts in order and new
// challenges often.
func TestProxyDigestTogether(t *testing.T) {
	up := testrepo.Files(t, testrepo.Options{}, map[string][]byte{file: content})
	p := testrepo.NewProxy(t, testrepo.ProxyOptions{Username: "u", Password: "p", Ways: []string{"sha256", "md5"}, NonceUses: 3})
	o := quick()
	o.Timeout = time.Minute // whatever else this machine does
	o.Proxy, o.ProxyUsername, o.ProxyPassword = p.URL, "u", "p"
	s := through(t, o, up)
	const n = 40
	var grp errgroup.Group
	grp.SetLimit(8)
	for range n {
		grp.Go(func() error {
			_, err := s.Download(t.Context(), "", file, &sink{want: content}, int64(len(content)))
			return err
		})
	}
	require.NoError(t, grp.Wait())
	assert.Equal(t, int64(n), s.Stats().Requests, "no login is a failed request")
	assert.Len(t, up.Requests("**"), n)
	assert.Less(t, len(p.Requests()), n*3/2+16, "challenges are answered more than once")
}

func TestProxyRefusals(t *testing.T) {
	files := map[string][]byte{file: content}
	for _, tls := range []bool{false, true} {
		up := testrepo.Files(t, testrepo.Options{TLS: tls}, files)
		for name, c := range map[string]struct {
			proxy          testrepo.ProxyOptions
			user, password string
			method         string
			want           string
			requests       int
			temporary      bool
		}{
			"no login":       {testrepo.ProxyOptions{}, "", "", "", "it wants a login: set proxy_username and proxy_password (HTTP status 407)", 1, false},
			"switched off":   {testrepo.ProxyOptions{}, "u", "hunter2", "none", "it wants a login, and proxy_auth_method is none", 1, false},
			"wrong basic":    {testrepo.ProxyOptions{}, "u", "hunter2", "any", "it refuses the login: proxy_username and proxy_password are not right", 2, false},
			"wrong digest":   {testrepo.ProxyOptions{Ways: []string{"md5"}}, "u", "hunter2", "any", "it refuses the login", 2, false},
			"only ntlm":      {testrepo.ProxyOptions{Ways: []string{"ntlm"}}, "u", "p", "any", "it wants a login by ntlm, and gorepo knows basic and digest", 1, false},
			"not by basic":   {testrepo.ProxyOptions{Ways: []string{"md5"}}, "u", "p", "basic", "it wants a login by digest, and proxy_auth_method is basic", 1, false},
			"not by digest":  {testrepo.ProxyOptions{}, "u", "p", "digest", "it wants a login by basic, and proxy_auth_method is digest", 1, false},
			"never a nonce":  {testrepo.ProxyOptions{Ways: []string{"md5"}, NonceUses: -1}, "u", "p", "digest", "it refuses the login", 3, false},
			"refuses it all": {testrepo.ProxyOptions{Refuse: 403}, "u", "p", "basic", "HTTP status 403 (Forbidden)", 1, false},
			"has no answer":  {testrepo.ProxyOptions{Refuse: 503}, "u", "p", "basic", "HTTP status 503 (Service Unavailable)", 1, true},
		} {
			t.Run(name+map[bool]string{true: ", CONNECT"}[tls], func(t *testing.T) {
				c.proxy.Username, c.proxy.Password = "u", "p"
				p := testrepo.NewProxy(t, c.proxy)
				o := quick()
				o.Retries, o.Timeout = -1, 10*time.Second
				o.Proxy, o.ProxyUsername, o.ProxyPassword, o.ProxyAuth = p.URL, c.user, c.password, c.method
				if tls {
					o.TLS.CAFile = up.CAFile(t)
				}
				_, err := download(t, through(t, o, up), &sink{})
				require.ErrorContains(t, err, c.want)
				assert.Equal(t, c.temporary, fetch.Temporary(err))
				assert.True(t, fetch.Unavailable(err))
				assert.False(t, fetch.NotFound(err))
				assert.Len(t, p.Requests(), c.requests)
				assert.NotContains(t, err.Error(), "hunter2")
				if c.proxy.Refuse == 0 || tls {
					assert.Contains(t, err.Error(), "proxy "+p.URL+": ")
				}
			})
		}
		assert.Empty(t, up.Requests("**"))
	}
}

// An https proxy has a certificate of its own, and may ask for one.
func TestProxyTLS(t *testing.T) {
	cert, key, pool := testrepo.ClientCert(t)
	p := testrepo.NewProxy(t, testrepo.ProxyOptions{TLS: true, ClientCAs: pool, Username: "u", Password: "p", Ways: []string{"md5"}})
	files := map[string][]byte{file: content}
	for _, up := range []*testrepo.Upstream{testrepo.Files(t, testrepo.Options{}, files), testrepo.Files(t, testrepo.Options{TLS: true}, files)} {
		get := func(proxyTLS fetch.TLS) error {
			o := quick()
			if strings.HasPrefix(up.URL, "https") {
				o.TLS.CAFile = up.CAFile(t)
			}
			o.Proxy, o.ProxyUsername, o.ProxyPassword, o.ProxyTLS = p.URL, "u", "p", proxyTLS
			_, err := download(t, through(t, o, up), &sink{})
			return err
		}
		require.NoError(t, get(fetch.TLS{CAFile: p.CAFile(t), ClientCert: cert, ClientKey: key}))
		require.NoError(t, get(fetch.TLS{SkipVerify: true, ClientCert: cert, ClientKey: key}))
		host := strings.TrimPrefix(p.URL, "https://")
		for want, c := range map[string]fetch.TLS{
			"proxy " + p.URL + ": the certificate of " + host + " is signed by an authority that is not trusted": {ClientCert: cert, ClientKey: key},
			": name the authority's file in proxy_sslcacert":                                                     {ClientCert: cert, ClientKey: key},
			"proxy " + p.URL + ": " + host + " wants a client certificate":                                       {SkipVerify: true},
			"proxy_sslclientcert": {SkipVerify: true},
		} {
			err := get(c)
			require.ErrorContains(t, err, want)
			assert.False(t, fetch.Temporary(err), want)
		}
	}
}

func TestProxyURL(t *testing.T) {
	for proxy, want := range map[string]string{
		"http://pu:secret@[bad": "proxy http://[bad: is not a valid URL",
		"ftp://pu:secret@h":     "proxy ftp://h: needs http, https, socks5 or socks5h",
		"http://pu:secret@":     "proxy http://: is not a valid URL",
	} {
		_, err := fetch.New([]string{"http://h/"}, fetch.Options{Proxy: proxy})
		require.EqualError(t, err, want)
	}
	_, err := fetch.New([]string{"http://h/"}, fetch.Options{Proxy: "h:3128", ProxyAuth: "ntlm"})
	require.EqualError(t, err, "proxy login by ntlm: there are any, none, basic and digest")

	// Nobody there.
	p := testrepo.NewProxy(t, testrepo.ProxyOptions{})
	p.Close()
	o := quick()
	o.Proxy = strings.Replace(p.URL, "://", "://u:secret@", 1)
	for _, base := range []string{"http://upstream.invalid/", "https://upstream.invalid/"} {
		_, err := download(t, source(t, o, base), &sink{})
		require.ErrorContains(t, err, "proxy "+p.URL+": ")
		require.ErrorContains(t, err, "connection refused")
		assert.True(t, fetch.Temporary(err))
		assert.NotContains(t, err.Error(), "secret")
	}
}

func TestProxyOfEnvironment(t *testing.T) {
	up := upstream(t)
	p := testrepo.NewProxy(t, testrepo.ProxyOptions{Username: "u", Password: "p", Ways: []string{"md5"}})
	at := strings.Replace(p.URL, "://", "://u:p@", 1)
	for _, name := range []string{"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"} {
		t.Run(name, func(t *testing.T) {
			for _, other := range []string{"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"} {
				t.Setenv(other, "")
			}
			t.Setenv(name, at)
			_, err := download(t, through(t, quick(), up), &sink{})
			require.NoError(t, err)
			p.Forget()
			t.Setenv("no_proxy", ".invalid")
			_, err = download(t, through(t, quick(), up), &sink{})
			require.ErrorContains(t, err, "upstream.invalid")
			assert.Empty(t, p.Requests())
		})
	}
}

// An https proxy may itself be where no_proxy says that none is needed.
func TestHTTPSProxyOfEnvironment(t *testing.T) {
	up := upstream(t)
	p := testrepo.NewProxy(t, testrepo.ProxyOptions{TLS: true})
	t.Setenv("http_proxy", p.URL)
	t.Setenv("no_proxy", "127.0.0.1")
	o := quick()
	o.ProxyTLS.CAFile = p.CAFile(t)
	_, err := download(t, through(t, o, up), &sink{})
	require.NoError(t, err)
	p.OnlyThrough(t, up)
}

// What a redirect leads to is asked for through the proxy again, and the login
// there stays between us and the proxy.
func TestProxyRedirect(t *testing.T) {
	files := map[string][]byte{file: content}
	up, other := testrepo.Files(t, testrepo.Options{}, files), testrepo.Files(t, testrepo.Options{}, files)
	up.On(file, testrepo.Redirect(strings.Replace(other.URL, "127.0.0.1", "other.invalid", 1)+"/", http.StatusFound))
	p := testrepo.NewProxy(t, testrepo.ProxyOptions{Username: "u", Password: "p", Ways: []string{"md5"}})
	o := quick()
	o.Username, o.Password = "server", "secret"
	o.Proxy, o.ProxyUsername, o.ProxyPassword = p.URL, "u", "p"
	_, err := download(t, through(t, o, up), &sink{})
	require.NoError(t, err)
	p.Forget()
	assert.Equal(t, basic("server", "secret"), up.Requests("**")[0].Header.Get("Authorization"))
	h := other.Requests("**")[0].Header
	assert.Empty(t, h.Get("Authorization"))
	assert.Empty(t, h.Get("Proxy-Authorization"))
}
