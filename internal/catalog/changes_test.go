package catalog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/catalog"
	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
	"gorepo/internal/testrepo"
)

// A past is a repository with a history: a chain of publications, of which the last
// is published.
type past struct {
	t        testing.TB
	repodata string
	root     string
	repo     *mirror.Repo
	primary  string // of what is published
	last     string // of the line before
	n        int
}

var firstDay = time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)

func newPast(t testing.TB, packages ...*testrepo.Package) *past {
	t.Helper()
	h := &past{t: t, root: t.TempDir(), repodata: publish(t, testrepo.Options{}, packages...)}
	m, err := mirror.Open(h.root)
	require.NoError(t, err)
	h.repo, err = m.Repo("base", mirror.RepoOptions{})
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(h.state(), 0o755))
	published, err := repodata.OpenLocal("", h.repodata)
	require.NoError(t, err)
	h.primary = published.Repomd.PrimaryChecksum()
	return h
}

func (h *past) state() string { return filepath.Join(h.root, mirror.StateDir, "base") }

// day adds the publication of the next day; the last one is of what is published.
func (h *past) day(last bool, change func(p *mirror.Publication)) {
	h.t.Helper()
	h.n++
	p := mirror.Publication{Time: firstDay.AddDate(0, 0, h.n-1), Revision: fmt.Sprint(h.n), Primary: fmt.Sprint("g", h.n), Before: h.last, Packages: 100 + h.n}
	if last {
		p.Primary = h.primary
	}
	change(&p)
	p.Counts = mirror.Counts{Added: len(p.Added), Updated: len(p.Updated), Replaced: len(p.Replaced), Removed: len(p.Removed), Superseded: len(p.Superseded)}
	require.NoError(h.t, h.repo.AppendHistory(p))
	h.last = p.Primary
}

func (h *past) open() *catalog.Catalog {
	h.t.Helper()
	path := filepath.Join(h.t.TempDir(), "catalog")
	_, err := catalog.Build(h.t.Context(), path, catalog.BuildOptions{Repodata: h.repodata, State: h.state()})
	require.NoError(h.t, err)
	c, err := catalog.Open(path)
	require.NoError(h.t, err)
	h.t.Cleanup(func() { assert.NoError(h.t, c.Close()) })
	return c
}

// added is when packages came, as days of the history, "" for never.
func added(t testing.TB, c *catalog.Catalog) map[string]string {
	t.Helper()
	page, err := c.List(t.Context(), catalog.ListOptions{Limit: 1000})
	require.NoError(t, err)
	days := map[string]string{}
	for _, p := range page.Packages {
		days[p.String()] = ""
		if !p.Added.IsZero() {
			days[p.String()] = p.Added.Format("01-02")
		}
	}
	return days
}

// words are changes as "day kind package from (superseded)".
func words(list []catalog.PackageChange) (w []string) {
	for _, c := range list {
		s := fmt.Sprintf("%s %s %s", c.Time.Format("01-02"), c.Kind, c.Package)
		if c.From != "" {
			s += " from " + c.From
		}
		if len(c.Superseded) > 0 {
			s += " (" + strings.Join(c.Superseded, " ") + ")"
		}
		w = append(w, s)
	}
	return w
}

// zooPast is a history of the zoo.
func zooPast(t testing.TB) *past {
	h := newPast(t, zoo()...)
	h.day(false, func(*mirror.Publication) {})
	h.day(false, func(p *mirror.Publication) {
		p.Added = []string{"dodo-1-1.noarch", "zebra-0-1.src"}
		p.Updated = []mirror.Update{{Package: "Ape-1.9-1.i686", From: "1.8-1"}, {Package: "Ape-1.9-1.x86_64", From: "1.8-1"}}
		p.Superseded = []string{"Ape-1.7-1.x86_64", "Ape-1.8-1.x86_64"}
	})
	h.day(false, func(p *mirror.Publication) { p.Removed = []string{"dodo-1-1.noarch", "zebra-0-1.src"} })
	h.day(false, func(*mirror.Publication) {}) // only groups, say
	h.day(true, func(p *mirror.Publication) {
		p.Added = []string{"zebra-0-1.src"}
		p.Replaced = []string{"bear-2:4.1-1.noarch"}
		p.Updated = []mirror.Update{{Package: "Ape-1.10-1.x86_64", From: "1.9-1"}}
	})
	return h
}

