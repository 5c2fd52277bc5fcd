package repodata

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// packageFile is an rpm that the walk found.
type packageFile struct {
	location string // below the directory, with slashes
	size     int64  // bytes
	mtime    int64  // Unix seconds
}

// walker finds the packages below a directory.
type walker struct {
	dir      string
	excludes []string
	leaveOut func(location string) bool
	onBad    func(location string, err error)
	noLinks  bool     // symbolic links to packages are passed over
	listed   []string // the only locations that are looked at; nil: all
	linked   []linkedDir
	found    []packageFile
}

// linkedDir is a directory that symbolic links lead to.
type linkedDir struct {
	fs.FileInfo
	entered int
}

// maxEntered is how often the walk enters one directory through links. Some
// directories with links to one another make more paths than anybody has time for.
const maxEntered = 100

// walk returns the packages below dir in the order in which metadata lists
// them: by file name, then by directory. Symbolic links are followed, except
// into a directory that the walk is in already. Hidden directories, repodata, and
// whatever is named like a package and is no file are passed over.
func (w *walker) walk(ctx context.Context) ([]packageFile, error) {
	top, err := os.Stat(w.dir)
	if err != nil {
		return nil, err
	}
	if !top.IsDir() {
		return nil, fmt.Errorf("%s is not a directory", w.dir)
	}
	if w.listed != nil {
		err = w.take(ctx)
	} else {
		err = w.enter(ctx, "", []fs.FileInfo{top})
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(w.found, func(a, b packageFile) int {
		if c := strings.Compare(path.Base(a.location), path.Base(b.location)); c != 0 {
			return c
		}
		return strings.Compare(path.Dir(a.location), path.Dir(b.location))
	})
	return w.found, nil
}

// take finds the packages that are listed, each once.
func (w *walker) take(ctx context.Context) error {
	seen := map[string]bool{}
	for _, name := range w.listed {
		if err := ctx.Err(); err != nil {
			return err
		}
		location := path.Clean(name)
		// As createrepo_c, with the whole path only.
		excluded := slices.ContainsFunc(w.excludes, func(p string) bool { return matchGlob(p, location) })
		if seen[location] || excluded {
			continue
		}
		seen[location] = true
		if !filepath.IsLocal(filepath.FromSlash(location)) {
			w.onBad(name, fmt.Errorf("is not a path below %s", w.dir))
			continue
		}
		fi, err := os.Stat(filepath.Join(w.dir, filepath.FromSlash(location)))
		switch {
		case err != nil:
			w.onBad(location, plainPathError(err))
		case !fi.Mode().IsRegular():
			w.onBad(location, errors.New("is not a file"))
		default:
			w.add(location, fi)
		}
	}
	return nil
}

func (w *walker) enter(ctx context.Context, rel string, inside []fs.FileInfo) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(w.dir, filepath.FromSlash(rel)))
	if err != nil {
		if rel != "" && errors.Is(err, fs.ErrNotExist) {
			return nil // it went while we walked
		}
		// Whatever is in there would seem to be gone.
		return err
	}
	for _, c := range w.candidates(rel, entries) {
		switch {
		case c.err != nil:
			if c.isPackage {
				w.onBad(c.location, plainPathError(c.err))
			}
		case c.fi.IsDir():
			circle := slices.ContainsFunc(inside, func(up fs.FileInfo) bool { return os.SameFile(up, c.fi) })
			if c.isPackage || passedOver(c.location) || circle || c.isLink && w.tooOften(c.location, c.fi) {
				continue
			}
			if err := w.enter(ctx, c.location, append(slices.Clip(inside), c.fi)); err != nil {
				return err
			}
		case c.isPackage && c.fi.Mode().IsRegular():
			w.add(c.location, c.fi)
		}
	}
	return nil
}

// maybePackage is what may be a package, or a directory with some.
type maybePackage struct {
	location          string
	isPackage, isLink bool // by its name, and as it lies in the directory
	fi                fs.FileInfo
	err               error // of looking for fi
}

// candidates are those in a directory, in the order of its entries.
func (w *walker) candidates(rel string, entries []fs.DirEntry) []maybePackage {
	list := make([]maybePackage, 0, len(entries))
	for _, e := range entries {
		c := maybePackage{
			location: path.Join(rel, e.Name()), isPackage: strings.HasSuffix(e.Name(), ".rpm"), isLink: e.Type()&fs.ModeSymlink != 0,
		}
		skipped := w.noLinks && c.isPackage && c.isLink
		if (c.isPackage || e.IsDir() || c.isLink) && !skipped && !w.excluded(c.location) {
			list = append(list, c)
		}
	}
	// Looking at the files is most of a walk.
	var look sync.WaitGroup
	for part := range slices.Chunk(list, max(64, len(list)/runtime.GOMAXPROCS(0)+1)) {
		look.Go(func() {
			for i := range part {
				c := &part[i]
				c.fi, c.err = os.Stat(filepath.Join(w.dir, filepath.FromSlash(c.location)))
			}
		})
	}
	look.Wait()
	return list
}

// tooOften counts how often a directory is entered through links, and says so
// once when it is too often.
func (w *walker) tooOften(location string, fi fs.FileInfo) bool {
	i := slices.IndexFunc(w.linked, func(d linkedDir) bool { return os.SameFile(d.FileInfo, fi) })
	if i < 0 {
		i, w.linked = len(w.linked), append(w.linked, linkedDir{FileInfo: fi})
	}
	w.linked[i].entered++
	if w.linked[i].entered == maxEntered+1 {
		w.onBad(location, fmt.Errorf("symbolic links lead to this directory in more than %d ways", maxEntered))
	}
	return w.linked[i].entered > maxEntered
}

func (w *walker) add(location string, fi fs.FileInfo) {
	switch {
	case w.leaveOut != nil && w.leaveOut(location):
	case !utf8.ValidString(location) || strings.ContainsFunc(location, unicode.IsControl):
		w.onBad(location, fmt.Errorf("its name has characters that metadata cannot hold: rename %q", location))
	default:
		w.found = append(w.found, packageFile{location: location, size: fi.Size(), mtime: fi.ModTime().Unix()})
	}
}

// passedOver reports whether no packages are looked for in a directory.
func passedOver(location string) bool {
	return location == "repodata" || strings.HasPrefix(path.Base(location), ".")
}

func (w *walker) excluded(location string) bool {
	return slices.ContainsFunc(w.excludes, func(pattern string) bool {
		return matchGlob(pattern, location) || matchGlob(pattern, path.Base(location))
	})
}

// matchGlob matches as GLib's g_pattern_match does, which createrepo_c uses: *
// is any number of characters and ? is one, slashes included; nothing else is
// special.
func matchGlob(pattern, s string) bool {
	star, mark := -1, 0 // the last * seen, and where in s its match ends
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			if pattern[p] == '?' { // a character, not a byte
				for i+1 < len(s) && s[i+1]&0xc0 == 0x80 {
					i++
				}
			}
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// isSystemic tells errors that are of the machine, not of one file: they end
// the build, since leaving out what met them would empty the repository.
func isSystemic(err error) bool {
	var s systemic
	return errors.As(err, &s) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || isResourceError(err)
}
