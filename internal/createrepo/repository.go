package createrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
)

// Repository makes the metadata of a repository of the mirror. Upstream's
// additional metadata comes along, and the packages that a sync wants to be
// gone do not. With an OutputDir nothing in the repository changes, and nothing
// is remembered.
func Repository(ctx context.Context, repo *mirror.Repo, o Options) (_ Result, err error) {
	o = o.withDefaults()
	switch _, err := repo.Root(); { // a lock would make it
	case errors.Is(err, fs.ErrNotExist):
		return Result{}, fmt.Errorf("%s is not there: sync it first", repo.Dir())
	case err != nil:
		return Result{}, err
	}
	unlock, err := repo.Lock(ctx, o.LockTimeout)
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	state, warning := repo.State()
	if warning != nil {
		o.OnWarning("", warning.Error())
	}
	if len(o.UpdateFrom) > 0 {
		// Only for these two does the state tell which entries no longer hold.
		return Result{}, fmt.Errorf("%s is a repository of the mirror, whose metadata is updated from its own and upstream's: no other can be used", repo.Dir())
	}
	r := &repository{
		job:  &job{o: o, dir: repo.Dir(), output: repo.Dir(), build: o.build(repo.Dir())},
		repo: repo, state: state, aside: o.OutputDir != "" && !sameDir(o.OutputDir, repo.Dir()),
	}
	if r.aside {
		r.output = o.OutputDir
		unlock, err := mirror.LockDir(ctx, r.output, o.LockTimeout)
		if err != nil {
			return Result{}, err
		}
		defer func() { err = errors.Join(err, unlock()) }()
	} else if o.CutDirs != 0 || o.LocationPrefix != "" {
		// What may be deleted is told by the locations that the metadata names.
		return Result{}, fmt.Errorf("%s is a repository of the mirror, whose own metadata names its packages where they are: with other locations it is made with --outputdir", repo.Dir())
	} else if state.Sync.Copied {
		return Result{Copied: true, Packages: state.Publish.Packages, Revision: state.Publish.Revision}, nil
	}
	return r.make(ctx)
}

func sameDir(a, b string) bool {
	fa, err := os.Stat(a)
	if err != nil {
		return false
	}
	fb, err := os.Stat(b)
	return err == nil && os.SameFile(fa, fb)
}

// repository is a job for a repository of the mirror.
type repository struct {
	*job
	repo     *mirror.Repo
	state    mirror.State
	aside    bool                  // the output is not the repository's own repodata
	own      *repodata.OldMetadata // in the repository: what is published, unless aside
	upstream *repodata.OldMetadata // nil: none was synced
	lacking  []string              // additional metadata of upstream that did not come
	nested   func(location string) bool
	// untrimmed says that upstream's packages are not known, so that nothing could
	// be cut down to those that are there.
	untrimmed bool

	now     map[string]bool // locations that the new generation names
	dropped []string        // those that only the one before does
}

func (r *repository) make(ctx context.Context) (Result, error) {
	if err := r.openOld(ctx); err != nil {
		return Result{}, err
	}
	if r.o.Update {
		r.build.Published = r.published
		r.build.Old = r.entries()
	}
	carried := r.chooseExtras(ctx)
	if err := r.addGroupFile(); err != nil {
		return Result{}, err
	}
	if err := r.recycleList(ctx); err != nil {
		return Result{}, err
	}
	leaveOut, err := r.leaveOut(ctx)
	if err != nil {
		return Result{}, err
	}
	r.build.LeaveOut = leaveOut
	if r.aside {
		return r.run(ctx)
	}
	r.build.Published, r.build.Compare = r.published, true
	r.beforePublish = func(built repodata.Result) error {
		if err := r.noteReplaced(built); err != nil {
			return err
		}
		noteHistory(r.repo, built.Repomd, r.built, r.published, built.Difference, func(text string) { r.o.OnWarning("", text) })
		return nil
	}
	result, err := r.run(ctx)
	if err != nil || result.Bad > 0 || r.damaged || r.untrimmed {
		// Perhaps it is upstream's metadata, as the last sync left it.
		err = errors.Join(err, r.repo.ForgetInventory())
	}
	if err != nil {
		return result, err
	}
	if !result.Unchanged {
		r.state.Dropped = r.dropped
	}
	if result.Removed, err = r.removeCondemned(ctx); err != nil {
		r.o.OnWarning("", err.Error())
	}
	return result, r.remember(result, carried)
}

