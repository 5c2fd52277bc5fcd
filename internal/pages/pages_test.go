package pages_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every link of every page leads to a page, and every page is sound.
func TestPagesLeadToPages(t *testing.T) {
	s := sample()
	h := s.handler()
	seen := map[string]bool{}
	todo := []string{
		"/", "/-/search?q=bash", "/-/search?q=%2Fusr%2Fbin%2Fbash&repo=epel-9", "/-/repos/epel-9/packages?q=python3-*&latest=1&sort=size",
		"/-/repos/epel-9/package/bash-5.1.8-6.el9.x86_64?list=files", "/-/repos/epel-9/package/bash-5.1.8-6.el9.x86_64?list=requires",
	}
	crawled := 0
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		if seen[at] || regexp.MustCompile(`module[0-9]*[1-9]|order=|q=.*sort=|sort=.*page=`).MatchString(at) { // a few of the many alike
			continue
		}
		seen[at] = true
		if !strings.HasPrefix(at, "/-/") && at != "/" || strings.HasPrefix(at, "/-/keys/") { // the server's own
			assert.Contains(t, []string{
				"/?list", "/isos/", "/RPM-GPG-KEY%201", "/epel-9/", "/epel-9.repo", "/centos-5/", "/centos-5.repo", "/indexing/", "/indexing.repo",
				"/new/", "/new.repo", "/-/keys/epel-9.asc",
			}, strings.Split(at, "/Packages/")[0]+map[bool]string{true: "/"}[strings.Contains(at, "/Packages/")])
			continue
		}
		w := get(t, h, at)
		require.Less(t, w.Code, 400, "%s", at)
		if w.Header().Get("Content-Type") == "application/json" || w.Code == http.StatusMovedPermanently {
			continue
		}
		crawled++
		page := check(t, w.Body.String())
		assert.NotEmpty(t, page.h1, at)
		base, err := url.Parse("http://mirror.example" + at)
		require.NoError(t, err)
		for _, link := range append(page.links, page.forms...) {
			to, err := base.Parse(link)
			require.NoError(t, err)
			if to.Host != "mirror.example" || strings.HasPrefix(link, "#") {
				continue
			}
			assert.NotEqual(t, byte('/'), link[0], "%s has the absolute link %s", at, link)
			todo = append(todo, to.RequestURI())
		}
	}
	assert.Greater(t, crawled, 45)
	assert.Equal(t, s.taken, s.released, "catalogs that are still held")
}

func TestHome(t *testing.T) {
	page := check(t, get(t, sample().handler(), "/").Body.String())
	for _, want := range []string{"Extra Packages for Enterprise Linux 9", "5 hours ago", "up to date", "late", "failing", "last sync failed 3 hours ago", "never published", "6,821", "RPM-GPG-KEY 1", "isos/", "/gorepo.repo"} {
		assert.Contains(t, page.text, want)
	}
	assert.NotContains(t, page.text, "epel-9/", "a repository is no other directory")
	assert.Contains(t, page.links, "./-/repos/epel-9/")
	assert.Contains(t, page.forms, "./-/search")
}

func TestRepository(t *testing.T) {
	h := sample().handler()
	page := check(t, get(t, h, "/-/repos/epel-9/").Body.String())
	for _, want := range []string{
		"FF8A D134 4597 106E CE81", "sudo dnf config-manager --add-repo http://mirror.example/epel-9.repo", "sudo zypper addrepo http://mirror.example/epel-9.repo",
		"--from-repofile=http://mirror.example/epel-9.repo", "gpgcheck=1", "2026-11-26 07:00 UTC", "1–100 of 246 packages", "packages are checked", "Page 1 of 3",
	} {
		assert.Contains(t, page.text, want)
	}
	assert.Equal(t, []string{"https://mirrors.fedoraproject.org/metalink?repo=epel-9&arch=x86_64"}, page.external)
	for _, link := range []string{"../../../epel-9/", "../../../epel-9.repo", "../../../-/keys/epel-9.asc", "../../../-/repos/epel-9/packages?page=2"} {
		assert.Contains(t, page.links, link)
	}
	none := check(t, get(t, h, "/-/repos/new/").Body.String())
	assert.Contains(t, none.text, "fail on hosts that are pointed at it before there is.")
	assert.NotContains(t, page.text, "fail on hosts")
	assert.Contains(t, none.text, "Nothing is publishedThis repository has no metadata (")
	building := check(t, get(t, h, "/-/repos/indexing/").Body.String())
	assert.Contains(t, building.text, "The index is being made: 40 %")
}

