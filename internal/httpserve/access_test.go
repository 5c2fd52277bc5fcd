package httpserve_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"gorepo/internal/httpserve"
	"gorepo/internal/testrepo"
)

// htpasswd writes a file of users whose passwords are their names backwards.
func htpasswd(t testing.TB, names ...string) *httpserve.Users {
	t.Helper()
	var b strings.Builder
	for _, name := range names {
		hash, err := bcrypt.GenerateFromPassword([]byte(backwards(name)), bcrypt.MinCost)
		require.NoError(t, err)
		fmt.Fprintf(&b, "%s:%s\n", name, hash)
	}
	users, err := httpserve.ReadUsers(write(t, b.String(), t.TempDir(), "htpasswd"))
	require.NoError(t, err)
	return users
}

func backwards(s string) string {
	b := []byte(s)
	for i := range len(b) / 2 {
		b[i], b[len(b)-1-i] = b[len(b)-1-i], b[i]
	}
	return string(b)
}

func networks(list ...string) (all []netip.Prefix) {
	for _, s := range list {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

// login is the header of a user.
func login(name, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(name, password)
	return "Authorization: " + r.Header.Get("Authorization")
}

// restricted serves a repository for each rule, named like it, and "free",
// which no rule names.
func restricted(t testing.TB, a *httpserve.Access) (addr string) {
	t.Helper()
	root := t.TempDir()
	var repos []httpserve.RepoInfo
	write(t, "<free/>", root, "free", "repodata", "repomd.xml")
	for id := range a.Repos {
		write(t, "<"+id+"/>", root, id, "repodata", "repomd.xml")
		write(t, id, root, id, "a.rpm")
		repos = append(repos, httpserve.RepoInfo{ID: id, Keys: []byte("key of " + id)})
	}
	return start(t, httpserve.Options{
		Root: root, Access: func() *httpserve.Access { return a },
		Repos: func() []httpserve.RepoInfo { return repos },
	})
}

func TestRules(t *testing.T) {
	users := htpasswd(t, "alice", "bob", "zoë")
	a := &httpserve.Access{
		Users: func() *httpserve.Users { return users },
		Repos: map[string]httpserve.Rule{
			"open":   {},
			"here":   {Networks: networks("10.0.0.0/8", "127.0.0.0/8")},
			"there":  {Networks: networks("10.0.0.0/8", "::1/128")},
			"alices": {Users: []string{"alice"}},
			"any":    {Users: []string{"*"}},
			"both":   {Users: []string{"*"}, Networks: networks("10.0.0.0/8")},
			"pki":    {ClientNames: []string{"*"}},
			"nobody": {Nobody: true},
		},
	}
	addr := restricted(t, a)
	alice, bob, wrong, unknown := login("alice", "ecila"), login("bob", "bob"[:0]+"bob"), login("alice", "alice"), login("mallory", "yrollam")
	for _, c := range []struct {
		id, header string
		want       int
	}{
		{"free", "", 200},
		{"open", "", 200},
		{"here", "", 200},
		{"there", "", 403},
		{"pki", "", 403},
		{"nobody", "", 403},
		{"alices", "", 401},
		{"any", "", 401},
		{"both", "", 403},
		{"alices", alice, 200},
		{"alices", bob, 403},
		{"alices", wrong, 401},
		{"alices", unknown, 401},
		{"any", alice, 200},
		{"any", bob, 200},
		{"any", wrong, 401},
		{"any", unknown, 401},
		{"any", login("zoë", backwards("zoë")), 200},
		{"any", login("zoë", "eoz"), 401},
		{"any", login("alice", ""), 401},
		{"any", login("", ""), 401},
		{"any", "Authorization: Bearer abc", 401},
		{"any", "Authorization: Basic %%%", 401},
		{"both", alice, 403},
		{"nobody", alice, 403},
		{"open", wrong, 200},
		{"here", "X-Forwarded-For: 192.0.2.1", 200},
		{"there", "X-Forwarded-For: 10.1.1.1", 403},
	} {
		// What there is in the repository makes no difference to who may not read it.
		for _, path := range []string{"/%s/a.rpm", "/%s/repodata/repomd.xml", "/%s/", "/%s", "/%s.repo", "/-/keys/%s.asc", "//%s/./a.rpm", "/%s/none", "/%s/%%2e%%67"} {
			if c.id == "free" && path == "/-/keys/%s.asc" || c.id == "free" && strings.HasSuffix(path, "a.rpm") {
				continue
			}
			var headers []string
			if c.header != "" {
				headers = append(headers, c.header)
			}
			path := fmt.Sprintf(path, c.id)
			res := get(t, addr, path, headers...)
			want := c.want
			switch {
			case want == 200 && strings.Contains(path, "none"), strings.Contains(path, "%2e"):
				want = 404
			case want == 200 && path == "/"+c.id:
				want = 301
			}
			if !assert.Equal(t, want, res.StatusCode, "%s %s", path, c.header) {
				continue
			}
			challenge := res.Header.Get("WWW-Authenticate")
			assert.Equal(t, want == 401, challenge == `Basic realm="gorepo", charset="UTF-8"`, "%s %s", path, challenge)
			if want == 401 || want == 403 {
				assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
				assert.NotContains(t, body(t, res), c.id, "%s", path)
			}
		}
	}
}

// A client is shown what it may read and nothing else, wherever there is a list.
func TestListsShowWhatMayBeRead(t *testing.T) {
	users := htpasswd(t, "alice", "bob")
	a := &httpserve.Access{
		Users: func() *httpserve.Users { return users },
		Repos: map[string]httpserve.Rule{
			"open": {}, "alices": {Users: []string{"alice"}}, "any": {Users: []string{"*"}}, "far": {Networks: networks("10.0.0.0/8")},
		},
	}
	addr := restricted(t, a)
	for _, c := range []struct {
		headers []string
		want    []string
	}{
		{nil, []string{"free", "open"}},
		{[]string{login("alice", "ecila")}, []string{"alices", "any", "free", "open"}},
		{[]string{login("bob", "bob")}, []string{"any", "free", "open"}},
	} {
		list := body(t, get(t, addr, "/", append(c.headers, "Accept: application/json")...))
		html, repo := body(t, get(t, addr, "/", c.headers...)), body(t, get(t, addr, "/gorepo.repo", c.headers...))
		for _, id := range []string{"alices", "any", "far", "free", "open"} {
			is := false
			for _, want := range c.want {
				is = is || want == id
			}
			assert.Equal(t, is, strings.Contains(list, `"`+id+`"`), "%s in %s", id, list)
			assert.Equal(t, is, strings.Contains(html, `"./`+id+`/"`), "%s in %s", id, html)
			assert.Equal(t, is, strings.Contains(repo, "["+id+"]"), "%s in %s", id, repo)
		}
	}
	// Who means to log in and does not succeed is told so, and a browser can ask.
	assert.Equal(t, 401, get(t, addr, "/", login("alice", "x")).StatusCode)
	assert.Equal(t, 401, get(t, addr, "/gorepo.repo", login("x", "x")).StatusCode)
	assert.Equal(t, 401, get(t, addr, "/?login").StatusCode)
	assert.Equal(t, 200, get(t, addr, "/?login", login("bob", "bob")).StatusCode)

	assert.Contains(t, body(t, get(t, addr, "/alices.repo", login("alice", "ecila"))), "username=")
	assert.NotContains(t, body(t, get(t, addr, "/open.repo")), "username=")
}

// The rule of the whole is for all that no repository's rule is about.
func TestSiteRule(t *testing.T) {
	root := t.TempDir()
	write(t, "<a/>", root, "a", "repodata", "repomd.xml")
	write(t, "<b/>", root, "b", "repodata", "repomd.xml")
	write(t, "key", root, "KEY")
	a := &httpserve.Access{Site: httpserve.Rule{Networks: networks("10.0.0.0/8")}, Repos: map[string]httpserve.Rule{"a": {}}}
	addr := start(t, httpserve.Options{Root: root, Access: func() *httpserve.Access { return a }})
	check := func(want map[string]int) {
		t.Helper()
		for path, status := range want {
			assert.Equal(t, status, get(t, addr, path).StatusCode, path)
		}
	}
	check(map[string]int{"/": 403, "/gorepo.repo": 403, "/KEY": 403, "/-/x": 403, "/b/": 403, "/b.repo": 403, "/none": 403, "/a/": 200, "/a.repo": 200, "/a/none": 404})

	// What is said of a directory may stand in a file that cannot be read.
	a.Site, a.Closed = httpserve.Rule{}, true
	check(map[string]int{"/": 200, "/gorepo.repo": 200, "/KEY": 403, "/-/x": 404, "/b/": 403, "/b.repo": 403, "/none": 403, "/a/": 200})
	assert.NotContains(t, body(t, get(t, addr, "/")), "./b/")
}

// Caches that others use too may not keep what is not for everybody.
func TestSharedCaches(t *testing.T) {
	a := &httpserve.Access{Repos: map[string]httpserve.Rule{"open": {}, "here": {Networks: networks("127.0.0.0/8")}}}
	addr := restricted(t, a)
	assert.Equal(t, "public, max-age=604800, immutable", get(t, addr, "/open/a.rpm").Header.Get("Cache-Control"))
	assert.Equal(t, "private, max-age=604800, immutable", get(t, addr, "/here/a.rpm").Header.Get("Cache-Control"))
}

// serveTLS serves o with certificates until the test ends.
func serveTLS(t testing.TB, o httpserve.Options, files httpserve.TLSFiles) (addr string, certs *httpserve.TLS) {
	t.Helper()
	certs, err := httpserve.NewTLS(files, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	if o.DrainTimeout == 0 {
		o.DrainTimeout = 2 * time.Second
	}
	s, err := httpserve.New(o)
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.ServeTLS(ctx, l, certs) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-ended)
		assert.NoError(t, s.Close())
	})
	return l.Addr().String(), certs
}

