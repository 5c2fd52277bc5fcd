package openpgp

import (
	"crypto/dsa" //nolint:staticcheck // EL5 and older are signed with it
	"crypto/rsa"
	"errors"
	"fmt"

	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Why the signatures of a key that is in the ring are not accepted.
const (
	refusedRevoked = "the key was revoked"
	refusedNoSign  = "the key is a subkey that may not sign"
)

// Limits on keys. Go refuses to use RSA keys below 1024 bits, and numbers far
// longer than any real key's would only cost time.
const (
	minRSABits    = 1024
	maxNumberBits = 16384
	maxDSAQBits   = 512
)

// maxKeyFile is the largest file of keys that is read, in bytes. A whole
// distribution's keys are a hundredth of it.
const maxKeyFile = 8 << 20

// readKeys decodes a file of keys. What is wrong with one does not hide the
// others.
func readKeys(data []byte) (certs []*certificate, bad problems) {
	if len(data) > maxKeyFile {
		return nil, problems{fmt.Errorf("%d bytes is too long for a file of keys", len(data))}
	}
	list, err := blocks(data, kindPublicKey)
	if err != nil {
		return nil, problems{err}
	}
	for i, b := range list {
		var r keyReader
		switch {
		case b.err != nil:
			r.problem(b.err)
		case b.kind == kindPrivateKey:
			r.problem(errors.New("it is a private key: give the public one"))
		case b.kind != kindPublicKey:
			r.problem(fmt.Errorf("it is a PGP %s and no public key", printable(b.kind)))
		default:
			r.read(b.data)
		}
		for _, err := range r.bad {
			if len(list) > 1 {
				err = fmt.Errorf("block %d: %w", i+1, err)
			}
			bad = append(bad, err)
		}
		certs = append(certs, r.certs...)
	}
	return certs, bad
}

// A keyReader puts certificates together from packets. Each primary key
// starts one; what follows belongs to it.
type keyReader struct {
	certs []*certificate
	bad   problems

	cert *certificate // nil while what follows belongs to a key that is left out
	sub  *key         // the subkey that signatures now are about, nil for none
	user *string      // likewise the user ID
	// attribute is set while signatures are about something that does not matter.
	attribute bool
}

func (r *keyReader) problem(err error) { r.bad = append(r.bad, err) }

func (r *keyReader) read(data []byte) {
	seen := false
	for len(data) > 0 {
		p, rest, err := nextPacket(data)
		if err != nil {
			r.problem(err)
			break
		}
		data = rest
		seen = seen || p.tag == packetPublicKey || p.tag == packetPrivateKey
		r.packet(p)
	}
	r.endSubkey()
	if !seen && len(r.bad) == 0 {
		r.problem(errors.New("there is no key in it"))
	}
}

func (r *keyReader) packet(p rawPacket) {
	switch p.tag {
	case packetPublicKey:
		r.endSubkey()
		r.startCertificate(p)
	case packetPrivateKey:
		r.endSubkey()
		r.cert = nil
		r.problem(errors.New("it is a private key: give the public one"))
	case packetPublicSubkey:
		r.endSubkey()
		r.startSubkey(p)
	case packetPrivateSubkey:
		r.endSubkey()
		r.user, r.attribute = nil, true
	case packetUserID:
		r.endSubkey()
		r.startUserID(p)
	case packetUserAttribute:
		r.endSubkey()
		r.user, r.attribute = nil, true
	case packetSignature:
		if r.cert != nil && !r.attribute {
			r.selfSignature(p)
		}
	}
}

func (r *keyReader) startCertificate(p rawPacket) {
	r.cert, r.user, r.attribute = nil, nil, false
	public, err := decodeKey(p)
	if err != nil {
		r.problem(err)
		return
	}
	r.cert = &certificate{primary: &key{PublicKey: public}}
	r.cert.primary.cert = r.cert
	r.certs = append(r.certs, r.cert)
}

// decodeKey decodes a key that may be used to sign.
func decodeKey(p rawPacket) (*packet.PublicKey, error) {
	decoded, err := p.decode()
	var unsupported pgperrors.UnsupportedError
	if errors.As(err, &unsupported) {
		return nil, errors.New("a key is not supported: " + string(unsupported))
	}
	if err != nil {
		return nil, fmt.Errorf("a key is damaged: %w", err)
	}
	public, ok := decoded.(*packet.PublicKey)
	if !ok {
		return nil, errors.New("not a key")
	}
	if err := usable(public); err != nil {
		return nil, fmt.Errorf("key %s: %w", formatKeyID(public.KeyId), err)
	}
	return public, nil
}

func usable(public *packet.PublicKey) error {
	if !public.PubKeyAlgo.CanSign() {
		return errors.New("its algorithm cannot sign")
	}
	switch n := public.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := n.N.BitLen(); bits < minRSABits || bits > maxNumberBits {
			return fmt.Errorf("RSA with %d bits is not accepted", bits)
		}
	case *dsa.PublicKey:
		if bits := n.P.BitLen(); bits > maxNumberBits || n.Q.BitLen() > maxDSAQBits ||
			n.G.Cmp(n.P) >= 0 || n.Y.Cmp(n.P) >= 0 {
			return fmt.Errorf("DSA with %d bits and these parameters is not accepted", bits)
		}
	}
	return nil
}