func TestListOfPackages(t *testing.T) {
	h := sample().handler()
	names := func(target string) []string {
		w := get(t, h, target)
		require.Equal(t, 200, w.Code, target)
		check(t, w.Body.String())
		var found []string
		for _, m := range regexp.MustCompile(`<th scope="row"><a [^>]*>([^<]*)</a>`).FindAllStringSubmatch(w.Body.String(), -1) {
			found = append(found, m[1])
		}
		return found
	}
	assert.Len(t, names("/-/repos/epel-9/packages"), 100)
	assert.Len(t, names("/-/repos/epel-9/packages?page=3"), 46)
	assert.Equal(t, []string{"libstdc&#43;&#43;"}, names("/-/repos/epel-9/packages?q=c%2B%2B"))
	assert.Equal(t, []string{"bash", "bash", "glibc"}, names("/-/repos/epel-9/packages?arch=x86_64&q=*[hc]"))
	assert.Equal(t, "python3-module000", names("/-/repos/epel-9/packages?sort=size&order=asc")[0])
	assert.NotEqual(t, "python3-module000", names("/-/repos/epel-9/packages?sort=size")[0], "the largest first")
	assert.Empty(t, names("/-/repos/epel-9/packages?q=nothing"))

	// What is chosen stays chosen, in the form and in the links, without scripts.
	page := get(t, h, "/-/repos/epel-9/packages?q=python3&arch=noarch&latest=1&sort=size&page=2").Body.String()
	assert.Contains(t, page, `value="python3"`)
	assert.Contains(t, page, `<option selected>noarch</option>`)
	assert.Contains(t, page, `name="latest" value="1" checked`)
	assert.Contains(t, page, `<input type="hidden" name="sort" value="size">`)
	assert.Contains(t, page, `href="../../../-/repos/epel-9/packages?q=python3&amp;arch=noarch&amp;latest=1&amp;sort=size&amp;page=3" rel="next"`)
	assert.Contains(t, page, `href="../../../-/repos/epel-9/packages?q=python3&amp;arch=noarch&amp;latest=1&amp;sort=size" rel="prev"`)
	assert.Contains(t, page, `<th scope="col" class="num size" aria-sort="descending"><a href="../../../-/repos/epel-9/packages?q=python3&amp;arch=noarch&amp;latest=1&amp;sort=size&amp;order=asc">`)
	assert.Contains(t, page, "101–200 of 240 packages")
	far := get(t, h, "/-/repos/epel-9/packages?page=900").Body.String()
	assert.Contains(t, check(t, far).text, "Nothing on this page; there are 246 packages.", "a page behind the last")
	assert.Contains(t, far, `packages?page=3" rel="prev"`)
}

func TestPackage(t *testing.T) {
	h := sample().handler()
	w := get(t, h, "/-/repos/epel-9/package/bash-5.1.8-6.el9.x86_64")
	page := check(t, w.Body.String())
	for _, want := range []string{
		"bash 5.1.8-6.el9 x86_64", "Here since 2026-11-03 12:00 UTC (3 weeks ago). It is the newest version here.", "The GNU Bourne Again shell (Bash) is", "GPLv3+",
		"1.8 MiB, installed 7.4 MiB", "b5bb9d8014a0f9b1", "bash-5.1.8-6.el9.src.rpm", "filesystem ≥ 3", "/usr/share/doc/bash/", "/var/log/bash ghost", "- Fix memory leak in fork",
		"sudo dnf install bash-5.1.8-6.el9.x86_64", "2026-08-28",
	} {
		assert.Contains(t, page.text, want)
	}
	assert.Contains(t, page.links, "../../../../epel-9/Packages/b/bash-5.1.8-6.el9.x86_64.rpm")
	assert.Contains(t, page.links, "../../../../-/repos/epel-9/packages/glibc", "what provides a requirement")
	assert.Contains(t, page.external, "https://www.gnu.org/software/bash")
	assert.Contains(t, page.text, "In the group Core (mandatory). Of the module stream httpd:2.4.")
	assert.Contains(t, page.text, "RLSA-2026:1234")
	assert.Contains(t, page.text, "has it")
	glibc := check(t, get(t, h, "/-/repos/epel-9/package/glibc-2.34-60.el9.x86_64").Body.String())
	assert.Contains(t, glibc.text, "1 advisory is about a newer version: this one lacks what it brings.")
	older := check(t, get(t, h, "/-/repos/epel-9/package/bash-5.1.8-4.el9.x86_64").Body.String())
	assert.Contains(t, older.text, "Here since before 2026-11-03 12:00 UTC, where this mirror's history begins. There is a newer one: 5.1.8-6.el9.")
	named := check(t, get(t, h, "/-/repos/epel-9/packages/bash").Body.String())
	assert.Contains(t, named.text, "Newest here: 5.1.8-6.el9, since 2026-11-03 12:00 UTC (3 weeks ago). 2 versions, for x86_64.")
}

