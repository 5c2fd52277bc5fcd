package repodata

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A media set is one repository whose packages are in several directories, its
// volumes. The metadata has each package below its own volume, whose number, from
// 1 on, stands behind a # in its xml:base: "media:#2" where there is no other base.
//
// In it the location of a package, as Build and its callbacks have it, is the path
// of its file. A volume is not within another, so that a path is in one.

// setVolumes makes the paths of volumes absolute, as those of the packages then are.
func (o *Options) setVolumes() error {
	if len(o.Volumes) == 0 {
		return nil
	}
	volumes := make([]string, len(o.Volumes))
	for i, dir := range o.Volumes {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return err
		}
		volumes[i] = filepath.ToSlash(abs)
		for j, other := range volumes[:i] {
			if within(volumes[i], other) || within(other, volumes[i]) {
				return fmt.Errorf("%s and %s: a directory within another, or the same, cannot be another volume of the set", o.Volumes[j], dir)
			}
		}
	}
	o.Dir, o.Volumes = "", volumes
	return nil
}

// within reports whether a path is dir, or below it.
func within(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/")
}

// inVolume splits the path of a package into the number of its volume and the
// location below it; the number is 0 where there are no volumes.
func (o *Options) inVolume(location string) (number int, below string) {
	for i, dir := range o.Volumes {
		if within(location, dir) {
			return i + 1, strings.TrimPrefix(location[len(dir):], "/")
		}
	}
	return 0, location
}

// base is the xml:base of a location.
func (o *Options) base(location string) string {
	number, _ := o.inVolume(location)
	switch {
	case number == 0:
		return o.Base
	case o.Base == "":
		return "media:#" + strconv.Itoa(number)
	}
	return o.Base + "#" + strconv.Itoa(number)
}

// walk finds the packages: volume by volume, in each in the order in which a walker
// has them.
func (o *Options) walk(ctx context.Context) ([]packageFile, error) {
	if len(o.Volumes) == 0 {
		return o.walker(o.Dir, o.Listed).walk(ctx)
	}
	var all []packageFile
	for i, dir := range o.Volumes {
		w := o.walker(filepath.FromSlash(dir), o.listedIn(i))
		w.onBad = func(location string, err error) { o.OnBad(path.Join(dir, location), err) }
		found, err := w.walk(ctx)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			f.location = path.Join(dir, f.location)
			all = append(all, f)
		}
	}
	return all, nil
}

func (o *Options) walker(dir string, listed []string) *walker {
	return &walker{dir: dir, excludes: o.Excludes, leaveOut: o.LeaveOut, onBad: o.OnBad, listed: listed, noLinks: o.SkipLinks}
}

// listedIn are those of Listed that volume number i has; the first one has those
// too that none has, to say so.
func (o *Options) listedIn(i int) []string {
	if o.Listed == nil {
		return nil
	}
	has := func(dir, name string) bool {
		_, err := os.Lstat(filepath.Join(filepath.FromSlash(dir), filepath.FromSlash(name)))
		return err == nil
	}
	listed := []string{}
	for _, name := range o.Listed {
		if has(o.Volumes[i], name) ||
			i == 0 && !slices.ContainsFunc(o.Volumes, func(dir string) bool { return has(dir, name) }) {
			listed = append(listed, name)
		}
	}
	return listed
}
