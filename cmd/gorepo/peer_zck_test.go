//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/genrpm"
	"gorepo/internal/testrepo/peer"
	"gorepo/internal/testrepo/rawrpm"
)

// zckTree has packages of one source side by side, and source packages side by
// side.
func zckTree(t testing.TB) string {
	t.Helper()
	dir := oddTree(t)
	require.NoError(t, genrpm.Generate(filepath.Join(dir, "generated"), genrpm.Options{Packages: 200, Sources: true}))
	for _, name := range []string{"source-a", "source-b", "source-c"} {
		putFile(t, string(rawrpm.Package(name, rawrpm.Tag{Tag: 1044, Type: rawrpm.Null}, rawrpm.U32(1106, 1))), dir, name+".rpm")
	}
	return dir
}

// largeTree has a package whose file list is larger than a chunk may be.
func largeTree(t testing.TB) string {
	t.Helper()
	dir := copyTestdata(t)
	files := make([]rawrpm.Entry, 60_000)
	for i := range files {
		files[i] = rawrpm.Entry{Dir: "/usr/share/large/", Base: fmt.Sprintf("%0170d", i)}
	}
	putFile(t, string(rawrpm.Package("large", rawrpm.Files(files...)...)), dir, "large.rpm")
	return dir
}

// zckFile is what libzck says of a file.
type zckFile struct {
	Flags, Dictionary string
	ChecksumTypes     []string
	Chunks            []string // sizes of the contents
	Content           string
}

func readZck(t testing.TB, file string) zckFile {
	t.Helper()
	header := runTool(t, "zck_read_header", "-f", "-c", file)
	f := zckFile{Content: runTool(t, "unzck", "-c", file)}
	for _, line := range strings.Split(header, "\n") {
		switch fields := strings.Fields(line); {
		case strings.Contains(line, "checksum type:"):
			f.ChecksumTypes = append(f.ChecksumTypes, line)
		case strings.HasPrefix(line, "Flags"), strings.HasPrefix(line, "    Has"):
			f.Flags += line
		case strings.HasPrefix(line, "Dictionary: "):
			f.Dictionary = "there is one"
		case len(fields) == 6 && fields[5] == "+":
			f.Chunks = append(f.Chunks, fields[4])
		}
	}
	require.Greater(t, len(f.Chunks), 1, "%s", header)
	return f
}

// zckRecord is what repomd.xml says of a zchunk file, as far as it does not
// depend on the compressor.
func zckRecord(t testing.TB, dir, recordType string) (path, said string) {
	t.Helper()
	m, _, err := metadataIn(dir).repomd()
	require.NoError(t, err)
	for _, r := range m.Data {
		if r.Type == recordType {
			name := filepath.Base(r.Location.Href)
			said := fmt.Sprint(r.Type, r.Checksum.Type, r.Open, strings.Replace(name, r.Checksum.Hex, "SUM", 1))
			return filepath.Join(dir, "repodata", name), said
		}
	}
	t.Fatalf("%s: there is no record %s", dir, recordType)
	return "", ""
}

// headerChecksum are the lines of repomd.xml about a zchunk file's header.
var headerChecksum = regexp.MustCompile(`<header-checksum type="sha256">([0-9a-f]{64})</header-checksum>|<header-size>(\d+)</header-size>`)

