package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"gorepo/internal/mirror"
)

// ShelfOptions say what a Shelf has.
type ShelfOptions struct {
	Options
	// IDs are the repositories that there are catalogs of; nil: all directories of
	// ROOT that have metadata.
	IDs func() []string
	// Logger is told of builds, and of what went wrong.
	Logger *slog.Logger
}

const (
	// lookEvery is how often published metadata is looked at.
	lookEvery = time.Second
	// idleAfter is when the connections of a catalog that nobody uses are closed.
	idleAfter = 30 * time.Second
	// A build that failed is tried again after retryFirst, and then after twice as
	// long each time, up to retryMost, or as soon as something else is published.
	retryFirst = time.Minute
	retryMost  = time.Hour
)

// A Shelf has the catalogs of a mirror's repositories at hand, and makes new ones
// when something is published: in the background, one at a time. Its methods may
// be called from many goroutines.
type Shelf struct {
	o    ShelfOptions
	poke chan struct{} // asks Run for a look now

	unreadable bool     // ROOT, at the last look; for Run alone
	unsaid     failures // for work alone

	mu      sync.Mutex
	changed chan struct{} // closed, and made anew, when a status changes
	repos   map[string]*shelved
	retired map[*handle]bool // that are still used
	started bool             // there was a first look
}

// shelved is a repository on the shelf.
type shelved struct {
	home
	looked     bool        // what follows is known
	seen       fs.FileInfo // repomd.xml when it was looked at last
	generation string      // what is published, "" if nothing is
	published  time.Time
	handle     *handle // nil: there is none
	wanted     bool    // somebody waits for it

	building time.Time // since when; zero: it is not
	progress float64
	failed   error
	failures int       // one after the other
	retry    time.Time // not before that

	builds, failedBuilds uint64 // all that ended
}

// handle is an open catalog.
type handle struct {
	*Catalog
	users    int
	replaced bool // its file is to be removed
	verified bool
	used     time.Time
}

// Status says what a catalog is worth.
type Status struct {
	// Published says that the repository has metadata.
	Published bool
	// Current says that the catalog is of what is published, Outdated that it is of
	// an earlier generation. If it is neither there is none.
	Current, Outdated bool
	// Building is since when the catalog of what is published is being made, and
	// Progress how much of it is done, from 0 to 1. It is zero while it is not.
	Building time.Time
	Progress float64
	// Failed says why it could not be made, without where the mirror lies; "" if
	// nothing is wrong. Unwritable says that the place of indexes is the reason;
	// otherwise clients may have the same trouble with the metadata.
	Failed     string
	Unwritable bool
}

// Stats is what there is to monitor of a catalog.
type Stats struct {
	// Published says that the repository has metadata, Current that the catalog is of
	// it.
	Published, Current bool
	// Generation is the time of the repomd.xml that the catalog at hand is of, zero if
	// there is none; Bytes is its size, Took how long making it took.
	Generation time.Time
	Bytes      int64
	Took       time.Duration
	// Builds counts those that this shelf has tried to make, Failures those that it
	// could not.
	Builds, Failures uint64
}

// NewShelf makes a shelf that is empty until Run runs.
func NewShelf(o ShelfOptions) *Shelf {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Shelf{o: o, unsaid: failures{o: o}, poke: make(chan struct{}, 1), changed: make(chan struct{}), repos: map[string]*shelved{}, retired: map[*handle]bool{}}
}

// Run keeps the catalogs up to date until ctx ends, and closes them then.
func (s *Shelf) Run(ctx context.Context) error {
	work := make(chan struct{}, 1)
	var worker sync.WaitGroup
	worker.Go(func() { s.work(ctx, work) })
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		s.look()
		select {
		case work <- struct{}{}:
		default: // it has been told
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-s.poke:
		}
	}
	worker.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, r := range s.repos {
		s.retire(r)
		delete(s.repos, id)
	}
	s.tell()
	return ctx.Err()
}

