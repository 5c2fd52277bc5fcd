package rpmpkg

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
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

func readAt(t *testing.T, path, checksumType string) (*File, error) {
	t.Helper()
	return ReadPath(t.Context(), path, checksumType)
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.rpm")
	data := append(rawrpm.Package("x"), bytes.Repeat([]byte("payload "), 1<<17)...) // more than one buffer
	require.NoError(t, os.WriteFile(path, data, 0o644))
	mtime := time.Unix(1700000000, 999_999_999)
	require.NoError(t, os.Chtimes(path, mtime, mtime))

	f, err := readAt(t, path, "sha256")
	require.NoError(t, err)
	sum := sha256.Sum256(data)
	assert.Equal(t, Checksum{"sha256", hex.EncodeToString(sum[:])}, f.Checksum)
	assert.EqualValues(t, len(data), f.Size)
	assert.EqualValues(t, 1700000000, f.ModTime)
	assert.Equal(t, "x-1-1.noarch", f.String())

	for kind, digits := range map[string]int{"sha1": 40, "sha512": 128, "sha": 40, "md5": 32} {
		f, err := readAt(t, path, kind)
		require.NoError(t, err, kind)
		assert.Equal(t, kind, f.Checksum.Type)
		assert.Len(t, f.Checksum.Hex, digits)
	}
	_, err = readAt(t, path, "crc32")
	require.ErrorContains(t, err, `unknown checksum type "crc32"`)
	_, err = readAt(t, t.TempDir(), "sha256")
	require.ErrorContains(t, err, "not a regular file")
}

func TestReadFileThatIsCut(t *testing.T) {
	data, err := os.ReadFile(testPackages(t)[0])
	require.NoError(t, err)
	for _, n := range []int{0, 10, 96, 200, 1000} {
		path := filepath.Join(t.TempDir(), strconv.Itoa(n)+".rpm")
		require.NoError(t, os.WriteFile(path, data[:n], 0o644))
		_, err := readAt(t, path, "sha256")
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
			ours, err := readAt(t, path, "sha256")
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

			// The lists as they stand in the header.
			preamble, err := ReadPreamble(bytes.NewReader(data))
			require.NoError(t, err)
			tags := []int{tagChangelogTime, tagChangelogName, tagChangelogText}
			for _, k := range dependencyKinds {
				tags = append(tags, int(k.name), int(k.flags), int(k.version))
			}
			for _, tag := range tags {
				theirs := theirs.Header.GetTag(tag)
				assert.Equal(t, theirs.StringSlice(), preamble.Header.Strings(tag), "tag %d", tag)
				var numbers []int64
				for _, n := range preamble.Header.Uints(tag) {
					numbers = append(numbers, int64(n))
				}
				assert.Equal(t, theirs.Int64Slice(), numbers, "tag %d", tag)
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
