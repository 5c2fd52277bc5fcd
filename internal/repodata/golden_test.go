package repodata

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/genrpm"
	"gorepo/internal/testrepo/peer"
	"gorepo/internal/testrepo/rawrpm"
)

func TestGolden(t *testing.T) {
	b := build1(t, Options{Dir: newTree(t, testPackages(t)...)})
	for _, k := range kinds {
		want, err := os.ReadFile("../../testdata/golden/" + k.String() + ".xml")
		require.NoError(t, err)
		requireSameLines(t, string(want), b.xml(t, k), k.String())
	}
	assert.Empty(t, b.bad)
	assert.Len(t, b.Locations, len(testPackages(t)))
}

// requireSameLines shows the first line that differs, not megabytes.
func requireSameLines(t testing.TB, want, got, what string) {
	t.Helper()
	if want == got {
		return
	}
	w, g := strings.SplitAfter(want, "\n"), strings.SplitAfter(got, "\n")
	for i := range min(len(w), len(g)) {
		require.Equal(t, w[i], g[i], "%s, line %d; before it:\n%s", what, i+1, strings.Join(w[max(0, i-6):i], ""))
	}
	require.Equal(t, len(w), len(g), "%s: lines", what)
}

// runCreaterepo runs createrepo_c over a tree, and returns what it made.
func runCreaterepo(t testing.TB, dir string, args ...string) built {
	t.Helper()
	args = append([]string{"--no-database", "--compress-type=gz", "--general-compress-type=gz", "--revision=1704067200", "--outputdir"}, args...)
	out := t.TempDir()
	i := slices.Index(args, "--outputdir")
	args = append(slices.Insert(args, i+1, out), dir)
	said, err := exec.Command(peer.Need(t, "createrepo_c"), args...).CombinedOutput()
	require.NoError(t, err, "%s", said)
	b := built{dir: filepath.Join(out, "repodata")}
	data, err := os.ReadFile(filepath.Join(b.dir, "repomd.xml"))
	require.NoError(t, err)
	b.Repomd, err = ParseRepomd(data)
	require.NoError(t, err)
	return b
}

// requireLikeCreaterepo compares what createrepo_c makes of a tree with what we
// make: the lists of packages byte for byte, repomd.xml by what it says.
func requireLikeCreaterepo(t testing.TB, dir string, o Options, args ...string) built {
	t.Helper()
	o.Dir = dir
	ours, theirs := build1(t, o), runCreaterepo(t, dir, args...)
	for _, k := range kinds {
		requireSameLines(t, theirs.xml(t, k), ours.xml(t, k), k.String())
	}
	require.Equal(t, theirs.Repomd.Revision, ours.Repomd.Revision)
	require.Len(t, ours.Repomd.Records, len(theirs.Repomd.Records))
	for i, their := range theirs.Repomd.Records {
		our := ours.Repomd.Records[i]
		require.Equal(t, their.Type, our.Type)
		require.Equal(t, their.PlainName(), our.PlainName())
		require.Equal(t, their.Name() == their.PlainName(), our.Name() == our.PlainName(), "checksum in the name")
		require.Equal(t, their.Checksum.Type, our.Checksum.Type)
		require.Equal(t, their.OpenChecksum, our.OpenChecksum)
		require.Equal(t, their.OpenSize, our.OpenSize)
		require.Equal(t, their.Location == "", our.Location == "")
	}
	return ours
}

func TestLikeCreaterepo(t *testing.T) {
	peer.Need(t, "createrepo_c")
	all := slices.Concat(testPackages(t), centosPackages(t))
	for name, c := range map[string]struct {
		options Options
		args    []string
	}{
		"as it is":               {},
		"sha512":                 {Options{Checksum: "sha512"}, []string{"--checksum=sha512"}},
		"sha1":                   {Options{Checksum: "sha1"}, []string{"--checksum=sha1"}},
		"two changelog entries":  {Options{ChangelogLimit: 2}, []string{"--changelog-limit=2"}},
		"all changelog entries":  {Options{ChangelogLimit: -1}, []string{"--changelog-limit=-1"}},
		"simple names":           {Options{SimpleNames: true}, []string{"--simple-md-filenames"}},
		"without some of them":   {Options{Excludes: []string{"centos-*", "?ello-*.src.rpm"}}, []string{"--excludes=centos-*", "--excludes=?ello-*.src.rpm"}},
		"time from the revision": {Options{TimestampFromRevision: true}, []string{"--set-timestamp-to-revision"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := requireLikeCreaterepo(t, newTree(t, all...), c.options, c.args...)
			assert.Empty(t, b.bad)
			assert.NotEmpty(t, b.Locations)
		})
	}
}

