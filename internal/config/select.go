package config

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// maxKeep bounds the number of versions to keep. No repository has as many.
const maxKeep = 1_000_000

// put adds a line to those that a section has. The last one counts, but for keys
// whose lines add up.
func put(entries map[string]entry, name string, e entry) {
	if name == "exclude" {
		name = "excludepkgs" // what dnf calls it since 2.0
	}
	if had, ok := entries[name]; ok && keys[name].adds && trimValue(e.value) != "" {
		e.before = &had
	}
	entries[name] = e
}

// behind makes first the one that the oldest of e's lines adds to.
func (e entry) behind(first entry) entry {
	if e.before != nil {
		first = e.before.behind(first)
	}
	e.before = &first
	return e
}

// all are the entry and those that it adds to.
func (e entry) all() iter.Seq[entry] {
	return func(yield func(entry) bool) {
		for at := &e; at != nil && yield(*at); at = at.before {
		}
	}
}

// disableExcludes takes out the patterns that disable_excludes names.
func (l *loader) disableExcludes(defaults, own map[string]entry, id string) {
	for _, name := range l.conf.Main.DisableExcludes {
		for _, key := range []string{"includepkgs", "excludepkgs"} {
			if name == "all" || name == "main" {
				delete(defaults, key)
			}
			if name == "all" || matches(name, id) {
				delete(own, key)
			}
		}
	}
}

// settleSelection works out what the keys about versions mean together.
func (r *Repo) settleSelection(entries map[string]entry) (errs []error) {
	for _, list := range []*[]string{&r.IncludePkgs, &r.ExcludePkgs} {
		slices.Sort(*list) // maps gave them in any order, which means nothing
		*list = slices.Compact(*list)
	}
	if r.NewestOnly && r.Keep > 1 {
		errs = append(errs, fmt.Errorf("%s: repository %q: keep = %d and newest_only = 1 contradict each other: leave one out", entries["keep"].pos(), r.ID, r.Keep))
	}
	if r.NewestOnly {
		r.Keep = 1
	}
	return errs
}

func setKeep(r *Repo, v string) (err error) {
	r.Keep = 0
	if v != "" {
		r.Keep, err = parseInt(v, 0, maxKeep)
	}
	return err
}

func addPatterns(field func(*Repo) *[]string) func(*Repo, string) error {
	return func(r *Repo, v string) error {
		list, err := ParsePatterns(v)
		*field(r) = append(*field(r), list...)
		return err
	}
}

// ParsePatterns reads a list of patterns of packages: name, name.arch,
// name-version and so on, with globs. What no package can match is an error.
func ParsePatterns(s string) ([]string, error) {
	list := parseList(s)
	for _, pattern := range list {
		if err := checkPattern(pattern); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func checkPattern(pattern string) error {
	if i := strings.IndexAny(pattern, "(/=<>"); i >= 0 {
		return fmt.Errorf("%q matches no package, because of the %q: packages are named as name, name.arch, name-version or name-version-release.arch", pattern, pattern[i])
	}
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			if i++; i == len(pattern) {
				return fmt.Errorf("%q ends with a backslash", pattern)
			}
		case '[':
			n := setLength(pattern[i:])
			if n == 0 {
				return fmt.Errorf("%q has a [ without its ]: to mean the character, put a backslash in front of it", pattern)
			}
			set := pattern[i : i+n]
			if strings.Contains(set, "[:") || strings.Contains(set, "[.") {
				return fmt.Errorf("%q: classes of characters like [:alpha:] are not known", pattern)
			}
			i += n - 1
		}
	}
	return nil
}

// setLength is the length of the [...] that s begins with; 0 where it has no end.
func setLength(s string) int {
	start := 1
	if start < len(s) && (s[start] == '!' || s[start] == '^') {
		start++
	}
	for i := start; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == ']' && i > start:
			return i + 1
		}
	}
	return 0
}

// ParseDate reads the day YYYY-MM-DD as its beginning in UTC; nothing is the zero
// time.
func ParseDate(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse("2006-1-2", s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no day: it is to be YYYY-MM-DD, as 2024-12-31", s)
	}
	return day, nil
}
