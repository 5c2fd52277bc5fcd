package catalog_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/catalog"
	"gorepo/internal/testrepo"
)

// mirrorOf has repositories of one package each, beside which gorepo has state.
func mirrorOf(t testing.TB, ids ...string) (root string) {
	t.Helper()
	root = t.TempDir()
	for _, id := range ids {
		republish(t, root, id, testrepo.Fake(id+"-1-1.noarch", 10))
		require.NoError(t, os.MkdirAll(filepath.Join(root, ".gorepo", id), 0o755))
	}
	return root
}

// republish exchanges what a repository has published.
func republish(t testing.TB, root, id string, packages ...*testrepo.Package) {
	t.Helper()
	dir := t.TempDir()
	testrepo.Render(testrepo.Options{Revision: time.Now().UnixNano() / 1000}, packages...).WriteTo(t, dir)
	repo := filepath.Join(root, id)
	require.NoError(t, os.MkdirAll(repo, 0o755))
	old := filepath.Join(t.TempDir(), "old")
	if err := os.Rename(filepath.Join(repo, "repodata"), old); err != nil {
		require.ErrorIs(t, err, os.ErrNotExist)
	}
	require.NoError(t, os.Rename(filepath.Join(dir, "repodata"), filepath.Join(repo, "repodata")))
}

// safeBuffer is a log that is read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// running gives a shelf that runs until the test ends.
func running(t testing.TB, o catalog.ShelfOptions) (*catalog.Shelf, *safeBuffer) {
	t.Helper()
	log := &safeBuffer{}
	o.Logger = slog.New(slog.NewTextHandler(log, nil))
	s := catalog.NewShelf(o)
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	wait.Go(func() { _ = s.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wait.Wait()
	})
	return s, log
}

// current waits until the catalog of what is published is there, and calls f with it.
func current(t testing.TB, s *catalog.Shelf, id string, f func(c *catalog.Catalog)) {
	t.Helper()
	s.Wait(t.Context(), id, 20*time.Second)
	require.Eventually(t, func() bool {
		c, release, st := s.Get(id)
		defer release()
		if !st.Current {
			return false
		}
		f(c)
		return true
	}, 20*time.Second, 10*time.Millisecond)
}

// catalogs are the files in a directory that are catalogs.
func catalogs(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "????????????????????????????????????????????????????????????????-*"))
	require.NoError(t, err)
	return files
}

func TestShelf(t *testing.T) {
	root := mirrorOf(t, "a", "b")
	republish(t, root, "plain", testrepo.Fake("plain-1-1.noarch", 10))
	s, log := running(t, catalog.ShelfOptions{Options: catalog.Options{Root: root}})
	for _, id := range []string{"a", "b", "plain"} {
		current(t, s, id, func(c *catalog.Catalog) {
			list, err := c.Named(t.Context(), id)
			require.NoError(t, err)
			assert.Len(t, list, 1)
		})
	}
	assert.Len(t, catalogs(t, filepath.Join(root, ".gorepo", "a", "catalog")), 1)
	assert.NoDirExists(t, filepath.Join(root, ".gorepo", "plain"), "it would become a repository of the mirror")
	assert.Len(t, catalogs(t, filepath.Join(root, ".gorepo", ".catalog", "plain")), 1)
	_, _, st := s.Get("none")
	assert.Equal(t, catalog.Status{}, st)

	// Who reads from a catalog can go on when there is a newer one.
	c, release, st := s.Get("a")
	assert.True(t, st.Published && st.Current && !st.Outdated && st.Building.IsZero() && st.Failed == "")
	before := c.Info().Generation
	republish(t, root, "a", testrepo.Fake("a-2-1.noarch", 10), testrepo.Fake("new-2-1.noarch", 10))
	require.Eventually(t, func() bool {
		c, release, st := s.Get("a")
		defer release()
		return st.Current && c.Info().Generation != before
	}, 20*time.Second, 10*time.Millisecond)
	var wait sync.WaitGroup
	for range 8 { // more than there are connections
		wait.Go(func() {
			list, err := c.Named(t.Context(), "a")
			assert.NoError(t, err)
			assert.Equal(t, []string{"a-1-1.noarch"}, names(list))
		})
	}
	wait.Wait()
	release()
	release()
	require.Eventually(t, func() bool { return len(catalogs(t, filepath.Join(root, ".gorepo", "a", "catalog"))) == 1 }, 10*time.Second, 10*time.Millisecond)
	_, err := c.Named(t.Context(), "a")
	require.Error(t, err, "it is closed")

	// Repositories come and go.
	republish(t, root, "c", testrepo.Fake("c-1-1.noarch", 10))
	current(t, s, "c", func(*catalog.Catalog) {})
	require.NoError(t, os.RemoveAll(filepath.Join(root, "plain")))
	require.Eventually(t, func() bool {
		c, release, st := s.Get("plain")
		defer release()
		return c == nil && st == catalog.Status{}
	}, 20*time.Second, 10*time.Millisecond)
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(root, ".gorepo", ".catalog", "plain"))
		return os.IsNotExist(err)
	}, 20*time.Second, 10*time.Millisecond)
	assert.NotContains(t, log.String(), "WARN")
}

