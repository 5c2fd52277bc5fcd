package openpgp

import (
	"bytes"
	"errors"
	"testing"
	"testing/iotest"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const repomd = "<repomd>the quick brown fox</repomd>\n"

func verifyDetached(k *Keyring, sig []byte) (Signer, error) {
	return k.VerifyDetached(bytes.NewReader([]byte(repomd)), sig)
}

func TestVerifyDetached(t *testing.T) {
	a, b, c := newKey(t, packet.Config{}), newKey(t, packet.Config{}), newKey(t, packet.Config{})
	good, other := a.sign(t, []byte(repomd)), b.sign(t, []byte(repomd))
	third, wrong := c.sign(t, []byte(repomd)), a.sign(t, []byte("else"))
	join := func(list ...[]byte) []byte { return bytes.Join(list, nil) }
	cases := []struct {
		name string
		sig  []byte
		want string
	}{
		{"binary", good, ""},
		{"armored", armorOf(t, kindSignature, good), ""},
		{"armored with CRLF", bytes.ReplaceAll(armorOf(t, kindSignature, good), []byte("\n"), []byte("\r\n")), ""},
		{"armored after a BOM and a line of text", join(utf8BOM, []byte("signed\n"), armorOf(t, kindSignature, good)), ""},
		{"two, the first unknown", join(other, good), ""},
		{"two in one block", armorOf(t, kindSignature, join(good, other)), ""},
		{"two blocks", join(armorOf(t, kindSignature, other), armorOf(t, kindSignature, good)), ""},
		{"two, the first wrong", join(wrong, good), ""},
		{"two, the first damaged", join([]byte{0xc2, 6, 4, 0, 1, 8, 0, 200}, good), ""},
		{"unknown key", other, "signed by key " + b.id() + ", which is not among the trusted keys"},
		{"unknown keys", join(other, third), "signed by keys " + b.id() + ", " + c.id() + ", none of which is among the trusted keys"},
		{"wrong", wrong, "bad signature by key " + a.id() + ": what was signed is different"},
		{"wrong and unknown", join(other, wrong), "bad signature by key " + a.id() + ": what was signed is different"},
		{"changed", flip(good, len(good)-1), "bad signature by key " + a.id() + ": what was signed is different"},
		{"cut", good[:len(good)-5], "unreadable signature: a packet is cut short"},
		{"empty", nil, "unreadable signature: empty"},
		{"html", []byte("<html>404</html>"), "unreadable signature: neither armored nor binary OpenPGP data"},
		{"a key", a.public(t), "unreadable signature: packet of type 6 where a signature should be"},
		{"an armored key", armorOf(t, kindPublicKey, a.public(t)), "unreadable signature: it is a PGP PUBLIC KEY BLOCK and no signature"},
		{"an empty block", []byte("-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n"), "not signed"},
		{"damaged armor", []byte("-----BEGIN PGP SIGNATURE-----\n\n!!!!\n-----END PGP SIGNATURE-----\n"), "unreadable signature: its base64 is damaged"},
		{"cut armor", armorOf(t, kindSignature, good)[:90], "unreadable signature: it is cut short"},
		{"many", bytes.Repeat(other, maxSignatures+1), "unreadable signature: too many signatures"},
		{"long", make([]byte, maxSignatureFile+1), "unreadable signature: 1048577 bytes is too long"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			signer, err := verifyDetached(a.ring(t), tc.sig)
			if tc.want == "" {
				require.NoError(t, err)
				assert.Equal(t, Signer{KeyID: a.id(), Fingerprint: a.ring(t).Fingerprints()[0], UserID: "test <test@example.com>"}, signer)
				return
			}
			require.EqualError(t, err, tc.want)
			assert.Empty(t, signer)
		})
	}
}

func TestVerifyDetachedReadError(t *testing.T) {
	a := newKey(t, packet.Config{})
	disk := errors.New("disk fell off")
	_, err := a.ring(t).VerifyDetached(iotest.ErrReader(disk), a.sign(t, []byte(repomd)))
	assert.ErrorIs(t, err, disk)
}

// Hashes that prove nothing are refused, with the key that is named.
func TestVerifyDetachedHash(t *testing.T) {
	a := newKey(t, packet.Config{})
	sig := a.sign(t, []byte(repomd))
	for algorithm, want := range map[byte]string{
		1: "it is made with MD5, which proves nothing",
		3: "it is made with RIPEMD-160, which is not supported",
		7: "it is made with hash algorithm 7, which is not supported",
	} {
		other := bytes.Clone(sig)
		p, _, err := nextPacket(other)
		require.NoError(t, err)
		p.body[3] = algorithm
		_, err = verifyDetached(a.ring(t), other)
		assert.Equal(t, &BadSignatureError{KeyID: a.id(), Reason: want}, err)
	}
}

func TestVerifyDetachedV3Hash(t *testing.T) {
	body := append([]byte{3, 5, 0, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, algorithmRSA, 1, 0, 0}, 0, 8, 255)
	sig := append([]byte{0xc2, byte(len(body))}, body...)
	_, err := verifyDetached(new(Keyring), sig)
	assert.EqualError(t, err, "bad signature by key 0102030405060708: it is made with MD5, which proves nothing")
}

func TestVerifyDetachedType(t *testing.T) {
	a := newKey(t, packet.Config{})
	for _, id := range a.Identities {
		var b bytes.Buffer
		require.NoError(t, id.SelfSignature.Serialize(&b))
		_, err := verifyDetached(a.ring(t), b.Bytes())
		assert.EqualError(t, err, "bad signature by key "+a.id()+": it is of type 0x13, not one of a file")
	}
}

func TestVerifyDetachedExpired(t *testing.T) {
	past := func() time.Time { return time.Now().Add(-48 * time.Hour) }
	a := newKey(t, packet.Config{Time: past, KeyLifetimeSecs: 3600})
	signer, err := verifyDetached(a.ring(t), a.sign(t, []byte(repomd)))
	require.NoError(t, err, "an expired key is accepted, as by rpm")
	require.Len(t, signer.Warnings, 1)
	assert.Equal(t, "key expired on "+past().Add(time.Hour).UTC().Format(time.DateOnly), signer.Warnings[0])

	b := newKey(t, packet.Config{Time: past, SigLifetimeSecs: 3600})
	_, err = verifyDetached(b.ring(t), b.sign(t, []byte(repomd)))
	assert.EqualError(t, err, "bad signature by key "+b.id()+": the signature has expired")
}

func TestVerifyDetachedCriticalNotation(t *testing.T) {
	a := newKey(t, packet.Config{SignatureNotations: []*packet.Notation{
		{Name: "only@example.com", Value: []byte("x"), IsCritical: true, IsHumanReadable: true},
	}})
	_, err := verifyDetached(a.ring(t), a.sign(t, []byte(repomd)))
	assert.ErrorContains(t, err, `whoever does not know "only@example.com" must not accept it`)
}

func TestVerifyDetachedConcurrently(t *testing.T) {
	a := newKey(t, packet.Config{})
	k, sig := a.ring(t), a.sign(t, []byte(repomd))
	for range 8 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			_, err := verifyDetached(k, sig)
			assert.NoError(t, err)
		})
	}
}
