//go:build unix

package main

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/httpserve"
	"gorepo/internal/testrepo"
)

// serveTree serves a tree, as one of the mirrors that all name.
func serveTree(t testing.TB, root string, all func() []string) string {
	t.Helper()
	s, err := httpserve.New(httpserve.Options{Root: root, Mirrors: all})
	require.NoError(t, err)
	h := httptest.NewServer(s)
	t.Cleanup(func() {
		h.Close()
		assert.NoError(t, s.Close())
	})
	return h.URL
}

// TestSeveralMirrors has dnf and gorepo fetch from mirrors of which the first one
// is dead, of another generation, or of the one before.
func TestSeveralMirrors(t *testing.T) {
	t.Parallel()
	needAll(t, "dnf")
	requireReposync(t) // of the same package as download
	up := testrepo.New(t, testrepo.Options{}, rpms(t, "hello-2.12-1.noarch")...)
	s := newSite(t, section("r", up))
	behind := func() string { // a mirror that stays as it is now
		dir := t.TempDir()
		require.NoError(t, os.CopyFS(dir, os.DirFS(s.root)))
		return dir
	}
	s.ok("sync")
	s.ok("createrepo")
	farBehind := behind()
	up.Add(rpms(t, "unicode-1.0-13.noarch")...)
	up.Render()
	s.ok("sync")
	s.ok("createrepo", "--update")
	oneBehind := behind()
	up.Add(rpms(t, "weak-1.0-1.noarch")...)
	up.Render()
	s.ok("sync")
	s.ok("createrepo", "--update")

	var mirrors []string
	all := func() []string { return mirrors }
	current, elsewhere := serveTree(t, s.root, all), serveTree(t, s.root, all)
	dead := httptest.NewServer(nil)
	dead.Close()
	for _, c := range []struct {
		name, first    string
		dnf, ourselves string
	}{
		{"only one", current, "hello unicode weak", "hello unicode weak"},
		{"dead", dead.URL, "hello unicode weak", "hello unicode weak"},
		{"another generation", serveTree(t, farBehind, nil), "hello unicode weak", "hello unicode weak"},
		// dnf takes what the first one has, for the metalink says that it is good still.
		{"the generation before", serveTree(t, oneBehind, nil), "hello unicode", "hello unicode weak"},
	} {
		t.Run(c.name, func(t *testing.T) {
			mirrors = []string{c.first, current}
			if c.first == current {
				mirrors = mirrors[1:]
			}
			// elsewhere is none of the mirrors, so it does not put itself first.
			for _, source := range []string{"metalink", "mirrorlist"} {
				if source == "mirrorlist" && c.first != dead.URL {
					continue // nothing says that a first one is behind
				}
				line := source + "=" + elsewhere + "/r/" + source
				d := newDNF(t, "[r]\nname=r\n"+line+"\ngpgcheck=0\n")
				assert.Equal(t, c.dnf, strings.Join(strings.Fields(d.run("repoquery", "--qf", "%{name}")), " "), line)
				if c.dnf != c.ourselves {
					d.run("--setopt=plugins=1", "--disableplugin=*", "--enableplugin=download", "download", "--downloaddir="+d.dir, "unicode")
					assert.FileExists(t, d.dir+"/unicode-1.0-13.noarch.rpm")
				}

				ours := newSite(t, "[copy]\n"+line+"\n")
				ours.ok("sync")
				assert.Equal(t, c.ourselves, strings.Join(namesOf(ours.packages("copy")), " "), line)
			}
		})
	}

	// A client's configuration names the metalink, and works.
	mirrors = []string{dead.URL, current}
	d := newDNF(t, get1(t, current+"/r.repo")+"gpgcheck=0\n")
	assert.Contains(t, get1(t, current+"/r.repo"), "metalink="+current+"/r/metalink\n")
	assert.Equal(t, "hello unicode weak", strings.Join(strings.Fields(d.run("repoquery", "--qf", "%{name}")), " "))
}

// namesOf are the names of package files.
func namesOf(files []string) (names []string) {
	for _, f := range files {
		name, _, _ := strings.Cut(f[strings.LastIndexByte(f, '/')+1:], "-")
		names = append(names, name)
	}
	return names
}
