package reposync

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"gorepo/internal/mirror"
	"gorepo/internal/rpmpkg"
)

// A Source reads upstream. Locations are raw, as metadata has them.
//
// Errors are *UntrustedError where what came is not what it should be, and
// *StopError where trying the next file makes no sense. Those of Get are
// *UnavailableError where upstream did not give the file.
type Source interface {
	// Get returns a small file, of at most limit bytes. If known is what the
	// server still has, it says so instead.
	Get(ctx context.Context, location string, limit int64, known Validators) (Small, error)
	// Download brings a file to a sink, which judges its content. base is its
	// xml:base, or "".
	Download(ctx context.Context, base, location string, to Sink, limit int64) error
	// URL is where a file is asked for, without credentials.
	URL(base, location string) string
}

// A LocalSource is a Source that may be a directory of this machine.
type LocalSource interface {
	Source
	// OpenLocal opens a file there, nil if it is not to be had in this way.
	OpenLocal(base, location string) *os.File
}

// Sink takes a download. It is what mirror's Partial and Record are.
type Sink interface {
	io.Writer
	Offset() int64
	Restart() error
	Finish() error
}

// A DatedSink is a Sink that wants to know when its file was last modified, as
// the server says, after it was accepted.
type DatedSink interface {
	Sink
	SetModified(t time.Time)
}

// Validators are what a server gave to recognise a file by.
type Validators struct {
	ETag, LastModified string
	URL                string // who gave them
	SHA256             string // of the file, in hex
}

// Small is a small file.
type Small struct {
	Data        []byte
	NotModified bool // the known file is the present one; Data is nil
	NotFound    bool // there is none; Data is nil
	URL         string
	Validators
	// Same reads from the server that this file came from: what belongs
	// together has to come from one place.
	Same Source
	// Reject leaves that server out of the run, and reports whether another one
	// can be asked; nil: there is none.
	Reject func(why error) (another bool)
}

// UntrustedError tells of something that was not kept: its signature or its
// checksum is not right.
type UntrustedError struct{ Err error }

func (e *UntrustedError) Error() string { return e.Err.Error() }
func (e *UntrustedError) Unwrap() error { return e.Err }

// UnavailableError tells that upstream cannot be reached, or has no repomd.xml
// to give.
type UnavailableError struct{ Err error }

func (e *UnavailableError) Error() string { return e.Err.Error() }
func (e *UnavailableError) Unwrap() error { return e.Err }

// NotFoundError tells that upstream does not have a file.
type NotFoundError struct{ Err error }

func (e *NotFoundError) Error() string { return e.Err.Error() }
func (e *NotFoundError) Unwrap() error { return e.Err }

// StopError tells of trouble that the next file will meet too: a full disk, a
// server that is down.
type StopError struct{ Err error }

func (e *StopError) Error() string { return e.Err.Error() }
func (e *StopError) Unwrap() error { return e.Err }

// Slots bound how much is done at a time, over all repositories that share
// them.
type Slots chan struct{}

// NewSlots makes n of them.
func NewSlots(n int) Slots { return make(Slots, max(1, n)) }

func (s Slots) take(ctx context.Context) error {
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s Slots) free() { <-s }

// Progress is told how a sync gets on, from many goroutines.
type Progress interface {
	// Planned tells how many packages are to be fetched, and their bytes.
	Planned(packages int, bytes int64)
	// Begin tells that a file is on its way, of whose size (below 0: not known) so
	// many bytes are here already. A package's bytes are among the planned ones;
	// those of metadata are not.
	Begin(name string, size, have int64, planned bool) Download
	// Done tells that a package is in its place. fetched is false for one that
	// was there and had to be read.
	Done(p rpmpkg.Ref, fetched bool)
}

