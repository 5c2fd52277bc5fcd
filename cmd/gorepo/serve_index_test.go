//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Metrics tell whether pages are of what clients get: they are not when a
// generation has come that no index can be made of.
func TestServeIndexMetrics(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	dir := filepath.Dir(writeFile(t, string(mustRead(t, "../../testdata/rpms/hello-2.12-1.noarch.rpm")), s.root, "own", "hello-2.12-1.noarch.rpm"))
	s.ok("createrepo", "-q", dir)
	p := s.serve(1, "--listen=127.0.0.1:0")
	says := func(lines ...string) {
		t.Helper()
		var text string
		assert.Eventually(t, func() bool {
			text = get1(t, p.urls[0]+"/-/metrics")
			for _, line := range lines {
				if !strings.Contains(text, line+"\n") {
					return false
				}
			}
			return true
		}, 15*time.Second, 50*time.Millisecond, "%s in\n%s", lines, text)
	}
	metric := func(name string) string { return "gorepo_repository_index_" + name + `{repository="own"} ` }
	says(metric("current")+"1", metric("builds_total")+"1", metric("build_failures_total")+"0")
	assert.Contains(t, get1(t, p.urls[0]+"/-/metrics"), metric("bytes"))

	writeFile(t, string(mustRead(t, "../../testdata/rpms/hello-2.10-1.noarch.rpm")), dir, "hello-2.10-1.noarch.rpm")
	s.ok("createrepo", "-q", dir)
	says(metric("current")+"1", metric("builds_total")+"2")
	other := filepath.Join(s.dir, "other")
	require.NoError(t, os.CopyFS(other, os.DirFS(filepath.Join(dir, "repodata"))))
	repomd := strings.Replace(string(mustRead(t, filepath.Join(other, "repomd.xml"))), "<revision>", "<revision>1", 1)
	require.NoError(t, os.WriteFile(filepath.Join(other, "repomd.xml"), []byte(repomd), 0o644))
	primary, err := filepath.Glob(filepath.Join(other, "*primary*"))
	require.NoError(t, err)
	for _, name := range primary { // that of the generation before, too
		require.NoError(t, os.WriteFile(name, []byte("damaged"), 0o644))
	}
	require.NoError(t, os.Rename(filepath.Join(dir, "repodata"), filepath.Join(s.dir, "was")))
	require.NoError(t, os.Rename(other, filepath.Join(dir, "repodata")))
	says(metric("current")+"0", metric("builds_total")+"3", metric("build_failures_total")+"1")
	p.stop()
}
