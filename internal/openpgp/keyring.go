package openpgp

import (
	"crypto"
	"crypto/dsa" //nolint:staticcheck // EL5 and older are signed with it
	"crypto/rsa"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// A Keyring holds the public keys that are trusted to sign. Its zero value is
// empty and ready for use. Adding keys is not safe for concurrent use;
// verifying is, once all keys are there.
type Keyring struct {
	certs []*certificate
	byID  map[uint64][]*key
}

// A certificate is a primary key with what belongs to it.
type certificate struct {
	primary *key
	subkeys []*key
	userID  string
}

// A key is a primary key or a subkey.
type key struct {
	*packet.PublicKey
	cert *certificate
	// refused says why the key's signatures are not accepted, "" if they are.
	refused string
	revoked time.Time // where refused is refusedRevoked
	// expires is zero for a key that does not. The newest self-signature says
	// so, which was made at asserted.
	expires, asserted time.Time
	// certifiesOnly is set where the newest self-signature does not allow signing.
	// What such a key has signed is accepted all the same, as rpm does.
	certifiesOnly bool
}

// Signer is who made a signature that was found good.
type Signer struct {
	// KeyID is the key that signed, which may be a subkey: 16 upper-case
	// hexadecimal digits.
	KeyID string
	// Fingerprint is that of the primary key, in upper-case hexadecimal: 40
	// digits, or 64 for a key of version 6.
	Fingerprint string
	// UserID is the key's first user ID, such as "Name <mail@example.com>".
	// It is the key's own claim, with control characters replaced.
	UserID string
	// Warnings say what would not be accepted of a signature made today:
	// "SHA-1", "DSA key", "RSA key of 1024 bits", "key expired on 2017-01-03".
	Warnings []string
}

// Len returns the number of primary keys.
func (k *Keyring) Len() int { return len(k.certs) }

// Fingerprints returns the fingerprints of the primary keys, in the order in
// which they were added.
func (k *Keyring) Fingerprints() []string {
	list := make([]string, len(k.certs))
	for i, c := range k.certs {
		list[i] = c.fingerprint()
	}
	return list
}

// KeyIDs returns the key IDs of the primary keys, likewise, of 16 upper-case
// hexadecimal digits.
func (k *Keyring) KeyIDs() []string {
	list := make([]string, len(k.certs))
	for i, c := range k.certs {
		list[i] = formatKeyID(c.primary.KeyId)
	}
	return list
}

// AddKeys adds the public keys of a file: armored, with any number of blocks
// and any text around them, or binary. It returns the fingerprints of the keys
// that it added, or had already. An error says, on one line, which keys could
// not be read or used; it does not keep the others from being added.
func (k *Keyring) AddKeys(data []byte) (fingerprints []string, err error) {
	fingerprints, _, err = k.addKeys(data, func(string) bool { return true })
	return fingerprints, err
}

// AddPinned is AddKeys for those keys of a file whose primary key has one of the
// pinned fingerprints, in upper-case hexadecimal. others are the fingerprints of
// the keys that it left out.
func (k *Keyring) AddPinned(data []byte, pinned []string) (added, others []string, err error) {
	return k.addKeys(data, func(fingerprint string) bool { return slices.Contains(pinned, fingerprint) })
}

func (k *Keyring) addKeys(data []byte, wanted func(fingerprint string) bool) (added, others []string, err error) {
	certs, bad := readKeys(data)
	for _, c := range certs {
		fingerprint := c.fingerprint()
		if !wanted(fingerprint) {
			others = append(others, fingerprint)
			continue
		}
		k.add(c)
		added = append(added, fingerprint)
	}
	if len(bad) > 0 {
		return added, others, &UnreadableError{What: "key", Err: bad}
	}
	return added, others, nil
}

// add merges c into the ring: of two copies of one key, each may have subkeys
// and revocations that the other lacks.
func (k *Keyring) add(c *certificate) {
	if k.byID == nil {
		k.byID = make(map[uint64][]*key)
	}
	for _, old := range k.certs {
		if old.fingerprint() == c.fingerprint() {
			merge(old.primary, c.primary)
			for _, sub := range c.subkeys {
				k.addSubkey(old, sub)
			}
			return
		}
	}
	k.certs = append(k.certs, c)
	k.byID[c.primary.KeyId] = append(k.byID[c.primary.KeyId], c.primary)
	subkeys := c.subkeys
	c.subkeys = nil
	for _, sub := range subkeys {
		k.addSubkey(c, sub)
	}
}

func (k *Keyring) addSubkey(c *certificate, sub *key) {
	for _, old := range c.subkeys {
		if string(old.Fingerprint) == string(sub.Fingerprint) {
			merge(old, sub)
			return
		}
	}
	sub.cert = c
	c.subkeys = append(c.subkeys, sub)
	k.byID[sub.KeyId] = append(k.byID[sub.KeyId], sub)
}

func merge(old, add *key) {
	if add.refused == refusedRevoked || old.refused != refusedRevoked && add.refused == "" {
		old.refused, old.revoked = add.refused, add.revoked
	}
	if old.asserted.Before(add.asserted) {
		old.expires, old.asserted, old.certifiesOnly = add.expires, add.asserted, add.certifiesOnly
	}
}

func (c *certificate) fingerprint() string { return fmt.Sprintf("%X", c.primary.Fingerprint) }

func formatKeyID(id uint64) string {
	if id == 0 {
		return ""
	}
	return fmt.Sprintf("%016X", id)
}

// named returns the keys of the ring that s may be by.
func (k *Keyring) named(s *signature) []*key {
	var keys []*key
	for _, key := range k.byID[s.keyID] {
		if s.lib == nil || s.by(key.PublicKey) {
			keys = append(keys, key)
		}
	}
	return keys
}

// refusal says why a good signature by the key would not be accepted.
func (k *key) refusal() string {
	by := k
	if k.cert.primary.refused != "" {
		by = k.cert.primary
	}
	if by.refused == refusedRevoked {
		return by.refused + " on " + by.revoked.UTC().Format(time.DateOnly)
	}
	return by.refused
}

// revoke takes note of a revocation, which was found good.
func (k *key) revoke(s *signature) { k.refused, k.revoked = refusedRevoked, s.made }

// signer describes who made s, which is good.
func (k *key) signer(s *signature, now time.Time) Signer {
	return Signer{
		KeyID:       formatKeyID(k.KeyId),
		Fingerprint: k.cert.fingerprint(),
		UserID:      k.cert.userID,
		Warnings:    k.warnings(s, now),
	}
}

func (k *key) warnings(s *signature, now time.Time) []string {
	var list []string
	if s.hash == crypto.SHA1 {
		list = append(list, "SHA-1")
	}
	switch public := k.PublicKey.PublicKey.(type) {
	case *dsa.PublicKey:
		list = append(list, "DSA key")
	case *rsa.PublicKey:
		if n := public.N.BitLen(); n < 2000 { // some generators fall a few bits short of 2048
			list = append(list, fmt.Sprintf("RSA key of %d bits", n))
		}
	}
	for _, key := range []*key{k.cert.primary, k} {
		if !key.expires.IsZero() && now.After(key.expires) {
			return append(list, "key expired on "+key.expires.UTC().Format(time.DateOnly))
		}
	}
	return list
}

// assert takes the key's expiry from a self-signature that was found good,
// unless a newer one has been seen.
func (k *key) assert(s *signature) {
	if s.made.Before(k.asserted) {
		return
	}
	k.asserted, k.expires = s.made, time.Time{}
	k.certifiesOnly = s.lib != nil && s.lib.FlagsValid && !s.lib.FlagSign
	if s.lib != nil && s.lib.KeyLifetimeSecs != nil && *s.lib.KeyLifetimeSecs != 0 {
		k.expires = k.CreationTime.Add(time.Duration(*s.lib.KeyLifetimeSecs) * time.Second)
	}
}

// printable replaces what could confuse a terminal or a log.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
