package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"gorepo/internal/config"
	"gorepo/internal/createrepo"
	"gorepo/internal/repodata"
	"gorepo/internal/report"
	"gorepo/internal/rpmpkg"
)

// mergerepoCmd takes mergerepo_c's flags under their own names.
type mergerepoCmd struct {
	Repo      []string `short:"r" sep:"none" required:"" placeholder:"URL" help:"Repository to merge: a directory or a URL (file, http, https). May be repeated; the first is preferred."`
	Outputdir string   `short:"o" default:"merged_repo" placeholder:"DIR" help:"Where to put repodata. Default ${default}."`

	Method     repodata.MergeMethod `default:"repo" placeholder:"METHOD" help:"Of packages with one name and architecture take that of the first repository (repo, the default), the newest version (nvr), or the newest file (ts)."`
	All        bool                 `help:"Take all versions of a package, each one once. Then --method does nothing."`
	Archlist   string               `short:"a" placeholder:"ARCH,..." help:"Take packages of these architectures, and noarch, only."`
	ArchExpand bool                 `help:"Add to --archlist the architectures whose packages run there too, as i686 does on x86_64."`
	NoarchRepo string               `placeholder:"URL" help:"Take noarch packages from this repository where it has one of the same file name."`

	OmitBaseurl       bool    `help:"Do not say in the metadata which repository a package is in (xml:base)."`
	RepoPrefixSearch  *string `placeholder:"PREFIX" help:"What a repository's URL begins with, to be written as --repo-prefix-replace says."`
	RepoPrefixReplace *string `placeholder:"PREFIX" help:"What to write in the place of --repo-prefix-search."`

	Groupfile    string `short:"g" placeholder:"FILE" help:"Comps file with the package groups, in the place of those of the repositories."`
	Nogroups     bool   `name:"nogroups" help:"Leave out the repositories' package groups."`
	Noupdateinfo bool   `name:"noupdateinfo" help:"Leave out the repositories' advisories."`

	Koji       bool   `short:"k" help:"Merge as Koji does: all packages of one source package from the repository that has it first, with --all, --arch-expand and --pkgorigins."`
	Simple     bool   `help:"With --koji, take every package of every repository."`
	Blocked    string `short:"b" placeholder:"FILE" help:"With --koji, take no packages of the source packages that FILE names, one a line."`
	Pkgorigins bool   `help:"Add the list of which package is from which repository, that Koji reads."`

	CompressType *repodata.Compression `placeholder:"TYPE" help:"Compression of the metadata: gz, bz2, xz or zstd. Default gz, of databases bz2."`
	UniqueMD     bool                  `name:"unique-md-filenames" help:"Checksums in the names of metadata files: the default, without --simple-md-filenames."`
	SimpleMD     bool                  `name:"simple-md-filenames" help:"No checksums in the names of metadata files."`
	FilelistsExt bool                  `name:"filelists-ext" help:"Merge filelists-ext too, which every repository must have then."`
	Database     bool                  `short:"d" help:"Make sqlite databases too, without --no-database."`
	NoDatabase   bool                  `name:"no-database" help:"Make no sqlite databases. The default."`
	zchunkFlags  `embed:""`
	LockTimeout  *seconds `placeholder:"TIME" help:"How long to wait for a directory that another gorepo works on; 0 is not at all. Default: without end."`

	signFlags `embed:""`
}

// Help is shown by gorepo mergerepo --help.
func (mergerepoCmd) Help() string {
	return `Makes the metadata of several repositories one, as mergerepo_c does: gorepo mergerepo -r DIR -r https://host/repo -o merged. Packages stay where they are; the metadata says where that is. Groups, modules and advisories of all repositories come along.

repodata is replaced in one step, once all has been read and verified. The files of the generation before stay readable for one more.`
}

// check refuses what makes no sense.
func (cmd *mergerepoCmd) check() error {
	search, replace := cmd.RepoPrefixSearch, cmd.RepoPrefixReplace
	switch {
	case search != nil && replace == nil || search == nil && replace != nil:
		return usagef("--repo-prefix-search and --repo-prefix-replace go together")
	case search != nil && *search == "":
		return usagef("--repo-prefix-search is empty: it is what URLs begin with")
	case cmd.ArchExpand && cmd.Archlist == "":
		return usagef("--arch-expand is for --archlist, which is not given")
	case cmd.Blocked != "" && !cmd.Koji:
		return usagef("--blocked is for --koji, which is not given")
	}
	return cmd.checkZchunk(cmd.CompressType)
}

