package blockgzip

import (
	"hash/maphash"
	"io"
)

// Old remembers the blocks of a file that a Reader has unpacked, so that a
// Writer can use them again. Reader and Writer use it in turn, from one
// goroutine.
type Old struct {
	file   io.ReaderAt
	seed   maphash.Seed
	blocks map[uint64]oldBlock // by the hash of their content
}

type oldBlock struct {
	offset     int64
	content    int // length
	compressed int
	hash       uint64 // of the compressed bytes
}

// NewOld is for the blocks of file, which must stay open, and as it is, for as
// long as a Writer has the Old.
func NewOld(file io.ReaderAt) *Old {
	return &Old{file: file, seed: maphash.MakeSeed(), blocks: map[uint64]oldBlock{}}
}

func (o *Old) add(b *unpacking) {
	if o == nil {
		return
	}
	o.blocks[maphash.Bytes(o.seed, b.content)] = oldBlock{
		offset: b.offset, content: len(b.content), compressed: len(b.compressed),
		hash: maphash.Bytes(o.seed, b.compressed),
	}
}

// findOld looks for a block with the same content, and returns its compressed
// form. Hashes of 64 bits with a random seed do not meet by chance.
func findOld(old []*Old, b *block) ([]byte, bool) {
	for _, o := range old {
		was, ok := o.blocks[maphash.Bytes(o.seed, b.content)]
		if !ok || was.content != len(b.content) {
			continue
		}
		compressed := resize(b.compressed, was.compressed)
		if _, err := o.file.ReadAt(compressed, was.offset); err == nil && maphash.Bytes(o.seed, compressed) == was.hash {
			return compressed, true
		}
	}
	return nil, false
}
