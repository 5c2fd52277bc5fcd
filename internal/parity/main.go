// Command parity proves that gorepo createrepo makes what createrepo_c makes.
//
//	go run ./internal/parity -gorepo bin/gorepo
//
// It has both make the metadata of the same trees with the same flags and
// compares it by what it says, field by field and in order: with a reader of
// its own, with what dnf, libsolv and createrepo_c's library read from it, and
// with sqlite3 and zck_read_header. What may differ, and where, is listed in
// deliberate.go; each of these differences has to be there. At last it has
// gorepo make the same in several ways, which have to give the same bytes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "parity:", err)
		os.Exit(1)
	}
}

// parity is one run of the program.
type parity struct {
	gorepo  string
	peer    string // createrepo_c's version
	dir     string // all that is made lies below it
	trees   trees
	quick   bool
	verbose bool
	only    *regexp.Regexp
	out     io.Writer
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	p := parity{out: out}
	flags := flag.NewFlagSet("parity", flag.ContinueOnError)
	flags.StringVar(&p.gorepo, "gorepo", "bin/gorepo", "the gorepo to compare")
	kept := flags.String("dir", ".cache/parity", "work below this directory, and keep there what takes long to build")
	flags.BoolVar(&p.quick, "quick", false, "a smaller cut")
	flags.BoolVar(&p.verbose, "v", false, "print each case")
	only := flags.String("run", "", "only cases whose names match this regular expression (trees: places, databases, …)")
	packages := flags.Int("packages", 5000, "size of the generated tree")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if p.only, err = regexp.Compile(*only); err != nil {
		return err
	}
	if p.gorepo, err = filepath.Abs(p.gorepo); err == nil {
		_, err = os.Stat(p.gorepo)
	}
	if err != nil {
		return fmt.Errorf("-gorepo: %w (make build makes it)", err)
	}
	if debs := missing(ctx); len(debs) > 0 {
		return fmt.Errorf("not all peers are installed: apt-get install %s", strings.Join(debs, " "))
	}
	if *kept, err = filepath.Abs(*kept); err == nil {
		err = os.MkdirAll(*kept, 0o755)
	}
	if err == nil {
		p.dir, err = os.MkdirTemp(*kept, "run-")
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			p.print("what was compared is left in %s\n", p.dir)
			return
		}
		err = os.RemoveAll(p.dir)
	}()
	if err := p.describe(ctx); err != nil {
		return err
	}
	testdata, err := testdataOf(ctx)
	if err != nil {
		return err
	}
	p.trees = trees{filepath.Join(p.dir, "trees"), testdata}
	if err := os.Mkdir(p.trees.dir, 0o755); err != nil {
		return err
	}
	list := slices.DeleteFunc(cases(p.trees), func(c testCase) bool { return !p.only.MatchString(c.name) || p.quick && !c.quick })
	err = p.trees.makeAll(ctx, *kept, *packages, func(tree string) bool {
		return slices.ContainsFunc(list, func(c testCase) bool { return c.tree == tree })
	})
	if err != nil {
		return err
	}
	return p.compareAll(ctx, list)
}

// describe prints what is compared with what.
func (p *parity) describe(ctx context.Context) error {
	for _, program := range []string{p.gorepo, "createrepo_c", "dnf", "rpmbuild"} {
		text, err := output(ctx, nil, program, "--version")
		if err != nil {
			return err
		}
		line, _, _ := strings.Cut(string(text), "\n")
		if program == "createrepo_c" {
			// "Version: 0.17.3 (Features: …)"
			p.peer, _, _ = strings.Cut(strings.TrimPrefix(line, "Version: "), " ")
		}
		p.print("%s: %s\n", filepath.Base(program), line)
	}
	return nil
}

func (p *parity) print(format string, args ...any) {
	fmt.Fprintf(p.out, format, args...) //nolint:errcheck // to a terminal
}

