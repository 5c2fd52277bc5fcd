package createrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
)

// MergeOptions say how repositories are merged.
type MergeOptions struct {
	repodata.MergeOptions
	// GroupFile is a comps file to add, in place of any other.
	GroupFile string
	Signer    Signer // as in Options
	// OutputDir is where repodata is made; it is made itself where it is missing.
	OutputDir   string
	LockTimeout time.Duration // as in Options
}

// Merge makes one generation of several repositories, and publishes it.
func Merge(ctx context.Context, o MergeOptions) (_ Result, err error) {
	switch repos, err := mirror.ReposAt(o.OutputDir); {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return Result{}, err
	case len(repos) > 0:
		for _, r := range repos {
			err = errors.Join(err, r.Close())
		}
		// What a sync may delete is told by the locations in its metadata.
		return Result{}, errors.Join(fmt.Errorf("%s is a repository of the mirror, whose metadata createrepo makes: take another --outputdir", o.OutputDir), err)
	}
	if o.GroupFile != "" {
		if err := checkComps(o.GroupFile); err != nil {
			return Result{}, err
		}
		group, err := repodata.ExtraFromFile("group", o.GroupFile, "sha256")
		if err != nil {
			return Result{}, fmt.Errorf("%s: %w", o.GroupFile, err)
		}
		o.Group = &group
	}
	if err := os.MkdirAll(o.OutputDir, 0o777); err != nil {
		return Result{}, fmt.Errorf("output directory: %w", err)
	}
	unlock, err := mirror.LockDir(ctx, o.OutputDir, o.LockTimeout)
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	return o.publish(ctx)
}

func (o *MergeOptions) publish(ctx context.Context) (Result, error) {
	var staging *mirror.Staging
	defer func() {
		if staging != nil {
			_ = staging.Discard() // what is left of it goes with the next one
		}
	}()
	made, err := repodata.Merge(ctx, func() (_ repodata.Output, err error) {
		staging, err = mirror.NewStaging(o.OutputDir)
		return staging, err
	}, o.MergeOptions)
	if err != nil {
		return Result{}, err
	}
	var keep mirror.PublishOptions
	switch old, err := repodata.OpenLocal("the published metadata", filepath.Join(o.OutputDir, "repodata")); {
	case err == nil:
		keep = keepFiles(old.Repomd)
	case !errors.Is(err, fs.ErrNotExist):
		o.OnWarning(fmt.Sprintf("the published metadata is replaced: %v", err))
	}
	if err := sign(ctx, staging, o.Signer, time.Time{}); err != nil {
		return Result{}, err
	}
	published, err := staging.Publish(ctx, keep)
	if err != nil {
		return Result{}, err
	}
	warnOfPublished(published, o.OnWarning)
	return Result{Packages: made.Packages, Revision: made.Repomd.Revision}, nil
}
