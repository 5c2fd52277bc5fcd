package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestConnectionKeys(t *testing.T) {
	h := newHost(t)
	h.write("cwd/gorepo.conf", `[main]
bandwidth = 10M
proxy_auth_method = Digest
proxy_sslverify = 0
[share]
baseurl = https://h/
throttle = 12.5%
sslverifystatus = yes
[bytes]
baseurl = https://h/
throttle = 1.5M
minrate = 1M
proxy_auth_method =
proxy_sslverify = 1
proxy_sslcacert = /ca
proxy_sslclientcert = /c
proxy_sslclientkey = /k
[none]
baseurl = https://h/
throttle = 0.0
[percents]
baseurl = https://h/
throttle = 0%
[little]
baseurl = https://h/
bandwidth = 10
throttle = 1%
minrate = 0
`)
	c := h.load()
	for _, r := range c.Repos {
		require.NoError(t, r.Err)
	}
	share := c.Repo("share")
	assert.Equal(t, int64(10<<20/8), share.Throttle)
	assert.Equal(t, "digest", share.ProxyAuthMethod)
	assert.True(t, share.SSLVerifyStatus)
	assert.False(t, share.ProxySSLVerify)
	assert.True(t, share.SSLVerify)
	b := c.Repo("bytes")
	assert.Equal(t, int64(3<<19), b.Throttle)
	assert.Empty(t, b.ProxyAuthMethod)
	assert.True(t, b.ProxySSLVerify)
	assert.Equal(t, []string{"/ca", "/c", "/k"}, []string{b.ProxySSLCACert, b.ProxySSLClientCert, b.ProxySSLClientKey})
	assert.Zero(t, c.Repo("none").Throttle)
	assert.Zero(t, c.Repo("percents").Throttle)
	assert.Equal(t, int64(1), c.Repo("little").Throttle, "a limit, however small, is one")
}

func TestConnectionErrors(t *testing.T) {
	for text, want := range map[string]string{
		"sslverifystatus=maybe":      "x.repo:3: repository \"x\": sslverifystatus: \"maybe\"",
		"proxy_auth_method=NTLM":     "a login by ntlm is not supported",
		"proxy_auth_method=magic":    "\"magic\" is no way to log in",
		"proxy_sslclientkey=/k":      "x.repo:3: repository \"x\": proxy_sslclientkey needs a proxy_sslclientcert",
		"proxy_sslcacert=ca":         "no absolute path",
		"proxy_password=hunter2":     "need each other",
		"proxy=socks4://h":           "is not supported: use http, https",
		"throttle=50%":               "x.repo:3: repository \"x\": throttle is a share of bandwidth, which is not set",
		"throttle=101%":              "no share",
		"throttle=0.5":               "less than a byte a second",
		"throttle=999":               "throttle (999 bytes a second) is less than minrate (1000)",
		"throttle=50%\nbandwidth=1k": "throttle (512 bytes a second) is less than minrate (1000)",
	} {
		h := newHost(t)
		h.write("etc/gorepo/repos.d/x.repo", "[x]\nbaseurl=/x\n"+text+"\n")
		err := h.load().Repo("x").Err
		require.ErrorContains(t, err, want, text)
		assert.NotContains(t, err.Error(), "hunter2")
	}
}
