package main

import (
	"slices"

	"gorepo/internal/config"
)

// loadConfig reads the configuration as the global flags and o, which goes
// before them, have it, and says what is odd about it. incomplete
// is true when files or sections of it could not be used: they were reported,
// and what was asked for cannot be done in full.
func (a *app) loadConfig(o config.Options) (c *config.Config, incomplete bool, err error) {
	if c, err = a.readConfig(o); err != nil {
		return nil, false, err
	}
	a.showWarnings("", c.Warnings)
	for _, err := range c.Errors {
		a.out.Fail("", err)
	}
	return c, len(c.Errors) > 0, nil
}

// readConfig is loadConfig that says nothing.
func (a *app) readConfig(o config.Options) (*config.Config, error) {
	o.Path, o.Set, o.Environ, o.Switches = a.Config, a.Setopt, a.environ, a.switches
	if o.Root == "" {
		o.Root = a.Root
	}
	return config.Load(o)
}

// selectRepos picks the repositories that a verb is about and says what is odd
// about them. What stands in a repository's Err is the verb's to report.
func (a *app) selectRepos(c *config.Config, patterns []string) ([]*config.Repo, error) {
	repos, err := c.Select(patterns)
	if err != nil {
		return nil, err
	}
	for _, r := range repos {
		a.showWarnings(r.ID, r.Warnings)
	}
	return repos, nil
}

// withSources adds the repositories that have the sources of others among them,
// and says so.
func (a *app) withSources(c *config.Config, repos []*config.Repo) []*config.Repo {
	for _, r := range repos {
		source := c.Repo(r.SourceID())
		if source == nil || slices.Contains(repos, source) {
			continue
		}
		a.out.Note(source.ID, "taken for the sources of "+r.ID)
		a.showWarnings(source.ID, source.Warnings)
		repos = append(repos, source)
	}
	return repos
}

func (a *app) showWarnings(repo string, warnings []config.Warning) {
	for _, w := range warnings {
		if w.Note {
			a.out.Note(repo, w.String())
		} else {
			a.out.Warn(repo, w.String())
		}
	}
}
