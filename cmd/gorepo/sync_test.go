package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// paths are those of requests, sorted.
func paths(requests []testrepo.Request) []string {
	list := []string{}
	for _, r := range requests {
		list = append(list, r.Path)
	}
	slices.Sort(list)
	return list
}

// metadataPaths are the files of the package lists.
func metadataPaths(up *testrepo.Upstream) []string {
	list := []string{"repodata/repomd.xml"}
	for _, kind := range []string{"primary", "filelists", "other"} {
		list = append(list, up.Metadata(kind))
	}
	slices.Sort(list)
	return list
}

// unread makes a read of a package noticed: its atime is older than any.
func unread(t *testing.T, files ...string) func() []string {
	t.Helper()
	long := time.Unix(1_000_000_000, 0)
	for _, file := range files {
		fi, err := os.Stat(file)
		require.NoError(t, err)
		require.NoError(t, os.Chtimes(file, long, fi.ModTime()))
	}
	return func() (read []string) {
		for _, file := range files {
			if atime(t, file) != long.Unix() {
				read = append(read, filepath.Base(file))
			}
		}
		return read
	}
}

// What a nightly run costs: what changed, not what is stored.
func TestNights(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello212, chrono, rich, weak)
	up := testrepo.New(t, testrepo.Options{}, packages...)
	s := newSite(t, section("base", up))
	var bytes int64
	for _, p := range packages {
		bytes += int64(len(p.Data))
	}

	// The first: repomd.xml, what it names, the packages; each once.
	first := s.summary("sync")
	assert.Equal(t, jsonSummary{Event: "summary", Verb: "sync", Repo: "base", Outcome: "complete", Packages: 4, Added: 4, Fetched: bytes}, first)
	assert.Equal(t, slices.Sorted(slices.Values(append(metadataPaths(up), hrefs(packages...)...))), paths(up.Requests("**")))
	assert.Equal(t, hrefs(packages...), s.packages("base"))
	assert.NoDirExists(t, s.path("base", "repodata"), "a sync publishes nothing")
	made := s.summary("createrepo", "--update")
	assert.Equal(t, 0, made.Read, "upstream's entries are used, no package is read")
	assert.Equal(t, 4, made.Packages)
	locations, _ := s.whole("base")
	assert.Equal(t, hrefs(packages...), locations)

	// The next, nothing has changed: one conditional request, nothing opened.
	up.Forget()
	before := s.files("base")
	var there []string
	for _, p := range packages {
		there = append(there, s.path("base", p.Href()))
	}
	read := unread(t, there...)
	again := s.summary("sync")
	assert.Equal(t, "unchanged", again.Outcome)
	assert.Equal(t, 4, again.Packages)
	requests := up.Requests("**")
	require.Len(t, requests, 1)
	assert.Equal(t, http.StatusNotModified, requests[0].Status)
	assert.Zero(t, up.Bytes())
	made = s.summary("createrepo", "--update")
	assert.Equal(t, "unchanged", made.Outcome)
	assert.Zero(t, made.Read)
	assert.Equal(t, before, s.files("base"), "not a file is touched, repodata neither")
	assert.Empty(t, read(), "no package is opened")

	// One package is new.
	added := rpms(t, hello210)[0]
	up.Add(added)
	up.Render()
	up.Forget()
	night := s.summary("sync")
	assert.Equal(t, 1, night.Added)
	assert.Equal(t, int64(len(added.Data)), night.Fetched)
	assert.Equal(t, slices.Sorted(slices.Values(append(metadataPaths(up), added.Href()))), paths(up.Requests("**")))
	made = s.summary("createrepo", "--update")
	assert.Equal(t, 5, made.Packages)
	assert.Zero(t, made.Read)
	assert.Empty(t, read())

	// One package goes, and is kept without --delete: createrepo lists it still.
	require.Equal(t, 1, up.Remove(packages[1].Href()))
	up.Render()
	up.Forget()
	night = s.summary("sync")
	assert.Equal(t, 0, night.Added)
	assert.Equal(t, metadataPaths(up), paths(up.Requests("**")))
	assert.Equal(t, "unchanged", s.summary("createrepo", "--update").Outcome)
	locations, _ = s.whole("base")
	assert.Contains(t, locations, packages[1].Href())

	// One is rebuilt under its name.
	rebuilt := rpms(t, hello210)[0]
	rebuilt.Name, rebuilt.Location, rebuilt.FileTime = "weak", packages[3].Href(), 1_600_000_500
	up.Replace(rebuilt)
	up.Render()
	up.Forget()
	night = s.summary("sync")
	assert.Equal(t, 0, night.Added)
	assert.Equal(t, 1, night.Updated)
	assert.Equal(t, int64(len(rebuilt.Data)), night.Fetched)
	made = s.summary("createrepo", "--update")
	assert.Zero(t, made.Read)
	s.whole("base")

	// A package that is put there by hand is read, no other.
	own := rpms(t, tide64)[0]
	s.write(own.Data, "base", "own", "tide.rpm")
	assert.Equal(t, 1, s.summary("createrepo", "--update").Read)
	locations, _ = s.whole("base")
	assert.Contains(t, locations, "own/tide.rpm")
	up.Forget()
	s.ok("sync", "--delete")
	assert.FileExists(t, s.path("base", "own", "tide.rpm"), "published metadata names it")
}