// Names of packages may have anything in them, and a link leads to the one that
// it names.
func TestOddNames(t *testing.T) {
	s := sample()
	for _, name := range []string{"a+b", "a b", "a%2Fb", "50%", "a~b^c", "日本語", "a/b", "a?b=c&d", "a#b", `"><script>`, "a:b", "a\\b", "latin\xe9", "...", "a;b", "+", "-"} {
		p := pkg(name, "2", "1.0~rc^1+x", "1%", "x86_64", "odd")
		p.Location = "Packages/" + name + "-1.rpm"
		s.catalogs["epel-9"].add(p)
	}
	h := s.handler()
	for _, p := range s.catalogs["epel-9"].packages[246:] {
		list := get(t, h, "/-/repos/epel-9/packages?q="+url.QueryEscape(p.Name))
		base, _ := url.Parse("http://mirror.example/-/repos/epel-9/packages")
		found := 0
		for _, link := range check(t, list.Body.String()).links {
			to, err := base.Parse(link)
			require.NoError(t, err)
			if to.Path == "/-/repos/epel-9/packages/"+p.Name {
				assert.Equal(t, 200, get(t, h, to.EscapedPath()).Code, "%q: %s", p.Name, link)
			}
			if to.Path != "/-/repos/epel-9/package/"+p.String() {
				continue
			}
			found++
			w := get(t, h, to.EscapedPath())
			require.Equal(t, 200, w.Code, "%q: %s", p.Name, link)
			if page := check(t, w.Body.String()); !strings.Contains(p.Name, "/") {
				assert.Contains(t, links(t, to, page.links), "/epel-9/Packages/"+p.Name+"-1.rpm")
			}
		}
		assert.Equal(t, 1, found, "%q", p.Name)
	}
}

// links are the paths that links lead to, decoded.
func links(t testing.TB, base *url.URL, list []string) (paths []string) {
	t.Helper()
	for _, l := range list {
		to, err := base.Parse(l)
		require.NoError(t, err)
		paths = append(paths, to.Path)
	}
	return paths
}

func TestSearch(t *testing.T) {
	s := sample()
	s.hidden["centos-5"] = true
	h := s.handler()
	page := check(t, get(t, h, "/-/search?q=bash").Body.String())
	assert.Contains(t, page.text, "5.1.8-6.el9")
	assert.NotContains(t, page.text, "centos-5")
	assert.Contains(t, page.text, "Not searched, because their index is not ready: indexing.")
	page = check(t, get(t, h, "/-/search?q=bash&repo=indexing").Body.String())
	assert.Contains(t, page.text, "Nothing could be searched")
	assert.NotContains(t, page.text, "Nothing found", "that would be an answer")
	assert.Equal(t, 404, get(t, h, "/-/search?q=bash&repo=centos-5").Code)
	s.hidden = nil
	page = check(t, get(t, h, "/-/search?q=bash").Body.String())
	assert.Contains(t, page.text, "3 package names in 2 repositories")
	assert.Contains(t, page.text, "3.2-33.el5")
	page = check(t, get(t, h, "/-/search?q=%2Fusr%2Fbin%2Fbash").Body.String())
	assert.Contains(t, page.text, "has /usr/bin/bash")
	assert.Contains(t, page.text, "Nothing in centos-5.")
	for _, q := range []string{"cve-2026-0002", "CVE-2026-", "rlsa-2026:1234"} {
		page := check(t, get(t, h, "/-/search?q="+q).Body.String())
		assert.Contains(t, page.text, "1 advisory in 1 repository", q)
		assert.Contains(t, page.links, "../-/repos/epel-9/advisories/RLSA-2026:1234", q)
	}
	many := check(t, get(t, h, "/-/search?q=python3").Body.String())
	assert.Contains(t, many.links, "../-/search?q=python3&repo=epel-9")
	second := check(t, get(t, h, "/-/search?q=python3&repo=epel-9&page=3").Body.String())
	assert.Contains(t, second.text, "Page 3 of 3")
	assert.Contains(t, check(t, get(t, h, "/-/search").Body.String()).text, "are looked for")
	assert.Contains(t, check(t, get(t, h, "/-/search?q=++").Body.String()).text, "are looked for")
	assert.Contains(t, check(t, get(t, h, "/-/search?q=zzz").Body.String()).text, "Nothing found")
}

