package main

import (
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
)

// A night is a repository base that was complete yesterday, with two packages.
// Upstream has two more today, big and weak, and something goes wrong.
type night struct {
	*site
	up   *testrepo.Upstream
	keys []string // of the configuration, besides the baseurl
	mend []func() // makes all well again, besides dropping faults
}

// large is the location of the package that most faults are about.
const (
	large   = "Packages/b/big.rpm"
	bigSize = 200_000
)

// atOnce is a client that is patient for moments only.
var atOnce = []string{"timeout=0.4", "minrate=1000"}

// A fault is one row of the table. Its order of fields is that of the columns.
type fault struct {
	name    string
	arrange func(t *testing.T, n *night)

	status   int
	packages int // that are there after the run, of four
	// requests are those that the run made; negative where workers, or net/http
	// which repeats some by itself, may make up to twice as many; anyNumber where that
	// depends on which mirror is quicker.
	requests int
	says     []string
	// next is what the run after that fetches, when nothing is wrong any more:
	// names, and @ and the offset where it goes on.
	next string
}

const (
	metadata  = "filelists other primary repomd"
	nothing   = "repomd" // asked for, and not sent again
	anyNumber = -1000
)

// on has a fault happen to a file.
func on(glob string, f testrepo.Fault) func(*testing.T, *night) {
	return func(_ *testing.T, n *night) { n.up.On(glob, f) }
}

// first has one fault happen once, and then another.
func first(glob string, once, then testrepo.Fault) func(*testing.T, *night) {
	return func(_ *testing.T, n *night) {
		n.up.On(glob, once).Times(1)
		if then != nil {
			n.up.On(glob, then)
		}
	}
}

// TestFaultTable has everything go wrong that can, a row each: what the run
// does about it, and what the next one still has to fetch.
func TestFaultTable(t *testing.T) {
	t.Parallel()
	rows := faults()
	results := make([]string, len(rows))
	t.Run("rows", func(t *testing.T) {
		for i, f := range rows {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				results[i] = f.run(t)
			})
		}
	})
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	results = slices.DeleteFunc(results, func(r string) bool { return r == "" }) // rows that -run left out, or that failed early
	_, err := io.WriteString(w, "fault\texit\tpackages\trequests\tthe next run fetches\tthe line says\n"+strings.Join(results, "\n")+"\n")
	require.NoError(t, err)
	require.NoError(t, w.Flush())
	t.Logf("%d faults\n%s", len(rows), table.String())
}

func (f fault) run(t *testing.T) (row string) {
	packages := rpms(t, hello212, chrono, weak)
	up := testrepo.New(t, testrepo.Options{Sign: signWith(t, "rsa")}, packages[:2]...)
	n := &night{site: newSite(t), up: up, keys: append(slices.Clone(atOnce), "gpgkey="+keyFile(t, rsaKey))}
	n.configure(section("base", up, n.keys...))
	n.ok("sync")
	n.ok("createrepo", "--update")
	clients := n.frozen()
	up.Add(variant(packages[0], "big", bigSize), packages[2])
	up.Render()
	up.Forget()
	f.arrange(t, n)

	start := time.Now()
	o := n.run("sync")
	took := time.Since(start)
	requests := len(up.Requests("**"))
	there := n.packages("base")
	lines := [][]string{}
	if f.says != nil {
		words := says("gorepo: base: ")
		for _, w := range f.says {
			words = append(words, strings.Replace(w, "URL", up.URL, 1))
		}
		lines = append(lines, words)
	}
	o.ended(f.status, lines...)
	assert.Len(t, there, f.packages, "packages that are there")
	switch {
	case f.requests == anyNumber:
	case f.requests < 0:
		assert.GreaterOrEqual(t, requests, -f.requests, "requests: %v", describe(up.Requests("**")))
		assert.LessOrEqual(t, requests, -2*f.requests, "requests: %v", describe(up.Requests("**")))
	default:
		assert.Equal(t, f.requests, requests, "requests: %v", describe(up.Requests("**")))
	}
	assert.Less(t, took, 15*time.Second)
	clients()
	n.ok("createrepo", "--update")
	n.whole("base")

	for _, f := range n.mend {
		f()
	}
	up.Repair()
	up.Forget()
	n.configure(section("base", up, n.keys...))
	n.ok("sync")
	next := fetched(up.Requests("**"))
	if strings.Contains(f.next, "@+") {
		next = regexp.MustCompile("@[1-9][0-9]*").ReplaceAllString(next, "@+")
	}
	assert.Equal(t, f.next, next, "what the next run fetches")
	assert.Len(t, n.packages("base"), 4)
	for _, r := range up.Requests("**.rpm") {
		assert.NotContains(t, there, r.Path, "it was complete")
	}
	said := "(nothing)"
	if len(o.lines()) > 0 {
		said = strings.NewReplacer(up.URL, "URL", n.dir, "DIR").Replace(o.lines()[0])
	}
	return fmt.Sprintf("%s\t%d\t%d of 4\t%d\t%s\t%s", f.name, o.status, len(there), requests, next, said)
}

