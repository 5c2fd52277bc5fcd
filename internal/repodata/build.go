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
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"gorepo/internal/blockgzip"
	"gorepo/internal/rpmpkg"
)

// Options say what Build makes. Dir is required; of the rest the zero value
// gives createrepo_c's defaults, but for ChangelogLimit.
type Options struct {
	Dir string // where the packages are
	// Volumes are directories in place of Dir: the packages are a media set.
	Volumes []string
	// Excludes are globs on file names and on locations: * and ? match any
	// character, slashes too.
	Excludes []string
	// Listed are the locations of the packages, for which the directory is then
	// not searched; nil searches it.
	Listed []string
	// SkipLinks passes over packages that are symbolic links, unless Listed.
	SkipLinks bool
	// Base is written to every location as its xml:base; "": none.
	Base string
	// CutDirs is how many leading directories are cut from locations as they are
	// written. LocationPrefix is then put before them, with a slash.
	CutDirs        int
	LocationPrefix string
	// LeaveOut says that a location is not listed, whatever is there.
	LeaveOut func(location string) bool
	// Workers is how many packages are read at a time; 0 is one a CPU.
	Workers int
	// Checksum is the type of pkgids and of the checksums in repomd.xml; "" is
	// sha256.
	Checksum string
	// RepomdChecksum is the type of those in repomd.xml, if it is another one.
	RepomdChecksum string
	// ChangelogLimit is how many changelog entries of a package are listed, the
	// newest; -1 is all of them.
	ChangelogLimit int
	// Revision is that of repomd.xml; "" is the time in Unix seconds.
	Revision string
	// TrustNames uses an old entry again whatever its size and time, as long as it
	// has the location.
	TrustNames bool
	// KeepLast lists, of packages with one name, version and architecture, only
	// the one that was built last; else all are listed, and WarnDuplicates warns.
	KeepLast, WarnDuplicates bool
	// Tags are those of repomd.xml.
	Tags Tags
	// TimestampFromRevision gives every file and record the time that Revision
	// is, in Unix seconds.
	TimestampFromRevision bool
	// SimpleNames leaves the checksums out of file names.
	SimpleNames bool
	// Compression is that of primary, filelists and other, ExtraCompression that
	// of the extras that are repacked.
	Compression, ExtraCompression Compression
	// FilelistsExt makes filelists-ext too.
	FilelistsExt bool
	// PlainGroups leaves comps uncompressed, whatever ExtraCompression is.
	PlainGroups bool
	// Zchunk makes a zchunk copy of every file besides. ZchunkDictDir is the
	// directory with the dictionaries for them, NAME.zdict for a file NAME
	// ("primary.xml"); "": there are none.
	Zchunk        bool
	ZchunkDictDir string
	// Databases adds the sqlite databases that yum reads, in DatabaseCompression.
	// LocalDatabases makes them where temporary files are, before they are
	// compressed into place.
	Databases, LocalDatabases bool
	DatabaseCompression       Compression
	// Published is the generation that is replaced, or nil. When it lists the
	// same, nothing is made.
	Published *OldMetadata
	// Old are generations whose entries are used again, in order of preference.
	// Published is not among them unless it stands here too.
	Old []*OldMetadata
	// Checksums remembers those of packages that are read; nil remembers none.
	Checksums *rpmpkg.ChecksumCache
	// Extras are added to the lists of packages.
	Extras []Extra

	// OnBad is told of each package that is left out, and why. OnWarning is told
	// what is odd about one that is not, or about an old generation that cannot
	// be used (location is then ""). OnPackage is called for each package that
	// was read. All are called from many goroutines.
	OnBad     func(location string, err error)
	OnWarning func(location, warning string)
	OnPackage func(location string)
}

func (g Tags) equal(o Tags) bool {
	return slices.Equal(g.Content, o.Content) && slices.Equal(g.Repo, o.Repo) && slices.Equal(g.Distro, o.Distro)
}

func (o *Options) repomdChecksum() string {
	if o.RepomdChecksum != "" {
		return o.RepomdChecksum
	}
	return o.Checksum
}