// An index that cannot be searched costs only what it would have found.
func TestSearchWithoutOne(t *testing.T) {
	for what, fails := range map[string]func() error{
		"an error": func() error { return errors.New("it is damaged") },
		"a panic":  func() error { panic("it is damaged") },
	} {
		s := sample()
		h := s.handler()
		s.catalogs["centos-5"].search = fails
		res := get(t, h, "/-/search?q=bash")
		require.Equal(t, 200, res.Code, what)
		page := check(t, res.Body.String())
		assert.Contains(t, page.text, "5.1.8-6.el9", what)
		assert.Contains(t, page.text, "not ready: centos-5, indexing.", what)
		assert.Contains(t, get(t, h, "/-/api/v1/search?q=bash").Body.String(), `"without_index":["centos-5","indexing"]`, what)
		assert.Equal(t, 500, get(t, h, "/-/search?q=bash&repo=centos-5").Code, what)
		assert.Equal(t, s.taken, s.released, what)
	}
}

func TestGroupsModulesAdvisories(t *testing.T) {
	h := sample().handler()
	for target, wants := range map[string][]string{
		"/-/repos/epel-9/groups":                                       {"Minimal Install", "Core", "GNOME optional", "(12 missing)", "c++ tools/x"},
		"/-/repos/epel-9/groups/core":                                  {"Smallest possible installation", "systemd", "missing", "5.1.8-6.el9", "sudo dnf group install core"},
		"/-/repos/epel-9/groups/c%2B%2B%20tools%2Fx":                   {"c++ tools/x", "'c++ tools/x'"},
		"/-/repos/epel-9/modules":                                      {"httpd", "2.4 default", "2.2 obsolete"},
		"/-/repos/epel-9/modules/httpd:2.4":                            {"sudo dnf module install httpd:2.4", "820190206142837", "platform:el8", "mod_ssl-2.4.37-10.x86_64 ▲ missing"},
		"/-/repos/epel-9/modules/httpd:2.2":                            {"Obsolete: Not supported any more. Instead: httpd:2.4."},
		"/-/repos/epel-9/advisories":                                   {"RLSA-2026:1234", "Important", "CVE-2026-0001, CVE-2026-0002", "1 of 4", "1–2 of 2 advisories"},
		"/-/repos/epel-9/advisories?severity=-":                        {"RLBA-2026:1", "1–1 of 1 advisory"},
		"/-/repos/epel-9/advisories?q=cve-2026-0001":                   {"RLSA-2026:1234", "1–1 of 1 advisory"},
		"/-/repos/epel-9/advisories?since=2026-11-25&until=2026-11-25": {"RLSA-2026:1234", "1–1 of 1 advisory"},
		"/-/repos/epel-9/advisories?since=2026-11-26":                  {"No advisory matches"},
		"/-/repos/epel-9/advisories?type=nothing":                      {"No advisory matches"},
		"/-/repos/epel-9/advisories/RLSA-2026:1234":                    {"1 package of the update; of 1 it has only older versions", "An update for openssl", "only older here 2.34-60.el9", "other architecture", "reboot", "odd"},
	} {
		w := get(t, h, target)
		require.Equal(t, 200, w.Code, target)
		page := check(t, w.Body.String())
		text := strings.Join(strings.Fields(page.text), " ")
		for _, want := range wants {
			assert.Contains(t, text, want, target)
		}
		assert.NotContains(t, w.Body.String(), "javascript:", target)
	}
	for _, target := range []string{"groups/none", "modules/httpd", "modules/httpd:9", "advisories/none", "package/none-1-1.noarch", "packages/none", "elsewhere", "package", "groups/core/x"} {
		w := get(t, h, "/-/repos/epel-9/"+target)
		assert.Equal(t, 404, w.Code, target)
		check(t, w.Body.String())
	}
}

