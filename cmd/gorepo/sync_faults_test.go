package main

import (
	"bytes"
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

	"gorepo/internal/mirror"
	"gorepo/internal/testrepo"
)

// frozen is what clients see of the repository base. The function that it
// returns checks that it is still the same, and whole.
func (s *site) frozen() (same func()) {
	s.t.Helper()
	before := s.files("base", "repodata")
	require.NotEmpty(s.t, before)
	return func() {
		s.t.Helper()
		assert.Equal(s.t, before, s.files("base", "repodata"))
		s.whole("base")
	}
}

// What is wrong with a repository as a whole: one line that names it, the URL
// and what to do; nothing that clients see changes; the others are complete.
func TestBrokenRepository(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		damage func(up *testrepo.Upstream)
		status int
		says   []string // URL is where upstream is
	}{
		{"unreachable", func(up *testrepo.Upstream) { up.Close() }, 2, says("URL/repodata/repomd.xml", "connection refused")},
		{"no repomd.xml", func(up *testrepo.Upstream) { up.Delete("repodata/repomd.xml") }, 2, says("URL/repodata/repomd.xml", "not found", "baseurl")},
		{"forbidden", func(up *testrepo.Upstream) { up.On("**", testrepo.Status(http.StatusForbidden)) }, 2, says("URL/repodata/repomd.xml", "403")},
		{"server error", func(up *testrepo.Upstream) { up.On("repodata/*", testrepo.Status(http.StatusBadGateway)) }, 2, says("URL/repodata/repomd.xml", "502")},
		{"login page", func(up *testrepo.Upstream) { up.On("**", testrepo.HTML()) }, 2, says("URL/repodata/repomd.xml", "HTML")},
		{"malformed repomd.xml", func(up *testrepo.Upstream) { up.Put("repodata/repomd.xml", []byte("<repomd><data type=\"primary\">")) }, 2, says("URL/repodata/repomd.xml", "malformed")},
		{"empty repomd.xml", func(up *testrepo.Upstream) { up.Put("repodata/repomd.xml", nil) }, 2, says("URL/repodata/repomd.xml")},
		{"repomd.xml of many records", func(up *testrepo.Upstream) {
			many := strings.Repeat("<data type=\"primary\"><checksum type=\"sha256\">"+hexOf(nil)+"</checksum><location href=\"repodata/x\"/></data>", 1001)
			up.Put("repodata/repomd.xml", []byte("<repomd>"+many+"</repomd>"))
		}, 2, says("URL/repodata/repomd.xml", "1001 records", "1000")},
		{"endless repomd.xml", func(up *testrepo.Upstream) { up.Put("repodata/repomd.xml", bytes.Repeat([]byte("<!-- -->"), 1<<20)) }, 3, says("URL/repodata/repomd.xml", "4194304")},
		{"primary missing", func(up *testrepo.Upstream) { up.Delete(up.Metadata("primary")) }, 2, says("URL/repodata/", "primary.xml.gz", "404")},
		{"primary truncated", func(up *testrepo.Upstream) { up.On("repodata/*primary*", testrepo.Truncate(100)) }, 2, says("URL/repodata/", "primary.xml.gz", "EOF")},
		{"primary corrupt", func(up *testrepo.Upstream) { up.On("repodata/*primary*", testrepo.Corrupt(100)) }, 3, says("URL/repodata/", "primary.xml.gz", "sha256")},
		{"primary is a login page", func(up *testrepo.Upstream) { up.On("repodata/*primary*", testrepo.HTML()) }, 3, says("URL/repodata/", "primary.xml.gz", "HTML")},
		{"primary malformed", func(up *testrepo.Upstream) {
			up.Change(func(o *testrepo.Options) { o.Compression = "plain" })
			up.Render()
			primary := up.Metadata("primary")
			data := slices.Clone(up.File(primary))
			copy(data[len(data)-100:], bytes.Repeat([]byte("<"), 100))
			up.Put(primary, data)
			up.Put("repodata/repomd.xml", renamed(up, primary))
		}, 2, says("URL/repodata/", "primary.xml", "malformed")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
			good := testrepo.New(t, testrepo.Options{}, rpms(t, chrono)...)
			s := newSite(t, section("base", up))
			s.ok("sync")
			s.ok("createrepo", "--update")
			same := s.frozen()
			s.configure(section("base", up), section("good", good))
			up.Add(rpms(t, rich)...)
			up.Render()
			tt.damage(up)

			words := []string{"gorepo: base: "}
			for _, w := range tt.says {
				words = append(words, strings.Replace(w, "URL", up.URL, 1))
			}
			s.run("sync", "--delete").ended(tt.status, words)
			same()
			assert.Len(t, s.packages("good"), 1)
			assert.Len(t, s.packages("base"), 1)
			s.ok("createrepo", "--update")
			same()
			_, records := s.whole("good")
			assert.Contains(t, records["primary"], "chrono")

			// Alone, nothing is done at all.
			alone := 1
			if tt.status == 3 {
				alone = 3
			}
			s.run("sync", "base").ended(alone, words)
			same()
		})
	}
}

