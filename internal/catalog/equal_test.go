package catalog_test

import (
	"crypto/sha256"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/catalog"
	"gorepo/internal/rpmpkg"
	"gorepo/internal/testrepo/peer"
)

// A record is all that others read of a package.
type record struct {
	Name, Epoch, Version, Release, Arch        string
	Summary, Description, URL, License, Vendor string
	Packager, Group, BuildHost, SourceRPM      string
	Location, Type, Checksum                   string
	Size, Installed, Built, FileTime           int64
	Deps                                       map[string][]dep
	Files                                      [][2]string // type and path
	Changes                                    []change    // oldest first
}

type dep struct {
	Name, Flags, Epoch, Version, Release string
	Pre                                  bool
}

type change struct {
	Author string
	Date   int64
	Text   string
}

// compare compares a catalog with what others read of the same metadata.
func compare(t *testing.T, c *catalog.Catalog, records []record) {
	t.Helper()
	require.Greater(t, len(records), 15)
	page, err := c.List(t.Context(), catalog.ListOptions{Limit: 1000})
	require.NoError(t, err)
	require.Len(t, page.Packages, len(records))
	for _, r := range records {
		p, err := c.FindLocation(t.Context(), r.Location)
		require.NoError(t, err, r.Location)
		d, err := c.Details(t.Context(), p.ID)
		require.NoError(t, err)
		want := catalog.Details{
			Package: catalog.Package{
				ID: p.ID, NEVRA: rpmpkg.NEVRA{Name: r.Name, EVR: rpmpkg.EVR{Epoch: r.Epoch, Version: r.Version, Release: r.Release}, Arch: r.Arch},
				Summary: r.Summary, SourceRPM: r.SourceRPM, License: r.License, Size: r.Size, Installed: r.Installed,
				Built: time.Unix(r.Built, 0).UTC(), FileTime: time.Unix(r.FileTime, 0).UTC(), Location: r.Location,
				Checksum: rpmpkg.Checksum{Type: r.Type, Hex: r.Checksum},
			},
			Description: r.Description, URL: r.URL, Vendor: r.Vendor, Packager: r.Packager, Group: r.Group, BuildHost: r.BuildHost,
			Provides: dependencies(r.Deps["provides"]), Requires: dependencies(r.Deps["requires"]), Conflicts: dependencies(r.Deps["conflicts"]),
			Obsoletes: dependencies(r.Deps["obsoletes"]), Suggests: dependencies(r.Deps["suggests"]), Recommends: dependencies(r.Deps["recommends"]),
			Supplements: dependencies(r.Deps["supplements"]), Enhances: dependencies(r.Deps["enhances"]),
		}
		assert.Equal(t, want, d)

		files, err := c.Files(t.Context(), p.ID)
		require.NoError(t, err)
		var got [][2]string
		for _, f := range files {
			got = append(got, [2]string{f.Type, f.Path})
		}
		assert.Equal(t, r.Files, got, r.Location)
		for _, f := range r.Files {
			hits, err := c.Search(t.Context(), f[1], 0, 1000)
			require.NoError(t, err)
			found := f[1][0] != '/' // of a source package
			for _, h := range hits.Hits {
				found = found || h.Name == r.Name && h.Match == f[1]
			}
			assert.True(t, found, "%s is found by %q", r.Name, f[1])
		}

		list, err := c.Changelog(t.Context(), p.ID)
		require.NoError(t, err)
		var changes []change
		for i := len(list) - 1; i >= 0; i-- {
			changes = append(changes, change{list[i].Author, list[i].Time.Unix(), list[i].Text})
		}
		assert.Equal(t, r.Changes, changes, r.Location)
	}
}

func dependencies(list []dep) (deps []catalog.Dependency) {
	for _, d := range list {
		c := catalog.Dependency{Name: d.Name, Flags: d.Flags, Pre: d.Pre}
		if d.Flags != "" {
			c.EVR = d.Version
			if d.Release != "" {
				c.EVR += "-" + d.Release
			}
			if d.Epoch != "" && d.Epoch != "0" {
				c.EVR = d.Epoch + ":" + c.EVR
			}
		}
		deps = append(deps, c)
	}
	return deps
}

