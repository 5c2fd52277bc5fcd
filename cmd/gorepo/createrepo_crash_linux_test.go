package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"gorepo/internal/httpserve"
	"gorepo/internal/testrepo/peer"
	"gorepo/internal/testrepo/rawrpm"
)

// shuffled is a plain directory whose packages are others each round.
type shuffled struct {
	*site
	r *rand.Rand
}

func newShuffled(t *testing.T, n int) *shuffled {
	t.Helper()
	d := &shuffled{newSite(t), rand.New(rand.NewPCG(uint64(n), 5))} //nolint:gosec // the same each time
	for range n {
		d.add()
	}
	return d
}

func (d *shuffled) add() {
	name := fmt.Sprintf("p%06d", d.r.IntN(1_000_000))
	files := make([]rawrpm.Entry, 20)
	for i := range files {
		files[i] = rawrpm.Entry{Dir: "/usr/share/" + name + "/", Base: fmt.Sprint("file-", i)}
	}
	d.write(rawrpm.Package(name, rawrpm.Files(files...)...), "base", name+".rpm")
}

// shuffle takes some packages out and puts others in.
func (d *shuffled) shuffle() {
	d.t.Helper()
	for _, name := range d.packages("base") {
		if d.r.IntN(10) == 0 {
			require.NoError(d.t, os.Remove(d.path("base", name)))
			d.add()
		}
	}
	d.add()
}

// published is what repomd.xml is, and the packages that are listed; all that it
// names must be as it says.
func (d *shuffled) published() (repomd string, locations []string) {
	d.t.Helper()
	m, p, err := d.local("base").all()
	require.NoError(d.t, err)
	require.Len(d.t, m.Data, 3)
	for _, l := range p.Packages {
		locations = append(locations, l.Location.Href)
	}
	slices.Sort(locations)
	return string(d.read("base", "repodata", "repomd.xml")), locations
}

// listsAll checks that what is there is what is listed, and that nothing was
// left beside it.
func (d *shuffled) listsAll() {
	d.t.Helper()
	_, locations := d.published()
	require.Equal(d.t, d.packages("base"), locations)
	entries, err := os.ReadDir(d.path("base"))
	require.NoError(d.t, err)
	for _, e := range entries {
		require.False(d.t, strings.HasPrefix(e.Name(), "."), "%s is left", e.Name())
	}
	for name := range d.files("base", "repodata") {
		require.Regexp(d.t, `^(repomd\.xml|[0-9a-f]{64}-(primary|filelists|other)\.xml\.gz)$`, name)
	}
}

