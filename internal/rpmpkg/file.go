package rpmpkg

import (
	"bufio"
	"context"
	"errors"
	"fmt"
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

	info     os.FileInfo
	preamble *Preamble // what the package's strings are not, but its files are part of
}

// ErrChanged is returned for a file that was written to while it was read.
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

// ReadFile reads f once from its start to its end: the header is decoded from
// the first bytes while the checksum takes in all of them. Errors do not name
// the file.
func ReadFile(ctx context.Context, f *os.File, checksumType string) (*File, error) {
	return readPackageFile(ctx, f, checksumType, func(*Preamble, *Package, os.FileInfo) (Checksum, bool) { return Checksum{}, false })
}

// readPackageFile ends after the header if known knows the checksum.
func readPackageFile(ctx context.Context, f *os.File, checksumType string, known func(*Preamble, *Package, os.FileInfo) (Checksum, bool)) (*File, error) {
	before, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	sum, err := NewHash(checksumType)
	if err != nil {
		return nil, err
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	r := &hashingReader{r: f, buf: *buf, sum: sum}
	preamble := preambles.Get().(*Preamble)
	if err := preamble.read(r); err != nil {
		return nil, err
	}
	pkg, err := preamble.Package()
	if err != nil {
		return nil, err
	}
	checksum, ok := known(preamble, pkg, before)
	if ok {
		r.size = before.Size()
	} else {
		if err := r.drain(ctx); err != nil {
			return nil, err
		}
		checksum = Sum(checksumType, sum)
	}
	after, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if r.size != after.Size() || after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		return nil, fmt.Errorf("%w: run again when it is complete", ErrChanged)
	}
	return &File{
		Package:  pkg,
		Checksum: checksum,
		Size:     r.size,
		ModTime:  before.ModTime().Unix(),
		info:     before,
		preamble: preamble,
	}, nil
}

// hashingReader is a buffered reader that hashes each block as it comes from
// the file, whoever consumes it.
type hashingReader struct {
	r    io.Reader
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

// WithoutHeader is the file without what its header says: what remains takes
// little memory, and is enough to read the header again.
func (f *File) WithoutHeader() *File {
	return &File{Checksum: f.Checksum, Size: f.Size, ModTime: f.ModTime, info: f.info}
}

// Again reads the header of a file that was read before. The file must not
// have changed.
func (f *File) Again(file *os.File) (*File, error) {
	now, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !os.SameFile(now, f.info) || now.Size() != f.info.Size() || !now.ModTime().Equal(f.info.ModTime()) {
		return nil, fmt.Errorf("%w: run again when it is complete", ErrChanged)
	}
	preamble, err := ReadPreamble(bufio.NewReaderSize(file, readBuffer))
	if err != nil {
		return nil, err
	}
	pkg, err := preamble.Package()
	if err != nil {
		return nil, err
	}
	return &File{Package: pkg, Checksum: f.Checksum, Size: f.Size, ModTime: f.ModTime, info: f.info}, nil
}
