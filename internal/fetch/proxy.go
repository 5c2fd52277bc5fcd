package fetch

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpproxy"
	socks "golang.org/x/net/proxy"
)

// ProxyError says that a proxy did not do what it was asked for, or could not
// be reached. Proxy is its URL, without credentials.
type ProxyError struct {
	Proxy string
	Code  int // HTTP status of its answer; 0: none
	Err   error
}

func (e *ProxyError) Error() string { return "proxy " + e.Proxy + ": " + e.Err.Error() }
func (e *ProxyError) Unwrap() error { return e.Err }

// proxies says which proxy, if any, a URL is asked for through, and knows how to
// log in there.
type proxies struct {
	fixed          *url.URL                         // nil: what the environment says
	environment    func(*url.URL) (*url.URL, error) // where there is none fixed
	user, password string                           // for the fixed one, where its URL has none
	method         string                           // of logins: any, none, basic, digest
	keys           TLS                              // to https proxies
	tls            *tls.Config                      // the same
	dial           func(context.Context, string, string) (net.Conn, error)
	userAgent      string

	mu    sync.Mutex
	known map[string]*proxy
}

// A proxy is one of them.
type proxy struct {
	*proxies
	url   *url.URL // as it was given
	shown string   // without credentials
	login *login
	auth  *socks.Auth // at a SOCKS proxy; nil: none
}

// newProxies reads what o says of proxies.
func newProxies(o Options, dial func(context.Context, string, string) (net.Conn, error)) (*proxies, error) {
	p := &proxies{
		user: o.ProxyUsername, password: o.ProxyPassword, method: o.ProxyAuth, keys: o.ProxyTLS,
		dial: dial, userAgent: o.UserAgent, known: map[string]*proxy{},
	}
	switch p.method {
	case "":
		p.method = "any"
	case "any", "none", "basic", "digest":
	default:
		return nil, fmt.Errorf("proxy login by %s: there are any, none, basic and digest", p.method)
	}
	var err error
	if p.tls, err = o.ProxyTLS.config(); err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p.tls.NextProtos = []string{"http/1.1"}
	if o.Proxy == "" {
		p.environment = environmentProxy()
		return p, nil
	}
	p.fixed, err = parseProxy(o.Proxy)
	return p, err
}

// environmentProxy is what the environment says, as it is now: http_proxy,
// https_proxy, all_proxy (as curl has it) and no_proxy.
func environmentProxy() func(*url.URL) (*url.URL, error) {
	c := httpproxy.FromEnvironment()
	all := cmp.Or(os.Getenv("all_proxy"), os.Getenv("ALL_PROXY"))
	c.HTTPProxy, c.HTTPSProxy = cmp.Or(c.HTTPProxy, all), cmp.Or(c.HTTPSProxy, all)
	choose := c.ProxyFunc()
	return func(u *url.URL) (*url.URL, error) {
		p, err := choose(u)
		if err != nil || p == nil {
			return nil, err
		}
		return parseProxy(p.String())
	}
}

func parseProxy(raw string) (*url.URL, error) {
	if !strings.Contains(raw, "://") {
		raw = "http://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" {
		return nil, &urlError{"proxy " + maskUserinfo(raw), "is not a valid URL"}
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return u, nil
	}
	return nil, &urlError{"proxy " + maskUserinfo(raw), "needs http, https, socks5 or socks5h"}
}

// of is the proxy for a URL, nil for none.
func (ps *proxies) of(u *url.URL) (*proxy, error) {
	at := ps.fixed
	if at == nil {
		var err error
		if at, err = ps.environment(u); err != nil || at == nil {
			return nil, err
		}
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	key := at.String()
	p := ps.known[key]
	if p == nil {
		user, password := ps.user, ps.password
		if user == "" && password == "" && at.User != nil {
			user = at.User.Username()
			password, _ = at.User.Password()
		}
		bare := &url.URL{Scheme: at.Scheme, Host: at.Host}
		p = &proxy{proxies: ps, url: bare, shown: bare.String(), login: newLogin(user, password, ps.method)}
		if p.socks() && user != "" {
			p.auth = &socks.Auth{User: user, Password: password}
		}
		ps.known[key] = p
	}
	return p, nil
}

// at is the https proxy at an address, nil if there is none.
func (ps *proxies) at(addr string) *proxy {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, p := range ps.known {
		if p.url.Scheme == "https" && p.address() == addr {
			return p
		}
	}
	return nil
}

func (p *proxy) socks() bool { return strings.HasPrefix(p.url.Scheme, "socks") }

// address is host and port of the proxy.
func (p *proxy) address() string {
	port := p.url.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[p.url.Scheme]
	}
	return net.JoinHostPort(p.url.Hostname(), port)
}

// connect opens a connection to the proxy itself.
func (p *proxy) connect(ctx context.Context) (net.Conn, error) {
	conn, err := p.dial(ctx, "tcp", p.address())
	if err != nil || p.url.Scheme != "https" {
		return conn, err
	}
	return handshake(ctx, conn, p.tls, p.url.Hostname())
}

// send makes a plain HTTP request through the proxy.
func (p *proxy) send(req *http.Request, through http.RoundTripper) (*http.Response, error) {
	// As the target of the digest curl and browsers take the path.
	resp, err := p.login.do(req.Method, req.URL.RequestURI(), func(authorization string) (*http.Response, error) {
		if authorization == "" {
			return through.RoundTrip(req)
		}
		with := req.Clone(req.Context())
		with.Header.Set("Proxy-Authorization", authorization)
		return through.RoundTrip(with)
	})
	if err != nil || resp.StatusCode != http.StatusProxyAuthRequired {
		return resp, err
	}
	discard(resp)
	return nil, p.refused(resp)
}

// tunnel opens a connection to addr through the proxy.
func (p *proxy) tunnel(ctx context.Context, addr string) (net.Conn, error) {
	if p.socks() {
		return p.socksTo(ctx, addr)
	}
	var conn net.Conn
	resp, err := p.login.do(http.MethodConnect, addr, func(authorization string) (resp *http.Response, err error) { //nolint:bodyclose // connectTo leaves none
		if conn != nil {
			_ = conn.Close() // of the request that was refused
		}
		if conn, err = p.connect(ctx); err != nil {
			return nil, err
		}
		return p.connectTo(ctx, conn, addr, authorization)
	})
	if err == nil && resp.StatusCode/100 == 2 {
		return conn, nil
	}
	if conn != nil {
		_ = conn.Close()
	}
	if err != nil {
		return nil, &ProxyError{Proxy: p.shown, Err: err}
	}
	return nil, p.refused(resp)
}

// socksTo is tunnel for a SOCKS proxy, which also looks the name up.
func (p *proxy) socksTo(ctx context.Context, addr string) (net.Conn, error) {
	dialer, err := socks.SOCKS5("tcp", p.address(), p.auth, socksDialer(p.dial))
	if err != nil {
		return nil, err
	}
	conn, err := dialer.(socks.ContextDialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) { // it would name the proxy again
			err = op.Err
		}
		return nil, &ProxyError{Proxy: p.shown, Err: contextError(ctx, err)}
	}
	return conn, nil
}

