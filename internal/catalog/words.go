package catalog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Words are runs of letters, digits and +, in lower case: c++ and gtk+ are words.
// The tokenizer of the table of words leaves them as they are.

func isWordRune(r rune) bool { return r == '+' || unicode.IsLetter(r) || unicode.IsNumber(r) }

// maxWord bounds a word, in bytes. What is longer is no word of anybody's.
const maxWord = 64

// eachWord calls f with every word of a text.
func eachWord(text string, f func(word string)) {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !isWordRune(r) }) {
		if word = strings.ToLower(word); len(word) <= maxWord && utf8.ValidString(word) {
			f(word)
		}
	}
}

// eachPart calls f with the parts that somebody may take a name for: between
// letters and digits, before capitals, and without + at the end. A name is short.
func eachPart(name string, f func(word string)) {
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return !isWordRune(r) }) {
		start := 0
		runes := []rune(word)
		for i := 1; i <= len(runes); i++ {
			if i < len(runes) && !partsAt(runes, i) {
				continue
			}
			if part := strings.ToLower(string(runes[start:i])); (start > 0 || i < len(runes)) && len(part) <= maxWord {
				f(part)
			}
			start = i
		}
	}
}

// partsAt says whether a part ends before the character i.
func partsAt(r []rune, i int) bool {
	a, b := r[i-1], r[i]
	switch {
	case b == '+':
		return a != '+'
	case unicode.IsDigit(a) != unicode.IsDigit(b):
		return true
	case unicode.IsUpper(b):
		return unicode.IsLower(a) || unicode.IsUpper(a) && i+1 < len(r) && unicode.IsLower(r[i+1])
	}
	return false
}

// wordWriter adds the words of a name's newest package.
type wordWriter struct {
	row, texts      *row
	provides, bases *sorter
	seen            map[string]bool
	text            [wordColumns + 1]strings.Builder
	key             []byte
}

// The columns of the table of words.
const (
	wordName = iota
	wordSummary
	wordProvides
	wordFiles
	wordColumns
	wordText = wordColumns // of the table of texts
)

func (b *builder) newWordWriter() (*wordWriter, error) {
	w := &wordWriter{provides: b.newSorter(fewMemory), bases: b.newSorter(fewMemory), seen: map[string]bool{}}
	var err error
	if w.row, err = b.insert("words", "rowid", "name", "summary", "provides", "files"); err == nil {
		w.texts, err = b.insert("texts", "rowid", "text")
	}
	return w, err
}

// maxWords bounds the words of a column.
const maxWords = 2000

// addName adds what the newest package of a name says. A word is in the first of
// the columns that have it.
func (w *wordWriter) addName(id int64, p *packageRow) error {
	clear(w.seen)
	eachWord(p.Name, func(word string) { w.addWord(wordName, word) })
	eachPart(p.Name, func(word string) { w.addWord(wordName, word) })
	eachWord(p.Summary, func(word string) { w.addWord(wordSummary, word) })
	for _, name := range p.provides {
		eachWord(name, func(word string) { w.addWord(wordProvides, word) })
	}
	for _, file := range p.files {
		eachWord(path.Base(file), func(word string) { w.addWord(wordFiles, word) })
	}
	eachWord(p.description, func(word string) { w.addWord(wordText, word) })
	w.row.integer(id)
	for i := range wordColumns {
		w.row.text(w.text[i].String())
		w.text[wordText].WriteString(w.text[i].String())
		w.text[i].Reset()
	}
	w.texts.integer(id)
	w.texts.text(w.text[wordText].String())
	w.text[wordText].Reset()
	return errors.Join(w.row.add(), w.texts.add())
}

func (w *wordWriter) addWord(column int, word string) {
	if w.seen[word] || w.text[column].Len() > maxWords*16 {
		return
	}
	w.seen[word] = true
	w.text[column].WriteString(word)
	w.text[column].WriteByte(' ')
}

// addPackage adds what a package provides.
func (w *wordWriter) addPackage(p *packageRow) error {
	var id [4]byte
	binary.LittleEndian.PutUint32(id[:], uint32(p.ID)) //nolint:gosec // no more than maxPackages
	for _, name := range p.provides {
		w.key = appendFolded(w.key[:0], name)
		if err := w.provides.add(w.key, id[:]); err != nil {
			return err
		}
	}
	for _, file := range p.files {
		w.key = appendFolded(w.key[:0], file)
		if err := w.provides.add(w.key, id[:]); err != nil {
			return err
		}
		w.key = append(append(append(w.key[:0], strings.ToLower(path.Base(file))...), 0), file...)
		if err := w.bases.add(w.key, id[:]); err != nil {
			return err
		}
	}
	return nil
}

// appendFolded makes the key of a name in provideTable.
func appendFolded(b []byte, name string) []byte {
	lower := strings.ToLower(name)
	b = append(b, lower...)
	if lower != name {
		b = append(append(b, 0), name...)
	}
	return b
}

// nameOfKey is the name or path that a key of provideTable or baseTable stands for.
func nameOfKey(key []byte) string {
	if before, after, found := bytes.Cut(key, []byte{0}); found {
		return string(after)
	} else {
		return string(before)
	}
}

func (w *wordWriter) finish(b *builder) error {
	if err := b.addSorted(provideTable, w.provides); err != nil {
		return err
	}
	if err := b.addSorted(baseTable, w.bases); err != nil {
		return err
	}
	return b.execute("INSERT INTO words (words) VALUES ('optimize')", "INSERT INTO texts (texts) VALUES ('optimize')")
}

func (w *wordWriter) close() {
	w.provides.close()
	w.bases.close()
}
