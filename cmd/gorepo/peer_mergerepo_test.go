//go:build unix

package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// randomRepo is a repository of packages that others of its kind have too, in
// other versions. Each has a name and architecture once: of several mergerepo_c
// takes one by chance.
func randomRepo(r *rand.Rand, several bool) []*testrepo.Package {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	var packages []*testrepo.Package
	seen := map[string]bool{}
	for range r.IntN(15) {
		name, arch := pick("a", "b", "B", "a-libs", "z_1", "ü"), pick("x86_64", "i686", "noarch", "src", "s390")
		p := testrepo.Fake(name+"-"+pick("1", "2", "1.0", "1~rc", "1^git", "10", "1:1")+"-"+pick("1", "2")+"."+arch, 10)
		key := name + "." + arch
		if several {
			key = p.NEVRA()
		}
		if seen[key] || seen[p.FileName()] {
			continue
		}
		seen[key], seen[p.FileName()] = true, true
		p.Location = p.FileName()
		p.FileTime = int64(1 + r.IntN(30))
		p.Data = testrepo.Bytes(fmt.Sprint(p.NEVRA(), r.IntN(3)), 10)
		p.SourceRPM = pick("", "a-1-1.src.rpm", "a-1:2-1.src.rpm", "b-1-1.src.rpm", "b-1.1-1.src.rpm", name+"-1-1.src.rpm")
		p.XMLBase = pick("", "", "", "http://other.example.com/")
		p.Summary, p.Changelogs = pick("x", "<&>\"é"), nil
		packages = append(packages, p)
	}
	return packages
}

// TestMergerepoBesideTheTool merges the same repositories with mergerepo_c and
// gorepo and compares the lists of packages, in their order, and the origins.
func TestMergerepoBesideTheTool(t *testing.T) {
	t.Parallel()
	needAll(t, "mergerepo_c")
	for seed := range 4 {
		several := seed%2 == 1
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		s := newSite(t)
		for _, dir := range []string{"A", "B", "C", "N"} {
			testrepo.Render(testrepo.Options{}, randomRepo(r, several)...).WriteTo(t, s.path(dir))
		}
		blocked := s.write([]byte("a\nB\n"), "blocked")
		for _, args := range [][]string{
			{},
			{"--method", "nvr"},
			{"--method=ts"},
			{"--omit-baseurl"},
			{"-a", "x86_64"},
			{"-a", "i386,s390x", "--arch-expand"},
			{"--repo-prefix-search", s.root + "/", "--repo-prefix-replace", "http://h/x&y/"},
			{"--noarch-repo", s.path("N")},
			{"--noarch-repo=" + s.path("N"), "--omit-baseurl", "--method=ts"},
			{"--pkgorigins"},
			{"--all"},
			{"--all", "--method=nvr", "--archlist=x86_64,src"},
			{"--noarch-repo", s.path("N"), "--all"},
			{"-k", "-a", "x86_64,src"},
			{"--koji", "-a", "x86_64", "--omit-baseurl", "--all"},
			{"-k", "-a", "x86_64", "-b", blocked},
			{"-k", "--simple", "-a", "x86_64"},
			{"--koji", "-a", "i686", "--noarch-repo", s.path("N")},
		} {
			byVersion := slices.ContainsFunc(args, func(a string) bool { return a == "--all" || a == "-k" || a == "--koji" })
			if several && !byVersion {
				continue
			}
			args = append([]string{"-r", s.path("A"), "--repo", s.path("B") + "/", "--repo=file://" + s.path("C"), "--no-database"}, args...)
			theirs, ours := t.TempDir(), t.TempDir()
			runTool(t, "mergerepo_c", append(args, "-o", theirs)...)
			o := s.runAs("mergerepo_c", append(args, "-o", ours)...)
			require.Equal(t, 0, o.status, "%v: %s", args, o.stderr)
			if !assert.Equal(t, mergedLists(t, theirs), mergedLists(t, ours), "seed %d: %v", seed, args) {
				return
			}
		}
	}
}

