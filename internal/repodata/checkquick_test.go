package repodata

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// goldenElements are the entries of all kinds that createrepo_c made.
func goldenElements(t testing.TB) (elements [][]byte) {
	t.Helper()
	for _, k := range kinds {
		data, err := os.ReadFile("../../testdata/golden/" + k.String() + ".xml")
		require.NoError(t, err)
		s, err := NewSplitter(bytes.NewReader(data), k)
		for err == nil {
			var e []byte
			if e, err = s.Next(); err == nil {
				elements = append(elements, bytes.Clone(e))
			}
		}
	}
	return elements
}

// TestQuickCheck: what createrepo_c writes is looked through the quick way.
func TestQuickCheck(t *testing.T) {
	quick := 0
	elements := goldenElements(t)
	for _, e := range elements {
		require.NoError(t, (&tokens{b: e}).check())
		require.NoError(t, fitToCopy(e))
		if quickCheck(e) {
			quick++
		}
		// Whatever is cut off, it is not whole.
		for n := range e {
			require.False(t, quickCheck(e[:n]))
		}
	}
	assert.Greater(t, 10*quick, 9*len(elements))
}

func TestQuickCheckLeavesTheOddAlone(t *testing.T) {
	for _, good := range []string{
		`<a/>`, `<a b="c"/>`, `<a></a>`, `<a>"text", 'x' [1]; &amp;&lt;&gt;&quot; ü&#10;&#xFC;` + "\n\t</a>", `<a><rpm:b xml:base="x" y="z"/></a>`,
	} {
		assert.True(t, quickCheck([]byte(good)), good)
	}
	for _, odd := range []string{
		"", "a", "<a", "<a>", "<a>x", "</a>", "<a></b>", "<a/>x", "<a/><b/>", "<a><!-- x --></a>", "<a><![CDATA[x]]></a>", "<a><?x?></a>",
		"<a>&#1;</a>", "<a>&#xfffe;</a>", "<a>&#;</a>", "<a>&amp</a>", "<a>&foo;</a>", "<a>&</a>", "<a>x>y</a>", "<a>\x01</a>", "<a>\r</a>", "<a>\xff</a>", "<a>\xef\xbf\xbe</a>", "<a>\xef\xbf\xbf</a>",
		`<a b='c'/>`, `<a  b="c"/>`, `<a b="c" b="d"/>`, `<a b="<"/>`, `<a b=">"/>`, "<a b=\"\n\"/>", `<a b/>`, `<a b=c/>`, `<a b="c"d="e"/>`,
		`<1/>`, `<-a/>`, `<x:a/>`, `<a x:b="c"/>`, `<a rpm:b="c"/>`, `<xml:a/>`, `<rpm:/>`, `<a 1="2"/>`,
		"<a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a>",
	} {
		assert.False(t, quickCheck([]byte(odd)), odd)
	}
}

// TestSplitterChecks: elements end where they do without, and those that are not
// looked through on the way are said to be so.
func TestSplitterChecks(t *testing.T) {
	for name, content := range map[string]string{
		"golden":     goldenPrimary(t),
		"odd":        "<metadata>\n<package a='b'><c/></package> <package><!-- </package> --></package><package><![CDATA[</package>]]></package>\n<package/><package>&#10;<c></c></package></metadata>",
		"bad inside": "<metadata><package>\x01</package><package><a></b></package><package>ok</package></metadata>",
		"nested":     "<metadata><package><package></package></package></metadata>",
		"longer":     "<metadata><packages></packages><package></package></metadata>",
		"large":      "<metadata><package>" + strings.Repeat("<file>/a</file>", 30_000) + "</package><package><file>/b</file></package></metadata>",
		"cut":        "<metadata><package><a></a></package><package>",
	} {
		t.Run(name, func(t *testing.T) {
			split := func(checks bool) (elements []string, err error) {
				s, err := NewSplitter(iotest.HalfReader(strings.NewReader(content)), Primary)
				require.NoError(t, err)
				s.checks = checks
				for {
					e, err := s.Next()
					if err != nil {
						return elements, err
					}
					if s.fit {
						require.NoError(t, (&tokens{b: e}).check())
					}
					elements = append(elements, string(e))
				}
			}
			want, wantErr := split(false)
			got, gotErr := split(true)
			assert.Equal(t, want, got)
			assert.Equal(t, wantErr, gotErr)
		})
	}
}

// FuzzQuickCheck: what the quick way lets pass, the long one does.
func FuzzQuickCheck(f *testing.F) {
	for _, e := range goldenElements(f) {
		f.Add(e)
	}
	f.Add([]byte(`<a b="c"><rpm:d xml:base="x"/>&amp;ü</a>`))
	f.Fuzz(func(t *testing.T, element []byte) {
		if quickCheck(element) {
			require.NoError(t, (&tokens{b: element}).check())
		}
	})
}
