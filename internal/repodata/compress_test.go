package repodata

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/ulikunitz/xz"

	"gorepo/internal/rpmpkg"
	"gorepo/internal/testrepo/peer"
	"gorepo/internal/zchunk"
)

const sample = "<metadata>Größe</metadata>"

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	require.NoError(t, errors.Join(err, w.Close()))
	return b.Bytes()
}

func xzed(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := xz.NewWriter(&b)
	require.NoError(t, err)
	_, err = w.Write(data)
	require.NoError(t, errors.Join(err, w.Close()))
	return b.Bytes()
}

func zstded(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	require.NoError(t, err)
	_, err = w.Write(data)
	require.NoError(t, errors.Join(err, w.Close()))
	return b.Bytes()
}

func zchunked(t testing.TB, chunks ...[]byte) []byte {
	t.Helper()
	spool, err := os.CreateTemp(t.TempDir(), "spool")
	require.NoError(t, err)
	var b bytes.Buffer
	w, err := zchunk.NewWriter(&b, spool, nil)
	require.NoError(t, err)
	for _, c := range chunks {
		_, err = w.Write(c)
		require.NoError(t, errors.Join(err, w.EndChunk()))
	}
	require.NoError(t, errors.Join(w.Close(), spool.Close()))
	return b.Bytes()
}

func decompress(data []byte, limit int64) (string, error) {
	r, err := Decompress(bytes.NewReader(data), limit)
	if err != nil {
		return "", err
	}
	out, err := io.ReadAll(r)
	return string(out), errors.Join(err, r.Close())
}

func TestDecompress(t *testing.T) {
	for name, data := range map[string][]byte{
		"plain": []byte(sample), "gz": gzipped(t, []byte(sample)), "xz": xzed(t, []byte(sample)), "zstd": zstded(t, []byte(sample)),
		"two gzip members": append(gzipped(t, []byte(sample[:5])), gzipped(t, []byte(sample[5:]))...),
		"two zstd frames":  append(zstded(t, []byte(sample[:5])), zstded(t, []byte(sample[5:]))...),
		"zck":              zchunked(t, []byte(sample)),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decompress(data, int64(len(sample)))
			require.NoError(t, err)
			assert.Equal(t, sample, got)
			_, err = decompress(data, int64(len(sample))-1)
			require.ErrorIs(t, err, ErrTooLarge)
			for n := 8; name != "plain" && n < len(data); n++ {
				if got, err := decompress(data[:n], 1000); err == nil && !strings.HasPrefix(name, "two") {
					t.Errorf("%d of %d bytes unpack to %q without an error", n, len(data), got)
				}
			}
		})
	}
	got, err := decompress(nil, 0)
	require.NoError(t, err)
	assert.Empty(t, got)
	_, err = decompress([]byte("\x00ZCK1 and more"), 100)
	require.ErrorContains(t, err, "zck: malformed zchunk file: ")
	_, err = decompress([]byte("\x1f\x8bgarbage that is not gzip"), 100)
	require.Error(t, err)
}

func TestDecompressWhatProgramsWrite(t *testing.T) {
	for program, args := range map[string][]string{"gzip": {"-9"}, "bzip2": nil, "xz": {"-9e"}, "zstd": {"-19", "--long=27"}} {
		t.Run(program, func(t *testing.T) {
			cmd := exec.Command(peer.Need(t, program), append(args, "-c")...)
			cmd.Stdin = strings.NewReader(strings.Repeat(sample, 10_000))
			data, err := cmd.Output()
			require.NoError(t, err)
			got, err := decompress(data, int64(10_000*len(sample)))
			require.NoError(t, err)
			assert.Equal(t, strings.Repeat(sample, 10_000), got)
		})
	}
}

// TestBombs: few bytes that unpack to 8 MiB are given up at the limit.
func TestBombs(t *testing.T) {
	bomb := make([]byte, 8<<20)
	for name, data := range map[string][]byte{"gz": gzipped(t, bomb), "zstd": zstded(t, bomb), "xz": xzed(t, bomb), "zck": zchunked(t, bomb)} {
		require.Less(t, len(data), 1<<20)
		r, err := Decompress(bytes.NewReader(data), 1<<20)
		require.NoError(t, err, name)
		n, err := io.Copy(io.Discard, r)
		require.ErrorIs(t, err, ErrTooLarge, name)
		assert.LessOrEqual(t, n, int64(1<<20), name)
		require.NoError(t, r.Close())

		// A record that announces little, or nothing at all.
		rec := recordOf(data)
		rec.OpenSize = 1 << 20
		_, err = readRecord(data, rec)
		require.ErrorIs(t, err, ErrTooLarge, name)
	}
}

