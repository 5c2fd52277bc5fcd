package httpserve_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/httpserve"
	"gorepo/internal/testrepo"
)

// A row is one thing that a client may send, and what becomes of it.
type row struct {
	area string // where in the table it stands
	name string // for people; empty: the request itself
	// send is what goes over the connection, as it stands. {etag} is the ETag of
	// /r/a.rpm as the server has it.
	send string
	// methods of the requests in send, where it is not the first word for all.
	methods string
	// want is the outcome: the statuses in order, and "close" where the server
	// closes the connection after them. Without, it has to go on with the next
	// request.
	want string
	// has are facts of gorepo's first final answer: "Header: value", "Header"
	// (it is there), "!Header" (it is not), "body: text".
	has []string
	// nginx is the outcome there, empty where it is want; differs are headers, or
	// "body", that differ though the outcome is the same.
	nginx   string
	differs []string
	why     string // of nginx and differs
}

func (r row) String() string {
	if r.name != "" {
		return r.area + ": " + r.name
	}
	return fmt.Sprintf("%s: %.200q", r.area, r.send)
}

// request is a whole one, as clients send it.
func request(line string, headers ...string) string {
	return line + " HTTP/1.1\r\nHost: mirror.example\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n"
}

func rangeOf(ranges string, headers ...string) string {
	return request("GET /r/a.rpm", append([]string{"Range: " + ranges}, headers...)...)
}

func ask1(headers ...string) string { return request("GET /r/a.rpm", headers...) }

// An answer is what stands on the wire between two others.
type answer struct {
	proto  string
	status int
	header http.Header
	body   string
}

var (
	statusLine = regexp.MustCompile(`^(HTTP/1\.[01]) ([1-5][0-9][0-9]) [ -~]*\r\n$`)
	fieldLine  = regexp.MustCompile("^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([^\\x00-\\x08\\x0a-\\x1f\\x7f]*)\r\n$")
)

var errMalformed = errors.New("malformed answer")

// readAnswer reads one answer, and is stricter than clients are.
func readAnswer(in *bufio.Reader, method string) (answer, error) {
	a := answer{header: http.Header{}}
	line, err := in.ReadString('\n')
	if err != nil {
		if line != "" {
			err = fmt.Errorf("%w: ends in its first line %q", errMalformed, line)
		}
		return a, err
	}
	m := statusLine.FindStringSubmatch(line)
	if m == nil {
		return a, fmt.Errorf("%w: begins with %q", errMalformed, line)
	}
	a.proto = m[1]
	a.status, _ = strconv.Atoi(m[2])
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return a, fmt.Errorf("%w: ends in its header: %q", errMalformed, line)
		}
		if line == "\r\n" {
			break
		}
		m := fieldLine.FindStringSubmatch(line)
		if m == nil {
			return a, fmt.Errorf("%w: header line %q", errMalformed, line)
		}
		a.header.Add(m[1], m[2])
	}
	a.body, err = readBody(in, a, method)
	return a, err
}

