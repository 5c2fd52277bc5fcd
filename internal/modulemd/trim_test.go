package modulemd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func artifacts(t testing.TB, list ...string) Artifacts {
	t.Helper()
	have := Artifacts{}
	for _, r := range refs(t, list...) {
		have.Add(r.NEVRA)
	}
	return have
}

func opener(text string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }
}

func trimText(t testing.TB, text string, here Artifacts) (got string, changed bool, bad []string) {
	t.Helper()
	var out bytes.Buffer
	changed, err := Trim(&out, opener(text), Selection{allOf(t, text), here}, func(err error) { bad = append(bad, err.Error()) })
	require.NoError(t, err)
	return out.String(), changed, bad
}

// allOf are the artifacts that a file lists.
func allOf(t testing.TB, text string) Artifacts {
	t.Helper()
	all := Artifacts{}
	streams, err := Parse(strings.NewReader(text), func(error) {})
	require.NoError(t, err)
	for _, s := range streams {
		for _, a := range s.Artifacts {
			all[withEpoch(a)] = struct{}{}
		}
	}
	return all
}

const untrimmed = `# of a distribution
---
document: modulemd
version: 2
data:
  name: m
  stream: 1.10
  version: 1
  context: 00000001
  artifacts:
    rpms:
    - a-0:1-1.noarch
    # why
    - "b-0:1-1.noarch"
    - c-1-1.noarch
...
---
document: modulemd
version: 2
data:
  name: m
  stream: 1.10
  version: 1
  context: "00000002"
  artifacts:
    rpms:
    - d-0:1-1.noarch
...
---
document: modulemd
version: 2
data: {name: m, stream: 2, version: 01, context: 1e3, arch: x86_64, artifacts: {rpms: [a-0:1-1.noarch, e-0:1-1.noarch]}}
...
---
document: modulemd
version: 2
data: {name: m, stream: gone, artifacts: {rpms: [f-0:1-1.noarch]}}
...
---
document: modulemd
version: 2
data: {name: lost, stream: gone, artifacts: {rpms: [f-0:1-1.noarch]}}
...
---
document: modulemd
version: 2
data: {name: lost, stream: empty}
...
---
document: modulemd
version: 2
data: {name: vanished, stream: 1, artifacts: {rpms: [f-0:1-1.noarch]}}
...
---
document: modulemd-defaults
version: 1
data:
  module: m
  stream: gone
  profiles:
    1.10: [default]
    gone: [default]
    unknown: []
  intents:
    server: {stream: gone, profiles: {gone: [x]}}
...
---
document: modulemd-defaults
version: 1
data: {module: vanished, stream: 1}
...
---
document: modulemd-defaults
version: 1
data: {module: lost, stream: empty, profiles: {empty: []}}
...
---
document: modulemd-translations
version: 1
data: {module: m, stream: gone, modified: 1, translations: {}}
...
---
document: modulemd-translations
version: 1
data: {module: m, stream: 1.10, modified: 1, translations: {}}
...
---
document: modulemd-obsoletes
version: 1
data: {module: m, stream: 1.10, context: 00000002, message: x}
...
---
document: modulemd-obsoletes
version: 1
data: {module: m, stream: 1.10, context: 00000001, message: x}
...
---
document: modulemd-obsoletes
version: 1
data: {module: elsewhere, stream: 1, message: x}
...
---
document: modulemd
data: [
...
`

const trimmed = `---
document: modulemd
version: 2
data:
  name: m
  stream: 1.10
  version: 1
  context: 00000001
  artifacts:
    rpms:
    - a-0:1-1.noarch
    # why
    - c-1-1.noarch
...
---
document: modulemd
version: 2
data: {name: m, stream: 2, version: 01, context: 1e3, arch: x86_64, artifacts: {rpms: ['a-0:1-1.noarch']}}
...
---
document: modulemd
version: 2
data: {name: lost, stream: empty}
...
---
document: modulemd-defaults
version: 1
data:
  module: m
  profiles:
    1.10: [default]
    unknown: []
  intents:
    server: {profiles: {}}
...
---
document: modulemd-defaults
version: 1
data: {module: lost, stream: empty, profiles: {empty: []}}
...
---
document: modulemd-translations
version: 1
data: {module: m, stream: 1.10, modified: 1, translations: {}}
...
---
document: modulemd-obsoletes
version: 1
data: {module: m, stream: 1.10, context: 00000001, message: x}
...
---
document: modulemd-obsoletes
version: 1
data: {module: elsewhere, stream: 1, message: x}
...
---
document: modulemd
data: [
...
`

