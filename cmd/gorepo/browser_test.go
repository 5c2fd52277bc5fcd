package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
	"gorepo/internal/testrepo/browser"
	"gorepo/internal/testrepo/peer"
	"gorepo/internal/testrepo/showcase"
)

// What people see of gorepo serve, in a Chromium.

// poison is what metadata could try to do to a page; neverending has no place to break it.
var (
	poison      = `"><script>window.stung=1</script><img src=x onerror=stung=1>'{{.}}` + "\u202egnp.exe\u202c\u200b</title></textarea>-->"
	neverending = strings.Repeat("pneumonoultramicroscopicsilicovolcanoconiosis", 5)
)

// eyes look at a mirror.
type eyes struct {
	t   testing.TB
	tab *browser.Tab
	url string
}

// open goes to a path, and takes it that all is well with the page.
func (e eyes) open(path string) {
	e.t.Helper()
	status, err := e.tab.Open(e.url + path)
	require.NoError(e.t, err)
	require.Equal(e.t, http.StatusOK, status, path)
}

func (e eyes) ok(err error) {
	e.t.Helper()
	require.NoError(e.t, err)
}

// see is the value of an expression.
func see[T any](e eyes, expression string) (value T) {
	e.t.Helper()
	require.NoError(e.t, e.tab.Eval(expression, &value), expression)
	return value
}

// texts are those of all elements that a selector finds.
func (e eyes) texts(selector string) []string {
	e.t.Helper()
	return see[[]string](e, fmt.Sprintf("Array.from(document.querySelectorAll(%q), x => x.innerText.trim())", selector))
}

// path is where the tab is.
func (e eyes) path() string {
	e.t.Helper()
	return see[string](e, "location.pathname + location.search")
}

// focused is a selector of a kind of what has the focus.
func (e eyes) focused() string {
	e.t.Helper()
	return see[string](e, "(a => a.id ? '#' + a.id : a.tagName.toLowerCase() + (a.className && '.' + a.className) + (a.href ? '=' + a.innerText.trim() : ''))(document.activeElement)")
}

// quiet checks that pages had nothing to complain of since it was asked last, and
// wanted nothing from anywhere else.
func (e eyes) quiet(path string) {
	e.t.Helper()
	assert.Empty(e.t, e.tab.Problems(), path)
	for _, r := range e.tab.Requests() {
		assert.True(e.t, strings.HasPrefix(r, e.url+"/"), "%s: a request to %s", path, r)
	}
	assert.False(e.t, see[bool](e, "'stung' in window"), "%s: what metadata says was run", path)
}

