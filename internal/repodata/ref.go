package repodata

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"gorepo/internal/rpmpkg"
)

// Bounds on what identifies a package, in bytes. No file name is longer, and
// no path.
const (
	maxNameLength     = 255
	maxLocationLength = 4096
)

// ParseRef reads what a primary entry says of its package file. Of the elements
// that it reads there must be one each: clients differ in which of two they
// believe.
func ParseRef(element []byte) (rpmpkg.Ref, error) {
	if ref, ok := quickRef(element); ok {
		return ref, nil
	}
	return parseRef(element)
}

func parseRef(element []byte) (rpmpkg.Ref, error) {
	var ref rpmpkg.Ref
	t := &tokens{b: element}
	var seen []string
	for {
		k, err := t.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return ref, err
		}
		if t.depth() == 2 && k.kind == startTag || t.depth() == 1 && k.kind == emptyTag {
			if !isRefElement(k.local()) {
				continue
			}
			if k.local() != string(k.name) || slices.Contains(seen, k.local()) {
				return ref, fmt.Errorf("%w: a package with two <%s>", errMalformed, k.local())
			}
			seen = append(seen, k.local())
			if err := setRef(&ref, t, k); err != nil {
				return ref, err
			}
		}
	}
	return ref, checkRef(ref)
}

func isRefElement(name string) bool {
	switch name {
	case "name", "arch", "version", "checksum", "time", "size", "location":
		return true
	}
	return false
}

func checkRef(ref rpmpkg.Ref) error {
	for _, s := range []string{ref.Name, ref.Epoch, ref.Version, ref.Release, ref.Arch} {
		if len(s) > maxNameLength {
			return fmt.Errorf("%w: a name or version is longer than %d bytes", errMalformed, maxNameLength)
		}
	}
	switch {
	case ref.Name == "" || ref.Arch == "" || ref.Version == "":
		return fmt.Errorf("%w: a package without name, arch or version", errMalformed)
	case ref.Location == "":
		return fmt.Errorf("%w: %s has no location", errMalformed, ref.NEVRA)
	case len(ref.Location) > maxLocationLength || len(ref.Base) > maxLocationLength:
		return fmt.Errorf("%w: %s has a location longer than %d bytes", errMalformed, ref.NEVRA, maxLocationLength)
	case ref.Checksum.Type == "":
		return fmt.Errorf("%w: %s has no checksum", errMalformed, ref.NEVRA)
	case ref.Size == 0:
		return fmt.Errorf("%w: %s has no size", errMalformed, ref.NEVRA)
	}
	return nil
}

func setRef(ref *rpmpkg.Ref, t *tokens, k token) (err error) {
	switch k.local() {
	case "name":
		ref.Name, err = optionalText(t, k)
	case "arch":
		ref.Arch, err = optionalText(t, k)
	case "version":
		err = k.values(func(name []byte, value string) error {
			switch string(name) {
			case "epoch":
				ref.Epoch = value
			case "ver":
				ref.Version = value
			case "rel":
				ref.Release = value
			}
			return nil
		})
	case "checksum":
		ref.Checksum, err = checksumElement(t, k)
	case "time":
		err = k.values(func(name []byte, value string) (err error) {
			switch string(name) {
			case "file":
				ref.FileTime, err = number(value)
			case "build":
				ref.BuildTime, err = number(value)
			}
			return err
		})
	case "size":
		err = k.values(func(name []byte, value string) (err error) {
			if string(name) == "package" {
				ref.Size, err = number(value)
			}
			return err
		})
	case "location":
		err = k.values(func(name []byte, value string) error {
			switch string(name) {
			case "href":
				ref.Location = value
			case "xml:base":
				ref.Base = value
			}
			return nil
		})
	}
	return err
}

func optionalText(t *tokens, k token) (string, error) {
	if k.kind == emptyTag {
		return "", nil
	}
	return t.elementText()
}

func checksumElement(t *tokens, k token) (rpmpkg.Checksum, error) {
	kind, err := k.attribute("type")
	if err != nil {
		return rpmpkg.Checksum{}, err
	}
	digits, err := optionalText(t, k)
	if err != nil {
		return rpmpkg.Checksum{}, err
	}
	return rpmpkg.ParseChecksum(kind, string(bytes.TrimSpace([]byte(digits))))
}

// number parses a time or a size: neither is ever negative.
func number(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%w: %.30q is no number", errMalformed, s)
	}
	return n, nil
}

// ReadPrimary calls f with what a primary file, uncompressed, says of each of
// its packages; element is valid during the call. An entry that cannot be
// understood goes to bad, which decides whether to go on. It fails where the
// file is not whole.
func ReadPrimary(r io.Reader, f func(ref rpmpkg.Ref, element []byte) error, bad func(error) error) error {
	s, err := NewSplitter(r, Primary)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		element, err := s.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		ref, err := ParseRef(element)
		if err != nil {
			err = bad(fmt.Errorf("package %d of primary: %w", n, err))
		} else {
			err = f(ref, element)
		}
		if err != nil {
			return err
		}
	}
}
