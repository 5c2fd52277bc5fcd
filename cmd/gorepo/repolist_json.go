package main

import (
	"time"

	"gorepo/internal/mirror"
)

// A repositoryObject is a line of repolist --json; docs/json.md is its
// specification.
type repositoryObject struct {
	Event            string              `json:"event"`
	ID               string              `json:"id"`
	Name             string              `json:"name"`
	Enabled          bool                `json:"enabled"`
	Dir              string              `json:"dir"`
	File             string              `json:"file"`
	Line             int                 `json:"line,omitempty"`
	BaseURL          []string            `json:"baseurl"`
	ReleaseVer       string              `json:"releasever,omitempty"`
	BaseArch         string              `json:"basearch"`
	Arch             string              `json:"arch"`
	GPGCheck         bool                `json:"gpgcheck"`
	RepoGPGCheck     bool                `json:"repo_gpgcheck"`
	NewestOnly       bool                `json:"newest_only"`
	Delete           bool                `json:"delete"`
	DownloadMetadata bool                `json:"download_metadata"`
	Treeinfo         bool                `json:"treeinfo"`
	Source           bool                `json:"source"`
	ArchList         []string            `json:"archlist,omitempty"`
	Keep             int                 `json:"keep,omitempty"`
	MinBuildTime     string              `json:"min_buildtime,omitempty"`
	IncludePkgs      []string            `json:"includepkgs,omitempty"`
	ExcludePkgs      []string            `json:"excludepkgs,omitempty"`
	Settings         []settingObject     `json:"settings,omitempty"`
	Error            string              `json:"error,omitempty"`
	Sync             *syncOfState        `json:"sync,omitempty"`
	Publish          *publicationOfState `json:"publish,omitempty"`
}

// A settingObject is one key that was said about a repository.
type settingObject struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	From  string `json:"from"`
}

// syncOfState are the fields of a sync that concern readers.
type syncOfState struct {
	Time     time.Time `json:"time"`
	Revision string    `json:"revision,omitempty"`
	Outcome  string    `json:"outcome,omitempty"`
	Packages int       `json:"packages"`
	Bytes    int64     `json:"bytes"`
	Added    int       `json:"added"`
	Updated  int       `json:"updated"`
	Removed  int       `json:"removed"`
	Failures int       `json:"failures"`
	Fetched  int64     `json:"fetched"`
	Complete time.Time `json:"complete,omitzero"`
	Source   string    `json:"source,omitempty"`
}

// publicationOfState are the fields of a publication that concern readers.
type publicationOfState struct {
	Time     time.Time `json:"time"`
	Revision string    `json:"revision,omitempty"`
	Outcome  string    `json:"outcome,omitempty"`
	Packages int       `json:"packages"`
	// Changes count what it changed.
	Changes *mirror.Counts `json:"changes,omitempty"`
}

func (l listed) object() repositoryObject {
	r := l.repo
	o := repositoryObject{
		Event: "repository", ID: r.ID, Name: r.Name, Enabled: r.Enabled, Dir: l.dir, File: r.File, Line: r.Line,
		BaseURL:    r.MaskedBaseURL(),
		ReleaseVer: r.Vars["releasever"], BaseArch: r.Vars["basearch"], Arch: r.Vars["arch"],
		GPGCheck: r.GPGCheck, RepoGPGCheck: r.RepoGPGCheck, NewestOnly: r.NewestOnly, Delete: r.Delete,
		DownloadMetadata: r.DownloadMetadata, Treeinfo: r.Treeinfo, Source: r.Source, ArchList: r.Arches,
		Keep: r.Keep, IncludePkgs: r.IncludePkgs, ExcludePkgs: r.ExcludePkgs,
	}
	if !r.MinBuildTime.IsZero() {
		o.MinBuildTime = r.MinBuildTime.Format(time.DateOnly)
	}
	for _, s := range r.Settings {
		o.Settings = append(o.Settings, settingObject(s))
	}
	if r.Err != nil {
		o.Error = r.Err.Error()
	}
	if s := l.state.Sync; !s.Time.IsZero() {
		o.Sync = &syncOfState{
			Time: s.Time, Revision: s.Revision, Outcome: s.Outcome, Packages: s.Packages, Bytes: s.Bytes,
			Added: s.Added, Updated: s.Updated, Removed: s.Removed, Failures: s.Failures, Fetched: s.Fetched,
			Complete: s.Complete, Source: s.Source,
		}
	}
	if p := l.state.Publish; !p.Time.IsZero() {
		o.Publish = &publicationOfState{Time: p.Time, Revision: p.Revision, Outcome: p.Outcome, Packages: p.Packages}
		if l.last != nil {
			o.Publish.Changes = &l.last.Counts
		}
	}
	return o
}
