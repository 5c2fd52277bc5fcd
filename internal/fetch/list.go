package fetch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A List is where a repository's mirrors are named: a URL (http, https, file)
// or an absolute path.
type List struct {
	URL string
	// Metalink says that it is a metalink, and not a mirrorlist.
	Metalink bool
	// Expand fills in the variables that may stand in a list; nil leaves them.
	Expand func(string) (string, error)
}

// A ListError tells of a list of mirrors that could not be had, or that names
// none. URL carries no credentials.
type ListError struct {
	URL string
	Err error
}

func (e *ListError) Error() string {
	var at *Error
	if errors.As(e.Err, &at) { // says the URL itself
		return "list of mirrors " + e.Err.Error()
	}
	return "list of mirrors " + e.URL + ": " + e.Err.Error()
}
func (e *ListError) Unwrap() error { return e.Err }

func (l List) kind() string {
	if l.Metalink {
		return "metalink"
	}
	return "mirrorlist"
}

// Mirrored prepares to fetch from the mirrors that a list names, and from
// baseURLs before them, if there are any. Where a list cannot be had, baseURLs
// have to do, and Options.Mirrors.Warn is told; without any it is a *ListError.
func (c *Client) Mirrored(ctx context.Context, list List, baseURLs []string, o Options) (*Source, error) {
	o = o.withDefaults()
	at, err := parseBase(list.URL, o.Username, o.Password)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", list.kind(), err)
	}
	s, err := c.source(baseURLs, o)
	if err != nil {
		return nil, err
	}
	s.list = &listing{List: list, at: at}
	at.health.patience = s.patience
	urls, err := s.readList(ctx)
	if err == nil {
		err = s.addMirrors(urls)
	}
	if err != nil {
		var local *LocalError
		err = &ListError{s.list.shown(), err}
		if len(s.bases) == 0 || ctx.Err() != nil || errors.As(err, &local) {
			return nil, err
		}
		if !errors.Is(err, ErrNetwork) { // that is said of all together
			s.opts.Mirrors.warn(err.Error() + ": only baseurl is used")
		}
	}
	s.pool.begin(s.bases)
	return s, nil
}

// listing is the list that a Source goes by.
type listing struct {
	List
	at *base // where it is
	// versions are the repomd.xml files that a metalink names; none: any is
	// believed. Guarded by Source.mu, as asked is.
	versions []version
	asked    bool // for repomd.xml
}

func (l *listing) shown() string { return l.at.String() }

// readList fetches the list and returns the base URLs in it, the preferred
// ones first. What a metalink says of repomd.xml is kept.
func (s *Source) readList(ctx context.Context) (urls []string, err error) {
	data, _, err := s.get(ctx, []*place{{target: s.list.at.itself()}}, maxList, Condition{})
	switch {
	case err != nil:
		return nil, err
	case isWebPage(data):
		return nil, fmt.Errorf("is an HTML page, not a %s: a login page or proxy in between, or a wrong URL?", s.list.kind())
	case !s.list.Metalink:
		return parseMirrorlist(data), nil
	}
	m, err := parseMetalink(data)
	if err != nil {
		return nil, err
	}
	for _, u := range m.urls {
		urls = append(urls, strings.TrimSuffix(u.url, "/"+repomdLocation))
	}
	versions := slices.DeleteFunc(m.versions, func(v version) bool { return !v.usable() })
	if len(versions) == 0 {
		s.opts.Mirrors.warn(fmt.Sprintf("metalink %s: has no hash of repomd.xml, so whatever a mirror has is taken", s.list.shown()))
	}
	s.mu.Lock()
	s.list.versions = versions
	s.mu.Unlock()
	return urls, nil
}

// repomdLocation is the file that a metalink is about.
const repomdLocation = "repodata/repomd.xml"

