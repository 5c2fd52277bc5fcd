package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// BuildOptions say what a catalog is made of.
type BuildOptions struct {
	// Repodata is the directory of the published generation, State that of what
	// gorepo knows of the repository beside it (ROOT/.gorepo/ID), "" if there is none.
	Repodata string
	State    string
	// OnProgress, which may be nil, is told now and then how much is done, from 0 to
	// 1.
	OnProgress func(done float64)
}

// Build makes a catalog at path, which is new, of the generation that is published
// when it begins. It needs some memory for each package and some 50 MB beside, and
// room for temporary files beside path, of about half of the size of filelists
// uncompressed. The error is fs.ErrNotExist where nothing is published.
func Build(ctx context.Context, path string, o BuildOptions) (info Info, err error) {
	src, err := openSource(o.Repodata)
	if err != nil {
		return Info{}, err
	}
	defer src.close()
	return build(ctx, path, src, o)
}

func build(ctx context.Context, path string, src *source, o BuildOptions) (info Info, err error) {
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = ctx.Err() // whatever it was that noticed
		}
	}()
	start := time.Now()
	b, err := newBuilder(ctx, path, src, o)
	if err != nil {
		return Info{}, err
	}
	defer func() {
		if err = errors.Join(err, b.close()); err == nil {
			err = seal(path)
		}
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	if err := b.addAll(ctx); err != nil {
		return Info{}, err
	}
	b.info.Built = start.UTC().Truncate(time.Second)
	b.info.BuildTime = time.Since(start)
	return b.info, b.finish()
}

// builder makes one catalog: one database, in one transaction without a journal. If
// that fails, the file is of no use.
type builder struct {
	src    *source
	opts   BuildOptions
	path   string
	conn   *sqlite.Conn
	enc    *zstd.Encoder
	blocks int64 // blocks that are written
	info   Info
	told   time.Time // when progress was told last

	packages packageIndex
	arrivals arrivals // when packages came
}

// cacheSize bounds the pages that are kept in memory while a catalog is made, in
// KiB.
const cacheSize = 8 << 10

// schema are the tables of packages. What else a catalog has is in extras.
var schema = []string{
	"CREATE TABLE info (json TEXT NOT NULL)",
	"CREATE TABLE block (id INTEGER PRIMARY KEY, data BLOB NOT NULL)",
	"CREATE TABLE columns (name TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID",
	// The ids of packages are 1, 2, … in the order of their names and, of one name,
	// from the newest to the oldest, so that those of a name are first, first+1, …
	"CREATE TABLE name (id INTEGER PRIMARY KEY, name TEXT NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL)",
	`CREATE TABLE package (id INTEGER PRIMARY KEY, name TEXT NOT NULL, epoch TEXT NOT NULL, version TEXT NOT NULL, release TEXT NOT NULL,
		arch TEXT NOT NULL, summary TEXT NOT NULL, sourcerpm TEXT NOT NULL, license TEXT NOT NULL, size INTEGER NOT NULL, installed INTEGER NOT NULL,
		built INTEGER NOT NULL, filetime INTEGER NOT NULL, location TEXT NOT NULL, base TEXT NOT NULL, checksumtype TEXT NOT NULL,
		checksum BLOB NOT NULL, added INTEGER NOT NULL, locationhash INTEGER NOT NULL)`,
	"CREATE TABLE place (id INTEGER PRIMARY KEY, details INTEGER NOT NULL, files INTEGER NOT NULL, changes INTEGER NOT NULL)",
	"CREATE TABLE sorted (tab INTEGER, first BLOB, block INTEGER NOT NULL, PRIMARY KEY (tab, first)) WITHOUT ROWID",
	// Words of all texts are by themselves: most are in descriptions, and lists of
	// where they are without the columns are shorter.
	"CREATE VIRTUAL TABLE words USING fts5 (name, summary, provides, files, content='', detail=column, " + wordOptions,
	"CREATE VIRTUAL TABLE texts USING fts5 (text, content='', detail=none, " + wordOptions,
}

const wordOptions = `columnsize=0, prefix='2 3', tokenize="ascii tokenchars '+'")`

var indexes = []string{
	"CREATE UNIQUE INDEX name_name ON name (name)",
	"CREATE INDEX package_location ON package (locationhash)",
}

func newBuilder(ctx context.Context, path string, src *source, o BuildOptions) (*builder, error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite, sqlite.OpenCreate)
	if err != nil {
		return nil, err
	}
	conn.SetInterrupt(ctx.Done())
	b := &builder{src: src, opts: o, path: path, conn: conn}
	b.info = Info{Generation: src.generation, Revision: src.repomd.Revision, Published: src.published}
	if b.enc, err = newEncoder(); err == nil {
		err = b.execute(append([]string{
			"PRAGMA page_size = 8192", "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA locking_mode = EXCLUSIVE",
			"PRAGMA temp_store = FILE", fmt.Sprintf("PRAGMA cache_size = -%d", cacheSize), "BEGIN",
		}, schema...)...)
	}
	if err != nil {
		return nil, errors.Join(err, b.close(), os.Remove(path))
	}
	return b, nil
}

