package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	pgp "github.com/ProtonMail/go-crypto/openpgp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

const (
	rsaKey     = "RPM-GPG-KEY-gorepo-rsa"
	ed25519Key = "RPM-GPG-KEY-gorepo-ed25519"
)

// keyFile is the path of a public test key.
func keyFile(t testing.TB, name string) string {
	t.Helper()
	file, err := filepath.Abs(filepath.Join("..", "..", "testdata", "keys", name))
	require.NoError(t, err)
	require.FileExists(t, file)
	return file
}

// signWith signs as gpg --detach-sign --armor does; key is rsa or ed25519.
func signWith(t testing.TB, key string) func([]byte) []byte {
	t.Helper()
	secret, err := os.ReadFile(keyFile(t, key+".sec"))
	require.NoError(t, err)
	entities, err := pgp.ReadArmoredKeyRing(bytes.NewReader(secret))
	require.NoError(t, err)
	return func(repomd []byte) []byte {
		var signature bytes.Buffer
		if err := pgp.ArmoredDetachSign(&signature, entities[0], bytes.NewReader(repomd), nil); err != nil {
			panic(err)
		}
		return signature.Bytes()
	}
}

// A repository whose metadata is not trusted stays as it is, and says why.
func TestRepoGPGCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, up *testrepo.Upstream)
		says   []string
	}{
		{"no signature", func(_ *testing.T, up *testrepo.Upstream) {
			up.Change(func(o *testrepo.Options) { o.Sign = nil })
			up.Render()
		}, says("repomd.xml.asc", "repo_gpgcheck")},
		{"another key", func(t *testing.T, up *testrepo.Upstream) {
			sign := signWith(t, "ed25519")
			up.Change(func(o *testrepo.Options) { o.Sign = sign })
			up.Render()
		}, says("8DA4983BE807CAF4", "not among the trusted keys")},
		{"tampered", func(_ *testing.T, up *testrepo.Upstream) {
			up.Render()
			up.Put("repodata/repomd.xml", bytes.Replace(up.File("repodata/repomd.xml"), []byte("<revision>"), []byte("<revision>9"), 1))
		}, says("bad signature", "2968EB30DF941EC2")},
		{"no signature but text", func(_ *testing.T, up *testrepo.Upstream) {
			up.Render()
			up.Put("repodata/repomd.xml.asc", []byte("<html>login</html>"))
		}, says("signature")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			up := testrepo.New(t, testrepo.Options{Sign: signWith(t, "rsa")}, rpms(t, hello212)...)
			good := testrepo.New(t, testrepo.Options{}, rpms(t, weak)...)
			s := newSite(t, section("base", up, "repo_gpgcheck=1", "gpgkey="+keyFile(t, rsaKey)), section("good", good))
			s.ok("sync")
			s.ok("createrepo", "--update")
			same := s.frozen()
			stored := s.files(".gorepo", "base", "upstream")
			up.Forget()
			s.ok("sync")
			assert.Equal(t, []string{"repodata/repomd.xml"}, paths(up.Requests("**")), "the stored signature is verified, and not asked for again")

			up.Add(rpms(t, chrono)...)
			tt.change(t, up)
			up.Forget()
			s.run("sync").ended(3, append(says("gorepo: base: ", up.URL+"/repodata/repomd.xml"), tt.says...))
			assert.Equal(t, []string{"repodata/repomd.xml", "repodata/repomd.xml.asc"}, paths(up.Requests("**")), "nothing that it names is asked for")
			same()
			assert.Equal(t, stored, s.files(".gorepo", "base", "upstream"))
			assert.Len(t, s.packages("base"), 1)
			s.ok("createrepo", "--update")
			same()

			sign := signWith(t, "rsa")
			up.Change(func(o *testrepo.Options) { o.Sign = sign })
			up.Delete("repodata/repomd.xml")
			up.Delete("repodata/repomd.xml.asc")
			up.Render()
			s.ok("sync")
			assert.Len(t, s.packages("base"), 2)
		})
	}
}

