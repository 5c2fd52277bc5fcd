package reposync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"gorepo/internal/mirror"
	"gorepo/internal/rpmpkg"
	"gorepo/internal/treeinfo"
)

const (
	// maxTreeFile bounds a file of an installation tree, in bytes: more than a
	// double-layered DVD.
	maxTreeFile = 16 << 30
	// maxExtra bounds the files beside it that are asked for by name.
	maxExtra = 4 << 20
)

// TreeResult says what became of the installation tree. Packages of the
// repositories inside it count among the Result's.
type TreeResult struct {
	Files     int   // in their places
	Fetched   int   // of those, which were fetched
	Bytes     int64 // that were fetched
	Removed   int   // files that upstream's tree has no more
	Failed    int   // what is missing now, or not as upstream has it
	Untrusted int   // of the failed, what was not trusted
}

// PlannedFile is a file that a sync would bring.
type PlannedFile struct {
	Path string
	Size int64 // bytes; -1 where upstream does not say
	URL  string
}

// treePlan is an installation tree as upstream has it, compared with what is
// here.
type treePlan struct {
	state    mirror.TreeState // Files are those that are in place, and are to stay
	data     []byte           // of the treeinfo
	changed  bool             // it is not the one that is in place
	modified time.Time        // of it, as the server says
	source   Source           // that gave it: what has no checksum has to come from there too
	fetch    []treeFile
	nested   []string // directories of repositories inside
}

// treeFile is a file of the tree that is not here.
type treeFile struct {
	mirror.File
	proof    string
	data     []byte // where it came already
	modified time.Time
	extra    bool
	optional bool // upstream need not have it
}

// errNoTree tells that upstream has no treeinfo.
var errNoTree = errors.New("there is neither .treeinfo nor treeinfo: upstream has no installation tree")

func (s *run) failTree(err error) {
	var distrust *UntrustedError
	s.mu.Lock()
	s.result.Tree.Failed++
	if errors.As(err, &distrust) {
		s.result.Tree.Untrusted++
	}
	s.mu.Unlock()
	s.o.OnFailure(err)
}

// fatal reports whether an error ends the sync, and is not only about one file.
func fatal(ctx context.Context, err error) bool {
	var stop *StopError
	return err != nil && (ctx.Err() != nil || errors.As(err, &stop) || diskTrouble(err))
}

// bringTree brings the installation tree. What fails of it is reported; an error
// is about the whole sync.
//
// Clients never see a new treeinfo beside files of the old one: all that changed
// is brought aside, put in place by renames, and the treeinfo comes last.
func (s *run) bringTree(ctx context.Context) error {
	if !s.o.Treeinfo {
		return nil
	}
	p, err := s.planTree(ctx)
	switch {
	case errors.Is(err, errNoTree) && s.state.Tree.Name == "":
		s.o.OnWarning(err.Error())
		return nil
	case fatal(ctx, err):
		return err
	case err != nil:
		s.failTree(err)
		if len(s.state.Tree.Nested) > 0 {
			s.unsure = "what lies inside the installation tree is not known"
		}
		return nil
	}
	if all := union(s.state.Tree.Nested, p.nested); len(all) > len(s.state.Tree.Nested) {
		s.state.Tree.Nested = all // should we die: createrepo is not to list what they bring
		if err := s.o.Repo.SaveState(s.state); err != nil {
			return &StopError{err}
		}
	}
	for _, dir := range p.nested {
		if err := s.bringNested(ctx, dir); err != nil {
			return err
		}
	}
	if err := s.bringFiles(ctx, p); err != nil {
		return err
	}
	s.result.Tree.Files = len(p.state.Files)
	s.endTree(p)
	return nil
}

