package updateinfo

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Advisory is one <update>. Texts are as the file has them, without the blanks
// around them, and "" where there are none.
type Advisory struct {
	ID    string
	From  string // who published it
	Title string
	// Type is security, bugfix, enhancement, newpackage, recommended, optional and
	// whatever else the file says.
	Type   string
	Status string // final, stable, testing, …
	// Severity is in the publisher's own words: Critical or critical, Important, high,
	// medium, None, …
	Severity    string
	Summary     string
	Description string
	Solution    string
	Rights      string
	Release     string // of what it is an update
	Version     string // of the advisory
	// Issued and Updated are in UTC. They are zero where the file does not say, or
	// nobody can tell what it says.
	Issued, Updated time.Time
	// Suggests is about the advisory as a whole.
	Suggests    Suggests
	References  []Reference
	Collections []Collection
}

// Suggests tells what is better done after an update.
type Suggests struct{ Reboot, Restart, Relogin bool }

// Reference is something that an advisory refers to. Type is bugzilla, cve, self or
// other as a rule.
type Reference struct{ Type, ID, Href, Title string }

// Collection is the packages of a product, or of a build of a module stream.
type Collection struct {
	Short, Name string
	Modules     []Module
	Packages    []Listed
}

// Module is a build of a module stream, which the packages of a collection are
// for.
type Module struct{ Name, Stream, Version, Context, Arch string }

// Listed is a package that an advisory lists.
type Listed struct {
	Package
	Source   string // src: its source package, or where it is
	Filename string
	Suggests Suggests
}

// cvePattern is what a CVE id looks like, in any case.
var cvePattern = regexp.MustCompile(`(?i)\bCVE-[0-9]{4}-[0-9]{4,19}\b`)

// CVEs are the ids of the vulnerabilities that it is about, in upper case and in
// order: those in its references, or, where these name none, in its title,
// summary and description. What a reference of type cve is called counts
// whatever it looks like, where it has no id in the usual form.
func (a *Advisory) CVEs() []string {
	var found []string
	for _, r := range a.References {
		in := append(cvePattern.FindAllString(r.ID, -1), cvePattern.FindAllString(r.Title, -1)...)
		if r.Type == "cve" && len(in) == 0 && r.ID != "" {
			in = []string{r.ID}
		}
		found = append(found, in...)
	}
	if len(found) == 0 {
		const most = 64 << 10 // bytes of a text, the rest of which nobody reads
		for _, text := range []string{a.Title, a.Summary, a.Description} {
			text = text[:min(len(text), most)]
			found = append(found, cvePattern.FindAllString(text, -1)...)
		}
	}
	for i, id := range found {
		found[i] = strings.ToUpper(id)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// layouts are the forms of time that are met, but for seconds since 1970.
// Fractions of seconds are taken with each that has seconds.
var layouts = []string{
	time.DateTime, time.DateOnly, "2006-01-02 15:04", "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700",
	"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05-0700", "2006-01-02T15:04:05", time.ANSIC, time.UnixDate, time.RFC1123, time.RFC1123Z,
}

// parseTime reads a time, which is in UTC where it does not say in what zone;
// zero where it is none, or not of the years 1 to 9999.
func parseTime(s string) time.Time {
	s = strings.TrimSpace(s)
	if seconds, err := strconv.ParseInt(s, 10, 64); err == nil {
		const year10000 = 253402300800
		if seconds <= 0 || seconds >= year10000 {
			return time.Time{}
		}
		return time.Unix(seconds, 0).UTC()
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil && t.UTC().Year() > 0 && t.UTC().Year() < 10000 {
			return t.UTC()
		}
	}
	return time.Time{}
}
