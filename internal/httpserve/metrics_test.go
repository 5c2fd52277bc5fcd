package httpserve_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/health"
	"gorepo/internal/httpserve"
	"gorepo/internal/mirror"
	"gorepo/internal/testrepo/peer"
)

const smallRepomd = `<?xml version="1.0"?><repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>7</revision>` +
	`<data type="primary"><checksum type="sha256">0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef</checksum><location href="repodata/primary.xml"/><size>100</size></data></repomd>`

// samples reads an exposition: name{labels} and value.
func samples(t testing.TB, text string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		require.Positive(t, i, line)
		_, twice := all[line[:i]]
		require.False(t, twice, line)
		all[line[:i]] = line[i+1:]
	}
	return all
}

func scrape(t testing.TB, addr string) map[string]string {
	t.Helper()
	res := get(t, addr, "/-/metrics")
	require.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	assert.Contains(t, res.Header.Get("Content-Type"), "text/plain; version=0.0.4")
	return samples(t, body(t, res))
}

// monitored is a mirror with a repository of each kind.
func monitored(t testing.TB) httpserve.Options {
	root := t.TempDir()
	now := time.Now()
	m, err := mirror.Open(root)
	require.NoError(t, err)
	save := func(id string, s mirror.State) {
		r, err := m.Repo(id, mirror.RepoOptions{})
		require.NoError(t, err)
		require.NoError(t, r.SaveState(s))
	}
	for _, id := range []string{"fresh", "late", "broken", "own"} {
		write(t, smallRepomd, root, id, "repodata", "repomd.xml")
		write(t, fmt.Sprintf("%-100s", `<metadata packages="5">`), root, id, "repodata", "primary.xml")
		write(t, "0123456789", root, id, "a-1-1.noarch.rpm")
	}
	save("fresh", mirror.State{
		Sync:    mirror.SyncState{Time: now, Complete: now, Outcome: mirror.OutcomeComplete, Bytes: 50},
		Publish: mirror.PublishState{Time: time.Unix(1_700_000_123, 0), Outcome: mirror.OutcomeComplete, Packages: 5},
	})
	write(t, strings.Replace(smallRepomd, "<size>", "<timestamp>1600000000</timestamp><size>", 1), root, ".gorepo", "fresh", "upstream", "repomd.xml")
	old := now.Add(-72 * time.Hour)
	save("late", mirror.State{Sync: mirror.SyncState{Time: old, Complete: old, Outcome: mirror.OutcomeComplete}})
	save("broken", mirror.State{
		Sync:    mirror.SyncState{Time: now, Complete: old, Outcome: mirror.OutcomePartial, Failures: 3, Repomd: "b", Changed: now},
		Publish: mirror.PublishState{Time: old, Upstream: "a"},
	})
	index := func(id string) httpserve.IndexState {
		return map[string]httpserve.IndexState{
			"fresh": {Published: true, Current: true, Generation: time.Unix(1_700_000_000, 0), Bytes: 4096, Took: 1500 * time.Millisecond, Builds: 3, Failures: 1},
			"late":  {Published: true, Builds: 2, Failures: 2},
		}[id]
	}
	return httpserve.Options{Root: root, Version: "1.2.3", Index: index, Repos: func() []httpserve.RepoInfo {
		return []httpserve.RepoInfo{{ID: "fresh"}, {ID: "late"}, {ID: "broken"}, {ID: "new"}, {ID: "off", Disabled: true}}
	}}
}