// TestMergerepoZckLikeTheTool compares the zchunk copies, as unzck reads them.
func TestMergerepoZckLikeTheTool(t *testing.T) {
	t.Parallel()
	needAll(t, "mergerepo_c", "unzck", "zck_read_header")
	s := newSite(t)
	r := rand.New(rand.NewPCG(1, 7))
	for _, dir := range []string{"A", "B"} {
		testrepo.Render(testrepo.Options{Comps: mustRead(t, peerTestdata+"/comps.xml"), CompsAs: "plain"}, randomRepo(r, false)...).WriteTo(t, s.path(dir))
	}
	args := []string{"-r", s.path("A"), "-r", s.path("B"), "--no-database", "--zck", "--all", "--pkgorigins"}
	theirs, ours := t.TempDir(), t.TempDir()
	runTool(t, "mergerepo_c", append(args, "-o", theirs)...)
	s.runAs("mergerepo_c", append(args, "-o", ours)...).ended(0)
	read := func(dir, recordType string) zckFile {
		file, _ := zckRecord(t, dir, recordType)
		return readZck(t, file)
	}
	for _, recordType := range []string{"primary_zck", "filelists_zck", "other_zck"} {
		their, our := read(theirs, recordType), read(ours, recordType)
		assert.Len(t, our.Chunks, len(their.Chunks), recordType)
		assert.Equal(t, flat(t, []byte(their.Content)), flat(t, []byte(our.Content)), recordType)
	}
	assert.Contains(t, read(ours, "group_zck").Content, "<id>greetings</id>")
	assert.Contains(t, read(ours, "origin_zck").Content, "\tfile://"+s.path("B")+"/\n")
	s.run(append([]string{"mergerepo", "--compress-type=zck", "-o", ours}, args...)...).ended(statusUsage, says("--zck"))
}

// TestMergerepoDatabasesLikeTheTool compares the rows of the databases.
func TestMergerepoDatabasesLikeTheTool(t *testing.T) {
	t.Parallel()
	needAll(t, "mergerepo_c", "createrepo_c", "sqlite3")
	s := newSite(t)
	tree := copyTestdata(t)
	makeUpstream(t, tree, "")
	require.NoError(t, os.RemoveAll(tree+"/repodata")) // its modules keep mergerepo_c from reading it
	createrepoC(t, tree)
	testrepo.Render(testrepo.Options{}, testrepo.Fake("a-1-1.noarch", 10), testrepo.Fake("weak-9-1.noarch", 10)).WriteTo(t, s.path("B"))
	for _, args := range [][]string{{"-d"}, {"-d", "--compress-type=xz", "--simple-md-filenames"}} {
		args = append([]string{"-r", tree, "-r", s.path("B"), "--all"}, args...)
		theirs, ours := t.TempDir(), t.TempDir()
		runTool(t, "mergerepo_c", append(args, "-o", theirs)...)
		s.runAs("mergerepo_c", append(args, "-o", ours)...).ended(0)
		// In its XML mergerepo_c makes a URL of a path.
		want := strings.NewReplacer("'"+tree+"'", "'file://"+tree+"'", "'"+s.path("B")+"'", "'file://"+s.path("B")+"'").Replace(dumpDatabases(t, theirs))
		assert.Contains(t, want, "'weak'")
		assert.Equal(t, want, dumpDatabases(t, ours), args)
	}
}

// mergedLists flattens what a merged repository lists.
func mergedLists(t testing.TB, dir string) (list []string) {
	t.Helper()
	c := metadataIn(dir)
	m, _, err := c.repomd()
	require.NoError(t, err)
	for _, r := range m.Data {
		data, err := c.record(r)
		require.NoError(t, err)
		switch r.Type {
		case "primary", "filelists", "other":
			list = append(list, flat(t, data)...)
		case "origin":
			assert.True(t, strings.HasSuffix(r.Location.Href, "-pkgorigins.gz"), r.Location.Href)
			lines := strings.Split(string(data), "\n")
			slices.Sort(lines) // mergerepo_c's order is that of a hash
			list = append(list, lines...)
		}
	}
	return list
}

