package pages

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"gorepo/internal/catalog"
	"gorepo/internal/health"
)

// repoHead is what every page of a repository says of it.
type repoHead struct {
	Repo
	Title string // its name, or its id
	// Packages and Bytes are -1 where they are not known.
	Packages int
	Bytes    int64
	Info     catalog.Info // zero without a catalog
	Status   catalog.Status
	// Notice says what about the index a reader should know, "" for nothing.
	Notice  string
	catalog Catalog
	up      string
	now     time.Time
}

// bare is head without what takes a look at health or packages.
func (v *visit) bare(repo Repo) *repoHead {
	h := &repoHead{Repo: repo, Title: repo.Name, Packages: -1, Bytes: -1, up: v.up, now: v.now}
	if h.Title == "" {
		h.Title = repo.ID
	}
	h.catalog, h.Status = v.index(repo.ID)
	if h.catalog != nil {
		h.Info = h.catalog.Info()
		h.Packages, h.Bytes = h.Info.Packages, h.Info.Bytes
	}
	return h
}

func (v *visit) head(repo Repo) *repoHead {
	h := v.bare(repo)
	if h.catalog == nil && repo.Health.Published {
		h.Packages, h.Bytes = repo.Health.Packages, repo.Health.Bytes()
	}
	if h.catalog != nil && h.Arch == "" {
		h.Arch = v.archesOf(h.catalog)
	}
	h.Notice = h.notice()
	return h
}

// archesOf says what packages are for where no configuration does.
func (v *visit) archesOf(c Catalog) string {
	arches, err := c.Arches(v.ctx)
	if err != nil {
		return "" // the pages that need them say so
	}
	arches = slices.DeleteFunc(slices.Clone(arches), func(a string) bool { return a == "noarch" || a == "src" || a == "nosrc" })
	if len(arches) > 4 {
		arches = append(arches[:3:3], "…")
	}
	return strings.Join(arches, ", ")
}

// href is the address of a page of the repository, with a query perhaps.
func (h *repoHead) href(query string, names ...string) string {
	to := h.up + join("-", "repos", h.ID) + "/"
	if len(names) > 0 {
		to += join(names...)
	}
	return to + query
}

// Href is href for templates.
func (h *repoHead) Href(names ...string) string { return h.href("", names...) }

// apiHref is the address of a resource as JSON.
func (h *repoHead) apiHref(query string, names ...string) string {
	return h.up + join(append([]string{"-", "api", "v1", "repos", h.ID}, names...)...) + query
}

// Files is the address of the repository's own directory.
func (h *repoHead) Files() string { return h.up + join(h.ID) + "/" }

// ConfigHref is the address of the client configuration.
func (h *repoHead) ConfigHref() string { return h.up + join(h.ID) + ".repo" }

// Indexed reports whether there is a catalog.
func (h *repoHead) Indexed() bool { return h.catalog != nil }

func (h *repoHead) notice() string {
	st := h.Status
	switch {
	case h.catalog == nil:
		return ""
	case st.Current:
		return ""
	case !st.Building.IsZero():
		return fmt.Sprintf("A newer generation was published; its index is being made (%d %%). Until then these pages show the generation of %s.",
			percent(st.Progress), utc(h.Info.Published))
	case st.Failed != "":
		return fmt.Sprintf("A newer generation was published, but its index could not be made (%s). These pages show the generation of %s.",
			st.Failed, utc(h.Info.Published))
	}
	return fmt.Sprintf("A newer generation was published. Until its index is made these pages show the generation of %s.", utc(h.Info.Published))
}

// without says why there is no catalog.
func (h *repoHead) without() *problem {
	p := &problem{status: http.StatusServiceUnavailable, head: h}
	st := h.Status
	switch {
	case h.Health.Level != health.Empty && !h.Health.Published:
		p.title = "The metadata cannot be used"
		p.text = "Clients cannot use this repository: " + h.Health.Reason + "."
	case h.Health.Level == health.Empty:
		p.status, p.title = http.StatusNotFound, "Nothing is published"
		p.text = "This repository has no metadata (" + h.Health.Reason + "). Once gorepo createrepo has published some, its packages are here."
	case !st.Building.IsZero():
		p.title, p.percent, p.refresh = "The index is being made", percent(st.Progress), 3
		p.text = "These pages are made of an index of the repository's metadata. It takes some seconds, for large repositories a minute or two. Clients are not affected."
	case st.Failed != "":
		p.title, p.text = "The index could not be made", st.Failed+". Clients are not affected; the files can be looked at as directories."
		if !st.Unwritable {
			p.text = st.Failed + ". Clients that read the same metadata may fail too. Where it is damaged, gorepo createrepo makes it anew."
		}
	default:
		p.title, p.refresh = "There is no index yet", 3
		p.text = "These pages are made of an index of the repository's metadata, which has not been made yet. Clients are not affected."
	}
	return p
}

func percent(progress float64) int { return int(100 * min(max(progress, 0), 1)) }

// utc is a time as pages write it.
func utc(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") + " UTC" }

// Troubled reports whether something is wrong with the repository.
func (h *repoHead) Troubled() bool { return h.Health.Level != health.OK }

// tab leads to one of a repository's pages.
type tab struct {
	Name, Href string
	Count      int
	Here       bool // this page is it, or below it
}

// Tabs are the pages that the repository has.
func (h *repoHead) Tabs(here string) []tab {
	tabs := []tab{{Name: "Overview", Href: h.Href(), Here: here == "overview"}}
	for _, t := range []struct {
		name  string
		count int
	}{{"Packages", h.Info.Packages}, {"Groups", h.Info.Groups}, {"Modules", h.Info.Modules}, {"Advisories", h.Info.Advisories}, {"Changes", h.Info.Publications}} {
		path := strings.ToLower(t.name)
		if h.catalog != nil && (t.count > 0 || path == "packages" || path == here) {
			tab := tab{Name: t.name, Href: h.Href(path), Count: t.count, Here: path == here}
			if path == "changes" {
				tab.Count = 0 // nobody counts publications
			}
			tabs = append(tabs, tab)
		}
	}
	if h.NoFiles {
		return tabs
	}
	return append(tabs, tab{Name: "Files", Href: h.Files()})
}

// Before says since when a package is here of which that is not known.
func (h *repoHead) Before() string {
	if h.Info.HistorySince.IsZero() {
		return "since when it is here is not known, because no history was kept"
	}
	return "here since before " + utc(h.Info.HistorySince) + ", where this mirror's history begins"
}
