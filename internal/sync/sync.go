package reposync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
	"gorepo/internal/rpmpkg"
)

// run is one sync under way.
type run struct {
	o      Options
	state  mirror.State
	remote map[string]string // locations that upstream spells in another way
	// recheck says that the tree's packages were brought without a signature
	// check, and one is asked for now.
	recheck bool
	// known are the checksums by which the tree's packages were verified, as far
	// as that is remembered; nil says nothing about any.
	known map[string]rpmpkg.Checksum
	// doubted are locations to which an earlier sync may have brought other files
	// than the metadata that is stored names.
	doubted map[string]bool
	// dry is set where nothing may change, and takes the locations whose files
	// prove nothing, in place of the files' mtimes.
	dry     map[string]bool
	leftOut int // packages of upstream that the selection does not want
	// unselected are their locations, where a copy of upstream's metadata names
	// them all the same.
	unselected map[string]bool
	// badEntries are those of primary that were left out.
	badEntries int
	// pending are the checksums of what the metadata names; nil: it is not known.
	pending map[rpmpkg.Checksum]bool
	// treeSums are the checksums of the installation tree's files.
	treeSums map[rpmpkg.Checksum]bool
	// unsure says why more packages may be wanted than are known to be.
	unsure string
	// wanted are the packages of this sync; nil where the inventory told that all
	// are there.
	wanted []rpmpkg.Ref
	all    map[string]bool // what has gave

	mu         sync.Mutex
	result     Result
	distrusted []string // locations in the tree
	// unchecked are locations of the tree whose signatures are to be verified.
	unchecked map[string]bool
	weak      map[string]bool // what Result.Weak lists
	// news are the packages that were fetched, by location, with their sizes.
	news  map[string]int64
	moves moves
}

func (s *run) fail(err error) {
	var distrust *UntrustedError
	s.mu.Lock()
	s.result.Failed++
	if errors.As(err, &distrust) {
		s.result.Untrusted++
	}
	s.mu.Unlock()
	s.o.OnFailure(err)
}

func (s *run) present(refs ...rpmpkg.Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ref := range refs {
		if _, counted := s.news[ref.Location]; !counted {
			s.result.Present++
			s.result.Size += ref.Size
		}
	}
}

// brought counts a package that was fetched; update says that it took the place
// of another file.
func (s *run) brought(ref rpmpkg.Ref, update bool, received int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, again := s.news[ref.Location]
	switch {
	case again: // upstream replaced it while we looked
	case update:
		s.result.Updated++
	default:
		s.result.Added++
	}
	s.news[ref.Location] = ref.Size
	s.result.Size += ref.Size - was
	s.result.Fetched += received
}

func (s *run) distrust(location string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.distrusted = append(s.distrusted, location)
}

// setChecked notes whether the signature of what lies at a location is verified.
func (s *run) setChecked(location string, checked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if checked {
		delete(s.unchecked, location)
	} else {
		s.unchecked[location] = true
	}
}

// Sync brings one repository up to date. The error is about the repository as a
// whole, of which then nothing that clients see has changed; what failed of a
// repository that went on is in the result, and was told to OnFailure.
func Sync(ctx context.Context, o Options) (_ Result, err error) {
	s := newRun(o)
	unlock, err := s.o.Repo.Lock(ctx, s.o.LockTimeout)
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := s.begin(); err != nil {
		return Result{}, err
	}
	err = s.sync(ctx)
	s.cleanPartial()
	saveErr := s.remember(ctx, err)
	if err == nil || !diskTrouble(err) { // else it is the same trouble again
		err = errors.Join(err, saveErr)
	}
	s.result.Weak = s.weakness()
	return s.result, err
}

func newRun(o Options) *run {
	return &run{o: o.withDefaults(), remote: map[string]string{}, weak: map[string]bool{}, news: map[string]int64{}}
}

