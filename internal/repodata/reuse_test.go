package repodata

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
	"gorepo/internal/testrepo/rawrpm"
)

// again builds the tree anew, with the old generation published.
func again(t testing.TB, dir string, old *OldMetadata, o Options) built {
	t.Helper()
	o.Dir, o.Published, o.Old = dir, old, []*OldMetadata{old}
	b, err := tryBuild(t, o)
	require.NoError(t, err)
	return b
}

// requireAsIfNew checks that reusing gave what building from scratch gives.
func requireAsIfNew(t testing.TB, dir string, got built, o Options) {
	t.Helper()
	got.requireWhole(t)
	o.Dir = dir
	fresh := build1(t, o)
	require.Equal(t, fresh.Locations, got.Locations)
	for _, k := range kinds {
		requireSameLines(t, fresh.xml(t, k), got.xml(t, k), k.String())
	}
}

func TestNothingChanged(t *testing.T) {
	for name, o := range map[string]Options{
		"plain": {}, "sha512": {Checksum: "sha512"}, "simple names": {SimpleNames: true},
		"with bad packages": {LeaveOut: func(location string) bool { return strings.HasPrefix(location, "hello") }},
	} {
		t.Run(name, func(t *testing.T) {
			dir := newTree(t, testPackages(t)...)
			o.Dir = dir
			first := build1(t, o)
			for _, ours := range []bool{true, false} {
				old := first.old(t)
				old.Ours = ours
				second := again(t, dir, old, o)
				assert.True(t, second.Unchanged)
				assert.Empty(t, second.dir, "nothing is asked for to write to")
				assert.Empty(t, second.packages, "and no package is opened")
				assert.Equal(t, first.Locations, second.Locations)
				assert.Equal(t, len(first.Locations), second.Reused)
				assert.Same(t, old.Repomd, second.Repomd)
			}
		})
	}
}

func TestSomethingChanged(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(t *testing.T, dir string)
		options Options // of the second run
		read    []string
	}{
		"a package that is new": {
			change: func(t *testing.T, dir string) { addFile(t, dir, "new.rpm", rawrpm.Package("new")) },
			read:   []string{"new.rpm"},
		},
		"a package that is gone": {
			change: func(t *testing.T, dir string) {
				require.NoError(t, os.Remove(filepath.Join(dir, "hello-2.10-1.noarch.rpm")))
			},
		},
		"one that was replaced": {
			change: func(t *testing.T, dir string) {
				addFile(t, dir, "weak-1.0-1.noarch.rpm", append(rawrpm.Package("weak"), "more"...))
			},
			read: []string{"weak-1.0-1.noarch.rpm"},
		},
		"one that was touched": {
			change: func(t *testing.T, dir string) {
				at := time.Unix(goldenTime+1, 0)
				require.NoError(t, os.Chtimes(filepath.Join(dir, "rich-1.0-1.noarch.rpm"), at, at))
			},
			read: []string{"rich-1.0-1.noarch.rpm"},
		},
		"one that was moved": {
			change: func(t *testing.T, dir string) {
				require.NoError(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
				require.NoError(t, os.Rename(filepath.Join(dir, "rich-1.0-1.noarch.rpm"), filepath.Join(dir, "sub", "rich-1.0-1.noarch.rpm")))
			},
			read: []string{"sub/rich-1.0-1.noarch.rpm"},
		},
		"one that is bad": {
			change: func(t *testing.T, dir string) { addFile(t, dir, "bad.rpm", []byte("bad")) },
		},
		"other names": {
			options: Options{SimpleNames: true},
		},
		"another record": {
			options: Options{Extras: []Extra{extra("comps.xml", "group", true, []byte("<comps/>"))}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := newTree(t, testPackages(t)...)
			first := build1(t, Options{Dir: dir})
			if c.change != nil {
				c.change(t, dir)
			}
			for _, ours := range []bool{true, false} {
				old := first.old(t)
				old.Ours = ours
				second := again(t, dir, old, c.options)
				assert.False(t, second.Unchanged)
				assert.Equal(t, c.read, second.packages)
				assert.Empty(t, second.warnings)
				requireAsIfNew(t, dir, second, c.options)
			}
		})
	}
}

