package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Size writes bytes for people: four digits at most, units of 1000.
func Size(n int64) string {
	if n < 0 {
		return "-" + Size(-n)
	}
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	value := float64(n)
	for _, unit := range []string{"kB", "MB", "GB", "TB", "PB", "EB"} {
		value /= 1000
		if value < 9.95 {
			return fmt.Sprintf("%.1f %s", value, unit)
		}
		if value < 999.5 {
			return fmt.Sprintf("%.0f %s", value, unit)
		}
	}
	return fmt.Sprintf("%.0f EB", value)
}

// Count writes a number with commas between thousands.
func Count(n int) string {
	s := strconv.Itoa(n)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Duration writes a duration for people: two units at most.
func Duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0fs", d.Seconds())
	case d < time.Hour:
		d = d.Round(time.Second)
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	d = d.Round(time.Hour)
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}

// Plural gives a number of things: 1 package, 1,234 packages.
func Plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + one + "s"
}

// text is the summary as one line.
func (s Summary) text() string {
	var changes []string
	for _, c := range []struct {
		n    int
		word string
	}{
		{s.Added, "added"},
		{s.Updated, "updated"},
		{s.Removed, "removed"},
		{s.Failures, "failed"},
		{s.Read, "read"},
		{s.Reused, "used again"},
	} {
		if c.n > 0 {
			changes = append(changes, Count(c.n)+" "+c.word)
		}
	}
	if s.Outcome == Skipped { // what there is was not looked at
		return s.Verb + " skipped: nothing changed; " + Duration(s.Duration)
	}
	if s.Outcome == Unchanged || s.Verb == "sync" && len(changes) == 0 {
		changes = []string{"nothing changed"}
	}
	var parts []string
	if len(changes) > 0 {
		parts = append(parts, strings.Join(changes, ", "))
	}
	if s.Fetched > 0 {
		parts = append(parts, Size(s.Fetched)+" fetched")
	}
	whole := Plural(s.Packages, "package")
	if s.Bytes > 0 {
		whole += " of " + Size(s.Bytes)
	}
	parts = append(parts, whole+" in all", Duration(s.Duration))
	line := s.Verb + " " + s.Outcome
	return strings.TrimSpace(line) + ": " + strings.Join(parts, "; ")
}

// short is the summary of --summary: the same words in the same order each
// night.
func (s Summary) short() string {
	if s.Err != nil || s.Outcome == Skipped {
		return fmt.Sprintf("%s, nothing changed, %s", s.Outcome, Duration(s.Duration))
	}
	text := fmt.Sprintf("%s, %s added, %s updated, %s removed", s.Outcome, Count(s.Added), Count(s.Updated), Count(s.Removed))
	if s.Waiting > 0 {
		text += fmt.Sprintf(" (%s to go)", Count(s.Waiting))
	}
	if s.Failures > 0 {
		text += fmt.Sprintf(", %s failed", Count(s.Failures))
	}
	return text + fmt.Sprintf(", %s fetched, %s of %s, %s", Size(s.Fetched), Plural(s.Packages, "package"), Size(s.Bytes), Duration(s.Duration))
}
