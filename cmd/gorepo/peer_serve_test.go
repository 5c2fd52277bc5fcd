//go:build unix

package main

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"gorepo/internal/testrepo"
	"gorepo/internal/testrepo/peer"
)

// guarded is a mirror by https with a repository for each way to keep others
// out; each has one package.
func guarded(t testing.TB) (s *site, p *serving, caFile string, client func(name string) (cert, key string)) {
	t.Helper()
	s = newSite(t)
	for _, id := range []string{"open", "login", "cert", "both", "lan"} {
		copyPackage(t, peerTestdata+"/rpms/hello-2.10-1.noarch.rpm", s.root, id, "Packages", "hello-2.10-1.noarch.rpm")
		s.ok("createrepo", filepath.Join(s.root, id))
	}
	ca, clients := testrepo.NewCA(t), testrepo.NewCA(t)
	cert, key := testrepo.WriteCert(t, ca.Issue(t, false, nil))
	writeFile(t, string(mustRead(t, cert))+string(mustRead(t, key)), s.dir, "both.pem")
	hash, err := bcrypt.GenerateFromPassword([]byte("p:ä ss"), 10)
	require.NoError(t, err)
	writeFile(t, "nightly:"+string(hash)+"\n"+bcrypted(t, "other", "x"), s.dir, "users")
	text := "tls_cert=both.pem\ntls_client_ca=" + clients.File(t) + "\nhtpasswd=users\nallow_users=anyone\nallow_client_names=anyone\naccess_log=access\n"
	for id, rule := range map[string]string{
		"open": "", "login": "allow_users=nightly", "cert": "allow_client_names=web*", "both": "allow_users=*\nallow_client_names=*", "lan": "allow_networks=10.0.0.0/8",
	} {
		text += "[" + id + "]\nbaseurl=http://upstream.invalid/\n" + rule + "\n"
	}
	s.configure(text)
	p = s.serve(1, "--listen=127.0.0.1:0")
	require.True(t, strings.HasPrefix(p.urls[0], "https://"), p.urls)
	return s, p, ca.File(t), func(name string) (string, string) {
		return testrepo.WriteCert(t, clients.Issue(t, false, func(c *x509.Certificate) { c.Subject.CommonName = name }))
	}
}

// dnf reads what it may, with a login, with a certificate, and with both, and no
// more; its configuration is what the mirror gives it, and what that asks for.
func TestDNFLogsIn(t *testing.T) {
	t.Parallel()
	needAll(t, "dnf", "curl")
	s, p, caFile, client := guarded(t)
	url := p.urls[0]
	web, webKey := client("web1.example")
	db, dbKey := client("db1.example")
	conf := func(id string, args ...string) string {
		return runTool(t, "curl", append([]string{"-sSf", "--cacert", caFile, url + "/" + id + ".repo"}, args...)...)
	}
	trust := "sslcacert=" + caFile + "\nretries=1\nskip_if_unavailable=0\n"
	login, shown := "username=nightly\npassword=p:ä ss\n", "sslclientcert="+web+"\nsslclientkey="+webKey+"\n"
	for _, c := range []struct {
		id, text string
		ok       bool
	}{
		{"open", conf("open"), true},
		{"login", conf("login", "-u", "nightly:p:ä ss"), false},
		{"login", conf("login", "-u", "nightly:p:ä ss") + login, true},
		{"login", conf("login", "-u", "nightly:p:ä ss") + "username=nightly\npassword=wrong\n", false},
		{"cert", conf("cert", "-E", web, "--key", webKey) + shown, true},
		{"cert", conf("cert", "-E", web, "--key", webKey) + "sslclientcert=" + db + "\nsslclientkey=" + dbKey + "\n", false},
		{"both", conf("both", "-E", web, "--key", webKey, "-u", "nightly:p:ä ss") + shown + login, true},
		{"lan", "[lan]\nname=lan\nbaseurl=" + url + "/lan\n", false},
	} {
		d := newDNF(t, c.text+trust)
		args := d.args([]string{"repoquery", "--refresh", "hello"})
		out, stderr, err := runToolEnds(t, "dnf", args...)
		assert.Equal(t, c.ok, err == nil && strings.Contains(out, "hello-0:2.10-1.noarch"), "%s:\n%s\n%s", c.text, out, stderr)
	}
	// Each repository says what it wants, to those who may know.
	assert.Contains(t, conf("both", "-E", web, "--key", webKey, "-u", "nightly:p:ä ss"), "# It wants a login")
	assert.Contains(t, conf("both", "-E", web, "--key", webKey, "-u", "nightly:p:ä ss"), "# It wants a client certificate")
	assert.NotContains(t, conf("open"), "#")

	// One file for everything that this client may read, and nothing else.
	all := conf("gorepo", "-u", "nightly:p:ä ss")
	assert.ElementsMatch(t, []string{"[open]", "[login]"}, sections(all), all)
	p.signal(syscall.SIGTERM)
	require.NoError(t, <-p.done, p.said.String())
	log := string(mustRead(t, filepath.Join(s.dir, "access")))
	assert.Contains(t, log, ` - nightly [`)
}