// exhibition is a mirror with all kinds of repositories.
func exhibition(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	key, err := filepath.Abs(peerTestdata + "/keys/RPM-GPG-KEY-gorepo-rsa")
	require.NoError(t, err)
	require.NoError(t, showcase.Write(dir, time.Now(), key))
	root := filepath.Join(dir, "mirror")
	hostileRepo().WriteTo(t, filepath.Join(root, "hostile"))
	conf := filepath.Join(dir, "gorepo.conf")
	f, err := os.OpenFile(conf, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString("\n[testdata]\nbaseurl=file://" + dir + "/none\n\n[waits]\nname=Not synced yet\nbaseurl=file://" + dir + "/none\n")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	// Real packages, that came in two nights.
	s := &site{t: t, dir: t.TempDir(), root: root}
	s.conf = filepath.Join(s.dir, "gorepo.conf")
	require.NoError(t, os.Mkdir(filepath.Join(s.dir, "repos.d"), 0o755))
	s.configure("[testdata]\nbaseurl=file://" + dir + "/none")
	later := []string{"hello-2.12-1.noarch.rpm", "preview-1.0-1.noarch.rpm"}
	list, err := filepath.Glob(peerTestdata + "/rpms/*.rpm")
	require.NoError(t, err)
	for _, night := range []bool{false, true} {
		for _, p := range list {
			if slices.Contains(later, filepath.Base(p)) == night {
				copyPackage(t, p, filepath.Join(root, "testdata"), filepath.Base(p))
			}
		}
		s.ok("createrepo")
	}
	return conf
}

// hostileRepo has metadata that wants to do harm, or just has no measure.
func hostileRepo() *testrepo.Upstream {
	esc := func(s string) string {
		return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
	}
	evil := testrepo.Fake("evil-1-1.noarch", 10)
	evil.Summary, evil.Description, evil.License, evil.Vendor, evil.Packager, evil.Group, evil.BuildHost = poison, poison, poison, poison, poison, poison, poison
	evil.URL, evil.SourceRPM = "javascript:stung=1", poison
	evil.Requires = []testrepo.Dep{{Name: poison}, {Name: neverending, Flags: "EQ", Version: neverending, Release: "1"}}
	evil.Files = []testrepo.File{{Path: "/usr/bin/evil"}, {Path: "/" + poison}, {Path: "/" + neverending}}
	evil.Changelogs = []testrepo.Changelog{{Author: poison, Date: 1 << 40, Text: poison + neverending}}
	long := testrepo.Fake(neverending+"-"+neverending+"-"+neverending+".x86_64", 10)
	long.Location = "long.rpm"
	long.Summary, long.Description, long.License, long.Vendor, long.URL = neverending, neverending, neverending, neverending, "https://example.org/"+neverending
	long.Provides = []testrepo.Dep{{Name: neverending}}
	comps := `<comps><group><id>evil</id><name>` + esc(poison) + `</name><description>` + esc(neverending) + `</description><packagelist><packagereq>evil</packagereq><packagereq type="optional">` +
		neverending + `</packagereq></packagelist></group><environment><id>` + neverending + `</id><name>` + neverending + `</name><description>` + esc(poison) + `</description><grouplist><groupid>evil</groupid></grouplist></environment></comps>`
	modules := "---\ndocument: modulemd\nversion: 2\ndata:\n  name: evil\n  stream: \"" + neverending + "\"\n  version: 1\n  context: c\n  arch: noarch\n  summary: " + jsonOf(poison) +
		"\n  description: " + jsonOf(neverending) + "\n  license:\n    module: [" + jsonOf(poison) + "]\n  profiles:\n    " + neverending + ":\n      rpms: [" + neverending + "]\n  artifacts:\n    rpms: [\"evil-0:1-1.noarch\", \"" + neverending + "-0:1-1.noarch\"]\n...\n"
	updates := `<updates><update from="` + esc(poison) + `" type="security" status="` + neverending + `"><id>EVIL-2026:1</id><title>` + esc(poison+neverending) + `</title><severity>` + neverending + `</severity><description>` + esc(poison+neverending) +
		`</description><references><reference href="javascript:stung=1" title="` + esc(poison) + `"/><reference href="https://example.org/" id="CVE-2026-` + strings.Repeat("1", 200) + `" type="cve"/></references><pkglist><collection><name>` +
		neverending + `</name><package name="evil" epoch="0" version="` + neverending + `" release="1" arch="noarch"><filename>x</filename></package></collection></pkglist></update></updates>`
	return testrepo.Render(testrepo.Options{Comps: []byte(comps), Modules: []byte(modules), Updates: []byte(updates)}, evil, long)
}

func jsonOf(s string) string {
	b, _ := json.Marshal(s) // a string
	return string(b)
}

const baseOS = "/-/repos/" + showcase.BaseOS + "/"

// kindsOfPages are one page of each, and those that have something odd to show.
var kindsOfPages = []struct {
	name, path string
	status     int // 0 is 200
}{
	{"home", "/", 0},
	{"repository", baseOS, 0},
	{"repository that fails", "/-/repos/centos-7-updates/", 0},
	{"repository without metadata", "/-/repos/waits/", 0},
	{"no packages yet", "/-/repos/waits/packages", 404},
	{"packages", baseOS + "packages?page=2&sort=size", 0},
	{"packages, none", baseOS + "packages?q=nosuch&arch=i686", 0},
	{"name", baseOS + "packages/openssl", 0},
	{"package", baseOS + "package/openssl-1:3.0.7-29.el9_5.x86_64", 0},
	{"older package", baseOS + "package/openssl-1:3.0.7-28.el9_5.x86_64", 0},
	{"package, made by rpmbuild", "/-/repos/testdata/package/filetypes-1.0-1.noarch", 0},
	{"files", baseOS + "package/openssl-1:3.0.7-29.el9_5.x86_64?list=files", 0},
	{"groups", baseOS + "groups", 0},
	{"group", baseOS + "groups/core", 0},
	{"modules", "/-/repos/" + showcase.AppStream + "/modules", 0},
	{"module", "/-/repos/" + showcase.AppStream + "/modules/nodejs:20", 0},
	{"advisories", baseOS + "advisories", 0},
	{"advisory", baseOS + "advisories/ALSA-2026:7848", 0},
	{"advisory without its update", baseOS + "advisories/ALSA-2026:8121", 0},
	{"changes", baseOS + "changes", 0},
	{"all changes", "/-/changes", 0},
	{"changed everywhere, by name", "/-/changes?q=openssl", 0},
	{"search, nothing yet", "/-/search", 0},
	{"search", "/-/search?q=openssl", 0},
	{"search in one", "/-/search?q=lib&repo=" + showcase.BaseOS, 0},
	{"search for a file", "/-/search?q=/usr/bin/htop", 0},
	{"search for a vulnerability", "/-/search?q=CVE-2023-1234", 0},
	{"nothing", "/-/nothing", 404},
	{"no such file", "/" + showcase.BaseOS + "/Packages/n/none-1-1.noarch.rpm", 404},
	{"directory", "/" + showcase.BaseOS + "/Packages/o/", 0},
	{"hostile repository", "/-/repos/hostile/", 0},
	{"hostile package", "/-/repos/hostile/package/evil-1-1.noarch", 0},
	{"endless name", "/-/repos/hostile/packages/" + neverending, 0},
	{"hostile groups", "/-/repos/hostile/groups", 0},
	{"hostile group", "/-/repos/hostile/groups/evil", 0},
	{"hostile modules", "/-/repos/hostile/modules", 0},
	{"hostile module", "/-/repos/hostile/modules/evil:" + neverending, 0},
	{"hostile advisories", "/-/repos/hostile/advisories", 0},
	{"hostile advisory", "/-/repos/hostile/advisories/EVIL-2026:1", 0},
	{"hostile search", "/-/search?q=" + url.QueryEscape(poison), 0},
}

// TestSoakPagesInBrowser looks at more pages with axe-core.
func TestSoakPagesInBrowser(t *testing.T) {
	if os.Getenv("GOREPO_SOAK") == "" {
		t.Skip("TestPagesInBrowser is the short form; the long one is make hostile (GOREPO_SOAK=1)")
	}
	pagesInBrowser(t)
}

func TestPagesInBrowser(t *testing.T) {
	t.Parallel()
	pagesInBrowser(t)
}

func pagesInBrowser(t *testing.T) {
	program := peer.Need(t, "chromium")
	mirror := serveMirror(t, "--config", exhibition(t))
	b, err := browser.Start(program, t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.Close()) })
	for _, id := range append(showcase.IDs(), "testdata", "hostile") { // their indexes are made
		require.Eventually(t, func() bool {
			answer, err := http.Get(mirror.url + "/-/repos/" + id + "/packages")
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			return answer.StatusCode == http.StatusOK
		}, time.Minute, 50*time.Millisecond, id)
	}
	for name, test := range map[string]func(t *testing.T, e eyes){
		"every page": everyPage, "search": searching, "list": filtering, "copy": copying, "keyboard": keyboard, "no scripts": withoutScripts, "media": media,
	} {
		t.Run(name, func(t *testing.T) {
			tab, err := b.Tab()
			require.NoError(t, err)
			defer tab.Close()
			require.NoError(t, tab.Size(1280, 800, false))
			test(t, eyes{t, tab, mirror.url})
		})
	}
}

