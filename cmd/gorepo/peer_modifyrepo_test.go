//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestModifyrepoLikeTheTool makes the same changes with modifyrepo_c and gorepo
// and compares what repomd.xml then says.
func TestModifyrepoLikeTheTool(t *testing.T) {
	t.Parallel()
	needAll(t, "createrepo_c", "modifyrepo_c")
	s := newSite(t)
	for _, dir := range []string{"base", "theirs"} {
		hello := s.write(rpms(t, hello212)[0].Data, dir, "hello.rpm")
		require.NoError(t, os.Chtimes(hello, time.Unix(7, 0), time.Unix(7, 0)))
		runTool(t, "createrepo_c", "-q", "--no-database", "--content=c & d", "--repo=r",
			"--distro=cpe:/o:x,Dist", "--set-timestamp-to-revision", "--revision=7", s.path(dir))
	}
	updateinfo, modules := peerTestdata+"/updateinfo.xml", peerTestdata+"/modules.yaml"
	batch := s.write([]byte("["+updateinfo+"]\ncompress=false\n[x]\npath="+modules+"\ntype=modules\nnew-name=m.yaml\nchecksum=sha512\n[aaa]\nremove=true\n"), "batch")
	zckBatch := s.write([]byte("[z]\npath="+modules+"\ncompress-type=zck\n"), "zck")
	dicts := filepath.Dir(s.write([]byte("a dictionary"), "dicts", "modules.yaml.zdict"))
	zipped := s.write(gzipped(t, "<x/>"), "zipped.xml.gz")
	for _, args := range [][]string{
		{updateinfo, "DIR"},
		{"--mdtype=group", peerTestdata + "/comps.xml", "DIR"},
		{modules, "DIR", "--no-compress"},
		{"--simple-md-filenames", "-s", "sha1", "--mdtype", "aaa", updateinfo, "DIR"},
		{zipped, "DIR"},
		{zipped, "DIR", "--no-compress"},
		{"--new-name=zz.txt", modules, "DIR"},
		{"--remove", "group", "DIR"},
		{"--remove", "none", "DIR"},
		{"-f", batch, "DIR"},
		{"--zck", "--mdtype=both", updateinfo, "DIR"},
		{"--zck", "--simple-md-filenames", "--new-name=n.yaml", modules, "DIR"},
		{"--zck", "--zck-dict-dir=" + dicts, "--mdtype=dict", modules, "DIR"},
		{"--compress-type=zck", "--mdtype=alone", updateinfo, "DIR"},
		{"-f", zckBatch, "DIR"},
		{"--remove", "n_zck", "DIR"},
		{"--zck-dict-dir=" + dicts, modules, "DIR"},
		{"--mdtype=other", updateinfo, "DIR"},
		{s.path("none.xml"), "DIR"},
		{"DIR"},
		{},
	} {
		in := func(dir string) []string {
			var list []string
			for _, a := range args {
				list = append(list, strings.Replace(a, "DIR", s.path(dir, "repodata"), 1))
			}
			return list
		}
		_, _, err := runToolEnds(t, "modifyrepo_c", in("theirs")...)
		ours := s.runAs("modifyrepo_c", in("base")...)
		require.Equal(t, err == nil, ours.status == 0, "%v: %v, and %d: %s", args, err, ours.status, ours.stderr)
		assert.Equal(t, s.described("theirs"), s.described("base"), "%v", args)
	}
	for _, words := range []string{"<revision>7</revision>", "<content>c &amp; d</content>", `<distro cpeid="cpe:/o:x">Dist</distro>`} {
		assert.Contains(t, string(s.read("base", "repodata", "repomd.xml")), words)
	}
}

// described is repomd.xml without what depends on the compressor and the time.
func (s *site) described(dir string) []string {
	s.t.Helper()
	m, _, err := s.local(dir).repomd()
	require.NoError(s.t, err)
	list := []string{m.Revision}
	for _, r := range m.Data {
		name := filepath.Base(r.Location.Href)
		line := r.Type + " " + r.Checksum.Type + " " + strings.Replace(name, r.Checksum.Hex, "SUM", 1) + " " + r.Open.Type + ":" + r.Open.Hex
		if r.Open.Hex == "" {
			line += " " + r.Checksum.Hex
		}
		list = append(list, line)
	}
	return list
}

// TestDNFReadsWhatModifyrepoAdds is about modules and advisories.
func TestDNFReadsWhatModifyrepoAdds(t *testing.T) {
	t.Parallel()
	needAll(t, "dnf")
	tree := copyTestdata(t)
	s := newSite(t)
	s.ok("createrepo", tree)
	for _, file := range []string{"/updateinfo.xml", "/modules.yaml"} {
		s.ok("modifyrepo", peerTestdata+file, tree+"/repodata")
	}
	s.ok("modifyrepo", "--mdtype=group", peerTestdata+"/comps.xml", tree+"/repodata")
	d := newDNF(t, "[r]\nname=r\nbaseurl=file://"+tree+"\ngpgcheck=0\n")
	assert.Equal(t, "hello-0:2.12-1.noarch\n", d.run("repoquery", "--advisory=TEST-2023:0001"))
	assert.Contains(t, d.run("module", "list"), "tide 1 [d]  default [d] Tide tables as a module")
	assert.Contains(t, d.run("group", "list", "--hidden"), "Greetings")

	s.ok("modifyrepo", "--remove", "modules", tree+"/repodata")
	d = newDNF(t, "[r]\nname=r\nbaseurl=file://"+tree+"\ngpgcheck=0\n")
	assert.NotContains(t, d.run("module", "list"), "tide")
	entries, err := os.ReadDir(tree)
	require.NoError(t, err)
	for _, e := range entries {
		assert.False(t, strings.HasPrefix(e.Name(), "."), e.Name())
	}
}
