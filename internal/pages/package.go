package pages

import (
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"gorepo/internal/catalog"
)

// Bounds on what the page of a package shows at once. What is more has pages of
// its own: ?list=files&page=2.
const (
	maxVersions    = 1000    // of one name
	maxDeps        = 150     // of each kind
	maxFiles       = 250     // paths
	maxChanges     = 8       // entries of the changelog
	maxDescription = 16_000  // bytes
	maxChangeText  = 8_000   // bytes
	maxName        = 1_000   // bytes of the name of a dependency, and of a path
	maxOthers      = 24      // versions and arches beside this one
	maxProviders   = 3       // that are shown for a dependency
	listSize       = 1000    // entries of a page of one list
	maxAPIText     = 1 << 20 // bytes of a text in JSON
)

// nameView is the page of all that has one name.
type nameView struct {
	*repoHead
	Name     string
	Rows     []pkgRow
	Total    int
	Newest   pkgRow
	Arches   string
	Details  catalog.Details // of the newest
	Text     bounded
	URL      string
	Install  string
	Versions int // different ones
	Belongs  belonging
	// History is what of the name came and went.
	History    []dayView
	NHistory   int
	AllHistory string
}

// bounded is a text that may have been cut.
type bounded struct {
	Text string
	Cut  bool
	Of   int // bytes of the whole
}

func bound(s string, n int) bounded {
	head, cut := clip(s, n)
	return bounded{head, cut, len(s)}
}

func (v *visit) named(h *repoHead, name string) (*answer, error) {
	packages, err := h.catalog.Named(v.ctx, name)
	if err == nil && len(packages) == 0 {
		err = catalog.ErrNotFound
	}
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, h.lacks("The published metadata has no package of the name " + short(name, 200) + ".")
	}
	if err != nil {
		return nil, err
	}
	if v.api {
		list := apiNamed{Name: name, Total: len(packages), Packages: []apiPackage{}}
		for _, p := range packages[:min(len(packages), maxVersions)] {
			list.Packages = append(list.Packages, h.apiPackage(p))
		}
		return &answer{json: list}, nil
	}
	view := &nameView{repoHead: h, Name: name, Total: len(packages), Install: v.family(h, packages[0].Release).install(name)}
	versions, arches := map[string]bool{}, map[string]bool{}
	for _, p := range packages {
		versions[p.EVR.String()] = true
		if !arches[p.Arch] && len(arches) < 12 {
			arches[p.Arch] = true
			view.Arches = strings.TrimPrefix(view.Arches+", "+p.Arch, ", ")
		}
	}
	view.Versions = len(versions)
	for _, p := range packages[:min(len(packages), maxVersions)] {
		view.Rows = append(view.Rows, h.row(p))
	}
	view.Newest = view.Rows[0]
	if view.Details, err = h.catalog.Details(v.ctx, packages[0].ID); err != nil {
		return nil, err
	}
	view.Text, view.URL = bound(view.Details.Description, maxDescription), webURL(view.Details.URL)
	changes, err := h.catalog.Changes(v.ctx, catalog.ChangeOptions{Name: name, Limit: changesShown})
	if err != nil {
		return nil, err
	}
	view.NHistory, view.AllHistory = changes.Total, h.href(query("name", name), "changes")
	if view.History, err = v.daysOf(h, changes); err != nil {
		return nil, err
	}
	if view.Belongs, err = v.belonging(h, name, "", 0); err != nil {
		return nil, err
	}
	return &answer{
		view: "name", title: name, repo: h, tab: "packages", data: view, twin: h.apiHref("", "packages", name),
		crumbs: []crumb{{"Packages", h.Href("packages")}, {name, ""}},
	}, nil
}

// lacks is a 404 that keeps the repository's head.
func (h *repoHead) lacks(text string) *problem {
	p := notFound(text)
	p.head = h
	return p
}

// pkgView is the page of one package.
type pkgView struct {
	*repoHead
	Package   pkgRow
	Details   catalog.Details
	Text      bounded
	URL       string
	Download  string
	File      string // its name
	Elsewhere string // the base of a package that is not kept here
	Others    []pkgRow
	Install   string
	Deps      []depList
	Files     []catalog.File
	NFiles    int
	Changes   []changeView
	NChanges  int
	Newer     *pkgRow // the newest of the same arch, nil where this is it
	Belongs   belonging
	Missing   []string // lists that could not be read
}

// Lacks reports whether a list could not be read.
func (view *pkgView) Lacks(list string) bool { return slices.Contains(view.Missing, list) }

// depList is one kind of dependencies.
type depList struct {
	Key, Title, Say string
	Deps            []depView
	Total           int
	All             string // the address of all of them
}

// depView is a dependency, and what of the repository provides it.
type depView struct {
	catalog.Dependency
	Name      string
	Providers []link
	More      int
}

type link struct{ Name, Href string }

type changeView struct {
	Author string
	Time   time.Time
	Text   bounded
}

