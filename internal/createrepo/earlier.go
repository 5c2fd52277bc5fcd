package createrepo

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"gorepo/internal/rpmpkg"
)

// openUpdateFrom adds the generations in Options.UpdateFrom to those whose
// entries are used again.
func (j *job) openUpdateFrom() {
	if !j.o.Update {
		return
	}
	void := func(string) bool { return false }
	for _, m := range j.build.Old {
		if m.Void != nil {
			void = m.Void // what a sync has replaced is in no older metadata either
		}
	}
	for _, m := range j.o.UpdateFrom {
		if !m.Lists() {
			j.o.OnWarning("", m.Name+" is not used: it lacks primary, filelists or other")
			continue
		}
		m.Void = void
		j.build.Old = append(slices.Clone(j.build.Old), m)
	}
}

// has reports whether a file is there, in whichever volume.
func (j *job) has(location string) bool {
	in := func(dir string) bool { return exists(filepath.Join(dir, filepath.FromSlash(location))) }
	return in(j.dir) || slices.ContainsFunc(j.o.Volumes, in)
}

// openCache opens Options.CacheDir.
func (j *job) openCache() (err error) {
	dir := j.o.CacheDir
	if dir == "" {
		return nil
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(j.output, dir)
	}
	j.build.Checksums, err = rpmpkg.OpenChecksumCache(dir, func(err error) {
		j.o.OnWarning("", fmt.Sprintf("checksums are not remembered: %v", err))
	})
	if err != nil {
		return fmt.Errorf("cache of checksums: %w", err)
	}
	return nil
}

// recycleList lists the packages that the earlier metadata does, as far as
// their locations are paths below the directory.
func (j *job) recycleList(ctx context.Context) error {
	if !j.o.RecycleList || !j.o.Update || len(j.build.Old) == 0 {
		return nil
	}
	named := map[string]bool{}
	for _, m := range j.build.Old {
		locations, err := m.Locations(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		for location := range locations {
			named[location] = true
		}
	}
	for location := range named {
		// A package that has gone since is no failure.
		if j.has(location) {
			j.build.Listed = append(j.build.Listed, location)
		}
	}
	if j.build.Listed == nil {
		j.build.Listed = []string{}
	}
	return nil
}

// listName is the name of a list of packages, in any form: what it is called after
// its checksum says which list it is, and whether it is XML, a database or zchunk.
var listName = regexp.MustCompile(`^(?:[0-9a-f]{32,128}-)?((?:primary|filelists|filelists-ext|other)\.(?:xml|sqlite)(?:\.zck)?)(?:\.(?:gz|bz2|xz|zst))?$`)

// newest are the Options.KeepNewest newest published files of each list of
// packages, by their times and then by their names.
func (j *job) newest() (names []string) {
	entries, err := os.ReadDir(filepath.Join(j.output, "repodata"))
	if err != nil {
		return nil // there are none to keep
	}
	lists := map[string][]fs.FileInfo{}
	for _, e := range entries {
		list := listName.FindStringSubmatch(e.Name())
		if fi, err := e.Info(); err == nil && list != nil {
			lists[list[1]] = append(lists[list[1]], fi)
		}
	}
	for _, files := range lists {
		slices.SortFunc(files, func(a, b fs.FileInfo) int {
			return cmp.Or(b.ModTime().Compare(a.ModTime()), strings.Compare(a.Name(), b.Name()))
		})
		for _, fi := range files[:min(j.o.KeepNewest, len(files))] {
			names = append(names, fi.Name())
		}
	}
	return names
}

// younger are the published files that are not older than Options.KeepYounger.
func (j *job) younger() (names []string) {
	entries, err := os.ReadDir(filepath.Join(j.output, "repodata"))
	if err != nil {
		return nil // there are none to keep
	}
	since := time.Now().Add(-j.o.KeepYounger)
	for _, e := range entries {
		if fi, err := e.Info(); err == nil && !fi.ModTime().Before(since) {
			names = append(names, path.Base(e.Name()))
		}
	}
	return names
}
