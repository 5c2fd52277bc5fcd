package mirror

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // EL5 metadata
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/rpmpkg"
)

func TestPartial(t *testing.T) {
	r := newRepo(t)
	want := ref("./Packages//a/a-1.rpm", "hello world")
	p, err := r.Partial(t.Context(), want)
	require.NoError(t, err)
	assert.Zero(t, p.Offset())
	assert.False(t, p.Complete())
	for _, piece := range []string{"hello", " ", "world"} {
		n, err := io.WriteString(p, piece)
		require.NoError(t, err)
		assert.Len(t, piece, n)
	}
	assert.True(t, p.Complete())
	require.Error(t, p.Place(), "not before it is verified")
	require.NoError(t, p.Finish())
	data, err := io.ReadAll(p.Reader())
	require.NoError(t, err)
	assert.Equal(t, "hello world", string(data))
	assert.NoFileExists(t, filepath.Join(r.Dir(), "Packages/a/a-1.rpm"), "not before Place")
	require.NoError(t, p.Place())
	require.NoError(t, p.Keep(), "after Place nothing")
	require.NoError(t, p.Discard(), "after Place nothing")

	assert.Equal(t, map[string]string{"Packages": "/", "Packages/a": "/", "Packages/a/a-1.rpm": "hello world"}, tree(t, r.Dir()))
	assert.Empty(t, names(t, r.statePath(partialDir)))
	fi, err := os.Stat(filepath.Join(r.Dir(), "Packages/a/a-1.rpm"))
	require.NoError(t, err)
	assert.Equal(t, time.Unix(fileTime, 0), fi.ModTime(), "to the nanosecond")
	got, ok, err := r.Stat(want.Location)
	require.NoError(t, err)
	assert.True(t, ok && got.Is(want))
	assert.Equal(t, "Packages/a/a-1.rpm", got.Location)
}

func TestPartialResumes(t *testing.T) {
	r := newRepo(t)
	want := ref("a.rpm", "hello world")
	p, err := r.Partial(t.Context(), want)
	require.NoError(t, err)
	_, err = io.WriteString(p, "hello")
	require.NoError(t, err)
	require.NoError(t, p.Keep())
	require.NoError(t, p.Keep(), "twice is well")
	assert.Equal(t, []string{"sha256-" + want.Checksum.Hex}, names(t, r.statePath(partialDir)))

	// Also when upstream has moved the package.
	want.Location = "moved/a.rpm"
	p, err = r.Partial(t.Context(), want)
	require.NoError(t, err)
	assert.EqualValues(t, 5, p.Offset())
	_, err = io.WriteString(p, " world")
	require.NoError(t, err)
	require.NoError(t, p.Finish())
	require.NoError(t, p.Place())
	assert.Equal(t, "hello world", read(t, filepath.Join(r.Dir(), "moved/a.rpm")))
}

// What was verified and not placed, since the process died, is there next time.
func TestPartialResumesWhole(t *testing.T) {
	r := newRepo(t)
	want := ref("a.rpm", "hello")
	write(t, r.statePath(partialDir, "sha256-"+want.Checksum.Hex), "hello")
	p, err := r.Partial(t.Context(), want)
	require.NoError(t, err)
	assert.True(t, p.Complete())
	require.NoError(t, p.Finish())
	require.NoError(t, p.Place())
}

func TestPartialEmptyPackage(t *testing.T) {
	r := newRepo(t)
	p, err := r.Partial(t.Context(), ref("a.rpm", ""))
	require.NoError(t, err)
	assert.True(t, p.Complete())
	require.NoError(t, p.Finish())
	require.NoError(t, p.Place())
	assert.Empty(t, read(t, filepath.Join(r.Dir(), "a.rpm")))
}

