package comps

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func mergeTexts(texts ...string) (string, error) {
	var files []io.Reader
	for _, text := range texts {
		files = append(files, strings.NewReader(text))
	}
	var b strings.Builder
	err := Merge(&b, files)
	return b.String(), err
}

func TestMerge(t *testing.T) {
	const first = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd">
<comps>
  <group>
    <id>core</id><name>Core</name><name xml:lang="de">Kern</name>
    <packagelist>
      <packagereq type="mandatory">bash</packagereq>
      <packagereq type="conditional" requires="gtk">theme</packagereq>
    </packagelist>
  </group>
  <group><id>empty</id><packagelist/></group>
  <group><id>none</id></group>
  <environment><id>minimal</id><grouplist><groupid>core</groupid></grouplist></environment>
  <category><id>c</id><grouplist><groupid>core</groupid></grouplist></category>
  <langpacks><match name="a" install="a-%s"/></langpacks>
</comps>`
	const second = `<?xml version='1.0' encoding='ISO-8859-1'?>
<comps>
  <langpacks><match name="a" install="a-%s"/><match name="b" install="b-%s"/></langpacks>
  <group><id>core</id><name>Another</name><packagelist>
    <packagereq type="default">bash</packagereq><packagereq type="optional">` + "z\xe4h" + `</packagereq>
    <packagereq type="conditional" requires="qt">theme</packagereq></packagelist></group>
  <group><id>empty</id><packagelist><packagereq>x</packagereq></packagelist></group>
  <group><id>none</id><packagelist><packagereq>y</packagereq></packagelist></group>
  <group><id>new</id><name>New</name></group>
  <environment><id>minimal</id><grouplist><groupid>new</groupid></grouplist><optionlist><groupid>empty</groupid></optionlist></environment>
</comps>`
	text, err := mergeTexts(first, second, first)
	require.NoError(t, err)
	c, err := Read(strings.NewReader(text))
	require.NoError(t, err, text)
	assert.Equal(t, &Comps{
		Groups: []Group{
			{ID: "core", Name: "Core", Packages: []PackageRef{
				{Name: "bash", Type: "mandatory"},
				{Name: "theme", Type: "conditional", Requires: "gtk"},
				{Name: "zäh", Type: "optional"},
				{Name: "theme", Type: "conditional", Requires: "qt"},
			}},
			{ID: "empty", Packages: []PackageRef{{Name: "x"}}},
			{ID: "none", Packages: []PackageRef{{Name: "y"}}},
			{ID: "new", Name: "New"},
		},
		Environments: []Environment{{ID: "minimal", Groups: []string{"core", "new"}, Options: []Option{{ID: "empty"}}}},
		Categories:   []Category{{ID: "c", Groups: []string{"core"}}},
	}, c)
	for _, words := range []string{`<name xml:lang="de">Kern</name>`, `<match name="a" install="a-%s"/>`, `<match name="b" install="b-%s"/>`} {
		assert.Equal(t, 1, strings.Count(text, words), words)
	}
	assert.True(t, strings.HasPrefix(text, `<?xml version="1.0" encoding="UTF-8"?>`+"\n<!DOCTYPE comps "), text)

	_, err = mergeTexts(first, "<html/>")
	assert.ErrorContains(t, err, "the root is <html>")
}

// FuzzMerge: of files that can be read, one comes that can be read and has all
// their groups and packages.
func FuzzMerge(f *testing.F) {
	f.Add(sample, strings.ReplaceAll(sample, "core", "other"))
	f.Add(sample, `<comps><group><id>core</id><packagelist/></group><x/></comps>`)
	f.Add("<?xml!encoding='lAtin1'?><comps></comps>", sample)
	f.Add("<?xml version='1.0' encoding='latin1'?><comps><group><id>\xe9</id></group></comps>", sample)
	f.Fuzz(func(t *testing.T, a, b string) {
		read := func(text string) *Comps {
			c, err := Read(strings.NewReader(text))
			if err != nil {
				t.Skip("no comps to merge")
			}
			return c
		}
		parts := []*Comps{read(a), read(b)}
		text, err := mergeTexts(a, b)
		if err != nil {
			t.Fatal(err)
		}
		all, err := Read(strings.NewReader(text))
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		for _, c := range parts {
			for _, g := range c.Groups {
				i := slices.IndexFunc(all.Groups, func(h Group) bool { return h.ID == g.ID })
				if i < 0 {
					t.Fatalf("%q is missing in\n%s", g.ID, text)
				}
				for _, p := range g.Packages {
					if !slices.ContainsFunc(all.Groups[i].Packages, func(q PackageRef) bool { return q.Name == p.Name }) {
						t.Fatalf("%q of %q is missing in\n%s", p.Name, g.ID, text)
					}
				}
			}
		}
	})
}