func TestChanges(t *testing.T) {
	c := zooPast(t).open()
	assert.Empty(t, c.Info().Missing)
	assert.Equal(t, 5, c.Info().Publications)
	assert.Equal(t, firstDay, c.Info().HistorySince)
	assert.Equal(t, map[string]string{
		"bear-4.0-1.noarch": "03-01", "Ape-1.9-1.i686": "03-02", "Ape-1.9-1.x86_64": "03-02", "bear-2:4.1-1.noarch": "03-05",
		"Ape-1.10-1.x86_64": "03-05", "zebra-0-1.src": "03-05",
	}, added(t, c))
	page, err := c.List(t.Context(), catalog.ListOptions{Sort: catalog.SortAdded, Descending: true, Limit: 3})
	require.NoError(t, err)
	assert.Equal(t, []string{"Ape-1.10-1.x86_64", "bear-2:4.1-1.noarch", "zebra-0-1.src"}, names(page.Packages))

	all := []string{
		"03-05 added zebra-0-1.src",
		"03-05 updated Ape-1.10-1.x86_64 from 1.9-1",
		"03-05 replaced bear-2:4.1-1.noarch",
		"03-03 removed dodo-1-1.noarch",
		"03-03 removed zebra-0-1.src",
		"03-02 added dodo-1-1.noarch",
		"03-02 added zebra-0-1.src",
		"03-02 updated Ape-1.9-1.i686 from 1.8-1",
		"03-02 updated Ape-1.9-1.x86_64 from 1.8-1 (Ape-1.7-1.x86_64 Ape-1.8-1.x86_64)",
	}
	only := func(word string) (list []string) {
		for _, w := range all {
			if strings.Contains(w, word) {
				list = append(list, w)
			}
		}
		return list
	}
	for name, want := range map[string]struct {
		o       catalog.ChangeOptions
		total   int
		changes []string
		of      []int64
	}{
		"all":         {catalog.ChangeOptions{}, 9, all, []int64{5, 3, 2}},
		"some":        {catalog.ChangeOptions{Offset: 1, Limit: 3}, 9, all[1:4], []int64{5, 3}},
		"last":        {catalog.ChangeOptions{Offset: 8, Limit: 3}, 9, all[8:], []int64{2}},
		"beyond":      {catalog.ChangeOptions{Offset: 9}, 9, nil, nil},
		"before":      {catalog.ChangeOptions{Offset: -3, Limit: 1}, 9, all[:1], []int64{5}},
		"since":       {catalog.ChangeOptions{Since: firstDay.AddDate(0, 0, 2)}, 5, all[:5], []int64{5, 3}},
		"until":       {catalog.ChangeOptions{Until: firstDay.AddDate(0, 0, 2)}, 4, all[5:], []int64{2}},
		"a day":       {catalog.ChangeOptions{Since: firstDay.AddDate(0, 0, 2), Until: firstDay.AddDate(0, 0, 3)}, 2, all[3:5], []int64{3}},
		"one":         {catalog.ChangeOptions{Publication: 3}, 2, all[3:5], []int64{3}},
		"none":        {catalog.ChangeOptions{Publication: 4}, 0, nil, nil},
		"no such":     {catalog.ChangeOptions{Publication: 9}, 0, nil, nil},
		"a name":      {catalog.ChangeOptions{Name: "zebra"}, 3, only("zebra"), []int64{5, 3, 2}},
		"more of it":  {catalog.ChangeOptions{Name: "zebra", Offset: 1, Limit: 1}, 3, only("zebra")[1:2], []int64{3}},
		"its case":    {catalog.ChangeOptions{Name: "ape"}, 0, nil, nil},
		"part":        {catalog.ChangeOptions{Filter: "AP"}, 3, only("Ape"), []int64{5, 2}},
		"pattern":     {catalog.ChangeOptions{Filter: "[ab]*"}, 4, append(only("03-05 updated"), append(only("bear"), only("03-02 updated")...)...), []int64{5, 2}},
		"no pattern":  {catalog.ChangeOptions{Filter: "p*"}, 0, nil, nil},
		"both":        {catalog.ChangeOptions{Filter: "b", Name: "zebra", Publication: 2}, 1, []string{"03-02 added zebra-0-1.src"}, []int64{2}},
		"no name":     {catalog.ChangeOptions{Name: "unicorn"}, 0, nil, nil},
		"long filter": {catalog.ChangeOptions{Filter: strings.Repeat("a", 1000)}, 0, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := c.Changes(t.Context(), want.o)
			require.NoError(t, err)
			assert.Equal(t, want.total, p.Total)
			assert.Equal(t, want.changes, words(p.Changes))
			var of []int64
			for _, pub := range p.Publications {
				of = append(of, pub.ID)
			}
			assert.Equal(t, want.of, of)
		})
	}

	pubs, err := c.Publications(t.Context(), catalog.PublicationOptions{Offset: 1, Limit: 3})
	require.NoError(t, err)
	assert.Equal(t, 5, pubs.Total)
	require.Len(t, pubs.Publications, 3)
	assert.Equal(t, catalog.Publication{
		ID: 2, Time: firstDay.AddDate(0, 0, 1), Revision: "2", Packages: 102, Counts: mirror.Counts{Added: 2, Updated: 2, Superseded: 2},
	}, pubs.Publications[2])
	pubs, err = c.Publications(t.Context(), catalog.PublicationOptions{Until: firstDay.Add(time.Hour)})
	require.NoError(t, err)
	require.Len(t, pubs.Publications, 1)
	assert.True(t, pubs.Publications[0].First)
}

