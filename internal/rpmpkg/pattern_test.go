package rpmpkg

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo"
	"gorepo/internal/testrepo/peer"
)

// patternPackages are those that the patterns are tried on: name, epoch,
// version, release, architecture.
const patternPackages = `
foo 0 1.0 1 x86_64
foo 0 1.0 2 x86_64
foo 0 2.0 1 x86_64
foo 1 1.0 1 i686
foo-1 0 1 1 noarch
foo-bar 0 1.0 1.el9 noarch
foo-bar 2 1.00 1.el9 x86_64
foo.bar 0 3 4 noarch
libfoo.so 0 1 1 x86_64
a+b 0 1~rc1 1^git2 noarch
A 0 1 1 noarch
kernel 0 5.14.0 70.el9 x86_64
kernel-core 0 5.14.0 70.el9 x86_64
kernel-core 0 5.14.0 80.el9 x86_64
x[1] 0 1 1 noarch
foo 0 1.0 1 src
`

// patternCases are patterns with what dnf makes of them.
var patternCases = []struct{ pattern, want string }{
	{`foo`, "foo-0:1.0-1.src foo-0:1.0-1.x86_64 foo-0:1.0-2.x86_64 foo-0:2.0-1.x86_64 foo-1:1.0-1.i686"},
	{`foo.x86_64`, "foo-0:1.0-1.x86_64 foo-0:1.0-2.x86_64 foo-0:2.0-1.x86_64"},
	{`foo.*`, "foo-0:1.0-1.src foo-0:1.0-1.x86_64 foo-0:1.0-2.x86_64 foo-0:2.0-1.x86_64 foo-1:1.0-1.i686"},
	{`foo-1`, "foo-1-0:1-1.noarch"},
	{`foo-1.0`, "foo-0:1.0-1.src foo-0:1.0-1.x86_64 foo-0:1.0-2.x86_64 foo-1:1.0-1.i686"},
	{`foo-1.00`, "foo-0:1.0-1.src foo-0:1.0-1.x86_64 foo-0:1.0-2.x86_64 foo-1:1.0-1.i686"},
	{`foo-01.0-01`, "foo-0:1.0-1.src foo-0:1.0-1.x86_64 foo-1:1.0-1.i686"},
	{`foo-1.0-1`, "foo-0:1.0-1.src foo-0:1.0-1.x86_64 foo-1:1.0-1.i686"},
	{`foo-1.0-1.x86_64`, "foo-0:1.0-1.x86_64"},
	{`foo-0:1.0-1`, "foo-0:1.0-1.src foo-0:1.0-1.x86_64"},
	{`foo-1:1.0-1`, "foo-1:1.0-1.i686"},
	{`foo-00:1.0-1`, "foo-0:1.0-1.src foo-0:1.0-1.x86_64"},
	{`foo-1:1.0-1.i686`, "foo-1:1.0-1.i686"},
	{`foo-1:1.0`, "foo-1:1.0-1.i686"},
	{`foo-0:*`, "foo-0:1.0-1.src foo-0:1.0-1.x86_64 foo-0:1.0-2.x86_64 foo-0:2.0-1.x86_64"},
	{`1:foo`, ""},
	{`1:foo-1.0-1.i686`, ""},
	{`foo-*:1.0-1`, ""},
	{`?:*`, ""},
	{`*:*`, "all"},
	{`foo*`, "foo-0:1.0-1.src foo-0:1.0-1.x86_64 foo-0:1.0-2.x86_64 foo-0:2.0-1.x86_64 foo-1-0:1-1.noarch foo-1:1.0-1.i686 foo-bar-0:1.0-1.el9.noarch foo-bar-2:1.00-1.el9.x86_64 foo.bar-0:3-4.noarch"},
	{`f?o`, "foo-0:1.0-1.src foo-0:1.0-1.x86_64 foo-0:1.0-2.x86_64 foo-0:2.0-1.x86_64 foo-1:1.0-1.i686"},
	{`f[o]o`, "foo-0:1.0-1.src foo-0:1.0-1.x86_64 foo-0:1.0-2.x86_64 foo-0:2.0-1.x86_64 foo-1:1.0-1.i686"},
	{`f[!x]o`, "foo-0:1.0-1.src foo-0:1.0-1.x86_64 foo-0:1.0-2.x86_64 foo-0:2.0-1.x86_64 foo-1:1.0-1.i686"},
	{`f[^x]o`, "foo-0:1.0-1.src foo-0:1.0-1.x86_64 foo-0:1.0-2.x86_64 foo-0:2.0-1.x86_64 foo-1:1.0-1.i686"},
	{`f[!o]o`, ""},
	{`foo[.-]bar`, "foo-bar-0:1.0-1.el9.noarch foo-bar-2:1.00-1.el9.x86_64 foo.bar-0:3-4.noarch"},
	{`*.i686`, "foo-1:1.0-1.i686"},
	{`*.src`, "foo-0:1.0-1.src"},
	{`*.x86*`, "foo-0:1.0-1.x86_64 foo-0:1.0-2.x86_64 foo-0:2.0-1.x86_64 foo-bar-2:1.00-1.el9.x86_64 kernel-0:5.14.0-70.el9.x86_64 kernel-core-0:5.14.0-70.el9.x86_64 kernel-core-0:5.14.0-80.el9.x86_64 libfoo.so-0:1-1.x86_64"},
	{`foo.x86_6?`, "foo-0:1.0-1.x86_64 foo-0:1.0-2.x86_64 foo-0:2.0-1.x86_64"},
	{`foo-1.0-1.x86_6[4]`, "foo-0:1.0-1.x86_64"},
	{`*-1`, "foo-1-0:1-1.noarch"},
	{`*-1.0-*`, "foo-0:1.0-1.src foo-0:1.0-1.x86_64 foo-0:1.0-2.x86_64 foo-1:1.0-1.i686 foo-bar-0:1.0-1.el9.noarch foo-bar-2:1.00-1.el9.x86_64"},
	{`*-1.0-1.*`, "foo-0:1.0-1.src foo-0:1.0-1.x86_64 foo-1:1.0-1.i686"},
	{`foo-1.0*`, "foo-0:1.0-1.src foo-0:1.0-1.x86_64 foo-0:1.0-2.x86_64 foo-1:1.0-1.i686"},
	{`foo-1*x86_64`, "foo-0:1.0-1.x86_64 foo-0:1.0-2.x86_64"},
	{`foo-1.[0]-1`, "foo-0:1.0-1.src foo-0:1.0-1.x86_64 foo-1:1.0-1.i686"},
	{`foo-bar`, "foo-bar-0:1.0-1.el9.noarch foo-bar-2:1.00-1.el9.x86_64"},
	{`foo-bar-2:1.0-1.el9`, "foo-bar-2:1.00-1.el9.x86_64"},
	{`foo-bar-1.0-1.el9`, "foo-bar-0:1.0-1.el9.noarch foo-bar-2:1.00-1.el9.x86_64"},
	{`foo-bar-0:1.0*`, "foo-bar-0:1.0-1.el9.noarch"},
	{`foo-bar-1*`, "foo-bar-0:1.0-1.el9.noarch foo-bar-2:1.00-1.el9.x86_64"},
	{`foo-bar-2:*-1.el9`, "foo-bar-2:1.00-1.el9.x86_64"},
	{`foo.bar`, "foo.bar-0:3-4.noarch"},
	{`foo.bar-3`, "foo.bar-0:3-4.noarch"},
	{`foo.bar.noarch`, "foo.bar-0:3-4.noarch"},
	{`*bar.noarch`, "foo-bar-0:1.0-1.el9.noarch foo.bar-0:3-4.noarch"},
	{`lib*.so`, "libfoo.so-0:1-1.x86_64"},
	{`libfoo.so`, "libfoo.so-0:1-1.x86_64"},
	{`a+b`, "a+b-0:1~rc1-1^git2.noarch"},
	{`a`, ""},
	{`a+b-1~rc1-1^git2`, "a+b-0:1~rc1-1^git2.noarch"},
	{`a+b-1~rc1-1^git2.noarch`, "a+b-0:1~rc1-1^git2.noarch"},
	{`kernel-5*`, "kernel-0:5.14.0-70.el9.x86_64"},
	{`kernel-core-5.14.0-7*`, "kernel-core-0:5.14.0-70.el9.x86_64"},
	{`kernel-*-70.el9`, "kernel-0:5.14.0-70.el9.x86_64"},
	{`/usr/bin/kern`, ""},
	{`kernel=5`, ""},
	{`x[1]`, ""},
	{`x\[1]`, "x[1]-0:1-1.noarch"},
	{`x\[1\]`, "x[1]-0:1-1.noarch"},
	{`*`, "all"},
	{`[k-l]*`, "kernel-0:5.14.0-70.el9.x86_64 kernel-core-0:5.14.0-70.el9.x86_64 kernel-core-0:5.14.0-80.el9.x86_64 libfoo.so-0:1-1.x86_64"},
	{`f\oo`, ""},
	{`foo-[0-9]*`, "foo-1-0:1-1.noarch"},
	{`foo-1-1`, "foo-1-0:1-1.noarch"},
	{`foo-1-1-1`, "foo-1-0:1-1.noarch"},
	{`foo-1-1-1.noarch`, "foo-1-0:1-1.noarch"},
	{`*1.el9.noarch`, "foo-bar-0:1.0-1.el9.noarch"},
	{`*1.el9*`, "foo-bar-0:1.0-1.el9.noarch foo-bar-2:1.00-1.el9.x86_64"},
	{`*-0:1.0-1.x86_64`, "foo-0:1.0-1.x86_64"},
	{`*0:1.0-1*`, "foo-0:1.0-1.src foo-0:1.0-1.x86_64 foo-bar-0:1.0-1.el9.noarch"},
	{`*1.00-1*86_64`, "foo-bar-2:1.00-1.el9.x86_64"},
	{`*2:1.00-1*86_64`, "foo-bar-2:1.00-1.el9.x86_64"},
	{`*0:1.00-1*86_64`, ""},
	{`{foo,kernel}`, ""},
	{`[k]e*l`, "kernel-0:5.14.0-70.el9.x86_64"},
	{`nothing*`, ""},
	{`foo-*.src`, "foo-0:1.0-1.src"},
}

