package reposync

import (
	"context"
	"fmt"
	"slices"

	"gorepo/internal/mirror"
	"gorepo/internal/rpmpkg"
)

// maxPackages bounds how many packages a repository may list: far more than
// any has, and few enough to be kept in memory.
const maxPackages = 2_000_000

// maxTold is how much of a kind that is wrong with metadata is told of one by
// one. A hostile upstream may have any number.
const maxTold = 20

// failEntry is fail for an entry of primary.
func (s *run) failEntry(err error) {
	if s.badEntries++; s.badEntries <= maxTold {
		s.fail(err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.result.Failed++
}

// locate checks where the packages are to lie, and that no two lie at one
// place.
func (s *run) locate(refs []rpmpkg.Ref) []rpmpkg.Ref {
	at := make(map[string]rpmpkg.Checksum, len(refs))
	kept := refs[:0]
	var strays, outside int
	var stray string
	for _, ref := range refs {
		clean, err := s.place(ref.Location)
		if err != nil && s.o.DownloadMetadata && mirror.LeadsOut(ref.Location) {
			if strays++; strays == 1 {
				stray = ref.Location
			}
			continue
		}
		if err != nil {
			s.failEntry(err)
			continue
		}
		if mirror.LeadsOut(clean) {
			outside++
		}
		if sum, taken := at[clean]; taken {
			if !sum.Equal(ref.Checksum) {
				s.failEntry(fmt.Errorf("%s: two packages have this location: the second, %s, is left out", clean, ref.NEVRA))
			}
			continue
		}
		at[clean] = ref.Checksum
		// Upstream is asked for what it wrote, if that is another spelling.
		s.remote[clean] = ref.Location
		if clean == ref.Location {
			delete(s.remote, clean)
		}
		ref.Location = clean
		kept = append(kept, ref)
	}
	if strays > 0 {
		s.fail(fmt.Errorf("upstream's own metadata names %d packages outside of the repository (%q): an exact copy of it needs them there, with --safe-write-path; "+
			"createrepo's metadata (without --download-metadata) names them inside", strays, stray))
	}
	if outside > 0 && !s.o.DownloadMetadata {
		s.o.OnWarning(fmt.Sprintf("%d packages lie outside of the repository, where createrepo does not list them: --safe-write-path is for --download-metadata", outside))
	}
	return kept
}

// place checks where a package is to lie, and gives its location in one spelling.
// One that is to lie outside of the repository is put inside, where metadata that
// is made here names it; a copy of upstream's own would name the other place.
func (s *run) place(location string) (string, error) {
	clean, err := s.o.Repo.Check(location)
	if err != nil && !s.o.DownloadMetadata && mirror.LeadsOut(location) {
		if inside, err := mirror.CheckLocation(mirror.Inside(location)); err == nil {
			return inside, nil
		}
	}
	return clean, err
}

// remoteLocation is how upstream spells the location of a package.
func (s *run) remoteLocation(ref rpmpkg.Ref) string {
	if spelled, ok := s.remote[ref.Location]; ok {
		return spelled
	}
	return ref.Location
}

// work is what has to be done for the packages that are wanted.
type work struct {
	check []rpmpkg.Ref // something is there that may be the package: read it
	fetch []rpmpkg.Ref
	there []rpmpkg.Ref // in place, as size and mtime show
}

// disprove takes the mtime from a file of the tree that has size and mtime of
// the package without having been verified by its checksum: they prove nothing,
// to createrepo neither. One whose signature was not verified is noted. It is
// done for the packages that are not wanted too, since createrepo lists
// whatever is in the tree, and another sync may want them.
func (s *run) disprove(ref rpmpkg.Ref) error {
	location, err := s.place(ref.Location)
	ref.Location = location
	doubtful := s.doubted[location] || s.changed(location, ref.Checksum)
	if err != nil || !doubtful && !s.recheck {
		return nil
	}
	have, ok, err := s.o.Repo.Stat(location)
	if err == nil && ok && have.Is(ref) {
		if s.recheck {
			s.unchecked[location] = true
		}
		switch {
		case !doubtful:
		case s.dry != nil:
			s.dry[location] = true
		default:
			err = s.o.Repo.Touch(ref)
		}
	}
	if err != nil && doubtful {
		return &StopError{err}
	}
	return nil
}

// changed reports whether a package was another one, or not there, when its
// location was last known.
func (s *run) changed(location string, now rpmpkg.Checksum) bool {
	return s.known != nil && !s.known[location].Equal(now)
}

// tree lists the packages that are there: one walk costs a third of asking for
// each. What it cannot see is asked for.
func (s *run) tree(ctx context.Context) map[string]mirror.Package {
	tree := map[string]mirror.Package{}
	for p, err := range s.o.Repo.Packages(ctx) {
		if err == nil {
			tree[p.Location] = p
		}
	}
	return tree
}

// compare looks at what is in the tree.
func (s *run) compare(ctx context.Context, refs []rpmpkg.Ref) (work, error) {
	var w work
	tree := s.tree(ctx)
	for _, ref := range refs {
		if err := ctx.Err(); err != nil {
			return w, err
		}
		have, ok := tree[ref.Location]
		if !ok { // nothing, or a symbolic link
			var err error
			if have, ok, err = s.o.Repo.Stat(ref.Location); err != nil {
				s.fail(err)
				continue
			}
		}
		switch {
		case !ok || have.Size != ref.Size:
			w.fetch = append(w.fetch, ref)
		case have.Is(ref) && !s.unchecked[ref.Location] && !s.dry[ref.Location]:
			w.there = append(w.there, ref)
		default:
			w.check = append(w.check, ref)
		}
	}
	return w, nil
}

// announce writes down, before the first of them is brought, which packages
// the published metadata may be wrong about from now on.
func (s *run) announce(w work) error {
	n := len(s.state.Brought)
	for _, refs := range [][]rpmpkg.Ref{w.check, w.fetch} {
		for _, ref := range refs {
			if s.changed(ref.Location, ref.Checksum) {
				s.state.Brought = append(s.state.Brought, ref.Location)
			}
		}
	}
	if len(s.state.Brought) == n {
		return nil
	}
	s.state.Bringing = true
	slices.Sort(s.state.Brought)
	s.state.Brought = slices.Compact(s.state.Brought)
	if err := s.o.Repo.SaveState(s.state); err != nil {
		return &StopError{err}
	}
	return nil
}

// knownChecksums remembers how the packages in the tree were verified: from the
// metadata of the last complete sync, or else from what is published. With the
// same metadata as last time nothing needs remembering, and where there is
// neither nothing can be: nil.
func (s *run) knownChecksums(ctx context.Context, u *upstream) map[string]rpmpkg.Checksum {
	if u.unchanged {
		return nil
	}
	old := previous(s.o.Repo)
	if old == nil {
		var err error
		if old, err = published(s.o.Repo); err != nil {
			s.o.OnWarning(err.Error())
		}
	}
	if old == nil {
		return nil
	}
	known := map[string]rpmpkg.Checksum{}
	err := old.EachRef(ctx, func(ref rpmpkg.Ref) error {
		if location, err := s.place(ref.Location); err == nil && len(known) < maxPackages {
			known[location] = ref.Checksum
		}
		return nil
	}, func(error) error { return nil })
	if err != nil && ctx.Err() == nil {
		s.o.OnWarning(fmt.Sprintf("%s: %v", old.Name, err))
	}
	return known
}
