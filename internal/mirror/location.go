package mirror

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxComponent = 255  // bytes; what Linux file systems take
	maxLocation  = 4096 // bytes; PATH_MAX
)

// LocationError tells why a location of the metadata is not used.
type LocationError struct {
	Location string
	Reason   string
}

func (e *LocationError) Error() string {
	return fmt.Sprintf("location %s: %s", quoteShort(e.Location), e.Reason)
}

// quoteShort keeps a hostile name from filling the terminal.
func quoteShort(s string) string {
	const most = 200
	if len(s) > most {
		return fmt.Sprintf("%.*q...", most, s)
	}
	return fmt.Sprintf("%q", s)
}

// CheckLocation checks a package's location/@href and returns it without "./"
// and doubled slashes. Refused, with a *LocationError, is what leads out of the
// repository, into its metadata or into a hidden directory, where createrepo
// looks for no packages, what no file system can hold, and what is not an .rpm.
func CheckLocation(location string) (string, error) {
	clean, err := checkLocation(location)
	if err != nil {
		return "", &LocationError{Location: location, Reason: err.Error()}
	}
	return clean, nil
}

func checkLocation(location string) (string, error) {
	if err := checkPath(location); err != nil {
		return "", err
	}
	clean := path.Clean(location)
	first, _, _ := strings.Cut(clean, "/")
	switch {
	case first[0] == '.':
		return "", errors.New("starts with a hidden name")
	case strings.Contains(path.Dir(clean), "/."):
		return "", errors.New("is in a hidden directory, where createrepo looks for no packages")
	case first == repodataDir:
		return "", errors.New("is in repodata, where only metadata is")
	case !strings.HasSuffix(clean, ".rpm") || strings.HasSuffix(location, "/"):
		return "", errors.New("does not end in .rpm")
	}
	return clean, nil
}

// servedHidden are the hidden files of an installation tree. They lie at its top.
var servedHidden = map[string]bool{".treeinfo": true, ".discinfo": true}

// CheckFile checks the path of a file of an installation tree, and returns it
// without "./" and doubled slashes. Refused, with a *LocationError, is what leads
// out of the repository, what is hidden (but for .treeinfo and .discinfo at the
// top), what lies in any repodata, and a package: those come with metadata.
func CheckFile(file string) (string, error) {
	clean, err := checkFile(file)
	if err == nil && strings.HasSuffix(clean, ".rpm") {
		err = errors.New("is a package, and only metadata names those")
	}
	if err != nil {
		return "", &LocationError{Location: file, Reason: err.Error()}
	}
	return clean, nil
}

// CheckDir is CheckFile for the directory of a repository inside another one.
// The repository's own, ".", is refused too.
func CheckDir(dir string) (string, error) {
	clean, err := checkFile(strings.TrimSuffix(dir, "/"))
	if err == nil && servedHidden[clean] {
		err = errors.New("is a file's name")
	}
	if err != nil {
		return "", &LocationError{Location: dir, Reason: err.Error()}
	}
	return clean, nil
}

func checkFile(file string) (string, error) {
	if err := checkPath(file); err != nil {
		return "", err
	}
	if strings.HasSuffix(file, "/") {
		return "", errors.New("is a directory")
	}
	clean := path.Clean(file)
	if servedHidden[clean] {
		return clean, nil
	}
	for component := range strings.SplitSeq(clean, "/") {
		switch {
		case component[0] == '.':
			return "", errors.New("has a hidden name")
		case component == repodataDir:
			return "", errors.New("is in repodata, where only metadata is")
		}
	}
	return clean, nil
}

// checkPath refuses what is no path below a directory, or what no file system can
// hold.
func checkPath(location string) error {
	switch {
	case location == "":
		return errors.New("is empty")
	case len(location) > maxLocation:
		return fmt.Errorf("is longer than %d bytes", maxLocation)
	case !utf8.ValidString(location):
		return errors.New("is not UTF-8")
	case strings.ContainsFunc(location, unicode.IsControl):
		return errors.New("has a control character")
	case strings.Contains(location, `\`):
		return errors.New("has a backslash")
	case strings.Contains(location, "://"):
		return errors.New("is a URL, not a path below the repository")
	case location[0] == '/':
		return errors.New("is an absolute path")
	}
	for component := range strings.SplitSeq(location, "/") {
		if component == ".." {
			return errors.New(`has "..", which leads out of its directory`)
		}
		if len(component) > maxComponent {
			return fmt.Errorf("has a name longer than %d bytes", maxComponent)
		}
	}
	return nil
}

// CheckName checks the name of a metadata file: one file in one directory. The
// error is a *LocationError.
func CheckName(name string) error {
	var reason string
	switch {
	case name == "":
		reason = "is empty"
	case len(name) > maxComponent:
		reason = fmt.Sprintf("is longer than %d bytes", maxComponent)
	case name[0] == '.':
		reason = "is a hidden name"
	case strings.ContainsAny(name, `/\`):
		reason = "is not the name of a file in one directory"
	case !utf8.ValidString(name):
		reason = "is not UTF-8"
	case strings.ContainsFunc(name, unicode.IsControl):
		reason = "has a control character"
	default:
		return nil
	}
	return &LocationError{Location: name, Reason: reason}
}

// RecordName gives the name under which a metadata file at a location of
// repomd.xml ("repodata/...-primary.xml.gz") is kept: its last component. The
// error is a *LocationError.
func RecordName(location string) (string, error) {
	name := location[strings.LastIndexByte(location, '/')+1:]
	if err := CheckName(name); err != nil {
		return "", &LocationError{Location: location, Reason: "no file name: " + err.(*LocationError).Reason} //nolint:errorlint // CheckName returns nothing else
	}
	return name, nil
}
