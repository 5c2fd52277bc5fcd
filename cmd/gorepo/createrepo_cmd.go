package main

import "gorepo/internal/repodata"

// createrepoCmd takes createrepo_c's flags under their own names.
type createrepoCmd struct {
	Dirs []string `arg:"" optional:"" name:"DIR" help:"Directories of packages; without, every enabled repository of the mirror."`

	Update       bool     `help:"Use entries of the published metadata again where location, size and time are the same."`
	Groupfile    string   `short:"g" placeholder:"FILE" help:"Comps file with the package groups; relative to DIR."`
	Outputdir    string   `short:"o" placeholder:"DIR" help:"Where to put repodata, if not into the directory of the packages."`
	Excludes     []string `short:"x" sep:"none" placeholder:"GLOB" help:"Leave out packages whose file name or path matches. May be repeated."`
	Checksum     string   `short:"s" default:"sha256" enum:"sha256,sha512,sha1,sha" placeholder:"TYPE" help:"Checksum of packages and metadata: ${enum}. Default ${default}."`
	Workers      int      `placeholder:"N" help:"Packages to read at a time. Default: the key workers of the configuration, or one a CPU with DIR."`
	LockTimeout  *seconds `placeholder:"TIME" help:"How long to wait for a directory that another gorepo works on; 0 is not at all. Default: the key lock_timeout, else without end."`
	RetainOldMD  int      `name:"retain-old-md" placeholder:"N" help:"Keep the files of so many older generations, beyond the one that is always kept."`
	SimpleMD     bool     `name:"simple-md-filenames" xor:"names" help:"No checksums in the names of metadata files."`
	UniqueMD     bool     `name:"unique-md-filenames" xor:"names" help:"Checksums in the names of metadata files. The default."`
	ChangelogMax int      `name:"changelog-limit" default:"10" placeholder:"N" help:"Changelog entries of a package, the newest ones; -1 is all. Default ${default}."`

	GeneralCompressType *repodata.Compression `placeholder:"TYPE" help:"Compression of all metadata: gz, bz2, xz or zstd. Default gz, which every client reads."`
	CompressType        *repodata.Compression `placeholder:"TYPE" help:"Compression of comps, modules and advisories only; --general-compress-type and --xz come before it."`
	XZ                  bool                  `name:"xz" help:"The same as --compress-type xz."`
	NoDatabase          bool                  `help:"No sqlite databases: there are none anyway. For scripts that say so."`
	Pretty              bool                  `short:"p" hidden:"" help:"Indented XML, as it always is."`

	createrepoFlags `embed:""`

	Revision               string `placeholder:"TEXT" help:"Revision in repomd.xml. Default: the time, in seconds since 1970."`
	SetTimestampToRevision bool   `help:"Give every file and record the time that --revision is."`
	KeepAllMetadata        bool   `xor:"metadata" help:"Take over comps, modules, advisories and all other records. The default."`
	DiscardMetadata        bool   `name:"discard-additional-metadata" xor:"metadata" help:"Make primary, filelists and other only."`
}

// Help is shown by gorepo createrepo --help.
func (createrepoCmd) Help() string {
	return `With DIR it does what createrepo_c does there; the directory of a repository of the mirror is built as that repository. Without, it builds the metadata of every enabled repository of the mirror; comps, modules and advisories of upstream come along, and a repository with download_metadata = 1 keeps upstream's own.

repodata is replaced in one step. The files of the generation before stay readable for one more.`
}
