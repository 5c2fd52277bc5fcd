package main

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// numbered are n packages of one content each, named as rpm names files.
func numbered(t testing.TB, n int, name, version string) []*testrepo.Package {
	t.Helper()
	var list []*testrepo.Package
	for i := range n {
		p := variant(rpms(t, hello212)[0], fmt.Sprintf("%s%02d-%s-1.noarch", name, i, version), 100)
		p.Name, p.Version, p.Release = fmt.Sprintf("%s%02d", name, i), version, "1"
		list = append(list, p)
	}
	return list
}

// An upstream that suddenly shows next to nothing does not empty the mirror,
// night after night, until it is itself again or somebody insists.
func TestDeleteGuard(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"rebuilt", "copied"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			packages := numbered(t, 20, "a", "1")
			up := testrepo.New(t, testrepo.Options{}, packages...)
			keys := []string{"delete=1"}
			if how == "copied" {
				keys = append(keys, "download_metadata=1")
			}
			s := newSite(t, section("base", up, keys...))
			s.ok("sync")
			s.ok("createrepo", "--update")
			for _, p := range packages[2:] {
				require.Equal(t, 1, up.Remove(p.Href()))
			}
			added := rpms(t, chrono)
			up.Add(added...)
			up.Render()
			refused := says("gorepo: base: delete: 18 of 21 packages (85.8 %) would go", "max_delete = 25 %", "nothing is deleted", "--force-delete")
			for night := range 3 {
				same := s.frozen()
				o := s.run("sync", "-q")
				o.ended(2, refused)
				same()
				s.ok("createrepo", "--update")
				assert.Equal(t, hrefs(append(packages, added...)...), s.packages("base"), night)
				locations, _ := s.whole("base")
				if how == "copied" { // it names all or nothing
					assert.Equal(t, hrefs(packages...), locations)
				} else {
					assert.Equal(t, s.packages("base"), locations, "clients go on to see them")
				}
			}
			status, of := s.summaries("sync")
			assert.Equal(t, 2, status)
			assert.Equal(t, "partial", of["base"].Outcome)
			assert.Zero(t, of["base"].Failures, "no package is missing")

			// Upstream recovers.
			up.Add(packages[2:]...)
			up.Render()
			s.ok("sync")
			s.ok("createrepo", "--update")
			locations, _ := s.whole("base")
			assert.Equal(t, hrefs(append(packages, added...)...), locations)

			// It was right after all.
			for _, p := range packages[2:] {
				require.Equal(t, 1, up.Remove(p.Href()))
			}
			up.Render()
			s.ok("sync", "--force-delete")
			s.ok("createrepo", "--update")
			locations, _ = s.whole("base")
			assert.Equal(t, hrefs(packages[0], packages[1], added[0]), locations)
			assert.Len(t, s.packages("base"), 21, "clients may have read the generation before")
			up.Add(rpms(t, rich)...)
			up.Render()
			s.ok("sync") // what is condemned is not counted again
			s.ok("createrepo", "--update")
			s.ok("sync")
			assert.Len(t, s.packages("base"), 4)
		})
	}
}

// An empty upstream deletes nothing, whatever max_delete says.
func TestDeleteGuardEmpty(t *testing.T) {
	t.Parallel()
	packages := numbered(t, 5, "a", "1")
	up := testrepo.New(t, testrepo.Options{}, packages...)
	s := newSite(t, section("base", up, "max_delete=100%"))
	s.ok("sync")
	up.Remove("**")
	up.Render()
	s.run("sync", "--delete").ended(2, says("gorepo: base: delete: upstream has no packages", "all 5", "nothing is deleted", "--force-delete"))
	assert.Len(t, s.packages("base"), 5)
	s.ok("sync", "--delete", "--force-delete")
	assert.Empty(t, s.packages("base"))
}

// What is made new all at once is no deletion, what a new selection leaves out is.
func TestDeleteGuardReplaced(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, numbered(t, 10, "a", "1")...)
	s := newSite(t, section("base", up))
	s.ok("sync")
	up.Add(numbered(t, 10, "a", "2")...)
	up.Render()
	s.ok("sync", "-n", "--delete")
	assert.Equal(t, hrefs(numbered(t, 10, "a", "2")...), s.packages("base"))

	up.Add(numbered(t, 10, "a", "3")...)
	up.Add(numbered(t, 10, "a", "4")...)
	up.Add(numbered(t, 10, "a", "5")...)
	up.Render()
	s.ok("sync")
	s.run("sync", "-n", "--delete").ended(2, says("40 of 50 packages would go, and 30 of them (60 %)", "--force-delete"))
	assert.Len(t, s.packages("base"), 50)
	s.configure(section("base", up, "max_delete=30"))
	s.ok("sync", "-n", "--delete")
	assert.Equal(t, hrefs(numbered(t, 10, "a", "5")...), s.packages("base"))
}

func TestMaxDeleteKey(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
	s := newSite(t, section("base", up, "max_delete=many"))
	s.run("sync").ended(1, says(filepath.Base(s.conf), "max_delete", `"many"`, "percentage"))
	for _, bad := range []string{"-1", "101%", "1.5", "%", "25%%"} {
		s.run("--setopt", "base.max_delete="+bad, "sync").ended(1, says("max_delete", bad))
	}
	for _, good := range []string{"0", "100%", "12.5 %", "7", ""} {
		s.run("--setopt", "base.max_delete="+good, "sync").ended(0)
	}
	s.configure(section("base", up))
	s.run("sync", "--force-delete").ended(64, says("--force-delete", "--delete"))
}
