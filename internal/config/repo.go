package config

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
)

// A Config is everything that gorepo was told.
type Config struct {
	Path  string // the main file; empty where there is none
	Main  Main
	Repos []*Repo // in the order in which they were read
	// Warnings are about files and [main]; a repository carries its own.
	Warnings []Warning
	// Errors name files and sections that could not be used. The repositories
	// in Repos are not touched by them, but what was asked for is not complete.
	Errors []error

	switchedOn map[string]bool // ids that the command line enables, or not
}

// Main is the [main] section.
type Main struct {
	Root        string        // the mirror, an absolute path
	Workers     int           // downloads and packages at a time; 0: not said
	LockTimeout time.Duration // how long to wait for a busy repository; 0: not at all; Never: no limit
	ReposDir    []string
	VarsDir     []string // beyond the built-in ones
	// DisableExcludes are the sections whose includepkgs and excludepkgs do not
	// count: ids, main, or all.
	DisableExcludes []string
	// MaxAge and Mirrors are those of repositories which nothing but the mirror
	// knows of.
	MaxAge  time.Duration
	Mirrors []string

	Serve Serve
	// Access is for all that is served and is no repository's: what the keys that
	// say it in [main] mean there.
	Access Access
}

// DefaultMaxAge leaves a nightly run one night to fail.
const DefaultMaxAge = 48 * time.Hour

// A Repo is one repository with everything resolved: its own keys, those that
// it takes over from [main], and its variables.
type Repo struct {
	ID      string
	Name    string
	Enabled bool

	BaseURL    []string // http, https, file or an absolute path; may hold credentials
	Mirrorlist string   // likewise; used if there is no Metalink
	Metalink   string   // likewise

	GPGCheck     bool     // packages must be signed by one of GPGKeys
	RepoGPGCheck bool     // so must repomd.xml
	GPGKeys      []string // absolute paths, file, http or https URLs
	// GPGKeyFingerprints are those of the primary keys that are taken from
	// GPGKeys, in upper-case hexadecimal; none: all are.
	GPGKeyFingerprints []string

	SSLVerify     bool
	SSLCACert     string
	SSLClientCert string
	SSLClientKey  string
	Username      string
	Password      Secret
	Proxy         string // a URL; empty: the environment's
	ProxyUsername string
	ProxyPassword Secret

	SSLVerifyStatus    bool   // the server must staple a good OCSP answer
	ProxyAuthMethod    string // any (or empty), none, basic, digest
	ProxySSLVerify     bool   // these are for https proxies
	ProxySSLCACert     string
	ProxySSLClientCert string
	ProxySSLClientKey  string

	Timeout               time.Duration // without progress; Never: no limit
	Retries               int           // further attempts after the first; 0: as many as it takes
	MinRate               int64         // bytes a second; slower counts as no progress
	Throttle              int64         // most bytes a second, all downloads together; 0: no limit
	Bandwidth             int64         // bytes a second, of which throttle may be a share
	UserAgent             string        // empty: gorepo's own
	IPResolve             string        // "", "4" or "6"
	MaxParallelDownloads  int           // 0: no limit but the workers
	MaxDownloadsPerMirror int           // 0: not said
	FastestMirror         bool
	SkipIfUnavailable     bool

	// ModuleHotfixes says that clients are to see all packages, whatever module
	// streams they use. It is for them; a mirror takes all anyway.
	ModuleHotfixes bool

	NewestOnly       bool
	Keep             int       // newest versions to take; 0: all. NewestOnly makes it 1
	MinBuildTime     time.Time // packages to take are not older; zero: any
	IncludePkgs      []string  // patterns of packages to take; none: all
	ExcludePkgs      []string  // patterns of packages to leave out whatever IncludePkgs says
	Delete           bool
	MaxDelete        Portion // more is not deleted in one sync
	DownloadMetadata bool
	Treeinfo         bool // the installation tree too
	Source           bool
	Arches           []string // packages to take; none: all

	// MaxAge is how long ago the last complete sync may be before the mirror counts
	// as late; zero or less: age does not count.
	MaxAge time.Duration
	// Mirrors are what clients call all the mirrors that have the repository below
	// them under its id: http or https URLs without a slash at the end.
	Mirrors []string

	SignKey            string // secret key that signs repomd.xml: an absolute path
	SignWith           string // or who signs it: gpg:KEYID
	SignPassphraseFile string
	// Compat are the clients that metadata is made for: el5, el6, el7, el8, el9 or
	// modern; empty: any.
	Compat string
	// BuildErr is that part of Err which says why metadata cannot be made as it is
	// asked for.
	BuildErr error

	Access Access // who may read it where it is served
	// AccessErr is that part of Err which says why Access cannot be relied on.
	AccessErr error

	Vars Vars // what was expanded with

	File string // where the section was read
	Line int
	// Err says why the repository cannot be used as it is written, a line for
	// each reason. It is nil where all is well.
	Err      error
	Warnings []Warning

	// Settings are what was said about the repository, there and in [main], and
	// what it came to, sorted by key. They hold no credentials.
	Settings []Setting

	pkgGPGCheck   bool    // zypper's word for gpgcheck
	throttleShare float64 // of Bandwidth
	path          string  // below every base URL
}