// A tree that reposync left is taken over without a download.
func TestAdopt(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello212, chrono, rich, weak)
	up := testrepo.New(t, testrepo.Options{}, packages...)
	s := newSite(t, section("base", up))
	for i, p := range packages {
		file := s.write(p.Data, "base", p.Href())
		if i == 3 { // the right size, other bytes
			other := slices.Clone(p.Data)
			other[len(other)-1] ^= 1
			s.write(other, "base", p.Href())
		}
		require.NoError(t, os.Chtimes(file, time.Time{}, time.Unix(1_650_000_000, 0)))
	}
	night := s.summary("sync")
	assert.Equal(t, 1, night.Updated)
	assert.Equal(t, 4, night.Packages)
	assert.Equal(t, hrefs(packages[3]), paths(up.Requests("Packages/**")))
	for _, p := range packages {
		assert.Equal(t, p.FileTime*1e9, statOf(t, s.path("base", p.Href())).mtime, "%s has upstream's time", p.Name)
	}
	assert.Zero(t, s.summary("createrepo", "--update").Read)
	locations, _ := s.whole("base")
	assert.Equal(t, hrefs(packages...), locations)
}

// swapped is another package of the same location, size and time: what
// upstream must not do, and does.
func swapped(p *testrepo.Package) *testrepo.Package {
	q := *p
	q.Data = slices.Clone(p.Data)
	q.Data[len(q.Data)-1] ^= 1 // in its payload
	return &q
}