func TestTrim(t *testing.T) {
	have := artifacts(t, "a-0:1-1.noarch", "c-0:1-1.noarch")
	got, changed, bad := trimText(t, untrimmed, have)
	assert.True(t, changed)
	assert.Equal(t, trimmed, got)
	require.Len(t, bad, 1)
	assert.Contains(t, bad[0], "modules: document in line")

	again, changed, _ := trimText(t, got, have)
	assert.False(t, changed)
	assert.Equal(t, got, again)

	got, changed, _ = trimText(t, untrimmed, artifacts(t, "a-0:1-1.noarch", "b-0:1-1.noarch", "c-0:1-1.noarch", "d-0:1-1.noarch", "e-0:1-1.noarch", "f-0:1-1.noarch"))
	assert.False(t, changed)
	assert.Equal(t, strings.TrimPrefix(untrimmed, "# of a distribution\n"), got)
}

// Whatever way artifacts are written, the others stay, and so does the rest.
func TestTrimStyles(t *testing.T) {
	for _, list := range []string{
		"    rpms: [a-0:1-1.noarch, b-0:1-1.noarch]",
		"    rpms: [a-0:1-1.noarch,\n      b-0:1-1.noarch]",
		"    rpms:\n    - b-0:1-1.noarch # comment\n    - a-0:1-1.noarch",
		"    rpms:\n    - >-\n      b-0:1-1.noarch\n    - a-0:1-1.noarch",
		"    rpms:\n    - a-0:1-1.noarch\n    -   'b-0:1-1.noarch'",
		"    rpms:\n    - a-0:1-1.noarch\n    - b-0:1-1.noarch\r\n    - b-0:1-1.noarch",
		"    rpms:\n    - &x b-0:1-1.noarch\n    - a-0:1-1.noarch",
		"    rpms:\n    - \"b-0:1-1\\x2enoarch\"\n    - a-0:1-1.noarch",
		"    rpms:\n    -\n      b-0:1-1.noarch\n    - a-0:1-1.noarch",
	} {
		text := "---\ndocument: modulemd\nversion: 2\ndata:\n  name: m\n  stream: 1.10\n  version: 7\n  context: 00000001\n  description: >-\n    two\n    lines\n  artifacts:\n" + list + "\n"
		got, changed, bad := trimText(t, text, artifacts(t, "a-0:1-1.noarch"))
		assert.Empty(t, bad)
		assert.True(t, changed, list)
		streams, err := Parse(strings.NewReader(got), nil)
		require.NoError(t, err)
		assert.Equal(t, []Stream{{Name: "m", Stream: "1.10", Version: 7, Context: "00000001", Artifacts: []string{"a-0:1-1.noarch"}}}, streams, "%s\n%s", list, got)
	}
}

// Documents that are indented as a whole stay what they are.
func TestTrimIndented(t *testing.T) {
	text := "---\n  data:\n    name: m\n    stream: s\n    artifacts:\n      rpms:\n        - b-0:1-1.noarch\n        - a-0:1-1.noarch\n  document: modulemd\n  version: 2\n...\n"
	got, changed, bad := trimText(t, text, artifacts(t, "a-0:1-1.noarch"))
	assert.True(t, changed)
	assert.Empty(t, bad)
	assert.Equal(t, strings.Replace(text, "        - b-0:1-1.noarch\n", "", 1), got)
}

