package repodata

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// An Addition is a file that somebody adds to a generation, as a record.
type Addition struct {
	Type string // of the record
	File string // its path; what is compressed is unpacked
	// Name is the file's name in the generation, without a checksum; "" is its
	// own. The suffix of a compression goes, and comes as the file is written.
	Name string
	// Plain says that the file is not compressed, Compression how it is else.
	Plain       bool
	Compression Compression
	Dict        []byte // that it is compressed with, in Zchunk; nil: none
	// Checksum is the type of its checksums; "" is sha256.
	Checksum   string
	SimpleName bool
}

// maxAdded bounds what an added file may unpack to, in bytes. The user has
// chosen it: this is for what cannot be.
const maxAdded = 1 << 40

// Write writes the file into out, and returns its record. others are the
// generation's other records, whose names are taken.
func (a Addition) Write(out Output, others []Record) (_ Record, err error) {
	if a.Checksum == "" {
		a.Checksum = "sha256"
	}
	g := newGeneration(out, &Options{Checksum: a.Checksum, SimpleNames: a.SimpleName}, time.Now())
	for _, rec := range others {
		g.names[rec.Name()] = rec.Checksum
	}
	in, err := OpenRegular(os.OpenFile, a.File)
	if err != nil {
		return Record{}, err
	}
	defer in.Close() //nolint:errcheck // only read
	content, err := Decompress(in, maxAdded)
	if err != nil {
		return Record{}, fmt.Errorf("%s: %w", a.File, err)
	}
	f, err := a.create(g)
	if err != nil {
		return Record{}, errors.Join(err, content.Close())
	}
	_, err = io.Copy(f, content)
	if err != nil {
		err = fmt.Errorf("%s: %w", a.File, err)
	}
	if err := errors.Join(f.end(err), content.Close()); err != nil {
		return Record{}, g.abandon(f, err)
	}
	return g.publishAs(f)
}

func (a Addition) create(g *generation) (*metaFile, error) {
	name := a.Name
	if name == "" {
		name = filepath.Base(a.File)
	}
	name = strings.TrimSuffix(name, suffixOf(name))
	if a.Plain {
		return g.create(a.Type, name)
	}
	if a.Compression == Zchunk {
		return g.createZchunk(a.Type, name, a.Dict)
	}
	return g.createCompressed(a.Type, name, a.Compression)
}

// Put makes rec the record of its type. Other variants of the former content
// (group_gz beside group, updateinfo_zck beside updateinfo) go with it.
func (m *Repomd) Put(rec Record) {
	m.Remove(rec.Type)
	m.Records = append(m.Records, rec)
	sortRecords(m.Records)
}

// Remove takes a type's records out, with other variants of their content, and
// reports whether there were any.
func (m *Repomd) Remove(recordType string) bool {
	_, variant := contentType(recordType)
	before := len(m.Records)
	m.Records = slices.DeleteFunc(slices.Clone(m.Records), func(rec Record) bool {
		base, _ := contentType(rec.Type)
		return rec.Type == recordType || variant == "" && base == recordType
	})
	return len(m.Records) < before
}

// Verify reads the file that a record names, and reports whether it is that file.
func (m *OldMetadata) Verify(rec Record) error {
	file, err := m.Open(rec)
	if err != nil {
		return err
	}
	return checkFile(file, rec)
}

// IsPackageList reports whether a record is made from the packages: primary,
// filelists or other, in any form.
func (r Record) IsPackageList() bool {
	base, _ := contentType(r.Type)
	return isPackageList(base)
}
