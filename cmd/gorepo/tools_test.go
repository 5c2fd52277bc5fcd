package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// runAs runs the program under another name, without a configuration.
func (s *site) runAs(name string, args ...string) outcome {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(context.Background(), process{
		name: name, args: args, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr,
		environ: []string{"PATH=/usr/bin:/bin", "TZ=UTC"},
	})
	return outcome{s.t, append([]string{name}, args...), status, stdout.String(), stderr.String()}
}

func TestModifyrepoAndOtherToolsByName(t *testing.T) {
	t.Parallel()
	for _, names := range [][2]string{{"createrepo_c", "modifyrepo_c"}, {"/usr/bin/createrepo", "./modifyrepo"}} {
		create, modify := names[0], names[1]
		s := packageDir(t, hello212)
		s.runAs(create, s.path("base"), "--update", "--no-database", "-q").ended(0)
		s.runAs(modify, "../../testdata/updateinfo.xml", s.path("base", "repodata")).ended(0)
		s.runAs(modify, "--mdtype=modules", "../../testdata/modules.yaml", s.path("base", "repodata")).ended(0)
		s.runAs(modify, "--remove", "updateinfo", s.path("base", "repodata")).ended(0)
		assert.Equal(t, []string{"primary", "filelists", "other", "modules"}, s.recordTypes("base"))

		s.runAs(create).ended(1, says("gorepo: "+filepath.Base(create)+" needs a directory"))
		s.runAs(create, "--update").ended(1, says("needs a directory"))
		s.runAs(create, "--no-such-flag", s.path("base")).ended(1, says("unknown flag --no-such-flag", "gorepo createrepo --help"))
		s.runAs(create, s.path("none")).ended(1, says("none", "no such directory"))
		s.runAs(modify).ended(1, says("gorepo modifyrepo --help"))
		s.runAs(modify, "--zck-dict-dir", "b", "a", s.path("base", "repodata")).ended(1, says("--zck-dict-dir needs --zck"))
		s.runAs(modify, "a").ended(1, says("two arguments"))
		assert.Contains(t, s.runAs(create, "--help").stdout, "--retain-old-md")
		for _, tool := range []string{create, modify} {
			for _, flag := range []string{"-V", "--version"} {
				assert.Regexp(t, `^Version: \d+\.\d+\.\d+ \(Features: gorepo .* \)\n$`, s.runAs(tool, "-q", flag).stdout)
			}
		}
		quiet := s.runAs(create, "-q", "-v", s.path("base"))
		quiet.ended(0)
		assert.Empty(t, quiet.stdout, "as with the tool, -q counts")
		// A verb is no verb there.
		s.runAs(modify, "sync").ended(1, says("two arguments"))
	}
	s := packageDir(t, hello212)
	assert.Regexp(t, `^gorepo [^\n]+\ncreaterepo takes the place of createrepo_c \d[^\n]+\n$`, s.runAs("gorepo", "createrepo", "-V").stdout)
	assert.Regexp(t, `^gorepo [^\n]+\n$`, s.runAs("gorepo", "sync", "--version").stdout)
	s.runAs("createrepo_c", s.path("base"), "-d", "-q").ended(0)
	for _, sqlite := range []string{"sqliterepo_c", "/usr/bin/sqliterepo"} {
		s.runAs(sqlite, s.path("base")).ended(1, says("--force"))
		s.runAs(sqlite, "-q", "-f", "--xz", s.path("base")).ended(0)
		s.runAs(sqlite).ended(1, says("gorepo sqliterepo --help"))
		assert.Contains(t, s.runAs(sqlite, "--version").stdout, "gorepo ")
	}
	assert.Equal(t, withDatabases, s.recordTypes("base"))
	assert.Regexp(t, `^gorepo [^\n]+\n$`, s.runAs("reposync", "--version").stdout)
	s.runAs("/opt/bin/gorepo-1.0", "modifyrepo").ended(64, says("gorepo modifyrepo --help"))
}

// A symbolic link to the binary is enough: its name is what the program sees.
func TestModifyrepoNameIsArgv0(t *testing.T) {
	assert.Equal(t, os.Args[0], ownProcess().name)
}