// An upstream that changes its key signs the same repomd.xml anew: the stored
// signature must not stand in the way of the new one.
func TestSignedAnew(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{Sign: signWith(t, "rsa")}, rpms(t, hello212)...)
	s := newSite(t, section("base", up, "repo_gpgcheck=1", "gpgkey="+keyFile(t, rsaKey)))
	s.ok("sync")
	up.Put("repodata/repomd.xml.asc", signWith(t, "ed25519")(up.File("repodata/repomd.xml")))
	s.configure(section("base", up, "repo_gpgcheck=1", "gpgkey="+keyFile(t, ed25519Key)))
	s.ok("sync")
	up.Forget()
	s.ok("sync")
	assert.Len(t, up.Requests("**"), 1)
}

// repo_gpgcheck that is turned on later is not satisfied by what is stored.
func TestRepoGPGCheckLater(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
	s := newSite(t, section("base", up))
	s.ok("sync")
	s.configure(section("base", up, "repo_gpgcheck=1", "gpgkey="+keyFile(t, rsaKey)))
	s.run("sync").ended(3, says("gorepo: base: ", "repomd.xml.asc"))
	sign := signWith(t, "rsa")
	up.Put("repodata/repomd.xml.asc", sign(up.File("repodata/repomd.xml")))
	s.ok("sync")
}

func TestGPGCheck(t *testing.T) {
	t.Parallel()
	signedOnes, unsigned, other := rpms(t, signed, signedEd), rpms(t, hello212)[0], rpms(t, chrono)[0]
	keys := testrepo.Files(t, testrepo.Options{}, map[string][]byte{"KEY": mustRead(t, keyFile(t, rsaKey))})
	up := testrepo.New(t, testrepo.Options{}, append(signedOnes, unsigned)...)
	s := newSite(t, section("base", up, "gpgcheck=1", "gpgkey="+keys.URL+"/KEY\n  file://"+keyFile(t, ed25519Key)))
	refused := says("gorepo: base: ", unsigned.Href(), "not signed")
	for range 2 {
		s.run("sync").ended(3, refused)
		assert.Equal(t, hrefs(signedOnes...), s.packages("base"), "what is trusted comes")
		assert.Empty(t, s.files(".gorepo", "base", "partial"), "what is not trusted is not stored")
	}
	s.ok("createrepo", "--update")
	locations, _ := s.whole("base")
	assert.Equal(t, hrefs(signedOnes...), locations)

	// The other key only.
	s.configure(section("base", up, "gpgcheck=1", "gpgkey="+keys.URL+"/KEY"))
	require.NoError(t, os.RemoveAll(s.root))
	s.run("sync").ended(3, refused, says(signedOnes[1].Href(), "8DA4983BE807CAF4"))
	assert.Equal(t, hrefs(signedOnes[0]), s.packages("base"))

	// A signed package that was changed, with a right checksum in the metadata.
	tampered := *signedOnes[0]
	tampered.Data = bytes.Clone(tampered.Data)
	tampered.Data[len(tampered.Data)-20] ^= 1
	tampered.Location = "tampered.rpm"
	require.Equal(t, 1, up.Remove(unsigned.Href()))
	require.Equal(t, 1, up.Remove(signedOnes[1].Href()))
	up.Add(&tampered)
	up.Render()
	s.run("sync").ended(3, says("gorepo: base: tampered.rpm", "digest"))
	assert.Equal(t, hrefs(signedOnes[0]), s.packages("base"))

	// An unsigned package that is there already is not adopted either.
	require.Equal(t, 1, up.Remove("tampered.rpm"))
	up.Add(other)
	up.Render()
	s.write(other.Data, "base", other.Href())
	for range 2 {
		s.run("sync").ended(3, says("gorepo: base: ", other.Href(), "not signed"))
	}
	assert.Equal(t, hrefs(signedOnes[0]), s.packages("base"), "nobody is told of it: it goes")
}

func mustRead(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	return data
}

