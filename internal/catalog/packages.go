package catalog

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"gorepo/internal/repodata"
	"gorepo/internal/rpmpkg"
)

// maxPackages bounds what a catalog is made of. The largest repositories there are
// have a hundred thousand.
const maxPackages = 4 << 20

// packageIndex is what is kept of packages in memory while a catalog is made.
type packageIndex struct {
	// names and archs are those of the packages, by id-1.
	names  []int32          // id of the name, from 1
	byHash map[string]int32 // id-1 by checksum: the pkgid
	places [][3]place       // by id-1: details, files, changes
	twin   map[int32]int32  // id-1 of the next package with the same checksum
}

// What a place is of.
const (
	placeDetails = iota
	placeFiles
	placeChanges
)

// listed is what tells a package's place among the others.
type listed struct {
	key     string // the name without regard to case
	name    string
	evr     rpmpkg.EVR
	arch    string
	at      int64 // where its row is kept
	details place
}

// archRank lets what is for the host itself go before its 32-bit companion, and that
// before sources.
func archRank(arch string) int {
	switch arch {
	case "i386", "i486", "i586", "i686", "athlon", "ppc", "s390", "sparc", "sparcv9":
		return 1
	case "src", "nosrc":
		return 2
	}
	return 0
}

func (a *listed) compare(b *listed) int {
	if c := cmp.Compare(a.key, b.key); c != 0 {
		return c
	}
	if c := cmp.Compare(a.name, b.name); c != 0 {
		return c
	}
	if c := b.evr.Compare(a.evr); c != 0 {
		return c
	}
	if c := cmp.Or(cmp.Compare(archRank(a.arch), archRank(b.arch)), cmp.Compare(a.arch, b.arch)); c != 0 {
		return c
	}
	return cmp.Compare(a.at, b.at)
}

// addPackages reads primary twice over: what is long goes to its block at once,
// rows into a file, from which they are taken in the order of ids.
func (b *builder) addPackages(ctx context.Context) error {
	rows, err := b.tempFile("rows")
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // it has no name any more
	list, err := b.readPrimary(ctx, rows)
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(x, y listed) int { return x.compare(&y) })
	if err := b.addRows(ctx, list, rows); err != nil {
		return err
	}
	if len(list) > 10_000 {
		debug.FreeOSMemory() // what comes next needs other things
	}
	return nil
}

// tempFile makes a file beside the catalog that goes when it is closed.
func (b *builder) tempFile(name string) (*os.File, error) {
	f, err := os.CreateTemp(filepath.Dir(b.path), filepath.Base(b.path)+"-"+name+"-*")
	if err != nil {
		return nil, &tempError{err}
	}
	// Where open files cannot be removed, whoever made the directory clears it.
	_ = os.Remove(f.Name())
	return f, nil
}

func (b *builder) readPrimary(ctx context.Context, rows io.Writer) (list []listed, err error) {
	in, err := b.src.open(ctx, "primary")
	if err != nil {
		return nil, err
	}
	defer in.Close() //nolint:errcheck // only read
	out := bufio.NewWriterSize(rows, 256<<10)
	details := b.newBlockWriter()
	var (
		e    repodata.PackageEntry
		buf  []byte
		at   int64
		bad  int
		why  error
		same = map[string]string{}
	)
	err = repodata.EachElement(in, repodata.Primary, func(element []byte) error {
		b.progress()
		if err := repodata.ParsePackage(element, &e); err != nil {
			bad++
			why = err
			return nil
		}
		if len(list) == maxPackages {
			return fmt.Errorf("more than %d packages", maxPackages)
		}
		l := listed{key: strings.ToLower(e.Name), name: e.Name, evr: e.EVR, arch: intern(same, e.Arch), at: at}
		l.evr.Epoch = intern(same, e.Epoch)
		if n := len(list); n > 0 && list[n-1].name == l.name {
			l.name, l.key = list[n-1].name, list[n-1].key
		}
		if l.details, err = details.add(appendDetails(buf[:0], &e)); err != nil {
			return err
		}
		list = append(list, l)
		buf = appendRow(buf[:0], &e)
		n, err := out.Write(buf)
		at += int64(n)
		if err != nil {
			return &tempError{err}
		}
		return nil
	})
	if err == nil {
		err = details.flush()
	}
	if err == nil {
		if err = out.Flush(); err != nil {
			err = &tempError{err}
		}
	}
	switch {
	case bad == 1:
		b.missing("a package whose entry in primary cannot be understood: %v", why)
	case bad > 1:
		b.missing("%d packages whose entries in primary cannot be understood: %v", bad, why)
	}
	return list, err
}

// intern returns one string for all that are the same, of those that are few.
func intern(same map[string]string, s string) string {
	const most = 1000
	t, ok := same[s]
	if !ok && len(same) < most {
		same[s], t = s, s
	}
	if t == "" {
		return s
	}
	return t
}

