package testrepo

import (
	"encoding/xml"
	"strings"
)

// Version is one repomd.xml in a metalink.
type Version struct {
	Repomd    []byte
	Timestamp int64
	Hashes    []string // kinds; none: md5, sha1, sha256 and sha512, as MirrorManager gives
}

// Metalink is a metalink as MirrorManager writes them: for the present
// repomd.xml, with the earlier ones that count too, and mirrors in order of
// preference. A mirror is a repository's URL; ftp and rsync go along.
func Metalink(present Version, earlier []Version, mirrors ...string) []byte {
	file := metalinkFileXML{Name: "repomd.xml", repomdVersionXML: present.xml()}
	if len(earlier) > 0 {
		file.Alternates = &alternatesXML{}
		for _, v := range earlier {
			file.Alternates.List = append(file.Alternates.List, v.xml())
		}
	}
	file.Resources.MaxConnections = 1
	for i, m := range mirrors {
		protocol, _, _ := strings.Cut(m, "://")
		file.Resources.URLs = append(file.Resources.URLs, urlXML{
			Protocol: protocol, Type: protocol, Location: "US", Preference: max(100-i, 0),
			URL: m + "/repodata/repomd.xml",
		})
	}
	return marshal(metalinkXML{
		Version: "3.0", NS: "http://www.metalinker.org/", Type: "dynamic", Generator: "mirrormanager",
		Pubdate: "Tue, 14 Nov 2023 22:13:20 GMT", MM: "http://fedorahosted.org/mirrormanager",
		File: file,
	})
}

// Mirrorlist is a list of mirrors, one a line, as MirrorManager writes them.
func Mirrorlist(mirrors ...string) []byte {
	return []byte("# repo = test arch = x86_64 country = US\n" + strings.Join(mirrors, "/\n") + "/\n")
}

func (v Version) xml() repomdVersionXML {
	kinds := v.Hashes
	if len(kinds) == 0 {
		kinds = []string{"md5", "sha1", "sha256", "sha512"}
	}
	x := repomdVersionXML{Timestamp: v.Timestamp, Size: len(v.Repomd)}
	for _, kind := range kinds {
		x.Hashes = append(x.Hashes, checksumXML{Type: kind, Hex: digest(kind, v.Repomd)})
	}
	return x
}

type metalinkXML struct {
	XMLName   xml.Name        `xml:"metalink"`
	Version   string          `xml:"version,attr"`
	NS        string          `xml:"xmlns,attr"`
	Type      string          `xml:"type,attr"`
	Pubdate   string          `xml:"pubdate,attr"`
	Generator string          `xml:"generator,attr"`
	MM        string          `xml:"xmlns:mm0,attr"`
	File      metalinkFileXML `xml:"files>file"`
}

type metalinkFileXML struct {
	Name string `xml:"name,attr"`
	repomdVersionXML
	Alternates *alternatesXML `xml:"mm0:alternates"`
	Resources  resourcesXML   `xml:"resources"`
}

type repomdVersionXML struct {
	Timestamp int64         `xml:"mm0:timestamp"`
	Size      int           `xml:"size"`
	Hashes    []checksumXML `xml:"verification>hash"`
}

type alternatesXML struct {
	List []repomdVersionXML `xml:"mm0:alternate"`
}

type resourcesXML struct {
	MaxConnections int      `xml:"maxconnections,attr"`
	URLs           []urlXML `xml:"url"`
}

type urlXML struct {
	Protocol   string `xml:"protocol,attr"`
	Type       string `xml:"type,attr"`
	Location   string `xml:"location,attr"`
	Preference int    `xml:"preference,attr"`
	URL        string `xml:",chardata"`
}