// everyPage looks at one of each kind: that it is sound in itself, fits, and can be
// read by everybody.
func everyPage(t *testing.T, e eyes) {
	axeCore := axeCore(t)
	titles := map[string]string{}
	for _, page := range kindsOfPages {
		require.NoError(t, e.tab.Size(1280, 800, false))
		require.NoError(t, e.tab.Media("", "prefers-color-scheme", "light"))
		status, err := e.tab.Open(e.url + page.path)
		require.NoError(t, err)
		if page.status == 0 {
			page.status = http.StatusOK
			e.quiet(page.path)
		} else {
			e.tab.Problems() // that the answer is a 404
		}
		assert.Equal(t, page.status, status, page.path)
		assert.Equal(t, "1 en true 1 1", see[string](e, `[document.querySelectorAll('h1').length, document.documentElement.lang, document.querySelector('h1').innerText.trim() !== '',
			...['main', 'header'].map(x => +!!document.querySelector(x))].join(' ')`), page.path)
		title := see[string](e, "document.title")
		if other, taken := titles[title]; taken && page.status == http.StatusOK && !strings.Contains(page.name, "package") {
			assert.Fail(t, "a title is not its own", "%s and %s: %q", page.name, other, title)
		}
		titles[title] = page.name
		fits(e, page.name, "1280 px wide")
		axe := axeCore
		if strings.Contains(page.name, "hostile") || strings.Contains(page.name, " ") && os.Getenv("GOREPO_SOAK") == "" {
			axe = "" // what such a page is made of is on another one too; make hostile looks at all but the hostile ones
		}
		if axe != "" {
			e.ok(e.tab.Eval(axe, nil))
			assert.Empty(t, violations(e, "{}"), "%s, light", page.name)
			e.ok(e.tab.Media("", "prefers-color-scheme", "dark"))
			assert.Empty(t, violations(e, "{runOnly: ['color-contrast']}"), "%s, dark", page.name)
		}
		for _, width := range []int64{390, 360} {
			e.ok(e.tab.Size(width, 800, true))
			fits(e, page.name, fmt.Sprintf("a phone, %d px wide", width))
		}
		if axe != "" {
			assert.Empty(t, violations(e, "{runOnly: ['target-size', 'scrollable-region-focusable'], rules: {'target-size': {enabled: true}}}"), "%s, on a phone", page.name)
		}
		e.ok(e.tab.Zoom(1280, 800, 2))
		fits(e, page.name, "enlarged to 200 %")
	}
}

