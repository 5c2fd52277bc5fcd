// Package peer finds the real programs that tests compare gorepo with:
// createrepo_c, dnf, nginx and so on.
//
// A test whose peer is missing skips and says what to install. With
// GOREPO_REQUIRE_PEERS=1 in the environment, which continuous integration
// sets, a missing peer fails the test instead, so that nothing is passed over
// without being seen.
package peer

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// RequireEnv names the variable that makes a missing peer an error.
const RequireEnv = "GOREPO_REQUIRE_PEERS"

// packages maps programs to the Debian package that brings them, where the
// names differ.
var packages = map[string]string{
	"systemd-socket-activate": "systemd",

	"aria2c":          "aria2",
	"createrepo_c":    "createrepo-c",
	"dumpsolv":        "libsolv-tools",
	"gpg":             "gnupg",
	"mergerepo_c":     "createrepo-c",
	"modifyrepo_c":    "createrepo-c",
	"repo2solv":       "libsolv-tools",
	"promtool":        "prometheus",
	"reposync":        "dnf-plugins-core",
	"rpmbuild":        "rpm",
	"rpmkeys":         "rpm",
	"rpmsign":         "rpm",
	"sqliterepo_c":    "createrepo-c",
	"unzck":           "zchunk",
	"xmllint":         "libxml2-utils",
	"xz":              "xz-utils",
	"zck":             "zchunk",
	"zck_gen_zdict":   "zchunk",
	"zckdl":           "zchunk",
	"zck_read_header": "zchunk",
	"unshare":         "util-linux",
	"rpmdev-vercmp":   "rpmdevtools",
}

// Need returns the path of a peer program. Where it is missing the test is
// skipped with the name of the Debian package to install, or fails when
// GOREPO_REQUIRE_PEERS is 1.
func Need(t testing.TB, program string) string {
	t.Helper()
	path, ok := Find(program)
	if ok {
		return path
	}
	Missing(t, program, "apt-get install "+debianPackage(program))
	return ""
}

// Find looks a program up in PATH and in the system directories that an
// ordinary user's PATH leaves out (nginx is in one).
func Find(program string) (path string, ok bool) {
	if path, err := exec.LookPath(program); err == nil {
		return path, true
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		path := filepath.Join(dir, program)
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return path, true
		}
	}
	return "", false
}

// Missing ends a test that lacks something other than one program (a dnf
// plugin, a kernel feature): skipped, or failed when GOREPO_REQUIRE_PEERS is
// 1. how says what would bring it.
func Missing(t testing.TB, what, how string) {
	t.Helper()
	if os.Getenv(RequireEnv) == "1" {
		t.Fatalf("%s is missing (%s), and %s=1 makes that an error", what, how, RequireEnv)
	}
	t.Skipf("%s is missing: %s", what, how)
}

func debianPackage(program string) string {
	if p := packages[program]; p != "" {
		return p
	}
	return program
}
