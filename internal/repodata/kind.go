package repodata

// Kind is one of the three XML files that describe packages.
type Kind uint8

// The kinds, in the order in which repomd.xml names them.
const (
	Primary Kind = iota
	Filelists
	Other
)

var kinds = [...]Kind{Primary, Filelists, Other}

// String is the type of the kind's record in repomd.xml.
func (k Kind) String() string {
	return [...]string{"primary", "filelists", "other"}[k]
}

// root is the name of the file's root element.
func (k Kind) root() string {
	return [...]string{"metadata", "filelists", "otherdata"}[k]
}

// header is what stands before the first package, up to the number of packages.
func (k Kind) header() string {
	const declaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	return declaration + [...]string{
		`<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="`,
		`<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="`,
		`<otherdata xmlns="http://linux.duke.edu/metadata/other" packages="`,
	}[k]
}

func (k Kind) footer() string { return "</" + k.root() + ">" }

// of returns the kind's part of an entry.
func (k Kind) of(e *Entry) *[]byte {
	return [...]*[]byte{&e.Primary, &e.Filelists, &e.Other}[k]
}
