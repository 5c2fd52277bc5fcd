package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// maxIncluded bounds the files that one main file brings in.
const maxIncluded = 100

// A parsedFile is one file of the main configuration.
type parsedFile struct {
	path     string
	sections []*section
	// from is the include that brought it in; the main file has none.
	from *entry
}

// readIncluding parses a main file and those that the key include of its
// [main] names, and of theirs in turn: local files, relative to the one that
// names them. yum put their text in place of the line.
func readIncluding(path string) ([]parsedFile, error) {
	var files []parsedFile
	var read func(path string, from *entry, above []string) error
	read = func(path string, from *entry, above []string) error {
		fail := func(err error) error {
			if from == nil {
				return fmt.Errorf("configuration: %w", err)
			}
			return fmt.Errorf("%s: include: %w", from.pos(), err)
		}
		switch {
		case slices.Contains(above, path):
			return fail(fmt.Errorf("%s includes itself", path))
		case len(files) > maxIncluded:
			return fail(fmt.Errorf("more than %d files", maxIncluded))
		}
		data, err := readFile(path)
		if err != nil {
			return fail(err)
		}
		sections, err := parseINI(path, data)
		if err != nil {
			return err
		}
		files = append(files, parsedFile{path: path, sections: sections, from: from})
		above = append(slices.Clone(above), path)
		for _, s := range sections {
			if s.name != "main" {
				continue
			}
			for _, e := range s.includes {
				e.included = from
				for _, name := range parseList(trimValue(e.value)) {
					name, err := includedPath(path, name)
					if err != nil {
						return fmt.Errorf("%s: include: %w", e.pos(), err)
					}
					if err := read(name, &e, above); err != nil {
						return err
					}
				}
			}
		}
		return nil
	}
	err := read(path, nil, nil)
	return files, err
}

func includedPath(file, name string) (string, error) {
	name = strings.TrimPrefix(name, "file://")
	switch {
	case strings.Contains(name, "://"):
		return "", fmt.Errorf("%s: only local files are read: fetch it, and name the file", MaskURL(name))
	case strings.ContainsRune(name, '$'):
		return "", fmt.Errorf("%s: there are no variables yet where files are included", name)
	case filepath.IsAbs(name):
		return name, nil
	}
	return filepath.Join(filepath.Dir(file), name), nil
}

// mainEntries are what all [main] sections say, and the keys in their order. A
// line counts where its include stands: what follows that goes before it.
func mainEntries(files []parsedFile) (entries map[string]entry, order []string) {
	entries = map[string]entry{}
	for _, f := range files {
		for _, s := range f.sections {
			if s.name != "main" {
				continue
			}
			for _, name := range s.keys {
				e := s.entries[name]
				e.included = f.from
				earlier, said := entries[name]
				if !said {
					order = append(order, name)
				}
				switch {
				case !said || !earlier.follows(e):
					put(entries, name, e)
				case keys[name].adds:
					entries[name] = earlier.behind(e)
				}
			}
		}
	}
	return entries, order
}

// follows reports whether e stands behind the include that brought in other, or
// behind one that brought in that.
func (e entry) follows(other entry) bool {
	for in := other.included; in != nil; in = in.included {
		if in.file == e.file {
			return e.line > in.line
		}
	}
	return false
}