// Where upstream changes a package and keeps location, size and time, size and
// time prove nothing: it is fetched again, and no metadata ever has a checksum
// that the file does not have.
func TestSameSizeAndTime(t *testing.T) {
	t.Parallel()
	for _, checksumType := range []string{"sha256", "sha512"} {
		for _, also := range []struct {
			name   string
			update func(t *testing.T, s *site, up *testrepo.Upstream, p *testrepo.Package)
		}{
			{"fetched", func(_ *testing.T, s *site, _ *testrepo.Upstream, _ *testrepo.Package) { s.ok("sync") }},
			{"not fetched", func(t *testing.T, s *site, up *testrepo.Upstream, p *testrepo.Package) {
				up.On(p.Href(), testrepo.Status(http.StatusForbidden))
				assert.Equal(t, 2, s.run("sync").status)
			}},
			{"interrupted", func(t *testing.T, s *site, up *testrepo.Upstream, p *testrepo.Package) {
				s.interrupt(t, up, p.Href())
			}},
			{"placed and then interrupted", func(t *testing.T, s *site, up *testrepo.Upstream, p *testrepo.Package) {
				last := testrepo.Fake("zzz-1-1.noarch", 100_000)
				up.Add(last)
				up.Render()
				up.On(last.Href(), testrepo.Stall(10))
				done := s.start("sync", "--workers", "1")
				require.Eventually(t, func() bool { return len(up.Requests(last.Href())) == 1 }, 20*time.Second, time.Millisecond)
				assert.Equal(t, 130, done().status)
				assert.Equal(t, p.Sum(), hexOf(s.read("base", p.Href())))
				up.Remove(last.Href())
				up.Render()
			}},
			{"excluded", func(t *testing.T, s *site, _ *testrepo.Upstream, p *testrepo.Package) {
				s.run("sync", "--arch", "x86_64").ended(0, says("the selection takes none"))
				assert.NotEqual(t, p.Sum(), hexOf(s.read("base", p.Href())))
			}},
			{"without gorepo's own files", func(t *testing.T, s *site, _ *testrepo.Upstream, _ *testrepo.Package) {
				require.NoError(t, os.RemoveAll(s.path(".gorepo")))
				s.ok("sync")
			}},
			{"gone for a night", func(t *testing.T, s *site, up *testrepo.Upstream, p *testrepo.Package) {
				up.Remove(p.Href())
				up.Render()
				s.ok("sync")
				up.Add(p)
				up.Render()
				s.ok("sync")
				assert.Equal(t, p.Sum(), hexOf(s.read("base", p.Href())))
			}},
		} {
			t.Run(checksumType+" "+also.name, func(t *testing.T) {
				t.Parallel()
				packages := rpms(t, hello212, chrono)
				up := testrepo.New(t, testrepo.Options{}, packages...)
				s := newSite(t, section("base", up))
				createrepo := []string{"createrepo", "--update", "-s", checksumType}
				s.ok("sync")
				s.ok(createrepo...)
				second := swapped(packages[0])
				up.Replace(second)
				up.Render()

				also.update(t, s, up, second)
				s.ok(createrepo...)
				s.checksums(t, checksumType)
				up.Repair()
				s.ok("sync")
				s.ok(createrepo...)
				s.checksums(t, checksumType)
				assert.Equal(t, second.Sum(), hexOf(s.read("base", second.Href())))
				assert.Equal(t, "unchanged", s.summary(createrepo...).Outcome)
				up.Forget()
				assert.Equal(t, "unchanged", s.summary("sync").Outcome)
				assert.Len(t, up.Requests("**"), 1)
			})
		}
	}
}

// checksums compares each package with what the published metadata says.
func (s *site) checksums(t *testing.T, checksumType string) {
	t.Helper()
	_, p, err := s.local("base").all()
	require.NoError(t, err)
	require.Len(t, p.Packages, 2)
	for _, l := range p.Packages {
		assert.Equal(t, checksumType, l.Checksum.Type)
		assert.Equal(t, sumOf(t, checksumType, s.read("base", l.Location.Href)), l.Checksum.Hex, l.Location.Href)
	}
}

// A transfer that was cut goes on where it stopped.
func TestResume(t *testing.T) {
	t.Parallel()
	const size, cut = 300_000, 100_000
	for _, tt := range []struct {
		name  string
		fault testrepo.Fault
		want  int64 // bytes that come over the network in the second run, at least
		most  int64
	}{
		{"range", nil, size - cut, size - cut},
		{"ranges ignored", testrepo.IgnoreRange(), size, 2 * size},
		{"false range", testrepo.FalseRange(), 2*size - cut, 2*size - cut},
		{"shifted range", testrepo.ShiftRange(-5), size, 2*size + 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := testrepo.Fake("big-1-1.noarch", size)
			up := testrepo.New(t, testrepo.Options{}, p)
			s := newSite(t, section("base", up))
			up.On(p.Href(), testrepo.Truncate(cut)).Times(1)
			up.On(p.Href(), testrepo.Reset())
			s.run("sync").ended(2, says("gorepo: base: ", up.URL+"/"+p.Href()))
			assert.Empty(t, s.packages("base"))

			up.Repair()
			if tt.fault != nil {
				up.On(p.Href(), tt.fault)
			}
			up.Forget()
			s.ok("sync")
			requests := up.Requests(p.Href())
			assert.Equal(t, "bytes=100000-", requests[0].Range)
			var sent int64
			for _, r := range requests {
				sent += r.Bytes
			}
			assert.GreaterOrEqual(t, sent, tt.want)
			assert.LessOrEqual(t, sent, tt.most)
			assert.Equal(t, p.Sum(), hexOf(s.read("base", p.Href())))
			assert.Empty(t, s.files(".gorepo", "base", "partial"), "nothing is left behind")
		})
	}
}

