package httpserve

import (
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

var (
	// repoID is what dnf takes for a repository's id.
	repoID = regexp.MustCompile(`^[A-Za-z0-9_.:-]+$`)
	// hostPattern is a name or address with an optional port. What does not
	// match could end a line of a configuration or a URL.
	hostPattern = regexp.MustCompile(`^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)
)

func validHost(host string) bool { return len(host) <= 260 && hostPattern.MatchString(host) }

// own answers for what is gorepo's and not the mirror's: the path below /-/.
func (s *Server) own(w http.ResponseWriter, r *http.Request, segments []string) {
	if len(segments) == 1 && s.monitor(w, r, segments[0]) {
		return
	}
	if len(segments) == 2 && segments[0] == "keys" {
		if id, ok := strings.CutSuffix(segments[1], ".asc"); ok {
			if !s.guard(w, r, id) {
				return
			}
			if repo, known := s.repo(id); known && len(repo.Keys) > 0 {
				c := &content{mediaType: "application/pgp-keys", cache: cacheRevalidate}
				c.setData(repo.Keys)
				s.finish(r, c.serve(w, r))
				return
			}
		}
	}
	if s.options.Pages == nil {
		if s.guard(w, r, "") {
			s.deny(w, r, refusedNothing)
		}
		return
	}
	// What pages look like is the same for everybody.
	if len(segments) > 1 && segments[0] == "static" || s.guard(w, r, pageOwner(segments)) {
		s.options.Pages.ServeHTTP(w, r)
	}
}

func (s *Server) repo(id string) (RepoInfo, bool) {
	for _, repo := range s.repos() {
		if repo.ID == id {
			return repo, true
		}
	}
	return RepoInfo{}, false
}

// allRepos is the id under which all repositories are handed out.
const allRepos = "gorepo"

// clientConfig answers /ID.repo for a repository that is known or whose
// metadata is there, and /gorepo.repo with all whose metadata is there. It
// reports whether it did.
func (s *Server) clientConfig(w http.ResponseWriter, r *http.Request, segments []string, slash bool) bool {
	if len(segments) != 1 || slash {
		return false
	}
	id, ok := strings.CutSuffix(segments[0], ".repo")
	if !ok || !repoID.MatchString(id) {
		return false
	}
	ids := []string{id}
	if _, known := s.repo(id); !known && !s.published(id) {
		if id != allRepos {
			return false
		}
		if ids = s.allPublished(r); len(ids) == 0 {
			return false
		}
	}
	base, ok := s.baseURL(r)
	if !ok {
		s.deny(w, r, refusedHost)
		return true
	}
	sections := make([]string, len(ids))
	for i, id := range ids {
		sections[i] = s.section(base, id) + s.accessHints(r, id)
	}
	c := &content{mediaType: textPlain, cache: cacheRevalidate}
	c.setData([]byte(strings.Join(sections, "\n")))
	s.finish(r, c.serve(w, r))
	return true
}

func (s *Server) published(id string) bool { return s.tree.exists(id, "repodata", "repomd.xml") }

// allPublished are the repositories that the client can use.
func (s *Server) allPublished(r *http.Request) []string {
	return s.publishedOf(func(id string) bool { return s.Allowed(r, id) })
}

// publishedOf are those of the repositories with metadata that are wanted: first
// those that are known, in their order, and then what else lies in the mirror, by
// name.
func (s *Server) publishedOf(wanted func(id string) bool) []string {
	var ids []string
	seen := map[string]bool{}
	add := func(id string) {
		if !seen[id] && repoID.MatchString(id) && wanted(id) && s.published(id) {
			ids = append(ids, id)
		}
		seen[id] = true
	}
	for _, repo := range s.repos() {
		add(repo.ID)
	}
	entries, err := fs.ReadDir(s.tree.root.FS(), ".")
	if err != nil {
		s.log.Warn("the mirror's directory cannot be read", "error", err)
	}
	for _, e := range entries {
		if e.Name()[0] != '.' {
			add(e.Name())
		}
	}
	return ids
}

// section is what a client's configuration says of one repository.
func (s *Server) section(base, id string) string {
	repo, known := s.repo(id)
	if !known {
		return unknownConfig(base, id, s.mirrorsOf(id))
	}
	repo.SignedHere = repo.SignedHere && s.tree.exists(id, "repodata", "repomd.xml.key")
	return repo.clientConfig(base, s.checksMetadata(repo))
}

// checksMetadata reports whether clients are told to check repomd.xml.
func (s *Server) checksMetadata(repo RepoInfo) bool {
	asked := repo.RepoGPGCheck || repo.SignedHere && s.tree.exists(repo.ID, "repodata", "repomd.xml.key")
	return asked && s.tree.exists(repo.ID, "repodata", "repomd.xml.asc")
}

// accessHints are comments that say what the rule of a repository wants and this
// server cannot give out.
func (s *Server) accessHints(r *http.Request, id string) string {
	hints := ""
	login, certificate := s.Wants(r, id)
	if login {
		hints += "# It wants a login. Add: username=NAME and password=PASSWORD\n"
	}
	if certificate {
		hints += "# It wants a client certificate. Add: sslclientcert=FILE and sslclientkey=FILE\n"
	}
	return hints
}

// clientConfig says in a client's words how the repository is used. checked:
// its repomd.xml is, too.
func (repo RepoInfo) clientConfig(base string, checked bool) string {
	var b strings.Builder
	name := oneLine(repo.Name)
	if name == "" {
		name = repo.ID
	}
	fmt.Fprintf(&b, "[%s]\nname=%s\n%senabled=1\n", repo.ID, name, sources(base, repo.ID, repo.Mirrors))
	fmt.Fprintf(&b, "gpgcheck=%d\nrepo_gpgcheck=%d\n", digit(repo.GPGCheck), digit(checked))
	if repo.ModuleHotfixes {
		b.WriteString("module_hotfixes=1\n")
	}
	if keys := repo.keyURLs(base); len(keys) > 0 {
		fmt.Fprintf(&b, "gpgkey=%s\n", strings.Join(keys, "\n       "))
	}
	return b.String()
}

// unknownConfig is for a directory that no configuration speaks of. Whether
// its packages are signed is not known, so the client's own rule holds.
func unknownConfig(base, id string, mirrors []string) string {
	return fmt.Sprintf("[%s]\nname=%s\n%senabled=1\n"+
		"# Not configured on this mirror, so gpgcheck and gpgkey are not known here:\n"+
		"# the defaults of your /etc/dnf/dnf.conf or /etc/yum.conf hold.\n", id, id, sources(base, id, mirrors))
}

// sources are the lines that say where to fetch from: where there are several
// mirrors the metalink that has them, and this one for clients that know no
// metalinks.
func sources(base, id string, mirrors []string) string {
	here := base + "/" + url.PathEscape(id) + "/"
	text := "baseurl=" + here + "\n"
	if len(mirrors) > 0 {
		text += "metalink=" + here + metalinkName + "\n"
	}
	return text
}

func (repo RepoInfo) keyURLs(base string) []string {
	var keys []string
	if len(repo.Keys) > 0 {
		keys = append(keys, base+"/-/keys/"+url.PathEscape(repo.ID)+".asc")
	}
	if repo.SignedHere {
		keys = append(keys, base+"/"+url.PathEscape(repo.ID)+"/repodata/repomd.xml.key")
	}
	for _, k := range repo.KeyURLs {
		u, err := url.Parse(k)
		if err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.User == nil && !strings.ContainsAny(k, " \t\r\n,") {
			keys = append(keys, k)
		}
	}
	return keys
}

// baseURL is where the client found this server. A Host header that is no
// host gives none.
func (s *Server) baseURL(r *http.Request) (string, bool) {
	if public := *s.publicURL.Load(); public != "" {
		return public, true
	}
	host := r.Host
	if host == "" { // HTTP/1.0
		addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if !ok {
			return "", false
		}
		host = addr.String()
	}
	if !validHost(host) {
		return "", false
	}
	if c := s.client(r); r.TLS != nil && c == nil || c != nil && c.https {
		return "https://" + host, true
	}
	return "http://" + host, true
}

// oneLine keeps a configured name from becoming more than a name.
func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s))
}

func digit(b bool) int {
	if b {
		return 1
	}
	return 0
}