// fits checks that a page does not have to be scrolled sideways.
func fits(e eyes, page, when string) {
	e.t.Helper()
	wide := see[[]string](e, `(() => {
		const root = document.scrollingElement, most = innerWidth;
		if (root.scrollWidth <= most) return [];
		const found = ['' + root.scrollWidth + ' > ' + most];
		for (const x of document.querySelectorAll('body *')) {
			if (x.getBoundingClientRect().right > most + 0.5 && found.length < 6) found.push(x.outerHTML.slice(0, 120));
		}
		return found;
	})()`)
	assert.Empty(e.t, wide, "%s: %s", page, when)
}

// axeCore is the text of axe-core, "" where that is not installed.
func axeCore(t testing.TB) string {
	data, err := os.ReadFile("../../.cache/axe/node_modules/axe-core/axe.min.js")
	if err != nil {
		require.NotEqual(t, "1", os.Getenv(peer.RequireEnv), "axe-core is missing: make test-deps installs it, by npm")
		t.Log("without axe-core: make test-deps installs it, by npm")
		return ""
	}
	return string(data)
}

// violations are what axe-core finds in the page.
func violations(e eyes, options string) []string {
	e.t.Helper()
	return see[[]string](e, `axe.run(document, Object.assign({resultTypes: ['violations'], iframes: false, preload: false}, `+options+`)).then(r => {
		if (r.passes.length + r.violations.length === 0) return ['no rule was applied'];
		return r.violations.map(v => v.impact + ' ' + v.id + ': ' + v.nodes.slice(0, 4).map(n => n.html.slice(0, 160) + ' (' + n.failureSummary.replace(/\s+/g, ' ').slice(0, 300) + ')').join('; '));
	})`)
}

