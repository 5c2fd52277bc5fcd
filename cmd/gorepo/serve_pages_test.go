//go:build unix

package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
)

// readable is a site with a repository of testdata's packages, groups, modules and
// advisories, published twice, one that is just a directory and one that is empty.
func readable(t *testing.T) *site {
	t.Helper()
	up := t.TempDir()
	s := newSite(t, "[test-9]\nname=Test packages 9\nreleasever=9\nbasearch=x86_64\nbaseurl=file://"+up+"\n", "[never]\nbaseurl=file:///nowhere\n")
	files, err := filepath.Glob("../../testdata/rpms/*.rpm")
	require.NoError(t, err)
	comps, err := filepath.Abs("../../testdata/comps.xml")
	require.NoError(t, err)
	for _, part := range [][]string{files[:6], files[6:]} {
		for _, name := range part {
			require.NoError(t, os.WriteFile(filepath.Join(up, filepath.Base(name)), mustRead(t, name), 0o644))
		}
		s.ok("createrepo", "-q", "--groupfile", comps, up)
		s.ok("modifyrepo", "-q", "../../testdata/modules.yaml", filepath.Join(up, "repodata"))
		s.ok("modifyrepo", "-q", "../../testdata/updateinfo.xml", filepath.Join(up, "repodata"))
		s.ok("-q", "sync", "test-9")
		s.ok("-q", "createrepo", "--disablerepo=never")
	}
	s.write(mustRead(t, "../../testdata/rpms/hello-2.12-1.noarch.rpm"), "plain", "a b+c", "hello 2%.rpm")
	s.ok("createrepo", "-q", s.path("plain"))
	s.write([]byte("x"), "isos", "disk.iso")
	s.ok("-q", "index") // pages do not wait for it long
	return s
}

// answerOf gives an answer of a server.
func answerOf(t *testing.T, address string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, address, nil)
	require.NoError(t, err)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res, string(body)
}

// linksOf are the addresses that a page leads to, or loads.
func linksOf(t *testing.T, page string) (links []string) {
	t.Helper()
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			return links
		}
		if token := z.Token(); kind == html.StartTagToken {
			for _, a := range token.Attr {
				if a.Key == "href" || a.Key == "src" || a.Key == "action" {
					links = append(links, a.Val)
				}
			}
		}
	}
}

// Whoever follows links from "/" through a proxy that adds a prefix gets to every
// page and file, stays below the prefix, and finds nothing that is not there.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	t.Parallel()
	s := readable(t)
	server := s.serve(1, "--listen", "127.0.0.1:0")
	target, err := url.Parse(server.urls[0])
	require.NoError(t, err)
	proxy := httptest.NewServer(http.StripPrefix("/el", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host }}))
	defer proxy.Close()
	require.Eventually(t, func() bool {
		_, body := answerOf(t, proxy.URL+"/el/-/api/v1/repos")
		return strings.Count(body, `"state":"current"`) == 2
	}, 20*time.Second, 20*time.Millisecond)

	seen, kinds := map[string]bool{}, map[string]int{}
	todo := []string{"/el/", "/el/-/search?q=hello", "/el/-/search?q=%2Fusr%2F", "/el/-/search?q=TEST-2023%3A0001", "/el/-/repos/test-9/changes?q=hello"}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		if seen[at] || strings.Contains(at, "order=") {
			continue
		}
		seen[at] = true
		res, body := answerOf(t, proxy.URL+at)
		require.Less(t, res.StatusCode, 400, at)
		base, err := url.Parse(proxy.URL + at)
		require.NoError(t, err)
		kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
		kinds[kind]++
		switch {
		case res.StatusCode >= 300:
			to, err := base.Parse(res.Header.Get("Location"))
			require.NoError(t, err)
			todo = append(todo, to.RequestURI())
		case kind == "application/json":
			assert.True(t, json.Valid([]byte(body)), at)
		case kind == "text/html":
			for _, link := range linksOf(t, body) {
				to, err := base.Parse(link)
				require.NoError(t, err, at)
				if to.Host != base.Host { // what metadata has; nothing is loaded from there
					assert.Contains(t, []string{"http", "https"}, to.Scheme, at)
					continue
				}
				assert.True(t, strings.HasPrefix(to.Path, "/el/"), "%s leads to %s", at, link)
				todo = append(todo, to.RequestURI())
			}
		}
	}
	t.Log(kinds)
	assert.Greater(t, kinds["text/html"], 100)
	assert.Greater(t, kinds["application/json"], 40)
	for _, want := range []string{
		"/el/-/changes", "/el/-/repos/test-9/", "/el/-/repos/test-9/package/preview-1.0~rc1-1.noarch", "/el/-/repos/test-9/package/preview-1.0%5Egit20231105-1.noarch",
		"/el/-/repos/test-9/package/modular-1.0-1.module_el9%2B1%2Babcd1234.noarch", "/el/-/repos/test-9/groups/greetings", "/el/-/repos/plain/package/hello-2.12-1.noarch",
		"/el/plain/a%20b%2Bc/hello%202%25.rpm", "/el/-/repos/never/", "/el/isos/disk.iso", "/el/test-9.repo", "/el/?list",
	} {
		assert.True(t, seen[want], want)
	}
	server.stop()
}

