package catalog

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strings"

	"zombiezen.com/go/sqlite"

	"gorepo/internal/comps"
	"gorepo/internal/rpmpkg"
)

// Groups is how comps sorts a repository's packages.
type Groups struct {
	Environments []GroupSet
	Categories   []GroupSet
	// Others are the groups that are in none of these.
	Others []Group
}

// GroupSet is an environment or a category.
type GroupSet struct {
	ID, Name, Description string
	// Groups are those that belong to it, as far as comps has them, and then those
	// that may be chosen as well, see Group.Option.
	Groups []Group
}

// Group is a group in a list.
type Group struct {
	ID, Name, Description string
	// Here and Missing count its packages: different names, of which the repository
	// has at least one package, or none.
	Here, Missing int
	Default       bool // it is chosen unless one says otherwise
	Hidden        bool // it is for environments, not for people to choose
	// Option is set of a group that an environment does not bring by itself.
	Option bool
}

// GroupDetail is all about a group.
type GroupDetail struct {
	Group
	LangOnly string // for this language only
	// In are the environments and categories that it is in.
	In []GroupRef
	// Mandatory, Defaults, Optional and Conditional are its packages. Without a type they
	// are mandatory; of an unknown one optional, since dnf does not install them.
	Mandatory, Defaults, Optional, Conditional []GroupPackage
	// More counts the packages beyond those that are listed.
	More int
}

// GroupRef names a group, an environment or a category.
type GroupRef struct {
	ID, Name string
	// Type is of what a list is about: "environment" or "category" of what a group
	// is in, and of a group that a package is in mandatory, default, optional or conditional.
	Type string
}

// GroupPackage is a package that a group lists.
type GroupPackage struct {
	Name     string
	Requires string // of a conditional one: it goes along with this
	Arch     string // only on these architectures; "" is all
	// Here says that the repository has it: Newest is the newest, with its summary.
	Here    bool
	Newest  rpmpkg.NEVRA
	Summary string
}

// Bounds on what is kept of comps. The largest have some hundred groups of some
// hundred packages.
const (
	maxComps         = 8 << 20 // bytes
	maxGroups        = 5000
	maxSets          = 1000  // environments and categories, each
	maxMembers       = 20000 // groups in all of these
	maxGroupPackages = 5000  // that are listed of one group
	maxListText      = 1000  // bytes of a description in a list
	maxText          = 64 << 10
)

var groupsExtra = extra{
	words: "the groups",
	schema: []string{
		"CREATE TABLE compslist (place INTEGER NOT NULL)",                                                     // of storedGroups
		"CREATE TABLE compsgroup (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, place INTEGER NOT NULL)", // of a GroupDetail
		"CREATE TABLE compspackage (name TEXT, grp INTEGER, type TEXT NOT NULL, title TEXT NOT NULL, PRIMARY KEY (name, grp, type)) WITHOUT ROWID",
	},
	tables: []string{"compslist", "compsgroup", "compspackage"},
	add:    (*builder).addGroups,
}

// storedGroups is Groups as it is kept: each group once.
type storedGroups struct {
	Groups                   []Group
	Environments, Categories []storedSet
	Others                   []int // in Groups
}

// storedSet is a GroupSet.
type storedSet struct {
	ID, Name, Description string
	Members               []storedMember
}

type storedMember struct {
	At              int // in Groups
	Option, Default bool
}

// addGroups reads comps.
func (b *builder) addGroups(ctx context.Context) error {
	in, err := b.openBounded(ctx, maxComps, "group_gz", "group", "group_xz", "group_zst")
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	c, err := comps.Read(in)
	if err != nil {
		return err
	}
	w := &groupWriter{b: b, out: b.newBlockWriter(), at: map[string]int{}}
	if err := w.groups(c.Groups); err != nil {
		return err
	}
	w.list.Environments, w.list.Categories = w.environments(c.Environments), w.categories(c.Categories)
	for i, d := range w.details {
		if len(d.In) == 0 {
			w.list.Others = append(w.list.Others, i)
		}
	}
	return w.write()
}

// groupWriter makes the tables of groups.
type groupWriter struct {
	b       *builder
	out     *blockWriter
	at      map[string]int // in the next two, by id
	list    storedGroups
	details []GroupDetail
	members int
}

// inOrder sorts what comps has as dnf shows it: by its order, and last what has
// none.
func inOrder[T any](list []T, order func(*T) (int, string)) {
	slices.SortStableFunc(list, func(x, y T) int {
		a, nameA := order(&x)
		b, nameB := order(&y)
		if a == 0 {
			a = math.MaxInt
		}
		if b == 0 {
			b = math.MaxInt
		}
		return cmp.Or(cmp.Compare(a, b), cmp.Compare(strings.ToLower(nameA), strings.ToLower(nameB)))
	})
}

