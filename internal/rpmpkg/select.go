package rpmpkg

import "slices"

// Newest gives, in their order, the refs that have the highest EVR among those
// of their name and architecture. Several that rpm treats as equal all stay.
// Streams of modules are not its business: see modulemd.KeepNewest.
func Newest(refs []Ref) []Ref {
	all := make([]int, len(refs))
	for i := range refs {
		all[i] = i
	}
	var newest []Ref
	for _, i := range NewestAmong(refs, all) {
		newest = append(newest, refs[i])
	}
	return newest
}

// NewestAmong is Newest for those refs that some indices stand for, in the
// order of the indices.
func NewestAmong(refs []Ref, indices []int) []int {
	type nameArch struct{ name, arch string }
	best := make(map[nameArch]EVR, len(indices))
	for _, i := range indices {
		key := nameArch{refs[i].Name, refs[i].Arch}
		evr := refs[i].EVR
		if have, ok := best[key]; !ok || evr.Compare(have) > 0 {
			best[key] = evr
		}
	}
	var newest []int
	for _, i := range indices {
		evr := refs[i].EVR
		if evr.Compare(best[nameArch{refs[i].Name, refs[i].Arch}]) == 0 {
			newest = append(newest, i)
		}
	}
	return newest
}

// Filter chooses packages by architecture, as dnf 4's reposync does. The zero
// value keeps every package. Where a repository is also cut down to its newest
// packages, that comes first: the versions of a module stream that are kept
// may depend on packages of other architectures.
type Filter struct {
	// Arches are the architectures to keep, exactly as packages have them:
	// noarch is only kept where it is named. None keeps all.
	Arches []string
	// Source keeps all source packages and nothing else, whatever Arches says.
	Source bool
}

// Keep says whether r passes.
func (f Filter) Keep(r Ref) bool {
	if f.Source {
		return r.Arch == "src" || r.Arch == "nosrc"
	}
	return len(f.Arches) == 0 || slices.Contains(f.Arches, r.Arch)
}
