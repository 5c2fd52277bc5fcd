package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// reposync runs the program under that name, with the configuration of a host in
// one file.
func (s *site) reposync(args ...string) outcome {
	s.t.Helper()
	return s.runAs("/usr/bin/reposync", append([]string{"-c", s.conf}, args...)...)
}

// scriptLines are command lines out of scripts for yum-utils', dnf 4's and dnf 5's
// reposync, behind the name of the program; DIR is the mirror, CONF the configuration.
var scriptLines = []string{
	"-c CONF -p DIR -r base -n -m --download-metadata",
	"--config=CONF --repoid=base --download_path=DIR --newest-only --downloadcomps --download-metadata --plugins",
	"-c CONF -q -l -n -d -m --download-metadata -r base -p DIR -t",
	"--config CONF --newest-only --delete --cachedir /nonexistent --downloadcomps --download-metadata --download_path DIR --repoid base",
	"-c CONF --repo base -p DIR -n -m --download-metadata -y --refresh -C --noplugins --disableplugin=* -R 5 --color=never --nobest --skip-broken",
	"-c CONF --repo=base --destdir=DIR --newest-only -m --download-metadata --assumeyes --no-plugins --no-best --comment=a,b -4",
	"-c CONF --enablerepo=base --downloaddir DIR -nm --download-metadata",
	"-c CONF --disablerepo=* --enable-repo base -p DIR -nm --download-metadata",
}

func TestReposyncByName(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{Comps: []byte("<comps/>\n")}, rpms(t, hello210, hello212, chrono)...)
	want := newSite(t, section("base", up))
	leftOut := says("clients will not find them") // of the older packages
	want.run("sync", "-n", "-m", "--download-metadata", "base").ended(0, leftOut)
	require.NotEmpty(t, want.packages("base"))
	for _, line := range scriptLines {
		s := newSite(t, section("base", up, "enabled=0"), section("other", up, "enabled=0"))
		line = strings.NewReplacer("CONF", s.conf, "DIR", s.root).Replace(line)
		o := s.runAs("reposync", strings.Fields(line)...)
		if strings.Contains(line, "-q") {
			o.ended(0)
		} else {
			o.ended(0, leftOut)
		}
		assert.Empty(t, o.stdout, line)
		assert.Equal(t, want.packages("base"), s.packages("base"), line)
		assert.Equal(t, want.read("base", "comps.xml"), s.read("base", "comps.xml"), line)
		assert.Equal(t, want.read("base", "repodata", "repomd.xml"), s.read("base", "repodata", "repomd.xml"), line)
		assert.NoDirExists(t, s.path("other"), line)
	}
}

// Without a place it is the current directory, which the test must not change
// for others: it does not run in parallel.
func TestReposyncIntoCurrentDirectory(t *testing.T) {
	up := testrepo.New(t, testrepo.Options{}, rpms(t, chrono)...)
	s := newSite(t, section("base", up))
	dir := t.TempDir()
	t.Chdir(dir)
	s.reposync().ended(0)
	assert.FileExists(t, filepath.Join(dir, "base", up.Packages()[0].Href()))
	assert.NoDirExists(t, s.root)
}

// gpgcheck of the files is for who installs: reposync checks with -g only. gorepo
// sync checks by itself.
func TestReposyncGPGCheck(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, signed, chrono)...)
	key, err := filepath.Abs("../../testdata/keys/RPM-GPG-KEY-gorepo-rsa")
	require.NoError(t, err)
	s := newSite(t, section("base", up, "gpgcheck=1", "gpgkey="+key), section("keyless", up, "gpgcheck=1"),
		section("off", up, "gpgcheck=0"), section("unsaid", up, "gpgkey="+key))
	s.reposync("-p", s.path("tool"), "-r", "base,keyless").ended(0)
	assert.Len(t, s.packages("tool/base"), 2)
	assert.Len(t, s.packages("tool/keyless"), 2)

	s.reposync("-p", s.path("tool-g"), "-g", "-r", "base").ended(1, says("base", "chrono", "not signed"))
	assert.Len(t, s.packages("tool-g/base"), 1)
	s.reposync("-p", s.path("tool-g"), "-g", "-r", "off").ended(0)
	s.reposync("-p", s.path("tool-g"), "-g", "-r", "unsaid").ended(1, says("unsaid", "chrono", "not signed"))
	s.reposync("-p", s.path("tool-g"), "-g", "-r", "keyless").ended(1, says("keyless", "without a gpgkey"))

	assert.Equal(t, statusUntrusted, s.run("sync", "base").status)
	assert.Equal(t, statusOK, s.run("sync", "unsaid").status)
	assert.Equal(t, statusUntrusted, s.run("sync", "-g", "unsaid").status)
	assert.Equal(t, statusFailed, s.run("sync", "keyless").status)
	assert.Equal(t, statusOK, s.run("sync", "--nogpgcheck", "keyless", "base").status)
	s.run("sync", "-g", "--nogpgcheck").ended(statusUsage, says("can't be used together"))
}

func TestReposyncRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t, "[base]\nbaseurl="+t.TempDir()+"\n")
	for line, want := range map[string]string{
		"--installroot=/x":              "--installroot is not supported",
		"--allow-path-traversal":        "--allow-path-traversal is not supported",
		"-r base --disablerepo=base":    "--disablerepo does not go with the id",
		"-r nope":                       `unknown repository "nope"`,
		"--enablerepo nope":             `unknown repository "nope"`,
		"-d 2":                          `unknown repository "2"`, // dnf's -d, a level
		"--repofrompath base,/x":        "there is a repository of this id",
		"--norepopath -r base -r other": "unknown repository",
		"--no-such-flag":                "unknown flag --no-such-flag",
		"-4 -6":                         "can't be used together",
		"--setopt timeout=soon":         "timeout",
	} {
		s.reposync(append(strings.Fields(line), "-p", s.root)...).ended(1, says(want))
	}
	assert.NoDirExists(t, s.root)
}

func TestRepositoryFlags(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, chrono)...)
	src := testrepo.New(t, testrepo.Options{}, rpms(t, helloSrc)...)
	s := newSite(t, section("base", up, "releasever=8"), section("more", up, "enabled=0"), section("base-source", src, "enabled=0"))

	s.ok("-y", "--disablerepo=*", "--repofrompath", "path,"+up.URL, "sync", "--refresh")
	assert.Len(t, s.packages("path"), 1)
	assert.NoDirExists(t, s.path("base"))
	s.ok("createrepo", "--disablerepo=*", "--repofrompath", "path,"+up.URL)
	assert.FileExists(t, s.path("path", "repodata", "repomd.xml"))
	assert.NoDirExists(t, s.path("base"))
	s.run("createrepo", "--releasever=8", s.path("path")).ended(statusUsage, says("do not go with DIR"))

	s.ok("sync", "--source", "base")
	assert.Empty(t, s.packages("base"))
	assert.Len(t, s.packages("base-source"), 1, "it is disabled, and has base's sources")

	o := s.run("repolist", "--enablerepo", "more", "--releasever", "9", "--json")
	assert.Equal(t, 2, strings.Count(o.stdout, `"releasever":"9"`), o.stdout)
	o = s.run("repolist", "--repo", "more")
	assert.NotContains(t, o.stdout, "base")
	assert.Contains(t, o.stdout, "more")
}

// A script that has a directory for each repository deletes in it, whatever else
// the host is subscribed to; not in one for several.
func TestReposyncDeletesInOwnDirectory(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, chrono, hello212)...)
	s := newSite(t, section("base", up), section("more", up))
	script := []string{"-r", "base", "-p", s.path("one"), "--norepopath", "--delete"}
	s.reposync(script...).ended(0)
	require.Equal(t, 1, up.Remove(up.Packages()[0].Href()))
	up.Render()
	s.reposync(append(script, "--setopt=max_delete=90%")...).ended(0)
	assert.Len(t, s.packages("one"), 1)
	s.reposync("-r", "more", "-p", s.path("one"), "--norepopath").ended(0)
	s.reposync(script...).ended(1, says("would remove the packages of the other repositories"))
}

// What a broken file is not about is not touched by it.
func TestNamedRepositoryBesideBrokenFile(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, chrono)...)
	s := newSite(t, section("base", up))
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "repos.d", "broken.repo"), []byte("[x]\nhm\n"), 0o644))
	s.run("sync", "base").ended(statusOK, says("broken.repo:2"))
	s.run("sync").ended(statusPartial, says("broken.repo:2"))
}

// Without -c it is the host's own files that reposync reads; here there may be any,
// so only the help is asked.
func TestReposyncHelp(t *testing.T) {
	var stdout, stderr bytes.Buffer
	status := run(context.Background(), process{name: "reposync", args: []string{"--help"}, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr})
	assert.Zero(t, status)
	for _, flag := range []string{"-p, --download-path", "-n, --newest-only", "-d, --delete", "--repofrompath", "-g, --gpgcheck"} {
		assert.Contains(t, stdout.String(), flag)
	}
}