func TestLikeCreaterepoOfGeneratedTree(t *testing.T) {
	peer.Need(t, "createrepo_c")
	dir := t.TempDir()
	require.NoError(t, genrpm.Generate(dir, genrpm.Options{Packages: 150, Sources: true, Versions: 2}))
	b := requireLikeCreaterepo(t, dir, Options{})
	assert.Greater(t, len(b.Locations), 150)
}

// TestLikeCreaterepoOfOddPackages asks createrepo_c about what rpmbuild would
// not make, or no longer makes.
func TestLikeCreaterepoOfOddPackages(t *testing.T) {
	peer.Need(t, "createrepo_c")
	dir := t.TempDir()
	for name, tags := range oddPackages {
		addFile(t, dir, name+"-1-1.noarch.rpm", rawrpm.Package(name, tags...))
		addFile(t, dir, "old/"+name+"-1-1.noarch.rpm", rawrpm.Old(name, tags...))
	}
	b := requireLikeCreaterepo(t, dir, Options{ChangelogLimit: -1}, "--changelog-limit=-1")
	assert.Empty(t, b.bad)
	assert.Len(t, b.Locations, 2*len(oddPackages))
}

// TestOrderLikeCreaterepo has names that sort and nest in every way.
func TestOrderLikeCreaterepo(t *testing.T) {
	peer.Need(t, "createrepo_c")
	dir := t.TempDir()
	for _, location := range []string{
		"b/a-1.rpm", "a/b-1.rpm", "a-1.rpm", "B-1.rpm", "a/a-1.rpm", "a/x/a-1.rpm", "a-b/a-1.rpm", "a.b/a-1.rpm", "a+1.rpm", "a~1.rpm", "a^1.rpm", "a_1.rpm",
		"ä-1.rpm", "a%2B1.rpm", "a 1.rpm", "a&b<c>'d\".rpm", "a-10.rpm", "a-1.rpm.rpm", ".a.rpm", "c/.b.rpm", "c/repodata/x.rpm", "repodata-x/y.rpm",
		"not-a-package.txt", "a.RPM", "x.rpm.d/z.rpm",
	} {
		addFile(t, dir, location, rawrpm.Package("p"))
	}
	requireLikeCreaterepo(t, dir, Options{})
}

