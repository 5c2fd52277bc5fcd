package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"gorepo/internal/catalog"
	"gorepo/internal/config"
	"gorepo/internal/health"
	"gorepo/internal/httpserve"
)

type serveCmd struct {
	Listen         []string `sep:"none" placeholder:"ADDR" help:"Where to listen: HOST:PORT, :PORT for every address of this host, or unix:PATH. https:// or http:// in front say how; else it is https where there is a certificate. May be repeated. Default 127.0.0.1:8080."`
	PublicURL      string   `name:"public-url" placeholder:"URL" help:"What clients call the mirror, where it is not what they ask for (behind a proxy). Goes into /ID.repo."`
	MetricsListen  string   `placeholder:"ADDR" help:"Show metrics, of all repositories and to everybody, at /metrics on this address, and nowhere else. Default: at /-/metrics with the rest."`
	TLSCert        string   `name:"tls-cert" placeholder:"FILE" help:"Serve by https with this certificate, and those that lead to its authority (PEM). Read again when it changes."`
	TLSKey         string   `name:"tls-key" placeholder:"FILE" help:"The certificate's key; without, it is in the file of the certificate."`
	TLSClientCA    string   `name:"tls-client-ca" placeholder:"FILE" help:"Let in only clients with a certificate of these authorities (PEM), where allow_client_names does not say otherwise."`
	Htpasswd       string   `placeholder:"FILE" help:"Let in only the users in this file of bcrypt hashes (htpasswd -B), where allow_users does not say otherwise."`
	MaxConnections int      `placeholder:"N" help:"Connections at a time; more wait. Default: as many as the limit of open files has room for, 10000 at most."`
	TrustedProxies []string `placeholder:"NETWORK" help:"Believe what X-Forwarded-For and X-Forwarded-Proto say when they come from here; unix: is whoever connects to a Unix socket. May be repeated."`
	DrainTimeout   seconds  `placeholder:"TIME" help:"How long downloads under way may go on after SIGTERM: seconds, or 2m. Default 30."`
	AccessLog      string   `placeholder:"FILE" help:"Append a line for each request; - is stdout. SIGHUP opens it again, for logrotate."`

	AccessLogFormat string `placeholder:"FORMAT" help:"combined, as Apache and nginx have it, or json: an object for each request. Default combined."`
	CacheDir        string `placeholder:"DIR" help:"Where indexes of packages are made that cannot be in the mirror, because it is only read. Else $$CACHE_DIRECTORY, which systemd sets."`
}

// Help is shown by gorepo serve --help.
func (serveCmd) Help() string {
	return `Every directory of the mirror is served; gorepo's own .gorepo is not. /ID.repo is a ready client configuration:

  curl -o /etc/yum.repos.d/epel-9.repo http://mirror.example:8080/epel-9.repo

Each of these flags but --cache-dir is a key of [main] too (listen, tls_cert, ...), and goes before it. SIGHUP reads the configuration again. SIGTERM and Ctrl-C stop it: no new requests, downloads under way finish.`
}

// A web is a running gorepo serve.
type web struct {
	*app
	cmd  *serveCmd
	log  *slog.Logger
	site atomic.Pointer[webSite]
	// started is what the server runs with, where SIGHUP does not change it.
	started serveSettings
	tls     *httpserve.TLS // nil: without
	server  *httpserve.Server
	health  *health.Checker
	access  *httpserve.LogFile // nil: none
	hangup  <-chan os.Signal   // SIGHUP
	shelf   *catalog.Shelf
}

