// Command bench measures gorepo beside the programs that it replaces:
// createrepo_c, dnf's reposync, and nginx.
//
//	go run ./internal/bench -gorepo bin/gorepo -tree 1000,5000:60000
//
// It makes trees of packages (internal/testrepo/genrpm), runs each pair of
// programs in turn, in one order and then in the other, and prints wall time,
// CPU time and peak memory as minimum, median and maximum, and the ratios pair
// by pair. Both sides get the same work: gzip, two workers, no sqlite, a page
// cache that holds the packages.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"gorepo/internal/testrepo/genrpm"
	"gorepo/internal/testrepo/peer"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run of the program.
type bench struct {
	gorepo  string
	dir     string // all that is made lies below it
	rounds  int
	workers int
	// load is how long one side of serve's rows answers in one round, downloads how
	// many clients the last of them has.
	load      time.Duration
	downloads int
	// packages and requests are those of the rows about pages.
	packages, requests int
	only               *regexp.Regexp
	out                io.Writer
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	b := bench{out: out}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&b.gorepo, "gorepo", "bin/gorepo", "the gorepo to measure")
	flags.StringVar(&b.dir, "dir", "", "make the trees below this directory, and leave them there for the next time (default: a temporary one)")
	flags.IntVar(&b.rounds, "rounds", 5, "how often to run each pair")
	flags.IntVar(&b.workers, "workers", 2, "--workers of createrepo")
	flags.DurationVar(&b.load, "load", 3*time.Second, "how long each web server is under load in one round of serve's rows")
	flags.IntVar(&b.downloads, "downloads", 500, "how many clients download at the same time in serve's last row")
	flags.IntVar(&b.packages, "packages", 70000, "how many packages the repository of the rows index and pages has")
	flags.IntVar(&b.requests, "requests", 200, "how often to ask for each kind of page")
	metadata := flags.String("make-metadata", "", "make that repository here and end, likewise")
	specs := flags.String("tree", "1000", "trees to measure with, PACKAGES[:PAYLOAD BYTES[:FILES]], separated by commas; averages of a package")
	only := flags.String("run", "", "only rows whose names match this regular expression (createrepo cold, sync first, serve repomd.xml, …)")
	makeTree := flags.String("make", "", "make one tree here and end; what bench runs itself with, to stay small")
	if err := flags.Parse(args); err != nil {
		return err
	}
	trees, err := parseTrees(*specs)
	if err != nil {
		return err
	}
	if *makeTree != "" {
		return genrpm.Generate(*makeTree, trees[0].options())
	}
	if *metadata != "" {
		return makeMetadata(*metadata, b.packages)
	}
	if b.only, err = regexp.Compile(*only); err != nil {
		return err
	}
	if b.gorepo, err = filepath.Abs(b.gorepo); err == nil {
		_, err = os.Stat(b.gorepo)
	}
	if err != nil {
		return fmt.Errorf("-gorepo: %w (make build makes it)", err)
	}
	remove, err := b.makeDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	b.describe(ctx)
	if err := b.serving(ctx); err != nil {
		return err
	}
	if err := b.people(ctx); err != nil {
		return err
	}
	for _, t := range trees {
		if err := b.tree(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// makeDir makes the directory to work in. remove is for the end.
func (b *bench) makeDir() (remove func() error, err error) {
	if b.dir == "" {
		if b.dir, err = os.MkdirTemp("", "gorepo-bench-"); err != nil {
			return nil, err
		}
		return func() error { return os.RemoveAll(b.dir) }, nil
	}
	if b.dir, err = filepath.Abs(b.dir); err == nil {
		err = os.MkdirAll(b.dir, 0o755)
	}
	return func() error { return nil }, err
}

// describe prints what is measured where.
func (b *bench) describe(ctx context.Context) {
	fmt.Fprintf(b.out, "%s/%s, %d CPUs; %d rounds in turn\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), b.rounds) //nolint:errcheck // to a terminal
	for _, v := range [][]string{{b.gorepo, "--version"}, {"createrepo_c", "--version"}, {"dnf", "--version"}, {"nginx", "-v"}} {
		program, ok := peer.Find(v[0])
		if !ok {
			fmt.Fprintf(b.out, "%s: not installed\n", v[0]) //nolint:errcheck // to a terminal
			continue
		}
		said, _ := exec.CommandContext(ctx, program, v[1:]...).CombinedOutput()
		first, _, _ := strings.Cut(string(said), "\n")
		fmt.Fprintf(b.out, "%s: %s\n", filepath.Base(v[0]), first) //nolint:errcheck // to a terminal
	}
}

// treeSpec is a tree that is asked for.
type treeSpec struct{ packages, payload, files int }

func (t treeSpec) options() genrpm.Options {
	return genrpm.Options{Packages: t.packages, PayloadBytes: t.payload, FilesPerPackage: t.files}
}

// String is how it is asked for.
func (t treeSpec) String() string { return fmt.Sprintf("%d:%d:%d", t.packages, t.payload, t.files) }

func parseTrees(s string) ([]treeSpec, error) {
	var trees []treeSpec
	for _, spec := range strings.Split(s, ",") {
		var t treeSpec
		fields := strings.Split(spec, ":")
		into := []*int{&t.packages, &t.payload, &t.files}
		if len(fields) > len(into) {
			return nil, fmt.Errorf("-tree %s: want PACKAGES[:PAYLOAD BYTES[:FILES]]", spec)
		}
		for i, f := range fields {
			n, err := strconv.Atoi(f)
			if err != nil || n < 0 || i == 0 && n == 0 {
				return nil, fmt.Errorf("-tree %s: %q is not a number to use", spec, f)
			}
			*into[i] = n
		}
		trees = append(trees, t)
	}
	return trees, nil
}

// tree makes one tree, and measures with it.
func (b *bench) tree(ctx context.Context, spec treeSpec) error {
	dir := filepath.Join(b.dir, strings.ReplaceAll(spec.String(), ":", "-"))
	tree := filepath.Join(dir, "tree")
	if _, err := os.Stat(filepath.Join(tree, ".genrpm.json")); err != nil {
		// In a process of its own: what this one has taken counts as memory of
		// each program that it starts.
		self, err := os.Executable()
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, self, "-make", tree, "-tree", spec.String())
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("make a tree of %d packages: %w", spec.packages, err)
		}
	}
	size, err := warm(tree)
	if err != nil {
		return err
	}
	t := &table{out: b.out, title: fmt.Sprintf("%d packages, %d MB", spec.packages, size/1_000_000)}
	// What comes last changes the tree.
	for _, measure := range []func(context.Context, *table, string, string) error{b.createrepoCold, b.sync, b.createrepoUpdate} {
		if err := measure(ctx, t, dir, tree); err != nil {
			return err
		}
	}
	return nil
}

// wanted reports whether a row is asked for.
func (b *bench) wanted(row string) bool { return b.only.MatchString(row) }

// warm reads a tree into the page cache, and returns its size in bytes.
func warm(tree string) (size int64, err error) {
	err = filepath.WalkDir(tree, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		n, err := io.Copy(io.Discard, f)
		size += n
		return errors.Join(err, f.Close())
	})
	return size, err
}
