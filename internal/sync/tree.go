package reposync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"gorepo/internal/mirror"
	"gorepo/internal/rpmpkg"
)

// maxTreeFile bounds a file of an installation tree, in bytes: more than a
// double-layered DVD.
const maxTreeFile = 16 << 30

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
	p, err := s.planTree(ctx)
	if p == nil || err != nil {
		return err
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

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
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
