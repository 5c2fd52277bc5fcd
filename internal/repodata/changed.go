package repodata

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// warnChanged tells of packages that went, or that others took the place of,
// after they were read: what is listed is what they were. Entries that were used
// again are from another time anyway.
func (o *Options) warnChanged(tasks []*task) {
	for _, t := range tasks {
		if t.fresh == nil || t.nevra.Name == "" {
			continue
		}
		fi, err := os.Stat(filepath.Join(o.Dir, filepath.FromSlash(t.location)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			o.OnWarning(t.location, "it is gone since it was read, and is listed still: run again")
		case err == nil && (fi.Size() != t.size || fi.ModTime().Unix() != t.mtime):
			o.OnWarning(t.location, "it changed after it was read, and is listed as it was: run again")
		}
	}
}
