package catalog_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"gorepo/internal/catalog"
	"gorepo/internal/testrepo"
)

// Whatever becomes of comps, modules and updateinfo, a catalog is made, and all that
// it lists is there.
func TestContentsMutated(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	seeds := map[string][]byte{"modules": []byte(modulesOfTwo)}
	for name, file := range map[string]string{"comps": "comps.xml", "updates": "updateinfo.xml"} {
		data, err := os.ReadFile("../../testdata/" + file)
		require.NoError(t, err)
		seeds[name] = data
	}
	mutated := func(name string) []byte {
		data := bytes.Clone(seeds[name])
		for range 1 + r.IntN(4) {
			from, n := r.IntN(len(data)), 1+r.IntN(40)
			to := min(from+n, len(data))
			switch r.IntN(4) {
			case 0: // lost
				data = append(data[:from:from], data[to:]...)
			case 1: // twice
				data = append(append(bytes.Clone(data[:to]), data[from:to]...), data[to:]...)
			case 2: // elsewhere
				at := r.IntN(len(data))
				data = append(append(bytes.Clone(data[:at]), data[from:to]...), data[at:]...)
			default: // another byte
				data[from] = byte(r.IntN(256)) //nolint:gosec // a byte
			}
		}
		return data
	}
	read := 0
	for range 40 {
		c := open(t, publish(t, testrepo.Options{Comps: mutated("comps"), Modules: mutated("modules"), Updates: mutated("updates")},
			testrepo.Fake("hello-2.12-1.noarch", 10), testrepo.Fake("node-1:10.2-1.x86_64", 10)))
		g, err := c.Groups(t.Context())
		require.NoError(t, err)
		for _, group := range g.Others {
			_, err := c.Group(t.Context(), group.ID)
			require.NoError(t, err, "%q", group.ID)
			read++
		}
		for _, set := range append(g.Environments, g.Categories...) {
			for _, group := range set.Groups {
				_, err := c.Group(t.Context(), group.ID)
				require.NoError(t, err, "%q", group.ID)
				read++
			}
		}
		modules, err := c.Modules(t.Context())
		require.NoError(t, err)
		for _, m := range modules {
			for _, s := range m.Streams {
				_, err := c.Module(t.Context(), m.Name, s.Stream)
				require.NoError(t, err, "%q:%q", m.Name, s.Stream)
				read++
			}
		}
		page, err := c.Advisories(t.Context(), catalog.AdvisoryOptions{})
		require.NoError(t, err)
		for _, a := range page.Advisories {
			d, err := c.Advisory(t.Context(), a.ID)
			require.NoError(t, err, "%q", a.ID)
			for _, col := range d.Collections {
				for _, p := range col.Packages {
					_, err := c.AdvisoriesFor(t.Context(), p.Name)
					require.NoError(t, err)
				}
			}
			read++
		}
	}
	require.Greater(t, read, 100)
}
