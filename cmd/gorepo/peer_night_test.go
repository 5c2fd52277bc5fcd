//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/genrpm"
)

// TestThousandPackages mirrors a repository of a thousand packages from nginx
// to dnf, and once more on the next night, when a hundredth of them is new. It
// shows what a night costs.
func TestThousandPackages(t *testing.T) {
	t.Parallel()
	needAll(t, "nginx", "createrepo_c", "modifyrepo_c", "dnf")
	const packages, changed = 1000, 10
	tree := t.TempDir()
	require.NoError(t, genrpm.Generate(tree, genrpm.Options{Packages: packages, FilesPerPackage: 20}))
	publish := func(hoursAgo time.Duration) {
		makeUpstream(t, tree, "")
		at := time.Now().Add(-hoursAgo * time.Hour)
		require.NoError(t, os.Chtimes(filepath.Join(tree, "repodata", "repomd.xml"), at, at))
	}
	publish(30)
	up := startNginx(t, tree, "", "")
	s := newSite(t, "[r]\nbaseurl="+up.url+"\ndelete=1\n")
	require.NoError(t, os.Mkdir(s.root, 0o755))
	mirror := serveMirror(t, "--root", s.root)
	client := newDNF(t, "[r]\nbaseurl="+mirror.url+"/r\ngpgcheck=0\n")
	upstream := newDNF(t, "[r]\nbaseurl="+up.url+"\ngpgcheck=0\n")

	var table []string
	night := func(name string, wantPackages, wantMetadata, wantRead int) {
		t.Helper()
		up.requests()
		files, err := filepath.Glob(s.path("r", "Packages", "*", "*.rpm"))
		require.NoError(t, err)
		openedSince := unread(t, files...)
		start := time.Now()
		fetched := s.build("sync")
		between := time.Now()
		built := s.build("createrepo", "--update")
		end := time.Now()
		opened := openedSince()
		ofPackages, others, bytes := countLogged(up.requests())
		assert.Equal(t, wantPackages, ofPackages, "%s: requests for packages", name)
		assert.Equal(t, wantMetadata, others, "%s: requests for metadata", name)
		assert.Equal(t, wantRead, built.Read, "%s: packages that createrepo read", name)
		assert.Empty(t, opened, "%s: packages of the night before that were opened", name)
		assert.Equal(t, packages, built.Packages)
		assert.Equal(t, wantPackages, fetched.Added, name)
		table = append(table, fmt.Sprintf("%-22s %5d + %d requests, %8d bytes; %4d packages read by createrepo; sync %4d ms, createrepo %4d ms",
			name, ofPackages, others, bytes, built.Read, between.Sub(start).Milliseconds(), end.Sub(between).Milliseconds()))
	}

	night("first night", packages, 1+6, 0)
	assert.Equal(t, allPackages(upstream), allPackages(client))
	night("nothing new", 0, 1, 0)

	fresh, err := genrpm.Change(tree, float64(changed)/packages, 7)
	require.NoError(t, err)
	require.Len(t, fresh, changed)
	publish(6)
	night("a hundredth is new", changed, 1+3, 0)
	theirs, ours := allPackages(upstream), allPackages(client)
	assert.Equal(t, theirs, ours)
	assert.Len(t, strings.Fields(ours), packages)
	for _, location := range fresh {
		assert.Contains(t, ours, strings.TrimSuffix(filepath.Base(location), ".rpm"), "dnf sees what is new")
	}
	t.Logf("%d packages:\n%s", packages, strings.Join(table, "\n"))
}

// allPackages has dnf read everything anew and list the packages.
func allPackages(d *dnf) string {
	d.t.Helper()
	d.run("makecache", "--refresh")
	return d.run("repoquery", "--qf", "%{name}-%{version}-%{release}.%{arch}")
}
