package repodata

import (
	"io"
	"strconv"

	"gorepo/internal/rpmpkg"
)

// Entry holds one package's elements for the XML files: each from its <package> to
// the line break behind its </package>.
type Entry struct {
	Primary      []byte
	Filelists    []byte
	Other        []byte
	FilelistsExt []byte
}

// EntryOptions say what an entry depends on besides the package itself.
type EntryOptions struct {
	// Location is where the package lies below the repository, raw.
	Location string
	// Base is the location's xml:base; "" is none.
	Base string
	// ChangelogLimit is how many changelog entries are kept, the newest; -1
	// keeps all.
	ChangelogLimit int
}

// writer appends the XML of one package. Indentation and the order of elements
// are those of createrepo_c.
type writer struct {
	b       []byte
	path    []byte // scratch
	dir     []byte // of the file that was written last
	dropped bool   // a character was left out

	dirPlain bool   // dir is plain text
	digest   []byte // of the file that is written next; empty: none is written

	// out takes what is written, now and then, of a package too large to be
	// kept in memory; nil keeps all of it in b.
	out io.Writer
	err error // of out
}

func (w *writer) text(s string)   { w.escaped(s, &textEscapes) }
func (w *writer) value(s string)  { w.escaped(s, &attributeEscapes) }
func (w *writer) raw(s string)    { w.b = append(w.b, s...) }
func (w *writer) int(n int64)     { w.b = strconv.AppendInt(w.b, n, 10) }
func (w *writer) uint(n uint64)   { w.b = strconv.AppendUint(w.b, n, 10) }
func (w *writer) indent(n string) { w.b = append(append(w.b, '\n'), n...) }

// spill hands on what was written so far, if that is enough to be worth it.
func (w *writer) spill() {
	if w.out != nil && len(w.b) >= spillSize {
		w.flush()
	}
}

func (w *writer) flush() {
	if w.err == nil {
		_, w.err = w.out.Write(w.b)
	}
	w.b = w.b[:0]
}

const spillSize = 64 << 10

func (w *writer) escaped(s string, table *escapes) {
	var dropped bool
	w.b, dropped = appendEscaped(w.b, s, table)
	w.dropped = w.dropped || dropped
}

// element writes <name>s</name> on a line of its own.
func (w *writer) element(indent, name, s string) {
	w.indent(indent)
	w.raw("<" + name + ">")
	w.text(s)
	w.raw("</" + name + ">")
}

// attribute writes one, with the space before it.
func (w *writer) attribute(name, value string) {
	w.raw(" " + name + `="`)
	w.value(value)
	w.raw(`"`)
}

// Describe makes e the entry of f, in the memory that e has: its parts for kinds. dropped says that a
// field held characters that XML cannot write, and was written without them.
func (e *Entry) Describe(f *rpmpkg.File, o EntryOptions, kinds ...Kind) (dropped bool) {
	for _, k := range kinds {
		part := k.of(e)
		w := writer{b: (*part)[:0]}
		w.describe(k, f, o)
		*part = w.b
		dropped = dropped || w.dropped
	}
	return dropped
}

// writeEntry writes one part of the description of f without keeping it in
// memory.
func writeEntry(out io.Writer, k Kind, f *rpmpkg.File, o EntryOptions) (dropped bool, err error) {
	w := writer{out: out}
	w.describe(k, f, o)
	w.flush()
	return w.dropped, w.err
}

func (w *writer) describe(k Kind, f *rpmpkg.File, o EntryOptions) {
	switch k {
	case Primary:
		w.primary(f, o)
	case Filelists:
		w.filelists(f)
	case Other:
		w.other(f, o.ChangelogLimit)
	case FilelistsExt:
		w.filelistsExt(f)
	}
}

func (w *writer) primary(f *rpmpkg.File, o EntryOptions) {
	w.raw(`<package type="rpm">`)
	w.element("  ", "name", f.Name)
	w.element("  ", "arch", f.Arch)
	w.version(f.EVR)
	w.indent("  ")
	w.raw(`<checksum type="` + f.Checksum.Type + `" pkgid="YES">` + f.Checksum.Hex + `</checksum>`)
	w.element("  ", "summary", f.Summary)
	w.element("  ", "description", f.Description)
	w.element("  ", "packager", f.Packager)
	w.element("  ", "url", f.URL)
	w.indent("  ")
	w.raw(`<time file="`)
	w.int(f.ModTime)
	w.raw(`" build="`)
	w.int(f.BuildTime)
	w.raw(`"/>`)
	w.indent("  ")
	w.raw(`<size package="`)
	w.int(f.Size)
	w.raw(`" installed="`)
	w.uint(f.InstalledSize)
	w.raw(`" archive="`)
	w.uint(f.ArchiveSize)
	w.raw(`"/>`)
	w.indent("  ")
	w.raw("<location")
	if o.Base != "" {
		w.attribute("xml:base", o.Base)
	}
	w.attribute("href", o.Location)
	w.raw("/>")
	w.format(f)
	w.raw("\n</package>\n")
}

func (w *writer) format(f *rpmpkg.File) {
	w.indent("  ")
	w.raw("<format>")
	w.element("    ", "rpm:license", f.License)
	w.element("    ", "rpm:vendor", f.Vendor)
	w.element("    ", "rpm:group", f.Group)
	w.element("    ", "rpm:buildhost", f.BuildHost)
	w.element("    ", "rpm:sourcerpm", f.SourceRPM)
	w.indent("    ")
	w.raw(`<rpm:header-range start="`)
	w.int(f.HeaderStart)
	w.raw(`" end="`)
	w.int(f.HeaderEnd)
	w.raw(`"/>`)
	w.dependencies("rpm:provides", f.Provides)
	w.dependencies("rpm:requires", f.Requires)
	w.dependencies("rpm:conflicts", f.Conflicts)
	w.dependencies("rpm:obsoletes", f.Obsoletes)
	w.dependencies("rpm:suggests", f.Suggests)
	w.dependencies("rpm:enhances", f.Enhances)
	w.dependencies("rpm:recommends", f.Recommends)
	w.dependencies("rpm:supplements", f.Supplements)
	f.Files(func(dir, base []byte, t rpmpkg.FileType) bool {
		if rpmpkg.IsPrimaryFile(dir, base) {
			w.file("    ", dir, base, t)
		}
		return true
	})
	w.indent("  ")
	w.raw("</format>")
}

