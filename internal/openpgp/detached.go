package openpgp

import (
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
)

const (
	// maxSignatureFile is the largest detached signature that is read, bytes.
	maxSignatureFile = 1 << 20
	// maxSignatures bounds the hashes that run side by side.
	maxSignatures = 32
)

// VerifyDetached checks that signature, armored or binary, is one of signed by
// a key of the ring. Where there are several signatures, one good one is
// enough. signed is read to its end unless no key of the ring has signed.
//
// The error is [ErrNoSignature], an [UnknownKeyError], a [BadSignatureError],
// an [UnreadableError] for a signature that is none, or one from reading
// signed.
func (k *Keyring) VerifyDetached(signed io.Reader, signature []byte) (Signer, error) {
	sigs, err := readDetached(signature)
	if err != nil {
		return Signer{}, err
	}
	var v verdict
	var checks []*check
	for _, s := range sigs {
		c, err := k.check(s)
		if err != nil {
			v.add(err)
			continue
		}
		checks = append(checks, c...)
	}
	if len(checks) == 0 {
		return Signer{}, v.err()
	}
	writers := make([]io.Writer, len(checks))
	for i, c := range checks {
		writers[i] = c.hash
	}
	if _, err := io.Copy(io.MultiWriter(writers...), signed); err != nil {
		return Signer{}, fmt.Errorf("cannot read what is signed: %w", err)
	}
	for _, c := range checks {
		signer, err := c.finish("what was signed is different")
		if err == nil {
			return signer, nil
		}
		v.add(err)
	}
	return Signer{}, v.err()
}

// readDetached returns the signatures in a file that should hold nothing else.
func readDetached(data []byte) ([]*signature, error) {
	if len(data) > maxSignatureFile {
		return nil, &UnreadableError{What: "signature", Err: fmt.Errorf("%d bytes is too long", len(data))}
	}
	list, err := blocks(data, kindSignature)
	if err != nil {
		return nil, &UnreadableError{What: "signature", Err: err}
	}
	var sigs []*signature
	var bad problems
	for _, b := range list {
		var found []*signature
		err := b.err
		switch {
		case err != nil:
		case b.kind != kindSignature:
			err = fmt.Errorf("it is a PGP %s and no signature", printable(b.kind))
		default:
			found, err = readSignatures(b.data)
		}
		sigs = append(sigs, found...)
		if err != nil {
			bad = append(bad, err)
		}
	}
	switch {
	case len(sigs) > maxSignatures:
		return nil, &UnreadableError{What: "signature", Err: errors.New("too many signatures")}
	case len(sigs) > 0:
		return sigs, nil
	case len(bad) > 0:
		return nil, &UnreadableError{What: "signature", Err: bad}
	}
	return nil, ErrNoSignature
}

// readSignatures returns the signatures in a sequence of packets, and the
// first error that kept one from being read.
func readSignatures(data []byte) (sigs []*signature, err error) {
	note := func(e error) {
		if err == nil {
			err = e
		}
	}
	for len(data) > 0 && len(sigs) <= maxSignatures {
		p, rest, cut := nextPacket(data)
		if cut != nil {
			note(cut)
			break
		}
		data = rest
		if p.tag == packetMarker || p.tag == packetPadding {
			continue
		}
		s, bad := parseSignature(p)
		if bad != nil {
			note(bad)
		} else {
			sigs = append(sigs, s)
		}
		if p.tag != packetSignature { // another kind of file
			break
		}
	}
	return sigs, err
}

// A check is one signature about to be verified with one key.
type check struct {
	sig  *signature
	key  *key
	hash hash.Hash // takes what is signed
}

// check prepares to verify s: once for each key of the ring that it may be by,
// which is one, unless key IDs collide. The error says why s cannot be good.
func (k *Keyring) check(s *signature) ([]*check, error) {
	id := formatKeyID(s.keyID)
	switch {
	case s.unusable != "":
		return nil, &BadSignatureError{KeyID: id, Reason: s.unusable}
	case s.kind != sigBinary:
		return nil, &BadSignatureError{KeyID: id, Reason: fmt.Sprintf("it is of type 0x%02x, not one of a file", s.kind)}
	case s.expired(time.Now()):
		return nil, &BadSignatureError{KeyID: id, Reason: "the signature has expired"}
	}
	var checks []*check
	var err error = &UnknownKeyError{KeyID: id}
	for _, key := range k.named(s) {
		if reason := key.refusal(); reason != "" {
			err = &BadSignatureError{KeyID: id, Reason: reason}
			continue
		}
		h, hashErr := s.newHash()
		if hashErr != nil {
			err = &BadSignatureError{KeyID: id, Reason: hashErr.Error()}
			continue
		}
		checks = append(checks, &check{sig: s, key: key, hash: h})
	}
	if len(checks) == 0 {
		return nil, err
	}
	return checks, nil
}

// finish verifies the signature over what hash has taken. mismatch is the
// reason to give where it does not hold.
func (c *check) finish(mismatch string) (Signer, error) {
	if err := c.sig.verify(c.key.PublicKey, c.hash); err != nil {
		return Signer{}, &BadSignatureError{KeyID: formatKeyID(c.key.KeyId), Reason: mismatch}
	}
	return c.key.signer(c.sig, time.Now()), nil
}

// A verdict gathers why signatures were not accepted.
type verdict struct {
	bad     error // the first that was not merely unknown
	unknown *UnknownKeyError
}

func (v *verdict) add(err error) {
	var unknown *UnknownKeyError
	switch {
	case !errors.As(err, &unknown):
		if v.bad == nil {
			v.bad = err
		}
	case v.unknown == nil:
		v.unknown = unknown
	case unknown.KeyID != "" && unknown.KeyID != v.unknown.KeyID:
		v.unknown.Others = append(v.unknown.Others, unknown.KeyID)
	}
}

// err prefers what went wrong with a key that is known.
func (v *verdict) err() error {
	switch {
	case v.bad != nil:
		return v.bad
	case v.unknown != nil:
		return v.unknown
	}
	return ErrNoSignature
}
