package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"gorepo/internal/testrepo"
)

// everything is all that the file system tells of the mirror, times of change
// included, and what is in its files: any touch of it shows.
func (s *site) everything() map[string]string {
	s.t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(s.root, func(file string, e fs.DirEntry, err error) error {
		if err != nil {
			if file == s.root && os.IsNotExist(err) {
				return nil
			}
			return err
		}
		fi, err := e.Info()
		if err != nil {
			return err
		}
		st := fi.Sys().(*syscall.Stat_t)
		text := fmt.Sprint(fi.Mode(), st.Ino, st.Nlink, st.Size, st.Mtim, st.Ctim)
		if e.Type().IsRegular() {
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			text += hexOf(data)
		}
		all[file] = text
		return nil
	})
	require.NoError(s.t, err)
	return all
}

// A jsonPlan is what --dry-run --json says of a repository.
type jsonPlan struct {
	Event, Repo, Action, Location, Refused      string
	Packages, New, Changed, Kept, Other, Delete int
	Bytes                                       int64
	ToRead                                      int                 `json:"to_read"`
	DeleteLater                                 int                 `json:"delete_later"`
	MetadataFiles                               int                 `json:"metadata_files"`
	Unchanged                                   bool                `json:"metadata_unchanged"`
	steps                                       map[string][]string // action to locations
}

// plan runs sync --dry-run, which must change nothing.
func (s *site) plan(args ...string) jsonPlan {
	s.t.Helper()
	before := s.everything()
	o := s.run(append([]string{"sync", "--dry-run", "--json", "-v"}, args...)...)
	require.Equal(s.t, 0, o.status, "%s\n%s", o.stdout, o.stderr)
	require.Equal(s.t, before, s.everything(), "a dry run changes nothing")
	steps := map[string][]string{}
	var plan jsonPlan
	for line := range strings.Lines(o.stdout) {
		var e jsonPlan
		require.NoError(s.t, json.Unmarshal([]byte(line), &e), line)
		switch e.Event {
		case "plan":
			plan = e
		case "step":
			steps[e.Action] = append(steps[e.Action], e.Location)
		}
	}
	require.Equal(s.t, "plan", plan.Event, o.stdout)
	plan.steps = steps
	return plan
}

// What a dry run says is what the sync then does, whatever upstream did; and it
// changes nothing.
func TestDryRun(t *testing.T) {
	t.Parallel()
	for _, how := range [][]string{nil, {"delete=1", "max_delete=100%"}, {"delete=1", "max_delete=100%", "download_metadata=1"}, {"delete=1", "max_delete=100%", "newest_only=1"}} {
		t.Run(strings.Join(how, " "), func(t *testing.T) {
			t.Parallel()
			up := testrepo.New(t, testrepo.Options{}, numbered(t, 6, "a", "1")...)
			s := newSite(t, section("base", up, how...))
			r := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // the same each time
			for night := range rounds(20) {
				plan := s.plan()
				if night == 0 {
					assert.NoDirExists(t, s.root)
				}
				before := s.packages("base")
				status, of := s.summaries("sync")
				require.Equal(t, 0, status)
				sync := of["base"]
				note := fmt.Sprintf("night %d: %+v", night, plan)
				assert.Equal(t, plan.New, sync.Added, note)
				assert.Equal(t, plan.Changed, sync.Updated, note)
				assert.Equal(t, plan.New+plan.Changed, plan.Packages, note)
				assert.Equal(t, plan.Bytes, sync.Fetched, note)
				assert.Equal(t, plan.Delete, sync.Removed, note)
				assert.Equal(t, plan.New+plan.Changed+plan.ToRead+plan.Kept, sync.Packages, note)
				assert.Empty(t, plan.Refused)
				assert.Len(t, plan.steps["fetch"], plan.New)
				assert.Len(t, plan.steps["replace"], plan.Changed)
				assert.Len(t, plan.steps["keep"], plan.Kept)
				assert.Len(t, plan.steps["leave"], plan.Other)
				assert.Len(t, plan.steps["delete-later"], plan.DeleteLater)
				after := slices.Concat(plan.steps["fetch"], plan.steps["replace"], plan.steps["read"], plan.steps["keep"], plan.steps["leave"], plan.steps["delete-later"])
				slices.Sort(after)
				assert.Equal(t, s.packages("base"), slices.Compact(after), note)
				for _, gone := range plan.steps["delete"] {
					assert.Contains(t, before, gone)
				}

				next := s.plan()
				assert.True(t, next.Unchanged)
				assert.Zero(t, next.MetadataFiles)
				assert.Zero(t, next.Packages)
				if r.IntN(2) == 0 {
					s.ok("createrepo", "--update")
				}
				for range r.IntN(4) {
					i := r.IntN(6)
					name := fmt.Sprintf("a%02d", i)
					version := fmt.Sprint(1 + r.IntN(4))
					up.Remove("Packages/a/" + name + "-" + version + "-1.noarch.rpm")
					if r.IntN(3) > 0 {
						up.Add(numbered(t, 6, "a", version)[i])
					}
				}
				if r.IntN(3) == 0 { // built anew under its name, of the same size and time
					list := up.Packages()
					up.Replace(swapped(list[r.IntN(len(list))]))
				}
				if r.IntN(4) == 0 { // an interrupted sync has brought something
					list := up.Packages()
					p := list[r.IntN(len(list))]
					s.write(p.Data[:100], "base", p.Href())
				}
				up.Render()
			}
		})
	}
}

