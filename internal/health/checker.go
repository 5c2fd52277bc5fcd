package health

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
)

// maxState bounds state.json, in bytes: it may name every package of a large
// repository, more than once.
const maxState = 256 << 20

// A Checker looks at the repositories of one mirror. It remembers what it read
// as long as the files stay the same, so that a look at hundreds of repositories
// takes a few milliseconds. It may be used from many goroutines.
type Checker struct {
	mirror   *mirror.Mirror
	expected func(id string) Expected

	mu    sync.Mutex
	known map[string]known
}

// known is what was read of a repository, and the files that it was read from.
type known struct {
	state, repomd fs.FileInfo
	dir           string // of packages and repodata
	files         []named
	repo          Repo // without what depends on the time
}

// named is a file that repomd.xml names.
type named struct {
	location string
	size     int64 // bytes; -1 where it does not say
}

// Expected is what a repository is measured by.
type Expected struct {
	// MaxAge is how old its last complete sync may be; zero or less where age does
	// not count.
	MaxAge time.Duration
	// Upstream says that it is to be synced. Of one that never was the age of what
	// is published counts.
	Upstream bool
}

// New returns a Checker of the mirror in root. expected is called for each Check;
// nil: DefaultMaxAge for all.
func New(root string, expected func(id string) Expected) (*Checker, error) {
	m, err := mirror.Open(root)
	if err != nil {
		return nil, err
	}
	if expected == nil {
		expected = func(string) Expected { return Expected{MaxAge: DefaultMaxAge} }
	}
	return &Checker{mirror: m, expected: expected, known: map[string]known{}}, nil
}

// Check tells the state of one repository at a moment. What cannot be read is a
// state too.
func (c *Checker) Check(id string, now time.Time) Repo {
	k, err := c.look(id)
	r, e := k.repo, c.expected(id)
	r.ID, r.MaxAge = id, e.MaxAge
	r.judge(now, e.Upstream, err)
	return r
}

func (c *Checker) look(id string) (known, error) {
	repo, err := c.mirror.Repo(id, mirror.RepoOptions{})
	if err != nil {
		return known{}, err
	}
	c.mu.Lock()
	k := c.known[id]
	c.mu.Unlock()
	stateErr := k.readState(repo)
	repomdErr := k.readPublished()
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.state == nil && k.repomd == nil { // somebody may ask for anything
		delete(c.known, id)
	} else {
		c.known[id] = k
	}
	return k, errors.Join(stateErr, repomdErr)
}

// readState reads what gorepo remembers of the repository, if it has changed.
func (k *known) readState(repo *mirror.Repo) error {
	fi, data, err := readChanged(repo.StatePath(), k.state, maxState)
	if err == nil && data == nil {
		return nil
	}
	k.state, k.dir = nil, repo.Dir()
	k.repo.Sync, k.repo.Publish, k.repo.Upstream = mirror.SyncState{}, mirror.PublishState{}, time.Time{}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var s mirror.State
	if err == nil {
		s, err = mirror.ParseState(data)
	}
	if err != nil {
		return fmt.Errorf("gorepo's state of it cannot be read: %w", err)
	}
	switch {
	case filepath.IsAbs(s.Dir):
		k.dir = s.Dir
	case s.Dir != "":
		k.dir = filepath.Join(filepath.Dir(repo.Dir()), s.Dir)
	}
	k.state = fi
	k.repo.Sync, k.repo.Publish, k.repo.Upstream = s.Sync, s.Publish, upstreamTime(repo)
	return nil
}

// upstreamTime is when upstream made the list of packages that is stored.
func upstreamTime(repo *mirror.Repo) time.Time {
	u, err := repo.Upstream()
	if err != nil {
		return time.Time{}
	}
	defer u.Close() //nolint:errcheck // only read
	data, err := u.ReadFile("repomd.xml")
	if err != nil {
		return time.Time{}
	}
	m, err := repodata.ParseRepomd(data)
	if err != nil {
		return time.Time{}
	}
	if rec, _ := m.Find(repodata.Primary.String()); rec.Timestamp > 0 {
		return time.Unix(rec.Timestamp, 0).UTC()
	}
	return time.Time{}
}

// readPublished reads the published generation's repomd.xml, and looks whether what
// it names is there. Other programs replace repodata in more than one step: what is
// missing may be that of a generation that is gone meanwhile.
func (k *known) readPublished() (err error) {
	for range 2 {
		if err = k.readRepomd(); err == nil {
			err = k.incomplete()
		}
		if err == nil {
			return nil
		}
	}
	return err
}

