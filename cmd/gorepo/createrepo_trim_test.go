package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// An advisory of each kind: of the older version, of another package, of both.
var trimUpdatesXML = `<?xml version="1.0" encoding="UTF-8"?>
<updates>
` + advisory("A-OLD", "security", "hello 0 2.10 1 noarch") + advisory("A-NEW", "security", "hello 0 2.12 1 noarch", "hello 0 2.12 1 src") +
	advisory("A-GONE", "bugfix", "weak 0 1.0 1 noarch") + advisory("A-MIXED", "bugfix", "weak 0 1.0 1 noarch", "chrono 0 0.9 3 noarch") +
	advisory("A-LATER", "security", "hello 1 1 1 noarch") + `</updates>
`

func advisory(id, kind string, packages ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  <update from=\"x@example.com\" status=\"final\" type=%q version=\"1\">\n    <id>%s</id>\n    <title>%[2]s</title>\n    <issued date=\"2024-01-01 00:00:00\"/>\n    <updated date=\"2024-01-01 00:00:00\"/>\n    <severity>Important</severity>\n    <description>d</description>\n    <pkglist>\n      <collection short=\"c\">\n        <name>c</name>\n", kind, id)
	for _, p := range packages {
		f := strings.Fields(p)
		fmt.Fprintf(&b, "        <package name=%q epoch=%q version=%q release=%q arch=%q src=\"s.src.rpm\"><filename>f.rpm</filename></package>\n", f[0], f[1], f[2], f[3], f[4])
	}
	return b.String() + "      </collection>\n    </pkglist>\n  </update>\n"
}

// trimUpstream has packages, groups, modules and advisories that a selection
// can cut in each way.
func trimUpstream(t testing.TB, o testrepo.Options) *testrepo.Upstream {
	t.Helper()
	o.Comps, o.Modules, o.Updates = mustRead(t, "../../testdata/comps.xml"), mustRead(t, "../../testdata/modules.yaml"), []byte(trimUpdatesXML)
	return testrepo.New(t, o, rpms(t, hello210, hello212, helloSrc, chrono, weak, tide64, modular)...)
}

func (s *site) records(id string) map[string]string {
	s.t.Helper()
	_, records := s.whole(id)
	return records
}

// After a selection groups, modules and advisories name what is there, and
// without it they are upstream's own again.
func TestTrimmedExtras(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"--update", "anew"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			up := trimUpstream(t, testrepo.Options{})
			s := newSite(t, section("base", up))
			create := []string{"createrepo"}
			if how == "--update" {
				create = append(create, how)
			}
			s.ok("sync", "-n", "-x", "weak,modular,*.src")
			s.ok(create...)
			assert.Equal(t, []string{"primary", "filelists", "other", "group", "modules", "updateinfo"}, s.recordTypes("base"))
			_, records := s.whole("base")
			for text, there := range map[string]bool{
				">hello<": true, ">weak<": false, ">unicode<": true, ">libtide<": true, "<id>timekeeping</id>": true, ">provider<": true, "<id>hidden</id>": true,
				"<groupid>timekeeping</groupid>": true, `<groupid default="true">hidden</groupid>`: true, "Grüße": true, "hello-lang-%s": true,
			} {
				assert.Equal(t, there, strings.Contains(records["group"], text), text)
			}
			assert.Empty(t, records["modules"], "its only stream is without packages, and so its defaults")
			for id, there := range map[string]bool{"A-OLD": true, "A-NEW": true, "A-GONE": false, "A-MIXED": true, "A-LATER": false} {
				assert.Equal(t, there, strings.Contains(records["updateinfo"], "<id>"+id+"</id>"), id)
			}
			assert.NotContains(t, records["updateinfo"], `arch="src"`)
			assert.NotContains(t, records["updateinfo"], "weak")

			// There is nothing to do a second time, whatever has to be built.
			if how == "--update" {
				same := s.frozen()
				assert.Equal(t, "unchanged", s.summary("createrepo", "--update").Outcome)
				s.ok("sync", "-n", "-x", "weak,modular,*.src")
				assert.Equal(t, "unchanged", s.summary("createrepo", "--update").Outcome)
				same()
			}

			// Whoever deletes the state has it made again.
			require.NoError(t, os.Remove(s.path(".gorepo", "base", "state.json")))
			s.ok("sync", "-n", "-x", "weak,modular,*.src")
			s.ok(create...)
			_, again := s.whole("base")
			assert.Equal(t, records["group"], again["group"])

			// What comes by another selection comes with its group, stream, advisory.
			s.ok("sync", "-n", "-x", "*.src")
			s.ok(create...)
			_, records = s.whole("base")
			assert.Contains(t, records["group"], ">weak<")
			assert.Equal(t, string(mustRead(t, "../../testdata/modules.yaml")), records["modules"])
			assert.Contains(t, records["updateinfo"], "<id>A-GONE</id>")

			// Without one all are as they were.
			s.ok("sync")
			s.ok(create...)
			_, records = s.whole("base")
			assert.Equal(t, string(mustRead(t, "../../testdata/comps.xml")), records["group"])
			assert.Equal(t, trimUpdatesXML, records["updateinfo"])
			for _, recordType := range []string{"group", "modules", "updateinfo"} {
				assert.True(t, bytes.Equal(up.File(up.Metadata(recordType)), s.read("base", "repodata", s.hrefOf(recordType))), "%s is upstream's file", recordType)
			}
		})
	}
}

