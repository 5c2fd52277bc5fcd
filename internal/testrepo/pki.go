package testrepo

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"
)

// A CA issues certificates.
type CA struct {
	Cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewCA makes an authority.
func NewCA(t testing.TB) *CA {
	t.Helper()
	return newCA(t, nil)
}

// Sub makes an authority below another.
func (ca *CA) Sub(t testing.TB) *CA {
	t.Helper()
	return newCA(t, ca)
}

func newCA(t testing.TB, above *CA) *CA {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	ca := &CA{key: key}
	template := &x509.Certificate{
		SerialNumber: serial(t), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	parent, signer := template, key
	if above != nil {
		template.Subject.CommonName = "test authority below"
		parent, signer = above.Cert, above.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	require.NoError(t, err)
	ca.Cert, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	return ca
}

func serial(t testing.TB) *big.Int {
	n, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(t, err)
	return n
}

// Issue makes a certificate for a server on 127.0.0.1, or for a client; change
// may make something else of it. With chain the authority's own goes along.
func (ca *CA) Issue(t testing.TB, chain bool, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: serial(t), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.Cert, &key.PublicKey, ca.key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	c := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
	if chain {
		c.Certificate = append(c.Certificate, ca.Cert.Raw)
	}
	return c
}

// Staple gives a certificate an OCSP answer, which servers send along. by signs
// it: nil is the authority itself.
func (ca *CA) Staple(t testing.TB, c *tls.Certificate, status int, this, next time.Time, by *tls.Certificate) {
	t.Helper()
	template := ocsp.Response{
		Status: status, SerialNumber: c.Leaf.SerialNumber, ThisUpdate: this, NextUpdate: next,
		RevokedAt: this.Add(-time.Hour), RevocationReason: ocsp.KeyCompromise,
	}
	responder, key := ca.Cert, crypto.Signer(ca.key)
	if by != nil {
		responder, key = by.Leaf, by.PrivateKey.(crypto.Signer)
		template.Certificate = by.Leaf
	}
	var err error
	c.OCSPStaple, err = ocsp.CreateResponse(ca.Cert, responder, template, key)
	require.NoError(t, err)
}

// File writes the authority's certificate.
func (ca *CA) File(t testing.TB) string {
	t.Helper()
	return writePEM(t, "authority.pem", "CERTIFICATE", ca.Cert.Raw)
}

// Pool is the authority as Options.ClientCAs wants it.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.Cert)
	return pool
}

// WriteCert writes a certificate and its key as subscription-manager does:
// 1234.pem, with blocks of other kinds behind the certificate, and 1234-key.pem,
// in a directory named like its own, pki/entitlement.
func WriteCert(t testing.TB, c tls.Certificate) (certFile, keyFile string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "pki", "entitlement")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	var out bytes.Buffer
	for _, der := range c.Certificate {
		require.NoError(t, pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	require.NoError(t, pem.Encode(&out, &pem.Block{Type: "ENTITLEMENT DATA", Bytes: Bytes("entitlement", 1000)}))
	require.NoError(t, pem.Encode(&out, &pem.Block{Type: "RSA SIGNATURE", Bytes: Bytes("signature", 512)}))
	certFile, keyFile = filepath.Join(dir, "1234.pem"), filepath.Join(dir, "1234-key.pem")
	require.NoError(t, os.WriteFile(certFile, out.Bytes(), 0o600))
	require.NoError(t, os.WriteFile(keyFile, KeyPEM(t, c.PrivateKey), 0o600))
	return certFile, keyFile
}

// KeyPEM is a private key as a PKCS #8 file holds it.
func KeyPEM(t testing.TB, key crypto.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}
