package testrepo

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"  //nolint:gosec // old repositories have it
	"crypto/sha1" //nolint:gosec // old repositories have it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

type repomdXML struct {
	XMLName  xml.Name  `xml:"repomd"`
	NS       string    `xml:"xmlns,attr"`
	RPM      string    `xml:"xmlns:rpm,attr"`
	Revision int64     `xml:"revision"`
	Data     []dataXML `xml:"data"`
}

type dataXML struct {
	Type            string       `xml:"type,attr"`
	Checksum        checksumXML  `xml:"checksum"`
	OpenChecksum    *checksumXML `xml:"open-checksum"`
	HeaderChecksum  *checksumXML `xml:"header-checksum"`
	Location        locationXML  `xml:"location"`
	Timestamp       int64        `xml:"timestamp"`
	Size            int          `xml:"size"`
	OpenSize        int          `xml:"open-size,omitempty"`
	HeaderSize      int          `xml:"header-size,omitempty"`
	DatabaseVersion int          `xml:"database_version,omitempty"`
}

// recordFile is how a record's file is called, without its compression.
var recordFile = map[string]string{
	"primary": "primary.xml", "filelists": "filelists.xml", "other": "other.xml",
	"group": "comps.xml", "group_gz": "comps.xml", "modules": "modules.yaml", "updateinfo": "updateinfo.xml",
	"primary_db": "primary.sqlite", "filelists_db": "filelists.sqlite", "other_db": "other.sqlite",
	"primary_zck": "primary.xml", "filelists_zck": "filelists.xml", "other_zck": "other.xml",
}

// compressionOf says how a record's file is compressed.
func compressionOf(o Options, recordType string) string {
	switch {
	case recordType == "group" && (o.CompsAs == "plain" || o.CompsAs == "both"):
		return "plain"
	case recordType == "group_gz":
		return "gz"
	case recordType == "primary_zck" || recordType == "filelists_zck" || recordType == "other_zck":
		return "zck"
	}
	return o.Compression
}

// recordPath gives the path of a record whose file, as served, is data.
func recordPath(o Options, recordType string, data []byte) string {
	name := recordFile[recordType]
	if name == "" {
		name = recordType + ".xml"
	}
	if c := compressionOf(o, recordType); c != "plain" {
		name += "." + c
	}
	if !o.SimpleNames {
		name = digest(o.Checksum, data) + "-" + name
	}
	return "repodata/" + name
}

// renderMetadata fills u.metadata. The caller holds u.mu.
func (u *Upstream) renderMetadata() {
	doc := repomdXML{
		NS:       "http://linux.duke.edu/metadata/repo",
		RPM:      "http://linux.duke.edu/metadata/rpm",
		Revision: u.revision,
	}
	add := func(recordType string, content []byte) {
		if content != nil {
			doc.Data = append(doc.Data, u.record(recordType, content))
		}
	}
	contents := map[string][]byte{
		"primary": u.renderPrimary(), "filelists": u.renderFilelists(), "other": u.renderOther(),
	}
	main := []string{"primary", "filelists", "other"}
	for _, m := range main {
		add(m, contents[m])
	}
	for _, m := range main {
		if u.opts.DB {
			add(m+"_db", Bytes(m+"_db"+itoa(u.revision), 2000))
		}
		if u.opts.Zck {
			add(m+"_zck", Bytes(m+"_zck"+itoa(u.revision), 3000))
		}
	}
	add("group", u.opts.Comps)
	if u.opts.CompsAs == "both" {
		add("group_gz", u.opts.Comps)
	}
	add("modules", u.opts.Modules)
	add("updateinfo", u.opts.Updates)
	var extra []string
	for name := range u.opts.Extra {
		extra = append(extra, name)
	}
	slices.Sort(extra)
	for _, name := range extra {
		add(name, u.opts.Extra[name])
	}
	repomd := marshal(doc)
	u.metadata["repodata/repomd.xml"] = newFile(repomd, u.revision)
	if u.opts.Sign != nil {
		u.metadata["repodata/repomd.xml.asc"] = newFile(u.opts.Sign(repomd), u.revision)
	}
	if u.opts.Key != nil {
		u.metadata["repodata/repomd.xml.key"] = newFile(u.opts.Key, u.revision)
	}
}

// record stores the file of one record and describes it.
func (u *Upstream) record(recordType string, content []byte) dataXML {
	compression := compressionOf(u.opts, recordType)
	data := compress(compression, content)
	path := recordPath(u.opts, recordType, data)
	if at := u.opts.RecordAt[recordType]; at != "" {
		path = at
	}
	u.metadata[key(path)] = newFile(data, u.revision)
	x := dataXML{
		Type:     recordType,
		Checksum: checksumXML{Type: u.opts.Checksum, Hex: digest(u.opts.Checksum, data)},
		Location: locationXML{Base: u.opts.RecordBase[recordType], Href: path}, Timestamp: u.revision, Size: len(data),
	}
	switch {
	case compression == "zck":
		x.HeaderChecksum = &checksumXML{Type: "sha256", Hex: digest("sha256", data[:100])}
		x.HeaderSize = 100
		fallthrough
	case compression != "plain":
		x.OpenChecksum = &checksumXML{Type: u.opts.Checksum, Hex: digest(u.opts.Checksum, content)}
		x.OpenSize = len(content)
	}
	if recordType == "primary_db" || recordType == "filelists_db" || recordType == "other_db" {
		x.DatabaseVersion = 10
	}
	return x
}

func digest(kind string, data []byte) string {
	var h hash.Hash
	switch kind {
	case "md5":
		h = md5.New() //nolint:gosec // see above
	case "sha", "sha1":
		h = sha1.New() //nolint:gosec // see above
	case "sha224":
		h = sha256.New224()
	case "sha256":
		h = sha256.New()
	case "sha384":
		h = sha512.New384()
	case "sha512":
		h = sha512.New()
	default:
		panic("testrepo: checksum type " + kind)
	}
	_, _ = h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

func compress(kind string, data []byte) []byte {
	var (
		buf bytes.Buffer
		w   io.WriteCloser
		err error
	)
	switch kind {
	case "plain", "zck":
		return data
	case "gz":
		w = gzip.NewWriter(&buf)
	case "xz":
		w, err = xz.NewWriter(&buf)
	case "zst":
		w, err = zstd.NewWriter(&buf)
	default:
		err = fmt.Errorf("compression %q", kind)
	}
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(fmt.Sprintf("testrepo: %v", err))
	}
	return buf.Bytes()
}
