package reposync

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
)

// below is an upstream in a directory of another.
type below struct {
	Source
	dir string
}

func (b below) Get(ctx context.Context, location string, limit int64, known Validators) (Small, error) {
	small, err := b.Source.Get(ctx, b.dir+"/"+location, limit, known)
	if small.Same != nil {
		small.Same = below{small.Same, b.dir}
	}
	return small, err
}

func (b below) Download(ctx context.Context, base, location string, to Sink, limit int64) error {
	base, location = b.at(base, location)
	return b.Source.Download(ctx, base, location, to, limit)
}

func (b below) URL(base, location string) string {
	base, location = b.at(base, location)
	return b.Source.URL(base, location)
}

// OpenLocal implements LocalSource.
func (b below) OpenLocal(base, location string) *os.File {
	local, ok := b.Source.(LocalSource)
	if !ok {
		return nil
	}
	base, location = b.at(base, location)
	return local.OpenLocal(base, location)
}

// at is a location as the outer upstream has it.
func (b below) at(base, location string) (string, string) {
	switch {
	case base == "":
		return "", b.dir + "/" + location
	case strings.Contains(base, ":"), strings.HasPrefix(base, "/"):
		return base, location
	}
	return b.dir + "/" + base, location
}

// nestedOptions say how a repository inside this one is brought: as a whole,
// with upstream's own metadata.
func (s *run) nestedOptions(dir string) Options {
	return Options{
		Source:        below{s.o.Source, dir},
		CheckMetadata: s.o.CheckMetadata, CheckPackage: s.o.CheckPackage,
		LockTimeout: s.o.LockTimeout, Slots: s.o.Slots, Parallel: s.o.Parallel,
		Delete: s.o.Delete, MaxDelete: s.o.MaxDelete, ForceDelete: s.o.ForceDelete,
		DownloadMetadata: true, RemoteTime: s.o.RemoteTime,
		outer: func(ctx context.Context) (func(string) bool, error) {
			has, err := s.has(ctx)
			return func(location string) bool {
				location = path.Join(dir, location)
				return has[location] || slices.ContainsFunc(s.state.Tree.Nested, func(other string) bool {
					return strings.HasPrefix(other, dir+"/") && strings.HasPrefix(location, other+"/")
				})
			}, err
		},
		Progress:  s.o.Progress,
		OnFailure: func(err error) { s.o.OnFailure(fmt.Errorf("%s: %w", dir, err)) },
		OnWarning: func(text string) { s.o.OnWarning(dir + ": " + text) },
		OnNote:    func(text string) { s.o.OnNote(dir + ": " + text) },
	}
}

// has are the locations that are wanted here, and those that published metadata
// names.
func (s *run) has(ctx context.Context) (map[string]bool, error) {
	if s.all != nil {
		return s.all, nil
	}
	all, err := s.named(ctx)
	if err != nil {
		return nil, err
	}
	for _, location := range s.state.Held() {
		all[location] = true
	}
	for _, ref := range s.wanted {
		all[ref.Location] = true
	}
	s.all = all
	return all, nil
}

// bringNested brings a repository inside this one.
func (s *run) bringNested(ctx context.Context, dir string) error {
	o := s.nestedOptions(dir)
	repo, err := s.o.Repo.Nested(dir)
	if err != nil {
		s.failTree(err)
		return nil
	}
	defer repo.Close() //nolint:errcheck // nothing is written through it any more
	o.Repo = repo
	r, err := Sync(ctx, o)
	s.took(r.Weak...)
	if err != nil || !r.Complete() {
		s.unsure = fmt.Sprintf("the repository %s inside the installation tree did not come whole", dir)
	}
	s.mu.Lock()
	sum := &s.result
	sum.Packages += r.Packages
	sum.Present += r.Present
	sum.Added += r.Added
	sum.Updated += r.Updated
	sum.Size += r.Size
	sum.Fetched += r.Fetched
	sum.Removed += r.Removed
	sum.Tree.Failed += r.Failed
	sum.Tree.Untrusted += r.Untrusted
	if r.Refused != nil {
		sum.Tree.Failed++
	}
	sum.Published = sum.Published || r.Published
	s.mu.Unlock()
	switch {
	case fatal(ctx, err):
		return err
	case err != nil:
		s.failTree(fmt.Errorf("%s: %w", dir, err))
	}
	return nil
}

// forgetNested makes a repository that upstream's tree no longer has a part of
// this one: its packages go as others that are not wanted do.
func (s *run) forgetNested(dir string) error {
	repo, err := s.o.Repo.Nested(dir)
	if err != nil {
		return err
	}
	defer repo.Close() //nolint:errcheck // nothing is written through it
	return repo.Forget()
}
