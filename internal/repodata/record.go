package repodata

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math"
	"runtime"

	"gorepo/internal/blockgzip"
	"gorepo/internal/rpmpkg"
)

// maxUnpack bounds how many times its own size a file may unpack to, once that
// is more than smallContent, whatever it announces: a few kilobytes can unpack to
// hours of work. XML of package lists reaches 1:30.
const (
	maxUnpack    = 1000
	smallContent = 64 << 20 // bytes
)

// OpenRecord reads the content, uncompressed, of the metadata file that rec
// describes and file holds. At its end, instead of io.EOF, comes an error if
// the file is not the one that rec describes. Closing it closes file.
func OpenRecord(file io.ReadCloser, rec Record) (io.ReadCloser, error) {
	return openRecord(context.Background(), file, rec)
}

// openRecord is OpenRecord, whose reader fails when ctx ends.
func openRecord(ctx context.Context, file io.ReadCloser, rec Record) (*recordReader, error) {
	sum, err := rpmpkg.NewHash(rec.Checksum.Type)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	r := &recordReader{ctx: ctx, file: file, rec: rec, sum: sum}
	limit := rec.OpenSize
	if limit < 0 {
		limit = math.MaxInt64 - 1
	}
	if err := r.unpack(limit); err != nil {
		return nil, fmt.Errorf("%s: %w", rec.Location, errors.Join(err, file.Close()))
	}
	return r, nil
}

type recordReader struct {
	ctx     context.Context //nolint:containedctx // lives as long as the file is read
	file    io.ReadCloser
	rec     Record
	content io.ReadCloser
	blocks  *blockgzip.Old // of the file, nil if it has none that can be used by themselves
	sum     hash.Hash
	size    int64 // of the file, as far as it was read
	open    int64 // of the content
	err     error
}

// unpack opens the content, of at most limit bytes.
func (r *recordReader) unpack(limit int64) (err error) {
	f, ok := r.file.(interface {
		io.ReaderAt
		Stat() (fs.FileInfo, error)
	})
	if !ok {
		r.content, err = Decompress(compressedSide{r}, limit)
		return err
	}
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	x, ok := blockgzip.ReadIndex(f, fi.Size())
	switch {
	case !ok:
		r.content, err = Decompress(compressedSide{r}, limit)
	case x.Size > limit:
		err = ErrTooLarge
	default:
		r.blocks = blockgzip.NewOld(f)
		r.content = blockgzip.NewReader(compressedSide{r}, x, runtime.GOMAXPROCS(0), r.blocks)
	}
	return err
}

// compressedSide is what the decompressor reads.
type compressedSide struct{ *recordReader }

func (c compressedSide) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.file.Read(p)
	c.sum.Write(p[:n])
	c.size += int64(n)
	return n, err
}

func (r *recordReader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.content.Read(p)
	r.open += int64(n)
	if r.open > smallContent && r.open/maxUnpack > r.size {
		err = ErrTooLarge
	}
	if err == nil {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		err = r.verify()
	} else {
		err = fmt.Errorf("%s: %w", r.rec.Location, err)
	}
	r.err = err
	return n, err
}

func (r *recordReader) verify() error {
	// The decompressor may have left the end of the file unread.
	if _, err := io.Copy(io.Discard, compressedSide{r}); err != nil {
		return fmt.Errorf("%s: %w", r.rec.Location, err)
	}
	got := rpmpkg.Sum(r.rec.Checksum.Type, r.sum)
	switch {
	case r.rec.Size >= 0 && r.size != r.rec.Size:
		return fmt.Errorf("%s has %d bytes, and repomd.xml says %d", r.rec.Location, r.size, r.rec.Size)
	case !got.Equal(r.rec.Checksum):
		return fmt.Errorf("%s has the checksum %s, and repomd.xml says %s", r.rec.Location, got, r.rec.Checksum)
	case r.rec.OpenSize >= 0 && r.open != r.rec.OpenSize:
		return fmt.Errorf("%s unpacks to %d bytes, and repomd.xml says %d", r.rec.Location, r.open, r.rec.OpenSize)
	}
	return io.EOF
}

// Close leaves out what Read has said: decompressors say it once more, without a name.
func (r *recordReader) Close() error {
	err := r.content.Close()
	if r.err != nil {
		err = nil
	}
	return errors.Join(err, r.file.Close())
}

// checkFile reads a metadata file without unpacking it, and reports whether it
// is the one that rec describes.
func checkFile(file io.ReadCloser, rec Record) error {
	sum, err := rpmpkg.NewHash(rec.Checksum.Type)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	r := &recordReader{ctx: context.Background(), file: file, rec: rec, sum: sum, open: rec.OpenSize}
	err = r.verify()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, file.Close())
}
