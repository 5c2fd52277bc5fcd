package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"gorepo/internal/rpmpkg"
)

// An UpstreamStage gathers upstream's metadata of the sync under way. Nothing
// of it is used before Commit. Its methods may be called from many goroutines.
type UpstreamStage struct {
	repo *Repo
	root *os.Root // upstream.new

	mu    sync.Mutex
	names map[string]bool // claimed; true: there and whole
}

// StageUpstream starts to gather upstream's metadata. What an interrupted sync
// gathered is found again by Have.
func (r *Repo) StageUpstream() (*UpstreamStage, error) {
	dir := r.statePath(upstreamNewDir)
	err := os.MkdirAll(dir, dirMode)
	if err == nil {
		err = r.recoverUpstream()
	}
	var root *os.Root
	if err == nil {
		root, err = os.OpenRoot(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("repository %s: upstream metadata: %w", r.id, err)
	}
	return &UpstreamStage{repo: r, root: root, names: map[string]bool{}}, nil
}

// recoverUpstream ends what a crash in replaceUpstream left half done.
func (r *Repo) recoverUpstream() error {
	current, old := r.statePath(upstreamDir), r.statePath(upstreamOldDir)
	if _, err := os.Lstat(old); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := os.Lstat(current); errors.Is(err, fs.ErrNotExist) {
		return os.Rename(old, current)
	}
	return os.RemoveAll(old)
}

// claim takes a name for one record; two of one name cannot lie side by side.
func (s *UpstreamStage) claim(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.names[name]; taken {
		return fmt.Errorf("metadata %s: upstream has two files of that name", name)
	}
	s.names[name] = false
	return nil
}

func (s *UpstreamStage) unclaim(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.names, name)
}

func (s *UpstreamStage) done(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[name] = true
}

// Have looks for a record where it need not be downloaded from: in what an
// interrupted sync gathered, then in the last complete sync's metadata, of
// which it makes a hard link. It reads the file to verify it. A negative size is
// not compared.
func (s *UpstreamStage) Have(ctx context.Context, name string, sum rpmpkg.Checksum, size int64) (bool, error) {
	if err := s.claim(name); err != nil {
		return false, err
	}
	ok, err := verifyIn(ctx, s.root, name, sum, size)
	if err == nil && !ok {
		ok, err = s.adopt(ctx, name, sum, size)
	}
	if err != nil {
		err = fmt.Errorf("metadata %s: %w", name, err)
	}
	if err != nil || !ok {
		s.unclaim(name)
		return false, err
	}
	s.done(name)
	return true, nil
}

func (s *UpstreamStage) adopt(ctx context.Context, name string, sum rpmpkg.Checksum, size int64) (bool, error) {
	current, err := s.repo.Upstream()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer current.Close() //nolint:errcheck // only read
	ok, err := current.Verify(ctx, name, sum, size)
	if err != nil || !ok {
		return false, err
	}
	if err := s.root.RemoveAll(name); err != nil {
		return false, err
	}
	return true, linkOrCopy(current.Path(name), s.path(name))
}

func (s *UpstreamStage) path(name string) string { return s.repo.statePath(upstreamNewDir, name) }

// Open opens a file that is here and whole.
func (s *UpstreamStage) Open(name string) (*os.File, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.names[name] {
		return nil, fmt.Errorf("metadata %s: %w", name, fs.ErrNotExist)
	}
	return s.root.OpenFile(name, openFlags, 0)
}

// Write puts a small file that is verified already: repomd.xml, its signature
// or key.
func (s *UpstreamStage) Write(name string, data []byte) error {
	if err := s.claim(name); err != nil {
		return err
	}
	err := s.root.RemoveAll(name)
	if err == nil {
		err = writeFileAtomic(s.path(name), data)
	}
	if err != nil {
		s.unclaim(name)
		return fmt.Errorf("metadata %s: %w", name, err)
	}
	s.done(name)
	return nil
}

// A Record is a metadata file that is being downloaded. When Finish has
// verified it, it is part of the stage. It ends with Finish, Keep or Discard.
type Record struct {
	Partial
	stage *UpstreamStage
	name  string
}

// Prune removes what interrupted syncs have gathered but for the files of these
// names: upstream has moved on since.
func (s *UpstreamStage) Prune(names map[string]bool) error {
	entries, err := readDir(s.root, ".")
	if err != nil {
		return fmt.Errorf("repository %s: upstream metadata: %w", s.repo.id, err)
	}
	var errs []error
	for _, e := range entries {
		if !names[e.Name()] {
			errs = append(errs, s.root.RemoveAll(e.Name()))
		}
	}
	return errors.Join(errs...)
}

