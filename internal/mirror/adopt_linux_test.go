package mirror

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/rpmpkg"
)

// upstreamFile writes a file of a local upstream, with the mtime of the metadata.
func upstreamFile(t *testing.T, data string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.rpm")
	write(t, path, data)
	require.NoError(t, os.Chtimes(path, time.Time{}, time.Unix(fileTime, 0)))
	return path
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	fi, err := os.Stat(path)
	require.NoError(t, err)
	return fi.Sys().(*syscall.Stat_t).Ino
}

// adopt does what a sync does with a file of a local upstream, and reports whether
// it was taken as it is.
func adopt(t *testing.T, r *Repo, want rpmpkg.Ref, path string) bool {
	t.Helper()
	p, err := r.Partial(t.Context(), want)
	require.NoError(t, err)
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close() //nolint:errcheck // only read
	done, err := p.Adopt(t.Context(), f)
	require.NoError(t, err)
	if !done {
		require.NoError(t, p.Discard())
		return false
	}
	data, err := io.ReadAll(p.Reader())
	require.NoError(t, err)
	assert.Len(t, data, int(want.Size))
	require.NoError(t, p.Place())
	require.NoError(t, p.Keep())
	assert.Empty(t, names(t, r.statePath(partialDir)))
	got, ok, err := r.Stat(want.Location)
	require.NoError(t, err)
	assert.True(t, ok && got.Is(want))
	return true
}

func TestAdoptLinks(t *testing.T) {
	r := newRepo(t)
	want := ref("Packages/a/a-1.rpm", "hello world")
	up := upstreamFile(t, "hello world")
	at := filepath.Join(r.Dir(), want.Location)
	before, err := os.Stat(up)
	require.NoError(t, err)

	// What an earlier run has of it is of no use any more.
	p, err := r.Partial(t.Context(), want)
	require.NoError(t, err)
	_, err = io.WriteString(p, "hello")
	require.NoError(t, err)
	require.NoError(t, p.Keep())

	require.True(t, adopt(t, r, want, up))
	assert.Equal(t, inode(t, up), inode(t, at))

	// Nothing that is done to the package is done to upstream's.
	require.NoError(t, r.Touch(want))
	assert.NotEqual(t, inode(t, up), inode(t, at))
	assert.Equal(t, "hello world", read(t, at))
	got, _, err := r.Stat(want.Location)
	require.NoError(t, err)
	assert.False(t, got.Is(want))
	right, err := r.Verify(t.Context(), want, nil)
	require.NoError(t, err)
	assert.True(t, right)
	after, err := os.Stat(up)
	require.NoError(t, err)
	assert.Equal(t, before.ModTime(), after.ModTime())
	assert.Equal(t, "hello world", read(t, up))

	require.True(t, adopt(t, r, want, up), "in place of another file")
	assert.Equal(t, inode(t, up), inode(t, at))
	require.NoError(t, r.Remove(want.Location))
	assert.Equal(t, "hello world", read(t, up))
	assert.Empty(t, names(t, r.statePath(partialDir)))
}

// Upstream writes into its file, which is ours too.
func TestAdoptedFileIsRewritten(t *testing.T) {
	r := newRepo(t)
	want := ref("a.rpm", "hello world")
	up := upstreamFile(t, "hello world")
	at := filepath.Join(r.Dir(), want.Location)
	require.True(t, adopt(t, r, want, up))

	touched := time.Unix(fileTime+1000, 0)
	require.NoError(t, os.Chtimes(up, time.Time{}, touched))
	right, err := r.Verify(t.Context(), want, nil)
	require.NoError(t, err)
	assert.True(t, right, "the same content at another time")
	assert.NotEqual(t, inode(t, up), inode(t, at))
	fi, err := os.Stat(up)
	require.NoError(t, err)
	assert.Equal(t, touched, fi.ModTime(), "upstream's time is upstream's")

	require.NoError(t, os.Chtimes(up, time.Time{}, time.Unix(fileTime, 0)))
	require.True(t, adopt(t, r, want, up))
	write(t, up, "HELLO WORLD")
	right, err = r.Verify(t.Context(), want, nil)
	require.NoError(t, err)
	assert.False(t, right)
	assert.Equal(t, "HELLO WORLD", read(t, up))
}

