package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"gorepo/internal/rpmpkg"
)

// A File is one that lies beside the packages and is none: a kernel, an image, a
// licence.
type File struct {
	Path     string
	Size     int64           // bytes; < 0: not known
	Checksum rpmpkg.Checksum // zero: not known
}

// A FileInfo is a file as the file system tells it. The mtime is in whole
// seconds, as that of packages.
type FileInfo struct{ Size, MTime int64 }

// File opens the download of a file. A rest of it is continued where the checksum
// is known; else nothing would tell whether what is here belongs together.
func (r *Repo) File(ctx context.Context, want File) (*Partial, error) {
	file, err := CheckFile(want.Path)
	if err == nil {
		err = r.notForeign(file)
	}
	if err != nil {
		return nil, err
	}
	unknown := want.Checksum == rpmpkg.Checksum{}
	if unknown { // a name of its own
		sum := sha256.Sum256([]byte("file " + file))
		want.Checksum = rpmpkg.Checksum{Type: "sha256", Hex: hex.EncodeToString(sum[:])}
	}
	key, err := r.claim(want.Checksum, file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	sink, err := openSink(ctx, r.statePath(partialDir, key), file, want.Checksum, want.Size)
	if err == nil && unknown {
		sink.any = true
		if err = sink.Restart(); err != nil {
			err = errors.Join(err, sink.close())
		}
	}
	if err != nil {
		r.release(key)
		return nil, err
	}
	return &Partial{Sink: sink, repo: r, location: file, at: func() (place, error) {
		root, err := r.Root()
		return place{root, file, file}, err
	}, key: key}, nil
}

// Location is where it is to lie, below the repository.
func (p *Partial) Location() string { return p.location }

// SetTime says which mtime the file is given in its place.
func (p *Partial) SetTime(t time.Time) { p.mtime = t }

// StatFile looks at one file. ok is false when no regular file is there.
func (r *Repo) StatFile(file string) (info FileInfo, ok bool, err error) {
	clean, err := CheckFile(file)
	if err != nil {
		return FileInfo{}, false, err
	}
	root, err := r.Root()
	if errors.Is(err, fs.ErrNotExist) {
		return FileInfo{}, false, nil
	}
	if err != nil {
		return FileInfo{}, false, err
	}
	p, ok, err := r.stat(place{root, clean, clean})
	return FileInfo{p.Size, p.MTime}, ok, err
}

// Holds reads the file that is there and reports whether it is want, of which the
// checksum is known.
func (r *Repo) Holds(ctx context.Context, want File) (bool, error) {
	info, ok, err := r.StatFile(want.Path)
	if err != nil || !ok || want.Size >= 0 && info.Size != want.Size {
		return false, err
	}
	root, err := r.Root()
	if err != nil {
		return false, err
	}
	clean, err := CheckFile(want.Path)
	if err != nil {
		return false, err
	}
	got, err := sumOf(ctx, root, clean, want.Checksum.Type)
	if absent(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", clean, err)
	}
	return got.Equal(want.Checksum), nil
}

// ReadFile reads a small file. Without one, or one of more than limit bytes, the
// error is fs.ErrNotExist.
func (r *Repo) ReadFile(file string, limit int64) ([]byte, error) {
	info, ok, err := r.StatFile(file)
	if err != nil {
		return nil, err
	}
	if !ok || info.Size > limit {
		return nil, fmt.Errorf("%s: %w", file, fs.ErrNotExist)
	}
	root, err := r.Root()
	if err != nil {
		return nil, err
	}
	f, err := root.OpenFile(filepath.FromSlash(file), openFlags, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	return io.ReadAll(io.LimitReader(f, limit))
}

// RemoveFile deletes a file, and then each directory that this leaves empty. One
// that is gone already is well.
func (r *Repo) RemoveFile(file string) error {
	clean, err := CheckFile(file)
	if err != nil {
		return err
	}
	root, err := r.Root()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = removeFile(root, clean)
	}
	if err != nil {
		return fmt.Errorf("%s: cannot be removed: %w", clean, err)
	}
	return nil
}

// WriteFile puts a small file beside the packages, such as comps.xml. One that is
// there is replaced in one step, when all of content could be read. A zero mtime
// is the present.
func (r *Repo) WriteFile(name string, content io.Reader, mtime time.Time) error {
	root, err := r.Root()
	if err != nil {
		return err
	}
	return WriteFile(root, name, content, mtime)
}

// WriteFile is Repo.WriteFile for any directory.
func WriteFile(root *os.Root, name string, content io.Reader, mtime time.Time) error {
	clean, err := CheckFile(name)
	if err != nil {
		return err
	}
	if strings.Contains(clean, "/") {
		return &LocationError{name, "is not the name of a file in one directory"}
	}
	tmp := ".gorepo-new-" + clean
	f, err := root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil && !mtime.IsZero() {
		err = root.Chtimes(tmp, time.Time{}, mtime)
	}
	if err == nil {
		err = root.Rename(tmp, clean)
	}
	if err != nil {
		_ = root.Remove(tmp) // the error is what matters
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// CopyFile puts a copy of the file src, with its mtime, at a path below root. One
// that is there is replaced in one step. The path is checked by CheckFile.
func CopyFile(root *os.Root, src, file string) error {
	clean, err := CheckFile(file)
	if err != nil {
		return err
	}
	dir := path.Dir(clean)
	if err := root.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	tmp := path.Join(dir, ".gorepo-new-"+path.Base(clean))
	if err := copyInto(root, src, tmp); err != nil {
		return err
	}
	return root.Rename(tmp, clean)
}
