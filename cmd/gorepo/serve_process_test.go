//go:build unix

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"gorepo/internal/testrepo"
	"gorepo/internal/testrepo/peer"
)

// A serving is gorepo serve as a process of its own.
type serving struct {
	t    testing.TB
	cmd  *exec.Cmd
	said lockedBuffer
	done chan error
	urls []string
}

// serve starts gorepo serve and waits until it listens at n addresses.
func (s *site) serve(n int, args ...string) *serving {
	s.t.Helper()
	cmd := s.gorepo(append([]string{"serve", "-v"}, args...)...)
	return s.serveBy(n, cmd)
}

func (s *site) serveBy(n int, cmd *exec.Cmd) *serving {
	s.t.Helper()
	p := &serving{t: s.t, cmd: cmd, done: make(chan error, 1)}
	cmd.Stderr = &p.said
	require.NoError(s.t, cmd.Start())
	go func() { p.done <- cmd.Wait() }()
	s.t.Cleanup(func() { _ = cmd.Process.Kill() }) // where stop was not reached
	p.says(n, `serving \S+ on (\S+)`)
	for _, m := range regexp.MustCompile(`serving \S+ on (\S+)`).FindAllStringSubmatch(p.said.String(), -1) {
		p.urls = append(p.urls, strings.TrimSuffix(m[1], "/"))
	}
	return p
}

// says waits until the process has said something n times.
func (p *serving) says(n int, pattern string) {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	require.Eventually(p.t, func() bool {
		return len(re.FindAllString(p.said.String(), -1)) >= n
	}, 15*time.Second, 5*time.Millisecond, "no %q in what is said", pattern)
}

func (p *serving) signal(sig os.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(sig))
}

// stop ends the process, which has to end well.
func (p *serving) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	require.NoError(p.t, <-p.done, p.said.String())
}

// bcrypted is a line of an htpasswd file.
func bcrypted(t testing.TB, name, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	require.NoError(t, err)
	return name + ":" + string(hash) + "\n"
}

// statusOf is what a server answers to a GET.
func statusOf(t testing.TB, c *http.Client, url string, login ...string) int {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	require.NoError(t, err)
	if len(login) == 2 {
		req.SetBasicAuth(login[0], login[1])
	}
	res, err := c.Do(req)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res.StatusCode
}

// unkept asks with a connection for each request.
var unkept = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}

func writeFile(t testing.TB, data string, elem ...string) string {
	t.Helper()
	name := filepath.Join(elem...)
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(t, os.WriteFile(name, []byte(data), 0o644))
	return name
}

// SIGHUP reads everything again while a download goes on; what is wrong changes
// nothing and is told of in one line, with file and line.
func TestServeReload(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	writeFile(t, strings.Repeat("x", 16<<20), s.root, "a", "big.rpm")
	writeFile(t, "b", s.root, "b", "b.rpm")
	users := writeFile(t, bcrypted(t, "alice", "one"), s.dir, "users")
	a, b := "[a]\nbaseurl=http://a.invalid/\n", "[b]\nbaseurl=http://b.invalid/\n"
	s.configure("htpasswd=users\nallow_users=anyone\n" + a + b + "allow_users=alice, ghost\n")
	p := s.serve(1, "--listen=127.0.0.1:0")
	url := p.urls[0]
	p.says(1, `allow_users of b: there is no user "ghost" in .*users`)
	assert.Equal(t, 401, statusOf(t, unkept, url+"/b/b.rpm"))
	assert.Equal(t, 200, statusOf(t, unkept, url+"/b/b.rpm", "alice", "one"))

	download, err := unkept.Get(url + "/a/big.rpm")
	require.NoError(t, err)
	defer func() { _ = download.Body.Close() }()

	// The rule of one changes, and what the other is called.
	s.configure("htpasswd=users\nallow_users=anyone\n" + a + "name=Another\nallow_users=alice\n" + b)
	p.signal(syscall.SIGHUP)
	p.says(1, "the configuration was read again")
	assert.Equal(t, 401, statusOf(t, unkept, url+"/a/none"))
	assert.Equal(t, 200, statusOf(t, unkept, url+"/b/b.rpm"))

	reloads := 0
	for _, c := range []struct{ conf, says string }{
		{"htpasswd=users\n[a]\nbaseurl=nowhere\nallow_users=\n", `gorepo\.conf:\d+: repository .*"a.*allow_users`},
		{"workers=many\n", `gorepo\.conf:5: workers`},
		{"[a\n", `gorepo\.conf:5: `},
		{"htpasswd=none\n" + a, `none: no such file`},
		{"allow_users=alice\n" + a, `allow_users goes with htpasswd`},
		{a + "allow_client_names=*\n", `gorepo\.conf:7: repository .*"a.*allow_client_names goes with tls_client_ca`},
		{"tls_key=users\n" + a, `tls_key .*goes with tls_cert`},
		{"public_url=nowhere\n" + a, `public URL`},
		{"root=/elsewhere\n" + a, `root is /elsewhere now, and was .*restart`},
	} {
		s.configure(c.conf)
		p.signal(syscall.SIGHUP)
		reloads++
		p.says(reloads, "gorepo: error: ")
		lines := strings.Split(strings.TrimSpace(p.said.String()), "\n")
		assert.Regexp(t, c.says, lines[len(lines)-1], c.conf)
		assert.Equal(t, 401, statusOf(t, unkept, url+"/a/none"), c.conf)
		assert.Equal(t, 200, statusOf(t, unkept, url+"/b/b.rpm"), c.conf)
	}

	// What takes a restart is said as long as it is not as it was.
	for n := 1; n < 3; n++ {
		s.configure("max_connections=5\nhtpasswd=users\nallow_users=anyone\n" + a + "allow_users=alice\n" + b)
		p.signal(syscall.SIGHUP)
		p.says(n, `warning: what has changed in max_connections takes a restart`)
	}

	// A password that is changed is so a few seconds later, without being told.
	writeFile(t, bcrypted(t, "alice", "two"), users)
	require.Eventually(t, func() bool { return statusOf(t, unkept, url+"/a/", "alice", "two") == 200 }, 15*time.Second, 100*time.Millisecond)
	assert.Equal(t, 401, statusOf(t, unkept, url+"/a/", "alice", "one"))

	n, err := io.Copy(io.Discard, download.Body)
	require.NoError(t, err)
	assert.EqualValues(t, 16<<20, n, "the download went on")
	p.stop()
}