func recordOf(data []byte) Record {
	sum, _ := rpmpkg.NewHash("sha256")
	sum.Write(data)
	return Record{Type: "primary", Location: "repodata/primary.xml", Checksum: rpmpkg.Sum("sha256", sum), Size: int64(len(data)), OpenSize: -1}
}

func readRecord(data []byte, rec Record) (string, error) {
	r, err := OpenRecord(io.NopCloser(bytes.NewReader(data)), rec)
	if err != nil {
		return "", err
	}
	out, err := io.ReadAll(r)
	return string(out), errors.Join(err, r.Close())
}

func TestOpenRecord(t *testing.T) {
	data := gzipped(t, []byte(sample))
	good := recordOf(data)
	good.OpenSize = int64(len(sample))
	got, err := readRecord(data, good)
	require.NoError(t, err)
	assert.Equal(t, sample, got)
	require.NoError(t, checkFile(io.NopCloser(bytes.NewReader(data)), good))

	for name, c := range map[string]struct {
		change func(*Record)
		data   []byte
		err    string
	}{
		"size":             {func(r *Record) { r.Size++ }, data, fmt.Sprintf("repodata/primary.xml has %d bytes, and repomd.xml says %d", len(data), len(data)+1)},
		"checksum":         {func(r *Record) { r.Checksum.Hex = strings.Repeat("0", 64) }, data, "has the checksum sha256:"},
		"open size, small": {func(r *Record) { r.OpenSize-- }, data, "unpacks to more than it announces"},
		"open size, large": {func(r *Record) { r.OpenSize++ }, data, "unpacks to 28 bytes, and repomd.xml says 29"},
		"checksum type":    {func(r *Record) { r.Checksum.Type = "crc" }, data, `unknown checksum type "crc"`},
		"more behind it":   {func(*Record) {}, append(bytes.Clone(data), 0), ""},
		"less":             {func(*Record) {}, data[:len(data)-1], ""},
	} {
		t.Run(name, func(t *testing.T) {
			rec := good
			c.change(&rec)
			_, err := readRecord(c.data, rec)
			require.Error(t, err)
			require.ErrorContains(t, err, c.err)
			require.NotContains(t, err.Error(), "\n", "what is wrong is said once")
		})
	}
}

func TestOpenRecordPassesReadErrorsOn(t *testing.T) {
	broken := errors.New("the disk is on fire")
	data := gzipped(t, []byte(sample))
	for _, n := range []int{0, 1, 20, len(data)} {
		r, err := OpenRecord(io.NopCloser(io.MultiReader(bytes.NewReader(data[:n]), iotest.ErrReader(broken))), recordOf(data))
		if err == nil {
			_, err = io.ReadAll(r)
		}
		require.ErrorIs(t, err, broken, "behind %d bytes", n)
	}
}

// compressions are all that are written.
var compressions = []Compression{Gzip, Bzip2, XZ, Zstd}

// anyText is text that does not shrink to nothing.
func anyText(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, n)
	for i := range data {
		data[i] = "abcdefgh"[r.IntN(8)]
	}
	return data
}

// TestCompressedTheSameForAnyWorkers, and however the data arrives.
func TestCompressedTheSameForAnyWorkers(t *testing.T) {
	for _, c := range compressions {
		t.Run(c.String(), func(t *testing.T) {
			large := 2<<20 + 12345
			if c == XZ {
				large = 100_000 // it has no blocks, and is slow
			}
			for _, data := range [][]byte{nil, anyText(100), anyText(large)} {
				first := compressed(t, c, data, 1, len(data))
				for workers, piece := range map[int]int{2: 777, 4: 50_000} {
					require.True(t, bytes.Equal(first, compressed(t, c, data, workers, piece)), "%d workers, %d bytes at a time", workers, piece)
				}
				got, err := decompress(first, int64(len(data)))
				require.NoError(t, err)
				require.True(t, string(data) == got)
			}
		})
	}
}