// leaveOut tells which packages are not listed: those that a sync wants to be
// gone, and those of the repositories inside this one, unless upstream lists them
// here as well.
func (r *repository) leaveOut(ctx context.Context) (_ func(location string) bool, err error) {
	condemned := mirror.SetOf(r.state.Condemned)
	if r.nested, err = repodata.Nested(ctx, r.repo.Dir(), r.state.Tree.Nested); err != nil {
		return nil, err
	}
	if len(r.state.Tree.Nested) == 0 {
		return func(location string) bool { return condemned[location] }, nil
	}
	own := map[string]bool{}
	if r.upstream != nil {
		if own, err = r.upstream.Locations(ctx); err != nil && ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return func(location string) bool { return condemned[location] || r.nested(location) && !own[location] }, nil
}

// openOld opens the metadata whose entries or extras may be used again.
func (r *repository) openOld(ctx context.Context) (err error) {
	if r.published, err = r.open("the published metadata", r.output); err != nil {
		return err
	}
	r.own = r.published
	if r.aside {
		if r.own, err = r.open("the repository's metadata", r.repo.Dir()); err != nil {
			return err
		}
	}
	r.openUpstream()
	if r.own == nil && r.upstream == nil && r.empty(ctx) {
		return fmt.Errorf("%s has no packages, and nothing was synced: sync it first", r.repo.Dir())
	}
	brought := mirror.SetOf(r.state.Brought)
	void := func(location string) bool { return brought[location] }
	if r.upstream != nil && r.state.Bringing {
		r.upstream.Void = void
	}
	if r.own != nil {
		r.own.Void = void
		sum, err := sumOfRepomd(filepath.Join(r.repo.Dir(), "repodata"))
		r.own.Ours = err == nil && sum == r.state.Publish.Built
	}
	return nil
}

// remember writes down what was published.
func (r *repository) remember(result Result, carried []string) error {
	if !r.state.Bringing {
		r.state.Brought = nil
	}
	r.state.Publish = mirror.PublishState{
		Time: r.state.Publish.Time, Revision: result.Revision, Outcome: mirror.OutcomeComplete,
		Packages: result.Packages, Carried: carried, Built: r.state.Publish.Built,
		Upstream: r.state.Sync.Repomd,
	}
	if r.state.Sync.Filtered && r.o.GroupFile == "" && !r.untrimmed { // the groups in it are others
		r.state.Publish.Trimmed = r.state.Sync.Repomd
	}
	if !result.Unchanged {
		r.state.Publish.Built = r.built
		r.state.Publish.Time = time.Now().UTC().Truncate(time.Second)
	}
	if result.Bad > 0 {
		r.state.Publish.Outcome = mirror.OutcomePartial
	}
	return r.repo.SaveState(r.state)
}

// empty reports whether the repository has no package that can be seen.
func (r *repository) empty(ctx context.Context) bool {
	for _, err := range r.repo.Packages(ctx) {
		if err == nil {
			return false
		}
	}
	return true
}

func (r *repository) openUpstream() {
	u, err := r.repo.Upstream()
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		defer u.Close() //nolint:errcheck // only its path is wanted
		r.upstream, err = repodata.OpenLocal("upstream's metadata", u.Path("."))
	}
	if err != nil {
		r.o.OnWarning("", fmt.Sprintf("upstream's metadata is not used: %v", err))
		return
	}
	// The sync has said which ones did not come.
	m := r.upstream.Repomd
	named := r.upstream.Extras()
	m.Records = slices.DeleteFunc(m.Records, func(rec repodata.Record) bool {
		return !exists(u.Path(rec.Name()))
	})
	come := r.upstream.Extras()
	for _, e := range named {
		if !hasType(come, e.Type) {
			r.lacking = append(r.lacking, e.Type)
		}
	}
}

