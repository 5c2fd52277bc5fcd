//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
)

// gnupg is a GnuPG with nothing but its own keyring.
type gnupg struct {
	t    testing.TB
	home string
}

func newGnuPG(t testing.TB) *gnupg {
	t.Helper()
	peer.Need(t, "gpg")
	home, err := os.MkdirTemp("", "gpg") // a short path: its agent's socket is in there
	require.NoError(t, err)
	g := &gnupg{t, home}
	t.Cleanup(func() {
		_, _ = g.try("", "gpgconf", "--kill", "all")
		_ = os.RemoveAll(home)
	})
	return g
}

func (g *gnupg) environ() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "GNUPGHOME=" + g.home, "LC_ALL=C.UTF-8", "TZ=UTC"}
}

func (g *gnupg) try(input, program string, args ...string) (string, error) {
	cmd := exec.Command(program, args...)
	cmd.Env = g.environ()
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (g *gnupg) gpg(args ...string) string {
	g.t.Helper()
	out, err := g.try("", "gpg", append([]string{"--batch", "--yes"}, args...)...)
	require.NoError(g.t, err, "%v: %s", args, out)
	return out
}

// newKey makes a key, and returns its fingerprint.
func (g *gnupg) newKey(name, passphrase, algorithm, usage, expires string) string {
	g.t.Helper()
	g.gpg("--pinentry-mode=loopback", "--passphrase", passphrase, "--faked-system-time=1704067200!", "--quick-gen-key", name, algorithm, usage, expires)
	return g.fingerprint(name)
}

func (g *gnupg) fingerprint(name string) string {
	g.t.Helper()
	for line := range strings.Lines(g.gpg("--with-colons", "--list-keys", name)) {
		if fields := strings.Split(line, ":"); fields[0] == "fpr" {
			return fields[9]
		}
	}
	g.t.Fatal("gpg shows no fingerprint of", name)
	return ""
}

// run runs gorepo with this GnuPG.
func (g *gnupg) run(environ []string, args ...string) outcome {
	g.t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(context.Background(), process{
		args: args, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, environ: append(g.environ(), environ...),
	})
	return outcome{g.t, args, status, stdout.String(), stderr.String()}
}

// TestClientsTakeTheSignature signs in every way, and has gpg and dnf check it.
func TestClientsTakeTheSignature(t *testing.T) {
	t.Parallel()
	needAll(t, "dnf", "gpg")
	g := newGnuPG(t)
	rsa := g.newKey("rsa@example.invalid", "", "rsa2048", "cert", "never")
	g.gpg("--pinentry-mode=loopback", "--passphrase", "", "--faked-system-time=1704067200!", "--quick-add-key", rsa, "rsa2048", "sign", "never")
	g.gpg("--pinentry-mode=loopback", "--passphrase", "", "--faked-system-time=1704067200!", "--quick-add-key", rsa, "rsa2048", "encrypt", "never")
	exported := putFile(t, g.gpg("--armor", "--export-secret-keys", rsa), t.TempDir(), "key.asc")
	subkey := putFile(t, g.gpg("--armor", "--export-secret-subkeys", rsa), t.TempDir(), "sub.asc")
	g.newKey("p384@example.invalid", "", "nistp384", "sign", "never")
	ecdsa := putFile(t, g.gpg("--export-secret-keys", "p384@example.invalid"), t.TempDir(), "key.bin")
	g.newKey("locked@example.invalid", "open sesame", "ed25519", "sign", "never")
	passphrase := putFile(t, "open sesame\n", t.TempDir(), "passphrase")
	for _, tt := range []struct {
		name         string
		args         string
		reproducible bool
	}{
		{"RSA", "--sign-key " + rsaSecret, true},
		{"Ed25519", "--sign-key " + ed25519Secret, true},
		{"passphrase", "--sign-key ../../testdata/keys/locked.sec --sign-passphrase-file " + passphrase, true},
		{"RSA subkey", "--sign-key " + exported, true},
		{"only the subkey", "--sign-key " + subkey, true},
		{"P-384", "--sign-key " + ecdsa, false},
		{"gpg RSA subkey", "--sign-with gpg:" + rsa, true},
		{"gpg by name", "--sign-with gpg:p384@example.invalid", false},
		{"gpg Ed25519 passphrase", "--sign-with gpg:locked@example.invalid --sign-passphrase-file " + passphrase, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := &gnupg{t, g.home}
			dir := t.TempDir()
			copyPackage(t, peerTestdata+"/rpms/weak-1.0-1.noarch.rpm", dir, "weak.rpm")
			args := append([]string{"createrepo", dir, "--revision=1000000000", "--set-timestamp-to-revision"}, strings.Fields(tt.args)...)
			g.run(nil, args...).ended(0)
			repomd := filepath.Join(dir, "repodata", "repomd.xml")
			first := mustRead(t, repomd+".asc")
			g.run(nil, args...).ended(0)
			if tt.reproducible {
				assert.Equal(t, string(first), string(mustRead(t, repomd+".asc")))
			}

			client := newGnuPG(t)
			client.gpg("--import", repomd+".key")
			said := client.gpg("--status-fd=1", "--verify", repomd+".asc", repomd)
			assert.Contains(t, said, "GOODSIG")
			assert.Contains(t, said, "VALIDSIG")
			assert.Contains(t, said, " 2024-01-01 1704067200 ", "no older than the key")

			repo := "[r]\nname=r\nbaseurl=file://" + dir + "\ngpgcheck=0\nrepo_gpgcheck=1\ngpgkey=file://" + repomd + ".key\n"
			assert.Contains(t, newDNF(t, repo).run("repoquery"), "weak-0:1.0-1.noarch")

			// What is changed behind the signature's back is refused.
			text := strings.Replace(string(mustRead(t, repomd)), "<revision>1000000000", "<revision>1000000001", 1)
			require.NoError(t, os.WriteFile(repomd, []byte(text), 0o644))
			if strings.Contains(tt.name, "RSA") { // how it is made makes no difference
				assert.Contains(t, newDNF(t, repo).fails("repoquery"), "repomd.xml GPG signature verification error: Bad GPG signature")
			}
			_, err := client.try("", "gpg", "--batch", "--verify", repomd+".asc", repomd)
			assert.Error(t, err)
		})
	}
}

