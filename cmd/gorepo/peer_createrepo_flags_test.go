//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// flagTree has a package, and a directory, that are there twice, by links.
func flagTree(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	const rpms = peerTestdata + "/rpms/"
	for _, at := range []string{"weak-1.0-1.noarch.rpm", "sub/rich-1.0-1.noarch.rpm", "sub/deep/scripted-1.0-1.noarch.rpm", "other/chrono-0.9-3.noarch.rpm"} {
		copyPackage(t, rpms+filepath.Base(at), dir, at)
	}
	require.NoError(t, os.Symlink("../weak-1.0-1.noarch.rpm", filepath.Join(dir, "sub", "link-1.0-1.noarch.rpm")))
	require.NoError(t, os.Symlink("../sub/deep", filepath.Join(dir, "other", "dirlink")))
	return dir
}

// TestFlagsBesideCreaterepoC makes the metadata of one tree with each flag, by
// both tools, and then updates it with the flag and without.
func TestFlagsBesideCreaterepoC(t *testing.T) {
	t.Parallel()
	needAll(t, "createrepo_c")
	tree := flagTree(t)
	list := putFile(t, "weak-1.0-1.noarch.rpm\n\nsub/rich-1.0-1.noarch.rpm\nsub/link-1.0-1.noarch.rpm\n", t.TempDir(), "list")
	empty := putFile(t, "\n", t.TempDir(), "list")
	for _, tt := range []struct {
		flags string
		all   bool // the entries are the same without the flag
	}{
		{"--distro plain", true},
		{"--distro cpe:/o:x:y:1,Fedora --distro ,x --distro a,b,c --distro=<&\"> --content one --content two,three --repo R", true},
		{"-S", true},
		{"--skip-symlinks", true},
		{"-i " + list, true},
		{"--pkglist " + list + " -S", true},
		{"-i " + empty, true},
		{"-n sub/deep/scripted-1.0-1.noarch.rpm --includepkg other/chrono-0.9-3.noarch.rpm -i " + list, true},
		{"-x rich* -x *weak* -i " + list, true},
		{"-u http://example.com/a&b", false},
		{"--baseurl /srv/packages", false},
		{"--cut-dirs 1", false},
		{"--cut-dirs 2", false},
		{"--location-prefix ../packages", false},
		{"--location-prefix=P/ --cut-dirs=1 -u ftp://example.com/", false},
		{"--repomd-checksum sha512", true},
		{"--repomd-checksum sha1 -s sha512", false},
	} {
		name := strings.NewReplacer(list, "LIST", empty, "EMPTY").Replace(tt.flags)
		t.Run(strings.ReplaceAll(name, "/", "|"), func(t *testing.T) {
			flags := strings.Fields(tt.flags)
			theirs, ours := t.TempDir(), t.TempDir()
			createrepoC(t, append(flags, "-o", theirs, tree)...)
			s := newSite(t)
			ourArgs := append([]string{"createrepo", "--update", "-o", ours, tree}, flags...)
			first := s.build(ourArgs...)
			assert.Zero(t, first.Reused)
			requireSameMetadata(t, theirs, ours, comparison{})
			requireSameTags(t, theirs, ours)
			if tt.flags != "--cut-dirs 2" { // two packages come to have one location: they are read again
				assert.Equal(t, "unchanged", s.build(ourArgs...).Outcome)
			}
			b := s.build("createrepo", "--update", "-o", theirs, tree)
			plain := t.TempDir()
			createrepoC(t, "-o", plain, tree)
			requireSameMetadata(t, plain, theirs, comparison{mixed: true})
			requireSameTags(t, plain, theirs)
			if tt.all {
				assert.Equal(t, first.Packages, b.Reused)
			}
			again := s.build(append([]string{"createrepo", "--update", "-o", theirs, tree}, flags...)...)
			requireSameMetadata(t, ours, theirs, comparison{mixed: true})
			if tt.all {
				assert.Zero(t, again.Read)
			}
		})
	}
}

// requireSameTags compares what stands between revision and the records.
func requireSameTags(t testing.TB, theirDir, ourDir string) {
	t.Helper()
	tags := func(dir string) string {
		data, err := os.ReadFile(filepath.Join(dir, "repodata", "repomd.xml"))
		require.NoError(t, err)
		_, rest, found := strings.Cut(string(data), "</revision>")
		require.True(t, found)
		text, _, found := strings.Cut(rest, "<data")
		require.True(t, found)
		return text
	}
	require.Equal(t, tags(theirDir), tags(ourDir))
}

// TestListedPackages is about lists that name what cannot be listed.
func TestListedPackages(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	tree := flagTree(t)
	args := []string{"createrepo", "-o", t.TempDir(), tree, "-n", "./weak-1.0-1.noarch.rpm", "-n", "weak-1.0-1.noarch.rpm"}
	b := s.build(args...)
	assert.Equal(t, 1, b.Packages, "a package is listed once, whatever it is called")
	for _, bad := range []string{"gone.rpm", "../weak-1.0-1.noarch.rpm", "sub", "/weak-1.0-1.noarch.rpm"} {
		s.run(append(args, "-n", bad)...).ended(statusPartial, says(bad+": left out: "))
	}
	s.run("createrepo", tree, "-i", "/nonexistent/list").ended(statusFailed, says("--pkglist", "/nonexistent/list"))
	s.run("createrepo", tree, tree, "-n", "weak-1.0-1.noarch.rpm").ended(statusUsage, says("--includepkg", "one DIR"))
	s.run("createrepo", tree, "--cut-dirs=-1").ended(statusUsage, says("--cut-dirs"))
}
