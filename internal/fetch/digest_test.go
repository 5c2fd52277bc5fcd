package fetch

import (
	"crypto/md5"
	"crypto/sha256"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The examples of RFC 7616, 3.9.1, and RFC 2069 with the erratum's response.
func TestDigestAnswer(t *testing.T) {
	const (
		realm  = "http-auth@example.org"
		nonce  = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
		opaque = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
		cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
	)
	d := &httpDigest{realm: realm, nonce: nonce, opaque: opaque, algorithm: "SHA-256", hash: sha256.New, qop: true, count: 1}
	assert.Equal(t, `Digest username="Mufasa", realm="http-auth@example.org", `+
		`nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", uri="/dir/index.html", `+
		`response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1", algorithm=SHA-256, `+
		`opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS", qop=auth, nc=00000001, `+
		`cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"`,
		d.answer("Mufasa", "Circle of Life", "GET", "/dir/index.html", cnonce))
	d.algorithm, d.hash = "MD5", md5.New
	assert.Contains(t, d.answer("Mufasa", "Circle of Life", "GET", "/dir/index.html", cnonce),
		`response="8ca523f5e9506fed4657c9700eebdbec"`)

	old := &httpDigest{realm: "testrealm@host.com", nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093", hash: md5.New}
	assert.Equal(t, `Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", `+
		`uri="/dir/index.html", response="1949323746fe6a43ef61f9606e7febea"`,
		old.answer("Mufasa", "CircleOfLife", "GET", "/dir/index.html", cnonce))

	quoted := &httpDigest{realm: `a "b" \c`, nonce: "n", hash: md5.New, qop: true}
	assert.Contains(t, quoted.answer(`u"x`, "p", "GET", "/", "c"), `username="u\"x", realm="a \"b\" \\c"`)
}

func TestParseChallenges(t *testing.T) {
	for value, want := range map[string][]challenge{
		`Basic realm="a, \"b\" = c"`: {{"basic", map[string]string{"realm": `a, "b" = c`}}},
		`Digest realm="x", qop="auth,auth-int", Nonce=abc , stale = TRUE, BASIC realm=y`: {
			{"digest", map[string]string{"realm": "x", "qop": "auth,auth-int", "nonce": "abc", "stale": "TRUE"}},
			{"basic", map[string]string{"realm": "y"}},
		},
		`Negotiate, NTLM`:                {{"negotiate", map[string]string{}}, {"ntlm", map[string]string{}}},
		`Negotiate abc==, Basic`:         {{"negotiate", map[string]string{"abc": "="}}, {"basic", map[string]string{}}},
		`, ,Basic  realm="x" ,`:          {{"basic", map[string]string{"realm": "x"}}},
		`realm="x"`:                      nil,
		`Basic realm="never ends, x=y`:   {{"basic", map[string]string{"realm": `"never ends, x=y`}}},
		``:                               nil,
		strings.Repeat("A,", 1000):       nil, // how many is below
		"Basic " + `realm="x\"`:          {{"basic", map[string]string{"realm": `x\`}}},
		"Digest a=1\tb=2, c=\"\", =d, =": {{"digest", map[string]string{"a": "1\tb=2", "c": ""}}},
	} {
		got := parseChallenges([]string{value})
		if len(value) == 2000 {
			assert.Len(t, got, maxChallenges)
			continue
		}
		assert.Equal(t, want, got, value)
	}
	assert.Equal(t, []challenge{{"basic", map[string]string{}}}, parseChallenges([]string{"Basic", `realm="of another value"`}))
}

func TestStrongest(t *testing.T) {
	parse := func(s string) []challenge { return parseChallenges([]string{s}) }
	d, stale := strongest(parse(`Digest nonce=1, algorithm=MD5, qop="auth", Digest nonce=2, algorithm=sha-256-sess, qop="auth-int, auth", stale=True`))
	require.NotNil(t, d)
	assert.Equal(t, "2", d.nonce)
	assert.True(t, d.session && d.qop && stale)
	d, stale = strongest(parse(`Digest nonce=1`))
	require.NotNil(t, d)
	assert.False(t, d.qop || d.session || stale)
	for _, not := range []string{`Digest realm=x`, `Digest nonce=1, algorithm=SHA-1`, `Digest nonce=1, qop="auth-int"`, `Basic nonce=1`} {
		d, _ := strongest(parse(not))
		assert.Nil(t, d, not)
	}
}

func FuzzLogin(f *testing.F) {
	for _, s := range []string{`Digest realm="x", nonce="y", qop="auth", algorithm=SHA-256`, `Basic realm="`, `Negotiate a==, NTLM`, `Digest nonce=\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		l := newLogin("u", "p", "any")
		resp := &http.Response{StatusCode: http.StatusProxyAuthRequired, Header: http.Header{"Proxy-Authenticate": {value}}, Body: http.NoBody}
		asked := 0
		_, err := l.do("GET", "/", func(authorization string) (*http.Response, error) {
			asked++
			assert.NotContains(t, authorization, "\n"+"Proxy")
			return resp, nil
		})
		require.NoError(t, err)
		assert.LessOrEqual(t, asked, 3)
		for _, c := range parseChallenges([]string{value}) {
			assert.LessOrEqual(t, len(c.params), maxChallenges)
		}
	})
}
