package repodata

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"gorepo/internal/rpmpkg"
)

// MaxRepomd bounds repomd.xml, in bytes. Real ones have a few thousand.
const MaxRepomd = 4 << 20

// maxRecords bounds the records: each of them may be a file to copy. Real ones
// have a few dozen.
const maxRecords = 1000

// Repomd is the content of repomd.xml: the list of a repository's metadata.
type Repomd struct {
	Revision string
	Tags     Tags
	Records  []Record
}

// Tags are what a repository says about itself in repomd.xml.
type Tags struct {
	Content, Repo []string
	Distro        []Distro
}

// A Distro is a distribution that a repository is for.
type Distro struct {
	CPEID string // a CPE name, or ""
	Name  string
}

// A Record names one metadata file.
type Record struct {
	Type string // "primary", "group", ...
	// Checksum is of the file as it is, OpenChecksum of its content
	// uncompressed, HeaderChecksum of a zchunk file's header; the latter two
	// are zero where the file has no such thing.
	Checksum       rpmpkg.Checksum
	OpenChecksum   rpmpkg.Checksum
	HeaderChecksum rpmpkg.Checksum
	Location       string // below the repository, usually repodata/NAME
	Base           string // xml:base, "" for the repository's own URL
	Timestamp      int64  // Unix seconds
	// Sizes in bytes; -1 where the record does not say.
	Size, OpenSize, HeaderSize int64
	// DatabaseVersion is 10 for sqlite databases, 0 for everything else.
	DatabaseVersion int
}

// Name is the file's name without its directory.
func (r Record) Name() string { return path.Base(r.Location) }

// PlainName is Name without the checksum that most names begin with.
func (r Record) PlainName() string { return plainName(r.Name()) }

// ContentName is the file's name without the checksum before it and the suffix
// of its compression behind it.
func (r Record) ContentName() string { return strings.TrimSuffix(r.PlainName(), suffixOf(r.Name())) }

// contentChecksum is that of what the file unpacks to.
func (r Record) contentChecksum() rpmpkg.Checksum {
	if suffixOf(r.Name()) == "" {
		return r.Checksum
	}
	return r.OpenChecksum
}

func plainName(name string) string {
	prefix, rest, found := strings.Cut(name, "-")
	switch len(prefix) {
	case 32, 40, 56, 64, 96, 128: // md5, sha1, sha224, sha256, sha384, sha512
		if found && rest != "" && strings.Trim(prefix, "0123456789abcdef") == "" {
			return rest
		}
	}
	return name
}

// Find returns the first record of a type.
func (m *Repomd) Find(recordType string) (Record, bool) {
	i := slices.IndexFunc(m.Records, func(r Record) bool { return r.Type == recordType })
	if i < 0 {
		return Record{}, false
	}
	return m.Records[i], true
}

// PrimaryChecksum is that of the primary file, in hexadecimal: it stands for the
// packages that the generation lists.
func (m *Repomd) PrimaryChecksum() string {
	rec, _ := m.Find(Primary.String())
	return rec.Checksum.Hex
}

// Timestamp is the newest of the records', in Unix seconds, or 0: clients take it
// for the time of the generation.
func (m *Repomd) Timestamp() (newest int64) {
	for _, r := range m.Records {
		newest = max(newest, r.Timestamp)
	}
	return newest
}

