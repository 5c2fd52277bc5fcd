package httpserve

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// smallFile is up to where a read and a write beat sendfile, and small
	// enough for its buffers not to matter with hundreds of clients, bytes.
	smallFile = 16 << 10
	// hashedFile is up to where repomd.xml and the like are read whole to make
	// their ETag, bytes.
	hashedFile = 64 << 10

	cacheImmutable = "public, max-age=31536000, immutable"
	// Packages are immutable too, but a vendor that signs them again keeps
	// their names: after a week a cache may ask.
	cachePackage    = "public, max-age=604800, immutable"
	cacheRevalidate = "no-cache"
)

// A content is one representation to send: an open file or bytes.
type content struct {
	file      *os.File // nil: data is all of it
	data      []byte
	size      int64
	modTime   time.Time
	etag      string // strong, with its quotes
	alias     string // another one that clients may have of the same bytes, or ""
	mediaType string
	cache     string // Cache-Control
	immutable bool   // these bytes under this name for ever
	// fields are those of the answer, whatever its status; the others, if it has a
	// body, and that is all of the content.
	fields, bodyFields []field
	length             []string // Content-Length
}

// A field is one of a header, by its canonical name.
type field struct {
	name   string
	values []string
}

var (
	noSniff   = []string{"nosniff"}
	bytesUnit = []string{"bytes"}
	sandbox   = []string{"sandbox"}
)

// prepare makes the fields, once nothing else of c changes any more.
func (c *content) prepare() {
	if c.fields != nil {
		return
	}
	c.fields = []field{
		{"Etag", []string{c.etag}}, {"Cache-Control", []string{c.cache}}, {"X-Content-Type-Options", noSniff},
	}
	if !c.modTime.IsZero() {
		c.fields = append(c.fields, field{"Last-Modified", []string{c.modTime.UTC().Format(http.TimeFormat)}})
	}
	c.bodyFields = []field{{"Accept-Ranges", bytesUnit}, {"Content-Type", []string{c.mediaType}}}
	if mayHoldScripts(c.mediaType) {
		c.bodyFields = append(c.bodyFields, field{"Content-Security-Policy", sandbox})
	}
	c.length = []string{strconv.FormatInt(c.size, 10)}
}

