package reposync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
)

// publishCopy makes upstream's own metadata the published one. It is not done
// while packages are missing that it names: clients are better off with what
// they have.
func (s *run) publishCopy(ctx context.Context, u *upstream) error {
	s.state.Sync.Copied = s.o.DownloadMetadata
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
	from, err := s.o.Repo.Upstream()
	if err != nil {
		return err
	}
	defer from.Close() //nolint:errcheck // only read
	repodataDir := filepath.Join(s.o.Repo.Dir(), "repodata")
	if same, err := sameCopy(ctx, u, repodataDir); same || err != nil {
		return err
	}
	before, err := published(s.o.Repo)
	if err != nil {
		s.o.OnWarning(fmt.Sprintf("the published metadata is replaced: %v", err))
	}
	staging, err := mirror.NewStaging(s.o.Repo.Dir())
	if err != nil {
		return err
	}
	defer staging.Discard() //nolint:errcheck // removed by the next one otherwise
	for _, rec := range distinct(u.repomd.Records) {
		name, err := mirror.RecordName(rec.Location)
		if err == nil && rec.Location != "repodata/"+name {
			err = fmt.Errorf("%s lies outside of repodata, where a copy cannot put it", rec.Location)
		}
		if err == nil {
			err = staging.Link(from.Path(name), name)
		}
		if err != nil {
			return fmt.Errorf("record %s: %w", rec.Type, err)
		}
	}
	for name, data := range u.files {
		if err := staging.Write(name, data); err != nil {
			return err
		}
	}
	return s.publish(ctx, staging, before, u)
}

// publish puts the staged copy in place, and remembers which packages only the
// generation before it names.
func (s *run) publish(ctx context.Context, staging *mirror.Staging, before *repodata.OldMetadata, u *upstream) error {
	copied, err := repodata.OpenLocal("the copy of upstream's metadata", staging.Dir())
	if err != nil {
		return err
	}
	now, err := copied.Locations(ctx)
	if err != nil {
		return err
	}
	var opts mirror.PublishOptions
	var was map[string]bool
	if before != nil {
		if was, err = before.Locations(ctx); err != nil && ctx.Err() == nil {
			s.o.OnWarning(fmt.Sprintf("%s: %v", before.Name, err))
		}
		for _, rec := range before.Repomd.Records {
			opts.Keep = append(opts.Keep, rec.Name())
		}
	}
	s.state.Dropped = append(s.state.Dropped, mirror.OnlyIn(was, now)...)
	if err := s.o.Repo.SaveState(s.state); err != nil { // should we die before the end
		return err
	}
	if _, err := staging.Publish(ctx, opts); err != nil {
		return err
	}
	s.state.Superseded(was, now)
	s.state.Brought = nil
	s.state.Publish = mirror.PublishState{
		Time: time.Now().UTC().Truncate(time.Second), Revision: u.repomd.Revision,
		Outcome: mirror.OutcomeComplete, Packages: len(now),
	}
	for _, e := range copied.Extras() { // should the repository be rebuilt one day
		s.state.Publish.Carried = append(s.state.Publish.Carried, e.Type)
	}
	s.result.Published = true
	if s.leftOut > 0 {
		s.o.OnWarning(fmt.Sprintf("of the packages that upstream's own metadata names, the selection leaves out %d: clients will not find them", s.leftOut))
	}
	return nil
}

// sameCopy reports whether the copy in dir is this one, and whole. The files are
// read: they may have rotted since.
func sameCopy(ctx context.Context, u *upstream, dir string) (bool, error) {
	for _, name := range []string{repomdFile, signatureFile, keyFile} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) || !bytes.Equal(data, u.files[name]) {
			return false, nil
		}
	}
	for _, rec := range u.repomd.Records {
		same, err := mirror.VerifyFile(ctx, dir, rec.Name(), rec.Checksum, rec.Size)
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if err != nil || !same {
			return false, nil
		}
	}
	return true, nil
}
