package catalog_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/catalog"
	"gorepo/internal/testrepo"
)

const modulesOfTwo = `---
document: modulemd
version: 2
data: {name: node, stream: "10", version: 1, context: c1, summary: s, license: {module: [MIT]}, description: d, arch: x86_64, artifacts: {rpms: [node-1:10.1-1.x86_64, node-1:10.2-1.x86_64, node-1:10.2-1.src, npm-0:1-1.noarch]}}
...
---
document: modulemd
version: 2
data: {name: node, stream: "12", version: 2, context: c2, summary: s, license: {module: [MIT]}, description: d, arch: x86_64, artifacts: {rpms: [node-1:12.1-1.x86_64]}}
...
---
document: modulemd
version: 2
data: {name: node, stream: "10", version: 3, context: c1, license: {module: [MIT]}, description: d, arch: x86_64, summary: newer, profiles: {a: {rpms: [node]}, b: {rpms: []}}, artifacts: {rpms: [node-1:10.3-1.x86_64]}, dependencies: [{requires: {platform: [el8], x: [1, 2], y: []}}]}
...
---
document: modulemd
version: 2
data: {name: node, stream: "9", version: 1, context: c9, summary: s, license: {module: [MIT]}, description: d}
...
---
document: modulemd-obsoletes
version: 1
data: {module: node, stream: "10", context: c1, modified: 2020-01-01T00:00Z, message: over, eol_date: 2021-08-01T00:00Z, obsoleted_by: {module: node, stream: "12"}}
...
---
document: modulemd-defaults
version: 1
data: {module: node, stream: "12", profiles: {"10": [b]}}
...
`

func update(id, attributes, elements string, packages ...string) string {
	var list strings.Builder
	for _, nevra := range packages {
		if strings.HasPrefix(nevra, "<") {
			list.WriteString(nevra)
			continue
		}
		p := testrepo.Parse(nevra)
		fmt.Fprintf(&list, "<package name=%q epoch=%q version=%q release=%q arch=%q/>", p.Name, p.Epoch, p.Version, p.Release, p.Arch)
	}
	return fmt.Sprintf("<update %s><id>%s</id>%s<pkglist><collection>%s</collection></pkglist></update>\n", attributes, id, elements, list.String())
}

// advisories are a repository with advisories of all kinds.
func advisories(t testing.TB) *catalog.Catalog {
	t.Helper()
	return open(t, publishAdvisories(t))
}

func publishAdvisories(t testing.TB) (repodata string) {
	t.Helper()
	var packages []*testrepo.Package
	for _, nevra := range []string{
		"kernel-5.10-1.x86_64", "kernel-5.14-1.x86_64", "kernel-doc-5.14-1.noarch", "app-2:1.0-1.x86_64", "lib-1.00-1.x86_64",
		"node-1:10.1-1.x86_64", "node-1:10.2-1.x86_64", "node-1:12.1-1.x86_64", "tool-7-1.x86_64",
	} {
		packages = append(packages, testrepo.Fake(nevra, 10))
	}
	const module10, module12, module11 = `<module name="node" stream="10"/>`, `<module name="node" stream="12"/>`, `<module name="node" stream="11"/>`
	updates := "<updates>" +
		update("K-1", `type="security"`, `<title>kernel: overflow</title><issued date="2024-01-01"/><severity>Critical</severity><references><reference type="cve" id="CVE-2024-0001"/><reference type="cve" id="CVE-2023-7777"/></references>`,
			"kernel-5.12-1.x86_64", "kernel-5.12-1.aarch64", "kernel-doc-5.15-1.noarch", "kernel-gone-5.12-1.x86_64") +
		update("K-2", `type="security"`, `<title>kernel: use-after-free</title><issued date="2024-03-01"/><severity>critical</severity><references><reference type="cve" id="CVE-2024-00011"/></references>`, "kernel-5.14-1.x86_64") +
		update("A-1", `type="bugfix"`, `<title>App crashes</title><updated date="2024-02-01"/><description>Überlauf in the app</description>`, "app-2:1.0-1.x86_64", "app-1.5-1.x86_64") +
		update("L-1", `type="bugfix"`, `<issued date="2023-01-01"/><severity>Low</severity>`, "lib-1.0-1.x86_64") +
		update("G-1", `type="security"`, `<issued date="2022-01-01"/><severity>Important</severity>`, "gone-1-1.x86_64", "tool-8-1.x86_64", "tool-6-1.s390x") +
		update("N-10", `type="security"`, `<issued date="2021-01-01"/><severity>low</severity>`, module10, "node-1:10.1-2.x86_64", "node-1:10.9-1.x86_64", "node-1:10.2-1.x86_64") +
		update("N-11", `type="security"`, `<issued date="2021-01-02"/><severity>low</severity>`, module11, "node-1:11.1-2.x86_64") +
		update("N-12", `type="security"`, `<issued date="2021-01-03"/><severity>low</severity>`, module12, "node-1:12.0-2.x86_64", "node-1:12.1-1.x86_64") +
		update("N-0", `type="security"`, `<issued date="2021-01-04"/><severity>low</severity>`, "node-1:9-2.x86_64", "node-1:10.2-1.x86_64") +
		// Parts of one that is there already.
		update("K-1", `type="security"`, `<title>another title</title><issued date="2025-01-01"/><references><reference type="cve" id="CVE-2024-0001"/><reference type="cve" id="CVE-2022-1111"/></references>`, "kernel-5.14-1.x86_64") +
		"</updates>"
	return publish(t, testrepo.Options{Modules: []byte(modulesOfTwo), Updates: []byte(updates)}, packages...)
}

