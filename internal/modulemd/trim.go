package modulemd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"gorepo/internal/rpmpkg"
)

// Artifacts are packages, by what streams call them.
type Artifacts map[string]struct{}

// Add adds a package.
func (a Artifacts) Add(n rpmpkg.NEVRA) { a[artifactName(n)] = struct{}{} }

// Selection is what there is of upstream's packages.
type Selection struct {
	Upstream Artifacts // all of them
	Here     Artifacts // those that are there
}

// lacks says whether upstream has a package that is not here.
func (s Selection) lacks(artifact string) bool {
	return s.Upstream.has(artifact) && !s.Here.has(artifact)
}

func (a Artifacts) has(artifact string) bool {
	_, ok := a[withEpoch(artifact)]
	return ok
}

// Trim writes a modules.yaml, uncompressed, without the artifacts that are
// upstream's and not here, and says whether that is another file:
//
//   - A build of a stream loses those of its artifacts; one that loses some, and
//     has none that is here, goes. Those of other repositories (sources, debuginfo)
//     do not count.
//   - Where no build of a stream is left, its translations and obsoletes go, and
//     the defaults of its module do not name it any more; those of a module
//     without streams go. So do obsoletes for a context of which no build is left.
//
// Documents are edited as text, line by line, where they are written as they are
// everywhere, and else as YAML. One that cannot be read stays as it is, and
// goes to onBad, where there is one. The file is read twice.
func Trim(w io.Writer, open func() (io.ReadCloser, error), packages Selection, onBad func(error)) (changed bool, err error) {
	if onBad == nil {
		onBad = func(error) {}
	}
	t := trimmer{packages: packages, was: map[string]bool{}, left: map[string]bool{}}
	err = t.each(open, func(doc document) error {
		if err := t.survey(doc); err != nil {
			onBad(fmt.Errorf("modules: document in line %d: %w", doc.line, err))
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	err = t.each(open, func(doc document) error {
		text, edited := t.edit(doc)
		changed = changed || edited
		if len(text) == 0 {
			return nil
		}
		return writeDocument(w, text)
	})
	return changed, err
}

// trimmer knows modules (name), streams (name:stream) and their contexts
// (name:stream:context): was are those that the file has, left those that stay.
type trimmer struct {
	packages  Selection
	was, left map[string]bool
}

// each calls f for every document of the file.
func (t *trimmer) each(open func() (io.ReadCloser, error), f func(document) error) error {
	r, err := open()
	if err != nil {
		return err
	}
	split := newSplitter(r)
	for documents := 1; err == nil; documents++ {
		var doc document
		if doc, err = split.next(); err != nil {
			break
		}
		switch {
		case doc.err != nil:
			err = fmt.Errorf("document in line %d: %w", doc.line, doc.err)
		case documents > maxDocuments:
			err = fmt.Errorf("line %d: more than %d documents", doc.line, maxDocuments)
		default:
			err = f(doc)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, r.Close())
}

// survey notes what stream a document is a build of, and whether it stays.
func (t *trimmer) survey(doc document) error {
	var streams []Stream
	roots := 0
	err := eachNode(doc, func(root *yaml.Node) error {
		roots++
		s, ok, err := readStream(root)
		if ok {
			streams = append(streams, s)
		}
		return err
	})
	for _, s := range streams {
		// What cannot be read, or not as one, is not edited.
		t.note(s, err != nil || roots > 1 || t.stays(s))
	}
	return err
}

func (t *trimmer) note(s Stream, stays bool) {
	for _, name := range []string{s.Name, s.NameStream(), s.NameStream() + ":" + s.Context} {
		t.was[name] = true
		t.left[name] = t.left[name] || stays
	}
}

func (t *trimmer) stays(s Stream) bool {
	return slices.ContainsFunc(s.Artifacts, t.packages.Here.has) || !slices.ContainsFunc(s.Artifacts, t.packages.lacks)
}

// gone says whether the file has something of a name, and nothing of it stays.
func (t *trimmer) gone(name string) bool { return t.was[name] && !t.left[name] }

// edit returns what stays of a document, and whether that is not all of it.
func (t *trimmer) edit(doc document) (text []byte, edited bool) {
	var roots []*yaml.Node
	err := eachNode(doc, func(root *yaml.Node) error {
		roots = append(roots, root)
		return nil
	})
	if err != nil || len(roots) != 1 || len(roots[0].Content) != 1 {
		return content(doc), false
	}
	top := mapping{"document", roots[0].Content[0]}
	kind, err := top.text("document")
	if err != nil {
		return content(doc), false
	}
	switch kind {
	case "modulemd", "modulemd-stream":
		text, edited, err = t.editStream(doc, roots[0])
	case "modulemd-defaults":
		text, edited, err = t.editDefaults(top, roots[0])
	case "modulemd-translations", "modulemd-obsoletes":
		edited, err = t.isForNobody(top)
	}
	if err != nil || !edited {
		return content(doc), false
	}
	return text, true
}

// editStream takes artifacts out of a build's document.
func (t *trimmer) editStream(doc document, root *yaml.Node) (text []byte, edited bool, err error) {
	s, ok, err := readStream(root)
	if err != nil || !ok {
		return nil, false, err
	}
	want := s
	want.Artifacts = slices.DeleteFunc(slices.Clone(s.Artifacts), t.packages.lacks)
	switch {
	case len(want.Artifacts) == len(s.Artifacts):
		return nil, false, nil
	case !t.stays(s):
		return nil, true, nil
	}
	list := artifactsOf(root)
	text, ok = withoutItems(doc.text, list, t.packages.lacks)
	if ok = ok && isStream(text, want); !ok {
		// Not a line each: written anew, without them.
		list.Content = slices.DeleteFunc(list.Content, func(item *yaml.Node) bool { return t.packages.lacks(item.Value) })
		if text, err = encode(root); err == nil && !isStream(text, want) {
			err = errors.New("it cannot be written without some of its artifacts")
		}
	}
	return content(document{text: text}), true, err
}

// artifactsOf finds the list that readStream has read.
func artifactsOf(root *yaml.Node) *yaml.Node {
	at := mapping{"document", root.Content[0]}
	for _, key := range []string{"data", "artifacts"} {
		at, _ = at.mapping(key)
	}
	list, _ := at.get("rpms")
	return list
}

// withoutItems leaves out the lines of those items of a list that are not
// wanted; ok is false where one has no line of its own.
func withoutItems(text []byte, list *yaml.Node, unwanted func(value string) bool) (left []byte, ok bool) {
	lines := bytes.SplitAfter(text, []byte("\n"))
	for _, item := range list.Content {
		if !unwanted(item.Value) {
			continue
		}
		i := item.Line - 1
		if i < 0 || i >= len(lines) {
			return nil, false
		}
		rest, isItem := strings.CutPrefix(strings.TrimSpace(string(lines[i])), "-")
		rest = strings.TrimSpace(rest)
		if !isItem || rest != item.Value && rest != `"`+item.Value+`"` && rest != "'"+item.Value+"'" {
			return nil, false
		}
		lines[i] = nil
	}
	return bytes.Join(lines, nil), true
}

// isStream says whether a document is a certain build of a stream.
func isStream(text []byte, want Stream) bool {
	streams, err := parseDocument(document{text: text})
	return err == nil && len(streams) == 1 && streams[0].Name == want.Name && streams[0].Stream == want.Stream &&
		streams[0].Version == want.Version && streams[0].Context == want.Context && streams[0].Arch == want.Arch &&
		slices.Equal(streams[0].Artifacts, want.Artifacts)
}

// encode writes a document.
func encode(root *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(root), e.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// editDefaults takes streams that went out of a module's defaults.
func (t *trimmer) editDefaults(top mapping, root *yaml.Node) (text []byte, edited bool, err error) {
	data, err := top.mapping("data")
	if err != nil {
		return nil, false, err
	}
	module, err := data.text("module")
	if err != nil || t.gone(module) {
		return nil, err == nil, err
	}
	// Intents are defaults for a use, and look the same.
	parts := []mapping{data}
	intents, err := data.mapping("intents")
	if err == nil && intents.node != nil && intents.node.Kind == yaml.MappingNode {
		for i := 1; i < len(intents.node.Content); i += 2 {
			parts = append(parts, mapping{"intent", intents.node.Content[i]})
		}
	}
	for _, part := range parts {
		stream, streamErr := part.text("stream")
		profiles, profilesErr := part.mapping("profiles")
		if err = errors.Join(err, streamErr, profilesErr); err != nil {
			return nil, false, err
		}
		if stream != "" && t.gone(module+":"+stream) {
			part.remove(func(key string) bool { return key == "stream" })
			edited = true
		}
		edited = profiles.remove(func(key string) bool { return t.gone(module + ":" + key) }) || edited
	}
	if !edited {
		return nil, false, nil
	}
	text, err = encode(root)
	return content(document{text: text}), true, err
}

// remove takes keys out of a mapping, and says whether there were any.
func (m mapping) remove(unwanted func(key string) bool) (removed bool) {
	if m.node == nil || m.node.Kind != yaml.MappingNode {
		return false
	}
	var kept []*yaml.Node
	for i := 0; i+1 < len(m.node.Content); i += 2 {
		if unwanted(m.node.Content[i].Value) {
			removed = true
			continue
		}
		kept = append(kept, m.node.Content[i], m.node.Content[i+1])
	}
	m.node.Content = kept
	return removed
}

// isForNobody says whether a document is about a stream, or a context of it,
// that went.
func (t *trimmer) isForNobody(top mapping) (bool, error) {
	data, err := top.mapping("data")
	if err != nil {
		return false, err
	}
	var module, stream, context string
	for key, to := range map[string]*string{"module": &module, "stream": &stream, "context": &context} {
		if *to, err = data.text(key); err != nil {
			return false, err
		}
	}
	name := module + ":" + stream
	return t.gone(name) || context != "" && t.gone(name+":"+context), nil
}
