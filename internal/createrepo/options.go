package createrepo

import (
	"time"

	"gorepo/internal/repodata"
)

// Options say how metadata is made. The zero value is createrepo_c's
// defaults, but for ChangelogLimit.
type Options struct {
	// Volumes are the directories of a media set, with one metadata: the first is the
	// directory that is given else, and each package's xml:base has the number of its
	// own.
	Volumes               []string
	Excludes              []string // globs on file names and locations
	Listed                []string // the only locations, in place of a search; nil: search
	SkipLinks             bool     // pass over packages that are symbolic links
	Base                  string   // xml:base of all locations
	CutDirs               int      // leading directories that locations lose
	LocationPrefix        string   // what is put before locations
	Tags                  repodata.Tags
	KeepLast              bool   // of packages with one NEVRA, only the one built last
	RepomdChecksum        string // type of the checksums in repomd.xml; "": Checksum
	Workers               int    // packages read at a time; 0: one a CPU
	Checksum              string // type of the checksums; "": sha256
	ChangelogLimit        int    // newest entries a package; -1: all
	Revision              string // "": the time
	TimestampFromRevision bool
	SimpleNames           bool
	// Compression is that of primary, filelists and other, ExtraCompression that
	// of comps, modules and advisories.
	Compression, ExtraCompression repodata.Compression
	PlainGroups                   bool // comps is not compressed, whatever the rest is
	FilelistsExt                  bool // filelists-ext is made too

	// Zchunk makes a zchunk copy of every file besides, with the dictionaries in
	// ZchunkDictDir unless that is "".
	Zchunk        bool
	ZchunkDictDir string
	// Databases adds sqlite databases, in DatabaseCompression. LocalDatabases
	// makes them in the directory for temporary files first.
	Databases, LocalDatabases bool
	DatabaseCompression       repodata.Compression

	// Update uses entries of earlier metadata for packages that have not changed,
	// and keeps additional metadata.
	Update bool
	// UpdateFrom are generations whose entries are used besides, with Update.
	UpdateFrom []*repodata.OldMetadata
	// TrustNames, with Update, takes a package for unchanged by its location alone.
	TrustNames bool
	// RecycleList lists what the earlier metadata does, and Listed besides, in
	// place of a search; with Update.
	RecycleList bool
	// GroupFile is a comps file to add, in place of any other.
	GroupFile string
	// DiscardAdditional leaves out metadata that earlier metadata or upstream has
	// besides the lists of packages.
	DiscardAdditional bool
	// CacheDir is a directory, below that of repodata unless it is absolute, that
	// remembers the checksums of packages; "": none.
	CacheDir string
	// Signer signs repomd.xml; nil leaves it unsigned. Metadata that is right as it
	// is gets the signature that it lacks.
	Signer Signer
	// OutputDir is where repodata is made; "": beside the packages.
	OutputDir string
	// KeepOld keeps the files of all earlier generations.
	KeepOld bool
	// KeepNewest is how many of the newest files of each list of packages are kept,
	// whatever their generations.
	KeepNewest int
	// KeepYounger keeps the files of earlier generations that are not older.
	KeepYounger time.Duration
	// IgnoreOther removes createrepo_c's lock.
	IgnoreOther bool
	// LockTimeout is how long to wait for another process: 0 not at all,
	// negative for ever.
	LockTimeout time.Duration

	// See repodata.Options. OnWarning's location is "" where none is meant.
	OnBad     func(location string, err error)
	OnWarning func(location, text string)
	OnPackage func(location string)
}

func (o Options) withDefaults() Options {
	if o.OnWarning == nil {
		o.OnWarning = func(string, string) {}
	}
	return o
}

// Href is what metadata names a location.
func (o Options) Href(location string) string {
	b := o.build("")
	return b.Href(location)
}

func (o Options) build(dir string) repodata.Options {
	return repodata.Options{
		Dir:                   dir,
		Volumes:               o.Volumes,
		Excludes:              o.Excludes,
		Listed:                o.Listed,
		SkipLinks:             o.SkipLinks,
		Base:                  o.Base,
		CutDirs:               o.CutDirs,
		LocationPrefix:        o.LocationPrefix,
		Tags:                  o.Tags,
		KeepLast:              o.KeepLast,
		TrustNames:            o.TrustNames,
		RepomdChecksum:        o.RepomdChecksum,
		Workers:               o.Workers,
		Checksum:              o.Checksum,
		ChangelogLimit:        o.ChangelogLimit,
		Revision:              o.Revision,
		TimestampFromRevision: o.TimestampFromRevision,
		SimpleNames:           o.SimpleNames,
		Compression:           o.Compression,
		ExtraCompression:      o.ExtraCompression,
		PlainGroups:           o.PlainGroups,
		FilelistsExt:          o.FilelistsExt,
		Zchunk:                o.Zchunk,
		ZchunkDictDir:         o.ZchunkDictDir,
		Databases:             o.Databases,
		LocalDatabases:        o.LocalDatabases,
		DatabaseCompression:   o.DatabaseCompression,
		OnBad:                 o.OnBad,
		OnWarning:             o.OnWarning,
		OnPackage:             o.OnPackage,
	}
}

// Result says what was made.
type Result struct {
	Packages  int // that are listed
	Reused    int // whose entries were there already
	Read      int // whose files were read
	Bad       int // that were left out
	Removed   int // condemned packages that were deleted
	Revision  string
	Unchanged bool // the published metadata was right as it was
	Signed    bool // repomd.xml was signed
	// Copied says that the repository keeps upstream's own metadata, and was left
	// alone.
	Copied bool
}