// planTree reads the treeinfo and compares. It changes nothing. What the tree
// cannot have is reported.
func (s *run) planTree(ctx context.Context) (*treePlan, error) {
	p, err := s.fetchTreeinfo(ctx)
	if err != nil {
		return nil, err
	}
	url := s.o.Source.URL("", p.state.Name)
	t, err := treeinfo.Parse(p.data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	bad := 0
	failed := func(err error) {
		if bad++; bad <= maxTold {
			s.failTree(fmt.Errorf("%s: %w", url, err))
		}
	}
	for _, err := range t.Bad {
		failed(err)
	}
	wanted := map[string]treeFile{}
	for _, f := range t.Files {
		want, err := p.want(f)
		if err != nil {
			failed(err)
		} else if want.Path != "" {
			merge(wanted, want)
		}
	}
	p.nested = s.inside(t.Repositories, failed)
	if err := s.extras(ctx, p, t, wanted, failed); err != nil {
		return nil, err
	}
	if bad > maxTold {
		s.o.OnFailure(fmt.Errorf("%s: and %d more such", url, bad-maxTold))
	}
	s.treeSums = map[rpmpkg.Checksum]bool{}
	for _, f := range wanted {
		s.treeSums[f.Checksum] = true
	}
	return p, s.compareTree(ctx, p, wanted)
}

// fetchTreeinfo brings the treeinfo, under the name that upstream has for it.
func (s *run) fetchTreeinfo(ctx context.Context) (*treePlan, error) {
	was := s.state.Tree
	names := []string{".treeinfo", "treeinfo"}
	if was.Name == names[1] {
		slices.Reverse(names)
	}
	var refused error // servers that hide hidden files may do so with another status
	for _, name := range names {
		known := Validators{}
		stored, err := s.o.Repo.ReadFile(name, treeinfo.MaxSize)
		here := err == nil && name == was.Name && sumHex(stored) == was.SHA256
		if here {
			known = Validators{ETag: was.ETag, LastModified: was.LastModified, URL: was.Source, SHA256: was.SHA256}
		}
		small, err := s.getFile(ctx, s.o.Source, name, treeinfo.MaxSize, known)
		switch {
		case fatal(ctx, err):
			return nil, err
		case small.NotFound:
			continue
		case err == nil && isWebPage(small.Data):
			err = fmt.Errorf("%s: is an HTML page: a login page or proxy in between?", small.URL)
		}
		if err != nil {
			if refused == nil {
				refused = err
			}
			continue
		}
		p := &treePlan{state: mirror.TreeState{Name: name}, data: small.Data, modified: modified(small.LastModified), source: small.Same}
		if small.NotModified {
			p.data, small.Validators, small.URL = stored, known, was.Source
		}
		p.changed = !here || !bytes.Equal(p.data, stored)
		p.state.Source, p.state.ETag, p.state.LastModified = small.URL, small.ETag, small.LastModified
		p.state.SHA256 = sumHex(p.data)
		p.state.Searched = !p.changed && was.Searched
		return p, nil
	}
	if refused != nil {
		return nil, refused
	}
	return nil, errNoTree
}

// modified reads a Last-Modified; zero where there is none.
func modified(header string) time.Time {
	t, err := http.ParseTime(header)
	if err != nil {
		return time.Time{}
	}
	return t
}

func (s *run) getFile(ctx context.Context, from Source, name string, limit int64, known Validators) (Small, error) {
	if err := s.o.Slots.take(ctx); err != nil {
		return Small{}, err
	}
	defer s.o.Slots.free()
	return from.Get(ctx, name, limit, known)
}

// want is a file of the treeinfo; without a path it is one that comes with
// metadata, or the treeinfo itself.
func (p *treePlan) want(f treeinfo.File) (treeFile, error) {
	if slices.Contains(strings.Split(f.Path, "/"), "repodata") {
		return treeFile{}, nil
	}
	clean, err := mirror.CheckFile(f.Path)
	if err != nil || clean == p.state.Name {
		return treeFile{}, err
	}
	want := treeFile{File: mirror.File{Path: clean, Size: f.Size, Checksum: f.Checksum}, proof: f.Checksum.String()}
	if f.Checksum == (rpmpkg.Checksum{}) {
		want.proof = "treeinfo:" + p.state.SHA256
	}
	return want, nil
}

// merge adds a file, of which another spelling may be there already: what is
// known of it counts.
func merge(wanted map[string]treeFile, f treeFile) {
	have, ok := wanted[f.Path]
	if !ok || have.Checksum == (rpmpkg.Checksum{}) {
		wanted[f.Path] = f
	}
}

// inside are those of a tree's repositories that lie in a directory of their own
// inside this one. Others are upstreams of their own.
func (s *run) inside(repositories []string, failed func(error)) []string {
	var list []string
	for _, dir := range repositories {
		switch {
		case path.Clean(dir) == ".":
			continue
		case mirror.LeadsOut(dir), strings.HasPrefix(dir, "/"), strings.Contains(dir, "://"):
			s.o.OnNote(fmt.Sprintf("the repository %s of the installation tree lies outside of this one, and is not brought: configure it by itself", dir))
			continue
		}
		clean, err := mirror.CheckDir(dir)
		if err != nil {
			failed(err)
			continue
		}
		list = append(list, clean)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// extras adds the files that no treeinfo names: those of extra_files.json, or
// those that trees were known to have before there was one. They are searched for
// once for every treeinfo.
func (s *run) extras(ctx context.Context, p *treePlan, t *treeinfo.Tree, wanted map[string]treeFile, failed func(error)) error {
	known := map[string]treeFile{}
	for _, f := range s.state.Tree.Files {
		want := treeFile{File: mirror.File{Path: f.Path, Size: f.Size}, proof: f.Proof, extra: true}
		kind, digits, _ := strings.Cut(f.Proof, ":")
		var err error
		want.Checksum, err = rpmpkg.ParseChecksum(kind, digits)
		if f.Extra && (err == nil || f.Proof == "treeinfo:"+p.state.SHA256) {
			known[f.Path] = want
		}
	}
	if p.state.Searched {
		for _, want := range known {
			merge(wanted, want)
		}
		return nil
	}
	p.state.Searched = true
	ask := func(name string, limit int64) ([]byte, error) {
		small, err := s.getFile(ctx, p.source, name, limit, Validators{})
		switch {
		case fatal(ctx, err):
			return nil, err
		case err == nil && isWebPage(small.Data) && known[name].Path != "":
			err = fmt.Errorf("%s: is an HTML page", small.URL)
		}
		if err != nil {
			s.o.OnNote(err.Error())
			p.state.Searched = false // perhaps next time
			return nil, nil
		}
		if small.NotFound || isWebPage(small.Data) {
			return nil, nil
		}
		sum := rpmpkg.Checksum{Type: "sha256", Hex: sumHex(small.Data)}
		merge(wanted, treeFile{
			File:  mirror.File{Path: name, Size: int64(len(small.Data)), Checksum: sum},
			proof: sum.String(), data: small.Data, modified: modified(small.LastModified), extra: true,
		})
		return small.Data, nil
	}
	const listName = "extra_files.json"
	data, err := ask(listName, treeinfo.MaxSize)
	if err != nil {
		return err
	}
	names := []string{".discinfo", "media.repo"}
	if data == nil {
		names = append(names, licences(t)...)
	} else {
		files, err := treeinfo.ParseExtraFiles(data)
		if err != nil {
			failed(fmt.Errorf("%s: %w", listName, err))
		}
		for _, f := range files {
			want, err := p.want(f)
			if want.extra = true; err != nil {
				failed(err)
			} else if want.Path != "" {
				merge(wanted, want)
			}
		}
	}
	for _, name := range names {
		if _, err := ask(name, maxExtra); err != nil {
			return err
		}
	}
	if t.Plain { // the installer of EL5 asks for these by name
		for _, name := range []string{"images/minstg2.img", "images/stage2.img"} {
			merge(wanted, treeFile{File: mirror.File{Path: name, Size: -1}, proof: "treeinfo:" + p.state.SHA256, extra: true, optional: true})
		}
	}
	return nil
}

// licences are the names under which trees without extra_files.json have their
// licences and keys.
func licences(t *treeinfo.Tree) []string {
	names := []string{"EULA", "GPL"}
	major, _, _ := strings.Cut(t.Version, ".")
	switch {
	case strings.HasPrefix(t.Family, "Red Hat"):
		names = append(names, "RPM-GPG-KEY-redhat-beta", "RPM-GPG-KEY-redhat-release")
	case strings.HasPrefix(t.Family, "CentOS") && major != "" && strings.Trim(major, "0123456789") == "":
		names = append(names, "RPM-GPG-KEY-CentOS-"+major, "RPM-GPG-KEY-CentOS-Testing-"+major)
	}
	return names
}

// compareTree finds out which files are here. What was brought by the same proof
// and has size and mtime of then is; else a checksum tells.
func (s *run) compareTree(ctx context.Context, p *treePlan, wanted map[string]treeFile) error {
	was := map[string]mirror.TreeFile{}
	for _, f := range s.state.Tree.Files {
		was[f.Path] = f
	}
	for _, f := range sortedTree(wanted) {
		info, ok, err := s.o.Repo.StatFile(f.Path)
		if err != nil {
			return err
		}
		now := mirror.TreeFile{Path: f.Path, Size: info.Size, MTime: info.MTime, Proof: f.proof, Extra: f.extra}
		right := ok && was[f.Path] == now
		if ok && !right && f.Checksum != (rpmpkg.Checksum{}) {
			if right, err = s.o.Repo.Holds(ctx, f.File); err != nil {
				return err
			}
		}
		if right {
			p.state.Files = append(p.state.Files, now)
		} else {
			p.fetch = append(p.fetch, f)
		}
	}
	return nil
}

func sortedTree(files map[string]treeFile) []treeFile {
	list := make([]treeFile, 0, len(files))
	for _, f := range files {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b treeFile) int { return strings.Compare(a.Path, b.Path) })
	return list
}

// bringFiles fetches what is not here, and puts it and the treeinfo in place.
func (s *run) bringFiles(ctx context.Context, p *treePlan) (err error) {
	var (
		mu    sync.Mutex
		ready []*mirror.Partial
		old   []string // files of the former tree whose new ones did not come
	)
	defer func() {
		for _, partial := range ready {
			err = errors.Join(err, partial.Keep())
		}
	}()
	bringing := map[string]treeFile{}
	var size int64
	for _, f := range p.fetch {
		bringing[f.Path] = f
		size += max(0, f.Size)
	}
	s.o.Progress.Planned(len(p.fetch), size)
	grp, gctx := errgroup.WithContext(ctx)
	grp.SetLimit(s.o.Parallel)
	for _, f := range p.fetch {
		grp.Go(func() error {
			partial, err := s.fetchFile(gctx, p, f)
			var missing *NotFoundError
			switch {
			case err == nil:
				mu.Lock()
				defer mu.Unlock()
				ready = append(ready, partial)
				return nil
			case fatal(gctx, err):
				return err
			case f.optional && errors.As(err, &missing):
				return nil
			}
			s.failTree(err)
			_, there, err := s.o.Repo.StatFile(f.Path)
			mu.Lock()
			defer mu.Unlock()
			p.state.Searched = p.state.Searched && !f.extra
			if there && err == nil {
				old = append(old, f.Path)
			}
			return nil
		})
	}
	if err := grp.Wait(); err != nil {
		return err
	}
	if len(old) > 0 && p.changed {
		slices.Sort(old)
		more := ""
		if len(old) > maxTold {
			more = fmt.Sprintf(" and %d more", len(old)-maxTold)
			old = old[:maxTold]
		}
		s.o.OnWarning(fmt.Sprintf("the installation tree stays as it was: of the new one %s%s did not come", strings.Join(old, ", "), more))
		p.state = mirror.TreeState{} // endTree keeps the former
		return nil
	}
	slices.SortFunc(ready, func(a, b *mirror.Partial) int { return strings.Compare(a.Location(), b.Location()) })
	for _, partial := range ready {
		if err := partial.Place(); err != nil {
			if fatal(ctx, err) {
				return err
			}
			s.failTree(err)
			continue
		}
		f := bringing[partial.Location()]
		info, _, err := s.o.Repo.StatFile(f.Path)
		if err != nil {
			return err
		}
		p.state.Files = append(p.state.Files, mirror.TreeFile{Path: f.Path, Size: info.Size, MTime: info.MTime, Proof: f.proof, Extra: f.extra})
		s.result.Tree.Fetched++
		s.o.Progress.Done(rpmpkg.Ref{Location: f.Path, Size: info.Size}, true)
	}
	if len(ready) > 0 {
		if err := s.o.Repo.Flush(); err != nil {
			return err
		}
	}
	if !p.changed {
		return nil
	}
	s.result.Tree.Fetched++
	return s.o.Repo.WriteFile(p.state.Name, bytes.NewReader(p.data), s.remoteTime(p.modified))
}

// remoteTime is the mtime that a file of the server's time is given: zero where
// that is not asked for.
func (s *run) remoteTime(t time.Time) time.Time {
	if !s.o.RemoteTime {
		return time.Time{}
	}
	return t
}

// fetchFile brings a file aside.
func (s *run) fetchFile(ctx context.Context, p *treePlan, f treeFile) (_ *mirror.Partial, err error) {
	if err := s.o.Slots.take(ctx); err != nil {
		return nil, err
	}
	defer s.o.Slots.free()
	partial, err := s.o.Repo.File(ctx, f.File)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, partial.Keep())
		}
	}()
	download := s.o.Progress.Begin(f.Path, f.Size, partial.Offset(), true)
	defer download.End()
	sink := &fileSink{countingSink: countingSink{Sink: partial, progress: download}, name: f.Path}
	sink.doubtful = f.Checksum == (rpmpkg.Checksum{}) && !strings.HasSuffix(f.Path, ".html") && !strings.HasSuffix(f.Path, ".htm")
	switch {
	case f.data != nil:
		if err := partial.Restart(); err != nil {
			return nil, &StopError{err}
		}
		if _, err := partial.Write(f.data); err != nil {
			return nil, &StopError{err}
		}
		sink.modified, err = f.modified, partial.Finish()
	case partial.Complete() && partial.Finish() == nil: // an earlier run got as far as that
	default:
		limit := f.Size
		if limit < 0 {
			limit = maxTreeFile
		}
		from := s.o.Source
		if f.Checksum == (rpmpkg.Checksum{}) {
			from = p.source
		}
		err = from.Download(ctx, "", f.Path, sink, limit)
	}
	if err != nil {
		return nil, err
	}
	if t := s.remoteTime(sink.modified); !t.IsZero() {
		partial.SetTime(t)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.result.Tree.Bytes += sink.received.Load() + int64(len(f.data))
	return partial, nil
}

