package reposync

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
	"gorepo/internal/rpmpkg"
)

// condemn decides which packages are to go: those that the sync did not ask for,
// if everything that is to stay is there, and if they are not too many to be
// believed. Those that are condemned already stay so unless they are wanted again.
func (s *run) condemn(ctx context.Context, wanted []rpmpkg.Ref) error {
	locations := make(map[string]bool, len(wanted))
	for _, ref := range wanted {
		locations[ref.Location] = true
	}
	others, err := s.others(ctx)
	if err != nil {
		return err
	}
	condemned := slices.DeleteFunc(s.state.Condemned, func(l string) bool { return locations[l] || others(l) })
	if s.o.Delete {
		unwanted, err := s.unwanted(ctx, wanted, locations, mirror.SetOf(condemned), others)
		if err != nil {
			return err
		}
		condemned = append(condemned, unwanted...)
	}
	condemned = append(condemned, s.distrusted...)
	slices.Sort(condemned)
	s.state.Condemned = slices.Compact(condemned)
	return nil
}

// unwanted lists the packages in the tree that the sync did not ask for and that
// are not condemned yet. After a failure there are none: what seems to be gone
// may only be out of sight.
func (s *run) unwanted(ctx context.Context, wanted []rpmpkg.Ref, locations, condemned map[string]bool, others func(location string) bool) ([]string, error) {
	if s.result.Failed > 0 {
		s.o.OnWarning("nothing is deleted: the sync was not complete")
		return nil, nil
	}
	if s.unsure != "" {
		s.o.OnWarning("nothing is deleted: " + s.unsure)
		return nil, nil
	}
	var list []string
	tree := 0
	for p, err := range s.o.Repo.Packages(ctx) {
		if err != nil {
			return nil, fmt.Errorf("nothing is deleted: %w", err)
		}
		if condemned[p.Location] || !locations[p.Location] && others(p.Location) {
			continue
		}
		tree++
		if !locations[p.Location] {
			list = append(list, p.Location)
		}
	}
	if refusal := s.o.guard(list, tree, wanted); refusal != nil {
		s.result.Refused = refusal
		if s.dry == nil {
			s.o.OnFailure(refusal)
		}
		return nil, nil
	}
	return list, nil
}

// others tells which locations belong to another repository of the same tree: one
// inside this one, or the one around it.
func (s *run) others(ctx context.Context) (func(location string) bool, error) {
	if s.o.outer != nil {
		return s.o.outer(ctx)
	}
	return repodata.Nested(ctx, s.o.Repo.Dir(), s.state.Tree.Nested)
}

// cleanUp deletes what is condemned. What published metadata names stays for
// now: createrepo leaves it out, and it goes when no generation names it any
// more. A copy of upstream's own metadata names whatever the selection leaves
// out, and says nothing of what is there.
func (s *run) cleanUp(ctx context.Context) error {
	if s.result.Refused != nil {
		return nil // those that went before were no better known
	}
	return s.remove(ctx)
}

// remove deletes the condemned packages that no published metadata names. After
// a failure that is only those of the tree whose signatures are not trusted.
func (s *run) remove(ctx context.Context) error {
	doomed, rest := s.state.Condemned, []string(nil)
	if s.result.Failed > 0 {
		distrusted := mirror.SetOf(s.distrusted)
		doomed, rest = s.distrusted, slices.DeleteFunc(slices.Clone(doomed), func(l string) bool { return distrusted[l] })
	}
	if len(doomed) == 0 || s.result.Failed > s.result.Untrusted {
		return nil
	}
	named, err := s.named(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.fail(fmt.Errorf("nothing is deleted: %w", err))
		return nil
	}
	others, err := s.others(ctx)
	if err != nil {
		return err
	}
	for _, location := range doomed {
		named[location] = named[location] || others(location)
	}
	removed, waiting, err := s.o.Repo.RemoveUnnamed(doomed, named, s.state.Held())
	s.state.Condemned = append(rest, waiting...)
	s.result.Removed = removed
	if err != nil {
		s.fail(err)
	}
	return nil
}

// named are the locations that published metadata names: the repository's own, and
// a copy of upstream's elsewhere. What of a copy the selection leaves out is not
// among them: it is named for good, and waiting would be for ever.
func (s *run) named(ctx context.Context) (map[string]bool, error) {
	all := map[string]bool{}
	for _, dir := range []string{s.o.Repo.Dir(), s.o.MetadataDir} {
		if dir == "" {
			continue
		}
		m, err := publishedIn(dir)
		var named map[string]bool
		if err == nil && m != nil {
			named, err = m.Locations(ctx)
		}
		if err != nil {
			return nil, fmt.Errorf("%s cannot be read, createrepo makes it anew: %w", filepath.Join(dir, "repodata"), err)
		}
		for location := range named {
			if dir != s.copyDir() || !s.unselected[location] {
				all[location] = true
			}
		}
	}
	return all, nil
}