// ParseRepomd reads a repomd.xml. It must name a primary file; every record has
// a checksum and a location.
func ParseRepomd(data []byte) (*Repomd, error) {
	if len(data) > MaxRepomd {
		return nil, fmt.Errorf("repomd.xml has %d bytes, more than the %d that are read", len(data), MaxRepomd)
	}
	t, err := document(data)
	if err != nil {
		return nil, err
	}
	m := new(Repomd)
	root := false
	for {
		k, err := t.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch {
		case t.depth() == 1 && k.kind == startTag && root:
			return nil, fmt.Errorf("%w: <%.40s> behind the root element", errMalformed, k.name)
		case t.depth() == 1 && k.kind == startTag && k.local() != "repomd":
			return nil, fmt.Errorf("%w: the root element is <%.40s>, not <repomd>", errMalformed, k.name)
		case t.depth() == 1 && k.kind == startTag:
			root = true
		case t.depth() == 0 && k.kind == textToken && len(bytes.TrimSpace(k.text)) > 0:
			return nil, fmt.Errorf("%w: %.20q behind the root element", errMalformed, k.text)
		}
		if t.depth() != 2 || k.kind != startTag {
			continue
		}
		switch k.local() {
		case "revision":
			m.Revision, err = t.elementText()
		case "tags":
			err = m.Tags.read(t)
		case "data":
			var r Record
			r, err = parseRecord(t, k)
			m.Records = append(m.Records, r)
		}
		if err != nil {
			return nil, err
		}
	}
	if n := len(m.Records); n > maxRecords {
		return nil, fmt.Errorf("repomd.xml has %d records, more than the %d that are read", n, maxRecords)
	}
	if _, ok := m.Find(Primary.String()); !ok {
		return nil, errors.New("repomd.xml names no primary metadata")
	}
	return m, nil
}

// document makes tokens of a whole file, behind its declaration.
func document(data []byte) (*tokens, error) {
	s := &Splitter{r: strings.NewReader(""), buf: data, atEOF: true}
	if err := s.prolog(); err != nil {
		return nil, err
	}
	if !s.has("<") {
		return nil, s.unexpected("an element")
	}
	return &tokens{b: data[s.pos:]}, nil
}

func parseRecord(t *tokens, data token) (Record, error) {
	r := Record{Size: -1, OpenSize: -1, HeaderSize: -1}
	var err error
	if r.Type, err = data.attribute("type"); err != nil {
		return r, err
	}
	inside := t.depth()
	for {
		k, err := t.next()
		if err != nil {
			return r, notAtEnd(err)
		}
		if k.kind == endTag && t.depth() < inside {
			break
		}
		if k.kind == emptyTag && t.depth() == inside || k.kind == startTag && t.depth() == inside+1 {
			if err := r.set(t, k); err != nil {
				return r, fmt.Errorf("record %.40q: %w", r.Type, err)
			}
		}
	}
	switch {
	case r.Type == "":
		return r, fmt.Errorf("%w: a record without a type", errMalformed)
	case r.Location == "":
		return r, fmt.Errorf("%w: record %.40q has no location", errMalformed, r.Type)
	case r.Checksum.Type == "":
		return r, fmt.Errorf("%w: record %.40q has no checksum", errMalformed, r.Type)
	}
	return r, nil
}

// read reads what is inside <tags>.
func (g *Tags) read(t *tokens) error {
	inside := t.depth()
	for {
		k, err := t.next()
		if err != nil {
			return notAtEnd(err)
		}
		if k.kind == endTag && t.depth() < inside {
			return nil
		}
		if k.kind != startTag || t.depth() != inside+1 {
			continue
		}
		switch k.local() {
		case "content":
			err = appendText(&g.Content, t)
		case "repo":
			err = appendText(&g.Repo, t)
		case "distro":
			var d Distro
			if d.CPEID, err = k.attribute("cpeid"); err == nil {
				d.Name, err = t.elementText()
			}
			g.Distro = append(g.Distro, d)
		}
		if err != nil {
			return err
		}
	}
}

func appendText(list *[]string, t *tokens) error {
	s, err := t.elementText()
	*list = append(*list, s)
	return err
}

func notAtEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: it is cut short: %w", errMalformed, io.ErrUnexpectedEOF)
	}
	return err
}

