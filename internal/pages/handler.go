package pages

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gorepo/internal/catalog"
)

// maxTime bounds how long an answer may take to make.
const maxTime = 20 * time.Second

// patience is how long a reader waits for an index without being told that it is
// being made: that of a small repository is there by then.
const patience = 1500 * time.Millisecond

// A Handler answers for "/" and for what is below "/-/".
type Handler struct {
	o      Options
	views  views
	static static
}

// New makes a Handler.
func New(o Options) *Handler {
	if o.Repo == nil {
		o.Repo = func(r *http.Request, id string) (Repo, bool) {
			list := o.Repos(r)
			i := slices.IndexFunc(list, func(repo Repo) bool { return repo.ID == id })
			if i < 0 {
				return Repo{}, false
			}
			return list[i], true
		}
	}
	if o.Indexed == nil {
		o.Indexed = o.Repos
	}
	if o.Catalog == nil {
		o.Catalog = func(string) (Catalog, func(), catalog.Status) { return nil, nil, catalog.Status{} }
	}
	if o.Base == nil {
		o.Base = func(*http.Request) (string, bool) { return "", false }
	}
	if o.ClientConfig == nil {
		o.ClientConfig = func(*http.Request, string) string { return "" }
	}
	if o.Wants == nil {
		o.Wants = func(*http.Request, string) (bool, bool) { return false, false }
	}
	if o.Root == nil {
		o.Root = func(*http.Request) ([]Entry, error) { return nil, nil }
	}
	if o.Tree == nil {
		o.Tree = func(string) string { return "" }
	}
	if o.Login == nil {
		o.Login = func(*http.Request) bool { return false }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	h := &Handler{o: o, static: loadStatic()}
	h.views = loadViews(h.static.path)
	return h
}

// A visit is one request on its way to an answer.
type visit struct {
	h       *Handler
	r       *http.Request
	ctx     context.Context
	path    []string // of the resource, decoded: "repos", ID, "packages", …
	query   url.Values
	up      string // leads to the mirror's root
	api     bool   // JSON is asked for
	now     time.Time
	release []func()
	repos   []Repo // that the client may see; see all
	seen    bool
}

// An answer is what a visit found: for people, and the same as data.
type answer struct {
	view   string // the template
	title  string
	crumbs []crumb
	data   any // for the template
	json   any // for the API
	// twin is the address of the same as JSON, relative; "" for none.
	twin string
	// repo is the repository whose pages this belongs to, and tab which of them.
	repo *repoHead
	tab  string
	nav  string // which of the pages of all repositories it is
	q    string // what was searched for
}

type crumb struct{ Name, Href string }

// A problem is an answer that is not what was asked for.
type problem struct {
	status  int
	title   string
	text    string
	refresh int // seconds after which it is worth to ask again; 0 for never
	head    *repoHead
	percent int // of the work that is waited for
}

func (p *problem) Error() string { return p.title }

func notFound(text string) *problem {
	return &problem{status: http.StatusNotFound, title: "Not found", text: text}
}

func badRequest(text string) *problem {
	return &problem{status: http.StatusBadRequest, title: "That cannot be asked", text: text}
}

// redirect sends a client to another spelling of an address.
type redirect string

func (redirect) Error() string { return "elsewhere" }

// ServeHTTP answers a GET or HEAD of "/" or of what is below "/-/".
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	escaped := r.URL.EscapedPath()
	if name, ok := strings.CutPrefix(escaped, "/-/static/"); ok {
		h.static.serve(w, r, name)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), maxTime)
	defer cancel()
	v := &visit{h: h, r: r, ctx: ctx, up: up(escaped), now: h.o.Now()}
	defer func() {
		for _, f := range v.release {
			f()
		}
	}()
	a, err := v.answer(escaped)
	if err != nil {
		v.fail(w, err)
		return
	}
	v.send(w, a)
}

func (v *visit) answer(escaped string) (*answer, error) {
	path, _ := strings.CutPrefix(escaped, "/")
	if rest, ok := strings.CutPrefix(path, "-/api"); ok && (rest == "" || rest[0] == '/') {
		v.api, path = true, "-"+rest
	}
	for s := range strings.SplitSeq(path, "/") {
		name, err := url.PathUnescape(s)
		if err != nil {
			return nil, badRequest("The address has a % that two hexadecimal digits do not follow.")
		}
		v.path = append(v.path, name)
	}
	var err error
	if v.query, err = url.ParseQuery(v.r.URL.RawQuery); err != nil {
		return nil, badRequest("What follows the question mark is not name=value&name=value, percent-encoded.")
	}
	if v.api {
		return v.routeAPI()
	}
	return v.route()
}

