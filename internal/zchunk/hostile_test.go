package zchunk

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newIn(data []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(data)) }

// TestDamage: a bit that is another one, or an end that comes too early, is an
// error, and before it comes nothing but what is right.
func TestDamage(t *testing.T) {
	want := append(text(1, 300), text(2, 200)...)
	for name, dict := range dicts(t) {
		if name == "formatted" {
			continue // it is like the other, and takes long
		}
		data, _ := write(t, dict, text(1, 300), text(2, 200))
		got, err := read(append(bytes.Clone(data), "more"...))
		require.NoError(t, err, "what stands behind it is the caller's")
		require.Equal(t, string(want), got)
		for i := range data {
			got, err := read(data[:i])
			require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%d bytes", i)
			require.True(t, bytes.HasPrefix(want, []byte(got)))
			for _, bit := range []byte{1, 0x80} {
				bad := bytes.Clone(data)
				bad[i] ^= bit
				got, err = read(bad)
				require.Error(t, err, "byte %d", i)
				require.True(t, bytes.HasPrefix(want, []byte(got)))
			}
		}
	}
}

func TestReaderPassesErrorsOn(t *testing.T) {
	broken := errors.New("the disk is on fire")
	data, _ := write(t, nil, text(1, 300))
	for _, n := range []int{0, 6, 20, 60, len(data) - 1} {
		r, err := NewReader(io.MultiReader(bytes.NewReader(data[:n]), iotest.ErrReader(broken)))
		if err == nil {
			_, err = io.ReadAll(r)
			_, again := r.Read(make([]byte, 1))
			require.Equal(t, err, again)
		}
		require.ErrorIs(t, err, broken, "behind %d bytes", n)
	}
}

// file is one that can be anything but have a wrong header checksum.
type file struct {
	checksumType int64
	headerSize   int64 // beyond the real one
	dataSum      []byte
	flags        int64
	compression  int64
	elements     []byte
	indexSize    int64 // beyond the real one
	chunkType    int64
	count        int64 // beyond the real one
	entries      []entry
	signatures   []byte
	more         []byte
	data         []byte
}

type entry struct {
	sum             []byte
	packed, content int64
}

// good is one that is right.
func good() file {
	const content = "content"
	packed := []byte("\x28\xb5\x2f\xfd\x00\x58\x39\x00\x00" + content)
	return file{
		checksumType: headerSum, dataSum: checksumTypes[headerSum].of(packed), compression: compressZstd, chunkType: chunkSum,
		entries:    []entry{{make([]byte, 16), 0, 0}, {checksumTypes[chunkSum].of(packed), int64(len(packed)), int64(len(content))}},
		signatures: []byte{0x80}, data: packed,
	}
}

// pack makes data the file's second chunk, that claims to unpack to so much.
func (f *file) pack(data []byte, content int64) {
	f.data = data
	f.dataSum = checksumTypes[headerSum].of(data)
	f.entries[1] = entry{checksumTypes[chunkSum].of(data), int64(len(data)), content}
}

func (f file) rest() []byte {
	index := appendInt(appendInt(nil, f.chunkType), int64(len(f.entries))+f.count)
	for _, e := range f.entries {
		index = appendInt(appendInt(append(index, e.sum...), e.packed), e.content)
	}
	rest := appendInt(appendInt(bytes.Clone(f.dataSum), f.flags), f.compression)
	rest = append(rest, f.elements...)
	rest = append(appendInt(rest, int64(len(index))+f.indexSize), index...)
	return append(append(rest, f.signatures...), f.more...)
}

func (f file) bytes() []byte { return withHeader(f.checksumType, f.rest(), f.headerSize, f.data) }

// withHeader gives a file a right header checksum.
func withHeader(checksumType int64, rest []byte, sizeBeyond int64, data []byte) []byte {
	lead := appendInt(appendInt([]byte(magic), checksumType), int64(len(rest))+sizeBeyond)
	sum := checksumTypes[checksumType%int64(len(checksumTypes))].of(append(bytes.Clone(lead), rest...))
	return bytes.Join([][]byte{lead, sum, rest, data}, nil)
}