// What a file that cannot be read says of a repository is not known, so nobody
// gets it; nor one whose rule is wrong.
func TestServeIncompleteConfiguration(t *testing.T) {
	t.Parallel()
	s := newSite(t, "[a]\nbaseurl=http://a.invalid/\n[b]\nbaseurl=http://b.invalid/\nallow_networks=10.0.0.0/99\n")
	for _, id := range []string{"a", "b", "c"} {
		writeFile(t, id, s.root, id, "x.rpm")
	}
	writeFile(t, "[c\n", s.dir, "repos.d", "c.repo")
	p := s.serve(1, "--listen=127.0.0.1:0")
	p.says(1, `c\.repo:1: `)
	p.says(1, `gorepo\.conf:\d+: repository "b": allow_networks: "10.0.0.0/99" .*: nobody may read it`)
	for id, want := range map[string]int{"a": 200, "b": 403, "c": 403} {
		assert.Equal(t, want, statusOf(t, unkept, p.urls[0]+"/"+id+"/x.rpm"), id)
	}
	writeFile(t, "[c]\nbaseurl=http://c.invalid/\n", s.dir, "repos.d", "c.repo")
	s.configure("[b]\nbaseurl=http://b.invalid/\nallow_networks=127.0.0.1\n")
	p.signal(syscall.SIGHUP)
	p.says(1, "the configuration was read again")
	for id, want := range map[string]int{"a": 200, "b": 200, "c": 200} {
		assert.Equal(t, want, statusOf(t, unkept, p.urls[0]+"/"+id+"/x.rpm"), id)
	}
	p.stop()
}

