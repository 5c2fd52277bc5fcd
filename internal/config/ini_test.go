package config

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// flat is a parsed file as plain maps: section, key, value.
func flat(sections []*section) map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, s := range sections {
		out[s.name] = map[string]string{}
		for key, e := range s.entries {
			out[s.name][key] = e.value
		}
	}
	return out
}

// An iniCase is a text and what it means: the value of key b in section a, or
// an error. TestINIAgainstLibdnf asks libdnf about the same table.
type iniCase struct {
	text  string
	value string
	err   string
	// deviates says why libdnf answers otherwise.
	deviates string
}

var iniCases = []iniCase{
	{text: "[a]\nb=c\n", value: "c"},
	{text: "[a]\nb=c", value: "c"},
	{text: "[a]\nb = c  \n d\n", value: "c\nd"},
	{text: "[a]\nb=c\n d\n\te\n", value: "c\nd\ne"},
	{text: "[a]\nb=c\n # d\n", value: "c\n# d"},
	{text: "[a]\nb=c\n ;d\n", value: "c\n;d"},
	{text: "[a]\nb=c\n#x\n d\n", err: "x:4: an indented line"},
	{text: "[a]\nb=c\n;x\n d\n", err: "x:4: an indented line"},
	{text: "[a]\nb=c\n\n d\n", err: "x:4: an indented line"},
	{text: "[a]\nb=c\n  \n d\n", value: "c\n\nd"},
	{text: "[a]\nb=c\n \n \n d\n \n", value: "c\n\n\nd"},
	{text: "[a]\nb=c\n \r\n d\n", value: "c\n\nd"},
	{text: "[a]\nb=c\n  \ne=f\n", value: "c"},
	{text: "[a]\nb=c\n  ", value: "c"},
	{text: "[a]\nb=c\n#x\nd=e\n", value: "c"},
	{text: "[a]\nb=\"c\"\n", value: "c"},
	{text: "[a]\nb='c'\n", value: "c"},
	{text: "[a]\nb=\"c\n", value: "\"c"},
	{text: "[a]\nb=\" c \" \n", value: " c "},
	{text: "[a]\nb=\"c\n d\"\n", value: "c\nd"},
	{text: "[a]\nb=\"c\n \"\n", value: "c\n"},
	{text: "[a]\nb=\"c\"\n \"d\"\n", value: "c\"\n\"d"},
	{text: "[a]\nb=\n \"c\"\n", value: "\n\"c\""},
	{text: "[a]\nb=\"c'\n", value: "\"c'"},
	{text: "[a]\nb=\"\"c\"\"\n", value: "\"c\""},
	{text: "[a]\nb=\"'c'\"\n", value: "'c'"},
	{text: "[a]\nb=\"\"\n", value: ""},
	{text: "[a]\nb=\"\n", value: "\""},
	{text: "[a]\nb=\n", value: ""},
	{text: "[a]\nb =\n", value: ""},
	{text: "[a]\nb=\n\n", value: ""},
	{text: "[a]\nb= \n  \n", value: "", deviates: "a blank line behind an empty value gives libdnf a newline"},
	{text: "[a]\nb=\n c\n d\n", value: "\nc\nd"},
	{text: "[a]\nb=\n  \n c\n", value: "\n\nc"},
	{text: "[a]\nb=1\nb=2\n", value: "2"},
	{text: "[a]\nb=1\nb=\n", value: ""},
	{text: "[a]\nb=1\n 2\nb=3\n", value: "3"},
	{text: "[a]\nb=1\nc=1\n[x]\n[a]\nb=2\n d\n", value: "2\nd"},
	{text: "[a]\nb=1\n[a]\n", value: "1"},
	{text: "[a]\nfoo\n", err: "x:2: no \"=\""},
	{text: "[a]\nb: c\n", err: "x:2: no \"=\""},
	{text: "b=c\n", err: "x:1: no [section]"},
	{text: "# hi\n\nb=c\n", err: "x:3: no [section]"},
	{text: "  # x\n[a]\nb=c\n", err: "x:1: no [section]"},
	{text: "[a]\n b=c\n", err: "x:2: an indented line"},
	{text: "[a]\n  # x\nb=c\n", err: "x:2: an indented line"},
	{text: "[a]\nb=c\n\n  # x\n", err: "x:4: an indented line"},
	{text: "[a]\n\rb=c\n", err: "x:2: an indented line"},
	{text: " [a]\nb=c\n", value: "c"},
	{text: "\r\n[a]\nb=c\n", value: "c"},
	{text: "[a] # c\nb=c\n", value: "c"},
	{text: "[a];x\nb=c\n", value: "c"},
	{text: "[a]\t\nb=c\n", value: "c"},
	{text: "[a] xy\nb=c\n", err: "x:1: text after"},
	{text: "[a]b=c\n", err: "x:1: text after"},
	{text: "[a]]\nb=c\n", err: "x:1: text after", deviates: "libdnf overlooks a single character"},
	{text: "[a]\rb=c\r", err: "x:1: text after"},
	{text: "[]\nb=c\n", err: "x:1: a section needs a name"},
	{text: "[a\nb=c\n", err: "x:1: a section needs a closing"},
	{text: "[a]\nb=c\n [d]\ne=f\n", value: "c"},
	{text: "[a]\nb=c\n  \n [d]\n", value: "c"},
	{text: "[a]\nb=c\n [d\n", err: "x:3: a section needs a closing"},
	{text: "[a]\n=c\n", err: "x:2: no key"},
	{text: "[a]\nb=\n=x\n", err: "x:3: no key"},
	{text: "[a]\nb=c # d\n", value: "c # d"},
	{text: "[a]\nb=c ;d\n", value: "c ;d"},
	{text: "[a]\nb=#c\n", value: "#c"},
	{text: "[a]\r\nb=c\r\nd=e\r\n", value: "c"},
	{text: "[a]\r\nb=c\r\n d\r\n e\r\n", value: "c\nd\ne"},
	{text: "[a]\r\nb=c\r\n\r\n d\r\n", value: "c\n\nd"},
	{text: "[a]\nb=c\n\r d\n", value: "c\nd"},
	{text: "[a]\nb=\rc\n", value: "\rc"},
	{text: "[a]\nb=c\t \n", value: "c"},
	{text: "[a]\nb\t=\tc\n", value: "c"},
	{text: "[a]\nb=c\n d \n e\t\n", value: "c\nd\ne"},
	{text: "\ufeff[a]\nb=c\n", value: "c"},
	{text: "\ufeff# x\n[a]\nb=c\n", value: "c"},
	{text: "\ufeff\ufeff[a]\nb=c\n", err: "x:1: no [section]"},
	{text: "\n\ufeff[a]\nb=c\n", err: "x:2: no [section]"},
	{text: "[a]\nb=\ufeffc\n", value: "\ufeffc"},
	{text: "[a]\nb==c=d\n", value: "=c=d"},
	{text: "[a]\nB=x\nb=c\n", value: "c"},
	{text: "[a]\n\n\nb=c\n\n\nd=e\n", value: "c"},
	{text: "[a]\nb=c\n d=e\n", value: "c\nd=e"},
	{text: "[a]\nb=ü日\n", value: "ü日"},
	{text: "[a]\nb=c\x0bd\n", value: "c\x0bd"},
	{text: "[a]\nb=c\n\x0b d\n", err: "x:3: no \"=\""},
	{text: "[a]\nb=c\x00d\n", err: "x:2: a NUL byte", deviates: "libdnf reads on"},
}

