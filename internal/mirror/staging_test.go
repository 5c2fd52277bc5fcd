package mirror

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func staging(t *testing.T, dir string) *Staging {
	t.Helper()
	s, err := NewStaging(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Discard()) })
	return s
}

func TestStaging(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(t.TempDir(), "comps.xml")
	write(t, source, "comps")
	s := staging(t, dir)
	assert.Equal(t, filepath.Join(dir, ".repodata-gorepo"), s.Dir())

	f, err := s.Create("tmp")
	require.NoError(t, err)
	_, err = f.WriteString("primary")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NoError(t, s.Rename("tmp", "1-primary.xml"))
	require.NoError(t, s.Link(source, "comps.xml"))
	require.NoError(t, s.Write("repomd.xml", []byte("repomd")))
	require.NoError(t, s.Write("wrong", nil))
	require.NoError(t, s.Remove("wrong"))
	list, err := s.Names()
	require.NoError(t, err)
	assert.Equal(t, []string{"1-primary.xml", "comps.xml", "repomd.xml"}, list)
	assert.Equal(t, "primary", read(t, s.Path("1-primary.xml")))

	_, err = s.Create("repomd.xml")
	require.ErrorIs(t, err, fs.ErrExist)
	require.ErrorIs(t, s.Link(source, "repomd.xml"), fs.ErrExist)
	require.ErrorIs(t, s.Link(filepath.Join(dir, "missing"), "x"), fs.ErrNotExist)
	for _, bad := range []string{"", "..", "../x", "/tmp/x", "a/b", ".hidden"} {
		_, err := s.Create(bad)
		var le *LocationError
		require.ErrorAs(t, err, &le)
		require.ErrorAs(t, s.Write(bad, nil), &le)
		require.ErrorAs(t, s.Link(source, bad), &le)
		require.ErrorAs(t, s.Rename("repomd.xml", bad), &le)
		require.ErrorAs(t, s.Rename(bad, "x"), &le)
		require.ErrorAs(t, s.Remove(bad), &le)
		require.ErrorAs(t, s.SetTime(bad, time.Now()), &le)
	}
	require.NoError(t, s.Discard())
	require.NoError(t, s.Discard(), "twice is well")
	assert.Empty(t, names(t, dir))
}

// The time of a published file is its own, also when it shares its bytes.
func TestStagingSetTime(t *testing.T) {
	source := filepath.Join(t.TempDir(), "comps.xml")
	write(t, source, "comps")
	before, err := os.Stat(source)
	require.NoError(t, err)
	s := staging(t, t.TempDir())
	require.NoError(t, s.Link(source, "tmp"))
	require.NoError(t, s.Rename("tmp", "comps.xml"))
	require.NoError(t, s.Write("repomd.xml", []byte("x")))
	at := time.Unix(fileTime, 0)
	for _, name := range []string{"comps.xml", "repomd.xml", "comps.xml"} {
		require.NoError(t, s.SetTime(name, at))
		fi, err := os.Stat(s.Path(name))
		require.NoError(t, err)
		assert.Equal(t, at, fi.ModTime())
	}
	assert.Equal(t, "comps", read(t, s.Path("comps.xml")))
	after, err := os.Stat(source)
	require.NoError(t, err)
	assert.Equal(t, before.ModTime(), after.ModTime())
	require.ErrorIs(t, s.SetTime("missing", at), fs.ErrNotExist)
	list, err := s.Names()
	require.NoError(t, err)
	assert.Equal(t, []string{"comps.xml", "repomd.xml"}, list)
}

func TestStagingCleansUpAfterCrash(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, ".repodata-gorepo", "half", "x"), "x")
	write(t, filepath.Join(dir, ".repodata-gorepo", "1-primary.xml"), "half")
	s := staging(t, dir)
	list, err := s.Names()
	require.NoError(t, err)
	assert.Empty(t, list)
}

func TestStagingRefuses(t *testing.T) {
	dir := t.TempDir()
	_, err := NewStaging(filepath.Join(dir, "missing"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	write(t, filepath.Join(dir, "file"), "")
	_, err = NewStaging(filepath.Join(dir, "file"))
	oneLine(t, err, "file", "not a directory")

	write(t, filepath.Join(dir, "a", "repodata"), "x")
	_, err = NewStaging(filepath.Join(dir, "a"))
	oneLine(t, err, "a/repodata", "not a directory")

	require.NoError(t, os.MkdirAll(filepath.Join(dir, "b"), 0o755))
	require.NoError(t, os.Symlink("nothing", filepath.Join(dir, "b", "repodata")))
	_, err = NewStaging(filepath.Join(dir, "b"))
	oneLine(t, err, "b/repodata", "symbolic link to nothing")

	require.NoError(t, os.MkdirAll(filepath.Join(dir, "c", ".repodata"), 0o755))
	_, err = NewStaging(filepath.Join(dir, "c"))
	var other *OtherToolError
	require.ErrorAs(t, err, &other)
	oneLine(t, err, filepath.Join(dir, "c", ".repodata"), "createrepo_c", "remove")
	assert.Equal(t, []string{".repodata"}, names(t, filepath.Join(dir, "c")))

	require.NoError(t, os.MkdirAll(filepath.Join(dir, "d"), 0o755))
	require.NoError(t, os.Symlink("repodata", filepath.Join(dir, "d", "repodata")))
	_, err = NewStaging(filepath.Join(dir, "d"))
	require.Error(t, err, "a link to itself")
}

func TestLinkOrCopy(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	write(t, a, "data")
	at := time.Unix(fileTime, 5)
	require.NoError(t, os.Chtimes(a, at, at))
	require.NoError(t, copyFile(a, b))
	assert.Equal(t, "data", read(t, b))
	fi, err := os.Stat(b)
	require.NoError(t, err)
	assert.Equal(t, at, fi.ModTime())
	require.ErrorIs(t, copyFile(a, b), fs.ErrExist)
	require.ErrorIs(t, linkOrCopy(a, b), fs.ErrExist)
	assert.True(t, errors.Is(copyFile(filepath.Join(dir, "c"), b), fs.ErrNotExist))
	assert.True(t, absent(syscall.ENOTDIR))
}

// TestRemoveStaging: a run that has nothing to publish cleans up too.
func TestRemoveStaging(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	require.NoError(t, RemoveStaging(dir))
	s, err := NewStaging(dir)
	require.NoError(t, err)
	require.NoError(t, s.Write("repomd.xml", nil))
	require.NoError(t, RemoveStaging(dir))
	assert.Empty(t, names(t, dir))

	require.NoError(t, os.Mkdir(filepath.Join(elsewhere, "md"), 0o755))
	require.NoError(t, os.Symlink(filepath.Join(elsewhere, "md"), filepath.Join(dir, "repodata")))
	_, err = NewStaging(dir)
	require.NoError(t, err)
	require.Len(t, names(t, elsewhere), 2)
	require.NoError(t, RemoveStaging(dir))
	assert.Equal(t, []string{"md"}, names(t, elsewhere))
	require.Error(t, RemoveStaging(filepath.Join(dir, "none")))
}
