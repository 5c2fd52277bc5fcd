package reposync

import (
	"bytes"
	"context"
	"errors"
	"time"

	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
)

const (
	// maxMoves is how often a sync works by what upstream has, as that changes
	// under it.
	maxMoves = 3
	// movedEvery is how long one look at repomd.xml answers for all packages that
	// fail.
	movedEvery = 10 * time.Second
)

// moves is what a sync knows of whether upstream is still what it works by.
type moves struct {
	u      *upstream
	last   bool      // it is too late to begin anew
	looked time.Time // at repomd.xml
	since  bool      // something has failed since then
}

// A movedError tells that upstream published other metadata while a sync brought
// what was there before.
type movedError struct{ err error }

func (e *movedError) Error() string {
	return e.err.Error() + " (upstream has published other metadata meanwhile: sync again)"
}
func (e *movedError) Unwrap() error { return e.err }

// moved reports whether upstream has another repomd.xml by now. The caller
// holds a slot.
func (s *run) moved(ctx context.Context, u *upstream) bool {
	now, err := u.source.Get(ctx, "repodata/"+repomdFile, repodata.MaxRepomd, u.validators)
	return err == nil && !now.NotModified && !now.NotFound && !bytes.Equal(now.Data, u.files[repomdFile])
}

// sync works by what upstream has now, and anew if that changes meanwhile. What
// is right stays.
func (s *run) sync(ctx context.Context) error {
	for try := 1; ; try++ {
		s.moves = moves{last: try == maxMoves}
		err := s.once(ctx)
		if err == nil {
			if err := s.o.Repo.DropStage(); err != nil {
				s.o.OnWarning(err.Error())
			}
			return nil
		}
		var moved *movedError
		if !errors.As(err, &moved) || try == maxMoves {
			return err
		}
		s.again()
	}
}

// again forgets how it went so far, but for what is in its place.
func (s *run) again() {
	r := &s.result
	r.Present, r.Failed, r.Untrusted, r.Size = 0, 0, 0, 0
	for _, size := range s.news {
		r.Size += size
	}
	if s.state.Bringing {
		s.doubted = mirror.SetOf(s.state.Brought)
	}
}

// replaced looks whether a package failed because upstream has other metadata by
// now: then it gives a *movedError. The caller holds a slot.
func (s *run) replaced(ctx context.Context, failure error) error {
	s.mu.Lock()
	m := &s.moves
	look := !m.last && time.Since(m.looked) >= movedEvery
	if m.since = !look; look {
		m.looked = time.Now()
	}
	s.mu.Unlock()
	if look && s.moved(ctx, m.u) {
		return &movedError{failure}
	}
	return nil
}

// replacedSince is replaced for what has failed since the last look.
func (s *run) replacedSince(ctx context.Context) error {
	if !s.moves.since || s.moves.last {
		return nil
	}
	if err := s.o.Slots.take(ctx); err != nil {
		return err
	}
	defer s.o.Slots.free()
	s.moves.looked = time.Time{}
	return s.replaced(ctx, errors.New("packages are missing"))
}
