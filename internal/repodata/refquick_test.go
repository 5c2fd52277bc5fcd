package repodata

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/rpmpkg"
)

func goldenPrimary(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile("../../testdata/golden/primary.xml")
	require.NoError(t, err)
	return string(data)
}

// TestQuickRef: what is read the quick way is what is read the long way, and
// most of what createrepo_c has written is read the quick way.
func TestQuickRef(t *testing.T) {
	var quick, all int
	err := ReadPrimary(strings.NewReader(goldenPrimary(t)), func(long rpmpkg.Ref, element []byte) error {
		all++
		want, err := parseRef(element)
		require.NoError(t, err)
		assert.Equal(t, want, long)
		if got, ok := quickRef(element); ok {
			quick++
			assert.Equal(t, want, got)
		}
		return nil
	}, func(err error) error { return err })
	require.NoError(t, err)
	assert.Greater(t, 10*quick, 9*all)
}

// TestQuickRefLeavesTheOddAlone: elements that are not to the letter what is
// expected are for the long way.
func TestQuickRefLeavesTheOddAlone(t *testing.T) {
	var e Entry
	e.Describe(&rpmpkg.File{
		Package:  &rpmpkg.Package{NEVRA: rpmpkg.NEVRA{Name: "a", EVR: rpmpkg.EVR{Epoch: "0", Version: "1", Release: "2"}, Arch: "noarch"}},
		Checksum: rpmpkg.Checksum{Type: "sha256", Hex: strings.Repeat("ab", 32)}, Size: 10,
	}, EntryOptions{Location: "a.rpm"}, Primary)
	good := strings.TrimSuffix(string(e.Primary), "\n")
	_, ok := quickRef([]byte(good))
	require.True(t, ok)
	for _, change := range [][2]string{
		{`<name>a<`, `<name>&#97;<`},
		{`<name>a<`, `<name><![CDATA[a]]><`},
		{`<name>a<`, `<name>ü<`},
		{`"a.rpm"`, `"a&amp;.rpm"`},
		{`"a.rpm"`, `"a.rpm" href="b.rpm"`},
		{`href="a.rpm"`, `href=""`},
		{`package="10"`, `package="-10"`},
		{`package="10"`, `package="0"`},
		{`package="10"`, `package="99999999999999999999"`},
		{`abab<`, `abax<`},
		{"</summary>", "</summary>\n  <summary></summary>"},
		{"</format>\n", "</format>\n  <location href=\"b.rpm\"/>\n"},
		{"</format>\n", "<![CDATA[</format>\n</package>]]></format>\n"},
		{`type="rpm"`, `type="rpm" x="y"`},
		{"</package>", "</package><package/>"},
	} {
		odd := strings.Replace(good, change[0], change[1], 1)
		require.NotEqual(t, good, odd)
		_, ok := quickRef([]byte(odd))
		assert.False(t, ok, "%q", change[1])
	}
}

func FuzzQuickRef(f *testing.F) {
	f.Add([]byte(wholeRef))
	for element := range bytes.SplitAfterSeq([]byte(goldenPrimary(f)), []byte("</package>")) {
		f.Add(bytes.TrimLeft(element, "\n"))
	}
	f.Fuzz(func(t *testing.T, element []byte) {
		quick, ok := quickRef(element)
		if !ok || (&tokens{b: element}).check() != nil {
			return
		}
		long, err := parseRef(element)
		require.NoError(t, err, "%s", element)
		require.Equal(t, long, quick)
	})
}
