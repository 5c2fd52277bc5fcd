package testrepo

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
)

// The metadata as encoding/xml writes them: slow, and hard to get wrong.

type primaryXML struct {
	XMLName  xml.Name     `xml:"metadata"`
	NS       string       `xml:"xmlns,attr"`
	RPM      string       `xml:"xmlns:rpm,attr"`
	Count    int          `xml:"packages,attr"`
	Packages []packageXML `xml:"package"`
}

type versionXML struct {
	Epoch   string `xml:"epoch,attr"`
	Version string `xml:"ver,attr"`
	Release string `xml:"rel,attr"`
}

type packageXML struct {
	Type        string      `xml:"type,attr"`
	Name        string      `xml:"name"`
	Arch        string      `xml:"arch"`
	Version     versionXML  `xml:"version"`
	Checksum    checksumXML `xml:"checksum"`
	Summary     string      `xml:"summary"`
	Description string      `xml:"description"`
	Packager    string      `xml:"packager"`
	URL         string      `xml:"url"`
	Time        timeXML     `xml:"time"`
	Size        sizeXML     `xml:"size"`
	Location    locationXML `xml:"location"`
	Format      formatXML   `xml:"format"`
}

type checksumXML struct {
	Type  string `xml:"type,attr"`
	PkgID string `xml:"pkgid,attr,omitempty"`
	Hex   string `xml:",chardata"`
}

type timeXML struct {
	File  int64 `xml:"file,attr"`
	Build int64 `xml:"build,attr"`
}

type sizeXML struct {
	Package   int64 `xml:"package,attr"`
	Installed int64 `xml:"installed,attr"`
	Archive   int64 `xml:"archive,attr"`
}

type locationXML struct {
	Base string `xml:"xml:base,attr,omitempty"`
	Href string `xml:"href,attr"`
}

type formatXML struct {
	License     string         `xml:"rpm:license"`
	Vendor      string         `xml:"rpm:vendor"`
	Group       string         `xml:"rpm:group"`
	BuildHost   string         `xml:"rpm:buildhost"`
	SourceRPM   string         `xml:"rpm:sourcerpm"`
	HeaderRange headerRangeXML `xml:"rpm:header-range"`
	Provides    *entriesXML    `xml:"rpm:provides"`
	Requires    *entriesXML    `xml:"rpm:requires"`
	Conflicts   *entriesXML    `xml:"rpm:conflicts"`
	Obsoletes   *entriesXML    `xml:"rpm:obsoletes"`
	Suggests    *entriesXML    `xml:"rpm:suggests"`
	Enhances    *entriesXML    `xml:"rpm:enhances"`
	Recommends  *entriesXML    `xml:"rpm:recommends"`
	Supplements *entriesXML    `xml:"rpm:supplements"`
	Files       []fileXML      `xml:"file"`
}

type headerRangeXML struct {
	Start int64 `xml:"start,attr"`
	End   int64 `xml:"end,attr"`
}

type entriesXML struct {
	Entries []entryXML `xml:"rpm:entry"`
}

type entryXML struct {
	Name    string `xml:"name,attr"`
	Flags   string `xml:"flags,attr,omitempty"`
	Epoch   string `xml:"epoch,attr,omitempty"`
	Version string `xml:"ver,attr,omitempty"`
	Release string `xml:"rel,attr,omitempty"`
	Pre     string `xml:"pre,attr,omitempty"`
}

type fileXML struct {
	Type string `xml:"type,attr,omitempty"`
	Path string `xml:",chardata"`
}

type listXML struct { // filelists and other
	XMLName  xml.Name
	NS       string        `xml:"xmlns,attr"`
	Count    int           `xml:"packages,attr"`
	Packages []listItemXML `xml:"package"`
}

type listItemXML struct {
	PkgID      string         `xml:"pkgid,attr"`
	Name       string         `xml:"name,attr"`
	Arch       string         `xml:"arch,attr"`
	Version    versionXML     `xml:"version"`
	Files      []fileXML      `xml:"file"`
	Changelogs []changelogXML `xml:"changelog"`
}

type changelogXML struct {
	Author string `xml:"author,attr"`
	Date   int64  `xml:"date,attr"`
	Text   string `xml:",chardata"`
}

func (u *Upstream) renderPrimary() []byte {
	doc := primaryXML{
		NS:    "http://linux.duke.edu/metadata/common",
		RPM:   "http://linux.duke.edu/metadata/rpm",
		Count: len(u.packages),
	}
	for _, p := range u.packages {
		doc.Packages = append(doc.Packages, u.primaryOf(p))
	}
	return marshal(doc)
}

