package reposync

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/rpmpkg"
)

// named are refs of packages written as name-version, of release 1 and noarch.
func named(list ...string) (refs []rpmpkg.Ref) {
	for _, text := range list {
		name, version, _ := cutLast(text, "-")
		refs = append(refs, rpmpkg.Ref{
			NEVRA:    rpmpkg.NEVRA{Name: name, EVR: rpmpkg.EVR{Epoch: "7", Version: version, Release: "1"}, Arch: "noarch"},
			Location: text + "-1.noarch.rpm",
		})
	}
	return refs
}

func many(n int, format string) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf(format, i))
	}
	return list
}

func TestGuard(t *testing.T) {
	t.Parallel()
	quarter := Portion{25, true}
	for name, tt := range map[string]struct {
		max   Portion
		gone  []string
		stay  []string
		tree  int
		error string // "": allowed
	}{
		"nothing":           {quarter, nil, nil, 0, ""},
		"a quarter":         {quarter, many(25, "a%d-1"), many(75, "b%d-1"), 100, ""},
		"more":              {quarter, many(26, "a%d-1"), many(74, "b%d-1"), 100, "delete: 26 of 100 packages (26 %) would go, more than max_delete = 25 %: nothing is deleted; --force-delete if upstream is right"},
		"a little more":     {quarter, many(2501, "a%d-1"), many(7499, "b%d-1"), 10000, "delete: 2501 of 10000 packages (25.1 %) would go"},
		"one of three":      {Portion{1, true}, many(1, "a%d-1"), many(2, "b%d-1"), 3, ""},
		"two of three":      {quarter, many(2, "a%d-1"), many(1, "b%d-1"), 3, ""},
		"three of four":     {quarter, many(3, "a%d-1"), many(1, "b%d-1"), 4, "3 of 4 packages (75 %)"},
		"the only one":      {quarter, many(1, "a%d-1"), nil, 1, "no packages that are wanted, and all 1 of the mirror"},
		"all, at 100 %":     {Portion{100, true}, many(9, "a%d-1"), nil, 9, "all 9"},
		"all but one":       {Portion{100, true}, many(9, "a%d-1"), many(1, "b%d-1"), 10, ""},
		"none, at 0 %":      {Portion{0, true}, many(1, "a%d-1"), many(9, "b%d-1"), 10, "more than max_delete = 0 %"},
		"none, at 0":        {Portion{}, many(1, "a%d-1"), many(9, "b%d-1"), 10, "more than max_delete = 0:"},
		"by number":         {Portion{Number: 5}, many(5, "a%d-1"), many(1, "b%d-1"), 6, ""},
		"by number, more":   {Portion{Number: 5}, many(6, "a%d-1"), many(994, "b%d-1"), 1000, "6 of 1000 packages (0.6 %) would go, more than max_delete = 5:"},
		"a mass rebuild":    {quarter, many(600, "a%d-1"), append(many(600, "a%d-2"), many(400, "b%d-1")...), 1600, ""},
		"another distro":    {quarter, many(600, "a%d-1"), many(600, "b%d-1"), 1200, "600 of 1200"},
		"going back":        {quarter, many(60, "a%d-2"), append(many(60, "a%d-1"), many(40, "b%d-1")...), 160, "60 of 160 packages (37.5 %) would go"},
		"newest only":       {quarter, append(many(30, "a%d-1"), append(many(30, "a%d-2"), many(10, "a%d-3")...)...), many(30, "a%d-4"), 100, "70 of 100 packages would go, and 40 of them (40 %) have no newer one in their place, more than"},
		"one newer for two": {quarter, []string{"a-1", "a-2", "a-3", "a-4"}, append(many(3, "b%d-1"), "a-5"), 8, "4 of 8 packages would go, and 3 of them (37.5 %)"},
		"foreign names":     {quarter, []string{"x", "y.z", "q-1.rpm"}, []string{"a-3"}, 4, "3 of 4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var gone []string
			for _, ref := range named(tt.gone...) {
				gone = append(gone, "Packages/a/"+ref.Location)
			}
			if name == "foreign names" {
				gone = tt.gone
			}
			o := Options{MaxDelete: tt.max}
			refusal := o.guard(gone, tt.tree, named(tt.stay...))
			if tt.error == "" {
				assert.Nil(t, refusal)
				return
			}
			require.NotNil(t, refusal)
			assert.ErrorContains(t, refusal, tt.error)
			o.ForceDelete = true
			assert.Nil(t, o.guard(gone, tt.tree, named(tt.stay...)))
		})
	}
}