// endTree notes what is in place, and removes what upstream's tree no
// longer has, of what earlier syncs brought.
func (s *run) endTree(p *treePlan) {
	was := s.state.Tree
	if p.state.Name == "" {
		return
	}
	remove := s.o.Delete && s.result.Tree.Failed == 0
	for _, f := range p.obsolete(was) {
		unasked := f.Extra && !p.state.Searched // what could not be asked for is not gone
		f.Extra = unasked
		if remove && !unasked {
			err := s.o.Repo.RemoveFile(f.Path)
			if err == nil {
				s.result.Tree.Removed++
				continue
			}
			s.failTree(err)
		}
		p.state.Files = append(p.state.Files, f) // it may be removed one day
	}
	slices.SortFunc(p.state.Files, func(a, b mirror.TreeFile) int { return strings.Compare(a.Path, b.Path) })
	p.state.Nested = p.nested
	for _, dir := range was.Nested {
		if slices.Contains(p.nested, dir) {
			continue
		}
		if !remove {
			p.state.Nested = union(p.state.Nested, []string{dir})
			continue
		}
		if err := s.forgetNested(dir); err != nil {
			s.failTree(err)
			p.state.Nested = union(p.state.Nested, []string{dir})
		}
	}
	s.state.Tree = p.state
}

