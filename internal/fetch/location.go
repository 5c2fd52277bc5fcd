package fetch

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"path/filepath"
	"strings"
)

// urlError is a base URL or location that cannot be used. It never shows the
// part of a URL where a password may stand.
type urlError struct {
	url string
	why string
}

func (e *urlError) Error() string { return e.url + ": " + e.why }

// A base is one place that shows the repository: a web server's path or a
// directory.
type base struct {
	url    *url.URL // http, https: without user, fragment; nil for a directory
	dir    string   // absolute path of a directory
	auth   string   // value of the Authorization header; "" for none
	order  int      // in the source's list, from 0
	listed bool     // by a mirrorlist or metalink, and not given by the user
	health health
	standing
}

// String is the base for people: no credentials, no query.
func (b *base) String() string {
	if b.url == nil {
		return b.dir
	}
	return strings.TrimRight(shown(b.url), "/")
}

// key tells whether two bases are the same place.
func (b *base) key() string {
	if b.url == nil {
		return b.dir
	}
	return strings.TrimRight(b.url.String(), "/")
}

// itself is what b names, where that is a file.
func (b *base) itself() target {
	if b.url == nil {
		return target{base: b, shown: b.dir, name: b.dir}
	}
	return target{base: b, url: b.url, auth: b.auth, shown: shown(b.url)}
}

// A target is one file at one base.
type target struct {
	base  *base
	url   *url.URL // nil for a file
	auth  string
	dir   string // for a file: the directory that is not to be left,
	name  string // and the path below it
	shown string // for messages: no credentials
}

// parseBase understands a base URL: http, https, file, or an absolute path.
// username and password are used where the URL itself has none.
func parseBase(raw, username, password string) (*base, error) {
	raw = strings.TrimSpace(raw)
	if strings.HasPrefix(raw, "/") {
		return &base{dir: filepath.Clean(raw)}, nil
	}
	u, err := url.Parse(raw)
	if err != nil {
		// The cause may quote any part of the URL: password too.
		return nil, &urlError{maskUserinfo(raw), "is not a valid URL"}
	}
	switch u.Scheme {
	case "http", "https":
		if u.Host == "" {
			return nil, &urlError{maskUserinfo(raw), "has no host"}
		}
	case "file":
		if u.Host != "" && u.Host != "localhost" || !strings.HasPrefix(u.Path, "/") {
			return nil, &urlError{maskUserinfo(raw), "a file URL needs an absolute path (file:///path)"}
		}
		return &base{dir: filepath.Clean(u.Path)}, nil
	default:
		return nil, &urlError{maskUserinfo(raw), "needs http, https, file or an absolute path"}
	}
	b := &base{url: u, auth: basicAuth(username, password)}
	if u.User != nil {
		pw, _ := u.User.Password()
		b.auth = basicAuth(u.User.Username(), pw)
		u.User = nil
	}
	u.Fragment, u.RawFragment = "", ""
	return b, nil
}

func basicAuth(username, password string) string {
	if username == "" && password == "" {
		return ""
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))
}

// maskUserinfo takes what may be credentials out of a URL that need not be
// well-formed: everything up to the last @ of the authority, and the query.
func maskUserinfo(raw string) string {
	raw, _, _ = strings.Cut(raw, "?")
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		scheme, rest = "", raw
	} else {
		scheme += "://"
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	return scheme + rest
}

// shown is a URL for people: no user, no password, no query.
func shown(u *url.URL) string {
	v := *u
	v.User, v.RawQuery, v.ForceQuery, v.Fragment, v.RawFragment = nil, "", false, "", ""
	return v.String()
}

// sameOrigin reports whether credentials for a may be sent to b.
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(hostPort(a), hostPort(b))
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// at gives the file at a raw location below b, or below xmlBase where a
// package has its own base.
func (b *base) at(xmlBase, location string) (target, error) {
	if err := checkLocation(location); err != nil {
		return target{}, err
	}
	if b.url == nil {
		return b.fileAt(xmlBase, location)
	}
	dir, auth := b.url, b.auth
	if xmlBase != "" {
		ref, err := url.Parse(xmlBase)
		if err != nil {
			return target{}, &urlError{maskUserinfo(xmlBase), "is not a valid xml:base"}
		}
		ref.User = nil
		from := *b.url
		if !strings.HasSuffix(from.Path, "/") { // a directory, whether it says so or not
			from.Path += "/"
			if from.RawPath != "" {
				from.RawPath += "/"
			}
		}
		dir = from.ResolveReference(ref)
		dir.Fragment, dir.RawFragment = "", ""
		if !sameOrigin(b.url, dir) {
			auth = ""
		} else if dir.RawQuery == "" {
			dir.RawQuery = b.url.RawQuery
		}
	}
	u, err := join(dir, location)
	if err != nil {
		return target{}, err
	}
	return target{base: b, url: u, auth: auth, shown: shown(u)}, nil
}