// appendRow writes what addRows needs of a package, behind its length.
func appendRow(b []byte, e *repodata.PackageEntry) []byte {
	const room = 4 // for the length
	start := len(b)
	b = append(b, make([]byte, room)...)
	for _, s := range []string{
		e.Name, e.Epoch, e.Version, e.Release, e.Arch, e.Summary, e.SourceRPM, e.License, e.Location, e.Base, e.Checksum.Type, e.Checksum.Hex,
	} {
		b = appendString(b, s)
	}
	for _, n := range []int64{e.Size, e.Installed, e.BuildTime, e.FileTime} {
		b = binary.AppendVarint(b, n)
	}
	b = appendString(b, e.Description)
	b = binary.AppendUvarint(b, uint64(len(e.Provides)))
	for _, d := range e.Provides {
		b = appendString(b, d.Name)
	}
	b = binary.AppendUvarint(b, uint64(len(e.Files)))
	for _, f := range e.Files {
		b = appendString(b, f)
	}
	binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start-room)) //nolint:gosec // an entry is shorter
	return b
}

// packageRow is what appendRow has written.
type packageRow struct {
	Package
	description     string
	provides, files []string
}

func readRow(f *os.File, at int64, buf *[]byte, p *packageRow) error {
	var room [4]byte
	if _, err := f.ReadAt(room[:], at); err != nil {
		return &tempError{err}
	}
	n := int(binary.LittleEndian.Uint32(room[:]))
	*buf = slices.Grow((*buf)[:0], n)[:n]
	if _, err := f.ReadAt(*buf, at+int64(len(room))); err != nil {
		return &tempError{err}
	}
	r := fields{rest: *buf}
	*p = packageRow{provides: p.provides[:0], files: p.files[:0]}
	for _, s := range []*string{
		&p.Name, &p.Epoch, &p.Version, &p.Release, &p.Arch, &p.Summary, &p.SourceRPM, &p.License, &p.Location, &p.Base, &p.Checksum.Type, &p.Checksum.Hex,
	} {
		*s = r.text()
	}
	p.Size, p.Installed = r.int(), r.int()
	p.Built, p.FileTime = time.Unix(r.int(), 0), time.Unix(r.int(), 0)
	p.description = r.text()
	for n := r.uint(); n > 0 && !r.bad; n-- {
		p.provides = append(p.provides, r.text())
	}
	for n := r.uint(); n > 0 && !r.bad; n-- {
		p.files = append(p.files, r.text())
	}
	return r.err("a row")
}

// addRows gives packages their ids, and adds what is found by them.
func (b *builder) addRows(ctx context.Context, list []listed, rows *os.File) error {
	w, err := b.newRowWriter(len(list))
	if err != nil {
		return err
	}
	defer w.words.close()
	var (
		buf []byte
		p   packageRow
	)
	for i := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := readRow(rows, list[i].at, &buf, &p); err != nil {
			return err
		}
		p.ID = int64(i + 1)
		p.Added = b.arrivals.of(p.NEVRA)
		if err := w.add(&list[i], &p); err != nil {
			return err
		}
	}
	return w.finish()
}

// rowWriter writes packages in the order of their ids.
type rowWriter struct {
	b            *builder
	pkg, name    *row
	columns      columnWriter
	words        *wordWriter
	newest       map[string]bool // archs of the name so far
	current      listed          // the package before
	first, names int64
	hash         []byte
}

func (b *builder) newRowWriter(n int) (w *rowWriter, err error) {
	w = &rowWriter{b: b, newest: map[string]bool{}}
	b.packages = packageIndex{
		names: make([]int32, 0, n), byHash: make(map[string]int32, n), places: make([][3]place, 0, n), twin: map[int32]int32{},
	}
	w.columns.init(n)
	if w.pkg, err = b.insert("package", "id", "name", "epoch", "version", "release", "arch", "summary", "sourcerpm", "license", "size", "installed",
		"built", "filetime", "location", "base", "checksumtype", "checksum", "added", "locationhash"); err != nil {
		return nil, err
	}
	if w.name, err = b.insert("name", "id", "name", "first", "count"); err != nil {
		return nil, err
	}
	w.words, err = b.newWordWriter()
	return w, err
}

func (w *rowWriter) add(l *listed, p *packageRow) (err error) {
	b := w.b
	if w.names == 0 || l.name != w.current.name {
		if err := w.endName(p.ID); err != nil {
			return err
		}
		w.names++
		w.first = p.ID
		clear(w.newest)
		w.columns.name(l.key)
		if err := w.words.addName(w.names, p); err != nil {
			return err
		}
	}
	if err := w.words.addPackage(p); err != nil {
		return err
	}
	w.current = *l
	if w.hash, err = hex.AppendDecode(w.hash[:0], []byte(p.Checksum.Hex)); err != nil {
		return err
	}
	b.packages.add(w.hash, int32(w.names), l.details) //nolint:gosec // no more than maxPackages
	w.columns.add(p, w.names, !w.newest[l.arch])
	w.newest[l.arch] = true
	b.info.Packages++
	b.info.Bytes += p.Size

	r := w.pkg
	r.integer(p.ID)
	for _, s := range []string{p.Name, p.Epoch, p.Version, p.Release, p.Arch, p.Summary, p.SourceRPM, p.License} {
		r.text(s)
	}
	r.integer(p.Size)
	r.integer(p.Installed)
	r.integer(p.Built.Unix())
	r.integer(p.FileTime.Unix())
	r.text(p.Location)
	r.text(p.Base)
	r.text(p.Checksum.Type)
	r.bytes(w.hash)
	r.time(p.Added)
	r.integer(hashOf(p.Location))
	return r.add()
}