// TestMoments: what is kept in memory is what can be read.
func TestMoments(t *testing.T) {
	c := zooPast(t).open()
	day := func(n int) int64 { return firstDay.AddDate(0, 0, n-1).Unix() }
	assert.Equal(t, []catalog.Moment{{day(1), 1, -1}, {day(2), 2, 4}, {day(3), 3, 2}, {day(4), 4, 0}, {day(5), 5, 3}}, c.Moments())
	for i, m := range c.Moments() {
		p, err := c.Publication(t.Context(), int64(m.ID))
		require.NoError(t, err)
		assert.Equal(t, m.Unix, p.Time.Unix())
		assert.Equal(t, i == 0, p.First)
		changes, err := c.Changes(t.Context(), catalog.ChangeOptions{Publication: p.ID})
		require.NoError(t, err)
		assert.Equal(t, max(0, int(m.Changes)), changes.Total)
	}
	for _, id := range []int64{0, -1, 6} {
		if _, err := c.Publication(t.Context(), id); id != 0 {
			assert.ErrorIs(t, err, catalog.ErrNotFound, id)
		}
	}
	for _, want := range []struct {
		filter, name string
		moments      []catalog.Moment
	}{
		{"", "", c.Moments()},
		{"ap", "", []catalog.Moment{{day(2), 2, 2}, {day(5), 5, 1}}},
		{"", "zebra", []catalog.Moment{{day(2), 2, 1}, {day(3), 3, 1}, {day(5), 5, 1}}},
		{"", "unicorn", nil},
	} {
		list, err := c.MomentsOf(t.Context(), want.filter, want.name)
		require.NoError(t, err)
		assert.Equal(t, want.moments, list, want)
	}
	none := newPast(t, zoo()...).open()
	assert.Empty(t, none.Moments())
}

// TestArrivalsThatAreNotKnown: no date is better than a wrong one.
func TestArrivalsThatAreNotKnown(t *testing.T) {
	unknown := func(known ...string) map[string]string {
		days := map[string]string{}
		for _, n := range []string{"bear-4.0-1.noarch", "Ape-1.9-1.i686", "Ape-1.9-1.x86_64", "bear-2:4.1-1.noarch", "Ape-1.10-1.x86_64", "zebra-0-1.src"} {
			days[n] = ""
		}
		for _, k := range known {
			n, day, _ := strings.Cut(k, " ")
			days[n] = day
		}
		return days
	}
	for name, c := range map[string]struct {
		past func(h *past)
		want map[string]string
	}{
		"no history": {func(*past) {}, unknown()},
		"a first line": {func(h *past) { h.day(true, func(*mirror.Publication) {}) }, map[string]string{
			"bear-4.0-1.noarch": "03-01", "Ape-1.9-1.i686": "03-01", "Ape-1.9-1.x86_64": "03-01", "bear-2:4.1-1.noarch": "03-01",
			"Ape-1.10-1.x86_64": "03-01", "zebra-0-1.src": "03-01",
		}},
		"packages that were there before": {func(h *past) {
			h.last = "others"
			h.day(true, func(p *mirror.Publication) { p.Added = []string{"zebra-0-1.src"} })
		}, unknown("zebra-0-1.src 03-01")},
		"a gap": {func(h *past) {
			h.day(false, func(*mirror.Publication) {})
			h.last = "others"
			h.day(true, func(p *mirror.Publication) { p.Added = []string{"zebra-0-1.src"} })
		}, unknown("zebra-0-1.src 03-02")},
		"a publication that has not taken place": {func(h *past) {
			h.last = "others"
			h.day(true, func(p *mirror.Publication) { p.Added = []string{"zebra-0-1.src"} })
			h.day(false, func(p *mirror.Publication) { p.Added = []string{"bear-4.0-1.noarch"} })
		}, unknown("zebra-0-1.src 03-01")},
		"damage": {func(h *past) {
			h.day(false, func(*mirror.Publication) {})
			h.day(false, func(p *mirror.Publication) { p.Added = []string{"bear-4.0-1.noarch"} })
			file := filepath.Join(h.state(), "history")
			data, err := os.ReadFile(file)
			require.NoError(h.t, err)
			require.NoError(h.t, os.WriteFile(file, slices.Concat(data, []byte("rubbish\n")), 0o644))
			h.day(true, func(p *mirror.Publication) { p.Added = []string{"zebra-0-1.src"} })
		}, unknown("zebra-0-1.src 03-03", "bear-4.0-1.noarch 03-02")},
	} {
		t.Run(name, func(t *testing.T) {
			h := newPast(t, zoo()...)
			c.past(h)
			catalog := h.open()
			assert.Equal(t, c.want, added(t, catalog))
			if name == "damage" {
				assert.Equal(t, []string{"1 lines of the history cannot be read"}, catalog.Info().Missing)
			} else {
				assert.Empty(t, catalog.Info().Missing)
			}
		})
	}
}

