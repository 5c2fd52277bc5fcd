package blockgzip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// A Pool bounds how many blocks are compressed at a time, by all Writers that
// share it.
type Pool struct {
	slots    chan struct{}
	level    int
	encoders sync.Pool // of *flate.Writer
}

// NewPool returns a Pool for so many blocks at a time. level is flate's.
func NewPool(workers, level int) *Pool {
	return &Pool{slots: make(chan struct{}, max(1, workers)), level: level}
}

func (p *Pool) compress(b *block) {
	p.slots <- struct{}{}
	defer func() { <-p.slots }()
	out := bytes.NewBuffer(b.compressed[:0])
	enc, ok := p.encoders.Get().(*flate.Writer)
	if ok {
		enc.Reset(out)
	} else if enc, b.err = flate.NewWriter(out, p.level); b.err != nil {
		return
	}
	if _, b.err = enc.Write(b.content); b.err == nil {
		b.err = enc.Flush()
	}
	b.compressed = out.Bytes()
	p.encoders.Put(enc)
}

// block is a part of the content on its way into the file.
type block struct {
	content, compressed []byte
	err                 error
	done                chan struct{} // nil: it need not be waited for
}

// A Writer writes one file. Its result depends on what is written and where
// blocks may end, not on the Pool nor on Old.
type Writer struct {
	w    io.Writer
	pool *Pool
	old  []*Old

	cur   *block   // is filled
	queue []*block // are compressed, in their order
	free  []*block // may be filled again

	sum    uint32
	size   uint64
	blocks int // that were written
	index  []byte
	err    error
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer, pool *Pool) *Writer {
	z := &Writer{w: w, pool: pool, cur: &block{}}
	_, z.err = w.Write(memberHeader)
	return z
}

// Reuse lets blocks that o has be taken from there.
func (z *Writer) Reuse(o *Old) { z.old = append(z.old, o) }

// Write takes content.
func (z *Writer) Write(p []byte) (int, error) {
	written := 0
	for z.err == nil && len(p) > 0 {
		n := min(len(p), maxBlock-len(z.cur.content))
		z.cur.content = append(z.cur.content, p[:n]...)
		p = p[n:]
		written += n
		if len(z.cur.content) == maxBlock {
			z.cut()
		}
	}
	return written, z.err
}

// MayCut tells that a block may end here. hash, of what was written since it was
// called before, decides whether it does.
func (z *Writer) MayCut(hash uint64) {
	if len(z.cur.content) >= minBlock && hash%cutOneIn == 0 {
		z.cut()
	}
}

// Cut ends a block here.
func (z *Writer) Cut() {
	if len(z.cur.content) > 0 {
		z.cut()
	}
}

// cut ends the current block.
func (z *Writer) cut() {
	b := z.cur
	if compressed, ok := findOld(z.old, b); ok {
		b.compressed = compressed
	} else {
		b.done = make(chan struct{})
		go func() {
			defer close(b.done)
			z.pool.compress(b)
		}()
	}
	z.queue = append(z.queue, b)
	// One more than are compressed: there is a next one when one is done.
	for len(z.queue) > cap(z.pool.slots)+1 {
		z.drainOne()
	}
	if n := len(z.free); n > 0 {
		z.cur, z.free = z.free[n-1], z.free[:n-1]
	} else {
		z.cur = &block{}
	}
}

// drainOne writes the oldest block in the queue.
func (z *Writer) drainOne() {
	b := z.queue[0]
	z.queue = append(z.queue[:0], z.queue[1:]...)
	if b.done != nil {
		<-b.done
	}
	if z.err == nil {
		z.err = b.err
	}
	if z.err == nil && !bytes.HasSuffix(b.compressed, flushed) {
		z.err = errors.New("gzip: a block does not end as it should")
	}
	if z.err == nil {
		_, z.err = z.w.Write(b.compressed)
	}
	z.sum = crc32.Update(z.sum, crc32.IEEETable, b.content)
	z.size += uint64(len(b.content))
	z.blocks++
	if len(z.index) < maxExtra {
		z.index = binary.AppendUvarint(z.index, uint64(len(b.compressed)))
		z.index = binary.AppendUvarint(z.index, uint64(len(b.content)))
	}
	b.content, b.compressed, b.err, b.done = b.content[:0], b.compressed[:0], nil, nil
	z.free = append(z.free, b)
}

// Close writes what is left. It does not close the writer below.
func (z *Writer) Close() error {
	if z.err == nil && len(z.cur.content) > 0 {
		z.cut()
	}
	for len(z.queue) > 0 {
		z.drainOne() // its goroutines end, even after an error
	}
	if z.err != nil {
		return z.err
	}
	end := append([]byte{}, lastBlock...)
	end = binary.LittleEndian.AppendUint32(end, z.sum)
	end = binary.LittleEndian.AppendUint32(end, uint32(z.size)) //nolint:gosec // modulo 2^32, says RFC 1952
	if z.blocks > 1 {                                           // one is no use to anybody
		end = appendIndex(end, z.index)
	}
	if _, z.err = z.w.Write(end); z.err != nil {
		return z.err
	}
	z.err = fmt.Errorf("gzip: %w", io.ErrClosedPipe)
	return nil
}

// appendIndex appends the member that tells how long the blocks are.
func appendIndex(b, index []byte) []byte {
	length := len(index) + indexTrailer
	if subfieldHead+length > maxExtra {
		return b
	}
	b = append(b, extraHeader...)
	b = binary.LittleEndian.AppendUint16(b, uint16(subfieldHead+length)) //nolint:gosec // was compared
	b = append(b, subfieldID...)
	b = binary.LittleEndian.AppendUint16(b, uint16(length)) //nolint:gosec // was compared
	b = append(b, index...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(index))) //nolint:gosec // was compared
	return append(b, emptyEnd...)
}