// nameCases are patterns together.
var nameCases = []struct{ include, exclude, want string }{
	{"foo*", "foo-bar", "foo-0:1.0-1.src foo-0:1.0-1.x86_64 foo-0:1.0-2.x86_64 foo-0:2.0-1.x86_64 foo-1-0:1-1.noarch foo-1:1.0-1.i686 foo.bar-0:3-4.noarch"},
	{"A kernel", "kernel-5*", "A-0:1-1.noarch"},
	{"A", "A", ""},
	{"nothing", "", ""},
	{"nothing A", "", "A-0:1-1.noarch"},
}

func patternRefs() (refs []Ref) {
	for line := range strings.Lines(strings.TrimSpace(patternPackages)) {
		f := strings.Fields(line)
		refs = append(refs, ref(f[0], f[1], f[2], f[3], f[4]))
	}
	return refs
}

func patterns(text string) (list []Pattern) {
	for _, s := range strings.Fields(text) {
		list = append(list, ParsePattern(s))
	}
	return list
}

func withEpochs(refs []Ref) []string {
	list := []string{}
	for _, r := range refs {
		list = append(list, string(r.appendNEVRA(nil, true)))
	}
	slices.Sort(list)
	return list
}

func TestPatterns(t *testing.T) {
	all := patternRefs()
	for _, test := range patternCases {
		want := withEpochs(all)
		if test.want != "all" {
			want = append([]string{}, strings.Fields(test.want)...)
		}
		included := Names{Include: patterns(test.pattern)}.Keep(slices.Clone(all))
		assert.Equal(t, want, withEpochs(included), test.pattern)
		excluded := Names{Exclude: patterns(test.pattern)}.Keep(slices.Clone(all))
		assert.Len(t, excluded, len(all)-len(want), test.pattern)
		assert.NotSubset(t, append(want, "none"), append(withEpochs(excluded), "some"), test.pattern)
	}
	for _, test := range nameCases {
		kept := Names{patterns(test.include), patterns(test.exclude)}.Keep(slices.Clone(all))
		assert.Equal(t, append([]string{}, strings.Fields(test.want)...), withEpochs(kept), test)
	}
	assert.Equal(t, all, Names{}.Keep(slices.Clone(all)))
	assert.Equal(t, "foo*", ParsePattern("foo*").String())
}

