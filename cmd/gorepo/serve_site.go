package main

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gorepo/internal/config"
	"gorepo/internal/health"
	"gorepo/internal/httpserve"
)

// A webSite is what the configuration says of what is served. SIGHUP makes
// another one.
type webSite struct {
	root      string
	config    *config.Config
	serve     serveSettings
	repos     []httpserve.RepoInfo
	people    []described       // the same for people
	access    *httpserve.Access // nil: everybody may read everything
	passwords *httpserve.PasswordFile
	expected  func(id string) health.Expected
	odd       []string // what is worth a warning
	wrong     []error  // rules that cannot be used; what they are about is for nobody
}

// serveSettings are [main]'s keys, with flags over them and defaults below.
type serveSettings struct{ config.Serve }

const defaultListen = "127.0.0.1:8080"

func (cmd *serveCmd) settings(main config.Serve) (serveSettings, error) {
	s := serveSettings{main}
	for _, f := range []struct {
		flag string
		to   *string
		path bool
	}{
		{cmd.PublicURL, &s.PublicURL, false},
		{cmd.MetricsListen, &s.MetricsListen, false},
		{cmd.TLSCert, &s.TLSCert, true},
		{cmd.TLSKey, &s.TLSKey, true},
		{cmd.TLSClientCA, &s.TLSClientCA, true},
		{cmd.Htpasswd, &s.Htpasswd, true},
		{cmd.AccessLog, &s.AccessLog, cmd.AccessLog != "-"},
		{cmd.AccessLogFormat, &s.AccessLogFormat, false},
	} {
		if f.flag == "" {
			continue
		}
		*f.to = f.flag
		if f.path {
			abs, err := filepath.Abs(f.flag)
			if err != nil {
				return s, err
			}
			*f.to = abs
		}
	}
	if cmd.TLSCert != "" && cmd.TLSKey == "" {
		s.TLSKey = "" // that of the file is another one's
	}
	if len(cmd.Listen) > 0 {
		s.Listen = cmd.Listen
	}
	if len(s.Listen) == 0 {
		s.Listen = []string{defaultListen}
	}
	if len(cmd.TrustedProxies) > 0 {
		var err error
		if s.TrustedProxies, s.TrustUnix, err = config.ParseProxies(strings.Join(cmd.TrustedProxies, " ")); err != nil {
			return s, usagef("--trusted-proxies: %w", err)
		}
	}
	if f := cmd.AccessLogFormat; f != "" && f != "combined" && f != "json" {
		return s, usagef("--access-log-format %s: it should be combined or json", f)
	}
	if cmd.MaxConnections < 0 {
		return s, usagef("--max-connections %d: it should be 1 or more", cmd.MaxConnections)
	}
	if cmd.DrainTimeout < 0 {
		return s, usagef("--drain-timeout: never is no time to wait")
	}
	s.MaxConnections = cmp.Or(cmd.MaxConnections, s.MaxConnections)
	s.DrainTimeout = cmp.Or(time.Duration(cmd.DrainTimeout), s.DrainTimeout, 30*time.Second)
	switch {
	case s.TLSCert == "" && s.TLSKey != "":
		return s, usagef("tls_key (--tls-key) goes with tls_cert (--tls-cert)")
	case s.TLSCert == "" && s.TLSClientCA != "":
		return s, usagef("tls_client_ca (--tls-client-ca) goes with tls_cert (--tls-cert): certificates are shown by https")
	}
	return s, nil
}

func (s serveSettings) tlsFiles() httpserve.TLSFiles {
	return httpserve.TLSFiles{Cert: s.TLSCert, Key: s.TLSKey, ClientCA: s.TLSClientCA}
}

// needRestart names the keys that differ and count when the program starts.
func (s serveSettings) needRestart(was serveSettings) []string {
	var keys []string
	for _, k := range []struct {
		name string
		same bool
	}{
		{"listen", slices.Equal(s.Listen, was.Listen)},
		{"metrics_listen", s.MetricsListen == was.MetricsListen},
		{"drain_timeout", s.DrainTimeout == was.DrainTimeout},
		{"access_log", s.AccessLog == was.AccessLog},
		{"access_log_format", s.AccessLogFormat == was.AccessLogFormat},
		{"max_connections", s.MaxConnections == was.MaxConnections},
	} {
		if !k.same {
			keys = append(keys, k.name)
		}
	}
	return keys
}

func newTLS(s serveSettings, log *slog.Logger) (*httpserve.TLS, error) {
	if s.TLSCert == "" {
		return nil, nil
	}
	t, err := httpserve.NewTLS(s.tlsFiles(), log)
	if err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return t, nil
}

