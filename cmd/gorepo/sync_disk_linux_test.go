package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"gorepo/internal/testrepo"
)

// smallDisk mounts a file system of so many bytes as the mirror, where the test
// may. The function that it returns makes it as large as is said.
func smallDisk(t *testing.T, s *site, size int) (resize func(size int)) {
	t.Helper()
	require.NoError(t, os.MkdirAll(s.root, 0o755))
	options := func(size int) string { return fmt.Sprintf("size=%d,mode=755", size) }
	err := unix.Mount("gorepo-test", s.root, "tmpfs", 0, options(size))
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Unmount(s.root, unix.MNT_DETACH)) })
	return func(size int) {
		t.Helper()
		require.NoError(t, unix.Mount("gorepo-test", s.root, "tmpfs", unix.MS_REMOUNT, options(size)))
	}
}

// fill takes all the space that there is.
func (s *site) fill() {
	s.t.Helper()
	f, err := os.Create(s.path("filler"))
	require.NoError(s.t, err)
	for _, size := range []int{1 << 16, 1} {
		piece := make([]byte, size)
		for {
			if _, err = f.Write(piece); err != nil {
				break
			}
		}
	}
	require.ErrorIs(s.t, err, unix.ENOSPC)
	require.NoError(s.t, f.Close())
}

// A full disk: one line, what is published stays, and with room again the next
// run goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	small := rpms(t, hello212, chrono)
	up := testrepo.New(t, testrepo.Options{}, small...)
	s := newSite(t, section("base", up))
	resize := smallDisk(t, s, 2<<20)
	s.ok("sync")
	s.ok("createrepo", "--update")
	same := s.frozen()

	// Packages that do not fit, many at a time.
	var large []*testrepo.Package
	for i := range 8 {
		large = append(large, variant(small[0], fmt.Sprintf("large%d", i), 1<<20))
	}
	up.Add(large...)
	up.Render()
	s.run("sync", "--delete").ended(1, says("gorepo: base: ", "large", "no space left on device"))
	same()
	assert.Less(t, len(up.Requests("Packages/l/*")), 17, "it stops at once")
	// Not a page is left.
	s.fill()
	s.run("sync").ended(1, says("gorepo: base: ", "no space left on device"))
	s.run("createrepo").ended(1, says("gorepo: base: ", "no space left on device"))
	s.run("createrepo", s.path("base")).ended(1, says("gorepo: "+s.path("base"), "no space left on device"))
	same()

	require.NoError(t, os.Remove(s.path("filler")))
	resize(32 << 20)
	up.Forget()
	s.ok("sync")
	ranges := 0
	for _, r := range up.Requests("Packages/l/*") {
		if r.Range != "" {
			ranges++
		}
	}
	assert.Positive(t, ranges, "what fitted is not fetched again")
	assert.Len(t, s.packages("base"), 10)
	s.ok("createrepo", "--update")
	locations, _ := s.whole("base")
	assert.Len(t, locations, 10)
}

// A disk that is full at any point of a night, or read-only: what is published
// stays whole, and with room again the next run goes on with all that was
// complete.
func TestHostileSyncDisk(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello212, chrono, rich, weak)
	up := testrepo.New(t, testrepo.Options{}, packages...)
	s := newSite(t, section("base", up, "delete=1", "max_delete=100%"))
	const roomy = 64 << 20
	resize := smallDisk(t, s, roomy)
	s.ok("sync")
	s.ok("createrepo", "--update")

	r := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // the same each time
	full, kept := 0, 0
	for night := range rounds(8) {
		change(up, packages[0], r, night)
		var fs unix.Statfs_t
		require.NoError(t, unix.Statfs(s.root, &fs))
		used := int(fs.Blocks-fs.Bfree) * int(fs.Bsize)
		resize(used + 4096*r.IntN(40))
		for _, args := range [][]string{{"sync"}, {"createrepo", "--update"}} {
			o := s.run(args...)
			require.NoError(t, s.local("base").pass(), "after %v of night %d:\n%s", args, night, o.stderr)
			if o.status != 0 {
				full++
				require.Contains(t, o.stderr, "no space left on device")
				require.LessOrEqual(t, len(o.lines()), 2, o.stderr)
			}
		}
		require.Eventually(t, func() bool { // other tests' new processes may have our files open for a moment
			return unix.Mount("gorepo-test", s.root, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, "") == nil
		}, 10*time.Second, 10*time.Millisecond)
		for _, args := range [][]string{{"sync"}, {"createrepo", "--update"}} {
			s.run(args...).ended(1, says("gorepo: base: ", "read-only file system"))
		}
		resize(roomy)

		complete := s.complete(up)
		kept += len(complete)
		up.Forget()
		s.ok("sync")
		notTwice(t, up, complete)
		s.ok("createrepo", "--update")
		require.NoError(t, s.local("base").pass())
		for _, p := range up.Packages() {
			require.FileExists(t, s.path("base", p.Href()))
		}
	}
	t.Logf("the disk was full %d times; %d times a file was complete, and none was asked for again", full, kept)
	assert.Positive(t, full)
}
