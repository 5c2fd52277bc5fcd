package rpmpkg

import (
	"regexp"
	"slices"
	"strings"
)

// A Pattern names packages as dnf's excludepkgs and includepkgs do. It is read
// in these forms, in this order, and means what it matches in the first in which
// it matches any package of the repository:
//
//	name-[epoch:]version-release.arch
//	name.arch
//	name
//	name-[epoch:]version-release
//	name-[epoch:]version
//
// Each part may be a glob, but the epoch. Without one all epochs are meant. A
// version or release that is no glob is compared as rpm does: 1.0 is 1.00. A
// glob that matches in none of the forms is tried on the whole
// name-version-release.arch, with the epoch before the version if there is a
// colon in the pattern.
//
// This is what libdnf's Query::filterSubject does for dnf 4, without provides
// and file names; a test asks dnf itself.
type Pattern struct {
	text  string
	forms []patternForm
}

// patternForm is a pattern as one of the forms; "" is a part that it does not
// have, and none is empty.
type patternForm struct{ name, epoch, version, release, arch string }

// The parts of a pattern. None has what divides the parts, or what stands in a
// dependency.
const (
	namePart    = `([^:(/=<> ]+)`
	epochPart   = `(?:([0-9]+):)?`
	versionPart = `([^-:(/=<> ]+)`
	archPart    = `([^-:.(/=<> ]+)`
)

// patternForms have the groups name, epoch, version, release, arch.
var patternForms = []*regexp.Regexp{
	regexp.MustCompile(`^` + namePart + `-` + epochPart + versionPart + `-` + versionPart + `\.` + archPart + `$`),
	regexp.MustCompile(`^` + namePart + `()()()\.` + archPart + `$`),
	regexp.MustCompile(`^` + namePart + `()()()()$`),
	regexp.MustCompile(`^` + namePart + `-` + epochPart + versionPart + `-` + versionPart + `()$`),
	regexp.MustCompile(`^` + namePart + `-` + epochPart + versionPart + `()()$`),
}

// ParsePattern reads a pattern. There is none that it cannot read: some match
// nothing.
func ParsePattern(text string) Pattern {
	p := Pattern{text: text}
	for _, form := range patternForms {
		if m := form.FindStringSubmatch(text); m != nil {
			p.forms = append(p.forms, patternForm{m[1], m[2], m[3], m[4], m[5]})
		}
	}
	return p
}

// String gives the pattern as it was written.
func (p Pattern) String() string { return p.text }

// Names chooses packages by patterns. Without Include all are wanted; those that
// Exclude names are not, whatever Include says.
type Names struct{ Include, Exclude []Pattern }

// None says whether it keeps every package.
func (n Names) None() bool { return len(n.Include)+len(n.Exclude) == 0 }

// Keep gives, in their order, the refs that pass. They have to be all of the
// repository: a pattern's meaning depends on what there is. The slice's memory
// is used again.
func (n Names) Keep(refs []Ref) []Ref {
	if n.None() {
		return refs
	}
	index := newNameIndex(refs)
	keep := make([]bool, len(refs))
	if len(n.Include) == 0 {
		for i := range keep {
			keep[i] = true
		}
	}
	for _, p := range n.Include {
		for _, i := range p.find(index) {
			keep[i] = true
		}
	}
	for _, p := range n.Exclude {
		for _, i := range p.find(index) {
			keep[i] = false
		}
	}
	kept := refs[:0]
	for i := range refs {
		if keep[i] {
			kept = append(kept, refs[i])
		}
	}
	return kept
}

// nameIndex finds refs by their names, so that a pattern need not be tried on
// every package.
type nameIndex struct {
	refs  []Ref
	names []string // each once
	at    map[string][]int
}

func newNameIndex(refs []Ref) *nameIndex {
	x := &nameIndex{refs: refs, at: make(map[string][]int, len(refs))}
	for i := range refs {
		name := refs[i].Name
		if len(x.at[name]) == 0 {
			x.names = append(x.names, name)
		}
		x.at[name] = append(x.at[name], i)
	}
	return x
}

// find gives the indices of the refs that the pattern names.
func (p Pattern) find(x *nameIndex) (found []int) {
	for _, form := range p.forms {
		if found = form.find(x); len(found) > 0 {
			return found
		}
	}
	if !IsGlob(p.text) {
		return nil // as a text it could only be one of the forms
	}
	withEpoch := strings.Contains(p.text, ":")
	start := p.text[:strings.IndexAny(p.text, `*?[\`)]
	var nevra []byte
	for _, name := range x.names {
		if !strings.HasPrefix(name, start[:min(len(start), len(name))]) {
			continue
		}
		for _, i := range x.at[name] {
			nevra = x.refs[i].appendNEVRA(nevra[:0], withEpoch)
			if Glob(p.text, string(nevra)) {
				found = append(found, i)
			}
		}
	}
	return found
}

func (n NEVRA) appendNEVRA(b []byte, withEpoch bool) []byte {
	b = append(append(b, n.Name...), '-')
	if withEpoch {
		b = append(append(b, orZero(n.Epoch)...), ':')
	}
	b = append(append(b, n.Version...), '-')
	b = append(append(b, n.Release...), '.')
	return append(b, n.Arch...)
}

func (f patternForm) find(x *nameIndex) (found []int) {
	names := x.names
	if !IsGlob(f.name) {
		names = []string{f.name}
	} else if strings.Trim(f.name, "*") != "" {
		names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !Glob(f.name, name) })
	}
	for _, name := range names {
		for _, i := range x.at[name] {
			if f.matches(&x.refs[i].NEVRA) {
				found = append(found, i)
			}
		}
	}
	return found
}

// matches compares all but the name.
func (f patternForm) matches(n *NEVRA) bool {
	return (f.arch == "" || f.arch == n.Arch || IsGlob(f.arch) && Glob(f.arch, n.Arch)) &&
		(f.version == "" || sameVersion(f.version, n.Version)) &&
		(f.release == "" || sameVersion(f.release, n.Release)) &&
		(f.epoch == "" || Vercmp(f.epoch, orZero(n.Epoch)) == 0)
}

func sameVersion(pattern, version string) bool {
	if IsGlob(pattern) {
		return Glob(pattern, version)
	}
	return Vercmp(pattern, version) == 0
}
