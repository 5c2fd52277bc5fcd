//go:build unix

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/genrpm"
	"gorepo/internal/testrepo/peer"
)

// A tap stands before a server and listens to what it is asked.
type tap struct {
	t     testing.TB
	url   string
	mu    sync.Mutex
	conns []*bytes.Buffer // what clients sent, a connection each
}

// tapped puts a tap before a server on loopback, until the test ends.
func tapped(t testing.TB, mirror served) *tap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	tp := &tap{t: t, url: "http://" + l.Addr().String()}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { tp.relay(client, strings.TrimPrefix(mirror.url, "http://")) })
		}
	})
	t.Cleanup(func() { l.Close(); open.Wait() })
	return tp
}

func (tp *tap) relay(client net.Conn, addr string) {
	server, err := net.Dial("tcp", addr)
	if err != nil {
		client.Close()
		return
	}
	sent := &bytes.Buffer{}
	tp.mu.Lock()
	tp.conns = append(tp.conns, sent)
	tp.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(client, server)
		_ = client.(*net.TCPConn).CloseWrite() // the client may be gone
		client.Close()
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := client.Read(buf)
		tp.mu.Lock()
		sent.Write(buf[:n])
		tp.mu.Unlock()
		if n > 0 {
			_, _ = server.Write(buf[:n])
		}
		if err != nil {
			break
		}
	}
	server.Close()
	<-done
}

// requests are those since it was called last; all have been sent whole.
func (tp *tap) requests() []*http.Request {
	tp.t.Helper()
	tp.mu.Lock()
	defer tp.mu.Unlock()
	var list []*http.Request
	for _, c := range tp.conns {
		in := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				break
			}
			list = append(list, r)
		}
	}
	tp.conns = nil
	return list
}

// ranges are the Range headers of requests for what ends in a name.
func ranges(list []*http.Request, suffix string) []string {
	var found []string
	for _, r := range list {
		if strings.HasSuffix(r.URL.Path, suffix) {
			found = append(found, r.Header.Get("Range"))
		}
	}
	return found
}

// clientMirror is a mirror of one repository that gorepo made, r, with packages
// and zchunk metadata, and files that clients may have trouble with. Its tree is
// as served.
func clientMirror(t testing.TB, packages int) (s *site, mirror served, log string) {
	t.Helper()
	s = newSite(t)
	require.NoError(t, genrpm.Generate(s.path("r"), genrpm.Options{Packages: packages, FilesPerPackage: 6, Changelogs: 3, PayloadBytes: 512}))
	for location, name := range map[string]string{"odd/a+b^c~d e%2B.rpm": hello212, "odd/ünï;@&=.rpm": chrono} {
		copyPackage(t, filepath.Join(peerTestdata, "rpms", name+".rpm"), s.path("r"), location)
	}
	s.ok("createrepo", "--zck", s.path("r"))
	s.write(mustRead(t, "../../internal/treeinfo/testdata/el9.treeinfo"), "r", ".treeinfo")
	large := make([]byte, 12<<20)
	for i := range large {
		large[i] = byte(i >> 7 * 31)
	}
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	require.NoError(t, os.Chtimes(s.write(large, "r", "images", "large.img"), at, at))
	log = filepath.Join(t.TempDir(), "access.log")
	return s, serveMirror(t, "--root", s.root, "--access-log", log), log
}

// logOf is the access log with all that was answered so far: the server writes
// many lines at once.
func logOf(t testing.TB, mirror served, log string) string {
	t.Helper()
	mark := fmt.Sprintf("/r/.treeinfo?%d", time.Now().UnixNano())
	get1(t, mirror.url+mark)
	var data []byte
	require.Eventually(t, func() bool {
		data = mustRead(t, log)
		return strings.Contains(string(data), mark)
	}, 10*time.Second, 10*time.Millisecond, "the request is not in the log")
	return string(data)
}

// statusesOf are those that the access log has for what ends in a name.
func statusesOf(t testing.TB, mirror served, log, suffix string) (found []string) {
	t.Helper()
	pattern := regexp.MustCompile(`"[A-Z]+ \S*` + regexp.QuoteMeta(suffix) + ` HTTP/1.1" (\d+) `)
	for _, m := range pattern.FindAllStringSubmatch(logOf(t, mirror, log), -1) {
		found = append(found, m[1])
	}
	return found
}

