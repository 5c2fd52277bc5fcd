package mirror

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/rpmpkg"
)

func TestCheckFile(t *testing.T) {
	for file, want := range map[string]string{
		"images/pxeboot/vmlinuz": "images/pxeboot/vmlinuz", "./images//x": "images/x", ".treeinfo": ".treeinfo", "./.discinfo": ".discinfo", "..x": "",
		"": "", ".": "", "/": "", "/etc/x": "", "../x": "", "a/../x": "", "a/..": "", ".x": "", "a/.treeinfo": "", "a/.b/c": "", ".gorepo/x": "",
		"repodata/x": "", "a/repodata/x": "", "repodata": "", "x.rpm": "", "dir/": "", "a\nb": "", "a\\b": "", "a\xff": "", "http://h/x": "",
		strings.Repeat("a", 256): "", ".treeinfo/": "", ".treeinfo/x": "",
	} {
		got, err := CheckFile(file)
		assert.Equal(t, want, got, file)
		var le *LocationError
		assert.Equal(t, want == "", err != nil, file)
		assert.True(t, err == nil || assert.ErrorAs(t, err, &le), file)
	}
	for dir, want := range map[string]string{
		"addons/HA": "addons/HA", "addons/HA/": "addons/HA", ".": "", "": "", "./": "", "../x": "", "/x": "", ".gorepo": "", "a/repodata": "", ".treeinfo": "",
	} {
		got, err := CheckDir(dir)
		assert.Equal(t, want, got, dir)
		assert.Equal(t, want == "", err != nil, dir)
	}
}

func TestFile(t *testing.T) {
	r := newRepo(t)
	bring := func(want File, data string) error {
		p, err := r.File(t.Context(), want)
		require.NoError(t, err)
		_, err = p.Write([]byte(data))
		require.NoError(t, err)
		p.SetTime(time.Unix(1_600_000_000, 0))
		if err := p.Finish(); err != nil {
			require.NoError(t, p.Keep())
			return err
		}
		return p.Place()
	}
	known := File{Path: "images/x", Size: -1, Checksum: sha("hello")}
	require.NoError(t, bring(known, "hello"))
	info, ok, err := r.StatFile("images/x")
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Equal(t, FileInfo{Size: 5, MTime: 1_600_000_000}, info)
	holds, err := r.Holds(t.Context(), known)
	require.NoError(t, err)
	assert.True(t, holds)
	require.Error(t, bring(known, "other"), "wrong bytes are not placed")
	assert.Equal(t, "hello", read(t, filepath.Join(r.Dir(), "images/x")))

	unknown := File{Path: "images/y", Size: -1}
	p, err := r.File(t.Context(), unknown)
	require.NoError(t, err)
	_, err = p.Write([]byte("half"))
	require.NoError(t, err)
	require.NoError(t, p.Keep())
	p, err = r.File(t.Context(), unknown)
	require.NoError(t, err)
	assert.Zero(t, p.Offset(), "nothing tells whether a rest belongs to what comes now")
	assert.False(t, p.Complete())
	require.NoError(t, p.Discard())
	require.NoError(t, bring(unknown, "anything"))

	data, err := r.ReadFile("images/y", 100)
	require.NoError(t, err)
	assert.Equal(t, "anything", string(data))
	_, err = r.ReadFile("images/y", 3)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, r.RemoveFile("images/y"))
	require.NoError(t, r.RemoveFile("images/x"))
	assert.Empty(t, tree(t, r.Dir()), "and the directory that this leaves empty")
	for _, hostile := range []string{"../x", ".gorepo/x", "repodata/x", "x.rpm"} {
		_, err := r.File(t.Context(), File{Path: hostile, Checksum: sha("x")})
		require.Error(t, err)
		require.Error(t, r.RemoveFile(hostile))
	}
}

func TestCopyFile(t *testing.T) {
	dir := t.TempDir()
	src := filepath.Join(dir, "src")
	write(t, src, "data")
	outside := filepath.Join(dir, "outside")
	write(t, outside, "outside")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "r/a"), 0o755))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "r/a/x")))
	root, err := os.OpenRoot(filepath.Join(dir, "r"))
	require.NoError(t, err)
	defer root.Close() //nolint:errcheck // only a test
	require.NoError(t, CopyFile(root, src, "a/x"))
	assert.Equal(t, "data", read(t, filepath.Join(dir, "r/a/x")))
	assert.Equal(t, "outside", read(t, outside))
	require.Error(t, CopyFile(root, src, "../x"))
	require.NoError(t, os.Symlink(dir, filepath.Join(dir, "r/link")))
	require.Error(t, CopyFile(root, src, "link/x"))
	assert.NoFileExists(t, filepath.Join(dir, "x"))
}