// describe lists requests for people.
func describe(list []testrepo.Request) (text []string) {
	for _, r := range list {
		text = append(text, fmt.Sprintf("%s%s: %d, %d bytes", r.Path, r.Range, r.Status, r.Bytes))
	}
	return text
}

// fetched names what was sent, in short.
func fetched(list []testrepo.Request) string {
	var names []string
	for _, r := range list {
		name := path.Base(r.Path)
		if digest, rest, ok := strings.Cut(name, "-"); ok && len(digest) == 64 {
			name = rest
		}
		if strings.HasSuffix(name, ".asc") {
			name = "asc"
		}
		name = strings.Split(name, ".")[0]
		name = strings.Split(name, "-")[0]
		if r.Range != "" {
			name += "@" + strings.Trim(r.Range, "bytes=-")
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// raw is an answer as it goes over the wire, after which the connection ends.
func raw(text string) testrepo.Fault {
	return func(x *testrepo.Exchange) {
		conn, out, err := http.NewResponseController(x.W).Hijack()
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		_, _ = out.WriteString(text)
		_ = out.Flush()
		_ = conn.Close()
	}
}

// endless sends without end what does not look wrong, without saying how much.
func endless(piece string) testrepo.Fault {
	return func(x *testrepo.Exchange) {
		x.W.WriteHeader(http.StatusOK)
		block := []byte(strings.Repeat(piece, 32<<10/len(piece)))
		for {
			if _, err := x.W.Write(block); err != nil {
				return
			}
		}
	}
}

// compressed is a server, or a proxy, that compresses without being asked to.
func compressed() testrepo.Fault {
	return func(x *testrepo.Exchange) {
		x.W.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(x.W)
		inner := &encoder{ResponseWriter: x.W, z: z}
		x.W = inner
		x.Serve()
		_ = z.Close()
	}
}

type encoder struct {
	http.ResponseWriter
	z *gzip.Writer
}

func (e *encoder) WriteHeader(code int) {
	e.Header().Del("Content-Length")
	e.ResponseWriter.WriteHeader(code)
}
func (e *encoder) Write(p []byte) (int, error) { return e.z.Write(p) }

// mislabelled is a server that calls files compressed as they are.
func mislabelled() testrepo.Fault {
	return func(x *testrepo.Exchange) {
		x.W.Header().Set("Content-Encoding", "x-gzip")
		x.Serve()
	}
}

// address is one at which nobody listens.
func address(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close() //nolint:errcheck // nobody was there
	return l.Addr().String()
}

// silent is an address at which somebody listens and says nothing.
func silent(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, conn) }()
		}
	}()
	return l.Addr().String()
}

// elsewhere configures another baseurl for the night.
func elsewhere(url func(t *testing.T) string) func(*testing.T, *night) {
	return func(t *testing.T, n *night) {
		n.configure("[base]\nbaseurl=" + url(t) + "\n" + strings.Join(n.keys, "\n"))
	}
}

// moves publishes big anew, with other content each time.
func (n *night) moves() func() {
	size := bigSize
	return func() {
		size++
		n.up.Replace(variant(n.up.Packages()[0], "big", size))
		n.up.Render()
	}
}