func (w *writer) version(e rpmpkg.EVR) {
	w.indent("  ")
	w.raw("<version")
	w.attribute("epoch", e.Epoch)
	w.attribute("ver", e.Version)
	w.attribute("rel", e.Release)
	w.raw("/>")
}

func (w *writer) dependencies(section string, list []rpmpkg.Dependency) {
	if len(list) == 0 {
		return
	}
	w.indent("    ")
	w.raw("<" + section + ">")
	for _, d := range list {
		if d.Name == "" {
			continue
		}
		w.spill()
		w.indent("      ")
		w.raw("<rpm:entry")
		w.attribute("name", d.Name)
		if d.Flags != "" {
			w.attribute("flags", d.Flags)
			for _, a := range [...]struct{ name, value string }{{"epoch", d.Epoch}, {"ver", d.Version}, {"rel", d.Release}} {
				if a.value != "" {
					w.attribute(a.name, a.value)
				}
			}
		}
		if d.Pre {
			w.raw(` pre="1"`)
		}
		w.raw("/>")
	}
	w.indent("    ")
	w.raw("</" + section + ">")
}

func (w *writer) file(indent string, dir, base []byte, t rpmpkg.FileType) {
	w.spill()
	w.indent(indent)
	switch t {
	case rpmpkg.Directory:
		w.raw(`<file type="dir"`)
	case rpmpkg.Ghost:
		w.raw(`<file type="ghost"`)
	default:
		w.raw("<file")
	}
	if len(w.digest) > 0 {
		w.attribute("hash", string(w.digest))
	}
	w.raw(">")
	if w.isPlain(dir) && plainText(base) {
		w.b = append(append(w.b, dir...), base...)
	} else {
		// Whether a path is UTF-8 is decided for the whole of it.
		w.path = append(append(w.path[:0], dir...), base...)
		var dropped bool
		w.b, dropped = appendEscaped(w.b, w.path, &textEscapes)
		w.dropped = w.dropped || dropped
	}
	w.raw("</file>")
}

// isPlain is plainText of a directory, which as a rule is the one that it was
// asked for last.
func (w *writer) isPlain(dir []byte) bool {
	if len(dir) == 0 {
		return true
	}
	if len(dir) != len(w.dir) || &dir[0] != &w.dir[0] {
		w.dir, w.dirPlain = dir, plainText(dir)
	}
	return w.dirPlain
}

// open starts a package of filelists or other.
func (w *writer) open(f *rpmpkg.File) {
	w.raw("<package")
	w.attribute("pkgid", f.Checksum.Hex)
	w.attribute("name", f.Name)
	w.attribute("arch", f.Arch)
	w.raw(">")
	w.version(f.EVR)
}

func (w *writer) filelists(f *rpmpkg.File) {
	w.open(f)
	f.Files(func(dir, base []byte, t rpmpkg.FileType) bool {
		w.file("  ", dir, base, t)
		return true
	})
	w.raw("\n</package>\n")
}

// filelistsExt is filelists, with the type of the digests, and the digest of each
// file that has one.
func (w *writer) filelistsExt(f *rpmpkg.File) {
	w.open(f)
	w.indent("  ")
	w.raw("<checksum")
	w.attribute("type", f.FileDigestType())
	w.raw("/>")
	f.FileDigests(func(dir, base, digest []byte, t rpmpkg.FileType) bool {
		w.digest = digest
		w.file("  ", dir, base, t)
		return true
	})
	w.raw("\n</package>\n")
}

func (w *writer) other(f *rpmpkg.File, limit int) {
	w.open(f)
	for _, c := range shownChangelog(f.Changelog, limit) {
		w.spill()
		w.indent("  ")
		w.raw("<changelog")
		w.attribute("author", c.Author)
		w.raw(` date="`)
		w.int(c.Date)
		w.raw(`">`)
		w.text(c.Text)
		w.raw("</changelog>")
	}
	w.raw("\n</package>\n")
}

// shownChangelog returns the newest entries, at most limit unless that is
// negative, oldest first. Readers order by date: where entries share one, each
// newer one is given a second more, which may push it onto the next and that
// one further (createrepo_c's parsehdr.c).
func shownChangelog(newestFirst []rpmpkg.ChangelogEntry, limit int) []rpmpkg.ChangelogEntry {
	if limit >= 0 && limit < len(newestFirst) {
		newestFirst = newestFirst[:limit]
	}
	shown := make([]rpmpkg.ChangelogEntry, len(newestFirst))
	var lastDate int64
	for i, c := range newestFirst {
		c.Author = trimAuthor(c.Author)
		at := len(shown) - 1 - i
		shown[at] = c
		if c.Date != lastDate {
			lastDate = c.Date
			continue
		}
		date := c.Date
		for newer := at + 1; newer < len(shown) && shown[newer].Date == date; newer++ {
			shown[newer].Date++
			date++
		}
	}
	return shown
}

// trimAuthor cuts the spaces at the end, but keeps the first byte whatever it is.
func trimAuthor(s string) string {
	for len(s) > 1 && s[len(s)-1] == ' ' {
		s = s[:len(s)-1]
	}
	return s
}
