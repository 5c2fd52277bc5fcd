package repodata

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"gorepo/internal/rpmpkg"
	"gorepo/internal/sqlitedb"
)

// PackageEntry is what an entry of primary says of a package. Lists are in the
// entry's order.
type PackageEntry struct {
	rpmpkg.Ref
	Summary, Description, URL, Vendor, Packager string
	License, Group, BuildHost, SourceRPM        string
	Installed                                   int64 // size/@installed, bytes

	Provides, Requires, Conflicts, Obsoletes    []rpmpkg.Dependency
	Suggests, Recommends, Supplements, Enhances []rpmpkg.Dependency
	// Files are the paths that primary has, which are those that dependencies on
	// files are mostly of.
	Files []string
}

// ParsePackage reads an entry of primary into e, whose memory is used again. The
// entry must have what ParseRef wants of it.
func ParsePackage(element []byte, e *PackageEntry) error {
	e.reset()
	return readPrimaryEntry(element, (*entryRows)(e))
}

func (e *PackageEntry) reset() {
	*e = PackageEntry{
		Provides: e.Provides[:0], Requires: e.Requires[:0], Conflicts: e.Conflicts[:0], Obsoletes: e.Obsoletes[:0],
		Suggests: e.Suggests[:0], Recommends: e.Recommends[:0], Supplements: e.Supplements[:0], Enhances: e.Enhances[:0],
		Files: e.Files[:0],
	}
}

// entryRows takes an entry as the databases take it.
type entryRows PackageEntry

func (e *entryRows) list(s sqlitedb.Section) *[]rpmpkg.Dependency {
	switch s {
	case sqlitedb.Provides:
		return &e.Provides
	case sqlitedb.Requires:
		return &e.Requires
	case sqlitedb.Conflicts:
		return &e.Conflicts
	case sqlitedb.Obsoletes:
		return &e.Obsoletes
	case sqlitedb.Suggests:
		return &e.Suggests
	case sqlitedb.Recommends:
		return &e.Recommends
	case sqlitedb.Supplements:
		return &e.Supplements
	}
	return &e.Enhances
}

func (e *entryRows) AddDependency(s sqlitedb.Section, d *sqlitedb.Dependency) error {
	list := e.list(s)
	*list = append(*list, rpmpkg.Dependency{
		Name: d.Name.String, Flags: d.Flags.String, Pre: d.Pre,
		EVR: rpmpkg.EVR{Epoch: d.Epoch.String, Version: d.Version.String, Release: d.Release.String},
	})
	return nil
}

func (e *entryRows) AddFile(path string, _ rpmpkg.FileType) error {
	e.Files = append(e.Files, path)
	return nil
}

func (e *entryRows) AddPackage(p *sqlitedb.Package) (err error) {
	e.Ref = rpmpkg.Ref{
		NEVRA: rpmpkg.NEVRA{Name: p.Name, Arch: p.Arch, EVR: rpmpkg.EVR{Epoch: p.Epoch.String, Version: p.Version.String, Release: p.Release.String}},
		Size:  p.Size, FileTime: p.FileTime, BuildTime: p.BuildTime, Location: p.Location.String, Base: p.Base,
	}
	if e.Checksum, err = rpmpkg.ParseChecksum(p.ChecksumType, strings.TrimSpace(p.ID)); err != nil {
		return err
	}
	e.Summary, e.Description, e.URL, e.Vendor, e.Packager = p.Summary, p.Description, p.URL, p.Vendor, p.Packager
	e.License, e.Group, e.BuildHost, e.SourceRPM, e.Installed = p.License, p.Group, p.BuildHost, p.SourceRPM, p.Installed
	return checkRef(e.Ref)
}

// PackageID is the pkgid that an entry of filelists or other has.
func PackageID(element []byte) (string, error) { return (&tokens{b: element}).pkgid() }

// A FilesEntry reads entries of filelists.
type FilesEntry struct {
	quick []quickFile
}

