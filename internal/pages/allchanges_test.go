package pages_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/catalog"
	"gorepo/internal/mirror"
	"gorepo/internal/pages"
)

// pastOf gives a fake publications that were so many hours ago, the latest first, each
// of which updated packages.
func (f *fake) pastOf(hours []int, packages ...string) {
	for i, h := range hours {
		p := catalog.Publication{ID: int64(len(hours) - i), Time: now.Add(-time.Duration(h) * time.Hour), Counts: mirror.Counts{Updated: len(packages)}}
		f.published = append(f.published, p)
		for _, nevra := range packages {
			name, _, _ := strings.Cut(nevra, "-")
			f.changed = append(f.changed, catalog.PackageChange{Publication: p.ID, Time: p.Time, Kind: catalog.ChangeUpdated, Name: name, Package: nevra, From: "0-1"})
		}
	}
	f.info.Publications, f.info.HistorySince = len(hours), f.published[len(hours)-1].Time
}

// yesterdays is sample where two repositories have a history.
func yesterdays() *site {
	s := sample()
	if s.catalogs["epel-9"].published == nil {
		s.catalogs["epel-9"].contents()
	}
	s.catalogs["centos-5"].pastOf([]int{3, 6, 30}, "tilde-1-1.noarch", "zsh-5-1.x86_64")
	return s
}

func TestAllChanges(t *testing.T) {
	s := yesterdays()
	h := s.handler()
	text := func(target string) string {
		w := get(t, h, target)
		require.Equal(t, 200, w.Code, target)
		return strings.Join(strings.Fields(check(t, w.Body.String()).text), " ")
	}
	all := text("/-/changes")
	assert.Contains(t, all, "1–5 of 5 publications in 2 repositories")
	// By day, and of a day in the order of repositories; what changed no package is left out.
	assert.Regexp(t, `2026-11-26 today Extra Packages for Enterprise Linux 9 07:00 1 added 1 updated 1 removed .*\+added glibc-2.34-60.el9.x86_64 .*`+
		`CentOS 5 base 09:00 2 updated ↑updated tilde-1-1.noarch from 0-1 ↑updated zsh-5-1.x86_64 from 0-1 CentOS 5 base 06:00 .*2026-11-25 yesterday CentOS 5 base 06:00 .*2026-11-03 .*`+
		`Extra Packages for Enterprise Linux 9 12:00 The history begins here, with 240 packages`, all)
	page := check(t, get(t, h, "/-/changes").Body.String())
	for _, link := range []string{
		"../-/repos/epel-9/package/glibc-2.34-60.el9.x86_64", "../-/repos/epel-9/changes?name=gone%2B1", "../-/repos/epel-9/changes", "../-/repos/centos-5/changes?publication=3",
		"../-/api/v1/changes", "../-/changes", "../",
	} {
		assert.Contains(t, page.links, link)
	}
	assert.Contains(t, text("/-/changes?q=ZS"), "0 repositories"[1:], "the fake knows no case")
	zsh := text("/-/changes?q=zsh")
	assert.Contains(t, zsh, "1–3 of 3 changes in 2 repositories · show all")
	assert.NotContains(t, zsh, "tilde")
	assert.Contains(t, text("/-/changes?name=glibc"), "1–1 of 1 change in")
	assert.Contains(t, text("/-/changes?since=2026-11-25&until=2026-11-25"), "1–1 of 1 publication in")
	assert.Contains(t, text("/-/changes?q=nothing"), "No change matches. What came before the histories began is no change: search for what is here")
	assert.Contains(t, get(t, h, "/-/changes?q=no%20th+ing%22").Body.String(), `href="../-/search?q=no%20th%20ing%22"`)
	assert.Contains(t, text("/-/changes?page=7"), "Nothing on this page.")
	for _, q := range []string{"since=x", "until=2026-13-01", "page=0", "page=x"} {
		assert.Equal(t, 400, get(t, h, "/-/changes?"+q).Code, q)
	}
	assert.Equal(t, s.taken, s.released, "catalogs that are still held")
	none := sample()
	for _, f := range none.catalogs {
		f.published, f.changed = nil, nil
	}
	assert.Contains(t, check(t, get(t, none.handler(), "/-/changes").Body.String()).text, "Nothing is known yet")

	// What is hidden is not there, in no number either.
	s.hidden["epel-9"] = true
	few := text("/-/changes")
	assert.Contains(t, few, "1–3 of 3 publications in 1 repository")
	assert.NotContains(t, few, "Extra Packages")
	assert.InDelta(t, 6, at(t, ask(t, h, "changes", 200), "total"), 0)
}