// outsideRepo is a repository ROOT/sub/r that may write below top.
func outsideRepo(t *testing.T, top string) *Repo {
	t.Helper()
	m, err := Open(filepath.Join(top, "root"))
	require.NoError(t, err)
	r, err := m.Repo("r", RepoOptions{Dir: "sub/r", WriteBelow: top})
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(r.Dir(), 0o755))
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// TestWriteBelow: packages may lie above the repository, as far as the named
// directory goes.
func TestWriteBelow(t *testing.T) {
	top := t.TempDir()
	r := outsideRepo(t, top)
	for _, location := range []string{"../pool/a.rpm", "../../../a.rpm", "in/a.rpm"} {
		bring(t, r, location, location)
		assert.Equal(t, location, read(t, filepath.Join(r.Dir(), location)))
		p, ok, err := r.Stat(location)
		require.NoError(t, err)
		assert.True(t, ok && p.Is(ref(location, location)))
		assert.Equal(t, location, p.Location)
		ok, err = r.Verify(t.Context(), ref(location, location), nil)
		require.NoError(t, err)
		assert.True(t, ok)
		require.NoError(t, r.Touch(ref(location, location)))
		p, _, err = r.Stat(location)
		require.NoError(t, err)
		assert.False(t, p.Is(ref(location, location)))
	}
	found := 0
	for p, err := range r.Packages(t.Context()) {
		require.NoError(t, err)
		assert.Equal(t, "in/a.rpm", p.Location)
		found++
	}
	assert.Equal(t, 1, found, "what lies outside is never looked for, and so never deleted")
	require.NoError(t, r.Remove("../pool/a.rpm"))
	assert.NoDirExists(t, filepath.Join(top, "root/sub/pool"))

	// A location that leads back is the one inside.
	clean, err := r.Check("../r/in/a.rpm")
	require.NoError(t, err)
	assert.Equal(t, "in/a.rpm", clean)

	for _, location := range []string{
		"../../../../a.rpm", "../../.gorepo/a.rpm", "../pool/repodata/a.rpm", "../repodata/a.rpm", "../r/repodata/a.rpm", "../r/../../../../a.rpm", "../pool/a", "/a.rpm", "..",
	} {
		_, err := r.Partial(t.Context(), ref(location, "x"))
		var le *LocationError
		require.ErrorAs(t, err, &le, location)
	}

	// Nor does a symbolic link lead out of it.
	require.NoError(t, os.Symlink(t.TempDir(), filepath.Join(top, "link")))
	p, err := r.Partial(t.Context(), ref("../../../link/a.rpm", "x"))
	require.NoError(t, err)
	_, err = p.Write([]byte("x"))
	require.NoError(t, err)
	require.NoError(t, p.Finish())
	require.ErrorContains(t, p.Place(), "symbolic link")
	require.NoError(t, p.Discard())

	m, err := Open(filepath.Join(top, "root"))
	require.NoError(t, err)
	_, err = m.Repo("r", RepoOptions{WriteBelow: filepath.Join(top, "elsewhere")})
	require.ErrorContains(t, err, "does not lie below")
}

// TestWriteBelowCopies places a package from another file system, and cleans up
// what a crash left of it.
func TestWriteBelowCopies(t *testing.T) {
	r := outsideRepo(t, t.TempDir())
	r.rename = otherFileSystem
	require.NoError(t, os.MkdirAll(filepath.Join(r.Dir(), "../pool"), 0o755))
	bring(t, r, "../pool/a.rpm", "hello")
	assert.Equal(t, "hello", read(t, filepath.Join(r.Dir(), "../pool/a.rpm")))

	half := filepath.Join(r.Dir(), "../pool/.gorepo-x.tmp")
	write(t, half, "hel")
	write(t, r.statePath(partialDir, "x"+noteSuffix), "../pool/.gorepo-x.tmp")
	_, err := r.CleanPartial(func(rpmpkg.Checksum) bool { return true }, 0)
	require.NoError(t, err)
	assert.NoFileExists(t, half)
}

func TestInside(t *testing.T) {
	for location, want := range map[string]string{
		"../pool/x.rpm": "pool/x.rpm", "../../a/../x.rpm": "x.rpm", "a/../../x.rpm": "x.rpm", "a/x.rpm": "a/x.rpm", "a/../x.rpm": "x.rpm",
	} {
		assert.Equal(t, want, Inside(location), location)
		assert.Equal(t, strings.HasPrefix(location, "..") || strings.HasPrefix(location, "a/../.."), LeadsOut(location), location)
	}
}

