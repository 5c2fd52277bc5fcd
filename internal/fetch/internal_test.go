package fetch

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestParseContentRange(t *testing.T) {
	for s, want := range map[string]contentRange{
		"bytes 0-0/1":                    {0, 0, 1},
		"bytes 5-9/10":                   {5, 9, 10},
		" Bytes 5-9/*":                   {5, 9, -1},
		"bytes 5-9223372036854775807":    {},
		"bytes 5-9/9":                    {},
		"bytes 9-5/10":                   {},
		"bytes -5-9/10":                  {},
		"bytes +5-9/10":                  {},
		"bytes */10":                     {},
		"bytes 5/10":                     {},
		"items 5-9/10":                   {},
		"bytes 5-99999999999999999999/*": {},
		"":                               {},
	} {
		r, ok := parseContentRange(s)
		assert.Equal(t, want != contentRange{}, ok, s)
		if ok {
			assert.Equal(t, want, r, s)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 3, 4, 5, 6, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "-7": 0, "soon": 0,
		"Tue, 03 Nov 2026 04:06:06 GMT": time.Minute,
		"Tue, 03 Nov 2026 04:00:00 GMT": 0,
	} {
		assert.Equal(t, want, retryAfter(http.Header{"Retry-After": {v}}, now), v)
	}
}

func TestBackoff(t *testing.T) {
	o := Options{RetryWait: time.Second, MaxWait: 10 * time.Second}.withDefaults()
	for n, most := range []time.Duration{1: 1, 2: 2, 3: 4, 4: 8, 5: 10, 40: 10} {
		if most == 0 {
			continue
		}
		most *= time.Second
		for range 100 {
			d := o.backoff(n)
			assert.LessOrEqual(t, d, most, n)
			assert.GreaterOrEqual(t, d, most/2, n)
		}
	}
	assert.Equal(t, 15*time.Second, patience(Options{Retries: 4, RetryWait: time.Second, MaxWait: 10 * time.Second}))
}

type saysMismatch bool

func (saysMismatch) Error() string    { return "" }
func (m saysMismatch) Mismatch() bool { return bool(m) }

func TestIsMismatch(t *testing.T) {
	for err, want := range map[error]bool{
		errors.New("checksum is wrong"):                                        true,
		fmt.Errorf("x: %w", saysMismatch(true)):                                true,
		fmt.Errorf("x: %w", saysMismatch(false)):                               false,
		fmt.Errorf("x: %w", syscall.ENOSPC):                                    false,
		&os.PathError{Op: "fsync", Path: "x", Err: errors.New("input/output")}: false,
		&os.LinkError{Op: "rename", Old: "x", New: "y", Err: syscall.EXDEV}:    false,
		os.NewSyscallError("fallocate", syscall.ENOSPC):                        false,
	} {
		assert.Equal(t, want, isMismatch(err), "%v", err)
	}
}

func TestTemporaryTransport(t *testing.T) {
	assert.False(t, Temporary(nil))
	assert.False(t, Temporary(&net.DNSError{Err: "no such host", IsNotFound: true}))
	assert.True(t, Temporary(&net.DNSError{Err: "server misbehaving"}))
	assert.False(t, Temporary(&net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}))
	assert.True(t, Temporary(&allFailed{errs: []error{&StatusError{Code: 404}, &StatusError{Code: 500}}}))
	assert.False(t, Temporary(&allFailed{errs: []error{&StatusError{Code: 404}}}))
}

func TestHealth(t *testing.T) {
	h := health{patience: 10 * time.Second}
	now := time.Now()
	for range downFailures {
		assert.False(t, h.down(now))
		h.failed(now)
	}
	assert.False(t, h.down(now), "a short outage is not the end")
	now = now.Add(10 * time.Second)
	h.failed(now)
	assert.True(t, h.down(now))
	now = now.Add(probeEvery)
	assert.False(t, h.down(now), "one may try")
	assert.True(t, h.down(now), "and only one")
	h.ok()
	assert.False(t, h.down(now))
}

// An error that repeats a URL would show its query.
func TestMaskUserinfo(t *testing.T) {
	for raw, want := range map[string]string{
		"http://u:p@h/x?token=1": "http://h/x",
		"u:p@h:3128":             "h:3128",
		"http://u:p/@h@h2/x":     "http://h2/x",
		"/srv/x":                 "/srv/x",
	} {
		assert.Equal(t, want, maskUserinfo(raw))
	}
}

func TestEndOfConnectionInWords(t *testing.T) {
	for err, words := range map[error]string{
		io.EOF:              "closed the connection without an answer",
		io.ErrUnexpectedEOF: "cut short",
	} {
		assert.Contains(t, (&Error{"http://h/x", err}).Error(), words)
	}
}
