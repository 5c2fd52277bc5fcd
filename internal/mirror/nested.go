package mirror

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
)

const nestedDir = "nested"

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
	state := strings.NewReplacer("%", "%25", "/", "%2F").Replace(below)
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

// Forget removes the metadata of a nested repository, and what is remembered of
// it. Its packages are the outer repository's from then on.
func (r *Repo) Forget() error {
	root, err := r.Root()
	if err == nil {
		err = root.RemoveAll(repodataDir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, os.RemoveAll(r.state))
}
