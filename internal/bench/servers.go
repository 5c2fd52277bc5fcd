package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"gorepo/internal/testrepo/peer"
)

// A webServer serves a directory on loopback.
type webServer struct {
	name string
	url  string // of the directory, with a slash
	pid  int
	stop func()
}

var errNoNginx = errors.New("nginx is not installed (make test-deps)")

// serve serves a directory: with nginx, or with gorepo itself where that is
// missing.
func (b *bench) serve(ctx context.Context, dir, root string) (webServer, error) {
	s, err := b.serveNginx(ctx, dir, root)
	if !errors.Is(err, errNoNginx) {
		return s, err
	}
	if s, err = b.serveGorepo(ctx, filepath.Dir(root)); err == nil {
		s.url += filepath.Base(root) + "/"
	}
	return s, err
}

// serveNginx has one worker a core and sendfile, as a mirror's administrator
// would have it. Its own files are in dir.
func (b *bench) serveNginx(ctx context.Context, dir, root string) (webServer, error) {
	nginx, ok := peer.Find("nginx")
	if !ok {
		return webServer{}, errNoNginx
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return webServer{}, err
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		return webServer{}, err
	}
	user := ""
	if os.Geteuid() == 0 { // else its workers are somebody who may not read what is ours
		user = "user root;"
	}
	conf := filepath.Join(dir, "nginx.conf")
	err = os.WriteFile(conf, fmt.Appendf(nil, `
%[4]s
daemon off;
worker_processes auto;
pid %[1]s/nginx.pid;
error_log stderr;
events { worker_connections 1024; }
http {
	access_log off;
	sendfile on;
	tcp_nopush on;
	keepalive_requests 100000000;
	client_body_temp_path %[1]s/nginx-body;
	proxy_temp_path %[1]s/nginx-proxy;
	fastcgi_temp_path %[1]s/nginx-fastcgi;
	uwsgi_temp_path %[1]s/nginx-uwsgi;
	scgi_temp_path %[1]s/nginx-scgi;
	server { listen %[2]s; root %[3]s; }
}
`, dir, addr, root, user), 0o644)
	if err != nil {
		return webServer{}, err
	}
	cmd := exec.CommandContext(ctx, nginx, "-p", dir, "-e", "stderr", "-c", conf)
	var said bytes.Buffer
	cmd.Stderr = &said
	stop, err := startServer(cmd)
	if err != nil {
		return webServer{}, err
	}
	if err := answers(ctx, addr); err != nil {
		stop()
		return webServer{}, fmt.Errorf("nginx: %w: %s", err, last(said.Bytes()))
	}
	return webServer{name: "nginx", url: "http://" + addr + "/", pid: cmd.Process.Pid, stop: stop}, nil
}

// serveGorepo serves a mirror.
func (b *bench) serveGorepo(ctx context.Context, root string) (webServer, error) {
	cmd := exec.CommandContext(ctx, b.gorepo, "--root", root, "--config", os.DevNull, "-v", "serve", "--listen", "127.0.0.1:0")
	said, err := cmd.StderrPipe()
	if err != nil {
		return webServer{}, err
	}
	stop, err := startServer(cmd)
	if err != nil {
		return webServer{}, err
	}
	r := bufio.NewReader(said)
	for {
		line, err := r.ReadString('\n')
		if i := strings.Index(line, "http://"); i >= 0 {
			go func() { _, _ = io.Copy(io.Discard, r) }() // so that it never waits to say something
			return webServer{name: "gorepo", url: strings.TrimSpace(line[i:]), pid: cmd.Process.Pid, stop: stop}, nil
		}
		if err != nil {
			stop()
			return webServer{}, fmt.Errorf("gorepo serve does not start: %w", err)
		}
	}
}

func startServer(cmd *exec.Cmd) (stop func(), err error) {
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
		_ = cmd.Wait()                          // by that signal
	}, nil
}

// answers waits until somebody answers at an address.
func answers(ctx context.Context, addr string) error {
	var err error
	for range 50 {
		var c net.Conn
		if c, err = (&net.Dialer{}).DialContext(ctx, "tcp", addr); err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return err
}

// get fetches a URL once, and returns its body.
func get(ctx context.Context, url string) (http.Header, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(res.Body)
	err = errors.Join(err, res.Body.Close())
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, res.Status)
	}
	return res.Header, body, err
}
