//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCachedirIsCreaterepoCs: both tools write the same files into it, and each
// uses what the other has written.
func TestCachedirIsCreaterepoCs(t *testing.T) {
	t.Parallel()
	needAll(t, "createrepo_c")
	tree := copyTestdata(t)
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/cavaliergopher/rpm").Output()
	require.NoError(t, err)
	old, err := filepath.Glob(strings.TrimSpace(string(out)) + "/testdata/*.rpm") // signed by older rpms
	require.NoError(t, err)
	require.NotEmpty(t, old)
	for _, p := range old {
		copyPackage(t, p, tree, "old", filepath.Base(p))
	}
	s := newSite(t)
	for _, checksum := range []string{"sha256", "sha", "sha512"} {
		theirs, ours := t.TempDir(), t.TempDir()
		createrepoC(t, "-s", checksum, "-c", theirs, "-o", t.TempDir(), tree)
		s.build("createrepo", "-s", checksum, "--cachedir", ours, "-o", t.TempDir(), tree)
		assert.Equal(t, listTree(t, theirs), listTree(t, ours), checksum)
	}

	// Each takes the other's word, in a directory below the one of repodata.
	theirs, ours := t.TempDir(), t.TempDir()
	createrepoC(t, "-c", "cache", "-o", theirs, tree)
	s.build("createrepo", "-c", "cache", "-o", ours, tree)
	requireSameMetadata(t, theirs, ours, comparison{})
	assert.Equal(t, listTree(t, theirs+"/cache"), listTree(t, ours+"/cache"))
	entries, err := filepath.Glob(theirs + "/cache/weak-*")
	require.NoError(t, err)
	require.Len(t, entries, 1)
	lie := strings.Repeat("0123", 16)
	require.NoError(t, os.WriteFile(entries[0], []byte(lie), 0o644))
	createrepoC(t, "-c", "cache", "-o", theirs, tree)
	s.build("createrepo", "-c", theirs+"/cache", "-o", ours, tree)
	requireSameMetadata(t, theirs, ours, comparison{})

	s.run("createrepo", "-c", "none/cache", "-o", ours, tree).ended(1, says("none/cache"))
}
