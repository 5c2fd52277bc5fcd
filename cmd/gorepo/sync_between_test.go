package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// TestCopyEnds: who has no copy of upstream's metadata made any more has createrepo
// make metadata, though upstream has nothing new.
func TestCopyEnds(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212, chrono)...)
	s := newSite(t, section("base", up))
	s.ok("sync", "--download-metadata")
	s.ok("sync")
	assert.Equal(t, "complete", s.summary("createrepo").Outcome)
}

// TestFailedSyncBetween: a sync with another selection that failed in between is
// not taken for the last one.
func TestFailedSyncBetween(t *testing.T) {
	t.Parallel()
	up := trimUpstream(t, testrepo.Options{})
	s := newSite(t, section("base", up))
	s.ok("sync", "-x", "weak")
	up.On("**/weak-*.rpm", testrepo.Status(404))
	s.run("sync").ended(statusPartial, says("weak"))
	s.ok("sync", "-x", "weak")
	s.ok("createrepo")
	_, records := s.whole("base")
	assert.NotContains(t, records["group"], ">weak<", "clients are not told of what is not there")
}

// TestPlacesChange: where packages are to lie is a part of what is wanted.
func TestPlacesChange(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, poolPackage(t, rich, "../pool/rich.rpm"))
	s := newSite(t, section("base", up))
	s.ok("sync")
	require.FileExists(t, s.path("base/pool/rich.rpm"))
	s.run("sync", "base", "--safe-write-path", s.root).ended(statusOK, says("1 packages lie outside"))
	assert.FileExists(t, s.path("pool/rich.rpm"))
}

// TestRottenUpstreamEntries: that createrepo can do without upstream's metadata does
// not mean that the next sync can.
func TestRottenUpstreamEntries(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212, chrono)...)
	s := newSite(t, section("base", up))
	s.ok("sync")
	primary := one(t, s.path(".gorepo", "base", "upstream", "*primary*"))
	right, err := os.ReadFile(primary)
	require.NoError(t, err)
	rot(t, primary)
	s.run("createrepo", "--update").ended(statusOK, says("not used again"))
	s.ok("sync")
	now, err := os.ReadFile(primary)
	require.NoError(t, err)
	assert.Equal(t, right, now)
}

// nestedAt is a repository inside an upstream's tree, whose packages are elsewhere
// in it.
func nestedAt(t testing.TB, name, location string) *testrepo.Package {
	p := *rpms(t, name)[0]
	p.Location = location
	return &p
}

// TestNestedFailureDeletesNothing: of a repository inside that does not come whole
// nothing is taken for superfluous.
func TestNestedFailureDeletesNothing(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
	putTree(t, up, ".treeinfo", treeText(t, "el7"))
	ha, rs := "addons/HighAvailability", "addons/ResilientStorage"
	putNested(up, ha, rpms(t, rich)...)
	there, missing := nestedAt(t, weak, "../../Packages/there.rpm"), nestedAt(t, tide64, "../../Packages/missing.rpm")
	putNested(up, rs, there, missing)
	up.On("**/missing.rpm", testrepo.Status(404))
	s := newSite(t, section("base", up, "treeinfo=1", "delete=1", "max_delete=100%"))
	s.run("sync").ended(statusPartial, says("missing.rpm"), says(rs, "nothing is deleted"), says(rs, "not published"), says("nothing is deleted", rs, "did not come whole"))
	assert.FileExists(t, s.path("base/Packages/there.rpm"))
}