// groups takes groups in. Those of one id are one.
func (w *groupWriter) groups(list []comps.Group) error {
	inOrder(list, func(g *comps.Group) (int, string) { return g.Order, g.Name })
	packages := map[string][]comps.PackageRef{}
	for _, g := range list {
		packages[g.ID] = append(packages[g.ID], g.Packages...)
	}
	for _, g := range list {
		if _, ok := w.at[g.ID]; ok {
			continue
		}
		if len(w.details) == maxGroups {
			w.b.missing("groups beyond the first %d", maxGroups)
			break
		}
		d := GroupDetail{
			Group:    Group{ID: g.ID, Name: cmp.Or(g.Name, g.ID), Description: cut(g.Description, maxText), Default: g.Default, Hidden: g.Hidden},
			LangOnly: g.LangOnly,
		}
		w.at[g.ID] = len(w.details)
		if err := w.packages(&d, packages[g.ID]); err != nil {
			return err
		}
		w.details = append(w.details, d)
		short := d.Group
		short.Description = cut(short.Description, maxListText)
		w.list.Groups = append(w.list.Groups, short)
	}
	w.b.info.Groups = len(w.details)
	return nil
}

// packages looks for the packages of a group.
func (w *groupWriter) packages(d *GroupDetail, list []comps.PackageRef) error {
	seen := map[comps.PackageRef]bool{}
	names := map[string]bool{}
	listed := 0
	for _, ref := range list {
		var to *[]GroupPackage
		switch ref.Type {
		case "mandatory", "":
			ref.Type, to = "mandatory", &d.Mandatory
		case "default":
			to = &d.Defaults
		case "conditional":
			to = &d.Conditional
		default:
			to = &d.Optional
		}
		if seen[ref] {
			continue
		}
		seen[ref] = true
		p := GroupPackage{Name: ref.Name, Requires: ref.Requires, Arch: ref.Arch}
		if err := w.find(&p); err != nil {
			return err
		}
		if !names[p.Name] && p.Here {
			d.Here++
		} else if !names[p.Name] {
			d.Missing++
		}
		names[p.Name] = true
		if listed++; listed > maxGroupPackages {
			d.More++
			continue
		}
		*to = append(*to, p)
	}
	return nil
}

// find looks for the newest package of a name.
func (w *groupWriter) find(p *GroupPackage) error {
	list, err := named(w.b.conn, p.Name)
	if err == nil && len(list) > 0 {
		p.Here, p.Newest, p.Summary = true, list[0].NEVRA, cut(list[0].Summary, maxListText)
	}
	return err
}

func (w *groupWriter) environments(list []comps.Environment) (sets []storedSet) {
	inOrder(list, func(v *comps.Environment) (int, string) { return v.Order, v.Name })
	for _, v := range list {
		s := storedSet{ID: v.ID, Name: cmp.Or(v.Name, v.ID), Description: cut(v.Description, maxListText)}
		for _, id := range v.Groups {
			w.member(&s, "environment", id, nil)
		}
		for _, o := range v.Options {
			w.member(&s, "environment", o.ID, &o)
		}
		sets = append(sets, s)
	}
	return w.bound("environments", sets)
}

func (w *groupWriter) categories(list []comps.Category) (sets []storedSet) {
	inOrder(list, func(v *comps.Category) (int, string) { return v.Order, v.Name })
	for _, v := range list {
		s := storedSet{ID: v.ID, Name: cmp.Or(v.Name, v.ID), Description: cut(v.Description, maxListText)}
		for _, id := range v.Groups {
			w.member(&s, "category", id, nil)
		}
		sets = append(sets, s)
	}
	return w.bound("categories", sets)
}

func (w *groupWriter) bound(words string, sets []storedSet) []storedSet {
	if len(sets) > maxSets {
		w.b.missing("%s beyond the first %d", words, maxSets)
		sets = sets[:maxSets]
	}
	return sets
}

// member adds a group to an environment or a category; option is nil where it
// belongs to it.
func (w *groupWriter) member(s *storedSet, kind, id string, option *comps.Option) {
	at, ok := w.at[id]
	if !ok || slices.ContainsFunc(s.Members, func(m storedMember) bool { return m.At == at }) {
		return
	}
	if w.members++; w.members > maxMembers {
		if w.members == maxMembers+1 {
			w.b.missing("groups of environments and categories beyond the first %d", maxMembers)
		}
		return
	}
	m := storedMember{At: at, Default: w.details[at].Default}
	if option != nil {
		m.Option, m.Default = true, option.Default
	}
	s.Members = append(s.Members, m)
	w.details[at].In = append(w.details[at].In, GroupRef{ID: s.ID, Name: s.Name, Type: kind})
}

