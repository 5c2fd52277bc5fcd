package health

import (
	"fmt"
	"time"

	"gorepo/internal/mirror"
)

// DefaultMaxAge is how long after its last complete sync a mirror counts as up to
// date, where nobody said otherwise.
const DefaultMaxAge = 48 * time.Hour

// A Level is a repository's state in one word.
type Level int

// Levels. A repository that is both Late and Failing is Failing.
const (
	OK      Level = iota
	Late          // the last complete sync is longer ago than MaxAge, or there was none for so long, or what it brought is not published for so long
	Failing       // the last sync or publication did not do all that was asked, or something cannot be read
	Empty         // nothing is published
)

// Levels are all of them.
var Levels = []Level{OK, Late, Failing, Empty}

// String is ok, late, failing or empty.
func (l Level) String() string { return [...]string{"ok", "late", "failing", "empty"}[l] }

// MarshalText makes JSON of a Level its word.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// A Repo is what there is to know of one repository.
type Repo struct {
	ID string
	// Sync and Publish are zero of a repository that gorepo has never synced, or
	// published by its id.
	Sync    mirror.SyncState
	Publish mirror.PublishState
	// Upstream is when upstream made the metadata that the last complete sync
	// found; zero where that is not known.
	Upstream time.Time

	Published bool
	// Generation is the time of the published repomd.xml, Revision what it says,
	// Metadata the size of the files that it names, in bytes, and Packages how many
	// packages they list; -1 where that is not known.
	Generation time.Time
	Revision   string
	Metadata   int64
	Packages   int
	// Distro has the CPE and the name of each distribution that repomd.xml says the
	// repository is for.
	Distro []string

	// MaxAge is what Level goes by. Zero or less: age does not count.
	MaxAge time.Duration
	Level  Level
	// Reason says in words why Level is what it is, without a full stop.
	Reason string
}

// Bytes is the size of all packages, or -1 where nobody has counted.
func (r Repo) Bytes() int64 {
	if r.Sync.Time.IsZero() || r.Sync.Complete.IsZero() && r.Sync.Bytes == 0 {
		return -1
	}
	return r.Sync.Bytes
}

// Failed reports whether the last sync did not do all that was asked of it.
func (r Repo) Failed() bool {
	return !r.Sync.Time.IsZero() && r.Sync.Outcome != mirror.OutcomeComplete
}

// Unpublished is since when upstream's metadata has been stored that createrepo has
// not yet built on; zero if there is none, or nobody knows.
func (r Repo) Unpublished() time.Time {
	if r.Publish.Upstream == "" || r.Publish.Upstream == r.Sync.Repomd || r.Sync.Copied {
		return time.Time{}
	}
	return r.Sync.Changed
}

// judge fills in Level and Reason.
func (r *Repo) judge(now time.Time, upstream bool, broken error) {
	synced := !r.Sync.Time.IsZero()
	age := now.Sub(r.Sync.Complete)
	// Nobody knows how old a sync of the future is, and it would be fresh for long.
	ahead := age < -clocksDiffer
	late := synced && !r.Sync.Complete.IsZero() && r.MaxAge > 0 && (age > r.MaxAge || ahead)
	complete := "never a complete sync"
	if !r.Sync.Complete.IsZero() {
		complete = "last complete sync " + ago(age)
	}
	switch {
	case r.Sync.Complete.IsZero():
	case ahead:
		complete += ": a clock is wrong, or was"
	case late:
		complete += "; limit " + span(r.MaxAge)
	}
	failure := r.failure(now)
	switch {
	case broken != nil:
		r.Level, r.Reason = Failing, broken.Error()
	case !r.Published:
		r.Level, r.Reason = Empty, r.unpublished(failure)
	case r.Failed():
		r.Level, r.Reason = Failing, failure+"; "+complete
	case r.Publish.Outcome == mirror.OutcomePartial:
		r.Level, r.Reason = Failing, "the last createrepo left out packages that it could not read"
	case !r.Unpublished().IsZero() && r.MaxAge > 0 && now.Sub(r.Unpublished()) > r.MaxAge:
		r.Level = Late
		r.Reason = "what a sync brought " + ago(now.Sub(r.Unpublished())) + " is not published; limit " + span(r.MaxAge)
	case late:
		r.Level, r.Reason = Late, complete
	case synced:
		r.Level, r.Reason = OK, complete
	default:
		r.Level, r.Reason = OK, "published "+ago(now.Sub(r.Generation))+"; never synced by gorepo"
		if upstream && r.MaxAge > 0 && now.Sub(r.Generation) > r.MaxAge {
			r.Level = Late
			r.Reason += "; limit " + span(r.MaxAge)
		}
	}
}

// failure says how the last sync went, where it did not go well.
func (r *Repo) failure(now time.Time) string {
	if !r.Failed() {
		return ""
	}
	when := ago(now.Sub(r.Sync.Time))
	text := "last sync failed " + when
	switch r.Sync.Outcome {
	case mirror.OutcomePartial:
		text = "last sync was not complete " + when
	case mirror.OutcomeUntrusted:
		text = "last sync met what it could not trust " + when
	}
	if n := r.Sync.Failures; n > 0 {
		text += ", " + count(n, "file") + " missing"
	}
	return text
}

func (r *Repo) unpublished(failure string) string {
	switch {
	case failure != "":
		return "not published; " + failure
	case !r.Publish.Time.IsZero():
		return "published once, but repodata/repomd.xml is gone"
	case !r.Sync.Time.IsZero():
		return "synced, but never published: gorepo createrepo does that"
	}
	return "never published"
}

// clocksDiffer is how far those of two hosts may be apart: one may take local time for UTC.
const clocksDiffer = 24 * time.Hour

// ago is a time in the past in words, of one unit.
func ago(d time.Duration) string {
	if d < -clocksDiffer {
		return span(-d) + " in the future"
	}
	if d < time.Minute { // clocks of two hosts differ a little, too
		return "just now"
	}
	return span(d) + " ago"
}

// span is a duration in words: days from two on, hours from two on, minutes,
// seconds.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return count(int(d/day), "day")
	case d >= 2*time.Hour:
		return count(int(d/time.Hour), "hour")
	case d >= time.Minute:
		return count(int(d/time.Minute), "minute")
	}
	return count(int(d/time.Second), "second")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
