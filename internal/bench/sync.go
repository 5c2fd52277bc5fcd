package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	neturl "net/url"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"gorepo/internal/testrepo/peer"
)

// delay is how long a far server takes to begin an answer.
const delay = 30 * time.Millisecond

// sync measures gorepo sync and dnf reposync from the same web server: into an
// empty directory, again with nothing new, and from a server that is far away.
func (b *bench) sync(ctx context.Context, t *table, dir, tree string) error {
	const first, again, far = "sync first", "sync again, unchanged", "sync first, 30 ms an answer"
	if !b.wanted(first) && !b.wanted(again) && !b.wanted(far) {
		return nil
	}
	up := filepath.Join(dir, "upstream")
	if err := b.makeUpstream(ctx, up, tree); err != nil {
		return err
	}
	s, err := b.serve(ctx, dir, up)
	if err != nil {
		return err
	}
	defer s.stop()
	if err := b.syncFrom(ctx, t, dir, s.url, first, again); err != nil || !b.wanted(far) {
		return err
	}
	behind, stop, err := delayed(s.url)
	if err != nil {
		return err
	}
	defer stop()
	return b.syncFrom(ctx, t, dir, behind, far, "")
}

// syncFrom measures a first sync, and a second one where that has a name.
func (b *bench) syncFrom(ctx context.Context, t *table, dir, url, first, again string) error {
	ours, err := b.gorepoSync(dir, url)
	if err != nil {
		return err
	}
	theirs, err := dnfReposync(dir, url)
	if err != nil {
		return err
	}
	ours.after = func() (int64, error) { return sizeOf(filepath.Join(dir, "mirror-gorepo", "bench")) }
	theirs.after = func() (int64, error) { return sizeOf(filepath.Join(dir, "mirror-dnf", "bench")) }
	ours.before = func() error { return emptyDir(filepath.Join(dir, "mirror-gorepo")) }
	theirs.before = func() error {
		return errors.Join(emptyDir(filepath.Join(dir, "mirror-dnf")), emptyDir(filepath.Join(dir, "dnf-root")))
	}
	if err := b.pair(ctx, t, first, ours, theirs); err != nil || again == "" {
		return err
	}
	ours.before, theirs.before = nil, nil
	return b.pair(ctx, t, again, ours, theirs)
}

// delayed stands in front of a server and keeps each request for a while.
func delayed(url string) (behind string, stop func(), err error) {
	target, err := neturl.Parse(url)
	if err != nil {
		return "", nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(delay)
		proxy.ServeHTTP(w, r)
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // ends when it is closed
	}()
	return "http://" + l.Addr().String() + "/", func() {
		_ = server.Close() // nothing is lost with it
		<-done
	}, nil
}

// makeUpstream makes a repository of a tree, without copying it.
func (b *bench) makeUpstream(ctx context.Context, up, tree string) error {
	if err := emptyDir(up); err != nil {
		return err
	}
	if err := os.Symlink(filepath.Join(tree, "Packages"), filepath.Join(up, "Packages")); err != nil {
		return err
	}
	said, err := exec.CommandContext(ctx, b.gorepo, "createrepo", up).CombinedOutput()
	if err != nil {
		return fmt.Errorf("gorepo createrepo: %w: %s", err, last(said))
	}
	return nil
}

func (b *bench) gorepoSync(dir, url string) (contender, error) {
	conf := filepath.Join(dir, "gorepo.conf")
	err := os.WriteFile(conf, fmt.Appendf(nil, "[main]\nroot = %s\n[bench]\nname = bench\nbaseurl = %s\n", filepath.Join(dir, "mirror-gorepo"), url), 0o644)
	return contender{name: "gorepo", args: []string{b.gorepo, "--config", conf, "sync"}}, err
}

// dnfReposync has dnf work in a root of its own: nothing of the host's
// configuration or cache takes part.
func dnfReposync(dir, url string) (contender, error) {
	c := contender{name: "dnf reposync"}
	dnf, ok := peer.Find("dnf")
	if !ok {
		c.missing = "not installed (make test-deps)"
		return c, nil
	}
	if err := exec.Command(dnf, "reposync", "--help").Run(); err != nil {
		c.missing = "dnf has no reposync (make test-deps)"
		return c, nil
	}
	conf, none := filepath.Join(dir, "dnf.conf"), filepath.Join(dir, "no-such-directory")
	err := os.WriteFile(conf, fmt.Appendf(nil, `[main]
gpgcheck=0
reposdir=%s
varsdir=%s
[bench]
name=bench
baseurl=%s
`, none, none, url), 0o644)
	c.args = []string{
		dnf, "--quiet", "--config", conf, "--installroot", filepath.Join(dir, "dnf-root"), "--releasever", "9", "--refresh",
		"reposync", "--repoid", "bench", "--download-path", filepath.Join(dir, "mirror-dnf"),
	}
	return c, err
}