// fileContent describes an open file. Of files that name all others, it reads
// the bytes and makes the ETag from them: two generations may agree in size,
// time and inode, and two hosts behind one name never do.
func fileContent(f *os.File, fi fs.FileInfo, segments []string) (*content, error) {
	name := segments[len(segments)-1]
	inRepodata := len(segments) > 1 && segments[len(segments)-2] == "repodata"
	c := &content{
		file: f, size: fi.Size(), modTime: fi.ModTime(),
		mediaType: mediaType(name), cache: cacheRevalidate,
	}
	if sum := checksumPrefix(name); inRepodata && sum != "" {
		c.etag, c.cache, c.immutable = `"`+sum+`"`, cacheImmutable, true
		return c, nil
	}
	if inRepodata && strings.HasPrefix(name, "repomd.xml") && c.size <= hashedFile {
		data := make([]byte, c.size)
		n, err := f.ReadAt(data, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		c.setData(data[:n])
		return c, nil
	}
	if isPackage(name) {
		c.cache, c.immutable = cachePackage, true
	}
	c.etag = fmt.Sprintf(`"%x-%x-%x"`, c.size, c.modTime.UnixNano(), inode(fi))
	return c, nil
}

func isPackage(name string) bool {
	return strings.HasSuffix(name, ".rpm") || strings.HasSuffix(name, ".drpm")
}

// setData makes bytes the content, with their SHA-256 as ETag.
func (c *content) setData(data []byte) {
	sum := sha256.Sum256(data)
	c.file, c.data, c.size = nil, data, int64(len(data))
	c.etag = `"` + hex.EncodeToString(sum[:]) + `"`
}

// checksumPrefix gives the checksum of names such as <sha256>-primary.xml.gz,
// in hexadecimal, or "".
func checksumPrefix(name string) string {
	sum, rest, ok := strings.Cut(name, "-")
	if !ok || rest == "" {
		return ""
	}
	switch len(sum) {
	case 32, 40, 56, 64, 96, 128: // md5, sha1, sha224, sha256, sha384, sha512
	default:
		return ""
	}
	for i := range len(sum) {
		if c := sum[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ""
		}
	}
	return sum
}

// serve answers with the content, or the part or the status that the request's
// headers ask for. The error is what went wrong after the header was sent.
func (c *content) serve(w http.ResponseWriter, r *http.Request) error {
	h := w.Header()
	c.prepare()
	for _, f := range c.fields {
		h[f.name] = f.values
	}
	switch c.evaluate(r.Header) {
	case notModified:
		w.WriteHeader(http.StatusNotModified)
		return nil
	case preconditionFailed:
		fail(w, http.StatusPreconditionFailed, "412 precondition failed: the file has changed")
		return nil
	case send:
	}
	ranges, err := c.requestedRanges(r.Header)
	if err != nil {
		h.Set("Content-Range", "bytes */"+strconv.FormatInt(c.size, 10))
		fail(w, http.StatusRequestedRangeNotSatisfiable, "416 range not satisfiable")
		return nil
	}
	for _, f := range c.bodyFields {
		h[f.name] = f.values
	}
	return c.sendRanges(w, ranges, r.Method == http.MethodHead)
}

func (c *content) sendRanges(w http.ResponseWriter, ranges []byteRange, headOnly bool) error {
	h := w.Header()
	if len(ranges) == 0 {
		h["Content-Length"] = c.length
		w.WriteHeader(http.StatusOK)
		if headOnly {
			return nil
		}
		return c.send(w, byteRange{0, c.size})
	}
	body := multipart{length: ranges[0].length}
	if len(ranges) == 1 {
		h.Set("Content-Range", ranges[0].contentRange(c.size))
	} else {
		body = newMultipart(ranges, c.size, c.mediaType)
		h.Set("Content-Type", "multipart/byteranges; boundary="+body.boundary)
	}
	h.Set("Content-Length", strconv.FormatInt(body.length, 10))
	w.WriteHeader(http.StatusPartialContent)
	if headOnly {
		return nil
	}
	var head []byte
	for _, r := range ranges {
		if body.boundary != "" {
			head = body.appendHead(head[:0], r)
			if _, err := w.Write(head); err != nil {
				return err
			}
		}
		if err := c.send(w, r); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, body.tail)
	return err
}

var smallBuffers = sync.Pool{New: func() any { return new([smallFile]byte) }}

// send writes one range. Large ones go through the ResponseWriter's ReadFrom,
// which is sendfile.
func (c *content) send(w io.Writer, r byteRange) error {
	if c.file == nil {
		_, err := w.Write(c.data[r.start : r.start+r.length])
		return err
	}
	if r.length <= smallFile {
		buf := smallBuffers.Get().(*[smallFile]byte)
		defer smallBuffers.Put(buf)
		n, err := c.file.ReadAt(buf[:r.length], r.start)
		if n < int(r.length) {
			return shortened(err)
		}
		_, err = w.Write(buf[:n])
		return err
	}
	if _, err := c.file.Seek(r.start, io.SeekStart); err != nil {
		return err
	}
	_, err := io.CopyN(w, c.file, r.length)
	return shortened(err)
}

// shortened names the one way in which a published file ends too early. The
// connection is closed then, so the client knows.
func shortened(err error) error {
	if err == io.EOF { //nolint:errorlint // ReadAt and CopyN return it as it is
		return fmt.Errorf("the file became shorter while it was sent: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// fail answers with a status and one line of text.
func fail(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	for _, name := range []string{"ETag", "Last-Modified"} {
		h.Del(name)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(text)+1))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // a client that is gone has no use for it
}
