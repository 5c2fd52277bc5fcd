package createrepo

import (
	"fmt"
	"slices"
	"strings"

	"gorepo/internal/repodata"
	"gorepo/internal/rpmpkg"
)

// ReadBatch reads a modifyrepo batch file: a section [FILE] for each change, in
// the order in which they are made, with the keys path, type, remove, compress,
// compress-type, checksum, unique-md-filenames and new-name. It is GLib's key file
// format: # begins a comment, \s \t \n \r and \\ stand for what cannot be
// written. Keys that are not known are warned of. name is for messages.
func ReadBatch(name string, data []byte, warn func(text string)) ([]Change, error) {
	var (
		changes []Change
		seen    []string // sections, by change
		cur     = -1
		number  int
	)
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimSpace(line)
		at := fmt.Sprintf("%s:%d", name, number)
		switch {
		case line == "" || line[0] == '#':
			continue
		case line[0] == '[':
			if line[len(line)-1] != ']' || len(line) == 2 {
				return nil, fmt.Errorf("%s: a section is [FILE]", at)
			}
			section := line[1 : len(line)-1]
			if cur = slices.Index(seen, section); cur < 0 {
				cur = len(changes)
				changes, seen = append(changes, Change{File: section}), append(seen, section)
			}
			continue
		case cur < 0:
			return nil, fmt.Errorf("%s: no [FILE] above this line", at)
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fmt.Errorf(`%s: no "=" in this line`, at)
		}
		key = strings.TrimRight(key, " \t")
		known, err := changes[cur].set(key, unescape(strings.TrimLeft(value, " \t")))
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", at, key, err)
		}
		if !known {
			warn(fmt.Sprintf("%s: there is no key %s: this line does nothing", at, key))
		}
	}
	return changes, nil
}

var unescape = strings.NewReplacer(`\\`, `\`, `\s`, " ", `\t`, "\t", `\n`, "\n", `\r`, "\r").Replace

func (c *Change) set(key, value string) (known bool, err error) {
	switch key {
	case "path":
		c.File = value
	case "type":
		c.Type = value
	case "new-name":
		c.NewName = value
	case "checksum":
		c.Checksum = value
		_, err = rpmpkg.NewHash(value)
	case "compress-type":
		c.CompressType = value
		_, err = repodata.ParseCompression(value)
	case "remove":
		c.Remove, err = truth(value)
	case "compress":
		c.Plain, err = truth(value)
		c.Plain = !c.Plain
	case "unique-md-filenames":
		c.SimpleName, err = truth(value)
		c.SimpleName = !c.SimpleName
	default:
		return false, nil
	}
	return true, err
}

func truth(value string) (bool, error) {
	switch strings.TrimSpace(value) {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", value)
}