func TestPartialMismatch(t *testing.T) {
	r := newRepo(t)
	want := ref("a.rpm", "hello world")
	p, err := r.Partial(t.Context(), want)
	require.NoError(t, err)

	// Too short.
	_, err = io.WriteString(p, "hello")
	require.NoError(t, err)
	err = p.Finish()
	var mismatch *MismatchError
	require.ErrorAs(t, err, &mismatch)
	assert.Equal(t, MismatchError{Name: "a.rpm", What: "size", Got: "5 bytes", Want: "11 bytes"}, *mismatch)
	assert.True(t, mismatch.Mismatch())
	oneLine(t, err, "a.rpm", "5 bytes", "11 bytes")

	// Other bytes.
	_, err = io.WriteString(p, " w0rld")
	require.NoError(t, err)
	err = p.Finish()
	require.ErrorAs(t, err, &mismatch)
	assert.Equal(t, "sha256", mismatch.What)
	assert.Equal(t, sha("hello w0rld").Hex, mismatch.Got)
	assert.Equal(t, want.Checksum.Hex, mismatch.Want)
	require.Error(t, p.Place())

	// From the start again, it is well.
	require.NoError(t, p.Restart())
	assert.Zero(t, p.Offset())
	_, err = io.WriteString(p, "hello world")
	require.NoError(t, err)
	require.NoError(t, p.Finish())
	// A write after Finish makes it unverified.
	_, err = io.WriteString(p, "!")
	require.ErrorAs(t, err, &mismatch)
	require.Error(t, p.Place())
	require.NoError(t, p.Discard())
	assert.Empty(t, names(t, r.statePath(partialDir)))
	assert.Empty(t, names(t, r.Dir()))
}

func TestPartialTooMuch(t *testing.T) {
	r := newRepo(t)
	p, err := r.Partial(t.Context(), ref("a.rpm", "hello"))
	require.NoError(t, err)
	n, err := io.WriteString(p, "hello, and more")
	var mismatch *MismatchError
	require.ErrorAs(t, err, &mismatch)
	assert.Equal(t, 5, n)
	fi, err := os.Stat(p.path)
	require.NoError(t, err)
	assert.EqualValues(t, 5, fi.Size(), "never past the size of the metadata")
	require.NoError(t, p.Keep())
	assert.Empty(t, names(t, r.statePath(partialDir)), "bytes that are wrong are not kept")
}

// A rest that is longer than the package is none of it; a rest with wrong bytes
// ends in a mismatch, and from the start again.
func TestPartialBadRest(t *testing.T) {
	r := newRepo(t)
	want := ref("a.rpm", "hello")
	path := r.statePath(partialDir, "sha256-"+want.Checksum.Hex)
	write(t, path, "hello, and more")
	p, err := r.Partial(t.Context(), want)
	require.NoError(t, err)
	assert.Zero(t, p.Offset())
	require.NoError(t, p.Discard())

	write(t, path, "\x00\x00")
	p, err = r.Partial(t.Context(), want)
	require.NoError(t, err)
	assert.EqualValues(t, 2, p.Offset())
	_, err = io.WriteString(p, "llo")
	require.NoError(t, err)
	var mismatch *MismatchError
	require.ErrorAs(t, p.Finish(), &mismatch)
	require.NoError(t, p.Keep())
	assert.NoFileExists(t, path)
}

func TestPartialChecksumTypes(t *testing.T) {
	r := newRepo(t)
	sum := sha1.Sum([]byte("old")) //nolint:gosec // EL5 metadata
	for _, typ := range []string{"sha", "sha1"} {
		want := rpmpkg.Ref{Location: typ + ".rpm", Size: 3, Checksum: rpmpkg.Checksum{Type: typ, Hex: hex.EncodeToString(sum[:])}}
		p, err := r.Partial(t.Context(), want)
		require.NoError(t, err)
		_, err = io.WriteString(p, "old")
		require.NoError(t, err)
		require.NoError(t, p.Finish())
		require.NoError(t, p.Place())
	}
	for _, bad := range []rpmpkg.Checksum{{}, {Type: "sha256"}, {Type: "crc", Hex: "00"}, {Type: "sha256", Hex: "../../../../etc/passwd"}, {Type: "../x", Hex: sha("").Hex}} {
		_, err := r.Partial(t.Context(), rpmpkg.Ref{Location: "a.rpm", Checksum: bad})
		require.Error(t, err, "%v", bad)
	}
	_, err := r.Partial(t.Context(), rpmpkg.Ref{Location: "a.rpm", Size: -1, Checksum: sha("")})
	require.Error(t, err)
	_, err = r.Partial(t.Context(), ref("../a.rpm", "x"))
	var le *LocationError
	require.ErrorAs(t, err, &le)
}

