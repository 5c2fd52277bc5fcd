package repodata

import (
	"bytes"
	"context"
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

	"gorepo/internal/rpmpkg"
	"gorepo/internal/testrepo/genrpm"
	"gorepo/internal/testrepo/rawrpm"
)

// manyPackages puts small packages p000 … into a tree.
func manyPackages(t testing.TB, dir string, n int) {
	t.Helper()
	for i := range n {
		name := fmt.Sprintf("p%03d", i)
		addFile(t, dir, name+".rpm", rawrpm.Package(name, rawrpm.Files(rawrpm.Entry{Dir: "/usr/share/", Base: name})...))
	}
}

func TestSameBytesForAnyWorkers(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, genrpm.Generate(dir, genrpm.Options{Packages: 120}))
	addFile(t, dir, "Packages/a/bad.rpm", []byte("not a package"))
	var first map[string]string
	for workers := 1; workers <= 8; workers++ {
		b := build1(t, Options{Dir: dir, Workers: workers, TimestampFromRevision: true})
		if first == nil {
			first = b.files(t)
		}
		require.Equal(t, first, b.files(t), "%d workers", workers)
		assert.Equal(t, 1, b.Bad)
	}
}

func TestBadPackagesAreLeftOut(t *testing.T) {
	dir := newTree(t, testPackages(t)...)
	whole, err := os.ReadFile(testPackages(t)[0])
	require.NoError(t, err)
	addFile(t, dir, "00-text.rpm", []byte("not a package"))
	addFile(t, dir, "empty.rpm", nil)
	addFile(t, dir, "sub/cut.rpm", whole[:1000])
	addFile(t, dir, "zz-no-name.rpm", rawrpm.Package("x", rawrpm.Without(1000)))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "dangling.rpm")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "directory.rpm"), 0o755))

	b := build1(t, Options{Dir: dir})
	assert.Equal(t, len(testPackages(t)), len(b.Locations))
	assert.Equal(t, 5, b.Bad)
	require.Len(t, b.bad, 5)
	for i, want := range []string{"00-text.rpm: not an rpm package", "dangling.rpm: ", "empty.rpm: not an rpm package: shorter than its lead", "sub/cut.rpm: ", "zz-no-name.rpm: its header has no name"} {
		assert.Contains(t, b.bad[i], want)
		assert.NotContains(t, b.bad[i], dir, "what is wrong, not where the tree lies")
	}
	good := build1(t, Options{Dir: newTree(t, testPackages(t)...)})
	for _, k := range kinds {
		requireSameLines(t, good.xml(t, k), b.xml(t, k), k.String())
	}
}

func TestNoPackages(t *testing.T) {
	for name, files := range map[string][]string{"empty": nil, "all bad": {"a.rpm", "b.rpm"}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, f := range files {
				addFile(t, dir, f, []byte("bad"))
			}
			b := build1(t, Options{Dir: dir})
			assert.Empty(t, b.Locations)
			assert.Equal(t, len(files), b.Bad)
			assert.Contains(t, b.xml(t, Primary), ` packages="0">`)
		})
	}
	_, err := tryBuild(t, Options{Dir: filepath.Join(t.TempDir(), "none")})
	require.ErrorIs(t, err, os.ErrNotExist)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	_, err = tryBuild(t, Options{Dir: file})
	require.ErrorContains(t, err, "is not a directory")
}

