package pages

import (
	"strings"

	"gorepo/internal/catalog"
)

// What the metadata says of a package elsewhere: in groups, modules and
// advisories.

// maxMentions bounds the advisories on the page of a package; more have their own.
const maxMentions = 12

// belonging is what a package belongs to, and what is said of it.
type belonging struct {
	Groups   []groupLink
	Modules  []link
	Mentions []mentionView
	// NMentions counts all advisories, Lacks those of them that a newer version is
	// for; AllMentions is the address of the list.
	NMentions, Lacks int
	AllMentions      string
}

type groupLink struct {
	link
	Types string // mandatory, …
}

type mentionView struct {
	catalog.Mention
	Href     string
	Versions string
	Lacks    bool // the package is older than the advisory's version
}

// belonging looks for what is said of a name, or of one package, where nevra is
// not "".
func (v *visit) belonging(h *repoHead, name, nevra string, id int64) (b belonging, err error) {
	refs, err := h.catalog.GroupsOf(v.ctx, name)
	if err != nil {
		return b, err
	}
	b.Groups = h.groupLinks(refs)
	if id != 0 {
		modules, err := h.catalog.ModulesOf(v.ctx, id)
		if err != nil {
			return b, err
		}
		for _, m := range modules[:min(len(modules), maxListed)] {
			b.Modules = append(b.Modules, link{m.Name + ":" + m.Stream, h.Href("modules", m.Name+":"+m.Stream)})
		}
	}
	what := nevra
	if what == "" {
		what = name
	}
	mentions, err := h.catalog.AdvisoriesFor(v.ctx, what)
	b.NMentions, b.AllMentions = len(mentions), h.href(query("q", name), "advisories")
	for i, m := range mentions {
		lacks := nevra != "" && m.Fix == catalog.FixOlder
		if lacks {
			b.Lacks++
		}
		if i < maxMentions {
			b.Mentions = append(b.Mentions, mentionView{m, h.Href("advisories", m.ID), versionsOf(m), lacks})
		}
	}
	return b, err
}

// groupLinks gives each group once, with all the ways in which it has a package.
func (h *repoHead) groupLinks(refs []catalog.GroupRef) []groupLink {
	var links []groupLink
	at := map[string]int{}
	for _, r := range refs[:min(len(refs), maxListed)] {
		if i, ok := at[r.ID]; ok {
			links[i].Types += ", " + r.Type
			continue
		}
		at[r.ID] = len(links)
		links = append(links, groupLink{link{nameOr(r.Name, r.ID), h.Href("groups", r.ID)}, r.Type})
	}
	return links
}

// versionsOf are the versions that an advisory lists of a package, each once.
func versionsOf(m catalog.Mention) string {
	var list []string
	seen := map[string]bool{}
	for _, e := range m.Versions {
		if s := e.String(); !seen[s] && len(list) < 5 {
			list = append(list, s)
			seen[s] = true
		}
	}
	return strings.Join(list, ", ")
}

// About are the references that lead from a package to what it belongs to.
func (b belonging) About() bool { return len(b.Groups)+len(b.Modules) > 0 }

// MoreMentions counts those that have no room here.
func (b belonging) MoreMentions() int { return b.NMentions - len(b.Mentions) }