func TestMetricsOfRepositories(t *testing.T) {
	got := scrape(t, start(t, monitored(t)))
	label := func(name, id string) string { return fmt.Sprintf(`gorepo_repository_%s{repository="%s"}`, name, id) }
	for id, want := range map[string]map[string]string{
		"fresh": {
			"packages": "5", "package_bytes": "50", "metadata_bytes": "100", "last_sync_success": "1", "last_sync_failures": "0",
			"last_publish_timestamp_seconds": "1.700000123e+09", "upstream_timestamp_seconds": "1.6e+09", "unpublished_since_timestamp_seconds": "", "max_age_seconds": "172800",
			"index_current": "1", "index_generation_timestamp_seconds": "1.7e+09", "index_bytes": "4096", "index_build_duration_seconds": "1.5",
			"index_builds_total": "3", "index_build_failures_total": "1",
		},
		"late": {
			"last_sync_success": "1", "upstream_timestamp_seconds": "",
			"index_current": "0", "index_generation_timestamp_seconds": "", "index_bytes": "", "index_build_duration_seconds": "", "index_build_failures_total": "2",
		},
		"broken": {"last_sync_success": "0", "last_sync_failures": "3"},
		"own": {
			"packages": "5", "package_bytes": "", "last_sync_success": "", "last_sync_timestamp_seconds": "", "last_complete_sync_timestamp_seconds": "",
			"last_publish_timestamp_seconds": "1.714979289e+09",
		},
		"new": {"index_current": "", "index_builds_total": "", "packages": "", "metadata_bytes": "", "last_complete_sync_timestamp_seconds": "0", "last_sync_success": "0", "last_sync_timestamp_seconds": ""},
		"off": {"max_age_seconds": "", "last_complete_sync_timestamp_seconds": ""},
	} {
		for name, value := range want {
			assert.Equal(t, value, got[label(name, id)], "%s of %s", name, id)
		}
	}
	for id, want := range map[string]string{"fresh": "ok", "late": "late", "broken": "failing", "own": "ok", "new": "empty", "off": ""} {
		for _, level := range health.Levels {
			value := "0"
			if level.String() == want {
				value = "1"
			} else if want == "" {
				value = ""
			}
			assert.Equal(t, value, got[fmt.Sprintf(`gorepo_repository_health{level="%s",repository="%s"}`, level, id)], "%s %s", id, level)
		}
	}
	var build []string
	for name := range got {
		if strings.HasPrefix(name, "gorepo_build_info") {
			build = append(build, name)
		}
	}
	require.Len(t, build, 1)
	assert.Contains(t, build[0], `version="1.2.3"`)
	for _, name := range []string{"gorepo_filesystem_size_bytes", "gorepo_filesystem_available_bytes", "go_goroutines", "process_cpu_seconds_total", "process_open_fds"} {
		assert.NotEmpty(t, got[name], name)
	}
}

func TestMetricsOfRequests(t *testing.T) {
	addr := start(t, monitored(t))
	get(t, addr, "/fresh/a-1-1.noarch.rpm")
	get(t, addr, "/fresh/a-1-1.noarch.rpm", "Range: bytes=0-3")
	raw(t, addr, http.MethodHead, "/fresh/a-1-1.noarch.rpm")
	get(t, addr, "/fresh/nothing.rpm")
	get(t, addr, "/late/a-1-1.noarch.rpm", "Range: bytes=50-")
	get(t, addr, "/late/../x")
	raw(t, addr, http.MethodPost, "/own/")
	// What nobody published makes no series, however often it is asked for.
	for i := range 50 {
		get(t, addr, fmt.Sprintf("/no-%d/x", i))
	}
	get(t, addr, "/fresh.repo")
	got := scrape(t, addr)
	requests := func(id, code string) string {
		return got[fmt.Sprintf(`gorepo_http_requests_total{code="%s",repository="%s"}`, code, id)]
	}
	assert.Equal(t, "2", requests("fresh", "200"))
	assert.Equal(t, "1", requests("fresh", "206"))
	assert.Equal(t, "1", requests("fresh", "404"))
	assert.Equal(t, "1", requests("late", "416"))
	assert.Equal(t, "1", requests("late", "400"))
	assert.Equal(t, "0", requests("late", "200"))
	assert.Equal(t, "1", requests("own", "405"))
	assert.Equal(t, "50", requests("-", "404"))
	assert.Equal(t, "1", requests("-", "200"))
	sent := func(id string) string {
		return got[fmt.Sprintf(`gorepo_http_response_bytes_total{repository="%s"}`, id)]
	}
	assert.Equal(t, fmt.Sprint(10+4+len("404 not found\n")), sent("fresh"), "of bodies; HEAD has none")
	for name := range got {
		assert.NotContains(t, name, "no-4")
	}
	assert.Equal(t, "58", got[`gorepo_http_time_to_first_byte_seconds_count{kind="file"}`])
	assert.Equal(t, "58", got[`gorepo_http_time_to_first_byte_seconds_bucket{kind="file",le="+Inf"}`])
	assert.Equal(t, "0", got[`gorepo_http_time_to_first_byte_seconds_count{kind="page"}`], "the scrape itself is still being answered")
	assert.Equal(t, "1", got["gorepo_http_requests_in_flight"], "the scrape")
	again := scrape(t, addr)
	assert.Equal(t, "1", again[`gorepo_http_time_to_first_byte_seconds_count{kind="page"}`])
}

