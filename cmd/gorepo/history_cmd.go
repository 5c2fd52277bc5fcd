package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"gorepo/internal/config"
	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
	"gorepo/internal/report"
	"gorepo/internal/rpmpkg"
)

type historyCmd struct {
	IDs []string `arg:"" optional:"" name:"ID" help:"Repositories, ids or globs; without, the enabled ones."`

	Since moment `placeholder:"TIME" help:"Only what was published since then: YYYY-MM-DD, a time as 2026-11-01T03:00:00Z, or how long ago (36h, 7d)."`
	Name  string `placeholder:"PATTERN" help:"Only packages of this name, name.arch or name-version-release.arch, with globs."`

	repoFlags `embed:""`
}

// Help is shown by gorepo history --help.
func (historyCmd) Help() string {
	return `"Do we have that update, and since when?" is  gorepo history --name PACKAGE. The oldest comes first.`
}

// moment is a time in the past, as a flag has it.
type moment struct{ time.Time }

// UnmarshalText reads a day, a time, or how long ago it was.
func (m *moment) UnmarshalText(text []byte) error {
	s := string(text)
	if d, err := config.ParseDuration(s); err == nil && d >= 0 {
		m.Time = time.Now().Add(-d)
		return nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			m.Time = t
			return nil
		}
	}
	return fmt.Errorf("%q is no time: YYYY-MM-DD, 2026-11-01T03:00:00Z, or how long ago (36h, 7d)", s)
}

// A publicationObject is a line of history --json; docs/json.md is its
// specification.
type publicationObject struct {
	Event string `json:"event"`
	Repo  string `json:"repo"`
	mirror.Publication
}

// Run prints histories.
func (cmd *historyCmd) Run(ctx context.Context, a *app) error {
	var o config.Options
	cmd.configure(&o)
	c, incomplete, err := a.loadConfig(o)
	if err != nil {
		return err
	}
	repos, err := a.selectRepos(c, cmd.IDs)
	if err != nil {
		return err
	}
	m, err := mirror.Open(c.Main.Root)
	if err != nil {
		return err
	}
	width := 0
	for _, r := range repos {
		width = max(width, len(r.ID))
	}
	for _, r := range repos {
		if err := cmd.print(ctx, a, m, r.ID, width); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			a.out.Fail(r.ID, err)
			incomplete = true
		}
	}
	if incomplete {
		return &statusError{status: statusPartial}
	}
	return nil
}

// print prints the history of one repository.
func (cmd *historyCmd) print(ctx context.Context, a *app, m *mirror.Mirror, id string, width int) error {
	repo, published, err := withPublished(m, id)
	if err != nil {
		return err
	}
	found := false
	damaged, err := repo.ReadHistory(ctx, mirror.HistoryOptions{Since: cmd.Since.Time, Published: published}, func(p mirror.Publication) error {
		found = true
		if cmd.Name != "" && !keepOnly(&p, cmd.Name) && !p.First && !p.Gap {
			return nil
		}
		if a.JSON {
			a.out.Object(publicationObject{"publication", id, p})
			return ctx.Err()
		}
		at := p.Time.Local().Format("2006-01-02 15:04")
		for _, l := range historyLines(p, a.Verbose) {
			a.out.Print(fmt.Sprintf("%s  %-*s  %-10s  %s", at, width, id, l.kind, l.text))
		}
		return ctx.Err()
	})
	if damaged > 0 {
		a.out.Warn(id, report.Plural(damaged, "line")+" of its history cannot be read")
	}
	if err == nil && !found {
		a.out.Info(id, "nothing is known of publications"+cmd.Since.suffix())
	}
	return err
}

func (m moment) suffix() string {
	if m.IsZero() {
		return ""
	}
	return " since " + m.Local().Format("2006-01-02 15:04")
}

// withPublished is a repository, and the checksum of the primary that is published
// in it, "" if that cannot be told.
func withPublished(m *mirror.Mirror, id string) (*mirror.Repo, string, error) {
	repo, err := m.Repo(id, mirror.RepoOptions{})
	if err != nil {
		return nil, "", err
	}
	if state, warning := repo.State(); warning == nil && state.Dir != "" {
		if repo, err = m.Repo(id, mirror.RepoOptions{Dir: state.Dir}); err != nil {
			return nil, "", err
		}
	}
	metadata, err := repodata.OpenLocal("the published metadata", filepath.Join(repo.Dir(), "repodata"))
	if err != nil {
		return repo, "", nil //nolint:nilerr // the history says what it says
	}
	return repo, metadata.Repomd.PrimaryChecksum(), nil
}

// A historyLine is a line for people.
type historyLine struct{ kind, text string }

func historyLines(p mirror.Publication, all bool) (list []historyLine) {
	switch {
	case p.First && p.Before == "":
		list = append(list, historyLine{"first", report.Plural(p.Packages, "package") + ", of which none was there before"})
	case p.First:
		list = append(list, historyLine{"first", report.Plural(p.Packages, "package") + "; what was there before is not known"})
	case p.Gap:
		list = append(list, historyLine{"gap", "what was published before this is not known"})
	}
	add := func(kind string, packages []string) {
		for _, s := range packages {
			list = append(list, historyLine{kind, s})
		}
	}
	add("added", p.Added)
	for _, u := range p.Updated {
		list = append(list, historyLine{"updated", u.Package + "  from " + u.From})
	}
	add("replaced", p.Replaced)
	add("removed", p.Removed)
	add("superseded", p.Superseded)
	if p.Truncated {
		list = append(list, historyLine{"truncated", "there were more changes than are known"})
	}
	if all && !p.First {
		list = append(list, historyLine{"published", report.Plural(p.Packages, "package") + ", revision " + p.Revision})
	}
	return list
}

// keepOnly leaves only packages that a pattern names, and reports whether there
// are any.
func keepOnly(p *mirror.Publication, pattern string) bool {
	other := func(nevra string) bool {
		name, arch := rpmpkg.NameArch(nevra)
		for _, s := range []string{name, name + "." + arch, nevra} {
			if rpmpkg.Glob(pattern, s) {
				return false
			}
		}
		return true
	}
	for _, list := range []*[]string{&p.Added, &p.Replaced, &p.Removed, &p.Superseded} {
		*list = slices.DeleteFunc(*list, other)
	}
	p.Updated = slices.DeleteFunc(p.Updated, func(u mirror.Update) bool { return other(u.Package) })
	return len(p.Added)+len(p.Updated)+len(p.Replaced)+len(p.Removed)+len(p.Superseded) > 0
}
