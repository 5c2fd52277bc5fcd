package httpserve_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/httpserve"
	"gorepo/internal/testrepo"
)

// Lines are neither lost nor torn, whatever is written at the same time and
// however often the file is renamed; they come to disk within a second or two.
func TestLogFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "access")
	var log lockedBuffer
	l, err := httpserve.OpenLog(name, slog.New(slog.NewTextHandler(&log, nil)))
	require.NoError(t, err)
	const writers, each = 8, 3000
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				_, err := fmt.Fprintf(l, "%d %d %s\n", w, i, strings.Repeat("x", i%200))
				assert.NoError(t, err)
			}
		})
	}
	for i := range 5 {
		require.NoError(t, os.Rename(name, fmt.Sprint(name, i)))
		require.NoError(t, l.Reopen())
	}
	all.Wait()
	_, err = l.Write([]byte("last\n"))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		data, err := os.ReadFile(name)
		return err == nil && strings.HasSuffix(string(data), "last\n")
	}, 10*time.Second, 20*time.Millisecond)
	l.Direct()
	_, err = l.Write([]byte("at once\n"))
	require.NoError(t, err)
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	assert.True(t, strings.HasSuffix(string(data), "last\nat once\n"))
	require.NoError(t, l.Close())
	_, err = l.Write([]byte("after all\n"))
	require.NoError(t, err)
	assert.Empty(t, log.String(), "who is late has no part in it, and the disk no fault")

	files, err := filepath.Glob(name + "*")
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		require.NoError(t, err)
		for line := range strings.Lines(string(data)) {
			var w, i int
			if n, _ := fmt.Sscanf(line, "%d %d", &w, &i); n == 2 {
				assert.Equal(t, fmt.Sprintf("%d %d %s\n", w, i, strings.Repeat("x", i%200)), line)
				seen[fmt.Sprint(w, " ", i)] = true
			}
		}
	}
	assert.Len(t, seen, writers*each)
	assert.Empty(t, log.String())
}

// A slowDisk takes its time, or is full.
type slowDisk struct {
	release chan struct{}
	full    atomic.Bool
	writes  atomic.Int32
}

func (d *slowDisk) Write(p []byte) (int, error) {
	d.writes.Add(1)
	if d.full.Load() {
		return 0, errors.New("no space left on device")
	}
	<-d.release
	return len(p), nil
}

// Nobody waits for a disk that hangs, or fails; it is said once.
func TestLogFileOnABadDisk(t *testing.T) {
	var log lockedBuffer
	d := &slowDisk{release: make(chan struct{})}
	l := httpserve.NewLog(d, slog.New(slog.NewTextHandler(&log, nil)))
	line := []byte(strings.Repeat("x", 999) + "\n")
	start := time.Now()
	for range 10_000 { // 10 MB
		_, err := l.Write(line)
		require.NoError(t, err)
	}
	assert.Less(t, time.Since(start), 3*time.Second)
	close(d.release)
	l.Flush()
	l.Flush()
	assert.Regexp(t, `lines are lost" lines=[0-9]{4}\n`, log.String())
	d.full.Store(true)
	for range 5 {
		_, err := l.Write(line)
		require.NoError(t, err)
		l.Flush()
	}
	assert.Equal(t, 1, strings.Count(log.String(), "no space left"))
	require.NoError(t, l.Close())
}

// Many lines cost one write.
func TestLogFileGathersLines(t *testing.T) {
	d := &slowDisk{release: make(chan struct{})}
	close(d.release)
	l := httpserve.NewLog(d, slog.New(slog.DiscardHandler))
	for range 500 {
		_, err := l.Write([]byte("a line of an access log, or nearly\n"))
		require.NoError(t, err)
	}
	require.NoError(t, l.Close())
	assert.LessOrEqual(t, d.writes.Load(), int32(5))
}

func TestAccessLogJSON(t *testing.T) {
	users := htpasswd(t, "al ice")
	ca, clients := testrepo.NewCA(t), testrepo.NewCA(t)
	root := t.TempDir()
	write(t, "package", root, "r", "a<&>.rpm")
	cert, key := testrepo.WriteCert(t, ca.Issue(t, true, nil))
	a := &httpserve.Access{
		Users: func() *httpserve.Users { return users }, TrustedProxies: networks("127.0.0.1/32"),
		Repos: map[string]httpserve.Rule{"r": {Users: []string{"*"}}},
	}
	for _, asJSON := range []bool{true, false} {
		var log lockedBuffer
		addr, _ := serveTLS(t, httpserve.Options{Root: root, AccessLog: &log, AccessLogJSON: asJSON, Access: func() *httpserve.Access { return a }},
			httpserve.TLSFiles{Cert: cert, Key: key, ClientCA: clients.File(t)})
		client := tlsClient(t, ca, clients.Issue(t, false, named("host1", nil, nil)))
		for _, password := range []string{"eci la", "wrong"} {
			req, err := http.NewRequest(http.MethodGet, "https://"+addr+"/r/a%3C&%3E.rpm?x=\"y", nil)
			require.NoError(t, err)
			req.SetBasicAuth("al ice", password)
			req.Header.Set("User-Agent", "dnf \"4\"\u00e9\xff")
			req.Header.Set("Referer", "http://x/")
			req.Header.Set("Range", "bytes=0-2")
			req.Header.Set("X-Forwarded-For", "192.0.2.7")
			res, err := client.Do(req)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
		}
		require.Eventually(t, func() bool { return strings.Count(log.String(), "\n") == 2 }, 5*time.Second, time.Millisecond)
		lines := strings.Split(log.String(), "\n")
		if !asJSON {
			assert.Regexp(t, `^192\.0\.2\.7 - al\\x20ice \[.*\] "GET /r/a%3C&%3E\.rpm\?x=\\x22y HTTP/2\.0" 206 3 "http://x/" "dnf \\x224\\x22\\xC3\\xA9\\xFF"$`, lines[0])
			assert.Regexp(t, `^192\.0\.2\.7 - - \[.*\] "GET .* HTTP/2\.0" 401 [0-9]+ `, lines[1])
			continue
		}
		var got map[string]any
		require.NoError(t, json.Unmarshal([]byte(lines[0]), &got), lines[0])
		when, err := time.Parse(time.RFC3339Nano, got["time"].(string))
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now(), when, time.Minute)
		duration := got["duration"].(float64)
		assert.True(t, duration > 0 && duration < 60, duration)
		delete(got, "time")
		delete(got, "duration")
		assert.Equal(t, map[string]any{
			"client": "192.0.2.7", "user": "al ice", "cert": "host1", "method": "GET", "host": addr, "path": "/r/a%3C&%3E.rpm?x=\"y",
			"proto": "HTTP/2.0", "tls": "TLS 1.3", "status": 206.0, "bytes": 3.0, "repo": "r", "referer": "http://x/",
			"user_agent": "dnf \"4\"\u00e9\ufffd", "range": "bytes=0-2",
		}, got)
		got = map[string]any{}
		require.NoError(t, json.Unmarshal([]byte(lines[1]), &got), lines[1])
		assert.Nil(t, got["user"])
		assert.Equal(t, 401.0, got["status"])
	}
}
