package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"gorepo/internal/config"
	"gorepo/internal/fetch"
	"gorepo/internal/mirror"
	"gorepo/internal/report"
	"gorepo/internal/rpmpkg"
	reposync "gorepo/internal/sync"
)

// syncCmd takes reposync's flags under their own names.
type syncCmd struct {
	IDs []string `arg:"" optional:"" name:"ID" help:"Repositories to sync, ids or globs; without, the enabled ones."`

	RepoID           []string `name:"repoid" aliases:"repo" short:"r" placeholder:"ID" help:"The same as ID: an id or a glob. May be repeated."`
	DownloadPath     string   `name:"download-path" aliases:"download_path,destdir,downloaddir" short:"p" placeholder:"DIR" help:"The mirror's directory, like --root."`
	NoRepoPath       bool     `name:"norepopath" help:"Put packages into the directory itself instead of one named like the repository. For a single repository."`
	selectFlags      `embed:""`
	Delete           bool     `short:"d" help:"Remove packages that upstream no longer has, after a sync without failures."`
	ForceDelete      bool     `help:"Delete all that upstream no longer has, even if that is more than max_delete, or everything."`
	DownloadComps    bool     `name:"downloadcomps" short:"m" help:"Put the package groups into comps.xml."`
	DownloadMetadata bool     `help:"Take over upstream's metadata as it is, signature and all."`
	MetadataPath     string   `placeholder:"DIR" help:"Put the copy of upstream's metadata (--download-metadata) and comps.xml (-m) into DIR/ID instead of beside the packages."`
	SafeWritePath    string   `placeholder:"DIR" help:"Let packages whose locations lead out of the repository (../pool/x.rpm) lie outside of it, below DIR. For a single repository."`
	Treeinfo         bool     `help:"Bring the installation tree too: .treeinfo, all that it names, and the repositories inside it."`
	RemoteTime       bool     `help:"Give the server's time to files that are no packages, too. Packages have that of the metadata."`
	URLs             bool     `name:"urls" short:"u" xor:"aside" help:"Print the URLs of what would be fetched, and change nothing."`
	Summary          bool     `help:"Print one line for each repository on stdout: what was added, updated and removed, bytes and time."`
	DryRun           bool     `xor:"aside" help:"Print what would be done (with -v for every package), and change nothing."`
	Workers          int      `placeholder:"N" help:"Downloads at a time, over all repositories. Default: the key workers, else 10."`
	LockTimeout      *seconds `placeholder:"TIME" help:"How long to wait for a repository that another gorepo works on; 0 is not at all. Default: the key lock_timeout, else without end."`

	repoFlags     `embed:""`
	reposyncFlags `embed:""`
}

// Help is shown by gorepo sync --help.
func (syncCmd) Help() string {
	return `Brings packages and the upstream metadata that lists them. What is there already is not fetched again, and what was interrupted goes on where it stopped. A package enters the mirror only after its size and checksum, and its signature where gpgcheck asks for it, are verified.

Clients see new packages after gorepo createrepo --update.`
}

// seconds is a duration in the configuration's words: 30, 5m, 2h, never.
type seconds time.Duration

// UnmarshalText reads a duration.
func (s *seconds) UnmarshalText(text []byte) error {
	d, err := config.ParseDuration(string(text))
	if err != nil {
		return err
	}
	*s = seconds(d)
	return nil
}

const (
	// defaultWorkers keeps a line with a delay of 30 ms an answer busy three
	// times as well as dnf's 3 do, and is what mirrors bear from one host.
	defaultWorkers = 10
	// repositoriesAtOnce bounds how many repositories are worked on at a time;
	// what they do is bounded by the workers.
	repositoriesAtOnce = 8
)

// syncRun is one run of gorepo sync.
type syncRun struct {
	*syncCmd
	app         *app
	mirror      *mirror.Mirror
	client      *fetch.Client
	slots       reposync.Slots
	workers     int
	lockTimeout time.Duration
	tally       tally
	outage      outage
}

