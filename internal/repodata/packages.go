package repodata

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"gorepo/internal/blockgzip"
	"gorepo/internal/rpmpkg"
)

// freshEntry is what reading a package gave; ok is false for a bad one.
type freshEntry struct {
	*sharedEntry
	ok    bool
	heavy *heavyEntry // in place of an entry that takes too much memory
}

// sharedEntry is an entry whose memory is used again when the writers of all
// kinds have taken their parts.
type sharedEntry struct {
	Entry
	users atomic.Int32
}

var sharedEntries = sync.Pool{New: func() any { return new(sharedEntry) }}

// maxShared is the size of a part, in bytes, up to which its memory is used again.
const maxShared = 256 << 10

func newSharedEntry(users int) *sharedEntry {
	e := sharedEntries.Get().(*sharedEntry)
	e.users.Store(int32(users)) //nolint:gosec // four at the most
	return e
}

// taken tells that one of the writers needs the entry no more.
func (e *sharedEntry) taken() {
	if e == nil || e.users.Add(-1) > 0 || max(cap(e.Primary), cap(e.Filelists), cap(e.Other), cap(e.FilelistsExt)) > maxShared {
		return
	}
	sharedEntries.Put(e)
}

// window is how many packages that were read may wait for their turn, a
// worker: enough to keep everybody busy behind one large package.
const window = 16

// packages writes primary, filelists and other: one goroutine a file, which
// takes the entries in their order, and workers that read packages ahead of
// them.
func (g *generation) packages(ctx context.Context, tasks []*task) (Result, error) {
	kinds := g.o.kinds()
	grp, gctx := errgroup.WithContext(ctx)
	slots := make(chan struct{}, window*g.o.Workers)
	// Channels are used again: when there is a slot for a package, all kinds have
	// taken the one that was read so many packages before.
	channels := make([][]chan freshEntry, min(cap(slots), len(tasks)))
	for i := range channels {
		for range kinds {
			channels[i] = append(channels[i], make(chan freshEntry, 1))
		}
	}
	var read []*task
	for _, t := range tasks {
		if t.old == nil {
			t.fresh = channels[len(read)%len(channels)]
			read = append(read, t)
		}
	}
	grp.Go(func() error { return g.readAll(gctx, read, slots) })

	files := make([]*metaFile, len(kinds))
	listed := make([][]string, len(kinds))
	taken := make([]atomic.Int32, len(tasks))
	for _, k := range kinds {
		grp.Go(func() (err error) {
			release := func(i int) {
				if taken[i].Add(1) == int32(len(kinds)) {
					<-slots
				}
			}
			files[k], listed[k], err = g.writeKind(gctx, k, tasks, release)
			return err
		})
	}
	if err := grp.Wait(); err != nil {
		return Result{}, err
	}
	r := Result{Locations: listed[Primary], Read: len(read), Reused: len(tasks) - len(read)}
	for _, k := range kinds {
		if !slices.Equal(listed[k], listed[Primary]) {
			return r, fmt.Errorf("%s and primary list different packages", k)
		}
		f := files[k]
		if len(r.Locations) != len(tasks) {
			var err error
			if f, err = g.recount(f, k, len(tasks), len(r.Locations)); err != nil {
				return r, err
			}
		}
		rec, err := g.publishAs(f)
		if err != nil {
			return r, err
		}
		g.records = append(g.records, rec)
	}
	return r, nil
}

// readAll reads packages in their order, never further ahead than there are
// slots.
func (g *generation) readAll(ctx context.Context, tasks []*task, slots chan<- struct{}) error {
	workers, wctx := errgroup.WithContext(ctx)
	next := make(chan *task)
	for range min(g.o.Workers, len(tasks)) {
		workers.Go(func() error {
			for t := range next {
				if err := g.readTask(wctx, t); err != nil {
					return err
				}
			}
			return nil
		})
	}
	workers.Go(func() error {
		defer close(next)
		for _, t := range tasks {
			select {
			case slots <- struct{}{}:
			case <-wctx.Done():
				return wctx.Err()
			}
			select {
			case next <- t:
			case <-wctx.Done():
				return wctx.Err()
			}
		}
		return nil
	})
	return workers.Wait()
}

// readTask reads one package, for the writers of all kinds.
func (g *generation) readTask(ctx context.Context, t *task) error {
	e, err := g.readPackage(ctx, t)
	if err != nil {
		if isSystemic(err) {
			return fmt.Errorf("%s: %w", t.location, err)
		}
		g.o.OnBad(t.location, err)
	}
	for _, fresh := range t.fresh {
		fresh <- e
	}
	return nil
}

func (g *generation) readPackage(ctx context.Context, t *task) (freshEntry, error) {
	location := t.location
	pkg, err := g.o.Checksums.ReadPath(ctx, filepath.Join(g.o.Dir, filepath.FromSlash(location)), g.o.Checksum)
	if err != nil {
		return freshEntry{}, plainPathError(err)
	}
	defer pkg.Recycle()
	t.identity, t.pkgid = identity{pkg.NEVRA, pkg.BuildTime}, pkg.Checksum.Hex
	t.size, t.mtime = pkg.Size, pkg.ModTime
	for _, d := range pkg.DroppedDependencies {
		g.o.OnWarning(location, fmt.Sprintf("dependency %q was left out: its epoch is not a number", d))
	}
	g.o.OnPackage(location)
	if g.weight(pkg) > heavy {
		e, err := g.newHeavyEntry(pkg, location)
		return freshEntry{ok: err == nil, heavy: e}, err
	}
	e := newSharedEntry(len(g.o.kinds()))
	if e.Describe(pkg, g.entryOptions(location), g.o.kinds()...) {
		g.warnDropped(location)
	}
	return freshEntry{sharedEntry: e, ok: true}, nil
}