// tlsClient trusts ca and shows certificates, if any.
func tlsClient(t testing.TB, ca *testrepo.CA, certs ...tls.Certificate) *http.Client {
	t.Helper()
	tr := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: ca.Pool(), Certificates: certs},
		ForceAttemptHTTP2: true,
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

func status(t testing.TB, c *http.Client, url string) int {
	t.Helper()
	res, err := c.Get(url)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res.StatusCode
}

func named(cn string, dns, mail []string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.Subject.CommonName, c.DNSNames, c.EmailAddresses = cn, dns, mail }
}

func TestClientCertificates(t *testing.T) {
	ca, clients, others := testrepo.NewCA(t), testrepo.NewCA(t), testrepo.NewCA(t)
	root := t.TempDir()
	certFile, keyFile := testrepo.WriteCert(t, ca.Issue(t, true, nil))
	caFile := clients.File(t)
	a := &httpserve.Access{Repos: map[string]httpserve.Rule{
		"open": {}, "any": {ClientNames: []string{"*"}},
		"web": {ClientNames: []string{"web[0-9]*.example", "ops@*"}}, "cn": {ClientNames: []string{"Host?One"}},
	}}
	for id := range a.Repos {
		write(t, id, root, id, "a.rpm")
	}
	var certs *httpserve.TLS
	a.TrustedCA = func(c *x509.Certificate) bool { return certs.Trusts(c) }
	addr, certs := serveTLS(t, httpserve.Options{Root: root, Access: func() *httpserve.Access { return a }},
		httpserve.TLSFiles{Cert: certFile, Key: keyFile, ClientCA: caFile})
	issue := func(change func(*x509.Certificate)) []tls.Certificate {
		return []tls.Certificate{clients.Issue(t, false, change)}
	}
	for _, c := range []struct {
		name  string
		certs []tls.Certificate
		want  string // open, any, web, cn
	}{
		{"none", nil, "200 403 403 403"},
		{"another", issue(named("other", nil, nil)), "200 200 403 403"},
		{"dns", issue(named("other", []string{"x.example", "WEB1.example"}, nil)), "200 200 200 403"},
		{"not at the end", issue(named("web1.example.org", nil, nil)), "200 200 403 403"},
		{"mail", issue(named("", nil, []string{"ops@example.org"})), "200 200 200 403"},
		{"cn", issue(named("web22.example", nil, nil)), "200 200 200 403"},
		{"cn with a blank", issue(named("host one", nil, nil)), "200 200 403 200"},
	} {
		client, got := tlsClient(t, ca, c.certs...), []string{}
		for _, id := range []string{"open", "any", "web", "cn"} {
			got = append(got, fmt.Sprint(status(t, client, "https://"+addr+"/"+id+"/a.rpm")))
		}
		assert.Equal(t, c.want, strings.Join(got, " "), c.name)
	}
	// One of another authority, and one that has expired, do not even connect.
	for _, bad := range []tls.Certificate{
		others.Issue(t, true, nil),
		clients.Issue(t, false, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }),
		clients.Issue(t, false, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }),
	} {
		// A client shows nothing to a server that names other authorities: unless
		// it is made to.
		client := tlsClient(t, ca)
		client.Transport.(*http.Transport).TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &bad, nil }
		res, err := client.Get("https://" + addr + "/open/a.rpm")
		if err == nil {
			_ = res.Body.Close()
		}
		assert.Error(t, err)
	}

	// An authority that is trusted no more is so on connections that are open, too.
	client := tlsClient(t, ca, clients.Issue(t, false, nil))
	require.Equal(t, 200, status(t, client, "https://"+addr+"/any/a.rpm"))
	other, err := os.ReadFile(others.File(t))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(caFile, other, 0o644))
	certs.Refresh()
	assert.Equal(t, 403, status(t, client, "https://"+addr+"/any/a.rpm"), "the connection is older than the change")
	assert.Equal(t, 200, status(t, tlsClient(t, ca, others.Issue(t, false, nil)), "https://"+addr+"/any/a.rpm"))
}

