package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"gorepo/internal/testrepo/peer"
)

// What the rows of gorepo serve are called.
const (
	serveLarge    = "serve 10 MiB packages"
	serveRepomd   = "serve repomd.xml"
	serveSame     = "serve repomd.xml, 304"
	serveDownload = "serve downloads"
)

// load is what a web server did under wrk, or what it took.
type load struct {
	rate   float64 // requests a second
	bytes  float64 // MB a second
	p99    float64 // ms
	cpu    float64 // of the server, µs a request
	memory float64 // peak resident set since the server's start, MiB
}

var loadColumns = []struct {
	name   string
	format string
	number func(load) float64
}{
	{"requests/s", "%.0f", func(l load) float64 { return l.rate }},
	{"MB/s", "%.0f", func(l load) float64 { return l.bytes }},
	{"p99 ms", "%.2f", func(l load) float64 { return l.p99 }},
	{"cpu us/request", "%.1f", func(l load) float64 { return l.cpu }},
	{"peak MiB", "%.1f", func(l load) float64 { return l.memory }},
}

// serving measures gorepo serve and nginx under the same load, in turn: what
// clients fetch most.
func (b *bench) serving(ctx context.Context) error {
	wanted := false
	for _, row := range []string{serveLarge, serveRepomd, serveSame, serveDownload} {
		wanted = wanted || b.wanted(row)
	}
	if !wanted {
		return nil
	}
	wrk, ok := peer.Find("wrk")
	if !ok {
		_, err := fmt.Fprintln(b.out, "serve: wrk is not installed (make test-deps)")
		return err
	}
	dir := filepath.Join(b.dir, "serving")
	root := filepath.Join(dir, "root")
	if err := makeServed(root); err != nil {
		return err
	}
	time.Sleep(settles) // a mirror's files have been there for hours
	ours, err := b.serveGorepo(ctx, root)
	if err != nil {
		return err
	}
	defer ours.stop()
	sides := []webServer{ours}
	switch theirs, err := b.serveNginx(ctx, dir, root); {
	case err == nil:
		defer theirs.stop()
		sides = append(sides, theirs)
	case !errors.Is(err, errNoNginx):
		return err
	}
	s := &serving{bench: b, wrk: wrk, sides: sides}
	s.heading()
	for _, row := range []struct {
		name        string
		connections int
		path        string
		conditional bool
	}{
		{serveRepomd, 32, "r/repodata/repomd.xml", false},
		{serveSame, 32, "r/repodata/repomd.xml", true},
		{serveLarge, 16, "r/Packages/large-1.0-1.x86_64.rpm", false},
	} {
		err := s.row(row.name, func(side webServer) (load, error) {
			return s.wrkOn(ctx, side, row.path, row.connections, row.conditional)
		})
		if err != nil {
			return err
		}
	}
	return s.row(serveDownload, func(side webServer) (load, error) {
		return s.download(ctx, side, "r/Packages/large-1.0-1.x86_64.rpm")
	})
}

// settles is after what time gorepo serve takes a file as one that stays as it is.
const settles = 3100 * time.Millisecond

