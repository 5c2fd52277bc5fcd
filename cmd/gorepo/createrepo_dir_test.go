package main

import (
	"maps"
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

// packageDir is the directory base of a mirror, with these packages in it, and
// nothing of gorepo.
func packageDir(t *testing.T, names ...string) *site {
	t.Helper()
	s := newSite(t)
	for _, p := range rpms(t, names...) {
		file := s.write(p.Data, "base", p.FileName())
		require.NoError(t, os.Chtimes(file, time.Time{}, time.Unix(p.FileTime, 0)))
	}
	return s
}

func TestDirectoryExcludes(t *testing.T) {
	t.Parallel()
	s := packageDir(t, hello210, hello212, chrono)
	s.write(rpms(t, weak)[0].Data, "base", "old", "weak.rpm")
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{nil, []string{chrono + ".rpm", hello210 + ".rpm", hello212 + ".rpm", "old/weak.rpm"}},
		{[]string{"-x", "hello*"}, []string{chrono + ".rpm", "old/weak.rpm"}},
		{[]string{"-x", "old/*", "--excludes", "*-2.10-*"}, []string{chrono + ".rpm", hello212 + ".rpm"}},
		{[]string{"-x", "*old*"}, []string{chrono + ".rpm", hello210 + ".rpm", hello212 + ".rpm"}},
		{[]string{"-x", "a,b"}, []string{chrono + ".rpm", hello210 + ".rpm", hello212 + ".rpm", "old/weak.rpm"}},
	} {
		s.ok(append([]string{"createrepo", s.path("base")}, tt.args...)...)
		locations, _ := s.whole("base")
		assert.Equal(t, tt.want, locations, tt.args)
	}
}

func TestDirectoryGroupFile(t *testing.T) {
	t.Parallel()
	comps := mustRead(t, "../../testdata/comps.xml")
	s := packageDir(t, hello212)
	dir := s.path("base")
	s.write(comps, "base", "comps.xml")
	elsewhere := s.write(comps, "elsewhere.xml")
	for _, file := range []string{"comps.xml", elsewhere} {
		s.ok("createrepo", dir, "-g", file)
		_, records := s.whole("base")
		assert.Equal(t, string(comps), records["group"])
	}
	s.ok("createrepo", dir, "--update")
	_, records := s.whole("base")
	assert.Equal(t, string(comps), records["group"], "it stays")
	s.write([]byte("<comps><group><id>other</id><name>Other</name></group></comps>"), "base", "comps.xml")
	s.ok("createrepo", dir, "--update", "--groupfile", "comps.xml")
	_, records = s.whole("base")
	assert.Contains(t, records["group"], "Other", "the one that is given counts")
	assert.Equal(t, []string{"primary", "filelists", "other", "group"}, s.recordTypes("base"))

	same := s.frozen()
	s.run("createrepo", dir, "-g", "none.xml").ended(1, says("gorepo: "+dir+": ", "none.xml", "no such file"))
	s.write([]byte("<comps><group>"), "base", "comps.xml")
	s.run("createrepo", dir, "-g", "comps.xml").ended(1, says("gorepo: "+dir+": ", "comps.xml"))
	same()
}

func TestDirectoryOutput(t *testing.T) {
	t.Parallel()
	s := packageDir(t, hello212)
	out := s.path("out")
	s.run("createrepo", s.path("base"), "-o", out).ended(1, says("gorepo: "+s.path("base")+": ", out))
	require.NoError(t, os.Mkdir(out, 0o755))
	s.ok("createrepo", s.path("base"), "--outputdir", out)
	assert.NoDirExists(t, s.path("base", "repodata"))
	assert.Len(t, s.files("out", "repodata"), 4)
	assert.Equal(t, []string{"primary", "filelists", "other"}, s.recordTypes("out"))
	assert.Zero(t, s.runJSON("createrepo", s.path("base"), "-o", out, "--update").Read)

	s.run("createrepo", "-o", out).ended(64, says("--outputdir"))
	s.run("createrepo", s.path("none")).ended(1, says("gorepo: "+s.path("none")+": ", "there is no such directory"))
	s.run("createrepo", "base-9").ended(1, says("gorepo: base-9: there is no such directory (for a repository of the mirror: --disablerepo='*' --enablerepo=base-9)"))
	file := s.write([]byte("x"), "file")
	s.run("createrepo", file, s.path("base")).ended(2, says("gorepo: "+file+": ", "not a directory"))
	s.whole("base")
}

