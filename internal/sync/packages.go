package reposync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"gorepo/internal/mirror"
	"gorepo/internal/rpmpkg"
)

// bring carries out the work: reads what may be right, fetches what is not
// there. A package that fails is reported, and the others go on; an error is
// about all of them.
func (s *run) bring(ctx context.Context, w work) error {
	var bytes int64
	for _, ref := range w.fetch {
		bytes += ref.Size
	}
	s.o.Progress.Planned(len(w.fetch), bytes)
	s.present(w.there...)

	grp, gctx := errgroup.WithContext(ctx)
	grp.SetLimit(s.o.Parallel)
	start := func(ref rpmpkg.Ref, do func(context.Context, rpmpkg.Ref) error) bool {
		if gctx.Err() != nil {
			return false
		}
		grp.Go(func() error { return s.one(gctx, ref, do) })
		return true
	}
	for _, ref := range w.check {
		if !start(ref, s.verify) {
			break
		}
	}
	for _, ref := range w.fetch {
		if !start(ref, s.fetch) {
			break
		}
	}
	if err := grp.Wait(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.replacedSince(ctx)
}

// one does the work for one package, and decides what its failure means.
func (s *run) one(ctx context.Context, ref rpmpkg.Ref, do func(context.Context, rpmpkg.Ref) error) error {
	if err := s.o.Slots.take(ctx); err != nil {
		return err
	}
	defer s.o.Slots.free()
	err := do(ctx, ref)
	var stop *StopError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &stop):
		return err
	}
	if diskTrouble(err) {
		return &StopError{err}
	}
	if moved := s.replaced(ctx, err); moved != nil {
		return moved
	}
	s.fail(err)
	return nil
}

// verify reads a file that is in the package's place, and fetches the package
// if it is another.
func (s *run) verify(ctx context.Context, ref rpmpkg.Ref) error {
	reading := s.o.Progress.Begin("reading "+ref.Location, ref.Size, 0, false)
	right, err := s.o.Repo.Verify(ctx, ref, s.acceptInPlace(ctx, ref))
	reading.End()
	switch {
	case err != nil:
		s.setChecked(ref.Location, false)
		return err
	case !right:
		return s.fetch(ctx, ref)
	}
	s.setChecked(ref.Location, true)
	s.present(ref)
	s.o.Progress.Done(ref, false)
	return nil
}

// acceptInPlace verifies the signature of a package that is in the tree. One
// that is not trusted is not listed any more, and goes with the deleted ones.
func (s *run) acceptInPlace(ctx context.Context, ref rpmpkg.Ref) func(io.Reader) error {
	if s.o.CheckPackage == nil {
		return nil
	}
	return func(p io.Reader) error {
		if err := s.checkPackage(p); err != nil {
			var stop *StopError
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case errors.As(err, &stop):
				return err
			}
			s.distrust(ref.Location)
			return untrusted(ref, err)
		}
		return nil
	}
}

func untrusted(ref rpmpkg.Ref, err error) error {
	return &UntrustedError{fmt.Errorf("%s: %w", ref.Location, err)}
}

// fetch brings a package into its place.
func (s *run) fetch(ctx context.Context, ref rpmpkg.Ref) (err error) {
	partial, err := s.o.Repo.Partial(ctx, ref)
	if err != nil {
		return err
	}
	// What is here stays for the next run, unless it is wrong or in place.
	defer func() { err = errors.Join(err, partial.Keep()) }()
	download := s.o.Progress.Begin(ref.Location, ref.Size, partial.Offset(), true)
	defer download.End()
	sink := &countingSink{Sink: partial, progress: download}
	whole := false
	if partial.Complete() { // an earlier run got as far as that
		if whole = partial.Finish() == nil; !whole {
			if err := partial.Restart(); err != nil {
				return &StopError{err}
			}
		}
	}
	if !whole {
		if whole, err = s.adopt(ctx, ref, partial, download); err != nil {
			return err
		}
	}
	if !whole {
		if err := s.o.Source.Download(ctx, ref.Base, s.remoteLocation(ref), sink, ref.Size); err != nil {
			return err
		}
	}
	if s.o.CheckPackage != nil {
		err := s.checkPackage(partial.Reader())
		var stop *StopError
		switch {
		case errors.As(err, &stop):
			return err
		case err != nil:
			return errors.Join(untrusted(ref, err), partial.Discard())
		}
	}
	_, there, err := s.o.Repo.Stat(ref.Location)
	if err != nil {
		return err
	}
	if err := partial.Place(); err != nil {
		return err
	}
	s.setChecked(ref.Location, true)
	s.tookChecksum("packages", ref.Checksum)
	s.brought(ref, there, sink.received.Load())
	s.o.Progress.Done(ref, true)
	return nil
}

// adopt takes a package from a directory of this machine without copying it, where
// that can be done.
func (s *run) adopt(ctx context.Context, ref rpmpkg.Ref, partial *mirror.Partial, progress Download) (bool, error) {
	local, ok := s.o.Source.(LocalSource)
	if !ok {
		return false, nil
	}
	file := local.OpenLocal(ref.Base, s.remoteLocation(ref))
	if file == nil {
		return false, nil
	}
	defer file.Close() //nolint:errcheck // only read
	had := partial.Offset()
	done, err := partial.Adopt(ctx, file)
	if done {
		progress.Received(ref.Size - had)
	}
	return done, err
}

// countingSink reports bytes as they arrive.
type countingSink struct {
	Sink
	progress interface{ Received(bytes int64) }
	received atomic.Int64 // all that arrived
	counted  int64        // of that, what was not thrown away: what progress knows
}

func (c *countingSink) Write(p []byte) (int, error) {
	n, err := c.Sink.Write(p)
	c.received.Add(int64(n))
	c.counted += int64(n)
	c.progress.Received(int64(n))
	return n, err
}

func (c *countingSink) Restart() error {
	c.progress.Received(-c.counted)
	c.counted = 0
	return c.Sink.Restart()
}

var _ io.Writer = (*countingSink)(nil)
