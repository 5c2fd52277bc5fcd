package rpmpkg

import "slices"

// narrower are the architectures whose packages run on one as well, as
// mergerepo_c expands it: the 32-bit ones of a multilib architecture, and the
// variants of a base architecture.
var narrower = map[string][]string{
	"alpha":   {"alphaev4", "alphaev45", "alphaev5", "alphaev56", "alphaev6", "alphaev67", "alphaev68", "alphaev7", "alphapca56"},
	"i386":    intel32,
	"ppc64":   {"ppc", "ppc64iseries", "ppc64pseries"},
	"s390x":   {"s390"},
	"sh4":     {"sh4a"},
	"sparc":   {"sparcv8", "sparcv9", "sparcv9v"},
	"sparc64": {"sparc64v"},
	"x86_64":  append([]string{"amd64", "ia32e"}, intel32...),
}

var intel32 = []string{"athlon", "geode", "i386", "i486", "i586", "i686"}

// ExpandArches adds to architectures those whose packages run there as well,
// as mergerepo_c's --arch-expand does. The result is sorted, each one once.
func ExpandArches(arches []string) []string {
	var all []string
	for _, arch := range arches {
		all = append(append(all, arch), narrower[arch]...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
