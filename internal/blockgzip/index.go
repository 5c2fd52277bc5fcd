package blockgzip

import (
	"bytes"
	"encoding/binary"
	"io"
)

// Index tells where a file's blocks are.
type Index struct {
	blocks []lengths
	// Size is that of the content, in bytes.
	Size int64
}

// lengths are those of one block, in bytes.
type lengths struct{ compressed, content int }

// ReadIndex reads the index of the file f of size bytes. ok is false where it
// has none that fits.
func ReadIndex(f io.ReaderAt, size int64) (_ Index, ok bool) {
	// From its end: end of the member, length of the index, index.
	tail := make([]byte, min(size, int64(len(extraHeader)+2+maxExtra+len(emptyEnd))))
	if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil {
		return Index{}, false
	}
	rest, ok := bytes.CutSuffix(tail, emptyEnd)
	if !ok || len(rest) < indexTrailer {
		return Index{}, false
	}
	n := int64(binary.LittleEndian.Uint32(rest[len(rest)-indexTrailer:]))
	rest = rest[:len(rest)-indexTrailer]
	if n > int64(len(rest)) {
		return Index{}, false
	}
	index := rest[int64(len(rest))-n:]
	member := appendIndex(nil, index)
	if !bytes.HasSuffix(tail, member) {
		return Index{}, false
	}
	content := size - int64(len(member)+len(memberHeader)+len(lastBlock)+memberTrailer)
	return parseIndex(index, content)
}

// parseIndex reads an index of blocks that together have compressed bytes.
func parseIndex(index []byte, compressed int64) (x Index, ok bool) {
	for len(index) > 0 {
		c, n := binary.Uvarint(index)
		if n <= 0 {
			return Index{}, false
		}
		index = index[n:]
		u, n := binary.Uvarint(index)
		if n <= 0 || u == 0 || u > maxBlock || c > 2*maxBlock || c < uint64(len(flushed)) {
			return Index{}, false
		}
		index = index[n:]
		x.blocks = append(x.blocks, lengths{int(c), int(u)}) //nolint:gosec // was compared
		x.Size += int64(u)                                   //nolint:gosec // was compared
		compressed -= int64(c)                               //nolint:gosec // was compared
	}
	return x, compressed == 0
}
