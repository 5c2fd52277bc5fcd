package repodata

import (
	"context"
	"runtime"
	"strconv"

	"golang.org/x/sync/errgroup"

	"gorepo/internal/rpmpkg"
)

// task is one package to list: an entry to copy from an old generation, or a
// file to read.
type task struct {
	packageFile
	identity                   // once the entry or the package was read
	old      *OldMetadata      // nil: the file is read
	number   string            // the entry's place in the old primary
	pkgid    string            // once the entry or the package was read
	fresh    []chan freshEntry // by kind, what reading the file gave; nil where old is set
}

// key is by what an entryStream of the kind knows the entry.
func (t *task) key(k Kind) string {
	if k == Primary {
		return t.number
	}
	return t.pkgid
}

// place is where an entry says that its package is.
type place struct{ base, href string }

// plan decides for every package where its entry comes from: the first old
// generation whose entry has the same location, base, size and mtime, and a
// checksum of the wanted type.
func plan(ctx context.Context, files []packageFile, o *Options) ([]*task, error) {
	if o.Published != nil {
		o.Published.matched, o.Published.unused = false, nil
	}
	tasks, all := make([]*task, len(files)), make([]task, len(files))
	byHref := make(map[place]*task, len(files))
	for i, f := range files {
		tasks[i] = &all[i]
		tasks[i].packageFile = f
		at := place{o.base(f.location), o.Href(f.location)}
		if _, twice := byHref[at]; twice {
			byHref[at] = nil // an entry does not tell which of the files it is of
		} else {
			byHref[at] = tasks[i]
		}
	}
	for _, old := range o.Old {
		if !old.Lists(o.kinds()...) {
			continue
		}
		if err := match(ctx, byHref, old, o); err != nil {
			return nil, err
		}
	}
	return tasks, nil
}

// maxBadEntries is how many entries that cannot be understood are passed over. A
// few megabytes unpack to hundreds of millions.
const maxBadEntries = 1000

// match finds the entries of old that can be used for tasks without one.
func match(ctx context.Context, tasks map[place]*task, old *OldMetadata, o *Options) error {
	file, err := old.open(ctx, Primary)
	if err != nil {
		return &unusable{old, err}
	}
	defer file.Close() //nolint:errcheck // only read
	number, bad := 0, 0
	collect := o.Compare && old == o.Published
	unused := func(ref rpmpkg.Ref) error {
		if collect {
			old.unused = append(old.unused, listedAs(ref))
		}
		return nil
	}
	twice := map[place]bool{}
	err = ReadPrimary(file, func(ref rpmpkg.Ref, _ []byte) error {
		number++
		at := place{ref.Base, ref.Location}
		t := tasks[at]
		if t == nil || old.void(t.location) {
			return unused(ref)
		}
		if !o.TrustNames && (ref.Size != t.size || ref.FileTime != t.mtime) {
			return unused(ref)
		}
		if ref.Checksum.Type != o.Checksum { // by name: EL5 knows sha, and not sha1
			return unused(ref)
		}
		switch {
		case t.old == nil && !twice[at]:
			t.old, t.number, t.pkgid = old, strconv.Itoa(number), ref.Checksum.Hex
			t.identity = identity{ref.NEVRA, ref.BuildTime}
			return nil
		case t.old == old:
			// Two entries for one file: which is right only the file can say.
			if collect {
				old.unused = append(old.unused, o.listedTask(t))
			}
			t.old, twice[at] = nil, true
		}
		return unused(ref)
	}, func(err error) error {
		number++
		if bad++; bad > maxBadEntries {
			return err
		}
		return nil // a package that cannot be understood is not used again
	})
	old.entries = number
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return &unusable{old, err}
	}
	old.matched = collect
	return nil
}

func (m *OldMetadata) void(location string) bool { return m.Void != nil && m.Void(location) }

// lists reports whether old lists exactly these packages, in this order.
func (m *OldMetadata) lists(tasks []*task) bool {
	if m.entries != len(tasks) {
		return false
	}
	for i, t := range tasks {
		if t.old != m || t.number != strconv.Itoa(i+1) {
			return false
		}
	}
	return true
}

// whole reads every file that the generation names, and reports whether they
// are what it says.
func (m *OldMetadata) whole(ctx context.Context) bool {
	grp, ctx := errgroup.WithContext(ctx)
	grp.SetLimit(runtime.GOMAXPROCS(0))
	for _, rec := range m.Repomd.Records {
		grp.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return m.Verify(rec)
		})
	}
	return grp.Wait() == nil
}
