package catalog

import (
	"time"

	"gorepo/internal/rpmpkg"
)

// Module is a module in a list, with its streams.
type Module struct {
	Name    string
	Summary string
	Streams []ModuleStream // in the order of their names' versions, the newest first
}

// ModuleStream is a stream of a module.
type ModuleStream struct {
	Stream   string
	Default  bool     // it is the module's default stream
	Profiles []string // of the newest build
	Builds   int      // different versions and contexts
	Arches   []string
	Obsolete *ModuleEnd // nil if nothing says that it is
	// Here and Missing count the packages of the newest build, sources and debug
	// packages apart, that the repository has, and has not.
	Here, Missing int
}

// ModuleEnd says that a stream, or a build of it, is out of support.
type ModuleEnd struct {
	Message string
	// Date is from when on; it is zero where it is so already.
	Date time.Time
	// By is name:stream of what to use instead, "" if there is nothing.
	By string
}

// ModuleDetail is all about a stream.
type ModuleDetail struct {
	Name   string
	Others []ModuleStream // the module's other streams
	ModuleStream
	Summary, Description              string   // of the newest build, as the next
	Licenses                          []string // of the module
	Community, Documentation, Tracker string   // URLs
	// Versions are its builds, the newest first. More counts those beyond them.
	Versions []ModuleBuild
	More     int
}

// ModuleBuild is a build of a stream: a version and a context.
type ModuleBuild struct {
	Version  uint64
	Context  string
	Arch     string
	Obsolete *ModuleEnd
	// Requires are alternatives, each a list of module:stream,stream and so on.
	Requires [][]string
	Profiles []ModuleProfile
	// Packages are its artifacts. More counts those beyond them.
	Packages []ModulePackage
	More     int
}

// ModuleProfile is a set of packages to install.
type ModuleProfile struct {
	Name, Description string
	Default           bool     // it is installed where nobody chooses
	Packages          []string // names
}

// ModulePackage is a package of a build.
type ModulePackage struct {
	rpmpkg.NEVRA
	Here bool // the repository has it
}

// ModuleRef names a stream.
type ModuleRef struct{ Name, Stream string }
