package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"gorepo/internal/config"
	"gorepo/internal/fetch"
	"gorepo/internal/mirror"
	"gorepo/internal/openpgp"
	reposync "gorepo/internal/sync"
)

// keys gives the keys that a repository trusts. Those of one whose packages were
// verified by the last sync are read when there is another package to verify: a
// night without news asks nobody for a key. Otherwise they are read at once, so
// that what is wrong with them is said before anything else is asked for.
func (a *app) keys(ctx context.Context, r *config.Repo, from *fetch.Source, place *mirror.Repo) (func() (*openpgp.Keyring, error), error) {
	if !r.GPGCheck && !r.RepoGPGCheck {
		return nil, nil
	}
	load := sync.OnceValues(func() (*openpgp.Keyring, error) { return a.keyring(ctx, r, from) })
	if state, _ := place.State(); state.Sync.GPGChecked && !r.RepoGPGCheck {
		return load, nil
	}
	_, err := load()
	return load, err
}

// keyring reads the keys that a repository trusts. A key that is not there
// makes the check impossible, which is an error; one that is not pinned is not
// trusted.
func (a *app) keyring(ctx context.Context, r *config.Repo, from *fetch.Source) (*openpgp.Keyring, error) {
	if len(r.GPGKeys) == 0 {
		return nil, errors.New("gpgcheck or repo_gpgcheck is set, but no gpgkey: name the key's file or URL")
	}
	ring := new(openpgp.Keyring)
	for _, key := range r.GPGKeys {
		data, err := keyData(ctx, key, from)
		if err != nil {
			return nil, fmt.Errorf("gpgkey: %w", err)
		}
		if err := a.addKeys(ring, r, config.MaskURL(key), data); err != nil {
			return nil, err
		}
	}
	if ring.Len() == 0 {
		masked := make([]string, len(r.GPGKeys))
		for i, key := range r.GPGKeys {
			masked[i] = config.MaskURL(key)
		}
		return nil, fmt.Errorf("gpgkey: no public key in %s", list(masked))
	}
	return ring, nil
}

// addKeys adds the keys of one gpgkey, called shown. What cannot be read of it
// is a warning.
func (a *app) addKeys(ring *openpgp.Keyring, r *config.Repo, shown string, data []byte) error {
	var added, others []string
	var err error
	if len(r.GPGKeyFingerprints) > 0 {
		added, others, err = ring.AddPinned(data, r.GPGKeyFingerprints)
	} else {
		added, err = ring.AddKeys(data)
	}
	if err != nil {
		a.out.Warn(r.ID, fmt.Sprintf("gpgkey %s: %v", shown, err))
	}
	if len(added) == 0 && len(others) > 0 {
		return &reposync.UntrustedError{Err: fmt.Errorf("gpgkey %s: no key in it is one of gpgkey_fingerprint: it has %s", shown, some(others))}
	}
	return nil
}

func keyData(ctx context.Context, key string, from *fetch.Source) ([]byte, error) {
	data, _, err := from.GetURL(ctx, key, maxKeySize, fetch.Condition{})
	if fetch.Unavailable(err) && (fetch.Temporary(err) || errors.Is(err, fetch.ErrDown)) {
		// A key that is not there is a mistake; a server that is not, none.
		err = &reposync.UnavailableError{Err: err}
	}
	return data, err
}

// checks are the checks that a repository asks for, nil for those that it does
// not. Without the keys nothing can be checked.
func checks(r *config.Repo, keys func() (*openpgp.Keyring, error)) (metadata func(repomd, signature []byte) ([]string, error), pkg func(io.Reader) ([]string, error)) {
	if r.RepoGPGCheck {
		metadata = func(repomd, signature []byte) ([]string, error) {
			ring, err := keys()
			if err != nil {
				return nil, &reposync.StopError{Err: err}
			}
			signer, err := ring.VerifyDetached(bytes.NewReader(repomd), signature)
			return verdict(ring, signer, err)
		}
	}
	if r.GPGCheck {
		pkg = func(p io.Reader) ([]string, error) {
			ring, err := keys()
			if err != nil {
				return nil, &reposync.StopError{Err: err}
			}
			signer, err := ring.VerifyPackage(p)
			return verdict(ring, signer, err)
		}
	}
	return metadata, pkg
}

// verdict says what is weak about a signature that is good, and, of one by
// another key, which keys it could be by.
func verdict(ring *openpgp.Keyring, signer openpgp.Signer, err error) (weak []string, _ error) {
	var unknown *openpgp.UnknownKeyError
	switch {
	case errors.As(err, &unknown):
		return nil, fmt.Errorf("%w (gpgkey has %s)", err, some(ring.KeyIDs()))
	case err != nil:
		return nil, err
	}
	if len(signer.Warnings) > 0 {
		weak = []string{fmt.Sprintf("signature by key %s: %s", signer.KeyID, list(signer.Warnings))}
	}
	return weak, nil
}

// some shows the beginning of a list.
func some(words []string) string {
	const shown = 5
	if more := len(words) - shown; more > 0 {
		return fmt.Sprintf("%s and %d more", list(words[:shown]), more)
	}
	return list(words)
}
