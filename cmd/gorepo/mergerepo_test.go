//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// mergedLocations are where a merged repository says that its packages are.
func mergedLocations(t testing.TB, dir string) (list []string) {
	t.Helper()
	c := metadataIn(dir)
	m, _, err := c.repomd()
	require.NoError(t, err)
	data, err := c.record(m.Data[0])
	require.NoError(t, err)
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if tag, found := strings.CutPrefix(line, "<location "); found {
			tag = strings.NewReplacer(`xml:base="`, "", `" href="`, " ", `href="`, "", `"></location>`, "", `"/>`, "").Replace(tag)
			list = append(list, tag)
		}
	}
	return list
}

func TestMergerepoFromServers(t *testing.T) {
	t.Parallel()
	comps := []byte("<comps><group><id>a</id></group></comps>")
	one := testrepo.New(t, testrepo.Options{
		Compression: "zst", Comps: comps, CompsAs: "both", DB: true, Zck: true, Username: "user", Password: "secret",
		Extra: map[string][]byte{"productid": []byte("x")},
	}, testrepo.Fake("a-1-1.noarch", 10), testrepo.Fake("z-1-1.noarch", 10))
	two := testrepo.New(t, testrepo.Options{Compression: "xz", TLS: false, Comps: comps}, testrepo.Fake("b-1-1.noarch", 10))
	s := newSite(t)
	out := filepath.Join(t.TempDir(), "deep", "merged")
	withUser := strings.Replace(one.URL, "://", "://user:secret@", 1)
	s.ok("mergerepo", "-r", withUser+"/", "-r", two.URL, "-o", out, "--compress-type=xz", "--pkgorigins", "--simple-md-filenames")
	assert.Equal(t, []string{"primary", "filelists", "other", "group", "origin"}, typesIn(t, out))
	for _, name := range []string{"primary.xml.xz", "comps.xml.xz", "pkgorigins.gz"} {
		assert.FileExists(t, filepath.Join(out, "repodata", name))
	}
	assert.Empty(t, one.Requests("repodata/*.{sqlite,zck}*"))
	assert.Empty(t, one.Requests("repodata/*productid*"), "what is not used is not fetched")

	s.ok("mergerepo", "-r", withUser+"/", "-r", two.URL, "-o", out)
	assert.Equal(t, []string{one.URL + " Packages/a/a-1-1.noarch.rpm", two.URL + " Packages/b/b-1-1.noarch.rpm", one.URL + " Packages/z/z-1-1.noarch.rpm"}, mergedLocations(t, out), "no password")
	s.ok("mergerepo", "-r", withUser, "-r", two.URL, "-o", out, "--repo-prefix-search="+one.URL, "--repo-prefix-replace=/srv")
	assert.Equal(t, "file:///srv Packages/a/a-1-1.noarch.rpm", mergedLocations(t, out)[0])
	s.ok("mergerepo", "-r", withUser, "-o", out, "--repo-prefix-search=http://", "--repo-prefix-replace=https://")
	assert.Equal(t, strings.Replace(one.URL, "http:", "https:", 1)+" Packages/a/a-1-1.noarch.rpm", mergedLocations(t, out)[0])
	s.run("mergerepo", "-r", withUser, "-o", out, "--repo-prefix-search=ftp:", "--repo-prefix-replace=").ended(0, says("--repo-prefix-search", "no repository"))

	// Whatever goes wrong is one line, without the password, and changes nothing.
	before := listTree(t, out)
	require.NotEmpty(t, before)
	for _, c := range []struct {
		glob  string
		fault testrepo.Fault
		says  []string
	}{
		{"repodata/repomd.xml", testrepo.Status(404), says(one.URL+"/repodata/repomd.xml", "404")},
		{"repodata/repomd.xml", testrepo.HTML(), says(one.URL+"/repodata/repomd.xml", "<!DOCTYPE")},
		{"repodata/*-primary.xml.zst", testrepo.Status(404), says("-primary.xml.zst", "404")},
		{"repodata/*-primary.xml.zst", testrepo.Content("x", []byte("y")), says("-primary.xml.zst", "has 1 bytes, and repomd.xml says")},
		{"repodata/*-filelists.xml.zst", testrepo.Corrupt(20), says("-filelists.xml.zst", "has the checksum", "and repomd.xml says")},
		{"repodata/*-comps.xml.gz", testrepo.Status(403), says("-comps.xml", "403")},
	} {
		one.On(c.glob, c.fault)
		if c.glob == "repodata/*-comps.xml.gz" {
			one.On("repodata/*-comps.xml", c.fault)
		}
		o := s.run("mergerepo", "-r", two.URL, "-r", withUser, "-o", out)
		o.ended(statusFailed, c.says)
		assert.NotContains(t, o.stderr, "secret")
		assert.Equal(t, before, listTree(t, out), c.glob)
		one.Repair()
	}
	s.run("mergerepo", "-r", strings.Replace(one.URL, "://", "://user:wrong@", 1), "-o", out).ended(statusFailed, says("401"))
	s.run("mergerepo", "-r", "ftp://host/x", "-o", out).ended(statusFailed, says("ftp://host/x", "file, http or https"))
	assert.Equal(t, before, listTree(t, out))
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "gorepo-*", "*"))
	require.NoError(t, err)
	for _, file := range left {
		data, _ := os.ReadFile(file)
		assert.NotContains(t, string(data), "a-1-1.noarch", "what was fetched is gone")
	}
}

