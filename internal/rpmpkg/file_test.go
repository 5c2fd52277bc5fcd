package rpmpkg

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cavaliergopher/rpm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/rawrpm"
)

// centosPackages returns the paths of the CentOS and EPEL packages that
// cavaliergopher/rpm is tested with: made by rpm 4.0 to 4.11.
func centosPackages(t testing.TB) []string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/cavaliergopher/rpm").Output()
	require.NoError(t, err)
	list, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "testdata", "*.rpm"))
	require.NoError(t, err)
	require.NotEmpty(t, list)
	return list
}

func readFile(t *testing.T, path, checksumType string) (*File, error) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	return ReadFile(t.Context(), f, checksumType)
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.rpm")
	data := append(rawrpm.Package("x"), bytes.Repeat([]byte("payload "), 1<<17)...) // more than one buffer
	require.NoError(t, os.WriteFile(path, data, 0o644))
	mtime := time.Unix(1700000000, 999_999_999)
	require.NoError(t, os.Chtimes(path, mtime, mtime))

	f, err := readFile(t, path, "sha256")
	require.NoError(t, err)
	sum := sha256.Sum256(data)
	assert.Equal(t, Checksum{"sha256", hex.EncodeToString(sum[:])}, f.Checksum)
	assert.EqualValues(t, len(data), f.Size)
	assert.EqualValues(t, 1700000000, f.ModTime)
	assert.Equal(t, "x-1-1.noarch", f.String())

	for kind, digits := range map[string]int{"sha1": 40, "sha512": 128, "sha": 40, "md5": 32} {
		f, err := readFile(t, path, kind)
		require.NoError(t, err, kind)
		assert.Equal(t, kind, f.Checksum.Type)
		assert.Len(t, f.Checksum.Hex, digits)
	}
	_, err = readFile(t, path, "crc32")
	require.ErrorContains(t, err, `unknown checksum type "crc32"`)
	_, err = readFile(t, t.TempDir(), "sha256")
	require.ErrorContains(t, err, "not a regular file")
}

// during is a context that runs something each time it is asked whether it has
// ended, which ReadFile does before each block of the payload.
type during struct {
	context.Context
	do func()
}

func (d during) Err() error {
	d.do()
	return d.Context.Err()
}

func TestReadFileThatChanges(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"grows": func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("more")
			return errors.Join(err, f.Close())
		},
		"shrinks": func(path string) error { return os.Truncate(path, 300<<10) },
		"is overwritten": func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt([]byte("other"), 500<<10)
			return errors.Join(err, f.Close())
		},
		"is touched": func(path string) error {
			at := time.Unix(1600000000, 0)
			return os.Chtimes(path, at, at)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.rpm")
			require.NoError(t, os.WriteFile(path, append(rawrpm.Package("x"), make([]byte, 1<<20)...), 0o644))
			old := time.Now().Add(-time.Hour) // so that a change shows, however coarse the clock is
			require.NoError(t, os.Chtimes(path, old, old))
			f, err := os.Open(path)
			require.NoError(t, err)
			defer f.Close()
			round := 0
			_, err = ReadFile(during{t.Context(), func() {
				if round++; round == 1 {
					require.NoError(t, change(path))
				}
			}}, f, "sha256")
			require.ErrorIs(t, err, ErrChanged)
			require.Positive(t, round)
		})
	}
}

func TestReadFileIsCancelled(t *testing.T) {
	f, err := os.Open(testPackages(t)[0])
	require.NoError(t, err)
	defer f.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = ReadFile(ctx, f, "sha256")
	require.ErrorIs(t, err, context.Canceled)
}

func TestReadFileThatIsCut(t *testing.T) {
	data, err := os.ReadFile(testPackages(t)[0])
	require.NoError(t, err)
	for _, n := range []int{0, 10, 96, 200, 1000} {
		path := filepath.Join(t.TempDir(), strconv.Itoa(n)+".rpm")
		require.NoError(t, os.WriteFile(path, data[:n], 0o644))
		_, err := readFile(t, path, "sha256")
		require.Error(t, err)
		if n < leadSize {
			require.ErrorIs(t, err, ErrNotRPM)
		} else {
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		}
	}
}

