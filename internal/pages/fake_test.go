package pages_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gorepo/internal/catalog"
	"gorepo/internal/health"
	"gorepo/internal/mirror"
	"gorepo/internal/pages"
	"gorepo/internal/rpmpkg"
)

var now = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// fake is a catalog of what a test has put in it.
type fake struct {
	info     catalog.Info
	packages []catalog.Details
	files    map[int64][]catalog.File
	changes  map[int64][]catalog.Change
	broken   error // what files and changelogs end with
	search   func() error

	groups     catalog.Groups
	group      []catalog.GroupDetail
	modules    []catalog.Module
	module     []catalog.ModuleDetail
	advisories []catalog.AdvisoryDetail
	published  []catalog.Publication
	changed    []catalog.PackageChange
}

func (f *fake) add(d catalog.Details) *catalog.Details {
	d.ID = int64(len(f.packages) + 1)
	f.packages = append(f.packages, d)
	f.info.Packages++
	f.info.Bytes += d.Size
	return &f.packages[len(f.packages)-1]
}

func (f *fake) Info() catalog.Info { return f.info }

func (f *fake) Arches(context.Context) ([]string, error) {
	var arches []string
	for _, p := range f.packages {
		arches = append(arches, p.Arch)
	}
	slices.Sort(arches)
	return slices.Compact(arches), nil
}

func (f *fake) List(_ context.Context, o catalog.ListOptions) (catalog.Page, error) {
	var found []catalog.Package
	for _, d := range f.packages {
		p := d.Package
		fits := strings.Contains(p.Name, o.Filter)
		if strings.ContainsAny(o.Filter, "*?[") {
			fits, _ = path.Match(o.Filter, p.Name)
		}
		if fits && (o.Arch == "" || o.Arch == p.Arch) {
			found = append(found, p)
		}
	}
	slices.SortStableFunc(found, func(a, b catalog.Package) int {
		c := 0
		switch o.Sort {
		case catalog.SortSize:
			c = cmp.Compare(a.Size, b.Size)
		case catalog.SortBuilt:
			c = a.Built.Compare(b.Built)
		case catalog.SortAdded:
			c = a.Added.Compare(b.Added)
		default:
			c = cmp.Compare(a.Name, b.Name)
		}
		if o.Descending {
			return -c
		}
		return c
	})
	total := len(found)
	found = found[min(o.Offset, total):min(o.Offset+o.Limit, total)]
	return catalog.Page{Total: total, Packages: found}, nil
}

func (f *fake) Named(_ context.Context, name string) ([]catalog.Package, error) {
	var found []catalog.Package
	for _, d := range f.packages {
		if d.Name == name {
			found = append(found, d.Package)
		}
	}
	slices.SortStableFunc(found, func(a, b catalog.Package) int { return b.Compare(a.EVR) })
	return found, nil
}

func (f *fake) Find(_ context.Context, nevra string) (catalog.Package, error) {
	for _, d := range f.packages {
		if d.String() == nevra {
			return d.Package, nil
		}
	}
	return catalog.Package{}, fmt.Errorf("%s: %w", nevra, catalog.ErrNotFound)
}

func (f *fake) Details(_ context.Context, id int64) (catalog.Details, error) {
	return f.packages[id-1], nil
}

func (f *fake) Files(_ context.Context, id int64) ([]catalog.File, error) {
	if f.broken != nil {
		return nil, f.broken
	}
	return f.files[id], nil
}

func (f *fake) Changelog(_ context.Context, id int64) ([]catalog.Change, error) {
	if f.broken != nil {
		return nil, f.broken
	}
	return f.changes[id], nil
}

func (f *fake) Providers(_ context.Context, names []string) (map[string][]catalog.Provider, error) {
	found := map[string][]catalog.Provider{}
	for _, d := range f.packages {
		for _, p := range d.Provides {
			if slices.Contains(names, p.Name) {
				found[p.Name] = append(found[p.Name], catalog.Provider{Name: d.Name, NEVRA: d.String()})
			}
		}
	}
	return found, nil
}

