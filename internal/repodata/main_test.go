package repodata

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// goldenTime is the mtime under which testdata/golden saw the packages.
const goldenTime = 1704067200

// testPackages returns the paths of the packages in testdata.
func testPackages(t testing.TB) []string { return rpmsIn(t, "../../testdata/rpms") }

// centosPackages returns the paths of the packages that cavaliergopher/rpm is
// tested with: made by rpm 4.0 to 4.11.
func centosPackages(t testing.TB) []string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/cavaliergopher/rpm").Output()
	require.NoError(t, err)
	return rpmsIn(t, filepath.Join(strings.TrimSpace(string(dir)), "testdata"))
}

func rpmsIn(t testing.TB, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*.rpm"))
	require.NoError(t, err)
	require.NotEmpty(t, list, "packages in %s", dir)
	return list
}

// newTree makes a directory with copies of packages.
func newTree(t testing.TB, packages ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range packages {
		data, err := os.ReadFile(p)
		require.NoError(t, err)
		addFile(t, dir, filepath.Base(p), data)
	}
	return dir
}

// addFile puts a file into a tree, with the mtime that all of them have.
func addFile(t testing.TB, dir, location string, data []byte) {
	t.Helper()
	path := filepath.Join(dir, location)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, data, 0o644))
	at := time.Unix(goldenTime, 0)
	require.NoError(t, os.Chtimes(path, at, at))
}

// dirOutput makes a generation in a directory.
type dirOutput string

func (d dirOutput) Path(name string) string { return filepath.Join(string(d), name) }

func (d dirOutput) Create(name string) (*os.File, error) {
	return os.OpenFile(d.Path(name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
}

func (d dirOutput) Write(name string, data []byte) error {
	f, err := d.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

func (d dirOutput) Rename(from, to string) error { return os.Rename(d.Path(from), d.Path(to)) }
func (d dirOutput) Remove(name string) error     { return os.Remove(d.Path(name)) }
func (d dirOutput) SetTime(name string, t time.Time) error {
	return os.Chtimes(d.Path(name), t, t)
}

// built is what one Build made and said.
type built struct {
	Result
	dir      string   // the generation; "" where none was asked for
	bad      []string // location: error
	warnings []string // location: warning
	packages []string // that were read, sorted
}

// tryBuild runs Build with a revision that is always the same.
func tryBuild(t testing.TB, o Options) (built, error) {
	t.Helper()
	if o.Revision == "" {
		o.Revision = fmt.Sprint(goldenTime)
	}
	if o.ChangelogLimit == 0 {
		o.ChangelogLimit = 10
	}
	var b built
	var mu sync.Mutex
	add := func(list *[]string, s string) {
		mu.Lock()
		defer mu.Unlock()
		*list = append(*list, s)
	}
	o.OnBad = func(location string, err error) { add(&b.bad, location+": "+err.Error()) }
	o.OnWarning = func(location, warning string) { add(&b.warnings, location+": "+warning) }
	onPackage := o.OnPackage
	o.OnPackage = func(location string) {
		add(&b.packages, location)
		if onPackage != nil {
			onPackage(location)
		}
	}
	var err error
	b.Result, err = Build(t.Context(), func() (Output, error) {
		require.Empty(t, b.dir, "output is asked for once")
		b.dir = t.TempDir()
		return dirOutput(b.dir), nil
	}, o)
	slices.Sort(b.bad)
	slices.Sort(b.warnings)
	slices.Sort(b.packages)
	return b, err
}

func build1(t testing.TB, o Options) built {
	t.Helper()
	b, err := tryBuild(t, o)
	require.NoError(t, err)
	require.NotEmpty(t, b.dir)
	b.requireWhole(t)
	return b
}

// requireWhole checks that the generation's repomd.xml names all the files
// that are there, as they are, and that each lists the same packages.
func (b built) requireWhole(t testing.TB) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(b.dir, "repomd.xml"))
	require.NoError(t, err)
	m, err := ParseRepomd(data)
	require.NoError(t, err)
	require.Equal(t, b.Repomd, m)
	named := []string{"repomd.xml"}
	for _, rec := range m.Records {
		named = append(named, rec.Name())
		require.Equal(t, "repodata/"+rec.Name(), rec.Location)
		content(t, b.dir, rec)
	}
	for _, k := range kinds {
		n := 0
		rec, _ := m.Find(k.String())
		xml := content(t, b.dir, rec)
		s, err := NewSplitter(bytes.NewReader(xml), k)
		require.NoError(t, err)
		for {
			_, err := s.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			n++
		}
		require.Contains(t, string(xml[:300]), fmt.Sprintf(` packages="%d">`, n), "%s", k)
		require.Len(t, b.Locations, n)
	}
	entries, err := os.ReadDir(b.dir)
	require.NoError(t, err)
	var there []string
	for _, e := range entries {
		there = append(there, e.Name())
	}
	slices.Sort(named)
	require.ElementsMatch(t, slices.Compact(named), there, "nothing else is left") // two records may name one file
}

// content reads a file of a generation, and checks it against its record.
func content(t testing.TB, dir string, rec Record) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, rec.Name()))
	require.NoError(t, err)
	r, err := OpenRecord(f, rec)
	require.NoError(t, err)
	data, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	return data
}

// xml returns one of the three files.
func (b built) xml(t testing.TB, k Kind) string {
	t.Helper()
	rec, ok := b.Repomd.Find(k.String())
	require.True(t, ok)
	return string(content(t, b.dir, rec))
}

// old returns the generation as one whose entries can be used again.
func (b built) old(t testing.TB) *OldMetadata {
	t.Helper()
	m, err := OpenLocal("the old one", b.dir)
	require.NoError(t, err)
	return m
}

// files returns a generation's files by name.
func (b built) files(t testing.TB) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(b.dir)
	require.NoError(t, err)
	files := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(b.dir, e.Name()))
		require.NoError(t, err)
		files[e.Name()] = string(data)
	}
	return files
}
