package blockgzip

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// entries is content in pieces, each with the hash that MayCut is called with.
func entries(n int) [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	list := make([][]byte, n)
	for i := range list {
		e := make([]byte, 8*(100+r.IntN(3_000)))
		for j := 0; j < len(e); j += 8 {
			binary.BigEndian.PutUint64(e[j:], 0x6162636465666768^r.Uint64()&0x0707070707070707)
		}
		list[i] = binary.BigEndian.AppendUint64(e, r.Uint64())
	}
	return list
}

func hashOf(entry []byte) uint64 { return binary.BigEndian.Uint64(entry[len(entry)-8:]) }

func write(t testing.TB, workers int, list [][]byte, old ...*Old) []byte {
	t.Helper()
	return writeWith(t, NewPool(workers, 1), list, old...)
}

func writeWith(t testing.TB, pool *Pool, list [][]byte, old ...*Old) []byte {
	t.Helper()
	var b bytes.Buffer
	z := NewWriter(&b, pool)
	for _, o := range old {
		z.Reuse(o)
	}
	for _, e := range list {
		n, err := z.Write(e)
		require.NoError(t, err)
		require.Equal(t, len(e), n)
		z.MayCut(hashOf(e))
	}
	require.NoError(t, z.Close())
	return b.Bytes()
}

// read reads a file by its index.
func read(file []byte, workers int, old *Old) ([]byte, error) {
	x, ok := ReadIndex(bytes.NewReader(file), int64(len(file)))
	if !ok {
		return nil, errors.New("no index")
	}
	z := NewReader(iotest.HalfReader(bytes.NewReader(file)), x, workers, old)
	content, err := io.ReadAll(z)
	return content, errors.Join(err, z.Close())
}

// TestAnyReader: the first member has all of the content, and what reads all
// members reads no more.
func TestAnyReader(t *testing.T) {
	for _, n := range []int{0, 1, 20, 200} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			list := entries(n)
			want := bytes.Join(list, nil)
			file := write(t, 2, list)
			for _, multi := range []bool{true, false} {
				z, err := gzip.NewReader(bytes.NewReader(file))
				require.NoError(t, err)
				z.Multistream(multi)
				got, err := io.ReadAll(z)
				require.NoError(t, err)
				require.True(t, bytes.Equal(want, got))
			}
			x, ok := ReadIndex(bytes.NewReader(file), int64(len(file)))
			require.Equal(t, n > 20, ok, "an index is of several blocks")
			if ok {
				require.EqualValues(t, len(want), x.Size)
				got, err := read(file, 2, nil)
				require.NoError(t, err)
				require.True(t, bytes.Equal(want, got))
			}
		})
	}
}

func TestSameForAnyWorkers(t *testing.T) {
	list := entries(120)
	first := write(t, 1, list)
	for _, workers := range []int{2, 5} {
		require.True(t, bytes.Equal(first, write(t, workers, list)), "%d workers", workers)
	}
	// An encoder that was used before gives what a new one does.
	pool := NewPool(1, 6)
	first = writeWith(t, pool, list)
	require.True(t, bytes.Equal(first, writeWith(t, pool, list)))
	require.True(t, bytes.Equal(first, writeWith(t, NewPool(3, 6), list)))
}

// TestReuse: a file that is made with the help of an old one is the same as
// without, and most blocks are not compressed again.
func TestReuse(t *testing.T) {
	list := entries(250)
	file := write(t, 2, list)
	old := NewOld(bytes.NewReader(file))
	_, err := read(file, 3, old)
	require.NoError(t, err)

	cannotCompress := NewPool(2, 99)
	require.True(t, bytes.Equal(file, writeWith(t, cannotCompress, list, old)), "all is there")

	changed := append([][]byte{}, list...)
	changed[120] = append([]byte("other"), list[120]...)
	changed = append(changed[:40], changed[41:]...)
	want := write(t, 2, changed)
	assert.True(t, bytes.Equal(want, write(t, 2, changed, old)))
	now := NewOld(bytes.NewReader(want))
	_, err = read(want, 3, now)
	require.NoError(t, err)
	now.seed = old.seed
	var same int
	for _, b := range now.blocks {
		for _, o := range old.blocks {
			if bytes.Equal(want[b.offset:][:b.compressed], file[o.offset:][:o.compressed]) {
				same++
			}
		}
	}
	assert.Greater(t, same, len(now.blocks)/3, "blocks of %d", len(now.blocks))

	// What is not there any more is compressed.
	gone := NewOld(bytes.NewReader(nil))
	gone.blocks, gone.seed = old.blocks, old.seed
	assert.True(t, bytes.Equal(want, write(t, 2, changed, gone)))
	// Nor is it taken if it has changed.
	broken := bytes.Clone(file)
	for i := 1000; i < len(broken); i += 5000 {
		broken[i] ^= 1
	}
	lying := NewOld(bytes.NewReader(broken))
	lying.blocks, lying.seed = old.blocks, old.seed
	assert.True(t, bytes.Equal(want, write(t, 2, changed, lying)))
}

