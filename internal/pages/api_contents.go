package pages

import (
	"time"

	"gorepo/internal/catalog"
)

// What the API gives of groups, modules and advisories.

type apiGroups struct {
	Environments []apiGroupSet `json:"environments"`
	Categories   []apiGroupSet `json:"categories"`
	Others       []apiGroup    `json:"others"` // groups that are in none
}

type apiGroupSet struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Description string     `json:"description,omitempty"`
	Groups      []apiGroup `json:"groups"`
}

type apiGroup struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Here        int    `json:"here"`    // packages that the repository has
	Missing     int    `json:"missing"` // and has not
	Default     bool   `json:"default"`
	Hidden      bool   `json:"hidden"`
	Option      bool   `json:"option,omitempty"`
}

func apiGroupOf(g catalog.Group) apiGroup {
	return apiGroup{g.ID, g.Name, g.Description, g.Here, g.Missing, g.Default, g.Hidden, g.Option}
}

func apiGroupsOf(g catalog.Groups) apiGroups {
	sets := func(list []catalog.GroupSet) []apiGroupSet {
		out := make([]apiGroupSet, 0, len(list))
		for _, s := range list {
			out = append(out, apiGroupSet{s.ID, s.Name, s.Description, each(s.Groups, apiGroupOf)})
		}
		return out
	}
	return apiGroups{sets(g.Environments), sets(g.Categories), each(g.Others, apiGroupOf)}
}

// each makes a list, which is never null, of another.
func each[A, B any](list []A, f func(A) B) []B {
	out := make([]B, 0, len(list))
	for _, a := range list {
		out = append(out, f(a))
	}
	return out
}

type apiGroupDetail struct {
	apiGroup
	LangOnly string            `json:"langonly,omitempty"`
	In       []apiGroupRef     `json:"in"`
	Packages []apiGroupPackage `json:"packages"`
	Cut      int               `json:"cut,omitempty"` // packages that are not listed
}

type apiGroupRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"` // environment, category; of a package: mandatory, default, optional, conditional
}

func apiGroupRefOf(r catalog.GroupRef) apiGroupRef { return apiGroupRef(r) }

type apiGroupPackage struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Requires string `json:"requires,omitempty"`
	Arch     string `json:"arch,omitempty"`
	Here     bool   `json:"here"`
	Newest   string `json:"newest,omitempty"` // NEVRA
	Summary  string `json:"summary,omitempty"`
}

func apiGroupDetailOf(g catalog.GroupDetail) apiGroupDetail {
	d := apiGroupDetail{apiGroup: apiGroupOf(g.Group), LangOnly: g.LangOnly, In: each(g.In, apiGroupRefOf), Packages: []apiGroupPackage{}, Cut: g.More}
	for _, k := range []struct {
		name string
		list []catalog.GroupPackage
	}{{"mandatory", g.Mandatory}, {"default", g.Defaults}, {"conditional", g.Conditional}, {"optional", g.Optional}} {
		for _, p := range k.list {
			a := apiGroupPackage{Name: p.Name, Type: k.name, Requires: p.Requires, Arch: p.Arch, Here: p.Here, Summary: p.Summary}
			if p.Here {
				a.Newest = p.Newest.String()
			}
			d.Packages = append(d.Packages, a)
		}
	}
	return d
}

type apiModules struct {
	Modules []apiModule `json:"modules"`
}

type apiModule struct {
	Name    string      `json:"name"`
	Summary string      `json:"summary"`
	Streams []apiStream `json:"streams"`
}

type apiStream struct {
	Stream   string        `json:"stream"`
	Default  bool          `json:"default"`
	Profiles []string      `json:"profiles"`
	Builds   int           `json:"builds"`
	Arches   []string      `json:"arches"`
	Obsolete *apiModuleEnd `json:"obsolete,omitempty"`
	Here     int           `json:"here"`
	Missing  int           `json:"missing"`
}

type apiModuleEnd struct {
	Message string     `json:"message"`
	Date    *time.Time `json:"date,omitempty"`
	By      string     `json:"by,omitempty"` // name:stream
}

func apiEndOf(e *catalog.ModuleEnd) *apiModuleEnd {
	if e == nil {
		return nil
	}
	return &apiModuleEnd{e.Message, when(e.Date), e.By}
}

func apiStreamOf(s catalog.ModuleStream) apiStream {
	return apiStream{s.Stream, s.Default, notNil(s.Profiles), s.Builds, notNil(s.Arches), apiEndOf(s.Obsolete), s.Here, s.Missing}
}

func apiModulesOf(list []catalog.Module) apiModules {
	return apiModules{each(list, func(m catalog.Module) apiModule {
		return apiModule{m.Name, m.Summary, each(m.Streams, apiStreamOf)}
	})}
}

type apiModuleDetail struct {
	Name string `json:"name"`
	apiStream
	Others        []apiStream `json:"others"`
	Summary       string      `json:"summary"`
	Description   string      `json:"description"`
	Licenses      []string    `json:"licenses"`
	Community     string      `json:"community,omitempty"`
	Documentation string      `json:"documentation,omitempty"`
	Tracker       string      `json:"tracker,omitempty"`
	Versions      []apiBuild  `json:"versions"`
	Cut           int         `json:"cut,omitempty"` // versions that are not listed
}

type apiBuild struct {
	Version  uint64             `json:"version"`
	Context  string             `json:"context"`
	Arch     string             `json:"arch"`
	Obsolete *apiModuleEnd      `json:"obsolete,omitempty"`
	Requires [][]string         `json:"requires"`
	Profiles []apiProfile       `json:"profiles"`
	Packages []apiModulePackage `json:"packages"`
	Cut      int                `json:"cut,omitempty"` // packages that are not listed
}