// begin finds out how the last sync left the repository.
func (s *run) begin() error {
	state, warning := s.o.Repo.State()
	if warning != nil {
		s.o.OnWarning(warning.Error())
	}
	s.state = state
	if state.Bringing {
		s.doubted = mirror.SetOf(state.Brought)
	}
	return s.beginChecks()
}

// beginChecks finds out which signatures an earlier sync has verified. One that
// verifies none says so before it brings anything.
func (s *run) beginChecks() error {
	s.unchecked = map[string]bool{}
	if s.o.CheckPackage == nil {
		was := s.state.Sync.GPGChecked
		s.state.Sync.GPGChecked, s.state.Unchecked = false, nil
		if was && s.dry == nil {
			return s.o.Repo.SaveState(s.state)
		}
		return nil
	}
	s.recheck = !s.state.Sync.GPGChecked
	s.unchecked = mirror.SetOf(s.state.Unchecked)
	return nil
}

// endChecks remembers which packages in the tree are still to be verified: they
// may have the size and mtime of verified ones.
func (s *run) endChecks(failed error) {
	if s.o.CheckPackage == nil || failed != nil && s.recheck {
		return
	}
	s.state.Sync.GPGChecked = true
	s.state.Unchecked = nil
	for location := range s.unchecked {
		if _, there, err := s.o.Repo.Stat(location); err != nil || there {
			s.state.Unchecked = append(s.state.Unchecked, location)
		}
	}
	slices.Sort(s.state.Unchecked)
}

// once is a sync to the metadata that upstream has now, or a *movedError.
func (s *run) once(ctx context.Context) error {
	u, err := s.fetchRepomd(ctx)
	if err != nil {
		return err
	}
	s.moves.u = u
	s.result.Revision, s.result.MetadataUnchanged = u.repomd.Revision, u.unchanged
	if !u.unchanged {
		s.tookMetadata(u)
	}
	records := s.wantedRecords(u.repomd)
	if done, err := s.asBefore(ctx, u, records); done || err != nil {
		return err
	}
	if stored := s.stored(ctx, u, records); stored != nil {
		return s.carryOut(ctx, u, stored, func() error { return nil })
	}
	stage, err := s.gather(ctx, s.o.Repo, u, records)
	if err != nil {
		return err
	}
	defer stage.Close() //nolint:errcheck // committed, or kept for the next run
	gathered := u.generation(func(name string) (io.ReadCloser, error) { return stage.Open(name) })
	return s.carryOut(ctx, u, gathered, stage.Commit)
}

// carryOut brings the packages that the metadata names, and commits the
// metadata.
func (s *run) carryOut(ctx context.Context, u *upstream, metadata *repodata.OldMetadata, commit func() error) error {
	s.state.Sync.Inventory = ""
	s.known = s.knownChecksums(ctx, u)
	refs, err := s.choose(ctx, metadata)
	if err != nil {
		return err
	}
	s.wanted, s.result.Packages = refs, len(refs)
	s.setPending(refs, s.wantedRecords(u.repomd))
	w, err := s.compare(ctx, refs)
	if err != nil {
		return err
	}
	if err := s.announce(w); err != nil {
		return err
	}
	s.known = nil // it may be large
	if err := s.bring(ctx, w); err != nil {
		return err
	}
	if s.o.DownloadComps {
		if err := s.writeComps(ctx, metadata); err != nil {
			return err
		}
	}
	// After the commit createrepo builds on this metadata: every package of the
	// tree that it describes by size and mtime must be, on disk, the one that it
	// describes.
	if len(w.check)+len(w.fetch) > 0 {
		if err := s.o.Repo.Flush(); err != nil {
			return err
		}
	}
	if err := commit(); err != nil {
		return err
	}
	s.state.Bringing = false
	s.found(u)
	s.state.Sync.Filtered = s.leftOut > 0
	if err := s.bringTree(ctx); err != nil {
		return err
	}
	if err := s.condemn(ctx, refs); err != nil {
		return err
	}
	if err := s.publishCopy(ctx, u); err != nil {
		return err
	}
	if err := s.cleanUp(ctx); err != nil {
		return err
	}
	s.takeInventory(u, s.wantedRecords(u.repomd), refs)
	return nil
}