// What is not to be shared as it is gives its blocks, on file systems that can do
// that, and else nothing.
func TestAdoptRefuses(t *testing.T) {
	want := ref("a.rpm", "hello world")
	for name, c := range map[string]struct {
		spoil func(path string) error
		good  bool // the content is
	}{
		"other content":   {func(path string) error { return os.WriteFile(path, []byte("hello there"), 0o644) }, false},
		"another size":    {func(path string) error { return os.WriteFile(path, []byte("hello"), 0o644) }, false},
		"another time":    {func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(fileTime+1, 0)) }, true},
		"others write":    {func(path string) error { return os.Chmod(path, 0o664) }, true},
		"others read not": {func(path string) error { return os.Chmod(path, 0o600) }, true},
		"of another user": {func(path string) error { return os.Chown(path, 12345, -1) }, true},
		"gone":            {os.Remove, true}, // between opening and linking
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t)
			up := upstreamFile(t, "hello world")
			f := open(t, up)
			if err := c.spoil(up); err != nil {
				t.Skip(err)
			}
			before, err := f.Stat()
			require.NoError(t, err)
			p, err := r.Partial(t.Context(), want)
			require.NoError(t, err)
			done, err := p.Adopt(t.Context(), f)
			require.NoError(t, err)
			assert.Equal(t, c.good && clones(t), done)
			if done {
				require.NoError(t, p.Place())
				at := filepath.Join(r.Dir(), "a.rpm")
				assert.Equal(t, "hello world", read(t, at))
				assert.NotEqual(t, before.Sys().(*syscall.Stat_t).Ino, inode(t, at))
			} else {
				assert.Zero(t, p.Offset())
				_, err = io.WriteString(p, "hello world")
				require.NoError(t, err)
				require.NoError(t, p.Finish())
				require.NoError(t, p.Place())
			}
			after, err := f.Stat()
			require.NoError(t, err)
			assert.Equal(t, before.ModTime(), after.ModTime())
			assert.Equal(t, before.Mode(), after.Mode())
		})
	}

	r := newRepo(t)
	p, err := r.Partial(t.Context(), want)
	require.NoError(t, err)
	_, err = p.Adopt(canceled(t), open(t, upstreamFile(t, "hello world")))
	require.ErrorIs(t, err, canceled(t).Err())
	require.NoError(t, p.Discard())
}

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// clones reports whether the file system of temporary files shares blocks.
func clones(t *testing.T) bool {
	t.Helper()
	from := upstreamFile(t, "x")
	to, err := os.Create(filepath.Join(t.TempDir(), "to"))
	require.NoError(t, err)
	defer to.Close() //nolint:errcheck // thrown away
	return cloneFile(to, open(t, from)) == nil
}

// What a crash leaves between linking and placing is not written to.
func TestLinkedPartialIsLeftAlone(t *testing.T) {
	r := newRepo(t)
	want := ref("a.rpm", "hello world")
	up := upstreamFile(t, "HELLO WORLD") // rewritten since
	p, err := r.Partial(t.Context(), want)
	require.NoError(t, err)
	require.NoError(t, p.Discard())
	require.NoError(t, os.Link(up, p.path))
	require.NoError(t, os.Link(up, p.path+".link"))

	p, err = r.Partial(t.Context(), want)
	require.NoError(t, err)
	assert.Zero(t, p.Offset())
	_, err = io.WriteString(p, "hello world")
	require.NoError(t, err)
	require.NoError(t, p.Finish())
	require.NoError(t, p.Place())
	assert.Equal(t, "HELLO WORLD", read(t, up))
	_, err = r.CleanPartial(func(rpmpkg.Checksum) bool { return true }, 0)
	require.NoError(t, err)
	assert.Empty(t, names(t, r.statePath(partialDir)))
}

// Where packages and gorepo's own files are on two file systems, what was linked
// is copied into its place.
func TestAdoptAcross(t *testing.T) {
	r := newRepo(t)
	r.rename = func(*os.Root, string, string, string) error { return syscall.EXDEV }
	want := ref("a.rpm", "hello world")
	up := upstreamFile(t, "hello world")
	require.True(t, adopt(t, r, want, up))
	assert.NotEqual(t, inode(t, up), inode(t, filepath.Join(r.Dir(), want.Location)))
}
