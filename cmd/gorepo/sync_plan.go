package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/sync/errgroup"

	"gorepo/internal/config"
	"gorepo/internal/mirror"
	"gorepo/internal/report"
	"gorepo/internal/rpmpkg"
	reposync "gorepo/internal/sync"
)

// aside gives a mirror for what must not come into the real one. It is gone
// when use returns.
func aside(use func(scratch *mirror.Mirror) error) (err error) {
	dir, err := os.MkdirTemp("", "gorepo-aside-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	scratch, err := mirror.Open(dir)
	if err != nil {
		return err
	}
	return use(scratch)
}

// dryRun prints what a sync would do, and changes nothing.
func (r *syncRun) dryRun(ctx context.Context, repos []*config.Repo, scratch *mirror.Mirror) error {
	plans := make([]*report.DryRun, len(repos))
	var grp errgroup.Group
	grp.SetLimit(repositoriesAtOnce)
	for i, repo := range repos {
		grp.Go(func() error {
			plans[i] = r.planOne(ctx, repo, scratch)
			return nil
		})
	}
	_ = grp.Wait() // what failed is in the tally
	if err := ctx.Err(); err != nil {
		return err
	}
	plans = slices.DeleteFunc(plans, func(d *report.DryRun) bool { return d == nil })
	if r.app.JSON {
		for _, d := range plans {
			r.app.out.DryRun(*d)
		}
		return r.tally.status()
	}
	return errors.Join(printPlans(r.app.stdout, plans), r.tally.status())
}

// planOne is nil where no plan could be made, which has been said then.
func (r *syncRun) planOne(ctx context.Context, repo *config.Repo, scratch *mirror.Mirror) *report.DryRun {
	s := report.Summary{Verb: "sync", Repo: repo.ID, Outcome: report.Complete}
	plan, complete, err := r.plan(ctx, repo, scratch)
	if ctx.Err() != nil {
		return nil
	}
	var unavailable *reposync.UnavailableError
	if errors.As(err, &unavailable) && repo.SkipIfUnavailable {
		r.tally.add(s)
		r.app.out.Warn(repo.ID, fmt.Sprintf("skipped, as skip_if_unavailable says: %v", err))
		return nil
	}
	s.Outcome, s.Err = planOutcome(complete, err)
	r.tally.add(s)
	if err != nil {
		r.app.out.Fail(repo.ID, err)
		return nil
	}
	return r.describe(repo, plan)
}

// planOutcome is what became of finding out what a sync would do.
func planOutcome(complete bool, err error) (string, error) {
	var distrust *reposync.UntrustedError
	switch {
	case errors.As(err, &distrust):
		return report.Untrusted, err
	case err != nil:
		return report.Failed, err
	case !complete:
		return report.Partial, nil
	}
	return report.Complete, nil
}

// plan reports with its plan whether all that upstream lists is in it.
func (r *syncRun) plan(ctx context.Context, repo *config.Repo, scratch *mirror.Mirror) (p reposync.Plan, complete bool, err error) {
	complete, err = r.look(ctx, repo, scratch, func(o reposync.Options, place *mirror.Repo) (err error) {
		p, err = reposync.MakePlan(ctx, o, place)
		return err
	})
	return p, complete, err
}

func (r *syncRun) describe(repo *config.Repo, p reposync.Plan) *report.DryRun {
	d := &report.DryRun{
		Repo: repo.ID, Revision: p.Revision, New: len(p.New), Changed: len(p.Changed), Read: len(p.Verify), Kept: len(p.Keep),
		Other: len(p.Other), Delete: len(p.Delete), DeleteLater: len(p.Condemned),
		MetadataUnchanged: p.MetadataUnchanged, MetadataFiles: p.MetadataFiles, MetadataBytes: p.MetadataBytes,
	}
	d.Bytes = sizeOfRefs(p.New) + sizeOfRefs(p.Changed)
	d.KeptBytes, d.DeleteBytes, d.DeleteLaterBytes = sizeOfRefs(p.Keep), sizeOfFiles(p.Delete), sizeOfFiles(p.Condemned)
	d.TreeFiles, d.TreeKept, d.TreeGone = len(p.Tree), p.TreeKept, len(p.TreeGone)
	for _, f := range p.Tree {
		d.TreeBytes += max(f.Size, 0)
	}
	if p.Refused != nil {
		d.Refused = p.Refused.Error()
	}
	if !r.app.Verbose {
		return d
	}
	for _, of := range []struct {
		action string
		refs   []rpmpkg.Ref
		files  []mirror.Package
	}{
		{"fetch", p.New, nil},
		{"replace", p.Changed, nil},
		{"read", p.Verify, nil},
		{"keep", p.Keep, nil},
		{"leave", nil, p.Other},
		{"delete", nil, p.Delete},
		{"delete-later", nil, p.Condemned},
	} {
		for _, ref := range of.refs {
			d.Steps = append(d.Steps, report.Step{Action: of.action, Location: ref.Location, Bytes: ref.Size})
		}
		for _, file := range of.files {
			d.Steps = append(d.Steps, report.Step{Action: of.action, Location: file.Location, Bytes: file.Size})
		}
	}
	for _, f := range p.Tree {
		d.Steps = append(d.Steps, report.Step{Action: "fetch", Location: f.Path, Bytes: f.Size})
	}
	for _, f := range p.TreeGone {
		d.Steps = append(d.Steps, report.Step{Action: "delete", Location: f.Path, Bytes: f.Size})
	}
	return d
}

func sizeOfRefs(list []rpmpkg.Ref) (n int64) {
	for _, ref := range list {
		n += ref.Size
	}
	return n
}

func sizeOfFiles(list []mirror.Package) (n int64) {
	for _, file := range list {
		n += file.Size
	}
	return n
}

// treeLine says what becomes of an installation tree; "" where there is none.
func treeLine(d *report.DryRun) string {
	if d.TreeFiles+d.TreeKept+d.TreeGone == 0 {
		return ""
	}
	line := fmt.Sprintf("installation tree: %s files to fetch", report.Count(d.TreeFiles))
	if d.TreeBytes > 0 {
		line += fmt.Sprintf(" (of known size: %s)", report.Size(d.TreeBytes))
	}
	line += fmt.Sprintf(", %s there", report.Count(d.TreeKept))
	if d.TreeGone > 0 {
		line += fmt.Sprintf(", %s to delete", report.Count(d.TreeGone))
	}
	return line
}

// amount is a number of packages with their size.
func amount(n int, bytes int64) string {
	if n == 0 {
		return "0"
	}
	return fmt.Sprintf("%s (%s)", report.Count(n), report.Size(bytes))
}

// printPlans prints a table of all plans, and below it what there is to say of
// each.
func printPlans(out io.Writer, plans []*report.DryRun) error {
	if len(plans) == 0 {
		return nil
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	line := func(columns ...string) { fmt.Fprintln(w, strings.Join(columns, "\t")) } //nolint:errcheck // to memory
	line("repository", "new", "changed", "fetch", "read", "keep", "leave", "delete", "delete later", "metadata")
	for _, d := range plans {
		metadata := "unchanged"
		if d.MetadataFiles > 0 {
			metadata = report.Size(d.MetadataBytes) + " to fetch"
		} else if !d.MetadataUnchanged {
			metadata = "new"
		}
		line(d.Repo, report.Count(d.New), report.Count(d.Changed), report.Size(d.Bytes), report.Count(d.Read), report.Count(d.Kept),
			report.Count(d.Other), amount(d.Delete, d.DeleteBytes), amount(d.DeleteLater, d.DeleteLaterBytes), metadata)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, d := range plans {
		if d.Refused != "" {
			fmt.Fprintf(&text, "%s: %s\n", d.Repo, d.Refused)
		}
		if line := treeLine(d); line != "" {
			fmt.Fprintf(&text, "%s: %s\n", d.Repo, line)
		}
		for _, s := range d.Steps {
			size := "size not known"
			if s.Bytes >= 0 {
				size = report.Size(s.Bytes)
			}
			fmt.Fprintf(&text, "%s: %-12s %s (%s)\n", d.Repo, s.Action, printable(s.Location), size)
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}