func TestMergerepoFromDirectories(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	write := func(dir string, o testrepo.Options, nevras ...string) {
		var packages []*testrepo.Package
		for _, nevra := range nevras {
			packages = append(packages, testrepo.Fake(nevra, 10))
		}
		testrepo.Render(o, packages...).WriteTo(t, s.path(dir))
	}
	update := func(id string) []byte { return fmt.Appendf(nil, "<updates><update><id>%s</id></update></updates>", id) }
	write("one", testrepo.Options{
		Comps: []byte("<comps><group><id>g</id><packagelist><packagereq>a</packagereq></packagelist></group></comps>"), Modules: []byte("---\ndocument: x\n"), Updates: update("1"),
	}, "a-1-1.noarch", "a-2-1.noarch")
	write("two", testrepo.Options{
		Comps: []byte("<comps><group><id>g</id><packagelist><packagereq>b</packagereq></packagelist></group></comps>"), Modules: []byte("---\ndocument: y\n"), Updates: update("2"),
	}, "a-3-1.noarch", "b-1-1.x86_64")
	out := t.TempDir()
	args := []string{"mergerepo", "-r", s.path("one"), "-r", s.path("two"), "-o", out}
	s.ok(args...)
	records := func() map[string]string {
		m, _, err := metadataIn(out).repomd()
		require.NoError(t, err)
		all := map[string]string{}
		for _, r := range m.Data {
			data, err := metadataIn(out).record(r)
			require.NoError(t, err)
			all[r.Type] = string(data)
		}
		return all
	}
	r := records()
	assert.Contains(t, r["group"], "<packagereq>a</packagereq>  <packagereq>b</packagereq>")
	assert.Equal(t, "---\ndocument: x\n...\n---\ndocument: y\n...\n", r["modules"])
	assert.Contains(t, r["updateinfo"], "<id>1</id></update>\n  <update><id>2</id>")
	locations := []string{"file://" + s.path("one") + " Packages/a/a-2-1.noarch.rpm", "file://" + s.path("two") + " Packages/b/b-1-1.x86_64.rpm"}
	assert.Equal(t, locations, mergedLocations(t, out))

	// The generation before stays for one more, and the user's files for ever.
	putFile(t, "mine", out, "repodata", "mine.txt")
	first, _, err := metadataIn(out).repomd()
	require.NoError(t, err)
	s.ok(append(args, "--nogroups", "--noupdateinfo", "--omit-baseurl")...)
	assert.Equal(t, []string{"primary", "filelists", "other", "modules"}, typesIn(t, out))
	assert.Equal(t, []string{"Packages/a/a-2-1.noarch.rpm", "Packages/b/b-1-1.x86_64.rpm"}, mergedLocations(t, out))
	for _, rec := range first.Data {
		assert.FileExists(t, filepath.Join(out, rec.Location.Href))
	}
	assert.FileExists(t, filepath.Join(out, "repodata", "mine.txt"))

	groups := putFile(t, "<comps><group><id>mine</id></group></comps>", t.TempDir(), "comps.xml")
	s.ok(append(args, "-g", groups, "--nogroups")...)
	assert.Contains(t, records()["group"], "<id>mine</id>")
	assert.NoFileExists(t, filepath.Join(out, first.Data[3].Location.Href), "those groups are of two generations ago")
	s.run(append(args, "-g", putFile(t, "<html/>", t.TempDir(), "x"))...).ended(statusFailed, says("the root is <html>"))

	// A repository may be merged into itself.
	s.ok("mergerepo", "-r", s.path("two"), "-r", s.path("one"), "-o", s.path("two"))
	assert.Equal(t, []string{"file://" + s.path("two") + " Packages/a/a-3-1.noarch.rpm", "file://" + s.path("two") + " Packages/b/b-1-1.x86_64.rpm"}, mergedLocations(t, s.path("two")))

	before := listTree(t, out)
	for name, says := range map[string][]string{
		"primary":    says(s.path("one"), "primary"),
		"filelists":  says(s.path("one"), "filelists"),
		"other":      says(s.path("one"), "other"),
		"modules":    says(s.path("one"), "modules"),
		"updateinfo": says(s.path("one"), "updateinfo"),
		"comps":      says(s.path("one"), "comps"),
	} {
		found, err := filepath.Glob(s.path("one", "repodata", "*-"+name+".*"))
		require.NoError(t, err)
		require.Len(t, found, 1)
		data := mustRead(t, found[0])
		for _, damaged := range [][]byte{nil, data[:len(data)/2], append([]byte("x"), data[1:]...)} {
			require.NoError(t, os.Remove(found[0]))
			if damaged != nil {
				require.NoError(t, os.WriteFile(found[0], damaged, 0o644))
			}
			s.run(args...).ended(statusFailed, says)
			assert.Equal(t, before, listTree(t, out), name)
			require.NoError(t, os.WriteFile(found[0], data, 0o644))
		}
	}
	s.run(append(args, "-k", "--simple", "--blocked="+groups)...).ended(0, says("--blocked does nothing"))

	// mergerepo_c's lock, and the mirror's own repositories.
	require.NoError(t, os.Mkdir(filepath.Join(out, ".repodata"), 0o755))
	s.run(args...).ended(statusFailed, says(".repodata", "createrepo_c"))
	up := testrepo.New(t, testrepo.Options{}, testrepo.Fake("a-1-1.noarch", 10))
	s.configure(section("base", up))
	s.ok("sync")
	s.run("mergerepo", "-r", s.path("one"), "-o", s.path("base")).ended(statusFailed, says("repository of the mirror", "--outputdir"))
}

