package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// Which packages come: each flag, and the key that stands for it.
func TestSelection(t *testing.T) {
	t.Parallel()
	modulesYAML := mustRead(t, "../../testdata/modules.yaml")
	all := rpms(t, hello210, hello212, helloSrc, chrono, tide686, tide64, modular)
	at := func(names ...string) []string {
		var list []string
		for _, name := range names {
			list = append(list, "Packages/"+name+".rpm")
		}
		slices.Sort(list)
		return list
	}
	for _, tt := range []struct {
		name string
		args []string
		keys []string
		want []string
	}{
		{"all", nil, nil, at(hello210, hello212, helloSrc, chrono, tide686, tide64, modular)},
		{"-n", []string{"-n"}, nil, at(hello212, helloSrc, chrono, tide686, tide64, modular)},
		{"newest_only", nil, []string{"newest_only=1"}, at(hello212, helloSrc, chrono, tide686, tide64, modular)},
		{"-a", []string{"-a", "x86_64"}, nil, at(tide64)},
		{"-a twice", []string{"-a", "x86_64", "--arch", "noarch"}, nil, at(hello210, hello212, chrono, tide64, modular)},
		{"archlist", nil, []string{"archlist=i686 x86_64"}, at(tide686, tide64)},
		{"-a before archlist", []string{"-a", "i686"}, []string{"archlist=x86_64"}, at(tide686)},
		{"--source", []string{"--source"}, nil, at(helloSrc)},
		{"source", nil, []string{"source=1"}, at(helloSrc)},
		{"-n -a", []string{"-n", "-a", "noarch"}, nil, at(hello212, chrono, modular)},
		{"-a with a list", []string{"-a", "x86_64, i686"}, nil, at(tide686, tide64)},
		{"--srpm", []string{"--srpm"}, nil, at(helloSrc)},
		{"--srpm -a", []string{"--srpm", "-a", "x86_64"}, nil, at(helloSrc, tide64)},
		{"--srpm archlist", []string{"--srpm"}, []string{"archlist=i686"}, at(helloSrc, tide686)},
		{"--keep 1", []string{"--keep", "1"}, nil, at(hello212, helloSrc, chrono, tide686, tide64, modular)},
		{"--keep 2", []string{"--keep", "2"}, nil, at(hello210, hello212, helloSrc, chrono, tide686, tide64, modular)},
		{"--keep 0 before newest_only", []string{"--keep=0", "-a", "noarch"}, []string{"newest_only=1"}, at(hello210, hello212, chrono, modular)},
		{"-n before keep", []string{"-n", "-a", "noarch"}, []string{"keep=2"}, at(hello212, chrono, modular)},
		{"keep", []string{"-a", "noarch"}, []string{"keep=1"}, at(hello212, chrono, modular)},
		{"-x", []string{"-x", "hello*"}, nil, at(chrono, tide686, tide64, modular)},
		{"-x list", []string{"-x", "hello.src chrono", "--excludepkgs", "libtide.i686,modular-1*"}, nil, at(hello210, hello212, tide64)},
		{"-x before -n", []string{"-x", "hello-2.12", "-n"}, nil, at(hello210, chrono, tide686, tide64, modular)},
		{"excludepkgs", []string{"--exclude=chrono"}, []string{"excludepkgs=hello", "exclude=libtide"}, at(modular)},
		{"includepkgs", nil, []string{"includepkgs=hello libtide", "excludepkgs=*.src libtide-*.i686"}, at(hello210, hello212, tide64)},
		{"--includepkgs", []string{"--includepkgs", "chrono"}, []string{"includepkgs=libtide"}, at(chrono, tide686, tide64)},
		{"--setopt", []string{"--setopt", "base.includepkgs=hello", "--setopt=excludepkgs=*.noarch"}, nil, at(helloSrc)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			up := testrepo.New(t, testrepo.Options{Modules: modulesYAML}, all...)
			s := newSite(t, section("base", up, tt.keys...))
			s.ok(append([]string{"sync"}, tt.args...)...)
			assert.Equal(t, tt.want, s.packages("base"))
			assert.Equal(t, tt.want, paths(up.Requests("Packages/**")))
			s.ok("createrepo", "--update")
			locations, _ := s.whole("base")
			assert.Equal(t, tt.want, locations)

			o := s.run(append([]string{"sync", "--urls"}, tt.args...)...)
			o.ended(0)
			var urls []string
			for _, location := range tt.want {
				urls = append(urls, up.URL+"/"+strings.ReplaceAll(location, "+", "%2B"))
			}
			assert.ElementsMatch(t, urls, strings.Fields(o.stdout))
		})
	}
}

