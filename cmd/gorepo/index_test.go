package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/catalog"
	"gorepo/internal/testrepo"
)

func TestIndex(t *testing.T) {
	s := newSite(t)
	r := s.run("index")
	assert.Equal(t, statusFailed, r.status)
	assert.Contains(t, r.stderr, "nothing is mirrored there yet")

	for _, id := range []string{"alpha", "beta"} {
		testrepo.Render(testrepo.Options{}, testrepo.Fake(id+"-1-1.noarch", 100)).WriteTo(t, filepath.Join(s.root, id))
		require.NoError(t, os.MkdirAll(filepath.Join(s.root, ".gorepo", id), 0o755))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(s.root, "empty"), 0o755))
	r = s.run("index", "-v")
	assert.Equal(t, statusOK, r.status, r.stderr)
	assert.Contains(t, r.stderr, "alpha: index complete: 1 package of 100 B in all; ")
	assert.Contains(t, r.stderr, "beta: the index takes ")
	assert.NotContains(t, r.stderr, "empty")
	r = s.run("index")
	assert.Equal(t, "", r.stdout+r.stderr)

	// The index is where serve looks for it, and is made once.
	r = s.run("index", "--json", "al*")
	assert.Equal(t, statusOK, r.status)
	var object struct {
		Event, Repo, File string
		Packages          int
	}
	require.NoError(t, json.Unmarshal([]byte(strings.SplitN(r.stdout, "\n", 2)[0]), &object))
	assert.Equal(t, "index", object.Event)
	assert.Equal(t, "alpha", object.Repo)
	assert.Equal(t, 1, object.Packages)
	assert.Equal(t, filepath.Join(s.root, ".gorepo", "alpha", "catalog"), filepath.Dir(object.File))
	assert.Contains(t, r.stdout, `"outcome":"unchanged"`)
	assert.NotContains(t, r.stdout, "beta")
	before, err := os.Stat(object.File)
	require.NoError(t, err)
	s.run("index")
	after, err := os.Stat(object.File)
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after))
	s.run("index", "--force")
	after, err = os.Stat(object.File)
	require.NoError(t, err)
	assert.False(t, os.SameFile(before, after))
	require.NoError(t, catalog.Verify(t.Context(), object.File))

	// What is damaged is made again.
	require.NoError(t, os.Truncate(object.File, 100))
	r = s.run("index", "-v")
	assert.Equal(t, statusOK, r.status, r.stderr)
	assert.Contains(t, r.stderr, "alpha: index complete")
	require.NoError(t, catalog.Verify(t.Context(), object.File))

	// One that there is not is said, and the rest is done.
	r = s.run("index", "alpha", "gamma")
	assert.Equal(t, statusPartial, r.status)
	assert.Contains(t, r.stderr, "gamma: no repository of that name in "+s.root+" has metadata")
	assert.Equal(t, statusFailed, s.run("index", "gamma").status)

	// Lists that are damaged are missing, and that is said.
	files, err := filepath.Glob(filepath.Join(s.root, "beta", "repodata", "*filelists*"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(files[0], []byte("x"), 0o644))
	r = s.run("index", "--force", "beta")
	assert.Equal(t, statusPartial, r.status)
	assert.Contains(t, r.stderr, "beta: warning: the lists of files cannot be read: ")

	// Where the mirror cannot be written there is a cache.
	require.NoError(t, os.RemoveAll(filepath.Join(s.root, ".gorepo", "alpha", "catalog")))
	require.NoError(t, os.WriteFile(filepath.Join(s.root, ".gorepo", "alpha", "catalog"), nil, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(s.root, ".gorepo", ".catalog"), nil, 0o644))
	s.run("index", "alpha").ended(statusFailed, says("gorepo: alpha: ", "catalog cannot be written", "--cache-dir"))
	// For many that is one line; those that are there need no place.
	require.NoError(t, os.RemoveAll(filepath.Join(s.root, ".gorepo", "beta", "catalog")))
	require.NoError(t, os.WriteFile(filepath.Join(s.root, ".gorepo", "beta", "catalog"), nil, 0o644))
	s.run("index").ended(statusFailed, says("the indexes of 2 repositories cannot be made (alpha, beta): ", "--cache-dir"))
	assert.Len(t, s.run("index", "-v").lines(), 3, "each, and the conclusion")
	cache := filepath.Join(s.dir, "cache")
	r = s.run("index", "--cache-dir", cache, "alpha")
	assert.Equal(t, statusOK, r.status, r.stderr)
	assert.FileExists(t, filepath.Join(cache, "alpha", filepath.Base(object.File)))
}

// systemd.exec(5) has several directories in one variable.
func TestCacheDir(t *testing.T) {
	for environ, want := range map[string]string{"": "", "/var/cache/gorepo": "/var/cache/gorepo", "/var/cache/a:/var/cache/b": "/var/cache/a"} {
		a := &app{process: process{environ: []string{"CACHE_DIRECTORY=" + environ}}}
		assert.Equal(t, want, cacheDir("", a))
		assert.Equal(t, "/else", cacheDir("/else", a))
	}
}