func TestChanges(t *testing.T) {
	h := sample().handler()
	text := func(target string) string {
		w := get(t, h, target)
		require.Equal(t, 200, w.Code, target)
		return strings.Join(strings.Fields(check(t, w.Body.String()).text), " ")
	}
	all := text("/-/repos/epel-9/changes")
	assert.Contains(t, all, "3 publications. The history begins 2026-11-03 12:00 UTC.")
	assert.Contains(t, all, "2026-11-26 today 07:00 1 added 1 updated 1 removed Something not known was published before it.")
	assert.Contains(t, all, "↑updated bash-5.1.8-6.el9.x86_64 from 5.1.8-4.el9")
	assert.Contains(t, all, "2026-11-25 yesterday 07:00 no package changed")
	assert.Contains(t, all, "The history begins here, with 240 packages.")
	assert.Contains(t, text("/-/repos/epel-9/"), "Recent changes 2026-11-26")
	assert.Contains(t, text("/-/repos/epel-9/changes?q=ba"), "1–1 of 1 change.")
	assert.Contains(t, text("/-/repos/epel-9/changes?name=gone%2B1"), "−removed gone+1-1-1.noarch")
	assert.Contains(t, text("/-/repos/epel-9/changes?publication=3"), "1–3 of 3 changes")
	assert.Contains(t, text("/-/repos/epel-9/changes?since=2026-11-25&until=2026-11-25"), "1 publication.")
	assert.Contains(t, text("/-/repos/epel-9/changes?q=zzz"), "No change matches. The history begins 2026-11-03 12:00 UTC. Show all · packages here")
	assert.Contains(t, text("/-/repos/centos-5/changes"), "Nothing is known yet")
	assert.Contains(t, text("/-/repos/epel-9/packages/bash"), "Came and went 2026-11-26")
	for _, q := range []string{"since=yesterday", "publication=x", "page=0"} {
		assert.Equal(t, 400, get(t, h, "/-/repos/epel-9/changes?"+q).Code, q)
	}
	assert.Equal(t, 404, get(t, h, "/-/repos/epel-9/changes?publication=9").Code)
	changes := ask(t, h, "repos/epel-9/changes?since=2026-11-26&limit=1&offset=1", 200)
	assert.Equal(t, "5.1.8-4.el9", at(t, changes, "changes", 0, "from"))
	assert.Equal(t, "?since=2026-11-26&offset=2&limit=1", at(t, changes, "next"))
	assert.Equal(t, true, at(t, changes, "publications", 0, "gap"))
	assert.Equal(t, true, at(t, ask(t, h, "repos/epel-9/publications", 200), "publications", 2, "first"))
}

// What a client may not see does not exist.
func TestHiddenRepositories(t *testing.T) {
	s := sample()
	s.hidden["epel-9"] = true
	h := s.handler()
	for _, target := range []string{
		"/-/repos/epel-9/", "/-/repos/epel-9", "/-/repos/epel-9/packages", "/-/repos/epel-9/package/bash-5.1.8-6.el9.x86_64", "/-/repos/epel-9/groups",
		"/-/api/v1/repos/epel-9", "/-/api/v1/repos/epel-9/packages", "/-/search?q=bash&repo=epel-9", "/-/api/v1/search?q=bash&repo=epel-9",
	} {
		hidden, none := get(t, h, target), get(t, h, strings.ReplaceAll(target, "epel-9", "epel-X"))
		assert.Equal(t, 404, hidden.Code, target)
		assert.Equal(t, strings.ReplaceAll(none.Body.String(), "epel-X", "epel-9"), hidden.Body.String(), "as if there were none")
	}
	for _, target := range []string{"/", "/-/search?q=bash", "/-/api/v1/repos", "/-/api/v1/search?q=bash"} {
		body := get(t, h, target).Body.String()
		assert.NotContains(t, body, "Extra Packages", target)
		assert.NotContains(t, body, "5.1.8", target)
	}
}

