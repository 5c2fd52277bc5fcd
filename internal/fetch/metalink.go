package fetch

import (
	"bytes"
	"crypto/md5"  //nolint:gosec // old metalinks have nothing better
	"crypto/sha1" //nolint:gosec // likewise
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Bounds on what a list may hold. MirrorManager's have some hundred mirrors in
// a hundred kilobytes.
const (
	maxList       = 4 << 20 // bytes
	maxMirrors    = 250
	maxDepth      = 20 // of XML elements; a metalink has 7
	maxHashes     = 20 // of one version
	maxAlternates = 1000
)

// A metalink says which mirrors a repository has, and what its repomd.xml is.
type metalink struct {
	urls []metalinkURL
	// versions are the repomd.xml files that count: the present one, then the
	// earlier ones that some mirrors still have (mm0:alternates), newest first.
	versions []version
}

type metalinkURL struct {
	url        string
	preference int // 100 is the best
}

// A version is one repomd.xml, as a metalink describes it.
type version struct {
	timestamp int64 // Unix seconds
	hashes    []digest
}

type digest struct{ kind, hex string }

// hashKinds are the hashes that a metalink may give, the strongest first.
var hashKinds = []struct {
	name string
	new  func() hash.Hash
}{
	{"sha512", sha512.New},
	{"sha384", sha512.New384},
	{"sha256", sha256.New},
	{"sha224", sha256.New224},
	{"sha1", sha1.New},
	{"md5", md5.New},
}

// is reports whether data is this version, by the strongest hash that is given.
func (v version) is(data []byte) bool {
	for _, kind := range hashKinds {
		for _, d := range v.hashes {
			if d.kind == kind.name {
				h := kind.new()
				_, _ = h.Write(data) // never fails
				return hex.EncodeToString(h.Sum(nil)) == d.hex
			}
		}
	}
	return false
}

// metalinkReader reads a metalink of version 3, as MirrorManager writes them:
// https://www.metalinker.org/Metalink_3.0_Spec.pdf, with Fedora's mm0 elements.
// As in librepo, prefixes and unknown elements mean nothing, and the first file
// named repomd.xml counts.
type metalinkReader struct {
	m       metalink
	path    []string // of the open elements; those of other files are cut off
	found   bool
	current metalinkURL
	hash    digest
	text    strings.Builder
}

func parseMetalink(data []byte) (*metalink, error) {
	d := xml.NewDecoder(bytes.NewReader(data))
	var r metalinkReader
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("is not a metalink: %w", err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			skip, err := r.start(t)
			if err == nil && skip {
				err = skipElement(d)
			}
			if err != nil {
				return nil, err
			}
		case xml.EndElement:
			if err := r.end(); err != nil {
				return nil, err
			}
		case xml.CharData:
			r.text.Write(t)
		}
	}
	if !r.found {
		return nil, errors.New("is not a metalink (version 3) for repomd.xml")
	}
	slices.SortStableFunc(r.m.urls, func(a, b metalinkURL) int { return b.preference - a.preference })
	if len(r.m.versions) > 1 {
		slices.SortStableFunc(r.m.versions[1:], func(a, b version) int {
			switch {
			case a.timestamp > b.timestamp:
				return -1
			case a.timestamp < b.timestamp:
				return 1
			}
			return 0
		})
	}
	return &r.m, nil
}

// skipElement reads to the end of the element that has just begun. (What
// xml.Decoder has for it keeps no count of the depth.)
func skipElement(d *xml.Decoder) error {
	for depth := 1; depth > 0; {
		t, err := d.Token()
		if err != nil {
			return fmt.Errorf("is not a metalink: %w", err)
		}
		switch t.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return errors.New("is not a metalink: too many elements within each other")
			}
		case xml.EndElement:
			depth--
		}
	}
	return nil
}

// Where the elements that count stand.
const (
	metalinkFile     = "metalink/files/file"
	metalinkHash     = metalinkFile + "/verification/hash"
	metalinkTime     = metalinkFile + "/timestamp"
	metalinkResource = metalinkFile + "/resources/url"
	alternate        = metalinkFile + "/alternates/alternate"
	alternateHash    = alternate + "/verification/hash"
	alternateTime    = alternate + "/timestamp"
)

func (r *metalinkReader) at() string { return strings.Join(r.path, "/") }

// start takes an element's beginning; skip says that its content does not
// matter.
func (r *metalinkReader) start(t xml.StartElement) (skip bool, err error) {
	if len(r.path) == maxDepth {
		return false, errors.New("is not a metalink: too many elements within each other")
	}
	r.path = append(r.path, t.Name.Local)
	r.text.Reset()
	switch at := r.at(); at {
	case metalinkFile:
		if r.found || attribute(t, "name") != "repomd.xml" {
			r.path = r.path[:len(r.path)-1]
			return true, nil
		}
		r.found = true
		r.m.versions = []version{{}}
	case metalinkResource:
		r.current = metalinkURL{}
		if n, err := strconv.Atoi(attribute(t, "preference")); err == nil && n >= 0 && n <= 100 {
			r.current.preference = n
		}
	case metalinkHash, alternateHash:
		r.hash = digest{kind: strings.ToLower(attribute(t, "type"))}
	case alternate:
		if len(r.m.versions) > maxAlternates {
			return false, fmt.Errorf("has more than %d alternates", maxAlternates)
		}
		r.m.versions = append(r.m.versions, version{})
	}
	return false, nil
}

func (r *metalinkReader) end() error {
	text := strings.TrimSpace(r.text.String())
	r.text.Reset()
	at := r.at()
	r.path = r.path[:len(r.path)-1]
	last := len(r.m.versions) - 1
	switch at {
	case metalinkResource:
		if r.current.url = text; text != "" {
			r.m.urls = append(r.m.urls, r.current)
		}
	case metalinkHash:
		return r.m.versions[0].add(r.hash.kind, text)
	case alternateHash:
		return r.m.versions[last].add(r.hash.kind, text)
	case metalinkTime:
		r.m.versions[0].timestamp, _ = strconv.ParseInt(text, 10, 64) // only puts them in order
	case alternateTime:
		r.m.versions[last].timestamp, _ = strconv.ParseInt(text, 10, 64)
	}
	return nil
}

func (v *version) add(kind, text string) error {
	if len(v.hashes) == maxHashes {
		return fmt.Errorf("has more than %d hashes of one file", maxHashes)
	}
	v.hashes = append(v.hashes, digest{kind, strings.ToLower(text)})
	return nil
}

// has reports whether one of the hashes is this.
func (v version) has(kind, hex string) bool {
	return hex != "" && slices.Contains(v.hashes, digest{kind, hex})
}

// usable reports whether there is a hash of a kind that we know.
func (v version) usable() bool {
	return slices.ContainsFunc(v.hashes, func(d digest) bool {
		for _, kind := range hashKinds {
			if kind.name == d.kind {
				return true
			}
		}
		return false
	})
}

func attribute(t xml.StartElement, name string) string {
	for _, a := range t.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// parseMirrorlist reads a list of base URLs, one a line. As in librepo, empty
// lines and those that begin with # are comments, and a line without :// that
// does not begin with / is nothing.
func parseMirrorlist(data []byte) (urls []string) {
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") || !strings.Contains(line, "://") && !strings.HasPrefix(line, "/") {
			continue
		}
		urls = append(urls, line)
	}
	return urls
}

// isWebPage reports whether data begins as an HTML page does.
func isWebPage(data []byte) bool {
	start := bytes.ToLower(bytes.TrimSpace(data[:min(len(data), 1000)]))
	return bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
}
