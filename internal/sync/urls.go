package reposync

import (
	"context"
	"errors"
	"fmt"
	"io"

	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
)

// URLs returns where everything comes from that a sync brings: the packages,
// in primary's order, and before them the metadata if that is copied, or the
// groups if only they are. Nothing in the mirror changes: what has to be read is brought to scratch, a repository
// that the caller throws away.
func URLs(ctx context.Context, o Options, scratch *mirror.Repo) ([]string, error) {
	o.Repo = scratch
	s := newRun(o)
	u, err := s.fetchRepomd(ctx)
	if err != nil {
		return nil, err
	}
	records := s.toPlan(u.repomd)
	stage, err := s.gather(ctx, scratch, u, records)
	if err != nil {
		return nil, err
	}
	defer stage.Close() //nolint:errcheck // thrown away
	refs, err := s.choose(ctx, u.generation(func(name string) (io.ReadCloser, error) { return stage.Open(name) }))
	if err != nil {
		return nil, err
	}
	var urls []string
	if o.DownloadMetadata {
		urls = append(urls, s.o.Source.URL("", "repodata/"+repomdFile))
		for _, rec := range distinct(u.repomd.Records) {
			urls = append(urls, s.o.Source.URL(rec.Base, rec.Location))
		}
	}
	if rec, ok := groups(u.repomd); ok && o.DownloadComps && !o.DownloadMetadata {
		urls = append(urls, s.o.Source.URL(rec.Base, rec.Location))
	}
	for _, ref := range refs {
		urls = append(urls, s.o.Source.URL(ref.Base, s.remoteLocation(ref)))
	}
	more, err := s.treeURLs(ctx)
	return append(urls, more...), err
}

// treeURLs are those of the installation tree.
func (s *run) treeURLs(ctx context.Context) ([]string, error) {
	if !s.o.Treeinfo {
		return nil, nil
	}
	p, err := s.readTree(ctx)
	if errors.Is(err, errNoTree) {
		s.o.OnWarning(err.Error())
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var urls []string
	for _, f := range s.plannedFiles(p) {
		urls = append(urls, f.URL)
	}
	for _, dir := range p.nested {
		scratch, err := s.o.Repo.Nested(dir)
		if err != nil {
			return nil, err
		}
		more, err := URLs(ctx, s.nestedOptions(dir), scratch)
		if err := errors.Join(err, scratch.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		urls = append(urls, more...)
	}
	return urls, nil
}

// toPlan are the records that choosing packages reads.
func (s *run) toPlan(m *repodata.Repomd) []repodata.Record {
	var list []repodata.Record
	if rec, ok := m.Find(repodata.Primary.String()); ok {
		list = append(list, rec)
	}
	if s.o.Keep > 0 {
		for _, rec := range m.Extras() {
			if rec.Type == "modules" {
				list = append(list, rec)
			}
		}
	}
	return list
}