func (w *groupWriter) write() error {
	group, err := w.b.insert("compsgroup", "id", "name", "place")
	if err != nil {
		return err
	}
	pkg, err := w.b.insert("compspackage", "name", "grp", "type", "title")
	if err != nil {
		return err
	}
	for i, d := range w.details {
		at, err := addJSON(w.out, d)
		if err != nil {
			return err
		}
		group.integer(int64(i))
		group.text(d.ID)
		group.integer(int64(at))
		if err := group.add(); err != nil {
			return err
		}
		for _, part := range d.parts() {
			seen := map[string]bool{}
			for _, p := range *part.list {
				if seen[p.Name] {
					continue
				}
				seen[p.Name] = true
				pkg.text(p.Name)
				pkg.integer(int64(i))
				pkg.text(part.name)
				pkg.text(d.Name)
				if err := pkg.add(); err != nil {
					return err
				}
			}
		}
	}
	at, err := addJSON(w.out, w.list)
	if err != nil {
		return err
	}
	list, err := w.b.insert("compslist", "place")
	if err != nil {
		return err
	}
	list.integer(int64(at))
	if err := list.add(); err != nil {
		return err
	}
	return w.out.flush()
}

// part is the packages of a group that are of a type.
type part struct {
	name string
	list *[]GroupPackage
}

func (d *GroupDetail) parts() []part {
	return []part{{"mandatory", &d.Mandatory}, {"default", &d.Defaults}, {"optional", &d.Optional}, {"conditional", &d.Conditional}}
}

// Groups returns how comps sorts packages. It is empty where there is no comps.
func (c *Catalog) Groups(ctx context.Context) (g Groups, err error) {
	err = c.query(ctx, func(conn *sqlite.Conn) error {
		at, err := onePlace(conn, "SELECT place FROM compslist")
		if err != nil {
			return noneIsNoError(err)
		}
		var stored storedGroups
		if err := readJSON(conn, at, &stored); err != nil {
			return err
		}
		g, err = stored.groups()
		return err
	})
	return g, err
}

func (s *storedGroups) groups() (g Groups, err error) {
	group := func(at int) (Group, error) {
		if at < 0 || at >= len(s.Groups) {
			return Group{}, damaged("there is no group %d", at)
		}
		return s.Groups[at], nil
	}
	sets := func(stored []storedSet) (list []GroupSet, err error) {
		for _, s := range stored {
			set := GroupSet{ID: s.ID, Name: s.Name, Description: s.Description}
			for _, m := range s.Members {
				g, err := group(m.At)
				if err != nil {
					return nil, err
				}
				g.Option, g.Default = m.Option, m.Default
				set.Groups = append(set.Groups, g)
			}
			list = append(list, set)
		}
		return list, nil
	}
	if g.Environments, err = sets(s.Environments); err != nil {
		return Groups{}, err
	}
	if g.Categories, err = sets(s.Categories); err != nil {
		return Groups{}, err
	}
	for _, at := range s.Others {
		other, err := group(at)
		if err != nil {
			return Groups{}, err
		}
		g.Others = append(g.Others, other)
	}
	return g, nil
}

// Group returns all about the group with an id, or ErrNotFound.
func (c *Catalog) Group(ctx context.Context, id string) (d GroupDetail, err error) {
	err = c.query(ctx, func(conn *sqlite.Conn) error {
		at, err := onePlace(conn, "SELECT place FROM compsgroup WHERE name = ?", id)
		if err != nil {
			return err
		}
		return readJSON(conn, at, &d)
	})
	return d, err
}

// GroupsOf returns the groups that list a package's name, in their order: one that
// lists it in several ways several times.
func (c *Catalog) GroupsOf(ctx context.Context, name string) (list []GroupRef, err error) {
	err = c.query(ctx, func(conn *sqlite.Conn) error {
		return eachRow(conn, "SELECT compsgroup.name, title, type FROM compspackage JOIN compsgroup ON id = grp WHERE compspackage.name = ? ORDER BY grp",
			func(stmt *sqlite.Stmt) error {
				list = append(list, GroupRef{ID: stmt.ColumnText(0), Name: stmt.ColumnText(1), Type: stmt.ColumnText(2)})
				return nil
			}, name)
	})
	return list, err
}

// noneIsNoError is for what a repository need not have.
func noneIsNoError(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
