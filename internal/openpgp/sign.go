package openpgp

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// ErrPassphrase is returned for a secret key that has a passphrase, and none was
// given.
var ErrPassphrase = errors.New("the key has a passphrase")

// A SigningKey signs files.
type SigningKey struct {
	private *packet.PrivateKey
	public  []byte // the whole key without its secret parts, armored
	ring    Keyring
}

// ReadSigningKey reads a file with one secret key, armored or binary. Of the
// keys that it is made of, the one that signs is gpg's choice: the newest subkey
// that may, or else the primary key. The error is [ErrPassphrase], or says what
// keeps the key from signing now.
func ReadSigningKey(data, passphrase []byte) (*SigningKey, error) {
	secret, err := readSecretKeys(data)
	if err != nil {
		return nil, err
	}
	k := &SigningKey{}
	if k.public, err = encodeArmor(kindPublicKey, secret.public); err != nil {
		return nil, err
	}
	if _, err := k.ring.AddKeys(secret.public); err != nil {
		return nil, err
	}
	if k.ring.Len() != 1 {
		return nil, errors.New("the key is damaged")
	}
	if k.private, err = secret.choose(k.ring.certs[0], time.Now()); err != nil {
		return nil, err
	}
	if k.private.Encrypted && len(passphrase) == 0 {
		return nil, ErrPassphrase
	}
	// The library's own words may be about the secret parts.
	if guard(func() error { return k.private.Decrypt(passphrase) }) != nil {
		return nil, errors.New("the passphrase is wrong")
	}
	return k, nil
}

// PublicKey is what clients need to verify signatures: armored, the same bytes
// for the same secret key.
func (k *SigningKey) PublicKey() []byte { return k.public }

// Sign returns an armored, detached signature of data, of version 4. It is made
// at the given time, but not before the key was. The same data and time give the
// same bytes if the key is an RSA or an Ed25519 one.
func (k *SigningKey) Sign(data []byte, at time.Time) ([]byte, error) {
	if at.Before(k.private.CreationTime) {
		at = k.private.CreationTime
	}
	sig := &packet.Signature{
		Version: k.private.Version, SigType: packet.SigTypeBinary, PubKeyAlgo: k.private.PubKeyAlgo,
		Hash: signatureHash(k.private.PubKeyAlgo), CreationTime: at, IssuerKeyId: &k.private.KeyId,
	}
	deterministic := false
	config := &packet.Config{NonDeterministicSignaturesViaNotation: &deterministic}
	var out bytes.Buffer
	err := guard(func() error {
		h, err := sig.PrepareSign(config)
		if err != nil {
			return err
		}
		h.Write(data)
		if err := sig.Sign(h, k.private, config); err != nil {
			return err
		}
		return sig.Serialize(&out)
	})
	if err != nil {
		return nil, fmt.Errorf("signing with key %s: %w", formatKeyID(k.private.KeyId), err)
	}
	return encodeArmor(kindSignature, out.Bytes())
}

// Verify checks that signature is one of data by this key, or by another subkey
// of it.
func (k *SigningKey) Verify(data, signature []byte) error {
	_, err := k.ring.VerifyDetached(bytes.NewReader(data), signature)
	return err
}

// signatureHash is one that every client knows, and not shorter than the longest
// curve's numbers.
func signatureHash(algorithm packet.PublicKeyAlgorithm) crypto.Hash {
	if algorithm == packet.PubKeyAlgoRSA || algorithm == packet.PubKeyAlgoRSASignOnly {
		return crypto.SHA256
	}
	return crypto.SHA512
}