// incomplete looks for the files that repomd.xml names.
func (k *known) incomplete() error {
	for _, f := range k.files {
		fi, err := os.Stat(filepath.Join(k.dir, f.location))
		switch {
		case err != nil && errors.Is(absent(err), fs.ErrNotExist):
			return fmt.Errorf("%s, which repomd.xml names, is not there", f.location)
		case err != nil:
			return fmt.Errorf("%s, which repomd.xml names: %w", f.location, absent(err))
		case f.size >= 0 && fi.Size() != f.size:
			return fmt.Errorf("%s has %d bytes, and %d according to repomd.xml", f.location, fi.Size(), f.size)
		}
	}
	return nil
}

// maxDistros and maxText bound what is remembered of what repomd.xml says.
const (
	maxDistros = 10
	maxText    = 200
)

func cut(s string) string { return strings.Clone(s[:min(len(s), maxText)]) }

// maxFiles is how many of the files that a repomd.xml names are looked for.
const maxFiles = 100

// readRepomd reads the published generation's repomd.xml, if it has changed.
func (k *known) readRepomd() error {
	dir := filepath.Join(k.dir, "repodata")
	fi, data, err := readChanged(filepath.Join(dir, "repomd.xml"), k.repomd, repodata.MaxRepomd)
	if err == nil && data == nil {
		return nil
	}
	k.repomd, k.files, k.repo.Distro = nil, nil, nil
	k.repo.Published, k.repo.Generation, k.repo.Revision, k.repo.Metadata, k.repo.Packages = false, time.Time{}, "", 0, -1
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var m *repodata.Repomd
	if err == nil {
		m, err = repodata.ParseRepomd(data)
	}
	if err != nil {
		return fmt.Errorf("repodata/repomd.xml cannot be read: %w", err)
	}
	k.repomd = fi
	k.repo.Published, k.repo.Generation, k.repo.Revision = true, fi.ModTime().UTC(), m.Revision
	for _, d := range m.Tags.Distro[:min(len(m.Tags.Distro), maxDistros)] {
		k.repo.Distro = append(k.repo.Distro, cut(d.CPEID), cut(d.Name))
	}
	for _, rec := range m.Records {
		k.repo.Metadata += max(rec.Size, 0)
		if rec.Base == "" && filepath.IsLocal(rec.Location) && len(k.files) < maxFiles {
			k.files = append(k.files, named{rec.Location, rec.Size})
		}
	}
	if rec, ok := m.Find(repodata.Primary.String()); ok {
		k.repo.Packages = packages(filepath.Join(dir, rec.Name()))
	}
	return nil
}

// readChanged reads a file, unless it is the one that was. data is nil then.
func readChanged(path string, was fs.FileInfo, limit int64) (fi fs.FileInfo, data []byte, err error) {
	fi, err = os.Stat(path)
	if err != nil {
		return nil, nil, absent(err)
	}
	if was != nil && os.SameFile(was, fi) && was.Size() == fi.Size() && was.ModTime().Equal(fi.ModTime()) {
		return fi, nil, nil
	}
	f, err := openFile(path)
	if err != nil {
		return nil, nil, absent(err)
	}
	defer f.Close() //nolint:errcheck // only read
	// What is remembered is the file that is read, not the one that was there a
	// moment before.
	if fi, err = f.Stat(); err != nil {
		return nil, nil, err
	}
	data, err = io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("it has more than %d bytes", limit)
	}
	return fi, data, err
}

// openFile opens a regular file, and waits for nobody.
func openFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = errors.New("it is not a file")
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// absent makes fs.ErrNotExist of a path that leads through a file, too, and
// leaves the rest without the path, which is not for everybody.
func absent(err error) error {
	if errors.Is(err, syscall.ENOTDIR) {
		return fs.ErrNotExist
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// maxHead is how much of a primary file is looked at for its number of packages,
// in bytes.
const maxHead = 4 << 10

// packages is how many packages a primary file says it lists; -1 if it does not.
func packages(path string) int {
	f, err := openFile(path)
	if err != nil {
		return -1
	}
	defer f.Close() //nolint:errcheck // only read
	r, err := repodata.Decompress(f, 1<<62)
	if err != nil {
		return -1
	}
	defer r.Close() //nolint:errcheck // only read
	head := make([]byte, maxHead)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return -1
	}
	_, tag, _ := bytes.Cut(head[:n], []byte("<metadata"))
	tag, _, _ = bytes.Cut(tag, []byte(">"))
	_, value, ok := bytes.Cut(tag, []byte(` packages="`))
	value, _, closed := bytes.Cut(value, []byte(`"`))
	count, err := strconv.Atoi(string(value))
	if !ok || !closed || err != nil || count < 0 {
		return -1
	}
	return count
}