func (f *fake) Search(_ context.Context, q string, offset, limit int) (catalog.Hits, error) {
	if f.search != nil {
		return catalog.Hits{}, f.search()
	}
	var hits []catalog.Hit
	for _, d := range f.packages {
		switch {
		case strings.Contains(d.Name, q):
			hits = append(hits, catalog.Hit{Package: d.Package, Versions: 1, Where: "name"})
		case slices.ContainsFunc(f.files[d.ID], func(f catalog.File) bool { return f.Path == q }):
			hits = append(hits, catalog.Hit{Package: d.Package, Versions: 1, Where: "file", Match: q})
		case strings.Contains(d.Summary, q):
			hits = append(hits, catalog.Hit{Package: d.Package, Versions: 2, Where: "summary"})
		}
	}
	total := len(hits)
	return catalog.Hits{Total: total, Hits: hits[min(offset, total):min(offset+limit, total)]}, nil
}

// site is a mirror of fakes.
type site struct {
	repos    []pages.Repo
	catalogs map[string]*fake
	status   map[string]catalog.Status
	hidden   map[string]bool // from everybody
	released int
	taken    int
}

func (s *site) handler() *pages.Handler {
	return pages.New(pages.Options{
		Repos: func(*http.Request) []pages.Repo {
			return slices.DeleteFunc(slices.Clone(s.repos), func(r pages.Repo) bool { return s.hidden[r.ID] })
		},
		Catalog: func(id string) (pages.Catalog, func(), catalog.Status) {
			c := s.catalogs[id]
			if c == nil {
				return nil, nil, s.status[id]
			}
			s.taken++
			st, ok := s.status[id]
			if !ok {
				st.Current = true
			}
			return c, func() { s.released++ }, st
		},
		Base: func(r *http.Request) (string, bool) { return "http://" + r.Host, true },
		ClientConfig: func(r *http.Request, id string) string {
			return "[" + id + "]\nname=" + id + "\nbaseurl=http://" + r.Host + "/" + id + "/\nenabled=1\ngpgcheck=1\n"
		},
		Root: func(*http.Request) ([]pages.Entry, error) {
			return []pages.Entry{{Name: "epel-9", Dir: true}, {Name: "isos", Dir: true}, {Name: "RPM-GPG-KEY 1", Size: 1627}}, nil
		},
		Version: "1.2.3",
		Now:     func() time.Time { return now },
	})
}

func pkg(name, epoch, version, release, arch, summary string) catalog.Details {
	d := catalog.Details{Package: catalog.Package{
		NEVRA:   rpmpkg.NEVRA{Name: name, EVR: rpmpkg.EVR{Epoch: epoch, Version: version, Release: release}, Arch: arch},
		Summary: summary, License: "GPLv3+", Size: 1_842_311, Installed: 7_738_778, SourceRPM: name + "-" + version + "-" + release + ".src.rpm",
		Built: now.Add(-90 * 24 * time.Hour), Added: now.Add(-23 * 24 * time.Hour),
		Checksum: rpmpkg.Checksum{Type: "sha256", Hex: "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"},
	}}
	d.Location = "Packages/" + name[:1] + "/" + name + "-" + version + "-" + release + "." + arch + ".rpm"
	d.Provides = []catalog.Dependency{{Name: name, Flags: "EQ", EVR: d.EVR.String()}}
	return d
}