// "/" is a page for people, and for programs the list that it always was.
func TestHomeAndListing(t *testing.T) {
	t.Parallel()
	s := readable(t)
	server := s.serve(1, "--listen", "127.0.0.1:0")
	at := server.urls[0]
	res, page := answerOf(t, at+"/", "Accept: text/html")
	assert.Contains(t, page, "Test packages 9")
	assert.Contains(t, res.Header.Get("Vary"), "Accept")
	var names []struct{ Name string }
	_, list := answerOf(t, at+"/", "Accept: application/json")
	require.NoError(t, json.Unmarshal([]byte(list), &names))
	assert.Len(t, names, 3)
	for _, query := range []string{"?list", "?C=S&O=D"} {
		_, listing := answerOf(t, at+"/"+query)
		assert.Contains(t, listing, "<h1>Index of", query)
		assert.Contains(t, listing, `href="./test-9/"`, query)
	}
	_, listing := answerOf(t, at+"/test-9/repodata/")
	assert.Contains(t, listing, `<a href="./../../-/repos/test-9/">`)
	_, listing = answerOf(t, at+"/isos/")
	assert.NotContains(t, listing, "/-/repos/isos/")
	assert.Contains(t, listing, `<a href="./../">Repositories</a>`)
	_, page = answerOf(t, at+"/-/repos/test-9/")
	assert.Contains(t, regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, ""), "sudo zypper addrepo "+at+"/test-9.repo")
	assert.Contains(t, page, "Recent changes")
	assert.Regexp(t, `[0-9]+ added`, page)
	server.stop()
}

// TestPackageETag: a package's ETag is the checksum that metadata has of it, on every
// mirror the same; of a package that came to its place later it is not.
func TestPackageETag(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("that a file has not changed is known on Linux only")
	}
	t.Parallel()
	s := readable(t)
	time.Sleep(1100 * time.Millisecond) // until an index is sure to be younger
	s.ok("-q", "index", "--force")
	server := s.serve(1, "--listen", "127.0.0.1:0")
	at := server.urls[0]
	_, list := answerOf(t, at+"/-/api/v1/repos/test-9/packages?limit=1000")
	var packages struct {
		Packages []struct{ Location string }
	}
	require.NoError(t, json.Unmarshal([]byte(list), &packages), list)
	require.NotEmpty(t, packages.Packages, list)
	tag := func(location string, headers ...string) (string, *http.Response) {
		res, _ := answerOf(t, at+"/test-9/"+(&url.URL{Path: location}).EscapedPath(), headers...)
		return res.Header.Get("ETag"), res
	}
	for _, p := range packages.Packages {
		sum := sha256.Sum256(mustRead(t, s.path("test-9", p.Location)))
		etag, _ := tag(p.Location)
		assert.Equal(t, fmt.Sprintf(`"%x"`, sum), etag, p.Location)
		_, res := tag(p.Location, "If-None-Match: "+etag)
		assert.Equal(t, http.StatusNotModified, res.StatusCode)
	}

	// Another file of the same size and mtime.
	location := packages.Packages[0].Location
	file := s.path("test-9", location)
	was, _ := tag(location)
	fi, err := os.Stat(file)
	require.NoError(t, err)
	data := mustRead(t, file)
	data[len(data)-1]++
	require.NoError(t, os.WriteFile(file+".new", data, 0o644))
	require.NoError(t, os.Chtimes(file+".new", fi.ModTime(), fi.ModTime()))
	require.NoError(t, os.Rename(file+".new", file))
	now, res := tag(location, "If-None-Match: "+was)
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.NotEqual(t, was, now)
	server.stop()
}

