package peer

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
)

// recorder stands in for a test and keeps how it ended.
type recorder struct {
	testing.TB
	skipped, failed string
}

func (r *recorder) Helper() {}
func (r *recorder) Skipf(format string, args ...any) {
	r.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func need(t *testing.T, program string) (path string, r *recorder) {
	r = &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		path = Need(r, program)
	}()
	<-done
	return path, r
}

func TestNeed(t *testing.T) {
	t.Setenv(RequireEnv, "")
	path, r := need(t, "sh")
	assert.NotEmpty(t, path)
	assert.Empty(t, r.skipped+r.failed)

	path, r = need(t, "no-such-peer")
	assert.Empty(t, path)
	assert.Contains(t, r.skipped, "apt-get install no-such-peer")
	assert.Empty(t, r.failed)

	t.Setenv(RequireEnv, "1")
	_, r = need(t, "no-such-peer")
	assert.Contains(t, r.failed, "no-such-peer is missing")
	assert.Empty(t, r.skipped)
}

func TestDebianPackage(t *testing.T) {
	assert.Equal(t, "createrepo-c", debianPackage("mergerepo_c"))
	assert.Equal(t, "lua5.4", debianPackage("lua5.4"))
}