// makeServed makes a mirror with a repository r of one large package.
func makeServed(root string) error {
	packages, repodata := filepath.Join(root, "r", "Packages"), filepath.Join(root, "r", "repodata")
	if err := errors.Join(os.MkdirAll(packages, 0o755), os.MkdirAll(repodata, 0o755)); err != nil {
		return err
	}
	large := make([]byte, 10<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range large {
		large[i] = byte(r.Uint32())
	}
	old := time.Now().Add(-time.Hour)
	repomd := filepath.Join(repodata, "repomd.xml")
	return errors.Join(
		os.WriteFile(filepath.Join(packages, "large-1.0-1.x86_64.rpm"), large, 0o644),
		// As long as Fedora's.
		os.WriteFile(repomd, bytes.Repeat([]byte("<data type=\"primary\"/>\n"), 140), 0o644),
		os.Chtimes(repomd, old, old))
}

// serving is one run over the rows.
type serving struct {
	*bench
	wrk   string
	sides []webServer
}

func (s *serving) heading() {
	text := fmt.Sprintf("%-34s%-14s", "", "")
	for _, c := range loadColumns {
		text += fmt.Sprintf("%-26s", c.name)
	}
	fmt.Fprintf(s.out, "\nserve beside nginx (%s; minimum, median and maximum)\n%s\n", time.Now().Format(time.DateOnly), strings.TrimSpace(text)) //nolint:errcheck // to a terminal
}

// row measures each side in turn, each round in the other order.
func (s *serving) row(name string, measure func(webServer) (load, error)) error {
	if !s.wanted(name) {
		return nil
	}
	loads := make([][]load, len(s.sides))
	for round := range s.rounds {
		for turn := range s.sides {
			i := (turn + round) % len(s.sides)
			l, err := measure(s.sides[i])
			if err != nil {
				return fmt.Errorf("%s, %s: %w", name, s.sides[i].name, err)
			}
			loads[i] = append(loads[i], l)
		}
	}
	for i, side := range s.sides {
		s.line(name, side.name, func(number func(load) float64, format string) string {
			return spreadOf(numbers(loads[i], number)).show(format)
		})
		name = ""
	}
	if len(s.sides) > 1 {
		s.line("", "ratio", func(number func(load) float64, _ string) string {
			r := ratios(numbers(loads[0], number), numbers(loads[1], number))
			if len(r) == 0 {
				return "-"
			}
			return spreadOf(r).show("%.2f")
		})
	}
	return nil
}

func numbers(loads []load, number func(load) float64) []float64 {
	var list []float64
	for _, l := range loads {
		list = append(list, number(l))
	}
	return list
}

func (s *serving) line(row, name string, cell func(number func(load) float64, format string) string) {
	text := fmt.Sprintf("%-34s%-14s", row, name)
	for _, c := range loadColumns {
		text += fmt.Sprintf("%-26s", cell(c.number, c.format))
	}
	fmt.Fprintln(s.out, strings.TrimRight(text, " ")) //nolint:errcheck // to a terminal
}

// wrkOn has wrk fetch a file over and over.
func (s *serving) wrkOn(ctx context.Context, side webServer, path string, connections int, conditional bool) (load, error) {
	args := []string{"-t2", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-d%.0fs", max(1, s.load.Seconds())), "--latency"}
	if conditional {
		h, _, err := get(ctx, side.url+path)
		if err != nil {
			return load{}, err
		}
		args = append(args, "-H", "If-None-Match: "+h.Get("ETag"))
	}
	before := cpuOf(side.pid)
	said, err := exec.CommandContext(ctx, s.wrk, append(args, side.url+path)...).CombinedOutput()
	if err != nil {
		return load{}, fmt.Errorf("wrk: %w: %s", err, last(said))
	}
	l, requests, err := parseWrk(string(said))
	if err != nil {
		return load{}, err
	}
	l.cpu = float64((cpuOf(side.pid) - before).Microseconds()) / requests
	l.memory = memoryOf(side.pid)
	return l, nil
}

var (
	wrkRequests = regexp.MustCompile(`(\d+) requests in`)
	wrkRate     = regexp.MustCompile(`Requests/sec:\s+([\d.]+)`)
	wrkBytes    = regexp.MustCompile(`Transfer/sec:\s+([\d.]+)([KMG]?B)`)
	wrkP99      = regexp.MustCompile(`99%\s+([\d.]+)(us|ms|s)`)
	wrkErrors   = regexp.MustCompile(`(?m)^\s*(Socket errors|Non-2xx or 3xx responses):.*$`)
)

// parseWrk reads what wrk prints at its end.
func parseWrk(said string) (l load, requests float64, err error) {
	if bad := wrkErrors.FindString(said); bad != "" {
		return l, 0, fmt.Errorf("wrk: %s", strings.TrimSpace(bad))
	}
	number := func(re *regexp.Regexp, units map[string]float64) float64 {
		m := re.FindStringSubmatch(said)
		if m == nil {
			err = fmt.Errorf("wrk: nothing like %s in what it says: %s", re, said)
			return 0
		}
		v, _ := strconv.ParseFloat(m[1], 64) // digits and points
		if units != nil {
			v *= units[m[2]]
		}
		return v
	}
	requests = number(wrkRequests, nil)
	l.rate = number(wrkRate, nil)
	l.bytes = number(wrkBytes, map[string]float64{"B": 1e-6, "KB": 1.024e-3, "MB": 1.048576, "GB": 1073.741824})
	l.p99 = number(wrkP99, map[string]float64{"us": 1e-3, "ms": 1, "s": 1000})
	return l, requests, err
}

// download has many clients with slow lines fetch a package at the same time.
func (s *serving) download(ctx context.Context, side webServer, path string) (load, error) {
	const pieces = 10
	before, start := cpuOf(side.pid), time.Now()
	g, ctx := errgroup.WithContext(ctx)
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(64 << 10) // so that most of the package waits at the server
		}
		return c, err
	}}
	defer transport.CloseIdleConnections()
	for range s.downloads {
		g.Go(func() error {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, side.url+path, nil)
			if err != nil {
				return err
			}
			res, err := transport.RoundTrip(req)
			if err != nil {
				return err
			}
			defer res.Body.Close() //nolint:errcheck // it has been read
			for range pieces {
				if _, err := io.CopyN(io.Discard, res.Body, res.ContentLength/pieces); err != nil {
					return err
				}
				time.Sleep(s.load / pieces)
			}
			_, err = io.Copy(io.Discard, res.Body)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return load{}, err
	}
	took, clients := time.Since(start).Seconds(), float64(s.downloads)
	return load{
		rate: clients / took, bytes: clients * 10 * 1.048576 / took, memory: memoryOf(side.pid),
		cpu: float64((cpuOf(side.pid) - before).Microseconds()) / clients,
	}, nil
}

// family are a process and its children.
func family(pid int) []int {
	pids := []int{pid}
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)) // none: not Linux
	for f := range strings.FieldsSeq(string(data)) {
		if child, err := strconv.Atoi(f); err == nil {
			pids = append(pids, child)
		}
	}
	return pids
}

// cpuOf is the time that a server and its workers have computed, where /proc
// tells.
func cpuOf(pid int) time.Duration {
	var ticks int
	for _, p := range family(pid) {
		data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
		_, rest, _ := strings.Cut(string(data), ") ")
		if f := strings.Fields(rest); len(f) > 12 {
			for _, v := range f[11:13] { // utime, stime
				n, _ := strconv.Atoi(v)
				ticks += n
			}
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// memoryOf is the most memory that a server and its workers have had, in MiB.
func memoryOf(pid int) float64 {
	var sum float64
	for _, p := range family(pid) {
		data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p))
		for line := range strings.Lines(string(data)) {
			if v, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				n, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(v), " kB"), 64)
				sum += n / 1024
			}
		}
	}
	return sum
}