// kinds are the dependencies in the order in which they are shown.
var kinds = []struct {
	key, title, say string
	of              func(d *catalog.Details) []catalog.Dependency
	linked          bool // what provides them is looked for
}{
	{"requires", "Requires", "must be there", func(d *catalog.Details) []catalog.Dependency { return d.Requires }, true},
	{"recommends", "Recommends", "comes along where it can", func(d *catalog.Details) []catalog.Dependency { return d.Recommends }, true},
	{"suggests", "Suggests", "goes well with it", func(d *catalog.Details) []catalog.Dependency { return d.Suggests }, true},
	{"supplements", "Supplements", "comes along with these", func(d *catalog.Details) []catalog.Dependency { return d.Supplements }, true},
	{"enhances", "Enhances", "goes well with these", func(d *catalog.Details) []catalog.Dependency { return d.Enhances }, true},
	{"conflicts", "Conflicts", "cannot be there as well", func(d *catalog.Details) []catalog.Dependency { return d.Conflicts }, true},
	{"obsoletes", "Obsoletes", "is replaced by it", func(d *catalog.Details) []catalog.Dependency { return d.Obsoletes }, true},
	{"provides", "Provides", "what others may require", func(d *catalog.Details) []catalog.Dependency { return d.Provides }, false},
}

func (v *visit) pkg(h *repoHead, nevra string) (*answer, error) {
	p, err := h.catalog.Find(v.ctx, nevra)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, h.lacks("The published metadata has no package " + short(nevra, 200) + ". It may have had one: the changes tell.")
	}
	if err != nil {
		return nil, err
	}
	details, err := h.catalog.Details(v.ctx, p.ID)
	if err != nil {
		return nil, err
	}
	if v.api {
		return v.apiDetails(h, details)
	}
	crumbs := []crumb{{"Packages", h.Href("packages")}, {p.Name, h.Href("packages", p.Name)}, {p.EVR.String() + "." + p.Arch, ""}}
	a := &answer{title: p.String(), repo: h, tab: "packages", crumbs: crumbs}
	if list := v.query.Get("list"); list != "" {
		return v.longList(a, h, details, list)
	}
	view := &pkgView{repoHead: h, Package: h.row(p), Details: details}
	view.Text, view.URL = bound(details.Description, maxDescription), webURL(details.URL)
	view.Install = v.family(h, p.Release).installVersion(p)
	view.File = short(path.Base(p.Location), maxName)
	view.Download, view.Elsewhere = download(h, p)
	if view.Deps, err = v.dependencies(h, &details); err != nil {
		return nil, err
	}
	view.readLists(v)
	if err := v.otherVersions(view); err != nil {
		return nil, err
	}
	if view.Belongs, err = v.belonging(h, p.Name, p.String(), p.ID); err != nil {
		return nil, err
	}
	a.view, a.data, a.twin = "package", view, h.apiHref("", "package", p.String())
	return a, nil
}

// download is where a package's file is. A package that metadata places elsewhere
// is linked to there.
func download(h *repoHead, p catalog.Package) (href, elsewhere string) {
	if p.Base == "" {
		return fileHref(h.up, h.ID, p.Location), ""
	}
	base := webURL(p.Base)
	if base == "" || fileHref("", "x", p.Location) == "" {
		return "", p.Base
	}
	return strings.TrimSuffix(base, "/") + "/" + join(strings.Split(p.Location, "/")...), p.Base
}

// readLists reads what is kept apart. That one of them cannot be read is no
// reason to show nothing.
func (view *pkgView) readLists(v *visit) {
	id := view.Package.ID
	files, err := view.catalog.Files(v.ctx, id)
	view.missed(v, "files", err)
	view.NFiles = len(files)
	for _, f := range files[:min(len(files), maxFiles)] {
		f.Path = short(f.Path, maxName)
		view.Files = append(view.Files, f)
	}
	changes, err := view.catalog.Changelog(v.ctx, id)
	view.missed(v, "changelog", err)
	view.NChanges = len(changes)
	view.Changes = changeViews(changes[:min(len(changes), maxChanges)])
}

func (view *pkgView) missed(v *visit, what string, err error) {
	if err == nil || v.ctx.Err() != nil {
		return
	}
	v.h.o.Logger.Warn("cannot read a list of a package", "list", what, "repository", view.ID, "error", err)
	view.Missing = append(view.Missing, what)
}

func changeViews(changes []catalog.Change) []changeView {
	views := make([]changeView, 0, len(changes))
	for _, c := range changes {
		views = append(views, changeView{short(c.Author, maxName), c.Time, bound(c.Text, maxChangeText)})
	}
	return views
}

// MoreFiles and MoreChanges say what is left for pages of their own.
func (view *pkgView) MoreFiles() int   { return view.NFiles - len(view.Files) }
func (view *pkgView) MoreChanges() int { return view.NChanges - len(view.Changes) }

