package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// manyPackages are n different real packages.
func manyPackages(t testing.TB, n int) (list []*testrepo.Package) {
	t.Helper()
	p := rpms(t, hello212)[0]
	for i := range n {
		list = append(list, variant(p, fmt.Sprintf("m%03d-1-1.noarch", i), 3000))
	}
	return list
}

// mirrorsOf are servers that show the same repository.
func mirrorsOf(t testing.TB, n int, packages ...*testrepo.Package) (ups []*testrepo.Upstream) {
	t.Helper()
	for range n {
		ups = append(ups, testrepo.New(t, testrepo.Options{}, packages...))
	}
	return ups
}

func urlsOf(ups ...*testrepo.Upstream) (urls []string) {
	for _, up := range ups {
		urls = append(urls, up.URL)
	}
	return urls
}

// metalinkOf is a metalink for what one server has.
func metalinkOf(current *testrepo.Upstream, ups ...*testrepo.Upstream) []byte {
	return testrepo.Metalink(testrepo.Version{Repomd: current.File("repodata/repomd.xml"), Timestamp: current.Revision()}, nil, urlsOf(ups...)...)
}

// listSection is the configuration of a repository whose mirrors are listed: by
// the key mirrorlist or metalink, or by several baseurl.
func listSection(t testing.TB, key string, current *testrepo.Upstream, ups []*testrepo.Upstream, keys ...string) string {
	t.Helper()
	value := strings.Join(urlsOf(ups...), "\n  ")
	switch key {
	case "mirrorlist":
		value = testrepo.Files(t, testrepo.Options{}, map[string][]byte{"list": testrepo.Mirrorlist(urlsOf(ups...)...)}).URL + "/list"
	case "metalink":
		value = testrepo.Files(t, testrepo.Options{}, map[string][]byte{"m": metalinkOf(current, ups...)}).URL + "/m"
	}
	return "[base]\n" + key + "=" + value + "\n" + strings.Join(keys, "\n") + "\n"
}

var listKeys = []string{"baseurl", "mirrorlist", "metalink"}

// crowd counts the requests that a server has at the same time.
type crowd struct {
	mu        sync.Mutex
	now, most int
}

func (c *crowd) at(up *testrepo.Upstream, d time.Duration) {
	up.On("**", func(x *testrepo.Exchange) {
		c.mu.Lock()
		c.now++
		c.most = max(c.most, c.now)
		c.mu.Unlock()
		time.Sleep(d)
		c.mu.Lock()
		c.now-- // before the client can know that it is done
		c.mu.Unlock()
		x.Serve()
	})
}

// Mirrors share the load, each with no more than its part at a time, and the
// order of the list does not change what is brought.
func TestMirrorsShareTheLoad(t *testing.T) {
	t.Parallel()
	packages := manyPackages(t, 60)
	var trees []map[string]string
	for _, key := range listKeys {
		for _, keys := range []string{"", "max_downloads_per_mirror=1", "max_parallel_downloads=2"} {
			ups := mirrorsOf(t, 3, packages...)
			crowds := make([]crowd, len(ups))
			for i, up := range ups {
				if keys == "max_parallel_downloads=2" {
					i = 0 // of all together
				}
				crowds[i].at(up, 5*time.Millisecond)
			}
			slices.Reverse(ups[:1+len(trees)%3])
			s := newSite(t, listSection(t, key, ups[0], ups, keys))
			s.ok("sync")
			var all, most int
			for i, up := range ups {
				n := len(up.Requests("Packages/**"))
				all += n
				if keys != "max_parallel_downloads=2" { // two mirrors are enough
					assert.Greater(t, n, 6, "%s %s: mirror %d of 60 packages", key, keys, i)
				}
				most = max(most, crowds[i].most)
			}
			assert.Equal(t, 60, all)
			want := 3
			if keys == "max_parallel_downloads=2" {
				want = 2
			}
			if keys == "max_downloads_per_mirror=1" {
				want = 1
			}
			assert.LessOrEqual(t, most, want, "%s %s", key, keys)
			tree := map[string]string{}
			for _, name := range s.packages("base") {
				tree[name] = hexOf(s.read("base", name))
			}
			trees = append(trees, tree)
		}
	}
	for _, tree := range trees {
		assert.Equal(t, trees[0], tree)
	}
}

