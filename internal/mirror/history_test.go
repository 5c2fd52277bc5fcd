package mirror

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/rpmpkg"
)

// nevras makes packages of "name version" or "name version arch", release 1.
func nevras(list ...string) (n []rpmpkg.NEVRA) {
	for _, s := range list {
		f := append(strings.Fields(s), "noarch")
		epoch, version, found := strings.Cut(f[1], ":")
		if !found {
			epoch, version = "0", f[1]
		}
		n = append(n, rpmpkg.NEVRA{Name: f[0], EVR: rpmpkg.EVR{Epoch: epoch, Version: version, Release: "1"}, Arch: f[2]})
	}
	return n
}

func TestPublicationCompare(t *testing.T) {
	for name, c := range map[string]struct {
		come, gone, kept []string
		want             Publication
	}{
		"nothing": {kept: []string{"a 1"}},
		"a new name": {
			come: []string{"b 1"}, kept: []string{"a 1"},
			want: Publication{Added: []string{"b-1-1.noarch"}},
		},
		"a new architecture": {
			come: []string{"a 2 x86_64"}, kept: []string{"a 1 i686"},
			want: Publication{Added: []string{"a-2-1.x86_64"}},
		},
		"several versions of a new name": {
			come: []string{"b 1", "b 2"},
			want: Publication{Added: []string{"b-1-1.noarch", "b-2-1.noarch"}},
		},
		"gone": {
			gone: []string{"b 2", "b 1"}, kept: []string{"a 1"},
			want: Publication{Removed: []string{"b-1-1.noarch", "b-2-1.noarch"}},
		},
		"an old version gone": {
			gone: []string{"b 1"}, kept: []string{"b 2"},
			want: Publication{Removed: []string{"b-1-1.noarch"}},
		},
		"beside the older": {
			come: []string{"a 10"}, kept: []string{"a 9", "a 1"},
			want: Publication{Updated: []Update{{"a-10-1.noarch", "9-1"}}},
		},
		"in place of the older": {
			come: []string{"a 10"}, gone: []string{"a 9"},
			want: Publication{Updated: []Update{{"a-10-1.noarch", "9-1"}}, Superseded: []string{"a-9-1.noarch"}},
		},
		"the oldest goes for it": {
			come: []string{"a 10"}, gone: []string{"a 1"}, kept: []string{"a 9"},
			want: Publication{Updated: []Update{{"a-10-1.noarch", "9-1"}}, Superseded: []string{"a-1-1.noarch"}},
		},
		"of an older stream": {
			come: []string{"perl 5.26.4"}, kept: []string{"perl 5.26.3", "perl 5.30.1"},
			want: Publication{Updated: []Update{{"perl-5.26.4-1.noarch", "5.26.3-1"}}},
		},
		"back to an older one": {
			come: []string{"a 1"}, gone: []string{"a 2"},
			want: Publication{Updated: []Update{{"a-1-1.noarch", "2-1"}}, Superseded: []string{"a-2-1.noarch"}},
		},
		"an epoch": {
			come: []string{"a 1:1"}, gone: []string{"a 2"},
			want: Publication{Updated: []Update{{"a-1:1-1.noarch", "2-1"}}, Superseded: []string{"a-2-1.noarch"}},
		},
		"built again": {
			come: []string{"a 1"}, gone: []string{"a 1"},
			want: Publication{Replaced: []string{"a-1-1.noarch"}},
		},
		"built again, and older ones go": {
			come: []string{"a 2"}, gone: []string{"a 2", "a 1"},
			want: Publication{Replaced: []string{"a-2-1.noarch"}, Removed: []string{"a-1-1.noarch"}},
		},
		"a second of one version": {
			come: []string{"a 1"}, kept: []string{"a 1"},
			want: Publication{Replaced: []string{"a-1-1.noarch"}},
		},
		"one of two of one version goes": {gone: []string{"a 1"}, kept: []string{"a 1"}},
		"twice new": {
			come: []string{"a 1", "a 1"},
			want: Publication{Added: []string{"a-1-1.noarch"}},
		},
		"no epoch is the same as 0": {
			come: []string{"a :1"}, gone: []string{"a 1"},
			want: Publication{Replaced: []string{"a-1-1.noarch"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got Publication
			got.Compare(nevras(c.come...), nevras(c.gone...), slices.Values(nevras(c.kept...)))
			w := c.want
			w.Counts = Counts{len(w.Added), len(w.Updated), len(w.Replaced), len(w.Removed), len(w.Superseded)}
			assert.Equal(t, w, got)
		})
	}
}

var historyTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// step is a publication of a generation in the place of another.
func step(before, primary string, added ...string) Publication {
	return Publication{
		Time: historyTime, Revision: "1", Repomd: "repomd-" + primary, Primary: primary, Before: before,
		Packages: 1, Added: added, Counts: Counts{Added: len(added)},
	}
}

// history is all that is read, as "before>primary", with marks.
func history(t *testing.T, r *Repo, o HistoryOptions) (list []string, damaged int) {
	t.Helper()
	damaged, err := r.ReadHistory(t.Context(), o, func(p Publication) error {
		s := p.Before + ">" + p.Primary
		if p.First {
			s += " first"
		}
		if p.Gap {
			s += " gap"
		}
		list = append(list, s)
		return nil
	})
	require.NoError(t, err)
	return list, damaged
}

func TestHistory(t *testing.T) {
	r := newRepo(t)
	list, damaged := history(t, r, HistoryOptions{})
	assert.Empty(t, list)
	assert.Zero(t, damaged)
	_, ok := r.LastPublication("")
	assert.False(t, ok)

	first := step("", "a", "x-1-1.noarch")
	require.NoError(t, r.AppendHistory(first))
	second := step("a", "b", "y-1-1.noarch")
	second.Updated = []Update{{"x-2-1.noarch", "1-1"}}
	second.Time = historyTime.Add(time.Hour + time.Millisecond)
	require.NoError(t, r.AppendHistory(second))
	require.Equal(t, ""+
		`{"time":"2026-01-02T03:04:05Z","revision":"1","repomd":"repomd-a","primary":"a","first":true,"packages":1,`+
		`"counts":{"added":0,"updated":0,"replaced":0,"removed":0,"superseded":0}}`+"\n"+
		`{"time":"2026-01-02T04:04:05Z","revision":"1","repomd":"repomd-b","primary":"b","before":"a","packages":1,`+
		`"counts":{"added":1,"updated":0,"replaced":0,"removed":0,"superseded":0},`+
		`"added":["y-1-1.noarch"],"updated":[{"package":"x-2-1.noarch","from":"1-1"}]}`+"\n",
		string(read(t, r.statePath(historyFile))))
	list, _ = history(t, r, HistoryOptions{Published: "b"})
	assert.Equal(t, []string{">a first", "a>b"}, list)
	list, _ = history(t, r, HistoryOptions{Since: historyTime.Add(time.Minute)})
	assert.Equal(t, []string{"a>b"}, list)
	last, ok := r.LastPublication("b")
	assert.True(t, ok)
	assert.Equal(t, "b", last.Primary)
	assert.Equal(t, second.Updated, last.Updated)

	stop := errors.New("enough")
	calls := 0
	_, err := r.ReadHistory(t.Context(), HistoryOptions{}, func(Publication) error { calls++; return stop })
	require.ErrorIs(t, err, stop)
	assert.Equal(t, 1, calls)
}

// TestHistoryAheadOfPublication: a line whose publication did not take place is not
// shown, and is taken back by the next.
func TestHistoryAheadOfPublication(t *testing.T) {
	r := newRepo(t)
	for _, p := range []Publication{step("", "a"), step("a", "b"), step("b", "c")} {
		require.NoError(t, r.AppendHistory(p))
	}
	for published, want := range map[string][]string{
		"c": {">a first", "a>b", "b>c"},
		"b": {">a first", "a>b"},        // c is not there yet
		"x": {">a first", "a>b", "b>c"}, // somebody else was here
		"":  {">a first", "a>b", "b>c"}, // not known
	} {
		list, _ := history(t, r, HistoryOptions{Published: published})
		assert.Equal(t, want, list, published)
		last, ok := r.LastPublication(published)
		assert.True(t, ok)
		assert.Equal(t, want[len(want)-1], last.Before+">"+last.Primary)
	}
	require.NoError(t, r.AppendHistory(step("b", "d")))
	require.NoError(t, r.AppendHistory(step("b", "e")))
	list, _ := history(t, r, HistoryOptions{Published: "e"})
	assert.Equal(t, []string{">a first", "a>b", "b>e"}, list)
	// A generation that was there before comes again; and one with the same packages.
	for _, p := range []Publication{step("e", "b"), step("b", "b"), step("b", "e")} {
		require.NoError(t, r.AppendHistory(p))
	}
	list, _ = history(t, r, HistoryOptions{Published: "e"})
	assert.Equal(t, []string{">a first", "a>b", "b>e", "e>b", "b>b", "b>e"}, list)

	// The very first one did not take place either.
	r = newRepo(t)
	require.NoError(t, r.AppendHistory(step("", "a")))
	require.NoError(t, r.AppendHistory(step("", "b")))
	list, _ = history(t, r, HistoryOptions{Published: "b"})
	assert.Equal(t, []string{">b first"}, list)
}

// TestHistoryGap: what others published in between is told of.
// What the state says was published stays in the history, when somebody else puts
// exactly the generation before back; the same once more, which did not come true,
// does not.
func TestHistoryOfWhatWasTakenBack(t *testing.T) {
	r := newRepo(t)
	at := func(p Publication, minute int) Publication {
		p.Time, p.Repomd = time.Date(2026, 1, 1, 0, minute, 0, 5e8, time.UTC), "repomd of "+p.Primary
		return p
	}
	for i, p := range []Publication{step("", "a"), step("a", "b"), step("b", "c")} {
		require.NoError(t, r.AppendHistory(at(p, i)))
	}
	require.NoError(t, r.SaveState(State{Publish: PublishState{Built: "repomd of c", Time: time.Date(2026, 1, 1, 0, 3, 0, 0, time.UTC)}}))
	require.NoError(t, r.AppendHistory(at(step("b", "c"), 4)))
	list, _ := history(t, r, HistoryOptions{})
	assert.Equal(t, []string{">a first", "a>b", "b>c", "b>c gap"}, list)
	require.NoError(t, r.AppendHistory(at(step("b", "d"), 5)))
	list, _ = history(t, r, HistoryOptions{})
	assert.Equal(t, []string{">a first", "a>b", "b>c", "b>d gap"}, list)
}

func TestHistoryGap(t *testing.T) {
	r := newRepo(t)
	for _, p := range []Publication{step("old", "a", "n-1-1.noarch"), step("other", "c", "x-1-1.noarch"), step("", "d", "y-1-1.noarch"), step("d", "e")} {
		require.NoError(t, r.AppendHistory(p))
	}
	list, _ := history(t, r, HistoryOptions{})
	assert.Equal(t, []string{"old>a first", "other>c gap", ">d gap", "d>e"}, list)
	text := string(read(t, r.statePath(historyFile)))
	assert.Contains(t, text, "n-1-1", "what came with the first line to a repository that was there is listed")
	assert.Contains(t, text, "x-1-1")
	assert.NotContains(t, text, "y-1-1", "where nothing was published, all packages would be new")
}

// TestHistoryIsMended: whatever the file has become, reading it tells what can be
// told, and the next line is a line.
func TestHistoryIsMended(t *testing.T) {
	a, b := step("", "a"), step("a", "b")
	for name, c := range map[string]struct {
		damage  func(text string) string
		damaged int
		before  []string // read before the next line is written
		after   []string
	}{
		"half a line":       {func(s string) string { return s[:len(s)-20] }, 0, []string{">a first"}, []string{">a first", "b>c gap"}},
		"no line break":     {func(s string) string { return s[:len(s)-1] }, 0, []string{">a first"}, []string{">a first", "b>c gap"}},
		"half a line more":  {func(s string) string { return s + `{"time":"20` }, 0, []string{">a first", "a>b"}, []string{">a first", "a>b", "b>c"}},
		"zeros":             {func(s string) string { return s + strings.Repeat("\x00", 5000) }, 0, []string{">a first", "a>b"}, []string{">a first", "a>b", "b>c"}},
		"rubbish last":      {func(s string) string { return s + "rubbish\n" }, 1, []string{">a first", "a>b"}, []string{">a first", "a>b", "b>c gap"}},
		"rubbish first":     {func(s string) string { return "rubbish\n" + s }, 1, []string{">a first", "a>b"}, []string{">a first", "a>b", "b>c"}},
		"empty lines":       {func(s string) string { return "\n\n" + s }, 2, []string{">a first", "a>b"}, []string{">a first", "a>b", "b>c"}},
		"another format":    {func(string) string { return `{"time":5}` + "\n" + `[]` + "\n" + `{}` + "\n" }, 3, nil, []string{"b>c gap"}},
		"a line break only": {func(string) string { return "\n" }, 1, nil, []string{"b>c gap"}},
		"empty":             {func(string) string { return "" }, 0, nil, []string{"b>c first"}},
		"a line without end": {
			func(s string) string { return s + strings.Repeat("x", maxHistoryLine+100_000) }, 0,
			[]string{">a first", "a>b"},
			[]string{">a first", "a>b", "b>c"},
		},
		"too long a line": {
			func(s string) string { return s + strings.Repeat("x", maxHistoryLine+100_000) + "\n" + s }, 1,
			[]string{">a first", "a>b", ">a first", "a>b"},
			[]string{">a first", "a>b", ">a first", "a>b", "b>c"},
		},
		"too long a line last": {
			func(s string) string { return s + strings.Repeat("x", maxHistoryLine+100_000) + "\n" }, 1,
			[]string{">a first", "a>b"},
			[]string{">a first", "a>b", "b>c gap"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t)
			require.NoError(t, r.AppendHistory(a))
			require.NoError(t, r.AppendHistory(b))
			file := r.statePath(historyFile)
			require.NoError(t, os.WriteFile(file, []byte(c.damage(string(read(t, file)))), 0o644))
			list, damaged := history(t, r, HistoryOptions{})
			assert.Equal(t, c.before, list)
			assert.Equal(t, c.damaged, damaged)
			require.NoError(t, r.AppendHistory(step("b", "c")))
			list, damaged = history(t, r, HistoryOptions{})
			assert.Equal(t, c.after, list)
			assert.Equal(t, c.damaged, damaged)
			assert.True(t, strings.HasSuffix(string(read(t, file)), "}\n"))
		})
	}
}

