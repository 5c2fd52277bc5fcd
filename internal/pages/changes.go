package pages

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"gorepo/internal/catalog"
	"gorepo/internal/rpmpkg"
)

const (
	pubsPerPage  = 10 // publications of the page of changes
	pubsRecent   = 4  // of the page of a repository
	changesShown = 20 // of each of these
	changesFirst = 8  // of each on the page of a repository
)

// changesView is the page of what publications changed.
type changesView struct {
	*repoHead
	Q            string
	Name         string
	Since, Until string // as dates
	Publication  *catalog.Publication
	Days         []dayView
	Pager        pager
	Filtered     bool
}

// dayView is a day on which something was published.
type dayView struct {
	Day          time.Time
	Publications []publicationView
}

type publicationView struct {
	catalog.Publication
	Href    string    // of all its changes
	Of      *repoHead // on pages of more than one repository
	Changes []changeRow
	Total   int // of the changes that were asked for
}

// changeRow is a change; Href is the package where it is still here.
type changeRow struct {
	catalog.PackageChange
	Href, NameHref string
}

// More counts the changes that are not shown here.
func (p publicationView) More() int { return p.Total - len(p.Changes) }

// changes answers for the changes of a repository: publication by publication or,
// where some are chosen, change by change.
func (v *visit) changes(h *repoHead) (*answer, error) {
	o, view, err := v.chosenChanges(h)
	if err != nil {
		return nil, err
	}
	keep := []string{"q", view.Q, "name", view.Name, "since", view.Since, "until", view.Until, "publication", v.query.Get("publication")}
	at := func(q string) string { return h.href(q, "changes") }
	a := &answer{view: "changes", title: "Changes", repo: h, tab: "changes", data: view, twin: h.apiHref(query(keep...), "changes"), crumbs: []crumb{{"Changes", ""}}}
	if v.api || view.Q+view.Name != "" || view.Publication != nil {
		page, err := h.catalog.Changes(v.ctx, o)
		if err != nil {
			return nil, err
		}
		view.Pager = newPager(window{o.Offset, o.Limit}, page.Total, len(page.Changes), at, keep...)
		if v.api {
			a.json = apiChangesOf(page, view.Pager)
			return a, nil
		}
		view.Filtered = true
		view.Days, err = v.daysOf(h, page)
		return a, err
	}
	n, err := v.number("page", 1, 1, 1<<24)
	if err != nil {
		return nil, err
	}
	w := window{(n - 1) * pubsPerPage, pubsPerPage}
	var total int
	if view.Days, total, err = v.publications(h, catalog.PublicationOptions{Since: o.Since, Until: o.Until, Offset: w.Offset, Limit: w.Limit}, changesShown); err != nil {
		return nil, err
	}
	shown := 0
	for _, d := range view.Days {
		shown += len(d.Publications)
	}
	view.Pager = newPager(w, total, shown, at, keep...)
	return a, nil
}

// chosenChanges reads what of the changes is asked for.
func (v *visit) chosenChanges(h *repoHead) (o catalog.ChangeOptions, view *changesView, err error) {
	view = &changesView{repoHead: h, Q: v.words("q"), Name: v.query.Get("name")}
	w, err := v.window()
	if err != nil {
		return o, nil, err
	}
	o = catalog.ChangeOptions{Filter: view.Q, Name: view.Name, Offset: w.Offset, Limit: w.Limit}
	if view.Since, view.Until, err = v.days(&o.Since, &o.Until); err != nil {
		return o, nil, err
	}
	id, err := v.number("publication", 0, 1, 1<<31-1)
	if err != nil || id == 0 {
		return o, view, err
	}
	o.Publication = int64(id)
	p, err := h.catalog.Publication(v.ctx, o.Publication)
	if errors.Is(err, catalog.ErrNotFound) {
		err = h.lacks("The history has no such publication.")
	}
	view.Publication = &p
	return o, view, err
}

// days reads since= and until=: the days between which something was, both of them
// too. until is the end of that day.
func (v *visit) days(since, until *time.Time) (first, last string, err error) {
	if *since, first, err = v.date("since"); err != nil {
		return "", "", err
	}
	if *until, last, err = v.date("until"); err == nil && !until.IsZero() {
		*until = until.AddDate(0, 0, 1)
	}
	return first, last, err
}

