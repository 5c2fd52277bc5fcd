package repodata

import (
	"errors"
	"fmt"
	"io"
	"iter"
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
	// Repack says that the file is unpacked and written in
	// Options.ExtraCompression if it is in another one, else it goes along byte
	// for byte.
	Repack bool
	// Record says what the file is: what its own repomd.xml does, as a rule.
	Record Record
	// Required says that without it the generation is not to be made. Else, what
	// cannot be read is left out and reported.
	Required bool
	// Trim, unless it is nil, writes the content without what it says of packages
	// that are not listed, and tells whether that is another content. What it does
	// not change, and what it cannot read, goes along as it is. open gives the
	// content, uncompressed; it may be called several times.
	Trim func(w io.Writer, open func() (io.ReadCloser, error), listed iter.Seq[rpmpkg.NEVRA]) (changed bool, err error)
	// Trimmed says that the published generation has what Trim makes of this file
	// with the packages which that generation lists.
	Trimmed bool
	// Open opens the file.
	Open func() (io.ReadCloser, error)
}

// repacked are the types whose files every client reads in any of the
// compressions that it knows, so that the one that was chosen for them is right.
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
		if slices.Contains(repacked, base) {
			e.Type, e.Repack = base, true
		}
		extras = append(extras, e)
	}
	return extras
}

// ExtraFromFile describes a file that the user gives, to be written in
// Options.ExtraCompression. checksumType is that of the generation it is for.
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
		Type: recordType, Name: name, Repack: true, Required: true, Open: open,
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
// written with the packages that are listed.
func (e Extra) published(in *Repomd, o *Options, listed iter.Seq[rpmpkg.NEVRA]) bool {
	rec, ok := in.Find(e.Type)
	if !ok || !sameNaming(rec, o) {
		return false
	}
	if e.Trim != nil && e.Trimmed {
		return suffixOf(rec.Name()) == e.suffix(o)
	}
	if e.Trim != nil {
		if sum, changed := e.trimmedSum(o, listed); changed {
			return suffixOf(rec.Name()) == e.suffix(o) && sum.Equal(rec.contentChecksum())
		}
	}
	if e.asItIs(o) {
		return e.has(rec.Checksum, e.Record.Checksum, e.Open)
	}
	known := e.Record.OpenChecksum
	if suffixOf(e.Record.Name()) == "" {
		known = e.Record.Checksum
	}
	has := rec.OpenChecksum
	if e.suffix(o) == "" {
		has = rec.Checksum
	}
	return suffixOf(rec.Name()) == e.suffix(o) && e.has(has, known, e.content)
}

// content opens the file's content, uncompressed.
func (e Extra) content() (io.ReadCloser, error) {
	in, err := e.Open()
	if err != nil {
		return nil, err
	}
	return OpenRecord(in, e.Record)
}

// trimmedSum is the checksum of the content as Trim writes it, if that changes
// anything.
func (e Extra) trimmedSum(o *Options, listed iter.Seq[rpmpkg.NEVRA]) (sum rpmpkg.Checksum, changed bool) {
	h, err := rpmpkg.NewHash(o.repomdChecksum())
	if err != nil {
		return sum, false
	}
	changed, err = e.Trim(h, e.content, listed)
	return rpmpkg.Sum(o.repomdChecksum(), h), changed && err == nil
}

// suffix is that of the name of an extra that is repacked; "" is not compressed.
func (e Extra) suffix(o *Options) string {
	if base, _ := contentType(e.Type); o.PlainGroups && base == "group" {
		return ""
	}
	return o.ExtraCompression.suffix()
}

// asItIs reports whether the file is copied byte for byte.
func (e Extra) asItIs(o *Options) bool { return !e.Repack || suffixOf(e.Name) == e.suffix(o) }

// has reports whether something has the checksum want: known is the one that it
// has, which does not tell if it is of another type.
func (e Extra) has(want, known rpmpkg.Checksum, open func() (io.ReadCloser, error)) bool {
	if (rpmpkg.Checksum{Type: known.Type, Hex: want.Hex}).Equal(want) {
		return known.Equal(want)
	}
	sum, err := rpmpkg.NewHash(want.Type)
	if err != nil {
		return false
	}
	in, err := open()
	if err != nil {
		return false
	}
	_, err = io.Copy(sum, in)
	return errors.Join(err, in.Close()) == nil && rpmpkg.Sum(want.Type, sum).Equal(want)
}

// writeTrimmed adds the extra, as it is with the packages that are listed, to
// the generation.
func (e Extra) writeTrimmed(g *generation, listed iter.Seq[rpmpkg.NEVRA]) (Record, error) {
	if e.Trim == nil {
		return e.write(g)
	}
	f, err := e.create(g)
	if err != nil {
		return Record{}, err
	}
	changed, err := e.Trim(f, e.content, listed)
	if err = f.end(err); err == nil && changed {
		return g.publishAs(f)
	}
	if gone := g.abandon(f, nil); gone != nil || isSystemic(err) {
		return Record{}, errors.Join(err, gone)
	}
	rec, failed := e.write(g)
	if failed == nil && err != nil {
		g.o.OnWarning("", fmt.Sprintf("%s cannot be cut down to the packages that are there, and stays as it is: %v", e.Name, err))
	}
	return rec, failed
}

// write adds the extra to the generation.
func (e Extra) write(g *generation) (Record, error) {
	in, err := e.Open()
	if err != nil {
		return Record{}, err
	}
	if e.asItIs(g.o) {
		return e.copyTo(g, in)
	}
	return e.repack(g, in)
}

func (e Extra) repack(g *generation, in io.ReadCloser) (Record, error) {
	content, err := OpenRecord(in, e.Record)
	if err != nil {
		return Record{}, err
	}
	f, err := e.create(g)
	if err != nil {
		return Record{}, errors.Join(err, content.Close())
	}
	_, err = io.Copy(f, content)
	if err := errors.Join(f.end(err), content.Close()); err != nil {
		return Record{}, g.abandon(f, err)
	}
	return g.publishAs(f)
}

func (e Extra) create(g *generation) (*metaFile, error) {
	name := strings.TrimSuffix(e.Name, suffixOf(e.Name))
	if e.suffix(g.o) == "" {
		return g.create(e.Type, name)
	}
	return g.createCompressed(e.Type, name, g.o.ExtraCompression)
}

// copyTo brings the file along byte for byte. What was copied must be what its
// record names.
func (e Extra) copyTo(g *generation, in io.ReadCloser) (Record, error) {
	f, err := g.create(e.Type, e.Name)
	if err != nil {
		return Record{}, errors.Join(err, in.Close())
	}
	_, err = io.Copy(f, in)
	err = errors.Join(f.end(err), in.Close())
	if err == nil {
		err = g.verify(f, e.Record)
	}
	suffix := suffixOf(e.Name)
	if err == nil && suffix != "" {
		err = g.describeContent(f)
	}
	if err == nil && suffix == Zchunk.suffix() {
		err = g.describeHeader(f)
	}
	if err != nil {
		return Record{}, g.abandon(f, err)
	}
	f.record.DatabaseVersion = e.Record.DatabaseVersion
	return g.publishAs(f)
}