// A plan is made without a mirror, of one that cannot be written to, and of one
// that another gorepo works on.
func TestDryRunReadOnly(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello212, chrono)
	up := testrepo.New(t, testrepo.Options{}, packages...)
	s := newSite(t, section("base", up, "delete=1"))
	smallDisk(t, s, 4<<20)
	s.ok("sync")
	s.ok("createrepo")
	s.write([]byte("x"), "base", "own.rpm")
	require.NoError(t, os.Chtimes(s.path("base", packages[0].Href()), time.Now(), time.Now()))
	require.NoError(t, unix.Mount("", s.root, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	t.Cleanup(func() { require.NoError(t, unix.Mount("", s.root, "", unix.MS_REMOUNT, "")) })
	up.Add(rpms(t, rich)...)
	require.Equal(t, 1, up.Remove(packages[1].Href()))
	up.Render()
	plan := s.plan()
	assert.Equal(t, []string{rpms(t, rich)[0].Href()}, plan.steps["fetch"])
	assert.Equal(t, []string{packages[0].Href()}, plan.steps["read"])
	assert.Equal(t, []string{packages[1].Href()}, plan.steps["delete-later"])
	assert.Equal(t, []string{"own.rpm"}, plan.steps["delete"])
	assert.Equal(t, 3, plan.MetadataFiles)

	o := s.run("sync", "--dry-run")
	o.ended(0)
	lines := strings.Split(o.stdout, "\n")
	assert.Equal(t, []string{"repository", "new", "changed", "fetch", "read", "keep", "leave", "delete", "delete", "later", "metadata"}, strings.Fields(lines[0]))
	assert.Equal(t, []string{"base", "1", "0"}, strings.Fields(lines[1])[:3])
	assert.Contains(t, lines[1], "1 (1 B)", "own.rpm is deleted")
	assert.Len(t, lines, 3)
	o = s.run("sync", "--dry-run", "-v")
	assert.Contains(t, o.stdout, "base: delete       own.rpm (1 B)\n")

	// What would be refused is said, and the plan is one all the same.
	for _, p := range numbered(t, 3, "a", "1") {
		up.Add(p)
	}
	up.Remove("**")
	up.Render()
	plan = s.plan()
	assert.Contains(t, plan.Refused, "all 3")
	assert.Empty(t, plan.steps["delete"])
	assert.Len(t, plan.steps["leave"], 3)
	plan = s.plan("--force-delete")
	assert.Empty(t, plan.Refused)
	assert.Len(t, plan.steps["delete"], 1)
	assert.Len(t, plan.steps["delete-later"], 2)
}

// A sync that asks for signatures for the first time reads the packages for them.
func TestDryRunChecks(t *testing.T) {
	t.Parallel()
	packages := rpms(t, signed)
	up := testrepo.New(t, testrepo.Options{}, packages...)
	s := newSite(t, section("base", up))
	check := []string{"--setopt", "base.gpgcheck=1", "--setopt", "base.gpgkey=" + keyFile(t, rsaKey)}
	s.ok("sync")
	assert.Equal(t, hrefs(packages...), s.plan(check...).steps["read"])
	s.ok(append(check, "sync")...)
	assert.Equal(t, hrefs(packages...), s.plan(check...).steps["keep"])
	assert.Equal(t, hrefs(packages...), s.plan().steps["keep"], "that a plan checks no signatures is not remembered")
	assert.Equal(t, hrefs(packages...), s.plan(check...).steps["keep"])
}

// No plan, no success.
func TestDryRunFails(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
	gone := testrepo.New(t, testrepo.Options{NoRepodata: true})
	s := newSite(t, section("base", up), section("gone", gone))
	o := s.run("sync", "--dry-run")
	o.ended(2, says("gorepo: gone: ", "not found"))
	assert.Contains(t, o.stdout, "base")
	assert.NotContains(t, o.stdout, "gone")
	assert.NoDirExists(t, s.root)
	s.run("sync", "--dry-run", "gone").ended(1, says("gorepo: gone: ", "not found"))
	s.run("--setopt", "gone.skip_if_unavailable=1", "sync", "--dry-run").ended(0, says("gorepo: gone: warning: skipped"))
	s.run("sync", "--dry-run", "--urls").ended(64, says("--urls", "--dry-run"))
}
