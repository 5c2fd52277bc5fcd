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

	"gorepo/internal/openpgp"
	"gorepo/internal/testrepo"
)

const (
	rsaSecret     = "../../testdata/keys/rsa.sec"
	ed25519Secret = "../../testdata/keys/ed25519.sec"
)

// requireSigned checks repodata's signature with the committed public key that
// belongs to a secret one.
func (s *site) requireSigned(secret string, dir ...string) {
	s.t.Helper()
	name := strings.TrimSuffix(filepath.Base(secret), ".sec")
	ring := new(openpgp.Keyring)
	_, err := ring.AddKeys(mustRead(s.t, "../../testdata/keys/RPM-GPG-KEY-gorepo-"+name))
	require.NoError(s.t, err)
	published := new(openpgp.Keyring)
	_, err = published.AddKeys(s.read(append(dir, "repodata", "repomd.xml.key")...))
	require.NoError(s.t, err)
	assert.Equal(s.t, ring.Fingerprints(), published.Fingerprints())
	repomd := s.read(append(dir, "repodata", "repomd.xml")...)
	_, err = ring.VerifyDetached(bytes.NewReader(repomd), s.read(append(dir, "repodata", "repomd.xml.asc")...))
	require.NoError(s.t, err)
}

func TestSignDirectory(t *testing.T) {
	t.Parallel()
	s := packageDir(t, hello212, chrono)
	dir := s.path("base")
	s.ok("createrepo", dir, "--sign-key", rsaSecret)
	s.requireSigned(rsaSecret, "base")
	s.whole("base")

	before := s.files("base", "repodata")
	assert.Equal(t, "unchanged", s.runJSON("createrepo", dir, "--update", "--sign-key", rsaSecret).Outcome)
	assert.Equal(t, before, s.files("base", "repodata"), "a good signature stays")

	// Another key, a signature that is gone, one of something else, a key that is
	// gone: signed again, and all else is the same file.
	asc := s.path("base", "repodata", "repomd.xml.asc")
	for name, change := range map[string]func() (key string){
		"another key": func() string { return ed25519Secret },
		"gone":        func() string { require.NoError(t, os.Remove(asc)); return rsaSecret },
		"wrong":       func() string { require.NoError(t, os.WriteFile(asc, []byte("x"), 0o644)); return rsaSecret },
		"no key": func() string {
			require.NoError(t, os.Remove(s.path("base", "repodata", "repomd.xml.key")))
			return rsaSecret
		},
	} {
		key := change()
		same := map[string]os.FileInfo{}
		for file := range s.files("base", "repodata") {
			if !strings.HasPrefix(file, "repomd.xml.") {
				same[file] = mustStat(t, s.path("base", "repodata", file))
			}
		}
		o := s.run("createrepo", "-v", dir, "--update", "--sign-key", key)
		assert.Equal(t, 0, o.status, name)
		assert.Contains(t, o.stderr, "repomd.xml is signed", name)
		s.requireSigned(key, "base")
		for file, fi := range same {
			assert.True(t, os.SameFile(fi, mustStat(t, s.path("base", "repodata", file))), "%s: %s", name, file)
		}
		s.whole("base")
	}

	s.write(rpms(t, weak)[0].Data, "base", "weak.rpm")
	s.ok("createrepo", dir, "--update", "--sign-key", ed25519Secret)
	s.requireSigned(ed25519Secret, "base")

	s.ok("modifyrepo", "../../testdata/updateinfo.xml", s.path("base", "repodata"), "--sign-key", rsaSecret)
	s.requireSigned(rsaSecret, "base")
	s.ok("modifyrepo", "../../testdata/updateinfo.xml", s.path("base", "repodata"), "--sign-key", ed25519Secret)
	s.requireSigned(ed25519Secret, "base")
	before = s.files("base", "repodata")
	s.ok("modifyrepo", "../../testdata/updateinfo.xml", s.path("base", "repodata"), "--sign-key", ed25519Secret)
	assert.Equal(t, before, s.files("base", "repodata"))

	s.run("createrepo", dir).ended(0, says("signature", "removed"))
	assert.NoFileExists(t, asc)
	assert.NoFileExists(t, s.path("base", "repodata", "repomd.xml.key"))
}

func mustStat(t testing.TB, path string) os.FileInfo {
	t.Helper()
	fi, err := os.Stat(path)
	require.NoError(t, err)
	return fi
}

func TestSignReproducible(t *testing.T) {
	t.Parallel()
	for _, key := range []string{rsaSecret, ed25519Secret} {
		var made []map[string]string
		for range 2 {
			s := packageDir(t, hello212)
			s.ok("createrepo", s.path("base"), "--sign-key", key, "--revision=1710000000", "--set-timestamp-to-revision")
			files := map[string]string{}
			for name := range s.files("base", "repodata") {
				files[name] = string(s.read("base", "repodata", name))
				assert.Equal(t, int64(1_710_000_000)*1e9, statOf(t, s.path("base", "repodata", name)).mtime, name)
			}
			made = append(made, files)
		}
		assert.Len(t, made[0], 6)
		assert.Equal(t, made[0], made[1])
	}
}