// TestDownloadersOfTheMirror has those fetch from gorepo serve that people and
// scripts use: whole, in parts, again, and everything.
func TestDownloadersOfTheMirror(t *testing.T) {
	t.Parallel()
	s, mirror, log := clientMirror(t, 150)
	at := mirror.url + "/r/images/large.img"
	want := hexOf(s.read("r", "images", "large.img"))
	date := statOf(t, s.path("r", "images", "large.img")).mtime
	half := func(t *testing.T) string {
		return putFile(t, string(s.read("r", "images", "large.img")[:5<<20]), t.TempDir(), "large.img")
	}

	t.Run("curl", func(t *testing.T) {
		file := half(t)
		assert.Equal(t, "206", runTool(t, "curl", "-sS", "-f", "-C", "-", "-o", file, "-w", "%{http_code}", at))
		assert.Equal(t, want, hexOf(mustRead(t, file)), "resumed")

		file = filepath.Join(t.TempDir(), "f")
		assert.Equal(t, "200", runTool(t, "curl", "-sS", "-f", "--remote-time", "--compressed", "-o", file, "-w", "%{http_code}", at))
		assert.Equal(t, want, hexOf(mustRead(t, file)))
		assert.Equal(t, date, statOf(t, file).mtime)
		assert.Equal(t, "304 0", runTool(t, "curl", "-sS", "-f", "-z", file, "-o", file, "-w", "%{http_code} %{size_download}", at), "it has that one")

		etag := filepath.Join(t.TempDir(), "etag")
		repomd := mirror.url + "/r/repodata/repomd.xml"
		assert.Equal(t, "200", runTool(t, "curl", "-sS", "-f", "--etag-save", etag, "-o", file, "-w", "%{http_code}", repomd))
		assert.Equal(t, "304", runTool(t, "curl", "-sS", "-f", "--etag-compare", etag, "-o", file, "-w", "%{http_code}", repomd))

		parts := runTool(t, "curl", "-sS", "-f", "-r", "0-1,8-9,-2", at)
		assert.Equal(t, 3, strings.Count(parts, "\r\nContent-Range: bytes "), "%q", parts)
		assert.Equal(t, "200 1\n200 0\n200 0\n404 0\n200 0\n", runTool(t, "curl", "-sS", "-o", "/dev/null", "-o", "/dev/null", "-o", "/dev/null", "-o", "/dev/null", "-o", "/dev/null",
			"-w", "%{http_code} %{num_connects}\n", repomd, at, mirror.url+"/r/", mirror.url+"/r/none", mirror.url+"/r/.treeinfo"), "one connection")
	})
	t.Run("wget", func(t *testing.T) {
		file := half(t)
		runTool(t, "wget", "-q", "-c", "-O", file, at)
		assert.Equal(t, want, hexOf(mustRead(t, file)), "resumed")

		dir := t.TempDir()
		mirrors := []string{"-q", "-m", "-np", "-nH", "--restrict-file-names=nocontrol", "-R", `index.html*`, "-e", "robots=off", "-P", dir, mirror.url + "/r/"}
		runTool(t, "wget", mirrors...)
		theirs := listTree(t, filepath.Join(dir, "r"))
		want := listTree(t, s.path("r"))
		delete(want, ".genrpm.json") // not served
		want["odd/a+b^c~d e+.rpm"] = want["odd/a+b^c~d e%2B.rpm"]
		delete(want, "odd/a+b^c~d e%2B.rpm") // wget decodes names of files twice
		assert.Equal(t, want, theirs, "what the listings lead to")
		before := len(statusesOf(t, mirror, log, ".rpm"))
		runTool(t, "wget", mirrors...)
		again := statusesOf(t, mirror, log, ".rpm")[before:]
		assert.Len(t, again, len(s.packages("r")))
		assert.NotContains(t, again, "200", "nothing is fetched again")
	})
	t.Run("aria2", func(t *testing.T) {
		tap := tapped(t, mirror)
		dir := t.TempDir()
		runTool(t, "aria2c", "-q", "--no-conf", "--remote-time", "-x16", "-s16", "-k1M", "--file-allocation=none", "--checksum=sha-256="+want, "-d", dir, "-o", "large.img", tap.url+"/r/images/large.img")
		assert.Equal(t, want, hexOf(mustRead(t, filepath.Join(dir, "large.img"))))
		assert.Equal(t, date, statOf(t, filepath.Join(dir, "large.img")).mtime)
		asked := ranges(tap.requests(), "large.img")
		slices.Sort(asked)
		assert.Greater(t, len(slices.Compact(asked)), 5, "parts, at the same time: %q", asked)

		// By the metalink, with the checksums that it has.
		runTool(t, "aria2c", "-q", "--no-conf", "--file-allocation=none", "--check-integrity=true", "-d", dir, mirror.url+"/r/metalink")
		assert.Equal(t, hexOf(s.read("r", "repodata", "repomd.xml")), hexOf(mustRead(t, filepath.Join(dir, "repomd.xml"))))
	})
}

