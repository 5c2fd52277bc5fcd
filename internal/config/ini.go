package config

import (
	"bytes"
	"fmt"
	"strings"
)

// maxFileSize bounds a configuration file, in bytes. The longest in use,
// redhat.repo of a host with every subscription, stays under two million.
const maxFileSize = 8 << 20

// SyntaxError is a line that the grammar does not allow.
type SyntaxError struct {
	File string
	Line int
	Msg  string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
}

// A section is one [name] of a file, with everything that was said under it.
type section struct {
	name    string
	line    int // of its first header
	keys    []string
	entries map[string]entry
	// includes are the values of the key include: each counts, not the last alone.
	includes []entry
}

// An entry is the value of one key and where it was read.
type entry struct {
	value string
	file  string // a path, or a flag such as "--setopt KEY" with line 0
	line  int
	// included is the line of another file that brought this one in; nil: none.
	included *entry
	// before is the entry that this one adds to, of a key whose lines add up.
	before *entry
}

func (e entry) pos() string {
	if e.line == 0 {
		return e.file
	}
	return fmt.Sprintf("%s:%d", e.file, e.line)
}

func (s *section) set(key string, e entry) {
	if _, ok := s.entries[key]; !ok {
		s.keys = append(s.keys, key)
	}
	s.entries[key] = e
}

// parseINI reads a file's text. Sections come in the order of their first
// headers, keys in the order in which they first appear.
func parseINI(file string, data []byte) ([]*section, error) {
	if len(data) > maxFileSize {
		return nil, fmt.Errorf("%s: larger than %d bytes, this is no configuration file", file, maxFileSize)
	}
	p := iniParser{file: file, byName: map[string]*section{}}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	for len(data) > 0 {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		data = rest
		p.lineNo++
		if err := p.line(string(line)); err != nil {
			return nil, err
		}
	}
	p.flush()
	return p.sections, nil
}

const blanks = " \t\r"

type iniParser struct {
	file     string
	lineNo   int
	sections []*section
	byName   map[string]*section
	cur      *section

	// The value being read, while key is not empty.
	key     string
	keyLine int
	value   strings.Builder
	pending int // newlines of blank lines, dropped unless more text follows
}

func (p *iniParser) errorf(format string, args ...any) error {
	return &SyntaxError{File: p.file, Line: p.lineNo, Msg: fmt.Sprintf(format, args...)}
}

func (p *iniParser) line(line string) error {
	if strings.IndexByte(line, 0) >= 0 {
		return p.errorf("a NUL byte: this is no text file")
	}
	if line == "" || line[0] == '#' || line[0] == ';' {
		p.flush()
		return nil
	}
	text := strings.Trim(line, blanks)
	indented := strings.IndexByte(blanks, line[0]) >= 0
	switch {
	case text == "":
		p.pending++
		return nil
	case text[0] == '[':
		p.flush()
		return p.header(text)
	case indented && p.key != "":
		p.continuation(text)
		return nil
	}
	p.flush()
	return p.keyValue(line, indented)
}

func (p *iniParser) continuation(text string) {
	for ; p.pending > 0; p.pending-- {
		p.value.WriteByte('\n')
	}
	p.value.WriteByte('\n')
	p.value.WriteString(text)
}

func (p *iniParser) header(text string) error {
	end := strings.IndexByte(text, ']')
	switch {
	case end < 0:
		return p.errorf("a section needs a closing ]")
	case end == 1:
		return p.errorf("a section needs a name between [ and ]")
	}
	if after := strings.TrimLeft(text[end+1:], blanks); after != "" && after[0] != '#' && after[0] != ';' {
		return p.errorf("text after the section %s", text[:end+1])
	}
	name := text[1:end]
	p.cur = p.byName[name]
	if p.cur == nil {
		p.cur = &section{name: name, line: p.lineNo, entries: map[string]entry{}}
		p.byName[name] = p.cur
		p.sections = append(p.sections, p.cur)
	}
	return nil
}

func (p *iniParser) keyValue(line string, indented bool) error {
	switch {
	case p.cur == nil:
		return p.errorf("no [section] above this line")
	case indented:
		return p.errorf("an indented line continues a value, and there is none above it (a comment starts in the first column)")
	}
	key, value, ok := strings.Cut(line, "=")
	if !ok {
		return p.errorf(`no "=" in this line: it should be "key = value"`)
	}
	key = strings.TrimRight(key, " \t")
	if key == "" {
		return p.errorf(`no key in front of "="`)
	}
	p.key, p.keyLine = key, p.lineNo
	p.value.WriteString(strings.TrimRight(strings.TrimLeft(value, " \t"), blanks))
	return nil
}

// flush ends the value being read.
func (p *iniParser) flush() {
	if p.key != "" {
		e := entry{value: unquote(p.value.String()), file: p.file, line: p.keyLine}
		p.cur.set(p.key, e)
		if p.key == "include" {
			p.cur.includes = append(p.cur.includes, e)
		}
	}
	p.key = ""
	p.value.Reset()
	p.pending = 0
}

func unquote(s string) string {
	if n := len(s); n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n-1] == s[0] {
		return s[1 : n-1]
	}
	return s
}
