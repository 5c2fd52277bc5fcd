package pages

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"gorepo/internal/catalog"
	"gorepo/internal/health"
)

// A Catalog is what pages ask of the index of one published generation.
// *catalog.Catalog is one; its methods say what they give.
type Catalog interface {
	Info() catalog.Info
	Arches(ctx context.Context) ([]string, error)
	List(ctx context.Context, o catalog.ListOptions) (catalog.Page, error)
	Named(ctx context.Context, name string) ([]catalog.Package, error)
	Find(ctx context.Context, nevra string) (catalog.Package, error)
	Details(ctx context.Context, id int64) (catalog.Details, error)
	Files(ctx context.Context, id int64) ([]catalog.File, error)
	Changelog(ctx context.Context, id int64) ([]catalog.Change, error)
	Providers(ctx context.Context, names []string) (map[string][]catalog.Provider, error)
	Groups(ctx context.Context) (catalog.Groups, error)
	Group(ctx context.Context, id string) (catalog.GroupDetail, error)
	Modules(ctx context.Context) ([]catalog.Module, error)
	Module(ctx context.Context, name, stream string) (catalog.ModuleDetail, error)
	Advisories(ctx context.Context, o catalog.AdvisoryOptions) (catalog.AdvisoryPage, error)
	Advisory(ctx context.Context, id string) (catalog.AdvisoryDetail, error)
	GroupsOf(ctx context.Context, name string) ([]catalog.GroupRef, error)
	AdvisoriesFor(ctx context.Context, what string) ([]catalog.Mention, error)
	ModulesOf(ctx context.Context, id int64) ([]catalog.ModuleRef, error)
	Moments() []catalog.Moment
	MomentsOf(ctx context.Context, filter, name string) ([]catalog.Moment, error)
	Publication(ctx context.Context, id int64) (catalog.Publication, error)
	Publications(ctx context.Context, o catalog.PublicationOptions) (catalog.PublicationPage, error)
	Changes(ctx context.Context, o catalog.ChangeOptions) (catalog.ChangePage, error)
	Search(ctx context.Context, query string, offset, limit int) (catalog.Hits, error)
}

// Options says what pages are made of. Repos is needed, the rest is shown where
// it is there.
type Options struct {
	// Repos are the repositories that whoever sends the request may see, in the
	// order in which they are listed. What is not among them does not exist.
	Repos func(r *http.Request) []Repo
	// Repo is one of these. Nil: it is looked for among Repos.
	Repo func(r *http.Request, id string) (Repo, bool)
	// Indexed are those of Repos that have a Catalog, in their order, without
	// Health and what else costs time to find out. Nil: Repos.
	Indexed func(r *http.Request) []Repo
	// Catalog gives a repository's index, nil where there is none yet, and how
	// that stands. release is called when the answer is made.
	Catalog func(id string) (c Catalog, release func(), st catalog.Status)
	// Wait waits until there is an index, or it is known that there will be none soon,
	// but no longer than most. Nil: nobody waits.
	Wait func(ctx context.Context, id string, most time.Duration)
	// Base is the URL of the mirror as the client reaches it, without a slash at
	// the end; false where that is not known.
	Base func(r *http.Request) (string, bool)
	// ClientConfig is the text of /ID.repo, "" where there is none.
	ClientConfig func(r *http.Request, id string) string
	// Wants says whether clients of a repository need a login, and a certificate. Nil:
	// neither.
	Wants func(r *http.Request, id string) (login, certificate bool)
	// Root lists what lies in the mirror's directory.
	Root func(r *http.Request) ([]Entry, error)
	// Tree is what the repository's installation tree (.treeinfo) calls itself, "" where
	// there is none. Nil: there is none.
	Tree func(id string) string
	// Login reports whether a client might see more if it logged in, which it does at
	// /?login. Nil: none does.
	Login func(r *http.Request) bool
	// Version is gorepo's.
	Version string

	Logger *slog.Logger     // failures of this side; nil: none
	Now    func() time.Time // nil: time.Now
}

// Repo is what pages say of a repository beside its packages.
type Repo struct {
	ID   string
	Name string // for people; "" where the configuration has none
	// Release and Arch are what the repository is for: "9", "x86_64".
	Release, Arch string
	// Upstream is where it comes from, URLs without credentials; none for a
	// repository of the mirror's own.
	Upstream []string
	// Configured says that the configuration speaks of it. Otherwise it is just a
	// directory with metadata, and what follows is not known.
	Configured      bool
	GPGCheck        bool // clients are told to check packages
	RepoGPGCheck    bool // clients are told to check repomd.xml
	KeyFingerprints []string
	Keys            string // the path of its public keys below the mirror, "" for none
	// KeyURLs are keys elsewhere.
	KeyURLs []string
	// NoFiles says that there is no directory of it yet.
	NoFiles bool
	// Selection says in words what of upstream is not brought.
	Selection []string
	Health    health.Repo
}

// Entry is a name in the mirror's directory.
type Entry struct {
	Name    string
	Dir     bool
	Size    int64 // bytes, of a file
	ModTime time.Time
}
