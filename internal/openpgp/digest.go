package openpgp

import (
	"bytes"
	"crypto/md5"  //nolint:gosec // rpm's own digest of the package; no signature relies on it
	"crypto/sha1" //nolint:gosec // likewise, of the header
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"

	"gorepo/internal/rpmpkg"
)

// What a digest is of.
const (
	coversHeader = iota
	coversPayload
	coversBoth
)

// A digest is one that a package carries of a part of itself.
type digest struct {
	name   string
	covers int
	want   [][]byte // any of these
	hash   hash.Hash
}

func (d *digest) matches() bool {
	sum := d.hash.Sum(nil)
	for _, want := range d.want {
		if bytes.Equal(sum, want) {
			return true
		}
	}
	return false
}

func (d *digest) mismatch() string {
	return fmt.Sprintf("the %s digest in the package does not match", d.name)
}

func newSHA3() hash.Hash { return sha3.New256() }

// headerDigests are the tags of the signature header.
var headerDigests = []struct {
	tag  int
	name string
	new  func() hash.Hash
}{
	{269, "header SHA-1", sha1.New},
	{273, "header SHA-256", sha256.New},
	{279, "header SHA3-256", newSHA3},
}

// payloadDigests are the tags of the header, each with its alternative.
var payloadDigests = []struct {
	tag, alt int
	name     string
	new      func() hash.Hash
}{
	{tagPayloadSHA256, 5097, "payload", sha256.New},
	{5121, 5122, "payload SHA-512", sha512.New},
	{5123, 5124, "payload SHA3-256", newSHA3},
}

const (
	tagPayloadSHA256    = 5092
	tagPayloadAlgorithm = 5093 // an OpenPGP number: that of 5092 and 5097
)

// payloadAlgorithms are what tagPayloadAlgorithm may ask for; rpm itself has
// only ever written the first.
var payloadAlgorithms = map[uint64]func() hash.Hash{
	8:  sha256.New,
	9:  sha512.New384,
	10: sha512.New,
}

// packageDigests returns the digests of a package. The error is for one that
// cannot be one.
func packageDigests(p *rpmpkg.Preamble) ([]*digest, error) {
	var list []*digest
	for _, t := range headerDigests {
		if p.Signature.Has(t.tag) {
			d := &digest{name: t.name, covers: coversHeader, hash: t.new()}
			if !d.wants(p.Signature.String(t.tag)) {
				return nil, fmt.Errorf("the %s digest is malformed", t.name)
			}
			list = append(list, d)
		}
	}
	if md := p.Signature.Bytes(sigTagMD5); md != nil && !p.Signature.Has(sigTagReserved) {
		list = append(list, &digest{name: "MD5", covers: coversBoth, want: [][]byte{md}, hash: md5.New()})
	}
	for _, t := range payloadDigests {
		texts := append(p.Header.Strings(t.tag), p.Header.Strings(t.alt)...)
		if len(texts) == 0 {
			continue
		}
		newHash := t.new
		if algorithm := p.Header.Uints(tagPayloadAlgorithm); t.tag == tagPayloadSHA256 && len(algorithm) > 0 {
			if newHash = payloadAlgorithms[algorithm[0]]; newHash == nil {
				return nil, fmt.Errorf("the payload digest is of algorithm %d, which is not supported", algorithm[0])
			}
		}
		d := &digest{name: t.name, covers: coversPayload, hash: newHash()}
		for _, text := range texts {
			if !d.wants(text) {
				return nil, fmt.Errorf("the %s digest is malformed", t.name)
			}
		}
		list = append(list, d)
	}
	return list, nil
}

// wants adds a digest in hexadecimal to those that are right.
func (d *digest) wants(text string) bool {
	want, err := hex.DecodeString(text)
	if err != nil || len(want) != d.hash.Size() {
		return false
	}
	d.want = append(d.want, want)
	return true
}
