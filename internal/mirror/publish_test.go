package mirror

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hashed is a name with a checksum in front, as createrepo_c gives.
func hashed(name string) string { return sha(name).Hex + "-" + name }

// quick is the system without the waiting for the disk: a test sees no
// difference, unless it pulls the plug.
func quick() fsOps {
	nothing := func(string) error { return nil }
	return fsOps{exchange: exchange, syncFile: nothing, syncDir: nothing, syncFS: nothing}
}

// without is a system that has no RENAME_EXCHANGE.
func without(fsys fsOps) fsOps {
	fsys.exchange = func(string, string) error { return errors.ErrUnsupported }
	return fsys
}

// bothWays runs a test with directories exchanged, and in place.
func bothWays(t *testing.T, test func(t *testing.T, fsys fsOps, inPlace bool)) {
	t.Run("exchange", func(t *testing.T) { test(t, quick(), false) })
	t.Run("in place", func(t *testing.T) { test(t, without(quick()), true) })
}

// publish publishes a generation of those files (name: content).
func publish(t *testing.T, fsys fsOps, dir string, opts PublishOptions, files map[string]string) Published {
	t.Helper()
	s, err := newStaging(dir, fsys)
	require.NoError(t, err)
	for name, data := range files {
		require.NoError(t, s.Write(name, []byte(data)))
	}
	p, err := s.Publish(t.Context(), opts)
	require.NoError(t, err)
	require.NoError(t, p.Leftover)
	require.NoError(t, s.Discard(), "after Publish nothing")
	return p
}

func TestPublish(t *testing.T) {
	bothWays(t, func(t *testing.T, fsys fsOps, inPlace bool) {
		dir := t.TempDir()
		repodata := filepath.Join(dir, "repodata")
		p := publish(t, fsys, dir, PublishOptions{}, map[string]string{"repomd.xml": "1", "repomd.xml.asc": "s1", "repomd.xml.key": "k1", hashed("primary1"): "p1"})
		assert.Equal(t, Published{}, p)
		assert.Equal(t, map[string]string{"repomd.xml": "1", "repomd.xml.asc": "s1", "repomd.xml.key": "k1", hashed("primary1"): "p1"}, tree(t, repodata))

		// The user puts files of their own beside it.
		write(t, filepath.Join(repodata, "comps.xml"), "mine")
		write(t, filepath.Join(repodata, ".htaccess"), "mine")
		write(t, filepath.Join(repodata, "repoview", "index.html"), "mine")
		require.NoError(t, os.Symlink("repoview/index.html", filepath.Join(repodata, "index.html")))
		mine := map[string]string{
			"comps.xml": "mine", ".htaccess": "mine", "repoview": "/", "repoview/index.html": "mine",
			"index.html": "-> repoview/index.html",
		}
		with := func(files map[string]string) map[string]string {
			for name, data := range mine {
				files[name] = data
			}
			return files
		}

		p = publish(t, fsys, dir, PublishOptions{Keep: []string{"repodata/" + hashed("primary1")}},
			map[string]string{"repomd.xml": "2", hashed("primary2"): "p2"})
		assert.Equal(t, inPlace, p.InPlace)
		assert.ElementsMatch(t, []string{hashed("primary1"), "comps.xml", ".htaccess", "repoview", "index.html"}, p.Kept)
		assert.ElementsMatch(t, []string{"repomd.xml.asc", "repomd.xml.key"}, p.Dropped)
		assert.Equal(t, with(map[string]string{"repomd.xml": "2", hashed("primary1"): "p1", hashed("primary2"): "p2"}), tree(t, repodata))

		// One generation more, and the first is gone; an unchanged file stays.
		p = publish(t, fsys, dir, PublishOptions{Keep: []string{hashed("primary2")}},
			map[string]string{"repomd.xml": "3", hashed("primary2"): "p2", hashed("primary3"): "p3"})
		assert.Equal(t, []string{hashed("primary1")}, p.Dropped)
		assert.Equal(t, with(map[string]string{"repomd.xml": "3", hashed("primary2"): "p2", hashed("primary3"): "p3"}), tree(t, repodata))
		assert.Equal(t, []string{"repodata"}, names(t, dir))
	})
}

// With the real system, fsync and all.
func TestPublishForReal(t *testing.T) {
	for name, fsys := range map[string]fsOps{"exchange": systemFS, "in place": without(systemFS)} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			publish(t, fsys, dir, PublishOptions{}, map[string]string{"repomd.xml": "1", hashed("a"): "1"})
			publish(t, fsys, dir, PublishOptions{Keep: []string{hashed("a")}}, map[string]string{"repomd.xml": "2", hashed("b"): "2"})
			assert.Equal(t, map[string]string{"repomd.xml": "2", hashed("a"): "1", hashed("b"): "2"}, tree(t, filepath.Join(dir, "repodata")))
		})
	}
}