// flat is an XML file as a list of lines, whatever its indentation and
// quoting.
func flat(t testing.TB, data []byte) (list []string) {
	t.Helper()
	depth := 0
	for d := xml.NewDecoder(bytes.NewReader(data)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return list
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			depth++
			var line strings.Builder
			fmt.Fprint(&line, depth, token.Name.Local)
			for _, a := range token.Attr {
				if depth > 1 || a.Name.Local != "packages" { // of packages that are there twice, mergerepo_c counts one
					fmt.Fprintf(&line, " %s=%q", a.Name.Local, a.Value)
				}
			}
			list = append(list, line.String())
		case xml.EndElement:
			depth--
		case xml.CharData:
			if text := strings.TrimSpace(string(token)); text != "" {
				list = append(list, text)
			}
		}
	}
}

// TestMergerepoExpandsArches compares which packages of every architecture are
// taken.
func TestMergerepoExpandsArches(t *testing.T) {
	t.Parallel()
	needAll(t, "mergerepo_c")
	var packages []*testrepo.Package
	for _, arch := range strings.Fields(`noarch src nosrc x86_64 x86_64_v2 amd64 ia32e athlon geode i686 i586 i486 i386 ia64 alpha alphaev4
		alphaev45 alphaev5 alphaev56 alphapca56 alphaev6 alphaev67 alphaev68 alphaev7 armv5tel armv6hl armv7l armv7hl armv7hnl aarch64 ppc ppc64
		ppc64le ppc64p7 ppc64iseries ppc64pseries s390 s390x sparc sparcv8 sparcv9 sparcv9v sparc64 sparc64v sh3 sh4 sh4a mips mipsel riscv64`) {
		packages = append(packages, testrepo.Fake("m-1-1."+arch, 10))
	}
	s := newSite(t)
	testrepo.Render(testrepo.Options{}, packages...).WriteTo(t, s.path("A"))
	for _, list := range []string{"x86_64", "i386", "i686", "ppc64", "ppc64le", "s390x", "sparc", "sparc64", "sh4", "alpha", "armv7hl", "aarch64", "noarch", "x86_64,ppc64,src", "ia64", "none"} {
		args := []string{"-r", s.path("A"), "-a", list, "--arch-expand", "--no-database"}
		theirs, ours := t.TempDir(), t.TempDir()
		runTool(t, "mergerepo_c", append(args, "-o", theirs)...)
		s.runAs("mergerepo", append(args, "-o", ours)...).ended(0)
		assert.Equal(t, mergedLists(t, theirs), mergedLists(t, ours), list)
	}
}

// TestMergerepoUsageLikeTheTool: what mergerepo_c refuses, and what it takes.
func TestMergerepoUsageLikeTheTool(t *testing.T) {
	t.Parallel()
	needAll(t, "mergerepo_c")
	s := newSite(t)
	testrepo.Render(testrepo.Options{Comps: mustRead(t, peerTestdata+"/comps.xml")}, testrepo.Fake("a-1-1.noarch", 10)).WriteTo(t, s.path("A"))
	for _, args := range [][]string{
		{},
		{"-r", s.path("none")},
		{"-r", s.path("A", "repodata")},
		{"-r", s.path("A"), "more"},
		{"-r", s.path("A"), "--method=best"},
		{"-r", s.path("A"), "--arch-expand"},
		{"-r", s.path("A"), "--blocked=x"},
		{"-r", s.path("A"), "-k", "-a", "i386", "--blocked=" + s.path("none")},
		{"-r", s.path("A"), "--noarch-repo=" + s.path("none")},
		{"-r", s.path("A"), "--repo-prefix-search=x"},
		{"-r", s.path("A"), "--repo-prefix-replace=x"},
		{"-r", s.path("A"), "--repo-prefix-search=", "--repo-prefix-replace=x"},
		{"-r", s.path("A"), "--groupfile=" + s.path("none")},
		{"-r", s.path("A"), "--compress-type=7z"},
		{"-r", s.path("A"), "--simple", "--simple-md-filenames", "--nogroups", "--noupdateinfo", "-d"},
		{"-r", s.path("A"), "--simple-md-filenames", "--unique-md-filenames"},
		{"-r", s.path("A"), "--unique-md-filenames", "--compress-type=BZ2", "-v", "-k", "-a", "x86_64", "--pkgorigins"},
	} {
		theirs, ours := filepath.Join(t.TempDir(), "a", "b"), filepath.Join(t.TempDir(), "a", "b")
		_, _, err := runToolEnds(t, "mergerepo_c", append(args, "--no-database", "-o", theirs)...)
		o := s.runAs("mergerepo_c", append(args, "--no-database", "-o", ours)...)
		assert.Equal(t, err == nil, o.status == 0, "%v: %v, and %d: %s", args, err, o.status, o.stderr)
		if o.status == 0 {
			assert.Equal(t, hasChecksums(t, theirs), hasChecksums(t, ours), args)
			continue
		}
		assert.Len(t, o.lines(), 1, args)
		assert.NoDirExists(t, filepath.Join(ours, "repodata"), args)
	}
}

