package httpserve_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/httpserve"
)

const asBrowser = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

// TestRefusals: a browser gets a page with the same status as everybody else, whom one
// line of text is enough.
func TestRefusals(t *testing.T) {
	users := htpasswd(t, "alice", "bob")
	a := &httpserve.Access{
		Users: func() *httpserve.Users { return users },
		Repos: map[string]httpserve.Rule{
			"open": {}, "alices": {Users: []string{"alice"}}, "far": {Networks: networks("10.0.0.0/8")}, "pki": {ClientNames: []string{"*"}}, "nobody": {Nobody: true},
		},
	}
	root := t.TempDir()
	for id := range a.Repos {
		write(t, "<"+id+"/>", root, id, "repodata", "repomd.xml")
	}
	addr := start(t, httpserve.Options{
		Root: root, Access: func() *httpserve.Access { return a },
		Refused: func(w http.ResponseWriter, _ *http.Request, no httpserve.Refusal) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(no.Status)
			_, _ = fmt.Fprintf(w, "<h1>%s</h1><p>%s</p>", no.Title, no.Text)
		},
	})
	for _, c := range []struct {
		path, header string
		status       int
		title        string
	}{
		{"/none", "", 404, "Not found"},
		{"/open/none.rpm", "", 404, "Not found"},
		{"/open/repodata/repomd.xml/", "", 404, "Not found"},
		{"/-/none", "", 404, "Not found"},
		{"/open/a%5cb", "", 400, "That cannot be asked"},
		{"/alices/", "", 401, "A login is needed"},
		{"/?login", "", 401, "A login is needed"},
		{"/alices/", login("alice", "x"), 401, "The login was wrong"},
		{"/alices/", login("bob", "bob"), 403, "Not for this user"},
		{"/far/repodata/", "", 403, "Not from this address"},
		{"/pki/repodata/", "", 403, "A client certificate is needed"},
		{"/nobody.repo", "", 403, "Not now"},
	} {
		var headers []string
		if c.header != "" {
			headers = append(headers, c.header)
		}
		plain := get(t, addr, c.path, append(headers, "Accept: */*")...)
		assert.Equal(t, c.status, plain.StatusCode, c.path)
		assert.Regexp(t, fmt.Sprintf("^%d [^\\n]*\\n$", c.status), body(t, plain), c.path)
		page := get(t, addr, c.path, append(headers, asBrowser)...)
		assert.Equal(t, c.status, page.StatusCode, c.path)
		text := body(t, page)
		assert.True(t, strings.HasPrefix(text, "<h1>"+c.title+"</h1><p>"), "%s: %s", c.path, text)
		assert.Equal(t, "no-store", page.Header.Get("Cache-Control"), c.path)
		assert.Equal(t, plain.Header.Get("WWW-Authenticate"), page.Header.Get("WWW-Authenticate"), c.path)
		assert.Equal(t, c.status == 401, page.Header.Get("WWW-Authenticate") != "", c.path)
	}
	// What is in a repository that one may not read, and whether, is not told.
	for _, id := range []string{"alices", "far", "pki", "nobody"} {
		is, not := body(t, get(t, addr, "/"+id+"/repodata/repomd.xml", asBrowser)), body(t, get(t, addr, "/"+id+"/none", asBrowser))
		assert.Equal(t, is, not)
		assert.NotContains(t, is, id)
	}
	// A path of slashes would make a page of links that lead far up.
	assert.Equal(t, "404 not found\n", body(t, get(t, addr, "/none"+strings.Repeat("/x", 100), asBrowser)))
}

func TestCouldLogIn(t *testing.T) {
	users := htpasswd(t, "alice")
	with := func(a *httpserve.Access, set func(r *http.Request)) bool {
		s, err := httpserve.New(httpserve.Options{Root: t.TempDir(), Access: func() *httpserve.Access { return a }})
		require.NoError(t, err)
		defer s.Close() //nolint:errcheck // only read
		r := httptest.NewRequest(http.MethodGet, "http://mirror.example/", nil)
		r.RemoteAddr = "127.0.0.1:1"
		set(r)
		return s.CouldLogIn(r)
	}
	nothing := func(*http.Request) {}
	logins := func() *httpserve.Users { return users }
	some := map[string]httpserve.Rule{"open": {}, "some": {Users: []string{"*"}}}
	assert.True(t, with(&httpserve.Access{Users: logins, Repos: some}, nothing))
	assert.False(t, with(&httpserve.Access{Users: logins, Repos: some}, func(r *http.Request) { r.SetBasicAuth("alice", "ecila") }), "it has")
	assert.False(t, with(&httpserve.Access{Repos: some}, nothing), "there are no users")
	assert.False(t, with(nil, nothing))
	assert.False(t, with(&httpserve.Access{Users: logins, Repos: map[string]httpserve.Rule{"open": {}, "far": {Networks: networks("10.0.0.0/8"), Users: []string{"*"}}}}, nothing), "a login would not do")
	assert.True(t, with(&httpserve.Access{Users: logins, Site: httpserve.Rule{Users: []string{"*"}}}, nothing))
}
