package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// recordTypes are those of the published generation, in their order.
func (s *site) recordTypes(id string) []string {
	s.t.Helper()
	m, _, err := s.local(id).repomd()
	require.NoError(s.t, err)
	var types []string
	for _, r := range m.Data {
		types = append(types, r.Type)
	}
	return types
}

// Whatever upstream has besides the packages comes along, one record for each
// content.
func TestCarriesMetadata(t *testing.T) {
	t.Parallel()
	comps, modules := mustRead(t, "../../testdata/comps.xml"), mustRead(t, "../../testdata/modules.yaml")
	updates, strange := mustRead(t, "../../testdata/updateinfo.xml"), []byte("<strange/>")
	for _, compression := range []string{"gz", "xz", "zst", "plain"} {
		t.Run(compression, func(t *testing.T) {
			t.Parallel()
			up := testrepo.New(t, testrepo.Options{
				Compression: compression, Comps: comps, CompsAs: "both", Modules: modules, Updates: updates, DB: true, Zck: true,
				Extra: map[string][]byte{"strange": strange, "appstream": strange},
			}, rpms(t, hello212, modular)...)
			s := newSite(t, section("base", up))
			s.ok("sync")
			for _, unwanted := range []string{"*.sqlite*", "*.zck"} {
				assert.Empty(t, up.Requests("repodata/"+unwanted), "of what is rebuilt no other form is fetched")
			}
			made := s.summary("createrepo", "--update")
			assert.Zero(t, made.Read)
			assert.Equal(t, []string{"primary", "filelists", "other", "appstream", "group", "modules", "strange", "updateinfo"}, s.recordTypes("base"))
			_, records := s.whole("base")
			assert.Equal(t, string(comps), records["group"])
			assert.Equal(t, string(modules), records["modules"])
			assert.Equal(t, string(updates), records["updateinfo"])
			m, _, err := s.local("base").repomd()
			require.NoError(t, err)
			for _, r := range m.Data {
				if r.Type != "strange" && r.Type != "appstream" {
					assert.True(t, strings.HasSuffix(r.Location.Href, ".gz"), "%s is in the form that all clients read", r.Location.Href)
				} else {
					assert.True(t, bytes.Equal(up.File(up.Metadata(r.Type)), s.read("base", r.Location.Href)), "what we do not know stays as it is")
				}
			}
			assert.Equal(t, "unchanged", s.summary("createrepo", "--update").Outcome)
			// Without --update they come along, too.
			s.ok("createrepo")
			assert.Len(t, s.recordTypes("base"), 8)
			s.ok("createrepo", "--update", "--discard-additional-metadata")
			assert.Equal(t, []string{"primary", "filelists", "other"}, s.recordTypes("base"))
			s.ok("createrepo", "--update", "--keep-all-metadata")
			assert.Len(t, s.recordTypes("base"), 8)
		})
	}
}

// addRecord adds a record to the published repomd.xml, as modifyrepo does.
func (s *site) addRecord(id, recordType, content string) {
	s.t.Helper()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, err := w.Write([]byte(content))
	require.NoError(s.t, err)
	require.NoError(s.t, w.Close())
	name := hexOf(z.Bytes()) + "-" + recordType + ".xml.gz"
	s.write(z.Bytes(), id, "repodata", name)
	data := fmt.Sprintf(`<data type="%s"><checksum type="sha256">%s</checksum><open-checksum type="sha256">%s</open-checksum>`+
		`<location href="repodata/%s"/><timestamp>1</timestamp><size>%d</size><open-size>%d</open-size></data></repomd>`,
		recordType, hexOf(z.Bytes()), hexOf([]byte(content)), name, z.Len(), len(content))
	repomd := s.read(id, "repodata", "repomd.xml")
	s.write(bytes.Replace(repomd, []byte("</repomd>"), []byte(data), 1), id, "repodata", "repomd.xml")
}

// What somebody added by hand stays; what upstream dropped goes.
func TestRecordsComeAndGo(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{Updates: mustRead(t, "../../testdata/updateinfo.xml"), Extra: map[string][]byte{"strange": []byte("<a/>")}}, rpms(t, hello212)...)
	s := newSite(t, section("base", up))
	s.ok("sync")
	s.ok("createrepo", "--update")
	s.addRecord("base", "own", "<own/>")
	s.ok("createrepo", "--update")
	_, records := s.whole("base")
	assert.Equal(t, "<own/>", records["own"])
	assert.Contains(t, records, "updateinfo")

	// Upstream changes one and drops the other.
	up.Change(func(o *testrepo.Options) { o.Updates, o.Extra = nil, map[string][]byte{"strange": []byte("<b/>")} })
	up.Render()
	s.ok("sync")
	s.ok("createrepo", "--update")
	assert.Equal(t, []string{"primary", "filelists", "other", "own", "strange"}, s.recordTypes("base"))
	_, records = s.whole("base")
	assert.Equal(t, "<own/>", records["own"])
	assert.Equal(t, "<b/>", records["strange"])
	s.ok("createrepo", "--update")
	assert.Contains(t, s.recordTypes("base"), "own")

	// Without --update everything is made anew, as createrepo_c does.
	s.ok("createrepo")
	assert.Equal(t, []string{"primary", "filelists", "other", "strange"}, s.recordTypes("base"))
}

