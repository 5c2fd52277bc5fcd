package repodata

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gorepo/internal/rpmpkg"
)

// An Extra is metadata that goes along with the packages: comps, modules,
// advisories, and whatever else a repository has.
type Extra struct {
	Type string // of its record
	Name string // of its file, without a checksum
	// Repack says that the file is unpacked and written in our compression,
	// else it goes along byte for byte.
	Repack bool
	// Record is what its own repomd.xml says of it, to recognise what is
	// published already; zero for a file that comes from elsewhere.
	Record Record
	// Open opens the file.
	Open func() (io.ReadCloser, error)
}

// repacked are the types whose files every client reads in any of the
// compressions that it knows, so that ours, which all know, is the best.
var repacked = []string{"group", "modules", "updateinfo"}

// Extras returns the records that go along with the lists of packages, one for
// each content: of its variants (group and group_gz, zchunk copies) the one
// that has the plain type, or else the first that is not zchunk. They are
// ordered by type.
func (m *Repomd) Extras() []Record {
	chosen := map[string]Record{}
	rank := func(r Record) int {
		_, variant := contentType(r.Type)
		switch variant {
		case "":
			return 0
		case "_zck":
			return 2
		}
		return 1
	}
	for _, rec := range m.Records {
		base, _ := contentType(rec.Type)
		if isPackageList(base) {
			continue
		}
		if have, ok := chosen[base]; !ok || rank(rec) < rank(have) {
			chosen[base] = rec
		}
	}
	var list []Record
	for _, base := range slices.Sorted(maps.Keys(chosen)) {
		list = append(list, chosen[base])
	}
	return list
}

// Extras returns the generation's files that go along with the lists of
// packages into another.
func (m *OldMetadata) Extras() []Extra {
	var extras []Extra
	for _, rec := range m.Repomd.Extras() {
		base, _ := contentType(rec.Type)
		e := Extra{
			Type: rec.Type, Name: rec.PlainName(), Record: rec,
			Open: func() (io.ReadCloser, error) { return m.Open(rec) },
		}
		if slices.Contains(repacked, base) && suffixOf(rec.Name()) != ".zck" {
			e.Type, e.Repack = base, true
		}
		extras = append(extras, e)
	}
	return extras
}

// ExtraFromFile describes a file that the user gives, to be written in our
// compression. checksumType is that of the generation it is for.
func ExtraFromFile(recordType, file, checksumType string) (Extra, error) {
	open := func() (io.ReadCloser, error) { return os.Open(file) }
	f, err := open()
	if err != nil {
		return Extra{}, err
	}
	sum, err := rpmpkg.NewHash(checksumType)
	var size int64
	if err == nil {
		size, err = io.Copy(sum, f)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return Extra{}, err
	}
	name := filepath.Base(file)
	return Extra{
		Type: recordType, Name: name, Repack: true, Open: open,
		Record: Record{
			Type: recordType, Location: name, Checksum: rpmpkg.Sum(checksumType, sum), Size: size,
			OpenSize: -1, HeaderSize: -1,
		},
	}, nil
}

// contentType splits a record's type into what it holds and in which variant.
func contentType(recordType string) (base, variant string) {
	for _, v := range []string{"_zck", "_db", "_gz", "_bz2", "_xz", "_zst", "_zstd"} {
		if b, found := strings.CutSuffix(recordType, v); found && b != "" {
			return b, v
		}
	}
	return recordType, ""
}

// isPackageList reports whether records of a type are made from packages.
func isPackageList(base string) bool {
	return base == "primary" || base == "filelists" || base == "other" || base == "filelists-ext"
}

// published reports whether a generation has this extra already, as it would be
// written.
func (e Extra) published(in *Repomd, o *Options) bool {
	rec, ok := in.Find(e.Type)
	if !ok || e.Record.Type == "" || !sameNaming(rec, o) {
		return false
	}
	if !e.Repack || suffixOf(e.Record.Name()) == ".gz" {
		return rec.Checksum.Equal(e.Record.Checksum)
	}
	return suffixOf(rec.Name()) == ".gz" && e.content().Equal(rec.OpenChecksum)
}

// content is the checksum of what is inside, as far as its record tells.
func (e Extra) content() rpmpkg.Checksum {
	if suffixOf(e.Record.Name()) == "" {
		return e.Record.Checksum
	}
	return e.Record.OpenChecksum
}

// write adds the extra to the generation.
func (e Extra) write(g *generation) (Record, error) {
	in, err := e.Open()
	if err != nil {
		return Record{}, fmt.Errorf("%s: %w", e.Type, err)
	}
	var rec Record
	if e.Repack && suffixOf(e.Name) != ".gz" {
		rec, err = e.repack(g, in)
	} else {
		rec, err = e.copyTo(g, in)
	}
	if err != nil {
		return Record{}, fmt.Errorf("%s: %w", e.Type, err)
	}
	return rec, nil
}

func (e Extra) repack(g *generation, in io.ReadCloser) (Record, error) {
	content, err := e.unpack(in)
	if err != nil {
		return Record{}, err
	}
	name := strings.TrimSuffix(e.Name, suffixOf(e.Name)) + ".gz"
	f, err := g.createCompressed(e.Type, name)
	if err == nil {
		_, err = io.Copy(f, content)
		err = f.end(err)
	}
	if err := errors.Join(err, content.Close()); err != nil {
		return Record{}, err
	}
	return g.publishAs(f)
}

// copyTo brings the file along byte for byte.
func (e Extra) copyTo(g *generation, in io.ReadCloser) (Record, error) {
	f, err := g.create(e.Type, e.Name)
	if err == nil {
		_, err = io.Copy(f, in)
		err = f.end(err)
	}
	if err := errors.Join(err, in.Close()); err != nil {
		return Record{}, err
	}
	if want := e.Record; want.Type != "" {
		// What was copied must be what its repomd.xml names.
		if err := g.verify(f, want); err != nil {
			return Record{}, err
		}
		f.record.HeaderChecksum, f.record.HeaderSize = want.HeaderChecksum, want.HeaderSize
		f.record.DatabaseVersion = want.DatabaseVersion
	}
	if suffix := suffixOf(e.Name); suffix != "" && suffix != ".zck" {
		if err := g.describeContent(f); err != nil {
			return Record{}, err
		}
	}
	return g.publishAs(f)
}

// unpack reads the content of a file that is known by its record, or of any.
func (e Extra) unpack(in io.ReadCloser) (io.ReadCloser, error) {
	if e.Record.Type != "" {
		return OpenRecord(in, e.Record)
	}
	out, err := Decompress(in, maxExtra)
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return readCloser{out, in}, nil
}

// maxExtra bounds what a file that announces no size may unpack to, in bytes.
const maxExtra = 1 << 30

// readCloser closes what it reads from, too.
type readCloser struct {
	io.ReadCloser
	below io.Closer
}

func (r readCloser) Close() error { return errors.Join(r.ReadCloser.Close(), r.below.Close()) }
