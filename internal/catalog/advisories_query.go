package catalog

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode"

	"zombiezen.com/go/sqlite"

	"gorepo/internal/rpmpkg"
)

// Advisories returns a page of the advisories that o chooses, the latest first. There
// being none is no error.
func (c *Catalog) Advisories(ctx context.Context, o AdvisoryOptions) (page AdvisoryPage, err error) {
	o.Offset = max(o.Offset, 0)
	if o.Limit <= 0 {
		o.Limit = defaultLimit
	}
	err = c.query(ctx, func(conn *sqlite.Conn) error {
		page, err = advisories(conn, o)
		return err
	})
	return page, err
}

func advisories(conn *sqlite.Conn, o AdvisoryOptions) (page AdvisoryPage, err error) {
	all, err := readAdvisoryColumns(conn)
	if err != nil || len(all.rows) == 0 {
		return page, err
	}
	chosen, err := all.chosen(conn, o)
	if err != nil {
		return page, err
	}
	severity, kind := all.number(all.severities, o.Severity), all.number(all.types, o.Type)
	severities, types := make([]int, len(all.severities)), make([]int, len(all.types))
	from, to, err := all.between(conn, o.Since, o.Until)
	if err != nil {
		return page, err
	}
	var rows []int64
	for rank, row := range all.rows {
		if rank < from || rank >= to || chosen != nil && !chosen[rank] || o.Fixable && all.here[rank] == 0 {
			continue
		}
		rightSeverity := severity == anyClass || int(all.severity[rank]) == severity
		rightType := kind == anyClass || int(all.kind[rank]) == kind
		if rightType {
			severities[all.severity[rank]]++
		}
		if rightSeverity {
			types[all.kind[rank]]++
		}
		if !rightSeverity || !rightType {
			continue
		}
		if page.Total >= o.Offset && len(rows) < o.Limit {
			rows = append(rows, int64(row))
		}
		page.Total++
	}
	page.Severities, page.Types = facets(all.severities, severities, gravest), facets(all.types, types, nil)
	for _, row := range rows {
		a, err := all.read(conn, row)
		if err != nil {
			return page, err
		}
		page.Advisories = append(page.Advisories, a)
	}
	return page, nil
}

// advisoryColumns are the columns of advisories.
type advisoryColumns struct {
	rank                []uint32 // by id-1
	rows                []uint32 // this and what follows by rank
	here, listed, older []uint32
	kind, severity      []byte
	types, severities   []string
}

// readAdvisoryColumns returns empty ones where there are no advisories.
func readAdvisoryColumns(conn *sqlite.Conn) (*advisoryColumns, error) {
	data := map[string][]byte{}
	err := eachRow(conn, "SELECT name, data FROM advisorycolumn", func(stmt *sqlite.Stmt) error {
		b := make([]byte, stmt.ColumnLen(1))
		stmt.ColumnBytes(1, b)
		data[stmt.ColumnText(0)] = b
		return nil
	})
	if err != nil {
		return nil, err
	}
	numbers := func(name string) []uint32 {
		list := make([]uint32, len(data[name])/4)
		for i := range list {
			list[i] = binary.LittleEndian.Uint32(data[name][4*i:])
		}
		return list
	}
	lines := func(name string) []string {
		return strings.Split(strings.TrimSuffix(string(data[name]), "\n"), "\n")
	}
	c := &advisoryColumns{
		rank: numbers(columnRank), rows: numbers(columnRow), here: numbers(columnHere), listed: numbers(columnListed), older: numbers(columnOlder),
		kind: data[columnType], severity: data[columnSeverity], types: lines(columnTypes), severities: lines(columnSeverities),
	}
	return c, c.check()
}

// check finds what would lead behind an end.
func (c *advisoryColumns) check() error {
	n := len(c.rows)
	ok := len(c.here) == n && len(c.listed) == n && len(c.older) == n && len(c.kind) == n && len(c.severity) == n && len(c.rank) >= n
	for _, rank := range c.rank {
		ok = ok && int(rank) < n
	}
	for rank := range n {
		ok = ok && int(c.kind[rank]) < len(c.types) && int(c.severity[rank]) < len(c.severities) && c.rows[rank] >= 1 && int(c.rows[rank]) <= len(c.rank)
	}
	if !ok {
		return damaged("the columns of advisories do not match")
	}
	return nil
}

const (
	anyClass = -1
	noClass  = -2
)

