package rpmpkg

import "bytes"

// Package is what repository metadata says of one rpm, as its header has it.
// Strings are raw: they may hold bytes that are not UTF-8.
type Package struct {
	NEVRA // Epoch is "0" where the header has none; Arch is "src" for a source package

	Summary     string
	Description string
	Packager    string
	URL         string
	License     string
	Vendor      string
	Group       string
	BuildHost   string
	SourceRPM   string // "" for a source package

	BuildTime     int64  // Unix seconds
	InstalledSize uint64 // bytes
	ArchiveSize   uint64 // bytes of the uncompressed payload

	// HeaderStart and HeaderEnd are the header's place in the file, bytes.
	HeaderStart, HeaderEnd int64

	Provides    []Dependency
	Requires    []Dependency
	Conflicts   []Dependency
	Obsoletes   []Dependency
	Suggests    []Dependency
	Enhances    []Dependency
	Recommends  []Dependency
	Supplements []Dependency

	// Changelog is newest first, as rpm stores it.
	Changelog []ChangelogEntry

	// DroppedDependencies are the dependencies that were left out because
	// their epoch is no number, as "name version".
	DroppedDependencies []string

	files fileList
}

// A Dependency is one provides, requires or similar relation.
type Dependency struct {
	Name string
	// Flags is LT, GT, EQ, LE, GE, or "" for a relation to any version; then
	// EVR is empty or without meaning.
	Flags string
	EVR
	// Pre says that the dependency must be there before the package's
	// scripts run. Only requirements have it.
	Pre bool
}

// A ChangelogEntry is one entry of a package's changelog.
type ChangelogEntry struct {
	Author string
	Date   int64 // Unix seconds
	Text   string
}

// FileType is how metadata marks an entry of a file list.
type FileType uint8

// The types that metadata tells apart.
const (
	RegularFile FileType = iota
	Directory
	Ghost
)

// Weight is about how many bytes describe the package in primary, filelists and
// other together.
func (p *Package) Weight() int64 {
	weight := 2*p.files.total + 32*int64(p.files.count) + int64(len(p.Description)+len(p.Summary))
	for _, list := range [][]Dependency{
		p.Provides, p.Requires, p.Conflicts, p.Obsoletes, p.Suggests, p.Enhances, p.Recommends, p.Supplements,
	} {
		for _, d := range list {
			weight += 80 + int64(len(d.Name)+len(d.Version)+len(d.Release))
		}
	}
	for _, c := range p.Changelog {
		weight += 40 + int64(len(c.Author)+len(c.Text))
	}
	return weight
}

// FileCount is how many files the package has.
func (p *Package) FileCount() int { return p.files.count }

// FileDigestType is the type of the digests of the package's files, as metadata
// writes it; "" is one that is not known.
func (p *Package) FileDigestType() string { return p.files.digestType }

// FileDigests is Files with the digest of each file in hexadecimal digits, which
// is empty for what has no content.
func (p *Package) FileDigests(yield func(dir, base, digest []byte, t FileType) bool) {
	rest := p.files.digests
	p.files.each(func(dir, base []byte, t FileType) bool {
		digest, after, _ := bytes.Cut(rest, []byte{0})
		rest = after
		return yield(dir, base, digest, t)
	})
}

// Files yields the package's files in the header's order. dir ends with a
// slash; dir and base are valid during the call only.
func (p *Package) Files(yield func(dir, base []byte, t FileType) bool) {
	p.files.each(yield)
}
