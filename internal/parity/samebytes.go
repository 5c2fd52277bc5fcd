package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sameBytesFlags are the ways to write metadata, a line each; the first is for
// the smaller cut too.
const sameBytesFlags = `--general-compress-type=gz
--general-compress-type=bz2
--general-compress-type=xz
--general-compress-type=zstd
--xz
-s sha512 --simple-md-filenames
--database
--database --general-compress-type=xz
--zck
--zck --database --zck-dict-dir=TREES/dictionaries`

// sameBytes has gorepo make the metadata of one tree in several ways that have
// to give the same files, byte for byte.
func (p *parity) sameBytes(ctx context.Context) (list []finding, err error) {
	for flags := range strings.SplitSeq(sameBytesFlags, "\n") {
		f := finding{name: "same bytes: " + flags}
		if p.only.MatchString(f.name) && (len(list) == 0 || !p.quick) {
			list = append(list, f)
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	copies, err := p.orders()
	defer func() {
		for _, dir := range copies {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if err != nil {
		return nil, err
	}
	for i := range list {
		f := &list[i]
		flags := strings.Fields(strings.TrimPrefix(f.name, "same bytes: "))
		if err := p.sameWith(ctx, f, copies, flags); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		f.bad = f.differences
	}
	return list, nil
}

// orders makes copies of a tree whose directories were filled in different
// orders, one of them in memory, where directories are read in that order.
func (p *parity) orders() (copies []string, err error) {
	tree := filepath.Join(p.dir, "same-bytes")
	for _, from := range []string{"testdata", "places", "options", "centos"} {
		if err := copyTree(p.trees.at(from), filepath.Join(tree, "0", from), inOrder); err != nil {
			return nil, err
		}
	}
	copies = []string{filepath.Join(tree, "0"), filepath.Join(tree, "1")}
	if dir, err := os.MkdirTemp("/dev/shm", "gorepo-parity-"); err == nil {
		copies = append(copies, dir)
	}
	for _, to := range copies[1:] {
		if err := copyTree(copies[0], to, slices.Reverse[[]fs.DirEntry]); err != nil {
			return copies, err
		}
	}
	return copies, nil
}

// sameWith compares what comes of each copy and number of workers, for one set
// of flags.
func (p *parity) sameWith(ctx context.Context, f *finding, copies, flags []string) error {
	const revision = 1700000000
	var first map[string]string
	for _, way := range []struct {
		tree    string
		workers int
		update  bool
	}{{copies[0], 1, false}, {copies[0], 2, false}, {copies[1], 7, false}, {copies[len(copies)-1], 2, false}, {copies[0], 7, true}} {
		out := filepath.Join(p.dir, "same-bytes", "out")
		if !way.update { // over what was made before: it has to be the same again
			if err := errors.Join(os.RemoveAll(out), os.MkdirAll(out, 0o755)); err != nil {
				return err
			}
		}
		args := []string{
			"createrepo", "--quiet", "-o", out, fmt.Sprint("--workers=", way.workers), fmt.Sprint("--revision=", revision), "--set-timestamp-to-revision",
			"--groupfile=" + filepath.Join(p.trees.testdata, "comps.xml"),
		}
		if way.update {
			args = append(args, "--update")
		}
		for _, flag := range flags {
			args = append(args, strings.ReplaceAll(flag, "TREES", p.trees.dir))
		}
		if _, err := output(ctx, nil, p.gorepo, append(args, way.tree)...); err != nil {
			return err
		}
		files, err := contents(filepath.Join(out, "repodata"))
		if err != nil {
			return err
		}
		if first == nil {
			first = files
			continue
		}
		f.fields += len(files)
		for _, name := range slices.Sorted(maps.Keys(first)) {
			if files[name] != first[name] {
				f.differences = append(f.differences, difference{in: name, field: fmt.Sprintf("(the first way, and %+v)", way), theirs: first[name], ours: files[name]})
			}
		}
		if len(files) != len(first) {
			f.differences = append(f.differences, difference{in: "repodata", field: fmt.Sprintf("number of files (the first way, and %+v)", way), theirs: fmt.Sprint(len(first)), ours: fmt.Sprint(len(files))})
		}
	}
	return nil
}

// contents are the files in a directory: their checksums, and their times.
func contents(dir string) (map[string]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		files[e.Name()] = fmt.Sprintf("sha256 %x, %d", sha256.Sum256(data), info.ModTime().Unix())
	}
	return files, nil
}
