package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"

	"gorepo/internal/config"
	"gorepo/internal/health"
	"gorepo/internal/mirror"
	"gorepo/internal/report"
)

type repolistCmd struct {
	IDs []string `arg:"" optional:"" name:"ID" help:"Repositories to list, ids or globs; without, the enabled ones."`
	All bool     `help:"List disabled repositories too."`

	MetricsFile string `placeholder:"FILE" help:"Instead of a list, write metrics of the repositories into FILE, in one step, for node_exporter's textfile collector."`

	repoFlags `embed:""`

	RepoID []string `name:"repo" aliases:"repoid" short:"r" placeholder:"ID" help:"The same as ID: an id or a glob. May be repeated."`
}

// Help is shown by gorepo repolist --help.
func (repolistCmd) Help() string {
	return `With -v everything that was understood is shown, with variables filled in and credentials masked. A repository that cannot be used as it is written is listed, with the reason on stderr; the status is then 2.`
}

// A listed repository is one line of the list.
type listed struct {
	repo  *config.Repo
	dir   string
	state mirror.State
	last  *mirror.Publication // nil: nothing is known of one
}

// Run lists repositories.
func (cmd *repolistCmd) Run(_ context.Context, a *app) error {
	var o config.Options
	cmd.configure(&o)
	c, incomplete, err := a.loadConfig(o)
	if err != nil {
		return err
	}
	patterns := slices.Concat(cmd.IDs, cmd.RepoID)
	if cmd.All {
		if len(patterns) > 0 {
			return usagef("--all does not go with the id of a repository (%s)", list(patterns))
		}
		patterns = []string{"*"}
	}
	if cmd.All && len(c.Repos) == 0 {
		patterns = nil // a glob that matches nothing is an error
	}
	repos, err := a.selectRepos(c, patterns)
	if err != nil {
		return err
	}
	if cmd.MetricsFile != "" {
		return writeMetrics(cmd.MetricsFile, c, repos)
	}
	root, err := mirror.Open(c.Main.Root)
	if err != nil {
		return err
	}
	var all []listed
	for _, r := range repos {
		l, err := a.look(root, r)
		if err != nil {
			return err
		}
		all = append(all, l)
		if r.Err != nil {
			a.out.Fail("", r.Err)
			incomplete = incomplete || r.Enabled || !cmd.All && len(patterns) > 0
		}
	}
	if err := a.printList(all); err != nil {
		return err
	}
	if len(all) == 0 {
		a.out.Info("", "no repository is enabled"+where(c))
	}
	if incomplete {
		return &statusError{status: statusPartial}
	}
	return nil
}

// writeMetrics writes what `gorepo serve` exposes of the repositories into a file.
func writeMetrics(file string, c *config.Config, repos []*config.Repo) error {
	checker, err := health.New(c.Main.Root, expectations(c))
	if err != nil {
		return err
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(health.Collector(func() (all []health.Repo) {
		for _, r := range repos {
			all = append(all, checker.Check(r.ID, time.Now()))
		}
		return all
	}))
	err = prometheus.WriteToTextfile(file, reg)
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		err = pathErr.Err // its path is that of a temporary file
	}
	if err != nil {
		return fmt.Errorf("--metrics-file %s: %w", file, err)
	}
	return nil
}

func where(c *config.Config) string {
	if c.Path == "" {
		return ""
	}
	return " in " + c.Path + " and its reposdir"
}

// look finds what the mirror knows of a repository.
func (a *app) look(m *mirror.Mirror, r *config.Repo) (listed, error) {
	repo, published, err := withPublished(m, r.ID)
	if err != nil {
		return listed{}, err
	}
	state, warning := repo.State()
	if warning != nil {
		a.out.Warn(r.ID, warning.Error())
	}
	l := listed{repo: r, dir: repo.Dir(), state: state}
	if last, ok := repo.LastPublication(published); ok {
		l.last = &last
	}
	return l, repo.Close()
}