// number finds the severity or type that is asked for.
func (c *advisoryColumns) number(list []string, want string) int {
	if want == "" {
		return anyClass
	}
	if want == "-" {
		want = ""
	}
	if i := slices.IndexFunc(list, func(s string) bool { return strings.EqualFold(s, want) }); i >= 0 {
		return i
	}
	return noClass
}

// chosen tells by rank what a CVE and words choose, nil for all.
func (c *advisoryColumns) chosen(conn *sqlite.Conn, o AdvisoryOptions) (chosen []bool, err error) {
	if cve := strings.ToUpper(strings.TrimSpace(o.CVE)); cve != "" {
		chosen = make([]bool, len(c.rows))
		if err := c.markCVE(conn, chosen, cve); err != nil {
			return nil, err
		}
	}
	match := wordsMatch(o.Text)
	if match == "" {
		if strings.TrimSpace(o.Text) != "" {
			return make([]bool, len(c.rows)), nil // nothing that could be found
		}
		return chosen, nil
	}
	found := make([]bool, len(c.rows))
	err = eachRow(conn, "SELECT rowid FROM advisorywords WHERE advisorywords MATCH ?", func(stmt *sqlite.Stmt) error {
		return c.mark(found, stmt.ColumnInt64(0))
	}, match)
	if err != nil {
		return nil, err
	}
	for rank := range found {
		found[rank] = found[rank] && (chosen == nil || chosen[rank])
	}
	return found, nil
}

// markCVE marks the advisories about a CVE or, where there are none, those about one
// that begins so.
func (c *advisoryColumns) markCVE(conn *sqlite.Conn, chosen []bool, cve string) error {
	exact := false
	err := eachRow(conn, "SELECT advisory FROM advisorycve WHERE cve = ?", func(stmt *sqlite.Stmt) error {
		exact = true
		return c.mark(chosen, stmt.ColumnInt64(0))
	}, cve)
	if err != nil || exact {
		return err
	}
	const last = "\U0010ffff" // sorts behind all that may follow
	return eachRow(conn, "SELECT advisory FROM advisorycve WHERE cve >= ? AND cve < ?", func(stmt *sqlite.Stmt) error {
		return c.mark(chosen, stmt.ColumnInt64(0))
	}, cve, cve+last)
}

// mark marks the advisory of a row.
func (c *advisoryColumns) mark(chosen []bool, id int64) error {
	if id < 1 || id > int64(len(c.rank)) {
		return damaged("there is no advisory %d", id)
	}
	chosen[c.rank[id-1]] = true
	return nil
}

// wordsMatch makes a full-text query for all words of a text, of which the last may
// be a beginning; "" where it has none. The words are those that SQLite's unicode61
// makes of a text, so that none is several.
func wordsMatch(text string) string {
	const mostText, mostWords = 500, 16
	if len(text) > mostText {
		text = strings.ToValidUTF8(text[:mostText], "")
	}
	words := strings.FieldsFunc(text, func(r rune) bool {
		const firstMark, lastMark = 0x300, 0x33f // belong to the letter before
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.Is(unicode.Co, r) && (r < firstMark || r > lastMark)
	})
	if len(words) == 0 {
		return ""
	}
	words = words[:min(len(words), mostWords)]
	return `"` + strings.Join(words, `" "`) + `" *`
}

// facets are the classes that have any, in order.
func facets(list []string, counts []int, rank func(string) int) (found []Facet) {
	for i, n := range counts {
		if n > 0 {
			found = append(found, Facet{list[i], n})
		}
	}
	slices.SortFunc(found, func(a, b Facet) int {
		if rank != nil {
			if c := cmp.Compare(rank(a.Value), rank(b.Value)); c != 0 {
				return c
			}
		}
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
	})
	return found
}

// gravest ranks severities: publishers have two languages for the same.
func gravest(severity string) int {
	order := []string{"Critical", "Urgent", "Important", "High", "Moderate", "Medium", "Low"}
	if i := slices.Index(order, severity); i >= 0 {
		return i
	}
	switch severity {
	case "Unspecified", "None":
		return len(order) + 1
	case "":
		return len(order) + 2
	}
	return len(order)
}