// gpgcheck that is turned on later looks at what is there, and what is
// published is withdrawn without breaking the clients that were told of it.
func TestGPGCheckLater(t *testing.T) {
	t.Parallel()
	good, bad := rpms(t, signed)[0], rpms(t, hello212)[0]
	up := testrepo.New(t, testrepo.Options{}, good, bad)
	s := newSite(t, section("base", up))
	s.ok("sync")
	s.ok("createrepo", "--update")
	same := s.frozen()

	s.configure(section("base", up, "gpgcheck=1", "gpgkey="+keyFile(t, rsaKey)))
	up.Forget()
	for range 2 {
		s.run("sync").ended(3, says("gorepo: base: ", bad.Href(), "not signed"))
		same()
		assert.Empty(t, up.Requests("Packages/**"), "it is not fetched again to be refused again")
	}
	s.ok("createrepo", "--update")
	locations, _ := s.whole("base")
	assert.Equal(t, hrefs(good), locations)
	assert.Len(t, s.packages("base"), 2, "the generation before names it")
	for range 2 {
		s.run("sync").ended(3, says("gorepo: base: ", bad.Href(), "not signed"))
		locations, _ = s.whole("base")
		assert.Equal(t, hrefs(good), locations)
	}
	up.Add(rpms(t, signedEd)...) // refused too: a generation more takes another package
	news := rpms(t, "signed-rsa-v3-1.0-1.noarch")[0]
	up.Add(news)
	up.Render()
	assert.Equal(t, 3, s.run("sync").status)
	s.ok("createrepo", "--update")
	assert.Equal(t, hrefs(good, news), s.packages("base"), "no generation names it any more")
}

// What is not trusted is looked at every night, and what is trusted is not.
func TestGPGCheckReadsOnce(t *testing.T) {
	t.Parallel()
	good, bad := rpms(t, signed)[0], rpms(t, hello212)[0]
	up := testrepo.New(t, testrepo.Options{}, good, bad)
	s := newSite(t, section("base", up))
	s.ok("sync")
	s.ok("createrepo")
	s.configure(section("base", up, "gpgcheck=1", "gpgkey="+keyFile(t, rsaKey)))
	refused := says("gorepo: base: ", bad.Href(), "not signed")
	there := []string{s.path("base", good.Href()), s.path("base", bad.Href())}
	read := unread(t, there...)
	s.run("sync").ended(3, refused)
	assert.Len(t, read(), 2)
	for range 2 {
		read = unread(t, there...)
		s.run("sync").ended(3, refused)
		assert.Equal(t, []string{filepath.Base(bad.Href())}, read())
	}
	// Its key comes to be trusted, so to say: the file is replaced by a signed one.
	now := *good
	now.Name, now.Location = "hello", bad.Href()
	up.Replace(&now)
	up.Render()
	s.ok("sync")
	read = unread(t, there...)
	s.ok("sync")
	assert.Empty(t, read())

	// A night without the check makes all of them unknown again.
	s.configure(section("base", up))
	s.ok("sync")
	s.configure(section("base", up, "gpgcheck=1", "gpgkey="+keyFile(t, rsaKey)))
	s.ok("sync")
	assert.Len(t, read(), 2)
}

// Packages that a selection leaves out are not verified with the others, and
// not forgotten: the next selection may have them.
func TestGPGCheckOfSelection(t *testing.T) {
	t.Parallel()
	good, bad := rpms(t, signed)[0], rpms(t, tide64)[0]
	up := testrepo.New(t, testrepo.Options{}, good, bad)
	s := newSite(t, section("base", up))
	s.ok("sync")
	s.configure(section("base", up, "gpgcheck=1", "gpgkey="+keyFile(t, rsaKey)))
	s.ok("sync", "-a", "noarch")
	s.ok("sync", "-a", "noarch")
	s.run("sync").ended(3, says("gorepo: base: ", bad.Href(), "not signed"))
}

// A check that cannot be made is an error, and nothing is asked of upstream.
func TestGPGKeys(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{Sign: signWith(t, "rsa")}, rpms(t, signed)...)
	private := filepath.Join(t.TempDir(), "KEY")
	require.NoError(t, os.WriteFile(private, []byte("no key"), 0o644))
	for _, check := range []string{"gpgcheck=1", "repo_gpgcheck=1"} {
		for _, tt := range []struct {
			key   string
			lines [][]string
		}{
			{"", [][]string{says("gorepo: base: ", "gpgkey")}},
			{"gpgkey=" + private + ".none", [][]string{says("gorepo: base: gpgkey: ", private+".none")}},
			{"gpgkey=" + up.URL + "/NOKEY", [][]string{says("gorepo: base: gpgkey: ", up.URL+"/NOKEY", "404")}},
			{"gpgkey=" + private, [][]string{says("gorepo: base: warning: gpgkey ", private), says("gorepo: base: gpgkey: ", "no public key", private)}},
		} {
			s := newSite(t, section("base", up, check, tt.key))
			up.Forget()
			s.run("sync").ended(1, tt.lines...)
			assert.Empty(t, up.Requests("repodata/*"))
			assert.Empty(t, s.files())
		}
	}
}
