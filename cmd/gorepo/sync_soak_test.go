package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"gorepo/internal/httpserve"
	"gorepo/internal/testrepo"
)

// rounds is how often a test that looks for races repeats: few times, or with
// GOREPO_SOAK=1 a hundred times as often.
func rounds(n int) int {
	if os.Getenv("GOREPO_SOAK") == "1" {
		return 100 * n
	}
	return n
}

// remote reads a repository as clients of a server do. Each read is a new
// request; a listing that changes meanwhile is what the tests are about.
func remote(ctx context.Context, base string) client {
	return client{func(name string) ([]byte, error) {
		url := base + "/" + strings.NewReplacer("+", "%2B", "^", "%5E", "~", "%7E", " ", "%20").Replace(name)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close() //nolint:errcheck // read to its end
		data, err := io.ReadAll(resp.Body)
		if err == nil && resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s", name, resp.Status)
		}
		return data, err
	}}
}

// pass reads the repository once, from repomd.xml to the last package.
func (c client) pass() error {
	_, p, err := c.all()
	if err != nil {
		return err
	}
	for _, l := range p.Packages {
		if err := c.checkPackage(l); err != nil {
			return err
		}
	}
	return nil
}

// change adds and removes packages as upstreams do between two nights.
func change(up *testrepo.Upstream, p *testrepo.Package, r *rand.Rand, night int) {
	for packages := up.Packages(); len(packages) > 3+r.IntN(6); packages = up.Packages() {
		up.Remove(packages[r.IntN(len(packages))].Href())
	}
	for i := range 1 + r.IntN(2) {
		up.Add(variant(p, fmt.Sprintf("p%d-%d", i, night), r.IntN(50_000)))
	}
	up.Change(func(o *testrepo.Options) { o.Updates = fmt.Appendf(nil, "<updates n=\"%d\"/>", night/2) })
	up.Render()
}

// Clients that read all the time, while upstream changes and packages are
// deleted: whatever repomd.xml they have read, all that it names is there.
func TestHostileClients(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"rebuilt", "copied"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			packages := rpms(t, hello212, chrono, rich, weak)
			up := testrepo.New(t, testrepo.Options{}, packages...)
			keys, nights := []string{"delete=1", "max_delete=100%"}, 30
			if how == "copied" {
				keys, nights = append(keys, "download_metadata=1"), 10
			}
			s := newSite(t, section("base", up, keys...))
			s.ok("sync")
			s.ok("createrepo", "--update")
			server, err := httpserve.New(httpserve.Options{Root: s.root})
			require.NoError(t, err)
			web := httptest.NewServer(server)
			t.Cleanup(func() {
				web.Close()
				require.NoError(t, server.Close())
			})

			const clients = 2
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var passes [clients]atomic.Int64
			var grp errgroup.Group
			for i := range clients {
				grp.Go(func() error {
					for {
						err := remote(ctx, web.URL+"/base").pass()
						if ctx.Err() != nil {
							return nil
						}
						if err != nil {
							stop()
							return err
						}
						passes[i].Add(1)
					}
				})
			}
			r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
			for night := range rounds(nights) {
				change(up, packages[0], r, night)
				var seen [clients]int64
				s.ok("sync")
				s.ok("createrepo", "--update")
				// A generation stays for one more: nobody may be slower than that.
				for i := range clients {
					seen[i] = passes[i].Load()
				}
				for i := range clients {
					for passes[i].Load() == seen[i] && ctx.Err() == nil {
						time.Sleep(time.Millisecond)
					}
				}
				if ctx.Err() != nil {
					break
				}
			}
			stop()
			require.NoError(t, grp.Wait())
			assert.Less(t, len(s.packages("base")), 25, "packages were deleted")
		})
	}
}

// gorepo is the program as a process of its own: this test binary by that name.
func (s *site) gorepo(args ...string) *exec.Cmd {
	s.t.Helper()
	exe, err := os.Executable()
	require.NoError(s.t, err)
	cmd := exec.Command(exe)
	cmd.Args = append([]string{"gorepo", "--config", s.conf}, args...)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "TZ=UTC", "GORACE=atexit_sleep_ms=0"}
	return cmd
}