// newSite works out what a configuration means. What a file says that could
// not be read (incomplete) is not known: then only what the others speak of is
// served.
func (w *web) newSite(c *config.Config, incomplete bool) (*webSite, error) {
	settings, err := w.cmd.settings(c.Main.Serve)
	if err != nil {
		return nil, err
	}
	s := &webSite{root: c.Main.Root, config: c, serve: settings, repos: w.served(c), expected: expectations(c)}
	s.people = s.describe()
	if settings.Htpasswd != "" {
		if s.passwords, err = httpserve.NewPasswordFile(settings.Htpasswd, w.log); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				err = fmt.Errorf("%w (htpasswd -B -c FILE USER makes it)", err)
			}
			return nil, fmt.Errorf("passwords: %w", err)
		}
	}
	s.noteUnreadable()
	return s, s.settleAccess(w, incomplete)
}

// noteUnreadable takes down what is published, and may not be read by whoever serves:
// it looks like a repository that is not there.
func (s *webSite) noteUnreadable() {
	entries, err := os.ReadDir(s.root)
	if err != nil {
		return // that ends the start by itself
	}
	var ids []string
	var why error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		f, err := os.Open(filepath.Join(s.root, e.Name(), "repodata", "repomd.xml"))
		if err == nil {
			_ = f.Close() // was not read
		} else if errors.Is(err, fs.ErrPermission) {
			ids, why = append(ids, e.Name()), cmp.Or(why, err)
		}
	}
	switch len(ids) {
	case 0:
	case 1:
		s.odd = append(s.odd, fmt.Sprintf("clients cannot be given %s: %v", ids[0], why))
	default:
		s.odd = append(s.odd, fmt.Sprintf("clients cannot be given %d repositories (%s), which this user may not read: %v", len(ids), someOf(ids), why))
	}
}

// settleAccess makes rules of what the configuration says.
func (s *webSite) settleAccess(w *web, incomplete bool) error {
	a := &httpserve.Access{
		Repos: map[string]httpserve.Rule{}, Closed: incomplete,
		TrustedProxies: s.serve.TrustedProxies, TrustUnix: s.serve.TrustUnix,
		TrustedCA: func(ca *x509.Certificate) bool { return w.tls.Trusts(ca) },
	}
	if s.passwords != nil {
		a.Users = s.passwords.Users
	}
	var err error
	if a.Site, err = s.rule(s.config.Main.Access); err != nil {
		return fmt.Errorf("[main]: %w", err)
	}
	s.noteUnknownUsers("allow_users in [main]", a.Site.Users)
	restricted := incomplete || !a.Site.Open() || len(a.TrustedProxies) > 0 || a.TrustUnix
	for _, r := range s.config.Repos {
		rule, err := s.rule(r.Access)
		if err != nil {
			err = fmt.Errorf("%s: repository %q: %w", placeOfRule(r, err), r.ID, err)
		}
		if err = errors.Join(r.AccessErr, err); err != nil {
			s.wrong = append(s.wrong, err)
			rule = httpserve.Rule{Nobody: true}
		}
		a.Repos[r.ID] = rule
		if !slices.Equal(rule.Users, a.Site.Users) {
			s.noteUnknownUsers("allow_users of "+r.ID, rule.Users)
		}
		restricted = restricted || !rule.Open()
	}
	if restricted {
		s.access = a
	}
	return nil
}

// noteUnknownUsers takes down who is let in and has no password.
func (s *webSite) noteUnknownUsers(where string, users []string) {
	if s.passwords == nil {
		return
	}
	for _, name := range users {
		if name != "*" && !s.passwords.Users().Has(name) {
			s.odd = append(s.odd, fmt.Sprintf("%s: there is no user %q in %s", where, name, s.serve.Htpasswd))
		}
	}
}

// rule is that of one section: what it does not say follows from what there
// is to check a client with.
func (s *webSite) rule(a config.Access) (httpserve.Rule, error) {
	rule := httpserve.Rule{Networks: a.Networks, ClientNames: a.ClientNames, Users: a.Users}
	if a.ClientNames == nil && s.serve.TLSClientCA != "" {
		rule.ClientNames = []string{"*"}
	}
	if a.Users == nil && s.passwords != nil {
		rule.Users = []string{"*"}
	}
	switch {
	case len(rule.ClientNames) > 0 && s.serve.TLSClientCA == "":
		return rule, errors.New("allow_client_names goes with tls_client_ca: nobody could show a certificate")
	case len(rule.Users) > 0 && s.passwords == nil:
		return rule, errors.New("allow_users goes with htpasswd: nobody could log in")
	}
	return rule, nil
}

// placeOfRule is where a repository says what err begins with.
func placeOfRule(r *config.Repo, err error) string {
	for _, set := range r.Settings {
		if strings.HasPrefix(err.Error(), set.Key+" ") {
			return set.From
		}
	}
	return fmt.Sprintf("%s:%d", r.File, r.Line)
}

// logsIn reports whether anything that is served wants a password.
func (s *webSite) logsIn() bool {
	if s.access == nil {
		return false
	}
	for _, rule := range s.access.Repos {
		if len(rule.Users) > 0 {
			return true
		}
	}
	return len(s.access.Site.Users) > 0
}
