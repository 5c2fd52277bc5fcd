package createrepo

import (
	"context"
	"errors"
	"path/filepath"

	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
)

// ErrHasDatabases is returned where databases are there and were not to be
// replaced.
var ErrHasDatabases = errors.New("the metadata has sqlite databases")

// AddDatabases adds the sqlite databases of primary, filelists and other to the
// metadata that is published in the repository dir, and reports whether that
// changed it. Databases that are there are replaced with force, and else an error.
// Everything else stays as it is, the revision too.
func AddDatabases(ctx context.Context, dir string, force bool, d repodata.DatabaseOptions, o ModifyOptions) (changed bool, err error) {
	m, unlock, err := openModification(ctx, filepath.Join(dir, "repodata"), o)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if m.published.Repomd.HasDatabases() && !force {
		return false, ErrHasDatabases
	}
	return m.make(ctx, func(staging *mirror.Staging, next *repodata.Repomd) error {
		return m.published.AddDatabases(ctx, staging, next, d)
	})
}