func TestAnotherChecksumReadsAll(t *testing.T) {
	dir := newTree(t, testPackages(t)...)
	second := again(t, dir, build1(t, Options{Dir: dir}).old(t), Options{Checksum: "sha512"})
	assert.Zero(t, second.Reused)
	requireAsIfNew(t, dir, second, Options{Checksum: "sha512"})
}

func TestReuseOfCreaterepo(t *testing.T) {
	peer.Need(t, "createrepo_c")
	dir := newTree(t, slices.Concat(testPackages(t), centosPackages(t))...)
	theirs := runCreaterepo(t, dir)
	unchanged := again(t, dir, theirs.old(t), Options{})
	assert.True(t, unchanged.Unchanged)

	addFile(t, dir, "new.rpm", rawrpm.Package("new"))
	second := again(t, dir, theirs.old(t), Options{})
	assert.Equal(t, []string{"new.rpm"}, second.packages)
	requireAsIfNew(t, dir, second, Options{})
}

// rewritten is a generation whose three files were changed as text, and which
// is whole again. The change of a kind that is not named is none.
func (b built) rewritten(t testing.TB, change map[Kind]func(string) string) *OldMetadata {
	t.Helper()
	dir := t.TempDir()
	m := &Repomd{Revision: b.Repomd.Revision}
	for _, k := range kinds {
		xml := b.xml(t, k)
		if f := change[k]; f != nil {
			altered := f(xml)
			require.NotEqual(t, xml, altered)
			xml = altered
		}
		data := gzipped(t, []byte(xml))
		rec := recordOf(data)
		rec.Type, rec.OpenSize = k.String(), int64(len(xml))
		rec.Location = "repodata/" + rec.Checksum.Hex + "-" + k.String() + ".xml.gz"
		require.NoError(t, os.WriteFile(filepath.Join(dir, rec.Name()), data, 0o644))
		m.Records = append(m.Records, rec)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "repomd.xml"), m.Append(nil), 0o644))
	old, err := OpenLocal("the old one", dir)
	require.NoError(t, err)
	return old
}

// onPackages changes the list of package elements of a file.
func onPackages(change func(packages []string) []string) func(string) string {
	return func(xml string) string {
		start := strings.Index(xml, "<package ")
		end := strings.LastIndex(xml, "</package>\n") + len("</package>\n")
		packages := strings.SplitAfter(xml[start:end], "</package>\n")
		packages = change(slices.Clone(packages[:len(packages)-1]))
		return xml[:start] + strings.Join(packages, "") + xml[end:]
	}
}