// One content at two locations, downloaded at the same time.
func TestPartialSharedChecksum(t *testing.T) {
	r := newRepo(t)
	data := strings.Repeat("same bytes ", 1000)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			p, err := r.Partial(t.Context(), ref(fmt.Sprintf("%d/a.rpm", i), data))
			if !assert.NoError(t, err) {
				return
			}
			for rest := data[p.Offset():]; rest != ""; rest = rest[min(100, len(rest)):] {
				_, err = io.WriteString(p, rest[:min(100, len(rest))])
				assert.NoError(t, err)
			}
			assert.NoError(t, p.Finish())
			assert.NoError(t, p.Place())
		})
	}
	wg.Wait()
	for i := range 4 {
		assert.Equal(t, data, read(t, filepath.Join(r.Dir(), fmt.Sprint(i), "a.rpm")))
	}
	assert.Empty(t, names(t, r.statePath(partialDir)))

	// One location twice is the caller's mistake.
	a, err := r.Partial(t.Context(), ref("a.rpm", data))
	require.NoError(t, err)
	b, err := r.Partial(t.Context(), ref("a.rpm", data))
	require.NoError(t, err)
	_, err = r.Partial(t.Context(), ref("a.rpm", data))
	oneLine(t, err, "a.rpm", "already")
	require.NoError(t, a.Discard())
	require.NoError(t, b.Discard())
}

func TestPartialCanceled(t *testing.T) {
	r := newRepo(t)
	want := ref("a.rpm", "hello")
	path := r.statePath(partialDir, "sha256-"+want.Checksum.Hex)
	write(t, path, "hel")
	_, err := r.Partial(canceled(t), want)
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, "hel", read(t, path))
	p, err := r.Partial(t.Context(), want)
	require.NoError(t, err, "it is free again")
	require.NoError(t, p.Keep())
}

// fullDisk takes so many bytes and no more.
type fullDisk struct {
	w    io.Writer
	left int
}

func (d *fullDisk) Write(p []byte) (int, error) {
	n, err := d.w.Write(p[:min(d.left, len(p))])
	d.left -= n
	if err == nil && n < len(p) {
		err = &fs.PathError{Op: "write", Path: "disk", Err: syscall.ENOSPC}
	}
	return n, err
}

func TestPartialDiskFull(t *testing.T) {
	r := newRepo(t)
	want := ref("a.rpm", "hello world")
	p, err := r.Partial(t.Context(), want)
	require.NoError(t, err)
	p.out = &fullDisk{w: p.file, left: 7}
	n, err := io.WriteString(p, "hello world")
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.Equal(t, 7, n)
	assert.EqualValues(t, 7, p.Offset())
	require.NoError(t, p.Keep())

	p, err = r.Partial(t.Context(), want)
	require.NoError(t, err)
	assert.EqualValues(t, 7, p.Offset(), "what fitted is kept")
	_, err = io.WriteString(p, "orld")
	require.NoError(t, err)
	require.NoError(t, p.Finish())
	require.NoError(t, p.Place())
}

func TestPlaceReplaces(t *testing.T) {
	r := newRepo(t)
	target := filepath.Join(r.Dir(), "a.rpm")
	outside := filepath.Join(t.TempDir(), "outside")
	write(t, outside, "outside")

	bring(t, r, "a.rpm", "one")
	old, err := os.Open(target)
	require.NoError(t, err)
	bring(t, r, "a.rpm", "two")
	data, err := io.ReadAll(old)
	require.NoError(t, err)
	require.NoError(t, old.Close())
	assert.Equal(t, "one", string(data), "whoever reads the old one reads all of it")
	assert.Equal(t, "two", read(t, target))

	// A link is replaced, not followed.
	require.NoError(t, os.Remove(target))
	require.NoError(t, os.Symlink(outside, target))
	bring(t, r, "a.rpm", "three")
	assert.Equal(t, "outside", read(t, outside))
	fi, err := os.Lstat(target)
	require.NoError(t, err)
	assert.True(t, fi.Mode().IsRegular())
}

