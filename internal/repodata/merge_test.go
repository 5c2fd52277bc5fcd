package repodata

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/rpmpkg"
)

// merge1 merges into a new directory.
func merge1(t testing.TB, o MergeOptions) (built, error) {
	t.Helper()
	b := built{dir: t.TempDir()}
	r, err := Merge(t.Context(), func() (Output, error) { return dirOutput(b.dir), nil }, o)
	b.Repomd = r.Repomd
	b.Locations = make([]string, r.Packages)
	return b, err
}

func sources(list ...*OldMetadata) []MergeSource {
	var all []MergeSource
	for i, m := range list {
		all = append(all, MergeSource{OldMetadata: m, Base: fmt.Sprintf("file:///%d", i), URL: fmt.Sprintf("file:///%d/", i)})
	}
	return all
}

func TestMergeOneAndTheSame(t *testing.T) {
	tree := newTree(t, testPackages(t)...)
	whole := build1(t, Options{Dir: tree})
	for _, workers := range []int{1, 7} {
		// In the order in which it was made all is copied; in another one entries wait.
		for _, change := range []func(list []string) []string{
			func(list []string) []string { return list },
			func(list []string) []string { slices.Reverse(list); return list },
		} {
			list := onPackages(change)
			same := func(xml string) string { return list(xml) + "\n" } // never what it was
			turned := whole.rewritten(t, map[Kind]func(string) string{Primary: same, Filelists: same, Other: same})
			b, err := merge1(t, MergeOptions{Sources: sources(turned, whole.old(t)), All: true, Workers: workers, Compression: XZ})
			require.NoError(t, err)
			b.requireWhole(t)
			based := strings.ReplaceAll(whole.xml(t, Primary), "<location href", `<location xml:base="file:///0" href`)
			elements := func(text string) []string {
				list := strings.SplitAfter(text, "</package>\n")
				slices.Sort(list)
				return list
			}
			assert.Equal(t, elements(based), elements(b.xml(t, Primary)))
			assert.Equal(t, elements(whole.xml(t, Filelists)), elements(b.xml(t, Filelists)))
			assert.Equal(t, elements(whole.xml(t, Other)), elements(b.xml(t, Other)))
		}
	}
}

func TestMergeSelection(t *testing.T) {
	at := func(n int, nevra, srpm string, fileTime int64) *candidate {
		name, rest, _ := strings.Cut(nevra, "-")
		version, rest, _ := strings.Cut(rest, "-")
		release, arch, _ := strings.Cut(rest, ".")
		evr := rpmpkg.EVR{Version: version, Release: release}
		if epoch, v, found := strings.Cut(version, ":"); found {
			evr.Epoch, evr.Version = epoch, v
		}
		return &candidate{
			NEVRA: rpmpkg.NEVRA{Name: name, EVR: evr, Arch: arch}, from: n, location: "p/" + nevra,
			pkgid: fmt.Sprint(nevra, fileTime), sourceRPM: srpm, fileTime: fileTime,
		}
	}
	found := [][]*candidate{
		{at(0, "a-1-1.x86_64", "a-1-1.src.rpm", 5), at(0, "a-2-1.x86_64", "a-2-1.src.rpm", 4), at(0, "a-1.0-1.i686", "", 3), at(0, "n-1-1.noarch", "n-1-1.src.rpm", 1)},
		{at(1, "a-3-1.x86_64", "a-3-1.src.rpm", 5), at(1, "b-1-1.x86_64", "a-2-1.src.rpm", 6), at(1, "a-1.00-1.i686", "", 9), at(1, "n-2-1.noarch", "n-2-1.src.rpm", 0)},
	}
	other := at(0, "n-9-9.noarch", "n-1-1.src.rpm", 7)
	for name, c := range map[string]struct {
		o    MergeOptions
		want string
	}{
		"the first repository's newest": {MergeOptions{}, "0:a-2-1.x86_64 0:a-1.0-1.i686 0:n-1-1.noarch 1:b-1-1.x86_64"},
		"newest version":                {MergeOptions{Method: NewestVersion}, "1:a-3-1.x86_64 0:a-1.0-1.i686 1:n-2-1.noarch 1:b-1-1.x86_64"},
		"newest file":                   {MergeOptions{Method: NewestFile}, "0:a-1-1.x86_64 1:a-1.00-1.i686 0:n-1-1.noarch 1:b-1-1.x86_64"},
		"all":                           {MergeOptions{All: true}, "0:a-1-1.x86_64 0:a-2-1.x86_64 0:a-1.0-1.i686 0:n-1-1.noarch 1:a-3-1.x86_64 1:b-1-1.x86_64 1:n-2-1.noarch"},
		"one architecture":              {MergeOptions{Arches: []string{"i686"}}, "0:a-1.0-1.i686"},
		"koji":                          {MergeOptions{Koji: true}, "0:a-2-1.x86_64 0:a-1.0-1.i686 0:n-1-1.noarch 1:b-1-1.x86_64"},
		"koji, blocked":                 {MergeOptions{Koji: true, Blocked: map[string]bool{"a": true}}, "0:a-1.0-1.i686 0:n-1-1.noarch"},
		"koji, simple":                  {MergeOptions{Koji: true, Simple: true, Arches: []string{"x86_64"}}, "0:a-1-1.x86_64 0:a-2-1.x86_64 1:a-3-1.x86_64 1:b-1-1.x86_64"},
		"another's noarch":              {MergeOptions{Noarch: &MergeSource{}, Arches: []string{"noarch"}}, "0:n-9-9.noarch"},
	} {
		replace := map[string]*candidate{}
		if c.o.Noarch != nil {
			replace["n-1-1.noarch"] = other
		}
		var got []string
		for _, c := range c.o.selection(found, replace) {
			got = append(got, fmt.Sprintf("%d:%s", c.from, strings.TrimPrefix(c.location, "p/")))
		}
		assert.Equal(t, c.want, strings.Join(got, " "), name)
	}
}

