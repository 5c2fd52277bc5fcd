package modulemd

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// parse gives the streams of a text and the bad documents' errors.
func parse(t testing.TB, text string) (streams []Stream, bad []string) {
	t.Helper()
	streams, err := Parse(strings.NewReader(text), func(err error) { bad = append(bad, err.Error()) })
	require.NoError(t, err)
	return streams, bad
}

const perl = `---
document: modulemd
version: 2
data:
  name: perl
  stream: "5.30"
  version: 8030020200414101010
  context: 466ea64f
  arch: x86_64
  summary: Practical Extraction and Report Language
  description: >-
    Folded text, with a colon: and a
    second line.
  license:
    module: [MIT]
  xmd: {}
  artifacts:
    rpms:
    - perl-4:5.30.1-452.module_el8.3.0+406+78614513.x86_64
    - perl-4:5.30.1-452.module_el8.3.0+406+78614513.src
...
`

var perlStream = Stream{
	Name: "perl", Stream: "5.30", Version: 8030020200414101010, Context: "466ea64f", Arch: "x86_64",
	Artifacts: []string{
		"perl-4:5.30.1-452.module_el8.3.0+406+78614513.x86_64",
		"perl-4:5.30.1-452.module_el8.3.0+406+78614513.src",
	},
}

func TestParse(t *testing.T) {
	streams, bad := parse(t, perl)
	assert.Empty(t, bad)
	assert.Equal(t, []Stream{perlStream}, streams)
	assert.Equal(t, "perl:5.30", streams[0].NameStream())

	// Whatever stands between documents, and however lines end.
	for name, text := range map[string]string{
		"byte order mark":         "\ufeff" + perl + perl,
		"directives and comments": "%YAML 1.1\n%wrong\n# first\n\n" + perl + "# between\n%YAML 1.1\n" + perl + "# last\n",
		"empty documents":         "---\n---\n...\n" + perl + "---\n# nothing\n...\n...\n" + perl,
		"no end marks":            strings.ReplaceAll(perl+perl, "...\n", ""),
		"no start marks":          strings.ReplaceAll(perl+perl, "---\n", ""),
		"CR LF":                   strings.ReplaceAll(perl+perl, "\n", "\r\n"),
		"CR":                      strings.ReplaceAll(perl+perl, "\n", "\r"),
		"content after the mark":  strings.ReplaceAll(perl+perl, "---\n", "--- # a stream\n"),
		"comments, CR":            strings.ReplaceAll("# first\n"+perl+"# between\n"+perl, "\n", "\r"),
		"not UTF-8 outside":       "# \x86\n" + perl + "# \x86\n" + perl,
		"no last line end":        perl + strings.TrimSuffix(perl, "\n...\n"),
	} {
		t.Run(name, func(t *testing.T) {
			streams, bad := parse(t, text)
			assert.Empty(t, bad)
			assert.Equal(t, []Stream{perlStream, perlStream}, streams)
		})
	}

	streams, bad = parse(t, "")
	assert.Empty(t, streams)
	assert.Empty(t, bad)
}

func TestParseKeepsText(t *testing.T) {
	for _, text := range []string{
		"1.10", "00000001", "010", "0x10", "1e3", "1_000", "12:30:45", "2018-01-01", "yes", "on", "True", ".inf", "rhel8", "+1", "1.0.0",
	} {
		streams, bad := parse(t, fmt.Sprintf(
			"document: modulemd\nversion: 2\ndata:\n  name: %[1]s\n  stream: %[1]s\n  context: %[1]s\n  arch: %[1]s\n  artifacts: {rpms: [%[1]s]}\n", strings.ReplaceAll(text, "12:30:45", `"12:30:45"`)))
		assert.Empty(t, bad)
		assert.Equal(t, []Stream{{Name: text, Stream: text, Context: text, Arch: text, Artifacts: []string{text}}}, streams)
	}
}