// askDNF says what dnf considers of a repository with include- and excludepkgs.
const askDNF = `
import dnf, json, sys
base, repo, cases = sys.argv[1], sys.argv[2], json.load(sys.stdin)
out = []
for include, exclude in cases:
    b = dnf.Base()
    b.conf.cachedir = b.conf.logdir = b.conf.persistdir = b.conf.installroot = base
    b.conf.reposdir, b.conf.module_platform_id, b.conf.substitutions["releasever"] = [], "platform:el9", "9"
    r = b.repos.add_new_repo("r", b.conf, baseurl=["file://" + repo])
    r.includepkgs, r.excludepkgs = include, exclude
    b.fill_sack(load_system_repo=False)
    out.append(sorted("%s-%s:%s-%s.%s" % (p.name, p.epoch, p.version, p.release, p.arch) for p in b.sack.query()))
    b.close()
json.dump(out, sys.stdout)
`

// TestPatternsPeer asks dnf about all cases, as excludepkgs and as includepkgs.
func TestPatternsPeer(t *testing.T) {
	peer.Need(t, "dnf")
	dir := t.TempDir()
	var packages []*testrepo.Package
	for i, r := range patternRefs() {
		packages = append(packages, &testrepo.Package{
			Name: r.Name, Epoch: r.Epoch, Version: r.Version, Release: r.Release, Arch: r.Arch,
			Location: fmt.Sprintf("%d.rpm", i), Data: []byte(r.String()),
		})
	}
	testrepo.Render(testrepo.Options{}, packages...).WriteTo(t, filepath.Join(dir, "repo"))
	var cases [][2][]string
	var want [][]string
	all := patternRefs()
	add := func(include, exclude []string) {
		cases = append(cases, [2][]string{append([]string{}, include...), append([]string{}, exclude...)})
		n := Names{patterns(strings.Join(include, " ")), patterns(strings.Join(exclude, " "))}
		want = append(want, withEpochs(n.Keep(slices.Clone(all))))
	}
	for _, test := range patternCases {
		add(nil, []string{test.pattern})
		add([]string{test.pattern}, nil)
	}
	for _, test := range nameCases {
		add(strings.Fields(test.include), strings.Fields(test.exclude))
	}
	in, err := json.Marshal(cases)
	require.NoError(t, err)
	cmd := exec.Command("/usr/bin/python3", "-c", askDNF, dir, filepath.Join(dir, "repo"))
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1")
	cmd.Stdin = strings.NewReader(string(in))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil && strings.Contains(stderr.String(), "No module named 'dnf'") {
		peer.Missing(t, "python3 with dnf", "apt-get install python3-dnf")
	}
	require.NoError(t, err, stderr.String())
	var got [][]string
	require.NoError(t, json.Unmarshal(out, &got))
	require.Len(t, got, len(cases))
	for i := range cases {
		assert.Equal(t, got[i], want[i], "includepkgs %q, excludepkgs %q: dnf, and ours", cases[i][0], cases[i][1])
	}
}