func TestWalk(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	pkg := rawrpm.Package("p")
	for _, location := range []string{"a.rpm", "sub/b.rpm", "sub/.hidden.rpm", ".hidden/c.rpm", "repodata/d.rpm", "sub/repodata/e.rpm", "x.txt", "A.RPM", "rpm", ".rpm"} {
		addFile(t, dir, location, pkg)
	}
	addFile(t, elsewhere, "f.rpm", pkg)
	addFile(t, elsewhere, "more/g.rpm", pkg)
	for link, to := range map[string]string{
		"loop": ".", "sub/up": "..", "self.rpm": "self.rpm", "link.rpm": "a.rpm", "linked": elsewhere, "linked-again": elsewhere, "no-package": "x.txt",
	} {
		require.NoError(t, os.Symlink(to, filepath.Join(dir, link)))
	}
	require.NoError(t, os.Symlink(dir, filepath.Join(elsewhere, "more", "back")))

	b := build1(t, Options{Dir: dir})
	assert.Equal(t, []string{
		"sub/.hidden.rpm", ".rpm", "a.rpm", "sub/b.rpm", "sub/repodata/e.rpm", "linked/f.rpm", "linked-again/f.rpm",
		"linked-again/more/g.rpm", "linked/more/g.rpm", "link.rpm",
	}, b.Locations)
	require.Len(t, b.bad, 1)
	assert.Contains(t, b.bad[0], "self.rpm: ")

	b = build1(t, Options{Dir: dir, Excludes: []string{"linked*", "s?b/b*"}, LeaveOut: func(location string) bool { return location == "a.rpm" }})
	assert.Equal(t, []string{"sub/.hidden.rpm", ".rpm", "sub/repodata/e.rpm", "link.rpm"}, b.Locations)
}

func TestUnreadableDirectory(t *testing.T) {
	dir := t.TempDir()
	addFile(t, dir, "a.rpm", rawrpm.Package("a"))
	addFile(t, dir, "sub/b.rpm", rawrpm.Package("b"))
	require.NoError(t, os.Chmod(filepath.Join(dir, "sub"), 0))
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "sub"), 0o755) })
	if _, err := os.ReadDir(filepath.Join(dir, "sub")); err == nil {
		t.Skip("root reads everything")
	}
	b := build1(t, Options{Dir: dir})
	assert.Equal(t, []string{"a.rpm"}, b.Locations)
	assert.Equal(t, 1, b.Bad)
}

func TestMatchGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"*", "", true},
		{"*", "a/b", true},
		{"", "", true},
		{"", "a", false},
		{"a", "a", true},
		{"a", "b", false},
		{"a", "ab", false},
		{"a*", "abc", true},
		{"*c", "abc", true},
		{"*b*", "abc", true},
		{"*d*", "abc", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"a?c", "aüc", true},
		{"a*b*c", "a1b2b3c", true},
		{"a*b*c", "a1c2b3", false},
		{"**a", "bca", true},
		{"[ab]", "a", false},
		{"[ab]", "[ab]", true},
		{"debug/*", "debug/x/y.rpm", true},
		{`a\*`, "a*", false},
		{"?", "", false},
		{"*?", "", false},
		{"*?", "a", true},
		{"ab", "a", false},
		{"*aab", "aaaaaaaaab", true},
	} {
		assert.Equal(t, c.want, matchGlob(c.pattern, c.s), "%q matches %q", c.pattern, c.s)
	}
}

func TestWarnings(t *testing.T) {
	dir := t.TempDir()
	addFile(t, dir, "control.rpm", rawrpm.Package("control", rawrpm.I18N(1004, "a\x01b")))
	addFile(t, dir, "epoch.rpm", rawrpm.Package("epoch", rawrpm.Dependencies(rawrpm.Requires, dep("a", "x:1", 8))...))
	b := build1(t, Options{Dir: dir})
	assert.Len(t, b.Locations, 2)
	assert.Empty(t, b.bad)
	assert.Equal(t, []string{
		"control.rpm: control characters, which XML cannot hold, were left out of its metadata",
		`epoch.rpm: dependency "a x:1" was left out: its epoch is not a number`,
	}, b.warnings)
	assert.Contains(t, b.xml(t, Primary), "<summary>ab</summary>")
}

