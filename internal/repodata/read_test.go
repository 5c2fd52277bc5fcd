package repodata

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/rpmpkg"
)

func split(data string, k Kind) (elements []string, err error) {
	s, err := NewSplitter(strings.NewReader(data), k)
	if err != nil {
		return nil, err
	}
	for {
		e, err := s.Next()
		if errors.Is(err, io.EOF) {
			return elements, nil
		}
		if err != nil {
			return elements, err
		}
		elements = append(elements, string(e))
	}
}

func TestSplitter(t *testing.T) {
	tests := map[string]struct {
		in   string
		want []string
	}{
		"none":               {`<metadata></metadata>`, nil},
		"none, in short":     {`<metadata packages="0"/>`, nil},
		"byte order mark":    {"\xef\xbb\xbf<?xml version=\"1.0\"?><metadata/>", nil},
		"two":                {`<metadata><package>a</package><package>b</package></metadata>`, []string{"<package>a</package>", "<package>b</package>"}},
		"white space":        {"\n<metadata >\n\t<package>a</package >x</package>\r\n</metadata \n>\n\n", []string{"<package>a</package >x</package>"}},
		"empty element":      {`<metadata><package pkgid="x"/></metadata>`, []string{`<package pkgid="x"/>`}},
		"> in a value":       {`<metadata a=">"><package a="/>" b='>"'>x</package></metadata>`, []string{`<package a="/>" b='>"'>x</package>`}},
		"comments":           {`<!-- <x> --><metadata><!-- </metadata> --><package><!-- </package> -->x</package></metadata><!-- end -->`, []string{"<package><!-- </package> -->x</package>"}},
		"CDATA":              {`<metadata><package><![CDATA[</package>]]>x</package></metadata>`, []string{"<package><![CDATA[</package>]]>x</package>"}},
		"instructions":       {`<?xml version="1.0" encoding="utf-8" standalone="yes"?><?x y?><metadata><?a ?><package/></metadata><?b?>`, []string{"<package/>"}},
		"single quotes":      {`<?xml version='1.0' encoding='UTF-8'?><metadata/>`, nil},
		"an odd declaration": {`<?xml   version="1.0"	encoding = "UTF-8" ?><metadata/>`, nil},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := split(c.in, Primary)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestSplitterRefuses(t *testing.T) {
	tests := map[string]struct{ in, err string }{
		"nothing":                    {"", "cut short"},
		"white space":                {" \n ", "cut short"},
		"another kind":               {`<filelists/>`, "the root element is <filelists>, not <metadata>"},
		"an error page":              {"<!DOCTYPE html><html></html>", "malformed"},
		"text":                       {"404 not found", "where an element should be"},
		"another encoding":           {`<?xml version="1.0" encoding="ISO-8859-1"?><metadata/>`, "encoding"},
		"UTF-16":                     {"\xff\xfe<\x00m\x00", "where an element should be"},
		"no end":                     {`<metadata>`, "cut short"},
		"no end after a package":     {`<metadata><package/>`, "cut short"},
		"another end":                {`<metadata></filelists>`, "</filelists> where </metadata> should be"},
		"text between packages":      {`<metadata>x<package/></metadata>`, "where a <package> element should be"},
		"something else":             {`<metadata><delta/></metadata>`, "where a <package> element should be"},
		"something behind the end":   {`<metadata></metadata><metadata/>`, "where the end of the file should be"},
		"text behind the end":        {`<metadata/>x`, "where the end of the file should be"},
		"an open tag":                {`<metadata><package a="`, "cut short"},
		"a package that goes on":     {`<metadata><package><name>x</name></metadata>`, "cut short"},
		"an open comment":            {`<metadata><package><!-- x</package></metadata>`, "cut short"},
		"an open comment at the end": {`<metadata/><!-- x`, ""},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := split(c.in, Primary)
			if c.err == "" {
				t.Skip("nothing is lost by it")
			}
			require.ErrorContains(t, err, c.err)
		})
	}
}

func TestSplitterPassesReadErrorsOn(t *testing.T) {
	broken := errors.New("the disk is on fire")
	for _, start := range []string{"", "<meta", "<metadata>", "<metadata><package>", "<metadata></metadata>"} {
		r := io.MultiReader(strings.NewReader(start), iotest.ErrReader(broken))
		s, err := NewSplitter(r, Primary)
		if err == nil {
			_, err = s.Next()
		}
		require.ErrorIs(t, err, broken, "%s", start)
	}
	s, err := NewSplitter(iotest.OneByteReader(strings.NewReader(`<metadata><package>x</package></metadata>`)), Primary)
	require.NoError(t, err)
	e, err := s.Next()
	require.NoError(t, err)
	assert.Equal(t, "<package>x</package>", string(e))
	_, err = s.Next()
	require.ErrorIs(t, err, io.EOF)
	_, err = s.Next()
	require.ErrorIs(t, err, io.EOF, "and again")
}

