package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
	"gorepo/internal/testrepo"
)

// published is a plain directory with metadata, and the path of its repodata.
func published(t *testing.T) (s *site, md string) {
	t.Helper()
	s = packageDir(t, hello212)
	s.ok("createrepo", s.path("base"), "--revision", "seven")
	return s, s.path("base", "repodata")
}

// hrefOf is where the published record of a type lies, below repodata.
func (s *site) hrefOf(recordType string) string {
	s.t.Helper()
	m, _, err := s.local("base").repomd()
	require.NoError(s.t, err)
	for _, r := range m.Data {
		if r.Type == recordType {
			return strings.TrimPrefix(r.Location.Href, "repodata/")
		}
	}
	return ""
}

func TestModifyrepo(t *testing.T) {
	t.Parallel()
	s, md := published(t)
	lists := []string{"primary", "filelists", "other"}
	before := s.files("base", "repodata")

	s.ok("modifyrepo", "../../testdata/updateinfo.xml", md)
	s.ok("modifyrepo", "../../testdata/modules.yaml", md+"/")
	assert.Equal(t, append(lists, "modules", "updateinfo"), s.recordTypes("base"))
	_, records := s.whole("base")
	assert.Equal(t, string(mustRead(t, "../../testdata/updateinfo.xml")), records["updateinfo"])
	assert.Equal(t, string(mustRead(t, "../../testdata/modules.yaml")), records["modules"])
	m, _, err := s.local("base").repomd()
	require.NoError(t, err)
	assert.Equal(t, "seven", m.Revision)
	assert.Regexp(t, `^[0-9a-f]{64}-updateinfo\.xml\.gz$`, s.hrefOf("updateinfo"))
	now := s.files("base", "repodata")
	for name, stat := range before {
		if name != "repomd.xml" {
			assert.Equal(t, stat, now[name], "the file itself is there still")
		}
	}

	// The same again changes nothing; other content takes its place, and the former
	// stays for one generation more.
	s.ok("modifyrepo", "../../testdata/updateinfo.xml", md)
	assert.Equal(t, now, s.files("base", "repodata"))
	first := s.hrefOf("modules")
	other := s.write([]byte("other"), "other.txt")
	s.ok("modifyrepo", other, md, "--mdtype=modules")
	_, records = s.whole("base")
	assert.Equal(t, "other", records["modules"])
	assert.Contains(t, s.files("base", "repodata"), first)
	s.ok("modifyrepo", "--remove", "modules", md)
	assert.Equal(t, append(lists, "updateinfo"), s.recordTypes("base"))
	assert.NotContains(t, s.files("base", "repodata"), first)
	s.run("modifyrepo", "--remove", "modules", md).ended(0, says("gorepo: "+md+": warning: ", "no record modules"))

	// createrepo keeps what was added, and finds nothing to do.
	kept := s.files("base", "repodata")
	assert.Equal(t, "unchanged", s.runJSON("createrepo", s.path("base"), "--update").Outcome)
	assert.Equal(t, kept, s.files("base", "repodata"))
}

