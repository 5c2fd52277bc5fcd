//go:build unix

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/genrpm"
	"gorepo/internal/testrepo/peer"
)

// bigTree is testdata at odd locations, the packages of rpm 4.0 to 4.11 that
// cavaliergopher/rpm is tested with, what rpmbuild makes of testdata/odd.spec, and some
// hundred generated ones.
func bigTree(t testing.TB) string {
	t.Helper()
	dir := oddTree(t)
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/cavaliergopher/rpm").Output()
	require.NoError(t, err)
	centos, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(module)), "testdata", "*.rpm"))
	require.NoError(t, err)
	require.NotEmpty(t, centos)
	for _, p := range centos {
		copyPackage(t, p, dir, "centos", filepath.Base(p))
	}
	for _, p := range buildOdd(t) {
		copyPackage(t, p, dir, "odd", filepath.Base(p))
	}
	require.NoError(t, genrpm.Generate(filepath.Join(dir, "generated"), genrpm.Options{Packages: 300, Sources: true}))
	return dir
}

// buildOdd builds testdata/odd.spec and returns where the packages are.
func buildOdd(t testing.TB) []string {
	t.Helper()
	dir := t.TempDir()
	runTool(t, "rpmbuild", "-ba", "--quiet", "--nodeps", "--target=x86_64",
		"--define=_topdir "+dir, "--define=_buildhost builder.example.com", "--define=debug_package %{nil}", "--define=__os_install_post %{nil}",
		"--define=_build_id_links none", "--define=_invalid_encoding_terminates_build 0", "--define=dist .el9", "--define=_binary_payload w1.gzdio",
		"--define=use_source_date_epoch_as_buildtime 1", "testdata/odd.spec")
	var list []string
	for _, pattern := range []string{"RPMS/*/*.rpm", "SRPMS/*.rpm"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		require.NoError(t, err)
		list = append(list, found...)
	}
	require.Len(t, list, 13)
	return list
}

// laterCreaterepo writes what createrepo_c does since 1.1.1 and the one on this
// machine may not yet: requirements of %pretrans and %posttrans have pre="1".
func laterCreaterepo(primary string) string {
	for _, name := range []string{"for-pretrans", "for-posttrans", "/usr/bin/only-posttrans"} {
		primary = strings.ReplaceAll(primary, `<rpm:entry name="`+name+`"/>`, `<rpm:entry name="`+name+`" pre="1"/>`)
	}
	return primary
}

// createrepoC runs createrepo_c with what has to be said so that its
// compression is ours, whatever its version's defaults are.
func createrepoC(t testing.TB, args ...string) {
	t.Helper()
	runTool(t, "createrepo_c", append([]string{"--quiet", "--no-database", "--compress-type=gz", "--general-compress-type=gz"}, args...)...)
}

// metadataIn reads the metadata below dir.
func metadataIn(dir string) client {
	return client{func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, filepath.FromSlash(name))) }}
}

// comparison says what may differ.
type comparison struct {
	mixed bool // ours has entries that createrepo_c made
}

// requireSameMetadata compares generations: package lists byte by byte when
// unpacked, repomd.xml and the rest by what they say.
func requireSameMetadata(t testing.TB, theirDir, ourDir string, c comparison) {
	t.Helper()
	their, our := metadataIn(theirDir), metadataIn(ourDir)
	theirs, _, err := their.repomd()
	require.NoError(t, err)
	ours, _, err := our.repomd()
	require.NoError(t, err)
	// createrepo_c 0.17 writes groups twice, plain and packed.
	theirs.Data = slices.DeleteFunc(theirs.Data, func(r record) bool { return r.Type == "group_gz" })
	require.Equal(t, recordTypes(theirs), recordTypes(ours))
	for i, r := range ours.Data {
		o := theirs.Data[i]
		want, err := their.record(o)
		require.NoError(t, err)
		got, err := our.record(r)
		require.NoError(t, err)
		if o.Open == (checksum{}) { // it is not packed
			o.Open = o.Checksum
		}
		require.Equal(t, o.Checksum.Type, r.Checksum.Type, r.Type)
		require.Equal(t, o.Open.Type, r.Open.Type, r.Type)
		require.Equal(t, string(want) == string(got), o.Open.Hex == r.Open.Hex, r.Type)
		if r.Type == "primary" {
			want = []byte(laterCreaterepo(string(want)))
			if c.mixed {
				got = []byte(laterCreaterepo(string(got)))
			}
		}
		requireSameText(t, string(want), string(got), r.Type)
		require.Equal(t, hashedName(o), hashedName(r), r.Type)
	}
}

