package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A host is a directory that stands for / with a working directory in it.
type host struct {
	t    *testing.T
	dir  string
	opts Options
}

func newHost(t *testing.T) *host {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "cwd"), 0o755))
	return &host{t: t, dir: dir, opts: Options{SysRoot: dir, WorkDir: filepath.Join(dir, "cwd"), Environ: []string{"HOME=/"}}}
}

func (h *host) write(path, text string) string {
	path = filepath.Join(h.dir, path)
	require.NoError(h.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(h.t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

func (h *host) load() *Config {
	c, err := Load(h.opts)
	require.NoError(h.t, err)
	return c
}

func (h *host) fails(parts ...string) {
	h.t.Helper()
	_, err := Load(h.opts)
	require.Error(h.t, err)
	for _, part := range parts {
		assert.Contains(h.t, err.Error(), part)
	}
}

func ids(repos []*Repo) []string {
	var out []string
	for _, r := range repos {
		out = append(out, r.ID)
	}
	return out
}

func TestSearchOrder(t *testing.T) {
	h := newHost(t)
	h.fails("no configuration", "--config FILE")
	_, err := Load(h.opts)
	require.ErrorIs(t, err, ErrNone)
	h.opts.Optional = true
	assert.Equal(t, DefaultRoot, h.load().Main.Root)
	h.opts.Optional = false

	h.write("etc/yum.repos.d/y.repo", "[yum]\nbaseurl=http://h/\n")
	c := h.load()
	assert.Equal(t, []string{"yum"}, ids(c.Repos))
	assert.Empty(t, c.Path)

	h.write("etc/gorepo/repos.d/g.repo", "[own]\nbaseurl=http://h/\n")
	assert.Equal(t, []string{"own"}, ids(h.load().Repos), "gorepo's own files come before the host's")

	h.write("etc/gorepo/gorepo.conf", "[system]\nbaseurl=http://h/\n")
	assert.Equal(t, []string{"system", "own"}, ids(h.load().Repos))

	h.write("cwd/gorepo.conf", "[main]\nreposdir=none\n[here]\nbaseurl=http://h/\n")
	c = h.load()
	assert.Equal(t, []string{"here"}, ids(c.Repos))
	assert.Contains(t, c.Warnings[0].String(), "cwd/none: no such directory")

	h.opts.Environ = []string{"GOREPO_CONFIG=" + h.write("env.conf", "[env]\nbaseurl=http://h/\n")}
	assert.Equal(t, []string{"env", "own"}, ids(h.load().Repos))

	h.opts.Path = h.write("flag.conf", "[flag]\nbaseurl=http://h/\n")
	assert.Equal(t, []string{"flag", "own"}, ids(h.load().Repos))

	h.opts.Path = filepath.Join(h.dir, "missing.conf")
	h.fails("missing.conf", "no such file")
}

func TestMain(t *testing.T) {
	h := newHost(t)
	h.write("cwd/gorepo.conf", "[main]\nroot = mirror/$basearch\nworkers=3\nlock_timeout=5m\nbasearch=s390x\n")
	c := h.load()
	assert.Equal(t, filepath.Join(h.dir, "cwd/mirror/s390x"), c.Main.Root)
	assert.Equal(t, 3, c.Main.Workers)
	assert.Equal(t, 5*time.Minute, c.Main.LockTimeout)

	h.opts.Root = "/other"
	assert.Equal(t, "/other", h.load().Main.Root)
	h.opts.Root = "rel"
	assert.Equal(t, filepath.Join(h.dir, "cwd/rel"), h.load().Main.Root)

	h.opts.Root = ""
	h.opts.Environ = []string{"GOREPO_ROOT=/from/env"}
	assert.Equal(t, "/from/env", h.load().Main.Root)

	h.opts.Set = []string{"workers=7", "lock_timeout=0"}
	c = h.load()
	assert.Equal(t, 7, c.Main.Workers)
	assert.Zero(t, c.Main.LockTimeout)
}

func TestFingerprintsThatCheckNothing(t *testing.T) {
	h := newHost(t)
	const pin = "gpgkey_fingerprint=2e8f4c9d58c0d2f0c5b2a6ab2968eb30df941ec2\n"
	h.write("cwd/gorepo.conf", "[main]\n"+pin+"[off]\nbaseurl=/x\ngpgkey=/k\n[on]\nbaseurl=/x\ngpgkey=/k\nrepo_gpgcheck=1\n[keyless]\nbaseurl=/x\n")
	c := h.load()
	for id, want := range map[string]int{"off": 1, "on": 0, "keyless": 0} {
		r := c.Repo(id)
		assert.Equal(t, []string{"2E8F4C9D58C0D2F0C5B2A6AB2968EB30DF941EC2"}, r.GPGKeyFingerprints)
		assert.Len(t, r.Warnings, want, id)
	}
	assert.Contains(t, c.Repo("off").Warnings[0].String(), "gorepo.conf:2: gpgkey_fingerprint checks nothing")
}

func TestMainErrors(t *testing.T) {
	for text, want := range map[string][]string{
		"[main]\nworkers = lots\n":                      {"gorepo.conf:2: workers:", `"lots"`},
		"[main]\n\nworkers=0\n":                         {"gorepo.conf:3: workers:"},
		"[main]\nroot=\n":                               {"gorepo.conf:2: root is empty"},
		"[main]\nroot=/srv/$releasever\n":               {"gorepo.conf:2: root uses $releasever"},
		"[main]\ngpgcheck=maybe\n":                      {"gorepo.conf:2: gpgcheck:", `"maybe"`},
		"[main]\nexcludepkgs=/usr/bin/x\n":              {"gorepo.conf:2: excludepkgs:", "matches no package"},
		"[main]\nthrottle=1X\ntimeout=x\n":              {"gorepo.conf:2: throttle:", "gorepo.conf:3: timeout:"},
		"[main]\nlock_timeout=soon\n":                   {"gorepo.conf:2: lock_timeout:"},
		"[main]\nmax_age=2w\n":                          {`gorepo.conf:2: max_age: "2w" is no duration`},
		"[main]\nmirrors=https://a/ b.example\n":        {`gorepo.conf:2: mirrors: "b.example" is no http or https URL of a mirror`},
		"[main\n":                                       {"gorepo.conf:1: a section needs a closing"},
		"[main]\nproxy=http://u:hunter2@[bad:1\n":       {"gorepo.conf:2: proxy:"},
		"[main]\nproxy=ftp://u:hunter2@proxy.example\n": {"gorepo.conf:2: proxy:", "http, https or socks5"},
	} {
		h := newHost(t)
		h.write("cwd/gorepo.conf", text)
		h.fails(want...)
		_, err := Load(h.opts)
		assert.NotContains(t, err.Error(), "hunter2")
	}
}

func TestRepoDefaults(t *testing.T) {
	h := newHost(t)
	h.write("cwd/gorepo.conf", "[a]\nbaseurl=http://h/\n")
	r := h.load().Repo("a")
	require.NoError(t, r.Err)
	assert.Equal(t, "a", r.Name)
	assert.True(t, r.Enabled)
	assert.True(t, r.SSLVerify)
	assert.False(t, r.GPGCheck)
	assert.False(t, r.RepoGPGCheck)
	assert.Equal(t, 30*time.Second, r.Timeout)
	assert.Equal(t, 10, r.Retries)
	assert.Equal(t, int64(1000), r.MinRate)
	assert.Empty(t, r.Warnings)
	assert.Equal(t, 1, r.Line)
}

func TestRepoValues(t *testing.T) {
	h := newHost(t)
	h.write("cwd/gorepo.conf", `[main]
gpgcheck = 1
sslverify = off
proxy = proxy.example:3128
timeout = 1m
newest_only = yes
enabled = 0
user_agent = fleet/1
`)
	h.write("etc/gorepo/repos.d/x.repo", `[x]
name = Extra
  packages
enabled = 1
baseurl = http://a/x, https://u:hunter2@b/x
  file:///mnt/x /srv/x
gpgcheck = 0
repo_gpgcheck = on
gpgkey = file:///etc/pki/KEY
  /etc/pki/KEY2,https://h/KEY3
sslcacert = /ca.pem
sslclientcert = /etc/pki/entitlement/1.pem
sslclientkey = file:///etc/pki/entitlement/1-key.pem
username = u
password = "p w "
proxy = _none_
timeout = 2h
retries = 3
minrate = 2k
ip_resolve = IPv6
max_parallel_downloads = 20
max_downloads_per_mirror = 5
skip_if_unavailable = True
delete = 1
download_metadata = 1
source = 1
archlist = x86_64, noarch
`)
	h.write("etc/gorepo/repos.d/y.repo", "[y]\nbaseurl=/srv/y\ngpgkey=/k\nproxy_username=pu\nproxy_password=pp\n")
	c := h.load()
	x, y := c.Repo("x"), c.Repo("y")
	require.NoError(t, x.Err)
	require.NoError(t, y.Err)

	assert.Equal(t, "Extra packages", x.Name)
	assert.True(t, x.Enabled)
	assert.Equal(t, []string{"http://a/x", "https://u:hunter2@b/x", "file:///mnt/x", "/srv/x"}, x.BaseURL)
	assert.Equal(t, []string{"http://a/x", "https://***@b/x", "file:///mnt/x", "/srv/x"}, x.MaskedBaseURL())
	assert.False(t, x.GPGCheck)
	assert.True(t, x.RepoGPGCheck)
	assert.Equal(t, []string{"file:///etc/pki/KEY", "/etc/pki/KEY2", "https://h/KEY3"}, x.GPGKeys)
	assert.False(t, x.SSLVerify)
	assert.Equal(t, "/ca.pem", x.SSLCACert)
	assert.Equal(t, "/etc/pki/entitlement/1.pem", x.SSLClientCert)
	assert.Equal(t, "/etc/pki/entitlement/1-key.pem", x.SSLClientKey)
	assert.Equal(t, "u", x.Username)
	assert.Equal(t, "p w", x.Password.Reveal(), "blanks at the ends are nobody's password")
	assert.Empty(t, x.Proxy)
	assert.Equal(t, 2*time.Hour, x.Timeout)
	assert.Equal(t, 3, x.Retries)
	assert.Equal(t, int64(2048), x.MinRate)
	assert.Equal(t, "6", x.IPResolve)
	assert.Equal(t, 20, x.MaxParallelDownloads)
	assert.Equal(t, 5, x.MaxDownloadsPerMirror)
	assert.True(t, x.SkipIfUnavailable)
	assert.True(t, x.Delete)
	assert.True(t, x.DownloadMetadata)
	assert.True(t, x.Source)
	assert.True(t, x.NewestOnly)
	assert.Equal(t, "fleet/1", x.UserAgent)
	assert.Equal(t, []string{"x86_64", "noarch"}, x.Arches)

	assert.False(t, y.Enabled)
	assert.True(t, y.GPGCheck)
	assert.Equal(t, "http://proxy.example:3128", y.Proxy)
	assert.Equal(t, time.Minute, y.Timeout)
	assert.Equal(t, "pp", y.ProxyPassword.Reveal())
}

func TestVariablesByRepository(t *testing.T) {
	h := newHost(t)
	h.write("etc/dnf/vars/stream", "old\n")
	h.write("etc/yum/vars/infra", "stock\n")
	h.write("etc/gorepo/vars/stream", "new\n")
	h.write("cwd/vars/site", "muc\n")
	h.write("cwd/gorepo.conf", `[main]
releasever = 8
varsdir = vars
sslcacert = /ca/$releasever.pem
[el8]
baseurl = http://h/$releasever/$basearch/$stream/$infra/$site
[el9]
releasever = 9.4
basearch = aarch64
baseurl = http://h/$releasever/$releasever_major/${releasever_minor}/$basearch/$arch
[i386]
arch = i586
baseurl = http://h/$arch/$basearch
[env]
baseurl = http://h/$DNF1$YUM2/$own/${nope:-dflt}/$left
`)
	h.opts.Environ = []string{"DNF1=o", "YUM2=ne", "DNF_VAR_own=two"}
	c := h.load()
	for id, want := range map[string]string{
		"el8":  "http://h/8/" + baseArch(hostArch()) + "/new/stock/muc",
		"el9":  "http://h/9.4/9/4/aarch64/aarch64",
		"i386": "http://h/i586/i386",
		"env":  "http://h/one/two/dflt/$left",
	} {
		require.NoError(t, c.Repo(id).Err)
		assert.Equal(t, []string{want}, c.Repo(id).BaseURL)
	}
	assert.Equal(t, "/ca/9.4.pem", c.Repo("el9").SSLCACert)
	assert.Equal(t, "/ca/8.pem", c.Repo("el8").SSLCACert)
	require.Len(t, c.Repo("env").Warnings, 1)
	assert.Contains(t, c.Repo("env").Warnings[0].String(), "gorepo.conf:15: baseurl: $left has no value")

	h.opts.Environ = []string{"DNF_VAR_releasever=7"}
	c = h.load()
	assert.Equal(t, "/ca/7.pem", c.Repo("el8").SSLCACert, "the environment is nearer than the file")
	assert.Equal(t, "/ca/9.4.pem", c.Repo("el9").SSLCACert, "a repository's own key wins")

	h.opts.Set = []string{"releasever=6"}
	c = h.load()
	assert.Equal(t, "/ca/6.pem", c.Repo("el8").SSLCACert)
	assert.Equal(t, "/ca/9.4.pem", c.Repo("el9").SSLCACert)
	h.opts.Set = []string{"el?.releasever=10.0"}
	c = h.load()
	assert.Equal(t, "/ca/10.0.pem", c.Repo("el8").SSLCACert)
	assert.Equal(t, "/ca/10.0.pem", c.Repo("el9").SSLCACert)
}

func TestMissingReleasever(t *testing.T) {
	h := newHost(t)
	h.write("cwd/gorepo.conf", `[main]
reposdir = r
[ok]
baseurl = http://h/9
name = for $releasever
[bad]
baseurl = http://h/$releasever
[minor]
releasever = 9
baseurl = http://h/$releasever_minor
[fallback]
baseurl = http://h/${releasever:-9}
`)
	h.write("cwd/r/none", "")
	c := h.load()
	assert.NoError(t, c.Repo("ok").Err)
	assert.NoError(t, c.Repo("fallback").Err)
	require.Error(t, c.Repo("bad").Err)
	assert.Contains(t, c.Repo("bad").Err.Error(),
		`gorepo.conf:7: repository "bad": baseurl: uses $releasever, which has no value: set releasever = VERSION in [bad] or [main]`)
	assert.NotContains(t, c.Repo("bad").Err.Error(), "\n")
	require.Error(t, c.Repo("minor").Err)
	assert.Contains(t, c.Repo("minor").Err.Error(), "releasever = MAJOR.MINOR")

	h.write("etc/os-release", "ID=fedora\nVERSION_ID=42\n")
	assert.Equal(t, []string{"http://h/42"}, h.load().Repo("bad").BaseURL)
}

// What is said of served repositories holds for those that only the mirror knows
// of, too.
func TestMaxAgeAndMirrors(t *testing.T) {
	h := newHost(t)
	h.write("cwd/gorepo.conf", `[main]
max_age = 36h
mirrors = https://one.example/ http://two.example:8080/el%20x/
[a]
baseurl = /a
[b]
baseurl = /b
max_age = never
mirrors =
[c]
baseurl = /c
max_age = 7d
mirrors = https://three.example
`)
	c := h.load()
	both := []string{"https://one.example", "http://two.example:8080/el%20x"}
	assert.Equal(t, 36*time.Hour, c.Main.MaxAge)
	assert.Equal(t, both, c.Main.Mirrors)
	for id, want := range map[string]struct {
		age     time.Duration
		mirrors []string
	}{"a": {36 * time.Hour, both}, "b": {Never, nil}, "c": {7 * 24 * time.Hour, []string{"https://three.example"}}} {
		r := c.Repo(id)
		require.NoError(t, r.Err)
		assert.Equal(t, want.age, r.MaxAge, id)
		assert.ElementsMatch(t, want.mirrors, r.Mirrors, id)
	}
	h.write("cwd/gorepo.conf", "[a]\nbaseurl = /a\n")
	c = h.load()
	assert.Equal(t, 48*time.Hour, c.Main.MaxAge)
	assert.Equal(t, 48*time.Hour, c.Repo("a").MaxAge)
	assert.Empty(t, c.Repo("a").Mirrors)
}

func TestRepoErrors(t *testing.T) {
	for text, want := range map[string]string{
		"name=x":                                   `x.repo:1: repository "x": it has no baseurl`,
		"baseurl=":                                 "it has no baseurl",
		"mirrorlist=ftp://h/m":                     `x.repo:2: repository "x": mirrorlist: "ftp://h/m": ftp is not supported`,
		"metalink=m":                               `metalink: "m" is neither a URL nor an absolute path`,
		"mirrorlist=http://h/$releasever":          "mirrorlist: uses $releasever, which has no value",
		"metalink=http://h/m\npath=sub":            "path goes with a baseurl only",
		"baseurl=ftp://h/x":                        "ftp is not supported: use http, https, file",
		"baseurl=media://x":                        "media is not supported",
		"baseurl=relative/path":                    "neither a URL nor an absolute path",
		"baseurl=http:///x":                        "names no host",
		"baseurl=file://host/x":                    "is no local file",
		"baseurl=https://u:hun ter2@h/":            "",
		"baseurl=https://u:hunter2%@h/":            "is no URL",
		"baseurl=/x\ngpgcheck=1":                   "gpgcheck is on without a gpgkey",
		"baseurl=/x\npkg_gpgcheck=1":               "gpgcheck is on without a gpgkey",
		"baseurl=/x\nrepo_gpgcheck=1":              "repo_gpgcheck is on without a gpgkey",
		"baseurl=/x\ngpgkey=KEY":                   "x.repo:3: repository \"x\": gpgkey:",
		"baseurl=/x\ngpgcheck=si":                  "x.repo:3: repository \"x\": gpgcheck:",
		"baseurl=/x\nenabled=":                     "enabled:",
		"baseurl=/x\ntimeout=1w":                   "timeout:",
		"baseurl=/x\nretries=-1":                   "retries:",
		"baseurl=/x\nip_resolve=5":                 "ip_resolve:",
		"baseurl=/x\nmax_parallel_downloads=0":     "max_parallel_downloads:",
		"baseurl=/x\nsslclientkey=/k":              "sslclientkey needs a sslclientcert",
		"baseurl=/x\nsslclientcert=c":              "no absolute path",
		"baseurl=/x\nproxy_username=u":             "need each other",
		"baseurl=/x\nincludepkgs=a a>=2":           "x.repo:3: repository \"x\": includepkgs: \"a>=2\" matches no package, because of the '>'",
		"baseurl=/x\nexclude=a b[c":                "x.repo:3: repository \"x\": excludepkgs: \"b[c\" has a [ without its ]",
		"baseurl=/x\nexcludepkgs=a\n b[[:a:]]":     "classes of characters",
		"baseurl=/x\nexcludepkgs=a\\":              "ends with a backslash",
		"baseurl=/x\ngpgkey_fingerprint=AA":        "gpgkey_fingerprint: \"AA\" is no fingerprint",
		"baseurl=/x\ngpgcakey=/k":                  "vouches",
		"baseurl=/x\npath=a/../../b":               "leads out",
		"baseurl=/x\nkeep=-1":                      "x.repo:3: repository \"x\": keep: \"-1\" is no number",
		"baseurl=/x\nkeep=2\nnewest_only=1":        "x.repo:3: repository \"x\": keep = 2 and newest_only = 1 contradict",
		"baseurl=/x\nmin_buildtime=2024-02-30":     "x.repo:3: repository \"x\": min_buildtime: \"2024-02-30\" is no day",
		"baseurl=/x\nmin_buildtime=01.02.2024":     "YYYY-MM-DD",
		"baseurl=/x\nmax_age=old":                  "x.repo:3: repository \"x\": max_age: \"old\" is no duration",
		"baseurl=/x\nmirrors=file:///srv":          "x.repo:3: repository \"x\": mirrors: \"file:///srv\" is no http or https URL",
		"baseurl=/x\nmirrors=https://u:hunter2@h/": "has a login in it, and would be told to everybody",
		"baseurl=/x\nmirrors=https://h/?a=b":       "is no http or https URL of a mirror",
		"baseurl=/x\nmirrors=https:///x":           "is no http or https URL of a mirror",
	} {
		h := newHost(t)
		h.write("etc/gorepo/gorepo.conf", "[other]\nbaseurl=/o\n")
		h.write("etc/gorepo/repos.d/x.repo", "[x]\n"+text+"\n")
		c := h.load()
		require.NoError(t, c.Repo("other").Err)
		err := c.Repo("x").Err
		require.Error(t, err, text)
		assert.Contains(t, err.Error(), want, text)
		assert.NotContains(t, err.Error(), "hunter2")
		assert.NotContains(t, err.Error(), "hun ")
	}
}

func TestNeutralValues(t *testing.T) {
	h := newHost(t)
	h.write("cwd/gorepo.conf", `[main]
excludepkgs =
[x]
baseurl = /x
includepkgs =
sslverifystatus = 0
proxy_sslverify = 1
proxy_auth_method = any
throttle = 0
proxy =
path = /
sslcacert = None
metadata_expire = what
priority = 10
keepcache = 1
type = rpm-md
minrate = 0
timeout = 0
`)
	r := h.load().Repo("x")
	require.NoError(t, r.Err)
	assert.Empty(t, r.SSLCACert)
	assert.Equal(t, Never, r.Timeout)
	for _, w := range r.Warnings {
		assert.True(t, w.Note, w)
	}
}

func TestWarnings(t *testing.T) {
	h := newHost(t)
	h.write("cwd/gorepo.conf", "[main]\nreposdir = r\ngpgcheck=0\nwrokers = 3\nbaseurl=/m\nbest=1\n[x]\nbaseurl=/x\nmirrorlist=http://h/m\nenabeld=0\nbest=1\npriority=1\npassword=a$secret\n")
	h.write("cwd/r/a.repo", "[main]\ngpgcheck=1\n[y]\nbaseurl=/y1\n[x]\nbaseurl=/other\n")
	h.write("cwd/r/a-b.repo", "[y]\nbaseurl=/y2\n")
	h.write("cwd/r/broken.repo", "[z]\nbaseurl=/z\nhunter2\n")
	h.write("cwd/r/ids.repo", "[a b]\nbaseurl=/z\n[.gorepo]\nbaseurl=/z\n[fine]\nbaseurl=/fine\n")
	h.write("cwd/r/skipped.repo.rpmnew", "[q]\n")
	h.write("cwd/r/.hidden.repo", "[q]\n")
	c := h.load()
	assert.Equal(t, []string{"x", "y", "fine"}, ids(c.Repos))

	dir := filepath.Join(h.dir, "cwd")
	var got []string
	for _, w := range c.Warnings {
		got = append(got, strings.TrimPrefix(w.String(), dir+"/"))
	}
	assert.Equal(t, []string{
		`gorepo.conf:4: unknown key "wrokers"`,
		"gorepo.conf:5: baseurl has no meaning in [main]",
		"r/a.repo:1: [main] is passed over in a .repo file: it belongs into gorepo.conf",
		`r/a.repo:5: repository "x" is passed over: it is already at ` + dir + "/gorepo.conf:7",
		`r/a-b.repo:1: repository "y" is passed over: it is already at ` + dir + "/r/a.repo:3",
	}, got)

	got = nil
	for _, w := range c.Repo("x").Warnings {
		if !w.Note {
			got = append(got, strings.TrimPrefix(w.String(), dir+"/"))
		}
	}
	assert.Equal(t, []string{
		`gorepo.conf:10: unknown key "enabeld"`,
		"gorepo.conf:11: best has no meaning in a repository",
	}, got)

	require.Len(t, c.Errors, 3)
	assert.Contains(t, c.Errors[0].Error(), `r/broken.repo:3: no "="`)
	assert.NotContains(t, c.Errors[0].Error(), "hunter2")
	assert.Contains(t, c.Errors[1].Error(), `r/ids.repo:1: repository [a b]:`)
	assert.Contains(t, c.Errors[2].Error(), `r/ids.repo:3: repository [.gorepo]:`)
}

func TestIDWithVariable(t *testing.T) {
	h := newHost(t)
	h.write("cwd/gorepo.conf", "[main]\nreleasever=9\n[epel-$releasever]\nbaseurl=/x\n[x-$nope]\nbaseurl=/x\n")
	c := h.load()
	assert.Equal(t, []string{"epel-9"}, ids(c.Repos))
	require.Len(t, c.Errors, 1)
}

func TestSet(t *testing.T) {
	h := newHost(t)
	h.write("cwd/gorepo.conf", "[a.b]\nbaseurl=/x\n[c]\nbaseurl=/x\ngpgcheck=0\n")
	h.opts.Set = []string{"a.b.baseurl=/y=z", "gpgkey=/k"}
	h.fails("--setopt gpgkey: gpgkey is a repository's key")
	h.opts.Set = []string{"a.b.baseurl=/y=z", "timeout = 5", "*.gpgkey=/k", "gpgcheck=1"}
	c := h.load()
	ab, cc := c.Repo("a.b"), c.Repo("c")
	assert.Equal(t, []string{"/y=z"}, ab.BaseURL)
	assert.Equal(t, 5*time.Second, ab.Timeout)
	assert.Equal(t, []string{"/k"}, cc.GPGKeys)
	assert.True(t, ab.GPGCheck)
	assert.False(t, cc.GPGCheck, "an override of [main] is a default still")

	for set, want := range map[string]string{
		"timeout":       "--setopt timeout: it should be key=value",
		"include=/x":    "--setopt include: include belongs into a file",
		"c.workers=1":   "workers is a key of [main]",
		"timeout=soon":  "--setopt timeout: timeout:",
		"excludepkgs=(": "--setopt excludepkgs:",
	} {
		h.opts.Set = []string{set}
		h.fails(want)
	}
	h.opts.Set = []string{"c.timeout=soon"}
	assert.ErrorContains(t, h.load().Repo("c").Err, `--setopt c.timeout: repository "c": timeout:`)
}

func TestSelect(t *testing.T) {
	c := &Config{Path: "/etc/gorepo.conf", Repos: []*Repo{
		{ID: "epel-8", Enabled: true}, {ID: "epel-9"}, {ID: "baseos", Enabled: true},
	}}
	for _, test := range []struct {
		patterns, want []string
	}{
		{nil, []string{"epel-8", "baseos"}},
		{[]string{"epel-9"}, []string{"epel-9"}},
		{[]string{"baseos", "epel-*"}, []string{"epel-8", "epel-9", "baseos"}},
		{[]string{"epel-[89]", "epel-8"}, []string{"epel-8", "epel-9"}},
	} {
		got, err := c.Select(test.patterns)
		require.NoError(t, err)
		assert.Equal(t, test.want, ids(got))
	}
	_, err := c.Select([]string{"epel-8", "bsaeos", "nothing", "[a"})
	var unknown *UnknownRepoError
	require.ErrorAs(t, err, &unknown)
	assert.Equal(t, "baseos", unknown.Near)
	assert.Contains(t, err.Error(), `unknown repository "bsaeos" in /etc/gorepo.conf: is "baseos" meant?`)
	assert.Contains(t, err.Error(), `unknown repository "nothing"`)
	assert.Contains(t, err.Error(), `unknown repository "[a"`)
}

func TestSignKeys(t *testing.T) {
	h := newHost(t)
	h.write("etc/gorepo/gorepo.conf", `[main]
sign_key=/k/$releasever
sign_passphrase_file=/p
[key]
baseurl=http://h/
releasever=9
[with]
baseurl=http://h/
releasever=9
sign_with=gpg:0xABC!
[none]
baseurl=http://h/
sign_key=
[both]
baseurl=http://h/
sign_key=/k
sign_with=gpg:X
[bad]
baseurl=http://h/
sign_with=pgp:X
[missing]
baseurl=http://h/
`)
	c := h.load()
	for id, want := range map[string][3]string{
		"key":  {"/k/9", "", "/p"},
		"with": {"", "gpg:0xABC!", "/p"},
		"none": {"", "", "/p"},
	} {
		r := c.Repo(id)
		require.NoError(t, r.Err, id)
		require.NoError(t, r.BuildErr, id)
		assert.Equal(t, want, [3]string{r.SignKey, r.SignWith, r.SignPassphraseFile}, id)
	}
	for id, text := range map[string]string{"both": "leave one out", "bad": "gpg:KEYID", "missing": "$releasever"} {
		require.ErrorContains(t, c.Repo(id).BuildErr, text, id)
		require.ErrorContains(t, c.Repo(id).Err, text, id)
	}
}

// As in libdnf: the metalink, else the mirrorlist, which may be a metalink by its
// name; baseurl goes along.
func TestMirrorList(t *testing.T) {
	for text, want := range map[string]struct {
		list     string
		metalink bool
		baseurl  int
	}{
		"baseurl=/x": {"", false, 1},
		"mirrorlist=http://h/list?arch=$basearch":       {"http://h/list?arch=x86_64", false, 0},
		"mirrorlist=http://h/metalink?repo=x":           {"http://h/metalink?repo=x", true, 0},
		"metalink=/srv/m.xml\nmirrorlist=http://h/list": {"/srv/m.xml", true, 0},
		"mirrorlist=file:///srv/list\nbaseurl=/x":       {"file:///srv/list", false, 1},
		"metalink=\nmirrorlist=http://h/list\nbaseurl=": {"http://h/list", false, 0},
	} {
		h := newHost(t)
		h.write("cwd/gorepo.conf", "[main]\nreposdir=r\nbasearch=x86_64\n[x]\n"+text+"\n")
		h.write("cwd/r/none", "")
		r := h.load().Repo("x")
		require.NoError(t, r.Err, text)
		list, metalink := r.MirrorList()
		assert.Equal(t, want.list, list, text)
		assert.Equal(t, want.metalink, metalink, text)
		assert.Len(t, r.BaseURL, want.baseurl, text)
	}
}
