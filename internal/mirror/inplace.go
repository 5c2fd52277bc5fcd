package mirror

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// publishInPlace publishes where directories cannot be exchanged: it puts the
// new files into the published directory, those whose names change with their
// content first and repomd.xml last, and then removes what is to go. A client
// sees the earlier generation or this one, each whole, except where two
// generations give one name to different content (--simple-md-filenames) or
// where repomd.xml has a signature beside it: those change one after the other.
func (s *Staging) publishInPlace(made []string, p *Published) error {
	names := slices.Clone(made)
	slices.SortStableFunc(names, func(a, b string) int { return turn(a) - turn(b) })
	for i, name := range names {
		if turn(name) > 0 && (i == 0 || turn(names[i-1]) == 0) {
			// What repomd.xml names is on disk before it.
			if err := s.fs.syncDir(s.target); err != nil {
				return err
			}
		}
		if err := move(s.Path(name), s.target, name); err != nil {
			return fmt.Errorf("in place: %w", err)
		}
	}
	if err := s.fs.syncDir(s.target); err != nil {
		return &PublishedError{err}
	}
	var errs []error
	for _, name := range p.Dropped {
		errs = append(errs, os.RemoveAll(filepath.Join(s.target, name)))
	}
	p.Leftover = errors.Join(errs...)
	return nil
}

// turn is when a file is put: by checksum, by name, signature and key, repomd.xml.
func turn(name string) int {
	switch {
	case name == repomdFile:
		return 3
	case name == signatureFile, name == keyFile:
		return 2
	case hashedName.MatchString(name):
		return 0
	default:
		return 1
	}
}

// move renames src to name in dir, and from another file system copies it
// beside its target first.
func move(src, dir, name string) error {
	dst := filepath.Join(dir, name)
	err := os.Rename(src, dst)
	if !errors.Is(err, syscall.EXDEV) {
		return err
	}
	tmp := filepath.Join(dir, ".gorepo-"+name)
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := copyFile(src, tmp); err != nil {
		return err
	}
	if err := syncFile(tmp); err != nil {
		return err
	}
	return os.Rename(tmp, dst)
}