func recordTypes(m repomd) (types []string) {
	for _, r := range m.Data {
		types = append(types, r.Type)
	}
	return types
}

// hashedName reports whether a record's file has its checksum in its name.
func hashedName(r record) bool {
	return strings.HasPrefix(path.Base(r.Location.Href), r.Checksum.Hex+"-")
}

// requireSameText shows the first line that differs, not megabytes.
func requireSameText(t testing.TB, want, got, what string) {
	t.Helper()
	if want == got {
		return
	}
	w, g := strings.SplitAfter(want, "\n"), strings.SplitAfter(got, "\n")
	for i := range min(len(w), len(g)) {
		require.Equal(t, w[i], g[i], "%s, line %d; before it:\n%s", what, i+1, strings.Join(w[max(0, i-8):i], ""))
	}
	require.Equal(t, len(w), len(g), "%s: lines", what)
}

// TestBesideCreaterepoC has gorepo createrepo and createrepo_c work on each
// other's metadata of one tree. What each makes by itself is compared by
// internal/parity.
func TestBesideCreaterepoC(t *testing.T) {
	t.Parallel()
	needAll(t, "createrepo_c", "rpmbuild")
	tree := bigTree(t)
	t.Run("update", func(t *testing.T) { updatesTheOthers(t, tree) })
	t.Run("databases", func(t *testing.T) { makesTheSameDatabases(t, tree) })
	t.Run("libraries", func(t *testing.T) { librariesRead(t, tree) })
}

// changeTree changes a tree as a day does: a package goes, one comes, one is
// rebuilt under its name, one gets another time.
func changeTree(t testing.TB, dir string) (toRead []string) {
	t.Helper()
	require.NoError(t, os.Remove(filepath.Join(dir, "latin1-1.0-1.noarch.rpm")))
	copyPackage(t, peerTestdata+"/rpms/weak-1.0-1.noarch.rpm", dir, "new", "weak-1.0-1.noarch.rpm")
	rebuilt := filepath.Join(dir, "rich-1.0-1.noarch.rpm")
	copyPackage(t, peerTestdata+"/rpms/signed-rsa-1.0-1.noarch.rpm", rebuilt)
	later := time.Unix(1710000000, 0)
	require.NoError(t, os.Chtimes(filepath.Join(dir, "scripted-1.0-1.noarch.rpm"), later, later))
	return []string{"new/weak-1.0-1.noarch.rpm", "rich-1.0-1.noarch.rpm", "scripted-1.0-1.noarch.rpm"}
}

// updatesTheOthers has each of the two update what the other made, and read only
// what is new.
func updatesTheOthers(t *testing.T, tree string) {
	s := newSite(t)
	for _, flags := range [][]string{{}, {"-s", "sha512"}, {"--simple-md-filenames"}} {
		t.Run(strings.Join(flags, " "), func(t *testing.T) {
			fromTheirs, fromOurs, fresh := t.TempDir(), t.TempDir(), t.TempDir()
			for _, dir := range []string{fromTheirs, fromOurs} {
				copyTree(t, tree, dir)
			}
			createrepoC(t, append(flags, fromTheirs)...)
			total := s.build(append([]string{"createrepo", fromOurs}, flags...)...).Packages

			// Nothing has changed: each takes the other's work for its own.
			b := s.build(append([]string{"createrepo", "--update", fromTheirs}, flags...)...)
			assert.Equal(t, "unchanged", b.Outcome)
			assert.Zero(t, b.Read)

			toRead := changeTree(t, fromTheirs)
			changeTree(t, fromOurs)
			list := filepath.Join(t.TempDir(), "read")
			createrepoC(t, append(flags, "--update", "--read-pkgs-list="+list, fromOurs)...)
			read, err := os.ReadFile(list)
			require.NoError(t, err)
			lines := strings.Split(strings.TrimSpace(string(read)), "\n")
			// createrepo_c 0.17 does not find its own entries again either where a location has an &.
			lines = slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, "&") })
			assert.ElementsMatch(t, toRead, lines, "what createrepo_c --update reads over gorepo's metadata")
			b = s.build(append([]string{"createrepo", "--update", fromTheirs}, flags...)...)
			assert.Equal(t, len(toRead), b.Read, "what gorepo --update reads over createrepo_c's metadata")
			assert.Equal(t, total, b.Packages)

			createrepoC(t, append(flags, "-o", fresh, fromOurs)...)
			requireSameMetadata(t, fromOurs, fromTheirs, comparison{mixed: true})
			requireSameMetadata(t, fresh, fromTheirs, comparison{mixed: true})
			t.Logf("%v: %d packages; after a change each reads %d of them over the other's metadata", flags, b.Packages, b.Read)
		})
	}
}

