package rpmpkg

import (
	"crypto/md5"  //nolint:gosec // old metadata names it, and who asks for it gets it
	"crypto/sha1" //nolint:gosec // EL5 metadata is made with it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
)

// Checksum is a digest as metadata writes it: a type ("sha256") and lower-case
// hexadecimal digits.
type Checksum struct {
	Type string
	Hex  string
}

// String gives type:hex.
func (c Checksum) String() string { return c.Type + ":" + c.Hex }

// checksumTypes maps every name that metadata uses to how it is computed. "sha"
// is what yum wrote for SHA-1.
var checksumTypes = map[string]func() hash.Hash{
	"md5":    md5.New,
	"sha":    sha1.New,
	"sha1":   sha1.New,
	"sha224": sha256.New224,
	"sha256": sha256.New,
	"sha384": sha512.New384,
	"sha512": sha512.New,
}

// NewHash returns the hash for a checksum type of the metadata, and an error
// for one that is unknown.
func NewHash(checksumType string) (hash.Hash, error) {
	f := checksumTypes[strings.ToLower(checksumType)]
	if f == nil {
		return nil, fmt.Errorf("unknown checksum type %q", checksumType)
	}
	return f(), nil
}

// ParseChecksum checks that digits are a whole digest of a known type.
func ParseChecksum(checksumType, digits string) (Checksum, error) {
	h, err := NewHash(checksumType)
	if err != nil {
		return Checksum{}, err
	}
	digits = strings.ToLower(digits)
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) != h.Size() {
		return Checksum{}, fmt.Errorf("%q is not a %s checksum", digits, checksumType)
	}
	return Checksum{Type: strings.ToLower(checksumType), Hex: digits}, nil
}

// Sum gives what h has hashed so far as a Checksum of the given type.
func Sum(checksumType string, h hash.Hash) Checksum {
	return Checksum{Type: checksumType, Hex: hex.EncodeToString(h.Sum(nil))}
}

// Equal reports whether two checksums are of one kind ("sha" is "sha1") and
// value.
func (c Checksum) Equal(d Checksum) bool {
	return canonical(c.Type) == canonical(d.Type) && c.Hex == d.Hex
}

func canonical(checksumType string) string {
	if checksumType == "sha" {
		return "sha1"
	}
	return checksumType
}
