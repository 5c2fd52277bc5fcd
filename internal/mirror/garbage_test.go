package mirror

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func set(locations ...string) map[string]bool {
	m := map[string]bool{}
	for _, l := range locations {
		m[l] = true
	}
	return m
}

// A package leaves when neither the published generation nor the one before it
// names it.
func TestRemoveUnnamed(t *testing.T) {
	r := newRepo(t)
	for _, l := range []string{"named.rpm", "dropped.rpm", "both.rpm", "old/gone.rpm", "kept.rpm"} {
		bring(t, r, l, l)
	}
	require.NoError(t, os.Mkdir(filepath.Join(r.Dir(), "dir.rpm"), 0o755))
	condemned := []string{"named.rpm", "dropped.rpm", "both.rpm", "old/gone.rpm", "missing.rpm", "dir.rpm"}
	removed, waiting, err := r.RemoveUnnamed(condemned, set("named.rpm", "both.rpm"), []string{"dropped.rpm", "both.rpm"})
	require.NoError(t, err)
	assert.Equal(t, 1, removed)
	assert.Equal(t, []string{"named.rpm", "dropped.rpm", "both.rpm"}, waiting)
	assert.Equal(t, []string{"both.rpm", "dir.rpm", "dropped.rpm", "kept.rpm", "named.rpm"}, names(t, r.Dir()))

	// One generation later.
	removed, waiting, err = r.RemoveUnnamed(waiting, set("kept.rpm"), []string{"named.rpm"})
	require.NoError(t, err)
	assert.Equal(t, 2, removed)
	assert.Equal(t, []string{"named.rpm"}, waiting)

	// What cannot be removed is told, waits, and stops nothing else.
	removed, waiting, err = r.RemoveUnnamed([]string{"../x.rpm", "named.rpm"}, nil, nil)
	var le *LocationError
	require.ErrorAs(t, err, &le)
	assert.Equal(t, 1, removed)
	assert.Equal(t, []string{"../x.rpm"}, waiting)
}

func TestOnlyIn(t *testing.T) {
	assert.Equal(t, []string{"a.rpm", "c.rpm"}, OnlyIn(set("c.rpm", "a.rpm", "b.rpm"), set("b.rpm", "d.rpm")))
}

func TestWriteFile(t *testing.T) {
	r := newRepo(t)
	outside := filepath.Join(t.TempDir(), "outside")
	write(t, outside, "outside")
	require.NoError(t, r.WriteFile("comps.xml", strings.NewReader("one"), time.Time{}))
	require.NoError(t, os.Remove(filepath.Join(r.Dir(), "comps.xml")))
	require.NoError(t, os.Symlink(outside, filepath.Join(r.Dir(), "comps.xml")))
	require.NoError(t, r.WriteFile("comps.xml", strings.NewReader("two"), time.Time{}))
	assert.Equal(t, "outside", read(t, outside), "a link is replaced, not followed")

	broken := errors.New("broken source")
	err := r.WriteFile("comps.xml", io.MultiReader(strings.NewReader("thr"), failing{broken}), time.Time{})
	require.ErrorIs(t, err, broken)
	assert.Equal(t, map[string]string{"comps.xml": "two"}, tree(t, r.Dir()))
	var le *LocationError
	require.ErrorAs(t, r.WriteFile("../comps.xml", strings.NewReader(""), time.Time{}), &le)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestUpstreamStageOpen(t *testing.T) {
	r := newRepo(t)
	write(t, r.statePath(upstreamNewDir, "stale.xml"), "of another run")
	s := stage(t, r)
	download(t, s, "primary.xml", "primary")
	f, err := s.Open("primary.xml")
	require.NoError(t, err)
	data, err := io.ReadAll(f)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	assert.Equal(t, "primary", string(data))
	d, err := s.Record(t.Context(), "half.xml", sha("half"), 4)
	require.NoError(t, err)
	for _, name := range []string{"stale.xml", "half.xml", "missing.xml", "../lock"} {
		_, err := s.Open(name)
		require.Error(t, err, name)
	}
	require.NoError(t, d.Discard())
}
