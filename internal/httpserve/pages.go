package httpserve

import (
	"net/http"
	"strings"
)

// What the handler of Options.Pages needs to know of the mirror. All of it is for
// one client, and leaves out what that may not see.

// Entry is a name in the mirror's directory.
type Entry = entry

// Entries lists what lies in ROOT, as the listing of "/" does.
func (s *Server) Entries(r *http.Request) ([]Entry, error) {
	dir, _, err := s.tree.open(nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }() // only read from
	return s.entries(r, dir, nil)
}

// Published are the ids of the repositories that clients can use: those of
// Options.Repos in their order, and then what else has metadata, by name.
func (s *Server) Published(r *http.Request) []string { return s.allPublished(r) }

// PublishedOne reports whether an id is among Published, without asking for the
// others.
func (s *Server) PublishedOne(r *http.Request, id string) bool {
	return s.CanBePublished(r, id) && s.published(id)
}

// CanBePublished is PublishedOne of a repository that is known to have metadata.
func (s *Server) CanBePublished(r *http.Request, id string) bool {
	if !repoID.MatchString(id) || !s.Allowed(r, id) {
		return false
	}
	if id[0] != '.' {
		return true
	}
	_, known := s.repo(id)
	return known
}

// BaseURL is what the client calls ROOT, without a slash at the end; false where
// its Host header is no host.
func (s *Server) BaseURL(r *http.Request) (string, bool) { return s.baseURL(r) }

// ClientConfig is what /ID.repo says, "" where there is none or the client may
// not see it.
func (s *Server) ClientConfig(r *http.Request, id string) string {
	_, known := s.repo(id)
	base, ok := s.baseURL(r)
	if !ok || !repoID.MatchString(id) || !s.Allowed(r, id) || !known && !s.published(id) {
		return ""
	}
	return s.section(base, id) + s.accessHints(r, id)
}

// ChecksMetadata reports whether /ID.repo tells clients to check repomd.xml.
func (s *Server) ChecksMetadata(id string) bool {
	repo, known := s.repo(id)
	return known && s.checksMetadata(repo)
}

// Wants says what clients of a repository have to show.
func (s *Server) Wants(r *http.Request, id string) (login, certificate bool) {
	c := s.client(r)
	if c == nil {
		return false, false
	}
	ru := c.access.rule(id)
	return ru != nil && len(ru.Users) > 0, ru != nil && len(ru.ClientNames) > 0
}

// wantsPage reports whether "/" is asked for by somebody who reads, and not for
// the list of what lies there: ?list, or one of the listing's own orders.
func (s *Server) wantsPage(r *http.Request) bool {
	if s.options.Pages == nil || wantsJSON(r.Header) {
		return false
	}
	for pair := range strings.FieldsFuncSeq(r.URL.RawQuery, func(c rune) bool { return c == '&' || c == ';' }) {
		if pair == "list" || strings.HasPrefix(pair, "list=") || strings.HasPrefix(pair, "C=") || strings.HasPrefix(pair, "O=") {
			return false
		}
	}
	return true
}

// hasPage reports whether there is a page of the repository that a directory is
// in.
func (s *Server) hasPage(segments []string) bool {
	if s.options.Pages == nil || len(segments) == 0 {
		return false
	}
	_, known := s.repo(segments[0])
	return known || repoID.MatchString(segments[0]) && s.published(segments[0])
}

// pageOwner is the repository that a page is about, as its address below /-/
// says; "" for none.
func pageOwner(segments []string) string {
	if len(segments) > 1 && segments[0] == "api" {
		segments = segments[2:] // api, v1
	}
	if len(segments) > 1 && segments[0] == "repos" {
		return segments[1]
	}
	return ""
}
