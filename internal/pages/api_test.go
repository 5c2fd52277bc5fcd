package pages_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/catalog"
)

// ask gives an answer of the API, read.
func ask(t testing.TB, h http.Handler, target string, status int) map[string]any {
	t.Helper()
	w := get(t, h, "/-/api/v1/"+target)
	require.Equal(t, status, w.Code, "%s: %s", target, w.Body)
	assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
	assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
	var v map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &v), target)
	return v
}

// at follows names and numbers into an answer.
func at(t testing.TB, v any, path ...any) any {
	t.Helper()
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, ok := v.(map[string]any)
			require.True(t, ok, "%v in %v", p, v)
			require.Contains(t, m, p)
			v = m[p]
		case int:
			l, ok := v.([]any)
			require.True(t, ok && len(l) > p, "%v in %v", p, v)
			v = l[p]
		}
	}
	return v
}

func TestAPI(t *testing.T) {
	s := sample()
	h := s.handler()
	repos := ask(t, h, "repos", 200)
	assert.Len(t, at(t, repos, "repos"), 4)
	epel := ask(t, h, "repos/epel-9", 200)
	assert.Equal(t, at(t, repos, "repos", 0), epel, "the same in a list and alone")
	assert.Equal(t, "ok", at(t, epel, "health", "level"))
	assert.Equal(t, "2026-11-26T07:00:00Z", at(t, epel, "health", "last_sync"))
	assert.Equal(t, "current", at(t, epel, "index", "state"))
	assert.InDelta(t, 246, at(t, epel, "packages"), 0)
	assert.Equal(t, "building", at(t, repos, "repos", 2, "index", "state"))
	assert.InDelta(t, 0.4, at(t, repos, "repos", 2, "index", "progress"), 0)
	assert.Equal(t, []any{}, at(t, repos, "repos", 3, "upstream"), "a list is never null")

	list := ask(t, h, "repos/epel-9/packages?limit=2&offset=1&arch=x86_64", 200)
	assert.InDelta(t, 4, at(t, list, "total"), 0)
	assert.Equal(t, "?arch=x86_64&offset=3&limit=2", at(t, list, "next"))
	first := at(t, list, "packages", 0)
	assert.Equal(t, "bash-5.1.8-4.el9.x86_64", at(t, first, "nevra"))
	assert.NotContains(t, first, "added", "not known")
	assert.Equal(t, "0", at(t, first, "epoch"))
	last := ask(t, h, "repos/epel-9/packages"+at(t, list, "next").(string), 200)
	assert.NotContains(t, last, "next")
	assert.Equal(t, "2026-11-03T12:00:00Z", at(t, last, "packages", 0, "added"))
	assert.Equal(t, "sha256", at(t, last, "packages", 0, "checksum", "type"))

	named := ask(t, h, "repos/epel-9/packages/bash", 200)
	assert.Len(t, at(t, named, "packages"), 2)
	one := ask(t, h, "repos/epel-9/package/bash-5.1.8-6.el9.x86_64", 200)
	assert.Equal(t, "filesystem", at(t, one, "dependencies", "requires", 0, "name"))
	assert.Equal(t, true, at(t, one, "dependencies", "requires", 0, "pre"))
	assert.Equal(t, []any{}, at(t, one, "dependencies", "obsoletes"))
	assert.NotContains(t, one, "files")
	assert.NotContains(t, one, "changelog")
	all := ask(t, h, "repos/epel-9/package/bash-5.1.8-6.el9.x86_64?files=1&changelog=1", 200)
	assert.Equal(t, map[string]any{"path": "/usr/bin/bash", "type": "file"}, at(t, all, "files", 1))
	assert.Equal(t, "ghost", at(t, all, "files", 5, "type"))
	assert.Contains(t, at(t, all, "changelog", 0, "text"), "null check")

	found := ask(t, h, "search?q=bash", 200)
	assert.InDelta(t, 3, at(t, found, "total"), 0)
	assert.Equal(t, "epel-9", at(t, found, "repos", 0, "repo"))
	assert.Equal(t, "name", at(t, found, "repos", 0, "hits", 0, "where"))
	assert.Equal(t, []any{"indexing"}, at(t, found, "without_index"))
	assert.Empty(t, at(t, ask(t, h, "search?q=zzz", 200), "repos"))
	assert.Len(t, at(t, ask(t, h, "search?q=python3&repo=epel-9&offset=235&limit=100", 200), "repos", 0, "hits"), 5)

	groups := ask(t, h, "repos/epel-9/groups", 200)
	assert.Equal(t, "core", at(t, groups, "environments", 0, "groups", 0, "id"))
	core := ask(t, h, "repos/epel-9/groups/core", 200)
	assert.Equal(t, "bash-5.1.8-6.el9.x86_64", at(t, core, "packages", 0, "newest"))
	assert.Equal(t, false, at(t, core, "packages", 1, "here"))
	assert.Equal(t, "2.4", at(t, ask(t, h, "repos/epel-9/modules", 200), "modules", 0, "streams", 0, "stream"))
	stream := ask(t, h, "repos/epel-9/modules/httpd:2.4", 200)
	assert.Equal(t, "platform:el8", at(t, stream, "versions", 0, "requires", 0, 0))
	advisories := ask(t, h, "repos/epel-9/advisories?severity=important", 200)
	assert.InDelta(t, 1, at(t, advisories, "total"), 0)
	assert.Equal(t, "CVE-2026-0001", at(t, advisories, "advisories", 0, "cves", 0))
	assert.InDelta(t, 1, at(t, advisories, "advisories", 0, "older"), 0)
	advisory := ask(t, h, "repos/epel-9/advisories/RLSA-2026:1234", 200)
	assert.Equal(t, "older", at(t, advisory, "collections", 0, "packages", 1, "fix"))
	assert.InDelta(t, 1, at(t, advisory, "older"), 0)
	assert.Equal(t, "glibc-2.34-60.el9.x86_64", at(t, advisory, "collections", 0, "packages", 1, "by"))
	assert.Equal(t, "httpd:2.4", at(t, advisory, "collections", 0, "modules", 0))
	assert.Equal(t, s.taken, s.released)
}

