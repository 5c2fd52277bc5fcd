package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// rot changes a file without its size or time.
func rot(t *testing.T, file string) {
	t.Helper()
	fi, err := os.Stat(file)
	require.NoError(t, err)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	data[len(data)/2] ^= 0xff
	require.NoError(t, os.WriteFile(file, data, 0o644))
	require.NoError(t, os.Chtimes(file, fi.ModTime(), fi.ModTime()))
}

// With nothing new the stored metadata is not even read; whatever else has
// changed is seen all the same.
func TestUnchangedUpstream(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello212, hello210, chrono, rich)
	for name, test := range map[string]struct {
		flags   []string
		change  func(t *testing.T, s *site)
		status  int
		want    jsonSummary
		present []string // nil: all
	}{
		"nothing": {
			// It would be noticed if it was read.
			change: func(t *testing.T, s *site) { rot(t, one(t, s.path(".gorepo", "base", "upstream", "*primary*"))) },
			want:   jsonSummary{Outcome: "unchanged", Packages: 4},
		},
		"a package is gone": {
			change: func(t *testing.T, s *site) { require.NoError(t, os.Remove(s.path("base", packages[1].Href()))) },
			want:   jsonSummary{Outcome: "complete", Packages: 4, Added: 1, Fetched: int64(len(packages[1].Data))},
		},
		"a package was written over": {
			change: func(t *testing.T, s *site) { s.write([]byte("what"), "base", packages[1].Href()) },
			want:   jsonSummary{Outcome: "complete", Packages: 4, Updated: 1, Fetched: int64(len(packages[1].Data))},
		},
		"less is wanted": {
			flags: []string{"-n", "--delete", "--force-delete"},
			want:  jsonSummary{Outcome: "complete", Packages: 3, Removed: 1},
		},
		"others are wanted": {
			flags: []string{"-a", "noarch"},
			want:  jsonSummary{Outcome: "unchanged", Packages: noarch(packages)},
		},
		"one is excluded": {
			flags: []string{"--exclude", packages[0].Name + "-*"},
			want:  jsonSummary{Outcome: "unchanged", Packages: 2},
		},
		"something else lies there": {
			change: func(_ *testing.T, s *site) { s.write([]byte("mine"), "base", "mine.rpm") },
			want:   jsonSummary{Outcome: "unchanged", Packages: 4},
		},
		"something else is to go": {
			flags:  []string{"--delete"},
			change: func(_ *testing.T, s *site) { s.write([]byte("mine"), "base", "mine.rpm") },
			want:   jsonSummary{Outcome: "complete", Packages: 4, Removed: 1},
		},
		"stored metadata is gone": {
			change: func(t *testing.T, s *site) {
				require.NoError(t, os.Remove(one(t, s.path(".gorepo", "base", "upstream", "*primary*"))))
			},
			want: jsonSummary{Outcome: "unchanged", Packages: 4},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up := testrepo.New(t, testrepo.Options{}, packages...)
			s := newSite(t, section("base", up))
			s.ok("sync")
			if test.change != nil {
				test.change(t, s)
			}
			test.want.Event, test.want.Verb, test.want.Repo = "summary", "sync", "base"
			assert.Equal(t, test.want, s.summary(append([]string{"sync"}, test.flags...)...))
			assert.Equal(t, "unchanged", s.summary(append([]string{"sync"}, test.flags...)...).Outcome)
		})
	}
}

// noarch counts packages for any architecture.
func noarch(packages []*testrepo.Package) (n int) {
	for _, p := range packages {
		if p.Arch == "noarch" {
			n++
		}
	}
	return n
}

// one is the one file that a pattern names.
func one(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.Len(t, files, 1, pattern)
	return files[0]
}

// Stored metadata that has rotted is found by createrepo, and brought anew by
// the sync after it.
func TestRottenUpstreamIsBroughtAgain(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{Comps: []byte("<comps/>")}, rpms(t, hello212, chrono)...)
	s := newSite(t, section("base", up))
	s.ok("sync")
	comps := one(t, s.path(".gorepo", "base", "upstream", "*comps*"))
	right, err := os.ReadFile(comps)
	require.NoError(t, err)
	rot(t, comps)
	up.Forget()
	s.ok("sync")
	require.Len(t, up.Requests("**"), 1, "it is not looked at")
	s.run("createrepo").ended(statusPartial, says("comps"))
	s.ok("sync")
	now, err := os.ReadFile(comps)
	require.NoError(t, err)
	assert.Equal(t, right, now)
	s.ok("createrepo")
}
