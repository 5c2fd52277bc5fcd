package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// The keys of testdata.
const (
	rsaFingerprint     = "4E853AAB995AD29AB954E43B2968EB30DF941EC2"
	ed25519Fingerprint = "B4DE70D17C731CEBC8ED5CD08DA4983BE807CAF4"
	rsaKeyID           = "2968EB30DF941EC2"
	ed25519KeyID       = "8DA4983BE807CAF4"
)

// binaryKey is a key file without its armor.
func binaryKey(t testing.TB, name string) []byte {
	t.Helper()
	block, err := armor.Decode(bytes.NewReader(mustRead(t, keyFile(t, name))))
	require.NoError(t, err)
	var b bytes.Buffer
	_, err = b.ReadFrom(block.Body)
	require.NoError(t, err)
	return b.Bytes()
}

// gpgkey in every form that there is, and a repository whose packages need both
// keys.
func TestFormsOfKeys(t *testing.T) {
	t.Parallel()
	packages := rpms(t, signed, signedEd)
	rsa, ed := mustRead(t, keyFile(t, rsaKey)), mustRead(t, keyFile(t, ed25519Key))
	rsaBinary, edBinary := binaryKey(t, rsaKey), binaryKey(t, ed25519Key)
	keys := testrepo.Files(t, testrepo.Options{}, map[string][]byte{
		"both.asc": append(bytes.Clone(rsa), ed...), "both.bin": append(bytes.Clone(rsaBinary), edBinary...),
		"keys/rsa key.asc": rsa, "ed.bin": edBinary,
	})
	secure := testrepo.Files(t, testrepo.Options{TLS: true}, map[string][]byte{"rsa.bin": rsaBinary})
	dir := t.TempDir()
	local := putFile(t, string(rsaBinary), dir, "rsa.bin")
	for name, lines := range map[string][]string{
		"one armored file":         {"gpgkey=" + keys.URL + "/both.asc"},
		"one binary file":          {"gpgkey=" + keys.URL + "/both.bin"},
		"path and URL":             {"gpgkey=" + local + " " + keys.URL + "/ed.bin"},
		"file URL and escaped URL": {"gpgkey=file://" + keyFile(t, ed25519Key) + ",\n  " + keys.URL + "/keys/rsa%20key.asc"},
		"https and another host":   {"gpgkey=" + secure.URL + "/rsa.bin", "  " + keys.URL + "/ed.bin", "sslcacert=" + secure.CAFile(t)},
		"one of them twice":        {"gpgkey=" + local + " " + local + " " + keys.URL + "/both.asc"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up := testrepo.New(t, testrepo.Options{Sign: signWith(t, "rsa")}, packages...)
			s := newSite(t, section("base", up, append([]string{"gpgcheck=1", "repo_gpgcheck=1"}, lines...)...))
			s.ok("sync")
			assert.Equal(t, hrefs(packages...), s.packages("base"))
		})
	}
}

// The key beside repomd.xml proves nothing by itself: whoever changes the one
// changes the other.
func TestOwnKeyIsNotTrusted(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{Sign: signWith(t, "ed25519"), Key: mustRead(t, keyFile(t, ed25519Key))}, rpms(t, signed)...)
	wanted := says("gorepo: base: "+up.URL+"/repodata/repomd.xml: signed by key "+ed25519KeyID, "(gpgkey has "+rsaKeyID+")")
	for _, more := range []string{"", "download_metadata=1"} {
		s := newSite(t, section("base", up, "repo_gpgcheck=1", "gpgkey="+keyFile(t, rsaKey), more))
		s.run("sync").ended(3, wanted)
		assert.Empty(t, s.packages("base"))
		assert.NoFileExists(t, s.path("base", "repodata", "repomd.xml"))
	}
	// Who names it trusts it.
	s := newSite(t, section("base", up, "repo_gpgcheck=1", "gpgkey="+up.URL+"/repodata/repomd.xml.key"))
	s.ok("sync")
}