// Several listeners, of several kinds; a socket that a killed server left is no
// hindrance, one that is in use is.
func TestServeListeners(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	writeFile(t, "x", s.root, "a", "x.rpm")
	ca := testrepo.NewCA(t)
	cert, key := testrepo.WriteCert(t, ca.Issue(t, true, nil))
	sock := filepath.Join(s.dir, "sock")
	args := []string{"--listen=127.0.0.1:0", "--listen=http://127.0.0.1:0", "--listen=unix:" + sock, "--tls-cert=" + cert, "--tls-key=" + key}
	p := s.serve(3, args...)
	for i, scheme := range []string{"https://", "http://", "unix:"} {
		assert.True(t, strings.HasPrefix(p.urls[i], scheme), p.urls[i])
	}
	secure := clientOf(t, ca)
	assert.Equal(t, 200, statusOf(t, secure, p.urls[0]+"/a/x.rpm"))
	assert.Equal(t, 200, statusOf(t, unkept, p.urls[1]+"/a/x.rpm"))
	local := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", sock) }}}
	assert.Equal(t, 200, statusOf(t, local, "http://h/a/x.rpm"))

	o := s.run("serve", "--listen=unix:"+sock)
	assert.Equal(t, statusFailed, o.status)
	assert.Contains(t, o.stderr, "another server listens there")
	require.NoError(t, p.cmd.Process.Kill())
	require.Error(t, <-p.done)
	require.FileExists(t, sock)
	p = s.serve(3, args...)
	assert.Equal(t, 200, statusOf(t, &http.Client{Transport: &http.Transport{DialContext: local.Transport.(*http.Transport).DialContext}}, "http://h/a/x.rpm"))
	p.stop()
	assert.NoFileExists(t, sock)

	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--listen=https://127.0.0.1:0"}, "wants a certificate"},
		{[]string{"--listen=unix:" + s.conf}, "is no socket"},
		{[]string{"--tls-key=" + key}, "goes with tls_cert"},
		{[]string{"--tls-client-ca=" + cert}, "goes with tls_cert"},
		{[]string{"--tls-cert=" + s.conf}, "there is no certificate in it"},
		{[]string{"--htpasswd=" + s.conf}, "gorepo.conf:1: it should be a user"},
		{[]string{"--trusted-proxies=here"}, `"here" is neither a network`},
		{[]string{"--max-connections=-1"}, "1 or more"},
		{[]string{"--tls-cert=none"}, "TLS: open "},
		{[]string{"--htpasswd=none"}, "passwords: open "},
		{[]string{"--drain-timeout=soon"}, `--drain-timeout: "soon" is no duration: seconds`},
		{[]string{"--drain-timeout=never"}, "--drain-timeout: never is no time to wait"},
		{[]string{"--drain-timeout=5", "--listen=nowhere"}, "missing port"}, // as the key: seconds
	} {
		o := s.run(append([]string{"serve"}, c.args...)...)
		assert.NotEqual(t, statusOK, o.status, c.args)
		assert.Contains(t, o.stderr, c.says, c.args)
		assert.Len(t, o.lines(), 1, c.args)
	}
}

// Passwords that anybody on the way could read are warned of, once.
func TestServePasswordsInTheClear(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	writeFile(t, "x", s.root, "a", "x.rpm")
	users := writeFile(t, bcrypted(t, "alice", "one"), s.dir, "users")
	for listen, want := range map[string]int{"127.0.0.1:0": 0, "[::1]:0": 0, "0.0.0.0:0": 1, "unix:" + filepath.Join(s.dir, "s"): 0} {
		if l, err := net.Listen("tcp", "[::1]:0"); strings.HasPrefix(listen, "[") {
			if err != nil {
				t.Logf("no IPv6 here: %v", err)
				continue
			}
			require.NoError(t, l.Close())
		} else if err == nil {
			require.NoError(t, l.Close())
		}
		p := s.serve(1, "--listen="+listen, "--htpasswd="+users)
		p.stop()
		assert.Equal(t, want, strings.Count(p.said.String(), "passwords can be read on their way"), listen)
	}
}

// A second SIGTERM ends what the first one waits for.
func TestServeSecondSignal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	writeFile(t, strings.Repeat("x", 16<<20), s.root, "a", "big.rpm")
	p := s.serve(1, "--listen=127.0.0.1:0", "--drain-timeout=1m")
	res, err := unkept.Get(p.urls[0] + "/a/big.rpm")
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	p.signal(syscall.SIGTERM)
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", strings.TrimPrefix(p.urls[0], "http://"))
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	}, 10*time.Second, 10*time.Millisecond)
	select {
	case err := <-p.done:
		require.Fail(t, "the download was not waited for", "%v", err)
	case <-time.After(200 * time.Millisecond):
	}
	p.signal(syscall.SIGTERM)
	var status *exec.ExitError
	require.ErrorAs(t, <-p.done, &status)
	assert.False(t, status.Exited())
}

