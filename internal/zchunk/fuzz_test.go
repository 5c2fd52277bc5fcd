package zchunk

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzReader: whatever is in a file, reading it ends, with no more than was
// announced.
func FuzzReader(f *testing.F) {
	for _, dict := range dicts(f) {
		data, _ := write(f, dict, text(1, 60), text(2, 90))
		f.Add(data)
	}
	f.Add(good().bytes())
	f.Fuzz(readAny)
}

// FuzzHeader is FuzzReader with a header checksum that is always right, so that
// what it protects is reached.
func FuzzHeader(f *testing.F) {
	for _, dict := range dicts(f) {
		data, header := write(f, dict, text(1, 60), text(2, 90))
		z := &Reader{in: newIn(data)}
		rest, err := z.readHeader()
		require.NoError(f, err)
		f.Add(int64(headerSum), rest, data[header.Size:])
	}
	g := good()
	f.Add(int64(headerSum), g.rest(), g.data)
	g.flags, g.elements = flagOptional, []byte{0x81, 0x85, 0x81, 'x'}
	f.Add(int64(headerSum), g.rest(), g.data)
	g.flags = flagContentSums
	f.Add(int64(0), g.rest(), g.data)
	f.Fuzz(func(t *testing.T, checksumType int64, rest, data []byte) {
		readAny(t, withHeader(checksumType&3, rest, 0, data))
	})
}

// FuzzChunk: whatever is in a chunk whose checksums are right.
func FuzzChunk(f *testing.F) {
	f.Add(good().data, int64(7))
	f.Add([]byte("\x28\xb5\x2f\xfd\x00\xff\x01\x00\x00"), int64(0))
	f.Fuzz(func(t *testing.T, packed []byte, content int64) {
		file := good()
		file.pack(packed, content&0xfffff)
		readAny(t, file.bytes())
	})
}

func readAny(t *testing.T, data []byte) {
	z, err := NewReader(bytes.NewReader(data))
	if err != nil {
		if errors.Is(err, io.EOF) {
			t.Error("io.EOF is not an error to return")
		}
		return
	}
	n, err := io.Copy(io.Discard, z)
	if n > z.Size() || err == nil && n != z.Size() {
		t.Errorf("%d bytes, and %d were announced: %v", n, z.Size(), err)
	}
	require.NoError(t, z.Close())
}