func (b *builder) close() error { return b.conn.Close() }

// execute runs statements that have no parameters.
func (b *builder) execute(statements ...string) error {
	for _, s := range statements {
		if err := sqlitex.ExecuteTransient(b.conn, s, nil); err != nil {
			return err
		}
	}
	return nil
}

// insert prepares a statement that adds rows to a table.
func (b *builder) insert(table string, columns ...string) (*row, error) {
	stmt, err := b.conn.Prepare(fmt.Sprintf("INSERT INTO %s (%s) VALUES (?%s)", table, strings.Join(columns, ", "),
		strings.Repeat(", ?", len(columns)-1)))
	return &row{stmt: stmt}, err
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
func (r *row) bytes(b []byte)  { r.stmt.BindBytes(r.next(), b) }
func (r *row) integer(n int64) { r.stmt.BindInt64(r.next(), n) }

// time adds Unix seconds, 0 for a time that is not set.
func (r *row) time(t time.Time) {
	if t.IsZero() {
		r.integer(0)
		return
	}
	r.integer(t.Unix())
}

// add ends the row.
func (r *row) add() error {
	r.column = 0
	_, err := r.stmt.Step()
	return errors.Join(err, r.stmt.Reset())
}

// missing notes what people will not find.
func (b *builder) missing(format string, args ...any) {
	b.info.Missing = append(b.info.Missing, fmt.Sprintf(format, args...))
}

// progress tells how far it is.
func (b *builder) progress() {
	const every = 200 * time.Millisecond
	if b.opts.OnProgress == nil || time.Since(b.told) < every {
		return
	}
	b.told = time.Now()
	b.opts.OnProgress(b.src.progress())
}

// addAll fills the tables. Without primary there is nothing; what is wrong with
// anything else costs only that.
func (b *builder) addAll(ctx context.Context) error {
	if err := b.addExtra(ctx, history); err != nil {
		return fmt.Errorf("%s: %w", history.words, err)
	}
	if err := b.addPackages(ctx); err != nil {
		return fmt.Errorf("primary: %w", err)
	}
	if err := b.execute(indexes...); err != nil {
		return err
	}
	for _, e := range extras {
		if err := b.addExtra(ctx, e); err != nil {
			return fmt.Errorf("%s: %w", e.words, err)
		}
	}
	return b.addPlaces()
}

// An extra is what a catalog has beside packages, in tables of its own. Where the
// metadata has none, or it is damaged, the tables are empty.
type extra struct {
	words  string   // what it is, for Info.Missing
	schema []string // makes its tables and indexes
	tables []string // those tables
	// add fills them: it reads what it needs with b.src.open, and may look into the
	// tables of packages. errAbsent is not worth a word; any other error is but
	// noted, unless the context ends or the catalog itself cannot be written.
	add func(b *builder, ctx context.Context) error
}

// extras are in the order in which they are added.
var extras = []extra{
	{words: "the lists of files", add: (*builder).addFiles},
	{words: "the changelogs", add: (*builder).addChangelogs},
	groupsExtra,
	modulesExtra,
	advisoriesExtra, // after modules, whose packages it tells from others
}

// addExtra fails only where nothing can go on.
func (b *builder) addExtra(ctx context.Context, e extra) error {
	if err := b.execute(e.schema...); err != nil {
		return err
	}
	err := e.add(b, ctx)
	if err == nil || errors.Is(err, errAbsent) {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if isOwn(err) {
		return err
	}
	b.missing("%s cannot be read: %v", e.words, err)
	for _, t := range e.tables {
		if err := b.execute("DELETE FROM " + t); err != nil {
			return err
		}
	}
	return nil
}

// isOwn tells errors of writing the catalog from those of what is read. SQLite's
// have a code.
func isOwn(err error) bool {
	var t *tempError
	return sqlite.ErrCode(err) != sqlite.ResultError || errors.As(err, &t)
}

// A tempError is one of a temporary file.
type tempError struct{ error }

func (t *tempError) Unwrap() error { return t.error }

// finish writes what the catalog is of, and ends the transaction.
func (b *builder) finish() error {
	data, err := json.Marshal(b.info)
	if err != nil {
		return err
	}
	r, err := b.insert("info", "json")
	if err != nil {
		return err
	}
	r.text(string(data))
	if err := r.add(); err != nil {
		return err
	}
	return b.execute("COMMIT")
}
