package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorepo/internal/config"
	"gorepo/internal/createrepo"
	"gorepo/internal/repodata"
)

// sqliterepoCmd takes sqliterepo_c's flags under their own names.
type sqliterepoCmd struct {
	Dir string `arg:"" name:"DIR" help:"The repository, with repodata in it."`

	Force        bool                  `short:"f" help:"Replace databases that are there."`
	KeepOld      bool                  `help:"Keep the files of replaced databases: for one generation they always stay. For scripts that say so."`
	XZ           bool                  `name:"xz" help:"The same as --compress-type xz."`
	CompressType *repodata.Compression `placeholder:"TYPE" help:"Compression: gz, bz2, xz or zstd, which yum cannot read. Default bz2."`
	Checksum     checksumType          `placeholder:"TYPE" help:"Checksum of the databases in repomd.xml: sha256, sha512, sha384, sha224, sha1, sha or md5. Default: that of primary."`
	LocalSqlite  bool                  `help:"Make the databases in the directory for temporary files ($$TMPDIR), before they are compressed into place."`
	LockTimeout  *seconds              `placeholder:"TIME" help:"How long to wait for a directory that another gorepo works on; 0 is not at all. Default: without end."`

	signFlags `embed:""`
}

// Help is shown by gorepo sqliterepo --help.
func (sqliterepoCmd) Help() string {
	return `Adds sqlite databases of primary, filelists and other to a repository's metadata, as sqliterepo_c does: the yum of EL7 and before reads them faster than XML. All other records, and the revision, stay. A later createrepo makes databases with --database only.

repodata is replaced in one step. The files of the generation before stay readable for one more. A signature of repomd.xml is removed, unless a flag says who signs the new one.`
}

// Run adds databases to a repository's metadata.
func (cmd *sqliterepoCmd) Run(ctx context.Context, a *app) error {
	d := repodata.DatabaseOptions{Checksum: string(cmd.Checksum), Compression: repodata.Bzip2, Local: cmd.LocalSqlite}
	switch {
	case cmd.XZ:
		d.Compression = repodata.XZ
	case cmd.CompressType != nil && *cmd.CompressType == repodata.Zchunk:
		return usagef("--compress-type zck: yum reads no databases in zchunk: take gz, bz2 or xz")
	case cmd.CompressType != nil:
		d.Compression = *cmd.CompressType
	}
	signer, err := cmd.signer(ctx, a)
	if err != nil {
		return err
	}
	o := createrepo.ModifyOptions{LockTimeout: config.Never, Signer: signer, OnWarning: func(text string) { a.out.Warn(cmd.Dir, text) }}
	if cmd.LockTimeout != nil {
		o.LockTimeout = time.Duration(*cmd.LockTimeout)
	}
	changed, err := createrepo.AddDatabases(ctx, cmd.Dir, cmd.Force, d, o)
	switch {
	case errors.Is(err, createrepo.ErrHasDatabases):
		return fmt.Errorf("%s: %w: --force replaces them", cmd.Dir, err)
	case err != nil && ctx.Err() == nil:
		return fmt.Errorf("%s: %w", cmd.Dir, err)
	case err != nil:
		return err
	case !changed:
		a.out.Note(cmd.Dir, "has these databases already")
	}
	return nil
}
