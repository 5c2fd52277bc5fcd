package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"gorepo/internal/repodata"
)

const repomdFile = "repomd.xml"

// source is the generation that a catalog is made from. Its files are open from
// the start, so that it does not matter what is published meanwhile.
type source struct {
	repomd     *repodata.Repomd
	generation string // SHA-256 of repomd.xml
	published  time.Time
	files      map[string]*os.File // by the types of their records
	lost       map[string]error    // what could not be opened
	size       int64               // of all files, bytes
	read       *atomic.Int64       // of them, so far
}

// recordTypes are those that a catalog is made from. Of those that are alternatives
// only the first is opened.
var recordTypes = [][]string{
	{"primary"}, {"filelists"}, {"other"}, {"group_gz", "group", "group_xz", "group_zst"}, {"modules"}, {"updateinfo"},
}

// openSource opens what is published in the directory repodata. The error is
// fs.ErrNotExist where nothing is.
func openSource(repodataDir string) (*source, error) {
	// Where directories cannot be exchanged files go one after the other, old ones
	// after repomd.xml was replaced: then the next look finds the new ones.
	const looks = 5
	for n := 1; ; n++ {
		s, err := openPublished(repodataDir)
		if err != nil {
			return nil, err
		}
		if len(s.lost) == 0 || n == looks {
			return s, nil
		}
		now, err := hashRepomd(repodataDir)
		if err != nil || now == s.generation {
			return s, nil
		}
		s.close()
	}
}

func openPublished(repodataDir string) (*source, error) {
	root, err := os.OpenRoot(repodataDir)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // only read
	data, fi, err := readRepomd(root)
	if err != nil {
		return nil, err
	}
	m, err := repodata.ParseRepomd(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", repomdFile, err)
	}
	sum := sha256.Sum256(data)
	s := &source{
		repomd: m, generation: hex.EncodeToString(sum[:]), published: fi.ModTime(),
		files: map[string]*os.File{}, lost: map[string]error{}, read: new(atomic.Int64),
	}
	for _, types := range recordTypes {
		for _, t := range types {
			rec, ok := m.Find(t)
			if !ok {
				continue
			}
			f, err := repodata.OpenRegular(root.OpenFile, rec.Name())
			if err != nil {
				s.lost[t] = lostFile(rec.Name(), err)
				break
			}
			if fi, err := f.Stat(); err == nil {
				s.size += fi.Size()
			}
			s.files[t] = f
			break
		}
	}
	return s, nil
}

// readRepomd reads repomd.xml, which is small.
func readRepomd(root *os.Root) ([]byte, fs.FileInfo, error) {
	f, err := repodata.OpenRegular(root.OpenFile, repomdFile)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	fi, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, repodata.MaxRepomd+1))
	return data, fi, err
}

// hashRepomd is the SHA-256 of the repomd.xml in a directory: the name of the
// generation that is published there.
func hashRepomd(repodataDir string) (string, error) {
	root, err := os.OpenRoot(repodataDir)
	if err != nil {
		return "", err
	}
	defer root.Close() //nolint:errcheck // only read
	data, _, err := readRepomd(root)
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), err
}

func (s *source) close() {
	for _, f := range s.files {
		_ = f.Close() // only read
	}
}

// errAbsent tells that a generation has no record of a type.
var errAbsent = errors.New("the metadata has none")

// open reads the content, uncompressed, of the first of several records that there
// is. At its end comes an error if it is not what repomd.xml says. Each can be
// read once.
func (s *source) open(ctx context.Context, types ...string) (io.ReadCloser, error) {
	for _, t := range types {
		if err := s.lost[t]; err != nil {
			return nil, err
		}
		f := s.files[t]
		if f == nil {
			continue
		}
		delete(s.files, t)
		rec, _ := s.repomd.Find(t)
		in, err := repodata.OpenRecord(&countedFile{File: f, ctx: ctx, read: s.read}, rec)
		if err != nil {
			return nil, err
		}
		return &boundedReader{ReadCloser: in, name: rec.Name(), left: maxContent}, nil
	}
	return nil, errAbsent
}

// maxContent bounds what is read of one file, uncompressed, in bytes. Real ones have
// a thousand million at most.
const maxContent = 16 << 30

type boundedReader struct {
	io.ReadCloser
	name string
	left int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("%s unpacks to more than the %d bytes that are read", b.name, int64(maxContent))
	}
	return n, err
}

// progress is how much of the files was read, from 0 to 1.
func (s *source) progress() float64 {
	if s.size == 0 {
		return 0
	}
	return min(1, float64(s.read.Load())/float64(s.size))
}

// countedFile counts what is read of a file, and fails when a context ends.
type countedFile struct {
	*os.File
	ctx  context.Context //nolint:containedctx // lives as long as the file is read
	read *atomic.Int64
}

func (c *countedFile) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.File.Read(p)
	c.read.Add(int64(n))
	return n, err
}

// lostFile says what is wrong with a file that cannot be opened.
func lostFile(name string, err error) error {
	var p *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is not there", name)
	case errors.As(err, &p):
		err = p.Err
	}
	return fmt.Errorf("%s: %w", name, err)
}
