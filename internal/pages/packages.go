package pages

import (
	"fmt"
	"strconv"
	"strings"

	"gorepo/internal/catalog"
)

const (
	pageSize = 100  // rows of a page for people
	maxLimit = 1000 // rows of a page of the API
	maxQuery = 200  // bytes of a filter or a search; more is cut off
)

// window is the part of a list that is asked for.
type window struct{ Offset, Limit int }

// window takes page=N of people, and offset=N&limit=N of the API.
func (v *visit) window() (window, error) {
	if v.api {
		offset, err := v.number("offset", 0, 0, 1<<31-1)
		if err != nil {
			return window{}, err
		}
		limit, err := v.number("limit", pageSize, 1, maxLimit)
		return window{offset, limit}, err
	}
	page, err := v.number("page", 1, 1, 1<<24)
	return window{(page - 1) * pageSize, pageSize}, err
}

func (v *visit) number(name string, or, least, most int) (int, error) {
	value := v.query.Get(name)
	if value == "" {
		return or, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		return 0, badRequest(fmt.Sprintf("%s=%s is not a number from %d to %d.", name, short(value, 40), least, most))
	}
	return n, nil
}

// flag is a parameter that is on or off.
func (v *visit) flag(name string) bool {
	switch v.query.Get(name) {
	case "", "0", "false", "no":
		return false
	}
	return true
}

// words is a parameter that people type.
func (v *visit) words(name string) string {
	s, _ := clip(strings.TrimSpace(v.query.Get(name)), maxQuery)
	return s
}

// pager leads through the pages of a list.
type pager struct {
	window
	Total      int
	Shown      int
	more       bool // Total is not all
	at         func(query string) string
	keep       []string // the other parameters
	Prev, Next string
}

func newPager(w window, total, shown int, at func(query string) string, keep ...string) pager {
	p := pager{window: w, Total: total, Shown: shown, at: at, keep: keep}
	if w.Offset > 0 {
		p.Prev = p.page(min(w.Offset/w.Limit, max(1, (total+w.Limit-1)/w.Limit)))
	}
	if w.Offset+w.Limit < total {
		p.Next = p.page(w.Offset/w.Limit + 2)
	}
	return p
}

func (p *pager) page(n int) string {
	number := strconv.Itoa(n)
	if n == 1 {
		number = ""
	}
	return p.at(query(append(p.keep[:len(p.keep):len(p.keep)], "page", number)...))
}

// From and To are the first and last row that is shown, counted from one.
func (p pager) From() int { return p.Offset + 1 }
func (p pager) To() int   { return p.Offset + p.Shown }

// Page and Pages are which page of how many this is.
func (p pager) Page() int  { return p.Offset/p.Limit + 1 }
func (p pager) Pages() int { return max(1, (p.Total+p.Limit-1)/p.Limit) }

// Last is the address of the last page.
func (p pager) Last() string { return p.page(p.Pages()) }

// First is that of the first.
func (p pager) First() string { return p.page(1) }

// listView is a table of packages with what it is filtered and sorted by.
type listView struct {
	head    *repoHead
	Filter  string
	Arch    string
	Latest  bool
	Sort    catalog.Sort
	Desc    bool
	Arches  []string
	Rows    []pkgRow
	Pager   pager
	Columns []column
	Action  string // where the form goes
}

// pkgRow is a package in a list.
type pkgRow struct {
	catalog.Package
	Href     string // of the package
	NameHref string // of all packages of the name
}

// column is the head of a column that a click sorts by.
type column struct {
	Name  string
	Class string
	Href  string
	Sort  string // aria-sort, "" where it is not sorted by this
}

func (h *repoHead) row(p catalog.Package) pkgRow {
	return pkgRow{Package: p, Href: h.Href("package", p.String()), NameHref: h.Href("packages", p.Name)}
}

