package openpgp

import (
	"crypto"
	"crypto/dsa" //nolint:staticcheck // EL5 and older are signed with it
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"math/big"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// The public-key algorithms that version 3 signatures were made with.
const (
	algorithmRSA     = 1
	algorithmRSASign = 3
	algorithmDSA     = 17
)

// A v3Signature is what is particular to a signature packet of version 3 (RFC
// 4880, section 5.2.2). rpm signed with these up to EL7, whatever the version
// of the key.
type v3Signature struct {
	trailer   [5]byte // type and time: hashed after what is signed
	algorithm byte
	numbers   []*big.Int // RSA: s; DSA: r, s
}

// v3Fixed is the length of what stands before the numbers.
const v3Fixed = 19

func parseV3(body []byte) (*signature, error) {
	if len(body) < v3Fixed {
		return nil, errPacketCut
	}
	if body[1] != 5 {
		return nil, errors.New("a version 3 signature with hashed material of a wrong length")
	}
	v := &v3Signature{algorithm: body[15]}
	copy(v.trailer[:], body[2:7])
	s := &signature{
		kind:  body[2],
		made:  time.Unix(int64(binary.BigEndian.Uint32(body[3:])), 0),
		keyID: binary.BigEndian.Uint64(body[7:]),
		hash:  hashAlgorithms[body[16]],
		v3:    v,
	}
	if reason := hashProblem(body[16]); reason != "" {
		s.unusable = reason
		return s, nil
	}
	count := 0
	switch v.algorithm {
	case algorithmRSA, algorithmRSASign:
		count = 1
	case algorithmDSA:
		count = 2
	default:
		s.unusable = fmt.Sprintf("it is made with public-key algorithm %d, which version 3 signatures do not have", v.algorithm)
		return s, nil
	}
	rest := body[v3Fixed:]
	for range count {
		if len(rest) < 2 {
			return nil, errPacketCut
		}
		n := (int(binary.BigEndian.Uint16(rest)) + 7) / 8
		if rest = rest[2:]; n > len(rest) {
			return nil, errPacketCut
		}
		v.numbers = append(v.numbers, new(big.Int).SetBytes(rest[:n]))
		rest = rest[n:]
	}
	if len(rest) > 0 {
		return nil, errors.New("a packet is longer than its content")
	}
	return s, nil
}

func (v *v3Signature) verify(key *packet.PublicKey, algorithm crypto.Hash, h hash.Hash) error {
	h.Write(v.trailer[:])
	digest := h.Sum(nil)
	switch public := key.PublicKey.(type) {
	case *rsa.PublicKey:
		if v.algorithm == algorithmDSA {
			return errors.New("a DSA signature by an RSA key")
		}
		size := public.Size()
		if v.numbers[0].BitLen() > size*8 {
			return errors.New("longer than the key")
		}
		return rsa.VerifyPKCS1v15(public, algorithm, digest, v.numbers[0].FillBytes(make([]byte, size)))
	case *dsa.PublicKey:
		if v.algorithm != algorithmDSA {
			return errors.New("an RSA signature by a DSA key")
		}
		// Only as many bits of the digest count as the subgroup has (FIPS 186-3, 4.6).
		if n := (public.Q.BitLen() + 7) / 8; len(digest) > n {
			digest = digest[:n]
		}
		if !dsa.Verify(public, digest, v.numbers[0], v.numbers[1]) {
			return errors.New("DSA verification failed")
		}
		return nil
	}
	return errors.New("a version 3 signature by a key of another algorithm")
}
