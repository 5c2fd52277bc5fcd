package catalog_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/catalog"
	"gorepo/internal/rpmpkg"
	"gorepo/internal/testrepo"
)

// contents are a repository of testdata's comps.xml, modules.yaml and
// updateinfo.xml, with some of the packages that they name.
func contents(t testing.TB) *catalog.Catalog {
	t.Helper()
	return open(t, publishContents(t))
}

func publishContents(t testing.TB) (repodata string) {
	t.Helper()
	file := func(name string) []byte {
		data, err := os.ReadFile("../../testdata/" + name)
		require.NoError(t, err)
		return data
	}
	var packages []*testrepo.Package
	for _, nevra := range []string{
		"hello-2.10-1.noarch", "hello-2.12-1.noarch", "hello-2.12-1.src", "weak-1.0-1.noarch", "libtide-1.4.0-1.el9.x86_64", "libtide-1.4.0-1.el9.i686",
		"provider-3.2-1.x86_64", "modular-1.0-1.module_el9+1+abcd1234.noarch",
	} {
		p := testrepo.Fake(nevra, 10)
		p.Summary = "Summary of " + p.Name
		packages = append(packages, p)
	}
	return publish(t, testrepo.Options{Comps: file("comps.xml"), Modules: file("modules.yaml"), Updates: file("updateinfo.xml")}, packages...)
}

func nevra(s string) rpmpkg.NEVRA {
	p := testrepo.Parse(s)
	return rpmpkg.NEVRA{Name: p.Name, EVR: rpmpkg.EVR{Epoch: orZero(p.Epoch), Version: p.Version, Release: p.Release}, Arch: p.Arch}
}

func orZero(epoch string) string {
	if epoch == "" {
		return "0"
	}
	return epoch
}

func TestGroups(t *testing.T) {
	c := contents(t)
	assert.Equal(t, 3, c.Info().Groups)
	assert.Equal(t, 1, c.Info().Modules)
	assert.Equal(t, 1, c.Info().Advisories)
	assert.Empty(t, c.Info().Missing)
	greetings := catalog.Group{ID: "greetings", Name: "Greetings", Description: "Packages that say hello & goodbye.", Here: 3, Missing: 1, Default: true}
	timekeeping := catalog.Group{ID: "timekeeping", Name: "Timekeeping", Here: 2, Missing: 1}
	hidden := catalog.Group{ID: "hidden", Name: "Hidden", Description: "A group that group list leaves out, of a package that is nowhere.", Missing: 1, Hidden: true}
	option := func(g catalog.Group, chosen bool) catalog.Group {
		g.Option, g.Default = true, chosen
		return g
	}
	g, err := c.Groups(t.Context())
	require.NoError(t, err)
	assert.Equal(t, catalog.Groups{
		Environments: []catalog.GroupSet{{
			ID: "minimal-test-environment", Name: "Minimal Test Install", Description: "Small enough for an empty root.",
			Groups: []catalog.Group{greetings, option(timekeeping, false), option(hidden, true)},
		}},
		Categories: []catalog.GroupSet{{ID: "basics", Name: "Basics", Description: "What every system wants.", Groups: []catalog.Group{greetings, timekeeping}}},
	}, g)

	d, err := c.Group(t.Context(), "greetings")
	require.NoError(t, err)
	assert.Equal(t, catalog.GroupDetail{
		Group: greetings,
		In: []catalog.GroupRef{
			{ID: "minimal-test-environment", Name: "Minimal Test Install", Type: "environment"}, {ID: "basics", Name: "Basics", Type: "category"},
		},
		Mandatory:   []catalog.GroupPackage{{Name: "hello", Here: true, Newest: nevra("hello-2.12-1.noarch"), Summary: "Summary of hello"}},
		Defaults:    []catalog.GroupPackage{{Name: "weak", Here: true, Newest: nevra("weak-1.0-1.noarch"), Summary: "Summary of weak"}},
		Optional:    []catalog.GroupPackage{{Name: "unicode"}},
		Conditional: []catalog.GroupPackage{{Name: "libtide", Requires: "provider", Here: true, Newest: nevra("libtide-1.4.0-1.el9.x86_64"), Summary: "Summary of libtide"}},
	}, d)
	d, err = c.Group(t.Context(), "hidden")
	require.NoError(t, err)
	assert.Equal(t, "de", d.LangOnly)
	_, err = c.Group(t.Context(), "minimal-test-environment")
	require.ErrorIs(t, err, catalog.ErrNotFound)

	refs, err := c.GroupsOf(t.Context(), "libtide")
	require.NoError(t, err)
	assert.Equal(t, []catalog.GroupRef{{ID: "greetings", Name: "Greetings", Type: "conditional"}, {ID: "timekeeping", Name: "Timekeeping", Type: "mandatory"}}, refs)
	refs, err = c.GroupsOf(t.Context(), "none")
	require.NoError(t, err)
	assert.Empty(t, refs)
}

