package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/catalog"
	"gorepo/internal/testrepo"
)

func many(n int, f func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(f(i))
	}
	return b.String()
}

func number(format string) func(int) string {
	return func(i int) string { return fmt.Sprintf(format, i) }
}

// What metadata may have without end is kept up to a bound, and people are told.
func TestContentsBounds(t *testing.T) {
	long := strings.Repeat("long ", 100_000)
	comps := "<comps>" + many(5001, number("<group><id>g%d</id></group>")) +
		"<group><id>g0</id><description>" + long + "</description><packagelist>" + many(5001, number("<packagereq>p%d</packagereq>")) + "</packagelist></group>" +
		many(1001, func(i int) string {
			return fmt.Sprintf("<category><id>c%d</id><grouplist>%s</grouplist></category>", i, many(20, number("<groupid>g%d</groupid>")))
		}) + "</comps>"
	modules := many(5000, number("---\ndocument: modulemd\nversion: 2\ndata: {name: m%d, stream: s}\n")) +
		many(60, number("---\ndocument: modulemd\nversion: 2\ndata: {name: m0, stream: s, version: %d}\n")) +
		"---\ndocument: modulemd\nversion: 2\ndata:\n  name: m0\n  stream: s\n  version: 100\n  description: " + long + "\n  artifacts:\n    rpms:\n" + many(5001, number("    - p%d-0:1-1.noarch\n")) +
		"---\ndocument: modulemd\nversion: 2\ndata: {name: beyond, stream: s}\n" + many(5, number("---\ndocument: wrong%d\n"))
	updates := "<updates>" +
		update("large", "", "<description>"+long+"</description>", "<!-- -->"+many(10_001, number(`<package name="p%d" version="1" release="1" arch="noarch"/>`))) +
		update("cves", "", "<references>"+many(2001, number(`<reference type="cve" id="CVE-2020-1%04d"/>`))+"</references>") +
		update(strings.Repeat("x", 256), "", "") +
		many(300, func(i int) string { return update(fmt.Sprint(i), fmt.Sprintf(`type="t%d"`, i), "") }) +
		"</updates>"
	c := open(t, publish(t, testrepo.Options{Comps: []byte(comps), Modules: []byte(modules), Updates: []byte(updates)}, testrepo.Fake("p1-1-1.noarch", 10)))
	info := c.Info()
	missing := strings.Join(info.Missing, "\n")
	for _, words := range []string{
		"groups beyond the first 5000", "categories beyond the first 1000", "groups of environments and categories beyond the first 20000",
		"module streams beyond the first 5000", `document "wrong0"`, "2 more documents of modules",
	} {
		assert.Contains(t, missing, words)
	}
	assert.Equal(t, 5000, info.Groups)
	assert.Equal(t, 5000, info.Modules)
	assert.Equal(t, 302, info.Advisories)

	g, err := c.Groups(t.Context())
	require.NoError(t, err)
	require.Len(t, g.Categories, 1000)
	assert.Less(t, len(g.Categories[0].Groups[0].Description), 1100)
	d, err := c.Group(t.Context(), "g0")
	require.NoError(t, err)
	assert.Len(t, d.Mandatory, 5000)
	assert.Equal(t, 1, d.More)
	assert.Equal(t, 1, d.Here)
	assert.Equal(t, 5000, d.Missing)

	m, err := c.Module(t.Context(), "m0", "s")
	require.NoError(t, err)
	assert.Len(t, m.Versions, 50)
	assert.Equal(t, 12, m.More)
	assert.Equal(t, uint64(100), m.Versions[0].Version)
	assert.Len(t, m.Versions[0].Packages, 5000)
	assert.Equal(t, 1, m.Versions[0].More)
	assert.Less(t, len(m.Description), 10_000)
	_, err = c.Module(t.Context(), "beyond", "s")
	require.ErrorIs(t, err, catalog.ErrNotFound)

	a, err := c.Advisory(t.Context(), "large")
	require.NoError(t, err)
	assert.Len(t, a.Collections[0].Packages, 10_000)
	assert.Equal(t, 1, a.More)
	assert.Equal(t, 10_001, a.Packages)
	assert.Less(t, len(a.Description), 70_000)
	a, err = c.Advisory(t.Context(), "cves")
	require.NoError(t, err)
	assert.Len(t, a.CVEs, 2000)
	assert.Equal(t, 1, a.MoreCVEs)
	page, err := c.Advisories(t.Context(), catalog.AdvisoryOptions{CVE: "CVE-2020-10000"})
	require.NoError(t, err)
	require.Len(t, page.Advisories, 1)
	assert.Len(t, page.Advisories[0].CVEs, 10)
	assert.Equal(t, 1991, page.Advisories[0].MoreCVEs)
	page, err = c.Advisories(t.Context(), catalog.AdvisoryOptions{Type: "other"})
	require.NoError(t, err)
	assert.Equal(t, 101, page.Total, "types beyond the first 200 are one")
	assert.LessOrEqual(t, len(page.Types), 201)
	_, err = c.Advisory(t.Context(), strings.Repeat("x", 256))
	require.ErrorIs(t, err, catalog.ErrNotFound)
}
