package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// PublishOptions says what of the published generation stays readable.
type PublishOptions struct {
	// Keep are the files that the published repomd.xml names, as locations or
	// names: they stay for one more generation, for clients that have read it.
	Keep []string
	// KeepAll keeps every file but repomd.xml, its signature and key
	// (--retain-old-md).
	KeepAll bool
	// Generated are names without a checksum that are metadata of some earlier
	// generation (--simple-md-filenames) and not the user's own files; those of
	// primary, filelists and other are known.
	Generated []string
}

// Published tells what a publication did with the files that were there.
type Published struct {
	Kept    []string // of the earlier generation, and the user's own
	Dropped []string
	// InPlace is set where directories cannot be exchanged: the files were
	// put one by one, repomd.xml last.
	InPlace bool
	// Leftover is what kept the earlier generation from being removed, or nil.
	// The next Staging removes it.
	Leftover error
}

var (
	hashedName = regexp.MustCompile(`^[0-9a-f]{32,128}-`)
	simpleName = regexp.MustCompile(`^(primary|filelists|filelists-ext|other)(_zck|_db)?\.(xml|sqlite)(\.(gz|bz2|xz|zst|zck))?$`)
)

// Publish makes the staged generation the published one, in one step, after
// all of it, and the packages beside it, are on disk. Killed at any moment it
// leaves the earlier generation or this one, whole. After an error the earlier
// one is published still, unless the error is *PublishedError.
//
// Files of the user in repodata, which no generation named, stay.
func (s *Staging) Publish(ctx context.Context, opts PublishOptions) (Published, error) {
	p, err := s.publish(ctx, opts)
	if err != nil {
		return p, fmt.Errorf("publish %s: %w", s.target, err)
	}
	return p, nil
}

// PublishedError tells that the new generation is published, but not known to
// outlast a power cut.
type PublishedError struct{ Err error }

func (e *PublishedError) Error() string {
	return "the new metadata is in place, but may not be on disk: " + e.Err.Error()
}

func (e *PublishedError) Unwrap() error { return e.Err }

func (s *Staging) publish(ctx context.Context, opts PublishOptions) (Published, error) {
	made, err := s.Names()
	if err != nil {
		return Published{}, err
	}
	if !slices.Contains(made, repomdFile) {
		return Published{}, errors.New("no repomd.xml was made")
	}
	old, err := os.ReadDir(s.target)
	first := errors.Is(err, fs.ErrNotExist)
	if err != nil && !first {
		return Published{}, err
	}
	p := sortOld(old, made, opts)
	for _, name := range p.Kept {
		if err := carry(filepath.Join(s.target, name), s.Path(name)); err != nil {
			return Published{}, fmt.Errorf("keep %s: %w", name, err)
		}
	}
	if err := s.flush(ctx, made); err != nil {
		return Published{}, err
	}
	switch {
	case first:
		err = os.Rename(s.dir, s.target)
	default:
		err = s.fs.exchange(s.dir, s.target)
		if errors.Is(err, errors.ErrUnsupported) {
			p.InPlace = true
			err = s.publishInPlace(made, &p)
		}
	}
	if err != nil {
		return Published{}, err
	}
	if err := s.fs.syncDir(filepath.Dir(s.target)); err != nil {
		return p, &PublishedError{err}
	}
	p.Leftover = errors.Join(p.Leftover, s.Discard()) // what is left is the earlier generation
	return p, nil
}

// sortOld tells which of the published files go on into the next generation.
func sortOld(old []fs.DirEntry, made []string, opts PublishOptions) Published {
	keep := map[string]bool{}
	for _, location := range opts.Keep {
		keep[path.Base(location)] = true
	}
	var p Published
	for _, e := range old {
		name := e.Name()
		switch {
		case slices.Contains(made, name):
		case name == repomdFile, name == signatureFile, name == keyFile:
			p.Dropped = append(p.Dropped, name)
		case strings.HasPrefix(name, ".gorepo-"), strings.HasPrefix(name, ".nfs"):
			p.Dropped = append(p.Dropped, name)
		case opts.KeepAll, keep[name], !generated(name, opts.Generated):
			p.Kept = append(p.Kept, name)
		default:
			p.Dropped = append(p.Dropped, name)
		}
	}
	return p
}

// generated reports whether a file was made by gorepo or createrepo_c.
func generated(name string, simple []string) bool {
	return hashedName.MatchString(name) || simpleName.MatchString(name) || slices.Contains(simple, name)
}

// carry brings a published file into the staging, by a hard link where that
// can be; of a directory, all that is in it.
func carry(src, dst string) error {
	fi, err := os.Lstat(src)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // taken away just now
	}
	if err != nil {
		return err
	}
	switch {
	case fi.IsDir():
		return carryDir(src, dst, fi.Mode().Perm())
	case fi.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(src)
		if err != nil {
			return err
		}
		return os.Symlink(target, dst)
	case fi.Mode().IsRegular():
		return linkOrCopy(src, dst)
	default:
		return os.Link(src, dst) // a pipe cannot be copied
	}
}

func carryDir(src, dst string, perm fs.FileMode) error {
	if err := os.Mkdir(dst, perm|0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(src)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := carry(filepath.Join(src, e.Name()), filepath.Join(dst, e.Name())); err != nil {
			return err
		}
	}
	return os.Chmod(dst, perm)
}

// flush brings to disk the new files, their directory, and with the whole file
// system the packages that they name.
func (s *Staging) flush(ctx context.Context, made []string) error {
	for _, name := range made {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.fs.syncFile(s.Path(name)); err != nil {
			return err
		}
	}
	if err := s.fs.syncDir(s.dir); err != nil {
		return err
	}
	if err := s.fs.syncFS(s.output); err != nil {
		return err
	}
	if filepath.Dir(s.target) != filepath.Clean(s.output) {
		// repodata is a link, maybe to another file system.
		if err := s.fs.syncFS(s.dir); err != nil {
			return err
		}
	}
	return ctx.Err()
}