// obsolete are the files of the former tree that upstream's has no more.
func (p *treePlan) obsolete(was mirror.TreeState) []mirror.TreeFile {
	wanted := map[string]bool{p.state.Name: true}
	for _, f := range p.state.Files {
		wanted[f.Path] = true
	}
	for _, f := range p.fetch {
		wanted[f.Path] = true
	}
	files := slices.Clone(was.Files)
	if was.Name != "" {
		files = append(files, mirror.TreeFile{Path: was.Name})
	}
	return slices.DeleteFunc(files, func(f mirror.TreeFile) bool { return wanted[f.Path] })
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// plannedFiles are what bringing the tree would fetch.
func (s *run) plannedFiles(p *treePlan) []PlannedFile {
	var list []PlannedFile
	if p.changed {
		list = append(list, PlannedFile{p.state.Name, int64(len(p.data)), s.o.Source.URL("", p.state.Name)})
	}
	for _, f := range p.fetch {
		list = append(list, PlannedFile{f.Path, f.Size, s.o.Source.URL("", f.Path)})
	}
	return list
}

// fileSink looks at what comes for a file of which no checksum is known.
type fileSink struct {
	countingSink
	name     string
	doubtful bool
	head     []byte
	modified time.Time
}

func (f *fileSink) Write(p []byte) (int, error) {
	if f.doubtful && len(f.head) < 1000 {
		f.head = append(f.head, p[:min(len(p), 1000)]...)
	}
	return f.countingSink.Write(p)
}

func (f *fileSink) Restart() error {
	f.head = nil
	return f.countingSink.Restart()
}

func (f *fileSink) Finish() error {
	switch {
	case f.doubtful && isWebPage(f.head):
		return &strangeError{f.name + ": is an HTML page: a login page or proxy in between?"}
	case f.doubtful && f.Offset() == 0:
		return &strangeError{f.name + ": is empty"}
	}
	return f.Sink.Finish()
}

// SetModified implements DatedSink.
func (f *fileSink) SetModified(t time.Time) { f.modified = t }

// A strangeError tells that a file cannot be what was asked for.
type strangeError struct{ text string }

func (e *strangeError) Error() string { return e.text }

// Mismatch marks the error for packages that do not know this one.
func (e *strangeError) Mismatch() bool { return true }