// quickFile is where the path of a file stands in its entry.
type quickFile struct {
	start, end uint32 // an entry is not longer
	kind       rpmpkg.FileType
	escaped    bool
}

// Each calls f with every file of an entry; path is valid during the call.
func (e *FilesEntry) Each(element []byte, f func(path []byte, t rpmpkg.FileType) error) error {
	if e.scan(element) {
		for _, q := range e.quick {
			path := element[q.start:q.end]
			if q.escaped {
				s, err := unescape(path)
				if err != nil {
					return err
				}
				path = []byte(s)
			}
			if err := f(path, q.kind); err != nil {
				return err
			}
		}
		return nil
	}
	return readFilelistsEntry(element, eachFile(f))
}

// scan finds the files of an entry in the form that createrepo_c and gorepo write.
// It is false for any other, of which it says nothing.
func (e *FilesEntry) scan(element []byte) bool {
	const most = 1 << 16 // files whose memory is worth keeping
	if e.quick = e.quick[:0]; cap(e.quick) > most {
		e.quick = nil
	}
	q := quick{rest: element, ok: true}
	q.literal("<package pkgid=\"")
	q.until("\" name=\"")
	q.pass("\" arch=\"")
	q.pass("\">\n  <version epoch=\"")
	q.pass("\" ver=\"")
	q.pass("\" rel=\"")
	q.pass("\"/>\n")
	if !q.ok {
		return false
	}
	for rest := q.rest; ; {
		kind := rpmpkg.RegularFile
		switch {
		case bytes.HasPrefix(rest, []byte("  <file>")):
			rest = rest[len("  <file>"):]
		case bytes.HasPrefix(rest, []byte("  <file type=\"dir\">")):
			rest, kind = rest[len("  <file type=\"dir\">"):], rpmpkg.Directory
		case bytes.HasPrefix(rest, []byte("  <file type=\"ghost\">")):
			rest, kind = rest[len("  <file type=\"ghost\">"):], rpmpkg.Ghost
		default:
			return string(rest) == "</package>"
		}
		start := len(element) - len(rest)
		n, escaped := quickPath(rest)
		if n < 0 || !bytes.HasPrefix(rest[n:], []byte("</file>\n")) {
			return false
		}
		e.quick = append(e.quick, quickFile{uint32(start), uint32(start + n), kind, escaped}) //nolint:gosec // see maxElement
		rest = rest[n+len("</file>\n"):]
	}
}

// quickPath is the length of the text that b begins with; -1 if it has an end, or
// characters, that have to be looked at.
func quickPath(b []byte) (n int, escaped bool) {
	for i, c := range b {
		switch {
		case c == '<':
			return i, escaped
		case c == '&' || c >= 0x80:
			escaped = true // unescape checks UTF-8 too
		case c < ' ':
			return -1, false
		}
	}
	return -1, false
}

type eachFile func(path []byte, t rpmpkg.FileType) error

func (e eachFile) AddFile(path string, t rpmpkg.FileType) error { return e([]byte(path), t) }

func (eachFile) AddPackage(string) error { return nil }

// EachChange calls f with every change that an entry of other has, in its order.
func EachChange(element []byte, f func(c rpmpkg.ChangelogEntry) error) error {
	return readOtherEntry(element, eachChange(f))
}

type eachChange func(c rpmpkg.ChangelogEntry) error

func (e eachChange) AddChange(author sqlitedb.Text, date int64, text string) error {
	return e(rpmpkg.ChangelogEntry{Author: author.String, Date: date, Text: text})
}

func (eachChange) AddPackage(string) error { return nil }

// EachElement calls f with every entry of a list, uncompressed, and fails where
// that is not whole; element is valid during the call. It is told of an error of
// f's by the number of the entry.
func EachElement(r io.Reader, k Kind, f func(element []byte) error) error {
	s, err := NewSplitter(r, k)
	for n := 1; err == nil; n++ {
		var element []byte
		if element, err = s.Next(); err != nil {
			break
		}
		if err := f(element); err != nil {
			return fmt.Errorf("package %d of %s: %w", n, k, err)
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