func TestOldGenerationIsOdd(t *testing.T) {
	reverse := onPackages(func(p []string) []string { slices.Reverse(p); return p })
	swap := onPackages(func(p []string) []string { p[0], p[len(p)-1] = p[len(p)-1], p[0]; return p })
	lacksThird := onPackages(func(p []string) []string { return slices.Delete(p, 2, 3) })
	thirdTwice := onPackages(func(p []string) []string { return slices.Insert(p, 5, p[2]) })
	replace := func(from, to string) func(string) string {
		return func(s string) string { return strings.Replace(s, from, to, 1) }
	}
	total := len(testPackages(t))
	for name, c := range map[string]struct {
		change map[Kind]func(string) string
		ours   bool
		reused int
		warns  string
	}{
		"the other way round, all":         {change: map[Kind]func(string) string{Primary: reverse, Filelists: reverse, Other: reverse}, reused: total},
		"the other way round, primary":     {change: map[Kind]func(string) string{Primary: reverse}, reused: total},
		"the other way round, filelists":   {change: map[Kind]func(string) string{Filelists: reverse}, reused: total},
		"the other way round, ours":        {change: map[Kind]func(string) string{Other: reverse}, ours: true, reused: total},
		"first and last swapped":           {change: map[Kind]func(string) string{Primary: swap, Other: swap}, reused: total},
		"a package is not in primary":      {change: map[Kind]func(string) string{Primary: lacksThird}, reused: total - 1},
		"a package is not in filelists":    {change: map[Kind]func(string) string{Filelists: lacksThird}, warns: "filelists lacks a package that primary has"},
		"a package is not in other":        {change: map[Kind]func(string) string{Other: lacksThird}, warns: "other lacks a package that primary has"},
		"a package is in primary twice":    {change: map[Kind]func(string) string{Primary: thirdTwice}, reused: total - 1},
		"a package is in filelists twice":  {change: map[Kind]func(string) string{Filelists: thirdTwice}, reused: total},
		"twice in all":                     {change: map[Kind]func(string) string{Primary: thirdTwice, Filelists: thirdTwice, Other: thirdTwice}, reused: total - 1},
		"another count":                    {change: map[Kind]func(string) string{Primary: replace(`packages="`, `packages="1`)}, reused: total},
		"an entry that is not understood":  {change: map[Kind]func(string) string{Primary: replace(`<arch>noarch</arch>`, ``)}, reused: total - 1},
		"a thousand that are not":          {change: map[Kind]func(string) string{Primary: replace(`<package `, strings.Repeat("<package/>", maxBadEntries)+`<package `)}, reused: total},
		"more than anybody reads":          {change: map[Kind]func(string) string{Primary: replace(`<package `, strings.Repeat("<package/>", maxBadEntries+1)+`<package `)}, warns: "package 1001 of primary"},
		"an entry that is malformed":       {change: map[Kind]func(string) string{Primary: replace(`<summary>`, `<sum>`)}, reused: total - 1},
		"malformed where nobody looks":     {change: map[Kind]func(string) string{Filelists: replace(`</file>`, `</fil>`)}, warns: "filelists: malformed XML"},
		"an unknown entity":                {change: map[Kind]func(string) string{Other: replace(`</changelog>`, `&x;</changelog>`)}, warns: "other: malformed XML"},
		"a prefix that ours does not have": {change: map[Kind]func(string) string{Primary: replace(`<summary>`, `<summary suse:x="y">`)}, warns: "primary: malformed XML"},
		"no end":                           {change: map[Kind]func(string) string{Filelists: replace(`</filelists>`, ``)}, warns: "cut short"},
		"another root":                     {change: map[Kind]func(string) string{Other: replace(`<otherdata `, `<otherstuff `)}, warns: "the root element is <otherstuff>"},
		"more behind the end":              {change: map[Kind]func(string) string{Primary: replace(`</metadata>`, `</metadata><metadata/>`)}, warns: "where the end of the file should be"},
		"a base":                           {change: map[Kind]func(string) string{Primary: replace(`<location `, `<location xml:base="http://elsewhere/" `)}, reused: total - 1},
	} {
		t.Run(name, func(t *testing.T) {
			dir := newTree(t, testPackages(t)...)
			old := build1(t, Options{Dir: dir}).rewritten(t, c.change)
			old.Ours = c.ours
			addFile(t, dir, "new.rpm", rawrpm.Package("new")) // so that there is something to do
			second := again(t, dir, old, Options{})
			requireAsIfNew(t, dir, second, Options{})
			assert.Equal(t, c.reused, second.Reused)
			assert.Equal(t, total+1-c.reused, second.Read)
			assert.Len(t, slices.Compact(second.packages), second.Read) // a new one may have been read before the old ones failed
			if c.warns == "" {
				assert.Empty(t, second.warnings)
			} else {
				require.Len(t, second.warnings, 1)
				assert.Contains(t, second.warnings[0], "the old one: ")
				assert.Contains(t, second.warnings[0], c.warns)
			}
		})
	}
}