// Metadata that can be made again, or that no client needs, does not keep the
// packages away.
func TestBrokenRecord(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		damage func(up *testrepo.Upstream)
		status int
		says   []string
		read   int // packages that createrepo has to read
	}{
		{"filelists missing", func(up *testrepo.Upstream) { up.Delete(up.Metadata("filelists")) }, 0, says("filelists.xml.gz", "404", "warning"), 2},
		{"other corrupt", func(up *testrepo.Upstream) { up.On("repodata/*other*", testrepo.Corrupt(100)) }, 3, says("other.xml.gz", "sha256"), 2},
		{"unknown missing", func(up *testrepo.Upstream) { up.Delete(up.Metadata("strange")) }, 2, says("strange.xml.gz", "404"), 0},
		{"filelists hostile", func(up *testrepo.Upstream) {
			up.Put("repodata/repomd.xml", bytes.Replace(up.File("repodata/repomd.xml"), []byte(up.Metadata("filelists")), []byte("../../../../tmp/.bashrc"), 1))
		}, 0, says("/repodata/repomd.xml", "filelists", ".bashrc", "warning"), 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			up := testrepo.New(t, testrepo.Options{Extra: map[string][]byte{"strange": []byte("<strange/>")}}, rpms(t, hello212, chrono)...)
			tt.damage(up)
			s := newSite(t, section("base", up))
			for range 2 {
				s.run("sync").ended(tt.status, append(says("gorepo: base: ", up.URL), tt.says...))
				require.Len(t, s.packages("base"), 2)
			}
			made := s.summary("createrepo", "--update")
			assert.Equal(t, tt.read, made.Read)
			locations, _ := s.whole("base")
			assert.Len(t, locations, 2)
			// Upstream mends it.
			up.Repair()
			up.Delete("repodata/repomd.xml") // what was put there
			up.Render()
			s.ok("sync")
			s.ok("createrepo", "--update")
			_, records := s.whole("base")
			assert.Equal(t, "<strange/>", records["strange"])
		})
	}
}

// One entry of primary that cannot be understood is one package that is
// missing.
func TestBrokenEntry(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello212, chrono)
	up := testrepo.New(t, testrepo.Options{Compression: "plain"}, packages...)
	primary := up.Metadata("primary")
	up.Put(primary, bytes.Replace(up.File(primary), []byte("</version>"), []byte("</versoin>"), 1))
	up.Put("repodata/repomd.xml", renamed(up, primary))
	s := newSite(t, section("base", up))
	s.run("sync").ended(2, says("gorepo: base: ", up.URL+"/"+primary, "package 1", "malformed"))
	assert.Equal(t, hrefs(packages[1]), s.packages("base"))
	s.ok("createrepo", "--update")
	locations, _ := s.whole("base")
	assert.Equal(t, hrefs(packages[1]), locations)

	// Any number of them is no more than a few lines.
	var many []*testrepo.Package
	for i := range 500 {
		many = append(many, testrepo.Fake(fmt.Sprintf("many%d-1-1.noarch", i), 100))
	}
	up.Add(many...)
	up.Delete("repodata/repomd.xml")
	up.Render()
	primary = up.Metadata("primary")
	up.Put(primary, bytes.ReplaceAll(up.File(primary), []byte("</version>"), []byte("</versoin>")))
	up.Put("repodata/repomd.xml", renamed(up, primary))
	o := s.run("sync")
	assert.Equal(t, 2, o.status)
	assert.Len(t, o.lines(), 21)
	assert.Contains(t, o.lines()[20], fmt.Sprintf("and %d more", len(packages)+len(many)-20))
}

