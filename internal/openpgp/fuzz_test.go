package openpgp

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	pgp "github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/rpmpkg"
)

// committedKey returns a key of testdata, which is the same in every run.
func committedKey(t testing.TB, name string) testKey {
	t.Helper()
	list, err := pgp.ReadArmoredKeyRing(bytes.NewReader(readFile(t, testdata("keys", name+".sec"))))
	require.NoError(t, err)
	return testKey{list[0], &packet.Config{}}
}

// isKnown reports whether err is of a kind that callers are promised.
func isKnown(err error) bool {
	switch err.(type) { //nolint:errorlint // exactly these are promised
	case *UnknownKeyError, *BadSignatureError, *UnreadableError:
		return true
	}
	return errors.Is(err, ErrNoSignature)
}

func FuzzVerifyDetached(f *testing.F) {
	rsa, ed := committedKey(f, "rsa"), committedKey(f, "ed25519")
	k := ring(f, testdata("keys", "RPM-GPG-KEY-gorepo-rsa"), testdata("keys", "RPM-GPG-KEY-gorepo-ed25519"))
	for _, key := range []testKey{rsa, ed} {
		sig := key.sign(f, []byte(repomd))
		f.Add(sig)
		f.Add(armorOf(f, kindSignature, sig))
	}
	f.Add([]byte{0xc2, 22, 3, 5, 0, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, algorithmRSA, 8, 0, 0, 0, 8, 255})
	f.Fuzz(func(t *testing.T, sig []byte) {
		_, err := verifyDetached(k, sig)
		if err != nil {
			require.True(t, isKnown(err), "%T: %v", err, err)
			assert.NotContains(t, err.Error(), "\n")
			return
		}
		_, err = k.VerifyDetached(strings.NewReader(repomd+"!"), sig)
		assert.Error(t, err, "a signature for everything")
	})
}

func FuzzVerifyPackage(f *testing.F) {
	dir := centos(f)
	k := ring(f, testdata("keys", "RPM-GPG-KEY-gorepo-rsa"), testdata("keys", "RPM-GPG-KEY-gorepo-ed25519"),
		filepath.Join(dir, "RPM-GPG-KEY-CentOS-3"), filepath.Join(dir, "RPM-GPG-KEY-CentOS-7"))
	// What the keys have signed, by the digest of header and payload.
	signed := make(map[[32]byte]bool)
	for _, file := range []string{
		testdata("rpms", "signed-rsa-1.0-1.noarch.rpm"),
		testdata("rpms", "signed-rsa-v3-1.0-1.noarch.rpm"),
		testdata("rpms", "signed-ed25519-1.0-1.noarch.rpm"),
		filepath.Join(dir, "centos-release-3.1-1.i386.rpm"),
		filepath.Join(dir, "epel-release-7-5.noarch.rpm"),
	} {
		data := readFile(f, file)
		p, err := rpmpkg.ReadPreamble(bytes.NewReader(data))
		require.NoError(f, err)
		signed[sha256.Sum256(data[p.HeaderStart:])] = true
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := verifyPackage(k, data)
		if err != nil {
			require.True(t, isKnown(err), "%T: %v", err, err)
			assert.NotContains(t, err.Error(), "\n")
			return
		}
		p, err := rpmpkg.ReadPreamble(bytes.NewReader(data))
		require.NoError(t, err)
		assert.True(t, signed[sha256.Sum256(data[p.HeaderStart:])], "accepted what nobody signed")
	})
}

func FuzzAddKeys(f *testing.F) {
	key := committedKey(f, "rsa")
	sig := key.sign(f, []byte(repomd))
	fingerprint := key.ring(f).Fingerprints()[0]
	f.Add(key.public(f))
	f.Add(readFile(f, testdata("keys", "RPM-GPG-KEY-gorepo-rsa")))
	f.Add(readFile(f, testdata("keys", "RPM-GPG-KEY-gorepo-ed25519")))
	for _, version := range []string{"3", "5", "7"} {
		f.Add(readFile(f, filepath.Join(centos(f), "RPM-GPG-KEY-CentOS-"+version)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		k := new(Keyring)
		added, err := k.AddKeys(data)
		if err != nil {
			require.True(t, isKnown(err), "%T: %v", err, err)
		} else {
			require.NotEmpty(t, added)
		}
		signer, err := verifyDetached(k, sig)
		if err == nil {
			assert.Equal(t, fingerprint, signer.Fingerprint, "another key made this signature")
		}
	})
}
