package repodata

import (
	"bufio"
	"context"
	"fmt"
	"path/filepath"

	"gorepo/internal/rpmpkg"
)

// identity is what duplicates are told by.
type identity struct {
	nevra rpmpkg.NEVRA
	built int64 // Unix seconds
}

// warnDuplicates tells of packages that are listed under one name, version and
// architecture: which of them a client takes is its own affair.
func (o *Options) warnDuplicates(tasks []*task, listed []string) {
	if !o.WarnDuplicates {
		return
	}
	isListed := make(map[string]bool, len(listed))
	for _, location := range listed {
		isListed[location] = true
	}
	first := make(map[rpmpkg.NEVRA]string, len(tasks))
	for _, t := range tasks {
		if !isListed[t.location] || t.nevra.Name == "" {
			continue
		}
		if other, twice := first[t.nevra]; twice {
			o.OnWarning(t.location, fmt.Sprintf("it has the same name, version and architecture as %s: %s", other, t.nevra))
			continue
		}
		first[t.nevra] = t.location
	}
}

// keepLast leaves out, of packages with one name, version and architecture, all
// but the one that was built last; of several of the same time, the last. The
// headers of packages without an old entry are read for it.
func (o *Options) keepLast(ctx context.Context, tasks []*task) ([]*task, error) {
	last := make(map[rpmpkg.NEVRA]*task, len(tasks))
	for _, t := range tasks {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if t.old == nil {
			var err error
			if t.identity, err = readIdentity(filepath.Join(o.Dir, filepath.FromSlash(t.location))); err != nil {
				continue // whoever reads the whole of it says what is wrong
			}
		}
		if have := last[t.nevra]; have == nil || t.built >= have.built {
			last[t.nevra] = t
		}
	}
	kept := make([]*task, 0, len(tasks))
	for _, t := range tasks {
		if best := last[t.nevra]; t.nevra.Name != "" && best != t {
			o.OnWarning(t.location, fmt.Sprintf("it is not listed, since %s has the same name, version and architecture: %s", best.location, t.nevra))
			continue
		}
		kept = append(kept, t)
	}
	return kept, nil
}

func readIdentity(file string) (identity, error) {
	f, err := rpmpkg.Open(file)
	if err != nil {
		return identity{}, err
	}
	defer f.Close() //nolint:errcheck // only read
	preamble, err := rpmpkg.ReadPreamble(bufio.NewReaderSize(f, 64<<10))
	if err != nil {
		return identity{}, err
	}
	pkg, err := preamble.Package()
	if err != nil {
		return identity{}, err
	}
	return identity{pkg.NEVRA, pkg.BuildTime}, nil
}
