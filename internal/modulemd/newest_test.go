package modulemd

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/rpmpkg"
)

// refs makes one of each artifact, in their order.
func refs(t testing.TB, artifacts ...string) []rpmpkg.Ref {
	t.Helper()
	var list []rpmpkg.Ref
	for _, a := range artifacts {
		m := artifactParts.FindStringSubmatch(a)
		require.NotNil(t, m, a)
		list = append(list, rpmpkg.Ref{NEVRA: rpmpkg.NEVRA{Name: m[1], EVR: rpmpkg.EVR{Epoch: m[2], Version: m[3], Release: m[4]}, Arch: m[5]}})
	}
	return list
}

func build(stream string, version uint64, artifacts ...string) Stream {
	return Stream{Name: "m", Stream: stream, Version: version, Artifacts: artifacts}
}

// keepCases have in want what is kept of all, a subsequence. The whole of them
// is also put to dnf.
var keepCases = map[string]struct {
	streams   []Stream
	all, want []string
}{
	"no modules": {
		all:  []string{"a-0:1-1.noarch", "a-0:2-1.noarch", "b-1:1-1.noarch", "b-0:2-1.noarch"},
		want: []string{"a-0:2-1.noarch", "b-1:1-1.noarch"},
	},
	"newest version, whole": {
		streams: []Stream{build("1", 10, "a-0:1-1.noarch", "b-0:1-1.noarch"), build("1", 20, "a-0:2-1.noarch", "b-0:2-1.noarch")},
		all:     []string{"a-0:1-1.noarch", "a-0:2-1.noarch", "b-0:1-1.noarch", "b-0:2-1.noarch"},
		want:    []string{"a-0:2-1.noarch", "b-0:2-1.noarch"},
	},
	"each stream by itself": {
		streams: []Stream{build("1", 20, "a-0:1-1.noarch"), build("2", 10, "a-0:2-1.noarch"), build("1", 10, "a-0:0-1.noarch")},
		all:     []string{"a-0:0-1.noarch", "a-0:1-1.noarch", "a-0:2-1.noarch"},
		want:    []string{"a-0:1-1.noarch", "a-0:2-1.noarch"},
	},
	"newest package in an older version, that is kept whole": {
		streams: []Stream{
			build("1", 10, "a-0:9-1.noarch", "b-0:1-1.noarch", "c-0:1-1.noarch"),
			build("1", 20, "a-0:2-1.noarch", "b-0:2-1.noarch"),
		},
		all:  []string{"a-0:9-1.noarch", "a-0:2-1.noarch", "b-0:1-1.noarch", "b-0:2-1.noarch", "c-0:1-1.noarch"},
		want: []string{"a-0:9-1.noarch", "a-0:2-1.noarch", "b-0:1-1.noarch", "b-0:2-1.noarch", "c-0:1-1.noarch"},
	},
	"of several versions with it only the highest": {
		streams: []Stream{
			build("1", 10, "a-0:9-1.noarch", "b-0:1-1.noarch"),
			build("1", 20, "a-0:9-1.noarch", "b-0:2-1.noarch"),
			build("1", 30, "a-0:3-1.noarch", "b-0:3-1.noarch"),
		},
		all:  []string{"a-0:9-1.noarch", "a-0:3-1.noarch", "b-0:1-1.noarch", "b-0:2-1.noarch", "b-0:3-1.noarch"},
		want: []string{"a-0:9-1.noarch", "a-0:3-1.noarch", "b-0:2-1.noarch", "b-0:3-1.noarch"},
	},
	"the same, the highest first": {
		streams: []Stream{
			build("1", 50, "a-0:3-1.noarch", "b-0:5-1.noarch"),
			build("1", 40, "a-0:9-1.noarch", "b-0:4-1.noarch"),
			build("1", 30, "a-0:9-1.noarch", "b-0:3-1.noarch"),
			build("1", 20, "a-0:9-1.noarch", "b-0:2-1.noarch"),
			build("1", 10, "a-0:9-1.noarch", "b-0:1-1.noarch"),
		},
		all:  []string{"a-0:9-1.noarch", "a-0:3-1.noarch", "b-0:1-1.noarch", "b-0:2-1.noarch", "b-0:3-1.noarch", "b-0:4-1.noarch", "b-0:5-1.noarch"},
		want: []string{"a-0:9-1.noarch", "a-0:3-1.noarch", "b-0:4-1.noarch", "b-0:5-1.noarch"},
	},
	"all contexts of the version": {
		streams: []Stream{
			{Name: "m", Stream: "1", Version: 20, Context: "c1", Artifacts: []string{"a-0:2-1.c1.noarch"}},
			{Name: "m", Stream: "1", Version: 20, Context: "c2", Artifacts: []string{"a-0:2-1.c2.noarch"}},
			{Name: "m", Stream: "1", Version: 10, Context: "c3", Artifacts: []string{"a-0:1-1.c3.noarch"}},
		},
		all:  []string{"a-0:1-1.c3.noarch", "a-0:2-1.c1.noarch", "a-0:2-1.c2.noarch"},
		want: []string{"a-0:2-1.c1.noarch", "a-0:2-1.c2.noarch"},
	},
	"architectures apart": {
		streams: []Stream{
			{Name: "m", Stream: "1", Version: 10, Arch: "i686", Artifacts: []string{"a-0:3-1.i686", "b-0:1-1.i686"}},
			{Name: "m", Stream: "1", Version: 20, Arch: "x86_64", Artifacts: []string{"a-0:2-1.x86_64"}},
		},
		all:  []string{"a-0:3-1.i686", "a-0:2-1.x86_64", "b-0:1-1.i686", "b-0:0-1.i686"},
		want: []string{"a-0:3-1.i686", "a-0:2-1.x86_64", "b-0:1-1.i686", "b-0:0-1.i686"},
	},
	"modular and not, of one name": {
		streams: []Stream{build("1", 10, "a-0:5-1.noarch")},
		all:     []string{"a-0:5-1.noarch", "a-0:1-1.noarch", "a-0:2-1.noarch"},
		want:    []string{"a-0:5-1.noarch", "a-0:2-1.noarch"},
	},
	"what is older than a stream's stays": {
		streams: []Stream{build("1", 10, "a-0:1-1.noarch")},
		all:     []string{"a-0:1-1.noarch", "a-0:7-1.noarch"},
		want:    []string{"a-0:1-1.noarch", "a-0:7-1.noarch"},
	},
	"newest version has nothing here": {
		streams: []Stream{build("1", 10, "a-0:1-1.noarch"), build("1", 20, "a-0:2-1.noarch"), build("1", 5, "a-0:0-1.noarch")},
		all:     []string{"a-0:0-1.noarch", "a-0:1-1.noarch"},
		want:    []string{"a-0:1-1.noarch"},
	},
	"one artifact in two streams": {
		streams: []Stream{
			build("1", 10, "a-0:1-1.noarch"), build("1", 20, "a-0:2-1.noarch"),
			build("2", 10, "a-0:1-1.noarch"),
		},
		all:  []string{"a-0:1-1.noarch", "a-0:2-1.noarch"},
		want: []string{"a-0:1-1.noarch", "a-0:2-1.noarch"},
	},
	"epochs are part of the name": {
		streams: []Stream{build("1", 10, "a-1:1-1.noarch"), build("1", 20, "a-0:2-1.noarch")},
		all:     []string{"a-1:1-1.noarch", "a-0:2-1.noarch", "a-0:1-1.noarch"},
		want:    []string{"a-1:1-1.noarch", "a-0:2-1.noarch", "a-0:1-1.noarch"},
	},
	"source packages too": {
		streams: []Stream{build("1", 10, "a-0:1-1.src", "a-0:1-1.noarch"), build("1", 20, "a-0:2-1.src", "a-0:2-1.noarch")},
		all:     []string{"a-0:1-1.src", "a-0:1-1.noarch", "a-0:2-1.src", "a-0:2-1.noarch"},
		want:    []string{"a-0:2-1.src", "a-0:2-1.noarch"},
	},
	"versions are numbers": {
		streams: []Stream{build("1", 9, "a-0:1-1.noarch"), build("1", 10, "a-0:2-1.noarch"), build("1", 18446744073709551615, "b-0:1-1.noarch")},
		all:     []string{"a-0:1-1.noarch", "a-0:2-1.noarch", "b-0:1-1.noarch"},
		want:    []string{"a-0:2-1.noarch", "b-0:1-1.noarch"},
	},
}

