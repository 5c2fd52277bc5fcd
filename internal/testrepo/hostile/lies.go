package hostile

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"

	"gorepo/internal/testrepo/rawrpm"
)

// lies are packages whose headers say what is not so, or more than anybody
// wants to know.
func lies() []Package {
	var list []Package
	add := func(fate Fate, data []byte) { list = append(list, Package{Kind: "lie", Data: data, Fate: fate}) }
	one := rawrpm.Files(rawrpm.Entry{Dir: "/usr/bin/", Base: "x"})

	// Counts, types and offsets of single tags.
	for _, tag := range []uint32{1000, 1001, 1004, 1009, 1022, 1044} {
		for _, count := range []uint32{0, 1 << 10, math.MaxInt32, math.MaxUint32} {
			add(Bad, rawrpm.Package("x", change(tag, func(t rawrpm.Tag) rawrpm.Tag { return t.Claim(count) })))
		}
		for _, at := range []uint32{1 << 20, math.MaxInt32, math.MaxUint32, math.MaxUint32 - 15} {
			add(Bad, rawrpm.Package("x", change(tag, func(t rawrpm.Tag) rawrpm.Tag { return t.Offset(at) })))
		}
		for _, kind := range []uint32{10, 11, 255, math.MaxUint32} {
			add(Bad, rawrpm.Package("x", change(tag, func(t rawrpm.Tag) rawrpm.Tag { t.Type = kind; return t })))
		}
	}
	// What no package is without.
	for _, tag := range []uint32{1000, 1001, 1002, 1022} {
		add(Bad, rawrpm.Package("x", rawrpm.Without(tag)))
		add(Bad, rawrpm.Package("x", rawrpm.Str(tag, "")))
		add(Bad, rawrpm.Package("x", rawrpm.U32(tag, 1)))
	}
	add(Bad, rawrpm.File(rawrpm.Structure(), rawrpm.Structure(), nil))

	// Structures.
	header := rawrpm.Structure(rawrpm.Basic("x")...)
	for _, tags := range []uint32{1, 0xffff, 0x10000, math.MaxInt32, math.MaxUint32} {
		for _, size := range []uint32{16, 1 << 20, 256 << 20, 256<<20 + 1, math.MaxUint32} {
			add(Bad, rawrpm.File(rawrpm.Structure(), rawrpm.Assemble(tags, size, header[16:]), nil))
			add(Bad, slices.Concat(rawrpm.Lead(), rawrpm.Assemble(tags, size, header[16:])))
		}
	}
	add(Bad, rawrpm.File(rawrpm.Structure(), bytes.Repeat([]byte("not a header"), 100), nil))
	add(Bad, rawrpm.File(bytes.Repeat([]byte("not a header"), 100), header, nil))
	add(Bad, bytes.Repeat([]byte("not a package"), 1000))
	add(Bad, nil)
	add(Bad, make([]byte, 1<<20))
	add(Bad, append([]byte{0xed, 0xab, 0xee, 0xdb}, make([]byte, 1<<20)...))
	add(Bad, rawrpm.Lead())
	overlap := []rawrpm.Tag{{Tag: 1117, Type: rawrpm.StringArray, Count: 1 << 20, Data: make([]byte, 1<<20)}}
	for i := range uint32(500) {
		overlap = append(overlap, rawrpm.Tag{Tag: 2000 + i, Type: rawrpm.StringArray, Count: 1 << 20}.Offset(0))
	}
	add(Bad, rawrpm.File(rawrpm.Structure(), rawrpm.Structure(overlap...), nil))

	// File lists.
	for _, tag := range []rawrpm.Tag{
		rawrpm.U32(1116, 7), rawrpm.U32(1116, math.MaxUint32), rawrpm.Strs(1117, "x", "y"), rawrpm.U32(1117, 1),
		rawrpm.Ints(1030, rawrpm.Int16, 1, 2), rawrpm.Without(1116), rawrpm.Without(1030), rawrpm.Without(1118),
	} {
		add(Bad, rawrpm.Package("x", rawrpm.With(one, tag)...))
	}
	add(Bad, rawrpm.Package("x", rawrpm.Files(rawrpm.Entry{Dir: "/" + strings.Repeat("d", 5000) + "/", Base: "x"})...))
	add(Bad, rawrpm.Package("x", manyFiles(100_000, "/"+strings.Repeat("&", 4000)+"/")...))

	// Strange, and yet packages.
	good := func(name string, tags ...rawrpm.Tag) { add(Good, rawrpm.Package(name, tags...)) }
	inner := rawrpm.Package("inner", one...)
	add(Good, rawrpm.File(rawrpm.Structure(), header, inner))
	add(Good, append(rawrpm.Package("trailing"), inner...))
	add(Good, rawrpm.Old("without-regions", one...))
	good("many-files", manyFiles(100_000, "/usr/share/x/")...)
	good("markup", rawrpm.I18N(1004, "<b>&amp;]]></b>"), rawrpm.I18N(1005, "<!DOCTYPE x [<!ENTITY y SYSTEM \"/etc/passwd\">]>&y;"))
	good("controls", rawrpm.I18N(1004, "\x1b[2Jred\x00"), rawrpm.I18N(1005, "a\x01b\x0cc\ufffe"))
	good("bytes", rawrpm.I18N(1004, "\xff\xfe\x80"), rawrpm.Str(1014, "Gr\xf6\xdfe"))
	good("paths", rawrpm.Files(
		rawrpm.Entry{Dir: "../../../etc/", Base: "passwd"}, rawrpm.Entry{Dir: "", Base: ""}, rawrpm.Entry{Dir: "/\x1b[2J/", Base: "\n<file>"},
	)...)
	good(strings.Repeat("n", 10_000))
	good("name with spaces and <markup>")
	good("../../../../etc/passwd")
	good("epoch", rawrpm.U32(1003, math.MaxUint32))
	good("large", rawrpm.I18N(1005, strings.Repeat("description ", 80_000)))
	good("dependencies", rawrpm.Dependencies(rawrpm.Requires, manyDependencies(50_000)...)...)
	good("provides", rawrpm.Dependencies(rawrpm.Provides, manyDependencies(50_000)...)...)
	good("unequal", rawrpm.Strs(1049, "a", "b", "c"), rawrpm.U32(1048, 0), rawrpm.Strs(1050, "", ""))
	changes := make([]rawrpm.Change, 20_000)
	for i := range changes {
		changes[i] = rawrpm.Change{Time: math.MaxUint32 - uint64(i), Author: "\n", Text: "- \x02"} //nolint:gosec // small
	}
	good("changelog", rawrpm.Changelog(changes...)...)
	return list
}

// change is the tag of that number that every package has, changed.
func change(number uint32, how func(rawrpm.Tag) rawrpm.Tag) rawrpm.Tag {
	tags := rawrpm.Basic("x")
	i := slices.IndexFunc(tags, func(t rawrpm.Tag) bool { return t.Tag == number })
	return how(tags[i])
}

// manyFiles is a file list of one directory.
func manyFiles(n int, dir string) []rawrpm.Tag {
	names, numbers, modes := make([]string, n), make([]uint64, n), make([]uint64, n)
	for i := range names {
		names[i], modes[i] = fmt.Sprintf("f%x", i), 0o100644
	}
	return []rawrpm.Tag{
		rawrpm.Strs(1117, names...), rawrpm.Strs(1118, dir), rawrpm.U32(1116, numbers...),
		rawrpm.Ints(1030, rawrpm.Int16, modes...), rawrpm.U32(1037, numbers...),
	}
}

func manyDependencies(n int) []rawrpm.Dependency {
	list := make([]rawrpm.Dependency, n)
	for i := range list {
		list[i] = rawrpm.Dependency{Name: fmt.Sprintf("lib%x.so", i), Version: "9:1-1", Flags: 8}
	}
	return list
}