// Killed at any moment of --update, the old generation is published, or the new
// one, and the next run cleans up and goes on.
func TestHostileKill(t *testing.T) {
	t.Parallel()
	d := newShuffled(t, few(60, 400))
	d.ok("createrepo", d.path("base"))
	start := time.Now()
	require.NoError(t, d.gorepo("--version").Run())
	least := time.Since(start)
	d.shuffle()
	start = time.Now()
	require.NoError(t, d.gorepo("createrepo", "--update", d.path("base")).Run())
	most := max(time.Since(start), least+time.Millisecond)

	kills, before, after, cleaned := 0, 0, 0, 0
	wanted := few(10, 150)
	for deadline := time.Now().Add(10 * time.Minute); kills < wanted && time.Now().Before(deadline); {
		was, wasListed := d.published()
		d.shuffle()
		cmd := d.gorepo("createrepo", "--update", d.path("base"))
		require.NoError(t, cmd.Start())
		// Most of a run's beginning is the same for every program.
		timer := time.AfterFunc(least/2+time.Duration(d.r.Int64N(int64(most-least/2)*5/4+1)), func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		now, listed := d.published()
		var status *exec.ExitError
		if errors.As(err, &status) && !status.Exited() {
			kills++
			if now == was {
				require.Equal(t, wasListed, listed)
				before++
			} else {
				require.Equal(t, d.packages("base"), listed)
				after++
			}
		} else {
			require.NoError(t, err)
		}
		if left, _ := filepath.Glob(d.path("base", ".*")); len(left) > 0 {
			cleaned++
		}
		if d.r.IntN(3) > 0 { // else it is killed twice
			d.ok("createrepo", "--update", d.path("base"))
			d.listsAll()
		}
	}
	d.ok("createrepo", "--update", d.path("base"))
	d.listsAll()
	// Killed when all was done but the cleaning up: there is nothing to do any more.
	d.write([]byte("x"), "base", ".repodata-gorepo", "repomd.xml")
	d.ok("createrepo", "--update", d.path("base"))
	d.listsAll()
	t.Logf("%d kills: the old generation was there %d times, the new one %d times; %d times something was left to clean up", kills, before, after, cleaned)
	assert.Equal(t, wanted, kills)
}

// Readers that read all the time, from the disk and over HTTP, while a
// directory's metadata is published again and again: of whatever repomd.xml they
// have read, all is there and right, for as long as the next generation is the
// published one.
func TestHostileReaders(t *testing.T) {
	t.Parallel()
	d := newShuffled(t, 30)
	d.ok("createrepo", d.path("base"))
	server, err := httpserve.New(httpserve.Options{Root: d.root})
	require.NoError(t, err)
	web := httptest.NewServer(server)
	t.Cleanup(func() {
		web.Close()
		require.NoError(t, server.Close())
	})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var begun, ended, passes, late atomic.Int64 // publications, and readings
	var grp errgroup.Group
	for _, c := range []client{d.local("base"), d.local("base"), remote(ctx, web.URL+"/base"), remote(ctx, web.URL+"/base")} {
		grp.Go(func() error {
			for ctx.Err() == nil {
				from := ended.Load()
				_, _, err := c.all()
				to := begun.Load()
				switch {
				case err == nil:
					passes.Add(1)
				case ctx.Err() != nil:
				case to-from <= 1:
					stop()
					return fmt.Errorf("between publications %d and %d: %w", from, to, err)
				default:
					late.Add(1) // slower than a generation stays
				}
			}
			return nil
		})
	}
	publications := few(20, 200)
	for n := 0; n < publications && ctx.Err() == nil; n++ {
		d.shuffle()
		begun.Add(1)
		d.ok("createrepo", "--update", d.path("base"))
		ended.Add(1)
		for seen := passes.Load(); passes.Load() == seen && n%4 == 0 && ctx.Err() == nil; {
			time.Sleep(time.Millisecond)
		}
	}
	stop()
	require.NoError(t, grp.Wait())
	t.Logf("%d publications, %d whole readings, %d that were too slow", publications, passes.Load(), late.Load())
	assert.Positive(t, passes.Load())
}

// A disk that is full at any point: one line, the old generation stays, and with
// room again the next run cleans up.
func TestHostileFullDisk(t *testing.T) {
	t.Parallel()
	d := newShuffled(t, 0)
	resize := smallDisk(t, d.site, 64<<20)
	for range 200 {
		d.add()
	}
	d.ok("createrepo", d.path("base"))
	steps := few(6, 60)
	for i := range steps {
		d.shuffle()
		was, _ := d.published()
		var fs unix.Statfs_t
		require.NoError(t, unix.Statfs(d.root, &fs))
		used := int(fs.Blocks-fs.Bfree) * int(fs.Bsize) //nolint:gosec // small
		resize(used + i*(200<<10)/steps)
		o := d.process("createrepo", "--update", d.path("base"))
		if o.status != statusOK {
			o.ended(statusFailed, says("gorepo: "+d.path("base")+": ", "no space left on device"))
			now, _ := d.published()
			require.Equal(t, was, now)
		}
		resize(64 << 20)
		d.ok("createrepo", "--update", d.path("base"))
		d.listsAll()
	}
	// Nothing at all can be written.
	d.shuffle()
	was, _ := d.published()
	require.NoError(t, unix.Mount("gorepo-test", d.root, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	d.process("createrepo", "--update", d.path("base")).ended(statusFailed, says("gorepo: "+d.path("base")+": ", "read-only file system"))
	now, _ := d.published()
	require.Equal(t, was, now)
	require.NoError(t, unix.Mount("gorepo-test", d.root, "tmpfs", unix.MS_REMOUNT, ""))
	d.ok("createrepo", "--update", d.path("base"))
	d.listsAll()
}

// A disk that fails: each of a run's system calls in turn ends with an
// input/output error.
func TestHostileIOError(t *testing.T) {
	t.Parallel()
	strace := peer.Need(t, "strace")
	if err := exec.Command(strace, "-o", "/dev/null", "true").Run(); err != nil {
		peer.Missing(t, "ptrace", "allow strace to trace its children (CAP_SYS_PTRACE in a container)")
	}
	d := newShuffled(t, 20)
	d.ok("createrepo", d.path("base"))
	// This test is the program, by that name.
	program := filepath.Join(d.dir, "gorepo")
	exe, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(exe, program))
	failed, fine := map[string]int{}, map[string]int{}
	for _, call := range []string{"fsync", "syncfs", "write", "renameat", "renameat2", "unlinkat", "linkat", "mkdirat", "getdents64"} {
		for n := 1; n <= few(2, 12); n++ {
			d.shuffle()
			was, _ := d.published()
			cmd := d.gorepo("createrepo", "--update", d.path("base"))
			only := []string{}
			if call == "write" { // to these files, not to what Go's runtime wakes itself with
				for _, k := range []string{"primary", "filelists", "other"} {
					only = append(only, "-P", d.path("base", ".repodata-gorepo", "new-"+k+"-"+k+".xml.gz"))
				}
				only = append(only, "-P", d.path("base", ".repodata-gorepo", "repomd.xml"))
			}
			cmd.Args = slices.Concat([]string{strace, "-f", "-qq", "-o", "/dev/null"}, only, []string{
				"-e", "trace=" + call, "-e", fmt.Sprintf("inject=%s:error=EIO:when=%d", call, n), program,
			}, cmd.Args[1:])
			cmd.Path = strace
			o := d.processOf(cmd)
			now, listed := d.published()
			switch o.status {
			case statusOK:
				fine[call]++
				require.Equal(t, d.packages("base"), listed)
			default:
				failed[call]++
				require.Equal(t, statusFailed, o.status, "%s %d: %s", call, n, o.stderr)
				if now != was {
					require.Contains(t, o.stderr, "the new metadata is in place", "%s %d", call, n)
				}
				require.Len(t, o.lines(), 1, "%s %d: %s", call, n, o.stderr)
				require.Contains(t, o.stderr, "input/output error")
			}
			d.ok("createrepo", "--update", d.path("base"))
			d.listsAll()
		}
	}
	t.Logf("failed: %v; of no consequence: %v", failed, fine)
	assert.Positive(t, failed["fsync"])
	assert.Positive(t, failed["write"])
}

// The output directory goes, or is put elsewhere, while it is written to.
func TestHostileOutputMoves(t *testing.T) {
	t.Parallel()
	d := newShuffled(t, few(60, 300))
	out := d.path("out")
	start := time.Now()
	require.NoError(t, os.MkdirAll(out, 0o755))
	require.NoError(t, d.gorepo("createrepo", d.path("base"), "-o", out).Run())
	took := time.Since(start)
	var status [3]int
	for i := range few(6, 100) {
		require.NoError(t, os.MkdirAll(out, 0o755))
		var stderr bytes.Buffer
		cmd := d.gorepo("createrepo", d.path("base"), "-o", out)
		cmd.Stderr = &stderr
		require.NoError(t, cmd.Start())
		time.Sleep(time.Duration(d.r.Int64N(int64(took))))
		moved := d.path(fmt.Sprint("moved-", i))
		if i%2 == 0 {
			require.NoError(t, os.Rename(out, moved))
		} else {
			_ = os.RemoveAll(out) // which meets what is made meanwhile
		}
		_ = cmd.Wait()
		code := cmd.ProcessState.ExitCode()
		require.Contains(t, []int{statusOK, statusFailed}, code, stderr.String())
		status[code]++
		if code == statusFailed {
			require.Equal(t, 1, strings.Count(stderr.String(), "\n"), stderr.String())
			require.True(t, strings.HasPrefix(stderr.String(), "gorepo: "+d.path("base")+": "), stderr.String())
		}
		for _, where := range []string{filepath.Base(moved), "out"} {
			if _, err := os.Stat(d.path(where, "repodata", "repomd.xml")); err == nil {
				_, _, err := d.local(where).all()
				require.NoError(t, err)
			}
		}
		require.NoError(t, os.RemoveAll(moved))
	}
	t.Logf("it did not matter %d times, and ended the run %d times", status[0], status[1])
	require.NoError(t, os.RemoveAll(out))
	require.NoError(t, os.MkdirAll(out, 0o755))
	d.ok("createrepo", d.path("base"), "-o", out)
	_, _, err := d.local("out").all()
	require.NoError(t, err)
}

// Killed at any moment, the history tells of each publication that clients saw, and
// of no other: from the first generation and the lines alone one gets the packages
// that are listed.
func TestHostileHistoryKill(t *testing.T) {
	t.Parallel()
	d := newShuffled(t, few(40, 200))
	require.NoError(t, os.MkdirAll(d.path(".gorepo", "base"), 0o755))
	d.ok("createrepo", d.path("base"))
	packages := d.listed("base")
	start := time.Now()
	d.shuffle()
	require.NoError(t, d.gorepo("createrepo", "--update", d.path("base")).Run())
	most := time.Since(start)
	kills, pending := 0, 0
	wanted := few(10, 300)
	for deadline := time.Now().Add(10 * time.Minute); kills < wanted && time.Now().Before(deadline); {
		d.shuffle()
		cmd := d.gorepo("createrepo", "--update", d.path("base"))
		require.NoError(t, cmd.Start())
		// What matters comes in the end.
		timer := time.AfterFunc(most/3+time.Duration(d.r.Int64N(int64(most))), func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		timer.Stop()
		var status *exec.ExitError
		if errors.As(err, &status) && !status.Exited() {
			kills++
		} else {
			require.NoError(t, err)
		}
		lines := d.history()
		if bytes.Count(d.read(".gorepo", "base", "history"), []byte("\n")) > len(lines) {
			pending++
		}
		got, err := replay(packages, lines[1:])
		require.NoError(t, err)
		require.Equal(t, d.listed("base"), got)
	}
	t.Logf("%d kills; %d times a line was ahead of its publication; %d lines", kills, pending, len(d.history()))
	assert.Equal(t, wanted, kills)
}
