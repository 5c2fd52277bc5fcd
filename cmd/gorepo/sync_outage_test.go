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
	for _, tt := range []struct {
		name   string
		host   func(i int) string
		keys   string
		more   string // another repository, at the end
		status int
		says   string // the last line
	}{
		{"one host refuses", func(int) string { return refused }, "", "", 1, "nobody answers at " + refused},
		{"one host is silent", func(int) string { return mute }, "", "", 1, "nobody answers at " + mute},
		{"one host is silent and another is not", func(int) string { return mute }, "", section("good", good), 2, "nobody answers at " + mute},
		{"no names", func(i int) string { return fmt.Sprintf("host%d.invalid", i) }, "", "", 1, "hosts: is the network down?"},
		{"no names and a directory", func(i int) string { return fmt.Sprintf("host%d.invalid", i) }, "", "[local]\nbaseurl=file://" + t.TempDir(), 1, "hosts: is the network down?"},
		{"the host of a key is silent", func(int) string { return strings.TrimPrefix(good.URL, "http://") }, "gpgcheck=1\ngpgkey=http://" + mute + "/KEY", section("good", good), 2, "nobody answers at " + mute},
		{"they need not be there", func(int) string { return refused }, "skip_if_unavailable=1", "", 0, "nobody answers at " + refused},
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
			assert.LessOrEqual(t, len(lines), 2*repositoriesAtOnce+2, o.stderr)
			assert.Contains(t, lines[len(lines)-1], "more repositories are not tried: nobody answers at ")
			assert.True(t, strings.HasSuffix(lines[len(lines)-1], tt.says), lines[len(lines)-1])
			if strings.Contains(tt.more, "[good]") {
				assert.Len(t, s.packages("good"), 1)
			}
			status, of := s.summaries("sync")
			assert.Equal(t, tt.status, status)
			assert.GreaterOrEqual(t, len(of), many, "each has its event")
			assert.Contains(t, []string{"failed", "unchanged"}, of["r59"].Outcome)
		})
	}
}
