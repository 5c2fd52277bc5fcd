package repodata

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/rpmpkg"
	"gorepo/internal/sqlitedb"
)

// parsed is what an entry says, in the order in which it does.
type parsed struct {
	lines []string
	pkg   sqlitedb.Package
}

func (p *parsed) add(format string, args ...any) error {
	p.lines = append(p.lines, fmt.Sprintf(format, args...))
	return nil
}

func (p *parsed) AddFile(path string, t rpmpkg.FileType) error {
	return p.add("file %d %s", t, path)
}

// parsedPrimary, parsedFilelists and parsedOther take an entry of one kind.
type (
	parsedPrimary   struct{ parsed }
	parsedFilelists struct{ parsed }
	parsedOther     struct{ parsed }
)

func (p *parsedPrimary) AddDependency(s sqlitedb.Section, d *sqlitedb.Dependency) error {
	line := s.String()
	for _, t := range []sqlitedb.Text{d.Name, d.Flags, d.Epoch, d.Version, d.Release} {
		if t.Valid {
			line += fmt.Sprintf(" %q", t.String)
		} else {
			line += " NULL"
		}
	}
	return p.add("%s %t", line, d.Pre)
}

func (p *parsedPrimary) AddPackage(pkg *sqlitedb.Package) error {
	p.pkg = *pkg
	return nil
}

func (p *parsedFilelists) AddPackage(id string) error { return p.add("package %s", id) }
func (p *parsedOther) AddPackage(id string) error     { return p.add("package %s", id) }

func (p *parsedOther) AddChange(author sqlitedb.Text, date int64, text string) error {
	return p.add("change %q %t %d %q", author.String, author.Valid, date, text)
}

const wholeEntry = `<package type="rpm">
  <name>n</name>
  <arch>a</arch>
  <version epoch="1" ver="2" rel="3"/>
  <checksum type="sha" pkgid="YES">ABC</checksum>
  <summary>s &amp; &#8364;</summary>
  <description>one&#13;
two
<![CDATA[<three>&amp;]]></description>
  <packager/>
  <url></url>
  <time file="1.5" build="-2"/>
  <size package="3" installed="18446744073709551615" archive="x"/>
  <location xml:base="b" href="h"/>
  <format>
    <rpm:license>l</rpm:license>
    <rpm:vendor>v</rpm:vendor>
    <rpm:group>g</rpm:group>
    <rpm:buildhost>bh</rpm:buildhost>
    <rpm:sourcerpm>src</rpm:sourcerpm>
    <rpm:header-range start="4" end="5"/>
    <rpm:provides><rpm:entry name="p" flags="EQ" epoch="0" ver="1" rel=""/><entry name="other"/></rpm:provides>
    <rpm:requires>
      <rpm:entry name="r" pre="1"/><rpm:entry name="r" pre="0"/><rpm:entry name="r" pre="False">x</rpm:entry><rpm:entry/>
    </rpm:requires>
    <rpm:supplements/>
    <rpm:unknown><rpm:entry name="u"/><name>not that of the package</name></rpm:unknown>
    <file>/etc/f</file>
    <file type="dir">/etc/d&lt;</file>
    <file type="ghost">/usr/bin/g</file>
    <file type="odd">/usr/lib/sendmail</file>
    <file>/usr/share/not-primary</file>
  </format>
  <summary2>x</summary2>
</package>`

func TestReadPrimaryEntry(t *testing.T) {
	var p parsedPrimary
	require.NoError(t, readPrimaryEntry([]byte(wholeEntry), &p))
	assert.Equal(t, []string{
		`provides "p" "EQ" "0" "1" "" false`,
		`requires "r" NULL NULL NULL NULL true`, `requires "r" NULL NULL NULL NULL false`,
		`requires "r" NULL NULL NULL NULL false`, `requires NULL NULL NULL NULL NULL false`,
		"file 0 /etc/f", "file 1 /etc/d<", "file 2 /usr/bin/g", "file 0 /usr/lib/sendmail",
	}, p.lines)
	assert.Equal(t, sqlitedb.Package{
		ID: "ABC", ChecksumType: "sha", Name: "n", Arch: "a", Epoch: text("1"), Version: text("2"), Release: text("3"),
		Summary: "s & €", Description: "one\r\ntwo\n<three>&amp;", FileTime: 1, BuildTime: -2, License: "l", Vendor: "v",
		Group: "g", BuildHost: "bh", SourceRPM: "src", HeaderStart: 4, HeaderEnd: 5, Size: 3, Installed: 1<<63 - 1,
		Location: text("h"), Base: "b",
	}, p.pkg)

	// Line ends in the file are line feeds, those that are written as characters stay.
	p = parsedPrimary{}
	require.NoError(t, readPrimaryEntry([]byte(strings.ReplaceAll(wholeEntry, "\n", "\r\n")), &p))
	assert.Equal(t, "one\r\ntwo\n<three>&amp;", p.pkg.Description)

	p = parsedPrimary{}
	require.NoError(t, readPrimaryEntry([]byte(`<package><checksum>1</checksum><summary>a<b>c</b>d</summary><format/></package>`), &p))
	assert.Equal(t, sqlitedb.Package{ID: "1", Summary: "acd"}, p.pkg)
}

