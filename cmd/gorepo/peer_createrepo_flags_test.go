//go:build unix

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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

// sameTwice are the warnings of flagTree's duplicates.
var sameTwice = [][]string{
	says("sub/deep/scripted-1.0-1.noarch.rpm", "other/dirlink/scripted-1.0-1.noarch.rpm"),
	says("weak-1.0-1.noarch.rpm", "sub/link-1.0-1.noarch.rpm"),
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

// TestUpdateFlagsBesideCreaterepoC is about what --update may take for granted.
func TestUpdateFlagsBesideCreaterepoC(t *testing.T) {
	t.Parallel()
	needAll(t, "createrepo_c")
	const rpms = peerTestdata + "/rpms/"
	t.Run("update-md-path", func(t *testing.T) {
		tree, s := flagTree(t), newSite(t)
		earlier, theirs, ours := t.TempDir(), t.TempDir(), t.TempDir()
		createrepoC(t, "-o", earlier, "-x", "*rich*", tree)
		list := filepath.Join(t.TempDir(), "read")
		b := s.build("createrepo", "--update", "--update-md-path", earlier, "--read-pkgs-list", list, "-o", ours, tree)
		assert.Equal(t, 1, b.Read)
		createrepoC(t, "--update", "--update-md-path", earlier, "-o", theirs, tree)
		requireSameMetadata(t, theirs, ours, comparison{mixed: true})
		read, err := os.ReadFile(list)
		require.NoError(t, err)
		assert.Equal(t, "sub/rich-1.0-1.noarch.rpm\n", string(read))

		s.run("createrepo", "--update", "--update-md-path", "/nonexistent", "-o", ours, tree).ended(statusOK, append(slices.Clone(sameTwice), says("/nonexistent", "not used"))...)
		s.run("createrepo", "--update", "--update-md-path", "ftp://example.com/", "-o", ours, tree).ended(statusOK, append(slices.Clone(sameTwice), says("ftp://example.com/", "not used"))...)
	})
	t.Run("read-pkgs-list", func(t *testing.T) {
		tree, s := flagTree(t), newSite(t)
		lines := func(file string) []string {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			return strings.Fields(string(data))
		}
		theirs, ours := filepath.Join(t.TempDir(), "read"), filepath.Join(t.TempDir(), "read")
		createrepoC(t, "--cut-dirs=1", "--location-prefix=P", "--read-pkgs-list", theirs, "-o", t.TempDir(), tree)
		out := t.TempDir()
		s.build("createrepo", "--cut-dirs=1", "--location-prefix=P", "--read-pkgs-list", ours, "-o", out, tree)
		assert.ElementsMatch(t, lines(theirs), lines(ours))
		s.build("createrepo", "--update", "--cut-dirs=1", "--location-prefix=P", "--read-pkgs-list", ours, "-o", out, tree)
		assert.Empty(t, lines(ours))
	})
	t.Run("skip-stat", func(t *testing.T) {
		tree, s := flagTree(t), newSite(t)
		theirs, ours := t.TempDir(), t.TempDir()
		createrepoC(t, "-o", theirs, tree)
		s.build("createrepo", "-o", ours, tree)
		copyPackage(t, rpms+"chrono-0.9-3.noarch.rpm", tree, "sub/rich-1.0-1.noarch.rpm")
		createrepoC(t, "--update", "--skip-stat", "-o", theirs, tree)
		assert.Zero(t, s.build("createrepo", "--update", "--skip-stat", "-o", ours, tree).Read)
		requireSameMetadata(t, theirs, ours, comparison{})
		assert.Equal(t, 1, s.build("createrepo", "--update", "-o", ours, tree).Read)
	})
	t.Run("recycle-pkglist", func(t *testing.T) {
		tree, s := flagTree(t), newSite(t)
		theirs, ours := t.TempDir(), t.TempDir()
		// createrepo_c forgets packages of the same content as it reads its metadata.
		require.NoError(t, os.Remove(filepath.Join(tree, "sub", "link-1.0-1.noarch.rpm")))
		require.NoError(t, os.Remove(filepath.Join(tree, "other", "dirlink")))
		createrepoC(t, "-o", theirs, "-x", "*rich*", "-x", "*chrono*", tree)
		s.build("createrepo", "-o", ours, "-x", "*rich*", "-x", "*chrono*", tree)
		for _, flags := range [][]string{{}, {"-n", "sub/rich-1.0-1.noarch.rpm"}, {"-x", "*weak*"}} {
			flags = append(flags, "--update", "--recycle-pkglist", tree)
			createrepoC(t, append(flags, "-o", theirs)...)
			s.build(append([]string{"createrepo", "-o", ours}, flags...)...)
			requireSameMetadata(t, theirs, ours, comparison{})
		}
		require.NoError(t, os.Remove(filepath.Join(tree, "sub", "rich-1.0-1.noarch.rpm")))
		s.build("createrepo", "-o", ours, "--update", "--recycle-pkglist", tree)
		createrepoC(t, "-o", theirs, "--update", "--recycle-pkglist", tree)
		requireSameMetadata(t, theirs, ours, comparison{})
	})
}

// TestRetainByAge keeps files of older generations by their age, which a
// generation kept for its age outlives.
func TestRetainByAge(t *testing.T) {
	t.Parallel()
	tree, out, s := flagTree(t), t.TempDir(), newSite(t)
	files := func() int {
		entries, err := os.ReadDir(filepath.Join(out, "repodata"))
		require.NoError(t, err)
		return len(entries)
	}
	build := func(flags ...string) {
		s.build(append([]string{"createrepo", "-o", out, tree}, flags...)...)
	}
	build()
	require.Equal(t, 4, files())
	build("-x", "*weak*")
	require.Equal(t, 7, files(), "a generation is always kept for one more")
	build("-x", "*rich*", "--retain-old-md-by-age=2h")
	require.Equal(t, 10, files())
	entries, err := os.ReadDir(filepath.Join(out, "repodata"))
	require.NoError(t, err)
	long := time.Now().Add(-3 * time.Hour)
	for _, e := range entries {
		require.NoError(t, os.Chtimes(filepath.Join(out, "repodata", e.Name()), long, long))
	}
	build("-x", "*chrono*", "--retain-old-md-by-age=2h")
	require.Equal(t, 7, files(), "what is older goes, but for the generation before")
	s.run("createrepo", tree, "--retain-old-md=-2").ended(statusUsage, says("--retain-old-md is -2"))
	s.run("createrepo", tree, "--retain-old-md-by-age=1d", "--retain-old-md=1").ended(statusUsage, says("--retain-old-md"))
	for _, bad := range []string{"1x", "d", "-1d", "1.5h", "99999d"} {
		s.run("createrepo", tree, "--retain-old-md-by-age="+bad).ended(statusUsage, says(bad))
	}
}

func TestFlagsThatScriptsSay(t *testing.T) {
	t.Parallel()
	tree, s := flagTree(t), newSite(t)
	require.NoError(t, os.Mkdir(filepath.Join(tree, ".repodata"), 0o755))
	putFile(t, "left", tree, ".repodata", "primary.xml.gz")
	s.run("createrepo", tree).ended(statusFailed, says(".repodata"))
	b := s.build("createrepo", "--basedir", filepath.Dir(tree), filepath.Base(tree), "--ignore-lock", "--error-exit-val", "--workers=100")
	assert.Equal(t, 6, b.Packages)
	assert.NoDirExists(t, filepath.Join(tree, ".repodata"))
	s.run("createrepo", tree, "--workers=101").ended(statusOK, append(slices.Clone(sameTwice), says("--workers", "101"))...)
	s.run("createrepo", tree, "--deltas").ended(statusUsage, says("--deltas", "drpms"))
}

// TestDuplicatedNEVRA has one package in two directories.
func TestDuplicatedNEVRA(t *testing.T) {
	t.Parallel()
	needAll(t, "createrepo_c")
	tree, out, s := t.TempDir(), t.TempDir(), newSite(t)
	for _, at := range []string{"a/weak-1.0-1.noarch.rpm", "b/weak-1.0-1.noarch.rpm", "rich-1.0-1.noarch.rpm"} {
		copyPackage(t, peerTestdata+"/rpms/"+filepath.Base(at), tree, at)
	}
	both := says("a/weak-1.0-1.noarch.rpm", "b/weak-1.0-1.noarch.rpm", "weak-1.0-1.noarch")
	for range 2 { // as it is made, and as nothing is
		s.run("createrepo", "--update", "-o", out, tree).ended(statusOK, both)
	}
	theirs := t.TempDir()
	for range 2 {
		s.run("createrepo", "--update", "--duplicated-nevra=keep-last", "-o", out, tree).ended(statusOK, both)
		createrepoC(t, "-x", "a/*", "-o", theirs, tree)
		requireSameMetadata(t, theirs, out, comparison{})
	}
	s.run("createrepo", "--duplicated-nevra=keep", "-o", out, tree).ended(statusOK, both)
	createrepoC(t, "-o", theirs, tree)
	requireSameMetadata(t, theirs, out, comparison{})
}
