package mirror

import (
	"io/fs"
	"os"
	"path/filepath"
)

const openFlags = os.O_RDONLY

// renameInto renames by path: there is no renameat here.
func renameInto(root *os.Root, src, dir, base string) error {
	if _, err := root.Stat(dir); err != nil {
		return err
	}
	return os.Rename(src, filepath.Join(root.Name(), filepath.FromSlash(dir), base))
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // nothing was written through f
	return f.Sync()
}

// syncDir does nothing: directories cannot be flushed here.
func syncDir(string) error { return nil }

// flockUnsupported is true for every error: directories cannot be locked here.
func flockUnsupported(error) bool { return true }

// hasOtherNames is not known here, and no file is linked.
func hasOtherNames(fs.FileInfo) bool { return false }

func ourOwn(fs.FileInfo) bool { return false }
