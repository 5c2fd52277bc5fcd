package fetch

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"
)

// TLS says whom to trust and who we are. Files are PEM.
type TLS struct {
	// CAFile, or a directory of such files, replaces the system's authorities.
	CAFile string
	// ClientCert and ClientKey are presented where a server asks. The key may
	// stand in the certificate's file, and so may certificates that lead to an
	// authority; blocks of other kinds, as RHEL's entitlements have them, are
	// passed over.
	ClientCert, ClientKey string
	// SkipVerify accepts any server certificate.
	SkipVerify bool
	// VerifyStatus wants the server to staple a good OCSP answer about its
	// certificate.
	VerifyStatus bool
}

// expirySoon is how long before its end a client certificate is warned of.
const expirySoon = 30 * 24 * time.Hour

// maxPEM bounds a file of certificates: a bundle of all the world's authorities
// has some 500 kB.
const maxPEM = 16 << 20

func (t TLS) config() (*tls.Config, error) {
	cfg := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: t.SkipVerify, //nolint:gosec // asked for by sslverify=0
		// Without it every connection of a first run is a full handshake.
		ClientSessionCache: tls.NewLRUClientSessionCache(0),
	}
	if t.CAFile != "" {
		pool, err := readCAs(t.CAFile)
		if err != nil {
			return nil, err
		}
		cfg.RootCAs = pool
	}
	if t.VerifyStatus {
		cfg.VerifyConnection = func(cs tls.ConnectionState) error { return checkStapled(cs, time.Now()) }
	}
	if t.ClientCert == "" && t.ClientKey == "" {
		return cfg, nil
	}
	cert, err := t.clientCertificate()
	if err != nil {
		return nil, err
	}
	if now := time.Now(); now.After(cert.Leaf.NotAfter) {
		return nil, fmt.Errorf("client certificate %s expired on %s: %s", t.ClientCert, day(cert.Leaf.NotAfter), t.renewal())
	}
	// It is sent whatever authorities the server names, as curl does: the list
	// of a server in front of others need not be the right one.
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	return cfg, nil
}

// warnings say what will be wrong with the client certificate before long.
// config has read it without an error.
func (t TLS) warnings(now time.Time) []string {
	if t.ClientCert == "" {
		return nil
	}
	cert, err := t.clientCertificate()
	switch {
	case err != nil:
		return nil
	case now.Before(cert.Leaf.NotBefore):
		return []string{fmt.Sprintf("client certificate %s is not valid before %s: is the clock right?", t.ClientCert, day(cert.Leaf.NotBefore))}
	case cert.Leaf.NotAfter.Sub(now) < expirySoon:
		return []string{fmt.Sprintf("client certificate %s expires on %s: %s", t.ClientCert, day(cert.Leaf.NotAfter), t.renewal())}
	}
	return nil
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// renewal is what to do about a certificate that expires.
func (t TLS) renewal() string {
	if strings.Contains(t.ClientCert, "/pki/entitlement") {
		return "subscription-manager refresh"
	}
	return "get a new one"
}

// clientCertificate reads certificate and key.
func (t TLS) clientCertificate() (*tls.Certificate, error) {
	if t.ClientCert == "" {
		return nil, fmt.Errorf("%s: a client key without a client certificate", t.ClientKey)
	}
	certPEM, err := readFile(t.ClientCert)
	if err != nil {
		return nil, fmt.Errorf("client certificate %w", err)
	}
	keyFile, keyPEM := t.ClientCert, certPEM
	if t.ClientKey != "" {
		keyFile = t.ClientKey
		if keyPEM, err = readFile(t.ClientKey); err != nil {
			return nil, fmt.Errorf("client key %w", err)
		}
	}
	cert := &tls.Certificate{}
	if cert.Certificate = blocks(certPEM, "CERTIFICATE"); len(cert.Certificate) == 0 {
		return nil, fmt.Errorf("client certificate %s: no PEM certificate in it", t.ClientCert)
	}
	if cert.Leaf, err = x509.ParseCertificate(cert.Certificate[0]); err != nil {
		return nil, fmt.Errorf("client certificate %s: damaged: %w", t.ClientCert, err)
	}
	key, err := privateKey(keyPEM)
	if err != nil {
		return nil, fmt.Errorf("client key %s: %w", keyFile, err)
	}
	if !belongs(key, cert.Leaf) {
		return nil, fmt.Errorf("client key %s does not belong to the certificate %s", keyFile, t.ClientCert)
	}
	cert.PrivateKey = key
	return cert, nil
}

// readFile reads a small file; the error names it, once.
func readFile(path string) ([]byte, error) {
	f, err := openRegular(os.OpenFile, path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, cause(err))
	}
	defer f.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(io.LimitReader(f, maxPEM+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, cause(err))
	case len(data) > maxPEM:
		return nil, fmt.Errorf("%s: has more than %d bytes", path, maxPEM)
	}
	return data, nil
}

