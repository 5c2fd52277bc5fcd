package rpmpkg

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func ref(name, epoch, version, release, arch string) Ref {
	return Ref{NEVRA: NEVRA{Name: name, EVR: EVR{epoch, version, release}, Arch: arch}}
}

func names(refs []Ref) []string {
	var list []string
	for _, r := range refs {
		list = append(list, r.String())
	}
	return list
}

func TestNewest(t *testing.T) {
	tests := map[string]struct {
		refs []Ref
		want []string
	}{
		"none": {},
		"order of input": {
			refs: []Ref{ref("b", "0", "1", "1", "noarch"), ref("a", "0", "2", "1", "noarch"), ref("a", "0", "1", "1", "noarch")},
			want: []string{"b-1-1.noarch", "a-2-1.noarch"},
		},
		"each architecture by itself": {
			refs: []Ref{ref("a", "", "1", "1", "i686"), ref("a", "", "1", "1", "x86_64"), ref("a", "", "2", "1", "x86_64"), ref("a", "", "3", "1", "src")},
			want: []string{"a-1-1.i686", "a-2-1.x86_64", "a-3-1.src"},
		},
		"epoch before version": {
			refs: []Ref{ref("a", "1", "1", "1", "noarch"), ref("a", "0", "9", "9", "noarch")},
			want: []string{"a-1:1-1.noarch"},
		},
		"no epoch is epoch 0": {
			refs: []Ref{ref("a", "", "1", "1", "noarch"), ref("a", "0", "1", "1", "noarch")},
			want: []string{"a-1-1.noarch", "a-1-1.noarch"},
		},
		"release": {
			refs: []Ref{ref("a", "0", "1", "9.el9", "noarch"), ref("a", "0", "1", "10.el9", "noarch")},
			want: []string{"a-1-10.el9.noarch"},
		},
		"equal for rpm, all stay": {
			refs: []Ref{ref("a", "0", "1.0", "1", "noarch"), ref("a", "0", "1.00", "1", "noarch"), ref("a", "0", "0.9", "1", "noarch")},
			want: []string{"a-1.0-1.noarch", "a-1.00-1.noarch"},
		},
		"tilde and caret": {
			refs: []Ref{ref("a", "0", "1.0~rc1", "1", "noarch"), ref("a", "0", "1.0", "1", "noarch"), ref("b", "0", "1.0^git1", "1", "noarch"), ref("b", "0", "1.0", "1", "noarch")},
			want: []string{"a-1.0-1.noarch", "b-1.0^git1-1.noarch"},
		},
		"name and architecture do not run together": {
			refs: []Ref{ref("a.x", "0", "1", "1", "y"), ref("a", "0", "2", "1", "x.y")},
			want: []string{"a.x-1-1.y", "a-2-1.x.y"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, names(Newest(test.refs, 1)))
		})
	}
}

// The newest of a few versions: rpm's equals count once, and all stay.
func TestNewestOfSeveral(t *testing.T) {
	refs := []Ref{
		ref("a", "", "1.0", "1", "noarch"), ref("a", "", "3", "1", "noarch"), ref("a", "", "2", "1", "noarch"), ref("a", "", "1.00", "01", "noarch"),
		ref("a", "1", "0", "1", "noarch"), ref("a", "", "9", "1", "src"), ref("b", "", "1", "1", "noarch"), ref("a", "", "0.9", "1", "noarch"),
	}
	for n, want := range map[int][]string{
		1: {"a-1:0-1.noarch", "a-9-1.src", "b-1-1.noarch"},
		2: {"a-3-1.noarch", "a-1:0-1.noarch", "a-9-1.src", "b-1-1.noarch"},
		3: {"a-3-1.noarch", "a-2-1.noarch", "a-1:0-1.noarch", "a-9-1.src", "b-1-1.noarch"},
		4: {"a-1.0-1.noarch", "a-3-1.noarch", "a-2-1.noarch", "a-1.00-01.noarch", "a-1:0-1.noarch", "a-9-1.src", "b-1-1.noarch"},
		5: names(refs), 1_000_000: names(refs),
	} {
		assert.Equal(t, want, names(Newest(refs, n)), "%d newest", n)
	}
	assert.Equal(t, []int{3, 1}, NewestAmong(refs, []int{3, 7, 1}, 2))
}

func TestFilter(t *testing.T) {
	all := []string{"x86_64", "i686", "noarch", "src", "nosrc"}
	tests := map[string]struct {
		filter Filter
		want   []string
	}{
		"zero value":            {Filter{}, all},
		"exact, without noarch": {Filter{Arches: []string{"x86_64"}}, []string{"x86_64"}},
		"noarch named":          {Filter{Arches: []string{"x86_64", "noarch"}}, []string{"x86_64", "noarch"}},
		"no compatible ones":    {Filter{Arches: []string{"i386"}}, nil},
		"source":                {Filter{Source: true}, []string{"src", "nosrc"}},
		"source hides arches":   {Filter{Arches: []string{"x86_64"}, Source: true}, []string{"src", "nosrc"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var kept []string
			for _, arch := range all {
				if test.filter.Keep(ref("a", "0", "1", "1", arch)) {
					kept = append(kept, arch)
				}
			}
			assert.Equal(t, test.want, kept)
		})
	}
}
