package catalog

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
	"zombiezen.com/go/sqlite"
)

// Records that are rarely asked for are put together into blocks, each of which is
// compressed by itself and is a row of the table block.
//
// A place is where a record stands: the number of its block, and where in that it
// begins, which is with its length.
type place int64

// nowhere is the place of a record that there is not.
const nowhere place = -1

const (
	blockSize    = 128 << 10 // of a block's content, bytes, as soon as it has that
	offsetBits   = 28        // of a place; a block that has one large record is not as long
	maxBlock     = 1<<offsetBits - 1
	maxBlockRead = maxBlock + binary.MaxVarintLen64
)

var errDamaged = errors.New("the catalog is damaged")

// damaged tells what is wrong with the file.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errDamaged, fmt.Sprintf(format, args...))
}

// blockWriter writes records in blocks.
type blockWriter struct {
	insert *sqlite.Stmt
	last   *int64 // block that was numbered
	buf    []byte
	number int64 // of the block that is being filled, 0: there is none
	packed []byte
	enc    *zstd.Encoder
}

func (b *builder) newBlockWriter() *blockWriter {
	return &blockWriter{insert: b.conn.Prep("INSERT INTO block (id, data) VALUES (?, ?)"), last: &b.blocks, enc: b.enc}
}

// add writes a record, whose place it returns.
func (w *blockWriter) add(record []byte) (place, error) {
	if len(w.buf)+len(record)+binary.MaxVarintLen32 > maxBlock {
		if err := w.flush(); err != nil {
			return 0, err
		}
	}
	if len(record)+binary.MaxVarintLen32 > maxBlock {
		return 0, fmt.Errorf("a record of %d bytes is too large", len(record))
	}
	if w.number == 0 {
		*w.last++
		w.number = *w.last
	}
	at := place(w.number<<offsetBits | int64(len(w.buf)))
	w.buf = binary.AppendUvarint(w.buf, uint64(len(record)))
	w.buf = append(w.buf, record...)
	if len(w.buf) >= blockSize {
		return at, w.flush()
	}
	return at, nil
}

// flush ends the block that is being filled.
func (w *blockWriter) flush() error {
	if w.number == 0 {
		return nil
	}
	err := w.write(w.number, w.buf)
	w.number, w.buf = 0, w.buf[:0]
	if cap(w.buf) > 8*blockSize {
		w.buf = nil
	}
	return err
}

// write writes a whole block.
func (w *blockWriter) write(number int64, content []byte) error {
	w.packed = w.enc.EncodeAll(content, w.packed[:0])
	w.insert.BindInt64(1, number)
	w.insert.BindBytes(2, w.packed)
	_, err := w.insert.Step()
	if cap(w.packed) > 8*blockSize {
		w.packed = nil
	}
	return errors.Join(err, w.insert.Reset())
}

// newEncoder makes the compressor of blocks.
func newEncoder() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(256<<10), zstd.WithLowerEncoderMem(true))
}

// decoder unpacks blocks. It has no state between them.
var decoder = func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxBlockRead), zstd.WithDecoderLowmem(true))
	if err != nil {
		panic("catalog: " + err.Error()) // only options are wrong
	}
	return d
}()

// readBlock returns the content of a block.
func readBlock(conn *sqlite.Conn, number int64) ([]byte, error) {
	stmt, err := conn.Prepare("SELECT data FROM block WHERE id = ?")
	if err != nil {
		return nil, err
	}
	defer stmt.Reset() //nolint:errcheck // what it returns was returned
	stmt.BindInt64(1, number)
	switch found, err := stmt.Step(); {
	case err != nil:
		return nil, err
	case !found:
		return nil, damaged("there is no block %d", number)
	}
	packed := make([]byte, stmt.ColumnLen(0))
	stmt.ColumnBytes(0, packed)
	content, err := decoder.DecodeAll(packed, nil)
	if err != nil {
		return nil, damaged("block %d: %v", number, err)
	}
	return content, nil
}

// readRecord returns the record at a place.
func readRecord(conn *sqlite.Conn, at place) ([]byte, error) {
	if at < 0 {
		return nil, nil
	}
	content, err := readBlock(conn, int64(at>>offsetBits))
	if err != nil {
		return nil, err
	}
	return recordIn(content, at)
}

// recordIn returns the record at a place of a block that was read.
func recordIn(content []byte, at place) ([]byte, error) {
	offset := int(at & maxBlock)
	if offset > len(content) {
		return nil, damaged("a record is behind its block")
	}
	length, n := binary.Uvarint(content[offset:])
	if rest := content[offset+max(n, 0):]; n > 0 && length <= uint64(len(rest)) {
		return rest[:length], nil
	}
	return nil, damaged("a record is longer than its block")
}
