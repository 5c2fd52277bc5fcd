package report

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

const (
	// maxSaid is how many failures of one repository are said one by one that have
	// one cause: there may be thousands.
	maxSaid = 20
	// maxCauses bounds how many causes are told apart.
	maxCauses = 100
	// maxNamed is how many of them are named in the end.
	maxNamed = 3
)

// failures are those of one repository.
type failures struct {
	causes map[string]int
	unsaid int
}

// sayFailure says one failure of a repository, if it is not one of too many.
func (p *Printer) sayFailure(repo, text string) {
	if repo == "" || p.opts.Verbose || p.opts.JSON || p.countFailure(repo, causeOf(text)) {
		p.say(kindFailed, repo, text)
	}
}

// countFailure reports whether it is to be said.
func (p *Printer) countFailure(repo, cause string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.failures[repo]
	if f == nil {
		f = &failures{causes: map[string]int{}}
		p.failures[repo] = f
	}
	if f.causes[cause] == 0 && len(f.causes) == maxCauses {
		f.unsaid++
		return false
	}
	f.causes[cause]++
	if f.causes[cause] > maxSaid {
		f.unsaid++
		return false
	}
	return true
}

var particulars = regexp.MustCompile(`[0-9][0-9a-f]{7,}|[0-9a-f]{8,}|[0-9]{4,}|"[^"]*"`)

// causeOf is the last part of an error: what went wrong, without what it went
// wrong with.
func causeOf(text string) string {
	if i := strings.LastIndex(text, ": "); i >= 0 {
		text = text[i+2:]
	}
	return particulars.ReplaceAllString(text, "...")
}

// endFailures sums up the failures of a repository that were not said.
func (p *Printer) endFailures(repo string) {
	p.mu.Lock()
	f := p.failures[repo]
	delete(p.failures, repo)
	p.mu.Unlock()
	if f != nil && f.unsaid > 0 {
		p.say(kindFailed, repo, fmt.Sprintf("and %s more failures%s", Count(f.unsaid), f.text()))
	}
}

// text names the causes of most of the failures.
func (f *failures) text() string {
	causes := slices.SortedFunc(maps.Keys(f.causes), func(a, b string) int {
		if n := f.causes[b] - f.causes[a]; n != 0 {
			return n
		}
		return strings.Compare(a, b)
	})
	var named []string
	for _, cause := range causes[:min(len(causes), maxNamed)] {
		if n := f.causes[cause]; n > maxSaid {
			named = append(named, fmt.Sprintf("%s times in all %s", Count(n), cause))
		}
	}
	if len(named) == 0 {
		return ""
	}
	return ": " + strings.Join(named, ", ")
}

// endAllFailures is endFailures for what did not come to its end.
func (p *Printer) endAllFailures() {
	p.mu.Lock()
	repos := slices.Sorted(maps.Keys(p.failures))
	p.mu.Unlock()
	for _, repo := range repos {
		p.endFailures(repo)
	}
}
