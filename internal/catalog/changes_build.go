package catalog

import (
	"cmp"
	"context"
	"encoding/binary"
	"hash/fnv"
	"io"
	"slices"
	"time"

	"gorepo/internal/mirror"
	"gorepo/internal/rpmpkg"
)

// history is the extra that comes before packages, which want to know when they
// came.
var history = extra{
	words: "the history",
	schema: []string{
		`CREATE TABLE publication (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, revision TEXT NOT NULL, packages INTEGER NOT NULL, first INTEGER NOT NULL,
			gap INTEGER NOT NULL, truncated INTEGER NOT NULL, added INTEGER NOT NULL, updated INTEGER NOT NULL, replaced INTEGER NOT NULL,
			removed INTEGER NOT NULL, superseded INTEGER NOT NULL)`,
		// The changes of a publication are in chunks, which are records in blocks.
		"CREATE TABLE changechunk (publication INTEGER, chunk INTEGER, place INTEGER NOT NULL, count INTEGER NOT NULL, " +
			"PRIMARY KEY (publication, chunk)) WITHOUT ROWID",
		"CREATE TABLE changename (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
		"CREATE TABLE changed (name INTEGER, publication INTEGER, chunk INTEGER, count INTEGER NOT NULL, " +
			"PRIMARY KEY (name, publication, chunk)) WITHOUT ROWID",
	},
	tables: []string{"publication", "changechunk", "changename", "changed"},
	add:    (*builder).addHistory,
}

// arrivals tell when packages came.
type arrivals struct {
	// at are Unix seconds by a hash of name, version and architecture, of what came
	// after the history began and did not go since.
	at map[uint64]int64
	// others is when all others came, 0 where that is not known.
	others int64
}

func (a *arrivals) of(n rpmpkg.NEVRA) (t time.Time) {
	s, ok := a.at[hashOfText(n.String())]
	if !ok {
		s = a.others
	}
	if s != 0 {
		t = time.Unix(s, 0).UTC()
	}
	return t
}

func hashOfText(s string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, s) // never fails
	return h.Sum64()
}

// addHistory takes in what is known of the publications up to this one.
func (b *builder) addHistory(ctx context.Context) error {
	b.arrivals = arrivals{}
	if b.opts.State == "" {
		return errAbsent
	}
	w, err := b.newHistoryWriter()
	if err != nil {
		return err
	}
	damaged, err := mirror.ReadHistory(ctx, b.opts.State, mirror.HistoryOptions{Published: b.src.repomd.PrimaryChecksum()}, w.add)
	if err == nil {
		err = w.finish()
	}
	if err != nil {
		return err
	}
	if damaged > 0 {
		b.missing("%d lines of the history cannot be read", damaged)
		w.arrivals.others = 0
	}
	b.arrivals = w.arrivals
	b.info.Publications, b.info.HistorySince = int(w.id), w.since
	return nil
}

// chunkSize is how many changes are read at a time.
const chunkSize = 500

// historyWriter writes publications in their order.
type historyWriter struct {
	publication, chunk *row
	b                  *builder
	blocks             *blockWriter
	id                 int64
	since              time.Time
	names              map[string]int32
	changed            []changedName
	arrivals           arrivals
	record             []byte
}

// changedName tells how many changes of a name a chunk has.
type changedName struct{ name, publication, chunk, count int32 }

func (b *builder) newHistoryWriter() (w *historyWriter, err error) {
	w = &historyWriter{b: b, blocks: b.newBlockWriter(), names: map[string]int32{}, arrivals: arrivals{at: map[uint64]int64{}}}
	if w.publication, err = b.insert("publication", "id", "time", "revision", "packages", "first", "gap", "truncated",
		"added", "updated", "replaced", "removed", "superseded"); err != nil {
		return nil, err
	}
	w.chunk, err = b.insert("changechunk", "publication", "chunk", "place", "count")
	return w, err
}

func (w *historyWriter) add(p mirror.Publication) error {
	w.b.progress()
	w.id++
	w.note(&p)
	r := w.publication
	r.integer(w.id)
	r.time(p.Time)
	r.text(p.Revision)
	r.integer(int64(p.Packages))
	for _, flag := range []bool{p.First, p.Gap, p.Truncated} {
		n := int64(0)
		if flag {
			n = 1
		}
		r.integer(n)
	}
	for _, n := range []int{p.Counts.Added, p.Counts.Updated, p.Counts.Replaced, p.Counts.Removed, p.Counts.Superseded} {
		r.integer(int64(n))
	}
	if err := r.add(); err != nil {
		return err
	}
	number := int64(0)
	for chunk := range slices.Chunk(changesOf(&p), chunkSize) {
		number++
		if err := w.addChunk(number, chunk); err != nil {
			return err
		}
	}
	return nil
}