// Build times: the day itself is in, and days are those of UTC.
func TestMinBuildtime(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello210, hello212, chrono)
	const day = 1_704_067_200 // 2024-01-01 00:00
	for i, built := range []int64{day - 1, day, day + 86_400} {
		packages[i].BuildTime = built
	}
	up := testrepo.New(t, testrepo.Options{}, packages...)
	for _, tt := range []struct {
		key  string
		args []string
		want []string
	}{
		{"", []string{"--min-buildtime", "2024-01-01"}, hrefs(packages[1:]...)},
		{"", []string{"--min-buildtime=2024-1-2"}, hrefs(packages[2])},
		{"min_buildtime=2024-01-02", nil, hrefs(packages[2])},
		{"min_buildtime=2024-01-02", []string{"--min-buildtime=2023-12-31"}, hrefs(packages...)},
		{"min_buildtime=2024-01-01", []string{"-n", "-a", "noarch"}, hrefs(packages[1:]...)},
		{"min_buildtime=", nil, hrefs(packages...)},
	} {
		s := newSite(t, section("base", up, tt.key))
		s.ok(append([]string{"sync"}, tt.args...)...)
		assert.Equal(t, tt.want, s.packages("base"), "%+v", tt)
	}
}

// What cannot be meant is refused, before anything is asked of anybody.
func TestSelectionRefused(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
	s := newSite(t, section("base", up))
	for _, tt := range []struct{ args, says []string }{
		{[]string{"--keep=-1"}, says("--keep -1")},
		{[]string{"--keep=2", "-n"}, says("--keep 2", "--newest-only")},
		{[]string{"--keep=many"}, says("--keep", "many")},
		{[]string{"-x", "a>=2"}, says("--exclude", "a>=2", "name.arch")},
		{[]string{"--includepkgs", "a["}, says("--includepkgs", "a[", "]")},
		{[]string{"-p"}, says("--download-path: its value is missing (gorepo sync --help")},
		{[]string{"-a"}, says("--arch: its value is missing (gorepo sync --help")},
		{[]string{"--keep=many"}, says(`--keep: "many" is no whole number (gorepo sync --help`)},
		{[]string{"-z"}, says("unknown flag -z (gorepo sync --help")},
		{[]string{"--workers=-3"}, says("--workers -3", "1 to 1000")},
		{[]string{"--workers=100000"}, says("--workers 100000", "1 to 1000")},
		{[]string{"--min-buildtime=yesterday"}, says("--min-buildtime", "yesterday", "YYYY-MM-DD")},
	} {
		o := s.run(append([]string{"sync"}, tt.args...)...)
		assert.Equal(t, statusUsage, o.status, "%v", tt.args)
		for _, word := range tt.says {
			assert.Contains(t, o.lines()[0], word)
		}
	}
	assert.Empty(t, up.Requests("**"))
	s.configure(section("base", up, "keep=2.5"))
	s.run("sync").ended(1, says(s.conf+":", "keep", "2.5"))
}

// A selection that takes nothing is a slip more often than not (x86-64), and would
// not be seen: all went well.
func TestSelectionTakesNothing(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212, chrono)...)
	s := newSite(t, section("base", up, "archlist=x86-64"))
	s.run("sync").ended(0, says("gorepo: base: warning: the selection takes none of the 2 packages"))
	s.ok("sync")
	up.Remove(rpms(t, hello212)[0].Href())
	up.Remove(rpms(t, chrono)[0].Href())
	up.Render()
	s.ok("sync")
}

// The URLs of a directory are URLs, as dnf has them, encoded like all others.
func TestURLsOfDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a b%20c")
	p := rpms(t, hello212)[0]
	testrepo.Render(testrepo.Options{}, p).WriteTo(t, dir)
	s := newSite(t, "[file]\nbaseurl=file://"+strings.NewReplacer("%", "%25", " ", "%20").Replace(dir)+"\n")
	want := "file://" + strings.NewReplacer("%", "%25", " ", "%20").Replace(dir) + "/" + p.Href() + "\n"
	assert.Equal(t, want, s.run("sync", "--urls").stdout)
	assert.Equal(t, want, s.run("sync", "--urls", "--repofrompath=path,"+dir, "path").stdout)
}

