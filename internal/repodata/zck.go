package repodata

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gorepo/internal/rpmpkg"
	"gorepo/internal/zchunk"
)

// zchunkFile writes a zchunk file, with the file that it takes for that.
type zchunkFile struct {
	*zchunk.Writer
	spool *os.File
}

func (z *zchunkFile) Close() error { return errors.Join(z.Writer.Close(), z.spool.Close()) }

// createZchunk makes a file in zchunk, compressed with a dictionary unless dict
// is empty. name is without the suffix.
func (g *generation) createZchunk(recordType, name string, dict []byte) (*metaFile, error) {
	f, err := g.create(recordType, name+Zchunk.suffix())
	if err != nil {
		return nil, err
	}
	if f.openSum, err = rpmpkg.NewHash(g.o.repomdChecksum()); err != nil {
		return nil, f.end(err)
	}
	spoolName := "spool-" + f.tmp
	spool, err := g.out.Create(spoolName)
	if err != nil {
		return nil, f.end(err)
	}
	// It is ours alone, and goes when it is closed.
	err = g.out.Remove(spoolName)
	var w *zchunk.Writer
	if err == nil {
		w, err = zchunk.NewWriter(f.buf, spool, dict)
	}
	if err != nil {
		return nil, f.end(errors.Join(err, spool.Close()))
	}
	f.compress = &zchunkFile{w, spool}
	return f, nil
}

// endChunk ends a chunk of a file that createZchunk made.
func (f *metaFile) endChunk() error { return f.compress.(*zchunkFile).EndChunk() }

// setHeader says what a zchunk file's header is.
func (r *Record) setHeader(h zchunk.Header) {
	r.HeaderChecksum = rpmpkg.Checksum{Type: h.ChecksumType, Hex: hex.EncodeToString(h.Checksum)}
	r.HeaderSize = h.Size
}

// describeHeader reads the header of a zchunk file that was copied.
func (g *generation) describeHeader(f *metaFile) error {
	in, err := os.Open(g.out.Path(f.tmp))
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	z, err := zchunk.NewReader(in)
	if err != nil {
		return err
	}
	f.record.setHeader(z.Header())
	return z.Close()
}

// ZchunkDict reads the dictionary for a file of that name, without checksum and
// suffix, from a directory of them. The error is fs.ErrNotExist where there is none.
func ZchunkDict(dir, name string) ([]byte, error) {
	path := filepath.Join(dir, name+".zdict")
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	dict, err := io.ReadAll(io.LimitReader(f, zchunk.MaxDict+1))
	if err == nil {
		err = zchunk.CheckDict(dict)
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be used as a dictionary: %w", path, err)
	}
	return dict, nil
}
