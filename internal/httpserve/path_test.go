package httpserve_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/httpserve"
)

const secret = "TOP-SECRET"

// trap makes a ROOT with secrets around and inside it that must never be
// served. Everything that may be served says "public".
func trap(t testing.TB) (root string) {
	t.Helper()
	dir := t.TempDir()
	root = filepath.Join(dir, "root")
	write(t, secret, dir, "secret")
	write(t, secret, dir, "rootsecret", "x")
	write(t, secret, root, ".gorepo", "r", "state.json")
	write(t, secret, root, ".gorepo", "r", "upstream", "repomd.xml")
	write(t, secret, root, ".hidden")
	write(t, secret, root, "r", ".staging", "repomd.xml")
	write(t, secret, root, "r", "Packages", ".a.rpm.part")
	write(t, secret, root, "r", ".treeinfo.d")
	write(t, secret, root, "r", "x", ".discinfo", "f")
	write(t, "public", root, "r", "repodata", "repomd.xml")
	write(t, "public", root, "r", "Packages", "a.rpm")
	write(t, "public", root, "r", ".treeinfo")
	write(t, "public", root, "top.rpm")
	write(t, "public", dir, "disk", "repodata", "repomd.xml")
	write(t, secret, dir, "disk", ".hidden")
	for link, target := range map[string]string{
		"linked":      filepath.Join(dir, "disk"), // the one that is allowed
		"self":        ".",
		"above":       "..",
		"state":       ".gorepo",
		"state2":      ".gorepo/r/upstream",
		"stray":       "../secret",
		"stray2":      filepath.Join(dir, "secret"),
		"fine":        "r/repodata",
		"r/out":       "../../secret",
		"r/abs":       filepath.Join(dir, "secret"),
		"r/absdir":    dir,
		"r/up":        "..",
		"r/gorepo":    "../.gorepo",
		"r/inner":     "Packages",
		"r/a.rpm":     "Packages/a.rpm",
		"r/loop":      "loop",
		"disk":        "/nowhere",
		"top-link":    "top.rpm",
		"top-hidden":  ".hidden",
		"linked-loop": "linked-loop",
	} {
		require.NoError(t, os.Symlink(target, filepath.Join(root, link)))
	}
	require.NoError(t, os.Symlink("../secret", filepath.Join(dir, "disk", "out")))
	return root
}