func (r *Record) set(t *tokens, k token) (err error) {
	switch k.local() {
	case "checksum":
		r.Checksum, err = checksumElement(t, k)
	case "open-checksum":
		r.OpenChecksum, err = checksumElement(t, k)
	case "header-checksum":
		r.HeaderChecksum, err = checksumElement(t, k)
	case "location":
		r.Location, err = k.attribute("href")
		if err == nil {
			r.Base, err = k.attribute("xml:base")
		}
	case "timestamp":
		r.Timestamp, err = integerElement(t, k)
	case "size":
		r.Size, err = integerElement(t, k)
	case "open-size":
		r.OpenSize, err = integerElement(t, k)
	case "header-size":
		r.HeaderSize, err = integerElement(t, k)
	case "database_version":
		var n int64
		n, err = integerElement(t, k)
		r.DatabaseVersion = int(n)
	}
	return err
}

// integerElement reads a number. yum wrote times with a fraction, which goes.
func integerElement(t *tokens, k token) (int64, error) {
	s, err := optionalText(t, k)
	if err != nil {
		return 0, err
	}
	whole, _, _ := strings.Cut(strings.TrimSpace(s), ".")
	return number(whole)
}

// Append appends repomd.xml as createrepo_c writes it.
func (m *Repomd) Append(b []byte) []byte {
	w := writer{b: b}
	w.raw(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	w.raw(`<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">`)
	if m.Revision != "" {
		w.element("  ", "revision", m.Revision)
	}
	w.tags(m.Tags)
	for _, r := range m.Records {
		w.record(r)
	}
	w.raw("\n</repomd>\n")
	return w.b
}

func (w *writer) tags(g Tags) {
	if len(g.Content)+len(g.Repo)+len(g.Distro) == 0 {
		return
	}
	w.indent("  ")
	w.raw("<tags>")
	for _, s := range g.Content {
		w.element("    ", "content", s)
	}
	for _, s := range g.Repo {
		w.element("    ", "repo", s)
	}
	for _, d := range g.Distro {
		w.indent("    ")
		w.raw("<distro")
		if d.CPEID != "" {
			w.attribute("cpeid", d.CPEID)
		}
		w.raw(">")
		w.text(d.Name)
		w.raw("</distro>")
	}
	w.indent("  ")
	w.raw("</tags>")
}

func (w *writer) record(r Record) {
	w.indent("  ")
	w.raw("<data")
	w.attribute("type", r.Type)
	w.raw(">")
	w.checksum("checksum", r.Checksum)
	w.checksum("open-checksum", r.OpenChecksum)
	w.checksum("header-checksum", r.HeaderChecksum)
	w.indent("    ")
	w.raw("<location")
	if r.Base != "" {
		w.attribute("xml:base", r.Base)
	}
	w.attribute("href", r.Location)
	w.raw("/>")
	w.element("    ", "timestamp", strconv.FormatInt(r.Timestamp, 10))
	for _, e := range [...]struct {
		name string
		size int64
	}{{"size", r.Size}, {"open-size", r.OpenSize}, {"header-size", r.HeaderSize}} {
		if e.size >= 0 {
			w.element("    ", e.name, strconv.FormatInt(e.size, 10))
		}
	}
	if r.DatabaseVersion > 0 {
		w.element("    ", "database_version", strconv.Itoa(r.DatabaseVersion))
	}
	w.indent("  ")
	w.raw("</data>")
}

func (w *writer) checksum(name string, c rpmpkg.Checksum) {
	if c.Type == "" {
		return
	}
	w.indent("    ")
	w.raw("<" + name + ` type="` + c.Type + `">` + c.Hex + "</" + name + ">")
}

// sortRecords orders records as createrepo_c does: the three kinds, their
// databases, their zchunk copies, then the rest by type.
func sortRecords(records []Record) {
	rank := func(r Record) int {
		base, variant := contentType(r.Type)
		form := slices.Index([]string{"", "_db", "_zck"}, variant)
		for _, k := range kinds {
			if base == k.String() && form >= 0 {
				return form*len(kinds) + int(k)
			}
		}
		return 3 * len(kinds)
	}
	slices.SortStableFunc(records, func(a, b Record) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a.Type, b.Type)
	})
}