func TestParseKinds(t *testing.T) {
	const data = "data:\n  name: a\n  stream: b\n  version: 3\n"
	a := []Stream{{Name: "a", Stream: "b", Version: 3}}
	tests := map[string]struct {
		text string
		want []Stream
		bad  string // part of the error
	}{
		"version 1":       {text: "document: modulemd\nversion: 1\n" + data, want: a},
		"version 2":       {text: "document: modulemd\nversion: 2\n" + data, want: a},
		"its other name":  {text: "document: modulemd-stream\nversion: 2\n" + data, want: a},
		"quoted":          {text: "'document': \"modulemd\"\nversion: '2'\n" + data, want: a},
		"nulls":           {text: "document: modulemd\nversion: 2\n" + data + "  context: ~\n  arch:\n  artifacts: null\n", want: a},
		"empty artifacts": {text: "document: modulemd\nversion: 2\n" + data + "  artifacts:\n    rpms:\n", want: a},
		"anchor":          {text: "document: modulemd\nversion: 2\n" + data + "  xmd: &x {y: 1}\n  z: *x\n", want: a},
		"defaults":        {text: "document: modulemd-defaults\nversion: 1\ndata:\n  module: a\n  stream: b\n"},
		"translations":    {text: "document: modulemd-translations\nversion: 1\ndata: {}\n"},
		"obsoletes":       {text: "document: modulemd-obsoletes\nversion: 1\ndata: {}\n"},
		"packager":        {text: "document: modulemd-packager\nversion: 3\n" + data},

		"newer version":        {text: "document: modulemd\nversion: 4\n" + data, bad: `modulemd version "4" is not known`},
		"no version":           {text: "document: modulemd\n" + data, bad: `version "" is not known`},
		"unknown kind":         {text: "document: groups\nversion: 1\n", bad: `document "groups" is of no known kind`},
		"no kind":              {text: "version: 2\n" + data, bad: `no "document"`},
		"no name":              {text: "document: modulemd\nversion: 2\ndata:\n  stream: b\n", bad: "without a name"},
		"no data":              {text: "document: modulemd\nversion: 2\n", bad: "without a name"},
		"a list":               {text: "- a\n", bad: "document is a list, not a mapping"},
		"a text":               {text: "hello\n", bad: "document is a text, not a mapping"},
		"data is a text":       {text: "document: modulemd\nversion: 2\ndata: x\n", bad: "data is a text, not a mapping"},
		"name is a list":       {text: "document: modulemd\nversion: 2\ndata:\n  name: [a]\n  stream: b\n", bad: "name is a list, not a text"},
		"name is an alias":     {text: "document: modulemd\nversion: 2\ndata:\n  x: &a a\n  name: *a\n  stream: b\n", bad: "name is an alias"},
		"rpms is a mapping":    {text: "document: modulemd\nversion: 2\n" + data + "  artifacts:\n    rpms: {a: b}\n", bad: "a:b: rpms is a mapping, not a list"},
		"artifacts is a list":  {text: "document: modulemd\nversion: 2\n" + data + "  artifacts: [a]\n", bad: "a:b: artifacts is a list, not a mapping"},
		"an rpm is a list":     {text: "document: modulemd\nversion: 2\n" + data + "  artifacts:\n    rpms: [a, [b]]\n", bad: "rpms has a list in it"},
		"version is no number": {text: "document: modulemd\nversion: 2\ndata:\n  name: a\n  stream: b\n  version: -1\n", bad: `a:b: version "-1" is not a number`},
		"twice":                {text: "document: modulemd\nversion: 2\n" + data + "  name: c\n", bad: "data has name twice"},
		"syntax":               {text: "document: modulemd\nversion: 2\ndata: [\n", bad: "node content"},
		"tab as indent":        {text: "document: modulemd\nversion: 2\ndata:\n\tname: a\n", bad: "cannot start any token"},
		"unknown alias":        {text: "document: *x\n", bad: "unknown anchor"},
		"not YAML":             {text: "\x1f\x8b\x08\x00\x00\n", bad: "control characters"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			// Others before and after are read, whatever is wrong.
			streams, bad := parse(t, perl+"---\n"+test.text+perl)
			want := append([]Stream{perlStream}, append(test.want, perlStream)...)
			assert.Equal(t, want, streams)
			if test.bad == "" {
				assert.Empty(t, bad)
				return
			}
			require.Len(t, bad, 1)
			assert.Contains(t, bad[0], test.bad)

			_, bad = parse(t, test.text)
			require.Len(t, bad, 1)
			assert.Contains(t, bad[0], "document in line 1: ")
		})
	}
}

func TestParseErrorLines(t *testing.T) {
	lines := strings.Count(perl, "\n")
	_, bad := parse(t, "# first\n\n"+perl+"---\ndocument: modulemd\nversion: 2\ndata: }\n---\nx: y\n")
	require.Len(t, bad, 2)
	assert.Regexp(t, fmt.Sprintf("^modules: document in line %d: near line %d: ", lines+3, lines+5), bad[0])
	assert.Regexp(t, fmt.Sprintf("^modules: document in line %d: no ", lines+7), bad[1])
}

