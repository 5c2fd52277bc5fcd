package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// Two gorepos work on two repositories side by side. On the same one the second
// waits, says for whom, and goes on when that one dies.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello212, chrono)
	up := testrepo.New(t, testrepo.Options{}, packages...)
	s := newSite(t, section("base", up, "timeout=300"), section("other", up))
	up.On(packages[1].Href(), testrepo.Stall(100)).Times(1)
	first := s.gorepo("sync", "base")
	require.NoError(t, first.Start())
	require.Eventually(t, func() bool { return len(up.Requests(packages[1].Href())) > 0 }, 20*time.Second, 5*time.Millisecond)

	start := time.Now()
	out, err := s.gorepo("sync", "other").CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Empty(t, out)
	out, err = s.gorepo("sync", "base", "--lock-timeout", "0").CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(out), fmt.Sprintf("gorepo: base: another gorepo (process %d, since ", first.Process.Pid))

	second := s.gorepo("sync", "base")
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer log.Close() //nolint:errcheck // read by name
	second.Stderr = log
	require.NoError(t, second.Start())
	said := func() string {
		data, err := os.ReadFile(log.Name())
		require.NoError(t, err)
		return string(data)
	}
	require.Eventually(t, func() bool { return said() != "" }, 20*time.Second, 20*time.Millisecond)
	require.NoError(t, first.Process.Kill())
	require.Error(t, first.Wait())
	require.NoError(t, second.Wait())
	lines := strings.Split(said(), "\n")
	require.Len(t, lines, 2, "it is said once")
	assert.Regexp(t, fmt.Sprintf(`^gorepo: base: warning: waiting for another gorepo \(process %d, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\) to be done with it$`, first.Process.Pid), lines[0])
	assert.WithinDuration(t, start, time.Now(), time.Minute)
	assert.Equal(t, hrefs(packages...), s.packages("base"))
	assert.Equal(t, hrefs(packages...), s.packages("other"))
}

// One repository of several is gone, another lacks a package: the rest is
// complete, the status is 2, and the names are said.
func TestSeveralRepositories(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello212, chrono)
	var sections []string
	for i := range 12 {
		sections = append(sections, section(fmt.Sprintf("r%02d", i), testrepo.New(t, testrepo.Options{}, packages...)))
	}
	gone := testrepo.New(t, testrepo.Options{NoRepodata: true})
	lacking := testrepo.New(t, testrepo.Options{}, packages...)
	lacking.On(packages[0].Href(), testrepo.Status(http.StatusNotFound))
	s := newSite(t, append(sections, section("gone", gone), section("lacking", lacking))...)
	o := s.run("sync", "--summary")
	o.ended(2, says("gorepo: gone: ", "not found"), says("gorepo: lacking: ", packages[0].Href(), "404"))
	lines := strings.Split(strings.TrimSpace(o.stdout), "\n")
	require.Len(t, lines, 15)
	assert.Equal(t, "12 of 14 repositories are complete; not so: gone failed; lacking partial, 1 failed", lines[14])
	slices.Sort(lines)
	assert.Regexp(t, `^gone: failed, nothing changed, `, lines[1])
	assert.Regexp(t, `^lacking: partial, 1 added, 0 updated, 0 removed, 1 failed, [0-9.]+ kB fetched, 1 package of [0-9.]+ kB, `, lines[2])
	assert.Regexp(t, `^r00: complete, 2 added, 0 updated, 0 removed, [0-9.]+ kB fetched, 2 packages of [0-9.]+ kB, `, lines[3])
	for i := range 12 {
		assert.Len(t, s.packages(fmt.Sprintf("r%02d", i)), 2)
	}

	o = s.run("-q", "sync", "--summary", "r0*")
	o.ended(0)
	assert.Len(t, strings.Split(strings.TrimSpace(o.stdout), "\n"), 10)
	s.run("sync").ended(2, says("gorepo: gone: "), says("gorepo: lacking: ")) // in cron
	s.run("sync", "gone").ended(1, says("gorepo: gone: "))
}

// A server that has lost all packages makes no mail of thousands of lines.
func TestOneCauseManyTimes(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, numbered(t, 90, "a", "1")...)
	up.On("Packages/**", testrepo.Status(http.StatusNotFound))
	s := newSite(t, section("base", up))
	o := s.run("sync")
	assert.Equal(t, 2, o.status)
	require.Len(t, o.lines(), 21, o.stderr)
	assert.Contains(t, o.lines()[20], "gorepo: base: and 70 more failures: 90 times in all ")
	assert.Contains(t, o.lines()[20], "404")
	status, of := s.summaries("sync")
	assert.Equal(t, 2, status)
	assert.Equal(t, 90, of["base"].Failures)
}

