package fetch_test

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"

	"gorepo/internal/fetch"
	"gorepo/internal/testrepo"
)

const aDay = 24 * time.Hour

func valid(from, to time.Duration) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(to) }
}

// RHEL's files as they are, and everything else that is to be found in the wild.
func TestClientCertificateFiles(t *testing.T) {
	root := testrepo.NewCA(t)
	below := root.Sub(t)
	up := testrepo.Files(t, testrepo.Options{TLS: true, ClientCAs: root.Pool()}, map[string][]byte{file: content})
	try := func(cert, key string) error {
		o := quick()
		o.TLS = fetch.TLS{CAFile: up.CAFile(t), ClientCert: cert, ClientKey: key}
		s, err := fetch.New([]string{up.URL}, o)
		if err != nil {
			return err
		}
		assert.Empty(t, s.Warnings())
		_, err = download(t, s, &sink{})
		return err
	}
	write := func(name string, data ...[]byte) string {
		f := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(f, []byte(strings.Join([]string{string(data[0]), string(data[len(data)-1])}, "\n")), 0o600))
		return f
	}
	read := func(f string) []byte {
		data, err := os.ReadFile(f)
		require.NoError(t, err)
		return data
	}

	direct, chained := root.Issue(t, false, nil), below.Issue(t, true, nil)
	cert, key := testrepo.WriteCert(t, direct)
	require.NoError(t, try(cert, key), "an entitlement")
	both := write("both.pem", read(cert), read(key))
	require.NoError(t, try(both, ""), "certificate and key in one file")
	require.NoError(t, try(write("keyfirst.pem", read(key), read(cert)), ""))
	require.NoError(t, try(both, both))
	chainCert, chainKey := testrepo.WriteCert(t, chained)
	require.NoError(t, try(chainCert, chainKey), "a chain")
	sec1, err := x509.MarshalECPrivateKey(direct.PrivateKey.(*ecdsa.PrivateKey))
	require.NoError(t, err)
	parameters := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}})
	require.NoError(t, try(cert, write("sec1.pem", parameters, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: sec1}))))

	// A certificate of nobody that the server named is sent all the same, and
	// refused by the server.
	other := testrepo.NewCA(t)
	strangerCert, strangerKey := testrepo.WriteCert(t, other.Issue(t, false, nil))
	err = try(strangerCert, strangerKey)
	require.ErrorContains(t, err, "does not accept the client certificate "+strangerCert+" (unknown certificate authority)")
	assert.False(t, fetch.Temporary(err))
	assert.False(t, fetch.Unavailable(err))
	err = try("", "")
	require.ErrorContains(t, err, "wants a client certificate: sslclientcert")

	encrypted := write("encrypted.pem", pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}))
	oldEncrypted := write("old.pem", pem.EncodeToMemory(&pem.Block{
		Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: []byte("x"),
	}))
	damaged := write("damaged.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}))
	damagedCert := write("cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}))
	for _, c := range []struct{ cert, key, want string }{
		{cert, chainKey, "client key " + chainKey + " does not belong to the certificate " + cert},
		{cert, "", "client key " + cert + ": no PEM private key in it"},
		{cert, encrypted, "client key " + encrypted + ": is encrypted: store it without a passphrase (openssl pkey -in FILE -out NEW)"},
		{cert, oldEncrypted, "client key " + oldEncrypted + ": is encrypted"},
		{cert, damaged, "client key " + damaged + ": is damaged"},
		{cert, cert + ".not", "client key " + cert + ".not: file does not exist"},
		{key, key, "client certificate " + key + ": no PEM certificate in it"},
		{damagedCert, key, "client certificate " + damagedCert + ": damaged"},
		{t.TempDir(), key, "is a directory"},
	} {
		require.ErrorContains(t, try(c.cert, c.key), c.want)
	}
}

func TestClientCertificateDates(t *testing.T) {
	ca := testrepo.NewCA(t)
	for _, c := range []struct {
		from, to      time.Duration
		err, warnings string
	}{
		{-9 * aDay, -2 * aDay, "expired on " + time.Now().Add(-2*aDay).UTC().Format(time.DateOnly) + ": subscription-manager refresh", ""},
		{-9 * aDay, 29 * aDay, "", "expires on " + time.Now().Add(29*aDay).UTC().Format(time.DateOnly) + ": subscription-manager refresh"},
		{-9 * aDay, 31 * aDay, "", ""},
		{aDay, 90 * aDay, "", "is not valid before " + time.Now().Add(aDay).UTC().Format(time.DateOnly) + ": is the clock right?"},
	} {
		cert, key := testrepo.WriteCert(t, ca.Issue(t, false, valid(c.from, c.to)))
		for name, o := range map[string]fetch.Options{
			"":        {TLS: fetch.TLS{ClientCert: cert, ClientKey: key}},
			"proxy: ": {Proxy: "https://p", ProxyTLS: fetch.TLS{ClientCert: cert, ClientKey: key}},
		} {
			s, err := fetch.New([]string{"https://h/"}, o)
			if c.err != "" {
				require.EqualError(t, err, name+"client certificate "+cert+" "+c.err)
				continue
			}
			require.NoError(t, err)
			if c.warnings == "" {
				assert.Empty(t, s.Warnings())
			} else {
				assert.Equal(t, []string{"client certificate " + cert + " " + c.warnings}, s.Warnings())
			}
		}
	}
}

// What is wrong with a server's certificate, in words.
func TestServerCertificates(t *testing.T) {
	ca := testrepo.NewCA(t)
	issue := func(change func(*x509.Certificate)) *tls.Certificate {
		c := ca.Issue(t, true, change)
		return &c
	}
	caFile, otherFile := ca.File(t), testrepo.NewCA(t).File(t)
	day := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.DateOnly) }
	for name, c := range map[string]struct {
		o      testrepo.Options
		caFile string
		want   string // HOST stands for the server's
	}{
		"right":         {testrepo.Options{Cert: issue(nil)}, caFile, ""},
		"unknown":       {testrepo.Options{Cert: issue(nil)}, "", "the certificate of HOST is signed by an authority that is not trusted (CN=test authority): name the authority's file in sslcacert"},
		"another":       {testrepo.Options{Cert: issue(nil)}, otherFile, "the certificate of HOST is signed by an authority that is not trusted (CN=test authority): it is not in " + otherFile},
		"expired":       {testrepo.Options{Cert: issue(valid(-9*aDay, -2*aDay))}, caFile, "the certificate of HOST expired on " + day(-2*aDay)},
		"not yet":       {testrepo.Options{Cert: issue(valid(2*aDay, 9*aDay))}, caFile, "the certificate of HOST is not valid before " + day(2*aDay) + ": is the clock right?"},
		"name":          {testrepo.Options{Cert: issue(func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"a.example", "b.example"} })}, caFile, "the certificate of HOST is not for this name: it is for a.example, b.example"},
		"no name":       {testrepo.Options{Cert: issue(func(c *x509.Certificate) { c.IPAddresses = nil })}, caFile, "the certificate of HOST is not for this name: it is for no host (CN=test)"},
		"TLS 1.2":       {testrepo.Options{Cert: issue(nil), MaxTLS: tls.VersionTLS12}, caFile, ""},
		"TLS 1.1":       {testrepo.Options{Cert: issue(nil), MaxTLS: tls.VersionTLS11}, caFile, "HOST has no TLS version in common with us: 1.2 and 1.3 are known here"},
		"only HTTP/2":   {testrepo.Options{Cert: issue(nil), OnlyHTTP2: true}, caFile, ""},
		"old, a client": {testrepo.Options{Cert: issue(nil), MaxTLS: tls.VersionTLS12, ClientCAs: ca.Pool()}, caFile, "HOST refuses the TLS handshake: it has no cipher in common with us, or wants a client certificate (sslclientcert)"},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.TLS = true
			up := testrepo.Files(t, c.o, map[string][]byte{file: content})
			o := quick()
			o.TLS.CAFile = c.caFile
			s := source(t, o, up.URL)
			for range 2 { // a second connection is resumed
				_, err := download(t, s, &sink{})
				if c.want == "" {
					require.NoError(t, err)
					continue
				}
				require.EqualError(t, err, up.URL+"/"+file+": "+strings.ReplaceAll(c.want, "HOST", strings.TrimPrefix(up.URL, "https://")))
				assert.False(t, fetch.Temporary(err))
				assert.False(t, fetch.Unavailable(err))
			}
			o.TLS.SkipVerify = true
			if !strings.Contains(name, "1.1") && !strings.Contains(name, "client") {
				_, err := download(t, source(t, o, up.URL), &sink{})
				require.NoError(t, err)
			}
		})
	}
}

