package reposync

import (
	"time"

	"gorepo/internal/repodata"
	"gorepo/internal/rpmpkg"
)

const (
	// maxPartialAge is how long the beginnings of downloads are kept that no run
	// has continued.
	maxPartialAge = 30 * 24 * time.Hour
	// maxPartialBytes is how much of them is kept of one repository: the ends of
	// many large packages, and no second repository.
	maxPartialBytes = 8 << 30
)

// setPending remembers what may be continued by another run, should this one not
// come to its end.
func (s *run) setPending(refs []rpmpkg.Ref, records []repodata.Record) {
	s.pending = make(map[rpmpkg.Checksum]bool, len(refs)+len(records))
	for _, ref := range refs {
		s.pending[ref.Checksum] = true
	}
	for _, rec := range records {
		s.pending[rec.Checksum] = true
	}
}

// cleanPartial removes beginnings of downloads that nobody will continue, however
// the sync ended: a repository of which something is always missing must not
// fill the disk. What the metadata names is not known where none came.
func (s *run) cleanPartial() {
	known := s.pending != nil && (!s.o.Treeinfo || s.treeSums != nil)
	keep := func(sum rpmpkg.Checksum) bool { return !known || s.pending[sum] || s.treeSums[sum] }
	if _, err := s.o.Repo.CleanPartial(keep, maxPartialAge); err != nil {
		s.o.OnWarning(err.Error())
	}
	if _, err := s.o.Repo.BoundPartial(maxPartialBytes); err != nil {
		s.o.OnWarning(err.Error())
	}
}