// Run serves until ctx ends.
func (cmd *serveCmd) Run(ctx context.Context, a *app) error {
	w := &web{app: a, cmd: cmd, log: a.logger()}
	var unhook func()
	w.hangup, unhook = hangups() // from the beginning to the end: else it would kill
	defer unhook()
	c, incomplete, err := a.loadConfig(config.Options{Optional: true})
	if err != nil {
		return err
	}
	site, err := w.newSite(c, incomplete)
	if err != nil {
		return err
	}
	for _, err := range site.wrong {
		w.out.Fail("", fmt.Errorf("%w: nobody may read it", err))
	}
	for _, text := range site.odd {
		w.out.Warn("", text)
	}
	w.site.Store(site)
	w.started = site.serve
	if w.tls, err = newTLS(site.serve, w.log); err != nil {
		return err
	}
	if err := w.openAccessLog(); err != nil {
		return err
	}
	if w.access != nil {
		defer func() { _ = w.access.Close() }() // what could not be written was said
		// A second signal kills, and until then there are few requests.
		context.AfterFunc(ctx, w.access.Direct)
	}
	if w.health, err = health.New(c.Main.Root, func(id string) health.Expected { return w.site.Load().expected(id) }); err != nil {
		return err
	}
	w.shelf = catalog.NewShelf(catalog.ShelfOptions{
		Options: catalog.Options{Root: c.Main.Root, CacheDir: cacheDir(cmd.CacheDir, a)}, Logger: w.log,
	})
	people := w.pages(w.shelf)
	o := httpserve.Options{
		Pages: people,
		Refused: func(w http.ResponseWriter, r *http.Request, no httpserve.Refusal) {
			people.Refuse(w, r, no.Status, no.Title, no.Text)
		},

		Root:         c.Main.Root,
		PublicURL:    site.serve.PublicURL,
		Repos:        func() []httpserve.RepoInfo { return w.site.Load().repos },
		Access:       func() *httpserve.Access { return w.site.Load().access },
		Logger:       w.log,
		DrainTimeout: site.serve.DrainTimeout,

		MaxConnections:   site.serve.MaxConnections,
		Health:           func(id string) health.Repo { return w.health.Check(id, time.Now()) },
		Mirrors:          func() []string { return w.site.Load().config.Main.Mirrors },
		Checksum:         w.checksum,
		Index:            func(id string) httpserve.IndexState { return httpserve.IndexState(w.shelf.Stats(id)) },
		Version:          strings.TrimPrefix(ownVersion(), "gorepo "),
		MetricsElsewhere: site.serve.MetricsListen != "",
		AccessLogJSON:    site.serve.AccessLogFormat == "json",
	}
	if w.access != nil {
		o.AccessLog = w.access
	}
	w.server, err = httpserve.New(o)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: nothing is mirrored there yet (gorepo sync), or it is not the mirror (--root DIR)", err)
	}
	if err != nil {
		return err
	}
	defer func() { _ = w.server.Close() }() // only read from
	listeners, err := w.listen(ctx)
	if err != nil {
		return err
	}
	stopMetrics, err := w.serveMetrics(ctx)
	if err != nil {
		for _, l := range listeners {
			_ = l.Close() // never used
		}
		return err
	}
	defer stopMetrics()
	return w.run(ctx, listeners)
}

// run serves on all listeners until ctx ends or one of them fails.
func (w *web) run(ctx context.Context, listeners []webListener) error {
	grp, ctx := errgroup.WithContext(ctx)
	for _, l := range listeners {
		w.out.Announce(fmt.Sprintf("serving %s on %s", w.site.Load().root, l.url()))
		grp.Go(func() error {
			if l.tls {
				return w.server.ServeTLS(ctx, l, w.tls)
			}
			return w.server.Serve(ctx, l)
		})
	}
	grp.Go(func() error { w.attend(ctx); return nil })
	grp.Go(func() error { w.shelve(ctx, w.shelf); return nil })
	w.notify(ctx, "READY=1")
	grp.Go(func() error {
		<-ctx.Done()
		w.notify(ctx, "STOPPING=1")
		return nil
	})
	return grp.Wait()
}

// refreshEvery is how often files that may change by themselves are looked at.
const refreshEvery = 5 * time.Second

// attend looks after what changes while the server runs, until ctx ends.
func (w *web) attend(ctx context.Context) {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		w.refresh()
		select {
		case <-ctx.Done():
			return
		case <-w.hangup:
			w.notify(ctx, reloading())
			w.reload()
			w.notify(ctx, "READY=1")
		case <-tick.C:
		}
	}
}

func (w *web) refresh() {
	if w.tls != nil {
		w.tls.Refresh()
	}
	if p := w.site.Load().passwords; p != nil {
		p.Refresh()
	}
}

// reload reads the configuration again. One that is wrong changes nothing.
func (w *web) reload() {
	if w.access != nil {
		if err := w.access.Reopen(); err != nil {
			w.log.Error("the access log stays where it was", "error", err)
		}
	}
	if err := w.tryReload(); err != nil {
		w.log.Error("the configuration is not used, and the old one stays", "error", err)
		return
	}
	w.out.Announce("the configuration was read again")
}

