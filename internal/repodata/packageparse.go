package repodata

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gorepo/internal/rpmpkg"
	"gorepo/internal/sqlitedb"
)

// primaryRows takes what an entry of primary says: dependencies and files as
// they come, and the package at last.
type primaryRows interface {
	AddDependency(s sqlitedb.Section, d *sqlitedb.Dependency) error
	AddFile(path string, t rpmpkg.FileType) error
	AddPackage(p *sqlitedb.Package) error
}

// filelistsRows takes what an entry of filelists says.
type filelistsRows interface {
	AddFile(path string, t rpmpkg.FileType) error
	AddPackage(id string) error
}

// otherRows takes what an entry of other says.
type otherRows interface {
	AddChange(author sqlitedb.Text, date int64, text string) error
	AddPackage(id string) error
}

// readPrimaryEntry reads a <package> of primary. Like createrepo_c it takes what
// is missing for empty, and what is no number for 0; but a package has a
// checksum, and what identifies it is said once.
func readPrimaryEntry(element []byte, rows primaryRows) error {
	r := primaryReader{tokens: &tokens{b: element}, rows: rows}
	if err := r.readPackage(); err != nil {
		return err
	}
	if r.pkg.ID == "" {
		return fmt.Errorf("%w: a package without a checksum", errMalformed)
	}
	return rows.AddPackage(&r.pkg)
}

type primaryReader struct {
	*tokens
	rows primaryRows
	pkg  sqlitedb.Package
	seen []string // elements that identify the package
	dep  sqlitedb.Dependency
}

func (r *primaryReader) readPackage() error {
	if _, err := r.root(); err != nil {
		return err
	}
	return r.children(func(k token) error {
		if name := string(k.name); isRefElement(name) {
			if slices.Contains(r.seen, name) {
				return fmt.Errorf("%w: a package with two <%s>", errMalformed, name)
			}
			r.seen = append(r.seen, name)
		}
		if string(k.name) == "format" && k.kind == startTag {
			return r.children(r.format)
		}
		return r.describe(k)
	})
}

// describe reads an element directly inside <package>.
func (r *primaryReader) describe(k token) (err error) {
	p := &r.pkg
	switch string(k.name) {
	case "name":
		p.Name, err = r.longText(k)
	case "arch":
		p.Arch, err = r.longText(k)
	case "summary":
		p.Summary, err = r.longText(k)
	case "description":
		p.Description, err = r.longText(k)
	case "packager":
		p.Packager, err = r.longText(k)
	case "url":
		p.URL, err = r.longText(k)
	case "checksum":
		if p.ChecksumType, err = k.attribute("type"); err == nil {
			p.ID, err = r.longText(k)
		}
	case "version":
		err = k.values(func(name []byte, value string) error {
			switch string(name) {
			case "epoch":
				p.Epoch = text(value)
			case "ver":
				p.Version = text(value)
			case "rel":
				p.Release = text(value)
			}
			return nil
		})
	case "time":
		err = k.integers(map[string]*int64{"file": &p.FileTime, "build": &p.BuildTime})
	case "size":
		err = k.integers(map[string]*int64{"package": &p.Size, "installed": &p.Installed, "archive": &p.ArchiveSize})
	case "location":
		err = k.values(func(name []byte, value string) error {
			switch string(name) {
			case "href":
				p.Location = text(value)
			case "xml:base":
				p.Base = value
			}
			return nil
		})
	}
	return err
}

// format reads an element directly inside <format>.
func (r *primaryReader) format(k token) (err error) {
	p := &r.pkg
	switch string(k.name) {
	case "rpm:license":
		p.License, err = r.longText(k)
	case "rpm:vendor":
		p.Vendor, err = r.longText(k)
	case "rpm:group":
		p.Group, err = r.longText(k)
	case "rpm:buildhost":
		p.BuildHost, err = r.longText(k)
	case "rpm:sourcerpm":
		p.SourceRPM, err = r.longText(k)
	case "rpm:header-range":
		err = k.integers(map[string]*int64{"start": &p.HeaderStart, "end": &p.HeaderEnd})
	case "file":
		return r.file(k, func(path string, t rpmpkg.FileType) error {
			// Others list more than these: yum looks for those in filelists.
			cut := strings.LastIndexByte(path, '/') + 1
			if !rpmpkg.IsPrimaryFile([]byte(path[:cut]), []byte(path[cut:])) {
				return nil
			}
			return r.rows.AddFile(path, t)
		})
	default:
		section, found := bytes.CutPrefix(k.name, []byte("rpm:"))
		if !found || k.kind != startTag {
			return nil
		}
		for _, s := range sqlitedb.Sections {
			if string(section) == s.String() {
				return r.children(func(k token) error { return r.dependency(s, k) })
			}
		}
	}
	return err
}

