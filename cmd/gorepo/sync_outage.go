package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"

	"gorepo/internal/config"
	"gorepo/internal/fetch"
	"gorepo/internal/report"
)

// deadAfter is how many repositories in a row nobody may answer for at a host
// until the rest of its repositories is not tried.
const deadAfter = 3

// An outage notices that nobody answers: many repositories, each with its
// retries, would take hours to find out the same, and a line each to say it. Where
// no host answers at all, fetch finds out, and one line tells it.
type outage struct {
	mu      sync.Mutex
	silent  map[string]int // repositories in a row for which a host did not answer
	skipped int
	why     string // of the last that was skipped
	needed  bool   // one of those that are not synced has to be there
	held    []held
}

// held is what there is to say of a repository that found nobody, when nobody
// else had been found either: perhaps it is the network.
type held struct {
	repo    *config.Repo
	err     error
	summary report.Summary
}

// skip says why a repository need not be tried, "" if it is to be.
func (o *outage) skip(r *config.Repo) (why string) {
	hosts, keys := hostsOf(r), keyHostsOf(r)
	o.mu.Lock()
	defer o.mu.Unlock()
	dead := func(host string) bool { return o.silent[host] >= deadAfter }
	asked := func(host string) bool { return !dead(host) }
	switch i := slices.IndexFunc(keys, dead); {
	case len(hosts) > 0 && !slices.ContainsFunc(hosts, asked):
		o.why = "nobody answers at " + list(hosts)
	case i >= 0:
		o.why = "nobody answers at " + keys[i]
	default:
		return ""
	}
	o.skipped++
	return o.why
}

// missed says that a repository which was skipped has to be there.
func (o *outage) missed() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.needed = true
}

// note takes in how the sync of a repository ended.
func (o *outage) note(r *config.Repo, err error) {
	silent := silentHosts(err)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.silent == nil {
		o.silent = map[string]int{}
	}
	for _, host := range silent {
		o.silent[host]++
	}
	if len(silent) > 0 {
		return
	}
	for _, host := range hostsOf(r) {
		delete(o.silent, host)
	}
}

func (o *outage) hold(r *config.Repo, err error, s report.Summary) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held = append(o.held, held{r, err, s})
}

// silentHosts finds the servers that, as an error says, gave no answer.
func silentHosts(err error) []string {
	switch e := err.(type) { //nolint:errorlint // the whole tree is looked through
	case *fetch.Error:
		u, parseErr := url.Parse(e.URL)
		if parseErr == nil && unanswered(e) {
			return []string{u.Host}
		}
	case interface{ Unwrap() []error }:
		var hosts []string
		for _, err := range e.Unwrap() {
			hosts = append(hosts, silentHosts(err)...)
		}
		return hosts
	case interface{ Unwrap() error }:
		return silentHosts(e.Unwrap())
	}
	return nil
}

// unanswered tells errors of a network where nobody is from those that somebody
// gave.
func unanswered(err error) bool {
	var status *fetch.StatusError
	var op *net.OpError
	var dns *net.DNSError
	var timeout *fetch.TimeoutError
	return fetch.Unavailable(err) && !errors.As(err, &status) &&
		(errors.As(err, &op) || errors.As(err, &dns) || errors.As(err, &timeout) || errors.Is(err, fetch.ErrDown))
}

// hostsOf are the servers that a repository can be had from; none if it can be
// had from this machine too.
func hostsOf(r *config.Repo) []string {
	list, _ := r.MirrorList()
	urls := append(slices.Clone(r.BaseURL), list)
	local := func(raw string) bool { return raw != "" && !strings.HasPrefix(raw, "http") }
	if slices.ContainsFunc(urls, local) {
		return nil
	}
	return hosts(urls)
}

// keyHostsOf are the servers that a repository needs for its keys.
func keyHostsOf(r *config.Repo) []string {
	if !r.GPGCheck && !r.RepoGPGCheck {
		return nil
	}
	return hosts(r.GPGKeys)
}

func hosts(urls []string) (list []string) {
	for _, raw := range urls {
		if u, err := url.Parse(raw); err == nil && u.Host != "" && !slices.Contains(list, u.Host) {
			list = append(list, u.Host)
		}
	}
	return list
}

// skipped says what became of a repository that was not tried.
func (r *syncRun) skipped(repo *config.Repo, why string) {
	s := report.Summary{Verb: "sync", Repo: repo.ID, Outcome: report.Failed, Err: errors.New("not tried: " + why)}
	if repo.SkipIfUnavailable {
		s.Outcome, s.Err = report.Skipped, nil
	} else {
		r.outage.missed()
	}
	r.tally.add(s)
	if r.app.JSON {
		r.app.out.Summary(s)
	}
}

// passOver has it that a repository which cannot be reached need not be there.
func (r *syncRun) passOver(repo *config.Repo, err error, s *report.Summary) {
	s.Outcome, s.Err = report.Skipped, nil
	if !s.Told {
		r.app.out.Warn(repo.ID, fmt.Sprintf("skipped, as skip_if_unavailable says: %v", err))
	}
}

// tellOutage says, at the end, what could not be reached: in one line for all if
// nobody answers, else in one for each repository that was tried, and one for
// those that were not.
func (r *syncRun) tellOutage() {
	o := &r.outage
	o.mu.Lock()
	defer o.mu.Unlock()
	all := len(o.held) + o.skipped
	network := len(o.held) > 0 && all > 1 && r.client.Silent()
	for _, h := range o.held {
		h.summary.Outcome, h.summary.Told = report.Failed, network
		if h.repo.SkipIfUnavailable {
			r.passOver(h.repo, h.err, &h.summary)
		} else {
			o.needed = true
		}
		r.tally.add(h.summary)
		r.app.out.Summary(h.summary)
	}
	tell := func(err error) { r.app.out.Warn("", err.Error()) }
	if o.needed {
		tell = func(err error) { r.app.out.Fail("", err) }
	}
	switch {
	case network:
		tell(fmt.Errorf("no server answers, is the network down? %s repositories are not synced: %w", report.Count(all), o.held[0].err))
	case o.skipped > 0:
		tell(fmt.Errorf("%s more repositories are not tried: %s", report.Count(o.skipped), o.why))
	}
}