func TestKeepNewest(t *testing.T) {
	for name, test := range keepCases {
		t.Run(name, func(t *testing.T) {
			kept := KeepNewest(test.streams, refs(t, test.all...), 1)
			assert.Equal(t, test.want, artifactNames(kept))
		})
	}
	assert.Empty(t, KeepNewest(nil, nil, 1))
	assert.Empty(t, KeepNewest([]Stream{build("1", 1, "a-0:1-1.noarch")}, nil, 1))
}

func artifactNames(refs []rpmpkg.Ref) []string {
	var list []string
	for _, r := range refs {
		list = append(list, artifactName(r.NEVRA))
	}
	return list
}

// Metadata may leave an epoch of 0 out, and so do some artifacts, which dnf
// then stumbles over.
func TestKeepNewestWithoutEpoch(t *testing.T) {
	all := refs(t, "a-b-0:1-1.noarch", "a-b-0:2-1.noarch")
	all[0].Epoch = ""
	streams := []Stream{build("1", 10, "a-b-1-1.noarch"), build("1", 20, "a-b-2-1.noarch", "nonsense", "non-sense", "")}
	assert.Equal(t, []string{"a-b-0:2-1.noarch"}, artifactNames(KeepNewest(streams, all, 1)))
	streams = []Stream{build("1", 10, "a-b-0:1-1.noarch"), build("2", 20, "a-b-2-1.noarch")}
	assert.Equal(t, []string{"a-b-0:1-1.noarch", "a-b-0:2-1.noarch"}, artifactNames(KeepNewest(streams, all, 1)))
}