// The certificate that a new connection gets.
func serverName(t testing.TB, addr string, ca *testrepo.CA) string {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: ca.Pool()})
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func TestCertificateChanges(t *testing.T) {
	ca := testrepo.NewCA(t)
	var log lockedBuffer
	files := func(name string) (cert, key []byte) {
		c, k := testrepo.WriteCert(t, ca.Issue(t, true, named(name, nil, nil)))
		cert, err := os.ReadFile(c)
		require.NoError(t, err)
		key, err = os.ReadFile(k)
		require.NoError(t, err)
		return cert, key
	}
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	put := func(name string, data []byte) { // as certbot and others do: a new file
		require.NoError(t, os.WriteFile(name+".new", data, 0o600))
		require.NoError(t, os.Rename(name+".new", name))
	}
	cert1, key1 := files("one")
	cert2, key2 := files("two")
	put(certFile, cert1)
	put(keyFile, key1)
	root := t.TempDir()
	s, err := httpserve.New(httpserve.Options{Root: root})
	require.NoError(t, err)
	certs, err := httpserve.NewTLS(httpserve.TLSFiles{Cert: certFile, Key: keyFile}, slog.New(slog.NewTextHandler(&log, nil)))
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.ServeTLS(ctx, l, certs) }()
	defer func() {
		cancel()
		assert.NoError(t, <-ended)
		assert.NoError(t, s.Close())
	}()
	addr := l.Addr().String()
	certs.Refresh()
	assert.Equal(t, "one", serverName(t, addr, ca))

	put(certFile, cert2) // its key comes a moment later
	certs.Refresh()
	assert.Equal(t, "one", serverName(t, addr, ca))
	assert.Empty(t, log.String(), "a pair that is being replaced is nothing to write home about")
	put(keyFile, key2)
	certs.Refresh()
	assert.Equal(t, "two", serverName(t, addr, ca))
	assert.Contains(t, log.String(), "read anew")

	put(keyFile, key1) // and this one stays wrong
	for range 5 {
		certs.Refresh()
	}
	assert.Equal(t, "two", serverName(t, addr, ca))
	assert.Equal(t, 1, strings.Count(log.String(), "level=ERROR"), log.String())
	assert.Contains(t, log.String(), "its first certificate is not that of the key in "+keyFile)

	put(keyFile, key2)
	require.NoError(t, os.Remove(certFile))
	certs.Refresh()
	certs.Refresh()
	assert.Contains(t, log.String(), "no such file")
	assert.Equal(t, "two", serverName(t, addr, ca))
	put(certFile, append(key1, cert1...)) // all in one
	require.NoError(t, certs.Reload(httpserve.TLSFiles{Cert: certFile}))
	assert.Equal(t, "one", serverName(t, addr, ca))
}