// TestNested is a repository in a directory of another, whose packages may lie
// anywhere in that, and nowhere else.
func TestNested(t *testing.T) {
	r := newRepo(t)
	require.NoError(t, os.RemoveAll(r.Dir()))
	n, err := r.Nested("addons/HA")
	require.NoError(t, err)
	unlock, err := n.Lock(t.Context(), 0)
	require.Error(t, err, "the outer one has to be there")
	require.Nil(t, unlock)
	require.NoError(t, os.MkdirAll(r.Dir(), 0o755))
	unlock, err = n.Lock(t.Context(), 0)
	require.NoError(t, err)
	bring(t, n, "a.rpm", "a")
	bring(t, n, "../../Packages/b.rpm", "b")
	require.NoError(t, n.SaveState(State{}))
	assert.Equal(t, "b", read(t, filepath.Join(r.Dir(), "Packages/b.rpm")))
	assert.FileExists(t, r.statePath("nested", "addons%2FHA", "state.json"))
	_, err = n.Partial(t.Context(), ref("../../../other/b.rpm", "b"))
	require.Error(t, err)
	write(t, filepath.Join(n.Dir(), "repodata/repomd.xml"), "x")
	require.NoError(t, unlock())
	require.NoError(t, n.Forget())
	require.NoError(t, n.Forget())
	assert.NoDirExists(t, r.statePath("nested", "addons%2FHA"))
	assert.NoDirExists(t, filepath.Join(n.Dir(), "repodata"))
	require.NoError(t, n.Close())
	bring(t, r, "c.rpm", "c") // the outer one is still open

	// A link out of the repository is not followed.
	require.NoError(t, os.Symlink(t.TempDir(), filepath.Join(r.Dir(), "link")))
	n, err = r.Nested("link/HA")
	require.NoError(t, err)
	_, err = n.Lock(t.Context(), 0)
	require.Error(t, err)
	for _, hostile := range []string{".", "..", "../x", "/x", ".gorepo", "a/repodata", strings.Repeat("a/", 200) + "a"} {
		_, err := r.Nested(hostile)
		require.Error(t, err, hostile)
	}
}

// FuzzWriteBelow: whatever a location is, it stays below the named directory, and
// out of gorepo's own.
func FuzzWriteBelow(f *testing.F) {
	for _, location := range []string{"../pool/a.rpm", "../../.gorepo/x.rpm", "../r/a.rpm", "../../../../x.rpm", "a/../../b.rpm", "..//..//x.rpm"} {
		f.Add([]byte(location))
	}
	f.Fuzz(func(t *testing.T, location []byte) {
		o, err := outsideOf("/top/root/sub/r", "/top")
		require.NoError(t, err)
		r := &Repo{outside: o}
		clean, file, err := r.resolve(string(location))
		if err != nil {
			return
		}
		at := filepath.Join("/top", file)
		if file == "" {
			at = filepath.Join("/top/root/sub/r", clean)
		}
		require.True(t, strings.HasPrefix(at, "/top/") && strings.HasSuffix(at, ".rpm"), at)
		require.False(t, bytes.Contains([]byte(at), []byte("/.gorepo")) && file != "", at)
		require.Equal(t, at, filepath.Join("/top/root/sub/r", clean), "where clients look for it")
	})
}

// TestForeign: a repository that is ROOT itself does not write into those that
// lie in it.
func TestForeign(t *testing.T) {
	m, err := Open(t.TempDir())
	require.NoError(t, err)
	other, err := m.Repo("other", RepoOptions{})
	require.NoError(t, err)
	require.NoError(t, other.SaveState(State{}))
	r, err := m.Repo("r", RepoOptions{Dir: "."})
	require.NoError(t, err)
	require.NoError(t, r.SaveState(State{}))
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	var le *LocationError
	_, err = r.Partial(t.Context(), ref("other/a.rpm", "a"))
	require.ErrorAs(t, err, &le)
	_, err = r.File(t.Context(), File{Path: "other/a", Size: -1})
	require.ErrorAs(t, err, &le)
	for _, dir := range []string{"other", "other/addons"} {
		_, err = r.Nested(dir)
		require.ErrorAs(t, err, &le)
	}
	n, err := r.Nested("mine")
	require.NoError(t, err)
	_, err = n.Partial(t.Context(), ref("../other/a.rpm", "a"))
	require.ErrorAs(t, err, &le)
	unlock, err := n.Lock(t.Context(), 0)
	require.NoError(t, err)
	bring(t, n, "../Packages/a.rpm", "a")
	bring(t, r, "r/a.rpm", "a")
	require.NoError(t, unlock())
	require.NoError(t, n.Close())
}

// TestFlushOutside: what lies outside of the repository may be on another file system.
func TestFlushOutside(t *testing.T) {
	above := t.TempDir()
	m, err := Open(filepath.Join(above, "root"))
	require.NoError(t, err)
	r, err := m.Repo("base", RepoOptions{WriteBelow: above})
	require.NoError(t, err)
	var flushed []string
	r.fs.syncFS = func(dir string) error {
		flushed = append(flushed, dir)
		return nil
	}
	require.NoError(t, r.Flush())
	assert.Equal(t, []string{filepath.Join(above, "root", "base"), above}, flushed)
}
