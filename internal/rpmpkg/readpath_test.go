package rpmpkg

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/rawrpm"
)

// during is a context that runs something each time it is asked whether it has
// ended, which reading a file does before each block of the payload.
type during struct {
	context.Context
	do func()
}

func (d during) Err() error {
	d.do()
	return d.Context.Err()
}

func large(name string) []byte { return append(rawrpm.Package(name), make([]byte, 1<<20)...) }

// overwrite changes a file where it stands.
func overwrite(path string, flags int, change func(f *os.File) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|flags, 0)
	if err != nil {
		return err
	}
	return errors.Join(change(f), f.Close())
}

var changes = map[string]func(path string) error{
	"grows": func(path string) error {
		return overwrite(path, os.O_APPEND, func(f *os.File) error { _, err := f.WriteString("more"); return err })
	},
	"shrinks": func(path string) error {
		fi, err := os.Stat(path)
		if err != nil {
			return err
		}
		return os.Truncate(path, fi.Size()-10<<10)
	},
	"is overwritten": func(path string) error {
		return overwrite(path, 0, func(f *os.File) error { _, err := f.WriteAt([]byte("other"), 500<<10); return err })
	},
	"is touched": func(path string) error {
		fi, err := os.Stat(path)
		if err != nil {
			return err
		}
		return os.Chtimes(path, time.Time{}, fi.ModTime().Add(-time.Second))
	},
	"is another now": func(path string) error {
		return errors.Join(os.WriteFile(path+".new", large("other"), 0o644), os.Rename(path+".new", path))
	},
}

// readWhile reads a package, and runs change in the midst of it: once, or before
// each block.
func readWhile(t *testing.T, always bool, change func(path string) error) (f *File, path string, err error) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "x.rpm")
	require.NoError(t, os.WriteFile(path, large("x"), 0o644))
	old := time.Now().Add(-time.Hour) // so that a change shows, however coarse the clock is
	require.NoError(t, os.Chtimes(path, old, old))
	blocks := 0
	f, err = ReadPath(during{t.Context(), func() {
		if blocks++; blocks == 1 || always {
			require.NoError(t, change(path))
		}
	}}, path, "sha256")
	require.Greater(t, blocks, 1)
	return f, path, err
}

// TestChangesOnce: a file that changed is read again.
func TestChangesOnce(t *testing.T) {
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, path, err := readWhile(t, false, change)
			require.NoError(t, err)
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			sum := sha256.Sum256(data)
			assert.Equal(t, hex.EncodeToString(sum[:]), f.Checksum.Hex)
			assert.EqualValues(t, len(data), f.Size)
			fi, err := os.Stat(path)
			require.NoError(t, err)
			assert.Equal(t, fi.ModTime().Unix(), f.ModTime)
			assert.Equal(t, name == "is another now", f.Name == "other")
		})
	}
}

// TestChangesAlways: one that does not come to rest is not described at all.
func TestChangesAlways(t *testing.T) {
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := readWhile(t, true, change)
			require.ErrorIs(t, err, ErrChanged)
			require.ErrorContains(t, err, "run again")
		})
	}
}

// TestStillComing: what is wrong with the first half of a file is not the
// last word.
func TestStillComing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.rpm")
	data := large("x")
	require.NoError(t, os.WriteFile(path, data[:200], 0o644))
	times := 0
	f, err := ReadPath(during{t.Context(), func() {
		if times++; times == 1 { // what is there was read, and found wanting
			require.NoError(t, overwrite(path, os.O_APPEND, func(f *os.File) error { _, err := f.Write(data[200:]); return err }))
		}
	}}, path, "sha256")
	require.NoError(t, err)
	assert.EqualValues(t, len(data), f.Size)
}

func TestVanishes(t *testing.T) {
	for name, change := range map[string]func(string) error{
		"gone": os.Remove,
		"a pipe now": func(path string) error {
			return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := readWhile(t, false, change)
			require.Error(t, err)
			assert.Equal(t, name == "gone", errors.Is(err, os.ErrNotExist), err)
		})
	}
}

// TestFresh: a file that was written just now is looked at when another change
// would show.
func TestFresh(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.rpm")
	require.NoError(t, os.WriteFile(path, large("x"), 0o644))
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	fi, err := settled(t.Context(), f)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, time.Since(fi.ModTime()), tick)
	require.NoError(t, os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)))
	start := time.Now()
	_, err = settled(t.Context(), f)
	require.NoError(t, err)
	assert.Less(t, time.Since(start), time.Minute)
}

// TestStalled: half of a file is not described, however long the rest takes.
func TestStalled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.rpm")
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.Write(large("x")[:600<<10])
	require.NoError(t, err)
	if !isOpenForWriting(f) {
		t.Skip("this file system does not tell who writes")
	}
	_, err = ReadPath(t.Context(), path, "sha256")
	require.ErrorIs(t, err, ErrChanged)
	// Who has it open all day does not write it.
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(path, old, old))
	_, err = ReadPath(t.Context(), path, "sha256")
	require.NoError(t, err)
	now := time.Now()
	require.NoError(t, os.Chtimes(path, now, now))
	require.NoError(t, f.Close())
	_, err = ReadPath(t.Context(), path, "sha256")
	require.NoError(t, err)
}

func TestReadPathIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := ReadPath(ctx, testPackages(t)[0], "sha256")
	require.ErrorIs(t, err, context.Canceled)

	// While it waits for a file to come to rest, too.
	ctx, cancel = context.WithCancel(t.Context())
	path := filepath.Join(t.TempDir(), "x.rpm")
	require.NoError(t, os.WriteFile(path, large("x"), 0o644))
	rounds := 0
	_, err = ReadPath(during{ctx, func() {
		if rounds++; rounds == 1 {
			require.NoError(t, os.Truncate(path, 300<<10))
			time.AfterFunc(10*time.Millisecond, cancel)
		}
	}}, path, "sha256")
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, io.ErrUnexpectedEOF)
}
