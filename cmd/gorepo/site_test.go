package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// A site is a host with a configuration and a mirror, on which the program
// runs in process.
type site struct {
	t    testing.TB
	dir  string
	root string // the mirror
	conf string
}

// newSite configures repositories; a section is "[id]" and its keys. A server
// that fails is asked once more only: the tests of internal/fetch are about
// patience.
func newSite(t testing.TB, sections ...string) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{t: t, dir: dir, root: filepath.Join(dir, "mirror"), conf: filepath.Join(dir, "gorepo.conf")}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "repos.d"), 0o755))
	s.configure(sections...)
	return s
}

func (s *site) configure(sections ...string) {
	s.t.Helper()
	text := fmt.Sprintf("[main]\nroot=%s\nreposdir=%s\nretries=1\n", s.root, filepath.Join(s.dir, "repos.d"))
	require.NoError(s.t, os.WriteFile(s.conf, []byte(text+strings.Join(sections, "\n")+"\n"), 0o644))
}

// section is the configuration of one repository.
func section(id string, up *testrepo.Upstream, keys ...string) string {
	return "[" + id + "]\nbaseurl=" + up.URL + "\n" + strings.Join(keys, "\n") + "\n"
}

// outcome is how a run of the program ended.
type outcome struct {
	t              testing.TB
	args           []string
	status         int
	stdout, stderr string
}

func (s *site) run(args ...string) outcome {
	s.t.Helper()
	return s.runContext(context.Background(), args...)
}

func (s *site) runContext(ctx context.Context, args ...string) outcome {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	args = append([]string{"--config", s.conf}, args...)
	status := run(ctx, process{
		args: args, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr,
		environ: []string{"PATH=/usr/bin:/bin", "TZ=UTC"},
	})
	return outcome{s.t, args, status, stdout.String(), stderr.String()}
}

// ok runs what must succeed without a word, as cron wants it.
func (s *site) ok(args ...string) {
	s.t.Helper()
	o := s.run(args...)
	require.Equal(s.t, 0, o.status, "%v\n%s", args, o.stderr)
	require.Empty(s.t, o.stderr, "%v", args)
	require.Empty(s.t, o.stdout, "%v", args)
}

// lines are those of stderr.
func (o outcome) lines() []string {
	if o.stderr == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(o.stderr, "\n"), "\n")
}

// ended checks the exit status, and that stderr has exactly one line for each
// of says, all of whose words it has.
func (o outcome) ended(status int, says ...[]string) {
	o.t.Helper()
	assert.Equal(o.t, status, o.status, "%v\n%s", o.args, o.stderr)
	lines := o.lines()
	assert.Len(o.t, lines, len(says), "%v\n%s", o.args, o.stderr)
	for _, words := range says {
		i := slices.IndexFunc(lines, func(line string) bool {
			return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) })
		})
		if i < 0 {
			assert.Fail(o.t, "a line is missing", "%v: with %q in\n%s", o.args, words, o.stderr)
			continue
		}
		lines = slices.Delete(slices.Clone(lines), i, i+1)
	}
}

// noted checks that all went well, with a line in passing that has these words.
func (o outcome) noted(words ...string) {
	o.t.Helper()
	require.Equal(o.t, 0, o.status, o.stderr)
	assert.NotContains(o.t, o.stderr, "warning")
	assert.True(o.t, slices.ContainsFunc(o.lines(), func(line string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) })
	}), "no line with %q in\n%s", words, o.stderr)
}

// says is for ended.
func says(words ...string) []string { return words }

// A jsonSummary is what --json says of a repository.
type jsonSummary struct {
	Event, Verb, Repo, Outcome                                string
	Packages, Added, Updated, Removed, Failures, Read, Reused int
	Fetched                                                   int64
}

// summaries runs with --json and returns what became of each repository.
func (s *site) summaries(args ...string) (status int, of map[string]jsonSummary) {
	s.t.Helper()
	o := s.run(append([]string{"--json"}, args...)...)
	of = map[string]jsonSummary{}
	for line := range strings.Lines(o.stdout) {
		var e jsonSummary
		require.NoError(s.t, json.Unmarshal([]byte(line), &e), line)
		if e.Event == "summary" {
			of[e.Repo] = e
		}
	}
	return o.status, of
}

