package mirror

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gorepo/internal/rpmpkg"
)

const (
	historyFile = "history"
	// maxHistory is how much of the history is kept, in bytes; it is cut to that
	// when it has become twice as large.
	maxHistory = 32 << 20
	// maxHistoryLine bounds a line, and with it the memory of whoever reads it.
	maxHistoryLine = 8 << 20
	maxRevision    = 255 // bytes of a revision that are noted
)

// Publication is a line of a repository's history: what a generation lists, beside
// the one that it took the place of. Packages are name-[epoch:]version-release.arch.
type Publication struct {
	Time     time.Time `json:"time"`
	Revision string    `json:"revision"`
	Repomd   string    `json:"repomd"` // SHA-256 of repomd.xml
	// Primary is the checksum of primary in repomd.xml, Before that of the
	// generation that was published until then, "" if there was none.
	Primary string `json:"primary"`
	Before  string `json:"before,omitempty"`
	// Was tells of that generation's repomd.xml; nil where it is not known.
	Was *WasRepomd `json:"was,omitempty"`
	// First is set in the first line of a history. Where nothing was published
	// before, all packages came with it, and are not listed.
	First bool `json:"first,omitempty"`
	// Gap says that the line does not go on from the one before it: something else
	// was published in between, or what was published could not be read.
	Gap      bool   `json:"gap,omitempty"`
	Packages int    `json:"packages"`
	Counts   Counts `json:"counts"`
	// Truncated says that the lists are not whole; the counts are.
	Truncated bool `json:"truncated,omitempty"`

	// Added are packages of which no version was listed for their architecture.
	Added []string `json:"added,omitempty"`
	// Updated are further versions of those that were.
	Updated []Update `json:"updated,omitempty"`
	// Replaced have other content under the same name and version.
	Replaced []string `json:"replaced,omitempty"`
	Removed  []string `json:"removed,omitempty"`
	// Superseded went, too, but in the same step another version came.
	Superseded []string `json:"superseded,omitempty"`
}

// WasRepomd is the repomd.xml that another one took the place of: what a client
// needs to know the file again on a mirror that is behind.
type WasRepomd struct {
	SHA256    string `json:"sha256"`
	Size      int64  `json:"size"`      // bytes
	Timestamp int64  `json:"timestamp"` // Unix seconds, the newest in it; 0: it has none
}

// Update is a version that came to others.
type Update struct {
	Package string `json:"package"`
	// From is the [epoch:]version-release that was the newest of the older ones,
	// or, where there was none older, of all.
	From string `json:"from"`
}

// Counts tells how many packages each list of a Publication has, or would have if
// it were whole.
type Counts struct {
	Added      int `json:"added"`
	Updated    int `json:"updated"`
	Replaced   int `json:"replaced"`
	Removed    int `json:"removed"`
	Superseded int `json:"superseded"`
}

// Compare fills in the lists. come are the packages that only the new generation
// lists, gone those that only the one before does, and kept those of both.
func (p *Publication) Compare(come, gone []rpmpkg.NEVRA, kept iter.Seq[rpmpkg.NEVRA]) {
	c := &comparison{families: map[family]*versions{}, gone: map[rpmpkg.NEVRA]int{}}
	for _, n := range come {
		c.of(n)
	}
	for _, n := range gone {
		n = withEpoch(n)
		c.gone[n]++
		v := c.of(n)
		v.was = append(v.was, n.EVR)
	}
	for n := range kept {
		if v := c.families[family{n.Name, n.Arch}]; v != nil {
			n = withEpoch(n)
			v.was, v.kept = append(v.was, n.EVR), append(v.kept, n.EVR)
		}
	}
	for _, n := range come {
		c.came(p, withEpoch(n))
	}
	for n := range c.gone {
		c.went(p, n)
	}
	for _, list := range [][]string{p.Added, p.Replaced, p.Removed, p.Superseded} {
		slices.Sort(list)
	}
	slices.SortFunc(p.Updated, func(a, b Update) int { return cmp.Compare(a.Package, b.Package) })
	p.Counts = Counts{len(p.Added), len(p.Updated), len(p.Replaced), len(p.Removed), len(p.Superseded)}
}

// comparison are the packages of which something changed.
type comparison struct {
	families map[family]*versions
	gone     map[rpmpkg.NEVRA]int
}

// family is what has versions.
type family struct{ name, arch string }

