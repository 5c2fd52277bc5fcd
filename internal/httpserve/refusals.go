package httpserve

import (
	"net/http"
	"strings"
)

// A Refusal is an answer that has nothing but a status, and words for it.
type Refusal struct {
	Status int
	Line   string // for programs and their logs: "404 not found"
	Title  string // for people
	Text   string // what they can do
}

var (
	refusedNothing = Refusal{
		http.StatusNotFound, "404 not found", "Not found",
		"There is no such file or page here. An address may be mistyped or out of date: mirrors drop what their upstreams have dropped. The search finds packages and the files in them.",
	}
	refusedUnreadable = Refusal{
		http.StatusForbidden, "403 forbidden: the server may not read this", "The server may not read this",
		"It is here, but its permissions keep the server out. Whoever runs this mirror can change that; the server's log says what it is.",
	}
	refusedFiles = Refusal{
		http.StatusServiceUnavailable, "503 too many open files", "Too busy",
		"The server has too many files open. Load the page again in a few seconds.",
	}
	refusedBroken = Refusal{
		http.StatusInternalServerError, "500 internal server error", "Something went wrong",
		"The server's log says what.",
	}
	refusedPath = Refusal{
		http.StatusBadRequest, "400 bad request: " + errBadPath.Error(), "That cannot be asked",
		"The address has \"..\", a backslash or a NUL in it.",
	}
	refusedHost = Refusal{
		http.StatusBadRequest, "400 bad request: the Host header is not a host name with an optional port", "That cannot be answered",
		"The request does not say, in its Host header, what this server is called. A proxy in front of it may have left that out.",
	}
)

// refusals are those of rules. Nothing in them depends on what there is.
var refusals = map[refusal]Refusal{
	forNobody: {
		http.StatusForbidden, "403 forbidden: the mirror's configuration is not complete, and who may read this is not known", "Not now",
		"The mirror's configuration is not complete, and who may read this is not known. Whoever runs the mirror finds the reason in the server's log.",
	},
	wrongNetwork: {
		http.StatusForbidden, "403 forbidden: not from this address", "Not from this address",
		"This is only for certain networks. If yours should be among them, ask whoever runs this mirror.",
	},
	noCertificate: {
		http.StatusForbidden, "403 forbidden: not without a client certificate", "A client certificate is needed",
		"This is only for those who have a certificate. Import yours into the browser and load the page again; it asks which one to show.",
	},
	wrongCertificate: {
		http.StatusForbidden, "403 forbidden: not with this client certificate", "Not with this certificate",
		"This is for other client certificates than the one that the browser has shown.",
	},
	wrongUser: {
		http.StatusForbidden, "403 forbidden: not for this user", "Not for this user",
		"You are logged in, but this is for other users. If you should be among them, ask whoever runs this mirror.",
	},
	loginBusy: {
		http.StatusServiceUnavailable, "503 too many logins at a time", "Too many logins at a time",
		"Load the page again in a few seconds.",
	},
	noLogin: {
		http.StatusUnauthorized, "401 unauthorized: a user name and password are needed", "A login is needed",
		"This is for users of the mirror. Load the page again, and the browser asks for a name and a password.",
	},
	wrongLogin: {
		http.StatusUnauthorized, "401 unauthorized: the user name or the password is wrong", "The login was wrong",
		"The user name or the password is not right. Load the page again to be asked for them once more.",
	},
}

// deny answers with a refusal: a page for who sits at a browser, one line of text for
// everybody else.
func (s *Server) deny(w http.ResponseWriter, r *http.Request, no Refusal) {
	if s.options.Refused == nil || !wantsHTML(r) {
		fail(w, no.Status, no.Line)
		return
	}
	h := w.Header()
	for _, name := range []string{"ETag", "Last-Modified"} {
		h.Del(name)
	}
	h.Set("Cache-Control", "no-store")
	s.options.Refused(w, r, no)
}

// maxDepth bounds the paths that are answered with a page, whose links lead all the way
// up.
const maxDepth = 50

// wantsHTML reports whether a browser asks, for something that it would show. What
// mirrors programs take anything.
func wantsHTML(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || strings.Count(r.URL.EscapedPath(), "/") > maxDepth {
		return false
	}
	for _, accept := range r.Header.Values("Accept") {
		if strings.Contains(accept, "text/html") {
			return true
		}
	}
	return false
}

// CouldLogIn reports whether there is something that the client does not see, and might
// if it logged in.
func (s *Server) CouldLogIn(r *http.Request) bool {
	c := s.client(r)
	if c == nil || c.access.Users == nil || c.name != "" || c.password != "" {
		return false
	}
	if c.check(&c.access.Site) == noLogin {
		return true
	}
	for _, ru := range c.access.Repos {
		if c.check(&ru) == noLogin {
			return true
		}
	}
	return false
}
