package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"gorepo/internal/config"
	"gorepo/internal/fetch"
	"gorepo/internal/openpgp"
	reposync "gorepo/internal/sync"
)

// dnfRetries is the default of the key retries, as dnf has it. What dnf does by
// default is what librepo does: some four attempts.
const dnfRetries = 10

// fetchOptions are what a repository's keys say about talking to its servers.
func fetchOptions(r *config.Repo, workers int) fetch.Options {
	retries := r.Retries
	switch retries {
	case dnfRetries:
		retries = fetch.DefaultRetries
	case 0: // without end, in yum's words: for hours
		retries = 1000
	}
	return fetch.Options{
		Timeout:       r.Timeout,
		Retries:       retries,
		MinRate:       r.MinRate,
		UserAgent:     r.UserAgent,
		Username:      r.Username,
		Password:      r.Password.Reveal(),
		Proxy:         r.Proxy,
		ProxyUsername: r.ProxyUsername,
		ProxyPassword: r.ProxyPassword.Reveal(),
		MaxConns:      workers,
		TLS: fetch.TLS{
			CAFile:     r.SSLCACert,
			ClientCert: r.SSLClientCert,
			ClientKey:  r.SSLClientKey,
			SkipVerify: !r.SSLVerify,
		},
	}
}

// upstream is a repository's upstream as internal/sync wants to see it.
type upstream struct{ *fetch.Source }

// Get implements reposync.Source.
func (u upstream) Get(ctx context.Context, location string, limit int64, known reposync.Validators) (reposync.Small, error) {
	data, info, err := u.Source.Get(ctx, location, limit, fetch.Condition(known))
	if fetch.NotFound(err) {
		return reposync.Small{NotFound: true, Same: u}, nil
	}
	switch {
	case fetch.Unavailable(err):
		return reposync.Small{}, &reposync.UnavailableError{Err: judged(err)}
	case err != nil:
		return reposync.Small{}, judged(err)
	}
	return reposync.Small{
		Data: data, NotModified: info.NotModified, URL: info.URL,
		Validators: reposync.Validators{ETag: info.ETag, LastModified: info.LastModified},
		Same:       upstream{u.From(info)},
	}, nil
}

// Download implements reposync.Source.
func (u upstream) Download(ctx context.Context, base, location string, to reposync.Sink, limit int64) error {
	_, err := u.Source.Download(ctx, base, location, to, limit)
	return judged(err)
}

// judged marks what an error of fetch means for a sync.
func judged(err error) error {
	var local *fetch.LocalError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &local), errors.Is(err, fetch.ErrDown):
		return &reposync.StopError{Err: err}
	case fetch.Mismatch(err):
		return &reposync.UntrustedError{Err: err}
	}
	return err
}

// keyring reads the keys that a repository trusts. A key that is not there
// makes the check impossible, which is an error.
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
		if _, err := ring.AddKeys(data); err != nil {
			a.out.Warn(r.ID, fmt.Sprintf("gpgkey %s: %v", config.MaskURL(key), err))
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

func keyData(ctx context.Context, key string, from *fetch.Source) ([]byte, error) {
	data, _, err := from.GetURL(ctx, key, maxKeySize, fetch.Condition{})
	if fetch.Unavailable(err) && (fetch.Temporary(err) || errors.Is(err, fetch.ErrDown)) {
		// A key that is not there is a mistake; a server that is not, none.
		err = &reposync.UnavailableError{Err: err}
	}
	return data, err
}

// checkMetadata and checkPackage are the checks that a repository asks for, nil
// for those that it does not.
func checks(r *config.Repo, ring *openpgp.Keyring) (metadata func(repomd, signature []byte) error, pkg func(io.Reader) error) {
	if r.RepoGPGCheck {
		metadata = func(repomd, signature []byte) error {
			_, err := ring.VerifyDetached(strings.NewReader(string(repomd)), signature)
			return err
		}
	}
	if r.GPGCheck {
		pkg = func(p io.Reader) error {
			_, err := ring.VerifyPackage(p)
			return err
		}
	}
	return metadata, pkg
}
