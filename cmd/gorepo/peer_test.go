//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
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
