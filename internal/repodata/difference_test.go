package repodata

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/rpmpkg"
	"gorepo/internal/testrepo/rawrpm"
)

// numbered is a package with a version and some bytes of its own.
func numbered(name string, version, content int) []byte {
	return append(rawrpm.Package(name, rawrpm.Str(1001, fmt.Sprint(version))), fmt.Sprint(content)...)
}

// versions are the words for what a difference tells.
func versions(d *Difference) (come, gone, kept []string) {
	c, g, k := d.Versions()
	text := func(list []rpmpkg.NEVRA) (s []string) {
		for _, n := range list {
			s = append(s, n.String())
		}
		slices.Sort(s)
		return s
	}
	return text(c), text(g), text(slices.Collect(k))
}

func TestDifference(t *testing.T) {
	for name, c := range map[string]struct {
		change           func(t *testing.T, dir string)
		come, gone, kept []string
		dropped          []string
	}{
		"one more": {
			change: func(t *testing.T, dir string) { addFile(t, dir, "c.rpm", numbered("c", 1, 0)) },
			come:   []string{"c-1-1.noarch"}, kept: []string{"a-1-1.noarch", "b-1-1.noarch"},
		},
		"one less": {
			change: func(t *testing.T, dir string) { require.NoError(t, os.Remove(filepath.Join(dir, "b.rpm"))) },
			gone:   []string{"b-1-1.noarch"}, kept: []string{"a-1-1.noarch"}, dropped: []string{"b.rpm"},
		},
		"a new version at another place": {
			change: func(t *testing.T, dir string) {
				require.NoError(t, os.Remove(filepath.Join(dir, "b.rpm")))
				addFile(t, dir, "b2.rpm", numbered("b", 2, 0))
			},
			come: []string{"b-2-1.noarch"}, gone: []string{"b-1-1.noarch"}, kept: []string{"a-1-1.noarch"}, dropped: []string{"b.rpm"},
		},
		"a new version at the same place": {
			change: func(t *testing.T, dir string) { addFile(t, dir, "b.rpm", numbered("b", 2, 22)) },
			come:   []string{"b-2-1.noarch"}, gone: []string{"b-1-1.noarch"}, kept: []string{"a-1-1.noarch"},
		},
		"built again": {
			change: func(t *testing.T, dir string) { addFile(t, dir, "b.rpm", numbered("b", 1, 22)) },
			come:   []string{"b-1-1.noarch"}, gone: []string{"b-1-1.noarch"}, kept: []string{"a-1-1.noarch"},
		},
		"moved": {
			change: func(t *testing.T, dir string) {
				require.NoError(t, os.Rename(filepath.Join(dir, "b.rpm"), filepath.Join(dir, "z.rpm")))
			},
			kept: []string{"a-1-1.noarch", "b-1-1.noarch"}, dropped: []string{"b.rpm"},
		},
		"touched, and one more": {
			change: func(t *testing.T, dir string) {
				require.NoError(t, os.Chtimes(filepath.Join(dir, "b.rpm"), time.Time{}, time.Unix(goldenTime+5, 0)))
				addFile(t, dir, "c.rpm", numbered("c", 1, 0))
			},
			come: []string{"c-1-1.noarch"}, kept: []string{"a-1-1.noarch", "b-1-1.noarch"},
		},
		"one that is bad": {
			change: func(t *testing.T, dir string) { addFile(t, dir, "b.rpm", []byte("no package")) },
			gone:   []string{"b-1-1.noarch"}, kept: []string{"a-1-1.noarch"}, dropped: []string{"b.rpm"},
		},
	} {
		for _, update := range []bool{true, false} {
			t.Run(fmt.Sprint(name, update), func(t *testing.T) {
				dir := t.TempDir()
				addFile(t, dir, "a.rpm", numbered("a", 1, 0))
				addFile(t, dir, "b.rpm", numbered("b", 1, 0))
				old := build1(t, Options{Dir: dir}).old(t)
				c.change(t, dir)
				o := Options{Dir: dir, Published: old, Compare: true}
				if update {
					o.Old = []*OldMetadata{old}
				}
				b, err := tryBuild(t, o)
				require.NoError(t, err)
				come, gone, kept := versions(b.Difference)
				assert.Equal(t, c.come, come, "come")
				assert.Equal(t, c.gone, gone, "gone")
				assert.Equal(t, c.kept, kept, "kept")
				assert.Equal(t, c.dropped, b.Difference.Dropped())
				assert.NoError(t, b.Difference.Incomplete)
				assert.Equal(t, len(b.Locations), b.Difference.Packages)
			})
		}
	}
}

