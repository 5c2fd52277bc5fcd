package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
	"gorepo/internal/treeinfo"
)

// nightOfTree changes an upstream with an installation tree: packages of the
// repository, of the addons inside it, the addons and the images.
func nightOfTree(t testing.TB, up *testrepo.Upstream, packages []*testrepo.Package, r *rand.Rand, night int) (addons map[string][]string) {
	t.Helper()
	for have := up.Packages(); len(have) > 3+r.IntN(6); have = up.Packages() {
		up.Remove(have[r.IntN(len(have))].Href())
	}
	for i, p := range packages {
		if i == 0 || r.IntN(2) == 0 {
			up.Replace(variant(p, fmt.Sprintf("%s-%d", p.Name, night), r.IntN(50_000)))
		}
	}
	up.Change(func(o *testrepo.Options) { o.Updates = fmt.Appendf(nil, "<updates n=\"%d\"/>", night/2) })
	up.Render()
	p := packages[0]
	addons = map[string][]string{}
	tree := "[general]\nfamily = Test\nversion = 1\n[stage2]\nmainimage = images/install.img\n"
	for i := range 1 + r.IntN(2) {
		dir := fmt.Sprintf("addons/a%d", i)
		inside := variant(p, fmt.Sprintf("in%d-%d", i, night/3), 1000)
		inside.Location = path.Base(inside.Location)
		other := variant(p, fmt.Sprintf("out%d-%d", i, night/2), 1000)
		other.Location = "../../Packages/o/" + path.Base(other.Location)
		list := []*testrepo.Package{inside, other}
		if own := up.Packages(); r.IntN(2) == 0 { // both name it
			shared := *own[r.IntN(len(own))]
			shared.Location = "../../" + shared.Href()
			list = append(list, &shared)
		}
		inner := testrepo.Render(testrepo.Options{Revision: up.Revision()}, list...)
		for _, name := range inner.Paths() {
			if !strings.HasSuffix(name, ".rpm") {
				up.Put(dir+"/"+name, inner.File(name))
			}
		}
		for _, p := range list {
			up.Put(path.Join(dir, p.Href()), p.Data)
			addons[dir] = append(addons[dir], p.Href())
		}
		slices.Sort(addons[dir])
		tree += fmt.Sprintf("[addon-a%d]\nrepository = %s\n", i, dir)
	}
	tree += "[checksums]\n"
	for _, name := range []string{"images/install.img", "images/boot.iso"} {
		data := testrepo.Bytes(fmt.Sprint(name, night/2), 20_000)
		up.Put(name, data)
		tree += fmt.Sprintf("%s = sha256:%s\n", name, hexOf(data))
	}
	up.Put(".treeinfo", []byte(tree))
	return addons
}

// TestHostileTreeKilled: runs with all that lies in one tree, with selections that
// change, and killed at any moment: what is published stays whole, and a run that is
// not killed brings what it was asked for.
func TestHostileTreeKilled(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello212, chrono, rich, weak)
	up := testrepo.New(t, testrepo.Options{}, packages...)
	r := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // the same each time
	addons := nightOfTree(t, up, packages, r, -1)
	s := newSite(t, section("base", up, "treeinfo=1", "delete=1", "max_delete=100%"))
	start := time.Now()
	s.ok("sync")
	s.ok("createrepo", "--update")
	window := time.Since(start)
	kills := 0
	for night := range rounds(40) {
		if r.IntN(2) == 0 {
			addons = nightOfTree(t, up, packages, r, night)
		}
		switch r.IntN(12) {
		case 0:
			require.NoError(t, os.RemoveAll(s.path(".gorepo", "base", "state.json")))
		case 1:
			if there := s.packages("base"); len(there) > 0 {
				now := time.Now()
				require.NoError(t, os.Chtimes(s.path("base", there[r.IntN(len(there))]), now, now))
			}
		}
		var without []string
		if r.IntN(2) == 0 {
			without = []string{"-x", packages[r.IntN(len(packages))].Name}
		}
		killed := false
		for _, verb := range [][]string{append([]string{"sync"}, without...), {"createrepo", "--update"}} {
			cmd := s.gorepo(verb...)
			var out strings.Builder
			cmd.Stderr = &out
			require.NoError(t, cmd.Start())
			timer := time.AfterFunc(time.Duration(r.Int64N(int64(3*window))), func() { _ = cmd.Process.Kill() })
			err := cmd.Wait()
			if timer.Stop(); err != nil {
				require.Equal(t, "signal: killed", err.Error(), "%v of night %d: %s", verb, night, out.String())
				killed = true
				kills++
			}
			require.NoError(t, s.local("base").pass(), "after %v of night %d", verb, night)
			for dir := range addons {
				if _, err := os.Stat(s.path("base", dir, "repodata")); err == nil {
					require.NoError(t, s.local("base/"+dir).pass(), "%s after %v of night %d", dir, verb, night)
				}
			}
		}
		if killed {
			continue
		}
		locations, _ := s.whole("base")
		var want []string
		for _, p := range up.Packages() {
			inside := slices.ContainsFunc(slices.Collect(maps.Values(addons)), func(locations []string) bool {
				return slices.Contains(locations, "../../"+p.Href())
			})
			if without == nil || p.Name != without[1] || inside { // what is left out and lies there for an addon is listed
				want = append(want, p.Href())
			}
		}
		slices.Sort(want)
		require.Equal(t, append([]string{}, want...), append([]string{}, locations...), "night %d %v", night, without)
		for dir, want := range addons {
			inner, _ := s.whole("base/" + dir)
			require.Equal(t, want, inner)
		}
		tree, err := treeinfo.Parse(s.read("base", ".treeinfo"))
		require.NoError(t, err)
		for _, f := range tree.Files {
			require.Equal(t, f.Checksum.Hex, hexOf(s.read("base", f.Path)))
		}
	}
	t.Logf("killed %d times", kills)
	assert.Positive(t, kills)
}
