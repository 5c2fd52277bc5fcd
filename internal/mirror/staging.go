package mirror

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	repomdFile    = "repomd.xml"
	signatureFile = "repomd.xml.asc"
	keyFile       = "repomd.xml.key"
)

// OtherToolError tells that createrepo_c's own lock is in an output directory.
type OtherToolError struct {
	Path string // the directory that is its lock
}

func (e *OtherToolError) Error() string {
	return fmt.Sprintf("%s: createrepo_c is running here, or died here: when it is not running, remove that directory", e.Path)
}

// A Staging is the next generation of a directory's repodata while it is made,
// beside the published one. Whoever makes one holds Repo.Lock or LockDir. Its
// methods may be called from many goroutines, Publish and Discard last.
type Staging struct {
	dir    string // the staging directory
	target string // what it will become: repodata, or what repodata links to
	output string // where the packages are, too, as a rule
	fs     fsOps
	root   *os.Root

	mu     sync.Mutex
	linked map[string]bool // files that are another file's hard link
}

// RemoveOtherLock removes the lock that createrepo_c has in an output directory,
// or has left there.
func RemoveOtherLock(outputDir string) error {
	return os.RemoveAll(filepath.Join(outputDir, ".repodata"))
}

// NewStaging makes an empty generation for outputDir/repodata. outputDir
// exists; repodata may be missing, or a symbolic link to a directory, beside
// whose target the staging is then. What a crash left of an earlier one goes.
func NewStaging(outputDir string) (*Staging, error) { return newStaging(outputDir, systemFS) }

func newStaging(outputDir string, fsys fsOps) (*Staging, error) {
	target, err := resolveRepodata(outputDir)
	if err != nil {
		return nil, err
	}
	other := filepath.Join(outputDir, ".repodata")
	if _, err := os.Lstat(other); err == nil {
		return nil, &OtherToolError{Path: other}
	}
	s := &Staging{
		dir:    stagingOf(target),
		target: target,
		output: outputDir,
		fs:     fsys,
		linked: map[string]bool{},
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return nil, fmt.Errorf("%s is of an earlier run, and has to be removed first: %w", s.dir, err)
	}
	err = os.Mkdir(s.dir, dirMode)
	if err == nil {
		s.root, err = os.OpenRoot(s.dir)
	}
	if err != nil {
		return nil, fmt.Errorf("new metadata: %w", err)
	}
	return s, nil
}

// stagingOf is where the generation that is to become target is made.
func stagingOf(target string) string {
	return filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+"-gorepo")
}

// RemoveStaging removes what a crash left of an earlier Staging, for who needs
// none. Whoever calls it holds the same lock.
func RemoveStaging(outputDir string) error {
	target, err := resolveRepodata(outputDir)
	if err != nil {
		return err
	}
	return os.RemoveAll(stagingOf(target))
}

// resolveRepodata finds the directory that is, or will be, outputDir's repodata.
func resolveRepodata(outputDir string) (string, error) {
	switch fi, err := os.Stat(outputDir); {
	case err != nil:
		return "", fmt.Errorf("output directory: %w", err)
	case !fi.IsDir():
		return "", fmt.Errorf("output directory %s: not a directory", outputDir)
	}
	path := filepath.Join(outputDir, repodataDir)
	link, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	if err != nil {
		return "", err
	}
	target, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) && link.Mode()&fs.ModeSymlink != 0 {
		return "", fmt.Errorf("%s: a symbolic link to nothing: make the directory that it names, or remove it: %w", path, err)
	}
	if err != nil {
		return "", err
	}
	fi, err := os.Stat(target)
	if err != nil {
		return "", err
	}
	if !fi.IsDir() {
		return "", fmt.Errorf("%s: not a directory: remove it", path)
	}
	if link.Mode()&fs.ModeSymlink == 0 {
		return path, nil
	}
	return target, nil
}

// Dir is the staging directory, to read what was made. Files are made through
// the Staging.
func (s *Staging) Dir() string { return s.dir }

// Path is the path of one file in the staging directory.
func (s *Staging) Path(name string) string { return filepath.Join(s.dir, name) }

// Create makes a new file; the caller closes it. Publish brings it to disk.
func (s *Staging) Create(name string) (*os.File, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	return s.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
}

// Write makes a new file of data.
func (s *Staging) Write(name string, data []byte) error {
	f, err := s.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// Link makes name a hard link to the file at path, or a copy of it where that
// cannot be. The file is not to change after that.
func (s *Staging) Link(path, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if err := linkOrCopy(path, s.Path(name)); err != nil {
		return err
	}
	s.setLinked(name, true)
	return nil
}

// Rename gives a file its final name, once that is known.
func (s *Staging) Rename(from, to string) error {
	if err := errors.Join(CheckName(from), CheckName(to)); err != nil {
		return err
	}
	if err := s.root.Rename(from, to); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.linked[to] = s.linked[from]
	delete(s.linked, from)
	return nil
}

// Remove takes a file out again.
func (s *Staging) Remove(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	s.setLinked(name, false)
	return s.root.Remove(name)
}

// SetTime sets a file's mtime, of the file here only: a link becomes a copy.
func (s *Staging) SetTime(name string, t time.Time) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if s.isLinked(name) {
		if err := s.unlink(name); err != nil {
			return err
		}
	}
	return s.root.Chtimes(name, time.Time{}, t)
}

// unlink makes a link a file of its own.
func (s *Staging) unlink(name string) error {
	const tmp = ".unlink"
	if err := copyFile(s.Path(name), s.Path(tmp)); err != nil {
		return err
	}
	if err := s.root.Rename(tmp, name); err != nil {
		return err
	}
	s.setLinked(name, false)
	return nil
}

func (s *Staging) isLinked(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.linked[name]
}

func (s *Staging) setLinked(name string, linked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if linked {
		s.linked[name] = true
	} else {
		delete(s.linked, name)
	}
}

// Names lists what was made so far, sorted.
func (s *Staging) Names() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names, nil
}

// Discard removes the generation, if it was not published.
func (s *Staging) Discard() error {
	if s.root == nil {
		return nil
	}
	err := errors.Join(s.root.Close(), os.RemoveAll(s.dir))
	s.root = nil
	return err
}