func TestPaths(t *testing.T) {
	addr := start(t, httpserve.Options{Root: trap(t)})
	for target, want := range map[string]int{
		"/r/Packages/a.rpm":                    200,
		"/r/repodata/repomd.xml":               200,
		"//r//repodata///repomd.xml":           200,
		"/./r/./repodata/./repomd.xml":         200,
		"/r%2Frepodata%2Frepomd.xml":           200,
		"/%72/repodata/repomd.xml":             200,
		"/r/repodata/repomd.xml?x=1":           200,
		"http://mirror.example/r/Packages/":    200,
		"http://mirror.example":                200,
		"/top.rpm":                             200,
		"/r/.treeinfo":                         200,
		"/r/inner/a.rpm":                       200,
		"/r/a.rpm":                             200,
		"/linked/repodata/repomd.xml":          200,
		"/fine/repomd.xml":                     200,
		"/self/r/Packages/a.rpm":               404,
		"/above/root/r/Packages/a.rpm":         404,
		"/r/Packages":                          301,
		"/r":                                   301,
		"/r/Packages/a.rpm/":                   404,
		"/r/Packages/a.rpm/.":                  404,
		"/r/Packages/a.rpm/x":                  404,
		"/top.rpm/":                            404,
		"/top.rpm/x":                           404,
		"/R/Packages/a.rpm":                    404,
		"/r/packages/a.rpm":                    404,
		"/r/Packages/A.rpm":                    404,
		"/nothing":                             404,
		"/" + strings.Repeat("x", 5000):        404,
		"/r/" + strings.Repeat("x/", 5000):     404,
		"/.gorepo":                             404,
		"/.gorepo/":                            404,
		"/.gorepo/r/state.json":                404,
		"/%2egorepo/r/state.json":              404,
		"/%2Egorepo%2Fr%2Fstate.json":          404,
		"//.gorepo/r/state.json":               404,
		"/./.gorepo/r/state.json":              404,
		"/self/.gorepo/r/state.json":           404,
		"/state/r/state.json":                  404,
		"/state/":                              404,
		"/state2/repomd.xml":                   404,
		"/r/gorepo/r/state.json":               404,
		"/.hidden":                             404,
		"/r/.staging/repomd.xml":               404,
		"/r/.staging/":                         404,
		"/r/Packages/.a.rpm.part":              404,
		"/r/.treeinfo.d":                       404,
		"/r/.treeinfo/":                        404,
		"/r/.treeinfo/x":                       404,
		"/r/x/.discinfo":                       404,
		"/r/x/.discinfo/":                      404,
		"/r/x/.discinfo/f":                     404,
		"/r/...":                               404,
		"/r/out":                               404,
		"/r/abs":                               404,
		"/r/absdir/secret":                     404,
		"/r/absdir/":                           404,
		"/r/up/top.rpm":                        404,
		"/r/up/.hidden":                        404,
		"/r/loop":                              404,
		"/stray":                               404,
		"/stray2":                              404,
		"/disk/":                               404,
		"/linked/out":                          404,
		"/linked/.hidden":                      404,
		"/top-link":                            404,
		"/top-hidden":                          404,
		"/linked-loop":                         404,
		"/-/":                                  404,
		"/-/keys/../../secret":                 400,
		"/../secret":                           400,
		"/r/../r/Packages/a.rpm":               400,
		"/r/../../secret":                      400,
		"/..":                                  400,
		"/r/..":                                400,
		"/%2e%2e/secret":                       400,
		"/%2E%2E/secret":                       400,
		"/.%2e/secret":                         400,
		"/r%2f..%2f..%2fsecret":                400,
		"/r/..%2F..%2Fsecret":                  400,
		"/r/%252e%252e/%252e%252e/secret":      404,
		"/r/..%5c..%5csecret":                  400,
		`/r\..\..\secret`:                      400,
		`/\mirror.example/`:                    400,
		"/r/Packages/a.rpm%00":                 400,
		"/r/Packages/a.rpm%00.xml":             400,
		"/%00":                                 400,
		"/r/Packages/%zz":                      400, // net/http
		"/r/Packages/50%.rpm":                  400, // net/http
		"/r/\x01":                              400, // net/http
		"r/Packages/a.rpm":                     400, // net/http
		"/r/..;/secret":                        404,
		"/r/%c0%ae%c0%ae/secret":               404,
		"/r/\u2025/secret":                     404,
		"http://mirror.example/../secret":      400,
		"http://mirror.example/.gorepo/":       404,
		"/rootsecret/x":                        404,
		"/../rootsecret/x":                     400,
		"/r/Packages/a.rpm/../../.staging/":    400,
		"/r/Packages/%2e%2e%2f.staging%2f":     400,
		"/r/Packages/a.rpm?../../../../secret": 200,
		"/r/Packages/a.rpm%3F":                 404,
	} {
		res := get(t, addr, target)
		text := body(t, res)
		assert.Equal(t, want, res.StatusCode, "GET %q", target)
		assert.NotContains(t, text, secret, "GET %q", target)
	}
}

