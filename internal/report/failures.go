package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	// maxSaid is how many failures of one repository are said one by one; one
	// cause can make thousands of them.
	maxSaid = 20
	// maxReasons bounds how many reasons are counted.
	maxReasons = 100
	// maxNamed is how many of the reasons are named in the end.
	maxNamed = 3
)

// failures are those of one repository.
type failures struct {
	count   int
	reasons map[string]int
}

// sayFailure says one failure of a repository, if there were not too many.
func (p *Printer) sayFailure(repo, text string) {
	if repo == "" || p.opts.Verbose || p.opts.JSON {
		p.say(repo, text)
		return
	}
	p.mu.Lock()
	f := p.failures[repo]
	if f == nil {
		f = &failures{reasons: map[string]int{}}
		p.failures[repo] = f
	}
	f.count++
	reason := reasonOf(text)
	if f.reasons[reason] > 0 || len(f.reasons) < maxReasons {
		f.reasons[reason]++
	}
	say := f.count <= maxSaid
	p.mu.Unlock()
	if say {
		p.say(repo, text)
	}
}

// reasonOf is the last part of an error: what went wrong, without what it went
// wrong with.
func reasonOf(text string) string {
	if i := strings.LastIndex(text, ": "); i >= 0 {
		return text[i+2:]
	}
	return text
}

// endFailures sums up the failures of a repository that were not said.
func (p *Printer) endFailures(repo string) {
	p.mu.Lock()
	f := p.failures[repo]
	delete(p.failures, repo)
	p.mu.Unlock()
	if f == nil || f.count <= maxSaid {
		return
	}
	p.say(repo, fmt.Sprintf("and %s more: %s failures in all%s", Count(f.count-maxSaid), Count(f.count), f.text()))
}

// text names the reasons that there were most often.
func (f *failures) text() string {
	reasons := slices.SortedFunc(maps.Keys(f.reasons), func(a, b string) int {
		if n := f.reasons[b] - f.reasons[a]; n != 0 {
			return n
		}
		return strings.Compare(a, b)
	})
	var named []string
	for _, reason := range reasons[:min(len(reasons), maxNamed)] {
		if n := f.reasons[reason]; n > 1 {
			named = append(named, fmt.Sprintf("%s times %s", Count(n), reason))
		}
	}
	if len(named) == 0 {
		return ""
	}
	return ", " + strings.Join(named, ", ")
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
