package repodata

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// warnChanged tells of packages that went, or that others took the place of,
// after they were read: what is listed is what they were. Entries that were used
// again are from another time anyway.
func (o *Options) warnChanged(tasks []*task) {
	var look sync.WaitGroup
	for part := range slices.Chunk(tasks, len(tasks)/o.Workers+1) {
		look.Go(func() {
			for _, t := range part {
				o.warnIfChanged(t)
			}
		})
	}
	look.Wait()
}

func (o *Options) warnIfChanged(t *task) {
	if t.fresh == nil || t.nevra.Name == "" {
		return
	}
	fi, err := os.Stat(filepath.Join(o.Dir, filepath.FromSlash(t.location)))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		o.OnWarning(t.location, "it is gone since it was read, and is listed still: run again")
	case err == nil && (fi.Size() != t.size || fi.ModTime().Unix() != t.mtime):
		o.OnWarning(t.location, "it changed after it was read, and is listed as it was: run again")
	}
}
