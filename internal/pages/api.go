package pages

import (
	"strconv"
	"time"

	"gorepo/internal/catalog"
)

// What follows is the API's JSON, docs/api.md. Names stay as they are; sizes are
// bytes, times RFC 3339 in UTC and absent where they are not known.

type apiError struct {
	Status int    `json:"status"`
	Error  string `json:"error"`
	Detail string `json:"detail"`
}

func apiIndex() any {
	return map[string]any{"version": "v1", "resources": []string{
		"repos", "repos/{id}", "repos/{id}/packages", "repos/{id}/packages/{name}", "repos/{id}/package/{nevra}",
		"repos/{id}/groups", "repos/{id}/groups/{group}", "repos/{id}/modules", "repos/{id}/modules/{name}:{stream}",
		"repos/{id}/advisories", "repos/{id}/advisories/{advisory}", "repos/{id}/changes", "repos/{id}/publications", "changes", "search",
	}}
}

type apiPage struct {
	Total  int    `json:"total"`
	Offset int    `json:"offset"`
	Limit  int    `json:"limit"`
	Next   string `json:"next,omitempty"` // the query of the next page
}

func (p pager) api() apiPage {
	a := apiPage{Total: p.Total, Offset: p.Offset, Limit: p.Limit}
	if p.Offset+p.Limit < p.Total {
		a.Next = query(append(p.keep[:len(p.keep):len(p.keep)], "offset", strconv.Itoa(p.Offset+p.Limit), "limit", strconv.Itoa(p.Limit))...)
	}
	return a
}

