package mirror

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
)

const (
	nestedDir = "nested"
	// forgottenDir is what a repodata is called that goes.
	forgottenDir = ".gorepo-old-repodata"
)

// Nested returns the repository in a directory of this one: an addon of an
// installation tree, with metadata of its own. Its packages may lie anywhere in
// this repository, as its metadata says. Its state is part of this one's; this
// repository is closed after it.
func (r *Repo) Nested(dir string) (*Repo, error) {
	below, err := CheckDir(dir)
	if err == nil {
		err = r.notForeign(below)
	}
	if err != nil {
		return nil, err
	}
	state := nestedName.Replace(below)
	if len(state) > maxComponent {
		return nil, &LocationError{dir, "is too long for a repository's directory"}
	}
	n := makeRepo(r.id+"/"+below, path.Join(r.dir, below), r.statePath(nestedDir, state))
	n.parent, n.below, n.waiting = r, below, r.waiting
	n.outside = &outside{dir: r.dir, below: below, open: func() (*os.Root, error) {
		root, err := r.Root()
		if err != nil {
			return nil, err
		}
		return root.OpenRoot(".") // it is closed by its own
	}}
	return n, nil
}

// nestedName makes one name of a path, and nestedPath the path again.
var (
	nestedName = strings.NewReplacer("%", "%25", "/", "%2F")
	nestedPath = strings.NewReplacer("%25", "%", "%2F", "/")
)

// nestedDirs are the directories of the repositories inside this one of which
// something is remembered.
func (r *Repo) nestedDirs() []string {
	entries, err := os.ReadDir(r.statePath(nestedDir))
	if err != nil {
		return nil
	}
	var list []string
	for _, e := range entries {
		if dir, err := CheckDir(nestedPath.Replace(e.Name())); err == nil {
			list = append(list, dir)
		}
	}
	return list
}

// Forget removes the metadata of a nested repository, in one step, and then what is
// remembered of it. Its packages are the outer repository's from then on.
func (r *Repo) Forget() error {
	root, err := r.Root()
	if err == nil {
		err = errors.Join(root.RemoveAll(forgottenDir), root.RemoveAll(stagingOf(repodataDir)))
	}
	if err == nil {
		err = root.Rename(repodataDir, forgottenDir)
	}
	if err == nil {
		err = root.RemoveAll(forgottenDir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, os.RemoveAll(r.state))
}