// Upstream publishes while a sync reads: what repomd.xml named is gone, and the
// sync begins anew with what there is.
func TestUpstreamMoves(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"primary", "filelists"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
			s := newSite(t, section("base", up))
			more := rpms(t, chrono)[0]
			up.On("repodata/*"+kind+"*", testrepo.Then(func() {
				up.Add(more)
				up.Render()
			})).Times(1)
			s.ok("sync", "--workers", "1")
			assert.Len(t, s.packages("base"), 2)
			assert.Zero(t, s.summary("createrepo", "--update").Read)
			s.whole("base")

			// One that never stands still.
			s.ok("sync")
			restless := func() {
				up.Add(variant(more, fmt.Sprintf("more%d", len(up.Packages())), 10))
				up.Render()
			}
			up.On("repodata/*"+kind+"*", testrepo.Then(restless))
			restless()
			same := s.frozen()
			s.run("sync").ended(1, says("gorepo: base: ", up.URL+"/repodata/", "404", "meanwhile"))
			same()
		})
	}
}

// renamed is repomd.xml with the present checksum of a plain file.
func renamed(up *testrepo.Upstream, name string) []byte {
	old := strings.SplitN(filepath.Base(name), "-", 2)[0]
	data := up.File(name)
	repomd := string(up.File("repodata/repomd.xml"))
	i := strings.Index(repomd, ">"+old+"<")
	return []byte(repomd[:i] + ">" + hexOf(data) + repomd[i+len(old)+1:])
}

// What is wrong with one package: the others come, and nothing is deleted.
func TestBrokenPackage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		fault  testrepo.Fault
		status int
		says   []string
	}{
		{"missing", testrepo.Status(http.StatusNotFound), 2, says("404")},
		{"wrong checksum", testrepo.Corrupt(2000), 3, says("sha256")},
		{"truncated", testrepo.Truncate(2000), 2, says("EOF")},
		{"login page", testrepo.HTML(), 3, says("HTML")},
		{"too large", testrepo.Chunked(1000), 3, says("bytes")},
		{"stalled", testrepo.Stall(10), 2, says("no progress")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			packages := rpms(t, hello212, chrono)
			up := testrepo.New(t, testrepo.Options{}, packages...)
			s := newSite(t, section("base", up, "timeout=1"))
			s.ok("sync")
			s.ok("createrepo", "--update")
			require.Equal(t, 1, up.Remove(packages[1].Href()))
			news := rpms(t, rich, weak)
			up.Add(news...)
			up.Render()
			up.On(news[0].Href(), tt.fault)

			s.run("sync", "--delete", "-q").ended(tt.status, append(says("gorepo: base: "+up.URL+"/"+news[0].Href()), tt.says...))
			assert.Equal(t, hrefs(append(packages, news[1])...), s.packages("base"), "all others are there, none is deleted")
			s.ok("createrepo", "--update")
			locations, _ := s.whole("base")
			assert.Equal(t, s.packages("base"), locations)
			up.Repair()
			up.Forget()
			s.ok("sync")
			assert.Equal(t, append(hrefs(news[0]), "repodata/repomd.xml"), paths(up.Requests("**")))
		})
	}
}

