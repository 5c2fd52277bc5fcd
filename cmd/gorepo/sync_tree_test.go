package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/httpserve"
	"gorepo/internal/testrepo"
	"gorepo/internal/treeinfo"
)

// treeText is a real tree's treeinfo. The checksums in it are those of the files'
// own paths.
func treeText(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "internal", "treeinfo", "testdata", name+".treeinfo"))
	require.NoError(t, err)
	return string(data)
}

// putTree has an upstream show an installation tree.
func putTree(t testing.TB, up *testrepo.Upstream, name, text string) {
	t.Helper()
	tree, err := treeinfo.Parse([]byte(text))
	require.NoError(t, err)
	for _, f := range tree.Files {
		if !strings.Contains(f.Path, "repodata/") {
			up.Put(f.Path, []byte(f.Path))
		}
	}
	up.Put(name, []byte(text))
}

// putNested has it show a repository in a directory.
func putNested(up *testrepo.Upstream, dir string, packages ...*testrepo.Package) {
	inner := testrepo.Render(testrepo.Options{}, packages...)
	for _, name := range inner.Paths() {
		if !strings.HasSuffix(name, ".rpm") {
			up.Put(dir+"/"+name, inner.File(name))
		}
	}
	for _, p := range packages {
		up.Put(dir+"/"+p.Href(), p.Data)
	}
}

