package modulemd

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Build is one build of a stream, with what people want to know of it.
type Build struct {
	Stream
	Summary, Description string
	Licenses             []string // of the module itself
	Contents             []string // licenses of what is in it
	Profiles             []Profile
	// Requires has a list for each alternative: what one of them says is enough.
	Requires [][]Requirement
	API      []string // names of the packages that are meant to be used
	// Links are URLs.
	Community, Documentation, Tracker string
}

// Profile is a set of packages to install of a stream.
type Profile struct {
	Name, Description string
	Packages          []string // names
}

// Requirement is a module that a stream needs. Of its streams any will do, all if
// none is named; with a minus before it, any but that.
type Requirement struct {
	Module  string
	Streams []string
}

// Defaults is what is taken of a module where nobody chooses.
type Defaults struct {
	Module   string
	Stream   string // "" where none is the default
	Modified uint64 // a number that grows with every change
	Profiles map[string][]string
}

// Obsoletes says that a stream is, or will be, out of support.
type Obsoletes struct {
	Module, Stream string
	Context        string    // "" is all
	Modified       time.Time // the latest counts
	Reset          bool      // what was said before does not hold any more
	Message        string
	EOL            time.Time // zero where it is so at once
	// By is name:stream of what to use instead; "" is nothing.
	By string
}

// Document is one of a modules.yaml. One of its fields is not nil.
type Document struct {
	Build     *Build
	Defaults  *Defaults
	Obsoletes *Obsoletes
}

// Read calls f with every document that is for people, in the file's order. What f
// gets is its to keep. What of a document cannot be read goes to onBad, where there
// is one, with the line that the document begins in; a build whose name, stream,
// version and artifacts can be read comes without the rest.
//
// What f returns ends the reading and is returned as it is. Another error is what
// reading failed with, or says that the file is larger than any can be.
func Read(r io.Reader, onBad func(error), f func(Document) error) error {
	var failed error
	return eachDocument(r, maxDocuments, func(doc document) error {
		report := func(err error) {
			if err != nil && onBad != nil {
				onBad(fmt.Errorf("modules: document in line %d: %w", doc.line, err))
			}
		}
		err := eachNode(doc, func(root *yaml.Node) error {
			d, bad, err := readForPeople(root)
			if err != nil || d == (Document{}) {
				return err
			}
			report(bad)
			failed = f(d)
			return failed
		})
		if failed != nil {
			return failed
		}
		report(err)
		return nil
	})
}

// readForPeople gives an empty Document for what is of no interest. bad is what of a
// build could not be read.
func readForPeople(root *yaml.Node) (d Document, bad, err error) {
	kind, data, err := readKind(root)
	if err != nil {
		return Document{}, nil, err
	}
	switch kind {
	case kindStream:
		s, err := readData(data)
		if err != nil {
			return Document{}, nil, err
		}
		d.Build = &Build{Stream: s}
		return d, d.Build.read(data), nil
	case kindDefaults:
		d.Defaults, err = readDefaults(data)
	case kindObsoletes:
		d.Obsoletes, err = readObsoletes(data)
	}
	if err != nil {
		return Document{}, nil, err
	}
	return d, nil, nil
}

// read takes what data has beside the Stream, as far as it can be read. bad is the
// first that cannot.
func (b *Build) read(data mapping) (bad error) {
	note := func(err error) {
		if err != nil && bad == nil {
			bad = fmt.Errorf("%s: %w", b.NameStream(), err)
		}
	}
	text := func(m mapping, key string, to *string) {
		value, err := m.text(key)
		*to = strings.TrimSpace(value)
		note(err)
	}
	texts := func(m mapping, key string, to *[]string) {
		value, err := m.texts(key)
		*to = value
		note(err)
	}
	inner := func(key string) mapping {
		m, err := data.mapping(key)
		note(err)
		return m
	}
	text(data, "summary", &b.Summary)
	text(data, "description", &b.Description)
	license, references := inner("license"), inner("references")
	texts(license, "module", &b.Licenses)
	texts(license, "content", &b.Contents)
	text(references, "community", &b.Community)
	text(references, "documentation", &b.Documentation)
	text(references, "tracker", &b.Tracker)
	texts(inner("api"), "rpms", &b.API)
	note(inner("profiles").each(func(name string, profile mapping) error {
		p := Profile{Name: name}
		text(profile, "description", &p.Description)
		texts(profile, "rpms", &p.Packages)
		b.Profiles = append(b.Profiles, p)
		return nil
	}))
	var err error
	b.Requires, err = readRequires(data)
	note(err)
	return bad
}

