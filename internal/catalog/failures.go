package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"zombiezen.com/go/sqlite"
)

// placeError says that a catalog cannot be made where it should be.
type placeError struct {
	dir string
	err error
}

func (e *placeError) Error() string { return e.dir + " cannot be written: " + e.err.Error() }
func (e *placeError) Unwrap() error { return e.err }

// IsUnwritable reports whether an index could not be made because nothing can be
// written at its place, which may only be read, for one.
func IsUnwritable(err error) bool {
	var place *placeError
	return errors.As(err, &place)
}

func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || sqlite.ErrCode(err).ToPrimary() == sqlite.ResultFull
}

// full says where the disk is full.
func full(dir string, err error) error {
	if isFull(err) {
		return fmt.Errorf("%s: %w", dir, err)
	}
	return err
}

var particulars = regexp.MustCompile(`[0-9a-f]{32,}|[0-9]+`)

// causeOf is the same for several repositories for which one thing is wrong. of says
// that it is wrong with the place, and not with each of them.
func causeOf(err error) (cause string, ofPlace bool) {
	var place *placeError
	switch {
	case isFull(err):
		return "full", true
	case errors.As(err, &place): // whatever its own directory is
		return place.err.Error(), true
	}
	return particulars.ReplaceAllString(err.Error(), "#"), false
}

// A failure is a catalog that could not be made.
type failure struct {
	id  string
	err error
}

// failures are those that have not been said yet. There may be one for each
// repository, and one reason for all, so they are said together: when nothing is
// left to do, or some time after the first. They are for one goroutine.
type failures struct {
	o     ShelfOptions
	list  []failure
	since time.Time
	// said are causes that stay as they are when other metadata is published, until
	// something could be made.
	said map[string]bool
}

// sayAfter is how long failures wait for others.
const sayAfter = time.Minute

func (f *failures) add(id string, err error) {
	if len(f.list) == 0 {
		f.since = time.Now()
	}
	f.list = append(f.list, failure{id, err})
}

// made is told that a catalog could be made.
func (f *failures) made() { clear(f.said) }

// due reports whether failures have waited long enough.
func (f *failures) due() bool { return len(f.list) > 0 && time.Since(f.since) > sayAfter }

// say logs what has come together: a line for each cause, and, for who wants to know,
// one for each repository.
func (f *failures) say(ctx context.Context) {
	var causes []string
	groups := map[string][]failure{}
	for _, one := range f.list {
		cause, _ := causeOf(one.err)
		if groups[cause] == nil {
			causes = append(causes, cause)
		}
		groups[cause] = append(groups[cause], one)
	}
	f.list = nil
	for _, cause := range causes {
		f.sayOf(ctx, cause, groups[cause])
	}
}

func (f *failures) sayOf(ctx context.Context, cause string, group []failure) {
	level := slog.LevelWarn
	if f.said[cause] {
		level = slog.LevelInfo
	}
	if _, ofPlace := causeOf(group[0].err); ofPlace {
		if f.said == nil {
			f.said = map[string]bool{}
		}
		f.said[cause] = true
	}
	slices.SortFunc(group, func(a, b failure) int { return strings.Compare(a.id, b.id) })
	if len(group) == 1 {
		f.o.Logger.Log(ctx, level, "its index cannot be made", "repo", group[0].id, "error", f.advise(group[0].err))
		return
	}
	const named = 3
	var names []string
	for _, one := range group[:min(named, len(group))] {
		names = append(names, one.id)
	}
	rest := ""
	if n := len(group) - named; n > 0 {
		rest = fmt.Sprintf(" and %d more", n)
	}
	text := fmt.Sprintf("the indexes of %d repositories cannot be made (%s%s), for one reason", len(group), strings.Join(names, ", "), rest)
	f.o.Logger.Log(ctx, level, text, "error", f.advise(group[0].err))
	for _, one := range group {
		f.o.Logger.InfoContext(ctx, "its index cannot be made", "repo", one.id, "error", one.err)
	}
}

// advise adds what can be done.
func (f *failures) advise(err error) error {
	switch {
	case isFull(err):
		return fmt.Errorf("%w; it takes about as much room as the metadata", err)
	case !IsUnwritable(err):
		return err
	case f.o.CacheDir == "":
		return fmt.Errorf("%w; name another place (--cache-dir), or run gorepo index after createrepo", err)
	}
	return fmt.Errorf("%w; make the cache writable for this server, or run gorepo index after createrepo", err)
}
