//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
)

// built is what --json says of one createrepo or sync.
type built struct {
	Event, Outcome                                            string
	Packages, Added, Updated, Removed, Failures, Read, Reused int
	Fetched                                                   int64
}

// build runs gorepo for a single repository or directory, which has to succeed
// and to complain of nothing, and returns what it says of it.
func (s *site) build(args ...string) built {
	s.t.Helper()
	o := s.run(append([]string{"--json"}, args...)...)
	o.ended(statusOK)
	var found []built
	for line := range strings.Lines(o.stdout) {
		var b built
		require.NoError(s.t, json.Unmarshal([]byte(line), &b), line)
		if b.Event == "summary" {
			found = append(found, b)
		}
	}
	require.Len(s.t, found, 1, o.stdout)
	return found[0]
}

// runTool runs a real program, which has to succeed, and returns its stdout.
func runTool(t testing.TB, program string, args ...string) string {
	t.Helper()
	out, stderr, err := runToolEnds(t, program, args...)
	require.NoError(t, err, "%s %s: %s%s", program, strings.Join(args, " "), out, stderr)
	return out
}

func runToolEnds(t testing.TB, program string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), peer.Need(t, program), args...)
	// Nothing of this machine's: no proxy, no language, no home. Debian's rpm has
	// its database below HOME, so that is always the same.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC", "HOME=/nonexistent", "PYTHONDONTWRITEBYTECODE=1"}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

func needAll(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		peer.Need(t, p)
	}
}

// systemPython runs a script with the python3 that Debian's modules belong to,
// which is not always the one that comes first in PATH.
func systemPython(t testing.TB, modules, script string, args ...string) string {
	t.Helper()
	python := "/usr/bin/python3"
	if exec.Command(python, "-c", "import "+modules).Run() != nil {
		python = peer.Need(t, "python3")
		if exec.Command(python, "-c", "import "+modules).Run() != nil {
			peer.Missing(t, "python3 with "+modules, "apt-get install python3-createrepo-c python3-dnf python3-libdnf")
		}
	}
	return runTool(t, python, append([]string{"-c", script}, args...)...)
}

// peerFile is one file of a tree as tests compare them.
type peerFile struct {
	size int64
	hash string
}

// peerTestdata is where testdata lies.
const peerTestdata = "../../testdata"

// putFile writes a file below a directory, which it makes.
func putFile(t testing.TB, data, dir string, elements ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{dir}, elements...)...)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(data), 0o644))
	return path
}

// copyPackage copies a package, with an mtime that says nothing.
func copyPackage(t testing.TB, from string, to ...string) {
	t.Helper()
	data, err := os.ReadFile(from)
	require.NoError(t, err)
	path := putFile(t, string(data), to[0], to[1:]...)
	at := time.Unix(1704067200, 0)
	require.NoError(t, os.Chtimes(path, at, at))
}

// copyTestdata copies testdata's packages into a new directory.
func copyTestdata(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	list, err := filepath.Glob(peerTestdata + "/rpms/*.rpm")
	require.NoError(t, err)
	require.Greater(t, len(list), 15)
	for _, p := range list {
		copyPackage(t, p, dir, filepath.Base(p))
	}
	return dir
}

// makeUpstream makes a directory of packages a repository with createrepo_c and
// modifyrepo_c: groups, modules and an advisory, or what is given instead of
// the modules.
func makeUpstream(t testing.TB, dir, modules string) {
	t.Helper()
	if modules == "" {
		modules = peerTestdata + "/modules.yaml"
	}
	groups, err := filepath.Abs(peerTestdata + "/comps.xml") // createrepo_c would look below dir
	require.NoError(t, err)
	runTool(t, "createrepo_c", "--quiet", "--no-database", "--groupfile="+groups, dir)
	runTool(t, "modifyrepo_c", "--mdtype=modules", modules, dir+"/repodata")
	runTool(t, "modifyrepo_c", "--mdtype=updateinfo", peerTestdata+"/updateinfo.xml", dir+"/repodata")
}

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

