package main

import (
	"context"
	"errors"

	"gorepo/internal/config"
	"gorepo/internal/fetch"
	reposync "gorepo/internal/sync"
)

// source is where a repository comes from: its base URLs, and the mirrors that
// its list names.
func (r *syncRun) source(ctx context.Context, repo *config.Repo) (*fetch.Source, error) {
	o := fetchOptions(repo, r.workers)
	o.Mirrors = fetch.Mirrors{
		PerMirror: repo.MaxDownloadsPerMirror,
		Warn:      func(text string) { r.app.out.Warn(repo.ID, text) },
		Note:      func(text string) { r.app.out.Note(repo.ID, text) },
	}
	var from *fetch.Source
	var err error
	if list, metalink := repo.MirrorList(); list != "" {
		from, err = r.client.Mirrored(ctx, fetch.List{URL: list, Metalink: metalink, Expand: repo.Vars.Expand}, repo.BaseURL, o)
	} else {
		from, err = r.client.Source(repo.BaseURL, o)
	}
	var list *fetch.ListError
	switch {
	case errors.As(err, &list):
		return nil, &reposync.UnavailableError{Err: err}
	case err != nil:
		return nil, err
	}
	if repo.FastestMirror {
		from.FastestFirst(ctx)
	}
	return from, nil
}

// parallel is how many downloads at a time a repository may have: what its key
// says, and no more than its mirrors take, so that it keeps no worker waiting.
// 0: as many as there are workers.
func parallel(repo *config.Repo, from *fetch.Source) int {
	most, mirrors := repo.MaxParallelDownloads, from.Capacity()
	switch {
	case most == 0:
		return mirrors
	case mirrors == 0:
		return most
	}
	return min(most, mirrors)
}
