package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	neturl "net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"gorepo/internal/testrepo/genrpm"
)

// What the rows about people are called.
const (
	indexRow = "index"
	pagesRow = "pages"
)

// people measures what people do with a large repository: how long its index
// takes, and the pages made from it.
func (b *bench) people(ctx context.Context) error {
	if !b.wanted(indexRow) && !b.wanted(pagesRow) {
		return nil
	}
	root := filepath.Join(b.dir, fmt.Sprintf("people-%d", b.packages))
	if err := b.makeMetadata(ctx, filepath.Join(root, "bench")); err != nil {
		return err
	}
	t := &table{out: b.out, title: fmt.Sprintf("metadata of %d packages, %d files each", b.packages, filesEach)}
	state := filepath.Join(root, ".gorepo")
	index := contender{
		name: "gorepo", args: []string{b.gorepo, "--root", root, "--config", os.DevNull, "index"},
		before: func() error { return os.RemoveAll(state) },
		after:  func() (int64, error) { return sizeOf(state) },
	}
	if b.wanted(indexRow) {
		if err := b.pair(ctx, t, indexRow, index, contender{name: "createrepo_c", missing: "has nothing of the kind"}); err != nil {
			return err
		}
	}
	if !b.wanted(pagesRow) {
		return nil
	}
	if said, err := exec.CommandContext(ctx, index.args[0], index.args[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("gorepo index: %w: %s", err, last(said))
	}
	s, err := b.serveGorepo(ctx, root)
	if err != nil {
		return err
	}
	defer s.stop()
	return b.pages(ctx, s)
}

// filesEach is how many files a package has, on average.
const filesEach = 120

// makeMetadata makes a repository without its packages. Like a tree, in a
// process of its own.
func (b *bench) makeMetadata(ctx context.Context, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "repodata", "repomd.xml")); err == nil {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, "-make-metadata", dir, "-packages", fmt.Sprint(b.packages))
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("make metadata of %d packages: %w", b.packages, err)
	}
	return nil
}

func makeMetadata(dir string, packages int) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return genrpm.Repodata(dir, genrpm.Options{Packages: packages, FilesPerPackage: filesEach})
}

// A listed package, as the API has it.
type listed struct {
	Name  string `json:"name"`
	NEVRA string `json:"nevra"`
}