// hashOf is what a location is found by.
func hashOf(location string) int64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, location) // never fails
	return int64(h.Sum64())            //nolint:gosec // any bits will do
}

// endName adds the name of the packages before next.
func (w *rowWriter) endName(next int64) error {
	if w.names == 0 {
		return nil
	}
	w.name.integer(w.names)
	w.name.text(w.current.name)
	w.name.integer(w.first)
	w.name.integer(next - w.first)
	return w.name.add()
}

func (w *rowWriter) finish() error {
	b := w.b
	if err := w.endName(int64(b.info.Packages) + 1); err != nil {
		return err
	}
	b.info.Names = int(w.names)
	if err := w.columns.write(b); err != nil {
		return err
	}
	return w.words.finish(b)
}

func (x *packageIndex) add(hash []byte, name int32, details place) {
	at := int32(len(x.places)) //nolint:gosec // no more than maxPackages
	x.places = append(x.places, [3]place{details, nowhere, nowhere})
	x.names = append(x.names, name)
	if before, ok := x.byHash[string(hash)]; ok {
		x.twin[at] = before
	}
	x.byHash[string(hash)] = at
}

// find returns the ids, less 1, of the packages with a pkgid.
func (x *packageIndex) find(pkgid string) (at int32, ok bool) {
	hash, err := hex.DecodeString(pkgid)
	if err != nil {
		return 0, false
	}
	at, ok = x.byHash[string(hash)]
	return at, ok
}

// set sets a place of all packages that have the checksum of one.
func (x *packageIndex) set(at int32, what int, p place) {
	for ok := true; ok; at, ok = x.twin[at] {
		x.places[at][what] = p
	}
}

// lost tells that no package has a place of a kind.
func (x *packageIndex) lost(what int) {
	for i := range x.places {
		x.places[i][what] = nowhere
	}
}

// addPlaces writes where details, files and changes are.
func (b *builder) addPlaces() error {
	r, err := b.insert("place", "id", "details", "files", "changes")
	if err != nil {
		return err
	}
	for i, p := range b.packages.places {
		r.integer(int64(i + 1))
		for _, at := range p {
			r.integer(int64(at))
		}
		if err := r.add(); err != nil {
			return err
		}
	}
	return nil
}

// addFiles reads filelists.
func (b *builder) addFiles(ctx context.Context) error {
	paths := b.newPathSorter()
	defer paths.sorter.close()
	var entry repodata.FilesEntry
	var record, before []byte
	err := b.addList(ctx, repodata.Filelists, placeFiles, func(at int32, element []byte) ([]byte, error) {
		record, before = record[:0], before[:0]
		err := entry.Each(element, func(path []byte, t rpmpkg.FileType) error {
			record = appendFile(record, before, path, t)
			before = append(before[:0], path...)
			return paths.add(path, at+1)
		})
		if err == nil {
			err = paths.end(at + 1)
		}
		return record, err
	})
	if err != nil {
		return err
	}
	return paths.finish()
}

// addChangelogs reads other.
func (b *builder) addChangelogs(ctx context.Context) error {
	var record []byte
	return b.addList(ctx, repodata.Other, placeChanges, func(_ int32, element []byte) ([]byte, error) {
		record = record[:0]
		err := repodata.EachChange(element, func(c rpmpkg.ChangelogEntry) error {
			record = appendChange(record, c)
			return nil
		})
		return record, err
	})
}

// addList reads a list, and writes the records that f makes of the entries of those
// packages that primary has; at is the package's id, less 1.
func (b *builder) addList(ctx context.Context, k repodata.Kind, what int, f func(at int32, element []byte) (record []byte, err error)) (err error) {
	in, err := b.src.open(ctx, k.String())
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	defer func() {
		if err != nil {
			b.packages.lost(what)
		}
	}()
	out := b.newBlockWriter()
	err = repodata.EachElement(in, k, func(element []byte) error {
		b.progress()
		id, err := repodata.PackageID(element)
		if err != nil {
			return err
		}
		at, ok := b.packages.find(id)
		if !ok {
			return nil
		}
		record, err := f(at, element)
		if err != nil || len(record) == 0 {
			return err
		}
		p, err := out.add(record)
		b.packages.set(at, what, p)
		return err
	})
	return errors.Join(err, out.flush())
}