// TestCreaterepoUpdateFromServer: entries of metadata on a server save reading
// the packages.
func TestCreaterepoUpdateFromServer(t *testing.T) {
	t.Parallel()
	s := packageDir(t, hello212, chrono)
	s.ok("createrepo", s.path("base"), "-o", s.path("base"))
	files := map[string][]byte{}
	for name := range s.files("base", "repodata") {
		files["repodata/"+name] = s.read("base", "repodata", name)
	}
	up := testrepo.Files(t, testrepo.Options{}, files)
	out := t.TempDir()
	args := []string{"createrepo", "--update", "--update-md-path", up.URL, "-o", out, s.path("base")}
	assert.Zero(t, s.runJSON(args...).Read)
	assert.Equal(t, mergedLists(t, s.path("base")), mergedLists(t, out))

	up.On("repodata/*-filelists*", testrepo.Corrupt(30))
	for _, f := range []string{"repodata", ".gorepo"} {
		require.NoError(t, os.RemoveAll(filepath.Join(out, f)))
	}
	s.run(args...).ended(0, says("--update-md-path", "not used", up.URL, "has the checksum"))
	assert.Equal(t, mergedLists(t, s.path("base")), mergedLists(t, out))

	up.Forget()
	s.ok("createrepo", "--update-md-path", up.URL, "-o", t.TempDir(), s.path("base"))
	assert.Empty(t, up.Requests("**"), "without --update it is not for anything")
}

// TestMergerepoSignedWithDigests: filelists-ext of all repositories, under a
// signature.
func TestMergerepoSignedWithDigests(t *testing.T) {
	t.Parallel()
	s := packageDir(t, hello212)
	s.write(rpms(t, chrono)[0].Data, "other", "chrono.rpm")
	out := filepath.Join(t.TempDir(), "merged")
	key, err := filepath.Abs("../../testdata/keys/rsa.sec")
	require.NoError(t, err)
	args := []string{"mergerepo", "-r", s.path("base"), "-r", s.path("other"), "-o", out, "--filelists-ext", "--sign-key", key}
	s.ok("createrepo", "--filelists-ext", s.path("base"))
	s.ok("createrepo", s.path("other"))
	s.run(args...).ended(1, says(s.path("other"), "filelists-ext"))
	assert.NoFileExists(t, filepath.Join(out, "repodata", "repomd.xml"))

	s.ok("createrepo", "--filelists-ext", "--update", s.path("other"))
	s.ok(args...)
	assert.Equal(t, []string{"primary", "filelists", "other", "filelists-ext"}, typesIn(t, out))
	m, _, err := metadataIn(out).repomd()
	require.NoError(t, err)
	data, err := metadataIn(out).record(m.Data[3])
	require.NoError(t, err)
	assert.Contains(t, string(data), `packages="2"`)
	assert.Contains(t, string(data), ` hash="`)
	assert.FileExists(t, filepath.Join(out, "repodata", "repomd.xml.asc"))
	assert.FileExists(t, filepath.Join(out, "repodata", "repomd.xml.key"))
}
