//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
)

// A chosen repository is what both programs say of it.
type chosen struct{ enabled, baseurl, timeout string }

// dumped reads what dnf config-manager --dump says.
func dumped(t *testing.T, text string) map[string]chosen {
	t.Helper()
	all := map[string]chosen{}
	id := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			id = strings.Trim(line, "[]")
		}
		key, value, _ := strings.Cut(line, " = ")
		c := all[id]
		switch key {
		case "enabled":
			c.enabled = value
		case "baseurl":
			c.baseurl = value
		case "timeout":
			c.timeout = value
		default:
			continue
		}
		all[id] = c
	}
	delete(all, "_dnf_local") // a plugin's
	require.NotEmpty(t, all, text)
	return all
}

// TestRepositoryFlagsLikeDNF gives both programs the same files and flags: the same
// repositories are enabled, at the same URLs, with the same setting. What one
// refuses, the other does too.
func TestRepositoryFlagsLikeDNF(t *testing.T) {
	t.Parallel()
	peer.Need(t, "dnf")
	if found, err := filepath.Glob("/usr/lib/python3*/*-packages/dnf-plugins/config_manager.py"); err != nil || len(found) == 0 {
		peer.Missing(t, "dnf config-manager", "apt-get install dnf-plugins-core")
	}
	const repos = `[a]
name=a
baseurl=http://h/a/$releasever/$basearch
timeout=20
[ab]
name=ab
baseurl=http://h/ab
enabled=0
[a.b]
name=a.b
baseurl=http://h/a.b
enabled=0
[b-source]
name=b
baseurl=http://h/b http://h/b2
enabled=0
`
	their := newDNF(t, repos)
	s := newSite(t, repos)
	for _, flags := range [][]string{
		nil,
		{"--enablerepo=ab"},
		{"--enablerepo", "ab,a.b"},
		{"--enablerepo=ab a.b"},
		{"--disablerepo=*", "--enablerepo=a?"},
		{"--enablerepo=a?", "--disablerepo=*"},
		{"--disablerepo=*", "--enablerepo=a[!x]*", "--disablerepo=ab"},
		{"--disablerepo=nothing"},
		{"--enablerepo=nothing"},
		{"--enablerepo=nothing*"},
		{"--enablerepo=A"},
		{"--repofrompath=x,http://x/$releasever/"},
		{"--repofrompath=x,http://one/", "--repofrompath=x,http://two/"},
		{"--repofrompath=x,/tmp/x y", "--repofrompath=y,file:///tmp/y", "--disablerepo=*"},
		{"--repofrompath=x"},
		{"--repofrompath=x,"},
		{"--repofrompath=a,http://x/"},
		{"--repofrompath=a b,http://x/"},
		{"--setopt=timeout=7"},
		{"--setopt=a.timeout=7"},
		{"--setopt=a.timeout=7", "--setopt=a.timeout=8"},
		{"--setopt=a*.timeout=1m", "--setopt=timeout=9"},
		{"--setopt=*.enabled=1"},
		{"--setopt=[ab].enabled=1"},
		{"--setopt=a.b.enabled=1"},
		{"--setopt=*.enabled=1", "--disablerepo=a.b"},
		{"--setopt=ab.baseurl=http://new/"},
		{"--setopt=nothing=1", "--setopt=a.nothing=1"},
		{"--setopt=timeout=soon"},
		{"--setopt=x.timeout=3", "--repofrompath=x,http://x/"},
		{"--releasever=10.1"},
		{"--forcearch=aarch64"},
	} {
		ours := append([]string{"repolist", "--all", "--json", "--releasever=9", "--forcearch=x86_64"}, flags...)
		o := s.run(ours...)
		theirs, stderr, err := runToolEnds(t, "dnf", their.args(append([]string{
			"--setopt=plugins=1", "--disableplugin=*", "--enableplugin=config_manager", "config-manager", "--dump", "*",
		}, flags...))...)
		if err != nil {
			assert.NotEqual(t, statusOK, o.status, "%v: dnf refuses: %s%s", flags, theirs, stderr)
			t.Logf("%v: both refuse: %s", flags, strings.TrimSpace(o.stdout+o.stderr))
			continue
		}
		require.Equal(t, statusOK, o.status, "%v\n%s", flags, o.stdout)
		got := map[string]chosen{}
		for line := range strings.Lines(o.stdout) {
			var r repositoryObject
			require.NoError(t, json.Unmarshal([]byte(line), &r))
			if r.Event != "repository" {
				continue
			}
			c := chosen{enabled: map[bool]string{true: "1", false: "0"}[r.Enabled], baseurl: strings.Join(r.BaseURL, ", "), timeout: "30"}
			for _, set := range r.Settings {
				if set.Key == "timeout" {
					c.timeout = strings.Replace(set.Value, "1m", "60", 1)
				}
			}
			got[r.ID] = c
		}
		want := dumped(t, theirs)
		for id, c := range want { // our words for a directory are a path, or what a URL needs
			c.baseurl = strings.ReplaceAll(c.baseurl, " y", "%20y")
			want[id] = c
		}
		assert.Equal(t, want, got, "%v", flags)
	}
}

