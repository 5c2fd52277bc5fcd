package openpgp

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func (k testKey) secret(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, k.SerializePrivateWithoutSigning(&b, k.config))
	return b.Bytes()
}

func TestSigningKeys(t *testing.T) {
	for _, name := range []string{"rsa", "ed25519"} {
		for _, form := range []string{"armored", "binary"} {
			data := readFile(t, testdata("keys", name+".sec"))
			if form == "binary" {
				list, err := blocks(data, "")
				require.NoError(t, err)
				data = list[0].data
			}
			k, err := ReadSigningKey(data, nil)
			require.NoError(t, err)
			at := time.Unix(1_710_000_000, 0)
			sig, err := k.Sign([]byte(repomd), at)
			require.NoError(t, err)
			require.NoError(t, k.Verify([]byte(repomd), sig))
			assert.Error(t, k.Verify([]byte(repomd+" "), sig))
			trusted := ring(t, testdata("keys", "RPM-GPG-KEY-gorepo-"+name))
			signer, err := verifyDetached(trusted, sig)
			require.NoError(t, err)
			assert.Empty(t, signer.Warnings)
			_, err = verifyDetached(newKey(t, packet.Config{}).ring(t), sig)
			assert.Error(t, err)

			again, err := ReadSigningKey(data, nil)
			require.NoError(t, err)
			second, err := again.Sign([]byte(repomd), at)
			require.NoError(t, err)
			assert.Equal(t, string(sig), string(second), "the same bytes")
			assert.Equal(t, k.PublicKey(), again.PublicKey())
			public := new(Keyring)
			_, err = public.AddKeys(k.PublicKey())
			require.NoError(t, err)
			assert.Equal(t, trusted.Fingerprints(), public.Fingerprints())
			assert.NotContains(t, string(k.PublicKey()), "PRIVATE")

			early, err := k.Sign([]byte(repomd), time.Unix(1, 0))
			require.NoError(t, err)
			list, err := readDetached(early)
			require.NoError(t, err)
			assert.Equal(t, k.private.CreationTime.Unix(), list[0].made.Unix(), "no signature is older than its key")
		}
	}
}

func TestSigningSubkeyIsPreferred(t *testing.T) {
	key := newKey(t, packet.Config{})
	require.NoError(t, key.AddSigningSubkey(key.config))
	k, err := ReadSigningKey(key.secret(t), nil)
	require.NoError(t, err)
	assert.Equal(t, key.Subkeys[1].PublicKey.KeyId, k.private.KeyId)
	sig, err := k.Sign([]byte(repomd), time.Now())
	require.NoError(t, err)
	signer, err := verifyDetached(key.ring(t), sig)
	require.NoError(t, err)
	assert.Equal(t, formatKeyID(key.Subkeys[1].PublicKey.KeyId), signer.KeyID)
}

func TestSigningPassphrase(t *testing.T) {
	key := newKey(t, packet.Config{})
	require.NoError(t, key.EncryptPrivateKeys([]byte("open sesame"), key.config))
	data := armorOf(t, kindPrivateKey, key.secret(t))
	_, err := ReadSigningKey(data, nil)
	assert.ErrorIs(t, err, ErrPassphrase)
	_, err = ReadSigningKey(data, []byte("open barley"))
	assert.EqualError(t, err, "the passphrase is wrong")
	k, err := ReadSigningKey(data, []byte("open sesame"))
	require.NoError(t, err)
	sig, err := k.Sign([]byte(repomd), time.Now())
	require.NoError(t, err)
	require.NoError(t, k.Verify([]byte(repomd), sig))
}

func TestKeysThatCannotSign(t *testing.T) {
	long := time.Now().Add(-100 * 24 * time.Hour)
	expired := newKey(t, packet.Config{KeyLifetimeSecs: 24 * 3600, Time: func() time.Time { return long }})
	revoked := newKey(t, packet.Config{})
	require.NoError(t, revoked.RevokeKey(packet.KeyCompromised, "lost", revoked.config))
	withRevoked := bytes.Buffer{}
	require.NoError(t, revoked.SerializePrivateWithoutSigning(&withRevoked, nil))
	certifies := newKey(t, packet.Config{})
	for _, id := range certifies.Identities {
		id.SelfSignature.FlagSign = false
		require.NoError(t, id.SelfSignature.SignUserId(id.UserId.Id, certifies.PrimaryKey, certifies.PrivateKey, certifies.config))
	}
	good := newKey(t, packet.Config{})
	broken := good.secret(t)
	for _, tt := range []struct {
		name string
		data []byte
		want string
	}{
		{"expired", expired.secret(t), "the key expired on " + long.Add(24*time.Hour).UTC().Format(time.DateOnly)},
		{"revoked", withRevoked.Bytes(), "the key is revoked"},
		{"certifies only", certifies.secret(t), "may not sign"},
		{"two keys", append(good.secret(t), newKey(t, packet.Config{}).secret(t)...), "several keys"},
		{"a public key", armorOf(t, kindPublicKey, good.public(t)), "no secret key"},
		{"a public key, binary", good.public(t), "it is a public key"},
		{"empty", nil, "empty"},
		{"text", []byte("hello"), "neither armored nor binary"},
		{"cut", broken[:len(broken)-9], "cut short"},
		{"a signature", good.sign(t, []byte("x")), "no secret key"},
		{"too long", make([]byte, maxKeyFile+1), "too long"},
	} {
		_, err := ReadSigningKey(tt.data, nil)
		if assert.ErrorContains(t, err, tt.want, tt.name) {
			assert.NotContains(t, err.Error(), "\n", tt.name)
		}
	}
}

func FuzzReadSigningKey(f *testing.F) {
	for _, name := range []string{"rsa", "ed25519"} {
		f.Add(readFile(f, testdata("keys", name+".sec")))
	}
	key := committedKey(f, "ed25519")
	f.Add(key.secret(f))
	require.NoError(f, key.EncryptPrivateKeys([]byte("p"), &packet.Config{}))
	f.Add(key.secret(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := ReadSigningKey(data, nil)
		if err != nil {
			assert.NotContains(t, err.Error(), "\n")
			return
		}
		sig, err := k.Sign([]byte(repomd), time.Unix(1_710_000_000, 0))
		if err == nil {
			assert.True(t, strings.HasPrefix(string(sig), "-----BEGIN PGP SIGNATURE"))
		}
	})
}
