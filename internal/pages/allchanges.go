package pages

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"gorepo/internal/catalog"
)

const (
	pubsAllRepos    = 30 // publications of a page of changes of all repositories
	changesAllRepos = 8  // that are shown of each
)

// allChangesView is the page of what publications changed in all repositories.
type allChangesView struct {
	Q            string
	Name         string
	Since, Until string // as dates
	Days         []dayView
	Pager        pager
	Filtered     bool // by names: changes are counted, not publications
	Histories    int  // repositories that have one
	Address      string
}

// A storied repository is one that has a history, which is walked through from its
// end.
type storied struct {
	*repoHead
	moments []catalog.Moment
	left    int // of moments
}

// storied are the repositories with a history that the client may see.
func (v *visit) storied() (list []*storied) {
	for _, repo := range v.h.o.Indexed(v.r) {
		h := v.bare(repo)
		if h.catalog == nil {
			continue
		}
		if m := h.catalog.Moments(); len(m) > 0 {
			list = append(list, &storied{repoHead: h, moments: m, left: len(m)})
		}
	}
	return list
}

// dayOf numbers days.
func dayOf(unix int64) int64 {
	const day = 24 * 60 * 60
	return (unix - (unix%day+day)%day) / day
}

// byDay calls f for each publication between two times, in which packages came or went
// or of which there is something to say: the latest day first, and of a day one
// repository after the other.
func byDay(list []*storied, since, until time.Time, f func(s *storied, m catalog.Moment)) {
	from, to := int64(math.MinInt64), int64(math.MaxInt64)
	if !since.IsZero() {
		from = since.Unix()
	}
	if !until.IsZero() {
		to = until.Unix()
	}
	// next passes over what is not asked for.
	next := func(s *storied) (catalog.Moment, bool) {
		for ; s.left > 0; s.left-- {
			if m := s.moments[s.left-1]; m.Changes != 0 && m.Unix >= from && m.Unix < to {
				return m, true
			}
		}
		return catalog.Moment{}, false
	}
	for {
		day, some := int64(math.MinInt64), false
		for _, s := range list {
			if m, ok := next(s); ok {
				day, some = max(day, dayOf(m.Unix)), true
			}
		}
		if !some {
			return
		}
		for _, s := range list {
			for m, ok := next(s); ok && dayOf(m.Unix) >= day; m, ok = next(s) {
				f(s, m)
				s.left--
			}
		}
	}
}

// allChanges answers for the changes of all repositories: publication by publication
// or, where packages are chosen and for programs, change by change.
func (v *visit) allChanges() (*answer, error) {
	view := &allChangesView{Q: v.words("q"), Name: v.query.Get("name"), Address: v.up + "-/changes"}
	o := catalog.ChangeOptions{Filter: view.Q, Name: view.Name}
	var err error
	if view.Since, view.Until, err = v.days(&o.Since, &o.Until); err != nil {
		return nil, err
	}
	w, err := v.window()
	if err != nil {
		return nil, err
	}
	list := v.storied()
	view.Histories, view.Filtered = len(list), view.Q+view.Name != ""
	keep := []string{"q", view.Q, "name", view.Name, "since", view.Since, "until", view.Until}
	a := &answer{view: "allchanges", title: "Changes", nav: "changes", data: view, twin: v.up + "-/api/v1/changes" + query(keep...)}
	if view.Filtered {
		a.title = "Changes of " + short(cmp.Or(view.Q, view.Name), 60)
		if err := v.choose(list, o); err != nil {
			return nil, err
		}
	}
	var page *allPage
	if view.Filtered || v.api {
		page = changesByDay(list, o, w)
	} else {
		w = window{w.Offset / w.Limit * pubsAllRepos, pubsAllRepos}
		page = publicationsByDay(list, o, w)
	}
	if err := page.read(v, o); err != nil {
		return nil, err
	}
	view.Pager = newPager(w, page.total, page.shown(view.Filtered || v.api), func(q string) string { return view.Address + q }, keep...)
	if v.api {
		a.json = page.api(view.Pager)
		return a, nil
	}
	for _, p := range page.of {
		row := p.repo.publication(p.pub)
		row.Of, row.Total, row.Changes = p.repo.repoHead, p.total, p.rows
		view.Days = addToDay(view.Days, row)
	}
	return a, nil
}

// allPage is a part of the changes of all repositories.
type allPage struct {
	total int
	of    []*partOf
}

// partOf is what is shown of a publication.
type partOf struct {
	repo *storied
	pub  catalog.Publication
	window
	changes []catalog.PackageChange
	rows    []changeRow
	total   int // of the changes that were asked for
}