func TestModules(t *testing.T) {
	c := contents(t)
	stream := catalog.ModuleStream{Stream: "1", Default: true, Profiles: []string{"default"}, Builds: 1, Arches: []string{"noarch"}, Here: 1}
	list, err := c.Modules(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []catalog.Module{{Name: "tide", Summary: "Tide tables as a module", Streams: []catalog.ModuleStream{stream}}}, list)
	d, err := c.Module(t.Context(), "tide", "1")
	require.NoError(t, err)
	modular := nevra("modular-1.0-1.module_el9+1+abcd1234.noarch")
	assert.Equal(t, catalog.ModuleDetail{
		Name: "tide", Others: []catalog.ModuleStream{}, ModuleStream: stream, Summary: "Tide tables as a module",
		Description: "One stream with one package, modular.", Licenses: []string{"MIT"},
		Versions: []catalog.ModuleBuild{{
			Version: 20240101000000, Context: "abcd1234", Arch: "noarch",
			Profiles: []catalog.ModuleProfile{{Name: "default", Description: "What most want", Default: true, Packages: []string{"modular"}}},
			Packages: []catalog.ModulePackage{{NEVRA: modular, Here: true}},
		}},
	}, d)
	_, err = c.Module(t.Context(), "tide", "1.0")
	require.ErrorIs(t, err, catalog.ErrNotFound)
	p, err := c.Find(t.Context(), modular.String())
	require.NoError(t, err)
	refs, err := c.ModulesOf(t.Context(), p.ID)
	require.NoError(t, err)
	assert.Equal(t, []catalog.ModuleRef{{Name: "tide", Stream: "1"}}, refs)
}

func TestAdvisories(t *testing.T) {
	c := contents(t)
	one := catalog.Advisory{
		ID: "TEST-2023:0001", Title: "Important: hello security update", Type: "security", Severity: "Important",
		Issued: time.Date(2023, 12, 1, 12, 0, 0, 0, time.UTC), Updated: time.Date(2023, 12, 2, 8, 30, 0, 0, time.UTC),
		CVEs: []string{"CVE-2023-99999"}, Here: 1, Packages: 1,
	}
	page, err := c.Advisories(t.Context(), catalog.AdvisoryOptions{})
	require.NoError(t, err)
	assert.Equal(t, catalog.AdvisoryPage{
		Total: 1, Advisories: []catalog.Advisory{one}, Severities: []catalog.Facet{{Value: "Important", Count: 1}}, Types: []catalog.Facet{{Value: "security", Count: 1}},
	}, page)
	hello := nevra("hello-2.12-1.noarch")
	d, err := c.Advisory(t.Context(), "TEST-2023:0001")
	require.NoError(t, err)
	assert.Equal(t, catalog.AdvisoryDetail{
		Advisory: one, From: "security@example.com", Status: "final", Release: "1", Rights: "Copyright 2023 Gorepo Test Suite",
		Summary: "An update for hello is available.", Description: "hello greeted strangers <by name> (CVE-2023-99999).", Solution: "Update the package.",
		References: []catalog.AdvisoryReference{
			{Type: "cve", ID: "CVE-2023-99999", Href: "https://example.com/cve/CVE-2023-99999", Title: "CVE-2023-99999"},
			{Type: "bugzilla", ID: "4711", Href: "https://example.com/bugs/4711", Title: "greets strangers"},
		},
		Collections: []catalog.AdvisoryCollection{{Name: "Gorepo test packages", Packages: []catalog.AdvisoryPackage{{NEVRA: hello, Fix: catalog.FixSame, By: hello}}}},
	}, d)
	_, err = c.Advisory(t.Context(), "TEST-2023:0002")
	require.ErrorIs(t, err, catalog.ErrNotFound)

	mentions, err := c.AdvisoriesFor(t.Context(), "hello")
	require.NoError(t, err)
	assert.Equal(t, []catalog.Mention{{Advisory: one, Versions: []rpmpkg.EVR{hello.EVR}}}, mentions)
	for nevra, want := range map[string]catalog.Fix{
		"hello-2.12-1.noarch": catalog.FixSame, "hello-0:2.12-1.noarch": catalog.FixSame, "hello-2.10-1.noarch": catalog.FixOlder,
		"hello-1:1-1.noarch": catalog.FixNewer, "hello-2.12-1.src": "", "hell-2.12-1.noarch": "", "hello-2.12": "",
	} {
		mentions, err := c.AdvisoriesFor(t.Context(), nevra)
		require.NoError(t, err)
		if want == "" {
			assert.Empty(t, mentions, nevra)
			continue
		}
		assert.Equal(t, []catalog.Mention{{Advisory: one, Versions: []rpmpkg.EVR{hello.EVR}, Fix: want}}, mentions, nevra)
	}
}

