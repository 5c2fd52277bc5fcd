package updateinfo

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds on what is read. The largest advisories of distributions, kernels with
// all that is built of them for every architecture, have some hundred
// thousand bytes.
const (
	maxAdvisory = 16 << 20 // bytes of one advisory, or between two
	maxTag      = 1 << 20  // bytes of one tag or text
	maxDepth    = 64       // elements in one another
)

// walker goes over the elements of one file. What was read and not yet taken is in
// the recorder.
type walker struct {
	in    *recorder
	xml   *xml.Decoder
	depth int
}

func newWalker(r io.Reader) *walker {
	in := &recorder{r: r}
	w := &walker{in: in, xml: xml.NewDecoder(in)}
	w.xml.Strict = true
	w.xml.CharsetReader = func(name string, in io.Reader) (io.Reader, error) {
		switch strings.ToLower(name) {
		case "utf8", "us-ascii", "ascii":
			return in, nil
		}
		return nil, errors.New("only UTF-8 can be read")
	}
	return w
}

// document calls each for every child of <updates>, as children does, and reads
// the file to its end.
func (w *walker) document(each func(e xml.StartElement, start int64) error) error {
	found := false
	for {
		token, err := w.token()
		if errors.Is(err, io.EOF) {
			if !found {
				return errors.New("no <updates> in it")
			}
			return nil
		}
		if err != nil {
			return err
		}
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if found || e.Name.Local != "updates" {
			return fmt.Errorf("<%s> where only <updates> can be", e.Name.Local)
		}
		found = true
		if err := w.children(each); err != nil {
			return err
		}
	}
}

// children calls each after the start tag of every child, with the place where
// that begins. each reads to the child's end.
func (w *walker) children(each func(e xml.StartElement, start int64) error) error {
	if w.depth++; w.depth > maxDepth {
		return fmt.Errorf("more than %d elements in one another", maxDepth)
	}
	for {
		start := w.at()
		token, err := w.token()
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.StartElement:
			if err := each(token, start); err != nil {
				return err
			}
		case xml.EndElement:
			w.depth--
			return nil
		}
	}
}

// skip reads to the end of an element that was begun.
func (w *walker) skip() error {
	return w.children(func(xml.StartElement, int64) error { return w.skip() })
}

func (w *walker) token() (xml.Token, error) {
	token, err := w.xml.Token()
	if err == nil && w.at()-w.in.start > maxAdvisory {
		return nil, fmt.Errorf("more than %d bytes of one advisory", maxAdvisory)
	}
	return token, err
}

func (w *walker) at() int64 { return w.xml.InputOffset() }

// explain adds the line to what is wrong with the file, and leaves the errors of
// reading as they are.
func (w *walker) explain(err error) error {
	var syntax *xml.SyntaxError
	line, _ := w.xml.InputPos()
	switch {
	case err == nil:
		return nil
	case w.in.failed != nil:
		return w.in.failed
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d: not well-formed XML: %s", syntax.Line, syntax.Msg)
	}
	return fmt.Errorf("line %d: %w", line, err)
}