func TestReadPrimaryEntryRefuses(t *testing.T) {
	for _, tt := range [][2]string{
		{`<package/>`, "without a checksum"},
		{`<package></package>`, "without a checksum"},
		{`<package><checksum type="sha256"/></package>`, "without a checksum"},
		{`<package><checksum>1</checksum>`, "not closed"},
		{`<package><checksum>1</checksum><name>a</name><name/></package>`, "two <name>"},
		{`<package><checksum>1</checksum><checksum>2</checksum></package>`, "two <checksum>"},
		{`<package><checksum>1</checksum><summary>&x;</summary></package>`, "not known"},
		{`<package><checksum>1</checksum><format><rpm:requires><rpm:entry name=a/></rpm:requires></format></package>`, "no attribute"},
		{`<package><checksum>1</checksum><format></package>`, "closes nothing"},
		{`text`, "no element"},
		{``, "cut short"},
	} {
		var p parsedPrimary
		err := readPrimaryEntry([]byte(tt[0]), &p)
		require.ErrorContains(t, err, tt[1], tt[0])
		assert.Zero(t, p.pkg)
	}
	failed := errors.New("full")
	assert.ErrorIs(t, readPrimaryEntry([]byte(wholeEntry), failingRows{failed}), failed)
}

// failingRows takes nothing.
type failingRows struct{ error }

func (f failingRows) AddDependency(sqlitedb.Section, *sqlitedb.Dependency) error { return f.error }
func (f failingRows) AddFile(string, rpmpkg.FileType) error                      { return f.error }
func (f failingRows) AddPackage(*sqlitedb.Package) error                         { return f.error }

func TestReadFilelistsEntry(t *testing.T) {
	var p parsedFilelists
	require.NoError(t, readFilelistsEntry([]byte(`<package pkgid="1" name="n"><version epoch="0" ver="1" rel="2"/>
		<file>/a&amp;b</file><file type="dir">/d</file><other>x<file>inside</file></other><file type="ghost">g</file><file/></package>`), &p))
	require.NoError(t, readFilelistsEntry([]byte(`<package pkgid="2"/>`), &p))
	assert.Equal(t, []string{"file 0 /a&b", "file 1 /d", "file 2 g", "file 0 ", "package 1", "package 2"}, p.lines)
	for _, bad := range []string{`<package/>`, `<package pkgid=""></package>`, `<package pkgid="1">`, `<package pkgid="1"><file>&</file></package>`} {
		require.ErrorIs(t, readFilelistsEntry([]byte(bad), &p), errMalformed, bad)
	}
}

func TestReadOtherEntry(t *testing.T) {
	var p parsedOther
	require.NoError(t, readOtherEntry([]byte(`<package pkgid="1"><version/><changelog author="me &lt;a@b&gt;" date="5">- x
- y</changelog><changelog date="4102444800"/><changelog author="">z</changelog><file>/x</file></package>`), &p))
	assert.Equal(t, []string{`change "me <a@b>" true 5 "- x\n- y"`, `change "" false 4102444800 ""`, `change "" true 0 "z"`, "package 1"}, p.lines)
	for _, bad := range []string{`<package/>`, `<package pkgid="1"><changelog></package>`, `<package pkgid="1"><changelog author=x/></package>`} {
		require.ErrorIs(t, readOtherEntry([]byte(bad), &p), errMalformed, bad)
	}
}

// FuzzReadEntry: reading an entry ends, with an error unless it is well formed,
// and what it gives fits into the entry.
func FuzzReadEntry(f *testing.F) {
	f.Add([]byte(wholeEntry))
	f.Add([]byte(`<package pkgid="1"><file type="dir">/a/b</file><changelog author="a" date="-1">t<b/>&#13;</changelog></package>`))
	f.Add([]byte(`<package pkgid='x'/>`))
	f.Fuzz(func(t *testing.T, element []byte) {
		var p parsedPrimary
		var fl parsedFilelists
		var o parsedOther
		for _, err := range []error{readPrimaryEntry(element, &p), readFilelistsEntry(element, &fl), readOtherEntry(element, &o)} {
			if errors.Is(err, io.EOF) {
				t.Error("io.EOF is not an error to return")
			}
		}
		if len(p.lines)+len(fl.lines)+len(o.lines) > len(element) {
			t.Errorf("%d bytes say too much", len(element))
		}
		q := p.pkg
		if n := len(q.ID) + len(q.Name) + len(q.Summary) + len(q.Description) + len(q.URL) + len(q.License); n > len(element) {
			t.Errorf("%d bytes of text in %d", n, len(element))
		}
	})
}
