package catalog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"
)

const (
	// maxQuery bounds what is searched for, in bytes, and queryWords its words.
	maxQuery   = 256
	queryWords = 8
	// maxHits bounds what a search finds, and maxScan how many keys of a table it
	// looks at for that.
	maxHits = 1000
	maxScan = 20000
)

// searchTime bounds the time that a search for words takes. It is a variable for tests.
var searchTime = 500 * time.Millisecond

// Search finds packages by words of their names, summaries and descriptions, by what
// they provide, and by their files. The last word may be the beginning of one. What
// begins with a slash is a path, or the beginning of one. Best come first: those
// with exactly that name, then those whose names begin like that, then who provides
// that or has a file or command of that name, then words of the name, parts of it,
// and words of all the rest.
//
// Any query may be given; there is none that is wrong.
func (c *Catalog) Search(ctx context.Context, query string, offset, limit int) (hits Hits, err error) {
	query = strings.TrimSpace(strings.ToValidUTF8(query, ""))
	if query == "" || len(query) > maxQuery {
		return Hits{}, nil
	}
	if limit <= 0 {
		limit = defaultLimit
	}
	err = c.query(ctx, func(conn *sqlite.Conn) error {
		s := &search{conn: conn, query: query, lower: strings.ToLower(query), seen: map[int64]bool{}}
		err := s.run(ctx)
		if err != nil {
			return err
		}
		hits.Total, hits.More = len(s.found), s.more
		found := s.found[min(max(offset, 0), len(s.found)):]
		hits.Hits, err = s.hits(found[:min(limit, len(found))])
		return err
	})
	return hits, err
}

// search is one that goes on.
type search struct {
	conn         *sqlite.Conn
	query, lower string
	nameOf       []byte // column of names' ids, once it was read
	seen         map[int64]bool
	found        []found
	more         bool
}

// found is a name that was found.
type found struct {
	name         int64
	where, match string
}

// add adds a name, unless it was found before. It returns errStop when there are
// enough.
func (s *search) add(name int64, where, match string) error {
	if s.seen[name] {
		return nil
	}
	if len(s.found) == maxHits {
		s.more = true
		return errStop
	}
	s.seen[name] = true
	s.found = append(s.found, found{name, where, match})
	return nil
}

// addPackages adds the names of packages.
func (s *search) addPackages(ids []int32, where, match string) error {
	if s.nameOf == nil {
		column, err := readColumn(s.conn, columnName, nil)
		if err != nil {
			return err
		}
		s.nameOf = column
	}
	for _, id := range ids {
		if id < 1 || int(id)*4 > len(s.nameOf) {
			return damaged("there is no package %d", id)
		}
		if err := s.add(int64(binary.LittleEndian.Uint32(s.nameOf[4*(id-1):])), where, match); err != nil {
			return err
		}
	}
	return nil
}

