//go:build unix

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
	"gorepo/internal/testrepo/rawrpm"
)

// nginx is a real server of one directory.
type nginx struct {
	t     testing.TB
	url   string // without a slash at the end
	addr  string
	log   string
	mark  string // a URL of a second server, which writes into the same log
	marks int
	seen  int // bytes of the log that requests has returned
}

// logged is one line of nginx's access log.
type logged struct {
	method, path string
	status       int
	bytes        int64
	ranges, user string
	client       string // subject of its certificate
}

func (r logged) String() string {
	return fmt.Sprintf("%s %s %s: %d, %d bytes", r.method, r.path, r.ranges, r.status, r.bytes)
}

func (r logged) isPackage() bool { return strings.HasSuffix(r.path, ".rpm") }

// startNginx serves root until the test ends. tls has the directives that make
// it https, location those that go into the location of all files.
func startNginx(t testing.TB, root, tls, location string) *nginx {
	t.Helper()
	program := peer.Need(t, "nginx")
	dir := t.TempDir()
	n := &nginx{t: t, log: filepath.Join(dir, "access.log")}
	// nginx takes over open sockets as it does from its predecessor in an
	// upgrade: no port is free for others in between, and clients may come at once.
	var sockets []*os.File
	var names, addrs []string
	for i := range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		f, err := l.(*net.TCPListener).File()
		require.NoError(t, err)
		addrs = append(addrs, l.Addr().String())
		require.NoError(t, l.Close())
		sockets, names = append(sockets, f), append(names, strconv.Itoa(3+i))
	}
	scheme, ssl := "http", ""
	if tls != "" {
		scheme, ssl = "https", " ssl"
	}
	n.addr, n.url, n.mark = addrs[0], scheme+"://"+addrs[0], "http://"+addrs[1]
	temp := ""
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temp += fmt.Sprintf("%s_temp_path %s;\n", kind, filepath.Join(dir, kind))
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root; " // temporary directories are their owner's only
	}
	// One worker, so that a request's line is in the log before the next one's.
	conf := putFile(t, user+fmt.Sprintf(`daemon off; worker_processes 1; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 512; }
http {
log_format fields "$request_method\t$request_uri\t$status\t$body_bytes_sent\t$http_range\t$remote_user\t$ssl_client_s_dn";
access_log %[1]s/access.log fields; sendfile on; keepalive_requests 1000000; lingering_close off; %[2]s
server { listen %[3]s%[4]s; root "%[5]s"; %[6]s location / { %[7]s } }
server { listen %[8]s; return 204; }
}
`, dir, temp, addrs[0], ssl, root, tls, location, addrs[1]), dir, "nginx.conf")
	cmd := exec.Command(program, "-c", conf, "-e", filepath.Join(dir, "error.log"))
	cmd.Env = []string{"NGINX=" + strings.Join(names, ";") + ";"}
	cmd.ExtraFiles = sockets
	require.NoError(t, cmd.Start())
	for _, s := range sockets {
		require.NoError(t, syscall.SetNonblock(int(s.Fd()), true)) // exec made them blocking, in nginx too
		require.NoError(t, s.Close())
	}
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		_ = cmd.Wait() // stopped, which is what was asked
	})
	if _, err := n.setMark(); err != nil {
		said, _ := os.ReadFile(filepath.Join(dir, "error.log"))
		require.NoError(t, err, "nginx: %s", said)
	}
	n.requests()
	return n
}

var markClient = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// setMark asks for a new mark. What was answered before has its line in the log
// before that of the mark.
func (n *nginx) setMark() (path string, err error) {
	n.marks++
	path = fmt.Sprintf("/mark/%d", n.marks)
	resp, err := markClient.Get(n.mark + path)
	if err != nil {
		return path, err
	}
	return path, resp.Body.Close()
}

// requests returns what was asked of the server since it was called last.
func (n *nginx) requests() []logged {
	n.t.Helper()
	mark, err := n.setMark()
	require.NoError(n.t, err)
	var data []byte
	require.Eventually(n.t, func() bool {
		data, err = os.ReadFile(n.log)
		return err == nil && strings.Contains(string(data), "\t"+mark+"\t")
	}, 10*time.Second, 10*time.Millisecond, "the request is not in nginx's log")
	text := string(data[n.seen:])
	n.seen = len(data)
	var list []logged
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		require.Len(n.t, f, 7, line)
		if strings.HasPrefix(f[1], "/mark/") {
			continue
		}
		status, err := strconv.Atoi(f[2])
		require.NoError(n.t, err, line)
		size, err := strconv.ParseInt(f[3], 10, 64)
		require.NoError(n.t, err, line)
		list = append(list, logged{f[0], f[1], status, size, f[4], f[5], f[6]})
	}
	return list
}

