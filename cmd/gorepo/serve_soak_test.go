//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"gorepo/internal/testrepo"
)

// serveProcess runs gorepo serve as a process of its own until the test ends,
// and checks then that it had nothing to say.
func (s *site) serveProcess(args ...string) served {
	s.t.Helper()
	m, stop := s.serveUnder(nil, args...)
	s.t.Cleanup(stop)
	return m
}

// serveUnder is serveProcess until stop is called, run by a command such as
// strace.
func (s *site) serveUnder(command []string, args ...string) (m served, stop func()) {
	s.t.Helper()
	cmd := s.gorepo(append([]string{"serve", "-v", "--listen=127.0.0.1:0", "--access-log=/dev/null"}, args...)...)
	if len(command) > 0 {
		// By its name the test binary knows what it is.
		self := filepath.Join(s.t.TempDir(), "gorepo")
		require.NoError(s.t, os.Symlink(cmd.Path, self))
		cmd.Path, cmd.Args = command[0], slices.Concat(command, []string{self}, cmd.Args[1:])
	}
	out, err := cmd.StderrPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, cmd.Start())
	in := bufio.NewReader(out)
	line, err := in.ReadString('\n')
	require.NoError(s.t, err)
	found := regexp.MustCompile(`on (http://[^/\s]+)/`).FindStringSubmatch(line)
	require.NotNil(s.t, found, line)
	rest := make(chan string, 1)
	go func() {
		data, _ := io.ReadAll(in) // until it has ended
		rest <- string(data)
	}()
	stop = func() {
		assert.NoError(s.t, cmd.Process.Signal(syscall.SIGTERM))
		said := <-rest
		var status *exec.ExitError
		if err := cmd.Wait(); errors.As(err, &status) {
			assert.Fail(s.t, "gorepo serve", "%v: %s", err, said)
		}
		assert.NotRegexp(s.t, "(?i)warn|error|panic", said)
	}
	return served{found[1]}, stop
}

// gauges are metrics that count what a server holds.
func (m served) gauges(t testing.TB) map[string]int {
	t.Helper()
	found := map[string]int{}
	for _, line := range regexp.MustCompile(`(?m)^(go_goroutines|process_open_fds) (\S+)$`).FindAllStringSubmatch(get1(t, m.url+"/-/metrics"), -1) {
		n, err := strconv.ParseFloat(line[2], 64)
		require.NoError(t, err)
		found[line[1]] = int(n)
	}
	require.Len(t, found, 2)
	return found
}

// A poller is a client that asks whether there is something new and then reads
// all of it, again and again; some of it in other ways besides.
type poller struct {
	http  *http.Client
	base  string
	etags *sync.Map // of repomd.xml: what came with each
	etag  string
	last  []byte
	r     *rand.Rand
	odd   *oddities
}

// oddities count what pollers did beside reading files.
type oddities struct{ ranges, several, unchanged, heads, left atomic.Int64 }

// poll asks for repomd.xml, and reads all that it names if it is another one than
// last time; else that is enough, as a rule, for a while.
func (p *poller) poll(ctx context.Context, read client) error {
	was := p.etag
	if was == "" || p.r.IntN(200) == 0 {
		return read.pass()
	}
	if _, err := p.fetch(ctx, "repodata/repomd.xml"); err != nil {
		return err
	}
	if p.etag != was {
		return read.pass()
	}
	select {
	case <-time.After(time.Duration(p.r.IntN(400)) * time.Millisecond):
	case <-ctx.Done():
	}
	return ctx.Err()
}

// request asks for a file.
func (p *poller) request(ctx context.Context, method, name string) (*http.Request, error) {
	segments := strings.Split(name, "/")
	for i := range segments {
		segments[i] = url.PathEscape(segments[i])
	}
	return http.NewRequestWithContext(ctx, method, p.base+"/"+strings.Join(segments, "/"), nil)
}

