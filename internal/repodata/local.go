package repodata

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"gorepo/internal/rpmpkg"
)

// OpenLocal returns the generation in dir, which holds repomd.xml and all that
// it names. The error is fs.ErrNotExist where there is no repomd.xml. name says
// what it is, for messages.
func OpenLocal(name, dir string) (*OldMetadata, error) {
	data, err := readBounded(filepath.Join(dir, "repomd.xml"))
	if err != nil {
		return nil, err
	}
	m, err := ParseRepomd(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, "repomd.xml"), err)
	}
	return &OldMetadata{
		Name: name, Repomd: m,
		Open: func(rec Record) (io.ReadCloser, error) {
			root, err := os.OpenRoot(dir)
			if err != nil {
				return nil, err
			}
			defer root.Close() //nolint:errcheck // only read
			return OpenRegular(root.OpenFile, rec.Name())
		},
	}, nil
}

// OpenRegular opens a file that has an end, by os.OpenFile or an os.Root's method,
// and does not wait for whoever writes into a pipe.
func OpenRegular(open func(name string, flag int, perm fs.FileMode) (*os.File, error), name string) (*os.File, error) {
	f, err := open(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a file", name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func readBounded(file string) ([]byte, error) {
	f, err := OpenRegular(os.OpenFile, file)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	return io.ReadAll(io.LimitReader(f, MaxRepomd+1))
}

// EachRef calls f for every package that the generation lists, after which the
// primary file is known to be whole; f must not rely on it before. Entries that
// cannot be understood go to bad.
func (m *OldMetadata) EachRef(ctx context.Context, f func(rpmpkg.Ref) error, bad func(error) error) error {
	file, err := m.open(ctx, Primary)
	if err != nil {
		return err
	}
	err = ReadPrimary(file, func(ref rpmpkg.Ref, _ []byte) error { return f(ref) }, bad)
	return errors.Join(err, file.Close())
}

// Locations returns which locations the generation names.
func (m *OldMetadata) Locations(ctx context.Context) (map[string]bool, error) {
	named := map[string]bool{}
	err := m.EachRef(ctx, func(ref rpmpkg.Ref) error {
		named[path.Clean(ref.Location)] = true
		return nil
	}, func(error) error { return nil })
	return named, err
}
