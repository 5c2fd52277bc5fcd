package reposync

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"gorepo/internal/repodata"
	"gorepo/internal/rpmpkg"
)

// took notes what was taken although it is weak; see Result.Weak.
func (s *run) took(weak ...string) {
	if len(weak) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range weak {
		if len(s.weak) < maxTold {
			s.weak[w] = true
		}
	}
}

// tookChecksum notes a checksum that whoever wants can make another file for.
func (s *run) tookChecksum(of string, sum rpmpkg.Checksum) {
	switch sum.Type {
	case "md5":
		s.took("MD5 checksums of " + of)
	case "sha", "sha1":
		s.took("SHA-1 checksums of " + of)
	}
}

// tookMetadata notes what is weak about metadata that is new, and says so if it
// is older than what is stored.
func (s *run) tookMetadata(u *upstream) {
	s.took(u.weak...)
	for _, rec := range s.wantedRecords(u.repomd) {
		s.tookChecksum("metadata", rec.Checksum)
	}
	if back := u.wentBack(); back != nil {
		// It may be a mirror that is behind, or someone who serves again what was
		// signed long ago; or upstream took something back. The next sync finds
		// this one stored, and takes it as meant.
		s.o.OnWarning(back.Error())
		s.unsure = "upstream went back to older metadata"
	}
}

// wentBack says that the metadata is older than that of the last complete sync;
// nil if it is not.
func (u *upstream) wentBack() error {
	was, is := madeAt(u.before), madeAt(u.repomd)
	if is >= was {
		return nil
	}
	date := func(unix int64) string { return time.Unix(unix, 0).UTC().Format("2006-01-02 15:04:05 UTC") }
	return fmt.Errorf("%s: upstream went back: its metadata is of %s, and what the last sync found of %s", u.url, date(is), date(was))
}

// madeAt is when the list of packages was made, in Unix seconds; 0 where nothing
// is known.
func madeAt(m *repodata.Repomd) int64 {
	if m == nil {
		return 0
	}
	rec, _ := m.Find(repodata.Primary.String())
	return rec.Timestamp
}

// checkPackage verifies a package's signature.
func (s *run) checkPackage(p io.Reader) error {
	weak, err := s.o.CheckPackage(p)
	if err == nil {
		s.took(weak...)
	}
	return err
}

// weakness is what Result.Weak is to be.
func (s *run) weakness() []string { return slices.Sorted(maps.Keys(s.weak)) }
