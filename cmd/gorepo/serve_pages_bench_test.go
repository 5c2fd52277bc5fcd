package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
	"gorepo/internal/rpmpkg"
	"gorepo/internal/testrepo/genrpm"
)

// manyNights makes a mirror of repositories that are all alike, with a history of
// that many nights: its configuration, and the name of a package.
func manyNights(b testing.TB, repos, packages, nights, changes int) (conf, name string) {
	b.Helper()
	dir := b.TempDir()
	root := filepath.Join(dir, "mirror")
	require.NoError(b, genrpm.Repodata(filepath.Join(root, "r0"), genrpm.Options{Packages: packages, FilesPerPackage: 5}))
	metadata, err := repodata.OpenLocal("", filepath.Join(root, "r0", "repodata"))
	require.NoError(b, err)
	var names []string
	list, err := filepath.Glob(filepath.Join(root, "r0", "repodata", "*primary.xml.gz"))
	require.NoError(b, err)
	require.Len(b, list, 1)
	f, err := os.Open(list[0])
	require.NoError(b, err)
	unzipped, err := gzip.NewReader(f)
	require.NoError(b, err)
	require.NoError(b, repodata.ReadPrimary(unzipped, func(ref rpmpkg.Ref, _ []byte) error {
		names = append(names, ref.String())
		return nil
	}, func(err error) error { return err }))
	require.NoError(b, f.Close())
	m, err := mirror.Open(root)
	require.NoError(b, err)
	conf = fmt.Sprintf("[main]\nroot=%s\n", root)
	for n := range repos {
		id := fmt.Sprintf("r%d", n)
		conf += fmt.Sprintf("[%s]\nname=Repository %d\nbaseurl=file://%s/none\n", id, n, dir)
		if n > 0 {
			require.NoError(b, os.CopyFS(filepath.Join(root, id, "repodata"), os.DirFS(filepath.Join(root, "r0", "repodata"))))
		}
		require.NoError(b, os.MkdirAll(filepath.Join(root, mirror.StateDir, id), 0o755))
		history := filepath.Join(root, mirror.StateDir, id, "history")
		if n > 0 {
			require.NoError(b, os.Link(filepath.Join(root, mirror.StateDir, "r0", "history"), history))
			continue
		}
		repo, err := m.Repo(id, mirror.RepoOptions{})
		require.NoError(b, err)
		var lines []byte
		last := ""
		for night := range nights { // each is written as the first, and put behind the others: that is not flushed
			p := mirror.Publication{Time: time.Now().AddDate(0, 0, night-nights), Primary: fmt.Sprint("g", night), Before: last, Packages: packages}
			if night == nights-1 {
				p.Primary = metadata.Repomd.PrimaryChecksum()
			}
			for i := range changes {
				name := names[(night*changes+i)%len(names)]
				if i%7 == 0 {
					p.Removed = append(p.Removed, "gone-"+name)
				} else {
					p.Updated = append(p.Updated, mirror.Update{Package: name, From: "0.1-1"})
				}
			}
			p.Counts = mirror.Counts{Updated: len(p.Updated), Removed: len(p.Removed)}
			require.NoError(b, repo.AppendHistory(p))
			line, err := os.ReadFile(history)
			require.NoError(b, err)
			if night > 0 {
				line = []byte(strings.Replace(string(line), `"first":true,`, "", 1))
			}
			lines = append(lines, line...)
			require.NoError(b, os.Remove(history))
			last = p.Primary
		}
		require.NoError(b, os.WriteFile(history, lines, 0o644))
	}
	path := filepath.Join(dir, "gorepo.conf")
	require.NoError(b, os.WriteFile(path, []byte(conf), 0o644))
	name, _ = rpmpkg.NameArch(names[0])
	return path, name
}

// BenchmarkPages tells how long a person waits for a page, of 300 repositories and of
// three large ones.
func BenchmarkPages(b *testing.B) {
	for _, size := range []struct {
		name                             string
		repos, packages, nights, changes int
	}{{"300", 300, 100, 500, 12}, {"large", 3, 70_000, 1000, 150}} {
		b.Run(size.name, func(b *testing.B) {
			conf, package1 := manyNights(b, size.repos, size.packages, size.nights, size.changes)
			s := serveMirror(b, "--config", conf)
			ask := func(path string) int {
				answer, err := http.Get(s.url + path)
				require.NoError(b, err)
				_, err = io.Copy(io.Discard, answer.Body)
				require.NoError(b, err)
				require.NoError(b, answer.Body.Close())
				return answer.StatusCode
			}
			for n := range size.repos {
				require.Eventually(b, func() bool { return ask(fmt.Sprintf("/-/repos/r%d/groups", n)) == http.StatusOK }, 5*time.Minute, 10*time.Millisecond)
			}
			day := time.Now().AddDate(0, 0, -100).Format(time.DateOnly)
			for name, path := range map[string]string{
				"home": "/", "repository": "/-/repos/r1/", "packages": "/-/repos/r1/packages", "api": "/-/api/v1/repos/r2/packages?limit=10",
				"changes": "/-/changes", "changes/last": "/-/changes?page=100", "changes/days": "/-/changes?since=" + day + "&until=" + day, "changes/filter": "/-/changes?q=lib", "changes/part": "/-/changes?q=" + package1, "changes/name": "/-/changes?name=" + package1,
				"changes/api": "/-/api/v1/changes", "changes/one": "/-/repos/r1/changes",
			} {
				b.Run(name, func(b *testing.B) {
					require.Equal(b, http.StatusOK, ask(path))
					var took []time.Duration
					for b.Loop() {
						start := time.Now()
						ask(path)
						took = append(took, time.Since(start))
					}
					slices.Sort(took)
					b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
				})
			}
		})
	}
}