func (w *web) tryReload() error {
	c, err := w.readConfig(config.Options{Optional: true})
	if err != nil {
		return err
	}
	if err := firstOf(c.Errors); err != nil {
		return err
	}
	site, err := w.newSite(c, false)
	if err != nil {
		return err
	}
	if err := firstOf(site.wrong); err != nil {
		return err
	}
	old := w.site.Load()
	switch {
	case site.root != old.root:
		return fmt.Errorf("root is %s now, and was %s: that takes a restart", site.root, old.root)
	case (site.serve.TLSCert == "") != (w.tls == nil):
		return errors.New("tls_cert was set or taken out: that takes a restart")
	}
	was := old.serve.PublicURL
	if err := w.server.SetPublicURL(site.serve.PublicURL); err != nil {
		return err
	}
	if w.tls != nil {
		if err := w.tls.Reload(site.serve.tlsFiles()); err != nil {
			return errors.Join(err, w.server.SetPublicURL(was))
		}
	}
	for _, text := range site.odd {
		w.log.Warn(text)
	}
	w.site.Store(site)
	if again := site.serve.needRestart(w.started); len(again) > 0 {
		w.out.Warn("", "what has changed in "+list(again)+" takes a restart")
	}
	w.showWarnings("", c.Warnings)
	return nil
}

// firstOf makes one line of several errors.
func firstOf(errs []error) error {
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return fmt.Errorf("%w (and %d more)", errs[0], len(errs)-1)
}

func (w *web) openAccessLog() error {
	var err error
	switch name := w.site.Load().serve.AccessLog; name {
	case "":
	case "-":
		w.access = httpserve.NewLog(w.stdout, w.log)
	default:
		if w.access, err = httpserve.OpenLog(name, w.log); err != nil {
			return fmt.Errorf("--access-log: %w", err)
		}
	}
	return nil
}

// served is what clients are told of the repositories.
func (a *app) served(c *config.Config) []httpserve.RepoInfo {
	infos := make([]httpserve.RepoInfo, 0, len(c.Repos))
	var unread []string // keys, as the configuration has them
	why, of := map[string]error{}, map[string][]string{}
	for _, r := range c.Repos {
		info := httpserve.RepoInfo{ID: r.ID, Name: r.Name, GPGCheck: r.GPGCheck, ModuleHotfixes: r.ModuleHotfixes, Mirrors: r.Mirrors, Disabled: !r.Enabled}
		// Metadata that gorepo builds has no signature of upstream's.
		info.RepoGPGCheck = r.RepoGPGCheck && r.DownloadMetadata
		info.SignedHere = (r.SignKey != "" || r.SignWith != "") && !r.DownloadMetadata
		for _, key := range r.GPGKeys {
			if strings.HasPrefix(key, "http://") || strings.HasPrefix(key, "https://") {
				info.KeyURLs = append(info.KeyURLs, key)
				continue
			}
			data, err := readKey(key)
			if err != nil {
				if why[key] == nil {
					unread = append(unread, key)
				}
				why[key], of[key] = err, append(of[key], r.ID)
				continue
			}
			info.Keys = append(info.Keys, data...)
		}
		infos = append(infos, info)
	}
	for _, key := range unread { // often one for all
		if len(of[key]) == 1 {
			a.out.Warn(of[key][0], fmt.Sprintf("gpgkey: clients do not get it: %v", why[key]))
			continue
		}
		a.out.Warn("", fmt.Sprintf("gpgkey: clients of %d repositories do not get it (%s): %v", len(of[key]), someOf(of[key]), why[key]))
	}
	return infos
}

// maxKeySize bounds a file of public keys, in bytes.
const maxKeySize = 1 << 20

// readKey reads an armored key from a path or file URL.
func readKey(key string) ([]byte, error) {
	path := strings.TrimPrefix(strings.TrimPrefix(key, "file://localhost/"), "file://")
	if strings.HasPrefix(key, "file://localhost/") {
		path = "/" + path
	}
	f, err := os.Open(filepath.FromSlash(path))
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeySize))
	_ = f.Close() // only read from
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if !strings.Contains(string(data), "BEGIN PGP PUBLIC KEY BLOCK") {
		return nil, fmt.Errorf("%s: it is not an armored public key", path)
	}
	if data[len(data)-1] != '\n' {
		data = append(data, '\n')
	}
	return data, nil
}
