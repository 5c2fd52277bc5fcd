package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], "-make") { // what bench starts itself with
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestBench measures a small tree, so that the benchmark still runs when it is
// wanted.
func TestBench(t *testing.T) {
	dir := t.TempDir()
	gorepo := filepath.Join(dir, "gorepo")
	said, err := exec.Command("go", "build", "-o", gorepo, "../../cmd/gorepo").CombinedOutput()
	require.NoError(t, err, "%s", said)
	var out bytes.Buffer
	work := filepath.Join(dir, "work")
	require.NoError(t, run(t.Context(), []string{"-gorepo", gorepo, "-dir", work, "-rounds", "1", "-tree", "12", "-run", "^createrepo|^sync"}, &out))
	for _, row := range []string{"createrepo cold", "createrepo --update, unchanged", "createrepo --update, 1 % changed", "sync first", "sync again, unchanged"} {
		assert.Contains(t, out.String(), "\n"+row)
	}
	assert.Contains(t, out.String(), "12 packages, ")

	// Again with the tree that is there, and one row.
	out.Reset()
	require.NoError(t, run(t.Context(), []string{"-gorepo", gorepo, "-dir", work, "-rounds", "2", "-tree", "12", "-run", "unchanged$"}, &out))
	assert.Contains(t, out.String(), "unchanged")
	assert.NotContains(t, out.String(), "cold")
	assert.NotContains(t, out.String(), "changed,")

	// Under load.
	peer.Need(t, "wrk")
	out.Reset()
	require.NoError(t, run(t.Context(), []string{"-gorepo", gorepo, "-rounds", "1", "-tree", "12", "-load", "300ms", "-downloads", "20", "-run", "^serve (repomd.xml|downloads)$"}, &out))
	for _, row := range []string{serveRepomd, serveDownload} {
		assert.Regexp(t, `(?m)^`+row+` +gorepo +\d`, out.String())
	}
}

// TestBenchPages indexes a small repository, and asks for each kind of page.
func TestBenchPages(t *testing.T) {
	gorepo := filepath.Join(t.TempDir(), "gorepo")
	said, err := exec.Command("go", "build", "-o", gorepo, "../../cmd/gorepo").CombinedOutput()
	require.NoError(t, err, "%s", said)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-gorepo", gorepo, "-rounds", "1", "-tree", "1", "-packages", "300", "-requests", "2", "-run", "^(index|pages)$"}, &out))
	assert.Regexp(t, `(?m)^index +gorepo +\d`, out.String())
	for _, row := range []string{"home", "package", "packages, filtered", "search, a path", "search, API"} {
		assert.Regexp(t, `(?m)^`+row+` +\d+\.\d`, out.String())
	}
}

func TestBenchRefuses(t *testing.T) {
	for _, args := range [][]string{
		{"-gorepo", filepath.Join(t.TempDir(), "none")}, {"-tree", "0"}, {"-tree", "many"}, {"-tree", "1:2:3:4"}, {"-tree", "1:-2"}, {"-run", "("},
	} {
		require.Error(t, run(t.Context(), args, &bytes.Buffer{}), "%s", strings.Join(args, " "))
	}
}

func TestParseTrees(t *testing.T) {
	trees, err := parseTrees("1000,5000:60000,30000:30000:100")
	require.NoError(t, err)
	assert.Equal(t, []treeSpec{{packages: 1000}, {packages: 5000, payload: 60000}, {packages: 30000, payload: 30000, files: 100}}, trees)
	again, err := parseTrees(trees[2].String())
	require.NoError(t, err)
	assert.Equal(t, trees[2:], again)
}

func TestSpread(t *testing.T) {
	assert.Equal(t, spread{1, 2, 3}, spreadOf([]float64{3, 1, 2}))
	assert.Equal(t, spread{1, 2.5, 4}, spreadOf([]float64{4, 1, 2, 3}))
	assert.Equal(t, spread{7, 7, 7}, spreadOf([]float64{7}))
	assert.Equal(t, []float64{0.5, 2}, ratios([]float64{1, 4, 9}, []float64{2, 2, 0}))
}