// sample is a mirror such as there are many.
func sample() *site {
	f := &fake{files: map[int64][]catalog.File{}, changes: map[int64][]catalog.Change{}}
	bash := pkg("bash", "0", "5.1.8", "6.el9", "x86_64", "The GNU Bourne Again shell")
	bash.Description = "The GNU Bourne Again shell (Bash) is a shell or command language\ninterpreter that is compatible with the Bourne shell (sh)."
	bash.URL, bash.Vendor, bash.Packager = "https://www.gnu.org/software/bash", "Rocky Enterprise Software Foundation", "Rocky Linux Build System <releng@rockylinux.org>"
	bash.Requires = []catalog.Dependency{
		{Name: "filesystem", Flags: "GE", EVR: "3", Pre: true},
		{Name: "libc.so.6(GLIBC_2.34)(64bit)"},
		{Name: "libtinfo.so.6()(64bit)"},
		{Name: "rpmlib(FileDigests)", Flags: "LE", EVR: "4.6.0-1"},
	}
	bash.Provides = append(bash.Provides, catalog.Dependency{Name: "/bin/sh"}, catalog.Dependency{Name: "bash(x86-64)", Flags: "EQ", EVR: "5.1.8-6.el9"})
	b := f.add(bash)
	for _, p := range []string{"/etc/skel/.bashrc", "/usr/bin/bash", "/usr/bin/sh", "/usr/share/man/man1/bash.1.gz"} {
		f.files[b.ID] = append(f.files[b.ID], catalog.File{Path: p})
	}
	f.files[b.ID] = append(f.files[b.ID], catalog.File{Path: "/usr/share/doc/bash", Type: "dir"}, catalog.File{Path: "/var/log/bash", Type: "ghost"})
	f.changes[b.ID] = []catalog.Change{
		{Author: "Siteshwar Vashisht <svashisht@redhat.com> - 5.1.8-6", Time: now.Add(-400 * 24 * time.Hour), Text: "- Add a null check in parameter_brace_transform() function\n  Resolves: #2122331"},
		{Author: "Siteshwar Vashisht <svashisht@redhat.com> - 5.1.8-5", Time: now.Add(-500 * 24 * time.Hour), Text: "- Fix memory leak in fork"},
	}
	older := pkg("bash", "0", "5.1.8", "4.el9", "x86_64", "The GNU Bourne Again shell")
	older.Added = time.Time{}
	f.add(older)
	glibc := pkg("glibc", "0", "2.34", "60.el9", "x86_64", "The GNU libc libraries")
	glibc.Provides = append(glibc.Provides, catalog.Dependency{Name: "libc.so.6(GLIBC_2.34)(64bit)"})
	f.add(glibc)
	f.add(pkg("libstdc++", "0", "11.3.1", "4.3.el9", "i686", "GNU Standard C++ Library"))
	f.add(pkg("openssl", "1", "3.0.7", "6.el9_2", "x86_64", "Utilities from the general purpose cryptography library with TLS implementation"))
	f.add(pkg("tilde", "0", "1.0~rc1^git2", "1", "noarch", "Odd characters in a version"))
	for i := range 240 {
		p := pkg(fmt.Sprintf("python3-module%03d", i), "0", "1."+fmt.Sprint(i), "1.el9", "noarch", "A module for Python")
		p.Size = int64(i+1) * 1000
		f.add(p)
	}
	f.info.Names, f.info.Generation, f.info.Revision, f.info.Published = 245, strings.Repeat("ab", 32), "1764000000", now.Add(-5*time.Hour)
	f.contents()
	old := &fake{}
	old.add(pkg("bash", "0", "3.2", "33.el5", "i386", "The GNU Bourne Again shell version 3.2"))
	return &site{
		repos: []pages.Repo{
			{
				ID: "epel-9", Name: "Extra Packages for Enterprise Linux 9", Release: "9", Arch: "x86_64", Configured: true, GPGCheck: true,
				Upstream:        []string{"https://mirrors.fedoraproject.org/metalink?repo=epel-9&arch=x86_64"},
				KeyFingerprints: []string{"FF8AD1344597106ECE813B918A3872BF3228467C"}, Keys: "-/keys/epel-9.asc",
				Health: health.Repo{
					ID: "epel-9", Published: true, Generation: now.Add(-5 * time.Hour), Revision: "1764000000", Packages: 246, Level: health.OK, Reason: "last complete sync 5 hours ago",
					Sync: mirror.SyncState{Time: now.Add(-5 * time.Hour), Complete: now.Add(-5 * time.Hour), Outcome: mirror.OutcomeComplete, Bytes: 1 << 34},
				},
			},
			{
				ID: "centos-5", Name: "CentOS 5 base", Release: "5", Arch: "i386", Configured: true,
				Health: health.Repo{
					ID: "centos-5", Published: true, Packages: 1, Level: health.Late, Reason: "last complete sync 12 days ago; limit 2 days",
					Sync: mirror.SyncState{Time: now.Add(-12 * 24 * time.Hour), Complete: now.Add(-12 * 24 * time.Hour), Outcome: mirror.OutcomeComplete},
				},
			},
			{
				ID: "indexing", Name: "Rocky Linux 9 AppStream", Release: "9", Arch: "aarch64", Configured: true,
				Health: health.Repo{
					ID: "indexing", Published: true, Packages: 6821, Level: health.Failing, Reason: "last sync failed 3 hours ago; last complete sync 27 hours ago",
					Sync: mirror.SyncState{Time: now.Add(-3 * time.Hour), Complete: now.Add(-27 * time.Hour), Outcome: mirror.OutcomeFailed, Bytes: 11 << 30},
				},
			},
			{ID: "new", Configured: true, Health: health.Repo{ID: "new", Level: health.Empty, Reason: "never published", Packages: -1}},
		},
		catalogs: map[string]*fake{"epel-9": f, "centos-5": old},
		status:   map[string]catalog.Status{"indexing": {Building: now.Add(-10 * time.Second), Progress: 0.4}},
		hidden:   map[string]bool{},
	}
}

