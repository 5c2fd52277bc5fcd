package repodata

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/rpmpkg"
	"gorepo/internal/testrepo/rawrpm"
)

func TestEscaping(t *testing.T) {
	tests := map[string]struct {
		in, text, attribute string
		dropped             bool
	}{
		"empty":                    {in: "", text: "", attribute: ""},
		"plain":                    {in: "plain", text: "plain", attribute: "plain"},
		"markup":                   {in: `a<b>&"c"'d'`, text: `a&lt;b&gt;&amp;"c"'d'`, attribute: `a&lt;b&gt;&amp;&quot;c&quot;'d'`},
		"white space":              {in: "\ta\nb\r ", text: "\ta\nb&#13; ", attribute: "&#9;a&#10;b&#13; "},
		"UTF-8":                    {in: "ü世😀", text: "ü世😀", attribute: "&#xFC;&#x4E16;&#x1F600;"},
		"UTF-8 with markup":        {in: "<ü>", text: "&lt;ü&gt;", attribute: "&lt;&#xFC;&gt;"},
		"markup before UTF-8":      {in: "a&b<ü", text: "a&amp;b&lt;ü", attribute: "a&amp;b&lt;&#xFC;"},
		"Latin-1":                  {in: "Gr\xfc\xdfe", text: "Grüße", attribute: "Gr&#xFC;&#xDF;e"},
		"Latin-1 with markup":      {in: "&\xfc<", text: "&amp;ü&lt;", attribute: "&amp;&#xFC;&lt;"},
		"bytes between the two":    {in: "a\x80\x9f\xa0\xbfb", text: "ab", attribute: "ab"},
		"one bad byte among UTF-8": {in: "ü\xff", text: "Ãÿ", attribute: "&#xC3;&#xFF;"},
		"cut UTF-8":                {in: "\xe4\xb8", text: "ä", attribute: "&#xE4;"},
		"a surrogate":              {in: "\xed\xa0\x80", text: "í", attribute: "&#xED;"},
		"control characters":       {in: "a\x01b\x1fc\x7f", text: "abc\x7f", attribute: "abc\x7f", dropped: true},
		"a control before UTF-8":   {in: "\x07ü", text: "ü", attribute: "&#xFC;", dropped: true},
		"a control behind UTF-8":   {in: "ü\x07", text: "ü", attribute: "&#xFC;", dropped: true},
		"not a character":          {in: "a\uffffb\ufffe", text: "ab", attribute: "ab", dropped: true},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			text, dropped := appendEscaped([]byte("x"), c.in, &textEscapes)
			assert.Equal(t, "x"+c.text, string(text))
			assert.Equal(t, c.dropped, dropped)
			attribute, dropped := appendEscaped(nil, []byte(c.in), &attributeEscapes)
			assert.Equal(t, c.attribute, string(attribute))
			assert.Equal(t, c.dropped, dropped)
			// Whatever it was, it is well formed now.
			require.NoError(t, (&tokens{b: []byte(`<a b="` + c.attribute + `">` + c.text + `</a>`)}).check())
		})
	}
}

