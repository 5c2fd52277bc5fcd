package mirror

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
	"unicode/utf8"
)

const (
	stateFile    = "state.json"
	stateVersion = 1
)

// Outcomes of a sync or a publication.
const (
	OutcomeComplete  = "complete"  // all that was asked is done
	OutcomePartial   = "partial"   // some packages are missing
	OutcomeFailed    = "failed"    // nothing was changed
	OutcomeUntrusted = "untrusted" // something was not trusted, and left out
)

// State is what gorepo remembers of a repository between runs. All of it can be
// rebuilt: an empty State makes the next run slower, never wrong.
type State struct {
	Version int `json:"version"`
	// Dir is the directory of packages and repodata, below ROOT or absolute, where
	// that is not ROOT/ID. SaveState sets it.
	Dir     string       `json:"dir,omitempty"`
	Sync    SyncState    `json:"sync,omitzero"`
	Publish PublishState `json:"publish,omitzero"`
	Tree    TreeState    `json:"tree,omitzero"`
	// Condemned are locations that a sync with --delete wants gone. createrepo
	// leaves them out; they are deleted when no published generation names them.
	Condemned []string `json:"condemned,omitempty"`
	// Dropped are locations that the previous published generation names and
	// the present one does not: not to be deleted yet.
	Dropped []string `json:"dropped,omitempty"`
	// CopyDropped are the same of the copy at Sync.CopiedTo.
	CopyDropped []string `json:"copy_dropped,omitempty"`
	// Brought are locations to which syncs may have brought another file since
	// the last publication. Its size and mtime may be those of the former one, so
	// that the published entries prove nothing about them; as long as Bringing is
	// set, which a sync that did not come to its end leaves, upstream's neither.
	Brought  []string `json:"brought,omitempty"`
	Bringing bool     `json:"bringing,omitempty"`
	// Unchecked are locations of packages in the tree whose signatures are not
	// trusted, or were not looked at: the next sync that asks for them does.
	Unchecked []string `json:"unchecked,omitempty"`
}

// SyncState tells of the last sync.
type SyncState struct {
	Time     time.Time `json:"time,omitzero"`
	Revision string    `json:"revision,omitempty"` // of upstream's repomd.xml
	Outcome  string    `json:"outcome,omitempty"`
	Packages int       `json:"packages"` // in the tree, of those that were wanted
	Bytes    int64     `json:"bytes"`    // their size together
	Added    int       `json:"added"`
	Updated  int       `json:"updated"`
	Removed  int       `json:"removed"`
	Failures int       `json:"failures"`
	Fetched  int64     `json:"fetched"` // bytes that came over the network
	// Complete is when a sync last ended without a failure.
	Complete time.Time `json:"complete,omitzero"`
	// GPGChecked says that the signatures of all packages in the tree were
	// verified, but for those at Unchecked; Copied that upstream's own metadata is
	// what is published.
	GPGChecked bool `json:"gpgchecked,omitempty"`
	Copied     bool `json:"copied,omitempty"`
	// Filtered says that the selection left out packages of upstream's. Upstream's
	// groups, modules and advisories then name more than is brought.
	Filtered bool `json:"filtered,omitempty"`
	// Inventory is the key of the inventory that this sync left, "" if it left none.
	Inventory string `json:"inventory,omitempty"`
	// CopiedTo is the directory of such a copy that is not the repository's own.
	CopiedTo string `json:"copied_to,omitempty"`
	// Source, ETag and LastModified are those of upstream's repomd.xml, for a
	// conditional request, and Repomd is its SHA-256. Source has no credentials.
	Source       string `json:"source,omitempty"`
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
	Repomd       string `json:"repomd,omitempty"`
	// Changed is when a sync first stored that repomd.xml.
	Changed time.Time `json:"changed,omitzero"`
}