// Locations come from a network: nothing outside the repository is written, or
// asked for, and the other packages come. (TestOutsideLocations has those that lead
// out of it and are stored inside.)
func TestHostileLocations(t *testing.T) {
	t.Parallel()
	hostile := []string{
		"../x", "../../repodata/x.rpm", "/x.rpm", "//x.rpm", "http://example.com/x.rpm", "file:///x.rpm",
		"repodata/x.rpm", "./repodata/x.rpm", ".gorepo/x.rpm", "a\nb.rpm", "a\tb.rpm", "x", "a/", `a\..\x.rpm`,
		"a/../x.rpm", "a/.b/x.rpm", "..", ".", strings.Repeat("a/", 3000) + "x.rpm", strings.Repeat("a", 300) + ".rpm", "x.rpm\u202egpj",
	}
	good := rpms(t, hello212)[0]
	list := []*testrepo.Package{good}
	var lines [][]string
	for i, href := range hostile {
		p := testrepo.Fake("x-1-1.noarch", 1000+i)
		p.Location, p.Path = href, "x.rpm"
		list = append(list, p)
		lines = append(lines, says("gorepo: base: location "))
	}
	for _, w := range []string{`"../x"`, `"../../repodata/x.rpm"`, `"/x.rpm"`, `"http://example.com/x.rpm"`, `"repodata/x.rpm"`, `"a\nb.rpm"`} {
		lines = append(lines, says(w))
	}
	up := testrepo.New(t, testrepo.Options{}, list...)
	s := newSite(t, section("base", up))
	around := filesAround(t, s.dir)
	o := s.run("sync")
	assert.Equal(t, 2, o.status, o.stderr)
	require.Greater(t, len(hostile), 20)
	assert.Len(t, o.lines(), 20+1, "twenty are told of, and how many there are more: %s", o.stderr)
	assert.Contains(t, o.stderr, fmt.Sprintf("gorepo: base: %s/%s: and %d more of its packages", up.URL, up.Metadata("primary"), len(hostile)-20))
	status, summaries := s.summaries("sync")
	assert.Equal(t, [2]int{2, len(hostile)}, [2]int{status, summaries["base"].Failures})
	for _, words := range lines {
		assert.True(t, slices.ContainsFunc(o.lines(), func(line string) bool { return strings.Contains(line, words[0]) }), "%q in\n%s", words, o.stderr)
	}
	for _, line := range o.lines() {
		assert.Less(t, len(line), 500, "%s", line)
	}
	assert.Equal(t, hrefs(good), s.packages("base"))
	assert.Equal(t, around, filesAround(t, s.dir))
	assert.Equal(t, hrefs(good), paths(up.Requests("**.rpm")))
	assert.Empty(t, up.Requests("x*"))

	// Nothing is deleted after that, and createrepo lists what is there.
	s.write(good.Data, "base", "own.rpm")
	assert.Equal(t, 2, s.run("sync", "--delete").status)
	assert.FileExists(t, s.path("base", "own.rpm"))
	s.ok("createrepo", "--update")
	locations, _ := s.whole("base")
	assert.Len(t, locations, 2)

	o = s.run("sync", "--urls")
	assert.Equal(t, 2, o.status)
	assert.Equal(t, up.URL+"/"+good.Href()+"\n", o.stdout)
}

// filesAround are the names of all files of a test but those of the mirror's
// repository and gorepo's own.
func filesAround(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	for _, pattern := range []string{"*", "mirror/*", "../*", "mirror/.gorepo/*"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		require.NoError(t, err)
		list = append(list, names...)
	}
	return slices.DeleteFunc(list, func(name string) bool {
		return slices.ContainsFunc([]string{"/mirror", "/mirror/base", "/.gorepo", "/.gorepo/base"}, func(end string) bool { return strings.HasSuffix(name, end) })
	})
}

