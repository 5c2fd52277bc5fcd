package catalog

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
)

// pathSorter sorts the files of all packages. It does so by directories, of which
// there are far fewer: a record is what one package has in one of them.
type pathSorter struct {
	b      *builder
	sorter *sorter
	most   int       // bytes of one directory that are sorted in memory
	dirs   []pathDir // of the package that is being added
	at     map[string]int
	size   int // of it all, about, in bytes
	value  []byte
}

// pathDir is a directory, with every name in it behind its length. Its memory is
// used again.
type pathDir struct{ dir, names []byte }

func (b *builder) newPathSorter() *pathSorter {
	return &pathSorter{b: b, sorter: b.newSorter(sortMemory), most: maxInDirectory, at: map[string]int{}}
}

// maxNames bounds a record, in bytes.
const maxNames = 64 << 10

// maxFiles bounds the files of a package that are kept in memory, in bytes; a
// directory whose files are then in several records is none the worse.
const maxFiles = 4 << 20

// add adds a file of a package, which end ends.
func (s *pathSorter) add(path []byte, id int32) error {
	if s.size += len(path) + 2; s.size > maxFiles {
		if err := s.end(id); err != nil {
			return err
		}
	}
	cut := bytes.LastIndexByte(path, '/') + 1
	dir, base := path[:cut], path[cut:]
	n := len(s.dirs) - 1
	// As a rule it is in the directory of the file before.
	if n < 0 || !bytes.Equal(s.dirs[n].dir, dir) {
		at, ok := s.at[string(dir)]
		if !ok {
			at = s.addDir(dir)
			s.at[string(dir)] = at
		}
		n = at
	}
	d := &s.dirs[n]
	d.names = appendString(d.names, base)
	return nil
}

func (s *pathSorter) addDir(dir []byte) int {
	n := len(s.dirs)
	if n == cap(s.dirs) {
		s.dirs = append(s.dirs, pathDir{})
	}
	s.dirs = s.dirs[:n+1]
	d := &s.dirs[n]
	d.dir, d.names = append(d.dir[:0], dir...), d.names[:0]
	return n
}

// end adds the files of a package to those that are sorted.
func (s *pathSorter) end(id int32) error {
	defer s.reset()
	for i := range s.dirs {
		f := fields{rest: s.dirs[i].names}
		for len(f.rest) > 0 {
			part := f.rest
			for len(f.rest) > 0 && len(part)-len(f.rest) < maxNames {
				f.bytes(f.uint())
			}
			s.value = binary.LittleEndian.AppendUint32(s.value[:0], uint32(id)) //nolint:gosec // read back as it was
			s.value = append(s.value, part[:len(part)-len(f.rest)]...)
			if err := s.sorter.add(s.dirs[i].dir, s.value); err != nil {
				return err
			}
		}
	}
	return nil
}

// reset forgets the files of a package.
func (s *pathSorter) reset() {
	const most = 4096 // directories whose memory is worth keeping
	for i := range s.dirs {
		if d := &s.dirs[i]; cap(d.names) > maxNames {
			d.names = nil
		}
	}
	if s.dirs = s.dirs[:0]; cap(s.dirs) > most {
		s.dirs = nil
	}
	clear(s.at)
	s.size = 0
}

// maxInDirectory bounds the names of one directory that are sorted in memory.
const maxInDirectory = 8 << 20 // bytes

// pathName is a name in the directory that is being written.
type pathName struct {
	start, end int
	id         int32
}

// pathWriter writes the table of paths.
type pathWriter struct {
	out   *sortedWriter
	dir   []byte
	key   []byte
	data  []byte
	names []pathName
	large *sorter // of the names of a directory that has too many
}

// finish writes the table.
func (s *pathSorter) finish() error {
	out, err := s.b.newSortedWriter(pathTable)
	if err != nil {
		return err
	}
	w := &pathWriter{out: out}
	started := false
	err = s.sorter.each(func(dir, value []byte) error {
		if !started || !bytes.Equal(dir, w.dir) {
			if err := w.endDirectory(); err != nil {
				return err
			}
			started = true
			w.dir = append(w.dir[:0], dir...)
		}
		id := int32(binary.LittleEndian.Uint32(value)) //nolint:gosec // as it was written
		for f := (fields{rest: value[4:]}); len(f.rest) > 0; {
			if err := w.add(f.bytes(f.uint()), id); err != nil {
				return err
			}
		}
		const each = 32 // bytes that a name takes beside itself
		if len(w.data)+len(w.names)*each > s.most {
			return w.spill(s.b)
		}
		return nil
	})
	if err == nil {
		err = w.endDirectory()
	}
	return errors.Join(err, out.finish())
}

func (w *pathWriter) add(base []byte, id int32) error {
	if w.large != nil {
		return w.large.add(base, idBytes(id))
	}
	start := len(w.data)
	w.data = append(w.data, base...)
	w.names = append(w.names, pathName{start, len(w.data), id})
	return nil
}

func idBytes(id int32) []byte {
	return binary.LittleEndian.AppendUint32(nil, uint32(id)) //nolint:gosec // read back as it was
}

// spill goes on with a directory that has too many names.
func (w *pathWriter) spill(b *builder) error {
	w.large = b.newSorter(sortMemory)
	for _, n := range w.names {
		if err := w.large.add(w.data[n.start:n.end], idBytes(n.id)); err != nil {
			return err
		}
	}
	w.names, w.data = w.names[:0], w.data[:0]
	return nil
}

func (w *pathWriter) endDirectory() error {
	defer func() { w.names, w.data, w.large = w.names[:0], w.data[:0], nil }()
	if w.large != nil {
		return w.large.each(func(base, id []byte) error {
			return w.write(base, int32(binary.LittleEndian.Uint32(id))) //nolint:gosec // as it was written
		})
	}
	slices.SortFunc(w.names, func(a, b pathName) int {
		if c := bytes.Compare(w.data[a.start:a.end], w.data[b.start:b.end]); c != 0 {
			return c
		}
		return cmp.Compare(a.id, b.id)
	})
	for _, n := range w.names {
		if err := w.write(w.data[n.start:n.end], n.id); err != nil {
			return err
		}
	}
	return nil
}

func (w *pathWriter) write(base []byte, id int32) error {
	w.key = appendPathKey(w.key[:0], w.dir, base)
	return w.out.add(w.key, id)
}

// appendPathKey makes the key of a path in pathTable.
func appendPathKey(b, dir, base []byte) []byte {
	b = append(append(b, dir...), 0)
	return append(b, base...)
}

// pathKey is appendPathKey of a whole path.
func pathKey(path string) []byte {
	cut := bytes.LastIndexByte([]byte(path), '/') + 1
	return appendPathKey(nil, []byte(path[:cut]), []byte(path[cut:]))
}

// pathOf is the path that a key of pathTable stands for.
func pathOf(key []byte) string {
	dir, base, _ := bytes.Cut(key, []byte{0})
	return string(dir) + string(base)
}
