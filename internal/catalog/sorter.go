package catalog

import (
	"bufio"
	"bytes"
	"container/heap"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
)

// sorter sorts more records than fit into memory. A record has a key and a value;
// of one key they stay in the order in which they came.
type sorter struct {
	temp func() (*os.File, error)
	most int // bytes that are kept in memory

	data []byte
	recs []sortRecord
	runs []*os.File
}

// sortRecord is where a record is in memory.
type sortRecord struct {
	first    uint64 // the bytes that its key begins with
	at       uint32
	key, len uint32 // length of the key, and of it all
}

const (
	// sortMemory is what a sorter of many records keeps in memory, and fewMemory one of
	// few, in bytes.
	sortMemory = 12 << 20
	fewMemory  = 4 << 20
	// maxRecord bounds key and value together, in bytes.
	maxRecord = 1 << 20
	runBuffer = 32 << 10
)

func (b *builder) newSorter(most int) *sorter {
	return &sorter{temp: func() (*os.File, error) { return b.tempFile("sort") }, most: most}
}

// add adds a record. One that is too long to be is left out.
func (s *sorter) add(key, value []byte) error {
	n := len(key) + len(value)
	if n > maxRecord {
		return nil
	}
	if len(s.recs) > 0 && len(s.data)+n+(len(s.recs)+1)*recordSize > s.most {
		if err := s.spill(); err != nil {
			return err
		}
	}
	s.grow(n)
	r := sortRecord{at: uint32(len(s.data)), key: uint32(len(key)), len: uint32(n)} //nolint:gosec // s.most is less
	r.first = firstBytes(key)
	s.data = append(append(s.data, key...), value...)
	s.recs = append(s.recs, r)
	return nil
}

// recordSize is that of a sortRecord, in bytes.
const recordSize = 24

// grow makes room for a record. When there is more than a little, it is for all that
// there will be: growing by and by leaves much behind.
func (s *sorter) grow(n int) {
	const little = 1 << 20
	if len(s.data)+n > cap(s.data) && len(s.data) > little {
		// What is left is for the sortRecords, of which there are as many a byte as
		// until now.
		share := float64(len(s.data)) / float64(len(s.data)+len(s.recs)*recordSize)
		s.data = slices.Grow(s.data, max(n, int(float64(s.most)*share)-len(s.data)))
		s.recs = slices.Grow(s.recs, max(1, int(float64(s.most)*(1-share))/recordSize-len(s.recs)))
	}
}

func firstBytes(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var room [8]byte
	copy(room[:], key)
	return binary.BigEndian.Uint64(room[:])
}

func (s *sorter) sort() {
	slices.SortFunc(s.recs, func(a, b sortRecord) int {
		if a.first != b.first {
			if a.first < b.first {
				return -1
			}
			return 1
		}
		if c := bytes.Compare(s.data[a.at:a.at+a.key], s.data[b.at:b.at+b.key]); c != 0 {
			return c
		}
		return int(a.at) - int(b.at)
	})
}

// spill writes what is in memory to a file, sorted.
func (s *sorter) spill() error {
	s.sort()
	f, err := s.temp()
	if err != nil {
		return err
	}
	s.runs = append(s.runs, f)
	w := bufio.NewWriterSize(f, 256<<10)
	var head [2 * binary.MaxVarintLen32]byte
	for _, r := range s.recs {
		b := binary.AppendUvarint(head[:0], uint64(r.key))
		b = binary.AppendUvarint(b, uint64(r.len))
		_, _ = w.Write(b) // Flush tells
		_, _ = w.Write(s.data[r.at : r.at+r.len])
	}
	s.data, s.recs = s.data[:0], s.recs[:0]
	if err := w.Flush(); err != nil {
		return &tempError{err}
	}
	return nil
}

// close removes the files.
func (s *sorter) close() {
	for _, f := range s.runs {
		_ = f.Close() // it has no name any more
	}
	s.runs, s.data, s.recs = nil, nil, nil
}

// each calls f with all records in the order of their keys; they are valid during
// the call. The sorter is empty then.
func (s *sorter) each(f func(key, value []byte) error) error {
	defer s.close()
	if len(s.runs) == 0 {
		s.sort()
		for _, r := range s.recs {
			rec := s.data[r.at : r.at+r.len]
			if err := f(rec[:r.key:r.key], rec[r.key:]); err != nil {
				return err
			}
		}
		return nil
	}
	if err := s.spill(); err != nil {
		return err
	}
	s.data, s.recs = nil, nil
	var m merge
	for i, file := range s.runs {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return &tempError{err}
		}
		r := &runReader{number: i, in: bufio.NewReaderSize(file, runBuffer)}
		switch err := r.next(); {
		case err == nil:
			m = append(m, r)
		case !errors.Is(err, io.EOF):
			return &tempError{err}
		}
	}
	heap.Init(&m)
	for len(m) > 0 {
		r := m[0]
		if err := f(r.rec[:r.key:r.key], r.rec[r.key:]); err != nil {
			return err
		}
		switch err := r.next(); {
		case err == nil:
			heap.Fix(&m, 0)
		case errors.Is(err, io.EOF):
			heap.Pop(&m)
		default:
			return &tempError{err}
		}
	}
	return nil
}

// runReader reads a file that spill wrote.
type runReader struct {
	number int
	in     *bufio.Reader
	rec    []byte
	key    int
	first  uint64
}

func (r *runReader) next() error {
	key, err := binary.ReadUvarint(r.in)
	if err != nil {
		return err
	}
	n, err := binary.ReadUvarint(r.in)
	if err != nil {
		return err
	}
	if n > maxRecord || key > n {
		return errors.New("a temporary file has changed")
	}
	r.rec = slices.Grow(r.rec[:0], int(n))[:n] //nolint:gosec // no more than maxRecord
	r.key = int(key)                           //nolint:gosec // likewise
	if _, err := io.ReadFull(r.in, r.rec); err != nil {
		return errors.Join(errors.New("a temporary file is cut"), err)
	}
	r.first = firstBytes(r.rec[:r.key])
	return nil
}

// merge is a heap of runs, the one with the least key on top.
type merge []*runReader

func (m merge) Len() int { return len(m) }
func (m merge) Less(i, j int) bool {
	a, b := m[i], m[j]
	if a.first != b.first {
		return a.first < b.first
	}
	if c := bytes.Compare(a.rec[:a.key], b.rec[:b.key]); c != 0 {
		return c < 0
	}
	return a.number < b.number
}
func (m merge) Swap(i, j int) { m[i], m[j] = m[j], m[i] }
func (m *merge) Push(x any)   { *m = append(*m, x.(*runReader)) }
func (m *merge) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}
