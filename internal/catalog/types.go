package catalog

import (
	"time"

	"gorepo/internal/rpmpkg"
)

// Info tells what a catalog is of.
type Info struct {
	// Generation is the SHA-256 of the repomd.xml that it was made from, in
	// hexadecimal; Revision is what that says.
	Generation string
	Revision   string
	// Published is the time of that repomd.xml, Built that of the catalog, and
	// BuildTime how long it took.
	Published time.Time
	Built     time.Time
	BuildTime time.Duration
	Packages  int
	Bytes     int64 // of all packages
	Names     int   // different names among the packages
	// Groups, Modules and Advisories count those.
	Groups, Modules, Advisories int
	// Publications is how many the repository's history tells of, since HistorySince.
	Publications int
	HistorySince time.Time
	// Missing says, in words, what the metadata has not, or what of it could not be
	// read.
	Missing []string
}

// Package is a row of a list.
type Package struct {
	// ID is for the other calls on this catalog.
	ID int64
	rpmpkg.NEVRA
	Summary   string
	SourceRPM string // "" of a source package
	License   string
	// Size is that of the file, Installed of what it installs, in bytes.
	Size, Installed int64
	Built           time.Time // time/@build
	FileTime        time.Time // time/@file
	// Location is the path below the repository, or below Base where that is not "".
	Location string
	Base     string
	Checksum rpmpkg.Checksum
	// Added is when the package came to this mirror. It is zero where that was
	// before the repository's history begins.
	Added time.Time
}

// Details is what primary has of a package beside Package.
type Details struct {
	Package
	Description string
	URL         string
	Vendor      string
	Packager    string
	Group       string
	BuildHost   string
	// Dependencies are in the order of metadata.
	Provides, Requires, Conflicts, Obsoletes    []Dependency
	Suggests, Recommends, Supplements, Enhances []Dependency
}

// Dependency is one entry of a list of dependencies.
type Dependency struct {
	Name string
	// Flags is EQ, LT, LE, GT or GE, or "" where any version will do.
	Flags string
	EVR   string // [epoch:]version[-release]
	Pre   bool
}

// File is one path of a package. Type is "", "dir" or "ghost".
type File struct{ Path, Type string }

// Change is an entry of a package's changelog.
type Change struct {
	Author string // with the version that packagers append
	Time   time.Time
	Text   string
}

// Sort is a column by which packages are listed.
type Sort string

// Columns of a list of packages.
const (
	SortName  Sort = "name"
	SortSize  Sort = "size"
	SortBuilt Sort = "built"
	SortAdded Sort = "added"
)

// ListOptions chooses a page of packages.
type ListOptions struct {
	Filter     string // part of the name or, where it has a *, ? or [, a pattern for the whole name
	Arch       string
	Latest     bool // of each name and arch only the newest
	Sort       Sort // "" is SortName
	Descending bool
	Offset     int
	Limit      int // 0 is 100
}

// Page is a part of a list.
type Page struct {
	Total    int // that the whole list has
	Packages []Package
}

// Hit is a package that a search found: the newest of its name.
type Hit struct {
	Package
	// Versions is how many packages of that name there are.
	Versions int
	// Where says what the search found it by: "name", "summary", "provides",
	// "file" or "description".
	Where string
	// Match is the provide or the path that was found, if it was by that.
	Match string
}

// Hits is a part of what a search found.
type Hits struct {
	Total int  // how many there are, or at least, see More
	More  bool // there are more than were counted
	Hits  []Hit
}
