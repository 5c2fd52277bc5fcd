package main

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/mirror"
	"gorepo/internal/testrepo"
)

var withDatabases = []string{"primary", "filelists", "other", "primary_db", "filelists_db", "other_db"}

func TestSqliterepo(t *testing.T) {
	t.Parallel()
	s, md := published(t)
	s.ok("modifyrepo", "../../testdata/updateinfo.xml", md)
	before := s.files("base", "repodata")
	s.ok("sqliterepo", s.path("base"))
	assert.Equal(t, append(withDatabases[:6:6], "updateinfo"), s.recordTypes("base"))
	assert.Regexp(t, `^[0-9a-f]{64}-primary\.sqlite\.bz2$`, s.hrefOf("primary_db"))
	m, _, err := s.local("base").repomd()
	require.NoError(t, err)
	assert.Equal(t, "seven", m.Revision)
	now := s.files("base", "repodata")
	for name, stat := range before {
		if name != "repomd.xml" {
			assert.Equal(t, stat, now[name], "the file itself is there still")
		}
	}
	assert.Len(t, now, len(before)+3)

	// Those that are there are replaced on demand only, and not by the same.
	same := s.frozen()
	s.run("sqliterepo", s.path("base")).ended(1, says("gorepo: "+s.path("base")+": the metadata has sqlite databases: --force"))
	s.ok("sqliterepo", s.path("base"), "-f")
	same()
	first := s.hrefOf("primary_db")
	s.ok("sqliterepo", s.path("base"), "--force", "--compress-type=xz", "--checksum=sha512", "--local-sqlite")
	assert.Regexp(t, `^[0-9a-f]{128}-primary\.sqlite\.xz$`, s.hrefOf("primary_db"))
	assert.Contains(t, s.files("base", "repodata"), first, "clients may still read it")
	s.ok("sqliterepo", s.path("base"), "--force", "--keep-old")
	assert.Equal(t, append(withDatabases[:6:6], "updateinfo"), s.recordTypes("base"))

	// Another list makes them go with the one they were made of.
	s.ok("modifyrepo", "../../testdata/updateinfo.xml", md, "--mdtype=other")
	assert.NotContains(t, s.recordTypes("base"), "other_db")
}

func TestSqliterepoRefuses(t *testing.T) {
	t.Parallel()
	s, md := published(t)
	empty := s.path("empty")
	require.NoError(t, os.MkdirAll(empty+"/repodata", 0o755))
	same := s.frozen()
	for _, tt := range []struct {
		status int
		args   []string
		says   []string
	}{
		{64, nil, []string{"DIR"}},
		{64, []string{empty, empty}, []string{"unexpected"}},
		{64, []string{s.path("base"), "--compress-type=rar"}, []string{"--compress-type", "rar"}},
		{64, []string{s.path("base"), "--compress-type=zck"}, []string{"--compress-type zck", "zchunk"}},
		{64, []string{s.path("base"), "--checksum=md6"}, []string{"--checksum", "md6"}},
		{1, []string{md}, []string{"is not there"}},
		{1, []string{empty}, []string{"no repomd.xml", "gorepo createrepo"}},
	} {
		s.run(append([]string{"sqliterepo"}, tt.args...)...).ended(tt.status, tt.says)
	}
	unlock, err := mirror.LockDir(context.Background(), s.path("base"), 0)
	require.NoError(t, err)
	s.run("sqliterepo", s.path("base"), "--lock-timeout", "0").ended(1, says("another gorepo"))
	require.NoError(t, unlock())
	same()

	s.write([]byte(strings.ReplaceAll(string(s.read("base", "repodata", "repomd.xml")), `"filelists"`, `"lists"`)), "lacking", "repodata", "repomd.xml")
	s.run("sqliterepo", s.path("lacking")).ended(1, says("lacks", "filelists"))

	s.write([]byte("signature"), "base", "repodata", "repomd.xml.asc")
	require.NoError(t, os.Truncate(s.path("base", "repodata", s.hrefOf("other")), 5))
	s.run("sqliterepo", s.path("base")).ended(1, says("gorepo: "+s.path("base")+": the database of other: ", "other.xml.gz"))
	assert.Equal(t, []string{"primary", "filelists", "other"}, s.recordTypes("base"))
	assert.FileExists(t, s.path("base", "repodata", "repomd.xml.asc"))
	assert.NoDirExists(t, s.path("base", ".repodata-gorepo"))
}

// In a repository of the mirror the lists are known as ours after it, too; and
// createrepo makes databases, or takes them away, as it is told.
func TestSqliterepoInMirror(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212, chrono)...)
	s := newSite(t, section("base", up))
	s.ok("sync")
	s.ok("createrepo", "--update")
	s.ok("sqliterepo", s.path("base"))
	repos, err := mirror.ReposAt(s.path("base"))
	require.NoError(t, err)
	st, warning := repos[0].State()
	require.NoError(t, warning)
	assert.Equal(t, hexOf(s.read("base", "repodata", "repomd.xml")), st.Publish.Built)

	assert.Equal(t, "unchanged", s.summary("createrepo", "--update", "--database").Outcome)
	assert.Equal(t, withDatabases, s.recordTypes("base"))
	s.ok("createrepo", "--update")
	assert.Equal(t, []string{"primary", "filelists", "other"}, s.recordTypes("base"))
	made := s.summary("createrepo", "--update", "-d")
	assert.Equal(t, [2]int{0, 2}, [2]int{made.Read, made.Packages})
	assert.Equal(t, withDatabases, s.recordTypes("base"))
	s.whole("base")

	copied := newSite(t, section("base", up, "download_metadata=1"))
	copied.ok("sync")
	copied.run("sqliterepo", copied.path("base")).ended(1, says("download_metadata"))
}

// TestDirectoryDatabases: which flag says their compression is as in createrepo_c.
func TestDirectoryDatabases(t *testing.T) {
	t.Parallel()
	s := packageDir(t, hello212, chrono)
	for args, want := range map[string][2]string{
		"":                                          {".gz", ".bz2"},
		"--general-compress-type=xz":                {".xz", ".xz"},
		"--compress-type=gz":                        {".gz", ".gz"},
		"--compress-type=bz2 --xz":                  {".gz", ".xz"},
		"--xz --general-compress-type=gz":           {".gz", ".gz"},
		"--compress-type=zstd --local-sqlite":       {".gz", ".zst"},
		"--simple-md-filenames --compress-type=bz2": {".gz", ".bz2"},
	} {
		flags := append([]string{"createrepo", s.path("base"), "--database", "--update"}, strings.Fields(args)...)
		s.ok(flags...)
		got := s.suffixes("base")
		assert.Len(t, got, 6)
		assert.Equal(t, want, [2]string{got["other"], got["other_db"]}, args)
		assert.Equal(t, "unchanged", s.runJSON(flags...).Outcome, args)
	}
	s.ok("createrepo", s.path("base"), "--update", "-d", "--no-database")
	assert.Len(t, s.suffixes("base"), 3)
}
