package pages

import (
	"errors"
	"strings"

	"gorepo/internal/catalog"
)

// modulesView is the page of all modules.
type modulesView struct {
	*repoHead
	Modules []catalog.Module
	More    int
}

func (v *visit) modules(h *repoHead) (*answer, error) {
	modules, err := h.catalog.Modules(v.ctx)
	if err != nil {
		return nil, err
	}
	if v.api {
		return &answer{json: apiModulesOf(modules)}, nil
	}
	shown := modules[:min(len(modules), maxListed)]
	return &answer{
		view: "modules", title: "Modules", repo: h, tab: "modules", twin: h.apiHref("", "modules"),
		data: modulesView{h, shown, len(modules) - len(shown)}, crumbs: []crumb{{"Modules", ""}},
	}, nil
}

// moduleView is the page of a stream.
type moduleView struct {
	*repoHead
	Module  catalog.ModuleDetail
	Text    bounded
	Links   []link
	Install string
}

func (v *visit) module(h *repoHead, nameStream string) (*answer, error) {
	name, stream, ok := strings.Cut(nameStream, ":")
	var m catalog.ModuleDetail
	err := error(catalog.ErrNotFound)
	if ok {
		m, err = h.catalog.Module(v.ctx, name, stream)
	}
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, h.lacks("The published metadata has no module stream " + short(nameStream, 200) + ".")
	}
	if err != nil {
		return nil, err
	}
	if v.api {
		return &answer{json: apiModuleDetailOf(m)}, nil
	}
	view := moduleView{repoHead: h, Module: m, Text: bound(m.Description, maxDescription), Install: "sudo dnf module install " + shellWord(name+":"+stream)}
	for _, l := range []link{{"Community", m.Community}, {"Documentation", m.Documentation}, {"Tracker", m.Tracker}} {
		if l.Href = webURL(l.Href); l.Href != "" {
			view.Links = append(view.Links, l)
		}
	}
	return &answer{
		view: "module", title: nameStream, repo: h, tab: "modules", data: view, twin: h.apiHref("", "modules", nameStream),
		crumbs: []crumb{{"Modules", h.Href("modules")}, {nameStream, ""}},
	}, nil
}

// StreamHref is the page of a stream, "" for what is no name:stream.
func (h *repoHead) StreamHref(nameStream string) string {
	if !strings.Contains(nameStream, ":") {
		return ""
	}
	return h.Href("modules", nameStream)
}