// TestHistoryLineIsBounded: of a publication that changes more than a line may
// hold, the counts are told.
func TestHistoryLineIsBounded(t *testing.T) {
	r := newRepo(t)
	require.NoError(t, r.AppendHistory(step("", "a")))
	p := step("a", "b")
	p.Revision = strings.Repeat("9", 1<<20)
	for i := range 120_000 {
		// Characters that take six in JSON, and a byte that is no text.
		p.Added = append(p.Added, fmt.Sprintf("name-%d\"\\\x01\x7f\xff%s-1-1.noarch", i, strings.Repeat("n", 20)))
	}
	p.Removed = []string{"r-1-1.noarch"}
	p.Counts = Counts{Added: len(p.Added), Removed: 1}
	require.NoError(t, r.AppendHistory(p))
	assert.Less(t, len(read(t, r.statePath(historyFile))), maxHistoryLine+1000)
	last, ok := r.LastPublication("b")
	require.True(t, ok)
	assert.True(t, last.Truncated)
	assert.Equal(t, p.Counts, last.Counts)
	assert.Greater(t, len(last.Added), 70_000)
	assert.Len(t, last.Revision, maxRevision)
	list, damaged := history(t, r, HistoryOptions{})
	assert.Equal(t, []string{">a first", "a>b"}, list)
	assert.Zero(t, damaged)

	p.Added = p.Added[:70_000]
	p.Primary, p.Before, p.Counts = "c", "b", Counts{Added: 70_000, Removed: 1}
	require.NoError(t, r.AppendHistory(p))
	last, ok = r.LastPublication("c")
	require.True(t, ok)
	assert.False(t, last.Truncated, "a whole distribution fits")
	assert.Len(t, last.Added, 70_000)
}

