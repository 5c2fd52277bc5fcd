package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
)

func needPeers(t testing.TB) {
	t.Helper()
	if debs := missing(t.Context()); len(debs) > 0 {
		peer.Missing(t, "a peer of createrepo", "apt-get install "+strings.Join(debs, " "))
	}
}

// TestParity is the smaller cut of the proof.
func TestParity(t *testing.T) {
	t.Parallel()
	needPeers(t)
	gorepo := filepath.Join(t.TempDir(), "gorepo")
	said, err := exec.CommandContext(t.Context(), "go", "build", "-o", gorepo, "../../cmd/gorepo").CombinedOutput()
	require.NoError(t, err, "%s", said)
	var out bytes.Buffer
	err = run(t.Context(), []string{"-gorepo", gorepo, "-dir", t.TempDir(), "-quick", "-packages", "100"}, &out)
	t.Log(out.String())
	require.NoError(t, err)
}

// A gorepo that is createrepo_c itself differs only where the table says so, and
// then the rules of the table have nothing to cover.
func TestRulesHaveToApply(t *testing.T) {
	t.Parallel()
	needPeers(t)
	fake := filepath.Join(t.TempDir(), "gorepo")
	require.NoError(t, os.WriteFile(fake, []byte(`#!/bin/sh
case "$*" in
*--version*) echo fake ;;
*--database*) shift; exec createrepo_c --error-exit-val "$@" ;;
*) shift; exec createrepo_c --error-exit-val --no-database --compress-type=gz --general-compress-type=gz "$@" ;;
esac
`), 0o755))
	var out bytes.Buffer
	err := run(t.Context(), []string{"-gorepo", fake, "-dir", t.TempDir(), "-quick", "-packages", "5", "-run", "^(trees|databases|zchunk|update): (testdata|places|broken|all of it$)"}, &out)
	require.ErrorContains(t, err, "differs")
	for name, n := range map[string]int{"trees: testdata": 1, "databases: testdata": 1, "zchunk: testdata": 2} {
		assert.Contains(t, out.String(), fmt.Sprint(name, ": ", n, " DIFFERENCES\n  there should be a difference by the rule \"groups once\""))
	}
	assert.Equal(t, 3, strings.Count(out.String(), "DIFFERENCES"), out.String())
}

func TestRulesAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/createrepo.md")
	require.NoError(t, err)
	for _, r := range rules {
		if r.row != "" {
			assert.Contains(t, string(page), "\n| "+r.row+" | ", r.id)
		}
	}
}

func TestOlder(t *testing.T) {
	t.Parallel()
	assert.True(t, older("0.17.3", "1.0.0"))
	assert.True(t, older("1.1", "1.1.1"))
	assert.False(t, older("1.1.1", "1.1.1"))
	assert.False(t, older("1.10.0", "1.9.9"))
}

// injected are changes to what createrepo_c has made, each of which has to be
// noticed: in the record, with the words.
var injected = []struct {
	kind, from, to string
	in, field      string
}{
	{"primary", "<summary>A package with every weak", "<summary> A package with every weak", "primary", "/summary"},
	{"primary", "<summary>A package with every weak", "<summary\n>A package with every weak", "primary", "bytes"},
	{"primary", "<url></url>", "", "primary", "/url"},
	{"primary", "<packager></packager>\n  <url></url>", "<url></url>\n<packager></packager>", "primary", "(order)"},
	{"primary", `epoch="0" ver="1.0" rel="1"/>`, `ver="1.0" rel="1"/>`, "primary", "/version@epoch"},
	{"primary", ` epoch="2" ver="0.5"`, ` epoch="0" ver="0.5"`, "primary", "@epoch"},
	{"primary", `flags="GE"`, `flags="GT"`, "primary", "@flags"},
	{"primary", ` pre="1"`, "", "primary", "@pre"},
	{"primary", `<file type="dir">`, "<file>", "primary", "@type"},
	{"primary", "<file>/usr/sbin/scripted</file>", "", "primary", "/file"},
	{"primary", "</package>", "<more/></package>", "primary", "/more"},
	{"primary", `type="rpm"`, `type="rpm" more=""`, "primary", "@more"},
	{"primary", `header-range start="4504"`, `header-range start="4500"`, "primary", "@start"},
	{"primary", ` installed="`, ` installed="1`, "primary", "@installed"},
	{"primary", `<rpm:license>`, `<license>`, "", ""}, // not XML any more
	{"primary", `packages="6"`, `packages="5"`, "primary", "@packages"},
	{"primary", `href="weak`, `href="./weak`, "primary", "package"},
	{"primary", "http://linux.duke.edu/metadata/rpm", "http://linux.duke.edu/metadata/RPM", "primary", "rpm"},
	{"filelists", `<file type="ghost">`, `<file type="dir">`, "filelists", "@type"},
	{"filelists", "/usr/share/", "/usr/share//", "filelists", "/file"},
	{"filelists", `name="weak"`, `name="week"`, "filelists", "@name"},
	{"other", ` date="`, ` date="1`, "other", "@date"},
	{"other", "<changelog", "<changelog author=\"x\" date=\"1\">x</changelog>\n<changelog", "other", "/changelog"},
	{"other", "- ", "-  ", "other", "/changelog"},
	{"group", "<name>Greetings</name>", "<name>Greeting</name>", "group", "bytes"},
}

