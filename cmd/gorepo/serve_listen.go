package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
)

// A webListener is a socket and how it is spoken on.
type webListener struct {
	net.Listener
	tls bool
}

func (l webListener) url() string {
	switch {
	case l.Addr().Network() == "unix":
		return "unix:" + l.Addr().String()
	case l.tls:
		return fmt.Sprintf("https://%s/", l.Addr())
	}
	return fmt.Sprintf("http://%s/", l.Addr())
}

// listen opens all that is asked for, or nothing.
func (w *web) listen(ctx context.Context) ([]webListener, error) {
	all, err := w.passedSockets()
	if err != nil {
		return nil, err
	}
	if len(all) > 0 {
		if len(w.cmd.Listen) > 0 {
			w.out.Note("", "--listen is passed over: systemd has opened the sockets")
		}
	} else if all, err = w.openSockets(ctx); err != nil {
		return nil, err
	}
	for _, l := range all {
		if !l.tls && w.site.Load().logsIn() && !stays(l.Addr()) {
			w.out.Warn("", "passwords can be read on their way to "+l.url()+": set tls_cert, or listen on 127.0.0.1 behind a proxy that speaks https")
		}
	}
	return all, nil
}

func (w *web) openSockets(ctx context.Context) ([]webListener, error) {
	var all []webListener
	for _, spec := range w.site.Load().serve.Listen {
		l, err := listenOn(ctx, spec, w.tls != nil)
		if err != nil {
			closeAll(all)
			return nil, notListening("--listen", spec, err)
		}
		all = append(all, l)
	}
	return all, nil
}

// notListening says why an address cannot be had, and what it is once.
func notListening(flag, spec string, err error) error {
	var (
		op     *net.OpError
		addr   *net.AddrError
		lookup *net.DNSError
		call   *os.SyscallError
		path   *fs.PathError
		why    string
	)
	switch {
	case errors.As(err, &addr):
		err = errors.New(addr.Err)
	case errors.As(err, &lookup):
		err = errors.New(lookup.Err)
	case errors.As(err, &call):
		err = call.Err
	case errors.As(err, &op):
		err = op.Err
	case errors.As(err, &path):
		err = path.Err
	}
	switch {
	case errors.Is(err, fs.ErrPermission) && !strings.HasPrefix(spec, "unix:"):
		why = " (ports below 1024 take root, systemd's sockets or CAP_NET_BIND_SERVICE)"
	case errors.Is(err, syscall.EADDRINUSE):
		why = " (ss -ltnp shows by whom)"
	}
	return fmt.Errorf("%s %s: %w%s", flag, spec, err, why)
}

// closeAll closes sockets that were never used.
func closeAll(list []webListener) {
	for _, l := range list {
		_ = l.Close() // never used
	}
}

var errNoCertificate = errors.New("https wants a certificate (tls_cert, --tls-cert)")

// stays reports whether what is sent to an address does not leave this host.
func stays(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
}

// listenOn opens HOST:PORT or unix:PATH, with http:// or https:// in front of
// an address to say what is spoken there.
func listenOn(ctx context.Context, spec string, haveTLS bool) (webListener, error) {
	l := webListener{tls: haveTLS}
	network, addr := "tcp", spec
	if path, ok := strings.CutPrefix(spec, "unix:"); ok {
		network, addr, l.tls = "unix", path, false
		if err := removeStale(path); err != nil {
			return l, err
		}
	} else if rest, ok := strings.CutPrefix(spec, "https://"); ok {
		addr, l.tls = withPort(rest, "443"), true
		if !haveTLS {
			return l, errNoCertificate
		}
	} else if rest, ok := strings.CutPrefix(spec, "http://"); ok {
		addr, l.tls = withPort(rest, "80"), false
	}
	var err error
	if l.Listener, err = (&net.ListenConfig{}).Listen(ctx, network, addr); err != nil {
		return l, err
	}
	if network == "unix" {
		// Who may connect is for the directory's permissions to say, as with nginx.
		if err := os.Chmod(addr, 0o666); err != nil {
			_ = l.Close() // never used
			return l, err
		}
	}
	return l, nil
}

func withPort(addr, port string) string {
	addr = strings.TrimSuffix(addr, "/")
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return net.JoinHostPort(strings.Trim(addr, "[]"), port)
	}
	return addr
}

// removeStale removes a socket that a killed server left.
func removeStale(path string) error {
	fi, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if fi.Mode()&fs.ModeSocket == 0 {
		return errors.New("it is there, and is no socket")
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		_ = c.Close() // was only to see who is there
		return errors.New("another server listens there")
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return os.Remove(path)
	}
	return err
}
