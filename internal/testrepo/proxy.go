package testrepo

import (
	"crypto/md5" //nolint:gosec // what proxies ask for
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

// ProxyOptions shapes a proxy. The zero value serves everybody, in plain HTTP.
type ProxyOptions struct {
	TLS       bool
	ClientCAs *x509.CertPool // asks for a client certificate of one of these

	Username, Password string // asks for a login
	// Ways are the logins that it offers and takes, in this order: basic, md5,
	// sha256 (both Digest), ntlm (which it never takes). Default: basic.
	Ways []string
	// NonceUses is how many answers to one Digest challenge it takes before it
	// wants a new one; 0: any number.
	NonceUses int
	// Refuse answers whatever is logged in with this status.
	Refuse int
}

// A Proxy is an HTTP proxy on loopback: for plain requests and for CONNECT.
// Whatever host is asked for, it goes to that port of 127.0.0.1, so that names
// such as upstream.invalid work through it, and nowhere else.
type Proxy struct {
	URL string

	o      ProxyOptions
	server *httptest.Server

	mu       sync.Mutex
	requests []ProxyRequest
	nonces   map[string]*nonce
}

// ProxyRequest is one that a proxy got.
type ProxyRequest struct {
	Method string
	Target string // as it came: a URL, or host:port after CONNECT
	Login  string // the scheme of Proxy-Authorization: Basic, Digest; "" for none
	Status int    // that was answered
	Header http.Header
}

type nonce struct {
	uses int
	last string // nc of the last answer
}

// NewProxy starts a proxy, which ends with the test.
func NewProxy(t testing.TB, o ProxyOptions) *Proxy {
	t.Helper()
	if len(o.Ways) == 0 {
		o.Ways = []string{"basic"}
	}
	p := &Proxy{o: o, nonces: map[string]*nonce{}}
	p.server = httptest.NewUnstartedServer(p)
	p.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if o.TLS {
		p.server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		if o.ClientCAs != nil {
			p.server.TLS.ClientCAs = o.ClientCAs
			p.server.TLS.ClientAuth = tls.RequireAndVerifyClientCert
		}
		p.server.StartTLS()
	} else {
		p.server.Start()
	}
	p.URL = p.server.URL
	t.Cleanup(p.Close)
	return p
}

// Close cuts all connections and refuses new ones.
func (p *Proxy) Close() {
	p.server.CloseClientConnections()
	p.server.Close()
}

// CAFile writes the certificate that clients of a TLS proxy have to trust.
func (p *Proxy) CAFile(t testing.TB) string {
	t.Helper()
	return writePEM(t, "proxy-ca.pem", "CERTIFICATE", p.server.Certificate().Raw)
}

// Requests lists the requests so far.
func (p *Proxy) Requests() []ProxyRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// Forget empties the list of requests.
func (p *Proxy) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = nil
}

// ServeHTTP serves a client of the proxy.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	scheme, _, _ := strings.Cut(r.Header.Get("Proxy-Authorization"), " ")
	q := ProxyRequest{Method: r.Method, Target: r.RequestURI, Login: scheme, Header: r.Header.Clone()}
	var answer func(http.ResponseWriter, *http.Request)
	ok, stale := p.admit(r)
	switch {
	case !ok:
		q.Status, answer = http.StatusProxyAuthRequired, func(w http.ResponseWriter, _ *http.Request) { p.challenge(w, stale) }
	case p.o.Refuse != 0:
		q.Status, answer = p.o.Refuse, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", p.o.Refuse) }
	case r.Method == http.MethodConnect:
		q.Status, answer = http.StatusOK, p.tunnel
	default:
		q.Status, answer = http.StatusOK, p.forward
	}
	p.mu.Lock()
	p.requests = append(p.requests, q)
	p.mu.Unlock()
	answer(w, r)
}

// admit reports whether a request may pass; stale, if not, that only the age of
// what it answered was wrong.
func (p *Proxy) admit(r *http.Request) (ok, stale bool) {
	if p.o.Username == "" && p.o.Password == "" {
		return true, false
	}
	scheme, rest, _ := strings.Cut(r.Header.Get("Proxy-Authorization"), " ")
	switch strings.ToLower(scheme) {
	case "basic":
		want := base64.StdEncoding.EncodeToString([]byte(p.o.Username + ":" + p.o.Password))
		return rest == want && slices.Contains(p.o.Ways, "basic"), false
	case "digest":
		return p.admitDigest(r, rest)
	}
	return false, false
}

