package config

import (
	"fmt"
	"strings"
)

// An override is one --setopt.
type override struct {
	id    string // a repository's id or a glob; empty: [main]
	key   string
	value string
	used  bool
}

func (o *override) name() string {
	if o.id == "" {
		return o.key
	}
	return o.id + "." + o.key
}

func (o *override) entry() entry {
	return entry{value: o.value, file: "--setopt " + o.name()}
}

// parseSet reads overrides. An id may hold dots; a key does not. An unknown key
// is a warning, as in a file, and as with dnf.
func parseSet(list []string) (all []*override, warnings []Warning, err error) {
	for _, text := range list {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, nil, fmt.Errorf("--setopt %s: it should be key=value or id.key=value", text)
		}
		o := &override{key: strings.TrimSpace(name), value: strings.TrimSpace(value)}
		if dot := strings.LastIndexByte(o.key, '.'); dot >= 0 {
			o.id, o.key = o.key[:dot], o.key[dot+1:]
		}
		k, known := keys[o.key]
		switch {
		case !known:
			warnings = append(warnings, Warning{File: "--setopt " + o.name(), Text: fmt.Sprintf("unknown key %q", o.key)})
			continue
		case o.key == "include":
			return nil, nil, fmt.Errorf("--setopt %s: include belongs into a file", o.name())
		case o.id != "" && k.scope&inRepo == 0:
			return nil, nil, fmt.Errorf("--setopt %s: %s is a key of [main], not of a repository", o.name(), o.key)
		case o.id == "" && k.scope&inMain == 0:
			return nil, nil, fmt.Errorf("--setopt %s: %s is a repository's key: give it as ID.%s", o.name(), o.key, o.key)
		}
		all = append(all, o)
	}
	return all, warnings, nil
}
