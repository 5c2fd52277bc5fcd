package createrepo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gorepo/internal/comps"
	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
)

// Directory makes the metadata of the packages below dir. A relative GroupFile
// is below dir too. A directory that a sync has filled is the repository that
// it is: a sync may have put other content under an old size and mtime, which
// only the repository's state tells.
func Directory(ctx context.Context, dir string, o Options) (Result, error) {
	o = o.withDefaults()
	if len(o.Volumes) > 0 {
		return mediaSet(ctx, dir, o)
	}
	repos, err := mirror.ReposAt(dir)
	if err != nil {
		return Result{}, err
	}
	if len(repos) == 1 {
		defer repos[0].Close() //nolint:errcheck // nothing is written through it any more
		return Repository(ctx, repos[0], o)
	}
	if len(repos) > 1 && o.Update {
		o.Update = false
		o.OnWarning("", fmt.Sprintf("%d repositories were synced into it: every package is read", len(repos)))
	}
	return plainDirectory(ctx, dir, o)
}

// mediaSet makes one metadata for several directories.
func mediaSet(ctx context.Context, dir string, o Options) (Result, error) {
	for _, volume := range o.Volumes {
		repos, err := mirror.ReposAt(volume)
		if err != nil {
			return Result{}, err
		}
		for _, repo := range repos {
			_ = repo.Close() // nothing was done with it
		}
		if len(repos) > 0 {
			return Result{}, fmt.Errorf("%s is a repository of the mirror, which can be no volume of a set", volume)
		}
	}
	return plainDirectory(ctx, dir, o)
}

func plainDirectory(ctx context.Context, dir string, o Options) (_ Result, err error) {
	output := o.OutputDir
	if output == "" {
		output = dir
	}
	unlock, err := mirror.LockDir(ctx, output, o.LockTimeout)
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	j := &job{o: o, dir: dir, output: output, build: o.build(dir)}
	if j.published, err = j.open("the published metadata", output); err != nil {
		return Result{}, err
	}
	if o.Update && j.published != nil {
		j.build.Published, j.build.Old = j.published, []*repodata.OldMetadata{j.published}
		if !o.DiscardAdditional {
			j.build.Extras = j.published.Extras()
		}
	}
	// What upstream has twice, nobody here can mend: a repository has no such warning.
	j.build.WarnDuplicates = true
	j.openUpdateFrom()
	if err := j.recycleList(ctx); err != nil {
		return Result{}, err
	}
	if err := j.addGroupFile(); err != nil {
		return Result{}, err
	}
	return j.run(ctx)
}

// job is one generation that is being made.
type job struct {
	o           Options
	dir, output string
	build       repodata.Options
	published   *repodata.OldMetadata // nil: nothing is published
	// beforePublish is called when all is made, with the result, and may still
	// refuse.
	beforePublish func(r repodata.Result) error
	built         string // SHA-256 of the repomd.xml that was made; "": nothing was
	damaged       bool   // some of the metadata whose entries were to be used is wrong
}

// open opens the metadata below dir, nil where there is none. Metadata that
// cannot be understood is replaced, not kept.
func (j *job) open(name, dir string) (*repodata.OldMetadata, error) {
	m, err := repodata.OpenLocal(name, filepath.Join(dir, "repodata"))
	switch {
	case err == nil:
		return m, nil
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, fs.ErrPermission):
		return nil, err
	default:
		j.o.OnWarning("", fmt.Sprintf("%s is made anew: %v", name, err))
	}
	return nil, nil
}

// addGroupFile puts the comps file that the user gives in the place of others.
func (j *job) addGroupFile() error {
	if j.o.GroupFile == "" {
		return nil
	}
	file := j.o.GroupFile
	if !filepath.IsAbs(file) {
		// As createrepo_c does: below the packages, or else from here.
		if below := filepath.Join(j.dir, file); exists(below) {
			file = below
		}
	}
	if err := checkComps(file); err != nil {
		return err
	}
	kept := j.build.Extras[:0:0]
	for _, e := range j.build.Extras {
		if !isGroup(e.Type) {
			kept = append(kept, e)
		}
	}
	content, err := repodata.ExtraFromFile("group", file, j.checksum())
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	j.build.Extras = append(kept, content)
	return nil
}

func (j *job) checksum() string {
	if j.o.RepomdChecksum != "" {
		return j.o.RepomdChecksum
	}
	if j.o.Checksum == "" {
		return "sha256"
	}
	return j.o.Checksum
}

