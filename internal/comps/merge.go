package comps

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"io"
	"regexp"
	"slices"
	"strings"
)

// Merge writes several comps.xml, uncompressed, as one. Of groups, environments
// and categories with one id the first stands, and what the lists of the
// others have besides is added to its own; langpacks and the like, which have
// no id, are merged in the same way. Elements are copied as text.
func Merge(w io.Writer, files []io.Reader) error {
	m := merged{elements: map[string][]*element{}, byID: map[[2]string]*element{}}
	for _, file := range files {
		text, err := readAll(file)
		if err == nil {
			err = m.add(text)
		}
		if err != nil {
			return err
		}
	}
	return m.write(w)
}

// readAll reads a file that Read accepts, and makes it UTF-8 without a
// declaration.
func readAll(file io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err != nil {
		return nil, err
	}
	if _, err := Read(bytes.NewReader(text)); err != nil {
		return nil, err
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	declaration := declared.FindSubmatch(text)
	if declaration == nil {
		return text, nil
	}
	text = text[len(declaration[0]):]
	if encoding := string(declaration[1]); encoding != "" && !strings.EqualFold(encoding, "utf-8") {
		in, err := charset(encoding, bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(bufio.NewReader(in)) // it takes no room of a few bytes
	}
	return text, nil
}

// declared is lenient as encoding/xml is.
var declared = regexp.MustCompile(`^<\?xml(?:[^?\w.:-](?:[^?]*?encoding\s*=\s*["']([^"']*)["'])?[^?]*)?\?>`)

// merged is a comps.xml that is made of others.
type merged struct {
	kinds    []string              // of elements, in the order in which they were met
	elements map[string][]*element // by kind
	byID     map[[2]string]*element
}

// element is one child of <comps>.
type element struct {
	kind, id string
	text     []byte
	lists    []*list // with different names
}

// list is an element whose children can be added to: the element itself, or a
// child of it. Places are in the element's text.
type list struct {
	name       string
	start, end int
	close      int // where its end tag begins; end, where it has none: <a/>
	known      map[string]bool
	items      []item // in the text's order
	added      [][]byte
}

type item struct {
	key  string
	text []byte
}

// identified are the kinds of elements that have an id, with their lists. Of
// others the element is a list.
var identified = map[string][]string{
	"group":       {"packagelist"},
	"environment": {"grouplist", "optionlist"},
	"category":    {"grouplist"},
}

// add takes in one file.
func (m *merged) add(text []byte) error {
	elements, err := cut(text)
	if err != nil {
		return err
	}
	for _, e := range elements {
		key := [2]string{e.kind, e.id}
		if have := m.byID[key]; have != nil {
			have.join(e)
			continue
		}
		m.byID[key] = e
		if m.elements[e.kind] == nil {
			m.kinds = append(m.kinds, e.kind)
		}
		m.elements[e.kind] = append(m.elements[e.kind], e)
	}
	return nil
}

// join adds what the lists of another element have besides.
func (e *element) join(other *element) {
	for _, from := range other.lists {
		i := slices.IndexFunc(e.lists, func(l *list) bool { return l.name == from.name })
		if i < 0 {
			// Before the element's end tag.
			at := bytes.LastIndexByte(e.text, '<')
			e.lists = append(e.lists, &list{name: from.name, start: at, close: at, end: at, known: map[string]bool{}})
			i = len(e.lists) - 1
		}
		for _, item := range from.items {
			if l := e.lists[i]; !l.known[item.key] {
				l.known[item.key] = true
				l.added = append(l.added, item.text)
			}
		}
	}
}

func (m *merged) write(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString(xml.Header + `<!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd">` + "\n<comps>\n")
	for _, kind := range m.kinds {
		for _, e := range m.elements[kind] {
			b.WriteString("  ")
			e.write(&b)
			b.WriteString("\n")
		}
	}
	b.WriteString("</comps>\n")
	_, err := w.Write(b.Bytes())
	return err
}

func (e *element) write(b *bytes.Buffer) {
	slices.SortStableFunc(e.lists, func(a, b *list) int { return a.close - b.close })
	at := 0
	for _, l := range e.lists {
		if len(l.added) == 0 {
			continue
		}
		empty := l.close == l.end // it has no tags of its own to stand between
		if empty {
			b.Write(e.text[at:l.start])
			b.WriteString("<" + l.name + ">")
		} else {
			b.Write(e.text[at:l.close])
		}
		for _, text := range l.added {
			b.WriteString("  ")
			b.Write(text)
			b.WriteString("\n    ")
		}
		at = l.close
		if empty {
			b.WriteString("</" + l.name + ">")
			at = l.end
		}
	}
	b.Write(e.text[at:])
}

// cutter cuts a file that Read has accepted.
type cutter struct {
	xml  *xml.Decoder
	text []byte
}

// cut returns the children of <comps>.
func cut(text []byte) ([]*element, error) {
	c := &cutter{xml.NewDecoder(bytes.NewReader(text)), text}
	for {
		token, err := c.xml.Token()
		if err != nil {
			return nil, err
		}
		if _, ok := token.(xml.StartElement); ok {
			break // <comps>
		}
	}
	var elements []*element
	_, err := c.children(func(e xml.StartElement, start int) error {
		found, err := c.element(e, start)
		elements = append(elements, found)
		return err
	})
	return elements, err
}

// children calls each after the start tag of every child, with the place where
// that begins, and returns where the end tag begins. each reads to the child's
// end.
func (c *cutter) children(each func(e xml.StartElement, start int) error) (end int, err error) {
	for {
		start := int(c.xml.InputOffset())
		token, err := c.xml.Token()
		if err != nil {
			return 0, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			if err := each(token.Copy(), start); err != nil {
				return 0, err
			}
		case xml.EndElement:
			return start, nil
		}
	}
}

func (c *cutter) element(start xml.StartElement, from int) (*element, error) {
	e := &element{kind: start.Name.Local}
	names, hasID := identified[e.kind]
	if !hasID {
		l, err := c.list(start, from, from)
		e.lists = []*list{l}
		e.text = c.text[from:c.xml.InputOffset()]
		return e, err
	}
	_, err := c.children(func(child xml.StartElement, at int) (err error) {
		switch {
		case slices.Contains(names, child.Name.Local):
			var l *list
			l, err = c.list(child, at, from)
			if !slices.ContainsFunc(e.lists, func(have *list) bool { return have.name == l.name }) {
				e.lists = append(e.lists, l)
			}
			return err
		case child.Name.Local == "id" && e.id == "":
			e.id, err = c.content()
			return err
		}
		return c.xml.Skip()
	})
	e.text = c.text[from:c.xml.InputOffset()]
	return e, err
}

// list reads a list, whose start tag begins at start; base is where the element
// that it belongs to begins.
func (c *cutter) list(e xml.StartElement, start, base int) (*list, error) {
	l := &list{name: e.Name.Local, start: start - base, known: map[string]bool{}}
	end, err := c.children(func(child xml.StartElement, at int) error {
		key, err := c.content()
		if err != nil {
			return err
		}
		text := c.text[at:c.xml.InputOffset()]
		if key == "" { // it is told by its attributes
			key = string(text)
		}
		key = child.Name.Local + " " + key + " " + attr(child, "requires")
		if !l.known[key] {
			l.known[key] = true
			l.items = append(l.items, item{key, text})
		}
		return nil
	})
	if err != nil {
		return l, err
	}
	l.close, l.end = end-base, int(c.xml.InputOffset())-base
	return l, nil
}

// content reads to an element's end and returns its own text.
func (c *cutter) content() (string, error) {
	var b strings.Builder
	for {
		token, err := c.xml.Token()
		if err != nil {
			return "", err
		}
		switch token := token.(type) {
		case xml.CharData:
			b.Write(token)
		case xml.StartElement:
			if err := c.xml.Skip(); err != nil {
				return "", err
			}
		case xml.EndElement:
			return strings.TrimSpace(b.String()), nil
		}
	}
}
