package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"gorepo/internal/mirror"
)

// Where catalogs are: in a directory for each repository, under the name of the
// generation that they are of. The first of these that there is:
//
//	ROOT/.gorepo/ID/catalog/    where gorepo has something of the repository
//	ROOT/.gorepo/.catalog/ID/   of a directory that is just there
//	CACHE/ID/                   where ROOT cannot be written
//
// Of a directory that is just there .gorepo/ID must not be made: by that it would
// become a repository of the mirror.

const (
	catalogDir = "catalog"
	plainDir   = ".catalog"
	newPrefix  = ".new-"
	lockName   = ".lock"
)

// home is where the catalogs of one repository are looked for and made.
type home struct {
	root, cache, id string
}

func (h home) repodata() string { return filepath.Join(h.root, h.id, "repodata") }
func (h home) state() string    { return filepath.Join(h.root, mirror.StateDir, h.id) }

// dirs are those in which catalogs may be, those in which they are made first.
func (h home) dirs() []string {
	dirs := []string{filepath.Join(h.root, mirror.StateDir, plainDir, h.id)}
	if isDir(h.state()) {
		dirs = slices.Insert(dirs, 0, filepath.Join(h.state(), catalogDir))
	}
	if h.cache != "" {
		dirs = append(dirs, filepath.Join(h.cache, h.id))
	}
	return dirs
}

