package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// firstDay is when all packages are built and the newest change in a changelog
// was made.
var firstDay = time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)

// sourceFiles are what the specs name as sources.
var sourceFiles = []string{"gone.tar.gz", "here.txt", "sp+ace~1.txt", "gone.patch", "a.patch"}

// buildSpecs builds source packages, several at a time, into a directory below dir
// that is named for all that goes into them: where it is there already, it is
// taken as it is.
func buildSpecs(ctx context.Context, dir string, list []spec) (packages string, err error) {
	version, err := output(ctx, nil, "rpmbuild", "--version")
	if err != nil {
		return "", err
	}
	key := sha256.New()
	fmt.Fprintf(key, "%s %+v", version, list) //nolint:errcheck // a hash takes all
	packages = filepath.Join(dir, fmt.Sprintf("features-%x", key.Sum(nil)[:8]))
	if _, err := os.Stat(packages); err == nil {
		return packages, nil
	}
	work, err := os.MkdirTemp(dir, "rpmbuild-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	built := filepath.Join(work, "built")
	if err := os.Mkdir(built, 0o755); err != nil {
		return "", err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.NumCPU())
	for _, s := range list {
		g.Go(func() error { return s.build(ctx, filepath.Join(work, s.name), built) })
	}
	if err := g.Wait(); err != nil {
		return "", err
	}
	earlier, err := filepath.Glob(filepath.Join(dir, "features-*"))
	if err != nil {
		return "", err
	}
	for _, e := range earlier {
		if err := os.RemoveAll(e); err != nil {
			return "", err
		}
	}
	return packages, os.Rename(built, packages)
}

// build runs rpmbuild in a directory of its own, and moves what comes of it.
func (s spec) build(ctx context.Context, top, built string) error {
	if err := os.MkdirAll(filepath.Join(top, "SOURCES"), 0o755); err != nil {
		return err
	}
	for _, name := range sourceFiles {
		if err := writeFile(filepath.Join(top, "SOURCES", name), name); err != nil {
			return err
		}
	}
	file := filepath.Join(top, s.name+".spec")
	if err := writeFile(file, s.text); err != nil {
		return err
	}
	args := []string{"-ba", "--quiet", "--nodeps", "--target=x86_64"}
	for _, macro := range append([]string{
		"_topdir " + top, "_buildhost builder.example.com", "debug_package %{nil}", "__os_install_post %{nil}", "_build_id_links none",
		"_invalid_encoding_terminates_build 0", "_binary_payload w1.gzdio", "_source_payload w1.gzdio", "changelog_age 0", "_changelog_trimtime 0",
		"use_source_date_epoch_as_buildtime 1", "source_date_epoch_from_changelog 0", "_binary_filedigest_algorithm 8",
	}, s.defines...) {
		args = append(args, "--define", macro)
	}
	said, err := startWith(ctx, nil, []string{fmt.Sprint("SOURCE_DATE_EPOCH=", firstDay.Unix())}, "rpmbuild", append(args, file)...)
	if err != nil {
		return err
	}
	if said.status != 0 {
		return fmt.Errorf("rpmbuild %s: %s", s.name, lastOf(said.stderr+said.stdout))
	}
	return filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".rpm") {
			return err
		}
		return os.Rename(path, filepath.Join(built, d.Name()))
	})
}

func writeFile(path, text string) error { return os.WriteFile(path, []byte(text), 0o644) }

// rpmsIn are the packages in a directory, sorted.
func rpmsIn(dir string) ([]string, error) {
	list, err := filepath.Glob(filepath.Join(dir, "*.rpm"))
	slices.Sort(list)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("%s: there are no packages", dir)
	}
	return list, err
}