// weight is about how many bytes a package's entries take.
func (g *generation) weight(p *rpmpkg.File) int64 {
	if g.o.FilelistsExt {
		const digest = 80 // a path is in it once more
		return 2*p.Weight() + digest*int64(p.FileCount())
	}
	return p.Weight()
}

func (g *generation) entryOptions(location string) EntryOptions {
	return EntryOptions{Location: g.o.Href(location), Base: g.o.base(location), ChangelogLimit: g.o.ChangelogLimit}
}

func (g *generation) warnDropped(location string) {
	g.o.OnWarning(location, "control characters, which XML cannot hold, were left out of its metadata")
}

// writeFresh writes one part of an entry that was read from its package.
func writeFresh(out io.Writer, k Kind, e freshEntry) error {
	if e.heavy != nil {
		return e.heavy.writeTo(out, k)
	}
	_, err := out.Write(*k.of(&e.Entry))
	e.taken()
	return err
}

// plainPathError leaves the path out of an error: the message names the
// location already.
func plainPathError(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Op, p.Err)
	}
	return err
}

// writeKind writes one file, and returns which locations it lists.
func (g *generation) writeKind(ctx context.Context, k Kind, tasks []*task, release func(i int)) (_ *metaFile, listed []string, err error) {
	f, err := g.createCompressed(k.String(), k.String()+".xml", g.o.Compression)
	if err != nil {
		return nil, nil, err
	}
	streams := g.streams(ctx, k, tasks)
	defer func() {
		// In this order: to the end, blocks may be taken from the old files.
		err = f.end(err)
		for _, s := range streams.open {
			err = errors.Join(err, s.close())
		}
	}()
	if _, err := fmt.Fprintf(f, "%s%d\">\n", k.header(), len(tasks)); err != nil {
		return nil, nil, err
	}
	for i, t := range tasks {
		if t.old != nil {
			err = streams.copy(f, t)
		} else {
			var e freshEntry
			select {
			case e = <-t.fresh[k]:
			case <-ctx.Done():
				return nil, nil, ctx.Err()
			}
			release(i)
			if !e.ok {
				continue
			}
			err = writeFresh(f, k, e)
		}
		if err != nil {
			return nil, nil, err
		}
		f.endEntry(t.nevra.Name)
		listed = append(listed, t.location)
	}
	for _, s := range streams.open {
		if err := s.finish(); err != nil {
			return nil, nil, err
		}
	}
	_, err = io.WriteString(f, k.footer())
	return f, listed, err
}

// streams are the old files of one kind that entries are taken from.
type streams struct {
	ctx    context.Context //nolint:containedctx // lives as long as one file is written
	kind   Kind
	wanted map[*OldMetadata]map[string]int
	open   map[*OldMetadata]*entryStream
	spool  func() (*os.File, error)
}

func (g *generation) streams(ctx context.Context, k Kind, tasks []*task) *streams {
	s := &streams{
		ctx: ctx, kind: k, wanted: map[*OldMetadata]map[string]int{}, open: map[*OldMetadata]*entryStream{}, spool: g.unnamedFile,
	}
	for _, t := range tasks {
		if t.old == nil {
			continue
		}
		if s.wanted[t.old] == nil {
			s.wanted[t.old] = map[string]int{}
		}
		s.wanted[t.old][t.key(k)]++
	}
	return s
}

// copy writes the old entry of a task, as bytes.
func (s *streams) copy(out *metaFile, t *task) error {
	stream := s.open[t.old]
	if stream == nil {
		var err error
		if stream, err = openStream(s.ctx, s.kind, t.old, s.wanted[t.old], s.spool); err != nil {
			return err
		}
		s.open[t.old] = stream
		out.reuse(stream.file)
	}
	element, err := stream.get(t.key(s.kind))
	if err != nil {
		return err
	}
	return out.writeElement(element)
}

// recount writes a file again whose first line announces more packages than
// came to be listed.
func (g *generation) recount(f *metaFile, k Kind, announced, listed int) (_ *metaFile, err error) {
	old := path.Base(f.tmp)
	in, err := os.Open(g.out.Path(old))
	if err != nil {
		return nil, err
	}
	defer in.Close() //nolint:errcheck // only read
	again, err := g.createCompressed(k.String(), "recounted-"+k.String()+".xml", g.o.Compression)
	if err != nil {
		return nil, err
	}
	was, now := fmt.Sprintf("%s%d", k.header(), announced), fmt.Sprintf("%s%d", k.header(), listed)
	if err := again.end(again.copyBehind(in, f.openSize, was, now)); err != nil {
		return nil, err
	}
	again.name = f.name
	return again, g.out.Remove(old)
}

// copyBehind writes now and what the file in has behind was, size bytes with it.
// Blocks stay as they are, but for the first.
func (f *metaFile) copyBehind(in *os.File, size int64, was, now string) error {
	fi, err := in.Stat()
	if err != nil {
		return err
	}
	var content io.ReadCloser
	if x, ok := blockgzip.ReadIndex(in, fi.Size()); ok && f.blocks != nil {
		old := blockgzip.NewOld(in)
		f.blocks.Reuse(old)
		content = blockgzip.NewReader(in, x, runtime.GOMAXPROCS(0), old)
	} else if content, err = Decompress(in, size); err != nil {
		return err
	}
	defer content.Close() //nolint:errcheck // only read
	if _, err := io.CopyN(io.Discard, content, int64(len(was))); err != nil {
		return err
	}
	if _, err := io.WriteString(f, now); err != nil {
		return err
	}
	if blocks, ok := content.(*blockgzip.Reader); ok {
		return blocks.CopyBlocks(f, f.blocks.Cut)
	}
	_, err = io.Copy(f, content)
	return err
}