// ListHref is the address of the page of a list.
func (view *pkgView) ListHref(list string) string {
	return view.href(query("list", list), "package", view.Package.String())
}

func (v *visit) otherVersions(view *pkgView) error {
	p := view.Package.Package
	named, err := view.catalog.Named(v.ctx, p.Name)
	if err != nil {
		return err
	}
	for _, o := range named {
		row := view.row(o)
		if view.Newer == nil && o.Arch == p.Arch && o.Compare(p.EVR) > 0 {
			view.Newer = &row
		}
		if o.ID != p.ID && len(view.Others) < maxOthers {
			view.Others = append(view.Others, row)
		}
	}
	return nil
}

// dependencies gives the first of each kind, with what provides them.
func (v *visit) dependencies(h *repoHead, d *catalog.Details) ([]depList, error) {
	var lists []depList
	for _, k := range kinds {
		deps := k.of(d)
		if len(deps) == 0 {
			continue
		}
		l := depList{Key: k.key, Title: k.title, Say: k.say, Total: len(deps)}
		var err error
		if l.Deps, err = v.depViews(h, d.Name, deps[:min(len(deps), maxDeps)], k.linked); err != nil {
			return nil, err
		}
		if len(deps) > maxDeps {
			l.All = h.href(query("list", k.key), "package", d.String())
		}
		lists = append(lists, l)
	}
	return lists, nil
}

func (v *visit) depViews(h *repoHead, self string, deps []catalog.Dependency, linked bool) ([]depView, error) {
	var providers map[string][]catalog.Provider
	if linked {
		names := make([]string, 0, len(deps))
		for _, d := range deps {
			if len(d.Name) <= maxName && !strings.HasPrefix(d.Name, "rpmlib(") {
				names = append(names, d.Name)
			}
		}
		var err error
		if providers, err = h.catalog.Providers(v.ctx, names); err != nil {
			return nil, err
		}
	}
	views := make([]depView, 0, len(deps))
	for _, d := range deps {
		view := depView{Dependency: d, Name: short(d.Name, maxName)}
		view.EVR = short(d.EVR, maxName)
		view.Providers, view.More = h.providers(self, providers[d.Name])
		views = append(views, view)
	}
	return views, nil
}

// providers links to the names that provide something, each once, the package's
// own name not at all.
func (h *repoHead) providers(self string, found []catalog.Provider) (links []link, more int) {
	seen := map[string]bool{self: true}
	for _, p := range found {
		switch {
		case seen[p.Name]:
		case len(links) == maxProviders:
			more++
		default:
			links = append(links, link{p.Name, h.Href("packages", p.Name)})
		}
		seen[p.Name] = true
	}
	return links, more
}

// longView is a page of one of a package's lists.
type longView struct {
	*repoHead
	NEVRA, Back string
	Key, Title  string
	Deps        []depView
	Files       []catalog.File
	Changes     []changeView
	Pager       pager
}

// longList shows one list of a package, a thousand entries a page.
func (v *visit) longList(a *answer, h *repoHead, d catalog.Details, list string) (*answer, error) {
	page, err := v.number("page", 1, 1, 1<<20)
	if err != nil {
		return nil, err
	}
	w := window{(page - 1) * listSize, listSize}
	nevra := d.String()
	view := &longView{repoHead: h, NEVRA: nevra, Key: list, Back: h.Href("package", nevra)}
	total, shown := 0, 0
	switch list {
	case "files":
		files, err := h.catalog.Files(v.ctx, d.ID)
		if err != nil {
			return nil, err
		}
		view.Title, total = "Files", len(files)
		view.Files = cut(files, w)
		shown = len(view.Files)
	case "changelog":
		changes, err := h.catalog.Changelog(v.ctx, d.ID)
		if err != nil {
			return nil, err
		}
		w = window{(page - 1) * pageSize, pageSize}
		view.Title, total = "Changelog", len(changes)
		view.Changes = changeViews(cut(changes, w))
		shown = len(view.Changes)
	default:
		for _, k := range kinds {
			if k.key != list {
				continue
			}
			deps := k.of(&d)
			view.Title, total = k.title, len(deps)
			if view.Deps, err = v.depViews(h, d.Name, cut(deps, w), k.linked); err != nil {
				return nil, err
			}
			shown = len(view.Deps)
		}
	}
	if view.Title == "" {
		return nil, badRequest("list is files, changelog or a kind of dependencies.")
	}
	at := func(q string) string { return h.href(q, "package", nevra) }
	view.Pager = newPager(w, total, shown, at, "list", list)
	a.crumbs[len(a.crumbs)-1].Href = view.Back
	a.crumbs = append(a.crumbs, crumb{view.Title, ""})
	a.view, a.title, a.data = "long", view.Title+" of "+a.title, view
	return a, nil
}

// cut gives the part of a list that a window shows.
func cut[T any](list []T, w window) []T {
	from := min(w.Offset, len(list))
	return list[from:min(from+w.Limit, len(list))]
}