// hasChecksums reports whether the names of a repository's metadata have some.
func hasChecksums(t testing.TB, dir string) bool {
	t.Helper()
	m, _, err := metadataIn(dir).repomd()
	require.NoError(t, err)
	return hashedName(m.Data[0])
}

// TestDNFReadsWhatMergerepoMakes has dnf read two repositories as one, with
// groups, modules and advisories of both.
func TestDNFReadsWhatMergerepoMakes(t *testing.T) {
	t.Parallel()
	needAll(t, "dnf", "createrepo_c", "modifyrepo_c")
	tree := copyTestdata(t)
	makeUpstream(t, tree, "")
	second := t.TempDir()
	other := strings.NewReplacer("TEST-2023:0001", "TEST-2024:0002", "hello", "chrono", "2.12", "0.9", `release="1"`, `release="3"`, "<id>greetings</id>", "<id>farewells</id>",
		"<name>Greetings</name>", "<name>Farewells</name>", ">no-such-package<", ">chrono<", `stream: "1"`, `stream: "2"`)
	copyPackage(t, tree+"/chrono-0.9-3.noarch.rpm", second, "sub dir", "chrono-0.9-3.noarch.rpm")
	require.NoError(t, os.Remove(tree+"/chrono-0.9-3.noarch.rpm"))
	makeUpstream(t, tree, "")
	s := newSite(t)
	s.ok("createrepo", second)
	for recordType, name := range map[string]string{"group": "comps.xml", "modules": "modules.yaml", "updateinfo": "updateinfo.xml"} {
		file := putFile(t, other.Replace(string(mustRead(t, filepath.Join(peerTestdata, name)))), t.TempDir(), name)
		s.ok("modifyrepo", "--mdtype="+recordType, file, second+"/repodata")
	}

	merged := t.TempDir()
	s.ok("mergerepo", "-r", tree, "-r", second, "-o", merged, "--all")
	d := newDNF(t, "[r]\nname=r\nbaseurl=file://"+merged+"\ngpgcheck=0\n")
	assert.Equal(t, "chrono-2:0.9-3.noarch\nhello-0:2.12-1.noarch\n", d.run("repoquery", "--advisory=TEST-2023:0001", "--advisory=TEST-2024:0002"))
	groups := d.run("group", "list", "--hidden")
	assert.Contains(t, groups, "Greetings")
	assert.Contains(t, groups, "Farewells")
	assert.Contains(t, d.run("group", "info", "hidden"), "chrono")
	modules := d.run("module", "list")
	assert.Regexp(t, `tide +1 `, modules)
	assert.Regexp(t, `tide +2 `, modules)
	assert.Equal(t, []string{"primary", "filelists", "other", "group", "modules", "updateinfo"}, typesIn(t, merged))

	requireRoot(t)
	d.run("install", "chrono", "hello-2.12-1") // each from its own place
	assert.Subset(t, d.installed(), []string{"chrono-0.9-3", "hello-2.12-1"})
}

func typesIn(t testing.TB, dir string) []string {
	t.Helper()
	m, _, err := metadataIn(dir).repomd()
	require.NoError(t, err)
	return recordTypes(m)
}
