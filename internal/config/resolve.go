package config

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// addSections resolves the repositories of one file.
func (l *loader) addSections(file string, sections []*section) {
	for _, s := range sections {
		if s.name == "main" {
			continue
		}
		id, err := l.vars.Expand(s.name)
		if err == nil {
			err = checkID(id)
		}
		if err != nil {
			l.conf.Errors = append(l.conf.Errors, fmt.Errorf("%s:%d: repository [%s]: %w", file, s.line, s.name, err))
			continue
		}
		here := entry{file: file, line: s.line}
		if first, ok := l.seen[id]; ok {
			l.conf.Warnings = append(l.conf.Warnings, Warning{
				File: file, Line: s.line,
				Text: fmt.Sprintf("repository %q is passed over: it is already at %s", id, first.pos()),
			})
			continue
		}
		l.seen[id] = here
		l.conf.Repos = append(l.conf.Repos, l.resolve(id, file, s))
	}
}

// resolve makes a repository of its section, [main]'s defaults and overrides.
func (l *loader) resolve(id, file string, s *section) *Repo {
	r := newRepo()
	r.ID, r.Name, r.File, r.Line = id, id, file, s.line
	own := l.ownEntries(r, s)

	var errs []error
	r.Vars, errs = l.repoVars(own)

	entries := map[string]entry{}
	for name, e := range l.defaults {
		if keys[name].scope == inBoth {
			entries[name] = e
		}
	}
	l.disableExcludes(entries, own, id)
	for name, e := range own {
		if had, ok := entries[name]; ok && keys[name].adds {
			e = e.behind(had)
		}
		entries[name] = e
	}
	overrideOther(entries, own, "sign_key", "sign_with")
	overrideOther(entries, own, "newest_only", "keep")
	failed := map[string]bool{}
	var buildErrs, accessErrs []error
	for name, last := range entries {
		for e := range last.all() {
			if err := r.apply(name, e); err != nil {
				err = fmt.Errorf("%s: repository %q: %s: %w", e.pos(), id, name, err)
				errs = append(errs, err)
				failed[name] = true
				if keys[name].build {
					buildErrs = append(buildErrs, err)
				}
				if keys[name].access {
					accessErrs = append(accessErrs, err)
				}
			}
		}
	}
	r.GPGCheck = r.GPGCheck || r.pkgGPGCheck
	errs = append(errs, r.settleSelection(entries)...)
	r.Settings = r.settingsOf(entries)
	if err := r.checkSigner(entries); err != nil {
		errs, buildErrs = append(errs, err), append(buildErrs, err)
	}
	r.BuildErr, r.AccessErr = joinSorted(buildErrs), joinSorted(accessErrs)
	errs = append(errs, r.check(entries, failed)...)
	r.Err = joinSorted(errs)
	sort.Slice(r.Warnings, func(i, j int) bool {
		a, b := r.Warnings[i], r.Warnings[j]
		return a.Line < b.Line || a.Line == b.Line && a.Text < b.Text
	})
	return r
}

// settingsOf are the entries that mean something, fit to be shown.
func (r *Repo) settingsOf(entries map[string]entry) []Setting {
	var list []Setting
	for name, last := range entries {
		k := keys[name]
		if k.repo == nil && k.refuse == nil && !k.variable {
			continue
		}
		for e := range last.all() {
			value := trimValue(e.value)
			if x, err := r.Vars.expand(value); err == nil {
				value = x.text
			}
			switch {
			case k.secret:
				value = Secret(value).String()
			case name == "proxy" && value != "" && !strings.Contains(value, "://"):
				value = strings.TrimPrefix(MaskURL("http://"+value), "http://")
			default:
				value = maskURLs(value)
			}
			list = append(list, Setting{Key: name, Value: value, From: e.pos()})
		}
	}
	sortSettings(list)
	return list
}

func sortSettings(list []Setting) {
	slices.SortStableFunc(list, func(a, b Setting) int { return strings.Compare(a.Key, b.Key) })
}

// overrideOther takes out what [main] says with one of two keys, where a
// repository says it with the other.
func overrideOther(entries, own map[string]entry, one, other string) {
	_, hasOne := own[one]
	_, hasOther := own[other]
	switch {
	case hasOne && !hasOther:
		delete(entries, other)
	case hasOther && !hasOne:
		delete(entries, one)
	}
}

func (r *Repo) checkSigner(entries map[string]entry) error {
	if r.SignKey == "" || r.SignWith == "" {
		return nil
	}
	return fmt.Errorf("%s: repository %q: sign_key and sign_with both say who signs: leave one out", entries["sign_with"].pos(), r.ID)
}

// ownEntries are what the section and overrides for it say, in known keys.
func (l *loader) ownEntries(r *Repo, s *section) map[string]entry {
	own := map[string]entry{}
	for _, name := range s.keys {
		k, known := keys[name]
		if !known || k.scope&inRepo == 0 {
			l.warnKey(&r.Warnings, name, s.entries[name], "a repository", known)
			continue
		}
		put(own, name, s.entries[name])
		if k.repo == nil && k.refuse == nil && !k.variable {
			e := s.entries[name]
			r.Warnings = append(r.Warnings, Warning{File: e.file, Line: e.line, Note: true, Text: name + " means nothing to a mirror"})
		}
	}
	for _, o := range l.set {
		if o.id != "" && matches(o.id, r.ID) {
			o.used = true
			put(own, o.key, o.entry())
		}
	}
	return own
}