// listing makes the table of packages that the query asks for.
func (v *visit) listing(h *repoHead) (*listView, error) {
	w, err := v.window()
	if err != nil {
		return nil, err
	}
	l := &listView{head: h, Filter: v.words("q"), Arch: v.words("arch"), Latest: v.flag("latest"), Action: h.Href("packages")}
	if err := l.order(v.query.Get("sort"), v.query.Get("order")); err != nil {
		return nil, err
	}
	page, err := h.catalog.List(v.ctx, catalog.ListOptions{
		Filter: l.Filter, Arch: l.Arch, Latest: l.Latest, Sort: l.Sort, Descending: l.Desc, Offset: w.Offset, Limit: w.Limit,
	})
	if err != nil {
		return nil, err
	}
	if l.Arches, err = h.catalog.Arches(v.ctx); err != nil {
		return nil, err
	}
	for _, p := range page.Packages {
		l.Rows = append(l.Rows, h.row(p))
	}
	at := func(q string) string { return h.href(q, "packages") }
	l.Pager = newPager(w, page.Total, len(page.Packages), at, l.parameters(l.Sort, l.Desc)...)
	l.Columns = []column{
		l.column("Package", "", catalog.SortName, false),
		{Name: "Version", Class: "evr"},
		{Name: "Arch", Class: "arch"},
		l.column("Size", "num size", catalog.SortSize, true),
		l.column("Built", "date built", catalog.SortBuilt, true),
		l.column("Here since", "date", catalog.SortAdded, true),
	}
	return l, nil
}

// order reads sort= and order=. Sizes and dates have the largest first unless
// order=asc asks otherwise.
func (l *listView) order(sort, order string) error {
	switch l.Sort = catalog.Sort(sort); l.Sort {
	case "":
		l.Sort = catalog.SortName
	case catalog.SortName, catalog.SortSize, catalog.SortBuilt, catalog.SortAdded:
	default:
		return badRequest("sort is one of name, size, built and added.")
	}
	switch order {
	case "":
		l.Desc = l.Sort != catalog.SortName
	case "asc", "desc":
		l.Desc = order == "desc"
	default:
		return badRequest("order is asc or desc.")
	}
	return nil
}

func (l *listView) parameters(sort catalog.Sort, desc bool) []string {
	latest, by, order := "", "", ""
	if l.Latest {
		latest = "1"
	}
	if sort != catalog.SortName {
		by = string(sort)
	}
	if desc != (sort != catalog.SortName) {
		order = map[bool]string{true: "desc", false: "asc"}[desc]
	}
	return []string{"q", l.Filter, "arch", l.Arch, "latest", latest, "sort", by, "order", order}
}

func (l *listView) column(name, class string, sort catalog.Sort, desc bool) column {
	c := column{Name: name, Class: class}
	if l.Sort == sort {
		c.Sort = map[bool]string{true: "descending", false: "ascending"}[l.Desc]
		desc = !l.Desc
	}
	c.Href = l.head.href(query(l.parameters(sort, desc)...), "packages")
	return c
}

// SortName and OrderName are what the form has to keep, "" where it is the usual.
func (l *listView) SortName() string  { return l.parameters(l.Sort, l.Desc)[7] }
func (l *listView) OrderName() string { return l.parameters(l.Sort, l.Desc)[9] }

// Filtered reports whether rows are left out.
func (l *listView) Filtered() bool { return l.Filter != "" || l.Arch != "" || l.Latest }

// All is the address of the list without a filter.
func (l *listView) All() string { return l.head.Href("packages") }

func (v *visit) packages(h *repoHead) (*answer, error) {
	l, err := v.listing(h)
	if err != nil {
		return nil, err
	}
	a := &answer{view: "packages", title: "Packages", repo: h, tab: "packages", data: l, crumbs: []crumb{{"Packages", ""}}}
	if v.api {
		list := apiPackages{apiPage: l.Pager.api(), Packages: []apiPackage{}}
		for _, row := range l.Rows {
			list.Packages = append(list.Packages, h.apiPackage(row.Package))
		}
		a.json = list
	}
	a.twin = h.apiHref(query(l.parameters(l.Sort, l.Desc)...), "packages")
	return a, nil
}
