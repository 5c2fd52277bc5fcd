package catalog

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"

	"gorepo/internal/rpmpkg"
)

// packageColumns are those that scanPackage reads.
const packageColumns = "id, name, epoch, version, release, arch, summary, sourcerpm, license, size, installed, built, filetime, location, base, " +
	"checksumtype, checksum, added"

func scanPackage(stmt *sqlite.Stmt) (p Package) {
	n := 0
	text := func() string {
		n++
		return stmt.ColumnText(n - 1)
	}
	integer := func() int64 {
		n++
		return stmt.ColumnInt64(n - 1)
	}
	when := func() (t time.Time) {
		if s := integer(); s != 0 {
			t = time.Unix(s, 0).UTC()
		}
		return t
	}
	p.ID = integer()
	p.Name, p.Epoch, p.Version, p.Release, p.Arch = text(), text(), text(), text(), text()
	p.Summary, p.SourceRPM, p.License = text(), text(), text()
	p.Size, p.Installed = integer(), integer()
	p.Built, p.FileTime = when(), when()
	p.Location, p.Base = text(), text()
	p.Checksum.Type = text()
	sum := make([]byte, stmt.ColumnLen(n))
	stmt.ColumnBytes(n, sum)
	n++
	p.Checksum.Hex = hex.EncodeToString(sum)
	p.Added = when()
	return p
}

// packageByID returns one package, or ErrNotFound.
func packageByID(conn *sqlite.Conn, id int64) (Package, error) {
	list, err := packagesWhere(conn, "id = ?", id)
	if err == nil && len(list) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Package{}, err
	}
	return list[0], nil
}

// packagesWhere returns packages in the order of their ids.
func packagesWhere(conn *sqlite.Conn, where string, args ...int64) (list []Package, err error) {
	stmt, err := conn.Prepare("SELECT " + packageColumns + " FROM package WHERE " + where)
	if err != nil {
		return nil, err
	}
	defer stmt.Reset() //nolint:errcheck // what it returns was returned
	for i, arg := range args {
		stmt.BindInt64(i+1, arg)
	}
	for {
		found, err := stmt.Step()
		if err != nil || !found {
			return list, err
		}
		list = append(list, scanPackage(stmt))
	}
}

// nameRow is a row of the table of names.
type nameRow struct {
	id, first, count int64
	name             string
}

func nameWhere(conn *sqlite.Conn, where string, bind func(*sqlite.Stmt)) (r nameRow, err error) {
	stmt, err := conn.Prepare("SELECT id, first, count, name FROM name WHERE " + where)
	if err != nil {
		return r, err
	}
	defer stmt.Reset() //nolint:errcheck // what it returns was returned
	bind(stmt)
	found, err := stmt.Step()
	if err == nil && !found {
		err = ErrNotFound
	}
	if err != nil {
		return r, err
	}
	return nameRow{stmt.ColumnInt64(0), stmt.ColumnInt64(1), stmt.ColumnInt64(2), stmt.ColumnText(3)}, nil
}

func nameByID(conn *sqlite.Conn, id int64) (nameRow, error) {
	return nameWhere(conn, "id = ?", func(stmt *sqlite.Stmt) { stmt.BindInt64(1, id) })
}

// Named returns all packages of a name, the newest first. There being none is no
// error.
func (c *Catalog) Named(ctx context.Context, name string) (list []Package, err error) {
	err = c.query(ctx, func(conn *sqlite.Conn) error {
		list, err = named(conn, name)
		return err
	})
	return list, err
}

func named(conn *sqlite.Conn, name string) ([]Package, error) {
	r, err := nameWhere(conn, "name = ?", func(stmt *sqlite.Stmt) { stmt.BindText(1, name) })
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return packagesWhere(conn, "id >= ? AND id < ?", r.first, r.first+r.count)
}

// Find returns the package with a NEVRA, name-[epoch:]version-release.arch or
// epoch:name-version-release.arch. Without an epoch it is the newest with that
// version and release. The error is ErrNotFound where there is none.
func (c *Catalog) Find(ctx context.Context, nevra string) (p Package, err error) {
	want, epoch, ok := parseNEVRA(nevra)
	if !ok {
		return Package{}, ErrNotFound
	}
	list, err := c.Named(ctx, want.Name)
	if err != nil {
		return Package{}, err
	}
	i := slices.IndexFunc(list, func(p Package) bool {
		return p.Version == want.Version && p.Release == want.Release && p.Arch == want.Arch && (!epoch || orZero(p.Epoch) == orZero(want.Epoch))
	})
	if i < 0 {
		return Package{}, ErrNotFound
	}
	return list[i], nil
}

