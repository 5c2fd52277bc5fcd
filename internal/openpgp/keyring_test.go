package openpgp

import (
	"bytes"
	"crypto/dsa" //nolint:staticcheck // a key as EL5 has it
	"crypto/rsa"
	"fmt"
	"math/big"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	pgp "github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAddKeys(t *testing.T) {
	a, b := newKey(t, packet.Config{}), newKey(t, packet.Config{V6Keys: true, Algorithm: packet.PubKeyAlgoEd25519})
	fa, fb := a.ring(t).Fingerprints()[0], b.ring(t).Fingerprints()[0]
	pubA, pubB := a.public(t), b.public(t)
	join := func(list ...[]byte) []byte { return bytes.Join(list, nil) }
	v3key := []byte{0xc6, 6, 3, 0, 0, 0, 0, 0}
	var secret bytes.Buffer
	require.NoError(t, a.SerializePrivate(&secret, nil))

	cases := []struct {
		name string
		data []byte
		want []string
		bad  string
	}{
		{"binary", pubA, []string{fa}, ""},
		{"binary, several", join(pubA, pubB), []string{fa, fb}, ""},
		{"armored", armorOf(t, kindPublicKey, pubA), []string{fa}, ""},
		{"blocks one after another", join(armorOf(t, kindPublicKey, pubA), armorOf(t, kindPublicKey, pubB)), []string{fa, fb}, ""},
		{"several in one block", armorOf(t, kindPublicKey, join(pubA, pubB)), []string{fa, fb}, ""},
		{"a listing before", join([]byte("pub  1024D/F24F1B08\n\n"), armorOf(t, kindPublicKey, pubA)), []string{fa}, ""},
		{"armor headers", bytes.Replace(armorOf(t, kindPublicKey, pubA), []byte("\n\n"), []byte("\nVersion: x\nComment: y: z\n\n"), 1), []string{fa}, ""},
		{"no line between header and body", bytes.Replace(armorOf(t, kindPublicKey, pubA), []byte("\n\n"), []byte("\n"), 1), []string{fa}, ""},
		{"twice the same", join(pubA, pubA), []string{fa, fa}, ""},
		{"one not supported", join(v3key, pubA), []string{fa}, "a key is not supported: public key version 3"},
		{"one block damaged", join([]byte("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n???\n-----END PGP PUBLIC KEY BLOCK-----\n"), armorOf(t, kindPublicKey, pubB)), []string{fb}, "block 1: its base64 is damaged"},
		{"one block without end", join([]byte("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabcd\n"), armorOf(t, kindPublicKey, pubB)), []string{fb}, "block 1: it has no end"},
		{"cut after one", join(pubA, pubB[:20]), []string{fa}, "a packet is cut short"},
		{"private, armored", armorOf(t, kindPrivateKey, secret.Bytes()), nil, "it is a private key: give the public one"},
		{"private, binary", secret.Bytes(), nil, "it is a private key: give the public one"},
		{"a signature", armorOf(t, kindSignature, a.sign(t, nil)), nil, "it is a PGP SIGNATURE and no public key"},
		{"a binary signature", a.sign(t, nil), nil, "there is no key in it"},
		{"empty", nil, nil, "empty"},
		{"html", []byte("<html>"), nil, "neither armored nor binary"},
		{"huge", make([]byte, maxKeyFile+1), nil, "too long"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			k := new(Keyring)
			got, err := k.AddKeys(c.data)
			assert.Equal(t, c.want, got)
			assert.LessOrEqual(t, k.Len(), len(c.want))
			if c.bad == "" {
				assert.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.bad)
			assert.NotContains(t, err.Error(), "\n")
			var unreadable *UnreadableError
			assert.ErrorAs(t, err, &unreadable)
		})
	}
}

func TestAddKeysCentOS(t *testing.T) {
	want := map[string]string{
		"2": "881271F0B66849E2FA8687602802E89216FF0E46",
		"5": "473D66D5212271FD51CC17B1A8A447DCE8562897",
		"7": "6341AB2753D78A78A7C27BB124C6A8A7F4A80EB5",
	}
	all := new(Keyring)
	var file []byte
	for version, fingerprint := range want {
		data := readFile(t, filepath.Join(centos(t), "RPM-GPG-KEY-CentOS-"+version))
		k := new(Keyring)
		got, err := k.AddKeys(data)
		require.NoError(t, err)
		assert.Equal(t, []string{fingerprint}, got)
		file = append(file, data...)
	}
	got, err := all.AddKeys(file)
	require.NoError(t, err)
	assert.Len(t, got, len(want))
}

