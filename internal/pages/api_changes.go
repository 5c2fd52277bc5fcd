package pages

import (
	"time"

	"gorepo/internal/catalog"
)

type apiChanges struct {
	apiPage
	Changes      []apiPackageChange `json:"changes"`
	Publications []apiPublication   `json:"publications"` // that the changes are of
}

type apiPackageChange struct {
	Publication int64      `json:"publication"`
	Time        *time.Time `json:"time,omitempty"`
	Kind        string     `json:"kind"` // added, updated, replaced, removed
	Name        string     `json:"name"`
	Package     string     `json:"package"`              // NEVRA
	From        string     `json:"from,omitempty"`       // the version before an update
	Superseded  []string   `json:"superseded,omitempty"` // NEVRAs that went with it
}

type apiPublication struct {
	ID        int64      `json:"id"`
	Time      *time.Time `json:"time,omitempty"`
	Revision  string     `json:"revision,omitempty"`
	Packages  int        `json:"packages"`
	First     bool       `json:"first,omitempty"`
	Gap       bool       `json:"gap,omitempty"`
	Truncated bool       `json:"truncated,omitempty"`
	Added     int        `json:"added"`
	Updated   int        `json:"updated"`
	Replaced  int        `json:"replaced"`
	Removed   int        `json:"removed"`
}

func apiPublicationOf(p catalog.Publication) apiPublication {
	return apiPublication{p.ID, when(p.Time), p.Revision, p.Packages, p.First, p.Gap, p.Truncated, p.Counts.Added, p.Counts.Updated, p.Counts.Replaced, p.Counts.Removed}
}

func apiChangeOf(c catalog.PackageChange) apiPackageChange {
	return apiPackageChange{c.Publication, when(c.Time), string(c.Kind), c.Name, c.Package, c.From, c.Superseded}
}

func apiChangesOf(page catalog.ChangePage, p pager) apiChanges {
	return apiChanges{p.api(), each(page.Changes, apiChangeOf), each(page.Publications, apiPublicationOf)}
}

type apiPublications struct {
	apiPage
	Publications []apiPublication `json:"publications"`
}

// publicationsAPI is only for programs: people see publications with their changes.
func (v *visit) publicationsAPI(h *repoHead) (*answer, error) {
	if !v.api {
		return nil, redirect(h.Href("changes"))
	}
	o, view, err := v.chosenChanges(h)
	if err != nil {
		return nil, err
	}
	page, err := h.catalog.Publications(v.ctx, catalog.PublicationOptions{Since: o.Since, Until: o.Until, Offset: o.Offset, Limit: o.Limit})
	if err != nil {
		return nil, err
	}
	p := newPager(window{o.Offset, o.Limit}, page.Total, len(page.Publications), func(q string) string { return h.apiHref(q, "publications") }, "since", view.Since, "until", view.Until)
	return &answer{json: apiPublications{p.api(), each(page.Publications, apiPublicationOf)}}, nil
}
