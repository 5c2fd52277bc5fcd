package repodata

import (
	"bufio"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"strings"

	dsnetbzip2 "github.com/dsnet/compress/bzip2"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/mikelolasagasti/xz"
	ulikunitzxz "github.com/ulikunitz/xz"

	"gorepo/internal/blockgzip"
	"gorepo/internal/zchunk"
)

// Compression is a format that metadata is written in. The zero value is gzip,
// which every client reads.
type Compression uint8

// The compressions. EL7's yum reads all but zstd and zchunk.
const (
	Gzip Compression = iota
	Bzip2
	XZ
	Zstd
	Zchunk
)

var compressionNames = [...]string{Gzip: "gz", Bzip2: "bz2", XZ: "xz", Zstd: "zstd", Zchunk: "zck"}

// ParseCompression takes the names that createrepo_c's flags take: gz, bz2, xz,
// zstd and zck, in any case.
func ParseCompression(name string) (Compression, error) {
	for c, n := range compressionNames {
		if strings.EqualFold(n, name) {
			return Compression(c), nil
		}
	}
	return Gzip, unknownCompression(name, compressionNames[:])
}

// UnmarshalText is ParseCompression, but that its error does not offer zck: flags
// that are about all of the metadata refuse it.
func (c *Compression) UnmarshalText(text []byte) error {
	parsed, err := ParseCompression(string(text))
	if err != nil {
		return unknownCompression(string(text), compressionNames[:Zchunk])
	}
	*c = parsed
	return nil
}

func unknownCompression(name string, known []string) error {
	return fmt.Errorf("unknown compression %q: there are %s", name, strings.Join(known, ", "))
}

// String is the name that ParseCompression takes.
func (c Compression) String() string { return compressionNames[c] }

// suffix is that of the names of files in this compression, with its dot.
func (c Compression) suffix() string { return codecs[c].suffix }

// newWriter compresses what is written, on as many cores as workers says where
// the format allows it: dnf reads only the first of several bzip2 or xz streams
// in a file. The result is the same for any number of workers.
func (c Compression) newWriter(w io.Writer, workers int) (io.WriteCloser, error) {
	return codecs[c].create(w, max(1, workers))
}

// Bounds on what a decompressor may take for its window, in bytes: enough for
// xz -9 and zstd --long=27, which is what decompressors accept by default.
const (
	maxXZDictionary = 64 << 20
	maxZstdWindow   = 128 << 20
)

// ErrTooLarge is returned by readers of compressed data that holds more than it
// should.
var ErrTooLarge = errors.New("it unpacks to more than it announces")

// codec is a compression format that metadata comes in.
type codec struct {
	suffix string // of file names, with its dot; "" is not compressed
	magic  string
	open   func(r io.Reader) (io.ReadCloser, error)
	create func(w io.Writer, workers int) (io.WriteCloser, error)
}

var codecs = [...]codec{
	Gzip:  {".gz", "\x1f\x8b", func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }, newGzipWriter},
	Bzip2: {".bz2", "BZh", func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(bzip2.NewReader(r)), nil }, newBzip2Writer},
	XZ:    {".xz", "\xfd7zXZ\x00", newXZReader, newXZWriter},
	Zstd:  {".zst", "\x28\xb5\x2f\xfd", newZstdReader, newZstdWriter},
	// createZchunk writes it: that takes a second file.
	Zchunk: {".zck", "\x00ZCK1", func(r io.Reader) (io.ReadCloser, error) { return zchunk.NewReader(r) }, nil},
}

func newXZReader(r io.Reader) (io.ReadCloser, error) {
	x, err := xz.NewReader(r, maxXZDictionary)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(x), nil
}

func newZstdReader(r io.Reader) (io.ReadCloser, error) {
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxZstdWindow))
	if err != nil {
		return nil, err
	}
	return z.IOReadCloser(), nil
}

// Decompress reads r, whose format is told from its first bytes; what is in
// none of the known formats is handed on as it is. More than limit bytes are
// an error: a few bytes can unpack to terabytes.
func Decompress(r io.Reader, limit int64) (io.ReadCloser, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	for _, c := range codecs {
		start, err := b.Peek(len(c.magic))
		if err == nil && string(start) == c.magic {
			open, err := c.open(b)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.suffix[1:], err)
			}
			return &limitedReader{r: open, left: limit, close: open.Close}, nil
		}
	}
	return &limitedReader{r: b, left: limit, close: func() error { return nil }}, nil
}

type limitedReader struct {
	r     io.Reader
	left  int64
	close func() error
}

func (l *limitedReader) Read(p []byte) (int, error) {
	// One byte more than allowed, to see whether there is one.
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	l.left -= int64(n)
	if l.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

func (l *limitedReader) Close() error { return l.close() }

// gzipLevel gives files of about the size that createrepo_c's have; the library's
// default gives larger ones.
const gzipLevel = 6

func newGzipWriter(w io.Writer, workers int) (io.WriteCloser, error) {
	return blockgzip.NewWriter(w, blockgzip.NewPool(workers, gzipLevel)), nil
}

// zstdWindow is how far back the compressor looks, in bytes. Memory grows with
// it, and files hardly shrink.
const zstdWindow = 4 << 20

// newZstdWriter makes one frame, of about createrepo_c's size. The library's
// best compression gives hardly smaller ones, at a fraction of the speed and
// with several times the memory.
func newZstdWriter(w io.Writer, workers int) (io.WriteCloser, error) {
	return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(workers),
		zstd.WithWindowSize(zstdWindow), zstd.WithZeroFrames(true))
}

func newBzip2Writer(w io.Writer, _ int) (io.WriteCloser, error) {
	return dsnetbzip2.NewWriter(w, &dsnetbzip2.WriterConfig{Level: dsnetbzip2.BestCompression})
}

// xzDictionary is how far back the compressor looks, in bytes. The library's 8
// MiB take three times the memory, and files do not shrink.
const xzDictionary = 2 << 20

func newXZWriter(w io.Writer, _ int) (io.WriteCloser, error) {
	return ulikunitzxz.WriterConfig{DictCap: xzDictionary}.NewWriter(w)
}

// suffixOf returns the suffix of a compressed file's name, "" where there is
// none that is known.
func suffixOf(name string) string {
	for _, c := range codecs {
		if strings.HasSuffix(name, c.suffix) {
			return c.suffix
		}
	}
	return ""
}