func TestHostileHeaders(t *testing.T) {
	got, err := read(good().bytes())
	require.NoError(t, err)
	require.Equal(t, "content", got)
	huge := int64(1) << 40
	for name, c := range map[string]struct {
		change func(f *file)
		err    string
	}{
		"checksum type":          {func(f *file) { f.checksumType = 4 }, "checksum type 4 is not known"},
		"header size":            {func(f *file) { f.headerSize = huge }, "no more than 67108864 are read"},
		"header cut short":       {func(f *file) { f.headerSize = 60 << 20 }, "cut short"},
		"header too short":       {func(f *file) { f.headerSize = -40 }, "the header's checksum"},
		"no data checksum":       {func(f *file) { *f = file{checksumType: 2} }, "cut short"},
		"streams":                {func(f *file) { f.flags = flagStreams }, "flags 0x1 are not known"},
		"unknown flags":          {func(f *file) { f.flags = 0x48 }, "flags 0x48 are not known"},
		"compression":            {func(f *file) { f.compression = 1 }, "compression type 1 is not known"},
		"elements":               {func(f *file) { f.flags, f.elements = flagOptional, appendInt(nil, huge) }, "cut short"},
		"element":                {func(f *file) { f.flags, f.elements = flagOptional, append([]byte{0x81, 0x87}, appendInt(nil, huge)...) }, "cut short"},
		"index too large":        {func(f *file) { f.indexSize = huge }, "cut short"},
		"index larger":           {func(f *file) { f.indexSize = 1 }, "cut short"},
		"index smaller":          {func(f *file) { f.indexSize = -1 }, "cut short"},
		"chunk checksum type":    {func(f *file) { f.chunkType = 9 }, "checksum type 9 is not known"},
		"no chunks":              {func(f *file) { f.entries = nil }, "no chunks"},
		"more chunks":            {func(f *file) { f.count = huge }, "cut short"},
		"fewer chunks":           {func(f *file) { f.count = -1 }, "too many in the index"},
		"large dictionary":       {func(f *file) { f.entries[0].content = MaxDict + 1 }, "a dictionary of more than"},
		"packed dictionary":      {func(f *file) { f.entries[0].packed = MaxDict + 1 }, "a dictionary of more than"},
		"large chunk":            {func(f *file) { f.entries[1].content = maxChunk + 1 }, "no more than 67108864 are read"},
		"larger than an int":     {func(f *file) { f.entries[1].content = math.MaxInt64 }, "no more than 67108864 are read"},
		"32 bits":                {func(f *file) { f.entries[1].content = 1<<32 + 7 }, "no more than 67108864 are read"},
		"packed chunk":           {func(f *file) { f.entries[1].packed = maxPacked + 1 }, "no more than 67108864 are read"},
		"chunk out of nothing":   {func(f *file) { f.entries[1].packed = 0 }, "a chunk of 0 bytes that unpacks to 7"},
		"dictionary of nothing":  {func(f *file) { f.entries[0].content = 5 }, "a chunk of 0 bytes that unpacks to 5"},
		"chunk of nothing":       {func(f *file) { f.entries[1].content = 0 }, "that unpacks to 0"},
		"uncompressed":           {func(f *file) { f.compression = uncompressed }, "that unpacks to 7"},
		"chunk of another size":  {func(f *file) { f.entries[1].content = 8 }, "unpacks to 7 bytes, and the index says 8"},
		"a smaller chunk":        {func(f *file) { f.entries[1].content = 6 }, "a chunk: "},
		"signatures":             {func(f *file) { f.signatures = appendInt(nil, huge) }, "cut short"},
		"no signatures":          {func(f *file) { f.signatures = nil }, "cut short"},
		"more in the header":     {func(f *file) { f.more = []byte("x") }, "1 bytes too many in the header"},
		"another data checksum":  {func(f *file) { f.dataSum = make([]byte, 32) }, "the checksum of the data"},
		"another chunk checksum": {func(f *file) { f.entries[1].sum = make([]byte, 16) }, "a chunk's checksum"},
		"another chunk":          {func(f *file) { f.pack([]byte("this is not zstd"), 100) }, "a chunk: "},
		"a bad dictionary": {func(f *file) {
			e, _ := newEncoder(nil)
			dict := e.EncodeAll([]byte("\x37\xa4\x30\xec and no dictionary behind it"), nil)
			f.data = append(dict, f.data...)
			f.entries[0] = entry{checksumTypes[chunkSum].of(dict), int64(len(dict)), 32}
		}, "the dictionary: "},
	} {
		t.Run(name, func(t *testing.T) {
			f := good()
			c.change(&f)
			got, err := read(f.bytes())
			require.ErrorContains(t, err, c.err)
			require.ErrorIs(t, err, errMalformed)
			assert.Contains(t, []string{"", "content"}, got)
		})
	}
}

// TestAllowedHeaders are of a kind that libzck 1.2 does not write.
func TestAllowedHeaders(t *testing.T) {
	for name, change := range map[string]func(f *file){
		"optional elements": func(f *file) { f.flags, f.elements = flagOptional, []byte{0x82, 0x85, 0x83, 'a', 'b', 'c', 0x86, 0x80} },
		"signatures":        func(f *file) { f.signatures = []byte{0x81, 0x81, 0x82, 'a', 'b'} },
		"an empty chunk":    func(f *file) { f.entries = append(f.entries, entry{make([]byte, 16), 0, 0}) },
	} {
		f := good()
		change(&f)
		got, err := read(f.bytes())
		require.NoError(t, err, name)
		assert.Equal(t, "content", got)
	}
}

// TestMemory: what a file announces costs nothing before it is there.
func TestMemory(t *testing.T) {
	bomb, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	window := append([]byte("\x28\xb5\x2f\xfd\x00"), 0xff, 1, 0, 0) // as large a window as there can be
	for name, change := range map[string]func(f *file){
		"header":   func(f *file) { f.headerSize = maxHeader - 200 },
		"chunk":    func(f *file) { f.entries[1].packed, f.data = maxChunk, f.data[:3] },
		"count":    func(f *file) { f.count = 1 << 40 },
		"unpacked": func(f *file) { f.pack(bomb.EncodeAll(make([]byte, 32<<20), nil), 100) },
		"window":   func(f *file) { f.pack(window, 100) },
	} {
		f := good()
		change(&f)
		data := f.bytes()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := read(data)
		runtime.ReadMemStats(&after)
		require.Error(t, err, name)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2<<20), name)
	}
}
