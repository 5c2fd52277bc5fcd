//go:build unix

package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
)

// oddLocations are places for packages that clients have to encode, and servers
// to decode, as they are.
var oddLocations = map[string]string{
	"chrono-0.9-3.noarch.rpm":   "a+b^c~d%2Be %/chrono+0.9^3~%41.noarch.rpm",
	"weak-1.0-1.noarch.rpm":     "ünï/weak's [1]&{2};#?.rpm",
	"unicode-1.0-13.noarch.rpm": "Packages/u/unicode-1.0-13.noarch.rpm",
}

// oddTree is testdata with some packages at odd locations.
func oddTree(t testing.TB) string {
	t.Helper()
	dir := copyTestdata(t)
	for file, location := range oddLocations {
		to := filepath.Join(dir, location)
		require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
		require.NoError(t, os.Rename(filepath.Join(dir, file), to))
	}
	return dir
}

// dnfQuestions are asked of a repository's upstream and of its mirror; the
// answers have to be the same, and hold these words.
var dnfQuestions = []struct {
	args  []string
	holds []string
}{
	{
		[]string{"repoquery", "--qf", "%{name}-%{epoch}:%{version}-%{release}.%{arch} %{location} %{downloadsize} %{installsize} %{buildtime} %{sourcerpm} %{license} %{summary} %{url} %{packager} %{vendor} %{group}"},
		[]string{"chrono-2:0.9-3.noarch", "preview-0:1.0^git20231105-1.noarch", "preview-0:1.0~rc1-1.noarch", "modular-0:1.0-1.module_el9+1+abcd1234.noarch", "hello-0:2.12-1.src"},
	},
	{[]string{"repoquery", "--qf", "%{name}: %{requires} / %{provides} / %{conflicts} / %{obsoletes} / %{recommends} / %{suggests} / %{supplements} / %{enhances}"}, []string{"(chrono if preview else weak)"}},
	{[]string{"repoquery", "--list", "*"}, []string{"/usr/bin/hello", "/usr/lib/sendmail"}},
	{[]string{"repoquery", "--changelogs", "*"}, []string{"Changelog for unicode-1.0-13.noarch"}},
	{[]string{"group", "list", "--hidden"}, []string{"Greetings", "Timekeeping", "Hidden", "Minimal Test Install"}},
	{[]string{"group", "info", "greetings"}, []string{"Mandatory Packages:\n   hello\n", "libtide"}},
	{[]string{"module", "list"}, []string{"tide 1 [d]  default [d] Tide tables as a module"}},
	{[]string{"module", "info", "tide"}, []string{"modular-0:1.0-1.module_el9+1+abcd1234.noarch"}},
}

// TestDNFReadsTheMirror has a real dnf read upstream from nginx and the mirror
// from gorepo serve, and install from the mirror.
func TestDNFReadsTheMirror(t *testing.T) {
	t.Parallel()
	needAll(t, "dnf", "nginx", "createrepo_c", "modifyrepo_c")
	tree := oddTree(t)
	makeUpstream(t, tree, "")
	up := startNginx(t, tree, "", "")
	key, err := filepath.Abs(peerTestdata + "/keys/RPM-GPG-KEY-gorepo-rsa")
	require.NoError(t, err)
	s := newSite(t, "[all]\nbaseurl="+up.url+"\n", "[signed]\nname=What is signed\nbaseurl="+up.url+"\ngpgcheck=1\ngpgkey=file://"+key+"\n")

	s.ok("sync", "all")
	o := s.run("sync", "signed")
	require.Equal(t, statusUntrusted, o.status, o.stderr)
	s.ok("createrepo", "--update")
	mirror := serveMirror(t, "--config", s.conf)

	theirs := newDNF(t, "[r]\nname=r\nbaseurl="+up.url+"\ngpgcheck=0\n")
	ours := newDNF(t, "[r]\nname=r\nbaseurl="+mirror.url+"/all\ngpgcheck=0\n")
	theirs.run("makecache")
	ours.run("makecache")
	for _, q := range dnfQuestions {
		answer := ours.run(q.args...)
		assert.Equal(t, theirs.run(q.args...), answer, "dnf %v", q.args)
		for _, words := range q.holds {
			assert.Contains(t, answer, words, "dnf %v", q.args)
		}
	}

	// One file makes a client of all repositories.
	listed := newDNF(t, get1(t, mirror.url+"/gorepo.repo")).run("repolist", "--enabled", "-q")
	for _, words := range []string{"all", "signed", "What is signed"} {
		assert.Contains(t, listed, words)
	}

	t.Run("install", func(t *testing.T) {
		installs(t, mirror, []string{"hello", "chrono", "preview", "modular", "weak", "unicode"}, []string{
			"chrono-0.9-3", "hello-2.12-1", "modular-1.0-1.module_el9+1+abcd1234", "preview-1.0^git20231105-1", "unicode-1.0-13", "weak-1.0-1",
		})
	})
	t.Run("gpgcheck", func(t *testing.T) { installsSigned(t, mirror) })
}

func installs(t *testing.T, mirror served, packages, want []string) {
	requireRoot(t)
	d := newDNF(t, get1(t, mirror.url+"/all.repo")+"gpgcheck=0\n")
	d.run("install", "hello-2.10-1")
	assert.Contains(t, d.run("updateinfo", "list"), "TEST-2023:0001 Important/Sec. hello-2.12-1.noarch")
	assert.Contains(t, d.run("updateinfo", "info"), "CVE-2023-99999")
	d.run("upgrade", "--security")
	d.run(append([]string{"install"}, packages...)...)
	assert.FileExists(t, d.root()+"/usr/bin/hello")
	assert.Subset(t, d.installed(), want)

	// As clients are by default: what is not signed is refused.
	d = newDNF(t, strings.Replace(get1(t, mirror.url+"/all.repo"), "gpgcheck=0", "gpgcheck=1", 1))
	assert.Contains(t, d.fails("install", "hello"), "not signed")
	assert.NoFileExists(t, d.root()+"/usr/bin/hello")
}

// installsSigned is about a repository of which gorepo keeps only what is signed
// with its key, and whose clients are told so.
func installsSigned(t *testing.T, mirror served) {
	repo := get1(t, mirror.url+"/signed.repo")
	assert.Contains(t, repo, "name=What is signed\n")
	assert.Contains(t, repo, "\ngpgcheck=1\n")
	assert.Contains(t, repo, "\ngpgkey="+mirror.url+"/-/keys/signed.asc\n")

	d := newDNF(t, repo)
	assert.Equal(t, []string{"signed-rsa-0:1.0-1.noarch", "signed-rsa-v3-0:1.0-1.noarch"}, strings.Fields(d.run("repoquery")), "the rest is not signed with the RSA key")
	requireRoot(t)
	d.run("install", "signed-rsa")
	assert.Subset(t, d.installed(), []string{"signed-rsa-1.0-1"})
	assert.Contains(t, strings.Join(d.installed(), " "), "gpg-pubkey-df941ec2", "dnf has imported the key that the mirror serves")
}

// installed lists what the root holds, name-version-release.
func (d *dnf) installed() []string {
	d.t.Helper()
	return strings.Fields(runTool(d.t, "rpm", "--root="+d.root(), "-qa", "--qf", "%{name}-%{version}-%{release}\n"))
}

// requireRoot ends a test that cannot install.
func requireRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		peer.Missing(t, "root", "dnf installs packages as root only")
	}
}

// get1 fetches a small text.
func get1(t testing.TB, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s: %s", url, data)
	return string(data)
}
