package report

// A DryRun is what a verb would do with one repository. Numbers are of packages
// where nothing else is said, Bytes the size of those that they are about.
type DryRun struct {
	Repo     string
	Revision string // upstream's

	New, Changed int   // to be fetched
	Bytes        int64 // their size
	Read         int   // there, to be read before they are known to be right
	Kept         int   // there and right
	Other        int   // not wanted, and left where they are
	Delete       int   // now
	DeleteLater  int   // when published metadata no longer names them
	Refused      string

	KeptBytes, DeleteBytes, DeleteLaterBytes int64

	MetadataUnchanged bool
	MetadataFiles     int // to be fetched
	MetadataBytes     int64

	// TreeFiles are those of the installation tree to be fetched, and TreeBytes the
	// size of those of which it is known; others are there, or go.
	TreeFiles          int
	TreeBytes          int64
	TreeKept, TreeGone int
	Steps              []Step
}

// A Step is what would be done with one package, or one file of an installation
// tree.
type Step struct {
	Action   string // fetch, replace, read, keep, leave, delete, delete-later
	Location string
	Bytes    int64 // -1 where upstream does not say
}

type dryRunFields struct {
	Revision          string `json:"revision,omitempty"`
	New               int    `json:"new"`
	Changed           int    `json:"changed"`
	ToRead            int    `json:"to_read"`
	Kept              int    `json:"kept"`
	Other             int    `json:"other"`
	Delete            int    `json:"delete"`
	DeleteLater       int    `json:"delete_later"`
	KeptBytes         int64  `json:"kept_bytes"`
	DeleteBytes       int64  `json:"delete_bytes"`
	DeleteLaterBytes  int64  `json:"delete_later_bytes"`
	Refused           string `json:"refused,omitempty"`
	MetadataUnchanged bool   `json:"metadata_unchanged"`
	MetadataFiles     int    `json:"metadata_files"`
	MetadataBytes     int64  `json:"metadata_bytes"`
	TreeFiles         int    `json:"tree_files,omitempty"`
	TreeBytes         int64  `json:"tree_bytes,omitempty"`
	TreeKept          int    `json:"tree_kept,omitempty"`
	TreeGone          int    `json:"tree_gone,omitempty"`
}

// DryRun prints a plan as JSON, where that is asked for; for people it is a
// table of several, which is the verb's to print.
func (p *Printer) DryRun(d DryRun) {
	packages := d.New + d.Changed
	p.event(event{Event: "plan", Repo: d.Repo, Packages: &packages, Bytes: &d.Bytes, dryRunFields: &dryRunFields{
		Revision: d.Revision, New: d.New, Changed: d.Changed, ToRead: d.Read, Kept: d.Kept, Other: d.Other,
		Delete: d.Delete, DeleteLater: d.DeleteLater, Refused: d.Refused,
		KeptBytes: d.KeptBytes, DeleteBytes: d.DeleteBytes, DeleteLaterBytes: d.DeleteLaterBytes,
		MetadataUnchanged: d.MetadataUnchanged, MetadataFiles: d.MetadataFiles, MetadataBytes: d.MetadataBytes,
		TreeFiles: d.TreeFiles, TreeBytes: d.TreeBytes, TreeKept: d.TreeKept, TreeGone: d.TreeGone,
	}})
	for _, s := range d.Steps {
		p.event(event{Event: "step", Repo: d.Repo, Location: s.Location, Action: s.Action, Bytes: &s.Bytes})
	}
}