// What encoding/xml reads of metadata.
type (
	xmlVersion struct {
		Epoch   string `xml:"epoch,attr"`
		Version string `xml:"ver,attr"`
		Release string `xml:"rel,attr"`
	}
	xmlDep struct {
		xmlVersion
		Name  string `xml:"name,attr"`
		Flags string `xml:"flags,attr"`
		Pre   string `xml:"pre,attr"`
	}
	xmlList struct {
		Entries []xmlDep `xml:"entry"`
	}
	xmlPackage struct {
		PkgID    string     `xml:"pkgid,attr"`
		Name     string     `xml:"name"`
		Arch     string     `xml:"arch"`
		Version  xmlVersion `xml:"version"`
		Checksum struct {
			Type string `xml:"type,attr"`
			Hex  string `xml:",chardata"`
		} `xml:"checksum"`
		Summary     string `xml:"summary"`
		Description string `xml:"description"`
		Packager    string `xml:"packager"`
		URL         string `xml:"url"`
		Time        struct {
			File  int64 `xml:"file,attr"`
			Build int64 `xml:"build,attr"`
		} `xml:"time"`
		Size struct {
			Package   int64 `xml:"package,attr"`
			Installed int64 `xml:"installed,attr"`
		} `xml:"size"`
		Location struct {
			Href string `xml:"href,attr"`
		} `xml:"location"`
		Format struct {
			License     string  `xml:"license"`
			Vendor      string  `xml:"vendor"`
			Group       string  `xml:"group"`
			BuildHost   string  `xml:"buildhost"`
			SourceRPM   string  `xml:"sourcerpm"`
			Provides    xmlList `xml:"provides"`
			Requires    xmlList `xml:"requires"`
			Conflicts   xmlList `xml:"conflicts"`
			Obsoletes   xmlList `xml:"obsoletes"`
			Suggests    xmlList `xml:"suggests"`
			Recommends  xmlList `xml:"recommends"`
			Supplements xmlList `xml:"supplements"`
			Enhances    xmlList `xml:"enhances"`
		} `xml:"format"`
		Files []struct {
			Type string `xml:"type,attr"`
			Path string `xml:",chardata"`
		} `xml:"file"`
		Changes []struct {
			Author string `xml:"author,attr"`
			Date   int64  `xml:"date,attr"`
			Text   string `xml:",chardata"`
		} `xml:"changelog"`
	}
)

// TestGolden compares with what createrepo_c has written of real packages, as
// encoding/xml reads it.
func TestGolden(t *testing.T) {
	dir := t.TempDir()
	repomd := `<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision>`
	byID := map[string]*record{}
	var order []string
	for _, kind := range []string{"primary", "filelists", "other"} {
		data, err := os.ReadFile("../../testdata/golden/" + kind + ".xml")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, kind+".xml"), data, 0o644))
		repomd += fmt.Sprintf(`<data type="%s"><checksum type="sha256">%x</checksum><location href="repodata/%s.xml"/></data>`, kind, sha256.Sum256(data), kind)
		var doc struct {
			Packages []xmlPackage `xml:"package"`
		}
		require.NoError(t, xml.Unmarshal(data, &doc))
		for _, p := range doc.Packages {
			switch r := byID[p.PkgID]; kind {
			case "primary":
				byID[p.Checksum.Hex] = recordOf(p)
				order = append(order, p.Checksum.Hex)
			case "filelists":
				for _, f := range p.Files {
					r.Files = append(r.Files, [2]string{f.Type, f.Path})
				}
			default:
				for _, c := range p.Changes {
					r.Changes = append(r.Changes, change{c.Author, c.Date, c.Text})
				}
			}
		}
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "repomd.xml"), []byte(repomd+"</repomd>"), 0o644))
	var records []record
	for _, id := range order {
		records = append(records, *byID[id])
	}
	compare(t, open(t, dir), records)
}

