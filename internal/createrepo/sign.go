package createrepo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"gorepo/internal/mirror"
)

// The names of a signature and of the key for it, as dnf and zypper look for
// them beside repomd.xml.
const (
	signatureName = "repomd.xml.asc"
	keyName       = "repomd.xml.key"
)

// A Signer signs repomd.xml with one key.
type Signer interface {
	// Sign returns an armored, detached signature of data. It is dated at; the
	// zero time is now.
	Sign(ctx context.Context, data []byte, at time.Time) (signature []byte, err error)
	// Verify checks with the public key that signature is one of data.
	Verify(data, signature []byte) error
	// PublicKey is the public key, armored.
	PublicKey() []byte
}

// sign adds to a new generation the signature of its repomd.xml and the public
// key. A nil Signer adds nothing. at is as in Signer.
func sign(ctx context.Context, staging *mirror.Staging, s Signer, at time.Time) error {
	if s == nil {
		return nil
	}
	if at.Unix() > math.MaxUint32 {
		return fmt.Errorf("repomd.xml is not signed: signatures have no date after February 2106, and revision %d is one", at.Unix())
	}
	data, err := os.ReadFile(staging.Path("repomd.xml"))
	if err != nil {
		return err
	}
	signature, err := s.Sign(ctx, data, at)
	if err != nil {
		return fmt.Errorf("repomd.xml is not signed: %w", err)
	}
	if err := s.Verify(data, signature); err != nil {
		return fmt.Errorf("the new signature of repomd.xml does not hold: %w", err)
	}
	for name, content := range map[string][]byte{signatureName: signature, keyName: s.PublicKey()} {
		if err := staging.Write(name, content); err != nil {
			return err
		}
		if !at.IsZero() {
			if err := staging.SetTime(name, at); err != nil {
				return err
			}
		}
	}
	return nil
}

// signPublished signs the generation that is published in output's repodata, if
// it is not, and reports whether it did: it publishes it again, all files but the
// signature being those that are there. warn is told what is left to do.
func signPublished(ctx context.Context, output string, s Signer, at time.Time, warn func(text string)) (signed bool, err error) {
	if s == nil {
		return false, nil
	}
	dir := filepath.Join(output, "repodata")
	if good, err := hasSignature(dir, s); good || err != nil {
		return false, err
	}
	staging, err := mirror.NewStaging(output)
	if err != nil {
		return false, err
	}
	defer staging.Discard() //nolint:errcheck // what is left of it goes with the next one
	if err := staging.Link(filepath.Join(dir, "repomd.xml"), "repomd.xml"); err != nil {
		return false, err
	}
	if err := sign(ctx, staging, s, at); err != nil {
		return false, err
	}
	published, err := staging.Publish(ctx, mirror.PublishOptions{KeepAll: true})
	if err != nil {
		return false, err
	}
	warnOfPublished(published, warn)
	return true, nil
}

// hasSignature reports whether the repomd.xml in dir has a good signature by the
// signer's key, and that key beside it.
func hasSignature(dir string, s Signer) (bool, error) {
	data, err := os.ReadFile(filepath.Join(dir, "repomd.xml"))
	if err != nil {
		return false, err
	}
	signature, err := readOptional(filepath.Join(dir, signatureName))
	if err != nil {
		return false, err
	}
	key, err := readOptional(filepath.Join(dir, keyName))
	if err != nil {
		return false, err
	}
	return s.Verify(data, signature) == nil && string(key) == string(s.PublicKey()), nil
}

// readOptional reads a small file; one that is not there, or that is too large, is
// empty.
func readOptional(path string) ([]byte, error) {
	const most = 8 << 20
	switch fi, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !fi.Mode().IsRegular() || fi.Size() > most:
		return nil, nil
	}
	return os.ReadFile(path)
}

// signTime is the date that signatures bear: that of the generation, if it has
// one given.
func (o Options) signTime() time.Time {
	seconds, err := strconv.ParseInt(o.Revision, 10, 64)
	if !o.TimestampFromRevision || err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}
