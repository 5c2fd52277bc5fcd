// Package hostile makes files that nobody should put into a repository:
// packages that are cut, patched, and lie about themselves, and names that are
// hard to write down. All of it is the same each time.
package hostile

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// A Fate is what is to become of a package.
type Fate int

// The fates. Where a patch hits a byte of no meaning a package is as good as
// before: whether it does nobody knows beforehand.
const (
	Either Fate = iota
	Good
	Bad
)

// A Package is an rpm, or what passes for one.
type Package struct {
	Name string // of the file: letters, digits and hyphens; .rpm
	Kind string // what was done to it
	Data []byte
	Fate Fate
}

// Packages makes n packages, or as many as there are lies, from real ones.
func Packages(n int, seed uint64, real ...[]byte) []Package {
	list := lies()
	for i := range list {
		list[i].Name = fmt.Sprintf("lie-%03d.rpm", i)
	}
	r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // the same each time
	var more []Package
	for i, data := range real {
		l := layoutOf(data)
		for j, p := range slices.Concat(cuts(data, l), indexPatches(r, data, l)) {
			p.Name = fmt.Sprintf("%s-%02d-%04d.rpm", p.Kind, i, j)
			more = append(more, p)
		}
	}
	r.Shuffle(len(more), func(i, j int) { more[i], more[j] = more[j], more[i] })
	list = append(list, more[:min(len(more), max(0, n-len(list))*2/3)]...)
	for i := 0; len(list) < n; i++ {
		data := real[i%len(real)]
		list = append(list, Package{
			Name: fmt.Sprintf("bits-%05d.rpm", i), Kind: "bits",
			Data: flipBits(r, data, layoutOf(data)),
		})
	}
	return list
}

// layout is where the parts of a package begin, in bytes.
type layout struct {
	signature, header, payload int
}

const (
	lead  = 96
	intro = 16
	entry = 16
)

// layoutOf reads a package that is known to be good.
func layoutOf(data []byte) layout {
	size := func(at int) int {
		tags, bytes := binary.BigEndian.Uint32(data[at+8:]), binary.BigEndian.Uint32(data[at+12:])
		return intro + entry*int(tags) + int(bytes)
	}
	l := layout{signature: lead}
	l.header = l.signature + (size(l.signature)+7)/8*8
	l.payload = l.header + size(l.header)
	return l
}

// cuts ends a package at each place where something begins, just before, and
// just behind.
func cuts(data []byte, l layout) []Package {
	at := []int{0, 4, lead, len(data) - 1}
	for _, start := range []int{l.signature, l.header} {
		tags := int(binary.BigEndian.Uint32(data[start+8:]))
		at = append(at, start, start+8, start+intro)
		for i := range tags {
			at = append(at, start+intro+i*entry)
		}
		at = append(at, start+intro+tags*entry)
	}
	for i := range 16 {
		at = append(at, l.header+(l.payload-l.header)*i/16)
	}
	at = append(at, l.payload)
	var list []Package
	seen := map[int]bool{}
	for _, middle := range at {
		for n := middle - 1; n <= middle+1; n++ {
			if n < 0 || n >= len(data) || seen[n] {
				continue
			}
			seen[n] = true
			// The payload is for the checksum only: who sees that it is cut reads rpm's own digest of it.
			fate := Bad
			if n >= l.payload {
				fate = Good
			}
			list = append(list, Package{Kind: "cut", Data: data[:n:n], Fate: fate})
		}
	}
	return list
}

// odd are numbers that are hard on a reader.
var odd = []uint32{0, 1, 2, 15, 16, 255, 256, 0xffff, 0x10000, 1 << 20, 1<<24 - 1, 1 << 28, 1<<28 + 1, 1<<31 - 1, 1 << 31, 1<<32 - 16, 1<<32 - 1}

// indexPatches puts odd numbers into the fields of both headers' intros and
// indexes: tag, type, offset and count.
func indexPatches(r *rand.Rand, data []byte, l layout) []Package {
	var list []Package
	put := func(at int, value uint32) {
		b := slices.Clone(data)
		binary.BigEndian.PutUint32(b[at:], value)
		list = append(list, Package{Kind: "index", Data: b})
	}
	for _, start := range []int{l.signature, l.header} {
		tags := int(binary.BigEndian.Uint32(data[start+8:]))
		for _, v := range odd {
			put(start+8, v)
			put(start+12, v)
		}
		for i := range tags {
			for field := range 4 {
				at := start + intro + i*entry + 4*field
				put(at, odd[r.IntN(len(odd))])
				was := binary.BigEndian.Uint32(data[at:])
				put(at, was+1)
				put(at, was-1)
			}
		}
	}
	return list
}

// flipBits changes a few bits before the payload.
func flipBits(r *rand.Rand, data []byte, l layout) []byte {
	b := slices.Clone(data)
	for range 1 + r.IntN(8) {
		b[r.IntN(l.payload)] ^= 1 << r.IntN(8)
	}
	return b
}

// A Name is one of a file or of a directory that is hard to write down.
type Name struct {
	Name string // a path, with slashes
	Fate Fate   // of a good package by that name
}

// Names are such that a file system of Linux takes, and all different.
func Names() []Name {
	deep := strings.Repeat("deep/", 300) // 1,500 bytes
	return []Name{
		{"with space.rpm", Good},
		{" begins and ends with spaces .rpm", Good},
		{`"double" 'single'.rpm`, Good},
		{"<markup>&amp;]]>.rpm", Good},
		{"<!-- comment.rpm", Good},
		{"%41%2f..%2fescaped.rpm", Good},
		{"#fragment?query=1.rpm", Good},
		{"-rf.rpm", Good},
		{"--option=value.rpm", Good},
		{"$(reboot) `reboot` ; reboot.rpm", Good},
		{`back\slash.rpm`, Good},
		{"*?[a-z]{x,y}~.rpm", Good},
		{"...rpm", Good},
		{".rpm", Good},
		{"http:/x.org/base.rpm", Good},
		{"Größe-日本語-🎁.rpm", Good},
		{"combining-e\u0301.rpm", Good},
		{"bidi-\u202egpj.rpm", Good},
		{"line-separator-\u2028.rpm", Good},
		{"zero-width-\u200b\ufeff.rpm", Good},
		{strings.Repeat("long", 62) + "abc.rpm", Good}, // 255 bytes
		{deep + "down.rpm", Good},
		{"line\nbreak.rpm", Bad},
		{"gorepo: all is well\ngorepo: nothing to see here.rpm", Bad},
		{"carriage\rreturn.rpm", Bad},
		{"tab\t.rpm", Bad},
		{"bell\a.rpm", Bad},
		{"clear\x1b[2J\x1b]0;title\x07.rpm", Bad},
		{"delete\x7f.rpm", Bad},
		{"c1-\u009b2J.rpm", Bad},
		{"latin1-Gr\xf6\xdfe.rpm", Bad},
		{"c1-raw-\x9b2J.rpm", Bad},
		{"overlong-\xc0\xaf.rpm", Bad},
		{"surrogate-\xed\xa0\x80.rpm", Bad},
		{"half-\xe6\x97.rpm", Bad},
		{"directory\nwith\nlines/p.rpm", Bad},
		{"directory\xff/p.rpm", Bad},
		{"directory with spaces & <markup>/p.rpm", Good},
	}
}
