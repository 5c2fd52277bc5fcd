package testrepo

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Request is one that the server got.
type Request struct {
	Method string
	Path   string // decoded, below the repository, without a slash in front
	Raw    string // the request target as it came, with the query
	Range  string // header; "" if none
	Header http.Header
	Status int   // that was answered; 0 for a connection that was cut before
	Bytes  int64 // of the body that was sent
}

func (u *Upstream) start(t testing.TB) {
	u.server = httptest.NewUnstartedServer(http.HandlerFunc(u.serve))
	// Faults cut connections on purpose: nothing of that is worth a line.
	u.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if u.opts.TLS {
		u.server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: u.opts.MaxTLS} //nolint:gosec // old servers are like that
		if u.opts.Cert != nil {
			u.server.TLS.Certificates = []tls.Certificate{*u.opts.Cert}
		}
		u.server.EnableHTTP2 = u.opts.OnlyHTTP2
		if u.opts.ClientCAs != nil {
			u.server.TLS.ClientCAs = u.opts.ClientCAs
			u.server.TLS.ClientAuth = tls.RequireAndVerifyClientCert
		}
		u.server.StartTLS()
	} else {
		u.server.Start()
	}
	u.URL = u.server.URL
	t.Cleanup(u.Close)
}

// Close stops the server at once: what it serves is cut, connections are
// refused from then on. It is called when the test ends.
func (u *Upstream) Close() {
	select {
	case <-u.done:
		return
	default:
	}
	close(u.done)
	u.server.CloseClientConnections()
	u.server.Close()
}

// CAFile writes the certificate that clients of a TLS upstream have to trust.
func (u *Upstream) CAFile(t testing.TB) string {
	t.Helper()
	return writePEM(t, "ca.pem", "CERTIFICATE", u.server.Certificate().Raw)
}

// ClientCert makes a certificate for clients: the files to use, and the pool
// for Options.ClientCAs.
func ClientCert(t testing.TB) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test client"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool = x509.NewCertPool()
	pool.AddCert(cert)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return writePEM(t, "client.pem", "CERTIFICATE", der), writePEM(t, "client.key", "PRIVATE KEY", keyDER), pool
}

func writePEM(t testing.TB, name, kind string, der []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	data := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	require.NoError(t, os.WriteFile(file, data, 0o600))
	return file
}

// Requests lists the requests so far whose path matches a glob ("**" for
// all), in the order in which they came.
func (u *Upstream) Requests(glob string) []Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	var out []Request
	for _, r := range u.requests {
		if match(glob, r.Path) {
			out = append(out, *r)
		}
	}
	return out
}

// Bytes sums up the bodies that were sent.
func (u *Upstream) Bytes() int64 {
	var sum int64
	for _, r := range u.Requests("**") {
		sum += r.Bytes
	}
	return sum
}

// Forget empties the list of requests.
func (u *Upstream) Forget() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.requests = nil
}

// recorder counts what a handler sends. The request is on the list from its
// beginning, so that a test sees those under way too.
type recorder struct {
	http.ResponseWriter
	u       *Upstream
	request *Request
}

func (r *recorder) update(change func(*Request)) {
	r.u.mu.Lock()
	defer r.u.mu.Unlock()
	change(r.request)
}

func (r *recorder) WriteHeader(code int) {
	r.update(func(q *Request) { q.Status = code })
	r.ResponseWriter.WriteHeader(code)
}

// Write counts before it sends: the client may look at the count as soon as it
// has the bytes.
func (r *recorder) Write(p []byte) (int, error) {
	r.update(func(q *Request) {
		if q.Status == 0 {
			q.Status = http.StatusOK
		}
		q.Bytes += int64(len(p))
	})
	n, err := r.ResponseWriter.Write(p)
	if n < len(p) {
		r.update(func(q *Request) { q.Bytes -= int64(len(p) - n) })
	}
	return n, err
}

// Unwrap lets http.ResponseController through.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (u *Upstream) serve(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	x := &Exchange{W: w, R: r, Path: name, u: u}
	fault := u.note(x, name)
	if o := u.options(); o.Username != "" || o.Password != "" {
		user, password, ok := r.BasicAuth()
		if !ok || user != o.Username || password != o.Password {
			x.W.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(x.W, "who are you?", http.StatusUnauthorized)
			return
		}
	}
	if fault != nil {
		fault(x)
		return
	}
	x.Serve()
}

// Serve answers as a good server would.
func (x *Exchange) Serve() {
	f := x.u.file(x.Path)
	if f == nil || strings.HasSuffix(x.Path, "/") {
		http.NotFound(x.W, x.R)
		return
	}
	h := x.W.Header()
	if !x.u.options().NoETag {
		h.Set("ETag", f.etag)
	}
	h.Set("Content-Type", "application/octet-stream")
	http.ServeContent(x.W, x.R, "", f.mtime, bytes.NewReader(f.data))
}