func orZero(epoch string) string {
	if epoch == "" {
		return "0"
	}
	return epoch
}

// parseNEVRA takes a NEVRA apart; epoch says whether it has one.
func parseNEVRA(s string) (n rpmpkg.NEVRA, epoch, ok bool) {
	dot := strings.LastIndexByte(s, '.')
	if dot < 0 {
		return n, false, false
	}
	s, n.Arch = s[:dot], s[dot+1:]
	if dash := strings.LastIndexByte(s, '-'); dash > 0 {
		s, n.Release = s[:dash], s[dash+1:]
	}
	dash := strings.LastIndexByte(s, '-')
	if dash <= 0 || n.Release == "" {
		return n, false, false
	}
	n.Name, n.Version = s[:dash], s[dash+1:]
	if before, after, found := strings.Cut(n.Version, ":"); found {
		n.Epoch, n.Version, epoch = before, after, true
	} else if before, after, found := strings.Cut(n.Name, ":"); found && strings.Trim(before, "0123456789") == "" {
		n.Epoch, n.Name, epoch = before, after, true
	}
	return n, epoch, n.Name != "" && n.Version != "" && n.Arch != ""
}

// FindLocation returns the package at a location, or ErrNotFound.
func (c *Catalog) FindLocation(ctx context.Context, location string) (p Package, err error) {
	err = c.query(ctx, func(conn *sqlite.Conn) error {
		// Metadata that means no good may have any number of one hash, or of one place.
		list, err := packagesWhere(conn, "locationhash = ? LIMIT 16", hashOf(location))
		if err != nil {
			return err
		}
		i := slices.IndexFunc(list, func(p Package) bool { return p.Location == location })
		if i < 0 {
			return ErrNotFound
		}
		p = list[i]
		return nil
	})
	return p, err
}

// Arches returns the architectures that packages have, sorted.
func (c *Catalog) Arches(ctx context.Context) (list []string, err error) {
	err = c.query(ctx, func(conn *sqlite.Conn) error {
		list, err = readLines(conn, columnArchs)
		return err
	})
	slices.Sort(list)
	return list, err
}

const defaultLimit = 100

// List returns a page of the packages that o chooses, those of one name from the
// newest to the oldest.
func (c *Catalog) List(ctx context.Context, o ListOptions) (page Page, err error) {
	o.Offset = max(o.Offset, 0)
	if o.Limit <= 0 {
		o.Limit = defaultLimit
	}
	err = c.query(ctx, func(conn *sqlite.Conn) error {
		page, err = c.list(conn, o)
		return err
	})
	return page, err
}

func (c *Catalog) list(conn *sqlite.Conn, o ListOptions) (page Page, err error) {
	ids, err := c.chosen(conn, o)
	if err == nil {
		err = sortIDs(conn, ids, o)
	}
	if err != nil {
		return page, err
	}
	page.Total = len(ids)
	ids = ids[min(o.Offset, len(ids)):]
	for _, id := range ids[:min(o.Limit, len(ids))] {
		p, err := packageByID(conn, int64(id))
		if err != nil {
			return page, missingRow(err, id)
		}
		page.Packages = append(page.Packages, p)
	}
	return page, nil
}

// missingRow is the error of a package that has to be there.
func missingRow(err error, id int32) error {
	if errors.Is(err, ErrNotFound) {
		return damaged("there is no package %d", id)
	}
	return err
}

// chosen returns the ids of the packages that o chooses, in their order.
func (c *Catalog) chosen(conn *sqlite.Conn, o ListOptions) ([]int32, error) {
	name, err := nameFilter(conn, o.Filter)
	if err != nil {
		return nil, err
	}
	nameOf, err := readColumn(conn, columnName, nil)
	if err != nil {
		return nil, err
	}
	n := len(nameOf) / 4
	archOf, arch, err := archFilter(conn, o.Arch, n)
	if err != nil {
		return nil, err
	}
	var latest []byte
	if o.Latest {
		if latest, err = readColumn(conn, columnLatest, nil); err != nil {
			return nil, err
		}
		if len(latest) != n {
			return nil, damaged("columns are not of one length")
		}
	}
	ids := make([]int32, 0, n)
	for i := range n {
		if latest != nil && latest[i] == 0 || archOf != nil && binary.LittleEndian.Uint16(archOf[2*i:]) != arch {
			continue
		}
		if name != nil {
			if id := int(binary.LittleEndian.Uint32(nameOf[4*i:])); id >= len(name) || !name[id] {
				continue
			}
		}
		ids = append(ids, int32(i+1)) //nolint:gosec // no more than maxPackages
	}
	return ids, nil
}

