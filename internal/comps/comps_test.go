package comps

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
)

const sample = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd">
<!-- groups -->
<comps>
  <group arch="x86_64">
    <id>core</id>
    <name xml:lang="cs">Jádro</name>
    <name>Core</name>
    <name xml:lang="de">Kern</name>
    <description>Smallest &amp; possible
installation</description>
    <default>true</default>
    <uservisible>false</uservisible>
    <display_order>7</display_order>
    <langonly>cs</langonly>
    <packagelist>
      <packagereq type="mandatory">bash</packagereq>
      <packagereq type="default" arch="x86_64">glibc</packagereq>
      <packagereq type="conditional" requires="gtk3"> gtk3-<!-- or another -->theme </packagereq>
      <packagereq>tar</packagereq>
      <packagereq type="optional"/>
      <other>x</other>
    </packagelist>
  </group>
  <group><id>empty</id></group>
  <environment>
    <id>minimal</id>
    <name>Minimal Install</name>
    <description>Basic functionality.</description>
    <display_order>1e3</display_order>
    <grouplist><groupid>core</groupid></grouplist>
    <optionlist><groupid>guest-agents</groupid><groupid default="true">standard</groupid><groupid> </groupid></optionlist>
  </environment>
  <category>
    <id>base-system</id>
    <name>Base System</name>
    <display_order> -5 </display_order>
    <grouplist>
      <groupid>core</groupid>
      <groupid>empty</groupid>
    </grouplist>
  </category>
  <langpacks><match name="aspell" install="aspell-%s"/></langpacks>
