package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"gorepo/internal/rpmpkg"
)

const repodataDir = "repodata"

// A Package is a package file of the repository, as the file system tells it.
type Package struct {
	Location string
	Size     int64 // bytes
	MTime    int64 // Unix time, seconds
}

// Is reports whether size and mtime are those that the metadata gives. At the
// same location that proves, without reading it, that the file was verified.
func (p Package) Is(want rpmpkg.Ref) bool {
	return p.Size == want.Size && p.MTime == want.FileTime
}

// Stat looks at one location. ok is false when no regular file is there.
func (r *Repo) Stat(location string) (p Package, ok bool, err error) {
	at, err := r.at(location)
	if errors.Is(err, fs.ErrNotExist) {
		return Package{}, false, nil
	}
	if err != nil {
		return Package{}, false, err
	}
	return r.stat(at)
}

func (r *Repo) stat(at place) (p Package, ok bool, err error) {
	fi, err := at.root.Lstat(at.name)
	if err == nil && fi.Mode()&fs.ModeSymlink != 0 {
		// A link to another package of the tree is as good; one that leads out of
		// it is no package, and will be replaced.
		if fi, err = at.root.Stat(at.name); err != nil {
			return Package{}, false, nil
		}
	}
	switch {
	case absent(err):
		return Package{}, false, nil
	case err != nil:
		return Package{}, false, r.explain(at, err)
	case !fi.Mode().IsRegular():
		return Package{}, false, nil
	}
	return Package{Location: at.location, Size: fi.Size(), MTime: fi.ModTime().Unix()}, true, nil
}

// Verify reads the file at want's location and reports whether it is want. If
// it is, it gets the mtime of the metadata: it is adopted, and need not be read
// again. Before that, accept may refuse it, with the error that Verify then
// returns; nil accepts.
func (r *Repo) Verify(ctx context.Context, want rpmpkg.Ref, accept func(io.Reader) error) (bool, error) {
	p, ok, err := r.Stat(want.Location)
	if err != nil || !ok || p.Size != want.Size {
		return false, err
	}
	at, err := r.at(want.Location)
	if err != nil {
		return false, err
	}
	got, err := sumOf(ctx, at.root, at.name, want.Checksum.Type)
	if absent(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", p.Location, err)
	}
	if !got.Equal(want.Checksum) {
		return false, nil
	}
	if accept != nil {
		f, err := at.root.OpenFile(at.name, openFlags, 0)
		if err != nil {
			return false, fmt.Errorf("%s: %w", p.Location, err)
		}
		defer f.Close() //nolint:errcheck // only read
		if err := accept(contextReader{ctx, f}); err != nil {
			return false, err
		}
	}
	if p.MTime == want.FileTime {
		return true, nil
	}
	changed, err := r.setTime(ctx, at, time.Unix(want.FileTime, 0), want.Checksum)
	if err != nil {
		return false, fmt.Errorf("%s: %w", p.Location, err)
	}
	return !changed, nil
}

// sumOf is the checksum of the file at name in root.
func sumOf(ctx context.Context, root *os.Root, name, checksumType string) (rpmpkg.Checksum, error) {
	h, err := rpmpkg.NewHash(checksumType)
	if err != nil {
		return rpmpkg.Checksum{}, err
	}
	f, err := root.OpenFile(name, openFlags, 0)
	if err != nil {
		return rpmpkg.Checksum{}, err
	}
	defer f.Close() //nolint:errcheck // only read
	if _, err := io.Copy(h, contextReader{ctx, f}); err != nil {
		return rpmpkg.Checksum{}, err
	}
	return rpmpkg.Sum(checksumType, h), nil
}

// Touch takes from the file at want's location the proof that it was verified:
// its mtime becomes the present, and neither what it was nor what want has.
// Without the file it does nothing.
func (r *Repo) Touch(want rpmpkg.Ref) error {
	p, ok, err := r.Stat(want.Location)
	if err != nil || !ok {
		return err
	}
	at, err := r.at(want.Location)
	if err != nil {
		return err
	}
	now := time.Now().Unix()
	for now == want.FileTime || now == p.MTime {
		now++
	}
	if _, err := r.setTime(context.Background(), at, time.Unix(now, 0), rpmpkg.Checksum{}); err != nil && !absent(err) {
		return fmt.Errorf("%s: %w", p.Location, err)
	}
	return nil
}

// Remove deletes the package at location, and then each directory that this
// leaves empty, up to the repository's own. One that is gone already is well.
func (r *Repo) Remove(location string) error {
	at, err := r.at(location)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := removeFile(at.root, at.name); err != nil {
		return fmt.Errorf("%s: cannot be removed: %w", at.location, err)
	}
	return nil
}

// removeFile removes a file, and each directory that this leaves empty. One that
// is gone already is well.
func removeFile(root *os.Root, clean string) error {
	fi, err := root.Lstat(clean)
	switch {
	case absent(err):
		return nil
	case err != nil:
		return err
	case fi.IsDir():
		return errors.New("is a directory")
	}
	if err := root.Remove(clean); err != nil && !absent(err) {
		return err
	}
	for dir := path.Dir(clean); dir != "."; dir = path.Dir(dir) {
		// A symbolic link to a directory is the administrator's.
		if fi, err := root.Lstat(dir); err != nil || !fi.IsDir() {
			break
		}
		if root.Remove(dir) != nil {
			break // not empty
		}
	}
	return nil
}

// Packages walks the package files of the repository: regular files named
// *.rpm, in the order of their paths' components. Hidden names at the top,
// hidden directories and repodata are left out, and symbolic links are not followed, so that whatever
// it yields is the repository's own. A directory that cannot be read is an
// error at its place, and the walk goes on; a missing repository is empty.
func (r *Repo) Packages(ctx context.Context) iter.Seq2[Package, error] {
	return func(yield func(Package, error) bool) {
		root, err := r.Root()
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			yield(Package{}, err)
			return
		}
		walk(ctx, root, ".", yield)
	}
}

// walk yields the packages below dir, and reports whether to go on.
func walk(ctx context.Context, root *os.Root, dir string, yield func(Package, error) bool) bool {
	if err := ctx.Err(); err != nil {
		yield(Package{}, err)
		return false
	}
	entries, err := readDir(root, dir)
	if err != nil && !absent(err) {
		if !yield(Package{}, fmt.Errorf("%s: %w", dir, err)) {
			return false
		}
	}
	for _, e := range entries {
		name := e.Name()
		if dir == "." && (name[0] == '.' || name == repodataDir) {
			continue
		}
		location := path.Join(dir, name)
		switch {
		case e.IsDir() && name[0] == '.':
		case e.IsDir():
			if !walk(ctx, root, location, yield) {
				return false
			}
		case e.Type().IsRegular() && strings.HasSuffix(name, ".rpm"):
			fi, err := e.Info()
			if absent(err) {
				continue
			}
			if err != nil {
				err = fmt.Errorf("%s: %w", location, err)
				if !yield(Package{}, err) {
					return false
				}
				continue
			}
			if !yield(Package{Location: location, Size: fi.Size(), MTime: fi.ModTime().Unix()}, nil) {
				return false
			}
		}
	}
	return true
}

func readDir(root *os.Root, dir string) ([]fs.DirEntry, error) {
	f, err := root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	entries, err := f.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}