// What a client may not read is on no page, in no search and in no answer of the API.
func TestPagesAreForThoseWhoMay(t *testing.T) {
	t.Parallel()
	s := readable(t)
	hidden := "[test-9]\nname=Secret packages\nbaseurl=file:///nowhere\nallow_networks=192.0.2.0/24\n"
	s.configure(hidden)
	server := s.serve(1, "--listen", "127.0.0.1:0")
	at := server.urls[0]
	require.Eventually(t, func() bool {
		_, body := answerOf(t, at+"/-/api/v1/repos")
		return strings.Contains(body, `"state":"current"`)
	}, 20*time.Second, 20*time.Millisecond)
	for _, address := range []string{"/", "/?list", "/-/search?q=hello", "/-/search?q=libtide", "/-/api/v1/repos", "/-/api/v1/search?q=libtide", "/-/changes", "/-/changes?q=hello", "/-/api/v1/changes"} {
		_, body := answerOf(t, at+address)
		assert.NotContains(t, body, "test-9", address)
		assert.NotContains(t, body, "Secret", address)
		assert.NotContains(t, body, "1.4.0", address)
	}
	for _, address := range []string{"/-/repos/test-9/", "/-/repos/test-9/packages", "/-/api/v1/repos/test-9", "/-/api/v1/repos/test-9/packages/hello", "/-/repos/%74est-9/groups", "//-//repos/test-9/"} {
		res, body := answerOf(t, at+address)
		assert.Contains(t, []int{403, 404}, res.StatusCode, address)
		assert.NotContains(t, body, "Secret", address)
	}
	server.stop()
}

// One repository is the same alone and among all: for everybody, whatever it is.
func TestOneAndAllRepositories(t *testing.T) {
	t.Parallel()
	s := readable(t)
	s.configure("[test-9]\nname=Test packages 9\nbaseurl=file:///nowhere\n", "[never]\nbaseurl=file:///nowhere\n", "[hidden]\nbaseurl=file:///nowhere\nallow_networks=192.0.2.0/24\n",
		"[off]\nname=Switched off\nenabled=0\nbaseurl=file:///nowhere\n", "[off-too]\nenabled=0\nbaseurl=file:///nowhere\n")
	for _, id := range []string{"hidden", "off", ".dot"} {
		s.write(mustRead(t, "../../testdata/rpms/hello-2.12-1.noarch.rpm"), id, "hello-2.12-1.noarch.rpm")
		s.ok("createrepo", "-q", s.path(id))
	}
	s.ok("-q", "index")
	server := s.serve(1, "--listen", "127.0.0.1:0")
	at := server.urls[0] + "/-/api/v1/"
	type repo struct {
		ID, Name string
		Index    struct{ State string }
	}
	var all struct{ Repos []repo }
	require.Eventually(t, func() bool {
		_, body := answerOf(t, at+"repos")
		require.NoError(t, json.Unmarshal([]byte(body), &all))
		return strings.Count(body, `"state":"current"`) == 3
	}, 20*time.Second, 20*time.Millisecond)
	ids := map[string]repo{}
	for _, r := range all.Repos {
		ids[r.ID] = r
	}
	assert.Len(t, ids, 4)
	for _, id := range []string{"test-9", "never", "hidden", "off", "off-too", "plain", "isos", ".dot", "none"} {
		res, body := answerOf(t, at+"repos/"+id)
		want, there := ids[id]
		require.Equal(t, there, res.StatusCode == http.StatusOK, "%s: %d", id, res.StatusCode)
		if there {
			var one repo
			require.NoError(t, json.Unmarshal([]byte(body), &one))
			assert.Equal(t, want, one)
		}
	}
	assert.Equal(t, "Switched off", ids["off"].Name)
	server.stop()
}