// Href is what metadata names a location.
func (o *Options) Href(location string) string {
	_, location = o.inVolume(location)
	for range o.CutDirs {
		_, rest, found := strings.Cut(location, "/")
		if !found {
			break
		}
		location = rest
	}
	if o.LocationPrefix == "" || strings.HasSuffix(o.LocationPrefix, "/") {
		return o.LocationPrefix + location
	}
	return o.LocationPrefix + "/" + location
}

func (o *Options) withDefaults() Options {
	d := *o
	if d.Workers <= 0 {
		d.Workers = runtime.GOMAXPROCS(0)
	}
	if d.Checksum == "" {
		d.Checksum = "sha256"
	}
	if strings.HasPrefix(d.Base, "/") {
		d.Base = "file://" + d.Base
	}
	if d.OnBad == nil {
		d.OnBad = func(string, error) {}
	}
	if d.OnWarning == nil {
		d.OnWarning = func(string, string) {}
	}
	if d.OnPackage == nil {
		d.OnPackage = func(string) {}
	}
	return d
}

// Result says what Build did.
type Result struct {
	// Repomd is the new generation's, or the published one's if Unchanged.
	Repomd    *Repomd
	Locations []string // of the packages that are listed, in their order
	Reused    int      // entries taken from old generations
	Read      int      // packages read from their files
	Bad       int      // packages left out
	Unchanged bool     // nothing was made: the published generation lists the same
}

// Build makes the metadata of the packages below o.Dir. newOutput is called
// when there is something to write. What it wrote is complete when Build
// returns without an error, and is the caller's to publish.
func Build(ctx context.Context, newOutput func() (Output, error), o Options) (Result, error) {
	o = o.withDefaults()
	now, err := o.time()
	if err != nil {
		return Result{}, err
	}
	bad := badPackages{tell: o.OnBad, seen: map[string]bool{}}
	o.OnBad = bad.add
	if err := o.setVolumes(); err != nil {
		return Result{}, err
	}
	files, err := o.walk(ctx)
	if err != nil {
		return Result{}, err
	}
	var out Output
	for {
		r, err := build(ctx, files, &out, newOutput, now, &o)
		var u *unusable
		if errors.As(err, &u) && ctx.Err() == nil {
			// Without that generation it takes longer, and is right.
			o.OnWarning("", fmt.Sprintf("%v: its entries are not used again", u))
			o.Old = slices.DeleteFunc(slices.Clone(o.Old), func(m *OldMetadata) bool { return m == u.old })
			if err = clearOutput(out); err == nil {
				continue
			}
		}
		r.Bad = len(bad.seen)
		return r, err
	}
}

// badPackages counts the packages that are left out, and tells of each once,
// even where a build starts again.
type badPackages struct {
	tell func(location string, err error)
	mu   sync.Mutex
	seen map[string]bool
}

func (b *badPackages) add(location string, err error) {
	b.mu.Lock()
	first := !b.seen[location]
	b.seen[location] = true
	b.mu.Unlock()
	if first {
		b.tell(location, err)
	}
}

// clearOutput removes what was made so far.
func clearOutput(out Output) error {
	if out == nil {
		return nil
	}
	entries, err := os.ReadDir(out.Path("."))
	for _, e := range entries {
		err = errors.Join(err, out.Remove(e.Name()))
	}
	return err
}

// time is the moment that the new generation bears.
func (o *Options) time() (time.Time, error) {
	if !o.TimestampFromRevision {
		return time.Now(), nil
	}
	n, err := strconv.ParseInt(o.Revision, 10, 64)
	if err != nil || n < 0 {
		return time.Time{}, fmt.Errorf("revision %q is not a time in seconds, as setting timestamps to it needs", o.Revision)
	}
	return time.Unix(n, 0), nil
}

