package repodata

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/klauspost/pgzip"
	"github.com/mikelolasagasti/xz"
)

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
}

var codecs = []codec{
	{".gz", "\x1f\x8b", func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }},
	{".bz2", "BZh", func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(bzip2.NewReader(r)), nil }},
	{".xz", "\xfd7zXZ\x00", func(r io.Reader) (io.ReadCloser, error) {
		x, err := xz.NewReader(r, maxXZDictionary)
		if err != nil {
			return nil, err
		}
		return io.NopCloser(x), nil
	}},
	{".zst", "\x28\xb5\x2f\xfd", func(r io.Reader) (io.ReadCloser, error) {
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}},
	{".zck", "\x00ZCK1", func(io.Reader) (io.ReadCloser, error) {
		return nil, errors.New("zchunk files are not read")
	}},
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

// gzipBlock is how much one core compresses at a time. Smaller blocks cost
// size, larger ones memory.
const gzipBlock = 512 << 10

// gzipLevel gives files of about the size that createrepo_c's have; the library's
// default gives larger ones.
const gzipLevel = 6

// newGzipWriter compresses on as many cores as workers says. The result is one
// gzip member, the same for any number of workers.
func newGzipWriter(w io.Writer, workers int) (io.WriteCloser, error) {
	z, err := pgzip.NewWriterLevel(w, gzipLevel)
	if err != nil {
		return nil, err
	}
	if err := z.SetConcurrency(gzipBlock, max(1, workers)); err != nil {
		return nil, err
	}
	return z, nil
}

// suffixOf returns the suffix of a compressed file's name, "" where there is
// none that is known.
func suffixOf(name string) string {
	for _, c := range codecs {
		if bytes.HasSuffix([]byte(name), []byte(c.suffix)) {
			return c.suffix
		}
	}
	return ""
}