func TestRevoked(t *testing.T) {
	a, other := newKey(t, packet.Config{}), newKey(t, packet.Config{})
	before, sig := a.public(t), a.sign(t, []byte(repomd))
	forged := new(packet.Signature)
	*forged = packet.Signature{Version: 4, SigType: packet.SigTypeKeyRevocation, PubKeyAlgo: other.PrimaryKey.PubKeyAlgo, Hash: 5, CreationTime: a.PrimaryKey.CreationTime, IssuerKeyId: &other.PrimaryKey.KeyId}
	require.NoError(t, forged.RevokeKey(a.PrimaryKey, other.PrivateKey, nil))
	require.NoError(t, a.RevokeKey(packet.KeySuperseded, "", nil))
	after := a.public(t)

	k := new(Keyring)
	_, err := k.AddKeys(before)
	require.NoError(t, err)
	_, err = verifyDetached(k, sig)
	require.NoError(t, err)
	// The revocation counts whichever copy came first, and stays.
	for _, data := range [][]byte{after, before} {
		_, err = k.AddKeys(data)
		require.NoError(t, err)
		assert.Equal(t, 1, k.Len())
		_, err = verifyDetached(k, sig)
		revokedNow(t, a.id(), err)
	}

	// A revocation by someone else is none: put it behind the primary key.
	var b bytes.Buffer
	require.NoError(t, forged.Serialize(&b))
	_, rest, err := nextPacket(before)
	require.NoError(t, err)
	head := before[:len(before)-len(rest)]
	k = new(Keyring)
	_, err = k.AddKeys(bytes.Join([][]byte{head, b.Bytes(), rest}, nil))
	require.NoError(t, err)
	_, err = verifyDetached(k, sig)
	assert.NoError(t, err)
}

// revokedNow checks that a signature was refused because its key is revoked, and
// that the day of that is named.
func revokedNow(t *testing.T, id string, err error) {
	t.Helper()
	var bad *BadSignatureError
	require.ErrorAs(t, err, &bad)
	assert.Equal(t, id, bad.KeyID)
	day, found := strings.CutPrefix(bad.Reason, "the key was revoked on ")
	require.True(t, found, bad.Reason)
	on, err := time.Parse(time.DateOnly, day)
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), on, 48*time.Hour)
}

// Of a file of keys those that are pinned, by their primary key.
func TestAddPinned(t *testing.T) {
	a, b, c := withSubkey(t), newKey(t, packet.Config{}), newKey(t, packet.Config{})
	sub := fmt.Sprintf("%X", a.Subkeys[len(a.Subkeys)-1].PublicKey.Fingerprint)
	of := func(k testKey) string { return k.ring(t).Fingerprints()[0] }
	file := slices.Concat(a.public(t), b.public(t), c.public(t))

	k := new(Keyring)
	added, others, err := k.AddPinned(file, []string{of(b), sub, strings.Repeat("A", 40)})
	require.NoError(t, err)
	assert.Equal(t, []string{of(b)}, added, "a subkey's fingerprint pins nothing")
	assert.Equal(t, []string{of(a), of(c)}, others)
	assert.Equal(t, []string{of(b)}, k.Fingerprints())
	var unknown *UnknownKeyError
	_, err = verifyDetached(k, a.sign(t, []byte(repomd)))
	assert.ErrorAs(t, err, &unknown)
	_, err = verifyDetached(k, b.sign(t, []byte(repomd)))
	assert.NoError(t, err)

	// With the primary key come its subkeys.
	added, _, err = k.AddPinned(file, []string{of(a)})
	require.NoError(t, err)
	assert.Equal(t, []string{of(a)}, added)
	_, err = verifyDetached(k, a.sign(t, []byte(repomd)))
	assert.NoError(t, err)

	// Nothing that is pinned, and a part that cannot be read.
	added, others, err = new(Keyring).AddPinned(append(c.public(t), 0), []string{of(a)})
	require.Error(t, err)
	assert.Empty(t, added)
	assert.Equal(t, []string{of(c)}, others)
}

// withSubkey is a key whose signatures are made by a subkey.
func withSubkey(t *testing.T) testKey {
	a := newKey(t, packet.Config{})
	require.NoError(t, a.AddSigningSubkey(a.config))
	return a
}

func TestSubkey(t *testing.T) {
	a := withSubkey(t)
	sub := a.Subkeys[len(a.Subkeys)-1].PublicKey
	sig := a.sign(t, []byte(repomd))
	signer, err := verifyDetached(a.ring(t), sig)
	require.NoError(t, err)
	assert.Equal(t, formatKeyID(sub.KeyId), signer.KeyID)
	assert.Equal(t, a.ring(t).Fingerprints()[0], signer.Fingerprint)

	// The primary key signs as well.
	primary := testKey{a.Entity, &packet.Config{SigningKeyId: a.PrimaryKey.KeyId}}
	signer, err = verifyDetached(a.ring(t), primary.sign(t, []byte(repomd)))
	require.NoError(t, err)
	assert.Equal(t, a.id(), signer.KeyID)

	// A revoked subkey signs nothing, its primary key still does.
	require.NoError(t, a.RevokeSubkey(&a.Subkeys[len(a.Subkeys)-1], packet.KeyCompromised, "", nil))
	k := a.ring(t)
	_, err = verifyDetached(k, sig)
	revokedNow(t, formatKeyID(sub.KeyId), err)
	_, err = verifyDetached(k, primary.sign(t, []byte(repomd)))
	assert.NoError(t, err)

	// With the primary key, its subkeys are revoked.
	b := withSubkey(t)
	sig = b.sign(t, []byte(repomd))
	require.NoError(t, b.RevokeKey(packet.KeyCompromised, "", nil))
	_, err = verifyDetached(b.ring(t), sig)
	assert.ErrorContains(t, err, "the key was revoked on 20")
}

