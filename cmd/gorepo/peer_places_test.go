//go:build unix

package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mtimes are those of the files below a directory.
func mtimes(t testing.TB, dir string) map[string]time.Time {
	t.Helper()
	found := map[string]time.Time{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.Name() == ".gorepo" {
			if err == nil {
				return fs.SkipDir
			}
			return err
		}
		if e.Type().IsRegular() {
			fi, err := e.Info()
			require.NoError(t, err)
			rel, err := filepath.Rel(dir, path)
			require.NoError(t, err)
			found[rel] = fi.ModTime().UTC()
		}
		return nil
	}))
	return found
}

// TestPlacesLikeReposync compares with dnf reposync where packages, metadata and
// comps are put, and with which times.
func TestPlacesLikeReposync(t *testing.T) {
	t.Parallel()
	requireReposync(t)
	needAll(t, "nginx", "createrepo_c", "modifyrepo_c")
	tree := oddTree(t)
	makeUpstream(t, tree, "")
	long := time.Date(2021, 2, 3, 4, 5, 6, 0, time.UTC)
	require.NoError(t, filepath.WalkDir(tree, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !strings.HasSuffix(path, ".rpm") {
			err = os.Chtimes(path, long, long)
		}
		return err
	}))
	up := startNginx(t, tree, "", "")
	their := newDNF(t, "[r]\nbaseurl="+up.url+"\ngpgcheck=0\n")
	table := []string{fmt.Sprintf("%-72s %9s %9s %6s", "flags", "downloads", "metadata", "times")}
	for _, flags := range [][]string{
		{"--metadata-path=MD"},
		{"--metadata-path=MD", "-m"},
		{"--metadata-path=MD", "--download-metadata"},
		{"--metadata-path=MD", "--download-metadata", "-m", "--norepopath"},
		{"--metadata-path=MD", "--download-metadata", "-m", "--delete", "--remote-time"},
		{"--metadata-path=DEST", "--download-metadata", "--norepopath"},
		{"--metadata-path=DEST", "--download-metadata", "-m"},
		{"--norepopath", "--download-metadata", "-m", "--delete", "--remote-time"},
		{"--norepopath", "--remote-time"},
		{"--download-metadata", "-m", "--remote-time"},
	} {
		name := strings.Join(flags, " ")
		s := newSite(t, "[r]\nbaseurl="+up.url+"\n")
		theirs := t.TempDir()
		with := func(dest, md string) []string {
			list := make([]string, len(flags))
			for i, f := range flags {
				list[i] = strings.NewReplacer("MD", md, "DEST", dest).Replace(f)
			}
			return list
		}
		ourMD, theirMD := filepath.Join(s.dir, "md"), filepath.Join(theirs, "md")
		dest := filepath.Join(theirs, "dest")
		for _, dir := range []string{ourMD, theirMD, dest, s.root} {
			require.NoError(t, os.MkdirAll(dir, 0o755))
		}
		for range 2 { // once more over what is there
			s.ok(append([]string{"sync", "r"}, with(s.root, ourMD)...)...)
			their.reposync(append([]string{"--repo=r", "--download-path=" + dest}, with(dest, theirMD)...)...)
		}
		packages, metadata := listTree(t, dest), listTree(t, theirMD)
		assert.Equal(t, packages, listTree(t, s.root), "%s: below the download path", name)
		assert.Equal(t, metadata, listTree(t, ourMD), "%s: below the metadata path", name)
		require.NotEmpty(t, packages, name)
		times := 0
		if strings.Contains(name, "--remote-time") {
			for dir, ours := range map[string]string{dest: s.root, theirMD: ourMD} {
				have := mtimes(t, ours)
				for file, at := range mtimes(t, dir) {
					if filepath.Base(file) == "comps.xml" {
						at = long // dnf unpacks it, and gives it no time
					}
					assert.Equal(t, at.Truncate(time.Second), have[file].Truncate(time.Second), "%s: %s", name, file)
					times++
				}
			}
		}
		table = append(table, fmt.Sprintf("%-72s %9d %9d %6d", name, len(packages), len(metadata), times))
	}
	t.Logf("gorepo sync and dnf reposync put the same files at the same places:\n%s", strings.Join(table, "\n"))
}

// TestDNFReadsWhatLiesOutside has dnf install from metadata that names packages
// outside of the repository: from an exact copy with the packages there, and from
// metadata of createrepo's with the packages inside.
func TestDNFReadsWhatLiesOutside(t *testing.T) {
	t.Parallel()
	needAll(t, "dnf", "nginx", "createrepo_c")
	top := t.TempDir()
	copyPackage(t, peerTestdata+"/rpms/hello-2.12-1.noarch.rpm", top, "repo", "hello.rpm")
	copyPackage(t, peerTestdata+"/rpms/chrono-0.9-3.noarch.rpm", top, "pool", "chrono.rpm")
	list := putFile(t, "hello.rpm\n../pool/chrono.rpm\n", t.TempDir(), "list")
	runTool(t, "createrepo_c", "--quiet", "--no-database", "--pkglist="+list, filepath.Join(top, "repo"))
	up := startNginx(t, top, "", "")
	s := newSite(t, "[outside]\nbaseurl="+up.url+"/repo\n", "[inside]\nbaseurl="+up.url+"/repo\n")
	s.ok("sync", "outside", "--download-metadata", "--safe-write-path", s.root)
	s.ok("sync", "inside")
	s.ok("createrepo", s.path("inside"))
	assert.FileExists(t, s.path("pool", "chrono.rpm"))
	assert.FileExists(t, s.path("inside", "pool", "chrono.rpm"))
	mirror := serveMirror(t, "--root", s.root)
	for _, id := range []string{"outside", "inside"} {
		client := newDNF(t, fmt.Sprintf("[%s]\nbaseurl=%s/%s\ngpgcheck=0\n", id, mirror.url, id))
		dir := t.TempDir()
		client.run("--setopt=keepcache=1", "install", "--downloadonly", "--downloaddir="+dir, "chrono", "hello")
		found := listTree(t, dir)
		assert.Len(t, found, 2, id)
		t.Logf("%s: %v", id, found)
	}
}
