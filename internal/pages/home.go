package pages

import (
	"cmp"
	"slices"

	"gorepo/internal/health"
)

// homeView is what "/" shows.
type homeView struct {
	Repos    []repoRow
	Packages int
	Bytes    int64
	Levels   []levelCount
	Dirs     []Entry // of the mirror, that are no repositories
	Files    []Entry
	Base     string
	Usable   bool // there is something for /gorepo.repo
	// Histories says that there is a repository with one.
	Histories bool
	Login     bool // there may be more to see
	// Guarded says that a repository wants a login or a certificate; Curl are
	// curl's flags for all of them.
	Guarded bool
	Curl    string
}

type repoRow struct {
	*repoHead
	Href string
}

// levelCount is how many repositories stand in the same way.
type levelCount struct {
	Level health.Level
	Word  string
	N     int
}

// maxEntries bounds how many other names of the mirror's directory are shown.
const maxEntries = 200

func (v *visit) home() (*answer, error) {
	view := &homeView{Login: v.h.o.Login(v.r)}
	view.Base, _ = v.h.o.Base(v.r)
	var login, certificate bool
	ids := map[string]bool{}
	for _, repo := range v.all() {
		head := v.head(repo)
		view.Repos = append(view.Repos, repoRow{repoHead: head, Href: head.href("")})
		view.Histories = view.Histories || head.Info.Publications > 0
		view.Packages += max(head.Packages, 0)
		view.Bytes += max(head.Bytes, 0)
		view.Usable = view.Usable || repo.Health.Published
		view.count(repo.Health)
		l, c := v.h.o.Wants(v.r, repo.ID)
		login, certificate = login || l, certificate || c
		ids[repo.ID] = true
	}
	view.Guarded, view.Curl = login || certificate, curlFlags(login, certificate)
	slices.SortStableFunc(view.Levels, func(a, b levelCount) int { return cmp.Compare(a.Level, b.Level) })
	if v.api {
		list := apiRepos{Repos: []apiRepo{}}
		for _, row := range view.Repos {
			list.Repos = append(list.Repos, row.api())
		}
		return &answer{json: list}, nil
	}
	entries, err := v.h.o.Root(v.r)
	if err != nil {
		v.h.o.Logger.Warn("the mirror's directory cannot be read", "error", err)
	}
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	for _, e := range entries {
		switch {
		case e.Dir && !ids[e.Name]:
			view.Dirs = append(view.Dirs, e)
		case !e.Dir:
			view.Files = append(view.Files, e)
		}
	}
	return &answer{view: "home", title: "Repositories", data: view, twin: v.up + "-/api/v1/repos"}, nil
}

// Command makes a client of all repositories.
func (h *homeView) Command() string {
	return "sudo curl" + h.Curl + " -fo /etc/yum.repos.d/gorepo.repo " + shellWord(h.Base+"/gorepo.repo")
}

// More says how many entries are not shown.
func (h *homeView) More() int { return len(h.Dirs) + len(h.Files) - len(h.Others()) }

// Others are the entries that are shown, directories first.
func (h *homeView) Others() []Entry {
	all := append(slices.Clip(h.Dirs), h.Files...)
	return all[:min(len(all), maxEntries)]
}

func (h *homeView) count(r health.Repo) {
	word := levelWord(r)
	for i := range h.Levels {
		if h.Levels[i].Word == word {
			h.Levels[i].N++
			return
		}
	}
	h.Levels = append(h.Levels, levelCount{r.Level, word, 1})
}
