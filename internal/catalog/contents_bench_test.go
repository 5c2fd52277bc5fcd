package catalog_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gorepo/internal/catalog"
	"gorepo/internal/testrepo/genrpm"
)

// crowded makes the metadata of a large repository with groups, modules and
// advisories of about the sizes that EPEL, AppStream and openSUSE have.
func crowded(b testing.TB, packages, advisories int) (repodata string) {
	b.Helper()
	dir := b.TempDir()
	require.NoError(b, genrpm.Repodata(dir, genrpm.Options{Packages: packages, FilesPerPackage: 3}))
	repodata = filepath.Join(dir, "repodata")
	c := open(b, repodata)
	var all []catalog.Package
	for offset := 0; ; offset += 1000 {
		page, err := c.List(b.Context(), catalog.ListOptions{Offset: offset, Limit: 1000})
		require.NoError(b, err)
		if len(page.Packages) == 0 {
			break
		}
		all = append(all, page.Packages...)
	}
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("kernel overflow remote attacker could cause denial of service crash when parsing crafted file memory corruption use after free race update fixes the following issues upstream version regression improves")
	prose := func(n int) string {
		var s strings.Builder
		for range n {
			s.WriteString(words[r.IntN(len(words))] + " ")
		}
		return s.String()
	}

	var updates bytes.Buffer
	updates.WriteString("<updates>\n")
	for i := range advisories {
		kind, severity := []string{"security", "bugfix", "enhancement", "newpackage"}[r.IntN(4)], []string{"Critical", "Important", "Moderate", "Low", "None"}[r.IntN(5)]
		fmt.Fprintf(&updates, "<update from=\"a@example.com\" status=\"stable\" type=\"%s\" version=\"2.0\"><id>TEST-%d-%08x</id><title>%s</title><issued date=\"%s\"/><severity>%s</severity><description>%s</description><references>",
			kind, 2014+i%10, r.Uint32(), prose(6), time.Unix(1400000000+int64(r.IntN(300000000)), 0).UTC().Format(time.DateTime), severity, prose(40+r.IntN(300)))
		for range r.IntN(5) {
			cve := fmt.Sprintf("CVE-%d-%04d", 2014+r.IntN(10), 1000+r.IntN(40000))
			fmt.Fprintf(&updates, "<reference href=\"https://example.com/%s\" id=\"%s\" type=\"cve\" title=\"%s\"/>", cve, cve, cve)
		}
		updates.WriteString("</references><pkglist><collection short=\"T\"><name>Test</name>")
		at, count := r.IntN(len(all)), 1+r.IntN(20)
		switch {
		case i == 0:
			count = 5000 // a large one, as of texlive
		case i%20 == 0:
			at = 1 // one that is updated often, as the kernel
		}
		for j := range count {
			p := all[(at+j)%len(all)]
			for _, arch := range []string{p.Arch, "aarch64", "src"} {
				fmt.Fprintf(&updates, "<package name=\"%s\" version=\"%s\" release=\"%s\" epoch=\"%s\" arch=\"%s\" src=\"s.src.rpm\"><filename>f.rpm</filename></package>\n", p.Name, p.Version, p.Release, p.Epoch, arch)
			}
		}
		updates.WriteString("</collection></pkglist></update>\n")
	}
	updates.WriteString("</updates>\n")

	var groups bytes.Buffer
	groups.WriteString("<comps>\n")
	for i := range 200 {
		fmt.Fprintf(&groups, "<group><id>g%d</id><name>Group %d</name><description>%s</description><packagelist>", i, i, prose(20))
		for range 60 {
			name := all[r.IntN(len(all))].Name
			if r.IntN(5) == 0 {
				name += "-missing"
			}
			fmt.Fprintf(&groups, "<packagereq type=\"%s\">%s</packagereq>", []string{"mandatory", "default", "optional"}[r.IntN(3)], name)
		}
		groups.WriteString("</packagelist></group>\n")
	}
	for i := range 20 {
		fmt.Fprintf(&groups, "<environment><id>e%d</id><name>Environment %d</name><grouplist>", i, i)
		for range 25 {
			fmt.Fprintf(&groups, "<groupid>g%d</groupid>", r.IntN(200))
		}
		groups.WriteString("</grouplist></environment>\n")
	}
	groups.WriteString("</comps>\n")

	var modules bytes.Buffer
	for i := range 100 {
		for version := range 30 {
			fmt.Fprintf(&modules, "---\ndocument: modulemd\nversion: 2\ndata:\n  name: m%d\n  stream: \"1\"\n  version: %d\n  context: c0ffee\n  arch: x86_64\n  summary: %s\n  description: %s\n  profiles: {default: {rpms: [a]}}\n  artifacts:\n    rpms:\n", i, version, prose(5), prose(50))
			for range 60 {
				p := all[r.IntN(len(all))]
				fmt.Fprintf(&modules, "    - %s-%s:%s-%s.%s\n", p.Name, p.Epoch, p.Version, p.Release, p.Arch)
			}
			modules.WriteString("...\n")
		}
	}

	repomd, err := os.ReadFile(filepath.Join(repodata, "repomd.xml"))
	require.NoError(b, err)
	var records strings.Builder
	for name, data := range map[string][]byte{"group": groups.Bytes(), "modules": modules.Bytes(), "updateinfo": updates.Bytes()} {
		require.NoError(b, os.WriteFile(filepath.Join(repodata, name), data, 0o600))
		fmt.Fprintf(&records, "<data type=\"%s\"><checksum type=\"sha256\">%x</checksum><location href=\"repodata/%s\"/><size>%d</size></data>", name, sha256.Sum256(data), name, len(data))
		b.Logf("%s: %.1f MB", name, float64(len(data))/1e6)
	}
	require.NoError(b, os.WriteFile(filepath.Join(repodata, "repomd.xml"), bytes.Replace(repomd, []byte("</repomd>"), []byte(records.String()+"</repomd>"), 1), 0o600))
	return repodata
}

