package openpgp

import (
	"bytes"
	"crypto/md5"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/rpmpkg"
	"gorepo/internal/testrepo/peer"
)

// A gnupg is a home of gpg's with keys in it.
type gnupg struct {
	t    *testing.T
	home string
}

func newGnuPG(t *testing.T) *gnupg {
	t.Helper()
	peer.Need(t, "gpg")
	// Not t.TempDir: the agent's socket lives here, and such paths are short.
	home, err := os.MkdirTemp("", "gpg")
	require.NoError(t, err)
	g := &gnupg{t, home}
	t.Cleanup(func() {
		cmd := exec.Command("gpgconf", "--kill", "gpg-agent")
		cmd.Env = g.env()
		assert.NoError(t, cmd.Run())
		assert.NoError(t, os.RemoveAll(home))
	})
	return g
}

func (g *gnupg) env() []string {
	return append(os.Environ(), "GNUPGHOME="+g.home, "LC_ALL=C")
}

func (g *gnupg) run(stdin []byte, args ...string) []byte {
	g.t.Helper()
	out, err := g.try(stdin, args...)
	require.NoError(g.t, err, "gpg %s", strings.Join(args, " "))
	return out
}

func (g *gnupg) try(stdin []byte, args ...string) ([]byte, error) {
	cmd := exec.Command("gpg", append([]string{"--batch", "--no-tty", "--quiet", "--pinentry-mode=loopback", "--passphrase="}, args...)...)
	cmd.Env = g.env()
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		g.t.Logf("gpg: %s", stderr.String())
	}
	return out, err
}

// fingerprint returns that of the primary key of a user ID.
func (g *gnupg) fingerprint(user string) string {
	for line := range strings.Lines(string(g.run(nil, "--with-colons", "--list-keys", user))) {
		if f := strings.Split(line, ":"); f[0] == "fpr" {
			return f[9]
		}
	}
	g.t.Fatalf("gpg has no key %s", user)
	return ""
}

// A gpgKey is a kind of key and how it is used.
type gpgKey struct {
	name      string
	algorithm string
	digest    string   // --digest-algo
	faked     string   // --faked-system-time: the key was made and used then
	expire    string   // of the key
	warnings  []string // of its signatures
	subkey    bool     // signs with a subkey
	revoke    bool     // after it has signed
	rpm       bool     // rpm 4.18 signs with it and knows it
}

var gpgKeys = []gpgKey{
	{name: "rsa2048", algorithm: "rsa2048", digest: "sha256", rpm: true},
	{name: "rsa4096", algorithm: "rsa4096", digest: "sha512", rpm: true},
	{name: "rsa1024", algorithm: "rsa1024", digest: "sha256", rpm: true, warnings: []string{"RSA key of 1024 bits"}},
	{name: "rsa-sha1", algorithm: "rsa2048", digest: "sha1", rpm: true, warnings: []string{"SHA-1"}},
	{name: "dsa1024-sha1", algorithm: "dsa1024", digest: "sha1", rpm: true, warnings: []string{"SHA-1", "DSA key"}},
	{name: "dsa2048", algorithm: "dsa2048", digest: "sha256", rpm: true, warnings: []string{"DSA key"}},
	{name: "ed25519", algorithm: "ed25519", digest: "sha256", rpm: true},
	{name: "p256", algorithm: "nistp256", digest: "sha256"},
	{name: "p384", algorithm: "nistp384", digest: "sha384"},
	{name: "subkey", algorithm: "rsa2048", digest: "sha256", subkey: true, rpm: true},
	{name: "expired", algorithm: "rsa2048", digest: "sha256", faked: "20200101T000000!", expire: "1y", rpm: true, warnings: []string{"key expired on 2020-12-31"}},
	{name: "revoked", algorithm: "rsa2048", digest: "sha256", revoke: true, rpm: true},
}

func (k gpgKey) user() string { return k.name + "@example.com" }

func (k gpgKey) clock() []string {
	if k.faked == "" {
		return nil
	}
	return []string{"--faked-system-time", k.faked}
}

