package fetch_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"gorepo/internal/fetch"
	"gorepo/internal/testrepo"
)

// discard is a Sink that only counts: what is measured is the transport.
type discard struct{ n int64 }

func (d *discard) Write(p []byte) (int, error) { d.n += int64(len(p)); return len(p), nil }
func (d *discard) Offset() int64               { return d.n }
func (d *discard) Restart() error              { d.n = 0; return nil }
func (d *discard) Finish() error               { return nil }

func BenchmarkDownload(b *testing.B) {
	for _, size := range []int{20 << 10, 64 << 20} {
		for _, tls := range []bool{false, true} {
			b.Run(fmt.Sprintf("%dKiB/tls=%v", size>>10, tls), func(b *testing.B) {
				data := testrepo.Bytes("bench", size)
				server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Length", fmt.Sprint(len(data)))
					_, _ = w.Write(data)
				}))
				o := fetch.Options{}
				if tls {
					server.StartTLS()
					o.TLS.SkipVerify = true
				} else {
					server.Start()
				}
				defer server.Close()
				s, err := fetch.New([]string{server.URL}, o)
				require.NoError(b, err)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				var left atomic.Int64
				left.Store(int64(b.N))
				b.ResetTimer()
				var g errgroup.Group
				for range 8 {
					g.Go(func() error {
						for left.Add(-1) >= 0 {
							if _, err := s.Download(b.Context(), "", "x", &discard{}, int64(size)); err != nil {
								return err
							}
						}
						return nil
					})
				}
				require.NoError(b, g.Wait())
			})
		}
	}
}
