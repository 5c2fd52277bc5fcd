// Command screenshots takes the pictures in docs/images: it serves the mirror that
// internal/testrepo/showcase makes, and looks at its pages with a headless Chromium.
//
//	go run ./internal/screenshots -gorepo bin/gorepo docs/images
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"gorepo/internal/testrepo/browser"
	"gorepo/internal/testrepo/showcase"
)

// shot is a picture of a page.
type shot struct {
	name, path  string
	dark, phone bool
}

const repos = "/-/repos/" + showcase.BaseOS + "/"

var shots = []shot{
	{name: "home", path: "/"},
	{name: "home-phone", path: "/", phone: true},
	{name: "repository", path: repos},
	{name: "changes", path: repos + "changes"},
	{name: "all-changes", path: "/-/changes"},
	{name: "package", path: repos + "package/openssl-1:3.0.7-29.el9_5.x86_64"},
	{name: "package-dark", path: repos + "package/openssl-1:3.0.7-29.el9_5.x86_64", dark: true},
	{name: "group", path: repos + "groups/core"},
	{name: "advisory", path: repos + "advisories/ALSA-2026:7848"},
	{name: "search", path: "/-/search?q=openssl"},
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "screenshots:", err)
		os.Exit(1)
	}
}

func run(args []string) (err error) {
	flags := flag.NewFlagSet("screenshots", flag.ExitOnError)
	gorepo := flags.String("gorepo", "bin/gorepo", "the program")
	chromium := flags.String("chromium", "chromium", "the browser")
	key := flags.String("key", "testdata/keys/RPM-GPG-KEY-gorepo-rsa", "a public key of the packages")
	only := flags.String("only", ".", "pictures whose name this regular expression finds")
	tall := flags.Bool("tall", false, "the whole of each page")
	flags.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: screenshots [flags] DIR")
		flags.PrintDefaults()
	}
	_ = flags.Parse(args) // it exits
	if flags.NArg() != 1 {
		flags.Usage()
		return errors.New("one directory is needed")
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	program, err := exec.LookPath(*chromium)
	if err != nil {
		return fmt.Errorf("%w (make test-deps installs it)", err)
	}
	dir, err := os.MkdirTemp("", "screenshots")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if *key, err = filepath.Abs(*key); err != nil {
		return err
	}
	if err := showcase.Write(dir, time.Now(), *key); err != nil {
		return err
	}
	url, stop, err := serve(*gorepo, dir)
	if err != nil {
		return err
	}
	defer stop()
	b, err := browser.Start(program, filepath.Join(dir, "profile"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := os.MkdirAll(flags.Arg(0), 0o755); err != nil {
		return err
	}
	for _, s := range shots {
		if !wanted.MatchString(s.name) {
			continue
		}
		if err := s.take(b, url, flags.Arg(0), *tall); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// serve starts gorepo serve and waits until it has all of its indexes.
func serve(gorepo, dir string) (url string, stop func(), err error) {
	ctx, cancel := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, gorepo, "--config", filepath.Join(dir, "gorepo.conf"), "serve", "-v",
		"--listen=127.0.0.1:0", "--public-url=https://mirror.example")
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	says, err := command.StderrPipe()
	if err != nil {
		cancel()
		return "", nil, err
	}
	command.Stdout = io.Discard
	if err := command.Start(); err != nil {
		cancel()
		return "", nil, err
	}
	stop = func() { cancel(); _ = command.Wait() } // it was told to end
	listening := regexp.MustCompile(`on (http://[^/\s]+)/`)
	lines := bufio.NewScanner(says)
	said := ""
	for url == "" && lines.Scan() {
		said += lines.Text() + "\n"
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			url = m[1]
		}
	}
	if url == "" {
		stop()
		return "", nil, fmt.Errorf("gorepo serve does not listen: %s", said)
	}
	go func() { _, _ = io.Copy(io.Discard, says) }() // it must not wait for a reader
	for range 600 {
		if indexed(url) {
			return url, stop, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	stop()
	return "", nil, errors.New("no index after a minute")
}

// indexed reports whether every repository has its index.
func indexed(url string) bool {
	for _, id := range showcase.IDs() {
		answer, err := http.Get(url + "/-/repos/" + id + "/packages")
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return false
		}
	}
	return true
}

func (s shot) take(b *browser.Browser, url, dir string, tall bool) error {
	t, err := b.Tab()
	if err != nil {
		return err
	}
	defer t.Close()
	width, height := int64(1280), int64(800)
	if s.phone {
		width, height = 390, 844
	}
	scheme := "light"
	if s.dark {
		scheme = "dark"
	}
	if err := errors.Join(t.Size(width, height, s.phone), t.Media("", "prefers-color-scheme", scheme)); err != nil {
		return err
	}
	status, err := t.Open(url + s.path)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("%s: status %d", s.path, status)
	}
	if tall {
		var whole int64
		if err := t.Eval("document.documentElement.scrollHeight", &whole); err != nil {
			return err
		}
		if err := t.Size(width, max(height, whole), s.phone); err != nil {
			return err
		}
	}
	if problems := t.Problems(); len(problems) > 0 {
		return errors.New(strings.Join(problems, "; "))
	}
	picture, err := t.Screenshot()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, s.name+".png"), picture, 0o644)
}