// Get returns the catalog of a repository, which is nil while there is none, and
// what it is worth. release has to be called when it is not used any more.
func (s *Shelf) Get(id string) (c *Catalog, release func(), st Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repos[id]
	if r == nil {
		return nil, func() {}, Status{}
	}
	st = r.status()
	h := r.handle
	if h == nil {
		return nil, func() {}, st
	}
	h.users++
	var once sync.Once
	return h.Catalog, func() { once.Do(func() { s.release(h) }) }, st
}

// Stats tells of the catalog of a repository, and does not keep it open.
func (s *Shelf) Stats(id string) Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repos[id]
	if r == nil {
		return Stats{}
	}
	st := Stats{Published: r.generation != "", Builds: r.builds, Failures: r.failedBuilds}
	if h := r.handle; h != nil {
		st.Current = h.info.Generation == r.generation
		st.Generation, st.Bytes, st.Took = h.info.Published, h.size+sealSize, h.info.BuildTime
	}
	return st
}

// IDs are the repositories of which there is a catalog, by name.
func (s *Shelf) IDs() (ids []string) {
	s.mu.Lock()
	for id, r := range s.repos {
		if r.handle != nil {
			ids = append(ids, id)
		}
	}
	s.mu.Unlock()
	slices.Sort(ids)
	return ids
}

func (r *shelved) status() Status {
	st := Status{Published: r.generation != "", Building: r.building, Progress: r.progress}
	if h := r.handle; h != nil {
		st.Current = h.info.Generation == r.generation
		st.Outdated = !st.Current
	}
	if r.failed != nil && !st.Current {
		st.Failed, st.Unwritable = r.hide(r.failed.Error()), isFull(r.failed) || IsUnwritable(r.failed)
	}
	return st
}

