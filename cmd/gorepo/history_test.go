package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
	"gorepo/internal/rpmpkg"
	"gorepo/internal/testrepo"
)

// history is what is known of base, and must be readable all of it.
func (s *site) history() (list []mirror.Publication) {
	s.t.Helper()
	m, err := mirror.Open(s.root)
	require.NoError(s.t, err)
	repo, err := m.Repo("base", mirror.RepoOptions{})
	require.NoError(s.t, err)
	published, err := repodata.OpenLocal("", s.path("base", "repodata"))
	require.NoError(s.t, err)
	damaged, err := repo.ReadHistory(s.t.Context(), mirror.HistoryOptions{Published: published.Repomd.PrimaryChecksum()}, func(p mirror.Publication) error {
		list = append(list, p)
		return nil
	})
	require.NoError(s.t, err)
	require.Zero(s.t, damaged)
	return list
}

// last is the line of the present generation.
func (s *site) last() mirror.Publication {
	s.t.Helper()
	list := s.history()
	require.NotEmpty(s.t, list)
	p := list[len(list)-1]
	assert.Equal(s.t, hexOf(s.read("base", "repodata", "repomd.xml")), p.Repomd)
	return p
}

func TestHistoryOfPublications(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello210, chrono, rich)
	up := testrepo.New(t, testrepo.Options{}, packages...)
	s := newSite(t, section("base", up, "delete=1", "max_delete=100%"))
	s.ok("sync")
	s.ok("createrepo", "--update")
	first := s.last()
	assert.True(t, first.First)
	assert.Equal(t, 3, first.Packages)
	assert.Empty(t, first.Before)
	assert.Empty(t, first.Added, "all of them came")
	file := s.path(".gorepo", "base", "history")
	was := statOf(t, file)
	s.ok("sync")
	s.ok("createrepo", "--update")
	assert.Equal(t, was, statOf(t, file), "a night without news costs nothing")

	up.Add(rpms(t, hello212, weak)...)
	up.Remove("chrono-*")
	up.Render()
	s.ok("sync")
	s.ok("createrepo", "--update")
	p := s.last()
	assert.False(t, p.First || p.Gap)
	assert.Equal(t, first.Primary, p.Before)
	assert.Equal(t, []string{weak}, p.Added)
	assert.Equal(t, []mirror.Update{{Package: hello212, From: "2.10-1"}}, p.Updated)
	assert.Equal(t, []string{"chrono-2:0.9-3.noarch"}, p.Removed)
	assert.Equal(t, 4, p.Packages)

	// Without --update the packages are the same, and so is what is told of them.
	up.Remove(hello210)
	up.Render()
	s.ok("sync")
	s.ok("createrepo")
	p = s.last()
	assert.Equal(t, []string{hello210}, p.Removed)
	assert.False(t, p.Gap)

	// Built again under the old name and version.
	up.Remove(rich)
	again := variant(rpms(t, rich)[0], "rich-again", 500)
	up.Add(again)
	up.Render()
	s.ok("sync")
	s.ok("createrepo", "--update")
	p = s.last()
	assert.Equal(t, []string{rich}, p.Replaced)
	assert.Equal(t, mirror.Counts{Replaced: 1}, p.Counts)

	// What changes no package is no line of modifyrepo's, and breaks no chain.
	lines := len(s.history())
	comps := s.write(mustRead(t, "../../testdata/comps.xml"), "comps.xml")
	s.ok("modifyrepo", "--mdtype=group", comps, s.path("base", "repodata"))
	assert.Len(t, s.history(), lines)
	up.Remove(weak)
	up.Render()
	s.ok("sync")
	s.ok("createrepo", "--update")
	p = s.last()
	assert.False(t, p.Gap)
	assert.Equal(t, []string{weak}, p.Removed)

	// Another tool's publication is a gap.
	require.NoError(t, os.RemoveAll(s.path("base", "repodata")))
	s.ok("createrepo")
	p = s.last()
	assert.True(t, p.Gap)
	assert.Empty(t, p.Added)
}

// Upstream's own metadata, copied, is a publication as well; and going from one to
// the other.
func TestHistoryOfCopies(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello210, chrono)...)
	s := newSite(t, section("base", up, "download_metadata=1"))
	s.ok("sync")
	p := s.last()
	assert.True(t, p.First)
	assert.Equal(t, 2, p.Packages)
	up.Remove(hello210)
	up.Add(rpms(t, hello212)...)
	up.Render()
	s.ok("sync")
	p = s.last()
	assert.Equal(t, []mirror.Update{{Package: hello212, From: "2.10-1"}}, p.Updated)
	assert.Equal(t, []string{hello210}, p.Superseded)
	s.ok("sync")
	assert.Len(t, s.history(), 2)

	s.configure(section("base", up))
	s.ok("sync")
	s.ok("createrepo", "--update")
	p = s.last()
	assert.False(t, p.Gap)
	assert.Equal(t, []mirror.Update{{Package: hello210, From: "2.12-1"}}, p.Updated, "it lies there still, and nobody wanted it deleted")
}

