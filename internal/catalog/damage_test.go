package catalog_test

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/catalog"
	"gorepo/internal/testrepo"
)

// small is the path of a catalog of a few packages.
func small(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "catalog")
	_, err := catalog.Build(t.Context(), path, catalog.BuildOptions{Repodata: publish(t, testrepo.Options{}, shop()...)})
	require.NoError(t, err)
	return path
}

// askAll asks a catalog everything. Whatever it answers, it answers.
func askAll(ctx context.Context, c *catalog.Catalog) {
	_, _ = c.List(ctx, catalog.ListOptions{Filter: "o", Arch: "x86_64", Latest: true, Sort: catalog.SortSize})
	_, _ = c.List(ctx, catalog.ListOptions{Filter: "*o*", Sort: catalog.SortAdded, Descending: true})
	_, _ = c.Arches(ctx)
	_, _ = c.Find(ctx, "httpd-2.4.57-5.el9.x86_64")
	_, _ = c.FindLocation(ctx, "Packages/h/httpd-2.4.57-5.el9.x86_64.rpm")
	for id := range int64(12) {
		_, _ = c.Details(ctx, id)
		_, _ = c.Files(ctx, id)
		_, _ = c.Changelog(ctx, id)
	}
	for _, q := range []string{"httpd", "ab", "web server", "/usr/sbin/httpd", "/etc/", "perl(", "s"} {
		_, _ = c.Search(ctx, q, 0, 100)
	}
	_, _ = c.Providers(ctx, []string{"libstdc++", "/usr/sbin/httpd", "/opt/x/y z"})
	_, _ = c.Groups(ctx)
	_, _ = c.Modules(ctx)
	_, _ = c.Advisories(ctx, catalog.AdvisoryOptions{})
	_, _ = c.Changes(ctx, catalog.ChangeOptions{})
}

// TestDamagedCatalog: a file that is cut is not opened, and one of which any part
// has changed is found out.
func TestDamagedCatalog(t *testing.T) {
	path := small(t)
	require.NoError(t, catalog.Verify(t.Context(), path))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for n := 0; n < len(whole); n += 1 + n/7 {
		require.NoError(t, os.WriteFile(path, whole[:n], 0o644))
		_, err := catalog.Open(path)
		require.Error(t, err, "%d bytes", n)
	}
	require.NoError(t, os.WriteFile(path, append(append([]byte(nil), whole...), 'x'), 0o644))
	_, err = catalog.Open(path)
	require.Error(t, err)
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("garbage", 10000)), 0o644))
	_, err = catalog.Open(path)
	require.Error(t, err)
	for at := 0; at < len(whole); at += len(whole)/40 + 1 {
		data := append([]byte(nil), whole...)
		data[at] ^= 0x55
		require.NoError(t, os.WriteFile(path, data, 0o644))
		require.Error(t, catalog.Verify(t.Context(), path), "byte %d", at)
		if c, err := catalog.Open(path); err == nil {
			askAll(t.Context(), c)
			require.NoError(t, c.Close())
		}
	}
	_, err = catalog.Open(t.TempDir())
	require.Error(t, err)
}

// FuzzCatalog changes bytes of a catalog whose checksum is right all the same:
// whoever reads it ends, with an answer or an error.
func FuzzCatalog(f *testing.F) {
	whole, err := os.ReadFile(small(f))
	require.NoError(f, err)
	f.Add(uint32(100), []byte{0, 1, 2}, uint32(0))
	f.Add(uint32(8192*4), []byte("\xff\xff\xff\xff\xff\xff"), uint32(5000))
	f.Add(uint32(8192*20+8000), []byte{0x80}, uint32(8192))
	f.Fuzz(func(t *testing.T, at uint32, change []byte, cut uint32) {
		const seal = 24
		data := append([]byte(nil), whole[:len(whole)-seal]...)
		data = data[:len(data)-int(cut)%len(data)]
		if len(data) > 0 {
			copy(data[int(at)%len(data):], change)
		}
		end := append([]byte(nil), whole[len(whole)-seal:len(whole)-seal+8]...)
		end = binary.LittleEndian.AppendUint64(end, uint64(len(data)))
		end = binary.LittleEndian.AppendUint64(end, uint64(crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))))
		path := filepath.Join(t.TempDir(), "catalog")
		require.NoError(t, os.WriteFile(path, append(data, end...), 0o644))
		require.NoError(t, catalog.Verify(t.Context(), path))
		c, err := catalog.Open(path)
		if err != nil {
			return
		}
		askAll(t.Context(), c)
		require.NoError(t, c.Close())
	})
}