func (p *Proxy) admitDigest(r *http.Request, rest string) (ok, stale bool) {
	a := map[string]string{}
	for _, part := range strings.Split(rest, ", ") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		a[strings.ToLower(name)] = strings.Trim(value, `"`)
	}
	way, sum := "md5", md5.New
	if strings.EqualFold(a["algorithm"], "SHA-256") {
		way, sum = "sha256", sha256.New
	}
	target := r.URL.RequestURI()
	if r.Method == http.MethodConnect {
		target = r.RequestURI
	}
	h := func(s string) string { return hexSum(sum(), s) }
	want := h(h(p.o.Username+":"+proxyRealm+":"+p.o.Password) + ":" + a["nonce"] + ":" + a["nc"] + ":" +
		a["cnonce"] + ":auth:" + h(r.Method+":"+a["uri"]))
	if !slices.Contains(p.o.Ways, way) || a["uri"] != target || a["qop"] != "auth" || a["cnonce"] == "" ||
		a["opaque"] != proxyOpaque || a["username"] != p.o.Username || len(a["nc"]) != 8 || a["response"] != want {
		return false, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.nonces[a["nonce"]]
	if n == nil || a["nc"] <= n.last { // strict, as some proxies are
		return false, true
	}
	n.last = a["nc"]
	n.uses++
	return p.o.NonceUses == 0 || n.uses <= p.o.NonceUses, true
}

func hexSum(h hash.Hash, s string) string {
	_, _ = io.WriteString(h, s)
	return hex.EncodeToString(h.Sum(nil))
}

const (
	proxyRealm  = "a proxy, for tests"
	proxyOpaque = "b3BhcXVl"
)

func (p *Proxy) challenge(w http.ResponseWriter, stale bool) {
	var b [12]byte
	_, _ = rand.Read(b[:])
	fresh := hex.EncodeToString(b[:])
	p.mu.Lock()
	p.nonces[fresh] = &nonce{}
	p.mu.Unlock()
	for _, way := range p.o.Ways {
		value := map[string]string{
			"basic": fmt.Sprintf(`Basic realm="%s"`, proxyRealm),
			"ntlm":  "NTLM",
			"md5":   fmt.Sprintf(`Digest realm="%s", nonce="%s", opaque="%s", qop="auth,auth-int", algorithm=MD5`, proxyRealm, fresh, proxyOpaque),
			"sha256": fmt.Sprintf(`Digest realm="%s", nonce="%s", opaque="%s", qop="auth", algorithm=SHA-256`,
				proxyRealm, fresh, proxyOpaque),
		}[way]
		if stale && strings.HasPrefix(value, "Digest") {
			value += ", stale=true"
		}
		w.Header().Add("Proxy-Authenticate", value)
	}
	http.Error(w, "who are you?", http.StatusProxyAuthRequired)
}

// local is where a host and port really are.
func local(hostPort, defaultPort string) string {
	_, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		port = defaultPort
	}
	return net.JoinHostPort("127.0.0.1", port)
}

func (p *Proxy) forward(w http.ResponseWriter, r *http.Request) {
	if r.URL.Host == "" {
		http.Error(w, "not through me", http.StatusBadRequest)
		return
	}
	out := r.Clone(r.Context())
	out.RequestURI = ""
	out.URL.Host = local(r.URL.Host, "80")
	out.Header.Del("Proxy-Authorization")
	resp, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(out)
	if err != nil {
		http.Error(w, "no answer", http.StatusBadGateway)
		return
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}

func (p *Proxy) tunnel(w http.ResponseWriter, r *http.Request) {
	there, err := net.Dial("tcp", local(r.RequestURI, "443"))
	if err != nil {
		http.Error(w, "no answer", http.StatusBadGateway)
		return
	}
	defer there.Close() //nolint:errcheck // what counts has come through
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer here.Close() //nolint:errcheck // likewise
	if _, err := io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(there, buffered)
		_ = there.Close()
	}()
	_, _ = io.Copy(here, there)
	_ = here.Close()
	<-done
}

// OnlyThrough checks that everything that an upstream got came through the
// proxy: as many requests as this one let pass.
func (p *Proxy) OnlyThrough(t testing.TB, up *Upstream) {
	t.Helper()
	passed := 0
	for _, r := range p.Requests() {
		if r.Method != http.MethodConnect && r.Status == http.StatusOK {
			passed++
		}
	}
	assert.Equal(t, passed, len(up.Requests("**")), "requests past the proxy")
}
