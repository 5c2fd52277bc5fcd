package main

import (
	"slices"
	"strings"
	"time"

	"gorepo/internal/config"
	"gorepo/internal/rpmpkg"
	reposync "gorepo/internal/sync"
)

// selectFlags say which packages sync brings, in reposync's and dnf's words.
type selectFlags struct {
	NewestOnly   bool     `short:"n" help:"Of every name and architecture, only the newest version."`
	Keep         *int     `placeholder:"N" help:"Of every name and architecture, the N newest versions; 0 is all."`
	MinBuildtime day      `placeholder:"YYYY-MM-DD" help:"Only packages that were built on this day or later, in UTC."`
	Arch         []string `short:"a" placeholder:"ARCH" help:"Only packages of this architecture; noarch must be named too. May be repeated, or a list."`
	Source       bool     `help:"Source packages only; of repositories that have another one for their sources (ID-source), those of that too."`
	SRPM         bool     `name:"srpm" help:"Source packages too, besides those of --arch, or by themselves."`
	Exclude      []string `aliases:"excludepkgs" short:"x" placeholder:"PATTERN" help:"Leave out packages, besides those of the key excludepkgs: name, name.arch, name-version and so on, with globs. May be repeated, or a list."`
	IncludePkgs  []string `name:"includepkgs" placeholder:"PATTERN" help:"Of all packages only these, and those of the key includepkgs. May be repeated, or a list."`
}

// day is a date, as the configuration reads it.
type day struct{ time.Time }

// UnmarshalText reads a date.
func (d *day) UnmarshalText(text []byte) (err error) {
	d.Time, err = config.ParseDate(string(text))
	return err
}

// check refuses what cannot be meant.
func (f *selectFlags) check() error {
	switch {
	case f.Keep != nil && *f.Keep < 0:
		return usagef("--keep %d: it is a number of versions, 0 for all", *f.Keep)
	case f.Keep != nil && f.NewestOnly:
		return usagef("--keep %d and --newest-only both say how many versions to take: leave one out", *f.Keep)
	}
	for flag, list := range map[string][]string{"--exclude": f.Exclude, "--includepkgs": f.IncludePkgs} {
		if _, err := config.ParsePatterns(strings.Join(list, ",")); err != nil {
			return usagef("%s: %v", flag, err)
		}
	}
	return nil
}

// selection says what is brought of a repository: its keys, and the flags
// before them. Patterns add up.
func (f *selectFlags) selection(o *reposync.Options, repo *config.Repo) {
	o.Keep = repo.Keep
	switch {
	case f.NewestOnly:
		o.Keep = 1
	case f.Keep != nil:
		o.Keep = *f.Keep
	}
	o.Names = rpmpkg.Names{
		Include: patterns(repo.IncludePkgs, f.IncludePkgs),
		Exclude: patterns(repo.ExcludePkgs, f.Exclude),
	}
	o.Filter.Arches = repo.Arches
	if arches := words(f.Arch); len(arches) > 0 {
		o.Filter.Arches = arches
	}
	if f.SRPM { // as dnf 5 has it
		o.Filter.Arches = append(slices.Clone(o.Filter.Arches), "src")
	}
	o.Filter.Source = f.Source || repo.Source
	since := repo.MinBuildTime
	if !f.MinBuildtime.IsZero() {
		since = f.MinBuildtime.Time
	}
	if !since.IsZero() {
		o.Filter.BuiltSince = since.Unix()
	}
}

// sources reports whether source packages are asked for.
func (f *selectFlags) sources() bool {
	return f.Source || f.SRPM || slices.Contains(words(f.Arch), "src")
}

func patterns(lists ...[]string) (all []rpmpkg.Pattern) {
	for _, list := range lists {
		for _, text := range words(list) {
			all = append(all, rpmpkg.ParsePattern(text))
		}
	}
	return all
}

// words are what a flag has that takes lists: as with dnf, at commas and blanks.
func words(list []string) []string {
	return strings.FieldsFunc(strings.Join(list, ","), func(r rune) bool { return strings.ContainsRune(", \t\n", r) })
}