// complete are the paths of upstream's files whose content is here already: in
// the tree, or among what was downloaded for it.
func (s *site) complete(up *testrepo.Upstream) map[string]bool {
	s.t.Helper()
	here := map[string]bool{}
	for _, dir := range []string{s.path("base"), s.path(".gorepo", "base")} {
		err := filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(file)
			here[hexOf(data)] = true
			return err
		})
		require.NoError(s.t, err)
	}
	found := map[string]bool{}
	for _, path := range up.Paths() {
		if !strings.HasSuffix(path, "repomd.xml") && here[hexOf(up.File(path))] {
			found[path] = true
		}
	}
	return found
}

// notTwice checks that a run asked for nothing that was complete before.
func notTwice(t testing.TB, up *testrepo.Upstream, complete map[string]bool) {
	t.Helper()
	for _, r := range up.Requests("**") {
		require.False(t, complete[r.Path], "%s was complete, and is asked for again (%d bytes)", r.Path, r.Bytes)
	}
}

// Killed at any moment, what is published is whole, and the next run goes on
// with all that was complete.
func TestHostileSyncKilled(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"rebuilt", "copied"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			packages := rpms(t, hello212, chrono, rich, weak)
			up := testrepo.New(t, testrepo.Options{}, packages...)
			keys := []string{"delete=1", "max_delete=100%"}
			if how == "copied" {
				keys = append(keys, "download_metadata=1")
			}
			s := newSite(t, section("base", up, keys...))
			s.ok("sync")
			s.ok("createrepo", "--update")

			up.On("**", testrepo.Drip(4096, time.Millisecond)) // so that kills find downloads under way
			start := time.Now()
			require.NoError(t, s.gorepo("sync").Run())
			window := time.Since(start) // in which to kill; it follows the load of the machine

			r := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // the same each time
			kills, midway, kept := 0, 0, 0
			wanted := rounds(40)
			for night := 0; kills < wanted; night++ {
				require.Less(t, night, 10*wanted, "it is too quick to be killed")
				if night%2 == 0 { // on the others a run meets what a killed one has left
					change(up, packages[0], r, night)
				}
				for _, verb := range [][]string{{"sync"}, {"createrepo", "--update"}} {
					complete := s.complete(up)
					up.Forget()
					cmd := s.gorepo(verb...)
					require.NoError(t, cmd.Start())
					timer := time.AfterFunc(window/4+time.Duration(r.Int64N(int64(window))), func() { _ = cmd.Process.Kill() })
					err := cmd.Wait()
					timer.Stop()
					var status *exec.ExitError
					if errors.As(err, &status) && !status.Exited() {
						kills++
						if len(up.Requests("**")) > 0 {
							midway++
						}
						window += window / 10
					} else {
						require.NoError(t, err, verb)
						window -= window / 10
					}
					notTwice(t, up, complete)
					kept += len(complete)
					require.NoError(t, s.local("base").pass(), "after %v of night %d", verb, night)
				}
			}
			t.Logf("killed %d times, %d of them while upstream was asked; %d times a file was complete, and none was asked for again", kills, midway, kept)
			assert.Positive(t, midway)
			complete := s.complete(up)
			up.Forget()
			s.ok("sync")
			notTwice(t, up, complete)
			s.ok("createrepo", "--update")
			require.NoError(t, s.local("base").pass())
			for _, p := range up.Packages() {
				assert.FileExists(t, s.path("base", p.Href()))
			}
			assert.Empty(t, s.files(".gorepo", "base", "upstream.new"))
			var left []string
			for name := range s.files("base") {
				if first, _, _ := strings.Cut(name, "/"); strings.HasPrefix(first, ".") || strings.HasPrefix(path.Base(name), ".gorepo") {
					left = append(left, name)
				}
			}
			assert.Empty(t, left, "a crash leaves nothing behind for long")
		})
	}
}

// What a sync leaves that is killed while it puts metadata in place goes with
// the next one, even if that has nothing to gather.
func TestLeftoversOfAKilledSync(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
	s := newSite(t, section("base", up))
	s.ok("sync")
	s.write([]byte("yesterday's"), ".gorepo", "base", "upstream.new", "repomd.xml")
	s.ok("sync")
	assert.NoDirExists(t, s.path(".gorepo", "base", "upstream.new"))
}