// TestZckBesideCreaterepoC: libzck finds in our files what it finds in
// createrepo_c's: the same content, cut in the same places, with the same checksums and
// flags.
func TestZckBesideCreaterepoC(t *testing.T) {
	t.Parallel()
	needAll(t, "createrepo_c", "unzck", "zck_read_header", "zck_gen_zdict")
	tree, large := zckTree(t), largeTree(t)
	comps := putFile(t, string(mustRead(t, peerTestdata+"/comps.xml")), t.TempDir(), "comps.xml")
	s := newSite(t)
	plain := t.TempDir()
	createrepoC(t, "--zck", "-o", plain, tree)
	dicts := t.TempDir()
	for _, name := range []string{"primary", "filelists", "other"} {
		file, _ := zckRecord(t, plain, name+"_zck")
		copied := putFile(t, string(mustRead(t, file)), dicts, name+".xml.zck")
		cmd := exec.CommandContext(t.Context(), peer.Need(t, "zck_gen_zdict"), copied)
		cmd.Dir = dicts
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	putFile(t, "a dictionary that is just content: <group><id>", dicts, "comps.xml.zdict")
	for _, flags := range []string{
		tree, large, tree + " -g " + comps, tree + " --simple-md-filenames -s sha512", tree + " -g " + comps + " --zck-dict-dir " + dicts, tree + " -x *",
	} {
		t.Run(strings.NewReplacer(tree, "TREE", large, "LARGE", dicts, "DICTS", comps, "COMPS").Replace(flags), func(t *testing.T) {
			args := append(strings.Fields(flags), "--zck")
			theirs, ours := t.TempDir(), t.TempDir()
			createrepoC(t, append(slices.Clone(args), "-o", theirs)...)
			s.build(append([]string{"createrepo", "-o", ours}, args...)...)
			types := []string{"primary_zck", "filelists_zck", "other_zck"}
			if strings.Contains(flags, comps) {
				types = append(types, "group_zck")
			}
			for _, recordType := range types {
				theirFile, theySay := zckRecord(t, theirs, recordType)
				ourFile, weSay := zckRecord(t, ours, recordType)
				if recordType != "group_zck" { // createrepo_c's open-checksum is that of comps.xml.gz
					assert.Equal(t, theySay, weSay)
				}
				a, b := readZck(t, theirFile), readZck(t, ourFile)
				require.Equal(t, a.Content == b.Content, true, recordType)
				a.Content, b.Content = "", ""
				assert.Equal(t, a, b, recordType)

				header := runTool(t, "zck_read_header", ourFile)
				repomd := string(mustRead(t, filepath.Join(ours, "repodata", "repomd.xml")))
				_, after, _ := strings.Cut(repomd, `"`+recordType+`"`)
				said := headerChecksum.FindAllStringSubmatch(after, 2)
				require.Len(t, said, 2)
				assert.Contains(t, header, "Header checksum: "+said[0][1]+"\n")
				assert.Contains(t, header, "Header size: "+said[1][2]+"\n")
			}
			for _, dir := range []string{ours, theirs} {
				if dir == ours || len(args) == 2 {
					b := s.build(append([]string{"createrepo", "--update", "-o", dir}, args...)...)
					assert.Equal(t, "unchanged", b.Outcome, "createrepo_c's copies are as good as ours")
				}
			}
		})
	}
}

// onlyZck leaves of the metadata below dir only what is in zchunk.
func onlyZck(t testing.TB, dir string) {
	t.Helper()
	file := filepath.Join(dir, "repodata", "repomd.xml")
	text := string(mustRead(t, file))
	start := strings.Index(text, "  <data")
	kept := text[:start]
	for _, record := range regexp.MustCompile(`(?s)  <data type="\w+">.*?</data>\n`).FindAllString(text, -1) {
		if strings.Contains(record, ".zck") {
			kept += strings.Replace(record, `_zck">`, `">`, 1)
		}
	}
	require.NoError(t, os.WriteFile(file, []byte(kept+"</repomd>\n"), 0o644))
	others, err := filepath.Glob(filepath.Join(dir, "repodata", "*.gz"))
	require.NoError(t, err)
	require.NotEmpty(t, others)
	for _, other := range others {
		require.NoError(t, os.Remove(other))
	}
}

// TestZckAloneIsRead: createrepo_c and its library read what we write, where
// there is nothing else; so do we what createrepo_c writes.
func TestZckAloneIsRead(t *testing.T) {
	t.Parallel()
	needAll(t, "createrepo_c")
	tree := t.TempDir()
	require.NoError(t, genrpm.Generate(tree, genrpm.Options{Packages: 100}))
	s := newSite(t)
	ours, theirs := t.TempDir(), t.TempDir()
	comps := putFile(t, string(mustRead(t, peerTestdata+"/comps.xml")), t.TempDir(), "comps.xml")
	packages := s.build("createrepo", "--zck", "-g", comps, "-o", ours, tree).Packages
	createrepoC(t, "--zck", "-o", theirs, tree)
	onlyZck(t, ours)
	onlyZck(t, theirs)

	read := filepath.Join(t.TempDir(), "read")
	again := t.TempDir()
	createrepoC(t, "--update", "--update-md-path="+ours, "--read-pkgs-list="+read, "-o", again, tree)
	assert.Empty(t, string(mustRead(t, read)), "what createrepo_c reads over our metadata")
	listed := systemPython(t, "createrepo_c", `import createrepo_c, sys
m = createrepo_c.Metadata()
m.locate_and_load_xml(sys.argv[1])
print(sum(1 for k in m.keys() for p in [m.get(k)] if p.files and p.changelogs))`, ours)
	assert.Equal(t, fmt.Sprintln(packages), listed, "what python3-createrepo-c reads of it")

	b := s.build("createrepo", "--update", "-o", theirs, tree)
	assert.Equal(t, []int{0, packages}, []int{b.Read, b.Reused}, "what we read over createrepo_c's")
	requireSameMetadata(t, again, theirs, comparison{})

	// Groups that are there in zchunk only come to be what every client reads.
	b = s.build("createrepo", "--update", "-o", ours, tree)
	assert.Equal(t, []int{0, packages}, []int{b.Read, b.Reused})
	m, _, err := metadataIn(ours).repomd()
	require.NoError(t, err)
	var files []string
	for _, r := range m.Data {
		files = append(files, r.Type+" "+strings.TrimPrefix(filepath.Base(r.Location.Href), r.Checksum.Hex+"-"))
	}
	slices.Sort(files)
	assert.Equal(t, []string{"filelists filelists.xml.gz", "group comps.xml.gz", "other other.xml.gz", "primary primary.xml.gz"}, files)
}

// TestZckUpdateBesideCreaterepoC: with --update each makes copies of all that
// is kept, and of nothing that is a copy.
func TestZckUpdateBesideCreaterepoC(t *testing.T) {
	t.Parallel()
	needAll(t, "createrepo_c", "modifyrepo_c")
	tree := copyTestdata(t)
	s := newSite(t)
	theirs, ours := t.TempDir(), t.TempDir()
	createrepoC(t, "-o", theirs, tree)
	s.build("createrepo", "-o", ours, tree)
	cert := putFile(t, "PEM", t.TempDir(), "productid")
	for _, args := range [][]string{
		{peerTestdata + "/updateinfo.xml"},
		{peerTestdata + "/modules.yaml"},
		{"--no-compress", cert},
		{"--mdtype=own", "--compress-type=zck", cert},
		{"--mdtype=with", "--zck", cert},
	} {
		runTool(t, "modifyrepo_c", append(slices.Clone(args), filepath.Join(theirs, "repodata"))...)
		s.ok(append(append([]string{"modifyrepo"}, args...), filepath.Join(ours, "repodata"))...)
	}
	assert.Equal(t, recordTypesIn(t, theirs), recordTypesIn(t, ours))
	createrepoC(t, "--update", "--keep-all-metadata", "--zck", "-o", theirs, tree)
	s.build("createrepo", "--update", "--zck", "-o", ours, tree)
	want := recordTypesIn(t, theirs)
	assert.Equal(t, want, recordTypesIn(t, ours))
	assert.Subset(t, want, []string{"productid_zck", "updateinfo_zck", "modules_zck", "own", "with_zck"})
	for _, recordType := range want {
		theirFile, _ := zckRecord(t, theirs, recordType)
		ourFile, _ := zckRecord(t, ours, recordType)
		if strings.HasSuffix(ourFile, ".zck") {
			assert.Equal(t, readZck(t, theirFile), readZck(t, ourFile), recordType)
		}
	}
}

func recordTypesIn(t testing.TB, dir string) (types []string) {
	t.Helper()
	m, _, err := metadataIn(dir).repomd()
	require.NoError(t, err)
	for _, r := range m.Data {
		types = append(types, r.Type)
	}
	return types
}
