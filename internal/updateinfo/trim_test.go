package updateinfo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const untrimmed = `<?xml version="1.0" encoding="UTF-8"?>
<!-- a comment -->
<updates>
  <update from="a@b" status="final" type="security" version="2">
    <id>PART-1</id>
    <description>Keep &lt;this&gt; — as it is</description>
    <pkglist>
      <collection short="x">
        <name>X</name>
        <package name="here" version="1" release="1" epoch="0" arch="noarch" src="here-1-1.src.rpm">
          <filename>here-1-1.noarch.rpm</filename>
          <sum type="md5">00</sum>
        </package>
        <package name="gone" version="1" release="1" epoch="0" arch="noarch"><filename>gone.rpm</filename></package>
        <package name="gone2" version="1" release="1" arch="src"/>
      </collection>
      <collection short="y">
        <package name="gone" version="1" release="1" arch="noarch"/>
      </collection>
      <collection short="none"/>
    </pkglist>
  </update>
  <update type="bugfix">
    <id>LOST-1</id>
    <pkglist><collection><package name="gone" version="1" release="1" arch="noarch"/></collection></pkglist>
  </update>
  <update type="bugfix"><id>EMPTY-1</id><pkglist><collection short="z"><name>z</name></collection></pkglist></update>
  <update type="bugfix"><id>WHOLE-1</id><pkglist>
      <package name="here" arch="noarch"/></pkglist></update><update><id>LOST-2</id><pkglist><package name="gone"/></pkglist></update>
</updates>
<!-- the end -->
`

const trimmed = `<?xml version="1.0" encoding="UTF-8"?>
<!-- a comment -->
<updates>
  <update from="a@b" status="final" type="security" version="2">
    <id>PART-1</id>
    <description>Keep &lt;this&gt; — as it is</description>
    <pkglist>
      <collection short="x">
        <name>X</name>
        <package name="here" version="1" release="1" epoch="0" arch="noarch" src="here-1-1.src.rpm">
          <filename>here-1-1.noarch.rpm</filename>
          <sum type="md5">00</sum>
        </package>
      </collection>
      <collection short="none"/>
    </pkglist>
  </update>
  <update type="bugfix"><id>EMPTY-1</id><pkglist><collection short="z"><name>z</name></collection></pkglist></update>
  <update type="bugfix"><id>WHOLE-1</id><pkglist>
      <package name="here" arch="noarch"/></pkglist></update>
</updates>
<!-- the end -->
`

func hasHere(p Package) Presence { return hereIf(strings.HasPrefix(p.Name, "here")) }

func hereIf(here bool) Presence {
	if here {
		return Here
	}
	return LeftOut
}

func trimText(t testing.TB, r io.Reader, where func(Package) Presence) (string, bool) {
	t.Helper()
	var out bytes.Buffer
	changed, err := Trim(&out, r, where)
	require.NoError(t, err)
	return out.String(), changed
}

func TestTrim(t *testing.T) {
	got, changed := trimText(t, strings.NewReader(untrimmed), hasHere)
	assert.True(t, changed)
	assert.Equal(t, trimmed, got)
	slow, _ := trimText(t, iotest.OneByteReader(strings.NewReader(untrimmed)), hasHere)
	assert.Equal(t, got, slow)

	again, changed := trimText(t, strings.NewReader(got), hasHere)
	assert.False(t, changed)
	assert.Equal(t, got, again)

	same, changed := trimText(t, strings.NewReader(untrimmed), func(Package) Presence { return Here })
	assert.False(t, changed)
	assert.Equal(t, untrimmed, same)
}

// What is elsewhere goes with an advisory, and keeps none.
func TestTrimElsewhere(t *testing.T) {
	where := func(p Package) Presence {
		return map[string]Presence{"here": Here, "left": LeftOut, "else": Elsewhere}[p.Name]
	}
	update := func(names ...string) string {
		var b strings.Builder
		b.WriteString("<update><pkglist>")
		for _, n := range names {
			b.WriteString(`<package name="` + n + `"/>`)
		}
		return b.String() + "</pkglist></update>"
	}
	text := "<updates>" + update("here", "left", "else") + update("left", "else") + update("else") + "</updates>"
	got, changed := trimText(t, strings.NewReader(text), where)
	assert.True(t, changed)
	assert.Equal(t, "<updates>"+update("here", "else")+update("else")+"</updates>", got)
}

// What an entry says is what is asked about.
func TestTrimAsks(t *testing.T) {
	var asked []Package
	trimText(t, strings.NewReader(`<updates><update><pkglist><package arch="x86_64" epoch="2" release="r&amp;1" version="v" name="n" src="s"/><package name="m"/></pkglist></update></updates>`),
		func(p Package) Presence { asked = append(asked, p); return Here })
	assert.Equal(t, []Package{{"n", "2", "v", "r&1", "x86_64"}, {Name: "m"}}, asked)
}