func isGroup(recordType string) bool {
	return recordType == "group" || strings.HasPrefix(recordType, "group_")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// maxComps bounds a comps file, in bytes.
const maxComps = 64 << 20

func checkComps(file string) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("groups: %w", err)
	}
	content, err := repodata.Decompress(f, maxComps)
	if err != nil {
		return errors.Join(fmt.Errorf("groups: %s: %w", file, err), f.Close())
	}
	_, err = comps.Read(content)
	if err == nil {
		_, err = io.Copy(io.Discard, content)
	}
	if err != nil {
		err = fmt.Errorf("groups: %s: %w", file, err)
	}
	return errors.Join(err, content.Close(), f.Close())
}

// run builds, and publishes what was built.
func (j *job) run(ctx context.Context) (Result, error) {
	var staging *mirror.Staging
	defer func() {
		if staging != nil {
			_ = staging.Discard() // what is left of it goes with the next one
		}
	}()
	if j.o.IgnoreOther {
		if err := mirror.RemoveOtherLock(j.output); err != nil {
			return Result{}, err
		}
	}
	if err := j.openCache(); err != nil {
		return Result{}, err
	}
	built, err := repodata.Build(ctx, func() (_ repodata.Output, err error) {
		staging, err = mirror.NewStaging(j.output)
		return staging, err
	}, j.build)
	j.damaged = built.Damaged
	r := Result{
		Packages: len(built.Locations), Reused: built.Reused, Read: built.Read,
		Bad: built.Bad, Unchanged: built.Unchanged,
	}
	if err != nil {
		return r, err
	}
	r.Revision = built.Repomd.Revision
	warn := func(text string) { j.o.OnWarning("", text) }
	if built.Unchanged {
		// The run before may have been killed when all was done but this.
		if err := mirror.RemoveStaging(j.output); err != nil {
			warnOfPublished(mirror.Published{Leftover: err}, warn)
		}
		r.Signed, err = signPublished(ctx, j.output, j.o.Signer, j.o.signTime(), warn)
		return r, err
	}
	if err := sign(ctx, staging, j.o.Signer, j.o.signTime()); err != nil {
		return r, err
	}
	r.Signed = j.o.Signer != nil
	if j.built, err = sumOfRepomd(staging.Dir()); err != nil {
		return r, err
	}
	if j.beforePublish != nil {
		if err := j.beforePublish(built); err != nil {
			return r, err
		}
	}
	published, err := staging.Publish(ctx, j.publishOptions())
	if err != nil {
		return r, err
	}
	warnOfPublished(published, warn)
	return r, nil
}

// warnOfPublished says what a publication leaves for the user to do.
func warnOfPublished(p mirror.Published, warn func(text string)) {
	switch {
	case errors.Is(p.Leftover, fs.ErrPermission): // made by another user; the next run may not remove it either
		warn(fmt.Sprintf("the former metadata is still there, and has to be removed before the next run: %v", p.Leftover))
	case p.Leftover != nil:
		warn(fmt.Sprintf("the former metadata is still there, and goes next time: %v", p.Leftover))
	}
	if slices.Contains(p.Dropped, "repomd.xml.asc") {
		warn("the signature repomd.xml.asc was of the former metadata, and is removed: sign the new repomd.xml")
	}
}

// sumOfRepomd is the SHA-256, in hexadecimal digits, of the repomd.xml in dir.
func sumOfRepomd(dir string) (string, error) {
	data, err := os.ReadFile(filepath.Join(dir, "repomd.xml"))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

func (j *job) publishOptions() mirror.PublishOptions {
	var opts mirror.PublishOptions
	if j.published != nil {
		opts = keepFiles(j.published.Repomd)
	}
	opts.KeepAll = j.o.KeepOld
	if j.o.KeepNewest > 0 {
		opts.Keep = append(opts.Keep, j.newest()...)
	}
	if j.o.KeepYounger > 0 {
		opts.Keep = append(opts.Keep, j.younger()...)
	}
	return opts
}

// keepFiles keeps the files of the published generation for one more.
func keepFiles(published *repodata.Repomd) mirror.PublishOptions {
	var opts mirror.PublishOptions
	for _, rec := range published.Records {
		opts.Keep = append(opts.Keep, rec.Name())
		opts.Generated = append(opts.Generated, rec.Name())
	}
	return opts
}