// blocks gives the PEM blocks of a type.
func blocks(data []byte, kind string) [][]byte {
	var found [][]byte
	for {
		var b *pem.Block
		if b, data = pem.Decode(data); b == nil {
			return found
		}
		if b.Type == kind {
			found = append(found, b.Bytes)
		}
	}
}

// privateKey finds the first key: PKCS #8, PKCS #1 or SEC 1.
func privateKey(data []byte) (crypto.Signer, error) {
	for {
		var b *pem.Block
		if b, data = pem.Decode(data); b == nil {
			return nil, errors.New("no PEM private key in it")
		}
		if b.Type != "PRIVATE KEY" && !strings.HasSuffix(b.Type, " PRIVATE KEY") {
			continue
		}
		if b.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED") {
			return nil, errors.New("is encrypted: store it without a passphrase (openssl pkey -in FILE -out NEW)")
		}
		return parseKey(b.Bytes)
	}
}

func parseKey(der []byte) (crypto.Signer, error) {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("is damaged, or of a kind that is not known")
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("is no key to sign with")
	}
	return signer, nil
}

func belongs(key crypto.Signer, cert *x509.Certificate) bool {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(cert.PublicKey)
}

// readCAs reads a PEM file of authorities, or all files of a directory, as
// sslcacert allows both.
func readCAs(path string) (*x509.CertPool, error) {
	files := []string{path}
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, fmt.Errorf("authorities: %w", err)
		}
		files = files[:0]
		for _, e := range entries {
			file := filepath.Join(path, e.Name())
			if st, err := os.Stat(file); err == nil && st.Mode().IsRegular() {
				files = append(files, file)
			}
		}
	}
	pool, found := x509.NewCertPool(), false
	for _, f := range files {
		data, err := readFile(f)
		if err != nil {
			return nil, fmt.Errorf("authorities: %w", err)
		}
		found = pool.AppendCertsFromPEM(data) || found
	}
	if !found {
		return nil, fmt.Errorf("authorities: %s: no PEM certificate in it", path)
	}
	return pool, nil
}