func TestModifyrepoForms(t *testing.T) {
	t.Parallel()
	s, md := published(t)
	plain := s.write([]byte("<a/>\n"), "own.b.xml")
	zipped := s.write(gzipped(t, "<z/>\n"), "zipped.xml.gz")
	for _, tt := range []struct {
		args              []string
		record, href, has string
	}{
		{[]string{plain}, "own", `^[0-9a-f]{64}-own\.b\.xml\.gz$`, "<a/>\n"},
		{[]string{plain, "--no-compress"}, "own", `^[0-9a-f]{64}-own\.b\.xml$`, "<a/>\n"},
		{[]string{plain, "--compress-type=zstd", "--compress"}, "own", `^[0-9a-f]{64}-own\.b\.xml\.zst$`, "<a/>\n"},
		{[]string{plain, "--compress-type", "xz"}, "own", `^[0-9a-f]{64}-own\.b\.xml\.xz$`, "<a/>\n"},
		{[]string{plain, "--compress-type", "zck"}, "own", `^[0-9a-f]{64}-own\.b\.xml\.zck$`, "<a/>\n"},
		{[]string{plain, "-s", "sha512"}, "own", `^[0-9a-f]{128}-own\.b\.xml\.gz$`, "<a/>\n"},
		{[]string{plain, "--simple-md-filenames"}, "own", `^own\.b\.xml\.gz$`, "<a/>\n"},
		{[]string{plain, "--new-name", "x/new.txt"}, "new", `^[0-9a-f]{64}-new\.txt\.gz$`, "<a/>\n"},
		{[]string{plain, "--new-name", "new.txt.gz", "--mdtype", "group"}, "group", `^[0-9a-f]{64}-new\.txt\.gz$`, "<a/>\n"},
		{[]string{zipped}, "zipped", `^[0-9a-f]{64}-zipped\.xml\.gz$`, "<z/>\n"},
		{[]string{zipped, "--no-compress"}, "zipped", `^[0-9a-f]{64}-zipped\.xml$`, "<z/>\n"},
	} {
		s.ok(append([]string{"modifyrepo", tt.args[0], md}, tt.args[1:]...)...)
		_, records := s.whole("base")
		content, err := unpacked(records[tt.record])
		require.NoError(t, err)
		assert.Equal(t, tt.has, content, tt.args)
		assert.Regexp(t, tt.href, s.hrefOf(tt.record), tt.args)
	}
	assert.Equal(t, []string{"primary", "filelists", "other", "group", "new", "own", "zipped"}, s.recordTypes("base"))
}