func (r *keyReader) startUserID(p rawPacket) {
	if r.cert == nil {
		return
	}
	id := string(p.body)
	r.user, r.attribute = &id, false
	if r.cert.userID == "" {
		r.cert.userID = printable(id)
	}
}

// startSubkey begins a subkey that signs. One that encrypts, or that cannot be
// used, is passed over: it can make no signature that would be missed.
func (r *keyReader) startSubkey(p rawPacket) {
	r.user, r.attribute = nil, true
	if r.cert == nil {
		return
	}
	if public, err := decodeKey(p); err == nil {
		r.sub = &key{PublicKey: public, cert: r.cert, refused: refusedNoSign}
		r.attribute = false
	}
}

// endSubkey keeps a subkey even if it may not sign, so that a signature by it
// is explained.
func (r *keyReader) endSubkey() {
	if r.sub != nil {
		r.cert.subkeys = append(r.cert.subkeys, r.sub)
	}
	r.sub = nil
}

// selfSignature takes from a signature on a part of the certificate what it
// says, if the primary key made it. Those of others, and those that do not
// hold, say nothing.
func (r *keyReader) selfSignature(p rawPacket) {
	s, err := parseSignature(p)
	primary := r.cert.primary
	if err != nil || s.unusable != "" || !s.by(primary.PublicKey) {
		return
	}
	switch {
	case r.sub != nil && s.kind == sigSubkeyBinding && s.lib != nil:
		if s.lib.FlagSign && guard(func() error { return primary.VerifyKeySignature(r.sub.PublicKey, s.lib) }) == nil {
			r.sub.assert(s)
			if r.sub.refused == refusedNoSign {
				r.sub.refused = ""
			}
		}
	case r.sub != nil && s.kind == sigSubkeyRevocation:
		if verifyKeys(s, primary, primary, r.sub) == nil {
			r.sub.revoke(s)
		}
	case r.sub == nil && r.user == nil && s.kind == sigKeyRevocation:
		if verifyKeys(s, primary, primary) == nil {
			primary.revoke(s)
		}
	case r.sub == nil && r.user == nil && s.kind == sigDirectKey:
		if verifyKeys(s, primary, primary) == nil {
			primary.assert(s)
		}
	case r.user != nil && s.kind >= sigFirstUserIDCert && s.kind <= sigLastUserIDCert && s.lib != nil:
		if guard(func() error { return primary.VerifyUserIdSignature(*r.user, primary.PublicKey, s.lib) }) == nil {
			primary.assert(s)
		}
	}
}

// verifyKeys checks a signature by one key over others.
func verifyKeys(s *signature, by *key, signed ...*key) error {
	h, err := s.newHash()
	if err != nil {
		return err
	}
	for _, k := range signed {
		if err := guard(func() error { return k.SerializeForHash(h) }); err != nil {
			return err
		}
	}
	return s.verify(by.PublicKey, h)
}