// Record opens the download of the record of that name, or goes on with an
// interrupted one. A negative size is not known and not compared.
func (s *UpstreamStage) Record(ctx context.Context, name string, sum rpmpkg.Checksum, size int64) (*Record, error) {
	if err := s.claim(name); err != nil {
		return nil, err
	}
	key, err := s.repo.claim(sum, name)
	if err != nil {
		s.unclaim(name)
		return nil, fmt.Errorf("metadata %s: %w", name, err)
	}
	sink, err := openSink(ctx, s.repo.statePath(partialDir, key), "metadata "+name, sum, size)
	if err != nil {
		s.repo.release(key)
		s.unclaim(name)
		return nil, err
	}
	return &Record{Partial: Partial{Sink: sink, repo: s.repo, key: key}, stage: s, name: name}, nil
}

// Finish verifies what is here, else a *MismatchError, and makes it part of the
// stage.
func (d *Record) Finish() error {
	if err := d.Sink.Finish(); err != nil {
		return err
	}
	return d.Place()
}

// Place makes the verified bytes part of the stage; Finish has done it.
func (d *Record) Place() error {
	if d.key == "" {
		return nil
	}
	if !d.verified {
		return fmt.Errorf("metadata %s: not verified, so not kept", d.name)
	}
	err := d.close()
	if err == nil {
		err = d.stage.root.RemoveAll(d.name)
	}
	if err == nil {
		err = os.Rename(d.path, d.stage.path(d.name))
	}
	if err != nil {
		return fmt.Errorf("metadata %s: %w", d.name, err)
	}
	d.end()
	d.stage.done(d.name)
	return nil
}

// SetTime gives a record that is part of the stage an mtime.
func (d *Record) SetTime(t time.Time) error {
	return d.stage.SetTime(d.name, t)
}

// SetTime gives a file of the stage an mtime.
func (s *UpstreamStage) SetTime(name string, t time.Time) error {
	if err := CheckName(name); err != nil {
		return err
	}
	return s.root.Chtimes(name, time.Time{}, t)
}

// Keep leaves the bytes for the next run.
func (d *Record) Keep() error { d.giveUp(); return d.Partial.Keep() }

// Discard removes the bytes.
func (d *Record) Discard() error { d.giveUp(); return d.Partial.Discard() }

// giveUp frees the name of a record that did not come.
func (d *Record) giveUp() {
	if d.key != "" {
		d.stage.unclaim(d.name)
	}
}

// Commit makes what was gathered the repository's upstream metadata, in one
// step. Files that this stage did not ask for are left out. A stage without
// repomd.xml, or with a Record that has not ended, is not committed.
func (s *UpstreamStage) Commit() error {
	if err := s.commit(); err != nil {
		return fmt.Errorf("repository %s: upstream metadata: %w", s.repo.id, err)
	}
	return nil
}

func (s *UpstreamStage) commit() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries, err := readDir(s.root, ".")
	if err != nil {
		return err
	}
	for name, whole := range s.names {
		if !whole {
			return fmt.Errorf("%s is not whole yet", name)
		}
	}
	if !s.names[repomdFile] {
		return errors.New("no repomd.xml was gathered")
	}
	there := map[string]bool{}
	for _, e := range entries {
		if !s.names[e.Name()] {
			if err := s.root.RemoveAll(e.Name()); err != nil {
				return err
			}
			continue
		}
		if err := s.repo.fs.syncFile(s.path(e.Name())); err != nil {
			return err
		}
		there[e.Name()] = true
	}
	for name := range s.names {
		if !there[name] {
			return fmt.Errorf("%s is gone", name)
		}
	}
	if err := s.repo.fs.syncDir(s.repo.statePath(upstreamNewDir)); err != nil {
		return err
	}
	if err := s.root.Close(); err != nil {
		return err
	}
	return s.repo.replaceUpstream()
}

// DropStage removes what a sync has gathered that was killed, when another one came
// to its end without it.
func (r *Repo) DropStage() error { return os.RemoveAll(r.statePath(upstreamNewDir)) }

// replaceUpstream makes upstream.new upstream.
func (r *Repo) replaceUpstream() error {
	current, next, old := r.statePath(upstreamDir), r.statePath(upstreamNewDir), r.statePath(upstreamOldDir)
	_, err := os.Lstat(current)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = os.Rename(next, current)
	case err == nil:
		err = r.fs.exchange(next, current)
		if err == nil {
			err = os.RemoveAll(next)
		} else if errors.Is(err, errors.ErrUnsupported) {
			// Nobody is served from here, so a moment without is no harm.
			err = replaceDir(current, next, old)
		}
	}
	if err != nil {
		return err
	}
	return r.fs.syncDir(r.state)
}

func replaceDir(current, next, old string) error {
	if err := os.RemoveAll(old); err != nil {
		return err
	}
	if err := os.Rename(current, old); err != nil {
		return err
	}
	if err := os.Rename(next, current); err != nil {
		return errors.Join(err, os.Rename(old, current))
	}
	return os.RemoveAll(old)
}

// Close ends a stage that is not committed. What it gathered stays for the
// next run.
func (s *UpstreamStage) Close() error {
	err := s.root.Close()
	if errors.Is(err, fs.ErrClosed) {
		return nil
	}
	return err
}
