package pages

import (
	"errors"

	"gorepo/internal/catalog"
)

// maxListed bounds how many entries of groups and modules a page shows.
const maxListed = 2000

// groupsView is the page of all groups.
type groupsView struct {
	*repoHead
	catalog.Groups
	None bool
}

func (v *visit) groups(h *repoHead) (*answer, error) {
	groups, err := h.catalog.Groups(v.ctx)
	if err != nil {
		return nil, err
	}
	if v.api {
		return &answer{json: apiGroupsOf(groups)}, nil
	}
	none := len(groups.Environments)+len(groups.Categories)+len(groups.Others) == 0
	return &answer{
		view: "groups", title: "Groups", repo: h, tab: "groups", data: groupsView{h, groups, none}, twin: h.apiHref("", "groups"),
		crumbs: []crumb{{"Groups", ""}},
	}, nil
}

// groupView is the page of one group.
type groupView struct {
	*repoHead
	Group   catalog.GroupDetail
	Kinds   []groupKind
	Install string
}

type groupKind struct {
	Title, Say string
	Packages   []catalog.GroupPackage
}

func (v *visit) group(h *repoHead, id string) (*answer, error) {
	g, err := h.catalog.Group(v.ctx, id)
	if errors.Is(err, catalog.ErrNotFound) {
		return nil, h.lacks("The published metadata has no group " + short(id, 200) + ".")
	}
	if err != nil {
		return nil, err
	}
	if v.api {
		return &answer{json: apiGroupDetailOf(g)}, nil
	}
	view := groupView{repoHead: h, Group: g, Install: v.family(h).installGroup(g.ID)}
	for _, k := range []groupKind{
		{"Mandatory", "always come with the group", g.Mandatory},
		{"Default", "come with it unless one says otherwise", g.Defaults},
		{"Conditional", "come with it where something else is there", g.Conditional},
		{"Optional", "may be chosen as well", g.Optional},
	} {
		if len(k.Packages) > 0 {
			view.Kinds = append(view.Kinds, k)
		}
	}
	return &answer{
		view: "group", title: nameOr(g.Name, g.ID), repo: h, tab: "groups", data: view, twin: h.apiHref("", "groups", id),
		crumbs: []crumb{{"Groups", h.Href("groups")}, {nameOr(g.Name, g.ID), ""}},
	}, nil
}

func nameOr(name, id string) string {
	if name == "" {
		return id
	}
	return name
}
