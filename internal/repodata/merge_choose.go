package repodata

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"gorepo/internal/rpmpkg"
)

// MergeMethod tells which of several packages with one name and architecture
// is the one to take.
type MergeMethod uint8

// The methods. Where they leave a choice, the newest of the first repository
// is taken, and of several such the one that is listed first.
const (
	FirstRepository MergeMethod = iota // the first repository that has one
	NewestVersion                      // the highest version and release
	NewestFile                         // the package file that was changed last
)

// UnmarshalText takes the names that mergerepo_c's --method takes.
func (m *MergeMethod) UnmarshalText(text []byte) error {
	i := slices.Index([]string{"repo", "nvr", "ts"}, string(text))
	if i < 0 {
		return fmt.Errorf("unknown method %q: there are repo, nvr and ts", text)
	}
	*m = MergeMethod(i)
	return nil
}

// candidate is an entry of a source that may be taken.
type candidate struct {
	rpmpkg.NEVRA
	source    *MergeSource // whose entry it is
	from      int          // where it was found, in Sources: an entry of Noarch takes the place of another
	number    int          // the entry's place in the source's primary, from 1
	pkgid     string
	location  string
	base      string
	fileTime  int64  // Unix seconds
	sourceRPM string // with Koji
}

// key is by what an entryStream of the kind knows the entry.
func (c *candidate) key(k Kind) string {
	if k == Primary {
		return strconv.Itoa(c.number)
	}
	return c.pkgid
}

// choose reads every primary and returns what is taken, in the order in which
// mergerepo_c lists it: by name, location and base, compared as bytes.
func (o *MergeOptions) choose(ctx context.Context) ([]*candidate, error) {
	found := make([][]*candidate, len(o.Sources))
	for i := range o.Sources {
		var err error
		if found[i], err = o.read(ctx, &o.Sources[i], i); err != nil {
			return nil, err
		}
	}
	var replace map[string]*candidate
	if o.Noarch != nil {
		entries, err := o.read(ctx, o.Noarch, 0)
		if err != nil {
			return nil, err
		}
		replace = make(map[string]*candidate, len(entries))
		for _, c := range entries {
			if file := path.Base(c.location); replace[file] == nil {
				replace[file] = c
			}
		}
	}
	chosen := o.selection(found, replace)
	slices.SortStableFunc(chosen, func(a, b *candidate) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		if c := strings.Compare(a.location, b.location); c != 0 {
			return c
		}
		return strings.Compare(a.writtenBase(), b.writtenBase())
	})
	return chosen, nil
}

// writtenBase is the xml:base that the entry is given.
func (c *candidate) writtenBase() string {
	if c.base == "" {
		return c.source.Base
	}
	return c.base
}

// byBuild says that packages are taken by what they were built from.
func (o *MergeOptions) byBuild() bool { return o.Koji && !o.Simple }

// wants reports whether packages of an architecture are taken.
func (o *MergeOptions) wants(arch string) bool {
	return o.Arches == nil || slices.Contains(o.Arches, arch)
}

// read lists the entries of a source that matter.
func (o *MergeOptions) read(ctx context.Context, source *MergeSource, from int) ([]*candidate, error) {
	if !source.Lists() {
		return nil, fmt.Errorf("%s lacks primary, filelists or other", source.Name)
	}
	file, err := source.open(ctx, Primary)
	if err != nil {
		return nil, whatIsWrong(source.OldMetadata, Primary, err)
	}
	defer file.Close() //nolint:errcheck // only read
	var list []*candidate
	number := 0
	err = ReadPrimary(file, func(ref rpmpkg.Ref, element []byte) (err error) {
		number++
		if !o.wants(ref.Arch) && !o.byBuild() {
			return nil
		}
		c := &candidate{
			NEVRA: ref.NEVRA, source: source, from: from, number: number, pkgid: ref.Checksum.Hex,
			location: ref.Location, base: ref.Base, fileTime: ref.FileTime,
		}
		if o.byBuild() {
			c.sourceRPM, err = sourceRPM(element)
		}
		list = append(list, c)
		return err
	}, func(err error) error {
		return &entryError{err}
	})
	var entry *entryError
	if err != nil && !errors.As(err, &entry) { // an entry's error says which file it is in
		err = fmt.Errorf("%s: %w", Primary, err)
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, whatIsWrong(source.OldMetadata, Primary, err)
	}
	return list, nil
}

// entryError is about one entry, and not about the file.
type entryError struct{ error }

func (e *entryError) Unwrap() error { return e.error }

// sourceRPM reads the file name of the source package from an entry of primary;
// "": there is none, as in entries of source packages.
func sourceRPM(element []byte) (string, error) {
	t := &tokens{b: element}
	for {
		k, err := t.next()
		if errors.Is(err, io.EOF) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		if k.kind == startTag && t.depth() == 3 && k.local() == "sourcerpm" {
			return t.elementText()
		}
	}
}