func TestAPIProblems(t *testing.T) {
	s := sample()
	h := s.handler()
	for target, status := range map[string]int{
		"nothing": 404, "repos/none": 404, "repos/epel-9/none": 404, "repos/epel-9/packages/none": 404, "repos/epel-9/package/none": 404, "repos/epel-9/groups/none": 404,
		"repos/epel-9/packages?limit=0": 400, "repos/epel-9/packages?limit=1001": 400, "repos/epel-9/packages?offset=-1": 400, "repos/epel-9/packages?sort=x": 400,
		"search": 400, "search?q=": 400, "repos/indexing/packages": 503, "repos/new/packages": 404,
	} {
		problem := ask(t, h, target, status)
		assert.InDelta(t, status, at(t, problem, "status"), 0)
		assert.NotEmpty(t, at(t, problem, "error"))
		assert.NotEmpty(t, at(t, problem, "detail"))
	}
	assert.Equal(t, 404, get(t, h, "/-/api/v2/repos").Code)
	assert.Contains(t, get(t, h, "/-/api/v1/").Body.String(), `"repos/{id}/packages/{name}"`)
}

// What is very long is cut, and said to be.
func TestAPIBounds(t *testing.T) {
	s := sample()
	f := s.catalogs["epel-9"]
	big := f.add(pkg("big", "0", "1", "1", "noarch", "big"))
	for i := range 60_000 {
		big.Requires = append(big.Requires, catalog.Dependency{Name: fmt.Sprintf("dep%d", i)})
		f.files[big.ID] = append(f.files[big.ID], catalog.File{Path: fmt.Sprintf("/f%d", i)})
	}
	one := ask(t, s.handler(), "repos/epel-9/package/big-1-1.noarch?files=1", 200)
	assert.Len(t, at(t, one, "dependencies", "requires"), 50_000)
	assert.Len(t, at(t, one, "files"), 50_000)
	assert.Equal(t, map[string]any{"requires": 60_000.0, "files": 60_000.0}, at(t, one, "cut"))
}
