package modulemd

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const forPeople = `---
document: modulemd
version: 2
data:
  name: nodejs
  stream: 1.10
  version: 8030020200414101010
  context: 00000001
  arch: x86_64
  summary: Javascript runtime
  description: >-
    Node.js is a platform,
    built on V8.
  license:
    module: [MIT]
    content:
    - MIT and ASL 2.0
    - 0BSD
  dependencies:
  - buildrequires: {platform: [el8]}
    requires: {platform: [el8], perl: [-5.24, 5.3], any: []}
  - requires:
      platform: [el9]
  - buildrequires: {}
    requires: {}
  references: {community: "https://example.com/c", documentation: https://example.com/d, tracker: https://example.com/t}
  profiles:
    default:
      rpms: [nodejs, npm]
    minimal:
      description: Only the runtime
      rpms:
      - nodejs
    empty:
  api: {rpms: [nodejs]}
  artifacts:
    rpms:
    - nodejs-1:10.1-1.x86_64
...
---
document: modulemd
version: 1
data: {name: old, stream: 010, dependencies: {buildrequires: {platform: f28}, requires: {platform: f28}}}
...
---
document: modulemd-defaults
version: 1
data:
  module: nodejs
  modified: 202004141010
  stream: 1.10
  profiles: {1.10: [default], '12': [minimal, default], 14: []}
...
---
document: modulemd-obsoletes
version: 1
data: {module: nodejs, stream: 1.10, context: 00000001, modified: 2022-01-24T08:54Z, message: Out of support, eol_date: 2021-08-01T00:00Z, obsoleted_by: {module: nodejs, stream: 1.20}}
...
---
document: modulemd-translations
version: 1
data: {}
...
---
# nothing
...
`

var forPeopleDocuments = []Document{
	{Build: &Build{
		Stream: Stream{
			Name: "nodejs", Stream: "1.10", Version: 8030020200414101010, Context: "00000001", Arch: "x86_64",
			Artifacts: []string{"nodejs-1:10.1-1.x86_64"},
		},
		Summary: "Javascript runtime", Description: "Node.js is a platform, built on V8.",
		Licenses: []string{"MIT"}, Contents: []string{"MIT and ASL 2.0", "0BSD"},
		Profiles: []Profile{
			{Name: "default", Packages: []string{"nodejs", "npm"}},
			{Name: "minimal", Description: "Only the runtime", Packages: []string{"nodejs"}},
			{Name: "empty"},
		},
		Requires: [][]Requirement{
			{{"platform", []string{"el8"}}, {"perl", []string{"-5.24", "5.3"}}, {"any", []string{}}},
			{{"platform", []string{"el9"}}},
		},
		API:       []string{"nodejs"},
		Community: "https://example.com/c", Documentation: "https://example.com/d", Tracker: "https://example.com/t",
	}},
	{Build: &Build{Stream: Stream{Name: "old", Stream: "010"}, Requires: [][]Requirement{{{"platform", []string{"f28"}}}}}},
	{Defaults: &Defaults{
		Module: "nodejs", Stream: "1.10", Modified: 202004141010,
		Profiles: map[string][]string{"1.10": {"default"}, "12": {"minimal", "default"}, "14": {}},
	}},
	{Obsoletes: &Obsoletes{
		Module: "nodejs", Stream: "1.10", Context: "00000001", Message: "Out of support", By: "nodejs:1.20",
		Modified: time.Date(2022, 1, 24, 8, 54, 0, 0, time.UTC), EOL: time.Date(2021, 8, 1, 0, 0, 0, 0, time.UTC),
	}},
}

// readAll gives the documents of a text and what could not be read.
func readAll(t testing.TB, text string) (list []Document, bad []string) {
	t.Helper()
	err := Read(iotest.HalfReader(strings.NewReader(text)), func(err error) { bad = append(bad, err.Error()) },
		func(d Document) error { list = append(list, d); return nil })
	require.NoError(t, err)
	return list, bad
}