// publicationsByDay lists publications, each with its first changes.
func publicationsByDay(list []*storied, o catalog.ChangeOptions, w window) *allPage {
	page := &allPage{}
	byDay(list, o.Since, o.Until, func(s *storied, m catalog.Moment) {
		if page.total >= w.Offset && len(page.of) < w.Limit {
			page.of = append(page.of, &partOf{repo: s, pub: catalog.Publication{ID: int64(m.ID)}, window: window{0, changesAllRepos}, total: int(m.Changes)})
		}
		page.total++
	})
	return page
}

// changesByDay lists changes.
func changesByDay(list []*storied, o catalog.ChangeOptions, w window) *allPage {
	page := &allPage{}
	byDay(list, o.Since, o.Until, func(s *storied, m catalog.Moment) {
		n := int(max(m.Changes, 0))
		from, to := max(0, w.Offset-page.total), min(n, w.Offset+w.Limit-page.total)
		if from < to { // no more of it are asked for here
			page.of = append(page.of, &partOf{repo: s, pub: catalog.Publication{ID: int64(m.ID)}, window: window{from, to - from}, total: to - from})
		}
		page.total += n
	})
	return page
}

// read reads what is on the page. A repository of which that cannot be read is no reason
// to show nothing of the others.
func (p *allPage) read(v *visit, o catalog.ChangeOptions) error {
	err := atOnce(p.of, func(x *partOf) error {
		err := x.read(v, o, !v.api)
		if err != nil && v.ctx.Err() == nil {
			v.h.o.Logger.Error("cannot read changes", "repo", x.repo.ID, "error", err)
			x.repo, err = nil, nil
		}
		return err
	})
	p.of = slices.DeleteFunc(p.of, func(x *partOf) bool { return x.repo == nil })
	return err
}

// read reads a publication and its changes and, for people, what of them is here.
func (p *partOf) read(v *visit, o catalog.ChangeOptions, rows bool) error {
	o.Publication, o.Offset, o.Limit = p.pub.ID, p.Offset, p.Limit
	page, err := p.repo.catalog.Changes(v.ctx, o)
	if err != nil {
		return err
	}
	p.changes = page.Changes
	if len(page.Publications) > 0 {
		p.pub = page.Publications[0]
	} else if p.pub, err = p.repo.catalog.Publication(v.ctx, p.pub.ID); err != nil {
		return err
	}
	for _, c := range p.changes {
		if !rows {
			break
		}
		row, err := v.change(p.repo.repoHead, c)
		if err != nil {
			return err
		}
		p.rows = append(p.rows, row)
	}
	return nil
}

func (p *allPage) shown(changes bool) (n int) {
	if !changes {
		return len(p.of)
	}
	for _, x := range p.of {
		n += len(x.changes)
	}
	return n
}

// atOnce does something for each of a list, some at a time.
func atOnce[T any](list []T, f func(T) error) error {
	var g errgroup.Group
	g.SetLimit(max(2, runtime.GOMAXPROCS(0)))
	for _, x := range list {
		g.Go(func() error { return unharmed(func() error { return f(x) }) })
	}
	return g.Wait()
}

// unharmed is for goroutines, in which a panic would end the server.
func unharmed(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}

// choose leaves of each repository the publications with changes of certain packages.
func (v *visit) choose(list []*storied, o catalog.ChangeOptions) error {
	return atOnce(list, func(s *storied) (err error) {
		s.moments, err = s.catalog.MomentsOf(v.ctx, o.Filter, o.Name)
		s.left = len(s.moments)
		return err
	})
}

// LastChange is when packages last came to the repository or went from it, as far as
// its history goes; zero where nothing did.
func (h *repoHead) LastChange() time.Time {
	if h.catalog == nil {
		return time.Time{}
	}
	for _, m := range slices.Backward(h.catalog.Moments()) {
		if m.Changes > 0 {
			return time.Unix(m.Unix, 0).UTC()
		}
	}
	return time.Time{}
}

type apiAllChanges struct {
	apiPage
	Changes      []apiRepoChange      `json:"changes"`
	Publications []apiRepoPublication `json:"publications"` // that the changes are of
}

type apiRepoChange struct {
	Repo string `json:"repo"`
	apiPackageChange
}

type apiRepoPublication struct {
	Repo string `json:"repo"`
	apiPublication
}

func (p *allPage) api(pages pager) apiAllChanges {
	a := apiAllChanges{apiPage: pages.api(), Changes: []apiRepoChange{}, Publications: []apiRepoPublication{}}
	for _, x := range p.of {
		a.Publications = append(a.Publications, apiRepoPublication{x.repo.ID, apiPublicationOf(x.pub)})
		for _, c := range x.changes {
			a.Changes = append(a.Changes, apiRepoChange{x.repo.ID, apiChangeOf(c)})
		}
	}
	return a
}
