package testrepo

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Package is one package as metadata show it, with the bytes behind it. Only
// Name, Version, Release, Arch and Data need to be set.
type Package struct {
	Name, Epoch, Version, Release, Arch string
	Summary, Description                string
	Packager, URL, License, Vendor      string
	Group, BuildHost, SourceRPM         string

	// Location is the href, written as it stands however odd it is; "" gives
	// Packages/<first letter>/<file name>.
	Location string
	// Path is where the server has the file, below the repository; "" is
	// Location. Set it where Location cannot be a path (hostile, or absolute).
	Path string
	// XMLBase is written as the location's xml:base.
	XMLBase string

	// Data is what the server has at Path.
	Data []byte
	// Checksum (the pkgid) and Size lie where they are set.
	Checksum string
	Size     int64

	FileTime, BuildTime        int64 // seconds
	InstalledSize, ArchiveSize int64
	HeaderStart, HeaderEnd     int64
	Provides, Requires         []Dep
	Conflicts, Obsoletes       []Dep
	Recommends, Suggests       []Dep
	Supplements, Enhances      []Dep
	Files                      []File
	Changelogs                 []Changelog // newest first, as in a package
	ModularityLabel            string

	// LeaveOutOfFilelists is damage: the package is in primary only.
	LeaveOutOfFilelists bool
}

// Dep is a dependency. Flags is EQ, LT, GT, LE or GE, or empty for any version.
type Dep struct {
	Name, Flags, Epoch, Version, Release string
	Pre                                  bool
}

// File is a path in a package; Type is "", "dir" or "ghost".
type File struct{ Path, Type string }

// Changelog is one entry; Date in seconds.
type Changelog struct {
	Author string
	Date   int64
	Text   string
}

// NEVRA gives name-[epoch:]version-release.arch.
func (p *Package) NEVRA() string {
	epoch := ""
	if p.Epoch != "" && p.Epoch != "0" {
		epoch = p.Epoch + ":"
	}
	return p.Name + "-" + epoch + p.Version + "-" + p.Release + "." + p.Arch
}

// FileName gives name-version-release.arch.rpm.
func (p *Package) FileName() string {
	return p.Name + "-" + p.Version + "-" + p.Release + "." + p.Arch + ".rpm"
}

// Href is the location as metadata have it.
func (p *Package) Href() string {
	if p.Location != "" {
		return p.Location
	}
	return "Packages/" + strings.ToLower(p.Name[:1]) + "/" + p.FileName()
}

// ServedAt is where the server has the file, below the repository.
func (p *Package) ServedAt() string {
	if p.Path != "" {
		return p.Path
	}
	return p.Href()
}

// Sum is the SHA-256 of Data.
func (p *Package) Sum() string {
	sum := sha256.Sum256(p.Data)
	return hex.EncodeToString(sum[:])
}

// Fake makes a package of size bytes that are no rpm, but the same ones for
// the same arguments: enough for whatever only downloads. nevra is
// name-[epoch:]version-release.arch.
func Fake(nevra string, size int) *Package {
	p := Parse(nevra)
	p.Data = Bytes(nevra, size)
	return p
}

// Parse takes a NEVRA apart. It panics on what is none.
func Parse(nevra string) *Package {
	dot := strings.LastIndexByte(nevra, '.')
	if dot < 0 {
		panic(fmt.Sprintf("testrepo: %q has no architecture", nevra))
	}
	rest, arch := nevra[:dot], nevra[dot+1:]
	r := strings.LastIndexByte(rest, '-')
	v := -1
	if r > 0 {
		v = strings.LastIndexByte(rest[:r], '-')
	}
	if v <= 0 {
		panic(fmt.Sprintf("testrepo: %q is not name-version-release.arch", nevra))
	}
	p := &Package{Name: rest[:v], Version: rest[v+1 : r], Release: rest[r+1:], Arch: arch}
	if epoch, version, ok := strings.Cut(p.Version, ":"); ok {
		p.Epoch, p.Version = epoch, version
	}
	p.Summary, p.Description = "the package "+p.Name, "A package for tests."
	p.License, p.SourceRPM = "MIT", p.Name+"-"+p.Version+"-"+p.Release+".src.rpm"
	p.FileTime, p.BuildTime = 1_700_000_000, 1_699_999_000
	p.Files = []File{{Path: "/usr/bin/" + p.Name}, {Path: "/usr/share/doc/" + p.Name, Type: "dir"}}
	p.Changelogs = []Changelog{{Author: "Packager <p@example.com> - " + p.Version, Date: 1_699_920_000, Text: "- built"}}
	if p.Arch == "src" {
		p.SourceRPM = ""
	}
	return p
}

// Bytes gives size bytes that look random and depend on seed alone.
func Bytes(seed string, size int) []byte {
	r := rand.NewChaCha8(sha256.Sum256([]byte(seed)))
	b := make([]byte, size)
	_, _ = r.Read(b) // never fails
	return b
}