// TestComparersNotice changes one thing after another in what createrepo_c has
// made, keeping repomd.xml right.
func TestComparersNotice(t *testing.T) {
	t.Parallel()
	needPeers(t)
	made := peerRepository(t, "--no-database")
	for i, change := range injected {
		t.Run(fmt.Sprintf("%d %s %s", i, change.kind, change.field), func(t *testing.T) {
			ours := copyRepository(t, made)
			editRecord(t, ours, change.kind, func(plain []byte) []byte {
				require.True(t, strings.Contains(string(plain), change.from), change.from)
				return []byte(strings.Replace(string(plain), change.from, change.to, 1))
			})
			c, err := compare(t.Context(), made, ours, false, false)
			if change.field == "" {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.NotEmpty(t, c.differences)
			assert.Equal(t, change.in, c.differences[0].in)
			assert.Contains(t, c.differences[0].field, change.field)
		})
	}

	t.Run("packages in another order", func(t *testing.T) {
		ours := copyRepository(t, made)
		editRecord(t, ours, "primary", func(plain []byte) []byte {
			start := bytes.Index(plain, []byte("<package "))
			end := bytes.Index(plain, []byte("</package>\n")) + len("</package>\n")
			last := bytes.Index(plain, []byte("</metadata>"))
			return bytes.Join([][]byte{plain[:start], plain[end:last], plain[start:end], plain[last:]}, nil)
		})
		requireNoticed(t, made, ours, "primary", "(order)")
	})
	for name, change := range map[string]struct{ from, to, field string }{
		"a size":       {`<size>\d`, `<size>9`, "what it says of its file"},
		"a checksum":   {`<open-checksum type="sha256">....`, `<open-checksum type="sha256">0000`, "what it says of its file"},
		"their type":   {`<data type="primary">\s*<checksum type="sha256">`, `<data type="primary"><checksum type="sha512">`, "/data[primary]"},
		"a time":       {`<timestamp>`, `<timestamp>now `, "/timestamp"},
		"a record":     {`(?s)<data type="other">.*?</data>`, ``, "/data[other]"},
		"the order":    {`(?s)(<data type="primary">.*?</data>)\s*(<data type="filelists">.*?</data>)`, `$2$1`, "(order)"},
		"the revision": {`<revision>`, `<revision>r`, "/revision"},
		"a tag":        {`</revision>`, `</revision><tags><repo>x</repo></tags>`, "/tags"},
	} {
		t.Run("repomd.xml: "+name, func(t *testing.T) {
			ours := copyRepository(t, made)
			file := filepath.Join(ours, "repodata", "repomd.xml")
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			changed := regexp.MustCompile(change.from).ReplaceAll(text, []byte(change.to))
			require.NotEqual(t, string(text), string(changed))
			require.NoError(t, os.WriteFile(file, changed, 0o644))
			requireNoticed(t, made, ours, "repomd.xml", change.field)
		})
	}
}

// TestDatabaseComparerNotices changes one thing after another in databases.
func TestDatabaseComparerNotices(t *testing.T) {
	t.Parallel()
	needPeers(t)
	made := peerRepository(t, "--database")
	for sql, where := range map[string]struct{ kind, field string }{
		"UPDATE packages SET summary = summary || '.' WHERE name = 'weak'": {"primary_db", "summary"},
		"UPDATE packages SET epoch = NULL":                                 {"primary_db", "epoch"},
		"UPDATE packages SET location_base = ''":                           {"primary_db", "location_base"},
		"UPDATE requires SET pre = 'FALSE'":                                {"primary_db", "pre"},
		"DELETE FROM provides WHERE rowid = 1":                             {"primary_db", "package"},
		"INSERT INTO files VALUES ('/x', 'file', 1)":                       {"primary_db", "package"},
		"DROP INDEX packagename":                                           {"primary_db", "index packagename"},
		"DROP TRIGGER removals":                                            {"primary_db", "trigger removals"},
		"ALTER TABLE packages ADD COLUMN more TEXT":                        {"primary_db", "table packages"},
		"CREATE TABLE more (x)":                                            {"primary_db", "package"},
		"UPDATE db_info SET checksum = 'x'":                                {"primary_db", "checksum"},
		"UPDATE db_info SET dbversion = 9":                                 {"primary_db", "dbversion"},
		"UPDATE filelist SET filetypes = 'f'":                              {"filelists_db", "filetypes"},
		"UPDATE filelist SET dirname = dirname || '/'":                     {"filelists_db", "package"},
		"UPDATE changelog SET date = date + 1":                             {"other_db", "date"},
		"UPDATE changelog SET pkgKey = 7 - pkgKey":                         {"other_db", "pkgKey"},
		"PRAGMA user_version = 1":                                          {"other_db", "pragma user_version"},
		"UPDATE changelog SET changelog = CAST(changelog AS BLOB)":         {"other_db", "changelog"},
		"UPDATE packages SET pkgKey = 100 - pkgKey":                        {"other_db", "package"},
	} {
		t.Run(where.kind+" "+sql, func(t *testing.T) {
			ours := copyRepository(t, made)
			editRecord(t, ours, where.kind, func(plain []byte) []byte {
				file := filepath.Join(t.TempDir(), "x.sqlite")
				require.NoError(t, os.WriteFile(file, plain, 0o644))
				_, err := output(t.Context(), nil, systemPython, "-c", "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\ndb.execute(sys.argv[2])\ndb.commit()\ndb.close()", file, sql)
				require.NoError(t, err)
				changed, err := os.ReadFile(file)
				require.NoError(t, err)
				return changed
			})
			requireNoticed(t, made, ours, where.kind, where.field)
		})
	}
}

// TestZchunkComparerNotices has zck pack the same in other chunks.
func TestZchunkComparerNotices(t *testing.T) {
	t.Parallel()
	needPeers(t)
	made := peerRepository(t, "--no-database", "--zck")
	repack := func(t *testing.T, edit func(string) string, args ...string) string {
		ours := copyRepository(t, made)
		repo, err := openRepository(t.Context(), ours)
		require.NoError(t, err)
		rec := repo.record("primary_zck")
		require.NotNil(t, rec)
		dir := t.TempDir()
		plain := filepath.Join(dir, "primary.xml")
		require.NoError(t, os.WriteFile(plain, []byte(edit(string(rec.plain))), 0o644))
		_, err = output(t.Context(), nil, peer.Need(t, "zck"), append(args, "-o", plain+".zck", plain)...)
		require.NoError(t, err)
		packed, err := os.ReadFile(plain + ".zck")
		require.NoError(t, err)
		replaceFile(t, ours, rec, packed, []byte(edit(string(rec.plain))))
		return ours
	}
	same := func(s string) string { return s }
	requireNoticed(t, made, repack(t, same), "primary_zck", "Chunk count")
	requireNoticed(t, made, repack(t, func(s string) string { return strings.Replace(s, "weak", "weaker", 1) }, "-s", "<package "), "primary_zck", "chunk")
	requireNoticed(t, made, repack(t, func(s string) string { return strings.Replace(s, "weak", "week", 1) }, "-s", "<package "), "primary_zck", "bytes")
}

// TestReadersNotice changes what dnf, libsolv and createrepo_c's library read.
func TestReadersNotice(t *testing.T) {
	t.Parallel()
	needPeers(t)
	made := peerRepository(t, "--no-database")
	for _, change := range []struct{ kind, from, to, in, field string }{
		{"primary", `flags="GE" epoch="2" ver="0.5"`, `flags="GE" epoch="2" ver="0.6"`, "libsolv", "recommends chrono >= 2:0.5"},
		{"primary", "<rpm:vendor></rpm:vendor>", "<rpm:vendor>V</rpm:vendor>", "dnf", "vendor"},
		{"primary", ` pre="1"`, "", "dnf", "requires_pre"},
		{"filelists", "<file>/usr/share/", "<file>/usr/Share/", "libsolv", "file "},
		{"other", "- ", "-- ", "createrepo_c", "changelogs"},
		{"group_gz", "<name>Greetings</name>", "<name>Greeting</name>", "dnf", "name"},
	} {
		ours := copyRepository(t, made)
		editRecord(t, ours, change.kind, func(plain []byte) []byte {
			require.True(t, strings.Contains(string(plain), change.from), change.from)
			return []byte(strings.Replace(string(plain), change.from, change.to, 1))
		})
		c, err := compare(t.Context(), made, ours, false, false)
		require.NoError(t, err)
		c.result = result{}
		require.NoError(t, c.reader(t.Context(), change.in, t.TempDir()))
		assert.True(t, anyDifference(c.differences, change.in, change.field), "%v: %v", change, c.differences)
	}
}

// requireNoticed compares one record of two repositories, or repomd.xml as a
// whole.
func requireNoticed(t testing.TB, theirs, ours, in, field string) {
	t.Helper()
	var c comparison
	var err error
	c.theirs, err = openRepository(t.Context(), theirs)
	require.NoError(t, err)
	c.ours, err = openRepository(t.Context(), ours)
	require.NoError(t, err)
	if in == "repomd.xml" {
		whole, err := compare(t.Context(), theirs, ours, false, false)
		require.NoError(t, err)
		c = *whole
	} else {
		a, b := c.theirs.record(in), c.ours.record(in)
		require.NoError(t, c.records(t.Context(), match[*record]{theirs: &a, ours: &b}))
	}
	require.True(t, anyDifference(c.differences, in, field), "%s: %s is not in %v", in, field, c.differences)
}

func anyDifference(list []difference, in, field string) bool {
	for _, d := range list {
		if d.in == in && strings.Contains(d.field, field) {
			return true
		}
	}
	return false
}

// peerRepository is what createrepo_c makes of a few packages with some flags,
// which is the same as itself.
func peerRepository(t testing.TB, flags ...string) string {
	t.Helper()
	tree, out := t.TempDir(), t.TempDir()
	for _, name := range []string{"weak-1.0-1", "scripted-1.0-1", "filetypes-1.0-1", "chrono-0.9-3", "hello-2.12-1", "unicode-1.0-13"} {
		require.NoError(t, copyFile("../../testdata/rpms/"+name+".noarch.rpm", filepath.Join(tree, name+".noarch.rpm")))
	}
	comps, err := filepath.Abs("../../testdata/comps.xml")
	require.NoError(t, err)
	args := []string{"--quiet", "--compress-type=gz", "--general-compress-type=gz", "-g", comps, "-o", out, tree}
	_, err = output(t.Context(), nil, "createrepo_c", append(args, flags...)...)
	require.NoError(t, err)
	c, err := compare(t.Context(), out, out, true, true)
	require.NoError(t, err)
	require.Empty(t, c.differences, "createrepo_c beside itself")
	require.Greater(t, c.fields, 500)
	return out
}

func copyRepository(t testing.TB, from string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, copyTree(from, dir, inOrder))
	return dir
}

