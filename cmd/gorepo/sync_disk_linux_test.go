package main

import (
	"errors"
	"fmt"
	"os"
	"testing"

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
