package catalog

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"

	"gorepo/internal/mirror"
	"gorepo/internal/rpmpkg"
)

// Publication is one of the publications that the repository's history tells of.
type Publication struct {
	ID       int64 // 1 is the oldest
	Time     time.Time
	Revision string
	Packages int // that were listed then
	// First begins the history. If nothing was published before, all packages came
	// with it, and there is no change for each.
	First bool
	// Gap says that something that is not known was published before it, and
	// Truncated that there are fewer changes than Counts says.
	Gap, Truncated bool
	Counts         mirror.Counts
}

// Moment is what is kept in memory of a publication, so that those of many
// repositories can be put in order without reading.
type Moment struct {
	Unix int64 // its time, in seconds
	ID   int32
	// Changes is how many of them Changes lists; -1: none, but it is First, or
	// comes after a Gap.
	Changes int32
}

// PublicationOptions chooses publications.
type PublicationOptions struct {
	Since, Until  time.Time // not before Since, before Until; zero: no matter
	Offset, Limit int       // a limit of 0 is 100
}

// PublicationPage is a part of a list, the latest first.
type PublicationPage struct {
	Total        int
	Publications []Publication
}

// ChangeKind is what became of a package.
type ChangeKind string

// Kinds of changes, as mirror.Publication has them.
const (
	ChangeAdded    ChangeKind = "added"
	ChangeUpdated  ChangeKind = "updated"
	ChangeReplaced ChangeKind = "replaced" // built again under the same name and version
	ChangeRemoved  ChangeKind = "removed"
)

// PackageChange is what a publication changed about a package.
type PackageChange struct {
	Publication int64
	Time        time.Time
	Kind        ChangeKind
	Name        string
	Package     string // name-[epoch:]version-release.arch
	// From is the version before an update, Superseded are packages that went with it.
	From       string
	Superseded []string
}

// ChangeOptions chooses changes. What is zero does not matter.
type ChangeOptions struct {
	Since, Until time.Time // not before Since, before Until
	Publication  int64     // the changes of one
	Name         string    // of the package
	Filter       string    // part of the name or, where it has a *, ? or [, a pattern for the whole name
	Offset       int
	Limit        int // 0 is 100
}

// ChangePage is a part of a list: of the latest publication first, and of one in the
// order added, updated, replaced, removed.
type ChangePage struct {
	Total   int
	Changes []PackageChange
	// Publications are those of Changes, in their order.
	Publications []Publication
}

// page is the part of a list that is asked for.
func page[T any](list []T, offset, limit int) []T {
	if limit <= 0 {
		limit = defaultLimit
	}
	offset = min(max(offset, 0), len(list))
	return list[offset : offset+min(limit, len(list)-offset)]
}

// Moments are those of all publications, the oldest first. They must not be changed.
func (c *Catalog) Moments() []Moment { return c.moments }

// MomentsOf are those of the publications with changes that a filter and a name choose,
// as in ChangeOptions, and count only these.
func (c *Catalog) MomentsOf(ctx context.Context, filter, name string) (list []Moment, err error) {
	err = c.query(ctx, func(conn *sqlite.Conn) error {
		names, err := changedNames(conn, ChangeOptions{Filter: filter, Name: name})
		if err != nil {
			return err
		}
		if names == nil {
			list = c.moments
			return nil
		}
		chunks, err := chunksOfNames(conn, 0, names)
		for _, x := range slices.Backward(chunks) {
			if x.publication < 1 || x.publication > int64(len(c.moments)) {
				return damaged("there are changes of no publication")
			}
			if n := len(list); n > 0 && int64(list[n-1].ID) == x.publication {
				list[n-1].Changes += int32(x.count) //nolint:gosec // a part of the publication's
				continue
			}
			m := c.moments[x.publication-1]
			m.Changes = int32(x.count) //nolint:gosec // likewise
			list = append(list, m)
		}
		return err
	})
	return list, err
}

func readMoments(conn *sqlite.Conn) (list []Moment, err error) {
	stmt, err := conn.Prepare("SELECT id, time, (SELECT total(count) FROM changechunk WHERE publication = id), first OR gap FROM publication ORDER BY id")
	if err != nil {
		return nil, err
	}
	defer stmt.Reset() //nolint:errcheck // what it returns was returned
	for {
		found, err := stmt.Step()
		if err != nil || !found {
			return list, err
		}
		m := Moment{ID: stmt.ColumnInt32(0), Unix: stmt.ColumnInt64(1), Changes: stmt.ColumnInt32(2)}
		if int(m.ID) != len(list)+1 || m.Changes < 0 {
			return nil, damaged("publications do not follow one another")
		}
		if m.Changes == 0 && stmt.ColumnBool(3) {
			m.Changes = -1
		}
		list = append(list, m)
	}
}