func searching(t *testing.T, e eyes) {
	e.open("/")
	e.ok(e.tab.Press("/")) // goes there
	assert.Equal(t, "#find", e.focused())
	e.ok(e.tab.Type("openssl"))
	e.ok(e.tab.Loads(func() error { return e.tab.Type(browser.Enter) }))
	assert.Equal(t, "/-/search?q=openssl", e.path())
	assert.Equal(t, "openssl", see[string](e, "document.querySelector('#find').value"), "the words stay")
	names := e.texts("#in-" + showcase.BaseOS + " ~ div tbody th > a")
	require.Greater(t, len(names), 3)
	assert.Equal(t, "openssl", names[0], "the very name comes first")
	assert.ElementsMatch(t, []string{"openssl", "openssl-devel", "openssl-libs", "openssl-perl"}, names[:4])
	e.ok(e.tab.Loads(func() error { return e.tab.Click("tbody th > a") }))
	assert.Equal(t, baseOS+"packages/openssl", e.path())

	// Every page has the search, and finds what one asks it for.
	e.ok(e.tab.Click("#find"))
	e.ok(e.tab.Type("/usr/bin/htop"))
	e.ok(e.tab.Loads(func() error { return e.tab.Type(browser.Enter) }))
	assert.Equal(t, []string{"htop"}, e.texts("tbody th > a"))
	assert.Contains(t, e.texts("tbody th")[0], "/usr/bin/htop")
	e.open("/-/search?q=cve-2023-1234")
	assert.Contains(t, e.texts("tbody th > a"), "ALSA-2026:6447")
	assert.Contains(t, strings.Join(e.texts("#results > p"), "\n"), "No advisories come with epel-9", "where nothing can be said of it")
	e.open("/-/search?q=nosuchthing")
	assert.Contains(t, e.texts("[role=status]")[0], "Nothing found")

	// On the page of results they follow what is typed.
	e.ok(e.tab.Eval("window.same = document.querySelector('#find'); same.select()", nil))
	e.ok(e.tab.Type("ripgrep"))
	e.ok(e.tab.Wait("location.search === '?q=ripgrep'"))
	assert.Equal(t, []string{"ripgrep"}, e.texts("tbody th > a"))
	assert.True(t, see[bool](e, "window.same === document.activeElement"), "the page is the same")
	e.quiet("search")
}