// smallPrimary is a whole file with three packages.
func smallPrimary(t testing.TB) string {
	t.Helper()
	golden, err := os.ReadFile("../../testdata/golden/primary.xml")
	require.NoError(t, err)
	parts := strings.SplitAfter(string(golden), "</package>\n")
	return strings.Join(parts[:3], "") + parts[len(parts)-1]
}

func readPrimary(data string) (refs []rpmpkg.Ref, bad []error, err error) {
	err = ReadPrimary(strings.NewReader(data), func(ref rpmpkg.Ref, _ []byte) error {
		refs = append(refs, ref)
		return nil
	}, func(err error) error {
		bad = append(bad, err)
		return nil
	})
	return refs, bad, err
}

func TestReadPrimary(t *testing.T) {
	refs, bad, err := readPrimary(smallPrimary(t))
	require.NoError(t, err)
	require.Empty(t, bad)
	require.Len(t, refs, 3)
	assert.Equal(t, "chrono-2:0.9-3.noarch", refs[0].String())
	assert.Equal(t, "chrono-0.9-3.noarch.rpm", refs[0].Location)
	assert.Equal(t, "sha256", refs[0].Checksum.Type)
	assert.EqualValues(t, goldenTime, refs[0].FileTime)
	assert.EqualValues(t, goldenTime, refs[0].BuildTime)
	st, err := os.Stat("../../testdata/rpms/chrono-0.9-3.noarch.rpm")
	require.NoError(t, err)
	assert.Equal(t, st.Size(), refs[0].Size)
}

func TestReadPrimaryOfCutFile(t *testing.T) {
	whole := smallPrimary(t)
	for n := range len(whole) {
		_, _, err := readPrimary(whole[:n])
		require.Error(t, err, "the first %d of %d bytes", n, len(whole))
		require.NotErrorIs(t, err, io.EOF, "the first %d bytes", n)
	}
}

func TestReadPrimaryStopsWhereAsked(t *testing.T) {
	enough := errors.New("enough")
	n := 0
	err := ReadPrimary(strings.NewReader(smallPrimary(t)), func(rpmpkg.Ref, []byte) error { n++; return enough }, nil)
	require.ErrorIs(t, err, enough)
	assert.Equal(t, 1, n)
	err = ReadPrimary(strings.NewReader("<metadata><package/><package/></metadata>"), nil, func(error) error { n++; return enough })
	require.ErrorIs(t, err, enough)
	assert.Equal(t, 2, n)
}

const wholeRef = `<package type="rpm"><name>a</name><arch>noarch</arch><version epoch="0" ver="1" rel="2"/>` +
	`<checksum type="sha" pkgid="YES">da39a3ee5e6b4b0d3255bfef95601890afd80709</checksum>` +
	`<time file="1" build="2"/><size package="3" installed="4" archive="5"/><location xml:base="http://x/" href="a.rpm"/>` +
	`<format><name>not this</name><rpm:provides><rpm:entry name="b"/></rpm:provides></format></package>`