</comps>
<!-- end -->
`

var sampleComps = &Comps{
	Groups: []Group{
		{ID: "core", Name: "Core", Description: "Smallest & possible\ninstallation", Default: true, Hidden: true, Order: 7, LangOnly: "cs", Packages: []PackageRef{
			{Name: "bash", Type: "mandatory"},
			{Name: "glibc", Type: "default", Arch: "x86_64"},
			{Name: "gtk3-theme", Type: "conditional", Requires: "gtk3"},
			{Name: "tar"},
		}},
		{ID: "empty"},
	},
	Environments: []Environment{{
		ID: "minimal", Name: "Minimal Install", Description: "Basic functionality.",
		Groups: []string{"core"}, Options: []Option{{ID: "guest-agents"}, {ID: "standard", Default: true}},
	}},
	Categories: []Category{{ID: "base-system", Name: "Base System", Order: -5, Groups: []string{"core", "empty"}}},
}

func TestRead(t *testing.T) {
	for name, text := range map[string]string{
		"as it is":        sample,
		"byte order mark": "\ufeff" + sample,
		"no declaration":  sample[strings.Index(sample, "\n")+1:],
		"CR LF":           strings.ReplaceAll(sample, "\n", "\r\n"),
		"ISO-8859-1":      strings.NewReplacer("UTF-8", "ISO-8859-1", "á", "\xe1").Replace(sample),
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Read(iotest.HalfReader(strings.NewReader(text)))
			require.NoError(t, err)
			assert.Equal(t, sampleComps, c)
		})
	}
	for _, text := range []string{"<comps/>", "<comps></comps>\n", "<comps><!-- none --></comps>", "<comps xmlns='urn:x'/>"} {
		c, err := Read(strings.NewReader(text))
		require.NoError(t, err, text)
		assert.Equal(t, &Comps{}, c)
	}
}

func TestReadLatin1(t *testing.T) {
	c, err := Read(strings.NewReader("<?xml version='1.0' encoding='iso-8859-1'?><comps><group><id>a</id><name>" +
		strings.Repeat("\xe9\xff", 5000) + "</name></group></comps>"))
	require.NoError(t, err)
	assert.Equal(t, strings.Repeat("éÿ", 5000), c.Groups[0].Name)
}

func TestReadErrors(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"nothing":              {"", "line 1: no <comps> in it"},
		"only a comment":       {"<!-- comps -->\n", "line 2: no <comps> in it"},
		"another root":         {"<?xml version='1.0'?>\n<!DOCTYPE html>\n<html><comps/></html>", "line 3: the root is <html>, not <comps>"},
		"metadata":             {"<metadata xmlns='http://linux.duke.edu/metadata/common'/>", "line 1: the root is <metadata>, not <comps>"},
		"a text":               {"bash\nglibc\n", "text outside of <comps>"},
		"YAML":                 {"---\ndocument: modulemd\n", "text outside of <comps>"},
		"compressed":           {"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", "line 1: not well-formed XML"},
		"text behind":          {"<comps/>\nx", "line 2: text outside of <comps>"},
		"second root":          {"<comps/>\n<comps/>", "line 2: <comps> after the end of <comps>"},
		"cut off":              {sample[:strings.Index(sample, "<packagelist>")+40], "line 17: not well-formed XML: unexpected EOF"},
		"wrong end":            {"<comps>\n<group>\n</grup></comps>", "line 3: not well-formed XML: element <group> closed by </grup>"},
		"ampersand":            {"<comps>\n<group><id>a & b</id></group></comps>", "line 2: not well-formed XML: invalid character entity"},
		"own entity":           {"<!DOCTYPE comps [<!ENTITY a 'aaaa'>]>\n<comps><group><id>&a;</id></group></comps>", "line 2: not well-formed XML: invalid character entity &a;"},
		"not UTF-8":            {"<comps>\n<group><id>\xe9</id></group></comps>", "line 2: not well-formed XML: invalid UTF-8"},
		"unknown encoding":     {"<?xml version='1.0' encoding='koi8-r'?>\n<comps/>", `line 1: xml: opening charset "koi8-r": only UTF-8 and ISO-8859-1 can be read`},
		"group without id":     {"<comps>\n<group>\n<name>a</name>\n</group></comps>", "line 2: a <group> without an <id>"},
		"blank id":             {"<comps>\n\n<category><id> </id></category></comps>", "line 3: a <category> without an <id>"},
		"environment":          {"<comps><environment/></comps>", "line 1: a <environment> without an <id>"},
		"too deep":             {"<comps>" + strings.Repeat("<a>", maxDepth+1), "line 1: more than 64 elements in one another"},
		"too deep in a text":   {"<comps><group><id>" + strings.Repeat("<a>", maxDepth+1), "line 1: more than 64 elements"},
		"too deep in packages": {"<comps><group><packagelist>" + strings.Repeat("<a>", maxDepth+1), "line 1: more than 64 elements"},
		"too many":             {"<comps><group><id>a</id><packagelist>" + strings.Repeat("<packagereq/>", maxItems), "line 1: more than 1048576 groups and packages"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := Read(strings.NewReader(test.text))
			require.Error(t, err)
			assert.Contains(t, err.Error(), test.want)
			assert.Nil(t, c)
		})
	}
}

func TestReadBounds(t *testing.T) {
	const size = 100_000
	read := func(text string) error { return newReader(strings.NewReader(text), size).document(&Comps{}) }
	// As large as can be, to the byte, and with one more.
	text := "<comps><!--" + strings.Repeat("a", size-len("<comps><!----></comps>")) + "--></comps>"
	assert.NoError(t, read(text))
	assert.EqualError(t, read(text+"\n"), "larger than 100000 bytes")
	assert.EqualError(t, read("<comps>"+strings.Repeat("<!-- -->", size)), "larger than 100000 bytes")
	assert.EqualError(t, read("<comps>"+strings.Repeat("a", size)), "larger than 100000 bytes")

	_, err := Read(strings.NewReader("<comps><group " + strings.Repeat("a='' ", maxRun/5+1000) + "/></comps>"))
	assert.EqualError(t, err, "more than 1048576 bytes of one tag or text")
	_, err = Read(strings.NewReader("<comps>" + strings.Repeat(strings.Repeat("a", 1000)+"<!---->", 2000) + "</comps>"))
	assert.NoError(t, err, "of several together it may be more")

	broken := errors.New("broken")
	_, err = Read(io.MultiReader(strings.NewReader("<comps>"), iotest.ErrReader(broken)))
	assert.ErrorIs(t, err, broken)
	_, err = Read(io.MultiReader(strings.NewReader("<comps/>"), iotest.ErrReader(broken)))
	assert.ErrorIs(t, err, broken, "nobody knows what would have followed")
}

// TestReadPeer compares with libcomps, which dnf reads groups with.
func TestReadPeer(t *testing.T) {
	python := "/usr/bin/python3" // the system's, whatever comes first in PATH
	if exec.Command(python, "-c", "import libcomps").Run() != nil {
		peer.Missing(t, "python3-libcomps", "apt-get install python3-libcomps")
	}
	const script = `