// TestShelfStarts: what is there is opened, and not made again, even by the next
// version but one of a generation; what is damaged is made again.
func TestShelfStarts(t *testing.T) {
	root := mirrorOf(t, "a")
	dir := filepath.Join(root, ".gorepo", "a", "catalog")
	made, err := catalog.Make(t.Context(), catalog.Options{Root: root}, "a", catalog.MakeOptions{})
	require.NoError(t, err)
	assert.False(t, made.Fresh)
	assert.Equal(t, 1, made.Packages)
	assert.Equal(t, dir, filepath.Dir(made.Path))
	before, err := os.Stat(made.Path)
	require.NoError(t, err)
	assert.Equal(t, before.Size(), made.Size+24)

	s, log := running(t, catalog.ShelfOptions{Options: catalog.Options{Root: root}, IDs: func() []string { return []string{"a"} }})
	current(t, s, "a", func(*catalog.Catalog) {})
	after, err := os.Stat(made.Path)
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after))
	assert.NotContains(t, log.String(), "made")

	// Another process has made the next one.
	republish(t, root, "a", testrepo.Fake("a-2-1.noarch", 10))
	made, err = catalog.Make(t.Context(), catalog.Options{Root: root}, "a", catalog.MakeOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		c, release, st := s.Get("a")
		defer release()
		return st.Current && c.Info().Generation == made.Generation
	}, 20*time.Second, 10*time.Millisecond)

	// A file that is not what it was is found out, and there is another one soon.
	data, err := os.ReadFile(made.Path)
	require.NoError(t, err)
	data[len(data)/2] ^= 1
	require.NoError(t, os.WriteFile(made.Path+".x", data, 0o644))
	republish(t, root, "b", testrepo.Fake("b-1-1.noarch", 10))
	require.NoError(t, os.Rename(made.Path+".x", made.Path))
	again, log := running(t, catalog.ShelfOptions{Options: catalog.Options{Root: root}})
	require.Eventually(t, func() bool {
		c, release, st := again.Get("a")
		defer release()
		return st.Current && c != nil && bytes.Contains([]byte(log.String()), []byte("damaged")) && catalog.Verify(t.Context(), made.Path) == nil
	}, 20*time.Second, 10*time.Millisecond)
}

// TestShelfOutdated: an older catalog is shown while there is none that is newer.
func TestShelfOutdated(t *testing.T) {
	root := mirrorOf(t, "a")
	_, err := catalog.Make(t.Context(), catalog.Options{Root: root}, "a", catalog.MakeOptions{})
	require.NoError(t, err)
	republish(t, root, "a", testrepo.Fake("a-2-1.noarch", 10))
	repomd := filepath.Join(root, "a", "repodata")
	primary, err := filepath.Glob(filepath.Join(repomd, "*primary*"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(primary[0], []byte("damaged"), 0o644))
	s, _ := running(t, catalog.ShelfOptions{Options: catalog.Options{Root: root}})
	require.Eventually(t, func() bool {
		c, release, st := s.Get("a")
		defer release()
		return c != nil && st.Outdated && !st.Current && st.Failed != ""
	}, 20*time.Second, 10*time.Millisecond)
	_, release, st := s.Get("a")
	release()
	assert.Contains(t, st.Failed, "primary")
	assert.False(t, st.Unwritable, "it is the metadata")
}

// TestShelfReadOnly: where ROOT cannot be written the catalogs go to the cache; and
// without one that is said.
func TestShelfReadOnly(t *testing.T) {
	root := mirrorOf(t, "a")
	// A file in the place of a directory: root may write everywhere else.
	require.NoError(t, os.WriteFile(filepath.Join(root, ".gorepo", "a", "catalog"), nil, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(root, ".gorepo", ".catalog"), nil, 0o644))
	s, _ := running(t, catalog.ShelfOptions{Options: catalog.Options{Root: root}})
	s.Wait(t.Context(), "a", 20*time.Second)
	c, release, st := s.Get("a")
	release()
	assert.Nil(t, c)
	assert.Contains(t, st.Failed, "catalog cannot be written")
	assert.True(t, st.Unwritable)
	assert.NotContains(t, st.Failed, root, "where the mirror lies is nobody's business")

	// What another process has made counts at once, not only when it is tried again.
	place := filepath.Join(root, ".gorepo", "a", "catalog")
	require.NoError(t, os.Remove(place))
	_, err := catalog.Make(t.Context(), catalog.Options{Root: root}, "a", catalog.MakeOptions{})
	require.NoError(t, err)
	current(t, s, "a", func(*catalog.Catalog) {})
	require.NoError(t, os.RemoveAll(place))
	require.NoError(t, os.WriteFile(place, nil, 0o644))

	cache := t.TempDir()
	s, _ = running(t, catalog.ShelfOptions{Options: catalog.Options{Root: root, CacheDir: cache}})
	current(t, s, "a", func(*catalog.Catalog) {})
	assert.Len(t, catalogs(t, filepath.Join(cache, "a")), 1)
	require.NoError(t, os.RemoveAll(filepath.Join(root, "a")))
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(cache, "a"))
		return os.IsNotExist(err)
	}, 20*time.Second, 10*time.Millisecond)
}

