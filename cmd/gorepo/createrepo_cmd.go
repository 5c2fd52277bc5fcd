package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"gorepo/internal/config"
	"gorepo/internal/createrepo"
	"gorepo/internal/mirror"
	"gorepo/internal/report"
)

// createrepoCmd takes createrepo_c's flags under their own names.
type createrepoCmd struct {
	Dirs []string `arg:"" optional:"" name:"DIR" help:"Directories of packages; without, every enabled repository of the mirror."`

	Update       bool     `help:"Use entries of the published metadata again where location, size and time are the same."`
	Groupfile    string   `short:"g" placeholder:"FILE" help:"Comps file with the package groups; relative to DIR."`
	Outputdir    string   `short:"o" placeholder:"DIR" help:"Where to put repodata, if not into the directory of the packages."`
	Excludes     []string `short:"x" sep:"none" placeholder:"GLOB" help:"Leave out packages whose file name or path matches. May be repeated."`
	Workers      int      `placeholder:"N" help:"Packages to read at a time. Default: the key workers of the configuration, or one a CPU with DIR."`
	LockTimeout  *seconds `placeholder:"TIME" help:"How long to wait for a directory that another gorepo works on; 0 is not at all. Default: without end, or without DIR the key lock_timeout."`
	RetainOldMD  int      `name:"retain-old-md" placeholder:"N" help:"0 keeps the files of the generation before, as long as the new one is current; more, or -1, keeps those of all generations."`
	SimpleMD     bool     `name:"simple-md-filenames" help:"No checksums in the names of metadata files."`
	UniqueMD     bool     `name:"unique-md-filenames" help:"Checksums in the names of metadata files: the default, without --simple-md-filenames."`
	ChangelogMax int      `name:"changelog-limit" default:"10" placeholder:"N" help:"Changelog entries of a package, the newest ones; -1 is all. Default ${default}."`

	Pretty   bool `short:"p" hidden:"" help:"Indented XML, as it always is."`
	NoPretty bool `hidden:"" help:"For scripts that say so: the XML is indented all the same."`

	repoFlags       `embed:""`
	formatFlags     `embed:""`
	databaseFlags   `embed:""`
	zchunkFlags     `embed:""`
	createrepoFlags `embed:""`
	signFlags       `embed:""`

	Revision               string `placeholder:"TEXT" help:"Revision in repomd.xml. Default: the time, in seconds since 1970."`
	SetTimestampToRevision bool   `help:"Give every file and record the time that --revision is."`
	KeepAllMetadata        bool   `xor:"metadata" help:"Take over comps, modules, advisories and all other records. The default."`
	DiscardMetadata        bool   `name:"discard-additional-metadata" xor:"metadata" help:"Make primary, filelists and other only."`
}

// Help is shown by gorepo createrepo --help.
func (createrepoCmd) Help() string {
	return `With DIR it does what createrepo_c does there; the directory of a repository of the mirror is built as that repository, but by the flags alone: no key of the configuration, as compat and sign_key, counts. Without, it builds the metadata of every enabled repository of the mirror; comps, modules and advisories of upstream come along, and a repository with download_metadata = 1 keeps upstream's own.

repodata is replaced in one step. The files of the generation before stay readable for one more.`
}

// buildsAtOnce bounds how many repositories are built at a time: each uses all
// CPUs where it can, and memory.
const buildsAtOnce = 2

// maxWorkers bounds --workers, as createrepo_c does.
const maxWorkers = 100

// defaultChangelogs is the default of --changelog-limit.
const defaultChangelogs = 10

// Run makes the metadata of directories, or of the mirror's repositories.
func (cmd *createrepoCmd) Run(ctx context.Context, a *app) error {
	if cmd.SetTimestampToRevision && cmd.Revision == "" {
		return usagef("--set-timestamp-to-revision needs --revision with a time in seconds since 1970")
	}
	if cmd.Outputdir != "" && len(cmd.Dirs) != 1 && !cmd.Split {
		return usagef("--outputdir is for one DIR, and there are %d", len(cmd.Dirs))
	}
	if err := cmd.check(len(cmd.Dirs)); err != nil {
		return err
	}
	if err := cmd.checkZchunk(cmd.CompressType, cmd.GeneralCompressType); err != nil {
		return err
	}
	if cmd.RetainByAge != nil && cmd.RetainOldMD != 0 {
		return usagef("--retain-old-md-by-age does not go with --retain-old-md")
	}
	if cmd.RetainOldMD < -1 {
		return usagef("--retain-old-md is %d, and is to be -1 or more", cmd.RetainOldMD)
	}
	if len(cmd.Dirs) > 0 && cmd.given() {
		return usagef("flags about the configuration's repositories do not go with DIR")
	}
	if len(cmd.Dirs) > 0 {
		return cmd.directories(ctx, a)
	}
	return cmd.repositories(ctx, a)
}