// TestZchunkOfTheMirror has the zchunk library bring its copy of the metadata up
// to date: with the chunks that changed, many of them in one request.
func TestZchunkOfTheMirror(t *testing.T) {
	t.Parallel()
	needAll(t, "zckdl")
	s, mirror, _ := clientMirror(t, 400)
	tap := tapped(t, mirror)
	dir := t.TempDir()
	download := func(args ...string) {
		cmd := exec.CommandContext(t.Context(), peer.Need(t, "zckdl"), append([]string{"--fail-no-ranges"}, args...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	former := map[string]string{}
	for _, kind := range []string{"primary", "filelists", "other"} {
		file, _ := zckRecord(t, s.path("r"), kind+"_zck")
		former[kind] = filepath.Base(file)
		download(tap.url + "/r/repodata/" + former[kind])
		assert.Equal(t, hexOf(mustRead(t, file)), hexOf(mustRead(t, filepath.Join(dir, former[kind]))), kind)
	}
	_, err := genrpm.Change(s.path("r"), 0.1, 3)
	require.NoError(t, err)
	s.ok("createrepo", "--update", "--zck", s.path("r"))
	tap.requests()
	for kind, old := range former {
		file, _ := zckRecord(t, s.path("r"), kind+"_zck")
		name := filepath.Base(file)
		require.NotEqual(t, old, name)
		download("-s", old, tap.url+"/r/repodata/"+name)
		assert.Equal(t, hexOf(mustRead(t, file)), hexOf(mustRead(t, filepath.Join(dir, name))), kind)
		most, bytes := 0, int64(0)
		for _, r := range ranges(tap.requests(), name) {
			set, ok := strings.CutPrefix(r, "bytes=")
			require.True(t, ok, "%q", r)
			parts := strings.Split(set, ",")
			most = max(most, len(parts))
			for _, p := range parts {
				var first, last int64
				_, err := fmt.Sscanf(p, "%d-%d", &first, &last)
				require.NoError(t, err, r)
				bytes += last - first + 1
			}
		}
		size := statOf(t, file).size
		assert.Greater(t, most, 12, "ranges in one request")
		assert.Less(t, bytes, size, "it fetches less than all")
		t.Logf("%s: %d of %d bytes, up to %d ranges in a request", kind, bytes, size, most)
	}
}

// TestPackageManagersOfTheMirror has dnf add the mirror by its /ID.repo, see what
// is published while it is a client, and copy it; and libsolv, which is zypper's
// reader, read what was copied.
func TestPackageManagersOfTheMirror(t *testing.T) {
	t.Parallel()
	needAll(t, "dnf", "repo2solv", "dumpsolv")
	requireReposync(t)
	s, mirror, log := clientMirror(t, 150)
	d := newDNF(t, "")
	repos := filepath.Join(d.dir, "repos")
	require.NoError(t, os.Mkdir(repos, 0o755))
	plugin := func(name string, args ...string) string {
		return d.run(append([]string{"--setopt=reposdir=" + repos, "--setopt=plugins=1", "--disableplugin=*", "--enableplugin=" + name}, args...)...)
	}
	plugin("config-manager", "config-manager", "--add-repo", mirror.url+"/r.repo")
	require.Equal(t, get1(t, mirror.url+"/r.repo"), string(mustRead(t, filepath.Join(repos, "r.repo"))))
	names := func(args ...string) []string {
		return strings.Split(strings.TrimSpace(d.run(append([]string{"--setopt=reposdir=" + repos, "repoquery", "--location"}, args...)...)), "\n")
	}
	locations := func() (list []string) {
		_, p, err := s.local("r").all()
		require.NoError(t, err)
		for _, l := range p.Packages {
			list = append(list, mirror.url+"/r/"+l.Location.Href)
		}
		slices.Sort(list)
		return list
	}
	before := locations()
	assert.Len(t, before, 152)
	assert.Equal(t, spaced(before), spaced(names()))

	fresh, err := genrpm.Change(s.path("r"), 0.1, 5)
	require.NoError(t, err)
	s.ok("createrepo", "--update", "--zck", s.path("r"))
	assert.Equal(t, spaced(before), spaced(names()), "it does not look yet")
	after := locations()
	require.NotEqual(t, before, after)
	assert.Equal(t, spaced(after), spaced(names("--refresh")))

	dir := t.TempDir()
	plugin("download", "download", "--destdir="+dir, "hello", "chrono", strings.TrimSuffix(filepath.Base(fresh[0]), ".rpm"))
	assert.Len(t, listTree(t, dir), 3, "those of odd names among them")

	// dnf's reposync and ours bring the same from it.
	theirs := t.TempDir()
	plugin("reposync", "reposync", "--repoid=r", "--download-path="+theirs, "--download-metadata")
	ours := newSite(t, "[r]\nbaseurl="+mirror.url+"/r/\ndownload_metadata=1\n")
	ours.ok("sync")
	want := listTree(t, s.path("r"))
	their, our := listTree(t, filepath.Join(theirs, "r")), listTree(t, ours.path("r"))
	for _, p := range s.packages("r") {
		assert.Equal(t, want[p], our[p], p)
		assert.Equal(t, want[p], their[p], p)
	}
	assert.Equal(t, want["repodata/repomd.xml"], our["repodata/repomd.xml"])
	for line := range strings.Lines(logOf(t, mirror, log)) {
		// gorepo asks whether there is a signature.
		assert.True(t, !strings.Contains(line, "\" 404 ") || strings.Contains(line, "GET /r/repodata/repomd.xml."), line)
	}

	assert.Equal(t, len(after), len(solvables(t, ours.path("r"))), "libsolv")
}

// spaced is a list without how spaces are written in it.
func spaced(list []string) []string {
	list = strings.Split(strings.ReplaceAll(strings.Join(list, "\n"), "%20", " "), "\n")
	slices.Sort(list)
	return list
}

// TestServeUsesSendfile: whatever stands between a package and the connection
// (rules, metrics, the access log), the kernel copies it.
func TestServeUsesSendfile(t *testing.T) {
	t.Parallel()
	needAll(t, "strace", "curl")
	trace := filepath.Join(t.TempDir(), "trace")
	// SIGTERM is for gorepo, not for strace.
	strace := []string{peer.Need(t, "strace"), "-D", "-f", "-e", "trace=sendfile", "-e", "signal=none", "-o", trace}
	if exec.Command(strace[0], "-o", "/dev/null", "true").Run() != nil {
		peer.Missing(t, "ptrace", "allow strace to trace its children (CAP_SYS_PTRACE in a container)")
	}
	s := newSite(t)
	data := make([]byte, 6<<20)
	s.write(data, "r", "big.rpm")
	mirror, stop := s.serveUnder(strace)
	at := mirror.url + "/r/big.rpm"
	want := 0
	for _, c := range []struct {
		args  []string
		bytes int
	}{
		{[]string{at}, 6 << 20},
		{[]string{"-r", "1000000-", at}, 6<<20 - 1_000_000},
		{[]string{"-r", "0-999999,2000000-3999999", at}, 3_000_000},
		{[]string{"-0", at}, 6 << 20},
		{[]string{at + "?from=a+page"}, 6 << 20},
	} {
		size, err := strconv.Atoi(runTool(t, "curl", append([]string{"-sS", "-f", "-o", "/dev/null", "-w", "%{size_download}"}, c.args...)...))
		require.NoError(t, err)
		require.GreaterOrEqual(t, size, c.bytes)
		want += c.bytes - 512 // the first bytes may go out with the header
	}
	stop()
	sent := 0
	require.Eventually(t, func() bool { // strace writes on for a moment
		sent = 0
		for _, m := range regexp.MustCompile(`(?m)sendfile.* = (\d+)$`).FindAllStringSubmatch(string(mustRead(t, trace)), -1) {
			n, err := strconv.Atoi(m[1])
			require.NoError(t, err)
			sent += n
		}
		return sent >= want
	}, 5*time.Second, 50*time.Millisecond, "%d bytes of %d", sent, want)
}