// date reads a day, in UTC.
func (v *visit) date(name string) (time.Time, string, error) {
	value := v.query.Get(name)
	if value == "" {
		return time.Time{}, "", nil
	}
	t, err := time.Parse(time.DateOnly, value)
	if err != nil {
		return t, "", badRequest(name + "=" + short(value, 40) + " is not a day such as 2026-01-31.")
	}
	return t, value, nil
}

// publications lists publications by day, each with its first changes.
func (v *visit) publications(h *repoHead, o catalog.PublicationOptions, most int) (days []dayView, total int, err error) {
	page, err := h.catalog.Publications(v.ctx, o)
	if err != nil {
		return nil, 0, err
	}
	for _, p := range page.Publications {
		changes, err := h.catalog.Changes(v.ctx, catalog.ChangeOptions{Publication: p.ID, Limit: most})
		if err != nil {
			return nil, 0, err
		}
		view := h.publication(p)
		view.Total = changes.Total
		for _, c := range changes.Changes {
			row, err := v.change(h, c)
			if err != nil {
				return nil, 0, err
			}
			view.Changes = append(view.Changes, row)
		}
		days = addToDay(days, view)
	}
	return days, page.Total, nil
}

func (h *repoHead) publication(p catalog.Publication) publicationView {
	return publicationView{Publication: p, Href: h.href(query("publication", strconv.FormatInt(p.ID, 10)), "changes")}
}

func addToDay(days []dayView, p publicationView) []dayView {
	day := p.Time.UTC().Truncate(24 * time.Hour)
	if n := len(days); n == 0 || !days[n-1].Day.Equal(day) {
		days = append(days, dayView{Day: day})
	}
	last := &days[len(days)-1]
	last.Publications = append(last.Publications, p)
	return days
}

// daysOf sorts changes into their publications and days.
func (v *visit) daysOf(h *repoHead, page catalog.ChangePage) ([]dayView, error) {
	of := map[int64]*publicationView{}
	var order []*publicationView
	for _, p := range page.Publications {
		view := h.publication(p)
		of[p.ID] = &view
		order = append(order, &view)
	}
	for _, c := range page.Changes {
		row, err := v.change(h, c)
		if err != nil {
			return nil, err
		}
		if p := of[c.Publication]; p != nil {
			p.Changes = append(p.Changes, row)
			p.Total++
		}
	}
	var days []dayView
	for _, p := range order {
		days = addToDay(days, *p)
	}
	return days, nil
}

// change looks whether what has changed is still here, and can be linked to.
func (v *visit) change(h *repoHead, c catalog.PackageChange) (changeRow, error) {
	row := changeRow{PackageChange: c, NameHref: h.href(query("name", c.Name), "changes")}
	if c.Kind == catalog.ChangeRemoved {
		return row, nil
	}
	_, err := h.catalog.Find(v.ctx, c.Package)
	if err == nil {
		row.Href = h.Href("package", c.Package)
	}
	if errors.Is(err, catalog.ErrNotFound) {
		err = nil
	}
	return row, err
}

// Mark is a sign before a change, Word says it.
func (c changeRow) Mark() string {
	switch c.Kind {
	case catalog.ChangeAdded:
		return "+"
	case catalog.ChangeRemoved:
		return "−"
	case catalog.ChangeReplaced:
		return "↻"
	}
	if c.older() {
		return "↓"
	}
	return "↑"
}

func (c changeRow) Word() string {
	switch {
	case c.Kind == catalog.ChangeReplaced:
		return "built again"
	case c.older():
		return "older version"
	}
	return string(c.Kind)
}

// older reports whether a further version is older than all that were there:
// upstream went back.
func (c changeRow) older() bool {
	name, arch := rpmpkg.NameArch(c.Package)
	now := strings.TrimSuffix(strings.TrimPrefix(c.Package, name+"-"), "."+arch)
	return c.Kind == catalog.ChangeUpdated && c.From != "" && evrOf(now).Compare(evrOf(c.From)) < 0
}

// evrOf reads what EVR.String gives.
func evrOf(s string) (evr rpmpkg.EVR) {
	if epoch, rest, found := strings.Cut(s, ":"); found {
		evr.Epoch, s = epoch, rest
	}
	evr.Version, evr.Release, _ = strings.Cut(s, "-")
	return evr
}

// Changed reports whether any package came or went.
func (p publicationView) Changed() bool {
	c := p.Counts
	return c.Added+c.Updated+c.Replaced+c.Removed > 0
}