// note remembers when packages came.
func (w *historyWriter) note(p *mirror.Publication) {
	a, now := &w.arrivals, p.Time.Unix()
	if w.id == 1 {
		w.since = p.Time.UTC()
		if p.First && p.Before == "" {
			a.others = now
		}
	}
	if p.Gap || p.Truncated { // something came of which nobody knows
		a.others = 0
	}
	for _, list := range [][]string{p.Removed, p.Superseded} {
		for _, s := range list {
			delete(a.at, hashOfText(s))
		}
	}
	for _, list := range [][]string{p.Added, p.Replaced} {
		for _, s := range list {
			a.at[hashOfText(s)] = now
		}
	}
	for _, u := range p.Updated {
		a.at[hashOfText(u.Package)] = now
	}
}

// changesOf are the changes of a publication in the order in which they are shown.
func changesOf(p *mirror.Publication) []PackageChange {
	list := make([]PackageChange, 0, len(p.Added)+len(p.Updated)+len(p.Replaced)+len(p.Removed))
	type family struct{ name, arch string }
	familyOf := func(nevra string) (f family) {
		f.name, f.arch = rpmpkg.NameArch(nevra)
		return f
	}
	went := map[family][]string{}
	for _, s := range p.Superseded {
		went[familyOf(s)] = append(went[familyOf(s)], s)
	}
	for _, s := range p.Added {
		list = append(list, PackageChange{Kind: ChangeAdded, Package: s})
	}
	for _, u := range p.Updated {
		f := familyOf(u.Package)
		list = append(list, PackageChange{Kind: ChangeUpdated, Package: u.Package, From: u.From, Superseded: went[f]})
		delete(went, f)
	}
	for _, s := range p.Replaced {
		list = append(list, PackageChange{Kind: ChangeReplaced, Package: s})
	}
	for _, s := range p.Removed {
		list = append(list, PackageChange{Kind: ChangeRemoved, Package: s})
	}
	return list
}

func (w *historyWriter) addChunk(number int64, chunk []PackageChange) error {
	w.record = w.record[:0]
	counts := map[int32]int32{}
	for _, c := range chunk {
		w.record = append(w.record, byte(slices.Index(changeKinds, c.Kind))) //nolint:gosec // there are four
		w.record = appendString(appendString(w.record, c.Package), c.From)
		w.record = binary.AppendUvarint(w.record, uint64(len(c.Superseded)))
		for _, s := range c.Superseded {
			w.record = appendString(w.record, s)
		}
		name, _ := rpmpkg.NameArch(c.Package)
		id := w.names[name]
		if id == 0 {
			id = int32(len(w.names) + 1) //nolint:gosec // the history is bounded
			w.names[name] = id
		}
		counts[id]++
	}
	for name, n := range counts {
		w.changed = append(w.changed, changedName{name, int32(w.id), int32(number), n}) //nolint:gosec // the history is bounded
	}
	at, err := w.blocks.add(w.record)
	if err != nil {
		return err
	}
	w.chunk.integer(w.id)
	w.chunk.integer(number)
	w.chunk.integer(int64(at))
	w.chunk.integer(int64(len(chunk)))
	return w.chunk.add()
}

// finish writes what changes are found by.
func (w *historyWriter) finish() error {
	if err := w.blocks.flush(); err != nil {
		return err
	}
	name, err := w.b.insert("changename", "id", "name")
	if err != nil {
		return err
	}
	for s, id := range w.names {
		name.integer(int64(id))
		name.text(s)
		if err := name.add(); err != nil {
			return err
		}
	}
	changed, err := w.b.insert("changed", "name", "publication", "chunk", "count")
	if err != nil {
		return err
	}
	slices.SortFunc(w.changed, func(a, b changedName) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.publication, b.publication), cmp.Compare(a.chunk, b.chunk))
	})
	for _, c := range w.changed {
		for _, n := range []int32{c.name, c.publication, c.chunk, c.count} {
			changed.integer(int64(n))
		}
		if err := changed.add(); err != nil {
			return err
		}
	}
	return nil
}