// A history that cannot be written is no reason not to publish.
func TestHistoryThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello210, chrono)...)
	s := newSite(t, section("base", up))
	s.ok("sync")
	s.ok("createrepo", "--update")
	file := s.path(".gorepo", "base", "history")
	require.NoError(t, os.Rename(file, file+".aside"))
	require.NoError(t, os.Symlink("/dev/full", file))
	up.Add(rpms(t, weak)...)
	up.Render()
	s.ok("sync")
	o := s.run("createrepo", "--update")
	o.ended(statusOK, says("warning", "base", file, "no space left on device"))
	assert.Contains(t, s.listed("base"), weak)

	require.NoError(t, os.Rename(file+".aside", file))
	up.Add(rpms(t, rich)...)
	up.Render()
	s.ok("sync")
	s.ok("createrepo", "--update")
	p := s.last()
	assert.True(t, p.Gap, "something was published of which there is no line")
	assert.Equal(t, []string{rich}, p.Added)
}

// A damaged file that is made anew is no change, and nothing that is not known.
func TestHistoryOfDamage(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello210, chrono)...)
	s := newSite(t, section("base", up))
	damage := func() {
		files, err := filepath.Glob(s.path("base", "repodata", "*-primary.xml.*"))
		require.NoError(t, err)
		for _, f := range files {
			require.NoError(t, os.Truncate(f, 100))
		}
	}
	s.ok("sync")
	s.ok("createrepo", "--update")
	damage()
	s.run("createrepo", "--update").ended(statusOK, says("base", "its entries are not used again"), says("base", "it is made anew"))
	p := s.last()
	assert.False(t, p.Gap)
	assert.Equal(t, mirror.Counts{}, p.Counts)

	damage()
	up.Add(rpms(t, weak)...)
	up.Render()
	s.ok("sync")
	s.run("createrepo", "--update").ended(statusOK, says("base", "its entries are not used again"), says("base", "what has changed is not known"))
	assert.True(t, s.last().Gap)
}

// A plain directory has no history.
func TestNoHistoryOfDirectories(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write(mustRead(t, "../../testdata/rpms/hello-2.12-1.noarch.rpm"), "base", "hello.rpm")
	s.ok("createrepo", s.path("base"))
	assert.NoFileExists(t, s.path(".gorepo", "base", "history"))
	assert.NoDirExists(t, s.path(".gorepo"))
}

// listed are the packages of the published generation.
func (s *site) listed(id string) (list []string) {
	s.t.Helper()
	m, err := repodata.OpenLocal("", s.path(id, "repodata"))
	require.NoError(s.t, err)
	err = m.EachRef(s.t.Context(), func(ref rpmpkg.Ref) error {
		list = append(list, ref.String())
		return nil
	}, func(err error) error { return err })
	require.NoError(s.t, err)
	slices.Sort(list)
	return list
}

// replay tells which packages are there after the lines, of those that were there
// before them.
func replay(packages []string, lines []mirror.Publication) ([]string, error) {
	there := map[string]bool{}
	for _, p := range packages {
		there[p] = true
	}
	for i, l := range lines {
		if l.Gap || l.Truncated {
			return nil, fmt.Errorf("line %d: a gap", i)
		}
		come, gone := slices.Clone(l.Added), slices.Concat(l.Removed, l.Superseded)
		for _, u := range l.Updated {
			come = append(come, u.Package)
		}
		for _, p := range gone {
			if !there[p] {
				return nil, fmt.Errorf("line %d: %s went, and was not there", i, p)
			}
			delete(there, p)
		}
		for _, p := range come {
			if there[p] {
				return nil, fmt.Errorf("line %d: %s came, and was there", i, p)
			}
			there[p] = true
		}
		for _, p := range l.Replaced {
			if !there[p] {
				return nil, fmt.Errorf("line %d: %s was replaced, and was not there", i, p)
			}
		}
		if len(there) != l.Packages {
			return nil, fmt.Errorf("line %d: %d packages, expected %d: %s", i, len(there), l.Packages, strings.Join(gone, " "))
		}
	}
	var list []string
	for p := range there {
		list = append(list, p)
	}
	slices.Sort(list)
	return list, nil
}

