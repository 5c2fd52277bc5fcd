package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"gorepo/internal/rpmpkg"
)

const (
	upstreamDir    = "upstream"
	upstreamNewDir = "upstream.new"
	upstreamOldDir = "upstream.old"
)

// Upstream is upstream's metadata as the last complete sync verified it:
// repomd.xml, its signature and key, and the records, by RecordName. A file that
// is open stays whole when another generation is committed; then open it anew.
type Upstream struct {
	dir  string
	root *os.Root
}

// Upstream opens the metadata of the last complete sync. Before the first the
// error is fs.ErrNotExist.
func (r *Repo) Upstream() (*Upstream, error) {
	dir := r.statePath(upstreamDir)
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		// A crash in replaceDir can leave the old one alone.
		dir = r.statePath(upstreamOldDir)
		if old, oldErr := os.OpenRoot(dir); oldErr == nil {
			root, err = old, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("repository %s: upstream metadata: %w", r.id, err)
	}
	return &Upstream{dir: dir, root: root}, nil
}

// Open opens one file.
func (u *Upstream) Open(name string) (*os.File, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	return u.root.OpenFile(name, openFlags, 0)
}

// ReadFile reads one small file: repomd.xml, its signature or key.
func (u *Upstream) ReadFile(name string) ([]byte, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	return u.root.ReadFile(name)
}

// Path is where a file lies, for Staging.Link while the repository is locked.
func (u *Upstream) Path(name string) string { return filepath.Join(u.dir, name) }

// Verify reports whether the file of that name has the checksum, and the size
// where that is not negative.
func (u *Upstream) Verify(ctx context.Context, name string, sum rpmpkg.Checksum, size int64) (bool, error) {
	return verifyIn(ctx, u.root, name, sum, size)
}

// Close ends the use of the metadata.
func (u *Upstream) Close() error { return u.root.Close() }

// VerifyFile reports whether the metadata file of that name in dir has the
// checksum, and the size where that is not negative.
func VerifyFile(ctx context.Context, dir, name string, sum rpmpkg.Checksum, size int64) (bool, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return false, err
	}
	defer root.Close() //nolint:errcheck // only read
	return verifyIn(ctx, root, name, sum, size)
}

func verifyIn(ctx context.Context, root *os.Root, name string, sum rpmpkg.Checksum, size int64) (bool, error) {
	if err := CheckName(name); err != nil {
		return false, err
	}
	fi, err := root.Lstat(name)
	if absent(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !fi.Mode().IsRegular() || size >= 0 && fi.Size() != size {
		return false, nil
	}
	got, err := sumOf(ctx, root, name, sum.Type)
	return err == nil && got.Equal(sum), err
}
