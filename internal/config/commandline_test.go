package config

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func enabled(c *Config) []string {
	var out []string
	for _, r := range c.Repos {
		if r.Enabled {
			out = append(out, r.ID)
		}
	}
	return out
}

func selected(t *testing.T, c *Config, patterns ...string) []string {
	t.Helper()
	repos, err := c.Select(patterns)
	require.NoError(t, err)
	return ids(repos)
}

func TestSwitches(t *testing.T) {
	h := newHost(t)
	h.write("cwd/gorepo.conf", "[a1]\nbaseurl=/a\n[a2]\nbaseurl=/a\nenabled=0\n[b]\nbaseurl=/b\nenabled=0\n")
	on := func(p string) Switch { return Switch{p, true} }
	off := func(p string) Switch { return Switch{p, false} }
	for _, test := range []struct {
		switches []Switch
		want     []string
		named    []string // with b named
	}{
		{nil, []string{"a1"}, []string{"b"}},
		{[]Switch{on("b")}, []string{"a1", "b"}, []string{"b"}},
		{[]Switch{on("a2"), off("*")}, nil, []string{"b"}},
		{[]Switch{off("*"), on("a2")}, []string{"a2"}, []string{"a2", "b"}},
		{[]Switch{off("*"), on("a?"), off("a[!2]")}, []string{"a2"}, []string{"a2", "b"}},
	} {
		h.opts.Switches = test.switches
		c := h.load()
		assert.Equal(t, test.want, enabled(c), test.switches)
		assert.Equal(t, test.want, selected(t, c), test.switches)
		assert.Equal(t, test.named, selected(t, c, "b"), test.switches)
	}
	h.opts.Switches = []Switch{on("zz"), on("a3")}
	h.fails(`unknown repository "zz"`, `unknown repository "a3"`, `is "a1" meant?`)
	h.opts.Switches = []Switch{off("zz*")}
	assert.Equal(t, "--disablerepo zz*: no such repository", h.load().Warnings[0].String())
}

func TestFromPath(t *testing.T) {
	h := newHost(t)
	h.write("cwd/gorepo.conf", "[main]\ntimeout=7\nreleasever=9\n[a]\nbaseurl=/a\nenabled=0\n")
	h.opts.FromPath = []string{"x,http://old/", "y,some dir", "x,https://u:hunter2@h/$releasever?a,b", "z,/srv/$basearch", "w,/a, b%?#"}
	h.opts.Set = []string{"x.timeout=9", "y.gpgcheck=0"}
	h.opts.Switches = []Switch{{"*", false}}
	c := h.load()
	assert.Equal(t, []string{"x", "y", "z", "w"}, selected(t, c))
	assert.Equal(t, []string{"a", "x", "y", "z", "w"}, selected(t, c, "a"))
	assert.Equal(t, []string{"https://u:hunter2@h/9?a%2Cb"}, c.Repo("x").BaseURL)
	assert.Equal(t, []string{"file://" + filepath.ToSlash(h.dir) + "/cwd/some%20dir"}, c.Repo("y").BaseURL)
	assert.Equal(t, []string{"/srv/" + baseArch(hostArch())}, c.Repo("z").BaseURL)
	assert.Equal(t, []string{"file:///a%2C%20b%25%3F%23"}, c.Repo("w").BaseURL)
	assert.Equal(t, 9.0, c.Repo("x").Timeout.Seconds())
	assert.Equal(t, 7.0, c.Repo("y").Timeout.Seconds())
	for _, r := range c.Repos {
		assert.NoError(t, r.Err)
	}

	for text, want := range map[string]string{
		"x":                       "--repofrompath x: it should be ID,URL",
		"x,":                      "it should be ID,URL",
		",http://u:hunter2@h/":    "it should be ID,URL",
		"a,/b":                    "there is a repository of this id at " + filepath.Join(h.dir, "cwd/gorepo.conf:4"),
		"../x,/b":                 "in the id",
		"http://u:hunter2@h/,x,y": "in the id",
	} {
		h.opts.FromPath, h.opts.Set = []string{text}, nil
		h.fails(want)
		_, err := Load(h.opts)
		assert.NotContains(t, err.Error(), "hunter2")
	}

	// It needs no configuration besides.
	h = newHost(t)
	h.opts.FromPath = []string{"x,http://h/"}
	assert.Equal(t, []string{"x"}, selected(t, h.load()))
}

func TestCommandLineVariables(t *testing.T) {
	h := newHost(t)
	h.write("etc/os-release", "ID=fedora\nVERSION_ID=42\n")
	h.write("cwd/gorepo.conf", "[main]\nreleasever=8\n[a]\nbaseurl=/$releasever/$basearch\n[b]\nreleasever=9\narch=s390x\nbaseurl=/$releasever/$releasever_major/$basearch/$arch\n[c-$releasever]\nbaseurl=/c\n")
	h.opts.ReleaseVer, h.opts.Arch = "10.1", "i586"
	h.opts.Set = []string{"*.releasever=7"}
	c := h.load()
	assert.Equal(t, []string{"/10.1/i386"}, c.Repo("a").BaseURL)
	assert.Equal(t, []string{"/10.1/10/i386/i586"}, c.Repo("b").BaseURL)
	assert.NotNil(t, c.Repo("c-10.1"))
	h.opts.Vars = []string{"basearch=x86_64", "own=a=b"}
	h.opts.Set = []string{"*.baseurl=/$basearch/$own"}
	assert.Equal(t, []string{"/x86_64/a=b"}, h.load().Repo("b").BaseURL)
	h.opts.Vars = []string{"a b=1"}
	h.fails("--setvar a b: it should be NAME=VALUE")
	h.opts.Vars = []string{"novalue"}
	h.fails("--setvar novalue")
	h.opts.Vars, h.opts.Set = nil, nil
	h.opts.ReleaseVer = "/"
	assert.Equal(t, []string{"/42/i386"}, h.load().Repo("a").BaseURL)
}

