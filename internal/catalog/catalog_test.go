package catalog_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/catalog"
	"gorepo/internal/testrepo"
)

// publish writes the metadata of an upstream into a directory, and returns that of
// repomd.xml.
func publish(t testing.TB, o testrepo.Options, packages ...*testrepo.Package) (dir string) {
	t.Helper()
	dir = t.TempDir()
	testrepo.Render(o, packages...).WriteTo(t, dir)
	return filepath.Join(dir, "repodata")
}

// open builds the catalog of what is published in a directory, and opens it.
func open(t testing.TB, dir string) *catalog.Catalog {
	t.Helper()
	path := filepath.Join(t.TempDir(), "catalog")
	_, err := catalog.Build(t.Context(), path, catalog.BuildOptions{Repodata: dir})
	require.NoError(t, err)
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "temporary files are gone")
	c, err := catalog.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, c.Close()) })
	return c
}

func TestNothingPublished(t *testing.T) {
	_, err := catalog.Build(t.Context(), filepath.Join(t.TempDir(), "catalog"), catalog.BuildOptions{Repodata: t.TempDir()})
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = catalog.Open(filepath.Join(t.TempDir(), "catalog"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func zoo() []*testrepo.Package {
	bear := testrepo.Fake("bear-2:4.1-1.noarch", 100)
	bear.Summary, bear.Description, bear.URL, bear.License = "An animal", "Large & brown.", "http://zoo.example/bear", "MIT"
	bear.Vendor, bear.Packager, bear.Group, bear.BuildHost, bear.SourceRPM = "Zoo", "Keeper", "Animals", "den", "bear-4.1-1.src.rpm"
	bear.BuildTime, bear.FileTime, bear.InstalledSize = 1700000001, 1700000002, 12345
	bear.Requires = []testrepo.Dep{{Name: "honey", Flags: "GE", Epoch: "1", Version: "2", Release: "3"}, {Name: "/bin/sh", Pre: true}}
	bear.Supplements = []testrepo.Dep{{Name: "(forest and lake)"}}
	bear.Files = []testrepo.File{{Path: "/usr/bin/bear"}, {Path: "/usr/share/bear", Type: "dir"}, {Path: "/usr/share/bear/a b<c>&d"}, {Path: "/var/log/bear", Type: "ghost"}}
	bear.Changelogs = []testrepo.Changelog{{Author: "B <b@zoo.example> - 4.1-1", Date: 1700000000, Text: "- newer"}, {Author: "A <a@zoo.example> - 4.0-1", Date: 1600000000, Text: "- older\n- two"}}
	old := testrepo.Fake("bear-4.0-1.noarch", 90)
	old.Files = nil
	return []*testrepo.Package{
		old, bear, testrepo.Fake("Ape-1.10-1.x86_64", 10), testrepo.Fake("Ape-1.9-1.x86_64", 30), testrepo.Fake("Ape-1.9-1.i686", 20),
		testrepo.Fake("zebra-0-1.src", 50),
	}
}

// names are the NEVRAs of a list.
func names(list []catalog.Package) (nevras []string) {
	for _, p := range list {
		nevras = append(nevras, p.String())
	}
	return nevras
}

func TestList(t *testing.T) {
	c := open(t, publish(t, testrepo.Options{}, zoo()...))
	info := c.Info()
	assert.Equal(t, 6, info.Packages)
	assert.Equal(t, 3, info.Names)
	assert.Equal(t, int64(300), info.Bytes)
	assert.Empty(t, info.Missing)
	assert.Equal(t, "1700000000", info.Revision)
	for name, want := range map[string]struct {
		o    catalog.ListOptions
		want []string
	}{
		"all":        {catalog.ListOptions{}, []string{"Ape-1.10-1.x86_64", "Ape-1.9-1.x86_64", "Ape-1.9-1.i686", "bear-2:4.1-1.noarch", "bear-4.0-1.noarch", "zebra-0-1.src"}},
		"latest":     {catalog.ListOptions{Latest: true}, []string{"Ape-1.10-1.x86_64", "Ape-1.9-1.i686", "bear-2:4.1-1.noarch", "zebra-0-1.src"}},
		"arch":       {catalog.ListOptions{Arch: "x86_64"}, []string{"Ape-1.10-1.x86_64", "Ape-1.9-1.x86_64"}},
		"no arch":    {catalog.ListOptions{Arch: "sparc"}, nil},
		"filter":     {catalog.ListOptions{Filter: "EA"}, []string{"bear-2:4.1-1.noarch", "bear-4.0-1.noarch"}},
		"one name":   {catalog.ListOptions{Filter: "bra"}, []string{"zebra-0-1.src"}},
		"glob":       {catalog.ListOptions{Filter: "?[ep]*", Latest: true}, []string{"Ape-1.10-1.x86_64", "Ape-1.9-1.i686", "bear-2:4.1-1.noarch", "zebra-0-1.src"}},
		"whole glob": {catalog.ListOptions{Filter: "?p"}, nil},
		"bad glob":   {catalog.ListOptions{Filter: "[a"}, nil},
		"line feed":  {catalog.ListOptions{Filter: "e\nb"}, nil},
		"size":       {catalog.ListOptions{Sort: catalog.SortSize, Limit: 2}, []string{"Ape-1.10-1.x86_64", "Ape-1.9-1.i686"}},
		"largest":    {catalog.ListOptions{Sort: catalog.SortSize, Descending: true, Limit: 1}, []string{"bear-2:4.1-1.noarch"}},
		"built":      {catalog.ListOptions{Sort: catalog.SortBuilt, Descending: true, Limit: 1}, []string{"bear-2:4.1-1.noarch"}},
		"reverse":    {catalog.ListOptions{Descending: true, Limit: 2, Offset: 1}, []string{"bear-4.0-1.noarch", "bear-2:4.1-1.noarch"}},
		"beyond":     {catalog.ListOptions{Offset: 6}, nil},
		"before":     {catalog.ListOptions{Offset: -1, Limit: 1}, []string{"Ape-1.10-1.x86_64"}},
	} {
		page, err := c.List(t.Context(), want.o)
		require.NoError(t, err, name)
		assert.Equal(t, want.want, names(page.Packages), name)
	}
	page, err := c.List(t.Context(), catalog.ListOptions{Limit: 1})
	require.NoError(t, err)
	assert.Equal(t, 6, page.Total)
	archs, err := c.Arches(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"i686", "noarch", "src", "x86_64"}, archs)
	_, err = c.List(t.Context(), catalog.ListOptions{Sort: "colour"})
	require.Error(t, err)
}

func TestPackage(t *testing.T) {
	packages := zoo()
	c := open(t, publish(t, testrepo.Options{Checksum: "sha1", Compression: "xz"}, packages...))
	list, err := c.Named(t.Context(), "bear")
	require.NoError(t, err)
	assert.Equal(t, []string{"bear-2:4.1-1.noarch", "bear-4.0-1.noarch"}, names(list))
	none, err := c.Named(t.Context(), "Bear")
	require.NoError(t, err)
	assert.Empty(t, none)

	for nevra, want := range map[string]string{
		"bear-2:4.1-1.noarch": "bear-2:4.1-1.noarch", "bear-4.1-1.noarch": "bear-2:4.1-1.noarch", "2:bear-4.1-1.noarch": "bear-2:4.1-1.noarch",
		"bear-0:4.0-1.noarch": "bear-4.0-1.noarch", "bear-1:4.1-1.noarch": "", "bear-4.1-1": "", "bear": "", "": "", "-.": "", "-1-1.x": "", "a-1:1-1.x": "",
	} {
		p, err := c.Find(t.Context(), nevra)
		if want == "" {
			require.ErrorIs(t, err, catalog.ErrNotFound, nevra)
			continue
		}
		require.NoError(t, err, nevra)
		assert.Equal(t, want, p.String())
	}

	p, err := c.FindLocation(t.Context(), packages[1].Href())
	require.NoError(t, err)
	assert.Equal(t, list[0], p)
	_, err = c.FindLocation(t.Context(), "elsewhere")
	require.ErrorIs(t, err, catalog.ErrNotFound)

	d, err := c.Details(t.Context(), p.ID)
	require.NoError(t, err)
	assert.Equal(t, catalog.Details{
		Package: catalog.Package{
			ID: p.ID, NEVRA: p.NEVRA, Summary: "An animal", SourceRPM: "bear-4.1-1.src.rpm", License: "MIT", Size: 100, Installed: 12345,
			Built: time.Unix(1700000001, 0).UTC(), FileTime: time.Unix(1700000002, 0).UTC(), Location: packages[1].Href(), Checksum: p.Checksum,
		},
		Description: "Large & brown.", URL: "http://zoo.example/bear", Vendor: "Zoo", Packager: "Keeper", Group: "Animals", BuildHost: "den",
		Provides:    []catalog.Dependency{{Name: "bear", Flags: "EQ", EVR: "2:4.1-1"}},
		Requires:    []catalog.Dependency{{Name: "honey", Flags: "GE", EVR: "1:2-3"}, {Name: "/bin/sh", Pre: true}},
		Supplements: []catalog.Dependency{{Name: "(forest and lake)"}},
	}, d)
	assert.Equal(t, "sha1", p.Checksum.Type)
	_, err = c.Details(t.Context(), 7)
	require.ErrorIs(t, err, catalog.ErrNotFound)
	_, err = c.Details(t.Context(), -1)
	require.ErrorIs(t, err, catalog.ErrNotFound)

	files, err := c.Files(t.Context(), p.ID)
	require.NoError(t, err)
	assert.Equal(t, []catalog.File{
		{Path: "/usr/bin/bear"}, {Path: "/usr/share/bear", Type: "dir"}, {Path: "/usr/share/bear/a b<c>&d"}, {Path: "/var/log/bear", Type: "ghost"},
	}, files)
	files, err = c.Files(t.Context(), list[1].ID)
	require.NoError(t, err)
	assert.Empty(t, files)

	changes, err := c.Changelog(t.Context(), p.ID)
	require.NoError(t, err)
	assert.Equal(t, []catalog.Change{
		{Author: "B <b@zoo.example> - 4.1-1", Time: time.Unix(1700000000, 0).UTC(), Text: "- newer"},
		{Author: "A <a@zoo.example> - 4.0-1", Time: time.Unix(1600000000, 0).UTC(), Text: "- older\n- two"},
	}, changes)
}
