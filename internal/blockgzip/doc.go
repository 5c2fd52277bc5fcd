// Package blockgzip writes gzip files that consist of blocks, and reads them
// again: blocks are compressed and unpacked on several cores, and a block whose
// content has not changed goes from an old file into a new one as it is.
//
// To any other reader the file is one gzip member (RFC 1952) with all of the
// content. Each block in it is compressed without regard to what stands before
// it, and ends with an empty stored block, as zlib's Z_FULL_FLUSH writes it. An
// empty second member ends the file: its extra field, in a subfield with the id
// "gB", tells how long the blocks are. Readers that know several members read
// nothing from it, and those that stop after the first have missed nothing. The
// subfield holds, in this order:
//
//   - for each block two numbers (encoding/binary's Uvarint): its compressed and
//     its uncompressed length in bytes;
//   - four bytes, little-endian: how many bytes the numbers take.
//
// A file of one block has no second member, nor one whose lengths do not fit into
// an extra field, from some gigabytes on.
//
// Blocks end where the writer of the content says that they may, at places that
// depend on what stands there and not on how much stands before. So a change
// leaves all but the blocks around it as they were.
package blockgzip

// The lengths of blocks, in bytes of content. Longer ones compress better;
// shorter ones are rather the same again after a change.
const (
	minBlock = 384 << 10
	maxBlock = 1 << 20
)

// cutOneIn is how many of the places where a block may end are such that it
// does, once it is long enough.
const cutOneIn = 8

var (
	// memberHeader begins a member: deflate, no name, no time, unknown system.
	memberHeader = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	// extraHeader begins one with an extra field.
	extraHeader = []byte{0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255}
	// emptyEnd is a member's end, with nothing before it: the last deflate block,
	// checksum and length.
	emptyEnd = []byte{3, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	// lastBlock ends the deflate stream behind the blocks.
	lastBlock = []byte{3, 0}
	// flushed is how the compressed form of a block ends.
	flushed = []byte{0, 0, 0xff, 0xff}
)

const (
	subfieldID    = "gB"
	subfieldHead  = 4 // id and length
	indexTrailer  = 4
	maxExtra      = 0xffff
	memberTrailer = 8 // checksum and length
)
