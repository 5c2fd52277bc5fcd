package pages

import (
	"errors"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"gorepo/internal/catalog"
)

// hitsPerRepo is how many hits of each repository the search over all shows.
const hitsPerRepo = 10

// searchView is what a search found, repository by repository.
type searchView struct {
	Q           string
	ID          string // "" for all repositories
	Repos       []Repo
	Found       []foundView
	Empty       []string // repositories without a hit
	Mute        []string // those without advisories, where one is searched for
	Waiting     []string // those that have no index yet
	Total       int
	More        bool
	NAdvisories int
}

// foundView is what was found in one repository.
type foundView struct {
	*repoHead
	Hits []hitView
	// Advisories are those whose id, or a vulnerability of which, was searched for.
	Advisories []advisoryRow
	Total      int
	More       bool
	Pager      *pager // of a search in one repository
	All        string // the address of all hits, "" where they are all here
	exact      bool
}

type hitView struct {
	catalog.Hit
	Href, NameHref string
	By             string // what it was found by, in words; "" for the name
}

func (v *visit) search() (*answer, error) {
	q := v.words("q")
	view := &searchView{Q: q, ID: v.query.Get("repo")}
	a := &answer{view: "search", title: "Search", data: view, q: q}
	w := window{Limit: hitsPerRepo}
	var repos []Repo
	if view.ID == "" || !v.api {
		view.Repos = v.all() // to choose from
		repos = view.Repos
	}
	if view.ID != "" {
		repo, ok := v.repo(view.ID)
		if !ok {
			return nil, notFound("There is no repository of that name here.")
		}
		repos = []Repo{repo}
	}
	if v.api || view.ID != "" {
		var err error
		if w, err = v.window(); err != nil {
			return nil, err
		}
	}
	if q != "" {
		a.title = "Search for " + short(q, 60)
		if err := v.searchIn(view, repos, w); err != nil {
			return nil, err
		}
	}
	if q != "" {
		a.twin = v.up + "-/api/v1/search" + query("q", q, "repo", view.ID)
	}
	if v.api {
		if q == "" {
			return nil, badRequest("q is what to search for.")
		}
		a.json = view.api(w)
	}
	return a, nil
}

// searchIn asks every repository, some at a time.
func (v *visit) searchIn(view *searchView, repos []Repo, w window) error {
	heads := make([]*repoHead, len(repos))
	found := make([]catalog.Hits, len(repos))
	advisories := make([][]advisoryRow, len(repos))
	var g errgroup.Group
	g.SetLimit(max(2, runtime.GOMAXPROCS(0)))
	for i, repo := range repos {
		heads[i] = v.head(repo)
		if heads[i].catalog == nil {
			continue
		}
		g.Go(func() (err error) {
			found[i], advisories[i], err = v.searchOne(heads[i], view.Q, w)
			if err != nil && len(repos) > 1 && v.ctx.Err() == nil {
				// It is no reason to find nothing in the others.
				v.h.o.Logger.Error("cannot search", "repo", repo.ID, "error", err)
				heads[i].catalog, err = nil, nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, h := range heads {
		switch {
		case h.catalog == nil && h.Health.Published:
			view.Waiting = append(view.Waiting, h.ID)
		case h.catalog == nil:
		case found[i].Total == 0 && h.Info.Advisories == 0 && (cveLike.MatchString(view.Q) || advisoryLike.MatchString(view.Q)):
			view.Mute = append(view.Mute, h.ID)
		case found[i].Total == 0 && len(advisories[i]) == 0:
			view.Empty = append(view.Empty, h.ID)
		default:
			f := v.found(h, view, found[i], w)
			f.Advisories = advisories[i]
			view.NAdvisories += len(f.Advisories)
			view.Found = append(view.Found, f)
		}
		view.Total += found[i].Total
		view.More = view.More || found[i].More
	}
	slices.SortStableFunc(view.Found, func(a, b foundView) int { // those that have the very name go first
		switch {
		case a.exact == b.exact:
			return 0
		case a.exact:
			return -1
		}
		return 1
	})
	return nil
}

// searchOne searches in one repository. It has a goroutine of its own, in which a panic
// would end the server.
func (v *visit) searchOne(h *repoHead, q string, w window) (hits catalog.Hits, advisories []advisoryRow, err error) {
	err = unharmed(func() (err error) {
		if hits, err = h.catalog.Search(v.ctx, q, w.Offset, w.Limit); err == nil {
			advisories, err = v.advisoriesLike(h, q)
		}
		return err
	})
	return hits, advisories, err
}

func (v *visit) found(h *repoHead, view *searchView, hits catalog.Hits, w window) foundView {
	f := foundView{repoHead: h, Total: hits.Total, More: hits.More}
	for _, hit := range hits.Hits {
		f.Hits = append(f.Hits, hitView{
			Hit: hit, Href: h.Href("package", hit.String()), NameHref: h.Href("packages", hit.Name), By: foundBy(hit),
		})
		f.exact = f.exact || hit.Name == view.Q
	}
	at := func(q string) string { return v.up + "-/search" + q }
	if view.ID != "" {
		total := hits.Total
		if hits.More {
			total = max(total, w.Offset+w.Limit+1)
		}
		p := newPager(w, total, len(hits.Hits), at, "q", view.Q, "repo", view.ID)
		p.more = hits.More
		f.Pager = &p
	} else if hits.Total > len(hits.Hits) || hits.More {
		f.All = at(query("q", view.Q, "repo", h.ID))
	}
	return f
}

// advisoryLike is how advisories are called: RHSA-2026:1234, FEDORA-2026-0a1b2c3d.
var advisoryLike = regexp.MustCompile(`^[A-Za-z][A-Za-z-]{0,30}-[0-9]{4}[:-][0-9A-Za-z:._-]{1,60}$`)

// advisoriesLike finds advisories where somebody searches for one, or for a
// vulnerability.
func (v *visit) advisoriesLike(h *repoHead, q string) ([]advisoryRow, error) {
	if h.Info.Advisories == 0 {
		return nil, nil
	}
	if cveLike.MatchString(q) {
		page, err := h.catalog.Advisories(v.ctx, catalog.AdvisoryOptions{CVE: strings.ToUpper(q), Limit: hitsPerRepo})
		return each(page.Advisories, h.advisory), err
	}
	if !advisoryLike.MatchString(q) {
		return nil, nil
	}
	for _, id := range []string{q, strings.ToUpper(q)} {
		a, err := h.catalog.Advisory(v.ctx, id)
		if !errors.Is(err, catalog.ErrNotFound) {
			return []advisoryRow{h.advisory(a.Advisory)}, err
		}
	}
	return nil, nil
}

// foundBy says what a hit was found by.
func foundBy(hit catalog.Hit) string {
	switch hit.Where {
	case "file":
		if hit.Match != "" {
			return "has " + short(hit.Match, 200)
		}
		return "by its files"
	case "provides":
		if hit.Match != "" {
			return "provides " + short(hit.Match, 200)
		}
		return "by what it provides"
	case "summary":
		return "by its summary"
	case "description":
		return "by its description"
	}
	return ""
}