// So it is with what a copy of upstream's metadata brought.
func TestRecordsOfACopy(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{Comps: mustRead(t, "../../testdata/comps.xml"), Extra: map[string][]byte{"strange": []byte("<a/>")}}, rpms(t, hello212)...)
	s := newSite(t, section("base", up))
	s.ok("sync", "--download-metadata")
	s.addRecord("base", "own", "<own/>")
	up.Change(func(o *testrepo.Options) { o.Comps, o.Extra = nil, nil })
	up.Render()
	s.ok("sync")
	s.ok("createrepo", "--update")
	assert.Equal(t, []string{"primary", "filelists", "other", "own"}, s.recordTypes("base"))
}

// What upstream names and does not give tonight is kept as it was published.
func TestRecordThatDoesNotCome(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{Extra: map[string][]byte{"productid": []byte("one"), "strange": []byte("<a/>")}}, rpms(t, hello212)...)
	s := newSite(t, section("base", up))
	s.ok("sync")
	s.ok("createrepo", "--update")
	up.Add(rpms(t, chrono)...)
	up.Change(func(o *testrepo.Options) { o.Extra["productid"] = []byte("two") })
	up.Render()
	up.Delete(up.Metadata("productid"))
	s.run("sync").ended(2, says("gorepo: base: record productid is left out"))
	for _, args := range [][]string{{"--update"}, {"--update"}, nil, {"--update"}} {
		s.ok(append([]string{"createrepo"}, args...)...)
		locations, records := s.whole("base")
		assert.Len(t, locations, 2)
		assert.Equal(t, "one", records["productid"], "%v", args)
	}
	// Upstream gives it, and then has it no more.
	up.Render()
	s.ok("sync")
	s.ok("createrepo", "--update")
	_, records := s.whole("base")
	assert.Equal(t, "two", records["productid"])
	up.Change(func(o *testrepo.Options) { delete(o.Extra, "productid") })
	up.Render()
	s.ok("sync")
	s.ok("createrepo", "--update")
	_, records = s.whole("base")
	assert.NotContains(t, records, "productid")
	assert.Contains(t, records, "strange")
}

// Clients that have read a repomd.xml find what it names for one generation
// more, and not longer.
func TestGenerations(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
	s := newSite(t, section("base", up))
	generation := func(packages ...*testrepo.Package) []string {
		up.Add(packages...)
		up.Render()
		s.ok("sync")
		s.ok("createrepo", "--update")
		m, _, err := s.local("base").repomd()
		require.NoError(t, err)
		var names []string
		for _, r := range m.Data {
			names = append(names, filepath.Base(r.Location.Href))
		}
		return names
	}
	published := func() []string { return slices.Collect(maps.Keys(s.files("base", "repodata"))) }
	first := generation()
	own := s.write([]byte("mine"), "base", "repodata", "productid.txt")
	second := generation(rpms(t, chrono)...)
	assert.ElementsMatch(t, slices.Concat(first, second, []string{"repomd.xml", "productid.txt"}), published())
	third := generation(rpms(t, weak)...)
	assert.ElementsMatch(t, slices.Concat(second, third, []string{"repomd.xml", "productid.txt"}), published())
	assert.Equal(t, "mine", string(mustRead(t, own)))

	// --retain-old-md keeps more.
	up.Add(rpms(t, rich)...)
	up.Render()
	s.ok("sync")
	s.ok("createrepo", "--update", "--retain-old-md", "5")
	for _, name := range slices.Concat(second, third) {
		assert.Contains(t, published(), name)
	}

	// A signature of what was replaced goes, with a line.
	s.write([]byte("signature"), "base", "repodata", "repomd.xml.asc")
	s.ok("createrepo", "--update")
	assert.Contains(t, published(), "repomd.xml.asc", "nothing has changed")
	s.write(rpms(t, hello210)[0].Data, "base", "own.rpm")
	s.run("createrepo", "--update").ended(0, says("gorepo: base: warning: ", "repomd.xml.asc", "sign"))
	assert.NotContains(t, published(), "repomd.xml.asc")
}

