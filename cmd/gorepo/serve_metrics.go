package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"gorepo/internal/config"
	"gorepo/internal/health"
)

// serveMetrics answers on metrics_listen until stop is called: while downloads
// are drained too.
func (w *web) serveMetrics(ctx context.Context) (stop func(), err error) {
	spec := w.site.Load().serve.MetricsListen
	if spec == "" {
		return func() {}, nil
	}
	l, err := listenOn(ctx, spec, false)
	if err != nil {
		return nil, notListening("--metrics-listen", spec, err)
	}
	hs := &http.Server{
		Handler: w.server.MetricsHandler(), ReadHeaderTimeout: 20 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 5 * time.Minute,
		ErrorLog: slog.NewLogLogger(w.log.Handler(), slog.LevelWarn),
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := hs.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			w.log.Error("no metrics any more", "listen", spec, "error", err)
		}
	}()
	w.out.Announce("metrics at /metrics on " + l.url())
	return func() { _ = hs.Close(); <-ended }, nil // nobody waits for what is under way there
}

// expectations say how old a repository's last complete sync may be. One that is
// switched off, or no more configured, is meant to stay as it is; where nothing
// is configured, somebody else syncs.
func expectations(c *config.Config) func(id string) health.Expected {
	known := make(map[string]health.Expected, len(c.Repos))
	for _, r := range c.Repos {
		if r.Enabled {
			known[r.ID] = health.Expected{MaxAge: r.MaxAge, Upstream: len(upstreamsOf(r)) > 0}
		}
	}
	others := config.Never
	if len(c.Repos) == 0 {
		others = c.Main.MaxAge
	}
	return func(id string) health.Expected {
		if e, ok := known[id]; ok {
			return e
		}
		return health.Expected{MaxAge: others}
	}
}
