package updateinfo

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// maxItems bounds the packages and references of one advisory, each of which
// takes more memory than text. The largest have some thousands.
const maxItems = 1 << 16

// Read calls f with every advisory of an updateinfo.xml, uncompressed, in the
// file's order. An advisory is f's to keep. One without an id, which nobody could
// refer to, is passed over.
//
// What f returns ends the reading and is returned as it is. An error about what
// is in the file begins with the line, and comes after the advisories before that.
func Read(r io.Reader, f func(*Advisory) error) error {
	in := &reader{walker: newWalker(r)}
	var failed error
	err := in.document(func(e xml.StartElement, _ int64) error {
		if e.Name.Local != "update" {
			return in.skip()
		}
		a, err := in.advisory(e)
		if err != nil || a.ID == "" {
			return err
		}
		failed = f(a)
		return failed
	})
	if failed != nil {
		return failed
	}
	return in.explain(err)
}

// reader reads one file's advisories. Every method that takes an element is called
// after its start and reads through its end.
type reader struct {
	*walker
	items int // of the present advisory
}

func (r *reader) advisory(e xml.StartElement) (*Advisory, error) {
	a := &Advisory{From: attr(e, "from"), Type: strings.ToLower(attr(e, "type")), Status: attr(e, "status"), Version: attr(e, "version")}
	texts := map[string]*string{
		"id": &a.ID, "title": &a.Title, "severity": &a.Severity, "summary": &a.Summary, "description": &a.Description,
		"solution": &a.Solution, "rights": &a.Rights, "release": &a.Release,
	}
	r.items = 0
	err := r.children(func(e xml.StartElement, _ int64) error {
		switch name := e.Name.Local; name {
		case "references":
			return r.references(&a.References)
		case "pkglist":
			return r.packages(&a.Collections, &Collection{})
		case "issued", "issue": // some write the latter
			a.Issued = parseTime(attr(e, "date"))
			return r.skip()
		case "updated":
			a.Updated = parseTime(attr(e, "date"))
			return r.skip()
		default:
			if to := texts[name]; to != nil && *to == "" {
				return r.text(to)
			}
			return r.suggests(e, &a.Suggests)
		}
	})
	// All of it is read: what it took is free for the next.
	r.in.take(r.at())
	return a, err
}

func (r *reader) references(list *[]Reference) error {
	return r.children(func(e xml.StartElement, _ int64) error {
		if e.Name.Local == "reference" {
			if err := r.count(); err != nil {
				return err
			}
			*list = append(*list, Reference{Type: strings.ToLower(attr(e, "type")), ID: attr(e, "id"), Href: attr(e, "href"), Title: attr(e, "title")})
		}
		return r.skip()
	})
}

// packages reads a <pkglist>, or a <collection>, which is c. Some files have
// packages outside of any: those go to one without a name.
func (r *reader) packages(list *[]Collection, c *Collection) error {
	err := r.children(func(e xml.StartElement, _ int64) error {
		if err := r.count(); err != nil {
			return err
		}
		switch e.Name.Local {
		case "collection":
			return r.packages(list, &Collection{Short: attr(e, "short")})
		case "name":
			return r.text(&c.Name)
		case "module":
			c.Modules = append(c.Modules, Module{attr(e, "name"), attr(e, "stream"), attr(e, "version"), attr(e, "context"), attr(e, "arch")})
		case "package":
			p, err := r.listed(e)
			c.Packages = append(c.Packages, p)
			return err
		}
		return r.skip()
	})
	if len(c.Packages) > 0 {
		*list = append(*list, *c)
	}
	return err
}

func (r *reader) listed(e xml.StartElement) (Listed, error) {
	p := Listed{Package: packageOf(e), Source: attr(e, "src")}
	err := r.children(func(e xml.StartElement, _ int64) error {
		if e.Name.Local == "filename" {
			return r.text(&p.Filename)
		}
		return r.suggests(e, &p.Suggests)
	})
	return p, err
}

// suggests reads one of the marks, which mean what they say where they are empty, too.
func (r *reader) suggests(e xml.StartElement, s *Suggests) error {
	var to *bool
	switch e.Name.Local {
	case "reboot_suggested":
		to = &s.Reboot
	case "restart_suggested":
		to = &s.Restart
	case "relogin_suggested":
		to = &s.Relogin
	default:
		return r.skip()
	}
	var text string
	err := r.text(&text)
	switch strings.ToLower(text) {
	case "0", "false", "no":
	default:
		*to = true
	}
	return err
}

// text gives an element's text, without what is around it and in elements inside
// of it.
func (r *reader) text(to *string) error {
	var b strings.Builder
	for {
		token, err := r.token()
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.CharData:
			b.Write(token)
		case xml.StartElement:
			if err := r.skip(); err != nil {
				return err
			}
		case xml.EndElement:
			*to = strings.TrimSpace(b.String())
			return nil
		}
	}
}

func (r *reader) count() error {
	if r.items++; r.items > maxItems {
		return fmt.Errorf("more than %d packages and references of one advisory", maxItems)
	}
	return nil
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