// One mirror is bad: everything comes, and one line says which it is. All are
// bad: one line, and nothing changes.
func TestBadMirrors(t *testing.T) {
	t.Parallel()
	packages := manyPackages(t, 30)
	for _, tt := range []struct {
		name  string
		bad   func(t *testing.T) *testrepo.Upstream
		keys  []string // that name the mirrors
		words []string
		// all of them so: status, and what is said
		status int
		says   []string
	}{
		{"dead", func(t *testing.T) *testrepo.Upstream {
			up := testrepo.New(t, testrepo.Options{}, packages...)
			up.Close()
			return up
		}, listKeys, says("connection refused"), 1, says("connection refused")},
		{"silent", func(t *testing.T) *testrepo.Upstream {
			up := testrepo.New(t, testrepo.Options{}, packages...)
			up.On("**", testrepo.StallHeader())
			return up
		}, listKeys, says("no answer or no progress"), 1, says("no answer or no progress")},
		{"slow", func(t *testing.T) *testrepo.Upstream {
			up := testrepo.New(t, testrepo.Options{}, packages...)
			up.On("Packages/**", testrepo.Drip(50, 20*time.Millisecond))
			return up
		}, listKeys, says("too slow"), 0, nil},
		{"stale by its metalink", func(t *testing.T) *testrepo.Upstream {
			return testrepo.New(t, testrepo.Options{Revision: 1_600_000_000}, packages[:20]...)
		}, says("metalink"), says("repomd.xml", "is behind"), 3, says("no mirror has the repomd.xml that the metalink")},
		{"lying", func(t *testing.T) *testrepo.Upstream {
			return testrepo.New(t, testrepo.Options{}, rpms(t, chrono)...)
		}, says("metalink"), says("repomd.xml", "not one that the metalink describes"), 3, says("no mirror has the repomd.xml that the metalink")},
		{"without metadata", func(t *testing.T) *testrepo.Upstream {
			up := testrepo.New(t, testrepo.Options{}, packages...)
			for _, record := range []string{"primary", "filelists", "other"} {
				up.Delete(up.Metadata(record))
			}
			return up
		}, listKeys, says("404"), 0, nil},
		{"with wrong packages", func(t *testing.T) *testrepo.Upstream {
			up := testrepo.New(t, testrepo.Options{}, packages...)
			up.On("Packages/**", testrepo.Corrupt(200))
			return up
		}, listKeys, says("sha256"), -1, nil},
		{"a login page", func(t *testing.T) *testrepo.Upstream {
			up := testrepo.New(t, testrepo.Options{}, packages...)
			up.On("**", testrepo.HTML())
			return up
		}, says("metalink"), says("HTML"), 3, says("HTML")},
		{"overloaded", func(t *testing.T) *testrepo.Upstream {
			up := testrepo.New(t, testrepo.Options{}, packages...)
			up.On("**", testrepo.Status(http.StatusServiceUnavailable))
			return up
		}, listKeys, says("503"), 1, says("503")},
	} {
		for _, key := range tt.keys {
			t.Run(tt.name+" "+key, func(t *testing.T) {
				t.Parallel()
				good := mirrorsOf(t, 2, packages...)
				bad := tt.bad(t)
				s := newSite(t, listSection(t, key, good[0], []*testrepo.Upstream{bad, good[0], good[1]}, "timeout=0.5", "minrate=0"))
				said := append(says("mirror "+bad.URL+" is left out of this run"), tt.words...)
				if key == "baseurl" {
					s.run("sync").ended(0, append(said, "gorepo: base: warning: "))
				} else {
					s.run("sync", "-v").noted(said...)
				}
				assert.Equal(t, hrefs(packages...), s.packages("base"))
				s.ok("createrepo", "--update")
				same := s.frozen()

				if tt.status < 1 {
					return
				}
				require.NoError(t, os.RemoveAll(s.path(".gorepo"))) // so that metadata is asked for
				s.configure(listSection(t, key, good[0], []*testrepo.Upstream{bad, tt.bad(t)}, "timeout=0.5"))
				s.run("sync", "--delete").ended(tt.status, append(says("gorepo: base: "), tt.says...))
				same()
			})
		}
	}
}