func TestShownChangelog(t *testing.T) {
	entry := func(author string, date int64) rpmpkg.ChangelogEntry {
		return rpmpkg.ChangelogEntry{Author: author, Date: date, Text: author}
	}
	type list = []rpmpkg.ChangelogEntry
	tests := map[string]struct {
		in    list
		limit int
		want  list
	}{
		"none":                {nil, 10, list{}},
		"oldest first":        {list{entry("c", 3), entry("b", 2), entry("a", 1)}, 10, list{entry("a", 1), entry("b", 2), entry("c", 3)}},
		"the newest":          {list{entry("c", 3), entry("b", 2), entry("a", 1)}, 2, list{entry("b", 2), entry("c", 3)}},
		"all":                 {list{entry("b", 2), entry("a", 1)}, -1, list{entry("a", 1), entry("b", 2)}},
		"no more than 0":      {list{entry("b", 2), entry("a", 1)}, 0, list{}},
		"two on one date":     {list{entry("b", 5), entry("a", 5)}, 10, list{entry("a", 5), entry("b", 6)}},
		"three on one date":   {list{entry("c", 5), entry("b", 5), entry("a", 5)}, 10, list{entry("a", 5), entry("b", 6), entry("c", 7)}},
		"pushed onto another": {list{entry("c", 6), entry("b", 5), entry("a", 5)}, 10, list{entry("a", 5), entry("b", 6), entry("c", 7)}},
		"two dates, each twice": {
			list{entry("d", 9), entry("c", 9), entry("b", 5), entry("a", 5)}, 10, list{entry("a", 5), entry("b", 6), entry("c", 9), entry("d", 10)},
		},
		"authors": {
			list{{Author: "a <a@b>  ", Date: 3}, {Author: " ", Date: 2}, {Author: "", Date: 1}},
			10,
			list{{Author: "", Date: 1}, {Author: " ", Date: 2}, {Author: "a <a@b>", Date: 3}},
		},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			before := append(list(nil), c.in...)
			got := shownChangelog(c.in, c.limit)
			for i := range got {
				if c.want[i].Text == "" {
					got[i].Text = ""
				}
			}
			assert.Equal(t, c.want, got)
			assert.Equal(t, before, append(list(nil), c.in...), "the package itself stays as it was")
		})
	}
}

func entryOf(t *testing.T, o EntryOptions, tags ...rawrpm.Tag) (Entry, bool) {
	t.Helper()
	p, err := rpmpkg.ReadPreamble(bytes.NewReader(rawrpm.Package("x", tags...)))
	require.NoError(t, err)
	pkg, err := p.Package()
	require.NoError(t, err)
	var e Entry
	dropped := e.Describe(&rpmpkg.File{
		Package: pkg, Checksum: rpmpkg.Checksum{Type: "sha256", Hex: strings.Repeat("ab", 32)}, Size: 1234, ModTime: 5678,
	}, o, kinds[:]...)
	return e, dropped
}

func TestEntryNamesFileAsItIs(t *testing.T) {
	e, dropped := entryOf(t, EntryOptions{Location: `a b/x+y~z^1%2B&"ü.rpm`})
	assert.False(t, dropped)
	assert.Contains(t, string(e.Primary), `<location href="a b/x+y~z^1%2B&amp;&quot;&#xFC;.rpm"/>`)
	assert.Contains(t, string(e.Primary), `<time file="5678" build="1704067200"/>`)
	assert.Contains(t, string(e.Primary), `<size package="1234" installed="100" archive="0"/>`)
	ref, err := ParseRef(bytes.TrimSuffix(e.Primary, []byte("\n")))
	require.NoError(t, err)
	assert.Equal(t, `a b/x+y~z^1%2B&"ü.rpm`, ref.Location)
}

func TestEntryWithoutControlCharacters(t *testing.T) {
	for name, tags := range map[string][]rawrpm.Tag{
		"summary":    {rawrpm.I18N(1004, "a\x01b")},
		"dependency": rawrpm.Dependencies(rawrpm.Requires, rawrpm.Dependency{Name: "a\x01b"}),
		"file":       rawrpm.Files(rawrpm.Entry{Dir: "/usr/", Base: "a\x01b"}),
		"changelog":  rawrpm.Changelog(rawrpm.Change{Time: 1, Author: "a", Text: "a\x01b"}),
		"author":     rawrpm.Changelog(rawrpm.Change{Time: 1, Author: "a\x01b", Text: "a"}),
	} {
		t.Run(name, func(t *testing.T) {
			e, dropped := entryOf(t, EntryOptions{Location: "x.rpm", ChangelogLimit: 10}, tags...)
			assert.True(t, dropped)
			all := string(e.Primary) + string(e.Filelists) + string(e.Other)
			assert.Contains(t, all, "ab")
			assert.NotContains(t, all, "\x01")
		})
	}
}
