package reposync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"gorepo/internal/modulemd"
	"gorepo/internal/repodata"
	"gorepo/internal/rpmpkg"
)

// choose reads primary and returns the packages that the selection keeps, with
// their locations cleaned. What cannot be kept is reported and left out. The
// stages are those of dnf 4's reposync, in its order.
func (s *run) choose(ctx context.Context, from *repodata.OldMetadata) ([]rpmpkg.Ref, error) {
	var refs []rpmpkg.Ref
	s.badEntries, s.unselected = 0, map[string]bool{}
	// The first stages look at the repository as a whole: what a pattern means
	// depends on what there is, and streams of modules are cut to their newest
	// versions as they are, whatever is taken of them then.
	whole := !s.o.Names.None() || s.o.Keep > 0
	count, good := 0, 0
	tooMany := func() error {
		if count++; count > maxPackages {
			return fmt.Errorf("primary lists more than %d packages", maxPackages)
		}
		return nil
	}
	err := from.EachRef(ctx, func(ref rpmpkg.Ref) error {
		if err := errors.Join(tooMany(), s.disprove(ref)); err != nil {
			return err
		}
		good++
		if s.o.DownloadMetadata && s.o.Delete {
			s.unselected[path.Clean(ref.Location)] = true
		}
		if whole || s.o.Filter.Keep(ref) {
			refs = append(refs, ref)
		}
		return nil
	}, func(err error) error {
		s.failEntry(fmt.Errorf("%s: %w", s.primaryURL(from), err))
		return tooMany()
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.primaryURL(from), err)
	}
	refs = s.o.Names.Keep(refs)
	if s.o.Keep > 0 {
		if refs, err = s.newest(from, refs); err != nil {
			return nil, err
		}
	}
	if whole {
		refs = slices.DeleteFunc(refs, func(ref rpmpkg.Ref) bool { return !s.o.Filter.Keep(ref) })
	}
	s.leftOut = good - len(refs)
	// A misspelt architecture, more often than not; but many a repository has no sources, or nothing that new.
	if good > 0 && len(refs) == 0 && !s.o.Filter.Source && s.o.Filter.BuiltSince == 0 {
		s.o.OnWarning(fmt.Sprintf("the selection takes none of the %d packages that upstream has", good))
	}
	for _, ref := range refs {
		delete(s.unselected, path.Clean(ref.Location))
	}
	refs = s.locate(refs)
	if more := s.badEntries - maxTold; more > 0 {
		s.o.OnFailure(fmt.Errorf("%s: and %d more of its packages are left out for such reasons", s.primaryURL(from), more))
	}
	return refs, nil
}

func (s *run) primaryURL(from *repodata.OldMetadata) string {
	rec, _ := from.Repomd.Find(repodata.Primary.String())
	return s.o.Source.URL(rec.Base, rec.Location)
}

// newest keeps the newest packages, and those that a module stream needs.
func (s *run) newest(from *repodata.OldMetadata, refs []rpmpkg.Ref) ([]rpmpkg.Ref, error) {
	i := slices.IndexFunc(from.Repomd.Extras(), func(r repodata.Record) bool { return r.Type == "modules" })
	if i < 0 {
		return rpmpkg.Newest(refs, s.o.Keep), nil
	}
	rec := from.Repomd.Extras()[i]
	file, err := from.Open(rec)
	if err != nil {
		return nil, err
	}
	content, err := repodata.OpenRecord(file, rec)
	if err != nil {
		return nil, err
	}
	bad := 0
	streams, err := modulemd.Parse(content, func(err error) {
		// What the stream needs is not known, and may not be the newest.
		s.unsure = "not all of upstream's modules can be read"
		if bad++; bad <= maxTold {
			s.o.OnWarning(err.Error())
		}
	})
	if more := bad - maxTold; more > 0 {
		s.o.OnWarning(fmt.Sprintf("modules: and %d more that cannot be read", more))
	}
	if err == nil {
		// Only at its end is the file known to be the right one.
		_, err = io.Copy(io.Discard, content)
	}
	if err := errors.Join(err, content.Close()); err != nil {
		return nil, fmt.Errorf("modules: %w", err)
	}
	return modulemd.KeepNewest(streams, refs, s.o.Keep), nil
}
