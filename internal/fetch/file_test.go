//go:build unix

package fetch_test

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/fetch"
)

func localTree(t *testing.T) (outer, dir string) {
	t.Helper()
	outer = t.TempDir()
	dir = filepath.Join(outer, "re po")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "Packages"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, file), content, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(outer, "secret"), content, 0o600))
	return outer, dir
}

func TestFileSource(t *testing.T) {
	_, dir := localTree(t)
	for _, base := range []string{dir, "file://" + dir, "file://" + filepath.Dir(dir) + "/re%20po/"} {
		s := source(t, quick(), base)
		k := &sink{}
		info, err := download(t, s, k)
		require.NoError(t, err, base)
		assert.Equal(t, content, k.got)
		assert.Equal(t, filepath.Join(dir, file), info.URL)
		assert.Equal(t, fetch.Stats{Requests: 1, Bytes: int64(len(content))}, s.Stats())
	}

	s := source(t, quick(), dir)
	k := &sink{got: content[:1000:1000]}
	_, err := download(t, s, k)
	require.NoError(t, err)
	assert.Equal(t, int64(len(content)-1000), s.Stats().Bytes, "resumed")

	k = &sink{got: make([]byte, 1000)}
	_, err = download(t, s, k)
	require.NoError(t, err, "wrong bytes from before")
	assert.Equal(t, 1, k.restarts)

	hourAgo := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(filepath.Join(dir, file), hourAgo, hourAgo))
	_, info, err := s.Get(t.Context(), file, 1<<20, fetch.Condition{})
	require.NoError(t, err)
	other := append([]byte("x"), content[1:]...)
	require.NoError(t, os.WriteFile(filepath.Join(dir, file), other, 0o600))
	require.NoError(t, os.Chtimes(filepath.Join(dir, file), hourAgo, hourAgo))
	data, info, err := s.Get(t.Context(), file, 1<<20, fetch.Condition{ETag: info.ETag, LastModified: info.LastModified})
	require.NoError(t, err)
	assert.False(t, info.NotModified)
	assert.Equal(t, other, data, "other content of the same size and time")
}

func TestFileSourceFailures(t *testing.T) {
	outer, dir := localTree(t)
	s := source(t, quick(), dir)
	get := func(name string, limit int64) error {
		_, _, err := s.Get(t.Context(), name, limit, fetch.Condition{})
		return err
	}
	err := get("nothing.rpm", 10)
	require.EqualError(t, err, filepath.Join(dir, "nothing.rpm")+": file does not exist")
	assert.True(t, fetch.NotFound(err))
	assert.False(t, fetch.Temporary(err))

	require.ErrorContains(t, get("../secret", fetch.NoLimit), "leaves the directory")
	require.NoError(t, os.Symlink(filepath.Join(outer, "secret"), filepath.Join(dir, "link")))
	err = get("link", fetch.NoLimit)
	require.ErrorContains(t, err, "escapes")
	assert.False(t, fetch.NotFound(err))

	require.ErrorContains(t, get("Packages", fetch.NoLimit), "is not a regular file")
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	require.ErrorContains(t, get("pipe", fetch.NoLimit), "is not a regular file")

	err = get(file, 10)
	require.ErrorContains(t, err, "has 300000 bytes, expected at most 10")
	assert.True(t, fetch.Mismatch(err))

	_, err = download(t, s, &sink{want: make([]byte, len(content))})
	assert.True(t, fetch.Mismatch(err))

	_, err = download(t, s, &sink{fail: syscall.ENOSPC})
	var local *fetch.LocalError
	require.ErrorAs(t, err, &local)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Download(ctx, "", file, &sink{}, fetch.NoLimit)
	require.ErrorIs(t, err, context.Canceled)

	_, err = download(t, source(t, quick(), filepath.Join(outer, "not mounted")), &sink{})
	assert.True(t, fetch.NotFound(err))
}

// A directory first and a server after it: what a half-copied tree on NFS
// lacks comes from the network.
func TestFileThenServer(t *testing.T) {
	up := upstream(t)
	k := &sink{}
	info, err := download(t, source(t, quick(), t.TempDir(), up.URL), k)
	require.NoError(t, err)
	assert.Equal(t, up.URL+"/"+file, info.URL)
}
