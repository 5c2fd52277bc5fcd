//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRetainOldMDBesideCreaterepoC makes generation after generation with both
// tools, and compares which lists of packages are still there. Those of one
// generation bear one time, which tells them.
func TestRetainOldMDBesideCreaterepoC(t *testing.T) {
	t.Parallel()
	needAll(t, "createrepo_c")
	tree := flagTree(t)
	excludes := []string{"nothing", "weak*", "rich*", "scripted*", "chrono*", "weak*", "link*"}
	for _, flags := range []string{"--compatibility --retain-old-md 1", "--compatibility --retain-old-md 2", "--compatibility --retain-old-md=4", "--retain-old-md 3", "--retain-old-md -1", "--compatibility --retain-old-md -1"} {
		t.Run(strings.ReplaceAll(flags, " ", "_"), func(t *testing.T) {
			theirs, ours := t.TempDir(), t.TempDir()
			s := newSite(t)
			for i, exclude := range excludes {
				args := append(strings.Fields(flags), "-x", exclude, tree)
				createrepoC(t, append(args, "-o", theirs)...)
				o := s.run(append([]string{"createrepo", "-o", ours, "-q"}, args...)...)
				require.Equal(t, 0, o.status, o.stderr)
				assert.Equal(t, listsByTime(t, theirs, i), listsByTime(t, ours, i), "generation %d", i)
			}
		})
	}
}

// listsByTime names the lists of packages below dir by kind and generation. Those
// that are new are given the time of generation number i.
func listsByTime(t testing.TB, dir string, i int) (lists []string) {
	t.Helper()
	kind := regexp.MustCompile(`-((primary|filelists|other)\.xml)\.gz$`)
	epoch := time.Unix(1_000_000_000, 0)
	entries, err := os.ReadDir(filepath.Join(dir, "repodata"))
	require.NoError(t, err)
	for _, e := range entries {
		m := kind.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		fi, err := e.Info()
		require.NoError(t, err)
		at := fi.ModTime()
		if at.After(epoch.Add(time.Hour)) {
			at = epoch.Add(time.Duration(i) * time.Second)
			require.NoError(t, os.Chtimes(filepath.Join(dir, "repodata", e.Name()), at, at))
		}
		lists = append(lists, fmt.Sprintf("%s of %d", m[1], at.Unix()-epoch.Unix()))
	}
	slices.Sort(lists)
	return lists
}
