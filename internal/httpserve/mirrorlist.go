package httpserve

import (
	"crypto/md5"  //nolint:gosec // what old clients compare
	"crypto/sha1" //nolint:gosec // likewise
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"gorepo/internal/mirror"
	"gorepo/internal/repodata"
)

const (
	mirrorlistName = "mirrorlist"
	metalinkName   = "metalink"
	// alternateFor is how long after a publication mirrors that still have the
	// generation before it are as good.
	alternateFor = 48 * time.Hour
)

// mirrorList answers /ID/mirrorlist and /ID/metalink of a published repository
// that has no such file. It reports whether it did.
func (s *Server) mirrorList(w http.ResponseWriter, r *http.Request, segments []string, slash bool) bool {
	if len(segments) != 2 || slash || !repoID.MatchString(segments[0]) {
		return false
	}
	id, name := segments[0], segments[1]
	if name != mirrorlistName && name != metalinkName {
		return false
	}
	m, err := s.publishedNow(id)
	if err != nil {
		if !isNotFound(err) {
			s.refuse(w, r, err)
			return true
		}
		return false
	}
	base, ok := s.baseURL(r)
	if !ok {
		s.deny(w, r, refusedHost)
		return true
	}
	urls := mirrorsFrom(base, s.mirrorsOf(id))
	for i := range urls {
		urls[i] += "/" + url.PathEscape(id) + "/"
	}
	c := &content{mediaType: textPlain, cache: cacheRevalidate}
	if name == metalinkName {
		c.mediaType = "application/metalink+xml"
		c.setData(m.metalink(urls, time.Now()))
	} else {
		c.setData([]byte(strings.Join(urls, "\n") + "\n"))
	}
	s.finish(r, c.serve(w, r))
	return true
}

// mirrorsOf are the mirrors that are told of a repository; none: only this one.
func (s *Server) mirrorsOf(id string) []string {
	if repo, known := s.repo(id); known {
		return repo.Mirrors
	}
	if s.options.Mirrors == nil {
		return nil
	}
	return s.options.Mirrors()
}

// mirrorsFrom orders mirrors for a client that has found the one at base: that
// one first, if it is among them, and the others as they are.
func mirrorsFrom(base string, mirrors []string) []string {
	if len(mirrors) == 0 {
		return []string{base}
	}
	urls := slices.Clone(mirrors)
	if i := slices.Index(urls, base); i > 0 {
		urls = slices.Insert(slices.Delete(urls, i, i+1), 0, base)
	}
	return urls
}

// A repomdFile is a repomd.xml as a metalink describes it.
type repomdFile struct {
	timestamp, size int64
	hashes          []fileHash // what is not known is left out
}

type fileHash struct{ kind, hex string }

// A generation is what is published, and what was until then.
type generation struct {
	repomdFile
	modified time.Time   // repomd.xml's own time
	before   *repomdFile // nil: not known
	replaced time.Time   // when that was
}

// mirrorlists remembers the generations that were described last.
type mirrorlists struct {
	mu    sync.Mutex
	known map[string]*generation // by repository
}

// publishedNow describes the published generation of a repository.
func (s *Server) publishedNow(id string) (*generation, error) {
	f, fi, err := s.tree.open([]string{id, "repodata", "repomd.xml"})
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, repodata.MaxRepomd+1))
	_ = f.Close() // only read from
	if err != nil {
		return nil, err
	}
	if len(data) > repodata.MaxRepomd {
		return nil, fmt.Errorf("%w: repomd.xml is too large", errNotServed)
	}
	g := &generation{modified: fi.ModTime(), repomdFile: repomdFile{timestamp: fi.ModTime().Unix(), size: int64(len(data))}}
	sum := sha256.Sum256(data)
	sha := hex.EncodeToString(sum[:])
	s.mirrorlists.mu.Lock()
	was := s.mirrorlists.known[id]
	s.mirrorlists.mu.Unlock()
	if was != nil && was.sha256() == sha && was.modified.Equal(g.modified) {
		return was, nil
	}
	g.describe(data, sha)
	g.before, g.replaced = s.generationBefore(id, data, sha)
	s.mirrorlists.mu.Lock()
	defer s.mirrorlists.mu.Unlock()
	if s.mirrorlists.known == nil {
		s.mirrorlists.known = map[string]*generation{}
	}
	s.mirrorlists.known[id] = g
	return g, nil
}

