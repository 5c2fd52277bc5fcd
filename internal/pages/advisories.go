package pages

import (
	"errors"
	"regexp"
	"strings"
	"time"

	"gorepo/internal/catalog"
	"gorepo/internal/rpmpkg"
)

// advisoriesView is the page of advisories.
type advisoriesView struct {
	*repoHead
	Options           catalog.AdvisoryOptions
	Since, Until      string // days
	Rows              []advisoryRow
	Severities, Types []choice
	Pager             pager
}

type advisoryRow struct {
	catalog.Advisory
	Href string
}

// choice is an entry of a selection, with how many there are of it.
type choice struct {
	Value, Name string
	Count       int
	Chosen      bool
}

func (h *repoHead) advisory(a catalog.Advisory) advisoryRow {
	return advisoryRow{a, h.Href("advisories", a.ID)}
}

func (v *visit) advisories(h *repoHead) (*answer, error) {
	w, err := v.window()
	if err != nil {
		return nil, err
	}
	o := catalog.AdvisoryOptions{
		Severity: v.words("severity"), Type: v.words("type"), CVE: v.words("cve"), Text: v.words("q"), Fixable: v.flag("fixable"),
		Offset: w.Offset, Limit: w.Limit,
	}
	if o.CVE == "" && cveLike.MatchString(o.Text) { // typed where words go
		o.CVE, o.Text = strings.ToUpper(o.Text), ""
	}
	since, until, err := v.days(&o.Since, &o.Until)
	if err != nil {
		return nil, err
	}
	page, err := h.catalog.Advisories(v.ctx, o)
	if err != nil {
		return nil, err
	}
	view := advisoriesView{repoHead: h, Options: o, Since: since, Until: until, Severities: choices(page.Severities, o.Severity), Types: choices(page.Types, o.Type)}
	for _, a := range page.Advisories {
		view.Rows = append(view.Rows, h.advisory(a))
	}
	fixable := ""
	if o.Fixable {
		fixable = "1"
	}
	keep := []string{"q", o.Text, "severity", o.Severity, "type", o.Type, "cve", o.CVE, "fixable", fixable, "since", since, "until", until}
	view.Pager = newPager(w, page.Total, len(page.Advisories), func(q string) string { return h.href(q, "advisories") }, keep...)
	if v.api {
		return &answer{json: apiAdvisoriesOf(page, view.Pager)}, nil
	}
	return &answer{
		view: "advisories", title: "Advisories", repo: h, tab: "advisories", data: view, twin: h.apiHref(query(keep...), "advisories"),
		crumbs: []crumb{{"Advisories", ""}},
	}, nil
}

// Filtered reports whether advisories are left out.
func (v advisoriesView) Filtered() bool {
	o := v.Options
	return o.Severity+o.Type+o.CVE+o.Text+v.Since+v.Until != "" || o.Fixable
}

func choices(facets []catalog.Facet, chosen string) []choice {
	var list []choice
	found := chosen == ""
	for _, f := range facets[:min(len(facets), 50)] {
		c := choice{f.Value, short(f.Value, 40), f.Count, strings.EqualFold(f.Value, chosen)}
		if f.Value == "" {
			c.Value, c.Name, c.Chosen = "-", "none", chosen == "-"
		}
		found = found || c.Chosen
		list = append(list, c)
	}
	if !found {
		list = append(list, choice{chosen, short(chosen, 40), 0, true})
	}
	return list
}

// advisoryView is the page of one advisory.
type advisoryView struct {
	*repoHead
	Advisory    catalog.AdvisoryDetail
	Description bounded
	Solution    bounded
	References  []link
	Verdict     verdict
	// Since is when what the advisory is fixed by came here, by its NEVRA, and Complete when the last of
	// them did.
	Since    map[string]time.Time
	Complete time.Time
	Command  string
}

// verdict answers whether the repository has what an advisory is about.
type verdict struct {
	Level string // ok, late or none, for its colour
	Text  string
}

// cveLike is how the id of a vulnerability begins.
var cveLike = regexp.MustCompile(`(?i)^CVE-[0-9]{4}-[0-9]{0,19}$`)

