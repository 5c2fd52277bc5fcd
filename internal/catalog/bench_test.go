package catalog_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gorepo/internal/catalog"
	"gorepo/internal/testrepo/genrpm"
)

// generated makes, once, the metadata of a large repository. GOREPO_BENCH_REPODATA
// names a directory that has it already.
func generated(b testing.TB, packages int) (repodata string) {
	b.Helper()
	if dir := os.Getenv("GOREPO_BENCH_REPODATA"); dir != "" {
		return dir
	}
	dir := b.TempDir()
	require.NoError(b, genrpm.Repodata(dir, genrpm.Options{Packages: packages, FilesPerPackage: 150}))
	return filepath.Join(dir, "repodata")
}

func BenchmarkBuild(b *testing.B) {
	dir := generated(b, 5000)
	var info catalog.Info
	var size int64
	for b.Loop() {
		path := filepath.Join(b.TempDir(), "catalog")
		var err error
		info, err = catalog.Build(b.Context(), path, catalog.BuildOptions{Repodata: dir})
		require.NoError(b, err)
		fi, err := os.Stat(path)
		require.NoError(b, err)
		size = fi.Size()
		require.NoError(b, os.Remove(path))
	}
	b.ReportMetric(float64(info.Packages), "packages")
	b.ReportMetric(float64(size)/1e6, "MB")
}

// BenchmarkQueries tells the time that nearly all of the calls take.
func BenchmarkQueries(b *testing.B) {
	path := os.Getenv("GOREPO_BENCH_CATALOG")
	if path == "" {
		path = filepath.Join(b.TempDir(), "catalog")
	}
	if _, err := os.Stat(path); err != nil {
		_, err := catalog.Build(b.Context(), path, catalog.BuildOptions{Repodata: generated(b, 5000)})
		require.NoError(b, err)
	}
	c, err := catalog.Open(path)
	require.NoError(b, err)
	defer c.Close()
	ctx := context.Background()
	page, err := c.List(ctx, catalog.ListOptions{Sort: catalog.SortSize, Limit: 200})
	require.NoError(b, err)
	search := func(query string) func(int) error {
		return func(int) error {
			_, err := c.Search(ctx, query, 0, 50)
			return err
		}
	}
	list := func(o catalog.ListOptions) func(int) error {
		return func(int) error {
			_, err := c.List(ctx, o)
			return err
		}
	}
	some := page.Packages[0]
	queries := map[string]func(n int) error{
		"list": list(catalog.ListOptions{}), "list/last": list(catalog.ListOptions{Offset: c.Info().Packages - 50}),
		"list/size": list(catalog.ListOptions{Sort: catalog.SortSize, Descending: true}), "list/filter": list(catalog.ListOptions{Filter: "bo", Arch: "noarch", Latest: true}),
		"list/glob": list(catalog.ListOptions{Filter: "*a*o*-devel", Sort: catalog.SortBuilt}),
		"details": func(n int) error {
			_, err := c.Details(ctx, page.Packages[n%len(page.Packages)].ID)
			return err
		},
		"files": func(n int) error {
			_, err := c.Files(ctx, page.Packages[n%len(page.Packages)].ID)
			return err
		},
		"changelog": func(n int) error {
			_, err := c.Changelog(ctx, page.Packages[n%len(page.Packages)].ID)
			return err
		},
		"providers": func(n int) error {
			d, err := c.Details(ctx, page.Packages[n%len(page.Packages)].ID)
			if err != nil {
				return err
			}
			var names []string
			for _, r := range d.Requires {
				names = append(names, r.Name)
			}
			_, err = c.Providers(ctx, names)
			return err
		},
		"open": func(int) error {
			o, err := catalog.Open(path)
			if err != nil {
				return err
			}
			return o.Close()
		},
	}
	for _, q := range []string{
		"p", "l", "li", "lib", "libs", some.Name, some.Name[:3], "secure modern", "command line gr", "network", "the", "xyzzy", "a b c d e f g h", "config(",
		"/usr/bin/" + some.Name, "/usr/share/", "/usr/bin/", "/u", "/etc/lo",
	} {
		queries["search/"+q] = search(q)
	}
	for _, name := range slices.Sorted(maps.Keys(queries)) {
		b.Run(name, func(b *testing.B) {
			var times []time.Duration
			n := 0
			for b.Loop() {
				start := time.Now()
				if err := queries[name](n); err != nil {
					b.Fatal(err)
				}
				n++
				times = append(times, time.Since(start))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}