func TestParseReadError(t *testing.T) {
	broken := errors.New("broken")
	_, err := Parse(io.MultiReader(strings.NewReader(perl), iotest.ErrReader(broken)), nil)
	assert.ErrorIs(t, err, broken)
	_, err = Parse(strings.NewReader("x: [\n"), nil)
	assert.NoError(t, err, "nobody asked about bad documents")

	streams, err := Parse(iotest.OneByteReader(strings.NewReader(perl+perl)), nil)
	require.NoError(t, err)
	assert.Equal(t, []Stream{perlStream, perlStream}, streams)
}

func TestParseBounds(t *testing.T) {
	const head = "---\ndocument: modulemd\nversion: 2\ndata:\n  name: a\n  stream: b\n"
	for name, test := range map[string]struct{ text, bad string }{
		"long line":  {head + "  x: " + strings.Repeat("a", maxDocument) + "\n", "longer than"},
		"long first": {"--- " + strings.Repeat("a", 2*maxDocument) + "\n", "longer than"},
		"many lines": {head + strings.Repeat("# a line of a comment\n", maxDocument/20), "longer than"},
		"many nodes": {head + "  x: [" + strings.Repeat("a,", maxNodes) + "]\n", "YAML nodes"},
		"many items": {head + "  x:\n" + strings.Repeat("  - a\n", maxNodes/2), "YAML nodes"},
		"many marks": {head + strings.Repeat("- ", maxNodes), "YAML nodes"},
		"deep":       {head + "  x: " + strings.Repeat("[", maxNodes/2) + "\n", "max depth"},
		"bomb": {head + "  a: &a [x,x,x,x]\n  b: &b [*a,*a,*a,*a,*a,*a,*a,*a]\n  c: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n" +
			"  d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\n  artifacts:\n    rpms: [*d,*d,*d,*d]\n", "rpms has an alias in it"},
	} {
		t.Run(name, func(t *testing.T) {
			streams, bad := parse(t, perl+test.text+"\n"+perl)
			assert.Equal(t, []Stream{perlStream, perlStream}, streams)
			require.Len(t, bad, 1)
			assert.Contains(t, bad[0], test.bad)
		})
	}

	t.Run("documents", func(t *testing.T) {
		_, err := parseBounded(strings.NewReader(strings.Repeat("---\na\n", 10)), nil, 10, maxText)
		assert.NoError(t, err)
		_, err = parseBounded(strings.NewReader(strings.Repeat("---\na\n", 11)), nil, 10, maxText)
		assert.EqualError(t, err, "read modules: line 21: more than 10 documents")
	})
	t.Run("text", func(t *testing.T) {
		_, err := parseBounded(strings.NewReader(perl+perl), nil, maxDocuments, 2*perlStream.size())
		assert.NoError(t, err)
		_, err = parseBounded(strings.NewReader(perl+perl), nil, maxDocuments, 2*perlStream.size()-1)
		assert.ErrorContains(t, err, "bytes of artifacts")
	})
	t.Run("endless line", func(t *testing.T) {
		text := head + "x: " + strings.Repeat("abcdefgh", 8<<20)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, bad := parse(t, text)
		runtime.ReadMemStats(&after)
		require.Len(t, bad, 1)
		// All that was allocated, not only what was held at a time.
		assert.Less(t, (after.TotalAlloc-before.TotalAlloc)>>20, uint64(40))
	})
}

func FuzzParse(f *testing.F) {
	f.Add(perl)
	f.Add("\ufeff%YAML 1.1\n---\r\ndocument: modulemd-defaults\rversion: 1\n...\n--- {document: modulemd, version: 2, data: {name: a, stream: 1.10, artifacts: {rpms: [a-0:1-1.noarch]}}}\n")
	f.Add("---\ndocument: modulemd\nversion: 2\ndata:\n  name: &a a\n  stream: *a\n---\n- [}\n")
	f.Add("document: modulemd\nversion: 2\ndata: {name: |\n  a\n, <<: *x, stream: !!binary aGk=}\n")
	f.Fuzz(func(t *testing.T, text string) {
		streams, err := Parse(strings.NewReader(text), nil)
		if err != nil {
			t.Fatalf("a text that can be read gives %v", err)
		}
		for _, s := range streams {
			if s.Name == "" || s.Stream == "" {
				t.Fatalf("a stream without a name: %+v", s)
			}
		}
		// What stands before hides nothing of what comes after.
		again, err := Parse(strings.NewReader(text+"\n"+perl), nil)
		if err != nil || len(again) != len(streams)+1 || again[len(streams)].Name != "perl" {
			t.Fatalf("then perl: %d streams became %d, %v", len(streams), len(again), err)
		}
	})
}