// Options say what a sync brings and how. Repo and Source are required.
type Options struct {
	Repo   *mirror.Repo
	Source Source
	// CheckMetadata verifies repomd.xml by its detached signature, CheckPackage
	// a whole package; nil is no check. Their errors tell what is wrong, a
	// *StopError that the check cannot be made, and weak what is good enough and no
	// more, for Result.Weak.
	CheckMetadata func(repomd, signature []byte) (weak []string, err error)
	CheckPackage  func(r io.Reader) (weak []string, err error)

	// LockTimeout is how long to wait for a repository that another process
	// changes: 0 not at all, negative for ever.
	LockTimeout time.Duration
	Slots       Slots // shared with other syncs; nil: eight of its own
	Parallel    int   // downloads at a time of this repository; 0: as many as there are Slots

	// What is brought: of the packages that Names wants, the Keep newest versions,
	// and of these what passes the Filter. Keep 0 takes all versions.
	Names  rpmpkg.Names
	Keep   int
	Filter rpmpkg.Filter
	// Delete removes the packages that upstream does not have, or that the
	// selection leaves out.
	Delete bool
	// MaxDelete is how many packages one sync may condemn; more are refused, and
	// so are all, unless ForceDelete is set. The zero value allows none.
	MaxDelete   Portion
	ForceDelete bool
	// DownloadMetadata publishes upstream's own metadata, byte for byte.
	DownloadMetadata bool
	// MetadataDir is where that, and comps.xml, are put; "" is beside the packages.
	MetadataDir string
	// Treeinfo brings the installation tree too.
	Treeinfo bool
	// outer tells which locations are those of the repository that this one lies
	// in; nil: it lies in none.
	outer func(ctx context.Context) (func(location string) bool, error)
	// RemoteTime gives the server's time to files that are no packages.
	RemoteTime bool
	// DownloadComps writes upstream's comps to comps.xml beside the packages.
	DownloadComps bool

	Progress Progress // nil: nobody listens
	// OnFailure is told of everything that was left out, from many goroutines;
	// OnWarning of what is odd and was dealt with.
	OnFailure func(err error)
	OnWarning func(text string)
	OnNote    func(text string) // of what is as it should be
}

// selection names all of the options that decide which packages are wanted, and
// where they and the metadata are to lie.
func (o Options) selection() string {
	return fmt.Sprintf("%+v %d %+v %t %q %q", o.Names, o.Keep, o.Filter, o.DownloadMetadata, o.MetadataDir, o.Repo.Places())
}

// Download is told of one file on its way.
type Download interface {
	// Received tells of bytes that arrived; negative for such as were thrown
	// away again.
	Received(bytes int64)
	// End tells that the file is there, or that it will not come.
	End()
}

func (o Options) withDefaults() Options {
	if o.Slots == nil {
		o.Slots = NewSlots(8)
	}
	if o.Parallel <= 0 || o.Parallel > cap(o.Slots) {
		o.Parallel = cap(o.Slots)
	}
	if filepath.Clean(o.MetadataDir) == o.Repo.Dir() {
		o.MetadataDir = ""
	}
	if o.Progress == nil {
		o.Progress = silent{}
	}
	if o.OnFailure == nil {
		o.OnFailure = func(error) {}
	}
	if o.OnWarning == nil {
		o.OnWarning = func(string) {}
	}
	if o.OnNote == nil {
		o.OnNote = func(string) {}
	}
	return o
}

type silent struct{}

func (silent) Planned(int, int64)                          {}
func (s silent) Begin(string, int64, int64, bool) Download { return s }
func (silent) Received(int64)                              {}
func (silent) End()                                        {}
func (silent) Done(rpmpkg.Ref, bool)                       {}

// Result says what a sync did. Sizes are in bytes.
type Result struct {
	Revision  string // of upstream's repomd.xml
	Packages  int    // that are wanted
	Present   int    // of those, which were there already
	Added     int    // which were fetched, and were not there before
	Updated   int    // which were fetched in place of another file
	Failed    int    // which are missing now, or not as upstream has them
	Untrusted int    // of the failed, those that were not trusted
	Size      int64  // of all packages that are there
	Fetched   int64  // of the packages that were fetched
	Removed   int    // packages deleted
	Condemned int    // packages to be deleted when no metadata names them
	// Weak lists what was taken anew and would not stand up to someone with means:
	// SHA-1, short keys. It is sorted, and empty where all is as it should be.
	Weak []string
	// Refused says that nothing was deleted because it would have been too much.
	Refused *Refusal
	Tree    TreeResult
	// Published is set when DownloadMetadata put new metadata in place.
	Published bool
	// MetadataUnchanged says that upstream's metadata is that of the last sync.
	MetadataUnchanged bool
}

// Complete reports whether all that was asked for is done.
func (r Result) Complete() bool { return r.Failed == 0 && r.Tree.Failed == 0 && r.Refused == nil }
