package pages_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"gorepo/internal/catalog"
	"gorepo/internal/health"
	"gorepo/internal/pages"
)

// serving gives the pages of one repository, with a package p0, p1, ... of each release.
func serving(repo pages.Repo, tree string, releases ...string) http.Handler {
	f := &fake{}
	f.contents()
	for i, r := range releases {
		f.add(pkg(fmt.Sprint("p", i), "2", "1", r, "x86_64", ""))
	}
	return pages.New(pages.Options{
		Repos: func(*http.Request) []pages.Repo { return []pages.Repo{repo} },
		Catalog: func(string) (pages.Catalog, func(), catalog.Status) {
			return f, func() {}, catalog.Status{Current: true}
		},
		Base:         func(*http.Request) (string, bool) { return "http://m", true },
		ClientConfig: func(*http.Request, string) string { return "x" },
		Tree:         func(string) string { return tree },
	})
}

// toolsOf are the tools of a repository's page, in their order.
func toolsOf(t *testing.T, repo pages.Repo, tree string, releases ...string) (tools []string) {
	t.Helper()
	repo.ID = "r" + repo.ID
	h := serving(repo, tree, releases...)
	w := get(t, h, "/-/repos/"+repo.ID+"/")
	assert.Equal(t, 200, w.Code)
	check(t, w.Body.String())
	for _, m := range regexp.MustCompile(`<h3>([^<]*) <span class="dim">`).FindAllStringSubmatch(w.Body.String(), -1) {
		tools = append(tools, m[1])
	}
	return tools
}

// The command that suits a repository comes before the others.
func TestToolsOfTheFamily(t *testing.T) {
	usual := []string{"dnf", "dnf 5", "yum", "zypper", "curl", "Once"}
	first := func(tool string) []string {
		return append([]string{tool}, slices.DeleteFunc(slices.Clone(usual), func(x string) bool { return x == tool })...)
	}
	suse := []string{"lp155.2.1", "150500.3.6.1", "lp155.3.1"}
	for name, c := range map[string]struct {
		repo     pages.Repo
		tree     string
		releases []string
		want     string
	}{
		"nothing known":  {pages.Repo{}, "", nil, "dnf"},
		"an id":          {pages.Repo{ID: "-leap-15.6-oss"}, "", nil, "zypper"},
		"an id of SLE":   {pages.Repo{ID: "-sles15-sp5-updates"}, "", nil, "zypper"},
		"a name":         {pages.Repo{Name: "SUSE Linux Enterprise Server 15 SP5"}, "", nil, "zypper"},
		"Tumbleweed":     {pages.Repo{Upstream: []string{"https://download.example/tumbleweed/repo/oss/"}}, "", []string{"1.1", "2.3"}, "zypper"},
		"no word of it":  {pages.Repo{ID: "leaps-and-sleds-of-data"}, "", nil, "dnf"},
		"a host":         {pages.Repo{Upstream: []string{"https://download.opensuse.org/repositories/home:/x/"}}, "", nil, "zypper"},
		"a host, for EL": {pages.Repo{Upstream: []string{"https://download.opensuse.org/repositories/home:/x/CentOS_8/"}}, "", nil, "dnf"},
		"a host, of EL":  {pages.Repo{Upstream: []string{"https://download.opensuse.org/repositories/home:/x/"}}, "", []string{"1.el9", "3.el9"}, "dnf"},
		"a CPE":          {pages.Repo{Health: health.Repo{Distro: []string{"cpe:/o:opensuse:leap:15.5", "openSUSE Leap"}}}, "", nil, "zypper"},
		"a CPE of EL":    {pages.Repo{Name: "our suse hosts", Health: health.Repo{Distro: []string{"cpe:/o:rocky:rocky:9", ""}}}, "", nil, "dnf"},
		"a tree":         {pages.Repo{}, "SUSE Linux Enterprise", nil, "zypper"},
		"releases":       {pages.Repo{Name: "Ours"}, "", suse, "zypper"},
		"a few of them":  {pages.Repo{}, "", append([]string{"1.el8", "1", "2", "3"}, suse...), "dnf"},
		"both":           {pages.Repo{Name: "SUSE Liberty Linux 7 (RHEL)"}, "", []string{"1.el7", "2.el7_9"}, "yum"},
		"CentOS 7":       {pages.Repo{ID: "-centos-7-updates"}, "", nil, "yum"},
		"Rocky 9":        {pages.Repo{Name: "Rocky Linux 9"}, "", suse, "dnf"},
		"Fedora 42":      {pages.Repo{Name: "Fedora 42"}, "", nil, "dnf 5"},
		"fc43":           {pages.Repo{}, "", []string{"1.fc43", "2.fc43"}, "dnf 5"},
		"Fedora 40":      {pages.Repo{Name: "Fedora 40"}, "", nil, "dnf"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, first(c.want), toolsOf(t, c.repo, c.tree, c.releases...))
		})
	}
}

// Commands on the pages are those of the repository's hosts.
func TestCommandsOfTheFamily(t *testing.T) {
	for name, c := range map[string]struct {
		repo     pages.Repo
		release  string
		commands map[string]string // by page
	}{
		"dnf": {pages.Repo{ID: "epel-9"}, "1.el9", map[string]string{
			"packages/p0":                 "sudo dnf install p0",
			"package/p0-2:1-1.el9.x86_64": "sudo dnf install p0-2:1-1.el9.x86_64",
			"groups/core":                 "sudo dnf group install core",
			"advisories/RLSA-2026:1234":   "sudo dnf update --advisory=RLSA-2026:1234",
		}},
		"dnf 5": {pages.Repo{ID: "fedora-43"}, "1.fc43", map[string]string{"packages/p0": "sudo dnf install p0"}},
		"yum": {pages.Repo{ID: "centos-7"}, "1.el7", map[string]string{
			"packages/p0": "sudo yum install p0",
			"groups/core": "sudo yum groupinstall core",
		}},
		"zypper": {pages.Repo{ID: "leap-15.6"}, "lp156.1.2", map[string]string{
			"packages/p0":                     "sudo zypper install p0",
			"package/p0-2:1-lp156.1.2.x86_64": "sudo zypper install p0.x86_64=2:1-lp156.1.2",
			"advisories/RLSA-2026:1234":       "sudo zypper install --type patch RLSA-2026:1234",
		}},
		"zypper, by its release": {pages.Repo{ID: "ours"}, "150500.3.6.1", map[string]string{"packages/p0": "sudo zypper install p0"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := serving(c.repo, "", c.release)
			for page, want := range c.commands {
				w := get(t, h, "/-/repos/"+c.repo.ID+"/"+page)
				assert.Equal(t, 200, w.Code, page)
				assert.Contains(t, check(t, w.Body.String()).text, want)
			}
		})
	}
}
