package reposync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
	"gorepo/internal/rpmpkg"
)

// A Plan is what a sync would do, if all that it asks upstream for comes.
type Plan struct {
	Revision          string // of upstream's repomd.xml
	MetadataUnchanged bool   // it is that of the last sync
	MetadataFiles     int    // to download, repomd.xml and its signature aside
	MetadataBytes     int64

	New     []rpmpkg.Ref // to download
	Changed []rpmpkg.Ref // to download in place of another file
	Verify  []rpmpkg.Ref // there, to be read; downloaded too if it turns out to be another file
	Keep    []rpmpkg.Ref // there, and right

	// Other packages are in the tree without being wanted, and stay: of those that
	// are, Delete go at once, and Condemned when no published metadata names them.
	Other, Delete, Condemned []mirror.Package
	// Refused says that nothing more is condemned, since it would be too much.
	Refused *Refusal

	// Tree are the files of the installation tree to download, TreeKept is how many
	// are here, and TreeGone are those that go. The packages of repositories inside
	// it are among those above.
	Tree     []PlannedFile
	TreeKept int
	TreeGone []mirror.File
}

// MakePlan finds out what a sync would do. It changes nothing in the mirror and
// waits for no lock: of a repository that another process changes meanwhile, the
// plan is of that moment. What has to be read of upstream's metadata, and is not
// there from the last sync, is brought to scratch, a repository that the caller
// throws away. Errors are those of Sync.
func MakePlan(ctx context.Context, o Options, scratch *mirror.Repo) (Plan, error) {
	s := newRun(o)
	s.dry = map[string]bool{}
	if err := s.begin(); err != nil {
		return Plan{}, err
	}
	var moved *movedError
	for range maxMoves {
		if p, err := s.plan(ctx, scratch); !errors.As(err, &moved) {
			return p, err
		}
	}
	return Plan{}, moved
}

func (s *run) plan(ctx context.Context, scratch *mirror.Repo) (p Plan, err error) {
	u, err := s.fetchRepomd(ctx)
	if err != nil {
		return p, err
	}
	p.Revision, p.MetadataUnchanged = u.repomd.Revision, u.unchanged
	if !u.unchanged {
		s.tookMetadata(u)
	}
	p.MetadataFiles, p.MetadataBytes = s.metadataToCome(u)
	metadata, end, err := s.metadataAside(ctx, scratch, u)
	if err != nil {
		return p, err
	}
	defer end()
	s.known = s.knownChecksums(ctx, u)
	refs, err := s.choose(ctx, metadata)
	if err != nil {
		return p, err
	}
	s.wanted = refs
	w, err := s.compare(ctx, refs)
	if err != nil {
		return p, err
	}
	p.Keep = w.there
	for _, ref := range w.fetch {
		if _, there, _ := s.o.Repo.Stat(ref.Location); there {
			p.Changed = append(p.Changed, ref)
		} else {
			p.New = append(p.New, ref)
		}
	}
	for _, ref := range w.check {
		if was, ok := s.known[ref.Location]; ok && !was.Equal(ref.Checksum) {
			p.Changed = append(p.Changed, ref)
		} else {
			p.Verify = append(p.Verify, ref)
		}
	}
	if err := s.planDeletion(ctx, u, refs, &p); err != nil {
		return p, err
	}
	return p, s.addTree(ctx, scratch, &p)
}

// addTree adds the installation tree to the plan, and what lies inside it.
func (s *run) addTree(ctx context.Context, scratch *mirror.Repo, p *Plan) error {
	tree, err := s.planTree(ctx)
	if tree == nil || err != nil {
		return err
	}
	p.Tree, p.TreeKept = s.plannedFiles(tree), len(tree.state.Files)
	if s.o.Delete {
		for _, f := range tree.obsolete(s.state.Tree) {
			if f.Extra && !tree.state.Searched {
				continue
			}
			p.TreeGone = append(p.TreeGone, mirror.File{Path: f.Path, Size: f.Size})
		}
	}
	for _, dir := range tree.nested {
		if err := s.addNested(ctx, scratch, dir, p); fatal(ctx, err) {
			return err
		} else if err != nil {
			s.failTree(fmt.Errorf("%s: %w", dir, err))
		}
	}
	return nil
}