// archFilter returns the column of architectures, and which one is meant; nil where
// all are.
func archFilter(conn *sqlite.Conn, name string, n int) (column []byte, arch uint16, err error) {
	if name == "" {
		return nil, 0, nil
	}
	archs, err := readLines(conn, columnArchs)
	if err != nil {
		return nil, 0, err
	}
	at := slices.Index(archs, name)
	if at < 0 {
		at = maxArchs
	}
	column, err = readColumn(conn, columnArch, nil)
	if err == nil && len(column) != 2*n {
		err = damaged("columns are not of one length")
	}
	return column, uint16(at), err //nolint:gosec // no more than maxArchs
}

// maxFilter bounds a filter, in bytes. No name is longer.
const maxFilter = 255

// nameFilter returns which names, by their ids, a filter chooses; nil is all.
func nameFilter(conn *sqlite.Conn, filter string) (chosen []bool, err error) {
	filter = strings.ToLower(strings.TrimSpace(filter))
	if filter == "" {
		return nil, nil
	}
	names, err := readColumn(conn, columnNames, nil)
	if err != nil {
		return nil, err
	}
	chosen = make([]bool, bytes.Count(names, []byte("\n"))+1)
	if len(filter) > maxFilter || strings.Contains(filter, "\n") {
		return chosen, nil
	}
	if rpmpkg.IsGlob(filter) {
		id := 0
		for name := range bytes.Lines(names) {
			id++
			chosen[id] = rpmpkg.Glob(filter, string(name[:len(name)-1]))
		}
		return chosen, nil
	}
	want := []byte(filter)
	for id, pos := 1, 0; ; {
		at := bytes.Index(names[pos:], want)
		if at < 0 {
			return chosen, nil
		}
		id += bytes.Count(names[pos:pos+at], []byte("\n"))
		chosen[id] = true
		end := bytes.IndexByte(names[pos+at:], '\n')
		if end < 0 {
			return nil, damaged("the names have no end")
		}
		id++
		pos += at + end + 1
	}
}

// keyed is a package and what it is sorted by.
type keyed struct {
	key int64
	id  int32
}

func (a keyed) compare(b keyed) int {
	if c := cmp.Compare(a.key, b.key); c != 0 {
		return c
	}
	return cmp.Compare(a.id, b.id)
}

// sortFirst sorts a list so that its first n are in their places; where the others
// are does not matter, and finding that out would take most of the time.
func sortFirst(list []keyed, n int) {
	if n < 0 || n > len(list)/8 { // n < 0: it was too large a number
		slices.SortFunc(list, keyed.compare)
		return
	}
	// The first n, the last of them on top, through which all others go.
	h := list[:n]
	for i := n/2 - 1; i >= 0; i-- {
		siftDown(h, i)
	}
	for i := n; i < len(list) && n > 0; i++ {
		if list[i].compare(h[0]) < 0 {
			h[0], list[i] = list[i], h[0]
			siftDown(h, 0)
		}
	}
	slices.SortFunc(h, keyed.compare)
}

func siftDown(h []keyed, i int) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && h[child].compare(h[child+1]) < 0 {
			child++
		}
		if h[i].compare(h[child]) >= 0 {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}

// sortIDs sorts ids, which are in their own order; those of the page are then in
// their places.
func sortIDs(conn *sqlite.Conn, ids []int32, o ListOptions) error {
	if column := map[Sort]string{SortSize: columnSize, SortBuilt: columnBuilt, SortAdded: columnAdded}[o.Sort]; column != "" {
		data, err := readColumn(conn, column, nil)
		if err != nil {
			return err
		}
		if n := len(ids); n > 0 && len(data)/8 < int(ids[n-1]) {
			return damaged("columns are not of one length")
		}
		list := make([]keyed, len(ids))
		for i, id := range ids {
			list[i] = keyed{int64(binary.LittleEndian.Uint64(data[8*(id-1):])), id} //nolint:gosec // as it was written
			if o.Descending {
				list[i].key = ^list[i].key // which turns the order round
			}
		}
		sortFirst(list, o.Offset+o.Limit)
		for i := range list {
			ids[i] = list[i].id
		}
		return nil
	}
	if o.Sort != "" && o.Sort != SortName {
		return fmt.Errorf("packages are not sorted by %q", o.Sort)
	}
	if o.Descending {
		slices.Reverse(ids)
	}
	return nil
}