// TestCopyBlocks: a file whose beginning is another one is the one that is written
// so from the start, and only its first block is compressed.
func TestCopyBlocks(t *testing.T) {
	list := entries(200)
	file := write(t, 2, list)
	renamed := append([][]byte{}, list...)
	renamed[0] = append([]byte("HEAD"), list[0][3:]...)
	want := write(t, 2, renamed)

	old := NewOld(bytes.NewReader(file))
	x, ok := ReadIndex(bytes.NewReader(file), int64(len(file)))
	require.True(t, ok)
	r := NewReader(bytes.NewReader(file), x, 2, old)
	_, err := io.CopyN(io.Discard, r, 3)
	require.NoError(t, err)
	var b bytes.Buffer
	z := NewWriter(&b, NewPool(2, 1))
	z.Reuse(old)
	_, err = z.Write([]byte("HEAD"))
	require.NoError(t, err)
	require.NoError(t, r.CopyBlocks(z, z.Cut))
	require.NoError(t, z.Close())
	assert.True(t, bytes.Equal(want, b.Bytes()))
}

// TestDamage: whatever byte is another one, the file is not read as if it were
// whole, unless it says what it said.
func TestDamage(t *testing.T) {
	list := entries(60)
	want := bytes.Join(list, nil)
	file := write(t, 2, list)
	r := rand.New(rand.NewPCG(3, 4))
	places := make([]int, 0, 200)
	for i := range 60 { // both ends, where the structure is
		places = append(places, i, len(file)-1-i)
	}
	for range 40 {
		places = append(places, r.IntN(len(file)))
	}
	for _, i := range places {
		broken := bytes.Clone(file)
		broken[i] ^= byte(1 + r.IntN(255))
		got, err := read(broken, 2, nil)
		if err == nil {
			require.True(t, bytes.Equal(want, got), "byte %d", i)
		}
	}
	x, _ := ReadIndex(bytes.NewReader(file), int64(len(file)))
	for _, n := range []int{0, 5, 10, 1000, len(file) / 2, len(file) - 100} {
		_, err := io.ReadAll(NewReader(bytes.NewReader(file[:n]), x, 2, nil))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%d bytes", n)
	}
	_, err := io.ReadAll(NewReader(io.MultiReader(bytes.NewReader(file[:9000]), iotest.ErrReader(io.ErrNoProgress)), x, 2, nil))
	require.ErrorIs(t, err, io.ErrNoProgress)
}

