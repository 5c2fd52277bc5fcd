//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/genrpm"
)

// TestCompressionsBesideThePeers: dnf, libsolv and createrepo_c read metadata in
// every compression that gorepo writes, and gorepo reads createrepo_c's.
func TestCompressionsBesideThePeers(t *testing.T) {
	t.Parallel()
	needAll(t, "dnf", "createrepo_c", "repo2solv", "dumpsolv")
	tree := t.TempDir()
	// Enough for several blocks of every format.
	require.NoError(t, genrpm.Generate(tree, genrpm.Options{Packages: 500}))
	comps := string(mustRead(t, peerTestdata+"/comps.xml"))
	putFile(t, comps, tree, "comps.xml")
	s := newSite(t)
	plain := t.TempDir()
	packages := s.build("createrepo", "-g", "comps.xml", "-o", plain, tree).Packages
	questions := [][]string{
		{"repoquery", "--qf", "%{name}-%{version}-%{release}.%{arch}"},
		{"repoquery", "--list", "*"},
		{"repoquery", "--changelogs", "*"},
		{"group", "list", "--hidden"},
	}
	ask := func(t *testing.T, dir string) (answers []string) {
		d := newDNF(t, "[r]\nname=r\nbaseurl=file://"+dir+"\ngpgcheck=0\n")
		d.run("makecache")
		for _, q := range questions {
			answers = append(answers, d.run(q...))
		}
		return answers
	}
	want := ask(t, plain)
	require.Len(t, strings.Fields(want[0]), packages)
	require.Contains(t, want[3], "Greetings")
	wantSolvables := solvables(t, plain)

	for name, suffix := range map[string]string{"gz": ".gz", "bz2": ".bz2", "xz": ".xz", "zstd": ".zst"} {
		t.Run(name, func(t *testing.T) {
			flag := "--general-compress-type=" + name
			dir := t.TempDir()
			b := s.build("createrepo", flag, "-g", "comps.xml", "-o", dir, tree)
			require.Equal(t, packages, b.Packages)
			require.ElementsMatch(t, []string{suffix, suffix, suffix, suffix, ".xml"}, extensions(t, dir))
			for i, answer := range ask(t, dir) {
				assert.Equal(t, want[i], answer, "dnf %v", questions[i])
			}
			requireSameText(t, strings.Join(wantSolvables, "\n"), strings.Join(solvables(t, dir), "\n"), "libsolv's view")
			t.Run("createrepo_c", func(t *testing.T) {
				if _, stderr, err := runToolEnds(t, "createrepo_c", "--quiet", flag, t.TempDir()); err != nil {
					t.Skip(strings.TrimSpace(stderr))
				}
				updateEachOther(t, s, tree, dir, flag)
			})
		})
	}
}

// updateEachOther has createrepo_c update what gorepo made in dir, and gorepo
// what createrepo_c makes: neither reads a package.
func updateEachOther(t *testing.T, s *site, tree, dir, flag string) {
	read := filepath.Join(t.TempDir(), "read")
	again := t.TempDir()
	createrepoC(t, flag, "--update", "--update-md-path="+dir, "--read-pkgs-list="+read, "-o", again, tree)
	assert.Empty(t, string(mustRead(t, read)), "what createrepo_c reads over gorepo's metadata")

	theirs := t.TempDir()
	createrepoC(t, flag, "-o", theirs, tree)
	b := s.build("createrepo", "--update", flag, "-o", theirs, tree)
	assert.Equal(t, "unchanged", b.Outcome, "createrepo_c's names and compression are ours")
	b = s.build("createrepo", "--update", "-o", theirs, tree)
	assert.Zero(t, b.Read, "what gorepo reads over createrepo_c's metadata")
}

// extensions are those of the files of the metadata below dir.
func extensions(t testing.TB, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "repodata"))
	require.NoError(t, err)
	for _, e := range entries {
		list = append(list, filepath.Ext(e.Name()))
	}
	return list
}