func TestPinnedKeys(t *testing.T) {
	t.Parallel()
	packages := rpms(t, signed, signedEd)
	keys := testrepo.Files(t, testrepo.Options{}, map[string][]byte{
		"both": append(mustRead(t, keyFile(t, rsaKey)), mustRead(t, keyFile(t, ed25519Key))...),
		"rsa":  mustRead(t, keyFile(t, rsaKey)), "ed": mustRead(t, keyFile(t, ed25519Key)),
		"portal": []byte("<html>log in</html>"),
	})
	colons := strings.ToLower(rsaFingerprint[:20]) + ":" + rsaFingerprint[20:]
	absent := strings.Repeat("A", 40)
	refused := says("gorepo: base: "+packages[1].Href(), "signed by key "+ed25519KeyID, "(gpgkey has "+rsaKeyID+")")
	foreign := says("gorepo: base: gpgkey " + keys.URL + "/ed: no key in it is one of gpgkey_fingerprint: it has " + ed25519Fingerprint)
	for _, tt := range []struct {
		name    string
		gpgkey  string
		pinned  string
		status  int
		says    [][]string
		present int
	}{
		{"one of two", "/both", rsaFingerprint, 3, [][]string{refused}, 1},
		{"as printed", "/both", "0x" + colons, 3, [][]string{refused}, 1},
		{"both", "/both", rsaFingerprint + "\n  " + ed25519Fingerprint, 0, nil, 2},
		{"more than there are", "/both", strings.Join([]string{absent, rsaFingerprint, ed25519Fingerprint}, ", "), 0, nil, 2},
		{"another key by the same URL", "/ed", rsaFingerprint, 3, [][]string{foreign}, 0},
		{"another key at one of two URLs", "/rsa KEYS/ed", rsaFingerprint, 3, [][]string{foreign}, 0},
		{"neither", "/both", absent, 3, [][]string{says("no key in it", rsaFingerprint+", "+ed25519Fingerprint)}, 0},
		{"no key at all", "/portal", rsaFingerprint, 1, [][]string{says("warning: gpgkey ", "/portal", "unreadable"), says("no public key in ", "/portal")}, 0},
		{"a key ID", "/both", rsaKeyID, 1, [][]string{says("gpgkey_fingerprint", rsaKeyID, "key ID", "whole fingerprint")}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			up := testrepo.New(t, testrepo.Options{}, packages...)
			gpgkey := "gpgkey=" + keys.URL + strings.ReplaceAll(tt.gpgkey, "KEYS", keys.URL)
			s := newSite(t, section("base", up, "gpgcheck=1", gpgkey, "gpgkey_fingerprint="+tt.pinned))
			s.run("sync").ended(tt.status, tt.says...)
			assert.Len(t, s.packages("base"), tt.present)
			if tt.present == 0 {
				assert.Empty(t, up.Requests("**"), "nothing is asked of upstream")
			}
		})
	}
}

// centos is a directory of packages and keys of CentOS 2 to 7: the tests of the
// library that decodes headers.
func centos(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/cavaliergopher/rpm").Output()
	require.NoError(t, err)
	return filepath.Join(strings.TrimSpace(string(out)), "testdata")
}

// Old upstreams as they are: SHA-1 in metadata, DSA keys, signatures of
// version 3. They are taken as the file asks for it, and one line says what of
// it is weak, as long as there is something new.
func TestOldUpstreams(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		release, checksum string
		files             []string
		weak              string
	}{
		{
			"5", "sha",
			[]string{"centos-release-5-0.0.el5.centos.2.i386.rpm", "centos-release-5-0.0.el5.centos.2.x86_64.rpm"},
			"SHA-1 checksums of metadata; SHA-1 checksums of packages; signature by key A8A447DCE8562897: SHA-1, DSA key, key expired on 2017-01-03",
		},
		{
			"4", "sha1",
			[]string{"centos-release-4-0.1.i386.rpm"},
			"SHA-1 checksums of metadata; SHA-1 checksums of packages; signature by key A53D0BAB443E1821: SHA-1, DSA key, key expired on 2015-02-23",
		},
		{
			"3", "md5",
			[]string{"centos-release-3.1-1.i386.rpm"},
			"MD5 checksums of metadata; MD5 checksums of packages; signature by key 7049E44D025E513B: SHA-1, DSA key, key expired on 2009-03-14",
		},
		{
			"6", "sha256",
			[]string{"centos-release-6-0.el6.centos.5.x86_64.rpm"},
			"all the same: signature by key 0946FCA2C105B9DE: key expired on 2021-06-30",
		},
		{"7", "sha256", []string{"centos-release-7-2.1511.el7.centos.2.10.x86_64.rpm"}, ""},
	} {
		t.Run(tt.release, func(t *testing.T) {
			t.Parallel()
			var packages []*testrepo.Package
			for _, file := range tt.files {
				packages = append(packages, testrepo.RPM(t, filepath.Join(centos(t), file)))
			}
			up := testrepo.New(t, testrepo.Options{Checksum: tt.checksum}, packages...)
			key := filepath.Join(centos(t), "RPM-GPG-KEY-CentOS-"+tt.release)
			s := newSite(t, section("base", up, "gpgcheck=1", "gpgkey="+key))
			o := s.run("sync")
			var want [][]string
			if tt.weak != "" {
				want = append(want, says("gorepo: base: warning: weak, and taken all the same: ", tt.weak))
			}
			o.ended(0, want...)
			assert.Equal(t, hrefs(packages...), s.packages("base"))
			s.ok("sync")
			s.ok("createrepo", "--update")
			locations, _ := s.whole("base")
			assert.Equal(t, hrefs(packages...), locations)

			// With another release's key they do not come.
			require.NoError(t, os.RemoveAll(s.root))
			s.configure(section("base", up, "gpgcheck=1", "gpgkey="+keyFile(t, rsaKey)))
			for _, line := range s.run("sync").lines() {
				if !strings.Contains(line, "weak") {
					assert.Contains(t, line, "signed by key ")
					assert.Contains(t, line, "(gpgkey has "+rsaKeyID+")")
				}
			}
			assert.Empty(t, s.packages("base"))
		})
	}
}