// runJSON is the summary of a run on one directory.
func (s *site) runJSON(args ...string) jsonSummary {
	s.t.Helper()
	status, of := s.summaries(args...)
	require.Equal(s.t, 0, status)
	require.Len(s.t, of, 1)
	return slices.Collect(maps.Values(of))[0]
}

func TestDirectoryChecksums(t *testing.T) {
	t.Parallel()
	s := packageDir(t, hello212)
	digits := map[string]int{"sha256": 64, "sha512": 128, "sha1": 40, "sha": 40}
	for _, checksumType := range []string{"sha512", "sha1", "sha", "sha256"} {
		s.ok("createrepo", s.path("base"), "-s", checksumType)
		m, p, err := s.local("base").all()
		require.NoError(t, err)
		for _, c := range []checksum{m.Data[0].Checksum, m.Data[0].Open, p.Packages[0].Checksum} {
			assert.Equal(t, strings.Replace(checksumType, "sha1", "sha", 1), strings.Replace(c.Type, "sha1", "sha", 1))
			assert.Len(t, c.Hex, digits[checksumType])
		}
		assert.Zero(t, s.runJSON("createrepo", s.path("base"), "-s", checksumType, "--update").Read)
	}
	assert.Equal(t, 1, s.runJSON("createrepo", s.path("base"), "-s", "sha512", "--update").Read, "another type needs another reading")
	s.run("createrepo", s.path("base"), "-s", "crc32").ended(64, says("crc32"))
}

func TestDirectoryChangelogs(t *testing.T) {
	t.Parallel()
	s := packageDir(t, "unicode-1.0-13.noarch") // has 13
	for limit, want := range map[string]int{"": 10, "3": 3, "0": 0, "-1": 13, "100": 13} {
		args := []string{"createrepo", s.path("base")}
		if limit != "" {
			args = append(args, "--changelog-limit="+limit)
		}
		s.ok(args...)
		_, records := s.whole("base")
		assert.Equal(t, want, strings.Count(records["other"], "<changelog "), limit)
	}
}

// With --revision and --set-timestamp-to-revision the same packages give the
// same bytes, whatever the number of workers.
func TestDirectoryReproducible(t *testing.T) {
	t.Parallel()
	var names []string
	files, err := filepath.Glob("../../testdata/rpms/*.rpm")
	require.NoError(t, err)
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".rpm"))
	}
	require.Greater(t, len(names), 15)
	made := map[string]string{}
	for i, workers := range []string{"1", "7", "2"} {
		s := packageDir(t, names...)
		if i == 2 { // another way to the same end
			s.ok("createrepo", s.path("base"))
		}
		s.ok("createrepo", s.path("base"), "--workers", workers, "--revision", "1600000000", "--set-timestamp-to-revision")
		m, _, err := s.local("base").repomd()
		require.NoError(t, err)
		assert.Equal(t, "1600000000", m.Revision)
		for _, r := range append(m.Data, record{}) {
			name := filepath.Base(r.Location.Href)
			if r.Type == "" {
				name = "repomd.xml"
			} else {
				assert.EqualValues(t, 1_600_000_000, r.Timestamp)
			}
			assert.Equal(t, int64(1_600_000_000)*1e9, statOf(t, s.path("base", "repodata", name)).mtime)
			sum := hexOf(s.read("base", "repodata", name))
			if i > 0 {
				assert.Equal(t, made[name], sum, name)
			}
			made[name] = sum
		}
	}
	assert.Len(t, made, 4)
	s := packageDir(t, hello212)
	s.run("createrepo", s.path("base"), "--set-timestamp-to-revision").ended(64, says("--set-timestamp-to-revision", "--revision"))
	s.run("createrepo", s.path("base"), "--set-timestamp-to-revision", "--revision", "r1").ended(1, says(`"r1"`))
	s.ok("createrepo", s.path("base"), "--revision", "r1 & <more>")
	m, _, err := s.local("base").repomd()
	require.NoError(t, err)
	assert.Equal(t, "r1 & <more>", m.Revision)
}