// others lists the files of a repository that are no packages and no metadata of
// its own.
func (s *site) others(id string) []string {
	s.t.Helper()
	var list []string
	for name := range s.files(id) {
		if !strings.HasSuffix(name, ".rpm") && !strings.HasPrefix(name, "repodata/") {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

var el9Files = []string{
	".treeinfo", "images/boot.iso", "images/efiboot.img", "images/install.img", "images/pxeboot/initrd.img", "images/pxeboot/vmlinuz",
}

func TestTree(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello210, hello212)...)
	putTree(t, up, ".treeinfo", treeText(t, "el9"))
	up.Put(".discinfo", []byte("1713132345\n"))
	up.Put("extra_files.json", []byte(`{"data":[{"file":"GPL","checksums":{"sha256":"`+hexOf([]byte("gpl"))+`"},"size":3},{"file":"docs/EULA","size":4}]}`))
	up.Put("GPL", []byte("gpl"))
	up.Put("docs/EULA", []byte("eula"))
	s := newSite(t, section("base", up, "treeinfo=1", "newest_only=1"))
	s.ok("sync")
	all := slices.Sorted(slices.Values(append([]string{".discinfo", "GPL", "docs/EULA", "extra_files.json"}, el9Files...)))
	assert.Equal(t, all, s.others("base"))
	for _, name := range all {
		assert.Equal(t, up.File(name), s.read("base", name), name)
	}

	// A night without changes costs a conditional request for the treeinfo.
	before := s.files("base")
	up.Forget()
	assert.Equal(t, "unchanged", s.summary("sync").Outcome)
	requests := up.Requests("**")
	require.Len(t, requests, 2, "repomd.xml and .treeinfo")
	for _, r := range requests {
		assert.Equal(t, http.StatusNotModified, r.Status, r.Path)
	}
	assert.Equal(t, before, s.files("base"))

	// The metadata says nothing of them, and createrepo leaves them alone.
	s.ok("createrepo")
	locations, _ := s.whole("base")
	assert.Len(t, locations, 1)
	assert.Equal(t, all, s.others("base"))

	// Without the state they are read, and those of which nothing tells what they
	// should be are fetched.
	require.NoError(t, os.RemoveAll(s.path(".gorepo")))
	up.Forget()
	s.ok("sync")
	assert.Empty(t, up.Requests("images/**"))
	assert.Len(t, up.Requests("docs/EULA"), 1)

	// What somebody removed or changed comes back.
	require.NoError(t, os.Remove(s.path("base", "GPL")))
	s.write([]byte("changed"), "base", "images/pxeboot/vmlinuz")
	up.Forget()
	s.ok("sync")
	assert.Equal(t, all, s.others("base"))
	assert.Equal(t, "images/pxeboot/vmlinuz", string(s.read("base", "images/pxeboot/vmlinuz")))
	assert.Len(t, up.Requests("images/**"), 1)

	// What is out of sight is not gone, and what failed is asked for again.
	up.Put(".treeinfo", []byte(treeText(t, "el9")+"\n# changed\n"))
	up.On("extra_files.json", testrepo.Status(http.StatusForbidden))
	up.On("GPL", testrepo.HTML())
	s.ok("sync", "--delete")
	assert.Equal(t, all, s.others("base"))
	up.Repair()
	up.Put("extra_files.json", bytes.ReplaceAll(up.File("extra_files.json"), []byte(hexOf([]byte("gpl"))), []byte(hexOf([]byte("new")))))
	s.run("sync", "--delete").ended(statusUntrusted, says("GPL", "sha256"))
	assert.Equal(t, all, s.others("base"))
	up.Put("GPL", []byte("new"))
	s.ok("sync", "--delete")
	assert.Equal(t, "new", string(s.read("base", "GPL")))

	// What upstream has no more is left, and not asked for when it goes.
	up.Delete(".discinfo")
	up.Put(".treeinfo", []byte(treeText(t, "el9")+"\n# once more\n"))
	s.ok("sync")
	assert.Equal(t, all, s.others("base"))
	require.NoError(t, os.Remove(s.path("base", ".discinfo")))
	up.Forget()
	s.ok("sync")
	assert.Empty(t, up.Requests(".discinfo"))
	up.Put(".discinfo", []byte("again"))
	up.Put(".treeinfo", []byte(treeText(t, "el9")))
	s.ok("sync")

	// It is what an installer finds.
	served, err := httpserve.New(httpserve.Options{Root: s.root})
	require.NoError(t, err)
	for _, name := range all {
		w := httptest.NewRecorder()
		served.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/base/"+name, nil))
		assert.Equal(t, http.StatusOK, w.Code, name)
		assert.Equal(t, string(up.File(name)), w.Body.String(), name)
	}
}

// TestTreeChanges: clients see one tree or the other.
func TestTreeChanges(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello210)...)
	first := treeText(t, "el9")
	putTree(t, up, "treeinfo", first) // a server that hides hidden files
	up.On(".treeinfo", testrepo.Status(http.StatusForbidden))
	s := newSite(t, section("base", up))
	s.ok("sync", "--treeinfo")
	require.Contains(t, s.others("base"), "treeinfo")
	link := filepath.Join(s.dir, "linked")
	require.NoError(t, os.Link(s.path("base", "images/install.img"), link))

	next := strings.ReplaceAll(first, hexOf([]byte("images/install.img")), hexOf([]byte("new")))
	next = strings.ReplaceAll(next, "images/efiboot.img", "images/efi.img")
	next = strings.ReplaceAll(next, hexOf([]byte("images/efiboot.img")), hexOf([]byte("images/efi.img")))
	up.Put("treeinfo", []byte(next))
	up.Put("images/efi.img", []byte("images/efi.img"))

	before := s.files("base")
	o := s.run("sync", "--treeinfo") // install.img is still the old one there
	o.ended(statusUntrusted, says("images/install.img", "sha256"), says("the installation tree stays as it was", "images/install.img"))
	assert.Equal(t, before, s.files("base"), "nothing of the new tree is shown")

	up.Put("images/install.img", []byte("new"))
	up.Forget()
	up.On("images/**", testrepo.Then(func() { assert.Equal(t, before, s.files("base"), "nothing of it before all is there") }))
	s.ok("sync", "--treeinfo")
	assert.Len(t, up.Requests("images/**"), 1, "the other file was here already")
	assert.Equal(t, next, string(s.read("base", "treeinfo")))
	assert.Equal(t, "new", string(s.read("base", "images/install.img")))
	linked, err := os.ReadFile(link)
	require.NoError(t, err)
	assert.Equal(t, "images/install.img", string(linked), "files are replaced, not written to")

	assert.Contains(t, s.others("base"), "images/efiboot.img")
	s.write([]byte("mine"), "base", "images", "mine.img")
	s.ok("sync", "--treeinfo", "--delete")
	assert.NotContains(t, s.others("base"), "images/efiboot.img")
	assert.Contains(t, s.others("base"), "images/mine.img", "only what gorepo brought is removed")

	// The tree goes away upstream: that is a failure, and nothing is removed.
	up.Repair()
	up.Delete("treeinfo")
	before = s.files("base")
	s.run("sync", "--treeinfo", "--delete").ended(statusPartial, says("neither .treeinfo nor treeinfo"))
	assert.Equal(t, before, s.files("base"))
}