func isDir(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// fileName is what the catalog of a generation is called.
func fileName(generation string) string { return fmt.Sprintf("%s-%d", generation, formatVersion) }

// find returns the catalog of a generation, if there is one, and else the newest of
// earlier ones; "" is none.
func (h home) find(generation string) (current, earlier string) {
	var newest time.Time
	for _, dir := range h.dirs() {
		if path := filepath.Join(dir, fileName(generation)); current == "" && isFile(path) {
			current = path
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if !isCatalogName(e.Name()) || e.Name() == fileName(generation) {
				continue
			}
			if fi, err := e.Info(); err == nil && fi.ModTime().After(newest) {
				earlier, newest = filepath.Join(dir, e.Name()), fi.ModTime()
			}
		}
	}
	return current, earlier
}

// has reports whether there is a catalog of a generation.
func (h home) has(generation string) bool {
	return slices.ContainsFunc(h.dirs(), func(dir string) bool { return isFile(filepath.Join(dir, fileName(generation))) })
}

// hide leaves out of words where the mirror and the cache are: that is nobody's
// business.
func (h home) hide(words string) string {
	for _, dir := range []string{h.root, h.cache} {
		if dir != "" {
			words = strings.ReplaceAll(words, dir+string(filepath.Separator), "")
		}
	}
	return words
}

func isFile(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Mode().IsRegular()
}

// isCatalogName knows catalogs of this version.
func isCatalogName(name string) bool {
	generation, _, _ := strings.Cut(name, "-")
	return len(generation) == 64 && name == fileName(generation)
}

// isOfAnyVersion knows those of other versions too.
func isOfAnyVersion(name string) bool {
	generation, version, _ := strings.Cut(name, "-")
	return len(generation) == 64 && strings.Trim(generation, "0123456789abcdef") == "" &&
		version != "" && strings.Trim(version, "0123456789") == ""
}

// writable makes the first directory that can be written.
func (h home) writable() (string, error) {
	var wrong error // of the mirror, or of the cache where there is one
	for i, dir := range h.dirs() {
		err := os.MkdirAll(dir, 0o755)
		if err == nil {
			var f *os.File
			if f, err = os.CreateTemp(dir, newPrefix+"*"); err == nil {
				return dir, errors.Join(f.Close(), remove(f.Name())) // whoever makes one clears leftovers
			}
		}
		if path := (*fs.PathError)(nil); errors.As(err, &path) {
			err = path.Err // its name may be another one each time
		}
		if i == 0 || h.cache != "" {
			wrong = &placeError{dir, err}
		}
	}
	return "", wrong
}

// errBusy tells that another process makes the catalog.
var errBusy = errors.New("another gorepo makes it already")

// lock takes a directory for making catalogs. Where there are no locks it is free:
// then two may make the same, and the later one stays.
func lock(dir string) (unlock func(), err error) {
	const everybody = 0o644 // who makes it need not be who serves
	l := flock.New(filepath.Join(dir, lockName), flock.SetPermissions(everybody))
	switch ok, err := l.TryLock(); {
	case err != nil:
		return func() {}, nil
	case !ok:
		return nil, errBusy
	}
	return func() { _ = l.Unlock() }, nil // it ends with the process at the latest
}

// Options say for which repositories there are catalogs.
type Options struct {
	Root string // the mirror's
	// CacheDir is where catalogs are made where ROOT cannot be written, "" if
	// nowhere.
	CacheDir string
}

// Made tells what Make did.
type Made struct {
	Info
	Path string
	Size int64 // of the file, bytes
	// Fresh says that it was there, and whole.
	Fresh bool
}

// MakeOptions say how Make goes about it. Functions may be nil.
type MakeOptions struct {
	// Again makes a catalog that is there already.
	Again bool
	// OnProgress is told now and then how much is done, from 0 to 1.
	OnProgress func(done float64)
	// OnWait is told, once, that another process makes the catalog.
	OnWait func()
}

// Make makes the catalog of what a repository has published, unless there is one,
// and removes those of generations before the last. While another process makes it,
// it waits. The error is fs.ErrNotExist where nothing is published.
func Make(ctx context.Context, o Options, id string, m MakeOptions) (Made, error) {
	h := home{o.Root, o.CacheDir, id}
	generation, err := hashRepomd(h.repodata())
	if err != nil {
		return Made{}, err
	}
	if current, _ := h.find(generation); current != "" && !m.Again {
		if made, err := h.made(ctx, current); err == nil || ctx.Err() != nil {
			made.Fresh = true
			return made, err
		}
	}
	path, err := h.makeOrWait(ctx, m)
	if err != nil {
		return Made{}, err
	}
	if err := clearDir(filepath.Dir(path), []string{path}, 1); err != nil {
		return Made{}, err
	}
	return h.made(ctx, path)
}

func (h home) makeOrWait(ctx context.Context, m MakeOptions) (path string, err error) {
	const retry = 200 * time.Millisecond
	for told := false; ; told = true {
		path, err = h.make(ctx, m.Again, m.OnProgress)
		if !errors.Is(err, errBusy) {
			return path, err
		}
		if !told && m.OnWait != nil {
			m.OnWait()
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(retry):
		}
	}
}

// made tells of a catalog that is whole.
func (h home) made(ctx context.Context, path string) (Made, error) {
	if err := Verify(ctx, path); err != nil {
		return Made{}, err
	}
	c, err := Open(path)
	if err != nil {
		return Made{}, err
	}
	return Made{Info: c.Info(), Path: path, Size: c.Size()}, c.Close()
}

// make makes a catalog, aside, and puts it in its place; unless another process has
// done so meanwhile, or again is set.
func (h home) make(ctx context.Context, again bool, progress func(done float64)) (path string, err error) {
	src, err := openSource(h.repodata())
	if err != nil {
		return "", err
	}
	defer src.close()
	dir, err := h.writable()
	if err != nil {
		return "", err
	}
	unlock, err := lock(dir)
	if err != nil {
		return "", err
	}
	defer unlock()
	path = filepath.Join(dir, fileName(src.generation))
	if !again && Verify(ctx, path) == nil {
		return path, nil
	}
	if err := clearLeftovers(dir); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, newPrefix+"*")
	if err != nil {
		return "", err
	}
	if err := errors.Join(f.Chmod(0o644), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	o := BuildOptions{Repodata: h.repodata(), OnProgress: progress}
	if isDir(h.state()) {
		o.State = h.state()
	}
	if _, err := build(ctx, f.Name(), src, o); err != nil {
		return "", full(dir, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return path, nil
}

// clearLeftovers removes what a killed process has left. Whoever calls it has the
// lock; where there are none, another one's files have to be old.
func clearLeftovers(dir string) error {
	const old = 24 * time.Hour
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		fi, err := e.Info()
		if err != nil || !strings.HasPrefix(e.Name(), newPrefix) {
			continue
		}
		if isFile(filepath.Join(dir, lockName)) || time.Since(fi.ModTime()) > old {
			errs = append(errs, remove(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// clearDir removes catalogs, of other versions too, but for those that are named and
// the newest of the rest.
func clearDir(dir string, keep []string, newest int) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	type old struct {
		path string
		time time.Time
	}
	var list []old
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if fi, err := e.Info(); err == nil && isOfAnyVersion(e.Name()) && fi.Mode().IsRegular() && !slices.Contains(keep, path) {
			list = append(list, old{path, fi.ModTime()})
		}
	}
	slices.SortFunc(list, func(a, b old) int { return b.time.Compare(a.time) })
	var errs []error
	for _, o := range list[min(newest, len(list)):] {
		errs = append(errs, remove(o.path))
	}
	return errors.Join(errs...)
}

// clearGone removes what there is of repositories that are gone, in directories that
// have one for each.
func (o Options) clearGone() error {
	var errs []error
	for _, dir := range []string{filepath.Join(o.Root, mirror.StateDir, plainDir), o.CacheDir} {
		if dir == "" {
			continue
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if _, err := os.Stat(filepath.Join(o.Root, e.Name())); !e.IsDir() || !errors.Is(err, fs.ErrNotExist) {
				continue
			}
			// The cache may be others' too, and have anything in it: what was ours has
			// a lock. With something else beside that it stays.
			gone := filepath.Join(dir, e.Name())
			if !isFile(filepath.Join(gone, lockName)) {
				continue
			}
			errs = append(errs, clearDir(gone, nil, 0))
			if left, err := os.ReadDir(gone); err == nil && len(left) == 1 && left[0].Name() == lockName {
				errs = append(errs, os.RemoveAll(gone))
			}
		}
	}
	return errors.Join(errs...)
}

// remove is os.Remove of what another process may have removed.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Published finds the directories in ROOT that have metadata, by their names.
func Published(root string) ([]string, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		// "-" is the server's own.
		if !strings.HasPrefix(e.Name(), ".") && e.Name() != "-" && isFile(filepath.Join(root, e.Name(), "repodata", repomdFile)) {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}