// TreeState tells of the installation tree that syncs brought.
type TreeState struct {
	// Name is upstream's name of the file that describes it: .treeinfo or
	// treeinfo. Source, ETag and LastModified are for a conditional request, and
	// SHA256 is the file's.
	Name         string `json:"name,omitempty"`
	Source       string `json:"source,omitempty"`
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
	SHA256       string `json:"sha256,omitempty"`
	// Searched says that upstream was asked for the files that no treeinfo names.
	Searched bool `json:"searched,omitempty"`
	// Files are all that was brought, Nested the directories of the repositories
	// inside this one that were.
	Files  []TreeFile `json:"files,omitempty"`
	Nested []string   `json:"nested,omitempty"`
}

// TreeFile is a file of an installation tree as it was put in its place.
type TreeFile struct {
	Path  string `json:"path"`
	Size  int64  `json:"size"`  // bytes
	MTime int64  `json:"mtime"` // seconds
	// Proof is what it was brought by: its checksum, or that of the treeinfo which
	// names it.
	Proof string `json:"proof"`
	// Extra says that the treeinfo does not name it.
	Extra bool `json:"extra,omitempty"`
}

// PublishState tells of the last publication.
type PublishState struct {
	Time     time.Time `json:"time,omitzero"`
	Revision string    `json:"revision,omitempty"`
	Outcome  string    `json:"outcome,omitempty"`
	Packages int       `json:"packages"`
	// Built is the SHA-256 of the repomd.xml that createrepo has made here. While
	// it is what is published, the published entries are known to be well formed;
	// a copy of upstream's metadata, or what another tool made, is not.
	Built string `json:"built,omitempty"`
	// Upstream is Sync.Repomd as it was then: what came later is not published yet.
	Upstream string `json:"upstream,omitempty"`
	// Trimmed is the SHA-256 of the repomd.xml of upstream's whose groups, modules
	// and advisories were cut down to the packages that are listed; "": none were.
	Trimmed string `json:"trimmed,omitempty"`
	// Carried are the types of the records that came from upstream.
	Carried []string `json:"carried,omitempty"`
}

// State reads the repository's state. A warning is for the log: the State is
// then empty, and the run goes on. No state at all is no warning.
func (r *Repo) State() (s State, warning error) {
	s, warning = r.readState()
	// What lies inside is not this one's to list or delete, whatever was lost.
	s.Tree.Nested = append(s.Tree.Nested, r.nestedDirs()...)
	slices.Sort(s.Tree.Nested)
	s.Tree.Nested = slices.Compact(s.Tree.Nested)
	return s, warning
}

func (r *Repo) readState() (s State, warning error) {
	path := r.StatePath()
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return State{}, nil
	}
	if err == nil {
		s, err = ParseState(data)
	}
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		err = pathErr.Err // path is said
	}
	if err != nil {
		return State{}, fmt.Errorf("%s: state not usable, starting without: %w", path, err)
	}
	return s, nil
}

// StatePath is where the repository's State is kept. Who only looks may read the
// file at any time, without a lock: it is replaced as a whole.
func (r *Repo) StatePath() string { return r.statePath(stateFile) }

// ParseState reads the content of the file at StatePath.
func ParseState(data []byte) (State, error) {
	var s State
	err := json.Unmarshal(data, &s)
	if err == nil && s.Version != stateVersion {
		err = fmt.Errorf("version %d, expected %d", s.Version, stateVersion)
	}
	if err != nil {
		return State{}, err
	}
	return s, nil
}

// SaveState replaces the repository's state in one durable step.
func (r *Repo) SaveState(s State) error {
	s.Version, s.Dir = stateVersion, r.placeInRoot()
	s.Condemned = textOnly(s.Condemned)
	s.Dropped = textOnly(s.Dropped)
	s.CopyDropped = textOnly(s.CopyDropped)
	s.Brought = textOnly(s.Brought)
	s.Unchecked = textOnly(s.Unchecked)
	data, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = os.MkdirAll(r.state, dirMode)
	}
	if err == nil {
		err = writeFileAtomic(r.statePath(stateFile), append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("repository %s: save state: %w", r.id, err)
	}
	return nil
}

// textOnly leaves out what JSON would change: a name that is not UTF-8 must
// not come back as another file's.
func textOnly(locations []string) []string {
	return slices.DeleteFunc(slices.Clone(locations), func(l string) bool { return !utf8.ValidString(l) })
}
