package mirror

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// foreign puts a package as another tool would have: any time.
func foreign(t *testing.T, r *Repo, location, data string) {
	t.Helper()
	write(t, filepath.Join(r.Dir(), location), data)
}

func TestStat(t *testing.T) {
	r := newRepo(t)
	outside := t.TempDir()
	write(t, filepath.Join(outside, "a.rpm"), "outside")
	bring(t, r, "Packages/a.rpm", "hello")
	require.NoError(t, os.Mkdir(filepath.Join(r.Dir(), "dir.rpm"), 0o755))
	require.NoError(t, os.Symlink("Packages/a.rpm", filepath.Join(r.Dir(), "inner.rpm")))
	require.NoError(t, os.Symlink(filepath.Join(outside, "a.rpm"), filepath.Join(r.Dir(), "outer.rpm")))
	require.NoError(t, os.Symlink("nothing", filepath.Join(r.Dir(), "dangling.rpm")))
	require.NoError(t, os.Symlink(outside, filepath.Join(r.Dir(), "out")))

	for location, want := range map[string]bool{
		"Packages/a.rpm":   true,
		"./Packages/a.rpm": true,
		"inner.rpm":        true, // as good as the package
		"outer.rpm":        false,
		"dangling.rpm":     false,
		"dir.rpm":          false,
		"missing.rpm":      false,
		"missing/a.rpm":    false,
		// A package is a file, and no directory.
		"Packages/a.rpm/a.rpm": false,
	} {
		p, ok, err := r.Stat(location)
		require.NoError(t, err, location)
		assert.Equal(t, want, ok, location)
		if want {
			assert.True(t, p.Is(ref("", "hello")), location)
		}
	}
	_, _, err := r.Stat("out/a.rpm")
	oneLine(t, err, "out/a.rpm", "symbolic link")
	_, _, err = r.Stat("../a.rpm")
	var le *LocationError
	require.ErrorAs(t, err, &le)
}

func TestPackageIs(t *testing.T) {
	want := ref("a.rpm", "hello")
	assert.True(t, Package{Size: 5, MTime: fileTime}.Is(want))
	assert.False(t, Package{Size: 6, MTime: fileTime}.Is(want))
	assert.False(t, Package{Size: 5, MTime: fileTime + 1}.Is(want))
}

func TestVerifyAdopts(t *testing.T) {
	r := newRepo(t)
	foreign(t, r, "a.rpm", "hello")
	want := ref("a.rpm", "hello")
	p, _, err := r.Stat("a.rpm")
	require.NoError(t, err)
	require.False(t, p.Is(want))

	ok, err := r.Verify(t.Context(), want, nil)
	require.NoError(t, err)
	assert.True(t, ok)
	p, _, err = r.Stat("a.rpm")
	require.NoError(t, err)
	assert.True(t, p.Is(want), "adopted: not read again")

	for _, other := range []string{"jello", "hello!", ""} {
		ok, err = r.Verify(t.Context(), ref("a.rpm", other), nil)
		require.NoError(t, err)
		assert.False(t, ok, other)
	}
	p, _, err = r.Stat("a.rpm")
	require.NoError(t, err)
	assert.EqualValues(t, fileTime, p.MTime)
	ok, err = r.Verify(t.Context(), ref("missing.rpm", "hello"), nil)
	require.NoError(t, err)
	assert.False(t, ok)

	// A mismatch must not get the time that proves a match.
	foreign(t, r, "b.rpm", "jello")
	ok, err = r.Verify(t.Context(), ref("b.rpm", "hello"), nil)
	require.NoError(t, err)
	assert.False(t, ok)
	p, _, err = r.Stat("b.rpm")
	require.NoError(t, err)
	assert.NotEqualValues(t, fileTime, p.MTime)

	_, err = r.Verify(canceled(t), want, nil)
	require.ErrorIs(t, err, context.Canceled)
	bad := want
	bad.Checksum.Type = "crc32"
	_, err = r.Verify(t.Context(), bad, nil)
	require.Error(t, err)
}

