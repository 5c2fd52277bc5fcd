package repodata

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"gorepo/internal/sqlitedb"
)

// databaseType is the type of the record of a kind's sqlite database.
func (k Kind) databaseType() string { return k.String() + "_db" }

// DatabaseOptions say how AddDatabases makes databases.
type DatabaseOptions struct {
	Checksum    string // type of the checksums in their records; "": primary's
	Compression Compression
	Local       bool // see Options.LocalDatabases
}

// HasDatabases reports whether there are records of sqlite databases.
func (m *Repomd) HasDatabases() bool {
	return slices.ContainsFunc(m.Records, isDatabase)
}

func isDatabase(rec Record) bool {
	return slices.ContainsFunc(kinds[:], func(k Kind) bool { return rec.Type == k.databaseType() })
}

// AddDatabases writes the sqlite databases of m's primary, filelists and other to
// out, and makes their records those of next. Their files are named like
// primary's, with a checksum or without.
func (m *OldMetadata) AddDatabases(ctx context.Context, out Output, next *Repomd, o DatabaseOptions) error {
	if !m.Lists() {
		return errors.New("repomd.xml lacks primary, filelists or other, and databases are of all three")
	}
	primary, _ := m.Repomd.Find(Primary.String())
	if o.Checksum == "" {
		o.Checksum = primary.Checksum.Type
	}
	next.Records = slices.DeleteFunc(slices.Clone(next.Records), isDatabase)
	g := newGeneration(out, &Options{
		Checksum: o.Checksum, SimpleNames: !strings.HasPrefix(primary.Name(), primary.Checksum.Hex+"-"),
		DatabaseCompression: o.Compression, LocalDatabases: o.Local, Workers: runtime.GOMAXPROCS(0),
	}, time.Now())
	for _, rec := range next.Records {
		g.names[rec.Name()] = rec.Checksum
	}
	records, err := g.databases(ctx, m)
	next.Records = append(next.Records, records...)
	sortRecords(next.Records)
	return err
}

// addDatabases makes those of the lists of packages that were just written.
func (g *generation) addDatabases(ctx context.Context) error {
	if !g.o.Databases {
		return nil
	}
	records, err := g.databases(ctx, &OldMetadata{
		Name: "the new metadata", Repomd: &Repomd{Records: g.records},
		Open: func(rec Record) (io.ReadCloser, error) { return os.Open(g.out.Path(rec.Name())) },
	})
	g.records = append(g.records, records...)
	return err
}

// databases reads the three lists of m side by side, and makes the database of
// each.
func (g *generation) databases(ctx context.Context, m *OldMetadata) ([]Record, error) {
	files := make([]*metaFile, len(kinds))
	grp, gctx := errgroup.WithContext(ctx)
	for _, k := range kinds {
		grp.Go(func() (err error) {
			if files[k], err = g.database(gctx, k, m); err != nil {
				return fmt.Errorf("the database of %s: %w", k, err)
			}
			return nil
		})
	}
	if err := grp.Wait(); err != nil {
		return nil, errors.Join(ctx.Err(), err)
	}
	var records []Record
	for _, f := range files {
		rec, err := g.publishAs(f)
		if err != nil {
			return nil, err
		}
		records = append(records, rec)
	}
	return records, nil
}

// database makes one, and compresses it.
func (g *generation) database(ctx context.Context, k Kind, m *OldMetadata) (_ *metaFile, err error) {
	path, remove, err := g.databaseFile(k)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	if err := m.writeDatabase(ctx, k, path); err != nil {
		return nil, err
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f, err := g.createCompressed(k.databaseType(), k.String()+".sqlite", g.o.DatabaseCompression)
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	f.record.DatabaseVersion = sqlitedb.Version
	_, err = io.Copy(f, contextReader{ctx, in})
	return f, errors.Join(f.end(err), in.Close())
}

// databaseFile makes an empty file for a database until it is compressed: beside
// the metadata, or else where temporary files are.
func (g *generation) databaseFile(k Kind) (path string, remove func() error, err error) {
	if g.o.LocalDatabases {
		dir, err := os.MkdirTemp("", "gorepo-sqlite-*")
		if err != nil {
			return "", nil, err
		}
		return filepath.Join(dir, k.String()+".sqlite"), func() error { return os.RemoveAll(dir) }, nil
	}
	name := "uncompressed-" + k.String() + ".sqlite"
	f, err := g.out.Create(name)
	if err != nil {
		return "", nil, err
	}
	remove = func() error { return g.out.Remove(name) }
	if err := f.Close(); err != nil {
		return "", nil, errors.Join(err, remove())
	}
	return g.out.Path(name), remove, nil
}

// listDatabase is one of sqlitedb's databases.
type listDatabase interface {
	Finish(checksum string) error
	Close() error
}

// writeDatabase makes the database of a kind's list, at path.
func (m *OldMetadata) writeDatabase(ctx context.Context, k Kind, path string) (err error) {
	var db listDatabase
	var add func(element []byte) error
	switch k {
	case Primary:
		var p *sqlitedb.Primary
		p, err = sqlitedb.CreatePrimary(ctx, path)
		db, add = p, func(element []byte) error { return readPrimaryEntry(element, p) }
	case Filelists:
		var f *sqlitedb.Filelists
		f, err = sqlitedb.CreateFilelists(ctx, path)
		db, add = f, func(element []byte) error { return readFilelistsEntry(element, f) }
	default:
		var o *sqlitedb.Other
		o, err = sqlitedb.CreateOther(ctx, path)
		db, add = o, func(element []byte) error { return readOtherEntry(element, o) }
	}
	if err != nil {
		return err
	}
	if err := m.eachEntry(ctx, k, add); err != nil {
		return errors.Join(err, db.Close())
	}
	rec, _ := m.Repomd.Find(k.String())
	return db.Finish(rec.Checksum.Hex)
}

// eachEntry calls f with every entry of a kind's list, and fails where that is
// not whole.
func (m *OldMetadata) eachEntry(ctx context.Context, k Kind, f func(element []byte) error) error {
	file, err := m.open(ctx, k)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read
	return EachElement(file, k, f)
}

// databasesPublished reports whether a generation has the databases that would be
// made, or has none if none would be; n is how many there are.
func (o *Options) databasesPublished(m *Repomd) (n int, ok bool) {
	if !o.Databases {
		return 0, true
	}
	for _, k := range kinds {
		rec, found := m.Find(k.databaseType())
		if !found || rec.DatabaseVersion != sqlitedb.Version || !sameNaming(rec, o) || suffixOf(rec.Name()) != o.DatabaseCompression.suffix() {
			return 0, false
		}
	}
	return len(kinds), true
}