// socksDialer is how SOCKS proxies are reached.
type socksDialer func(ctx context.Context, network, addr string) (net.Conn, error)

func (d socksDialer) Dial(network, addr string) (net.Conn, error) {
	return d(context.Background(), network, addr)
}

func (d socksDialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return d(ctx, network, addr)
}

// maxConnectAnswer bounds the header of an answer to CONNECT, in bytes.
const maxConnectAnswer = 64 << 10

func (p *proxy) connectTo(ctx context.Context, conn net.Conn, addr, authorization string) (*http.Response, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	req := &http.Request{
		Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr,
		Header: http.Header{"User-Agent": {p.userAgent}},
	}
	if authorization != "" {
		req.Header.Set("Proxy-Authorization", authorization)
	}
	if err := req.Write(conn); err != nil {
		return nil, contextError(ctx, err)
	}
	in := bufio.NewReader(io.LimitReader(conn, maxConnectAnswer))
	resp, err := http.ReadResponse(in, req)
	switch {
	case err != nil:
		return nil, contextError(ctx, fmt.Errorf("no usable answer to CONNECT: %w", err))
	case resp.StatusCode/100 == 2 && in.Buffered() > 0: // a TLS server does not speak first
		return nil, errors.New("sent more than an answer to CONNECT")
	case !stop():
		return nil, ctx.Err()
	}
	// There may be a body, of which nobody knows how long it takes to come.
	resp.Body = http.NoBody
	return resp, nil
}

// contextError is the context's error, where it has ended: the deadline that
// was set then shows as a timeout of the connection.
func contextError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// refused says in words what a proxy answered.
func (p *proxy) refused(resp *http.Response) error {
	e := &ProxyError{Proxy: p.shown, Code: resp.StatusCode}
	if resp.StatusCode != http.StatusProxyAuthRequired {
		// Not a *StatusError: it says nothing of the file.
		e.Err = errors.New("it does not connect: " + (&StatusError{Code: resp.StatusCode}).Error())
		return e
	}
	challenges := proxyChallenges(resp)
	digest, _ := strongest(challenges)
	why := "it refuses the login: proxy_username and proxy_password are not right"
	switch {
	case p.method == "none":
		why = "it wants a login, and proxy_auth_method is none"
	case p.login == nil:
		why = "it wants a login: set proxy_username and proxy_password"
	case digest == nil && !offers(challenges, "basic"):
		why = "it wants a login by " + schemes(challenges) + ", and gorepo knows basic and digest"
	case p.method == "digest" && digest == nil, p.method == "basic" && !offers(challenges, "basic"):
		why = "it wants a login by " + schemes(challenges) + ", and proxy_auth_method is " + p.method
	}
	e.Err = fmt.Errorf("%s (HTTP status %d)", why, resp.StatusCode)
	return e
}

// explain is a failure of the proxy's, in words.
func (p *proxy) explain(code int, err error) error {
	return &ProxyError{Proxy: p.shown, Code: code, Err: p.keys.explainTLS(err, p.url.Host, "proxy_ssl")}
}