func (b *base) fileAt(xmlBase, location string) (target, error) {
	name := path.Join(xmlBase, strings.TrimLeft(location, "/"))
	t := target{base: b, dir: b.dir, name: name, shown: filepath.Join(b.dir, name)}
	if !filepath.IsLocal(name) {
		return target{}, &urlError{location, "leaves the directory " + b.dir}
	}
	return t, nil
}

func checkLocation(location string) error {
	switch {
	case strings.Trim(location, "/") == "":
		return &urlError{fmt.Sprintf("location %q", location), "is empty"}
	case strings.ContainsRune(location, 0):
		return &urlError{fmt.Sprintf("location %q", location), "has a NUL byte"}
	}
	return nil
}

// join appends a raw location to the path of dir. Dot segments are resolved
// here, as curl does, because not every server understands them.
func join(dir *url.URL, location string) (*url.URL, error) {
	dirPath := strings.TrimRight(dir.EscapedPath(), "/")
	location = strings.TrimLeft(location, "/")
	if hasDotSegment(location) {
		location = path.Clean(location)
		for location == ".." || strings.HasPrefix(location, "../") {
			location = strings.TrimPrefix(location[2:], "/")
			dirPath = dirPath[:max(strings.LastIndexByte(dirPath, '/'), 0)]
		}
		if location == "" || location == "." {
			return nil, &urlError{shown(dir), "location names no file"}
		}
	}
	u := *dir
	u.RawPath = dirPath + "/" + escape(location)
	var err error
	if u.Path, err = url.PathUnescape(u.RawPath); err != nil {
		return nil, &urlError{shown(dir), "is not a valid URL"}
	}
	return &u, nil
}

func hasDotSegment(p string) bool {
	for segment := range strings.SplitSeq(p, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// escape percent-encodes all bytes of a raw path but '/' and those that RFC
// 3986 calls unreserved. '+' is encoded although it need not be: S3 and what
// imitates it read it as a space.
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '-', c == '.', c == '_', c == '~', c == '/':
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}

// absolute gives the base for an xml:base that stands for itself (it has a
// scheme), or nil for one that is relative. Metadata from the network may not
// point at this machine's files.
func (s *Source) absolute(xmlBase string) (*base, error) {
	u, err := url.Parse(xmlBase)
	if err != nil {
		return nil, &urlError{maskUserinfo(xmlBase), "is not a valid xml:base"}
	}
	if u.Scheme == "" {
		if strings.HasPrefix(xmlBase, "/") && len(s.bases) > 0 && s.bases[0].url == nil {
			return s.checkedFileBase(xmlBase)
		}
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.others[xmlBase]; b != nil {
		return b, nil
	}
	b, err := parseBase(xmlBase, "", "")
	if err != nil {
		return nil, err
	}
	if b.url == nil {
		return s.checkedFileBase(b.dir)
	}
	b.auth = s.authFor(b.url)
	b.health.patience = s.patience
	s.others[xmlBase] = b
	return b, nil
}

func (s *Source) checkedFileBase(dir string) (*base, error) {
	for _, b := range s.bases {
		if b.url != nil {
			return nil, &urlError{dir, "metadata from a server names a local directory as xml:base"}
		}
	}
	return &base{dir: filepath.Clean(dir)}, nil
}

// authFor gives the credentials that are meant for u's host, if any.
func (s *Source) authFor(u *url.URL) string {
	for _, b := range s.bases {
		if b.url != nil && sameOrigin(b.url, u) {
			return b.auth
		}
	}
	return ""
}

// places lists where a location is to be looked for, in order; the first of them
// is resolved. Mirrors that were left out are not there.
func (s *Source) places(xmlBase, location string) ([]*place, error) {
	bases := s.pool.usable(s.bases)
	relative := xmlBase
	if xmlBase != "" {
		b, err := s.absolute(xmlBase)
		if err != nil {
			return nil, err
		}
		if b != nil {
			bases, relative = []*base{b}, ""
		}
	}
	if len(bases) == 0 {
		return nil, errors.New("no base URL")
	}
	places, all := make([]*place, len(bases)), make([]place, len(bases))
	for i, b := range bases {
		all[i].base = b
		places[i] = &all[i]
	}
	return places, places[0].resolve(relative, location)
}
