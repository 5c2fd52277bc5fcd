package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// A Switch is one --enablerepo or --disablerepo.
type Switch struct {
	Pattern string // an id, or a glob of ids
	Enable  bool
}

// commandLineVars are the variables that the command line gives. They go before
// everything that files say, a repository's own keys too: who types a release
// means that one.
func (o Options) commandLineVars() (Vars, error) {
	vars := Vars{}
	for _, text := range o.Vars {
		name, value, ok := strings.Cut(text, "=")
		if !ok || !isVarName(name) {
			return nil, fmt.Errorf("--setvar %s: it should be NAME=VALUE, with a name of letters, digits and underscores", name)
		}
		vars[name] = value
	}
	if o.Arch != "" {
		vars["arch"] = o.Arch
	}
	switch o.ReleaseVer {
	case "":
	case "/": // dnf's word for the host's own
		vars["releasever"] = hostRelease(o.SysRoot)
	default:
		vars["releasever"] = o.ReleaseVer
	}
	return vars, nil
}

// addFromPath adds the repositories of --repofrompath, ID,URL each.
func (l *loader) addFromPath() error {
	last := map[string]string{} // as with dnf, of equal ids the last counts
	var order []string
	for _, text := range l.opts.FromPath {
		id, from, _ := strings.Cut(text, ",")
		if id == "" || from == "" {
			return fmt.Errorf("--repofrompath %s: it should be ID,URL or ID,PATH", MaskURL(text))
		}
		if err := checkID(id); err != nil {
			return fmt.Errorf("--repofrompath %s: %w", MaskURL(id), err)
		}
		if first, ok := l.seen[id]; ok {
			return fmt.Errorf("--repofrompath %s: there is a repository of this id at %s: give another one", id, first.pos())
		}
		if _, again := last[id]; !again {
			order = append(order, id)
		}
		last[id] = from
	}
	for _, id := range order {
		here := entry{file: "--repofrompath " + id}
		l.seen[id] = here
		url := here
		url.value = l.pathURL(last[id])
		r := l.resolve(id, here.file, &section{
			name: id, keys: []string{"baseurl"}, entries: map[string]entry{"baseurl": url},
		})
		l.conf.Repos = append(l.conf.Repos, r)
	}
	return nil
}

// listBreaks are the bytes that a list of URLs is split at.
var listBreaks = strings.NewReplacer(" ", "%20", ",", "%2C", "\t", "%09", "\r", "%0D", "\n", "%0A")

// pathURL is one URL or path as it stands in baseurl, whose value is a list. It
// may hold variables.
func (l *loader) pathURL(from string) string {
	if strings.Contains(from, "://") {
		return listBreaks.Replace(from)
	}
	if !filepath.IsAbs(from) {
		from = filepath.Join(l.opts.WorkDir, from)
		if abs, err := filepath.Abs(from); err == nil {
			from = abs
		}
	}
	if listBreaks.Replace(from) == from {
		return from
	}
	from = strings.NewReplacer("%", "%25", "?", "%3F", "#", "%23").Replace(from)
	return "file://" + listBreaks.Replace(from)
}

// switchRepos enables and disables what the command line says, in its order.
func (l *loader) switchRepos() error {
	l.conf.switchedOn = map[string]bool{}
	var errs []error
	turn := func(r *Repo, on bool, flag string) {
		r.Enabled, l.conf.switchedOn[r.ID] = on, on
		value := map[bool]string{true: "1", false: "0"}[on]
		r.Settings = slices.DeleteFunc(r.Settings, func(s Setting) bool { return s.Key == "enabled" })
		r.Settings = append(r.Settings, Setting{Key: "enabled", Value: value, From: flag})
		sortSettings(r.Settings)
	}
	for _, s := range l.opts.Switches {
		flag := map[bool]string{true: "--enablerepo ", false: "--disablerepo "}[s.Enable] + s.Pattern
		found := false
		for _, r := range l.conf.Repos {
			if matches(s.Pattern, r.ID) {
				turn(r, s.Enable, flag)
				found = true
			}
		}
		switch {
		case found:
		case s.Enable:
			errs = append(errs, &UnknownRepoError{Pattern: s.Pattern, Near: l.conf.near(s.Pattern), From: l.conf.Path})
		default:
			l.conf.Warnings = append(l.conf.Warnings, Warning{File: flag, Text: "no such repository"})
		}
	}
	for _, text := range l.opts.FromPath { // who names one on the command line wants it
		id, _, _ := strings.Cut(text, ",")
		turn(l.conf.Repo(id), true, "--repofrompath "+id)
	}
	return errors.Join(errs...)
}