// addMirrors adds the usable ones of the URLs that the list has: other
// protocols are passed over, as are directories of this machine unless the list
// is a file on it. The repository's username and password are for its mirrors
// too, but do not go out in clear where the list came by https.
func (s *Source) addMirrors(urls []string) error {
	at := s.list.at
	known := map[string]bool{}
	for _, b := range s.bases {
		known[b.key()] = true
	}
	var local, others, usable int
	for _, raw := range urls {
		if s.list.Expand != nil && strings.Contains(raw, "$") {
			expanded, err := s.list.Expand(raw)
			if err != nil {
				continue
			}
			raw = expanded
		}
		b, err := parseBase(raw, s.opts.Username, s.opts.Password)
		switch {
		case err != nil:
			others++
			continue
		case b.url == nil && at.url != nil:
			local++
			continue
		case b.url != nil && b.url.Scheme == "http" && at.url != nil && at.url.Scheme == "https" && b.auth == basicAuth(s.opts.Username, s.opts.Password):
			b.auth = ""
		}
		usable++
		if known[b.key()] {
			continue
		}
		if len(s.bases) == maxMirrors {
			break
		}
		known[b.key()] = true
		b.health.patience, b.listed = s.patience, true
		s.bases = append(s.bases, b)
	}
	switch {
	case usable > 0:
		return nil
	case local > 0:
		return errors.New("names directories of this machine, which is for a list in a file only")
	case others > 0:
		return errors.New("has no mirror with http or https")
	}
	return errors.New("names no mirror")
}

// staleError says that a mirror's repomd.xml is not the one that the metalink
// describes.
type staleError struct {
	version int // of those that the metalink describes; 0: none
}

func (e *staleError) Error() string {
	if e.version > 0 {
		return "is an earlier one than the metalink describes: the mirror is behind"
	}
	return "is not one that the metalink describes: the mirror is behind, or has something else"
}

// Mismatch is true: the content is not what was asked for.
func (e *staleError) Mismatch() bool { return true }

// enoughEarlier is how many mirrors with an earlier repomd.xml are asked before
// that is taken: a new one may have reached none of them.
const enoughEarlier = 3

// listed is the Sink of a repomd.xml that a metalink describes. It takes the
// present one, and keeps the newest of the earlier ones.
type listed struct {
	memory
	d        *download
	versions []version

	earlier int // files of these that came
	best    int // of them: index in versions; 0: none
	data    []byte
	info    Info
}

func (l *listed) Finish() error {
	for i, v := range l.versions {
		switch {
		case !v.is(l.memory.data):
			continue
		case i == 0:
			l.best = 0
			return nil
		}
		if l.earlier++; l.best == 0 || i < l.best {
			l.best, l.data, l.info = i, l.memory.data, l.d.info
			l.memory.data = nil
		}
		if l.d.fallback = true; l.earlier == enoughEarlier {
			l.d.lenient = true
			return nil
		}
		return &staleError{version: i}
	}
	return &staleError{}
}

// described are the repomd.xml files that the metalink describes. Who asks again
// has seen that upstream has changed, so the metalink is read again.
func (s *Source) described(ctx context.Context) []version {
	if s.list == nil {
		return nil
	}
	s.mu.Lock()
	again := s.list.asked
	s.list.asked = true
	s.mu.Unlock()
	if again && s.list.Metalink {
		if _, err := s.readList(ctx); err == nil {
			s.pool.forgiveStale()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list.versions
}

// getRepomd is Get for repomd.xml of a repository with a list of mirrors.
func (s *Source) getRepomd(ctx context.Context, places []*place, versions []version, limit int64, cond Condition) ([]byte, Info, error) {
	if !versions[0].has("sha256", cond.SHA256) {
		cond = Condition{} // it has changed
	}
	l := &listed{versions: versions}
	l.d = &download{s: s, sink: l, limit: limit, cond: cond, location: repomdLocation, places: places, most: len(places), condFirst: true}
	info, err := l.d.run(ctx)
	var local *LocalError
	switch {
	case l.best > 0 && ctx.Err() == nil && !errors.As(err, &local):
		info := l.info
		info.Requests = l.d.requests
		for _, p := range places { // other versions than this one
			var stale *staleError
			if errors.As(p.err, &stale) && stale.version != l.best {
				s.pool.blame(p, repomdLocation)
			}
		}
		return l.data, info, nil
	case err != nil && Mismatch(err):
		return nil, info, fmt.Errorf("no mirror has the repomd.xml that the metalink %s describes: %w", s.list.shown(), err)
	case err != nil:
		return nil, info, err
	}
	return l.memory.data, info, nil
}
