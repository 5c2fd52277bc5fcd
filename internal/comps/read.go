package comps

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Bounds on what is read. All of Fedora's comps with its translations is some
// MiB, a few levels deep, and names some ten thousand packages.
const (
	maxSize  = 64 << 20 // bytes
	maxRun   = 1 << 20  // bytes of one tag or text
	maxDepth = 64       // elements in one another
	maxItems = 1 << 20  // groups, packages and so on together
)

// reader walks over the file's elements. Every method that takes an element is
// called after its start and reads through its end.
type reader struct {
	xml   *xml.Decoder
	in    *limited
	depth int
	items int
}

func newReader(r io.Reader, size int64) *reader {
	in := &limited{r: r, size: size, left: size}
	d := xml.NewDecoder(in)
	d.Strict = true // and so no entities but XML's own five: a DOCTYPE is passed over unread
	d.CharsetReader = charset
	return &reader{xml: d, in: in}
}

// document reads the whole file.
func (r *reader) document(c *Comps) error {
	found := false
	for first := true; ; first = false {
		token, err := r.token()
		if errors.Is(err, io.EOF) && !found {
			return r.errorf("no <comps> in it")
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.CharData:
			if first {
				token = bytes.TrimPrefix(token, []byte("\ufeff"))
			}
			if len(bytes.TrimSpace(token)) > 0 {
				return r.errorf("text outside of <comps>")
			}
		case xml.StartElement:
			if found {
				return r.errorf("<%s> after the end of <comps>", token.Name.Local)
			}
			if token.Name.Local != "comps" {
				return r.errorf("the root is <%s>, not <comps>", token.Name.Local)
			}
			found = true
			if err := r.children(r.section(c)); err != nil {
				return err
			}
		}
	}
}

func (r *reader) section(c *Comps) func(xml.StartElement) error {
	return func(e xml.StartElement) error {
		switch e.Name.Local {
		case "group":
			g := Group{}
			err := r.entry(e, &g.ID, &g.Name, &g.Description, map[string]func(xml.StartElement) error{
				"packagelist": r.each(r.packages(&g.Packages)), "default": r.flag(&g.Default, true), "uservisible": r.flag(&g.Hidden, false),
				"display_order": r.number(&g.Order), "langonly": r.string(&g.LangOnly),
			})
			c.Groups = append(c.Groups, g)
			return err
		case "environment":
			v := Environment{}
			err := r.entry(e, &v.ID, &v.Name, &v.Description, map[string]func(xml.StartElement) error{
				"grouplist": r.each(r.ids(&v.Groups)), "optionlist": r.each(r.options(&v.Options)), "display_order": r.number(&v.Order),
			})
			c.Environments = append(c.Environments, v)
			return err
		case "category":
			v := Category{}
			err := r.entry(e, &v.ID, &v.Name, &v.Description, map[string]func(xml.StartElement) error{
				"grouplist": r.each(r.ids(&v.Groups)), "display_order": r.number(&v.Order),
			})
			c.Categories = append(c.Categories, v)
			return err
		}
		return r.skip()
	}
}

// entry reads what groups, environments and categories have in common, and
// hands the other elements on.
func (r *reader) entry(e xml.StartElement, id, name, description *string, others map[string]func(xml.StartElement) error) error {
	kind, line := e.Name.Local, r.line()
	if err := r.count(); err != nil {
		return err
	}
	err := r.children(func(e xml.StartElement) error {
		if other := others[e.Name.Local]; other != nil {
			return other(e)
		}
		to := map[string]*string{"id": id, "name": name, "description": description}[e.Name.Local]
		if to == nil || *to != "" || attr(e, "lang") != "" {
			return r.skip() // of no interest, there already, or a translation
		}
		return r.text(to)
	})
	if err == nil && *id == "" {
		err = fmt.Errorf("line %d: a <%s> without an <id>", line, kind)
	}
	return err
}

func (r *reader) packages(list *[]PackageRef) func(xml.StartElement) error {
	return func(e xml.StartElement) error {
		if e.Name.Local != "packagereq" {
			return r.skip()
		}
		p := PackageRef{Type: attr(e, "type"), Requires: attr(e, "requires"), Arch: attr(e, "arch")}
		if err := r.item(&p.Name); err != nil || p.Name == "" {
			return err
		}
		*list = append(*list, p)
		return nil
	}
}

func (r *reader) ids(list *[]string) func(xml.StartElement) error {
	return func(e xml.StartElement) error {
		if e.Name.Local != "groupid" {
			return r.skip()
		}
		var id string
		if err := r.item(&id); err != nil || id == "" {
			return err
		}
		*list = append(*list, id)
		return nil
	}
}

func (r *reader) options(list *[]Option) func(xml.StartElement) error {
	return func(e xml.StartElement) error {
		var ids []string
		err := r.ids(&ids)(e)
		for _, id := range ids {
			*list = append(*list, Option{ID: id, Default: isTrue(attr(e, "default"))})
		}
		return err
	}
}

// each reads a list, whose elements are item's.
func (r *reader) each(item func(xml.StartElement) error) func(xml.StartElement) error {
	return func(xml.StartElement) error { return r.children(item) }
}

// flag reads whether the text is true, or false, which is what it is about.
func (r *reader) flag(to *bool, about bool) func(xml.StartElement) error {
	return func(xml.StartElement) error {
		var text string
		err := r.text(&text)
		if about {
			*to = isTrue(text)
		} else {
			*to = text != "" && !isTrue(text)
		}
		return err
	}
}

func (r *reader) string(to *string) func(xml.StartElement) error {
	return func(xml.StartElement) error { return r.text(to) }
}

// number reads one, and leaves what is none alone.
func (r *reader) number(to *int) func(xml.StartElement) error {
	return func(xml.StartElement) error {
		var text string
		err := r.text(&text)
		if n, bad := strconv.ParseInt(text, 10, 32); bad == nil {
			*to = int(n)
		}
		return err
	}
}

func (r *reader) item(to *string) error {
	if err := r.count(); err != nil {
		return err
	}
	return r.text(to)
}

// children calls each for every element in the one that was begun.
func (r *reader) children(each func(xml.StartElement) error) error {
	if r.depth++; r.depth > maxDepth {
		return r.errorf("more than %d elements in one another", maxDepth)
	}
	for {
		token, err := r.token()
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.StartElement:
			if err := each(token); err != nil {
				return err
			}
		case xml.EndElement:
			r.depth--
			return nil
		}
	}
}

func (r *reader) skip() error {
	return r.children(func(xml.StartElement) error { return r.skip() })
}

// text gives the element's text, without what is around it and in elements
// inside of it.
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
		return r.errorf("more than %d groups and packages", maxItems)
	}
	return nil
}

// token gives the next token, or an error with the line in front.
func (r *reader) token() (xml.Token, error) {
	token, err := r.xml.Token()
	var syntax *xml.SyntaxError
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return token, err
	case r.in.err != nil: // reading failed, which is no fault of a line
		return nil, r.in.err
	case errors.As(err, &syntax):
		return nil, fmt.Errorf("line %d: not well-formed XML: %s", syntax.Line, syntax.Msg)
	default:
		return nil, fmt.Errorf("line %d: %w", r.line(), err)
	}
}

func (r *reader) line() int {
	line, _ := r.xml.InputPos()
	return line
}

func (r *reader) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d: "+format, append([]any{r.line()}, args...)...)
}

func isTrue(text string) bool {
	return strings.EqualFold(text, "true") || text == "1" || strings.EqualFold(text, "yes")
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