// --urls changes nothing, with --delete neither.
func TestURLs(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello212, chrono)
	based := rpms(t, rich)[0]
	based.XMLBase, based.Location = "https://user:secret@pool.example/x/", "pool/rich^1.rpm"
	up := testrepo.New(t, testrepo.Options{Comps: mustRead(t, "../../testdata/comps.xml")}, append(packages, based)...)
	s := newSite(t, section("base", up))
	o := s.run("sync", "--urls")
	o.ended(0)
	assert.Equal(t, []string{up.URL + "/" + packages[0].Href(), up.URL + "/" + packages[1].Href(), "https://pool.example/x/pool/rich%5E1.rpm"}, strings.Fields(o.stdout))
	assert.NoDirExists(t, s.root)
	assert.Equal(t, slices.Sorted(slices.Values([]string{"repodata/repomd.xml", up.Metadata("primary")})), paths(up.Requests("**")))

	require.Equal(t, 1, up.Remove(based.Href()))
	up.Render()
	s.ok("sync")
	s.write([]byte("x"), "base", "own.rpm")
	before := s.files()
	o = s.run("sync", "-u", "--delete", "--download-metadata")
	o.ended(0)
	assert.Equal(t, before, s.files())
	lines := strings.Fields(o.stdout)
	assert.Contains(t, lines, up.URL+"/repodata/repomd.xml")
	for _, record := range []string{"primary", "filelists", "other", "group"} {
		assert.Contains(t, lines, up.URL+"/"+up.Metadata(record))
	}
	assert.Len(t, lines, 7)
}

// --norepopath: packages in the directory itself.
func TestNoRepoPath(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello212, chrono)
	up := testrepo.New(t, testrepo.Options{}, packages...)
	s := newSite(t, section("base", up))
	dir := filepath.Join(t.TempDir(), "here")
	s.ok("sync", "-p", dir, "--norepopath")
	for _, p := range packages {
		assert.FileExists(t, filepath.Join(dir, p.Href()))
	}
	assert.NoDirExists(t, s.root)
	assert.NoDirExists(t, filepath.Join(dir, "base"))
	up.Forget()
	s.ok("sync", "-p", dir, "--norepopath")
	assert.Len(t, up.Requests("**"), 1)
	s.ok("createrepo", dir)
	require.Equal(t, 1, up.Remove(packages[1].Href()))
	up.Render()
	s.ok("sync", "--destdir", dir, "--norepopath", "--delete")
	assert.FileExists(t, filepath.Join(dir, packages[1].Href()), "published metadata names it")
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "repodata")))
	s.ok("sync", "--destdir", dir, "--norepopath", "--delete")
	assert.NoFileExists(t, filepath.Join(dir, packages[1].Href()))
	assert.FileExists(t, filepath.Join(dir, packages[0].Href()))

	s.configure(section("base", up), section("more", up))
	s.run("sync", "--norepopath").ended(64, says("--norepopath", "2"))
	s.run("sync", "base", "--norepopath", "--delete").ended(64, says("--norepopath", "--delete"))
}

// -m puts upstream's groups beside the packages, as yum did.
func TestDownloadComps(t *testing.T) {
	t.Parallel()
	comps := mustRead(t, "../../testdata/comps.xml")
	for _, as := range []string{"", "plain", "both"} {
		up := testrepo.New(t, testrepo.Options{Comps: comps, CompsAs: as}, rpms(t, hello212)...)
		s := newSite(t, section("base", up))
		s.ok("sync", "-m")
		assert.Equal(t, string(comps), string(s.read("base", "comps.xml")))
		s.ok("sync", "--downloadcomps", "--delete")
		assert.FileExists(t, s.path("base", "comps.xml"))
	}
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
	s := newSite(t, section("base", up))
	s.run("sync", "-m").ended(0, says("gorepo: base: warning: ", "comps"))
}

