package config

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Patterns add up: those of all lines, of both names, of [main] and of the
// repository, and of --setopt, where an empty one takes back what it would add to.
func TestPatternsAddUp(t *testing.T) {
	for _, tt := range []struct {
		main, repo, set string
		want            string
	}{
		{"", "", "", ""},
		{"", "excludepkgs=foo*\nexclude=kernel*", "", "foo* kernel*"},
		{"", "exclude=kernel*\nexcludepkgs=foo*", "", "foo* kernel*"},
		{"", "excludepkgs=foo*\nexcludepkgs=kernel*", "", "kernel*"}, // one key twice
		{"", "excludepkgs=foo*,,kernel*\n  x, y", "", "foo* kernel* x y"},
		{"exclude=foo*", "excludepkgs=kernel*", "", "foo* kernel*"},
		{"excludepkgs=foo*", "excludepkgs=", "", "foo*"},
		{"excludepkgs=foo*", "excludepkgs=kernel*", "r.excludepkgs=a", "a foo* kernel*"},
		{"excludepkgs=foo*", "excludepkgs=kernel*", "r.excludepkgs=", "foo*"},
		{"excludepkgs=foo*", "excludepkgs=kernel*", "r.exclude= r.exclude=b r.excludepkgs=c", "b c foo*"},
		{"excludepkgs=foo*", "excludepkgs=kernel*", "excludepkgs=", "kernel*"},
		{"excludepkgs=foo*", "excludepkgs=kernel*", "exclude=a", "a foo* kernel*"},
		{"excludepkgs=foo*", "excludepkgs=foo*", "", "foo*"},
		{"disable_excludes=main\nexcludepkgs=foo*", "excludepkgs=kernel*", "", "kernel*"},
		{"disable_excludes=x,r\nexcludepkgs=foo*", "excludepkgs=kernel*", "", "foo*"},
		{"disable_excludes=all\nexcludepkgs=foo*", "excludepkgs=kernel*", "", ""},
	} {
		for _, key := range []string{"excludepkgs", "includepkgs"} {
			include := strings.NewReplacer("excludepkgs", "includepkgs", "exclude", "includepkgs", "disable_excludes", "disable_excludes")
			if key == "excludepkgs" {
				include = strings.NewReplacer()
			} else if strings.Contains(tt.repo, "exclude=") {
				continue // has no other name
			}
			h := newHost(t)
			h.write("cwd/gorepo.conf", "[main]\n"+include.Replace(tt.main)+"\n[r]\nbaseurl=/x\n"+include.Replace(tt.repo)+"\n[other]\nbaseurl=/y\n")
			h.opts.Set = strings.Fields(include.Replace(tt.set))
			r := h.load().Repo("r")
			require.NoError(t, r.Err)
			got := r.ExcludePkgs
			if key == "includepkgs" {
				got = r.IncludePkgs
			}
			assert.Equal(t, tt.want, strings.Join(got, " "), "%s: %+v", key, tt)
		}
	}
}

// A mistake in any of the lines is at its place.
func TestPatternErrors(t *testing.T) {
	h := newHost(t)
	h.write("cwd/gorepo.conf", "[main]\nexcludepkgs=ok\n[r]\nbaseurl=/x\nexclude=b[\nexcludepkgs=ok2\n")
	assert.ErrorContains(t, h.load().Repo("r").Err, `gorepo.conf:5: repository "r": excludepkgs: "b["`)
}

func TestVersionsToKeep(t *testing.T) {
	for _, tt := range []struct {
		main, repo string
		keep       int
		newest     bool
	}{
		{"", "", 0, false},
		{"", "newest_only=1", 1, true},
		{"", "keep=3", 3, false},
		{"", "keep=", 0, false},
		{"", "keep=1\nnewest_only=1", 1, true},
		{"", "keep=0\nnewest_only=1", 1, true},
		{"", "keep=2\nnewest_only=0", 2, false},
		{"keep=3", "", 3, false},
		{"newest_only=1", "", 1, true},
		{"newest_only=1", "keep=3", 3, false},
		{"newest_only=1", "keep=0", 0, false},
		{"keep=3", "newest_only=1", 1, true},
		{"keep=3", "newest_only=0", 0, false},
		{"keep=3", "keep=2", 2, false},
	} {
		h := newHost(t)
		h.write("cwd/gorepo.conf", "[main]\n"+tt.main+"\n[r]\nbaseurl=/x\n"+tt.repo+"\n")
		r := h.load().Repo("r")
		require.NoError(t, r.Err, tt)
		assert.Equal(t, tt.keep, r.Keep, tt)
		assert.Equal(t, tt.newest, r.NewestOnly, tt)
	}
}

func TestParseDate(t *testing.T) {
	for text, want := range map[string]time.Time{
		"":           {},
		"2024-02-29": time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC),
		"2008-1-1":   time.Date(2008, 1, 1, 0, 0, 0, 0, time.UTC), // dnf 5 takes it
	} {
		got, err := ParseDate(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got)
	}
	for _, text := range []string{"2023-02-29", "yesterday", "2024-01-01T00:00:00", "20240101", "24-01-01", "2024-13-01"} {
		_, err := ParseDate(text)
		assert.Error(t, err, text)
	}
}

func TestParsePatterns(t *testing.T) {
	for _, good := range []string{"foo", "foo*.x86_64", `x\[1\]`, "[]a]b", "[!]]", "foo-1:2-3.src", `[\]]`, "a^b~c", "f[^x]o"} {
		list, err := ParsePatterns(good)
		require.NoError(t, err, good)
		assert.Equal(t, []string{good}, list)
	}
	for _, bad := range []string{"[", "a[]", "a[!]", "a[b", `a[\]`, `a\`, "/bin/sh", "(x)", "a<1", "a=1", "[[:digit:]]", "[[=a=]]", "[[.a.]]"} {
		_, err := ParsePatterns(bad)
		assert.Error(t, err, bad)
	}
}