// countLogged splits requests into those for packages and the others.
func countLogged(list []logged) (packages, others int, bytes int64) {
	for _, r := range list {
		if r.isPackage() {
			packages++
		} else {
			others++
		}
		bytes += r.bytes
	}
	return packages, others, bytes
}

// certificates has openssl make an authority, and what it signs: a server at
// 127.0.0.1 and a client. Their files are NAME.pem and NAME.key.
func certificates(t testing.TB) (dir string) {
	t.Helper()
	dir = t.TempDir()
	newKey := func(name, subject string, more ...string) {
		runTool(t, "openssl", append([]string{
			"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90", "-subj", subject,
			"-keyout", filepath.Join(dir, name+".key"), "-out", filepath.Join(dir, name+".pem"),
		}, more...)...)
	}
	signed := []string{"-CA", filepath.Join(dir, "ca.pem"), "-CAkey", filepath.Join(dir, "ca.key"), "-addext", "basicConstraints=critical,CA:false"}
	newKey("ca", "/CN=Test authority")
	newKey("server", "/CN=upstream", append(signed, "-addext", "subjectAltName=IP:127.0.0.1")...)
	newKey("client", "/O=Example/CN=mirror host", signed...)
	return dir
}

// TestNginxAsksWhoWeAre syncs from a real nginx that is reached by TLS, and that
// wants a password or a certificate.
func TestNginxAsksWhoWeAre(t *testing.T) {
	t.Parallel()
	needAll(t, "nginx", "createrepo_c", "modifyrepo_c", "openssl")
	tree := oddTree(t)
	makeUpstream(t, tree, "")
	certs := certificates(t)
	passwords := putFile(t, "mirror:{PLAIN}s3cret word\n", t.TempDir(), "passwords")
	tls := fmt.Sprintf("ssl_certificate %[1]s/server.pem; ssl_certificate_key %[1]s/server.key;", certs)
	asksCert := tls + fmt.Sprintf("ssl_client_certificate %s/ca.pem; ssl_verify_client on;", certs)
	asksPassword := "auth_basic upstream; auth_basic_user_file " + passwords + ";"
	ca := "sslcacert=" + certs + "/ca.pem\n"
	cert := fmt.Sprintf("sslclientcert=%[1]s/client.pem\nsslclientkey=%[1]s/client.key\n", certs)

	for name, c := range map[string]struct {
		tls, location string
		keys          string
		userInfo      string // before the host in baseurl
		says          string // what the one line says; empty: it works
		user, subject string // as nginx knows us
	}{
		"authority":                {tls: tls, keys: ca},
		"unknown authority":        {tls: tls, says: "certificate"},
		"anybody":                  {tls: tls, keys: "sslverify=0\n"},
		"password":                 {location: asksPassword, keys: "username=mirror\npassword=s3cret word\n", user: "mirror"},
		"password in the URL":      {location: asksPassword, userInfo: "mirror:s3cret%20word@", user: "mirror"},
		"wrong password":           {location: asksPassword, keys: "username=mirror\npassword=guessed\n", says: "401"},
		"no password":              {location: asksPassword, says: "401"},
		"certificate":              {tls: asksCert, keys: ca + cert, subject: "CN=mirror host,O=Example"},
		"no certificate":           {tls: asksCert, keys: ca, says: "400"},
		"certificate and password": {tls: asksCert, location: asksPassword, keys: ca + cert + "username=mirror\npassword=s3cret word\n", user: "mirror", subject: "CN=mirror host,O=Example"},
	} {
		t.Run(name, func(t *testing.T) {
			up := startNginx(t, tree, c.tls, c.location)
			s := newSite(t, "[r]\nbaseurl="+strings.Replace(up.url, "://", "://"+c.userInfo, 1)+"\n"+c.keys)
			if c.says != "" {
				o := s.run("sync")
				o.ended(statusFailed, says("gorepo: r: ", up.addr, c.says))
				assert.NotContains(t, o.stderr, "guessed")
				packages, _, _ := countLogged(up.requests())
				assert.Zero(t, packages)
				return
			}
			s.ok("sync")
			s.ok("createrepo")
			locations, _ := s.whole("r")
			requests := up.requests()
			packages, _, _ := countLogged(requests)
			assert.Equal(t, len(locations), packages)
			for _, r := range requests {
				assert.Equal(t, 200, r.status, "%s", r)
				assert.Equal(t, c.user, strings.Trim(r.user, "-"), "%s", r)
				assert.Equal(t, c.subject, strings.Trim(r.client, "-"), "%s", r)
			}
		})
	}
}

