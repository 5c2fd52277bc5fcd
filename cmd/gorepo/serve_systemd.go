package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// firstPassed is the descriptor of the first socket that systemd passes:
// sd_listen_fds(3).
const firstPassed = 3

// passedSockets are those that systemd (or systemd-socket-activate) opened for
// this process. A socket that is called http or https by FileDescriptorName= is
// that; others are as one that was opened here.
func (w *web) passedSockets() ([]webListener, error) {
	if w.getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	count, err := strconv.Atoi(w.getenv("LISTEN_FDS"))
	if err != nil || count < 0 || count > 1000 {
		return nil, fmt.Errorf("LISTEN_FDS=%s: it is no number of sockets", w.getenv("LISTEN_FDS"))
	}
	names := strings.Split(w.getenv("LISTEN_FDNAMES"), ":")
	all := make([]webListener, 0, count)
	for i := range count {
		name := ""
		if i < len(names) {
			name = names[i]
		}
		l, err := w.passedSocket(firstPassed+i, name)
		if err != nil {
			closeAll(all)
			return nil, fmt.Errorf("socket %d (%s) from systemd: %w", i+1, name, err)
		}
		all = append(all, l)
	}
	return all, nil
}

func (w *web) passedSocket(fd int, name string) (webListener, error) {
	f := os.NewFile(uintptr(fd), name)
	l, err := net.FileListener(f) // has a descriptor of its own, closed on exec
	_ = f.Close()                 // which the other one is not
	if err != nil {
		return webListener{}, fmt.Errorf("it is no socket to accept connections on (ListenStream=): %w", err)
	}
	if unix, ok := l.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false) // the path is systemd's
	}
	switch {
	case name == "https" && w.tls == nil:
		_ = l.Close() // never used
		return webListener{}, errNoCertificate
	case name == "http", name == "https":
		return webListener{l, name == "https"}, nil
	}
	return webListener{l, w.tls != nil && l.Addr().Network() != "unix"}, nil
}

// notify tells systemd what this service does: sd_notify(3). Without systemd it
// does nothing.
func (w *web) notify(ctx context.Context, state string) {
	path := w.getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	if path[0] == '@' {
		path = "\x00" + path[1:] // an abstract socket
	}
	c, err := (&net.Dialer{}).DialContext(context.WithoutCancel(ctx), "unixgram", path)
	if err == nil {
		_, err = c.Write([]byte(state))
		_ = c.Close() // a datagram is sent, or not
	}
	if err != nil {
		w.log.Warn("systemd cannot be told how this service is", "error", err)
	}
}
