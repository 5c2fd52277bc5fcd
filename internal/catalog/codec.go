package catalog

import (
	"encoding/binary"

	"gorepo/internal/rpmpkg"
)

// appendString appends a string behind its length.
func appendString[S string | []byte](b []byte, s S) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// fields reads what appendString and its like have written. A mistake in it stays:
// what is read then is empty.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) fail() {
	f.rest, f.bad = nil, true
}

func (f *fields) uint() uint64 {
	v, n := binary.Uvarint(f.rest)
	if n <= 0 {
		f.fail()
		return 0
	}
	f.rest = f.rest[n:]
	return v
}

func (f *fields) int() int64 {
	v, n := binary.Varint(f.rest)
	if n <= 0 {
		f.fail()
		return 0
	}
	f.rest = f.rest[n:]
	return v
}

func (f *fields) byte() byte {
	if len(f.rest) == 0 {
		f.fail()
		return 0
	}
	c := f.rest[0]
	f.rest = f.rest[1:]
	return c
}

// bytes is a part of what is read.
func (f *fields) bytes(n uint64) []byte {
	if n > uint64(len(f.rest)) {
		f.fail()
		return nil
	}
	b := f.rest[:n:n]
	f.rest = f.rest[n:]
	return b
}

func (f *fields) text() string { return string(f.bytes(f.uint())) }

// err is nil where all was read, and understood.
func (f *fields) err(what string) error {
	if f.bad || len(f.rest) > 0 {
		return damaged("%s cannot be read", what)
	}
	return nil
}

// Files of a package are written one after the other: a number made of the type
// and of how much of the path is as in the one before, and the rest of the path.

func appendFile(b, before, path []byte, t rpmpkg.FileType) []byte {
	shared := commonPrefix(before, path)
	b = binary.AppendUvarint(b, uint64(shared)<<2|uint64(t))
	return appendString(b, path[shared:])
}

func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	i := 0
	for ; i+8 <= n; i += 8 {
		if binary.LittleEndian.Uint64(a[i:]) != binary.LittleEndian.Uint64(b[i:]) {
			break
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

func readFiles(record []byte) ([]File, error) {
	var list []File
	f := fields{rest: record}
	var path []byte
	for total := 0; len(f.rest) > 0; total += len(path) {
		head := f.uint()
		rest := f.bytes(f.uint())
		if f.bad || head>>2 > uint64(len(path)) || total > maxBlock {
			return nil, damaged("a list of files cannot be read")
		}
		path = append(path[:head>>2], rest...)
		list = append(list, File{Path: string(path), Type: fileTypes[head&3]})
	}
	return list, f.err("a list of files")
}

// fileTypes are the words of metadata.
var fileTypes = [4]string{rpmpkg.RegularFile: "", rpmpkg.Directory: "dir", rpmpkg.Ghost: "ghost"}

func appendChange(b []byte, c rpmpkg.ChangelogEntry) []byte {
	b = binary.AppendVarint(b, c.Date)
	b = appendString(b, c.Author)
	return appendString(b, c.Text)
}
