package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"gorepo/internal/config"
	"gorepo/internal/createrepo"
	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
	"gorepo/internal/report"
)

// buildsAtOnce bounds how many repositories are built at a time: each uses all
// CPUs where it can, and memory.
const buildsAtOnce = 2

// maxWorkers bounds --workers, as createrepo_c does.
const maxWorkers = 100

// Run makes the metadata of directories, or of the mirror's repositories.
func (cmd *createrepoCmd) Run(ctx context.Context, a *app) error {
	if cmd.SetTimestampToRevision && cmd.Revision == "" {
		return usagef("--set-timestamp-to-revision needs --revision with a time in seconds since 1970")
	}
	if cmd.Outputdir != "" && len(cmd.Dirs) != 1 {
		return usagef("--outputdir is for one DIR, and there are %d", len(cmd.Dirs))
	}
	if err := cmd.check(len(cmd.Dirs)); err != nil {
		return err
	}
	if cmd.RetainByAge != nil && cmd.RetainOldMD != 0 {
		return usagef("--retain-old-md-by-age does not go with --retain-old-md")
	}
	if len(cmd.Dirs) > 0 {
		return cmd.directories(ctx, a)
	}
	return cmd.repositories(ctx, a)
}

// options are what the flags say. name is what messages begin with.
func (cmd *createrepoCmd) options(a *app, name string) (createrepo.Options, error) {
	o := createrepo.Options{
		Excludes:              cmd.Excludes,
		Workers:               cmd.Workers,
		Checksum:              cmd.Checksum,
		ChangelogLimit:        cmd.ChangelogMax,
		Revision:              cmd.Revision,
		TimestampFromRevision: cmd.SetTimestampToRevision,
		SimpleNames:           cmd.SimpleMD,
		Update:                cmd.Update,
		GroupFile:             cmd.Groupfile,
		DiscardAdditional:     cmd.DiscardMetadata,
		OutputDir:             cmd.Outputdir,
		KeepOld:               cmd.RetainOldMD > 0,
		LockTimeout:           config.Never,
	}
	o.Compression, o.ExtraCompression = cmd.compressions()
	if cmd.Workers < 0 || cmd.Workers > maxWorkers {
		a.out.Warn(name, fmt.Sprintf("--workers is %d, and is to be 1 to %d: the default is taken", cmd.Workers, maxWorkers))
		o.Workers = 0
	}
	if cmd.LockTimeout != nil {
		o.LockTimeout = time.Duration(*cmd.LockTimeout)
	}
	o.OnBad = func(location string, err error) {
		a.out.Fail(name, fmt.Errorf("%s: left out: %w", location, err))
	}
	o.OnWarning = func(location, text string) {
		if location != "" {
			text = location + ": " + text
		}
		a.out.Warn(name, text)
	}
	o.OnPackage = func(location string) { a.out.Note(name, location) }
	err := cmd.apply(&o)
	return o, err
}

// compressions are those of the lists of packages and of what goes with them;
// which flag counts is as in createrepo_c.
func (cmd *createrepoCmd) compressions() (lists, extras repodata.Compression) {
	switch {
	case cmd.GeneralCompressType != nil:
		return *cmd.GeneralCompressType, *cmd.GeneralCompressType
	case cmd.XZ:
		return repodata.Gzip, repodata.XZ
	case cmd.CompressType != nil:
		return repodata.Gzip, *cmd.CompressType
	}
	return repodata.Gzip, repodata.Gzip
}

func (cmd *createrepoCmd) directories(ctx context.Context, a *app) error {
	var t tally
	for _, dir := range cmd.Dirs {
		if cmd.Basedir != "" && !filepath.IsAbs(dir) {
			dir = filepath.Join(cmd.Basedir, dir)
		}
		fi, err := os.Stat(dir)
		if err == nil && !fi.IsDir() {
			err = fmt.Errorf("%s is not a directory", dir)
		}
		start := time.Now()
		var r createrepo.Result
		var o createrepo.Options
		if err == nil {
			o, err = cmd.options(a, dir)
		}
		if err == nil {
			r, err = cmd.directory(ctx, dir, o)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		a.built(&t, dir, r, err, start)
	}
	return t.status()
}

func (cmd *createrepoCmd) directory(ctx context.Context, dir string, o createrepo.Options) (createrepo.Result, error) {
	if cmd.ReadPkgsList == "" {
		return createrepo.Directory(ctx, dir, o)
	}
	var list readList
	tell := o.OnPackage
	o.OnPackage = func(location string) {
		list.add(location)
		tell(location)
	}
	r, err := createrepo.Directory(ctx, dir, o)
	if err != nil {
		return r, err
	}
	return r, list.write(cmd.ReadPkgsList, o.Href)
}

func (cmd *createrepoCmd) repositories(ctx context.Context, a *app) error {
	c, incomplete, err := a.loadConfig(config.Options{})
	if err != nil {
		return err
	}
	repos, err := a.selectRepos(c, nil)
	if err != nil {
		return err
	}
	if len(repos) == 0 {
		return fmt.Errorf("no repository is enabled in %s: set enabled=1, or give a directory", whereFrom(c))
	}
	m, err := mirror.Open(c.Main.Root)
	if err != nil {
		return err
	}
	t := tally{incomplete: incomplete}
	var grp errgroup.Group
	grp.SetLimit(buildsAtOnce)
	for _, repo := range repos {
		grp.Go(func() error {
			start := time.Now()
			r, err := cmd.repository(ctx, a, c, m, repo)
			if ctx.Err() == nil {
				a.built(&t, repo.ID, r, err, start)
			}
			return nil
		})
	}
	_ = grp.Wait() // what failed is in the tally
	if err := ctx.Err(); err != nil {
		return err
	}
	return t.status()
}

func (cmd *createrepoCmd) repository(ctx context.Context, a *app, c *config.Config, m *mirror.Mirror, repo *config.Repo) (createrepo.Result, error) {
	if repo.DownloadMetadata {
		return createrepo.Result{Copied: true}, nil
	}
	r, err := m.Repo(repo.ID, mirror.RepoOptions{})
	if err != nil {
		return createrepo.Result{}, err
	}
	defer r.Close() //nolint:errcheck // nothing is written through it any more
	o, err := cmd.options(a, repo.ID)
	if err != nil {
		return createrepo.Result{}, err
	}
	o.Workers = firstPositive(o.Workers, c.Main.Workers)
	if cmd.LockTimeout == nil {
		o.LockTimeout = c.Main.LockTimeout
	}
	return createrepo.Repository(ctx, r, o)
}

// built says how one generation came out.
func (a *app) built(t *tally, name string, r createrepo.Result, err error, start time.Time) {
	s := report.Summary{
		Verb: "createrepo", Repo: name, Err: err, Duration: time.Since(start),
		Packages: r.Packages, Read: r.Read, Reused: r.Reused, Removed: r.Removed, Failures: r.Bad,
	}
	switch {
	case err != nil:
		s.Outcome = report.Failed
	case r.Copied:
		s.Outcome = report.Unchanged
		a.out.Info(name, "left alone: it keeps upstream's own signed metadata (download_metadata)")
	case r.Bad > 0:
		s.Outcome = report.Partial
	case r.Unchanged:
		s.Outcome = report.Unchanged
	default:
		s.Outcome = report.Complete
	}
	t.add(s)
	a.out.Summary(s)
}
