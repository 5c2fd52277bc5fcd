package modulemd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds on what is read. The largest streams of Fedora and RHEL have some
// thousands of lines and some hundred thousand bytes; all of a release has
// some thousand streams.
const (
	maxDocument  = 4 << 20  // bytes in one document
	maxNodes     = 1 << 18  // marks in one document that may begin a YAML node, each of which takes memory
	maxDocuments = 1 << 17  // documents in one file
	maxText      = 64 << 20 // bytes of names and artifacts of all streams
)

// Stream is one build of a module's stream.
type Stream struct {
	Name    string
	Stream  string
	Version uint64
	Context string
	Arch    string
	// Artifacts are the packages of the build as written:
	// name-epoch:version-release.arch.
	Artifacts []string
}

// NameStream gives name:stream, what all builds of one stream share.
func (s Stream) NameStream() string { return s.Name + ":" + s.Stream }

// Parse reads all streams of a modules.yaml, uncompressed, in the file's
// order. A document that cannot be read goes to onBad, where there is one,
// with the line that it begins in, and the rest is read. The error is what
// reading failed with, or says that the file is larger than any can be.
func Parse(r io.Reader, onBad func(error)) ([]Stream, error) {
	return parseBounded(r, onBad, maxDocuments, maxText)
}

func parseBounded(r io.Reader, onBad func(error), maxDocuments, maxText int) ([]Stream, error) {
	var streams []Stream
	text := 0
	err := eachDocument(r, maxDocuments, func(doc document) error {
		found, err := parseDocument(doc)
		if err != nil && onBad != nil {
			onBad(fmt.Errorf("modules: document in line %d: %w", doc.line, err))
		}
		for _, s := range found {
			if text += s.size(); text > maxText {
				return fmt.Errorf("read modules: line %d: more than %d bytes of artifacts", doc.line, maxText)
			}
			streams = append(streams, s)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return streams, nil
}

// eachDocument calls f with each document of a file, and ends with f's error.
func eachDocument(r io.Reader, maxDocuments int, f func(document) error) error {
	split := newSplitter(r)
	for n := 1; ; n++ {
		doc, err := split.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read modules: line %d: %w", split.line, err)
		}
		if n > maxDocuments {
			return fmt.Errorf("read modules: line %d: more than %d documents", doc.line, maxDocuments)
		}
		if err := f(doc); err != nil {
			return err
		}
	}
}

func (s Stream) size() int {
	n := len(s.Name) + len(s.Stream) + len(s.Context) + len(s.Arch)
	for _, a := range s.Artifacts {
		n += len(a) + 16 // the string's own header
	}
	return n
}

// parseDocument reads the streams of one document, which are none or one; more
// only where a lone carriage return, which ends a line too, stands before a
// "---".
func parseDocument(doc document) ([]Stream, error) {
	var streams []Stream
	err := eachNode(doc, func(root *yaml.Node) error {
		s, ok, err := readStream(root)
		if ok {
			streams = append(streams, s)
		}
		return err
	})
	return streams, err
}

// eachNode calls f for what YAML finds in a document: one tree, as a rule.
func eachNode(doc document, f func(root *yaml.Node) error) error {
	if doc.err != nil {
		return doc.err
	}
	if nodes := possibleNodes(doc.text); nodes > maxNodes {
		return fmt.Errorf("as many as %d YAML nodes, the most is %d", nodes, maxNodes)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(doc.text))
	for {
		// A node, not a struct: values keep their text, aliases are not
		// followed, and mappings are not searched for keys that are there
		// twice, which takes the decoder the square of their number.
		var root yaml.Node
		err := decoder.Decode(&root)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return yamlError(err, doc.line)
		}
		if err := f(&root); err != nil {
			return err
		}
	}
}

// yamlError is the decoder's error with the file's line in place of its own,
// which counts from the document's beginning and is sometimes that before.
func yamlError(err error, first int) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		if number, rest, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(number); err == nil {
				return fmt.Errorf("near line %d: %s", first+n-1, rest)
			}
		}
	}
	return errors.New(text)
}

// possibleNodes counts what a node may follow: no node of a YAML document
// begins without one of these before it.
func possibleNodes(text []byte) int {
	n := 1
	for i, c := range text {
		switch c {
		case '\n', '\r', ',', '[', '{':
			n++
		case '-', '?', ':':
			if i+1 == len(text) || text[i+1] == ' ' || text[i+1] == '\t' {
				n++
			}
		}
	}
	return n
}

// readStream reads a document's stream; ok is false where it is of a kind that
// has no packages.
func readStream(root *yaml.Node) (s Stream, ok bool, err error) {
	kind, data, err := readKind(root)
	if err != nil || kind != kindStream {
		return Stream{}, false, err
	}
	if s, err = readData(data); err != nil {
		return Stream{}, false, err
	}
	return s, true, nil
}

// The kinds of documents that are read; kindOther is all that is not.
const (
	kindOther     = ""
	kindStream    = "modulemd"
	kindDefaults  = "modulemd-defaults"
	kindObsoletes = "modulemd-obsoletes"
)

// readKind says what a document is, and gives its data.
func readKind(root *yaml.Node) (kind string, data mapping, err error) {
	if len(root.Content) != 1 || isNull(root.Content[0]) {
		return kindOther, mapping{}, nil // nothing but comments
	}
	top := mapping{"document", root.Content[0]}
	if kind, err = top.text("document"); err != nil {
		return kindOther, mapping{}, err
	}
	switch kind {
	case "modulemd", "modulemd-stream":
		kind = kindStream
	case kindDefaults, kindObsoletes:
		data, err = top.mapping("data")
		return kind, data, err
	case "modulemd-packager", "modulemd-translations":
		return kindOther, mapping{}, nil
	case "":
		return kindOther, mapping{}, errors.New("no \"document\" that says what it is")
	default:
		return kindOther, mapping{}, fmt.Errorf("document %q is of no known kind", kind)
	}
	version, err := top.text("version")
	if err != nil {
		return kindOther, mapping{}, err
	}
	if version != "1" && version != "2" {
		return kindOther, mapping{}, fmt.Errorf("%s version %q is not known, only 1 and 2 are", kind, version)
	}
	data, err = top.mapping("data")
	return kind, data, err
}

func readData(data mapping) (s Stream, err error) {
	var version string
	for key, to := range map[string]*string{
		"name": &s.Name, "stream": &s.Stream, "version": &version, "context": &s.Context, "arch": &s.Arch,
	} {
		if *to, err = data.text(key); err != nil {
			return Stream{}, err
		}
	}
	if s.Name == "" || s.Stream == "" {
		return Stream{}, errors.New("data without a name and a stream")
	}
	if version != "" {
		if s.Version, err = strconv.ParseUint(version, 10, 64); err != nil {
			return Stream{}, fmt.Errorf("%s: version %q is not a number", s.NameStream(), version)
		}
	}
	artifacts, err := data.mapping("artifacts")
	if err == nil {
		s.Artifacts, err = artifacts.texts("rpms")
	}
	if err != nil {
		return Stream{}, fmt.Errorf("%s: %w", s.NameStream(), err)
	}
	return s, nil
}
