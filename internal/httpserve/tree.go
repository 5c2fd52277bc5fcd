package httpserve

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// errNotServed says that something is there which a mirror does not serve: a
// socket, a device, a link out of its repository.
var errNotServed = errors.New("neither a file nor a directory of the mirror")

// A tree opens files below ROOT, and only there.
type tree struct {
	dir  string
	root *os.Root

	mu    sync.Mutex
	repos map[string]repoRoot // by the name of the first level
}

// A repoRoot is one opened first-level directory and what it was when opened.
type repoRoot struct {
	root *os.Root
	dir  fs.FileInfo
}

func openTree(dir string) (*tree, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &tree{dir: dir, root: root, repos: map[string]repoRoot{}}, nil
}

func (t *tree) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, r := range t.repos {
		_ = r.root.Close() // a descriptor that was only read from
		delete(t.repos, id)
	}
	return t.root.Close()
}

// open opens the regular file or directory that the segments lead to.
func (t *tree) open(segments []string) (*os.File, fs.FileInfo, error) {
	root, name, err := t.locate(segments)
	if err != nil {
		return nil, nil, err
	}
	f, err := openIn(root, name)
	if errors.Is(err, fs.ErrNotExist) && strings.Contains(name, "/") {
		// A directory on the way may just have been exchanged for its next
		// generation, and the old one emptied under us: look again.
		f, err = openIn(root, name)
	}
	if err != nil {
		return nil, nil, err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() && !fi.IsDir() {
		err = errNotServed
	}
	if err == nil && fi.IsDir() && len(segments) > 0 && segments[len(segments)-1][0] == '.' {
		err = errHidden
	}
	if err == nil && root == t.root && len(segments) == 1 && !isItself(t.root.Lstat, segments[0], fi) {
		err = errNotServed
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, fi, nil
}

// locate finds the root that a path is opened through, and its name in there.
func (t *tree) locate(segments []string) (*os.Root, string, error) {
	if len(segments) == 0 {
		return t.root, ".", nil
	}
	first := segments[0]
	fi, err := t.root.Lstat(first)
	if err != nil {
		return nil, "", err
	}
	switch {
	case fi.IsDir() || fi.Mode()&fs.ModeSymlink != 0:
		repo, err := t.repo(first, fi)
		if err != nil {
			return nil, "", err
		}
		if len(segments) == 1 {
			return repo, ".", nil
		}
		return repo, strings.Join(segments[1:], "/"), nil
	case len(segments) == 1 && fi.Mode().IsRegular():
		return t.root, first, nil
	}
	return nil, "", errNotServed
}

// isItself reports whether what was opened under a name is what lies there, and
// not what a link led to that was there for a moment.
func isItself(lstat func(string) (fs.FileInfo, error), name string, opened fs.FileInfo) bool {
	fi, err := lstat(name)
	return err == nil && os.SameFile(fi, opened)
}

// repo gives the root of a first-level directory, opened once and again when
// the directory is another one. The old root is left to its finalizer: a
// request may be about to use it.
func (t *tree) repo(id string, fi fs.FileInfo) (*os.Root, error) {
	link := fi.Mode()&fs.ModeSymlink != 0
	if link {
		var err error
		if fi, err = os.Stat(filepath.Join(t.dir, id)); err != nil {
			return nil, err
		}
		if !fi.IsDir() {
			return nil, errNotServed
		}
	}
	t.mu.Lock()
	known, ok := t.repos[id]
	t.mu.Unlock()
	if ok && os.SameFile(known.dir, fi) {
		return known.root, nil
	}
	return t.openRepo(id, link)
}

func (t *tree) openRepo(id string, link bool) (*os.Root, error) {
	var root *os.Root
	var err error
	name, lstat := id, t.root.Lstat
	if link {
		lstat = os.Lstat
		root, name, err = t.followLink(id)
	} else {
		root, err = t.root.OpenRoot(id)
	}
	if err != nil {
		return nil, err
	}
	dir, err := root.Stat(".")
	if err == nil && !isItself(lstat, name, dir) {
		err = errNotServed
	}
	if err != nil {
		_ = root.Close()
		return nil, err
	}
	t.mu.Lock()
	t.repos[id] = repoRoot{root: root, dir: dir}
	t.mu.Unlock()
	return root, nil
}

// followLink opens the directory that ROOT/id links to, and gives its name. An administrator
// decides where that is, but not inside ROOT's dot directories, nor ROOT itself
// or a directory above it: other links could lead to them from there.
func (t *tree) followLink(id string) (root *os.Root, target string, err error) {
	target, err = filepath.EvalSymlinks(filepath.Join(t.dir, id))
	if err != nil {
		return nil, "", err
	}
	top, err := filepath.EvalSymlinks(t.dir)
	if err != nil {
		return nil, "", err
	}
	below, err := filepath.Rel(top, target)
	if err == nil && filepath.IsLocal(below) && (below == "." || hasDot(below)) {
		return nil, "", errHidden
	}
	above, err := filepath.Rel(target, top)
	if err == nil && filepath.IsLocal(above) {
		return nil, "", errHidden
	}
	root, err = os.OpenRoot(target)
	return root, target, err
}

func hasDot(rel string) bool {
	for s := range strings.SplitSeq(filepath.ToSlash(rel), "/") {
		if strings.HasPrefix(s, ".") {
			return true
		}
	}
	return false
}

// exists reports whether a regular file is there.
func (t *tree) exists(segments ...string) bool {
	f, fi, err := t.open(segments)
	if err != nil {
		return false
	}
	_ = f.Close() // only read from
	return fi.Mode().IsRegular()
}
