package rpmpkg

import (
	"fmt"
	"testing"
)

// manyRefs are those of a repository of Fedora's size.
func manyRefs() []Ref {
	refs := make([]Ref, 70_000)
	for i := range refs {
		name := fmt.Sprintf("package-name-%d", i/3)
		if i%5 == 0 {
			name += "-devel"
		}
		refs[i] = ref(name, "0", fmt.Sprintf("1.%d.0", i%3), fmt.Sprintf("%d.fc40", i%9), []string{"x86_64", "noarch", "i686"}[i%7%3])
	}
	return refs
}

// BenchmarkSelect chooses among 70,000 packages.
func BenchmarkSelect(b *testing.B) {
	refs := manyRefs()
	for name, f := range map[string]func([]Ref) []Ref{
		"all":    Names{}.Keep,
		"newest": func(refs []Ref) []Ref { return Newest(refs, 1) },
		"keep3":  func(refs []Ref) []Ref { return Newest(refs, 3) },
		"names":  Names{Exclude: patterns("kernel foo package-name-77 package-name-78-1.0.0 package-name-79.i686")}.Keep,
		"globs":  Names{Exclude: patterns("package-name-1* *.i686 *-debuginfo *-devel *nothing* lib*-1.0* *-2:1.0-*")}.Keep,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			scratch := make([]Ref, len(refs))
			for b.Loop() {
				copy(scratch, refs)
				if len(f(scratch)) == 0 {
					b.Fatal("nothing is left")
				}
			}
		})
	}
}