func TestGlob(t *testing.T) {
	for _, test := range globCases {
		assert.Equal(t, test.want, Glob(test.pattern, test.s), "%q and %q", test.pattern, test.s)
	}
}

var globCases = []struct {
	pattern, s string
	want       bool
}{
	{"", "", true},
	{"", "a", false},
	{"a", "", false},
	{"*", "", true},
	{"**", "a/.b", true},
	{"?", "", false},
	{"?", "é", true},
	{"a*b*c", "aXbXbc", true},
	{"a*b*c", "aXbXb", false},
	{"*a", "aab", false},
	{"*ab", "aaab", true},
	{"a*", "b", false},
	{"[abc]", "b", true},
	{"[!abc]", "b", false},
	{"[^abc]", "d", true},
	{"[a-c]", "c", true},
	{"[a-c]", "d", false},
	{"[]a]", "]", true},
	{"[!]a]", "b", true},
	{"[a-]", "-", true},
	{"[-a]", "-", true},
	{"[a", "[a", true},
	{"[a", "a", false},
	{"[", "[", true},
	{"*[", "a[", true},
	{"[!", "[!", true},
	{"[]", "[]", true},
	{`\*`, "*", true},
	{`\*`, "a", false},
	{`a\bc`, "abc", true},
	{`[\]]`, "]", true},
	{`[\a-\c]`, "b", true},
	{"[é-ü]", "ö", true},
	{"[c-a]", "b", false},
}

