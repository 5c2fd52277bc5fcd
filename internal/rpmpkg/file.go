package rpmpkg

import (
	"context"
	"errors"
	"hash"
	"io"
	"os"
	"sync"
)

// A File is one rpm as read from disk: what its header says, and what can only
// be known from the file itself.
type File struct {
	*Package
	Checksum Checksum // of the whole file: the pkgid
	Size     int64    // bytes
	ModTime  int64    // Unix seconds

	preamble *Preamble // what the package's strings are not, but its files are part of
}

// ErrChanged is returned for a file that was written to, or had another put in
// its place, while it was read.
var ErrChanged = errors.New("it changed while it was read")

// readBuffer is large enough for the disk to stream, and for most headers to
// come in one read.
const readBuffer = 256 << 10

var (
	buffers   = sync.Pool{New: func() any { b := make([]byte, readBuffer); return &b }}
	preambles = sync.Pool{New: func() any { return new(Preamble) }}
)

// maxPooled is the size of a header, in bytes, up to which its memory is used
// again.
const maxPooled = 1 << 20

// Recycle gives the memory of the header back, for another file. The package's
// Files are not to be asked for after that.
func (f *File) Recycle() {
	p := f.preamble
	f.preamble = nil
	if p == nil {
		return
	}
	f.files = fileList{}
	if cap(p.Header.Raw) <= maxPooled && cap(p.Signature.Raw) <= maxPooled {
		preambles.Put(p)
	}
}

// readFile reads f once from its start to its end: the header is decoded from
// the first bytes while the checksum takes in all of them. path is where f was
// opened, and where it must still be at the end. It ends after the header if known
// knows the checksum.
func readFile(ctx context.Context, f *os.File, path, checksumType string, known knownChecksum) (*File, error) {
	before, err := settled(ctx, f)
	if err != nil {
		return nil, err
	}
	file, err := decodeAndHash(ctx, f, before, checksumType, known)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	// What is wrong with half a file is nothing to tell, if it is whole by now.
	after, statErr := os.Stat(path)
	switch {
	case statErr != nil:
		return nil, statErr
	case !unchanged(before, after), err == nil && file.Size != after.Size():
		return nil, errChanged()
	case err != nil:
		return nil, err
	}
	file.ModTime = before.ModTime().Unix()
	return file, nil
}

// knownChecksum is asked for the checksum of a package when its header is decoded.
type knownChecksum func(p *Preamble, pkg *Package, fi os.FileInfo) (sum Checksum, ok bool)

func decodeAndHash(ctx context.Context, f *os.File, fi os.FileInfo, checksumType string, known knownChecksum) (*File, error) {
	sum, err := NewHash(checksumType)
	if err != nil {
		return nil, err
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	// Of a file that grows as fast as it is read, there is no end.
	r := &hashingReader{r: &io.LimitedReader{R: f, N: fi.Size() + 1}, buf: *buf, sum: sum}
	preamble := preambles.Get().(*Preamble)
	if err := preamble.read(r); err != nil {
		return nil, err
	}
	pkg, err := decodeOne(preamble)
	if err != nil {
		return nil, err
	}
	checksum, ok := known(preamble, pkg, fi)
	if ok {
		r.size = fi.Size()
	} else {
		if err := r.drain(ctx); err != nil {
			return nil, err
		}
		checksum = Sum(checksumType, sum)
	}
	return &File{Package: pkg, Checksum: checksum, Size: r.size, preamble: preamble}, nil
}

// decoding is held while a large header is decoded, one at a time: a MiB of
// dependencies takes tens for a moment.
var decoding sync.Mutex

// largeHeader is the size of a header, in bytes, from which on that counts.
const largeHeader = 512 << 10

func decodeOne(p *Preamble) (*Package, error) {
	if len(p.Header.Raw) > largeHeader {
		decoding.Lock()
		defer decoding.Unlock()
	}
	return p.Package()
}

// hashingReader is a buffered reader that hashes each block as it comes from
// the file, whoever consumes it.
type hashingReader struct {
	r    *io.LimitedReader
	buf  []byte
	rest []byte // of buf, not yet consumed
	sum  hash.Hash
	size int64
}

func (h *hashingReader) fill() error {
	n, err := h.r.Read(h.buf)
	h.rest = h.buf[:n]
	h.sum.Write(h.rest)
	h.size += int64(n)
	if n > 0 {
		return nil
	}
	return err
}

func (h *hashingReader) Read(p []byte) (int, error) {
	if len(h.rest) == 0 {
		if err := h.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, h.rest)
	h.rest = h.rest[n:]
	return n, nil
}

// left is how many bytes there are to come, or one less.
func (h *hashingReader) left() int64 { return int64(len(h.rest)) + h.r.N }

// drain hashes all that is left.
func (h *hashingReader) drain(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch err := h.fill(); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}
