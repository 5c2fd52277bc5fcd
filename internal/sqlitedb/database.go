package sqlitedb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// cacheSize bounds the pages, and the keys of an index that is made, that are
// kept in memory, in KiB. The rest goes to the file, or to one in the directory
// for temporary files.
const cacheSize = 8 << 10

// database is a file that is being made, in one transaction. If that fails, the
// file is of no use: there is no journal.
type database struct {
	conn    *sqlite.Conn
	indexes []string
	key     int64 // of the package whose rows are added
}

func create(ctx context.Context, path string, tables, indexes []string) (*database, error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite, sqlite.OpenCreate)
	if err != nil {
		return nil, err
	}
	conn.SetInterrupt(ctx.Done())
	d := &database{conn: conn, indexes: indexes, key: 1}
	err = d.execute(append([]string{
		"PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", fmt.Sprintf("PRAGMA cache_size = -%d", cacheSize), "BEGIN",
	}, tables...))
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *database) execute(statements []string) error {
	for _, s := range statements {
		if err := sqlitex.ExecuteTransient(d.conn, s, nil); err != nil {
			return err
		}
	}
	return nil
}

// Finish completes and closes the database. checksum is that of the XML file, as
// it is compressed, that it stands for.
func (d *database) Finish(checksum string) error {
	err := d.execute(d.indexes)
	if err == nil {
		err = sqlitex.ExecuteTransient(d.conn, "INSERT INTO db_info (dbversion, checksum) VALUES (?, ?)",
			&sqlitex.ExecOptions{Args: []any{Version, checksum}})
	}
	if err == nil {
		err = d.execute([]string{"COMMIT"})
	}
	return errors.Join(err, d.Close())
}

// Close gives up a database that is not finished; of one that is, it does
// nothing.
func (d *database) Close() error {
	if d.conn == nil {
		return nil
	}
	err := d.conn.Close()
	d.conn = nil
	return err
}

// insert prepares a statement that adds a row to a table.
func (d *database) insert(table string, columns ...string) (*row, error) {
	stmt, err := d.conn.Prepare(fmt.Sprintf("INSERT INTO %s (%s) VALUES (?%s)", table, strings.Join(columns, ", "),
		strings.Repeat(", ?", len(columns)-1)))
	if err != nil {
		return nil, err
	}
	return &row{stmt: stmt}, nil
}

// row is one that is being added, column by column.
type row struct {
	stmt   *sqlite.Stmt
	column int
}

func (r *row) next() int {
	r.column++
	return r.column
}

func (r *row) text(s string)   { r.stmt.BindText(r.next(), s) }
func (r *row) null()           { r.stmt.BindNull(r.next()) }
func (r *row) integer(n int64) { r.stmt.BindInt64(r.next(), n) }

// nonempty adds text, NULL in place of "".
func (r *row) nonempty(s string) { r.nullable(Text{s, s != ""}) }

func (r *row) nullable(t Text) {
	if t.Valid {
		r.text(t.String)
	} else {
		r.null()
	}
}

// add ends the row.
func (r *row) add() error {
	r.column = 0
	_, err := r.stmt.Step()
	return errors.Join(err, r.stmt.Reset())
}

// idTable is the table of packages in filelists and other.
type idTable struct{ *row }

func (d *database) idTable() (idTable, error) {
	r, err := d.insert("packages", "pkgKey", "pkgId")
	return idTable{r}, err
}

func (t idTable) addPackage(key int64, id string) error {
	t.integer(key)
	t.text(id)
	return t.add()
}
