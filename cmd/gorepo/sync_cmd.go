package main

import (
	"fmt"
	"time"

	"gorepo/internal/config"
)

// syncCmd takes reposync's flags under their own names.
type syncCmd struct {
	IDs []string `arg:"" optional:"" name:"ID" help:"Repositories to sync, ids or globs; without, the enabled ones."`

	RepoID           []string `name:"repoid" aliases:"repo" short:"r" placeholder:"ID" help:"The same as ID: an id or a glob. May be repeated."`
	DownloadPath     string   `name:"download-path" aliases:"destdir" short:"p" placeholder:"DIR" help:"The mirror's directory, like --root."`
	NoRepoPath       bool     `name:"norepopath" help:"Put packages into the directory itself instead of one named like the repository. For a single repository."`
	NewestOnly       bool     `short:"n" help:"Of every name and architecture, only the newest version."`
	Arch             []string `short:"a" placeholder:"ARCH" help:"Only packages of this architecture; noarch must be named too. May be repeated, or a list."`
	Source           bool     `help:"Source packages only."`
	Delete           bool     `help:"Remove packages that upstream no longer has, after a sync without failures."`
	DownloadComps    bool     `name:"downloadcomps" short:"m" help:"Put the package groups into comps.xml."`
	DownloadMetadata bool     `help:"Take over upstream's metadata as it is, signature and all."`
	URLs             bool     `name:"urls" short:"u" help:"Print the URLs of what would be fetched, and change nothing."`
	Workers          int      `placeholder:"N" help:"Downloads at a time, over all repositories. Default: the key workers, else 8."`
	LockTimeout      *seconds `placeholder:"TIME" help:"How long to wait for a repository that another gorepo works on; 0 is not at all. Default: the key lock_timeout, else without end."`
}

// Help is shown by gorepo sync --help.
func (syncCmd) Help() string {
	return `Brings packages and the upstream metadata that lists them. What is there already is not fetched again, and what was interrupted goes on where it stopped. A package enters the mirror only after its size and checksum, and its signature where gpgcheck asks for it, are verified.

Clients see new packages after gorepo createrepo --update.`
}

// seconds is a duration in the configuration's words: 30, 5m, 2h, never.
type seconds time.Duration

// UnmarshalText reads a duration.
func (s *seconds) UnmarshalText(text []byte) error {
	d, err := config.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("lock timeout: %w", err)
	}
	*s = seconds(d)
	return nil
}