// selection takes what the options say from what the sources have. replace
// holds the entries of Noarch by the names of their files.
func (o *MergeOptions) selection(found [][]*candidate, replace map[string]*candidate) []*candidate {
	allowed := func(*candidate) bool { return true }
	if o.byBuild() {
		allowed = o.builtFrom(found)
	}
	var chosen []*candidate
	at := map[any]int{} // in chosen, by what there is to be one of
	for _, list := range found {
		for _, c := range list {
			if !o.wants(c.Arch) {
				continue
			}
			if by := replace[path.Base(c.location)]; c.Arch == "noarch" && by != nil {
				taken := *by
				taken.from = c.from
				c = &taken
			}
			if !allowed(c) {
				continue
			}
			key := o.identity(c)
			i, taken := at[key]
			switch {
			case !taken:
				at[key] = len(chosen)
				chosen = append(chosen, c)
			case !o.Koji && !o.All && o.Method.prefers(c, chosen[i]):
				chosen[i] = c
			}
		}
	}
	return chosen
}

// identity is what only one package is taken of.
func (o *MergeOptions) identity(c *candidate) any {
	type file struct {
		from  int
		pkgid string
	}
	type nameArch struct{ name, arch string }
	switch {
	case o.Koji && o.Simple:
		return file{c.from, c.pkgid}
	case o.Koji:
		n := rpmpkg.NEVRA{Name: c.Name, EVR: c.Canonical(), Arch: c.Arch}
		n.Epoch = "" // as the list of origins names packages
		return n
	case o.All:
		return rpmpkg.NEVRA{Name: c.Name, EVR: c.Canonical(), Arch: c.Arch}
	}
	return nameArch{c.Name, c.Arch}
}

// prefers reports whether c is taken in the place of taken, which has the same
// name and architecture and was found before.
func (m MergeMethod) prefers(c, taken *candidate) bool {
	switch {
	case m == NewestFile && c.fileTime != taken.fileTime:
		return c.fileTime > taken.fileTime
	case m == NewestVersion, c.from == taken.from:
		return c.Compare(taken.EVR) > 0
	}
	return false
}

// builtFrom tells which packages Koji takes. Those of architectures that are not
// taken count too.
func (o *MergeOptions) builtFrom(found [][]*candidate) func(*candidate) bool {
	type source struct {
		file string
		evr  rpmpkg.EVR
		from int
	}
	sources := map[string]source{}
	for _, list := range found {
		for _, c := range list {
			if c.sourceRPM == "" {
				continue
			}
			name, evr := splitSourceRPM(c.sourceRPM)
			have, known := sources[name]
			switch {
			case o.Blocked[name]:
			case !known, have.from == c.from && evr.Compare(have.evr) > 0:
				sources[name] = source{c.sourceRPM, evr, c.from}
			}
		}
	}
	return func(c *candidate) bool {
		if c.sourceRPM == "" {
			return true
		}
		name, _ := splitSourceRPM(c.sourceRPM)
		return sources[name].file == c.sourceRPM
	}
}

// splitSourceRPM takes the file name of a source package apart,
// NAME-[EPOCH:]VERSION-RELEASE.src.rpm. What is no such name is a name as a
// whole.
func splitSourceRPM(file string) (name string, evr rpmpkg.EVR) {
	rest := strings.TrimSuffix(file, ".rpm")
	if i := strings.LastIndexByte(rest, '.'); i >= 0 {
		rest = rest[:i]
	}
	r := strings.LastIndexByte(rest, '-')
	if r < 0 {
		return file, rpmpkg.EVR{}
	}
	v := strings.LastIndexByte(rest[:r], '-')
	if v < 0 {
		return file, rpmpkg.EVR{}
	}
	evr = rpmpkg.EVR{Version: rest[v+1 : r], Release: rest[r+1:]}
	if epoch, version, found := strings.Cut(evr.Version, ":"); found {
		evr.Epoch, evr.Version = epoch, version
	}
	return rest[:v], evr
}

// appendWithBase appends an entry of primary whose location has no xml:base, and
// gives it one.
func appendWithBase(b, element []byte, base string) ([]byte, error) {
	t := &tokens{b: element}
	for {
		k, err := t.next()
		if err != nil {
			return nil, notAtEnd(err)
		}
		child := k.kind == startTag && t.depth() == 2 || k.kind == emptyTag && t.depth() == 1
		if !child || string(k.name) != "location" {
			continue
		}
		start := bytes.LastIndexByte(element[:t.pos], '<') // there is none inside of a tag
		b = append(b, element[:start]...)
		b = append(b, `<location xml:base="`...)
		b, _ = appendEscaped(b, base, &attributeEscapes)
		b = append(b, '"')
		err = k.eachAttribute(func(name, raw []byte) {
			if string(name) == "xml:base" {
				return // an empty one
			}
			quote := byte('"')
			if bytes.IndexByte(raw, quote) >= 0 {
				quote = '\''
			}
			b = append(append(append(b, ' '), name...), '=', quote)
			b = append(append(b, raw...), quote)
		})
		if k.kind == emptyTag {
			b = append(b, '/')
		}
		return append(append(b, '>'), element[t.pos:]...), err
	}
}