// start runs the program; the function that it returns interrupts it and
// waits.
func (s *site) start(args ...string) (interrupt func() outcome) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan outcome, 1)
	go func() { ended <- s.runContext(ctx, args...) }()
	return func() outcome {
		cancel()
		return <-ended
	}
}

// interrupt ends a sync while upstream sends a file.
func (s *site) interrupt(t *testing.T, up *testrepo.Upstream, glob string) {
	t.Helper()
	up.On(glob, testrepo.Stall(100))
	interrupt := s.start("sync")
	require.Eventually(t, func() bool {
		r := up.Requests(glob)
		return len(r) > 0 && r[len(r)-1].Bytes == 100
	}, 20*time.Second, time.Millisecond)
	interrupt().ended(130, says("gorepo: interrupted", "next run"))
	up.Repair()
}

// The first SIGINT ends a run: what is whole stays, and the next one goes on.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	a, b := testrepo.Fake("aaa-1-1.noarch", 5000), testrepo.Fake("bbb-1-1.noarch", 2_000_000)
	up := testrepo.New(t, testrepo.Options{}, a, b)
	s := newSite(t, section("base", up))
	up.On(b.Href(), testrepo.Stall(1_500_000))
	interrupt := s.start("sync")
	require.Eventually(t, func() bool {
		_, err := os.Stat(s.path("base", a.Href()))
		part, partErr := os.Stat(s.path(".gorepo", "base", "partial", "sha256-"+b.Sum()))
		return err == nil && partErr == nil && part.Size() >= 1_000_000
	}, 20*time.Second, time.Millisecond)
	interrupt().ended(130, says("gorepo: interrupted"))
	assert.Equal(t, hrefs(a), s.packages("base"))

	up.Repair()
	up.Forget()
	night := s.summary("sync")
	assert.Equal(t, 1, night.Added)
	assert.LessOrEqual(t, night.Fetched, int64(1_000_000))
	// The metadata was whole too: only repomd.xml is asked for.
	assert.Equal(t, append(hrefs(b), "repodata/repomd.xml"), paths(up.Requests("**")))
	assert.Equal(t, fmt.Sprintf("bytes=%d-", 2_000_000-night.Fetched), up.Requests(b.Href())[0].Range)

	// In the middle of the metadata.
	up.Add(testrepo.Fake("ccc-1-1.noarch", 100))
	up.Render()
	s.interrupt(t, up, "repodata/*primary*")
	s.ok("sync")
	assert.Len(t, s.packages("base"), 3)
}

// A createrepo that is interrupted leaves what is published.
func TestInterruptCreaterepo(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212, chrono)...)
	s := newSite(t, section("base", up))
	s.ok("sync")
	s.ok("createrepo")
	before := s.files("base")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.runContext(ctx, "createrepo").ended(130, says("gorepo: interrupted"))
	assert.Equal(t, before, s.files("base"))
	s.runContext(ctx, "createrepo", s.path("base")).ended(130, says("gorepo: interrupted"))
	assert.Equal(t, before, s.files("base"))
	s.ok("createrepo")
	s.whole("base")
}

// Whatever is missing of a tree comes back.
func TestRepairsTree(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello212, chrono, rich)
	up := testrepo.New(t, testrepo.Options{}, packages...)
	s := newSite(t, section("base", up))
	s.ok("sync")
	s.ok("createrepo", "--update")
	require.NoError(t, os.Remove(s.path("base", packages[0].Href())))
	s.write([]byte("short"), "base", packages[1].Href())
	primaries, err := filepath.Glob(s.path(".gorepo", "base", "upstream", "*primary*"))
	require.NoError(t, err)
	require.Len(t, primaries, 1)
	fi, err := os.Stat(primaries[0])
	require.NoError(t, err)
	s.write([]byte(strings.Repeat("x", int(fi.Size()))), ".gorepo", "base", "upstream", filepath.Base(primaries[0]))
	up.Forget()
	s.ok("sync")
	assert.Equal(t, slices.Sorted(slices.Values(append(hrefs(packages[:2]...), "repodata/repomd.xml", up.Metadata("primary")))), paths(up.Requests("**")))
	assert.Equal(t, "unchanged", s.summary("createrepo", "--update").Outcome)
	s.whole("base")
}
