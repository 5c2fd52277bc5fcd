package httpserve

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gorepo/internal/health"
)

// Options says what to serve and how patient to be. The zero value of
// everything but Root works.
type Options struct {
	// Root is the mirror's directory.
	Root string
	// PublicURL is what clients reach Root as ("https://mirror.example/el/"),
	// for the configurations that /ID.repo hands out. Empty: as the request
	// saw it.
	PublicURL string
	// Repos gives what is known of the repositories. It is called for each
	// request that needs it, so what it gives may change. Nil: nothing is
	// known but what lies in Root.
	Repos func() []RepoInfo
	// Access gives who may read what; it too is called for each request. Nil, or
	// what it gives is nil: everybody may read everything.
	Access func() *Access

	// Health tells the state of a repository now. Nil: as the files in Root tell
	// it, with health.DefaultMaxAge.
	Health func(id string) health.Repo
	// Mirrors gives the URLs of all mirrors that serve the same tree as this one,
	// this one among them, for repositories that Repos does not name. Nil or none:
	// only this one is known.
	Mirrors func() []string
	// Checksum tells a package's checksum, in hexadecimal, if metadata knows that of
	// this very file; else "". It must not take long. Nil: it is never known.
	Checksum func(id string, p PackageFile) string
	// Index tells of the index of a repository, for metrics. Nil: there is none.
	Index func(id string) IndexState
	// Version is gorepo's, for gorepo_build_info.
	Version string
	// MetricsElsewhere leaves /-/metrics to MetricsHandler.
	MetricsElsewhere bool
	// Pages answers for "/" where somebody reads it, and for what is below "/-/" and
	// nobody else's. Nil: "/" is a listing as any directory is.
	Pages http.Handler
	// Refused answers a browser with a page of what it does not get; what the
	// header has to say is set. Nil: it gets one line of text, as everybody else.
	Refused func(w http.ResponseWriter, r *http.Request, no Refusal)

	Logger    *slog.Logger // failures of this side; nil: none
	AccessLog io.Writer    // one line a request; nil: none
	// AccessLogJSON makes each line a JSON object, instead of Apache's combined
	// format.
	AccessLogJSON bool

	// MaxConnections may be open at a time on all listeners together; more wait.
	// Default: as many as the limit of open files has room for.
	MaxConnections int

	HeaderTimeout time.Duration // for a request's header; default 20 s
	IdleTimeout   time.Duration // between two requests of a connection; default 75 s
	StallTimeout  time.Duration // without a byte taken by the client; default 60 s
	DrainTimeout  time.Duration // for downloads under way when told to stop; default 30 s
}

// RepoInfo is what the server says to clients of one repository.
type RepoInfo struct {
	ID   string
	Name string // for people; the ID where empty
	// GPGCheck says that the packages are signed with one of the keys.
	GPGCheck bool
	// RepoGPGCheck says that repomd.xml.asc is made with one of the keys.
	// Clients are told so only while that file is there.
	RepoGPGCheck bool
	// SignedHere says that it is made with the key in repomd.xml.key beside it.
	SignedHere bool
	// Keys holds the public keys themselves, served under /-/keys/ID.asc.
	Keys []byte
	// KeyURLs are keys that clients can fetch elsewhere, http or https.
	// Others are left out.
	KeyURLs []string
	// ModuleHotfixes says that packages are for clients of all module streams.
	ModuleHotfixes bool
	// Mirrors are the http and https URLs of all mirrors that have it below them,
	// under its ID; none: only this one is known.
	Mirrors []string
	// Disabled says that it is not kept up to date, and need not be there.
	Disabled bool
}

// maxHeaderBytes has room for some thousands of ranges, as zchunk asks for.
const maxHeaderBytes = 64 << 10

// A Server is the handler of a mirror, and the server around it.
type Server struct {
	tree      *tree
	hot       hotCache
	checksums checksums
	publicURL atomic.Pointer[string]
	logins    *logins
	gate      *gate
	repos     func() []RepoInfo
	log       *slog.Logger
	access    *accessLog
	options   Options

	mirrorlists mirrorlists
	health      func(id string) health.Repo
	metrics     *metrics
	process     *prometheus.Registry // metrics that are not the mirror's
	scrapes     chan struct{}        // one for each that is answered
	often       often
}