func (f *repomdFile) describe(data []byte, sha string) {
	if m, err := repodata.ParseRepomd(data); err == nil && m.Timestamp() > 0 {
		f.timestamp = m.Timestamp()
	}
	old, older, long := sha1.Sum(data), md5.Sum(data), sha512.Sum512(data) //nolint:gosec // see above
	f.hashes = []fileHash{
		{"md5", hex.EncodeToString(older[:])},
		{"sha1", hex.EncodeToString(old[:])},
		{"sha256", sha},
		{"sha512", hex.EncodeToString(long[:])},
	}
}

func (f *repomdFile) sha256() string {
	for _, h := range f.hashes {
		if h.kind == "sha256" {
			return h.hex
		}
	}
	return ""
}

// generationBefore is what the repository's history says was published before
// this repomd.xml, and until when.
func (s *Server) generationBefore(id string, data []byte, sha string) (before *repomdFile, until time.Time) {
	now, err := repodata.ParseRepomd(data)
	if err != nil {
		return nil, until
	}
	m, err := mirror.Open(s.tree.dir)
	if err != nil {
		return nil, until
	}
	repo, err := m.Repo(id, mirror.RepoOptions{})
	if err != nil {
		return nil, until
	}
	last, ok := repo.LastPublication(now.PrimaryChecksum())
	if !ok || last.Repomd != sha || last.Was == nil || last.Was.SHA256 == sha {
		return nil, until
	}
	return &repomdFile{timestamp: last.Was.Timestamp, size: last.Was.Size, hashes: []fileHash{{"sha256", last.Was.SHA256}}}, last.Time
}

// metalink writes a metalink of version 3 with Fedora's mm0 elements, as
// MirrorManager does, which is what clients read. Nothing in it depends on the
// moment, but for how long alternates are in it.
func (g *generation) metalink(urls []string, now time.Time) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="utf-8"?>
<metalink version="3.0" xmlns="http://www.metalinker.org/" type="dynamic" pubdate="%s" generator="gorepo" xmlns:mm0="http://fedorahosted.org/mirrormanager">
 <files>
  <file name="repomd.xml">
`, g.modified.UTC().Format(http.TimeFormat))
	g.write(&b, "   ")
	if g.before != nil && now.Sub(g.replaced) < alternateFor {
		b.WriteString("   <mm0:alternates>\n    <mm0:alternate>\n")
		g.before.write(&b, "     ")
		b.WriteString("    </mm0:alternate>\n   </mm0:alternates>\n")
	}
	b.WriteString("   <resources maxconnections=\"1\">\n")
	for i, u := range urls {
		scheme, _, _ := strings.Cut(u, ":")
		fmt.Fprintf(&b, "    <url protocol=%q type=%q preference=\"%d\">%s</url>\n",
			scheme, scheme, max(100-i, 1), html.EscapeString(u+"repodata/repomd.xml"))
	}
	b.WriteString("   </resources>\n  </file>\n </files>\n</metalink>\n")
	return []byte(b.String())
}

func (f *repomdFile) write(b *strings.Builder, indent string) {
	fmt.Fprintf(b, "%s<mm0:timestamp>%d</mm0:timestamp>\n%s<size>%d</size>\n%s<verification>\n", indent, f.timestamp, indent, f.size, indent)
	for _, h := range f.hashes {
		fmt.Fprintf(b, "%s <hash type=%q>%s</hash>\n", indent, h.kind, h.hex)
	}
	fmt.Fprintf(b, "%s</verification>\n", indent)
}