// Publication is one of them; the error is ErrNotFound where there is none.
func (c *Catalog) Publication(ctx context.Context, id int64) (p Publication, err error) {
	err = c.query(ctx, func(conn *sqlite.Conn) error {
		list, err := publications(conn, time.Time{}, time.Time{}, id)
		if err == nil && len(list) == 0 {
			err = ErrNotFound
		}
		if err == nil {
			p = list[0]
		}
		return err
	})
	return p, err
}

// Publications lists publications, the latest first.
func (c *Catalog) Publications(ctx context.Context, o PublicationOptions) (p PublicationPage, err error) {
	err = c.query(ctx, func(conn *sqlite.Conn) error {
		all, err := publications(conn, o.Since, o.Until, 0)
		p = PublicationPage{Total: len(all), Publications: page(all, o.Offset, o.Limit)}
		return err
	})
	return p, err
}

// publications reads them, the latest first; only one if id is not 0.
func publications(conn *sqlite.Conn, since, until time.Time, id int64) (list []Publication, err error) {
	stmt, err := conn.Prepare("SELECT id, time, revision, packages, first, gap, truncated, added, updated, replaced, removed, superseded " +
		"FROM publication WHERE id BETWEEN ? AND ? ORDER BY id DESC")
	if err != nil {
		return nil, err
	}
	defer stmt.Reset() //nolint:errcheck // what it returns was returned
	bindPublications(stmt, id)
	for {
		found, err := stmt.Step()
		if err != nil || !found {
			return list, err
		}
		p := Publication{
			ID: stmt.ColumnInt64(0), Time: time.Unix(stmt.ColumnInt64(1), 0).UTC(), Revision: stmt.ColumnText(2), Packages: stmt.ColumnInt(3),
			First: stmt.ColumnBool(4), Gap: stmt.ColumnBool(5), Truncated: stmt.ColumnBool(6),
			Counts: mirror.Counts{
				Added: stmt.ColumnInt(7), Updated: stmt.ColumnInt(8), Replaced: stmt.ColumnInt(9),
				Removed: stmt.ColumnInt(10), Superseded: stmt.ColumnInt(11),
			},
		}
		if (since.IsZero() || !p.Time.Before(since)) && (until.IsZero() || p.Time.Before(until)) {
			list = append(list, p)
		}
	}
}

// bindPublications chooses one, or all where id is 0.
func bindPublications(stmt *sqlite.Stmt, id int64) {
	first, last := id, id
	if id == 0 {
		last = math.MaxInt64
	}
	stmt.BindInt64(1, first)
	stmt.BindInt64(2, last)
}

// Changes lists what became of packages.
func (c *Catalog) Changes(ctx context.Context, o ChangeOptions) (p ChangePage, err error) {
	err = c.query(ctx, func(conn *sqlite.Conn) error {
		if o.Publication != 0 && (o.Name != "" || o.Filter != "") {
			if c.between(o.Publication, o.Since, o.Until) {
				p, err = chosenOfOne(conn, o)
			}
			return err
		}
		names, err := changedNames(conn, o)
		if err != nil {
			return err
		}
		var chunks []changeChunk
		if names == nil {
			chunks, err = changeChunks(conn, o.Publication)
		} else {
			chunks, err = chunksOfNames(conn, o.Publication, names)
		}
		if err != nil {
			return err
		}
		chunks = slices.DeleteFunc(chunks, func(x changeChunk) bool { return !c.between(x.publication, o.Since, o.Until) })
		p, err = chosenChanges(conn, chunks, names, o)
		return err
	})
	return p, err
}

// between reports whether a publication was not before since, and before until.
func (c *Catalog) between(id int64, since, until time.Time) bool {
	if id < 1 || id > int64(len(c.moments)) {
		return false
	}
	t := time.Unix(c.moments[id-1].Unix, 0)
	return (since.IsZero() || !t.Before(since)) && (until.IsZero() || t.Before(until))
}

