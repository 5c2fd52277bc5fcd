package repodata

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
)

// Nested tells which locations of a repository belong to the repositories in
// directories of it: what lies there, and what their metadata names elsewhere. Of
// a repository without metadata that can be read it is only what lies there.
func Nested(ctx context.Context, dir string, nested []string) (func(location string) bool, error) {
	named := map[string]bool{}
	for _, below := range nested {
		m, err := OpenLocal(below, filepath.Join(dir, filepath.FromSlash(below), "repodata"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var locations map[string]bool
		if err == nil {
			locations, err = m.Locations(ctx)
		}
		if err != nil && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for location := range locations {
			named[path.Join(below, location)] = true
		}
	}
	return func(location string) bool {
		if named[location] {
			return true
		}
		for _, below := range nested {
			if strings.HasPrefix(location, below+"/") {
				return true
			}
		}
		return false
	}, nil
}
