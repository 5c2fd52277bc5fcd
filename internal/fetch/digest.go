package fetch

import (
	"crypto/md5" //nolint:gosec // what proxies ask for
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// A login answers what one proxy asks for: RFC 7235, RFC 7617 (Basic) and RFC
// 7616 (Digest). It is shared by all connections to that proxy. A nil login
// knows nobody.
type login struct {
	user, password string
	method         string // any, basic, digest

	mu    sync.Mutex
	basic bool // send Basic without being asked
	// free are challenges that the next requests may answer. Each is answered by
	// one request at a time: proxies want the counts to come in order.
	free []*httpDigest
}

// newLogin is nil where there is nothing to log in with, or not to be done.
func newLogin(user, password, method string) *login {
	if user == "" && password == "" || method == "none" {
		return nil
	}
	return &login{user: user, password: password, method: method, basic: method == "basic"}
}

// do has send make one request, with the value of its Proxy-Authorization
// header, and again where the answer is a challenge that can be met. It returns
// the last answer, which may be a 407.
//
// The first request goes without a password, or with the answer to an earlier
// challenge: a password is not sent in the clear where a digest will do.
func (l *login) do(method, uri string, send func(authorization string) (*http.Response, error)) (*http.Response, error) {
	if l == nil {
		return send("")
	}
	d := l.take()
	for attempt := 1; ; attempt++ {
		sent := l.header(d, method, uri)
		resp, err := send(sent)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode != http.StatusProxyAuthRequired {
			l.put(d)
			return resp, nil
		}
		next, ok := l.next(proxyChallenges(resp), sent, attempt)
		if !ok {
			return resp, nil
		}
		discard(resp)
		d = next
	}
}

func (l *login) take() *httpDigest {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.free)
	if n == 0 {
		return nil
	}
	d := l.free[n-1]
	l.free = l.free[:n-1]
	return d
}

func (l *login) put(d *httpDigest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d != nil {
		l.free = append(l.free, d)
	}
}

func (l *login) header(d *httpDigest, method, uri string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case d != nil:
		d.count++
		return d.answer(l.user, l.password, method, uri, newCnonce())
	case l.basic:
		return basicAuth(l.user, l.password)
	}
	return ""
}

// next chooses what to send after a 407 to sent; ok is false where there is
// nothing better. attempt counts the requests for one thing, from 1.
func (l *login) next(challenges []challenge, sent string, attempt int) (d *httpDigest, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d, stale := strongest(challenges); d != nil && l.method != "basic" {
		switch {
		case attempt > 2:
			return nil, false
		case attempt == 1:
			// What was sent answered the challenge of an earlier request, which may
			// just be too old, whatever the proxy says of it.
			return d, true
		}
		return d, stale || !strings.HasPrefix(sent, "Digest ")
	}
	if l.method == "digest" || strings.HasPrefix(sent, "Basic ") || !offers(challenges, "basic") {
		return nil, false
	}
	l.basic = true
	return nil, true
}

func proxyChallenges(resp *http.Response) []challenge {
	return parseChallenges(resp.Header.Values("Proxy-Authenticate"))
}

// discard reads the little that comes with an error, so that the connection can
// be used again.
func discard(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 32<<10)
	_ = resp.Body.Close()
}

func newCnonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// A challenge is one way to log in that a server or proxy offers.
type challenge struct {
	scheme string            // in lower case
	params map[string]string // names in lower case
}

// maxChallenges is how many of them, and how many parameters of one, are looked
// at.
const maxChallenges = 32

// parseChallenges reads the values of WWW-Authenticate or Proxy-Authenticate.
// Several challenges may stand in one value, separated like their parameters.
func parseChallenges(values []string) []challenge {
	var all []challenge
	for _, value := range values {
		first := len(all) // a parameter belongs to a challenge of its own value
		for _, item := range splitQuoted(value) {
			word, rest := cutToken(item)
			if word == "" {
				continue
			}
			if !strings.HasPrefix(rest, "=") {
				if len(all) == maxChallenges {
					return all
				}
				all = append(all, challenge{strings.ToLower(word), map[string]string{}})
				word, rest = cutToken(rest)
			}
			if v, ok := strings.CutPrefix(rest, "="); ok && len(all) > first && len(all[len(all)-1].params) < maxChallenges {
				all[len(all)-1].params[strings.ToLower(word)] = unquoteParam(v)
			}
		}
	}
	return all
}

// splitQuoted splits at commas that do not stand in a quoted string.
func splitQuoted(s string) []string {
	var items []string
	quoted, start := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			items = append(items, s[start:i])
			start = i + 1
		}
	}
	return append(items, s[start:])
}