// What systemd is told: sd_notify(3).
func TestServeNotifies(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	writeFile(t, "x", s.root, "a", "x.rpm")
	for _, name := range []string{filepath.Join(s.dir, "notify"), "@gorepo-test-" + fmt.Sprint(os.Getpid())} {
		addr := name
		if name[0] == '@' {
			addr = "\x00" + name[1:]
		}
		l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: addr, Net: "unixgram"})
		if err != nil && name[0] == '@' {
			t.Logf("no abstract sockets here: %v", err)
			continue
		}
		require.NoError(t, err)
		told := func() string {
			require.NoError(t, l.SetReadDeadline(time.Now().Add(10*time.Second)))
			b := make([]byte, 1000)
			n, err := l.Read(b)
			require.NoError(t, err)
			return string(b[:n])
		}
		cmd := s.gorepo("serve", "-v", "--listen=127.0.0.1:0")
		cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+name)
		p := s.serveBy(1, cmd)
		assert.Equal(t, "READY=1", told())
		assert.Equal(t, 200, statusOf(t, unkept, p.urls[0]+"/a/x.rpm"))
		p.signal(syscall.SIGHUP)
		assert.Regexp(t, `^RELOADING=1(\nMONOTONIC_USEC=[0-9]+)?$`, told())
		assert.Equal(t, "READY=1", told())
		p.signal(syscall.SIGTERM)
		assert.Equal(t, "STOPPING=1", told())
		require.NoError(t, <-p.done)
		require.NoError(t, l.Close())
	}
}

// Sockets that systemd opens, as its own tool for that does.
func TestServeSocketActivation(t *testing.T) {
	t.Parallel()
	tool := peer.Need(t, "systemd-socket-activate")
	s := newSite(t)
	writeFile(t, "x", s.root, "a", "x.rpm")
	ca := testrepo.NewCA(t)
	cert, key := testrepo.WriteCert(t, ca.Issue(t, true, nil))
	free := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { _ = l.Close() }()
		return l.Addr().String()
	}
	one, two, sock := free(), free(), filepath.Join(s.dir, "sock")
	inner := s.gorepo("serve", "-v", "--tls-cert="+cert, "--tls-key="+key)
	args := []string{"--fdname=http:other:local", "-l", one, "-l", two, "-l", sock}
	for _, e := range inner.Env {
		args = append(args, "-E", e)
	}
	// It runs the test binary by its path: a link has the right name.
	link := filepath.Join(s.dir, "gorepo")
	require.NoError(t, os.Symlink(inner.Path, link))
	cmd := exec.Command(tool, append(append(args, link), inner.Args[1:]...)...)
	cmd.Env = inner.Env
	p := &serving{t: t, cmd: cmd, done: make(chan error, 1)}
	cmd.Stderr = &p.said
	require.NoError(t, cmd.Start())
	go func() { p.done <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	p.says(1, "Listening on .*sock") // and starts the server at the first connection
	assert.Equal(t, 200, statusOf(t, unkept, "http://"+one+"/a/x.rpm"), p.said.String())
	p.says(3, `serving \S+ on`)
	assert.Equal(t, 200, statusOf(t, clientOf(t, ca), "https://"+two+"/a/x.rpm"))
	c, err := net.Dial("unix", sock)
	require.NoError(t, err)
	_, err = io.WriteString(c, "GET /a/x.rpm HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	require.NoError(t, err)
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	assert.Equal(t, 200, res.StatusCode)
	require.NoError(t, c.Close())
	p.stop()
	assert.FileExists(t, sock, "it is systemd's")
}

// clientOf trusts an authority, and shows certificates, if any.
func clientOf(t testing.TB, ca *testrepo.CA, certs ...tls.Certificate) *http.Client {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool(), Certificates: certs}, ForceAttemptHTTP2: true, DisableKeepAlives: true}
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

// logrotate renames the log and sends SIGHUP: no line is lost, and each is in
// one of the files.
func TestServeAccessLogRotates(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	writeFile(t, "x", s.root, "a", "x.rpm")
	s.configure("access_log=access\naccess_log_format=json\nlisten=127.0.0.1:0\n")
	p := s.serve(1)
	log := filepath.Join(s.dir, "access")
	const rounds, each = 4, 25
	for i := range rounds {
		for j := range each {
			require.Equal(t, 200, statusOf(t, unkept, fmt.Sprintf("%s/a/x.rpm?%d.%d", p.urls[0], i, j)))
		}
		require.NoError(t, os.Rename(log, fmt.Sprint(log, i)))
		p.signal(syscall.SIGHUP)
		p.says(i+1, "the configuration was read again")
	}
	p.stop()
	files, err := filepath.Glob(log + "*")
	require.NoError(t, err)
	assert.Len(t, files, rounds+1)
	seen := map[string]int{}
	for _, f := range files {
		for line := range strings.Lines(string(mustRead(t, f))) {
			var got struct {
				Path   string
				Status int
			}
			require.NoError(t, json.Unmarshal([]byte(line), &got), line)
			seen[got.Path]++
			assert.Equal(t, 200, got.Status)
		}
	}
	assert.Len(t, seen, rounds*each)
}
