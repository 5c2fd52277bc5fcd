package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"gorepo/internal/rpmpkg"
)

const (
	partialDir = "partial"
	// earlyWriteback is from how many bytes on a package begins its way to disk
	// when it is whole. Many small ones are brought there better together.
	earlyWriteback = 1 << 20
)

// A Partial is a package, or another file, that is being downloaded. After the
// last byte: Finish, then Place. It ends with one of Place, Keep and Discard; Keep and Discard may
// follow a Place that failed, and do nothing after one that did not.
type Partial struct {
	*Sink
	repo     *Repo
	location string                // checked
	at       func() (place, error) // where it is to lie
	mtime    time.Time             // that it is given in its place; zero: none
	key      string                // its name in partial/; "" when ended
}

// Partial opens the download of want. An earlier rest of it, read again and
// hashed, is continued. Two packages with one checksum have their own files; the
// same location twice at one time is an error.
func (r *Repo) Partial(ctx context.Context, want rpmpkg.Ref) (*Partial, error) {
	location, err := r.Check(want.Location)
	if err == nil {
		err = r.notForeign(location)
	}
	if err != nil {
		return nil, err
	}
	if want.Size < 0 {
		return nil, fmt.Errorf("%s: the metadata gives a size of %d bytes", location, want.Size)
	}
	key, err := r.claim(want.Checksum, location)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", location, err)
	}
	sink, err := openSink(ctx, r.statePath(partialDir, key), location, want.Checksum, want.Size)
	if err != nil {
		r.release(key)
		return nil, err
	}
	return &Partial{Sink: sink, repo: r, location: location, at: func() (place, error) { return r.at(location) }, mtime: time.Unix(want.FileTime, 0), key: key}, nil
}

// claim gives a download a name in partial/ that no other one has now.
func (r *Repo) claim(sum rpmpkg.Checksum, location string) (string, error) {
	key, err := sinkName(sum)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(r.statePath(partialDir), dirMode); err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy[key] {
		where := sha256.Sum256([]byte(location))
		key += "-" + hex.EncodeToString(where[:8])
	}
	if r.busy[key] {
		return "", errors.New("is being downloaded already")
	}
	r.busy[key] = true
	return key, nil
}

func (r *Repo) release(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.busy, key)
}

// Place gives the verified bytes the mtime of the metadata, which is the proof
// that they were verified, and moves them to their location. A file that is
// there is replaced in one step.
func (p *Partial) Place() error {
	if !p.verified {
		return fmt.Errorf("%s: not verified, so not placed", p.location)
	}
	if p.offset >= earlyWriteback {
		startWriteback(p.file)
	}
	if err := p.close(); err != nil {
		return fmt.Errorf("%s: %w", p.location, err)
	}
	if !p.mtime.IsZero() {
		if err := os.Chtimes(p.path, time.Time{}, p.mtime); err != nil {
			return fmt.Errorf("%s: %w", p.location, err)
		}
	}
	at, err := p.at()
	if err == nil {
		err = p.repo.place(p.path, p.key, at)
	}
	if err != nil {
		return err
	}
	p.end()
	return nil
}

// Keep leaves the bytes for the next run; those that are proven wrong go.
func (p *Partial) Keep() error {
	if p.wrong {
		return p.Discard()
	}
	if p.key == "" {
		return nil
	}
	defer p.end()
	return p.close()
}

// Discard removes the bytes.
func (p *Partial) Discard() error {
	if p.key == "" {
		return nil
	}
	defer p.end()
	err := os.Remove(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(p.close(), err)
}

func (p *Partial) end() {
	p.repo.release(p.key)
	p.key = ""
}

// place moves the file src to its place.
func (r *Repo) place(src, key string, at place) error {
	dir, file := path.Split(at.name)
	dir = path.Clean(dir)
	err := r.rename(at.root, src, dir, file)
	if errors.Is(err, fs.ErrNotExist) {
		if err := at.root.MkdirAll(dir, dirMode); err != nil {
			return r.explain(at, err)
		}
		err = r.rename(at.root, src, dir, file)
	}
	if errors.Is(err, syscall.EXDEV) {
		err = r.placeCopy(src, key, at)
	}
	if err != nil {
		return r.explain(at, err)
	}
	return nil
}

// placeCopy is place from another file system: a copy beside the target, then
// a rename. A note in partial/ lets CleanPartial find the copy after a crash.
func (r *Repo) placeCopy(src, key string, at place) (err error) {
	tmp := func(of string) string { return path.Join(path.Dir(of), ".gorepo-"+key+".tmp") }
	note := r.statePath(partialDir, key+noteSuffix)
	if err := os.WriteFile(note, []byte(tmp(at.location)), fileMode); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			at.root.Remove(tmp(at.name)) //nolint:errcheck // the first error is the one to tell
		}
		err = errors.Join(err, os.Remove(note))
	}()
	if err := copyInto(at.root, src, tmp(at.name)); err != nil {
		return err
	}
	if err := at.root.Rename(tmp(at.name), at.name); err != nil {
		return err
	}
	return os.Remove(src)
}