// oddPackages are tags of packages, by name.
var oddPackages = map[string][]rawrpm.Tag{
	"empty-texts": {rawrpm.I18N(1004, ""), rawrpm.I18N(1005, ""), rawrpm.Str(1014, ""), rawrpm.I18N(1016, ""), rawrpm.Str(1020, ""), rawrpm.Str(1015, "")},
	"no-texts":    {rawrpm.Without(1004), rawrpm.Without(1005), rawrpm.Without(1014), rawrpm.Without(1016), rawrpm.Without(1007), rawrpm.Without(1009), rawrpm.Without(1006)},
	"markup": {
		rawrpm.I18N(1004, `<a href="x">'&amp;'</a> ]]>`), rawrpm.I18N(1005, "tabs\tand\nlines\r\nand\rreturns"), rawrpm.Str(1011, `"quoted" & <tagged>`),
		rawrpm.Str(1020, "https://example.com/?a=1&b=2"),
	},
	"latin-1":   {rawrpm.I18N(1004, "Gr\xfc\xdfe \x80\x9f\xa0\xbf\xc0\xff"), rawrpm.Str(1011, "\xe9"), rawrpm.Str(1015, "\xc3\xbc \xfc")},
	"unicode":   {rawrpm.I18N(1004, "Grüße 世界 😀"), rawrpm.I18N(1005, "\u00a0\u2028\ufffd"), rawrpm.Str(1011, "Ünïcode")},
	"white":     {rawrpm.I18N(1004, "  summary  "), rawrpm.I18N(1005, "\n\n  text\n\n"), rawrpm.Str(1014, " ")},
	"translate": {rawrpm.Strs(100, "C", "de"), rawrpm.I18N(1004, "english", "deutsch"), rawrpm.I18N(1005, "english text", "deutscher Text")},
	"epoch":     {rawrpm.U32(1003, 0)},
	"epoch-big": {rawrpm.U32(1003, 4_000_000_000)},
	"version":   {rawrpm.Str(1001, "1~rc1^git+x_y"), rawrpm.Str(1002, `1.el9&"`)},
	"sizes":     {rawrpm.Ints(5009, rawrpm.Int64, 5<<30), rawrpm.U32(1046, 77)},
	"provides": rawrpm.Dependencies(
		rawrpm.Provides, dep("a", "", 0), dep("a", "", 0), dep("b", "1:2-3", 8), dep("c", "1", 0), dep("d", "", 8), dep("e(x)(64bit)", "1.0-1.el9", 8),
		dep("f", "2:", 8), dep("g", "-1", 8), dep("h", "1-2-3", 8), dep("i", "1", 2|4), dep("j", "1", 15),
		dep("k<&>\"'", "1<&>\"'", 8), dep("l", "00:1", 8), dep("m", " 3:1", 8), dep("ü", "ü", 8), dep("", "", 0), dep("\xfc", "\xfc", 8),
	),
	"requires": rawrpm.Dependencies(
		rawrpm.Requires, dep("a", "", 0), dep("a", "", 0), dep("b", "1", 12), dep("a", "", 0), dep("b", "1", 12), dep("b", "2", 12), dep("b", "1", 12),
		dep("rpmlib(CompressedFileNames)", "3.0.4-1", 10|1<<24), dep("rpmlib", "", 0), dep("rpmlib(x", "", 0),
		dep("/bin/sh", "", 1<<8), dep("/bin/sh", "", 1<<9|1<<8), dep("/bin/sh", "", 1<<10|1<<8), dep("/bin/sh", "", 1<<11|1<<8), dep("/bin/sh", "", 1<<12),
		dep("pre", "", 1<<6), dep("verify", "", 1<<13), dep("config", "1", 8|1<<28), dep("config(x)", "1", 8|1<<28), dep("(a if b)", "", 0),
		dep("interp", "", 1<<8), dep("find", "", 1<<14), dep("triggerin", "", 1<<16), dep("missingok", "", 1<<19), dep("missingok2", "1", 12|1<<19), dep("", "", 0),
	),
	"bad-epochs": slices.Concat(
		rawrpm.Dependencies(rawrpm.Requires, dep("a", "x:1", 8), dep("b", ":1", 8), dep("c", "1x:1", 8), dep("d", "-1:1", 8), dep("e", "+1:1", 8), dep("f", "99999999999999999999:1", 8), dep("g", "1:1", 8)),
		rawrpm.Dependencies(rawrpm.Provides, dep("a", "x:1", 8), dep("h", "1:2:3", 8), dep("i", "1: 2", 8), dep("j", "x:1", 0)),
		rawrpm.Dependencies(rawrpm.Conflicts, dep("a", "x:1", 8)), rawrpm.Dependencies(rawrpm.Suggests, dep("a", "x:1", 8)),
	),
	"own": slices.Concat(
		rawrpm.Files(rawrpm.Entry{Dir: "/usr/bin/", Base: "tool"}, rawrpm.Entry{Dir: "/usr/share/", Base: "data"}, rawrpm.Entry{Dir: "/etc/", Base: "conf", Flags: 1 << 6},
			rawrpm.Entry{Dir: "/etc/", Base: "d", Mode: 0o040755}, rawrpm.Entry{Dir: "/usr/lib/", Base: "sendmail"}),
		rawrpm.Dependencies(rawrpm.Provides, dep("self", "1", 8), dep("plain", "", 0), dep("odd", "1", 0)),
		rawrpm.Dependencies(rawrpm.Requires, dep("/usr/bin/tool", "", 0), dep("/usr/share/data", "", 0), dep("/etc/conf", "", 0), dep("/etc/d", "", 0), dep("/usr/lib/sendmail", "", 0),
			dep("self", "1", 8), dep("self", "1", 8|1<<9), dep("self", "2", 8), dep("self", "", 0), dep("self", "0:1", 8), dep("plain", "", 0), dep("plain", "1", 8), dep("odd", "1", 0), dep("odd", "", 0),
			dep("/usr/bin/tool", "1", 8), dep("bad", "x:1", 8)),
	),
	"libc-a": rawrpm.Dependencies(
		rawrpm.Requires, dep("libc.so.6", "", 1<<14), dep("libc.so.6(GLIBC_2.1)", "", 1<<14), dep("libc.so.6(GLIBC_2.34)", "", 1<<14), dep("libc.so.6(GLIBC_2.4)", "", 1<<14),
		dep("libc.so.6(GLIBC_2.3.4)", "", 1<<14), dep("libm.so.6", "", 1<<14),
	),
	"libc-b": rawrpm.Dependencies(rawrpm.Requires, dep("libc.so.6()(64bit)", "", 0), dep("libc.so.6(GLIBC_2.2.5)(64bit)", "", 0), dep("z", "", 0)),
	"libc-c": rawrpm.Dependencies(rawrpm.Requires, dep("libc.so.6()(64bit)", "", 0), dep("z", "", 0)),
	"libc-d": rawrpm.Dependencies(rawrpm.Requires, dep("libc.so.6", "", 1<<9), dep("libc.so.6", "", 0), dep("z", "", 0)),
	"libc-e": rawrpm.Dependencies(rawrpm.Requires, dep("libc.so.6(GLIBC_2.4)", "", 0), dep("libc.so.6(GLIBC_2.4)(64bit)", "", 0), dep("libc.so.6x", "", 0)),
	"libc-f": rawrpm.Dependencies(rawrpm.Requires, dep("libc.so.6(GLIBC_PRIVATE)", "", 0), dep("libc.so.6(GLIBC_2.4)", "", 0), dep("libc.so.6(", "", 0), dep("z", "", 0)),
	"libc-g": rawrpm.Dependencies(rawrpm.Requires, dep("libc.so.6(GLIBC_2.4)", "", 1<<19), dep("libc.so.6(GLIBC_2.5)", "x:1", 8), dep("z", "", 0)),
	"weak": slices.Concat(
		rawrpm.Dependencies(rawrpm.Recommends, dep("a", "1", 12), dep("/bin/sh", "", 0), dep("a", "1", 12)), rawrpm.Dependencies(rawrpm.Suggests, dep("b", "", 0)),
		rawrpm.Dependencies(rawrpm.Supplements, dep("c", "", 0), dep("(x and y)", "", 0)), rawrpm.Dependencies(rawrpm.Enhances, dep("d", "1:2-3", 4)),
		rawrpm.Dependencies(rawrpm.Conflicts, dep("e", "2", 2)), rawrpm.Dependencies(rawrpm.Obsoletes, dep("f", "3", 10)),
	),
	"weak-suse": slices.Concat(
		rawrpm.Dependencies(rawrpm.OldSuggests, dep("a", "", 0), dep("b", "", 1<<27), dep("c", "1", 8|1<<27)),
		rawrpm.Dependencies(rawrpm.OldEnhances, dep("d", "", 0), dep("e", "", 1<<27)),
	),
	"changes": rawrpm.Changelog(
		change(1000, "newest <a@b> - 1-1", "- one"), change(1000, "same day ", "- two\n- lines"), change(1000, "same again  \t ", "- three"), change(999, "older", ""),
		change(999, " ", "blank author"), change(999, "", "no author"), change(500, "\xfc", "\xfc latin"), change(0, "epoch", "zero"), change(0, "epoch too", "zero"),
	),
	"changes-unsorted": rawrpm.Changelog(
		change(100, "a", "a"), change(300, "b", "b"), change(300, "c", "c"), change(299, "d", "d"), change(300, "e", "e"), change(301, "f", "f"), change(300, "g", "g"), change(300, "h", "h"),
	),
	"changes-late": rawrpm.Changelog(change(4_000_000_000, "after 2038", "x"), change(3_000_000_000, "too", "y")),
	"files": rawrpm.Files(
		rawrpm.Entry{Dir: "/etc/", Base: "a&b"}, rawrpm.Entry{Dir: "/usr/share/", Base: "sp ace\ttab"}, rawrpm.Entry{Dir: "/usr/share/", Base: "Gr\xfc\xdfe"}, rawrpm.Entry{Dir: "/usr/share/", Base: "Grüße"},
		rawrpm.Entry{Dir: "/var/", Base: "ghost", Flags: 1 << 6}, rawrpm.Entry{Dir: "/var/", Base: "dir", Mode: 0o040755}, rawrpm.Entry{Dir: "/var/", Base: "ghostdir", Mode: 0o040755, Flags: 1 << 6},
		rawrpm.Entry{Dir: "/usr/lib/", Base: "sendmail"}, rawrpm.Entry{Dir: "/opt/xbin/", Base: "f", Flags: 1 << 6}, rawrpm.Entry{Dir: "/etc/x.d/", Base: "d", Mode: 0o040755},
		rawrpm.Entry{Dir: "/", Base: "bin", Mode: 0o040755}, rawrpm.Entry{Dir: "/usr/", Base: "link", Mode: 0o120777}, rawrpm.Entry{Dir: "/dev/", Base: "null", Mode: 0o020666}, rawrpm.Entry{Dir: "", Base: "rel"},
		rawrpm.Entry{Dir: "/usr/bin/", Base: ""},
	),
	"source": {rawrpm.Without(1044), rawrpm.U32(1106, 1)},
}

func dep(name, version string, flags uint64) rawrpm.Dependency {
	return rawrpm.Dependency{Name: name, Version: version, Flags: flags}
}

func change(at uint64, author, text string) rawrpm.Change {
	return rawrpm.Change{Time: at, Author: author, Text: text}
}