func TestRead(t *testing.T) {
	list, bad := readAll(t, forPeople)
	assert.Empty(t, bad)
	assert.Equal(t, forPeopleDocuments, list)
}

// Of what cannot be read the rest is, and people are told.
func TestReadBad(t *testing.T) {
	const begin = "---\ndocument: modulemd\nversion: 2\ndata:\n  name: a\n  stream: b\n  summary: c\n"
	for text, want := range map[string]string{
		begin + "  description: [d]\n":                                                                                   "a:b: description is a list, not a text",
		begin + "  profiles: [d]\n":                                                                                      "a:b: profiles is a list, not a mapping",
		begin + "  profiles: {[d]: {}}\n":                                                                                "a:b: profiles has a list for a key",
		begin + "  profiles: {p: {}, p: {}}\n":                                                                           "a:b: profiles has p twice",
		begin + "  profiles: {p: {rpms: d}}\n":                                                                           "a:b: rpms is a text, not a list",
		begin + "  api: d\n":                                                                                             "a:b: api is a text, not a mapping",
		begin + "  dependencies: d\n":                                                                                    "a:b: dependencies is a text, not a mapping",
		begin + "  dependencies: [{requires: [d]}]\n":                                                                    "a:b: requires is a list, not a mapping",
		begin + "  dependencies: [{requires: {d: {}}}]\n":                                                                "a:b: d is a mapping, not a list",
		begin + "  license: {module: [[d]]}\n":                                                                           "a:b: module has a list in it",
		begin + "...\n---\ndocument: modulemd-defaults\ndata: {}\n":                                                      "line 9: defaults without a module",
		begin + "---\ndocument: modulemd-defaults\ndata: {module: a, profiles: {b: c}}\n":                                "line 8: b is a text, not a list",
		begin + "---\ndocument: modulemd-obsoletes\ndata: {module: a}\n":                                                 "line 8: obsoletes without a module and a stream",
		begin + "---\ndocument: modulemd-obsoletes\ndata: {module: a, stream: b, obsoleted_by: c}\n":                     "line 8: obsoleted_by is a text",
		begin + "---\ndocument: [\n":                                                                                     "line 8: near line",
		begin + "---\ndocument: modulemd\nversion: 2\ndata: {name: a}\n":                                                 "line 8: data without a name and a stream",
		begin + "---\n# " + strings.Repeat("x", maxDocument) + "\n":                                                      "line 8: longer than",
		begin + "---\ndocument: modulemd\nversion: 2\ndata: {x: [" + strings.Repeat("a,", maxNodes) + "]}\n":             "line 8: as many as",
		begin + "---\ndocument: modulemd\nversion: 2\ndata:\n" + strings.Repeat(" - &a [*a, *a]\n", 3) + "  name: [*a\n": "line 8: ",
	} {
		list, bad := readAll(t, text)
		require.Len(t, list, 1, "%.200s", text)
		assert.Equal(t, "a:b", list[0].Build.NameStream())
		assert.Equal(t, "c", list[0].Build.Summary)
		if assert.Len(t, bad, 1, "%.200s", text) {
			assert.Contains(t, bad[0], want)
		}
	}
	broken := errors.New("broken")
	assert.ErrorIs(t, Read(io.MultiReader(strings.NewReader(forPeople), iotest.ErrReader(broken)), nil, func(Document) error { return nil }), broken)
	n := 0
	assert.Equal(t, broken, Read(strings.NewReader(forPeople), nil, func(Document) error { n++; return broken }))
	assert.Equal(t, 1, n)
}