func hasType(extras []repodata.Extra, recordType string) bool {
	return slices.ContainsFunc(extras, func(e repodata.Extra) bool { return e.Type == recordType })
}

// entries are the generations whose entries are used again: those that have all
// three lists. What lies aside is not among them: the state does not tell which
// of its packages have changed since it was made.
func (r *repository) entries() []*repodata.OldMetadata {
	var list []*repodata.OldMetadata
	for _, m := range []*repodata.OldMetadata{r.own, r.upstream} {
		if m != nil && m.Lists() {
			list = append(list, m)
		}
	}
	return list
}

// chooseExtras takes the additional metadata that upstream has, what of it did
// not come from the published generation, and what somebody added there by
// hand: all of it that did not come from an upstream which has it no more. It
// returns upstream's types.
func (r *repository) chooseExtras(ctx context.Context) (carried []string) {
	if r.o.DiscardAdditional {
		return nil
	}
	if r.upstream != nil {
		r.build.Extras = r.upstream.Extras()
	}
	if r.own != nil {
		for _, e := range r.own.Extras() {
			if slices.Contains(r.lacking, e.Type) {
				r.build.Extras = append(r.build.Extras, e)
			}
		}
	}
	if r.state.Sync.Filtered {
		r.trimExtras(ctx)
	}
	for _, e := range r.build.Extras {
		carried = append(carried, e.Type)
	}
	if r.published == nil || !r.o.Update {
		return carried
	}
	for _, e := range r.published.Extras() {
		if !slices.Contains(carried, e.Type) && !slices.Contains(r.state.Publish.Carried, e.Type) {
			r.build.Extras = append(r.build.Extras, e)
		}
	}
	return carried
}

// noteReplaced writes down, before the new generation is published, which
// packages only the present one names: they must stay, even if we die right
// after.
func (r *repository) noteReplaced(built repodata.Result) error {
	r.now = mirror.SetOf(built.Locations)
	if err := built.Difference.Incomplete; err != nil {
		text := "what has changed is not known"
		if built.Repomd.PrimaryChecksum() == r.published.Repomd.PrimaryChecksum() {
			text = "it is made anew"
		}
		r.o.OnWarning("", fmt.Sprintf("%s: %v: %s", r.published.Name, err, text))
	}
	r.dropped = built.Difference.Dropped()
	if len(r.dropped) == 0 {
		return nil
	}
	state := r.state
	state.Dropped = append(slices.Clone(state.Dropped), r.dropped...)
	return r.repo.SaveState(state)
}

// removeCondemned deletes what a sync wants gone and no generation names.
func (r *repository) removeCondemned(ctx context.Context) (removed int, err error) {
	if len(r.state.Condemned) == 0 {
		return 0, nil
	}
	named := r.now
	if named == nil {
		if named, err = r.published.Locations(ctx); err != nil {
			return 0, err
		}
	}
	copied, err := r.copied(ctx)
	if err != nil {
		return 0, err
	}
	for _, location := range r.state.Condemned {
		named[location] = named[location] || copied[location] || r.nested(location)
	}
	removed, r.state.Condemned, err = r.repo.RemoveUnnamed(r.state.Condemned, named, r.state.Held())
	return removed, err
}

// copied are the locations that the copy of upstream's metadata elsewhere names.
func (r *repository) copied(ctx context.Context) (map[string]bool, error) {
	if r.state.Sync.CopiedTo == "" {
		return nil, nil
	}
	m, err := repodata.OpenLocal("the copy of upstream's metadata", filepath.Join(r.state.Sync.CopiedTo, "repodata"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return m.Locations(ctx)
}