// The same package at two locations is kept at both.
func TestKeepNewestTwice(t *testing.T) {
	all := refs(t, "a-0:1-1.noarch", "a-0:1-1.noarch", "b-0:1-1.noarch", "b-0:1-1.noarch")
	all[0].Location, all[1].Location = "x/a.rpm", "y/a.rpm"
	assert.Equal(t, all, KeepNewest([]Stream{build("1", 10, "a-0:1-1.noarch")}, all, 1))
}

// The n newest versions of each stream, whole; an older one for its newest
// package, and for no other.
func TestKeepSeveral(t *testing.T) {
	streams := []Stream{
		build("1", 10, "a-0:9-1.noarch", "b-0:1-1.noarch"),
		build("1", 20, "a-0:2-1.noarch", "b-0:2-1.noarch", "c-0:1-1.noarch"),
		build("1", 30, "a-0:3-1.noarch", "b-0:3-1.noarch"),
		{Name: "m", Stream: "1", Version: 30, Context: "other", Artifacts: []string{"d-0:1-1.noarch"}},
		build("1", 40, "a-0:4-1.noarch", "b-0:3-1.noarch"),
		build("2", 5, "a-0:5-1.noarch"),
	}
	all := []string{
		"a-0:2-1.noarch", "a-0:3-1.noarch", "a-0:4-1.noarch", "a-0:5-1.noarch", "a-0:9-1.noarch", "a-0:6-1.noarch", "a-0:7-1.noarch", "a-0:8-1.noarch",
		"b-0:1-1.noarch", "b-0:2-1.noarch", "b-0:3-1.noarch", "c-0:1-1.noarch", "d-0:1-1.noarch",
	}
	for n, want := range map[int][]string{
		// 40, 10 for a-9, 20 for c-1, 30 for d-1, and so all of stream 1.
		1: {"a-0:2-1.noarch", "a-0:3-1.noarch", "a-0:4-1.noarch", "a-0:5-1.noarch", "a-0:9-1.noarch", "a-0:8-1.noarch", "b-0:1-1.noarch", "b-0:2-1.noarch", "b-0:3-1.noarch", "c-0:1-1.noarch", "d-0:1-1.noarch"},
		3: all,
	} {
		assert.Equal(t, want, artifactNames(KeepNewest(streams, refs(t, all...), n)), "%d newest", n)
	}

	// b-1 is the second newest of its name, and in version 10 only.
	streams = []Stream{
		build("1", 10, "a-0:1-1.noarch", "b-0:1-1.noarch"), build("1", 20, "a-0:2-1.noarch", "b-0:2-1.noarch"),
		build("1", 30, "a-0:3-1.noarch", "b-0:2-1.noarch"), build("1", 40, "a-0:4-1.noarch", "b-0:2-1.noarch"),
	}
	all = []string{"a-0:1-1.noarch", "a-0:2-1.noarch", "a-0:3-1.noarch", "a-0:4-1.noarch", "b-0:1-1.noarch", "b-0:2-1.noarch"}
	for n, want := range [][]string{1: {"a-0:4-1.noarch", "b-0:2-1.noarch"}, 2: {"a-0:3-1.noarch", "a-0:4-1.noarch", "b-0:2-1.noarch"}, 4: all} {
		if want != nil {
			assert.Equal(t, want, artifactNames(KeepNewest(streams, refs(t, all...), n)), "%d newest", n)
		}
	}
}
