package comps

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const untrimmed = `<?xml version='1.0' encoding='UTF-8'?>
<!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd">
<comps>
  <group>
    <id>both</id>
    <name>Both</name>
    <packagelist>
      <packagereq type="mandatory">here</packagereq>
      <!-- why -->
      <packagereq type="default">gone</packagereq>
      <packagereq type="conditional" requires="gone">here2</packagereq>
    </packagelist>
  </group>
  <group><id>lost</id><packagelist><packagereq>gone</packagereq> <packagereq type="optional">gone &amp; away</packagereq></packagelist></group>
  <group>
    <id>empty</id>
    <packagelist/>
  </group>
  <group><id>twice</id><packagelist><packagereq>gone</packagereq></packagelist></group>
  <group><id>twice</id><packagelist><packagereq>here</packagereq></packagelist></group>
  <environment>
    <id>mixed</id>
    <grouplist>
      <groupid>both</groupid>
      <groupid>lost</groupid>
    </grouplist>
    <optionlist>
      <groupid default="true">lost</groupid>
      <groupid>elsewhere</groupid>
      <groupid>twice</groupid>
    </optionlist>
  </environment>
  <environment>
    <id>hollow</id>
    <grouplist>
      <groupid>lost</groupid>
    </grouplist>
    <optionlist/>
  </environment>
  <environment><id>blank</id><grouplist></grouplist></environment>
  <category><id>c</id><grouplist><groupid>empty</groupid><groupid>lost</groupid></grouplist></category>
  <category><id>d</id><grouplist><groupid>lost</groupid></grouplist></category>
  <langpacks>
    <match install="gone-%s" name="gone"/>
  </langpacks>
</comps>
`

const trimmed = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd">
<comps>
  <group>
    <id>both</id>
    <name>Both</name>
    <packagelist>
      <packagereq type="mandatory">here</packagereq>
      <!-- why -->
      <packagereq type="conditional" requires="gone">here2</packagereq>
    </packagelist>
  </group>
  <group>
    <id>empty</id>
    <packagelist/>
  </group>
  <group><id>twice</id><packagelist><packagereq>here</packagereq></packagelist></group>
  <environment>
    <id>mixed</id>
    <grouplist>
      <groupid>both</groupid>
    </grouplist>
    <optionlist>
      <groupid>elsewhere</groupid>
      <groupid>twice</groupid>
    </optionlist>
  </environment>
  <environment><id>blank</id><grouplist></grouplist></environment>
  <category><id>c</id><grouplist><groupid>empty</groupid></grouplist></category>
  <langpacks>
    <match install="gone-%s" name="gone"/>
  </langpacks>
</comps>
`

func hasHere(name string) bool { return strings.HasPrefix(name, "here") }

func trimText(t testing.TB, text string, has func(string) bool) (string, bool) {
	t.Helper()
	var out bytes.Buffer
	changed, err := Trim(&out, strings.NewReader(text), has)
	require.NoError(t, err)
	return out.String(), changed
}

func TestTrim(t *testing.T) {
	got, changed := trimText(t, untrimmed, hasHere)
	assert.True(t, changed)
	assert.Equal(t, trimmed, got)

	again, changed := trimText(t, got, hasHere)
	assert.False(t, changed, "nothing is left to take out")
	assert.Equal(t, got, again)

	_, changed = trimText(t, untrimmed, func(string) bool { return true })
	assert.False(t, changed)

	got, changed = trimText(t, untrimmed, func(string) bool { return false })
	assert.True(t, changed)
	c, err := Read(strings.NewReader(got))
	require.NoError(t, err)
	assert.Equal(t, []Group{{ID: "empty"}}, c.Groups)
	assert.Len(t, c.Environments, 2)
}

// Another encoding is read, and the result is UTF-8.
func TestTrimLatin1(t *testing.T) {
	got, changed := trimText(t, "<?xml version='1.0' encoding='iso-8859-1'?><comps><group><id>g</id><name>\xe9</name><packagelist><packagereq>here</packagereq><packagereq>\xe8</packagereq></packagelist></group></comps>", hasHere)
	assert.True(t, changed)
	assert.Equal(t, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<comps><group><id>g</id><name>é</name><packagelist><packagereq>here</packagereq></packagelist></group></comps>", got)
}

func TestTrimBroken(t *testing.T) {
	for _, text := range []string{"", "<comps>", "<html/>", "<comps><group/></comps>"} {
		var out bytes.Buffer
		_, err := Trim(&out, strings.NewReader(text), hasHere)
		assert.Error(t, err, text)
		assert.Empty(t, out.String())
	}
}

func FuzzTrim(f *testing.F) {
	f.Add(untrimmed)
	if data, err := os.ReadFile("../../testdata/comps.xml"); err == nil {
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		before, err := Read(strings.NewReader(text))
		if err != nil {
			t.Skip("not a comps.xml")
		}
		has := func(name string) bool { return len(name)%2 == 0 }
		var out bytes.Buffer
		changed, err := Trim(&out, strings.NewReader(text), has)
		if err != nil {
			t.Fatal(err)
		}
		after, err := Read(bytes.NewReader(out.Bytes()))
		if err != nil {
			t.Fatalf("what is left cannot be read: %v\n%s", err, out.Bytes())
		}
		if !changed && len(after.Groups) != len(before.Groups) {
			t.Fatal("it changed, and says that it did not")
		}
		for _, g := range after.Groups {
			for _, p := range g.Packages {
				if !has(p.Name) {
					t.Fatalf("group %q still has %q", g.ID, p.Name)
				}
			}
		}
		var again bytes.Buffer
		if changed, err := Trim(&again, bytes.NewReader(out.Bytes()), has); err != nil || changed {
			t.Fatalf("a second time it changes: %v", err)
		}
	})
}
