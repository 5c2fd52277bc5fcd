package sqlitedb

import (
	"context"
	"errors"
	"strings"

	"gorepo/internal/rpmpkg"
)

// Filelists is filelists.sqlite while it is made.
type Filelists struct {
	*database
	packages idTable
	rows     *row

	// The files of the package that is being added, in their directories, which
	// are in the order in which they came.
	dirs   []directory
	byPath map[string]int // where each of them is
	size   int            // of it all, in bytes, about
	most   int            // that size may be
}

// directory is one row: the names of its files with a slash between them, and a
// letter for the type of each.
type directory struct {
	path         string
	names, types []byte
}

// maxPending bounds the memory that the files of one package take, in bytes. Of
// one that has more, a directory may have several rows.
const maxPending = 64 << 20

// CreateFilelists makes the file at path, which is empty or not there.
func CreateFilelists(ctx context.Context, path string) (*Filelists, error) {
	d, err := create(ctx, path, createFilelists(), indexFilelists())
	if err != nil {
		return nil, err
	}
	f := &Filelists{database: d, byPath: map[string]int{}, most: maxPending}
	if f.packages, err = d.idTable(); err == nil {
		f.rows, err = d.insert("filelist", "pkgKey", "dirname", "filenames", "filetypes")
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return f, nil
}

// AddFile adds a file of the package that AddPackage ends.
func (f *Filelists) AddFile(path string, t rpmpkg.FileType) error {
	cut := strings.LastIndexByte(path, '/') + 1
	dir, name := path[:cut], path[cut:]
	if name == "" {
		name = "/"
	}
	at, ok := f.byPath[dir]
	if !ok {
		at = len(f.dirs)
		f.add(dir)
	}
	d := &f.dirs[at]
	if len(d.types) > 0 {
		d.names = append(d.names, '/')
	}
	d.names = append(d.names, name...)
	d.types = append(d.types, letter(t))
	if f.size += len(name) + 2; f.size > f.most {
		return f.flush()
	}
	return nil
}

// add begins a directory.
func (f *Filelists) add(path string) {
	const overhead = 256
	f.byPath[path] = len(f.dirs)
	f.size += len(path) + overhead
	if len(f.dirs) == cap(f.dirs) {
		f.dirs = append(f.dirs, directory{path: path})
		return
	}
	// What an earlier package's directory had room for is used again.
	f.dirs = f.dirs[:len(f.dirs)+1]
	d := &f.dirs[len(f.dirs)-1]
	d.path, d.names, d.types = path, d.names[:0], d.types[:0]
}

func letter(t rpmpkg.FileType) byte {
	switch t {
	case rpmpkg.Directory:
		return 'd'
	case rpmpkg.Ghost:
		return 'g'
	}
	return 'f'
}

// dirname is a directory's path without the slash at its end.
func dirname(path string) string {
	switch dir := strings.TrimRight(path, "/"); {
	case dir != "":
		return dir
	case path != "":
		return "/"
	}
	return "." // of the files of source packages
}

// flush writes the files that have come.
func (f *Filelists) flush() error {
	for i := range f.dirs {
		d := &f.dirs[i]
		f.rows.integer(f.key)
		f.rows.text(dirname(d.path))
		f.rows.text(string(d.names))
		f.rows.text(string(d.types))
		if err := f.rows.add(); err != nil {
			return err
		}
	}
	if f.size > f.most/8 {
		f.dirs, f.byPath = nil, map[string]int{} // rare, and not worth keeping
	}
	f.dirs, f.size = f.dirs[:0], 0
	clear(f.byPath)
	return nil
}

// AddPackage adds a package, whose files were added before.
func (f *Filelists) AddPackage(id string) error {
	if err := f.flush(); err != nil {
		return err
	}
	f.key++
	return f.packages.addPackage(f.key-1, id)
}
