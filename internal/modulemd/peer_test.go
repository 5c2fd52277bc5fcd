package modulemd

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/rpmpack"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
)

// artifactParts is name, epoch, version, release and architecture.
var artifactParts = regexp.MustCompile(`^(.+)-(\d+):([^-:]+)-([^-]+)\.([^-.]+)$`)

// TestKeepNewestPeer asks dnf's reposync about all cases in one repository,
// each with packages and modules of its own name.
func TestKeepNewestPeer(t *testing.T) {
	var streams []Stream
	var all []string
	for i, name := range slices.Sorted(maps.Keys(keepCases)) {
		own := func(artifacts []string) (renamed []string) {
			for _, a := range artifacts {
				renamed = append(renamed, fmt.Sprintf("case%d-%s", i, a))
			}
			return renamed
		}
		for _, s := range keepCases[name].streams {
			s.Name, s.Artifacts = fmt.Sprintf("case%d", i), own(s.Artifacts)
			streams = append(streams, s)
		}
		all = append(all, own(keepCases[name].all)...)
	}
	compareWithDNF(t, streams, all)
}

// TestKeepNewestPeerRandom asks it about packages thrown together.
func TestKeepNewestPeerRandom(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			var all []string
			for _, name := range []string{"a", "b", "b-devel", "c"} {
				for range 12 {
					a := fmt.Sprintf("%s-%d:%d-%d.%s", name, r.IntN(8)/7, r.IntN(4), r.IntN(3), []string{"noarch", "x86_64", "i686"}[r.IntN(3)])
					if !slices.Contains(all, a) {
						all = append(all, a)
					}
				}
			}
			var streams []Stream
			for i := range 14 {
				s := Stream{Name: []string{"m", "n"}[r.IntN(2)], Stream: []string{"1.10", "1.1"}[r.IntN(2)], Version: r.Uint64N(3), Context: fmt.Sprintf("c%07d", i)}
				for range r.IntN(6) {
					s.Artifacts = append(s.Artifacts, all[r.IntN(len(all)*2/3)]) // a third is in no module
				}
				s.Artifacts = append(s.Artifacts, fmt.Sprintf("absent-0:%d-1.noarch", i))
				streams = append(streams, s)
			}
			compareWithDNF(t, streams, all)
		})
	}
}

// compareWithDNF makes a repository of real packages and a modules.yaml, and
// compares what dnf's reposync would download of it with what is kept of it
// here.
func compareWithDNF(t *testing.T, streams []Stream, all []string) {
	t.Helper()
	dnf, createrepo, modifyrepo := peer.Need(t, "dnf"), peer.Need(t, "createrepo_c"), peer.Need(t, "modifyrepo_c")
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	require.NoError(t, os.Mkdir(tree, 0o755))
	for _, a := range all {
		writePackage(t, filepath.Join(tree, strings.ReplaceAll(a, ":", "_")+".rpm"), a)
	}
	text := modulesYAML(streams)
	modules := filepath.Join(dir, "modules.yaml")
	require.NoError(t, os.WriteFile(modules, []byte(text), 0o644))
	run(t, createrepo, "-q", tree)
	run(t, modifyrepo, "--mdtype=modules", modules, filepath.Join(tree, "repodata"))

	// What is compared is also what was read back.
	read, bad := parse(t, text)
	require.Empty(t, bad)
	require.Len(t, read, len(streams))
	var ours []string
	for _, r := range KeepNewest(read, refs(t, all...), 1) {
		ours = append(ours, artifactName(r.NEVRA))
	}

	conf := filepath.Join(dir, "dnf.conf")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil,
		"[main]\ncachedir=%[1]s/cache\nlogdir=%[1]s\npersistdir=%[1]s/persist\nreposdir=%[1]s/none\nmodule_platform_id=platform:el8\nplugins=1\n"+
			"[tree]\nname=tree\nbaseurl=file://%[1]s/tree\ngpgcheck=0\n", dir), 0o644))
	out := run(t, dnf, "-q", "--config="+conf, "--installroot="+filepath.Join(dir, "root"), "--releasever=8", "--forcearch=x86_64",
		"reposync", "--repo=tree", "--newest-only", "--urls")
	var theirs []string
	for _, line := range strings.Fields(out) {
		if name, ok := strings.CutSuffix(path.Base(line), ".rpm"); ok {
			theirs = append(theirs, strings.Replace(name, "_", ":", 1))
		}
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	assert.Equal(t, theirs, ours)
	assert.Less(t, len(ours), len(all), "something is left out")
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s: %s", cmd, stderr.String())
	return string(out)
}

// writePackage writes the smallest package that has an artifact's NEVRA.
func writePackage(t *testing.T, file, artifact string) {
	t.Helper()
	m := artifactParts.FindStringSubmatch(artifact)
	require.NotNil(t, m, artifact)
	epoch, err := strconv.ParseUint(m[2], 10, 32)
	require.NoError(t, err)
	pkg, err := rpmpack.NewRPM(rpmpack.RPMMetaData{
		Name: m[1], Epoch: uint32(epoch), Version: m[3], Release: m[4], Arch: m[5],
		Summary: "for a test", Description: "For a test.", Licence: "MIT", Compressor: "gzip",
	})
	require.NoError(t, err)
	if m[5] == "src" {
		const tagSourcePackage = 1106
		pkg.AddCustomTag(tagSourcePackage, rpmpack.EntryInt32([]int32{1}))
	}
	var b bytes.Buffer
	require.NoError(t, pkg.Write(&b))
	require.NoError(t, os.WriteFile(file, b.Bytes(), 0o644))
}

// modulesYAML writes what libmodulemd accepts.
func modulesYAML(streams []Stream) string {
	var b strings.Builder
	for i, s := range streams {
		if s.Context == "" {
			s.Context = fmt.Sprintf("%08d", i)
		}
		fmt.Fprintf(&b, "---\ndocument: modulemd\nversion: 2\ndata:\n  name: %s\n  stream: %q\n  version: %d\n  context: %s\n", s.Name, s.Stream, s.Version, s.Context)
		if s.Arch != "" {
			fmt.Fprintf(&b, "  arch: %s\n", s.Arch)
		}
		b.WriteString("  summary: for a test\n  description: For a test.\n  license:\n    module: [MIT]\n  artifacts:\n    rpms:\n")
		for _, a := range s.Artifacts {
			fmt.Fprintf(&b, "    - %s\n", a)
		}
		b.WriteString("...\n")
	}
	return b.String()
}
