package openpgp

import (
	"errors"
	"strings"
)

// ErrNoSignature is returned for what carries no signature at all.
var ErrNoSignature = errors.New("not signed")

// UnknownKeyError is returned where none of the keys that signed is in the
// keyring.
type UnknownKeyError struct {
	// KeyID is the key that is wanted: 16 upper-case hexadecimal digits, or ""
	// where the signature does not say.
	KeyID string
	// Others are further keys, any of which would do as well.
	Others []string
}

func (e *UnknownKeyError) Error() string {
	if e.KeyID == "" {
		return "signed by a key that the signature does not name"
	}
	ids := strings.Join(append([]string{e.KeyID}, e.Others...), ", ")
	if len(e.Others) > 0 {
		return "signed by keys " + ids + ", none of which is among the trusted keys"
	}
	return "signed by key " + ids + ", which is not among the trusted keys"
}

// BadSignatureError is returned for a signature that does not hold: what was
// signed has changed, the key may not sign, or the signature proves nothing.
type BadSignatureError struct {
	// KeyID is the key that is said to have signed: 16 upper-case hexadecimal
	// digits, or "" where none is named.
	KeyID string
	// Reason completes "bad signature by key X: ".
	Reason string
}

func (e *BadSignatureError) Error() string {
	if e.KeyID == "" {
		return "bad signature: " + e.Reason
	}
	return "bad signature by key " + e.KeyID + ": " + e.Reason
}

// UnreadableError is returned for what is not in the format it should be in:
// not an rpm, cut short, not an OpenPGP signature.
type UnreadableError struct {
	// What was to be read: "package", "signature", "keys".
	What string
	Err  error
}

func (e *UnreadableError) Error() string { return "unreadable " + e.What + ": " + e.Err.Error() }
func (e *UnreadableError) Unwrap() error { return e.Err }

// problems are errors that do not hide one another, on one line.
type problems []error

func (p problems) Error() string {
	texts := make([]string, len(p))
	for i, err := range p {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (p problems) Unwrap() []error { return p }
