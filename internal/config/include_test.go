package config

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestInclude(t *testing.T) {
	h := newHost(t)
	h.write("cwd/gorepo.conf", "[main]\nreposdir=none\ntimeout=1\nretries=1\ninclude=sub/one.conf\ninclude = file://"+h.dir+"/two.conf\nretries=2\n[a]\nbaseurl=/a\n")
	h.write("cwd/sub/one.conf", "[main]\ninclude=deep.conf\ntimeout=2\nretries=3\nminrate=1\nuser_agent=one\n[b]\nbaseurl=/b\n[a]\nbaseurl=/other\n")
	h.write("cwd/sub/deep.conf", "[main]\ntimeout=3\nuser_agent=deep\nip_resolve=4\n")
	h.write("two.conf", "[main]\nminrate=2\n")
	c := h.load()
	assert.Equal(t, []string{"a", "b"}, ids(c.Repos))
	a := c.Repo("b")
	assert.Equal(t, 2.0, a.Timeout.Seconds(), "a line counts where the include stands: behind timeout=1, and the one behind deep.conf's")
	assert.Equal(t, 2, a.Retries, "what follows the include goes before it")
	assert.Equal(t, "one", a.UserAgent)
	assert.Equal(t, "4", a.IPResolve)
	assert.Equal(t, int64(2), a.MinRate, "of two includes the later")
	assert.Equal(t, []string{"/a"}, c.Repo("a").BaseURL)
}

func TestIncludeErrors(t *testing.T) {
	h := newHost(t)
	h.write("loop.conf", "[main]\ninclude=loop2.conf\n")
	h.write("loop2.conf", "[main]\n\ninclude=loop.conf\n")
	h.write("bad.conf", "[main]\nno equal sign\n")
	h.write("value.conf", "[main]\ntimeout=soon\n")
	for i := range maxIncluded + 2 {
		h.write(fmt.Sprintf("many%d.conf", i), fmt.Sprintf("[main]\ninclude=many%d.conf\n", i+1))
	}
	for value, want := range map[string]string{
		"http://u:hunter2@h/x": "gorepo.conf:2: include: http://***@h/x: only local files are read",
		"missing.conf":         "gorepo.conf:2: include: ",
		"../loop.conf":         "loop2.conf:3: include: " + h.dir + "/loop.conf includes itself",
		"../bad.conf":          "bad.conf:2: no",
		"../value.conf":        "value.conf:2: timeout:",
		"../many0.conf":        "more than 100 files",
		"/x/$releasever":       "no variables",
	} {
		h.write("cwd/gorepo.conf", "[main]\ninclude="+value+"\n")
		h.fails(want)
	}
	// In a .repo file it is a key of the wrong place.
	h.write("cwd/gorepo.conf", "[main]\nreposdir=r\n")
	h.write("cwd/r/x.repo", "[x]\nbaseurl=/x\ninclude=/etc/passwd\n")
	assert.Contains(t, h.load().Repo("x").Warnings[0].String(), "include has no meaning in a repository")
}
