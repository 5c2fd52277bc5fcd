package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"gorepo/internal/openpgp"
)

// gpgTimeout is how long gpg may take for one signature: somebody may have to
// type a PIN.
const gpgTimeout = 2 * time.Minute

// gpgSigner has gpg sign: with its keyring, agent or smartcard.
type gpgSigner struct {
	environ    []string
	user       string // what gpg knows the key by
	passphrase []byte // "" leaves it to gpg's agent
	made       time.Time
	public     []byte
	ring       openpgp.Keyring
}

// newGPGSigner asks gpg for a key. The error says what keeps it from signing.
func newGPGSigner(ctx context.Context, environ []string, user string, passphrase []byte) (*gpgSigner, error) {
	s := &gpgSigner{user: user, passphrase: passphrase}
	for _, v := range environ {
		if !strings.HasPrefix(v, passphraseEnv+"=") {
			s.environ = append(s.environ, v)
		}
	}
	listing, err := s.gpg(ctx, nil, "--with-colons", "--fixed-list-mode", "--list-secret-keys", "--", user)
	if err != nil {
		return nil, err
	}
	key, err := readColons(listing, time.Now())
	if err != nil {
		return nil, err
	}
	s.made = key.made
	if s.public, err = s.gpg(ctx, nil, "--armor", "--export-options", "export-minimal", "--export", "--", key.fingerprint); err != nil {
		return nil, err
	}
	if _, err := s.ring.AddKeys(s.public); err != nil {
		return nil, fmt.Errorf("gpg's public key: %w", err)
	}
	return s, nil
}

// Sign implements createrepo.Signer.
func (s *gpgSigner) Sign(ctx context.Context, data []byte, at time.Time) ([]byte, error) {
	args := []string{"--armor", "--detach-sign", "--digest-algo", "SHA512", "--no-comments", "--local-user", s.user}
	if !at.IsZero() {
		if at.Before(s.made) {
			at = s.made // gpg takes no key of the future
		}
		args = append(args, "--faked-system-time", strconv.FormatInt(at.Unix(), 10)+"!")
	}
	if len(s.passphrase) > 0 {
		// The first line of its input.
		args = append(args, "--pinentry-mode", "loopback", "--passphrase-fd", "0")
		data = bytes.Join([][]byte{s.passphrase, data}, []byte("\n"))
	}
	return s.gpg(ctx, data, args...)
}

// Verify implements createrepo.Signer.
func (s *gpgSigner) Verify(data, signature []byte) error {
	_, err := s.ring.VerifyDetached(bytes.NewReader(data), signature)
	return err
}

// PublicKey implements createrepo.Signer.
func (s *gpgSigner) PublicKey() []byte { return s.public }

// gpg runs gpg and returns what it writes to stdout.
func (s *gpgSigner) gpg(ctx context.Context, input []byte, args ...string) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, gpgTimeout)
	defer cancel()
	cmd := exec.CommandContext(limited, "gpg", append([]string{"--batch", "--no-tty"}, args...)...)
	cmd.Env = s.environ
	cmd.Stdin = bytes.NewReader(input)
	cmd.WaitDelay = time.Second // an agent that it started may hold its output open
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() != nil:
		return nil, fmt.Errorf("gpg did not end within %v", gpgTimeout)
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("there is no gpg: install GnuPG, or sign with --sign-key")
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return nil, fmt.Errorf("gpg: %s", lastWords(stderr.String(), err))
	}
	return stdout.Bytes(), nil
}

// lastWords is the line with which gpg gave up.
func lastWords(stderr string, err error) string {
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	last := strings.TrimPrefix(lines[len(lines)-1], "gpg: ")
	if last == "" {
		return err.Error()
	}
	return strconv.Quote(last)
}

// colonKey is a secret key as gpg lists it.
type colonKey struct {
	fingerprint string
	// made is when the youngest of its parts was made that can sign: gpg takes
	// that one.
	made time.Time
}

// Fields of gpg's listing for programs (doc/DETAILS of GnuPG).
const (
	colonType     = 0
	colonValidity = 1 // r: revoked, e: expired, d: disabled, i: invalid
	colonMade     = 5
	colonExpires  = 6
	colonUser     = 9  // of fpr: the fingerprint
	colonUsage    = 11 // s: this part signs
	colonToken    = 14 // #: the secret part is not there; + or a card's number: it is
	colonFields   = 15
)

// readColons reads gpg's listing of one secret key, and says if it cannot sign.
func readColons(listing []byte, now time.Time) (*colonKey, error) {
	var key *colonKey
	var reasons []string
	primary := false // the lines are about the primary key
	for line := range strings.Lines(string(listing)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		for len(f) < colonFields {
			f = append(f, "")
		}
		switch f[colonType] {
		case "sec":
			if key != nil {
				return nil, errors.New("gpg knows several secret keys by that name: give a fingerprint")
			}
			key, primary = &colonKey{}, true
			if reason := validity(f, now); reason != "" {
				return nil, errors.New("the key " + reason)
			}
		case "ssb":
			primary = false
		case "fpr":
			if key != nil && primary {
				key.fingerprint = f[colonUser]
			}
			continue
		default:
			continue
		}
		if !strings.Contains(f[colonUsage], "s") {
			continue
		}
		reason := validity(f, now)
		if reason == "" && strings.HasPrefix(f[colonToken], "#") {
			reason = "is without its secret part"
		}
		made, err := strconv.ParseInt(f[colonMade], 10, 64)
		switch {
		case reason != "":
			reasons = append(reasons, fmt.Sprintf("%s %s", f[4], reason))
		case err == nil && time.Unix(made, 0).After(key.made):
			key.made = time.Unix(made, 0)
		}
	}
	switch {
	case key == nil || key.fingerprint == "":
		return nil, errors.New("gpg knows no such secret key")
	case key.made.IsZero():
		if len(reasons) == 0 {
			reasons = []string{"none is made to sign"}
		}
		return nil, errors.New("no part of the key can sign: " + strings.Join(reasons, ", "))
	}
	return key, nil
}

// validity says what is wrong with a key or subkey, as the end of a sentence.
func validity(f []string, now time.Time) string {
	expires, err := strconv.ParseInt(f[colonExpires], 10, 64)
	expired := err == nil && expires > 0 && now.After(time.Unix(expires, 0))
	switch {
	case f[colonValidity] == "r":
		return "is revoked"
	case f[colonValidity] == "e" || expired:
		return "expired on " + time.Unix(expires, 0).UTC().Format(time.DateOnly)
	case f[colonValidity] == "d":
		return "is disabled"
	case f[colonValidity] == "i" || f[colonValidity] == "n":
		return "is not valid"
	}
	return ""
}