// TestTreeFaults: what is wrong with a file is said of it, and the rest comes.
func TestTreeFaults(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T, name string) (*testrepo.Upstream, *site) {
		up := testrepo.New(t, testrepo.Options{}, rpms(t, hello210)...)
		putTree(t, up, ".treeinfo", treeText(t, name))
		return up, newSite(t, section("base", up, "treeinfo=1"))
	}
	t.Run("a file is missing", func(t *testing.T) {
		up, s := start(t, "el9")
		up.Delete("images/boot.iso")
		s.run("sync").ended(statusPartial, says("images/boot.iso", "404"))
		assert.Contains(t, s.others("base"), ".treeinfo")
		assert.NotContains(t, s.others("base"), "images/boot.iso")
		s.run("sync").ended(statusPartial, says("images/boot.iso", "404")) // and is asked for again
	})
	t.Run("an HTML page for the treeinfo", func(t *testing.T) {
		up, s := start(t, "el9")
		up.On(".treeinfo", testrepo.HTML())
		s.run("sync").ended(statusPartial, says(".treeinfo", "HTML page"))
		assert.Empty(t, s.others("base"))
		assert.Len(t, s.packages("base"), 1, "the packages are there")
	})
	t.Run("an HTML page for an image", func(t *testing.T) {
		up, s := start(t, "el9")
		up.On("images/install.img", testrepo.HTML())
		s.run("sync").ended(statusUntrusted, says("images/install.img"))
		assert.NotContains(t, s.others("base"), "images/install.img")
	})
	t.Run("no checksums", func(t *testing.T) {
		up, s := start(t, "el5")
		up.Put("images/stage2.img", []byte("stage2"))
		up.Put("EULA", []byte("eula"))
		up.Put("RPM-GPG-KEY-CentOS-5", []byte("key"))
		up.On("GPL", testrepo.HTML())
		up.On("images/boot.iso", testrepo.HTML())
		up.Put("images/xen/vmlinuz", nil)
		s.run("sync").ended(statusUntrusted, says("images/boot.iso", "HTML page"), says("images/xen/vmlinuz", "is empty"))
		want := []string{
			".treeinfo", "EULA", "RPM-GPG-KEY-CentOS-5", "images/pxeboot/initrd.img", "images/pxeboot/vmlinuz", "images/stage2.img", "images/xen/initrd.img",
		}
		assert.Equal(t, want, s.others("base"))
		up.Repair()
		up.Put("images/xen/vmlinuz", []byte("xen"))
		up.Forget()
		s.ok("sync", "--delete")
		assert.Len(t, up.Requests("images/**"), 2)
		assert.Equal(t, slices.Sorted(slices.Values(append(want, "images/boot.iso", "images/xen/vmlinuz"))), s.others("base"))
	})
	t.Run("hostile paths", func(t *testing.T) {
		up, s := start(t, "el9")
		sum := " = sha256:" + hexOf([]byte("x")) + "\n"
		text := "[general]\nfamily = X\n[checksums]\n"
		paths := []string{"../outside", "/etc/x", "a/../../x", ".gorepo/state", ".hidden", "a/.treeinfo", "x.rpm", "http//x/../..", "dir/", "a\\b"}
		for _, p := range paths {
			text += p + sum
		}
		text += "repodata/evil.xml" + sum + "sub/repodata/repomd.xml" + sum + "good" + sum
		text += "[variant-A]\nrepository = a/../..\n[variant-B]\nrepository = /etc\n[variant-C]\nrepository = .gorepo\n[variant-D]\nrepository = ../other\n"
		up.Put(".treeinfo", []byte(text))
		up.Put("good", []byte("x"))
		o := s.run("sync")
		assert.Equal(t, statusPartial, o.status)
		for _, p := range append(paths, ".gorepo\"") {
			assert.Contains(t, o.stderr, strings.ReplaceAll(p, `\`, `\\`))
		}
		assert.Len(t, o.lines(), len(paths)+1)
		assert.Equal(t, []string{".treeinfo", "good"}, s.others("base"))
		entries, err := os.ReadDir(s.root)
		require.NoError(t, err)
		assert.Len(t, entries, 2, "base and .gorepo")
	})
	t.Run("more than a tree has", func(t *testing.T) {
		up, s := start(t, "el9")
		up.Put(".treeinfo", bytes.Repeat([]byte("#\n"), 1<<20))
		s.run("sync").ended(statusUntrusted, says(".treeinfo", "1048576"))
	})
	t.Run("none", func(t *testing.T) {
		up := testrepo.New(t, testrepo.Options{}, rpms(t, hello210)...)
		s := newSite(t, section("base", up, "treeinfo=1"))
		s.run("sync").ended(statusOK, says("neither .treeinfo nor treeinfo"))
	})
	t.Run("interrupted", func(t *testing.T) {
		up, s := start(t, "el9")
		s.ok("sync")
		before := s.files("base")
		text := treeText(t, "el9")
		for _, name := range el9Files[1:] {
			text = strings.ReplaceAll(text, hexOf([]byte(name)), hexOf([]byte("new "+name)))
			up.Put(name, []byte("new "+name))
		}
		up.Put(".treeinfo", []byte(text))
		ctx, cancel := context.WithCancel(t.Context())
		up.On("images/install.img", func(x *testrepo.Exchange) {
			cancel()
			testrepo.Stall(2)(x)
		})
		o := s.runContext(ctx, "sync")
		assert.Equal(t, statusInterrupted, o.status)
		assert.Equal(t, before, s.files("base"))
		up.Repair()
		s.ok("sync")
		for _, name := range el9Files {
			assert.Equal(t, up.File(name), s.read("base", name))
		}
		partial, err := os.ReadDir(s.path(".gorepo/base/partial"))
		require.NoError(t, err)
		assert.Empty(t, partial, "nothing is left of it")
	})
	t.Run("bytes resume", func(t *testing.T) {
		up, s := start(t, "el9")
		big := testrepo.Bytes("boot", 300_000)
		text := strings.ReplaceAll(treeText(t, "el9"), hexOf([]byte("images/boot.iso")), hexOf(big))
		up.Put(".treeinfo", []byte(text))
		up.Put("images/boot.iso", big)
		up.On("images/boot.iso", testrepo.Truncate(200_000)).Times(1)
		up.On("images/boot.iso", testrepo.Status(http.StatusServiceUnavailable)).Times(1)
		s.run("sync").ended(statusPartial, says("images/boot.iso"))
		up.Repair()
		up.Forget()
		s.ok("sync")
		requests := up.Requests("images/boot.iso")
		require.Len(t, requests, 1)
		assert.Equal(t, "bytes=200000-", requests[0].Range)
		assert.Equal(t, big, s.read("base", "images/boot.iso"))
	})
}

// TestTreeNested: addons inside the tree come with packages and metadata of their
// own, whatever the selection, and are not the outer repository's.
func TestTreeNested(t *testing.T) {
	t.Parallel()
	own := rpms(t, hello210, hello212, chrono)
	up := testrepo.New(t, testrepo.Options{}, own...)
	putTree(t, up, ".treeinfo", treeText(t, "el7"))
	ha, rs := "addons/HighAvailability", "addons/ResilientStorage"
	up.Put("repodata/x", nil)
	putNested(up, ha, rpms(t, rich, weak)...)
	shared := *own[2] // its metadata names a package of the outer one
	shared.Location = "../../" + own[2].Href()
	elsewhere := *rpms(t, tide64)[0]
	elsewhere.Location = "../../Packages/extra.rpm"
	putNested(up, rs, &shared, &elsewhere)
	s := newSite(t, section("base", up, "treeinfo=1", "newest_only=1", "delete=1", "max_delete=100%"))
	s.ok("sync")
	s.ok("createrepo")

	locations, _ := s.whole("base")
	assert.Equal(t, hrefs(own[1], own[2]), locations, "what upstream's own metadata names")
	inner, _ := s.whole("base/" + ha)
	assert.Len(t, inner, 2)
	inner, _ = s.whole("base/" + rs)
	assert.Equal(t, []string{"../../" + own[2].Href(), "../../Packages/extra.rpm"}, inner)
	assert.Equal(t, up.File(ha+"/repodata/repomd.xml"), s.read("base", ha, "repodata/repomd.xml"))

	before := s.files("base")
	up.Forget()
	assert.Equal(t, "unchanged", s.summary("sync").Outcome)
	assert.Len(t, up.Requests("**"), 4+2, "four conditional requests, and one a copy for a signature that was not there")
	s.ok("createrepo", "--update")
	assert.Equal(t, before, s.files("base"), "nothing is deleted")

	// An addon that is broken fails by itself.
	up.Put(ha+"/repodata/repomd.xml", []byte("broken"))
	s.run("sync").ended(statusPartial, says(ha, "repomd.xml"), says("nothing is deleted", ha))
	assert.Equal(t, before, s.files("base"))

	// One that goes away goes with delete, as its packages do.
	text := treeText(t, "el7")
	i := strings.Index(text, "[checksums]")
	up.Put(".treeinfo", []byte(text[i:]))
	s.ok("sync")
	s.ok("createrepo", "--update")
	s.ok("sync")
	assert.Equal(t, hrefs(own[1], own[2]), s.packages("base"))
	assert.NoFileExists(t, s.path("base", ha, "repodata/repomd.xml"))
}

func TestTreeURLs(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello210)...)
	putTree(t, up, ".treeinfo", treeText(t, "el7"))
	putNested(up, "addons/HighAvailability", rpms(t, rich)...)
	putNested(up, "addons/ResilientStorage")
	s := newSite(t, section("base", up, "treeinfo=1"))
	o := s.run("sync", "--urls")
	o.ended(statusOK)
	for _, name := range []string{
		".treeinfo", "images/pxeboot/vmlinuz", "LiveOS/squashfs.img",
		"addons/HighAvailability/" + rpms(t, rich)[0].Href(), "addons/ResilientStorage/repodata/repomd.xml", rpms(t, hello210)[0].Href(),
	} {
		assert.Contains(t, o.stdout, up.URL+"/"+name+"\n")
	}
	assert.NoDirExists(t, s.root)
}

// TestTreeDryRun: a plan names what comes, and changes nothing.
func TestTreeDryRun(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello210)...)
	putTree(t, up, ".treeinfo", treeText(t, "el7"))
	putNested(up, "addons/HighAvailability", rpms(t, rich)...)
	putNested(up, "addons/ResilientStorage")
	s := newSite(t, section("base", up, "treeinfo=1", "delete=1"))
	o := s.run("sync", "--dry-run", "-v")
	o.ended(statusOK)
	assert.NoDirExists(t, s.root)
	assert.Contains(t, o.stdout, "base: installation tree: 6 files to fetch (of known size: ")
	for _, step := range []string{
		"fetch        addons/HighAvailability/" + rpms(t, rich)[0].Href(), "fetch        images/pxeboot/vmlinuz (size not known)", "fetch        .treeinfo (",
	} {
		assert.Contains(t, o.stdout, step)
	}

	s.ok("sync")
	text := strings.ReplaceAll(treeText(t, "el7"), "images/efiboot.img = sha256:"+hexOf([]byte("images/efiboot.img"))+"\n", "")
	up.Put(".treeinfo", []byte(text))
	before := s.files()
	o = s.run("sync", "--dry-run", "-v")
	o.ended(statusOK)
	assert.Equal(t, before, s.files())
	assert.Contains(t, o.stdout, "base: installation tree: 1 files to fetch (of known size: ")
	assert.Contains(t, o.stdout, ", 4 there, 1 to delete\n")
	assert.Contains(t, o.stdout, "base: delete       images/efiboot.img (")
	assert.NotContains(t, o.stdout, "base: leave")
	o = s.run("--json", "sync", "--dry-run")
	assert.Contains(t, o.stdout, `"tree_files":1,`)
	s.ok("sync")
	assert.NoFileExists(t, s.path("base", "images/efiboot.img"))
}

// TestTreeOfMirrors: a tree comes from mirrors as packages do, also where one of
// them lacks it; what has no checksum comes from one of them.
func TestTreeOfMirrors(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello210)
	lacking, having, other := testrepo.New(t, testrepo.Options{}, packages...), testrepo.New(t, testrepo.Options{}, packages...), testrepo.New(t, testrepo.Options{}, packages...)
	putTree(t, having, ".treeinfo", treeText(t, "el5"))
	list := testrepo.Files(t, testrepo.Options{}, map[string][]byte{"list": testrepo.Mirrorlist(lacking.URL, having.URL, other.URL)})
	s := newSite(t, "[base]\ntreeinfo=1\nmirrorlist="+list.URL+"/list\n")
	s.ok("sync")
	assert.Contains(t, s.others("base"), "images/pxeboot/vmlinuz")
	assert.Empty(t, lacking.Requests("images/**"))
	assert.Empty(t, other.Requests("images/**"))

	for _, up := range []*testrepo.Upstream{lacking, having, other} {
		putTree(t, up, ".treeinfo", treeText(t, "el9"))
		up.Forget()
	}
	lacking.Delete("images/install.img")
	having.On("images/install.img", testrepo.Corrupt(3))
	o := s.run("sync", "--delete")
	require.Equal(t, statusOK, o.status, o.stderr) // if it had delivered nothing yet, it is left out, and that is said
	assert.Equal(t, el9Files, s.others("base"))
	before := s.files("base")
	for _, up := range []*testrepo.Upstream{lacking, having, other} {
		up.Forget()
	}
	s.ok("sync")
	assert.Equal(t, before, s.files("base"))
	sum := 0
	for _, up := range []*testrepo.Upstream{lacking, having, other} {
		sum += len(up.Requests("**"))
	}
	assert.Equal(t, 2, sum, "repomd.xml and .treeinfo")
}

// TestTreeTrust: the packages of an addon are checked as the others are.
func TestTreeTrust(t *testing.T) {
	t.Parallel()
	sign := signWith(t, "rsa")
	up := testrepo.New(t, testrepo.Options{Sign: sign}, rpms(t, signed)...)
	text := treeText(t, "el7")
	text = text[:strings.Index(text, "[addon-ResilientStorage]")] + text[strings.Index(text, "[checksums]"):]
	putTree(t, up, ".treeinfo", text)
	ha := "addons/HighAvailability"
	putNested(up, ha, rpms(t, rich)...)
	s := newSite(t, section("base", up, "treeinfo=1", "gpgcheck=1", "repo_gpgcheck=1", "gpgkey="+keyFile(t, rsaKey)))
	s.run("sync").ended(statusUntrusted, says(ha, "no repomd.xml.asc"))
	assert.Contains(t, s.others("base"), ".treeinfo")
	assert.Equal(t, hrefs(rpms(t, signed)...), s.packages("base"))

	up.Put(ha+"/repodata/repomd.xml.asc", sign(up.File(ha+"/repodata/repomd.xml")))
	s.run("sync").ended(statusUntrusted, says(ha, rpms(t, rich)[0].Href(), "not signed"), says("not published"))
	assert.NoFileExists(t, s.path("base", ha, "repodata/repomd.xml"))

	putNested(up, ha, rpms(t, signed)...)
	up.Put(ha+"/repodata/repomd.xml.asc", sign(up.File(ha+"/repodata/repomd.xml")))
	s.ok("sync")
	s.whole("base/" + ha)
}

// TestTreeOfDirectory: a medium that is mounted has a tree, and repositories in it.
func TestTreeOfDirectory(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello210)
	up := testrepo.Render(testrepo.Options{}, packages...)
	putTree(t, up, ".treeinfo", treeText(t, "el7"))
	putNested(up, "addons/HighAvailability", rpms(t, rich)...)
	shared := *packages[0]
	shared.Location = "../../" + packages[0].Href()
	putNested(up, "addons/ResilientStorage", &shared)
	medium := t.TempDir()
	up.WriteTo(t, medium)
	s := newSite(t, "[base]\ntreeinfo=1\nbaseurl=file://"+medium+"\n")
	s.ok("sync")
	for _, name := range up.Paths() {
		if !strings.HasPrefix(name, "repodata/") {
			assert.Equal(t, up.File(name), s.read("base", name), name)
		}
	}
	before := s.files("base")
	s.ok("sync")
	assert.Equal(t, before, s.files("base"))
	s.ok("createrepo")
	locations, _ := s.whole("base")
	assert.Equal(t, hrefs(packages...), locations)
}
