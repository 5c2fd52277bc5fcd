package httpserve

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// An entry is one line of a listing. Type is "directory" or "file"; Size, in
// bytes, is a file's.
type entry struct {
	Name    string    `json:"name"`
	Type    string    `json:"type"`
	Size    *int64    `json:"size,omitempty"`
	ModTime time.Time `json:"mtime"`
}

func (e entry) isDir() bool { return e.Type == "directory" }

func (e entry) size() int64 {
	if e.Size == nil {
		return 0
	}
	return *e.Size
}

func newEntry(name string, fi fs.FileInfo) entry {
	e := entry{Name: name, Type: "directory", ModTime: fi.ModTime().UTC().Truncate(time.Second)}
	if !fi.IsDir() {
		size := fi.Size()
		e.Type, e.Size = "file", &size
	}
	return e
}

// entries reads an open directory: all that a request could be served, and
// nothing else.
func (t *tree) entries(dir *os.File, segments []string) ([]entry, error) {
	found, err := dir.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	entries := make([]entry, 0, len(found))
	for _, d := range found {
		name := d.Name()
		if (name[0] == '.' && !servedDotfiles[name]) || strings.Contains(name, `\`) ||
			(len(segments) == 0 && name == ownPrefix) {
			continue
		}
		fi, err := d.Info()
		if err == nil && fi.Mode()&fs.ModeSymlink != 0 {
			fi, err = t.follow(segments, name)
		}
		if err != nil || (!fi.IsDir() && !fi.Mode().IsRegular()) || (fi.IsDir() && name[0] == '.') {
			continue // gone since, or not served
		}
		entries = append(entries, newEntry(name, fi))
	}
	return entries, nil
}

// follow describes what a link in a listing leads to.
func (t *tree) follow(segments []string, name string) (fs.FileInfo, error) {
	root, name, err := t.locate(append(slices.Clip(segments), name))
	if err != nil {
		return nil, err
	}
	return root.Stat(name)
}

// An order is how a listing is sorted: Apache's C=N|M|S and O=A|D.
type order struct {
	column     byte // 'N', 'M' or 'S'
	descending bool
}

func parseOrder(query string) order {
	o := order{column: 'N'}
	for pair := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
		switch pair {
		case "C=N", "C=M", "C=S":
			o.column = pair[2]
		case "O=D":
			o.descending = true
		}
	}
	return o
}

// sort puts directories first and, among equals, names in byte order, as
// nginx and ls in the C locale do.
func (o order) sort(entries []entry) {
	slices.SortFunc(entries, func(a, b entry) int {
		if a.isDir() != b.isDir() {
			if a.isDir() {
				return -1
			}
			return 1
		}
		c := 0
		switch o.column {
		case 'M':
			c = a.ModTime.Compare(b.ModTime)
		case 'S':
			c = cmp.Compare(a.size(), b.size())
		}
		if c == 0 {
			c = strings.Compare(a.Name, b.Name)
		}
		if o.descending {
			return -c
		}
		return c
	})
}

// list answers with what is in a directory.
func (s *Server) list(w http.ResponseWriter, r *http.Request, dir *os.File, segments []string) {
	asJSON := wantsJSON(r.Header)
	h := w.Header()
	h.Set("Vary", "Accept")
	h.Set("Cache-Control", cacheRevalidate)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", "text/html; charset=utf-8")
	if asJSON {
		h.Set("Content-Type", "application/json")
	} else {
		h.Set("Content-Security-Policy", listingPolicy)
	}
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return
	}
	entries, err := s.entries(r, dir, segments)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	o := parseOrder(r.URL.RawQuery)
	o.sort(entries)
	out := bufio.NewWriterSize(w, smallFile)
	if asJSON {
		writeJSON(out, entries)
	} else {
		listing{segments, entries, o, s.options.Pages != nil, s.hasPage(segments)}.writeHTML(out)
	}
	s.finish(r, out.Flush())
}

// entries are those that the client may see.
func (s *Server) entries(r *http.Request, dir *os.File, segments []string) ([]entry, error) {
	entries, err := s.tree.entries(dir, segments)
	if len(segments) == 0 {
		entries = slices.DeleteFunc(entries, func(e entry) bool { return !s.listed(r, e.Name) })
	}
	return entries, err
}

// listed reports whether an entry of ROOT is one for the client to see.
func (s *Server) listed(r *http.Request, name string) bool {
	c := s.client(r)
	return c == nil || s.Allowed(r, c.access.owner([]string{name}))
}

// wantsJSON: a program says so. Browsers accept */* too, but name HTML.
func wantsJSON(h http.Header) bool {
	accept := strings.Join(h.Values("Accept"), ",")
	return strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html")
}

func writeJSON(out *bufio.Writer, entries []entry) {
	// A bufio.Writer keeps the first error for Flush.
	_, _ = out.WriteString("[")
	for i, e := range entries {
		if i > 0 {
			_, _ = out.WriteString(",")
		}
		line, err := json.Marshal(e)
		if err != nil { // a year beyond 9999
			e.ModTime = time.Time{}
			line, _ = json.Marshal(e)
		}
		_, _ = out.WriteString("\n")
		_, _ = out.Write(line)
	}
	_, _ = out.WriteString("\n]\n")
}

// href is a link to a name in the same directory.
func href(e entry) string {
	h := "./" + url.PathEscape(e.Name)
	if e.isDir() {
		h += "/"
	}
	return h
}

// humanSize gives bytes in the largest unit that leaves a whole digit.
func humanSize(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f, unit := float64(n), -1
	for f >= 1023.95 && unit < 5 {
		f /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", f, "KMGTPE"[unit])
}

// exactSize gives bytes with separators: 1,234,567 bytes.
func exactSize(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s + " bytes"
}