// copyTree copies files with their times.
func copyTree(t testing.TB, from, to string) {
	t.Helper()
	require.NoError(t, os.CopyFS(to, os.DirFS(from)))
	for file := range listTree(t, from) {
		fi, err := os.Stat(filepath.Join(from, file))
		require.NoError(t, err)
		require.NoError(t, os.Chtimes(filepath.Join(to, file), fi.ModTime(), fi.ModTime()))
	}
}

// readWithCreaterepoC prints what createrepo_c's library finds in metadata.
const readWithCreaterepoC = `
import sys, json, createrepo_c as cr
m = cr.Metadata()
m.locate_and_load_xml(sys.argv[1])
ps = [m.get(k) for k in m.keys()]
warnings = []
r = cr.Repomd(sys.argv[1] + "/repodata/repomd.xml")
print(json.dumps({"packages": sorted([p.nevra(), p.location_href, len(p.files), len(p.changelogs), len(p.requires)] for p in ps), "records": [x.type for x in r.records]}))
`

// librariesRead has libsolv and createrepo_c's library read gorepo's metadata
// and createrepo_c's of the same tree.
func librariesRead(t *testing.T, tree string) {
	theirs, ours := t.TempDir(), t.TempDir()
	groups, err := filepath.Abs(peerTestdata + "/comps.xml")
	require.NoError(t, err)
	createrepoC(t, "-g", groups, "-o", theirs, tree)
	b := newSite(t).build("createrepo", "-g", groups, "-o", ours, tree)

	t.Run("createrepo_c", func(t *testing.T) {
		type found struct {
			Packages [][]any
			Records  []string
		}
		var our, their found
		require.NoError(t, json.Unmarshal([]byte(systemPython(t, "createrepo_c", readWithCreaterepoC, ours)), &our))
		require.NoError(t, json.Unmarshal([]byte(systemPython(t, "createrepo_c", readWithCreaterepoC, theirs)), &their))
		assert.Equal(t, their.Packages, our.Packages)
		assert.Len(t, our.Packages, distinctIDs(t, ours))
		assert.Equal(t, []string{"primary", "filelists", "other", "group"}, our.Records)
	})
	t.Run("libsolv", func(t *testing.T) {
		needAll(t, "repo2solv", "dumpsolv")
		our, their := solvables(t, ours), solvables(t, theirs)
		assert.Len(t, our, b.Packages-1)
		requireSameText(t, strings.Join(their, "\n"), strings.Join(our, "\n"), "libsolv's view")
	})
}

// distinctIDs counts the checksums that primary lists: createrepo_c's library
// takes packages with one checksum for one.
func distinctIDs(t testing.TB, dir string) int {
	t.Helper()
	_, p, err := metadataIn(dir).all()
	require.NoError(t, err)
	ids := map[string]bool{}
	for _, l := range p.Packages {
		ids[l.Checksum.Hex] = true
	}
	return len(ids)
}

// solvables are what libsolv makes of metadata, in its words, sorted.
func solvables(t testing.TB, dir string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "solv")
	runTool(t, peer.Need(t, "repo2solv"), "-o", file, dir)
	text := runTool(t, peer.Need(t, "dumpsolv"), file)
	_, text, found := strings.Cut(text, "\nsolvable ")
	require.True(t, found, text)
	var list []string
	for s := range strings.SplitSeq(text, "\nsolvable ") {
		_, s, _ = strings.Cut(s, ":\n") // its number
		// The one package that newer versions of createrepo_c see as we do.
		if !strings.HasPrefix(s, "solvable:name: odd-scripts\n") {
			list = append(list, s)
		}
	}
	slices.Sort(list)
	return list
}
