package catalog

import (
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// quietShelf has one repository, whose catalog is made, and does not run.
func quietShelf(t *testing.T) (s *Shelf, r *shelved, path string) {
	t.Helper()
	root := t.TempDir()
	testrepo.Render(testrepo.Options{}, testrepo.Fake("a-1-1.noarch", 10)).WriteTo(t, filepath.Join(root, "a"))
	made, err := Make(t.Context(), Options{Root: root}, "a", MakeOptions{})
	require.NoError(t, err)
	s = NewShelf(ShelfOptions{Options: Options{Root: root}, Logger: slog.New(slog.DiscardHandler)})
	s.look()
	require.NotNil(t, s.repos["a"].handle)
	return s, s.repos["a"], made.Path
}

// TestNoDescriptors: a catalog that cannot be opened now is not damaged, and a ROOT
// that cannot be read now is not empty.
func TestNoDescriptors(t *testing.T) {
	s, r, path := quietShelf(t)
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	none := limit
	none.Cur = 3
	without := func(f func()) {
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none))
		defer func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)) }()
		_, err := os.Open(path)
		require.ErrorIs(t, err, syscall.EMFILE)
		f()
	}
	without(s.look)
	assert.NotNil(t, s.repos["a"])
	assert.NotNil(t, r.handle)

	_, chosen := s.next()
	require.Same(t, r.handle, chosen)
	without(func() { s.verify(t.Context(), r, chosen) })
	assert.NotNil(t, r.handle)
	require.FileExists(t, path)
	_, chosen = s.next()
	assert.Nil(t, chosen, "it is not tried for ever")

	s.retire(r)
	without(func() { s.openNewest(r) })
	require.FileExists(t, path)
	s.openNewest(r)
	assert.NotNil(t, r.handle)
}

// TestGoneMeanwhile: a catalog that was made of a repository that went meanwhile is
// closed.
func TestGoneMeanwhile(t *testing.T) {
	s, r, path := quietShelf(t)
	c, err := Open(path)
	require.NoError(t, err)
	s.retire(r)
	delete(s.repos, "a")
	s.put(r, &handle{Catalog: c})
	assert.Nil(t, r.handle)
	_, err = c.Named(t.Context(), "a")
	require.Error(t, err, "it is closed")
}

// TestRemovedWhileRead: who reads from a catalog whose file was removed does not take
// the one that was made in its place away.
func TestRemovedWhileRead(t *testing.T) {
	s, r, path := quietShelf(t)
	_, release, _ := s.Get("a")
	require.NoError(t, os.Remove(path))
	s.look()
	require.Nil(t, r.handle)
	s.build(t.Context(), r)
	require.NotNil(t, r.handle)
	release()
	require.FileExists(t, path)
}

// TestLockOfAnother: a lock holds against every user that may write the directory.
func TestLockOfAnother(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lock(dir)
	require.NoError(t, err)
	defer unlock()
	fi, err := os.Stat(filepath.Join(dir, lockName))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o444), fi.Mode().Perm()&0o444, "%s", fi.Mode())
	_, err = lock(dir)
	require.ErrorIs(t, err, errBusy)
}