// Run syncs the repositories that are asked for.
func (cmd *syncCmd) Run(ctx context.Context, a *app) error {
	c, incomplete, err := cmd.load(a)
	if err != nil {
		return err
	}
	patterns := slices.Concat(cmd.IDs, cmd.RepoID)
	repos, err := a.selectRepos(c, patterns)
	if err != nil {
		return err
	}
	if config.Exact(patterns) {
		incomplete = false // what was asked for is there
	}
	if cmd.sources() {
		repos = a.withSources(c, repos)
	}
	if err := cmd.check(c, repos); err != nil {
		return err
	}
	m, err := mirror.Open(c.Main.Root)
	if err != nil {
		return err
	}
	r := &syncRun{syncCmd: cmd, app: a, mirror: m, client: fetch.NewClient(), lockTimeout: c.Main.LockTimeout}
	defer r.client.Close()
	if cmd.LockTimeout != nil {
		r.lockTimeout = time.Duration(*cmd.LockTimeout)
	}
	r.workers = firstPositive(cmd.Workers, c.Main.Workers, defaultWorkers)
	r.slots = reposync.NewSlots(r.workers)
	r.tally.incomplete = incomplete
	switch {
	case cmd.URLs:
		return aside(func(scratch *mirror.Mirror) error { return r.urls(ctx, repos, scratch) })
	case cmd.DryRun:
		return aside(func(scratch *mirror.Mirror) error { return r.dryRun(ctx, repos, scratch) })
	}
	return r.all(ctx, repos)
}

// load reads the configuration as the flags have it.
func (cmd *syncCmd) load(a *app) (c *config.Config, incomplete bool, err error) {
	if err := cmd.reposyncFlags.check(); err != nil {
		return nil, false, err
	}
	if len(cmd.IDs)+len(cmd.RepoID) > 0 && len(cmd.DisableRepo) > 0 {
		return nil, false, usagef("--disablerepo does not go with the id of a repository: what is not named is left out anyway")
	}
	o := config.Options{Root: cmd.DownloadPath}
	if o.Root == "" {
		o.Root = a.Root
	}
	if o.Root == "" && a.isReposync() {
		o.Root = "."
	}
	cmd.configure(&o)
	cmd.configureTool(a, &o)
	return a.loadConfig(o)
}

func firstPositive(list ...int) int {
	for _, n := range list {
		if n > 0 {
			return n
		}
	}
	return 0
}

// check refuses what cannot be done with these repositories.
func (cmd *syncCmd) check(c *config.Config, repos []*config.Repo) error {
	if err := cmd.selectFlags.check(); err != nil {
		return err
	}
	if cmd.Workers < 0 || cmd.Workers > config.MaxWorkers {
		return usagef("--workers %d: it is a number from 1 to %d", cmd.Workers, config.MaxWorkers)
	}
	if len(repos) == 0 {
		return fmt.Errorf("no repository is enabled in %s: set enabled=1, or name one", whereFrom(c))
	}
	if deletes := func(r *config.Repo) bool { return r.Delete }; cmd.ForceDelete && !cmd.Delete && !slices.ContainsFunc(repos, deletes) {
		return usagef("--force-delete deletes nothing by itself: it goes with --delete, or the key delete")
	}
	if cmd.SafeWritePath != "" && len(repos) > 1 {
		return usagef("--safe-write-path is for a single repository, and there are %d: name one", len(repos))
	}
	if !cmd.NoRepoPath {
		return nil
	}
	if len(repos) > 1 {
		return usagef("--norepopath is for a single repository, and there are %d: name one", len(repos))
	}
	if (cmd.Delete || repos[0].Delete) && cmd.shared(c, repos[0]) {
		return usagef("--norepopath with --delete would remove the packages of the other repositories in %s", c.Main.Root)
	}
	return nil
}

// shared reports whether the mirror's directory is that of other repositories
// too. The configured one is; one that this run names may be for this alone.
func (cmd *syncCmd) shared(c *config.Config, repo *config.Repo) bool {
	for _, other := range c.Repos {
		if other.ID == repo.ID {
			continue
		}
		if _, err := os.Stat(filepath.Join(c.Main.Root, mirror.StateDir, other.ID)); cmd.DownloadPath == "" || err == nil {
			return true
		}
	}
	return false
}

