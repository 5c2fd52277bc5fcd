package httpserve

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// Access says who may read what.
type Access struct {
	// Site is the rule for what is no repository's: the list of them, pages, and
	// directories that Repos does not name.
	Site Rule
	// Repos has the rules of repositories, by ID.
	Repos map[string]Rule
	// Closed says that what Repos does not name is for nobody: what is said of
	// it could not be read.
	Closed bool
	// Users gives those who can log in; nil: nobody can.
	Users func() *Users
	// TrustedCA reports whether an authority for client certificates is one
	// still. Nil: it is.
	TrustedCA func(ca *x509.Certificate) bool
	// TrustedProxies are the networks of proxies whose X-Forwarded-For and
	// X-Forwarded-Proto count, and TrustUnix has those who connect to a Unix
	// socket among them.
	TrustedProxies []netip.Prefix
	TrustUnix      bool
}

// A Rule lets those read who meet all of its conditions. The zero value has
// none.
type Rule struct {
	Networks    []netip.Prefix // the client's address is in one of them
	ClientNames []string       // its certificate has a name that one of these patterns matches
	Users       []string       // it has logged in as one of them; "*" is any user
	Nobody      bool           // not even who meets the others
}

// Open reports whether the rule lets everybody in.
func (ru Rule) Open() bool {
	return !ru.Nobody && len(ru.Networks) == 0 && len(ru.ClientNames) == 0 && len(ru.Users) == 0
}

// rule is that of a repository, or of none with an empty ID. It is nil for what
// nobody may read.
func (a *Access) rule(id string) *Rule {
	if ru, ok := a.Repos[id]; ok {
		return &ru
	}
	if id != "" && a.Closed {
		return nil
	}
	return &a.Site
}

// owner is the repository that a path of the mirror belongs to, or "".
func (a *Access) owner(segments []string) string {
	if len(segments) == 0 {
		return ""
	}
	first := segments[0]
	if id, ok := strings.CutSuffix(first, ".repo"); ok && len(segments) == 1 {
		if _, is := a.Repos[first]; !is {
			first = id
		}
		if _, known := a.Repos[first]; !known && first == allRepos {
			return "" // of which each client gets its own part
		}
	}
	return first
}

// A refusal is why a client may not read something.
type refusal int

const (
	admitted refusal = iota
	forNobody
	wrongNetwork
	noCertificate
	wrongCertificate
	noLogin
	wrongLogin
	loginBusy
	wrongUser
)

// A client is who asks, as far as rules and the log want to know.
type client struct {
	access *Access
	logins *logins
	addr   netip.Addr // not valid: not known
	https  bool       // as the client sees it
	cert   *x509.Certificate

	name, password string // as sent
	once           sync.Once
	login          refusal // admitted once the password has been found right
}

type clientKey struct{}

// identified adds to a request who it comes from, where that matters.
func (s *Server) identified(r *http.Request) *http.Request {
	c := s.client(r)
	if c == nil {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), clientKey{}, c))
}

// client is who a request comes from; nil where everybody may read everything.
func (s *Server) client(r *http.Request) *client {
	if c, ok := r.Context().Value(clientKey{}).(*client); ok {
		return c
	}
	a := s.options.Access()
	if a == nil {
		return nil
	}
	c := &client{access: a, logins: s.logins, https: r.TLS != nil}
	c.addr = a.clientAddr(r)
	if a.trusts(r.RemoteAddr) {
		if proto := r.Header.Get("X-Forwarded-Proto"); proto != "" {
			c.https = strings.EqualFold(proto, "https")
		}
	}
	c.cert = a.certificate(r)
	if a.Users != nil {
		c.name, c.password, _ = r.BasicAuth()
	}
	return c
}