type apiProfile struct {
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	Default     bool     `json:"default"`
	Packages    []string `json:"packages"`
}

type apiModulePackage struct {
	NEVRA string `json:"nevra"`
	Here  bool   `json:"here"`
}

func apiModuleDetailOf(m catalog.ModuleDetail) apiModuleDetail {
	d := apiModuleDetail{
		Name: m.Name, apiStream: apiStreamOf(m.ModuleStream), Others: each(m.Others, apiStreamOf), Summary: m.Summary, Description: m.Description,
		Licenses: notNil(m.Licenses), Community: m.Community, Documentation: m.Documentation, Tracker: m.Tracker, Versions: []apiBuild{}, Cut: m.More,
	}
	for _, b := range m.Versions {
		build := apiBuild{Version: b.Version, Context: b.Context, Arch: b.Arch, Obsolete: apiEndOf(b.Obsolete), Requires: [][]string{}, Cut: b.More}
		build.Requires = append(build.Requires, b.Requires...)
		build.Profiles = each(b.Profiles, func(p catalog.ModuleProfile) apiProfile {
			return apiProfile{p.Name, p.Description, p.Default, notNil(p.Packages)}
		})
		build.Packages = each(b.Packages, func(p catalog.ModulePackage) apiModulePackage {
			return apiModulePackage{p.String(), p.Here}
		})
		d.Versions = append(d.Versions, build)
	}
	return d
}

type apiAdvisories struct {
	apiPage
	Severities []apiFacet    `json:"severities"`
	Types      []apiFacet    `json:"types"`
	Advisories []apiAdvisory `json:"advisories"`
}

type apiFacet struct {
	Value string `json:"value"` // "" of those without
	Count int    `json:"count"`
}

type apiAdvisory struct {
	ID       string     `json:"id"`
	Title    string     `json:"title"`
	Type     string     `json:"type"`
	Severity string     `json:"severity,omitempty"`
	Issued   *time.Time `json:"issued,omitempty"`
	Updated  *time.Time `json:"updated,omitempty"`
	CVEs     []string   `json:"cves"`
	MoreCVEs int        `json:"more_cves,omitempty"`
	Here     int        `json:"here"`     // of its packages, the repository has the same or a newer version
	Older    int        `json:"older"`    // only older ones
	Packages int        `json:"packages"` // that it lists
}

func apiAdvisoryOf(a catalog.Advisory) apiAdvisory {
	return apiAdvisory{a.ID, a.Title, a.Type, a.Severity, when(a.Issued), when(a.Updated), notNil(a.CVEs), a.MoreCVEs, a.Here, a.Older, a.Packages}
}

func apiAdvisoriesOf(page catalog.AdvisoryPage, p pager) apiAdvisories {
	facet := func(f catalog.Facet) apiFacet { return apiFacet(f) }
	return apiAdvisories{p.api(), each(page.Severities, facet), each(page.Types, facet), each(page.Advisories, apiAdvisoryOf)}
}

type apiAdvisoryDetail struct {
	apiAdvisory
	From        string          `json:"from,omitempty"`
	Status      string          `json:"status,omitempty"`
	Release     string          `json:"release,omitempty"`
	Rights      string          `json:"rights,omitempty"`
	Summary     string          `json:"summary,omitempty"`
	Description string          `json:"description"`
	Solution    string          `json:"solution,omitempty"`
	Reboot      bool            `json:"reboot_suggested"`
	Restart     bool            `json:"restart_suggested"`
	Relogin     bool            `json:"relogin_suggested"`
	References  []apiReference  `json:"references"`
	Collections []apiCollection `json:"collections"`
	Cut         int             `json:"cut,omitempty"` // packages that are not listed
}

type apiReference struct {
	Type  string `json:"type"`
	ID    string `json:"id"`
	Href  string `json:"href"` // as the advisory has it: anything
	Title string `json:"title"`
}

type apiCollection struct {
	Name     string               `json:"name,omitempty"`
	Modules  []string             `json:"modules"` // name:stream
	Packages []apiAdvisoryPackage `json:"packages"`
}

type apiAdvisoryPackage struct {
	NEVRA string `json:"nevra"`
	Fix   string `json:"fix"`          // same, newer, older, none, foreign
	By    string `json:"by,omitempty"` // NEVRA of what the repository has
}

func apiAdvisoryDetailOf(a catalog.AdvisoryDetail) apiAdvisoryDetail {
	d := apiAdvisoryDetail{
		apiAdvisory: apiAdvisoryOf(a.Advisory), From: a.From, Status: a.Status, Release: a.Release, Rights: a.Rights,
		Summary: a.Summary, Description: a.Description, Solution: a.Solution, Reboot: a.Reboot, Restart: a.Restart, Relogin: a.Relogin, Cut: a.More,
	}
	d.References = each(a.References, func(r catalog.AdvisoryReference) apiReference { return apiReference{r.Type, r.ID, r.Href, r.Title} })
	d.Collections = each(a.Collections, func(c catalog.AdvisoryCollection) apiCollection {
		return apiCollection{
			c.Name, each(c.Modules, func(m catalog.ModuleRef) string { return m.Name + ":" + m.Stream }),
			each(c.Packages, func(p catalog.AdvisoryPackage) apiAdvisoryPackage {
				a := apiAdvisoryPackage{NEVRA: p.String(), Fix: string(p.Fix)}
				if p.By.Name != "" {
					a.By = p.By.String()
				}
				return a
			}),
		}
	})
	return d
}