// renames publishes big in another place each time.
func (n *night) renames() func() {
	times := 0
	return func() {
		times++
		n.up.Remove("Packages/b/*")
		n.up.Add(variant(n.up.Packages()[0], fmt.Sprintf("big-%d", times), bigSize))
		n.up.Render()
	}
}

// later answers when the others have had their answers: who is cut off before
// that depends on chance.
func later(f testrepo.Fault) testrepo.Fault {
	return func(x *testrepo.Exchange) {
		time.Sleep(200 * time.Millisecond)
		f(x)
	}
}

// often repeats text.
func often(n int, text string) string { return strings.Repeat(text, n) }

// replacePrimary has upstream's primary be another file, of which repomd.xml
// knows.
func (n *night) replacePrimary(data []byte) {
	primary := n.up.Metadata("primary")
	was := fmt.Sprintf("<size>%d</size>", len(n.up.File(primary)))
	n.up.Put(primary, data)
	n.up.Put("repodata/repomd.xml", bytes.Replace(renamed(n.up, primary), []byte(was), fmt.Appendf(nil, "<size>%d</size>", len(data)), 1))
	n.mend = append(n.mend, func() {
		n.up.Delete("repodata/repomd.xml")
		n.up.Delete(primary)
		n.up.Render()
	})
}

