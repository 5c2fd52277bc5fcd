package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"gorepo/internal/catalog"
	"gorepo/internal/config"
	"gorepo/internal/report"
)

type indexCmd struct {
	IDs      []string `arg:"" optional:"" name:"ID" help:"Repositories, by id or glob; without, all that have metadata in the mirror."`
	Force    bool     `short:"f" help:"Make indexes that are there already."`
	CacheDir string   `placeholder:"DIR" help:"Where to put indexes that cannot be in the mirror. Else $$CACHE_DIRECTORY, which systemd sets."`
}

// Help is shown by gorepo index --help.
func (indexCmd) Help() string {
	return `Makes the indexes that the pages of gorepo serve look things up in. gorepo serve makes them itself when something is published: this is for servers that may only read, and for cron, after createrepo.

An index is of one generation of metadata. One that is there is left as it is; those of generations before the last are removed.`
}

// Run makes indexes.
func (cmd *indexCmd) Run(ctx context.Context, a *app) error {
	c, incomplete, err := a.loadConfig(config.Options{Optional: true})
	if err != nil {
		return err
	}
	t := tally{incomplete: incomplete}
	ids, err := cmd.repositories(c, a, &t)
	if err != nil {
		return err
	}
	const percent = 50 // of what is in use: making an index leaves much behind
	defer debug.SetGCPercent(debug.SetGCPercent(percent))
	o := catalog.Options{Root: c.Main.Root, CacheDir: cacheDir(cmd.CacheDir, a)}
	var place onePlace
	for _, id := range ids {
		start := time.Now()
		m, err := catalog.Make(ctx, o, id, catalog.MakeOptions{
			Again:  cmd.Force,
			OnWait: func() { a.out.Warn(id, "waiting for another gorepo that makes the index") },
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if catalog.IsUnwritable(err) {
			place.err, place.ids = cmp.Or(place.err, err), append(place.ids, id)
		}
		a.indexed(&t, id, m, err, start)
	}
	place.say(a)
	if text := t.conclusion(); text != "" {
		a.out.Info("", text)
	}
	return t.status()
}

// onePlace is why several indexes cannot be made: where they should be may not be
// written. One line says it.
type onePlace struct {
	err error // of the first
	ids []string
}

func (p onePlace) say(a *app) {
	if len(p.ids) == 0 || a.Verbose {
		return // each was said
	}
	err := fmt.Errorf("%w (--cache-dir names another place)", p.err)
	if len(p.ids) == 1 {
		a.out.Fail(p.ids[0], err)
		return
	}
	a.out.Fail("", fmt.Errorf("the indexes of %d repositories cannot be made (%s): %w", len(p.ids), someOf(p.ids), err))
}

// someOf names the first of many.
func someOf(ids []string) string {
	const named = 3
	if n := len(ids) - named; n > 0 {
		return fmt.Sprintf("%s and %s more", list(ids[:named]), report.Count(n))
	}
	return list(ids)
}

// cacheDir is where indexes are where the mirror cannot be written.
func cacheDir(flag string, a *app) string {
	if flag != "" {
		return flag
	}
	// CacheDirectory= may name several.
	first, _, _ := strings.Cut(a.getenv("CACHE_DIRECTORY"), ":")
	return first
}

// repositories are those that are meant.
func (cmd *indexCmd) repositories(c *config.Config, a *app, t *tally) ([]string, error) {
	published, err := catalog.Published(c.Main.Root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: nothing is mirrored there yet (gorepo sync), or it is not the mirror (--root DIR)", err)
	}
	if err != nil {
		return nil, err
	}
	if len(cmd.IDs) == 0 {
		if len(published) == 0 {
			a.out.Info("", "no repository in "+c.Main.Root+" has metadata yet")
		}
		return published, nil
	}
	var ids []string
	for _, pattern := range cmd.IDs {
		found := false
		for _, id := range published {
			if ok, err := path.Match(pattern, id); ok || err != nil && pattern == id {
				found = true
				ids = append(ids, id)
			}
		}
		if !found {
			a.indexed(t, pattern, catalog.Made{}, fmt.Errorf("no repository of that name in %s has metadata", c.Main.Root), time.Now())
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// indexObject is the object of an index with --json (docs/json.md).
type indexObject struct {
	Event      string    `json:"event"`
	Time       time.Time `json:"time"`
	Repo       string    `json:"repo"`
	File       string    `json:"file"`
	Bytes      int64     `json:"bytes"`
	Generation string    `json:"generation"`
	Revision   string    `json:"revision,omitempty"`
	Packages   int       `json:"packages"`
	Names      int       `json:"names"`
	Groups     int       `json:"groups"`
	Modules    int       `json:"modules"`
	Advisories int       `json:"advisories"`
	Missing    []string  `json:"missing,omitempty"`
}

// indexed says what became of one index.
func (a *app) indexed(t *tally, id string, m catalog.Made, err error, start time.Time) {
	told := catalog.IsUnwritable(err) && !a.Verbose
	s := report.Summary{
		Verb: "index", Repo: id, Err: err, Duration: time.Since(start), Packages: m.Packages, Bytes: m.Bytes,
		Outcome: report.Complete, Failures: len(m.Missing), Told: told,
	}
	for _, text := range m.Missing {
		a.out.Warn(id, text)
	}
	switch {
	case err != nil:
		s.Outcome = report.Failed
	case len(m.Missing) > 0:
		s.Outcome = report.Partial
	case m.Fresh:
		s.Outcome = report.Unchanged
	}
	if err == nil {
		a.out.Note(id, fmt.Sprintf("the index takes %s: %s", report.Size(m.Size), m.Path))
	}
	if err == nil && a.JSON {
		a.out.Object(indexObject{
			Event: "index", Time: time.Now().UTC().Truncate(time.Millisecond), Repo: id, File: m.Path, Bytes: m.Size, Generation: m.Generation,
			Revision: m.Revision, Packages: m.Packages, Names: m.Names, Groups: m.Groups, Modules: m.Modules, Advisories: m.Advisories, Missing: m.Missing,
		})
	}
	t.add(s)
	a.out.Summary(s)
}
