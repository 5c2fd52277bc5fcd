//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// mediaSet is three volumes with two packages each, one of which is in two.
func mediaSet(t testing.TB) (dir string) {
	t.Helper()
	dir = t.TempDir()
	const rpms = peerTestdata + "/rpms/"
	for _, at := range []string{
		"a/weak-1.0-1.noarch.rpm", "a/unicode-1.0-13.noarch.rpm", "b/chrono-0.9-3.noarch.rpm", "b/sub/rich-1.0-1.noarch.rpm",
		"c/weak-1.0-1.noarch.rpm", "c/hello-2.12-1.noarch.rpm",
	} {
		copyPackage(t, rpms+filepath.Base(at), dir, at)
	}
	return dir
}

func TestSplitBesideCreaterepoC(t *testing.T) {
	t.Parallel()
	needAll(t, "createrepo_c")
	dir := mediaSet(t)
	volumes := func(names string) (dirs []string) {
		for _, v := range strings.Fields(names) {
			dirs = append(dirs, filepath.Join(dir, v))
		}
		return dirs
	}
	list := putFile(t, "sub/rich-1.0-1.noarch.rpm\nweak-1.0-1.noarch.rpm\n", t.TempDir(), "list")
	same := [][]string{says("/c/weak-1.0-1.noarch.rpm: ", "/a/weak-1.0-1.noarch.rpm")}
	for _, tt := range []struct {
		volumes, flags string
		same           [][]string
	}{
		{"a b c", "", same},
		{"a c", "-x hello*", same},
		{"b a", "", nil},
		{"a", "", nil},
		{"a b", "-u http://example.com/x/", nil},
		{"a b", "-u /srv/x", nil},
		{"a b", "--location-prefix P --cut-dirs 1", nil},
		{"a b c", "-i " + list, same},
		{"a b", "-n sub/rich-1.0-1.noarch.rpm -S", nil},
	} {
		t.Run(strings.ReplaceAll(tt.volumes+" "+strings.ReplaceAll(tt.flags, list, "LIST"), "/", "|"), func(t *testing.T) {
			theirs, ours := t.TempDir(), t.TempDir()
			args := append(append([]string{"--split"}, strings.Fields(tt.flags)...), volumes(tt.volumes)...)
			createrepoC(t, append([]string{"-o", theirs}, args...)...)
			s := newSite(t)
			run := func(more ...string) {
				t.Helper()
				s.run(append(append([]string{"createrepo", "-o", ours}, more...), args...)...).ended(0, tt.same...)
				requireSameMetadata(t, theirs, ours, comparison{})
			}
			run()
			read := filepath.Join(t.TempDir(), "read")
			run("--update", "--read-pkgs-list", read)
			assert.Empty(t, mustRead(t, read))
		})
	}

	t.Run("update", func(t *testing.T) {
		s, ours, theirs := newSite(t), t.TempDir(), t.TempDir()
		update := func(names string) (read string) {
			t.Helper()
			list := filepath.Join(t.TempDir(), "read")
			o := s.run(append([]string{"createrepo", "--split", "--update", "-q", "--read-pkgs-list", list, "-o", ours}, volumes(names)...)...)
			require.Equal(t, 0, o.status, o.stderr)
			createrepoC(t, append([]string{"--split", "--update", "-o", theirs}, volumes(names)...)...)
			requireSameMetadata(t, theirs, ours, comparison{mixed: true})
			return string(mustRead(t, list))
		}
		assert.Equal(t, 4, strings.Count(update("a b"), "\n"))
		assert.Empty(t, update("a b"))
		assert.Equal(t, "hello-2.12-1.noarch.rpm\nweak-1.0-1.noarch.rpm\n", update("a b c"))
		assert.Equal(t, "unicode-1.0-13.noarch.rpm\nweak-1.0-1.noarch.rpm\nchrono-0.9-3.noarch.rpm\nsub/rich-1.0-1.noarch.rpm\n", update("b a"), "other numbers")
		s.run(append([]string{"createrepo", "--split", "--update", "--recycle-pkglist", "-o", ours}, volumes("b a")...)...).ended(0)
	})

	t.Run("in the first", func(t *testing.T) {
		s := newSite(t)
		dir := mediaSet(t)
		s.runAs("createrepo_c", "--split", "--basedir", dir, "a", "b").ended(0)
		assert.FileExists(t, dir+"/a/repodata/repomd.xml")
		assert.NoDirExists(t, dir+"/b/repodata")
		a, b := dir+"/a", dir+"/b"
		s.runAs("createrepo_c", a, b).ended(1, says("one directory", "--split"))
		s.runAs("createrepo_c", "--split").ended(1, says("directory"))
		s.run("createrepo", "--split").ended(64, says("--split"))
		s.run("createrepo", "--split", a, dir+"/none").ended(1, says(dir+"/none: there is no such directory"))
		s.run("createrepo", "--split", a, b, "-n", "none.rpm").ended(2, says("a/none.rpm: left out"))
		s.run("createrepo", "--split", b, b+"/sub").ended(1, says("b/sub", "within another"))
		s.run("createrepo", "--split", b, b+"/.").ended(1, says("or the same"))
		mirrored := newSite(t, section("m", testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)))
		mirrored.ok("sync")
		s.run("createrepo", "--split", a, mirrored.path("m")).ended(1, says("repository of the mirror"))
		require.NoError(t, os.WriteFile(b+"/bad.rpm", []byte("x"), 0o644))
		s.run("createrepo", "--split", a, b).ended(2, says("/b/bad.rpm: left out"))
	})
}