// options are what the flags say. name is what messages begin with, compat the
// clients that are configured, "" for none.
func (cmd *createrepoCmd) options(a *app, name, compat string) (createrepo.Options, error) {
	o := createrepo.Options{
		Excludes:              cmd.Excludes,
		Workers:               cmd.Workers,
		ChangelogLimit:        cmd.ChangelogMax,
		Revision:              cmd.Revision,
		TimestampFromRevision: cmd.SetTimestampToRevision,
		SimpleNames:           cmd.SimpleMD,
		Update:                cmd.Update,
		GroupFile:             cmd.Groupfile,
		DiscardAdditional:     cmd.DiscardMetadata,
		FilelistsExt:          cmd.FilelistsExt,
		OutputDir:             cmd.Outputdir,
		Zchunk:                cmd.Zck,
		ZchunkDictDir:         cmd.ZckDictDir,
		LockTimeout:           config.Never,
	}
	switch {
	case cmd.RetainOldMD == 0:
	case cmd.RetainOldMD > 0 && cmd.Compatibility:
		o.KeepNewest = cmd.RetainOldMD
	default:
		o.KeepOld = true
	}
	if cmd.Workers < 0 || cmd.Workers > maxWorkers {
		a.out.Warn(name, fmt.Sprintf("--workers is %d, and is to be 1 to %d: the default is taken", cmd.Workers, maxWorkers))
		o.Workers = 0
	}
	if cmd.ChangelogMax < -1 {
		a.out.Warn(name, fmt.Sprintf("--changelog-limit is %d, and is to be -1 or more: the default is taken", cmd.ChangelogMax))
		o.ChangelogLimit = defaultChangelogs
	}
	if cmd.Compatibility && cmd.ChangelogMax == defaultChangelogs {
		o.ChangelogLimit = -1 // as createrepo_c does, which cannot tell whether it was given
	}
	if cmd.LockTimeout != nil {
		o.LockTimeout = time.Duration(*cmd.LockTimeout)
	}
	o.OnBad = func(location string, err error) {
		a.out.Done(name, location, fmt.Errorf("left out: %w", err))
	}
	o.OnWarning = func(location, text string) {
		if location != "" {
			text = location + ": " + text
		}
		a.out.Warn(name, text)
	}
	o.OnPackage = func(location string) { a.out.Note(name, location) }
	if err := cmd.formatFlags.apply(&o, compat, &cmd.databaseFlags); err != nil {
		return o, err
	}
	return o, cmd.createrepoFlags.apply(&o)
}

func (cmd *createrepoCmd) directories(ctx context.Context, a *app) error {
	signer, err := cmd.signer(ctx, a)
	if err != nil {
		return err
	}
	var t tally
	var opener metadataOpener
	defer opener.close()
	dirs := cmd.basedDirs()
	var volumes []string
	if cmd.Split {
		if volumes, err = absolute(dirs); err != nil {
			return err
		}
		dirs = dirs[:1]
	}
	for _, dir := range dirs {
		err := checkDirs(append([]string{dir}, volumes...))
		if errors.Is(err, errNoDirectory) && !cmd.Split && filepath.Base(dir) == dir {
			err = fmt.Errorf("%w (for a repository of the mirror: --disablerepo='*' --enablerepo=%s)", err, dir)
		}
		start := time.Now()
		var r createrepo.Result
		var o createrepo.Options
		if err == nil {
			o, err = cmd.options(a, dir, "")
			o.Signer, o.Volumes = signer, volumes
		}
		if err == nil && cmd.Update {
			o.UpdateFrom = cmd.openUpdateFrom(ctx, &opener, func(text string) { a.out.Warn(dir, text) })
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

// basedDirs are the directories of packages.
func (cmd *createrepoCmd) basedDirs() []string {
	dirs := make([]string, len(cmd.Dirs))
	for i, dir := range cmd.Dirs {
		if cmd.Basedir != "" && !filepath.IsAbs(dir) {
			dir = filepath.Join(cmd.Basedir, dir)
		}
		dirs[i] = dir
	}
	return dirs
}

func absolute(paths []string) ([]string, error) {
	list := make([]string, len(paths))
	for i, p := range paths {
		var err error
		if list[i], err = filepath.Abs(p); err != nil {
			return nil, err
		}
	}
	return list, nil
}

var errNoDirectory = errors.New("there is no such directory")

// checkDirs says what is wrong with the first of several directories, or with
// another of them.
func checkDirs(dirs []string) error {
	for i, dir := range dirs {
		fi, err := os.Stat(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = errNoDirectory
		case err == nil && !fi.IsDir():
			err = errors.New("not a directory")
		}
		if err != nil && i > 0 {
			err = fmt.Errorf("%s: %w", dir, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
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
	var o config.Options
	cmd.configure(&o)
	c, incomplete, err := a.loadConfig(o)
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
	var keys signers
	for _, repo := range repos {
		signer, err := keys.of(ctx, a, cmd.signFlags, repo)
		grp.Go(func() error {
			start := time.Now()
			var r createrepo.Result
			if err == nil {
				r, err = cmd.repository(ctx, a, c, m, repo, signer)
			}
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

func (cmd *createrepoCmd) repository(ctx context.Context, a *app, c *config.Config, m *mirror.Mirror, repo *config.Repo, signer createrepo.Signer) (createrepo.Result, error) {
	r, err := m.Repo(repo.ID, mirror.RepoOptions{Waiting: a.waiting(repo.ID)})
	if err != nil {
		return createrepo.Result{}, err
	}
	defer r.Close() //nolint:errcheck // nothing is written through it any more
	if repo.DownloadMetadata {
		// With --metadata-path upstream's own is elsewhere. A state that cannot be
		// read says nothing of that.
		if state, _ := r.State(); state.Sync.CopiedTo == "" {
			return createrepo.Result{Copied: true}, nil
		}
	}
	o, err := cmd.options(a, repo.ID, repo.Compat)
	if err != nil {
		return createrepo.Result{}, err
	}
	o.Signer = signer
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
	case r.Unchanged && !r.Signed:
		s.Outcome = report.Unchanged
	default:
		s.Outcome = report.Complete
	}
	if r.Signed && err == nil {
		a.out.Note(name, "repomd.xml is signed")
	}
	t.add(s)
	a.out.Summary(s)
}