func TestDirectorySimpleNames(t *testing.T) {
	t.Parallel()
	s := packageDir(t, hello212)
	names := func() []string { return slices.Sorted(maps.Keys(s.files("base", "repodata"))) }
	simple := []string{"filelists.xml.gz", "other.xml.gz", "primary.xml.gz", "repomd.xml"}
	s.ok("createrepo", s.path("base"), "--simple-md-filenames")
	assert.Equal(t, simple, names())
	s.ok("createrepo", s.path("base"), "--update", "--simple-md-filenames")
	s.write(rpms(t, chrono)[0].Data, "base", "chrono.rpm")
	s.ok("createrepo", s.path("base"), "--update", "--simple-md-filenames")
	assert.Equal(t, simple, names())
	locations, _ := s.whole("base")
	assert.Len(t, locations, 2)
	s.ok("createrepo", s.path("base"), "--update", "--unique-md-filenames")
	m, _, err := s.local("base").repomd()
	require.NoError(t, err)
	for _, r := range m.Data {
		assert.Regexp(t, regexp.MustCompile(`^repodata/[0-9a-f]{64}-`+r.Type+`\.xml\.gz$`), r.Location.Href)
	}
	s.ok("createrepo", s.path("base"), "--simple-md-filenames", "--unique-md-filenames")
	m, _, err = s.local("base").repomd()
	require.NoError(t, err)
	assert.Equal(t, "repodata/primary.xml.gz", m.Data[0].Location.Href, "as with createrepo_c")
}

// --update: nothing changed is nothing rewritten; a change costs what changed.
func TestDirectoryUpdate(t *testing.T) {
	t.Parallel()
	s := packageDir(t, hello212, chrono, weak)
	dir := s.path("base")
	assert.Equal(t, 3, s.runJSON("createrepo", dir, "--update").Read)
	before := s.files("base")
	again := s.runJSON("createrepo", dir, "--update")
	assert.Equal(t, "unchanged", again.Outcome)
	assert.Equal(t, before, s.files("base"))
	s.write(rpms(t, rich)[0].Data, "base", "rich.rpm")
	require.NoError(t, os.Remove(s.path("base", chrono+".rpm")))
	made := s.runJSON("createrepo", dir, "--update")
	assert.Equal(t, [3]int{1, 2, 3}, [3]int{made.Read, made.Reused, made.Packages})
	locations, _ := s.whole("base")
	assert.Equal(t, []string{hello212 + ".rpm", "rich.rpm", weak + ".rpm"}, locations)
	// Without --update all is read, and made anew.
	now := s.files("base", "repodata")
	assert.Equal(t, 3, s.runJSON("createrepo", dir).Read)
	assert.NotEqual(t, now, s.files("base", "repodata"))
	assert.NoDirExists(t, s.path(".gorepo"), "a plain directory is a plain directory")
}

// An empty directory is a repository without packages.
func TestDirectoryEmpty(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	require.NoError(t, os.MkdirAll(s.path("base"), 0o755))
	s.ok("createrepo", s.path("base"))
	locations, _ := s.whole("base")
	assert.Empty(t, locations)
	s.ok("createrepo", s.path("base"), "--update", "-q")
	assert.Contains(t, s.run("createrepo", s.path("base"), "-v").stderr, "createrepo complete")
}