// TestDamagedMetadata: a part that is damaged is missing, and that is said; without
// primary there is nothing.
func TestDamagedMetadata(t *testing.T) {
	comps, err := os.ReadFile("../../testdata/comps.xml")
	require.NoError(t, err)
	updates, err := os.ReadFile("../../testdata/updateinfo.xml")
	require.NoError(t, err)
	modules, err := os.ReadFile("../../testdata/modules.yaml")
	require.NoError(t, err)
	o := testrepo.Options{Comps: comps, Updates: updates, Modules: modules, Compression: "plain"}
	for _, damage := range []struct {
		file    string
		missing string
	}{
		{"filelists.xml", "the lists of files"},
		{"other.xml", "the changelogs"},
		{"comps.xml", "group"},
		{"modules.yaml", "module"},
		{"updateinfo.xml", "advisories"},
		{"primary.xml", ""},
	} {
		for how, change := range map[string]func(data []byte) []byte{
			"gone": func([]byte) []byte { return nil }, "cut": func(data []byte) []byte { return data[:len(data)/2] },
			"changed": func(data []byte) []byte {
				return append(data[:len(data)-20:len(data)-20], []byte(strings.Repeat("x", 20))...)
			},
			"late": func(data []byte) []byte { return append(data[:len(data):len(data)], '\n') },
		} {
			dir := publish(t, o, zoo()...)
			files, err := filepath.Glob(filepath.Join(dir, "*-"+damage.file))
			require.NoError(t, err)
			require.Len(t, files, 1)
			data, err := os.ReadFile(files[0])
			require.NoError(t, err)
			if data = change(data); data == nil {
				require.NoError(t, os.Remove(files[0]))
			} else {
				require.NoError(t, os.WriteFile(files[0], data, 0o644))
			}
			path := filepath.Join(t.TempDir(), "catalog")
			info, err := catalog.Build(t.Context(), path, catalog.BuildOptions{Repodata: dir})
			if damage.missing == "" {
				require.ErrorContains(t, err, "primary", how)
				assert.NoFileExists(t, path)
				continue
			}
			require.NoError(t, err, "%s %s", damage.file, how)
			require.Len(t, info.Missing, 1, "%s %s: %q", damage.file, how, info.Missing)
			assert.Contains(t, info.Missing[0], damage.missing)
			assert.Equal(t, 6, info.Packages)
			c, err := catalog.Open(path)
			require.NoError(t, err)
			assert.Equal(t, info.Missing, c.Info().Missing)
			askAll(t.Context(), c)
			list, err := c.Named(t.Context(), "bear")
			require.NoError(t, err)
			files2, err := c.Files(t.Context(), list[0].ID)
			require.NoError(t, err)
			assert.Equal(t, damage.file == "filelists.xml", len(files2) == 0)
			changes, err := c.Changelog(t.Context(), list[0].ID)
			require.NoError(t, err)
			assert.Equal(t, damage.file == "other.xml", len(changes) == 0)
			hits, err := c.Search(t.Context(), "/usr/bin/bear", 0, 10)
			require.NoError(t, err)
			assert.Equal(t, 1, hits.Total, "primary has it too")
			require.NoError(t, c.Close())
		}
	}
}

// TestOddPackages: what cannot be understood is left out, and said; what is there
// twice is twice.
func TestOddPackages(t *testing.T) {
	twice := zoo()[1]
	other := *twice
	other.Location = "elsewhere/bear.rpm"
	odd := testrepo.Fake("odd-1-1.noarch", 10)
	odd.Checksum = "no checksum"
	lost := testrepo.Fake("lost-1-1.noarch", 10)
	lost.LeaveOutOfFilelists = true
	c := open(t, publish(t, testrepo.Options{}, twice, &other, odd, lost, testrepo.Fake("a\"b&c<d>-1-1.noarch", 10)))
	assert.Equal(t, 4, c.Info().Packages)
	require.Len(t, c.Info().Missing, 1)
	assert.Contains(t, c.Info().Missing[0], "a package whose entry")
	for _, location := range []string{twice.Href(), other.Location} {
		p, err := c.FindLocation(t.Context(), location)
		require.NoError(t, err)
		files, err := c.Files(t.Context(), p.ID)
		require.NoError(t, err)
		assert.Len(t, files, 4)
		changes, err := c.Changelog(t.Context(), p.ID)
		require.NoError(t, err)
		assert.Len(t, changes, 2)
	}
	page, err := c.List(t.Context(), catalog.ListOptions{Latest: true})
	require.NoError(t, err)
	assert.Equal(t, []string{"a\"b&c<d>-1-1.noarch", "bear-2:4.1-1.noarch", "lost-1-1.noarch"}, names(page.Packages))
	assert.Equal(t, []string{"a\"b&c<d> by name"}, search(t, c, `a"b&c<d>`))
	assert.Equal(t, []string{"bear by file: /usr/bin/bear"}, search(t, c, "/usr/bin/bear"))
}

func TestNoPackages(t *testing.T) {
	c := open(t, publish(t, testrepo.Options{}))
	assert.Equal(t, 0, c.Info().Packages)
	page, err := c.List(t.Context(), catalog.ListOptions{Sort: catalog.SortSize})
	require.NoError(t, err)
	assert.Empty(t, page.Packages)
	askAll(t.Context(), c)
	for _, q := range []string{"a", "abc", "/", "/a"} {
		assert.Empty(t, search(t, c, q))
	}
	archs, err := c.Arches(t.Context())
	require.NoError(t, err)
	assert.Empty(t, archs)
}

func TestInterruptedBuild(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	dir := publish(t, testrepo.Options{}, zoo()...)
	path := filepath.Join(t.TempDir(), "catalog")
	cancel()
	_, err := catalog.Build(ctx, path, catalog.BuildOptions{Repodata: dir})
	require.ErrorIs(t, err, context.Canceled)
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Empty(t, entries)
	c := open(t, dir)
	_, err = c.List(ctx, catalog.ListOptions{})
	require.ErrorIs(t, err, context.Canceled)
}
