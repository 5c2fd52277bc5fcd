package rpmpkg

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestChecksumCache(t *testing.T) {
	dir := t.TempDir()
	data, err := os.ReadFile("../../testdata/rpms/signed-rsa-v3-1.0-1.noarch.rpm")
	require.NoError(t, err)
	file := filepath.Join(dir, "p.rpm")
	at := time.Unix(1_600_000_000, 0)
	write := func(data []byte) {
		require.NoError(t, os.WriteFile(file, data, 0o644))
		require.NoError(t, os.Chtimes(file, at, at))
	}
	write(data)
	cacheDir := filepath.Join(dir, "cache")
	var problems []error
	c, err := OpenChecksumCache(cacheDir, func(err error) { problems = append(problems, err) })
	require.NoError(t, err)
	read := func() (*File, error) { return c.ReadPath(t.Context(), file, "sha256") }
	first, err := read()
	require.NoError(t, err)
	plain, err := ReadPath(t.Context(), file, "sha256")
	require.NoError(t, err)
	assert.Equal(t, plain.Checksum, first.Checksum)
	entries, err := filepath.Glob(cacheDir + "/*")
	require.NoError(t, err)
	require.Len(t, entries, 1)

	// What is remembered is taken: the payload is not looked at.
	changed := bytes.Clone(data)
	changed[len(changed)-1] ^= 1
	write(changed)
	again, err := read()
	require.NoError(t, err)
	assert.Equal(t, first.Checksum, again.Checksum)
	assert.Equal(t, first.Size, again.Size)
	assert.Equal(t, first.ModTime, again.ModTime)
	write(data)

	// What is no checksum is not.
	for _, bad := range []string{"", "x", strings.ToUpper(first.Checksum.Hex), first.Checksum.Hex + "\n", first.Checksum.Hex[1:], strings.Repeat("0", 1<<20)} {
		require.NoError(t, os.WriteFile(entries[0], []byte(bad), 0o644))
		again, err = read()
		require.NoError(t, err)
		assert.Equal(t, first.Checksum, again.Checksum)
		remembered, err := os.ReadFile(entries[0])
		require.NoError(t, err)
		assert.Equal(t, first.Checksum.Hex, string(remembered), "%.10q is replaced", bad)
	}

	// A changed time is another package.
	at = at.Add(time.Second)
	write(data)
	_, err = read()
	require.NoError(t, err)
	entries, err = filepath.Glob(cacheDir + "/*")
	require.NoError(t, err)
	assert.Len(t, entries, 2)
	assert.Empty(t, problems)

	// Where nothing can be written all is as without, and said once.
	require.NoError(t, os.RemoveAll(cacheDir))
	for range 2 {
		again, err = read()
		require.NoError(t, err)
		assert.Equal(t, first.Checksum, again.Checksum)
	}
	assert.Len(t, problems, 1)
	_, err = OpenChecksumCache(filepath.Join(dir, "none", "cache"), nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = OpenChecksumCache(file, nil)
	require.ErrorContains(t, err, "not a directory")
}
