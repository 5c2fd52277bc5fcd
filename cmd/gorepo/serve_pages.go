package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gorepo/internal/catalog"
	"gorepo/internal/config"
	"gorepo/internal/httpserve"
	"gorepo/internal/openpgp"
	"gorepo/internal/pages"
	"gorepo/internal/repodata"
	"gorepo/internal/treeinfo"
)

// pages makes what answers people. shelf has the indexes.
func (w *web) pages(shelf *catalog.Shelf) *pages.Handler {
	return pages.New(pages.Options{
		Repos:   w.visible,
		Repo:    w.visibleOne,
		Indexed: w.indexed,
		Catalog: func(id string) (pages.Catalog, func(), catalog.Status) {
			c, release, st := shelf.Get(id)
			if c == nil {
				return nil, release, st // an interface of no catalog would not be nil
			}
			return c, release, st
		},
		Wait:         shelf.Wait,
		Base:         func(r *http.Request) (string, bool) { return w.server.BaseURL(r) },
		ClientConfig: func(r *http.Request, id string) string { return w.server.ClientConfig(r, id) },
		Wants:        func(r *http.Request, id string) (login, certificate bool) { return w.server.Wants(r, id) },
		Root: func(r *http.Request) ([]pages.Entry, error) {
			found, err := w.server.Entries(r)
			entries := make([]pages.Entry, 0, len(found))
			for _, e := range found {
				entry := pages.Entry{Name: e.Name, Dir: e.Type == "directory", ModTime: e.ModTime}
				if e.Size != nil {
					entry.Size = *e.Size
				}
				entries = append(entries, entry)
			}
			return entries, err
		},
		Tree:    w.tree,
		Login:   func(r *http.Request) bool { return w.server.CouldLogIn(r) },
		Version: strings.TrimPrefix(ownVersion(), "gorepo "),
		Logger:  w.log,
	})
}

// checksum is what metadata says of a package's checksum. That it has the size and
// the mtime that metadata gives it proves it the same, as long as nothing has come
// to its place since.
func (w *web) checksum(id string, p httpserve.PackageFile) string {
	c, release, _ := w.shelf.Get(id)
	defer release()
	if c == nil || p.Changed.After(c.Info().Built) {
		return ""
	}
	// Files do not wait for the index, however many look things up in it.
	const moment = 50 * time.Millisecond
	ctx, cancel := context.WithTimeout(context.Background(), moment)
	defer cancel()
	found, err := c.FindLocation(ctx, p.Location)
	if err != nil || found.Base != "" || found.Size != p.Size || found.FileTime.Unix() != p.ModTime.Unix() {
		return ""
	}
	return found.Checksum.Hex
}

// visible are the repositories that a client may see: those that are configured and
// enabled, or published, in the configuration's order, and then what else is
// published, by name.
func (w *web) visible(r *http.Request) []pages.Repo {
	site, now := w.site.Load(), time.Now()
	published := w.server.Published(r)
	var list []pages.Repo
	for _, repo := range site.people {
		here := slices.Contains(published, repo.ID)
		if here || repo.enabled && w.server.Allowed(r, repo.ID) {
			repo.Health = w.health.Check(repo.ID, now)
			repo.RepoGPGCheck = repo.RepoGPGCheck && w.server.ChecksMetadata(repo.ID)
			repo.NoFiles = !here && !isDirectory(filepath.Join(site.root, repo.ID))
			list = append(list, repo.Repo)
		}
		if here {
			published = slices.DeleteFunc(published, func(id string) bool { return id == repo.ID })
		}
	}
	for _, id := range published {
		list = append(list, pages.Repo{ID: id, Health: w.health.Check(id, now)})
	}
	return list
}

// visibleOne is one of visible, if it is among them.
func (w *web) visibleOne(r *http.Request, id string) (pages.Repo, bool) {
	site := w.site.Load()
	here := w.server.PublishedOne(r, id)
	repo := described{Repo: pages.Repo{ID: id}}
	if i := slices.IndexFunc(site.people, func(d described) bool { return d.ID == id }); i >= 0 {
		repo = site.people[i]
	}
	if !here && (!repo.enabled || !w.server.Allowed(r, id)) {
		return pages.Repo{}, false
	}
	repo.Health = w.health.Check(id, time.Now())
	repo.RepoGPGCheck = repo.RepoGPGCheck && w.server.ChecksMetadata(id)
	repo.NoFiles = !here && !isDirectory(filepath.Join(site.root, id))
	return repo.Repo, true
}

