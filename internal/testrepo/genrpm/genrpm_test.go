package genrpm

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/xml"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
)

// state is what must be the same when a file is.
type state struct {
	sum   [sha256.Size]byte
	mtime time.Time
}

// snapshot gives the packages below dir by location.
func snapshot(t *testing.T, dir string) map[string]state {
	t.Helper()
	files := map[string]state{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".rpm" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		location, err := filepath.Rel(dir, path)
		files[location] = state{sha256.Sum256(data), info.ModTime()}
		return err
	})
	require.NoError(t, err)
	return files
}

func generate(t *testing.T, o Options) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, Generate(dir, o))
	return dir
}

type relation struct {
	Name string `xml:"name,attr"`
}

type primaryPackage struct {
	Name     string `xml:"name"`
	Arch     string `xml:"arch"`
	Location struct {
		Href string `xml:"href,attr"`
	} `xml:"location"`
	Time struct {
		File  int64 `xml:"file,attr"`
		Build int64 `xml:"build,attr"`
	} `xml:"time"`
	Provides  []relation `xml:"format>provides>entry"`
	Requires  []relation `xml:"format>requires>entry"`
	SourceRPM string     `xml:"format>sourcerpm"`
	Header    struct {
		Start int64 `xml:"start,attr"`
		End   int64 `xml:"end,attr"`
	} `xml:"format>header-range"`
}

// createrepo runs createrepo_c on dir, which must find nothing to complain
// about, and gives what it wrote.
func createrepo(t *testing.T, dir string) []primaryPackage {
	t.Helper()
	cmd := exec.Command(peer.Need(t, "createrepo_c"), "--quiet", "--no-database", "--simple-md-filenames", dir)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, string(out))

	f, err := os.Open(filepath.Join(dir, "repodata", "primary.xml.gz"))
	require.NoError(t, err)
	defer func() { assert.NoError(t, f.Close()) }()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	var primary struct {
		Packages []primaryPackage `xml:"package"`
	}
	require.NoError(t, xml.NewDecoder(z).Decode(&primary))
	return primary.Packages
}

func TestGenerateSameOptionsSameBytes(t *testing.T) {
	o := Options{Packages: 60, Seed: 7, Versions: 3, Sources: true}
	before := snapshot(t, generate(t, o))
	assert.Len(t, before, 60+5) // 20 names, of five sources

	t.Cleanup(func(n int) func() { return func() { runtime.GOMAXPROCS(n) } }(runtime.GOMAXPROCS(1)))
	assert.Equal(t, before, snapshot(t, generate(t, o)), "with one worker")

	o.Seed = 8
	other := snapshot(t, generate(t, o))
	for location := range other {
		assert.NotContains(t, before, location)
	}
}

func TestGenerateAcceptedByCreaterepo(t *testing.T) {
	dir := generate(t, Options{Packages: 81, Seed: 3, Versions: 2, Sources: true})
	packages := createrepo(t, dir)
	require.Len(t, packages, 81+11)

	provided := map[string]bool{}
	arches := map[string]int{}
	for _, p := range packages {
		arches[p.Arch]++
		for _, r := range p.Provides {
			provided[r.Name] = true
		}
	}
	assert.Equal(t, 11, arches["src"])
	assert.Positive(t, arches["noarch"])
	assert.Positive(t, arches["x86_64"])
	for _, p := range packages {
		assert.Equal(t, p.Time.Build, p.Time.File, p.Location.Href)
		assert.Equal(t, p.Arch == "src", p.SourceRPM == "", p.Location.Href)
		assert.Greater(t, p.Header.End-p.Header.Start, int64(1024), p.Location.Href)
		assert.Equal(t, filepath.Join("Packages", p.Name[:1]), filepath.Dir(p.Location.Href))
		for _, r := range p.Requires {
			assert.True(t, provided[r.Name], "%s requires %s", p.Location.Href, r.Name)
		}
	}
}

func TestGenerateAcceptedByRPM(t *testing.T) {
	rpmkeys := peer.Need(t, "rpmkeys")
	dir := generate(t, Options{Packages: 8, Sources: true})
	files, err := filepath.Glob(filepath.Join(dir, "Packages", "*", "*.rpm"))
	require.NoError(t, err)
	require.Len(t, files, 10)
	out, err := exec.Command(rpmkeys, append([]string{"--dbpath", t.TempDir(), "-K"}, files...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func TestChange(t *testing.T) {
	o := Options{Packages: 200, FilesPerPackage: 10, Sources: true}
	dir, twin := generate(t, o), generate(t, o)
	before := snapshot(t, dir)

	changed, err := Change(dir, 0.05, 1)
	require.NoError(t, err)
	require.Len(t, changed, 10)
	after := snapshot(t, dir)
	assert.Len(t, after, len(before), "each package replaces one")
	for location, s := range after {
		if slices.Contains(changed, location) {
			assert.NotContains(t, before, location)
		} else {
			assert.Equal(t, before[location], s, location)
		}
	}

	again, err := Change(twin, 0.05, 1)
	require.NoError(t, err)
	assert.Equal(t, changed, again)
	assert.Equal(t, after, snapshot(t, twin))

	// All of them, some for the second time.
	_, err = Change(dir, 1, 2)
	require.NoError(t, err)
	packages := createrepo(t, dir)
	require.Len(t, packages, len(before))
	for _, p := range packages {
		if p.Arch != "src" {
			assert.NotContains(t, after, p.Location.Href)
		}
	}
}

func TestChangeOnePackageAtLeast(t *testing.T) {
	dir := generate(t, Options{Packages: 4})
	changed, err := Change(dir, 0.001, 1)
	require.NoError(t, err)
	assert.Len(t, changed, 1)
	changed, err = Change(dir, 0, 1)
	require.NoError(t, err)
	assert.Empty(t, changed)
}

func TestOptionsAreObeyed(t *testing.T) {
	p := newPlan(Options{Packages: 4000, FilesPerPackage: 100, PayloadBytes: 5000, Changelogs: 6, Versions: 1})
	var files, payload, changelogs, few, most int
	locations := map[string]bool{}
	for i := range p.Packages {
		d := p.describe(i, 0)
		files += d.files
		payload += d.payload
		changelogs += d.changelogs
		most = max(most, d.files)
		if d.files < 50 {
			few++
		}
		locations[d.location()] = true
	}
	assert.Len(t, locations, 4000)
	assert.InDelta(t, 100, files/4000, 15)
	assert.InDelta(t, 5000, payload/4000, 300)
	assert.InDelta(t, 6, changelogs/4000, 1)
	assert.Greater(t, few, 2000, "most packages have fewer files than the average")
	assert.Greater(t, most, 1500, "a few have very many")

	for i := range 200 {
		d := p.describe(i, 0)
		assert.Len(t, d.fileList(), d.files, d.location())
	}
}

func TestErrors(t *testing.T) {
	dir := generate(t, Options{Packages: 1})
	assert.ErrorIs(t, Generate(dir, Options{}), fs.ErrExist)
	assert.ErrorContains(t, Generate(t.TempDir(), Options{Versions: -1}), "versions: -1")
	assert.ErrorContains(t, Generate(t.TempDir(), Options{Packages: 1e9}), "packages: 1000000000")

	_, err := Change(t.TempDir(), 0.5, 0)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Change(dir, 1.5, 0)
	assert.ErrorContains(t, err, "fraction: 1.5")
}