// What does not fit on a page is on the next ones.
func TestManyRepositoriesThatChange(t *testing.T) {
	s := sample()
	var want []string
	s.repos, s.catalogs = nil, map[string]*fake{}
	for i := range 50 {
		id := fmt.Sprintf("r%02d", i)
		f := &fake{}
		f.pastOf([]int{1, 25}, "a-1-1.noarch", "b-1-1.noarch", "c-1-1.noarch")
		s.repos, s.catalogs[id] = append(s.repos, pages.Repo{ID: id}), f
	}
	for day := range 2 {
		for i := range 50 {
			want = append(want, fmt.Sprintf("r%02d %d", i, 2-day))
		}
	}
	h := s.handler()
	var got []string
	for page := 1; page <= 4; page++ {
		w := get(t, h, fmt.Sprintf("/-/changes?page=%d", page))
		for _, m := range regexp.MustCompile(`repos/(r[0-9]+)/changes\?publication=([0-9]+)"><time`).FindAllStringSubmatch(w.Body.String(), -1) {
			got = append(got, m[1]+" "+m[2])
		}
		assert.Equal(t, page < 4, strings.Contains(w.Body.String(), `rel="next"`), page)
	}
	assert.Equal(t, want, got)

	// Programs count changes.
	var changes []string
	next := "?limit=7"
	for next != "" {
		answer := ask(t, h, "changes"+next, 200)
		assert.InDelta(t, 300, at(t, answer, "total"), 0)
		of := map[string]bool{}
		for _, p := range at(t, answer, "publications").([]any) {
			of[fmt.Sprint(at(t, p, "repo"), at(t, p, "id"))] = true
		}
		for _, c := range at(t, answer, "changes").([]any) {
			assert.True(t, of[fmt.Sprint(at(t, c, "repo"), at(t, c, "publication"))], "the publications are those of the changes")
			changes = append(changes, fmt.Sprint(at(t, c, "repo"), " ", at(t, c, "publication"), " ", at(t, c, "name")))
		}
		next, _ = answer["next"].(string)
	}
	require.Len(t, changes, 300)
	for i, c := range changes {
		assert.Equal(t, want[i/3]+" "+string("abc"[i%3]), c)
	}
	one := ask(t, h, "changes?name=b&since=2026-11-26&limit=2&offset=3", 200)
	assert.InDelta(t, 50, at(t, one, "total"), 0)
	assert.Equal(t, "?name=b&since=2026-11-26&offset=5&limit=2", at(t, one, "next"))
	assert.Equal(t, "r03", at(t, one, "changes", 0, "repo"))
	assert.Equal(t, "updated", at(t, one, "changes", 0, "kind"))
	assert.Empty(t, at(t, ask(t, h, "changes?q=zzz", 200), "changes"))
}

// brokenPast is a fake whose changes cannot be read.
type brokenPast struct{ *fake }

func (brokenPast) Changes(context.Context, catalog.ChangeOptions) (catalog.ChangePage, error) {
	return catalog.ChangePage{}, errors.New("it is damaged")
}