// routeAPI takes away the version, and asks for the same as people do.
func (v *visit) routeAPI() (*answer, error) {
	switch rest := v.path[1:]; {
	case len(rest) == 0 || len(rest) == 1 && (rest[0] == "" || rest[0] == "v1"):
		return nil, redirect(v.up + "-/api/v1/")
	case rest[0] != "v1":
		return nil, notFound("The API has the version v1.")
	case len(rest) == 2 && rest[1] == "":
		return &answer{json: apiIndex()}, nil
	case len(rest) == 2 && rest[1] == "repos":
		return v.home()
	case rest[1] == "repos" && len(rest) > 3 && rest[len(rest)-1] == "":
		return nil, notFound("There is no such address.")
	case rest[1] == "repos" && len(rest) == 3:
		v.path = []string{"-", "repos", rest[2], ""}
	default:
		v.path = append([]string{"-"}, rest[1:]...)
	}
	return v.route()
}

func (v *visit) route() (*answer, error) {
	if len(v.path) == 1 && v.path[0] == "" {
		return v.home()
	}
	if v.path[0] != "-" {
		return nil, notFound("There is no such page.")
	}
	p := v.path[1:]
	switch {
	case len(p) <= 1 && (len(p) == 0 || p[0] == ""), p[0] == "repos" && (len(p) == 1 || len(p) == 2 && p[1] == ""):
		return nil, redirect(v.up)
	case len(p) == 1 && p[0] == "search":
		return v.search()
	case len(p) == 1 && p[0] == "changes":
		return v.allChanges()
	case p[0] == "repos":
		return v.inRepo(p[1], p[2:])
	}
	return nil, notFound("There is no such page.")
}

// inRepo answers for one repository's pages.
func (v *visit) inRepo(id string, p []string) (*answer, error) {
	repo, ok := v.repo(id)
	if !ok {
		return nil, notFound("There is no repository of that name here.")
	}
	if len(p) == 0 {
		return nil, redirect(v.up + join("-", "repos", id) + "/")
	}
	if len(p) == 1 && p[0] == "" {
		return v.repository(repo)
	}
	if p[len(p)-1] == "" { // packages/ is packages
		return nil, redirect(v.up + join(append([]string{"-", "repos", id}, p[:len(p)-1]...)...))
	}
	pages := map[string]struct {
		list func(*repoHead) (*answer, error)
		one  func(*repoHead, string) (*answer, error)
	}{
		"packages":     {v.packages, v.named},
		"package":      {nil, v.pkg},
		"groups":       {v.groups, v.group},
		"modules":      {v.modules, v.module},
		"advisories":   {v.advisories, v.advisoryPage},
		"changes":      {v.changes, nil},
		"publications": {v.publicationsAPI, nil},
	}
	page, ok := pages[p[0]]
	if !ok || len(p) > 2 || len(p) == 1 && page.list == nil || len(p) == 2 && page.one == nil {
		return nil, notFound("There is no such page.")
	}
	head, err := v.open(repo)
	if err != nil {
		return nil, err
	}
	if len(p) == 1 {
		return page.list(head)
	}
	return page.one(head, p[1])
}

// all are the repositories that the client may see.
func (v *visit) all() []Repo {
	if !v.seen {
		v.repos, v.seen = v.h.o.Repos(v.r), true
	}
	return v.repos
}

// repo is one of them. That does not ask for the others.
func (v *visit) repo(id string) (Repo, bool) { return v.h.o.Repo(v.r, id) }

// index gives a repository's catalog, nil for none, until the visit ends.
func (v *visit) index(id string) (Catalog, catalog.Status) {
	c, release, st := v.h.o.Catalog(id)
	if release != nil {
		v.release = append(v.release, release)
	}
	return c, st
}

// open is for what cannot be shown without a catalog.
func (v *visit) open(repo Repo) (*repoHead, error) {
	head := v.await(repo)
	if head.catalog != nil {
		return head, nil
	}
	return nil, head.without()
}

// await is head, a moment later where that has an index.
func (v *visit) await(repo Repo) *repoHead {
	head := v.head(repo)
	if head.catalog == nil && repo.Health.Published && v.h.o.Wait != nil {
		v.h.o.Wait(v.ctx, repo.ID, patience)
		head = v.head(repo)
	}
	return head
}

// fail answers for an error.
func (v *visit) fail(w http.ResponseWriter, err error) {
	var to redirect
	var p *problem
	switch {
	case errors.As(err, &to):
		if v.r.URL.RawQuery != "" {
			to += redirect("?" + v.r.URL.RawQuery)
		}
		w.Header().Set("Location", string(to))
		w.WriteHeader(http.StatusMovedPermanently)
		return
	case errors.As(err, &p):
	case errors.Is(err, catalog.ErrNotFound):
		p = notFound("The published metadata has no such thing.")
	case errors.Is(err, context.DeadlineExceeded):
		p = &problem{
			status: http.StatusServiceUnavailable, title: "That took too long",
			text: "The answer was not ready in time. Something narrower may be.",
		}
	case v.r.Context().Err() != nil:
		return // nobody waits for it any more
	default:
		v.h.o.Logger.Error("cannot make a page", "path", v.r.URL.Path, "error", err)
		p = &problem{
			status: http.StatusInternalServerError, title: "Something went wrong",
			text: "The server's log says what.",
		}
	}
	v.sendProblem(w, p)
}