func TestMergeSourceNames(t *testing.T) {
	for file, want := range map[string]string{
		"a-b-1.0-2.el9.src.rpm": "a-b 1.0-2.el9", "a-3:1-2.nosrc.rpm": "a 3:1-2", "a-1.src.rpm": "a-1.src.rpm -", "x": "x -", "": " -", "--.rpm": " -",
	} {
		name, evr := splitSourceRPM(file)
		assert.Equal(t, want, name+" "+evr.String(), file)
	}
}

func TestMergeLocation(t *testing.T) {
	for in, want := range map[string]string{
		`<location href="a&amp;b"/>`:                                  `<location xml:base="file:///a&amp;&quot;b" href="a&amp;b"/>`,
		`<location  href='a"b' xml:base='' />`:                        `<location xml:base="file:///a&amp;&quot;b" href='a"b'/>`,
		"<location\nhref='a' ></location>":                            `<location xml:base="file:///a&amp;&quot;b" href="a"></location>`,
		`<!-- <location href="x"/> --><location href="a"/>`:           `<!-- <location href="x"/> --><location xml:base="file:///a&amp;&quot;b" href="a"/>`,
		`<format><location href="x"/></format><location href="a>b"/>`: `<format><location href="x"/></format><location xml:base="file:///a&amp;&quot;b" href="a>b"/>`,
	} {
		got, err := appendWithBase([]byte("before"), []byte("<package>"+in+"<x/></package>"), `file:///a&"b`)
		require.NoError(t, err)
		assert.Equal(t, "before<package>"+want+"<x/></package>", string(got))
	}
	_, err := appendWithBase(nil, []byte("<package></package>"), "x")
	assert.ErrorIs(t, err, errMalformed)
}

// FuzzMergeLocation: an entry that can be read says the same afterwards, and
// where it is.
func FuzzMergeLocation(f *testing.F) {
	f.Add([]byte(strings.Replace(wholeRef, `xml:base="http://x/" `, "", 1)), "file:///a b&\"")
	f.Add([]byte(strings.Replace(wholeRef, `<location xml:base="http://x/" href="a.rpm"/>`, `<location xml:base='' href='a"'></location>`, 1)), "http://é/")
	f.Fuzz(func(t *testing.T, element []byte, base string) {
		ref, err := ParseRef(element)
		if err != nil || ref.Base != "" || (&tokens{b: element}).check() != nil {
			t.Skip("no entry to give a base")
		}
		got, err := appendWithBase(nil, element, base)
		if err != nil {
			t.Fatal(err)
		}
		if err := (&tokens{b: got}).check(); err != nil {
			t.Fatalf("%v: %s", err, got)
		}
		if len(base) > maxLocationLength/8 {
			t.Skip("a base too long to read back")
		}
		again, err := ParseRef(got)
		if err != nil {
			t.Fatalf("%v: %s", err, got)
		}
		again.Base = ""
		if again != ref {
			t.Fatalf("%+v, and was %+v", again, ref)
		}
	})
}