// read returns the advisory whose first row is given.
// between gives the ranks of what is not before since, and before until. The latest
// come first, so that few need to be looked at.
func (c *advisoryColumns) between(conn *sqlite.Conn, since, until time.Time) (from, to int, err error) {
	to = len(c.rows)
	earlier := func(than time.Time) int {
		return sort.Search(len(c.rows), func(rank int) bool {
			a, failed := c.read(conn, int64(c.rows[rank]))
			if failed != nil {
				err = failed
			}
			when := a.Issued
			if when.IsZero() {
				when = a.Updated
			}
			return when.Before(than)
		})
	}
	if !until.IsZero() {
		from = earlier(until)
	}
	if !since.IsZero() {
		to = earlier(since)
	}
	return from, to, err
}

func (c *advisoryColumns) read(conn *sqlite.Conn, row int64) (a Advisory, err error) {
	found := false
	err = eachRow(conn, "SELECT name, title, issued, updated, cves, morecves FROM advisory WHERE id = ?", func(stmt *sqlite.Stmt) error {
		found = true
		a = Advisory{ID: stmt.ColumnText(0), Title: stmt.ColumnText(1), Issued: timeOf(stmt.ColumnInt64(2)), Updated: timeOf(stmt.ColumnInt64(3))}
		if cves := stmt.ColumnText(4); cves != "" {
			a.CVEs = strings.Split(cves, "\n")
		}
		a.MoreCVEs = stmt.ColumnInt(5)
		return nil
	}, row)
	if err == nil && !found {
		err = damaged("there is no advisory %d", row)
	}
	if err != nil {
		return a, err
	}
	rank := c.rank[row-1]
	a.Type, a.Severity = c.types[c.kind[rank]], c.severities[c.severity[rank]]
	a.Here, a.Packages, a.Older = int(c.here[rank]), int(c.listed[rank]), int(c.older[rank])
	return a, nil
}

func timeOf(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// maxParts bounds the rows of one advisory that are shown.
const maxParts = 100

// Advisory returns all about the advisory with an id, or ErrNotFound. Where metadata
// has several of the id they are one.
func (c *Catalog) Advisory(ctx context.Context, id string) (d AdvisoryDetail, err error) {
	err = c.query(ctx, func(conn *sqlite.Conn) error {
		d, err = advisory(conn, id)
		return err
	})
	return d, err
}

func advisory(conn *sqlite.Conn, id string) (d AdvisoryDetail, err error) {
	var places []place
	err = eachRow(conn, fmt.Sprintf("SELECT place FROM advisory WHERE name = ? ORDER BY id LIMIT %d", maxParts), func(stmt *sqlite.Stmt) error {
		places = append(places, place(stmt.ColumnInt64(0)))
		return nil
	}, id)
	if err == nil && len(places) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return d, err
	}
	in := jsonReader{conn: conn}
	for i, at := range places {
		var s storedAdvisory
		if err := in.read(at, &s); err != nil {
			return d, err
		}
		part := s.AdvisoryDetail
		for _, list := range s.Lists {
			part.Collections = append(part.Collections, list.collection())
		}
		if i == 0 {
			d = part
		} else {
			d.join(&part)
		}
	}
	return d, nil
}

func (l *storedList) collection() AdvisoryCollection {
	c := AdvisoryCollection{Name: l.Name, Modules: l.Modules, Packages: make([]AdvisoryPackage, len(l.Packages))}
	for i, s := range l.Packages {
		p := AdvisoryPackage{
			NEVRA: rpmpkg.NEVRA{Name: s.N, EVR: rpmpkg.EVR{Epoch: s.E, Version: s.V, Release: s.R}, Arch: s.A}, Fix: s.F,
			Reboot: s.S&markReboot != 0, Restart: s.S&markRestart != 0, Relogin: s.S&markRelogin != 0,
		}
		if s.F == FixSame {
			p.By = p.NEVRA
		}
		if len(s.B) == 3 {
			p.By = rpmpkg.NEVRA{Name: s.N, EVR: rpmpkg.EVR{Epoch: s.B[0], Version: s.B[1], Release: s.B[2]}, Arch: s.A}
		}
		c.Packages[i] = p
	}
	return c
}

// join adds what another part of the advisory has.
func (d *AdvisoryDetail) join(part *AdvisoryDetail) {
	d.Here += part.Here
	d.Older += part.Older
	d.Packages += part.Packages
	d.More += part.More
	d.MoreCVEs = max(d.MoreCVEs, part.MoreCVEs)
	d.Collections = append(d.Collections, part.Collections...)
	for _, r := range part.References {
		if !slices.Contains(d.References, r) {
			d.References = append(d.References, r)
		}
	}
	d.CVEs = append(d.CVEs, part.CVEs...)
	slices.Sort(d.CVEs)
	d.CVEs = slices.Compact(d.CVEs)
}

