package reposync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"time"

	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
)

// publishCopy makes upstream's own metadata the published one. It is not done
// while packages are missing that it names: clients are better off with what
// they have.
func (s *run) publishCopy(ctx context.Context, u *upstream) (err error) {
	s.state.Sync.Copied = s.o.DownloadMetadata && s.o.MetadataDir == ""
	to := ""
	if s.o.DownloadMetadata {
		to = s.o.MetadataDir
	}
	if to != s.state.Sync.CopiedTo {
		s.state.Sync.CopiedTo, s.state.CopyDropped = to, nil
	}
	if !s.o.DownloadMetadata {
		return nil
	}
	if s.result.Failed > 0 {
		s.o.OnWarning("upstream's metadata is not published: packages are missing that it names")
		return nil
	}
	if s.result.Refused != nil {
		s.o.OnWarning("upstream's metadata is not published: clients go on to see what the mirror has")
		return nil
	}
	dir := s.copyDir()
	if s.o.MetadataDir != "" {
		unlock, err := s.lockMetadataDir(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, unlock()) }()
	}
	from, err := s.o.Repo.Upstream()
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // only read
	if same, err := sameCopy(ctx, u, dir); same || err != nil {
		return err
	}
	before, err := publishedIn(dir)
	if err != nil {
		s.o.OnWarning(fmt.Sprintf("the published metadata is replaced: %v", err))
	}
	staging, err := mirror.NewStaging(dir)
	if err != nil {
		return err
	}
	defer staging.Discard() //nolint:errcheck // removed by the next one otherwise
	if err := s.stageCopy(u, from, staging, dir); err != nil {
		s.fail(fmt.Errorf("upstream's metadata is not published: %w", err))
		return nil
	}
	return s.publish(ctx, staging, before, u)
}

// copyDir is where the copy's repodata is.
func (s *run) copyDir() string {
	if s.o.MetadataDir != "" {
		return s.o.MetadataDir
	}
	return s.o.Repo.Dir()
}

func (s *run) lockMetadataDir(ctx context.Context) (unlock func() error, err error) {
	if err := os.MkdirAll(s.o.MetadataDir, 0o755); err != nil {
		return nil, err
	}
	return mirror.LockDir(ctx, s.o.MetadataDir, s.o.LockTimeout)
}

// stageCopy gathers the copy. Records that lie outside of repodata are put there
// too, before the metadata that names them.
func (s *run) stageCopy(u *upstream, from *mirror.Upstream, staging *mirror.Staging, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // what was written is closed
	for _, rec := range distinct(u.repomd.Records) {
		name, err := mirror.RecordName(rec.Location)
		if err == nil {
			err = staging.Link(from.Path(name), name)
		}
		if err == nil && outsideRepodata(rec) {
			err = mirror.CopyFile(root, from.Path(name), rec.Location)
		}
		if err != nil {
			return fmt.Errorf("record %s: %w", rec.Type, err)
		}
		if rec.Base != "" {
			s.o.OnNote(fmt.Sprintf("clients fetch record %s from where upstream's metadata says: %s", rec.Type, s.o.Source.URL(rec.Base, rec.Location)))
		}
	}
	for name, data := range u.files {
		err := staging.Write(name, data)
		if fi, statErr := os.Stat(from.Path(name)); s.o.RemoteTime && err == nil && statErr == nil {
			err = staging.SetTime(name, fi.ModTime())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// outsideRepodata reports whether clients look for a record beside repodata.
func outsideRepodata(rec repodata.Record) bool {
	return rec.Base == "" && path.Clean(rec.Location) != "repodata/"+rec.Name()
}

// publish puts the staged copy in place, and remembers which packages only the
// generation before it names.
func (s *run) publish(ctx context.Context, staging *mirror.Staging, before *repodata.OldMetadata, u *upstream) error {
	copied, err := repodata.OpenLocal("the copy of upstream's metadata", staging.Dir())
	if err != nil {
		return err
	}
	d, err := repodata.Compare(ctx, before, copied)
	if err != nil {
		return err
	}
	if d.Incomplete != nil {
		s.o.OnWarning(fmt.Sprintf("%s: %v", before.Name, d.Incomplete))
	}
	var opts mirror.PublishOptions
	if before != nil {
		for _, rec := range before.Repomd.Records {
			opts.Keep = append(opts.Keep, rec.Name())
		}
	}
	dropped := &s.state.Dropped
	if s.o.MetadataDir != "" {
		dropped = &s.state.CopyDropped
	}
	*dropped = append(*dropped, d.Dropped()...)
	if err := s.o.Repo.SaveState(s.state); err != nil { // should we die before the end
		return err
	}
	if s.o.MetadataDir == "" {
		s.noteHistory(u, before, d)
	}
	if _, err := staging.Publish(ctx, opts); err != nil {
		return err
	}
	*dropped = d.Dropped()
	s.result.Published = true
	if s.leftOut > 0 {
		s.o.OnWarning(fmt.Sprintf("of the packages that upstream's own metadata names, the selection leaves out %d: clients will not find them", s.leftOut))
	}
	if s.o.MetadataDir != "" {
		return nil // the repository's own repodata is as it was
	}
	s.state.Brought = nil
	s.state.Publish = mirror.PublishState{
		Time: time.Now().UTC().Truncate(time.Second), Revision: u.repomd.Revision,
		Outcome: mirror.OutcomeComplete, Packages: d.Packages, Upstream: s.state.Sync.Repomd,
	}
	for _, e := range copied.Extras() { // should the repository be rebuilt one day
		s.state.Publish.Carried = append(s.state.Publish.Carried, e.Type)
	}
	return nil
}

// noteHistory writes down what is about to be published. Nothing depends on it.
func (s *run) noteHistory(u *upstream, before *repodata.OldMetadata, d *repodata.Difference) {
	p := mirror.Publication{
		Time: time.Now(), Revision: u.repomd.Revision, Repomd: sumHex(u.files[repomdFile]),
		Primary: u.repomd.PrimaryChecksum(), Packages: d.Packages,
	}
	if before != nil {
		p.Before = before.Repomd.PrimaryChecksum()
		p.Was = &mirror.WasRepomd{Timestamp: before.Repomd.Timestamp()}
	}
	if p.Gap = d.Incomplete != nil; !p.Gap && before != nil { // else all came, which is not listed
		p.Compare(d.Versions())
	}
	if err := s.o.Repo.AppendHistory(p); err != nil {
		s.o.OnWarning(err.Error())
	}
}

// sameCopy reports whether the copy in dir/repodata is this one, and whole. The
// files are read: they may have rotted since.
func sameCopy(ctx context.Context, u *upstream, dir string) (bool, error) {
	for _, name := range []string{repomdFile, signatureFile, keyFile} {
		data, err := os.ReadFile(filepath.Join(dir, "repodata", name))
		if err != nil && !errors.Is(err, os.ErrNotExist) || !bytes.Equal(data, u.files[name]) {
			return false, nil
		}
	}
	for _, rec := range u.repomd.Records {
		places := []string{"repodata"}
		if outsideRepodata(rec) {
			places = append(places, path.Dir(rec.Location))
		}
		for _, place := range places {
			same, err := mirror.VerifyFile(ctx, filepath.Join(dir, filepath.FromSlash(place)), rec.Name(), rec.Checksum, rec.Size)
			if ctx.Err() != nil {
				return false, ctx.Err()
			}
			if err != nil || !same {
				return false, nil
			}
		}
	}
	return true, nil
}
