package repodata

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
)

// OldMetadata is a generation whose entries may be used again.
type OldMetadata struct {
	// Name says which one it is, for messages.
	Name   string
	Repomd *Repomd
	// Open opens the file of a record.
	Open func(rec Record) (io.ReadCloser, error)
	// Ours says that gorepo wrote it, so that its entries are well formed; those
	// of others are looked through before they are copied.
	Ours bool
	// Void tells of locations whose entries are not to be used, whatever size and
	// mtime say. Nil: there are none.
	Void func(location string) bool

	entries int // in its primary, once that was read
	// matched says that its entries were offered to all tasks, with Options.Compare;
	// unused are those that none took.
	matched bool
	unused  []Listed
}

// Lists reports whether the generation has primary, filelists and other, and other
// kinds that are named.
func (m *OldMetadata) Lists(others ...Kind) bool {
	for _, k := range append(others, kinds[:]...) {
		if _, ok := m.Repomd.Find(k.String()); !ok {
			return false
		}
	}
	return true
}

func (m *OldMetadata) open(ctx context.Context, k Kind) (*recordReader, error) {
	rec, ok := m.Repomd.Find(k.String())
	if !ok {
		return nil, fmt.Errorf("%s has no %s", m.Name, k)
	}
	file, err := m.Open(rec)
	if err != nil {
		return nil, err
	}
	return openRecord(ctx, file, rec)
}

// unusable tells that an old generation turned out not to be what it should be.
type unusable struct {
	old *OldMetadata
	err error
}

func (u *unusable) Error() string { return u.old.Name + ": " + u.err.Error() }
func (u *unusable) Unwrap() error { return u.err }

// entryStream hands out old entries of one kind as bytes. The old file is read
// once, from its start to its end. As a rule its order is ours; entries that
// come before their turn wait in a file, so that memory does not grow with
// filelists.
type entryStream struct {
	kind   Kind
	old    *OldMetadata
	file   *recordReader
	ours   bool // the entries are known to be well formed
	split  *Splitter
	number int            // of elements read
	wanted map[string]int // how often each key will still be asked for
	spool  *spool
}

// openStream opens the kind's file of old. wanted is used up. newSpool makes
// the file for entries that wait.
func openStream(ctx context.Context, kind Kind, old *OldMetadata, wanted map[string]int, newSpool func() (*os.File, error)) (*entryStream, error) {
	file, err := old.open(ctx, kind)
	if err != nil {
		return nil, &unusable{old, err}
	}
	split, err := NewSplitter(file, kind)
	if err != nil {
		return nil, &unusable{old, fmt.Errorf("%s: %w", kind, errors.Join(err, file.Close()))}
	}
	split.checks = !old.Ours
	return &entryStream{
		kind: kind, old: old, file: file, split: split, wanted: wanted,
		ours:  old.Ours,
		spool: &spool{create: newSpool, at: map[string]extent{}},
	}, nil
}

// key returns by what an element is asked for: its place in primary, its
// pkgid elsewhere.
func (s *entryStream) key(element []byte) (string, error) {
	if s.kind == Primary {
		return strconv.Itoa(s.number), nil
	}
	t := &tokens{b: element}
	k, err := t.next()
	if err != nil {
		return "", err
	}
	return k.attribute("pkgid")
}

// get returns the entry of a key, valid until the next call.
func (s *entryStream) get(key string) ([]byte, error) {
	s.wanted[key]--
	if b, ok, err := s.spool.get(key); ok || err != nil {
		return b, err
	}
	for {
		element, err := s.split.Next()
		if errors.Is(err, io.EOF) {
			return nil, &unusable{s.old, fmt.Errorf("%s lacks a package that primary has", s.kind)}
		}
		if err != nil {
			return nil, &unusable{s.old, fmt.Errorf("%s: %w", s.kind, err)}
		}
		s.number++
		k, err := s.key(element)
		if err != nil {
			return nil, &unusable{s.old, fmt.Errorf("%s: %w", s.kind, err)}
		}
		if k != key && s.wanted[k] <= 0 {
			continue
		}
		if !s.ours && !s.split.fit {
			if err := fitToCopy(element); err != nil {
				return nil, &unusable{s.old, fmt.Errorf("%s: %w", s.kind, err)}
			}
		}
		if s.wanted[k] > 0 { // for later, or for once more
			if err := s.spool.put(k, element); err != nil {
				return nil, err
			}
		}
		if k == key {
			return element, nil
		}
	}
}

// finish reads the rest: only at the end of a file is it known to be the right
// one.
func (s *entryStream) finish() error {
	for {
		_, err := s.split.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return &unusable{s.old, fmt.Errorf("%s: %w", s.kind, err)}
		}
	}
	if _, err := io.Copy(io.Discard, s.file); err != nil {
		return &unusable{s.old, err}
	}
	return nil
}

func (s *entryStream) close() error { return errors.Join(s.file.Close(), s.spool.close()) }

// spool keeps entries in a file until they are asked for.
type spool struct {
	create func() (*os.File, error)
	file   *os.File
	size   int64
	at     map[string]extent
	buf    []byte
}

type extent struct {
	offset int64
	length int
}

func (s *spool) put(key string, b []byte) (err error) {
	if _, ok := s.at[key]; ok {
		return nil
	}
	if s.file == nil {
		if s.file, err = s.create(); err != nil {
			return err
		}
	}
	if _, err := s.file.WriteAt(b, s.size); err != nil {
		return err
	}
	s.at[key] = extent{s.size, len(b)}
	s.size += int64(len(b))
	return nil
}

func (s *spool) get(key string) (_ []byte, ok bool, err error) {
	e, ok := s.at[key]
	if !ok {
		return nil, false, nil
	}
	if cap(s.buf) < e.length {
		s.buf = make([]byte, e.length)
	}
	s.buf = s.buf[:e.length]
	_, err = s.file.ReadAt(s.buf, e.offset)
	return s.buf, true, err
}

func (s *spool) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// contextReader fails when its context ends.
type contextReader struct {
	ctx context.Context //nolint:containedctx // lives as long as one file is read
	io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.Reader.Read(p)
}