func readBody(in *bufio.Reader, a answer, method string) (string, error) {
	lengths := a.header.Values("Content-Length")
	var from io.Reader = in
	want := int64(-1)
	switch {
	case method == "HEAD" || a.status < 200 || a.status == 204 || a.status == 304:
		return "", nil
	case a.header.Get("Transfer-Encoding") == "chunked" && len(lengths) == 0:
		res, err := http.ReadResponse(bufio.NewReader(io.MultiReader(strings.NewReader("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), oneByte{in})), nil)
		if err != nil {
			return "", err
		}
		from = res.Body
	case len(lengths) == 1 && a.header.Get("Transfer-Encoding") == "":
		n, err := strconv.ParseInt(lengths[0], 10, 64)
		if err != nil || n < 0 {
			return "", fmt.Errorf("%w: Content-Length: %s", errMalformed, lengths[0])
		}
		from, want = io.LimitReader(in, n), n
	case len(lengths) > 0:
		return "", fmt.Errorf("%w: %v", errMalformed, a.header)
	}
	b, err := io.ReadAll(from)
	if err != nil {
		return string(b), err
	}
	if want >= 0 && int64(len(b)) != want {
		return string(b), fmt.Errorf("%w: %d bytes of %d", errMalformed, len(b), want)
	}
	return string(b), nil
}

// oneByte keeps a bufio.Reader above it from reading beyond what is asked for.
type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }

// A delivery is how a request arrives in pieces.
type delivery func(conn net.Conn, data string)

func atOnce(conn net.Conn, data string) { _, _ = io.WriteString(conn, data) }

// inBytes sends one byte at a time, as far as that is bearable.
func inBytes(conn net.Conn, data string) {
	step := 1 + len(data)/2000
	for len(data) > 0 {
		n := min(step, len(data))
		if _, err := io.WriteString(conn, data[:n]); err != nil {
			return
		}
		data = data[n:]
		time.Sleep(time.Microsecond)
	}
}

// inOddPieces breaks where a reader that looks for line ends may go wrong:
// within each of them, and within the header's end.
func inOddPieces(conn net.Conn, data string) {
	for i, piece := range strings.SplitAfter(data, "\r") {
		if _, err := io.WriteString(conn, piece); err != nil {
			return
		}
		if i < 20 {
			time.Sleep(300 * time.Microsecond)
		}
	}
}

const sentinel = "the next request was understood"

// An outcome is all that a server answered to a row.
type outcome struct {
	words   string // as in row.want
	answers []answer
	err     error // of the last answer
}

// final is the first answer that is not an interim one.
func (o outcome) final() answer {
	for _, a := range o.answers {
		if a.status >= 200 {
			return a
		}
	}
	return answer{header: http.Header{}}
}

// converse sends a row to a server and reads what it answers. Where the
// connection is not expected to end, one request more tells whether the server
// is still where the client believes it to be.
func (r row) converse(t testing.TB, addr, etag, expected string, deliver delivery) outcome {
	t.Helper()
	network := "tcp"
	if strings.HasPrefix(addr, "/") {
		network = "unix"
	}
	conn, err := net.Dial(network, addr)
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	send := strings.ReplaceAll(r.send, "{etag}", etag)
	// Sent while answers are read: a server may refuse what it has not seen the
	// end of.
	sent := make(chan struct{})
	go func() { defer close(sent); deliver(conn, send) }()
	defer func() { conn.Close(); <-sent }()
	methods := strings.Fields(r.methods)
	if len(methods) == 0 {
		first, _, _ := strings.Cut(strings.TrimLeft(send, "\r\n"), " ")
		methods = []string{first}
	}
	var o outcome
	var words []string
	in, asked := bufio.NewReader(conn), false
	for {
		method := methods[0]
		a, err := readAnswer(in, method)
		if err == nil && asked && a.body == sentinel {
			break
		}
		if err != nil {
			words = append(words, "close")
			if errors.Is(err, errMalformed) || errors.Is(err, os.ErrDeadlineExceeded) {
				o.err = err
				words[len(words)-1] = "not HTTP"
				if !errors.Is(err, errMalformed) {
					words[len(words)-1] = "timeout"
				}
			}
			break
		}
		words = append(words, strconv.Itoa(a.status))
		o.answers = append(o.answers, a)
		if a.status < 200 {
			continue
		}
		if len(methods) > 1 {
			methods = methods[1:]
		}
		if !asked && !strings.HasSuffix(expected, "close") && !says(a.header.Get("Connection"), "close") && (a.proto == "HTTP/1.1" || says(a.header.Get("Connection"), "keep-alive")) {
			asked = true
			if len(methods) == 1 && r.methods == "" {
				methods = []string{"GET"}
			}
			<-sent
			_, _ = io.WriteString(conn, "GET /r/sentinel.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		}
	}
	o.words = strings.Join(words, " ")
	return o
}

func says(header, word string) bool { return strings.EqualFold(strings.TrimSpace(header), word) }

// everywhere are the differences between gorepo's answers and nginx's that do
// not depend on the request. Each has to occur.
var everywhere = []struct {
	name  string // a header, "body", or "close": whether the connection ends
	where func(ours, theirs answer) bool
	why   string
}{
	{"close", func(o, n answer) bool { return o.status >= 400 && !says(o.header.Get("Connection"), "close") }, "after an error that leaves no doubt about where the next request begins, the connection stays open"},
	{"close", func(o, n answer) bool { return says(o.header.Get("Connection"), "close") }, "nothing is answered that stands behind a body: nobody has one to send to a mirror, and readers may disagree about its end"},
	{"Server", func(o, n answer) bool { return !there(o, "Server") && there(n, "Server") }, "gorepo does not say what it is"},
	{"Connection", func(o, n answer) bool { return n.header.Get("Connection") == "keep-alive" }, "connections of HTTP/1.1 stay open without a word"},
	{"Connection", func(o, n answer) bool { return o.proto == "HTTP/1.0" }, "and those of HTTP/1.0 end without one"},
	{"Connection", func(o, n answer) bool { return o.status >= 400 }, "errors do not end it"},
	{"version", func(o, n answer) bool { return o.proto == "HTTP/1.0" && n.proto == "HTTP/1.1" }, "HTTP/1.0 is answered in its own words"},
	{"Location", func(o, n answer) bool { return strings.HasPrefix(o.header.Get("Location"), "./") }, "redirects are relative, so that they hold behind a proxy that adds a prefix"},
	{"ETag", func(o, n answer) bool { return there(o, "ETag") && there(n, "ETag") }, "the checksum, of a package by its index, or size, mtime and inode; nginx knows size and seconds only"},
	{"Cache-Control", func(o, n answer) bool { return !there(n, "Cache-Control") }, "caches are told what changes and what never does; errors are not kept"},
	{"X-Content-Type-Options", func(o, n answer) bool { return o.header.Get("X-Content-Type-Options") == "nosniff" }, "browsers take files for what they are said to be"},
	{"Content-Security-Policy", func(o, n answer) bool { return !there(n, "Content-Security-Policy") }, "files from elsewhere run no scripts beside gorepo's pages"},
	{"Content-Type", func(o, n answer) bool { return o.status < 300 }, "types are those of mirrors, and the same on every host"},
	{"Content-Type", func(o, n answer) bool { return o.status >= 300 }, "an error is one line of text"},
	{"body", func(o, n answer) bool { return o.status >= 300 }, "an error is one line of text"},
	{"Content-Length", func(o, n answer) bool { return o.status >= 300 }, "an error is one line of text"},
	{"Content-Length", func(o, n answer) bool { return o.status == 206 && len(multipartBoundary(o)) > 0 }, "the types and boundaries of parts differ in length"},
	{"Allow", func(o, n answer) bool { return o.status == 405 && !there(n, "Allow") }, "RFC 9110, 15.5.6"},
	{"Accept-Ranges", func(o, n answer) bool { return o.status == 206 && there(o, "Accept-Ranges") }, "a client may learn it from a part too"},
	{"Vary", func(o, n answer) bool { return o.header.Get("Vary") == "Accept" }, "a listing is HTML or JSON"},
}

func there(a answer, header string) bool { return len(a.header.Values(header)) > 0 }

func multipartBoundary(a answer) string {
	_, boundary, _ := strings.Cut(a.header.Get("Content-Type"), "multipart/byteranges; boundary=")
	return boundary
}

// compare gives the names of what differs, less what differs everywhere.
func compare(ours, theirs answer, occurred map[int]bool) []string {
	all := map[string]bool{}
	for name := range maps.Keys(ours.header) {
		all[name] = true
	}
	for name := range maps.Keys(theirs.header) {
		all[name] = true
	}
	delete(all, "Date")
	var differ []string
	if ours.proto != theirs.proto {
		differ = append(differ, "version")
	}
	for name := range all {
		if !slices.Equal(ours.header.Values(name), theirs.header.Values(name)) {
			differ = append(differ, name)
		}
	}
	if plainBody(ours) != plainBody(theirs) {
		differ = append(differ, "body")
		if ours.status < 300 { // how long another body is says nothing more
			differ = slices.DeleteFunc(differ, func(name string) bool { return name == "Content-Length" || name == "Transfer-Encoding" })
		}
	}
	return unknown(differ, ours, theirs, occurred)
}

// unknown are those of the names that do not differ everywhere.
func unknown(differ []string, ours, theirs answer, occurred map[int]bool) (names []string) {
	for _, name := range differ {
		known := false
		for i, e := range everywhere {
			if http.CanonicalHeaderKey(e.name) == http.CanonicalHeaderKey(name) && e.where(ours, theirs) {
				known, occurred[i] = true, true
			}
		}
		if !known {
			names = append(names, name)
		}
	}
	return names
}

// plainBody is a body without what has to differ between two servers: the
// boundary of parts, and the type that each knows for a name.
func plainBody(a answer) string {
	boundary := multipartBoundary(a)
	if boundary == "" {
		return a.body
	}
	lines := strings.Split(strings.ReplaceAll(a.body, boundary, "BOUNDARY"), "\r\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "Content-Type: ") {
			lines[i] = "Content-Type: TYPE"
		}
	}
	return strings.Join(lines, "\r\n")
}

// check holds gorepo's answers against what is true of all, and of this row.
func (r row) check(t *testing.T, o outcome) {
	t.Helper()
	for _, a := range o.answers {
		if a.status < 200 || a.status == 417 || !there(a, "Date") && a.status >= 400 && says(a.header.Get("Connection"), "close") {
			continue // net/http's, of what it does not take for a request
		}
		_, err := http.ParseTime(a.header.Get("Date"))
		assert.NoError(t, err, "%s: Date", r)
		for _, fact := range invariants[a.status] {
			a.holds(t, r, fact)
		}
		a.holds(t, r, "!Content-Encoding")
		a.holds(t, r, "!Server")
		if a.status >= 300 && a.status != 304 {
			a.holds(t, r, "Cache-Control: no-store")
		}
	}
	for _, fact := range r.has {
		o.final().holds(t, r, fact)
	}
}

// invariants are facts of every answer of a status.
var invariants = map[int][]string{
	200: {"Content-Type", "Cache-Control"},
	204: {"!Content-Type", "!Content-Length", "Allow: GET, HEAD, OPTIONS"},
	206: {"Content-Type", "Content-Length", "ETag", "Cache-Control", "Last-Modified", "Accept-Ranges: bytes"},
	301: {"Location", "!ETag"},
	304: {"ETag", "Cache-Control", "!Content-Type", "!Content-Length", "!Content-Range", "body: "},
	404: {"!ETag", "!Last-Modified", "Content-Type: text/plain; charset=utf-8", "Content-Length"},
	405: {"Allow: GET, HEAD, OPTIONS"},
	412: {"!ETag", "!Last-Modified"},
	416: {"Content-Range", "!Accept-Ranges", "!ETag"},
}

func (a answer) holds(t *testing.T, r row, fact string) {
	t.Helper()
	name, value, exact := strings.Cut(fact, ": ")
	switch {
	case name == "body":
		assert.Equal(t, value, a.body, "%s: body", r)
	case strings.HasPrefix(name, "!"):
		assert.Empty(t, a.header.Values(name[1:]), "%s: %s", r, name[1:])
	case exact:
		assert.Equal(t, []string{value}, a.header.Values(name), "%s: %s", r, name)
	default:
		assert.NotEmpty(t, a.header.Get(name), "%s: %s", r, name)
	}
}

// same tells two outcomes of one server apart, but for what differs from time to
// time.
func same(t *testing.T, r row, how string, want, got outcome) {
	t.Helper()
	if refused(want, got) {
		return // and closed before all was sent: then the answer may be lost on the way
	}
	if !assert.Equal(t, want.words, got.words, "%s: %s", r, how) {
		return
	}
	for i := range want.answers {
		a, b := want.answers[i], got.answers[i]
		assert.Equal(t, plainBody(a), plainBody(b), "%s: %s: body", r, how)
		for _, name := range []string{"Date", "Content-Type"} {
			if name == "Date" || multipartBoundary(a) != "" {
				a.header, b.header = without(a.header, name), without(b.header, name)
			}
		}
		assert.Equal(t, a.header, b.header, "%s: %s", r, how)
	}
}

// refused reports whether the one is the other without a last error.
func refused(want, got outcome) bool {
	last := len(want.answers) - 1
	if last < 0 || want.answers[last].status < 400 {
		return false
	}
	former := fmt.Sprintf("%d close", want.answers[last].status)
	return strings.HasSuffix(want.words, former) && got.words == strings.TrimSuffix(want.words, former)+"close"
}

func without(h http.Header, name string) http.Header {
	h = h.Clone()
	h.Del(name)
	return h
}

// conformTree is what the rows ask for.
func conformTree(t testing.TB, root string) {
	t.Helper()
	write(t, strings.Repeat("0123456789", 5000), root, "r", "a.rpm") // more than a small file
	write(t, "0123456789", root, "r", "small.txt")
	write(t, "", root, "r", "empty.rpm")
	write(t, sentinel, root, "r", "sentinel.txt")
	write(t, "<repomd/>\n", root, "r", "repodata", "repomd.xml")
	write(t, "<metadata/>\n", root, "r", "repodata", conformSum+"-primary.xml")
	write(t, "[general]\n", root, "r", ".treeinfo")
	write(t, "1700000000.0\n", root, "r", ".discinfo")
	write(t, "hidden", root, "r", ".hidden")
	write(t, "x", root, "r", "d", "x")
	for _, c := range conformTypes {
		write(t, "test", root, "r", "t", "x"+c.ext)
	}
	for _, n := range conformNames {
		write(t, "content of "+n, root, "r", "n", n)
	}
	// A name with a percent sign in it, and the one that it could be meant for.
	write(t, "decoded", root, "r", "n", "c+d.rpm")
	write(t, "raw", root, "r", "n", "c%2Bd.rpm")
}

const conformSum = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

// An address in the environment makes TestConformance judge the server there. It
// has to serve the directory of the other variable, which the test fills first.
const (
	conformAddr = "GOREPO_CONFORM_ADDR"
	conformRoot = "GOREPO_CONFORM_ROOT"
)

// TestConformance sends every row to gorepo and to nginx, byte for byte. What
// differs between the two and is not in the table fails, and so does what is in
// the table and does not differ.
func TestConformance(t *testing.T) {
	root, ours := os.Getenv(conformRoot), os.Getenv(conformAddr)
	// On a Unix socket all is net/http's, on TCP what most clients ask is not:
	// nobody may see a difference.
	socket := ""
	if ours == "" {
		root = t.TempDir()
		ours = start(t, httpserve.Options{Root: root})
		socket = startOn(t, httpserve.Options{Root: root}, "unix", filepath.Join(t.TempDir(), "s"))
	}
	conformTree(t, root)
	written := time.Now()
	nginx := startNginx(t, root)
	etagOf := func(addr string) string {
		etag := raw(t, addr, "HEAD", "/r/a.rpm").Header.Get("ETag")
		require.NotEmpty(t, etag)
		return etag
	}
	ourTag, theirTag := etagOf(ours), etagOf(nginx)

	var mu sync.Mutex
	occurred := map[int]bool{}
	t.Run("rows", func(t *testing.T) {
		for _, r := range conformRows() {
			t.Run(r.area, func(t *testing.T) {
				t.Parallel()
				our, their := r.converse(t, ours, ourTag, r.want, atOnce), r.converse(t, nginx, theirTag, r.nginx, atOnce)
				assert.Equal(t, r.want, our.words, "gorepo: %s", r)
				r.check(t, our)
				same(t, r, "byte by byte", our, r.converse(t, ours, ourTag, r.want, inBytes))
				same(t, r, "in odd pieces", our, r.converse(t, ours, ourTag, r.want, inOddPieces))
				if socket != "" {
					same(t, r, "by net/http alone", our, r.converse(t, socket, ourTag, r.want, atOnce))
				}

				if r.nginx != "" || len(r.differs) > 0 {
					require.NotEmpty(t, r.why, "%s: a difference has a reason", r)
					require.NotEqual(t, r.want, r.nginx, "%s: this is no difference", r)
				}
				theirs := r.want
				if r.nginx != "" {
					theirs = r.nginx
				}
				if r.nginx == "" {
					assert.Equal(t, statuses(theirs), statuses(their.words), "nginx: %s", r)
				} else {
					assert.Equal(t, theirs, their.words, "nginx: %s", r)
				}
				if r.nginx != "" {
					return
				}
				mu.Lock()
				differs := differ(our, their, occurred)
				mu.Unlock()
				assert.Equal(t, r.differs, differs, "%s: what differs\ngorepo: %v\nnginx:  %v", r, our.final().header, their.final().header)
			})
		}
	})
	// What is asked for all day is kept in memory, once it is old enough.
	time.Sleep(3*time.Second + 100*time.Millisecond - time.Since(written))
	for _, r := range conformRows() {
		if strings.Contains(r.send, "repomd.xml") {
			disk := r.converse(t, ours, ourTag, r.want, atOnce)
			r.check(t, disk)
			same(t, r, "from memory", disk, r.converse(t, ours, ourTag, r.want, atOnce))
		}
	}
	for i, e := range everywhere {
		assert.True(t, occurred[i], "%s does not differ any more: %s", e.name, e.why)
	}
}

// statuses are an outcome's words without what became of the connection.
func statuses(words string) string { return strings.TrimSpace(strings.TrimSuffix(words, "close")) }

// differ gives the names of what differs between two outcomes of the same
// statuses, less what differs everywhere.
func differ(ours, theirs outcome, occurred map[int]bool) (names []string) {
	if len(ours.answers) != len(theirs.answers) {
		return []string{"number of answers"}
	}
	if ours.words != theirs.words && len(ours.answers) > 0 {
		last := len(ours.answers) - 1
		names = unknown([]string{"close"}, ours.answers[last], theirs.answers[last], occurred)
	}
	for i := range ours.answers {
		names = append(names, compare(ours.answers[i], theirs.answers[i], occurred)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// differences is the part of docs/http.md that the table makes: what differs in
// one way for one reason is one line.
func differences() string {
	var lines []string
	requests := map[string][]string{}
	for _, r := range conformRows() {
		nginx := r.nginx
		if len(r.differs) > 0 {
			nginx = r.want + ", another " + strings.Join(r.differs, ", ")
		}
		if nginx == "" {
			continue
		}
		line := fmt.Sprintf("%s | %s | %s", r.want, nginx, r.why)
		if requests[line] == nil {
			lines = append(lines, line)
		}
		requests[line] = append(requests[line], r.name)
	}
	var b bytes.Buffer
	b.WriteString("| request | gorepo | nginx | why |\n|---|---|---|---|\n")
	for _, line := range lines {
		fmt.Fprintf(&b, "| %s | %s |\n", strings.Join(requests[line], "; "), line)
	}
	b.WriteString("\n| in all answers | why |\n|---|---|\n")
	for _, e := range everywhere {
		fmt.Fprintf(&b, "| %s | %s |\n", e.name, e.why)
	}
	return b.String()
}

const httpPage = "../../docs/http.md"

// docs/http.md says how gorepo differs from nginx, and what each status means.
// With GOREPO_WRITE_DOCS=1 the test writes the part that is the table's.
func TestConformanceIsDocumented(t *testing.T) {
	const after = "\"close\": the connection ends after the answer.\n\n"
	page, err := os.ReadFile(httpPage)
	require.NoError(t, err)
	byHand, _, found := strings.Cut(string(page), after)
	require.True(t, found)
	want := byHand + after + differences()
	if os.Getenv("GOREPO_WRITE_DOCS") == "1" {
		require.NoError(t, os.WriteFile(httpPage, []byte(want), 0o644))
		return
	}
	assert.Equal(t, want, string(page), "%s is of another table: GOREPO_WRITE_DOCS=1 go test -run TestConformanceIsDocumented ./internal/httpserve", httpPage)
	for _, r := range conformRows() {
		for status := range strings.FieldsSeq(statuses(r.want)) {
			assert.Contains(t, byHand, "\n| "+status+" |", "%s", r)
		}
	}
}

// TestConformanceHTTP2 sends what of the table can be said in HTTP/2 by it: the
// answers are those of HTTP/1.1.
func TestConformanceHTTP2(t *testing.T) {
	root := t.TempDir()
	conformTree(t, root)
	plain := start(t, httpserve.Options{Root: root})
	ca := testrepo.NewCA(t)
	certFile, keyFile := testrepo.WriteCert(t, ca.Issue(t, true, nil))
	secure, _ := serveTLS(t, httpserve.Options{Root: root}, httpserve.TLSFiles{Cert: certFile, Key: keyFile})
	client := tlsClient(t, ca)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	etag := raw(t, plain, "HEAD", "/r/a.rpm").Header.Get("ETag")
	sent := 0
	for _, r := range conformRows() {
		if slices.Contains([]string{"connections", "request lines", "header lines", "bodies"}, r.area) || strings.Count(r.send, "\r\n\r\n") != 1 {
			continue // what is of HTTP/1.1 alone
		}
		req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(r.send, "{etag}", etag))))
		if err != nil || req.ProtoMajor != 1 || req.ProtoMinor != 1 || req.Method == "CONNECT" || req.RequestURI == "*" || len(r.send) > 9000 {
			continue // or of HTTP/1.1 in the eyes of the library
		}
		// The path as it stands in the row.
		req.URL = &url.URL{Scheme: "https", Host: secure, Opaque: "//" + req.Host + req.RequestURI}
		req.RequestURI = ""
		res, err := client.Do(req)
		require.NoError(t, err, "%s", r)
		require.Equal(t, 2, res.ProtoMajor)
		b, err := io.ReadAll(res.Body)
		require.NoError(t, err, "%s", r)
		require.NoError(t, res.Body.Close())
		two := outcome{words: statuses(r.want), answers: []answer{{status: res.StatusCode, header: res.Header, body: string(b)}}}
		one := r.converse(t, plain, etag, r.want, atOnce)
		for _, name := range []string{"Connection", "Transfer-Encoding"} { // of HTTP/1.1 alone
			one.answers[0].header.Del(name)
		}
		one.words = statuses(one.words)
		// Of an answer without one, the client's library finds the length.
		if len(one.answers[0].header.Values("Content-Length")) == 0 {
			res.Header.Del("Content-Length")
		}
		assert.Equal(t, one.answers[0].status, res.StatusCode, "%s", r)
		same(t, r, "in HTTP/2", one, two)
		sent++
	}
	assert.Greater(t, sent, 150)
}
