package testrepo

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Options shapes the metadata and the server. The zero value is a gz
// repository over plain HTTP.
type Options struct {
	Compression string // gz (default), xz, zst, plain
	Checksum    string // of packages and metadata; default sha256
	SimpleNames bool   // primary.xml.gz without the checksum in front
	Revision    int64  // of the first Render; default 1700000000. Each Render adds 1
	KeepOld     bool   // Render leaves the metadata of earlier revisions in place

	Comps   []byte // comps.xml
	CompsAs string // "": one compressed record `group`; plain: uncompressed; both: `group` and `group_gz`
	Modules []byte // modules.yaml
	Updates []byte // updateinfo.xml
	// Extra records: type to content, compressed like the rest.
	Extra map[string][]byte
	// RecordAt puts a record's file elsewhere than repodata/..., by its type;
	// RecordBase writes an xml:base to its location.
	RecordAt, RecordBase map[string]string
	// DB and Zck add records primary_db … and primary_zck … that hold no
	// sqlite and no zchunk: whoever opens them will see.
	DB, Zck bool

	Sign func(repomd []byte) []byte // gives repomd.xml.asc
	Key  []byte                     // repomd.xml.key

	// NoRepodata serves packages and Put files only.
	NoRepodata bool

	TLS                bool
	Cert               *tls.Certificate // to show, in place of httptest's
	MaxTLS             uint16           // newest version that it speaks; 0: whatever there is
	OnlyHTTP2          bool             // it speaks nothing else (with TLS)
	ClientCAs          *x509.CertPool   // asks for a client certificate of one of these
	Username, Password string           // asks for basic authentication
	NoETag             bool             // only Last-Modified
}

// Upstream is a running server. All methods may be used while it serves.
type Upstream struct {
	URL string // of the repository, without a slash at the end

	opts   Options
	server *httptest.Server
	done   chan struct{} // closed when the test ends

	mu       sync.Mutex
	packages []*Package
	extra    map[string]*file // Put
	metadata map[string]*file
	files    map[string]*file // what is served: packages, extra and metadata
	revision int64
	rules    []*Rule
	requests []*Request
}

type file struct {
	data  []byte
	mtime time.Time
	etag  string
}

func newFile(data []byte, mtime int64) *file {
	sum := sha256.Sum256(data)
	return &file{data: data, mtime: time.Unix(mtime, 0), etag: `"` + hex.EncodeToString(sum[:12]) + `"`}
}

// New starts an upstream with these packages and renders it once. It ends with
// the test.
func New(t testing.TB, o Options, packages ...*Package) *Upstream {
	t.Helper()
	u := Render(o, packages...)
	u.start(t)
	return u
}

// Files starts a server of plain files, path to content.
func Files(t testing.TB, o Options, files map[string][]byte) *Upstream {
	t.Helper()
	o.NoRepodata = true
	u := New(t, o)
	for name, data := range files {
		u.Put(name, data)
	}
	return u
}

// Render makes an upstream that has no server: for WriteTo.
func Render(o Options, packages ...*Package) *Upstream {
	if o.Compression == "" {
		o.Compression = "gz"
	}
	if o.Checksum == "" {
		o.Checksum = "sha256"
	}
	if o.Revision == 0 {
		o.Revision = 1_700_000_000
	}
	u := &Upstream{
		opts: o, done: make(chan struct{}), revision: o.Revision - 1,
		packages: slices.Clone(packages), extra: map[string]*file{}, metadata: map[string]*file{},
	}
	u.Render()
	return u
}

// Add adds packages; clients see them after Render.
func (u *Upstream) Add(packages ...*Package) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.packages = append(u.packages, packages...)
}

// Remove takes away all packages whose NEVRA or href matches a glob, and says
// how many.
func (u *Upstream) Remove(glob string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	before := len(u.packages)
	u.packages = slices.DeleteFunc(u.packages, func(p *Package) bool {
		return match(glob, p.NEVRA()) || match(glob, p.Href())
	})
	return before - len(u.packages)
}

// Replace puts p where a package with its href is: a rebuild under the same
// name.
func (u *Upstream) Replace(p *Package) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i, q := range u.packages {
		if q.Href() == p.Href() {
			u.packages[i] = p
			return
		}
	}
	u.packages = append(u.packages, p)
}

// Packages lists what the metadata will show.
func (u *Upstream) Packages() []*Package {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.packages)
}

// Change changes what Render and the server do from now on.
func (u *Upstream) Change(change func(*Options)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	change(&u.opts)
}

// Put has the server show a file at a path, before any package or metadata of
// that path, at once and after every Render.
func (u *Upstream) Put(name string, data []byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f := newFile(data, u.revision)
	u.extra[key(name)], u.files[key(name)] = f, f
}

// Delete takes a file from the server, whatever metadata say; Render brings
// those of packages and metadata back.
func (u *Upstream) Delete(name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.extra, key(name))
	delete(u.files, key(name))
}

// File gives what the server has at a path; nil if nothing.
func (u *Upstream) File(name string) []byte {
	if f := u.file(name); f != nil {
		return f.data
	}
	return nil
}

func (u *Upstream) file(name string) *file {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.files[key(name)]
}

// Paths lists what the server has, sorted.
func (u *Upstream) Paths() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	paths := make([]string, 0, len(u.files))
	for p := range u.files {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths
}

// Metadata gives the path of a record's file (primary, group_gz, …), "" if
// there is none.
func (u *Upstream) Metadata(recordType string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	for p := range u.metadata {
		if p == recordPath(u.opts, recordType, u.metadata[p].data) {
			return p
		}
	}
	return ""
}

func (u *Upstream) options() Options {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.opts
}

// Revision is that of the metadata that are served.
func (u *Upstream) Revision() int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.revision
}

// Render makes metadata of the packages as they are now, with the next
// revision, and shows them.
func (u *Upstream) Render() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.revision++
	old := u.metadata
	u.metadata = map[string]*file{}
	if u.opts.KeepOld {
		u.metadata = old
	}
	if !u.opts.NoRepodata {
		u.renderMetadata()
	}
	u.files = map[string]*file{}
	for _, p := range u.packages {
		u.files[key(p.ServedAt())] = newFile(p.Data, p.FileTime)
	}
	for name, f := range u.metadata {
		u.files[name] = f
	}
	for name, f := range u.extra {
		u.files[name] = f
	}
}

// WriteTo writes all that the server has below dir, with modification times:
// for a real web server, or for file://.
func (u *Upstream) WriteTo(t testing.TB, dir string) {
	t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	for name, f := range u.files {
		dst := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(dst), 0o755))
		require.NoError(t, os.WriteFile(dst, f.data, 0o644))
		require.NoError(t, os.Chtimes(dst, f.mtime, f.mtime))
	}
}

// key is a path as files has it.
func key(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

// match is path.Match in which ** stands for any number of path elements.
func match(glob, name string) bool {
	var re strings.Builder
	re.WriteString("^")
	for i := 0; i < len(glob); i++ {
		switch {
		case strings.HasPrefix(glob[i:], "**/"):
			re.WriteString("(.*/)?")
			i += 2
		case strings.HasPrefix(glob[i:], "**"):
			re.WriteString(".*")
			i++
		case glob[i] == '*':
			re.WriteString("[^/]*")
		case glob[i] == '?':
			re.WriteString("[^/]")
		default:
			re.WriteString(regexp.QuoteMeta(glob[i : i+1]))
		}
	}
	return regexp.MustCompile("(?s)" + re.String() + "$").MatchString(name)
}