// runIn runs a program in a directory; it has to succeed.
func runIn(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC", "HOME=/nonexistent", "PYTHONDONTWRITEBYTECODE=1"}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %v\n%s", program, args, out)
}

// TestReposyncByNameBesideDNF runs one script, with the one program and with the
// other, into directories of their own, and then gorepo into dnf's: one tree.
func TestReposyncByNameBesideDNF(t *testing.T) {
	t.Parallel()
	requireReposync(t)
	needAll(t, "nginx", "createrepo_c", "modifyrepo_c")
	tree := modularTree(t)
	modules := putFile(t, streamModules, t.TempDir(), "modules.yaml")
	makeUpstream(t, tree, modules)
	up := startNginx(t, tree, "", "")
	exe, err := os.Executable()
	require.NoError(t, err)
	binary := filepath.Join(t.TempDir(), "reposync") // as which TestMain lets it be the program
	require.NoError(t, os.Symlink(exe, binary))
	table := []string{"arguments, with packages"}
	for _, args := range [][]string{
		{"-r", "r", "-n", "-m", "--download-metadata"},
		{"--repoid=r", "--newest-only", "--delete", "--downloadcomps"},
		{"--repo", "r", "-a", "noarch", "-a", "x86_64", "--remote-time", "-m", "--metadata-path", "meta"},
		{"--repo=r", "--norepopath", "--destdir", "."},
		{"--disablerepo=*", "--enablerepo=r", "-g"},
		{"--repofrompath=path," + up.url, "--repo=path", "--source"},
		{"-r", "r", "--source"},
		{"-r", "r", "-y", "-4", "--refresh", "--setopt=r.retries=2", "--setopt=*.keepcache=1", "--nobest"},
	} {
		their := newDNF(t, "[r]\nname=r\nbaseurl="+up.url+"\ngpgcheck=0\n[r-source]\nname=s\nenabled=0\nbaseurl="+up.url+"\n")
		ours, theirs := t.TempDir(), t.TempDir()
		dnfArgs := slices.Clone(args)
		if args[0] == "-r" { // yum-utils' word, which dnf has lost
			dnfArgs[0] = "--repo"
		}
		runIn(t, theirs, "dnf", append(their.args([]string{
			"--setopt=plugins=1", "--disableplugin=*", "--enableplugin=reposync", "reposync",
		}), dnfArgs...)...)
		script := append([]string{"-c", their.conf, "--releasever=9", "--forcearch=x86_64"}, args...)
		runIn(t, ours, binary, script...)
		want := listTree(t, theirs)
		require.NotEmpty(t, want, args)
		assert.Equal(t, want, listTree(t, ours), "%v: what dnf reposync has, and what reposync has", args)

		runIn(t, theirs, binary, script...)
		assert.Equal(t, want, listTree(t, theirs), "%v: gorepo goes on in dnf's tree", args)
		packages := 0
		for file := range want {
			if strings.HasSuffix(file, ".rpm") {
				packages++
			}
		}
		table = append(table, fmt.Sprintf("%6d %s", packages, strings.Join(args, " ")))
	}
	t.Logf("under the name reposync:\n%s", strings.Join(table, "\n"))
}