// TestOldFileIsDamaged: what is not as repomd.xml says is not used.
func TestOldFileIsDamaged(t *testing.T) {
	for _, k := range kinds {
		for name, damage := range map[string]func([]byte) []byte{
			"one bit": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
			"cut":     func(b []byte) []byte { return b[:len(b)-20] },
			"empty":   func([]byte) []byte { return nil },
			"longer":  func(b []byte) []byte { return append(b, b...) },
			"another": func([]byte) []byte { return []byte("<html>502</html>") },
			"gone":    nil,
		} {
			t.Run(k.String()+" "+name, func(t *testing.T) {
				dir := newTree(t, testPackages(t)...)
				first := build1(t, Options{Dir: dir})
				rec, _ := first.Repomd.Find(k.String())
				file := filepath.Join(first.dir, rec.Name())
				if damage == nil {
					require.NoError(t, os.Remove(file))
				} else {
					data, err := os.ReadFile(file)
					require.NoError(t, err)
					require.NoError(t, os.WriteFile(file, damage(data), 0o644))
				}
				for _, ours := range []bool{true, false} {
					old := first.old(t)
					old.Ours = ours
					second := again(t, dir, old, Options{})
					require.False(t, second.Unchanged)
					requireAsIfNew(t, dir, second, Options{})
				}
				// The same with a new package, so that it does not come down to
				// nothing having changed.
				addFile(t, dir, "new.rpm", rawrpm.Package("new"))
				second := again(t, dir, first.old(t), Options{})
				requireAsIfNew(t, dir, second, Options{})
				assert.Zero(t, second.Reused)
				require.Len(t, second.warnings, 1)
				assert.Contains(t, second.warnings[0], "its entries are not used again")
			})
		}
	}
}

// TestSeveralOldGenerations: the first that has an entry gives it.
func TestSeveralOldGenerations(t *testing.T) {
	dir := newTree(t, testPackages(t)...)
	isHello := func(location string) bool { return strings.HasPrefix(location, "hello") }
	most := build1(t, Options{Dir: dir, LeaveOut: isHello}).old(t)
	hello := build1(t, Options{Dir: dir, LeaveOut: func(l string) bool { return !isHello(l) }}).old(t)
	broken := build1(t, Options{Dir: dir}).old(t)
	broken.Open = func(Record) (io.ReadCloser, error) { return nil, errors.New("it is gone") }

	b, err := tryBuild(t, Options{Dir: dir, Published: most, Old: []*OldMetadata{most, broken, hello}})
	require.NoError(t, err)
	assert.Empty(t, b.packages)
	assert.Equal(t, len(testPackages(t)), b.Reused)
	assert.Equal(t, []string{": the old one: it is gone: its entries are not used again"}, b.warnings)
	requireAsIfNew(t, dir, b, Options{})
}

// TestPublishedIsNotOld: a generation that may not be used again is no reason
// to do nothing either.
func TestPublishedIsNotOld(t *testing.T) {
	dir := newTree(t, testPackages(t)...)
	published := build1(t, Options{Dir: dir}).old(t)
	b, err := tryBuild(t, Options{Dir: dir, Published: published})
	require.NoError(t, err)
	assert.False(t, b.Unchanged)
	assert.Len(t, b.packages, len(testPackages(t)))
}

// TestUnchangedLooksAtAllFiles: repomd.xml may be as it should be, and what it
// names not.
func TestUnchangedLooksAtAllFiles(t *testing.T) {
	dir := newTree(t, testPackages(t)...)
	comps := extra("comps.xml", "group", true, []byte("<comps/>"))
	first := build1(t, Options{Dir: dir, Extras: []Extra{comps}})
	old := first.old(t)
	extras := old.Extras()
	require.Len(t, extras, 1)
	assert.True(t, again(t, dir, old, Options{Extras: extras}).Unchanged)

	assert.False(t, again(t, dir, old, Options{}).Unchanged, "a record too many")
	other := extras[0]
	other.Record.Checksum.Hex = strings.Repeat("0", 64)
	b := again(t, dir, old, Options{Extras: []Extra{other}})
	require.Len(t, b.bad, 1, "another content, which is not what its record says")
	assert.Contains(t, b.bad[0], "repomd.xml says")

	rec, _ := first.Repomd.Find("group")
	require.NoError(t, os.Remove(filepath.Join(first.dir, rec.Name())))
	b = again(t, dir, old, Options{Extras: extras})
	assert.Equal(t, []string{"comps.xml.gz: openat: no such file or directory"}, b.bad, "the rest is made")
}