func recordOf(p xmlPackage) *record {
	r := &record{
		Name: p.Name, Epoch: p.Version.Epoch, Version: p.Version.Version, Release: p.Version.Release, Arch: p.Arch,
		Summary: p.Summary, Description: p.Description, URL: p.URL, License: p.Format.License, Vendor: p.Format.Vendor, Packager: p.Packager,
		Group: p.Format.Group, BuildHost: p.Format.BuildHost, SourceRPM: p.Format.SourceRPM, Location: p.Location.Href,
		Type: p.Checksum.Type, Checksum: p.Checksum.Hex, Size: p.Size.Package, Installed: p.Size.Installed, Built: p.Time.Build, FileTime: p.Time.File,
		Deps: map[string][]dep{},
	}
	f := p.Format
	for name, list := range map[string]xmlList{
		"provides": f.Provides, "requires": f.Requires, "conflicts": f.Conflicts, "obsoletes": f.Obsoletes,
		"suggests": f.Suggests, "recommends": f.Recommends, "supplements": f.Supplements, "enhances": f.Enhances,
	} {
		for _, e := range list.Entries {
			r.Deps[name] = append(r.Deps[name], dep{e.Name, e.Flags, e.Epoch, e.Version, e.Release, e.Pre == "1"})
		}
	}
	return r
}

// readWithCreaterepoC prints what the module of createrepo_c reads of a
// repository.
const readWithCreaterepoC = `
import json, sys
import createrepo_c as cr
md = cr.Metadata()
md.locate_and_load_xml(sys.argv[1])
out = []
for key in md.keys():
    p = md.get(key)
    deps = {n: [dict(Name=d[0], Flags=d[1] or "", Epoch=d[2] or "", Version=d[3] or "", Release=d[4] or "", Pre=bool(d[5])) for d in getattr(p, n)]
            for n in ("provides", "requires", "conflicts", "obsoletes", "suggests", "recommends", "supplements", "enhances")}
    out.append(dict(
        Name=p.name, Epoch=p.epoch, Version=p.version, Release=p.release, Arch=p.arch, Summary=p.summary or "", Description=p.description or "",
        URL=p.url or "", License=p.rpm_license or "", Vendor=p.rpm_vendor or "", Packager=p.rpm_packager or "", Group=p.rpm_group or "",
        BuildHost=p.rpm_buildhost or "", SourceRPM=p.rpm_sourcerpm or "", Location=p.location_href, Type=p.checksum_type, Checksum=p.pkgId,
        Size=p.size_package, Installed=p.size_installed, Built=p.time_build, FileTime=p.time_file, Deps=deps,
        Files=[["" if f[0] in (None, "file") else f[0], f[1] + f[2]] for f in p.files] or None,
        Changes=[dict(Author=c[0], Date=c[1], Text=c[2]) for c in p.changelogs] or None))
json.dump(out, sys.stdout)
`

// TestPeerCreaterepoC compares with what createrepo_c reads of its own metadata, in
// each compression.
func TestPeerCreaterepoC(t *testing.T) {
	createrepo := peer.Need(t, "createrepo_c")
	python := "/usr/bin/python3"
	if exec.Command(python, "-c", "import createrepo_c").Run() != nil {
		peer.Missing(t, "python3 with createrepo_c", "apt-get install python3-createrepo-c")
	}
	dir := t.TempDir()
	list, err := filepath.Glob("../../testdata/rpms/*.rpm")
	require.NoError(t, err)
	for _, from := range list {
		data, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(from)), data, 0o644))
	}
	for _, flags := range [][]string{{"--general-compress-type=gz"}, {"--general-compress-type=xz", "--checksum=sha512"}, {"--general-compress-type=bz2", "--simple-md-filenames"}} {
		require.NoError(t, exec.Command(createrepo, append(flags, "-q", dir)...).Run())
		script := exec.Command(python, "-c", readWithCreaterepoC, dir)
		script.Stderr = os.Stderr
		out, err := script.Output()
		require.NoError(t, err)
		var records []record
		require.NoError(t, json.Unmarshal(out, &records))
		compare(t, open(t, filepath.Join(dir, "repodata")), records)
	}
}