func TestStapledStatus(t *testing.T) {
	root := testrepo.NewCA(t)
	ca := root.Sub(t)
	now := time.Now()
	staple := func(status int, this, next time.Time, by *tls.Certificate) *tls.Certificate {
		c := ca.Issue(t, true, nil)
		ca.Staple(t, &c, status, this, next, by)
		return &c
	}
	appointed := ca.Issue(t, false, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning} })
	retired := ca.Issue(t, false, func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}
		valid(-9*aDay, -aDay)(c)
	})
	server := ca.Issue(t, false, nil)
	stranger := testrepo.NewCA(t).Issue(t, false, func(c *x509.Certificate) { c.ExtKeyUsage = appointed.Leaf.ExtKeyUsage })
	// Who has stolen the key of a revoked certificate names an authority of the
	// same name behind it, and has that one answer.
	double := testrepo.NewCA(t).Sub(t)
	stolen := ca.Issue(t, true, nil)
	double.Staple(t, &stolen, ocsp.Good, now.Add(-time.Hour), now.Add(aDay), nil)
	stolen.Certificate = append(stolen.Certificate, double.Cert.Raw)
	bare := ca.Issue(t, true, nil)
	foreign := ca.Issue(t, true, nil)
	foreign.OCSPStaple = staple(ocsp.Good, now, now.Add(aDay), nil).OCSPStaple
	garbage := ca.Issue(t, true, nil)
	garbage.OCSPStaple = []byte("good, believe me")
	for name, c := range map[string]struct {
		cert *tls.Certificate
		want string
	}{
		"good":          {staple(ocsp.Good, now.Add(-time.Hour), now.Add(aDay), nil), ""},
		"good, no end":  {staple(ocsp.Good, now.Add(-time.Hour), time.Time{}, nil), ""},
		"a little late": {staple(ocsp.Good, now.Add(-aDay), now.Add(-time.Minute), nil), ""},
		"none":          {&bare, "the server sends no OCSP answer about its certificate"},
		"revoked":       {staple(ocsp.Revoked, now.Add(-time.Hour), now.Add(aDay), nil), "the server's certificate was revoked on " + now.Add(-2*time.Hour).UTC().Format(time.DateOnly)},
		"unknown":       {staple(ocsp.Unknown, now.Add(-time.Hour), now.Add(aDay), nil), "whoever issued the server's certificate does not know it"},
		"old":           {staple(ocsp.Good, now.Add(-9*aDay), now.Add(-aDay), nil), "the server's OCSP answer is too old: it was good until "},
		"of the future": {staple(ocsp.Good, now.Add(aDay), now.Add(2*aDay), nil), "is the clock right?"},
		"of another":    {&foreign, "the server's OCSP answer about its certificate is not valid"},
		"appointed":     {staple(ocsp.Good, now.Add(-time.Hour), now.Add(aDay), &appointed), ""},
		"retired":       {staple(ocsp.Good, now.Add(-time.Hour), now.Add(aDay), &retired), "the server's OCSP answer about its certificate is not valid"},
		"by a server":   {staple(ocsp.Good, now.Add(-time.Hour), now.Add(aDay), &server), "the server's OCSP answer about its certificate is not valid"},
		"by a stranger": {staple(ocsp.Good, now.Add(-time.Hour), now.Add(aDay), &stranger), "the server's OCSP answer about its certificate is not valid"},
		"stolen key":    {&stolen, "the server's OCSP answer about its certificate is not valid"},
		"garbage":       {&garbage, "the server's OCSP answer about its certificate is not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			up := testrepo.Files(t, testrepo.Options{TLS: true, Cert: c.cert}, map[string][]byte{file: content})
			for _, skip := range []bool{false, true} {
				o := quick()
				o.TLS = fetch.TLS{CAFile: root.File(t), VerifyStatus: true, SkipVerify: skip}
				s := source(t, o, up.URL)
				for range 2 {
					_, err := download(t, s, &sink{})
					if c.want == "" || skip && name == "stolen key" { // then anybody may be the authority
						require.NoError(t, err)
						continue
					}
					require.ErrorContains(t, err, c.want)
					require.ErrorContains(t, err, "(sslverifystatus)")
					assert.False(t, fetch.Temporary(err))
				}
				o.TLS.VerifyStatus = false
				_, err := download(t, source(t, o, up.URL), &sink{})
				require.NoError(t, err)
			}
		})
	}
}

// A server that has HTTP/2 only is asked for it, once it has said so.
func TestOnlyHTTP2(t *testing.T) {
	up := testrepo.Files(t, testrepo.Options{TLS: true, OnlyHTTP2: true}, map[string][]byte{file: content})
	p := testrepo.NewProxy(t, testrepo.ProxyOptions{Username: "u", Password: "p", Ways: []string{"md5"}})
	for _, proxy := range []string{"", strings.Replace(p.URL, "://", "://u:p@", 1)} {
		o := quick()
		o.TLS.CAFile, o.Proxy = up.CAFile(t), proxy
		s := source(t, o, up.URL)
		for range 3 {
			k := &sink{got: content[:1000:1000]}
			_, err := download(t, s, k)
			require.NoError(t, err)
		}
		assert.Equal(t, int64(3), s.Stats().Requests)
		up.Forget()
	}
}
