package openpgp

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"gorepo/internal/rpmpkg"
)

// Tags of the signature header.
const (
	sigTagDSAHeader = 267
	sigTagRSAHeader = 268
	sigTagLongSize  = 270
	sigTagOpenPGP   = 278
	sigTagReserved  = 999 // in packages of format 6 only, which have no tags above it
	sigTagSize      = 1000
	sigTagPGP       = 1002
	sigTagMD5       = 1004
	sigTagGPG       = 1005
)

const (
	// maxPackageSignature is the longest signature in a package, in bytes, as
	// in rpm (RPM_MAX_OPENPGP_BYTES).
	maxPackageSignature = 65535
	changedHeader       = "the header is not the one that was signed"
	changedPackage      = "header and payload are not those that were signed"
	uncoveredPayload    = "it covers only the header, and nothing in the header covers the payload"
)

// VerifyPackage checks the whole rpm package in r, as the package's
// documentation says, and returns who signed it. It reads r to its end where
// it finds nothing wrong before the payload, in memory that the headers take.
//
// The error is [ErrNoSignature], an [UnknownKeyError], a [BadSignatureError],
// an [UnreadableError] for what is not an rpm or ends within its headers, or
// one from reading r.
func (k *Keyring) VerifyPackage(r io.Reader) (Signer, error) {
	in := &input{r: r}
	p, err := rpmpkg.ReadPreamble(in)
	switch {
	case in.err != nil:
		return Signer{}, fmt.Errorf("cannot read package: %w", in.err)
	case err != nil:
		return Signer{}, &UnreadableError{What: "package", Err: err}
	}
	sigs, err := packageSignatures(&p.Signature)
	if err != nil {
		return Signer{}, err
	}
	v, err := k.prepare(p, sigs)
	if err != nil {
		return Signer{}, err
	}
	if err := v.checkHeader(p); err != nil {
		return Signer{}, err
	}
	n, err := io.Copy(v.payloadWriter(p), in)
	if err != nil {
		return Signer{}, fmt.Errorf("cannot read package: %w", err)
	}
	if err := v.checkPayload(); err != nil {
		return Signer{}, v.truncated(p, n, err)
	}
	return v.signer, nil
}

// input keeps a reader's own errors apart from those about what it delivers.
type input struct {
	r   io.Reader
	err error
}

func (in *input) Read(b []byte) (int, error) {
	n, err := in.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		in.err = err
	}
	return n, err
}

// A packageSignature is a signature and what of the package it is over.
type packageSignature struct {
	*signature
	payload bool // over header and payload, not the header alone
	any     bool // one of a list of which one good one is enough
}

// packageSignatures returns the signatures in a signature header.
func packageSignatures(h *rpmpkg.Header) ([]packageSignature, error) {
	var list []packageSignature
	var bad error
	encoded := h.Strings(sigTagOpenPGP)
	if len(encoded) > maxSignatures {
		return nil, &UnreadableError{What: "signature", Err: errors.New("too many signatures")}
	}
	for _, text := range encoded {
		s, err := decodeSignature(text)
		if err != nil {
			bad = err
			continue
		}
		list = append(list, packageSignature{signature: s, any: true})
	}
	tags := []struct {
		tag     int
		payload bool
	}{{sigTagRSAHeader, false}, {sigTagDSAHeader, false}, {sigTagPGP, true}, {sigTagGPG, true}}
	for _, t := range tags {
		data := h.Bytes(t.tag)
		if data == nil || t.tag > sigTagReserved && h.Has(sigTagReserved) {
			continue
		}
		s, err := singleSignature(data)
		if err != nil {
			return nil, &UnreadableError{What: "signature", Err: fmt.Errorf("tag %d: %w", t.tag, err)}
		}
		list = append(list, packageSignature{signature: s, payload: t.payload})
	}
	switch {
	case len(list) > 0:
		return list, nil
	case bad != nil:
		return nil, &UnreadableError{What: "signature", Err: fmt.Errorf("tag %d: %w", sigTagOpenPGP, bad)}
	}
	return nil, ErrNoSignature
}

func decodeSignature(text string) (*signature, error) {
	if len(text) > 2*maxPackageSignature {
		return nil, fmt.Errorf("%d bytes is too long", len(text))
	}
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, errors.New("damaged base64")
	}
	return singleSignature(data)
}