// A signature proves who made metadata, and not that it is today's. Older
// metadata is followed, as dnf does, but said, and nothing is deleted for it
// until upstream is found there twice.
func TestUpstreamGoesBack(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello212, chrono)
	older := testrepo.New(t, testrepo.Options{Sign: signWith(t, "rsa"), Revision: 1_600_000_000}, packages[0])
	newer := testrepo.New(t, testrepo.Options{Sign: signWith(t, "rsa"), Revision: 1_600_086_400}, packages...)
	keys := []string{"repo_gpgcheck=1", "gpgkey=" + keyFile(t, rsaKey), "delete=1"}
	s := newSite(t, section("base", newer, keys...))
	s.ok("sync")
	s.ok("createrepo", "--update")

	s.configure(section("base", older, keys...))
	s.run("sync").ended(0,
		says("gorepo: base: warning: "+older.URL+"/repodata/repomd.xml: upstream went back", "2020-09-13 12:26:40 UTC", "2020-09-14 12:26:40 UTC"),
		says("gorepo: base: warning: nothing is deleted: upstream went back"))
	s.ok("createrepo", "--update")
	locations, _ := s.whole("base")
	assert.Equal(t, hrefs(packages...), locations, "clients keep what they have")

	s.ok("sync") // it means it
	s.ok("createrepo", "--update")
	locations, _ = s.whole("base")
	assert.Equal(t, hrefs(packages[0]), locations)

	s.configure(section("base", newer, keys...))
	s.ok("sync")
	assert.Equal(t, hrefs(packages...), s.packages("base"))
}

// A night without news asks nobody for a key; with news, and no key to be had,
// nothing enters the mirror and nothing is thrown away.
func TestKeysWhenTheyAreNeeded(t *testing.T) {
	t.Parallel()
	packages := rpms(t, signed, "signed-rsa-v3-1.0-1.noarch")
	keys := testrepo.Files(t, testrepo.Options{}, map[string][]byte{"KEY": mustRead(t, keyFile(t, rsaKey))})
	up := testrepo.New(t, testrepo.Options{}, packages[0])
	s := newSite(t, section("base", up, "gpgcheck=1", "gpgkey="+keys.URL+"/KEY"))
	s.ok("sync")
	require.Len(t, keys.Requests("**"), 1)
	s.ok("sync")
	assert.Len(t, keys.Requests("**"), 1)

	up.Add(packages[1])
	up.Render()
	keys.On("**", testrepo.Status(403))
	s.run("sync").ended(1, says("gorepo: base: gpgkey: "+keys.URL+"/KEY", "403"))
	assert.Equal(t, hrefs(packages[0]), s.packages("base"))
	// What is there in another's place needs the check too, and is not condemned for the want of a key.
	s.write(packages[1].Data, "base", packages[1].Href())
	s.run("sync").ended(1, says("gorepo: base: gpgkey: "+keys.URL+"/KEY", "403"))
	assert.Len(t, s.packages("base"), 2)
	require.NoError(t, os.Remove(s.path("base", packages[1].Href())))

	keys.Repair()
	up.Forget()
	s.ok("sync")
	assert.Equal(t, hrefs(packages...), s.packages("base"))
	assert.Empty(t, up.Requests("**.rpm"), "what had come is not fetched again")

	// Another key there by now.
	up.Add(rpms(t, signedEd)...)
	up.Render()
	s.configure(section("base", up, "gpgcheck=1", "gpgkey="+keys.URL+"/KEY", "gpgkey_fingerprint="+ed25519Fingerprint))
	s.run("sync").ended(3, says("gorepo: base: gpgkey "+keys.URL+"/KEY: no key in it is one of gpgkey_fingerprint"))
}