// copyInto copies src to name in root, with its mtime.
func copyInto(root *os.Root, src, name string) error {
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	mtime, err := copyContent(src, func() (*os.File, error) {
		return root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	})
	if err != nil {
		return err
	}
	return root.Chtimes(name, time.Time{}, mtime)
}

// explain says what is in the way when a package cannot be placed.
func (r *Repo) explain(at place, err error) error {
	root, location := at.root, at.location
	for dir := path.Dir(at.name); dir != "."; dir = path.Dir(dir) {
		at := filepath.Join(root.Name(), filepath.FromSlash(dir))
		fi, statErr := root.Lstat(dir)
		switch {
		case statErr != nil:
			continue
		case fi.Mode()&fs.ModeSymlink != 0:
			if target, statErr := root.Stat(dir); statErr != nil || !target.IsDir() {
				return fmt.Errorf("%s: cannot be stored: %s is a symbolic link to no directory of this repository; use a bind mount, or make the repository's own directory the link: %w", location, at, err)
			}
		case !fi.IsDir():
			return fmt.Errorf("%s: cannot be stored: %s is a file where a directory must be: remove it: %w", location, at, err)
		}
	}
	if fi, statErr := root.Lstat(at.name); statErr == nil && fi.IsDir() {
		return fmt.Errorf("%s: cannot be stored: a directory of that name is there: remove it: %w", location, err)
	}
	return fmt.Errorf("%s: cannot be stored: %w", location, err)
}

const noteSuffix = ".copy"

// CleanPartial removes from partial/ what keep does not want, what is older
// than maxAge (0: any age is well), and what is no download. Downloads that are
// open stay. It returns how many bytes that freed.
func (r *Repo) CleanPartial(keep func(rpmpkg.Checksum) bool, maxAge time.Duration) (freed int64, err error) {
	dir := r.statePath(partialDir)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("repository %s: %w", r.id, err)
	}
	var errs []error
	for _, e := range entries {
		name := e.Name()
		if r.isBusy(strings.TrimSuffix(name, noteSuffix)) {
			continue
		}
		if strings.HasSuffix(name, noteSuffix) {
			errs = append(errs, r.removeCopy(filepath.Join(dir, name)))
			continue
		}
		fi, err := e.Info()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if sum, ok := parseSinkName(name); ok && fi.Mode().IsRegular() && keep(sum) &&
			(maxAge <= 0 || time.Since(fi.ModTime()) <= maxAge) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			errs = append(errs, err)
			continue
		}
		freed += fi.Size()
	}
	return freed, errors.Join(errs...)
}

// BoundPartial removes the oldest downloads from partial/ until the others have
// at most so many bytes. The last one stays, whatever its size, and so do those
// that are open. It returns how many bytes that freed.
func (r *Repo) BoundPartial(most int64) (freed int64, err error) {
	dir := r.statePath(partialDir)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("repository %s: %w", r.id, err)
	}
	var files []fs.FileInfo
	for _, e := range entries {
		if fi, err := e.Info(); err == nil && fi.Mode().IsRegular() && !r.isBusy(strings.TrimSuffix(e.Name(), noteSuffix)) {
			files = append(files, fi)
		}
	}
	slices.SortStableFunc(files, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	var total int64
	var errs []error
	for i, fi := range files {
		if total += fi.Size(); i == 0 || total <= most {
			continue
		}
		if err := os.Remove(filepath.Join(dir, fi.Name())); err != nil {
			errs = append(errs, err)
			continue
		}
		freed += fi.Size()
	}
	return freed, errors.Join(errs...)
}

func (r *Repo) isBusy(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.busy[key]
}

// removeCopy removes the half copy that a note of placeCopy names, and the note.
func (r *Repo) removeCopy(note string) error {
	tmp, err := os.ReadFile(note)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(path.Base(string(tmp)), ".gorepo-") {
		return os.Remove(note)
	}
	// A location beside it shows where it lies; a place that is not written to any
	// more keeps it.
	at, err := r.at(path.Join(path.Dir(string(tmp)), "x.rpm"))
	if err == nil {
		err = at.root.Remove(path.Join(path.Dir(at.name), path.Base(string(tmp))))
	}
	var unknown *LocationError
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.As(err, &unknown) {
		return err
	}
	return os.Remove(note)
}

// parseSinkName gives the checksum of a name that claim made.
func parseSinkName(name string) (rpmpkg.Checksum, bool) {
	parts := strings.Split(name, "-")
	if len(parts) != 2 && len(parts) != 3 {
		return rpmpkg.Checksum{}, false
	}
	sum, err := rpmpkg.ParseChecksum(parts[0], parts[1])
	return sum, err == nil
}