// summary is that of base; the run must succeed.
func (s *site) summary(args ...string) jsonSummary {
	s.t.Helper()
	status, of := s.summaries(args...)
	require.Equal(s.t, 0, status, "%v: %+v", args, of)
	require.Contains(s.t, of, "base")
	return of["base"]
}

func (s *site) path(elem ...string) string {
	return filepath.Join(append([]string{s.root}, elem...)...)
}

func (s *site) read(elem ...string) []byte {
	s.t.Helper()
	data, err := os.ReadFile(s.path(elem...))
	require.NoError(s.t, err)
	return data
}

func (s *site) write(data []byte, elem ...string) string {
	s.t.Helper()
	file := s.path(elem...)
	require.NoError(s.t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(s.t, os.WriteFile(file, data, 0o644))
	return file
}

// A stat identifies a file without reading it.
type stat struct {
	inode uint64
	size  int64
	mtime int64 // nanoseconds
}

func statOf(t testing.TB, file string) stat {
	t.Helper()
	fi, err := os.Stat(file)
	require.NoError(t, err)
	return stat{fi.Sys().(*syscall.Stat_t).Ino, fi.Size(), fi.ModTime().UnixNano()}
}

// files lists all regular files below a directory of the mirror, which may be
// missing.
func (s *site) files(elem ...string) map[string]stat {
	s.t.Helper()
	dir := s.path(elem...)
	found := map[string]stat{}
	err := filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && e.Type().IsRegular() {
			rel, _ := filepath.Rel(dir, file)
			found[rel] = statOf(s.t, file)
		}
		return err
	})
	require.NoError(s.t, err)
	return found
}

