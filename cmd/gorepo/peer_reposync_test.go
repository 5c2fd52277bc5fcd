//go:build unix

package main

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/rawrpm"
)

// streamModules has three versions of a module's stream: of the oldest nothing
// is the newest, of the middle one mod-b is.
const streamModules = `---
document: modulemd
version: 2
data: {name: mod, stream: "1", version: 1, context: aaaa, arch: noarch, summary: s, description: d, license: {module: [MIT]},
  artifacts: {rpms: ["mod-a-0:0-1.noarch", "mod-b-0:0-1.noarch"]}}
...
---
document: modulemd
version: 2
data: {name: mod, stream: "1", version: 2, context: aaaa, arch: noarch, summary: s, description: d, license: {module: [MIT]},
  artifacts: {rpms: ["mod-a-0:1-1.noarch", "mod-b-0:2-1.noarch"]}}
...
---
document: modulemd
version: 2
data: {name: mod, stream: "1", version: 3, context: aaaa, arch: noarch, summary: s, description: d, license: {module: [MIT]},
  artifacts: {rpms: ["mod-a-0:2-1.noarch", "mod-b-0:1-1.noarch"]}}
...
`

// modularTree is testdata at odd locations with a module of several versions.
func modularTree(t testing.TB) string {
	t.Helper()
	dir := oddTree(t)
	for _, nv := range []string{"mod-a-0", "mod-a-1", "mod-a-2", "mod-a-3", "mod-b-0", "mod-b-1", "mod-b-2", "mod-c-1", "mod-c-2"} {
		version := nv[len("mod-a-"):]
		data := rawrpm.Package(nv[:len("mod-a")], rawrpm.Str(1001, version))
		putFile(t, string(data), dir, "modular", nv+"-1.noarch.rpm")
	}
	return dir
}

// nextDay changes modularTree as upstreams do: a package goes, one comes, one
// is rebuilt under its name, and there are other groups.
func nextDay(t testing.TB, dir, modules string) {
	t.Helper()
	require.NoError(t, os.Remove(filepath.Join(dir, "latin1-1.0-1.noarch.rpm")))
	require.NoError(t, os.Remove(filepath.Join(dir, oddLocations["weak-1.0-1.noarch.rpm"])))
	putFile(t, string(rawrpm.Package("comes")), dir, "comes-1-1.noarch.rpm")
	putFile(t, string(rawrpm.Package("mod-c", rawrpm.Str(1001, "2"), rawrpm.I18N(1004, "Rebuilt"))), dir, "modular", "mod-c-2-1.noarch.rpm")
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "repodata")))
	makeUpstream(t, dir, modules)
}

