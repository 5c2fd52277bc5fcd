package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// otherContent is another package in the place of p, with its size and time.
func otherContent(p *testrepo.Package) *testrepo.Package {
	q := *p
	q.Data = append([]byte(nil), p.Data...)
	q.Data[len(q.Data)-1] ^= 1
	return &q
}

// A repository's directory that is given as DIR is the repository still: what a
// sync has put into it under an old size and time is not taken for the old.
func TestRepositoryAsDirectory(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		flat   bool
		dir    func(s *site) string
		aside  bool
		before func(s *site) // createrepo of the repository, before that of DIR
	}{
		{name: "its path", dir: func(s *site) string { return s.path("base") }},
		{name: "a path with dots", dir: func(s *site) string { return s.path("base", "..", "base") + "/" }},
		{name: "a link", dir: func(s *site) string {
			link := filepath.Join(s.dir, "link")
			if err := os.Symlink(s.path("base"), link); !os.IsExist(err) {
				require.NoError(s.t, err)
			}
			return link
		}},
		{name: "norepopath", flat: true, dir: func(s *site) string { return s.root }},
		{name: "outputdir", aside: true, dir: func(s *site) string { return s.path("base") }},
		{
			name: "outputdir after the repository", aside: true, dir: func(s *site) string { return s.path("base") },
			before: func(s *site) { s.ok("createrepo", "--update") },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			packages := rpms(t, hello212, chrono)
			up := testrepo.New(t, testrepo.Options{Extra: map[string][]byte{"strange": []byte("<strange/>")}}, packages...)
			s := newSite(t, section("base", up))
			sync, made := []string{"sync"}, "base"
			if tt.flat {
				sync, made = append(sync, "--norepopath"), "."
			}
			build := func() {
				args := []string{"createrepo", "--update", tt.dir(s)}
				if tt.aside {
					out := filepath.Join(s.dir, "out")
					require.NoError(t, os.MkdirAll(out, 0o755))
					args = append(args, "-o", out)
					// whole looks for the packages beside the metadata.
					if err := os.Symlink(s.path("base", "Packages"), filepath.Join(out, "Packages")); !os.IsExist(err) {
						require.NoError(t, err)
					}
					made = "../out"
				}
				if tt.before != nil {
					tt.before(s)
				}
				s.ok(args...)
			}
			s.ok(sync...)
			build()
			locations, records := s.whole(made)
			assert.Equal(t, hrefs(packages...), locations)
			assert.Equal(t, "<strange/>", records["strange"], "upstream's metadata comes along")

			up.Replace(otherContent(packages[0]))
			up.Render()
			s.ok(sync...)
			build()
			s.whole(made)

			// What is to go is not listed, and stays until nothing names it.
			require.Equal(t, 1, up.Remove(packages[1].Href()))
			up.Render()
			state := s.read(".gorepo", "base", "state.json")
			s.ok(append(sync, "--delete")...)
			if tt.aside {
				state = s.read(".gorepo", "base", "state.json")
				tt.before = nil
			}
			build()
			if tt.aside {
				assert.Equal(t, string(state), string(s.read(".gorepo", "base", "state.json")), "nothing is remembered of what lies aside")
				return
			}
			locations, _ = s.whole(made)
			assert.Equal(t, hrefs(packages[0]), locations)
			assert.FileExists(t, s.path(made, packages[1].Href()), "the generation before names it")
			s.ok(append(sync, "--delete")...)
			assert.FileExists(t, s.path(made, packages[1].Href()), "the generation before names it still")
		})
	}
}

// Several repositories in one ROOT are one directory, of which no state tells
// what has changed.
func TestSeveralInOneDirectory(t *testing.T) {
	t.Parallel()
	one, two := rpms(t, hello212)[0], rpms(t, chrono)[0]
	up1, up2 := testrepo.New(t, testrepo.Options{}, one), testrepo.New(t, testrepo.Options{}, two)
	s := newSite(t, section("one", up1), section("two", up2))
	sync := func() {
		s.ok("sync", "--norepopath", "one")
		s.ok("sync", "--norepopath", "two")
	}
	sync()
	s.ok("createrepo", s.root)
	up1.Replace(otherContent(one))
	up1.Render()
	sync()
	s.run("createrepo", "--update", s.root).ended(0, says("gorepo: "+s.root+": warning: 2 repositories", "every package is read"))
	locations, _ := s.whole(".")
	assert.Equal(t, hrefs(one, two), locations)
}

// A repository that keeps upstream's metadata is left alone under its path, too,
// and can be described elsewhere.
func TestCopyAsDirectory(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
	s := newSite(t, section("base", up))
	s.ok("sync", "--download-metadata")
	same := s.frozen()
	assert.Contains(t, s.run("createrepo", "-v", s.path("base")).stderr, "download_metadata")
	same()
	s.ok("createrepo", s.path("base"), "-o", s.dir)
	same()
	assert.FileExists(t, filepath.Join(s.dir, "repodata", "repomd.xml"))
}