// Wait waits until there is a catalog of a repository, of any generation, or it is
// known that there will be none soon; but no longer than most.
func (s *Shelf) Wait(ctx context.Context, id string, most time.Duration) {
	timeout := time.NewTimer(most)
	defer timeout.Stop()
	for asked := false; ; asked = true {
		s.mu.Lock()
		r, changed := s.repos[id], s.changed
		done := r != nil && (r.handle != nil || r.failed != nil || r.looked && r.generation == "") || r == nil && s.started && asked
		if r != nil {
			r.wanted = true
		}
		s.mu.Unlock()
		if done {
			return
		}
		if !asked {
			select {
			case s.poke <- struct{}{}:
			default: // it has been asked
			}
		}
		select {
		case <-changed:
		case <-timeout.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// tell wakes those that wait. The caller has the lock.
func (s *Shelf) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Shelf) release(h *handle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.users--
	h.used = time.Now()
	if h.users == 0 && s.retired[h] {
		delete(s.retired, h)
		s.end(h)
	}
}

// retire takes the catalog of a repository away; it is closed when nobody uses it
// any more. The caller has the lock.
func (s *Shelf) retire(r *shelved) {
	if h := r.handle; h != nil {
		r.handle = nil
		if h.users > 0 {
			s.retired[h] = true
			return
		}
		s.end(h)
	}
}

func (s *Shelf) end(h *handle) {
	if err := h.Close(); err != nil {
		s.o.Logger.Warn("an index cannot be closed", "file", h.path, "error", err)
	}
	if h.replaced {
		_ = remove(h.path) // where that cannot be, it stays
	}
}

// ids are the repositories that should be on the shelf. It is false where that cannot
// be found out.
func (s *Shelf) ids() ([]string, bool) {
	if s.o.IDs != nil {
		return s.o.IDs(), true
	}
	ids, err := Published(s.o.Root)
	if err != nil && !s.unreadable {
		s.o.Logger.Warn("what is published cannot be found out: indexes stay as they are", "error", err)
	}
	s.unreadable = err != nil
	return ids, err == nil
}

// look finds what has changed.
func (s *Shelf) look() {
	ids, ok := s.ids()
	if !ok {
		return // for want of descriptors, say: what is open stays
	}
	s.mu.Lock()
	gone := !s.started
	for id, r := range s.repos {
		if !slices.Contains(ids, id) {
			s.retire(r)
			delete(s.repos, id)
			gone = true
		}
	}
	var list []*shelved
	for _, id := range ids {
		r := s.repos[id]
		if r == nil {
			r = &shelved{home: home{s.o.Root, s.o.CacheDir, id}}
			s.repos[id] = r
		}
		list = append(list, r)
	}
	s.mu.Unlock()
	// A ROOT that has nothing may be one that is not mounted.
	if gone && (len(ids) > 0 || isDir(filepath.Join(s.o.Root, mirror.StateDir))) {
		_ = s.o.clearGone() // where that cannot be, it stays
	}
	for _, r := range list {
		s.lookAt(r)
	}
	s.mu.Lock()
	for _, r := range list {
		r.looked = true
	}
	s.started = true
	s.tell()
	s.mu.Unlock()
}

// lookAt looks at what a repository has published, and at its catalog. Nothing else
// changes what it writes, but for a build that ends.
func (s *Shelf) lookAt(r *shelved) {
	fi, err := os.Stat(filepath.Join(r.repodata(), repomdFile))
	s.mu.Lock()
	h := r.handle
	s.mu.Unlock()
	removed := h != nil && isGone(h.path)
	s.mu.Lock()
	same := err == nil && r.seen != nil && sameFile(fi, r.seen)
	if r.handle != h {
		h = nil // another one meanwhile
	}
	if h != nil && h.users == 0 && time.Since(h.used) > idleAfter {
		_ = h.rest() // they only read
	}
	switch {
	case h == nil:
	case h.damaged.Load():
		s.o.Logger.Warn("its index is damaged, and made again", "repo", r.id, "file", h.path)
		s.discard(r)
		same = false
	case removed:
		s.o.Logger.Info("its index was removed", "repo", r.id, "file", h.path)
		s.retire(r)
		same = false
	}
	made := same && r.failed != nil && r.has(r.generation) // by another process
	s.mu.Unlock()
	if made {
		s.openNewest(r)
	}
	if same {
		return
	}
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		r.seen, r.generation = nil, ""
		s.retire(r)
		return
	}
	generation, err := hashRepomd(r.repodata())
	if err != nil {
		return // it is just being replaced
	}
	s.mu.Lock()
	r.seen, r.published = fi, fi.ModTime()
	if r.generation != generation {
		r.generation, r.failed, r.failures, r.retry = generation, nil, 0, time.Time{}
	}
	s.mu.Unlock()
	s.openNewest(r)
}

func isGone(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

func sameFile(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// discard takes away a catalog that is damaged. The caller has the lock.
func (s *Shelf) discard(r *shelved) {
	_ = remove(r.handle.path) // where that cannot be, another one is made elsewhere
	s.retire(r)
}

// openNewest opens the best catalog that there is, if it is better than the one that
// is open.
func (s *Shelf) openNewest(r *shelved) {
	s.mu.Lock()
	generation, open := r.generation, r.handle
	s.mu.Unlock()
	if open != nil && open.info.Generation == generation {
		return
	}
	current, earlier := r.find(generation)
	for _, path := range []string{current, earlier} {
		if path == "" || open != nil && path != current {
			continue
		}
		c, err := Open(path)
		if err != nil {
			s.o.Logger.Info("an index of it is of no use", "repo", r.id, "error", err)
			if isDamage(err) { // and not for want of descriptors
				_ = remove(path) // where that cannot be, it is passed over
			}
			continue
		}
		s.put(r, &handle{Catalog: c, used: time.Now()})
		return
	}
}

// put puts an open catalog in the place of another.
func (s *Shelf) put(r *shelved, h *handle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.repos[r.id] != r { // it went while the catalog was made
		s.end(h)
		return
	}
	s.retire(r)
	r.handle = h
	s.tell()
}

// work makes catalogs, one after the other, until ctx ends.
func (s *Shelf) work(ctx context.Context, told <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-told:
		}
		for ctx.Err() == nil {
			r, verify := s.next()
			if r == nil || verify != nil || s.unsaid.due() {
				s.unsaid.say(ctx)
			}
			if r == nil {
				break
			}
			if verify != nil {
				s.verify(ctx, r, verify)
			} else {
				s.build(ctx, r)
			}
		}
	}
}

// next chooses what to do: first catalogs that somebody waits for, then those of
// what was published last; and when there are all, those are verified that were found.
func (s *Shelf) next() (r *shelved, verify *handle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.repos {
		current := c.handle != nil && c.handle.info.Generation == c.generation
		if c.generation == "" || current || time.Now().Before(c.retry) {
			continue
		}
		if r == nil || c.wanted != r.wanted && c.wanted || c.wanted == r.wanted && c.published.After(r.published) {
			r = c
		}
	}
	if r != nil {
		r.building, r.progress = time.Now(), 0
		return r, nil
	}
	for _, c := range s.repos {
		if c.handle != nil && !c.handle.verified {
			c.handle.users++
			return c, c.handle
		}
	}
	return nil, nil
}

func (s *Shelf) verify(ctx context.Context, r *shelved, h *handle) {
	err := Verify(ctx, h.path)
	s.mu.Lock()
	h.verified = true
	if isDamage(err) || errors.Is(err, io.EOF) { // and not for want of descriptors
		h.damaged.Store(true)
	}
	s.mu.Unlock()
	s.release(h)
	if h.damaged.Load() {
		s.lookAt(r)
	}
}

// build makes the catalog of a repository.
func (s *Shelf) build(ctx context.Context, r *shelved) {
	start := time.Now()
	s.openNewest(r) // another process may have made it
	if s.isCurrent(r) {
		return
	}
	path, err := s.makeQuietly(ctx, r)
	var c *Catalog
	if err == nil {
		c, err = Open(path)
	}
	s.mu.Lock()
	r.building, r.wanted = time.Time{}, false
	switch {
	case errors.Is(err, errBusy):
		r.retry = time.Now().Add(lookEvery)
	case err != nil && ctx.Err() == nil:
		if r.failed == nil || r.failed.Error() != err.Error() { // else it was said
			s.unsaid.add(r.id, err)
		}
		r.failed = err
		r.retry = time.Now().Add(min(retryFirst<<min(r.failures, 10), retryMost))
		r.failures++
		r.builds++
		r.failedBuilds++
	}
	s.tell()
	s.mu.Unlock()
	if err != nil {
		return
	}
	s.unsaid.made()
	s.o.Logger.Info("its index is made", "repo", r.id, "packages", c.info.Packages, "bytes", c.size, "seconds", time.Since(start).Seconds(), "missing", c.info.Missing)
	s.put(r, &handle{Catalog: c, verified: true, used: time.Now()})
	s.mu.Lock()
	r.failed, r.failures = nil, 0
	r.builds++
	s.mu.Unlock()
	if err := s.clear(path); err != nil {
		s.o.Logger.Warn("indexes of earlier generations cannot be removed", "repo", r.id, "error", err)
	}
}

// isCurrent ends a build where there is nothing left to do.
func (s *Shelf) isCurrent(r *shelved) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.handle == nil || r.handle.info.Generation != r.generation {
		return false
	}
	r.building, r.wanted = time.Time{}, false
	s.tell()
	return true
}

// clear removes what a new catalog has replaced; what is still read from, when it is
// not any more.
func (s *Shelf) clear(path string) error {
	keep := []string{path}
	s.mu.Lock()
	for h := range s.retired {
		// The file at path is the new one, whatever was there before.
		if h.path != path && filepath.Dir(h.path) == filepath.Dir(path) {
			h.replaced = true
			keep = append(keep, h.path)
		}
	}
	s.mu.Unlock()
	return clearDir(filepath.Dir(path), keep, 0)
}

// makeQuietly makes a catalog in a thread that gives way to those that serve.
func (s *Shelf) makeQuietly(ctx context.Context, r *shelved) (path string, err error) {
	const percent = 50 // of what is in use: a build leaves much behind
	before := debug.SetGCPercent(percent)
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Nothing that a damaged file leads to may end the server.
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("making the catalog: %v", p)
			}
		}()
		nice()
		path, err = r.make(ctx, false, func(done float64) {
			s.mu.Lock()
			r.progress = done
			s.mu.Unlock()
		})
	}()
	<-done
	debug.SetGCPercent(before)
	debug.FreeOSMemory() // it is not needed again soon
	return path, err
}