// A Setting is one key of a repository.
type Setting struct {
	Key   string
	Value string // with variables filled in, and credentials as stars
	From  string // file:line, or the flag
}

// A Warning is something that was read and passed over.
type Warning struct {
	File string
	Line int // 0: the whole file, or no file
	Text string
	// Note marks what only who looks closely wants to know.
	Note bool
}

func (w Warning) String() string {
	if w.Line == 0 {
		return w.File + ": " + w.Text
	}
	return fmt.Sprintf("%s:%d: %s", w.File, w.Line, w.Text)
}

// MirrorList is where the mirrors are named, as libdnf has it: by the metalink,
// else by the mirrorlist, which is a metalink too if its URL has that word in
// it. It is empty where baseurl is all.
func (r *Repo) MirrorList() (url string, metalink bool) {
	if r.Metalink != "" {
		return r.Metalink, true
	}
	return r.Mirrorlist, strings.Contains(r.Mirrorlist, "metalink")
}

// MaskedBaseURL is BaseURL fit to be shown, without credentials.
func (r *Repo) MaskedBaseURL() []string {
	masked := make([]string, len(r.BaseURL))
	for i, u := range r.BaseURL {
		masked[i] = MaskURL(u)
	}
	return masked
}

// MaskedProxy is Proxy fit to be shown.
func (r *Repo) MaskedProxy() string { return MaskURL(r.Proxy) }

// SourceID is the id of the repository that has this one's sources, where
// there is one: dnf's and Red Hat's way of naming them.
func (r *Repo) SourceID() string {
	if id, ok := strings.CutSuffix(r.ID, "-rpms"); ok {
		return id + "-source-rpms"
	}
	return r.ID + "-source"
}

// Repo finds a repository by its id; nil where there is none.
func (c *Config) Repo(id string) *Repo {
	for _, r := range c.Repos {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// An UnknownRepoError names an id or pattern that no repository has.
type UnknownRepoError struct {
	Pattern string
	Near    string // an id that may be meant; empty: none is close
	From    string // the configuration's path
}

func (e *UnknownRepoError) Error() string {
	msg := fmt.Sprintf("unknown repository %q", e.Pattern)
	if e.From != "" {
		msg += " in " + e.From
	}
	if e.Near != "" {
		msg += fmt.Sprintf(": is %q meant?", e.Near)
	} else {
		msg += ": `gorepo repolist --all` shows those that there are"
	}
	return msg
}

// Select returns the repositories that the patterns name, in the order of the
// configuration: ids, or globs (* ? [...]). Without patterns it is all enabled
// ones. An id that is named is taken even where it is disabled; a glob, as with
// dnf, takes what it matches in the same way. What a Switch enables is taken
// too, and so are repositories from a path. Every pattern that names nothing
// is an UnknownRepoError, joined into one error.
func (c *Config) Select(patterns []string) ([]*Repo, error) {
	wanted := map[*Repo]bool{}
	for _, r := range c.Repos {
		wanted[r] = c.switchedOn[r.ID] || len(patterns) == 0 && r.Enabled
	}
	var errs []error
	for _, pattern := range patterns {
		found := false
		for _, r := range c.Repos {
			if matches(pattern, r.ID) {
				wanted[r], found = true, true
			}
		}
		if !found {
			errs = append(errs, &UnknownRepoError{Pattern: pattern, Near: c.near(pattern), From: c.Path})
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	var selected []*Repo
	for _, r := range c.Repos {
		if wanted[r] {
			selected = append(selected, r)
		}
	}
	return selected, nil
}

// Exact reports whether there are patterns, and none is a glob: they name
// repositories one by one.
func Exact(patterns []string) bool {
	return len(patterns) > 0 && !strings.ContainsAny(strings.Join(patterns, ""), "*?[")
}

func matches(pattern, id string) bool {
	if pattern == id {
		return true
	}
	ok, err := path.Match(strings.ReplaceAll(pattern, "[!", "[^"), id)
	return err == nil && ok
}

// near finds an id one or two typing errors away.
func (c *Config) near(id string) string {
	best, distance := "", 3
	for _, r := range c.Repos {
		if d := editDistance(strings.ToLower(id), strings.ToLower(r.ID)); d < distance && d < len(id) {
			best, distance = r.ID, d
		}
	}
	return best
}

func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := diagonal
			if a[i-1] != b[j-1] {
				change++
			}
			diagonal = row[j]
			row[j] = min(change, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
