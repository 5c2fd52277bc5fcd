package httpserve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What goes wrong on this side has a status of its own and is logged; what is
// not there is neither.
func TestRefuse(t *testing.T) {
	path := func(err error) error { return &fs.PathError{Op: "openat", Path: "x", Err: err} }
	for _, c := range []struct {
		err    error
		status int
		log    string
	}{
		{errBadPath, 400, ""},
		{errHidden, 404, ""},
		{errNotServed, 404, ""},
		{fs.ErrNotExist, 404, ""},
		{path(syscall.ENOENT), 404, ""},
		{path(syscall.ENOTDIR), 404, ""},
		{path(syscall.ELOOP), 404, ""},
		{path(syscall.ENAMETOOLONG), 404, ""},
		{path(errors.New("path escapes from parent")), 404, ""},
		{path(syscall.EACCES), 403, "cannot read"},
		{path(syscall.EMFILE), 503, "too many open files"},
		{path(syscall.ENFILE), 503, "too many open files"},
		{path(syscall.EIO), 500, "cannot serve"},
		{path(fs.ErrClosed), 500, "cannot serve"},
		{syscall.ESTALE, 500, "cannot serve"},
	} {
		var log bytes.Buffer
		s := &Server{log: slog.New(slog.NewTextHandler(&log, nil))}
		w := httptest.NewRecorder()
		s.refuse(w, httptest.NewRequest(http.MethodGet, "/x", nil), c.err)
		assert.Equal(t, c.status, w.Code, c.err)
		if c.log == "" {
			assert.Empty(t, log.String(), c.err)
		} else {
			assert.Contains(t, log.String(), c.log, c.err)
		}
		assert.NotContains(t, w.Body.String(), "openat", "the system's words are for the log")
		assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	}
}

// Clients hang up every day; disks fail once.
func TestFinish(t *testing.T) {
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		err     error
		ctx     context.Context
		counted string
	}{
		{nil, context.Background(), ""},
		{fmt.Errorf("write: %w", syscall.EPIPE), context.Background(), "client"},
		{fmt.Errorf("write: %w", syscall.ECONNRESET), context.Background(), "client"},
		{os.ErrDeadlineExceeded, context.Background(), "stalled"},
		{errors.New("whatever"), gone, "client"},
		{syscall.EIO, context.Background(), "error"},
		{io.ErrUnexpectedEOF, context.Background(), "error"},
	} {
		var log bytes.Buffer
		s := &Server{log: slog.New(slog.NewTextHandler(&log, nil)), metrics: newMetrics()}
		s.finish(httptest.NewRequest(http.MethodGet, "/x", nil).WithContext(c.ctx), c.err)
		assert.Equal(t, c.counted == "error", log.Len() > 0, c.err)
		for i, reason := range cuts {
			assert.EqualValues(t, digit(reason == c.counted), s.metrics.cut[i].Load(), "%v: %s", c.err, reason)
		}
	}
}

// A file that is cut while it is sent is an error, not a short answer.
func TestFileBecomesShorter(t *testing.T) {
	for _, size := range []int64{100, smallFile + 1} {
		name := filepath.Join(t.TempDir(), "a.rpm")
		require.NoError(t, os.WriteFile(name, make([]byte, size), 0o644))
		f, err := os.Open(name)
		require.NoError(t, err)
		fi, err := f.Stat()
		require.NoError(t, err)
		c, err := fileContent(f, fi, []string{"r", "a.rpm"})
		require.NoError(t, err)
		require.NoError(t, os.Truncate(name, size/2))
		err = c.serve(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/r/a.rpm", nil))
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF, size)
		assert.NoError(t, f.Close())
	}
}

func TestHumanSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1048575: "1.0 MiB", 1<<40 - 1: "1.0 TiB", 1<<63 - 1: "8.0 EiB",
	} {
		assert.Equal(t, want, humanSize(n))
	}
	for n, want := range map[int64]string{0: "0 bytes", 999: "999 bytes", 1000: "1,000 bytes", 1234567: "1,234,567 bytes"} {
		assert.Equal(t, want, exactSize(n))
	}
}

func TestMatchETag(t *testing.T) {
	const etag = `"a,b"`
	for list, want := range map[string][2]bool{ // strong, weak
		``: {false, false}, `*`: {true, true}, ` * `: {true, true}, `"a,b"`: {true, true}, `W/"a,b"`: {false, true},
		`"x", "a,b"`: {true, true}, `"x","y" , W/"a,b"`: {false, true}, `a,b`: {false, false}, `"a`: {false, false},
		`"x" "a,b"`: {true, true}, `x, "a,b"`: {false, false}, `"A,B"`: {false, false}, `,,"a,b"`: {true, true},
	} {
		assert.Equal(t, want[0], matchETag([]string{list}, etag, false), "strong: %s", list)
		assert.Equal(t, want[1], matchETag([]string{list}, etag, true), "weak: %s", list)
	}
	assert.True(t, matchETag([]string{`"x"`, etag}, etag, false), "two header lines")
}

// A directory that has become a link since it was looked at is not opened
// through the link, and not remembered.
func TestDirectoryBecomesALink(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, ".gorepo"), 0o755))
	require.NoError(t, os.Symlink(".gorepo", filepath.Join(dir, "r")))
	tree, err := openTree(dir)
	require.NoError(t, err)
	defer func() { assert.NoError(t, tree.close()) }()
	_, err = tree.openRepo("r", false)
	assert.ErrorIs(t, err, errNotServed)
	_, err = tree.openRepo("r", true)
	assert.ErrorIs(t, err, errHidden)
	assert.Empty(t, tree.repos)
}

func TestRepoOf(t *testing.T) {
	for path, want := range map[string]string{
		"/": "", "/epel-9/": "epel-9", "/epel-9/a.rpm": "epel-9", "//epel-9//a": "epel-9", "/epel-9": "", "/epel-9.repo": "epel-9", "/gorepo.repo": "",
		"/-/": "", "/-/keys/epel-9.asc": "epel-9", "/-/repos/epel-9/packages": "epel-9", "/-/api/v1/repos/epel-9/": "epel-9", "/-/api/v1/search": "",
		"/-/static/x/y": "", "/a b/c": "", "/KEY": "",
	} {
		assert.Equal(t, want, repoOf(path), path)
	}
}