func (u *Upstream) primaryOf(p *Package) packageXML {
	x := packageXML{
		Type: "rpm", Name: p.Name, Arch: p.Arch, Version: version(p),
		Checksum: checksumXML{Type: u.opts.Checksum, PkgID: "YES", Hex: u.pkgid(p)},
		Summary:  p.Summary, Description: p.Description, Packager: p.Packager, URL: p.URL,
		Time:     timeXML{File: p.FileTime, Build: p.BuildTime},
		Size:     sizeXML{Package: p.Size, Installed: p.InstalledSize, Archive: p.ArchiveSize},
		Location: locationXML{Base: p.XMLBase, Href: p.Href()},
		Format: formatXML{
			License: p.License, Vendor: p.Vendor, Group: p.Group, BuildHost: p.BuildHost,
			SourceRPM: p.SourceRPM, HeaderRange: headerRangeXML{p.HeaderStart, p.HeaderEnd},
			Provides: entries(p.Provides), Requires: entries(p.Requires),
			Conflicts: entries(p.Conflicts), Obsoletes: entries(p.Obsoletes),
			Suggests: entries(p.Suggests), Enhances: entries(p.Enhances),
			Recommends: entries(p.Recommends), Supplements: entries(p.Supplements),
		},
	}
	if x.Size.Package == 0 {
		x.Size.Package = int64(len(p.Data))
	}
	if p.Provides == nil {
		x.Format.Provides = entries([]Dep{{
			Name: p.Name, Flags: "EQ", Epoch: p.Epoch, Version: p.Version, Release: p.Release,
		}})
	}
	for _, f := range p.Files {
		if inPrimary(f.Path) {
			x.Format.Files = append(x.Format.Files, fileXML{Type: f.Type, Path: f.Path})
		}
	}
	return x
}

func inPrimary(path string) bool {
	return strings.HasPrefix(path, "/etc/") || strings.Contains(path, "bin/") || path == "/usr/lib/sendmail"
}

func (u *Upstream) renderFilelists() []byte {
	doc := listXML{XMLName: xml.Name{Local: "filelists"}, NS: "http://linux.duke.edu/metadata/filelists"}
	for _, p := range u.packages {
		if p.LeaveOutOfFilelists {
			continue
		}
		item := u.item(p)
		for _, f := range p.Files {
			item.Files = append(item.Files, fileXML{Type: f.Type, Path: f.Path})
		}
		doc.Packages = append(doc.Packages, item)
	}
	doc.Count = len(doc.Packages)
	return marshal(doc)
}

func (u *Upstream) renderOther() []byte {
	doc := listXML{XMLName: xml.Name{Local: "otherdata"}, NS: "http://linux.duke.edu/metadata/other"}
	for _, p := range u.packages {
		item := u.item(p)
		for i := min(len(p.Changelogs), 10) - 1; i >= 0; i-- { // the newest ten, oldest first
			item.Changelogs = append(item.Changelogs, changelogXML(p.Changelogs[i]))
		}
		doc.Packages = append(doc.Packages, item)
	}
	doc.Count = len(doc.Packages)
	return marshal(doc)
}

func (u *Upstream) item(p *Package) listItemXML {
	return listItemXML{PkgID: u.pkgid(p), Name: p.Name, Arch: p.Arch, Version: version(p)}
}

func (u *Upstream) pkgid(p *Package) string {
	if p.Checksum != "" {
		return p.Checksum
	}
	return digest(u.opts.Checksum, p.Data)
}

func version(p *Package) versionXML {
	v := versionXML{p.Epoch, p.Version, p.Release}
	if v.Epoch == "" {
		v.Epoch = "0"
	}
	return v
}

func entries(deps []Dep) *entriesXML {
	if len(deps) == 0 {
		return nil
	}
	x := &entriesXML{}
	for _, d := range deps {
		e := entryXML{Name: d.Name, Flags: d.Flags, Epoch: d.Epoch, Version: d.Version, Release: d.Release}
		if e.Flags != "" && e.Epoch == "" {
			e.Epoch = "0"
		}
		if d.Pre {
			e.Pre = "1"
		}
		x.Entries = append(x.Entries, e)
	}
	return x
}

// splitEVR takes [epoch:]version[-release] apart.
func splitEVR(s string) (epoch, version, release string) {
	if e, rest, ok := strings.Cut(s, ":"); ok {
		epoch, s = e, rest
	}
	version, release, _ = strings.Cut(s, "-")
	return epoch, version, release
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func marshal(doc any) []byte {
	body, err := xml.MarshalIndent(doc, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("testrepo: %v", err)) // only our own structs come here
	}
	return append([]byte(xml.Header), append(body, '\n')...)
}
