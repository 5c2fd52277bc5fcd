package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"gorepo/internal/testrepo/genrpm"
	"gorepo/internal/testrepo/peer"
)

// indexers are gorepo createrepo and createrepo_c over a tree, each with a
// directory of its own for what it makes.
func (b *bench) indexers(dir, tree string, extra ...string) (ours, theirs contender) {
	ours, theirs = contender{name: "gorepo"}, contender{name: "createrepo_c"}
	program, ok := peer.Find("createrepo_c")
	if !ok {
		theirs.missing = "not installed (make test-deps)"
	}
	common := append([]string{"--workers", strconv.Itoa(b.workers)}, extra...)
	for c, args := range map[*contender][]string{
		&ours:   {b.gorepo, "createrepo"},
		&theirs: {program, "--quiet", "--no-database", "--compress-type", "gz", "--general-compress-type", "gz"},
	} {
		out := output(dir, c)
		c.args = append(append(args, common...), "--outputdir", out, tree)
		c.after = func() (int64, error) {
			if _, err := os.Stat(filepath.Join(out, "repodata", "repomd.xml")); err != nil {
				return 0, fmt.Errorf("%s ended well, but made nothing: %w", c.name, err)
			}
			return sizeOf(filepath.Join(out, "repodata"))
		}
	}
	return ours, theirs
}

// output is where a contender's repodata goes.
func output(dir string, c *contender) string { return filepath.Join(dir, "out-"+c.name) }

func (b *bench) createrepoCold(ctx context.Context, t *table, dir, tree string) error {
	ours, theirs := b.indexers(dir, tree)
	for _, c := range []*contender{&ours, &theirs} {
		c.before = func() error { return emptyDir(output(dir, c)) }
	}
	if err := b.pair(ctx, t, "createrepo cold", ours, theirs); err != nil {
		return err
	}
	return b.pair(ctx, t, "createrepo cold, and hashing alone", ours, hasher(tree, b.workers))
}

// hasher reads and hashes what an indexer has to, and does nothing else: as fast
// as that no indexer can be by much.
func hasher(tree string, workers int) contender {
	c := contender{name: "openssl"}
	for _, program := range []string{"openssl", "xargs", "find"} {
		if _, ok := peer.Find(program); !ok {
			c.missing = program + " is not installed (make test-deps)"
		}
	}
	c.args = []string{
		"sh", "-c", `find "$1" -name '*.rpm' -print0 | xargs -0 -n 20 -P "$2" openssl dgst -sha256`, "sh", tree, strconv.Itoa(workers),
	}
	return c
}

// createrepoUpdate measures --update, first with nothing to do, then with one
// package in a hundred replaced.
func (b *bench) createrepoUpdate(ctx context.Context, t *table, dir, tree string) error {
	const nothing, some = "createrepo --update, unchanged", "createrepo --update, 1 % changed"
	if !b.wanted(nothing) && !b.wanted(some) {
		return nil
	}
	// What each has made itself is what it starts from, every time.
	ours, theirs := b.indexers(dir, tree)
	for _, c := range []*contender{&ours, &theirs} {
		if c.missing != "" {
			continue
		}
		c.before = func() error { return emptyDir(output(dir, c)) }
		if _, err := c.run(ctx); err != nil {
			return err
		}
		if err := replaceDir(saved(dir, c), output(dir, c)); err != nil {
			return err
		}
	}
	ours, theirs = b.indexers(dir, tree, "--update")
	for _, c := range []*contender{&ours, &theirs} {
		// Old files stay beside the new ones, by each program's own rule: their
		// sizes together say nothing.
		check := c.after
		c.after = func() (int64, error) {
			_, err := check()
			return 0, err
		}
		c.before = func() error { return replaceDir(output(dir, c), saved(dir, c)) }
	}
	if err := b.pair(ctx, t, nothing, ours, theirs); err != nil || !b.wanted(some) {
		return err
	}
	if _, err := genrpm.Change(tree, 0.01, uint64(time.Now().UnixNano())); err != nil { //nolint:gosec // any seed does
		return err
	}
	return b.pair(ctx, t, some, ours, theirs)
}

// saved is where a contender's first repodata is kept.
func saved(dir string, c *contender) string { return filepath.Join(dir, "saved-"+c.name) }

func emptyDir(dir string) error {
	return errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755))
}

// replaceDir makes a directory a copy of another.
func replaceDir(dir, from string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.CopyFS(dir, os.DirFS(from))
}

// sizeOf sums up the files below a directory.
func sizeOf(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		fi, err := d.Info()
		if err == nil {
			size += fi.Size()
		}
		return err
	})
	return size, err
}