// TestThroughProxy has nginx as a proxy of another nginx.
func TestThroughProxy(t *testing.T) {
	t.Parallel()
	needAll(t, "nginx", "createrepo_c", "modifyrepo_c")
	tree := oddTree(t)
	makeUpstream(t, tree, "")
	up := startNginx(t, tree, "", "")
	proxy := startNginx(t, t.TempDir(), "", "proxy_pass http://$http_host$request_uri;")
	s := newSite(t, "[r]\nbaseurl="+up.url+"\nproxy="+proxy.url+"\n")
	s.ok("sync")
	s.ok("createrepo")
	s.whole("r")
	through, arrived := proxy.requests(), up.requests()
	require.Len(t, through, len(arrived))
	for i, r := range arrived {
		assert.Equal(t, 200, r.status, "%s", r)
		assert.Contains(t, through, arrived[i], "%s: not through the proxy", r)
	}
}

// TestResumesFromNginx stops a sync in the middle of a package. The next one
// asks for the rest only.
func TestResumesFromNginx(t *testing.T) {
	t.Parallel()
	needAll(t, "nginx", "createrepo_c")
	const size = 3 << 20
	payload := make([]byte, size)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(payload) // never fails
	tree := t.TempDir()
	large := rawrpm.File(rawrpm.Region(62, rawrpm.U32(1000, 8)), rawrpm.Region(63, rawrpm.Basic("large")...), payload)
	putFile(t, string(large), tree, "large-1-1.noarch.rpm")
	putFile(t, string(rawrpm.Package("small")), tree, "small-1-1.noarch.rpm")
	createrepoC(t, tree)
	// A part of it at once, the rest within two seconds or three.
	up := startNginx(t, tree, "", "limit_rate_after 300k; limit_rate 1m;")
	s := newSite(t, "[r]\nbaseurl="+up.url+"\n")

	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	ended := make(chan outcome, 1)
	go func() { ended <- s.runContext(ctx, "sync") }()
	require.Eventually(t, func() bool { return partialSize(t, s) > 200<<10 }, 20*time.Second, 2*time.Millisecond, "nothing of the large package arrives")
	interrupt()
	o := <-ended
	require.Equal(t, statusInterrupted, o.status, o.stderr)
	have := partialSize(t, s)
	require.Less(t, have, int64(len(large)), "it was stopped in the middle")
	up.requests()

	b := s.build("sync")
	assert.Equal(t, 2, b.Packages)
	assert.LessOrEqual(t, b.Fetched, int64(len(large))-have+1000, "the rest of the one, and the small one if it was not there yet")
	var asked []logged
	for _, q := range up.requests() {
		if q.path == "/large-1-1.noarch.rpm" {
			asked = append(asked, q)
		}
	}
	require.Len(t, asked, 1)
	assert.Equal(t, 206, asked[0].status)
	assert.Equal(t, "bytes="+strconv.FormatInt(have, 10)+"-", asked[0].ranges)
	assert.Equal(t, int64(len(large))-have, asked[0].bytes)
	got := s.read("r", "large-1-1.noarch.rpm")
	assert.Equal(t, hexOf(large), hexOf(got))
	t.Logf("stopped at %d of %d bytes; nginx then: %s", have, len(large), asked[0])
}

// partialSize is how much of a package lies in the place for what is under way.
func partialSize(t testing.TB, s *site) (most int64) {
	t.Helper()
	entries, err := os.ReadDir(s.path(".gorepo", "r", "partial"))
	if err != nil {
		return 0
	}
	for _, e := range entries {
		if fi, err := e.Info(); err == nil {
			most = max(most, fi.Size())
		}
	}
	return most
}