// --delete, and the key: what upstream has no more goes, but not while
// metadata that clients may have read names it.
func TestDelete(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"flag", "key"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			packages := rpms(t, hello212, chrono, rich)
			up := testrepo.New(t, testrepo.Options{}, packages...)
			s, sync := newSite(t, section("base", up)), []string{"sync", "--delete"}
			if how == "key" {
				s.configure(section("base", up, "delete=1"))
				sync = sync[:1]
			}
			s.ok(sync...)
			s.ok("createrepo", "--update")
			gone := packages[1].Href()
			require.Equal(t, 1, up.Remove(gone))
			up.Render()

			// Night 1: named by what is published.
			same := s.frozen()
			s.ok(sync...)
			same()
			assert.FileExists(t, s.path("base", gone))
			s.ok("createrepo", "--update")
			locations, _ := s.whole("base")
			assert.Equal(t, hrefs(packages[0], packages[2]), locations)
			assert.FileExists(t, s.path("base", gone), "clients may have read the generation before")

			// Night 2: the next generation takes it along.
			s.ok(sync...)
			s.ok("createrepo", "--update")
			assert.FileExists(t, s.path("base", gone), "nothing was published, and the generation before is still there")
			up.Add(rpms(t, weak)...)
			up.Render()
			s.ok(sync...)
			assert.FileExists(t, s.path("base", gone))
			made := s.summary("createrepo", "--update")
			assert.Equal(t, 1, made.Removed)
			assert.NoFileExists(t, s.path("base", gone))
			s.whole("base")

			// One that was never published goes at once, with its directory.
			odd := s.write([]byte("x"), "base", "old/tree/x.rpm")
			keep := s.write([]byte("x"), "base", "old/README")
			s.ok(sync...)
			assert.NoFileExists(t, odd)
			assert.NoDirExists(t, filepath.Dir(odd))
			assert.FileExists(t, keep, "only packages are deleted")

			// One that comes back before it went stays.
			require.Equal(t, 1, up.Remove(packages[2].Href()))
			up.Render()
			s.ok(sync...)
			up.Add(packages[2])
			up.Render()
			up.Forget()
			s.ok(sync...)
			assert.Empty(t, up.Requests("Packages/**"))
			s.ok("createrepo", "--update")
			locations, _ = s.whole("base")
			assert.Contains(t, locations, packages[2].Href())
		})
	}
}

// What waits to be deleted goes after no failure, be it that a download is not
// what it should be.
func TestDeleteWaitsForSuccess(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello212, chrono, rich)
	up := testrepo.New(t, testrepo.Options{}, packages[:2]...)
	s := newSite(t, section("base", up))
	s.ok("sync")
	s.ok("createrepo")
	require.Equal(t, 1, up.Remove(packages[1].Href()))
	up.Render()
	s.ok("sync", "--delete")
	assert.FileExists(t, s.path("base", packages[1].Href()), "published metadata names it")

	require.NoError(t, os.RemoveAll(s.path("base", "repodata")))
	up.Add(packages[2])
	up.Render()
	up.On(packages[2].Href(), testrepo.Corrupt(2000))
	for _, args := range [][]string{{"sync"}, {"sync", "--delete"}} {
		o := s.run(args...)
		assert.Equal(t, 3, o.status)
		assert.FileExists(t, s.path("base", packages[1].Href()))
	}
	up.Repair()
	s.ok("sync")
	assert.Equal(t, hrefs(packages[0], packages[2]), s.packages("base"))
}

// Without --delete nothing goes, and nothing goes when upstream seems empty.
func TestDeleteRefused(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello212, chrono)
	up := testrepo.New(t, testrepo.Options{}, packages...)
	s := newSite(t, section("base", up))
	s.ok("sync")
	for _, p := range packages {
		require.Equal(t, 1, up.Remove(p.Href()))
	}
	up.Render()
	s.ok("sync")
	assert.Len(t, s.packages("base"), 2)
	s.run("sync", "--delete").ended(2, says("gorepo: base: ", "no packages", "2", "nothing is deleted"))
	assert.Len(t, s.packages("base"), 2)
	s.run("sync", "--delete", "-a", "s390x").ended(2, says("nothing is deleted"))
	up.Add(packages...)
	up.Render()
	s.run("sync", "--delete", "-a", "s390x").ended(2, says("the selection takes none"), says("nothing is deleted"))
	assert.Len(t, s.packages("base"), 2)
	// A published generation that cannot be read names who knows what.
	s.ok("createrepo")
	primaries, err := filepath.Glob(s.path("base", "repodata", "*primary*"))
	require.NoError(t, err)
	s.write([]byte("x"), "base", "repodata", filepath.Base(primaries[0]))
	require.Equal(t, 1, up.Remove(packages[1].Href()))
	up.Render()
	s.run("sync", "--delete").ended(2, says("gorepo: base: ", "nothing is deleted", s.path("base", "repodata"), "createrepo"))
	assert.Len(t, s.packages("base"), 2)
}

