package config

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

func setBool(field func(*Repo) *bool) func(*Repo, string) error {
	return func(r *Repo, v string) (err error) {
		*field(r), err = parseBool(v)
		return err
	}
}

func setString(field func(*Repo) *string) func(*Repo, string) error {
	return func(r *Repo, v string) error {
		*field(r) = v
		return nil
	}
}

func setSecret(field func(*Repo) *Secret) func(*Repo, string) error {
	return func(r *Repo, v string) error {
		*field(r) = Secret(v)
		return nil
	}
}

func setFile(field func(*Repo) *string) func(*Repo, string) error {
	return func(r *Repo, v string) error {
		v = strings.TrimPrefix(v, "file://")
		if v != "" && !filepath.IsAbs(v) {
			return fmt.Errorf("%q is no absolute path", v)
		}
		*field(r) = v
		return nil
	}
}

func setCompat(r *Repo, v string) error {
	v = strings.ToLower(v)
	switch v {
	case "", "el5", "el6", "el7", "el8", "el9", "modern":
		r.Compat = v
		return nil
	}
	return fmt.Errorf("%q are no clients: there are el5, el6, el7, el8, el9 and modern", v)
}

func setMaxDelete(r *Repo, v string) (err error) {
	if v != "" {
		r.MaxDelete, err = parsePortion(v)
	}
	return err
}

func setSignWith(r *Repo, v string) error {
	if id, ok := strings.CutPrefix(v, "gpg:"); v != "" && (!ok || id == "") {
		return fmt.Errorf("%q does not say who signs: it is to be gpg:KEYID", v)
	}
	r.SignWith = v
	return nil
}

func setTimeout(r *Repo, v string) (err error) {
	r.Timeout, err = ParseDuration(v)
	if r.Timeout == 0 {
		r.Timeout = Never // curl's, hence dnf's, reading of 0
	}
	return err
}

func setIPResolve(r *Repo, v string) error {
	switch strings.ToLower(v) {
	case "", "whatever":
		r.IPResolve = ""
	case "4", "ipv4":
		r.IPResolve = "4"
	case "6", "ipv6":
		r.IPResolve = "6"
	default:
		return fmt.Errorf("%q is neither 4 nor 6", v)
	}
	return nil
}

// setProxy takes an empty value and _none_ as no proxy of the file's: that of
// the environment is used then.
func setProxy(r *Repo, v string) error {
	if v == "_none_" {
		v = ""
	}
	r.Proxy = v
	if v == "" {
		return nil
	}
	if !strings.Contains(v, "://") {
		v = "http://" + v
	}
	u, err := parseURL(v)
	if err != nil {
		return err
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
	default:
		return fmt.Errorf("a proxy of the kind %q is not supported: use http, https or socks5", u.Scheme)
	}
	if u.Host == "" {
		return fmt.Errorf("%q names no host", MaskURL(v))
	}
	r.Proxy = v
	return nil
}

// setPath reads zypper's path: where below the base URL the repository is.
func setPath(r *Repo, v string) error {
	v = strings.Trim(v, "/")
	for _, part := range strings.Split(v, "/") {
		if part == ".." {
			return fmt.Errorf("%q leads out of the base URL", v)
		}
	}
	r.path = v
	return nil
}

// below returns a checked base URL with path behind it.
func below(raw, path string) string {
	if strings.HasPrefix(raw, "/") {
		return strings.TrimRight(raw, "/") + "/" + path
	}
	raw, query, asked := strings.Cut(raw, "?")
	raw = strings.TrimRight(raw, "/") + "/" + (&url.URL{Path: path}).EscapedPath()
	if asked {
		raw += "?" + query
	}
	return raw
}

func setURLs(field func(*Repo) *[]string) func(*Repo, string) error {
	return func(r *Repo, v string) error {
		list := parseList(v)
		for _, raw := range list {
			if err := checkURL(raw); err != nil {
				return err
			}
		}
		*field(r) = list
		return nil
	}
}

func setURL(field func(*Repo) *string) func(*Repo, string) error {
	return func(r *Repo, v string) error {
		if v != "" {
			if err := checkURL(v); err != nil {
				return err
			}
		}
		*field(r) = v
		return nil
	}
}

func checkURL(raw string) error {
	if strings.HasPrefix(raw, "/") {
		return nil
	}
	u, err := parseURL(raw)
	if err != nil {
		return err
	}
	switch u.Scheme {
	case "http", "https":
		if u.Hostname() == "" {
			return fmt.Errorf("%q names no host", MaskURL(raw))
		}
	case "file":
		if !strings.HasPrefix(u.Path, "/") || u.Host != "" && u.Host != "localhost" {
			return fmt.Errorf("%q is no local file: it should be file:///absolute/path", MaskURL(raw))
		}
	case "":
		return fmt.Errorf("%q is neither a URL nor an absolute path", MaskURL(raw))
	default:
		return fmt.Errorf("%q: %s is not supported: use http, https, file or an absolute path", MaskURL(raw), u.Scheme)
	}
	return nil
}

// parseURL is url.Parse with an error that shows no credentials.
func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		var inner *url.Error
		if errors.As(err, &inner) {
			err = inner.Err
		}
		if strings.Contains(raw, "@") {
			// The cause may quote what stands in front of the @.
			return nil, fmt.Errorf("%q is no URL (characters like @ : / and %% in a password are written %%40 %%3A %%2F %%25)", MaskURL(raw))
		}
		if badPort(raw) >= 0 {
			return nil, fmt.Errorf("%q is no URL: after the host's colon is no port (a blank or comma in a password is written %%20 or %%2C)", MaskURL(raw))
		}
		return nil, fmt.Errorf("%q is no URL: %w", MaskURL(raw), err)
	}
	return u, nil
}

// oneLine joins what continuation lines have split.
func oneLine(s string) string {
	return strings.Join(strings.Fields(s), " ")
}
