//go:build unix

package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"

	"gorepo/internal/testrepo"
)

// loginsAt are the ways in which a proxy was logged in at, each once.
func loginsAt(p *testrepo.Proxy) []string {
	var list []string
	for _, r := range p.Requests() {
		if r.Status == http.StatusOK {
			list = append(list, r.Login)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// dnf's reposync and gorepo bring the same through the same proxies, and log in
// there in the same way.
func TestProxiesBesideDNF(t *testing.T) {
	t.Parallel()
	needAll(t, "dnf", "reposync")
	packages := rpms(t, hello210, hello212, chrono)
	cert, key, pool := testrepo.ClientCert(t)
	plain := testrepo.New(t, testrepo.Options{}, packages...)
	secure := testrepo.New(t, testrepo.Options{TLS: true}, packages...)
	for name, c := range map[string]struct {
		up    *testrepo.Upstream
		proxy testrepo.ProxyOptions
		keys  string
		login string // "" for a refusal
	}{
		"basic":              {plain, testrepo.ProxyOptions{}, "proxy_auth_method=basic", "Basic"},
		"any of basic":       {secure, testrepo.ProxyOptions{}, "", "Basic"},
		"any of two":         {plain, testrepo.ProxyOptions{Ways: []string{"basic", "md5"}}, "", "Digest"},
		"md5 in a tunnel":    {secure, testrepo.ProxyOptions{Ways: []string{"basic", "md5"}}, "", "Digest"},
		"sha256":             {plain, testrepo.ProxyOptions{Ways: []string{"sha256"}}, "proxy_auth_method=digest", "Digest"},
		"sha256 in a tunnel": {secure, testrepo.ProxyOptions{Ways: []string{"sha256"}}, "proxy_auth_method=digest", "Digest"},
		"basic only":         {secure, testrepo.ProxyOptions{Ways: []string{"md5", "basic"}}, "proxy_auth_method=basic", "Basic"},
		"none":               {plain, testrepo.ProxyOptions{}, "proxy_auth_method=none", ""},
		"not by digest":      {secure, testrepo.ProxyOptions{}, "proxy_auth_method=digest", ""},
		"https md5":          {plain, testrepo.ProxyOptions{TLS: true, Ways: []string{"md5"}}, "", "Digest"},
		"https no CA":        {secure, testrepo.ProxyOptions{TLS: true}, "proxy_sslcacert=", ""},
		"https no test":      {plain, testrepo.ProxyOptions{TLS: true}, "proxy_sslcacert=\nproxy_sslverify=0", "Basic"},
		"https client":       {secure, testrepo.ProxyOptions{TLS: true, ClientCAs: pool}, "proxy_sslclientcert=" + cert + "\nproxy_sslclientkey=" + key, "Basic"},
	} {
		t.Run(name, func(t *testing.T) {
			base := "baseurl=" + strings.Replace(c.up.URL, "http://127.0.0.1", "http://upstream.invalid", 1)
			if c.up == secure {
				base += "\nsslcacert=" + c.up.CAFile(t)
			}
			c.proxy.Username, c.proxy.Password = "pu", "p:w d"
			p := testrepo.NewProxy(t, c.proxy)
			repo := "[r]\nname=r\n" + base + "\nretries=1\nproxy=" + p.URL + "\nproxy_username=pu\nproxy_password=p:w d\n"
			if c.proxy.TLS {
				repo += "proxy_sslcacert=" + p.CAFile(t) + "\n"
			}
			repo += c.keys + "\n"

			d := newDNF(t, repo)
			s := newSite(t, repo)
			if c.login == "" {
				_, _, err := runToolEnds(t, "dnf", d.args([]string{"reposync", "--download-path=" + t.TempDir()})...)
				if err == nil { // libdnf 0.69 leaves out a repository that is not to be had
					assert.Empty(t, loginsAt(p))
				}
				o := s.run("sync")
				assert.Equal(t, statusFailed, o.status, o.stderr)
				assert.Contains(t, o.stderr, "proxy "+p.URL)
				assert.NotContains(t, o.stderr, "p:w")
				assert.Empty(t, loginsAt(p))
				return
			}
			theirs := t.TempDir()
			d.reposync("--download-path=" + theirs)
			assert.Equal(t, []string{c.login}, loginsAt(p), "dnf")
			p.Forget()
			s.ok("sync")
			assert.Equal(t, []string{c.login}, loginsAt(p), "gorepo")
			assert.Equal(t, hrefs(packages...), s.packages("r"))
			for _, name := range s.packages("r") {
				assert.Equal(t, mustRead(t, filepath.Join(theirs, "r", name)), s.read("r", name))
			}
		})
	}
}

// The environment's proxy, for keys that dnf takes to be none of the file's.
func TestEnvironmentProxyBesideDNF(t *testing.T) { //nolint:paralleltest // the environment is everybody's
	needAll(t, "dnf")
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello210)...)
	p := testrepo.NewProxy(t, testrepo.ProxyOptions{Username: "u", Password: "p", Ways: []string{"md5"}})
	at := strings.Replace(up.URL, "127.0.0.1", "upstream.invalid", 1)
	for _, c := range []struct{ variable, keys string }{
		{"http_proxy", ""}, {"http_proxy", "proxy=_none_"}, {"http_proxy", "proxy="}, {"all_proxy", ""},
	} {
		t.Setenv("http_proxy", "")
		t.Setenv("all_proxy", "")
		value := strings.Replace(p.URL, "://", "://u:p@", 1)
		t.Setenv(c.variable, value)
		repo := "[r]\nname=r\nbaseurl=" + at + "\n" + c.keys + "\n"
		p.Forget()
		runTool(t, "env", append([]string{c.variable + "=" + value, "dnf"}, newDNF(t, repo).args([]string{"makecache"})...)...)
		assert.Equal(t, []string{"Digest"}, loginsAt(p), "dnf, %s, %q", c.variable, c.keys)
		p.Forget()
		newSite(t, repo).ok("sync")
		assert.Equal(t, []string{"Digest"}, loginsAt(p), "gorepo, %s, %q", c.variable, c.keys)
	}
}

// curl --cert-status and sslverifystatus agree on stapled answers.
func TestStaplesBesideCurl(t *testing.T) {
	t.Parallel()
	needAll(t, "curl")
	root := testrepo.NewCA(t)
	ca := root.Sub(t)
	now := time.Now()
	const day = 24 * time.Hour
	stapled := func(status int, this, next time.Time) *tls.Certificate {
		c := ca.Issue(t, true, nil)
		ca.Staple(t, &c, status, this, next, nil)
		return &c
	}
	bare := ca.Issue(t, true, nil)
	foreign := ca.Issue(t, true, nil)
	foreign.OCSPStaple = stapled(ocsp.Good, now, now.Add(day)).OCSPStaple
	for name, c := range map[string]struct {
		cert *tls.Certificate
		good bool
	}{
		"good":          {stapled(ocsp.Good, now.Add(-day), now.Add(day)), true},
		"revoked":       {stapled(ocsp.Revoked, now.Add(-day), now.Add(day)), false},
		"unknown":       {stapled(ocsp.Unknown, now.Add(-day), now.Add(day)), false},
		"old":           {stapled(ocsp.Good, now.Add(-9*day), now.Add(-day)), false},
		"of the future": {stapled(ocsp.Good, now.Add(day), now.Add(2*day)), false},
		"of another":    {&foreign, false},
		"none":          {&bare, false},
	} {
		up := testrepo.New(t, testrepo.Options{TLS: true, Cert: c.cert}, rpms(t, hello210)...)
		_, stderr, err := runToolEnds(t, "curl", "-sS", "-o", "/dev/null", "--cacert", root.File(t), "--cert-status", up.URL+"/repodata/repomd.xml")
		assert.Equal(t, c.good, err == nil, "curl, %s: %s", name, stderr)
		s := newSite(t, section("base", up, "sslcacert="+root.File(t), "sslverifystatus=1"))
		o := s.run("sync")
		want := statusOK
		if !c.good {
			want = statusFailed
		}
		assert.Equal(t, want, o.status, "%s: %s", name, o.stderr)
	}
}

// The file that subscription-manager writes, and the certificates that it names,
// as they are; only the places are this test's.
func TestRedHatRepo(t *testing.T) {
	t.Parallel()
	ca := testrepo.NewCA(t)
	server := ca.Issue(t, true, nil)
	ca.Staple(t, &server, ocsp.Good, time.Now().Add(-time.Hour), time.Now().Add(time.Hour), nil)
	up := testrepo.New(t, testrepo.Options{TLS: true, Cert: &server, ClientCAs: ca.Pool()}, rpms(t, hello210)...)
	entitlement := func(days int) (cert, key string) {
		c := ca.Issue(t, false, validDays(-100, days))
		return testrepo.WriteCert(t, c)
	}
	repo := func(cert, key string) string {
		return fmt.Sprintf(`#
# Certificate-Based Repositories
# Managed by (rhsm) subscription-manager
#
# *** This file is auto-generated.  Changes made here will be over-written. ***
# *** Use "subscription-manager repo-override --help" if you wish to make changes. ***
#
# If this file is empty and this system is subscribed consider
# a "yum repolist" to refresh available repos
#

[rhel-9-for-x86_64-baseos-rpms]
name = Red Hat Enterprise Linux 9 for x86_64 - BaseOS (RPMs)
baseurl = %s
enabled = 1
gpgcheck = 0
gpgkey = file:///etc/pki/rpm-gpg/RPM-GPG-KEY-redhat-release
sslverify = 1
sslcacert = %s
sslclientkey = %s
sslclientcert = %s
sslverifystatus = 1
metadata_expire = 86400
enabled_metadata = 1
`, up.URL, ca.File(t), key, cert)
	}
	const id = "rhel-9-for-x86_64-baseos-rpms"
	cert, key := entitlement(100)
	s := newSite(t, repo(cert, key))
	s.ok("sync")
	assert.Len(t, s.packages(id), 1)

	cert, key = entitlement(10)
	s.configure(repo(cert, key))
	in10 := time.Now().Add(10 * 24 * time.Hour).UTC().Format(time.DateOnly)
	s.run("sync").ended(statusOK, says("gorepo: "+id+": ", "client certificate "+cert+" expires on "+in10+": subscription-manager refresh"))

	cert, key = entitlement(-2)
	s.configure(repo(cert, key))
	up.Forget()
	ago2 := time.Now().Add(-2 * 24 * time.Hour).UTC().Format(time.DateOnly)
	s.run("sync").ended(statusFailed, says("gorepo: "+id+": ", "client certificate "+cert+" expired on "+ago2+": subscription-manager refresh"))
	assert.Empty(t, up.Requests("**"))
	require.Len(t, s.packages(id), 1)
}

func validDays(from, to int) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().AddDate(0, 0, from), time.Now().AddDate(0, 0, to)
	}
}