func gzipped(t testing.TB, content string) []byte {
	t.Helper()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, err := io.WriteString(w, content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return z.Bytes()
}

// unpacked undoes any of the compressions.
func unpacked(data string) (string, error) {
	r, err := repodata.Decompress(strings.NewReader(data), 1<<26)
	if err != nil {
		return "", err
	}
	content, err := io.ReadAll(r)
	return string(content), errors.Join(err, r.Close())
}

func TestModifyrepoZck(t *testing.T) {
	t.Parallel()
	s, md := published(t)
	file := s.write([]byte("<a/>\n"), "own.xml")
	dicts := filepath.Dir(s.write([]byte("<a/> is what there is"), "dicts", "own.xml.zdict"))
	content := func(recordType string) string {
		_, records := s.whole("base")
		content, err := unpacked(records[recordType])
		require.NoError(t, err)
		return content
	}
	lists := []string{"primary", "filelists", "other"}
	s.ok("modifyrepo", "--zck", file, md)
	assert.Equal(t, append(lists, "own", "own_zck"), s.recordTypes("base"))
	assert.Equal(t, "<a/>\n<a/>\n", content("own")+content("own_zck"))
	assert.Regexp(t, `^[0-9a-f]{64}-own\.xml\.zck$`, s.hrefOf("own_zck"))
	first := s.hrefOf("own_zck")
	now := s.files("base", "repodata")
	s.ok("modifyrepo", "--zck", file, md)
	assert.Equal(t, now, s.files("base", "repodata"), "the same again")

	s.ok("modifyrepo", "--zck", "--zck-dict-dir", dicts, file, md)
	assert.NotEqual(t, first, s.hrefOf("own_zck"))
	assert.Equal(t, "<a/>\n", content("own_zck"))
	s.run("modifyrepo", "--zck", "--zck-dict-dir", dicts, "--new-name", "new.xml", "--mdtype", "own", file, md).
		ended(0, says("warning", dicts+" has no dictionary new.xml.zdict"))
	s.write([]byte("\x37\xa4\x30\xec and so on"), "dicts", "own.xml.zdict")
	s.run("modifyrepo", "--zck", "--zck-dict-dir", dicts, file, md).ended(1, says("own.xml.zdict cannot be used as a dictionary"))

	// A file in zchunk is unpacked as any other.
	packed := s.write(s.read("base", "repodata", s.hrefOf("own_zck")), "packed.xml.zck")
	s.ok("modifyrepo", packed, md, "--no-compress")
	assert.Equal(t, "<a/>\n", content("packed"))
	assert.Regexp(t, `^[0-9a-f]{64}-packed\.xml$`, s.hrefOf("packed"))
	s.ok("modifyrepo", "--remove", "packed", md)

	// With the record goes its copy, and createrepo makes one again if it is to.
	s.ok("createrepo", "--update", s.path("base"))
	assert.Equal(t, append(lists, "own"), s.recordTypes("base"))
	s.ok("createrepo", "--update", "--zck", s.path("base"))
	all := append(lists, "primary_zck", "filelists_zck", "other_zck", "own", "own_zck")
	assert.Equal(t, all, s.recordTypes("base"))
	assert.Equal(t, "unchanged", s.runJSON("createrepo", "--update", "--zck", s.path("base")).Outcome)
	s.ok("modifyrepo", "--remove", "own", md)
	assert.Equal(t, all[:6], s.recordTypes("base"))
	s.write([]byte("["+file+"]\ncompress-type=zck\n"), "batch")
	s.ok("modifyrepo", "-f", s.path("batch"), md)
	assert.Equal(t, "<a/>\n", content("own"))
	assert.Regexp(t, `\.zck$`, s.hrefOf("own"))
}

// What stands beside a record in another form would contradict the new one.
func TestModifyrepoVariants(t *testing.T) {
	t.Parallel()
	s, md := published(t)
	file := s.write([]byte("1"), "group_gz.xml")
	for _, recordType := range []string{"group", "group_gz", "group_zck", "groups"} {
		s.ok("modifyrepo", file, md, "--mdtype", recordType)
	}
	assert.Equal(t, []string{"primary", "filelists", "other", "group", "group_gz", "group_zck", "groups"}, s.recordTypes("base"))
	s.ok("modifyrepo", s.write([]byte("2"), "group.xml"), md)
	assert.Equal(t, []string{"primary", "filelists", "other", "group", "groups"}, s.recordTypes("base"))
}

func TestModifyrepoRefuses(t *testing.T) {
	t.Parallel()
	s, md := published(t)
	file := s.write([]byte("1"), "a.xml")
	hidden := s.write([]byte("1"), ".hidden")
	empty := s.path("empty", "repodata")
	require.NoError(t, os.MkdirAll(empty, 0o755))
	same := s.frozen()
	for _, tt := range []struct {
		status int
		args   []string
		says   []string
	}{
		{64, []string{md}, []string{"two arguments"}},
		{64, []string{"a", "b", md}, []string{"two arguments", "not 3"}},
		{64, []string{"--remove", md}, []string{"the type to remove"}},
		{64, []string{"-f", "batch", file, md}, []string{"--batchfile"}},
		{64, []string{file, md, "--zck-dict-dir", "/"}, []string{"--zck-dict-dir needs --zck"}},
		{64, []string{"-f", "batch", md, "--zck"}, []string{"--zck is for one file", "compress-type=zck"}},
		{64, []string{file, md, "--compress-type", "rar"}, []string{"--compress-type", "rar"}},
		{64, []string{file, md, "-s", "md6"}, []string{"--checksum", "md6"}},
		{1, []string{"-f", "nosuchbatch", md}, []string{"nosuchbatch"}},
		{1, []string{s.path("none.xml"), md}, []string{"none.xml", "no such file"}},
		{1, []string{s.path("base"), md}, []string{"base is not a file"}},
		{1, []string{hidden, md}, []string{"--mdtype"}},
		{1, []string{file, s.path("base")}, []string{"not called repodata"}},
		{1, []string{file, s.path("none", "repodata")}, []string{"is not there"}},
		{1, []string{file, empty}, []string{"no repomd.xml", "gorepo createrepo"}},
		{1, []string{"--remove", "primary", md}, []string{"without primary"}},
	} {
		s.run(append([]string{"modifyrepo"}, tt.args...)...).ended(tt.status, tt.says)
	}
	same()

	unlock, err := mirror.LockDir(context.Background(), s.path("base"), 0)
	require.NoError(t, err)
	s.run("modifyrepo", file, md, "--lock-timeout", "0").ended(1, says("another gorepo"))
	require.NoError(t, unlock())
	same()

	require.NoError(t, os.Truncate(s.path("base", "repodata", s.hrefOf("other")), 5))
	s.run("modifyrepo", file, md).ended(1, says("gorepo: "+md+": ", "damaged", "other.xml.gz has 5 bytes"))
	assert.NotContains(t, s.recordTypes("base"), "a")
}

func TestModifyrepoSignature(t *testing.T) {
	t.Parallel()
	s, md := published(t)
	s.write([]byte("signature"), "base", "repodata", "repomd.xml.asc")
	s.write([]byte("mine"), "base", "repodata", "mine.txt")
	s.run("modifyrepo", "../../testdata/updateinfo.xml", md).ended(0, says("warning: ", "repomd.xml.asc", "sign"))
	files := s.files("base", "repodata")
	assert.NotContains(t, files, "repomd.xml.asc")
	assert.Contains(t, files, "mine.txt")
}

func TestModifyrepoBatch(t *testing.T) {
	t.Parallel()
	s, md := published(t)
	own := s.write([]byte("own"), "own file.txt")
	s.ok("modifyrepo", own, md, "--mdtype", "gone")
	batch := s.write([]byte(`# a night's changes
[../../testdata/updateinfo.xml]

[../../testdata/modules.yaml]
compress=false
 unique-md-filenames = 0

[third]
path=`+strings.ReplaceAll(own, " ", `\s`)+`
type=mine
new-name=new.txt
checksum=sha512
compress-type=bz2

[gone]
remove=true
[never]
remove=1
mdtype=x
`), "batch")
	s.run("modifyrepo", "-f", batch, md).ended(0, says("no record never"), says("batch:19", "mdtype"))
	assert.Equal(t, []string{"primary", "filelists", "other", "mine", "modules", "updateinfo"}, s.recordTypes("base"))
	_, records := s.whole("base")
	mine, err := unpacked(records["mine"])
	require.NoError(t, err)
	assert.Equal(t, "own", mine)
	assert.Equal(t, "modules.yaml", s.hrefOf("modules"))
	assert.Regexp(t, `^[0-9a-f]{128}-new\.txt\.bz2$`, s.hrefOf("mine"))

	// All or nothing.
	same := s.frozen()
	for text, words := range map[string][]string{
		"[../../testdata/comps.xml]\n[none.xml]\n":             {"none.xml", "no such file"},
		"[../../testdata/comps.xml]\nremove=maybe\n":           {"batch:2: remove", `"maybe"`},
		"[../../testdata/comps.xml]\ncompress-type=rar\n":      {"batch:2: compress-type", `"rar"`},
		"[../../testdata/comps.xml]\nchecksum=md6\n":           {"batch:2: checksum", `"md6"`},
		"[../../testdata/comps.xml\n":                          {"batch:1", "[FILE]"},
		"type=x\n":                                             {"batch:1", "no [FILE]"},
		"[../../testdata/comps.xml]\nremove\n":                 {"batch:2", `no "="`},
		"[../../testdata/comps.xml]\n[primary]\nremove=true\n": {"without primary"},
	} {
		s.write([]byte(text), "batch")
		s.run("modifyrepo", "-f", batch, md).ended(1, words)
	}
	s.write(nil, "batch")
	s.ok("modifyrepo", "-f", batch, md)
	same()

	// The last of two that are about one type counts, and no file is left over.
	a, b := s.write([]byte("first"), "a"), s.write([]byte("second"), "b")
	s.write([]byte("["+a+"]\ntype=t\n["+b+"]\ntype=t\n"), "batch")
	s.ok("modifyrepo", "-f", batch, md)
	_, records = s.whole("base")
	assert.Equal(t, "second", records["t"])
	for name := range s.files("base", "repodata") {
		assert.False(t, strings.HasSuffix(name, "-a.gz"), name)
	}
}

// In a repository of the mirror what was added stays, and is known as ours.
func TestModifyrepoInMirror(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{Modules: mustRead(t, "../../testdata/modules.yaml")}, rpms(t, hello212, modular)...)
	s := newSite(t, section("base", up))
	s.ok("sync")
	s.ok("createrepo", "--update")
	state := func() mirror.State {
		repos, err := mirror.ReposAt(s.path("base"))
		require.NoError(t, err)
		require.Len(t, repos, 1)
		st, warning := repos[0].State()
		require.NoError(t, warning)
		return st
	}
	before := state()
	s.ok("modifyrepo", "../../testdata/updateinfo.xml", s.path("base", "repodata"))
	after := state()
	assert.Equal(t, hexOf(s.read("base", "repodata", "repomd.xml")), after.Publish.Built)
	after.Publish.Built, after.Publish.Time = before.Publish.Built, before.Publish.Time
	assert.Equal(t, before, after)
	assert.Equal(t, "unchanged", s.summary("createrepo", "--update").Outcome)

	up.Add(rpms(t, chrono)...)
	up.Render()
	s.ok("sync")
	made := s.summary("createrepo", "--update")
	assert.Equal(t, [2]int{0, 3}, [2]int{made.Read, made.Packages})
	assert.Equal(t, []string{"primary", "filelists", "other", "modules", "updateinfo"}, s.recordTypes("base"))
	_, records := s.whole("base")
	assert.Equal(t, string(mustRead(t, "../../testdata/updateinfo.xml")), records["updateinfo"])

	// What upstream has comes back, and modifyrepo says so.
	s.run("modifyrepo", "--remove", "modules", s.path("base", "repodata")).ended(0, says("warning", "modules", "upstream"))
	assert.NotContains(t, s.recordTypes("base"), "modules")
	s.ok("createrepo", "--update")
	assert.Equal(t, []string{"primary", "filelists", "other", "modules", "updateinfo"}, s.recordTypes("base"))

	// Lists that are not ours are not taken for ours.
	list := s.path("base", "repodata", s.hrefOf("other"))
	s.ok("modifyrepo", list, s.path("base", "repodata"), "--mdtype", "other", "--compress-type", "zstd")
	assert.NotEqual(t, hexOf(s.read("base", "repodata", "repomd.xml")), state().Publish.Built)
	s.whole("base")

	// Nobody changes it meanwhile.
	unlock, err := mirror.LockDir(context.Background(), s.path("base"), 0)
	require.NoError(t, err)
	s.run("modifyrepo", "--remove", "updateinfo", s.path("base", "repodata"), "--lock-timeout", "0").ended(1, says("another gorepo"))
	require.NoError(t, unlock())
}

