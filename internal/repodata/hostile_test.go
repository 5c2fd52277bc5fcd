package repodata

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/rpmpkg"
	"gorepo/internal/testrepo/rawrpm"
)

const entryTail = `<arch>noarch</arch><version epoch="0" ver="1" rel="1"/>` +
	`<checksum type="sha256" pkgid="YES">e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855</checksum>` +
	`<time file="1" build="1"/><size package="1"/><location href="a.rpm"/>`

func primaryOf(packages ...string) string {
	return Primary.header() + fmt.Sprint(len(packages)) + `">` + strings.Join(packages, "\n") + Primary.footer()
}

// TestNothingIsQuadratic: a few kilobytes that compress well must not keep a
// mirror busy for hours. Each of these took minutes when it was looked through
// again from the start for every piece.
func TestNothingIsQuadratic(t *testing.T) {
	many := func(s string) string { return strings.Repeat(s, 1_000_000) }
	for name, c := range map[string]struct {
		primary string
		bad     string
	}{
		"comments":       {primaryOf(`<package type="rpm"><name>a</name>` + many("<!---->") + entryTail + `</package>`), ""},
		"CDATA sections": {primaryOf(`<package type="rpm"><name>` + many("<![CDATA[b]]>") + `</name>` + entryTail + `</package>`), "longer than"},
		"attributes":     {primaryOf(`<package type="rpm"` + many(` a="b"`) + `><name>a</name>` + entryTail + `</package>`), ""},
		"location":       {primaryOf(`<package type="rpm"><name>a</name>` + strings.Replace(entryTail, "<location", "<location"+many(` a="b"`), 1) + `</package>`), "attributes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var bad []string
			n := 0
			err := ReadPrimary(strings.NewReader(c.primary), func(rpmpkg.Ref, []byte) error { n++; return nil }, func(err error) error {
				bad = append(bad, err.Error())
				return nil
			})
			require.NoError(t, err)
			if c.bad == "" {
				assert.Empty(t, bad)
				assert.Equal(t, 1, n)
				return
			}
			require.Len(t, bad, 1)
			assert.Contains(t, bad[0], c.bad)
		})
	}
	t.Run("checked before it is copied", func(t *testing.T) {
		err := (&tokens{b: []byte("<file" + many(` a="b"`) + "/>")}).check()
		require.ErrorContains(t, err, "attributes")
	})
}

// TestAmbiguousEntries: clients differ in which of two locations they fetch.
func TestAmbiguousEntries(t *testing.T) {
	for name, inside := range map[string]string{
		"two locations":      `<name>a</name>` + entryTail + `<location href="../b.rpm"/>`,
		"prefixed location":  `<name>a</name>` + entryTail + `<rpm:location href="../b.rpm"/>`,
		"two names":          `<name>a</name><name>b</name>` + entryTail,
		"two sizes":          `<name>a</name>` + entryTail + `<size package="2"/>`,
		"no size":            `<name>a</name>` + strings.Replace(entryTail, `<size package="1"/>`, "", 1),
		"a name too long":    `<name>` + strings.Repeat("a", 256) + `</name>` + entryTail,
		"a version too long": `<name>a</name>` + strings.Replace(entryTail, `ver="1"`, `ver="`+strings.Repeat("1", 256)+`"`, 1),
		"a path too long":    `<name>a</name>` + strings.Replace(entryTail, "a.rpm", strings.Repeat("a", 4093)+".rpm", 1),
	} {
		_, err := ParseRef([]byte(`<package type="rpm">` + inside + `</package>`))
		require.ErrorIs(t, err, errMalformed, name)
	}
	_, err := ParseRef([]byte(`<package type="rpm"><name>a</name>` + entryTail + `<format><rpm:size/><location/></format></package>`))
	require.NoError(t, err, "deeper down they are something else")
}

// TestOddNames: a name that metadata cannot hold would be listed as another.
func TestOddNames(t *testing.T) {
	dir := t.TempDir()
	data := rawrpm.Package("a")
	for _, name := range []string{"fine é~^+%.rpm", "latin\xe9.rpm", "control\x01.rpm", "line\nbreak.rpm"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "directory.rpm"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "directory.rpm", "a.rpm"), data, 0o644))
	b := build1(t, Options{Dir: dir})
	assert.Equal(t, []string{"fine é~^+%.rpm"}, b.Locations)
	assert.Len(t, b.bad, 3)
}

// TestPathsOutOfProportion: one long directory name serves every file of a
// small header.
func TestPathsOutOfProportion(t *testing.T) {
	dir := t.TempDir()
	files := make([]rawrpm.Entry, 100_000)
	for i := range files {
		files[i] = rawrpm.Entry{Dir: "/bin/" + strings.Repeat("&", 4000) + "/", Base: "f"}
	}
	addFile(t, dir, "a.rpm", rawrpm.Package("a", rawrpm.Files(files...)...))
	b := build1(t, Options{Dir: dir})
	require.Len(t, b.bad, 1)
	assert.Contains(t, b.bad[0], "out of proportion")
}

// TestLinksToOneAnother: a dozen directories that have links to all the others
// make half a billion paths.
func TestLinksToOneAnother(t *testing.T) {
	dir := t.TempDir()
	for i := range 12 {
		addFile(t, dir, fmt.Sprintf("d%02d/p.rpm", i), rawrpm.Package(fmt.Sprint("p", i)))
		for j := range 12 {
			require.NoError(t, os.Symlink(fmt.Sprintf("../d%02d", j), filepath.Join(dir, fmt.Sprintf("d%02d/to%02d", i, j))))
		}
	}
	b := build1(t, Options{Dir: dir})
	for i := range 12 {
		assert.True(t, slices.Contains(b.Locations, fmt.Sprintf("d%02d/p.rpm", i)), i)
	}
	assert.LessOrEqual(t, len(b.Locations), 12*(1+maxEntered))
	require.NotEmpty(t, b.bad)
	assert.LessOrEqual(t, len(b.bad), 12, "each directory is named once")
	assert.Contains(t, b.bad[0], "in more than 100 ways")
}