func ids(list []catalog.Advisory) (found []string) {
	for _, a := range list {
		found = append(found, a.ID)
	}
	return found
}

func TestAdvisoriesChosen(t *testing.T) {
	c := advisories(t)
	assert.Equal(t, 9, c.Info().Advisories)
	assert.Empty(t, c.Info().Missing)
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		require.NoError(t, err)
		return d
	}
	all := []string{"K-2", "A-1", "K-1", "L-1", "G-1", "N-0", "N-12", "N-11", "N-10"}
	for name, test := range map[string]struct {
		o    catalog.AdvisoryOptions
		want []string
	}{
		"all":                {catalog.AdvisoryOptions{}, all},
		"a page":             {catalog.AdvisoryOptions{Offset: 2, Limit: 2}, []string{"K-1", "L-1"}},
		"beyond":             {catalog.AdvisoryOptions{Offset: 9}, nil},
		"before":             {catalog.AdvisoryOptions{Offset: -3, Limit: 1}, []string{"K-2"}},
		"severity":           {catalog.AdvisoryOptions{Severity: "CRITICAL"}, []string{"K-2", "K-1"}},
		"no severity":        {catalog.AdvisoryOptions{Severity: "-"}, []string{"A-1"}},
		"unknown severity":   {catalog.AdvisoryOptions{Severity: "x"}, nil},
		"type":               {catalog.AdvisoryOptions{Type: "bugfix"}, []string{"A-1", "L-1"}},
		"both":               {catalog.AdvisoryOptions{Type: "bugfix", Severity: "low"}, []string{"L-1"}},
		"fixable":            {catalog.AdvisoryOptions{Fixable: true}, []string{"K-2", "A-1", "K-1", "L-1", "N-0", "N-12", "N-10"}},
		"CVE":                {catalog.AdvisoryOptions{CVE: "CVE-2024-0001"}, []string{"K-1"}},
		"CVE of a part":      {catalog.AdvisoryOptions{CVE: "cve-2022-1111 "}, []string{"K-1"}},
		"beginning of CVE":   {catalog.AdvisoryOptions{CVE: "CVE-2024-"}, []string{"K-2", "K-1"}},
		"part of a CVE":      {catalog.AdvisoryOptions{CVE: "2024"}, nil},
		"beginning, all":     {catalog.AdvisoryOptions{CVE: "CVE-2024-000", Fixable: true, Type: "security"}, []string{"K-2", "K-1"}},
		"word":               {catalog.AdvisoryOptions{Text: "OVERFLOW"}, []string{"K-1"}},
		"beginning":          {catalog.AdvisoryOptions{Text: "over"}, []string{"K-1"}},
		"accent":             {catalog.AdvisoryOptions{Text: "uberlauf"}, []string{"A-1"}},
		"words":              {catalog.AdvisoryOptions{Text: "free kernel use"}, []string{"K-2"}},
		"hyphens":            {catalog.AdvisoryOptions{Text: "use-after-free"}, []string{"K-2"}},
		"beginning not last": {catalog.AdvisoryOptions{Text: "over kernel"}, nil},
		"package":            {catalog.AdvisoryOptions{Text: "kernel-doc"}, []string{"K-1"}},
		"id":                 {catalog.AdvisoryOptions{Text: "N-12"}, []string{"N-12"}},
		"CVE as words":       {catalog.AdvisoryOptions{Text: "CVE-2023-7777"}, []string{"K-1"}},
		"title of a part":    {catalog.AdvisoryOptions{Text: "another title"}, []string{"K-1"}},
		"words and CVE":      {catalog.AdvisoryOptions{Text: "kernel", CVE: "CVE-2024-00011"}, []string{"K-2"}},
		"since":              {catalog.AdvisoryOptions{Since: day("2024-01-01")}, []string{"K-2", "A-1", "K-1"}},
		"until":              {catalog.AdvisoryOptions{Until: day("2021-01-03")}, []string{"N-11", "N-10"}},
		"between":            {catalog.AdvisoryOptions{Since: day("2022-01-01"), Until: day("2024-01-01")}, []string{"L-1", "G-1"}},
		"after all":          {catalog.AdvisoryOptions{Since: day("2030-01-01")}, nil},
		"never":              {catalog.AdvisoryOptions{Since: day("2024-01-01"), Until: day("2022-01-01")}, nil},
		"only marks":         {catalog.AdvisoryOptions{Text: ` "*^ ( `}, nil},
		"query language":     {catalog.AdvisoryOptions{Text: `kernel OR app`}, nil},
		"quotes":             {catalog.AdvisoryOptions{Text: `"overflow" * : NEAR(`}, nil},
		"a long text":        {catalog.AdvisoryOptions{Text: strings.Repeat("ü", 100_000)}, nil},
		"many words":         {catalog.AdvisoryOptions{Text: strings.Repeat("kernel ", 100)}, []string{"K-2", "K-1"}},
		"marks of letters":   {catalog.AdvisoryOptions{Text: "u\u0308berlauf कि x\x00y"}, nil},
		"a letter's mark":    {catalog.AdvisoryOptions{Text: "U\u0308berlauf"}, []string{"A-1"}},
	} {
		page, err := c.Advisories(t.Context(), test.o)
		require.NoError(t, err, name)
		assert.Equal(t, test.want, ids(page.Advisories), name)
	}

	page, err := c.Advisories(t.Context(), catalog.AdvisoryOptions{Severity: "low", Limit: 1})
	require.NoError(t, err)
	assert.Equal(t, 5, page.Total)
	assert.Len(t, page.Advisories, 1)
	assert.Equal(t, []catalog.Facet{{"Critical", 2}, {"Important", 1}, {"Low", 5}, {"", 1}}, page.Severities, "of all that the rest chooses, the gravest first")
	assert.Equal(t, []catalog.Facet{{"security", 4}, {"bugfix", 1}}, page.Types)
	page, err = c.Advisories(t.Context(), catalog.AdvisoryOptions{Type: "bugfix", Fixable: true})
	require.NoError(t, err)
	assert.Equal(t, []catalog.Facet{{"Low", 1}, {"", 1}}, page.Severities)
	assert.Equal(t, []catalog.Facet{{"security", 5}, {"bugfix", 2}}, page.Types)
	assert.Equal(t, "L-1", page.Advisories[1].Title, "what has no title is called by its id")
}

