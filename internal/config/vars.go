package config

import (
	"errors"
	"strings"
)

const (
	maxNesting  = 32      // of ${x:-${y:-...}}, as dnf 5 allows
	maxExpanded = 1 << 20 // bytes of one value
)

// Vars are the values of variables by name.
type Vars map[string]string

// An expansion is one value with its variables filled in.
type expansion struct {
	text    string
	missing []string // names that have no value and were left as written
}

var errTooLong = errors.New("longer than a million bytes when its variables are filled in")

// Expand fills in the variables of text. What has no value stays as written.
func (v Vars) Expand(text string) (string, error) {
	e, err := v.expand(text)
	return e.text, err
}

func (v Vars) expand(text string) (expansion, error) {
	if strings.IndexByte(text, '$') < 0 && strings.IndexByte(text, '\\') < 0 {
		return expansion{text: text}, nil
	}
	x := expander{vars: v, text: text}
	out, _, ok := x.run(0, 0)
	if !ok {
		return expansion{}, errTooLong
	}
	return expansion{text: out, missing: x.missing}, nil
}

type expander struct {
	vars    Vars
	text    string
	missing []string
}

// run expands from pos on: at depth 0 to the end of the text, deeper to the
// "}" that ends the word, which next then points at (or past the text, where
// it is missing). It is not ok when the result grows out of bounds.
func (x *expander) run(pos, depth int) (out string, next int, ok bool) {
	var b strings.Builder
	for pos < len(x.text) {
		c := x.text[pos]
		switch {
		case c == '}' && depth > 0:
			return b.String(), pos, true
		case c == '\\' && pos+1 < len(x.text) && strings.IndexByte(`$}\`, x.text[pos+1]) >= 0:
			b.WriteByte(x.text[pos+1])
			pos += 2
		case c == '$':
			value, end, ok := x.variable(pos, depth)
			if !ok {
				return "", 0, false
			}
			b.WriteString(value)
			pos = end
		default:
			b.WriteByte(c)
			pos++
		}
		if b.Len() > maxExpanded {
			return "", 0, false
		}
	}
	return b.String(), pos, true
}

// variable expands what starts with the "$" at pos. Where that is no variable,
// the "$" stands for itself.
func (x *expander) variable(pos, depth int) (value string, next int, ok bool) {
	if strings.HasPrefix(x.text[pos:], "${") {
		return x.braced(pos, depth)
	}
	end := nameEnd(x.text, pos+1)
	if end == pos+1 {
		return "$", pos + 1, true
	}
	return x.lookup(x.text[pos+1:end], x.text[pos:end]), end, true
}

func (x *expander) braced(pos, depth int) (value string, next int, ok bool) {
	start := pos + len("${")
	end := nameEnd(x.text, start)
	name := x.text[start:end]
	switch {
	case name == "":
	case strings.HasPrefix(x.text[end:], "}"):
		return x.lookup(name, x.text[pos:end+1]), end + 1, true
	case depth < maxNesting && (strings.HasPrefix(x.text[end:], ":-") || strings.HasPrefix(x.text[end:], ":+")):
		missed := len(x.missing)
		word, close, ok := x.run(end+2, depth+1)
		if !ok {
			return "", 0, false
		}
		if close < len(x.text) {
			value, unused := x.choose(x.vars[name], x.text[end+1], word)
			if unused { // then nobody misses what the word lacks
				x.missing = x.missing[:missed]
			}
			return value, close + 1, true
		}
		// No closing brace. Nothing behind it closes one either, and asking
		// again at every "${" that follows would take exponential time.
		x.missing = x.missing[:missed]
		return x.text[pos:], len(x.text), true
	}
	return x.text[pos:end], end, true
}

func (x *expander) choose(value string, mode byte, word string) (result string, unused bool) {
	set := value != ""
	switch {
	case mode == '-' && set:
		return value, true
	case mode == '+' && !set:
		return "", true
	}
	return word, false
}

func (x *expander) lookup(name, written string) string {
	if value, ok := x.vars[name]; ok {
		return value
	}
	x.missing = append(x.missing, name)
	return written
}

func nameEnd(text string, pos int) int {
	for pos < len(text) && isNameByte(text[pos]) {
		pos++
	}
	return pos
}

func isNameByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isVarName(name string) bool {
	return name != "" && nameEnd(name, 0) == len(name)
}

// apply lays a layer of variables over v. The layer's releasever brings
// releasever_major and releasever_minor, its basearch brings arch and the other
// way round, so that the parts never come from different layers; unless the
// layer names them itself.
func (v Vars) apply(layer Vars) {
	if release, ok := layer["releasever"]; ok {
		delete(v, "releasever_major")
		delete(v, "releasever_minor")
		major, minor, dotted := strings.Cut(release, ".")
		if major != "" {
			v["releasever_major"] = major
		}
		if dotted && minor != "" {
			v["releasever_minor"] = minor
		}
	}
	if arch := layer["arch"]; arch != "" {
		v["basearch"] = baseArch(arch)
	}
	if base := layer["basearch"]; base != "" {
		v["arch"] = bestArch(base)
	}
	for name, value := range layer {
		if value == "" && isBuiltin(name) {
			delete(v, name) // an empty releasever is none
			continue
		}
		v[name] = value
	}
}

func (v Vars) clone() Vars {
	c := make(Vars, len(v)+5)
	for name, value := range v {
		c[name] = value
	}
	return c
}

func isBuiltin(name string) bool {
	switch name {
	case "arch", "basearch", "releasever":
		return true
	}
	return false
}
