package pages

import (
	"net/url"
	"path"
	"strings"
)

// up leads from a page to the mirror's root, relative: so it holds behind a proxy
// that adds a prefix. It counts the slashes of the path as it was sent. Where there are
// more than any page has, a few thousand bytes of them would make megabytes of links.
func up(escapedPath string) string {
	n := strings.Count(escapedPath, "/") - 1
	switch {
	case n <= 0:
		return "./"
	case n > deepest:
		return "/"
	}
	return strings.Repeat("../", n)
}

// deepest is more than the levels of any page's address.
const deepest = 16

// segment escapes one name for a path. Names of packages are any bytes. What a
// browser would take for a step in the path cannot be linked to: "".
func segment(name string) string {
	if name == "." || name == ".." {
		return ""
	}
	// The package url leaves + as it is, which is right in a path; but some
	// servers between take it for a space.
	return strings.ReplaceAll(url.PathEscape(name), "+", "%2B")
}

// join makes a path of names. It is "" where one of them has no link.
func join(names ...string) string {
	escaped := make([]string, len(names))
	for i, n := range names {
		if escaped[i] = segment(n); escaped[i] == "" && i < len(names)-1 || n == "." || n == ".." {
			return ""
		}
	}
	return strings.Join(escaped, "/")
}

// fileHref is the link to a location below a repository, "" for one that leads
// out of it.
func fileHref(up, id, location string) string {
	if location == "" || location[0] == '/' || path.Clean("/"+location) != "/"+location {
		return ""
	}
	return up + join(append([]string{id}, strings.Split(location, "/")...)...)
}

// webURL gives a URL of metadata's as it may be linked to, and "" for what is not
// plainly http or https.
func webURL(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > 2048 {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return ""
	}
	return u.String()
}

// query writes parameters, name after value, leaving out those without a value.
func query(pairs ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			continue
		}
		b.WriteByte("?&"[min(b.Len(), 1)])
		b.WriteString(pairs[i] + "=" + url.QueryEscape(pairs[i+1]))
	}
	return b.String()
}
