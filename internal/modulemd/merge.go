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
			text := bytes.TrimRight(doc.text, " \t\r\n")
			if isMarker(text, "---") {
				text = text[len("---"):]
			}
			text = bytes.TrimLeft(text, "\r\n")
			sum := sha256.Sum256(text)
			if len(text) == 0 || seen[sum] {
				continue
			}
			seen[sum] = true
			mark := "---\n"
			if text[0] == ' ' || text[0] == '\t' { // what stood in the line of the mark
				mark = "---"
			}
			if _, err := fmt.Fprintf(w, "%s%s\n...\n", mark, text); err != nil {
				return err
			}
		}
	}
	return nil
}