// encodeArmor encodes a block, with the checksum that old clients want.
func encodeArmor(kind string, data []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := armor.Encode(&b, "PGP "+kind, nil)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// secretKey is one key as its file has it.
type secretKey struct {
	public []byte // packets
	parts  []*packet.PrivateKey
	// skips is set while signatures are about a subkey that is left out.
	skips bool
}

// readSecretKeys reads the packets of one secret key.
func readSecretKeys(data []byte) (*secretKey, error) {
	if len(data) > maxKeyFile {
		return nil, fmt.Errorf("%d bytes is too long for a key", len(data))
	}
	list, err := blocks(data, kindPrivateKey)
	if err != nil {
		return nil, err
	}
	s := new(secretKey)
	for _, b := range list {
		switch {
		case b.err != nil:
			return nil, b.err
		case b.kind != kindPrivateKey:
			return nil, fmt.Errorf("it is a PGP %s and no secret key, which gpg --export-secret-keys writes", printable(b.kind))
		}
		for rest := b.data; len(rest) > 0; {
			var p rawPacket
			if p, rest, err = nextPacket(rest); err != nil {
				return nil, err
			}
			if err := s.add(p); err != nil {
				return nil, err
			}
		}
	}
	if len(s.parts) == 0 {
		return nil, errors.New("there is no secret key in it, which gpg --export-secret-keys writes")
	}
	return s, nil
}

func (s *secretKey) add(p rawPacket) error {
	switch p.tag {
	case packetPrivateKey:
		if len(s.parts) > 0 {
			return errors.New("it holds several keys: one is wanted")
		}
		return s.addPart(p)
	case packetPublicKey:
		return errors.New("it is a public key: the secret one is wanted, which gpg --export-secret-keys writes")
	case packetPrivateSubkey:
		return s.addPart(p)
	case packetUserID, packetUserAttribute, packetPublicSubkey:
		s.skips = false
		s.public = append(s.public, p.whole...)
	case packetSignature:
		if !s.skips {
			s.public = append(s.public, p.whole...)
		}
	}
	return nil
}

func (s *secretKey) addPart(p rawPacket) error {
	decoded, err := p.decode()
	s.skips = err != nil
	if err != nil {
		if p.tag == packetPrivateSubkey {
			return nil // of a kind that is not known: it signs nothing here
		}
		return fmt.Errorf("the key is not supported or damaged: %w", err)
	}
	private, ok := decoded.(*packet.PrivateKey)
	if !ok {
		return errors.New("the key is damaged")
	}
	if private.Version != 4 {
		return fmt.Errorf("it is a key of version %d: gpg and dnf read those of version 4", private.Version)
	}
	var b bytes.Buffer
	if err := guard(func() error { return private.PublicKey.Serialize(&b) }); err != nil {
		return fmt.Errorf("the key is damaged: %w", err)
	}
	s.public = append(s.public, b.Bytes()...)
	s.parts = append(s.parts, private)
	return nil
}

// choose picks what signs.
func (s *secretKey) choose(c *certificate, now time.Time) (*packet.PrivateKey, error) {
	if reason := c.primary.signing(now); reason != "" && reason != mayNotSign {
		return nil, errors.New("the key " + reason) // and with it all of its subkeys
	}
	var reasons []string
	var chosen *packet.PrivateKey
	for _, k := range append([]*key{c.primary}, c.subkeys...) {
		private := s.part(k)
		reason := k.signing(now)
		if reason == "" && (private == nil || private.Dummy()) {
			reason = "has no secret part in the file"
		}
		switch {
		case reason != "":
			reasons = append(reasons, formatKeyID(k.KeyId)+" "+reason)
		case chosen == nil || k != c.primary && (chosen.KeyId == c.primary.KeyId || k.CreationTime.After(chosen.CreationTime)):
			chosen = private
		}
	}
	if chosen == nil {
		return nil, errors.New("no part of the key can sign: " + strings.Join(reasons, ", "))
	}
	return chosen, nil
}

func (s *secretKey) part(k *key) *packet.PrivateKey {
	for _, p := range s.parts {
		if bytes.Equal(p.Fingerprint, k.Fingerprint) {
			return p
		}
	}
	return nil
}

const mayNotSign = "may not sign"

// signing says what keeps a key from signing, as the end of a sentence about it;
// "" if nothing does.
func (k *key) signing(now time.Time) string {
	switch {
	case k.refused == refusedRevoked:
		return "is revoked"
	case k.refused != "" || k.certifiesOnly:
		return mayNotSign
	case !k.expires.IsZero() && now.After(k.expires):
		return "expired on " + k.expires.UTC().Format(time.DateOnly)
	}
	return ""
}
