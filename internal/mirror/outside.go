package mirror

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// outside is the directory above a repository's in which packages may lie that
// its metadata names outside of it ("../pool/x.rpm").
type outside struct {
	dir   string
	below string // of the repository's directory, a path below dir; "" is dir itself
	open  func() (*os.Root, error)

	root *os.Root // once it was opened
}

// outsideOf lets a repository in repoDir write below dir, which somebody named.
func outsideOf(repoDir, dir string) (*outside, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	below, err := filepath.Rel(abs, repoDir)
	if err != nil || !filepath.IsLocal(below) {
		return nil, fmt.Errorf("%s does not lie below %s, where packages may be written to: name a directory above it", repoDir, abs)
	}
	return &outside{dir: abs, below: filepath.ToSlash(below), open: func() (*os.Root, error) { return os.OpenRoot(abs) }}, nil
}

// Places are the directories in which packages may lie.
func (r *Repo) Places() []string {
	if r.outside == nil {
		return []string{r.dir}
	}
	return []string{r.dir, r.outside.dir}
}

func (o *outside) close() error {
	if o == nil || o.root == nil {
		return nil
	}
	err := o.root.Close()
	o.root = nil
	return err
}

// find gives the path below dir of a location that leads out of the repository.
// inside is its path in the repository, where it leads back there.
func (o *outside) find(location string) (file, inside string, err error) {
	file = path.Join(o.below, location)
	if rest, ok := strings.CutPrefix(file, o.below+"/"); ok {
		inside, err = CheckLocation(rest)
		return "", inside, err
	}
	if file == ".." || strings.HasPrefix(file, "../") {
		return "", "", &LocationError{location, "leads out of " + o.dir + " too"}
	}
	if _, err = checkFile(file); err == nil {
		_, err = checkLocation(file)
	}
	if err != nil {
		return "", "", &LocationError{location, err.Error()}
	}
	return file, "", nil
}

// A place is where a package lies: a path in a directory that is not left.
type place struct {
	root *os.Root
	name string
	// location is name as seen from the repository, which is what its metadata
	// and its state name.
	location string
}

// at finds the place of a location. While there is no such directory the error
// is fs.ErrNotExist; else it is a *LocationError.
func (r *Repo) at(location string) (place, error) {
	clean, file, err := r.resolve(location)
	if err != nil {
		return place{}, err
	}
	root, err := r.Root()
	if err == nil && file != "" {
		root, err = r.outsideRoot()
	}
	if err != nil {
		return place{}, err
	}
	if file == "" {
		file = clean
	}
	return place{root: root, name: file, location: clean}, nil
}

// Check is CheckLocation for this repository. A location that leads out of it is
// well where it stays below RepoOptions.WriteBelow.
func (r *Repo) Check(location string) (string, error) {
	clean, _, err := r.resolve(location)
	return clean, err
}

// resolve gives the location in one spelling, and the path below outside.dir of
// what lies there.
func (r *Repo) resolve(location string) (clean, file string, err error) {
	clean, err = CheckLocation(location)
	if err != nil && r.outside != nil && LeadsOut(location) {
		if file, clean, err = r.outside.find(location); err == nil && file != "" {
			clean = path.Clean(location)
		}
	}
	if err != nil {
		return "", "", err
	}
	return clean, file, nil
}

// notForeign refuses what would be written into another repository's directory:
// where a repository is ROOT itself, the others lie inside it. The path may lead
// out of the repository, where somebody allowed that.
func (r *Repo) notForeign(clean string) error {
	if r.parent != nil {
		return r.parent.notForeign(path.Join(r.below, clean))
	}
	all := filepath.Dir(r.state)
	if r.dir != filepath.Dir(all) {
		return nil
	}
	first, _, _ := strings.Cut(clean, "/")
	if first == r.id || first == ".." || !isDir(filepath.Join(all, first)) {
		return nil
	}
	return &LocationError{clean, "is in the directory of another repository"}
}

// LeadsOut reports whether a location is a path to somewhere else than below the
// repository: "../pool/x.rpm".
func LeadsOut(location string) bool {
	clean := path.Clean(location)
	return clean == ".." || strings.HasPrefix(clean, "../")
}

// Inside is where a package is stored whose location leads out of a repository
// that does not let it: at the same path without the leading "..".
func Inside(location string) string {
	clean := path.Clean(location)
	for strings.HasPrefix(clean, "../") {
		clean = clean[len("../"):]
	}
	return clean
}

func (r *Repo) outsideRoot() (*os.Root, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.outside.root == nil {
		root, err := r.outside.open()
		if err != nil {
			return nil, fmt.Errorf("repository %s: %w", r.id, err)
		}
		r.outside.root = root
	}
	return r.outside.root, nil
}
