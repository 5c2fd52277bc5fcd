package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// A localUpstream is an upstream in a directory of this machine.
type localUpstream struct {
	*testrepo.Upstream
	dir string
}

func newLocalUpstream(t *testing.T, packages ...*testrepo.Package) localUpstream {
	t.Helper()
	up := localUpstream{testrepo.Render(testrepo.Options{}, packages...), filepath.Join(t.TempDir(), "re po")}
	up.WriteTo(t, up.dir)
	return up
}

// times are the mtimes of all its files, in nanoseconds, and their sizes.
func (up localUpstream) times(t *testing.T) map[string]stat {
	t.Helper()
	found := map[string]stat{}
	require.NoError(t, filepath.WalkDir(up.dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			found[path] = statOf(t, path)
		}
		return err
	}))
	return found
}

// linked counts the packages of a repository that are upstream's files.
func (s *site) linked(up localUpstream, id string) int {
	s.t.Helper()
	n := 0
	for _, name := range s.packages(id) {
		here, err := os.Stat(s.path(id, name))
		require.NoError(s.t, err)
		if there, err := os.Stat(filepath.Join(up.dir, name)); err == nil && os.SameFile(here, there) {
			n++
		}
	}
	return n
}

// Packages of a directory of this machine are its files, and what is done to the
// mirror is not done to them.
func TestSyncLocal(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello210, hello212, chrono, rich)
	for _, form := range []string{"file://", ""} {
		up := newLocalUpstream(t, packages...)
		at := form + strings.ReplaceAll(up.dir, " ", "%20")
		if form == "" { // a list is split at blanks
			up.dir = strings.ReplaceAll(up.dir, " ", "_")
			up.WriteTo(t, up.dir)
			at = up.dir
		}
		s := newSite(t, "[base]\nbaseurl="+at+"\n")
		before := up.times(t)
		s.ok("sync", "--delete")
		s.ok("createrepo", "--update")
		assert.Equal(t, 4, s.linked(up, "base"))
		locations, _ := s.whole("base")
		assert.Len(t, locations, 4)
		s.ok("sync", "--delete")
		assert.Equal(t, before, up.times(t))

		// The next night upstream is written again, in place: a package under
		// its old name, one less, one more, and one has got another time only.
		same := *packages[2]
		same.FileTime += 100
		changed := variant(packages[0], "changed", 100)
		changed.Location = packages[0].Href()
		up.Replace(changed)
		up.Replace(&same)
		require.Equal(t, 1, up.Remove("rich-*"))
		require.NoError(t, os.Remove(filepath.Join(up.dir, packages[3].Href())))
		up.Add(rpms(t, weak)...)
		up.Render()
		up.WriteTo(t, up.dir)
		before = up.times(t)
		s.ok("sync", "--delete", "--force-delete")
		s.ok("createrepo", "--update")
		s.ok("sync", "--delete", "--force-delete")
		s.ok("createrepo", "--update")
		assert.Equal(t, before, up.times(t))
		locations, _ = s.whole("base")
		assert.Len(t, locations, 4)
		assert.GreaterOrEqual(t, s.linked(up, "base"), 3)
		for _, name := range locations {
			fi, err := os.Stat(filepath.Join(up.dir, name))
			require.NoError(t, err)
			assert.LessOrEqual(t, fi.Sys().(*syscall.Stat_t).Nlink, uint64(2), "no name is left behind")
		}
	}
}

// Files that are not to be shared are copied: another time, others may write,
// another file system.
func TestSyncLocalCopies(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello210, hello212, chrono)
	up := newLocalUpstream(t, packages...)
	require.NoError(t, os.Chmod(filepath.Join(up.dir, packages[0].Href()), 0o666))
	later := time.Unix(1_650_000_000, 0)
	require.NoError(t, os.Chtimes(filepath.Join(up.dir, packages[1].Href()), later, later))
	// A link inside of the directory leads to a file that is as good.
	require.NoError(t, os.Rename(filepath.Join(up.dir, packages[2].Href()), filepath.Join(up.dir, "pool")))
	require.NoError(t, os.Symlink("../pool", filepath.Join(up.dir, packages[2].Href())))
	before := up.times(t)
	base := "[base]\nbaseurl=file://" + strings.ReplaceAll(up.dir, " ", "%20") + "\n"
	s := newSite(t, base)
	s.ok("sync")
	assert.Equal(t, 1, s.linked(up, "base"), "the one that is reached by a link inside")
	for _, name := range s.packages("base") {
		fi, err := os.Lstat(s.path("base", name))
		require.NoError(t, err)
		assert.True(t, fi.Mode().IsRegular())
	}
	s.ok("createrepo")
	locations, _ := s.whole("base")
	assert.Len(t, locations, 3)
	assert.Equal(t, before, up.times(t))

	elsewhere := newSite(t, base)
	smallDisk(t, elsewhere, 32<<20)
	elsewhere.ok("sync")
	assert.Zero(t, elsewhere.linked(up, "base"))
	elsewhere.ok("createrepo")
	locations, _ = elsewhere.whole("base")
	assert.Len(t, locations, 3)
	assert.Equal(t, before, up.times(t))
}

// What is wrong in a directory is as wrong as what comes from a server.
func TestSyncLocalDamaged(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello210, hello212, chrono)
	up := newLocalUpstream(t, packages...)
	data := packages[0].Data
	damaged := append([]byte("x"), data[1:]...)
	path := filepath.Join(up.dir, packages[0].Href())
	at := time.Unix(packages[0].FileTime, 0)
	require.NoError(t, os.WriteFile(path, damaged, 0o644))
	require.NoError(t, os.Chtimes(path, at, at))
	require.NoError(t, os.Truncate(filepath.Join(up.dir, packages[1].Href()), 100))
	s := newSite(t, "[base]\nbaseurl=file://"+strings.ReplaceAll(up.dir, " ", "%20")+"\n")
	o := s.run("sync")
	assert.Equal(t, statusUntrusted, o.status, o.stderr)
	assert.Equal(t, hrefs(packages[2]), s.packages("base"))
	assert.Contains(t, o.stderr, packages[0].Href())
	assert.Contains(t, o.stderr, packages[1].Href())
	assert.Equal(t, damaged[:4], mustRead(t, path)[:4])
}
