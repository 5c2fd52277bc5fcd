package main

import (
	"context"
	"errors"
	"net/http"

	"gorepo/internal/config"
	"gorepo/internal/fetch"
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
		ProxyAuth:     r.ProxyAuthMethod,
		IPResolve:     r.IPResolve,
		Throttle:      r.Throttle,
		MaxConns:      workers,
		TLS: fetch.TLS{
			CAFile:       r.SSLCACert,
			ClientCert:   r.SSLClientCert,
			ClientKey:    r.SSLClientKey,
			SkipVerify:   !r.SSLVerify,
			VerifyStatus: r.SSLVerifyStatus,
		},
		ProxyTLS: fetch.TLS{
			CAFile:     r.ProxySSLCACert,
			ClientCert: r.ProxySSLClientCert,
			ClientKey:  r.ProxySSLClientKey,
			SkipVerify: !r.ProxySSLVerify,
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
		Validators: reposync.Validators{ETag: info.ETag, LastModified: info.LastModified, URL: info.URL},
		Same:       upstream{u.From(info)},
		Reject:     func(why error) bool { return u.Reject(info, why) },
	}, nil
}

// Download implements reposync.Source.
func (u upstream) Download(ctx context.Context, base, location string, to reposync.Sink, limit int64) error {
	info, err := u.Source.Download(ctx, base, location, to, limit)
	if dated, ok := to.(reposync.DatedSink); ok && err == nil {
		if t, err := http.ParseTime(info.LastModified); err == nil {
			dated.SetModified(t)
		}
	}
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
	case fetch.NotFound(err):
		return &reposync.NotFoundError{Err: err}
	}
	return err
}