func TestRevisionAndTime(t *testing.T) {
	dir := newTree(t, testPackages(t)[0])
	before := time.Now().Unix()
	b, err := tryBuild(t, Options{Dir: dir, Revision: "any words"})
	require.NoError(t, err)
	assert.Equal(t, "any words", b.Repomd.Revision)
	assert.GreaterOrEqual(t, b.Repomd.Records[0].Timestamp, before)

	b, err = tryBuild(t, Options{Dir: dir, Revision: "12345", TimestampFromRevision: true})
	require.NoError(t, err)
	for _, rec := range b.Repomd.Records {
		assert.EqualValues(t, 12345, rec.Timestamp)
	}
	for name := range b.files(t) {
		st, err := os.Stat(filepath.Join(b.dir, name))
		require.NoError(t, err)
		assert.EqualValues(t, 12345, st.ModTime().Unix(), name)
	}
	for _, revision := range []string{"any words", "-5", "1.5"} {
		_, err = tryBuild(t, Options{Dir: dir, Revision: revision, TimestampFromRevision: true})
		require.ErrorContains(t, err, "is not a time in seconds")
	}
}

func TestUnknownChecksum(t *testing.T) {
	_, err := tryBuild(t, Options{Dir: newTree(t, testPackages(t)...), Checksum: "crc32"})
	require.ErrorContains(t, err, `unknown checksum type "crc32"`)
}

// TestCancel: Build ends soon, and with the context's error.
func TestCancel(t *testing.T) {
	dir := t.TempDir()
	manyPackages(t, dir, 300)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := Build(ctx, func() (Output, error) { return dirOutput(t.TempDir()), nil }, Options{
			Dir: dir, Workers: 2, OnPackage: func(string) { cancel() },
		})
		done <- err
	}()
	select {
	case err := <-done:
		require.ErrorIs(t, err, context.Canceled)
	case <-time.After(20 * time.Second):
		t.Fatal("it goes on")
	}
}

// fullDisk cannot make files whose names contain fails.
type fullDisk struct {
	dirOutput
	fails string
}

var errFull = errors.New("no space left on device")

func (d fullDisk) Create(name string) (*os.File, error) {
	if strings.Contains(name, d.fails) {
		return nil, errFull
	}
	return d.dirOutput.Create(name)
}

func (d fullDisk) Write(name string, data []byte) error {
	if strings.Contains(name, d.fails) {
		return errFull
	}
	return d.dirOutput.Write(name, data)
}

func TestOutputFails(t *testing.T) {
	dir := t.TempDir()
	manyPackages(t, dir, 200)
	for _, name := range []string{"primary", "filelists", "other", "repomd"} {
		_, err := Build(t.Context(), func() (Output, error) { return fullDisk{dirOutput(t.TempDir()), name}, nil }, Options{Dir: dir, Workers: 2})
		require.ErrorIs(t, err, errFull, name)
	}
	_, err := Build(t.Context(), func() (Output, error) { return nil, errFull }, Options{Dir: dir})
	require.ErrorIs(t, err, errFull)
}

func TestDevFull(t *testing.T) {
	// Files that open and cannot be written to, as on a full disk.
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("needs /dev/full")
	}
	dir := t.TempDir()
	manyPackages(t, dir, 50)
	out := t.TempDir()
	for _, k := range kinds {
		require.NoError(t, os.Symlink("/dev/full", filepath.Join(out, k.String())))
	}
	_, err := Build(t.Context(), func() (Output, error) { return devFull{dirOutput(out)}, nil }, Options{Dir: dir})
	require.ErrorContains(t, err, "no space left on device")
}

type devFull struct{ dirOutput }

func (d devFull) Create(string) (*os.File, error) { return os.OpenFile("/dev/full", os.O_WRONLY, 0) }

func extra(name, recordType string, repack bool, data []byte) Extra {
	rec := recordOf(data)
	rec.Type, rec.Location, rec.HeaderSize = recordType, "repodata/"+name, -1
	return Extra{
		Type: recordType, Name: name, Repack: repack, Record: rec,
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
	}
}