// fetch reads one file; repomd.xml only if it is another one than last time.
func (p *poller) fetch(ctx context.Context, name string) ([]byte, error) {
	req, err := p.request(ctx, http.MethodGet, name)
	if err != nil {
		return nil, err
	}
	polled := name == "repodata/repomd.xml"
	if polled && p.etag != "" {
		req.Header.Set("If-None-Match", p.etag)
	}
	res, err := p.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	switch {
	case polled && res.StatusCode == http.StatusNotModified:
		return p.last, nil
	case res.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s: %s", name, res.Status)
	case polled:
		p.etag, p.last = res.Header.Get("ETag"), data
		if former, ok := p.etags.LoadOrStore(p.etag, string(data)); ok && former != string(data) {
			return nil, fmt.Errorf("one ETag, %s, for two repomd.xml", p.etag)
		}
		return data, nil
	}
	if err := p.ask(ctx, name, data, res.Header.Get("ETag")); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// ask asks for a file, which cannot have changed, in some other way, now and then.
func (p *poller) ask(ctx context.Context, name string, data []byte, etag string) error {
	method, way := http.MethodGet, p.r.IntN(12)
	if way == 0 {
		method = http.MethodHead
	}
	req, err := p.request(ctx, method, name)
	if err != nil {
		return err
	}
	from := p.r.IntN(len(data))
	to := from + p.r.IntN(len(data)-from)
	want := data
	switch way {
	case 0:
		want = nil
		p.odd.heads.Add(1)
	case 1:
		req.Header.Set("If-None-Match", etag)
		want = nil
		p.odd.unchanged.Add(1)
	case 2:
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, to))
		req.Header.Set("If-Range", etag)
		want = data[from : to+1]
		p.odd.ranges.Add(1)
	case 3: // of another file: all of this one
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, to))
		req.Header.Set("If-Range", `"another"`)
		p.odd.ranges.Add(1)
	case 4:
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d,-1", from, to))
		p.odd.several.Add(1)
	case 5: // and leaves in the midst of it
		p.odd.left.Add(1)
	default:
		return nil
	}
	res, err := p.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // only read
	if way == 5 {
		_, err := io.CopyN(io.Discard, res.Body, int64(from))
		return err
	}
	if way == 4 {
		return severalParts(res, data[from:to+1], data[len(data)-1:])
	}
	got, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	status := [4]int{http.StatusOK, http.StatusNotModified, http.StatusPartialContent, http.StatusOK}[way]
	if res.StatusCode != status || !bytes.Equal(got, want) || way == 0 && res.ContentLength != int64(len(data)) {
		return fmt.Errorf("%s with %v: %s, %d bytes, expected %d and %d bytes", method, req.Header, res.Status, len(got), status, len(want))
	}
	return nil
}