// TestDifferenceOfMany: what the build knows of the entries that it used again,
// and what reading both generations tells, is the same, whatever happened.
func TestDifferenceOfMany(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7)) //nolint:gosec // the same each time
	dir := t.TempDir()
	at := map[string]string{}
	add := func() {
		name, version := fmt.Sprint("p", r.IntN(25)), r.IntN(3)+1
		location := fmt.Sprintf("%d/%s-%d.rpm", r.IntN(2), name, version)
		at[location] = name
		addFile(t, dir, location, numbered(name, version, r.IntN(2)))
	}
	for range 40 {
		add()
	}
	old := build1(t, Options{Dir: dir}).old(t)
	for round := range 15 {
		for _, location := range slices.Sorted(maps.Keys(at)) {
			switch r.IntN(12) {
			case 0:
				require.NoError(t, os.Remove(filepath.Join(dir, location)))
				delete(at, location)
			case 1:
				addFile(t, dir, location, numbered(at[location], 9, 1000+round))
			}
		}
		for range r.IntN(8) {
			add()
		}
		other := *old // as upstream's metadata is, beside the published
		b, err := tryBuild(t, Options{Dir: dir, Published: old, Old: []*OldMetadata{old, &other}, Compare: true, KeepLast: round%2 == 0})
		require.NoError(t, err)
		now := b.old(t)
		want, err := Compare(t.Context(), old, now)
		require.NoError(t, err)
		wantCome, wantGone, wantKept := versions(want)
		come, gone, kept := versions(b.Difference)
		assert.Equal(t, wantCome, come)
		assert.Equal(t, wantGone, gone)
		assert.Equal(t, wantKept, kept)
		assert.Equal(t, want.Dropped(), b.Difference.Dropped())
		assert.Equal(t, want.Packages, b.Difference.Packages)
		old = now
	}
}

// TestDifferenceOfChecksumTypes: where the type of the checksums has changed, only
// name and version can tell what is the same.
func TestDifferenceOfChecksumTypes(t *testing.T) {
	dir := newTree(t, testPackages(t)...)
	old := build1(t, Options{Dir: dir}).old(t)
	b, err := tryBuild(t, Options{Dir: dir, Published: old, Old: []*OldMetadata{old}, Compare: true, Checksum: "sha512"})
	require.NoError(t, err)
	come, gone, kept := versions(b.Difference)
	assert.Empty(t, come)
	assert.Empty(t, gone)
	assert.Len(t, kept, len(b.Locations))
}

// TestDifferenceOfWhatIsDamaged: nothing is said of a generation that cannot be
// read.
func TestDifferenceOfWhatIsDamaged(t *testing.T) {
	dir := newTree(t, testPackages(t)...)
	first := build1(t, Options{Dir: dir})
	old := first.old(t)
	rec, _ := old.Repomd.Find("primary")
	require.NoError(t, os.WriteFile(filepath.Join(first.dir, rec.Name()), []byte("rotten"), 0o644))
	b, err := tryBuild(t, Options{Dir: dir, Published: old, Old: []*OldMetadata{old}, Compare: true})
	require.NoError(t, err)
	require.Error(t, b.Difference.Incomplete)

	// So it is where another file of it is found to be wrong, after its entries were
	// matched: they are then not taken for used.
	first = build1(t, Options{Dir: dir})
	old = first.old(t)
	rec, _ = old.Repomd.Find("other")
	require.NoError(t, os.WriteFile(filepath.Join(first.dir, rec.Name()), []byte("rotten"), 0o644))
	require.NoError(t, os.Remove(filepath.Join(dir, "weak-1.0-1.noarch.rpm")))
	b, err = tryBuild(t, Options{Dir: dir, Published: old, Old: []*OldMetadata{old}, Compare: true})
	require.NoError(t, err)
	require.True(t, b.Damaged)
	require.NoError(t, b.Difference.Incomplete)
	come, gone, _ := versions(b.Difference)
	assert.Empty(t, come)
	assert.Equal(t, []string{"weak-1.0-1.noarch"}, gone)
}