// compressed is data in a compression, written in pieces.
func compressed(t testing.TB, c Compression, data []byte, workers, piece int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := c.newWriter(&b, workers)
	require.NoError(t, err)
	for rest := data; len(rest) > 0; {
		n := min(len(rest), piece)
		_, err := w.Write(rest[:n])
		require.NoError(t, err)
		rest = rest[n:]
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// TestOneStream: dnf reads only the first of several bzip2 or xz streams.
func TestOneStream(t *testing.T) {
	data := anyText(1 << 20) // more than a block of bzip2
	z, err := gzip.NewReader(bytes.NewReader(compressed(t, Gzip, data, 4, 100_000)))
	require.NoError(t, err)
	z.Multistream(false)
	got, err := io.ReadAll(z)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(data, got), "gzip")

	in := bytes.NewReader(compressed(t, XZ, data, 4, 100_000))
	x, err := xz.ReaderConfig{SingleStream: true}.NewReader(in)
	require.NoError(t, err)
	got, err = io.ReadAll(x)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(data, got), "xz")
	assert.Zero(t, in.Len(), "xz")

	// The magic of a bzip2 stream stands at its start only, as far as bytes tell.
	assert.Equal(t, 1, bytes.Count(compressed(t, Bzip2, data, 4, 100_000), []byte("BZh91AY&SY")), "bzip2")
	assert.Equal(t, 1, bytes.Count(compressed(t, Zstd, data, 4, 100_000), []byte(codecs[Zstd].magic)), "zstd")
}

// TestProgramsUnpackWhatIsWritten: the formats' own programs read it.
func TestProgramsUnpackWhatIsWritten(t *testing.T) {
	for c, program := range map[Compression]string{Gzip: "gzip", Bzip2: "bzip2", XZ: "xz", Zstd: "zstd"} {
		t.Run(program, func(t *testing.T) {
			path := peer.Need(t, program)
			for _, n := range []int{0, 1, 300_000, 3_000_000} {
				if c != Gzip && n > 1<<20 {
					continue // only gzip has an index behind its blocks
				}
				data := anyText(n)
				cmd := exec.Command(path, "-dc")
				cmd.Stdin = bytes.NewReader(compressed(t, c, data, 2, 100_000))
				got, err := cmd.Output()
				require.NoError(t, err)
				require.True(t, bytes.Equal(data, got), "%d bytes", n)
			}
		})
	}
}

// TestPythonUnpacksGzip: yum's language reads all members of a file, and what
// reads one only has missed nothing.
func TestPythonUnpacksGzip(t *testing.T) {
	python := peer.Need(t, "python3")
	data := anyText(3_000_000)
	file := filepath.Join(t.TempDir(), "a.gz")
	require.NoError(t, os.WriteFile(file, compressed(t, Gzip, data, 2, 100_000), 0o644))
	for _, read := range []string{
		"gzip.open(sys.argv[1]).read()",
		"zlib.decompressobj(31).decompress(open(sys.argv[1], 'rb').read())",
	} {
		got, err := exec.Command(python, "-c", "import sys, gzip, zlib; sys.stdout.buffer.write("+read+")", file).Output()
		require.NoError(t, err)
		require.True(t, bytes.Equal(data, got), read)
	}
}

func TestParseCompression(t *testing.T) {
	for name, want := range map[string]Compression{"gz": Gzip, "bz2": Bzip2, "xz": XZ, "zstd": Zstd, "zck": Zchunk} {
		for _, upper := range []string{name, strings.ToUpper(name)} {
			var c Compression
			require.NoError(t, c.UnmarshalText([]byte(upper)))
			assert.Equal(t, want, c)
		}
		c, err := ParseCompression(name)
		require.NoError(t, err)
		assert.Equal(t, want, c)
		assert.Equal(t, name, c.String())
	}
	for _, name := range []string{"", "gzip", "zchunk", "bzip2", "zst"} {
		_, err := ParseCompression(name)
		require.EqualError(t, err, fmt.Sprintf("unknown compression %q: there are gz, bz2, xz, zstd, zck", name))
		require.EqualError(t, new(Compression).UnmarshalText([]byte(name)), fmt.Sprintf("unknown compression %q: there are gz, bz2, xz, zstd", name))
	}
	assert.Equal(t, Gzip, Compression(0), "the zero value")
}