// changedNames are the names that are asked for, with their numbers; nil: all.
func changedNames(conn *sqlite.Conn, o ChangeOptions) (map[string]int64, error) {
	filter := filterOf(o)
	if o.Name == "" && filter == "" {
		return nil, nil
	}
	chosen := map[string]int64{}
	if len(filter) > maxFilter {
		return chosen, nil
	}
	where := ""
	if o.Name != "" {
		where = " WHERE name = ?"
	}
	stmt, err := conn.Prepare("SELECT id, name FROM changename" + where)
	if err != nil {
		return nil, err
	}
	defer stmt.Reset() //nolint:errcheck // what it returns was returned
	if o.Name != "" {
		stmt.BindText(1, o.Name)
	}
	for {
		found, err := stmt.Step()
		if err != nil || !found {
			return chosen, err
		}
		if name := stmt.ColumnText(1); filterChooses(filter, name) {
			chosen[name] = stmt.ColumnInt64(0)
		}
	}
}

// filterChooses reports whether a filter, in lower case, chooses a name.
func filterChooses(filter, name string) bool {
	name = strings.ToLower(name)
	if rpmpkg.IsGlob(filter) {
		return rpmpkg.Glob(filter, name)
	}
	return strings.Contains(name, filter)
}

// changeChunk is a part of a publication's changes.
type changeChunk struct {
	publication, number int64
	count               int // of the changes that are asked for
}

// compareChunks puts the latest publication first.
func compareChunks(a, b changeChunk) int {
	return cmp.Or(cmp.Compare(b.publication, a.publication), cmp.Compare(a.number, b.number))
}

// changeChunks are all parts, or only those of one publication if its id is not 0.
func changeChunks(conn *sqlite.Conn, publication int64) (chunks []changeChunk, err error) {
	stmt, err := conn.Prepare("SELECT publication, chunk, count FROM changechunk WHERE publication BETWEEN ? AND ? ORDER BY publication DESC, chunk")
	if err != nil {
		return nil, err
	}
	defer stmt.Reset() //nolint:errcheck // what it returns was returned
	bindPublications(stmt, publication)
	for {
		found, err := stmt.Step()
		if err != nil || !found {
			return chunks, err
		}
		chunks = append(chunks, changeChunk{stmt.ColumnInt64(0), stmt.ColumnInt64(1), stmt.ColumnInt(2)})
	}
}

// manyNames is how many names are not looked up one by one: to read all is faster then.
const manyNames = 5000

// chunksOfNames are the parts that have changes of certain names.
func chunksOfNames(conn *sqlite.Conn, publication int64, names map[string]int64) (chunks []changeChunk, err error) {
	counts := map[[2]int64]int{}
	count := func(stmt *sqlite.Stmt) {
		if of := stmt.ColumnInt64(1); publication == 0 || publication == of {
			counts[[2]int64{of, stmt.ColumnInt64(2)}] += stmt.ColumnInt(3)
		}
	}
	if len(names) > manyNames {
		err = countAll(conn, names, count)
	} else {
		err = countEach(conn, names, count)
	}
	for at, count := range counts {
		chunks = append(chunks, changeChunk{at[0], at[1], count})
	}
	slices.SortFunc(chunks, compareChunks)
	return chunks, err
}

const selectChanged = "SELECT name, publication, chunk, count FROM changed"

// countAll gives count the rows of names, as they come.
func countAll(conn *sqlite.Conn, names map[string]int64, count func(*sqlite.Stmt)) error {
	wanted := make(map[int64]bool, len(names))
	for _, id := range names {
		wanted[id] = true
	}
	stmt, err := conn.Prepare(selectChanged)
	if err != nil {
		return err
	}
	defer stmt.Reset() //nolint:errcheck // what it returns was returned
	last, is := int64(0), false
	for {
		found, err := stmt.Step()
		if err != nil || !found {
			return err
		}
		if id := stmt.ColumnInt64(0); id != last { // those of a name stand together
			last, is = id, wanted[id]
		}
		if is {
			count(stmt)
		}
	}
}

// countEach gives count the rows of names, one after the other.
func countEach(conn *sqlite.Conn, names map[string]int64, count func(*sqlite.Stmt)) error {
	stmt, err := conn.Prepare(selectChanged + " WHERE name = ?")
	if err != nil {
		return err
	}
	defer stmt.Reset() //nolint:errcheck // what it returns was returned
	for _, id := range names {
		stmt.BindInt64(1, id)
		for {
			found, err := stmt.Step()
			if err != nil {
				return err
			}
			if !found {
				break
			}
			count(stmt)
		}
		if err := stmt.Reset(); err != nil {
			return err
		}
	}
	return nil
}