func TestPublishSimpleNames(t *testing.T) {
	bothWays(t, func(t *testing.T, fsys fsOps, _ bool) {
		dir := t.TempDir()
		repodata := filepath.Join(dir, "repodata")
		publish(t, fsys, dir, PublishOptions{}, map[string]string{
			"repomd.xml": "1", "primary.xml.gz": "1", "filelists.xml.zst": "1", "other.xml": "1", "primary.sqlite.bz2": "1",
			"primary_db.sqlite.xz": "1", "filelists-ext.xml.gz": "1", "primary_zck.xml.zck": "1", "updateinfo.xml.gz": "1", "other-notes.xml": "mine",
		})
		p := publish(t, fsys, dir, PublishOptions{Keep: []string{"other.xml"}, Generated: []string{"updateinfo.xml.gz"}},
			map[string]string{"repomd.xml": "2", "primary.xml.gz": "2"})
		assert.ElementsMatch(t, []string{"other.xml", "other-notes.xml"}, p.Kept)
		assert.Equal(t, map[string]string{"repomd.xml": "2", "primary.xml.gz": "2", "other.xml": "1", "other-notes.xml": "mine"}, tree(t, repodata))
	})
}

func TestPublishKeepAll(t *testing.T) {
	bothWays(t, func(t *testing.T, fsys fsOps, _ bool) {
		dir := t.TempDir()
		for i, name := range []string{"one", "two", "three"} {
			publish(t, fsys, dir, PublishOptions{KeepAll: true}, map[string]string{"repomd.xml": name, "repomd.xml.asc"[:10+i*2]: name, hashed(name): name})
		}
		got := tree(t, filepath.Join(dir, "repodata"))
		for _, name := range []string{"one", "two", "three"} {
			assert.Equal(t, name, got[hashed(name)])
		}
		assert.Equal(t, "three", got["repomd.xml"])
	})
}

func TestPublishKeepAllDropsSignature(t *testing.T) {
	bothWays(t, func(t *testing.T, fsys fsOps, _ bool) {
		dir := t.TempDir()
		publish(t, fsys, dir, PublishOptions{}, map[string]string{"repomd.xml": "1", "repomd.xml.asc": "1", "repomd.xml.key": "1"})
		publish(t, fsys, dir, PublishOptions{KeepAll: true, Keep: []string{"repomd.xml.asc"}}, map[string]string{"repomd.xml": "2"})
		assert.Equal(t, map[string]string{"repomd.xml": "2"}, tree(t, filepath.Join(dir, "repodata")), "a signature of another repomd.xml is no use")
	})
}

// What a crash in place left of another generation goes with the next one.
func TestPublishCleansUp(t *testing.T) {
	bothWays(t, func(t *testing.T, fsys fsOps, _ bool) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "repodata", "repomd.xml"), "1")
		write(t, filepath.Join(dir, "repodata", hashed("p")), "1")
		write(t, filepath.Join(dir, "repodata", hashed("half")), "half")
		write(t, filepath.Join(dir, "repodata", ".gorepo-"+hashed("half")), "half")
		publish(t, fsys, dir, PublishOptions{Keep: []string{hashed("p"), hashed("missing"), ""}}, map[string]string{"repomd.xml": "2"})
		assert.Equal(t, map[string]string{"repomd.xml": "2", hashed("p"): "1"}, tree(t, filepath.Join(dir, "repodata")))
	})
}

func TestPublishLinkedRepodata(t *testing.T) {
	bothWays(t, func(t *testing.T, fsys fsOps, _ bool) {
		dir, disk := t.TempDir(), t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(disk, "base-md"), 0o755))
		require.NoError(t, os.Symlink(filepath.Join(disk, "base-md"), filepath.Join(dir, "repodata")))
		for _, i := range []string{"1", "2"} {
			s, err := newStaging(dir, fsys)
			require.NoError(t, err)
			assert.Equal(t, filepath.Join(disk, ".base-md-gorepo"), s.Dir())
			require.NoError(t, s.Discard())
			publish(t, fsys, dir, PublishOptions{}, map[string]string{"repomd.xml": i})
			assert.Equal(t, map[string]string{"repomd.xml": i}, tree(t, filepath.Join(disk, "base-md")))
			assert.Equal(t, []string{"base-md"}, names(t, disk))
		}
		fi, err := os.Lstat(filepath.Join(dir, "repodata"))
		require.NoError(t, err)
		assert.NotZero(t, fi.Mode()&os.ModeSymlink, "the administrator's link stays")
	})
}

