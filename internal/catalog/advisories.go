package catalog

import (
	"time"

	"gorepo/internal/rpmpkg"
	"gorepo/internal/updateinfo"
)

// What is made of advisories is in advisories_build.go, what is asked of them in
// advisories_query.go.

// Advisory is an advisory in a list.
type Advisory struct {
	ID    string
	Title string
	// Type is security, bugfix, enhancement, newpackage, recommended, optional and
	// whatever else the publisher says.
	Type string
	// Severity is the publisher's word, with a capital letter: Critical, Important, High,
	// Moderate, Medium, Low, None, …, "" where there is none.
	Severity string
	// Issued and Updated are zero where the metadata does not say.
	Issued, Updated time.Time
	// CVEs are some of the vulnerabilities that it is about, MoreCVEs counts the others.
	CVEs     []string
	MoreCVEs int
	// Packages counts those that it lists, of architectures that the repository has,
	// and Here those of which the repository has the same or a newer version.
	Here, Packages int
	// Older counts those of which it has only older versions.
	Older int
}

// AdvisoryOptions chooses advisories. What is "" does not matter.
type AdvisoryOptions struct {
	Severity string // in any case; "-" is none
	Type     string
	CVE      string // an id, or what ids begin with where there is no such
	Text     string // words, of which the last may be a beginning
	Fixable  bool   // only those of whose packages the repository has at least one
	// Since and Until choose by when they were issued or, where that is not said, updated:
	// not before Since, before Until. The zero time does not matter.
	Since, Until time.Time
	Offset       int
	Limit        int // 0 is 100
}

// AdvisoryPage is a part of a list, the latest first.
type AdvisoryPage struct {
	Total      int // that the whole list has
	Advisories []Advisory
	// Severities and Types count the advisories of each that all the other choices
	// leave: the gravest first, the most frequent first.
	Severities, Types []Facet
}

// Facet counts the advisories of a severity or a type; Value is "" of those without.
type Facet struct {
	Value string
	Count int
}

// AdvisoryDetail is all about an advisory.
type AdvisoryDetail struct {
	Advisory             // with all CVEs
	From, Status         string
	Release, Rights      string
	Summary, Description string
	Solution             string
	// Reboot, Restart and Relogin say what is better done after the update.
	Reboot, Restart, Relogin bool
	References               []AdvisoryReference
	Collections              []AdvisoryCollection
	// More counts the packages beyond those that are listed.
	More int
}

// AdvisoryReference is something that an advisory refers to. Type is bugzilla, cve,
// self or other as a rule. Href may be anything, not only http.
type AdvisoryReference = updateinfo.Reference

// AdvisoryCollection is the packages of a product, or of a module stream.
type AdvisoryCollection struct {
	Name     string // "" where it has none
	Modules  []ModuleRef
	Packages []AdvisoryPackage
}

// AdvisoryPackage is a package that an advisory lists.
type AdvisoryPackage struct {
	rpmpkg.NEVRA
	Fix Fix
	// By is the package of the repository with the same name and architecture, of the
	// same module stream if it is about one, that Fix is about.
	By rpmpkg.NEVRA
	// Reboot, Restart and Relogin say what is better done after its update.
	Reboot, Restart, Relogin bool
}

// Fix says what of a package that an advisory lists the repository has.
type Fix string

// What it has.
const (
	FixSame    Fix = "same"    // the very version
	FixNewer   Fix = "newer"   // not that, but a newer one: By is the newest
	FixOlder   Fix = "older"   // only older ones: By is the newest of them
	FixNone    Fix = "none"    // no package of the name and architecture
	FixForeign Fix = "foreign" // and not one of the architecture
)

// Mention is an advisory that lists a package.
type Mention struct {
	Advisory
	// Versions are what it lists of the package, without those of other architectures
	// where one was asked for.
	Versions []rpmpkg.EVR
	// Fix is, where one package was asked for, how that is to the version that the
	// advisory lists: FixSame, FixNewer or FixOlder; an older one has what the
	// advisory is about.
	Fix Fix
}