func build(ctx context.Context, files []packageFile, out *Output, newOutput func() (Output, error), now time.Time, o *Options) (Result, error) {
	tasks, err := plan(ctx, files, o)
	if err != nil {
		return Result{}, err
	}
	if o.KeepLast {
		if tasks, err = o.keepLast(ctx, tasks); err != nil {
			return Result{}, err
		}
	}
	if o.unchanged(ctx, tasks) {
		o.warnDuplicates(tasks, locations(tasks))
		return Result{Repomd: o.Published.Repomd, Locations: locations(tasks), Reused: len(tasks), Unchanged: true}, nil
	}
	if *out == nil {
		if *out, err = newOutput(); err != nil {
			return Result{}, err
		}
	}
	g := newGeneration(*out, o, now)
	r, err := g.packages(ctx, tasks)
	if err != nil {
		return r, err
	}
	if err := g.addDatabases(ctx); err != nil {
		return r, err
	}
	o.warnDuplicates(tasks, r.Locations)
	o.warnChanged(tasks)
	for _, e := range o.Extras {
		rec, err := e.write(g)
		switch {
		case err == nil:
			g.records = append(g.records, rec)
		case e.Required || isSystemic(err) || ctx.Err() != nil:
			return r, fmt.Errorf("%s: %w", e.Name, err)
		default:
			o.OnBad(e.Name, plainPathError(err))
		}
	}
	if err := g.zchunkCopies(ctx, len(r.Locations)); err != nil {
		return r, err
	}
	r.Repomd, err = g.finish()
	return r, err
}

// unchanged reports whether the published generation is what would be made.
func (o *Options) unchanged(ctx context.Context, tasks []*task) bool {
	p := o.Published
	if p == nil || !slices.Contains(o.Old, p) || !p.lists(tasks) || !o.Tags.equal(p.Repomd.Tags) || !o.sameTime(p.Repomd) {
		return false
	}
	for _, k := range o.kinds() {
		rec, ok := p.Repomd.Find(k.String())
		if !ok || !sameNaming(rec, o) || suffixOf(rec.Name()) != o.Compression.suffix() {
			return false
		}
	}
	copies, ok := o.zchunkPublished(p)
	databases, hasThem := o.databasesPublished(p.Repomd)
	if !ok || !hasThem || len(p.Repomd.Records) != len(o.kinds())+databases+copies+len(o.Extras) {
		return false
	}
	for _, e := range o.Extras {
		if !e.published(p.Repomd, o) {
			return false
		}
	}
	return p.whole(ctx)
}

// sameTime reports whether a generation has the revision, and the times made of
// it, that the options ask for.
func (o *Options) sameTime(m *Repomd) bool {
	if o.Revision != "" && o.Revision != m.Revision {
		return false
	}
	if !o.TimestampFromRevision {
		return true
	}
	at, err := o.time()
	return err == nil && !slices.ContainsFunc(m.Records, func(rec Record) bool { return rec.Timestamp != at.Unix() })
}

// sameNaming reports whether a record's file is named as the options say, and so
// is the type of its checksum.
func sameNaming(rec Record, o *Options) bool {
	hashed := strings.HasPrefix(rec.Name(), rec.Checksum.Hex+"-")
	return rec.Checksum.Type == o.repomdChecksum() && hashed != o.SimpleNames
}

func locations(tasks []*task) []string {
	list := make([]string, len(tasks))
	for i, t := range tasks {
		list[i] = t.location
	}
	return list
}

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
	t.identity = identity{pkg.NEVRA, pkg.BuildTime}
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
	s := &streams{ctx: ctx, kind: k, wanted: map[*OldMetadata]map[string]int{}, open: map[*OldMetadata]*entryStream{}}
	for _, t := range tasks {
		if t.old == nil {
			continue
		}
		if s.wanted[t.old] == nil {
			s.wanted[t.old] = map[string]int{}
		}
		s.wanted[t.old][t.key(k)]++
	}
	s.spool = func() (*os.File, error) {
		name := fmt.Sprintf("spool-%s-%d", k, len(s.open))
		f, err := g.out.Create(name)
		if err != nil {
			return nil, err
		}
		// It is ours alone, and goes when it is closed.
		return f, g.out.Remove(name)
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
	if err == nil {
		_, err = out.Write(element)
	}
	if err == nil {
		_, err = io.WriteString(out, "\n") // elements are cut without the line break behind them
	}
	return err
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
