package mirror

import (
	"errors"
	"slices"
)

// Held are the locations that only the generation before a published one names.
func (s *State) Held() []string { return slices.Concat(s.Dropped, s.CopyDropped) }

// SetOf makes a list of locations one to look them up in.
func SetOf(locations []string) map[string]bool {
	set := make(map[string]bool, len(locations))
	for _, location := range locations {
		set[location] = true
	}
	return set
}

// OnlyIn returns the locations that before has and now does not, sorted.
func OnlyIn(before, now map[string]bool) []string {
	var list []string
	for location := range before {
		if !now[location] {
			list = append(list, location)
		}
	}
	slices.Sort(list)
	return list
}

// RemoveUnnamed deletes the packages at locations, but for those that the
// published generation names and those that only the one before it does
// (dropped). It returns how many it deleted, and which have to wait.
func (r *Repo) RemoveUnnamed(locations []string, named map[string]bool, dropped []string) (removed int, waiting []string, err error) {
	held := SetOf(dropped)
	var errs []error
	for _, location := range locations {
		_, there, err := r.Stat(location)
		switch {
		case err == nil && !there:
			continue
		case err == nil && (named[location] || held[location]):
			waiting = append(waiting, location)
			continue
		case err == nil:
			err = r.Remove(location)
		}
		if err != nil {
			errs = append(errs, err)
			waiting = append(waiting, location)
			continue
		}
		removed++
	}
	return removed, waiting, errors.Join(errs...)
}