func TestPlaceObstacles(t *testing.T) {
	outside := t.TempDir()
	for name, tt := range map[string]struct {
		prepare  func(dir string)
		location string
		says     []string
	}{
		"file where a directory must be": {
			func(dir string) { write(t, filepath.Join(dir, "Packages"), "x") },
			"Packages/a/a.rpm",
			[]string{"Packages/a/a.rpm", "is a file where a directory must be"},
		},
		"directory at the location": {
			func(dir string) { write(t, filepath.Join(dir, "a.rpm", "x"), "x") },
			"a.rpm",
			[]string{"a.rpm", "a directory of that name"},
		},
		"link out of the repository": {
			func(dir string) { require.NoError(t, os.Symlink(outside, filepath.Join(dir, "Packages"))) },
			"Packages/a.rpm",
			[]string{"Packages/a.rpm", "symbolic link", "bind mount"},
		},
		"link up": {
			func(dir string) { require.NoError(t, os.Symlink("..", filepath.Join(dir, "Packages"))) },
			"Packages/base/a.rpm",
			[]string{"symbolic link"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t)
			tt.prepare(r.Dir())
			p, err := r.Partial(t.Context(), ref(tt.location, "hello"))
			require.NoError(t, err)
			_, err = io.WriteString(p, "hello")
			require.NoError(t, err)
			require.NoError(t, p.Finish())
			oneLine(t, p.Place(), tt.says...)
			require.NoError(t, p.Keep())
			assert.Equal(t, []string{"sha256-" + sha("hello").Hex}, names(t, r.statePath(partialDir)))
			assert.Empty(t, names(t, outside))
		})
	}
}

func TestPlaceThroughInnerLink(t *testing.T) {
	r := newRepo(t)
	require.NoError(t, os.MkdirAll(filepath.Join(r.Dir(), "real"), 0o755))
	require.NoError(t, os.Symlink("real", filepath.Join(r.Dir(), "Packages")))
	bring(t, r, "Packages/a.rpm", "hello")
	assert.Equal(t, "hello", read(t, filepath.Join(r.Dir(), "real", "a.rpm")))
}

func otherFileSystem(*os.Root, string, string, string) error {
	return &os.LinkError{Op: "rename", Err: syscall.EXDEV}
}

func TestPlaceFromOtherFileSystem(t *testing.T) {
	r := newRepo(t)
	r.rename = func(root *os.Root, src, dir, base string) error {
		if _, err := root.Stat(dir); err != nil {
			return err
		}
		return otherFileSystem(root, src, dir, base)
	}
	bring(t, r, "Packages/a.rpm", "hello")
	bring(t, r, "Packages/a.rpm", "hello again")
	assert.Equal(t, map[string]string{"Packages": "/", "Packages/a.rpm": "hello again"}, tree(t, r.Dir()))
	assert.Empty(t, names(t, r.statePath(partialDir)))
	p, ok, err := r.Stat("Packages/a.rpm")
	require.NoError(t, err)
	assert.True(t, ok && p.Is(ref("Packages/a.rpm", "hello again")))
}

// A copy that was cut by a crash is overwritten, or cleaned away.
func TestPlaceCopyCrash(t *testing.T) {
	r := newRepo(t)
	key := "sha256-" + sha("hello").Hex
	half := filepath.Join(r.Dir(), "Packages", ".gorepo-"+key+".tmp")
	write(t, half, "hel")
	write(t, r.statePath(partialDir, key), "hello")
	write(t, r.statePath(partialDir, key+noteSuffix), "Packages/.gorepo-"+key+".tmp")
	_, err := r.CleanPartial(func(rpmpkg.Checksum) bool { return true }, 0)
	require.NoError(t, err)
	assert.NoFileExists(t, half)
	assert.Equal(t, []string{key}, names(t, r.statePath(partialDir)))

	write(t, half, "hel")
	r.rename = otherFileSystem
	bring(t, r, "Packages/a.rpm", "hello")
	assert.Equal(t, []string{"a.rpm"}, names(t, filepath.Join(r.Dir(), "Packages")))

	// A note does not lead anywhere else.
	outside := filepath.Join(filepath.Dir(r.Dir()), ".gorepo-x")
	write(t, outside, "x")
	write(t, filepath.Join(r.Dir(), "b.rpm"), "b")
	write(t, r.statePath(partialDir, "a"+noteSuffix), "../.gorepo-x")
	write(t, r.statePath(partialDir, "b"+noteSuffix), "b.rpm")
	_, err = r.CleanPartial(func(rpmpkg.Checksum) bool { return true }, 0)
	require.NoError(t, err)
	assert.FileExists(t, outside)
	assert.FileExists(t, filepath.Join(r.Dir(), "b.rpm"))
	assert.Empty(t, names(t, r.statePath(partialDir)), "and is of no use")
}

