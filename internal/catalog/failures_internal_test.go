package catalog

import (
	"bytes"
	"fmt"
	"io/fs"
	"log/slog"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Advice fits the reason: another place does not help who may not read.
func TestAdvice(t *testing.T) {
	for _, c := range []struct {
		err       error
		cache     string
		says, not string
	}{
		{&placeError{"/m/a", fs.ErrPermission}, "", "--cache-dir", "cache writable"},
		{&placeError{"/m/a", syscall.EROFS}, "", "gorepo index", "cache writable"},
		{&placeError{"/m/a", syscall.ENOTDIR}, "", "--cache-dir", "cache writable"},
		{&placeError{"/c/a", syscall.EACCES}, "/c", "make the cache writable", "--cache-dir"},
		{&placeError{"/m/a", syscall.ENOSPC}, "", "about as much room", "--cache-dir"},
		{full("/m/a", syscall.ENOSPC), "", "about as much room", "--cache-dir"},
		{fmt.Errorf("primary: x: %w", syscall.EACCES), "", "primary: x: permission denied", ";"},
	} {
		var log bytes.Buffer
		f := failures{o: ShelfOptions{Options: Options{CacheDir: c.cache}, Logger: slog.New(slog.NewTextHandler(&log, nil))}}
		f.add("a", c.err)
		f.add("b", c.err)
		f.say(t.Context())
		assert.Contains(t, log.String(), "of 2 repositories", c.err)
		assert.Contains(t, log.String(), c.says)
		assert.NotContains(t, log.String(), c.not)
	}
	assert.False(t, IsUnwritable(fmt.Errorf("primary: x: %w", syscall.EACCES)))
	assert.True(t, IsUnwritable(&placeError{"/m/a", syscall.EACCES}))
}
