//go:build unix

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestTrimmedForDNF: dnf and libsolv read what is left of groups, modules and
// advisories after a selection, and see what is there and nothing else.
func TestTrimmedForDNF(t *testing.T) {
	t.Parallel()
	needAll(t, "dnf", "createrepo_c", "modifyrepo_c", "repo2solv", "dumpsolv")
	tree := modularTree(t)
	makeUpstream(t, tree, putFile(t, streamModules+string(mustRead(t, "../../testdata/modules.yaml")), t.TempDir(), "modules.yaml"))
	// Its own advisory, and one of a version that newest-only leaves out.
	updates := strings.Replace(string(mustRead(t, "../../testdata/updateinfo.xml")), "</updates>",
		advisory("OLD-1", "security", "hello 0 2.10 1 noarch")+advisory("GONE-1", "security", "weak 0 1.0 1 noarch")+"</updates>", 1)
	runTool(t, "modifyrepo_c", "--mdtype=updateinfo", putFile(t, updates, t.TempDir(), "updateinfo.xml"), tree+"/repodata")
	// The client has the first hello, and weak.
	var installed []string
	for _, name := range []string{hello210, weak} {
		file, err := filepath.Abs(peerTestdata + "/rpms/" + name + ".rpm")
		require.NoError(t, err)
		installed = append(installed, file)
	}
	var s *site
	var d *dnf
	see := func(args ...string) (groups, modules, updates, info string) {
		t.Helper()
		s = newSite(t, "[r]\nbaseurl="+tree+"\n")
		s.ok(append([]string{"sync", "r"}, args...)...)
		s.ok("createrepo", "--update")
		d = newDNF(t, "[r]\nbaseurl=file://"+s.path("r")+"\ngpgcheck=0\n")
		d.run(append([]string{"install", "--disablerepo=*", "--setopt=tsflags=justdb"}, installed...)...)
		return d.run("group", "list", "--hidden", "-v"), d.run("module", "list"), d.run("updateinfo", "list", "--all"), d.run("group", "info", "greetings")
	}
	groups, modules, updates, info := see()
	for _, name := range []string{"Minimal Test Install", "Greetings", "Timekeeping", "Hidden"} {
		assert.Contains(t, groups, name)
	}
	assert.Contains(t, modules, "tide")
	assert.Contains(t, modules, "mod ")
	assert.Contains(t, info, "weak")
	assert.Contains(t, updates, "GONE-1")

	groups, modules, updates, info = see("-n", "--excludepkgs", "chrono,libtide,provider,weak,modular,mod-b")
	assert.Contains(t, groups, "Minimal Test Install")
	assert.Contains(t, groups, "Greetings")
	assert.NotContains(t, groups, "Timekeeping")
	assert.Contains(t, groups, "Hidden", "its package is one of other repositories")
	assert.Contains(t, info, "hello")
	assert.NotContains(t, info, "weak")
	assert.NotContains(t, modules, "tide")
	assert.Contains(t, modules, "mod ")
	assert.NotContains(t, updates, "GONE-1")
	for _, line := range solvables(t, s.path("r")) {
		assert.NotContains(t, line, "solvable:name: weak\n")
		assert.NotContains(t, line, "solvable:name: mod-b\n")
	}
	// Of the module only the newest version is left, with the one package of it.
	yaml := s.records("r")["modules"]
	assert.Equal(t, 1, strings.Count(yaml, "document: modulemd\n"), yaml)
	assert.Contains(t, yaml, "mod-a-0:2-1.noarch")
	assert.NotContains(t, yaml, "mod-b")
	assert.NotContains(t, yaml, "modulemd-defaults")
	assert.Contains(t, yaml, `stream: "1"`)

	// The newest hello is a security fix for a client that has the first, and
	// that one was, which is not there any more.
	assert.Contains(t, updates, "TEST-2023:0001")
	assert.Contains(t, updates, "OLD-1")
	out, stderr, err := runToolEnds(t, "dnf", d.args([]string{"upgrade", "--security", "--assumeno"})[1:]...)
	require.Error(t, err, "it is only asked")
	assert.Regexp(t, `hello +noarch +2\.12-1`, out, stderr)

	// Without modules, or without anything, dnf still reads what is there.
	groups, modules, updates, _ = see("-x", "mod*", "-x", "hello")
	assert.Empty(t, strings.TrimSpace(modules))
	assert.Contains(t, groups, "Greetings")
	assert.NotContains(t, updates, "TEST-2023:0001")
}
