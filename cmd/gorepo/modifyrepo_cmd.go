package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"gorepo/internal/config"
	"gorepo/internal/createrepo"
)

// modifyrepoCmd takes modifyrepo_c's flags under their own names.
type modifyrepoCmd struct {
	Args []string `arg:"" name:"FILE REPODATA" help:"The file to add, or with --remove the type of the record, and the repository's directory repodata."`

	MDType       string       `name:"mdtype" placeholder:"TYPE" help:"Type of the record. Default: the file's name up to its first dot."`
	Remove       bool         `xor:"what" help:"Remove the record of the type that is given in FILE's place."`
	Batchfile    string       `short:"f" xor:"what" placeholder:"INI" help:"Make all the changes of a batch file, in one step; REPODATA is then the only argument."`
	Compress     bool         `xor:"compress" help:"Compress the file. The default."`
	NoCompress   bool         `name:"no-compress" xor:"compress" help:"Add the file uncompressed."`
	CompressType string       `default:"gz" enum:"gz,bz2,xz,zstd,zck" placeholder:"TYPE" help:"Compression: ${enum}. Default ${default}."`
	Checksum     checksumType `short:"s" default:"sha256" placeholder:"TYPE" help:"Checksum: sha256 (the default), sha512, sha384, sha224, sha1, sha or md5."`
	UniqueMD     bool         `name:"unique-md-filenames" xor:"names" help:"A checksum in the name of the file. The default."`
	SimpleMD     bool         `name:"simple-md-filenames" xor:"names" help:"No checksum in the name of the file."`
	NewName      string       `placeholder:"NAME" help:"Name of the file in repodata. Default: its own."`
	LockTimeout  *seconds     `placeholder:"TIME" help:"How long to wait for a directory that another gorepo works on; 0 is not at all. Default: without end."`

	zchunkFlags `embed:""`
	signFlags   `embed:""`
}

// Help is shown by gorepo modifyrepo --help.
func (modifyrepoCmd) Help() string {
	return `Adds a file to a repository's metadata, as modifyrepo_c does: gorepo modifyrepo updateinfo.xml DIR/repodata. A record of the same type is replaced; all others, and the revision, stay. A later createrepo --update keeps what was added.

repodata is replaced in one step. The files of the generation before stay readable for one more. A signature of repomd.xml is removed, unless a key for a new one is given.

A batch file has a section [FILE] for each change, with any of the keys path, type, remove, compress, compress-type, checksum, unique-md-filenames and new-name. Either all of its changes are made or none.`
}

// Run adds to a repository's metadata, or removes from it.
func (cmd *modifyrepoCmd) Run(ctx context.Context, a *app) error {
	if err := cmd.checkZchunk(); err != nil {
		return err
	}
	repodataDir := cmd.Args[len(cmd.Args)-1]
	warn := func(text string) { a.out.Warn(repodataDir, text) }
	changes, err := cmd.changes(warn)
	if err != nil {
		return err
	}
	signer, err := cmd.signer(ctx, a)
	if err != nil {
		return err
	}
	o := createrepo.ModifyOptions{LockTimeout: config.Never, Signer: signer, OnWarning: warn}
	if cmd.LockTimeout != nil {
		o.LockTimeout = time.Duration(*cmd.LockTimeout)
	}
	changed, err := createrepo.Modify(ctx, repodataDir, changes, o)
	switch {
	case err != nil && ctx.Err() == nil:
		return fmt.Errorf("%s: %w", repodataDir, err)
	case err != nil:
		return err
	case !changed:
		a.out.Note(repodataDir, "is as it is to be already")
	}
	return nil
}

// changes are what the arguments ask for.
func (cmd *modifyrepoCmd) changes(warn func(text string)) ([]createrepo.Change, error) {
	if cmd.Batchfile != "" {
		if len(cmd.Args) != 1 {
			return nil, usagef("with --batchfile there is one argument, the directory repodata, not %d", len(cmd.Args))
		}
		if cmd.Zck {
			return nil, usagef("--zck is for one file: a batch file has compress-type=zck")
		}
		data, err := os.ReadFile(cmd.Batchfile)
		if err != nil {
			return nil, err
		}
		return createrepo.ReadBatch(cmd.Batchfile, data, warn)
	}
	if len(cmd.Args) != 2 {
		what := "the file to add"
		if cmd.Remove {
			what = "the type to remove"
		}
		return nil, usagef("two arguments are needed, %s and the directory repodata, not %d", what, len(cmd.Args))
	}
	c := createrepo.Change{
		File: cmd.Args[0], Type: cmd.MDType, NewName: cmd.NewName, Remove: cmd.Remove,
		Plain: cmd.NoCompress, CompressType: cmd.CompressType, Checksum: string(cmd.Checksum), SimpleName: cmd.SimpleMD,
		Zchunk: cmd.Zck, ZchunkDictDir: cmd.ZckDictDir,
	}
	if cmd.Remove {
		c = createrepo.Change{File: cmd.Args[0], Remove: true}
	}
	return []createrepo.Change{c}, nil
}