// indexed are those of visible that have an index: that tells that they are published.
func (w *web) indexed(r *http.Request) []pages.Repo {
	ids := w.shelf.IDs()
	var list []pages.Repo
	add := func(repo pages.Repo) {
		if w.server.CanBePublished(r, repo.ID) {
			list = append(list, repo)
		}
	}
	known := map[string]bool{}
	for _, repo := range w.site.Load().people {
		if _, here := slices.BinarySearch(ids, repo.ID); here && !known[repo.ID] {
			add(repo.Repo)
		}
		known[repo.ID] = true
	}
	for _, id := range ids {
		if !known[id] {
			add(pages.Repo{ID: id})
		}
	}
	return list
}

// maxTreeinfo bounds a .treeinfo, in bytes.
const maxTreeinfo = 1 << 20

// tree is what the installation tree in a repository's directory says it is of.
func (w *web) tree(id string) string {
	for _, name := range []string{".treeinfo", "treeinfo"} {
		f, err := repodata.OpenRegular(os.OpenFile, filepath.Join(w.site.Load().root, id, name))
		if err != nil {
			continue
		}
		data, err := io.ReadAll(io.LimitReader(f, maxTreeinfo))
		_ = f.Close() // only read from
		if err != nil {
			continue
		}
		if t, err := treeinfo.Parse(data); err == nil {
			return t.Family
		}
	}
	return ""
}

func isDirectory(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// described is what pages say of a repository, but for its state.
type described struct {
	pages.Repo
	enabled bool
}

// describe tells people what the configuration says. Keys were read for clients.
func (s *webSite) describe() []described {
	keys := map[string][]byte{}
	urls := map[string][]string{}
	for _, info := range s.repos {
		keys[info.ID], urls[info.ID] = info.Keys, info.KeyURLs
	}
	list := make([]described, 0, len(s.config.Repos))
	for _, r := range s.config.Repos {
		d := described{enabled: r.Enabled, Repo: pages.Repo{
			ID: r.ID, Name: r.Name, Configured: true, Upstream: upstreamsOf(r), GPGCheck: r.GPGCheck,
			RepoGPGCheck:    r.SignKey != "" || r.SignWith != "" || r.RepoGPGCheck, // if it is signed now
			KeyFingerprints: r.GPGKeyFingerprints, Selection: selectionOf(r),
		}}
		d.Release, d.Arch = saidOrUsed(r, "releasever"), saidOrUsed(r, "basearch")
		if data := keys[r.ID]; len(data) > 0 {
			d.Keys = "-/keys/" + r.ID + ".asc"
			if len(d.KeyFingerprints) == 0 {
				// What cannot be read of them was told when they were taken.
				d.KeyFingerprints, _ = new(openpgp.Keyring).AddKeys(data)
			}
		}
		for _, u := range urls[r.ID] {
			d.KeyURLs = append(d.KeyURLs, config.MaskURL(u))
		}
		list = append(list, d)
	}
	return list
}

// upstreamsOf says where a repository comes from, without what is secret.
func upstreamsOf(r *config.Repo) []string {
	var list []string
	for _, u := range []string{r.Metalink, r.Mirrorlist} {
		if u != "" {
			list = append(list, config.MaskURL(u))
		}
	}
	return append(list, r.MaskedBaseURL()...)
}

// saidOrUsed gives a variable that says what a repository is for: where the
// repository sets it, or an address has it. Otherwise it is only the host's.
func saidOrUsed(r *config.Repo, name string) string {
	value := r.Vars[name]
	if value == "" {
		return ""
	}
	for _, set := range r.Settings {
		if set.Key == name {
			return value
		}
	}
	for _, u := range append([]string{r.Metalink, r.Mirrorlist}, r.BaseURL...) {
		if slices.Contains(strings.FieldsFunc(u, func(c rune) bool { return strings.ContainsRune("/?&=-,", c) }), value) {
			return value
		}
	}
	return ""
}

// selectionOf says in words what of upstream is taken.
func selectionOf(r *config.Repo) []string {
	var list []string
	if r.Keep == 1 || r.NewestOnly {
		list = append(list, "only the newest version of each package")
	} else if r.Keep > 1 {
		list = append(list, fmt.Sprintf("the newest %d versions of each package", r.Keep))
	}
	if len(r.Arches) > 0 {
		list = append(list, "only for "+strings.Join(r.Arches, ", "))
	}
	if len(r.IncludePkgs) > 0 {
		list = append(list, "only "+strings.Join(r.IncludePkgs, ", "))
	}
	if len(r.ExcludePkgs) > 0 {
		list = append(list, "without "+strings.Join(r.ExcludePkgs, ", "))
	}
	if !r.MinBuildTime.IsZero() {
		list = append(list, "built since "+r.MinBuildTime.UTC().Format(time.DateOnly))
	}
	return list
}

// shelve keeps the indexes of the mirror up to date until ctx ends.
func (w *web) shelve(ctx context.Context, shelf *catalog.Shelf) {
	if err := shelf.Run(ctx); err != nil && ctx.Err() == nil {
		w.log.Error("indexes are not kept up to date any more", "error", err)
	}
}
