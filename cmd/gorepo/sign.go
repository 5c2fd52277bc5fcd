package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"gorepo/internal/config"
	"gorepo/internal/createrepo"
	"gorepo/internal/openpgp"
)

// signFlags say who signs repomd.xml, for every verb that writes one.
type signFlags struct {
	SignKey            string `placeholder:"FILE" xor:"sign" help:"Sign repomd.xml with the OpenPGP secret key in FILE: repomd.xml.asc, and the public key in repomd.xml.key."`
	SignWith           string `placeholder:"gpg:KEYID" xor:"sign" help:"Sign repomd.xml by calling gpg with this key of its keyring, agent or smartcard."`
	SignPassphraseFile string `placeholder:"FILE" help:"File whose first line is the key's passphrase. Else $GOREPO_SIGN_PASSPHRASE."`
}

// passphraseEnv holds a passphrase for who wants no file of it.
const passphraseEnv = "GOREPO_SIGN_PASSPHRASE"

// maxSecret bounds a file with a secret key or a passphrase, in bytes.
const maxSecret = 1 << 20

// signer is what the flags ask for, nil where nothing is to be signed. A key
// that cannot sign is an error now, before anything is read for what it is to
// sign.
func (f signFlags) signer(ctx context.Context, a *app) (createrepo.Signer, error) {
	switch {
	case f.SignKey == "" && f.SignWith == "" && f.SignPassphraseFile != "":
		return nil, usagef("--sign-passphrase-file is for --sign-key or --sign-with")
	case f.SignKey == "" && f.SignWith == "":
		return nil, nil
	}
	passphrase, err := f.passphrase(a)
	if err != nil {
		return nil, fmt.Errorf("passphrase of the signing key: %w", err)
	}
	if f.SignWith != "" {
		id, ok := strings.CutPrefix(f.SignWith, "gpg:")
		if !ok || id == "" {
			return nil, usagef("%q does not say who signs: it is to be gpg:KEYID", f.SignWith)
		}
		s, err := newGPGSigner(ctx, a.environ, id, passphrase)
		if err != nil {
			return nil, fmt.Errorf("signing key %s: %w", f.SignWith, err)
		}
		return s, nil
	}
	data, err := readSecret(f.SignKey)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	key, err := openpgp.ReadSigningKey(data, passphrase)
	if errors.Is(err, openpgp.ErrPassphrase) {
		err = fmt.Errorf("%w: give it with --sign-passphrase-file, the key sign_passphrase_file or %s", err, passphraseEnv)
	}
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", f.SignKey, err)
	}
	return keySigner{key}, nil
}

func (f signFlags) passphrase(a *app) ([]byte, error) {
	if f.SignPassphraseFile == "" {
		return []byte(a.getenv(passphraseEnv)), nil
	}
	data, err := readSecret(f.SignPassphraseFile)
	if err != nil {
		return nil, err
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

// readSecret reads a small file.
func readSecret(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err == nil && len(data) > maxSecret {
		err = errors.New("it is too long")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

// keySigner signs with a key that gorepo has read.
type keySigner struct{ *openpgp.SigningKey }

// Sign implements createrepo.Signer.
func (k keySigner) Sign(_ context.Context, data []byte, at time.Time) ([]byte, error) {
	if at.IsZero() {
		at = time.Now()
	}
	return k.SigningKey.Sign(data, at)
}

// signers gives each repository its signer; each key is looked at once.
type signers struct {
	known map[signFlags]signerOrError
}

type signerOrError struct {
	signer createrepo.Signer
	err    error
}

// of is who signs a repository: what the flags say, or else the configuration.
func (s *signers) of(ctx context.Context, a *app, f signFlags, r *config.Repo) (createrepo.Signer, error) {
	switch {
	case r.DownloadMetadata:
		return nil, nil // upstream has signed, or nobody
	case r.BuildErr != nil:
		return nil, r.BuildErr
	}
	if f.SignKey == "" && f.SignWith == "" {
		f.SignKey, f.SignWith = r.SignKey, r.SignWith
		if f.SignPassphraseFile == "" && (f.SignKey != "" || f.SignWith != "") {
			f.SignPassphraseFile = r.SignPassphraseFile
		}
	}
	found, ok := s.known[f]
	if !ok {
		found.signer, found.err = f.signer(ctx, a)
		if s.known == nil {
			s.known = map[signFlags]signerOrError{}
		}
		s.known[f] = found
	}
	return found.signer, found.err
}