// A symbolic link in the tree leads nowhere either.
func TestLinkOutOfTree(t *testing.T) {
	t.Parallel()
	p := rpms(t, hello212)[0]
	up := testrepo.New(t, testrepo.Options{}, p, rpms(t, chrono)[0])
	p.Location = "linked/hello.rpm"
	up.Render()
	s := newSite(t, section("base", up))
	outside := t.TempDir()
	require.NoError(t, os.MkdirAll(s.path("base"), 0o755))
	require.NoError(t, os.Symlink(outside, s.path("base", "linked")))
	s.run("sync").ended(2, says("gorepo: base: linked/hello.rpm", "symbolic link"))
	entries, err := os.ReadDir(outside)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

// All broken is a failure.
func TestAllBroken(t *testing.T) {
	t.Parallel()
	a, b := testrepo.New(t, testrepo.Options{}), testrepo.New(t, testrepo.Options{})
	a.Close()
	b.Delete("repodata/repomd.xml")
	s := newSite(t, section("a", a), section("b", b))
	s.run("sync").ended(1, says("gorepo: a: ", a.URL), says("gorepo: b: ", b.URL))
	s.run("createrepo").ended(1, says("gorepo: a: ", "sync it first"), says("gorepo: b: ", "sync it first"))
}

// skip_if_unavailable is for an upstream that is not there, and for nothing
// else.
func TestSkipIfUnavailable(t *testing.T) {
	t.Parallel()
	status := func(code int) func(*site, *testrepo.Upstream) []string {
		return func(_ *site, up *testrepo.Upstream) []string {
			up.On("repodata/repomd.xml", testrepo.Status(code))
			return nil
		}
	}
	for _, tt := range []struct {
		name   string
		damage func(s *site, bad *testrepo.Upstream) (keys []string)
		status int
		says   []string
	}{
		{"closed", func(_ *site, bad *testrepo.Upstream) []string {
			bad.Close()
			return nil
		}, 0, says("warning: ", "skip_if_unavailable", "URL/repodata/repomd.xml")},
		{"closed with a key there", func(_ *site, bad *testrepo.Upstream) []string {
			bad.Close()
			return []string{"gpgcheck=1", "gpgkey=" + bad.URL + "/KEY"}
		}, 0, says("warning: ", "skip_if_unavailable", "URL/KEY")},
		{"silent", func(_ *site, bad *testrepo.Upstream) []string {
			bad.On("**", testrepo.StallHeader())
			return []string{"timeout=1", "retries=1"}
		}, 0, says("warning: ", "skip_if_unavailable", "no answer")},
		{"not found", status(http.StatusNotFound), 0, says("warning: ", "skip_if_unavailable", "not found")},
		{"forbidden", status(http.StatusForbidden), 0, says("warning: ", "skip_if_unavailable", "403")},
		{"server error", status(http.StatusBadGateway), 0, says("warning: ", "skip_if_unavailable", "502")},
		{"no such directory", func(s *site, _ *testrepo.Upstream) []string {
			return []string{"baseurl=file://" + s.dir + "/none"}
		}, 0, says("warning: ", "skip_if_unavailable", "/none/repodata/repomd.xml")},

		{"no key", func(s *site, _ *testrepo.Upstream) []string {
			return []string{"gpgcheck=1", "gpgkey=file://" + s.dir + "/none"}
		}, 2, says("gpgkey", "/none")},
		{"no key on the server", func(_ *site, bad *testrepo.Upstream) []string {
			return []string{"gpgcheck=1", "gpgkey=" + bad.URL + "/KEY"}
		}, 2, says("gpgkey", "URL/KEY", "404")},
		{"a key that is not supported", func(*site, *testrepo.Upstream) []string {
			return []string{"gpgcakey=/x"}
		}, 2, says("gpgcakey")},
		{"malformed", func(_ *site, bad *testrepo.Upstream) []string {
			bad.Put("repodata/repomd.xml", []byte("<repomd>"))
			return nil
		}, 2, says("URL/repodata/repomd.xml", "malformed")},
		{"login page", func(_ *site, bad *testrepo.Upstream) []string {
			bad.On("**", testrepo.HTML())
			return nil
		}, 2, says("URL/repodata/repomd.xml", "HTML")},
		{"no primary", func(_ *site, bad *testrepo.Upstream) []string {
			bad.Delete(bad.Metadata("primary"))
			return nil
		}, 2, says("primary.xml.gz", "404")},
		{"nowhere to write", func(s *site, _ *testrepo.Upstream) []string {
			s.write([]byte("a file"), ".gorepo", "bad")
			return nil
		}, 2, says(".gorepo/bad", "not a directory")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			up, bad := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...), testrepo.New(t, testrepo.Options{}, rpms(t, chrono)...)
			s := newSite(t)
			section2 := section("bad", bad, append([]string{"skip_if_unavailable=1"}, tt.damage(s, bad)...)...)
			s.configure(section("base", up), section2)
			words := says("gorepo: bad: ")
			for _, w := range tt.says {
				words = append(words, strings.Replace(w, "URL", bad.URL, 1))
			}
			s.run("sync").ended(tt.status, words)
			assert.Len(t, s.packages("base"), 1)
			if tt.status == 0 {
				o := s.run("sync", "-q", "--summary")
				assert.Empty(t, o.stderr)
				assert.Contains(t, o.stdout, "bad: skipped, nothing changed, ")
				assert.Contains(t, o.stdout, "1 of 2 repositories are complete; not so: bad skipped\n")
			}
		})
	}
}

func TestAskedForNothing(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
	s := newSite(t, section("base", up), section("off", up, "enabled=0"))
	s.run("sync", "bsae").ended(1, says("gorepo: ", `"bsae"`, "base"))
	assert.NoDirExists(t, s.root)
	s.run("sync", "x*").ended(1, says("gorepo: ", `"x*"`))
	s.run("--config", filepath.Join(s.dir, "none.conf"), "sync").ended(1, says("gorepo: ", "none.conf"))
	s.run("sync", "o*")
	assert.Len(t, s.packages("off"), 1, "who is named need not be enabled")
	s.configure(section("off", up, "enabled=0"))
	s.run("sync").ended(1, says("gorepo: ", "no repository is enabled", s.conf, "enabled=1"))
	s.run("createrepo").ended(1, says("gorepo: ", "no repository is enabled", s.conf, "enabled=1"))
	s.run("sync", "--norepopath", "--nosuch").ended(64, says("--nosuch"))
}

