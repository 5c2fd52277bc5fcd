package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const maxRedirects = 10

// transportKey holds all that two sources must have in common to share
// connections.
type transportKey struct {
	tls, proxyTLS                       TLS
	proxy, proxyUser, proxyP, proxyAuth string
	ipResolve, userAgent                string
	timeout                             time.Duration
	maxConns                            int
}

// transport returns the connections for o, making them where no earlier source
// had the same settings.
func (c *Client) transport(o Options) (*transport, error) {
	key := transportKey{
		o.TLS, o.ProxyTLS, o.Proxy, o.ProxyUsername, o.ProxyPassword, o.ProxyAuth,
		o.IPResolve, o.UserAgent, o.Timeout, o.MaxConns,
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.transports[key]; t != nil {
		return t, nil
	}
	t, err := newTransport(o)
	if err != nil {
		return nil, err
	}
	c.transports[key] = t
	return t, nil
}

// A transport makes requests: directly, through a proxy, by TLS.
//
// It speaks HTTP/1.1 wherever the server does: one connection a worker moves
// packages up to twice as fast as streams of one HTTP/2 connection, and the
// window of no connection is shared. A server that refuses HTTP/1.1 gets
// HTTP/2; net/http then announces a window of 1 GiB for the connection and
// 4 MiB for each stream, so that there too only the stream of one file is ever
// held back, at 4 MiB a round trip.
type transport struct {
	h1, h2  *http.Transport
	tls     TLS
	proxies *proxies
	timeout time.Duration
	dialer  net.Dialer
	kind    string   // of addresses: 4, 6, or both
	onlyH2  sync.Map // hosts that refused HTTP/1.1
}

func newTransport(o Options) (*transport, error) {
	t := &transport{
		tls:    o.TLS,
		kind:   o.IPResolve,
		dialer: net.Dialer{Timeout: o.Timeout, KeepAlive: 30 * time.Second},
		// The request's own watchdog is to be the first that barks.
		timeout: o.Timeout + time.Second,
	}
	switch o.IPResolve {
	case "", "4", "6":
	default:
		return nil, fmt.Errorf("address kind %q: there are 4 and 6", o.IPResolve)
	}
	config, err := o.TLS.config()
	if err != nil {
		return nil, err
	}
	if t.proxies, err = newProxies(o, t.dial); err != nil {
		return nil, err
	}
	t.h1 = t.http(o, config, "http/1.1")
	t.h2 = t.http(o, config, "h2")
	return t, nil
}

// http is net/http's part, for one protocol of the two.
func (t *transport) http(o Options, config *tls.Config, protocol string) *http.Transport {
	config = config.Clone()
	config.NextProtos = []string{protocol}
	h := &http.Transport{
		Proxy:          t.netProxy,
		DialContext:    t.dialPlain,
		DialTLSContext: func(ctx context.Context, _, addr string) (net.Conn, error) { return t.dialTLS(ctx, addr, config) },
		Protocols:      new(http.Protocols),
		// What the server has is what metadata describe: never decompress.
		DisableCompression:     true,
		MaxIdleConns:           0,
		MaxIdleConnsPerHost:    o.MaxConns,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		ReadBufferSize:         16 << 10,
	}
	h.Protocols.SetHTTP1(protocol == "http/1.1")
	h.Protocols.SetHTTP2(protocol == "h2")
	return h
}

// netProxy is what net/http has to know of proxies: where to send plain requests,
// which have to be written in another way then. Connections are made here.
func (t *transport) netProxy(req *http.Request) (*url.URL, error) {
	p, err := t.proxies.of(req.URL)
	if err != nil || p == nil || p.socks() || req.URL.Scheme != "http" {
		return nil, err
	}
	return &url.URL{Scheme: "http", Host: p.address()}, nil
}

// dial reaches a server or a proxy.
func (t *transport) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := t.dialer.DialContext(ctx, network+t.kind, addr)
	var none *net.AddrError
	if t.kind != "" && errors.As(err, &none) {
		host, _, _ := net.SplitHostPort(addr)
		return nil, &inWords{fmt.Sprintf("%s has no IPv%s address, and ip_resolve is %s", host, t.kind, t.kind), err}
	}
	return conn, err
}