type versions struct {
	was, kept, come []rpmpkg.EVR
	updated         bool
}

func (c *comparison) of(n rpmpkg.NEVRA) *versions {
	f := family{n.Name, n.Arch}
	if c.families[f] == nil {
		c.families[f] = &versions{}
	}
	return c.families[f]
}

func (c *comparison) came(p *Publication, n rpmpkg.NEVRA) {
	v := c.of(n)
	switch {
	case slices.Contains(v.come, n.EVR): // twice in one repository
		return
	case c.gone[n] > 0 || slices.Contains(v.kept, n.EVR):
		p.Replaced = append(p.Replaced, n.String())
	case len(v.was) == 0:
		p.Added = append(p.Added, n.String())
	default:
		v.updated = true
		p.Updated = append(p.Updated, Update{n.String(), newestBefore(v.was, n.EVR).String()})
	}
	v.come = append(v.come, n.EVR)
}

func (c *comparison) went(p *Publication, n rpmpkg.NEVRA) {
	v := c.of(n)
	switch {
	case slices.Contains(v.kept, n.EVR), slices.Contains(v.come, n.EVR): // it is there still, or again
	case v.updated:
		p.Superseded = append(p.Superseded, n.String())
	default:
		p.Removed = append(p.Removed, n.String())
	}
}

// newestBefore is the newest of those that are older than v, or of all.
func newestBefore(list []rpmpkg.EVR, v rpmpkg.EVR) rpmpkg.EVR {
	var older []rpmpkg.EVR
	for _, e := range list {
		if e.Compare(v) < 0 {
			older = append(older, e)
		}
	}
	if len(older) > 0 {
		list = older
	}
	return slices.MaxFunc(list, rpmpkg.EVR.Compare)
}

func withEpoch(n rpmpkg.NEVRA) rpmpkg.NEVRA {
	if n.Epoch == "" {
		n.Epoch = "0"
	}
	return n
}

// Pending reports whether p was written down ahead of a publication that did not
// take place, so far: published is the checksum of primary in the repomd.xml that
// is.
func (p *Publication) Pending(published string) bool {
	return p.Before == published && p.Primary != published
}

// AppendHistory writes down a publication that is about to take place, so that no
// crash can come between the two; what should not come true after all is taken
// back by the next one. The caller holds the lock. First is set here, Gap where
// the file tells of one, and of Was all but Timestamp, where it is given.
func (r *Repo) AppendHistory(p Publication) error {
	if err := r.appendHistory(p); err != nil {
		return fmt.Errorf("repository %s: %s is not continued: %w", r.id, r.statePath(historyFile), err)
	}
	return nil
}