func filtering(t *testing.T, e eyes) {
	e.open(baseOS + "packages")
	status := func() string { return see[string](e, "document.querySelector('#packages [role=status]').innerText") }
	names := func() []string { return e.texts("#packages tbody th > a") }
	assert.Regexp(t, `^1–100 of 1\d\d packages$`, status())
	assert.True(t, slices.IsSorted(names()))
	first := names()
	e.ok(e.tab.Loads(func() error { return e.tab.Click(".pager a[rel=next]") }))
	assert.Equal(t, baseOS+"packages?page=2", e.path())
	assert.Regexp(t, `^101–1\d\d of`, status())
	assert.GreaterOrEqual(t, names()[0], first[len(first)-1])
	e.ok(e.tab.Loads(func() error { return e.tab.Click(".pager a[rel=prev]") }))
	assert.Equal(t, first, names())

	e.ok(e.tab.Loads(func() error { return e.tab.Click("thead th.size a") }))
	sizes := func() []int64 {
		return see[[]int64](e, "Array.from(document.querySelectorAll('#packages td.size'), x => +x.title.replace(/[^0-9]/g, ''))")
	}
	assert.Equal(t, "descending", see[string](e, "document.querySelector('th.size').ariaSort"))
	assert.True(t, slices.IsSortedFunc(sizes(), func(a, b int64) int { return int(b - a) }), sizes())
	e.ok(e.tab.Loads(func() error { return e.tab.Click("thead th.size a") }))
	assert.Equal(t, "ascending", see[string](e, "document.querySelector('th.size').ariaSort"))
	assert.True(t, slices.IsSorted(sizes()), sizes())

	// What is typed filters, and the order stays.
	e.ok(e.tab.Eval("window.same = document.querySelector('#filter'); window.said = document.querySelector('#packages [role=status]')", nil))
	e.ok(e.tab.Click("#filter"))
	e.ok(e.tab.Type("openssl-l"))
	e.ok(e.tab.Wait("document.querySelectorAll('#packages tbody tr').length === 8"))
	assert.Equal(t, baseOS+"packages?q=openssl-l&sort=size&order=asc", e.path())
	assert.Equal(t, []string{"openssl-libs"}, slices.Compact(names()))
	e.ok(e.tab.Eval("document.querySelector('#arch').value = 'i686'; document.querySelector('#arch').dispatchEvent(new Event('input', {bubbles: true}))", nil))
	e.ok(e.tab.Wait("document.querySelectorAll('#packages tbody tr').length === 4"))
	e.ok(e.tab.Click("input[name=latest]"))
	e.ok(e.tab.Wait("document.querySelectorAll('#packages tbody tr').length === 1"))
	assert.True(t, see[bool](e, "same === document.querySelector('#filter') && said === document.querySelector('#packages [role=status]')"),
		"the page is the same, and so is what a screen reader listens to")
	assert.Contains(t, status(), "1–1 of 1 package ·")
	e.ok(e.tab.Click("#filter"))
	e.ok(e.tab.Type(browser.Escape))
	e.ok(e.tab.Wait("document.querySelectorAll('#packages tbody tr').length > 5"))
	assert.Empty(t, see[string](e, "document.querySelector('#filter').value"), "Esc empties the field")

	// From the repository's own page, too, and links lead where they should afterwards.
	e.open(baseOS)
	e.ok(e.tab.Click("#filter"))
	e.ok(e.tab.Type("kernel-core"))
	e.ok(e.tab.Wait("document.querySelectorAll('#packages tbody tr').length === 4"))
	e.ok(e.tab.Loads(func() error { return e.tab.Click("#packages td.evr a") }))
	assert.Equal(t, []string{"kernel-core 5.14.0-503.11.1.el9_5 x86_64"}, e.texts("h1"))
	e.quiet("packages")
}

func copying(t *testing.T, e eyes) {
	const line = "sudo dnf install openssl-1:3.0.7-29.el9_5.x86_64"
	at := baseOS + "package/openssl-1:3.0.7-29.el9_5.x86_64"
	says := "document.querySelector('.copy button').innerText"
	selected := func() string { return see[string](e, "getSelection().toString()") }
	e.open(at)
	e.ok(e.tab.Clipboard(e.url, true))
	assert.Equal(t, "Copy", see[string](e, says))
	e.ok(e.tab.Click(".copy button"))
	e.ok(e.tab.Wait(says + " === 'Copied'"))
	assert.Equal(t, line, see[string](e, "navigator.clipboard.readText()"))
	e.ok(e.tab.Wait(says + " === 'Copy'"))

	// Where it must not, the line is selected for who copies it.
	e.ok(e.tab.Clipboard(e.url, false))
	e.ok(e.tab.Eval("document.execCommand = () => false", nil))
	e.ok(e.tab.Click(".copy button"))
	e.ok(e.tab.Wait(says + " === 'Press Ctrl-C'"))
	assert.Equal(t, line, selected())
	e.quiet(at)

	// By http from another host there is no clipboard for scripts, but the old way.
	other := e
	other.url = strings.Replace(e.url, "127.0.0.1", browser.Insecure, 1)
	other.open(at)
	assert.False(t, see[bool](other, "isSecureContext"))
	e.ok(e.tab.Click(".copy button"))
	e.ok(e.tab.Wait(says + " === 'Copied'"))
	e.ok(e.tab.Clipboard(e.url, true))
	e.open("/")
	assert.Equal(t, line, see[string](e, "navigator.clipboard.readText()"))
}

