// Package zchunk reads and writes zchunk files, version 1: data that is cut into
// chunks, each compressed alone with zstd, so that a client which has most of
// the chunks already downloads only the others.
//
//	lead      "\0ZCK1", checksum type, size of the rest of the header, header checksum
//	preface   data checksum, flags, compression type, [optional elements], index size
//	index     chunk checksum type, number of chunks; for each chunk its checksum,
//	          [that of its content,] its size and the size of its content
//	          number of signatures, signatures
//	data      the chunks, one behind the other
//
// All up to the data is the header. Its checksum is of the header without the
// checksum itself. Integers have seven bits a byte, the lowest first, and the top
// bit set in the last byte. The first chunk is the dictionary that the others are
// compressed with; where there is none, its sizes and checksum are zero.
//
// The format is described in zchunk_format.txt of
// https://github.com/zchunk/zchunk, but for the flags, which it gives four bytes;
// libzck 1.2 writes them as any other integer.
package zchunk
