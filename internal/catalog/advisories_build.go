package catalog

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gorepo/internal/rpmpkg"
	"gorepo/internal/updateinfo"
)

// Bounds on what is kept of advisories. The largest repositories have some ten
// thousand, the largest advisories some thousand packages.
const (
	maxUpdateinfo       = 2 << 30 // bytes
	maxAdvisories       = 1 << 18
	maxAdvisoryID       = 255 // bytes
	maxAdvisoryPackages = 10_000
	maxReferences       = 2000
	maxCVEs             = 2000
	maxListedCVEs       = 10       // in a list
	maxSearchText       = 16 << 10 // bytes of an advisory's description that are searched
	maxSearchNames      = 2000     // names of packages
	maxClasses          = 200      // different severities, and types
	maxMentions         = 500      // advisories of one package
	maxPackageName      = 255      // bytes
)

var advisoriesExtra = extra{
	words: "the advisories",
	schema: []string{
		// Advisories are numbered as they are read. One that comes in parts, under one
		// id, has several rows: first is the row of the first of them.
		`CREATE TABLE advisory (id INTEGER PRIMARY KEY, name TEXT NOT NULL, first INTEGER NOT NULL, title TEXT NOT NULL, issued INTEGER NOT NULL,
			updated INTEGER NOT NULL, cves TEXT NOT NULL, morecves INTEGER NOT NULL, place INTEGER NOT NULL)`,
		"CREATE INDEX advisory_name ON advisory (name)",
		"CREATE TABLE advisorycve (cve TEXT, advisory INTEGER, PRIMARY KEY (cve, advisory) ON CONFLICT IGNORE) WITHOUT ROWID",
		"CREATE TABLE advisorypackage (name TEXT, advisory INTEGER, versions TEXT NOT NULL, PRIMARY KEY (name, advisory)) WITHOUT ROWID",
		"CREATE TABLE advisorycolumn (name TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID",
		"CREATE VIRTUAL TABLE advisorywords USING fts5 (words, content='', detail=none, columnsize=0, prefix='2', tokenize='unicode61 remove_diacritics 2')",
	},
	// What the words of a failed table find has no row any more.
	tables: []string{"advisory", "advisorycve", "advisorypackage", "advisorycolumn"},
	add:    (*builder).addAdvisories,
}

// What lists of advisories are chosen by, of all together, as columns.go has it for
// packages. Rows have ids, advisories ranks: the latest has 0.
const (
	columnRank       = "rank"       // of each row's advisory, 4 bytes, by id
	columnRow        = "row"        // the id of an advisory's first row, 4 bytes, by rank
	columnType       = "type"       // the number of its type, 1 byte, by rank
	columnSeverity   = "severity"   // likewise
	columnHere       = "here"       // Advisory.Here, 4 bytes, by rank
	columnListed     = "listed"     // Advisory.Packages, 4 bytes, by rank
	columnOlder      = "older"      // Advisory.Older, 4 bytes, by rank
	columnTypes      = "types"      // all types, each with a line feed
	columnSeverities = "severities" // likewise
)

// storedAdvisory is a row's AdvisoryDetail as it is kept.
type storedAdvisory struct {
	AdvisoryDetail // without Collections
	Lists          []storedList
}

type storedList struct {
	Name     string
	Modules  []ModuleRef
	Packages []storedListed
}

// storedListed is an AdvisoryPackage. B is the EVR of what it is fixed by, if that
// is another; S are marks.
type storedListed struct {
	N, E, V, R, A string
	F             Fix
	B             []string `json:",omitempty"`
	S             int      `json:",omitempty"`
}

const (
	markReboot = 1 << iota
	markRestart
	markRelogin
)

// addAdvisories reads updateinfo.
func (b *builder) addAdvisories(ctx context.Context) error {
	in, err := b.openBounded(ctx, maxUpdateinfo, "updateinfo")
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	w, err := b.newAdvisoryWriter()
	if err != nil {
		return err
	}
	err = updateinfo.Read(in, func(a *updateinfo.Advisory) error {
		b.progress()
		return w.add(a)
	})
	if err := b.partly(ctx, err, "advisories after the first %d", w.rows); err != nil {
		return err
	}
	return w.finish()
}

