package pages

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"gorepo/internal/catalog"
)

// A family is a kind of distributions, called by the tool that its hosts have.
type family string

const (
	familyDNF    family = "dnf"
	familyDNF5   family = "dnf 5"
	familyYum    family = "yum"
	familyZypper family = "zypper"
)

var (
	suseWords  = regexp.MustCompile(`(^|[^a-z])(open)?(suse|sle[sdm]?|leap|tumbleweed|microos)([^a-z]|$)`)
	otherWords = regexp.MustCompile(`(^|[^a-z])(centos|rhel|redhat|red hat|fedora|rocky(linux)?|alma(linux)?|oracle(linux)?|epel|amazon(linux)?|(el|ol|fc|amzn)[0-9]+)([^a-z]|$)`)
	yumWords   = regexp.MustCompile(`(^|[^a-z])(centos|rhel|el|ol|epel|oracle(linux)?)[-_ /]?[567]([^0-9]|$)|(^|[^a-z])amzn2?([^0-9]|$)`)
	dnf5Words  = regexp.MustCompile(`(^|[^a-z])(fedora|fc)[-_ /]?(4[1-9]|[5-9][0-9]|[1-9][0-9]{2})([^0-9]|$)`)
	// suseRelease is how releases of SUSE's packages begin: lp155.2.1, 150500.3.6.1.
	suseRelease = regexp.MustCompile(`^(lp[0-9]{3}|1[5-9]0[0-9]00)\.|(^|\.)(suse|sles?)[0-9]`)
)

// familyIn is what a text speaks of, "" where that is of none, or of more than one.
func familyIn(text string) family {
	text = strings.ToLower(text)
	suse, other := suseWords.MatchString(text), otherWords.MatchString(text)
	switch {
	case suse && other:
		return ""
	case suse:
		return familyZypper
	case yumWords.MatchString(text):
		return familyYum
	case dnf5Words.MatchString(text):
		return familyDNF5
	case other:
		return familyDNF
	}
	return ""
}

// familyOf tells what the clients of a repository are: first by what its metadata and
// its installation tree say, then by what it is called and where it comes from, and
// by the releases of some of its packages. A host comes last: openSUSE's build service
// has packages of all distributions.
func familyOf(r Repo, tree string, releases []string) family {
	said := append(slices.Clone(r.Health.Distro), tree)
	called := []string{r.ID, r.Name}
	var hosts []string
	for _, u := range r.Upstream {
		if parsed, err := url.Parse(u); err == nil {
			called, hosts = append(called, parsed.Path+"?"+parsed.RawQuery), append(hosts, parsed.Host)
		}
	}
	for _, texts := range [][]string{said, called} {
		if f := familyIn(strings.Join(texts, " ")); f != "" {
			return f
		}
	}
	if f := familyOfReleases(releases); f != "" {
		return f
	}
	return familyIn(strings.Join(hosts, " "))
}

// familyOfReleases is that of more than half of them.
func familyOfReleases(releases []string) family {
	count := map[family]int{}
	for _, r := range releases {
		f := familyIn(r)
		if suseRelease.MatchString(r) {
			f = familyZypper
		}
		count[f]++
	}
	for f, n := range count {
		if f != "" && 2*n > len(releases) {
			return f
		}
	}
	return ""
}

// first puts the family's tool before the others.
func (f family) first(list []usage) []usage {
	slices.SortStableFunc(list, func(a, b usage) int {
		switch {
		case a.Tool == string(f) && b.Tool != string(f):
			return -1
		case b.Tool == string(f) && a.Tool != string(f):
			return 1
		}
		return 0
	})
	return list
}

// command does something to a host of the family, as root.
func (f family) command(yum, dnf, zypper, what string) string {
	tool := "dnf " + dnf
	switch f {
	case familyYum:
		tool = "yum " + yum
	case familyZypper:
		tool = "zypper " + zypper
	}
	return "sudo " + tool + shellWord(what)
}

// install installs a package of a name.
func (f family) install(name string) string {
	return f.command("install ", "install ", "install ", name)
}

// installVersion installs one package. zypper's names of them are its own.
func (f family) installVersion(p catalog.Package) string {
	if f == familyZypper {
		return f.install(p.Name + "." + p.Arch + "=" + p.EVR.String())
	}
	return f.install(p.String())
}

// installGroup installs a group of comps.
func (f family) installGroup(id string) string {
	return f.command("groupinstall ", "group install ", "install ", id)
}

// apply installs what an advisory is about. To zypper advisories are patches.
func (f family) apply(id string) string {
	return f.command("update --advisory=", "update --advisory=", "install --type patch ", id)
}

// family is that of the repository, as far as it and some of its releases tell, or its
// advisories' names.
func (v *visit) family(h *repoHead, releases ...string) family {
	return familyOf(h.Repo, v.h.o.Tree(h.ID), releases)
}