// download_metadata: upstream's own, byte for byte, when the packages are
// there.
func TestDownloadMetadata(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello212, chrono)
	up := testrepo.New(t, testrepo.Options{
		Sign: signWith(t, "rsa"), Key: mustRead(t, keyFile(t, rsaKey)), DB: true, Zck: true,
		Comps: mustRead(t, "../../testdata/comps.xml"), CompsAs: "both", Extra: map[string][]byte{"strange": []byte("<strange/>")},
	}, packages...)
	copied := func(s *site) {
		t.Helper()
		for _, name := range up.Paths() {
			if dir, base := filepath.Split(name); dir == "repodata/" {
				assert.True(t, bytes.Equal(up.File(name), s.read("base", "repodata", base)), name)
			}
		}
	}
	s := newSite(t, section("base", up, "download_metadata=1", "repo_gpgcheck=1", "gpgkey="+keyFile(t, rsaKey)))
	s.ok("sync")
	copied(s)
	s.whole("base")
	before := s.files("base")
	o := s.run("createrepo", "--update", "-v")
	assert.Equal(t, 0, o.status)
	assert.Contains(t, o.stderr, "gorepo: base: left alone")
	assert.Equal(t, before, s.files("base"))
	up.Forget()
	s.ok("sync")
	assert.Len(t, up.Requests("**"), 1)
	assert.Equal(t, before, s.files("base"))

	// While a package is missing, what is published stays.
	news := rpms(t, rich)[0]
	up.Add(news)
	up.Render()
	up.On(news.Href(), testrepo.Status(404))
	same := s.frozen()
	s.run("sync", "-q").ended(2, says("404"))
	same()
	up.Repair()
	old := s.files("base", "repodata")
	s.ok("sync")
	copied(s)
	assert.Equal(t, news.Sum(), hexOf(s.read("base", news.Href())))
	now := s.files("base", "repodata")
	for name := range old {
		assert.Contains(t, now, name, "the generation before stays readable")
	}

	// What is published is mended where it was damaged.
	s.write([]byte("x"), "base", "repodata", filepath.Base(up.Metadata("primary")))
	s.run("sync").ended(0, says("gorepo: base: warning: ", "published metadata"))
	copied(s)

	// Rot that shows in no size is mended, here and in the file it is a link to.
	for _, broken := range []func(file string, data []byte){
		func(file string, data []byte) { require.NoError(t, os.WriteFile(file, data, 0o644)) },
		func(file string, data []byte) {
			require.NoError(t, os.Remove(file))
			require.NoError(t, os.WriteFile(file, data, 0o644))
		},
	} {
		rotten := slices.Clone(up.File(up.Metadata("strange")))
		rotten[len(rotten)/2] ^= 1
		broken(s.path("base", up.Metadata("strange")), rotten)
		s.ok("sync")
		copied(s)
	}

	// --delete leaves what the copy before names for one more.
	require.Equal(t, 1, up.Remove(packages[1].Href()))
	up.Render()
	s.ok("sync", "--delete")
	copied(s)
	assert.FileExists(t, s.path("base", packages[1].Href()))
	up.Render()
	s.ok("sync", "--delete")
	s.ok("sync", "--delete")
	assert.NoFileExists(t, s.path("base", packages[1].Href()))
	copied(s)

	// Turned off again, createrepo builds; turned on again, it is a copy.
	s.configure(section("base", up))
	s.ok("sync")
	s.run("createrepo", "--update").ended(0, says("gorepo: base: warning: ", "repomd.xml.asc", "sign"))
	assert.NoFileExists(t, s.path("base", "repodata", "repomd.xml.asc"))
	_, records := s.whole("base")
	assert.NotContains(t, records, "primary_db")
	s.ok("sync", "--download-metadata")
	copied(s)
	s.ok("createrepo", "--update")
	copied(s)
}

// A copy names packages that a selection leaves out: it is said.
func TestDownloadMetadataOfSelection(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello210, hello212)...)
	s := newSite(t, section("base", up, "download_metadata=1"))
	s.run("sync", "-n").ended(0, says("gorepo: base: warning: ", "upstream's own metadata", "leaves out 1:", "clients"))
	assert.Len(t, s.packages("base"), 1)
	s.ok("sync")
	s.whole("base")

	// --delete removes what the selection leaves out, though the copy names it, and
	// nothing else that it names.
	gone := rpms(t, chrono)[0]
	up.Add(gone)
	up.Render()
	s.ok("sync")
	require.Equal(t, 1, up.Remove(gone.Href()))
	up.Render()
	up.On("repodata/*other*", testrepo.Status(404))
	o := s.run("sync", "-n", "--delete")
	assert.NotZero(t, o.status)
	assert.Len(t, s.packages("base"), 3, "after a failure nothing is deleted")
	up.Repair()
	o = s.run("sync", "-n", "--delete")
	assert.Zero(t, o.status, o.stderr)
	assert.Equal(t, hrefs(rpms(t, hello212, chrono)...), s.packages("base"), "clients of the copy before find what it named")
	for range 2 {
		o = s.run("sync", "-n", "--delete")
		assert.Zero(t, o.status, o.stderr)
	}
	assert.Equal(t, hrefs(rpms(t, hello212, chrono)...), s.packages("base"))
}