// New opens a mirror for serving. Close releases it.
func New(o Options) (*Server, error) {
	o = o.withDefaults()
	s := &Server{checksums: checksums{ask: o.Checksum}, logins: newLogins(), gate: newGate(o.MaxConnections), repos: o.Repos, log: o.Logger, options: o}
	if err := s.SetPublicURL(o.PublicURL); err != nil {
		return nil, err
	}
	var err error
	if s.tree, err = openTree(o.Root); err != nil {
		return nil, err // which names Root
	}
	if err := s.startMetrics(); err != nil {
		return nil, errors.Join(err, s.tree.close())
	}
	if o.AccessLog != nil {
		s.access = &accessLog{w: o.AccessLog, json: o.AccessLogJSON}
	}
	return s, nil
}

// SetPublicURL changes Options.PublicURL. One that is none is an error, and
// changes nothing.
func (s *Server) SetPublicURL(public string) error {
	if public != "" {
		u, err := url.Parse(public)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || !validHost(u.Host) ||
			u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return fmt.Errorf("public URL %q: not an http or https URL such as https://mirror.example/", public)
		}
		public = u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/")
	}
	s.publicURL.Store(&public)
	return nil
}

func (o Options) withDefaults() Options {
	if o.Repos == nil {
		o.Repos = func() []RepoInfo { return nil }
	}
	if o.Access == nil {
		o.Access = func() *Access { return nil }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxConnections <= 0 {
		o.MaxConnections = connectionsFor(openFiles())
	}
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{
		{&o.HeaderTimeout, 20 * time.Second},
		{&o.IdleTimeout, 75 * time.Second},
		{&o.StallTimeout, 60 * time.Second},
		{&o.DrainTimeout, 30 * time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	return o
}

// connectionsFor is how many connections a limit of open files has room for,
// each with a file to send; more than that would rather be memory's to bear.
func connectionsFor(files uint64) int {
	const others, most = 100, 10_000
	if files >= others+2*most {
		return most
	}
	return max(16, (int(files)-others)/2)
}

// Close releases the mirror's directories. Requests under way finish.
func (s *Server) Close() error { return s.tree.close() }

// Serve answers on l until ctx ends, then takes no more connections, lets the
// downloads under way finish for DrainTimeout, cuts the rest and returns nil.
// It closes l.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	// Requests outlive ctx, by DrainTimeout at most.
	requests, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	l = s.patient(l)
	others := newHandover(l.Addr())
	f := newFront(requests, s, others)
	hs := s.httpServer()
	accepting, ended := make(chan error, 1), make(chan error, 1)
	go func() { accepting <- f.serve(l) }()
	go func() { ended <- hs.Serve(others) }()
	var err error
	select {
	case err = <-accepting:
		err = fmt.Errorf("serve on %s: %w", l.Addr(), err)
		_ = l.Close() // of no use any more
	case <-ctx.Done():
		if err = l.Close(); err == nil {
			err = unless(net.ErrClosed, <-accepting)
		}
	}
	return errors.Join(err, s.drain(f, hs), unless(http.ErrServerClosed, <-ended))
}

// A serverLog takes what net/http has to say. That somebody speaks no TLS, or
// another one, or shows no good certificate, is said with -v: whoever looks for
// open ports does so all day.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Write(p []byte) (int, error) {
	text := strings.TrimSpace(string(p))
	if strings.Contains(text, "TLS handshake error") {
		l.log.Info(text)
	} else {
		l.log.Warn(text)
	}
	return len(p), nil
}

// unless returns err, if it is not the one that is as it should be.
func unless(expected, err error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

func (s *Server) httpServer() *http.Server {
	return &http.Server{
		Handler:                      s,
		DisableGeneralOptionsHandler: true, // its answer to OPTIONS * has no Allow
		ReadHeaderTimeout:            s.options.HeaderTimeout,
		IdleTimeout:                  s.options.IdleTimeout,
		MaxHeaderBytes:               maxHeaderBytes,
		ErrorLog:                     stdlog.New(serverLog{s.log}, "", 0),
	}
}

// drain waits for the answers under way, for DrainTimeout, and cuts the rest.
func (s *Server) drain(f *front, hs *http.Server) error {
	drain, cancel := context.WithTimeout(f.ctx, s.options.DrainTimeout)
	defer cancel()
	drained := make(chan bool, 1)
	go func() { drained <- f.drain(drain) }()
	err := hs.Shutdown(drain)
	if finished := <-drained; !finished || errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("downloads were still running and are cut", "after", s.options.DrainTimeout)
		err = hs.Close()
		s.settle()
	}
	if err != nil {
		return fmt.Errorf("stop serving: %w", err)
	}
	return nil
}

// settle gives answers that were cut a moment to come to their end, and into the log:
// net/http does not wait for them.
func (s *Server) settle() {
	const most, look = time.Second, 5 * time.Millisecond
	for end := time.Now().Add(most); s.metrics.inFlight() > 0 && time.Now().Before(end); {
		time.Sleep(look)
	}
}
