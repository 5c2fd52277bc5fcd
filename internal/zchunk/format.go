package zchunk

import (
	"crypto/sha1" //nolint:gosec // what old files have
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/klauspost/compress/zstd"
)

const magic = "\x00ZCK1"

// Flags. A reader must refuse the others.
const (
	flagStreams     = 1 << 0 // chunks belong to streams
	flagOptional    = 1 << 1 // optional elements stand before the index size
	flagContentSums = 1 << 2 // the index has checksums of contents too
)

// Compression types.
const (
	uncompressed = 0
	compressZstd = 2
)

// checksumType is one of those that a file may have.
type checksumType struct {
	name string // as in repomd.xml; "" is not one of those
	size int    // in bytes
	new  func() hash.Hash
}

// checksumTypes are numbered as in files.
var checksumTypes = []checksumType{
	{"sha1", sha1.Size, sha1.New},
	{"sha256", sha256.Size, sha256.New},
	{"sha512", sha512.Size, sha512.New},
	{"", 16, sha512.New}, // SHA-512, of which the first 128 bits count
}

// The types that libzck, and so createrepo_c, writes: of the header and all
// data, and of chunks.
const (
	headerSum = 1
	chunkSum  = 3
)

func (t checksumType) sum(h hash.Hash) []byte { return h.Sum(nil)[:t.size] }

func (t checksumType) of(data []byte) []byte {
	h := t.new()
	h.Write(data)
	return t.sum(h)
}

// A Header is what repomd.xml says about a file besides its size and checksum.
type Header struct {
	Size         int64  // of the whole header, in bytes
	ChecksumType string // "sha256", as a rule
	Checksum     []byte
}

// MaxDict bounds dictionaries, in bytes.
const MaxDict = 4 << 20

// CheckDict reports whether chunks can be compressed with a dictionary: one in
// zstd's dictionary format, or any other content.
func CheckDict(dict []byte) error {
	_, err := newEncoder(dict)
	return err
}

// isFormatted reports whether a dictionary is in zstd's format, and not just
// content.
func isFormatted(dict []byte) bool {
	return len(dict) >= 8 && string(dict[:4]) == "\x37\xa4\x30\xec"
}

// encoderWindow is how far back a chunk is compressed, in bytes, as in libzck.
const encoderWindow = 4 << 20

func newEncoder(dict []byte) (*zstd.Encoder, error) {
	if len(dict) > MaxDict {
		return nil, fmt.Errorf("a dictionary of more than %d bytes", MaxDict)
	}
	options := []zstd.EOption{
		// The best level gives hardly smaller chunks, at a fraction of the speed.
		zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(1),
		// Chunks have checksums already.
		zstd.WithEncoderCRC(false),
		zstd.WithWindowSize(encoderWindow),
	}
	switch {
	case isFormatted(dict):
		options = append(options, zstd.WithEncoderDict(dict))
	case len(dict) > 0:
		options = append(options, zstd.WithEncoderDictRaw(0, dict))
	}
	return zstd.NewWriter(nil, options...)
}

// maxWindow bounds the window of a chunk, in bytes, as zstd itself does.
const maxWindow = 128 << 20

func newDecoder(dict []byte) (*zstd.Decoder, error) {
	options := []zstd.DOption{
		zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecodeAllCapLimit(true),
	}
	switch {
	case isFormatted(dict):
		options = append(options, zstd.WithDecoderDicts(dict))
	case len(dict) > 0:
		options = append(options, zstd.WithDecoderDictRaw(0, dict))
	}
	return zstd.NewReader(nil, options...)
}

// appendInt appends an integer as the format has it.
func appendInt(b []byte, n int64) []byte {
	for ; n > 0x7f; n >>= 7 {
		b = append(b, byte(n&0x7f))
	}
	return append(b, byte(n)|0x80)
}

// errMalformed is wrapped by all that is wrong with a file.
var errMalformed = errors.New("malformed zchunk file")

// cutInt cuts an integer from the start of b. It has no more than 63 bits:
// nothing is that large.
func cutInt(b []byte) (n int64, rest []byte, err error) {
	for i, c := range b {
		if i > 8 {
			break
		}
		n |= int64(c&0x7f) << (7 * i)
		if c&0x80 != 0 {
			return n, b[i+1:], nil
		}
	}
	return 0, nil, fmt.Errorf("%w: an integer is cut short or too large", errMalformed)
}

// readN reads n bytes into b. It takes memory for what is there, not for what
// is announced.
func readN(r io.Reader, b []byte, n int) ([]byte, error) {
	b = b[:0]
	for len(b) < n {
		step := min(n-len(b), max(len(b), 64<<10))
		b = slices.Grow(b, step)
		got, err := io.ReadFull(r, b[len(b):len(b)+step])
		b = b[:len(b)+got]
		if err != nil {
			return b, cutShort(err)
		}
	}
	return b, nil
}

func cutShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it is cut short: %w", errMalformed, io.ErrUnexpectedEOF)
	}
	return err
}
