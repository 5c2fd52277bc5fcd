package blockgzip

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// ErrMalformed is returned for a file that is not what its index says.
var ErrMalformed = errors.New("gzip: the file is damaged")

// A Reader unpacks a file, several blocks at a time.
type Reader struct {
	r      io.Reader
	blocks []lengths // still to be read
	offset int64     // in the file, of the next of them
	ahead  int       // how many blocks are unpacked at a time
	old    *Old

	queue []*unpacking // in their order
	rest  []byte       // of the first in the queue, not yet consumed
	free  []*unpacking
	begun bool
	sum   uint32
	size  uint64
	err   error
}

// unpacking is a block that is being unpacked.
type unpacking struct {
	compressed, content []byte
	offset              int64
	err                 error
	done                chan struct{}
}

// NewReader reads the file r from its start to its end; x is its index. workers
// is how many blocks are unpacked at a time. Old, unless it is nil, is told of
// the blocks. The caller closes the Reader.
func NewReader(r io.Reader, x Index, workers int, old *Old) *Reader {
	return &Reader{r: r, blocks: x.blocks, ahead: max(1, workers), old: old}
}

// Read gives the content. Before io.EOF it has compared the content with its
// checksum and length.
func (z *Reader) Read(p []byte) (int, error) {
	if err := z.advance(); err != nil {
		return 0, err
	}
	n := copy(p, z.rest)
	z.rest = z.rest[n:]
	return n, nil
}

// CopyBlocks writes what was not yet read to w, and calls cut where a block ends.
func (z *Reader) CopyBlocks(w io.Writer, cut func()) error {
	for {
		err := z.advance()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := w.Write(z.rest); err != nil {
			return err
		}
		z.rest = nil
		cut()
	}
}

// advance makes sure that there is content to consume, or returns why there is none.
func (z *Reader) advance() error {
	for len(z.rest) == 0 {
		if z.err == nil {
			z.next()
		}
		if z.err != nil {
			return z.err
		}
	}
	return nil
}

// next makes the next block the one that is consumed, or sets err.
func (z *Reader) next() {
	if !z.begun {
		z.begun = true
		z.expect(memberHeader)
	} else if len(z.queue) > 0 {
		z.free = append(z.free, z.queue[0])
		z.queue = append(z.queue[:0], z.queue[1:]...)
	}
	for z.err == nil && len(z.blocks) > 0 && len(z.queue) <= z.ahead {
		z.start()
	}
	if z.err != nil {
		return
	}
	if len(z.queue) == 0 {
		if z.finish(); z.err == nil {
			z.err = io.EOF
		}
		return
	}
	b := z.queue[0]
	<-b.done
	if b.err != nil {
		z.err = fmt.Errorf("%w: %w", ErrMalformed, b.err)
		return
	}
	z.rest = b.content
	z.sum = crc32.Update(z.sum, crc32.IEEETable, b.content)
	z.size += uint64(len(b.content))
	z.old.add(b)
}

// start reads the next block and begins to unpack it.
func (z *Reader) start() {
	l := z.blocks[0]
	z.blocks = z.blocks[1:]
	b := &unpacking{}
	if n := len(z.free); n > 0 {
		b, z.free = z.free[n-1], z.free[:n-1]
	}
	b.compressed, b.content = resize(b.compressed, l.compressed+len(sentinel))[:l.compressed], resize(b.content, l.content)
	b.offset, b.done = z.offset, make(chan struct{})
	z.offset += int64(l.compressed)
	if _, z.err = io.ReadFull(z.r, b.compressed); z.err != nil {
		z.err = cutShort(z.err)
		return
	}
	z.queue = append(z.queue, b)
	go func() {
		defer close(b.done)
		b.err = inflate(b.content, b.compressed)
	}()
}

func resize(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

var decoders sync.Pool // of io.ReadCloser from flate.NewReader

// sentinel is a deflate stream's last block, stored, with content that nobody
// foresees. It is unpacked behind each block, and comes out as it is only where
// that has ended: a deflate block may announce more than there is, and to other
// readers what follows would be part of it.
var sentinel = func() []byte {
	const length = 16
	b := []byte{1, length, 0, 0xff ^ length, 0xff}
	secret := make([]byte, length)
	rand.Read(secret) //nolint:errcheck // it never fails
	return append(b, secret...)
}()

// storedHead is the length of what stands before a stored block's content.
const storedHead = 5

// inflate unpacks one block, which must have exactly the length of content.
// Behind compressed it overwrites as much as the sentinel takes, if there is room.
func inflate(content, compressed []byte) error {
	if !bytes.HasSuffix(compressed, flushed) {
		return errors.New("a block does not end where it should")
	}
	in := bytes.NewReader(append(compressed, sentinel...))
	dec, ok := decoders.Get().(io.ReadCloser)
	if !ok {
		dec = flate.NewReader(in)
	} else if err := dec.(flate.Resetter).Reset(in, nil); err != nil {
		return err
	}
	defer decoders.Put(dec)
	if _, err := io.ReadFull(dec, content); err != nil {
		return err
	}
	want := sentinel[storedHead:]
	more := make([]byte, len(want)+1)
	if n, err := io.ReadFull(dec, more); !errors.Is(err, io.ErrUnexpectedEOF) || !bytes.Equal(more[:n], want) || in.Len() > 0 {
		return errors.New("a block has not the length that it announces")
	}
	return nil
}

// expect reads bytes that are known.
func (z *Reader) expect(want []byte) {
	got := make([]byte, len(want))
	if _, err := io.ReadFull(z.r, got); err != nil {
		z.err = cutShort(err)
	} else if !bytes.Equal(got, want) {
		z.err = ErrMalformed
	}
	z.offset += int64(len(want))
}

// finish reads the end of the member that holds the content, and what follows.
func (z *Reader) finish() {
	end := append([]byte{}, lastBlock...)
	end = binary.LittleEndian.AppendUint32(end, z.sum)
	end = binary.LittleEndian.AppendUint32(end, uint32(z.size)) //nolint:gosec // modulo 2^32, says RFC 1952
	z.expect(end)
	if z.err == nil {
		_, z.err = io.Copy(io.Discard, z.r)
	}
}

func cutShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("gzip: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// Close waits for the blocks that are being unpacked. It does not close the
// reader below.
func (z *Reader) Close() error {
	for _, b := range z.queue {
		<-b.done
	}
	z.queue, z.rest = nil, nil
	if z.err == nil {
		z.err = fmt.Errorf("gzip: %w", io.ErrClosedPipe)
	}
	return nil
}