func keyboard(t *testing.T, e eyes) {
	visible := func() string {
		return see[string](e, `(() => {
			const a = document.activeElement, r = a.getBoundingClientRect(), s = getComputedStyle(a);
			if (a === document.body) return 'nothing has the focus';
			if (r.width < 1 || r.height < 1 || r.right <= 0 || r.bottom <= 0 || r.top >= innerHeight || r.left >= innerWidth) return 'out of sight: ' + a.outerHTML.slice(0, 100);
			if (s.outlineStyle === 'none' || parseFloat(s.outlineWidth) < 1.5) return 'nothing shows the focus: ' + a.outerHTML.slice(0, 100);
			return '';
		})()`)
	}
	for _, path := range []string{"/", baseOS, baseOS + "package/openssl-1:3.0.7-29.el9_5.x86_64", baseOS + "advisories", "/-/changes"} {
		e.open(path)
		e.ok(e.tab.Type(browser.Tabula))
		require.Equal(t, "a.skip=Skip to the content", e.focused())
		e.ok(e.tab.Wait("document.activeElement.getBoundingClientRect().top >= 0"))
		assert.Empty(t, visible(), path)
		e.ok(e.tab.Type(browser.Enter))
		e.ok(e.tab.Wait("document.activeElement.id === 'main'"))

		// From end to end, in the order of the page, and nowhere for ever.
		e.open(path)
		stops := see[int](e, `(window.stops = Array.from(document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary, pre[tabindex]')).filter(x => x.checkVisibility())
			.flatMap(x => x.type === 'date' ? [x, x, x, x] : [x])).length`) // a day has a year, a month, a day and a calendar
		require.Greater(t, stops, 8, path)
		for i := range min(stops, 45) {
			e.ok(e.tab.Type(browser.Tabula))
			require.True(t, see[bool](e, fmt.Sprintf("stops[%d] === document.activeElement", i)), "%s: stop %d is %s", path, i, e.focused())
			if i > 0 {
				require.Empty(t, visible(), path)
			}
		}
		e.ok(e.tab.BackTab())
		assert.True(t, see[bool](e, fmt.Sprintf("stops[%d] === document.activeElement", min(stops, 45)-2)), path)
	}
	// Rows and folded parts open by Enter.
	e.open("/")
	e.ok(e.tab.Eval("document.querySelector('tbody th a').focus()", nil))
	e.ok(e.tab.Loads(func() error { return e.tab.Type(browser.Enter) }))
	assert.Equal(t, baseOS, e.path())
	e.ok(e.tab.Eval("document.querySelector('summary').focus()", nil))
	e.ok(e.tab.Type(browser.Enter))
	e.ok(e.tab.Wait("document.querySelector('details').open"))
	// A slash that is typed is a slash.
	e.ok(e.tab.Click("#filter"))
	e.ok(e.tab.Type("a/b"))
	assert.Equal(t, "a/b", see[string](e, "document.querySelector('#filter').value"))
	e.quiet("keyboard")
}

