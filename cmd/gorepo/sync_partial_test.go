package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// A repository that never becomes complete, of an upstream that changes every
// night, does not fill the disk: what is kept of one night for the next is what
// that one may still want.
func TestNeverComplete(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"a package is cut short", "interrupted"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			up := testrepo.New(t, testrepo.Options{})
			s := newSite(t, section("base", up))
			var last *testrepo.Package
			for night := range 5 {
				up.Remove("**")
				last = testrepo.Fake(fmt.Sprintf("large-%d-1.noarch", night), 50_000+night)
				up.Add(last)
				up.Render()
				if how == "interrupted" {
					s.interrupt(t, up, last.Href())
					continue
				}
				up.On(last.Href(), testrepo.Truncate(10_000))
				s.run("sync").ended(2, says("gorepo: base: ", last.Href()))
				up.Repair()
			}
			parts := s.files(".gorepo", "base", "partial")
			require.Len(t, parts, 1)
			assert.Contains(t, parts, "sha256-"+last.Sum())
			for name := range s.files(".gorepo", "base", "upstream.new") {
				assert.NotNil(t, up.File("repodata/"+name), "%s is none of the last night's", name)
			}
			up.Forget()
			s.ok("sync")
			if how != "interrupted" { // of that nothing may have arrived
				assert.Equal(t, "bytes=20000-", up.Requests(last.Href())[0].Range, "two attempts brought 10,000 each")
			}
			assert.Empty(t, s.files(".gorepo", "base", "partial"))
			assert.Empty(t, s.files(".gorepo", "base", "upstream.new"))
		})
	}
}

// Without metadata nobody knows what may still be wanted: only what is too old
// goes.
func TestPartialWithoutMetadata(t *testing.T) {
	t.Parallel()
	p := testrepo.Fake("large-1-1.noarch", 50_000)
	up := testrepo.New(t, testrepo.Options{}, p)
	s := newSite(t, section("base", up))
	s.interrupt(t, up, p.Href())
	old := s.write([]byte("x"), ".gorepo", "base", "partial", "sha256-"+hexOf([]byte("old")))
	long := time.Now().Add(-40 * 24 * time.Hour)
	require.NoError(t, os.Chtimes(old, long, long))
	up.Put("repodata/repomd.xml", []byte("<html>"))
	assert.Equal(t, 1, s.run("sync").status)
	parts, err := filepath.Glob(s.path(".gorepo", "base", "partial", "*"))
	require.NoError(t, err)
	assert.Equal(t, []string{s.path(".gorepo", "base", "partial", "sha256-"+p.Sum())}, parts)
}