func faults() []fault {
	const all = "big " + metadata + " weak" // nothing of the night came
	const noPrimary = "big primary repomd weak"
	const repomd, primary, filelists = "repodata/repomd.xml", "repodata/*primary*", "repodata/*filelists*"
	soon := func() string { return time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat) }
	page := []byte("<!DOCTYPE html><html><body>" + often(500, "Please log in. ") + "</body></html>")

	list := []fault{
		{"nothing at all", func(*testing.T, *night) {}, 0, 4, 6, nil, nothing},

		{"connection refused", elsewhere(func(t *testing.T) string { return "http://" + address(t) }), 1, 2, 0, says("repomd.xml", "connection refused"), all},
		{"name not found", elsewhere(func(*testing.T) string { return "http://nosuch.invalid/r" }), 1, 2, 0, says("nosuch.invalid", "no such host"), all},
		{"TLS handshake without end", elsewhere(func(t *testing.T) string { return "https://" + silent(t) }), 1, 2, 0, says("repomd.xml", "no answer"), all},
		{"connection without an answer", elsewhere(func(t *testing.T) string { return "http://" + silent(t) }), 1, 2, 0, says("repomd.xml", "no answer"), all},
		{"everything is a login page", on("**", testrepo.HTML()), 1, 2, 1, says("URL/repodata/repomd.xml", "HTML page", "login page"), all},
		{"everything redirects in a circle", func(_ *testing.T, n *night) {
			n.up.On("**", testrepo.Redirect(n.up.URL+"/", http.StatusFound))
		}, 1, 2, 11, says("URL/repodata/repomd.xml", "10 redirects"), all},
		{"a certificate that nobody vouches for", secured(func(t *testing.T, n *night, up *testrepo.Upstream) []string { return nil }), 1, 2, 0, says("certificate"), all},
		{"no client certificate", secured(func(t *testing.T, n *night, up *testrepo.Upstream) []string {
			return []string{"sslcacert=" + up.CAFile(t)}
		}), 1, 2, 0, says("certificate"), all},
		{"an expired client certificate", secured(func(t *testing.T, n *night, up *testrepo.Upstream) []string {
			cert, key := expiredCert(t)
			return []string{"sslcacert=" + up.CAFile(t), "sslclientcert=" + cert, "sslclientkey=" + key}
		}), 1, 2, 0, says("client certificate", "expired on 20"), all},
		{"a proxy that refuses connections", proxied(func(t *testing.T) []string { return []string{"proxy=http://" + address(t)} }), 1, 2, 0, says("proxy", "connection refused"), all},
		{"a proxy that wants a login: 407", proxied(func(t *testing.T) []string {
			return []string{"proxy=" + testrepo.NewProxy(t, testrepo.ProxyOptions{Username: "u", Password: "p"}).URL}
		}), 1, 2, 0, says("407", "proxy"), all},
		{"a proxy and a wrong password: 407", proxied(func(t *testing.T) []string {
			return []string{"proxy=" + testrepo.NewProxy(t, testrepo.ProxyOptions{Username: "u", Password: "p", Ways: []string{"md5"}}).URL, "proxy_username=u", "proxy_password=wrong"}
		}), 1, 2, 0, says("407", "proxy"), all},
		{"a proxy with a digest login", proxied(func(t *testing.T) []string {
			return []string{"proxy=" + testrepo.NewProxy(t, testrepo.ProxyOptions{Username: "u", Password: "p", Ways: []string{"sha256", "md5"}}).URL, "proxy_username=u", "proxy_password=p"}
		}), 0, 4, 6, nil, nothing},
		{"a proxy that refuses: 403", proxied(func(t *testing.T) []string {
			return []string{"proxy=" + testrepo.NewProxy(t, testrepo.ProxyOptions{Refuse: 403}).URL}
		}), 1, 2, 0, says("403"), all},
		{"everything is compressed on the way", on("**", compressed()), 1, 2, 1, says("URL/repodata/repomd.xml", "Content-Encoding", "gzip"), all},
	}
	for _, m := range []struct {
		name  string
		wrong func(bad *testrepo.Upstream)
		says  string
	}{
		{"refuses connections", (*testrepo.Upstream).Close, "connection refused"},
		{"is a login page", func(bad *testrepo.Upstream) { bad.On("**", testrepo.HTML()) }, "HTML page"},
		{"has other bytes in metadata", func(bad *testrepo.Upstream) { bad.On("repodata/*.gz", testrepo.Corrupt(100)) }, "sha256"},
		{"has only repomd.xml", func(bad *testrepo.Upstream) { bad.On("repodata/*.gz", testrepo.Status(404)) }, "404"},
	} {
		list = append(list, fault{"one of two mirrors " + m.name, func(t *testing.T, n *night) {
			bad := testrepo.New(t, testrepo.Options{}, n.up.Packages()...)
			m.wrong(bad)
			n.configure("[base]\nbaseurl=" + bad.URL + " " + n.up.URL + "\n" + strings.Join(n.keys, "\n"))
		}, 0, 4, anyNumber, says("warning: mirror ", "is left out of this run", m.says), nothing})
	}
	for _, code := range []int{401, 403, 404, 416} {
		list = append(list, fault{fmt.Sprint("repomd.xml: ", code), on(repomd, testrepo.Status(code)), 1, 2, 1, says("URL/repodata/repomd.xml", map[bool]string{true: "not found", false: fmt.Sprint(code)}[code == 404]), all})
	}
	list = append(list, []fault{
		{"repomd.xml: 503", on(repomd, testrepo.Status(503)), 1, 2, 2, says("URL/repodata/repomd.xml", "503"), all},
		{"repomd.xml: 503 once", first(repomd, testrepo.Status(503), nil), 0, 4, 7, nil, nothing},
		{"repomd.xml: 503 once: Retry-After 1", first(repomd, testrepo.Status(503, "Retry-After", "1"), nil), 0, 4, 7, nil, nothing},
		{"repomd.xml: 429 once: Retry-After a date", first(repomd, testrepo.Status(429, "Retry-After", soon()), nil), 0, 4, 7, nil, nothing},
		{"repomd.xml: 304 although it changed", on(repomd, testrepo.Status(304)), 0, 2, 1, nil, all},
		{"repomd.xml: 206 without being asked for a range", on(repomd, raw("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/100\r\nContent-Length: 5\r\n\r\n<repo")), 1, 2, 1, says("URL/repodata/repomd.xml", "206"), all},
		{"repomd.xml: connection reset", on(repomd, testrepo.Reset()), 1, 2, -2, says("URL/repodata/repomd.xml", "connection reset"), all},
		{"repomd.xml: cut short", on(repomd, testrepo.Truncate(100)), 1, 2, 2, says("URL/repodata/repomd.xml", "EOF"), all},
		{"repomd.xml: stalls", on(repomd, testrepo.Stall(100)), 1, 2, 2, says("URL/repodata/repomd.xml", "no progress"), all},
		{"repomd.xml: never answered", on(repomd, testrepo.StallHeader()), 1, 2, 2, says("URL/repodata/repomd.xml", "no answer"), all},
		{"repomd.xml: drips", on(repomd, testrepo.Drip(10, 40*time.Millisecond)), 1, 2, 2, says("URL/repodata/repomd.xml", "too slow"), all},
		{"repomd.xml: no HTTP", on(repomd, raw("220 ftp.example ready\r\n")), 1, 2, 2, says("URL/repodata/repomd.xml", "malformed HTTP"), all},
		{"repomd.xml: empty", on(repomd, testrepo.Content("text/xml", nil)), 1, 2, 1, says("URL/repodata/repomd.xml", "cut short"), all},
		{"repomd.xml: no XML", on(repomd, testrepo.Content("text/xml", []byte("repomd"))), 1, 2, 1, says("URL/repodata/repomd.xml", "malformed"), all},
		{"repomd.xml: without end", on(repomd, endless("<data/>")), 3, 2, 2, says("URL/repodata/repomd.xml", "4194304"), all},
		{"repomd.xml: announced with 10 GB", on(repomd, raw("HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n<repomd>")), 3, 2, 2, says("URL/repodata/repomd.xml", "10000000000 bytes", "4194304"), all},
		{"repomd.xml: headers without end", on(repomd, raw("HTTP/1.1 200 OK\r\n"+often(50_000, "X-Header: value\r\n"))), 1, 2, 2, says("URL/repodata/repomd.xml", "header"), all},

		{"repomd.xml.asc: 404", signatureFault(testrepo.Status(404)), 3, 2, 2, says("URL/repodata/repomd.xml", "repomd.xml.asc", "repo_gpgcheck"), "asc " + all},
		{"repomd.xml.asc: 500", signatureFault(testrepo.Status(500)), 1, 2, 3, says("URL/repodata/repomd.xml.asc", "500"), "asc " + all},
		{"repomd.xml.asc: a login page", signatureFault(testrepo.HTML()), 3, 2, 2, says("URL/repodata/repomd.xml", "unreadable signature"), "asc " + all},
		{"repomd.xml.asc: yesterday's", func(t *testing.T, n *night) {
			signatureFault(testrepo.Content("text/plain", signWith(t, "rsa")([]byte("yesterday"))))(t, n)
		}, 3, 2, 2, says("URL/repodata/repomd.xml", "bad signature by key "+rsaKeyID), "asc " + all},
		{"repomd.xml.asc: by another key", func(t *testing.T, n *night) {
			signatureFault(testrepo.Content("text/plain", signWith(t, "ed25519")(n.up.File(repomd))))(t, n)
		}, 3, 2, 2, says("URL/repodata/repomd.xml", ed25519KeyID, "gpgkey has "+rsaKeyID), "asc " + all},

		{"primary: 404", on(primary, later(testrepo.Status(404))), 1, 2, 5, says("URL/repodata/", "primary.xml.gz", "404"), noPrimary},
		{"primary: 500", on(primary, testrepo.Status(500)), 1, 2, 6, says("URL/repodata/", "primary.xml.gz", "500"), noPrimary},
		{"primary: corrupt", on(primary, testrepo.Corrupt(100)), 3, 2, 6, says("URL/repodata/", "primary.xml.gz", "sha256"), noPrimary},
		{"primary: corrupt once", first(primary, testrepo.Corrupt(100), nil), 0, 4, 7, nil, nothing},
		{"primary: cut short", on(primary, testrepo.Truncate(100)), 1, 2, 6, says("URL/repodata/", "primary.xml.gz", "EOF"), "big primary@200 repomd weak"},
		{"primary: stalls", on(primary, testrepo.Stall(100)), 1, 2, 6, says("URL/repodata/", "primary.xml.gz", "no progress"), "big primary@200 repomd weak"},
		{"primary: a login page", on(primary, testrepo.HTML()), 3, 2, 6, says("URL/repodata/", "primary.xml.gz", "HTML page"), noPrimary},
		{"primary: without end", on(primary, endless("xyz")), 3, 2, 6, says("URL/repodata/", "primary.xml.gz", "bytes"), noPrimary},
		{"primary: a gzip bomb", func(t *testing.T, n *night) { n.replacePrimary(bomb(t)) }, 1, 2, 4, says("URL/repodata/", "primary.xml.gz", "unpacks to more"), noPrimary},
		{"filelists: 404", on(filelists, testrepo.Status(404)), 0, 4, 7, says("warning", "filelists.xml.gz", "404", "createrepo makes it"), "filelists repomd"},
		{"metadata published anew meanwhile", func(_ *testing.T, n *night) { n.up.On(primary, testrepo.Then(n.moves())).Times(1) }, 0, 4, -8, nil, nothing},
		{"metadata published anew all the time", func(_ *testing.T, n *night) { n.up.On(primary, testrepo.Then(n.moves())) }, 1, 2, -10, says("URL/repodata/", "404", "meanwhile"), all},
		{"package gone: published anew meanwhile", func(_ *testing.T, n *night) { n.up.On(large, testrepo.Then(n.renames())).Times(1) }, 0, 4, -10, nil, nothing},
		{"package replaced: published anew meanwhile", func(_ *testing.T, n *night) { n.up.On(large, testrepo.Then(n.moves())).Times(1) }, 0, 4, -10, nil, nothing},
		{"packages gone: published anew all the time", func(_ *testing.T, n *night) { n.up.On("Packages/b/**", testrepo.Then(n.renames())) }, 2, 3, -10, says("URL/Packages/b/", "404"), "big filelists other primary repomd"},
	}...)
	for _, code := range []int{401, 403, 404, 410} {
		list = append(list, fault{fmt.Sprint("package: ", code), on(large, testrepo.Status(code)), 2, 3, 7, says("URL/"+large, fmt.Sprint(code)), "big repomd"})
	}
	return append(list, []fault{
		{"package: 500 for ever", on(large, testrepo.Status(500)), 2, 3, 8, says("URL/"+large, "500"), "big repomd"},
		{"package: connection reset", on(large, testrepo.Reset()), 2, 3, -7, says("URL/"+large, "connection reset"), "big repomd"},
		{"package: connection reset once", first(large, testrepo.Reset(), nil), 0, 4, -7, nil, nothing},
		{"package: cut short each time", on(large, testrepo.Truncate(80_000)), 2, 3, 8, says("URL/"+large, "EOF"), "big@160000 repomd"},
		{"package: cut short once", first(large, testrepo.Truncate(80_000), nil), 0, 4, 7, nil, nothing},
		{"package: stalls", on(large, testrepo.Stall(80_000)), 2, 3, 8, says("URL/"+large, "no progress"), "big@160000 repomd"},
		{"package: drips", on(large, testrepo.Drip(10, 40*time.Millisecond)), 2, 3, 8, says("URL/"+large, "too slow"), "big@+ repomd"},
		{"package: corrupt", on(large, testrepo.Corrupt(80_000)), 3, 3, 8, says("URL/"+large, "sha256"), "big repomd"},
		{"package: corrupt once", first(large, testrepo.Corrupt(80_000), nil), 0, 4, 7, nil, nothing},
		{"package: a login page", on(large, testrepo.HTML()), 3, 3, 8, says("URL/"+large, "HTML page", "login page"), "big repomd"},
		{"package: a login page that calls itself rpm", on(large, testrepo.Content("application/x-rpm", page)), 3, 3, 8, says("URL/" + large), "big repomd"},
		{"package: redirects in a circle", func(_ *testing.T, n *night) {
			n.up.On(large, testrepo.Redirect(n.up.URL+"/", http.StatusFound))
		}, 2, 3, 17, says("URL/"+large, "10 redirects"), "big repomd"},
		{"package: without end", on(large, endless("xyz")), 3, 3, 8, says("URL/"+large, "more than"), "big repomd"},
		{"package: longer by some bytes", on(large, testrepo.Chunked(10)), 3, 3, 8, says("URL/"+large, "more than"), "big repomd"},
		{"package: announced longer than sent", on(large, announced(+1000)), 3, 3, 8, says("URL/"+large, "bytes, expected"), "big repomd"},
		{"package: announced shorter than it is", on(large, announced(-1000)), 3, 3, 8, says("URL/"+large, "bytes"), "big repomd"},
		{"package: compressed on the way", on(large, compressed()), 3, 3, 8, says("URL/"+large, "Content-Encoding", "gzip"), "big repomd"},
		{"package: said to be compressed and is not", on(large, mislabelled()), 0, 4, 6, nil, nothing},
		{"package: 206 without being asked for a range", on(large, raw("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/100\r\nContent-Length: 5\r\n\r\n12345")), 2, 3, 7, says("URL/"+large, "206"), "big repomd"},
		{"package: 304 without being asked whether it changed", on(large, testrepo.Status(304)), 2, 3, 7, says("URL/"+large, "304"), "big repomd"},

		{"the rest of a package: no ranges", first(large, testrepo.Truncate(80_000), testrepo.IgnoreRange()), 0, 4, 7, nil, nothing},
		{"the rest of a package: another range", first(large, testrepo.Truncate(80_000), testrepo.ShiftRange(100)), 0, 4, 8, nil, nothing},
		{"the rest of a package: other bytes", first(large, testrepo.Truncate(80_000), testrepo.FalseRange()), 0, 4, 8, nil, nothing},
		{"the rest of a package: in pieces", first(large, testrepo.Truncate(10_000), testrepo.PieceRange(70_000)), 0, 4, 9, nil, nothing},
		{"the rest of a package: 416", first(large, testrepo.Truncate(80_000), rangeStatus(416)), 0, 4, 8, nil, nothing},
		{"the rest of a package: a login page", first(large, testrepo.Truncate(80_000), testrepo.HTML()), 3, 3, 8, says("URL/"+large, "HTML page"), "big repomd"},
	}...)
}