// TestLyingIndex: lengths that do not fit, and such as would take memory.
func TestLyingIndex(t *testing.T) {
	pair := func(numbers ...uint64) (b []byte) {
		for _, n := range numbers {
			b = binary.AppendUvarint(b, n)
		}
		return b
	}
	for name, index := range map[string][]byte{
		"too large":   pair(10, maxBlock+1),
		"compressed":  pair(4*maxBlock, 10),
		"huge":        pair(10, 1<<63),
		"no content":  pair(10, 0),
		"half a pair": pair(10),
		"no number":   {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"too short":   pair(10, 10),
	} {
		_, ok := parseIndex(index, 20)
		assert.False(t, ok, name)
	}
	x, ok := parseIndex(pair(10, 5, 10, 6), 20)
	assert.True(t, ok)
	assert.EqualValues(t, 11, x.Size)

	_, ok = ReadIndex(bytes.NewReader(nil), 0)
	assert.False(t, ok)
	_, ok = ReadIndex(bytes.NewReader(emptyEnd), int64(len(emptyEnd)))
	assert.False(t, ok)
}

// TestUnfinishedBlock: a block that to others goes on in the next one is none.
func TestUnfinishedBlock(t *testing.T) {
	stored := func(content []byte, announced uint16) []byte {
		b := binary.LittleEndian.AppendUint16([]byte{0}, announced)
		return append(binary.LittleEndian.AppendUint16(b, ^announced), content...)
	}
	// Bits of a fixed Huffman code, which make the literals 0 and 1 and then stop.
	huffman := []byte{0x62, 0x64}
	second := append(stored([]byte("second"), 6), append([]byte{0}, flushed...)...)
	for name, c := range map[string]struct {
		first []byte // compressed
		gives []byte
		ok    bool
	}{
		"whole":    {append(stored([]byte("first"), 5), append([]byte{0}, flushed...)...), []byte("first"), true},
		"stored":   {stored([]byte("first\x00\x00\xff\xff"), 14), []byte("first\x00\x00\xff\xff"), false},
		"inside":   {stored([]byte("first\x00\x00\xff\xff"), 10_000), []byte("first\x00\x00\xff\xff"), false},
		"huffman":  {slices.Concat(huffman, flushed), nil, false},
		"the last": {append(append([]byte{1}, stored([]byte("first"), 5)[1:]...), append([]byte{0}, flushed...)...), []byte("first"), false},
	} {
		if c.gives == nil {
			dec := flate.NewReader(bytes.NewReader(c.first))
			c.gives, _ = io.ReadAll(dec) //nolint:errcheck // it ends in the middle
			require.NotEmpty(t, c.gives)
		}
		err := inflate(make([]byte, len(c.gives)), c.first)
		assert.Equal(t, c.ok, err == nil, "%s: %v", name, err)

		content := append(bytes.Clone(c.gives), "second"...)
		file := slices.Concat(memberHeader, c.first, second, lastBlock)
		file = binary.LittleEndian.AppendUint32(file, crc32.ChecksumIEEE(content))
		file = binary.LittleEndian.AppendUint32(file, uint32(len(content)))
		var index []byte
		for _, n := range []int{len(c.first), len(c.gives), len(second), len("second")} {
			index = binary.AppendUvarint(index, uint64(n))
		}
		got, err := read(appendIndex(file, index), 2, nil)
		if c.ok {
			require.NoError(t, err, name)
			require.Equal(t, content, got, name)
		} else {
			require.ErrorIs(t, err, ErrMalformed, name)
		}
	}
}

func TestWriteError(t *testing.T) {
	full := errors.New("full")
	z := NewWriter(&failing{after: 3, err: full}, NewPool(2, 6))
	var err error
	for _, e := range entries(300) {
		if _, err = z.Write(e); err != nil {
			break
		}
		z.MayCut(hashOf(e))
	}
	require.ErrorIs(t, err, full)
	require.ErrorIs(t, z.Close(), full)
}

type failing struct {
	after int
	err   error
}

func (f *failing) Write(p []byte) (int, error) {
	if f.after--; f.after < 0 {
		return 0, f.err
	}
	return len(p), nil
}

// TestHugeIndex: content whose blocks are too many for an index has none.
func TestHugeIndex(t *testing.T) {
	index := bytes.Repeat([]byte{0x80, 0x80, 0x01}, 30_000)
	assert.Empty(t, appendIndex(nil, index))
	assert.NotEmpty(t, appendIndex(nil, index[:60_000]))
}

func FuzzReader(f *testing.F) {
	var b bytes.Buffer
	z := NewWriter(&b, NewPool(1, 6))
	for _, text := range []string{"some content", "and more"} {
		z.Write([]byte(text)) //nolint:errcheck // to memory
		z.cut()
	}
	z.Close() //nolint:errcheck // to memory
	f.Add(b.Bytes())
	f.Add(write(f, 1, entries(2)))
	f.Fuzz(func(t *testing.T, file []byte) {
		got, err := read(file, 2, NewOld(bytes.NewReader(file)))
		if err != nil {
			return
		}
		// What the index gives is what the file holds for everybody.
		r, err := gzip.NewReader(bytes.NewReader(file))
		require.NoError(t, err)
		want, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func BenchmarkWriter(b *testing.B) {
	list := entries(200)
	b.SetBytes(int64(len(bytes.Join(list, nil))))
	pool := NewPool(1, 6)
	for b.Loop() {
		z := NewWriter(io.Discard, pool)
		for _, e := range list {
			z.Write(e) //nolint:errcheck // to nowhere
			z.MayCut(hashOf(e))
		}
		z.Close() //nolint:errcheck // to nowhere
	}
}

func BenchmarkReader(b *testing.B) {
	list := entries(200)
	file := write(b, 1, list)
	b.SetBytes(int64(len(bytes.Join(list, nil))))
	for b.Loop() {
		if _, err := read(file, 1, nil); err != nil {
			b.Fatal(err)
		}
	}
}
