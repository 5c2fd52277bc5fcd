package fetch

import (
	"context"
	"io"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// connectFor is how long all mirrors together have to answer, as in dnf.
	connectFor = 2 * time.Second
	// connectAtOnce bounds how many of them are asked at the same time.
	connectAtOnce = 64
)

// FastestFirst puts those mirrors first that answer first: how long it takes to
// connect and to say what repomd.xml is like. Directories come before all
// servers, and who does not answer well comes last; otherwise the order stays.
// It is for the time before the first download, and takes two seconds at most.
func (s *Source) FastestFirst(ctx context.Context) {
	if len(s.bases) < 2 || s.client.network.isDown() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, connectFor)
	defer cancel()
	took := map[*base]time.Duration{}
	times := make([]time.Duration, len(s.bases))
	var grp errgroup.Group
	grp.SetLimit(connectAtOnce)
	for i, b := range s.bases {
		grp.Go(func() error {
			times[i] = s.connectTime(ctx, b)
			return nil
		})
	}
	_ = grp.Wait() // who fails has a time too
	for i, b := range s.bases {
		took[b] = times[i]
	}
	s.bases = slices.Clone(s.bases)
	slices.SortStableFunc(s.bases, func(a, b *base) int { return int(took[a]/time.Microsecond) - int(took[b]/time.Microsecond) })
	s.pool.begin(s.bases)
}

// connectTime is how long b takes to answer, at most connectFor.
func (s *Source) connectTime(ctx context.Context, b *base) time.Duration {
	if b.url == nil {
		return 0
	}
	t, err := b.at("", repomdLocation)
	if err != nil {
		return connectFor
	}
	d := &download{s: s}
	req := d.request(ctx, &place{target: t}, 0)
	req.Method = http.MethodHead
	start := time.Now()
	resp, err := s.http.Do(req)
	took := time.Since(start)
	if err != nil {
		return connectFor
	}
	s.client.network.heard()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10)) // a HEAD has none
	_ = resp.Body.Close()
	if resp.StatusCode >= http.StatusBadRequest {
		return connectFor
	}
	return min(took, connectFor)
}