func TestCertificateErrors(t *testing.T) {
	ca := testrepo.NewCA(t)
	certFile, keyFile := testrepo.WriteCert(t, ca.Issue(t, false, nil))
	_, otherKey := testrepo.WriteCert(t, ca.Issue(t, false, nil))
	dir := t.TempDir()
	encrypted := write(t, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", dir, "encrypted")
	empty := write(t, "", dir, "empty")
	for _, c := range []struct {
		files httpserve.TLSFiles
		says  string
	}{
		{httpserve.TLSFiles{Cert: empty, Key: keyFile}, empty + ": there is no certificate in it"},
		{httpserve.TLSFiles{Cert: certFile}, certFile + ": there is no private key in it"},
		{httpserve.TLSFiles{Cert: certFile, Key: encrypted}, encrypted + ": the key is encrypted"},
		{httpserve.TLSFiles{Cert: certFile, Key: otherKey}, "is not that of the key in " + otherKey},
		{httpserve.TLSFiles{Cert: filepath.Join(dir, "none"), Key: keyFile}, "no such file"},
		{httpserve.TLSFiles{Cert: certFile, Key: keyFile, ClientCA: empty}, empty + ": there is no certificate in it"},
	} {
		_, err := httpserve.NewTLS(c.files, slog.New(slog.DiscardHandler))
		require.ErrorContains(t, err, c.says)
		assert.NotContains(t, err.Error(), "\n")
	}
}

func TestCertificateEnds(t *testing.T) {
	ca := testrepo.NewCA(t)
	for _, c := range []struct {
		name     string
		from, to time.Duration
		says     string
	}{
		{"fresh", -time.Hour, 90 * 24 * time.Hour, ""},
		{"old", -80 * 24 * time.Hour, 10 * 24 * time.Hour, "expires soon"},
		{"of a week", -24 * time.Hour, 6 * 24 * time.Hour, ""},
		{"end of a week", -6 * 24 * time.Hour, 24 * time.Hour, "expires soon"},
		{"expired", -time.Hour, -time.Minute, "has expired"},
		{"not yet", time.Hour, 90 * 24 * time.Hour, "not valid yet"},
	} {
		cert, key := testrepo.WriteCert(t, ca.Issue(t, false, func(x *x509.Certificate) {
			x.NotBefore, x.NotAfter = time.Now().Add(c.from), time.Now().Add(c.to)
		}))
		var log lockedBuffer
		certs, err := httpserve.NewTLS(httpserve.TLSFiles{Cert: cert, Key: key}, slog.New(slog.NewTextHandler(&log, nil)))
		require.NoError(t, err)
		certs.Refresh()
		certs.Refresh()
		if c.says == "" {
			assert.Empty(t, log.String(), c.name)
			continue
		}
		assert.Equal(t, 1, strings.Count(log.String(), c.says), "%s: %s", c.name, log.String())
	}
}

// Old versions of TLS are not spoken; both versions of HTTP are.
func TestTLSVersions(t *testing.T) {
	ca := testrepo.NewCA(t)
	root := t.TempDir()
	write(t, "x", root, "r", "a.rpm")
	cert, key := testrepo.WriteCert(t, ca.Issue(t, true, nil))
	addr, _ := serveTLS(t, httpserve.Options{Root: root}, httpserve.TLSFiles{Cert: cert, Key: key})
	for version, want := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: ca.Pool(), MinVersion: version, MaxVersion: version})
		assert.Equal(t, want, err == nil, tls.VersionName(version))
		if err == nil {
			require.NoError(t, c.Close())
		}
	}
	for _, h2 := range []bool{true, false} {
		client := tlsClient(t, ca)
		client.Transport.(*http.Transport).ForceAttemptHTTP2 = h2
		res, err := client.Get("https://" + addr + "/r/a.rpm")
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		assert.Equal(t, map[bool]int{true: 2, false: 1}[h2], res.ProtoMajor)
		res, err = client.Get("https://" + addr + "/r.repo")
		require.NoError(t, err)
		assert.Equal(t, 404, res.StatusCode)
		require.NoError(t, res.Body.Close())
	}
}