// TestGlobPeer asks the C library, of random patterns too.
func TestGlobPeer(t *testing.T) {
	python := peer.Need(t, "python3")
	var cases [][2]string
	var want []bool
	add := func(pattern, s string) {
		cases, want = append(cases, [2]string{pattern, s}), append(want, Glob(pattern, s))
	}
	for _, test := range globCases {
		add(test.pattern, test.s)
	}
	// All patterns of up to five characters, on a few texts.
	letters := []string{"*", "?", "[", "]", "!", "-", "a", "b", `\`}
	grow := []string{""}
	for range 4 {
		var longer []string
		for _, p := range grow {
			for _, c := range letters {
				longer = append(longer, p+c)
			}
		}
		for _, p := range longer {
			if strings.HasSuffix(p, `\`) {
				continue // a backslash before nothing: implementations differ
			}
			for _, s := range []string{"a", "b", "ab", "-a", "[a", "]", "!"} {
				add(p, s)
			}
		}
		grow = longer
	}
	in, err := json.Marshal(cases)
	require.NoError(t, err)
	cmd := exec.Command(python, "-c", `
import ctypes, json, locale, sys
locale.setlocale(locale.LC_ALL, "C.UTF-8")
match = ctypes.CDLL(None).fnmatch
json.dump([match(p.encode(), s.encode(), 0) == 0 for p, s in json.load(sys.stdin)], sys.stdout)`)
	cmd.Stdin = strings.NewReader(string(in))
	out, err := cmd.Output()
	require.NoError(t, err)
	var got []bool
	require.NoError(t, json.Unmarshal(out, &got))
	require.Len(t, got, len(cases))
	wrong := 0
	for i := range cases {
		if got[i] != want[i] {
			if wrong++; wrong < 20 {
				t.Errorf("%q and %q: fnmatch says %v", cases[i][0], cases[i][1], got[i])
			}
		}
	}
	t.Logf("%d patterns and texts", len(cases))
}

func FuzzPattern(f *testing.F) {
	for _, test := range patternCases {
		f.Add(test.pattern)
	}
	f.Fuzz(func(t *testing.T, text string) {
		refs := patternRefs()
		kept := Names{Include: []Pattern{ParsePattern(text)}}.Keep(slices.Clone(refs))
		left := Names{Exclude: []Pattern{ParsePattern(text)}}.Keep(slices.Clone(refs))
		if len(kept)+len(left) != len(refs) {
			t.Fatalf("%q names %d packages and leaves %d", text, len(kept), len(left))
		}
	})
}