// A repository that appears is counted by itself from the next scrape on, one that
// goes is shown no more.
func TestMetricsFollowTheMirror(t *testing.T) {
	o := monitored(t)
	addr := start(t, o)
	write(t, smallRepomd, o.Root, "appeared", "repodata", "repomd.xml")
	const name = `gorepo_http_requests_total{code="200",repository="appeared"}`
	assert.Equal(t, "0", scrape(t, addr)[name])
	get(t, addr, "/appeared/repodata/repomd.xml")
	assert.Equal(t, "1", scrape(t, addr)[name])
	require.NoError(t, os.RemoveAll(filepath.Join(o.Root, "appeared")))
	assert.Empty(t, scrape(t, addr)[name])
	write(t, smallRepomd, o.Root, "appeared", "repodata", "repomd.xml")
	assert.Equal(t, "1", scrape(t, addr)[name], "a counter does not go back")
}

func TestMetricsOfConnections(t *testing.T) {
	addr := start(t, monitored(t))
	var conns []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		conns = append(conns, c)
	}
	accepted := func() string { return scrape(t, addr)["gorepo_http_connections_accepted_total"] }
	assert.Equal(t, "4", accepted(), "three and the scrape's")
	assert.Equal(t, "0", scrape(t, addr)["gorepo_http_connections_waited_total"])
	limit, err := strconv.Atoi(scrape(t, addr)["gorepo_http_connections_limit"])
	require.NoError(t, err)
	assert.Greater(t, limit, 10)
	for _, c := range conns {
		require.NoError(t, c.Close())
	}
	assert.Eventually(t, func() bool { return scrape(t, addr)["gorepo_http_connections_open"] == "1" }, 5*time.Second, 10*time.Millisecond)
}

// The names and kinds are as Prometheus wants them, and docs/monitoring.md has all
// of them.
func TestPromtoolTakesTheMetrics(t *testing.T) {
	promtool := peer.Need(t, "promtool")
	addr := start(t, monitored(t))
	get(t, addr, "/fresh/a-1-1.noarch.rpm")
	text := body(t, get(t, addr, "/-/metrics"))
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	assert.NoError(t, err)
	assert.Empty(t, string(out))
}

