package main

import (
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A node is an XML element with all that it says. It is read by encoding/xml,
// which shares nothing with what gorepo reads and writes its metadata with.
type node struct {
	name     string      // with its namespace: "rpm:entry"
	attrs    [][2]string // sorted by name: their order says nothing
	text     string      // of an element with children, without the white space between them
	children []*node

	location string // of a package, whichever list it is in
}

// attr returns an attribute's value, or "".
func (n *node) attr(name string) string {
	for _, a := range n.attrs {
		if a[0] == name {
			return a[1]
		}
	}
	return ""
}

// child returns the first child of a name, or an empty element.
func (n *node) child(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return &node{name: name}
}

// namespaces are those of metadata, by the prefixes that fields are named
// with. An unknown one stays as it is, and so makes a difference.
var namespaces = map[string]string{
	"http://linux.duke.edu/metadata/common":    "",
	"http://linux.duke.edu/metadata/filelists": "",
	"http://linux.duke.edu/metadata/other":     "",
	"http://linux.duke.edu/metadata/repo":      "",
	"http://linux.duke.edu/metadata/rpm":       "rpm:",
	"http://www.w3.org/XML/1998/namespace":     "xml:",
	"xml":                                      "xml:", // what encoding/xml says instead
	"xmlns":                                    "xmlns:",
	"":                                         "",
}

func qualified(n xml.Name) string {
	if prefix, known := namespaces[n.Space]; known {
		return prefix + n.Local
	}
	return "{" + n.Space + "}" + n.Local
}

// readXML reads a document: the root without its children, and the children.
func readXML(r io.Reader) (root *node, children []*node, err error) {
	d := xml.NewDecoder(r)
	var stack []*node
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			n := &node{name: qualified(t.Name)}
			for _, a := range t.Attr {
				n.attrs = append(n.attrs, [2]string{qualified(a.Name), a.Value})
			}
			slices.SortFunc(n.attrs, func(a, b [2]string) int { return cmp.Compare(a[0], b[0]) })
			switch {
			case len(stack) > 0:
				up := stack[len(stack)-1]
				up.children = append(up.children, n)
			case root != nil:
				return nil, nil, errors.New("there is a second root element")
			default:
				root = n
			}
			stack = append(stack, n)
		case xml.EndElement:
			n := stack[len(stack)-1]
			if len(n.children) > 0 {
				n.text = strings.TrimSpace(n.text)
			}
			stack = stack[:len(stack)-1]
		case xml.CharData:
			switch {
			case len(stack) > 0:
				stack[len(stack)-1].text += string(t)
			case strings.TrimSpace(string(t)) != "":
				return nil, nil, fmt.Errorf("there is text outside the root element: %q", t)
			}
		}
	}
	if root == nil {
		return nil, nil, errors.New("there is no root element")
	}
	children, root.children = root.children, nil
	root.text = strings.TrimSpace(root.text)
	return root, children, nil
}

// absent is the value of a field that one side lacks.
const absent = "(absent)"

// differ goes through two elements and tells differences by their paths.
type differ struct {
	fields int // that were compared
	tell   func(path, theirs, ours string)
}

func (d *differ) value(path, theirs, ours string) {
	d.fields++
	if theirs != ours {
		d.tell(path, theirs, ours)
	}
}

func (d *differ) nodes(path string, theirs, ours *node) {
	d.value(path, theirs.text, ours.text)
	d.attributes(path, theirs, ours)
	d.lists(path, theirs.children, ours.children)
}

func (d *differ) attributes(path string, theirs, ours *node) {
	t, o := theirs.attrs, ours.attrs
	for len(t) > 0 || len(o) > 0 {
		switch {
		case len(o) == 0 || len(t) > 0 && t[0][0] < o[0][0]:
			d.value(path+"@"+t[0][0], t[0][1], absent)
			t = t[1:]
		case len(t) == 0 || o[0][0] < t[0][0]:
			d.value(path+"@"+o[0][0], absent, o[0][1])
			o = o[1:]
		default:
			d.value(path+"@"+t[0][0], t[0][1], o[0][1])
			t, o = t[1:], o[1:]
		}
	}
}

// lists compares children, in order.
func (d *differ) lists(path string, theirs, ours []*node) {
	for _, m := range align(theirs, ours, func(n **node) string { return (*n).identity() }) {
		switch {
		case m.ours == nil:
			d.value(path+"/"+(*m.theirs).label(), (*m.theirs).String(), absent)
		case m.theirs == nil:
			d.value(path+"/"+(*m.ours).label(), absent, (*m.ours).String())
		default:
			name := path + "/" + (*m.theirs).label()
			if m.moved {
				d.tell(name+" (order)", (*m.theirs).String(), "earlier")
			}
			d.nodes(name, *m.theirs, *m.ours)
		}
	}
}

// identity is what makes two children of one element the same one: entries of
// lists by what they name, others by their names only.
func (n *node) identity() string {
	switch n.name {
	case "rpm:entry":
		return n.name + " " + n.attr("name")
	case "file":
		return n.name + " " + n.text
	case "data":
		return n.name + " " + n.attr("type")
	}
	return n.name
}

// label names the element in the paths of differences.
func (n *node) label() string {
	if id := cmp.Or(n.attr("name"), n.attr("type")); id != "" {
		return n.name + "[" + id + "]"
	}
	return n.name
}

// String is the element in one line, to be shown.
func (n *node) String() string {
	var b strings.Builder
	b.WriteString("<" + n.name)
	for _, a := range n.attrs {
		fmt.Fprintf(&b, " %s=%q", a[0], a[1])
	}
	b.WriteString(">" + n.text)
	for _, c := range n.children {
		b.WriteString(c.String())
	}
	return b.String()
}