func sections(text string) []string {
	return regexp.MustCompile(`(?m)^\[.*\]$`).FindAllString(text, -1)
}

// What curl and openssl see of TLS.
func TestCurlAndOpenSSL(t *testing.T) {
	t.Parallel()
	needAll(t, "curl", "openssl")
	_, p, caFile, client := guarded(t)
	url := p.urls[0]
	web, webKey := client("web1.example")
	at := strings.TrimPrefix(url, "https://")
	curl := func(args ...string) string {
		out, _, _ := runToolEnds(t, "curl", append([]string{"-sS", "--cacert", caFile, "-o", "/dev/null", "-w", "%{http_code} %{http_version} %{ssl_verify_result}"}, args...)...)
		return out
	}
	assert.Equal(t, "200 2 0", curl(url+"/open/Packages/hello-2.10-1.noarch.rpm"))
	assert.Equal(t, "200 1.1 0", curl("--http1.1", "--tls-max", "1.2", url+"/open/Packages/hello-2.10-1.noarch.rpm"))
	assert.Equal(t, "206 2 0", curl("-r", "0-9,20-29", url+"/open/Packages/hello-2.10-1.noarch.rpm"))
	assert.Equal(t, "403 2 0", curl(url+"/cert/"))
	assert.Equal(t, "200 2 0", curl("-E", web, "--key", webKey, url+"/cert/"))
	assert.Equal(t, "401 2 0", curl(url+"/login/"))
	assert.Equal(t, "401 2 0", curl("-u", "nightly:no", url+"/login/"))
	assert.Equal(t, "200 2 0", curl("--anyauth", "-u", "nightly:p:ä ss", url+"/login/"))
	assert.Equal(t, "403 2 0", curl(url+"/lan/"))
	assert.Regexp(t, "^000", curl("--tls-max", "1.1", url+"/open/"))
	assert.Regexp(t, "^400 ", curl(strings.Replace(url, "https:", "http:", 1)+"/open/"))

	hello := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), peer.Need(t, "openssl"), append([]string{"s_client", "-connect", at, "-CAfile", caFile, "-verify_return_error", "-alpn", "h2,http/1.1"}, args...)...)
		cmd.Stdin = strings.NewReader("")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		err := cmd.Run()
		return fmt.Sprint(out.String(), err)
	}
	for version, want := range map[string]bool{"-tls1_3": true, "-tls1_2": true, "-tls1_1": false} {
		out := hello(version)
		assert.Equal(t, want, strings.Contains(out, "Verify return code: 0 (ok)") && strings.Contains(out, "ALPN protocol: h2"), "%s: %s", version, out)
	}
	assert.Contains(t, hello("-tls1_3"), "Acceptable client certificate CA names")
	p.stop()
}