// An upstream that has not changed costs its metalink and one conditional
// request, to the mirror that gave repomd.xml; another mirror is asked if that one
// is gone.
func TestMetalinkUnchanged(t *testing.T) {
	t.Parallel()
	packages := manyPackages(t, 5)
	ups := mirrorsOf(t, 3, packages...)
	lists := testrepo.Files(t, testrepo.Options{}, map[string][]byte{"m": metalinkOf(ups[0], ups...)})
	s := newSite(t, "[base]\nmetalink="+lists.URL+"/m\n")
	s.ok("sync")
	asked := func() (all, conditional int) {
		for _, up := range ups {
			for _, q := range up.Requests("**") {
				all++
				if q.Header.Get("If-None-Match") != "" && q.Status == http.StatusNotModified {
					conditional++
				}
			}
			up.Forget()
		}
		all += len(lists.Requests("**"))
		lists.Forget()
		return all, conditional
	}
	asked()
	s.ok("sync")
	all, conditional := asked()
	assert.Equal(t, []int{2, 1}, []int{all, conditional})
	lists.Put("m", metalinkOf(ups[0], ups[2], ups[1], ups[0])) // another order
	s.ok("sync")
	all, conditional = asked()
	assert.Equal(t, []int{2, 1}, []int{all, conditional})
	lists.Put("m", metalinkOf(ups[0], ups[1], ups[2])) // it is gone
	s.ok("sync")
	all, conditional = asked()
	assert.Equal(t, []int{2, 0}, []int{all, conditional}, "repomd.xml from another mirror, and it is the same")

	// The mirror that gave it is behind now: it is not believed, whatever it says.
	for _, up := range ups[1:] {
		up.Add(rpms(t, rich)...)
		up.Render()
	}
	lists.Put("m", metalinkOf(ups[1], ups...))
	s.run("sync", "-v").noted("mirror "+ups[0].URL, "is behind")
	assert.Len(t, s.packages("base"), 6)
}

// A mirror that stood in for the first of the list, and that nobody keeps up to date
// since, does not say for ever that nothing has changed.
func TestAbandonedMirror(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"baseurl", "mirrorlist"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			ups := mirrorsOf(t, 2, manyPackages(t, 3)...)
			value := ups[0].URL + " " + ups[1].URL
			if key == "mirrorlist" {
				value = testrepo.Files(t, testrepo.Options{}, map[string][]byte{"m": []byte(ups[0].URL + "\n" + ups[1].URL + "\n")}).URL + "/m"
			}
			s := newSite(t, "[base]\n"+key+"="+value+"\n")
			s.ok("sync")
			ups[0].On("**", testrepo.Status(http.StatusNotFound))
			if o := s.run("sync"); key == "baseurl" {
				o.ended(0, says("warning: mirror "+ups[0].URL))
			} else {
				o.ended(0) // lists have such mirrors, and nobody can do anything about it
			}
			ups[0].Repair()
			s.ok("sync")
			ups[0].Add(rpms(t, rich)...)
			ups[0].Render()
			s.run("sync") // with a warning of the other one, if it is asked for metadata
			assert.Len(t, s.packages("base"), 4)

			ups[0].Forget()
			ups[1].Forget()
			s.ok("sync")
			require.Len(t, ups[0].Requests("**"), 1)
			assert.Equal(t, http.StatusNotModified, ups[0].Requests("**")[0].Status)
			assert.Empty(t, ups[1].Requests("**"))
		})
	}
}