func TestParseINI(t *testing.T) {
	for _, c := range iniCases {
		t.Run(fmt.Sprintf("%q", c.text), func(t *testing.T) {
			sections, err := parseINI("x", []byte(c.text))
			if c.err != "" {
				require.Error(t, err)
				assert.Contains(t, err.Error(), c.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.value, flat(sections)["a"]["b"])
		})
	}
}

func TestParseINIPositions(t *testing.T) {
	sections, err := parseINI("f", []byte("\n[a]\n# c\nb=1\n 2\n\nc=3\n[d]\n[a]\nb=4\n"))
	require.NoError(t, err)
	require.Len(t, sections, 2)
	assert.Equal(t, 2, sections[0].line)
	assert.Equal(t, []string{"b", "c"}, sections[0].keys)
	assert.Equal(t, "f:10", sections[0].entries["b"].pos())
	assert.Equal(t, "f:7", sections[0].entries["c"].pos())
	assert.Equal(t, 8, sections[1].line)
}

func TestParseINIBounded(t *testing.T) {
	_, err := parseINI("f", bytes.Repeat([]byte("#\n"), maxFileSize/2+1))
	require.Error(t, err)
	assert.Contains(t, err.Error(), "larger than")
}

// render writes sections so that parsing gives them back.
func render(sections []*section) string {
	var b strings.Builder
	for _, s := range sections {
		fmt.Fprintf(&b, "[%s]\n", s.name)
		for _, key := range s.keys {
			fmt.Fprintf(&b, "%s=\"%s\"\n", key, strings.ReplaceAll(s.entries[key].value, "\n", "\n "))
		}
	}
	return b.String()
}

func FuzzParseINI(f *testing.F) {
	for _, c := range iniCases {
		f.Add([]byte(c.text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		sections, err := parseINI("f", data)
		if err != nil {
			var syntax *SyntaxError
			require.ErrorAs(t, err, &syntax)
			lines := 1 + bytes.Count(data, []byte("\n"))
			require.True(t, syntax.Line >= 1 && syntax.Line <= lines, "line %d of %d", syntax.Line, lines)
			return
		}
		for _, s := range sections {
			require.NotEmpty(t, s.name)
			require.Len(t, s.entries, len(s.keys))
		}
		text := render(sections)
		again, err := parseINI("f", []byte(text))
		require.NoError(t, err, "rendered: %q", text)
		require.Equal(t, flat(sections), flat(again), "rendered: %q", text)
	})
}
