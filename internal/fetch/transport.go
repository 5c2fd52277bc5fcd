package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const maxRedirects = 10

// transportKey holds all that two sources must have in common to share
// connections.
type transportKey struct {
	tls                      TLS
	proxy, proxyUser, proxyP string
	maxConns                 int
}

// transport returns the connections for o, making them where no earlier source
// had the same settings.
func (c *Client) transport(o Options) (*http.Transport, error) {
	key := transportKey{o.TLS, o.Proxy, o.ProxyUsername, o.ProxyPassword, o.MaxConns}
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

func newTransport(o Options) (*http.Transport, error) {
	tlsConfig, err := o.TLS.config()
	if err != nil {
		return nil, err
	}
	proxy, err := o.proxy()
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: o.Timeout, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:       proxy,
		DialContext: dialer.DialContext,
		// HTTP/1.1: one connection a worker moves packages up to twice as fast
		// as streams of one HTTP/2 connection.
		TLSNextProto:    map[string]func(string, *tls.Conn) http.RoundTripper{},
		TLSClientConfig: tlsConfig,
		// What the server has is what metadata describe: never decompress.
		DisableCompression:     true,
		MaxIdleConns:           0,
		MaxIdleConnsPerHost:    o.MaxConns,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		ReadBufferSize:         16 << 10,
	}, nil
}

func (t TLS) config() (*tls.Config, error) {
	cfg := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: t.SkipVerify, //nolint:gosec // asked for by sslverify=0
		// Without it every connection of a first run is a full handshake.
		ClientSessionCache: tls.NewLRUClientSessionCache(0),
	}
	if t.CAFile != "" {
		pool, err := readCAs(t.CAFile)
		if err != nil {
			return nil, err
		}
		cfg.RootCAs = pool
	}
	if t.ClientKey != "" && t.ClientCert == "" {
		return nil, fmt.Errorf("%s: a client key without a client certificate", t.ClientKey)
	}
	if t.ClientCert != "" {
		key := t.ClientKey
		if key == "" {
			key = t.ClientCert
		}
		cert, err := tls.LoadX509KeyPair(t.ClientCert, key)
		if err != nil {
			return nil, fmt.Errorf("client certificate %s with key %s: %w", t.ClientCert, key, err)
		}
		cfg.Certificates = []tls.Certificate{cert}
	}
	return cfg, nil
}

// readCAs reads a PEM file of authorities, or all files of a directory, as
// sslcacert allows both.
func readCAs(path string) (*x509.CertPool, error) {
	files := []string{path}
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, fmt.Errorf("authorities: %w", err)
		}
		files = files[:0]
		for _, e := range entries {
			if !e.IsDir() {
				files = append(files, filepath.Join(path, e.Name()))
			}
		}
	}
	pool, found := x509.NewCertPool(), false
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("authorities: %w", err)
		}
		found = pool.AppendCertsFromPEM(data) || found
	}
	if !found {
		return nil, fmt.Errorf("authorities: %s: no PEM certificate in it", path)
	}
	return pool, nil
}

func (o Options) proxy() (func(*http.Request) (*url.URL, error), error) {
	switch o.Proxy {
	case "":
		return http.ProxyFromEnvironment, nil
	case NoProxy:
		return nil, nil
	}
	raw := o.Proxy
	if !strings.Contains(raw, "://") {
		raw = "http://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return nil, &urlError{"proxy " + maskUserinfo(raw), "is not a valid URL"}
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
	default:
		return nil, &urlError{"proxy " + maskUserinfo(raw), "needs http, https or socks5"}
	}
	if o.ProxyUsername != "" || o.ProxyPassword != "" {
		u.User = url.UserPassword(o.ProxyUsername, o.ProxyPassword)
	}
	return http.ProxyURL(u), nil
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