func TestParseRef(t *testing.T) {
	ref, err := ParseRef([]byte(wholeRef))
	require.NoError(t, err)
	assert.Equal(t, rpmpkg.Ref{
		NEVRA:    rpmpkg.NEVRA{Name: "a", EVR: rpmpkg.EVR{Epoch: "0", Version: "1", Release: "2"}, Arch: "noarch"},
		Checksum: rpmpkg.Checksum{Type: "sha", Hex: "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
		Size:     3, FileTime: 1, BuildTime: 2, Location: "a.rpm", Base: "http://x/",
	}, ref)

	escaped, err := ParseRef([]byte(strings.ReplaceAll(wholeRef, `href="a.rpm"`, `href='a&amp;&#xFC;&#9;&lt;"b.rpm'`)))
	require.NoError(t, err)
	assert.Equal(t, "a&ü\t<\"b.rpm", escaped.Location)
}

func TestParseRefRefuses(t *testing.T) {
	for name, c := range map[string]struct{ old, replacement, err string }{
		"no name":               {"<name>a</name>", "", "without name, arch or version"},
		"an empty name":         {"<name>a</name>", "<name/>", "without name, arch or version"},
		"no arch":               {"<arch>noarch</arch>", "", "without name, arch or version"},
		"no version":            {`ver="1"`, "", "without name, arch or version"},
		"no location":           {`href="a.rpm"`, "", "has no location"},
		"no checksum":           {"checksum", "chequesum", "has no checksum"},
		"an unknown checksum":   {`type="sha"`, `type="crc"`, `unknown checksum type "crc"`},
		"a short checksum":      {"da39", "", "is not a sha checksum"},
		"a checksum of letters": {"da39", "xxxx", "is not a sha checksum"},
		"elements in a name":    {"<name>a</name>", "<name>a<b/></name>", "<b> where text should be"},
		"a negative size":       {`package="3"`, `package="-3"`, "is no number"},
		"a huge size":           {`package="3"`, `package="99999999999999999999"`, "is no number"},
		"a time of letters":     {`file="1"`, `file="x"`, "is no number"},
		"mixed-up ends":         {"</name><arch>", "</arch><arch>", "closes nothing"},
		"an unknown entity":     {"<name>a", "<name>&a;", "&a; is not known"},
		"an entity without end": {"<name>a", "<name>&amp", "&"},
		"an impossible number":  {"<name>a", "<name>&#0;", "is not known"},
		"a surrogate":           {"<name>a", "<name>&#xD800;", "is not known"},
		"a control character":   {"<name>a", "<name>\x01", "a control character"},
		"Latin-1":               {"<name>a", "<name>\xfc", "not UTF-8"},
		"no quotes":             {`href="a.rpm"`, `href=a.rpm`, "is no attribute"},
		"no value":              {`href="a.rpm"`, `href`, "is no attribute"},
		"a lone <":              {"<name>a", "<name>a<", "is no tag"},
		"nested without end":    {"<format>", strings.Repeat("<format>", 100), "nested too deeply"},
	} {
		t.Run(name, func(t *testing.T) {
			in := strings.Replace(wholeRef, c.old, c.replacement, 1)
			require.NotEqual(t, wholeRef, in)
			if name == "no checksum" {
				in = strings.ReplaceAll(wholeRef, c.old, c.replacement)
			}
			_, err := ParseRef([]byte(in))
			require.ErrorContains(t, err, c.err)
			// In a file, it is one bad package among good ones.
			refs, bad, err := readPrimary("<metadata>" + wholeRef + in + wholeRef + "</metadata>")
			require.NoError(t, err)
			require.Len(t, refs, 2)
			require.Len(t, bad, 1)
			require.ErrorContains(t, bad[0], "package 2 of primary: ")
		})
	}
}

func TestCheckBeforeCopying(t *testing.T) {
	for in, ok := range map[string]bool{
		wholeRef: true,
		`<package a="b">text &amp; <!-- c --><![CDATA[<]]></package>`: true,
		`<package xml:lang="de"/>`:                                    true,
		`<rpm:x/>`:                                                    true,
		`<other:x/>`:                                                  false, // a prefix that our files do not declare
		`<package other:x="y"/>`:                                      false,
		`<package rpm:x="y"/>`:                                        false,
		`<package><a></b></package>`:                                  false,
		`<package><a></package></a>`:                                  false,
		`<package>`:                                                   false,
		`<package></package></metadata>`:                              false,
		"<package>\xff</package>":                                     false,
		"<package>\x00</package>":                                     false,
		"<package><![CDATA[\x02]]></package>":                         false,
		"<package>&bogus;</package>":                                  false,
		`<package a="&bogus;"/>`:                                      false,
		`<package a="<"/>`:                                            false,
		`<package a="b" a="b"/>`:                                      false,
		`<package a="b"c="d"/>`:                                       false,
		`<package 1="b"/>`:                                            false,
		`<1/>`:                                                        false,
		`<a/b="c"/>`:                                                  false,
		`<package><!-- a -- b --></package>`:                          false,
		`<package><!-- a ---></package>`:                              false,
		`<package><?xml x?></package>`:                                false,
		`<package><?x y?></package>`:                                  false,
		"<package>\uffff</package>":                                   false,
		`<package>]]></package>`:                                      false,
	} {
		err := (&tokens{b: []byte(in)}).check()
		assert.Equal(t, ok, err == nil, "%s: %v", in, err)
	}
}

const wholeRepomd = `<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">
  <revision>1704067200</revision>
  <tags><content>x</content><distro cpeid="cpe:/o">y</distro></tags>
  <data type="primary">
    <checksum type="sha256">e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855</checksum>
    <open-checksum type="sha">da39a3ee5e6b4b0d3255bfef95601890afd80709</open-checksum>
    <header-checksum type="sha256">e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855</header-checksum>
    <location xml:base="http://other/" href="repodata/primary.xml.gz"/>
    <timestamp>1704067200.25</timestamp>
    <size>11</size>
    <open-size>22</open-size>
    <header-size>33</header-size>
    <database_version>10</database_version>
    <unknown><nested size="1"/></unknown>
  </data>
  <data type="group"><checksum type="sha">da39a3ee5e6b4b0d3255bfef95601890afd80709</checksum><location href="repodata/comps.xml"/></data>
</repomd>
`

func TestParseRepomd(t *testing.T) {
	m, err := ParseRepomd([]byte(wholeRepomd))
	require.NoError(t, err)
	empty := rpmpkg.Checksum{Type: "sha256", Hex: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}
	emptySHA := rpmpkg.Checksum{Type: "sha", Hex: "da39a3ee5e6b4b0d3255bfef95601890afd80709"}
	tags := Tags{Content: []string{"x"}, Distro: []Distro{{CPEID: "cpe:/o", Name: "y"}}}
	assert.Equal(t, &Repomd{Revision: "1704067200", Tags: tags, Records: []Record{
		{
			Type: "primary", Checksum: empty, OpenChecksum: emptySHA, HeaderChecksum: empty, Location: "repodata/primary.xml.gz", Base: "http://other/",
			Timestamp: 1704067200, Size: 11, OpenSize: 22, HeaderSize: 33, DatabaseVersion: 10,
		},
		{Type: "group", Checksum: emptySHA, Location: "repodata/comps.xml", Size: -1, OpenSize: -1, HeaderSize: -1},
	}}, m)

	again, err := ParseRepomd(m.Append(nil))
	require.NoError(t, err)
	assert.Equal(t, m, again)
	_, ok := m.Find("filelists")
	assert.False(t, ok)
}

func TestParseRepomdOfCutFile(t *testing.T) {
	whole := strings.TrimRight(wholeRepomd, "\n")
	for n := range len(whole) {
		_, err := ParseRepomd([]byte(whole[:n]))
		require.Error(t, err, "the first %d of %d bytes", n, len(whole))
		require.NotErrorIs(t, err, io.EOF, "the first %d bytes", n)
	}
}

func TestParseRepomdRefuses(t *testing.T) {
	for name, c := range map[string]struct{ old, replacement, err string }{
		"no primary":          {`type="primary"`, `type="primary_db"`, "names no primary"},
		"a record of no type": {`type="group"`, ``, "a record without a type"},
		"no location":         {`<location href="repodata/comps.xml"/>`, ``, `record "group" has no location`},
		"no checksum":         {`<checksum type="sha">da39a3ee5e6b4b0d3255bfef95601890afd80709</checksum><location`, `<location`, `record "group" has no checksum`},
		"a bad checksum":      {`<checksum type="sha256">e3`, `<checksum type="sha256">`, `record "primary": `},
		"a negative size":     {`<size>11`, `<size>-11`, `record "primary": malformed XML: "-11" is no number`},
		"a size of letters":   {`<size>11`, `<size>many`, "is no number"},
		"an empty size":       {`<size>11`, `<size>`, "is no number"},
		"another root":        {`<repomd `, `<metadata `, "the root element is <metadata>"},
		"another document":    {wholeRepomd, `<metadata/>`, "names no primary"},
		"an error page":       {wholeRepomd, "<html><body>502</body></html>", "the root element is <html>"},
		"an entity":           {`<?xml version="1.0" encoding="UTF-8"?>`, `<!DOCTYPE r [<!ENTITY x "y">]>`, "malformed"},
		"two documents":       {"</repomd>\n", "</repomd><repomd></repomd>", "malformed"},
		"text behind it":      {"</repomd>\n", "</repomd>x", "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			in := strings.Replace(wholeRepomd, c.old, c.replacement, 1)
			require.NotEqual(t, wholeRepomd, in)
			_, err := ParseRepomd([]byte(in))
			require.ErrorContains(t, err, c.err)
		})
	}
	_, err := ParseRepomd(bytes.Repeat([]byte(" "), MaxRepomd+1))
	require.ErrorContains(t, err, "more than the 4194304 that are read")
}

func TestPlainName(t *testing.T) {
	hash := strings.Repeat("0a", 32)
	for name, want := range map[string]string{
		hash + "-primary.xml.gz":          "primary.xml.gz",
		hash[:40] + "-comps.xml":          "comps.xml",
		hash[:32] + "-x":                  "x",
		hash[:56] + "-x":                  "x",
		hash + hash + "-x":                "x",
		hash[:33] + "-x":                  hash[:33] + "-x",
		strings.Repeat("g", 64) + "-x":    strings.Repeat("g", 64) + "-x",
		hash + "-":                        hash + "-",
		"primary.xml.gz":                  "primary.xml.gz",
		"c4e9d-comps-CentOS-7.x86_64.xml": "c4e9d-comps-CentOS-7.x86_64.xml",
	} {
		assert.Equal(t, want, Record{Location: "repodata/" + name}.PlainName())
	}
}