// Who finds a repository locked waits, as long as it is told to.
func TestLocked(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
	s := newSite(t, section("base", up))
	s.ok("sync")
	m, err := mirror.Open(s.root)
	require.NoError(t, err)
	repo, err := m.Repo("base", mirror.RepoOptions{})
	require.NoError(t, err)
	unlock, err := repo.Lock(t.Context(), 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, repo.Close()) })

	up.Forget()
	for _, args := range [][]string{{"sync"}, {"createrepo"}, {"createrepo", s.path("base")}} {
		s.run(append(args, "--lock-timeout", "0")...).ended(1, says("gorepo: ", "base", "another gorepo", "wait"))
	}
	start := time.Now()
	s.run("sync", "--lock-timeout", "1").ended(1, says("gorepo: base: ", "another gorepo"))
	assert.GreaterOrEqual(t, time.Since(start), time.Second)
	assert.Empty(t, up.Requests("**"), "nothing is asked of upstream")

	s.configure(section("base", up), "[main]\nlock_timeout=0")
	s.run("sync").ended(1, says("gorepo: base: ", "another gorepo"))
	s.configure(section("base", up))
	ended := make(chan outcome, 1)
	go func() { ended <- s.run("sync") }()
	select {
	case o := <-ended:
		t.Fatalf("it did not wait: %+v", o)
	case <-time.After(300 * time.Millisecond):
	}
	require.NoError(t, unlock())
	(<-ended).ended(0)

	// Waiting can be interrupted.
	unlock, err = repo.Lock(t.Context(), 0)
	require.NoError(t, err)
	interrupt := s.start("sync")
	time.Sleep(100 * time.Millisecond)
	interrupt().ended(130, says("gorepo: interrupted"))
	require.NoError(t, unlock())
}

// A package that is there under another spelling, and one content at two
// locations.
func TestOddLocations(t *testing.T) {
	t.Parallel()
	list := rpms(t, hello212, hello212, chrono, rich)
	list[0].Location = "./a//b/hello.rpm"
	list[0].Path = "a/b/hello.rpm"
	list[1].Location = "copy of/hello+1~^%41.rpm"
	list[3].Location = list[2].Href() // two packages at one place: the first counts
	up := testrepo.New(t, testrepo.Options{}, list...)
	up.Put(list[2].Href(), list[2].Data)
	s := newSite(t, section("base", up))
	s.run("sync").ended(2, says("gorepo: base: ", list[2].Href(), "two packages"))
	assert.Equal(t, []string{list[2].Href(), "a/b/hello.rpm", "copy of/hello+1~^%41.rpm"}, s.packages("base"))
	s.ok("createrepo", "--update")
	locations, _ := s.whole("base")
	assert.Equal(t, s.packages("base"), locations)
}

// A file:// upstream, and one whose server sends somewhere else.
func TestOtherUpstreams(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello212, chrono)
	dir := t.TempDir()
	testrepo.Render(testrepo.Options{}, packages...).WriteTo(t, dir)
	up := testrepo.New(t, testrepo.Options{}, packages...)
	front := testrepo.Files(t, testrepo.Options{}, nil)
	front.On("**", testrepo.Redirect(up.URL+"/", http.StatusFound))
	dead := testrepo.New(t, testrepo.Options{})
	dead.Close()
	s := newSite(t, "[local]\nbaseurl=file://"+dir, section("moved", front), "[two]\nbaseurl="+dead.URL+" "+up.URL)
	s.run("sync").ended(0, says("gorepo: two: warning: mirror "+dead.URL+" is left out of this run"))
	s.ok("createrepo", "--update")
	for _, id := range []string{"local", "moved", "two"} {
		locations, _ := s.whole(id)
		assert.Equal(t, hrefs(packages...), locations, id)
	}
	up.Forget()
	s.ok("sync", "moved")
	require.Len(t, up.Requests("**"), 1)
	assert.Equal(t, http.StatusNotModified, up.Requests("**")[0].Status)
	status, of := s.summaries("sync", "local")
	assert.Equal(t, 0, status)
	assert.Equal(t, "unchanged", of["local"].Outcome)

	require.NoError(t, os.Remove(filepath.Join(dir, "repodata", "repomd.xml")))
	s.run("sync", "local").ended(1, says("gorepo: local: ", dir, "baseurl"))
}
