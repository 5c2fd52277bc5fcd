package rpmpkg

import "slices"

// Newest gives, in their order, the refs that have one of the n highest EVRs
// among those of their name and architecture. Several that rpm treats as equal
// count as one, and all stay. Streams of modules are not its business: see
// modulemd.KeepNewest.
func Newest(refs []Ref, n int) []Ref {
	all := make([]int, len(refs))
	for i := range refs {
		all[i] = i
	}
	indices := NewestAmong(refs, all, n)
	newest := make([]Ref, len(indices))
	for at, i := range indices {
		newest[at] = refs[i]
	}
	return newest
}

// NewestAmong is Newest for those refs that some indices stand for, in the
// order of the indices.
func NewestAmong(refs []Ref, indices []int, n int) []int {
	type nameArch struct{ name, arch string }
	best := make(map[nameArch][]EVR, len(indices)) // at most n, the highest first
	for _, i := range indices {
		key := nameArch{refs[i].Name, refs[i].Arch}
		have := best[key]
		at, found := slices.BinarySearchFunc(have, refs[i].EVR, func(a, b EVR) int { return b.Compare(a) })
		if found || at == n {
			continue
		}
		have = slices.Insert(have, at, refs[i].EVR)
		best[key] = have[:min(len(have), n)]
	}
	newest := make([]int, 0, len(indices))
	for _, i := range indices {
		have := best[nameArch{refs[i].Name, refs[i].Arch}]
		if len(have) > 0 && refs[i].Compare(have[len(have)-1]) >= 0 {
			newest = append(newest, i)
		}
	}
	return newest
}

// Filter chooses packages by what each of them is, as dnf's reposync does. The
// zero value keeps every package. Where a repository is also cut down to its
// newest packages, that comes first: the versions of a module stream that are
// kept may depend on packages of other architectures.
type Filter struct {
	// Arches are the architectures to keep, exactly as packages have them:
	// noarch is only kept where it is named. None keeps all.
	Arches []string
	// Source keeps all source packages and nothing else, whatever Arches says.
	Source bool
	// BuiltSince is the earliest build time to keep, in Unix seconds.
	BuiltSince int64
}

// Keep says whether r passes.
func (f Filter) Keep(r Ref) bool {
	if r.BuildTime < f.BuiltSince {
		return false
	}
	if f.Source {
		return r.Arch == "src" || r.Arch == "nosrc"
	}
	return len(f.Arches) == 0 || slices.Contains(f.Arches, r.Arch)
}