// advisoryWriter makes the tables of advisories.
type advisoryWriter struct {
	b                    *builder
	out                  *blockWriter
	row, cve, pkg, words *row
	find                 *finder
	archs                map[string]bool
	streams              map[ModuleRef]int64
	rows                 int
	list                 []advisoryKey    // by the order of their first rows
	byID                 map[string]int32 // in list
	of                   []int32          // in list, of each row
	types, severities    classes
}

// advisoryKey is what is kept of an advisory in memory.
type advisoryKey struct {
	when                int64
	row                 int32
	here, listed, older uint32
	kind, severity      byte
}

// classes numbers types or severities.
type classes struct {
	list []string
	at   map[string]byte
}

// number gives what is beyond as many as are kept the number of "other".
func (c *classes) number(s string) byte {
	if c.at == nil {
		c.at = map[string]byte{}
	}
	s = cut(strings.Join(strings.Fields(s), " "), 100)
	if len(c.list) >= maxClasses {
		if _, ok := c.at[s]; !ok {
			s = "other"
		}
	}
	n, ok := c.at[s]
	if !ok {
		n = byte(len(c.list)) //nolint:gosec // no more than maxClasses and one
		c.at[s] = n
		c.list = append(c.list, s)
	}
	return n
}

func (b *builder) newAdvisoryWriter() (w *advisoryWriter, err error) {
	w = &advisoryWriter{
		b: b, out: b.newBlockWriter(), find: b.newFinder(true), archs: map[string]bool{}, streams: map[ModuleRef]int64{}, byID: map[string]int32{},
	}
	archs, err := readLines(b.conn, columnArchs)
	if err != nil {
		return nil, err
	}
	for _, arch := range archs {
		w.archs[arch] = true
	}
	for _, s := range []struct {
		to      **row
		table   string
		columns []string
	}{
		{&w.row, "advisory", []string{"id", "name", "first", "title", "issued", "updated", "cves", "morecves", "place"}},
		{&w.cve, "advisorycve", []string{"cve", "advisory"}},
		{&w.pkg, "advisorypackage", []string{"name", "advisory", "versions"}},
		{&w.words, "advisorywords", []string{"rowid", "words"}},
	} {
		if *s.to, err = b.insert(s.table, s.columns...); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *advisoryWriter) add(a *updateinfo.Advisory) error {
	if len(a.ID) > maxAdvisoryID {
		return nil
	}
	if w.rows == maxAdvisories {
		return fmt.Errorf("more than %d advisories", maxAdvisories)
	}
	w.rows++
	at, known := w.byID[a.ID]
	if !known {
		at = int32(len(w.list)) //nolint:gosec // no more than maxAdvisories
		w.byID[strings.Clone(a.ID)] = at
		when := a.Issued
		if when.IsZero() {
			when = a.Updated
		}
		k := advisoryKey{when: unix(when), row: int32(w.rows), kind: w.types.number(a.Type), severity: w.severities.number(severity(a.Severity))} //nolint:gosec // no more than maxAdvisories
		w.list = append(w.list, k)
	}
	w.of = append(w.of, at)

	d := storedAdvisory{AdvisoryDetail: detailOf(a)}
	versions, err := w.packages(a, &d)
	if err != nil {
		return err
	}
	w.list[at].here += uint32(d.Here)       //nolint:gosec // no more than updateinfo reads
	w.list[at].listed += uint32(d.Packages) //nolint:gosec // likewise
	w.list[at].older += uint32(d.Older)     //nolint:gosec // likewise
	where, err := addJSON(w.out, d)
	if err != nil {
		return err
	}
	return w.addRow(&d, w.list[at].row, where, versions)
}

// unix gives Unix seconds, 0 for a time that is not set.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// severity gives a severity in the form that lists show: with a capital letter.
func severity(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 || r == utf8.RuneError {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// detailOf gives what is kept of an advisory, but for its packages.
func detailOf(a *updateinfo.Advisory) AdvisoryDetail {
	const most = maxListText
	d := AdvisoryDetail{
		Advisory: Advisory{
			ID: a.ID, Title: cut(cmp.Or(a.Title, a.Summary, a.ID), most), Type: cut(a.Type, 100), Severity: cut(severity(a.Severity), 100),
			Issued: a.Issued, Updated: a.Updated, CVEs: a.CVEs(),
		},
		From: cut(a.From, most), Status: cut(a.Status, most), Release: cut(a.Release, most), Rights: cut(a.Rights, most),
		Summary: cut(a.Summary, maxText), Description: cut(a.Description, maxText), Solution: cut(a.Solution, maxText),
		Reboot: a.Suggests.Reboot, Restart: a.Suggests.Restart, Relogin: a.Suggests.Relogin,
	}
	if d.MoreCVEs = max(0, len(d.CVEs)-maxCVEs); d.MoreCVEs > 0 {
		d.CVEs = d.CVEs[:maxCVEs]
	}
	for i := range d.CVEs {
		d.CVEs[i] = cut(strings.Join(strings.Fields(d.CVEs[i]), " "), 100)
	}
	for _, r := range a.References[:min(len(a.References), maxReferences)] {
		d.References = append(d.References, AdvisoryReference{Type: cut(r.Type, 100), ID: cut(r.ID, most), Href: cut(r.Href, 2*most), Title: cut(r.Title, most)})
	}
	return d
}

// packages looks for what fixes each package that an advisory lists, and gives its
// versions by name: see advisorypackage.
func (w *advisoryWriter) packages(a *updateinfo.Advisory, d *storedAdvisory) (versions map[string]string, err error) {
	versions = map[string]string{}
	kept := 0
	for _, c := range a.Collections {
		list := storedList{Name: cut(cmp.Or(c.Name, c.Short), maxListText)}
		var streams []int64
		for _, m := range c.Modules[:min(len(c.Modules), 100)] {
			ref := ModuleRef{cut(m.Name, maxListText), cut(m.Stream, maxListText)}
			if !slices.Contains(list.Modules, ref) {
				list.Modules = append(list.Modules, ref)
			}
			id, err := w.stream(ref)
			if err != nil {
				return nil, err
			}
			streams = append(streams, id)
		}
		for _, p := range c.Packages {
			if len(p.Name) > maxPackageName || len(p.Version)+len(p.Release)+len(p.Epoch)+len(p.Arch) > maxPackageName {
				d.More++
				continue
			}
			s, err := w.listed(p, streams)
			if err != nil {
				return nil, err
			}
			if s.F != FixForeign {
				d.Packages++
			}
			if s.F == FixSame || s.F == FixNewer {
				d.Here++
			}
			if s.F == FixOlder {
				d.Older++
			}
			versions[p.Name] = addVersion(versions[p.Name], p.Package)
			if kept++; kept > maxAdvisoryPackages {
				d.More++
				continue
			}
			list.Packages = append(list.Packages, s)
		}
		if len(list.Packages) > 0 {
			d.Lists = append(d.Lists, list)
		}
	}
	return versions, nil
}

// stream gives the id of a module stream, -1 where the repository has none of the
// name.
func (w *advisoryWriter) stream(ref ModuleRef) (int64, error) {
	if id, ok := w.streams[ref]; ok {
		return id, nil
	}
	at, err := onePlace(w.b.conn, "SELECT id FROM modulestream WHERE name = ? AND stream = ?", ref.Name, ref.Stream)
	if err := noneIsNoError(err); err != nil {
		return 0, err
	}
	if len(w.streams) < maxStreams {
		w.streams[ref] = int64(at)
	}
	return int64(at), nil
}

// listed looks for what fixes a package. streams are those that it is of; there are
// none where it is of no module.
func (w *advisoryWriter) listed(p updateinfo.Listed, streams []int64) (s storedListed, err error) {
	s = storedListed{N: p.Name, E: p.Epoch, V: p.Version, R: p.Release, A: p.Arch}
	for mark, set := range map[int]bool{markReboot: p.Suggests.Reboot, markRestart: p.Suggests.Restart, markRelogin: p.Suggests.Relogin} {
		if set {
			s.S |= mark
		}
	}
	if !w.archs[p.Arch] {
		s.F = FixForeign
		return s, nil
	}
	list, err := w.find.named(p.Name)
	if err != nil {
		return s, err
	}
	want := rpmpkg.EVR{Epoch: p.Epoch, Version: p.Version, Release: p.Release}
	s.F = FixNone
	for _, c := range list {
		if c.arch != p.Arch {
			continue
		}
		order := c.evr.Compare(want)
		if order == 0 {
			s.F, s.B = FixSame, nil
			if c.evr.Version != p.Version || c.evr.Release != p.Release {
				s.B = []string{c.evr.Epoch, c.evr.Version, c.evr.Release}
			}
			return s, nil
		}
		if s.F != FixNone || !sameStream(c.streams, streams) {
			continue
		}
		s.B = []string{c.evr.Epoch, c.evr.Version, c.evr.Release}
		if s.F = FixOlder; order > 0 {
			s.F = FixNewer
		}
	}
	return s, nil
}

// sameStream tells whether a package that is in some module streams may stand for one of
// others, or both are of no module.
func sameStream(has, want []int64) bool {
	if len(want) == 0 {
		return len(has) == 0
	}
	return slices.ContainsFunc(want, func(id int64) bool { return slices.Contains(has, id) })
}

// maxMentioned bounds the versions of one name, in bytes.
const maxMentioned = 4 << 10

// addVersion appends a version as a line: epoch, version, release and architecture
// with blanks between. One that has blanks in it is none.
func addVersion(text string, p updateinfo.Package) string {
	line := orZero(p.Epoch) + " " + p.Version + " " + p.Release + " " + p.Arch + "\n"
	if len(text) > maxMentioned || strings.Contains("\n"+text, "\n"+line) || strings.Count(line, " ") != 3 || strings.Count(line, "\n") != 1 {
		return text
	}
	return text + line
}

func (w *advisoryWriter) addRow(d *storedAdvisory, first int32, where place, versions map[string]string) error {
	id := int64(w.rows)
	listed := d.CVEs[:min(len(d.CVEs), maxListedCVEs)]
	r := w.row
	r.integer(id)
	r.text(d.ID)
	r.integer(int64(first))
	r.text(d.Title)
	r.integer(unix(d.Issued))
	r.integer(unix(d.Updated))
	r.text(strings.Join(listed, "\n"))
	r.integer(int64(len(d.CVEs) - len(listed) + d.MoreCVEs))
	r.integer(int64(where))
	if err := r.add(); err != nil {
		return err
	}
	for _, cve := range d.CVEs {
		w.cve.text(cve)
		w.cve.integer(id)
		if err := w.cve.add(); err != nil {
			return err
		}
	}
	names := make([]string, 0, len(versions))
	for name := range versions {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		w.pkg.text(name)
		w.pkg.integer(id)
		w.pkg.text(versions[name])
		if err := w.pkg.add(); err != nil {
			return err
		}
	}
	words := []string{d.ID, d.Title, strings.Join(d.CVEs, " "), cut(d.Summary, maxSearchText), cut(d.Description, maxSearchText)}
	words = append(words, names[:min(len(names), maxSearchNames)]...)
	w.words.integer(id)
	w.words.text(strings.Join(words, "\n"))
	return w.words.add()
}

// finish writes the columns.
func (w *advisoryWriter) finish() error {
	order := make([]int32, len(w.list))
	for i := range order {
		order[i] = int32(i) //nolint:gosec // no more than maxAdvisories
	}
	// The latest first, and of those of one time those that come later in the file.
	slices.SortFunc(order, func(x, y int32) int {
		return cmp.Or(cmp.Compare(w.list[y].when, w.list[x].when), cmp.Compare(y, x))
	})
	ranks := make([]uint32, len(w.list))
	data := map[string][]byte{}
	u32 := func(column string, n uint32) { data[column] = binary.LittleEndian.AppendUint32(data[column], n) }
	for rank, i := range order {
		k := w.list[i]
		ranks[i] = uint32(rank)       //nolint:gosec // no more than maxAdvisories
		u32(columnRow, uint32(k.row)) //nolint:gosec // not negative
		u32(columnHere, min(k.here, math.MaxInt32))
		u32(columnListed, min(k.listed, math.MaxInt32))
		u32(columnOlder, min(k.older, math.MaxInt32))
		data[columnType] = append(data[columnType], k.kind)
		data[columnSeverity] = append(data[columnSeverity], k.severity)
	}
	for _, at := range w.of {
		u32(columnRank, ranks[at])
	}
	data[columnTypes], data[columnSeverities] = w.types.lines(), w.severities.lines()
	r, err := w.b.insert("advisorycolumn", "name", "data")
	if err != nil {
		return err
	}
	for _, name := range []string{columnHere, columnListed, columnOlder, columnRank, columnRow, columnSeverities, columnSeverity, columnType, columnTypes} {
		r.text(name)
		r.bytes(data[name])
		if err := r.add(); err != nil {
			return err
		}
	}
	w.b.info.Advisories = len(w.list)
	return w.out.flush()
}

func (c *classes) lines() []byte {
	var b []byte
	for _, s := range c.list {
		b = append(append(b, s...), '\n')
	}
	return b
}