func TestTouch(t *testing.T) {
	r := newRepo(t)
	bring(t, r, "a.rpm", "hello")
	// Upstream changed the checksum, and neither size nor time.
	want := ref("a.rpm", "jello")
	p, _, err := r.Stat("a.rpm")
	require.NoError(t, err)
	require.True(t, p.Is(want), "only the touch can tell them apart")
	require.NoError(t, r.Touch(want))
	p, _, err = r.Stat("a.rpm")
	require.NoError(t, err)
	assert.False(t, p.Is(want))

	// Not even when all was made in this second.
	for offset := range int64(5) {
		want.FileTime = time.Now().Unix() + offset - 2
		before := time.Unix(want.FileTime+1, 0)
		require.NoError(t, os.Chtimes(filepath.Join(r.Dir(), "a.rpm"), before, before))
		require.NoError(t, r.Touch(want))
		p, _, err = r.Stat("a.rpm")
		require.NoError(t, err)
		assert.False(t, p.Is(want))
		assert.NotEqual(t, before.Unix(), p.MTime)
	}
	require.NoError(t, r.Touch(ref("missing.rpm", "x")))
}

func TestRemove(t *testing.T) {
	r := newRepo(t)
	for _, l := range []string{"Packages/a/a.rpm", "Packages/b/b.rpm", "Packages/b/c.rpm", "top.rpm", "deep/er/and/deeper.rpm"} {
		bring(t, r, l, l)
	}
	require.NoError(t, r.Remove("Packages/a/a.rpm"))
	require.NoError(t, r.Remove("./Packages//b/b.rpm"))
	require.NoError(t, r.Remove("deep/er/and/deeper.rpm"))
	require.NoError(t, r.Remove("top.rpm"))
	assert.Equal(t, map[string]string{"Packages": "/", "Packages/b": "/", "Packages/b/c.rpm": "Packages/b/c.rpm"}, tree(t, r.Dir()))
	require.NoError(t, r.Remove("Packages/b/c.rpm"))
	assert.DirExists(t, r.Dir(), "the repository's own directory stays")
	assert.Empty(t, names(t, r.Dir()))
	require.NoError(t, r.Remove("top.rpm"), "gone already")
	require.NoError(t, r.Remove("gone/top.rpm"))

	for _, bad := range []string{"../base/x.rpm", "repodata/x.rpm", ".gorepo/base/x.rpm", "/etc/x.rpm", "notes.txt"} {
		var le *LocationError
		require.ErrorAs(t, r.Remove(bad), &le, bad)
	}
}

func TestRemoveSpares(t *testing.T) {
	r := newRepo(t)
	outside := t.TempDir()
	write(t, filepath.Join(outside, "a.rpm"), "outside")
	require.NoError(t, os.Mkdir(filepath.Join(r.Dir(), "dir.rpm"), 0o755))
	oneLine(t, r.Remove("dir.rpm"), "dir.rpm", "directory")
	assert.DirExists(t, filepath.Join(r.Dir(), "dir.rpm"))

	require.NoError(t, os.Symlink(outside, filepath.Join(r.Dir(), "out")))
	oneLine(t, r.Remove("out/a.rpm"), "out/a.rpm")
	assert.FileExists(t, filepath.Join(outside, "a.rpm"))

	// A link is removed, not what it names; a linked directory stays.
	require.NoError(t, os.Symlink(filepath.Join(outside, "a.rpm"), filepath.Join(r.Dir(), "a.rpm")))
	require.NoError(t, r.Remove("a.rpm"))
	assert.FileExists(t, filepath.Join(outside, "a.rpm"))
	bring(t, r, "real/b.rpm", "b")
	require.NoError(t, os.Symlink("real", filepath.Join(r.Dir(), "linked")))
	require.NoError(t, r.Remove("linked/b.rpm"))
	fi, err := os.Lstat(filepath.Join(r.Dir(), "linked"))
	require.NoError(t, err)
	assert.NotZero(t, fi.Mode()&os.ModeSymlink)
}