// A new repomd.xml that no mirror has yet: what is there is still good.
func TestMetalinkAhead(t *testing.T) {
	t.Parallel()
	packages := manyPackages(t, 3)
	ups := mirrorsOf(t, 2, packages...)
	link := testrepo.Metalink(
		testrepo.Version{Repomd: []byte("to come"), Timestamp: 2},
		[]testrepo.Version{{Repomd: ups[0].File("repodata/repomd.xml"), Timestamp: 1}}, urlsOf(ups...)...)
	s := newSite(t, "[base]\nmetalink=file://"+putFile(t, string(link), t.TempDir(), "metalink.xml")+"\n")
	s.ok("sync")
	assert.Equal(t, hrefs(packages...), s.packages("base"))
}

// Upstream publishes while a sync reads, mirrors and metalink: the sync begins
// anew with both.
func TestMetalinkMoves(t *testing.T) {
	t.Parallel()
	ups := mirrorsOf(t, 2, manyPackages(t, 3)...)
	lists := testrepo.Files(t, testrepo.Options{}, map[string][]byte{"m": metalinkOf(ups[0], ups...)})
	var once sync.Once
	for _, up := range ups {
		up.On("repodata/*primary*", testrepo.Then(func() {
			once.Do(func() {
				for _, up := range ups {
					up.Add(rpms(t, rich)...)
					up.Render()
				}
				lists.Put("m", metalinkOf(ups[0], ups...))
			})
		}))
	}
	s := newSite(t, "[base]\nmetalink="+lists.URL+"/m\n")
	s.ok("sync", "--workers", "1")
	assert.Len(t, s.packages("base"), 4)
	assert.Len(t, lists.Requests("m"), 2)
}

// A list that cannot be had: what is besides has to do, or the repository is not
// available.
func TestListNotAvailable(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
	lists := testrepo.Files(t, testrepo.Options{}, map[string][]byte{
		"page": []byte("<html>log in</html>"), "none": []byte("# nothing\n"), "xml": []byte("<metalink>"),
	})
	for value, words := range map[string][]string{
		"mirrorlist=" + lists.URL + "/gone":          says(lists.URL+"/gone", "404"),
		"mirrorlist=" + lists.URL + "/page":          says(lists.URL+"/page", "HTML page"),
		"mirrorlist=" + lists.URL + "/none":          says(lists.URL+"/none", "names no mirror"),
		"metalink=" + lists.URL + "/xml":             says(lists.URL+"/xml", "not a metalink"),
		"mirrorlist=" + lists.URL + "/xml?metalink=": says(lists.URL+"/xml", "not a metalink"),
		"mirrorlist=/nowhere/list":                   says("/nowhere/list", "does not exist"),
	} {
		s := newSite(t, "[base]\n"+value+"\n")
		s.run("sync").ended(1, append(says("gorepo: base: list of mirrors "), words...))
		s.configure("[base]\n" + value + "\nskip_if_unavailable=1\n")
		s.run("sync").ended(0, append(says("gorepo: base: warning: skipped"), words...))
		s.configure("[base]\n" + value + "\nbaseurl=" + up.URL + "\n")
		s.run("sync").ended(0, append(says("gorepo: base: warning: list of mirrors ", "only baseurl is used"), words...))
		assert.Len(t, s.packages("base"), 1)
	}
}

