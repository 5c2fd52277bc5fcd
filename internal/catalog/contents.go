package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"zombiezen.com/go/sqlite"

	"gorepo/internal/rpmpkg"
)

// What groups, modules and advisories have in common.

// addJSON writes a record in JSON.
func addJSON(out *blockWriter, v any) (place, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nowhere, err
	}
	return out.add(data)
}

// readJSON reads what addJSON has written.
func readJSON(conn *sqlite.Conn, at place, v any) error {
	r := jsonReader{conn: conn}
	return r.read(at, v)
}

// jsonReader reads several records. Those that are together in a block cost one
// look into it.
type jsonReader struct {
	conn   *sqlite.Conn
	number int64 // of the block
	block  []byte
}

func (r *jsonReader) read(at place, v any) (err error) {
	if at < 0 {
		return damaged("a record has no place")
	}
	if number := int64(at >> offsetBits); r.block == nil || number != r.number {
		if r.block, err = readBlock(r.conn, number); err != nil {
			return err
		}
		r.number = number
	}
	record, err := recordIn(r.block, at)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(record, v); err != nil {
		return damaged("a record cannot be read: %v", err)
	}
	return nil
}

// eachRow calls f for every row that a query with texts or integers for its
// parameters finds. f must not use the same query.
func eachRow(conn *sqlite.Conn, query string, f func(stmt *sqlite.Stmt) error, args ...any) error {
	stmt, err := conn.Prepare(query)
	if err != nil {
		return err
	}
	defer stmt.Reset() //nolint:errcheck // what it returns was returned
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			stmt.BindText(i+1, arg)
		case int64:
			stmt.BindInt64(i+1, arg)
		default:
			return fmt.Errorf("a parameter is %T", arg)
		}
	}
	for {
		found, err := stmt.Step()
		if err != nil || !found {
			return err
		}
		if err := f(stmt); err != nil {
			return err
		}
	}
}

// onePlace returns the first column of a query's only row, or ErrNotFound.
func onePlace(conn *sqlite.Conn, query string, args ...any) (at place, err error) {
	at = nowhere
	err = eachRow(conn, query, func(stmt *sqlite.Stmt) error {
		at = place(stmt.ColumnInt64(0))
		return nil
	}, args...)
	if err == nil && at == nowhere {
		err = ErrNotFound
	}
	return at, err
}

// openBounded opens a record of which more than most bytes are read of none.
func (b *builder) openBounded(ctx context.Context, most int64, types ...string) (io.ReadCloser, error) {
	in, err := b.src.open(ctx, types...)
	if err != nil {
		return nil, err
	}
	return &bounded{ReadCloser: in, left: most, most: most}, nil
}

type bounded struct {
	io.ReadCloser
	left, most int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("larger than %d bytes", b.most)
	}
	return n, err
}

// partly notes that something ends before its end, and fails only where nothing can
// go on.
func (b *builder) partly(ctx context.Context, err error, format string, args ...any) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case isOwn(err):
		return err
	}
	b.missing(format+": %v", append(args, err)...)
	return nil
}

// cut shortens a text that is longer than anything people read.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return strings.TrimSpace(s[:most]) + "…"
}

// A finder finds packages by their names while a catalog is made.
type finder struct {
	conn    *sqlite.Conn
	streams bool // candidates have theirs
	byName  map[string][]candidate
	held    int // in byName
}

// candidate is a package that has the right name.
type candidate struct {
	id   int64
	evr  rpmpkg.EVR
	arch string
	// streams are the module streams that it is in, as ids of modulestream, if the
	// finder looks for them.
	streams []int64
}

func (b *builder) newFinder(streams bool) *finder {
	return &finder{conn: b.conn, streams: streams, byName: map[string][]candidate{}}
}

// named returns the packages of a name, the newest first.
func (f *finder) named(name string) ([]candidate, error) {
	if list, ok := f.byName[name]; ok {
		return list, nil
	}
	const most = 100_000
	if f.held > most {
		clear(f.byName)
		f.held = 0
	}
	var list []candidate
	r, err := nameWhere(f.conn, "name = ?", func(stmt *sqlite.Stmt) { stmt.BindText(1, name) })
	if err == nil {
		list, err = f.load(r)
	} else if errors.Is(err, ErrNotFound) {
		err = nil
	}
	f.held += 1 + len(list)
	f.byName[name] = list
	return list, err
}

func (f *finder) load(r nameRow) (list []candidate, err error) {
	err = eachRow(f.conn, "SELECT id, epoch, version, release, arch FROM package WHERE id >= ? AND id < ?", func(stmt *sqlite.Stmt) error {
		list = append(list, candidate{
			id: stmt.ColumnInt64(0), evr: rpmpkg.EVR{Epoch: stmt.ColumnText(1), Version: stmt.ColumnText(2), Release: stmt.ColumnText(3)},
			arch: stmt.ColumnText(4),
		})
		return nil
	}, r.first, r.first+r.count)
	if err != nil || !f.streams {
		return list, err
	}
	return list, eachRow(f.conn, "SELECT package, stream FROM modulepackage WHERE package >= ? AND package < ?", func(stmt *sqlite.Stmt) error {
		if i := stmt.ColumnInt64(0) - r.first; i >= 0 && i < int64(len(list)) {
			list[i].streams = append(list[i].streams, stmt.ColumnInt64(1))
		}
		return nil
	}, r.first, r.first+r.count)
}