// generate makes the key; export what is known of it in the end.
func (g *gnupg) generate(k gpgKey) {
	expire, usage := "never", "sign"
	if k.expire != "" {
		expire = k.expire
	}
	if k.subkey {
		usage = "cert"
	}
	g.run(nil, append(k.clock(), "--quick-generate-key", k.user(), k.algorithm, usage, expire)...)
	if k.subkey {
		g.run(nil, "--quick-add-key", g.fingerprint(k.user()), k.algorithm, "sign", "never")
	}
}

// revoke uses the certificate that gpg makes with every key.
func (g *gnupg) revoke(k gpgKey) {
	data, err := os.ReadFile(filepath.Join(g.home, "openpgp-revocs.d", g.fingerprint(k.user())+".rev"))
	require.NoError(g.t, err)
	// gpg puts a colon before it so that nobody imports it by accident.
	g.run(bytes.Replace(data, []byte("\n:-----BEGIN"), []byte("\n-----BEGIN"), 1), "--import")
}

func (g *gnupg) export(k gpgKey) []byte {
	return g.run(nil, "--armor", "--export", k.user())
}

func TestGnuPGDetached(t *testing.T) {
	g := newGnuPG(t)
	signed := []byte(repomd)
	var everyKey []byte
	for _, key := range gpgKeys {
		t.Run(key.name, func(t *testing.T) {
			g.t = t
			g.generate(key)
			args := append(key.clock(), "--digest-algo", key.digest, "--local-user", key.user())
			binary := g.run(signed, append(args, "--detach-sign")...)
			armored := g.run(signed, append(args, "--armor", "--detach-sign")...)
			if key.revoke {
				g.revoke(key)
			}
			public := g.export(key)
			everyKey = append(everyKey, public...)
			k := new(Keyring)
			got, err := k.AddKeys(public)
			require.NoError(t, err)
			require.Equal(t, []string{g.fingerprint(key.user())}, got)
			_, err = new(Keyring).AddKeys(g.run(nil, "--export", key.user()))
			require.NoError(t, err, "the binary form")

			for _, sig := range [][]byte{binary, armored} {
				signer, err := verifyDetached(k, sig)
				if key.revoke {
					assert.ErrorContains(t, err, "the key was revoked on 20")
					continue
				}
				require.NoError(t, err)
				assert.Equal(t, got[0], signer.Fingerprint)
				assert.Equal(t, key.user(), signer.UserID)
				assert.Equal(t, key.warnings, signer.Warnings)
				assert.Equal(t, key.subkey, !strings.HasSuffix(signer.Fingerprint, signer.KeyID))
			}
			var bad *BadSignatureError
			_, err = k.VerifyDetached(strings.NewReader(repomd+" "), binary)
			assert.ErrorAs(t, err, &bad)
			_, err = verifyDetached(k, flip(binary, len(binary)-1))
			assert.ErrorAs(t, err, &bad)
			var unknown *UnknownKeyError
			_, err = verifyDetached(ring(t, testdata("keys", "RPM-GPG-KEY-gorepo-rsa")), binary)
			require.ErrorAs(t, err, &unknown)
			assert.Len(t, unknown.KeyID, 16)
		})
	}
	g.t = t
	k := new(Keyring)
	got, err := k.AddKeys(everyKey)
	require.NoError(t, err)
	assert.Len(t, got, len(gpgKeys), "concatenated armor, as in a distribution's key file")
	all, err := new(Keyring).AddKeys(g.run(nil, "--export"))
	require.NoError(t, err)
	assert.ElementsMatch(t, got, all, "a binary ring")
}

// Keys made with gpg, signatures that gpg makes on request.
func TestGnuPGTwoSignatures(t *testing.T) {
	g := newGnuPG(t)
	a, b := gpgKeys[0], gpgKeys[6]
	g.generate(a)
	g.generate(b)
	sig := g.run([]byte(repomd), "--armor", "--local-user", a.user(), "--local-user", b.user(), "--detach-sign")
	for _, key := range []gpgKey{a, b} {
		k := new(Keyring)
		_, err := k.AddKeys(g.export(key))
		require.NoError(t, err)
		signer, err := verifyDetached(k, sig)
		require.NoError(t, err)
		assert.Equal(t, g.fingerprint(key.user()), signer.Fingerprint)
	}
	_, err := verifyDetached(new(Keyring), sig)
	var unknown *UnknownKeyError
	require.ErrorAs(t, err, &unknown)
	assert.Len(t, unknown.Others, 1)
}

