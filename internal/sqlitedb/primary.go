package sqlitedb

import (
	"context"
	"errors"

	"gorepo/internal/rpmpkg"
)

// Text is what a column holds: text, or NULL.
type Text struct {
	String string
	Valid  bool // it is not NULL
}

// A Package is what primary says of one in a row of its own. Strings that are
// empty become NULL, but for Vendor and SourceRPM.
type Package struct {
	ID, ChecksumType             string
	Name, Arch                   string
	Epoch, Version, Release      Text
	Summary, Description         string
	Packager, URL                string
	FileTime, BuildTime          int64 // Unix seconds
	License, Vendor, Group       string
	BuildHost, SourceRPM         string
	HeaderStart, HeaderEnd       int64 // bytes
	Size, Installed, ArchiveSize int64 // bytes
	Location                     Text
	Base                         string // of the location
}

// A Section is one kind of dependencies.
type Section uint8

// The sections, in the order of their tables.
const (
	Requires Section = iota
	Provides
	Conflicts
	Obsoletes
	Suggests
	Enhances
	Recommends
	Supplements
)

// Sections are all of them.
var Sections = [...]Section{Requires, Provides, Conflicts, Obsoletes, Suggests, Enhances, Recommends, Supplements}

// String is the name of the section's table, and of its element in primary XML.
func (s Section) String() string {
	return [...]string{"requires", "provides", "conflicts", "obsoletes", "suggests", "enhances", "recommends", "supplements"}[s]
}

// A Dependency is one entry of a section. Pre counts in Requires only.
type Dependency struct {
	Name, Flags, Epoch, Version, Release Text
	Pre                                  bool
}

// Primary is primary.sqlite while it is made.
type Primary struct {
	*database
	packages, files *row
	dependencies    [len(Sections)]*row
}

// CreatePrimary makes the file at path, which is empty or not there.
func CreatePrimary(ctx context.Context, path string) (*Primary, error) {
	d, err := create(ctx, path, createPrimary(), indexPrimary())
	if err != nil {
		return nil, err
	}
	p := &Primary{database: d}
	if err := p.prepare(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return p, nil
}

func (p *Primary) prepare() (err error) {
	p.packages, err = p.insert("packages", "pkgKey", "pkgId", "name", "arch", "version", "epoch", "release", "summary", "description", "url",
		"time_file", "time_build", "rpm_license", "rpm_vendor", "rpm_group", "rpm_buildhost", "rpm_sourcerpm", "rpm_header_start",
		"rpm_header_end", "rpm_packager", "size_package", "size_installed", "size_archive", "location_href", "location_base", "checksum_type")
	if err != nil {
		return err
	}
	if p.files, err = p.insert("files", "name", "type", "pkgKey"); err != nil {
		return err
	}
	for _, s := range Sections {
		columns := []string{"name", "flags", "epoch", "version", "release", "pkgKey"}
		if s == Requires {
			columns = append(columns, "pre")
		}
		if p.dependencies[s], err = p.insert(s.String(), columns...); err != nil {
			return err
		}
	}
	return nil
}

// AddDependency adds one of the package that AddPackage ends.
func (p *Primary) AddDependency(s Section, d *Dependency) error {
	r := p.dependencies[s]
	for _, t := range [...]Text{d.Name, d.Flags, d.Epoch, d.Version, d.Release} {
		r.nullable(t)
	}
	r.integer(p.key)
	if s == Requires {
		if d.Pre {
			r.text("TRUE")
		} else {
			r.text("FALSE")
		}
	}
	return r.add()
}

// AddFile adds a file of the package that AddPackage ends.
func (p *Primary) AddFile(path string, t rpmpkg.FileType) error {
	r := p.files
	r.text(path)
	switch t {
	case rpmpkg.Directory:
		r.text("dir")
	case rpmpkg.Ghost:
		r.text("ghost")
	default:
		r.text("file")
	}
	r.integer(p.key)
	return r.add()
}

// AddPackage adds a package, whose dependencies and files were added before.
func (p *Primary) AddPackage(pkg *Package) error {
	r := p.packages
	r.integer(p.key)
	r.text(pkg.ID)
	r.nonempty(pkg.Name)
	r.nonempty(pkg.Arch)
	r.nullable(pkg.Version)
	r.nullable(pkg.Epoch)
	r.nullable(pkg.Release)
	r.nonempty(pkg.Summary)
	r.nonempty(pkg.Description)
	r.nonempty(pkg.URL)
	r.integer(pkg.FileTime)
	r.integer(pkg.BuildTime)
	r.nonempty(pkg.License)
	r.text(pkg.Vendor)
	r.nonempty(pkg.Group)
	r.nonempty(pkg.BuildHost)
	r.text(pkg.SourceRPM)
	r.integer(pkg.HeaderStart)
	r.integer(pkg.HeaderEnd)
	r.nonempty(pkg.Packager)
	r.integer(pkg.Size)
	r.integer(pkg.Installed)
	r.integer(pkg.ArchiveSize)
	r.nullable(pkg.Location)
	r.nonempty(pkg.Base)
	r.nonempty(pkg.ChecksumType)
	p.key++
	return r.add()
}
