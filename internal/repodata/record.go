package repodata

import (
	"errors"
	"fmt"
	"hash"
	"io"

	"gorepo/internal/rpmpkg"
)

// maxUnpack bounds how much larger than itself a file may be that does not
// announce its uncompressed size. XML of package lists reaches 1:30.
const maxUnpack = 1000

// OpenRecord reads the content, uncompressed, of the metadata file that rec
// describes and file holds. At its end, instead of io.EOF, comes an error if
// the file is not the one that rec describes. Closing it closes file.
func OpenRecord(file io.ReadCloser, rec Record) (io.ReadCloser, error) {
	sum, err := rpmpkg.NewHash(rec.Checksum.Type)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	r := &recordReader{file: file, rec: rec, sum: sum}
	limit := rec.OpenSize
	if limit < 0 {
		limit = max(64<<20, rec.Size*maxUnpack)
	}
	if r.content, err = Decompress(compressedSide{r}, limit); err != nil {
		return nil, fmt.Errorf("%s: %w", rec.Location, errors.Join(err, file.Close()))
	}
	return r, nil
}

type recordReader struct {
	file    io.ReadCloser
	rec     Record
	content io.ReadCloser
	sum     hash.Hash
	size    int64 // of the file, as far as it was read
	open    int64 // of the content
	err     error
}

// compressedSide is what the decompressor reads.
type compressedSide struct{ *recordReader }

func (c compressedSide) Read(p []byte) (int, error) {
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

func (r *recordReader) Close() error { return errors.Join(r.content.Close(), r.file.Close()) }

// checkFile reads a metadata file without unpacking it, and reports whether it
// is the one that rec describes.
func checkFile(file io.ReadCloser, rec Record) error {
	sum, err := rpmpkg.NewHash(rec.Checksum.Type)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	r := &recordReader{file: file, rec: rec, sum: sum, open: rec.OpenSize}
	err = r.verify()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, file.Close())
}
