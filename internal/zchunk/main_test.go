package zchunk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
)

// write makes a file of chunks.
func write(t testing.TB, dict []byte, chunks ...[]byte) ([]byte, Header) {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, newSpool(t), dict)
	require.NoError(t, err)
	for _, c := range chunks {
		n, err := w.Write(c)
		require.NoError(t, err)
		require.Equal(t, len(c), n)
		require.NoError(t, w.EndChunk())
	}
	require.NoError(t, w.Close())
	return b.Bytes(), w.Header()
}

func newSpool(t testing.TB) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "spool")
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// read reads a whole file.
func read(data []byte) (string, error) {
	r, err := NewReader(bytes.NewReader(data))
	if err != nil {
		return "", err
	}
	content, err := io.ReadAll(r)
	return string(content), errors.Join(err, r.Close())
}

// entries are the chunks of a file, the dictionary first.
func entries(t testing.TB, data []byte) (list []chunk) {
	t.Helper()
	z := &Reader{in: newIn(data)}
	rest, err := z.readHeader()
	require.NoError(t, err)
	require.NoError(t, z.parse(rest))
	for b := z.index; len(b) > 0; {
		var c chunk
		c, b, err = z.cutChunk(b)
		require.NoError(t, err)
		list = append(list, c)
	}
	return list
}

// text is n bytes of what lists of packages are like; another seed gives other
// ones.
func text(seed, n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "<package pkgid=\"%x\"><file>/usr/share/doc/p%d/README.%d</file></package>\n", seed*7919+i*i, seed, i)
	}
	return b.Bytes()[:n]
}

// formattedDict is a dictionary in zstd's format.
func formattedDict(t testing.TB) []byte {
	t.Helper()
	dict, err := buildDict()
	require.NoError(t, err)
	return dict
}

var buildDict = sync.OnceValues(func() ([]byte, error) {
	var contents [][]byte
	for i := range 50 {
		contents = append(contents, text(i, 400))
	}
	return zstd.BuildDict(zstd.BuildDictOptions{
		ID: 4711, Contents: contents, History: text(3, 2000), Offsets: [3]int{1, 4, 8}, CompatV155: true,
	})
})

// dicts are none, one in zstd's format, and one that is just content.
func dicts(t testing.TB) map[string][]byte {
	return map[string][]byte{"none": nil, "formatted": formattedDict(t), "content": text(3, 1000)}
}