// Damage in what is published, or stored, costs time and nothing else.
func TestDamagedMetadata(t *testing.T) {
	t.Parallel()
	damages := map[string]func(s *site, file string){
		"gone":      func(s *site, file string) { require.NoError(s.t, os.Remove(file)) },
		"truncated": func(s *site, file string) { require.NoError(s.t, os.Truncate(file, 20)) },
		"changed": func(s *site, file string) {
			data := mustRead(s.t, file)
			data[len(data)/2] ^= 0xff
			require.NoError(s.t, os.WriteFile(file, data, 0o644))
		},
	}
	for _, which := range []string{"base/repodata/*primary*", "base/repodata/*other*", "base/repodata/repomd.xml", ".gorepo/base/upstream/*filelists*", ".gorepo/base/upstream/repomd.xml"} {
		for name, damage := range damages {
			t.Run(which+" "+name, func(t *testing.T) {
				t.Parallel()
				packages := rpms(t, hello212, chrono)
				up := testrepo.New(t, testrepo.Options{}, packages...)
				s := newSite(t, section("base", up))
				s.ok("sync")
				s.ok("createrepo", "--update")
				files, err := filepath.Glob(s.path(filepath.FromSlash(which)))
				require.NoError(t, err)
				require.Len(t, files, 1)
				damage(s, files[0])
				s.write(rpms(t, rich)[0].Data, "base", "own.rpm") // there is something to do
				o := s.run("createrepo", "--update")
				assert.Equal(t, 0, o.status, o.stderr)
				for _, line := range o.lines() {
					assert.Contains(t, line, "gorepo: base: warning: ")
				}
				locations, _ := s.whole("base")
				assert.Len(t, locations, 3)
				s.ok("sync")
				assert.Equal(t, "unchanged", s.summary("createrepo", "--update").Outcome)
				assert.NotRegexp(t, regexp.MustCompile(`(?m)^`+s.root), o.stderr)
			})
		}
	}
}

// A package that cannot be read is left out and named; the others are listed.
func TestBadPackages(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212, chrono)...)
	s := newSite(t, section("base", up))
	s.ok("sync")
	s.write([]byte("no rpm"), "base", "a", "bad.rpm")
	s.write(rpms(t, weak)[0].Data[:500], "base", "short.rpm")
	require.NoError(t, os.Symlink("nowhere", s.path("base", "link.rpm")))
	for range 2 {
		s.run("createrepo", "--update").ended(2,
			says("gorepo: base: a/bad.rpm", "left out"), says("gorepo: base: short.rpm", "left out"), says("gorepo: base: link.rpm", "left out"))
		locations, _ := s.whole("base")
		assert.Len(t, locations, 2)
	}
	s.run("createrepo", s.path("base"), "--update").ended(2, says(s.path("base")+": a/bad.rpm"), says("short.rpm"), says("link.rpm"))
}

// createrepo_c's own lock is respected.
func TestOtherToolsLock(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
	s := newSite(t, section("base", up))
	s.ok("sync")
	s.ok("createrepo")
	same := s.frozen()
	require.NoError(t, os.Mkdir(s.path("base", ".repodata"), 0o755))
	s.run("createrepo").ended(1, says("gorepo: base: ", s.path("base", ".repodata"), "createrepo_c", "remove"))
	s.run("createrepo", s.path("base")).ended(1, says(s.path("base", ".repodata"), "createrepo_c", "remove"))
	same()
	require.NoError(t, os.Remove(s.path("base", ".repodata")))
	s.ok("createrepo")
}

// Repositories are made beside each other; one that fails does not keep the
// others.
func TestCreaterepoOfSeveral(t *testing.T) {
	t.Parallel()
	var sections []string
	for i := range 5 {
		up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
		sections = append(sections, section(fmt.Sprintf("r%d", i), up))
	}
	s := newSite(t, sections...)
	s.ok("sync")
	require.NoError(t, os.Mkdir(s.path("r3", ".repodata"), 0o755))
	s.run("createrepo", "--update", "--workers", "2").ended(2, says("gorepo: r3: ", ".repodata"))
	for i := range 5 {
		if i != 3 {
			s.whole(fmt.Sprintf("r%d", i))
		}
	}
	require.NoError(t, os.RemoveAll(s.path(".gorepo")))
	require.NoError(t, os.Remove(s.path("r3", ".repodata")))
	s.ok("createrepo", "--update")
	locations, _ := s.whole("r3")
	assert.Len(t, locations, 1, "without gorepo's own files it works, only slower")
}

// A time that is set back by hand, or a file that is replaced by hand, is seen.
func TestHandReplaced(t *testing.T) {
	t.Parallel()
	packages := rpms(t, hello212, chrono)
	up := testrepo.New(t, testrepo.Options{}, packages...)
	s := newSite(t, section("base", up))
	s.ok("sync")
	s.ok("createrepo", "--update")
	other := rpms(t, weak)[0]
	s.write(other.Data, "base", packages[0].Href())
	assert.Equal(t, 1, s.summary("createrepo", "--update").Read)
	s.whole("base")
	s.ok("sync")
	assert.Equal(t, packages[0].Sum(), hexOf(s.read("base", packages[0].Href())))
	require.NoError(t, os.Chtimes(s.path("base", packages[1].Href()), time.Time{}, time.Unix(1, 0)))
	assert.Equal(t, 1, s.summary("createrepo", "--update").Read)
	s.whole("base")
}
