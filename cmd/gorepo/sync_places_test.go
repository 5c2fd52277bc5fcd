package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// poolPackage is one that upstream's metadata places outside of the repository.
func poolPackage(t testing.TB, name, location string) *testrepo.Package {
	p := rpms(t, name)[0]
	p.Location = location
	p.Path = strings.ReplaceAll(location, "../", "")
	return p
}

// TestOutsideLocations: packages that are to lie outside of the repository lie
// inside, and the metadata that is made here says so.
func TestOutsideLocations(t *testing.T) {
	t.Parallel()
	pool := poolPackage(t, rich, "../../pool/rich.rpm")
	up := testrepo.New(t, testrepo.Options{}, pool, rpms(t, hello212)[0])
	s := newSite(t, section("base", up, "delete=1"))
	s.ok("sync")
	s.ok("createrepo")
	want := []string{rpms(t, hello212)[0].Href(), "pool/rich.rpm"}
	locations, _ := s.whole("base")
	assert.Equal(t, want, locations)

	before := s.files("base")
	up.Forget()
	s.ok("sync")
	s.ok("createrepo", "--update")
	assert.Empty(t, up.Requests("**/*.rpm"))
	assert.Equal(t, before, s.files("base"))

	// Other content of the same size and time is seen all the same.
	for _, filler := range []string{"a", "b", "c"} {
		next := poolPackage(t, rich, "../../pool/rich.rpm")
		next.Data = append(slices.Clone(next.Data), filler...)
		up.Replace(next)
		up.Render()
		s.ok("sync")
		s.ok("createrepo", "--update")
		locations, _ = s.whole("base")
		assert.Equal(t, want, locations)
		assert.Equal(t, next.Data, s.read("base", "pool/rich.rpm"))
	}

	// Two that would lie at one place: the second is left out.
	second := rpms(t, weak)[0]
	second.Location = "pool/rich.rpm"
	second.Path = "elsewhere"
	up.Add(second)
	up.Render()
	s.run("sync").ended(statusPartial, says("pool/rich.rpm: two packages", "weak-1.0-1"), says("nothing is deleted"))
	for _, hostile := range []string{"../../.gorepo/x.rpm", "../repodata/x.rpm", "../x", ".."} {
		up.Replace(func() *testrepo.Package { p := *second; p.Location = hostile; return &p }())
		up.Remove("pool/rich.rpm")
		up.Render()
		s.run("sync").ended(statusPartial, says(hostile), says("nothing is deleted"))
		up.Remove(second.NEVRA())
	}
	_, err := os.Stat(filepath.Join(s.dir, "pool"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestOutsideLocationsCopied: an exact copy names the places outside. They are
// used where somebody allows them, and else the copy is not published.
func TestOutsideLocationsCopied(t *testing.T) {
	t.Parallel()
	pool := poolPackage(t, rich, "../pool/rich.rpm")
	own := rpms(t, hello212)[0]
	up := testrepo.New(t, testrepo.Options{}, pool, own)
	s := newSite(t, section("base", up), section("more", up))
	sync := func(args ...string) outcome {
		return s.run(append([]string{"sync", "base", "--download-metadata"}, args...)...)
	}
	sync().ended(statusPartial, says("names 1 packages outside", "../pool/rich.rpm", "--safe-write-path"), says("not published"))
	assert.NoFileExists(t, s.path("base/repodata/repomd.xml"))
	assert.Equal(t, []string{own.Href()}, s.packages("base"))

	sync("--safe-write-path", s.path("base")).ended(statusPartial, says("1 packages outside"), says("not published"))
	sync("--safe-write-path", s.path("other")).ended(statusFailed, says("does not lie below", s.path("other")))
	s.run("sync", "--download-metadata", "--safe-write-path", s.root).ended(statusUsage, says("--safe-write-path is for a single repository"))

	sync("--safe-write-path", s.root).ended(statusOK)
	locations, _ := s.whole("base")
	assert.Equal(t, []string{"../pool/rich.rpm", own.Href()}, locations)
	assert.Equal(t, pool.Data, s.read("pool/rich.rpm"))
	before, outside := s.files("base"), s.files("pool")
	up.Forget()
	sync("--safe-write-path", s.root, "--delete").ended(statusOK)
	assert.Empty(t, up.Requests("**/*.rpm"))
	assert.Equal(t, before, s.files("base"))
	assert.Equal(t, outside, s.files("pool"))

	// Wrong bytes outside are noticed too.
	s.write(slices.Concat(pool.Data[1:], []byte("x")), "pool/rich.rpm")
	sync("--safe-write-path", s.root).ended(statusOK)
	s.whole("base")

	// Without a copy, createrepo does not see what lies outside.
	s.run("sync", "base", "--safe-write-path", s.root).ended(statusOK, says("1 packages lie outside", "--download-metadata"))
}

// TestXMLBase: packages of another place are stored here, and the metadata that is
// made here says that.
func TestXMLBase(t *testing.T) {
	t.Parallel()
	elsewhere := rpms(t, rich)[0]
	other := testrepo.Files(t, testrepo.Options{}, map[string][]byte{"far/rich.rpm": elsewhere.Data})
	elsewhere.XMLBase, elsewhere.Location, elsewhere.Path = other.URL+"/far/", "rich.rpm", "unused"
	near := rpms(t, chrono)[0]
	near.XMLBase, near.Location, near.Path = "volume2/", "chrono.rpm", "volume2/chrono.rpm"
	up := testrepo.New(t, testrepo.Options{}, elsewhere, near)
	s := newSite(t, section("base", up))
	s.ok("sync")
	s.ok("createrepo")
	locations, records := s.whole("base")
	assert.Equal(t, []string{"chrono.rpm", "rich.rpm"}, locations)
	assert.NotContains(t, records["primary"], "xml:base")
	assert.Len(t, other.Requests("far/rich.rpm"), 1)
	s.ok("sync")
	s.ok("createrepo", "--update")
	assert.Len(t, other.Requests("**"), 1)
}

// TestCopyOfOddRecords: records of a place of their own are where the copied
// metadata says.
func TestCopyOfOddRecords(t *testing.T) {
	t.Parallel()
	other := testrepo.Files(t, testrepo.Options{}, nil)
	up := testrepo.New(t, testrepo.Options{
		Extra: map[string][]byte{"outside": []byte("<outside/>"), "based": []byte("<based/>"), "productid": []byte("cert"), "prestodelta": []byte("<prestodelta/>")},
		DB:    true, Zck: true,
		RecordAt:   map[string]string{"outside": "extra/outside.xml.gz"},
		RecordBase: map[string]string{"based": other.URL + "/x/"},
	}, rpms(t, hello212)...)
	based := up.Metadata("based")
	other.Put("x/"+based, up.File(based))
	s := newSite(t, section("base", up, "download_metadata=1"))
	s.ok("sync")
	assert.Equal(t, up.File("extra/outside.xml.gz"), s.read("base", "extra/outside.xml.gz"))
	for _, name := range up.Paths() {
		if strings.HasPrefix(name, "repodata/") {
			assert.Equal(t, up.File(name), s.read("base", name), name)
		}
	}
	s.write([]byte("mine"), "base", "repodata", "own.txt")

	// It is mended, and replaced; a file of one's own stays.
	s.write([]byte("damaged"), "base", "extra/outside.xml.gz")
	s.ok("sync")
	assert.Equal(t, up.File("extra/outside.xml.gz"), s.read("base", "extra/outside.xml.gz"))
	up.Change(func(o *testrepo.Options) { o.Extra["outside"] = []byte("<changed/>") })
	up.Render()
	other.Put("x/"+up.Metadata("based"), up.File(up.Metadata("based")))
	s.ok("sync")
	assert.Equal(t, up.File("extra/outside.xml.gz"), s.read("base", "extra/outside.xml.gz"))
	assert.Equal(t, "mine", string(s.read("base", "repodata", "own.txt")))

	// One that a copy cannot hold: the one before stays.
	up.Change(func(o *testrepo.Options) { o.RecordAt["outside"] = "../outside.xml.gz" })
	up.Render()
	before := s.files("base")
	s.run("sync").ended(statusPartial, says("upstream's metadata is not published", "outside"))
	assert.Equal(t, before, s.files("base"))
	assert.NoFileExists(t, s.path("outside.xml.gz"))
}

// TestCopySignedLate: some sign repomd.xml after they have published it.
func TestCopySignedLate(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
	s := newSite(t, section("base", up, "download_metadata=1"))
	s.ok("sync")
	up.Put("repodata/repomd.xml.asc", []byte("signature"))
	up.Put("repodata/repomd.xml.key", []byte("key"))
	s.ok("sync")
	assert.Equal(t, "signature", string(s.read("base", "repodata", "repomd.xml.asc")))
	assert.Equal(t, "key", string(s.read("base", "repodata", "repomd.xml.key")))
	up.Forget()
	s.ok("sync")
	assert.Len(t, up.Requests("**"), 1)
}

// TestMetadataPath: upstream's own metadata and comps lie elsewhere, and createrepo
// makes the repository's own beside.
func TestMetadataPath(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{Comps: mustRead(t, "../../testdata/comps.xml")}, rpms(t, hello212, rich)...)
	s := newSite(t, section("base", up))
	md := filepath.Join(s.dir, "md")
	sync := func(args ...string) {
		t.Helper()
		s.ok(append([]string{"sync", "--download-metadata", "-m", "--metadata-path", md}, args...)...)
	}
	sync()
	elsewhere := &site{t: t, dir: s.dir, root: md}
	assert.Equal(t, up.File("repodata/repomd.xml"), elsewhere.read("base", "repodata", "repomd.xml"))
	assert.Equal(t, mustRead(t, "../../testdata/comps.xml"), elsewhere.read("base", "comps.xml"))
	assert.NoDirExists(t, s.path("base/repodata"))
	assert.NoFileExists(t, s.path("base/comps.xml"))
	before := elsewhere.files()
	up.Forget()
	sync()
	assert.Len(t, up.Requests("**"), 1+1, "repomd.xml, and a signature that was not there")
	delete(before, "base/comps.xml") // is written each time
	now := elsewhere.files()
	delete(now, "base/comps.xml")
	assert.Equal(t, before, now)

	s.ok("createrepo")
	locations, _ := s.whole("base")
	assert.Len(t, locations, 2)

	// A package that upstream drops stays as long as either metadata names it.
	gone := rpms(t, rich)[0].Href()
	up.Remove(gone)
	up.Render()
	sync("--delete")
	assert.Contains(t, s.packages("base"), gone)
	s.ok("createrepo", "--update")
	for range 3 {
		up.Render()
		sync("--delete")
		s.ok("createrepo", "--update", "--revision", time.Now().String())
		s.whole("base")
	}
	assert.NotContains(t, s.packages("base"), gone)

	// DIR/ID being the repository's own directory is as if nothing was said.
	s.ok("sync", "--download-metadata", "--metadata-path", s.root)
	assert.Equal(t, up.File("repodata/repomd.xml"), s.read("base", "repodata", "repomd.xml"))
}

// TestRemoteTime: what is no package has the server's time.
func TestRemoteTime(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{Comps: mustRead(t, "../../testdata/comps.xml"), Key: []byte("key"), Sign: func([]byte) []byte { return []byte("sig") }}, rpms(t, hello212)...)
	putTree(t, up, ".treeinfo", treeText(t, "el5"))
	flags := []string{"sync", "-m", "--download-metadata", "--treeinfo"}
	s := newSite(t, section("base", up))
	s.ok(append(flags, "--remote-time")...)
	for name, f := range s.files("base") {
		want := up.Revision()
		if strings.HasSuffix(name, ".rpm") {
			want = rpms(t, hello212)[0].FileTime
		}
		assert.Equal(t, want, time.Unix(0, f.mtime).Unix(), name)
	}
	assert.Greater(t, len(s.files("base")), 10)

	s = newSite(t, section("base", up))
	s.ok(flags...)
	for name, f := range s.files("base") {
		if !strings.HasSuffix(name, ".rpm") {
			assert.Less(t, time.Since(time.Unix(0, f.mtime)), time.Hour, name)
		}
	}
}

// TestUnchangedCopy: of a copy that is whole nothing is read but itself, and an
// installation tree beside it does not change that.
func TestUnchangedCopy(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
	putTree(t, up, ".treeinfo", treeText(t, "el9"))
	s := newSite(t, section("base", up, "download_metadata=1", "treeinfo=1"))
	s.ok("sync")
	stored := one(t, s.path(".gorepo", "base", "upstream", "*primary*"))
	data, err := os.ReadFile(stored)
	require.NoError(t, err)
	fi, err := os.Stat(stored)
	require.NoError(t, err)
	require.NoError(t, os.Remove(stored)) // it is a link to the published one
	require.NoError(t, os.WriteFile(stored, data, 0o644))
	require.NoError(t, os.Chtimes(stored, fi.ModTime(), fi.ModTime()))
	rot(t, stored)
	rotten, err := os.ReadFile(stored)
	require.NoError(t, err)
	s.ok("sync")
	now, err := os.ReadFile(stored)
	require.NoError(t, err)
	assert.Equal(t, rotten, now, "had it been read, it would have been mended")

	require.NoError(t, os.Remove(s.path("base", "images/install.img")))
	s.ok("sync")
	assert.FileExists(t, s.path("base", "images/install.img"))
}
