package pages

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed static
var staticFiles embed.FS

// static are the files that pages are dressed with. Their address has the
// checksum of them all, so that a browser may keep them for ever.
type static struct {
	hash  string
	files map[string][]byte
}

func loadStatic() static {
	s := static{files: map[string][]byte{}}
	sum := sha256.New()
	entries, err := staticFiles.ReadDir("static")
	for _, e := range entries {
		var data []byte
		if data, err = fs.ReadFile(staticFiles, "static/"+e.Name()); err != nil {
			break
		}
		s.files[e.Name()] = data
		_, _ = sum.Write(data) // a hash does not fail
	}
	if err != nil {
		panic(err) // they are in the binary
	}
	s.hash = hex.EncodeToString(sum.Sum(nil)[:8])
	return s
}

// path is where a file is, below the mirror's root.
func (s static) path(name string) string { return "-/static/" + s.hash + "/" + name }

var staticTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// serve answers for HASH/NAME. Another hash is that of another version of gorepo,
// whose page is still open somewhere: it gets what there is, but not for long.
func (s static) serve(w http.ResponseWriter, r *http.Request, name string) {
	hash, name, _ := strings.Cut(name, "/")
	h := w.Header()
	setSafe(h)
	data, ok := s.files[name]
	if !ok {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte("404 not found\n"))
		return
	}
	h.Set("Content-Type", staticTypes[path.Ext(name)])
	h.Set("ETag", `"`+s.hash+`"`)
	h.Set("Cache-Control", "no-cache")
	if hash == s.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if matches(r.Header.Values("If-None-Match"), `"`+s.hash+`"`) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(data)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(data) // the client may have gone
	}
}