// chosenChanges reads the part that is asked for.
func chosenChanges(conn *sqlite.Conn, chunks []changeChunk, names map[string]int64, o ChangeOptions) (p ChangePage, err error) {
	skip, room := max(o.Offset, 0), o.Limit
	if room <= 0 {
		room = defaultLimit
	}
	for _, c := range chunks {
		p.Total += c.count
		if skip >= c.count {
			skip -= c.count
			continue
		}
		if room == 0 {
			continue // only to be counted
		}
		if n := len(p.Publications); n == 0 || p.Publications[n-1].ID != c.publication {
			of, err := publications(conn, time.Time{}, time.Time{}, c.publication)
			if err == nil && len(of) != 1 {
				err = damaged("there are changes of no publication")
			}
			if err != nil {
				return p, err
			}
			p.Publications = append(p.Publications, of[0])
		}
		list, err := readChunk(conn, c, p.Publications[len(p.Publications)-1])
		if err != nil {
			return p, err
		}
		if names != nil {
			list = slices.DeleteFunc(list, func(x PackageChange) bool { return names[x.Name] == 0 })
		}
		if len(list) != c.count {
			return p, damaged("there are not as many changes as there were")
		}
		list = page(list, skip, room)
		skip, room = 0, room-len(list)
		p.Changes = append(p.Changes, list...)
	}
	return p, nil
}

// chosenOfOne reads the chosen changes of one publication: all of its changes are looked
// at, which are fewer than all names.
func chosenOfOne(conn *sqlite.Conn, o ChangeOptions) (p ChangePage, err error) {
	chunks, err := changeChunks(conn, o.Publication)
	if err != nil || len(chunks) == 0 {
		return p, err
	}
	of, err := publications(conn, time.Time{}, time.Time{}, o.Publication)
	if err != nil {
		return p, err
	}
	if len(of) != 1 {
		return p, damaged("there are changes of no publication")
	}
	filter := filterOf(o)
	var chosen []PackageChange
	for _, x := range chunks {
		list, err := readChunk(conn, x, of[0])
		if err != nil {
			return p, err
		}
		for _, change := range list {
			if (o.Name == "" || change.Name == o.Name) && len(filter) <= maxFilter && filterChooses(filter, change.Name) {
				chosen = append(chosen, change)
			}
		}
	}
	p.Total, p.Changes = len(chosen), page(chosen, o.Offset, o.Limit)
	if len(p.Changes) > 0 {
		p.Publications = of
	}
	return p, nil
}

func filterOf(o ChangeOptions) string { return strings.ToLower(strings.TrimSpace(o.Filter)) }

// changeKinds are in the order of a publication, and stand for themselves in
// records.
var changeKinds = []ChangeKind{ChangeAdded, ChangeUpdated, ChangeReplaced, ChangeRemoved}

func placeOfChunk(conn *sqlite.Conn, c changeChunk) (at place, err error) {
	stmt, err := conn.Prepare("SELECT place FROM changechunk WHERE publication = ? AND chunk = ?")
	if err != nil {
		return 0, err
	}
	defer stmt.Reset() //nolint:errcheck // what it returns was returned
	stmt.BindInt64(1, c.publication)
	stmt.BindInt64(2, c.number)
	found, err := stmt.Step()
	if err == nil && !found {
		err = damaged("changes are not where they were")
	}
	if err != nil {
		return 0, err
	}
	return place(stmt.ColumnInt64(0)), nil
}

func readChunk(conn *sqlite.Conn, c changeChunk, pub Publication) (list []PackageChange, err error) {
	at, err := placeOfChunk(conn, c)
	if err != nil {
		return nil, err
	}
	record, err := readRecord(conn, at)
	if err != nil {
		return nil, err
	}
	f := fields{rest: record}
	for len(f.rest) > 0 {
		kind := f.byte()
		if int(kind) >= len(changeKinds) {
			return nil, damaged("changes cannot be read")
		}
		c := PackageChange{Publication: pub.ID, Time: pub.Time, Kind: changeKinds[kind], Package: f.text(), From: f.text()}
		c.Name, _ = rpmpkg.NameArch(c.Package)
		for n := f.uint(); n > 0 && !f.bad; n-- {
			c.Superseded = append(c.Superseded, f.text())
		}
		list = append(list, c)
	}
	return list, f.err("changes")
}