// get asks a handler, as a browser would.
func get(t testing.TB, h http.Handler, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "http://mirror.example"+target, nil)
	for _, header := range headers {
		name, value, ok := strings.Cut(header, ": ")
		require.True(t, ok)
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func (f *fake) Groups(context.Context) (catalog.Groups, error) { return f.groups, nil }

func (f *fake) Group(_ context.Context, id string) (catalog.GroupDetail, error) {
	for _, g := range f.group {
		if g.ID == id {
			return g, nil
		}
	}
	return catalog.GroupDetail{}, catalog.ErrNotFound
}

func (f *fake) GroupsOf(_ context.Context, name string) ([]catalog.GroupRef, error) {
	var refs []catalog.GroupRef
	for _, g := range f.group {
		for _, p := range g.Mandatory {
			if p.Name == name {
				refs = append(refs, catalog.GroupRef{ID: g.ID, Name: g.Name, Type: "mandatory"})
			}
		}
	}
	return refs, nil
}

func (f *fake) Modules(context.Context) ([]catalog.Module, error) { return f.modules, nil }

func (f *fake) Module(_ context.Context, name, stream string) (catalog.ModuleDetail, error) {
	for _, m := range f.module {
		if m.Name == name && m.Stream == stream {
			return m, nil
		}
	}
	return catalog.ModuleDetail{}, catalog.ErrNotFound
}

func (f *fake) Advisories(_ context.Context, o catalog.AdvisoryOptions) (catalog.AdvisoryPage, error) {
	page := catalog.AdvisoryPage{
		Severities: []catalog.Facet{{Value: "Important", Count: 1}, {Value: "", Count: 1}},
		Types:      []catalog.Facet{{Value: "security", Count: 1}, {Value: "bugfix", Count: 1}},
	}
	for _, a := range f.advisories {
		severity := strings.EqualFold(o.Severity, a.Severity) || o.Severity == "" || o.Severity == "-" && a.Severity == ""
		cve := o.CVE == "" || slices.ContainsFunc(a.CVEs, func(c string) bool { return strings.HasPrefix(c, o.CVE) })
		if severity && cve && (o.Type == "" || o.Type == a.Type) && strings.Contains(a.Title, o.Text) && (!o.Fixable || a.Here > 0) &&
			!a.Issued.Before(o.Since) && (o.Until.IsZero() || a.Issued.Before(o.Until)) {
			page.Advisories = append(page.Advisories, a.Advisory)
		}
	}
	page.Total = len(page.Advisories)
	page.Advisories = page.Advisories[min(o.Offset, page.Total):min(o.Offset+o.Limit, page.Total)]
	return page, nil
}

func (f *fake) Advisory(_ context.Context, id string) (catalog.AdvisoryDetail, error) {
	for _, a := range f.advisories {
		if a.ID == id {
			return a, nil
		}
	}
	return catalog.AdvisoryDetail{}, catalog.ErrNotFound
}

// contents gives a fake groups, modules and advisories.
func (f *fake) contents() {
	at := func(name, version, release, arch string) rpmpkg.NEVRA {
		return rpmpkg.NEVRA{Name: name, EVR: rpmpkg.EVR{Epoch: "0", Version: version, Release: release}, Arch: arch}
	}
	core := catalog.Group{ID: "core", Name: "Core", Description: "Smallest possible installation", Here: 2, Missing: 1, Default: true}
	gnome := catalog.Group{ID: "gnome-desktop", Name: "GNOME", Description: "A desktop", Here: 0, Missing: 12, Option: true}
	f.groups = catalog.Groups{
		Environments: []catalog.GroupSet{{ID: "minimal-environment", Name: "Minimal Install", Description: "Basic functionality.", Groups: []catalog.Group{core, gnome}}},
		Categories:   []catalog.GroupSet{{ID: "apps", Name: "Applications"}},
		Others:       []catalog.Group{{ID: "c++ tools/x", Name: "", Here: 1}},
	}
	f.group = []catalog.GroupDetail{
		{
			Group: core, In: []catalog.GroupRef{{ID: "minimal-environment", Name: "Minimal Install", Type: "environment"}},
			Mandatory: []catalog.GroupPackage{{Name: "bash", Here: true, Newest: at("bash", "5.1.8", "6.el9", "x86_64"), Summary: "The GNU Bourne Again shell"}, {Name: "systemd"}},
			Optional:  []catalog.GroupPackage{{Name: "glibc", Here: true, Newest: at("glibc", "2.34", "60.el9", "x86_64"), Requires: "bash"}},
		},
		{Group: gnome},
		{Group: f.groups.Others[0]},
	}
	latest := catalog.ModuleStream{Stream: "2.4", Default: true, Profiles: []string{"common", "devel"}, Builds: 1, Arches: []string{"x86_64"}, Here: 1, Missing: 1}
	old := catalog.ModuleStream{Stream: "2.2", Builds: 1, Arches: []string{"x86_64"}, Obsolete: &catalog.ModuleEnd{Message: "Not supported any more.", By: "httpd:2.4"}}
	f.modules = []catalog.Module{{Name: "httpd", Summary: "Apache HTTP Server", Streams: []catalog.ModuleStream{latest, old}}}
	f.module = []catalog.ModuleDetail{
		{
			Name: "httpd", ModuleStream: latest, Others: []catalog.ModuleStream{old}, Summary: "Apache HTTP Server", Description: "A powerful, efficient, and extensible HTTP server.",
			Licenses: []string{"MIT"}, Community: "https://httpd.apache.org/", Documentation: "javascript:alert(1)",
			Versions: []catalog.ModuleBuild{{
				Version: 820190206142837, Context: "9edba152", Arch: "x86_64", Requires: [][]string{{"platform:el8"}},
				Profiles: []catalog.ModuleProfile{{Name: "common", Description: "The usual", Default: true, Packages: []string{"bash"}}},
				Packages: []catalog.ModulePackage{{NEVRA: at("bash", "5.1.8", "6.el9", "x86_64"), Here: true}, {NEVRA: at("mod_ssl", "2.4.37", "10", "x86_64")}},
			}},
		},
		{Name: "httpd", ModuleStream: old, Others: []catalog.ModuleStream{latest}},
	}
	f.advisories = []catalog.AdvisoryDetail{
		{
			Advisory: catalog.Advisory{
				ID: "RLSA-2026:1234", Title: "Important: openssl security update", Type: "security", Severity: "Important", Issued: now.Add(-24 * time.Hour), Updated: now,
				CVEs: []string{"CVE-2026-0001", "CVE-2026-0002"}, Here: 1, Older: 1, Packages: 4,
			},
			From: "releng@rockylinux.org", Description: "An update for openssl is now available.", Solution: "Update.", Reboot: true,
			References: []catalog.AdvisoryReference{{Type: "cve", ID: "CVE-2026-0001", Href: "https://example.org/CVE-2026-0001"}, {Type: "other", Title: "odd", Href: "javascript:alert(1)"}},
			Collections: []catalog.AdvisoryCollection{{Name: "BaseOS", Modules: []catalog.ModuleRef{{Name: "httpd", Stream: "2.4"}}, Packages: []catalog.AdvisoryPackage{
				{NEVRA: at("bash", "5.1.8", "6.el9", "x86_64"), Fix: catalog.FixSame, By: at("bash", "5.1.8", "6.el9", "x86_64")},
				{NEVRA: at("glibc", "2.35", "1.el9", "x86_64"), Fix: catalog.FixOlder, By: at("glibc", "2.34", "60.el9", "x86_64")},
				{NEVRA: at("openssl", "3.0.7", "7.el9", "s390x"), Fix: catalog.FixForeign},
				{NEVRA: at("none", "1", "1", "x86_64"), Fix: catalog.FixNone},
			}}},
		},
		{Advisory: catalog.Advisory{ID: "RLBA-2026:1", Title: "bash bug fix", Type: "bugfix", Here: 0, Packages: 1}},
	}
	f.published = []catalog.Publication{
		{ID: 3, Time: now.Add(-5 * time.Hour), Revision: "1764000000", Packages: 246, Counts: mirror.Counts{Added: 1, Updated: 1, Removed: 1}, Gap: true},
		{ID: 2, Time: now.Add(-29 * time.Hour), Packages: 246},
		{ID: 1, Time: now.Add(-23 * 24 * time.Hour), Packages: 240, First: true},
	}
	f.changed = []catalog.PackageChange{
		{Publication: 3, Time: f.published[0].Time, Kind: catalog.ChangeAdded, Name: "glibc", Package: "glibc-2.34-60.el9.x86_64"},
		{Publication: 3, Time: f.published[0].Time, Kind: catalog.ChangeUpdated, Name: "bash", Package: "bash-5.1.8-6.el9.x86_64", From: "5.1.8-4.el9"},
		{Publication: 3, Time: f.published[0].Time, Kind: catalog.ChangeRemoved, Name: "gone+1", Package: "gone+1-1-1.noarch"},
	}
	f.info.Publications, f.info.HistorySince = 3, f.published[2].Time
	f.info.Groups, f.info.Modules, f.info.Advisories = 3, 1, 2
}

func (f *fake) AdvisoriesFor(_ context.Context, what string) ([]catalog.Mention, error) {
	var found []catalog.Mention
	for _, a := range f.advisories {
		for _, c := range a.Collections {
			for _, p := range c.Packages {
				switch what {
				case p.Name:
					found = append(found, catalog.Mention{Advisory: a.Advisory, Versions: []rpmpkg.EVR{p.EVR}})
				case p.By.String():
					found = append(found, catalog.Mention{Advisory: a.Advisory, Versions: []rpmpkg.EVR{p.EVR}, Fix: p.Fix})
				}
			}
		}
	}
	return found, nil
}

func (f *fake) ModulesOf(_ context.Context, id int64) ([]catalog.ModuleRef, error) {
	if f.packages[id-1].Name == "bash" && len(f.modules) > 0 {
		return []catalog.ModuleRef{{Name: "httpd", Stream: "2.4"}}, nil
	}
	return nil, nil
}

func (f *fake) Moments() (list []catalog.Moment) {
	for _, p := range slices.Backward(f.published) {
		m := catalog.Moment{Unix: p.Time.Unix(), ID: int32(p.ID)}
		for _, c := range f.changed {
			if c.Publication == p.ID {
				m.Changes++
			}
		}
		if m.Changes == 0 && (p.First || p.Gap) {
			m.Changes = -1
		}
		list = append(list, m)
	}
	return list
}

func (f *fake) MomentsOf(_ context.Context, filter, name string) ([]catalog.Moment, error) {
	some := fake{published: f.published}
	for _, c := range f.changed {
		if strings.Contains(c.Name, filter) && (name == "" || name == c.Name) {
			some.changed = append(some.changed, c)
		}
	}
	return slices.DeleteFunc(some.Moments(), func(m catalog.Moment) bool { return m.Changes <= 0 }), nil
}

func (f *fake) Publication(_ context.Context, id int64) (catalog.Publication, error) {
	for _, p := range f.published {
		if p.ID == id {
			return p, nil
		}
	}
	return catalog.Publication{}, catalog.ErrNotFound
}

func (f *fake) Publications(_ context.Context, o catalog.PublicationOptions) (catalog.PublicationPage, error) {
	var found []catalog.Publication
	for _, p := range f.published {
		if !p.Time.Before(o.Since) && (o.Until.IsZero() || p.Time.Before(o.Until)) {
			found = append(found, p)
		}
	}
	total := len(found)
	return catalog.PublicationPage{Total: total, Publications: found[min(o.Offset, total):min(o.Offset+o.Limit, total)]}, nil
}

func (f *fake) Changes(_ context.Context, o catalog.ChangeOptions) (catalog.ChangePage, error) {
	var page catalog.ChangePage
	for _, c := range f.changed {
		if (o.Publication == 0 || c.Publication == o.Publication) && strings.Contains(c.Name, o.Filter) && (o.Name == "" || o.Name == c.Name) &&
			!c.Time.Before(o.Since) && (o.Until.IsZero() || c.Time.Before(o.Until)) {
			page.Changes = append(page.Changes, c)
		}
	}
	page.Total = len(page.Changes)
	page.Changes = page.Changes[min(o.Offset, page.Total):min(o.Offset+o.Limit, page.Total)]
	if len(page.Changes) > 0 {
		for _, p := range f.published {
			if slices.ContainsFunc(page.Changes, func(c catalog.PackageChange) bool { return c.Publication == p.ID }) {
				page.Publications = append(page.Publications, p)
			}
		}
	}
	return page, nil
}
