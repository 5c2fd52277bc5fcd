package repodata

// Kind is one of the XML files that describe packages.
type Kind uint8

// The kinds. The first three are in every repository, and repomd.xml names them
// in this order. FilelistsExt is filelists with the digests of files.
const (
	Primary Kind = iota
	Filelists
	Other
	FilelistsExt
)

var kinds = [...]Kind{Primary, Filelists, Other}

// kinds are those that are made.
func (o *Options) kinds() []Kind {
	if o.FilelistsExt {
		return append(kinds[:len(kinds):len(kinds)], FilelistsExt)
	}
	return kinds[:]
}

// String is the type of the kind's record in repomd.xml.
func (k Kind) String() string {
	return [...]string{"primary", "filelists", "other", "filelists-ext"}[k]
}

// root is the name of the file's root element.
func (k Kind) root() string {
	return [...]string{"metadata", "filelists", "otherdata", "filelists-ext"}[k]
}

// header is what stands before the first package, up to the number of packages.
func (k Kind) header() string {
	const declaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	return declaration + [...]string{
		`<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="`,
		`<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="`,
		`<otherdata xmlns="http://linux.duke.edu/metadata/other" packages="`,
		`<filelists-ext xmlns="http://linux.duke.edu/metadata/filelists-ext" packages="`,
	}[k]
}

func (k Kind) footer() string { return "</" + k.root() + ">" }

// of returns the kind's part of an entry.
func (k Kind) of(e *Entry) *[]byte {
	return [...]*[]byte{&e.Primary, &e.Filelists, &e.Other, &e.FilelistsExt}[k]
}