// TestNestedTakesOver: what was to be deleted stays when a repository inside comes to
// name it.
func TestNestedTakesOver(t *testing.T) {
	t.Parallel()
	own := rpms(t, hello210, hello212, chrono)
	up := testrepo.New(t, testrepo.Options{}, own...)
	s := newSite(t, section("base", up, "delete=1", "max_delete=100%"))
	s.ok("sync")
	s.ok("createrepo")
	up.Remove(own[2].NEVRA())
	up.Put(own[2].Href(), own[2].Data)
	up.Render()
	s.ok("sync") // condemned, and named by what is published
	require.Contains(t, s.packages("base"), own[2].Href())
	s.configure(section("base", up, "treeinfo=1", "delete=1", "max_delete=100%"))
	putTree(t, up, ".treeinfo", treeText(t, "el7"))
	ha, rs := "addons/HighAvailability", "addons/ResilientStorage"
	putNested(up, ha, rpms(t, rich)...)
	putNested(up, rs, nestedAt(t, chrono, "../../"+own[2].Href()))
	for _, p := range numbered(t, 3, "more", "1") { // each makes another generation
		s.ok("sync")
		s.ok("createrepo", "--update")
		s.whole("base/" + rs)
		up.Add(p)
		up.Render()
	}
}

// TestNestedSparesOuter: a repository inside does not delete what the one around it
// has there.
func TestNestedSparesOuter(t *testing.T) {
	t.Parallel()
	ha, rs := "addons/HighAvailability", "addons/ResilientStorage"
	inside := *rpms(t, chrono)[0]
	inside.Location = ha + "/chrono.rpm"
	inside.Path = inside.Location
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)[0], &inside)
	putTree(t, up, ".treeinfo", treeText(t, "el7"))
	putNested(up, ha, rpms(t, rich)...)
	putNested(up, rs, rpms(t, weak)...)
	s := newSite(t, section("base", up, "treeinfo=1", "delete=1", "max_delete=100%"))
	for range 3 {
		s.ok("sync")
		s.ok("createrepo", "--update")
		locations, _ := s.whole("base")
		assert.Contains(t, locations, inside.Location)
		s.whole("base/" + ha)
	}
}

// TestTwoMetadata: with a copy of upstream's metadata elsewhere, a package stays for as
// long as either place names it or did so one generation ago.
func TestTwoMetadata(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) (s *site, up *testrepo.Upstream, md, gone string) {
		gone = rpms(t, rich)[0].Href()
		up = testrepo.New(t, testrepo.Options{}, rpms(t, hello212, rich)...)
		s = newSite(t, section("base", up))
		md = filepath.Join(s.dir, "md")
		s.ok("sync", "--download-metadata", "--delete", "--metadata-path", md)
		s.ok("createrepo")
		up.Remove(gone)
		up.Render()
		return s, up, md, gone
	}
	t.Run("generation before", func(t *testing.T) {
		t.Parallel()
		s, up, md, gone := setup(t)
		s.ok("sync", "--download-metadata", "--delete", "--metadata-path", md)
		s.ok("createrepo", "--update")
		for range 2 { // the copy has new generations, the other metadata has not
			up.Render()
			s.ok("sync", "--download-metadata", "--delete", "--metadata-path", md)
		}
		assert.Contains(t, s.packages("base"), gone)
		s.ok("createrepo", "--update", "--revision", "1")
		assert.NotContains(t, s.packages("base"), gone)
	})
	t.Run("generation before of the copy", func(t *testing.T) {
		t.Parallel()
		s, _, md, gone := setup(t)
		s.ok("sync", "--download-metadata", "--delete", "--metadata-path", md)
		for _, revision := range []string{"1", "2", "3"} {
			s.ok("createrepo", "--update", "--revision", revision)
		}
		assert.Contains(t, s.packages("base"), gone)
	})
	t.Run("copy that cannot be made", func(t *testing.T) {
		t.Parallel()
		s, _, md, gone := setup(t)
		require.NoError(t, os.Mkdir(filepath.Join(md, "base", ".repodata"), 0o755)) // createrepo_c's lock
		s.run("sync", "--download-metadata", "--delete", "--metadata-path", md)
		for _, revision := range []string{"1", "2", "3"} {
			s.ok("createrepo", "--update", "--revision", revision)
		}
		assert.Contains(t, s.packages("base"), gone)
	})
}