// TestChangesThatCannotBeRead: the rest of the catalog is there.
func TestChangesThatCannotBeRead(t *testing.T) {
	h := newPast(t, zoo()...)
	require.NoError(t, os.Mkdir(filepath.Join(h.state(), "history"), 0o755))
	c := h.open()
	require.Len(t, c.Info().Missing, 1)
	assert.Contains(t, c.Info().Missing[0], "the history cannot be read: ")
	assert.Zero(t, c.Info().Publications)
	assert.Len(t, added(t, c), 6)
	p, err := c.Changes(t.Context(), catalog.ChangeOptions{})
	require.NoError(t, err)
	assert.Zero(t, p.Total)
}

// TestManyChanges: a publication is read in parts.
func TestManyChanges(t *testing.T) {
	h := newPast(t, zoo()...)
	h.day(false, func(*mirror.Publication) {})
	var want []string
	h.day(true, func(p *mirror.Publication) {
		for i := range 3210 {
			n := fmt.Sprintf("name%d-1-1.noarch", i%1000)
			p.Added = append(p.Added, n)
			want = append(want, "03-02 added "+n)
		}
	})
	c := h.open()
	var got []string
	for offset := 0; ; {
		p, err := c.Changes(t.Context(), catalog.ChangeOptions{Offset: offset, Limit: 333})
		require.NoError(t, err)
		assert.Equal(t, len(want), p.Total)
		if len(p.Changes) == 0 {
			break
		}
		got = append(got, words(p.Changes)...)
		offset += len(p.Changes)
	}
	assert.Equal(t, want, got)
	p, err := c.Changes(t.Context(), catalog.ChangeOptions{Name: "name7", Offset: 1, Limit: 2})
	require.NoError(t, err)
	assert.Equal(t, 4, p.Total)
	assert.Equal(t, []string{"03-02 added name7-1-1.noarch", "03-02 added name7-1-1.noarch"}, words(p.Changes))
}

// TestChangesOfManyNames: whether names are looked up or all is read, what is found is
// the same.
func TestChangesOfManyNames(t *testing.T) {
	h := newPast(t, zoo()...)
	h.day(false, func(*mirror.Publication) {})
	for day := range 2 {
		h.day(day == 1, func(p *mirror.Publication) {
			for i := range 6000 {
				p.Added = append(p.Added, fmt.Sprintf("name%04d-%d-1.noarch", i, day))
			}
			p.Added = append(p.Added, fmt.Sprintf("other-%d-1.noarch", day))
		})
	}
	c := h.open()
	for filter, want := range map[string]int{"name": 6000, "name*": 6000, "name00": 100, "other": 1, "": 6001} {
		p, err := c.Changes(t.Context(), catalog.ChangeOptions{Filter: filter, Offset: want - 1, Limit: 2})
		require.NoError(t, err)
		assert.Equal(t, 2*want, p.Total, filter)
		require.Len(t, p.Changes, 2, filter)
		assert.Equal(t, []int64{3, 2}, []int64{p.Changes[0].Publication, p.Changes[1].Publication}, filter)
		moments, err := c.MomentsOf(t.Context(), filter, "")
		require.NoError(t, err)
		n := len(moments)
		require.GreaterOrEqual(t, n, 2)
		assert.Equal(t, []int32{int32(want), int32(want)}, []int32{moments[n-2].Changes, moments[n-1].Changes}, filter)
		p, err = c.Changes(t.Context(), catalog.ChangeOptions{Filter: filter, Publication: 2, Offset: want - 1})
		require.NoError(t, err)
		assert.Equal(t, want, p.Total, filter)
		assert.Len(t, p.Changes, 1, filter)
	}
}
