package zchunk

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// Bounds on what is read, in bytes. libzck cuts chunks at 10 MiB; a header has
// some twenty bytes a chunk.
const (
	maxHeader = 64 << 20
	maxChunk  = 64 << 20 // of content
	maxPacked = maxChunk + 1<<20
)

// A Reader reads a file's content: all its chunks. Nothing of a chunk is handed
// out, nor unpacked, before its checksum was compared. Memory is taken for the header
// and for one chunk.
type Reader struct {
	in      *bufio.Reader
	header  Header
	content int64 // bytes in all, as announced
	dict    []byte

	flags       int64
	compression int64
	chunkSum    checksumType
	dataSum     []byte // nil: the file has none
	data        hash.Hash
	dataType    checksumType
	index       []byte // the entries of the chunks that are still to be read
	decoder     *zstd.Decoder
	packed      []byte
	unpacked    []byte
	rest        []byte // of unpacked
	err         error
}

// NewReader reads the header and the dictionary.
func NewReader(r io.Reader) (*Reader, error) {
	z := &Reader{in: bufio.NewReaderSize(r, 64<<10)}
	rest, err := z.readHeader()
	if err == nil {
		err = z.parse(rest)
	}
	if err == nil {
		err = z.readDict()
	}
	if err != nil {
		return nil, err
	}
	return z, nil
}

// Header describes the header.
func (z *Reader) Header() Header { return z.header }

// Size is how many bytes the content has, as the header announces.
func (z *Reader) Size() int64 { return z.content }

// Dict is the dictionary that the chunks are compressed with; nil: there is
// none.
func (z *Reader) Dict() []byte { return z.dict }

// readHeader reads the header and compares its checksum. It returns what
// stands behind the lead.
func (z *Reader) readHeader() ([]byte, error) {
	lead, err := readN(z.in, nil, len(magic))
	if err != nil {
		return nil, err
	}
	if string(lead) != magic {
		return nil, fmt.Errorf("%w: it does not begin as one", errMalformed)
	}
	number, lead, err := z.readInt(lead)
	if err != nil {
		return nil, err
	}
	if z.dataType, err = typeOf(number); err != nil {
		return nil, err
	}
	size, lead, err := z.readInt(lead)
	if err != nil {
		return nil, err
	}
	if size > maxHeader {
		return nil, fmt.Errorf("%w: a header of %d bytes, and no more than %d are read", errMalformed, size, maxHeader)
	}
	checksum, err := readN(z.in, nil, z.dataType.size)
	if err != nil {
		return nil, err
	}
	rest, err := readN(z.in, nil, int(size))
	if err != nil {
		return nil, err
	}
	sum := z.dataType.new()
	sum.Write(lead)
	sum.Write(rest)
	if !bytes.Equal(z.dataType.sum(sum), checksum) {
		return nil, fmt.Errorf("%w: the header's checksum is another one", errMalformed)
	}
	z.header = Header{Size: int64(len(lead)+len(checksum)) + size, ChecksumType: z.dataType.name, Checksum: checksum}
	return rest, nil
}

// readInt reads an integer, and appends its bytes to lead.
func (z *Reader) readInt(lead []byte) (int64, []byte, error) {
	from := len(lead)
	for len(lead)-from < 9 {
		c, err := z.in.ReadByte()
		if err != nil {
			return 0, nil, cutShort(err)
		}
		if lead = append(lead, c); c&0x80 != 0 {
			break
		}
	}
	n, _, err := cutInt(lead[from:])
	return n, lead, err
}

func typeOf(number int64) (checksumType, error) {
	if number >= int64(len(checksumTypes)) {
		return checksumType{}, fmt.Errorf("%w: checksum type %d is not known", errMalformed, number)
	}
	return checksumTypes[number], nil
}

// parse takes apart what stands behind the lead.
func (z *Reader) parse(b []byte) (err error) {
	if len(b) < z.dataType.size {
		return cutShort(io.EOF)
	}
	z.data = z.dataType.new()
	z.dataSum, b = b[:z.dataType.size], b[z.dataType.size:]
	if z.flags, b, err = cutInt(b); err != nil {
		return err
	}
	if z.flags&^(flagOptional|flagContentSums) != 0 {
		return fmt.Errorf("%w: flags %#x are not known", errMalformed, z.flags)
	}
	// Whoever makes such a file may have written the header before the data.
	if z.flags&flagContentSums != 0 && len(bytes.Trim(z.dataSum, "\x00")) == 0 {
		z.dataSum = nil
	}
	if z.compression, b, err = cutInt(b); err != nil {
		return err
	}
	if z.compression != uncompressed && z.compression != compressZstd {
		return fmt.Errorf("%w: compression type %d is not known", errMalformed, z.compression)
	}
	if z.flags&flagOptional != 0 {
		if b, err = skipElements(b); err != nil {
			return err
		}
	}
	index, b, err := cutBytes(b)
	if err != nil {
		return err
	}
	if b, err = skipElements(b); err != nil { // the signatures
		return err
	}
	if len(b) > 0 {
		return fmt.Errorf("%w: %d bytes too many in the header", errMalformed, len(b))
	}
	return z.parseIndex(index)
}

// cutBytes cuts a size, and as many bytes, from the start of b.
func cutBytes(b []byte) (cut, rest []byte, err error) {
	n, b, err := cutInt(b)
	if err != nil {
		return nil, nil, err
	}
	if n > int64(len(b)) {
		return nil, nil, cutShort(io.EOF)
	}
	return b[:n], b[n:], nil
}