func (r *primaryReader) dependency(s sqlitedb.Section, k token) error {
	if string(k.name) != "rpm:entry" {
		return nil
	}
	d := &r.dep
	*d = sqlitedb.Dependency{}
	err := k.values(func(name []byte, value string) error {
		switch string(name) {
		case "name":
			d.Name = text(value)
		case "flags":
			d.Flags = text(value)
		case "epoch":
			d.Epoch = text(value)
		case "ver":
			d.Version = text(value)
		case "rel":
			d.Release = text(value)
		case "pre":
			d.Pre = value != "0" && !strings.EqualFold(value, "false")
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.rows.AddDependency(s, d)
}

// readFilelistsEntry reads a <package> of filelists.
func readFilelistsEntry(element []byte, rows filelistsRows) error {
	t := &tokens{b: element}
	id, err := t.pkgid()
	if err != nil {
		return err
	}
	err = t.children(func(k token) error {
		if string(k.name) != "file" {
			return nil
		}
		return t.file(k, rows.AddFile)
	})
	if err != nil {
		return err
	}
	return rows.AddPackage(id)
}

// readOtherEntry reads a <package> of other.
func readOtherEntry(element []byte, rows otherRows) error {
	t := &tokens{b: element}
	id, err := t.pkgid()
	if err != nil {
		return err
	}
	err = t.children(func(k token) error {
		if string(k.name) != "changelog" {
			return nil
		}
		var author sqlitedb.Text
		var date int64
		err := k.values(func(name []byte, value string) error {
			switch string(name) {
			case "author":
				author = text(value)
			case "date":
				date = integer(value)
			}
			return nil
		})
		if err != nil {
			return err
		}
		change, err := t.longText(k)
		if err != nil {
			return err
		}
		return rows.AddChange(author, date, change)
	})
	if err != nil {
		return err
	}
	return rows.AddPackage(id)
}

// pkgid reads the start tag of a package of filelists or other.
func (t *tokens) pkgid() (string, error) {
	k, err := t.root()
	if err != nil {
		return "", err
	}
	id, err := k.attribute("pkgid")
	if err == nil && id == "" {
		err = fmt.Errorf("%w: a package without pkgid", errMalformed)
	}
	return id, err
}

// root reads the start tag that everything is inside of.
func (t *tokens) root() (token, error) {
	k, err := t.next()
	if err == nil && k.kind != startTag && k.kind != emptyTag {
		err = fmt.Errorf("%w: no element", errMalformed)
	}
	return k, notAtEnd(err)
}

// children calls f with the start tag of each element that is directly inside
// the innermost open one. f reads that element or leaves it.
func (t *tokens) children(f func(k token) error) error {
	inside := t.depth()
	if inside == 0 {
		return nil // <package/>
	}
	for {
		k, err := t.next()
		if err != nil {
			return notAtEnd(err)
		}
		if k.kind == endTag && t.depth() < inside {
			return nil
		}
		if k.kind == emptyTag && t.depth() == inside || k.kind == startTag && t.depth() == inside+1 {
			if err := f(k); err != nil {
				return err
			}
		}
	}
}

// file reads a <file>.
func (t *tokens) file(k token, add func(path string, t rpmpkg.FileType) error) error {
	kind, err := k.attribute("type")
	if err != nil {
		return err
	}
	path, err := t.longText(k)
	if err != nil {
		return err
	}
	switch kind {
	case "dir":
		return add(path, rpmpkg.Directory)
	case "ghost":
		return add(path, rpmpkg.Ghost)
	}
	return add(path, rpmpkg.RegularFile)
}

// longText is the text of an element, with that of elements inside, which nobody
// writes. It is as long as the entry at most.
func (t *tokens) longText(k token) (string, error) {
	if k.kind == emptyTag {
		return "", nil
	}
	var room [1]string // one text, as a rule
	all := room[:0]
	for inside := t.depth(); ; {
		k, err := t.next()
		switch {
		case err != nil:
			return "", notAtEnd(err)
		case k.kind == endTag && t.depth() < inside:
			return strings.Join(all, ""), nil
		case k.kind != textToken:
			continue
		}
		s := string(lineEnds(k.text))
		if !k.cdata {
			if s, err = unescape(lineEnds(k.text)); err != nil {
				return "", err
			}
		}
		all = append(all, s)
	}
}

// lineEnds writes every line end of raw text as XML has it: a line feed.
func lineEnds(raw []byte) []byte {
	if bytes.IndexByte(raw, '\r') < 0 {
		return raw
	}
	raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(raw, []byte("\r"), []byte("\n"))
}

func text(s string) sqlitedb.Text { return sqlitedb.Text{String: s, Valid: true} }

// integers reads attributes that are numbers.
func (t token) integers(to map[string]*int64) error {
	return t.values(func(name []byte, value string) error {
		if n := to[string(name)]; n != nil {
			*n = integer(value)
		}
		return nil
	})
}

// integer is the number that s begins with, 0 if it is none, and the nearest one
// that fits. Old tools wrote times with a fraction.
func integer(s string) int64 {
	whole, _, _ := strings.Cut(strings.TrimSpace(s), ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0
	}
	return n
}