// singleSignature decodes exactly one signature packet.
func singleSignature(data []byte) (*signature, error) {
	if len(data) > maxPackageSignature {
		return nil, fmt.Errorf("%d bytes is too long", len(data))
	}
	p, rest, err := nextPacket(data)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, errors.New("more than one packet")
	}
	return parseSignature(p)
}

// A verification is a package's signatures and digests, ready to be compared.
type verification struct {
	header  []*check // of the header
	payload []*check // of header and payload
	digests []*digest
	// signer is the first whose signature was found good.
	signer Signer
}

// prepare finds the keys of a package's signatures. It fails where a signature
// cannot be good, or is by a key that is missing.
func (k *Keyring) prepare(p *rpmpkg.Preamble, sigs []packageSignature) (*verification, error) {
	v := new(verification)
	// Of each kind, what keeps signatures from being checked.
	var listed, single verdict
	enough := false // a listed signature can be checked
	for _, s := range sigs {
		checks, err := k.check(s.signature)
		switch {
		case err != nil && s.any:
			listed.add(err)
		case err != nil:
			single.add(err)
		case s.payload:
			v.payload = append(v.payload, checks...)
		default:
			v.header = append(v.header, checks...)
			enough = enough || s.any
		}
	}
	switch {
	case single.bad != nil:
		return nil, single.bad
	case single.unknown != nil && !enough:
		return nil, single.err()
	case len(v.header)+len(v.payload) == 0:
		return nil, listed.err()
	}
	var err error
	v.digests, err = packageDigests(p)
	if err != nil {
		return nil, v.blame(err.Error())
	}
	return v, nil
}

// checkHeader verifies all that covers the header alone.
func (v *verification) checkHeader(p *rpmpkg.Preamble) error {
	for _, d := range v.digests {
		if d.covers == coversHeader {
			d.hash.Write(p.Header.Raw)
			if !d.matches() {
				return v.blame(d.mismatch())
			}
		}
	}
	for _, c := range v.header {
		c.hash.Write(p.Header.Raw)
	}
	if err := v.finish(v.header, changedHeader); err != nil {
		return err
	}
	if len(v.payload) > 0 {
		return nil
	}
	for _, d := range v.digests {
		if d.covers == coversPayload {
			return nil
		}
	}
	return v.blame(uncoveredPayload)
}

// payloadWriter returns what takes the payload.
func (v *verification) payloadWriter(p *rpmpkg.Preamble) io.Writer {
	var list []io.Writer
	for _, c := range v.payload {
		c.hash.Write(p.Header.Raw)
		list = append(list, c.hash)
	}
	for _, d := range v.digests {
		switch d.covers {
		case coversBoth:
			d.hash.Write(p.Header.Raw)
			list = append(list, d.hash)
		case coversPayload:
			list = append(list, d.hash)
		}
	}
	return io.MultiWriter(list...)
}

// checkPayload verifies all that covers the payload, which has been written.
func (v *verification) checkPayload() error {
	for _, d := range v.digests {
		if d.covers != coversHeader && !d.matches() {
			return v.blame(d.mismatch())
		}
	}
	return v.finish(v.payload, changedPackage)
}

// finish verifies signatures. Where several keys have the ID of one signature,
// one of them must fit.
func (v *verification) finish(checks []*check, mismatch string) error {
	good := make(map[*signature]bool)
	failed := make(map[*signature]error)
	for _, c := range checks {
		signer, err := c.finish(mismatch)
		if err != nil {
			failed[c.sig] = err
			continue
		}
		good[c.sig] = true
		if v.signer.KeyID == "" {
			v.signer = signer
		}
	}
	for _, c := range checks {
		if !good[c.sig] {
			return failed[c.sig]
		}
	}
	return nil
}

// blame makes an error that names the key of the first signature.
func (v *verification) blame(reason string) error {
	first := v.payload
	if len(v.header) > 0 {
		first = v.header
	}
	return &BadSignatureError{KeyID: formatKeyID(first[0].sig.keyID), Reason: reason}
}

// truncated adds to err that the payload, of n bytes, is shorter than the
// package says.
func (v *verification) truncated(p *rpmpkg.Preamble, n int64, err error) error {
	var bad *BadSignatureError
	size := append(p.Signature.Uints(sigTagLongSize), p.Signature.Uints(sigTagSize)...)
	if len(size) == 0 || !errors.As(err, &bad) {
		return err
	}
	if got := uint64(len(p.Header.Raw)) + uint64(n); got < size[0] {
		bad.Reason = fmt.Sprintf("the package is cut short: header and payload have %d of %d bytes", got, size[0])
	}
	return err
}
