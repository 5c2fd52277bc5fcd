// Package rawrpm makes rpm files tag by tag, among them such as rpmbuild would
// never make: with tags missing, of another type, or lying about themselves.
//
// It knows the file format only (lead, two header structures, payload), not
// which tags a package needs; Package gives the few that every reader asks for.
package rawrpm

import (
	"encoding/binary"
	"slices"
)

// The types of values, from rpmtag.h.
const (
	Null = iota
	Char
	Int8
	Int16
	Int32
	Int64
	String
	Bin
	StringArray
	I18NString
)

// A Tag is one entry of a header structure: what its index says, and what is
// in the store.
type Tag struct {
	Tag, Type uint32
	Count     uint32
	Data      []byte
	// At, if it isn't nil, is the offset that the index gives instead of where
	// Data really lies.
	At *uint32
}

// Str is a tag with one string.
func Str(tag uint32, s string) Tag { return Tag{tag, String, 1, append([]byte(s), 0), nil} }

// I18N is a tag with a string for each locale.
func I18N(tag uint32, s ...string) Tag { return strs(tag, I18NString, s) }

// Strs is a tag with an array of strings.
func Strs(tag uint32, s ...string) Tag { return strs(tag, StringArray, s) }

func strs(tag, kind uint32, list []string) Tag {
	var data []byte
	for _, s := range list {
		data = append(append(data, s...), 0)
	}
	return Tag{tag, kind, uint32(len(list)), data, nil} //nolint:gosec // test input
}

// Ints is a tag with integers of a type: Char, Int8, Int16, Int32 or Int64.
func Ints(tag, kind uint32, values ...uint64) Tag {
	var data []byte
	for _, v := range values {
		switch kind {
		case Int16:
			data = binary.BigEndian.AppendUint16(data, uint16(v))
		case Int32:
			data = binary.BigEndian.AppendUint32(data, uint32(v))
		case Int64:
			data = binary.BigEndian.AppendUint64(data, v)
		default:
			data = append(data, byte(v))
		}
	}
	return Tag{tag, kind, uint32(len(values)), data, nil}
}

// U32 is a tag with 32-bit integers.
func U32(tag uint32, values ...uint64) Tag { return Ints(tag, Int32, values...) }

// Bytes is a tag with binary data.
func Bytes(tag uint32, data []byte) Tag { return Tag{tag, Bin, uint32(len(data)), data, nil} }

// Claim returns the tag with another count in the index.
func (t Tag) Claim(count uint32) Tag {
	t.Count = count
	return t
}

// Offset returns the tag with another offset in the index.
func (t Tag) Offset(at uint32) Tag {
	t.At = &at
	return t
}

var align = map[uint32]int{Int16: 2, Int32: 4, Int64: 8}

// Structure makes a header structure of tags, in the order given.
func Structure(tags ...Tag) []byte {
	var index, store []byte
	for _, t := range tags {
		for a := align[t.Type]; a > 0 && len(store)%a != 0; {
			store = append(store, 0)
		}
		at := uint32(len(store))
		if t.At != nil {
			at = *t.At
		}
		index = appendEntry(index, t.Tag, t.Type, at, t.Count)
		store = append(store, t.Data...)
	}
	return Assemble(uint32(len(tags)), uint32(len(store)), append(index, store...))
}

// Region makes a header structure whose tags all lie in an immutable region
// (tag 62 for the signature header, 63 for the other), as rpm has made them
// since version 4.
func Region(region uint32, tags ...Tag) []byte {
	tags = slices.SortedStableFunc(slices.Values(tags), func(a, b Tag) int { return int(a.Tag) - int(b.Tag) })
	size := uint32(16 * (len(tags) + 1))
	trailer := appendEntry(nil, region, Bin, -size, 16)
	// The region comes first in the index, and its trailer last in the store.
	whole := Structure(append(tags, Bytes(region, trailer))...)
	const intro = 16
	index := whole[intro : intro+size]
	index = slices.Concat(index[size-16:], index[:size-16])
	copy(whole[intro:], index)
	return whole
}

func appendEntry(b []byte, fields ...uint32) []byte {
	for _, f := range fields {
		b = binary.BigEndian.AppendUint32(b, f)
	}
	return b
}

// Assemble makes a header structure that announces a number of tags and of
// bytes, whatever follows.
func Assemble(tags, size uint32, rest []byte) []byte {
	b := []byte{0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0}
	b = appendEntry(b, tags, size)
	return append(b, rest...)
}

// Lead makes the first 96 bytes, as of a binary package.
func Lead() []byte {
	b := make([]byte, 96)
	copy(b, []byte{0xed, 0xab, 0xee, 0xdb, 3, 0})
	copy(b[10:], "test")
	b[77], b[79] = 1, 5
	return b
}

