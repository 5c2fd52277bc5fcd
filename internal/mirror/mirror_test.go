package mirror

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	m, err := Open(filepath.Join(dir, "later"))
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, "later"), m.Root())
	assert.NoDirExists(t, m.Root(), "nothing is created before something is written")

	_, err = Open("")
	require.Error(t, err)
	write(t, filepath.Join(dir, "file"), "")
	_, err = Open(filepath.Join(dir, "file"))
	oneLine(t, err, "file", "not a directory")

	t.Chdir(dir)
	m, err = Open("relative")
	require.NoError(t, err)
	assert.True(t, filepath.IsAbs(m.Root()))
}

func TestRepoIDs(t *testing.T) {
	m, err := Open(t.TempDir())
	require.NoError(t, err)
	for _, id := range []string{"base", "rhel-9-for-x86_64-baseos-rpms", "a.b:c", "c++", "repodata"} {
		_, err := m.Repo(id, RepoOptions{})
		assert.NoError(t, err, id)
	}
	for _, id := range []string{"", ".", "..", ".gorepo", "a/b", "/etc", `a\b`, "a\x00", "a\nb", string(make([]byte, 300))} {
		_, err := m.Repo(id, RepoOptions{})
		assert.Error(t, err, "%q", id)
	}
}

func TestRepoDirs(t *testing.T) {
	root := t.TempDir()
	m, err := Open(root)
	require.NoError(t, err)
	elsewhere := t.TempDir()
	for dir, want := range map[string]string{
		"":        filepath.Join(root, "base"),
		".":       root,
		"el9/x":   filepath.Join(root, "el9", "x"),
		elsewhere: elsewhere,
	} {
		r, err := m.Repo("base", RepoOptions{Dir: dir})
		require.NoError(t, err)
		assert.Equal(t, want, r.Dir())
		assert.Equal(t, "base", r.ID())
		unlock, err := r.Lock(t.Context(), 0)
		require.NoError(t, err)
		bring(t, r, "Packages/a.rpm", "a "+dir)
		assert.Equal(t, "a "+dir, read(t, filepath.Join(want, "Packages", "a.rpm")))
		require.NoError(t, unlock())
		require.NoError(t, r.Close())
		require.NoError(t, r.Close(), "closing twice is well")
	}
}

// Reading a repository that is not there creates nothing and finds nothing.
func TestReadingCreatesNothing(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	m, err := Open(root)
	require.NoError(t, err)
	r, err := m.Repo("base", RepoOptions{})
	require.NoError(t, err)
	_, ok, err := r.Stat("a.rpm")
	require.NoError(t, err)
	assert.False(t, ok)
	ok, err = r.Verify(t.Context(), ref("a.rpm", "x"), nil)
	require.NoError(t, err)
	assert.False(t, ok)
	s, warning := r.State()
	require.NoError(t, warning)
	assert.Equal(t, State{}, s)
	_, err = r.Upstream()
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = r.Root()
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, r.Remove("a.rpm"))
	require.NoError(t, r.Touch(ref("a.rpm", "x")))
	for p, err := range r.Packages(t.Context()) {
		t.Fatal("a package in nothing", p, err)
	}
	freed, err := r.CleanPartial(nil, 0)
	require.NoError(t, err)
	assert.Zero(t, freed)
	require.NoError(t, r.Close())
	assert.NoDirExists(t, root)
}

// ROOT/ID may be the administrator's link to a bigger disk.
func TestRepoDirIsLink(t *testing.T) {
	root, disk := t.TempDir(), t.TempDir()
	require.NoError(t, os.Symlink(disk, filepath.Join(root, "base")))
	m, err := Open(root)
	require.NoError(t, err)
	r, err := m.Repo("base", RepoOptions{})
	require.NoError(t, err)
	unlock, err := r.Lock(t.Context(), 0)
	require.NoError(t, err)
	bring(t, r, "Packages/a.rpm", "a")
	assert.Equal(t, "a", read(t, filepath.Join(disk, "Packages", "a.rpm")))
	s, err := NewStaging(r.Dir())
	require.NoError(t, err)
	require.NoError(t, s.Write("repomd.xml", []byte("1")))
	_, err = s.Publish(t.Context(), PublishOptions{})
	require.NoError(t, err)
	assert.Equal(t, "1", read(t, filepath.Join(disk, "repodata", "repomd.xml")))
	require.NoError(t, r.Flush())
	require.NoError(t, r.Close())
	require.NoError(t, unlock())
}