// A subkey that someone appends to a key they do not own is not part of it.
func TestForeignSubkey(t *testing.T) {
	a, evil := newKey(t, packet.Config{}), withSubkey(t)
	var b bytes.Buffer
	require.NoError(t, a.Serialize(&b))
	sub := evil.Subkeys[len(evil.Subkeys)-1]
	require.NoError(t, sub.PublicKey.Serialize(&b))
	require.NoError(t, sub.Sig.Serialize(&b))
	k := new(Keyring)
	_, err := k.AddKeys(b.Bytes())
	require.NoError(t, err)
	_, err = verifyDetached(k, evil.sign(t, []byte(repomd)))
	assert.EqualError(t, err, "bad signature by key "+formatKeyID(sub.PublicKey.KeyId)+": the key is a subkey that may not sign")

	// Nor is one that did not sign back.
	c := newKey(t, packet.Config{})
	theirs := evil.Subkeys[len(evil.Subkeys)-1]
	theirs.Sig = &packet.Signature{
		Version: 4, SigType: packet.SigTypeSubkeyBinding, PubKeyAlgo: c.PrimaryKey.PubKeyAlgo, Hash: 5,
		CreationTime: c.PrimaryKey.CreationTime, FlagsValid: true, FlagSign: true, IssuerKeyId: &c.PrimaryKey.KeyId,
	}
	require.NoError(t, theirs.Sig.SignKey(theirs.PublicKey, c.PrivateKey, nil))
	b.Reset()
	require.NoError(t, c.Serialize(&b))
	require.NoError(t, theirs.PublicKey.Serialize(&b))
	require.NoError(t, theirs.Sig.Serialize(&b))
	k = new(Keyring)
	_, err = k.AddKeys(b.Bytes())
	require.NoError(t, err)
	_, err = verifyDetached(k, evil.sign(t, []byte(repomd)))
	assert.ErrorContains(t, err, "may not sign")
}

func TestUserIDIsPrintable(t *testing.T) {
	config := &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA}
	e, err := pgp.NewEntity("\x1b[31mred\nöl\xff", "", "", config)
	require.NoError(t, err)
	k := testKey{e, config}
	signer, err := verifyDetached(k.ring(t), k.sign(t, []byte(repomd)))
	require.NoError(t, err)
	assert.Equal(t, "?[31mred?öl?", strings.TrimSpace(signer.UserID))
}

// Two copies of a key are one key, with what either has.
func TestMerge(t *testing.T) {
	a := newKey(t, packet.Config{})
	alone := a.public(t)
	require.NoError(t, a.AddSigningSubkey(a.config))
	full, sig := a.public(t), a.sign(t, []byte(repomd))
	for _, files := range [][][]byte{{alone, full}, {full, alone}, {full, full}} {
		k := new(Keyring)
		for _, data := range files {
			_, err := k.AddKeys(data)
			require.NoError(t, err)
		}
		assert.Equal(t, 1, k.Len())
		assert.Len(t, k.named(&signature{keyID: a.Subkeys[len(a.Subkeys)-1].PublicKey.KeyId}), 1)
		_, err := verifyDetached(k, sig)
		assert.NoError(t, err)
	}
}

func TestUsable(t *testing.T) {
	number := func(bits uint) *big.Int { return new(big.Int).Lsh(big.NewInt(1), bits-1) }
	key := func(algorithm packet.PublicKeyAlgorithm, public any) *packet.PublicKey {
		return &packet.PublicKey{PubKeyAlgo: algorithm, PublicKey: public}
	}
	small := func(p uint) *dsa.PublicKey {
		return &dsa.PublicKey{Parameters: dsa.Parameters{P: number(p), Q: number(160), G: number(2)}, Y: number(3)}
	}
	odd := small(1024)
	odd.Q = number(600)
	assert.NoError(t, usable(key(packet.PubKeyAlgoRSA, &rsa.PublicKey{N: number(1024)})))
	assert.Error(t, usable(key(packet.PubKeyAlgoRSA, &rsa.PublicKey{N: number(1023)})))
	assert.Error(t, usable(key(packet.PubKeyAlgoRSA, &rsa.PublicKey{N: number(16385)})))
	assert.Error(t, usable(key(packet.PubKeyAlgoRSAEncryptOnly, &rsa.PublicKey{N: number(2048)})))
	assert.NoError(t, usable(key(packet.PubKeyAlgoDSA, small(1024))))
	assert.Error(t, usable(key(packet.PubKeyAlgoDSA, small(20000))))
	assert.Error(t, usable(key(packet.PubKeyAlgoDSA, odd)))
}