// compareAll runs the cases, as many at a time as there are CPUs, and prints
// what comes of them in order.
func (p *parity) compareAll(ctx context.Context, list []testCase) error {
	done := make([]finding, len(list))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.NumCPU())
	for i, c := range list {
		g.Go(func() error {
			var err error
			if done[i], err = p.try(gctx, i, c); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	same, err := p.sameBytes(ctx)
	if err != nil {
		return err
	}
	return p.report(append(done, same...))
}

// A finding is what came of one case.
type finding struct {
	name string
	result
	bad     []difference
	allowed map[string]int // by rules
	unused  []string       // rules
}

// deliberate is the number of differences that are allowed.
func (f finding) deliberate() (n int) {
	for _, count := range f.allowed {
		n += count
	}
	return n
}

// try runs one case.
func (p *parity) try(ctx context.Context, number int, c testCase) (finding, error) {
	f := finding{name: c.name}
	dir := filepath.Join(p.dir, fmt.Sprintf("case-%03d", number))
	pair, statuses, err := p.build(ctx, dir, c)
	if err != nil {
		return f, err
	}
	comparison, err := compare(ctx, pair.theirs, pair.ours, slices.ContainsFunc(c.flags, isRevision), slices.Contains(c.flags, "--set-timestamp-to-revision"))
	if err != nil {
		return f, err
	}
	comparison.differ("exit status", "").value("", statuses.theirs, statuses.ours)
	comparison.fields++
	if c.lists {
		if err := comparison.readLists(pair); err != nil {
			return f, err
		}
	}
	if c.readers {
		for _, r := range readers {
			if err := comparison.reader(ctx, r, dir); err != nil {
				return f, err
			}
		}
	}
	f.result = comparison.result
	f.bad, f.allowed, f.unused = judge(f.differences, c.expect, p.peer)
	if len(f.bad) == 0 && len(f.unused) == 0 {
		return f, os.RemoveAll(dir)
	}
	return f, nil
}

func isRevision(flag string) bool { return strings.HasPrefix(flag, "--revision") }

// sides are a thing of each tool.
type sides struct{ theirs, ours string }

// build runs both tools, one beside the other, for the steps of a case and then
// for itself. It returns where the metadata is, and the exit statuses.
func (p *parity) build(ctx context.Context, dir string, c testCase) (out, statuses sides, err error) {
	out = sides{filepath.Join(dir, "createrepo_c"), filepath.Join(dir, "gorepo")}
	for _, d := range []string{out.theirs, out.ours} {
		if err := os.MkdirAll(filepath.Join(d, "earlier"), 0o755); err != nil {
			return out, statuses, err
		}
	}
	tree := p.trees.at(c.tree)
	if len(c.steps) > 0 {
		// A place of the same depth, so that relative paths go on.
		copied := filepath.Join(dir, "trees", c.tree)
		if err := copyTree(tree, copied, inOrder); err != nil {
			return out, statuses, err
		}
		tree = copied
	}
	for _, s := range c.steps {
		if _, err := p.both(ctx, out, tree, s.flags); err != nil {
			return out, statuses, err
		}
		if err := s.change(tree); err != nil {
			return out, statuses, err
		}
	}
	if c.foreign {
		a, b := filepath.Join(out.theirs, "repodata"), filepath.Join(out.ours, "repodata")
		if err := errors.Join(os.Rename(a, a+".x"), os.Rename(b, a), os.Rename(a+".x", b)); err != nil {
			return out, statuses, err
		}
	}
	statuses, err = p.both(ctx, out, tree, c.flags)
	return out, statuses, err
}

// both runs the two tools with the same flags.
func (p *parity) both(ctx context.Context, out sides, tree string, flags []string) (statuses sides, err error) {
	has := func(names ...string) bool {
		return slices.ContainsFunc(flags, func(f string) bool {
			name, _, _ := strings.Cut(f, "=")
			return slices.Contains(names, name)
		})
	}
	// What has to be said so that any createrepo_c does as gorepo does without. (Of databases no other compression is
	// the default.)
	theirs := []string{"--quiet", "--error-exit-val"}
	if !has("--database") {
		theirs = append(theirs, "--no-database")
	}
	if !has("--compress-type", "--xz", "--general-compress-type", "--database") {
		theirs = append(theirs, "--compress-type=gz", "--general-compress-type=gz")
	}
	with := func(args []string, own string) []string {
		args = append(args, "-o", own)
		for _, f := range flags {
			args = append(args, strings.NewReplacer("OUT", own, "TREES", filepath.Dir(tree)).Replace(f))
		}
		return append(args, tree)
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, side := range []struct {
		program string
		args    []string
		status  *string
	}{
		{"createrepo_c", with(theirs, out.theirs), &statuses.theirs},
		{p.gorepo, with([]string{"createrepo", "--quiet"}, out.ours), &statuses.ours},
	} {
		g.Go(func() error {
			s, err := start(ctx, nil, side.program, side.args...)
			if err != nil {
				return err
			}
			if *side.status = fmt.Sprint(s.status); s.status != 0 && s.status != 2 {
				return fmt.Errorf("%s %s: status %d: %s", filepath.Base(side.program), strings.Join(side.args, " "), s.status, lastOf(s.stderr+s.stdout))
			}
			return nil
		})
	}
	return statuses, g.Wait()
}

// readLists compares what --read-pkgs-list has written.
func (c *comparison) readLists(out sides) error {
	var lists [2][]fact
	for i, dir := range []string{out.theirs, out.ours} {
		text, err := os.ReadFile(filepath.Join(dir, "list"))
		if err != nil {
			return err
		}
		lines := strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
		slices.Sort(lines)
		for _, line := range lines {
			lists[i] = append(lists[i], fact{Field: line})
		}
	}
	c.facts("--read-pkgs-list", lists[0], lists[1])
	return nil
}
