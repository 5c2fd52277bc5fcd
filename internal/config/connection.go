package config

import (
	"fmt"
	"strings"
)

func setProxyAuth(r *Repo, v string) error {
	v = strings.ToLower(v)
	switch v {
	case "", "any", "none", "basic", "digest":
		r.ProxyAuthMethod = v
		return nil
	case "negotiate", "ntlm", "ntlm_wb", "digest_ie":
		return fmt.Errorf("a login by %s is not supported: there are any, none, basic and digest", v)
	}
	return fmt.Errorf("%q is no way to log in: there are any, none, basic and digest", v)
}

// setThrottle reads bytes a second, or a share of bandwidth: 50%.
func setThrottle(r *Repo, v string) error {
	r.Throttle, r.throttleShare = 0, 0
	if v == "" {
		return nil
	}
	if strings.HasSuffix(v, "%") {
		share, err := parsePortion(v)
		if err != nil {
			return fmt.Errorf("%q is no share: a number from 0%% to 100%%", v)
		}
		r.throttleShare = share.Number / 100
		return nil
	}
	n, err := parseBytes(v)
	if err == nil && n == 0 && strings.ContainsAny(v, "123456789") {
		err = fmt.Errorf("%q is less than a byte a second", v)
	}
	r.Throttle = n
	return err
}

// checkConnection looks at what the keys of the connection mean together.
func (r *Repo) checkConnection(entries map[string]entry, failed map[string]bool, fail func(entry, string)) {
	if (r.ProxyUsername == "") != (r.ProxyPassword == "") {
		fail(entry{file: r.File, line: r.Line}, "proxy_username and proxy_password need each other")
	}
	if r.SSLClientKey != "" && r.SSLClientCert == "" && !failed["sslclientcert"] {
		fail(entries["sslclientkey"], "sslclientkey needs a sslclientcert")
	}
	if r.ProxySSLClientKey != "" && r.ProxySSLClientCert == "" && !failed["proxy_sslclientcert"] {
		fail(entries["proxy_sslclientkey"], "proxy_sslclientkey needs a proxy_sslclientcert")
	}
	if r.throttleShare > 0 {
		if r.Bandwidth == 0 && !failed["bandwidth"] {
			fail(entries["throttle"], "throttle is a share of bandwidth, which is not set")
		}
		r.Throttle = max(int64(r.throttleShare*float64(r.Bandwidth)), min(r.Bandwidth, 1))
	}
	if r.Throttle > 0 && r.Throttle < r.MinRate {
		fail(entries["throttle"], fmt.Sprintf("throttle (%d bytes a second) is less than minrate (%d), below which a download is given up: lower minrate too", r.Throttle, r.MinRate))
	}
}