// TestConcurrent: many ask one catalog, which is closed when they are done; and of
// several that make the same one waits for the other.
func TestConcurrent(t *testing.T) {
	root := mirrorOf(t, "a")
	var wait sync.WaitGroup
	var mu sync.Mutex
	paths := map[string]bool{}
	for range 4 {
		wait.Go(func() {
			made, err := catalog.Make(t.Context(), catalog.Options{Root: root}, "a", catalog.MakeOptions{})
			assert.NoError(t, err)
			mu.Lock()
			defer mu.Unlock()
			paths[made.Path] = true
		})
	}
	wait.Wait()
	require.Len(t, paths, 1)
	entries, err := os.ReadDir(filepath.Join(root, ".gorepo", "a", "catalog"))
	require.NoError(t, err)
	assert.Len(t, entries, 2, "the catalog and the lock")
	for path := range paths {
		c, err := catalog.Open(path)
		require.NoError(t, err)
		for range 12 {
			wait.Go(func() {
				for range 5 {
					page, err := c.List(t.Context(), catalog.ListOptions{})
					assert.NoError(t, err)
					assert.Equal(t, 1, page.Total)
					hits, err := c.Search(t.Context(), "a", 0, 10)
					assert.NoError(t, err)
					assert.Equal(t, 1, hits.Total)
				}
			})
		}
		wait.Wait()
		require.NoError(t, c.Close())
		require.NoError(t, c.Close())
	}
}

// TestShelfRemoved: a catalog whose file somebody has removed is made again.
func TestShelfRemoved(t *testing.T) {
	root := mirrorOf(t, "a")
	s, _ := running(t, catalog.ShelfOptions{Options: catalog.Options{Root: root}})
	current(t, s, "a", func(*catalog.Catalog) {})
	dir := filepath.Join(root, ".gorepo", "a", "catalog")
	require.NoError(t, os.RemoveAll(dir))
	require.Eventually(t, func() bool { return len(catalogs(t, dir)) == 1 }, 20*time.Second, 10*time.Millisecond)
	current(t, s, "a", func(c *catalog.Catalog) {
		list, err := c.Named(t.Context(), "a")
		require.NoError(t, err)
		assert.Len(t, list, 1)
	})
}