func (s *run) addNested(ctx context.Context, scratch *mirror.Repo, dir string, p *Plan) error {
	o := s.nestedOptions(dir)
	var err error
	if o.Repo, err = s.o.Repo.Nested(dir); err != nil {
		return err
	}
	defer o.Repo.Close() //nolint:errcheck // only read
	aside, err := scratch.Nested(dir)
	if err != nil {
		return err
	}
	defer aside.Close() //nolint:errcheck // thrown away
	inner, err := MakePlan(ctx, o, aside)
	if err != nil {
		return err
	}
	add := func(to *[]rpmpkg.Ref, from []rpmpkg.Ref) {
		for _, ref := range from {
			ref.Location = path.Join(dir, ref.Location)
			*to = append(*to, ref)
		}
	}
	add(&p.New, inner.New)
	add(&p.Changed, inner.Changed)
	add(&p.Verify, inner.Verify)
	add(&p.Keep, inner.Keep)
	addFiles := func(to *[]mirror.Package, from []mirror.Package) {
		for _, file := range from {
			file.Location = path.Join(dir, file.Location)
			*to = append(*to, file)
		}
	}
	addFiles(&p.Other, inner.Other)
	addFiles(&p.Delete, inner.Delete)
	addFiles(&p.Condemned, inner.Condemned)
	p.MetadataUnchanged = p.MetadataUnchanged && inner.MetadataUnchanged
	p.MetadataFiles += inner.MetadataFiles
	p.MetadataBytes += inner.MetadataBytes
	if p.Refused == nil {
		p.Refused = inner.Refused
	}
	return nil
}

// metadataToCome counts the metadata files that are to be downloaded.
func (s *run) metadataToCome(u *upstream) (files int, bytes int64) {
	stored := previous(s.o.Repo)
	dir, err := s.o.Repo.Upstream()
	if err == nil {
		defer dir.Close() //nolint:errcheck // only read
	}
	for _, rec := range distinct(s.wantedRecords(u.repomd)) {
		if stored != nil && err == nil {
			have, known := stored.Repomd.Find(rec.Type)
			fi, err := os.Stat(dir.Path(rec.Name()))
			if known && have.Checksum.Equal(rec.Checksum) && err == nil && (rec.Size < 0 || fi.Size() == rec.Size) {
				continue
			}
		}
		files++
		bytes += max(rec.Size, 0)
	}
	return files, bytes
}

// metadataAside opens upstream's metadata, as far as choosing packages reads it:
// what the last sync has of it there, the rest in scratch. The metadata is good
// until end is called.
func (s *run) metadataAside(ctx context.Context, scratch *mirror.Repo, u *upstream) (_ *repodata.OldMetadata, end func(), err error) {
	here := map[string]string{} // name to path
	var lacking []repodata.Record
	dir, dirErr := s.o.Repo.Upstream()
	if dirErr == nil {
		defer dir.Close() //nolint:errcheck // only read
	}
	for _, rec := range s.toPlan(u.repomd) {
		if dirErr == nil {
			if whole, err := dir.Verify(ctx, rec.Name(), rec.Checksum, rec.Size); err == nil && whole {
				here[rec.Name()] = dir.Path(rec.Name())
				continue
			}
		}
		lacking = append(lacking, rec)
	}
	stage, err := s.gather(ctx, scratch, u, lacking)
	if err != nil {
		return nil, nil, err
	}
	return u.generation(func(name string) (io.ReadCloser, error) {
		if file, ok := here[name]; ok {
			return os.Open(file)
		}
		return stage.Open(name)
	}), func() { _ = stage.Close() }, nil
}

// planDeletion finds what of the tree goes, and what else stays.
func (s *run) planDeletion(ctx context.Context, u *upstream, wanted []rpmpkg.Ref, p *Plan) error {
	if err := s.condemn(ctx, wanted); err != nil {
		return err
	}
	p.Refused = s.result.Refused
	was, err := s.named(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	held := s.state.Held()
	if s.o.DownloadMetadata && p.Refused == nil {
		same, err := sameCopy(ctx, u, s.copyDir())
		if err != nil {
			return err
		}
		if !same { // with a new generation, what only the one before the last names is free
			if held = s.state.CopyDropped; s.o.MetadataDir != "" {
				held = s.state.Dropped
			}
		}
	}
	heldSet := mirror.SetOf(held)
	stay := s.result.Failed > 0 || p.Refused != nil || err != nil
	condemned := mirror.SetOf(s.state.Condemned)
	stays := make(map[string]bool, len(wanted))
	for _, ref := range wanted {
		stays[ref.Location] = true
	}
	others, othersErr := s.others(ctx)
	if othersErr != nil {
		return othersErr
	}
	for pkg, err := range s.o.Repo.Packages(ctx) {
		switch {
		case err != nil:
			return err
		case stays[pkg.Location], others(pkg.Location):
		case !condemned[pkg.Location]:
			p.Other = append(p.Other, pkg)
		case stay, heldSet[pkg.Location], was[pkg.Location]:
			p.Condemned = append(p.Condemned, pkg)
		default:
			p.Delete = append(p.Delete, pkg)
		}
	}
	return nil
}