// dialPlain reaches servers for plain requests, and the proxies that these are
// sent to.
func (t *transport) dialPlain(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	if p := t.proxies.at(addr); p != nil {
		return p.connect(ctx)
	}
	p, err := t.proxies.of(&url.URL{Scheme: "http", Host: addr})
	switch {
	case err != nil:
		return nil, err
	case p != nil && p.socks():
		return p.tunnel(ctx, addr)
	}
	return t.dial(ctx, network, addr)
}

// dialTLS reaches a server, through a tunnel where there is a proxy. Nobody
// waits for the connection any more when the request was given up: it has its
// own end.
func (t *transport) dialTLS(ctx context.Context, addr string, config *tls.Config) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	p, err := t.proxies.of(&url.URL{Scheme: "https", Host: addr})
	if err != nil {
		return nil, err
	}
	var conn net.Conn
	if p != nil {
		conn, err = p.tunnel(ctx, addr)
	} else {
		conn, err = t.dial(ctx, "tcp", addr)
	}
	if err != nil {
		return nil, err
	}
	return handshake(ctx, conn, config, host)
}

// RoundTrip makes one request.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	p, err := t.proxies.of(req.URL)
	if err != nil {
		return nil, err
	}
	var resp *http.Response
	if p != nil && !p.socks() && req.URL.Scheme == "http" {
		resp, err = p.send(req, t.h1)
	} else {
		resp, err = t.either(req)
	}
	if err != nil {
		return nil, t.explain(err, req.URL, p)
	}
	return resp, nil
}

// either is HTTP/1.1, or HTTP/2 where the server insists.
func (t *transport) either(req *http.Request) (*http.Response, error) {
	if _, only := t.onlyH2.Load(req.URL.Host); only {
		return t.h2.RoundTrip(req)
	}
	resp, err := t.h1.RoundTrip(req)
	if err != nil && wantsHTTP2(err) {
		t.onlyH2.Store(req.URL.Host, true)
		return t.h2.RoundTrip(req)
	}
	return resp, err
}

// wantsHTTP2 reports whether a server refuses HTTP/1.1: with the alert for it,
// or by speaking HTTP/2 without having been asked (a SETTINGS frame: RFC 9113,
// 3.4).
func wantsHTTP2(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		return strings.HasSuffix(op.Err.Error(), "no application protocol")
	}
	return strings.Contains(err.Error(), `malformed HTTP response "\x00\x00`)
}

// explain puts failures of connections into words: what is the proxy's, and what
// the server's.
func (t *transport) explain(err error, u *url.URL, p *proxy) error {
	var proxyErr *ProxyError
	var op *net.OpError
	switch {
	case p == nil:
	case errors.As(err, &proxyErr):
		return p.explain(proxyErr.Code, proxyErr.Err)
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return p.explain(0, op.Err)
	case u.Scheme == "http" && !p.socks(): // there is no other connection
		return p.explain(0, err)
	}
	return t.tls.explainTLS(err, u.Host, "ssl")
}

func (t *transport) closeIdle() {
	t.h1.CloseIdleConnections()
	t.h2.CloseIdleConnections()
}

// checkRedirect keeps what net/http would carry along from reaching another
// host: net/http regards subdomains as the same, and a Referer shows a token
// in the query.
func checkRedirect(allowDowngrade bool) func(*http.Request, []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return &redirectError{fmt.Sprintf("stopped after %d redirects", maxRedirects)}
		}
		last, first := via[len(via)-1].URL, via[0].URL
		if last.Scheme == "https" && req.URL.Scheme != "https" && !allowDowngrade {
			return &redirectError{"redirect from https to " + shown(req.URL) + " refused"}
		}
		if req.URL.Scheme != "http" && req.URL.Scheme != "https" {
			return &redirectError{"redirect to " + shown(req.URL) + " refused"}
		}
		req.Header.Del("Referer")
		req.URL.User = nil
		if !sameOrigin(first, req.URL) {
			req.Header.Del("Authorization")
		}
		return nil
	}
}