// TestCacheOfOthers: in a directory for caches only what is gorepo's is cleared, and
// only where it is known that the repository is gone.
func TestCacheOfOthers(t *testing.T) {
	cache := t.TempDir()
	hash := strings.Repeat("0a", 32)
	others := []string{"blobs/" + hash, "more/" + hash + "-d", "locked/.lock", "locked/" + strings.Repeat("x", 64) + "-1", "a/.lock", "a/" + hash + "-2"}
	for _, name := range others {
		require.NoError(t, os.MkdirAll(filepath.Join(cache, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(cache, name), nil, 0o644))
	}
	require.NoError(t, os.Mkdir(filepath.Join(cache, "empty"), 0o755))
	all := func() {
		for _, name := range others {
			assert.FileExists(t, filepath.Join(cache, name))
		}
		assert.DirExists(t, filepath.Join(cache, "empty"))
	}
	looked := func(root string) {
		s, _ := running(t, catalog.ShelfOptions{Options: catalog.Options{Root: root, CacheDir: cache}})
		s.Wait(t.Context(), "none", 20*time.Second)
	}
	looked(t.TempDir()) // nothing is mounted there
	all()
	looked(mirrorOf(t, "b"))
	assert.NoDirExists(t, filepath.Join(cache, "a"))
	others = others[:len(others)-2]
	all()
}

// TestShelfStats: what is monitored tells an index of what is published from an
// older one, and counts what became of each build.
func TestShelfStats(t *testing.T) {
	root := mirrorOf(t, "a")
	s, _ := running(t, catalog.ShelfOptions{Options: catalog.Options{Root: root}})
	current(t, s, "a", func(*catalog.Catalog) {})
	require.Eventually(t, func() bool { return s.Stats("a").Builds == 1 }, 10*time.Second, 10*time.Millisecond)
	first := s.Stats("a")
	assert.True(t, first.Published && first.Current)
	assert.Zero(t, first.Failures)
	assert.Positive(t, first.Took)
	repomd, err := os.Stat(filepath.Join(root, "a", "repodata", "repomd.xml"))
	require.NoError(t, err)
	assert.Equal(t, repomd.ModTime().Unix(), first.Generation.Unix())
	file, err := os.Stat(catalogs(t, filepath.Join(root, ".gorepo", "a", "catalog"))[0])
	require.NoError(t, err)
	assert.Equal(t, file.Size(), first.Bytes)
	assert.Equal(t, catalog.Stats{}, s.Stats("none"))

	place := filepath.Join(root, ".gorepo", "a", "catalog")
	aside := filepath.Join(root, ".gorepo", "aside")
	broken := t.TempDir()
	testrepo.Render(testrepo.Options{}, testrepo.Fake("a-2-1.noarch", 10)).WriteTo(t, broken)
	primary, err := filepath.Glob(filepath.Join(broken, "repodata", "*primary*"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(primary[0], []byte("damaged"), 0o644))
	require.NoError(t, os.Rename(filepath.Join(root, "a", "repodata"), aside))
	require.NoError(t, os.Rename(filepath.Join(broken, "repodata"), filepath.Join(root, "a", "repodata")))
	require.Eventually(t, func() bool { return s.Stats("a").Failures == 1 }, 20*time.Second, 10*time.Millisecond)
	after := s.Stats("a")
	assert.Equal(t, uint64(2), after.Builds)
	assert.True(t, after.Published)
	assert.False(t, after.Current)
	assert.Equal(t, first.Generation, after.Generation, "pages are of the one before")
	assert.DirExists(t, place)
}

// TestShelfSaysOneReasonOnce: what keeps all indexes from being made is said in one
// line, with how many and what to do; other reasons have a line of their own.
func TestShelfSaysOneReasonOnce(t *testing.T) {
	ids := make([]string, 50)
	for i := range ids {
		ids[i] = fmt.Sprintf("r%02d", i)
	}
	root := mirrorOf(t, append(ids, "odd")...)
	for _, id := range ids { // a link to itself: root may write everywhere else
		place := filepath.Join(root, ".gorepo", id, "catalog")
		require.NoError(t, os.Symlink(place, place))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, ".gorepo", ".catalog"), nil, 0o644))
	primary, err := filepath.Glob(filepath.Join(root, "odd", "repodata", "*primary*"))
	require.NoError(t, err)
	require.NoError(t, os.Remove(primary[0]))
	warnings := func(log *safeBuffer) (lines []string) {
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, "level=WARN") {
				lines = append(lines, line)
			}
		}
		return lines
	}
	s, log := running(t, catalog.ShelfOptions{Options: catalog.Options{Root: root}})
	require.Eventually(t, func() bool { return len(warnings(log)) > 1 }, 20*time.Second, 10*time.Millisecond)
	all := strings.Join(warnings(log), "")
	assert.Len(t, warnings(log), 2, all)
	assert.Contains(t, all, "the indexes of 50 repositories cannot be made (r00, r01, r02 and 47 more)")
	assert.Contains(t, all, "cannot be written")
	assert.Contains(t, all, "repo=odd")
	assert.Eventually(t, func() bool { return strings.Count(log.String(), "its index cannot be made") == 50+1 }, 10*time.Second, 10*time.Millisecond, "each for who wants to know")

	// The next generation is no news.
	republish(t, root, "r00", testrepo.Fake("a-2-1.noarch", 10))
	require.Eventually(t, func() bool { return s.Stats("r00").Failures == 2 }, 20*time.Second, 10*time.Millisecond)
	republish(t, root, "odd", testrepo.Fake("a-2-1.noarch", 10))
	current(t, s, "odd", func(*catalog.Catalog) {})
	assert.Len(t, warnings(log), 2)
	// After another one could be made it is.
	republish(t, root, "r00", testrepo.Fake("a-3-1.noarch", 10))
	require.Eventually(t, func() bool { return len(warnings(log)) == 3 }, 20*time.Second, 10*time.Millisecond)
	assert.Contains(t, warnings(log)[2], "repo=r00")
}