func collect(t *testing.T, r *Repo) []string {
	t.Helper()
	list := []string{}
	for p, err := range r.Packages(t.Context()) {
		require.NoError(t, err)
		list = append(list, p.Location)
	}
	return list
}

func TestPackages(t *testing.T) {
	r := newRepo(t)
	outside := t.TempDir()
	write(t, filepath.Join(outside, "outside.rpm"), "x")
	for _, l := range []string{"z.rpm", "Packages/b/b.rpm", "Packages/a/a.rpm", "Packages/.h.rpm", "Packages/repodata/r.rpm"} {
		bring(t, r, l, l)
	}
	for _, l := range []string{"repodata/x.rpm", ".hidden/x.rpm", ".x.rpm", ".gorepo/base/x.rpm", "Packages/.hidden/h.rpm", "README", "Packages/x.drpm", "Packages/.gorepo-x.tmp"} {
		write(t, filepath.Join(r.Dir(), l), "x")
	}
	require.NoError(t, os.Mkdir(filepath.Join(r.Dir(), "dir.rpm"), 0o755))
	require.NoError(t, os.Symlink(outside, filepath.Join(r.Dir(), "out")))
	require.NoError(t, os.Symlink("Packages", filepath.Join(r.Dir(), "in")))
	require.NoError(t, os.Symlink("..", filepath.Join(r.Dir(), "Packages", "loop")))
	require.NoError(t, os.Symlink(filepath.Join(outside, "outside.rpm"), filepath.Join(r.Dir(), "link.rpm")))

	want := []string{"Packages/.h.rpm", "Packages/a/a.rpm", "Packages/b/b.rpm", "Packages/repodata/r.rpm", "z.rpm"}
	assert.Equal(t, want, collect(t, r))
	for p, err := range r.Packages(t.Context()) {
		require.NoError(t, err)
		assert.True(t, p.Is(ref(p.Location, p.Location)))
		again, ok, err := r.Stat(p.Location)
		require.NoError(t, err)
		assert.True(t, ok)
		assert.Equal(t, again, p)
		if p.Location == "Packages/a/a.rpm" {
			break // a caller may stop
		}
	}
	for _, err := range r.Packages(canceled(t)) {
		require.ErrorIs(t, err, context.Canceled)
	}
}

func TestPackagesUnreadableDirectory(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	r := newRepo(t)
	bring(t, r, "a/a.rpm", "a")
	bring(t, r, "b/b.rpm", "b")
	require.NoError(t, os.Chmod(filepath.Join(r.Dir(), "a"), 0))
	t.Cleanup(func() { os.Chmod(filepath.Join(r.Dir(), "a"), 0o755) }) //nolint:errcheck // for TempDir's clean-up
	var found, failed int
	for _, err := range r.Packages(t.Context()) {
		if err != nil {
			failed++
		} else {
			found++
		}
	}
	assert.Equal(t, 1, found)
	assert.Equal(t, 1, failed)
}

func benchRepo(b *testing.B, n int) *Repo {
	m, err := Open(b.TempDir())
	require.NoError(b, err)
	r, err := m.Repo("base", RepoOptions{})
	require.NoError(b, err)
	for i := range n {
		dir := filepath.Join(r.Dir(), "Packages", string(rune('a'+i%26)))
		if i < 26 {
			require.NoError(b, os.MkdirAll(dir, 0o755))
		}
		require.NoError(b, os.WriteFile(filepath.Join(dir, fmt.Sprintf("p%d.rpm", i)), nil, 0o644))
	}
	return r
}

func BenchmarkPackages(b *testing.B) {
	r := benchRepo(b, 5000)
	for b.Loop() {
		n := 0
		for _, err := range r.Packages(b.Context()) {
			require.NoError(b, err)
			n++
		}
		require.Equal(b, 5000, n)
	}
}

func BenchmarkStat(b *testing.B) {
	r := benchRepo(b, 5000)
	for b.Loop() {
		for i := range 5000 {
			_, ok, err := r.Stat(fmt.Sprintf("Packages/%c/p%d.rpm", 'a'+i%26, i))
			if err != nil || !ok {
				b.Fatal(err)
			}
		}
	}
}