// One index that cannot be read is no reason to show nothing of the others.
func TestChangesOfADamagedIndex(t *testing.T) {
	s := yesterdays()
	var log bytes.Buffer
	h := pages.New(pages.Options{
		Repos: func(*http.Request) []pages.Repo { return s.repos },
		Catalog: func(id string) (pages.Catalog, func(), catalog.Status) {
			switch c := s.catalogs[id]; {
			case c == nil:
				return nil, nil, catalog.Status{}
			case id == "epel-9":
				return brokenPast{c}, func() {}, catalog.Status{Current: true}
			default:
				return c, func() {}, catalog.Status{Current: true}
			}
		},
		Logger: slog.New(slog.NewTextHandler(&log, nil)), Now: func() time.Time { return now },
	})
	w := get(t, h, "/-/changes")
	require.Equal(t, 200, w.Code)
	assert.Contains(t, w.Body.String(), "zsh-5-1.x86_64")
	assert.Contains(t, log.String(), "it is damaged")
}

// When packages last came or went is not when somebody last looked for some.
func TestLastChange(t *testing.T) {
	s := yesterdays()
	still := &fake{}
	still.pastOf([]int{50})
	still.published[0].First = true
	s.catalogs["indexing"] = still
	h := s.handler()
	home := get(t, h, "/").Body.String()
	assert.Contains(t, home, `<th scope="col" class="sync">Last change</th>`)
	row := func(id string) string {
		m := regexp.MustCompile(`(?s)<tr>(?:[^<]|<[^/]|</[^t])*repos/` + id + `/".*?</tr>`).FindString(home)
		return strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(m, " ")), " ")
	}
	assert.Contains(t, row("epel-9"), "5 hours ago 5 hours ago ● up to date")
	assert.Contains(t, row("centos-5"), "12 days ago 3 hours ago ▲ late")
	assert.Contains(t, row("indexing"), "27 hours ago none since 2026-11-24 ✖ failing")
	assert.Contains(t, row("new"), "never – ○ empty")
	assert.Contains(t, home, `href="./-/changes"`)
	repos := ask(t, h, "repos", 200)
	assert.Equal(t, "2026-11-26T09:00:00Z", at(t, repos, "repos", 1, "last_change"))
	assert.NotContains(t, at(t, repos, "repos", 2), "last_change")
	about := strings.Join(strings.Fields(check(t, get(t, h, "/-/repos/centos-5/").Body.String()).text), " ")
	assert.Contains(t, about, "Last change2026-11-26 09:00 UTC (3 hours ago)")
}

// Where one repository is asked for, nobody looks what the others are.
func TestOnlyTheRepositoryThatIsAskedFor(t *testing.T) {
	s := yesterdays()
	asked := map[string]int{}
	h := pages.New(pages.Options{
		Repos: func(*http.Request) []pages.Repo {
			asked["all"]++
			return s.repos
		},
		Repo: func(_ *http.Request, id string) (pages.Repo, bool) {
			asked[id]++
			return pages.Repo{ID: id}, id == "epel-9"
		},
		Indexed: func(*http.Request) []pages.Repo {
			asked["indexed"]++
			return s.repos[:2]
		},
		Catalog: func(id string) (pages.Catalog, func(), catalog.Status) {
			if c := s.catalogs[id]; c != nil {
				return c, func() {}, catalog.Status{Current: true}
			}
			return nil, nil, catalog.Status{}
		},
		Now: func() time.Time { return now },
	})
	for target, want := range map[string]string{
		"/-/repos/epel-9/": "epel-9", "/-/repos/epel-9/packages": "epel-9", "/-/api/v1/repos/epel-9": "epel-9", "/-/api/v1/repos/epel-9/changes": "epel-9",
		"/-/repos/epel-9/advisories": "epel-9", "/-/repos/other/": "other", "/-/api/v1/search?q=bash&repo=epel-9": "epel-9", "/-/changes": "indexed", "/-/api/v1/changes": "indexed", "/": "all",
	} {
		clear(asked)
		w := get(t, h, target)
		assert.Equal(t, map[string]int{want: 1}, asked, target)
		assert.Equal(t, want == "other", w.Code == 404, target)
	}
}
