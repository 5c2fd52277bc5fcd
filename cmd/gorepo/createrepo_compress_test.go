package main

import (
	"os"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// suffixes are those of the files that a directory's repomd.xml names, by
// record type.
func (s *site) suffixes(dir string) map[string]string {
	s.t.Helper()
	m, _, err := s.local(dir).repomd()
	require.NoError(s.t, err)
	found := map[string]string{}
	for _, r := range m.Data {
		found[r.Type] = path.Ext(r.Location.Href)
		assert.FileExists(s.t, s.path(dir, r.Location.Href))
	}
	return found
}

// TestDirectoryCompression: which flag counts is as in createrepo_c.
func TestDirectoryCompression(t *testing.T) {
	t.Parallel()
	s := packageDir(t, hello212, chrono)
	s.write(mustRead(t, "../../testdata/comps.xml"), "base", "comps.xml")
	for _, tt := range []struct {
		args          string
		lists, extras string
	}{
		{"", ".gz", ".gz"},
		{"--general-compress-type=bz2", ".bz2", ".bz2"},
		{"--general-compress-type xz", ".xz", ".xz"},
		{"--general-compress-type zstd", ".zst", ".zst"},
		{"--general-compress-type GZ", ".gz", ".gz"},
		{"--compress-type=zstd", ".gz", ".zst"},
		{"--compress-type=bz2 --general-compress-type=xz", ".xz", ".xz"},
		{"--xz", ".gz", ".xz"},
		{"--xz --compress-type=bz2", ".gz", ".xz"},
		{"--general-compress-type=gz --xz", ".gz", ".gz"},
		{"--no-database --pretty", ".gz", ".gz"},
	} {
		args := strings.Fields(tt.args)
		s.ok(append([]string{"createrepo", s.path("base"), "-g", "comps.xml"}, args...)...)
		want := map[string]string{"primary": tt.lists, "filelists": tt.lists, "other": tt.lists, "group": tt.extras}
		assert.Equal(t, want, s.suffixes("base"), tt.args)

		// Again with the same flags there is nothing to do, and comps.xml stays.
		b := s.runJSON(append([]string{"createrepo", s.path("base"), "--update"}, args...)...)
		assert.Equal(t, "unchanged", b.Outcome, tt.args)
	}

	// With others the entries are taken over, not read again.
	s.ok("createrepo", s.path("base"), "-g", "comps.xml")
	b := s.runJSON("createrepo", s.path("base"), "--update", "--general-compress-type=zstd")
	assert.Equal(t, "complete", b.Outcome)
	assert.Equal(t, [2]int{0, 2}, [2]int{b.Read, b.Reused})
	assert.Equal(t, ".zst", s.suffixes("base")["group"])

	// The generation before it stays, the one before that goes.
	s.ok("createrepo", s.path("base"), "--update", "--general-compress-type=xz")
	s.ok("createrepo", s.path("base"), "--update", "--general-compress-type=bz2")
	count := map[string]int{}
	entries, err := os.ReadDir(s.path("base", "repodata"))
	require.NoError(t, err)
	for _, e := range entries {
		count[path.Ext(e.Name())]++
	}
	assert.Equal(t, map[string]int{".bz2": 4, ".xz": 4, ".xml": 1}, count)

	for _, flag := range []string{"--general-compress-type", "--compress-type"} {
		s.run("createrepo", s.path("base"), flag, "rar").ended(64, says("gorepo: "+flag, `unknown compression "rar": there are gz, bz2, xz, zstd (`))
		s.run("createrepo", s.path("base"), flag, "zck").ended(64, says("zck is no compression for all", "--zck makes zchunk copies"))
	}
}