func (r *Repo) appendHistory(p Publication) (err error) {
	if err := trimHistory(r.statePath(historyFile), maxHistory); err != nil {
		return err
	}
	f, err := os.OpenFile(r.statePath(historyFile), os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	last, end, err := follow(f, func(last *Publication) bool { return last.Pending(p.Before) && !r.cameTrue(last) })
	if err != nil {
		return err
	}
	p.First = last == nil
	p.Gap = p.Gap || last != nil && last.Primary != p.Before
	if p.Before == "" {
		p.Added, p.Updated, p.Replaced, p.Removed, p.Superseded, p.Counts = nil, nil, nil, nil, nil, Counts{}
	}
	p.Was = r.published(p.Was)
	line, err := p.line()
	if err != nil {
		return err
	}
	_, err = f.WriteAt(line, end)
	if err == nil {
		err = r.fs.syncFile(f.Name())
	}
	if err != nil {
		_ = f.Truncate(end) // what cannot be cut is half a line, which nobody reads
	}
	return err
}

// published fills in what the repomd.xml is that is published.
func (r *Repo) published(was *WasRepomd) *WasRepomd {
	if was == nil {
		return nil
	}
	f, err := os.Open(filepath.Join(r.dir, repodataDir, "repomd.xml"))
	if err != nil {
		return nil
	}
	defer f.Close() //nolint:errcheck // only read
	h := sha256.New()
	size, err := io.Copy(h, f)
	if err != nil {
		return nil
	}
	return &WasRepomd{SHA256: hex.EncodeToString(h.Sum(nil)), Size: size, Timestamp: was.Timestamp}
}

// cameTrue reports whether the state tells that what a line is about was published:
// it is written after that. Then another tool has taken it back since.
func (r *Repo) cameTrue(p *Publication) bool {
	s, _ := r.readState() // without a state nothing is known
	return p.Repomd != "" && s.Publish.Built == p.Repomd && !s.Publish.Time.Before(p.Time)
}

// follow finds the last line that holds, and cuts off what comes behind it: half
// a line, or one of what was not published, which vain tells of.
func follow(f *os.File, vain func(*Publication) bool) (last *Publication, end int64, err error) {
	fi, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	start, end, err := lastLine(f, fi.Size())
	if err == nil && end > 0 {
		if last = parseLine(f, start, end); last != nil && vain(last) {
			start, end, err = lastLine(f, start)
			last = nil
			if err == nil && end > 0 {
				last = parseLine(f, start, end)
			}
		}
	}
	if err == nil && end < fi.Size() {
		err = f.Truncate(end)
	}
	if err == nil && end > 0 && last == nil {
		last = &Publication{} // it cannot be read, and tells of no generation that we know
	}
	return last, end, err
}

// lastLine finds the last whole line of the first size bytes: from its start to
// behind its line break. Without one both are 0. A line that is too long has its
// start somewhere inside.
func lastLine(f io.ReaderAt, size int64) (start, end int64, err error) {
	const step = 64 << 10
	buf := make([]byte, step)
	for at := size; at > 0; {
		n := min(step, at)
		at -= n
		if _, err := f.ReadAt(buf[:n], at); err != nil {
			return 0, 0, err
		}
		for part := buf[:n]; ; {
			i := bytes.LastIndexByte(part, '\n')
			if i < 0 {
				break
			}
			if end > 0 {
				return at + int64(i) + 1, end, nil
			}
			end = at + int64(i) + 1
			part = part[:i]
		}
		if end > 0 && end-at > maxHistoryLine {
			return at, end, nil
		}
	}
	return 0, end, nil
}

// parseLine reads one line, and is nil for one that cannot be understood.
func parseLine(f io.ReaderAt, start, end int64) *Publication {
	if end-start > maxHistoryLine {
		return nil
	}
	line := make([]byte, end-start)
	if _, err := f.ReadAt(line, start); err != nil {
		return nil
	}
	p, ok := parsePublication(line)
	if !ok {
		return nil
	}
	return &p
}

func parsePublication(line []byte) (p Publication, ok bool) {
	err := json.Unmarshal(line, &p)
	return p, err == nil && !p.Time.IsZero() && p.Primary != ""
}

// line is the publication as it is written, cut to what a line may hold.
func (p *Publication) line() ([]byte, error) {
	cut := *p
	cut.Time = cut.Time.UTC().Truncate(time.Second)
	cut.Revision = cut.Revision[:min(len(cut.Revision), maxRevision)]
	room := maxHistoryLine - 4<<10
	fit := func(list []string) []string { return fitting(list, &room, func(s string) int { return jsonSize(s) }) }
	cut.Updated = fitting(cut.Updated, &room, func(u Update) int { return jsonSize(u.Package) + jsonSize(u.From) + 30 })
	cut.Added, cut.Replaced = fit(cut.Added), fit(cut.Replaced)
	cut.Removed, cut.Superseded = fit(cut.Removed), fit(cut.Superseded)
	cut.Truncated = room < 0
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(cut)
	return b.Bytes(), err
}

// fitting is the start of a list for which there is room.
func fitting[T any](list []T, room *int, size func(T) int) []T {
	for i, x := range list {
		if *room -= size(x); *room < 0 {
			return list[:i]
		}
	}
	return list
}

// jsonSize is at least what a string takes in JSON, with the comma.
func jsonSize(s string) int {
	escaped := strings.Count(s, `\`) + strings.Count(s, `"`)
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			escaped++
		}
	}
	return len(s) + 5*escaped + 3
}

// trimHistory cuts a file that has become twice as large as it should be: its
// oldest lines go.
func trimHistory(file string, limit int64) error {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	fi, err := f.Stat()
	if err != nil || fi.Size() <= 2*limit {
		return err
	}
	rest := make([]byte, limit)
	if _, err := f.ReadAt(rest, fi.Size()-limit); err != nil {
		return err
	}
	_, rest, _ = bytes.Cut(rest, []byte("\n"))
	return writeFileAtomic(file, rest)
}