// readRequires reads dependencies, which are a list of alternatives, and in version 1
// a single one, with a single stream for each module.
func readRequires(data mapping) (all [][]Requirement, err error) {
	value, err := data.get("dependencies")
	if err != nil || value == nil {
		return nil, err
	}
	alternatives := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode {
		alternatives = value.Content
	}
	for _, node := range alternatives {
		requires, err := mapping{"dependencies", node}.mapping("requires")
		if err != nil {
			return nil, err
		}
		var list []Requirement
		err = requires.each(func(module string, streams mapping) error {
			r := Requirement{Module: module}
			var err error
			if node := streams.node; node != nil && node.Kind == yaml.ScalarNode {
				r.Streams = []string{node.Value}
			} else {
				r.Streams, err = streams.list()
			}
			list = append(list, r)
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(list) > 0 {
			all = append(all, list)
		}
	}
	return all, nil
}

func readDefaults(data mapping) (*Defaults, error) {
	d := &Defaults{Profiles: map[string][]string{}}
	var modified string
	for key, to := range map[string]*string{"module": &d.Module, "stream": &d.Stream, "modified": &modified} {
		var err error
		if *to, err = data.text(key); err != nil {
			return nil, err
		}
	}
	if d.Module == "" {
		return nil, errors.New("defaults without a module")
	}
	d.Modified, _ = strconv.ParseUint(modified, 10, 64)
	profiles, err := data.mapping("profiles")
	if err != nil {
		return nil, err
	}
	return d, profiles.each(func(stream string, value mapping) error {
		names, err := value.list()
		d.Profiles[stream] = names
		return err
	})
}

func readObsoletes(data mapping) (*Obsoletes, error) {
	o := &Obsoletes{}
	var modified, reset, eol string
	for key, to := range map[string]*string{
		"module": &o.Module, "stream": &o.Stream, "context": &o.Context, "message": &o.Message,
		"modified": &modified, "reset": &reset, "eol_date": &eol,
	} {
		var err error
		if *to, err = data.text(key); err != nil {
			return nil, err
		}
	}
	if o.Module == "" || o.Stream == "" {
		return nil, errors.New("obsoletes without a module and a stream")
	}
	o.Reset = strings.EqualFold(reset, "true")
	o.Modified, o.EOL = parseTime(modified), parseTime(eol)
	by, err := data.mapping("obsoleted_by")
	if err != nil {
		return nil, err
	}
	var module, stream string
	if module, err = by.text("module"); err == nil {
		stream, err = by.text("stream")
	}
	if err == nil && module != "" && stream != "" {
		o.By = module + ":" + stream
	}
	return o, err
}

// parseTime reads the times of obsoletes, which are UTC; zero where it is none.
func parseTime(s string) time.Time {
	for _, layout := range []string{"2006-01-02T15:04Z07:00", time.RFC3339, time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// Known collects what a file says about the streams of modules, whatever the order.
type Known struct {
	defaults  map[string]*Defaults
	obsoletes map[string]map[string]*Obsoletes // by name:stream, and context
	size      int                              // bytes of all that was added
}

// maxKnown bounds what is kept of defaults and obsoletes, in bytes. Those of a
// release have some ten thousand.
const maxKnown = 8 << 20

// Add takes a document in; a build changes nothing. It says whether there was room.
func (k *Known) Add(d Document) bool {
	if k.size += d.size(); k.size > maxKnown {
		return false
	}
	switch {
	case d.Defaults != nil:
		if k.defaults == nil {
			k.defaults = map[string]*Defaults{}
		}
		k.addDefaults(*d.Defaults)
	case d.Obsoletes != nil:
		if k.obsoletes == nil {
			k.obsoletes = map[string]map[string]*Obsoletes{}
		}
		k.addObsoletes(d.Obsoletes)
	}
	return true
}

// size is what of a document Known keeps, in bytes, about.
func (d Document) size() (n int) {
	const overhead = 100
	if d.Defaults != nil {
		n = overhead + len(d.Defaults.Module) + len(d.Defaults.Stream)
		for stream, names := range d.Defaults.Profiles {
			n += overhead + len(stream)
			for _, name := range names {
				n += len(name) + 16 // the string's own header
			}
		}
	}
	if o := d.Obsoletes; o != nil {
		n = 2*overhead + len(o.Module) + len(o.Stream) + len(o.Context) + len(o.Message) + len(o.By)
	}
	return n
}

// addDefaults takes the later of two that are about one module. Of two that are
// equally late, both count, and no stream is the default where they disagree, as
// with dnf.
func (k *Known) addDefaults(d Defaults) {
	have := k.defaults[d.Module]
	if have == nil || d.Modified > have.Modified {
		k.defaults[d.Module] = &d
	}
	if have == nil || d.Modified != have.Modified {
		return
	}
	switch {
	case have.Stream == "":
		have.Stream = d.Stream
	case d.Stream != "" && d.Stream != have.Stream:
		have.Stream = ""
	}
	for stream, names := range d.Profiles {
		if _, ok := have.Profiles[stream]; !ok {
			have.Profiles[stream] = names
		}
	}
}

// addObsoletes takes the later of two that are about one context, or the one that
// came later where both are.
func (k *Known) addObsoletes(o *Obsoletes) {
	key := o.Module + ":" + o.Stream
	if k.obsoletes[key] == nil {
		k.obsoletes[key] = map[string]*Obsoletes{}
	}
	if have := k.obsoletes[key][o.Context]; have == nil || !o.Modified.Before(have.Modified) {
		k.obsoletes[key][o.Context] = o
	}
}

// DefaultStream gives a module's default stream, "" where it has none.
func (k *Known) DefaultStream(module string) string {
	if d := k.defaults[module]; d != nil {
		return d.Stream
	}
	return ""
}

// DefaultProfiles gives the profiles that are installed of a stream where nobody
// chooses.
func (k *Known) DefaultProfiles(module, stream string) []string {
	if d := k.defaults[module]; d != nil {
		return d.Profiles[stream]
	}
	return nil
}

// Obsoletes gives what holds for a context of a stream, nil where that is nothing.
func (k *Known) Obsoletes(module, stream, context string) *Obsoletes {
	all := k.obsoletes[module+":"+stream]
	found := all[context]
	if every := all[""]; found == nil || every != nil && every.Modified.After(found.Modified) {
		found = every
	}
	if found != nil && found.Reset {
		return nil
	}
	return found
}