func TestCleanPartial(t *testing.T) {
	r := newRepo(t)
	part := func(name string) string { return r.statePath(partialDir, name) }
	wanted, old, unwanted := "sha256-"+sha("wanted").Hex, "sha256-"+sha("old").Hex, "sha256-"+sha("unwanted").Hex
	write(t, part(wanted), "12")
	write(t, part(wanted+"-0123456789abcdef"), "12")
	write(t, part(old), "1234")
	write(t, part(unwanted), "12345678")
	write(t, part("rubbish"), "1")
	write(t, part("dir/x"), "1")
	long := time.Now().Add(-40 * 24 * time.Hour)
	require.NoError(t, os.Chtimes(part(old), long, long))
	open, err := r.Partial(t.Context(), ref("open.rpm", "open"))
	require.NoError(t, err)

	keep := func(c rpmpkg.Checksum) bool { return c == sha("wanted") || c == sha("old") }
	freed, err := r.CleanPartial(keep, 30*24*time.Hour)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, freed, int64(13))
	assert.ElementsMatch(t, []string{wanted, wanted + "-0123456789abcdef", filepath.Base(open.path)}, names(t, r.statePath(partialDir)))
	require.NoError(t, open.Keep())
	_, err = r.CleanPartial(func(rpmpkg.Checksum) bool { return false }, 0)
	require.NoError(t, err)
	assert.Empty(t, names(t, r.statePath(partialDir)))
}

func TestBoundPartial(t *testing.T) {
	r := newRepo(t)
	freed, err := r.BoundPartial(0)
	require.NoError(t, err)
	assert.Zero(t, freed)
	now := time.Now()
	var parts []string // the newest first
	for i := range 5 {
		name := "sha256-" + sha(fmt.Sprint(i)).Hex
		parts = append(parts, name)
		write(t, r.statePath(partialDir, name), "0123456789")
		at := now.Add(-time.Duration(i) * time.Hour)
		require.NoError(t, os.Chtimes(r.statePath(partialDir, name), at, at))
	}
	for _, step := range []struct {
		most int64
		left int
	}{{50, 5}, {49, 4}, {25, 2}, {1, 1}, {0, 1}} {
		before := len(names(t, r.statePath(partialDir)))
		freed, err := r.BoundPartial(step.most)
		require.NoError(t, err)
		assert.EqualValues(t, 10*(before-step.left), freed)
		assert.ElementsMatch(t, parts[:step.left], names(t, r.statePath(partialDir)))
	}
	open, err := r.Partial(t.Context(), ref("open.rpm", "open"))
	require.NoError(t, err)
	long := now.Add(-time.Hour)
	require.NoError(t, os.Chtimes(open.path, long, long))
	_, err = r.BoundPartial(0)
	require.NoError(t, err)
	assert.FileExists(t, open.path)
	require.NoError(t, open.Discard())
}

func FuzzSink(f *testing.F) {
	f.Add([]byte("hello world"), uint8(3), []byte("hel"))
	f.Add([]byte(""), uint8(0), []byte("x"))
	f.Add([]byte("abc"), uint8(1), []byte("abd"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte, step uint8, rest []byte) {
		path := filepath.Join(dir, "sink")
		if err := os.WriteFile(path, rest, 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := openSink(t.Context(), path, "x", sha(string(data)), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		defer s.close() //nolint:errcheck // a test
		for try := 0; ; try++ {
			for s.Offset() < int64(len(data)) {
				end := min(int64(len(data)), s.Offset()+int64(step)+1)
				if _, err := s.Write(data[s.Offset():end]); err != nil {
					t.Fatal(err)
				}
			}
			err := s.Finish()
			if err == nil {
				break
			}
			var mismatch *MismatchError
			if try > 0 || bytes.HasPrefix(data, rest) || !errors.As(err, &mismatch) {
				t.Fatal(err)
			}
			if err := s.Restart(); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%q, expected %q, %v", got, data, err)
		}
	})
}
