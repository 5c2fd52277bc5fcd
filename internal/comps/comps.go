// Package comps reads and merges comps.xml, which sorts a repository's packages into
// groups for people: <group> with a <packagelist>, <environment> with a
// <grouplist> and an <optionlist>, <category> with a <grouplist>, each with an
// <id> and, in several languages, <name> and <description>. There is more in
// it (langpacks, blacklists); what is not known is passed over.
//
// yum and dnf take much for comps. Read is as strict as keeps a repository's
// clients from an empty or half-read list of groups: well-formed XML, <comps>
// as its only root, and an <id> for what others refer to.
package comps

import "io"

// Comps are the groups of a file, in the file's order.
type Comps struct {
	Groups       []Group
	Environments []Environment
	Categories   []Category
}

// Group is a set of packages. Name and Description are the untranslated ones.
type Group struct {
	ID          string
	Name        string
	Description string
	Default     bool // chosen unless one says otherwise
	Hidden      bool // uservisible is false: for environments, not for people to choose
	// Order is where it is shown, the lowest first; 0 where the file says nothing.
	Order    int
	LangOnly string // for this language only
	Packages []PackageRef
}

// PackageRef is one package of a group.
type PackageRef struct {
	Name string
	// Type is mandatory, default, optional or conditional as a rule, and
	// whatever the file says: "" where it says nothing.
	Type string
	// Requires names the package that a conditional one goes along with.
	Requires string
	Arch     string // only on these architectures, separated by commas; "" is all
}

// Environment is a set of groups to install a machine with.
type Environment struct {
	ID          string
	Name        string
	Description string
	Order       int
	Groups      []string // ids
	Options     []Option
}

// Option is a group that may be chosen with an environment as well.
type Option struct {
	ID      string
	Default bool
}

// Category is a set of groups to show together.
type Category struct {
	ID          string
	Name        string
	Description string
	Order       int
	Groups      []string // ids
}

// Read reads a comps.xml, uncompressed. An error about what is in it begins
// with the line: "line 3: the root is <html>, not <comps>". The caller knows
// the file's name.
func Read(r io.Reader) (*Comps, error) {
	c := &Comps{}
	if err := newReader(r, maxSize).document(c); err != nil {
		return nil, err
	}
	return c, nil
}
