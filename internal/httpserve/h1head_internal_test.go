package httpserve

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the front reads of a request is what net/http does: the handler decides by it.
func TestHeadAsNetHTTP(t *testing.T) {
	t.Parallel()
	var h head
	r := &http.Request{Header: http.Header{}}
	read := 0
	for c := range 256 {
		for _, form := range []string{
			"GET /r/a%sb HTTP/1.1\r\nHost: h\r\n", "GET /r/%%61%sb HTTP/1.1\r\nHost: h\r\n", "GET /a HTTP/1.1\r\nHost: h\r\nX%s: y\r\n",
			"GET /a HTTP/1.1\r\nHost: h\r\nX: a%sb\r\n", "GET /a HTTP/1.1\r\nHost: h\r\nX: a%s\r\n", "GET /a HTTP/1.1\r\nHost: h%s\r\n", "GET /a HTTP/1.1%s\r\nHost: h\r\n",
		} {
			text := fmt.Sprintf(form, string([]byte{byte(c)})) + "\r\n"
			if strings.Index(text, "\r\n\r\n") != len(text)-4 || !h.parse([]byte(text), r) {
				continue // net/http's
			}
			read++
			want, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
			require.NoError(t, err, "%q", text)
			assert.Equal(t, want.URL, r.URL, "%q", text)
			assert.Equal(t, want.RequestURI, r.RequestURI)
			assert.Equal(t, want.Host, r.Host)
			assert.Equal(t, want.Header, r.Header, "%q", text)
		}
	}
	assert.Greater(t, read, 700)
}