// TestGPGKeysThatCannotSign is about keys of gpg's keyring. Each is one line, and
// no package is read.
func TestGPGKeysThatCannotSign(t *testing.T) {
	t.Parallel()
	g := newGnuPG(t)
	dir := t.TempDir()
	putFile(t, "no package", dir, "bad.rpm")
	g.newKey("expired@example.invalid", "", "ed25519", "sign", "1d")
	g.newKey("certifies@example.invalid", "", "ed25519", "cert", "never")
	g.newKey("locked@example.invalid", "open sesame", "ed25519", "sign", "never")
	g.newKey("twice@example.invalid", "", "ed25519", "sign", "never")
	g.newKey("<twice@example.invalid>", "", "ed25519", "sign", "never")
	revoked := g.newKey("revoked@example.invalid", "", "ed25519", "sign", "never")
	revocation := strings.Replace(string(mustRead(t, filepath.Join(g.home, "openpgp-revocs.d", revoked+".rev"))), ":-----BEGIN", "-----BEGIN", 1)
	g.gpg("--import", putFile(t, revocation, t.TempDir(), "revocation"))
	wrong := putFile(t, "open barley\n", t.TempDir(), "wrong")
	for _, tt := range []struct {
		args string
		says []string
	}{
		{"gpg:nobody@example.invalid", says("gpg:nobody@example.invalid", "No secret key")},
		{"gpg:expired@example.invalid", says("the key expired on 2024-01-02")},
		{"gpg:revoked@example.invalid", says("the key is revoked")},
		{"gpg:certifies@example.invalid", says("no part of the key can sign")},
		{"gpg:twice@example.invalid", says("several secret keys", "fingerprint")},
	} {
		g.run(nil, "createrepo", dir, "--sign-with", tt.args).ended(1, tt.says)
	}
	assert.NoDirExists(t, filepath.Join(dir, "repodata"))
	require.NoError(t, os.Remove(filepath.Join(dir, "bad.rpm")))
	o := g.run(nil, "createrepo", dir, "--sign-with", "gpg:locked@example.invalid", "--sign-passphrase-file", wrong)
	o.ended(1, says("repomd.xml is not signed", "Bad passphrase"))
	assert.NotContains(t, o.stderr, "open barley")
	assert.NoDirExists(t, filepath.Join(dir, "repodata"))
	g.run([]string{"GOREPO_SIGN_PASSPHRASE=open sesame"}, "createrepo", dir, "--sign-with", "gpg:locked@example.invalid").ended(0)
}