// fixes tells what an advisory says of each package.
func fixes(t testing.TB, c *catalog.Catalog, id string) (list []string) {
	t.Helper()
	d, err := c.Advisory(t.Context(), id)
	require.NoError(t, err)
	for _, col := range d.Collections {
		for _, p := range col.Packages {
			line := fmt.Sprintf("%s %s", p.NEVRA, p.Fix)
			if p.By.Name != "" {
				line += " " + p.By.String()
			}
			list = append(list, line)
		}
	}
	return list
}

func TestFixes(t *testing.T) {
	c := advisories(t)
	for id, want := range map[string][]string{
		"K-1": {
			"kernel-5.12-1.x86_64 newer kernel-5.14-1.x86_64", "kernel-5.12-1.aarch64 foreign", "kernel-doc-5.15-1.noarch older kernel-doc-5.14-1.noarch",
			"kernel-gone-5.12-1.x86_64 none", "kernel-5.14-1.x86_64 same kernel-5.14-1.x86_64",
		},
		"A-1": {"app-2:1.0-1.x86_64 same app-2:1.0-1.x86_64", "app-1.5-1.x86_64 newer app-2:1.0-1.x86_64"},
		"L-1": {"lib-1.0-1.x86_64 same lib-1.00-1.x86_64"},
		"G-1": {"gone-1-1.x86_64 none", "tool-8-1.x86_64 older tool-7-1.x86_64", "tool-6-1.s390x foreign"},
		// Of a module only its own stream counts, but for the very package.
		"N-10": {"node-1:10.1-2.x86_64 newer node-1:10.2-1.x86_64", "node-1:10.9-1.x86_64 older node-1:10.2-1.x86_64", "node-1:10.2-1.x86_64 same node-1:10.2-1.x86_64"},
		"N-11": {"node-1:11.1-2.x86_64 none"},
		"N-12": {"node-1:12.0-2.x86_64 newer node-1:12.1-1.x86_64", "node-1:12.1-1.x86_64 same node-1:12.1-1.x86_64"},
		"N-0":  {"node-1:9-2.x86_64 none", "node-1:10.2-1.x86_64 same node-1:10.2-1.x86_64"},
	} {
		assert.Equal(t, want, fixes(t, c, id), id)
	}
	d, err := c.Advisory(t.Context(), "K-1")
	require.NoError(t, err)
	assert.Equal(t, "kernel: overflow", d.Title, "the first part counts")
	assert.Equal(t, []string{"CVE-2022-1111", "CVE-2023-7777", "CVE-2024-0001"}, d.CVEs)
	assert.Len(t, d.References, 3)
	assert.Equal(t, 2, d.Here)
	assert.Equal(t, 4, d.Packages, "without those of other architectures")
	page, err := c.Advisories(t.Context(), catalog.AdvisoryOptions{CVE: "CVE-2024-0001"})
	require.NoError(t, err)
	assert.Equal(t, 2, page.Advisories[0].Here)
	assert.Equal(t, 4, page.Advisories[0].Packages)
}