// TestLikeReposync compares with dnf reposync what is brought from one nginx,
// flag by flag: the same files at the same places.
func TestLikeReposync(t *testing.T) {
	t.Parallel()
	requireReposync(t)
	needAll(t, "nginx", "createrepo_c", "modifyrepo_c")
	tree := modularTree(t)
	modules := putFile(t, streamModules, t.TempDir(), "modules.yaml")
	makeUpstream(t, tree, modules)
	up := startNginx(t, tree, "", "")
	their := newDNF(t, "[r]\nbaseurl="+up.url+"\ngpgcheck=0\n")

	table := []string{fmt.Sprintf("%-44s %8s %10s %6s %6s", "flags", "packages", "bytes", "others", "kept")}
	for _, c := range []struct {
		flags   []string
		first   []string // flags of a run before it; nil: there is none
		changes bool     // upstream, between the two
		// keeps are the files that gorepo keeps for clients that have the former
		// metadata, and reposync does not; repodata/* stands for that metadata.
		keeps []string
	}{
		{flags: nil},
		{flags: []string{"-a", "x86_64", "-a", "noarch"}},
		{flags: []string{"--arch=i686"}},
		{flags: []string{"--source"}},
		{flags: []string{"--source", "-a", "noarch"}},
		{flags: []string{"-n"}},
		{flags: []string{"-n", "-a", "noarch"}},
		{flags: []string{"-n", "--source"}},
		{flags: []string{"-a", "noarch,x86_64", "-a", "i686 src"}},
		{flags: []string{"-x", "hello"}},
		{flags: []string{"-x", "hello-2.10*,*.src", "--exclude=mod-a", "--excludepkgs", "libtide.i686"}},
		{flags: []string{"--setopt=r.excludepkgs=*.noarch mod-*", "--setopt=excludepkgs=*-1.4.0-1*.i686"}},
		{flags: []string{"--setopt=r.excludepkgs=hello", "--setopt=r.excludepkgs=", "-x", "chrono"}},
		{flags: []string{"--setopt=r.includepkgs=hello mod-a", "-x", "*.src"}},
		{flags: []string{"--setopt=includepkgs=hello", "--setopt=r.includepkgs=mod-?-1", "-a", "noarch"}},
		{flags: []string{"--setopt=includepkgs=*.noarch", "--setopt=r.excludepkgs=hello-0:2.12-1"}},
		{flags: []string{"-n", "-x", "mod-a-2 mod-b-2"}},
		{flags: []string{"-n", "-x", "mod-a-3,hello-2.12"}},
		{flags: []string{"-n", "--setopt=r.includepkgs=mod-*"}},
		{flags: []string{"-n", "--setopt=r.module_hotfixes=1"}},
		{flags: []string{"-n", "--setopt=r.module_hotfixes=1", "--source", "-x", "chrono"}},
		{flags: []string{"--norepopath"}},
		{flags: []string{"--norepopath", "-m", "--newest-only"}},
		{flags: []string{"-m"}},
		{flags: []string{"--download-metadata"}},
		{flags: []string{"--download-metadata", "-m", "-n"}},
		{first: []string{}, flags: []string{"--delete", "-n"}},
		{first: []string{}, flags: []string{"--delete", "-a", "noarch"}},
		{first: []string{}, flags: []string{"--delete", "--setopt=r.excludepkgs=mod-a hello-2.10"}},
		{first: []string{}, flags: []string{"--arch=noarch", "--arch=x86_64"}, changes: true},
		{first: []string{"-m"}, flags: []string{"--delete", "-m"}, changes: true},
		{
			first: []string{"--download-metadata"}, flags: []string{"--download-metadata", "--delete"}, changes: true,
			keeps: []string{"latin1-1.0-1.noarch.rpm", oddLocations["weak-1.0-1.noarch.rpm"], "repodata/*"},
		},
	} {
		name := strings.Join(c.flags, " ")
		s := newSite(t, "[r]\nbaseurl="+up.url+"\n")
		dest := t.TempDir()
		both := func(flags []string) { syncBoth(s, their, dest, flags) }
		restore := func() {}
		if c.first != nil {
			both(c.first)
		}
		if c.changes {
			old := t.TempDir()
			require.NoError(t, os.CopyFS(filepath.Join(old, "tree"), os.DirFS(tree)))
			restore = func() {
				require.NoError(t, os.RemoveAll(tree))
				require.NoError(t, os.CopyFS(tree, os.DirFS(filepath.Join(old, "tree"))))
			}
			nextDay(t, tree, modules)
		}
		both(c.flags)
		restore()

		want, got := listTree(t, dest), listTree(t, s.root)
		kept := 0
		for _, file := range slices.Sorted(maps.Keys(got)) {
			rel := strings.TrimPrefix(file, "r/")
			isKept := slices.Contains(c.keeps, rel) || slices.Contains(c.keeps, "repodata/*") && strings.HasPrefix(rel, "repodata/")
			if _, theirs := want[file]; !theirs && isKept {
				delete(got, file)
				kept++
			}
		}
		assert.Equal(t, want, got, "%s: what dnf reposync has, and what gorepo has", name)
		if c.keeps != nil {
			assert.Equal(t, 2+3, kept, "%s: two packages; primary, filelists and other", name)
		}
		packages, bytes := 0, int64(0)
		for file, f := range want {
			if strings.HasSuffix(file, ".rpm") {
				packages, bytes = packages+1, bytes+f.size
			}
		}
		require.NotZero(t, packages, name)
		if c.changes {
			name += " (upstream changed)"
		} else if c.first != nil {
			name += " (all was there)"
		}
		table = append(table, fmt.Sprintf("%-44s %8d %10d %6d %6d", name, packages, bytes, len(want)-packages, kept))
	}
	t.Logf("gorepo sync and dnf reposync leave the same files:\n%s", strings.Join(table, "\n"))
}

// syncBoth runs both programs with the same flags.
func syncBoth(s *site, their *dnf, dest string, flags []string) {
	s.t.Helper()
	o := s.run(append([]string{"sync", "r"}, flags...)...)
	require.Equal(s.t, statusOK, o.status, "%v: %s", flags, o.stderr)
	for _, line := range o.lines() { // of a copy of metadata beside a selection of packages
		require.Contains(s.t, line, "clients will not find them")
	}
	their.reposync(append([]string{"--repo=r", "--download-path=" + dest}, flags...)...)
}

