package catalog

import (
	"context"
	"encoding/binary"
	"time"

	"zombiezen.com/go/sqlite"

	"gorepo/internal/repodata"
	"gorepo/internal/rpmpkg"
)

// appendDetails writes what a package's page shows beside its row.
func appendDetails(b []byte, e *repodata.PackageEntry) []byte {
	for _, s := range []string{e.Description, e.URL, e.Vendor, e.Packager, e.Group, e.BuildHost} {
		b = appendString(b, s)
	}
	for _, list := range [][]rpmpkg.Dependency{
		e.Provides, e.Requires, e.Conflicts, e.Obsoletes, e.Suggests, e.Recommends, e.Supplements, e.Enhances,
	} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, d := range list {
			b = appendDependency(b, d)
		}
	}
	return b
}

func appendDependency(b []byte, d rpmpkg.Dependency) []byte {
	b = appendString(b, d.Name)
	pre := byte(0)
	if d.Pre {
		pre = 1
	}
	b = append(b, pre)
	b = appendString(b, d.Flags)
	if d.Flags == "" {
		return b
	}
	evr := d.Version
	if d.Release != "" {
		evr += "-" + d.Release
	}
	if d.Epoch != "" && d.Epoch != "0" {
		evr = d.Epoch + ":" + evr
	}
	return appendString(b, evr)
}

func readDetails(record []byte, d *Details) error {
	f := fields{rest: record}
	for _, s := range []*string{&d.Description, &d.URL, &d.Vendor, &d.Packager, &d.Group, &d.BuildHost} {
		*s = f.text()
	}
	for _, list := range []*[]Dependency{
		&d.Provides, &d.Requires, &d.Conflicts, &d.Obsoletes, &d.Suggests, &d.Recommends, &d.Supplements, &d.Enhances,
	} {
		for n := f.uint(); n > 0 && !f.bad; n-- {
			dep := Dependency{Name: f.text(), Pre: f.byte() == 1, Flags: f.text()}
			if dep.Flags != "" {
				dep.EVR = f.text()
			}
			*list = append(*list, dep)
		}
	}
	return f.err("details")
}

func readChanges(record []byte) ([]Change, error) {
	var list []Change
	f := fields{rest: record}
	for len(f.rest) > 0 {
		list = append(list, Change{Time: time.Unix(f.int(), 0).UTC(), Author: f.text(), Text: f.text()})
	}
	return list, f.err("a changelog")
}

// Details returns all that primary has of a package, by Package.ID. The error is
// ErrNotFound where there is none.
func (c *Catalog) Details(ctx context.Context, id int64) (d Details, err error) {
	err = c.query(ctx, func(conn *sqlite.Conn) error {
		if d.Package, err = packageByID(conn, id); err != nil {
			return err
		}
		record, err := recordOf(conn, id, "details")
		if err != nil {
			return err
		}
		return readDetails(record, &d)
	})
	return d, err
}

// Files returns the files of a package in the order of filelists: none where
// Info.Missing says that there are no lists of files.
func (c *Catalog) Files(ctx context.Context, id int64) (list []File, err error) {
	err = c.query(ctx, func(conn *sqlite.Conn) error {
		record, err := recordOf(conn, id, "files")
		if err == nil {
			list, err = readFiles(record)
		}
		return err
	})
	return list, err
}

// Changelog returns the changelog of a package, newest first.
func (c *Catalog) Changelog(ctx context.Context, id int64) (list []Change, err error) {
	err = c.query(ctx, func(conn *sqlite.Conn) error {
		record, err := recordOf(conn, id, "changes")
		if err == nil {
			list, err = readChanges(record)
		}
		newestFirst(list)
		return err
	})
	return list, err
}

// newestFirst turns a changelog round that is the other way: createrepo_c writes
// the oldest first, and others do not.
func newestFirst(list []Change) {
	if n := len(list); n > 1 && list[0].Time.Before(list[n-1].Time) {
		for i := range n / 2 {
			list[i], list[n-1-i] = list[n-1-i], list[i]
		}
	}
}

// recordOf returns a package's record; column is one of place's.
func recordOf(conn *sqlite.Conn, id int64, column string) ([]byte, error) {
	stmt, err := conn.Prepare("SELECT " + column + " FROM place WHERE id = ?")
	if err != nil {
		return nil, err
	}
	stmt.BindInt64(1, id)
	found, err := stmt.Step()
	at := place(stmt.ColumnInt64(0))
	if resetErr := stmt.Reset(); err == nil {
		err = resetErr
	}
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, ErrNotFound
	}
	return readRecord(conn, at)
}