func TestHistoryVerb(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello210, rich)...)
	other := testrepo.New(t, testrepo.Options{}, rpms(t, weak)...)
	s := newSite(t, section("base", up, "delete=1", "max_delete=100%"), section("another", other))
	s.run("-v", "history").ended(statusOK, says("base", "nothing is known of publications"), says("another", "nothing is known of publications"))
	s.ok("sync")
	s.ok("createrepo", "--update")
	assert.Regexp(t, `last change +\S+ \S+: first published, with 2 packages\n`, s.run("repolist", "base", "-v").stdout)
	up.Add(rpms(t, hello212, weak)...)
	up.Remove(rich)
	up.Remove(hello210)
	up.Render()
	s.ok("sync")
	s.ok("createrepo", "--update")
	lines := func(args ...string) (list []string) {
		o := s.run(append([]string{"history"}, args...)...)
		o.ended(statusOK)
		for line := range strings.Lines(o.stdout) {
			day, rest, _ := strings.Cut(line, "  ")
			at, err := time.Parse("2006-01-02 15:04", day)
			require.NoError(t, err)
			assert.WithinDuration(t, time.Now(), at, time.Hour)
			list = append(list, strings.Join(strings.Fields(rest), " "))
		}
		return list
	}
	const first = "base first 2 packages, of which none was there before"
	changes := []string{
		"base added weak-1.0-1.noarch", "base updated hello-2.12-1.noarch from 2.10-1", "base removed rich-1.0-1.noarch", "base superseded hello-2.10-1.noarch",
	}
	assert.Equal(t, append([]string{first}, changes...), lines("base"))
	assert.Equal(t, append(append([]string{first}, changes...), "another first 1 package, of which none was there before"), lines())
	assert.Equal(t, []string{first, changes[1], changes[3]}, lines("base", "--name", "hello"))
	assert.Equal(t, []string{first, changes[0], changes[2]}, lines("base", "--name", "[rw]*.noarch"))
	assert.Equal(t, []string{first, changes[1]}, lines("base", "--name", "hello-2.12-1.noarch", "--since", "1h"))
	assert.Equal(t, []string{first}, lines("base", "--name", "unicorn"))
	revision := s.last().Revision
	assert.Equal(t, "base published 2 packages, revision "+revision, lines("base", "-v")[5])
	assert.Empty(t, lines("base", "--since", time.Now().AddDate(0, 0, 1).Format(time.DateOnly)))
	s.run("history", "--since", "yesterday").ended(statusUsage, says("--since", `"yesterday" is no time`))
	s.run("history", "nosuch").ended(statusFailed, says("nosuch"))

	o := s.run("history", "base", "--json", "--name", "hello")
	o.ended(statusOK)
	objects := strings.Split(strings.TrimSuffix(o.stdout, "\n"), "\n")
	require.Len(t, objects, 2)
	var object struct {
		Event, Repo string
		mirror.Publication
	}
	require.NoError(t, json.Unmarshal([]byte(objects[1]), &object))
	assert.Equal(t, "publication base", object.Event+" "+object.Repo)
	assert.Equal(t, mirror.Counts{Added: 1, Updated: 1, Removed: 1, Superseded: 1}, object.Counts)
	assert.Empty(t, object.Added)
	assert.Equal(t, []mirror.Update{{Package: hello212, From: "2.10-1"}}, object.Updated)

	o = s.run("repolist", "base", "-v")
	o.ended(statusOK)
	assert.Regexp(t, `last change +\S+ \S+: 1 added, 1 updated, 1 removed\n`, o.stdout)
	o = s.run("repolist", "base", "--json")
	assert.Contains(t, o.stdout, `"changes":{"added":1,"updated":1,"replaced":0,"removed":1,"superseded":1}`)

	// What was written ahead of a publication that did not take place is not shown.
	file := s.path(".gorepo", "base", "history")
	data := s.read(".gorepo", "base", "history")
	last := s.last()
	ahead := strings.ReplaceAll(string(data), last.Primary, "ahead")
	ahead = ahead[strings.Index(ahead, "\n")+1:]
	require.NoError(t, os.WriteFile(file, []byte(string(data)+strings.ReplaceAll(ahead, `"before":"`+last.Before, `"before":"`+last.Primary)), 0o644))
	assert.Len(t, lines("base"), 5)
	require.NoError(t, os.WriteFile(file, []byte("rubbish\n"+string(data)), 0o644))
	o = s.run("history", "base")
	o.ended(statusOK, says("warning", "base", "1 line of its history cannot be read"))
}