func TestMentions(t *testing.T) {
	c := advisories(t)
	for what, want := range map[string][]string{
		"kernel":                   {"K-2 5.14-1", "K-1 5.14-1,5.12-1"},
		"kernel-5.14-1.x86_64":     {"K-2 5.14-1 same", "K-1 5.14-1,5.12-1 same"},
		"kernel-5.13-1.x86_64":     {"K-2 5.14-1 older", "K-1 5.14-1,5.12-1 older"},
		"kernel-0:5.15-1.x86_64":   {"K-2 5.14-1 newer", "K-1 5.14-1,5.12-1 newer"},
		"kernel-5.15-1.aarch64":    {"K-1 5.12-1 newer"},
		"kernel-5.15-1.ppc64le":    nil,
		"app-1.0-1.x86_64":         {"A-1 2:1.0-1,1.5-1 same"}, // with the epoch that the repository's has
		"app-1.1-1.x86_64":         {"A-1 2:1.0-1,1.5-1 older"},
		"node":                     {"N-0 1:10.2-1,1:9-2", "N-12 1:12.1-1,1:12.0-2", "N-11 1:11.1-2", "N-10 1:10.9-1,1:10.2-1,1:10.1-2"},
		"kernel-gone":              {"K-1 5.12-1"},
		"":                         nil,
		"-":                        nil,
		"x' OR 1=1 ---1-1.x86_64":  nil,
		strings.Repeat("x", 10000): nil,
	} {
		list, err := c.AdvisoriesFor(t.Context(), what)
		require.NoError(t, err)
		var got []string
		for _, m := range list {
			var versions []string
			for _, v := range m.Versions {
				versions = append(versions, v.String())
			}
			got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s", m.ID, strings.Join(versions, ","), m.Fix)))
		}
		assert.Equal(t, want, got, "%.40s", what)
	}
}

func TestModuleStreams(t *testing.T) {
	c := advisories(t)
	list, err := c.Modules(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.Equal(t, "newer", list[0].Summary)
	var streams []string
	for _, s := range list[0].Streams {
		streams = append(streams, fmt.Sprintf("%s default=%v builds=%d %d/%d %v", s.Stream, s.Default, s.Builds, s.Here, s.Missing, s.Profiles))
	}
	assert.Equal(t, []string{"12 default=true builds=1 1/0 []", "10 default=false builds=2 0/1 [a b]", "9 default=false builds=1 0/0 []"}, streams)

	d, err := c.Module(t.Context(), "node", "10")
	require.NoError(t, err)
	require.NotNil(t, d.Obsolete)
	assert.Equal(t, "node:12", d.Obsolete.By)
	assert.Equal(t, "2021-08-01", d.Obsolete.Date.Format("2006-01-02"))
	require.Len(t, d.Versions, 2)
	assert.Zero(t, d.More)
	assert.Equal(t, uint64(3), d.Versions[0].Version)
	assert.Equal(t, [][]string{{"platform:el8", "x:1,2", "y"}}, d.Versions[0].Requires)
	assert.Equal(t, []catalog.ModuleProfile{{Name: "a", Packages: []string{"node"}}, {Name: "b", Default: true, Packages: []string{}}}, d.Versions[0].Profiles)
	assert.Equal(t, "over", d.Versions[1].Obsolete.Message)
	var packages []string
	for _, p := range d.Versions[1].Packages {
		packages = append(packages, fmt.Sprintf("%s %v", p.NEVRA, p.Here))
	}
	assert.Equal(t, []string{"node-1:10.1-1.x86_64 true", "node-1:10.2-1.x86_64 true", "node-1:10.2-1.src false", "npm-1-1.noarch false"}, packages)
	require.Len(t, d.Others, 2)
	assert.Equal(t, "12", d.Others[0].Stream)
}
