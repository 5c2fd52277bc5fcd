package mirror

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInventory(t *testing.T) {
	// Locations whose order as strings is not that of the walk.
	locations := []string{"a.rpm", "a/b.rpm", "a/b/c.rpm", "a-b/x.rpm", "z.rpm", "ü ö.rpm"}
	at := func(r *Repo, location string) string { return filepath.Join(r.Dir(), location) }
	now := func(t *testing.T, file string) {
		require.NoError(t, os.Chtimes(file, time.Time{}, time.Now()))
	}
	for name, test := range map[string]struct {
		change func(t *testing.T, r *Repo)
		key    string
		ok     bool
		others int
	}{
		"as it was":     {ok: true},
		"another key":   {key: "other"},
		"one more":      {change: func(t *testing.T, r *Repo) { foreign(t, r, "a/a.rpm", "more") }, ok: true, others: 1},
		"one more last": {change: func(t *testing.T, r *Repo) { foreign(t, r, "ÿ.rpm", "more") }, ok: true, others: 1},
		"first gone":    {change: func(t *testing.T, r *Repo) { require.NoError(t, os.Remove(at(r, "a/b/c.rpm"))) }},
		"last gone":     {change: func(t *testing.T, r *Repo) { require.NoError(t, os.Remove(at(r, "ü ö.rpm"))) }},
		"all gone":      {change: func(t *testing.T, r *Repo) { require.NoError(t, os.RemoveAll(r.Dir())) }},
		"touched":       {change: func(t *testing.T, r *Repo) { now(t, at(r, "z.rpm")) }},
		"another size": {change: func(t *testing.T, r *Repo) {
			foreign(t, r, "a.rpm", "longer than it was")
			require.NoError(t, os.Chtimes(at(r, "a.rpm"), time.Time{}, time.Unix(fileTime, 0)))
		}},
		"a link in its place": {change: func(t *testing.T, r *Repo) {
			require.NoError(t, os.Rename(at(r, "a.rpm"), at(r, "a.moved")))
			require.NoError(t, os.Symlink("a.moved", at(r, "a.rpm")))
		}},
		"forgotten": {change: func(t *testing.T, r *Repo) { require.NoError(t, r.ForgetInventory()) }},
		"cut": {change: func(t *testing.T, r *Repo) {
			require.NoError(t, os.Truncate(r.statePath(inventoryFile), int64(len(read(t, r.statePath(inventoryFile)))-1)))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t)
			var packages []Package
			size := int64(0)
			for _, l := range locations {
				bring(t, r, l, l)
				p, ok, err := r.Stat(l)
				require.NoError(t, err)
				require.True(t, ok)
				packages = append(packages, p)
				size += p.Size
			}
			require.NoError(t, r.SaveInventory("key", packages))
			if test.change != nil {
				test.change(t, r)
			}
			key := "key"
			if test.key != "" {
				key = test.key
			}
			found, ok := r.CheckInventory(t.Context(), key)
			require.Equal(t, test.ok, ok)
			if ok {
				assert.Equal(t, Inventory{Packages: len(locations), Size: size, Others: test.others}, found)
			}
		})
	}
}

func TestInventoryEdges(t *testing.T) {
	r := newRepo(t)
	_, ok := r.CheckInventory(t.Context(), "key")
	assert.False(t, ok, "none was saved")
	require.NoError(t, r.ForgetInventory(), "none to forget")

	require.NoError(t, r.SaveInventory("key", nil))
	found, ok := r.CheckInventory(t.Context(), "key")
	assert.True(t, ok)
	assert.Equal(t, Inventory{}, found, "an empty repository")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, ok = r.CheckInventory(ctx, "key")
	assert.False(t, ok, "cut short")

	require.NoError(t, r.SaveInventory("new", []Package{{Location: "a\nb.rpm"}}))
	_, ok = r.CheckInventory(t.Context(), "new")
	assert.False(t, ok, "a name that no line can hold")
}