// TestUnchangedHasItsRevision: another revision, or other times, are asked for.
func TestUnchangedHasItsRevision(t *testing.T) {
	dir := newTree(t, testPackages(t)...)
	old := build1(t, Options{Dir: dir, Revision: "5"}).old(t)
	b, err := Build(t.Context(), nil, Options{Dir: dir, ChangelogLimit: 10, Published: old, Old: []*OldMetadata{old}})
	require.NoError(t, err)
	assert.True(t, b.Unchanged, "none is asked for")
	assert.True(t, again(t, dir, old, Options{Revision: "5"}).Unchanged)
	assert.False(t, again(t, dir, old, Options{Revision: "6"}).Unchanged)

	timed := again(t, dir, old, Options{Revision: "5", TimestampFromRevision: true})
	require.False(t, timed.Unchanged)
	assert.True(t, again(t, dir, timed.old(t), Options{Revision: "5", TimestampFromRevision: true}).Unchanged)
}

// TestOtherNameOfSHA1: EL5 knows the checksum by one of its names only.
func TestOtherNameOfSHA1(t *testing.T) {
	dir := newTree(t, testPackages(t)...)
	old := build1(t, Options{Dir: dir, Checksum: "sha1"}).old(t)
	second := again(t, dir, old, Options{Checksum: "sha"})
	require.False(t, second.Unchanged)
	requireAsIfNew(t, dir, second, Options{Checksum: "sha"})
	for _, rec := range second.Repomd.Records {
		assert.Equal(t, "sha", rec.Checksum.Type, rec.Type)
	}
	assert.True(t, again(t, dir, second.old(t), Options{Checksum: "sha"}).Unchanged)
	third := again(t, dir, second.old(t), Options{Checksum: "sha", RepomdChecksum: "sha1"})
	assert.False(t, third.Unchanged)
}

// TestEntriesThatWait for their turn: many, and one that is large.
func TestEntriesThatWait(t *testing.T) {
	dir := t.TempDir()
	manyPackages(t, dir, 200)
	files := make([]rawrpm.Entry, 5000)
	for i := range files {
		files[i] = rawrpm.Entry{Dir: "/usr/share/big/", Base: fmt.Sprint("file-", i)}
	}
	addFile(t, dir, "p000-big.rpm", rawrpm.Package("p000-big", rawrpm.Files(files...)...))
	reverse := onPackages(func(p []string) []string { slices.Reverse(p); return p })
	shuffle := onPackages(func(p []string) []string {
		slices.SortFunc(p, func(a, b string) int { return bytes.Compare([]byte(a[20:60]), []byte(b[20:60])) })
		return p
	})
	old := build1(t, Options{Dir: dir}).rewritten(t, map[Kind]func(string) string{Primary: reverse, Filelists: shuffle, Other: reverse})
	second := again(t, dir, old, Options{Workers: 3})
	assert.Equal(t, 201, second.Reused)
	requireAsIfNew(t, dir, second, Options{})
}

// TestSameFileTwice: two packages with the same bytes share a pkgid.
func TestSameFileTwice(t *testing.T) {
	dir := t.TempDir()
	for _, location := range []string{"a.rpm", "b.rpm", "sub/a.rpm"} {
		addFile(t, dir, location, rawrpm.Package("same", rawrpm.Files(rawrpm.Entry{Dir: "/etc/", Base: "x"})...))
	}
	first := build1(t, Options{Dir: dir})
	assert.True(t, again(t, dir, first.old(t), Options{}).Unchanged)
	addFile(t, dir, "0.rpm", rawrpm.Package("first"))
	second := again(t, dir, first.old(t), Options{})
	assert.Equal(t, []string{"0.rpm"}, second.packages)
	requireAsIfNew(t, dir, second, Options{})
}