// TestMirrorsLikeDNF has dnf and gorepo use the same mirrorlist and metalink.
func TestMirrorsLikeDNF(t *testing.T) {
	t.Parallel()
	requireReposync(t)
	packages := manyPackages(t, 10)
	ups := mirrorsOf(t, 2, packages...)
	stale := testrepo.New(t, testrepo.Options{Revision: 1_600_000_000}, packages[:4]...)
	host := strings.TrimPrefix(ups[0].URL, "http://")
	present := testrepo.Version{Repomd: ups[0].File("repodata/repomd.xml"), Timestamp: 2}
	to := testrepo.Version{Repomd: []byte("to come"), Timestamp: 3}
	lists := testrepo.Files(t, testrepo.Options{}, map[string][]byte{
		"list":      testrepo.Mirrorlist(append([]string{"ftp://127.0.0.1/x"}, urlsOf(ups...)...)...),
		"metalink":  testrepo.Metalink(present, nil, append([]string{"rsync://127.0.0.1/x"}, urlsOf(ups...)...)...),
		"stale":     testrepo.Metalink(present, nil, stale.URL, ups[0].URL),
		"alternate": testrepo.Metalink(to, []testrepo.Version{present}, urlsOf(ups...)...),
		"wrong":     testrepo.Metalink(to, nil, urlsOf(ups...)...),
		"md5":       testrepo.Metalink(testrepo.Version{Repomd: present.Repomd, Hashes: []string{"md5"}}, nil, urlsOf(ups...)...),
		"vars":      []byte("http://$where/\n"),
		"comments":  []byte("\n#x\n  " + ups[0].URL + " \t\nnothing\n"),
		"page":      []byte("<html></html>\n"),
	})
	vars := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(vars, "where"), []byte(host+"\n"), 0o644))
	for _, c := range []struct {
		keys string
		ok   bool
	}{
		{"mirrorlist=LISTS/list", true},
		{"mirrorlist=LISTS/comments", true},
		{"mirrorlist=LISTS/vars", true},
		{"mirrorlist=LISTS/page", false},
		{"mirrorlist=LISTS/gone", false},
		{"metalink=LISTS/metalink", true},
		{"mirrorlist=LISTS/metalink", true}, // by its name
		{"metalink=LISTS/metalink\nmirrorlist=LISTS/gone", true},
		{"metalink=LISTS/gone\nmirrorlist=LISTS/list", false},
		{"metalink=LISTS/stale", true},
		{"metalink=LISTS/alternate", true},
		{"metalink=LISTS/md5", true},
		{"metalink=LISTS/wrong", false},
		{"metalink=LISTS/wrong\nbaseurl=BASE", false},
		{"metalink=LISTS/page\nbaseurl=BASE", true},
		{"mirrorlist=LISTS/gone\nbaseurl=BASE", true},
		{"mirrorlist=LISTS/list\nbaseurl=BASE\nfastestmirror=1", true},
	} {
		keys := strings.NewReplacer("LISTS", lists.URL, "BASE", ups[1].URL).Replace(c.keys)
		dest := t.TempDir()
		their := newDNF(t, "[base]\n"+keys+"\ngpgcheck=0\n")
		conf, err := os.ReadFile(their.conf)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(their.conf, bytes.Replace(conf, []byte("varsdir="+their.dir+"/none"), []byte("varsdir="+vars+"\nretries=1"), 1), 0o644))
		err = exec.Command("dnf", their.args([]string{ //nolint:gosec // the test's own
			"--setopt=plugins=1", "--disableplugin=*", "--enableplugin=reposync", "reposync", "--repo=base", "--download-path=" + dest,
		})...).Run()
		assert.Equal(t, c.ok, err == nil, "dnf with %s", c.keys)

		s := newSite(t, "[base]\n"+keys+"\n")
		text, err := os.ReadFile(s.conf)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(s.conf, bytes.Replace(text, []byte("[main]\n"), []byte("[main]\nvarsdir="+vars+"\n"), 1), 0o644))
		o := s.run("sync")
		assert.Equal(t, c.ok, o.status == 0, "gorepo with %s\n%s", c.keys, o.stderr)
		theirs := []string{}
		for file := range listTree(t, dest) {
			theirs = append(theirs, strings.TrimPrefix(file, "base/"))
		}
		slices.Sort(theirs)
		if c.ok {
			require.Len(t, theirs, len(packages))
			assert.Equal(t, theirs, s.packages("base"), c.keys)
		}
		t.Logf("%-50s dnf and gorepo: %v", strings.ReplaceAll(c.keys, "\n", " "), c.ok)
	}
}
