package repodata

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/rpmpkg"
)

// eachOf lists what Each gives, with the type before the path.
func eachOf(each func(f func(path []byte, t rpmpkg.FileType) error) error) (files []string, err error) {
	err = each(func(path []byte, t rpmpkg.FileType) error {
		files = append(files, string('0'+rune(t))+string(path))
		return nil
	})
	return files, err
}

const filesHead = "<package pkgid=\"12\" name=\"n\" arch=\"a\">\n  <version epoch=\"0\" ver=\"1\" rel=\"1\"/>\n"

// filesEntries are entries of filelists, and whether they are read the quick way.
var filesEntries = map[string]bool{
	filesHead + "</package>": true,
	filesHead + "  <file>/a</file>\n  <file type=\"dir\">/b</file>\n  <file type=\"ghost\">/c</file>\n</package>": true,
	filesHead + "  <file>/&lt;&amp;&#228;é</file>\n</package>":                                                    true,
	filesHead + "  <file></file>\n</package>":                                                                     true,
	filesHead + "  <file>/&nix;</file>\n</package>":                                                               true,
	filesHead + "  <file>/\xff</file>\n</package>":                                                                true,
	filesHead + "  <file>/a\tb</file>\n</package>":                                                                false,
	filesHead + "  <file>/a</file></package>":                                                                     false,
	filesHead + "  <file>/a<b/></file>\n</package>":                                                               false,
	filesHead + "  <file type='dir'>/a</file>\n</package>":                                                        false,
	filesHead + "  <file/>\n</package>":                                                                           false,
	filesHead + "  <file>/a</file>\n</package>x":                                                                  false,
	filesHead + "  <file>/a</file>\n":                                                                             false,
	"<package pkgid='1'><file>/a</file></package>":                                                                false,
	"<package/>": false,
	"":           false,
}

func TestFilesEntry(t *testing.T) {
	var e FilesEntry
	for entry, quick := range filesEntries {
		assert.Equal(t, quick, e.scan([]byte(entry)), "%q", entry)
	}
	files, err := eachOf(func(f func([]byte, rpmpkg.FileType) error) error {
		return e.Each([]byte(filesHead+"  <file>/a</file>\n  <file type=\"dir\">/&lt;b</file>\n  <file type=\"ghost\">/c</file>\n</package>"), f)
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"0/a", "1/<b", "2/c"}, files)
	enough := errors.New("enough")
	require.ErrorIs(t, e.Each([]byte(filesHead+"  <file>/a</file>\n</package>"), func([]byte, rpmpkg.FileType) error { return enough }), enough)
	id, err := PackageID([]byte(filesHead + "</package>"))
	require.NoError(t, err)
	assert.Equal(t, "12", id)
	_, err = PackageID([]byte("<package/>"))
	require.Error(t, err)
}

// FuzzFilesEntry: both ways of reading give the same, or the slow one an error that
// is about what a quick look does not see.
func FuzzFilesEntry(f *testing.F) {
	for entry := range filesEntries {
		f.Add([]byte(entry))
	}
	f.Fuzz(func(t *testing.T, entry []byte) {
		var e FilesEntry
		if !e.scan(entry) {
			return
		}
		quick, quickErr := eachOf(func(f func([]byte, rpmpkg.FileType) error) error { return e.Each(entry, f) })
		slow, slowErr := eachOf(func(f func([]byte, rpmpkg.FileType) error) error { return readFilelistsEntry(entry, eachFile(f)) })
		if slowErr == nil {
			require.NoError(t, quickErr)
			require.Equal(t, slow, quick)
		}
	})
}

func TestParsePackage(t *testing.T) {
	var e PackageEntry
	entry := `<package type="rpm"><name>n</name><arch>a</arch><version epoch="1" ver="2" rel="3"/><checksum type="sha256" pkgid="YES"> ` +
		`e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855</checksum><summary>s</summary><size package="7" installed="8"/>` +
		`<location xml:base="b" href="l"/><format><rpm:license>x</rpm:license><rpm:requires><rpm:entry name="r" flags="GE" epoch="0" ver="1" pre="1"/>` +
		`</rpm:requires><file>/etc/x</file><file>/usr/share/x</file></format></package>`
	for range 2 { // its memory is used again
		require.NoError(t, ParsePackage([]byte(entry), &e))
		assert.Equal(t, rpmpkg.NEVRA{Name: "n", EVR: rpmpkg.EVR{Epoch: "1", Version: "2", Release: "3"}, Arch: "a"}, e.NEVRA)
		assert.Equal(t, []any{"s", "x", "b", "l", int64(7), int64(8)}, []any{e.Summary, e.License, e.Base, e.Location, e.Size, e.Installed})
		assert.Equal(t, []rpmpkg.Dependency{{Name: "r", Flags: "GE", Pre: true, EVR: rpmpkg.EVR{Epoch: "0", Version: "1"}}}, e.Requires)
		assert.Equal(t, []string{"/etc/x"}, e.Files)
		assert.Empty(t, e.Provides)
	}
	for _, odd := range []string{"", "<package/>", "<package><name>n</name></package>"} {
		require.Error(t, ParsePackage([]byte(odd), &e), odd)
	}
}
