package catalog

import "gorepo/internal/rpmpkg"

// Groups is how comps sorts a repository's packages.
type Groups struct {
	Environments []GroupSet
	Categories   []GroupSet
	// Others are the groups that are in none of these.
	Others []Group
}

// GroupSet is an environment or a category.
type GroupSet struct {
	ID, Name, Description string
	// Groups are those that belong to it, as far as comps has them, and then those
	// that may be chosen as well, see Group.Option.
	Groups []Group
}

// Group is a group in a list.
type Group struct {
	ID, Name, Description string
	// Here and Missing count its packages: different names, of which the repository
	// has at least one package, or none.
	Here, Missing int
	Default       bool // it is chosen unless one says otherwise
	Hidden        bool // it is for environments, not for people to choose
	// Option is set of a group that an environment does not bring by itself.
	Option bool
}

// GroupDetail is all about a group.
type GroupDetail struct {
	Group
	LangOnly string // for this language only
	// In are the environments and categories that it is in.
	In []GroupRef
	// Mandatory, Default, Optional and Conditional are its packages. What is of no
	// known type is mandatory, as with dnf.
	Mandatory, Default, Optional, Conditional []GroupPackage
	// More counts the packages beyond those that are listed.
	More int
}

// GroupRef names a group, an environment or a category.
type GroupRef struct {
	ID, Name string
	// Type is of what a list is about: "environment" or "category" of what a group
	// is in, and of a group that a package is in mandatory, default, optional or conditional.
	Type string
}

// GroupPackage is a package that a group lists.
type GroupPackage struct {
	Name     string
	Requires string // of a conditional one: it goes along with this
	Arch     string // only on these architectures; "" is all
	// Here says that the repository has it: Newest is the newest, with its summary.
	Here    bool
	Newest  rpmpkg.NEVRA
	Summary string
}