// Only proxies that are trusted are asked where a client is.
func TestForwarded(t *testing.T) {
	a := &httpserve.Access{
		TrustedProxies: networks("127.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"),
		Repos:          map[string]httpserve.Rule{"r": {Networks: networks("10.0.0.0/8", "fd00::/8")}},
	}
	root := t.TempDir()
	write(t, "x", root, "r", "repodata", "repomd.xml")
	s, err := httpserve.New(httpserve.Options{Root: root, Access: func() *httpserve.Access { return a }})
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.Close()) }()
	for _, c := range []struct {
		peer string
		xff  []string
		want bool
	}{
		{"127.0.0.1:1", []string{"10.1.2.3"}, true},
		{"127.0.0.1:1", nil, false},
		{"127.0.0.1:1", []string{""}, false},
		{"10.9.9.9:1", nil, true},
		{"10.9.9.9:1", []string{"8.8.8.8"}, true}, // it is no proxy of ours
		{"8.8.8.8:1", []string{"10.1.2.3"}, false},
		{"[::ffff:10.9.9.9]:1", nil, true},
		{"[::ffff:127.0.0.1]:1", []string{"::ffff:10.1.2.3"}, true},
		{"127.0.0.1:1", []string{"10.1.2.3, 8.8.8.8"}, false}, // the client lied
		{"127.0.0.1:1", []string{"10.1.2.3", "8.8.8.8"}, false},
		{"127.0.0.1:1", []string{"8.8.8.8, 10.1.2.3, 192.0.2.7"}, true},
		{"127.0.0.1:1", []string{"10.1.2.3, 192.0.2.7", "192.0.2.8"}, true},
		{"127.0.0.1:1", []string{"10.1.2.3:5555"}, true},
		{"127.0.0.1:1", []string{"[fd00::7]:5555"}, true},
		{"127.0.0.1:1", []string{"fd00::7%eth0"}, true},
		{"127.0.0.1:1", []string{"10.1.2.3, unknown"}, false},
		{"[2001:db8::1]:1", []string{"fd00::7"}, true},
		{"@", []string{"10.1.2.3"}, false}, // a Unix socket is nobody's
		{"", nil, false},
	} {
		r, err := http.NewRequest(http.MethodGet, "http://h/r/", nil)
		require.NoError(t, err)
		r.RemoteAddr = c.peer
		r.Header["X-Forwarded-For"] = c.xff
		assert.Equal(t, c.want, s.Allowed(r, "r"), "%+v", c)
	}
	a.TrustUnix = true
	r, err := http.NewRequest(http.MethodGet, "http://h/r/", nil)
	require.NoError(t, err)
	r.RemoteAddr = "@"
	assert.False(t, s.Allowed(r, "r"))
	r.Header.Set("X-Forwarded-For", "10.1.2.3")
	assert.True(t, s.Allowed(r, "r"))
}

// What a proxy in front speaks with clients is what they are told to speak.
func TestForwardedProto(t *testing.T) {
	a := &httpserve.Access{TrustedProxies: networks("127.0.0.0/8"), Repos: map[string]httpserve.Rule{}}
	var trusted atomic.Bool
	trusted.Store(true)
	root := t.TempDir()
	write(t, "x", root, "r", "repodata", "repomd.xml")
	addr := start(t, httpserve.Options{Root: root, Access: func() *httpserve.Access {
		if trusted.Load() {
			return a
		}
		return nil
	}})
	assert.Contains(t, body(t, get(t, addr, "/r.repo", "X-Forwarded-Proto: https")), "baseurl=https://mirror.example/r/")
	assert.Contains(t, body(t, get(t, addr, "/r.repo")), "baseurl=http://mirror.example/r/")
	trusted.Store(false)
	assert.Contains(t, body(t, get(t, addr, "/r.repo", "X-Forwarded-Proto: https")), "baseurl=http://mirror.example/r/")
}
