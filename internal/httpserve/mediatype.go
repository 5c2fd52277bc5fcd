package httpserve

import (
	"path"
	"strings"
)

const textPlain = "text/plain; charset=utf-8"

// mediaTypes is what lies in mirrors and installation trees. The list is our
// own because the system's differs from host to host. What is compressed has
// its own type and never a Content-Encoding: clients want the bytes that the
// checksum is of.
var mediaTypes = map[string]string{
	".asc":      textPlain,
	".bz2":      "application/x-bzip2",
	".cfg":      textPlain,
	".conf":     textPlain,
	".css":      "text/css; charset=utf-8",
	".drpm":     "application/x-rpm",
	".gif":      "image/gif",
	".gpg":      "application/pgp-keys",
	".gz":       "application/gzip",
	".htm":      "text/html; charset=utf-8",
	".html":     "text/html; charset=utf-8",
	".img":      "application/octet-stream",
	".iso":      "application/x-iso9660-image",
	".jpg":      "image/jpeg",
	".js":       "text/javascript; charset=utf-8",
	".json":     "application/json",
	".key":      "application/pgp-keys",
	".log":      textPlain,
	".md":       textPlain,
	".metalink": "application/metalink+xml",
	".pdf":      "application/pdf",
	".png":      "image/png",
	".repo":     textPlain,
	".rpm":      "application/x-rpm",
	".sha256":   textPlain,
	".sig":      "application/pgp-signature",
	".sqlite":   "application/vnd.sqlite3",
	".svg":      "image/svg+xml",
	".tar":      "application/x-tar",
	".tgz":      "application/gzip",
	".txt":      textPlain,
	".xhtml":    "application/xhtml+xml",
	".xml":      "application/xml",
	".xz":       "application/x-xz",
	".yaml":     "application/yaml",
	".yml":      "application/yaml",
	".zck":      "application/zchunk",
	".zst":      "application/zstd",
}

// mediaType tells a file's type by its name.
func mediaType(name string) string {
	switch {
	case strings.HasPrefix(name, "RPM-GPG-KEY"):
		return "application/pgp-keys"
	case name == "repomd.xml.asc":
		return "application/pgp-signature"
	case name == ".treeinfo", name == ".discinfo", name == "treeinfo", name == "media.repo",
		strings.HasPrefix(name, "README"), strings.HasSuffix(name, "SUMS"), strings.HasSuffix(name, "CHECKSUM"):
		return textPlain
	}
	if t := mediaTypes[strings.ToLower(path.Ext(name))]; t != "" {
		return t
	}
	return "application/octet-stream"
}

// mayHoldScripts reports whether a browser would run what stands in a file. A
// mirror's files come from others, and gorepo's own pages share their origin.
func mayHoldScripts(mediaType string) bool {
	switch mediaType {
	case "text/html; charset=utf-8", "image/svg+xml", "application/xhtml+xml", "application/xml":
		return true
	}
	return false
}
