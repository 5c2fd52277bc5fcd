package repodata

import (
	"bufio"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"gorepo/internal/blockgzip"
	"gorepo/internal/rpmpkg"
)

// Output is where a new generation's files are made: a staging directory.
type Output interface {
	// Create makes a new file, which the caller closes.
	Create(name string) (*os.File, error)
	// Write makes a small new file.
	Write(name string, data []byte) error
	Rename(from, to string) error
	Remove(name string) error
	// Path is where a file lies, for reading it again.
	Path(name string) string
	SetTime(name string, t time.Time) error
}

// generation is a set of metadata files that is being made.
type generation struct {
	out     Output
	o       *Options
	now     time.Time
	records []Record
	gzip    *blockgzip.Pool
	// names are those that are taken, with the checksums of their files.
	names   map[string]rpmpkg.Checksum
	unnamed atomic.Int32 // files that were made without a name
}

func newGeneration(out Output, o *Options, now time.Time) *generation {
	return &generation{out: out, o: o, now: now, gzip: blockgzip.NewPool(o.Workers, gzipLevel), names: map[string]rpmpkg.Checksum{
		"repomd.xml": {}, "repomd.xml.asc": {}, "repomd.xml.key": {},
	}}
}

// unnamedFile makes a file for entries that wait for their turn: it has no name any
// more, and goes when it is closed.
func (g *generation) unnamedFile() (*os.File, error) {
	name := fmt.Sprintf("waiting-%d", g.unnamed.Add(1))
	f, err := g.out.Create(name)
	if err != nil {
		return nil, err
	}
	if err := g.out.Remove(name); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// metaFile is one file of a generation while it is written.
type metaFile struct {
	name     string // without a checksum
	tmp      string // its name until the checksum is known
	record   Record
	file     *os.File
	buf      *bufio.Writer
	sum      hash.Hash
	compress io.WriteCloser    // nil: the file is written as it is
	blocks   *blockgzip.Writer // compress, if it is gzip
	openSum  hash.Hash
	openSize int64
}

// create makes a file that is written as it is.
func (g *generation) create(recordType, name string) (*metaFile, error) {
	sum, err := rpmpkg.NewHash(g.o.repomdChecksum())
	if err != nil {
		return nil, err
	}
	tmp := "new-" + fileName(recordType+"-"+name)
	file, err := g.out.Create(tmp)
	if err != nil {
		return nil, err
	}
	f := &metaFile{
		name: name, tmp: tmp, file: file, sum: sum,
		record: Record{Type: recordType, OpenSize: -1, HeaderSize: -1},
	}
	f.buf = bufio.NewWriterSize(io.MultiWriter(file, sum, (*sizeWriter)(&f.record.Size)), 128<<10)
	return f, nil
}

// createCompressed makes a file that is compressed as it is written. name is
// without the compression's suffix.
func (g *generation) createCompressed(recordType, name string, c Compression) (*metaFile, error) {
	if c == Zchunk {
		return g.createZchunk(recordType, name, nil)
	}
	f, err := g.create(recordType, name+c.suffix())
	if err != nil {
		return nil, err
	}
	if f.openSum, err = rpmpkg.NewHash(g.o.repomdChecksum()); err != nil {
		return nil, f.end(err)
	}
	if c == Gzip {
		f.blocks = blockgzip.NewWriter(f.buf, g.gzip)
		f.compress = f.blocks
	} else if f.compress, err = c.newWriter(f.buf, g.o.Workers); err != nil {
		return nil, f.end(err)
	}
	return f, nil
}

// writeElement writes an entry that was cut out of another file, without the line
// break behind it.
func (f *metaFile) writeElement(element []byte) error {
	_, err := f.Write(element)
	if err == nil {
		_, err = io.WriteString(f, "\n")
	}
	return err
}

// endEntry tells that a package's entry ends here. Names decide where blocks
// end: they stay when packages change.
func (f *metaFile) endEntry(name string) {
	if f.blocks != nil {
		h := fnv.New64a()
		io.WriteString(h, name) //nolint:errcheck // it has none
		f.blocks.MayCut(h.Sum64() >> 32)
	}
}

// reuse lets what was compressed in an old file be taken from there.
func (f *metaFile) reuse(old *recordReader) {
	if f.blocks != nil && old.blocks != nil {
		f.blocks.Reuse(old.blocks)
	}
}

type sizeWriter int64

func (s *sizeWriter) Write(p []byte) (int, error) {
	*s += sizeWriter(len(p))
	return len(p), nil
}

func (f *metaFile) Write(p []byte) (int, error) {
	if f.compress == nil {
		return f.buf.Write(p)
	}
	f.openSum.Write(p)
	f.openSize += int64(len(p))
	return f.compress.Write(p)
}

// end closes the file; failed is what went wrong before.
func (f *metaFile) end(failed error) error {
	err := failed
	if f.compress != nil {
		err = errors.Join(err, f.compress.Close()) // it owns goroutines: always closed
	}
	if err == nil {
		err = f.buf.Flush()
	}
	return errors.Join(err, f.file.Close())
}

// describe completes the record of a file that has ended.
func (g *generation) describe(f *metaFile) {
	kind := g.o.repomdChecksum()
	f.record.Checksum = rpmpkg.Sum(kind, f.sum)
	if f.compress != nil {
		f.record.OpenChecksum = rpmpkg.Sum(kind, f.openSum)
		f.record.OpenSize = f.openSize
	}
	if z, ok := f.compress.(*zchunkFile); ok {
		f.record.setHeader(z.Header())
	}
}

// publishAs gives a file that has ended its final name, and returns its record.
func (g *generation) publishAs(f *metaFile) (Record, error) {
	g.describe(f)
	name, there := g.finalName(f)
	f.record.Location = "repodata/" + name
	f.record.Timestamp = g.now.Unix()
	if there {
		return f.record, g.out.Remove(f.tmp)
	}
	if err := g.out.Rename(f.tmp, name); err != nil {
		return Record{}, err
	}
	if g.o.TimestampFromRevision {
		if err := g.out.SetTime(name, g.now); err != nil {
			return Record{}, err
		}
	}
	return f.record, nil
}

// finalName chooses a file's name. there says that the same file has it already:
// two records may name one.
func (g *generation) finalName(f *metaFile) (name string, there bool) {
	plain := fileName(f.name)
	for n := 1; ; n++ {
		name = plain
		if n > 1 {
			name = strconv.Itoa(n) + "-" + plain
		}
		if !g.o.SimpleNames {
			name = f.record.Checksum.Hex + "-" + name
		}
		sum, taken := g.names[name]
		if !taken || sum == f.record.Checksum {
			g.names[name] = f.record.Checksum
			return name, taken
		}
	}
}

// fileName makes a name that every file system takes of one that comes from
// elsewhere, with room for a checksum before it.
func fileName(name string) string {
	const most = 100
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == '/' || r == '\\' || r == utf8.RuneError {
			return '_'
		}
		return r
	}, name)
	for len(name) > most {
		_, size := utf8.DecodeRuneInString(name)
		name = name[size:]
	}
	return name
}

