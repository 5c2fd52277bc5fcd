// Package treeinfo reads .treeinfo, by which an installation tree says what it
// has: the kernel and the images that an installer boots from, their checksums,
// and the repositories that lie inside the tree.
//
// Two formats are in use, and are read as one. Trees up to EL7 have a section
// [general] and what Anaconda needs; later ones are those of productmd
// (https://productmd.readthedocs.io, "treeinfo 1.2"), which keep [general] for
// old readers:
//
//	[general]
//	family = Red Hat Enterprise Linux
//	version = 7.9
//
//	[images-x86_64]                        one for every platform
//	kernel = images/pxeboot/vmlinuz        the values are paths
//
//	[stage2]
//	mainimage = LiveOS/squashfs.img
//
//	[checksums]
//	images/pxeboot/vmlinuz = sha256:370d…
//
//	[variant-Server]                       or [addon-HighAvailability]
//	repository = .                         a directory, seen from the tree's
//
// Beside it some trees have extra_files.json, which names licences and keys.
//
// The grammar is that of Python's configparser: sections, keys up to the first
// "=" or ":", lines that start with a blank continue the value above, and # and ;
// begin a comment at the beginning of a line.
package treeinfo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"gorepo/internal/rpmpkg"
)

const (
	// MaxSize bounds .treeinfo and extra_files.json, in bytes.
	MaxSize = 1 << 20
	// maxFiles bounds how many files and repositories a tree may name: some ten
	// times what the largest do.
	maxFiles        = 4096
	maxRepositories = 64
)

// A Tree is what a .treeinfo names. Paths are as it writes them, unchecked.
type Tree struct {
	Family  string // "Fedora", "Red Hat Enterprise Linux"
	Version string // "7.9"
	Files   []File // sorted by path, each once
	// Repositories are the directories of variants and addons, seen from the
	// tree's; "." is the tree's own. Sorted, each once.
	Repositories []string
	// Plain is set for a tree that says neither what its second stage is nor any
	// checksum, as those of EL5 do not: their installer knows its names.
	Plain bool
	// Bad are the files whose checksum cannot be read. They are not among Files.
	Bad []error
}

// A File is one that a tree names.
type File struct {
	Path     string
	Size     int64           // bytes; -1 where it is not given
	Checksum rpmpkg.Checksum // zero where none is given
}

// Parse reads a .treeinfo.
func Parse(data []byte) (*Tree, error) {
	sections, err := parseINI(data)
	if err != nil {
		return nil, err
	}
	if sections["general"] == nil && sections["tree"] == nil && sections["release"] == nil {
		return nil, errors.New("is no treeinfo: it has neither [general] nor [tree]")
	}
	t := &Tree{
		Family:  firstOf(sections["release"]["name"], sections["general"]["family"]),
		Version: firstOf(sections["release"]["version"], sections["general"]["version"]),
		Plain:   len(sections["checksums"]) == 0 && len(sections["stage2"]) == 0,
	}
	files := map[string]File{}
	repositories := map[string]bool{}
	name := func(paths ...string) {
		for _, path := range paths {
			if path != "" {
				files[path] = File{Path: path, Size: -1}
			}
		}
	}
	for section, keys := range sections {
		switch {
		case section == "stage2", strings.HasPrefix(section, "images-"):
			for _, path := range keys {
				name(path)
			}
		case section == "general", strings.HasPrefix(section, "variant-"), strings.HasPrefix(section, "addon-"):
			name(keys["identity"])
			if dir := repository(keys["repository"]); dir != "" {
				repositories[dir] = true
			}
		}
	}
	for path, sum := range sections["checksums"] {
		kind, digits, _ := strings.Cut(sum, ":")
		checksum, err := rpmpkg.ParseChecksum(strings.TrimSpace(kind), strings.TrimSpace(digits))
		if err != nil {
			delete(files, path)
			t.Bad = append(t.Bad, fmt.Errorf("[checksums] %.200q: %w", path, err))
			continue
		}
		files[path] = File{Path: path, Size: -1, Checksum: checksum}
	}
	if len(files) > maxFiles || len(repositories) > maxRepositories {
		return nil, fmt.Errorf("names %d files and %d repositories: more than %d and %d, which no tree has",
			len(files), len(repositories), maxFiles, maxRepositories)
	}
	for dir := range repositories {
		t.Repositories = append(t.Repositories, dir)
	}
	slices.Sort(t.Repositories)
	t.Files = sorted(files)
	slices.SortFunc(t.Bad, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return t, nil
}

func firstOf(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

// repository is the directory that has the repodata. EL6 names that itself.
func repository(value string) string {
	dir := strings.TrimRight(value, "/")
	if dir == "repodata" {
		return "."
	}
	return strings.TrimRight(strings.TrimSuffix(dir, "/repodata"), "/")
}

func sorted(files map[string]File) []File {
	list := make([]File, 0, len(files))
	for _, f := range files {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return list
}

// ParseExtraFiles reads an extra_files.json. Of several checksums of a file the
// strongest is taken.
func ParseExtraFiles(data []byte) ([]File, error) {
	var m struct {
		Data []struct {
			File      string            `json:"file"`
			Size      *int64            `json:"size"`
			Checksums map[string]string `json:"checksums"`
		} `json:"data"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("is no list of files: %w", err)
	}
	if len(m.Data) > maxFiles {
		return nil, fmt.Errorf("names %d files: more than %d, which no tree has", len(m.Data), maxFiles)
	}
	files := map[string]File{}
	for _, d := range m.Data {
		f := File{Path: d.File, Size: -1}
		if d.Size != nil && *d.Size >= 0 {
			f.Size = *d.Size
		}
		for _, kind := range []string{"sha512", "sha384", "sha256", "sha224", "sha1", "sha", "md5"} {
			digits, ok := d.Checksums[kind]
			if !ok {
				continue
			}
			var err error
			if f.Checksum, err = rpmpkg.ParseChecksum(kind, digits); err != nil {
				return nil, fmt.Errorf("%.200q: %w", d.File, err)
			}
			break
		}
		if d.File != "" {
			files[d.File] = f
		}
	}
	return sorted(files), nil
}

// parseINI gives the keys of each section. The last of equal keys counts.
func parseINI(data []byte) (map[string]map[string]string, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("has more than %d bytes", MaxSize)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
		return nil, errors.New("is not text")
	}
	sections := map[string]map[string]string{}
	var keys map[string]string
	last := ""
	var more []string // lines that continue the value of last
	end := func() {
		if len(more) > 0 {
			keys[last] = strings.TrimSpace(keys[last] + "\n" + strings.Join(more, "\n"))
			more = nil
		}
	}
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimRight(line, "\r\n")
		text := strings.TrimSpace(line)
		switch {
		case text == "", line[0] == '#', line[0] == ';':
		case text[0] == '[' && strings.IndexByte(text, ']') > 1:
			end()
			section := text[1:strings.IndexByte(text, ']')]
			if sections[section] == nil {
				sections[section] = map[string]string{}
			}
			keys, last = sections[section], ""
		case text[0] == '#', text[0] == ';':
		case line != strings.TrimLeft(line, " \t") && last != "":
			more = append(more, text)
		case keys == nil:
			return nil, fmt.Errorf("line %d: %.100q stands before any [section]", number, text)
		default:
			i := strings.IndexAny(text, "=:")
			if i < 1 {
				return nil, fmt.Errorf("line %d: %.100q is neither [section] nor key = value", number, text)
			}
			end()
			last = strings.TrimSpace(text[:i])
			keys[last] = strings.TrimSpace(text[i+1:])
		}
	}
	end()
	return sections, nil
}