// TestSoakAllFlagsLikeReposync compares every combination of the flags that both
// know, into an empty directory and, with --delete, into a full one.
func TestSoakAllFlagsLikeReposync(t *testing.T) {
	t.Parallel()
	if os.Getenv("GOREPO_SOAK") == "" {
		t.Skip("takes some minutes: TestLikeReposync has some of the combinations; make hostile runs all")
	}
	requireReposync(t)
	needAll(t, "nginx", "createrepo_c", "modifyrepo_c")
	tree := modularTree(t)
	makeUpstream(t, tree, putFile(t, streamModules, t.TempDir(), "modules.yaml"))
	up := startNginx(t, tree, "", "")
	their := newDNF(t, "[r]\nbaseurl="+up.url+"\ngpgcheck=0\n")
	combinations := [][]string{nil}
	for _, choices := range [][]string{
		{"", "-n"},
		{"", "--arch=noarch,x86_64", "--arch=i686"},
		{"", "--source"},
		{"", "--exclude=hello,mod-a-3"},
		{"", "-m"},
		{"", "--download-metadata"},
		{"", "--norepopath"},
		{"", "--delete"},
	} {
		var next [][]string
		for _, flags := range combinations {
			for _, choice := range choices {
				if choice == "" {
					next = append(next, flags)
				} else {
					next = append(next, append(slices.Clone(flags), choice))
				}
			}
		}
		combinations = next
	}
	same := 0
	for _, flags := range combinations {
		s := newSite(t, "[r]\nbaseurl="+up.url+"\nmax_delete=100%\n")
		dest := t.TempDir()
		if slices.Contains(flags, "--delete") {
			var first []string
			if slices.Contains(flags, "--norepopath") {
				first = []string{"--norepopath"}
			}
			syncBoth(s, their, dest, first)
		}
		syncBoth(s, their, dest, flags)
		if assert.Equal(t, listTree(t, dest), listTree(t, s.root), "%v: what dnf reposync has, and what gorepo has", flags) {
			same++
		}
	}
	t.Logf("%d of %d combinations leave the same files", same, len(combinations))
}

// TestURLsLikeReposync compares --urls: the same addresses, once dnf's are
// encoded as a client has to.
func TestURLsLikeReposync(t *testing.T) {
	t.Parallel()
	requireReposync(t)
	needAll(t, "nginx", "createrepo_c", "modifyrepo_c")
	tree := modularTree(t)
	makeUpstream(t, tree, putFile(t, streamModules, t.TempDir(), "modules.yaml"))
	up := startNginx(t, tree, "", "")
	their := newDNF(t, "[r]\nbaseurl="+up.url+"\ngpgcheck=0\n")
	s := newSite(t, "[r]\nbaseurl="+up.url+"\n")
	for _, flags := range [][]string{nil, {"-n"}, {"-a", "x86_64"}, {"--source"}, {"-m"}, {"--download-metadata"}, {"--download-metadata", "-m", "-n"}} {
		o := s.run(append([]string{"sync", "--urls", "r"}, flags...)...)
		o.ended(statusOK)
		var ours []string
		for _, u := range strings.Split(strings.TrimSpace(o.stdout), "\n") {
			plain, err := url.PathUnescape(u)
			require.NoError(t, err)
			ours = append(ours, plain)
		}
		theirs := strings.Split(strings.TrimSpace(their.reposync(append([]string{"--repo=r", "--urls"}, flags...)...)), "\n")
		if slices.Contains(flags, "--download-metadata") {
			theirs = append(theirs, up.url+"/repodata/repomd.xml") // without it the others are of no use
		}
		slices.Sort(ours)
		slices.Sort(theirs)
		theirs = slices.Compact(theirs) // dnf may name the groups twice
		assert.Equal(t, theirs, ours, "--urls %v", flags)
		assert.NotEmpty(t, ours)
		t.Logf("--urls %v: %d addresses", flags, len(ours))
	}
	assert.NoDirExists(t, s.root, "--urls brings nothing")
}

// TestTakesOverReposyncsTree goes on where dnf reposync left: no package is
// fetched again, not by gorepo and not by dnf after it.
func TestTakesOverReposyncsTree(t *testing.T) {
	t.Parallel()
	requireReposync(t)
	needAll(t, "nginx", "createrepo_c", "modifyrepo_c")
	tree := oddTree(t)
	makeUpstream(t, tree, "")
	up := startNginx(t, tree, "", "")
	their := newDNF(t, "[r]\nbaseurl="+up.url+"\ngpgcheck=0\n")
	for _, flags := range [][]string{nil, {"-m", "--download-metadata"}, {"--remote-time"}} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			s := newSite(t, "[r]\nbaseurl="+up.url+"\n")
			their.reposync(append([]string{"--repo=r", "--download-path=" + s.root}, flags...)...)
			fetched, _, _ := countLogged(up.requests())
			before := listTree(t, s.root)
			require.NotZero(t, fetched)

			r := s.build("sync", "r")
			packages, others, _ := countLogged(up.requests())
			assert.Zero(t, packages, "packages that are asked for again")
			assert.Zero(t, r.Fetched)
			assert.Equal(t, fetched, r.Packages)
			t.Logf("taken over: %d packages, %d requests for packages, %d for metadata", r.Packages, packages, others)
			assert.Equal(t, before, listTree(t, s.root), "the tree is as it was")

			// createrepo needs to read none of them: what they are was verified.
			b := s.build("createrepo", "--update")
			assert.Equal(t, fetched, b.Packages)
			assert.Zero(t, b.Read)

			their.reposync("--repo=r", "--download-path="+s.root)
			packages, _, _ = countLogged(up.requests())
			assert.Zero(t, packages, "dnf takes over what gorepo has")
		})
	}
}