func TestRedirectKeepsTheEncoding(t *testing.T) {
	root := t.TempDir()
	write(t, "x", root, "a+b c", "d:é#^", "f")
	addr := start(t, httpserve.Options{Root: root})
	for target, want := range map[string]string{
		"/a+b%20c":                      "./a+b%20c/",
		"/a%2Bb%20c":                    "./a%2Bb%20c/",
		"/a+b%20c?C=S&O=D":              "./a+b%20c/?C=S&O=D",
		"/a+b%20c/d:%C3%A9%23%5E":       "./d:%C3%A9%23%5E/",
		"/a+b%20c/d:é#^":                "./d:%C3%A9%23%5E/",
		"//a+b%20c":                     "./a+b%20c/",
		"http://other.example/a+b%20c":  "./a+b%20c/",
		"http://other.example//a+b%20c": "./a+b%20c/",
	} {
		res := get(t, addr, target)
		assert.Equal(t, 301, res.StatusCode, target)
		assert.Equal(t, want, res.Header.Get("Location"), target)
	}
	// No name that a redirect is made of can lead to another host.
	res := get(t, addr, "//evil.example/%2e%2e")
	assert.Equal(t, 400, res.StatusCode)
}

// Names as createrepo writes them into metadata, asked for as they stand and
// encoded. A raw space and a percent sign without two digits after it cannot
// be sent over HTTP; nginx answers 400 too.
func TestNames(t *testing.T) {
	root := t.TempDir()
	names := []string{
		"a+b~c^d e%2B.rpm", "a+b.rpm", "a b.rpm", "tilde~1^git.rpm", "é-ü-日本.rpm", "UPPER.rpm", "upper.rpm",
		"50%25.rpm", "semi;colon,at@=&$'()!*.rpm", "hash#.rpm", "q?.rpm", `quote".rpm`, "<b>.rpm", "[1]{2}|.rpm", "latin\xe9.rpm",
	}
	for _, n := range names {
		write(t, "content of "+n, root, "r", n)
	}
	addr := start(t, httpserve.Options{Root: root})
	encodeAll := func(n string) string {
		var b strings.Builder
		for i := range len(n) {
			b.WriteString("%" + strings.ToUpper(string("0123456789abcdef"[n[i]>>4])+string("0123456789abcdef"[n[i]&15])))
		}
		return b.String()
	}
	onlySpaces := func(n string) string { return strings.ReplaceAll(n, " ", "%20") }
	for _, n := range names {
		forms := []string{encodeAll(n), strings.ToLower(encodeAll(n))}
		if !strings.Contains(n, "?") {
			forms = append(forms, onlySpaces(n)) // raw: what has a percent sign means itself
		}
		for _, form := range forms {
			res := get(t, addr, "/r/"+form)
			assert.Equal(t, 200, res.StatusCode, "%q as %q", n, form)
			assert.Equal(t, "content of "+n, body(t, res), "%q as %q", n, form)
		}
	}
	// The decoded name comes first where both exist.
	write(t, "decoded", root, "r", "c+d.rpm")
	write(t, "raw", root, "r", "c%2Bd.rpm")
	assert.Equal(t, "decoded", body(t, get(t, addr, "/r/c%2Bd.rpm")))
	assert.Equal(t, "raw", body(t, get(t, addr, "/r/c%252Bd.rpm")))
}

// FuzzPaths sends any request target and looks for a secret in the answer.
func FuzzPaths(f *testing.F) {
	s, err := httpserve.New(httpserve.Options{Root: trap(f)})
	require.NoError(f, err)
	f.Cleanup(func() { assert.NoError(f, s.Close()) })
	for _, seed := range []string{
		"/", "/r/Packages/a.rpm", "/../secret", "/%2e%2e/secret", "/r/out", "/.gorepo/r/state.json", "/state/r/state.json",
		"/r/..%5c..%5csecret", "/self/self/.gorepo/", "/r/up/.hidden", "/r%2f.staging%2frepomd.xml", "//secret", "/r.repo",
		"/-/keys/r.asc", "http://x/../secret", "/linked/out", "/r/%252e%252e/", "/r/x/.discinfo/f", "/self/state2/repomd.xml",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n")))
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if strings.Contains(w.Body.String(), secret) {
			t.Fatalf("%q gives a secret", target)
		}
		if w.Code >= 500 {
			t.Fatalf("%q is answered %d: %s", target, w.Code, w.Body)
		}
		if l := w.Header().Get("Location"); l != "" && !strings.HasPrefix(l, "./") {
			t.Fatalf("%q redirects to %q", target, l)
		}
	})
}
