package config

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"gorepo/internal/testrepo/peer"
)

// libdnfQuestion and libdnfAnswer are what testdata/asklibdnf.py reads and writes.
type libdnfQuestion struct {
	INI     []string            `json:"ini,omitempty"`
	Vars    Vars                `json:"vars,omitempty"`
	Expand  []string            `json:"expand,omitempty"`
	Types   map[string][]string `json:"types,omitempty"`
	Main    string              `json:"main,omitempty"`
	Options []string            `json:"options,omitempty"`
	Binds   bool                `json:"binds,omitempty"`
}

type libdnfAnswer struct {
	INI    []map[string]map[string]string `json:"ini"`
	Expand []string                       `json:"expand"`
	Types  map[string]map[string]*string  `json:"types"`
	Repos  map[string]map[string]string   `json:"repos"`
	Binds  map[string][]string            `json:"binds"`
}

// askLibdnf runs libdnf's Python binding, which belongs to the system's own
// python3 and not to one that comes first in PATH.
func askLibdnf(t *testing.T, q libdnfQuestion) libdnfAnswer {
	t.Helper()
	python := "/usr/bin/python3"
	if exec.Command(python, "-c", "import libdnf, dnf").Run() != nil {
		python = peer.Need(t, "python3")
		if exec.Command(python, "-c", "import libdnf, dnf").Run() != nil {
			peer.Missing(t, "python3-libdnf", "apt-get install python3-dnf python3-libdnf")
		}
	}
	question, err := json.Marshal(q)
	require.NoError(t, err)
	cmd := exec.Command(python, "testdata/asklibdnf.py")
	cmd.Stdin = bytes.NewReader(question)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.Env = append(os.Environ(), "DNF_VAR_own=two", "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var a libdnfAnswer
	require.NoError(t, json.Unmarshal(out, &a))
	return a
}

// TestKeysOfLibdnf has every key that the real libdnf knows: a setting, a hint or a
// refusal, and where libdnf knows it.
func TestKeysOfLibdnf(t *testing.T) {
	binds := askLibdnf(t, libdnfQuestion{Binds: true}).Binds
	assert.Greater(t, len(binds["main"]), 100)
	assert.Greater(t, len(binds["repo"]), 40)
	for _, name := range binds["main"] {
		assert.NotZero(t, keys[name].scope&inMain, "%s in [main]", name)
	}
	for _, name := range binds["repo"] {
		assert.NotZero(t, keys[name].scope&inRepo, "%s in a repository", name)
	}
}

func TestINIAgainstLibdnf(t *testing.T) {
	var q libdnfQuestion
	for _, c := range iniCases {
		q.INI = append(q.INI, base64.StdEncoding.EncodeToString([]byte(c.text)))
	}
	a := askLibdnf(t, q)
	require.Len(t, a.INI, len(iniCases))
	for i, c := range iniCases {
		var theirs map[string]map[string]string
		if a.INI[i] != nil {
			theirs = map[string]map[string]string{}
		}
		for name, section := range a.INI[i] {
			theirs[name] = map[string]string{}
			for key, value := range section {
				text, err := base64.StdEncoding.DecodeString(value)
				require.NoError(t, err)
				theirs[name][key] = string(text)
			}
		}
		var ours map[string]map[string]string
		if sections, err := parseINI("x", []byte(c.text)); err == nil {
			ours = flat(sections)
		}
		if c.deviates != "" {
			assert.NotEqual(t, theirs, ours, "%q: no longer a deviation", c.text)
			continue
		}
		assert.Equal(t, theirs, ours, "%q", c.text)
	}
}

func TestVarsAgainstLibdnf(t *testing.T) {
	q := libdnfQuestion{Vars: testVars}
	for _, c := range varCases {
		q.Expand = append(q.Expand, c[0])
	}
	for i, theirs := range askLibdnf(t, q).Expand {
		ours, err := testVars.Expand(q.Expand[i])
		require.NoError(t, err)
		assert.Equal(t, theirs, ours, "%q", q.Expand[i])
	}
}

func TestTypesAgainstLibdnf(t *testing.T) {
	tables := map[string]typed{"gpgcheck": boolValues, "timeout": durationValues, "bandwidth": byteValues}
	q := libdnfQuestion{Types: map[string][]string{}}
	for option, table := range tables {
		q.Types[option] = slices.Collect(maps.Keys(table))
	}
	a := askLibdnf(t, q)
	for option, table := range tables {
		for value, want := range table {
			got := a.Types[option][value]
			if want == "" {
				assert.Nil(t, got, "%s=%q", option, value)
			} else if assert.NotNil(t, got, "%s=%q", option, value) {
				assert.Equal(t, want, *got, "%s=%q", option, value)
			}
		}
	}
}

// TestRepositoriesAgainstDNF resolves whole files as dnf does: defaults from
// [main], files in order, the same id twice, variables, lists, quotes.
func TestRepositoriesAgainstDNF(t *testing.T) {
	h := newHost(t)
	dir := h.dir + "/r"
	h.opts.Environ = []string{"DNF_VAR_own=two"}
	h.opts.Path = h.write("main.conf", `[main]
reposdir = `+dir+`
varsdir = `+h.dir+`/vars
releasever = 9
gpgcheck = yes
timeout = 1m
minrate = 2k
user_agent = "agent 1"
[inmain]
name = of $releasever
baseurl = http://h/${releasever}/$own/$var/$nope
gpgkey = /k
`)
	h.write("vars/var", "three\nfour\n")
	h.write("r/b.repo", "[main]\ngpgcheck=0\n[b-$own]\nname = two\n  lines\nbaseurl = http://h/1,http://h/2\n http://h/3 /srv/4\ngpgcheck = off\ntimeout=2\n\n[dup]\nname=first\nbaseurl=/one\nenabled=0\n")
	h.write("r/b-a.repo", "[dup]\nname=second\nbaseurl=/two\n[same]\nname=1\nbaseurl=/1\ngpgkey=/k\n[other]\nname=o\nbaseurl=/o\nenabled=1\nenabled=no\ngpgkey=/k\n[same]\nbaseurl=/2\n")
	h.write("r/broken.repo", "[lost]\nname=l\nbaseurl=/l\nno equal sign\n")
	h.write("r/bad.repo", "[not good]\nname=l\nbaseurl=/l\n[good]\nname=g\nbaseurl=/g\ngpgkey = /a, file:///b\n")

	options := []string{"name", "enabled", "gpgcheck", "repo_gpgcheck", "timeout", "minrate", "user_agent", "retries", "sslverify", "skip_if_unavailable"}
	a := askLibdnf(t, libdnfQuestion{Main: h.opts.Path, Options: options, Vars: Vars{"releasever": "9"}})
	delete(a.Repos, "_dnf_local") // a plugin's
	ours := map[string]map[string]string{}
	number := func(b bool) string {
		if b {
			return "1"
		}
		return "0"
	}
	for _, r := range h.load().Repos {
		urls := make([]string, len(r.BaseURL))
		for i, u := range r.BaseURL {
			if strings.HasPrefix(u, "/") {
				u = "file://" + u
			}
			urls[i] = u
		}
		ours[r.ID] = map[string]string{
			"name": r.Name, "enabled": number(r.Enabled), "gpgcheck": number(r.GPGCheck),
			"repo_gpgcheck": number(r.RepoGPGCheck), "timeout": fmt.Sprint(r.Timeout.Seconds()),
			"minrate": strconv.FormatInt(r.MinRate, 10), "user_agent": r.UserAgent, "retries": strconv.Itoa(r.Retries),
			"sslverify": number(r.SSLVerify), "skip_if_unavailable": number(r.SkipIfUnavailable),
			"baseurl": strings.Join(urls, " "),
		}
	}
	if two := a.Repos["b-two"]; assert.NotNil(t, two) {
		assert.Equal(t, "two\nlines", two["name"])
		two["name"] = "two lines" // a name is shown in one line here
	}
	assert.Equal(t, a.Repos, ours)
}