func (v *visit) advisoryPage(h *repoHead, id string) (*answer, error) {
	a, err := h.catalog.Advisory(v.ctx, id)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, h.lacks("The published metadata has no advisory " + short(id, 200) + ".")
	}
	if err != nil {
		return nil, err
	}
	if v.api {
		return &answer{json: apiAdvisoryDetailOf(a)}, nil
	}
	view := advisoryView{
		repoHead: h, Advisory: a, Description: bound(a.Description, maxDescription), Solution: bound(a.Solution, maxDescription),
		Verdict: judge(a), Command: v.family(h, a.ID).apply(a.ID),
	}
	if same := strings.TrimSpace(a.Summary); same != "" && view.Description.Text == "" {
		view.Description = bound(a.Summary, maxDescription)
	}
	if err := view.since(v); err != nil {
		return nil, err
	}
	for _, ref := range a.References[:min(len(a.References), maxListed)] {
		name := ref.Title
		if name == "" {
			name = nameOr(ref.ID, ref.Href)
		}
		view.References = append(view.References, link{short(name, 300), webURL(ref.Href)})
	}
	return &answer{
		view: "advisory", title: id, repo: h, tab: "advisories", data: view, twin: h.apiHref("", "advisories", id),
		crumbs: []crumb{{"Advisories", h.Href("advisories")}, {id, ""}},
	}, nil
}

// maxSince bounds how many packages are asked since when they are here.
const maxSince = 300

// since looks since when the repository has what the advisory asks for.
func (view *advisoryView) since(v *visit) error {
	view.Since = map[string]time.Time{}
	asked, known := 0, true
	for _, c := range view.Advisory.Collections {
		for _, p := range c.Packages {
			if p.Fix != catalog.FixSame && p.Fix != catalog.FixNewer {
				continue
			}
			if asked++; asked > maxSince {
				return nil
			}
			here, err := view.catalog.Find(v.ctx, p.By.String())
			if errors.Is(err, catalog.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			view.Since[p.By.String()] = here.Added
			known = known && !here.Added.IsZero() && p.Fix == catalog.FixSame
			if here.Added.After(view.Complete) {
				view.Complete = here.Added
			}
		}
	}
	if !known {
		view.Complete = time.Time{}
	}
	return nil
}

// SinceOf is when a package came here.
func (view advisoryView) SinceOf(nevra rpmpkg.NEVRA) time.Time { return view.Since[nevra.String()] }

// judge says in a sentence how many of the packages of an advisory the repository
// has as it asks for them.
func judge(a catalog.AdvisoryDetail) verdict {
	older, listed := 0, 0
	for _, c := range a.Collections {
		for _, p := range c.Packages {
			listed++
			if p.Fix == catalog.FixOlder {
				older++
			}
		}
	}
	switch {
	case older > 0 && a.Here == 0:
		return verdict{"late", "This repository has only older versions of what the advisory is about: it lacks the update."}
	case older > 0:
		return verdict{"late", "This repository has " + count(a.Here, "package", "packages") + " of the update; of " + number(older) + " it has only older versions."}
	case a.Here > 0:
		return verdict{"ok", "This repository has the update: " + count(a.Here, "package", "packages") + " of the " + number(a.Packages) + " that are listed, in this version or a newer one."}
	}
	return verdict{"none", "This repository has no package that the advisory is about."}
}

// fixWord says what the repository has of a package of an advisory.
func fixWord(f catalog.Fix) string {
	switch f {
	case catalog.FixSame:
		return "here"
	case catalog.FixNewer:
		return "newer one here"
	case catalog.FixOlder:
		return "only older here"
	case catalog.FixForeign:
		return "other architecture"
	}
	return "not here"
}

// fixLevel is its colour.
func fixLevel(f catalog.Fix) string {
	switch f {
	case catalog.FixSame, catalog.FixNewer:
		return "ok"
	case catalog.FixOlder:
		return "late"
	}
	return "empty"
}

// moreCVEs counts those that a row of a list has no room for.
func moreCVEs(a catalog.Advisory) int { return a.MoreCVEs + max(0, len(a.CVEs)-6) }

// CVEHref is the list of the advisories about one vulnerability.
func (v advisoryView) CVEHref(cve string) string { return v.href(query("cve", cve), "advisories") }

// gravity is the colour of a severity.
func gravity(severity string) string {
	switch strings.ToLower(severity) {
	case "critical":
		return "failing"
	case "important", "high":
		return "late"
	}
	return "empty"
}