// editRecord changes what is in a record's file, which is then not packed any
// more, and makes repomd.xml say so.
func editRecord(t testing.TB, dir, kind string, edit func(plain []byte) []byte) {
	t.Helper()
	repo, err := openRepository(context.WithoutCancel(t.Context()), dir)
	require.NoError(t, err)
	rec := repo.record(kind)
	require.NotNil(t, rec, kind)
	plain := edit(bytes.Clone(rec.plain))
	packed := plain
	if strings.HasSuffix(rec.file, ".gz") {
		packed = gzipped(t, plain)
	}
	replaceFile(t, dir, rec, packed, plain)
}

// replaceFile puts another file in the place of a record's.
func replaceFile(t testing.TB, dir string, rec *record, packed, plain []byte) {
	t.Helper()
	name := filepath.Join(dir, "repodata", "repomd.xml")
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	start := strings.Index(string(text), `<data type="`+rec.kind+`">`)
	require.NotEqual(t, -1, start)
	end := start + strings.Index(string(text[start:]), "</data>")
	data := string(text[start:end])
	set := func(element, value string) {
		data = regexp.MustCompile(`(<`+element+`[^>]*>)[^<]*`).ReplaceAllString(data, "${1}"+value)
	}
	sum := sumOf("sha256", packed)
	data = strings.ReplaceAll(data, rec.checksum, sum)
	set("open-checksum", sumOf("sha256", plain))
	set("size", fmt.Sprint(len(packed)))
	set("open-size", fmt.Sprint(len(plain)))
	file := strings.Replace(rec.file, rec.checksum, sum, 1)
	require.NoError(t, os.Remove(rec.file))
	require.NoError(t, os.WriteFile(file, packed, 0o644))
	if strings.HasSuffix(file, ".zck") {
		said, err := output(t.Context(), nil, "zck_read_header", "-c", file)
		require.NoError(t, err)
		h, err := parseZchunkHeader(string(said))
		require.NoError(t, err)
		set("header-checksum", h.values["Header checksum"])
		set("header-size", h.values["Header size"])
	}
	require.NoError(t, os.WriteFile(name, []byte(string(text[:start])+data+string(text[end:])), 0o644))
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}
