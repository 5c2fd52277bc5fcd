package main

import (
	"strings"

	"gorepo/internal/createrepo"
	"gorepo/internal/repodata"
	"gorepo/internal/rpmpkg"
)

// checksumType is the name of a checksum, as createrepo_c takes it: in any case.
type checksumType string

// UnmarshalText reads one.
func (t *checksumType) UnmarshalText(text []byte) error {
	name := strings.ToLower(string(text))
	if _, err := rpmpkg.NewHash(name); err != nil {
		return err
	}
	*t = checksumType(name)
	return nil
}

// formatFlags say in which formats metadata is written.
type formatFlags struct {
	Checksum            checksumType          `short:"s" placeholder:"TYPE" help:"Checksum of packages and metadata: sha256 (the default), sha512, sha384, sha224, sha1, sha (sha1 as yum calls it) or md5."`
	RepomdChecksum      checksumType          `placeholder:"TYPE" help:"Checksum of the metadata in repomd.xml. Default: that of --checksum."`
	GeneralCompressType *repodata.Compression `placeholder:"TYPE" help:"Compression of all metadata: gz, bz2, xz or zstd. Default gz, which every client reads."`
	CompressType        *repodata.Compression `placeholder:"TYPE" help:"Compression of comps, modules, advisories and databases only; --general-compress-type and --xz come before it."`
	XZ                  bool                  `name:"xz" help:"The same as --compress-type xz."`
	Compat              *compat               `placeholder:"CLIENTS" help:"Write what CLIENTS read best: el5, el6, el7, el8, el9 or modern. Other flags go before it."`
	Compatibility       bool                  `help:"Write what every yum reads: gz, plain comps, sqlite databases, all changelog entries. With --retain-old-md N, keep the newest N of each list of packages."`
}

// compat names a profile.
type compat struct{ createrepo.Profile }

// UnmarshalText finds the profile.
func (c *compat) UnmarshalText(text []byte) (err error) {
	c.Profile, err = createrepo.ParseProfile(string(text))
	return err
}

// apply sets the formats: what the flags say, or else what suits the clients,
// which are configured where no flag names them.
func (f *formatFlags) apply(o *createrepo.Options, configured string, d *databaseFlags) error {
	p, err := createrepo.ParseProfile(configured)
	if err != nil {
		return err
	}
	if f.Compat != nil {
		p = f.Compat.Profile
	}
	if f.Compatibility {
		p.PlainGroups, p.Databases = true, true
		if f.Compat == nil { // as the flag has it
			p.Compression, p.ExtraCompression = repodata.Gzip, repodata.Gzip
		}
	}
	o.Checksum, o.RepomdChecksum = p.Checksum, string(f.RepomdChecksum)
	if f.Checksum != "" {
		o.Checksum = string(f.Checksum)
	}
	o.Compression, o.ExtraCompression, o.PlainGroups = p.Compression, p.ExtraCompression, p.PlainGroups
	o.Databases, o.DatabaseCompression = (p.Databases || d.Database) && !d.NoDatabase, repodata.Bzip2
	o.LocalDatabases = d.LocalSqlite
	// Which of these counts is as in createrepo_c.
	switch {
	case f.GeneralCompressType != nil:
		o.Compression, o.ExtraCompression, o.DatabaseCompression = *f.GeneralCompressType, *f.GeneralCompressType, *f.GeneralCompressType
	case f.XZ:
		o.ExtraCompression, o.DatabaseCompression = repodata.XZ, repodata.XZ
	case f.CompressType != nil:
		o.ExtraCompression, o.DatabaseCompression = *f.CompressType, *f.CompressType
	}
	return nil
}