func whereFrom(c *config.Config) string {
	if c.Path != "" {
		return c.Path
	}
	return list(c.Main.ReposDir)
}

// all syncs the repositories, several at a time.
func (r *syncRun) all(ctx context.Context, repos []*config.Repo) error {
	var grp errgroup.Group
	grp.SetLimit(repositoriesAtOnce)
	for _, repo := range repos {
		grp.Go(func() error {
			if why := r.outage.skip(repo); why != "" {
				r.skipped(repo, why)
			} else {
				r.one(ctx, repo)
			}
			return nil
		})
	}
	_ = grp.Wait() // what failed is in the tally
	if err := ctx.Err(); err != nil {
		return err
	}
	r.tellOutage()
	stats := r.client.Stats()
	r.app.out.Note("", fmt.Sprintf("%s requests, %s received", report.Count(int(stats.Requests)), report.Size(stats.Bytes)))
	if text := r.tally.conclusion(); text != "" {
		r.app.out.Conclude(text)
	}
	return r.tally.status()
}

// one syncs one repository and says how it went.
func (r *syncRun) one(ctx context.Context, repo *config.Repo) {
	start := time.Now()
	r.app.out.Start("sync", repo.ID)
	result, err := r.sync(ctx, repo)
	if ctx.Err() != nil {
		return // said once, for all
	}
	r.outage.note(repo, err)
	silent := r.client.Silent() && fetch.Unreachable(err)
	s := report.Summary{
		Verb: "sync", Repo: repo.ID, Err: err, Duration: time.Since(start),
		Packages: result.Present + result.Added + result.Updated, Bytes: result.Size,
		Added: result.Added, Updated: result.Updated, Removed: result.Removed, Failures: result.Failed + result.Tree.Failed, Fetched: result.Fetched + result.Tree.Bytes,
		Waiting: result.Condemned,
	}
	var distrust *reposync.UntrustedError
	var unavailable *reposync.UnavailableError
	switch {
	case errors.As(err, &distrust):
		s.Outcome = report.Untrusted
	case silent:
		r.outage.hold(repo, err, s)
		return
	case errors.As(err, &unavailable) && repo.SkipIfUnavailable:
		r.passOver(repo, err, &s)
	case err != nil:
		s.Outcome = report.Failed
	case result.Untrusted+result.Tree.Untrusted > 0:
		s.Outcome = report.Untrusted
	case !result.Complete():
		s.Outcome = report.Partial
	case result.Added+result.Updated+result.Removed == 0 && result.MetadataUnchanged && !result.Published && result.Tree.Fetched+result.Tree.Removed == 0:
		s.Outcome = report.Unchanged
	default:
		s.Outcome = report.Complete
	}
	r.tally.add(s)
	r.app.out.Summary(s)
}

func (r *syncRun) sync(ctx context.Context, repo *config.Repo) (reposync.Result, error) {
	o, err := r.options(ctx, repo)
	if err != nil {
		return reposync.Result{}, err
	}
	defer o.Repo.Close() //nolint:errcheck // nothing is written through it any more
	result, err := reposync.Sync(ctx, o)
	if len(result.Weak) > 0 {
		r.app.out.Warn(repo.ID, "weak, and taken all the same: "+strings.Join(result.Weak, "; "))
	}
	return result, err
}

