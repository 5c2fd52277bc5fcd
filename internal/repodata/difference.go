package repodata

import (
	"context"
	"iter"
	"maps"
	"path"
	"slices"

	"gorepo/internal/rpmpkg"
)

// Listed is a package as a generation lists it.
type Listed struct {
	rpmpkg.NEVRA
	Checksum rpmpkg.Checksum // the pkgid
	Location string          // cleaned
}

// Difference tells what one generation lists and the one before it does not.
type Difference struct {
	// Come are the packages that only the new one lists, Gone those that only the
	// one before does. A package that was built again, under the same name, version
	// and architecture, is in both; one that only lies somewhere else now is too.
	Come, Gone []Listed
	// Kept goes through those that both list.
	Kept iter.Seq[rpmpkg.NEVRA]
	// Packages is how many the new one lists.
	Packages int
	// Incomplete says why not all that the former one lists is known, or is nil.
	Incomplete error
}

// Versions are the names, versions and architectures of what came, what went and
// what stayed; packages that only lie somewhere else now are among the last.
func (d *Difference) Versions() (come, gone []rpmpkg.NEVRA, kept iter.Seq[rpmpkg.NEVRA]) {
	was := make(map[rpmpkg.NEVRA][]rpmpkg.Checksum, len(d.Gone))
	for _, p := range d.Gone {
		was[p.NEVRA] = append(was[p.NEVRA], p.Checksum)
	}
	moved := map[rpmpkg.NEVRA]int{}
	for _, p := range d.Come {
		if i := indexOfSame(was[p.NEVRA], p.Checksum); i >= 0 {
			was[p.NEVRA][i] = rpmpkg.Checksum{} // not for another one
			moved[p.NEVRA]++
			continue
		}
		come = append(come, p.NEVRA)
	}
	stayed := slices.Collect(maps.Keys(moved))
	for _, p := range d.Gone {
		if moved[p.NEVRA] > 0 {
			moved[p.NEVRA]--
			continue
		}
		gone = append(gone, p.NEVRA)
	}
	return come, gone, func(yield func(rpmpkg.NEVRA) bool) {
		for _, n := range stayed {
			if !yield(n) {
				return
			}
		}
		d.Kept(yield)
	}
}

// indexOfSame finds a checksum that may be of the same content: one of another
// type tells nothing.
func indexOfSame(list []rpmpkg.Checksum, sum rpmpkg.Checksum) int {
	for i, c := range list {
		if c.Type != "" && (c.Type != sum.Type || c.Equal(sum)) {
			return i
		}
	}
	return -1
}

// Dropped are the locations that only the former generation names.
func (d *Difference) Dropped() []string {
	come := make(map[string]bool, len(d.Come))
	for _, p := range d.Come {
		come[p.Location] = true
	}
	var list []string
	for _, p := range d.Gone {
		if !come[p.Location] {
			list = append(list, p.Location)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Compare tells how what a generation lists differs from what the one before it
// does. before may be nil, for none. Entries that cannot be understood count
// for nothing.
func Compare(ctx context.Context, before, now *OldMetadata) (*Difference, error) {
	var listed []Listed
	err := now.EachRef(ctx, func(ref rpmpkg.Ref) error {
		listed = append(listed, listedAs(ref))
		return nil
	}, func(error) error { return nil })
	if err != nil {
		return nil, err
	}
	return compareWith(ctx, before, listed)
}

func listedAs(ref rpmpkg.Ref) Listed {
	n := ref.NEVRA
	if n.Epoch == "" {
		n.Epoch = "0"
	}
	return Listed{n, ref.Checksum, path.Clean(ref.Location)}
}

// compareWith reads what before lists.
func compareWith(ctx context.Context, before *OldMetadata, now []Listed) (*Difference, error) {
	d := &Difference{Packages: len(now)}
	left := make(map[Listed]int, len(now))
	for _, p := range now {
		left[p]++
	}
	if before != nil {
		d.Incomplete = before.EachRef(ctx, func(ref rpmpkg.Ref) error {
			p := listedAs(ref)
			if left[p] > 0 {
				left[p]--
			} else {
				d.Gone = append(d.Gone, p)
			}
			return nil
		}, func(error) error { return nil })
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	kept := now[:0:0]
	for _, p := range now {
		if left[p] > 0 {
			left[p]--
			d.Come = append(d.Come, p)
		} else {
			kept = append(kept, p)
		}
	}
	d.Kept = func(yield func(rpmpkg.NEVRA) bool) {
		for _, p := range kept {
			if !yield(p.NEVRA) {
				return
			}
		}
	}
	return d, nil
}

// difference compares what was listed with o.Published. tasks are all that were
// planned, listed are the locations of those that came to be listed, in the same
// order. Where entries of Published were used again, nothing is read.
func (o *Options) difference(ctx context.Context, tasks []*task, listed []string) (*Difference, error) {
	p := o.Published
	isListed := func(t *task) bool {
		if len(listed) == 0 || t.location != listed[0] {
			return false
		}
		listed = listed[1:]
		return true
	}
	if p == nil || !p.matched {
		now := make([]Listed, 0, len(listed))
		for _, t := range tasks {
			if isListed(t) {
				now = append(now, o.listedTask(t))
			}
		}
		return compareWith(ctx, p, now)
	}
	d := &Difference{Gone: p.unused, Packages: len(listed)}
	kept := make([]*task, 0, len(tasks))
	for _, t := range tasks {
		switch there := isListed(t); {
		case there && t.old == p:
			kept = append(kept, t)
		case there:
			d.Come = append(d.Come, o.listedTask(t))
		case t.old == p:
			d.Gone = append(d.Gone, o.listedTask(t))
		}
	}
	d.Kept = func(yield func(rpmpkg.NEVRA) bool) {
		for _, t := range kept {
			if !yield(t.nevra) {
				return
			}
		}
	}
	return d, nil
}

func (o *Options) listedTask(t *task) Listed {
	return listedAs(rpmpkg.Ref{NEVRA: t.nevra, Checksum: rpmpkg.Checksum{Type: o.Checksum, Hex: t.pkgid}, Location: o.Href(t.location)})
}