// TestTrimFailedOnce: what could not be cut down once is when it can be.
func TestTrimFailedOnce(t *testing.T) {
	t.Parallel()
	up := trimUpstream(t, testrepo.Options{})
	s := newSite(t, section("base", up))
	s.ok("sync", "-x", "weak")
	rot(t, one(t, s.path(".gorepo", "base", "upstream", "*primary*")))
	s.run("createrepo", "--update")
	assert.Contains(t, s.records("base")["group"], ">weak<", "nobody knows what upstream has")
	s.ok("sync", "-x", "weak")
	s.ok("createrepo", "--update")
	assert.NotContains(t, s.records("base")["group"], ">weak<")
	assert.Equal(t, "unchanged", s.summary("createrepo", "--update").Outcome)
}

// TestNestedInNested: a repository inside one that is inside is not the middle one's.
func TestNestedInNested(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)[0])
	up.Put(".treeinfo", []byte("[general]\nfamily = x\n[addon-a]\nrepository = a\n[addon-b]\nrepository = a/b\n"))
	putNested(up, "a", rpms(t, rich)...)
	putNested(up, "a/b", rpms(t, weak)...)
	s := newSite(t, section("base", up, "treeinfo=1", "delete=1", "max_delete=100%"))
	s.ok("sync")
	up.Forget()
	s.ok("sync")
	assert.Empty(t, up.Requests("**/*.rpm"))
	s.whole("base/a")
	s.whole("base/a/b")
}

// TestNestedForgottenState: an addon goes as a whole, also if the state was lost that
// tells of it.
func TestNestedForgottenState(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)[0])
	up.Put(".treeinfo", []byte("[general]\nfamily = x\n[addon-a]\nrepository = a\n"))
	putNested(up, "a", rpms(t, rich)...)
	s := newSite(t, section("base", up, "treeinfo=1", "delete=1", "max_delete=100%"))
	s.ok("sync")
	require.NoError(t, os.Remove(s.path(".gorepo/base/state.json")))
	up.Put(".treeinfo", []byte("[general]\nfamily = x\n"))
	s.ok("sync")
	assert.NoDirExists(t, s.path("base/a"))
	assert.NoDirExists(t, s.path(".gorepo/base/nested/a"))
}

// TestRottenComps: groups that have rotted are brought again by the sync that writes
// them out.
func TestRottenComps(t *testing.T) {
	t.Parallel()
	groups := mustRead(t, "../../testdata/comps.xml")
	up := testrepo.New(t, testrepo.Options{Comps: groups}, rpms(t, hello212)...)
	s := newSite(t, section("base", up))
	s.ok("sync", "-m")
	rot(t, one(t, s.path(".gorepo", "base", "upstream", "*comps*")))
	s.ok("sync", "-m")
	assert.Equal(t, groups, s.read("base", "comps.xml"))
}

// TestUnknownTreeDeletesNothing: while nobody knows what lies inside, the packages of
// an addon that never came whole are not superfluous.
func TestUnknownTreeDeletesNothing(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
	up.Put(".treeinfo", []byte("[general]\nfamily = x\n[addon-a]\nrepository = a\n"))
	there, missing := nestedAt(t, weak, "../Packages/there.rpm"), nestedAt(t, tide64, "../Packages/missing.rpm")
	putNested(up, "a", there, missing)
	up.On("**/missing.rpm", testrepo.Status(404))
	s := newSite(t, section("base", up, "treeinfo=1", "delete=1", "max_delete=100%", "retries=1"))
	s.run("sync")
	require.FileExists(t, s.path("base/Packages/there.rpm"))
	up.On("*treeinfo", testrepo.Status(403))
	s.run("sync").ended(statusPartial, says("treeinfo"), says("nothing is deleted", "not known"))
	assert.FileExists(t, s.path("base/Packages/there.rpm"))
}