// The rules ring when they should, and not before: promtool plays it through. Each
// alert is in there, and in docs/monitoring.md.
func TestPromtoolTakesTheRules(t *testing.T) {
	promtool := peer.Need(t, "promtool")
	const rulesFile, days, minutes = "../../docs/monitoring-rules.yml", "testdata/monitoring-rules-days.yml", "testdata/monitoring-rules-minutes.yml"
	for _, args := range [][]string{{"check", "rules", rulesFile}, {"test", "rules", days, minutes}} {
		out, err := exec.Command(promtool, args...).CombinedOutput()
		assert.NoError(t, err, "%s", out)
		assert.Contains(t, string(out), "SUCCESS")
	}
	read := func(name string) string {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		return string(data)
	}
	rules, tests, doc := read(rulesFile), read(days)+read(minutes), read("../../docs/monitoring.md")
	alerts := regexp.MustCompile(`(?m)- alert: (\w+)`).FindAllStringSubmatch(rules, -1)
	assert.Len(t, alerts, 14)
	for _, alert := range alerts {
		assert.Regexp(t, `(?m)- alertname: `+alert[1]+`$`, tests, "it never rings")
		assert.Regexp(t, `(?m)^\|.*\b`+alert[1]+`\b.*\|`, doc)
	}
	// Every expression of the page is one.
	var list []string
	for _, m := range regexp.MustCompile("(?m)^.*(?:expr: |\\| `)([^`\n]*gorepo_[^`\n]*[({<>[][^`\n]*)`?").FindAllStringSubmatch(doc, -1) {
		quoted, err := json.Marshal(m[1])
		require.NoError(t, err)
		list = append(list, fmt.Sprintf("{record: r%d, expr: %s}", len(list), quoted))
	}
	assert.Len(t, list, 5)
	name := filepath.Join(t.TempDir(), "rules.yml")
	require.NoError(t, os.WriteFile(name, fmt.Appendf(nil, "groups: [{name: g, rules: [%s]}]", strings.Join(list, ", ")), 0o644))
	out, err := exec.Command(promtool, "check", "rules", name).CombinedOutput()
	assert.NoError(t, err, "%s", out)
}

func TestMetricsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/monitoring.md")
	require.NoError(t, err)
	rules, err := os.ReadFile("../../docs/monitoring-rules.yml")
	require.NoError(t, err)
	text := body(t, get(t, start(t, monitored(t)), "/-/metrics"))
	there := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^# HELP (gorepo_\w+) `).FindAllStringSubmatch(text, -1) {
		there[m[1]] = true
		assert.Contains(t, string(doc), "| `"+m[1]+"` |")
	}
	assert.Len(t, there, 30)
	named := regexp.MustCompile(`\bgorepo_[a-z_]+\b`)
	for _, name := range append(named.FindAllString(string(doc), -1), named.FindAllString(string(rules), -1)...) {
		name = regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
		assert.True(t, there[name], "%s is written of, and no metric", name)
	}
}

func TestMetricsElsewhere(t *testing.T) {
	o := monitored(t)
	o.MetricsElsewhere = true
	s, err := httpserve.New(o)
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.Close()) }()
	status := func(h http.Handler, target string) int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		return w.Code
	}
	assert.Equal(t, http.StatusNotFound, status(s, "/-/metrics"))
	assert.Equal(t, http.StatusOK, status(s, "/-/healthz"))
	elsewhere := s.MetricsHandler()
	for _, target := range []string{"/metrics", "/-/metrics", "/-/healthz", "/-/readyz"} {
		assert.Equal(t, http.StatusOK, status(elsewhere, target), target)
	}
	assert.Equal(t, http.StatusNotFound, status(elsewhere, "/fresh/a-1-1.noarch.rpm"))
}

// A client sees the metrics of what it may read; the listener that is Prometheus's
// own shows all.
func TestMetricsOfWhatIsNotForEverybody(t *testing.T) {
	o := monitored(t)
	nobody := httpserve.Rule{Nobody: true}
	access := &httpserve.Access{Repos: map[string]httpserve.Rule{"late": nobody, "new": nobody}}
	o.Access = func() *httpserve.Access { return access }
	s, err := httpserve.New(o)
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.Close()) }()
	ask := func(h http.Handler, target string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		return w.Code, w.Body.String()
	}
	status, text := ask(s, "/-/metrics")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, text, `"fresh"`)
	assert.NotContains(t, text, `"late"}`)
	assert.NotContains(t, text, `"new"`)
	status, text = ask(s.MetricsHandler(), "/metrics")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, text, `"late"}`)
	assert.Contains(t, text, `"new"`)

	access = &httpserve.Access{Site: nobody}
	status, text = ask(s, "/-/metrics")
	assert.Equal(t, http.StatusForbidden, status)
	assert.NotContains(t, text, "gorepo_")
	for _, probe := range []string{"/-/healthz", "/-/readyz"} {
		status, _ = ask(s, probe)
		assert.Equal(t, http.StatusOK, status, probe)
	}
}

