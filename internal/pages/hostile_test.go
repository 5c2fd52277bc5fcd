package pages_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/catalog"
	"gorepo/internal/pages"
	"gorepo/internal/rpmpkg"
)

// poison is what somebody puts into metadata to have it shown by a mirror.
const poison = `"><script>alert(1)</script><img src=x onerror=alert(1)>'{{.}}` + "\u202egnp.exe\u202c \u200bzero\x00\x1b[31m\x7f\u0085 latin\xe9 </title></textarea>-->"

// Nothing that metadata says becomes markup, an address to follow or something
// that cannot be seen.
func TestHostileMetadata(t *testing.T) {
	s := sample()
	f := s.catalogs["epel-9"]
	d := pkg("evil", poison, poison, poison, poison, poison)
	d.License, d.SourceRPM, d.Description, d.URL, d.Vendor, d.Packager, d.Group, d.BuildHost = poison, poison, poison, "javascript:alert(1)//http://x", poison, poison, poison, poison
	d.Checksum = rpmpkg.Checksum{Type: poison, Hex: poison}
	d.Location, d.Base = "../../../etc/passwd", "javascript:alert(1)"
	d.Requires = []catalog.Dependency{{Name: poison, Flags: poison, EVR: poison}, {Name: "evil(thing)"}}
	d.Built, d.Added = time.Unix(1<<55, 0), time.Unix(-1<<55, 0)
	evil := f.add(d)
	f.files[evil.ID] = []catalog.File{{Path: "/" + poison, Type: poison}}
	f.changes[evil.ID] = []catalog.Change{{Author: poison, Text: poison, Time: time.Unix(1<<55, 0)}}
	group := catalog.Group{ID: poison, Name: poison, Description: poison}
	f.groups.Others = append(f.groups.Others, group)
	f.groups.Environments = append(f.groups.Environments, catalog.GroupSet{ID: poison, Name: poison, Description: poison, Groups: []catalog.Group{group}})
	f.group = append(f.group, catalog.GroupDetail{
		Group: group, LangOnly: poison, In: []catalog.GroupRef{{ID: poison, Name: poison, Type: poison}},
		Mandatory: []catalog.GroupPackage{{Name: poison, Requires: poison, Arch: poison}, {Name: poison, Here: true, Newest: evil.NEVRA, Summary: poison}},
	})
	end := &catalog.ModuleEnd{Message: poison, By: poison}
	stream := catalog.ModuleStream{Stream: poison, Profiles: []string{poison}, Arches: []string{poison}, Obsolete: end}
	f.modules = append(f.modules, catalog.Module{Name: poison, Summary: poison, Streams: []catalog.ModuleStream{stream}})
	f.module = append(f.module, catalog.ModuleDetail{
		Name: "evil", ModuleStream: stream, Others: []catalog.ModuleStream{stream}, Summary: poison, Description: poison, Licenses: []string{poison},
		Community: "javascript:alert(1)", Documentation: "https://user:password@example.org/", Tracker: "data:text/html,x",
		Versions: []catalog.ModuleBuild{{
			Context: poison, Arch: poison, Obsolete: end, Requires: [][]string{{poison}}, Packages: []catalog.ModulePackage{{NEVRA: evil.NEVRA}},
			Profiles: []catalog.ModuleProfile{{Name: poison, Description: poison, Packages: []string{poison}}},
		}},
	})
	a := catalog.Advisory{ID: poison, Title: poison, Type: poison, Severity: poison, CVEs: []string{poison}, Issued: time.Unix(1<<55, 0)}
	f.advisories = append(f.advisories, catalog.AdvisoryDetail{
		Advisory: a, From: poison, Status: poison, Release: poison, Rights: poison, Description: poison, Solution: poison,
		References:  []catalog.AdvisoryReference{{Title: poison, Href: "javascript:alert(1)"}, {Href: "//example.org/x"}, {ID: poison, Href: "HTTPS://example.org/\"><b>"}},
		Collections: []catalog.AdvisoryCollection{{Name: poison, Modules: []catalog.ModuleRef{{Name: poison, Stream: poison}}, Packages: []catalog.AdvisoryPackage{{NEVRA: evil.NEVRA, Fix: catalog.FixNewer, By: evil.NEVRA}}}},
	})
	f.info.Missing = []string{poison}
	s.repos = append([]pages.Repo{}, s.repos...)
	s.repos[0].Name, s.repos[0].Upstream, s.repos[0].Health.Reason = poison, []string{"javascript:alert(1)", poison}, poison
	s.repos[0].Release, s.repos[0].Arch, s.repos[0].KeyFingerprints = poison, poison, []string{poison}
	h := s.handler()

	esc := func(name string) string {
		return regexp.MustCompile(`[^a-zA-Z0-9]`).ReplaceAllStringFunc(name, func(c string) string {
			escaped := ""
			for _, b := range []byte(c) {
				escaped += fmt.Sprintf("%%%02X", b)
			}
			return escaped
		})
	}
	bad := regexp.MustCompile("[\x00-\x08\x0b-\x1f\x7f\u0080-\u009f\u200b\u202a-\u202e]")
	for _, target := range []string{
		"/", "/-/repos/epel-9/", "/-/repos/epel-9/packages", "/-/repos/epel-9/packages/evil", "/-/repos/epel-9/package/" + esc(evil.String()),
		"/-/repos/epel-9/package/" + esc(evil.String()) + "?list=files", "/-/repos/epel-9/package/" + esc(evil.String()) + "?list=requires",
		"/-/repos/epel-9/package/" + esc(evil.String()) + "?list=changelog", "/-/search?q=evil", "/-/search?q=" + esc(poison), "/-/repos/epel-9/packages?q=" + esc(poison) + "&arch=" + esc(poison),
		"/-/repos/epel-9/groups", "/-/repos/epel-9/groups/" + esc(poison), "/-/repos/epel-9/modules", "/-/repos/epel-9/modules/evil:" + esc(poison),
		"/-/repos/epel-9/advisories", "/-/repos/epel-9/advisories/" + esc(poison), "/-/repos/epel-9/advisories?severity=" + esc(poison) + "&type=" + esc(poison) + "&cve=" + esc(poison),
		"/-/repos/epel-9/packages/" + esc(poison), "/-/repos/" + esc(poison) + "/", "/-/" + esc(poison),
	} {
		w := get(t, h, target)
		body := w.Body.String()
		assert.Contains(t, []int{200, 404}, w.Code, target)
		page := check(t, body)
		assert.True(t, utf8.ValidString(body), target)
		assert.Empty(t, bad.FindAllString(body, -1), target)
		assert.Equal(t, 1, page.tags["script"], target)
		assert.LessOrEqual(t, page.tags["img"], 1, target)
		for _, link := range page.links {
			assert.NotRegexp(t, `(?i)^\s*(javascript|data|//)`, link, target)
			assert.NotContains(t, link, "passwd", target)
			assert.NotContains(t, link, "password", target)
		}
		assert.Less(t, len(body), 200_000, target)
	}
	page := check(t, get(t, h, "/-/repos/epel-9/advisories/"+esc(poison)).Body.String())
	assert.Len(t, page.external, 1)
	text := check(t, get(t, h, "/-/repos/epel-9/package/"+esc(evil.String())).Body.String()).text
	assert.Contains(t, text, "‹U+202E›gnp.exe‹U+202C› ‹U+200B›zero", "what cannot be seen is shown")
	assert.Contains(t, text, "␛[31m␡‹U+0085› latin\uFFFD")
}