// rpmdb is a database that rpm keeps its trusted keys in.
type rpmdb string

func (db rpmdb) accepts(t *testing.T, data []byte) (ok bool, said string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "p.rpm")
	require.NoError(t, os.WriteFile(file, data, 0o600))
	// As dnf asks: signatures and digests must cover the whole package.
	out, err := exec.Command("rpmkeys", "--dbpath", string(db), "--define", "_pkgverify_level all", "-Kv", file).CombinedOutput()
	return err == nil, string(out)
}

func newRPMDB(t *testing.T, keys ...[]byte) rpmdb {
	t.Helper()
	peer.Need(t, "rpmkeys")
	db := t.TempDir()
	for i, data := range keys {
		file := filepath.Join(db, "key."+string(rune('a'+i)))
		require.NoError(t, os.WriteFile(file, data, 0o600))
		out, err := exec.Command("rpmkeys", "--dbpath", db, "--import", file).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	return rpmdb(db)
}

// rpmsign signs a copy of a package.
func (g *gnupg) rpmsign(k gpgKey, data []byte, args ...string) []byte {
	g.t.Helper()
	file := filepath.Join(g.t.TempDir(), "p.rpm")
	require.NoError(g.t, os.WriteFile(file, data, 0o600))
	extra := "--batch --pinentry-mode=loopback --passphrase= " + strings.Join(k.clock(), " ")
	args = append(args, "--addsign", "--define", "_gpg_name "+k.user(), "--define", "_gpg_digest_algo "+k.digest,
		"--define", "__gpg "+peer.Need(g.t, "gpg"), "--define", "_gpg_path "+g.home, "--define", "_gpg_sign_cmd_extra_args "+extra, file)
	cmd := exec.Command("rpmsign", args...)
	cmd.Env = g.env()
	out, err := cmd.CombinedOutput()
	require.NoError(g.t, err, "%s", out)
	return readFile(g.t, file)
}

// Over packages that rpmsign signed, whole and tampered with, and over all
// kinds of keys, we and rpm accept the same.
func TestAgreesWithRPM(t *testing.T) {
	peer.Need(t, "rpmsign")
	g := newGnuPG(t)
	modern := readFile(t, testdata("rpms", "hello-2.10-1.noarch.rpm"))
	old := readFile(t, filepath.Join(centos(t), "centos-release-6-0.el6.centos.5.x86_64.rpm"))
	stranger := gpgKey{name: "stranger", algorithm: "rsa2048", digest: "sha256"}
	g.generate(stranger)
	for _, key := range gpgKeys {
		if !key.rpm {
			continue
		}
		t.Run(key.name, func(t *testing.T) {
			g.t = t
			g.generate(key)
			packages := map[string][]byte{
				"header":             g.rpmsign(key, modern),
				"header and payload": g.rpmsign(key, modern, "--rpmv3"),
				"old":                g.rpmsign(key, old, "--rpmv3"),
			}
			if key.revoke {
				g.revoke(key)
			}
			public := g.export(key)
			k := new(Keyring)
			_, err := k.AddKeys(public)
			require.NoError(t, err)
			db, nobody := newRPMDB(t, public), newRPMDB(t, g.export(stranger))
			for name, data := range packages {
				for how, variant := range tampered(t, data) {
					ok, said := db.accepts(t, variant)
					signer, err := verifyPackage(k, variant)
					if key.revoke && how == "untouched" {
						assert.True(t, ok, "rpm does not know revocation: this test may be stricter now")
						assert.ErrorContains(t, err, "the key was revoked on 20")
						continue
					}
					assert.Equal(t, ok, err == nil, "%s, %s: we say %v, rpm says\n%s", name, how, err, said)
					assert.Equal(t, how == "untouched", ok, "%s, %s: rpm says\n%s", name, how, said)
					if err == nil {
						assert.Equal(t, key.warnings, signer.Warnings)
						assert.Equal(t, g.fingerprint(key.user()), signer.Fingerprint)
					}
				}
				ok, said := nobody.accepts(t, data)
				assert.False(t, ok, said)
				var unknown *UnknownKeyError
				_, err := verifyPackage(new(Keyring), data)
				require.ErrorAs(t, err, &unknown)
				assert.Contains(t, said, strings.ToLower(unknown.KeyID[8:])+": NOKEY", "the key that rpm wants")
			}
		})
	}
}

// tampered returns variants of a signed package, by what was done to it.
func tampered(t *testing.T, data []byte) map[string][]byte {
	p, err := rpmpkg.ReadPreamble(bytes.NewReader(data))
	require.NoError(t, err)
	header, payload := int(p.HeaderStart), int(p.PayloadStart)
	list := map[string][]byte{
		"untouched":          data,
		"changed name":       flip(data, header+bytes.Index(data[header:], []byte("\x00noarch\x00"))+2),
		"changed payload":    flip(data, payload+20),
		"changed last byte":  flip(data, len(data)-1),
		"longer":             append(bytes.Clone(data), 'x'),
		"shorter":            data[:len(data)-7],
		"without payload":    data[:payload],
		"within its header":  data[:payload-30],
		"within signatures":  data[:header-30],
		"another's header":   nil,
		"signature stripped": takeApart(t, data).with(),
	}
	other := takeApart(t, readFile(t, testdata("rpms", "chrono-0.9-3.noarch.rpm")))
	list["another's header"] = append(append(bytes.Clone(data[:header]), other.header...), other.payload...)
	for _, tag := range []int{sigTagRSAHeader, sigTagDSAHeader, sigTagPGP, sigTagGPG} {
		if sig := p.Signature.Bytes(tag); sig != nil {
			at := bytes.Index(data, sig)
			list["changed signature "+string(rune('0'+tag%10))] = flip(data, at+len(sig)-2)
			list["cut signature "+string(rune('0'+tag%10))] = takeApart(t, data).with(sigTag{tag, sig[:len(sig)-1]})
			if tag < sigTagPGP && !p.Header.Has(tagPayloadSHA256) {
				// What rpm accepted before 4.17, whatever the payload.
				sum := md5.Sum(data[header:])
				list["header signature and MD5"] = takeApart(t, data).with(sigTag{tag, sig}, sigTag{sigTagMD5, sum[:]})
			}
		}
	}
	return list
}

// Where rpm 4.18 and we differ on purpose: rpmsign refuses to make these.
func TestElliptic(t *testing.T) {
	g := newGnuPG(t)
	p := takeApart(t, readFile(t, testdata("rpms", "hello-2.10-1.noarch.rpm")))
	for _, key := range gpgKeys {
		if !strings.HasPrefix(key.algorithm, "nistp") {
			continue
		}
		g.generate(key)
		sig := g.run(p.header, "--local-user", key.user(), "--detach-sign")
		k := new(Keyring)
		_, err := k.AddKeys(g.export(key))
		require.NoError(t, err)
		signer, err := verifyPackage(k, p.with(sigTag{sigTagDSAHeader, sig}))
		require.NoError(t, err)
		assert.Empty(t, signer.Warnings)
	}
}

// The packages of CentOS 6 and 7, whose keys rpm 4.18 takes: we and rpm agree
// on what is done to them.
func TestAgreesWithRPMCentOS(t *testing.T) {
	dir := centos(t)
	for _, version := range []string{"6", "7"} {
		public := readFile(t, filepath.Join(dir, "RPM-GPG-KEY-CentOS-"+version))
		db := newRPMDB(t, public)
		k := new(Keyring)
		_, err := k.AddKeys(public)
		require.NoError(t, err)
		files, err := filepath.Glob(filepath.Join(dir, "centos-release-"+version+"*.rpm"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			for how, data := range tampered(t, readFile(t, file)) {
				ok, said := db.accepts(t, data)
				_, err := verifyPackage(k, data)
				assert.Equal(t, ok, err == nil, "%s, %s: we say %v, rpm says\n%s", filepath.Base(file), how, err, said)
				assert.Equal(t, how == "untouched", ok, how)
			}
		}
	}
}
