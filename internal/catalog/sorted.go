package catalog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"

	"zombiezen.com/go/sqlite"
)

// A sorted table has keys, and for each the ids of packages, in blocks of its own:
// keys follow one another in their order, each without what it has in common with
// the one before. The table sorted says with which key a block begins.
type sortedTable int64

// The tables, and their keys.
const (
	// pathTable has all paths of filelists: the directory with its slash, a zero byte,
	// and the last part. So what is in a directory stands together.
	pathTable sortedTable = 1 + iota
	// provideTable has what packages provide, and the paths that primary has: in lower
	// case, and behind a zero byte as it is, if that is something else.
	provideTable
	// baseTable has the last parts of the paths that primary has, in lower case, each
	// followed by a zero byte and the path.
	baseTable
)

const (
	sortedBlock = 48 << 10 // of a block's content, bytes
	// maxIDs bounds the packages of one key: the newest of the first names stay.
	maxIDs = 1000
)

// sortedWriter writes a table, whose keys come in their order.
type sortedWriter struct {
	out      *blockWriter
	table    sortedTable
	index    *row
	first    []byte // key of the block
	last     []byte
	started  bool
	block    []byte
	ids      []int32 // of the last key
	distinct []int32
}

func (b *builder) newSortedWriter(table sortedTable) (*sortedWriter, error) {
	index, err := b.insert("sorted", "tab", "first", "block")
	return &sortedWriter{out: b.newBlockWriter(), table: table, index: index}, err
}

// add adds a package to a key.
func (w *sortedWriter) add(key []byte, id int32) error {
	if w.started && bytes.Equal(key, w.last) {
		if len(w.ids) < 4*maxIDs {
			w.ids = append(w.ids, id)
		}
		return nil
	}
	if err := w.endKey(key); err != nil {
		return err
	}
	w.ids = append(w.ids[:0], id)
	return nil
}

// endKey writes the last key and begins another one, nil for none.
func (w *sortedWriter) endKey(next []byte) error {
	if w.started {
		slices.Sort(w.ids)
		w.distinct = append(w.distinct[:0], w.ids...)
		w.distinct = slices.Compact(w.distinct)
		w.distinct = w.distinct[:min(len(w.distinct), maxIDs)]
		w.block = binary.AppendUvarint(w.block, uint64(len(w.distinct)))
		before := int32(0)
		for _, id := range w.distinct {
			w.block = binary.AppendUvarint(w.block, uint64(id-before)) //nolint:gosec // ascending
			before = id
		}
		if len(w.block) >= sortedBlock || next == nil {
			if err := w.endBlock(); err != nil {
				return err
			}
		}
	}
	if next == nil {
		return nil
	}
	if len(w.block) == 0 {
		w.first = append(w.first[:0], next...)
		w.last = w.last[:0]
	}
	shared := commonPrefix(w.last, next)
	w.block = binary.AppendUvarint(w.block, uint64(shared))
	w.block = appendString(w.block, next[shared:])
	w.last = append(w.last[:0], next...)
	w.started = true
	return nil
}

func (w *sortedWriter) endBlock() error {
	*w.out.last++
	number := *w.out.last
	if err := w.out.write(number, w.block); err != nil {
		return err
	}
	w.index.integer(int64(w.table))
	w.index.bytes(w.first)
	w.index.integer(number)
	w.block = w.block[:0]
	return w.index.add()
}

func (w *sortedWriter) finish() error { return w.endKey(nil) }

// addSorted writes a table of what a sorter has: keys, and ids of packages as 4
// bytes.
func (b *builder) addSorted(table sortedTable, s *sorter) error {
	w, err := b.newSortedWriter(table)
	if err != nil {
		return err
	}
	err = s.each(func(key, value []byte) error { return w.add(key, int32(binary.LittleEndian.Uint32(value))) }) //nolint:gosec // as it was written
	return errors.Join(err, w.finish())
}

// errStop ends a scan early.
var errStop = errors.New("enough")

// scan calls f with the keys of a table that begin with a prefix, in their order,
// and the packages of each, the lowest id first; both are valid during the call.
func (t sortedTable) scan(conn *sqlite.Conn, prefix []byte, f func(key []byte, ids []int32) error) error {
	number, first, err := t.block(conn, "first <= ? ORDER BY first DESC LIMIT 1", prefix)
	if errors.Is(err, ErrNotFound) {
		number, first, err = t.block(conn, "first > ? ORDER BY first LIMIT 1", prefix)
	}
	for {
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if bytes.Compare(first, prefix) > 0 && !bytes.HasPrefix(first, prefix) {
			return nil
		}
		content, err := readBlock(conn, number)
		if err != nil {
			return err
		}
		past, err := scanBlock(content, prefix, f)
		if errors.Is(err, errStop) || past {
			return nil
		}
		if err != nil {
			return err
		}
		number, first, err = t.block(conn, "first > ? ORDER BY first LIMIT 1", first)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err != nil {
			return nil
		}
	}
}

// block finds a block of the table by its first key.
func (t sortedTable) block(conn *sqlite.Conn, where string, key []byte) (number int64, first []byte, err error) {
	stmt, err := conn.Prepare("SELECT block, first FROM sorted WHERE tab = ? AND " + where)
	if err != nil {
		return 0, nil, err
	}
	defer stmt.Reset() //nolint:errcheck // what it returns was returned
	stmt.BindInt64(1, int64(t))
	stmt.BindBytes(2, key)
	found, err := stmt.Step()
	if err == nil && !found {
		err = ErrNotFound
	}
	if err != nil {
		return 0, nil, err
	}
	first = make([]byte, stmt.ColumnLen(1))
	stmt.ColumnBytes(1, first)
	return stmt.ColumnInt64(0), first, nil
}

// scanBlock is scan in one block; past says that there are no more such keys.
func scanBlock(content, prefix []byte, f func(key []byte, ids []int32) error) (past bool, err error) {
	r := fields{rest: content}
	var key []byte
	var ids []int32
	for len(r.rest) > 0 {
		shared, rest := r.uint(), r.bytes(r.uint())
		if r.bad || shared > uint64(len(key)) {
			return false, damaged("keys cannot be read")
		}
		key = append(key[:shared], rest...)
		ids = ids[:0]
		id := int32(0)
		for n := r.uint(); n > 0 && !r.bad; n-- {
			id += int32(r.uint()) //nolint:gosec // what is wrong is found by nobody
			ids = append(ids, id)
		}
		if r.bad {
			break
		}
		if bytes.HasPrefix(key, prefix) {
			if err := f(key, ids); err != nil {
				return false, err
			}
		} else if bytes.Compare(key, prefix) > 0 {
			return true, nil
		}
	}
	return false, r.err("a block of keys")
}

// get returns the packages of one key, the lowest id first.
func (t sortedTable) get(conn *sqlite.Conn, key []byte) (ids []int32, err error) {
	err = t.scan(conn, key, func(k []byte, list []int32) error {
		if bytes.Equal(k, key) {
			ids = slices.Clone(list)
		}
		return errStop
	})
	return ids, err
}
