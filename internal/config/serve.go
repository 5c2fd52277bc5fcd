package config

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"
)

// Serve is what [main] says of gorepo serve.
type Serve struct {
	Listen          []string // addresses; none: not said
	PublicURL       string
	MetricsListen   string // an address; empty: with the rest
	TLSCert         string // absolute paths; empty: none
	TLSKey          string
	TLSClientCA     string
	Htpasswd        string
	AccessLog       string // an absolute path, or "-" for stdout
	AccessLogFormat string // combined or json; empty: not said
	MaxConnections  int    // 0: not said
	DrainTimeout    time.Duration
	// TrustedProxies are those whose word on the client's address counts.
	TrustedProxies []netip.Prefix
	// TrustUnix says that who connects to a Unix socket is such a proxy.
	TrustUnix bool
}

// Anyone takes a condition of Access away that there would be without it.
const Anyone = "anyone"

// Access says who may read a repository that is served: who meets all three
// conditions. A nil list was not said; one that is empty and not nil says that
// there is no such condition.
type Access struct {
	Networks    []netip.Prefix
	ClientNames []string // patterns of names in client certificates
	Users       []string // "*": all that have a password
}

// servePaths are the keys of [main] for files, relative to the configuration's
// own directory, and where they go.
var servePaths = map[string]func(*Serve) *string{
	"tls_cert":      func(s *Serve) *string { return &s.TLSCert },
	"tls_key":       func(s *Serve) *string { return &s.TLSKey },
	"tls_client_ca": func(s *Serve) *string { return &s.TLSClientCA },
	"htpasswd":      func(s *Serve) *string { return &s.Htpasswd },
	"access_log":    func(s *Serve) *string { return &s.AccessLog },
}

func serveSettings() map[string]key {
	set := map[string]key{
		"listen":         {scope: inMain, main: func(m *Main, v string) error { m.Serve.Listen = parseList(v); return nil }},
		"public_url":     {scope: inMain, main: func(m *Main, v string) error { m.Serve.PublicURL = v; return nil }},
		"metrics_listen": {scope: inMain, main: func(m *Main, v string) error { m.Serve.MetricsListen = v; return nil }},
		"access_log_format": {scope: inMain, main: func(m *Main, v string) error {
			if v != "combined" && v != "json" {
				return fmt.Errorf("%q is neither combined nor json", v)
			}
			m.Serve.AccessLogFormat = v
			return nil
		}},
		"max_connections": {scope: inMain, main: func(m *Main, v string) (err error) {
			m.Serve.MaxConnections, err = parseInt(v, 1, 1_000_000)
			return err
		}},
		"drain_timeout": {scope: inMain, main: func(m *Main, v string) (err error) {
			if m.Serve.DrainTimeout, err = ParseDuration(v); err == nil && m.Serve.DrainTimeout <= 0 {
				err = fmt.Errorf("%q is no time to wait", v)
			}
			return err
		}},
		"trusted_proxies": {scope: inMain, main: func(m *Main, v string) (err error) {
			m.Serve.TrustedProxies, m.Serve.TrustUnix, err = ParseProxies(v)
			return err
		}},

		"allow_networks":     {scope: inBoth, access: true, repo: func(r *Repo, v string) (err error) { r.Access.Networks, err = parseNetworks(v); return err }},
		"allow_client_names": {scope: inBoth, access: true, repo: func(r *Repo, v string) (err error) { r.Access.ClientNames, err = parseClientNames(v); return err }},
		"allow_users":        {scope: inBoth, access: true, repo: func(r *Repo, v string) (err error) { r.Access.Users, err = parseUsers(v); return err }},
	}
	for name, field := range servePaths {
		set[name] = key{scope: inMain, main: func(m *Main, v string) error { *field(&m.Serve) = v; return nil }}
	}
	return set
}

// serveFiles makes the paths of [main]'s serve keys absolute.
func (l *loader) serveFiles(entries map[string]entry) {
	for name, field := range servePaths {
		p := field(&l.conf.Main.Serve)
		if *p != "" && (*p != "-" || name != "access_log") {
			*p = l.fromFile(entries[name], *p)
		}
	}
}

// conditions reads the list of an allow_ key: nil and true where it is anyone.
func conditions(v string) (list []string, anyone bool, err error) {
	list = parseList(v)
	switch {
	case len(list) == 0:
		return nil, false, fmt.Errorf("it is empty: say who, or %q", Anyone)
	case !slices.Contains(list, Anyone):
		return list, false, nil
	case len(list) > 1:
		return nil, false, fmt.Errorf("%q stands for itself: leave the others out", Anyone)
	}
	return nil, true, nil
}

func parseNetworks(v string) ([]netip.Prefix, error) {
	list, anyone, err := conditions(v)
	if anyone || err != nil {
		return []netip.Prefix{}, err
	}
	return prefixes(list)
}

// ParseProxies reads networks, and unix: for whoever connects to a Unix socket.
func ParseProxies(v string) (networks []netip.Prefix, unix bool, err error) {
	list := slices.DeleteFunc(parseList(v), func(s string) bool {
		unix = unix || s == "unix:"
		return s == "unix:"
	})
	networks, err = prefixes(list)
	return networks, unix, err
}

func prefixes(list []string) ([]netip.Prefix, error) {
	networks := make([]netip.Prefix, 0, len(list))
	for _, s := range list {
		p, err := parseNetwork(s)
		if err != nil {
			return nil, err
		}
		networks = append(networks, p)
	}
	return networks, nil
}

// parseNetwork reads a network or a single address. An IPv4 network that is
// written as one of IPv6 becomes what it is.
func parseNetwork(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		a, errAddr := netip.ParseAddr(s)
		if errAddr != nil || a.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("%q is neither a network (10.0.0.0/8, 2001:db8::/32) nor an address", s)
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}, fmt.Errorf("%q is wider than all of IPv4: write 0.0.0.0/0", s)
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// parseMirrors reads base URLs that are told to clients.
func parseMirrors(v string) ([]string, error) {
	list := parseList(v)
	for i, raw := range list {
		u, err := parseURL(raw)
		if err != nil {
			return nil, err
		}
		switch {
		case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "":
			return nil, fmt.Errorf("%q is no http or https URL of a mirror, such as https://mirror.example/", MaskURL(raw))
		case u.User != nil:
			return nil, fmt.Errorf("%q has a login in it, and would be told to everybody", MaskURL(raw))
		}
		list[i] = strings.TrimRight(u.String(), "/")
	}
	return list, nil
}

func parseClientNames(v string) ([]string, error) {
	list, anyone, err := conditions(v)
	if anyone || err != nil {
		return []string{}, err
	}
	for _, p := range list {
		if _, err := path.Match(p, ""); err != nil {
			return nil, fmt.Errorf("%q is no pattern: * and ? stand for any characters, [a-z] for one of them", p)
		}
	}
	return list, nil
}

func parseUsers(v string) ([]string, error) {
	list, anyone, err := conditions(v)
	if anyone || err != nil {
		return []string{}, err
	}
	for _, u := range list {
		if strings.Contains(u, ":") {
			return nil, fmt.Errorf("%q is no user: a name has no colon", u)
		}
	}
	return list, nil
}