func (l *loader) repoVars(own map[string]entry) (Vars, []error) {
	var errs []error
	layer := Vars{}
	for name, e := range own {
		if !keys[name].variable {
			continue
		}
		value, err := l.vars.Expand(strings.TrimSpace(e.value))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", e.pos(), name, err))
		}
		layer[name] = value
	}
	vars := l.vars.clone()
	vars.apply(layer)
	vars.apply(l.typedVars)
	return vars, errs
}

// apply expands one value and puts it where it belongs.
func (r *Repo) apply(name string, e entry) error {
	k := keys[name]
	if k.repo == nil && k.refuse == nil {
		return nil
	}
	x, err := r.Vars.expand(trimValue(e.value))
	if err != nil {
		return err
	}
	if k.refuse != nil {
		return k.refuse(x.text)
	}
	missing := len(x.missing) > 0 && !k.display
	if v := missingRelease(x.missing); missing && v != "" {
		return missingError(v, r.ID)
	}
	err = k.repo(r, x.text)
	switch {
	case !missing || k.secret:
	case err != nil:
		err = fmt.Errorf("$%s has no value (a file of that name in /etc/gorepo/vars would give it one): %w", x.missing[0], err)
	default:
		r.Warnings = append(r.Warnings, Warning{
			File: e.file, Line: e.line,
			Text: fmt.Sprintf("%s: $%s has no value and stays as it is written", name, x.missing[0]),
		})
	}
	return err
}

func missingError(variable, id string) error {
	value := "VERSION"
	if variable == "releasever_minor" {
		value = "MAJOR.MINOR"
	}
	return fmt.Errorf("uses $%s, which has no value: set releasever = %s in [%s] or [main]", variable, value, id)
}

// missingRelease picks the release version out of variables without a value.
// A URL without it is never right, while other names may be meant literally.
func missingRelease(missing []string) string {
	for _, name := range missing {
		switch name {
		case "releasever", "releasever_major", "releasever_minor":
			return name
		}
	}
	return ""
}

// check looks at what keys mean together; failed are those whose values have
// been refused already.
func (r *Repo) check(entries map[string]entry, failed map[string]bool) []error {
	var errs []error
	fail := func(e entry, text string) {
		errs = append(errs, fmt.Errorf("%s: repository %q: %s", e.pos(), r.ID, text))
	}
	here := entry{file: r.File, line: r.Line}
	list, _ := r.MirrorList()
	if len(r.BaseURL) == 0 && list == "" && !failed["baseurl"] && !failed["mirrorlist"] && !failed["metalink"] {
		fail(here, "it has no baseurl, mirrorlist or metalink, so there is nowhere to fetch it from")
	}
	if r.Metalink != "" && r.Mirrorlist != "" {
		e := entries["mirrorlist"]
		r.Warnings = append(r.Warnings, Warning{File: e.file, Line: e.line, Note: true, Text: "mirrorlist is passed over: metalink is used"})
	}
	if r.path != "" {
		for i, raw := range r.BaseURL {
			r.BaseURL[i] = below(raw, r.path)
		}
		if list != "" {
			fail(entries["path"], "path goes with a baseurl only: a list of mirrors names the repository itself")
		}
	}
	r.checkConnection(entries, failed, fail)
	if len(r.GPGKeys) == 0 && !failed["gpgkey"] {
		if r.GPGCheck {
			fail(here, "gpgcheck is on without a gpgkey: name the keys to trust, or set gpgcheck = 0")
		}
		if r.RepoGPGCheck {
			fail(here, "repo_gpgcheck is on without a gpgkey: name the keys to trust, or set repo_gpgcheck = 0")
		}
	}
	if len(r.GPGKeyFingerprints) > 0 && len(r.GPGKeys) > 0 && !r.GPGCheck && !r.RepoGPGCheck {
		e := entries["gpgkey_fingerprint"]
		r.Warnings = append(r.Warnings, Warning{File: e.file, Line: e.line, Text: "gpgkey_fingerprint checks nothing: neither gpgcheck nor repo_gpgcheck is on"})
	}
	return errs
}

// trimValue takes None for nothing, as dnf does.
func trimValue(v string) string {
	v = strings.TrimSpace(v)
	if v == "None" {
		return ""
	}
	return v
}

// warnKey reports a key that is not used where it stands.
func (l *loader) warnKey(to *[]Warning, name string, e entry, where string, known bool) {
	text := fmt.Sprintf("unknown key %q", name)
	if known {
		text = fmt.Sprintf("%s has no meaning in %s", name, where)
	}
	*to = append(*to, Warning{File: e.file, Line: e.line, Text: text})
}

// joinSorted joins errors in a settled order, each once; maps gave them in any.
func joinSorted(errs []error) error {
	sort.Slice(errs, func(i, j int) bool { return errs[i].Error() < errs[j].Error() })
	var unique []error
	for i, err := range errs {
		if i == 0 || err.Error() != errs[i-1].Error() {
			unique = append(unique, err)
		}
	}
	return errors.Join(unique...)
}