// File puts a package together.
func File(signature, header, payload []byte) []byte {
	b := append(Lead(), signature...)
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	return slices.Concat(b, header, payload)
}

// Package makes a package with name, version 1, release 1, noarch, a summary,
// and more tags, which replace those of the same number.
func Package(name string, more ...Tag) []byte {
	return File(Region(62, U32(1000, 8)), Region(63, With(Basic(name), more...)...), []byte("payload"))
}

// Old makes a package as rpm 3 did: without regions.
func Old(name string, more ...Tag) []byte {
	return File(Structure(U32(1000, 8)), Structure(With(Basic(name), more...)...), []byte("payload"))
}

// Basic are the tags of Package.
func Basic(name string) []Tag {
	return []Tag{
		Str(1000, name), Str(1001, "1"), Str(1002, "1"), I18N(1004, "Summary"), I18N(1005, "Description"),
		U32(1006, 1704067200), Str(1007, "builder.example.com"), U32(1009, 100), Str(1014, "MIT"), I18N(1016, "Unspecified"),
		Str(1021, "linux"), Str(1022, "noarch"), Str(1044, name+"-1-1.src.rpm"), Str(1124, "cpio"), Str(1125, "gzip"),
	}
}

// With returns tags with those of more put in, each replacing one of the same
// number; a tag of type Null removes it.
func With(tags []Tag, more ...Tag) []Tag {
	tags = slices.Clone(tags)
	for _, m := range more {
		tags = slices.DeleteFunc(tags, func(t Tag) bool { return t.Tag == m.Tag })
	}
	for _, m := range more {
		if m.Type != Null {
			tags = append(tags, m)
		}
	}
	slices.SortStableFunc(tags, func(a, b Tag) int { return int(a.Tag) - int(b.Tag) })
	return tags
}

// Without removes a tag of With's first argument.
func Without(tag uint32) Tag { return Tag{Tag: tag} }

// A Dependency is one relation, with the flags of rpmds.h.
type Dependency struct {
	Name, Version string
	Flags         uint64
}

// Dependencies are the three tags of a kind of relations.
func Dependencies(kind Kind, list ...Dependency) []Tag {
	if len(list) == 0 {
		return nil
	}
	var names, versions []string
	var flags []uint64
	for _, d := range list {
		names, versions, flags = append(names, d.Name), append(versions, d.Version), append(flags, d.Flags)
	}
	return []Tag{Strs(kind.Name, names...), Strs(kind.Version, versions...), U32(kind.Flags, flags...)}
}

// Kind names the tags of a kind of dependencies.
type Kind struct{ Name, Flags, Version uint32 }

// The kinds of dependencies.
var (
	Provides    = Kind{1047, 1112, 1113}
	Requires    = Kind{1049, 1048, 1050}
	Conflicts   = Kind{1054, 1053, 1055}
	Obsoletes   = Kind{1090, 1114, 1115}
	Recommends  = Kind{5046, 5048, 5047}
	Suggests    = Kind{5049, 5051, 5050}
	Supplements = Kind{5052, 5054, 5053}
	Enhances    = Kind{5055, 5057, 5056}
	OldSuggests = Kind{1156, 1158, 1157}
	OldEnhances = Kind{1159, 1161, 1160}
)

// Changelog are the three tags of a changelog.
func Changelog(entries ...Change) []Tag {
	if len(entries) == 0 {
		return nil
	}
	var times []uint64
	var authors, texts []string
	for _, e := range entries {
		times, authors, texts = append(times, e.Time), append(authors, e.Author), append(texts, e.Text)
	}
	return []Tag{U32(1080, times...), Strs(1081, authors...), Strs(1082, texts...)}
}

// A Change is one entry of a changelog.
type Change struct {
	Time   uint64
	Author string
	Text   string
}

// Entry is one entry of a file list.
type Entry struct {
	Dir, Base string
	Mode      uint64
	Flags     uint64
}

// Files are the tags of a file list.
func Files(list ...Entry) []Tag {
	if len(list) == 0 {
		return nil
	}
	var bases, dirs []string
	var modes, flags, indexes, zeros []uint64
	var empty []string
	for _, f := range list {
		i := slices.Index(dirs, f.Dir)
		if i < 0 {
			i, dirs = len(dirs), append(dirs, f.Dir)
		}
		if f.Mode == 0 {
			f.Mode = 0o100644
		}
		bases, modes, flags, indexes = append(bases, f.Base), append(modes, f.Mode), append(flags, f.Flags), append(indexes, uint64(i))
		zeros, empty = append(zeros, 0), append(empty, "")
	}
	return []Tag{
		U32(1028, zeros...), Ints(1030, Int16, modes...), Strs(1035, empty...), Strs(1036, empty...), U32(1037, flags...),
		Strs(1117, bases...), Strs(1118, dirs...), U32(1116, indexes...),
	}
}
