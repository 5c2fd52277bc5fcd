package catalog_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/catalog"
	"gorepo/internal/testrepo/peer"
)

// askDNF prints what dnf makes of the groups, modules and advisories of a repository.
const askDNF = `
import dnf, hawkey, json, sys
work, url = sys.argv[1:]
base = dnf.Base()
c = base.conf
c.cachedir, c.persistdir, c.logdir, c.installroot, c.module_platform_id = work + "/cache", work + "/persist", work, work + "/root", "platform:el8"
c.substitutions["releasever"] = "8"
base.repos.add_new_repo("r", c, baseurl=[url], gpgcheck=0)
base.fill_sack(load_system_repo=False)
base.read_comps(arch_filter=False)
out = {"groups": {}, "sets": {}, "modules": {}, "mentions": {}}
for g in base.comps.groups:
    out["groups"][g.id] = [g.name, bool(g.default), not g.visible,
        *[sorted(p.name for p in l) for l in (g.mandatory_packages, g.default_packages, g.optional_packages, g.conditional_packages)]]
for e in base.comps.environments:
    out["sets"][e.id] = [e.name, sorted(g.id for g in e.mandatory_groups), sorted(g.id for g in e.optional_groups)]
for v in base.comps.categories:
    out["sets"][v.id] = [v.name, sorted(g.name for g in v._i.group_ids), []]
modules = base._moduleContainer
for m in modules.getModulePackages():
    s = out["modules"].setdefault(m.getName(), {}).setdefault(m.getStream(), {"default": modules.getDefaultStream(m.getName()) == m.getStream(), "builds": []})
    s["builds"].append([m.getVersion(), m.getContext(), sorted(p.getName() for p in m.getProfiles()), sorted(m.getArtifacts()), sorted({p.getName() for p in m.getProfiles()} & set(modules.getDefaultProfiles(m.getName(), m.getStream())))])
    s["builds"].sort()
for p in base.sack.query(flags=hawkey.IGNORE_EXCLUDES):
    for cmp, word in ((hawkey.EQ, "same"), (hawkey.GT, "older"), (hawkey.LT, "newer")):
        for a in p.get_advisories(cmp):
            out["mentions"].setdefault(str(p), []).append(a.id + " " + word)
print(json.dumps(out))
`

type dnfContents struct {
	Groups  map[string][]any
	Sets    map[string][]any
	Modules map[string]map[string]struct {
		Default bool
		Builds  [][]any
	}
	Mentions map[string][]string
}

// TestContentsPeer compares with what dnf makes of the same metadata.
func TestContentsPeer(t *testing.T) {
	python := "/usr/bin/python3" // the system's, whatever comes first in PATH
	if exec.Command(python, "-c", "import dnf, hawkey").Run() != nil {
		peer.Missing(t, "python3-dnf", "apt-get install python3-dnf python3-libdnf")
	}
	for name, publish := range map[string]func(testing.TB) string{"testdata": publishContents, "advisories": publishAdvisories} {
		t.Run(name, func(t *testing.T) {
			repodata := publish(t)
			cmd := exec.Command(python, "-c", askDNF, t.TempDir(), "file://"+filepath.Dir(repodata))
			var stderr strings.Builder
			cmd.Stderr = &stderr
			cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
			answer, err := cmd.Output()
			require.NoError(t, err, stderr.String())
			var theirs dnfContents
			require.NoError(t, json.Unmarshal(answer, &theirs))
			c := open(t, repodata)
			compareGroups(t, c, theirs)
			compareModules(t, c, theirs)
			compareMentions(t, c, theirs)
		})
	}
}

func compareGroups(t *testing.T, c *catalog.Catalog, theirs dnfContents) {
	t.Helper()
	assert.Len(t, theirs.Groups, c.Info().Groups)
	namesOf := func(list []catalog.GroupPackage) any {
		found := []any{}
		for _, p := range list {
			found = append(found, p.Name)
		}
		slices.SortFunc(found, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
		return found
	}
	for id, want := range theirs.Groups {
		d, err := c.Group(t.Context(), id)
		require.NoError(t, err, id)
		assert.Equal(t, want, []any{d.Name, d.Default, d.Hidden, namesOf(d.Mandatory), namesOf(d.Defaults), namesOf(d.Optional), namesOf(d.Conditional)}, id)
	}
	g, err := c.Groups(t.Context())
	require.NoError(t, err)
	ours := map[string][]any{}
	for _, s := range slices.Concat(g.Environments, g.Categories) {
		own, options := []any{}, []any{}
		for _, group := range s.Groups {
			if group.Option {
				options = append(options, group.ID)
			} else {
				own = append(own, group.ID)
			}
		}
		byText := func(a, b any) int { return strings.Compare(a.(string), b.(string)) }
		slices.SortFunc(own, byText)
		slices.SortFunc(options, byText)
		ours[s.ID] = []any{s.Name, own, options}
	}
	assert.Equal(t, theirs.Sets, ours)
}

func compareModules(t *testing.T, c *catalog.Catalog, theirs dnfContents) {
	t.Helper()
	assert.Len(t, theirs.Modules, c.Info().Modules)
	for name, streams := range theirs.Modules {
		for stream, want := range streams {
			d, err := c.Module(t.Context(), name, stream)
			require.NoError(t, err)
			assert.Len(t, d.Others, len(streams)-1)
			assert.Equal(t, want.Default, d.Default, "%s:%s", name, stream)
			builds := [][]any{}
			for _, b := range d.Versions {
				profiles, defaults, artifacts := []any{}, []any{}, []any{}
				for _, p := range b.Profiles {
					profiles = append(profiles, p.Name)
					if p.Default {
						defaults = append(defaults, p.Name)
					}
				}
				for _, p := range b.Packages {
					artifacts = append(artifacts, p.Name+"-"+orZero(p.Epoch)+":"+p.Version+"-"+p.Release+"."+p.Arch)
				}
				for _, list := range [][]any{profiles, defaults, artifacts} {
					slices.SortFunc(list, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
				}
				builds = append(builds, []any{strconv.FormatUint(b.Version, 10), b.Context, profiles, artifacts, defaults})
			}
			assert.ElementsMatch(t, want.Builds, builds, "%s:%s", name, stream)
		}
	}
}

func compareMentions(t *testing.T, c *catalog.Catalog, theirs dnfContents) {
	t.Helper()
	page, err := c.List(t.Context(), catalog.ListOptions{Limit: 1000})
	require.NoError(t, err)
	compared := 0
	for _, p := range page.Packages {
		var ours []string
		list, err := c.AdvisoriesFor(t.Context(), p.String())
		require.NoError(t, err)
		for _, m := range list {
			ours = append(ours, m.ID+" "+string(m.Fix))
		}
		slices.Sort(ours)
		want := theirs.Mentions[p.String()]
		// dnf has an advisory of several versions, or parts, under each; and none for a
		// module that is not enabled.
		want = slices.DeleteFunc(want, func(s string) bool {
			id, fix, _ := strings.Cut(s, " ")
			return fix != "same" && slices.Contains(want, id+" same") || fix == "newer" && slices.Contains(want, id+" older")
		})
		ours = slices.DeleteFunc(ours, func(s string) bool { return strings.HasPrefix(s, "N-1") })
		slices.Sort(want)
		want = slices.DeleteFunc(slices.Compact(want), func(s string) bool { return strings.HasPrefix(s, "N-1") })
		assert.ElementsMatch(t, want, ours, p.String())
		compared += len(ours)
	}
	assert.Positive(t, compared)
}
