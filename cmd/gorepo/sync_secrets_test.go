package main

import (
	"bytes"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// secrets are what must not be seen anywhere, in the places where a configuration
// may have it.
var secrets = map[string]string{
	"password":       "s3cret-Password",
	"urlpassword":    "s3cret-URL/@:",
	"token":          "s3cret-Token",
	"proxypassword":  "s3cret-Proxy",
	"proxyurl":       "s3cret-ProxyURL",
	"keypassword":    "s3cret-Key",
	"mirrorpassword": "s3cret-Mirror",
}

// checkSecrets looks for them in what a program said and in all files that it left.
func (s *site) checkSecrets(o outcome) {
	s.t.Helper()
	look := func(where string, data []byte) {
		for name, secret := range secrets {
			for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
				assert.NotContains(s.t, string(data), form, "%s in %s after %v", name, where, o.args)
			}
		}
		// And whatever was made of them.
		assert.NotContains(s.t, string(data), "s3cret", "%s after %v", where, o.args)
		assert.False(s.t, bytes.Contains(data, []byte("Basic ")) || bytes.Contains(data, []byte("Digest ")), "%s after %v", where, o.args)
	}
	look("stdout", []byte(o.stdout))
	look("stderr", []byte(o.stderr))
	err := filepath.WalkDir(s.root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && !strings.HasSuffix(path, ".rpm") {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			look(path, data)
		}
		return err
	})
	if !os.IsNotExist(err) {
		require.NoError(s.t, err)
	}
}

