package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"

	"gorepo/internal/testrepo"
)

// Of several mirrors, one whose repomd.xml is not right or not today's is left
// out, whatever is wrong with it, and another one is asked.
func TestWrongRepomdOfOneMirror(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello212, chrono)
	sign := signWith(t, "rsa")
	options := testrepo.Options{Sign: sign, Revision: 1_600_086_400}
	trust := []string{"repo_gpgcheck=1", "gpgkey=" + keyFile(t, rsaKey), "delete=1"}
	for _, tt := range []struct {
		name  string
		wrong func(t *testing.T, bad *testrepo.Upstream)
		says  []string
	}{
		{"signature of an older one", func(_ *testing.T, bad *testrepo.Upstream) {
			bad.Put("repodata/repomd.xml.asc", sign([]byte("yesterday's")))
		}, says("bad signature by key " + rsaKeyID)},
		{"signature missing", func(_ *testing.T, bad *testrepo.Upstream) { bad.Delete("repodata/repomd.xml.asc") }, says("there is no repomd.xml.asc")},
		{"signature refused", func(_ *testing.T, bad *testrepo.Upstream) {
			bad.On("repodata/repomd.xml.asc", testrepo.Status(403))
		}, says("403")},
		{"another's signature", func(t *testing.T, bad *testrepo.Upstream) {
			bad.Put("repodata/repomd.xml.asc", signWith(t, "ed25519")(bad.File("repodata/repomd.xml")))
		}, says(ed25519KeyID)},
		{"changed", func(_ *testing.T, bad *testrepo.Upstream) {
			bad.Put("repodata/repomd.xml", bytes.Replace(bad.File("repodata/repomd.xml"), []byte("<revision>"), []byte("<revision>9"), 1))
		}, says("bad signature")},
		{"cut short and signed so", func(_ *testing.T, bad *testrepo.Upstream) {
			data := bad.File("repodata/repomd.xml")
			data = data[:len(data)/2]
			bad.Put("repodata/repomd.xml", data)
			bad.Put("repodata/repomd.xml.asc", sign(data))
		}, says("malformed")},
		{"a login page", func(_ *testing.T, bad *testrepo.Upstream) { bad.On("**", testrepo.HTML()) }, says("HTML page")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			bad, good := testrepo.New(t, options, packages...), testrepo.New(t, options, packages...)
			tt.wrong(t, bad)
			list := testrepo.Files(t, testrepo.Options{}, map[string][]byte{"list": testrepo.Mirrorlist(bad.URL, good.URL)})
			s := newSite(t, "[base]\nmirrorlist="+list.URL+"/list\n"+joined(trust))
			o := s.run("sync")
			o.ended(0, append(says("gorepo: base: warning: mirror "+bad.URL, " is left out of this run"), tt.says...))
			assert.Equal(t, hrefs(packages...), s.packages("base"))
			assert.Empty(t, bad.Requests("Packages/**"), "it is not asked any more")
		})
	}
}

// If all are wrong, the mirror stays as it was.
func TestWrongRepomdOfAllMirrors(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello212, chrono)
	sign := signWith(t, "rsa")
	var urls []string
	var ups []*testrepo.Upstream
	for range 8 {
		up := testrepo.New(t, testrepo.Options{Sign: sign}, packages[0])
		ups, urls = append(ups, up), append(urls, up.URL)
	}
	list := testrepo.Files(t, testrepo.Options{}, map[string][]byte{"list": testrepo.Mirrorlist(urls...)})
	s := newSite(t, "[base]\nmirrorlist="+list.URL+"/list\nrepo_gpgcheck=1\ngpgkey="+keyFile(t, rsaKey))
	s.ok("sync")
	s.ok("createrepo", "--update")
	same := s.frozen()
	stored := s.files(".gorepo", "base", "upstream")
	for _, up := range ups {
		up.Add(packages[1])
		up.Render()
		up.Put("repodata/repomd.xml.asc", sign([]byte("yesterday's")))
		up.Forget()
	}
	o := s.run("sync")
	assert.Equal(t, 3, o.status)
	assert.Len(t, o.lines(), 5, "where all that were asked are wrong, something else is: %s", o.stderr)
	same()
	assert.Equal(t, stored, s.files(".gorepo", "base", "upstream"))
	asked := 0
	for _, up := range ups {
		asked += len(up.Requests("**"))
	}
	assert.Equal(t, 10, asked)
}

// A mirror that is behind is left out; if all are, upstream means it.
func TestStaleMirrors(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello212, chrono)
	newer := testrepo.New(t, testrepo.Options{Revision: 1_600_086_400}, packages...)
	s := newSite(t, section("base", newer, "delete=1"))
	s.ok("sync")
	s.ok("createrepo", "--update")
	older := testrepo.New(t, testrepo.Options{Revision: 1_600_000_000}, packages[0])
	present := testrepo.New(t, testrepo.Options{Revision: 1_600_086_400}, packages...)
	other := testrepo.New(t, testrepo.Options{Revision: 1_600_000_000}, packages[0])

	both := "[base]\ndelete=1\nbaseurl=" + older.URL + " "
	for _, up := range []*testrepo.Upstream{newer, present} {
		s.configure(both + up.URL)
		s.run("sync").ended(0, says("gorepo: base: warning: mirror "+older.URL+" is left out of this run", "upstream went back", "2020-09-13 12:26:40 UTC"))
		assert.Equal(t, hrefs(packages...), s.packages("base"))
	}

	s.configure(both + other.URL)
	s.run("sync").ended(0, says("is left out of this run", "upstream went back"), says("warning: http", "upstream went back"), says("nothing is deleted: upstream went back"))
	assert.Equal(t, hrefs(packages...), s.packages("base"))
}

func joined(lines []string) string {
	var b bytes.Buffer
	for _, l := range lines {
		b.WriteString(l + "\n")
	}
	return b.String()
}
