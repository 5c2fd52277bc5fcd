package zchunk

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRoundTrip(t *testing.T) {
	for name, dict := range dicts(t) {
		for what, chunks := range map[string][][]byte{
			"nothing":  nil,
			"one byte": {{'x'}},
			"chunks":   {text(1, 100), text(2, 5000), text(1, 100), {0}, text(4, 300_000)},
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				data, header := write(t, dict, chunks...)
				r, err := NewReader(iotest.OneByteReader(bytes.NewReader(data)))
				require.NoError(t, err)
				assert.Equal(t, header, r.Header())
				assert.True(t, bytes.Equal(dict, r.Dict()))
				want := bytes.Join(chunks, nil)
				assert.Equal(t, int64(len(want)), r.Size())
				got, err := io.ReadAll(r)
				require.NoError(t, err)
				assert.True(t, bytes.Equal(want, got))
				require.NoError(t, r.Close())

				list := entries(t, data)
				require.Len(t, list, 1+len(chunks))
				sum := header.Size
				for i, c := range list {
					sum += int64(c.packed)
					if i > 0 {
						assert.Len(t, chunks[i-1], c.content)
					}
				}
				assert.Equal(t, int64(len(data)), sum)
				if what == "chunks" {
					assert.Equal(t, list[1], list[3], "the same content")
				}
			})
		}
	}
}

// TestBytes: nothing about the format changes unnoticed.
func TestBytes(t *testing.T) {
	data, header := write(t, nil, []byte("a"))
	assert.Equal(t, int64(113), header.Size)
	assert.Equal(t, "sha256", header.ChecksumType)
	assert.Equal(t, "005a434b31", hex.EncodeToString(data[:5]))
	assert.Equal(t, "81ca", hex.EncodeToString(data[5:7]), "SHA-256; 74 bytes behind the checksum")
	assert.Equal(t, header.Checksum, data[7:39])
	assert.Equal(t, "8082a68382"+"00000000000000000000000000000000"+"8080", hex.EncodeToString(data[71:94]),
		"no flags, zstd, the size of the index, SHA-512/128, two chunks, no dictionary")
	assert.Equal(t, checksumTypes[chunkSum].of(data[113:]), data[94:110])
	assert.Equal(t, []byte{byte(len(data)-113) | 0x80, 0x81, 0x80}, data[110:113])
}

// TestLargeChunks are cut where libzck cuts them.
func TestLargeChunks(t *testing.T) {
	large := bytes.Repeat(text(1, 1<<20), 21)[:2*maxWritten+5]
	for _, piece := range []int{len(large), 3 << 20} {
		var b bytes.Buffer
		w, err := NewWriter(&b, newSpool(t), nil)
		require.NoError(t, err)
		for rest := large; len(rest) > 0; {
			n, err := w.Write(rest[:min(piece, len(rest))])
			require.NoError(t, err)
			rest = rest[n:]
		}
		require.NoError(t, w.Close())
		var sizes []int
		for _, c := range entries(t, b.Bytes())[1:] {
			sizes = append(sizes, c.content)
		}
		assert.Equal(t, []int{maxWritten, maxWritten, 5}, sizes)
	}
	data, _ := write(t, nil, large[:maxWritten])
	assert.Len(t, entries(t, data), 2, "not cut before there is more")
}

// TestChunksDoNotDependOnOthers: a chunk is the same bytes wherever it stands.
func TestChunksDoNotDependOnOthers(t *testing.T) {
	for name, dict := range dicts(t) {
		t.Run(name, func(t *testing.T) {
			all := [][]byte{text(1, 700), text(2, 200_000), {0}, text(3, 90), bytes.Repeat([]byte("x"), 5000), text(5, 3000)}
			want := make([]chunk, len(all))
			for i, c := range all {
				data, _ := write(t, dict, c)
				want[i] = entries(t, data)[1]
			}
			for round := range 3 {
				var chunks [][]byte
				for i := range all {
					chunks = append(chunks, all[(i*5+round)%len(all)])
				}
				data, _ := write(t, dict, append(chunks, chunks...)...)
				for i, c := range entries(t, data)[1:] {
					assert.Equal(t, want[(i*5+round)%len(all)], c)
				}
			}
		})
	}
}

// broken fails in one of its ways.
type broken struct {
	io.ReadWriteSeeker
	write, read error
}

func (b broken) Write(p []byte) (int, error) {
	if b.write != nil {
		return 0, b.write
	}
	return b.ReadWriteSeeker.Write(p)
}

func (b broken) Read(p []byte) (int, error) {
	if b.read != nil {
		return 0, b.read
	}
	return b.ReadWriteSeeker.Read(p)
}

func TestWriterPassesErrorsOn(t *testing.T) {
	full := errors.New("the disk is full")
	write := func(out io.Writer, spool io.ReadWriteSeeker) error {
		w, err := NewWriter(out, spool, nil)
		if err != nil {
			return err
		}
		_, err = w.Write(text(1, 100))
		return errors.Join(err, w.EndChunk(), w.Close())
	}
	require.NoError(t, write(io.Discard, newSpool(t)))
	require.ErrorIs(t, write(io.Discard, broken{newSpool(t), full, nil}), full)
	require.ErrorIs(t, write(io.Discard, broken{newSpool(t), nil, full}), full)
	require.ErrorIs(t, write(broken{nil, full, nil}, newSpool(t)), full)

	w, err := NewWriter(io.Discard, newSpool(t), nil)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	_, err = w.Write([]byte("x"))
	require.Error(t, err, "behind the end")
}

func TestCheckDict(t *testing.T) {
	for name, dict := range dicts(t) {
		require.NoError(t, CheckDict(dict), name)
	}
	require.ErrorContains(t, CheckDict(make([]byte, MaxDict+1)), "more than 4194304 bytes")
	require.Error(t, CheckDict(formattedDict(t)[:60]))
	_, err := NewWriter(io.Discard, newSpool(t), formattedDict(t)[:60])
	require.Error(t, err)
}

func TestIntegers(t *testing.T) {
	for n, want := range map[int64]string{0: "80", 1: "81", 127: "ff", 128: "0081", 300: "2c82", math.MaxInt64: "7f7f7f7f7f7f7f7fff"} {
		b := appendInt(nil, n)
		assert.Equal(t, want, hex.EncodeToString(b))
		got, rest, err := cutInt(append(b, 7))
		require.NoError(t, err)
		assert.Equal(t, n, got)
		assert.Equal(t, []byte{7}, rest)
	}
	for _, bad := range []string{"", "00", "7f7f", "0000000000000000" + "0081", "7f7f7f7f7f7f7f7f7f7f7f7f7f"} {
		b, err := hex.DecodeString(bad)
		require.NoError(t, err)
		_, _, err = cutInt(b)
		assert.ErrorIs(t, err, errMalformed, bad)
	}
}