// A page stays one that a browser can show, whatever the size of what it is about,
// and says where it was cut.
func TestBounds(t *testing.T) {
	s := sample()
	f := s.catalogs["epel-9"]
	d := pkg("big", "0", "1", "1", "noarch", strings.Repeat("s", 1<<20))
	d.Description = strings.Repeat("ä", 1<<20)
	d.License, d.Vendor = strings.Repeat("l", 1<<20), strings.Repeat("v", 1<<20)
	for i := range 100_000 {
		d.Requires = append(d.Requires, catalog.Dependency{Name: fmt.Sprintf("dep%06d", i)})
	}
	d.Conflicts = []catalog.Dependency{{Name: strings.Repeat("c", 1<<20), Flags: "EQ", EVR: strings.Repeat("e", 1<<20)}}
	big := f.add(d)
	for i := range 100_000 { // of no more than a page is anything made
		f.files[big.ID] = append(f.files[big.ID], catalog.File{Path: fmt.Sprintf("/usr/share/big/%06d", i)})
	}
	f.files[big.ID][0].Path = "/" + strings.Repeat("p", 1<<20)
	for range 500 {
		f.changes[big.ID] = append(f.changes[big.ID], catalog.Change{Author: strings.Repeat("a", 1<<16), Text: strings.Repeat("t", 1<<16), Time: now})
	}
	h := s.handler()
	at := "/-/repos/epel-9/package/big-1-1.noarch"
	w := get(t, h, at)
	require.Equal(t, 200, w.Code)
	assert.Less(t, w.Body.Len(), 300_000)
	page := check(t, w.Body.String())
	assert.Contains(t, page.text, "Cut here; the whole text has 2,097,152 bytes.")
	assert.Contains(t, page.text, "all 100,000 files")
	assert.Contains(t, page.text, "all 500 entries")
	assert.NotContains(t, page.text, "\uFFFD", "cut within a character")
	for _, link := range []string{"?list=files", "?list=changelog", "?list=requires"} {
		assert.Contains(t, page.links, "../../../../-/repos/epel-9/package/big-1-1.noarch"+link)
		w := get(t, h, at+link+"&page=2")
		require.Equal(t, 200, w.Code)
		assert.Less(t, w.Body.Len(), 1_500_000, link)
		check(t, w.Body.String())
	}
	long := check(t, get(t, h, at+"?list=files&page=100").Body.String())
	assert.Contains(t, long.text, "99,001–100,000 of 100,000")
	assert.Contains(t, long.text, "/usr/share/big/099999")
	assert.Contains(t, check(t, get(t, h, at+"?list=files&page=101").Body.String()).text, "Nothing on this page")

	for i := range 1200 {
		f.add(pkg("many", "0", fmt.Sprint(i), "1", "noarch", "many"))
	}
	many := get(t, h, "/-/repos/epel-9/packages/many")
	assert.Contains(t, check(t, many.Body.String()).text, "The newest 1,000 of 1,200.")
	long2 := get(t, h, "/-/search?q="+strings.Repeat("x", 100_000))
	assert.Less(t, long2.Body.Len(), 20_000)
}

func BenchmarkPages(b *testing.B) {
	h := sample().handler()
	for _, target := range []string{
		"/", "/-/repos/epel-9/", "/-/repos/epel-9/packages?page=2", "/-/repos/epel-9/packages/bash", "/-/repos/epel-9/package/bash-5.1.8-6.el9.x86_64",
		"/-/search?q=python3&repo=epel-9", "/-/repos/epel-9/groups/core", "/-/api/v1/repos/epel-9/packages",
	} {
		b.Run(strings.ReplaceAll(strings.Trim(target, "/-"), "/", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if w := get(b, h, target); w.Code != 200 {
					b.Fatal(w.Code)
				}
			}
		})
	}
}

// An address of nothing but slashes makes no page of megabytes.
func TestManySlashes(t *testing.T) {
	h := sample().handler()
	for _, path := range []string{"/-/" + strings.Repeat("/", 60_000), "/-/repos/epel-9/" + strings.Repeat("a/", 30_000), "/-/api/v1/" + strings.Repeat("/", 60_000)} {
		w := get(t, h, path)
		assert.NotEqual(t, 200, w.Code)
		assert.Less(t, w.Body.Len(), 100_000)
	}
}