// Without comps, modules and updateinfo everything is empty, and no fault.
func TestNoContents(t *testing.T) {
	c := open(t, publish(t, testrepo.Options{}, zoo()...))
	assert.Empty(t, c.Info().Missing)
	g, err := c.Groups(t.Context())
	require.NoError(t, err)
	assert.Equal(t, catalog.Groups{}, g)
	modules, err := c.Modules(t.Context())
	require.NoError(t, err)
	assert.Empty(t, modules)
	for _, o := range []catalog.AdvisoryOptions{{}, {CVE: "CVE-1"}, {Text: "a"}, {Severity: "-"}, {Fixable: true, Offset: 7}} {
		page, err := c.Advisories(t.Context(), o)
		require.NoError(t, err)
		assert.Equal(t, catalog.AdvisoryPage{}, page)
	}
	mentions, err := c.AdvisoriesFor(t.Context(), "bear")
	require.NoError(t, err)
	assert.Empty(t, mentions)
	_, err = c.Group(t.Context(), "a")
	require.ErrorIs(t, err, catalog.ErrNotFound)
	_, err = c.Module(t.Context(), "a", "b")
	require.ErrorIs(t, err, catalog.ErrNotFound)
	_, err = c.Advisory(t.Context(), "a")
	require.ErrorIs(t, err, catalog.ErrNotFound)
	refs, err := c.ModulesOf(t.Context(), 1)
	require.NoError(t, err)
	assert.Empty(t, refs)
}

// What is damaged costs only itself, and is told of.
func TestBrokenContents(t *testing.T) {
	c := open(t, publish(t, testrepo.Options{
		Comps: []byte("<comps><group>"), Modules: []byte("---\ndocument: what\n---\ndocument: modulemd\nversion: 2\ndata: {name: a, stream: b}\n"),
		Updates: []byte("<updates>\n<update><id>A</id></update>\n<update><id>B</id>"),
	}, zoo()...))
	assert.Equal(t, 6, c.Info().Packages)
	missing := strings.Join(c.Info().Missing, "\n")
	for _, words := range []string{
		"the groups cannot be read: line 1: not well-formed", `modules: document in line 1: document "what"`, "advisories after the first 1: line 3: not well-formed",
	} {
		assert.Contains(t, missing, words)
	}
	assert.Len(t, c.Info().Missing, 3)
	assert.Equal(t, 1, c.Info().Advisories)
	assert.Equal(t, 1, c.Info().Modules)
	page, err := c.Advisories(t.Context(), catalog.AdvisoryOptions{Severity: "-", Type: "-"})
	require.NoError(t, err)
	assert.Equal(t, []catalog.Advisory{{ID: "A", Title: "A"}}, page.Advisories)
	_, err = c.Module(t.Context(), "a", "b")
	require.NoError(t, err)
}
