// Package genrpm makes trees of small, realistic rpms for tests and
// benchmarks: as many as are asked for, fast, and the same bytes for the same
// options.
//
// A tree is what a distribution's repository is in small. Names come in fours
// that one source package gives: libraries, programs, headers, documentation.
// They require each other and the libraries of others, and everything that is
// required is provided, so that dnf can resolve any of them. The number of
// files has a long tail, as in real repositories: most packages have few, a
// few have thousands.
//
// Packages lie in Packages/<first letter>/ below the tree; a file's mtime is
// its package's build time. Beside them lies .genrpm.json with the options
// and what Change did, which Change needs to go on.
package genrpm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options says what Generate makes. The zero value of a field means its
// default.
type Options struct {
	Packages        int    `json:"packages"`          // binary packages; default 100
	Seed            uint64 `json:"seed"`              // another seed gives other names and contents
	FilesPerPackage int    `json:"files_per_package"` // average; default 40, and at most 50 times that in one package
	PayloadBytes    int    `json:"payload_bytes"`     // average, does not compress; default 4096
	Changelogs      int    `json:"changelogs"`        // entries of a package, on average; default 10
	Versions        int    `json:"versions"`          // of one name, all within Packages; default 1
	Sources         bool   `json:"sources"`           // a source package for every four names, beyond Packages
}

func (o Options) withDefaults() (Options, error) {
	for _, f := range []struct {
		name     string
		value    *int
		standard int
		most     int
	}{
		{"packages", &o.Packages, 100, 1_000_000},
		{"files per package", &o.FilesPerPackage, 40, 10_000},
		{"payload bytes", &o.PayloadBytes, 4096, 64 << 20},
		{"changelogs", &o.Changelogs, 10, 1000},
		{"versions", &o.Versions, 1, 1000},
	} {
		if *f.value < 0 || *f.value > f.most {
			return o, fmt.Errorf("genrpm: %s: %d is not between 0 and %d", f.name, *f.value, f.most)
		}
		if *f.value == 0 {
			*f.value = f.standard
		}
	}
	return o, nil
}

const (
	manifestName = ".genrpm.json"
	packagesDir  = "Packages"
)

// manifest is what Change has to know about a tree.
type manifest struct {
	Options Options     `json:"options"`
	Bumps   map[int]int `json:"bumps,omitempty"` // index of a package: releases since Generate
}

// Generate makes a tree below dir, which may exist but must hold no packages
// yet.
func Generate(dir string, o Options) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	if _, err := os.Lstat(filepath.Join(dir, packagesDir)); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = fs.ErrExist
		}
		return fmt.Errorf("genrpm: %s: want a directory without packages: %w", dir, err)
	}
	p := newPlan(o)
	all := make([]int, p.total())
	for i := range all {
		all[i] = i
	}
	if err := writeAll(dir, p, all, nil); err != nil {
		return err
	}
	return saveManifest(dir, manifest{Options: o})
}

// Change turns a tree into the next night's: it replaces a fraction (0 to 1;
// one package at least, unless it is 0) of the binary packages that Generate
// made by their next release, under a new file name. It returns the new
// packages' locations in the tree. The same tree, fraction and seed give the
// same result.
func Change(dir string, fraction float64, seed uint64) ([]string, error) {
	if !(fraction >= 0 && fraction <= 1) { // written so that NaN fails
		return nil, fmt.Errorf("genrpm: fraction: %v is not between 0 and 1", fraction)
	}
	m, err := loadManifest(dir)
	if err != nil {
		return nil, err
	}
	p := newPlan(m.Options)
	n := int(math.Round(fraction * float64(m.Options.Packages)))
	if fraction > 0 {
		n = max(n, 1)
	}
	chosen := rand.New(rand.NewPCG(seed, streamChange)).Perm(m.Options.Packages)[:n]

	old := make([]string, n)
	for i, index := range chosen {
		old[i] = p.describe(index, m.Bumps[index]).location()
		m.Bumps[index]++
	}
	if err := writeAll(dir, p, chosen, m.Bumps); err != nil {
		return nil, err
	}
	locations := make([]string, n)
	for i, index := range chosen {
		locations[i] = p.describe(index, m.Bumps[index]).location()
		if err := os.Remove(filepath.Join(dir, old[i])); err != nil {
			return nil, fmt.Errorf("genrpm: replace package: %w", err)
		}
	}
	return locations, saveManifest(dir, m)
}

// writeAll writes the packages with the given indices, on all processors.
func writeAll(dir string, p plan, indices []int, bumps map[int]int) error {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, index := range indices {
		g.Go(func() error {
			d := p.describe(index, bumps[index])
			data, err := d.build()
			if err != nil {
				return fmt.Errorf("genrpm: %s: %w", d.location(), err)
			}
			return writePackage(filepath.Join(dir, d.location()), data, d.buildTime)
		})
	}
	return g.Wait()
}

func writePackage(path string, data []byte, mtime time.Time) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("genrpm: make directory: %w", err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return fmt.Errorf("genrpm: write package: %w", err)
	}
	if err := os.Chtimes(path, mtime, mtime); err != nil {
		return fmt.Errorf("genrpm: set mtime: %w", err)
	}
	return nil
}

func loadManifest(dir string) (manifest, error) {
	path := filepath.Join(dir, manifestName)
	m := manifest{Bumps: map[int]int{}}
	data, err := os.ReadFile(path)
	if err != nil {
		return m, fmt.Errorf("genrpm: not a generated tree: %w", err)
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("genrpm: %s: %w", path, err)
	}
	m.Options, err = m.Options.withDefaults()
	return m, err
}

func saveManifest(dir string, m manifest) error {
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("genrpm: encode options: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, manifestName), append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("genrpm: save options: %w", err)
	}
	return nil
}