// handshake makes TLS of a connection, which it closes after a failure.
func handshake(ctx context.Context, conn net.Conn, cfg *tls.Config, host string) (net.Conn, error) {
	cfg = cfg.Clone()
	cfg.ServerName = host
	secure := tls.Client(conn, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
}

// clockSkew is by how much a clock may be wrong in matters of OCSP, as OpenSSL
// has it.
const clockSkew = 5 * time.Minute

// checkStapled verifies what the server says of its certificate's status: RFC
// 6960, stapled as in RFC 6066.
func checkStapled(cs tls.ConnectionState, now time.Time) error {
	fail := func(why string) error { return &stapleError{why} }
	if len(cs.OCSPResponse) == 0 {
		return fail("the server sends no OCSP answer about its certificate")
	}
	leaf := cs.PeerCertificates[0]
	var issuers []*x509.Certificate
	for _, chain := range cs.VerifiedChains {
		if len(chain) > 1 {
			issuers = append(issuers, chain[1])
		}
	}
	if len(cs.VerifiedChains) == 0 { // sslverify=0: whom the server names
		issuers = cs.PeerCertificates[1:]
	}
	var answer *ocsp.Response
	for _, issuer := range issuers {
		r, err := ocsp.ParseResponseForCert(cs.OCSPResponse, leaf, issuer)
		if err == nil && bytes.Equal(issuer.RawSubject, leaf.RawIssuer) && mayAnswer(r.Certificate, issuer, now) {
			answer = r
			break
		}
	}
	switch {
	case answer == nil:
		return fail("the server's OCSP answer about its certificate is not valid")
	case answer.ThisUpdate.After(now.Add(clockSkew)):
		return fail("the server's OCSP answer is of " + answer.ThisUpdate.UTC().Format(time.RFC3339) + ": is the clock right?")
	case !answer.NextUpdate.IsZero() && answer.NextUpdate.Before(now.Add(-clockSkew)):
		return fail("the server's OCSP answer is too old: it was good until " + answer.NextUpdate.UTC().Format(time.RFC3339))
	case answer.Status == ocsp.Revoked:
		return fail("the server's certificate was revoked on " + day(answer.RevokedAt))
	case answer.Status != ocsp.Good:
		return fail("whoever issued the server's certificate does not know it")
	}
	return nil
}

// mayAnswer reports whether who signed an OCSP answer may: the issuer itself
// (signer is nil), or whom it has appointed for that (RFC 6960, 4.2.2.2).
func mayAnswer(signer, issuer *x509.Certificate, now time.Time) bool {
	return signer == nil || signer.Equal(issuer) ||
		slices.Contains(signer.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) && now.After(signer.NotBefore) && now.Before(signer.NotAfter)
}

// stapleError says why sslverifystatus does not let a server pass.
type stapleError struct{ why string }

func (e *stapleError) Error() string { return e.why }

// explainTLS says in words what is wrong between us and host; prefix is that of
// the keys that are meant: "ssl" or "proxy_ssl". Other errors stay as they are.
func (t TLS) explainTLS(err error, host, prefix string) error {
	var (
		unknown  x509.UnknownAuthorityError
		name     x509.HostnameError
		invalid  x509.CertificateInvalidError
		roots    x509.SystemRootsError
		noTLS    tls.RecordHeaderError
		op       *net.OpError
		stapled  *stapleError
		words    string
		original = err
	)
	switch {
	case errors.As(err, &stapled):
		words = stapled.why + " (" + prefix + "verifystatus)"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		words = "the certificate of " + host + " expired on " + day(invalid.Cert.NotAfter)
		if !bytes.Equal(invalid.Cert.Raw, leafOf(err)) {
			words = fmt.Sprintf("the authority %q behind the certificate of %s expired on %s", invalid.Cert.Subject.CommonName, host, day(invalid.Cert.NotAfter))
		}
		if time.Now().Before(invalid.Cert.NotBefore) {
			words = "the certificate of " + host + " is not valid before " + day(invalid.Cert.NotBefore) + ": is the clock right?"
		}
	case errors.As(err, &name):
		words = "the certificate of " + host + " is not for this name"
		if name.Certificate != nil {
			words += ": it is for " + certificateNames(name.Certificate)
		}
	case errors.As(err, &unknown):
		words = "the certificate of " + host + " is signed by an authority that is not trusted"
		if unknown.Cert != nil {
			words += fmt.Sprintf(" (%s)", unknown.Cert.Issuer)
		}
		if t.CAFile == "" {
			words += ": name the authority's file in " + prefix + "cacert"
		} else {
			words += ": it is not in " + t.CAFile
		}
	case errors.As(err, &roots):
		words = "this system has no trusted authorities: name a file in " + prefix + "cacert"
	case errors.As(err, &noTLS) && string(noTLS.RecordHeader[:]) == "HTTP/":
		words, original = host+" answers in plain HTTP: https is not for this port", http.ErrSchemeMismatch
	case errors.As(err, &noTLS):
		words = host + " does not answer in TLS"
	case strings.Contains(err.Error(), "server selected unsupported protocol version"):
		words = host + " has no better than TLS 1.0 or 1.1, which are not safe: at least 1.2 is needed"
	case errors.As(err, &op) && op.Op == "remote error":
		words = t.explainAlert(strings.TrimPrefix(op.Err.Error(), "tls: "), host, prefix)
	}
	if words == "" {
		return err
	}
	return &inWords{words, original}
}

// explainAlert puts what the other side says into words; alert is its name as
// crypto/tls has it.
func (t TLS) explainAlert(alert, host, prefix string) string {
	key := prefix + "clientcert"
	switch alert {
	case "certificate required":
		return host + " wants a client certificate: " + key
	case "bad certificate", "unsupported certificate", "revoked certificate", "expired certificate",
		"unknown certificate", "unknown certificate authority", "access denied":
		if t.ClientCert == "" {
			return host + " wants a client certificate (" + alert + "): " + key
		}
		return host + " does not accept the client certificate " + t.ClientCert + " (" + alert + ")"
	case "handshake failure":
		if t.ClientCert == "" {
			return host + " refuses the TLS handshake: it has no cipher in common with us, or wants a client certificate (" + key + ")"
		}
		return host + " refuses the TLS handshake: it has no cipher in common with us, or does not accept the client certificate " + t.ClientCert
	case "protocol version not supported":
		return host + " has no TLS version in common with us: 1.2 and 1.3 are known here"
	}
	return host + " refuses the TLS connection (" + alert + ")"
}

// leafOf is the server's own certificate of a verification that failed.
func leafOf(err error) []byte {
	var v *tls.CertificateVerificationError
	if errors.As(err, &v) && len(v.UnverifiedCertificates) > 0 {
		return v.UnverifiedCertificates[0].Raw
	}
	return nil
}

// maxNames is how many of a certificate's names are shown.
const maxNames = 5

func certificateNames(c *x509.Certificate) string {
	names := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	switch {
	case len(names) == 0:
		return fmt.Sprintf("no host (%s)", c.Subject)
	case len(names) > maxNames:
		names = append(names[:maxNames], "…")
	}
	return strings.Join(names, ", ")
}