// A copy of upstream's own metadata stays what it is.
func TestModifyrepoCopied(t *testing.T) {
	t.Parallel()
	up := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
	s := newSite(t, section("base", up, "download_metadata=1"))
	s.ok("sync")
	same := s.frozen()
	s.run("modifyrepo", "../../testdata/updateinfo.xml", s.path("base", "repodata")).ended(1, says("download_metadata"))
	same()
}

// A link is followed: repodata may be one, and so may be the way to it.
func TestModifyrepoLinks(t *testing.T) {
	t.Parallel()
	s, md := published(t)
	require.NoError(t, os.Rename(md, s.path("md")))
	require.NoError(t, os.Symlink(s.path("md"), md))
	s.ok("modifyrepo", "../../testdata/updateinfo.xml", md)
	assert.Contains(t, s.recordTypes("base"), "updateinfo")
	fi, err := os.Lstat(md)
	require.NoError(t, err)
	assert.NotZero(t, fi.Mode()&os.ModeSymlink)

	require.NoError(t, os.Remove(md))
	require.NoError(t, os.Rename(s.path("md"), md))
	link := filepath.Join(s.dir, "link")
	require.NoError(t, os.Symlink(md, link))
	s.ok("modifyrepo", "--remove", "updateinfo", link)
	assert.Equal(t, []string{"primary", "filelists", "other"}, s.recordTypes("base"))
	assert.Empty(t, slices.DeleteFunc(slices.Collect(maps.Keys(s.files("base"))), func(name string) bool {
		return !strings.HasPrefix(name, ".")
	}))
	assert.WithinDuration(t, time.Now(), time.Unix(0, statOf(t, filepath.Join(md, "repomd.xml")).mtime), time.Hour)
}
