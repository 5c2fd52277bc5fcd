package comps

import (
	"bytes"
	"encoding/xml"
	"io"
	"slices"
)

// Trim writes a comps.xml, uncompressed, without the packages that are not
// there, and says whether that is another file. A group that loses all its
// packages goes, and so do the ids of such groups in environments and
// categories; one of these that loses all its groups goes too. What was empty
// before stays. All else is copied as text.
//
// What a conditional package requires, and the patterns of langpacks, may be
// installed from elsewhere, and are not looked at.
func Trim(w io.Writer, r io.Reader, has func(name string) bool) (changed bool, err error) {
	text, err := readAll(r)
	if err != nil {
		return false, err
	}
	t := trimmer{cutter: cutter{xml.NewDecoder(bytes.NewReader(text)), text}, has: has, stays: map[string]bool{}, goes: map[string]bool{}}
	if err := t.document(); err != nil {
		return false, err
	}
	out := slices.Concat([]byte(xml.Header), bytes.TrimLeft(t.without(), "\r\n"))
	_, err = w.Write(out)
	return len(t.cuts) > 0, err
}

// trimmer goes over a file that Read has accepted and notes what to cut.
type trimmer struct {
	cutter
	has         func(name string) bool
	stays, goes map[string]bool // ids of groups
	sets        []set
	cuts        []span
}

// span is a part of the text.
type span struct{ from, to int }

// set is an environment or a category, with its groups.
type set struct {
	span
	groups []reference
}

type reference struct {
	span
	id string
}

func (t *trimmer) document() error {
	for {
		token, err := t.xml.Token()
		if err != nil {
			return err
		}
		if _, ok := token.(xml.StartElement); ok {
			break // <comps>
		}
	}
	_, err := t.children(func(e xml.StartElement, start int) error {
		switch e.Name.Local {
		case "group":
			return t.group(start)
		case "environment", "category":
			return t.set(start)
		}
		return t.xml.Skip()
	})
	if err != nil {
		return err
	}
	for _, s := range t.sets {
		t.cut(s.span, s.groups, func(id string) bool { return t.stays[id] || !t.goes[id] })
	}
	return nil
}

func (t *trimmer) group(start int) error {
	id := ""
	var packages []reference
	_, err := t.children(func(e xml.StartElement, _ int) (err error) {
		switch {
		case e.Name.Local == "packagelist":
			packages, err = t.references("packagereq", packages)
			return err
		case e.Name.Local == "id" && id == "":
			id, err = t.content()
			return err
		}
		return t.xml.Skip()
	})
	if t.cut(span{start, t.at()}, packages, t.has) {
		t.stays[id] = true
	} else {
		t.goes[id] = true
	}
	return err
}

func (t *trimmer) set(start int) error {
	var s set
	_, err := t.children(func(e xml.StartElement, _ int) (err error) {
		if e.Name.Local != "grouplist" && e.Name.Local != "optionlist" {
			return t.xml.Skip()
		}
		s.groups, err = t.references("groupid", s.groups)
		return err
	})
	s.span = span{start, t.at()}
	t.sets = append(t.sets, s)
	return err
}

// references adds the elements of a name that the element which was begun has.
func (t *trimmer) references(name string, list []reference) ([]reference, error) {
	_, err := t.children(func(e xml.StartElement, at int) error {
		if e.Name.Local != name {
			return t.xml.Skip()
		}
		id, err := t.content()
		if id != "" {
			list = append(list, reference{span{at, t.at()}, id})
		}
		return err
	})
	return list, err
}

// cut notes the references that do not hold, or the whole if none does. It says
// whether that stays.
func (t *trimmer) cut(whole span, list []reference, holds func(id string) bool) bool {
	var cuts []span
	for _, r := range list {
		if !holds(r.id) {
			cuts = append(cuts, r.span)
		}
	}
	if len(cuts) > 0 && len(cuts) == len(list) {
		t.cuts = append(t.cuts, whole)
		return false
	}
	t.cuts = append(t.cuts, cuts...)
	return true
}

func (t *trimmer) at() int { return int(t.xml.InputOffset()) }

// without is the text without the cuts, and without the blanks before them.
func (t *trimmer) without() []byte {
	slices.SortFunc(t.cuts, func(a, b span) int { return a.from - b.from })
	var out []byte
	at := 0
	for _, c := range t.cuts {
		out = append(out, bytes.TrimRight(t.text[at:c.from], " \t\r\n")...)
		at = c.to
	}
	return append(out, t.text[at:]...)
}
