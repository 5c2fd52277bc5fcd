package repodata

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

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
	// Compare asks how what is listed differs from what Published does.
	Compare bool
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
	Damaged   bool     // an old generation was of no use, because what it has is wrong
	// Difference is what Options.Compare asks for; nil where Unchanged.
	Difference *Difference
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
	damaged := false
	for {
		r, err := build(ctx, files, &out, newOutput, now, &o)
		var u *unusable
		if errors.As(err, &u) && ctx.Err() == nil {
			// Without that generation it takes longer, and is right.
			damaged = true
			o.OnWarning("", fmt.Sprintf("%v: its entries are not used again", u))
			o.Old = slices.DeleteFunc(slices.Clone(o.Old), func(m *OldMetadata) bool { return m == u.old })
			if err = clearOutput(out); err == nil {
				continue
			}
		}
		r.Bad, r.Damaged = len(bad.seen), damaged
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
	planned := tasks
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
		rec, err := e.writeTrimmed(g, listed(tasks, r.Locations))
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
	if r.Repomd, err = g.finish(); err != nil {
		return r, err
	}
	if o.Compare {
		r.Difference, err = o.difference(ctx, planned, r.Locations)
	}
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
		if !e.published(p.Repomd, o, listed(tasks, locations(tasks))) {
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

// listed are the packages of those tasks that came to be listed; locations are
// theirs, in the same order.
func listed(tasks []*task, locations []string) iter.Seq[rpmpkg.NEVRA] {
	return func(yield func(rpmpkg.NEVRA) bool) {
		for _, t := range tasks {
			if len(locations) == 0 {
				return
			}
			if t.location != locations[0] {
				continue
			}
			locations = locations[1:]
			if !yield(t.nevra) {
				return
			}
		}
	}
}

func locations(tasks []*task) []string {
	list := make([]string, len(tasks))
	for i, t := range tasks {
		list[i] = t.location
	}
	return list
}