func TestExtras(t *testing.T) {
	comps := []byte("<comps/>")
	b := build1(t, Options{Dir: newTree(t, testPackages(t)[0]), Extras: []Extra{
		extra("updateinfo.xml.xz", "updateinfo", true, xzed(t, []byte("<updates/>"))),
		extra("comps.xml", "group", true, comps),
		extra("modules.yaml.gz", "modules", true, gzipped(t, []byte("---\n"))),
		extra("productid", "productid", false, []byte("certificate")),
	}})
	var types []string
	for _, rec := range b.Repomd.Records {
		types = append(types, rec.Type)
	}
	assert.Equal(t, []string{"primary", "filelists", "other", "group", "modules", "productid", "updateinfo"}, types)
	for recordType, want := range map[string][2]string{
		"group": {"comps.xml.gz", "<comps/>"}, "updateinfo": {"updateinfo.xml.gz", "<updates/>"}, "modules": {"modules.yaml.gz", "---\n"}, "productid": {"productid", "certificate"},
	} {
		rec, ok := b.Repomd.Find(recordType)
		require.True(t, ok)
		assert.Equal(t, want[0], rec.PlainName())
		assert.Equal(t, want[1], string(content(t, b.dir, rec)))
	}
	gz, _ := b.Repomd.Find("group")
	assert.EqualValues(t, len(comps), gz.OpenSize)
	assert.NotEmpty(t, gz.OpenChecksum.Hex)
	plain, _ := b.Repomd.Find("productid")
	assert.EqualValues(t, -1, plain.OpenSize)
	assert.Empty(t, plain.OpenChecksum.Hex)

	required := extra("comps.xml", "group", true, nil)
	required.Required = true
	required.Open = func() (io.ReadCloser, error) { return nil, errFull }
	_, err := tryBuild(t, Options{Dir: newTree(t, testPackages(t)[0]), Extras: []Extra{required}})
	require.ErrorIs(t, err, errFull)
	require.ErrorContains(t, err, "comps.xml: ")
}

// TestExtraNames: two files of one plain name, and one that is named like ours,
// each keep a file of their own; a file that two records name is one.
func TestExtraNames(t *testing.T) {
	for _, simple := range []bool{true, false} {
		b := build1(t, Options{Dir: newTree(t, testPackages(t)[0]), SimpleNames: simple, Extras: []Extra{
			extra("data.xml", "a", false, []byte("one")),
			extra("data.xml", "b", false, []byte("two")),
			extra("data.xml", "c", false, []byte("two")),
			extra("primary.xml.gz", "d", false, gzipped(t, []byte("mine"))),
			extra("repomd.xml", "e/../f", false, []byte("yours")),
			extra(strings.Repeat("long", 60), "g", false, []byte("long")),
		}})
		require.Empty(t, b.bad)
		for recordType, want := range map[string]string{"a": "one", "b": "two", "c": "two", "d": "mine", "e/../f": "yours", "g": "long"} {
			rec, ok := b.Repomd.Find(recordType)
			require.True(t, ok, recordType)
			assert.Equal(t, want, string(content(t, b.dir, rec)), recordType)
			assert.Equal(t, "repodata/"+rec.Name(), rec.Location)
		}
		primary, _ := b.Repomd.Find("primary")
		assert.Contains(t, string(content(t, b.dir, primary)), "<metadata")
		entries, err := os.ReadDir(b.dir)
		require.NoError(t, err)
		assert.Len(t, entries, 3+5+1, "a file for each content, and repomd.xml")
	}
}

// TestExtraUnchanged: a published extra is recognised whatever checksum type
// its source is known by.
func TestExtraUnchanged(t *testing.T) {
	dir := newTree(t, testPackages(t)...)
	sum := func(data []byte) rpmpkg.Checksum {
		h, _ := rpmpkg.NewHash("sha512")
		h.Write(data)
		return rpmpkg.Sum("sha512", h)
	}
	var extras []Extra
	for name, data := range map[string][]byte{
		"comps.xml": []byte("<comps/>"), "updateinfo.xml.xz": xzed(t, []byte("<updates/>")), "modules.yaml.gz": gzipped(t, []byte("---")),
	} {
		e := extra(name, strings.Split(name, ".")[0], true, data)
		e.Record.Checksum = sum(data)
		extras = append(extras, e)
	}
	first := build1(t, Options{Dir: dir, Extras: extras})
	assert.True(t, again(t, dir, first.old(t), Options{Extras: extras}).Unchanged)
	extras[0].Record.Checksum = sum([]byte("another"))
	other := extra(extras[0].Name, extras[0].Type, true, []byte("another"))
	extras[0].Open = other.Open
	assert.False(t, again(t, dir, first.old(t), Options{Extras: extras}).Unchanged)
}