func TestKnown(t *testing.T) {
	var k Known
	assert.Empty(t, k.DefaultStream("a"))
	assert.Empty(t, k.DefaultProfiles("a", "1"))
	assert.Nil(t, k.Obsoletes("a", "1", "c"))

	add := func(text string) {
		t.Helper()
		list, bad := readAll(t, text)
		require.Empty(t, bad)
		for _, d := range list {
			require.True(t, k.Add(d))
		}
	}
	defaults := func(data string) { add("---\ndocument: modulemd-defaults\nversion: 1\ndata: {" + data + "}\n") }
	obsoletes := func(data string) {
		add("---\ndocument: modulemd-obsoletes\nversion: 1\ndata: {module: a, stream: 1.10, " + data + "}\n")
	}
	add(forPeople)
	assert.Equal(t, "1.10", k.DefaultStream("nodejs"))
	assert.Equal(t, []string{"minimal", "default"}, k.DefaultProfiles("nodejs", "12"))
	assert.Equal(t, "nodejs:1.20", k.Obsoletes("nodejs", "1.10", "00000001").By)
	assert.Nil(t, k.Obsoletes("nodejs", "1.10", "1"))
	assert.Nil(t, k.Obsoletes("nodejs", "1.1", "00000001"))

	// The later counts, whatever the order; of two equally late both.
	defaults("module: a, modified: 2, stream: 1.10, profiles: {1.10: [x]}")
	defaults("module: a, modified: 1, stream: 2")
	assert.Equal(t, "1.10", k.DefaultStream("a"))
	defaults("module: a, modified: 2, profiles: {1.10: [y], 3: [z]}")
	assert.Equal(t, "1.10", k.DefaultStream("a"))
	assert.Equal(t, []string{"x"}, k.DefaultProfiles("a", "1.10"))
	assert.Equal(t, []string{"z"}, k.DefaultProfiles("a", "3"))
	defaults("module: a, modified: 2, stream: 2")
	assert.Empty(t, k.DefaultStream("a"), "they disagree")
	defaults("module: a, modified: 10, stream: 2")
	assert.Equal(t, "2", k.DefaultStream("a"))
	assert.Empty(t, k.DefaultProfiles("a", "1.10"))

	obsoletes("modified: 2022-01-01T00:00Z, message: all")
	obsoletes("modified: 2021-01-01T00:00Z, message: earlier")
	assert.Equal(t, "all", k.Obsoletes("a", "1.10", "c").Message)
	obsoletes("modified: 2022-01-01T00:00Z, context: c, message: own")
	assert.Equal(t, "own", k.Obsoletes("a", "1.10", "c").Message)
	assert.Equal(t, "all", k.Obsoletes("a", "1.10", "d").Message)
	obsoletes("modified: 2023-01-01T00:00Z, message: later")
	assert.Equal(t, "later", k.Obsoletes("a", "1.10", "c").Message)
	obsoletes("modified: 2024-01-01T00:00Z, reset: true")
	assert.Nil(t, k.Obsoletes("a", "1.10", "c"))

	// What is kept is bounded.
	for i := 0; k.Add(Document{Obsoletes: &Obsoletes{Module: "a", Stream: "1.10", Context: strconv.Itoa(i), Message: strings.Repeat("x", 1000)}}); i++ {
		require.Less(t, i, maxKnown/1000)
	}
	require.False(t, k.Add(Document{Defaults: &Defaults{Module: "z", Stream: "1"}}))
	assert.Empty(t, k.DefaultStream("z"))
	assert.Equal(t, "2", k.DefaultStream("a"), "what was there stays")
}

func FuzzRead(f *testing.F) {
	f.Add(forPeople)
	f.Add(perl)
	if data, err := os.ReadFile("../../testdata/modules.yaml"); err == nil {
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 10_000 {
			t.Skip("longer than it needs to be")
		}
		streams, err := Parse(strings.NewReader(text), nil)
		if err != nil {
			t.Skip("too large")
		}
		// The same streams, with more of each.
		var k Known
		i := 0
		err = Read(strings.NewReader(text), nil, func(d Document) error {
			k.Add(d)
			if d.Build == nil {
				return nil
			}
			if i >= len(streams) || !assert.ObjectsAreEqual(streams[i], d.Build.Stream) {
				t.Fatalf("stream %d is not %+v", i, d.Build.Stream)
			}
			k.Obsoletes(d.Build.Name, d.Build.Stream.Stream, d.Build.Context)
			i++
			return nil
		})
		if err != nil || i != len(streams) {
			t.Fatalf("%d of %d streams, %v", i, len(streams), err)
		}
	})
}
