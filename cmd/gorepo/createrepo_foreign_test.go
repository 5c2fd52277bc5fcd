package main

import (
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/blockgzip"
	"gorepo/internal/testrepo"
)

// requireXML parses every record of what is published that is XML.
func (s *site) requireXML(id string) {
	s.t.Helper()
	_, records := s.whole(id)
	for _, kind := range []string{"primary", "filelists", "other"} {
		d := xml.NewDecoder(bytes.NewReader([]byte(records[kind])))
		for {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(s.t, err, kind)
		}
	}
}

// What others wrote is looked through before it is taken over, however it came
// to be published.
func TestForeignEntries(t *testing.T) {
	t.Parallel()
	malformed := func(t *testing.T) *site {
		packages := rpms(t, hello212, chrono)
		packages[0].Files = []testrepo.File{{Path: "/usr/@broken@"}}
		up := testrepo.New(t, testrepo.Options{Compression: "plain"}, packages...)
		filelists := up.Metadata("filelists")
		up.Put(filelists, bytes.Replace(up.File(filelists), []byte("/usr/@broken@"), []byte("/usr/&x;<oops"), 1))
		up.Put("repodata/repomd.xml", renamed(up, filelists))
		return newSite(t, section("base", up))
	}
	for _, tt := range []struct {
		name    string
		prepare func(s *site)
	}{
		{"from upstream", func(s *site) { s.ok("sync") }},
		{"from a copy", func(s *site) {
			s.ok("sync", "--download-metadata")
			s.ok("sync")
		}},
		{"by a fixed revision", func(s *site) {
			s.ok("sync")
			require.NotEmpty(s.t, s.run("createrepo", "--update", "--revision", "1700000000").stderr)
			s.ok("sync", "--download-metadata")
			s.ok("sync")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := malformed(t)
			tt.prepare(s)
			o := s.run("createrepo", "--update", "--revision", "1700000000") // which upstream's is, too
			assert.Zero(t, o.status)
			for _, line := range o.lines() {
				assert.Contains(t, line, "filelists: malformed XML")
			}
			s.requireXML("base")
			assert.Equal(t, "unchanged", s.summary("createrepo", "--update").Outcome)
		})
	}
}

// TestForeignBlocks: metadata with gorepo's index of blocks came along with the
// packages, from anywhere.
func TestForeignBlocks(t *testing.T) {
	t.Parallel()
	s := packageDir(t, hello210, hello212)
	s.ok("createrepo", "--simple-md-filenames", s.path("base"))
	z, err := gzip.NewReader(bytes.NewReader(s.read("base", "repodata", "primary.xml.gz")))
	require.NoError(t, err)
	primary, err := io.ReadAll(z)
	require.NoError(t, err)
	was := fmt.Sprintf("<open-size>%d<", len(primary))
	primary = bytes.Replace(primary, []byte("<format>"), []byte("<format><b>"), 1)
	primary = append(primary, bytes.Repeat([]byte("\n"), 2<<20)...) // several blocks
	var file bytes.Buffer
	w := blockgzip.NewWriter(&file, blockgzip.NewPool(1, 6))
	_, err = w.Write(primary)
	require.NoError(t, errors.Join(err, w.Close()))
	_, ok := blockgzip.ReadIndex(bytes.NewReader(file.Bytes()), int64(file.Len()))
	require.True(t, ok)
	old := s.read("base", "repodata", "primary.xml.gz")
	s.write([]byte(strings.NewReplacer(
		hexOf(old), hexOf(file.Bytes()), fmt.Sprintf("<size>%d<", len(old)), fmt.Sprintf("<size>%d<", file.Len()),
		was, fmt.Sprintf("<open-size>%d<", len(primary)),
	).Replace(string(s.read("base", "repodata", "repomd.xml")))), "base", "repodata", "repomd.xml")
	s.write(file.Bytes(), "base", "repodata", "primary.xml.gz")

	s.write(rpms(t, weak)[0].Data, "base", "weak.rpm")
	s.run("createrepo", "--update", "--simple-md-filenames", s.path("base")).ended(0, says("its entries are not used again"))
	s.requireXML("base")
}