// Credentials are in no message, no JSON, no list of URLs and no file, whether all
// goes well or nothing does.
func TestSecretsStay(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello210, chrono)
	pass := func(at, user, name string) string {
		return strings.Replace(at, "://", "://"+user+":"+url.QueryEscape(secrets[name])+"@", 1)
	}
	byKeys := testrepo.New(t, testrepo.Options{Username: "user", Password: secrets["password"]}, packages...)
	byURL := testrepo.New(t, testrepo.Options{Username: "user", Password: secrets["urlpassword"]}, packages...)
	open := testrepo.New(t, testrepo.Options{}, packages...)
	secure := testrepo.New(t, testrepo.Options{TLS: true}, packages...)
	proxy := testrepo.NewProxy(t, testrepo.ProxyOptions{Username: "pu", Password: secrets["proxypassword"], Ways: []string{"basic", "md5"}})
	urlProxy := testrepo.NewProxy(t, testrepo.ProxyOptions{Username: "pu", Password: secrets["proxyurl"]})
	ntlm := testrepo.NewProxy(t, testrepo.ProxyOptions{Username: "pu", Password: "x", Ways: []string{"ntlm"}})
	gone := testrepo.New(t, testrepo.Options{}, packages...)
	gone.Close()
	broken := testrepo.New(t, testrepo.Options{}, packages...)
	broken.On("Packages/**", testrepo.Corrupt(5))
	html := testrepo.New(t, testrepo.Options{}, packages...)
	html.On("**", testrepo.HTML())
	moved := testrepo.New(t, testrepo.Options{}, packages...)
	moved.On("**", testrepo.Redirect(pass(gone.URL, "user", "mirrorpassword")+"/?key="+secrets["token"], 302))
	loop := testrepo.New(t, testrepo.Options{}, packages...)
	loop.On("**", testrepo.Redirect("/again?key="+secrets["token"], 302))
	key := "gpgkey=" + pass(open.URL, "user", "keypassword") + "/RPM-GPG-KEY?key=" + secrets["token"]
	userKeys := "username=user\npassword=" + secrets["password"]
	proxyKeys := "proxy=" + proxy.URL + "\nproxy_username=pu\nproxy_password=" + secrets["proxypassword"]
	list := testrepo.Files(t, testrepo.Options{}, map[string][]byte{
		"list": []byte(pass(broken.URL, "user", "mirrorpassword") + "\n" + pass(gone.URL, "user", "mirrorpassword") + "/?key=" + secrets["token"] + "\n"),
	})

	for name, keys := range map[string]string{
		"keys":             "baseurl=" + byKeys.URL + "\n" + userKeys,
		"wrong-keys":       "baseurl=" + byURL.URL + "\n" + userKeys,
		"url":              "baseurl=" + pass(byURL.URL, "user", "urlpassword"),
		"wrong-url":        "baseurl=" + pass(byKeys.URL, "user", "urlpassword"),
		"token":            "baseurl=" + open.URL + "/?token=" + secrets["token"],
		"token-404":        "baseurl=" + open.URL + "/none/?token=" + secrets["token"],
		"gone":             "baseurl=" + pass(gone.URL, "user", "urlpassword") + "/?token=" + secrets["token"],
		"several":          "baseurl=" + pass(gone.URL, "user", "urlpassword") + " " + pass(open.URL, "user", "urlpassword") + "/?token=" + secrets["token"],
		"broken":           "baseurl=" + pass(broken.URL, "user", "urlpassword") + "/?token=" + secrets["token"],
		"html":             "baseurl=" + pass(html.URL, "user", "urlpassword"),
		"tls":              "baseurl=" + pass(secure.URL, "user", "urlpassword") + "/?token=" + secrets["token"],
		"moved":            "baseurl=" + moved.URL + "\n" + userKeys,
		"loop":             "baseurl=" + loop.URL + "\n" + userKeys,
		"proxy":            "baseurl=http://upstream.invalid:" + port(open.URL) + "/\n" + proxyKeys,
		"proxy-url":        "baseurl=http://upstream.invalid:" + port(open.URL) + "/\nproxy=" + pass(urlProxy.URL, "pu", "proxyurl"),
		"proxy-refuses":    "baseurl=http://upstream.invalid:" + port(open.URL) + "/\nproxy=" + pass(proxy.URL, "pu", "proxyurl"),
		"proxy-tunnel":     "baseurl=" + pass(secure.URL, "user", "urlpassword") + "\nsslverify=0\n" + proxyKeys,
		"proxy-tunnel-407": "baseurl=" + pass(secure.URL, "user", "urlpassword") + "\nsslverify=0\nproxy=" + pass(proxy.URL, "pu", "proxyurl"),
		"proxy-ntlm":       "baseurl=http://upstream.invalid/\nproxy=" + pass(ntlm.URL, "pu", "proxyurl"),
		"proxy-gone":       "baseurl=" + secure.URL + "\nproxy=" + pass(gone.URL, "pu", "proxyurl"),
		"proxy-socks":      "baseurl=" + open.URL + "\nproxy=socks5://pu:" + secrets["proxyurl"] + "@" + strings.TrimPrefix(gone.URL, "http://"),
		"proxy-bad":        "baseurl=" + open.URL + "\nproxy=http://pu:" + secrets["proxyurl"] + "@[bad",
		"proxy-kind":       "baseurl=" + open.URL + "\nproxy=ftp://pu:" + secrets["proxyurl"] + "@h",
		"url-bad":          "baseurl=http://u:" + secrets["urlpassword"] + "@h:x/",
		"gpgkey":           "baseurl=" + open.URL + "\ngpgcheck=1\n" + key,
		"mirrorlist":       "mirrorlist=" + pass(list.URL, "user", "mirrorpassword") + "/list?key=" + secrets["token"],
		"mirrorlist-404":   "mirrorlist=" + pass(list.URL, "user", "mirrorpassword") + "/none?key=" + secrets["token"],
		"mirrorlist-gone":  "metalink=" + pass(gone.URL, "user", "mirrorpassword") + "/none?key=" + secrets["token"],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "["+name+"]\n"+keys+"\n")
			failed := true
			for _, args := range [][]string{
				{"repolist", "-v"},
				{"repolist", "--json"},
				{"sync", "--urls"},
				{"sync", "-v"},
				{"sync", "--json", "-v"},
				{"createrepo", "-v"},
				{"createrepo", "--json", "--update"},
				{"repolist", "-v"},
			} {
				o := s.run(args...)
				s.checkSecrets(o)
				if args[0] == "sync" && args[1] != "--urls" && o.status == statusOK {
					failed = false
				}
			}
			switch name {
			case "keys", "url", "token", "several", "proxy", "proxy-url", "proxy-tunnel":
				assert.False(t, failed, "it is meant to work")
			default:
				assert.True(t, failed, "it is meant to fail")
			}
		})
	}
}

func port(at string) string {
	return at[strings.LastIndexByte(at, ':')+1:]
}
