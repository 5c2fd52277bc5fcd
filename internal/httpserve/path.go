package httpserve

import (
	"errors"
	"strings"
)

// errBadPath says that a request's path cannot name anything in a mirror and
// no honest client sends it: 400.
var errBadPath = errors.New("the path has a \"..\", a backslash or a NUL in it")

// errHidden says that a path leads through a dotfile: it is as if nothing
// were there.
var errHidden = errors.New("dotfiles are not served")

// servedDotfiles are the exceptions, for Anaconda. Only as files, see open.
var servedDotfiles = map[string]bool{".treeinfo": true, ".discinfo": true}

// splitPath takes a decoded path apart. Empty and "." segments fall away, as
// in every other web server; slash reports whether the path asked for a
// directory.
func splitPath(p string) (segments []string, slash bool, err error) {
	if strings.ContainsAny(p, "\\\x00") {
		return nil, false, errBadPath
	}
	slash = p == "" || strings.HasSuffix(p, "/") || strings.HasSuffix(p, "/.")
	hidden := false
	for s := range strings.SplitSeq(p, "/") {
		switch {
		case s == "" || s == ".":
			continue
		case s == "..":
			return nil, false, errBadPath
		case s[0] == '.' && !servedDotfiles[s]:
			hidden = true
		}
		segments = append(segments, s)
	}
	if hidden || throughDotfile(segments, slash) {
		return nil, false, errHidden
	}
	return segments, slash, nil
}

// throughDotfile reports whether one of servedDotfiles is used as a directory.
func throughDotfile(segments []string, slash bool) bool {
	for i, s := range segments {
		if s[0] == '.' && (slash || i < len(segments)-1) {
			return true
		}
	}
	return false
}

// undecoded gives the names that a path may mean beside its decoded form, for
// clients that send a location of the metadata as it stands: "a%2Bb.rpm" may
// be a file with a percent sign in its name. A space cannot be sent raw, so
// the second form decodes that alone.
func undecoded(escaped string) []string {
	if !strings.Contains(escaped, "%") {
		return nil
	}
	forms := []string{escaped}
	if spaced := strings.ReplaceAll(escaped, "%20", " "); spaced != escaped {
		forms = append(forms, spaced)
	}
	return forms
}
