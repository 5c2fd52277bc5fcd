package updateinfo

import (
	"encoding/xml"
	"io"
	"strings"
)

// Package is one that an advisory lists. Epoch is "" where it says nothing.
type Package struct{ Name, Epoch, Version, Release, Arch string }

// Presence says where a package is.
type Presence int

const (
	Here      Presence = iota // in the repository
	LeftOut                   // not there, though it could be
	Elsewhere                 // in other repositories
)

// Trim copies an updateinfo.xml, uncompressed, without the packages that are left
// out, and says whether that is another file. An advisory that loses packages and
// has none that is here goes, and so does a collection of one. All else is copied
// as text.
func Trim(w io.Writer, r io.Reader, where func(Package) Presence) (changed bool, err error) {
	t := &trimmer{walker: newWalker(r), w: w, where: where}
	err = t.document(t.advisory)
	if err == nil {
		err = t.copy(t.at())
	}
	if t.failed != nil {
		return t.changed, t.failed
	}
	return t.changed, t.explain(err)
}

// trimmer copies one file. What was read and not yet copied is in the recorder.
type trimmer struct {
	*walker
	w       io.Writer
	where   func(Package) Presence
	changed bool
	failed  error // of writing

	cuts []span // of the present advisory
}

// span is a part of the file, in bytes from its beginning.
type span struct{ from, to int64 }

// advisory copies what stands before an <update>, and of that what stays.
func (t *trimmer) advisory(e xml.StartElement, start int64) error {
	if e.Name.Local != "update" {
		return t.skip()
	}
	t.cuts = t.cuts[:0]
	var lost, kept int
	err := t.children(func(e xml.StartElement, _ int64) error {
		if e.Name.Local != "pkglist" {
			return t.skip()
		}
		return t.list(&lost, &kept)
	})
	if err != nil {
		return err
	}
	end := t.at()
	if lost > 0 && kept == 0 {
		t.cuts = append(t.cuts[:0], span{start, end})
	}
	for _, c := range t.cuts {
		if err := t.leaveOut(c); err != nil {
			return err
		}
	}
	return t.copy(end)
}

// list notes what is to be cut of a <pkglist> or a <collection>, and counts the
// packages that are left out, and those that are here.
func (t *trimmer) list(lost, kept *int) error {
	return t.children(func(e xml.StartElement, start int64) error {
		switch e.Name.Local {
		case "package":
			p := packageOf(e)
			if err := t.skip(); err != nil {
				return err
			}
			switch t.where(p) {
			case Here:
				*kept++
			case LeftOut:
				*lost++
				t.cuts = append(t.cuts, span{start, t.at()})
			case Elsewhere:
			}
			return nil
		case "collection":
			before := len(t.cuts)
			var ownLost, ownKept int
			err := t.list(&ownLost, &ownKept)
			if ownLost > 0 && ownKept == 0 {
				t.cuts = append(t.cuts[:before], span{start, t.at()})
			}
			*lost, *kept = *lost+ownLost, *kept+ownKept
			return err
		}
		return t.skip()
	})
}

func packageOf(e xml.StartElement) (p Package) {
	for _, a := range e.Attr {
		switch a.Name.Local {
		case "name":
			p.Name = a.Value
		case "epoch":
			p.Epoch = a.Value
		case "version":
			p.Version = a.Value
		case "release":
			p.Release = a.Value
		case "arch":
			p.Arch = a.Value
		}
	}
	return p
}

// copy writes all up to a place that is not written yet.
func (t *trimmer) copy(to int64) error {
	_, t.failed = t.w.Write(t.in.take(to))
	return t.failed
}

// leaveOut writes all up to a part, but for the blanks before it, and forgets
// the part.
func (t *trimmer) leaveOut(c span) error {
	t.changed = true
	before := t.in.take(c.from)
	end := len(before)
	for end > 0 && strings.IndexByte(" \t\r\n", before[end-1]) >= 0 {
		end--
	}
	if _, t.failed = t.w.Write(before[:end]); t.failed != nil {
		return t.failed
	}
	t.in.take(c.to)
	return nil
}
