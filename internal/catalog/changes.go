package catalog

import (
	"context"
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
		"FROM publication WHERE ? IN (0, id) ORDER BY id DESC")
	if err != nil {
		return nil, err
	}
	defer stmt.Reset() //nolint:errcheck // what it returns was returned
	stmt.BindInt64(1, id)
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

// Changes lists what became of packages.
func (c *Catalog) Changes(ctx context.Context, o ChangeOptions) (p ChangePage, err error) {
	err = c.query(ctx, func(conn *sqlite.Conn) error {
		of, err := publications(conn, o.Since, o.Until, o.Publication)
		if err != nil {
			return err
		}
		names, err := changedNames(conn, o)
		if err != nil {
			return err
		}
		chunks, err := changeChunks(conn, names)
		if err != nil {
			return err
		}
		p, err = chosenChanges(conn, of, chunks, names, o)
		return err
	})
	return p, err
}

// changedNames are the names that are asked for, with their numbers; nil: all.
func changedNames(conn *sqlite.Conn, o ChangeOptions) (map[string]int64, error) {
	filter := strings.ToLower(strings.TrimSpace(o.Filter))
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
	number int64
	at     place
	count  int // of the changes that are asked for
}

// changeChunks are the parts that have changes of certain names, by publication.
func changeChunks(conn *sqlite.Conn, names map[string]int64) (map[int64][]changeChunk, error) {
	chunks := map[int64][]changeChunk{}
	var counts map[[2]int64]int
	if names != nil {
		var err error
		if counts, err = countChanges(conn, names); err != nil {
			return nil, err
		}
	}
	stmt, err := conn.Prepare("SELECT publication, chunk, place, count FROM changechunk ORDER BY publication, chunk")
	if err != nil {
		return nil, err
	}
	defer stmt.Reset() //nolint:errcheck // what it returns was returned
	for {
		found, err := stmt.Step()
		if err != nil || !found {
			return chunks, err
		}
		id := stmt.ColumnInt64(0)
		c := changeChunk{number: stmt.ColumnInt64(1), at: place(stmt.ColumnInt64(2)), count: stmt.ColumnInt(3)}
		if names != nil {
			c.count = counts[[2]int64{id, c.number}]
		}
		if c.count > 0 {
			chunks[id] = append(chunks[id], c)
		}
	}
}

// countChanges counts the changes of names, by publication and chunk.
func countChanges(conn *sqlite.Conn, names map[string]int64) (map[[2]int64]int, error) {
	counts := map[[2]int64]int{}
	stmt, err := conn.Prepare("SELECT publication, chunk, count FROM changed WHERE name = ?")
	if err != nil {
		return nil, err
	}
	defer stmt.Reset() //nolint:errcheck // what it returns was returned
	for _, id := range names {
		stmt.BindInt64(1, id)
		for {
			found, err := stmt.Step()
			if err != nil {
				return nil, err
			}
			if !found {
				break
			}
			counts[[2]int64{stmt.ColumnInt64(0), stmt.ColumnInt64(1)}] += stmt.ColumnInt(2)
		}
		if err := stmt.Reset(); err != nil {
			return nil, err
		}
	}
	return counts, nil
}

// chosenChanges reads the part that is asked for.
func chosenChanges(conn *sqlite.Conn, of []Publication, chunks map[int64][]changeChunk, names map[string]int64, o ChangeOptions) (p ChangePage, err error) {
	skip, room := max(o.Offset, 0), o.Limit
	if room <= 0 {
		room = defaultLimit
	}
	for _, pub := range of {
		for _, c := range chunks[pub.ID] {
			p.Total += c.count
			if skip >= c.count {
				skip -= c.count
				continue
			}
			if room == 0 {
				continue // only to be counted
			}
			list, err := readChunk(conn, c.at, pub)
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
			if n := len(p.Publications); n == 0 || p.Publications[n-1].ID != pub.ID {
				p.Publications = append(p.Publications, pub)
			}
		}
	}
	return p, nil
}

// changeKinds are in the order of a publication, and stand for themselves in
// records.
var changeKinds = []ChangeKind{ChangeAdded, ChangeUpdated, ChangeReplaced, ChangeRemoved}

func readChunk(conn *sqlite.Conn, at place, pub Publication) (list []PackageChange, err error) {
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
