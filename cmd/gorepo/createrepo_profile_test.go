package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/createrepo"
	"gorepo/internal/testrepo"
)

// groups is the content of comps, in whichever form it is that the test reads, and
// the type of the checksums.
func (s *site) groups(id string) (content, checksum string) {
	s.t.Helper()
	m, _, err := s.local(id).repomd()
	require.NoError(s.t, err)
	for _, r := range m.Data {
		if r.Type == "group" {
			data, err := s.local(id).record(r)
			require.NoError(s.t, err)
			return string(data), r.Checksum.Type
		}
	}
	return "", ""
}

func TestCompat(t *testing.T) {
	t.Parallel()
	comps := mustRead(t, "../../testdata/comps.xml")
	for _, tt := range []struct {
		flags                   string
		lists, groups, checksum string
		databases               string // "" is none
	}{
		{"", ".gz", ".gz", "sha256", ""},
		{"--compat el5", ".gz", ".xml", "sha", ".bz2"},
		{"--compat EL6", ".gz", ".xml", "sha256", ".bz2"},
		{"--compat el7", ".gz", ".xml", "sha256", ".bz2"},
		{"--compat el8", ".gz", ".gz", "sha256", ""},
		{"--compat el9", ".zst", ".zst", "sha256", ""},
		{"--compat modern", ".zst", ".zst", "sha256", ""},
		{"--compat modern -s sha512 --compress-type xz", ".zst", ".xz", "sha512", ""},
		{"--compat el7 --general-compress-type bz2", ".bz2", ".xml", "sha256", ".bz2"},
		{"--compat el7 --no-database", ".gz", ".xml", "sha256", ""},
		{"--compatibility", ".gz", ".xml", "sha256", ".bz2"},
		{"--compatibility --general-compress-type xz", ".xz", ".xml", "sha256", ".xz"},
		{"--compatibility --compat modern", ".zst", ".xml", "sha256", ".bz2"},
	} {
		s := packageDir(t, hello212)
		s.write(comps, "base", "comps.xml")
		args := append([]string{"createrepo", s.path("base"), "--update", "-g", "comps.xml"}, strings.Fields(tt.flags)...)
		s.ok(args...)
		want := map[string]string{"primary": tt.lists, "filelists": tt.lists, "other": tt.lists, "group": tt.groups}
		if tt.databases != "" {
			want["primary_db"], want["filelists_db"], want["other_db"] = tt.databases, tt.databases, tt.databases
		}
		assert.Equal(t, want, s.suffixes("base"), tt.flags)
		content, checksum := s.groups("base")
		assert.Equal(t, tt.checksum, checksum, tt.flags)
		if tt.groups == ".gz" || tt.groups == ".xml" {
			assert.Equal(t, string(comps), content, tt.flags)
		}
		assert.Equal(t, "unchanged", s.runJSON(args...).Outcome, tt.flags)
		// From any form to any other.
		s.ok("createrepo", s.path("base"), "--update", "--compat=modern")
		s.ok("createrepo", s.path("base"), "--update", "--compat=el7")
		content, _ = s.groups("base")
		assert.Equal(t, string(comps), content, tt.flags)
		assert.Equal(t, ".xml", s.suffixes("base")["group"])
		assert.Equal(t, "unchanged", s.runJSON("createrepo", s.path("base"), "--update", "--compat=el7").Outcome)
	}
	s := packageDir(t, hello212)
	s.run("createrepo", s.path("base"), "--compat=el4").ended(64, says("el4", "el5", "modern"))
}

func TestCompatFromConfiguration(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{Comps: mustRead(t, "../../testdata/comps.xml")}, rpms(t, hello212)...)
	s := newSite(t, "compat=el7", section("a", up), section("b", up, "compat=modern"), section("c", up, "compat="))
	s.ok("sync")
	s.ok("createrepo", "--update")
	for id, want := range map[string][2]string{"a": {".gz", ".xml"}, "b": {".zst", ".zst"}, "c": {".gz", ".gz"}} {
		suffixes := s.suffixes(id)
		assert.Equal(t, want, [2]string{suffixes["primary"], suffixes["group"]}, id)
	}
	s.ok("createrepo", "--update", "--compat=el8")
	assert.Equal(t, ".gz", s.suffixes("b")["primary"], "the flag goes before the configuration")

	before := s.files("a")
	s.configure(section("a", up, "compat=el3"), section("b", up))
	s.run("createrepo").ended(2, says("a: ", "compat", "el3"))
	assert.Equal(t, before, s.files("a"))
}

// TestProfilesAreThoseOfTheConfiguration: the configuration has a list of its own.
func TestProfilesAreThoseOfTheConfiguration(t *testing.T) {
	for _, name := range []string{"el5", "el6", "el7", "el8", "el9", "modern"} {
		_, err := createrepo.ParseProfile(name)
		require.NoError(t, err)
		dir := t.TempDir()
		conf := filepath.Join(dir, "gorepo.conf")
		require.NoError(t, os.WriteFile(conf, []byte("[main]\nroot="+dir+"\n[r]\nbaseurl=http://h/\ncompat="+name+"\n"), 0o644))
		s := &site{t: t, conf: conf}
		s.run("repolist", "-q").ended(0)
	}
}