// found remembers which metadata of upstream is the stored one, and how to ask
// whether it still is upstream's.
func (s *run) found(u *upstream) {
	s.state.Sync.Source, s.state.Sync.ETag, s.state.Sync.LastModified = u.url, u.validators.ETag, u.validators.LastModified
	if sum := sumHex(u.files[repomdFile]); sum != s.state.Sync.Repomd {
		s.state.Sync.Repomd, s.state.Sync.Changed = sum, time.Now().UTC().Truncate(time.Second)
	}
}

// remember writes down how the sync went.
func (s *run) remember(ctx context.Context, failed error) error {
	r := s.result
	sync := &s.state.Sync
	sync.Time = time.Now().UTC().Truncate(time.Second)
	sync.Added, sync.Updated, sync.Removed = r.Added, r.Updated, r.Removed
	sync.Failures, sync.Fetched = r.Failed+r.Tree.Failed, r.Fetched+r.Tree.Bytes
	var distrust *UntrustedError
	switch {
	case errors.As(failed, &distrust):
		sync.Outcome = mirror.OutcomeUntrusted
	case failed != nil && ctx.Err() != nil:
		sync.Outcome = mirror.OutcomePartial
	case failed != nil:
		sync.Outcome = mirror.OutcomeFailed
	case r.Untrusted+r.Tree.Untrusted > 0:
		sync.Outcome = mirror.OutcomeUntrusted
	case !r.Complete():
		sync.Outcome = mirror.OutcomePartial
	default:
		sync.Outcome = mirror.OutcomeComplete
		sync.Complete = sync.Time
	}
	if failed == nil {
		sync.Revision, sync.Packages, sync.Bytes = r.Revision, r.Present+r.Added+r.Updated, r.Size
	}
	s.endChecks(failed)
	condemned := mirror.SetOf(s.state.Condemned)
	for _, location := range s.distrusted {
		if !condemned[location] {
			s.state.Condemned = append(s.state.Condemned, location)
		}
	}
	s.result.Condemned = len(s.state.Condemned)
	return s.o.Repo.SaveState(s.state)
}

// writeComps puts upstream's comps beside the packages, or where the metadata is
// to be.
func (s *run) writeComps(ctx context.Context, from *repodata.OldMetadata) (err error) {
	rec, ok := groups(from.Repomd)
	if !ok {
		s.o.OnWarning("upstream has no comps: comps.xml is not written")
		return nil
	}
	if s.o.MetadataDir != "" {
		unlock, err := s.lockMetadataDir(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, unlock()) }()
	}
	file, err := from.Open(rec)
	if err != nil {
		return err
	}
	var mtime time.Time
	if f, ok := file.(*os.File); ok {
		if fi, err := f.Stat(); err == nil {
			mtime = s.remoteTime(fi.ModTime())
		}
	}
	content, err := repodata.OpenRecord(file, rec)
	if err != nil {
		return err
	}
	write := s.o.Repo.WriteFile
	if s.o.MetadataDir != "" {
		write = func(name string, content io.Reader, mtime time.Time) error {
			root, err := os.OpenRoot(s.o.MetadataDir)
			if err != nil {
				return err
			}
			return errors.Join(mirror.WriteFile(root, name, content, mtime), root.Close())
		}
	}
	if err := errors.Join(write("comps.xml", content, mtime), content.Close()); err != nil {
		return fmt.Errorf("comps.xml: %w", err)
	}
	return nil
}

// groups is the record of the groups that we read.
func groups(m *repodata.Repomd) (repodata.Record, bool) {
	for _, rec := range m.Extras() {
		if rec.Type == "group" || rec.Type == "group_gz" {
			return rec, true
		}
	}
	return repodata.Record{}, false
}
