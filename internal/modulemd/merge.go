package modulemd

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// Merge writes the documents of several modules.yaml, uncompressed, as one, in
// their order. Of those with the same text there is one. They are not looked
// into.
func Merge(w io.Writer, files []io.Reader) error {
	seen := map[[sha256.Size]byte]bool{}
	for _, file := range files {
		split := newSplitter(file)
		for {
			doc, err := split.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			if doc.err != nil {
				return fmt.Errorf("document in line %d: %w", doc.line, doc.err)
			}
			text := content(doc)
			sum := sha256.Sum256(text)
			if len(text) == 0 || seen[sum] {
				continue
			}
			seen[sum] = true
			if err := writeDocument(w, text); err != nil {
				return err
			}
		}
	}
	return nil
}

// content is the text of a document without the mark that begins it, unless there
// is text in the line of the mark too.
func content(doc document) []byte {
	text := bytes.TrimRight(doc.text, "\r\n")
	if isMarker(text, "---") {
		rest := bytes.TrimLeft(text[len("---"):], " \t")
		if len(rest) > 0 && rest[0] != '\r' && rest[0] != '\n' {
			return text
		}
		text = rest
	}
	return bytes.TrimLeft(text, "\r\n")
}

// writeDocument writes a document's content between marks.
func writeDocument(w io.Writer, text []byte) error {
	mark := "---\n"
	if isMarker(text, "---") {
		mark = ""
	}
	_, err := fmt.Fprintf(w, "%s%s\n...\n", mark, text)
	return err
}
