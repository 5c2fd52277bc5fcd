package openpgp

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/rpmpkg"
)

// The packages of CentOS 2 to 7 carry signature packets of version 3, by DSA
// and RSA keys, over the header, and over header and payload.
func TestVerifyPackageCentOS(t *testing.T) {
	dir := centos(t)
	cases := []struct{ file, key, id string }{
		{"centos-release-as-2.1AS-4.noarch.rpm", "CentOS-2", "2802E89216FF0E46"},
		{"centos-release-3.1-1.i386.rpm", "CentOS-3", "7049E44D025E513B"},
		{"centos-release-4-0.1.i386.rpm", "CentOS-4", "A53D0BAB443E1821"},
		{"centos-release-4-0.1.x86_64.rpm", "CentOS-4", "A53D0BAB443E1821"},
		{"centos-release-5-0.0.el5.centos.2.i386.rpm", "CentOS-5", "A8A447DCE8562897"},
		{"centos-release-5-0.0.el5.centos.2.x86_64.rpm", "CentOS-5", "A8A447DCE8562897"},
		{"centos-release-6-0.el6.centos.5.i686.rpm", "CentOS-6", "0946FCA2C105B9DE"},
		{"centos-release-6-0.el6.centos.5.x86_64.rpm", "CentOS-6", "0946FCA2C105B9DE"},
		{"centos-release-7-2.1511.el7.centos.2.10.x86_64.rpm", "CentOS-7", "24C6A8A7F4A80EB5"},
		{"epel-release-7-5.noarch.rpm", "CentOS-7", "24C6A8A7F4A80EB5"},
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.rpm"))
	require.NoError(t, err)
	require.Len(t, files, len(cases))
	for _, c := range cases {
		t.Run(c.file, func(t *testing.T) {
			data := readFile(t, filepath.Join(dir, c.file))
			k := ring(t, filepath.Join(dir, "RPM-GPG-KEY-"+c.key))
			signer, err := verifyPackage(k, data)
			require.NoError(t, err)
			assert.Equal(t, c.id, signer.KeyID)
			assert.Equal(t, k.Fingerprints()[0], signer.Fingerprint)
			assert.Contains(t, signer.UserID, "CentOS")

			p, err := rpmpkg.ReadPreamble(bytes.NewReader(data))
			require.NoError(t, err)
			var bad *BadSignatureError
			_, err = verifyPackage(k, flip(data, int(p.PayloadStart)-20))
			assert.ErrorAs(t, err, &bad, "changed header")
			_, err = verifyPackage(k, flip(data, len(data)-1))
			assert.ErrorAs(t, err, &bad, "changed payload")
			_, err = verifyPackage(k, append(bytes.Clone(data), 0))
			assert.ErrorAs(t, err, &bad, "longer payload")
			_, err = verifyPackage(k, data[:len(data)-1])
			require.ErrorAs(t, err, &bad, "shorter payload")
			assert.Contains(t, bad.Reason, "cut short")
			for _, tag := range []int{sigTagDSAHeader, sigTagRSAHeader, sigTagGPG, sigTagPGP} {
				if sig := p.Signature.Bytes(tag); sig != nil {
					at := bytes.Index(data, sig) + len(sig) - 1
					_, err = verifyPackage(k, flip(data, at))
					require.ErrorAs(t, err, &bad, "changed signature %d", tag)
					assert.Equal(t, c.id, bad.KeyID)
				}
			}

			_, err = verifyPackage(new(Keyring), data)
			assert.Equal(t, &UnknownKeyError{KeyID: c.id}, err)
		})
	}
}

func TestVerifyPackageTestdata(t *testing.T) {
	rsa, ed := testdata("keys", "RPM-GPG-KEY-gorepo-rsa"), testdata("keys", "RPM-GPG-KEY-gorepo-ed25519")
	cases := []struct{ file, key, other, id string }{
		{"signed-rsa-1.0-1.noarch.rpm", rsa, ed, "2968EB30DF941EC2"},
		{"signed-rsa-v3-1.0-1.noarch.rpm", rsa, ed, "2968EB30DF941EC2"},
		{"signed-ed25519-1.0-1.noarch.rpm", ed, rsa, "8DA4983BE807CAF4"},
	}
	for _, c := range cases {
		t.Run(c.file, func(t *testing.T) {
			data := readFile(t, testdata("rpms", c.file))
			signer, err := verifyPackage(ring(t, c.other, c.key), data)
			require.NoError(t, err)
			assert.Equal(t, c.id, signer.KeyID)
			assert.Empty(t, signer.Warnings)
			_, err = verifyPackage(ring(t, c.other), data)
			assert.EqualError(t, err, "signed by key "+c.id+", which is not among the trusted keys")
			_, err = verifyPackage(ring(t, c.key), flip(data, len(data)-1))
			assert.ErrorContains(t, err, "bad signature by key "+c.id+": ")
		})
	}
	_, err := verifyPackage(ring(t, rsa, ed), readFile(t, testdata("rpms", "hello-2.10-1.noarch.rpm")))
	assert.ErrorIs(t, err, ErrNoSignature)
}

// modern has a digest of its payload in its header, old has none.
func modernAndOld(t testing.TB) (modern, old testRPM) {
	modern = takeApart(t, readFile(t, testdata("rpms", "hello-2.10-1.noarch.rpm")))
	old = takeApart(t, readFile(t, filepath.Join(centos(t), "centos-release-6-0.el6.centos.5.x86_64.rpm")))
	return modern, old
}

func TestVerifyPackageCoverage(t *testing.T) {
	modern, old := modernAndOld(t)
	a, b := newKey(t, packet.Config{}), newKey(t, packet.Config{})
	v6 := newKey(t, packet.Config{V6Keys: true, Algorithm: packet.PubKeyAlgoEd25519})
	sumOf := func(p testRPM) []byte {
		sum := md5.Sum(append(bytes.Clone(p.header), p.payload...))
		return sum[:]
	}
	changed := testRPM{modern.lead, modern.header, flip(modern.payload, 9)}
	oldChanged := testRPM{old.lead, old.header, flip(old.payload, 9)}
	head := func(k testKey, p testRPM) []byte { return k.sign(t, p.header) }
	whole := func(k testKey, p testRPM) []byte { return k.sign(t, p.header, p.payload) }
	text := func(sig []byte) string { return base64.StdEncoding.EncodeToString(sig) }

	unknownB := (&UnknownKeyError{KeyID: b.id()}).Error()
	cases := []struct {
		name string
		rpm  testRPM
		tags []sigTag
		want string // "" for good, otherwise part of the error
	}{
		{"header signature and payload digest", modern, []sigTag{{sigTagDSAHeader, head(a, modern)}}, ""},
		{"the tag does not bind the algorithm", modern, []sigTag{{sigTagRSAHeader, head(a, modern)}}, ""},
		{"signature of another header", modern, []sigTag{{sigTagDSAHeader, head(a, old)}}, changedHeader},
		{"payload differs from its digest", changed, []sigTag{{sigTagDSAHeader, head(a, changed)}}, "payload digest"},
		{"no digest of the payload", old, []sigTag{{sigTagRSAHeader, head(a, old)}}, uncoveredPayload},
		{"an unsigned MD5 does not help", old, []sigTag{{sigTagRSAHeader, head(a, old)}, {sigTagMD5, sumOf(old)}}, uncoveredPayload},
		{"header and payload signed", old, []sigTag{{sigTagGPG, whole(a, old)}}, ""},
		{"both signatures", old, []sigTag{{sigTagDSAHeader, head(a, old)}, {sigTagGPG, whole(a, old)}, {sigTagMD5, sumOf(old)}}, ""},
		{"both signatures, changed payload", oldChanged, []sigTag{{sigTagDSAHeader, head(a, old)}, {sigTagGPG, whole(a, old)}}, changedPackage},
		{"wrong MD5", old, []sigTag{{sigTagGPG, whole(a, old)}, {sigTagMD5, sumOf(oldChanged)}}, "MD5 digest"},
		{"wrong SHA-256 of the header", modern, []sigTag{{sigTagDSAHeader, head(a, modern)}, {273, string(bytes.Repeat([]byte("0"), 64))}}, "header SHA-256 digest"},
		{"malformed SHA-256 of the header", modern, []sigTag{{sigTagDSAHeader, head(a, modern)}, {273, "none"}}, "malformed"},
		{"two header signatures, one unknown", modern, []sigTag{{sigTagDSAHeader, head(a, modern)}, {sigTagRSAHeader, head(b, modern)}}, unknownB},
		{"two header signatures, one wrong", modern, []sigTag{{sigTagDSAHeader, head(a, modern)}, {sigTagRSAHeader, head(a, old)}}, changedHeader},
		{"no signature", modern, nil, ErrNoSignature.Error()},
		{"not a signature", modern, []sigTag{{sigTagRSAHeader, []byte("nonsense")}}, "unreadable signature: tag 268: "},
		{"two packets", modern, []sigTag{{sigTagRSAHeader, append(head(a, modern), head(a, modern)...)}}, "more than one packet"},
		{"cut signature", modern, []sigTag{{sigTagRSAHeader, head(a, modern)[:40]}}, "cut short"},

		{"openpgp tag", modern, []sigTag{{sigTagOpenPGP, []string{text(head(a, modern))}}}, ""},
		{"openpgp tag, version 6", modern, []sigTag{{sigTagOpenPGP, []string{text(head(v6, modern))}}}, ""},
		{"openpgp tag, one unknown", modern, []sigTag{{sigTagOpenPGP, []string{text(head(b, modern)), text(head(a, modern))}}}, ""},
		{"openpgp tag, one unreadable", modern, []sigTag{{sigTagOpenPGP, []string{"%%%", text(head(a, modern))}}}, ""},
		{"openpgp tag, one wrong", modern, []sigTag{{sigTagOpenPGP, []string{text(head(a, modern)), text(head(v6, old))}}}, changedHeader},
		{"openpgp tag, all unknown", modern, []sigTag{{sigTagOpenPGP, []string{text(head(b, modern))}}}, unknownB},
		{"openpgp tag, unreadable", modern, []sigTag{{sigTagOpenPGP, []string{"%%%"}}}, "tag 278: damaged base64"},
		{"openpgp tag, uncovered payload", old, []sigTag{{sigTagOpenPGP, []string{text(head(a, old))}}}, uncoveredPayload},
		{"openpgp tag good, legacy unknown", modern, []sigTag{{sigTagOpenPGP, []string{text(head(a, modern))}}, {sigTagRSAHeader, head(b, modern)}}, ""},
		{"openpgp tag unknown, legacy good", modern, []sigTag{{sigTagOpenPGP, []string{text(head(b, modern))}}, {sigTagRSAHeader, head(a, modern)}}, ""},
		{"format 6 has no legacy tags", modern, []sigTag{{sigTagOpenPGP, []string{text(head(a, modern))}}, {sigTagReserved, []byte{0}}, {sigTagGPG, []byte("reserved space")}}, ""},
	}
	k := a.ring(t)
	_, err := k.AddKeys(v6.public(t))
	require.NoError(t, err)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			signer, err := verifyPackage(k, c.rpm.with(c.tags...))
			if c.want == "" {
				require.NoError(t, err)
				assert.NotEmpty(t, signer.KeyID)
				return
			}
			require.ErrorContains(t, err, c.want)
			assert.Empty(t, signer)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

// Every digest that the formats 4 and 6 have for a payload.
func TestVerifyPackagePayloadDigests(t *testing.T) {
	a := newKey(t, packet.Config{})
	lead := takeApart(t, readFile(t, testdata("rpms", "hello-2.10-1.noarch.rpm"))).lead
	payload := []byte("what is in the package")
	s256, s384, s512, s3 := sha256.Sum256(payload), sha512.Sum384(payload), sha512.Sum512(payload), sha3.Sum256(payload)
	text := func(sum []byte) []string { return []string{hex.EncodeToString(sum)} }
	wrong := text(make([]byte, 32))
	cases := []struct {
		name string
		tags []sigTag
		want string
	}{
		{"SHA-256", []sigTag{{5092, text(s256[:])}, {5093, uint32(8)}}, ""},
		{"SHA-256 by default", []sigTag{{5092, text(s256[:])}}, ""},
		{"in upper case", []sigTag{{5092, strings.ToUpper(text(s256[:])[0])}}, ""},
		{"SHA-384", []sigTag{{5092, text(s384[:])}, {5093, uint32(9)}}, ""},
		{"SHA-512", []sigTag{{5092, text(s512[:])}, {5093, uint32(10)}}, ""},
		{"SHA-1 is no protection", []sigTag{{5092, text(s256[:20])}, {5093, uint32(2)}}, "algorithm 2, which is not supported"},
		{"of a wrong length", []sigTag{{5092, text(s384[:])}}, "payload digest is malformed"},
		{"wrong", []sigTag{{5092, wrong}}, "the payload digest in the package does not match"},
		{"alternative", []sigTag{{5092, wrong}, {5097, text(s256[:])}}, ""},
		{"wrong alternative", []sigTag{{5092, text(s256[:])}, {5097, wrong}}, ""},
		{"both wrong", []sigTag{{5092, wrong}, {5097, wrong}}, "does not match"},
		{"format 6", []sigTag{{5092, text(s256[:])}, {5121, text(s512[:])[0]}, {5123, text(s3[:])[0]}}, ""},
		{"format 6 without SHA-256", []sigTag{{5123, text(s3[:])[0]}}, ""},
		{"one family wrong", []sigTag{{5092, text(s256[:])}, {5121, text(make([]byte, 64))[0]}}, "payload SHA-512 digest"},
		{"none", []sigTag{{1000, "name"}}, uncoveredPayload},
		{"of another type", []sigTag{{5092, s256[:]}}, uncoveredPayload},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := testRPM{lead, buildHeader(63, c.tags), payload}
			sum := sha3.Sum256(p.header)
			_, err := verifyPackage(a.ring(t), p.with(sigTag{sigTagDSAHeader, a.sign(t, p.header)}, sigTag{279, hex.EncodeToString(sum[:])}))
			if c.want == "" {
				require.NoError(t, err)
				p.payload = flip(payload, 3)
				_, err = verifyPackage(a.ring(t), p.with(sigTag{sigTagDSAHeader, a.sign(t, p.header)}))
				assert.ErrorContains(t, err, "does not match")
				return
			}
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func TestVerifyPackageUnreadable(t *testing.T) {
	k := ring(t, testdata("keys", "RPM-GPG-KEY-gorepo-rsa"))
	data := readFile(t, testdata("rpms", "signed-rsa-1.0-1.noarch.rpm"))
	var unreadable *UnreadableError
	for _, n := range []int{0, 4, 96, 200, 1000} {
		_, err := verifyPackage(k, data[:n])
		require.ErrorAs(t, err, &unreadable, "%d bytes", n)
	}
	_, err := verifyPackage(k, []byte("<html>not here</html>"))
	require.ErrorAs(t, err, &unreadable)
	assert.ErrorIs(t, err, rpmpkg.ErrNotRPM)
}

// What goes wrong with the file is not blamed on the signature.
func TestVerifyPackageReadError(t *testing.T) {
	k := ring(t, testdata("keys", "RPM-GPG-KEY-gorepo-rsa"))
	data := readFile(t, testdata("rpms", "signed-rsa-1.0-1.noarch.rpm"))
	disk := errors.New("disk fell off")
	for _, n := range []int{10, 500, len(data) - 10} {
		_, err := k.VerifyPackage(io.MultiReader(bytes.NewReader(data[:n]), iotest.ErrReader(disk)))
		require.ErrorIs(t, err, disk)
		var unreadable *UnreadableError
		assert.NotErrorAs(t, err, &unreadable)
	}
	_, err := k.VerifyPackage(iotest.OneByteReader(bytes.NewReader(data)))
	assert.NoError(t, err)
}

// endless delivers zeros after data.
type endless struct {
	data io.Reader
	left int64
}

func (e *endless) Read(b []byte) (int, error) {
	if n, err := e.data.Read(b); n > 0 || err != io.EOF {
		return n, err
	}
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(b)), e.left)
	clear(b[:n])
	e.left -= n
	return int(n), nil
}

func TestVerifyPackageMemory(t *testing.T) {
	k := ring(t, testdata("keys", "RPM-GPG-KEY-gorepo-rsa"))
	data := readFile(t, testdata("rpms", "signed-rsa-1.0-1.noarch.rpm"))
	result := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := k.VerifyPackage(&endless{bytes.NewReader(data), 64 << 20})
			require.Error(b, err)
		}
	})
	assert.Less(t, result.AllocedBytesPerOp(), int64(1<<20), "a payload of 64 MiB")
}