// The date of a signature has 32 bits. One that wraps is older than its key, and
// no client takes it.
func TestSignRevisionThatIsNoDate(t *testing.T) {
	t.Parallel()
	s := packageDir(t, hello212)
	s.run("createrepo", s.path("base"), "--sign-key", rsaSecret, "--revision=20261125103000", "--set-timestamp-to-revision").
		ended(1, says("not signed", "revision 20261125103000"))
	assert.NoDirExists(t, s.path("base", "repodata"))
	s.ok("createrepo", s.path("base"), "--sign-key", rsaSecret, "--revision=20261125103000")
}

// A key that cannot be used is one line, and no package is read for it.
func TestSignWithBadKeys(t *testing.T) {
	t.Parallel()
	s := packageDir(t, hello212)
	s.write([]byte("no package"), "base", "bad.rpm")
	locked := "../../testdata/keys/locked.sec"
	wrong := s.write([]byte("open barley\n"), "wrong")
	right := s.write([]byte("open sesame\r\nmore\n"), "right")

	for _, tt := range []struct {
		args   string
		status int
		says   []string
	}{
		{"--sign-key /none/key", 1, says("/none/key", "no such file")},
		{"--sign-key ../../testdata/keys/RPM-GPG-KEY-gorepo-rsa", 1, says("RPM-GPG-KEY-gorepo-rsa", "no secret key")},
		{"--sign-key " + locked, 1, says(locked, "passphrase", "--sign-passphrase-file", "GOREPO_SIGN_PASSPHRASE")},
		{"--sign-key " + locked + " --sign-passphrase-file " + wrong, 1, says("the passphrase is wrong")},
		{"--sign-key " + locked + " --sign-passphrase-file /none/pass", 1, says("/none/pass")},
		{"--sign-passphrase-file " + right, 64, says("--sign-passphrase-file is for")},
		{"--sign-with rsa", 64, says("gpg:KEYID")},
		{"--sign-with gpg:", 64, says("gpg:KEYID")},
		{"--sign-with gpg:x --sign-key " + rsaSecret, 64, says("sign-with", "sign-key")},
	} {
		o := s.run(append([]string{"createrepo", s.path("base")}, strings.Fields(tt.args)...)...)
		o.ended(tt.status, tt.says)
		assert.NotContains(t, strings.ReplaceAll(o.stderr, "open /", ""), "open ")
	}
	assert.NoDirExists(t, s.path("base", "repodata"))
	s.run("createrepo", s.path("base"), "--sign-key", locked, "--sign-passphrase-file", right).ended(2, says("bad.rpm"))
	assert.FileExists(t, s.path("base", "repodata", "repomd.xml.asc"))
	var stderr bytes.Buffer
	status := run(context.Background(), process{
		args: []string{"createrepo", s.path("base"), "-v", "--sign-key", locked}, stdin: strings.NewReader(""), stdout: &stderr, stderr: &stderr,
		environ: []string{"PATH=/usr/bin:/bin", "GOREPO_SIGN_PASSPHRASE=open sesame"},
	})
	assert.Equal(t, 2, status, stderr.String())
	assert.NotContains(t, stderr.String(), "open sesame")
}

func TestSignFromConfiguration(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
	rsa, err := filepath.Abs(rsaSecret)
	require.NoError(t, err)
	ed, err := filepath.Abs(ed25519Secret)
	require.NoError(t, err)
	s := newSite(t, "sign_key = "+rsa, section("a", up), section("b", up, "sign_key="+ed), section("c", up, "download_metadata=1"), section("d", up, "sign_key="))
	s.ok("sync")
	s.ok("createrepo", "--update")
	s.requireSigned(rsaSecret, "a")
	s.requireSigned(ed25519Secret, "b")
	assert.NoFileExists(t, s.path("c", "repodata", "repomd.xml.asc"))
	assert.NoFileExists(t, s.path("d", "repodata", "repomd.xml.asc"))
	before := s.files("a")
	s.ok("createrepo", "--update")
	assert.Equal(t, before, s.files("a"))
	s.ok("createrepo", "--update", "--sign-key", ed25519Secret)
	s.requireSigned(ed25519Secret, "a")

	// What is wrong keeps a repository from being made without a signature.
	s.configure(section("a", up, "sign_key=relative"), section("b", up, "sign_with=rsa"), section("c", up, "sign_key="+rsa, "sign_with=gpg:x"), section("d", up))
	s.run("createrepo", "--update").ended(2, says("a: ", "sign_key", "relative"), says("b: ", "sign_with", "gpg:KEYID"), says("c: ", "sign_key and sign_with"))
	s.requireSigned(ed25519Secret, "a")
}