// look gets a page, which is there or will be.
func look(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/html,*/*;q=0.8")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	data, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK && (res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "") {
		err = fmt.Errorf("%s: %s: %.300s", url, res.Status, data)
	}
	return err
}

// severalParts checks an answer to a request for several ranges, of which the
// server may make one.
func severalParts(res *http.Response, want ...[]byte) error {
	kind, params, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if err != nil || res.StatusCode != http.StatusPartialContent || kind != "multipart/byteranges" {
		all, _ := io.ReadAll(res.Body)
		if err == nil && res.StatusCode == http.StatusOK && bytes.HasSuffix(all, want[1]) && bytes.Contains(all, want[0]) {
			return nil // the ranges together are longer than the file
		}
		return fmt.Errorf("several ranges: %s, %s", res.Status, kind)
	}
	parts := multipart.NewReader(res.Body, params["boundary"])
	for _, w := range want {
		part, err := parts.NextRawPart()
		if err != nil {
			return err
		}
		if got, err := io.ReadAll(part); err != nil || !bytes.Equal(got, w) {
			return fmt.Errorf("several ranges: a part is not what it should be: %w", err)
		}
	}
	_, err = parts.NextRawPart()
	if !errors.Is(err, io.EOF) {
		return errors.New("several ranges: more parts than were asked for")
	}
	return nil
}

// TestSoakServe has clients poll and download while one generation after the
// other is published, of metadata that gorepo makes and of metadata that it
// copies: nobody sees an error, a file that is not what its repomd.xml says, or
// anything missing for one generation; and when all have gone, the server holds
// what it held before.
func TestSoakServe(t *testing.T) {
	t.Parallel()
	clients, publishes := 6, 6
	if soaking() {
		clients, publishes = 200, 200
	}
	packages := rpms(t, hello212, chrono, rich, weak)
	packages = append(packages, variant(packages[1], "large", 300<<10))
	up := testrepo.New(t, testrepo.Options{}, packages...)
	keys := []string{"delete=1", "max_delete=100%"}
	s := newSite(t, section("rebuilt", up, keys...), section("copied", up, append(keys, "download_metadata=1")...))
	publish := func() {
		s.ok("sync")
		s.ok("createrepo", "--update")
	}
	publish()
	mirror := s.serveProcess()
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var etags [2]sync.Map
	passes := make([]atomic.Int64, clients)
	var grp errgroup.Group
	var odd oddities
	before := mirror.gauges(t)
	for i := range clients {
		grp.Go(func() error {
			p := &poller{http: &http.Client{Transport: transport}, base: mirror.url + "/" + []string{"rebuilt", "copied"}[i%2], etags: &etags[i%2]}
			p.r, p.odd = rand.New(rand.NewPCG(uint64(i), 7)), &odd //nolint:gosec // the same each time
			read := client{func(name string) ([]byte, error) { return p.fetch(ctx, name) }}
			for ctx.Err() == nil {
				if err := p.poll(ctx, read); err != nil && ctx.Err() == nil {
					stop()
					return fmt.Errorf("client %d: %w", i, err)
				}
				passes[i].Add(1)
			}
			return nil
		})
	}
	looked := atomic.Int64{}
	for range 2 { // people
		grp.Go(func() error {
			for ctx.Err() == nil {
				for _, page := range []string{
					"/", "/-/repos/rebuilt/", "/-/repos/copied/packages", "/-/repos/rebuilt/changes", "/-/search?q=hello", "/-/api/v1/search?q=/usr/share", "/-/api/v1/repos/copied/changes",
				} {
					if err := look(ctx, mirror.url+page); err != nil && ctx.Err() == nil {
						stop()
						return err
					}
					looked.Add(1)
					time.Sleep(20 * time.Millisecond)
				}
			}
			return nil
		})
	}
	// Nobody may be slower than one generation: what each reads at a publication
	// comes to its end before the next one.
	everybody := func() {
		seen := make([]int64, clients)
		for i := range passes {
			seen[i] = passes[i].Load()
		}
		for i := range passes {
			for passes[i].Load() == seen[i] && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
		}
	}
	r := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // the same each time
	for night := 0; night < publishes && ctx.Err() == nil; night++ {
		if night == publishes/2 {
			time.Sleep(3200 * time.Millisecond) // from then on repomd.xml comes from memory
		}
		change(up, packages[0], r, night)
		publish()
		everybody()
	}
	stop()
	require.NoError(t, grp.Wait())
	total := int64(0)
	for i := range passes {
		total += passes[i].Load()
	}
	generations := 0
	for i := range etags {
		etags[i].Range(func(_, _ any) bool { generations++; return true })
	}
	assert.GreaterOrEqual(t, generations, publishes, "of %d publications", 2*publishes)
	transport.CloseIdleConnections()
	http.DefaultClient.CloseIdleConnections()
	after := map[string]int{}
	assert.Eventually(t, func() bool {
		after = mirror.gauges(t)
		return after["go_goroutines"] <= before["go_goroutines"]+3 && after["process_open_fds"] <= before["process_open_fds"]+3
	}, time.Minute, 100*time.Millisecond, "the server holds something") // an index that nobody looks into is closed after a while
	assert.Positive(t, looked.Load())
	t.Logf("people looked at %d pages", looked.Load())
	t.Logf("%d clients read %d generations %d times; the server's %v before, %v after", clients, generations, total, before, after)
	for what, n := range map[string]*atomic.Int64{
		"ranges": &odd.ranges, "several ranges": &odd.several, "unchanged files": &odd.unchanged, "HEAD": &odd.heads, "downloads that were left": &odd.left,
	} {
		assert.Positive(t, n.Load(), what)
		t.Logf("%s: %d", what, n.Load())
	}
}

// A client that has read a repomd.xml gets all that it names while the next one
// is the current one, whether gorepo has made it or copied it; with its own
// ETags, so that a download goes on where it stopped.
func TestOldGenerationIsServed(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello212, chrono)
	up := testrepo.New(t, testrepo.Options{}, packages...)
	keys := []string{"delete=1", "max_delete=100%"}
	s := newSite(t, section("rebuilt", up, keys...), section("copied", up, append(keys, "download_metadata=1")...))
	publish := func() {
		s.ok("sync")
		s.ok("createrepo", "--update")
	}
	publish()
	web := serveMirror(t, "--root", s.root)
	for night, name := range []string{"one", "two", "three"} {
		old := map[string][]byte{}
		etags := map[string]string{}
		for _, id := range []string{"rebuilt", "copied"} {
			old[id] = []byte(get1(t, web.url+"/"+id+"/repodata/repomd.xml"))
			_, p, err := s.local(id).all()
			require.NoError(t, err)
			for _, l := range p.Packages {
				etags[id+l.Location.Href] = etagOf(t, web.url+"/"+id+"/"+l.Location.Href)
			}
		}
		for _, p := range up.Packages() {
			up.Remove(p.Href()) // all of them
		}
		up.Add(variant(packages[0], name, 1000+night))
		up.Render()
		publish()
		for _, id := range []string{"rebuilt", "copied"} {
			now := client{func(file string) ([]byte, error) { return []byte(get1(t, web.url+"/"+id+"/"+file)), nil }}
			then := client{func(file string) ([]byte, error) {
				if file == "repodata/repomd.xml" {
					return old[id], nil
				}
				return now.get(file)
			}}
			_, p, err := then.all()
			require.NoError(t, err, id)
			require.NotEmpty(t, p.Packages)
			for _, l := range p.Packages {
				require.NoError(t, then.checkPackage(l), "%s: %s", id, l.Location.Href)
				// By now the index may have told the checksum: what a client has from before counts on.
				answer, _ := answerOf(t, web.url+"/"+id+"/"+l.Location.Href, "If-None-Match: "+etags[id+l.Location.Href])
				assert.Equal(t, http.StatusNotModified, answer.StatusCode, l.Location.Href)
			}
			_, current, err := now.all()
			require.NoError(t, err, id)
			require.Len(t, current.Packages, 1)
			require.NotEqual(t, p.Packages, current.Packages)
		}
	}
}

func etagOf(t testing.TB, url string) string {
	t.Helper()
	res, err := http.Head(url)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusOK, res.StatusCode, url)
	require.NotEmpty(t, res.Header.Get("ETag"))
	return res.Header.Get("ETag")
}