// when makes JSON of a time, nil where it has none.
func when(t time.Time) *time.Time {
	if t.IsZero() || t.Year() < 0 || t.Year() > 9999 {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}

type apiRepos struct {
	Repos []apiRepo `json:"repos"`
}

type apiRepo struct {
	ID           string     `json:"id"`
	Name         string     `json:"name,omitempty"`
	Release      string     `json:"release,omitempty"`
	Arch         string     `json:"arch,omitempty"`
	Upstream     []string   `json:"upstream"`
	GPGCheck     *bool      `json:"gpgcheck,omitempty"`
	RepoGPGCheck *bool      `json:"repo_gpgcheck,omitempty"`
	Keys         []string   `json:"key_fingerprints"`
	Health       apiHealth  `json:"health"`
	Packages     *int       `json:"packages,omitempty"`
	Bytes        *int64     `json:"bytes,omitempty"`
	LastChange   *time.Time `json:"last_change,omitempty"` // of its packages
	Index        apiState   `json:"index"`
}

type apiHealth struct {
	Level       string     `json:"level"` // ok, late, failing, empty
	Reason      string     `json:"reason,omitempty"`
	LastSync    *time.Time `json:"last_sync,omitempty"`
	Outcome     string     `json:"outcome,omitempty"`
	LastSuccess *time.Time `json:"last_complete_sync,omitempty"`
	Upstream    *time.Time `json:"upstream_time,omitempty"`
	Published   *time.Time `json:"published,omitempty"`
	Revision    string     `json:"revision,omitempty"`
	MaxAge      int64      `json:"max_age_seconds,omitempty"`
}

// apiState says of what generation the answers are.
type apiState struct {
	State      string     `json:"state"` // current, outdated, building, failed, none
	Progress   *float64   `json:"progress,omitempty"`
	Error      string     `json:"error,omitempty"`
	Generation string     `json:"generation,omitempty"` // SHA-256 of repomd.xml
	Revision   string     `json:"revision,omitempty"`
	Published  *time.Time `json:"published,omitempty"`
	Packages   int        `json:"packages"`
	Names      int        `json:"names"`
	Groups     int        `json:"groups"`
	Modules    int        `json:"modules"`
	Advisories int        `json:"advisories"`
	Missing    []string   `json:"missing,omitempty"`
}

func (h *repoHead) api() apiRepo {
	r := apiRepo{ID: h.ID, Name: h.Name, Release: h.Release, Arch: h.Arch, Upstream: notNil(h.Upstream), Keys: notNil(h.KeyFingerprints)}
	if h.Configured {
		r.GPGCheck, r.RepoGPGCheck = &h.GPGCheck, &h.RepoGPGCheck
	}
	if h.Packages >= 0 {
		r.Packages = &h.Packages
	}
	if h.Bytes >= 0 {
		r.Bytes = &h.Bytes
	}
	k := h.Health
	r.Health = apiHealth{
		Level: k.Level.String(), Reason: k.Reason, LastSync: when(k.Sync.Time), Outcome: k.Sync.Outcome, LastSuccess: when(k.Sync.Complete),
		Upstream: when(k.Upstream), Published: when(k.Generation), Revision: k.Revision, MaxAge: int64(max(k.MaxAge, 0) / time.Second),
	}
	r.LastChange = when(h.LastChange())
	r.Index = h.apiState()
	return r
}

func (h *repoHead) apiState() apiState {
	st, i := h.Status, h.Info
	s := apiState{
		State: "none", Error: st.Failed, Generation: i.Generation, Revision: i.Revision, Published: when(i.Published),
		Packages: i.Packages, Names: i.Names, Groups: i.Groups, Modules: i.Modules, Advisories: i.Advisories, Missing: i.Missing,
	}
	switch {
	case st.Current:
		s.State = "current"
	case h.catalog != nil:
		s.State = "outdated"
	case !st.Building.IsZero():
		s.State = "building"
	case st.Failed != "":
		s.State = "failed"
	}
	if !st.Building.IsZero() {
		s.Progress = &st.Progress
	}
	return s
}

func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

type apiPackages struct {
	apiPage
	Packages []apiPackage `json:"packages"`
}

type apiNamed struct {
	Name     string       `json:"name"`
	Total    int          `json:"total"`
	Packages []apiPackage `json:"packages"`
}

type apiPackage struct {
	NEVRA     string      `json:"nevra"`
	Name      string      `json:"name"`
	Epoch     string      `json:"epoch"`
	Version   string      `json:"version"`
	Release   string      `json:"release"`
	Arch      string      `json:"arch"`
	Summary   string      `json:"summary"`
	License   string      `json:"license,omitempty"`
	SourceRPM string      `json:"source_rpm,omitempty"`
	Size      int64       `json:"size"`
	Installed int64       `json:"installed_size"`
	Built     *time.Time  `json:"built,omitempty"`
	FileTime  *time.Time  `json:"file_time,omitempty"`
	Added     *time.Time  `json:"added,omitempty"`
	Location  string      `json:"location"`
	Base      string      `json:"base,omitempty"`
	Checksum  apiChecksum `json:"checksum"`
}

type apiChecksum struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

func (h *repoHead) apiPackage(p catalog.Package) apiPackage {
	epoch := p.Epoch
	if epoch == "" {
		epoch = "0"
	}
	return apiPackage{
		NEVRA: p.String(), Name: p.Name, Epoch: epoch, Version: p.Version, Release: p.Release, Arch: p.Arch,
		Summary: p.Summary, License: p.License, SourceRPM: p.SourceRPM, Size: p.Size, Installed: p.Installed,
		Built: when(p.Built), FileTime: when(p.FileTime), Added: when(p.Added), Location: p.Location, Base: p.Base,
		Checksum: apiChecksum{p.Checksum.Type, p.Checksum.Hex},
	}
}

// maxEntriesAPI bounds each list of a package in JSON.
const maxEntriesAPI = 50_000

type apiDetails struct {
	apiPackage
	Description string `json:"description"`
	URL         string `json:"url,omitempty"` // as the package has it: anything
	Vendor      string `json:"vendor,omitempty"`
	Packager    string `json:"packager,omitempty"`
	Group       string `json:"group,omitempty"`
	BuildHost   string `json:"build_host,omitempty"`
	// Dependencies have a list for each kind, Totals how many entries each list
	// has that was cut.
	Dependencies map[string][]apiDependency `json:"dependencies"`
	Files        []apiFile                  `json:"files,omitempty"`
	Changelog    []apiChange                `json:"changelog,omitempty"`
	Cut          map[string]int             `json:"cut,omitempty"`
}

type apiDependency struct {
	Name  string `json:"name"`
	Flags string `json:"flags,omitempty"` // EQ, LT, LE, GT, GE
	EVR   string `json:"evr,omitempty"`
	Pre   bool   `json:"pre,omitempty"`
}

type apiFile struct {
	Path string `json:"path"`
	Type string `json:"type"` // file, dir, ghost
}

type apiChange struct {
	Author string     `json:"author"`
	Time   *time.Time `json:"time,omitempty"`
	Text   string     `json:"text"`
}

func (v *visit) apiDetails(h *repoHead, d catalog.Details) (*answer, error) {
	a := apiDetails{
		apiPackage: h.apiPackage(d.Package), URL: d.URL, Vendor: d.Vendor, Packager: d.Packager, Group: d.Group, BuildHost: d.BuildHost,
		Dependencies: map[string][]apiDependency{}, Cut: map[string]int{},
	}
	a.Description, _ = clip(d.Description, maxAPIText)
	for _, k := range kinds {
		deps := k.of(&d)
		list := make([]apiDependency, 0, min(len(deps), maxEntriesAPI))
		for _, dep := range first(a.Cut, k.key, deps) {
			list = append(list, apiDependency(dep))
		}
		a.Dependencies[k.key] = list
	}
	if v.flag("files") {
		files, err := h.catalog.Files(v.ctx, d.ID)
		if err != nil {
			return nil, err
		}
		a.Files = make([]apiFile, 0, len(files))
		for _, f := range first(a.Cut, "files", files) {
			if f.Type == "" {
				f.Type = "file"
			}
			a.Files = append(a.Files, apiFile(f))
		}
	}
	if v.flag("changelog") {
		changes, err := h.catalog.Changelog(v.ctx, d.ID)
		if err != nil {
			return nil, err
		}
		a.Changelog = make([]apiChange, 0, len(changes))
		for _, c := range first(a.Cut, "changelog", changes) {
			text, _ := clip(c.Text, maxAPIText)
			a.Changelog = append(a.Changelog, apiChange{c.Author, when(c.Time), text})
		}
	}
	return &answer{json: a}, nil
}

// first is what of a list is given; how much there was is noted where it is more.
func first[T any](cut map[string]int, name string, list []T) []T {
	if len(list) > maxEntriesAPI {
		cut[name] = len(list)
		list = list[:maxEntriesAPI]
	}
	return list
}

type apiSearch struct {
	Query   string     `json:"query"`
	Total   int        `json:"total"`
	More    bool       `json:"more"` // there are more than were counted
	Offset  int        `json:"offset"`
	Limit   int        `json:"limit"` // of each repository
	Repos   []apiFound `json:"repos"`
	Waiting []string   `json:"without_index,omitempty"`
}

type apiFound struct {
	Repo  string   `json:"repo"`
	Total int      `json:"total"`
	More  bool     `json:"more"`
	Hits  []apiHit `json:"hits"`
	// Advisories whose id, or a vulnerability of which, was searched for.
	Advisories []apiAdvisory `json:"advisories"`
}

type apiHit struct {
	apiPackage
	Versions int    `json:"versions"`
	Where    string `json:"where"` // name, summary, provides, file, description
	Match    string `json:"match,omitempty"`
}

func (view *searchView) api(w window) apiSearch {
	s := apiSearch{Query: view.Q, Total: view.Total, More: view.More, Offset: w.Offset, Limit: w.Limit, Repos: []apiFound{}, Waiting: view.Waiting}
	for _, f := range view.Found {
		found := apiFound{Repo: f.ID, Total: f.Total, More: f.More, Hits: []apiHit{}, Advisories: each(f.Advisories, func(a advisoryRow) apiAdvisory { return apiAdvisoryOf(a.Advisory) })}
		for _, hit := range f.Hits {
			found.Hits = append(found.Hits, apiHit{f.apiPackage(hit.Package), hit.Versions, hit.Where, hit.Match})
		}
		s.Repos = append(s.Repos, found)
	}
	return s
}