func withoutScripts(t *testing.T, e eyes) {
	e.ok(e.tab.Scripts(false))
	e.open("/")
	e.ok(e.tab.Click("#find"))
	e.ok(e.tab.Type("openssl"))
	e.ok(e.tab.Loads(func() error { return e.tab.Type(browser.Enter) }))
	assert.Equal(t, "/-/search?q=openssl", e.path())
	assert.Equal(t, "openssl", e.texts("tbody th > a")[0])
	e.open(baseOS + "packages")
	assert.Empty(t, e.texts(".copy button"), "a button that could do nothing")
	e.ok(e.tab.Loads(func() error { return e.tab.Click(".pager a[rel=next]") }))
	assert.Equal(t, baseOS+"packages?page=2", e.path())
	e.ok(e.tab.Click("#filter"))
	e.ok(e.tab.Type("openssl-l"))
	e.ok(e.tab.Click("input[name=latest]"))
	e.ok(e.tab.Loads(func() error { return e.tab.Click(".filter button") }))
	assert.Equal(t, baseOS+"packages?q=openssl-l&arch=&latest=1", e.path())
	assert.Equal(t, []string{"openssl-libs", "openssl-libs"}, e.texts("#packages tbody th > a"))
	e.ok(e.tab.Loads(func() error { return e.tab.Click("thead th.size a") }))
	assert.Len(t, e.texts("#packages tbody tr"), 2, "the order keeps the filter")
	e.open(baseOS)
	e.ok(e.tab.Click("summary"))
	assert.True(t, see[bool](e, "document.querySelector('details').open"))
	assert.Contains(t, strings.Join(e.texts(".copy pre"), "\n"), "dnf config-manager --add-repo "+e.url+"/"+showcase.BaseOS+".repo")
	// What came in all repositories, from "/".
	e.open("/")
	e.ok(e.tab.Loads(func() error { return e.tab.Click(".site a") }))
	assert.Equal(t, "/-/changes", e.path())
	everywhere := e.texts(".pub .of")
	require.Greater(t, len(everywhere), 1)
	e.ok(e.tab.Click("#filter"))
	e.ok(e.tab.Type("hello"))
	e.ok(e.tab.Loads(func() error { return e.tab.Click(".filter button") }))
	assert.Equal(t, "/-/changes?q=hello&since=&until=", e.path())
	assert.Equal(t, []string{"testdata"}, slices.Compact(e.texts(".pub .of")))
	e.ok(e.tab.Loads(func() error { return e.tab.Click(".changes li a") }))
	assert.Equal(t, "/-/repos/testdata/package/hello-2.12-1.noarch", e.path())
	e.open(baseOS + "advisories?severity=Critical")
	assert.Equal(t, []string{"ALSA-2026:8121"}, e.texts("tbody th > a"))
	assert.Equal(t, []string{"▲ only older"}, e.texts("tbody .state.late"), "that it lacks an update is not the same as having nothing to update")
	e.quiet("without scripts")
}

func media(t *testing.T, e eyes) {
	e.open(baseOS + "package/openssl-1:3.0.7-29.el9_5.x86_64")
	light := see[string](e, "getComputedStyle(document.body).backgroundColor")
	e.ok(e.tab.Media("", "prefers-color-scheme", "dark"))
	assert.NotEqual(t, light, see[string](e, "getComputedStyle(document.body).backgroundColor"))
	e.ok(e.tab.Media("", "prefers-reduced-motion", "reduce"))
	assert.Equal(t, "0s", see[string](e, "Array.from(new Set(Array.from(document.querySelectorAll('*'), x => getComputedStyle(x).transitionDuration))).join()"))
	// On paper there is what the page is about, in black on white.
	e.ok(e.tab.Media("print", "prefers-color-scheme", "dark"))
	e.ok(e.tab.Size(720, 1000, false))
	assert.Equal(t, "true false false false", see[string](e, "['h1', 'form', '.tabs', '.copy button'].map(x => document.querySelector(x).checkVisibility()).join(' ')"))
	assert.Equal(t, light, see[string](e, "getComputedStyle(document.body).backgroundColor"))
	fits(e, "package", "on paper")
	e.quiet("media")
}
