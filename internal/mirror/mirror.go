package mirror

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unicode"
)

// StateDir is the name of gorepo's own directory in ROOT. It is never served.
const StateDir = ".gorepo"

const (
	dirMode  = 0o755 // before the umask
	fileMode = 0o644
)

// A Mirror is ROOT: the directory of all repositories.
type Mirror struct {
	root string
}

// Open returns the mirror in the directory root, which need not exist yet:
// nothing is created before something is written.
func Open(root string) (*Mirror, error) {
	if root == "" {
		return nil, errors.New("the mirror's directory is not set")
	}
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, fmt.Errorf("mirror %s: %w", root, err)
	}
	switch fi, err := os.Stat(abs); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("mirror: %w", err)
	case !fi.IsDir():
		return nil, fmt.Errorf("mirror %s: not a directory", abs)
	}
	return &Mirror{root: abs}, nil
}

// Root is the mirror's directory, an absolute path.
func (m *Mirror) Root() string { return m.root }

// RepoOptions says where a repository is, when that is not ROOT/ID.
type RepoOptions struct {
	// Dir is the directory of packages and repodata: absolute, or below ROOT.
	// "." is ROOT itself (reposync's --norepopath), "" is ROOT/ID.
	Dir string
	// WriteBelow is a directory above the repository's, in which packages may lie
	// whose locations lead out of the repository (reposync's --safe-write-path).
	// "" keeps all packages in the repository.
	WriteBelow string
	// Waiting is told, once each time, that the lock of the repository is not to
	// be had soon; nil: nobody is.
	Waiting func(*LockedError)
}

// Repo returns one repository of the mirror, which need not exist yet.
func (m *Mirror) Repo(id string, opts RepoOptions) (*Repo, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	dir := opts.Dir
	switch {
	case dir == "":
		dir = filepath.Join(m.root, id)
	case !filepath.IsAbs(dir):
		dir = filepath.Join(m.root, dir)
	}
	r := makeRepo(id, filepath.Clean(dir), filepath.Join(m.root, StateDir, id))
	r.waiting = opts.Waiting
	if opts.WriteBelow == "" {
		return r, nil
	}
	var err error
	r.outside, err = outsideOf(r.dir, opts.WriteBelow)
	return r, err
}

func makeRepo(id, dir, state string) *Repo {
	return &Repo{id: id, dir: dir, state: state, busy: map[string]bool{}, rename: renameInto, fs: systemFS}
}

// placeInRoot is RepoOptions.Dir of the repository.
func (r *Repo) placeInRoot() string {
	root := filepath.Dir(filepath.Dir(r.state))
	below, err := filepath.Rel(root, r.dir)
	switch {
	case err != nil, !filepath.IsLocal(below):
		return r.dir
	case below == r.id:
		return ""
	}
	return below
}

// ReposAt finds the repositories of a mirror whose packages are in dir: none for
// a directory that is none of a mirror's, more than one where --norepopath put
// several into one ROOT. What the directories hold is all that it looks at.
func ReposAt(dir string) ([]*Repo, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	places := []string{abs}
	if real, err := filepath.EvalSymlinks(abs); err == nil && real != abs {
		places = append(places, real)
	}
	for _, place := range places {
		id := filepath.Base(place)
		if checkID(id) == nil && isDir(filepath.Join(filepath.Dir(place), StateDir, id)) {
			repo, err := (&Mirror{root: filepath.Dir(place)}).Repo(id, RepoOptions{})
			return []*Repo{repo}, err
		}
	}
	return reposIn(places[len(places)-1])
}

// reposIn finds the repositories whose packages are in ROOT itself.
func reposIn(root string) ([]*Repo, error) {
	entries, err := os.ReadDir(filepath.Join(root, StateDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []*Repo
	for _, e := range entries {
		repo, err := (&Mirror{root: root}).Repo(e.Name(), RepoOptions{Dir: "."})
		if err != nil {
			continue // nothing of ours
		}
		if state, warning := repo.State(); warning == nil && state.Dir == "." {
			list = append(list, repo)
		}
	}
	return list, nil
}

func isDir(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// checkID refuses what cannot be one directory's name. The configuration is
// stricter; this is what the mirror itself needs.
func checkID(id string) error {
	switch {
	case id == "":
		return errors.New("a repository without an id")
	case len(id) > 255:
		return fmt.Errorf("repository id %.40q...: longer than 255 bytes", id)
	case strings.HasPrefix(id, "."):
		return fmt.Errorf("repository id %q: starts with a dot", id)
	case strings.ContainsAny(id, `/\`), strings.ContainsFunc(id, unicode.IsControl):
		return fmt.Errorf("repository id %q: has a slash, a backslash or a control character", id)
	}
	return nil
}

// A Repo is one repository of a mirror. Its methods may be called from many
// goroutines.
type Repo struct {
	id    string
	dir   string // packages and repodata
	state string // ROOT/.gorepo/ID

	mu      sync.Mutex
	root    *os.Root // of dir, once it was opened
	outside *outside // where packages may lie besides; nil: nowhere
	parent  *Repo    // whose directory this one lies in, at below; nil: a repository of its own
	below   string
	busy    map[string]bool // names in partial/ that are open

	waiting func(*LockedError) // see RepoOptions

	// Replaced by tests.
	rename func(root *os.Root, src, dir, base string) error
	fs     fsOps
}

// ID is the repository's id.
func (r *Repo) ID() string { return r.id }

// Dir is the directory of packages and repodata, an absolute path.
func (r *Repo) Dir() string { return r.dir }

// Root is Dir opened so that no path leads out of it; Dir itself may be a
// symbolic link. While there is no such directory the error is fs.ErrNotExist.
// The Repo closes it.
func (r *Repo) Root() (*os.Root, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.root == nil {
		root, err := r.openRoot()
		if err != nil {
			return nil, fmt.Errorf("repository %s: %w", r.id, err)
		}
		r.root = root
	}
	return r.root, nil
}

func (r *Repo) openRoot() (*os.Root, error) {
	if r.parent == nil {
		return os.OpenRoot(r.dir)
	}
	root, err := r.parent.Root()
	if err != nil {
		return nil, err
	}
	return root.OpenRoot(r.below)
}

// Close releases what the Repo holds open. It does not unlock.
func (r *Repo) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.outside.close()
	if r.root != nil {
		err = errors.Join(err, r.root.Close())
		r.root = nil
	}
	return err
}

// create makes the repository's directories.
func (r *Repo) create() error {
	err := r.createDir()
	if err == nil {
		err = os.MkdirAll(r.state, dirMode)
	}
	if err != nil {
		return fmt.Errorf("repository %s: %w", r.id, err)
	}
	return nil
}

func (r *Repo) createDir() error {
	if r.parent == nil {
		return os.MkdirAll(r.dir, dirMode)
	}
	root, err := r.parent.Root()
	if err != nil {
		return err
	}
	return root.MkdirAll(r.below, dirMode)
}

// statePath is the path of one of gorepo's own files.
func (r *Repo) statePath(name ...string) string {
	return filepath.Join(append([]string{r.state}, name...)...)
}

// Flush brings to disk all that was written to the repository's file system.
// One call stands for an fsync of each package.
func (r *Repo) Flush() error {
	for _, dir := range r.Places() {
		if err := r.fs.syncFS(dir); err != nil {
			return fmt.Errorf("repository %s: flush: %w", r.id, err)
		}
	}
	return nil
}