func TestExtrasOfAGeneration(t *testing.T) {
	m := &Repomd{}
	for _, recordType := range []string{
		"primary", "primary_db", "filelists", "filelists_zck", "other", "filelists-ext", "group_gz", "group", "group_zck", "modules_zck", "updateinfo_xz", "updateinfo", "prestodelta", "x_zck", "x_gz",
	} {
		m.Records = append(m.Records, Record{Type: recordType})
	}
	var types []string
	for _, rec := range m.Extras() {
		types = append(types, rec.Type)
	}
	assert.Equal(t, []string{"group", "modules_zck", "prestodelta", "updateinfo", "x_gz"}, types)
}

// TestExtraThatChanged: what is copied must be what repomd.xml names.
func TestExtraThatChanged(t *testing.T) {
	for _, repack := range []bool{false, true} {
		rec := recordOf([]byte("<comps/>"))
		rec.Location = "repodata/comps.xml"
		e := extra("comps.xml", "group", repack, []byte("<comps>"))
		e.Record = rec
		b, err := tryBuild(t, Options{Dir: newTree(t, testPackages(t)[0]), Extras: []Extra{e}})
		require.NoError(t, err)
		require.Len(t, b.bad, 1, "it is left out, and said to be")
		assert.Contains(t, b.bad[0], "comps.xml: ")
		assert.Contains(t, b.bad[0], "repomd.xml says")
		assert.Equal(t, 1, b.Bad)
		_, ok := b.Repomd.Find("group")
		assert.False(t, ok)
		entries, err := os.ReadDir(b.dir)
		require.NoError(t, err)
		assert.Len(t, entries, 4)
		e.Required = true
		_, err = tryBuild(t, Options{Dir: newTree(t, testPackages(t)[0]), Extras: []Extra{e}})
		require.ErrorContains(t, err, "repomd.xml says")
	}
}

// TestHeavy: what is too large to wait for its turn in memory is written all
// the same, byte for byte.
func TestHeavy(t *testing.T) {
	dir := t.TempDir()
	names := make([]rawrpm.Entry, 30_000)
	for i := range names {
		names[i] = rawrpm.Entry{Dir: fmt.Sprintf("/usr/share/heavy/a-directory-with-a-long-name-%d/", i%100), Base: fmt.Sprintf("&file-%d", i)}
	}
	addFile(t, dir, "heavy.rpm", rawrpm.Package("heavy", rawrpm.Files(names...)...))
	manyPackages(t, dir, 20)
	b := build1(t, Options{Dir: dir})
	require.Empty(t, b.bad)
	rec, _ := b.Repomd.Find("filelists")
	filelists := string(content(t, b.dir, rec))
	assert.Equal(t, len(names), strings.Count(filelists, "<file>/usr/share/heavy/"))
	assert.Contains(t, filelists, "<file>/usr/share/heavy/a-directory-with-a-long-name-99/&amp;file-29999</file>\n</package>")
	assert.Len(t, b.Locations, 21)
}

// TestOrderOfLargeAndSmall: however long one takes, the order stays.
func TestOrderOfLargeAndSmall(t *testing.T) {
	dir := t.TempDir()
	big := make([]rawrpm.Entry, 20_000)
	for i := range big {
		big[i] = rawrpm.Entry{Dir: "/usr/share/big/", Base: fmt.Sprint("file-", i)}
	}
	addFile(t, dir, "a-big.rpm", rawrpm.Package("a-big", rawrpm.Files(big...)...))
	manyPackages(t, dir, 200)
	b := build1(t, Options{Dir: dir, Workers: 4})
	assert.True(t, slices.IsSorted(b.Locations))
	assert.Len(t, b.Locations, 201)
	assert.Equal(t, 201, b.Read)
}
