package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gorepo/internal/config"
	"gorepo/internal/httpserve"
)

type serveCmd struct {
	Listen       string        `default:"127.0.0.1:8080" placeholder:"ADDR" help:"Address to listen on; :8080 is every address of this host. Default ${default}."`
	PublicURL    string        `name:"public-url" placeholder:"URL" help:"What clients call the mirror, where it is not what they ask for (behind a proxy). Goes into /ID.repo."`
	AccessLog    string        `placeholder:"FILE" help:"Append a line for each request, as Apache and nginx do; - is stdout."`
	DrainTimeout time.Duration `default:"30s" placeholder:"TIME" help:"How long downloads under way may go on after SIGTERM. Default ${default}."`
}

// Help is shown by gorepo serve --help.
func (serveCmd) Help() string {
	return `Every directory of the mirror is served; gorepo's own .gorepo is not. /ID.repo is a ready client configuration:

  curl -o /etc/yum.repos.d/epel-9.repo http://mirror.example:8080/epel-9.repo

SIGTERM and Ctrl-C stop it: no new requests, downloads under way finish.`
}

// Run serves until ctx ends.
func (cmd *serveCmd) Run(ctx context.Context, a *app) error {
	c, _, err := a.loadConfig(config.Options{Optional: true})
	if err != nil {
		return err
	}
	access, closeLog, err := cmd.openAccessLog(a)
	if err != nil {
		return err
	}
	defer closeLog()
	repos := a.served(c)
	server, err := httpserve.New(httpserve.Options{
		Root:         c.Main.Root,
		PublicURL:    cmd.PublicURL,
		Repos:        func() []httpserve.RepoInfo { return repos },
		Logger:       a.logger(),
		AccessLog:    access,
		DrainTimeout: cmd.DrainTimeout,
	})
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: nothing is mirrored there yet (gorepo sync), or it is not the mirror (--root DIR)", err)
	}
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }() // only read from
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cmd.Listen)
	if err != nil {
		return fmt.Errorf("--listen %s: %w", cmd.Listen, err)
	}
	a.out.Announce(fmt.Sprintf("serving %s on http://%s/", c.Main.Root, l.Addr()))
	return server.Serve(ctx, l)
}

func (cmd *serveCmd) openAccessLog(a *app) (w io.Writer, done func(), err error) {
	switch cmd.AccessLog {
	case "":
		return nil, func() {}, nil
	case "-":
		return a.stdout, func() {}, nil
	}
	f, err := os.OpenFile(cmd.AccessLog, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return nil, nil, fmt.Errorf("--access-log: %w", err)
	}
	return f, func() { _ = f.Close() }, nil // every line was written when it was due
}

// logger is for packages that log by themselves.
func (a *app) logger() *slog.Logger {
	level := slog.LevelWarn
	if a.Verbose {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	if a.JSON {
		return slog.New(slog.NewJSONHandler(a.stderr, o))
	}
	return slog.New(slog.NewTextHandler(a.stderr, o))
}

// served is what clients are told of the repositories.
func (a *app) served(c *config.Config) []httpserve.RepoInfo {
	infos := make([]httpserve.RepoInfo, 0, len(c.Repos))
	for _, r := range c.Repos {
		info := httpserve.RepoInfo{ID: r.ID, Name: r.Name, GPGCheck: r.GPGCheck, ModuleHotfixes: r.ModuleHotfixes}
		// Metadata that gorepo builds has no signature of upstream's.
		info.RepoGPGCheck = r.RepoGPGCheck && r.DownloadMetadata
		info.SignedHere = (r.SignKey != "" || r.SignWith != "") && !r.DownloadMetadata
		for _, key := range r.GPGKeys {
			if strings.HasPrefix(key, "http://") || strings.HasPrefix(key, "https://") {
				info.KeyURLs = append(info.KeyURLs, key)
				continue
			}
			data, err := readKey(key)
			if err != nil {
				a.out.Warn(r.ID, fmt.Sprintf("gpgkey: clients do not get it: %v", err))
				continue
			}
			info.Keys = append(info.Keys, data...)
		}
		infos = append(infos, info)
	}
	return infos
}

// maxKeySize bounds a file of public keys, in bytes.
const maxKeySize = 1 << 20

// readKey reads an armored key from a path or file URL.
func readKey(key string) ([]byte, error) {
	path := strings.TrimPrefix(strings.TrimPrefix(key, "file://localhost/"), "file://")
	if strings.HasPrefix(key, "file://localhost/") {
		path = "/" + path
	}
	f, err := os.Open(filepath.FromSlash(path))
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeySize))
	_ = f.Close() // only read from
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if !strings.Contains(string(data), "BEGIN PGP PUBLIC KEY BLOCK") {
		return nil, fmt.Errorf("%s: it is not an armored public key", path)
	}
	if data[len(data)-1] != '\n' {
		data = append(data, '\n')
	}
	return data, nil
}
