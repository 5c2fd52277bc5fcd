package openpgp

import (
	"crypto"
	_ "crypto/sha1"   // hashes that signatures name
	_ "crypto/sha256" // likewise
	_ "crypto/sha3"   // likewise
	_ "crypto/sha512" // likewise
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"time"

	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Signature types (RFC 9580, section 5.2.1).
const (
	sigBinary            = 0x00
	sigDirectKey         = 0x1f
	sigSubkeyBinding     = 0x18
	sigKeyRevocation     = 0x20
	sigSubkeyRevocation  = 0x28
	sigFirstUserIDCert   = 0x10
	sigLastUserIDCert    = 0x13
	subpacketIssuer      = 16
	subpacketIssuerPrint = 33
)

// A signature is one signature packet, of version 3 (read here), 4 or 6 (read
// by the library).
type signature struct {
	keyID uint64 // 0 where the signature names no key
	kind  byte   // sigBinary and so on
	hash  crypto.Hash
	made  time.Time
	// unusable says why a well-formed signature proves nothing, "" if it may.
	unusable string

	lib *packet.Signature
	v3  *v3Signature
}

// parseSignature decodes a signature packet. The error is for one that is
// malformed; one that cannot be checked is returned as unusable.
func parseSignature(p rawPacket) (*signature, error) {
	if p.tag != packetSignature {
		return nil, fmt.Errorf("packet of type %d where a signature should be", p.tag)
	}
	if len(p.body) < 6 {
		return nil, errPacketCut
	}
	switch version := p.body[0]; version {
	case 3:
		return parseV3(p.body)
	case 4, 6:
		return parseLib(p)
	default:
		return &signature{unusable: fmt.Sprintf("it is of version %d, which is not supported", version)}, nil
	}
}

func parseLib(p rawPacket) (*signature, error) {
	s := &signature{kind: p.body[1], keyID: issuer(p.body)}
	if reason := hashProblem(p.body[3]); reason != "" {
		s.unusable = reason
		return s, nil
	}
	decoded, err := p.decode()
	var unsupported pgperrors.UnsupportedError
	switch {
	case errors.As(err, &unsupported):
		s.unusable = "it needs what is not supported: " + string(unsupported)
		return s, nil
	case err != nil:
		return nil, err
	}
	lib, ok := decoded.(*packet.Signature)
	if !ok {
		return nil, errors.New("not a signature")
	}
	s.lib, s.hash, s.made = lib, lib.Hash, lib.CreationTime
	if lib.IssuerKeyId != nil {
		s.keyID = *lib.IssuerKeyId
	}
	for _, n := range lib.Notations {
		if n.IsCritical {
			s.unusable = fmt.Sprintf("it says that whoever does not know %q must not accept it", n.Name)
		}
	}
	return s, nil
}

// hashAlgorithms maps OpenPGP's numbers to the hashes that signatures may be
// made with.
var hashAlgorithms = map[byte]crypto.Hash{
	2:  crypto.SHA1,
	8:  crypto.SHA256,
	9:  crypto.SHA384,
	10: crypto.SHA512,
	11: crypto.SHA224,
	12: crypto.SHA3_256,
	14: crypto.SHA3_512,
}

// hashProblem says why a hash algorithm is not accepted, "" if it is.
func hashProblem(algorithm byte) string {
	switch {
	case hashAlgorithms[algorithm] != 0:
		return ""
	case algorithm == 1:
		return "it is made with MD5, which proves nothing"
	case algorithm == 3:
		return "it is made with RIPEMD-160, which is not supported"
	}
	return fmt.Sprintf("it is made with hash algorithm %d, which is not supported", algorithm)
}

// issuer finds the key ID in a signature of version 4 or 6 that the library
// may refuse, so that the message can name it.
func issuer(body []byte) (keyID uint64) {
	width := 2
	if body[0] == 6 {
		width = 4
	}
	rest := body[4:]
	for range 2 { // the subpackets that are signed, and those that are not
		if len(rest) < width {
			return keyID
		}
		var length uint64
		for _, b := range rest[:width] {
			length = length<<8 | uint64(b)
		}
		rest = rest[width:]
		if length > uint64(len(rest)) {
			return keyID
		}
		if id := subpacketIssuerID(rest[:length]); id != 0 {
			keyID = id
		}
		rest = rest[length:]
	}
	return keyID
}

func subpacketIssuerID(area []byte) (keyID uint64) {
	for len(area) > 0 {
		n, size, err := bodyLength(area)
		if err != nil || n == 0 || n > len(area)-size {
			return keyID
		}
		sub := area[size : size+n]
		area = area[size+n:]
		switch {
		case sub[0]&0x7f == subpacketIssuer && len(sub) == 9:
			keyID = binary.BigEndian.Uint64(sub[1:])
		case sub[0]&0x7f == subpacketIssuerPrint && len(sub) == 22: // version 4: the fingerprint's end
			keyID = binary.BigEndian.Uint64(sub[14:])
		case sub[0]&0x7f == subpacketIssuerPrint && len(sub) == 34: // version 6: its beginning
			keyID = binary.BigEndian.Uint64(sub[2:])
		}
	}
	return keyID
}

// by reports whether the signature says that key made it.
func (s *signature) by(key *packet.PublicKey) bool {
	if s.lib != nil {
		return s.lib.CheckKeyIdOrFingerprint(key)
	}
	return s.keyID == key.KeyId
}

// expired reports whether the signature itself has a limited life, now over.
// A date in the future is no objection: rpm makes none, and clocks err.
func (s *signature) expired(now time.Time) bool {
	if s.lib == nil || s.lib.SigLifetimeSecs == nil || *s.lib.SigLifetimeSecs == 0 {
		return false
	}
	return now.After(s.made.Add(time.Duration(*s.lib.SigLifetimeSecs) * time.Second))
}

// newHash returns the hash that takes what is signed.
func (s *signature) newHash() (h hash.Hash, err error) {
	if s.lib == nil {
		return s.hash.New(), nil
	}
	err = guard(func() error {
		var err error
		h, err = s.lib.PrepareVerify()
		return err
	})
	return h, err
}

// verify checks the signature against key. h, from newHash, has taken all that
// is signed, and is spent.
func (s *signature) verify(key *packet.PublicKey, h hash.Hash) error {
	if s.v3 != nil {
		return guard(func() error { return s.v3.verify(key, s.hash, h) })
	}
	return guard(func() error { return key.VerifySignature(h, s.lib) })
}
