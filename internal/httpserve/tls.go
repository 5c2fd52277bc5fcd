package httpserve

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// TLSFiles are what TLS is done with, PEM files all of them.
type TLSFiles struct {
	Cert     string // the server's certificate, and those that lead to an authority
	Key      string // empty: Cert has the key too
	ClientCA string // authorities of client certificates; empty: none are asked for
}

// A TLS has a server's certificate and the authorities that it trusts for those
// of clients, and notices when their files change.
type TLS struct {
	log     *slog.Logger
	current atomic.Pointer[tlsState]

	mu     sync.Mutex // for what follows
	files  TLSFiles
	watch  watched
	warned time.Time // of the last warning about the certificate's end
}

// A tlsState is what was read from the files at one time.
type tlsState struct {
	config *tls.Config
	cas    []*x509.Certificate
	leaf   *x509.Certificate
}

// NewTLS reads the files.
func NewTLS(files TLSFiles, log *slog.Logger) (*TLS, error) {
	t := &TLS{log: log}
	return t, t.Reload(files)
}

// Reload reads other files, or the same ones again. After an error all stays as
// it was.
func (t *TLS) Reload(files TLSFiles) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := t.watch.reload(func() error { return t.load(files) }, files.list()...)
	if err == nil {
		t.files = files
	}
	return err
}

func (f TLSFiles) list() []string { return []string{f.Cert, f.Key, f.ClientCA} }

// Refresh reads the files again if they have changed, and says so when they
// cannot be used. A certificate and its key may change one after the other. It
// is for being called every few seconds.
func (t *TLS) Refresh() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watch.refresh(t.log, "certificates", func() error { return t.load(t.files) }, t.files.list()...)
	t.warnOfEnd(time.Now())
}

// warnOfEnd says once a day that the certificate ends soon.
func (t *TLS) warnOfEnd(now time.Time) {
	if now.Sub(t.warned) < 24*time.Hour {
		return
	}
	leaf := t.current.Load().leaf
	// Those that live for days are renewed later than others.
	soon := min(14*24*time.Hour, leaf.NotAfter.Sub(leaf.NotBefore)/4)
	left := leaf.NotAfter.Sub(now)
	switch {
	case left <= 0:
		t.log.Error("the server's certificate has expired", "file", t.files.Cert, "on", leaf.NotAfter.UTC().Format(time.RFC3339))
	case left < soon:
		t.log.Warn("the server's certificate expires soon", "file", t.files.Cert, "on", leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		t.log.Warn("the server's certificate is not valid yet", "file", t.files.Cert, "from", leaf.NotBefore.UTC().Format(time.RFC3339))
	default:
		return
	}
	t.warned = now
}

// Config is for tls.NewListener and http.Server: each connection gets what the
// files have at its time.
func (t *TLS) Config() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		NextProtos:         []string{"h2", "http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return t.current.Load().config, nil },
	}
}

// Trusts reports whether an authority is among those for client certificates.
func (t *TLS) Trusts(ca *x509.Certificate) bool {
	for _, known := range t.current.Load().cas {
		if known.Equal(ca) {
			return true
		}
	}
	return false
}

func (t *TLS) load(files TLSFiles) error {
	certPEM, err := readPEM(files.Cert)
	if err != nil {
		return err
	}
	keyPEM, keyFile := certPEM, files.Cert
	if files.Key != "" {
		keyFile = files.Key
		if keyPEM, err = readPEM(keyFile); err != nil {
			return err
		}
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return pairError(files.Cert, keyFile, certPEM, keyPEM, err)
	}
	s := &tlsState{leaf: cert.Leaf, config: &tls.Config{
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2", "http/1.1"},
		Certificates: []tls.Certificate{cert},
	}}
	if files.ClientCA != "" {
		pool := x509.NewCertPool()
		if s.cas, err = readCAs(files.ClientCA); err != nil {
			return err
		}
		for _, ca := range s.cas {
			pool.AddCert(ca)
		}
		// Who needs a certificate is for the rules to say. A resumed session would
		// be one of whoever was trusted when it began.
		s.config.ClientCAs, s.config.ClientAuth, s.config.SessionTicketsDisabled = pool, tls.VerifyClientCertIfGiven, true
	}
	t.current.Store(s)
	t.warned = time.Time{}
	return nil
}

// pairError says in words why a certificate and a key are of no use.
func pairError(certFile, keyFile string, certPEM, keyPEM []byte, err error) error {
	switch {
	case !bytes.Contains(certPEM, []byte("-----BEGIN CERTIFICATE-----")):
		return fmt.Errorf("%s: there is no certificate in it (PEM)", certFile)
	case bytes.Contains(keyPEM, []byte("ENCRYPTED")):
		return fmt.Errorf("%s: the key is encrypted: a server starts without anybody to ask (openssl pkey -in KEY -out KEY.plain)", keyFile)
	case !bytes.Contains(keyPEM, []byte("PRIVATE KEY-----")):
		return fmt.Errorf("%s: there is no private key in it (PEM)", keyFile)
	case strings.Contains(err.Error(), "does not match"):
		return fmt.Errorf("%s: its first certificate is not that of the key in %s", certFile, keyFile)
	}
	return fmt.Errorf("%s, %s: %w", certFile, keyFile, err)
}

const maxPEM = 4 << 20 // bytes

func readPEM(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxPEM+1))
	_ = f.Close() // only read from
	if err == nil && len(data) > maxPEM {
		err = errors.New("it is too large")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

func readCAs(name string) ([]*x509.Certificate, error) {
	data, err := readPEM(name)
	if err != nil {
		return nil, err
	}
	var cas []*x509.Certificate
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		ca, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: certificate %d: %w", name, len(cas)+1, err)
		}
		cas = append(cas, ca)
	}
	if len(cas) == 0 {
		return nil, fmt.Errorf("%s: there is no certificate in it (PEM)", name)
	}
	return cas, nil
}

// ServeTLS is Serve with TLS, by HTTP/2 or HTTP/1.1 as the client wants.
func (s *Server) ServeTLS(ctx context.Context, l net.Listener, t *TLS) error {
	hs := s.httpServer()
	hs.TLSConfig = t.Config()
	hs.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: maxStreams}
	ended := make(chan error, 1)
	go func() { ended <- hs.ServeTLS(s.patient(l), "", "") }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	return errors.Join(s.drain(&front{ctx: context.WithoutCancel(ctx)}, hs), unless(http.ErrServerClosed, <-ended))
}

// maxStreams is how many requests of one HTTP/2 connection are answered at a
// time; each may have a file open.
const maxStreams = 100