// Who reads is told what to do where there is nothing for him; a program gets one line.
func TestRefusalsForReaders(t *testing.T) {
	t.Parallel()
	s := readable(t)
	writeFile(t, bcrypted(t, "alice", "secret"), s.dir, "users")
	s.configure("htpasswd=users\nallow_users=anyone\n[test-9]\nname=Test packages 9\nbaseurl=file:///nowhere\nallow_users=alice\n")
	server := s.serve(1, "--listen", "127.0.0.1:0")
	at := server.urls[0]
	const browser = "Accept: text/html,application/xhtml+xml,*/*;q=0.8"
	alice := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("alice:secret"))
	_, home := answerOf(t, at+"/", browser)
	assert.Contains(t, home, `href="./?login"`)
	assert.NotContains(t, home, "test-9")
	_, home = answerOf(t, at+"/?login", browser, alice)
	assert.Contains(t, home, "Test packages 9")
	assert.NotContains(t, home, "?login")
	for path, want := range map[string]struct {
		status int
		title  string
	}{
		"/?login": {401, "A login is needed"}, "/test-9/": {401, "A login is needed"}, "/-/repos/test-9/": {401, "A login is needed"}, "/test-9.repo": {401, "A login is needed"},
		"/plain/none.rpm": {404, "Not found"}, "/none/": {404, "Not found"},
	} {
		res, line := answerOf(t, at+path)
		assert.Equal(t, want.status, res.StatusCode, path)
		assert.Regexp(t, "^[0-9]{3} .*\n$", line, path)
		assert.Equal(t, 1, strings.Count(line, "\n"), path)
		res, page := answerOf(t, at+path, browser)
		assert.Equal(t, want.status, res.StatusCode, path)
		assert.Contains(t, page, "<h1>"+want.title+"</h1>", path)
		assert.NotContains(t, page, "est-9", path)
		for _, link := range linksOf(t, page) { // its style, too
			if link[0] == '#' {
				continue
			}
			to, err := url.Parse(at + strings.SplitN(path, "?", 2)[0])
			require.NoError(t, err)
			to, err = to.Parse(link)
			require.NoError(t, err)
			res, _ := answerOf(t, to.String())
			assert.Less(t, res.StatusCode, 404, "%s leads to %s", path, to)
		}
	}
	server.stop()
}

// What a repository's own metadata and its installation tree say of it decides which
// command comes first.
func TestToolsSuitTheRepository(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, id := range []string{"ours", "tagged", "media"} {
		s.write(mustRead(t, "../../testdata/rpms/hello-2.12-1.noarch.rpm"), id, "hello-2.12-1.noarch.rpm")
		args := []string{"createrepo", "-q", s.path(id)}
		if id == "tagged" {
			args = append(args, "--distro", "cpe:/o:opensuse:leap:15.6,openSUSE Leap 15.6")
		}
		s.ok(args...)
	}
	s.write([]byte("[release]\nname = SUSE Linux Enterprise\nshort = SLE\nversion = 15.6\n"), "media", ".treeinfo")
	s.ok("-q", "index")
	server := s.serve(1, "--listen", "127.0.0.1:0")
	for id, zypper := range map[string]bool{"ours": false, "tagged": true, "media": true} {
		_, page := answerOf(t, server.urls[0]+"/-/repos/"+id+"/")
		require.Contains(t, page, "<h3>zypper ")
		assert.Equal(t, zypper, strings.Index(page, "<h3>zypper ") < strings.Index(page, "<h3>dnf "), id)
	}
	server.stop()
}

// What pages and the API say of signatures is what /ID.repo tells clients.
func TestPagesTellOfSignatures(t *testing.T) {
	up := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(up, "hello.rpm"), mustRead(t, "../../testdata/rpms/hello-2.12-1.noarch.rpm"), 0o644))
	key, err := filepath.Abs("../../testdata/keys/rsa.sec")
	require.NoError(t, err)
	s := newSite(t)
	s.ok("createrepo", "-q", up)
	s.configure("[signed]\nsign_key="+key+"\nbaseurl=file://"+up+"\n", "[plain]\nrepo_gpgcheck=0\nbaseurl=file://"+up+"\n")
	s.ok("-q", "sync")
	s.ok("-q", "createrepo")
	server := s.serve(1, "--listen", "127.0.0.1:0")
	for id, words := range map[string]string{"signed": "metadata is checked, packages are not", "plain": "packages are not checked"} {
		_, page := answerOf(t, strings.TrimSuffix(server.urls[0], "/")+"/-/repos/"+id+"/")
		assert.Contains(t, page, words, id)
		_, config := answerOf(t, strings.TrimSuffix(server.urls[0], "/")+"/"+id+".repo")
		_, api := answerOf(t, strings.TrimSuffix(server.urls[0], "/")+"/-/api/v1/repos/"+id)
		assert.Equal(t, strings.Contains(config, "repo_gpgcheck=1"), strings.Contains(strings.ReplaceAll(api, " ", ""), `"repo_gpgcheck":true`), id)
		assert.Equal(t, id == "signed", strings.Contains(config, "repo_gpgcheck=1"), id)
	}
}
