package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