// run looks in one place after the other, from what fits best.
func (s *search) run(ctx context.Context) error {
	steps := []func(context.Context) error{s.names, s.exactly, s.nevra, s.nameWords, s.partsOfNames, s.beginnings, s.words}
	if strings.HasPrefix(s.query, "/") {
		steps = []func(context.Context) error{s.paths}
	}
	for _, step := range steps {
		err := step(ctx)
		if errors.Is(err, errStop) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// names finds names that are what is searched for, or begin with it.
func (s *search) names(context.Context) error {
	if strings.Contains(s.lower, "\n") {
		return nil
	}
	names, err := readColumn(s.conn, columnNames, nil)
	if err != nil {
		return err
	}
	// The names are sorted: those that begin alike are together.
	want := []byte("\n" + s.lower)
	id, pos := int64(1), 0
	if !bytes.HasPrefix(names, want[1:]) {
		at := bytes.Index(names, want)
		if at < 0 {
			return nil
		}
		pos = at + 1
		id += int64(bytes.Count(names[:pos], []byte("\n")))
	}
	for ; bytes.HasPrefix(names[pos:], want[1:]); id++ {
		if err := s.add(id, "name", ""); err != nil {
			return err
		}
		end := bytes.IndexByte(names[pos:], '\n')
		if end < 0 {
			return damaged("the names have no end")
		}
		pos += end + 1
	}
	return nil
}

// exactly finds who provides what is searched for, or has a file of that name.
func (s *search) exactly(context.Context) error {
	for _, key := range []string{s.lower, s.lower + "\x00"} {
		err := provideTable.scan(s.conn, []byte(key), func(k []byte, ids []int32) error {
			if string(k) != key && !strings.HasSuffix(key, "\x00") {
				return errStop
			}
			return s.addPackages(ids, "provides", nameOfKey(k))
		})
		if err != nil {
			return err
		}
		if len(s.found) == maxHits {
			return errStop
		}
	}
	return baseTable.scan(s.conn, []byte(s.lower+"\x00"), func(k []byte, ids []int32) error {
		return s.addPackages(ids, "file", nameOfKey(k))
	})
}

// nevra finds the package that a NEVRA, or a part of one, or a file name, is of.
func (s *search) nevra(context.Context) error {
	whole := strings.TrimSuffix(s.query, ".rpm")
	if before, after, ok := strings.Cut(whole, ":"); ok && strings.Trim(before, "0123456789") == "" {
		whole = after // epoch:name-…
	}
	dash := strings.LastIndexByte(whole, '-')
	for _, cut := range []int{strings.LastIndexByte(whole, '.'), dash, strings.LastIndexByte(whole[:max(dash, 0)], '-')} {
		if cut <= 0 {
			continue
		}
		name := whole[:cut]
		row, err := nameWhere(s.conn, "name = ?", func(stmt *sqlite.Stmt) { stmt.BindText(1, name) })
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		list, err := packagesWhere(s.conn, "id >= ? AND id < ? LIMIT 1000", row.first, row.first+row.count)
		if err != nil {
			return err
		}
		for _, p := range list {
			vr := p.Name + "-" + p.Version + "-" + p.Release
			forms := []string{vr + "." + p.Arch, vr, p.Name + "-" + p.Version, p.Name + "." + p.Arch, p.String(), p.Name + "-" + p.EVR.String()}
			if slices.Contains(forms, whole) {
				return s.add(row.id, "name", "")
			}
		}
	}
	return nil
}

// partsOfNames finds names that have what is searched for anywhere.
func (s *search) partsOfNames(context.Context) error {
	if len(s.lower) < 3 {
		return nil
	}
	chosen, err := nameFilter(s.conn, strings.NewReplacer("*", "", "?", "", "[", "").Replace(s.lower))
	if err != nil || len(chosen) == 0 {
		return err
	}
	for id, is := range chosen {
		if is {
			if err := s.add(int64(id), "name", ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// beginnings finds files and provides whose names begin with what is searched for.
func (s *search) beginnings(context.Context) error {
	if len(s.lower) < 3 {
		return nil
	}
	for _, t := range []struct {
		table sortedTable
		where string
	}{{baseTable, "file"}, {provideTable, "provides"}} {
		scanned := 0
		err := t.table.scan(s.conn, []byte(s.lower), func(k []byte, ids []int32) error {
			if scanned++; scanned > maxScan {
				s.more = true
				return errStop
			}
			return s.addPackages(ids, t.where, nameOfKey(k))
		})
		if err != nil {
			return err
		}
		if len(s.found) == maxHits {
			return errStop
		}
	}
	return nil
}

// paths finds who has a path, or paths that begin with it.
func (s *search) paths(context.Context) error {
	whole := s.query
	if trimmed := strings.TrimRight(whole, "/"); trimmed != "" {
		ids, err := pathTable.get(s.conn, pathKey(trimmed))
		if err == nil {
			err = s.addPackages(ids, "file", trimmed)
		}
		if err != nil {
			return err
		}
	}
	// What a directory has itself comes before what is further down.
	scanned := 0
	for _, prefix := range [][]byte{pathKey(whole), []byte(whole)} {
		err := pathTable.scan(s.conn, prefix, func(k []byte, ids []int32) error {
			if scanned++; scanned > maxScan {
				s.more = true
				return errStop
			}
			return s.addPackages(ids, "file", pathOf(k))
		})
		if err != nil {
			return err
		}
	}
	// Where there are no lists of files, there are those of primary.
	if len(s.found) > 0 {
		return nil
	}
	return provideTable.scan(s.conn, appendFolded(nil, whole)[:len(s.lower)], func(k []byte, ids []int32) error {
		if scanned++; scanned > maxScan {
			s.more = true
			return errStop
		}
		if name := nameOfKey(k); strings.HasPrefix(name, whole) {
			return s.addPackages(ids, "file", name)
		}
		return nil
	})
}

// tokens are the words that are searched for.
func (s *search) tokens() (list []string) {
	eachWord(s.query, func(word string) {
		if len(list) < queryWords && !slices.Contains(list, word) {
			list = append(list, word)
		}
	})
	return list
}

// nameWords finds names that have all the words.
func (s *search) nameWords(ctx context.Context) error {
	return s.match(ctx, "name", "name")
}

// words finds what has all the words anywhere.
func (s *search) words(ctx context.Context) error {
	for _, in := range []struct{ columns, where string }{
		{"name summary", "summary"},
		{"name summary provides", "provides"},
		{"name summary provides files", "file"},
		{"", "description"},
	} {
		if err := s.match(ctx, in.columns, in.where); err != nil {
			return err
		}
	}
	return nil
}

// match asks the table of words, or without columns that of texts.
func (s *search) match(ctx context.Context, columns, where string) error {
	tokens := s.tokens()
	if len(tokens) == 0 {
		return nil
	}
	terms := make([]string, len(tokens))
	for i, t := range tokens {
		terms[i] = `"` + t + `"` // no word has a quotation mark
	}
	if last := len(terms) - 1; len(tokens[last]) > 1 {
		terms[last] += "*"
	}
	ctx, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	defer s.conn.SetInterrupt(s.conn.SetInterrupt(ctx.Done()))
	table, expression := "texts", strings.Join(terms, " AND ")
	if columns != "" {
		table, expression = "words", fmt.Sprintf("{%s} : (%s)", columns, expression)
	}
	ids, err := s.matching(table, expression)
	if err == nil && where == "summary" {
		err = s.rank(ids, tokens)
	}
	late := err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded)
	if err != nil && !late {
		return err
	}
	for _, id := range ids { // in no order of ranks, where it is late
		if err := s.add(id, where, ""); err != nil {
			return err
		}
	}
	if late {
		s.more = true
		return errStop
	}
	return nil
}

// matching returns the names that an expression matches, in their order, which is
// that of the table: its own ranks would take looking at all that each word is in.
func (s *search) matching(table, expression string) (ids []int64, err error) {
	stmt, err := s.conn.Prepare(fmt.Sprintf("SELECT rowid FROM %s WHERE %[1]s MATCH ? LIMIT ?", table))
	if err != nil {
		return nil, err
	}
	defer stmt.Reset() //nolint:errcheck // what it returns was returned
	stmt.BindText(1, expression)
	stmt.BindInt64(2, maxHits+1)
	for {
		found, err := stmt.Step()
		if err != nil || !found {
			return ids, err
		}
		ids = append(ids, stmt.ColumnInt64(0))
	}
}

// maxRanked bounds the summaries that are looked at for the order of hits.
const maxRanked = 300

// rank brings those first whose summaries are mostly what was searched for: they
// have the words early, and few others.
func (s *search) rank(ids []int64, tokens []string) error {
	if len(ids) > maxRanked {
		return nil
	}
	stmt, err := s.conn.Prepare("SELECT summary FROM package WHERE id = (SELECT first FROM name WHERE id = ?)")
	if err != nil {
		return err
	}
	defer stmt.Reset() //nolint:errcheck // what it returns was returned
	score := make(map[int64]int, len(ids))
	for _, id := range ids {
		stmt.BindInt64(1, id)
		if _, err := stmt.Step(); err != nil {
			return err
		}
		words, first := 0, 0
		eachWord(stmt.ColumnText(0), func(word string) {
			words++
			if first == 0 && slices.ContainsFunc(tokens, func(t string) bool { return strings.HasPrefix(word, t) }) {
				first = words
			}
		})
		score[id] = words + 2*first
		if err := stmt.Reset(); err != nil {
			return err
		}
	}
	slices.SortStableFunc(ids, func(a, b int64) int { return score[a] - score[b] })
	return nil
}

// hits reads the packages that were found.
func (s *search) hits(list []found) (hits []Hit, err error) {
	for _, f := range list {
		row, err := nameByID(s.conn, f.name)
		if errors.Is(err, ErrNotFound) {
			err = damaged("there is no name %d", f.name)
		}
		if err != nil {
			return nil, err
		}
		p, err := packageByID(s.conn, row.first)
		if err != nil {
			return nil, missingRow(err, int32(row.first)) //nolint:gosec // no more than maxPackages
		}
		hits = append(hits, Hit{Package: p, Versions: int(row.count), Where: f.where, Match: f.match})
	}
	return hits, nil
}

// Provider is a package that provides something.
type Provider struct{ Name, NEVRA string }

// maxProviders bounds the providers of one name.
const maxProviders = 5

// Providers returns who provides capabilities, or has files, by their names: of each
// a few packages, of different names, the newest. What nobody provides is left out.
func (c *Catalog) Providers(ctx context.Context, names []string) (map[string][]Provider, error) {
	all := make(map[string][]Provider, len(names))
	err := c.query(ctx, func(conn *sqlite.Conn) error {
		for _, name := range names {
			if _, done := all[name]; done {
				continue
			}
			list, err := providers(conn, name)
			if err != nil {
				return err
			}
			if len(list) > 0 {
				all[name] = list
			}
		}
		return nil
	})
	return all, err
}

func providers(conn *sqlite.Conn, name string) (list []Provider, err error) {
	if name == "" || strings.Contains(name, "\x00") {
		return nil, nil
	}
	ids, err := provideTable.get(conn, appendFolded(nil, name))
	if err == nil && len(ids) == 0 && strings.HasPrefix(name, "/") {
		ids, err = pathTable.get(conn, pathKey(name))
	}
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		p, err := packageByID(conn, int64(id))
		if err != nil {
			return nil, missingRow(err, id)
		}
		if slices.ContainsFunc(list, func(have Provider) bool { return have.Name == p.Name }) {
			continue
		}
		if list = append(list, Provider{p.Name, p.String()}); len(list) == maxProviders {
			break
		}
	}
	return list, nil
}