func (a *app) printList(all []listed) error {
	switch {
	case a.JSON:
		for _, l := range all {
			a.out.Object(l.object())
		}
		return nil
	case a.Verbose:
		for i, l := range all {
			if i > 0 {
				if _, err := fmt.Fprintln(a.stdout); err != nil {
					return err
				}
			}
			if err := l.details(a.stdout); err != nil {
				return err
			}
		}
		return nil
	case len(all) == 0:
		return nil
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	lines := []string{"id\tenabled\tlast sync\tpackages\tsize\tpublished\tname"}
	for _, l := range all {
		lines = append(lines, strings.Join(l.columns(), "\t"))
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return w.Flush()
}

func (l listed) columns() []string {
	packages, size := "-", "-"
	if n := l.packages(); n >= 0 {
		packages = report.Count(n)
	}
	if l.state.Sync.Bytes > 0 {
		size = report.Size(l.state.Sync.Bytes)
	}
	return []string{l.repo.ID, yesNo(l.repo.Enabled), l.synced(), packages, size, when(l.state.Publish.Time, "never"), printable(l.repo.Name)}
}

// packages is -1 where nothing is known.
func (l listed) packages() int {
	switch {
	case !l.state.Sync.Time.IsZero():
		return l.state.Sync.Packages
	case !l.state.Publish.Time.IsZero():
		return l.state.Publish.Packages
	}
	return -1
}

func (l listed) synced() string {
	s := l.state.Sync
	text := when(s.Time, "never")
	switch {
	case l.repo.Err != nil:
		return "error in the configuration"
	case s.Time.IsZero() || s.Outcome == mirror.OutcomeComplete:
		return text
	case s.Failures > 0:
		return fmt.Sprintf("%s %s, %s missing", text, s.Outcome, report.Count(s.Failures))
	}
	return text + " " + s.Outcome
}

func when(t time.Time, never string) string {
	if t.IsZero() {
		return never
	}
	return t.Local().Format("2006-01-02 15:04")
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// printable leaves control characters out of a name for people.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
}

// details prints everything that was understood: what a repository is, what was
// said about it and where, and what the mirror has of it.
func (l listed) details(w io.Writer) error {
	r := l.repo
	var b strings.Builder
	line := func(key, value, from string) {
		if from != "" {
			value += "  (" + from + ")"
		}
		fmt.Fprintf(&b, "  %-19s %s\n", key, printable(value))
	}
	said := map[string]string{}
	for _, s := range r.Settings {
		said[s.Key] = s.From
	}
	fmt.Fprintf(&b, "%s\n", r.ID)
	line("name", r.Name, said["name"])
	line("enabled", yesNo(r.Enabled), said["enabled"])
	line("from", l.from(), "")
	line("directory", l.dir, "")
	for _, u := range r.MaskedBaseURL() {
		line("baseurl", u, said["baseurl"])
	}
	line("variables", fmt.Sprintf("releasever=%s basearch=%s arch=%s", r.Vars["releasever"], r.Vars["basearch"], r.Vars["arch"]), "")
	line("gpgcheck", yesNo(r.GPGCheck), said["gpgcheck"])
	line("repo_gpgcheck", yesNo(r.RepoGPGCheck), said["repo_gpgcheck"])
	for _, s := range r.Settings {
		switch s.Key {
		case "name", "enabled", "gpgcheck", "repo_gpgcheck", "releasever", "basearch", "arch":
			continue
		case "baseurl":
			if len(r.BaseURL) > 0 {
				continue
			}
		}
		line(s.Key, s.Value, s.From)
	}
	columns := l.columns()
	line("last sync", columns[2], "")
	if !l.state.Sync.Complete.Equal(l.state.Sync.Time) {
		line("last complete sync", when(l.state.Sync.Complete, "never"), "")
	}
	if l.state.Sync.Revision != "" {
		line("revision", l.state.Sync.Revision, "")
	}
	line("packages", columns[3], "")
	line("size", columns[4], "")
	line("published", columns[5], "")
	if l.last != nil {
		c := l.last.Counts
		text := fmt.Sprintf("%s added, %s updated, %s removed", report.Count(c.Added), report.Count(c.Updated+c.Replaced), report.Count(c.Removed))
		if l.last.First && l.last.Before == "" {
			text = "first published, with " + report.Plural(l.last.Packages, "package")
		}
		line("last change", when(l.last.Time, "")+": "+text, "")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// from is where a repository is configured.
func (l listed) from() string {
	if l.repo.Line == 0 {
		return l.repo.File
	}
	return fmt.Sprintf("%s:%d", l.repo.File, l.repo.Line)
}