// peerAddr takes an address from "address:port"; one of a Unix socket is not
// valid.
func peerAddr(remote string) netip.Addr {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

func (a *Access) trusts(remote string) bool {
	addr := peerAddr(remote)
	return within(addr, a.TrustedProxies) || a.TrustUnix && !addr.IsValid()
}

func within(addr netip.Addr, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// clientAddr is the address that a request comes from: the peer's, or what
// trusted proxies say that theirs was. What a client itself wrote into
// X-Forwarded-For stands left of what the first of them added.
func (a *Access) clientAddr(r *http.Request) netip.Addr {
	addr := peerAddr(r.RemoteAddr)
	if !a.trusts(r.RemoteAddr) {
		return addr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if hop = strings.TrimSpace(hop); hop == "" {
			continue
		}
		addr = forwardedAddr(hop)
		if !within(addr, a.TrustedProxies) {
			break
		}
	}
	return addr
}

func forwardedAddr(s string) netip.Addr {
	addr, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		return peerAddr(s) // not valid if it is nothing of the kind: in no network
	}
	return addr.Unmap().WithZone("")
}

// certificate is the one that the client has proved to be its own, if it is
// good still: a connection may be older than the authorities that are trusted
// now.
func (a *Access) certificate(r *http.Request) *x509.Certificate {
	if r.TLS == nil {
		return nil
	}
	now := time.Now()
	for _, chain := range r.TLS.VerifiedChains {
		leaf, ca := chain[0], chain[len(chain)-1]
		if !now.After(leaf.NotAfter) && (a.TrustedCA == nil || a.TrustedCA(ca)) {
			return leaf
		}
	}
	return nil
}

// certNames are the names in a certificate that rules are about.
func certNames(c *x509.Certificate) []string {
	return slices.Concat([]string{c.Subject.CommonName}, c.DNSNames, c.EmailAddresses)
}

func matchesName(patterns []string, c *x509.Certificate) bool {
	names := certNames(c)
	return slices.ContainsFunc(patterns, func(p string) bool {
		return p == "*" || slices.ContainsFunc(names, func(name string) bool {
			ok, err := path.Match(strings.ToLower(p), strings.ToLower(name))
			return ok && err == nil && name != ""
		})
	})
}

// check applies a rule. Passwords cost time, so they come last.
func (c *client) check(ru *Rule) refusal {
	switch {
	case ru == nil || ru.Nobody:
		return forNobody
	case len(ru.Networks) > 0 && !within(c.addr, ru.Networks):
		return wrongNetwork
	case len(ru.ClientNames) > 0 && c.cert == nil:
		return noCertificate
	case len(ru.ClientNames) > 0 && !matchesName(ru.ClientNames, c.cert):
		return wrongCertificate
	case len(ru.Users) == 0:
		return admitted
	}
	if no := c.logIn(); no != admitted {
		return no
	}
	if !slices.Contains(ru.Users, "*") && !slices.Contains(ru.Users, c.name) {
		return wrongUser
	}
	return admitted
}

// logIn checks what the client has sent as its name and password, once.
func (c *client) logIn() refusal {
	c.once.Do(func() {
		c.login = noLogin
		if c.name != "" || c.password != "" {
			c.login = c.logins.verify(c.access.Users(), c.addr, c.name, c.password)
		}
	})
	return c.login
}

// user is who has logged in, or "". It is for when the request was answered: a
// password that nobody asked for is not looked at.
func (c *client) user() string {
	c.once.Do(func() { c.login = noLogin })
	if c.login == admitted {
		return c.name
	}
	return ""
}

// Allowed reports whether a request may see a repository: every list of them
// asks here. An empty id stands for what is no repository's.
func (s *Server) Allowed(r *http.Request, id string) bool {
	c := s.client(r)
	return c == nil || c.check(c.access.rule(id)) == admitted
}

// guard answers for a client that may not read what is the repository's, and
// reports whether it may. What the repository has does not matter for the
// answer: it tells nothing of it.
func (s *Server) guard(w http.ResponseWriter, r *http.Request, id string) bool {
	c := s.client(r)
	if c == nil {
		return true
	}
	no := c.check(c.access.rule(id))
	if no == admitted && id == "" && (c.name != "" || c.password != "") && c.logIn() != admitted {
		no = c.login // else the list would lack something, and nobody would know why
	}
	return s.turnAway(w, r, no)
}

// turnAway answers with a refusal. It reports whether there was none.
func (s *Server) turnAway(w http.ResponseWriter, r *http.Request, no refusal) bool {
	switch no {
	case admitted:
		return true
	case loginBusy:
		w.Header().Set("Retry-After", "5")
	case noLogin, wrongLogin:
		w.Header().Set("WWW-Authenticate", `Basic realm="gorepo", charset="UTF-8"`)
	}
	s.deny(w, r, refusals[no])
	return false
}

// wantsLogin reports whether somebody asks for the list of repositories in
// order to log in, and has not: a browser then asks for a password.
func (s *Server) wantsLogin(r *http.Request) bool {
	c := s.client(r)
	return c != nil && r.URL.RawQuery == "login" && c.access.Users != nil && c.logIn() == noLogin
}

// guardPath is guard for a path below ROOT.
func (s *Server) guardPath(w http.ResponseWriter, r *http.Request, segments []string) bool {
	c := s.client(r)
	return c == nil || s.guard(w, r, c.access.owner(segments))
}

// shared reports whether caches on the way may give an answer to others.
func (s *Server) shared(r *http.Request, segments []string) bool {
	c := s.client(r)
	if c == nil {
		return true
	}
	ru := c.access.rule(c.access.owner(segments))
	return ru != nil && ru.Open()
}