func TestMergeUpdates(t *testing.T) {
	merge := func(texts ...string) (string, error) {
		var files []io.Reader
		for _, text := range texts {
			files = append(files, strings.NewReader(text))
		}
		var b bytes.Buffer
		err := mergeUpdates(&b, files)
		return b.String(), err
	}
	const one, two, three = "<update><id>1</id><updated date='x'/></update>", "<update><id>1</id><title>&lt;</title></update>", "<update a='b'/>"
	text, err := merge("<updates>\n  "+one+two+"</updates>", "<?xml version='1.0'?><updates/>", "<updates>"+two+"<!-- -->"+three+"</updates>")
	require.NoError(t, err)
	assert.Equal(t, `<?xml version="1.0" encoding="UTF-8"?>`+"\n<updates>\n  "+one+"\n  "+two+"\n  "+three+"\n</updates>\n", text)

	for _, bad := range []string{"<updates>" + one, "<updates><package/></updates>", "<updates><update>&nbsp;</update></updates>", "<html/>", "", "<updates><update><a></update></updates>"} {
		_, err := merge("<updates/>", bad)
		assert.ErrorIs(t, err, errMalformed, bad)
	}
}

// FuzzMergeUpdates: what comes out is well formed, and the same when it is
// merged again.
func FuzzMergeUpdates(f *testing.F) {
	f.Add("<updates><update><id>1</id></update></updates>", "<updates>\n<update a='>'><![CDATA[</update>]]></update></updates>")
	f.Fuzz(func(t *testing.T, a, b string) {
		var once, twice bytes.Buffer
		if err := mergeUpdates(&once, []io.Reader{strings.NewReader(a), strings.NewReader(b)}); err != nil {
			if errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			return
		}
		if err := wellFormed(once.String()); err != nil {
			t.Fatalf("%v: %s", err, once.Bytes())
		}
		if err := mergeUpdates(&twice, []io.Reader{bytes.NewReader(once.Bytes()), strings.NewReader(b)}); err != nil || once.String() != twice.String() {
			t.Fatalf("%v\n%s\n%s", err, once.Bytes(), twice.Bytes())
		}
	})
}

func TestMergeRefuses(t *testing.T) {
	whole := build1(t, Options{Dir: newTree(t, testPackages(t)[:4]...)})
	without := onPackages(func(list []string) []string { return list[1:] })
	replace := func(from, to string) func(string) string {
		return func(xml string) string { return strings.Replace(xml, from, to, 1) }
	}
	for want, change := range map[string]map[Kind]func(string) string{
		"the old one: filelists lacks a package that primary has": {Filelists: without},
		"the old one: other lacks a package that primary has":     {Other: without},
		"the old one: package 1 of primary: malformed XML":        {Primary: replace("<name>", "<nom>")},
		"the old one: primary: malformed XML: &nbsp; is not":      {Primary: replace("<description>", "<description>&nbsp;")},
		"the old one: filelists: malformed XML":                   {Filelists: replace("</filelists>", "")},
		"the old one: primary: malformed XML: it is cut short":    {Primary: replace("</metadata>", "")},
	} {
		_, err := merge1(t, MergeOptions{Sources: sources(whole.rewritten(t, change)), All: true})
		assert.ErrorContains(t, err, want)
	}
	none := whole.old(t)
	none.Repomd.Records = none.Repomd.Records[:1]
	_, err := merge1(t, MergeOptions{Sources: sources(none)})
	assert.ErrorContains(t, err, "the old one lacks primary, filelists or other")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Merge(ctx, func() (Output, error) { return dirOutput(t.TempDir()), nil }, MergeOptions{Sources: sources(whole.old(t))})
	require.ErrorIs(t, err, context.Canceled)
	for _, name := range []string{"primary", "filelists", "other", "pkgorigins", "repomd"} {
		_, err := Merge(t.Context(), func() (Output, error) { return fullDisk{dirOutput(t.TempDir()), name}, nil },
			MergeOptions{Sources: sources(whole.old(t)), Origins: true})
		require.ErrorIs(t, err, errFull, name)
	}
}