func TestUnknownSetopt(t *testing.T) {
	h := newHost(t)
	h.write("cwd/gorepo.conf", "[a]\nbaseurl=/a\n")
	h.opts.Set = []string{"nope=1", "a.nope=1", "zz.enabled=0", "z*.enabled=0", "*.retries=2"}
	c := h.load()
	var got []string
	for _, w := range c.Warnings {
		got = append(got, w.String())
	}
	assert.Equal(t, []string{
		`--setopt nope: unknown key "nope"`, `--setopt a.nope: unknown key "nope"`,
		`--setopt zz.enabled: no repository "zz"`, `--setopt z*.enabled: no repository "z*"`,
	}, got)
	assert.Equal(t, 2, c.Repo("a").Retries)
}

func TestGPGCheckByFlag(t *testing.T) {
	h := newHost(t)
	h.write("cwd/gorepo.conf", "[off]\nbaseurl=/a\ngpgcheck=0\n[unsaid]\nbaseurl=/a\ngpgkey=/k\n[keyless]\nbaseurl=/a\n")
	h.opts.GPGCheck = true
	c := h.load()
	assert.False(t, c.Repo("off").GPGCheck)
	assert.True(t, c.Repo("unsaid").GPGCheck)
	require.ErrorContains(t, c.Repo("keyless").Err, "gpgcheck is on without a gpgkey")
	h.opts.Set = []string{"gpgcheck=0"}
	assert.False(t, h.load().Repo("unsaid").GPGCheck)
}

func TestHostConfiguration(t *testing.T) {
	h := newHost(t)
	h.write("etc/yum.conf", "[main]\ntimeout=1\n[y]\nbaseurl=/y\n")
	h.write("etc/yum.repos.d/a.repo", "[a]\nbaseurl=/a\n")
	h.write("etc/distro.repos.d/d.repo", "[d]\nbaseurl=/d\n")
	h.write("etc/gorepo/repos.d/g.repo", "[g]\nbaseurl=/g\n")
	h.opts.Host = true
	c := h.load()
	assert.Equal(t, []string{"y", "a", "d"}, ids(c.Repos))
	assert.Equal(t, 1.0, c.Repo("a").Timeout.Seconds())

	h.write("etc/dnf/dnf.conf", "[main]\ntimeout=2\nbest=1\nclean_requirements_on_remove=True\n")
	c = h.load()
	assert.Equal(t, []string{"a", "d"}, ids(c.Repos))
	assert.Equal(t, 2.0, c.Repo("a").Timeout.Seconds())
	assert.Empty(t, c.Warnings)

	h.opts.Path = h.write("own.conf", "[main]\ntimeout=3\n")
	assert.Equal(t, 3.0, h.load().Repo("a").Timeout.Seconds(), "a file of reposync's kind, with the host's reposdir")
	h.opts.Path = ""

	h.write("etc/gorepo/gorepo.conf", "[main]\n")
	assert.Equal(t, []string{"g"}, ids(h.load().Repos), "gorepo's own configuration goes before the host's")
}

func TestSourceID(t *testing.T) {
	assert.Equal(t, "rhel-8-baseos-source-rpms", (&Repo{ID: "rhel-8-baseos-rpms"}).SourceID())
	assert.Equal(t, "epel-source", (&Repo{ID: "epel"}).SourceID())
}

func TestSettings(t *testing.T) {
	h := newHost(t)
	h.write("cwd/gorepo.conf", `[main]
timeout = 9
proxy = u:hunter2@p:3128
[a]
releasever = 9
baseurl = https://u:hunter2@h/$releasever, http://v:hunter2@g/?hunter2
password = hunter2
metadata_expire = 1
priority = 4
gpgkey = https://w:hunter2,hunter2@h/k
retries = 3
`)
	h.opts.Set = []string{"a.retries=4"}
	dir := filepath.Join(h.dir, "cwd/gorepo.conf:")
	assert.Equal(t, []Setting{
		{"baseurl", "https://***@h/9 http://***@g/?***", dir + "6"},
		{"gpgkey", "https://***@h/k", dir + "10"},
		{"password", "***", dir + "7"},
		{"proxy", "***@p:3128", dir + "3"},
		{"releasever", "9", dir + "5"},
		{"retries", "4", "--setopt a.retries"},
		{"timeout", "9", dir + "2"},
	}, h.load().Repo("a").Settings)
}

func TestPath(t *testing.T) {
	h := newHost(t)
	h.write("cwd/gorepo.conf", "[a]\npath=/sub dir/x/\nbaseurl=/srv/ http://h/r?k=v\n  https://h\n[b]\nbaseurl=/b\npath=/\n")
	c := h.load()
	assert.Equal(t, []string{"/srv/sub dir/x", "http://h/r/sub%20dir/x?k=v", "https://h/sub%20dir/x"}, c.Repo("a").BaseURL)
	assert.Equal(t, []string{"/b"}, c.Repo("b").BaseURL)
}

func TestModuleHotfixes(t *testing.T) {
	h := newHost(t)
	h.write("cwd/gorepo.conf", "[a]\nbaseurl=/a\nmodule_hotfixes=true\n[b]\nbaseurl=/b\n[c]\nbaseurl=/c\nmodule_hotfixes=perhaps\n")
	c := h.load()
	assert.True(t, c.Repo("a").ModuleHotfixes)
	assert.False(t, c.Repo("b").ModuleHotfixes)
	assert.Error(t, c.Repo("c").Err)
}