func TestHistoryIsTrimmed(t *testing.T) {
	r := newRepo(t)
	file := r.statePath(historyFile)
	for i := range 100 {
		require.NoError(t, r.AppendHistory(step(fmt.Sprint("g", i), fmt.Sprint("g", i+1))))
	}
	whole := string(read(t, file))
	size := int64(len(whole))
	require.NoError(t, trimHistory(file, size/2+1))
	assert.Equal(t, whole, string(read(t, file)), "it is not twice as large yet")
	require.NoError(t, trimHistory(file, size/4))
	rest := string(read(t, file))
	assert.True(t, strings.HasSuffix(whole, "\n"+rest), "the newest lines stay, each whole")
	assert.Less(t, int64(len(rest)), size/4)
	assert.Greater(t, int64(len(rest)), size/4-400)
	require.NoError(t, r.AppendHistory(step("g100", "g101")))
	list, damaged := history(t, r, HistoryOptions{Published: "g101"})
	assert.Zero(t, damaged)
	assert.Equal(t, "g100>g101", list[len(list)-1])
	left, err := filepath.Glob(r.statePath("*tmp*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

// TestHistoryThatCannotBeWritten: the error names the file, and what was there
// is there.
func TestHistoryThatCannotBeWritten(t *testing.T) {
	r := newRepo(t)
	require.NoError(t, os.Mkdir(r.statePath(historyFile), 0o755))
	require.ErrorContains(t, r.AppendHistory(step("", "a")), r.statePath(historyFile))
	_, err := r.ReadHistory(t.Context(), HistoryOptions{}, func(Publication) error { return nil })
	require.ErrorContains(t, err, "history: ")
}

// FuzzHistory: whatever the file holds, it can be read, and continued by a line
// that can be.
func FuzzHistory(f *testing.F) {
	line := func(before, primary string) string {
		p := step(before, primary, "x-1-1.noarch")
		data, err := p.line()
		require.NoError(f, err)
		return string(data)
	}
	f.Add([]byte(line("", "a") + line("a", "b")))
	f.Add([]byte(line("", "a") + line("a", "c")))
	f.Add([]byte(line("", "a") + "rubbish\n" + line("a", "b")[:40]))
	f.Add([]byte("\n\x00\n{}\n[1]\n\"\""))
	m, err := Open(f.TempDir())
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := m.Repo("base", RepoOptions{})
		require.NoError(t, err)
		r.fs = quick()
		require.NoError(t, os.MkdirAll(r.state, 0o755))
		file := r.statePath(historyFile)
		require.NoError(t, os.WriteFile(file, data, 0o644))
		before, damaged := history(t, r, HistoryOptions{})
		require.NoError(t, r.AppendHistory(step("b", "new")))
		after, still := history(t, r, HistoryOptions{Published: "new"})
		last, ok := r.LastPublication("new")
		require.True(t, ok)
		require.Equal(t, "new", last.Primary)
		// The last line may have been one of what was not published.
		require.LessOrEqual(t, len(before), len(after))
		require.LessOrEqual(t, len(after), len(before)+1)
		require.Equal(t, damaged, still)
		require.True(t, strings.HasPrefix(after[len(after)-1], "b>new"))
	})
}