// served is a running gorepo serve.
type served struct{ url string }

// serveMirror runs gorepo serve until the test ends.
func serveMirror(t testing.TB, args ...string) served {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var said lockedBuffer
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, process{
			args: append([]string{"serve", "-v", "--listen=127.0.0.1:0"}, args...), stdin: strings.NewReader(""), stdout: &said, stderr: &said, environ: []string{"TZ=UTC"},
		})
	}()
	t.Cleanup(func() {
		cancel()
		require.Equal(t, statusOK, <-done, said.String())
	})
	listening := regexp.MustCompile(`on (http://[^/\s]+)/`)
	var s served
	require.Eventually(t, func() bool {
		if m := listening.FindStringSubmatch(said.String()); m != nil {
			s.url = m[1]
		}
		return s.url != ""
	}, 10*time.Second, 5*time.Millisecond, "gorepo serve says nothing of where it listens")
	return s
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// dnf is a dnf with nothing but its own: root, cache, configuration.
type dnf struct {
	t    testing.TB
	dir  string
	conf string
}

// newDNF gives dnf a configuration: the text of a .repo file.
func newDNF(t testing.TB, repos string) *dnf {
	t.Helper()
	peer.Need(t, "dnf")
	d := &dnf{t: t, dir: t.TempDir()}
	d.setRepos(repos)
	return d
}

// setRepos replaces the repositories. The cache stays.
func (d *dnf) setRepos(repos string) {
	// A module platform: an empty root has none, and dnf then lists no modules.
	d.conf = putFile(d.t, fmt.Sprintf(`[main]
cachedir=%[1]s/cache
logdir=%[1]s/log
persistdir=%[1]s/state
reposdir=%[1]s/none
pluginconfpath=%[1]s/none
varsdir=%[1]s/none
plugins=0
module_platform_id=platform:el9
zchunk=0
%[2]s`, d.dir, repos), d.dir, "dnf.conf")
}

func (d *dnf) root() string { return filepath.Join(d.dir, "root") }

func (d *dnf) args(args []string) []string {
	return append([]string{"-q", "-y", "--config=" + d.conf, "--installroot=" + d.root(), "--releasever=9", "--forcearch=x86_64"}, args...)
}

func (d *dnf) run(args ...string) string {
	d.t.Helper()
	return runTool(d.t, "dnf", d.args(args)...)
}

// fails runs dnf, which has to fail, and returns all that it says.
func (d *dnf) fails(args ...string) string {
	d.t.Helper()
	out, stderr, err := runToolEnds(d.t, "dnf", d.args(args)...)
	require.Error(d.t, err, "%s%s", out, stderr)
	return out + stderr
}

// reposync runs dnf's reposync plugin.
func (d *dnf) reposync(args ...string) string {
	d.t.Helper()
	requireReposync(d.t)
	return d.run(append([]string{"--setopt=plugins=1", "--disableplugin=*", "--enableplugin=reposync", "reposync"}, args...)...)
}

var findReposync = sync.OnceValue(func() bool {
	found, err := filepath.Glob("/usr/lib/python3*/*-packages/dnf-plugins/reposync.py")
	return err == nil && len(found) > 0
})

func requireReposync(t testing.TB) {
	t.Helper()
	peer.Need(t, "dnf")
	if !findReposync() {
		peer.Missing(t, "dnf reposync", "apt-get install dnf-plugins-core")
	}
}

// listTree returns the files below dir, without gorepo's own.
func listTree(t testing.TB, dir string) map[string]peerFile {
	t.Helper()
	files := map[string]peerFile{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.Name() == ".gorepo" {
			if e != nil && e.IsDir() && err == nil {
				return fs.SkipDir
			}
			return err
		}
		if e.IsDir() {
			return nil
		}
		rel, err := filepath.Rel(dir, path)
		require.NoError(t, err)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		files[rel] = peerFile{int64(len(data)), hexOf(data)}
		return nil
	}))
	return files
}
