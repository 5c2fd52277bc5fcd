package catalog

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// ErrNotFound tells that a catalog has no such thing.
var ErrNotFound = errors.New("not found")

// formatVersion changes with every change of what is in a catalog. One of
// another version is as good as none.
const formatVersion = 2

// A Catalog is open for reading. Its methods may be called from many goroutines.
type Catalog struct {
	path string
	info Info
	size int64
	// moments are those of its publications, see Moments.
	moments []Moment

	damaged atomic.Bool // a query has found that it is

	slots chan struct{} // one for each connection that may be in use
	mu    sync.Mutex
	idle  []*sqlite.Conn
	ended bool
}

// maxConns is how many queries of a catalog run side by side.
const maxConns = 4

// Open opens the catalog at path, which must not change, and must stay while it is
// open. The error is fs.ErrNotExist where there is none; any other says that it
// has to be made again. What is damaged in the midst of it Verify finds.
func Open(path string) (*Catalog, error) {
	size, _, err := readSeal(path)
	if err != nil {
		return nil, err
	}
	c := &Catalog{path: path, size: size, slots: make(chan struct{}, maxConns)}
	err = c.query(context.Background(), func(conn *sqlite.Conn) error {
		var data string
		err := sqlitex.Execute(conn, "SELECT json FROM info", &sqlitex.ExecOptions{ResultFunc: func(stmt *sqlite.Stmt) error {
			data = stmt.ColumnText(0)
			return nil
		}})
		if err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(data), &c.info); err != nil {
			return damaged("it does not say what it is of: %v", err)
		}
		c.moments, err = readMoments(conn)
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), c.Close())
	}
	return c, nil
}

// Info tells what the catalog is of.
func (c *Catalog) Info() Info { return c.info }

// Size is that of the file, in bytes.
func (c *Catalog) Size() int64 { return c.size }

// Close waits for queries that run, and closes the catalog. Later ones fail.
func (c *Catalog) Close() error {
	for range maxConns {
		c.slots <- struct{}{}
	}
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	err := c.rest()
	for range maxConns {
		<-c.slots
	}
	return err
}

// rest closes the connections that are not in use; the next query opens one.
func (c *Catalog) rest() error {
	c.mu.Lock()
	idle := c.idle
	c.idle = nil
	c.mu.Unlock()
	var err error
	for _, conn := range idle {
		err = errors.Join(err, conn.Close())
	}
	return err
}

// query calls f with a connection, which ends what it does when ctx ends.
func (c *Catalog) query(ctx context.Context, f func(conn *sqlite.Conn) error) error {
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-c.slots }()
	conn, err := c.take()
	if err != nil {
		return err
	}
	conn.SetInterrupt(ctx.Done())
	err = f(conn)
	conn.SetInterrupt(nil)
	switch {
	case err != nil && ctx.Err() != nil:
		err = ctx.Err()
	case isDamage(err):
		c.damaged.Store(true)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = append(c.idle, conn)
	return err
}

// isDamage tells what a file says that is not as it was made.
func isDamage(err error) bool {
	if errors.Is(err, errDamaged) {
		return true
	}
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultCorrupt, sqlite.ResultNotADB, sqlite.ResultIOErr:
		return true
	}
	return false
}

func (c *Catalog) take() (*sqlite.Conn, error) {
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return nil, errors.New("the catalog is closed")
	}
	if n := len(c.idle); n > 0 {
		conn := c.idle[n-1]
		c.idle = c.idle[:n-1]
		c.mu.Unlock()
		return conn, nil
	}
	c.mu.Unlock()
	return openConn(c.path)
}

func openConn(path string) (*sqlite.Conn, error) {
	conn, err := sqlite.OpenConn(fileURL(path), sqlite.OpenReadOnly, sqlite.OpenURI)
	if err != nil {
		return nil, err
	}
	for _, s := range []string{
		"PRAGMA cell_size_check = ON", "PRAGMA trusted_schema = OFF", "PRAGMA query_only = ON", "PRAGMA cache_size = -1024", "PRAGMA temp_store = MEMORY",
	} {
		if err := sqlitex.ExecuteTransient(conn, s, nil); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}

// fileURL names a file that does not change, so that nothing has to be locked.
func fileURL(path string) string {
	var b []byte
	for i := range len(path) {
		c := path[i]
		switch {
		case c == '/' || c == '-' || c == '_' || c == '.' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z':
			b = append(b, c)
		default:
			b = fmt.Appendf(b, "%%%02X", c)
		}
	}
	return "file:" + string(b) + "?immutable=1"
}

// The seal stands behind the database: what the file is, its length before the
// seal, and a checksum. It tells a file that was cut, or that something else wrote
// into, from one that is whole.
var sealMark = [8]byte{'g', 'o', 'r', 'e', 'p', 'o', 'c', formatVersion}

const sealSize = 8 + 8 + 8 // mark, length, checksum

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal ends a catalog that is complete.
func seal(path string) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := crc32.New(castagnoli)
	n, err := io.Copy(sum, f)
	if err != nil {
		return err
	}
	b := append([]byte(nil), sealMark[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(n)) //nolint:gosec // a length
	b = binary.LittleEndian.AppendUint64(b, uint64(sum.Sum32()))
	_, err = f.Write(b)
	return err
}

// readSeal checks that a catalog is as long as it should be, and of this version.
func readSeal(path string) (size int64, sum uint32, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close() //nolint:errcheck // only read
	fi, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	var b [sealSize]byte
	size = fi.Size() - sealSize
	if size < 0 || !fi.Mode().IsRegular() {
		return 0, 0, fmt.Errorf("%s: %w", path, damaged("it is too short"))
	}
	if _, err := f.ReadAt(b[:], size); err != nil {
		return 0, 0, err
	}
	switch {
	case [8]byte(b[:8]) != sealMark:
		return 0, 0, fmt.Errorf("%s: %w", path, damaged("it has no end, or is of another version of gorepo"))
	case binary.LittleEndian.Uint64(b[8:]) != uint64(size): //nolint:gosec // a length
		return 0, 0, fmt.Errorf("%s: %w", path, damaged("it is not as long as it was"))
	}
	return size, uint32(binary.LittleEndian.Uint64(b[16:])), nil //nolint:gosec // as it was written
}

// Verify reads the whole catalog at path, and fails where it is not what Build
// made.
func Verify(ctx context.Context, path string) error {
	size, want, err := readSeal(path)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	sum := crc32.New(castagnoli)
	for left := size; left > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.CopyN(sum, f, min(left, 8<<20))
		if err != nil {
			return err
		}
		left -= n
	}
	if sum.Sum32() != want {
		return fmt.Errorf("%s: %w", path, damaged("its content has changed"))
	}
	return nil
}