// secured moves the night to a server that wants a certificate from clients.
func secured(keys func(*testing.T, *night, *testrepo.Upstream) []string) func(*testing.T, *night) {
	return func(t *testing.T, n *night) {
		_, _, pool := testrepo.ClientCert(t)
		up := testrepo.New(t, testrepo.Options{TLS: true, ClientCAs: pool}, n.up.Packages()...)
		n.configure(section("base", up, append(slices.Clone(n.keys), keys(t, n, up)...)...))
	}
}

// proxied has the night go through a proxy.
func proxied(keys func(*testing.T) []string) func(*testing.T, *night) {
	return func(t *testing.T, n *night) {
		n.configure(section("base", n.up, append(slices.Clone(n.keys), keys(t)...)...))
	}
}

// expiredCert is a certificate that was valid once, and its key.
func expiredCert(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: new(big.Int), NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	dir := t.TempDir()
	return putFile(t, text("CERTIFICATE", der), dir, "cert.pem"), putFile(t, text("PRIVATE KEY", keyDER), dir, "key.pem")
}

// signatureFault is one of repomd.xml.asc, of a repository that asks for it.
func signatureFault(f testrepo.Fault) func(*testing.T, *night) {
	return func(_ *testing.T, n *night) {
		n.keys = append(n.keys, "repo_gpgcheck=1")
		n.configure(section("base", n.up, n.keys...))
		n.up.On("repodata/repomd.xml.asc", f)
	}
}

// rangeStatus answers requests for ranges with a status, and others well.
func rangeStatus(code int) testrepo.Fault {
	return func(x *testrepo.Exchange) {
		if x.R.Header.Get("Range") == "" {
			x.Serve()
			return
		}
		testrepo.Status(code)(x)
	}
}

// announced is a server that is wrong about the length.
func announced(by int) testrepo.Fault {
	return func(x *testrepo.Exchange) {
		var body recorded
		w := x.W
		x.W = &body
		x.R.Header.Del("Range")
		x.Serve()
		x.W = w
		raw(fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", body.Len()+by, body.String()))(x)
	}
}

type recorded struct{ bytes.Buffer }

func (*recorded) Header() http.Header { return http.Header{} }
func (*recorded) WriteHeader(int)     {}

// bomb is a little gzip that becomes 100 MB.
func bomb(t *testing.T) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	require.NoError(t, err)
	_, err = io.WriteString(z, `<metadata xmlns="http://linux.duke.edu/metadata/common" packages="1"><package type="rpm"><name>`)
	require.NoError(t, err)
	for range 100 {
		_, err = z.Write(make([]byte, 1<<20))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.Bytes()
}