// skipElements skips a number, and so many pairs of a type and of bytes.
func skipElements(b []byte) ([]byte, error) {
	n, b, err := cutInt(b)
	for ; err == nil && n > 0; n-- {
		if _, b, err = cutInt(b); err == nil {
			_, b, err = cutBytes(b)
		}
	}
	return b, err
}

// parseIndex checks the index. Its entries are taken apart again as they are
// needed.
func (z *Reader) parseIndex(b []byte) error {
	number, b, err := cutInt(b)
	if err != nil {
		return err
	}
	if z.chunkSum, err = typeOf(number); err != nil {
		return err
	}
	count, b, err := cutInt(b)
	if err != nil {
		return err
	}
	if count < 1 {
		return fmt.Errorf("%w: there are no chunks, not even the dictionary", errMalformed)
	}
	z.index = b
	for i := range count {
		var c chunk
		if c, b, err = z.cutChunk(b); err != nil {
			return err
		}
		switch {
		case i == 0 && max(c.content, c.packed) > MaxDict:
			return fmt.Errorf("%w: a dictionary of more than %d bytes", errMalformed, MaxDict)
		case c.content > maxChunk || c.packed > maxPacked:
			return fmt.Errorf("%w: a chunk of %d bytes, and no more than %d are read", errMalformed, max(c.content, c.packed), maxChunk)
		case (c.content == 0) != (c.packed == 0), z.compression == uncompressed && c.content != c.packed:
			return fmt.Errorf("%w: a chunk of %d bytes that unpacks to %d", errMalformed, c.packed, c.content)
		}
		if i > 0 {
			z.content += int64(c.content)
		}
	}
	if len(b) > 0 {
		return fmt.Errorf("%w: %d bytes too many in the index", errMalformed, len(b))
	}
	return nil
}

// chunk is an entry of the index.
type chunk struct {
	sum             []byte
	packed, content int
}

func (z *Reader) cutChunk(b []byte) (c chunk, rest []byte, err error) {
	sums := z.chunkSum.size
	if z.flags&flagContentSums != 0 {
		sums *= 2 // those of contents say nothing more, and libzck's is wrong for a dictionary
	}
	if len(b) < sums {
		return c, nil, cutShort(io.EOF)
	}
	c.sum, b = b[:z.chunkSum.size], b[sums:]
	packed, b, err := cutInt(b)
	if err != nil {
		return c, nil, err
	}
	content, b, err := cutInt(b)
	if err != nil {
		return c, nil, err
	}
	const most = 1 << 30 // an int everywhere; parseIndex has the bounds
	c.packed, c.content = int(min(packed, most)), int(min(content, most))
	return c, b, nil
}

func (z *Reader) readDict() (err error) {
	if z.compression == compressZstd {
		if z.decoder, err = newDecoder(nil); err != nil {
			return err
		}
	}
	dict, err := z.nextChunk()
	if err != nil || len(dict) == 0 {
		return err
	}
	z.dict = slices.Clone(dict)
	if z.decoder == nil {
		return nil
	}
	z.decoder.Close()
	if z.decoder, err = newDecoder(z.dict); err != nil {
		return fmt.Errorf("%w: the dictionary: %w", errMalformed, err)
	}
	return nil
}

// nextChunk returns the content of the next chunk of the index, valid until the
// next call.
func (z *Reader) nextChunk() ([]byte, error) {
	c, rest, err := z.cutChunk(z.index)
	if err != nil {
		return nil, err
	}
	z.index = rest
	if c.packed == 0 {
		return nil, nil
	}
	if z.packed, err = readN(z.in, z.packed, c.packed); err != nil {
		return nil, err
	}
	z.data.Write(z.packed)
	if !bytes.Equal(z.chunkSum.of(z.packed), c.sum) {
		return nil, fmt.Errorf("%w: a chunk's checksum is another one", errMalformed)
	}
	content := z.packed
	if z.decoder != nil {
		if cap(z.unpacked) < c.content {
			z.unpacked = make([]byte, 0, c.content)
		}
		if content, err = z.decoder.DecodeAll(z.packed, z.unpacked[:0:c.content]); err != nil {
			return nil, fmt.Errorf("%w: a chunk: %w", errMalformed, err)
		}
	}
	if len(content) != c.content {
		return nil, fmt.Errorf("%w: a chunk unpacks to %d bytes, and the index says %d", errMalformed, len(content), c.content)
	}
	return content, nil
}

// Read reads the content.
func (z *Reader) Read(p []byte) (int, error) {
	for len(z.rest) == 0 && z.err == nil {
		if len(z.index) == 0 {
			z.err = z.end()
		} else {
			z.rest, z.err = z.nextChunk()
		}
	}
	if len(z.rest) == 0 {
		return 0, z.err
	}
	n := copy(p, z.rest)
	z.rest = z.rest[n:]
	return n, nil
}

// end compares the checksum of all that was read.
func (z *Reader) end() error {
	if z.dataSum != nil && !bytes.Equal(z.dataType.sum(z.data), z.dataSum) {
		return fmt.Errorf("%w: the checksum of the data is another one", errMalformed)
	}
	return io.EOF
}

// Close frees what reading takes. It does not close what is read from.
func (z *Reader) Close() error {
	if z.decoder != nil {
		z.decoder.Close()
	}
	z.rest, z.err = nil, errors.New("zchunk: read after Close")
	return nil
}