func TestTrimBroken(t *testing.T) {
	deep := strings.Repeat("<a>", maxDepth+1)
	for text, want := range map[string]string{
		"":                             "no <updates>",
		"<html></html>":                "<html>",
		"<updates>":                    "line 1: not well-formed",
		"<updates/><updates/>":         "<updates> where",
		"<updates>\n<a & b></updates>": "line 2: not well-formed",
		"<?xml version='1.0' encoding='iso-8859-1'?><updates/>": "UTF-8",
		"<updates>" + deep: "in one another",
		"<updates><update>" + strings.Repeat("<a>"+strings.Repeat("x", 1000)+"</a>", maxAdvisory/1000): "of one advisory",
		"<updates><update a='" + strings.Repeat("x", maxTag+100_000):                                   "of one tag",
	} {
		_, err := Trim(io.Discard, strings.NewReader(text), hasHere)
		if assert.Error(t, err, "%.60s", text) {
			assert.Contains(t, err.Error(), want)
		}
	}
	broken := errors.New("broken")
	_, err := Trim(io.Discard, io.MultiReader(strings.NewReader(untrimmed[:500]), iotest.ErrReader(broken)), hasHere)
	assert.Equal(t, broken, err)
	_, err = Trim(failing{broken}, strings.NewReader(untrimmed), hasHere)
	assert.Equal(t, broken, err)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// advisories makes an updateinfo.xml of a size.
func advisories(n int) io.Reader {
	parts := []io.Reader{strings.NewReader("<updates>\n")}
	for i := range n {
		var b strings.Builder
		fmt.Fprintf(&b, "  <update type=\"security\"><id>A-%d</id><title>title</title><description>%s</description><pkglist><collection>\n", i, strings.Repeat("words ", 80))
		for j := range 10 {
			fmt.Fprintf(&b, "    <package name=\"p%d\" version=\"1.%d\" release=\"1\" epoch=\"0\" arch=\"x86_64\" src=\"p-1-1.src.rpm\"><filename>p.rpm</filename></package>\n", (i+j)%500, i)
		}
		b.WriteString("  </collection></pkglist></update>\n")
		parts = append(parts, strings.NewReader(b.String()))
	}
	return io.MultiReader(append(parts, strings.NewReader("</updates>\n"))...)
}

// Memory does not grow with the file.
func TestTrimMemory(t *testing.T) {
	most := uint64(0)
	read := 0
	r := readerFunc(func(r io.Reader, p []byte) (int, error) {
		n, err := r.Read(p)
		if read += n; read%(1<<20) < n {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
		return n, err
	})
	source := advisories(8000)
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	_, err := Trim(io.Discard, r.of(source), hasHere)
	require.NoError(t, err)
	require.Greater(t, read, 8<<20)
	assert.Less(t, int64(most)-int64(before.HeapAlloc), int64(1<<20)) //nolint:gosec // sizes of memory
}

type readerFunc func(r io.Reader, p []byte) (int, error)

func (f readerFunc) of(r io.Reader) io.Reader { return boundReader{f, r} }

type boundReader struct {
	f readerFunc
	r io.Reader
}

func (b boundReader) Read(p []byte) (int, error) { return b.f(b.r, p) }

func BenchmarkTrim(b *testing.B) {
	data, err := io.ReadAll(advisories(4000))
	require.NoError(b, err)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		_, err := Trim(io.Discard, bytes.NewReader(data), func(p Package) Presence { return hereIf(len(p.Name)%2 == 0) })
		require.NoError(b, err)
	}
}

func FuzzTrim(f *testing.F) {
	f.Add(untrimmed)
	if data, err := os.ReadFile("../../testdata/updateinfo.xml"); err == nil {
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		where := func(p Package) Presence { return Presence(len(p.Name) % 3) }
		var same bytes.Buffer
		changed, err := Trim(&same, strings.NewReader(text), func(Package) Presence { return Here })
		if err != nil {
			t.Skip("not an updateinfo.xml")
		}
		if changed || same.String() != text {
			t.Fatalf("with all packages there it becomes %q", same.String())
		}
		var out, again bytes.Buffer
		if _, err := Trim(&out, strings.NewReader(text), where); err != nil {
			t.Fatal(err)
		}
		if changed, err := Trim(&again, bytes.NewReader(out.Bytes()), where); err != nil || changed {
			t.Fatalf("a second time it changes: %v", err)
		}
	})
}
