package zchunk

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/zstd"
)

// maxWritten bounds a chunk, in bytes of its content, as libzck does: what is
// larger is cut there.
const maxWritten = 10 << 20

// A Writer makes one file. What it writes depends on the data, the ends of the
// chunks and the dictionary alone.
type Writer struct {
	out     io.Writer
	spool   io.ReadWriteSeeker
	encoder *zstd.Encoder
	chunk   []byte // its content so far
	packed  []byte
	index   []byte // the entries of the chunks that have ended
	chunks  int64
	sum     hash.Hash // of the data
	size    int64     // of the data
	header  Header
	err     error
}

// NewWriter makes a file whose chunks are compressed with a dictionary, if dict
// is not empty. The header comes first in a file and is known last: until Close
// the chunks are kept in spool, which is empty. Memory is taken for one chunk.
func NewWriter(out io.Writer, spool io.ReadWriteSeeker, dict []byte) (*Writer, error) {
	encoder, err := newEncoder(dict)
	if err != nil {
		return nil, err
	}
	plain, err := newEncoder(nil)
	if err != nil {
		return nil, err
	}
	w := &Writer{out: out, spool: spool, encoder: encoder, sum: sha256.New()}
	var packed []byte // stays empty where there is no dictionary
	if len(dict) > 0 {
		packed = plain.EncodeAll(dict, nil)
	}
	w.add(dict, packed)
	return w, w.err
}

// Write adds to the current chunk.
func (w *Writer) Write(p []byte) (n int, err error) {
	for len(w.chunk)+len(p) > maxWritten {
		part := maxWritten - len(w.chunk)
		w.chunk = append(w.chunk, p[:part]...)
		p, n = p[part:], n+part
		if err := w.EndChunk(); err != nil {
			return n, err
		}
	}
	w.chunk = append(w.chunk, p...)
	return n + len(p), w.err
}

// EndChunk ends the current chunk, if there is anything in it.
func (w *Writer) EndChunk() error {
	if w.err == nil && len(w.chunk) > 0 {
		w.packed = w.encoder.EncodeAll(w.chunk, w.packed[:0])
		w.add(w.chunk, w.packed)
		w.chunk = w.chunk[:0]
	}
	return w.err
}

// add adds a chunk; no content at all is the dictionary that there is not.
func (w *Writer) add(content, packed []byte) {
	t := checksumTypes[chunkSum]
	checksum := make([]byte, t.size)
	if len(content) > 0 {
		checksum = t.of(packed)
	}
	w.index = append(w.index, checksum...)
	w.index = appendInt(w.index, int64(len(packed)))
	w.index = appendInt(w.index, int64(len(content)))
	w.chunks++
	w.sum.Write(packed)
	w.size += int64(len(packed))
	if _, err := w.spool.Write(packed); err != nil {
		w.err = err
	}
}

// Close ends the last chunk and writes the file. It closes neither the output
// nor the spool.
func (w *Writer) Close() error {
	if err := errors.Join(w.EndChunk(), w.encoder.Close()); err != nil {
		return err
	}
	w.err = errors.New("zchunk: the file has ended")
	header := w.makeHeader()
	if _, err := w.out.Write(header); err != nil {
		return err
	}
	if _, err := w.spool.Seek(0, io.SeekStart); err != nil {
		return err
	}
	n, err := io.Copy(w.out, w.spool)
	if err == nil && n != w.size {
		err = fmt.Errorf("the spool has %d bytes, and %d were written there", n, w.size)
	}
	return err
}

// makeHeader makes the header of all that was written, and remembers what there
// is to say of it.
func (w *Writer) makeHeader() []byte {
	index := appendInt(appendInt(nil, chunkSum), w.chunks)
	index = append(index, w.index...)
	rest := w.sum.Sum(nil)
	rest = appendInt(rest, 0) // flags
	rest = appendInt(rest, compressZstd)
	rest = appendInt(rest, int64(len(index)))
	rest = append(rest, index...)
	rest = appendInt(rest, 0) // signatures
	lead := appendInt(appendInt([]byte(magic), headerSum), int64(len(rest)))

	t := checksumTypes[headerSum]
	checksum := t.of(bytes.Join([][]byte{lead, rest}, nil))
	header := bytes.Join([][]byte{lead, checksum, rest}, nil)
	w.header = Header{Size: int64(len(header)), ChecksumType: t.name, Checksum: checksum}
	return header
}

// Header describes the header, after Close.
func (w *Writer) Header() Header { return w.header }
