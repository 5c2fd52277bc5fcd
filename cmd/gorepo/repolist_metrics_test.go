package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// What the metrics of a repository say after each step of a nightly run, in both
// ways of publishing.
func TestMetricsFileFollowsTheNight(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, "hello-2.12-1.noarch")...)
	s := newSite(t, section("built", up), section("copied", up, "download_metadata=1"))
	file := filepath.Join(t.TempDir(), "gorepo.prom")
	metrics := func() string {
		s.ok("repolist", "--metrics-file", file)
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		return string(data)
	}
	const unpublished = `gorepo_repository_unpublished_since_timestamp_seconds{repository="built"} `
	level := func(id, level string) string {
		return `gorepo_repository_health{level="` + level + `",repository="` + id + `"} 1`
	}
	text := metrics()
	assert.Contains(t, text, level("built", "empty"))
	assert.Contains(t, text, `gorepo_repository_last_complete_sync_timestamp_seconds{repository="built"} 0`)

	s.ok("sync")
	text = metrics()
	assert.Contains(t, text, level("built", "empty"))
	assert.Contains(t, text, level("copied", "ok"))
	assert.Contains(t, text, `gorepo_repository_packages{repository="copied"} 1`)

	s.ok("createrepo")
	text = metrics()
	assert.Contains(t, text, level("built", "ok"))
	assert.Contains(t, text, `gorepo_repository_packages{repository="built"} 1`)
	assert.Contains(t, text, `gorepo_repository_upstream_timestamp_seconds{repository="built"} `)
	assert.NotContains(t, text, "unpublished_since")

	up.Add(rpms(t, "weak-1.0-1.noarch")...)
	up.Render()
	s.ok("sync")
	text = metrics()
	assert.Contains(t, text, unpublished)
	assert.NotContains(t, text, `unpublished_since_timestamp_seconds{repository="copied"}`)
	assert.Contains(t, text, `gorepo_repository_packages{repository="built"} 1`)
	s.ok("createrepo", "--update")
	text = metrics()
	assert.NotContains(t, text, "unpublished_since")
	assert.Contains(t, text, `gorepo_repository_packages{repository="built"} 2`)

	// A revision that changes nothing else: createrepo publishes nothing new, and
	// nothing is left to publish.
	up.Render()
	s.ok("sync")
	s.ok("createrepo", "--update")
	assert.NotContains(t, metrics(), "unpublished_since")

	up.Close()
	assert.NotEqual(t, statusOK, s.run("sync").status)
	text = metrics()
	assert.Contains(t, text, level("built", "failing"))
	assert.Contains(t, text, `gorepo_repository_last_sync_success{repository="built"} 0`)

	// The same tree as another program would have left it, and nobody syncs it.
	require.NoError(t, os.RemoveAll(filepath.Join(s.root, ".gorepo")))
	assert.NotContains(t, metrics(), `last_complete_sync_timestamp_seconds{repository="built"}`)
	old := time.Now().AddDate(0, 0, -3)
	require.NoError(t, os.Chtimes(filepath.Join(s.root, "built", "repodata", "repomd.xml"), old, old))
	text = metrics()
	assert.Contains(t, text, level("built", "late"))
	assert.Contains(t, text, `gorepo_repository_last_complete_sync_timestamp_seconds{repository="built"} 0`, "or no rule would ring")
}