// BenchmarkContents tells the time that nearly all calls for groups, modules and
// advisories take.
func BenchmarkContents(b *testing.B) {
	packages, advisories := 70_000, 10_000
	if testing.Short() {
		packages, advisories = 5000, 1000
	}
	dir := crowded(b, packages, advisories)
	path := filepath.Join(b.TempDir(), "catalog")
	start := time.Now()
	info, err := catalog.Build(b.Context(), path, catalog.BuildOptions{Repodata: dir})
	require.NoError(b, err)
	fi, err := os.Stat(path)
	require.NoError(b, err)
	b.Logf("%d packages, %d groups, %d modules, %d advisories: built in %v, %.1f MB, missing %v", info.Packages, info.Groups, info.Modules, info.Advisories, time.Since(start), float64(fi.Size())/1e6, info.Missing)
	c, err := catalog.Open(path)
	require.NoError(b, err)
	defer c.Close()
	ctx := context.Background()
	page, err := c.Advisories(ctx, catalog.AdvisoryOptions{Limit: 5000})
	require.NoError(b, err)
	first, err := c.List(ctx, catalog.ListOptions{Limit: 3})
	require.NoError(b, err)
	list := func(o catalog.AdvisoryOptions) func(int) error {
		return func(int) error {
			_, err := c.Advisories(ctx, o)
			return err
		}
	}
	queries := map[string]func(n int) error{
		"groups": func(int) error { _, err := c.Groups(ctx); return err },
		"group":  func(n int) error { _, err := c.Group(ctx, fmt.Sprintf("g%d", n%200)); return err },
		"groups of": func(n int) error {
			_, err := c.GroupsOf(ctx, first.Packages[n%len(first.Packages)].Name)
			return err
		},
		"modules":              func(int) error { _, err := c.Modules(ctx); return err },
		"module":               func(n int) error { _, err := c.Module(ctx, fmt.Sprintf("m%d", n%100), "1"); return err },
		"modules of":           func(n int) error { _, err := c.ModulesOf(ctx, int64(n%1000)); return err },
		"advisories":           list(catalog.AdvisoryOptions{}),
		"advisories/last":      list(catalog.AdvisoryOptions{Offset: advisories - 100}),
		"advisories/severity":  list(catalog.AdvisoryOptions{Severity: "critical", Type: "security", Fixable: true}),
		"advisories/cve":       list(catalog.AdvisoryOptions{CVE: "CVE-2020-"}),
		"advisories/all cves":  list(catalog.AdvisoryOptions{CVE: "C"}),
		"advisories/word":      list(catalog.AdvisoryOptions{Text: "overflow"}),
		"advisories/words":     list(catalog.AdvisoryOptions{Text: "overflow remote kern"}),
		"advisories/beginning": list(catalog.AdvisoryOptions{Text: "t"}),
		"advisory":             func(n int) error { _, err := c.Advisory(ctx, page.Advisories[n%len(page.Advisories)].ID); return err },
		"advisories for":       func(n int) error { _, err := c.AdvisoriesFor(ctx, first.Packages[n%3].String()); return err },
	}
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for n := range queries {
			if !yield(n) {
				return
			}
		}
	}) {
		b.Run(name, func(b *testing.B) {
			var times []time.Duration
			n := 0
			for b.Loop() {
				start := time.Now()
				if err := queries[name](n); err != nil {
					b.Fatal(err)
				}
				n++
				times = append(times, time.Since(start))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)*95/100].Microseconds())/1000, "p95-ms")
			b.ReportMetric(float64(times[len(times)-1].Microseconds())/1000, "max-ms")
		})
	}
}