// cutToken takes the leading word off, and the blanks around it.
func cutToken(s string) (word, rest string) {
	s = strings.Trim(s, " \t")
	if i := strings.IndexAny(s, "= \t"); i >= 0 {
		return s[:i], strings.TrimLeft(s[i:], " \t")
	}
	return s, ""
}

func unquoteParam(s string) string {
	s = strings.Trim(s, " \t")
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	var b strings.Builder
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '\\' && i+1 < len(s)-1 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func quoteParam(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func offers(challenges []challenge, scheme string) bool {
	return slices.ContainsFunc(challenges, func(c challenge) bool { return c.scheme == scheme })
}

// schemes lists what is offered, for people.
func schemes(challenges []challenge) string {
	var names []string
	for _, c := range challenges {
		if !slices.Contains(names, c.scheme) {
			names = append(names, c.scheme)
		}
	}
	return strings.Join(names, ", ")
}

// An httpDigest is a Digest challenge that can be answered.
type httpDigest struct {
	realm, nonce, opaque string
	algorithm            string // as it was written; "" if not
	hash                 func() hash.Hash
	session              bool // the algorithm's name ends with -sess
	qop                  bool // quality of protection auth; false: RFC 2069, without any

	count uint32 // of answers
}

var digestHashes = []struct {
	name string
	hash func() hash.Hash
}{ // the best first
	{"sha-512-256", sha512.New512_256},
	{"sha-256", sha256.New},
	{"md5", md5.New},
}

// strongest picks the Digest challenge to answer, nil if there is none. stale
// says that only the last answer's age was wrong with it.
func strongest(challenges []challenge) (d *httpDigest, stale bool) {
	for _, alg := range digestHashes {
		for _, c := range challenges {
			name := strings.ToLower(c.params["algorithm"])
			plain, session := strings.CutSuffix(name, "-sess")
			if plain == "" {
				plain = "md5"
			}
			qop, hasQop := c.params["qop"]
			if c.scheme != "digest" || plain != alg.name || c.params["nonce"] == "" || hasQop && !hasAuth(qop) {
				continue
			}
			return &httpDigest{
				realm: c.params["realm"], nonce: c.params["nonce"], opaque: c.params["opaque"],
				algorithm: c.params["algorithm"], hash: alg.hash, session: session, qop: hasQop,
			}, strings.EqualFold(c.params["stale"], "true")
		}
	}
	return nil, false
}

func hasAuth(qop string) bool {
	return slices.ContainsFunc(strings.Split(qop, ","), func(s string) bool {
		return strings.EqualFold(strings.TrimSpace(s), "auth")
	})
}

// answer is the header's value for one request.
func (d *httpDigest) answer(user, password, method, uri, cnonce string) string {
	h := func(parts ...string) string {
		sum := d.hash()
		_, _ = sum.Write([]byte(strings.Join(parts, ":"))) // a hash never fails
		return hex.EncodeToString(sum.Sum(nil))
	}
	a1 := h(user, d.realm, password)
	if d.session {
		a1 = h(a1, d.nonce, cnonce)
	}
	a2 := h(method, uri)
	nc := fmt.Sprintf("%08x", d.count)
	response := h(a1, d.nonce, a2)
	if d.qop {
		response = h(a1, d.nonce, nc, cnonce, "auth", a2)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `Digest username=%s, realm=%s, nonce=%s, uri=%s, response="%s"`,
		quoteParam(user), quoteParam(d.realm), quoteParam(d.nonce), quoteParam(uri), response)
	if d.algorithm != "" {
		b.WriteString(", algorithm=" + d.algorithm)
	}
	if d.opaque != "" {
		b.WriteString(", opaque=" + quoteParam(d.opaque))
	}
	switch {
	case d.qop:
		fmt.Fprintf(&b, `, qop=auth, nc=%s, cnonce="%s"`, nc, cnonce)
	case d.session:
		fmt.Fprintf(&b, `, cnonce="%s"`, cnonce)
	}
	return b.String()
}

// loginHint says in words what a 401 asks for.
func loginHint(resp *http.Response) string {
	if resp.StatusCode != http.StatusUnauthorized {
		return ""
	}
	challenges := parseChallenges(resp.Header.Values("WWW-Authenticate"))
	switch {
	case len(challenges) > 0 && !offers(challenges, "basic"):
		return "the server wants a login by " + schemes(challenges) + ", and gorepo, like dnf, logs in to servers by basic only"
	case resp.Request != nil && resp.Request.Header.Get("Authorization") == "":
		return "the server wants a login: username and password"
	}
	return "username and password are not right"
}