// TestAgainstLibrary compares what we say of real packages with what
// cavaliergopher/rpm says by itself, where it is right.
func TestAgainstLibrary(t *testing.T) {
	for _, path := range append(testPackages(t), centosPackages(t)...) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			ours, err := readFile(t, path, "sha256")
			require.NoError(t, err)
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			theirs, err := rpm.Read(bytes.NewReader(data))
			require.NoError(t, err)

			assert.Equal(t, theirs.Name(), ours.Name)
			assert.Equal(t, theirs.Version(), ours.Version)
			assert.Equal(t, theirs.Release(), ours.Release)
			assert.Equal(t, strconv.Itoa(theirs.Epoch()), ours.Epoch)
			if !strings.HasSuffix(path, ".src.rpm") { // the library gives what it was built on
				assert.Equal(t, theirs.Architecture(), ours.Arch)
			}
			assert.Equal(t, theirs.Vendor(), ours.Vendor)
			assert.Equal(t, theirs.License(), ours.License)
			assert.Equal(t, theirs.Packager(), ours.Packager)
			assert.Equal(t, theirs.URL(), ours.URL)
			assert.Equal(t, theirs.BuildHost(), ours.BuildHost)
			assert.Equal(t, theirs.SourceRPM(), ours.SourceRPM)
			assert.Equal(t, theirs.BuildTime().Unix(), ours.BuildTime)
			assert.Equal(t, theirs.Size(), ours.InstalledSize)
			assert.Equal(t, theirs.ArchiveSize(), ours.ArchiveSize)
			assert.True(t, strings.HasPrefix(theirs.Summary(), ours.Summary))
			start, end := theirs.HeaderRange()
			assert.EqualValues(t, start, ours.HeaderStart)
			assert.EqualValues(t, end, ours.HeaderEnd)

			assert.Equal(t, dependencies(theirs.Conflicts()), show(ours.Conflicts))
			assert.Equal(t, dependencies(theirs.Obsoletes()), show(ours.Obsoletes))
			assert.Equal(t, dependencies(theirs.Provides()), show(ours.Provides))
			assert.Equal(t, dependencies(theirs.Suggests()), show(ours.Suggests))
			assert.Equal(t, dependencies(theirs.Recommends()), show(ours.Recommends))
			assert.Equal(t, dependencies(theirs.Enhances()), show(ours.Enhances))
			// Not all requirements are shown, but there is none that is not one.
			all := dependencies(theirs.Requires())
			for _, d := range ours.Requires {
				d.Pre = false
				assert.Contains(t, all, show([]Dependency{d})[0])
			}

			var files []string
			ours.Files(func(dir, base []byte, kind FileType) bool {
				files = append(files, string(dir)+string(base))
				assert.Equal(t, theirs.Files()[len(files)-1].Mode().IsDir(), kind == Directory, "%s", files[len(files)-1])
				return true
			})
			var want []string
			for _, f := range theirs.Files() {
				want = append(want, f.Name())
			}
			assert.Equal(t, want, files)

			times := theirs.Header.GetTag(1080).Int64Slice()
			require.Len(t, ours.Changelog, len(times))
			for i, c := range ours.Changelog {
				assert.Equal(t, times[i], c.Date)
				assert.Equal(t, theirs.Header.GetTag(1081).StringSlice()[i], c.Author)
				assert.Equal(t, theirs.Header.GetTag(1082).StringSlice()[i], c.Text)
			}
		})
	}
}

// dependencies writes the library's as show writes ours.
func dependencies(list []rpm.Dependency) []string {
	var out []string
	for _, d := range list {
		s := d.Name()
		if flags := comparison[int64(d.Flags()&0xf)]; flags != "" {
			s += " " + flags + " " + strconv.Itoa(d.Epoch()) + ":" + d.Version()
			if d.Release() != "" {
				s += "-" + d.Release()
			}
		}
		out = append(out, s)
	}
	return out
}
