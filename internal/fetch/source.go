package fetch

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults for what Options leaves zero.
const (
	DefaultTimeout   = 30 * time.Second
	DefaultRetries   = 4
	DefaultRetryWait = 500 * time.Millisecond
	DefaultMaxWait   = 30 * time.Second
	DefaultMaxConns  = 8
	DefaultUserAgent = "gorepo"
)

// forever is the Timeout of who waits without an end.
const forever = 100 * 365 * 24 * time.Hour

// Options says how the servers of one repository are talked to. The zero
// value works.
type Options struct {
	// Timeout ends a transfer (connecting and waiting for the answer too) that
	// brings no byte for so long. 0: DefaultTimeout; negative: none.
	Timeout time.Duration
	// MinRate in bytes a second ends a transfer that stays below it for
	// Timeout. 0: no least rate.
	MinRate int64
	// Retries is how many more rounds over the base URLs a file gets after
	// temporary failures. 0: DefaultRetries; negative: none.
	Retries int
	// RetryWait is the pause before the first new round; it doubles each time
	// up to MaxWait, which bounds Retry-After too. 0: the defaults.
	RetryWait, MaxWait time.Duration

	UserAgent string
	// Username and Password are sent to every base URL that has no own
	// user:password@, as HTTP basic authentication.
	Username, Password string

	TLS TLS

	// Proxy is a URL (http, https, socks5, socks5h), or empty for what
	// http_proxy, https_proxy, all_proxy and no_proxy in the environment say.
	// ProxyUsername and ProxyPassword go before those in its URL.
	Proxy                        string
	ProxyUsername, ProxyPassword string
	// ProxyAuth is how to log in at an HTTP proxy: any (or empty), none, basic,
	// digest.
	ProxyAuth string
	// ProxyTLS is for https proxies.
	ProxyTLS TLS

	// IPResolve is the kind of addresses to connect to: 4, 6, or empty for both.
	IPResolve string
	// Throttle is the most bytes a second that all downloads of a source receive
	// together. 0: no limit.
	Throttle int64

	// MaxConns is how many idle connections to one host are kept: at least
	// the number of downloads at a time. 0: DefaultMaxConns.
	MaxConns int

	// AllowDowngrade follows redirects from https to http.
	AllowDowngrade bool

	// Mirrors says how several base URLs are used together.
	Mirrors Mirrors
}

func (o Options) withDefaults() Options {
	switch {
	case o.Timeout == 0:
		o.Timeout = DefaultTimeout
	case o.Timeout < 0:
		o.Timeout = forever
	}
	switch {
	case o.Retries == 0:
		o.Retries = DefaultRetries
	case o.Retries < 0:
		o.Retries = 0
	}
	if o.RetryWait <= 0 {
		o.RetryWait = DefaultRetryWait
	}
	if o.MaxWait <= 0 {
		o.MaxWait = DefaultMaxWait
	}
	if o.MaxConns <= 0 {
		o.MaxConns = DefaultMaxConns
	}
	if o.UserAgent == "" {
		o.UserAgent = DefaultUserAgent
	}
	return o
}

// Stats counts what went over the network, or was read from directories.
type Stats struct {
	Requests int64 // including those that failed
	Retries  int64 // requests that repeat or continue an earlier one
	Bytes    int64 // of bodies, as received
}

type counters struct{ requests, retries, bytes atomic.Int64 }

func (c *counters) stats() Stats {
	return Stats{Requests: c.requests.Load(), Retries: c.retries.Load(), Bytes: c.bytes.Load()}
}

// A Client keeps connections: sources made by one Client share them where
// their TLS and proxy settings are the same.
type Client struct {
	mu         sync.Mutex
	transports map[transportKey]*transport
	counters   counters
	network    network
}

// NewClient returns a Client without connections.
func NewClient() *Client {
	return &Client{transports: map[transportKey]*transport{}}
}

// Stats sums up all sources of the client.
func (c *Client) Stats() Stats { return c.counters.stats() }

// Close closes idle connections.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.transports {
		t.closeIdle()
	}
}

// A Source is one repository's upstream: base URLs that show the same
// content, in order of preference. Its methods may be called at the same time.
type Source struct {
	client   *Client
	opts     Options
	http     *http.Client
	bases    []*base
	patience time.Duration // see health
	counters *counters
	pool     *pool
	list     *listing // where the mirrors are named; nil: nowhere
	throttle *throttle

	mu     sync.Mutex
	others map[string]*base // xml:base values that name a server themselves
}

// New is NewClient().Source.
func New(baseURLs []string, o Options) (*Source, error) {
	return NewClient().Source(baseURLs, o)
}

// Source prepares to fetch from baseURLs: http, https, file:// and absolute
// paths. Nothing is asked of them yet; an error is about a URL or an option.
func (c *Client) Source(baseURLs []string, o Options) (*Source, error) {
	if len(baseURLs) == 0 {
		return nil, errors.New("no base URL")
	}
	s, err := c.source(baseURLs, o.withDefaults())
	if err != nil {
		return nil, err
	}
	s.pool.begin(s.bases)
	return s, nil
}

// source makes a source, to which mirrors may be added.
func (c *Client) source(baseURLs []string, o Options) (*Source, error) {
	s := &Source{
		client: c, opts: o, others: map[string]*base{},
		patience: patience(o), counters: &counters{}, pool: newPool(o),
		throttle: newThrottle(o.Throttle),
	}
	for _, raw := range baseURLs {
		b, err := parseBase(raw, o.Username, o.Password)
		if err != nil {
			return nil, err
		}
		b.health.patience = s.patience
		s.bases = append(s.bases, b)
	}
	transport, err := c.transport(o)
	if err != nil {
		return nil, err
	}
	s.http = &http.Client{Transport: transport, CheckRedirect: checkRedirect(o.AllowDowngrade)}
	return s, nil
}

// Warnings tell what will go wrong with the source before long: a client
// certificate that expires.
func (s *Source) Warnings() []string {
	now := time.Now()
	return append(s.opts.TLS.warnings(now), s.opts.ProxyTLS.warnings(now)...)
}

// Stats counts what this source did.
func (s *Source) Stats() Stats { return s.counters.stats() }

// Capacity is how many downloads at a time the mirrors serve together; 0: any
// number.
func (s *Source) Capacity() int {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	return s.pool.limit * len(s.pool.bases)
}

// Reject leaves the mirror that info came from out of the run, for what its files
// say. It reports whether another mirror can be asked; if not, the mirror stays
// in use.
func (s *Source) Reject(info Info, why error) (another bool) {
	return info.base != nil && s.pool.reject(info.base, why)
}

// URL is where the file at a location is asked for first: what a list of URLs
// shows. Credentials and queries are left out. It is empty for a location that
// cannot be asked for.
func (s *Source) URL(xmlBase, location string) string {
	places, err := s.places(xmlBase, location)
	if err != nil {
		return ""
	}
	return places[0].shown
}
