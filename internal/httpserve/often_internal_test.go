package httpserve

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOften(t *testing.T) {
	var o often
	at := time.Unix(0, 0)
	more, ok := o.due("a", at)
	assert.True(t, ok && more == 0)
	for range 3 {
		_, ok = o.due("a", at.Add(saidEvery-1))
		assert.False(t, ok)
	}
	_, ok = o.due("b", at)
	assert.True(t, ok)
	more, ok = o.due("a", at.Add(saidEvery))
	assert.True(t, ok)
	assert.Equal(t, 3, more)
	for i := range 3 * maxSaid {
		o.due(fmt.Sprint(i), at)
	}
	assert.LessOrEqual(t, len(o.said), maxSaid)
}

// What every client of a fleet meets is one line for each repository, not for each
// request; who asks gets the same answer each time.
func TestRefusalsAreSaidOnce(t *testing.T) {
	var log bytes.Buffer
	s, err := New(Options{Root: t.TempDir(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	defer func() { assert.NoError(t, s.Close()) }()
	for i := range 100 {
		for _, c := range []struct {
			err    error
			status int
		}{{fs.ErrPermission, 403}, {syscall.EMFILE, 503}, {syscall.EIO, 500}} {
			w := httptest.NewRecorder()
			s.refuse(w, httptest.NewRequest(http.MethodGet, fmt.Sprintf("/%s/%d.rpm", []string{"a", "b"}[i%2], i), nil), c.err)
			assert.Equal(t, c.status, w.Code)
		}
	}
	for text, n := range map[string]int{"cannot read": 2, "cannot serve": 2, "too many open files:": 1} {
		assert.Equal(t, n, strings.Count(log.String(), text), "%s\n%s", text, log.String())
	}
}