// options turns a repository of the configuration, and the flags, into a sync.
func (r *syncRun) options(ctx context.Context, repo *config.Repo) (reposync.Options, error) {
	var o reposync.Options
	if repo.Err != nil {
		return o, repo.Err
	}
	from, err := r.source(ctx, repo)
	if err != nil {
		return o, err
	}
	for _, text := range from.Warnings() {
		r.app.out.Warn(repo.ID, text)
	}
	place := mirror.RepoOptions{Waiting: r.app.waiting(repo.ID)}
	if r.NoRepoPath {
		place.Dir = "."
	}
	place.WriteBelow = r.SafeWritePath
	if o.Repo, err = r.mirror.Repo(repo.ID, place); err != nil {
		return o, err
	}
	keys, err := r.app.keys(ctx, repo, from, o.Repo)
	if err != nil {
		return o, errors.Join(err, o.Repo.Close())
	}
	o.CheckMetadata, o.CheckPackage = checks(repo, keys)
	o.Source = upstream{from}
	o.LockTimeout, o.Slots, o.Parallel = r.lockTimeout, r.slots, parallel(repo, from)
	r.selection(&o, repo)
	o.Delete = r.Delete || repo.Delete
	o.MaxDelete, o.ForceDelete = reposync.Portion(repo.MaxDelete), r.ForceDelete
	o.DownloadMetadata = r.DownloadMetadata || repo.DownloadMetadata
	o.DownloadComps = r.DownloadComps
	if r.MetadataPath != "" {
		if o.MetadataDir, err = filepath.Abs(filepath.Join(r.MetadataPath, repo.ID)); err != nil {
			return o, err
		}
	}
	o.Treeinfo = r.Treeinfo || repo.Treeinfo
	o.RemoteTime = r.RemoteTime
	o.Progress = syncProgress{r.app.out, repo.ID}
	o.OnFailure = func(err error) { r.app.out.Fail(repo.ID, err) }
	o.OnWarning = func(text string) { r.app.out.Warn(repo.ID, text) }
	o.OnNote = func(text string) { r.app.out.Note(repo.ID, text) }
	return o, nil
}

// urls prints where everything comes from.
func (r *syncRun) urls(ctx context.Context, repos []*config.Repo, scratch *mirror.Mirror) error {
	for _, repo := range repos {
		s := report.Summary{Verb: "sync", Repo: repo.ID}
		complete, err := r.printURLs(ctx, repo, scratch)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.app.out.Fail(repo.ID, err)
		}
		s.Outcome, s.Err = planOutcome(complete, err)
		r.tally.add(s)
	}
	return r.tally.status()
}

// printURLs reports whether there is a URL for everything that is wanted.
func (r *syncRun) printURLs(ctx context.Context, repo *config.Repo, scratch *mirror.Mirror) (complete bool, err error) {
	return r.look(ctx, repo, scratch, func(o reposync.Options, place *mirror.Repo) error {
		urls, err := reposync.URLs(ctx, o, place)
		for _, at := range urls {
			if strings.HasPrefix(at, "/") {
				at = (&url.URL{Scheme: "file", Path: at}).String()
			}
			if _, err := fmt.Fprintln(r.app.stdout, at); err != nil {
				return err
			}
		}
		return err
	})
}

// look finds something out about a repository without changing it: what has to be
// read lies in a place that is thrown away. complete says that nothing failed on
// the way.
func (r *syncRun) look(ctx context.Context, repo *config.Repo, scratch *mirror.Mirror, find func(o reposync.Options, place *mirror.Repo) error) (complete bool, err error) {
	o, err := r.options(ctx, repo)
	if err != nil {
		return false, err
	}
	defer o.Repo.Close() //nolint:errcheck // only read
	complete = true
	fail := o.OnFailure
	o.OnFailure = func(err error) {
		complete = false
		fail(err)
	}
	place, err := scratch.Repo(repo.ID, mirror.RepoOptions{})
	if err != nil {
		return false, err
	}
	defer place.Close() //nolint:errcheck // thrown away
	err = find(o, place)
	return complete, err
}

// syncProgress tells the printer of one repository.
type syncProgress struct {
	out  *report.Printer
	repo string
}

func (p syncProgress) Planned(packages int, bytes int64) { p.out.Plan(p.repo, packages, bytes) }

func (p syncProgress) Begin(name string, size, have int64, planned bool) reposync.Download {
	return p.out.Begin(p.repo, name, size, have, planned)
}

func (p syncProgress) Done(ref rpmpkg.Ref, fetched bool) {
	if fetched {
		p.out.Done(p.repo, ref.Location, nil)
	} else {
		p.out.Note(p.repo, ref.Location+": is right as it is")
	}
}