func TestHealthz(t *testing.T) {
	addr := start(t, httpserve.Options{Root: t.TempDir()})
	res := get(t, addr, "/-/healthz")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, "ok\n", body(t, res))
	assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	head := raw(t, addr, http.MethodHead, "/-/healthz")
	assert.Equal(t, http.StatusOK, head.StatusCode)
	assert.Equal(t, http.StatusNotFound, get(t, addr, "/-/healthz/").StatusCode+get(t, addr, "/-/healthz/x").StatusCode-http.StatusOK)
}

func TestReadyz(t *testing.T) {
	root := t.TempDir()
	var configured []httpserve.RepoInfo
	addr := start(t, httpserve.Options{Root: root, Repos: func() []httpserve.RepoInfo { return configured }})
	ready := func() (int, string) {
		res := get(t, addr, "/-/readyz")
		assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
		asJSON := get(t, addr, "/-/readyz", "Accept: application/json")
		assert.Equal(t, res.StatusCode, asJSON.StatusCode)
		assert.Equal(t, "application/json", asJSON.Header.Get("Content-Type"))
		var state struct {
			Ready      bool
			Reason     string
			Configured *int
		}
		require.NoError(t, json.NewDecoder(asJSON.Body).Decode(&state))
		text := body(t, res)
		assert.Equal(t, res.StatusCode == http.StatusOK, state.Ready)
		assert.Contains(t, text, state.Reason)
		assert.NotNil(t, state.Configured)
		return res.StatusCode, text
	}
	status, text := ready()
	assert.Equal(t, http.StatusOK, status, "nothing is configured, nothing is missing")
	assert.Equal(t, "ready\n", text)

	configured = []httpserve.RepoInfo{{ID: "off", Disabled: true}}
	status, _ = ready()
	assert.Equal(t, http.StatusOK, status)

	configured = append(configured, httpserve.RepoInfo{ID: "r"}, httpserve.RepoInfo{ID: "s"})
	status, text = ready()
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Equal(t, "503 not ready: none of 2 configured repositories is published yet\n", text)

	write(t, smallRepomd, root, "s", "repodata", "repomd.xml")
	status, _ = ready()
	assert.Equal(t, http.StatusOK, status)
}

// A mirror whose directory cannot be read any more is not ready.
func TestReadyzOfALostRoot(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("root reads everything: the directory is closed instead of being made unreadable")
	}
	s, err := httpserve.New(httpserve.Options{Root: t.TempDir()})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/-/readyz", nil))
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.Equal(t, "503 not ready: the mirror's directory cannot be read\n", w.Body.String())
}

// More scrapes at a time than anybody needs are refused.
func TestTooManyScrapes(t *testing.T) {
	o := monitored(t)
	wait, entered := make(chan struct{}), make(chan struct{}, 100)
	o.Health = func(id string) health.Repo {
		entered <- struct{}{}
		<-wait
		return health.Repo{ID: id}
	}
	s, err := httpserve.New(o)
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.Close()) }()
	done := make(chan int, 8)
	ask := func() {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/-/metrics", nil))
		_, _ = io.Copy(io.Discard, bytes.NewReader(w.Body.Bytes()))
		done <- w.Code
	}
	for range 4 {
		go ask()
	}
	for range 4 {
		<-entered
	}
	ask()
	assert.Equal(t, http.StatusServiceUnavailable, <-done)
	close(wait)
	for range 4 {
		assert.Equal(t, http.StatusOK, <-done)
	}
	ask()
	assert.Equal(t, http.StatusOK, <-done)
}