// AdvisoriesFor returns the advisories that list a package, the latest first, and no
// more than some hundred: what is a name, or a NEVRA, which need not be in the
// repository. There being none is no error.
func (c *Catalog) AdvisoriesFor(ctx context.Context, what string) (list []Mention, err error) {
	err = c.query(ctx, func(conn *sqlite.Conn) error {
		list, err = mentions(conn, what)
		return err
	})
	return list, err
}

func mentions(conn *sqlite.Conn, what string) ([]Mention, error) {
	all, err := readAdvisoryColumns(conn)
	if err != nil || len(all.rows) == 0 {
		return nil, err
	}
	found, err := all.mentions(conn, what)
	if err != nil {
		return nil, err
	}
	var pkg *rpmpkg.NEVRA
	if n, epoch, ok := parseNEVRA(what); len(found) == 0 && ok {
		if found, err = all.mentions(conn, n.Name); err == nil && !epoch {
			err = addEpoch(conn, &n)
		}
		if err != nil {
			return nil, err
		}
		pkg = &n
	}
	var list []Mention
	for _, f := range found {
		m := Mention{Versions: f.versions}
		if pkg != nil && !m.compare(f.archs, *pkg) {
			continue
		}
		if m.Advisory, err = all.read(conn, int64(all.rows[f.rank])); err != nil {
			return nil, err
		}
		slices.SortFunc(m.Versions, func(x, y rpmpkg.EVR) int { return y.Compare(x) })
		m.Versions = slices.Compact(m.Versions)
		if list = append(list, m); len(list) == maxMentions {
			break
		}
	}
	return list, nil
}

// listing is an advisory that lists a name. archs are those of the versions.
type listing struct {
	rank     uint32
	versions []rpmpkg.EVR
	archs    []string
}

// mentions finds the advisories that list a name, the latest first.
func (c *advisoryColumns) mentions(conn *sqlite.Conn, name string) (list []listing, err error) {
	const most = 20_000 // far more than there are
	query := fmt.Sprintf("SELECT advisory, versions FROM advisorypackage WHERE name = ? ORDER BY advisory DESC LIMIT %d", most)
	err = eachRow(conn, query, func(stmt *sqlite.Stmt) error {
		id := stmt.ColumnInt64(0)
		if id < 1 || id > int64(len(c.rank)) {
			return damaged("there is no advisory %d", id)
		}
		f := listing{rank: c.rank[id-1]}
		for line := range strings.Lines(stmt.ColumnText(1)) {
			if v := strings.Split(strings.TrimSuffix(line, "\n"), " "); len(v) == 4 {
				f.versions = append(f.versions, rpmpkg.EVR{Epoch: v[0], Version: v[1], Release: v[2]})
				f.archs = append(f.archs, v[3])
			}
		}
		list = append(list, f)
		return nil
	}, name)
	slices.SortStableFunc(list, func(x, y listing) int { return cmp.Compare(x.rank, y.rank) })
	// Parts of one advisory are one.
	joined := list[:0]
	for _, f := range list {
		if n := len(joined); n > 0 && joined[n-1].rank == f.rank {
			joined[n-1].versions = append(joined[n-1].versions, f.versions...)
			joined[n-1].archs = append(joined[n-1].archs, f.archs...)
			continue
		}
		joined = append(joined, f)
	}
	return joined, err
}

// addEpoch adds the epoch of the package of the repository that has all the rest.
func addEpoch(conn *sqlite.Conn, n *rpmpkg.NEVRA) error {
	list, err := named(conn, n.Name)
	if i := slices.IndexFunc(list, func(p Package) bool {
		return p.Version == n.Version && p.Release == n.Release && p.Arch == n.Arch
	}); i >= 0 {
		n.Epoch = list[i].Epoch
	}
	return err
}

// compare leaves only the versions that are of a package's architecture, and compares
// it with them. It is false where there are none.
func (m *Mention) compare(archs []string, pkg rpmpkg.NEVRA) bool {
	var versions []rpmpkg.EVR
	m.Fix = FixNewer
	for i, v := range m.Versions {
		if archs[i] != pkg.Arch {
			continue
		}
		versions = append(versions, v)
		switch c := pkg.Compare(v); {
		case c == 0:
			m.Fix = FixSame
		case c < 0 && m.Fix == FixNewer:
			m.Fix = FixOlder
		}
	}
	m.Versions = versions
	return len(versions) > 0
}