// Run merges repositories.
func (cmd *mergerepoCmd) Run(ctx context.Context, a *app) error {
	start := time.Now()
	if err := cmd.check(); err != nil {
		return err
	}
	o, err := cmd.options(a)
	if err != nil {
		return err
	}
	if o.Signer, err = cmd.signer(ctx, a); err != nil {
		return err
	}
	opener := metadataOpener{
		note:   func(url string) { a.out.Note(cmd.Outputdir, url) },
		extras: []string{"group", "modules", "updateinfo"},
	}
	if cmd.FilelistsExt {
		opener.lists = []string{"filelists-ext"}
	}
	defer opener.close()
	if err := cmd.openSources(ctx, &opener, &o); err != nil {
		return err
	}
	r, err := createrepo.Merge(ctx, o)
	if err != nil {
		return err
	}
	a.out.Summary(report.Summary{
		Verb: "mergerepo", Repo: cmd.Outputdir, Outcome: report.Complete, Packages: r.Packages, Duration: time.Since(start),
	})
	return nil
}

// options are what the flags say, but for the repositories.
func (cmd *mergerepoCmd) options(a *app) (createrepo.MergeOptions, error) {
	warn := func(text string) { a.out.Warn(cmd.Outputdir, text) }
	o := createrepo.MergeOptions{
		MergeOptions: repodata.MergeOptions{
			Method: cmd.Method, All: cmd.All, Arches: cmd.arches(),
			Koji: cmd.Koji, Simple: cmd.Simple, Origins: cmd.Koji || cmd.Pkgorigins,
			NoGroups: cmd.Nogroups, NoUpdates: cmd.Noupdateinfo,
			SimpleNames: cmd.SimpleMD, FilelistsExt: cmd.FilelistsExt,
			Databases: cmd.Database && !cmd.NoDatabase, DatabaseCompression: repodata.Bzip2,
			Zchunk: cmd.Zck, ZchunkDictDir: cmd.ZckDictDir, OnWarning: warn,
		},
		GroupFile: cmd.Groupfile, OutputDir: cmd.Outputdir, LockTimeout: config.Never,
	}
	if cmd.CompressType != nil {
		o.Compression, o.DatabaseCompression = *cmd.CompressType, *cmd.CompressType
	}
	if cmd.LockTimeout != nil {
		o.LockTimeout = time.Duration(*cmd.LockTimeout)
	}
	if cmd.Blocked == "" {
		return o, nil
	}
	if cmd.Simple {
		warn("--blocked does nothing with --simple")
	}
	data, err := os.ReadFile(cmd.Blocked)
	if err != nil {
		return o, fmt.Errorf("--blocked: %w", err)
	}
	o.Blocked = map[string]bool{}
	for line := range strings.Lines(string(data)) {
		o.Blocked[strings.TrimSpace(line)] = true
	}
	return o, nil
}

// arches are the architectures that are taken, nil for all.
func (cmd *mergerepoCmd) arches() []string {
	list := []string{"noarch"}
	for arch := range strings.SplitSeq(cmd.Archlist, ",") {
		if arch = strings.TrimSpace(arch); arch != "" {
			list = append(list, arch)
		}
	}
	switch {
	case len(list) == 1 && strings.TrimSpace(cmd.Archlist) == "":
		return nil
	case cmd.ArchExpand || cmd.Koji:
		return rpmpkg.ExpandArches(list)
	}
	return list
}

// openSources opens the repositories.
func (cmd *mergerepoCmd) openSources(ctx context.Context, opener *metadataOpener, o *createrepo.MergeOptions) error {
	replaced := false
	for i, repo := range cmd.Repo {
		m, err := opener.open(ctx, repo)
		if err != nil {
			return err
		}
		source := repodata.MergeSource{OldMetadata: m.OldMetadata, Base: m.url, URL: m.url + "/"}
		if search := cmd.RepoPrefixSearch; search != nil {
			forms := []string{m.url} // which has no password
			if m.dir != "" {
				forms = append(forms, m.dir, strings.TrimSuffix(repo, "/"))
			}
			for _, form := range forms {
				if rest, found := strings.CutPrefix(form, *search); found {
					source.Base, replaced = fileURL(*cmd.RepoPrefixReplace+rest), true
					break
				}
			}
		}
		if cmd.OmitBaseurl || o.Origins && i == 0 { // the merged repository is the first's, for Koji
			source.Base = ""
		}
		o.Sources = append(o.Sources, source)
	}
	if cmd.RepoPrefixSearch != nil && !replaced {
		o.OnWarning(fmt.Sprintf("--repo-prefix-search: no repository's URL begins with %s", *cmd.RepoPrefixSearch))
	}
	if cmd.NoarchRepo == "" {
		return nil
	}
	m, err := opener.open(ctx, cmd.NoarchRepo)
	o.Noarch = &repodata.MergeSource{OldMetadata: m.OldMetadata, Base: m.url, URL: m.url + "/"}
	return err
}

// fileURL makes a URL of an absolute path.
func fileURL(path string) string {
	if strings.HasPrefix(path, "/") {
		return "file://" + path
	}
	return path
}