// What upstream does not have either is of other repositories: it stays in a build
// that stays, and keeps none.
func TestTrimForeign(t *testing.T) {
	stream := func(artifacts ...string) string {
		return "---\ndocument: modulemd\nversion: 2\ndata:\n  name: m\n  stream: s\n  artifacts:\n    rpms:\n    - " + strings.Join(artifacts, "\n    - ") + "\n...\n"
	}
	packages := Selection{artifacts(t, "a-0:1-1.noarch", "b-0:1-1.noarch"), artifacts(t, "a-0:1-1.noarch")}
	for text, want := range map[string]string{
		stream("a-0:1-1.noarch", "b-0:1-1.noarch", "s-0:1-1.src"): stream("a-0:1-1.noarch", "s-0:1-1.src"),
		stream("b-0:1-1.noarch", "s-0:1-1.src"):                   "",
		stream("s-0:1-1.src"):                                     stream("s-0:1-1.src"),
	} {
		var out bytes.Buffer
		changed, err := Trim(&out, opener(text), packages, nil)
		require.NoError(t, err)
		assert.Equal(t, text != want, changed)
		assert.Equal(t, want, out.String())
	}
}

// One that cannot be written without, since something else refers to it, stays.
func TestTrimAnchored(t *testing.T) {
	text := "---\ndocument: modulemd\nversion: 2\ndata:\n  name: m\n  stream: s\n  artifacts:\n    rpms:\n    - &x b-0:1-1.noarch\n    - a-0:1-1.noarch\n  xmd: *x\n...\n"
	got, changed, _ := trimText(t, text, artifacts(t, "a-0:1-1.noarch"))
	assert.False(t, changed)
	assert.Equal(t, text, got)
}

func TestTrimBroken(t *testing.T) {
	broken := errors.New("broken")
	for i, text := range []string{"", untrimmed} {
		opened := 0
		_, err := Trim(io.Discard, func() (io.ReadCloser, error) {
			opened++
			if opened <= i {
				return io.NopCloser(strings.NewReader(text)), nil
			}
			return io.NopCloser(iotest.ErrReader(broken)), nil
		}, Selection{}, nil)
		assert.ErrorIs(t, err, broken)
	}
	_, err := Trim(io.Discard, func() (io.ReadCloser, error) { return nil, broken }, Selection{}, nil)
	assert.ErrorIs(t, err, broken)
	_, err = Trim(io.Discard, opener("---\n"+strings.Repeat("# long\n", maxDocument/7)+"a: 1\n"), Selection{}, nil)
	assert.ErrorContains(t, err, "longer than")
}

func BenchmarkTrim(b *testing.B) {
	var text strings.Builder
	for i := range 400 {
		fmt.Fprintf(&text, "---\ndocument: modulemd\nversion: 2\ndata:\n  name: m%d\n  stream: \"1\"\n  version: %d\n  description: >-\n    %s\n  artifacts:\n    rpms:\n", i, i, strings.Repeat("words ", 300))
		for j := range 200 {
			fmt.Fprintf(&text, "    - package-name-%d-0:1.%d-1.module+el8+%d.x86_64\n", j, i, i)
		}
		text.WriteString("...\n")
	}
	packages := Selection{allOf(b, text.String()), artifacts(b, "package-name-3-0:1.3-1.module+el8+3.x86_64")}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		_, err := Trim(io.Discard, opener(text.String()), packages, nil)
		require.NoError(b, err)
	}
}

func FuzzTrim(f *testing.F) {
	f.Add(untrimmed)
	f.Add(trimmed)
	if data, err := os.ReadFile("../../testdata/modules.yaml"); err == nil {
		f.Add(string(data))
	}
	packages := Selection{artifacts(f, "a-0:1-1.noarch", "b-0:1-1.noarch", "c-0:1-1.noarch"), artifacts(f, "a-0:1-1.noarch", "c-0:1-1.noarch")}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 10_000 {
			t.Skip("longer than it needs to be")
		}
		before, err := Parse(strings.NewReader(text), nil)
		if err != nil {
			t.Skip("too large")
		}
		var out, again bytes.Buffer
		changed, err := Trim(&out, opener(text), packages, nil)
		if err != nil {
			t.Skip("a document that is too long")
		}
		after, err := Parse(bytes.NewReader(out.Bytes()), nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(after) > len(before) || !changed && len(after) != len(before) {
			t.Fatalf("%d streams become %d\n%s", len(before), len(after), out.Bytes())
		}
		if _, err := Trim(&again, opener(out.String()), packages, nil); err != nil {
			t.Fatal(err)
		}
		if again.String() != out.String() {
			t.Fatalf("a second time it becomes\n%q\nof\n%q", again.String(), out.String())
		}
	})
}