// packages lists the .rpm files of a repository.
func (s *site) packages(id string) []string {
	s.t.Helper()
	var list []string
	for name := range s.files(id) {
		if strings.HasSuffix(name, ".rpm") {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// client reads a repository as dnf does: repomd.xml, what it names, and the
// packages that primary lists. Its own structs, so that a mistake of
// internal/repodata is not passed over.
type client struct {
	get func(name string) ([]byte, error)
}

// local reads a repository of the mirror from the disk.
func (s *site) local(id string) client {
	return client{func(name string) ([]byte, error) { return os.ReadFile(s.path(id, filepath.FromSlash(name))) }}
}

type repomd struct {
	Revision string   `xml:"revision"`
	Data     []record `xml:"data"`
}

type record struct {
	Type     string   `xml:"type,attr"`
	Checksum checksum `xml:"checksum"`
	Open     checksum `xml:"open-checksum"`
	Location struct {
		Href string `xml:"href,attr"`
	} `xml:"location"`
	Timestamp int64 `xml:"timestamp"`
	Size      int64 `xml:"size"`
}

type checksum struct {
	Type string `xml:"type,attr"`
	Hex  string `xml:",chardata"`
}

type primary struct {
	Count    int       `xml:"packages,attr"`
	Packages []listing `xml:"package"`
}

type listing struct {
	Name     string   `xml:"name"`
	Arch     string   `xml:"arch"`
	Checksum checksum `xml:"checksum"`
	Size     struct {
		Package int64 `xml:"package,attr"`
	} `xml:"size"`
	Time struct {
		File int64 `xml:"file,attr"`
	} `xml:"time"`
	Location struct {
		Href string `xml:"href,attr"`
	} `xml:"location"`
}

func (c client) repomd() (m repomd, raw []byte, err error) {
	if raw, err = c.get("repodata/repomd.xml"); err == nil {
		err = xml.Unmarshal(raw, &m)
	}
	return m, raw, err
}

// record reads the file of a record, verifies it and unpacks it.
func (c client) record(r record) ([]byte, error) {
	data, err := c.get(r.Location.Href)
	if err != nil {
		return nil, err
	}
	if r.Checksum.Type == "sha256" && hexOf(data) != r.Checksum.Hex || int64(len(data)) != r.Size {
		return nil, fmt.Errorf("%s is not what repomd.xml says", r.Location.Href)
	}
	if path.Ext(r.Location.Href) != ".gz" {
		return data, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	data, err = io.ReadAll(z)
	if err == nil && r.Open.Type == "sha256" && hexOf(data) != r.Open.Hex {
		err = fmt.Errorf("%s does not unpack to what repomd.xml says", r.Location.Href)
	}
	return data, err
}

func sumOf(t testing.TB, checksumType string, data []byte) string {
	t.Helper()
	h := map[string]func() hash.Hash{"sha256": sha256.New, "sha512": sha512.New}[checksumType]()
	_, err := h.Write(data)
	require.NoError(t, err)
	return hex.EncodeToString(h.Sum(nil))
}

func hexOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// all reads the metadata of a repository, every file of it.
func (c client) all() (m repomd, p primary, err error) {
	if m, _, err = c.repomd(); err != nil {
		return m, p, err
	}
	for _, r := range m.Data {
		data, err := c.record(r)
		if err == nil && r.Type == "primary" {
			err = xml.Unmarshal(data, &p)
		}
		if err != nil {
			return m, p, err
		}
	}
	if p.Count != len(p.Packages) {
		err = fmt.Errorf("primary announces %d packages and has %d", p.Count, len(p.Packages))
	}
	return m, p, err
}

// checkPackage compares a package with what primary says of it.
func (c client) checkPackage(l listing) error {
	data, err := c.get(l.Location.Href)
	if err != nil {
		return err
	}
	if int64(len(data)) != l.Size.Package || l.Checksum.Type == "sha256" && hexOf(data) != l.Checksum.Hex {
		return fmt.Errorf("%s is not what primary says", l.Location.Href)
	}
	return nil
}

// whole reads everything, and returns the locations of the packages, sorted,
// and what the records hold.
func (s *site) whole(id string) (locations []string, records map[string]string) {
	s.t.Helper()
	c := s.local(id)
	m, p, err := c.all()
	require.NoError(s.t, err)
	for _, l := range p.Packages {
		require.NoError(s.t, c.checkPackage(l))
		locations = append(locations, l.Location.Href)
	}
	slices.Sort(locations)
	records = map[string]string{}
	for _, r := range m.Data {
		require.NotContains(s.t, records, r.Type)
		data, err := c.record(r)
		require.NoError(s.t, err)
		records[r.Type] = string(data)
	}
	return locations, records
}

// rpms are real packages; hrefs is where they are.
func rpms(t testing.TB, names ...string) []*testrepo.Package {
	t.Helper()
	var list []*testrepo.Package
	for _, name := range names {
		p := testrepo.RPM(t, filepath.Join("..", "..", "testdata", "rpms", name+".rpm"))
		p.FileTime = 1_600_000_000 // a checkout does not keep times
		list = append(list, p)
	}
	return list
}

// variant is a real package of another location and content: something of no
// meaning behind its end.
func variant(p *testrepo.Package, name string, size int) *testrepo.Package {
	q := *p
	q.Location = "Packages/" + name[:1] + "/" + name + ".rpm"
	q.Data = slices.Concat(p.Data, testrepo.Bytes(name, size))
	return &q
}

func hrefs(packages ...*testrepo.Package) []string {
	var list []string
	for _, p := range packages {
		list = append(list, p.Href())
	}
	slices.Sort(list)
	return list
}

const (
	hello210 = "hello-2.10-1.noarch"
	hello212 = "hello-2.12-1.noarch"
	helloSrc = "hello-2.12-1.src"
	chrono   = "chrono-0.9-3.noarch"
	rich     = "rich-1.0-1.noarch"
	weak     = "weak-1.0-1.noarch"
	tide686  = "libtide-1.4.0-1.el9.i686"
	tide64   = "libtide-1.4.0-1.el9.x86_64"
	modular  = "modular-1.0-1.module_el9+1+abcd1234.noarch"
	signed   = "signed-rsa-1.0-1.noarch"
	signedEd = "signed-ed25519-1.0-1.noarch"
)
