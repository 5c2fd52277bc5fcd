package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gorepo/internal/rpmpkg"
)

// Adopt takes the wanted bytes from f, a file of this machine that was just
// opened, without moving them, and verifies them: as Finish after a download. It
// reports false where that cannot be done or f is not what is wanted: the bytes
// have to come in another way then, from Offset on.
//
// f becomes the package itself, by a hard link, where nothing of it has to be
// changed for that and nobody can write to it that could not write to the
// mirror: it has the mtime of the metadata, belongs to root or to who runs
// gorepo, and is writable for nobody else. Else its blocks are shared, where the
// file system can do that (FICLONE).
func (p *Partial) Adopt(ctx context.Context, f *os.File) (bool, error) {
	fi, err := f.Stat()
	if err != nil || !fi.Mode().IsRegular() || fi.Size() != p.size {
		return false, nil
	}
	if p.mayShare(fi) {
		if done, err := p.link(ctx, f, fi); done || err != nil {
			return done, err
		}
	}
	return p.clone(ctx, f)
}

// mayShare reports whether a file may be a package as it is.
func (p *Partial) mayShare(fi fs.FileInfo) bool {
	const all, others = 0o444, 0o022
	return fi.ModTime().Unix() == p.mtime.Unix() && fi.Mode().Perm()&all == all && fi.Mode().Perm()&others == 0 && ourOwn(fi)
}

// link verifies f and makes it the file of the download.
func (p *Partial) link(ctx context.Context, f *os.File, fi fs.FileInfo) (bool, error) {
	h, err := rpmpkg.NewHash(p.want.Type)
	if err != nil {
		return false, err
	}
	if _, err := io.Copy(h, contextReader{ctx, io.NewSectionReader(f, 0, p.size)}); err != nil {
		return false, ctx.Err()
	}
	now, err := f.Stat()
	if err != nil || !rpmpkg.Sum(p.want.Type, h).Equal(p.want) || now.Size() != fi.Size() || !now.ModTime().Equal(fi.ModTime()) {
		return false, nil
	}
	tmp := p.path + ".link"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if err := linkOpen(f, tmp); err != nil {
		return false, nil // another file system, or one without links
	}
	linked, err := os.Open(tmp)
	if err == nil {
		err = os.Rename(tmp, p.path)
	}
	if err != nil {
		os.Remove(tmp) //nolint:errcheck // the first error is the one to tell
		return false, err
	}
	_ = p.close() // what was downloaded of it is gone
	p.file, p.out, p.hash = linked, readOnly{}, h
	p.offset, p.verified, p.wrong = p.size, true, false
	p.mtime = time.Time{} // it has the right one
	return true, nil
}

// readOnly takes the place of a file that is not ours to write to.
type readOnly struct{}

func (readOnly) Write([]byte) (int, error) { return 0, fs.ErrPermission }

// clone shares the blocks of f, and verifies what it has got.
func (p *Partial) clone(ctx context.Context, f *os.File) (bool, error) {
	if err := cloneFile(p.file, f); err != nil {
		return false, nil
	}
	p.hash.Reset()
	p.offset, p.verified, p.wrong = 0, false, false
	_, err := p.file.Seek(0, io.SeekStart)
	if err == nil {
		err = p.resume(ctx)
	}
	if err == nil && p.Finish() == nil {
		return true, nil
	}
	return false, errors.Join(ctx.Err(), p.Restart())
}

// setTime gives the package at a place another mtime. A file that has other names
// too, which a local upstream's may be, is not ours to change: it is replaced by
// a copy. sum, if there is one, is what the copy has to be; changed is true if it
// is not, and the package as it was.
func (r *Repo) setTime(ctx context.Context, at place, mtime time.Time, sum rpmpkg.Checksum) (changed bool, err error) {
	fi, err := at.root.Stat(at.name)
	if err != nil {
		return false, err
	}
	if !hasOtherNames(fi) {
		return false, at.root.Chtimes(at.name, time.Time{}, mtime)
	}
	where := sha256.Sum256([]byte(at.location))
	key := "own-" + hex.EncodeToString(where[:8]) // no download's name: CleanPartial removes it
	tmp := r.statePath(partialDir, key)
	if err := os.MkdirAll(filepath.Dir(tmp), dirMode); err != nil {
		return false, err
	}
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	same, err := copySummed(ctx, at, tmp, sum)
	if err == nil && same {
		err = os.Chtimes(tmp, time.Time{}, mtime)
	}
	if err == nil && same {
		err = r.place(tmp, key, at)
	}
	if err != nil || !same {
		os.Remove(tmp) //nolint:errcheck // the first error is the one to tell
	}
	return !same, err
}

// copySummed copies a package to the new file dst and reports whether the copy has
// a checksum, where one is given.
func copySummed(ctx context.Context, at place, dst string, sum rpmpkg.Checksum) (same bool, err error) {
	in, err := at.root.OpenFile(at.name, openFlags, 0)
	if err != nil {
		return false, err
	}
	defer in.Close() //nolint:errcheck // only read
	var h hash.Hash
	if sum != (rpmpkg.Checksum{}) {
		if h, err = rpmpkg.NewHash(sum.Type); err != nil {
			return false, err
		}
	}
	out, err := os.OpenFile(dst, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return false, err
	}
	var to io.Writer = out
	if h != nil {
		to = io.MultiWriter(out, h)
	}
	_, err = io.Copy(to, contextReader{ctx, in})
	if err = errors.Join(err, out.Close()); err != nil {
		return false, fmt.Errorf("copy: %w", err)
	}
	return h == nil || rpmpkg.Sum(sum.Type, h).Equal(sum), nil
}