// abandon takes a file that has ended out of the generation again, and returns
// the reason.
func (g *generation) abandon(f *metaFile, reason error) error {
	return errors.Join(reason, g.out.Remove(f.tmp))
}

// verify compares a file that has ended with the record that it was copied by.
func (g *generation) verify(f *metaFile, want Record) error {
	in, err := os.Open(g.out.Path(f.tmp))
	if err != nil {
		return err
	}
	return checkFile(in, want)
}

// maxExtra bounds what a file that announces no size may unpack to, in bytes.
const maxExtra = 1 << 30

// describeContent fills in what a compressed file unpacks to.
func (g *generation) describeContent(f *metaFile) error {
	in, err := os.Open(g.out.Path(f.tmp))
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	content, err := Decompress(in, maxExtra)
	if err != nil {
		return err
	}
	sum, err := rpmpkg.NewHash(g.o.repomdChecksum())
	if err == nil {
		f.record.OpenSize, err = io.Copy(sum, content)
		f.record.OpenChecksum = rpmpkg.Sum(g.o.repomdChecksum(), sum)
	}
	return errors.Join(err, content.Close())
}

// finish writes repomd.xml.
func (g *generation) finish() (*Repomd, error) {
	revision := g.o.Revision
	if revision == "" {
		revision = strconv.FormatInt(g.now.Unix(), 10)
	}
	m := &Repomd{Revision: revision, Tags: g.o.Tags, Records: g.records}
	sortRecords(m.Records)
	if err := g.out.Write("repomd.xml", m.Append(nil)); err != nil {
		return nil, fmt.Errorf("repomd.xml: %w", err)
	}
	if g.o.TimestampFromRevision {
		if err := g.out.SetTime("repomd.xml", g.now); err != nil {
			return nil, err
		}
	}
	return m, nil
}