// pages asks for each kind of page again and again, of other packages each time.
func (b *bench) pages(ctx context.Context, s webServer) error {
	const repo = "-/repos/bench/"
	r := rand.New(rand.NewPCG(3, 4))
	packages, files, err := samplePackages(ctx, s, r)
	if err != nil {
		return err
	}
	pick := func() listed { return packages[r.IntN(len(packages))] }
	esc := neturl.PathEscape
	fmt.Fprintf(b.out, "\npages of a repository of %d packages (%s; each asked for %d times)\n%-34s%-12s%-12s%-12s%s\n", //nolint:errcheck // to a terminal
		b.packages, time.Now().Format(time.DateOnly), b.requests, "", "median ms", "p95 ms", "max ms", "median kB")
	for _, kind := range []struct {
		name string
		path func() string
	}{
		{"home", func() string { return "" }},
		{"repository", func() string { return repo }},
		{"packages, some page", func() string { return fmt.Sprintf("%spackages?offset=%d", repo, 100*r.IntN(b.packages/100)) }},
		{"packages, by size", func() string {
			return fmt.Sprintf("%spackages?sort=size&order=desc&offset=%d", repo, 100*r.IntN(b.packages/100))
		}},
		{"packages, filtered", func() string { return repo + "packages?filter=" + neturl.QueryEscape(part(r, pick().Name)) }},
		{"versions of a name", func() string { return repo + "packages/" + esc(pick().Name) }},
		{"package", func() string { return repo + "package/" + esc(pick().NEVRA) }},
		{"package, API, files, changelog", func() string {
			return "-/api/v1/repos/bench/package/" + esc(pick().NEVRA) + "?files=1&changelog=1"
		}},
		{"groups", func() string { return repo + "groups" }},
		{"modules", func() string { return repo + "modules" }},
		{"advisories", func() string { return repo + "advisories" }},
		{"changes", func() string { return repo + "changes" }},
		{"search, a name", func() string { return "-/search?q=" + neturl.QueryEscape(pick().Name) }},
		{"search, as one types", func() string { return "-/search?q=" + neturl.QueryEscape(part(r, pick().Name)) }},
		{"search, a letter", func() string { return "-/search?q=" + string(rune('a'+r.IntN(26))) }},
		{"search, words", func() string {
			return "-/search?q=" + []string{"library", "the+server", "development+files", "tools+for"}[r.IntN(4)]
		}},
		{"search, a path", func() string { return "-/search?q=" + neturl.QueryEscape(files[r.IntN(len(files))]) }},
		{"search, part of a path", func() string { return "-/search?q=" + neturl.QueryEscape(part(r, files[r.IntN(len(files))])) }},
		{"search, API", func() string { return "-/api/v1/search?q=" + neturl.QueryEscape(part(r, pick().Name)) }},
	} {
		var took, size []float64
		for range b.requests {
			url := s.url + kind.path()
			start := time.Now()
			n, err := fetch(ctx, url)
			if err != nil {
				return fmt.Errorf("%s: %w", kind.name, err)
			}
			took = append(took, float64(time.Since(start).Microseconds())/1000)
			size = append(size, float64(n)/1000)
		}
		ms := spreadOf(took)
		fmt.Fprintf(b.out, "%-34s%-12.2f%-12.2f%-12.2f%.1f\n", kind.name, ms.median, quantile(took, 0.95), ms.max, spreadOf(size).median) //nolint:errcheck // to a terminal
	}
	fmt.Fprintf(b.out, "%-34s%.1f MiB\n", "peak memory of gorepo serve", memoryOf(s.pid)) //nolint:errcheck // to a terminal
	return nil
}

// part is what somebody has typed of a word.
func part(r *rand.Rand, word string) string { return word[:1+r.IntN(len(word))] }

// samplePackages picks packages here and there, and some paths in them.
func samplePackages(ctx context.Context, s webServer, r *rand.Rand) (packages []listed, files []string, err error) {
	const api = "-/api/v1/repos/bench/"
	var list struct {
		Total    int      `json:"total"`
		Packages []listed `json:"packages"`
	}
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(time.Second) { // while an index is made
		if err = fetchJSON(ctx, s.url+api+"packages?limit=1", &list); err == nil || time.Now().After(deadline) || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return nil, nil, err
	}
	for range 50 {
		if err := fetchJSON(ctx, fmt.Sprintf("%s%spackages?limit=10&offset=%d", s.url, api, r.IntN(list.Total)), &list); err != nil {
			return nil, nil, err
		}
		packages = append(packages, list.Packages...)
	}
	for _, p := range packages[:20] {
		var detail struct {
			Files []struct {
				Path string `json:"path"`
			} `json:"files"`
		}
		if err := fetchJSON(ctx, s.url+api+"package/"+neturl.PathEscape(p.NEVRA)+"?files=1", &detail); err != nil {
			return nil, nil, err
		}
		for _, f := range detail.Files {
			files = append(files, f.Path)
		}
	}
	if len(files) == 0 {
		return nil, nil, errors.New("no package has files")
	}
	return packages, files, nil
}

func fetchJSON(ctx context.Context, url string, into any) error {
	_, body, err := get(ctx, url)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	return nil
}

// fetch reads a page as a browser would and returns its size in bytes.
func fetch(ctx context.Context, url string) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	if strings.Contains(url, "/-/api/") {
		req.Header.Set("Accept", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(io.Discard, res.Body)
	err = errors.Join(err, res.Body.Close())
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, res.Status)
	}
	return n, err
}