// Whatever --json prints is in docs/json.md: each event, and each name in its
// row, or in the table of its section.
func TestJSONIsDocumented(t *testing.T) {
	t.Parallel()
	doc := string(mustRead(t, "../../docs/json.md"))
	packages := append(rpms(t, hello212, chrono, rich), testrepo.Fake("large-1-1.noarch", 40_000))
	up := testrepo.New(t, testrepo.Options{}, packages...)
	other := testrepo.New(t, testrepo.Options{}, rpms(t, weak)...)
	gone := testrepo.New(t, testrepo.Options{NoRepodata: true})
	tree := testrepo.New(t, testrepo.Options{}, rpms(t, weak)...)
	putTree(t, tree, ".treeinfo", treeText(t, "el7"))
	s := newSite(t, section("base", up, "delete=1", "archlist=noarch", "oddkey=1"), section("other", other), section("gone", gone), section("tree", tree, "treeinfo=1", "delete=1"))
	seen := map[string]map[string]bool{}
	run := func(args ...string) {
		t.Helper()
		o := s.run(append([]string{"--json", "-v"}, args...)...)
		for line := range strings.Lines(o.stdout) {
			var object map[string]any
			require.NoError(t, json.Unmarshal([]byte(line), &object), line)
			event, _ := object["event"].(string)
			if seen[event] == nil {
				seen[event] = map[string]bool{}
			}
			for name, value := range object {
				seen[event][name] = true
				if inner, ok := value.(map[string]any); ok {
					for name := range inner {
						seen[event][name] = true
					}
				}
			}
		}
	}
	up.On(packages[3].Href(), testrepo.Drip(300, 10*time.Millisecond))
	run("sync", "--dry-run")
	run("sync")
	run("createrepo", "--update")
	for _, p := range packages[:3] {
		require.Equal(t, 1, up.Remove(p.Href()))
	}
	up.Add(numbered(t, 1, "a", "1")...)
	up.Render()
	up.On("Packages/a/*", testrepo.Status(http.StatusNotFound)).Times(5)
	run("sync", "base")
	up.Repair()
	run("sync", "--dry-run", "base") // refused
	run("sync", "base")
	run("sync", "base", "--force-delete") // waiting to be deleted
	tree.Put(".treeinfo", []byte("[general]\nfamily = Test\nversion = 1\narch = x86_64\n"))
	run("sync", "--dry-run", "tree")
	run("repolist")
	run("history")
	run("repolist", "nosuch") // an error

	events := []string{"error", "failure", "note", "package", "plan", "progress", "publication", "repository", "start", "step", "summary", "warning"}
	for _, event := range events {
		assert.Contains(t, seen, event)
	}
	for event, names := range seen {
		row := regexp.MustCompile("(?m)^\\| `" + event + "` \\|.*$").FindString(doc)
		require.NotEmpty(t, row, "event %s is not in docs/json.md", event)
		of := row
		if _, section, ok := strings.Cut(doc, "\n## `"+event+"`\n"); ok {
			section, _, _ = strings.Cut(section, "\n## ")
			of += section
		}
		for name := range names {
			if name != "event" && name != "time" {
				assert.Contains(t, of, "`"+name+"`", "%s of event %s is not in docs/json.md", name, event)
			}
		}
	}
	for _, name := range []string{"done", "received", "rate"} {
		assert.Contains(t, seen["progress"], name)
	}
	for _, name := range []string{"waiting", "outcome", "seconds"} {
		assert.Contains(t, seen["summary"], name)
	}
	for _, name := range []string{"refused", "tree_files", "tree_gone"} {
		assert.Contains(t, seen["plan"], name)
	}
}

// What was asked for and does not all reach stdout is a failure, whoever prints it.
func TestLostOutput(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
	s := newSite(t, section("base", up))
	for _, args := range [][]string{{"sync", "--summary"}, {"sync", "--json"}, {"sync", "--urls"}, {"sync", "--dry-run"}, {"repolist"}, {"repolist", "--json"}} {
		var stderr bytes.Buffer
		status := run(t.Context(), process{
			args: append([]string{"--config", s.conf}, args...), stdin: strings.NewReader(""), stdout: fullDisk{}, stderr: &stderr,
		})
		assert.Equal(t, statusFailed, status, "%v", args)
		assert.Contains(t, stderr.String(), "no space left on device", "%v", args)
	}
	assert.Len(t, s.packages("base"), 1, "the work is done all the same")
}

// fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }
