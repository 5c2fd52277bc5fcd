package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"gorepo/internal/testrepo"
)

// Many repositories and nobody there: bounded time, few lines, and each of the
// repositories is accounted for.
func TestOutage(t *testing.T) {
	t.Parallel()
	const many = 60
	good := testrepo.New(t, testrepo.Options{}, rpms(t, hello212)...)
	refused, mute := address(t), silent(t)
	var silentHosts [8]string
	for i := range silentHosts {
		silentHosts[i] = silent(t)
	}
	for _, tt := range []struct {
		name   string
		host   func(i int) string
		keys   string
		more   string // another repository, at the end
		status int
		lines  int    // at most
		says   string // the last line
	}{
		{"one host refuses", func(int) string { return refused }, "", "", 1, 1, "no server answers, is the network down? 60 repositories are not synced: http://" + refused},
		{"one host is silent", func(int) string { return mute }, "", "", 1, 1, "no server answers, is the network down? 60 repositories are not synced: http://" + mute},
		{"one host is silent and another is not", func(int) string { return mute }, "", section("good", good), 2, 2*repositoriesAtOnce + 2, "more repositories are not tried: nobody answers at " + mute},
		{"eight are silent and another is not", func(i int) string { return silentHosts[i%8] }, "", section("good", good), 2, 32 + 1, "more repositories are not tried: nobody answers at "},
		{"no names", func(i int) string { return fmt.Sprintf("host%d.invalid", i) }, "", "", 1, 1, "no server answers, is the network down? 60 repositories are not synced"},
		{"no names and a directory", func(i int) string { return fmt.Sprintf("host%d.invalid", i) }, "", "[local]\nbaseurl=file://" + t.TempDir(), 1, 2, "no server answers, is the network down? 60 repositories are not synced"},
		{"the host of a list is silent", func(int) string { return refused }, "mirrorlist=http://" + mute + "/list", "", 1, repositoriesAtOnce + 1, "no server answers, is the network down? 60 repositories"},
		{"the host of a key is silent", func(int) string { return strings.TrimPrefix(good.URL, "http://") }, "gpgcheck=1\ngpgkey=http://" + mute + "/KEY", section("good", good), 2, 2*repositoriesAtOnce + 2, "more repositories are not tried: nobody answers at " + mute},
		{"they need not be there", func(int) string { return refused }, "skip_if_unavailable=1", "", 0, 1, "gorepo: warning: no server answers"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var sections []string
			for i := range many {
				sections = append(sections, fmt.Sprintf("[r%02d]\nbaseurl=http://%s/r%d\ntimeout=0.2\n%s", i, tt.host(i), i, tt.keys))
			}
			s := newSite(t, append(sections, tt.more)...)
			start := time.Now()
			o := s.run("sync")
			assert.Less(t, time.Since(start), 10*time.Second)
			assert.Equal(t, tt.status, o.status, o.stderr)
			lines := o.lines()
			assert.LessOrEqual(t, len(lines), tt.lines, o.stderr)
			assert.Contains(t, lines[len(lines)-1], tt.says, o.stderr)
			if strings.Contains(tt.more, "[good]") {
				assert.Len(t, s.packages("good"), 1)
			}
			status, of := s.summaries("sync")
			assert.Equal(t, tt.status, status)
			assert.GreaterOrEqual(t, len(of), many, "each has its event")
			outcome := "failed"
			if tt.status == 0 {
				outcome = "skipped"
				assert.Empty(t, s.run("sync", "-q").stderr, "no failure")
			}
			assert.Equal(t, outcome, of["r59"].Outcome)
		})
	}
}