func TestProblems(t *testing.T) {
	s := sample()
	h := s.handler()
	w := get(t, h, "/-/repos/indexing/packages")
	assert.Equal(t, 503, w.Code)
	assert.Equal(t, "3", w.Header().Get("Retry-After"))
	assert.Contains(t, w.Body.String(), `<meta http-equiv="refresh" content="3">`)
	assert.Contains(t, check(t, w.Body.String()).text, "The index is being made: 40 %")
	assert.Equal(t, 404, get(t, h, "/-/repos/new/packages").Code)
	for _, target := range []string{
		"/-/repos/epel-9/packages?page=x", "/-/repos/epel-9/packages?page=0", "/-/repos/epel-9/packages?sort=colour", "/-/repos/epel-9/packages?order=up",
		"/-/repos/epel-9/package/bash-5.1.8-6.el9.x86_64?list=nothing", "/-/search?q=%zz", "/-/search?q=a;b",
	} {
		w := get(t, h, target)
		assert.Equal(t, 400, w.Code, target)
		page := check(t, w.Body.String())
		assert.NotContains(t, w.Body.String(), "http-equiv", target)
		assert.NotEmpty(t, page.h1)
	}
	for from, to := range map[string]string{
		"/-/repos/epel-9": "../../-/repos/epel-9/", "/-/repos/epel-9?x=y": "../../-/repos/epel-9/?x=y", "/-/repos/epel-9/packages/": "../../../../-/repos/epel-9/packages",
		"/-/": "../", "/-/repos": "../", "/-/api": "../-/api/v1/",
	} {
		w := get(t, h, from)
		assert.Equal(t, 301, w.Code, from)
		assert.Equal(t, to, w.Header().Get("Location"), from)
	}
	s.catalogs["epel-9"].broken = errors.New("block 12 is damaged")
	page := check(t, get(t, h, "/-/repos/epel-9/package/bash-5.1.8-6.el9.x86_64").Body.String())
	assert.Contains(t, page.text, "The list of files could not be read.")
	assert.Contains(t, page.text, "The changelog could not be read.")
	w = get(t, h, "/-/repos/epel-9/package/bash-5.1.8-6.el9.x86_64?list=files")
	assert.Equal(t, 500, w.Code)
	assert.NotContains(t, w.Body.String(), "block 12", "for the log, not for readers")
}

func TestHTTP(t *testing.T) {
	h := sample().handler()
	w := get(t, h, "/-/repos/epel-9/packages")
	assert.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
	assert.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
	assert.Equal(t, "no-referrer", w.Header().Get("Referrer-Policy"))
	assert.Equal(t, "private, no-cache", w.Header().Get("Cache-Control"))
	assert.Empty(t, w.Header().Values("Set-Cookie"))
	policy := w.Header().Get("Content-Security-Policy")
	assert.Contains(t, policy, "default-src 'none'")
	assert.NotContains(t, policy, "unsafe")
	tag := w.Header().Get("ETag")
	require.NotEmpty(t, tag)
	for _, match := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
		again := get(t, h, "/-/repos/epel-9/packages", "If-None-Match: "+match)
		assert.Equal(t, 304, again.Code, match)
		assert.Zero(t, again.Body.Len())
	}
	assert.Equal(t, 200, get(t, h, "/-/repos/epel-9/packages", `If-None-Match: "x"`).Code)

	r := httptest.NewRequest(http.MethodHead, "http://mirror.example/-/repos/epel-9/packages", nil)
	head := httptest.NewRecorder()
	h.ServeHTTP(head, r)
	assert.Equal(t, 200, head.Code)
	assert.Zero(t, head.Body.Len())
	assert.Equal(t, fmt.Sprint(w.Body.Len()), head.Header().Get("Content-Length"))

	page := get(t, h, "/").Body.String()
	for _, name := range []string{"style.css", "app.js", "icon.svg"} {
		path := regexp.MustCompile(`"\./(-/static/[0-9a-f]+/` + regexp.QuoteMeta(name) + `)"`).FindStringSubmatch(page)
		require.NotNil(t, path, name)
		w := get(t, h, "/"+path[1])
		assert.Equal(t, 200, w.Code)
		assert.Equal(t, "public, max-age=31536000, immutable", w.Header().Get("Cache-Control"))
		assert.NotContains(t, w.Body.String(), "url(")
		assert.NotContains(t, strings.ReplaceAll(w.Body.String(), "http://www.w3.org/2000/svg", ""), "//"+"www", name)
	}
	assert.Equal(t, "no-cache", get(t, h, "/-/static/00/style.css").Header().Get("Cache-Control"), "of another version")
	assert.Equal(t, 404, get(t, h, "/-/static/00/nothing").Code)
}