import libcomps, sys
c = libcomps.Comps()
if c.fromxml_str(sys.stdin.read()) < 0:
    sys.exit(c.get_last_errors())
for g in c.groups:
    print("group", g.id, g.name, g.default, g.uservisible, g.lang_only)
    for p in g.packages:
        if p.name:
            print("package", p.name, p.requires or "")
for e in c.environments:
    print("environment", e.id, e.name, [g.name for g in e.group_ids if g.name.strip()], [(g.name, g.default) for g in e.option_ids if g.name.strip()])
for v in c.categories:
    print("category", v.id, v.name, [g.name for g in v.group_ids])
`
	// libcomps keeps blanks around a name, cuts one at a comment, and takes the
	// last of several.
	text := strings.NewReplacer("> gtk3-<!-- or another -->theme <", ">gtk3-theme<").Replace(sample)
	cmd := exec.Command(python, "-c", script)
	cmd.Stdin = strings.NewReader(text)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	theirs, err := cmd.Output()
	require.NoError(t, err, stderr.String())

	c, err := Read(strings.NewReader(text))
	require.NoError(t, err)
	assert.Equal(t, string(theirs), asPython(c))
}

func asPython(c *Comps) string {
	var b strings.Builder
	list := func(items []string) string {
		if len(items) == 0 {
			return "[]"
		}
		return "['" + strings.Join(items, "', '") + "']"
	}
	orNone := func(s string) string {
		if s == "" {
			return "None"
		}
		return s
	}
	asBool := map[bool]string{false: "False", true: "True"}
	for _, g := range c.Groups {
		fmt.Fprintln(&b, "group", g.ID, orNone(g.Name), asBool[g.Default], asBool[!g.Hidden], orNone(g.LangOnly))
		for _, p := range g.Packages {
			fmt.Fprintln(&b, "package", p.Name, p.Requires)
		}
	}
	for _, e := range c.Environments {
		var options []string
		for _, o := range e.Options {
			options = append(options, fmt.Sprintf("('%s', %s)", o.ID, asBool[o.Default]))
		}
		fmt.Fprintln(&b, "environment", e.ID, e.Name, list(e.Groups), "["+strings.Join(options, ", ")+"]")
	}
	for _, v := range c.Categories {
		fmt.Fprintln(&b, "category", v.ID, v.Name, list(v.Groups))
	}
	return b.String()
}

func FuzzRead(f *testing.F) {
	f.Add(sample)
	f.Add("<?xml version='1.0' encoding='latin1'?><comps><group><id>\xe9</id></group></comps>")
	f.Add("<!DOCTYPE comps [<!ENTITY a 'b'>]><comps><category><id>&a;</id></category></comps>")
	f.Add("<comps><group><id><![CDATA[a]]></id><packagelist><packagereq type='x'>&#65;</packagereq></packagelist></group></comps><?x?>")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Read(strings.NewReader(text))
		if err != nil {
			if c != nil || !strings.HasPrefix(err.Error(), "line ") {
				t.Fatalf("%v, %v", c, err)
			}
			return
		}
		// The standard library's own idea of what is in it.
		var want struct {
			XMLName      xml.Name
			Groups       []struct{} `xml:"group"`
			Environments []struct{} `xml:"environment"`
			Categories   []struct{} `xml:"category"`
		}
		d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
		d.CharsetReader = charset
		if err := d.Decode(&want); err != nil || want.XMLName.Local != "comps" {
			t.Fatalf("read what is no comps: %+v, %v", want.XMLName, err)
		}
		if len(want.Groups) != len(c.Groups) || len(want.Environments) != len(c.Environments) || len(want.Categories) != len(c.Categories) {
			t.Fatalf("%+v is not %+v", c, want)
		}
		for _, g := range c.Groups {
			if g.ID == "" {
				t.Fatalf("no id: %+v", g)
			}
		}
	})
}