// What is not to be changed keeps upstream's bytes: of a selection that leaves
// out only what nobody names, and of one that the tree has all of anyway.
func TestTrimKeepsBytes(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{Modules: mustRead(t, "../../testdata/modules.yaml"), Updates: mustRead(t, "../../testdata/updateinfo.xml")},
		rpms(t, hello210, hello212, modular)...)
	s := newSite(t, section("base", up))
	s.ok("sync", "-n")
	s.ok("createrepo", "--update")
	for _, recordType := range []string{"modules", "updateinfo"} {
		assert.True(t, bytes.Equal(up.File(up.Metadata(recordType)), s.read("base", "repodata", s.hrefOf(recordType))), recordType)
	}

	up = trimUpstream(t, testrepo.Options{})
	s = newSite(t, section("base", up))
	s.ok("sync")
	s.ok("createrepo", "--update")
	s.run("sync", "-x", "*").ended(0, says("the selection takes none"))
	s.ok("createrepo", "--update")
	_, records := s.whole("base")
	assert.Equal(t, string(mustRead(t, "../../testdata/modules.yaml")), records["modules"])
	assert.Equal(t, trimUpdatesXML[:200], records["updateinfo"][:200], "its first advisory")
}

// They are made in the form that is asked for, and signed copies and zchunk are
// of what is published.
func TestTrimmedForms(t *testing.T) {
	t.Parallel()
	for _, compression := range []string{"gz", "xz", "plain"} {
		up := trimUpstream(t, testrepo.Options{Compression: compression})
		s := newSite(t, section("base", up, "excludepkgs=weak modular *.src"))
		s.ok("sync")
		for _, args := range [][]string{{"--xz"}, {"--compat", "el7"}, {"--zck"}, {"--simple-md-filenames"}} {
			s.ok(append([]string{"createrepo", "--update"}, args...)...)
			m, _, err := s.local("base").repomd()
			require.NoError(t, err)
			assert.NotEmpty(t, m.Data)
			assert.Equal(t, "unchanged", s.summary(append([]string{"createrepo", "--update"}, args...)...).Outcome, args)
		}
	}
}

// What somebody put in the place of upstream's groups lasts no longer than it
// does without a selection.
func TestTrimmedReplaced(t *testing.T) {
	t.Parallel()
	s := newSite(t, section("base", trimUpstream(t, testrepo.Options{})))
	s.ok("sync", "-n", "-x", "weak")
	s.ok("createrepo", "--update")
	groups := s.records("base")["group"]
	own := s.write([]byte("<comps><group><id>own</id></group></comps>"), "own.xml")
	for _, args := range [][]string{{"createrepo", "--update", "-g", own}, {"modifyrepo", "--mdtype=group", own, s.path("base", "repodata")}} {
		assert.Equal(t, statusOK, s.run(args...).status, args)
		assert.Contains(t, s.records("base")["group"], "own", args)
		s.ok("createrepo", "--update")
		assert.Equal(t, groups, s.records("base")["group"], args)
		assert.Equal(t, "unchanged", s.summary("createrepo", "--update").Outcome)
	}
}

// Groups that cannot be read stay as they are, and a line says so.
func TestTrimUnreadable(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{
		Comps: []byte("<comps>\n<group></comps>"), Updates: []byte("<updates><update></updates>"),
		Modules: []byte(string(mustRead(t, "../../testdata/modules.yaml")) + "---\ndocument: modulemd\ndata: [\n...\n"),
	}, rpms(t, hello210, hello212, modular)...)
	s := newSite(t, section("base", up))
	s.ok("sync", "-x", "hello-2.10,modular")
	o := s.run("createrepo", "--update")
	o.ended(0,
		says("gorepo: base: warning: ", "comps.xml", "stays as it is", "line 2"), says("gorepo: base: warning: ", "updateinfo.xml", "stays as it is", "line 1"),
		says("gorepo: base: warning: ", "modules", "line 49", "it stays as it is"))
	_, records := s.whole("base")
	assert.Equal(t, "<comps>\n<group></comps>", records["group"])
	assert.Equal(t, "<updates><update></updates>", records["updateinfo"])
	assert.Equal(t, "---\ndocument: modulemd\ndata: [\n...\n", records["modules"])

	// It is done once for what has not changed since, and so said once.
	assert.Equal(t, "unchanged", s.summary("createrepo", "--update").Outcome)
	s.ok("createrepo", "--update")
	assert.Len(t, s.run("createrepo").lines(), 3)
}
