package reposync

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"gorepo/internal/rpmpkg"
)

// A Portion is a number of packages, or with Percent that many of a hundred.
type Portion struct {
	Number  float64
	Percent bool
}

func (p Portion) String() string {
	text := strconv.FormatFloat(p.Number, 'f', -1, 64)
	if p.Percent {
		return text + " %"
	}
	return text
}

// of is how many of total packages that are. A percentage above 0 is two packages
// at least: in a repository of five every single one is a fifth.
func (p Portion) of(total int) int {
	if !p.Percent {
		return int(p.Number)
	}
	n := int(p.Number * float64(total) / 100)
	if p.Number > 0 {
		n = max(n, 2)
	}
	return n
}

// A Refusal tells that a sync has not deleted what upstream no longer has,
// because it is too much to be believed.
type Refusal struct {
	Packages int // that would go
	Of       int // packages that clients see now, and of those that the sync has brought
	Replaced int // of those that would go: there is a newer one in their place
	Max      Portion
	Empty    bool // nothing at all would be left
}

func (r *Refusal) Error() string {
	const end = ": nothing is deleted; --force-delete if upstream is right"
	if r.Empty {
		return fmt.Sprintf("delete: upstream has no packages that are wanted, and all %d of the mirror would go", r.Packages) + end
	}
	counted := r.Packages - r.Replaced
	text := fmt.Sprintf("delete: %d of %d packages", r.Packages, r.Of)
	if r.Replaced > 0 {
		text += fmt.Sprintf(" would go, and %d of them (%s) have no newer one in their place", counted, percentage(counted, r.Of))
	} else {
		text += fmt.Sprintf(" (%s) would go", percentage(counted, r.Of))
	}
	return text + fmt.Sprintf(", more than max_delete = %s", r.Max) + end
}

// percentage rounds up, so that what is more than a whole percentage looks so.
func percentage(n, of int) string {
	return strconv.FormatFloat(math.Ceil(1000*float64(n)/float64(of))/10, 'f', -1, 64) + " %"
}

// guard decides whether packages may be condemned: locations in a tree of so
// many packages, of which wanted are to stay. nil is yes.
//
// An upstream that shows an empty repository, or a small part of one, is more
// likely broken than right. A package for which a newer one of its name and
// architecture stays, one for one, does not count: or each mass rebuild of a
// distribution would be refused where only the newest versions are kept.
func (o *Options) guard(condemned []string, tree int, wanted []rpmpkg.Ref) *Refusal {
	r := &Refusal{Packages: len(condemned), Of: tree, Max: o.MaxDelete, Empty: len(wanted) == 0}
	switch {
	case len(condemned) == 0, o.ForceDelete:
		return nil
	case r.Empty:
		return r
	case len(condemned) <= o.MaxDelete.of(tree):
		return nil
	}
	r.Replaced = replaced(condemned, wanted)
	if r.Packages-r.Replaced <= o.MaxDelete.of(tree) {
		return nil
	}
	return r
}

type nameArch struct{ name, arch string }

// replaced counts the packages at locations that make place for a newer one of
// their name and architecture among the wanted ones. Each of those counts for
// one.
func replaced(locations []string, wanted []rpmpkg.Ref) int {
	gone := map[nameArch][]rpmpkg.EVR{}
	for _, location := range locations {
		if key, evr, ok := parseFileName(path.Base(location)); ok {
			gone[key] = append(gone[key], evr)
		}
	}
	stay := map[nameArch][]rpmpkg.EVR{}
	for _, ref := range wanted {
		key := nameArch{ref.Name, ref.Arch}
		if gone[key] != nil {
			evr := ref.EVR
			evr.Epoch = "0" // file names have none
			stay[key] = append(stay[key], evr)
		}
	}
	n := 0
	for key, newer := range stay {
		older := gone[key]
		slices.SortFunc(older, rpmpkg.EVR.Compare)
		slices.SortFunc(newer, rpmpkg.EVR.Compare)
		i := 0
		for _, evr := range newer {
			if i < len(older) && evr.Compare(older[i]) > 0 {
				i++
			}
		}
		n += i
	}
	return n
}

// parseFileName takes apart name-version-release.arch.rpm.
func parseFileName(file string) (nameArch, rpmpkg.EVR, bool) {
	rest, arch, ok := cutLast(strings.TrimSuffix(file, ".rpm"), ".")
	rest, release, ok2 := cutLast(rest, "-")
	name, version, ok3 := cutLast(rest, "-")
	return nameArch{name, arch}, rpmpkg.EVR{Epoch: "0", Version: version, Release: release}, ok && ok2 && ok3
}

func cutLast(s, separator string) (before, after string, ok bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}