func TestPublishRefuses(t *testing.T) {
	dir := t.TempDir()
	publish(t, quick(), dir, PublishOptions{}, map[string]string{"repomd.xml": "1"})
	s := staging(t, dir)
	_, err := s.Publish(t.Context(), PublishOptions{})
	oneLine(t, err, "repodata", "no repomd.xml")
	require.NoError(t, s.Write("repomd.xml", []byte("2")))
	_, err = s.Publish(canceled(t), PublishOptions{})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, map[string]string{"repomd.xml": "1"}, tree(t, filepath.Join(dir, "repodata")))
}

// traced is a system that tells the order of its steps; the step of that
// number fails.
func traced(fsys fsOps, steps *[]string, dir string, fail int) fsOps {
	step := func(what, path string) error {
		path = strings.TrimPrefix(strings.TrimPrefix(path, dir), "/")
		*steps = append(*steps, strings.TrimSpace(what+" "+path))
		if len(*steps) == fail {
			return errBroken
		}
		return nil
	}
	return fsOps{
		exchange: func(a, b string) error {
			if err := step("exchange", ""); err != nil {
				return err
			}
			return fsys.exchange(a, b)
		},
		syncFile: func(p string) error { return errors.Join(step("sync", p), fsys.syncFile(p)) },
		syncDir:  func(p string) error { return errors.Join(step("syncdir", p), fsys.syncDir(p)) },
		syncFS:   func(p string) error { return errors.Join(step("syncfs", p), fsys.syncFS(p)) },
	}
}

var errBroken = errors.New("broken disk")

// All of a generation, and the packages, are on disk before it is published;
// and a failure of any step leaves one generation or the other.
func TestPublishOrder(t *testing.T) {
	one := map[string]string{"repomd.xml": "1", "repomd.xml.asc": "1", hashed("a"): "1"}
	two := map[string]string{"repomd.xml": "2", "repomd.xml.asc": "2", hashed("b"): "2", "simple.xml": "2"}
	want := map[bool][]string{
		false: {
			"sync .repodata-gorepo/" + hashed("b"), "sync .repodata-gorepo/repomd.xml", "sync .repodata-gorepo/repomd.xml.asc",
			"sync .repodata-gorepo/simple.xml", "syncdir .repodata-gorepo", "syncfs", "exchange", "syncdir",
		},
		true: {
			"sync .repodata-gorepo/" + hashed("b"), "sync .repodata-gorepo/repomd.xml", "sync .repodata-gorepo/repomd.xml.asc",
			"sync .repodata-gorepo/simple.xml", "syncdir .repodata-gorepo", "syncfs", "exchange", "syncdir repodata", "syncdir repodata", "syncdir",
		},
	}
	bothWays(t, func(t *testing.T, fsys fsOps, inPlace bool) {
		for fail := 0; fail <= len(want[inPlace]); fail++ {
			dir := t.TempDir()
			publish(t, quick(), dir, PublishOptions{}, one)
			var steps []string
			s, err := newStaging(dir, traced(fsys, &steps, dir, fail))
			require.NoError(t, err)
			for name, data := range two {
				require.NoError(t, s.Write(name, []byte(data)))
			}
			_, err = s.Publish(t.Context(), PublishOptions{Keep: []string{hashed("a")}})
			require.NoError(t, s.Discard())
			if fail == 0 {
				require.NoError(t, err)
				assert.Equal(t, want[inPlace], steps)
				continue
			}
			require.ErrorIs(t, err, errBroken)
			got := tree(t, filepath.Join(dir, "repodata"))
			generation := one
			var published *PublishedError
			if errors.As(err, &published) {
				generation = two
			}
			for name, data := range generation {
				assert.Equal(t, data, got[name], "%s after failure of step %d, %s", name, fail, steps[fail-1])
			}
			assert.Equal(t, []string{"repodata"}, names(t, dir), "the staging is gone")
		}
	})
}

// An error of the exchange that is none of "not supported" is not papered over.
func TestPublishExchangeFails(t *testing.T) {
	dir := t.TempDir()
	publish(t, quick(), dir, PublishOptions{}, map[string]string{"repomd.xml": "1"})
	fsys := systemFS
	fsys.exchange = func(string, string) error { return os.ErrPermission }
	s, err := newStaging(dir, fsys)
	require.NoError(t, err)
	require.NoError(t, s.Write("repomd.xml", []byte("2")))
	_, err = s.Publish(t.Context(), PublishOptions{})
	require.ErrorIs(t, err, os.ErrPermission)
	require.NoError(t, s.Discard())
	assert.Equal(t, map[string]string{"repomd.xml": "1"}, tree(t, filepath.Join(dir, "repodata")))
}
